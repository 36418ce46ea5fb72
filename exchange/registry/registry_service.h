// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the registry's routes and its listening to gateways need; *owned* by server. */

#include "base/clock.h"
#include "exchange/registry/registry.h"

struct facility_gateways;
struct http_router;
struct json_writer;
struct opening_table;
struct patient_service;
struct session_service;

struct registry_service {
    struct store *store;
    struct registry *registry;
    struct session_service *sessions;
    struct opening_table *openings;
    struct disclosure *gate;
    struct facility_gateways *gateways;
    struct clock clock;
};

/* Routes: openCalendar, getCalendar, listEntries, getHome, checkNow. */
void registry_routes(struct http_router *router, struct registry_service *service);
/* The contract's EntryHead. */
void registry_write_entry(struct json_writer *writer, const struct registry_entry *entry);
