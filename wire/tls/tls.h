// SPDX-License-Identifier: Apache-2.0
#pragma once
/* TLS 1.3 contexts, mutual TLS and peer identity (RFC 8446; requirements TL-1 to TL-10),
 * and a small certificate authority for founding a network and for the demo. OpenSSL 3
 * behind it; no other folder includes it (base/hash aside).
 *
 * Sessions are non-blocking over memory: bytes from the socket go in, bytes for the
 * socket come out, so that loop, tests and fuzzers drive them alike. Tickets are off. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

struct tls_context; /* *owned*, shared by many sessions, which it outlives */
struct tls_session; /* *owned* by its connection */

struct tls_files {
    const char *certificate_file; /* PEM chain */
    const char *key_file;         /* PEM */
    const char *authority_file;   /* PEM: whom we trust; NULL = no peer certificate */
};

/* alpn: NULL-ended list in order of preference, e.g. {"h2", "http/1.1", NULL}. */
MUST_CHECK struct tls_context *tls_server_open(const struct tls_files *files,
                                               bool demands_client_certificate,
                                               const char *const *alpn, struct err *err);
MUST_CHECK struct tls_context *tls_client_open(const struct tls_files *files,
                                               const char *const *alpn, struct err *err);
/* Other files, or the same ones with something new in them, for the sessions that begin
 * from now on; those that stand keep what they agreed on. When they cannot be used
 * nothing changes. From any thread. */
MUST_CHECK bool tls_server_renew(struct tls_context *context,
                                 const struct tls_files *files, struct err *err);
/* When the certificate that is shown ends, UTC; 0 when it has none. From any thread. */
int64_t tls_ends_at_ms(struct tls_context *context);
void tls_context_free(struct tls_context *context);

/* host: the name to check and to send (SNI) as a client; NULL as a server. */
MUST_CHECK struct tls_session *tls_session_new(struct tls_context *context,
                                               const char *host, struct err *err);
void tls_session_free(struct tls_session *session);

/* Moves on with bytes from the peer; plain bytes that came out are appended to `plain`,
 * bytes for the peer to `wire`. ERR_REFUSED tls_peer_refused (certificate), ERR_SYNTAX
 * tls_broken. A clean close by the peer sets *closed. */
MUST_CHECK bool tls_receive(struct tls_session *session, struct span from_peer,
                            struct buf *plain, struct buf *wire, bool *closed,
                            struct err *err);
/* Encrypts; what cannot go out before the handshake ended is kept inside. */
MUST_CHECK bool tls_send(struct tls_session *session, struct span plain, struct buf *wire,
                         struct err *err);
/* Starts a client's handshake. */
MUST_CHECK bool tls_start(struct tls_session *session, struct buf *wire, struct err *err);
/* close_notify */
void tls_finish(struct tls_session *session, struct buf *wire);
bool tls_is_established(const struct tls_session *session);
/* "" before the end of the handshake or when none was agreed on. */
const char *tls_alpn(const struct tls_session *session);
/* SHA-256 of the peer's leaf certificate in hex, "" without one. */
const char *tls_peer_fingerprint(const struct tls_session *session);
/* Common name of the peer's subject, "" without one. */
const char *tls_peer_name(const struct tls_session *session);

/* ---- a certificate in a file ---- */
enum { TLS_NAME_BYTES = 65 };
struct tls_certificate {
    char fingerprint[HASH_HEX_BYTES]; /* as tls_peer_fingerprint gives it */
    char name[TLS_NAME_BYTES];        /* common name of the subject, "" without one */
    int64_t begins_at_ms;             /* UTC */
    int64_t ends_at_ms;
};
/* The first certificate of a PEM file; those behind it may complete the chain. With an
 * authority's file it must be a client's certificate that a listener with this authority
 * would take now. ERR_SYNTAX "certificate_unreadable", ERR_REFUSED
 * "certificate_foreign". */
MUST_CHECK bool tls_read_certificate(const char *file, const char *authority_file,
                                     struct tls_certificate *certificate,
                                     struct err *err);

/* ---- a small authority: ECDSA P-256, SHA-256 ---- */
/* Writes <prefix>.crt and <prefix>.key (0600); ten years. */
MUST_CHECK bool tls_make_authority(const char *prefix, const char *name, struct err *err);
/* Writes <prefix>.crt and <prefix>.key signed by the authority's files; ≤ 397 days.
 * hosts: comma-separated DNS names and addresses of a server; NULL = for a client. */
MUST_CHECK bool tls_issue(const char *authority_prefix, const char *prefix,
                          const char *name, const char *hosts, int days,
                          char fingerprint[HASH_HEX_BYTES], struct err *err);
/* Writes <prefix>.p12 of <prefix>.crt and <prefix>.key, as browsers import it. */
MUST_CHECK bool tls_write_bundle(const char *prefix, const char *password,
                                 struct err *err);
