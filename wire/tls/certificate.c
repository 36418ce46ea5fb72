// SPDX-License-Identifier: Apache-2.0
/* Certificates that an administrator hands over: X.509 v3 in PEM (RFC 5280, RFC 7468). */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/day.h"
#include "base/path.h"
#include "wire/tls/tls_parts.h"

enum { FILE_BYTES_MAX = 64 * 1024, CHAIN_MAX = 8, DAY_MS = 86400000 };

static void bio_free(BIO **bio)
{
    BIO_free(*bio);
}

static void certificate_free(X509 **certificate)
{
    X509_free(*certificate);
}

static void chain_free(STACK_OF(X509) * *chain)
{
    sk_X509_pop_free(*chain, X509_free);
}

static void store_free(X509_STORE **store)
{
    X509_STORE_free(*store);
}

static void context_free(X509_STORE_CTX **context)
{
    X509_STORE_CTX_free(*context);
}

static bool unreadable(struct err *err)
{
    ERR_clear_error();
    return err_set(err, ERR_SYNTAX, "certificate_unreadable", "no certificate in PEM");
}

bool tls_time_read(const ASN1_TIME *time, int64_t *ms)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    int32_t day = day_from_date(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    int seconds = (parts.tm_hour * 60 + parts.tm_min) * 60 + parts.tm_sec;
    *ms = (int64_t)day * DAY_MS + (int64_t)seconds * 1000;
    return day != DAY_NONE;
}

static bool describe(X509 *certificate, struct tls_certificate *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0)
        return false;
    struct hash hash = hash_sha256(span_of(der, (size_t)len));
    OPENSSL_free(der);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), out->fingerprint);
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                  out->name, sizeof out->name) < 0)
        out->name[0] = '\0';
    return tls_time_read(X509_get0_notBefore(certificate), &out->begins_at_ms) &&
           tls_time_read(X509_get0_notAfter(certificate), &out->ends_at_ms);
}

static bool check_issuer(X509 *certificate, STACK_OF(X509) * chain,
                         const char *authority_file, struct err *err)
{
    CLEANUP(store_free) X509_STORE *store = X509_STORE_new();
    CLEANUP(context_free) X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool is_ready = store && context &&
                    X509_STORE_load_file(store, authority_file) == 1 &&
                    X509_STORE_CTX_init(context, store, certificate, chain) == 1 &&
                    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1;
    bool is_good = is_ready && X509_verify_cert(context) == 1;
    ERR_clear_error();
    if (is_good)
        return true;
    int code = is_ready ? X509_STORE_CTX_get_error(context) : X509_V_ERR_UNSPECIFIED;
    return err_set(err, ERR_REFUSED, "certificate_foreign",
                   "not a client's certificate of this authority: %s",
                   X509_verify_cert_error_string(code));
}

bool tls_read_certificate(const char *file, const char *authority_file,
                          struct tls_certificate *certificate, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(2 * FILE_BYTES_MAX);
    struct span bytes;
    *certificate = (struct tls_certificate){.name = ""};
    if (!path_read_named(file, FILE_BYTES_MAX, &arena, &bytes, err))
        return false;
    ERR_clear_error();
    CLEANUP(bio_free) BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.len);
    CLEANUP(certificate_free)
    X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    CLEANUP(chain_free) STACK_OF(X509) *chain = sk_X509_new_null();
    if (!leaf || !chain || !describe(leaf, certificate))
        return unreadable(err);
    for (int i = 0; i < CHAIN_MAX; i++) {
        X509 *next = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (next && sk_X509_push(chain, next) <= 0)
            X509_free(next);
    }
    ERR_clear_error();
    return !authority_file || check_issuer(leaf, chain, authority_file, err);
}
