// What threads do to each other's operations and streams, all at once, for a number of seconds.
//
//     misuse [SECONDS]
//
// Each thread plays one game after the other, by chance, on objects of its own or on such that all
// share. Nothing is said about who wins; every operation that began has one callback, every wait
// returns, and nothing crashes. Best run under a sanitizer or valgrind, too.

#include "streams.h"

#include <nng/supplemental/util/platform.h>

#define THREADS 16
#define SHARED 8

static int64_t deadline;
static char much[1 << 18];

// Chance of a thread's own.
static uint32_t chance(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

struct counted {
    nng_aio *aio;
    struct gate calls;
    int again;
};

static void counts(void *arg)
{
    struct counted *c = arg;

    gate_pass(&c->calls);
}

static void counts_and_restarts(void *arg)
{
    struct counted *c = arg;

    gate_pass(&c->calls);
    if (c->again > 0) {
        c->again--;
        nng_sleep_aio(0, c->aio);
    }
}

static void counted_init(struct counted *c, void (*callback)(void *))
{
    gate_init(&c->calls);
    c->again = 0;
    CHECK_EQ(nng_aio_alloc(&c->aio, callback, c), 0);
}

// A sleep that is ended in one of many ways has one callback.
static void game_sleep(uint32_t *state)
{
    struct counted c;
    int result;

    counted_init(&c, counts);
    for (int i = 1; i <= 20; i++) {
        nng_aio_set_timeout(c.aio, chance(state) % 4 == 0 ? (nng_duration)(chance(state) % 3) : -1);
        nng_sleep_aio((nng_duration)(chance(state) % 3), c.aio);
        switch (chance(state) % 4) {
        case 0:
            nng_aio_cancel(c.aio);
            break;
        case 1:
            nng_aio_abort(c.aio, 1234);
            break;
        default:
            break;
        }
        nng_aio_wait(c.aio);
        result = nng_aio_result(c.aio);
        CHECK_EQ(gate_count(&c.calls), i);
        CHECK(result == 0 || result == NNG_ECANCELED || result == 1234 || result == NNG_ETIMEDOUT);
    }
    nng_sleep_aio(10000, c.aio);
    if (chance(state) % 2) {
        nng_aio_stop(c.aio);
        nng_sleep_aio(0, c.aio);
    }
    nng_aio_free(c.aio);
    CHECK_EQ(gate_count(&c.calls), 21);
}

static void game_chain(uint32_t *state)
{
    struct counted c;

    counted_init(&c, counts_and_restarts);
    c.again = (int) (chance(state) % 50);
    nng_sleep_aio(0, c.aio);
    if (chance(state) % 2) {
        nng_aio_stop(c.aio);
    }
    nng_aio_free(c.aio);
    CHECK(gate_count(&c.calls) >= 1);
}

// Those that free or reap themselves.
struct gone {
    nng_aio *aio;
    struct gate done;
    bool reaps;
};

static void goes(void *arg)
{
    struct gone *gone = arg;

    if (gone->reaps) {
        nng_aio_reap(gone->aio);
    } else {
        nng_aio_free(gone->aio);
    }
    gate_pass(&gone->done);
}

static void game_gone(uint32_t *state)
{
    struct gone gone;

    gate_init(&gone.done);
    gone.reaps = chance(state) % 2;
    CHECK_EQ(nng_aio_alloc(&gone.aio, goes, &gone), 0);
    nng_sleep_aio((nng_duration)(chance(state) % 2), gone.aio);
    gate_await(&gone.done, 1);
}

// An own provider, whose operation ends by itself or by being asked to.
struct held {
    pthread_mutex_t lock;
    nng_aio *aio;
};

static void is_canceled(nng_aio *aio, void *arg, int code)
{
    struct held *held = arg;
    bool mine;

    pthread_mutex_lock(&held->lock);
    mine = held->aio == aio;
    held->aio = NULL;
    pthread_mutex_unlock(&held->lock);
    if (mine) {
        nng_aio_finish(aio, code);
    }
}

static void game_provider(uint32_t *state)
{
    struct held held = { PTHREAD_MUTEX_INITIALIZER, NULL };
    struct counted c;
    nng_aio *mine;

    counted_init(&c, counts);
    for (int i = 1; i <= 20; i++) {
        uint32_t dice = chance(state) % 5;

        nng_aio_set_timeout(c.aio, (nng_duration)(chance(state) % 4) - 1);
        CHECK(nng_aio_begin(c.aio));
        if (chance(state) % 4 == 0) {
            nng_aio_abort(c.aio, 77);
        }
        // Under the lock, as providers do: a refusal is not told on this thread.
        pthread_mutex_lock(&held.lock);
        held.aio = c.aio;
        nng_aio_defer(c.aio, is_canceled, &held);
        pthread_mutex_unlock(&held.lock);
        if (dice == 0) {
            nng_aio_cancel(c.aio);
        }
        pthread_mutex_lock(&held.lock);
        mine = held.aio;
        held.aio = NULL;
        pthread_mutex_unlock(&held.lock);
        if (mine) {
            nng_aio_finish(mine, 0);
        }
        nng_aio_wait(c.aio);
        CHECK_EQ(gate_count(&c.calls), i);
    }
    nng_aio_free(c.aio);
}

// Everybody asks for everything of a few operations.
static struct counted shared[SHARED];

static void game_shared(uint32_t *state)
{
    struct counted *c = &shared[chance(state) % SHARED];

    for (int i = 0; i < 30; i++) {
        switch (chance(state) % 4) {
        case 0:
            nng_aio_cancel(c->aio);
            break;
        case 1:
            nng_aio_abort(c->aio, (int) (chance(state) % 100) + 1);
            break;
        case 2:
            (void) nng_aio_result(c->aio);
            break;
        case 3:
            (void) nng_aio_count(c->aio);
            break;
        }
    }
}

static void restarts_for_ever(void *arg)
{
    struct counted *c = arg;

    gate_pass(&c->calls);
    nng_sleep_aio(1, c->aio);
}

// Connections of all kinds, ended while they are in use.
static struct link common[2];

static void use(struct link *link, uint32_t *state)
{
    struct counted ops[4];
    char buf[4][64];

    for (int i = 0; i < 4; i++) {
        nng_stream *stream = i % 2 ? link->near : link->far;

        counted_init(&ops[i], counts);
        if (i < 2) {
            set_memory(ops[i].aio, much, chance(state) % 2 ? sizeof much : 10);
            nng_stream_send(stream, ops[i].aio);
        } else {
            set_memory(ops[i].aio, buf[i], sizeof buf[i]);
            nng_stream_recv(stream, ops[i].aio);
        }
    }
    switch (chance(state) % 6) {
    case 0:
        nng_stream_close(link->near);
        break;
    case 1:
        nng_stream_free(link->near);
        link->near = NULL;
        break;
    case 2:
        nng_stream_free(link->far);
        link->far = NULL;
        break;
    case 3:
        nng_aio_cancel(ops[chance(state) % 4].aio);
        break;
    case 4:
        nng_aio_stop(ops[chance(state) % 4].aio);
        break;
    default:
        break;
    }
    for (int i = 0; i < 4; i++) {
        nng_aio_free(ops[i].aio);
        CHECK_EQ(gate_count(&ops[i].calls), 1);
    }
}

static void game_stream(uint32_t *state)
{
    static struct gate made = GATE_INIT;
    struct link link;
    char url[100];

    gate_pass(&made);
    switch (chance(state) % 3) {
    case 0:
        strcpy(url, "tcp://127.0.0.1:0");
        break;
    case 1:
        snprintf(url, sizeof url, "ipc://%s/%d", directory(), gate_count(&made) * 100 +
            (int) (chance(state) % 100));
        break;
    default:
        snprintf(url, sizeof url, "abstract://nng-misuse-%d-%lx-%u", (int) getpid(),
            (unsigned long) (uintptr_t) &link, (unsigned) chance(state));
        break;
    }
    link_open(&link, url);
    use(&link, state);
    link_close(&link);
}

// One listener and one dialer for all: dials, accepts, and who gives up on them.
static void game_common(uint32_t *state)
{
    struct link *link = &common[chance(state) % 2];
    struct counted dials[2], accepts[2];
    nng_stream *stream;

    for (int i = 0; i < 2; i++) {
        counted_init(&accepts[i], counts);
        counted_init(&dials[i], counts);
        nng_aio_set_timeout(accepts[i].aio, (nng_duration)(chance(state) % 20));
        nng_stream_listener_accept(link->listener, accepts[i].aio);
        nng_stream_dialer_dial(link->dialer, dials[i].aio);
        if (chance(state) % 3 == 0) {
            nng_aio_cancel(dials[i].aio);
        }
    }
    for (int i = 0; i < 2; i++) {
        nng_aio_wait(dials[i].aio);
        nng_aio_wait(accepts[i].aio);
        if (nng_aio_result(dials[i].aio) == 0) {
            stream = nng_aio_get_output(dials[i].aio, 0);
            CHECK(stream != NULL);
            nng_stream_free(stream);
        }
        if (nng_aio_result(accepts[i].aio) == 0) {
            stream = nng_aio_get_output(accepts[i].aio, 0);
            CHECK(stream != NULL);
            nng_stream_free(stream);
        }
        nng_aio_free(dials[i].aio);
        nng_aio_free(accepts[i].aio);
        CHECK_EQ(gate_count(&dials[i].calls), 1);
        CHECK_EQ(gate_count(&accepts[i].calls), 1);
    }
}

static void *plays(void *arg)
{
    static void (*const games[])(uint32_t *) = { game_sleep, game_chain, game_gone, game_provider,
        game_shared, game_stream, game_common };
    uint32_t state = 0x9e3779b9u * ((uint32_t) (uintptr_t) arg + 1);
    long rounds = 0;

    while (now_us() < deadline) {
        games[chance(&state) % CHECK_COUNT(games)](&state);
        rounds++;
    }
    return (void *) rounds;
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 5;
    pthread_t threads[THREADS];
    long rounds = 0;

    alarm(CHECK_LIMIT + (unsigned) seconds);
    directory();
    for (int i = 0; i < SHARED; i++) {
        counted_init(&shared[i], restarts_for_ever);
        nng_sleep_aio(1, shared[i].aio);
    }
    link_listen(&common[0], "tcp://127.0.0.1:0");
    link_listen(&common[1], "abstract://");
    {
        nng_sockaddr sa;

        CHECK_EQ(nng_stream_listener_get_addr(common[1].listener, NNG_OPT_LOCADDR, &sa), 0);
        snprintf(common[1].url, sizeof common[1].url, "abstract://%.*s", (int) sa.s_abstract.sa_len,
            (char *) sa.s_abstract.sa_name);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(nng_stream_dialer_alloc(&common[i].dialer, common[i].url), 0);
    }
    deadline = now_us() + (int64_t) seconds * 1000000;
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, plays, (void *) (uintptr_t) i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        rounds += (long) (intptr_t) result;
    }
    for (int i = 0; i < SHARED; i++) {
        nng_aio_free(shared[i].aio);
    }
    for (int i = 0; i < 2; i++) {
        link_close(&common[i]);
    }
    nng_fini();
    printf("ok misuse (%d threads, %d s, %ld rounds)\n", THREADS, seconds, rounds);
    return 0;
}
