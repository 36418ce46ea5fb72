// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The signed grant with which the centre asks a gateway for content (requirement AC-6,
 * docs/specs/uplink.md "Grant"). It binds facility, tunnel, counter, opening, record,
 * entry and kinds to one viewer; its age is counted by the gateway's monotonic clock
 * since the tunnel's hello, so that a hospital clock two minutes off refuses nothing and
 * nothing can be replayed. But what consents and delays allow today is decided by wall
 * clocks, the centre's and the gateway's: one of them is wrong when they are an hour
 * apart, and nothing goes out until they agree. Ed25519 (RFC 8032) over canonical JSON.
 *
 * Wire form: hex(JSON) "." hex(signature). Errors: of grant_read ERR_SYNTAX
 * grant_malformed, ERR_REFUSED grant_signature; of grant_meets ERR_REFUSED
 * grant_facility, grant_tunnel, grant_age, grant_counter, clock_apart. Reading borrows
 * texts from the arena. */

#include "base/secret.h"
#include "formats/entry/entry.h"

enum {
    GRANT_BYTES_MAX = 8192,
    GRANT_AGE_MAX_MS = 60000,
    GRANT_CLOCK_APART_MAX_MS = 3600 * 1000,
    GRANT_WINDOW = 1024 /* counters may overtake each other this far */
};

struct grant {
    struct text facility_code; /* whose gateway */
    struct id tunnel;
    int64_t counter;   /* 1 …, never twice on a tunnel */
    int64_t issued_ms; /* since the hello of this tunnel */
    int64_t clock_ms;  /* the centre's wall clock, UTC ms; 0 = it does not say (before) */
    struct id opening;
    struct id request; /* the decision's, the same in both audits */
    struct id record;
    struct text local_number;
    struct text entry_key; /* "" = none: only cancel and the like */
    uint32_t kinds;
    struct text purpose;
    struct text staff_id;
    struct text staff_name;
    struct text profession;
    struct text viewer_code; /* facility of the viewer */
    struct text viewer_name;
    struct text viewer_kind;
};

/* Writes the wire form. */
MUST_CHECK bool grant_sign(const struct grant *grant,
                           const struct secret_signing_key *key, struct buf *out,
                           struct err *err);

/* What a gateway remembers of a tunnel: highest counter and which below were seen. */
struct grant_window {
    int64_t highest;
    uint64_t seen[GRANT_WINDOW / 64]; /* bit (counter % GRANT_WINDOW) */
};
/* False when the counter was seen or is too old; remembers it. */
bool grant_window_take(struct grant_window *window, int64_t counter);

/* What the centre signed; nothing inside is believed before that. It is permission only
 * when it also meets what is expected of it. */
MUST_CHECK bool grant_read(struct span wire, const struct secret_public_key *key,
                           struct arena *arena, struct grant *grant, struct err *err);

struct grant_expectation {
    struct text facility_code;
    struct id tunnel;
    int64_t now_ms;  /* since the hello of this tunnel, gateway's monotonic clock */
    int64_t wall_ms; /* the gateway's wall clock, UTC ms */
    struct grant_window *window;
};
/* True once: its counter is used up then. */
MUST_CHECK bool grant_meets(const struct grant *grant,
                            const struct grant_expectation *expected, struct err *err);
