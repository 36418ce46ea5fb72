// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/frames: previews on disk. A cache: whatever goes wrong, it simply
 * has not got it. */

#include "base/buf.h"
#include "base/hash.h"

struct frames_kept;
struct frames_kept *frames_kept_open(const char *folder, uint64_t bytes_max,
                                     struct err *err);
void frames_kept_close(struct frames_kept *kept);
/* Appends; false = not there. */
bool frames_kept_take(struct frames_kept *kept, const struct hash *name, struct buf *out);
/* One at a time for a name. */
void frames_kept_put(struct frames_kept *kept, const struct hash *name,
                     struct span bytes);
void frames_kept_count(struct frames_kept *kept, uint64_t *files, uint64_t *bytes);
