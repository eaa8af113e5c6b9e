/*
 * provider: operations of one's own, with timeout, cancel and callback like those of the library.
 *
 * A queue of bounded room offers two of them: queue_put and queue_get. What a provider does for each:
 *
 *     nng_aio_begin    accept the operation; if that is refused, there is none
 *     nng_aio_finish   if it can be done at once
 *     nng_aio_defer    else: name the function that ends it early, and keep it in a list
 *     nng_aio_finish   when it is done, or when that function is called: whoever unlinks it first
 *
 * The program does one thing after the other; then a producer and some consumers, whose callbacks start
 * their aios again, run at once. The output is always the same. A timeout of 0 is left out: a provider
 * does not hear of it, as nng_aio_defer returns nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

static const char help[] =
    "Puts numbers into a queue and gets them: at once, later, too late, and cancelled.\n"
    "\n"
    "Usage: provider [--help]\n";

enum { ROOM = 2, WAITERS = 16, CONSUMERS = 4, NUMBERS = 1000, TIMEOUT = 20 /* ms */ };

/* Operations that wait, the oldest first. */
struct waiters {
    nng_aio *aios[WAITERS];
    size_t   count;
};

struct queue {
    nng_mtx       *mtx;
    void          *values[ROOM];
    size_t         count;
    struct waiters getting; /* some only if there is no value */
    struct waiters putting; /* some only if there is no room */
    bool           closed;
};

/* Unlinks an operation, or the oldest one, and returns it: or NULL if it is not there. */
static nng_aio *unlink_waiter(struct waiters *waiters, const nng_aio *wanted)
{
    size_t at;

    for (at = 0; at < waiters->count; at++) {
        nng_aio *aio = waiters->aios[at];

        if (wanted == NULL || wanted == aio) {
            waiters->count--;
            memmove(&waiters->aios[at], &waiters->aios[at + 1],
                (waiters->count - at) * sizeof(waiters->aios[0]));
            return aio;
        }
    }
    return NULL;
}

/* What cancel, abort, stop, free and the timeout call; on their threads, and perhaps too late. */
static void queue_cancel(nng_aio *aio, void *arg, int err)
{
    struct queue *queue = arg;

    nng_mtx_lock(queue->mtx);
    if (unlink_waiter(&queue->getting, aio) || unlink_waiter(&queue->putting, aio)) {
        nng_aio_finish(aio, err); /* callbacks run on other threads: the mutex may be held */
    }
    nng_mtx_unlock(queue->mtx);
}

/* With the mutex held, so that a cancel that comes at once finds the operation in the list. */
static void queue_wait(struct queue *queue, struct waiters *waiters, nng_aio *aio)
{
    if (waiters->count == WAITERS) {
        nng_aio_finish(aio, NNG_ENOMEM);
    } else {
        nng_aio_defer(aio, queue_cancel, queue);
        waiters->aios[waiters->count++] = aio;
    }
}

/* Puts input 0 of the aio into the queue, once there is room. */
static void queue_put(struct queue *queue, nng_aio *aio)
{
    nng_aio *getter;

    if (!nng_aio_begin(aio)) {
        return;
    }
    nng_mtx_lock(queue->mtx);
    if (queue->closed) {
        nng_aio_finish(aio, NNG_ECLOSED);
    } else if ((getter = unlink_waiter(&queue->getting, NULL)) != NULL) {
        nng_aio_set_output(getter, 0, nng_aio_get_input(aio, 0));
        nng_aio_finish(getter, 0); /* after this the getter's aio is not ours any more */
        nng_aio_finish(aio, 0);
    } else if (queue->count < ROOM) {
        queue->values[queue->count++] = nng_aio_get_input(aio, 0);
        nng_aio_finish(aio, 0);
    } else {
        queue_wait(queue, &queue->putting, aio);
    }
    nng_mtx_unlock(queue->mtx);
}

/* Gets the oldest value, once there is one: output 0 of the aio. */
static void queue_get(struct queue *queue, nng_aio *aio)
{
    nng_aio *putter;

    if (!nng_aio_begin(aio)) {
        return;
    }
    nng_mtx_lock(queue->mtx);
    if (queue->count > 0) {
        nng_aio_set_output(aio, 0, queue->values[0]);
        nng_aio_finish(aio, 0);
        queue->count--;
        memmove(&queue->values[0], &queue->values[1], queue->count * sizeof(queue->values[0]));
        if ((putter = unlink_waiter(&queue->putting, NULL)) != NULL) {
            queue->values[queue->count++] = nng_aio_get_input(putter, 0);
            nng_aio_finish(putter, 0);
        }
    } else if (queue->closed) {
        nng_aio_finish(aio, NNG_ECLOSED);
    } else {
        queue_wait(queue, &queue->getting, aio);
    }
    nng_mtx_unlock(queue->mtx);
}

/* Ends what waits. Values that are in the queue can still be got. */
static void queue_close(struct queue *queue)
{
    nng_aio *aio;

    nng_mtx_lock(queue->mtx);
    queue->closed = true;
    while ((aio = unlink_waiter(&queue->getting, NULL)) ||
        (aio = unlink_waiter(&queue->putting, NULL))) {
        nng_aio_finish(aio, NNG_ECLOSED);
    }
    nng_mtx_unlock(queue->mtx);
}

