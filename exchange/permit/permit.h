// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The result of a decision about a patient's data (requirements AC-1 to AC-5).
 *
 * A `struct disclosure_permit` says who may read what of one person: n grants and m named
 * refusals. A `struct disclosure_scope` allows lists across persons (search, home, logs)
 * that recognise somebody and carry no content. Both are opaque; only exchange/disclosure
 * makes them (permit_make, permit_make_scope; checked with nm on every build), after the
 * decision is durable in the audit. Everybody may read them.
 *
 * Queries take their limits from here: person, records, kinds, departments and times in a
 * WHERE clause are the permit's, never a request's. Ownership: *arena* of whoever asked;
 * permit_keep copies one into an opening's own arena. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "formats/entry/entry.h"

struct disclosure_permit;
struct disclosure_scope;

enum permit_purpose {
    PERMIT_CARE,      /* treatment of the person: the normal case */
    PERMIT_REGISTER,  /* identity, numbers and consents; no content */
    PERMIT_WRITE,     /* to store what a member writes about the person */
    PERMIT_EMERGENCY, /* time-boxed access without prior link (not yet granted) */
    PERMIT_SUPPORT,
    PERMIT_REQUEST /* a person's own disclosure request */
};
const char *permit_purpose_id(enum permit_purpose purpose);

/* One provider's data that may be read. */
struct permit_grant {
    struct id provider; /* facility */
    struct id record;   /* the person's record there */
    struct text local_number;
    uint32_t kinds;           /* bit 1 << enum entry_kind */
    uint32_t sensitive_kinds; /* of these, also what the source marks sensitive */
    const struct text *excluded_departments;
    size_t excluded_department_count;
    int32_t from_day;          /* DAY_NONE = from the beginning; undated entries pass */
    bool is_own;               /* the viewer's own data */
    const struct clock *clock; /* for permit_released_before_ms; set by permit_make */
};

/* Why something of a provider is not shown; kinds 0 = everything of it. */
struct permit_refusal {
    struct id provider;
    uint32_t kinds;
    const char *reason; /* stable code, a literal */
};

/* Who looks, as the audit and the gateway's grant name them. */
struct permit_viewer {
    struct id staff;
    struct id facility;
    struct text name;
    struct text profession;
    struct text facility_name;
};

struct permit_contents {
    struct permit_viewer viewer;
    struct id person;
    enum permit_purpose purpose;
    struct id request;
    uint64_t audit_number; /* of the decision row */
    uint64_t epoch;        /* consent epoch that the facts were read under */
    int64_t decided_at_ms;
    struct clock clock; /* the gate's */
    const struct permit_grant *grants;
    size_t grant_count;
    const struct permit_refusal *refusals;
    size_t refusal_count;
};

/* For exchange/disclosure only. Copies everything into the arena. */
MUST_CHECK const struct disclosure_permit *
permit_make(const struct permit_contents *contents, struct arena *arena, struct err *err);
MUST_CHECK const struct disclosure_scope *
permit_make_scope(const struct permit_viewer *viewer, struct id request,
                  uint64_t audit_number, struct arena *arena, struct err *err);

/* A copy with its own life. */
MUST_CHECK const struct disclosure_permit *
permit_keep(const struct disclosure_permit *permit, struct arena *arena, struct err *err);

const struct permit_contents *permit_read(const struct disclosure_permit *permit);
/* The grant for a provider that covers the kind; NULL when there is none. */
const struct permit_grant *permit_grant_for(const struct disclosure_permit *permit,
                                            struct id provider, enum entry_kind kind);

/* Entries that are visible up to this instant may be read: now. Who has a calendar open
 * sees what arrives, and what a release delay held back until now. */
int64_t permit_released_before_ms(const struct permit_grant *grant);

const struct permit_viewer *permit_scope_viewer(const struct disclosure_scope *scope);
struct id permit_scope_request(const struct disclosure_scope *scope);
uint64_t permit_scope_audit_number(const struct disclosure_scope *scope);
