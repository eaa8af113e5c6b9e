// Messages: header, body, integers, and the room around them.

#include "check.h"

#include <nng/nng.h>

static nng_msg *msg_of(const char *text)
{
    nng_msg *m;

    CHECK_EQ(nng_msg_alloc(&m, 0), 0);
    CHECK_EQ(nng_msg_append(m, text, strlen(text)), 0);
    return m;
}

static void check_body(nng_msg *m, const char *text)
{
    CHECK_EQ(nng_msg_len(m), strlen(text));
    CHECK_MEM(nng_msg_body(m), text, strlen(text));
}

static void check_header(nng_msg *m, const char *text)
{
    CHECK_EQ(nng_msg_header_len(m), strlen(text));
    CHECK_MEM(nng_msg_header(m), text, strlen(text));
}

static void a_fresh_message_is_zero(void)
{
    static const size_t sizes[] = { 0, 1, 33, 1000, 1023, 1024, 1025, 4096, 100000 };

    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        nng_msg *m = NULL;
        const char *body;

        CHECK_EQ(nng_msg_alloc(&m, sizes[i]), 0);
        body = nng_msg_body(m);
        CHECK(body != NULL);
        CHECK_EQ((uintptr_t) body % 16, 0);
        CHECK_EQ(nng_msg_len(m), sizes[i]);
        CHECK_EQ(nng_msg_header_len(m), 0);
        CHECK(nng_msg_header(m) != NULL);
        CHECK_EQ(nng_msg_get_pipe(m).id, 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            CHECK_EQ(body[j], 0);
        }
        nng_msg_free(m);
    }
}

static void capacity_counts_from_the_body_on(void)
{
    static const struct {
        size_t size, capacity;
    } table[] = { { 0, 32 }, { 100, 132 }, { 1023, 1055 }, { 1024, 1024 }, { 1025, 1057 },
        { 2048, 2048 }, { 3000, 3032 } };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_msg *m;

        CHECK_EQ(nng_msg_alloc(&m, table[i].size), 0);
        CHECK_EQ(nng_msg_capacity(m), table[i].capacity);
        nng_msg_free(m);
    }
}

static void freeing_nothing_does_nothing(void)
{
    nng_msg_free(NULL);
}

static void absurd_sizes_are_no_memory(void)
{
    static const size_t sizes[] = { (size_t) 1 << 62, SIZE_MAX - 64, SIZE_MAX };
    nng_msg *none = NULL;
    nng_msg *m = msg_of("abc");

    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        CHECK_EQ(nng_msg_alloc(&none, sizes[i]), NNG_ENOMEM);
        CHECK(none == NULL);
        CHECK_EQ(nng_msg_realloc(m, sizes[i]), NNG_ENOMEM);
        CHECK_EQ(nng_msg_reserve(m, sizes[i]), NNG_ENOMEM);
        check_body(m, "abc");
    }
    nng_msg_free(m);
}

static void sizes_that_wrap_are_refused(void)
{
    nng_msg *none = NULL;
    nng_msg *m = msg_of("abc");

    CHECK_EQ(nng_msg_header_append(m, "xy", 2), 0);
    for (size_t i = 0; i < 40; i++) {
        size_t size = SIZE_MAX - i;

        CHECK_EQ(nng_msg_alloc(&none, size), NNG_ENOMEM);
        CHECK_EQ(nng_msg_append(m, NULL, size), NNG_ENOMEM);
        CHECK_EQ(nng_msg_insert(m, NULL, size), NNG_ENOMEM);
        CHECK_EQ(nng_msg_reserve(m, size), NNG_ENOMEM);
        CHECK_EQ(nng_msg_realloc(m, size), NNG_ENOMEM);
        CHECK_EQ(nng_msg_header_append(m, "data", size), NNG_EINVAL);
        CHECK_EQ(nng_msg_header_insert(m, "data", size), NNG_EINVAL);
        CHECK_EQ(nng_msg_trim(m, size), NNG_EINVAL);
        CHECK_EQ(nng_msg_chop(m, size), NNG_EINVAL);
        CHECK_EQ(nng_msg_header_trim(m, size), NNG_EINVAL);
        CHECK_EQ(nng_msg_header_chop(m, size), NNG_EINVAL);
    }
    check_body(m, "abc");
    check_header(m, "xy");
    nng_msg_free(m);
}

