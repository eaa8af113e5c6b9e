// Statistics: a picture of what there is. Without sockets that is the root, and nothing else.

#include "check.h"

#include <nng/nng.h>

static nng_stat *picture(void)
{
    nng_stat *root = NULL;

    CHECK_EQ(nng_stats_get(&root), 0);
    CHECK(root != NULL);
    return root;
}

static void the_root_says_what_it_is(void)
{
    nng_stat *root = picture();

    CHECK_STR(nng_stat_name(root), "");
    CHECK_STR(nng_stat_desc(root), "all statistics");
    CHECK_EQ(nng_stat_type(root), NNG_STAT_SCOPE);
    CHECK_EQ(nng_stat_type(root), 0);
    CHECK_EQ(nng_stat_unit(root), NNG_UNIT_NONE);
    CHECK_EQ(nng_stat_unit(root), 0);
    nng_stats_free(root);
}

static void the_root_stands_alone(void)
{
    nng_stat *root = picture();

    CHECK(nng_stat_child(root) == NULL);
    CHECK(nng_stat_next(root) == NULL);
    nng_stats_free(root);
}

static void the_root_has_no_value(void)
{
    nng_stat *root = picture();

    CHECK_EQ(nng_stat_value(root), 0);
    CHECK(!nng_stat_bool(root));
    CHECK_STR(nng_stat_string(root), "");
    nng_stats_free(root);
}

static void a_picture_knows_when_it_was_taken(void)
{
    nng_time before = nng_clock(), after;
    nng_stat *root = picture();

    after = nng_clock();
    CHECK(nng_stat_timestamp(root) >= before);
    CHECK(nng_stat_timestamp(root) <= after);
    nng_stats_free(root);
}

static void pictures_are_independent(void)
{
    nng_stat *first = picture(), *second = picture();

    CHECK(first != second);
    CHECK(nng_stat_timestamp(first) <= nng_stat_timestamp(second));
    nng_stats_free(first);
    CHECK_STR(nng_stat_desc(second), "all statistics");
    CHECK(nng_stat_find(second, "") == second);
    nng_stats_free(second);
}

static void strings_live_as_long_as_the_picture(void)
{
    nng_stat *root = picture();
    const char *name = nng_stat_name(root), *desc = nng_stat_desc(root);
    const char *string = nng_stat_string(root);

    for (int i = 0; i < 100; i++) {
        nng_stats_free(picture());
    }
    CHECK(nng_stat_name(root) == name);
    CHECK(nng_stat_desc(root) == desc);
    CHECK(nng_stat_string(root) == string);
    CHECK_STR(name, "");
    CHECK_STR(desc, "all statistics");
    CHECK_STR(string, "");
    nng_stats_free(root);
}

static void finding_begins_with_the_node_itself(void)
{
    nng_stat *root = picture();

    CHECK(nng_stat_find(root, "") == root);
    CHECK(nng_stat_find(root, "socket") == NULL);
    CHECK(nng_stat_find(root, "pipe") == NULL);
    CHECK(nng_stat_find(root, "all statistics") == NULL);
    nng_stats_free(root);
}

static void what_does_not_exist_is_not_found(void)
{
    static const uint32_t ids[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff };
    nng_stat *root = picture();

    for (size_t i = 0; i < CHECK_COUNT(ids); i++) {
        nng_socket socket = NNG_SOCKET_INITIALIZER;
        nng_dialer dialer = NNG_DIALER_INITIALIZER;
        nng_listener listener = NNG_LISTENER_INITIALIZER;

        socket.id = dialer.id = listener.id = ids[i];
        CHECK(nng_stat_find_socket(root, socket) == NULL);
        CHECK(nng_stat_find_dialer(root, dialer) == NULL);
        CHECK(nng_stat_find_listener(root, listener) == NULL);
    }
    nng_stats_free(root);
}

