// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A national network's day: facilities in regional networks on one real centre process,
 * their gateways as peers that speak the real protocol, and people who look. What the
 * traffic is and what is left out stands in docs/benchmarks.md. */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum {
    NATIONAL_NETWORKS = 47,
    NATIONAL_GATEWAYS_EACH = 9,
    NATIONAL_GATEWAYS = NATIONAL_NETWORKS * NATIONAL_GATEWAYS_EACH, /* 423 */
    NATIONAL_FACILITIES = 10144,
    NATIONAL_DESKS_EACH = 5, /* viewers of a network who are at work */
    NATIONAL_DESKS = NATIONAL_NETWORKS * NATIONAL_DESKS_EACH,
    NATIONAL_PERSONS_EACH = 20, /* of a desk, linked at two hospitals of the network */
    NATIONAL_PERSONS = NATIONAL_DESKS * NATIONAL_PERSONS_EACH,
    NATIONAL_LINKS = 2 * NATIONAL_PERSONS,
    NATIONAL_HISTORY = 10, /* entries that a record has at first */
    NATIONAL_SAMPLES = 1 << 16,
    NATIONAL_PATH = 128
};
#define NATIONAL_PASSWORD "correct horse battery"

/* In memory that all processes share. */
struct national {
    char folder[NATIONAL_PATH];
    char fingerprints[NATIONAL_GATEWAYS][HASH_HEX_BYTES];
    _Atomic int linked, in_step;
    _Atomic int64_t history_stored, live_sent, live_stored, rejected, contents;
    _Atomic int64_t live_per_hour; /* of made-up time; 0 = none yet */
    _Atomic int factor;
    _Atomic int sample_count;
    int32_t samples_us[NATIONAL_SAMPLES]; /* file's event → told that it is stored */
};

struct national_hospital {
    int network, number; /* of all gateways */
};

_Noreturn void national_fail(const char *what, const char *why);
int64_t national_now_us(void);
void national_path(const struct national *national, const char *name,
                   char path[2 * NATIONAL_PATH]);
/* The code of a gateway's facility. */
void national_code(int facility, char code[11]);
/* Facility ids: of gateway g it is g; of desk d of network n it follows. */
int national_desk_facility(int desk);
struct id;
void national_person_name(int person, char id[33]);

/* region.c */
void national_found(struct national *national);
/* peers.c: never returns */
_Noreturn void national_run_peers(struct national *national, uint16_t port);