static void the_body_grows_and_shrinks_at_both_ends(void)
{
    nng_msg *m = msg_of("middle");

    CHECK_EQ(nng_msg_append(m, "-end", 4), 0);
    CHECK_EQ(nng_msg_insert(m, "begin-", 6), 0);
    check_body(m, "begin-middle-end");
    CHECK_EQ(nng_msg_trim(m, 6), 0);
    CHECK_EQ(nng_msg_chop(m, 4), 0);
    check_body(m, "middle");
    CHECK_EQ(nng_msg_trim(m, 7), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop(m, 7), NNG_EINVAL);
    check_body(m, "middle");
    CHECK_EQ(nng_msg_append(m, "x", 0), 0);
    CHECK_EQ(nng_msg_insert(m, "x", 0), 0);
    CHECK_EQ(nng_msg_trim(m, 0), 0);
    CHECK_EQ(nng_msg_chop(m, 0), 0);
    check_body(m, "middle");
    CHECK_EQ(nng_msg_chop(m, 6), 0);
    CHECK_EQ(nng_msg_len(m), 0);
    CHECK_EQ(nng_msg_chop(m, 1), NNG_EINVAL);
    nng_msg_free(m);
}

static void without_data_the_body_only_grows(void)
{
    nng_msg *m = msg_of("kept");

    CHECK_EQ(nng_msg_append(m, NULL, 3), 0);
    CHECK_EQ(nng_msg_len(m), 7);
    CHECK_MEM(nng_msg_body(m), "kept", 4);
    CHECK_EQ(nng_msg_insert(m, NULL, 5), 0);
    CHECK_EQ(nng_msg_len(m), 12);
    CHECK_MEM((char *) nng_msg_body(m) + 5, "kept", 4);
    CHECK_EQ(nng_msg_append(m, NULL, 0), 0);
    CHECK_EQ(nng_msg_insert(m, NULL, 0), 0);
    CHECK_EQ(nng_msg_len(m), 12);
    nng_msg_free(m);
}

// Every combination of an old body and an insertion around the room that a message has.
static void an_insertion_keeps_what_was_there(void)
{
    static char data[4000], old[2200];

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char) ('A' + i % 26);
    }
    for (size_t i = 0; i < sizeof old; i++) {
        old[i] = (char) ('a' + i % 23);
    }
    for (size_t length = 0; length < sizeof old; length += length < 70 ? 1 : 71) {
        for (size_t size = 1; size < 130; size++) {
            for (size_t reserve = 0; reserve < 3; reserve++) {
                nng_msg *m;
                char *body;

                CHECK_EQ(nng_msg_alloc(&m, length), 0);
                memcpy(nng_msg_body(m), old, length);
                CHECK_EQ(nng_msg_reserve(m, reserve * 1500), 0);
                CHECK_EQ(nng_msg_insert(m, data, size), 0);
                CHECK_EQ(nng_msg_len(m), length + size);
                body = nng_msg_body(m);
                CHECK_MEM(body, data, size);
                CHECK_MEM(body + size, old, length);
                nng_msg_free(m);
            }
        }
    }
}

static void the_example_of_an_insertion_into_shared_room(void)
{
    char forty[40];
    nng_msg *m = msg_of("WXYZ");

    memset(forty, '-', sizeof forty);
    CHECK_EQ(nng_msg_insert(m, forty, sizeof forty), 0);
    CHECK_EQ(nng_msg_len(m), 44);
    CHECK_MEM((char *) nng_msg_body(m) + 40, "WXYZ", 4);
    nng_msg_free(m);
}

static void trim_moves_the_body_unless_all_goes(void)
{
    nng_msg *m;
    char *body;

    CHECK_EQ(nng_msg_alloc(&m, 100), 0);
    body = nng_msg_body(m);
    CHECK_EQ(nng_msg_trim(m, 10), 0);
    CHECK(nng_msg_body(m) == (void *) (body + 10));
    CHECK_EQ(nng_msg_capacity(m), 122);
    CHECK_EQ(nng_msg_insert(m, "0123456789", 10), 0);
    CHECK(nng_msg_body(m) == (void *) body);
    CHECK_EQ(nng_msg_capacity(m), 132);
    CHECK_EQ(nng_msg_trim(m, 100), 0);
    CHECK_EQ(nng_msg_len(m), 0);
    CHECK(nng_msg_body(m) == (void *) body);
    CHECK_EQ(nng_msg_capacity(m), 132);
    nng_msg_free(m);
}