static void null_is_refused(void)
{
    nng_stat *root = picture();
    nng_socket socket = NNG_SOCKET_INITIALIZER;
    nng_dialer dialer = NNG_DIALER_INITIALIZER;
    nng_listener listener = NNG_LISTENER_INITIALIZER;

    CHECK_EQ(nng_stats_get(NULL), NNG_EINVAL);
    nng_stats_free(NULL);
    nng_stats_dump(NULL);
    CHECK(nng_stat_find(NULL, "socket") == NULL);
    CHECK(nng_stat_find(root, NULL) == NULL);
    CHECK(nng_stat_find(NULL, NULL) == NULL);
    CHECK(nng_stat_find_socket(NULL, socket) == NULL);
    CHECK(nng_stat_find_dialer(NULL, dialer) == NULL);
    CHECK(nng_stat_find_listener(NULL, listener) == NULL);
    CHECK(nng_stat_name(NULL) == NULL);
    CHECK(nng_stat_desc(NULL) == NULL);
    CHECK(nng_stat_string(NULL) == NULL);
    CHECK(nng_stat_child(NULL) == NULL);
    CHECK(nng_stat_next(NULL) == NULL);
    CHECK_EQ(nng_stat_value(NULL), 0);
    CHECK_EQ(nng_stat_timestamp(NULL), 0);
    CHECK(!nng_stat_bool(NULL));
    // An int is all that these can say.
    CHECK_EQ(nng_stat_type(NULL), NNG_EINVAL);
    CHECK_EQ(nng_stat_unit(NULL), NNG_EINVAL);
    nng_stats_free(root);
}

// Returns what is printed, which has to be short.
static const char *dumped(nng_stat *stat)
{
    static char text[4096];
    int ends[2], out;
    ssize_t length;

    CHECK_EQ(pipe(ends), 0);
    fflush(stdout);
    out = dup(STDOUT_FILENO);
    CHECK(out >= 0);
    CHECK(dup2(ends[1], STDOUT_FILENO) >= 0);
    nng_stats_dump(stat);
    // It may use the buffers of C or not.
    fflush(stdout);
    CHECK(dup2(out, STDOUT_FILENO) >= 0);
    close(out);
    close(ends[1]);
    length = read(ends[0], text, sizeof text - 1);
    CHECK(length >= 0);
    text[length] = '\0';
    close(ends[0]);
    return text;
}

static void the_root_prints_nothing(void)
{
    nng_stat *root = picture();

    CHECK_STR(dumped(root), "");
    nng_stats_free(root);
}

static void *reads(void *arg)
{
    nng_stat *root = arg;

    for (int i = 0; i < 1000; i++) {
        CHECK_STR(nng_stat_name(root), "");
        CHECK(nng_stat_find(root, "") == root);
        CHECK(nng_stat_find(root, "dialer") == NULL);
        CHECK_EQ(nng_stat_value(root), 0);
    }
    return NULL;
}

static void threads_may_read_one_picture(void)
{
    nng_stat *root = picture();
    pthread_t threads[4];

    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, reads, root), 0);
    }
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    nng_stats_free(root);
}

static void the_numbers_are_those_of_old(void)
{
    CHECK_EQ(NNG_STAT_SCOPE, 0);
    CHECK_EQ(NNG_STAT_LEVEL, 1);
    CHECK_EQ(NNG_STAT_COUNTER, 2);
    CHECK_EQ(NNG_STAT_STRING, 3);
    CHECK_EQ(NNG_STAT_BOOLEAN, 4);
    CHECK_EQ(NNG_STAT_ID, 5);
    CHECK_EQ(NNG_UNIT_NONE, 0);
    CHECK_EQ(NNG_UNIT_BYTES, 1);
    CHECK_EQ(NNG_UNIT_MESSAGES, 2);
    CHECK_EQ(NNG_UNIT_MILLIS, 3);
    CHECK_EQ(NNG_UNIT_EVENTS, 4);
}

static const struct check_test tests[] = {
    TEST(the_root_says_what_it_is),
    TEST(the_root_stands_alone),
    TEST(the_root_has_no_value),
    TEST(a_picture_knows_when_it_was_taken),
    TEST(pictures_are_independent),
    TEST(strings_live_as_long_as_the_picture),
    TEST(finding_begins_with_the_node_itself),
    TEST(what_does_not_exist_is_not_found),
    TEST(null_is_refused),
    TEST(the_root_prints_nothing),
    TEST(threads_may_read_one_picture),
    TEST(the_numbers_are_those_of_old),
};

CHECK_MAIN(tests)
