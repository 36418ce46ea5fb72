// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The reversed tunnel: a gateway dials out, proves itself with its client certificate
 * (ALPN "tsumugi-gw/1"), then HTTP/2 runs over that connection with the roles swapped:
 * the centre asks, the gateway answers with an ordinary http_router.
 *
 * Flow control: the connection window's credit is returned at once, a stream's only when
 * its consumer took the bytes (tunnel_consume), so one stalled reader stops only its own
 * stream. PING both ways every 20 s, dead after two misses; reconnect with jitter.
 * Nothing here knows what the messages mean (that is formats/uplink). */

#include "base/arena.h"
#include "base/log.h"
#include "base/span.h"
#include "wire/http/http.h"

#define TUNNEL_ALPN "tsumugi-gw/1"

/* ---- the centre's side ---- */
struct tunnel_hub; /* *owned* */
struct tunnel;     /* one connected gateway; borrowed, reference counted inside */

struct tunnel_hub_events {
    /* A gateway connected. `fingerprint` is its certificate's SHA-256 in hex. Returns the
     * caller's number for it (a facility), or NULL to refuse. Runs on the loop: must look
     * up in memory only. An older tunnel of the same certificate is cut before. */
    void *(*connected)(void *context, struct tunnel *tunnel, const char *fingerprint);
    void (*disconnected)(void *context, struct tunnel *tunnel, void *peer);
};

struct tunnel_hub_config {
    struct loop *loop;
    struct tls_context *tls; /* demands a client certificate of the network's CA */
    const char *address;
    uint16_t port;
    const struct tunnel_hub_events *events;
    void *context;
    int ping_ms; /* 20000 */
    const struct log *log;
};
/* On the loop's thread or before loop_run. */
MUST_CHECK struct tunnel_hub *tunnel_hub_open(const struct tunnel_hub_config *config,
                                              struct err *err);
uint16_t tunnel_hub_port(const struct tunnel_hub *hub);

/* On the loop's thread, or after loop_run has returned; before workers_free, so that
 * those who wait in tunnel_ask get their ERR_BUSY. GOAWAY to every gateway. */
void tunnel_hub_close(struct tunnel_hub *hub);

/* Keeps a tunnel usable across threads after `connected`; a dead one answers ERR_BUSY. */
struct tunnel *tunnel_keep(struct tunnel *tunnel);
void tunnel_release(struct tunnel **tunnel); /* for CLEANUP */
bool tunnel_is_alive(const struct tunnel *tunnel);
/* Random per connection: part of the signed grant. */
struct id tunnel_id(const struct tunnel *tunnel);
/* From any thread. */
void tunnel_cut(struct tunnel *tunnel);

struct tunnel_request {
    const char *method; /* "GET" or "POST" */
    const char *path;
    struct span body;  /* copied */
    struct span grant; /* value of the tsumugi-grant header, or empty; copied */
    int first_byte_ms; /* deadline for the answer's head: 3000 for content */
    int total_ms;      /* 0 = none */
    /* What may come without credit, as far as all tunnels together have it (64 MB); 0 =
     * TUNNEL_CREDIT_BYTES. For what is large, so that it does not wait at its beginning.
     */
    size_t credit_bytes;
};

/* What an answer says of itself; texts are borrowed until `head` returns, at most
 * TUNNEL_FIELD_MAX bytes, longer ones empty. */
enum { TUNNEL_FIELD_MAX = 128 };
/* Of an answer's body at least so much comes before any credit was given. */
enum { TUNNEL_CREDIT_BYTES = 64 * 1024 };
struct tunnel_head {
    int status;
    int64_t content_length;   /* < 0 = not said */
    int64_t whole_length;     /* value of tsumugi-length; < 0 = not said */
    struct span content_type; /* empty = not said */
    struct span lossy;        /* value of tsumugi-lossy, or empty */
    struct span stamp;        /* value of tsumugi-stamp, or empty */
    size_t credit_bytes;      /* that the request has got; may become more */
};

/* All run on the loop, must not block; `ended` exactly once. */
struct tunnel_events {
    void (*head)(void *context, const struct tunnel_head *head);
    void (*data)(void *context, struct span bytes); /* give credit with tunnel_consume */
    /* complete: the peer ended it, all of it came; false with err, each ERR_BUSY:
     * "gateway_cut", "gateway_busy" (it takes no more), deadline "gateway_silent", tunnel
     * lost "gateway_away", "tunnel_cancelled". */
    void (*ended)(void *context, bool complete, const struct err *err);
};
/* Borrowed until `ended` returns. No event comes from inside the calls below, and those
 * never block: so whoever calls them from another thread than the loop's holds a lock of
 * its own around them, tunnel_send included, and takes the same lock in `ended`. */
struct tunnel_exchange;
/* From any thread. NULL with ERR_BUSY "gateway_away". `events` is kept by address. */
MUST_CHECK struct tunnel_exchange *tunnel_send(struct tunnel *tunnel,
                                               const struct tunnel_request *request,
                                               const struct tunnel_events *events,
                                               void *context, struct err *err);
/* The consumer took `count` bytes: returns the stream's credit. From any thread. */
void tunnel_consume(struct tunnel_exchange *exchange, size_t count);
/* From any thread; `ended` follows. */
void tunnel_cancel(struct tunnel_exchange *exchange);

/* Blocking form for workers (asserts that it is not the loop's thread), answers of at
 * most max_bytes (ERR_LIMIT "tunnel_answer_too_large"), else the errors of `ended`. A
 * status >= 400 is not an error here. */
MUST_CHECK bool tunnel_ask(struct tunnel *tunnel, const struct tunnel_request *request,
                           size_t max_bytes, struct arena *arena, int *status,
                           struct span *body, struct err *err);

/* ---- the gateway's side ---- */
/* What a centre may ask at once over one tunnel; more waits there. Whoever answers has a
 * queue for all of it: what is turned away would be asked again. */
enum { TUNNEL_STREAMS_MAX = 512 };
struct tunnel_dialer; /* *owned* */
/* An HTTP proxy that is asked to CONNECT: it resolves the centre's name, and sees nothing
 * but the name and TLS. */
struct tunnel_proxy {
    const char *host;
    uint16_t port;
    const char *authorization; /* value of Proxy-Authorization, or NULL */
};
struct tunnel_dialer_config {
    struct loop *loop;
    struct workers *workers;
    struct tls_context *tls; /* client certificate; pins the centre's CA; TUNNEL_ALPN */
    const char *host;        /* also the name in the centre's certificate */
    uint16_t port;
    const struct tunnel_proxy *proxy; /* NULL = none; copied */
    const struct http_router *router; /* answers the centre's requests */
    struct http_limits limits;
    int retry_min_ms;
    int retry_max_ms;
    int ping_ms;
    /* Called on the loop when a tunnel begins (the centre has taken us) and ends; the id
     * of the connection is the one the centre names in hello, not known here. May be
     * NULL. */
    void (*changed)(void *context, bool is_connected);
    void *context;
    const struct log *log;
};
MUST_CHECK struct tunnel_dialer *
tunnel_dialer_open(const struct tunnel_dialer_config *config, struct err *err);
/* On the loop's thread, or after loop_run has returned and before workers_free. */
void tunnel_dialer_close(struct tunnel_dialer *dialer);
