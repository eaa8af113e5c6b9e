// TLS: configurations, and the options of dialers and listeners that reach them.

#include "secure.h"

#include <sys/stat.h>

// Configurations

static void what_does_the_work_is_told(void)
{
    CHECK(nng_tls_engine_name() != NULL);
    CHECK(strcmp(nng_tls_engine_name(), "none") != 0);
    CHECK(nng_tls_engine_name()[0] != '\0');
    CHECK(nng_tls_engine_description() != NULL);
    CHECK(nng_tls_engine_description()[0] != '\0');
    CHECK(!nng_tls_engine_fips_mode());
}

static void a_configuration_lives_as_long_as_somebody_holds_it(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    nng_tls_config_hold(c);
    nng_tls_config_hold(c);
    nng_tls_config_free(c);
    nng_tls_config_free(c);
    CHECK_EQ(nng_tls_config_server_name(c, "still there"), 0);
    nng_tls_config_free(c);
}

static void there_are_two_modes(void)
{
    nng_tls_config *c = NULL;

    CHECK_EQ(nng_tls_config_alloc(&c, (nng_tls_mode) 2), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_alloc(&c, (nng_tls_mode) -1), NNG_EINVAL);
    CHECK(c == NULL);
}

static void names_and_modes_are_set(void)
{
    for (int mode = NNG_TLS_MODE_CLIENT; mode <= NNG_TLS_MODE_SERVER; mode++) {
        nng_tls_config *c = config((nng_tls_mode) mode);

        CHECK_EQ(nng_tls_config_server_name(c, "localhost"), 0);
        CHECK_EQ(nng_tls_config_server_name(c, ""), 0);
        CHECK_EQ(nng_tls_config_server_name(c, "other.example"), 0);
        for (int auth = 0; auth <= 2; auth++) {
            CHECK_EQ(nng_tls_config_auth_mode(c, (nng_tls_auth_mode) auth), 0);
        }
        CHECK_EQ(nng_tls_config_auth_mode(c, (nng_tls_auth_mode) 3), NNG_EINVAL);
        CHECK_EQ(nng_tls_config_auth_mode(c, (nng_tls_auth_mode) -1), NNG_EINVAL);
        nng_tls_config_free(c);
    }
}

static void authorities_are_certificates(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, NULL), 0);
    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, revocations), 0);
    CHECK_EQ(nng_tls_config_ca_chain(c, client_cert, NULL), 0);
    CHECK_EQ(nng_tls_config_ca_chain(c, "nothing of the kind", NULL), NNG_ECRYPTO);
    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, "nothing of the kind"), NNG_ECRYPTO);
    CHECK_EQ(nng_tls_config_ca_chain(c,
                 "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL),
        NNG_ECRYPTO);
    nng_tls_config_free(c);
}

static void authorities_may_be_in_files(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);
    const char *path = file_of("ca", authority_cert, "");

    CHECK_EQ(nng_tls_config_ca_file(c, path), 0);
    file_of("ca", authority_cert, revocations);
    CHECK_EQ(nng_tls_config_ca_file(c, path), 0);
    file_of("ca", "nothing of the kind", "");
    CHECK_EQ(nng_tls_config_ca_file(c, path), NNG_ECRYPTO);
    CHECK_EQ(chmod(path, 0), 0);
    if (getuid() != 0) {
        CHECK_EQ(nng_tls_config_ca_file(c, path), NNG_EPERM);
    }
    unlink(path);
    CHECK_EQ(nng_tls_config_ca_file(c, path), NNG_ENOENT);
    CHECK_EQ(nng_tls_config_ca_file(c, directory()), NNG_ESYSERR + EISDIR);
    nng_tls_config_free(c);
}

static void certificates_have_their_keys(void)
{
    for (int mode = NNG_TLS_MODE_CLIENT; mode <= NNG_TLS_MODE_SERVER; mode++) {
        nng_tls_config *c = config((nng_tls_mode) mode);

        CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key_locked, "wrong"), NNG_ECRYPTO);
        CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key_locked, NULL), NNG_ECRYPTO);
        CHECK_EQ(nng_tls_config_own_cert(c, "nothing", server_key, NULL), NNG_ECRYPTO);
        CHECK_EQ(nng_tls_config_own_cert(c, server_cert, "nothing", NULL), NNG_ECRYPTO);
        CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key, NULL), 0);
        nng_tls_config_free(c);
        c = config((nng_tls_mode) mode);
        CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key_locked, "secret"), 0);
        nng_tls_config_free(c);
        c = config((nng_tls_mode) mode);
        CHECK_EQ(nng_tls_config_own_cert(c, client_cert, client_key, "not needed"), 0);
        nng_tls_config_free(c);
    }
}

