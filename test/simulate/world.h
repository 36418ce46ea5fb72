// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: a region's machines. Node 0 is the centre (server/server.h), nodes
 * 1 … gateway_count the hospitals' gateways (gateway/gateway.h), each with all its own
 * threads, as `tsumugi server` and `tsumugi gateway` wire them. */

#include "base/hash.h"
#include "base/id.h"
#include "exchange/facility/facility.h"
#include "exchange/staff/staff.h"
#include "test/simulate/disk.h"

enum {
    WORLD_CENTRE = 0,
    WORLD_GATEWAYS_MAX = 4,
    WORLD_VIEWERS = 2, /* a clinic and a pharmacy, who only look */
    WORLD_FACILITIES_MAX = WORLD_GATEWAYS_MAX + WORLD_VIEWERS,
    WORLD_STAFF_MAX = 2 * WORLD_FACILITIES_MAX,
    WORLD_BROWSER_PORT = 8080,
    WORLD_GATEWAY_PORT = 8443
};
#define WORLD_PASSWORD "correct horse battery"

/* Facility f below gateway_count is the hospital of node f + 1. */
struct world_facility {
    struct id id;
    char code[FACILITY_CODE_DIGITS + 1];
    enum facility_kind kind;
    bool is_hospital;
};
/* Two at each facility: a doctor (2f) and a nurse (2f + 1). */
struct world_staff {
    char login[16];
    int facility;
    enum staff_profession profession;
};

struct world {
    char root[64];
    int gateway_count, facility_count, staff_count;
    struct world_facility facilities[WORLD_FACILITIES_MAX];
    struct world_staff staff[WORLD_STAFF_MAX];
    char fingerprints[WORLD_GATEWAYS_MAX + 1][HASH_HEX_BYTES];
    int lives[WORLD_GATEWAYS_MAX + 1]; /* so many starts */
    bool is_up[WORLD_GATEWAYS_MAX + 1];
};

/* Founds the region below an empty directory; nothing runs yet. */
void world_found(struct world *world, const char *root, int gateway_count);
/* What the hospital of a node publishes from its next start on. */
void world_set_policy(const struct world *world, int node, const char *json);
void world_storage(const struct world *world, int node, char path[DISK_PATH]);

/* Starts a node and waits until it is open: false when it did not start. */
bool world_start(struct world *world, int node);
/* As by SIGTERM: to its end. */
void world_stop(struct world *world, int node);
enum world_end { WORLD_KILLED, WORLD_POWER_LOST };
void world_kill(struct world *world, int node, enum world_end end);
/* The index of a gateway that is down is gone: it has to read its storage again. */
void world_wipe_index(const struct world *world, int node);
