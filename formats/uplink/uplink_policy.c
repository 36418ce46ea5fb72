// SPDX-License-Identifier: Apache-2.0
/* The policy of a facility: what it releases to whom (docs/specs/uplink.md, "Policy"). */
#include "formats/uplink/uplink.h"

enum { ALL_KINDS = (1 << ENTRY_KIND_COUNT) - 1, DELAY_HOURS_MAX = 24 * 366 };

static bool copy_names(const struct json_value *object, const char *key,
                       struct arena *arena, const struct text **names, size_t *count,
                       struct err *err)
{
    const struct json_value *array = json_member(object, key);
    *count = 0;
    if (!array || json_is_null(array))
        return true;
    if (!json_take_array(object, key, UPLINK_NAMES_MAX, &array, err))
        return false;
    size_t found = json_count(array);
    struct text *copies = ARENA_MANY(arena, struct text, found, err);
    if (!copies)
        return false;
    for (size_t i = 0; i < found; i++) {
        struct text name = {0};
        if (!json_item_text(array, i, UPLINK_NAME_BYTES_MAX, &name, err) ||
            !text_copy(name, arena, &copies[i], err))
            return false;
    }
    /* An empty list would mean nobody; it is a mistake more often than a wish. */
    if (found == 0)
        return err_set(err, ERR_SYNTAX, "policy_empty_list", "list %s is empty", key);
    *names = copies;
    *count = found;
    return true;
}

static bool read_kinds(const struct json_value *object, uint32_t *kinds, struct err *err)
{
    const struct json_value *array = NULL;
    *kinds = 0;
    if (!json_take_array(object, "kinds", ENTRY_KIND_COUNT, &array, err))
        return false;
    for (size_t i = 0; i < json_count(array); i++) {
        struct text id = {0};
        enum entry_kind kind;
        if (!json_item_text(array, i, 32, &id, err))
            return false;
        if (text_is(id, "*"))
            *kinds = ALL_KINDS;
        else if (entry_kind_parse(id, &kind))
            *kinds |= 1U << kind;
        else
            return err_set(err, ERR_SYNTAX, "policy_kind", "an unknown kind");
    }
    return true;
}

/* Keeping back is what happens when nothing is said. */
static bool read_sensitive(const struct json_value *object, struct uplink_rule *rule,
                           struct err *err)
{
    rule->includes_sensitive = false;
    return !json_member(object, "sensitive") ||
           json_take_bool(object, "sensitive", &rule->includes_sensitive, err);
}

/* A restriction that is mistyped would release to everybody. */
static bool check_rule(const struct json_value *object, struct err *err)
{
    static const char *const keys[] = {"kinds",      "professions", "facility_kinds",
                                       "facilities", "delay_hours", "sensitive",
                                       NULL};
    return json_check_settings(object, keys, err);
}

static bool check_document(const struct json_value *root, struct err *err)
{
    static const char *const keys[] = {"version", "from", "excluded_departments", "rules",
                                       NULL};
    const struct json_value *rules = json_member(root, "rules");
    if (!json_check_settings(root, keys, err))
        return false;
    for (size_t i = 0; i < json_count(rules); i++)
        if (!check_rule(json_item(rules, i), err))
            return false;
    return true;
}

static bool read_rule(const struct json_value *object, struct arena *arena,
                      struct uplink_rule *rule, struct err *err)
{
    return read_kinds(object, &rule->kinds, err) && read_sensitive(object, rule, err) &&
           copy_names(object, "professions", arena, &rule->professions,
                      &rule->profession_count, err) &&
           copy_names(object, "facility_kinds", arena, &rule->facility_kinds,
                      &rule->facility_kind_count, err) &&
           copy_names(object, "facilities", arena, &rule->facilities,
                      &rule->facility_count, err) &&
           json_take_int_or(object, "delay_hours", 0, DELAY_HOURS_MAX, &rule->delay_hours,
                            err);
}

