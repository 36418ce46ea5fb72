// SPDX-License-Identifier: Apache-2.0
/* Every call that can go wrong goes wrong once, and for good: the work ends with success
 * or with an error that has a name, without crash, leak or hang; what was acknowledged is
 * there afterwards, and work goes on. A sample; FAULT_ALL=1 (make faults) is all. */
#include "test/fault/fault_calls.h"

#include "test/fault/fault_works.h"

enum { SAMPLE = 5 };

/* What comes before their work is told apart, in steps (fault_work_found.h). */
static const struct work founded_works[] = {
    {"registry", run_registry, check_registry, put_centre_database},
    {"index", run_index, check_index, put_index_database},
};

static void try_sample(struct round round, int64_t most)
{
    int64_t count = count_calls(round.work, round.calls);
    uint64_t state = (uint64_t)count * 31 + round.calls;
    int64_t rounds = count < most ? count : most;
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

static void try_each(const struct work *work, unsigned calls, enum fault_action action,
                     int number, int sample)
{
    const char *only = getenv("FAULT_WORK");
    struct round round = {
        .work = work, .calls = calls, .action = action, .number = number};
    if (only && strcmp(only, work->name) != 0)
        return;
    if (!getenv("FAULT_ALL")) {
        try_sample(round, sample);
        return;
    }
    int64_t count = try_until_none(try_one, &round);
    CHECK(count > 0);
    printf("# %s: %lld calls of %x\n", work->name, (long long)count, calls);
}

static void try_all(enum fault_call call, enum fault_action action, int number)
{
    for (size_t i = 0; i < WORK_COUNT; i++)
        if (call != FAULT_STEP ||
            (works[i].run != run_audit && works[i].run != run_instances))
            try_each(&works[i], FAULT_OF(call), action, number, SAMPLE);
}

static void memory_that_is_short_is_told(void)
{
    const unsigned memory = FAULT_OF(FAULT_MEMORY);
    for (size_t i = 0; i < WORK_COUNT; i++)
        if (works[i].run != run_registry && works[i].run != run_index)
            try_each(&works[i], memory, FAULT_ERROR, ENOMEM, SAMPLE);
    for (size_t i = 0; i < sizeof founded_works / sizeof *founded_works; i++)
        try_each(&founded_works[i], memory, FAULT_ERROR, ENOMEM, SAMPLE);
}

static void try_found(struct found *found, const char *name)
{
    const struct work work = {name, run_found, check_found, put_found};
    found_now = found;
    for (found_step = 1; found_step <= found->steps; found_step++)
        try_each(&work, FAULT_OF(FAULT_MEMORY), FAULT_ERROR, ENOMEM, 1);
}

static void memory_that_is_short_for_a_migration_is_told(void)
{
    try_found(&found_centre, "centre's migrations");
    try_found(&found_gateway, "gateway's migrations");
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

static void a_cut_that_fails_is_told(void)
{
    try_each(&works[1], FAULT_OF(FAULT_TRUNCATE), FAULT_ERROR, EIO, SAMPLE);
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
    found_prepare(&found_centre, store_centre_migrations, store_centre_migrations_count);
    found_prepare(&found_gateway, store_gateway_migrations,
                  store_gateway_migrations_count);
    RUN(memory_that_is_short_is_told);
    RUN(memory_that_is_short_for_a_migration_is_told);
    RUN(a_file_that_cannot_be_opened_is_told);
    RUN(a_write_that_fails_is_told);
    RUN(a_disk_that_is_full_is_told);
    RUN(a_sync_that_fails_is_told);
    RUN(a_cut_that_fails_is_told);
    RUN(a_statement_that_fails_is_told);
    found_free(&found_centre);
    found_free(&found_gateway);
    return test_done();
}
