// SPDX-License-Identifier: Apache-2.0
#include "wire/tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "wire/tls/tls_parts.h"

enum {
    ALPN_BYTES = 128,
    NAME_BYTES = 128,
    CHAIN_DEPTH = 4,
    HANDSHAKE_LIST_BYTES = 64 * 1024,
    PENDING_BYTES = 256 * 1024,
    PIECE_BYTES = 16 * 1024
};

struct tls_context {
    pthread_mutex_t lock; /* guards which one it is; sessions keep theirs */
    SSL_CTX *ssl;
    BIO_METHOD *between;      /* how sessions get at their peers' bytes */
    uint8_t alpn[ALPN_BYTES]; /* as on the wire: length, name, … */
    unsigned alpn_len;
    bool is_server;
    bool demands_client_certificate;
};

struct tls_session {
    SSL *ssl;
    struct span from_peer; /* of one call: what of the given bytes is not yet taken */
    struct buf *to_peer;   /* of one call: the caller's */
    struct buf pending;    /* plain bytes given before the handshake ended */
    bool is_established;
    bool is_broken;
    char alpn[ALPN_BYTES];
    char fingerprint[HASH_HEX_BYTES];
    char name[NAME_BYTES];
};

/* ---- between a session and the caller's bytes ---- */

/* OpenSSL's own memory between them would be a copy of all that passes and never shrink:
 * 30 kB for each connection that once carried much. */
static int take_from_peer(BIO *bio, char *out, size_t len, size_t *taken)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (session->from_peer.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    struct span piece = span_part(session->from_peer, 0, len);
    memcpy(out, piece.at, piece.len);
    session->from_peer = span_part(session->from_peer, piece.len, session->from_peer.len);
    *taken = piece.len;
    return 1;
}

/* What the buffer has no room for is told by buf_check when the call ends. */
static int give_to_peer(BIO *bio, const char *at, size_t len, size_t *given)
{
    struct tls_session *session = BIO_get_data(bio);
    buf_put(session->to_peer, at, len);
    *given = len;
    return 1;
}

static long control(BIO *bio, int what, long number, void *at)
{
    (void)bio;
    (void)number;
    (void)at;
    return what == BIO_CTRL_FLUSH; /* nothing waits; what else is asked is not known */
}

