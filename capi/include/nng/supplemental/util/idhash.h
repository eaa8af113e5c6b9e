// nng-oxide: maps from numbers to pointers.
//
// A map finds values by number and hands out numbers that are free. One thread at a time. Values
// stay the caller's and must not be NULL.

#ifndef NNG_SUPPLEMENTAL_UTIL_IDHASH_H
#define NNG_SUPPLEMENTAL_UTIL_IDHASH_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_id_map_s nng_id_map;

// A flag of nng_id_map_alloc: the first number handed out is a random one.
#define NNG_MAP_RANDOM 1

// Makes a map that hands out the numbers lo to hi, both included; 0 stands for 1 and 0xffffffff.
NNG_DECL int nng_id_map_alloc(nng_id_map **map, uint64_t lo, uint64_t hi, int flags);

// Frees a map, not the values in it.
NNG_DECL void nng_id_map_free(nng_id_map *map);

// The value of a number; NULL if it has none.
NNG_DECL void *nng_id_get(nng_id_map *map, uint64_t id);

// Gives a number a value, in place of the one it had. The number may be outside the map's range.
NNG_DECL int nng_id_set(nng_id_map *map, uint64_t id, void *val);

// Gives a value the next free number and stores that. NNG_ENOMEM if all are in use.
NNG_DECL int nng_id_alloc(nng_id_map *map, uint64_t *idp, void *val);

// Forgets a number. NNG_ENOENT if it has no value.
NNG_DECL int nng_id_remove(nng_id_map *map, uint64_t id);

// Stores some number and its value, each unless the pointer is NULL, and moves the cursor on, which
// starts at 0. False once there are no more. The one just visited may be removed.
NNG_DECL bool nng_id_visit(nng_id_map *map, uint64_t *idp, void **valp, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif // NNG_SUPPLEMENTAL_UTIL_IDHASH_H
