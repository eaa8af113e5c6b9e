// The log: what is dropped, what loggers are given, and what the ready-made ones write.

#include "check.h"

#include <nng/nng.h>

#ifdef OLD_HEADERS
#include <nng/supplemental/util/platform.h>
typedef enum {
    NNG_LOG_NONE = 0, NNG_LOG_ERR = 3, NNG_LOG_WARN = 4, NNG_LOG_NOTICE = 5, NNG_LOG_INFO = 6,
    NNG_LOG_DEBUG = 7
} nng_log_level;
typedef enum {
    NNG_LOG_USER = 1, NNG_LOG_DAEMON = 3, NNG_LOG_AUTH = 10, NNG_LOG_LOCAL0 = 16,
    NNG_LOG_LOCAL7 = 23
} nng_log_facility;
typedef void (*nng_logger)(nng_log_level, nng_log_facility, const char *, const char *);
extern void nng_log_set_logger(nng_logger);
extern void nng_log_set_level(nng_log_level);
extern nng_log_level nng_log_get_level(void);
extern void nng_log_set_facility(nng_log_facility);
extern void nng_log_err(const char *, const char *, ...);
extern void nng_log_warn(const char *, const char *, ...);
extern void nng_log_notice(const char *, const char *, ...);
extern void nng_log_info(const char *, const char *, ...);
extern void nng_log_debug(const char *, const char *, ...);
extern void nng_log_auth(nng_log_level, const char *, const char *, ...);
extern void nng_null_logger(nng_log_level, nng_log_facility, const char *, const char *);
extern void nng_stderr_logger(nng_log_level, nng_log_facility, const char *, const char *);
extern void nng_system_logger(nng_log_level, nng_log_facility, const char *, const char *);
#endif

struct record {
    int level, facility;
    bool has_id;
    char id[64], text[1024];
};

static struct record records[100];
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void keeps(nng_log_level level, nng_log_facility facility, const char *id, const char *text)
{
    pthread_mutex_lock(&lock);
    if (count < CHECK_COUNT(records)) {
        struct record *r = &records[count++];

        r->level = (int) level;
        r->facility = (int) facility;
        r->has_id = id != NULL;
        snprintf(r->id, sizeof r->id, "%s", id ? id : "");
        snprintf(r->text, sizeof r->text, "%s", text);
    }
    pthread_mutex_unlock(&lock);
}

static void uses_the_library(
    nng_log_level level, nng_log_facility facility, const char *id, const char *text)
{
    nng_mtx *mtx;

    CHECK(nng_clock() <= nng_clock());
    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    nng_mtx_free(mtx);
    keeps(level, facility, id, text);
}

static void start(nng_logger logger, int level, int facility)
{
    nng_log_set_logger(logger);
    nng_log_set_level((nng_log_level) level);
    nng_log_set_facility((nng_log_facility) facility);
    count = 0;
}

static void check_record(
    size_t i, int level, int facility, const char *id, const char *text)
{
    CHECK(i < count);
    CHECK_EQ(records[i].level, level);
    CHECK_EQ(records[i].facility, facility);
    CHECK_STR(records[i].has_id ? records[i].id : NULL, id);
    CHECK_STR(records[i].text, text);
}

static const struct record *find(const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(records[i].id, id) == 0) {
            return &records[i];
        }
    }
    return NULL;
}

// First of all: the library has not started yet.
static void nothing_is_logged_unless_it_is_wanted(void)
{
    CHECK_EQ(nng_log_get_level(), NNG_LOG_NOTICE);
    nng_log_err("ID", "nobody hears %s", "this");
}

static void the_start_is_told_to_a_logger_that_uses_the_library(void)
{
    char text[100];

    start(uses_the_library, NNG_LOG_NOTICE, NNG_LOG_USER);
    CHECK(nng_clock() <= nng_clock());
    CHECK_EQ(count, 1);
    snprintf(text, sizeof text, "NNG library version %s initialized", nng_version());
    check_record(0, NNG_LOG_NOTICE, NNG_LOG_USER, "NNG-INIT", text);
}

