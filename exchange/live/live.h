// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What changes while somebody looks (server-sent events of the HTML standard): ids only,
 * to sessions that have a calendar of the person open. A view is refreshed under its
 * opening; an event is not a view and opens nothing.
 *
 * Changes are taken from any thread without blocking and given out by one thread of its
 * own, joined when they come in bursts. Slow readers are cut; who comes back with a
 * Last-Event-ID gets what was missed, or `reload` when that is no longer known, as from
 * another process: ids mean something to one only. */

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "exchange/consent/consent.h"
#include "exchange/facility/facility.h"
#include "exchange/patient/patient.h"
#include "exchange/registry/registry.h"
#include "exchange/request/request.h"

struct http_router;
struct opening_table;
struct session_service;
struct store;

enum {
    LIVE_STREAMS_PER_SESSION = 6,
    LIVE_STREAMS_MAX = 4000,
    LIVE_RING = 2048,
    LIVE_HEARTBEAT_MS = 10000
};

struct live; /* *owned* by server; threads share it */
struct live_config {
    struct session_service *sessions;
    struct clock clock;
    struct rand rand;
    const struct log *log;
    /* Other processes' streams hear of what changed here and the other way round, through
     * this database; NULL when there are none. */
    struct store *store;
    struct id run; /* of this process */
};
MUST_CHECK struct live *live_new(const struct live_config *config, struct err *err);
/* Openings are made after the gate, which is made after what live listens to. */
void live_watch_openings(struct live *live, struct opening_table *openings);
/* Before http_server_close: ends all streams and joins its thread; later changes are
 * ignored. */
void live_stop(struct live *live);
/* After everybody it listens to. */
void live_free(struct live *live);

/* Something may have been missed, nobody knows what: all streams are told to read again.
 */
void live_reload_all(struct live *live);

/* For registry_config.listener, with `live` as context. */
void live_registry_changed(void *live, const struct registry_change *change);
struct patient_listener live_patient_listener(struct live *live);
struct consent_listener live_consent_listener(struct live *live);
struct request_listener live_request_listener(struct live *live);
/* A gateway came or went: the freshness of its facility, for all. */
struct facility_listener live_facility_listener(struct live *live);

/* Route: getLive. */
void live_routes(struct http_router *router, struct live *live);