static void a_key_of_another_certificate_is_refused(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_SERVER);

    CHECK_EQ(nng_tls_config_own_cert(c, server_cert, client_key, NULL), NNG_ECRYPTO);
    CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key, NULL), 0);
    nng_tls_config_free(c);
}

static void a_file_may_have_both(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_SERVER);
    const char *path = file_of("both", server_cert, server_key_locked);

    CHECK_EQ(nng_tls_config_cert_key_file(c, path, "wrong"), NNG_ECRYPTO);
    CHECK_EQ(nng_tls_config_cert_key_file(c, path, NULL), NNG_ECRYPTO);
    CHECK_EQ(nng_tls_config_cert_key_file(c, path, "secret"), 0);
    nng_tls_config_free(c);
    c = config(NNG_TLS_MODE_SERVER);
    file_of("both", server_cert, server_key);
    CHECK_EQ(nng_tls_config_cert_key_file(c, path, NULL), 0);
    file_of("both", server_cert, "");
    CHECK_EQ(nng_tls_config_cert_key_file(c, path, NULL), NNG_ECRYPTO);
    unlink(path);
    CHECK_EQ(nng_tls_config_cert_key_file(c, path, NULL), NNG_ENOENT);
    CHECK_EQ(nng_tls_config_cert_key_file(c, directory(), NULL), NNG_ESYSERR + EISDIR);
    nng_tls_config_free(c);
}

static void versions_are_a_range(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_SERVER);

    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_2, NNG_TLS_1_2), 0);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_2, NNG_TLS_1_3), 0);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_0, NNG_TLS_1_2), 0);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_3, NNG_TLS_1_2), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_version(c, (nng_tls_version) 0x300, NNG_TLS_1_2), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_2, (nng_tls_version) 0x305), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_version(c, (nng_tls_version) 0, (nng_tls_version) 0), NNG_ENOTSUP);
    nng_tls_config_free(c);
}

static void old_versions_are_not_enough(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_SERVER);

    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_0, NNG_TLS_1_0), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_0, NNG_TLS_1_1), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_version(c, NNG_TLS_1_1, NNG_TLS_1_1), NNG_ENOTSUP);
    nng_tls_config_free(c);
}

// An engine may have no keys that are shared beforehand. If it has, it takes no bad ones.
static void shared_keys_are_taken_or_not_supported(void)
{
    static const uint8_t key[64] = { 1 };

    for (int mode = NNG_TLS_MODE_CLIENT; mode <= NNG_TLS_MODE_SERVER; mode++) {
        nng_tls_config *c = config((nng_tls_mode) mode);
        int rv = nng_tls_config_psk(c, "identity", key, 32);

        CHECK(rv == 0 || rv == NNG_ENOTSUP);
        CHECK_EQ(nng_tls_config_psk(c, "identity", key, 0), rv == 0 ? NNG_EINVAL : rv);
        CHECK_EQ(nng_tls_config_psk(c, "identity", key, 64), rv == 0 ? NNG_ECRYPTO : rv);
        nng_tls_config_free(c);
    }
}

