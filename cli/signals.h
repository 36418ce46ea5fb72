// SPDX-License-Identifier: Apache-2.0
#pragma once
/* SIGTERM and SIGINT without handlers: blocked before the first thread starts, then
 * waited for. SIGPIPE and SIGXFSZ are blocked too; a broken line or a file that may not
 * grow shows as an error of the write. */

#include <stdbool.h>

#include "base/err.h"

/* First of all, in the only thread. */
void signals_block(void);
/* In a child before exec. */
void signals_unblock(void);
struct signals; /* *owned* */
/* Starts a thread that calls stop(context) when the process is asked to end. */
MUST_CHECK struct signals *signals_watch(void (*stop)(void *context), void *context,
                                         struct err *err);
/* Before what stop touches is freed: waits until the thread is through with it. May call
 * stop once more. NULL is fine. */
void signals_end(struct signals *signals);
/* Waits at most so long; true when the process was asked to end. */
bool signals_wait(int wait_ms);
