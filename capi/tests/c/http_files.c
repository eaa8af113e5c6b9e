// What an HTTP server says by itself: data, files, directories, redirects, and pages for errors.

#include "files.h"
#include "http_sites.h"

#include <sys/stat.h>

// Data, files and redirects

static void data_is_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;
    char data[] = "<p>text";

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/static", data, 7, "text/html"), 0);
    memset(data, 0, sizeof data);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/plain", "\0\1", 2, NULL), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/empty", NULL, 0, "text/plain"), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, NULL, "root", 4, "text/plain"), 0);
    add(&site, handler);
    fetch(&site, "GET /static", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "<p>text");
    CHECK_STR(header(&answer, "Content-Type"), "text/html");
    CHECK_STR(header(&answer, "Content-Length"), "7");
    fetch(&site, "GET /plain", &answer);
    CHECK_STR(header(&answer, "Content-Type"), "application/octet-stream");
    CHECK_EQ(answer.size, 2);
    CHECK_MEM(answer.body, "\0\1", 2);
    fetch(&site, "GET /empty", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(header(&answer, "Content-Length"), "0");
    check_fetch(&site, "GET /", 200, "root");
    check_fetch(&site, "HEAD /static", 200, "");
    check_fetch(&site, "POST /static", 405, NULL);
    site_close(&site);
}

static void no_file(const char *name)
{
    CHECK_EQ(remove(path_in_directory(name)), 0);
}

static void files_are_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_file(&handler, "/file", path_in_directory("f.css")), 0);
    add(&site, handler);
    // It is read when it is asked for.
    check_fetch(&site, "GET /file", 404, NULL);
    file_of("f.css", "p {}", "");
    fetch(&site, "GET /file", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "p {}");
    CHECK_STR(header(&answer, "Content-Type"), "text/css");
    file_of("f.css", "", "");
    fetch(&site, "GET /file", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(header(&answer, "Content-Length"), "0");
    no_file("f.css");
    check_fetch(&site, "GET /file", 404, NULL);
    CHECK_EQ(nng_http_handler_alloc_file(&handler, "/dir", directory()), 0);
    add(&site, handler);
    check_fetch(&site, "GET /dir", 404, NULL);
    site_close(&site);
}

static void directories_are_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL, *other;

    CHECK_EQ(mkdir(path_in_directory("root"), 0700), 0);
    CHECK_EQ(mkdir(path_in_directory("root/sub"), 0700), 0);
    CHECK_EQ(mkdir(path_in_directory("root/none"), 0700), 0);
    file_of("outside.txt", "outside", "");
    file_of("root/a b.txt", "spaced", "");
    file_of("root/data.json", "{}", "");
    file_of("root/sub/index.html", "index", "");
    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_directory(&handler, "/dir", path_in_directory("root")), 0);
    add(&site, handler);
    // It has all below for itself.
    other = saying("/dir/more", "more");
    CHECK_EQ(nng_http_server_add_handler(site.server, other), NNG_EADDRINUSE);
    nng_http_handler_free(other);
    fetch(&site, "GET /dir/data.json", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "{}");
    CHECK_STR(header(&answer, "Content-Type"), "application/json");
    check_fetch(&site, "GET /dir/data.json?x=y", 200, "{}");
    check_fetch(&site, "GET /dir/a%20b.txt", 200, "spaced");
    check_fetch(&site, "GET /dir/sub/", 200, "index");
    check_fetch(&site, "GET /dir/sub/index.html", 200, "index");
    fetch(&site, "GET /dir/sub", &answer);
    CHECK_EQ(answer.status, 301);
    CHECK(header(&answer, "Location") != NULL);
    CHECK(strstr(header(&answer, "Location"), "/dir/sub/") != NULL);
    check_fetch(&site, "GET /dir/none/", 404, NULL);
    check_fetch(&site, "GET /dir/missing", 404, NULL);
    check_fetch(&site, "GET /dir/data.json/x", 404, NULL);
    check_fetch(&site, "GET /dir/../outside.txt", 404, NULL);
    check_fetch(&site, "GET /dir/%2e%2e/outside.txt", 404, NULL);
    check_fetch(&site, "GET /dir/..%2foutside.txt", 404, NULL);
    check_fetch(&site, "POST /dir/data.json", 405, NULL);
    site_close(&site);
    no_file("root/sub/index.html");
    no_file("root/data.json");
    no_file("root/a b.txt");
    no_file("outside.txt");
    no_file("root/none");
    no_file("root/sub");
    no_file("root");
}

static void clients_are_sent_elsewhere(void)
{
    static const struct {
        const char *line;
        int status;
        const char *location;
    } table[] = {
        { "GET /old", 301, "http://new.example/there" },
        { "POST /old", 301, "http://new.example/there" },
        { "GET /tree/x?y", 307, "http://new.example/x?y" },
        { "GET /tree/.evil.com", 307, "http://new.example/.evil.com" },
    };
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_redirect(&handler, "/old", 0, "http://new.example/there"), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_redirect(&handler, "/tree", 307, "http://new.example"), 0);
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    add(&site, handler);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        char request[200];
        int fd = connected(&site);

        snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: h\r\n\r\n", table[i].line);
        ask(fd, request, &answer);
        CHECK_EQ(answer.status, table[i].status);
        CHECK_STR(header(&answer, "Location"), table[i].location);
        CHECK_STR(header(&answer, "Connection"), "close");
        CHECK(strstr(answer.body, table[i].location) != NULL);
        check_ended(fd);
        close(fd);
    }
    site_close(&site);
}

