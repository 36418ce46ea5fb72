// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A file as memory of which only that is there which somebody asked for: a recording of a
 * day costs what is looked at. Nothing is mapped from the file, so that one which is cut
 * or taken away meanwhile is a fault to be told, and no signal.
 *
 * What was not asked for reads as zeros: ask first. Of one thread. Errors: ERR_LIMIT
 * "file_too_large" (more than the limits allow), ERR_BUSY "source_changed" (the file has
 * become shorter), "sparse_memory"; ERR_SYSTEM "path_failed". */

#include "base/err.h"
#include "base/span.h"

struct sparse_limits {
    uint64_t file_bytes_max;
    size_t kept_bytes_max;
    size_t looked_bytes_max; /* at least 1 MB */
};

struct sparse;

/* The descriptor is *borrowed*. */
MUST_CHECK struct sparse *sparse_open(int fd, const struct sparse_limits *limits,
                                      struct err *err);
/* For CLEANUP. */
void sparse_close(struct sparse **sparse);
struct span sparse_bytes(const struct sparse *sparse);
/* From now on these bytes, which are a part of sparse_bytes, are there. False: they are
 * not, and sparse_check says why. */
MUST_CHECK bool sparse_keep(struct sparse *sparse, const uint8_t *at, uint64_t len);
/* Until the next call of this; `len` is at most half of looked_bytes_max. */
MUST_CHECK bool sparse_look(struct sparse *sparse, const uint8_t *at, uint64_t len);
/* False after the first failure of one of the above, which it tells. */
MUST_CHECK bool sparse_check(const struct sparse *sparse, struct err *err);
/* Of the file in memory now. */
size_t sparse_held_bytes(const struct sparse *sparse);