static void every_function_has_its_level(void)
{
    start(keeps, NNG_LOG_DEBUG, NNG_LOG_LOCAL7);
    nng_log_err("E", "error %d", 1);
    nng_log_warn("W", "warning %s", "two");
    nng_log_notice("N", "notice %c%%", '3');
    nng_log_info("I", "info %5.2f", 4.0);
    nng_log_debug("D", "debug %llx %p", 0x123456789abcULL, (void *) NULL);
    CHECK_EQ(count, 5);
    check_record(0, NNG_LOG_ERR, NNG_LOG_LOCAL7, "E", "error 1");
    check_record(1, NNG_LOG_WARN, NNG_LOG_LOCAL7, "W", "warning two");
    check_record(2, NNG_LOG_NOTICE, NNG_LOG_LOCAL7, "N", "notice 3%");
    check_record(3, NNG_LOG_INFO, NNG_LOG_LOCAL7, "I", "info  4.00");
    check_record(4, NNG_LOG_DEBUG, NNG_LOG_LOCAL7, "D", "debug 123456789abc (nil)");
}

static void the_level_filters(void)
{
    static const struct {
        int level;
        size_t heard;
    } levels[] = { { NNG_LOG_NONE, 0 }, { 1, 0 }, { 2, 0 }, { NNG_LOG_ERR, 1 }, { NNG_LOG_WARN, 2 },
        { NNG_LOG_NOTICE, 3 }, { NNG_LOG_INFO, 4 }, { NNG_LOG_DEBUG, 5 }, { 8, 5 }, { 1000, 5 } };

    for (size_t i = 0; i < CHECK_COUNT(levels); i++) {
        start(keeps, levels[i].level, NNG_LOG_USER);
        CHECK_EQ(nng_log_get_level(), levels[i].level);
        nng_log_err("X", "x");
        nng_log_warn("X", "x");
        nng_log_notice("X", "x");
        nng_log_info("X", "x");
        nng_log_debug("X", "x");
        CHECK_EQ(count, levels[i].heard);
    }
    nng_log_set_level((nng_log_level) 0x80000000u);
    CHECK_EQ((unsigned) nng_log_get_level(), 0x80000000u);
}

static void the_facility_none_silences(void)
{
    start(keeps, NNG_LOG_DEBUG, 0);
    nng_log_err("X", "x");
    CHECK_EQ(count, 0);
    nng_log_auth(NNG_LOG_ERR, "A", "a");
    CHECK_EQ(count, 1);
    nng_log_set_facility((nng_log_facility) 77);
    nng_log_err("X", "x");
    CHECK_EQ(count, 2);
    CHECK_EQ(records[1].facility, 77);
}

static void who_may_what_has_its_own_facility(void)
{
    start(keeps, NNG_LOG_ERR, NNG_LOG_DAEMON);
    nng_log_auth(NNG_LOG_ERR, "A", "one %d", 1);
    nng_log_auth((nng_log_level) 2, "A", "two");
    nng_log_auth(NNG_LOG_NONE, NULL, "three");
    nng_log_auth(NNG_LOG_WARN, "A", "dropped");
    CHECK_EQ(count, 3);
    check_record(0, NNG_LOG_ERR, NNG_LOG_AUTH, "A", "one 1");
    check_record(1, 2, NNG_LOG_AUTH, "A", "two");
    check_record(2, 0, NNG_LOG_AUTH, NULL, "three");

    start(keeps, NNG_LOG_DEBUG, NNG_LOG_DAEMON);
    nng_log_auth((nng_log_level) 9, "A", "dropped");
    CHECK_EQ(count, 0);
    start(keeps, NNG_LOG_NONE, NNG_LOG_DAEMON);
    nng_log_auth(NNG_LOG_NONE, "A", "dropped");
    CHECK_EQ(count, 0);
}

static void texts_need_no_id(void)
{
    start(keeps, NNG_LOG_NOTICE, NNG_LOG_USER);
    nng_log_notice(NULL, "no id");
    nng_log_notice("", "an empty one");
    CHECK_EQ(count, 2);
    check_record(0, NNG_LOG_NOTICE, NNG_LOG_USER, NULL, "no id");
    check_record(1, NNG_LOG_NOTICE, NNG_LOG_USER, "", "an empty one");
}