// Nobody but the library has a use for the data of these handlers, but it does no harm.
static void built_in_handlers_have_data_too(void)
{
    struct site site;
    nng_http_handler *handler = NULL;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/static", "text", 4, "text/plain"), 0);
    CHECK(nng_http_handler_get_data(handler) == NULL);
    CHECK_EQ(nng_http_handler_set_data(handler, &data, destroys), 0);
    CHECK(nng_http_handler_get_data(handler) == &data);
    add(&site, handler);
    check_fetch(&site, "GET /static", 200, "text");
    site_close(&site);
    gate_await(&destroyed, 1);
    CHECK(last_destroyed == &data);
}

// Errors

static void errors_have_pages_of_ones_own(void)
{
    struct site site;
    struct answer answer;
    char page[] = "<p>not here";

    site_open(&site);
    check_fetch(&site, "GET /", 404, NULL);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, page), 0);
    memset(page, 'x', sizeof page - 1);
    fetch(&site, "GET /", &answer);
    CHECK_EQ(answer.status, 404);
    CHECK_STR(answer.body, "<p>not here");
    CHECK_STR(header(&answer, "Content-Type"), "text/html; charset=UTF-8");
    fetch(&site, "HEAD /", &answer);
    CHECK_STR(header(&answer, "Content-Length"), "11");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "second"), 0);
    check_fetch(&site, "GET /", 404, "second");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, ""), 0);
    check_fetch(&site, "GET /", 404, "");
    site_close(&site);
}

// Whoever says charset=latin1 in a page of his own means it.
static void a_page_may_be_of_any_bytes(void)
{
    struct site site;

    site_open(&site);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "\xe4\xff"), 0);
    check_fetch(&site, "GET /", 404, "\xe4\xff");
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file_of("e", "\xff\xe4", "")), 0);
    no_file("e");
    check_fetch(&site, "GET /", 404, "\xff\xe4");
    site_close(&site);
}

static void errors_have_files(void)
{
    struct site site;
    struct answer answer;

    site_open(&site);
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, path_in_directory("e")), NNG_ENOENT);
    check_fetch(&site, "GET /", 404, NULL);
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file_of("e", "from a file", "")), 0);
    // It was read, and is not needed any more.
    no_file("e");
    check_fetch(&site, "GET /", 404, "from a file");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "a page"), 0);
    check_fetch(&site, "GET /", 404, "a page");
    // An empty one brings back what was there before all of them.
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file_of("e", "", "")), 0);
    no_file("e");
    fetch(&site, "GET /", &answer);
    CHECK_EQ(answer.status, 404);
    CHECK(strstr(answer.body, "404") != NULL && strstr(answer.body, "Not Found") != NULL);
    site_close(&site);
}

static void is_an_error(nng_aio *aio)
{
    int what = *(int *) nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    nng_http_res *res;

    CHECK_EQ(nng_http_res_alloc_error(&res, 404), 0);
    if (what == 1) {
        CHECK_EQ(nng_http_res_copy_data(res, "own", 3), 0);
    }
    if (what == 2) {
        nng_http_res_reset(res);
    }
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

static void the_errors_of_handlers_get_the_servers_pages(void)
{
    struct site site;
    nng_http_handler *handler = made("/error", is_an_error);
    int what = 0;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, &what, NULL), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "page"), 0);
    check_fetch(&site, "GET /error", 404, "page");
    what = 1;
    check_fetch(&site, "GET /error", 404, "own");
    // What was reset is no error any more.
    what = 2;
    check_fetch(&site, "GET /error", 200, "");
    site_close(&site);
}

static void a_response_can_be_given_a_page(void)
{
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_http_res *res = response();
    void *data;
    size_t size;

    CHECK_EQ(nng_http_res_set_status(res, 503), 0);
    CHECK_EQ(nng_http_res_copy_data(res, "before", 6), 0);
    CHECK_EQ(nng_http_server_res_error(server, res), 0);
    CHECK_EQ(nng_http_res_get_status(res), 503);
    CHECK_STR(nng_http_res_get_header(res, "Content-Type"), "text/html; charset=UTF-8");
    nng_http_res_get_data(res, &data, &size);
    CHECK(size > 6);
    CHECK_EQ(atol(nng_http_res_get_header(res, "Content-Length")), size);
    CHECK_EQ(nng_http_server_set_error_page(server, 503, "page"), 0);
    CHECK_EQ(nng_http_server_res_error(server, res), 0);
    nng_http_res_get_data(res, &data, &size);
    CHECK_EQ(size, 4);
    CHECK_MEM(data, "page", 4);
    CHECK_STR(nng_http_res_get_header(res, "Content-Length"), "4");
    nng_http_res_free(res);
    nng_http_server_release(server);
}

static const struct check_test tests[] = {
    TEST(data_is_served),
    TEST(files_are_served),
    TEST(directories_are_served),
    TEST(clients_are_sent_elsewhere),
    TEST(built_in_handlers_have_data_too),
    TEST(errors_have_pages_of_ones_own),
    TEST(a_page_may_be_of_any_bytes),
    TEST(errors_have_files),
    TEST(the_errors_of_handlers_get_the_servers_pages),
    TEST(a_response_can_be_given_a_page),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
