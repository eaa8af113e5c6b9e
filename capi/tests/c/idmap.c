// Maps from ids to pointers.

#include "check.h"

#include <nng/nng.h>

#ifdef OLD_HEADERS
#define NNG_MAP_RANDOM 1
typedef struct nng_id_map_s nng_id_map;
extern int nng_id_map_alloc(nng_id_map **, uint64_t, uint64_t, int);
extern void nng_id_map_free(nng_id_map *);
extern void *nng_id_get(nng_id_map *, uint64_t);
extern int nng_id_set(nng_id_map *, uint64_t, void *);
extern int nng_id_alloc(nng_id_map *, uint64_t *, void *);
extern int nng_id_remove(nng_id_map *, uint64_t);
extern bool nng_id_visit(nng_id_map *, uint64_t *, void **, uint32_t *);
#else
#include <nng/supplemental/util/idhash.h>
#endif

static int values[64];

static nng_id_map *map_of(uint64_t lo, uint64_t hi, int flags)
{
    nng_id_map *map = NULL;

    CHECK_EQ(nng_id_map_alloc(&map, lo, hi, flags), 0);
    CHECK(map != NULL);
    return map;
}

static void what_is_set_is_found(void)
{
    nng_id_map *map = map_of(0, 0, 0);

    CHECK(nng_id_get(map, 7) == NULL);
    CHECK_EQ(nng_id_set(map, 7, &values[0]), 0);
    CHECK_EQ(nng_id_set(map, 8, &values[1]), 0);
    CHECK(nng_id_get(map, 7) == &values[0]);
    CHECK(nng_id_get(map, 8) == &values[1]);
    CHECK_EQ(nng_id_set(map, 7, &values[2]), 0);
    CHECK(nng_id_get(map, 7) == &values[2]);
    CHECK_EQ(nng_id_remove(map, 7), 0);
    CHECK(nng_id_get(map, 7) == NULL);
    CHECK_EQ(nng_id_remove(map, 7), NNG_ENOENT);
    CHECK_EQ(nng_id_remove(map, 9), NNG_ENOENT);
    CHECK(nng_id_get(map, 8) == &values[1]);
    nng_id_map_free(map);
}

static void ids_are_given_in_order(void)
{
    nng_id_map *map = map_of(10, 13, 0);
    uint64_t id = 0;

    for (uint64_t i = 10; i <= 13; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, &values[i]), 0);
        CHECK_EQ(id, i);
    }
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), NNG_ENOMEM);
    CHECK_EQ(id, 13);
    CHECK_EQ(nng_id_remove(map, 11), 0);
    CHECK_EQ(nng_id_remove(map, 12), 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[1]), 0);
    CHECK_EQ(id, 11);
    CHECK(nng_id_get(map, 11) == &values[1]);
    CHECK(nng_id_get(map, 13) == &values[13]);
    nng_id_map_free(map);
}

static void a_freed_id_waits_for_the_next_round(void)
{
    nng_id_map *map = map_of(1, 5, 0);
    uint64_t id;

    CHECK_EQ(nng_id_alloc(map, &id, &values[1]), 0);
    CHECK_EQ(id, 1);
    CHECK_EQ(nng_id_remove(map, 1), 0);
    for (uint64_t i = 2; i <= 5; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, &values[i]), 0);
        CHECK_EQ(id, i);
    }
    CHECK_EQ(nng_id_alloc(map, &id, &values[1]), 0);
    CHECK_EQ(id, 1);
    nng_id_map_free(map);
}

static void bounds_have_defaults(void)
{
    nng_id_map *map = map_of(0, 0, 0);
    uint64_t id;

    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 1);
    nng_id_map_free(map);

    map = map_of(0xffffffff, 0, 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 0xffffffff);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), NNG_ENOMEM);
    nng_id_map_free(map);

    map = map_of(77, 77, 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 77);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), NNG_ENOMEM);
    CHECK_EQ(nng_id_remove(map, 77), 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    nng_id_map_free(map);
}

static void ids_have_64_bits(void)
{
    nng_id_map *map = map_of(UINT64_MAX - 2, UINT64_MAX, 0);
    uint64_t id;

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, &values[i]), 0);
        CHECK(id == UINT64_MAX - 2 + (uint64_t) i);
    }
    CHECK_EQ(nng_id_alloc(map, &id, &values[3]), NNG_ENOMEM);
    CHECK(nng_id_get(map, UINT64_MAX) == &values[2]);
    CHECK(nng_id_get(map, 0xffffffff) == NULL);
    nng_id_map_free(map);
}

static void ids_begin_anywhere_if_that_is_wanted(void)
{
    uint64_t firsts[8];
    bool differ = false;

    for (int i = 0; i < 8; i++) {
        nng_id_map *map = map_of(1000, 0x7fffffff, NNG_MAP_RANDOM);
        uint64_t next;

        CHECK_EQ(nng_id_alloc(map, &firsts[i], &values[0]), 0);
        CHECK(firsts[i] >= 1000 && firsts[i] <= 0x7fffffff);
        CHECK_EQ(nng_id_alloc(map, &next, &values[1]), 0);
        CHECK_EQ(next, firsts[i] == 0x7fffffff ? 1000 : firsts[i] + 1);
        differ = differ || firsts[i] != firsts[0];
        nng_id_map_free(map);
    }
    CHECK(differ);
}

static void a_random_map_is_full_when_all_are_taken(void)
{
    nng_id_map *map = map_of(5, 9, NNG_MAP_RANDOM);
    bool seen[10] = { false };
    uint64_t id;

    for (int i = 0; i < 5; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, &values[i]), 0);
        CHECK(id >= 5 && id <= 9 && !seen[id]);
        seen[id] = true;
    }
    CHECK_EQ(nng_id_alloc(map, &id, &values[5]), NNG_ENOMEM);
    nng_id_map_free(map);
}

