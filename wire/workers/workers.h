// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A fixed pool of threads with a bounded queue, for whatever may block: the database,
 * the resolver, password hashing. Jobs begin in the order they were posted; what a job
 * has to say to a loop goes by loop_post. Signals are blocked in the threads. */

#include "base/err.h"

struct workers; /* *owned* */

/* ERR_SYSTEM "thread_failed". */
MUST_CHECK struct workers *workers_new(int count, int queue_max, struct err *err);
/* False when the queue is full: the caller sheds the load. */
MUST_CHECK bool workers_post(struct workers *workers, void (*fn)(void *context),
                             void *context);
/* Finishes what is queued, then joins. Nobody else may post any more. */
void workers_free(struct workers *workers);
