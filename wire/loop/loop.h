// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One epoll loop per thread; whatever may block belongs to wire/workers. A loop owns
 * the descriptors that are watched on it; everything about them happens on its thread.
 * Other threads reach it through loop_post only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/workers/workers.h"

struct loop;       /* *owned* */
struct loop_watch; /* one descriptor on one loop */
struct loop_timer;

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_HANGUP = 4 };

MUST_CHECK struct loop *loop_new(struct err *err);
/* After loop_stop and the join of its thread; runs what was still posted, on the calling
 * thread, so that references held by it are dropped. Watches and timers are freed by
 * their owners before. */
void loop_free(struct loop *loop);
/* What goes on by itself and is nobody's any more (a connection that ends in order):
 * loop_free ends it. On the loop's thread. */
struct loop_stray {
    void (*end)(void *context); /* forgets itself */
    void *context;
    struct loop_stray *next;
    struct loop_stray **link; /* NULL = not listed */
};
void loop_keep_stray(struct loop *loop, struct loop_stray *stray);
void loop_forget_stray(struct loop_stray *stray);

/* Runs on the calling thread until loop_stop. */
void loop_run(struct loop *loop);
/* From any thread or signal-safe context (eventfd). */
void loop_stop(struct loop *loop);
/* Runs fn(context) on the loop's thread, in order, never from inside this call; from any
 * thread. */
void loop_post(struct loop *loop, void (*fn)(void *context), void *context);
bool loop_is_current(const struct loop *loop);

/* Level-triggered. The descriptor stays owned by the caller, who unwatches it before
 * closing it. On the loop's thread, or before loop_run. LOOP_HANGUP comes unasked for
 * errors and full hang-ups; ask for it to see the peer's end of sending too. */
MUST_CHECK struct loop_watch *loop_watch(struct loop *loop, int fd, unsigned events,
                                         void (*ready)(void *context, unsigned events),
                                         void *context, struct err *err);
void loop_watch_change(struct loop_watch *watch, unsigned events);
void loop_unwatch(struct loop_watch *watch);

/* One-shot, on the loop's thread; again with loop_timer_set. after_ms < 0 disarms. */
MUST_CHECK struct loop_timer *loop_timer_new(struct loop *loop,
                                             void (*fire)(void *context), void *context,
                                             struct err *err);
void loop_timer_set(struct loop_timer *timer, int after_ms);
void loop_timer_free(struct loop_timer *timer);
