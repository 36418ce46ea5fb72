// SPDX-License-Identifier: Apache-2.0
/* Founding a network and the demo need certificates before there is anybody to ask: an
 * authority of two files, X.509 v3 (RFC 5280), ECDSA P-256 with SHA-256. */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/rand.h"
#include "base/secret.h"
#include "wire/tls/tls.h"

enum {
    AUTHORITY_DAYS = 3652,
    ISSUED_DAYS_MAX = 397,
    NAME_MAX_BYTES = 64, /* ub-common-name, RFC 5280 appendix A */
    HOST_MAX_BYTES = 253,
    HOSTS_MAX = 32,
    SERIAL_BYTES = 16,
    FILE_MAX_BYTES = 64 * 1024,
    BACKDATE_S = 5 * 60 /* clocks of hospitals differ */
};

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void certificate_free(X509 **certificate)
{
    X509_free(*certificate);
}

static void bio_free(BIO **bio)
{
    BIO_free(*bio);
}

static void names_free(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

static bool set_failed(struct err *err)
{
    ERR_clear_error();
    return err_set(err, ERR_SYSTEM, "tls_issue_failed", "OpenSSL refused");
}

static bool set_serial(X509 *certificate)
{
    struct rand rand = rand_system();
    uint8_t bytes[SERIAL_BYTES];
    rand_fill(&rand, bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* positive, full length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool is_set =
        number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool is_name(const char *name)
{
    struct text text;
    struct err err = {0};
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MAX_BYTES &&
           text_from_utf8(span_cstr(name), &text, &err);
}

static X509 *begin_certificate(EVP_PKEY *key, const char *name, int days)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
    if (!subject || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !set_serial(certificate) ||
        X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                   (const unsigned char *)name, -1, -1, 0) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATE_S) ||
        !X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL) ||
        X509_set_pubkey(certificate, key) != 1) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static bool write_bio(const char *prefix, const char *ending, BIO *bio, struct err *err)
{
    char name[PATH_MAX_BYTES + 1];
    int len = snprintf(name, sizeof name, "%s%s", prefix, ending);
    if (len < 0 || len >= (int)sizeof name)
        return err_set(err, ERR_LIMIT, "path_too_long", "name of a certificate file");
    char *at = NULL;
    long count = BIO_get_mem_data(bio, &at);
    if (count <= 0)
        return set_failed(err);
    bool is_written = path_write_file(name, span_of(at, (size_t)count), err);
    secret_wipe(at, (size_t)count);
    return is_written;
}

static bool write_pair(const char *prefix, X509 *certificate, EVP_PKEY *key,
                       struct err *err)
{
    CLEANUP(bio_free) BIO *public = BIO_new(BIO_s_mem());
    CLEANUP(bio_free) BIO *private = BIO_new(BIO_s_mem());
    if (!public || !private || PEM_write_bio_X509(public, certificate) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) != 1)
        return set_failed(err);
    return write_bio(prefix, ".key", private, err) &&
           write_bio(prefix, ".crt", public, err);
}

bool tls_make_authority(const char *prefix, const char *name, struct err *err)
{
    if (!is_name(name))
        return err_set(err, ERR_SYNTAX, "tls_name_invalid", "name of the authority");
    CLEANUP(key_free) EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        return set_failed(err);
    CLEANUP(certificate_free)
    X509 *certificate = begin_certificate(key, name, AUTHORITY_DAYS);
    if (!certificate ||
        X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
        !add_extension(certificate, certificate, NID_basic_constraints,
                       "critical,CA:TRUE,pathlen:0") ||
        !add_extension(certificate, certificate, NID_key_usage,
                       "critical,keyCertSign,cRLSign") ||
        !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
        X509_sign(certificate, key, EVP_sha256()) <= 0)
        return set_failed(err);
    return write_pair(prefix, certificate, key, err);
}

/* ---- issuing ---- */

static bool is_host(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' ||
                       (c == '*' && i == 0);
        if (!is_fine)
            return false;
    }
    return host.len > 0 && host.len <= HOST_MAX_BYTES;
}

static bool push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;
    if (!name) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool add_host(GENERAL_NAMES *names, struct span host)
{
    char string[HOST_MAX_BYTES + 1] = {0};
    if (!is_host(host))
        return false;
    memcpy(string, host.at, host.len);
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(string);
    if (address)
        return push_name(names, GEN_IPADD, address);
    ERR_clear_error();
    ASN1_IA5STRING *name = strchr(string, ':') ? NULL : ASN1_IA5STRING_new();
    if (name && ASN1_STRING_set(name, string, (int)host.len) != 1) {
        ASN1_STRING_free(name);
        name = NULL;
    }
    return push_name(names, GEN_DNS, name);
}