static BIO_METHOD *make_between(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "caller's bytes");
    if (method && BIO_meth_set_read_ex(method, take_from_peer) == 1 &&
        BIO_meth_set_write_ex(method, give_to_peer) == 1 &&
        BIO_meth_set_ctrl(method, control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- contexts ---- */

static bool set_openssl(struct err *err, enum err_kind kind, const char *code)
{
    char reason[96] = "unknown";
    unsigned long number = ERR_peek_last_error();
    const char *string = number ? ERR_reason_error_string(number) : NULL;
    if (string)
        snprintf(reason, sizeof reason, "%s", string);
    ERR_clear_error();
    return err_set(err, kind, code, "%s: %s", code, reason);
}

/* Whether it is not there, not readable or no PEM, an operator looks at the file. */
static bool file_failed(struct err *err, const char *code, const char *file)
{
    struct err fault = {0};
    set_openssl(&fault, ERR_SYSTEM, code);
    if (file && access(file, R_OK) != 0)
        return err_set(err, ERR_SYSTEM, code, "%.100s: %s", file, strerror(errno));
    return err_set(err, ERR_SYSTEM, code, "%.100s: %.50s", file ? file : "no file named",
                   fault.text + strlen(code) + 2);
}

static bool write_alpn(struct tls_context *context, const char *const *alpn)
{
    for (size_t i = 0; alpn && alpn[i]; i++) {
        size_t len = strlen(alpn[i]);
        if (len == 0 || len > 255 || context->alpn_len + 1 + len > ALPN_BYTES)
            return false;
        context->alpn[context->alpn_len] = (uint8_t)len;
        memcpy(context->alpn + context->alpn_len + 1, alpn[i], len);
        context->alpn_len += (unsigned)(len + 1);
    }
    return true;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *offered, unsigned offered_len, void *self)
{
    (void)ssl;
    const struct tls_context *context = self;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, context->alpn, context->alpn_len, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool read_files(SSL_CTX *ssl, const struct tls_files *files, struct err *err)
{
    ERR_clear_error();
    if (files->authority_file &&
        SSL_CTX_load_verify_locations(ssl, files->authority_file, NULL) != 1)
        return file_failed(err, "tls_authority_unreadable", files->authority_file);
    if (!files->certificate_file)
        return true;
    if (SSL_CTX_use_certificate_chain_file(ssl, files->certificate_file) != 1)
        return file_failed(err, "tls_certificate_unreadable", files->certificate_file);
    if (files->key_file && !path_check_private(files->key_file, err))
        return false;
    if (!files->key_file ||
        SSL_CTX_use_PrivateKey_file(ssl, files->key_file, SSL_FILETYPE_PEM) != 1)
        return file_failed(err, "tls_key_unreadable", files->key_file);
    if (SSL_CTX_check_private_key(ssl) != 1)
        return file_failed(err, "tls_key_of_another_certificate", files->key_file);
    return true;
}

/* TL-1, TL-3, TL-6: 1.3 only, no tickets and no cache, so that no verdict is resumed.
 * Named here too is what OpenSSL would take from the machine's openssl.cnf: the suites,
 * and the level below which keys and signatures are too weak (RSA 2048, SHA-256). */
static bool set_rules(SSL_CTX *ssl)
{
    enum { BITS_112 = 2 };
    static const unsigned char id[] = "tsumugi";
    SSL_CTX_set_security_level(ssl, BITS_112);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify_depth(ssl, CHAIN_DEPTH);
    SSL_CTX_set_max_cert_list(ssl, HANDSHAKE_LIST_BYTES);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
           SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
           SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_ciphersuites(ssl, "TLS_AES_256_GCM_SHA384:"
                                         "TLS_CHACHA20_POLY1305_SHA256:"
                                         "TLS_AES_128_GCM_SHA256") == 1 &&
           SSL_CTX_set_session_id_context(ssl, id, sizeof id - 1) == 1;
}

static SSL_CTX *open_ssl(const struct tls_files *files, bool is_server, struct err *err)
{
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    bool is_ready = ssl && set_rules(ssl);
    if (!is_ready)
        is_ready = set_openssl(err, ERR_SYSTEM, "tls_context_failed");
    if (is_ready && read_files(ssl, files, err))
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static struct tls_context *open_context(bool is_server, const char *const *alpn,
                                        struct err *err)
{
    struct tls_context *context = memory_new(1, sizeof *context, err);
    if (!context)
        return NULL;
    pthread_mutex_init(&context->lock, NULL);
    context->is_server = is_server;
    context->between = make_between();
    if (context->between && write_alpn(context, alpn))
        return context;
    set_openssl(err, ERR_SYSTEM, "tls_context_failed");
    tls_context_free(context);
    return NULL;
}

static SSL_CTX *open_server_ssl(struct tls_context *context,
                                const struct tls_files *files, struct err *err)
{
    SSL_CTX *ssl = open_ssl(files, true, err);
    if (!ssl)
        return NULL;
    if (context->alpn_len > 0)
        SSL_CTX_set_alpn_select_cb(ssl, choose_alpn, context);
    if (!context->demands_client_certificate)
        return ssl;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->authority_file);
    if (!names) {
        set_openssl(err, ERR_SYSTEM, "tls_authority_unreadable");
        SSL_CTX_free(ssl);
        return NULL;
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    return ssl;
}

struct tls_context *tls_server_open(const struct tls_files *files,
                                    bool demands_client_certificate,
                                    const char *const *alpn, struct err *err)
{
    if (!files->certificate_file ||
        (demands_client_certificate && !files->authority_file)) {
        err_set(err, ERR_SYSTEM, "tls_files_missing",
                "a server needs a certificate, and an authority for its clients'");
        return NULL;
    }
    struct tls_context *context = open_context(true, alpn, err);
    if (!context)
        return NULL;
    context->demands_client_certificate = demands_client_certificate;
    context->ssl = open_server_ssl(context, files, err);
    if (context->ssl)
        return context;
    tls_context_free(context);
    return NULL;
}

bool tls_server_renew(struct tls_context *context, const struct tls_files *files,
                      struct err *err)
{
    assert(context->is_server);
    SSL_CTX *fresh = open_server_ssl(context, files, err);
    if (!fresh)
        return false;
    pthread_mutex_lock(&context->lock);
    SSL_CTX *former = context->ssl;
    context->ssl = fresh;
    pthread_mutex_unlock(&context->lock);
    SSL_CTX_free(former); /* for good with the last session that has it */
    return true;
}

int64_t tls_ends_at_ms(struct tls_context *context)
{
    int64_t ends_at_ms = 0;
    pthread_mutex_lock(&context->lock);
    const X509 *shown = SSL_CTX_get0_certificate(context->ssl);
    if (shown && !tls_time_read(X509_get0_notAfter(shown), &ends_at_ms))
        ends_at_ms = 0;
    pthread_mutex_unlock(&context->lock);
    return ends_at_ms;
}

struct tls_context *tls_client_open(const struct tls_files *files,
                                    const char *const *alpn, struct err *err)
{
    if (!files->authority_file) {
        err_set(err, ERR_SYSTEM, "tls_files_missing", "a client needs an authority");
        return NULL;
    }
    struct tls_context *context = open_context(false, alpn, err);
    if (!context)
        return NULL;
    context->ssl = open_ssl(files, false, err);
    if (!context->ssl) {
        tls_context_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    if (context->alpn_len > 0 &&
        SSL_CTX_set_alpn_protos(context->ssl, context->alpn, context->alpn_len) != 0) {
        set_openssl(err, ERR_SYSTEM, "tls_context_failed");
        tls_context_free(context);
        return NULL;
    }
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->between);
    pthread_mutex_destroy(&context->lock);
    memory_free(context);
}

/* ---- sessions ---- */

/* A client checks the name of the server, as DNS name or as address. */
static bool set_host(SSL *ssl, const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    if (address) {
        ASN1_OCTET_STRING_free(address);
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* the macro for it casts const away */
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)host) == 1;
}

static bool attach(struct tls_session *session, const BIO_METHOD *between)
{
    BIO *bio = BIO_new(between);
    if (!bio)
        return false;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    return true;
}

struct tls_session *tls_session_new(struct tls_context *context, const char *host,
                                    struct err *err)
{
    assert(context->is_server == (host == NULL));
    struct tls_session *session = memory_new(1, sizeof *session, err);
    if (!session)
        return NULL;
    session->pending = buf_init(PENDING_BYTES);
    ERR_clear_error();
    pthread_mutex_lock(&context->lock);
    session->ssl = SSL_new(context->ssl);
    pthread_mutex_unlock(&context->lock);
    if (!session->ssl || !attach(session, context->between) ||
        (host && !set_host(session->ssl, host))) {
        set_openssl(err, ERR_BUSY, "tls_session_failed");
        tls_session_free(session);
        return NULL;
    }
    if (context->is_server)
        SSL_set_accept_state(session->ssl);
    else
        SSL_set_connect_state(session->ssl);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    buf_free(&session->pending);
    memory_free(session);
}

/* Alerts about certificates, RFC 8446 6.2: either side was not accepted. */
static bool is_about_certificates(SSL *ssl)
{
    switch (ERR_GET_REASON(ERR_peek_last_error())) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return true;
    default:
        return SSL_get_verify_result(ssl) != X509_V_OK;
    }
}

static bool fail(struct tls_session *session, struct err *err)
{
    session->is_broken = true;
    long verdict = SSL_get_verify_result(session->ssl);
    if (verdict != X509_V_OK) { /* expired, of another authority, of another host … */
        ERR_clear_error();
        return err_set(err, ERR_REFUSED, "tls_peer_refused", "the peer's certificate: %s",
                       X509_verify_cert_error_string(verdict));
    }
    if (is_about_certificates(session->ssl))
        return set_openssl(err, ERR_REFUSED, "tls_peer_refused");
    return set_openssl(err, ERR_SYNTAX, "tls_broken");
}

/* One value only: two common names, or one with NUL inside, count as none. */
static void read_name(struct tls_session *session, X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0)
        return;
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(
        &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    if (len > 0 && len < NAME_BYTES && !memchr(utf8, 0, (size_t)len))
        memcpy(session->name, utf8, (size_t)len);
    OPENSSL_free(utf8);
}

static bool learn_peer(struct tls_session *session, struct err *err)
{
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    SSL_get0_alpn_selected(session->ssl, &alpn, &alpn_len);
    if (alpn_len < sizeof session->alpn)
        memcpy(session->alpn, alpn ? alpn : (const unsigned char *)"", alpn_len);
    X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    if (!certificate)
        return true;
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0)
        return set_openssl(err, ERR_SYNTAX, "tls_broken");
    struct hash hash = hash_sha256(span_of(der, (size_t)len));
    OPENSSL_free(der);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), session->fingerprint);
    read_name(session, certificate);
    return true;
}