static void null_is_no_configuration(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    nng_tls_config_free(NULL);
    nng_tls_config_hold(NULL);
    CHECK_EQ(nng_tls_config_ca_chain(c, NULL, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_ca_file(c, NULL), NNG_EINVAL);
    nng_tls_config_free(c);
}

static void null_is_nothing(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    CHECK_EQ(nng_tls_config_server_name(NULL, "x"), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_auth_mode(NULL, NNG_TLS_AUTH_MODE_NONE), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_ca_chain(NULL, authority_cert, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_ca_file(NULL, "/nowhere"), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_own_cert(NULL, server_cert, server_key, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_cert_key_file(NULL, "/nowhere", NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_version(NULL, NNG_TLS_1_2, NNG_TLS_1_2), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_psk(NULL, "x", (const uint8_t *) "x", 1), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_server_name(c, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_own_cert(c, NULL, server_key, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_own_cert(c, server_cert, NULL, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_cert_key_file(c, NULL, NULL), NNG_EINVAL);
    nng_tls_config_free(c);
}

// Options

static void what_was_used_is_frozen(void)
{
    struct link link;
    nng_tls_config *s = server(), *c = client(), *both[2];
    const char *path = file_of("frozen", server_cert, server_key);

    nng_tls_config_hold(s);
    nng_tls_config_hold(c);
    secure_link(&link, s, c, "127.0.0.1");
    both[0] = s;
    both[1] = c;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(nng_tls_config_server_name(both[i], "x"), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_auth_mode(both[i], NNG_TLS_AUTH_MODE_NONE), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_ca_chain(both[i], authority_cert, NULL), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_ca_file(both[i], path), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_ca_file(both[i], "/nowhere"), NNG_ENOENT);
        CHECK_EQ(nng_tls_config_own_cert(both[i], server_cert, server_key, NULL), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_cert_key_file(both[i], path, NULL), NNG_EBUSY);
        CHECK_EQ(nng_tls_config_cert_key_file(both[i], "/nowhere", NULL), NNG_ENOENT);
        CHECK_EQ(nng_tls_config_version(both[i], NNG_TLS_1_2, NNG_TLS_1_2), NNG_EBUSY);
    }
    CHECK_EQ(nng_stream_dialer_set_string(link.dialer, NNG_OPT_TLS_SERVER_NAME, "x"), NNG_EBUSY);
    CHECK_EQ(nng_stream_dialer_set_string(link.dialer, NNG_OPT_TLS_CA_FILE, path), NNG_EBUSY);
    CHECK_EQ(nng_stream_listener_set_int(link.listener, NNG_OPT_TLS_AUTH_MODE, 0), NNG_EBUSY);
    CHECK_EQ(
        nng_stream_listener_set_string(link.listener, NNG_OPT_TLS_CERT_KEY_FILE, path), NNG_EBUSY);
    unlink(path);
    link_close(&link);
    CHECK_EQ(nng_tls_config_server_name(c, "x"), NNG_EBUSY);
    nng_tls_config_free(s);
    nng_tls_config_free(c);
}

static void a_configuration_is_shared_with_its_holders(void)
{
    nng_stream_dialer *dialer;
    nng_stream_listener *listener;
    nng_tls_config *c = client(), *s = server();
    void *got = NULL;

    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tls+tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    // Each has one of its own to begin with.
    CHECK_EQ(nng_stream_dialer_get_ptr(dialer, NNG_OPT_TLS_CONFIG, &got), 0);
    CHECK(got != NULL && got != c);
    nng_tls_config_free(got);
    CHECK_EQ(nng_stream_listener_get_ptr(listener, NNG_OPT_TLS_CONFIG, &got), 0);
    CHECK(got != NULL && got != s);
    nng_tls_config_free(got);

    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, c), 0);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, s), 0);
    nng_tls_config_free(c);
    nng_tls_config_free(s);
    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_get_ptr(dialer, NNG_OPT_TLS_CONFIG, &got), 0);
    nng_stream_dialer_free(dialer);
    // Who asked for it holds it, too.
    CHECK_EQ(nng_tls_config_server_name(got, "still there"), 0);
    nng_tls_config_free(got);
    CHECK_EQ(nng_stream_listener_get_ptr(listener, NNG_OPT_TLS_CONFIG, &got), 0);
    nng_stream_listener_free(listener);
    CHECK_EQ(nng_tls_config_server_name(got, "still there"), 0);
    nng_tls_config_free(got);
}

static void what_was_set_is_what_one_gets(void)
{
    nng_stream_dialer *dialer;
    nng_stream_listener *listener;
    nng_tls_config *c = client(), *s = server();
    void *got = NULL;

    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tls+tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, c), 0);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, s), 0);
    CHECK_EQ(nng_stream_dialer_get_ptr(dialer, NNG_OPT_TLS_CONFIG, &got), 0);
    CHECK(got == c);
    nng_tls_config_free(got);
    CHECK_EQ(nng_stream_listener_get_ptr(listener, NNG_OPT_TLS_CONFIG, &got), 0);
    CHECK(got == s);
    nng_tls_config_free(got);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    nng_tls_config_free(c);
    nng_tls_config_free(s);
}