static void long_texts_are_cut(void)
{
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    start(keeps, NNG_LOG_NOTICE, NNG_LOG_USER);
    nng_log_notice("L", "%.511s", text);
    nng_log_notice("L", "%.512s", text);
    nng_log_notice("L", "%s", text);
    CHECK_EQ(count, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(strlen(records[i].text), 511);
    }
}

static void what_is_dropped_is_not_formatted(void)
{
    const char *volatile nothing = NULL;

    start(keeps, NNG_LOG_NOTICE, NNG_LOG_USER);
    nng_log_info("X", nothing);
    nng_log_debug(NULL, nothing);
    nng_log_auth(NNG_LOG_INFO, NULL, nothing);
    CHECK_EQ(count, 0);
}

static void no_logger_is_the_null_logger(void)
{
    start(NULL, NNG_LOG_DEBUG, NNG_LOG_USER);
    nng_log_err("X", "x");
    nng_log_set_logger(nng_null_logger);
    nng_log_err("X", "x");
    nng_null_logger(NNG_LOG_ERR, NNG_LOG_USER, "X", "x");
    nng_null_logger(NNG_LOG_ERR, NNG_LOG_USER, NULL, NULL);
    CHECK_EQ(count, 0);
}

static char captured[20000];
static int saved_stderr;
static FILE *capture;

static void capture_begin(void)
{
    fflush(stderr);
    saved_stderr = dup(2);
    capture = tmpfile();
    CHECK(capture != NULL);
    CHECK_EQ(dup2(fileno(capture), 2), 2);
}

static void capture_end(void)
{
    ssize_t got;

    fflush(stderr);
    CHECK_EQ(dup2(saved_stderr, 2), 2);
    close(saved_stderr);
    got = pread(fileno(capture), captured, sizeof captured - 1, 0);
    CHECK(got >= 0);
    captured[got] = '\0';
    fclose(capture);
}

// The line begins with `[LEVEL ]: HH:MM:SS.mmm: `, and what follows is given back.
static char *check_head(char *line, const char *level)
{
    char head[40];
    int hours, minutes, seconds, millis, length = 0;

    snprintf(head, sizeof head, "[%-6s]: ", level);
    CHECK_EQ(strlen(head), 10);
    CHECK_MEM(line, head, 10);
    CHECK_EQ(sscanf(line + 10, "%2d:%2d:%2d.%3d: %n", &hours, &minutes, &seconds, &millis, &length), 4);
    CHECK_EQ(length, 14);
    CHECK(hours < 24 && minutes < 60 && seconds < 61);
    return line + 24;
}

// Lines about the date may come at any time, before a first record and at midnight.
static char *next_line(char **rest)
{
    for (;;) {
        char *line = *rest;
        char *end = strchr(line, '\n');
        int year, month, day, zone;

        CHECK(end != NULL);
        *end = '\0';
        *rest = end + 1;
        if (!strstr(line, "NNG-DATE: ")) {
            return line;
        }
        line = check_head(line, "DEBUG");
        CHECK_EQ(sscanf(line, "NNG-DATE: Date changed to %4d-%2d-%2d, TZ is %5d", &year, &month,
                     &day, &zone),
            4);
    }
}

// Before every other test of this logger.
static void the_first_line_tells_the_date(void)
{
    char *rest = captured;

    capture_begin();
    nng_stderr_logger(NNG_LOG_ERR, NNG_LOG_USER, "ID", "text");
    capture_end();
    CHECK(strstr(captured, "NNG-DATE: Date changed to ") != NULL);
    CHECK(strstr(captured, "NNG-DATE: ") < strstr(captured, "ID: text"));
    CHECK_STR(check_head(next_line(&rest), "ERROR"), "ID: text");
    CHECK_STR(rest, "");
}

