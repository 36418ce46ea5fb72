// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Memory of long-lived things (x_new / x_free). Everything that belongs to one request
 * or job lives in an arena instead. Fails with ERR_BUSY "memory_short". */

#include <stddef.h>

#include "base/err.h"

/* count × size zeroed bytes, overflow checked; *owned*. */
MUST_CHECK void *memory_new(size_t count, size_t size, struct err *err);
/* Grows or shrinks an array of `count` elements; the old one stays valid on failure. */
MUST_CHECK void *memory_resize(void *at, size_t count, size_t size, struct err *err);
/* NULL is fine. */
void memory_free(void *at);
/* NUL-terminated copy, *owned*. */
MUST_CHECK char *memory_string(const char *string, struct err *err);

/* ---- a process that runs for months ---- */
/* At its start, before it has threads: few heaps, and freed memory returns to the system.
 * Without it each of some twenty threads keeps what its largest piece of work needed. */
void memory_settle(void);
/* Whole free pages between what is held go back to the system, now; some milliseconds. */
void memory_give_back(void);