static bool read_document(const struct json_value *root, struct arena *arena,
                          struct uplink_policy *policy, struct err *err)
{
    const struct json_value *rules = NULL;
    struct text from = {0};
    if (!json_take_int(root, "version", 1, INT64_MAX, &policy->version, err) ||
        !json_take_array(root, "rules", UPLINK_RULES_MAX, &rules, err) ||
        !json_take_text_or(root, "from", 10, &from, err) ||
        !copy_names(root, "excluded_departments", arena, &policy->excluded_departments,
                    &policy->excluded_department_count, err))
        return false;
    policy->from_day = from.len ? day_from_iso(text_span(from)) : DAY_NONE;
    if (from.len && policy->from_day == DAY_NONE)
        return err_set(err, ERR_SYNTAX, "policy_from", "from is not a day");
    policy->rule_count = json_count(rules);
    policy->rules = ARENA_MANY(arena, struct uplink_rule, policy->rule_count, err);
    if (!policy->rules)
        return false;
    for (size_t i = 0; i < policy->rule_count; i++)
        if (!read_rule(json_item(rules, i), arena, &policy->rules[i], err))
            return false;
    return true;
}

bool uplink_check_policy(struct span json, struct err *err)
{
    CLEANUP(json_free_at)
    struct json_document *document = json_parse_settings(json, err);
    return document && check_document(json_root(document), err);
}

bool uplink_read_policy(struct span json, struct arena *arena,
                        struct uplink_policy *policy, struct err *err)
{
    *policy = (struct uplink_policy){.from_day = DAY_NONE};
    if (json.len > UPLINK_POLICY_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "policy_too_large", "policy too large");
    CLEANUP(json_free_at) struct json_document *document = json_parse(json, err);
    return document && read_document(json_root(document), arena, policy, err);
}

uint32_t uplink_released_kinds(const struct uplink_policy *policy)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < policy->rule_count; i++)
        kinds |= policy->rules[i].kinds;
    return kinds;
}

uint32_t uplink_sensitive_kinds(const struct uplink_policy *policy)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].includes_sensitive)
            kinds |= policy->rules[i].kinds;
    return kinds;
}

static bool names(const struct text *list, size_t count, struct text name)
{
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        if (text_equal(list[i], name))
            return true;
    return false;
}

static bool fits(const struct uplink_rule *rule, const struct uplink_audience *audience)
{
    return (rule->includes_sensitive || !audience->is_for_sensitive) &&
           names(rule->professions, rule->profession_count, audience->profession) &&
           names(rule->facility_kinds, rule->facility_kind_count,
                 audience->facility_kind) &&
           names(rule->facilities, rule->facility_count, audience->facility_code);
}

uint32_t uplink_audience_kinds(const struct uplink_policy *policy,
                               const struct uplink_audience *audience)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < policy->rule_count; i++)
        if (fits(&policy->rules[i], audience))
            kinds |= policy->rules[i].kinds;
    return kinds;
}

/* audience NULL = anybody. */
static int64_t shortest_delay(const struct uplink_policy *policy,
                              const struct uplink_audience *audience,
                              enum entry_kind kind)
{
    int64_t shortest = -1;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct uplink_rule *rule = &policy->rules[i];
        bool counts = (rule->kinds >> kind & 1U) && (!audience || fits(rule, audience));
        if (counts && (shortest < 0 || rule->delay_hours < shortest))
            shortest = rule->delay_hours;
    }
    return shortest < 0 ? 0 : shortest;
}

int64_t uplink_delay_hours(const struct uplink_policy *policy, enum entry_kind kind)
{
    return shortest_delay(policy, NULL, kind);
}

int64_t uplink_audience_delay_hours(const struct uplink_policy *policy,
                                    const struct uplink_audience *audience,
                                    enum entry_kind kind)
{
    return shortest_delay(policy, audience, kind);
}

bool uplink_department_is_excluded(const struct uplink_policy *policy,
                                   struct text department_code)
{
    for (size_t i = 0; i < policy->excluded_department_count; i++)
        if (text_equal(policy->excluded_departments[i], department_code))
            return true;
    return false;
}