static void other_flags_are_ignored(void)
{
    nng_id_map *map = map_of(3, 4, 0x7ffffffe);
    uint64_t id;

    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 3);
    nng_id_map_free(map);
}

static void foreign_ids_are_kept_and_do_not_count(void)
{
    nng_id_map *map = map_of(10, 12, 0);
    uint64_t id;

    CHECK_EQ(nng_id_set(map, 0, &values[0]), 0);
    CHECK_EQ(nng_id_set(map, 500, &values[1]), 0);
    CHECK(nng_id_get(map, 0) == &values[0]);
    CHECK(nng_id_get(map, 500) == &values[1]);
    for (uint64_t i = 10; i <= 12; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, &values[2]), 0);
        CHECK_EQ(id, i);
    }
    CHECK_EQ(nng_id_alloc(map, &id, &values[2]), NNG_ENOMEM);
    CHECK_EQ(nng_id_remove(map, 0), 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[2]), NNG_ENOMEM);
    nng_id_map_free(map);
}

static void ids_that_were_set_are_not_given(void)
{
    nng_id_map *map = map_of(1, 4, 0);
    uint64_t id;

    CHECK_EQ(nng_id_set(map, 1, &values[0]), 0);
    CHECK_EQ(nng_id_set(map, 3, &values[0]), 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 2);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(id, 4);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), NNG_ENOMEM);
    nng_id_map_free(map);
}

static void a_visit_sees_all_once(void)
{
    nng_id_map *map = map_of(0, 0, 0);
    bool seen[41] = { false };
    uint32_t cursor = 0;
    uint64_t id;
    void *value;
    int count = 0;

    CHECK(!nng_id_visit(map, &id, &value, &cursor));
    for (uint64_t i = 1; i <= 40; i++) {
        CHECK_EQ(nng_id_set(map, i, &values[i]), 0);
    }
    cursor = 0;
    while (nng_id_visit(map, &id, &value, &cursor)) {
        CHECK(id >= 1 && id <= 40 && !seen[id]);
        CHECK(value == &values[id]);
        seen[id] = true;
        count++;
    }
    CHECK_EQ(count, 40);
    CHECK(!nng_id_visit(map, &id, &value, &cursor));

    cursor = 0;
    count = 0;
    while (nng_id_visit(map, NULL, NULL, &cursor)) {
        count++;
    }
    CHECK_EQ(count, 40);
    nng_id_map_free(map);
}

static void many_ids_come_and_go(void)
{
    nng_id_map *map = map_of(1, 1000000, 0);
    uint64_t id;

    for (uint64_t i = 1; i <= 20000; i++) {
        CHECK_EQ(nng_id_alloc(map, &id, (void *) (uintptr_t) i), 0);
        CHECK_EQ(id, i);
        if (i % 3 == 0) {
            CHECK_EQ(nng_id_remove(map, i / 3), 0);
        }
    }
    for (uint64_t i = 1; i <= 20000; i++) {
        CHECK(nng_id_get(map, i) == (i <= 6666 ? NULL : (void *) (uintptr_t) i));
    }
    nng_id_map_free(map);
}

static void an_empty_range_is_refused(void)
{
    nng_id_map *map = NULL;

    CHECK_EQ(nng_id_map_alloc(&map, 10, 9, 0), NNG_EINVAL);
    CHECK(map == NULL);
}

static void null_is_no_value(void)
{
    nng_id_map *map = map_of(1, 2, 0);
    uint32_t cursor = 0;
    uint64_t id = 99;

    CHECK_EQ(nng_id_set(map, 1, NULL), NNG_EINVAL);
    CHECK_EQ(nng_id_alloc(map, &id, NULL), NNG_EINVAL);
    CHECK_EQ(id, 99);
    CHECK(nng_id_get(map, 1) == NULL);
    CHECK(!nng_id_visit(map, NULL, NULL, &cursor));
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    CHECK_EQ(nng_id_alloc(map, &id, &values[0]), 0);
    nng_id_map_free(map);
}

static void freeing_nothing_does_nothing(void)
{
    nng_id_map_free(NULL);
}

static void null_is_no_map(void)
{
    uint32_t cursor = 0;
    uint64_t id = 99;

    CHECK(nng_id_get(NULL, 1) == NULL);
    CHECK_EQ(nng_id_set(NULL, 1, &values[0]), NNG_EINVAL);
    CHECK_EQ(nng_id_alloc(NULL, &id, &values[0]), NNG_EINVAL);
    CHECK_EQ(nng_id_remove(NULL, 1), NNG_EINVAL);
    CHECK(!nng_id_visit(NULL, &id, NULL, &cursor));
    CHECK_EQ(id, 99);
}

static const struct check_test tests[] = {
    TEST(what_is_set_is_found),
    TEST(ids_are_given_in_order),
    TEST(a_freed_id_waits_for_the_next_round),
    TEST(bounds_have_defaults),
    TEST(ids_have_64_bits),
    TEST(ids_begin_anywhere_if_that_is_wanted),
    TEST(a_random_map_is_full_when_all_are_taken),
    TEST(other_flags_are_ignored),
    TEST(foreign_ids_are_kept_and_do_not_count),
    TEST(ids_that_were_set_are_not_given),
    TEST(a_visit_sees_all_once),
    TEST(many_ids_come_and_go),
    TEST(an_empty_range_is_refused),
    TEST(null_is_no_value),
    TEST(freeing_nothing_does_nothing),
    TEST(null_is_no_map),
};

CHECK_MAIN(tests)
