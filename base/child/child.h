// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Throw-away processes for work on hostile bytes: this program run again, with nothing of
 * ours. A pool keeps some; each does one job at a time, bytes in and bytes out through
 * memory that both share. What a job breaks is its own process; its death is a failed
 * job, never a failed caller. Knows nothing of what the jobs are about.
 *
 * A child locks itself in before it takes the first job: no new privileges, no
 * capabilities, limits (address space, CPU, no files, no processes, no core), no
 * descriptor but its socket, no environment, namespaces of its own with an empty root
 * where the kernel lets it, and a list of the system calls it may make (seccomp); any
 * other one kills it. One that cannot lock itself in does not serve. Under sanitizers,
 * which need more, the list is one of calls that kill instead, and the limit of the
 * address space is left out (CHILD_IS_LIGHT).
 *
 * The caller takes a child's answer as hostile: lengths and codes are checked, bytes are
 * copied out. Jobs before may have left the child in a strange state, hence jobs_max. */

#include <sys/types.h>

#include "base/buf.h"
#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHILD_IS_LIGHT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define CHILD_IS_LIGHT 1
#endif
#endif
#ifndef CHILD_IS_LIGHT
#define CHILD_IS_LIGHT 0
#endif

/* ---- a pool ---- */

struct child_config {
    const char *program;          /* NULL = this one */
    const char *const *arguments; /* after the program's name, up to NULL; *borrowed* */
    const char *const *codes;     /* of the handler's errors, up to NULL; *borrowed* */
    size_t request_bytes_max;
    size_t reply_bytes_max;
    size_t memory_bytes_max; /* of the child, beside the program and both of the above */
    int64_t cpu_ms_max;      /* of a job */
    int64_t wall_ms_max;
    uint32_t jobs_max; /* of a child, which is then replaced */
    int count;
    int waiting_max;       /* callers for whom none is free */
    const struct log *log; /* NULL = none; *borrowed* */
};

struct child_counts {
    uint64_t jobs;
    uint64_t starts;
    uint64_t deaths; /* in a job, whoever killed */
    int busy;
    int waiting;
};

struct child_pool;

/* Starts no child yet. *owned* */
MUST_CHECK struct child_pool *child_pool_new(const struct child_config *config,
                                             struct err *err);
/* Nobody may be in child_run any more. Ends the children and takes their remains. */
void child_pool_free(struct child_pool *pool);
/* From any thread; waits for a free child, first come first served, and for the answer,
 * which is appended to `reply`. The pool stays usable, whatever comes:
 *   what the handler said, when its code is one of `codes`; ERR_SYNTAX "child_refused"
 *     when it is another. Never the handler's text.
 *   ERR_BUSY "child_died" (with the signal), "child_timeout", "child_memory",
 *     "child_garbled" (the answer makes no sense): the job's fault, and again the next
 *     time.
 *   ERR_BUSY "child_queue" (too many wait), "child_start" (there is no process, or it
 *     ended before its first job; not tried again for a while, nor told while another
 *     one works, which is waited for).
 *   ERR_LIMIT "child_request", "buf_full". */
MUST_CHECK bool child_run(struct child_pool *pool, struct span request, struct buf *reply,
                          struct err *err);
/* The same for a request whose end lies somewhere else: for the child it is one. */
struct child_request {
    struct span head;
    struct span tail;
};
MUST_CHECK bool child_run_request(struct child_pool *pool,
                                  const struct child_request *request, struct buf *reply,
                                  struct err *err);
struct child_counts child_pool_counts(struct child_pool *pool);

/* ---- the child's side ---- */

struct child_handler {
    bool (*run)(void *self, struct span request, struct buf *reply, struct err *err);
    void *self;
};

/* The whole of the child's program, called before it has threads or open files of its
 * own. Does not return; what would run at a program's end has no business here. */
_Noreturn void child_serve(const struct child_handler *handler);

/* ---- a process, for those who speak with it in their own way ---- */

struct child_process {
    pid_t pid;   /* 0 = none */
    pid_t dying; /* killed and not gone yet; 0 = none */
};

struct child_start {
    const char *program; /* NULL = this one */
    const char *const *arguments;
    char *const *environment; /* up to NULL; NULL = empty */
    int input;                /* becomes its descriptor 0 */
    int memory;               /* becomes its descriptor 3; -1 = none */
    bool shows_errors;        /* has our stderr; otherwise its output goes nowhere */
};

/* In a process group of its own, with no other descriptor. 0, or an errno. */
int child_process_start(struct child_process *process, const struct child_start *start);
/* And what it may have started. */
void child_process_kill(struct child_process *process);
/* Waits for the one that is dying. Killed, it is gone at once, unless the kernel holds it
 * in a call of its own: false. */
bool child_process_is_gone(struct child_process *process, int wait_ms, int *status);
