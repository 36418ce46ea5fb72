// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to server/: what an operator's tools ask. GET /healthz says whether this
 * process is ready to serve, /healthz/live whether it runs at all, /metrics (plain, on
 * loopback only) what it counts, in Prometheus text. None has a patient's data. */

#include "server/server_config.h"

struct audit;
struct disclosure;
struct facility_gateways;
struct http_router;
struct http_server;
struct process;
struct network_epoch;
struct opening_table;
struct store;
struct workers;

/* Everything borrowed; `http` and `workers` are NULL until the wire is open. */
struct server_watch {
    const struct server_config *config;
    struct store *store;
    struct audit *audit;
    struct process *process;
    struct network_epoch *epoch;
    struct disclosure *gate;
    struct opening_table *openings;
    struct facility_gateways *gateways;
    struct http_server *http;
    struct workers *workers;
    struct tls_context *browser_tls; /* NULL without */
    struct tls_context *gateway_tls;
    int64_t started_ms; /* wall */
};

void server_watch_routes(struct http_router *router, struct server_watch *watch);
