// URLs: their parts, their one form, and what is refused.

#include "check.h"

#include <nng/nng.h>

static nng_url *parsed(const char *text)
{
    nng_url *url = NULL;
    int rv = nng_url_parse(&url, text);

    if (rv != 0) {
        fprintf(stderr, "%s: %s\n", text, nng_strerror(rv));
    }
    CHECK_EQ(rv, 0);
    CHECK(url != NULL);
    return url;
}

static void check_refused(const char *text)
{
    nng_url *untouched = (nng_url *) &untouched;
    nng_url *url = untouched;
    int rv = nng_url_parse(&url, text);

    if (rv != NNG_EINVAL) {
        fprintf(stderr, "%s: %s\n", text, nng_strerror(rv));
    }
    CHECK_EQ(rv, NNG_EINVAL);
    CHECK(url == untouched);
}

struct parts {
    const char *raw, *scheme, *userinfo, *host, *hostname, *port, *path, *query, *fragment, *requri;
};

static void check_parts(const nng_url *url, const struct parts *parts)
{
    CHECK_STR(url->u_rawurl, parts->raw);
    CHECK_STR(url->u_scheme, parts->scheme);
    CHECK_STR(url->u_userinfo, parts->userinfo);
    CHECK_STR(url->u_host, parts->host);
    CHECK_STR(url->u_hostname, parts->hostname);
    CHECK_STR(url->u_port, parts->port);
    CHECK_STR(url->u_path, parts->path);
    CHECK_STR(url->u_query, parts->query);
    CHECK_STR(url->u_fragment, parts->fragment);
    CHECK_STR(url->u_requri, parts->requri);
}

static const struct parts table[] = {
    { "http://www.google.com", "http", NULL, "www.google.com", "www.google.com", "80", "", NULL,
        NULL, "" },
    { "http://www.google.com:1234/", "http", NULL, "www.google.com:1234", "www.google.com", "1234",
        "/", NULL, NULL, "/" },
    { "HTTP://User:Pass@WWW.Example.COM/Path?A=B#Frag", "http", "User:Pass", "www.example.com",
        "www.example.com", "80", "/Path", "A=B", "Frag", "/Path?A=B#Frag" },
    { "https://h?q", "https", NULL, "h", "h", "443", "", "q", NULL, "?q" },
    { "https://h#f?g", "https", NULL, "h", "h", "443", "", NULL, "f?g", "#f?g" },
    { "http://h/?", "http", NULL, "h", "h", "80", "/", "", NULL, "/?" },
    { "http://h/#", "http", NULL, "h", "h", "80", "/", NULL, "", "/#" },
    { "http://@h/x", "http", "", "h", "h", "80", "/x", NULL, NULL, "/x" },
    { "tcp://[::1]:80", "tcp", NULL, "[::1]:80", "::1", "80", "", NULL, NULL, "" },
    { "tcp://[2001:DB8::A]", "tcp", NULL, "[2001:db8::a]", "2001:db8::a", "", "", NULL, NULL, "" },
    { "tcp://*:80", "tcp", NULL, ":80", "", "80", "", NULL, NULL, "" },
    { "tcp://*", "tcp", NULL, "", "", "", "", NULL, NULL, "" },
    { "tcp://*.com:1", "tcp", NULL, "*.com:1", "*.com", "1", "", NULL, NULL, "" },
    { "tcp://**:1", "tcp", NULL, "**:1", "**", "1", "", NULL, NULL, "" },
    { "tcp://::1:80", "tcp", NULL, "::1:80", "", ":1:80", "", NULL, NULL, "" },
    { "tcp://h:abc", "tcp", NULL, "h:abc", "h", "abc", "", NULL, NULL, "" },
    { "tcp://h:99999", "tcp", NULL, "h:99999", "h", "99999", "", NULL, NULL, "" },
    { "tcp://h: 80", "tcp", NULL, "h: 80", "h", " 80", "", NULL, NULL, "" },
    { "tcp://lo;127.0.0.1:5", "tcp", NULL, "lo;127.0.0.1:5", "lo;127.0.0.1", "5", "", NULL, NULL,
        "" },
    { "tcp://", "tcp", NULL, "", "", "", "", NULL, NULL, "" },
    { "://h", "", NULL, "h", "h", "", "", NULL, NULL, "" },
    { "a b9://h", "a b9", NULL, "h", "h", "", "", NULL, NULL, "" },
};

