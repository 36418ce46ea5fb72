// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/test.h"
#include "exchange/request/request.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* ---- refusals first ---- */

static struct request_facts good_for(enum request_step step)
{
    bool is_asker = step == REQUEST_SEND || step == REQUEST_WITHDRAW;
    return (struct request_facts){.is_asker = is_asker,
                                  .is_asked = !is_asker,
                                  .asker_is_participant = true,
                                  .asked_is_participant = true,
                                  .asked_may_register = true,
                                  .state = REQUEST_OPEN};
}

static bool says(enum request_step step, struct request_facts facts, const char *code)
{
    const char *said = request_refusal(step, &facts);
    return code ? said && strcmp(said, code) == 0 : !said;
}

static void facts_that_nobody_filled_allow_nothing(void)
{
    for (int step = 0; step <= REQUEST_STEP_COUNT; step++)
        CHECK(says((enum request_step)step, (struct request_facts){0}, "not_found"));
    struct request_facts facts = good_for(REQUEST_STEP_COUNT);
    CHECK(request_refusal(REQUEST_STEP_COUNT, &facts) != NULL);
}

static void a_third_facility_is_told_that_there_is_nothing(void)
{
    for (int step = 0; step < REQUEST_STEP_COUNT; step++) {
        struct request_facts facts = good_for((enum request_step)step);
        facts.is_asker = facts.is_asked = false;
        CHECK(says((enum request_step)step, facts, "not_found"));
    }
}

static void each_step_belongs_to_one_side(void)
{
    for (int step = 0; step < REQUEST_STEP_COUNT; step++) {
        struct request_facts facts = good_for((enum request_step)step);
        facts.is_asker = !facts.is_asker;
        facts.is_asked = !facts.is_asked;
        CHECK(says((enum request_step)step, facts,
                   step == REQUEST_SEE ? NULL : "request_side"));
    }
}

static void whoever_left_the_list_does_nothing_any_more(void)
{
    for (int step = 0; step < REQUEST_STEP_COUNT; step++) {
        struct request_facts facts = good_for((enum request_step)step);
        facts.asker_is_participant = !facts.is_asker;
        facts.asked_is_participant = !facts.is_asked;
        CHECK(says((enum request_step)step, facts, "not_participant"));
    }
}

static void only_who_may_not_asks_and_only_who_may_is_asked(void)
{
    struct request_facts facts = good_for(REQUEST_SEND);
    CHECK(says(REQUEST_SEND, facts, NULL));
    facts.asker_may_register = true;
    CHECK(says(REQUEST_SEND, facts, "request_not_needed"));
    facts = good_for(REQUEST_SEND);
    facts.asked_may_register = false;
    CHECK(says(REQUEST_SEND, facts, "request_facility"));
    facts = good_for(REQUEST_ACCEPT);
    facts.asked_may_register = false; /* since it was asked */
    CHECK(says(REQUEST_ACCEPT, facts, "may_not_register"));
    facts = good_for(REQUEST_DECLINE);
    facts.asked_may_register = false;
    CHECK(says(REQUEST_DECLINE, facts, NULL));
}

/* ---- every combination, against sentences that share no code with the rule ---- */

struct situation {
    int step, asker, asked, asker_listed, asked_listed, asker_may, asked_may, state;
};

/* Which of the two speaks: 'r' the asker, 'd' the asked one, 'b' both, 'n' neither. */
static char who_speaks(const struct situation *s)
{
    static const char words[] = {'n', 'r', 'd', 'b'};
    return words[(s->asker ? 1 : 0) + (s->asked ? 2 : 0)];
}

static const char *oracle_step(const struct situation *s)
{
    bool is_over = s->state != 0;
    bool is_good_address = s->asked_listed && s->asked_may;
    switch (s->step) {
    case REQUEST_SEND:
        return !is_good_address ? "request_facility"
               : s->asker_may   ? "request_not_needed"
                                : NULL;
    case REQUEST_ACCEPT:
        return !s->asked_may     ? "may_not_register"
               : is_over         ? "request_closed"
               : s->asker_listed ? NULL
                                 : "request_facility";
    case REQUEST_SEE:
        return NULL;
    default:
        return is_over ? "request_closed" : NULL;
    }
}

