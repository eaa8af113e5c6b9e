// Made for tests: an authority, what it issued for a server and a client, and their keys. The server's
// certificate is for `localhost` and 127.0.0.1, and the list revokes it. All are valid until 2120.

#ifndef KEYS_H
#define KEYS_H

static const char authority_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBZjCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
    "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGTEXMBUG\n"
    "A1UEAwwOdGVzdCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATG\n"
    "7kaWkIA2mbw/4mQWEDGvW3Px+B+I2fV7yDHrDo6+6JexzMusmxCy6nyszCcwvV4+\n"
    "tT3l1tdsvoCMc76ThXfqo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE\n"
    "AwIBBjAdBgNVHQ4EFgQUmaUx9Y7tk8DDsDUKQ3tyx+2fn5MwCgYIKoZIzj0EAwID\n"
    "SQAwRgIhAPo5TOX2VG0QWkqwykd8zkJEGRCqluJvIPTb9wRptvzBAiEA97ouY0ns\n"
    "pkkRkidgQb27Q4PLryAqqNmOR+eeifhNi4Q=\n"
    "-----END CERTIFICATE-----\n";

static const char server_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBlzCCATygAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
    "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowIzESMBAG\n"
    "A1UEAwwJbG9jYWxob3N0MQ0wCwYDVQQLDARVbml0MFkwEwYHKoZIzj0CAQYIKoZI\n"
    "zj0DAQcDQgAEi+BfEKirp/lUAbLGAB483OipfqFXk+vnpyw5xvw1PpLBkuqhDji4\n"
    "MQnUlbvvV5kA4XCviZbw7dUe+iYabHn/SqNpMGcwGgYDVR0RBBMwEYIJbG9jYWxo\n"
    "b3N0hwR/AAABMAkGA1UdEwQCMAAwHQYDVR0OBBYEFA1Zur8m6bzsX3KoSnaoH5TB\n"
    "hWnPMB8GA1UdIwQYMBaAFJmlMfWO7ZPAw7A1CkN7csftn5+TMAoGCCqGSM49BAMC\n"
    "A0kAMEYCIQCff+LYTiAWM+ee/RE4ZRoeYEfZwdE6hWlB418L02IdSwIhAL6gFAEV\n"
    "4nDZdFcSA0/kTxiThzWa8umeWu9FOhXfXLts\n"
    "-----END CERTIFICATE-----\n";

static const char server_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMxAKOLNnj9s7Wq6YqZqCY8m1EL0x5VUNTRTmZhuCoFvoAoGCCqGSM49\n"
    "AwEHoUQDQgAEi+BfEKirp/lUAbLGAB483OipfqFXk+vnpyw5xvw1PpLBkuqhDji4\n"
    "MQnUlbvvV5kA4XCviZbw7dUe+iYabHn/Sg==\n"
    "-----END EC PRIVATE KEY-----\n";

// Its password is `secret`.
static const char server_key_locked[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,98B067C3586E7635AC1438B5F701DADA\n"
    "\n"
    "b4KSHCOFSbvGTgqgmrxtpy1zt5F7PwzbY8yUT1ttFmlCpdj/sixy2sExeZD63EEc\n"
    "V1iP1IMcUFNxHouv59vyBShU7CT+qJGocA/QSUtHH1/010jx8+oEeMvgVHojYBgP\n"
    "2bbp3BZww4xhyK99ahY8I0QZok+2g2udlhib/tymx3Y=\n"
    "-----END EC PRIVATE KEY-----\n";

static const char client_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBgzCCASmgAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1\n"
    "dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowETEPMA0G\n"
    "A1UEAwwGY2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAn5UxKgE7Yf0\n"
    "iedBEcH64k34UutRTcWQdXtwfRRdtoxlpKKdA1vN7daLwVQAYNruntkM3m8pHJ/W\n"
    "MBKKvRDNPaNoMGYwGQYDVR0RBBIwEIIOY2xpZW50LmV4YW1wbGUwCQYDVR0TBAIw\n"
    "ADAdBgNVHQ4EFgQUNnMfb5M2/g6pib68usC6qrRJy/4wHwYDVR0jBBgwFoAUmaUx\n"
    "9Y7tk8DDsDUKQ3tyx+2fn5MwCgYIKoZIzj0EAwIDSAAwRQIgBpBARLFxCSKyOGbK\n"
    "Uy2An0D0nurgp/awN0gr75n3qucCIQDeU+6Y4PalQ8dOYY/s59oDGMCXdLGHOVFu\n"
    "qyjfJU0IaA==\n"
    "-----END CERTIFICATE-----\n";

static const char client_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIKd1a8IOUYYcWD/nhWUrfCYJb9LYOPzi9CrEMEG8GgYvoAoGCCqGSM49\n"
    "AwEHoUQDQgAEAn5UxKgE7Yf0iedBEcH64k34UutRTcWQdXtwfRRdtoxlpKKdA1vN\n"
    "7daLwVQAYNruntkM3m8pHJ/WMBKKvRDNPQ==\n"
    "-----END EC PRIVATE KEY-----\n";

static const char revocations[] =
    "-----BEGIN X509 CRL-----\n"
    "MIIBDTCBswIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA50ZXN0IGF1dGhvcml0\n"
    "eRcNMjAwMTAxMDAwMDAwWhgPMjEyNjExMDcxMzQyNTVaMBQwEgIBAhcNMjYxMjAx\n"
    "MTMxMTM2WqBRME8wQQYDVR0jBDowOIAUmaUx9Y7tk8DDsDUKQ3tyx+2fn5OhHaQb\n"
    "MBkxFzAVBgNVBAMMDnRlc3QgYXV0aG9yaXR5ggEBMAoGA1UdFAQDAgEBMAoGCCqG\n"
    "SM49BAMCA0kAMEYCIQCvii1G1H31PPlnT5wqu+m/cSDkbrCob9L8w0p3ZGF+PAIh\n"
    "AIZvMyfWXzE6+nTEUT6hS8Ab7b0/BztbemIQJ2zeE2gV\n"
    "-----END X509 CRL-----\n";

#endif // KEYS_H
