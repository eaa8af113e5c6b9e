// Memory, version, error texts, tunables and the text of addresses.

#include "check.h"

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include <arpa/inet.h>

#ifdef OLD_HEADERS
#define NNG_MAXADDRSTRLEN 144
typedef int nng_init_parameter;
enum { NNG_INIT_NUM_TASK_THREADS = 1, NNG_INIT_MAX_POLLER_THREADS = 7 };
extern void nng_init_set_parameter(nng_init_parameter, uint64_t);
extern const char *nng_str_sockaddr(const nng_sockaddr *, char *, size_t);
#endif

static void memory_is_that_of_malloc(void)
{
    char *p = nng_alloc(100);
    char *q;

    CHECK(p != NULL);
    CHECK_EQ((uintptr_t) p % 16, 0);
    memset(p, 1, 100);
    nng_free(p, 100);

    // The size is ignored, and either side may free what the other one allocated.
    nng_free(malloc(10), 12345);
    free(nng_alloc(10));
    nng_strfree(strdup("by libc"));
    free(nng_strdup("by the library"));
    q = realloc(nng_alloc(8), 4096);
    CHECK(q != NULL);
    nng_free(q, 8);
}

static void no_memory_is_null(void)
{
    CHECK(nng_alloc(0) == NULL);
    CHECK(nng_alloc(SIZE_MAX) == NULL);
    CHECK(nng_alloc(SIZE_MAX / 2) == NULL);
    nng_free(NULL, 0);
    nng_free(NULL, 100);
}

static void strings_are_copied(void)
{
    const char *text = "a text";
    char *copy = nng_strdup(text);
    char *empty = nng_strdup("");

    CHECK(copy != text);
    CHECK_STR(copy, "a text");
    CHECK_STR(empty, "");
    nng_strfree(copy);
    nng_strfree(empty);
    nng_strfree(NULL);
}

static void nothing_is_copied_of_null(void)
{
    CHECK(nng_strdup(NULL) == NULL);
}

static void the_version_is_that_of_the_header(void)
{
    char expected[64];
    int major, minor;

    snprintf(expected, sizeof expected, "%d.%d.%d%s", NNG_MAJOR_VERSION, NNG_MINOR_VERSION,
        NNG_PATCH_VERSION, NNG_RELEASE_SUFFIX);
    CHECK_STR(nng_version(), expected);
    CHECK(nng_version() == nng_version());
    CHECK_EQ(sscanf(nng_version(), "%d.%d", &major, &minor), 2);
    CHECK_EQ(major, 1);
}

static void the_version_is_no_older_than_what_it_replaces(void)
{
    int major, minor;

    CHECK_EQ(sscanf(nng_version(), "%d.%d", &major, &minor), 2);
    CHECK(major > 1 || minor >= 11);
}

static void every_code_has_its_text(void)
{
    static const struct {
        int code;
        const char *text;
    } table[] = {
        { 0, "Hunky dory" },
        { NNG_EINTR, "Interrupted" },
        { NNG_ENOMEM, "Out of memory" },
        { NNG_EINVAL, "Invalid argument" },
        { NNG_EBUSY, "Resource busy" },
        { NNG_ETIMEDOUT, "Timed out" },
        { NNG_ECONNREFUSED, "Connection refused" },
        { NNG_ECLOSED, "Object closed" },
        { NNG_EAGAIN, "Try again" },
        { NNG_ENOTSUP, "Not supported" },
        { NNG_EADDRINUSE, "Address in use" },
        { NNG_ESTATE, "Incorrect state" },
        { NNG_ENOENT, "Entry not found" },
        { NNG_EPROTO, "Protocol error" },
        { NNG_EUNREACHABLE, "Destination unreachable" },
        { NNG_EADDRINVAL, "Address invalid" },
        { NNG_EPERM, "Permission denied" },
        { NNG_EMSGSIZE, "Message too large" },
        { NNG_ECONNABORTED, "Connection aborted" },
        { NNG_ECONNRESET, "Connection reset" },
        { NNG_ECANCELED, "Operation canceled" },
        { NNG_ENOFILES, "Out of files" },
        { NNG_ENOSPC, "Out of space" },
        { NNG_EEXIST, "Resource already exists" },
        { NNG_EREADONLY, "Read only resource" },
        { NNG_EWRITEONLY, "Write only resource" },
        { NNG_ECRYPTO, "Cryptographic error" },
        { NNG_EPEERAUTH, "Peer could not be authenticated" },
        { NNG_ENOARG, "Option requires argument" },
        { NNG_EAMBIGUOUS, "Ambiguous option" },
        { NNG_EBADTYPE, "Incorrect type" },
        { NNG_ECONNSHUT, "Connection shutdown" },
        { NNG_EINTERNAL, "Internal error detected" },
    };

    for (int i = 0; i <= 31; i++) {
        CHECK_EQ(table[i].code, i);
    }
    CHECK_EQ(NNG_EINTERNAL, 1000);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_STR(nng_strerror(table[i].code), table[i].text);
        // These are constants, whatever is asked in between.
        CHECK(nng_strerror(table[i].code) == nng_strerror(table[i].code));
    }
}

