// What every test program shares. A program is one table of tests that run in order; each that
// passes prints `ok NAME`, the first that fails ends the process with 1 and says where.
//
// Programs are C99 with POSIX threads, and include this file first:
//
//     cc -std=c99 -pthread -I include tests/c/msg.c -lnng
//
// Given names of tests, a program runs these only. A program that takes too long is killed.
// OLD_HEADERS stands for headers of NNG 1.5.2, which lack what was added later.

#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition) \
    ((condition) ? (void) 0 : check_failed(__FILE__, __LINE__, "not true: " #condition))

#define CHECK_EQ(actual, expected)                              \
    check_equal(__FILE__, __LINE__, #actual, (long long) (actual), (long long) (expected))

#define CHECK_STR(actual, expected) check_text(__FILE__, __LINE__, #actual, (actual), (expected))

#define CHECK_MEM(actual, expected, length) \
    CHECK(memcmp((actual), (expected), (length)) == 0)

#define TEST(function) { #function, function }
#define CHECK_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK_MAIN(tests)                                       \
    int main(int argc, char **argv)                             \
    {                                                           \
        return check_main(argc, argv, tests, CHECK_COUNT(tests)); \
    }

// Seconds that a program may take.
#define CHECK_LIMIT 120

struct check_test {
    const char *name;
    void (*run)(void);
};

static inline void check_failed(const char *file, int line, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    _exit(1);
}

static inline void check_equal(
    const char *file, int line, const char *what, long long actual, long long expected)
{
    char text[400];

    if (actual != expected) {
        snprintf(text, sizeof text, "%s is %lld, not %lld", what, actual, expected);
        check_failed(file, line, text);
    }
}

// A null pointer is only equal to a null pointer.
static inline void check_text(
    const char *file, int line, const char *what, const char *actual, const char *expected)
{
    char text[800];

    if (actual == expected || (actual && expected && strcmp(actual, expected) == 0)) {
        return;
    }
    snprintf(text, sizeof text, "%s is %s%s%s, not %s%s%s", what, actual ? "\"" : "",
        actual ? actual : "null", actual ? "\"" : "", expected ? "\"" : "",
        expected ? expected : "null", expected ? "\"" : "");
    check_failed(file, line, text);
}

static inline bool check_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return argc < 2;
}

static inline int check_main(int argc, char **argv, const struct check_test *tests, size_t count)
{
    int ran = 0;

    alarm(CHECK_LIMIT);
    for (size_t i = 0; i < count; i++) {
        if (check_wanted(argc, argv, tests[i].name)) {
            tests[i].run();
            printf("ok %s\n", tests[i].name);
            fflush(stdout);
            ran++;
        }
    }
    if (ran == 0) {
        fprintf(stderr, "no such test\n");
        return 2;
    }
    return 0;
}

// Counts what happens on other threads, for those who wait until it has.
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
};

#define GATE_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void gate_init(struct gate *gate)
{
    static const struct gate fresh = GATE_INIT;

    *gate = fresh;
}

static inline void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->count++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static inline void gate_await(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->count < count) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static inline int gate_count(struct gate *gate)
{
    int count;

    pthread_mutex_lock(&gate->lock);
    count = gate->count;
    pthread_mutex_unlock(&gate->lock);
    return count;
}

// Microseconds of a clock that is not the library's.
static inline int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif // CHECK_H
