// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One non-blocking stream socket, accepted or dialled, plain or under TLS: buffers both
 * ways, one deadline, a watch for peers that stop reading, orderly and hard ends. It
 * knows nothing of HTTP; wire/http1, wire/http2 and wire/tunnel speak over it.
 *
 * Everything here happens on the loop's thread. The connection frees itself right after
 * `closed`, which comes exactly once, never from inside one of the calls below (it is
 * posted), and is the last event. Calls on a connection that is already closing do
 * nothing. Names are not resolved here without blocking: http_resolve is for workers. */

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/span.h"

struct http_connection;
struct loop;
struct tls_context;

enum {
    /* received: unread bytes are kept up to here, then reading pauses */
    HTTP_CONNECTION_UNREAD_BYTES = 64 * 1024,
    /* a writer should stop above this (http_connection_queued) until `drained` */
    HTTP_CONNECTION_HIGH_BYTES = 128 * 1024,
    HTTP_CONNECTION_LOW_BYTES = 32 * 1024,
    HTTP_ADDRESS_BYTES = INET6_ADDRSTRLEN
};

/* All optional except `received` and `closed`. */
struct http_connection_events {
    /* Connected, and the handshake is through; comes before `received`. Also posted for
     * an accepted plain connection. */
    void (*established)(void *self);
    /* Bytes of the peer, borrowed; returns how many were used. The rest is kept and
     * offered again together with newer bytes, or at http_connection_again. */
    size_t (*received)(void *self, struct span bytes);
    /* The peer sends no more; its unread bytes were offered before. What was queued can
     * still go out. Without it the connection is closed. */
    void (*ended)(void *self);
    /* The queue went from above to at most HTTP_CONNECTION_LOW_BYTES. */
    void (*drained)(void *self);
    /* The deadline passed. Without it the connection is closed. */
    void (*expired)(void *self);
    /* reason->kind is ERR_NONE when this side asked for it or the peer ended in order. */
    void (*closed)(void *self, const struct err *reason);
};

/* Who is at the other end; for http_call_begin. */
struct http_peer {
    char address[HTTP_ADDRESS_BYTES];
    char fingerprint[HASH_HEX_BYTES]; /* "" without client certificate */
    bool is_secure;
};

struct http_address {
    struct sockaddr_storage at;
    socklen_t len;
};

/* Takes over an accepted descriptor (closes it on failure too). context NULL = plain. */
MUST_CHECK struct http_connection *
http_connection_accept(struct loop *loop, int fd, struct tls_context *context,
                       const struct http_connection_events *events, void *self,
                       struct err *err);
/* Numeric addresses and names; blocks on the resolver, so call it in a worker. The first
 * answer is taken. ERR_BUSY "host_unresolved". */
MUST_CHECK bool http_resolve(const char *host, uint16_t port,
                             struct http_address *address, struct err *err);
struct http_dial {
    struct http_address address;
    struct tls_context *context; /* NULL = plain, loopback only: ERR_REFUSED */
    const char *host;            /* name to check in the certificate */
    /* "host:port": the address is a proxy's, which is asked to CONNECT (RFC 9110 9.3.6)
     * before the handshake; only with a context. NULL = none. */
    const char *through;
    const char *authorization; /* value of Proxy-Authorization, or NULL */
};
/* Starts to connect; `established` or `closed` follows. A proxy that does not let it
 * through closes it with ERR_BUSY "proxy_refused", "proxy_authentication" (407) or
 * "proxy_unclear". The connect and the handshake are
 * bounded by http_connection_deadline, which the caller should set at once. */
MUST_CHECK struct http_connection *
http_connection_dial(struct loop *loop, const struct http_dial *dial,
                     const struct http_connection_events *events, void *self,
                     struct err *err);
/* Hands the connection to another owner, e.g. from the listener to the codec; unread
 * bytes are offered to the new one from the loop. */
void http_connection_use(struct http_connection *connection,
                         const struct http_connection_events *events, void *self);

/* Called once right after `closed`, whoever the user is by then: for whoever counts
 * connections. */
void http_connection_on_gone(struct http_connection *connection,
                             void (*gone)(void *counter), void *counter);

/* Queues bytes (copied, encrypted) and sends what goes; one call is one TLS record up to
 * 16 KiB, so give head and body together. Too much queued (16 MiB) closes it. */
void http_connection_write(struct http_connection *connection, struct span bytes);
/* The same for several in a row, which leave together. */
void http_connection_write_parts(struct http_connection *connection,
                                 const struct span *parts, size_t count);
/* Bytes for the socket that it did not take yet. */
size_t http_connection_queued(const struct http_connection *connection);
/* Offers the unread bytes again, posted to the loop. */
void http_connection_again(struct http_connection *connection);
/* `expired` once after so many ms; < 0 = none. */
void http_connection_deadline(struct http_connection *connection, int after_ms);
/* Closes (ERR_BUSY "peer_stalled") when bytes are queued and the peer takes none of them
 * for so long; < 0 = never, the default. */
void http_connection_stall(struct http_connection *connection, int after_ms);
/* Whose turn it is, so that a full listener can give up whoever keeps it waiting longest.
 * The codec owes from the moment a request is complete (or refused) until its answer is;
 * between requests, within heads and bodies and in a handshake the peer's turn is on. */
void http_connection_owe(struct http_connection *connection, bool owes);
/* Since when (monotonic ms) nothing moved because of the peer: it owes bytes or does not
 * take what is queued. Bytes that come in drops do not renew it, an answer does.
 * INT64_MAX while it is this side's turn. */
int64_t http_connection_waits_since(const struct http_connection *connection);
/* Orderly: sends what is queued, close_notify, FIN, then reads to the end for a short
 * while so that the peer gets all of it. Nothing is received any more. */
void http_connection_finish(struct http_connection *connection);
/* At once, with RST where the system can: the peer can tell it was cut. */
void http_connection_close(struct http_connection *connection);

const struct http_peer *http_connection_peer(const struct http_connection *connection);
/* The agreed ALPN id, "" without; after `established`. */
const char *http_connection_alpn(const struct http_connection *connection);
struct loop *http_connection_loop(const struct http_connection *connection);