static void other_codes_have_a_text_too(void)
{
    CHECK_EQ(NNG_ESYSERR, 0x10000000);
    CHECK_EQ(NNG_ETRANERR, 0x20000000);
    CHECK_STR(nng_strerror(NNG_ESYSERR + ENOENT), strerror(ENOENT));
    CHECK_STR(nng_strerror(NNG_ESYSERR), strerror(0));
    CHECK_STR(nng_strerror(-1), strerror(-268435457));
    CHECK_STR(nng_strerror(NNG_ETRANERR + 17), "Transport error #17");
    CHECK_STR(nng_strerror(NNG_ETRANERR), "Transport error #0");
    // The bit of the system comes first.
    CHECK_STR(nng_strerror(NNG_ETRANERR + NNG_ESYSERR + EACCES),
        strerror((int) (NNG_ETRANERR + EACCES)));
    CHECK_STR(nng_strerror(32), "Unknown error #32");
    CHECK_STR(nng_strerror(999), "Unknown error #999");
    CHECK_STR(nng_strerror(1001), "Unknown error #1001");
    CHECK_STR(nng_strerror(268435452), "Unknown error #268435452");
}

static void *asks_for_other_texts(void *arg)
{
    (void) arg;
    CHECK_STR(nng_strerror(778), "Unknown error #778");
    CHECK_STR(nng_strerror(NNG_ETRANERR + 778), "Transport error #778");
    return NULL;
}

static void check_kept(int code, const char *expected)
{
    const char *text = nng_strerror(code);
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, asks_for_other_texts, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_STR(text, expected);
}

static void texts_are_not_changed_by_other_threads(void)
{
    check_kept(777, "Unknown error #777");
    check_kept(NNG_ETRANERR + 777, "Transport error #777");
}

// A text may become another one by the next call, but it stays a text.
static void an_earlier_text_stays_readable(void)
{
    const char *first = nng_strerror(777), *second;
    char *filler[64];

    second = nng_strerror(88);
    for (size_t i = 0; i < CHECK_COUNT(filler); i++) {
        filler[i] = malloc(8 + i);
        memset(filler[i], '#', 8 + i);
    }
    CHECK_STR(second, "Unknown error #88");
    CHECK(strcmp(first, "Unknown error #777") == 0 || strcmp(first, "Unknown error #88") == 0);
    for (size_t i = 0; i < CHECK_COUNT(filler); i++) {
        free(filler[i]);
    }
}

static void texts_of_two_forms_stand_beside_each_other(void)
{
    const char *unknown = nng_strerror(777);
    const char *transport = nng_strerror(NNG_ETRANERR + 777);

    CHECK_STR(unknown, "Unknown error #777");
    CHECK_STR(transport, "Transport error #777");
}

static const char *in_text(const char *address, uint16_t port)
{
    static char buf[NNG_MAXADDRSTRLEN];
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_in.sa_family = NNG_AF_INET;
    sa.s_in.sa_port = htons(port);
    CHECK_EQ(inet_pton(AF_INET, address, &sa.s_in.sa_addr), 1);
    CHECK(nng_str_sockaddr(&sa, buf, sizeof buf) == buf);
    return buf;
}

