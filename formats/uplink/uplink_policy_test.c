// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/test.h"
#include "formats/uplink/uplink.h"

#define KIND(kind) (1U << (kind))

static bool read(const char *json, struct arena *arena, struct uplink_policy *policy)
{
    struct err err = {0};
    return uplink_read_policy(span_cstr(json), arena, policy, &err);
}

static bool is_refused(const char *json, const char *code)
{
    struct err err = {0};
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    return !uplink_read_policy(span_cstr(json), &arena, &policy, &err) &&
           strcmp(err.code, code) == 0;
}

static const char *const two_audiences =
    "{\"version\":3,\"from\":\"2024-04-01\",\"excluded_departments\":[\"40\"],\"rules\":["
    "{\"kinds\":[\"laboratory\",\"prescription\"],\"professions\":[\"doctor\"]},"
    "{\"kinds\":[\"prescription\"],\"professions\":[\"pharmacist\"],"
    "\"facility_kinds\":[\"pharmacy\"],\"facilities\":[\"2040000001\"],"
    "\"delay_hours\":72}]}";

static void a_policy_names_kinds_audiences_and_limits(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(read(two_audiences, &arena, &policy));
    CHECK(policy.version == 3 && policy.rule_count == 2);
    CHECK(policy.from_day == day_from_date(2024, 4, 1));
    CHECK(uplink_released_kinds(&policy) ==
          (KIND(ENTRY_LABORATORY) | KIND(ENTRY_PRESCRIPTION)));
    CHECK(uplink_department_is_excluded(&policy, TEXT("40")));
    CHECK(!uplink_department_is_excluded(&policy, TEXT("4")));
    CHECK(!uplink_department_is_excluded(&policy, TEXT("")));
}

/* Kept back unless a rule says otherwise, and then for that rule's audience only. */
static void what_is_sensitive_needs_a_rule_that_says_so(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct uplink_audience doctor = {TEXT("doctor"), TEXT("clinic"), TEXT("1"), true};
    CHECK(read("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}", &arena, &policy));
    CHECK(uplink_sensitive_kinds(&policy) == 0);
    CHECK(uplink_audience_kinds(&policy, &doctor) == 0);
    CHECK(read("{\"version\":1,\"rules\":[{\"kinds\":[\"problem\",\"laboratory\"]},"
               "{\"kinds\":[\"problem\"],\"professions\":[\"doctor\"],\"sensitive\":true,"
               "\"delay_hours\":24}]}",
               &arena, &policy));
    CHECK(uplink_sensitive_kinds(&policy) == KIND(ENTRY_PROBLEM));
    CHECK(uplink_audience_kinds(&policy, &doctor) == KIND(ENTRY_PROBLEM));
    CHECK(uplink_audience_delay_hours(&policy, &doctor, ENTRY_PROBLEM) == 24);
    doctor.is_for_sensitive = false;
    CHECK(uplink_audience_delay_hours(&policy, &doctor, ENTRY_PROBLEM) == 0);
    struct uplink_audience nurse = {TEXT("nurse"), TEXT("clinic"), TEXT("1"), true};
    CHECK(uplink_audience_kinds(&policy, &nurse) == 0);
    nurse.is_for_sensitive = false;
    CHECK(uplink_audience_kinds(&policy, &nurse) & KIND(ENTRY_PROBLEM));
    CHECK(is_refused("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"],\"sensitive\":1}]}",
                     "json_member"));
}

static void every_condition_of_a_rule_must_fit(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(read(two_audiences, &arena, &policy));
    struct uplink_audience audience = {TEXT("pharmacist"), TEXT("pharmacy"),
                                       TEXT("2040000001"), false};
    CHECK(uplink_audience_kinds(&policy, &audience) == KIND(ENTRY_PRESCRIPTION));
    audience.facility_code = TEXT("2040000002");
    CHECK(uplink_audience_kinds(&policy, &audience) == 0);
    audience.facility_code = TEXT("2040000001");
    audience.facility_kind = TEXT("clinic");
    CHECK(uplink_audience_kinds(&policy, &audience) == 0);
    audience.facility_kind = TEXT("pharmacy");
    audience.profession = TEXT("nurse");
    CHECK(uplink_audience_kinds(&policy, &audience) == 0);
    audience.profession = TEXT("");
    CHECK(uplink_audience_kinds(&policy, &audience) == 0);
}

static void a_delay_is_that_of_the_rules_that_fit_the_audience(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(read(two_audiences, &arena, &policy));
    struct uplink_audience doctor = {TEXT("doctor"), TEXT("clinic"), TEXT("2010000009"),
                                     false};
    struct uplink_audience pharmacist = {TEXT("pharmacist"), TEXT("pharmacy"),
                                         TEXT("2040000001"), false};
    CHECK(uplink_delay_hours(&policy, ENTRY_PRESCRIPTION) == 0);
    CHECK(uplink_audience_delay_hours(&policy, &doctor, ENTRY_PRESCRIPTION) == 0);
    CHECK(uplink_audience_delay_hours(&policy, &pharmacist, ENTRY_PRESCRIPTION) == 72);
    CHECK(uplink_audience_delay_hours(&policy, &pharmacist, ENTRY_LABORATORY) == 0);
    CHECK(uplink_delay_hours(&policy, ENTRY_VISIT) == 0);
}