static bool write_plain(struct tls_session *session, struct span plain, struct err *err)
{
    while (plain.len > 0) {
        struct span piece = span_part(plain, 0, PIECE_BYTES);
        size_t written = 0;
        ERR_clear_error();
        if (SSL_write_ex(session->ssl, piece.at, piece.len, &written) != 1)
            return fail(session, err);
        plain = span_part(plain, written, plain.len);
    }
    return true;
}

static bool shake_hands(struct tls_session *session, struct err *err)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    if (result != 1) {
        int what = SSL_get_error(session->ssl, result);
        return what == SSL_ERROR_WANT_READ || fail(session, err);
    }
    if (!learn_peer(session, err))
        return false;
    session->is_established = true;
    bool is_written = write_plain(session, buf_view(&session->pending), err);
    buf_free(&session->pending);
    return is_written;
}

static bool read_plain(struct tls_session *session, struct buf *plain, bool *closed,
                       struct err *err)
{
    uint8_t piece[PIECE_BYTES];
    size_t len = 0;
    for (;;) {
        /* into the room that is there; a buffer does not grow for what may not come */
        bool has_room = plain->size_bytes - plain->len >= sizeof piece;
        uint8_t *at = has_room ? plain->at + plain->len : piece;
        ERR_clear_error();
        int result = SSL_read_ex(session->ssl, at, sizeof piece, &len);
        if (result == 1 && has_room) {
            plain->len += len;
            continue;
        }
        if (result == 1) {
            buf_put(plain, piece, len);
            continue;
        }
        switch (SSL_get_error(session->ssl, result)) {
        case SSL_ERROR_WANT_READ:
            return buf_check(plain, err);
        case SSL_ERROR_ZERO_RETURN:
            *closed = true;
            return buf_check(plain, err);
        default:
            return fail(session, err);
        }
    }
}

