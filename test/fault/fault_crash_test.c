// SPDX-License-Identifier: Apache-2.0
/* The process ends, or the power, at any call that touches the disk: what was
 * acknowledged is there afterwards, the audit is whole, and a restart works. A sample;
 * FAULT_ROUNDS=1000 (make release-kill) is more, FAULT_SEED=… repeats a run. */
#include "test/fault/fault_calls.h"

#include "test/fault/fault_works.h"

static uint64_t random_state = 20261126;

static int rounds_of(int sample)
{
    const char *wanted = getenv("FAULT_ROUNDS");
    return wanted ? (int)strtol(wanted, NULL, 10) : sample;
}

/* The same number of rounds for each work. */
static void end_at_random(enum fault_action action, int sample)
{
    int rounds = rounds_of(sample), killed = 0;
    int64_t counts[WORK_COUNT];
    for (size_t i = 0; i < WORK_COUNT; i++)
        counts[i] = count_calls(&works[i], FAULT_OF_DISK);
    for (int i = 0; i < rounds; i++) {
        size_t which = (size_t)i % WORK_COUNT;
        int64_t at = 1 + (int64_t)(fault_random(&random_state) % (uint64_t)counts[which]);
        struct round round = {.work = &works[which],
                              .calls = FAULT_OF_DISK,
                              .first = at,
                              .last = at,
                              .action = action,
                              .seed = fault_random(&random_state)};
        CHECK(round_try(&round));
        killed += round.was_killed;
    }
    printf("# %d of %d rounds ended early\n", killed, rounds);
    CHECK(killed >= rounds * 3 / 4); /* threads make some rounds shorter than counted */
}

static void what_was_acknowledged_outlives_the_process(void)
{
    end_at_random(FAULT_KILL, 32);
}

static void what_was_acknowledged_outlives_the_power(void)
{
    end_at_random(FAULT_POWER, 48);
}

int main(void)
{
    const char *seed = getenv("FAULT_SEED");
    if (seed)
        random_state = (uint64_t)strtol(seed, NULL, 10);
    fault_plan_new();
    hash_hmac(SPAN("key"), SPAN("bytes"));
    RUN(what_was_acknowledged_outlives_the_process);
    RUN(what_was_acknowledged_outlives_the_power);
    return test_done();
}
