// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a gateway answers to the centre over the reversed tunnel (docs/specs/uplink.md):
 * hello, events, links, snapshots, content, checks, audit heads. Reads take a grant and
 * pass gateway/release; everything else moves only what the policy publishes.
 *
 * The centre may have several processes with a tunnel each: a line. Each of them asks for
 * events; a lane's are handed out over one line at a time, which keeps them while it
 * is up and goes on asking, so that they are taken once (docs/decisions/0017). */

#include "base/log.h"
#include "gateway/collect/collect.h"
#include "gateway/frames/frames.h"
#include "gateway/index/index.h"
#include "gateway/release/release.h"
#include "gateway/study/study.h"

enum { ANSWER_LINES_MAX = 8 };

struct answer; /* *owned* */
struct http_router;

struct answer_config {
    struct index *index;
    struct collect *collect;
    struct release *release;
    struct study *study;   /* NULL = this gateway has no images */
    struct frames *frames; /* with study */
    struct audit *audit;
    struct text node;
    struct text facility_code;
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
/* Each line has a router of its own, 0 … ANSWER_LINES_MAX - 1. */
void answer_routes(struct http_router *router, struct answer *answer, int line);
/* The centre has taken the line's tunnel, or it is lost. On the loop; does not block. */
void answer_line_changed(struct answer *answer, int line, bool is_up);
/* For index_config.wake. Any thread. */
void answer_wake(void *context, int lane);
/* Ends polls that waited long enough; called a few times a second. */
void answer_tick(struct answer *answer);
