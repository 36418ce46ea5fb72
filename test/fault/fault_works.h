// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: all works, and one round of one of them in processes of its own.
 */

#include "test/fault/fault_folder.h"
#include "test/fault/fault_work_audit.h"
#include "test/fault/fault_work_index.h"
#include "test/fault/fault_work_instances.h"
#include "test/fault/fault_work_store.h"

static const struct work works[] = {
    {"store", run_store, check_store, NULL},
    {"audit", run_audit, check_audit, NULL},
    {"registry", run_registry, check_registry, NULL},
    {"index", run_index, check_index, NULL},
    {"instances", run_instances, check_instances, NULL},
};
enum { WORK_COUNT = sizeof works / sizeof *works };

enum { FAULT_JOBS_MAX = 64, FAULT_MISSES = 12 };

/* ---- one round in processes of its own ---- */

/* And what a loss of power left of it. */
static inline void fault_empty(const char *directory)
{
    char after[80];
    snprintf(after, sizeof after, "%s.after", directory);
    CHECK(folder_remove(NULL, directory, ""));
    CHECK(folder_remove(NULL, after, ""));
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
#ifdef __SANITIZE_ADDRESS__
        exit(test_failed_checks ? 1 : 0); /* with the sanitizer's look for leaks */
#else
        _exit(test_failed_checks ? 1 : 0); /* the libraries' ends are not looked at */
#endif
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
    if (round->work->put)
        round->work->put();
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
    folder_new("fault", fault_plan->directory);
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

/* ---- many rounds ---- */

static inline int64_t fault_number(const char *name, int64_t otherwise)
{
    const char *wanted = getenv(name);
    return wanted ? strtol(wanted, NULL, 10) : otherwise;
}

/* For who wants a part only: FAULT_WORK names a work, FAULT_CALL is a number of
 * enum fault_call (FAULT_CALLS for losses of power), FAULT_FROM the call to begin with,
 * FAULT_EVERY=12 takes that one and each twelfth after it. */
static inline bool fault_is_wanted(const struct work *work, enum fault_call call)
{
    const char *name = getenv("FAULT_WORK"), *number = getenv("FAULT_CALL");
    return (!name || strcmp(name, work->name) == 0) &&
           (!number || strtol(number, NULL, 10) == (long)call);
}

/* `try_one` for 1, 2, 3 … until it says, some times in a row since threads make some
 * rounds shorter, that there is no such call; by FAULT_JOBS processes that take turns,
 * each with a plan of its own. How many calls there were. */
static inline int64_t try_until_none(bool (*try_one)(void *context, int64_t at),
                                     void *context)
{
    int jobs = (int)fault_number("FAULT_JOBS", 1);
    pid_t children[FAULT_JOBS_MAX] = {0};
    int64_t most = 0, every = fault_number("FAULT_EVERY", 1);
    jobs = jobs < 1 ? 1 : jobs > FAULT_JOBS_MAX ? FAULT_JOBS_MAX : jobs;
    int64_t *reached = mmap(NULL, sizeof *reached * FAULT_JOBS_MAX,
                            PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    for (int job = 0; job < jobs; job++) {
        children[job] = fork();
        if (children[job] != 0)
            continue;
        test_failed_checks = 0;
        fault_plan_new();
        int missed = 0;
        int64_t at = fault_number("FAULT_FROM", 1) + job * every;
        for (; missed < FAULT_MISSES; at += jobs * every) {
            bool was_hit = try_one(context, at);
            reached[job] = was_hit ? at : reached[job];
            missed = was_hit ? 0 : missed + 1;
        }
        fflush(stdout);
        _exit(test_failed_checks ? 1 : 0);
    }
    for (int job = 0; job < jobs; job++) {
        int status = 0;
        CHECK(waitpid(children[job], &status, 0) == children[job] && status == 0);
        most = reached[job] > most ? reached[job] : most;
    }
    munmap(reached, sizeof *reached * FAULT_JOBS_MAX);
    return most;
}
