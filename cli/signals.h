// SPDX-License-Identifier: Apache-2.0
#pragma once
/* SIGTERM, SIGINT and, for who asks for it, SIGHUP without handlers: blocked before the
 * first thread starts, then waited for. SIGPIPE and SIGXFSZ are blocked too; a broken
 * line or a file that may not grow shows as an error of the write. */

#include <stdbool.h>

#include "base/err.h"

/* First of all, in the only thread. */
void signals_block(void);
/* Then: SIGHUP too, which otherwise ends the process. */
void signals_block_renewing(void);
/* In a child before exec. */
void signals_unblock(void);
struct signals; /* *owned* */
struct signals_wishes {
    void (*stop)(void *context);  /* the process is asked to end */
    void (*renew)(void *context); /* SIGHUP, as often as it comes; NULL = not blocked */
};
/* Starts a thread that calls them; kept by address. */
MUST_CHECK struct signals *signals_watch(const struct signals_wishes *wishes,
                                         void *context, struct err *err);
/* Before what stop touches is freed: waits until the thread is through with it. May call
 * stop once more. NULL is fine. */
void signals_end(struct signals *signals);
/* Waits at most so long; true when the process was asked to end. */
bool signals_wait(int wait_ms);