static void clear_and_chop_leave_the_room(void)
{
    nng_msg *m;
    void *body;

    CHECK_EQ(nng_msg_alloc(&m, 100), 0);
    body = nng_msg_body(m);
    CHECK_EQ(nng_msg_header_append(m, "head", 4), 0);
    CHECK_EQ(nng_msg_chop(m, 60), 0);
    CHECK(nng_msg_body(m) == body);
    CHECK_EQ(nng_msg_capacity(m), 132);
    nng_msg_clear(m);
    CHECK_EQ(nng_msg_len(m), 0);
    CHECK(nng_msg_body(m) == body);
    CHECK_EQ(nng_msg_capacity(m), 132);
    check_header(m, "head");
    nng_msg_free(m);
}

static void realloc_sets_the_length(void)
{
    nng_msg *m = msg_of("0123456789");
    size_t capacity;

    CHECK_EQ(nng_msg_realloc(m, 5000), 0);
    CHECK_EQ(nng_msg_len(m), 5000);
    CHECK_MEM(nng_msg_body(m), "0123456789", 10);
    capacity = nng_msg_capacity(m);
    CHECK(capacity >= 5000);
    CHECK_EQ(nng_msg_realloc(m, 4), 0);
    check_body(m, "0123");
    CHECK_EQ(nng_msg_capacity(m), capacity);
    CHECK_EQ(nng_msg_realloc(m, 0), 0);
    CHECK_EQ(nng_msg_len(m), 0);
    nng_msg_free(m);
}

static void reserve_never_shrinks(void)
{
    nng_msg *m = msg_of("text");
    void *body;
    size_t capacity;

    CHECK_EQ(nng_msg_reserve(m, 3000), 0);
    capacity = nng_msg_capacity(m);
    CHECK(capacity >= 3000);
    check_body(m, "text");
    CHECK_EQ(nng_msg_reserve(m, 10), 0);
    CHECK_EQ(nng_msg_reserve(m, 0), 0);
    CHECK_EQ(nng_msg_capacity(m), capacity);

    // What was reserved is there without another move.
    body = nng_msg_body(m);
    CHECK_EQ(nng_msg_append(m, NULL, 2996), 0);
    CHECK(nng_msg_body(m) == body);
    CHECK_MEM(body, "text", 4);
    nng_msg_free(m);
}

static void many_pieces_are_one_body(void)
{
    char piece[40];
    nng_msg *m;
    char *body;

    CHECK_EQ(nng_msg_alloc(&m, 0), 0);
    for (int i = 0; i < 5000; i++) {
        memset(piece, i % 251, sizeof piece);
        CHECK_EQ(nng_msg_append(m, piece, sizeof piece), 0);
        CHECK(nng_msg_capacity(m) >= nng_msg_len(m));
    }
    body = nng_msg_body(m);
    for (int i = 0; i < 5000; i++) {
        CHECK_EQ((unsigned char) body[i * 40], i % 251);
        CHECK_EQ((unsigned char) body[i * 40 + 39], i % 251);
    }
    nng_msg_free(m);
}

static void the_header_grows_and_shrinks_at_both_ends(void)
{
    nng_msg *m = msg_of("body");
    void *header = nng_msg_header(m);

    CHECK_EQ(nng_msg_header_append(m, "middle", 6), 0);
    CHECK_EQ(nng_msg_header_append(m, "-end", 4), 0);
    CHECK_EQ(nng_msg_header_insert(m, "begin-", 6), 0);
    check_header(m, "begin-middle-end");
    CHECK_EQ(nng_msg_header_trim(m, 6), 0);
    CHECK_EQ(nng_msg_header_chop(m, 4), 0);
    check_header(m, "middle");
    CHECK_EQ(nng_msg_header_trim(m, 7), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop(m, 7), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim(m, 0), 0);
    CHECK_EQ(nng_msg_header_chop(m, 0), 0);
    check_header(m, "middle");
    CHECK(nng_msg_header(m) == header);
    nng_msg_header_clear(m);
    CHECK_EQ(nng_msg_header_len(m), 0);
    CHECK(nng_msg_header(m) == header);
    check_body(m, "body");
    nng_msg_free(m);
}

static void the_header_has_64_bytes(void)
{
    char bytes[65];
    nng_msg *m = msg_of("body");

    memset(bytes, 'h', sizeof bytes);
    CHECK_EQ(nng_msg_header_append(m, bytes, 65), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert(m, bytes, 65), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_len(m), 0);
    CHECK_EQ(nng_msg_header_append(m, bytes, 60), 0);
    CHECK_EQ(nng_msg_header_append_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append_u32(m, 1), 0);
    CHECK_EQ(nng_msg_header_append_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append(m, bytes, 0), 0);
    CHECK_EQ(nng_msg_header_insert(m, bytes, 0), 0);
    CHECK_EQ(nng_msg_header_len(m), 64);
    nng_msg_free(m);
}

