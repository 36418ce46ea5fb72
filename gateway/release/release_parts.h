// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/release: one answer (release.c), and what stays open
 * (release_opened.c). */

#include <pthread.h>

#include "gateway/release/release.h"

enum { TUNNELS_MAX = 16, OPENED_MAX = 1024 };

struct release_permit {
    const char *event; /* of its decision row: "content" or "original" */
    char detail[32];   /* which part of the original, "" = none */
    struct grant grant;
    struct index_place place;
    struct text pictures; /* the key of the study that opens with an order; "" = none */
};

struct release_tunnel {
    struct id id;
    int64_t hello_ms; /* monotonic; 0 = free */
    struct grant_window window;
};

struct release {
    struct release_config config;
    pthread_mutex_t lock;
    struct release_tunnel tunnels[TUNNELS_MAX];
    pthread_mutex_t first_lock;  /* while a first part's row is written */
    pthread_mutex_t opened_lock; /* guards what follows; taken alone */
    struct release_opened *opened;
    size_t opened_count;
};

struct release_deciding {
    struct release *release;
    const struct release_request *request;
    struct release_permit *permit;
    struct arena *arena;
    const char *reason; /* NULL = permitted */
};
MUST_CHECK bool release_check_grant(struct release *release, struct span wire,
                                    struct arena *arena, struct grant *grant,
                                    struct err *err);
/* The rule on the facts as they are now; fills the permit's place. */
MUST_CHECK bool release_apply(struct release_deciding *deciding, struct err *err);
MUST_CHECK bool release_write_decision(const struct release_deciding *deciding,
                                       const char *event, const char *reason,
                                       struct err *err);
/* A refusal is written down like a permit; then it is the answer: always false. */
MUST_CHECK bool release_write_refusal(const struct release_deciding *deciding,
                                      const char *event, struct err *err);
struct release_sum {
    const char *verdict;
    int64_t bytes;
    int64_t parts;
};
MUST_CHECK bool release_write_finish(struct release *release,
                                     const struct release_permit *permit,
                                     const struct release_sum *sum, struct err *err);

/* One finish row for each. */
void release_end_all(struct release *release);
void release_end_of_tunnel(struct release *release, struct id tunnel);