bool tls_receive(struct tls_session *session, struct span from_peer, struct buf *plain,
                 struct buf *wire, bool *closed, struct err *err)
{
    *closed = false;
    if (session->is_broken)
        return err_set(err, ERR_SYNTAX, "tls_broken", "the session is broken");
    session->from_peer = from_peer;
    session->to_peer = wire; /* also for the alert that says why not */
    bool is_fine = session->is_established || shake_hands(session, err);
    if (is_fine && session->is_established)
        is_fine = read_plain(session, plain, closed, err);
    /* all is taken but what a peer sends behind its own end */
    assert(!is_fine || *closed || session->from_peer.len == 0);
    session->from_peer = (struct span){0};
    return is_fine && buf_check(wire, err);
}

bool tls_send(struct tls_session *session, struct span plain, struct buf *wire,
              struct err *err)
{
    if (session->is_broken)
        return err_set(err, ERR_SYNTAX, "tls_broken", "the session is broken");
    if (!session->is_established) {
        buf_span(&session->pending, plain);
        return buf_check(&session->pending, err);
    }
    session->to_peer = wire;
    bool is_fine = write_plain(session, plain, err);
    return is_fine && buf_check(wire, err);
}

bool tls_start(struct tls_session *session, struct buf *wire, struct err *err)
{
    session->to_peer = wire;
    bool is_fine = session->is_established || shake_hands(session, err);
    return is_fine && buf_check(wire, err);
}

void tls_finish(struct tls_session *session, struct buf *wire)
{
    if (session->is_broken || !session->is_established)
        return;
    ERR_clear_error();
    session->to_peer = wire;
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

bool tls_is_established(const struct tls_session *session)
{
    return session->is_established;
}

const char *tls_alpn(const struct tls_session *session)
{
    return session->alpn;
}

const char *tls_peer_fingerprint(const struct tls_session *session)
{
    return session->fingerprint;
}

const char *tls_peer_name(const struct tls_session *session)
{
    return session->name;
}
