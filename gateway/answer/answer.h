// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a gateway answers to the centre over the reversed tunnel (docs/specs/uplink.md):
 * hello, events, links, snapshots, content, checks, audit heads. Reads take a grant and
 * pass gateway/release; everything else moves only what the policy publishes. */

#include "base/log.h"
#include "gateway/collect/collect.h"
#include "gateway/index/index.h"
#include "gateway/release/release.h"

struct answer; /* *owned* */
struct http_router;

struct answer_config {
    struct index *index;
    struct collect *collect;
    struct release *release;
    struct audit *audit;
    struct text node;
    struct text facility_code;
    struct text policy; /* JSON as published */
    struct text software;
    struct index_limits limits;
    struct clock clock;
    const struct log *log;
    int poll_ms; /* longest wait of an event poll */
};
MUST_CHECK struct answer *answer_new(const struct answer_config *config, struct err *err);
/* Answers the polls that wait; later ones do not wait. Before the workers are freed. */
void answer_end(struct answer *answer);
void answer_free(struct answer *answer);
void answer_routes(struct http_router *router, struct answer *answer);
/* For index_config.wake. Any thread. */
void answer_wake(void *context, int lane);
/* Ends polls that waited long enough; called a few times a second. */
void answer_tick(struct answer *answer);
