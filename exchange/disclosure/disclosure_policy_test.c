// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"
#include "exchange/disclosure/disclosure_facts.h"

static const char open_policy[] =
    "{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\"],\"sensitive\":true},"
    "{\"kinds\":[\"report\"],\"professions\":[\"doctor\"]}],"
    "\"excluded_departments\":[\"06\",\"精\"],\"from\":\"2025-04-01\"}";
static const char narrow_policy[] = "{\"version\":1,\"rules\":[{\"kinds\":[\"visit\"]}]}";

struct place {
    struct disclosure_policies *policies;
    struct arena arena;
};

static struct place place_open(void)
{
    struct err err = {0};
    struct place place = {disclosure_policies_new(&err), arena_init(1 << 20)};
    CHECK(place.policies);
    return place;
}

static void place_close(struct place *place)
{
    arena_free(&place->arena);
    disclosure_policies_free(place->policies);
}

static struct disclosure_provider_facts read(struct place *place, uint8_t provider,
                                             const char *policy, const char *profession)
{
    struct err err = {0};
    struct disclosure_provider_facts facts = {.provider = {{0, 1, provider}},
                                              .from_day = DAY_NONE};
    struct disclosure_audience audience = {.profession = text_cstr(profession),
                                           .facility_kind = TEXT("clinic"),
                                           .facility_code = TEXT("1310000001")};
    CHECK(disclosure_read_policy(place->policies, text_cstr(policy), &audience,
                                 &place->arena, &facts, &err));
    CHECK(err.kind == ERR_NONE);
    return facts;
}

static bool is_open(const struct disclosure_provider_facts *facts, uint32_t audience)
{
    uint32_t laboratory = 1U << ENTRY_LABORATORY;
    return facts->released_kinds == (laboratory | 1U << ENTRY_REPORT) &&
           facts->audience_kinds == audience && facts->sensitive_kinds == laboratory &&
           facts->from_day == day_from_date(2025, 4, 1) &&
           facts->excluded_department_count == 2 &&
           text_is(facts->excluded_departments[0], "06") &&
           text_is(facts->excluded_departments[1], "精");
}

static bool is_narrow(const struct disclosure_provider_facts *facts)
{
    return facts->released_kinds == 1U << ENTRY_VISIT &&
           facts->audience_kinds == 1U << ENTRY_VISIT && facts->sensitive_kinds == 0 &&
           facts->from_day == DAY_NONE && facts->excluded_department_count == 0;
}

static bool is_closed(const struct disclosure_provider_facts *facts)
{
    return facts->released_kinds == 0 && facts->audience_kinds == 0 &&
           facts->sensitive_kinds == 0 && facts->excluded_department_count == 0;
}

static void a_policy_says_the_same_however_often_it_is_read(void)
{
    struct place place = place_open();
    uint32_t all = 1U << ENTRY_LABORATORY | 1U << ENTRY_REPORT;
    for (int i = 0; i < 3; i++) {
        struct disclosure_provider_facts doctor = read(&place, 1, open_policy, "doctor");
        struct disclosure_provider_facts nurse = read(&place, 1, open_policy, "nurse");
        CHECK(is_open(&doctor, all) && is_open(&nurse, 1U << ENTRY_LABORATORY));
    }
    place_close(&place);
}

static void another_text_is_another_policy_at_once(void)
{
    struct place place = place_open();
    uint32_t all = 1U << ENTRY_LABORATORY | 1U << ENTRY_REPORT;
    struct disclosure_provider_facts before = read(&place, 1, open_policy, "doctor");
    struct disclosure_provider_facts after = read(&place, 1, narrow_policy, "doctor");
    CHECK(is_narrow(&after));
    CHECK(is_open(&before, all)); /* what was read stays as it is */
    struct disclosure_provider_facts none = read(&place, 1, "", "doctor");
    struct disclosure_provider_facts broken = read(&place, 1, "{\"version\":1", "doctor");
    CHECK(is_closed(&none) && is_closed(&broken));
    broken = read(&place, 1, "{\"version\":1", "doctor");
    CHECK(is_closed(&broken));
    after = read(&place, 1, open_policy, "doctor");
    CHECK(is_open(&after, all));
    place_close(&place);
}

static void providers_do_not_speak_for_each_other(void)
{
    struct place place = place_open();
    uint32_t all = 1U << ENTRY_LABORATORY | 1U << ENTRY_REPORT;
    for (uint8_t i = 0; i < 10; i++) {
        struct disclosure_provider_facts one = read(&place, i, open_policy, "doctor");
        struct disclosure_provider_facts other =
            read(&place, (uint8_t)(i + 1), narrow_policy, "doctor");
        CHECK(is_open(&one, all) && is_narrow(&other));
    }
    place_close(&place);
}

int main(void)
{
    RUN(a_policy_says_the_same_however_often_it_is_read);
    RUN(another_text_is_another_policy_at_once);
    RUN(providers_do_not_speak_for_each_other);
    return test_done();
}
