// SPDX-License-Identifier: Apache-2.0
/* What was read out of a policy's text, kept beside the very text: the same text says the
 * same, whoever asks and however old it is. Another one is read anew. With it stands in
 * which epoch of the database the provider had it: facility_change_policy raises the
 * epoch in its own transaction, so in a snapshot with the same epoch the provider has the
 * same text, and it need not be asked for. */
#include <pthread.h>

#include "base/memory.h"
#include "exchange/disclosure/disclosure_facts.h"
#include "formats/uplink/uplink.h"

enum { PLACES = 2048, PLACE_ARENA_BYTES = 1 << 20 };

struct place {
    struct arena arena;
    struct id provider; /* who had the text … */
    uint64_t epoch;     /* … in this epoch; 0 = not known */
    struct text text;   /* empty = nothing is kept */
    struct uplink_policy policy;
    bool is_readable;
};

struct disclosure_policies {
    pthread_mutex_t lock; /* guards the places */
    struct place places[PLACES];
};

struct disclosure_policies *disclosure_policies_new(struct err *err)
{
    struct disclosure_policies *policies = memory_new(1, sizeof *policies, err);
    if (!policies)
        return NULL;
    pthread_mutex_init(&policies->lock, NULL);
    for (size_t i = 0; i < PLACES; i++)
        policies->places[i].arena = arena_init(PLACE_ARENA_BYTES);
    return policies;
}

void disclosure_policies_free(struct disclosure_policies *policies)
{
    if (!policies)
        return;
    for (size_t i = 0; i < PLACES; i++)
        arena_free(&policies->places[i].arena);
    pthread_mutex_destroy(&policies->lock);
    memory_free(policies);
}

static bool read_text(struct place *place, struct text text, struct err *err)
{
    place->text = (struct text){0};
    arena_reset(&place->arena);
    place->is_readable =
        uplink_read_policy(text_span(text), &place->arena, &place->policy, err);
    if (!place->is_readable && err->kind != ERR_SYNTAX)
        return false;
    err_clear(err); /* unreadable: releases nothing */
    return text_copy(text, &place->arena, &place->text, err);
}

static bool copy_departments(const struct uplink_policy *policy, struct arena *arena,
                             struct disclosure_provider_facts *facts, struct err *err)
{
    size_t count = policy->excluded_department_count;
    struct text *copies = ARENA_MANY(arena, struct text, count, err);
    if (!copies)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!text_copy(policy->excluded_departments[i], arena, &copies[i], err))
            return false;
    facts->excluded_departments = copies;
    facts->excluded_department_count = count;
    return true;
}

/* The lock is held. */
static bool fill_facts(const struct place *place,
                       const struct disclosure_audience *audience, struct arena *arena,
                       struct disclosure_provider_facts *facts, struct err *err)
{
    struct uplink_audience viewer = {.profession = audience->profession,
                                     .facility_kind = audience->facility_kind,
                                     .facility_code = audience->facility_code};
    if (!place->is_readable)
        return true;
    facts->released_kinds = uplink_released_kinds(&place->policy);
    facts->audience_kinds = uplink_audience_kinds(&place->policy, &viewer);
    viewer.is_for_sensitive = true;
    facts->sensitive_kinds = uplink_audience_kinds(&place->policy, &viewer);
    facts->from_day = place->policy.from_day;
    return copy_departments(&place->policy, arena, facts, err);
}

static struct place *place_of(struct disclosure_policies *policies, struct id provider)
{
    const uint8_t *key = provider.bytes;
    return &policies->places[((size_t)key[0] << 8 | key[1]) % PLACES];
}

/* The lock is held. */
static bool take_text(struct place *place, struct text text,
                      const struct disclosure_audience *audience, struct id provider,
                      struct err *err)
{
    place->epoch = 0;
    if (!text_equal(place->text, text) && !read_text(place, text, err))
        return false;
    place->provider = provider;
    place->epoch = audience->epoch;
    return true;
}

static void forget(struct disclosure_provider_facts *facts)
{
    facts->released_kinds = 0;
    facts->sensitive_kinds = 0;
    facts->audience_kinds = 0;
}

bool disclosure_read_policy(struct disclosure_policies *policies, struct text policy,
                            const struct disclosure_audience *audience,
                            struct arena *arena, struct disclosure_provider_facts *facts,
                            struct err *err)
{
    struct place *place = place_of(policies, facts->provider);
    forget(facts);
    pthread_mutex_lock(&policies->lock);
    bool is_read = take_text(place, policy, audience, facts->provider, err) &&
                   fill_facts(place, audience, arena, facts, err);
    pthread_mutex_unlock(&policies->lock);
    return is_read;
}

bool disclosure_recall_policy(struct disclosure_policies *policies,
                              const struct disclosure_audience *audience,
                              struct arena *arena,
                              struct disclosure_provider_facts *facts, bool *is_known,
                              struct err *err)
{
    struct place *place = place_of(policies, facts->provider);
    forget(facts);
    pthread_mutex_lock(&policies->lock);
    *is_known = place->epoch != 0 && place->epoch == audience->epoch &&
                id_equal(place->provider, facts->provider);
    bool is_filled = !*is_known || fill_facts(place, audience, arena, facts, err);
    pthread_mutex_unlock(&policies->lock);
    return is_filled;
}
