// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: this program stands in for connections (wire/http/connection.h) and
 * for the few calls of listeners. Everything above runs as it is: HTTP/1.1, HTTP/2, the
 * tunnel's hub and dialer. A connection is two ends with bytes under way between them;
 * they come in pieces of any size, later or sooner, in order, and end anywhere.
 *
 * TLS is left out: an end knows its peer's certificate by the node it dialled from. */

#include "base/buf.h"
#include "base/hash.h"

struct http_connection;

/* Before any node; `fingerprints` are of the nodes' certificates. */
void network_start(char (*fingerprints)[HASH_HEX_BYTES], int node_count);

/* What is under way to and from a node, and what it sends, stays under way until then. */
void network_hold(int node, int64_t until_us);
/* Each of its connections ends where it is: some of what was under way still comes. */
void network_cut(int node);
/* Its threads are gone. Peers hear nothing when the machine is gone, else a reset. */
void network_node_died(int node, bool is_silent);
/* Round trips of a node's line from now on. */
void network_set_delay(int node, int64_t delay_us);

/* ---- a browser, which has no loop ---- */
enum network_state { NETWORK_OPENING, NETWORK_OPEN, NETWORK_ENDED, NETWORK_RESET };
struct http_connection *network_dial(uint16_t port);
void network_write(struct http_connection *end, struct span bytes);
/* Adds what came to `out`. */
enum network_state network_receive(struct http_connection *end, struct buf *out);
void network_leave(struct http_connection *end);
