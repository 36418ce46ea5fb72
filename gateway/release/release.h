// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The gateway's own gate (requirement AC-6): what leaves the house is decided here a
 * second time, from the centre's signed grant AND the facility's own policy AND its own
 * list of linked patients. The decision is durable in the facility's own audit before a
 * permit exists. Only this folder makes a `struct release_permit`.
 *
 * Errors of release_decide: those of formats/grant; ERR_REFUSED link_missing, link_ended,
 * number_ended, grant_entry, kind_not_granted, kind_not_released, audience, sensitive,
 * department, before_start, delayed, original_mixed, incomplete; ERR_MISSING not_found;
 * ERR_BUSY audit_unwritable. */

#include "exchange/audit/audit.h"
#include "formats/grant/grant.h"
#include "gateway/index/index.h"

struct release;        /* *owned*; threads share it */
struct release_permit; /* opaque, *arena* */

struct release_config {
    struct index *index; /* holds the policy in force, too */
    struct audit *audit;
    struct text facility_code;
    struct text facility_name;
    struct secret_public_key centre; /* signs grants */
    struct clock clock;
};
MUST_CHECK struct release *release_new(const struct release_config *config,
                                       struct err *err);
void release_free(struct release *release);

/* A centre said hello on a tunnel: grants of this tunnel count from now. */
void release_note_tunnel(struct release *release, struct id tunnel);
/* The line is lost: no grant that was made for it counts any more. */
void release_drop_tunnel(struct release *release, struct id tunnel);

/* ---- the rule: plain facts ---- */
struct release_facts {
    int64_t now_ms;
    bool has_ended; /* the number is nobody's any more, or was joined into another */
    bool is_linked; /* record known and its link active, for the number of the grant */
    bool was_linked;
    bool names_entry; /* the entry asked for is the grant's */
    uint32_t granted_kinds;
    const struct uplink_policy *policy;
    struct uplink_audience audience;
    const struct index_place *place;
    int64_t received_at_ms;
    bool wants_original; /* then every kind in the file counts */
};
/* NULL = release it; else the reason code. */
const char *release_rule(const struct release_facts *facts);

struct release_request {
    struct span grant; /* wire form */
    struct text entry_key;
    bool wants_original;
    bool wants_pictures; /* of an order's entry: those of the study made for it */
    size_t part;         /* of the original, for the audit; 0 = the source itself */
};
MUST_CHECK const struct release_permit *
release_decide(struct release *release, const struct release_request *request,
               struct arena *arena, struct err *err);
/* Where the permitted entry stands. */
const struct index_place *release_place(const struct release_permit *permit);
const struct grant *release_grant(const struct release_permit *permit);
/* The finish row: verdict "done", "failed" or "cut". */
MUST_CHECK bool release_finish(struct release *release,
                               const struct release_permit *permit, const char *verdict,
                               int64_t bytes, struct err *err);
/* ---- what stays open: parts of a study under one opening ---- */
/* As release_decide, for the parts of an entry under the grant's opening: the first one
 * has the decision row ("study"), later ones are decided again by the same rule and have
 * a row only when they are refused, which ends it. ERR_BUSY release_full. */
MUST_CHECK const struct release_permit *
release_decide_part(struct release *release, const struct release_request *request,
                    struct arena *arena, struct err *err);
/* Adds to what the finish row will say. */
void release_count_part(struct release *release, const struct release_permit *permit,
                        int64_t bytes);
/* Of what was opened there is nothing: its finish row says "failed" at once, unless a
 * part went out before. */
void release_end_empty(struct release *release, const struct release_permit *permit);
/* For release_count_part when the request is over by then; *arena*. */
MUST_CHECK const struct release_permit *
release_keep_permit(const struct release_permit *permit, struct arena *arena,
                    struct err *err);
/* The opening was closed at the centre. */
void release_end_opening(struct release *release, struct id opening);
/* Ends what nobody asked for in ten minutes, and what was cut with its tunnel; called now
 * and then, waits for the audit. */
void release_sweep(struct release *release);

/* A link was asked for, decided or ended: one row. */
MUST_CHECK bool release_note_link(struct release *release, struct id record,
                                  struct text number, const char *verdict,
                                  const char *reason, struct err *err);