static void a_url_has_ten_parts(void)
{
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_url *url = parsed(table[i].raw);

        check_parts(url, &table[i]);
        nng_url_free(url);
    }
}

static const struct parts paths[] = {
    { "inproc://any ?#/../%41", "inproc", NULL, NULL, NULL, NULL, "any ?#/../%41", NULL, NULL,
        NULL },
    { "ipc:///tmp/A.sock", "ipc", NULL, NULL, NULL, NULL, "/tmp/A.sock", NULL, NULL, NULL },
    { "unix://rel", "unix", NULL, NULL, NULL, NULL, "rel", NULL, NULL, NULL },
    { "abstract://a%00b", "abstract", NULL, NULL, NULL, NULL, "a%00b", NULL, NULL, NULL },
    { "IPC://", "ipc", NULL, NULL, NULL, NULL, "", NULL, NULL, NULL },
};

static void paths_are_taken_as_they_are(void)
{
    for (size_t i = 0; i < CHECK_COUNT(paths); i++) {
        nng_url *url = parsed(paths[i].raw);

        check_parts(url, &paths[i]);
        nng_url_free(url);
    }
}

static void clones_are_equal_and_apart(void)
{
    static const struct parts *tables[] = { table, paths };
    static const size_t counts[] = { CHECK_COUNT(table), CHECK_COUNT(paths) };

    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            nng_url *url = parsed(tables[t][i].raw);
            nng_url *clone = NULL;

            CHECK_EQ(nng_url_clone(&clone, url), 0);
            CHECK(clone != url);
            CHECK(clone->u_rawurl != url->u_rawurl);
            nng_url_free(url);
            check_parts(clone, &tables[t][i]);
            nng_url_free(clone);
        }
    }
}

static void a_program_may_clone_what_it_has_built(void)
{
    nng_url mine;
    nng_url *clone = NULL;
    struct parts parts = { "tcp://h:1", "tcp", NULL, "h:1", "h", "1", "", NULL, NULL, "" };

    memset(&mine, 0, sizeof mine);
    mine.u_rawurl = (char *) parts.raw;
    mine.u_scheme = (char *) parts.scheme;
    mine.u_host = (char *) parts.host;
    mine.u_hostname = (char *) parts.hostname;
    mine.u_port = (char *) parts.port;
    mine.u_path = (char *) parts.path;
    mine.u_requri = (char *) parts.requri;
    CHECK_EQ(nng_url_clone(&clone, &mine), 0);
    check_parts(clone, &parts);
    nng_url_free(clone);
}

static void what_is_no_url_is_refused(void)
{
    static const char *bad[] = { "", "http", "http:", "http:/h", "mailto:x", "http//h", ":/h",
        "http://a@b@c", "http://h:", "http://h:/x", "tcp://[::1", "tcp://[::1]x", "tcp://[::1]:",
        "http://h/%", "http://h/%4", "http://h/%zz", "http://h/?%g1", "http://h/#%1", "http://h/a%" };

    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        check_refused(bad[i]);
    }
}

static void the_host_begins_right_behind_the_user(void)
{
    static const struct parts parts = { "http://u@/x", "http", "u", "", "", "80", "/x", NULL, NULL,
        "/x" };
    static const struct parts empty = { "http://u@", "http", "u", "", "", "80", "", NULL, NULL,
        "" };
    nng_url *url = parsed(parts.raw);

    check_parts(url, &parts);
    nng_url_free(url);
    check_refused("http://u@@h");
    url = parsed(empty.raw);
    check_parts(url, &empty);
    nng_url_free(url);
}

static void the_path_has_one_form(void)
{
    static const struct {
        const char *given, *form;
    } forms[] = {
        { "/a/b", "/a/b" },
        { "/%41%7a%30%2e%7E%5f%2D", "/Az0.~_-" },
        { "/%2f%20%00%3a", "/%2F%20%00%3A" },
        { "/a b\\c", "/a b\\c" },
        { "/caf%c3%a9", "/caf\xc3\xa9" },
        { "//a///b", "/a/b" },
        { "/?a//b", "/?a//b" },
        { "/#a//b", "/#a//b" },
        { "/a/./b", "/a/b" },
        { "/a/../b", "/b" },
        { "/../../b", "/b" },
        { "/%2e%2e/x", "/x" },
        { "/a/..", "" },
        { "/.", "" },
        { "/..", "" },
        { "/a/b/..", "/a" },
        { "/./", "/" },
        { "/a?x/../y", "/a?x/../y" },
        { "/?%41%2f", "/?A%2F" },
        { "/#%41%2f", "/#A%2F" },
        { "/.a/..b/c.", "/.a/..b/c." },
    };

    for (size_t i = 0; i < CHECK_COUNT(forms); i++) {
        char text[100];
        nng_url *url;

        snprintf(text, sizeof text, "http://h%s", forms[i].given);
        url = parsed(text);
        CHECK_STR(url->u_rawurl, text);
        CHECK_STR(url->u_requri, forms[i].form);
        nng_url_free(url);
    }
}