static void no_rule_releases_nothing(void)
{
    struct uplink_policy policy = {0};
    struct uplink_audience audience = {TEXT("doctor"), TEXT("clinic"), TEXT("1"), false};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(read("{\"version\":1,\"rules\":[]}", &arena, &policy));
    CHECK(uplink_released_kinds(&policy) == 0);
    CHECK(uplink_audience_kinds(&policy, &audience) == 0);
    CHECK(policy.from_day == DAY_NONE);
}

static void a_star_names_every_kind(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(read("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}", &arena, &policy));
    CHECK(uplink_released_kinds(&policy) == KIND(ENTRY_KIND_COUNT) - 1);
}

static void texts_outlive_the_document(void)
{
    char json[512];
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    size_t len = strlen(two_audiences);
    memcpy(json, two_audiences, len + 1);
    CHECK(read(json, &arena, &policy));
    memset(json, 'x', len);
    CHECK(text_is(policy.rules[0].professions[0], "doctor"));
}

static void a_doubtful_policy_is_refused(void)
{
    CHECK(is_refused("[]", "json_member"));
    CHECK(is_refused("{\"rules\":[]}", "json_member"));
    CHECK(is_refused("{\"version\":0,\"rules\":[]}", "json_member"));
    CHECK(is_refused("{\"version\":1}", "json_member"));
    CHECK(is_refused("{\"version\":1,\"rules\":[{}]}", "json_member"));
    CHECK(is_refused("{\"version\":1,\"rules\":[7]}", "json_member"));
    CHECK(
        is_refused("{\"version\":1,\"rules\":[{\"kinds\":[\"blood\"]}]}", "policy_kind"));
    CHECK(is_refused("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"],"
                     "\"professions\":[]}]}",
                     "policy_empty_list"));
    CHECK(is_refused("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"],"
                     "\"professions\":\"doctor\"}]}",
                     "json_member"));
    CHECK(is_refused("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"],"
                     "\"delay_hours\":-1}]}",
                     "json_member"));
    CHECK(is_refused("{\"version\":1,\"rules\":[],\"excluded_departments\":[1]}",
                     "json_member"));
    CHECK(is_refused("{\"version\":1,\"version\":2,\"rules\":[]}", "json_duplicate_key"));
    CHECK(is_refused("", "json_invalid"));
}

/* "profession" restricts nothing: whoever wrote it thought that it did. */
static void a_mistyped_restriction_is_refused_by_name(void)
{
    static const struct {
        const char *json;
        const char *name;
    } cases[] = {
        {"{\"version\":1,\"rules\":[{\"kinds\":[\"*\"],\"profession\":[\"doctor\"]}]}",
         "profession "},
        {"{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]},{\"kinds\":[\"*\"],\"delay\":1}]"
         "}",
         "delay "},
        {"{\"version\":1,\"excluded_department\":[\"06\"],\"rules\":[]}",
         "excluded_department "},
    };
    struct err err = {0};
    CHECK(uplink_check_policy(span_cstr(two_audiences), &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err = (struct err){0};
        CHECK(!uplink_check_policy(span_cstr(cases[i].json), &err) &&
              strcmp(err.code, "json_unknown_member") == 0 &&
              strstr(err.text, cases[i].name));
    }
    err = (struct err){0};
    CHECK(!uplink_check_policy(SPAN("{\"version\":1,\n\"rules\":[}"), &err) &&
          strstr(err.text, "line 2"));
}

static void a_wrong_start_is_refused(void)
{
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(!read("{\"version\":1,\"rules\":[],\"from\":\"2024-02-30\"}", &arena, &policy));
    CHECK(!read("{\"version\":1,\"rules\":[],\"from\":20240401}", &arena, &policy));
    CHECK(!read("{\"version\":1,\"rules\":[],\"from\":\"2024-04-01T00\"}", &arena,
                &policy));
}

static void a_policy_that_is_too_large_is_refused(void)
{
    struct err err = {0};
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(buf_free) struct buf json = buf_init(1 << 20);
    buf_cstr(&json, "{\"version\":1,\"rules\":[");
    for (int i = 0; i <= UPLINK_RULES_MAX; i++)
        buf_format(&json, "%s{\"kinds\":[\"*\"]}", i ? "," : "");
    buf_cstr(&json, "]}");
    CHECK(!uplink_read_policy(buf_view(&json), &arena, &policy, &err));
    CHECK(err.kind == ERR_LIMIT);
    err_clear(&err);
    while (json.len <= UPLINK_POLICY_BYTES_MAX)
        buf_byte(&json, ' ');
    CHECK(!uplink_read_policy(buf_view(&json), &arena, &policy, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "policy_too_large") == 0);
}

int main(void)
{
    RUN(a_policy_names_kinds_audiences_and_limits);
    RUN(what_is_sensitive_needs_a_rule_that_says_so);
    RUN(every_condition_of_a_rule_must_fit);
    RUN(a_delay_is_that_of_the_rules_that_fit_the_audience);
    RUN(no_rule_releases_nothing);
    RUN(a_star_names_every_kind);
    RUN(texts_outlive_the_document);
    RUN(a_doubtful_policy_is_refused);
    RUN(a_mistyped_restriction_is_refused_by_name);
    RUN(a_wrong_start_is_refused);
    RUN(a_policy_that_is_too_large_is_refused);
    return test_done();
}
