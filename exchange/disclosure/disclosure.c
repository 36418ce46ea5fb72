// SPDX-License-Identifier: Apache-2.0
#include "exchange/disclosure/disclosure.h"

#include <assert.h>

enum { KIND_MASK = (1 << ENTRY_KIND_COUNT) - 1 };
static_assert(ENTRY_KIND_COUNT < 31, "kinds fit the mask");

static const char *link_refusal(enum disclosure_link link)
{
    switch (link) {
    case DISCLOSURE_LINK_CONFIRMED:
        return NULL;
    case DISCLOSURE_LINK_PROPOSED:
        return "link_proposed";
    case DISCLOSURE_LINK_SUSPENDED:
        return "link_suspended";
    case DISCLOSURE_LINK_REFUSED:
        return "link_refused";
    case DISCLOSURE_LINK_NONE:
        break;
    }
    return "no_link";
}

static const char *consent_refusal(enum disclosure_consent consent)
{
    switch (consent) {
    case DISCLOSURE_CONSENT_COVERS:
        return NULL;
    case DISCLOSURE_CONSENT_REFUSED:
        return "consent_refused";
    case DISCLOSURE_CONSENT_WITHDRAWN:
        return "consent_withdrawn";
    case DISCLOSURE_CONSENT_EXPIRED:
        return "consent_expired";
    case DISCLOSURE_CONSENT_NOT_COVERING:
        return "consent_not_covering";
    case DISCLOSURE_CONSENT_JOINER_WAITING:
        return "joiner_waiting";
    case DISCLOSURE_CONSENT_NONE:
        break;
    }
    return "no_consent";
}

const char *disclosure_actor_refusal(const struct disclosure_facts *facts)
{
    if (!facts->actor_is_active)
        return "actor_inactive";
    if (facts->assurance < facts->assurance_needed)
        return "assurance";
    if (facts->purpose != PERMIT_CARE && facts->purpose != PERMIT_REGISTER &&
        facts->purpose != PERMIT_WRITE)
        return "purpose";
    return NULL;
}

static const char *write_refusal(const struct disclosure_facts *facts)
{
    if (!facts->actor_may_write)
        return "may_not_write";
    if (facts->viewer_link != DISCLOSURE_LINK_CONFIRMED)
        return "no_own_number";
    if (!facts->viewer_is_participant)
        return "not_participant";
    return consent_refusal(facts->viewer_consent);
}

static const char *provider_refusal(const struct disclosure_facts *facts,
                                    const struct disclosure_provider_facts *provider)
{
    if (facts->viewer_link != DISCLOSURE_LINK_CONFIRMED)
        return "no_own_number";
    if (!facts->viewer_is_participant || !provider->is_participant)
        return "not_participant";
    /* Consent first: what a person decided does not wait for a hospital's answer. */
    const char *reason = consent_refusal(provider->consent);
    return reason ? reason : link_refusal(provider->link);
}

static void refuse(struct disclosure_verdict *verdict, struct id provider, uint32_t kinds,
                   const char *reason)
{
    verdict->refusals[verdict->refusal_count++] =
        (struct permit_refusal){provider, kinds, reason};
}

static void grant(struct disclosure_verdict *verdict,
                  const struct disclosure_facts *facts,
                  const struct disclosure_provider_facts *provider, uint32_t kinds)
{
    bool is_own = id_equal(provider->provider, facts->viewer);
    struct permit_grant *one = &verdict->grants[verdict->grant_count++];
    *one = (struct permit_grant){
        .provider = provider->provider,
        .record = provider->record,
        .local_number = provider->local_number,
        .kinds = kinds,
        .sensitive_kinds = is_own ? kinds : kinds & provider->sensitive_kinds,
        .from_day = is_own ? DAY_NONE : provider->from_day,
        .is_own = is_own,
    };
    if (is_own)
        return;
    one->excluded_departments = provider->excluded_departments;
    one->excluded_department_count = provider->excluded_department_count;
}

/* Policy per kind: what is released to nobody, and what not to this audience. */
static void decide_kinds(struct disclosure_verdict *verdict,
                         const struct disclosure_facts *facts,
                         const struct disclosure_provider_facts *provider)
{
    uint32_t held = provider->held_kinds & KIND_MASK;
    uint32_t released = provider->released_kinds & held;
    uint32_t allowed = released & provider->audience_kinds;
    uint32_t unreleased = held & ~released;
    if (unreleased)
        refuse(verdict, provider->provider, unreleased, "kind_not_released");
    if (released & ~allowed)
        refuse(verdict, provider->provider, released & ~allowed, "audience");
    if (allowed)
        grant(verdict, facts, provider, allowed);
}

static void decide_provider(struct disclosure_verdict *verdict,
                            const struct disclosure_facts *facts,
                            const struct disclosure_provider_facts *provider)
{
    if (id_equal(provider->provider, facts->viewer)) {
        if (facts->viewer_link == DISCLOSURE_LINK_CONFIRMED)
            grant(verdict, facts, provider, KIND_MASK);
        else
            refuse(verdict, provider->provider, 0, "no_own_number");
        return;
    }
    const char *reason = provider_refusal(facts, provider);
    if (reason)
        refuse(verdict, provider->provider, 0, reason);
    else
        decide_kinds(verdict, facts, provider);
}

/* Identity only: numbers, consents, the banner; no kind of content. */
static void decide_identity(struct disclosure_verdict *verdict,
                            const struct disclosure_facts *facts)
{
    struct disclosure_provider_facts own = {.provider = facts->viewer};
    bool has_number = facts->viewer_link == DISCLOSURE_LINK_CONFIRMED ||
                      facts->viewer_link == DISCLOSURE_LINK_PROPOSED ||
                      facts->viewer_link == DISCLOSURE_LINK_SUSPENDED;
    if (has_number || facts->viewer_registered_person || facts->viewer_named_person)
        grant(verdict, facts, &own, 0);
    else
        refuse(verdict, facts->viewer, 0, "no_own_number");
}

bool disclosure_rule(const struct disclosure_facts *facts, struct arena *arena,
                     struct disclosure_verdict *verdict, struct err *err)
{
    /* A provider gives at most one grant and two refusals. */
    size_t count = facts->provider_count + 1;
    *verdict = (struct disclosure_verdict){
        .grants = ARENA_MANY(arena, struct permit_grant, count, err),
    };
    if (!verdict->grants)
        return false;
    verdict->refusals = ARENA_MANY(arena, struct permit_refusal, 2 * count, err);
    if (!verdict->refusals)
        return false;
    const char *reason = disclosure_actor_refusal(facts);
    bool is_writing = !reason && facts->purpose == PERMIT_WRITE;
    const char *write_reason = is_writing ? write_refusal(facts) : NULL;
    if (reason)
        refuse(verdict, (struct id){{0}}, 0, reason);
    else if (write_reason)
        refuse(verdict, facts->viewer, 0, write_reason);
    else if (facts->purpose == PERMIT_REGISTER)
        decide_identity(verdict, facts);
    else
        for (size_t i = 0; i < facts->provider_count; i++)
            decide_provider(verdict, facts, &facts->providers[i]);
    if (verdict->grant_count == 0)
        verdict->reason =
            verdict->refusal_count ? verdict->refusals[0].reason : "no_link";
    return true;
}
