// Operations as tests use them: one at a time, and waited for.

#ifndef AIOS_H
#define AIOS_H

#include "check.h"

#include <nng/nng.h>

// Milliseconds that suffice for whatever is expected to happen.
#define ENOUGH 20000

static inline nng_aio *aio_new(void)
{
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, ENOUGH);
    return aio;
}

// Waits for the operation of the aio, and for the object that it may have brought.
static inline int aio_end(nng_aio *aio, nng_stream **stream)
{
    nng_aio_wait(aio);
    if (stream != NULL) {
        *stream = nng_aio_result(aio) == 0 ? nng_aio_get_output(aio, 0) : NULL;
    }
    return nng_aio_result(aio);
}

static inline void set_memory(nng_aio *aio, const void *data, size_t length)
{
    nng_iov iov;

    iov.iov_buf = (void *) data;
    iov.iov_len = length;
    CHECK_EQ(nng_aio_set_iov(aio, 1, &iov), 0);
}

#endif // AIOS_H
