// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the registry's routes need, and its listening to gateways; *owned* by server. */

#include "base/clock.h"
#include "exchange/facility/facility.h"
#include "exchange/patient/patient.h"
#include "exchange/registry/registry.h"

struct http_router;
struct json_writer;
struct network_epoch;
struct opening_table;
struct registry_uplink;
struct session_service;

struct registry_service {
    struct store *store;
    struct registry *registry;
    struct session_service *sessions;
    struct opening_table *openings;
    struct disclosure *gate;
    struct facility_gateways *gateways;
    struct facility_known *facilities;
    struct registry_uplink *uplink; /* NULL: nobody can be asked now */
    struct clock clock;
};

/* Routes: openCalendar, getCalendar, listEntries, getHome, checkNow. */
void registry_routes(struct http_router *router, struct registry_service *service);
/* The contract's EntryHead. */
void registry_write_entry(struct json_writer *writer, const struct registry_entry *entry);

/* ---- the centre's side of the gateways' events (registry_wire.c) ----
 * Two long polls per connected gateway (live before backfill). An event is answered in
 * the next poll, after its commit, so none is lost and some come twice. When a gateway
 * comes back, and once a day, the digests of all its records are compared; a record that
 * differs is reconciled by its snapshot. Nothing of it runs on the loop but the taking
 * over of bytes. */
struct registry_uplink_config {
    struct store *store;
    struct registry *registry;
    struct patient_service *patients;
    struct facility_gateways *gateways;
    struct network_epoch *epoch;
    struct clock clock;
    const struct log *log;
};
MUST_CHECK struct registry_uplink *
registry_uplink_new(const struct registry_uplink_config *config, struct err *err);
/* After tunnel_hub_close and before facility_gateways_free: joins its threads. */
void registry_uplink_stop(struct registry_uplink *uplink);
/* After facility_gateways_free and patient_free, whose listeners it is. */
void registry_uplink_free(struct registry_uplink *uplink);
/* For facility_gateways_listen and patient_listen. */
struct facility_listener registry_facility_listener(struct registry_uplink *uplink);
struct patient_listener registry_patient_listener(struct registry_uplink *uplink);

/* 最新データ取得: the gateways of these records read their sources now, all at the same
 * time, and their digests are compared; `done` comes once, on a thread of the uplink,
 * after at most CHECK_MS. What came of it stands in registry_read_freshness. */
enum { REGISTRY_CHECK_MS = 10000, REGISTRY_CHECKS_MAX = 64 };
MUST_CHECK bool registry_check_now(struct registry_uplink *uplink,
                                   const struct registry_owner *owners, size_t count,
                                   void (*done)(void *context), void *context,
                                   struct err *err);