static void put(struct queue *queue, nng_aio *aio, intptr_t value)
{
    nng_aio_set_input(aio, 0, (void *) value);
    queue_put(queue, aio);
}

static void print(const char *what, nng_aio *aio)
{
    nng_aio_wait(aio);
    printf("%s: %d (%s)", what, nng_aio_result(aio), nng_strerror(nng_aio_result(aio)));
    if (nng_aio_get_output(aio, 0) != NULL) {
        printf(", value %d", (int) (intptr_t) nng_aio_get_output(aio, 0));
    }
    printf("\n");
}

/* One thing after the other. */
static void walk(struct queue *queue, nng_aio **aios)
{
    nng_aio_set_timeout(aios[0], TIMEOUT);
    queue_get(queue, aios[0]);
    print("get, nothing comes in time", aios[0]);
    nng_aio_set_timeout(aios[0], NNG_DURATION_INFINITE);
    queue_get(queue, aios[0]);
    nng_aio_cancel(aios[0]);
    print("get, cancelled", aios[0]);
    queue_get(queue, aios[0]);
    nng_aio_abort(aios[0], 1234);
    print("get, aborted with 1234", aios[0]);
    queue_get(queue, aios[0]);
    queue_get(queue, aios[1]);
    put(queue, aios[2], 1);
    print("put, two wait", aios[2]);
    put(queue, aios[2], 2);
    print("put, one waits", aios[2]);
    print("get, the first that waited", aios[0]);
    print("get, the second that waited", aios[1]);
    put(queue, aios[0], 3);
    print("put, there is room for two", aios[0]);
    put(queue, aios[0], 4);
    print("put, there is room for one", aios[0]);
    nng_aio_set_timeout(aios[0], TIMEOUT);
    put(queue, aios[0], 5);
    print("put, no room in time", aios[0]);
    nng_aio_set_timeout(aios[0], NNG_DURATION_INFINITE);
    put(queue, aios[0], 6);
    queue_get(queue, aios[1]);
    print("get, it was there", aios[1]);
    print("put, that made room", aios[0]);
    queue_get(queue, aios[1]);
    print("get, it was there", aios[1]);
    queue_get(queue, aios[1]);
    print("get, the one that waited for room", aios[1]);
    nng_aio_stop(aios[3]);
    queue_get(queue, aios[3]);
    print("get, with an aio that is stopped", aios[3]);
}

struct consumer {
    struct queue *queue;
    nng_aio      *aio;
    long          count, sum;
};

/* The callback of a consumer. */
static void consume(void *arg)
{
    struct consumer *consumer = arg;

    if (nng_aio_result(consumer->aio) == 0) {
        consumer->count++;
        consumer->sum += (long) (intptr_t) nng_aio_get_output(consumer->aio, 0);
        queue_get(consumer->queue, consumer->aio); /* until the queue is closed */
    }
}

/* Many things at once: callbacks consume what this thread puts. */
static int crowd(struct queue *queue, nng_aio *put_aio)
{
    struct consumer consumers[CONSUMERS] = { { .aio = NULL } };
    long            count = 0, sum = 0;
    int             at, rv = 0;

    for (at = 0; at < CONSUMERS && rv == 0; at++) {
        consumers[at].queue = queue;
        if ((rv = nng_aio_alloc(&consumers[at].aio, consume, &consumers[at])) == 0) {
            queue_get(queue, consumers[at].aio);
        }
    }
    for (at = 1; at <= NUMBERS && rv == 0; at++) {
        put(queue, put_aio, at);
        nng_aio_wait(put_aio);
        rv = nng_aio_result(put_aio);
    }
    queue_close(queue);
    for (at = 0; at < CONSUMERS && consumers[at].aio != NULL; at++) {
        nng_aio_wait(consumers[at].aio); /* it has found the queue closed, and empty */
        count += consumers[at].count;
        sum += consumers[at].sum;
        nng_aio_free(consumers[at].aio);
    }
    printf("%d consumers: %ld numbers, sum %ld\n", CONSUMERS, count, sum);
    put(queue, put_aio, 1);
    print("put, the queue is closed", put_aio);
    return rv;
}

int main(int argc, char **argv)
{
    static struct queue queue;
    nng_aio            *aios[4] = { NULL, NULL, NULL, NULL };
    int                 at, rv;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "provider: `%s` is one argument too many; --help says more\n", argv[1]);
        return 2;
    }
    rv = nng_mtx_alloc(&queue.mtx);
    for (at = 0; at < 4 && rv == 0; at++) {
        rv = nng_aio_alloc(&aios[at], NULL, NULL); /* without callbacks: they are waited for */
    }
    if (rv == 0) {
        walk(&queue, aios);
        rv = crowd(&queue, aios[0]);
    }
    if (rv != 0) {
        fprintf(stderr, "provider: %s\n", nng_strerror(rv));
    }
    for (at = 0; at < 4; at++) {
        nng_aio_free(aios[at]); /* NULL is fine */
    }
    nng_mtx_free(queue.mtx);
    nng_fini();
    return rv == 0 ? 0 : 1;
}