static void text_is_utf8(void)
{
    static const char *good[] = { "%e0%b8%81", "%ed%95%a0", "%f0%90%8d%88", "%f4%8f%bf%bf",
        "%ef%bf%bf", "%c2%80", "%e0%a0%80", "%ed%9f%bf", "%ee%80%80" };
    static const char *bad[] = { "%ed%a0%80", "%e0%9f%bf", "%f0%8f%bf%bf", "%f4%90%80%80", "%c0%80",
        "%c1%bf", "%80", "%ff", "%e2%82", "%c3", "%f5%80%80%80", "%c3a" };
    char text[100];

    for (size_t i = 0; i < CHECK_COUNT(good); i++) {
        snprintf(text, sizeof text, "http://h/%s", good[i]);
        nng_url_free(parsed(text));
    }
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        snprintf(text, sizeof text, "http://h/%s", bad[i]);
        check_refused(text);
        snprintf(text, sizeof text, "http://h/?%s", bad[i]);
        check_refused(text);
        snprintf(text, sizeof text, "http://h/#%s", bad[i]);
        check_refused(text);
    }
}

static void some_schemes_have_a_port(void)
{
    static const struct {
        const char *scheme, *port;
    } ports[] = {
        { "http", "80" }, { "ws", "80" }, { "https", "443" }, { "wss", "443" }, { "ssh", "22" },
        { "telnet", "23" }, { "gopher", "70" }, { "git", "9418" }, { "ws4", "80" }, { "ws6", "80" },
        { "wss4", "443" }, { "wss6", "443" }, { "http4", "80" }, { "ws44", "" }, { "wsx", "" },
        { "tcp", "" }, { "tcp4", "" }, { "tls+tcp", "" }, { "udp", "" },
    };

    for (size_t i = 0; i < CHECK_COUNT(ports); i++) {
        char text[100];
        nng_url *url;

        snprintf(text, sizeof text, "%s://host/", ports[i].scheme);
        url = parsed(text);
        CHECK_STR(url->u_port, ports[i].port);
        nng_url_free(url);
        snprintf(text, sizeof text, "%s://host:5/", ports[i].scheme);
        url = parsed(text);
        CHECK_STR(url->u_port, "5");
        nng_url_free(url);
    }
}

static void the_parts_are_freed_by_the_library_only(void)
{
    // What is not in use may be long, and each part is a string of its own.
    size_t length = 100000;
    char *text = malloc(length + 20);
    nng_url *url;

    strcpy(text, "http://h/");
    memset(text + 9, 'x', length);
    text[9 + length] = '\0';
    url = parsed(text);
    CHECK_EQ(strlen(url->u_path), length + 1);
    CHECK(url->u_path != url->u_requri);
    nng_url_free(url);
    free(text);
    nng_url_free(NULL);
}

static void null_is_no_url(void)
{
    nng_url *untouched = (nng_url *) &untouched;
    nng_url *url = untouched;

    CHECK_EQ(nng_url_parse(&url, NULL), NNG_EINVAL);
    CHECK(url == untouched);
    CHECK_EQ(nng_url_clone(&url, NULL), NNG_EINVAL);
    CHECK(url == untouched);
}

static const struct check_test tests[] = {
    TEST(a_url_has_ten_parts),
    TEST(paths_are_taken_as_they_are),
    TEST(clones_are_equal_and_apart),
    TEST(a_program_may_clone_what_it_has_built),
    TEST(what_is_no_url_is_refused),
    TEST(the_host_begins_right_behind_the_user),
    TEST(the_path_has_one_form),
    TEST(text_is_utf8),
    TEST(some_schemes_have_a_port),
    TEST(the_parts_are_freed_by_the_library_only),
    TEST(null_is_no_url),
};

CHECK_MAIN(tests)
