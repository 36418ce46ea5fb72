// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: all works, and one round of one of them in processes of its own.
 */

#include "test/fault/fault_work_audit.h"
#include "test/fault/fault_work_index.h"
#include "test/fault/fault_work_instances.h"
#include "test/fault/fault_work_store.h"

static const struct work works[] = {
    {"store", run_store, check_store},
    {"audit", run_audit, check_audit},
    {"registry", run_registry, check_registry},
    {"index", run_index, check_index},
    {"instances", run_instances, check_instances},
};
enum { WORK_COUNT = sizeof works / sizeof *works };

/* ---- one round in processes of its own ---- */

static inline void fault_empty(const char *directory)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf -- '%s' '%s.after'", directory, directory);
    CHECK(system(command) == 0);
}

/* True when the child came to its end by itself, with all its checks good. */
static inline bool in_child(void (*act)(void *context), void *context, bool *was_killed)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60); /* a hang is a fault, too */
        test_failed_checks = 0;
        act(context);
        fflush(stdout);
        exit(test_failed_checks ? 1 : 0); /* with the sanitizer's look for leaks */
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    *was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (WIFSIGNALED(status) && !*was_killed)
        printf("# ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct round {
    const struct work *work;
    unsigned calls;
    int64_t first, last;
    enum fault_action action;
    int number;
    uint64_t seed;
    bool loses_power_at_end; /* of the work */
    bool was_killed;
};

static inline void round_run(void *context)
{
    const struct round *round = context;
    fault_folder = fault_plan->directory;
    if (round->action == FAULT_POWER)
        disk_follow();
    fault_arm(round->calls, round->first, round->last, round->action, round->number);
    round->work->run();
    fault_disarm();
    if (round->loses_power_at_end) {
        disk_lose_power();
        kill(getpid(), SIGKILL);
    }
}

static inline void round_check(void *context)
{
    const struct round *round = context;
    char after[80];
    fault_plan->remembers_syncs = false;
    fault_disarm();
    snprintf(after, sizeof after, "%s.after", fault_plan->directory);
    bool lost_power = round->was_killed && round->action == FAULT_POWER;
    fault_folder = lost_power ? after : fault_plan->directory;
    char path[160];
    syscall(SYS_mkdirat, AT_FDCWD, fault_folder, 0700);
    syscall(SYS_mkdirat, AT_FDCWD, fault_path("audit", path), 0700);
    /* a commit whose sync failed is neither done nor undone until the next start */
    round->work->check(round->was_killed || (round->calls & FAULT_OF(FAULT_SYNC)));
}

/* Runs the work and looks what became of it. False when something is wrong; `counted`
 * tells how many calls there were. */
static inline bool round_try(struct round *round)
{
    char path[160];
    snprintf(fault_plan->directory, sizeof fault_plan->directory, "/tmp/fault_XXXXXX");
    CHECK(mkdtemp(fault_plan->directory));
    fault_folder = fault_plan->directory;
    CHECK(mkdir(fault_path("audit", path), 0700) == 0);
    fault_forget_acks();
    atomic_store(&fault_plan->step, 0);
    fault_plan->seed = round->seed;
    fault_plan->remembers_syncs = false;
    bool ignored = false;
    bool is_good = in_child(round_run, round, &round->was_killed);
    bool may_be_killed = round->action == FAULT_KILL || round->action == FAULT_POWER;
    is_good = is_good || (may_be_killed && round->was_killed);
    fault_disarm();
    bool is_whole = in_child(round_check, round, &ignored);
    if (!is_good || !is_whole)
        printf("# %s: calls %x, %lld to %lld, action %d, number %d, seed %llu: %s; %s\n",
               round->work->name, round->calls, (long long)round->first,
               (long long)round->last, (int)round->action, round->number,
               (unsigned long long)round->seed, is_good ? "ended well" : "ENDED BADLY",
               is_whole ? "whole afterwards" : "NOT WHOLE AFTERWARDS");
    if (is_good && is_whole)
        fault_empty(fault_plan->directory);
    return is_good && is_whole;
}

/* How many calls of a kind the work makes when nothing fails. */
static inline int64_t count_calls(const struct work *work, unsigned calls)
{
    struct round round = {
        .work = work, .calls = calls, .first = INT64_MAX, .last = INT64_MAX};
    CHECK(round_try(&round));
    return atomic_load(&fault_plan->counted);
}
