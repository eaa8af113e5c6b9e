// nng-oxide: command lines.
//
// Takes the options of a program apart, long (--name value, --name=value) and short (-n value).

#ifndef NNG_SUPPLEMENTAL_UTIL_OPTIONS_H
#define NNG_SUPPLEMENTAL_UTIL_OPTIONS_H

#include <stdbool.h>

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

// One option. An array of them ends with an entry whose o_val is 0.
typedef struct nng_optspec {
    const char *o_name; // long name without the dashes, or NULL
    int o_short;        // short name, a character, or 0
    int o_val;          // what nng_opts_parse stores for it
    bool o_arg;         // whether it takes an argument
} nng_optspec;

// Parses the word at *optidx, which starts at 1, and moves the index on. 0: an option was found,
// *val and, for an option that takes one, *optarg are set, the latter to point into argv. -1: no
// more options. Else NNG_EINVAL (unknown), NNG_EAMBIGUOUS or NNG_ENOARG, and nothing was stored.
NNG_DECL int nng_opts_parse(int argc, char *const *argv, const nng_optspec *opts, int *val,
    char **optarg, int *optidx);

#ifdef __cplusplus
}
#endif

#endif // NNG_SUPPLEMENTAL_UTIL_OPTIONS_H
