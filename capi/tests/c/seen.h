// What the callback of an aio has seen, and a provider that keeps one operation.

#ifndef SEEN_H
#define SEEN_H

#include "check.h"

#include <nng/nng.h>

#ifdef OLD_HEADERS
#include <nng/supplemental/util/platform.h>
extern bool nng_aio_busy(nng_aio *);
extern void nng_aio_set_expire(nng_aio *, nng_time);
#endif

#define LONG 60000

// What the callback of an aio has seen.
struct seen {
    nng_aio *aio;
    struct gate calls;
    int result;
    size_t count;
    pthread_t thread;
};

static inline void sees(void *arg)
{
    struct seen *seen = arg;

    seen->result = nng_aio_result(seen->aio);
    seen->count = nng_aio_count(seen->aio);
    seen->thread = pthread_self();
    gate_pass(&seen->calls);
}

static inline void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    gate_init(&seen->calls);
    seen->result = -12345;
    CHECK_EQ(nng_aio_alloc(&seen->aio, sees, seen), 0);
}

static inline void seen_fini(struct seen *seen)
{
    nng_aio_free(seen->aio);
}

static inline void check_seen(struct seen *seen, int calls, int result)
{
    nng_aio_wait(seen->aio);
    CHECK_EQ(gate_count(&seen->calls), calls);
    CHECK_EQ(seen->result, result);
    CHECK_EQ(nng_aio_result(seen->aio), result);
    CHECK_EQ(seen->count, 0);
}

// A provider that keeps one operation, and what its cancel function was called with.
struct kept {
    struct gate canceled;
    int code;
    bool finishes;
    void *arg;
    pthread_t thread;
};

static struct kept kept;

static inline void is_canceled(nng_aio *aio, void *arg, int code)
{
    struct kept *k = arg;

    k->code = code;
    k->arg = arg;
    k->thread = pthread_self();
    gate_pass(&k->canceled);
    if (k->finishes) {
        nng_aio_finish(aio, code);
    }
}

static inline void keep(nng_aio *aio, bool finishes)
{
    gate_init(&kept.canceled);
    kept.code = -12345;
    kept.finishes = finishes;
    CHECK(nng_aio_begin(aio));
    nng_aio_defer(aio, is_canceled, &kept);
}

static inline void *stops(void *arg)
{
    nng_aio_stop(arg);
    return NULL;
}

#endif // SEEN_H