static void a_line_has_level_time_id_and_text(void)
{
    static const struct {
        int level;
        const char *name;
    } levels[] = { { NNG_LOG_ERR, "ERROR" }, { NNG_LOG_WARN, "WARN" }, { NNG_LOG_NOTICE, "NOTICE" },
        { NNG_LOG_INFO, "INFO" }, { NNG_LOG_DEBUG, "DEBUG" }, { 0, "NONE" }, { 99, "NONE" } };
    char *rest = captured;

    capture_begin();
    for (size_t i = 0; i < CHECK_COUNT(levels); i++) {
        nng_stderr_logger((nng_log_level) levels[i].level, NNG_LOG_USER, "AN-ID", "a text");
    }
    nng_stderr_logger(NNG_LOG_ERR, NNG_LOG_USER, NULL, "no id");
    nng_stderr_logger(NNG_LOG_ERR, NNG_LOG_AUTH, "AN-ID", "a line\n");
    capture_end();
    CHECK(strchr(captured, '\033') == NULL);
    for (size_t i = 0; i < CHECK_COUNT(levels); i++) {
        CHECK_STR(check_head(next_line(&rest), levels[i].name), "AN-ID: a text");
    }
    CHECK_STR(check_head(next_line(&rest), "ERROR"), "no id");
    CHECK_STR(check_head(next_line(&rest), "ERROR"), "AN-ID: a line");
    CHECK_STR(rest, "");
}

static void records_go_where_the_logger_writes(void)
{
    char *rest = captured;

    start(nng_stderr_logger, NNG_LOG_WARN, NNG_LOG_USER);
    capture_begin();
    nng_log_warn("W", "%d and %d", 1, 2);
    nng_log_info("I", "dropped");
    nng_log_err(NULL, "no id");
    capture_end();
    nng_log_set_logger(NULL);
    CHECK_STR(check_head(next_line(&rest), "WARN"), "W: 1 and 2");
    CHECK_STR(check_head(next_line(&rest), "ERROR"), "no id");
    CHECK_STR(rest, "");
}

static void the_system_takes_anything(void)
{
    start(nng_system_logger, NNG_LOG_DEBUG, NNG_LOG_LOCAL0);
    nng_log_debug("TEST", "100%% %s", "of a test");
    nng_log_debug(NULL, "no id");
    nng_log_auth(NNG_LOG_DEBUG, "TEST", "auth");
    nng_system_logger(NNG_LOG_DEBUG, NNG_LOG_USER, "%s%n", "%s%n");
    nng_system_logger((nng_log_level) 99, (nng_log_facility) 99, NULL, "of a test");
    nng_log_set_logger(NULL);
}

// From here on the library starts once more in each.
static void start_again(void)
{
    nng_fini();
    start(keeps, NNG_LOG_DEBUG, NNG_LOG_DAEMON);
    CHECK(nng_clock() <= nng_clock());
    nng_log_set_logger(NULL);
    CHECK(count > 0);
}

static void the_start_is_told_last(void)
{
    start_again();
    CHECK(find("NNG-TLS-INFO") == &records[0]);
    CHECK_EQ(records[0].level, NNG_LOG_INFO);
    CHECK(find("NNG-INIT") == &records[count - 1]);
    CHECK_EQ(records[count - 1].level, NNG_LOG_NOTICE);
    CHECK_EQ(records[count - 1].facility, NNG_LOG_DAEMON);
}

static const struct check_test tests[] = {
    TEST(nothing_is_logged_unless_it_is_wanted),
    TEST(the_start_is_told_to_a_logger_that_uses_the_library),
    TEST(every_function_has_its_level),
    TEST(the_level_filters),
    TEST(the_facility_none_silences),
    TEST(who_may_what_has_its_own_facility),
    TEST(texts_need_no_id),
    TEST(long_texts_are_cut),
    TEST(what_is_dropped_is_not_formatted),
    TEST(no_logger_is_the_null_logger),
    TEST(the_first_line_tells_the_date),
    TEST(a_line_has_level_time_id_and_text),
    TEST(records_go_where_the_logger_writes),
    TEST(the_system_takes_anything),
    TEST(the_start_is_told_last),
};

CHECK_MAIN(tests)
