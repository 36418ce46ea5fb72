// SPDX-License-Identifier: Apache-2.0
#include "exchange/disclosure/disclosure_facts.h"
#include "formats/uplink/uplink.h"

bool disclosure_read_policy(struct text policy,
                            const struct disclosure_audience *audience,
                            struct arena *arena, struct disclosure_provider_facts *facts,
                            struct err *err)
{
    struct uplink_policy published;
    struct uplink_audience viewer = {.profession = audience->profession,
                                     .facility_kind = audience->facility_kind,
                                     .facility_code = audience->facility_code};
    facts->released_kinds = 0;
    facts->sensitive_kinds = 0;
    facts->audience_kinds = 0;
    if (text_is_empty(policy))
        return true;
    if (!uplink_read_policy(text_span(policy), arena, &published, err)) {
        if (err->kind != ERR_SYNTAX)
            return false;
        err_clear(err); /* unreadable: releases nothing */
        return true;
    }
    facts->released_kinds = uplink_released_kinds(&published);
    facts->audience_kinds = uplink_audience_kinds(&published, &viewer);
    viewer.is_for_sensitive = true;
    facts->sensitive_kinds = uplink_audience_kinds(&published, &viewer);
    facts->excluded_departments = published.excluded_departments;
    facts->excluded_department_count = published.excluded_department_count;
    facts->from_day = published.from_day;
    return true;
}
