// SPDX-License-Identifier: Apache-2.0
#include "exchange/permit/permit.h"

#include <string.h>

struct disclosure_permit {
    struct permit_contents contents;
};

struct disclosure_scope {
    struct permit_viewer viewer;
    struct id request;
    uint64_t audit_number;
};

const char *permit_purpose_id(enum permit_purpose purpose)
{
    static const char *const ids[] = {
        [PERMIT_CARE] = "care",       [PERMIT_REGISTER] = "register",
        [PERMIT_WRITE] = "write",     [PERMIT_EMERGENCY] = "emergency",
        [PERMIT_SUPPORT] = "support", [PERMIT_REQUEST] = "disclosure_request",
    };
    return ids[purpose];
}

static bool copy_viewer(const struct permit_viewer *from, struct permit_viewer *to,
                        struct arena *arena, struct err *err)
{
    *to = *from;
    return text_copy(from->name, arena, &to->name, err) &&
           text_copy(from->profession, arena, &to->profession, err) &&
           text_copy(from->facility_name, arena, &to->facility_name, err);
}

static bool copy_departments(struct permit_grant *grant, struct arena *arena,
                             struct err *err)
{
    size_t count = grant->excluded_department_count;
    struct text *copies = ARENA_MANY(arena, struct text, count, err);
    if (!copies)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!text_copy(grant->excluded_departments[i], arena, &copies[i], err))
            return false;
    grant->excluded_departments = copies;
    return true;
}

static const struct permit_grant *copy_grants(const struct permit_contents *from,
                                              const struct clock *clock,
                                              struct arena *arena, struct err *err)
{
    struct permit_grant *grants =
        ARENA_MANY(arena, struct permit_grant, from->grant_count, err);
    if (!grants)
        return NULL;
    for (size_t i = 0; i < from->grant_count; i++) {
        grants[i] = from->grants[i];
        grants[i].clock = clock;
        if (!text_copy(grants[i].local_number, arena, &grants[i].local_number, err) ||
            !copy_departments(&grants[i], arena, err))
            return NULL;
    }
    return grants;
}

const struct disclosure_permit *permit_make(const struct permit_contents *contents,
                                            struct arena *arena, struct err *err)
{
    struct disclosure_permit *permit = ARENA_NEW(arena, struct disclosure_permit, err);
    if (!permit)
        return NULL;
    permit->contents = *contents;
    struct permit_refusal *refusals =
        ARENA_MANY(arena, struct permit_refusal, contents->refusal_count, err);
    if (!refusals ||
        !copy_viewer(&contents->viewer, &permit->contents.viewer, arena, err))
        return NULL;
    if (contents->refusal_count > 0)
        memcpy(refusals, contents->refusals, contents->refusal_count * sizeof *refusals);
    permit->contents.refusals = refusals;
    permit->contents.grants = copy_grants(contents, &permit->contents.clock, arena, err);
    return permit->contents.grants ? permit : NULL;
}

const struct disclosure_scope *permit_make_scope(const struct permit_viewer *viewer,
                                                 struct id request, uint64_t audit_number,
                                                 struct arena *arena, struct err *err)
{
    struct disclosure_scope *scope = ARENA_NEW(arena, struct disclosure_scope, err);
    if (!scope || !copy_viewer(viewer, &scope->viewer, arena, err))
        return NULL;
    scope->request = request;
    scope->audit_number = audit_number;
    return scope;
}

const struct disclosure_permit *permit_keep(const struct disclosure_permit *permit,
                                            struct arena *arena, struct err *err)
{
    return permit_make(&permit->contents, arena, err);
}

const struct permit_contents *permit_read(const struct disclosure_permit *permit)
{
    return &permit->contents;
}

const struct permit_grant *permit_grant_for(const struct disclosure_permit *permit,
                                            struct id provider, enum entry_kind kind)
{
    const struct permit_contents *contents = &permit->contents;
    for (size_t i = 0; i < contents->grant_count; i++) {
        const struct permit_grant *grant = &contents->grants[i];
        if (id_equal(grant->provider, provider) && (grant->kinds >> kind & 1U))
            return grant;
    }
    return NULL;
}

int64_t permit_released_before_ms(const struct permit_grant *grant)
{
    return clock_wall_ms(grant->clock);
}

const struct permit_viewer *permit_scope_viewer(const struct disclosure_scope *scope)
{
    return &scope->viewer;
}

struct id permit_scope_request(const struct disclosure_scope *scope)
{
    return scope->request;
}

uint64_t permit_scope_audit_number(const struct disclosure_scope *scope)
{
    return scope->audit_number;
}
