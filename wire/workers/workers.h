// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A fixed pool of threads with a bounded queue, for whatever may block: the database,
 * the resolver, password hashing. Jobs begin in the order they were posted,
 * after those that go on; what a job
 * has to say to a loop goes by loop_post. Signals are blocked in the threads. */

#include "base/err.h"

struct workers; /* *owned* */

/* ERR_SYSTEM "thread_failed". */
MUST_CHECK struct workers *workers_new(int count, int queue_max, struct err *err);
/* False when the queue is full: the caller sheds the load. */
MUST_CHECK bool workers_post(struct workers *workers, void (*fn)(void *context),
                             void *context);
/* The rest of something that began as a job and waited elsewhere: comes before new jobs
 * and finds room whatever the queue holds. False only when the pool is closing. */
MUST_CHECK bool workers_resume(struct workers *workers, void (*fn)(void *context),
                               void *context);
/* Jobs that wait for a thread now. */
int workers_waiting(struct workers *workers);
/* Finishes what is queued, then joins. Nobody else may post any more. */
void workers_free(struct workers *workers);