static void a_configuration_is_for_one_side(void)
{
    nng_stream_dialer *dialer;
    nng_stream_listener *listener;
    nng_tls_config *c = client(), *s = server();

    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tls+tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, s), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, c), NNG_EINVAL);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    nng_tls_config_free(c);
    nng_tls_config_free(s);
}

// Each option that stands for a setter, on a dialer and on a listener.
#define CHECK_SHORTCUTS(prefix, object)                                                      \
    do {                                                                                     \
        char *text = NULL;                                                                   \
        int number;                                                                          \
        bool flag;                                                                           \
                                                                                             \
        CHECK_EQ(prefix##_set_string(object, NNG_OPT_TLS_SERVER_NAME, "localhost"), 0);      \
        CHECK_EQ(prefix##_set(object, NNG_OPT_TLS_SERVER_NAME, "localhost", 10), 0);         \
        CHECK_EQ(prefix##_set(object, NNG_OPT_TLS_SERVER_NAME, "localhost", 9), NNG_EINVAL); \
        CHECK_EQ(prefix##_set_int(object, NNG_OPT_TLS_SERVER_NAME, 1), NNG_EBADTYPE);        \
        CHECK_EQ(prefix##_get_string(object, NNG_OPT_TLS_SERVER_NAME, &text), NNG_EWRITEONLY); \
        CHECK_EQ(prefix##_set_string(object, NNG_OPT_TLS_CA_FILE, authority), 0);            \
        CHECK_EQ(prefix##_set_string(object, NNG_OPT_TLS_CA_FILE, "/nowhere"), NNG_ENOENT);  \
        CHECK_EQ(prefix##_get_string(object, NNG_OPT_TLS_CA_FILE, &text), NNG_EWRITEONLY);   \
        CHECK_EQ(prefix##_set_string(object, NNG_OPT_TLS_CERT_KEY_FILE, both), 0);           \
        CHECK_EQ(                                                                            \
            prefix##_set_string(object, NNG_OPT_TLS_CERT_KEY_FILE, authority), NNG_ECRYPTO); \
        CHECK_EQ(prefix##_get_string(object, NNG_OPT_TLS_CERT_KEY_FILE, &text), NNG_EWRITEONLY); \
        for (int i = 0; i < 3; i++) {                                                        \
            CHECK_EQ(prefix##_set_int(object, NNG_OPT_TLS_AUTH_MODE, i), 0);                 \
        }                                                                                    \
        CHECK_EQ(prefix##_set_int(object, NNG_OPT_TLS_AUTH_MODE, 3), NNG_EINVAL);            \
        CHECK_EQ(prefix##_set_int(object, NNG_OPT_TLS_AUTH_MODE, -1), NNG_EINVAL);           \
        CHECK_EQ(prefix##_set_bool(object, NNG_OPT_TLS_AUTH_MODE, true), NNG_EBADTYPE);      \
        CHECK_EQ(prefix##_get_int(object, NNG_OPT_TLS_AUTH_MODE, &number), NNG_EWRITEONLY);  \
        CHECK_EQ(prefix##_set_int(object, NNG_OPT_TLS_CONFIG, 1), NNG_EBADTYPE);             \
        CHECK_EQ(prefix##_get_bool(object, NNG_OPT_TLS_VERIFIED, &flag), NNG_ENOTSUP);       \
        CHECK_EQ(prefix##_set_bool(object, NNG_OPT_TCP_KEEPALIVE, true), 0);                 \
        CHECK_EQ(prefix##_get_bool(object, NNG_OPT_TCP_KEEPALIVE, &flag), 0);                \
        CHECK(flag);                                                                         \
        CHECK(text == NULL);                                                                 \
    } while (0)

static void options_reach_the_configuration(void)
{
    nng_stream_dialer *dialer;
    nng_stream_listener *listener;
    char authority[100], both[100];

    strcpy(authority, file_of("authority", authority_cert, ""));
    strcpy(both, file_of("both", server_cert, server_key));
    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tls+tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    CHECK_SHORTCUTS(nng_stream_dialer, dialer);
    CHECK_SHORTCUTS(nng_stream_listener, listener);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    unlink(authority);
    unlink(both);
}

static void options_need_a_text(void)
{
    static const char *const names[] = { NNG_OPT_TLS_SERVER_NAME, NNG_OPT_TLS_CA_FILE,
        NNG_OPT_TLS_CERT_KEY_FILE };
    nng_stream_dialer *dialer;
    nng_stream_listener *listener;

    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tls+tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nng_stream_dialer_set_string(dialer, names[i], NULL), NNG_EINVAL);
        CHECK_EQ(nng_stream_listener_set_string(listener, names[i], NULL), NNG_EINVAL);
    }
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
}

static void options_alone_make_a_connection(void)
{
    struct link link;
    char authority[100], both[100];
    int port;

    strcpy(authority, file_of("authority", authority_cert, ""));
    strcpy(both, file_of("both", server_cert, server_key));
    memset(&link, 0, sizeof link);
    CHECK_EQ(nng_stream_listener_alloc(&link.listener, "tls+tcp4://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_listener_set_string(link.listener, NNG_OPT_TLS_CERT_KEY_FILE, both), 0);
    CHECK_EQ(nng_stream_listener_listen(link.listener), 0);
    CHECK_EQ(nng_stream_listener_get_int(link.listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(link.url, sizeof link.url, "tls+tcp4://localhost:%d", port);
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, link.url), 0);
    CHECK_EQ(nng_stream_dialer_set_string(link.dialer, NNG_OPT_TLS_CA_FILE, authority), 0);
    link_meet(&link);
    check_carries(link.near, link.far, "a text");
    link_close(&link);
    unlink(authority);
    unlink(both);
}

static void streams_have_the_options_of_both_layers(void)
{
    struct link link;
    nng_sockaddr sa;
    bool flag = false;
    void *pointer;

    secure_link(&link, server(), client(), "127.0.0.1");
    CHECK_EQ(nng_stream_set_bool(link.near, NNG_OPT_TLS_VERIFIED, true), NNG_EREADONLY);
    CHECK_EQ(nng_stream_set_string(link.near, NNG_OPT_TLS_PEER_CN, "x"), NNG_EREADONLY);
    CHECK_EQ(nng_stream_get_ptr(link.near, NNG_OPT_TLS_CONFIG, &pointer), NNG_ENOTSUP);
    CHECK_EQ(nng_stream_set_bool(link.near, NNG_OPT_TCP_KEEPALIVE, true), 0);
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_KEEPALIVE, &flag), 0);
    CHECK(flag);
    CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_REMADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_INET);
    link_close(&link);
}

static void plain_streams_have_none_of_them(void)
{
    nng_stream_dialer *dialer;
    nng_tls_config *c = client();

    CHECK_EQ(nng_stream_dialer_alloc(&dialer, "tcp://127.0.0.1:1"), 0);
    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, c), NNG_ENOTSUP);
    CHECK_EQ(nng_stream_dialer_set_string(dialer, NNG_OPT_TLS_SERVER_NAME, "x"), NNG_ENOTSUP);
    nng_stream_dialer_free(dialer);
    nng_tls_config_free(c);
}

static void texts_are_utf_8(void)
{
    nng_tls_config *c = server();

    CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key, "\xff"), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_cert_key_file(c, "/nowhere", "\xff"), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_server_name(c, "\xff"), NNG_EINVAL);
    nng_tls_config_free(c);
}

static const struct check_test tests[] = {
    TEST(texts_are_utf_8),
    TEST(what_does_the_work_is_told),
    TEST(a_configuration_lives_as_long_as_somebody_holds_it),
    TEST(there_are_two_modes),
    TEST(names_and_modes_are_set),
    TEST(authorities_are_certificates),
    TEST(authorities_may_be_in_files),
    TEST(certificates_have_their_keys),
    TEST(a_key_of_another_certificate_is_refused),
    TEST(a_file_may_have_both),
    TEST(versions_are_a_range),
    TEST(old_versions_are_not_enough),
    TEST(shared_keys_are_taken_or_not_supported),
    TEST(null_is_no_configuration),
    TEST(null_is_nothing),
    TEST(what_was_used_is_frozen),
    TEST(a_configuration_is_shared_with_its_holders),
    TEST(what_was_set_is_what_one_gets),
    TEST(a_configuration_is_for_one_side),
    TEST(options_reach_the_configuration),
    TEST(options_need_a_text),
    TEST(options_alone_make_a_connection),
    TEST(streams_have_the_options_of_both_layers),
    TEST(plain_streams_have_none_of_them),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
