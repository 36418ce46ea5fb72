// SPDX-License-Identifier: Apache-2.0
#include "exchange/request/request.h"

static const char *const state_ids[REQUEST_STATE_COUNT] = {
    [REQUEST_OPEN] = "open",         [REQUEST_ACCEPTED] = "accepted",
    [REQUEST_DECLINED] = "declined", [REQUEST_WITHDRAWN] = "withdrawn",
    [REQUEST_EXPIRED] = "expired",
};
static const char *const reason_ids[REQUEST_REASON_COUNT] = {
    [REQUEST_UNCLEAR] = "unclear",
    [REQUEST_NO_CONSENT] = "no_consent",
    [REQUEST_NOT_TAKEN] = "not_taken",
    [REQUEST_OTHER] = "other",
};

const char *request_state_id(enum request_state state)
{
    return state_ids[state];
}

bool request_state_parse(struct text id, enum request_state *state)
{
    for (int i = 0; i < REQUEST_STATE_COUNT; i++)
        if (text_is(id, state_ids[i])) {
            *state = (enum request_state)i;
            return true;
        }
    return false;
}

const char *request_reason_id(enum request_reason reason)
{
    return reason_ids[reason];
}

bool request_reason_parse(struct text id, enum request_reason *reason)
{
    for (int i = 0; i < REQUEST_REASON_COUNT; i++)
        if (text_is(id, reason_ids[i])) {
            *reason = (enum request_reason)i;
            return true;
        }
    return false;
}

int64_t request_ends_at(int64_t sent_at)
{
    return sent_at + (int64_t)REQUEST_DAYS * 24 * 3600 * 1000;
}

enum request_state request_state_at(enum request_state stored, int64_t sent_at,
                                    int64_t now_ms)
{
    bool is_over = stored == REQUEST_OPEN && now_ms >= request_ends_at(sent_at);
    return is_over ? REQUEST_EXPIRED : stored;
}

/* ---- the rule ---- */

static const char *send_refusal(const struct request_facts *facts)
{
    if (!facts->asked_is_participant || !facts->asked_may_register)
        return "request_facility";
    return facts->asker_may_register ? "request_not_needed" : NULL;
}

static const char *accept_refusal(const struct request_facts *facts)
{
    if (!facts->asked_may_register)
        return "may_not_register";
    if (facts->state != REQUEST_OPEN)
        return "request_closed";
    return facts->asker_is_participant ? NULL : "request_facility";
}

static const char *side_refusal(enum request_step step, const struct request_facts *facts)
{
    bool is_of_asker = step == REQUEST_SEND || step == REQUEST_WITHDRAW;
    bool is_own_side = step == REQUEST_SEE || is_of_asker == facts->is_asker;
    return is_own_side ? NULL : "request_side";
}

const char *request_refusal(enum request_step step, const struct request_facts *facts)
{
    bool is_listed =
        facts->is_asker ? facts->asker_is_participant : facts->asked_is_participant;
    if (!facts->is_asker && !facts->is_asked)
        return "not_found";
    if (facts->is_asker && facts->is_asked)
        return "request_self";
    if (!is_listed)
        return "not_participant";
    const char *side = side_refusal(step, facts);
    if (side)
        return side;
    switch (step) {
    case REQUEST_SEND:
        return send_refusal(facts);
    case REQUEST_SEE:
        return NULL;
    case REQUEST_ACCEPT:
        return accept_refusal(facts);
    case REQUEST_DECLINE:
    case REQUEST_WITHDRAW:
        return facts->state == REQUEST_OPEN ? NULL : "request_closed";
    case REQUEST_STEP_COUNT:
        break;
    }
    return "not_found";
}