// Appends, inserts, trims and chops one width, on body or header.
#define INTEGERS(name, bits, prefix, length, value, bytes)               \
    static void name(void)                                               \
    {                                                                    \
        nng_msg *m = msg_of("");                                         \
        uint##bits##_t v = 77;                                           \
                                                                         \
        CHECK_EQ(prefix##trim_u##bits(m, &v), NNG_EINVAL);               \
        CHECK_EQ(prefix##chop_u##bits(m, &v), NNG_EINVAL);               \
        CHECK_EQ(v, 77);                                                 \
        CHECK_EQ(prefix##append_u##bits(m, value), 0);                   \
        CHECK_EQ(prefix##append_u##bits(m, 2), 0);                       \
        CHECK_EQ(prefix##insert_u##bits(m, 1), 0);                       \
        CHECK_EQ(length(m), 3 * bits / 8);                               \
        CHECK_EQ(prefix##trim_u##bits(m, &v), 0);                        \
        CHECK_EQ(v, 1);                                                  \
        CHECK_EQ(prefix##chop_u##bits(m, &v), 0);                        \
        CHECK_EQ(v, 2);                                                  \
        CHECK_EQ(length(m), bits / 8);                                   \
        CHECK_MEM(prefix##bytes(m), "\x01\x23\x45\x67\x89\xab\xcd\xef", bits / 8); \
        CHECK_EQ(prefix##chop(m, 1), 0);                                 \
        CHECK_EQ(prefix##trim_u##bits(m, &v), NNG_EINVAL);               \
        CHECK_EQ(prefix##chop_u##bits(m, &v), NNG_EINVAL);               \
        CHECK_EQ(v, 2);                                                  \
        CHECK_EQ(length(m), bits / 8 - 1);                               \
        nng_msg_free(m);                                                 \
    }

static void *nng_msg_at(nng_msg *m)
{
    return nng_msg_body(m);
}

static void *nng_msg_header_at(nng_msg *m)
{
    return nng_msg_header(m);
}

INTEGERS(bodies_have_integers_of_16_bits, 16, nng_msg_, nng_msg_len, 0x0123, at)
INTEGERS(bodies_have_integers_of_32_bits, 32, nng_msg_, nng_msg_len, 0x01234567, at)
INTEGERS(bodies_have_integers_of_64_bits, 64, nng_msg_, nng_msg_len, 0x0123456789abcdefULL, at)
INTEGERS(headers_have_integers_of_16_bits, 16, nng_msg_header_, nng_msg_header_len, 0x0123, at)
INTEGERS(headers_have_integers_of_32_bits, 32, nng_msg_header_, nng_msg_header_len, 0x01234567, at)
INTEGERS(headers_have_integers_of_64_bits, 64, nng_msg_header_, nng_msg_header_len,
    0x0123456789abcdefULL, at)

static void a_copy_is_another_message(void)
{
    nng_msg *m = msg_of("body");
    nng_msg *copy = NULL;
    nng_pipe p;

    p.id = 0x12345;
    nng_msg_set_pipe(m, p);
    CHECK_EQ(nng_msg_header_append(m, "head", 4), 0);
    CHECK_EQ(nng_msg_reserve(m, 900), 0);
    CHECK_EQ(nng_msg_trim(m, 1), 0);
    CHECK_EQ(nng_msg_dup(&copy, m), 0);
    CHECK(copy != m);
    CHECK(nng_msg_body(copy) != nng_msg_body(m));
    check_body(copy, "ody");
    check_header(copy, "head");
    CHECK_EQ(nng_msg_get_pipe(copy).id, 0x12345);
    CHECK_EQ(nng_msg_capacity(copy), nng_msg_capacity(m));

    CHECK_EQ(nng_msg_append(copy, "!", 1), 0);
    nng_msg_header_clear(copy);
    check_body(m, "ody");
    check_header(m, "head");
    nng_msg_free(m);
    check_body(copy, "ody!");
    nng_msg_free(copy);
}

static void a_pipe_is_only_a_number(void)
{
    static const uint32_t ids[] = { 1, 0x7fffffff, 0x80000000, 0xffffffff, 0 };
    nng_msg *m = msg_of("");

    for (size_t i = 0; i < CHECK_COUNT(ids); i++) {
        nng_pipe p;

        p.id = ids[i];
        nng_msg_set_pipe(m, p);
        CHECK_EQ(nng_msg_get_pipe(m).id, ids[i]);
    }
    nng_msg_free(m);
}

static void null_has_no_header(void)
{
    CHECK(nng_msg_header(NULL) == NULL);
}

static void headers_are_not_filled_from_null(void)
{
    nng_msg *m = msg_of("");

    CHECK_EQ(nng_msg_header_append(m, NULL, 0), 0);
    CHECK_EQ(nng_msg_header_insert(m, NULL, 0), 0);
    CHECK_EQ(nng_msg_header_append(m, NULL, 4), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert(m, NULL, 4), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_len(m), 0);
    nng_msg_free(m);
}

static void integers_need_a_place(void)
{
    nng_msg *m = msg_of("12345678");

    CHECK_EQ(nng_msg_header_append(m, "12345678", 8), 0);
    CHECK_EQ(nng_msg_chop_u16(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop_u32(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop_u64(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u16(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u32(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u64(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u16(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u32(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u64(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u16(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u32(m, NULL), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u64(m, NULL), NNG_EINVAL);
    check_body(m, "12345678");
    check_header(m, "12345678");
    nng_msg_free(m);
}

static void null_is_no_message(void)
{
    nng_msg *m = NULL;
    nng_pipe p;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    p.id = 1;
    nng_msg_clear(m);
    nng_msg_header_clear(m);
    nng_msg_set_pipe(m, p);
    CHECK(nng_msg_body(m) == NULL);
    CHECK_EQ(nng_msg_len(m), 0);
    CHECK_EQ(nng_msg_header_len(m), 0);
    CHECK_EQ(nng_msg_capacity(m), 0);
    CHECK_EQ(nng_msg_get_pipe(m).id, 0);
    CHECK_EQ(nng_msg_realloc(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_reserve(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_append(m, "x", 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_insert(m, "x", 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append(m, "x", 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert(m, "x", 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_append_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_append_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_append_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_insert_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_insert_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_insert_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u16(m, &v16), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u32(m, &v32), NNG_EINVAL);
    CHECK_EQ(nng_msg_trim_u64(m, &v64), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop_u16(m, &v16), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop_u32(m, &v32), NNG_EINVAL);
    CHECK_EQ(nng_msg_chop_u64(m, &v64), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_append_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u16(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u32(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_insert_u64(m, 1), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u16(m, &v16), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u32(m, &v32), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_trim_u64(m, &v64), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u16(m, &v16), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u32(m, &v32), NNG_EINVAL);
    CHECK_EQ(nng_msg_header_chop_u64(m, &v64), NNG_EINVAL);
    CHECK_EQ(nng_msg_dup(&m, NULL), NNG_EINVAL);
    CHECK(m == NULL);
}

static const struct check_test tests[] = {
    TEST(a_fresh_message_is_zero),
    TEST(capacity_counts_from_the_body_on),
    TEST(freeing_nothing_does_nothing),
    TEST(absurd_sizes_are_no_memory),
    TEST(sizes_that_wrap_are_refused),
    TEST(the_body_grows_and_shrinks_at_both_ends),
    TEST(without_data_the_body_only_grows),
    TEST(an_insertion_keeps_what_was_there),
    TEST(the_example_of_an_insertion_into_shared_room),
    TEST(trim_moves_the_body_unless_all_goes),
    TEST(clear_and_chop_leave_the_room),
    TEST(realloc_sets_the_length),
    TEST(reserve_never_shrinks),
    TEST(many_pieces_are_one_body),
    TEST(the_header_grows_and_shrinks_at_both_ends),
    TEST(the_header_has_64_bytes),
    TEST(bodies_have_integers_of_16_bits),
    TEST(bodies_have_integers_of_32_bits),
    TEST(bodies_have_integers_of_64_bits),
    TEST(headers_have_integers_of_16_bits),
    TEST(headers_have_integers_of_32_bits),
    TEST(headers_have_integers_of_64_bits),
    TEST(a_copy_is_another_message),
    TEST(a_pipe_is_only_a_number),
    TEST(null_has_no_header),
    TEST(headers_are_not_filled_from_null),
    TEST(integers_need_a_place),
    TEST(null_is_no_message),
};

CHECK_MAIN(tests)