static bool add_hosts(X509 *certificate, const char *hosts, struct err *err)
{
    CLEANUP(names_free) GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (!names)
        return set_failed(err);
    struct span rest = span_cstr(hosts), host;
    while (span_take(&rest, ',', &host)) {
        if (sk_GENERAL_NAME_num(names) >= HOSTS_MAX || !add_host(names, span_trim(host)))
            return err_set(err, ERR_SYNTAX, "tls_host_invalid", "hosts of a server");
    }
    if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0,
                          X509V3_ADD_DEFAULT) != 1)
        return set_failed(err);
    return true;
}

static BIO *open_file(const char *prefix, const char *ending, struct arena *arena,
                      struct err *err)
{
    char name[PATH_MAX_BYTES + 1];
    struct span bytes;
    int len = snprintf(name, sizeof name, "%s%s", prefix, ending);
    if (len < 0 || len >= (int)sizeof name) {
        err_set(err, ERR_LIMIT, "path_too_long", "name of a certificate file");
        return NULL;
    }
    if (!path_read_file(name, FILE_MAX_BYTES, arena, &bytes, err))
        return NULL;
    BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.len);
    if (!bio)
        set_failed(err);
    return bio;
}

static bool read_pair(const char *prefix, X509 **certificate, EVP_PKEY **key,
                      struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 * FILE_MAX_BYTES);
    CLEANUP(bio_free) BIO *public = open_file(prefix, ".crt", &arena, err);
    if (!public)
        return false;
    CLEANUP(bio_free) BIO *private = open_file(prefix, ".key", &arena, err);
    if (!private)
        return false;
    ERR_clear_error();
    *certificate = PEM_read_bio_X509(public, NULL, NULL, NULL);
    *key = PEM_read_bio_PrivateKey(private, NULL, NULL, NULL);
    if (*certificate && *key && X509_check_private_key(*certificate, *key) == 1)
        return true;
    ERR_clear_error();
    return err_set(err, ERR_SYNTAX, "tls_pair_unreadable", "not a pair of files");
}

static bool sign(X509 *certificate, X509 *authority, EVP_PKEY *authority_key,
                 bool is_server, struct err *err)
{
    if (X509_set_issuer_name(certificate, X509_get_subject_name(authority)) != 1 ||
        !add_extension(certificate, authority, NID_basic_constraints,
                       "critical,CA:FALSE") ||
        !add_extension(certificate, authority, NID_key_usage,
                       "critical,digitalSignature") ||
        !add_extension(certificate, authority, NID_ext_key_usage,
                       is_server ? "serverAuth" : "clientAuth") ||
        !add_extension(certificate, authority, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate, authority, NID_authority_key_identifier,
                       "keyid:always") ||
        X509_sign(certificate, authority_key, EVP_sha256()) <= 0)
        return set_failed(err);
    return true;
}

static bool take_fingerprint(X509 *certificate, char fingerprint[HASH_HEX_BYTES],
                             struct err *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0)
        return set_failed(err);
    struct hash hash = hash_sha256(span_of(der, (size_t)len));
    OPENSSL_free(der);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), fingerprint);
    return true;
}

bool tls_issue(const char *authority_prefix, const char *prefix, const char *name,
               const char *hosts, int days, char fingerprint[HASH_HEX_BYTES],
               struct err *err)
{
    if (days < 1 || days > ISSUED_DAYS_MAX)
        return err_set(err, ERR_LIMIT, "tls_days_invalid", "1 to %d days",
                       ISSUED_DAYS_MAX);
    if (!is_name(name))
        return err_set(err, ERR_SYNTAX, "tls_name_invalid", "name of a certificate");
    CLEANUP(certificate_free) X509 *authority = NULL;
    CLEANUP(key_free) EVP_PKEY *authority_key = NULL;
    if (!read_pair(authority_prefix, &authority, &authority_key, err))
        return false;
    if (X509_check_ca(authority) == 0)
        return err_set(err, ERR_SYNTAX, "tls_authority_unreadable", "not an authority");
    CLEANUP(key_free) EVP_PKEY *key = EVP_EC_gen("P-256");
    CLEANUP(certificate_free)
    X509 *certificate = key ? begin_certificate(key, name, days) : NULL;
    if (!certificate)
        return set_failed(err);
    if (hosts && !add_hosts(certificate, hosts, err))
        return false;
    return sign(certificate, authority, authority_key, hosts != NULL, err) &&
           take_fingerprint(certificate, fingerprint, err) &&
           write_pair(prefix, certificate, key, err);
}

bool tls_write_bundle(const char *prefix, const char *password, struct err *err)
{
    CLEANUP(certificate_free) X509 *certificate = NULL;
    CLEANUP(key_free) EVP_PKEY *key = NULL;
    if (!read_pair(prefix, &certificate, &key, err))
        return false;
    CLEANUP(bio_free) BIO *out = BIO_new(BIO_s_mem());
    PKCS12 *bundle = PKCS12_create(password, NULL, key, certificate, NULL, 0, 0, 0, 0, 0);
    bool is_made = out && bundle && i2d_PKCS12_bio(out, bundle) == 1;
    PKCS12_free(bundle);
    return is_made ? write_bio(prefix, ".p12", out, err) : set_failed(err);
}
