/*
 * What the libnng peers share: options, errors, clocks.
 */
#ifndef PEERS_COMMON_H
#define PEERS_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

/* Ends the program if `code`, the answer of `what`, is an error. */
static inline void
check(const char *what, int code)
{
	if (code != 0) {
		fprintf(stderr, "%s: %s\n", what, nng_strerror(code));
		exit(1);
	}
}

/* The value behind `name` on the command line, or `fallback`. */
static inline const char *
option(int argc, char **argv, const char *name, const char *fallback)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], name) == 0) {
			return (argv[i + 1]);
		}
	}
	return (fallback);
}

/* As `option`, for whole numbers. */
static inline long
number(int argc, char **argv, const char *name, const char *fallback)
{
	return (strtol(option(argc, argv, name, fallback), NULL, 10));
}

/* Answers `--version` with the version of the library and ends the program. */
static inline void
answer_version(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("libnng %s\n", nng_version());
		exit(0);
	}
}

/* Tells the driver where the server listens. */
static inline void
announce(int port)
{
	printf("listening 127.0.0.1:%d\n", port);
	fflush(stdout);
}

/* Nanoseconds of a clock. */
static inline uint64_t
nanoseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return ((uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec);
}

#endif
