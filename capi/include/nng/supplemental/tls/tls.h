// nng-oxide: TLS configurations.
//
// What a connection needs to know: certificates, keys, versions, whom to trust. A configuration is
// for clients or for servers, counted by reference, and may be shared among threads and endpoints.
// The first connection that uses it freezes it: the setters then return NNG_EBUSY.

#ifndef NNG_SUPPLEMENTAL_TLS_TLS_H
#define NNG_SUPPLEMENTAL_TLS_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------
// Types

typedef struct nng_tls_config nng_tls_config;

typedef enum nng_tls_mode {
    NNG_TLS_MODE_CLIENT = 0,
    NNG_TLS_MODE_SERVER = 1
} nng_tls_mode;

// Whether the peer has to show a certificate that can be verified.
typedef enum nng_tls_auth_mode {
    NNG_TLS_AUTH_MODE_NONE = 0,     // not asked for; as servers are at first
    NNG_TLS_AUTH_MODE_OPTIONAL = 1, // asked for, the connection stands without
    NNG_TLS_AUTH_MODE_REQUIRED = 2  // no connection without; as clients are at first
} nng_tls_auth_mode;

// Versions, numbered as in the protocol.
typedef enum nng_tls_version {
    NNG_TLS_1_0 = 0x301,
    NNG_TLS_1_1 = 0x302,
    NNG_TLS_1_2 = 0x303,
    NNG_TLS_1_3 = 0x304
} nng_tls_version;

// ------------------------------------------------------------------------------------------------
// Configurations
//
// Texts and keys are copied. What cannot be read as PEM, or does not fit, is NNG_ECRYPTO.

// Makes a configuration; the caller holds the first reference.
NNG_DECL int nng_tls_config_alloc(nng_tls_config **cfgp, nng_tls_mode mode);

// Adds a reference, which has to be freed as well.
NNG_DECL void nng_tls_config_hold(nng_tls_config *cfg);

// Drops a reference, and with the last one the configuration.
NNG_DECL void nng_tls_config_free(nng_tls_config *cfg);

// Sets the name that a client expects in the server's certificate.
NNG_DECL int nng_tls_config_server_name(nng_tls_config *cfg, const char *name);

// Says whether the peer is verified.
NNG_DECL int nng_tls_config_auth_mode(nng_tls_config *cfg, nng_tls_auth_mode mode);

// Adds certificates to trust, in PEM, with a revocation list or NULL.
NNG_DECL int nng_tls_config_ca_chain(nng_tls_config *cfg, const char *certs, const char *crl);

// Adds the certificates and revocation lists of a PEM file, which is read now.
NNG_DECL int nng_tls_config_ca_file(nng_tls_config *cfg, const char *path);

// Adds a certificate chain and its private key, in PEM. pass opens the key and may be NULL.
NNG_DECL int nng_tls_config_own_cert(
    nng_tls_config *cfg, const char *cert, const char *key, const char *pass);

// Adds a certificate chain and its private key from one PEM file, which is read now. pass opens the
// key and may be NULL.
NNG_DECL int nng_tls_config_cert_key_file(
    nng_tls_config *cfg, const char *path, const char *pass);

// Sets a shared key and its identity: a client uses the last one, a server knows them all.
// NNG_ENOTSUP if the engine cannot.
NNG_DECL int nng_tls_config_psk(
    nng_tls_config *cfg, const char *identity, const uint8_t *key, size_t key_len);

// Sets the versions to accept, both ends included. NNG_ENOTSUP if the engine has none of them.
NNG_DECL int nng_tls_config_version(
    nng_tls_config *cfg, nng_tls_version min_version, nng_tls_version max_version);

// ------------------------------------------------------------------------------------------------
// The engine
//
// The code that does the cryptography. The texts belong to it.

// The name of the engine; "none" without one.
NNG_DECL const char *nng_tls_engine_name(void);

// The engine in words, with its version; "" without one.
NNG_DECL const char *nng_tls_engine_description(void);

// Says whether the engine runs in FIPS mode.
NNG_DECL bool nng_tls_engine_fips_mode(void);

#ifdef __cplusplus
}
#endif

#endif // NNG_SUPPLEMENTAL_TLS_TLS_H
