// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to base/child: what goes over the socket between the two, which are the same
 * program on the same machine. A packet each way per job; the bytes themselves are in the
 * shared memory, the request at its beginning, the reply behind it. */

#include <pthread.h>

#include "base/child/child.h"

enum {
    CHILD_MAGIC = 0x54734A42,
    CHILD_SOCKET = 0,
    CHILD_MEMORY = 3,
    CHILD_CODE_MAX = 48,
    /* Behind a job of more bytes, request and reply, the parent takes all pages of the
     * shared memory back. */
    CHILD_KEPT_BYTES = 16 << 20,
    /* Exit status of a child that did not begin. */
    CHILD_NO_PARENT = 71,
    CHILD_NO_MEMORY = 72,
    CHILD_NO_LIMITS = 73,
    CHILD_NO_FILTER = 74,
    CHILD_NO_PRIVILEGES = 75
};

/* First, from the parent: what the child locks itself into. */
struct child_limits {
    uint32_t magic;
    pid_t parent;
    size_t request_bytes; /* of the shared memory */
    size_t reply_bytes;
    size_t memory_bytes;
    uint64_t cpu_s; /* of all its jobs: a second line behind the parent's own watch */
};

/* Then, from the child: locked in. */
struct child_hello {
    uint32_t magic;
    uint32_t is_apart; /* in namespaces of its own */
};

struct child_job {
    uint32_t magic;
    uint32_t spare;
    uint64_t number;
    uint64_t len;
};

struct child_answer {
    uint32_t magic;
    uint32_t kind; /* enum err_kind; ERR_NONE = the reply stands in the memory */
    uint64_t number;
    uint64_t len;
    uint64_t offset;
    char code[CHILD_CODE_MAX];
};

/* ---- locking in (child_lock.c, child_filter.c) ---- */

/* 0, or the exit status that says what could not be done. `is_apart`: the kernel gave all
 * namespaces and an empty root, which it need not. */
int child_lock_in(const struct child_limits *limits, bool *is_apart);
/* Its last part. */
bool child_filter_set(void);

/* ---- starting (child_keeper.c) ---- */

/* A thread of the pool that starts its children: the kernel ends a child with the thread
 * that started it (PR_SET_PDEATHSIG), and the pool's callers come and go. */
struct child_keeper;
struct child_keeper *child_keeper_new(struct err *err);
void child_keeper_free(struct child_keeper *keeper);
/* child_process_start in that thread. */
int child_keeper_start(struct child_keeper *keeper, struct child_process *process,
                       const struct child_start *start);

/* ---- one child, as its pool sees it (child_worker.c) ---- */

struct child_worker {
    struct child_process process;
    int socket;
    int memory;
    uint8_t *requests; /* the memory's beginning, for writing only; NULL = none */
    size_t requests_bytes;
    size_t ready_bytes; /* of it have pages */
    clockid_t cpu;
    uint32_t jobs;
    uint64_t number; /* of the job */
    bool is_apart;
    bool is_working; /* its pool's: taken, with a process */
};

bool child_worker_is_usable(const struct child_worker *worker, uint32_t jobs_max);
/* Ends it; false when it does not go. */
bool child_worker_end(struct child_worker *worker, int *status);
bool child_worker_start(struct child_worker *worker, const struct child_config *config,
                        struct child_keeper *keeper, struct err *err);
/* After a fault of the child it has no process any more. */
bool child_worker_run(struct child_worker *worker, const struct child_config *config,
                      const struct child_request *request, struct buf *reply,
                      struct err *err);
