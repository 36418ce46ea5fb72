// SPDX-License-Identifier: Apache-2.0
/* The gate's rule against an independent oracle, over every combination of facts.
 *
 * The oracle shares no code with exchange/disclosure: it asks, for one kind of one
 * provider, the sentences of the requirements in their order, and names the first that
 * fails. It was written from docs/glossary.md and ARCHITECTURE.md ("The gate") alone. */
#include <string.h>

#include "base/test.h"
#include "exchange/disclosure/disclosure.h"

enum { KIND_A = ENTRY_PRESCRIPTION, KIND_B = ENTRY_LABORATORY, MASKS = 3 };

static const uint32_t masks[MASKS] = {0, 1U << KIND_A, 1U << KIND_A | 1U << KIND_B};

struct situation {
    int purpose, active, enough_assurance, viewer_listed, viewer_link, registered, named;
    int own, provider_listed, provider_link, consent, released, audience, writes;
    int held; /* what there can be: without a gateway only what members write */
};

/* One axis of the table: how many values a member has. */
static const int axes[] = {4, 2, 2, 2, 5, 2, 2, 2, 2, 5, 7, MASKS, MASKS, 2, MASKS};
enum { AXES = sizeof axes / sizeof *axes };

static const struct id viewer_id = {{1}};
static const struct id other_id = {{2}};

static struct situation situation_of(long number)
{
    struct situation situation;
    int values[AXES];
    for (int i = 0; i < AXES; i++) {
        values[i] = (int)(number % axes[i]);
        number /= axes[i];
    }
    memcpy(&situation, values, sizeof situation);
    return situation;
}

/* ---- the oracle ---- */

static const char *oracle_link(int link)
{
    static const char *const words[] = {"no_link", "link_proposed", NULL,
                                        "link_suspended", "link_refused"};
    return words[link];
}

static const char *oracle_consent(int consent)
{
    static const char *const words[] = {NULL,
                                        "no_consent",
                                        "consent_refused",
                                        "consent_withdrawn",
                                        "consent_expired",
                                        "consent_not_covering",
                                        "joiner_waiting"};
    return words[consent];
}

/* Why nothing may be written about the person; NULL = something may. */
static const char *oracle_writing(const struct situation *s)
{
    bool has_own_number = s->viewer_link == DISCLOSURE_LINK_CONFIRMED;
    return !s->writes          ? "may_not_write"
           : !has_own_number   ? "no_own_number"
           : !s->viewer_listed ? "not_participant"
                               : oracle_consent(s->consent);
}

static const char *oracle_kind(const struct situation *s, int kind)
{
    return !(masks[s->held] >> kind & 1U)       ? "nothing_to_tell"
           : !(masks[s->released] >> kind & 1U) ? "kind_not_released"
           : !(masks[s->audience] >> kind & 1U) ? "audience"
                                                : NULL;
}

/* NULL = this kind may be read. */
static const char *oracle(const struct situation *s, int kind)
{
    bool wants_identity = s->purpose == 1;
    if (!s->active)
        return "actor_inactive";
    if (!s->enough_assurance)
        return "assurance";
    if (s->purpose == 3)
        return "purpose";
    if (wants_identity)
        return "identity_has_no_content";
    if (s->purpose == 2 && oracle_writing(s))
        return oracle_writing(s);
    if (s->viewer_link != DISCLOSURE_LINK_CONFIRMED)
        return "no_own_number";
    if (s->own)
        return NULL;
    if (!s->viewer_listed || !s->provider_listed)
        return "not_participant";
    if (oracle_consent(s->consent))
        return oracle_consent(s->consent);
    if (oracle_link(s->provider_link))
        return oracle_link(s->provider_link);
    return oracle_kind(s, kind);
}

static bool oracle_identity(const struct situation *s)
{
    bool knows = s->viewer_link == DISCLOSURE_LINK_PROPOSED ||
                 s->viewer_link == DISCLOSURE_LINK_CONFIRMED ||
                 s->viewer_link == DISCLOSURE_LINK_SUSPENDED || s->registered || s->named;
    return s->active && s->enough_assurance && s->purpose == 1 && knows;
}

/* ---- the rule on the same situation ---- */

static bool decide(const struct situation *s, struct arena *arena,
                   struct disclosure_verdict *verdict)
{
    static const enum permit_purpose purposes[] = {PERMIT_CARE, PERMIT_REGISTER,
                                                   PERMIT_WRITE, PERMIT_EMERGENCY};
    struct disclosure_provider_facts provider = {
        .provider = s->own ? viewer_id : other_id,
        .link = (enum disclosure_link)(s->own ? s->viewer_link : s->provider_link),
        .is_participant = s->provider_listed,
        .consent = (enum disclosure_consent)s->consent,
        .held_kinds = masks[s->held],
        .released_kinds = masks[s->released],
        .audience_kinds = masks[s->audience],
        .from_day = DAY_NONE,
    };
    struct disclosure_facts facts = {
        .viewer = viewer_id,
        .actor_is_active = s->active,
        .assurance = 1,
        .assurance_needed = s->enough_assurance ? 1 : 2,
        .viewer_is_participant = s->viewer_listed,
        .actor_may_write = s->writes,
        .viewer_consent = (enum disclosure_consent)s->consent,
        .viewer_link = (enum disclosure_link)s->viewer_link,
        .viewer_registered_person = s->registered,
        .viewer_named_person = s->named,
        .purpose = purposes[s->purpose],
        .providers = &provider,
        .provider_count = 1,
    };
    struct err err = {0};
    return disclosure_rule(&facts, arena, verdict, &err);
}

