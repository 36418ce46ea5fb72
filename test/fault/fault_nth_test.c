// SPDX-License-Identifier: Apache-2.0
/* Every call that can go wrong goes wrong once, and for good: the work ends with success
 * or with an error that has a name, without crash, leak or hang; what was acknowledged is
 * there afterwards, and work goes on. A sample; FAULT_ALL=1 (make faults) is all. */
#include "test/fault/fault_calls.h"

#include "test/fault/fault_works.h"

enum { SAMPLE = 5 };

static void try_sample(struct round round)
{
    int64_t count = count_calls(round.work, round.calls);
    uint64_t state = (uint64_t)count * 31 + round.calls;
    int64_t rounds = count < SAMPLE ? count : SAMPLE;
    CHECK(count > 0);
    for (int64_t i = 0; i < rounds; i++) {
        round.first = rounds == count
                          ? i + 1
                          : 1 + (int64_t)(fault_random(&state) % (uint64_t)count);
        round.last = round.first;
        CHECK(round_try(&round));
        round.last = INT64_MAX; /* from then on, as a disk that stays full does */
        if (i % 3 == 0)
            CHECK(round_try(&round));
    }
}

/* False when there is no such call. */
static bool try_one(void *context, int64_t at)
{
    struct round round = *(struct round *)context;
    round.first = round.last = at;
    CHECK(round_try(&round));
    bool was_hit = atomic_load(&fault_plan->hit) > 0;
    round.last = INT64_MAX;
    if (was_hit && at % 3 == 1)
        CHECK(round_try(&round));
    return was_hit;
}

static void try_each(const struct work *work, enum fault_call call,
                     enum fault_action action, int number)
{
    struct round round = {
        .work = work, .calls = FAULT_OF(call), .action = action, .number = number};
    if (!fault_is_wanted(work, call))
        return;
    if (!getenv("FAULT_ALL")) {
        try_sample(round);
        return;
    }
    int64_t count = try_until_none(try_one, &round);
    CHECK(count > 0);
    printf("# %s: %lld calls of %d\n", work->name, (long long)count, (int)call);
}

static bool makes(const struct work *work, enum fault_call call)
{
    if (call == FAULT_STEP)
        return work->run != run_audit && work->run != run_instances;
    return call != FAULT_RENAME || work->run != run_audit;
}

static void try_all(enum fault_call call, enum fault_action action, int number)
{
    for (size_t i = 0; i < WORK_COUNT; i++)
        if (makes(&works[i], call))
            try_each(&works[i], call, action, number);
}

static void memory_that_is_short_is_told(void)
{
    try_all(FAULT_MEMORY, FAULT_ERROR, ENOMEM);
}

static void a_file_that_cannot_be_opened_is_told(void)
{
    try_all(FAULT_OPEN, FAULT_ERROR, EMFILE);
}

static void a_write_that_fails_is_told(void)
{
    try_all(FAULT_WRITE, FAULT_ERROR, EIO);
}

static void a_disk_that_is_full_is_told(void)
{
    try_all(FAULT_WRITE, FAULT_SHORT, ENOSPC);
}

static void a_sync_that_fails_is_told(void)
{
    try_all(FAULT_SYNC, FAULT_ERROR, EIO);
}

static void a_name_that_cannot_be_changed_or_removed_is_told(void)
{
    try_all(FAULT_RENAME, FAULT_ERROR, EACCES);
}

static void a_cut_that_fails_is_told(void)
{
    try_each(&works[1], FAULT_TRUNCATE, FAULT_ERROR, EIO);
}

static void a_statement_that_fails_is_told(void)
{
    try_all(FAULT_STEP, FAULT_ERROR, EIO);
}

int main(void)
{
    fault_plan_new();
    /* OpenSSL 3.0 does not outlive a shortage while it sets itself up; that is before any
     * work of ours. */
    hash_hmac(SPAN("key"), SPAN("bytes"));
    RUN(memory_that_is_short_is_told);
    RUN(a_file_that_cannot_be_opened_is_told);
    RUN(a_write_that_fails_is_told);
    RUN(a_disk_that_is_full_is_told);
    RUN(a_sync_that_fails_is_told);
    RUN(a_name_that_cannot_be_changed_or_removed_is_told);
    RUN(a_cut_that_fails_is_told);
    RUN(a_statement_that_fails_is_told);
    return test_done();
}
