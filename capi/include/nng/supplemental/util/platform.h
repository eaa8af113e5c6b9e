// nng-oxide: clock, threads and locks are in nng/nng.h; this header is for programs that look here.

#ifndef NNG_SUPPLEMENTAL_UTIL_PLATFORM_H
#define NNG_SUPPLEMENTAL_UTIL_PLATFORM_H

#include <nng/nng.h>

#endif // NNG_SUPPLEMENTAL_UTIL_PLATFORM_H
