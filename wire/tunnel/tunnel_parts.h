// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to wire/tunnel: the centre's side in two files, tunnel_hub.c with listeners and
 * lives of tunnels and tunnel_exchange.c with what is asked over one; and how long the
 * gateway's side waits.
 *
 * Threads: everything about lines and streams stays on the loop's. Others touch only what
 * stands under `lock`, and post. A tunnel is alive as long as its hub holds it; whoever
 * kept it afterwards holds plain memory that refuses everything. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/rand.h"
#include "wire/http2/http2.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel.h"

struct tunnel {
    atomic_int references;
    struct loop *loop; /* not to be used once it is dead */
    struct id id;
    char fingerprint[HASH_HEX_BYTES];

    pthread_mutex_t lock;
    bool is_alive;                     /* under lock: takes exchanges */
    bool is_gone;                      /* under lock: the loop may not be used */
    struct tunnel_exchange *exchanges; /* under lock; only those that have not ended */

    /* on the loop's thread */
    struct tunnel_hub *hub;
    struct http2_line *line; /* NULL when dead */
    void *peer;
    struct tunnel *next;
};

struct tunnel_exchange {
    atomic_int references;
    struct tunnel *tunnel; /* kept */
    const struct tunnel_events *events;
    void *context;
    struct tunnel_request request; /* its texts and body point into `copies` */
    char *copies;

    /* under the tunnel's lock */
    struct tunnel_exchange *next;
    struct tunnel_exchange **link; /* NULL when it has ended */
    size_t taken_bytes;            /* credit to give back */
    bool is_cancelled;
    bool is_posted;

    /* on the loop's thread */
    struct http2_stream *stream; /* NULL before the beginning and after the end */
    struct loop_timer *timer;
    size_t sent_bytes; /* of the body */
    int64_t begun_ms;
    bool has_begun;
    bool has_head;
};

/* The events of a tunnel's HTTP/2 session; `self` is the tunnel. */
extern const struct http2_events tunnel_session_events;

/* Takes no new exchanges any more. */
void tunnel_stop(struct tunnel *tunnel);
/* Ends all exchanges with ERR_BUSY "gateway_away"; after tunnel_stop. */
void tunnel_end_exchanges(struct tunnel *tunnel);

/* The gateway's wait before its next try. *bound_ms is 0 after a steady tunnel; it
 * doubles up to the maximum, and the wait lies somewhere between minimum and bound, so
 * that hundreds of gateways do not come back to a restarted centre at the same moment. */
int tunnel_next_delay(int *bound_ms, int min_ms, int max_ms, const struct rand *rand);