static const char *in6_text(const char *address, uint16_t port, uint32_t scope)
{
    static char buf[NNG_MAXADDRSTRLEN];
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_in6.sa_family = NNG_AF_INET6;
    sa.s_in6.sa_port = htons(port);
    sa.s_in6.sa_scope = scope;
    CHECK_EQ(inet_pton(AF_INET6, address, sa.s_in6.sa_addr), 1);
    CHECK(nng_str_sockaddr(&sa, buf, sizeof buf) == buf);
    return buf;
}

static void addresses_of_the_internet_have_text(void)
{
    CHECK_STR(in_text("127.0.0.1", 80), "127.0.0.1:80");
    CHECK_STR(in_text("0.0.0.0", 0), "0.0.0.0:0");
    CHECK_STR(in_text("255.255.255.255", 65535), "255.255.255.255:65535");

    CHECK_STR(in6_text("::1", 443, 0), "[::1]:443");
    CHECK_STR(in6_text("::", 1, 0), "[::]:1");
    CHECK_STR(in6_text("fe80::1", 7, 3), "[fe80::1%3]:7");
    CHECK_STR(in6_text("2001:DB8::A0", 7, 0), "[2001:db8::a0]:7");
    // The longest run of zeros is left out, of two equal ones the first, and even a single one.
    CHECK_STR(in6_text("2001:db8:0:1:0:0:0:1", 7, 0), "[2001:db8:0:1::1]:7");
    CHECK_STR(in6_text("1:0:0:2:3:0:0:4", 7, 0), "[1::2:3:0:0:4]:7");
    CHECK_STR(in6_text("2001:1:1:1:1:1:1:0", 7, 0), "[2001:1:1:1:1:1:1::]:7");
    CHECK_STR(in6_text("::ffff:1.2.3.4", 7, 0), "[::ffff:1.2.3.4]:7");
    CHECK_STR(in6_text("::1.2.3.4", 7, 0), "[::102:304]:7");
}

static void addresses_of_names_and_paths_have_text(void)
{
    char buf[NNG_MAXADDRSTRLEN];
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_inproc.sa_family = NNG_AF_INPROC;
    strcpy(sa.s_inproc.sa_name, "here");
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "inproc[here]");

    memset(&sa, 0, sizeof sa);
    sa.s_ipc.sa_family = NNG_AF_IPC;
    strcpy(sa.s_ipc.sa_path, "/tmp/a b");
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "/tmp/a b");

    memset(&sa, 0, sizeof sa);
    sa.s_zt.sa_family = NNG_AF_ZT;
    sa.s_zt.sa_nwid = 0xabcd;
    sa.s_zt.sa_nodeid = 0x1234567890;
    sa.s_zt.sa_port = 99;
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "ZT[1234567890:abcd:99]");

    memset(&sa, 0, sizeof sa);
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "unknown");
    sa.s_family = 777;
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "unknown");
}

static void abstract_names_are_as_long_as_they_say(void)
{
    char buf[512];
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_abstract.sa_family = NNG_AF_ABSTRACT;
    sa.s_abstract.sa_len = 4;
    memcpy(sa.s_abstract.sa_name, "nameless", 8);
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "abstract[name]");

    sa.s_abstract.sa_len = 0;
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "abstract[]");

    memcpy(sa.s_abstract.sa_name, "a\0b\xff", 4);
    sa.s_abstract.sa_len = 4;
    CHECK_STR(nng_str_sockaddr(&sa, buf, sizeof buf), "abstract[a%00b%FF]");

    memset(sa.s_abstract.sa_name, 'x', sizeof sa.s_abstract.sa_name);
    sa.s_abstract.sa_len = 107;
    CHECK_EQ(strlen(nng_str_sockaddr(&sa, buf, sizeof buf)), strlen("abstract[]") + 107);
}

