// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: which call goes wrong, and how. The plan lies in memory that a
 * child shares with its parent, so that the parent knows what was reached even when the
 * child is gone. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

enum fault_call {
    FAULT_MEMORY, /* malloc, calloc, realloc, of anybody */
    FAULT_OPEN,   /* of a file or folder below the directory */
    FAULT_WRITE,  /* write, pwrite, writev to such a file */
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_RENAME, /* and unlink */
    FAULT_STEP,   /* of an SQL statement */
    FAULT_SOCKET, /* connect, send, accept */
    FAULT_CALLS
};
enum fault_action {
    FAULT_ERROR, /* the call fails with `number` */
    FAULT_SHORT, /* a write takes half; others fail */
    FAULT_KILL,  /* the process ends before it */
    FAULT_POWER, /* the process ends, and what was not synced is dropped or torn */
};

#define FAULT_OF(call) (1U << (call))
#define FAULT_OF_DISK                                                                    \
    (FAULT_OF(FAULT_OPEN) | FAULT_OF(FAULT_WRITE) | FAULT_OF(FAULT_SYNC) |               \
     FAULT_OF(FAULT_TRUNCATE) | FAULT_OF(FAULT_RENAME))

enum { FAULT_ACKS = 512 };

struct fault_plan {
    _Atomic unsigned calls; /* FAULT_OF… that count; 0 = not armed */
    _Atomic int64_t counted;
    _Atomic int64_t first; /* the first that goes wrong, from 1 */
    _Atomic int64_t last;  /* and the last: more than one for a fault that stays */
    _Atomic int action;
    _Atomic int number;  /* errno */
    _Atomic int64_t hit; /* how many went wrong */
    uint64_t seed;
    char directory[64];           /* whose files count */
    char below[64];               /* of these only those whose names begin so go wrong */
    bool remembers_syncs;         /* for FAULT_POWER: what is on the disk is followed */
    _Atomic int acks[FAULT_ACKS]; /* of the work: what it was told is durable */
    _Atomic int ack_count;
    _Atomic int port;
    _Atomic int step; /* of the work, for who looks for the place */
};

static struct fault_plan *fault_plan;

static inline void fault_plan_new(void)
{
    fault_plan = mmap(NULL, sizeof *fault_plan, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* What is acknowledged is above 0: a slot that is taken and still 0 belongs to somebody
 * who was killed in between. */
static inline void fault_ack(int what)
{
    int at = atomic_fetch_add(&fault_plan->ack_count, 1);
    if (at < FAULT_ACKS)
        atomic_store(&fault_plan->acks[at], what);
}

static inline void fault_forget_acks(void)
{
    for (int i = 0; i < FAULT_ACKS; i++)
        atomic_store(&fault_plan->acks[i], 0);
    atomic_store(&fault_plan->ack_count, 0);
}

/* The acknowledgement number `at`, or 0 when there is none (any more). */
static inline int fault_acked(int at)
{
    return at < FAULT_ACKS ? atomic_load(&fault_plan->acks[at]) : 0;
}

static inline int fault_count_acks(void)
{
    int count = 0;
    for (int i = 0; i < FAULT_ACKS; i++)
        count += fault_acked(i) != 0;
    return count;
}

static inline bool fault_is_acked(int what)
{
    for (int i = 0; i < FAULT_ACKS; i++)
        if (fault_acked(i) == what)
            return true;
    return false;
}

static inline void fault_arm(unsigned calls, int64_t first, int64_t last,
                             enum fault_action action, int number)
{
    atomic_store(&fault_plan->counted, 0);
    atomic_store(&fault_plan->hit, 0);
    atomic_store(&fault_plan->first, first);
    atomic_store(&fault_plan->last, last);
    atomic_store(&fault_plan->action, action);
    atomic_store(&fault_plan->number, number);
    atomic_store(&fault_plan->calls, calls);
}

static inline void fault_disarm(void)
{
    atomic_store(&fault_plan->calls, 0);
}

/* A cheap generator, so that a round is the same again by its seed. */
static inline uint64_t fault_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15ULL;
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
}