static bool grants_kind(const struct disclosure_verdict *verdict, struct id provider,
                        int kind)
{
    for (size_t i = 0; i < verdict->grant_count; i++)
        if (id_equal(verdict->grants[i].provider, provider) &&
            (verdict->grants[i].kinds >> kind & 1U))
            return true;
    return false;
}

static bool names_reason(const struct disclosure_verdict *verdict, int kind,
                         const char *reason)
{
    for (size_t i = 0; i < verdict->refusal_count; i++) {
        uint32_t kinds = verdict->refusals[i].kinds;
        if ((kinds == 0 || (kinds >> kind & 1U)) &&
            strcmp(verdict->refusals[i].reason, reason) == 0)
            return true;
    }
    return false;
}

static bool is_named(const struct disclosure_verdict *verdict, int kind)
{
    for (size_t i = 0; i < verdict->refusal_count; i++)
        if (verdict->refusals[i].kinds == 0 || (verdict->refusals[i].kinds >> kind & 1U))
            return true;
    return false;
}

static bool agrees(const struct situation *s, const struct disclosure_verdict *verdict,
                   int kind)
{
    struct id provider = s->own ? viewer_id : other_id;
    const char *reason = oracle(s, kind);
    bool is_granted = grants_kind(verdict, provider, kind);
    if (!reason)
        return is_granted;
    if (strcmp(reason, "identity_has_no_content") == 0)
        return !is_granted && (verdict->grant_count == 1) == oracle_identity(s);
    if (strcmp(reason, "nothing_to_tell") == 0)
        return !is_granted && !is_named(verdict, kind);
    return !is_granted && names_reason(verdict, kind, reason);
}

static void every_combination_of_facts_is_decided_as_the_oracle_says(void)
{
    long total = 1;
    long wrong = 0;
    for (int i = 0; i < AXES; i++)
        total *= axes[i];
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    for (long number = 0; number < total; number++) {
        struct situation situation = situation_of(number);
        struct disclosure_verdict verdict;
        arena_reset(&arena);
        bool is_decided = decide(&situation, &arena, &verdict);
        if (!is_decided || !agrees(&situation, &verdict, KIND_A) ||
            !agrees(&situation, &verdict, KIND_B)) {
            wrong++;
            if (wrong < 5)
                printf("# situation %ld differs\n", number);
        }
    }
    printf("# %ld situations\n", total);
    CHECK(total > 300000);
    CHECK(wrong == 0);
}

static const struct situation good = {.active = 1,
                                      .enough_assurance = 1,
                                      .viewer_listed = 1,
                                      .viewer_link = DISCLOSURE_LINK_CONFIRMED,
                                      .provider_listed = 1,
                                      .provider_link = DISCLOSURE_LINK_CONFIRMED,
                                      .released = 2,
                                      .audience = 2,
                                      .held = 2};

static bool flips(struct situation situation, size_t member, int bad, struct arena *arena)
{
    int values[AXES];
    struct disclosure_verdict verdict;
    bool was_good = decide(&situation, arena, &verdict) && verdict.grant_count == 1;
    memcpy(values, &situation, sizeof situation);
    values[member] = bad;
    memcpy(&situation, values, sizeof situation);
    return was_good && decide(&situation, arena, &verdict) && verdict.grant_count == 0 &&
           verdict.reason != NULL;
}

/* Each condition alone turns a permit into a refusal. */
static void each_condition_alone_flips_the_verdict(void)
{
    static const size_t members[] = {0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 14};
    static const int bad[] = {3, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        CHECK(flips(good, members[i], bad[i], &arena));
}

/* The own data too: what is written needs more than what is read. */
static void each_condition_alone_stops_the_writing(void)
{
    static const size_t members[] = {1, 2, 3, 4, 10, 13};
    static const int bad[] = {0, 0, 0, 0, 3, 0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct situation writing = good;
    writing.purpose = 2;
    writing.own = writing.writes = 1;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        CHECK(flips(writing, members[i], bad[i], &arena));
}

int main(void)
{
    RUN(every_combination_of_facts_is_decided_as_the_oracle_says);
    RUN(each_condition_alone_flips_the_verdict);
    RUN(each_condition_alone_stops_the_writing);
    return test_done();
}