static const char *oracle(const struct situation *s)
{
    static const char speakers[] = {[REQUEST_SEND] = 'r',
                                    [REQUEST_SEE] = '*',
                                    [REQUEST_ACCEPT] = 'd',
                                    [REQUEST_DECLINE] = 'd',
                                    [REQUEST_WITHDRAW] = 'r'};
    char who = who_speaks(s);
    if (who == 'n')
        return "not_found";
    if (who == 'b')
        return "request_self";
    if (!(who == 'r' ? s->asker_listed : s->asked_listed))
        return "not_participant";
    bool is_speaker = speakers[s->step] == '*' || speakers[s->step] == who;
    return is_speaker ? oracle_step(s) : "request_side";
}

static void the_rule_says_what_the_oracle_says(void)
{
    static const int axes[] = {REQUEST_STEP_COUNT, 2, 2, 2, 2, 2, 2, REQUEST_STATE_COUNT};
    enum { AXES = sizeof axes / sizeof *axes };
    long all = 1;
    int allowed = 0;
    for (int i = 0; i < AXES; i++)
        all *= axes[i];
    for (long number = 0; number < all; number++) {
        struct situation s;
        int values[AXES];
        long rest = number;
        for (int i = 0; i < AXES; i++) {
            values[i] = (int)(rest % axes[i]);
            rest /= axes[i];
        }
        memcpy(&s, values, sizeof s);
        struct request_facts facts = {s.asker != 0,
                                      s.asked != 0,
                                      s.asker_listed != 0,
                                      s.asked_listed != 0,
                                      s.asker_may != 0,
                                      s.asked_may != 0,
                                      (enum request_state)s.state};
        const char *want = oracle(&s);
        CHECK(says((enum request_step)s.step, facts, want));
        allowed += want == NULL;
    }
    CHECK(all == 1600 && allowed > 0 && allowed < 200);
}

/* ---- words and time ---- */

static void an_open_one_expires_after_thirty_days(void)
{
    int64_t sent = 1000;
    int64_t end = sent + 30LL * DAY_MS;
    CHECK(request_ends_at(sent) == end);
    CHECK(request_state_at(REQUEST_OPEN, sent, end - 1) == REQUEST_OPEN);
    CHECK(request_state_at(REQUEST_OPEN, sent, end) == REQUEST_EXPIRED);
    CHECK(request_state_at(REQUEST_ACCEPTED, sent, end) == REQUEST_ACCEPTED);
    CHECK(request_state_at(REQUEST_DECLINED, sent, end) == REQUEST_DECLINED);
}

static void words_go_both_ways(void)
{
    for (int i = 0; i < REQUEST_STATE_COUNT; i++) {
        enum request_state state = REQUEST_STATE_COUNT;
        const char *id = request_state_id((enum request_state)i);
        CHECK(request_state_parse(text_cstr(id), &state) && (int)state == i);
    }
    for (int i = 0; i < REQUEST_REASON_COUNT; i++) {
        enum request_reason reason = REQUEST_REASON_COUNT;
        const char *id = request_reason_id((enum request_reason)i);
        CHECK(request_reason_parse(text_cstr(id), &reason) && (int)reason == i);
    }
    enum request_state state;
    enum request_reason reason;
    CHECK(!request_state_parse(TEXT("lost"), &state));
    CHECK(!request_reason_parse(TEXT("no_such_patient"), &reason));
}

int main(void)
{
    RUN(facts_that_nobody_filled_allow_nothing);
    RUN(a_third_facility_is_told_that_there_is_nothing);
    RUN(each_step_belongs_to_one_side);
    RUN(whoever_left_the_list_does_nothing_any_more);
    RUN(only_who_may_not_asks_and_only_who_may_is_asked);
    RUN(the_rule_says_what_the_oracle_says);
    RUN(an_open_one_expires_after_thirty_days);
    RUN(words_go_both_ways);
    return test_done();
}