static void text_is_cut_to_the_buffer(void)
{
    char buf[16];
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_in.sa_family = NNG_AF_INET;
    sa.s_in.sa_port = htons(80);
    sa.s_in.sa_addr = htonl(0x7f000001);
    memset(buf, '#', sizeof buf);
    CHECK_STR(nng_str_sockaddr(&sa, buf, 6), "127.0");
    CHECK_EQ(buf[6], '#');
    CHECK_STR(nng_str_sockaddr(&sa, buf, 1), "");
    buf[0] = '#';
    nng_str_sockaddr(&sa, buf, 0);
    CHECK_EQ(buf[0], '#');
}

static void layouts_are_what_programs_were_compiled_with(void)
{
    CHECK_EQ(sizeof(nng_sockaddr), 136);
    CHECK_EQ(sizeof(nng_sockaddr_inproc), 130);
    CHECK_EQ(sizeof(nng_sockaddr_ipc), 130);
    CHECK_EQ(sizeof(nng_sockaddr_in), 8);
    CHECK_EQ(sizeof(nng_sockaddr_in6), 24);
    CHECK_EQ(sizeof(nng_sockaddr_zt), 32);
    CHECK_EQ(sizeof(nng_sockaddr_abstract), 112);
    CHECK_EQ(sizeof(nng_iov), 16);
    CHECK_EQ(sizeof(nng_url), 80);
    CHECK_EQ(sizeof(nng_duration), 4);
    CHECK_EQ(sizeof(nng_time), 8);
    CHECK_EQ(sizeof(nng_pipe), 4);
    CHECK_EQ(NNG_MAXADDRLEN, 128);
    CHECK_EQ(offsetof(nng_sockaddr_in6, sa_scope), 20);
    CHECK_EQ(offsetof(nng_sockaddr_zt, sa_port), 24);
    CHECK_EQ(offsetof(nng_sockaddr_abstract, sa_name), 4);
    CHECK_EQ(offsetof(nng_url, u_requri), 72);
}

static void tunables_take_anything(void)
{
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 0);
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 3);
    nng_init_set_parameter(NNG_INIT_MAX_POLLER_THREADS, UINT64_MAX);
    nng_init_set_parameter(0, 1);
    nng_init_set_parameter(12345, 1);
    nng_init_set_parameter(-1, 1);
    CHECK(nng_clock() <= nng_clock());
    // The library has started: this is for nobody.
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 1000000);
    CHECK(nng_clock() <= nng_clock());
}

static void the_end_may_come_twice(void)
{
    nng_fini();
    nng_fini();
    CHECK(nng_clock() <= nng_clock());
    nng_fini();
}

static void any_path_has_a_text(void)
{
    nng_sockaddr addr;
    char text[NNG_MAXADDRSTRLEN * 2];

    memset(&addr, 0, sizeof addr);
    addr.s_ipc.sa_family = NNG_AF_IPC;
    CHECK_STR(nng_str_sockaddr(&addr, text, sizeof text), "");
    memset(addr.s_ipc.sa_path, 'p', 127);
    CHECK_EQ(strlen(nng_str_sockaddr(&addr, text, sizeof text)), 127);
    memcpy(addr.s_ipc.sa_path, "/\xff\xfe", 4);
    CHECK_STR(nng_str_sockaddr(&addr, text, sizeof text), "/\xff\xfe");
}

static const struct check_test tests[] = {
    TEST(memory_is_that_of_malloc),
    TEST(no_memory_is_null),
    TEST(strings_are_copied),
    TEST(nothing_is_copied_of_null),
    TEST(the_version_is_that_of_the_header),
    TEST(the_version_is_no_older_than_what_it_replaces),
    TEST(every_code_has_its_text),
    TEST(other_codes_have_a_text_too),
    TEST(texts_are_not_changed_by_other_threads),
    TEST(an_earlier_text_stays_readable),
    TEST(texts_of_two_forms_stand_beside_each_other),
    TEST(addresses_of_the_internet_have_text),
    TEST(any_path_has_a_text),
    TEST(addresses_of_names_and_paths_have_text),
    TEST(abstract_names_are_as_long_as_they_say),
    TEST(text_is_cut_to_the_buffer),
    TEST(layouts_are_what_programs_were_compiled_with),
    TEST(tunables_take_anything),
    TEST(the_end_may_come_twice),
};

CHECK_MAIN(tests)
