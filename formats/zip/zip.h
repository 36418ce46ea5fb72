// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A ZIP archive written as a stream: files are stored as they are (pictures are packed
 * already), with ZIP64 where sizes, places or their number ask for it (APPNOTE 6.3.10).
 * Nothing is read, nothing seeks: a file's CRC stands behind it (4.3.9), its size before
 * it too. Times are said in Japan's zone, as DOS keeps them, and in UTC (Info-ZIP's
 * extended timestamp). Not done: folders' own entries, encryption, comments.
 *
 * Kept until the end is what the directory says of each file, at most 64 MiB.
 *
 * The bytes are a function of names, sizes, times and contents alone, in their order; the
 * length is one of names, sizes and times, and is measured beforehand by the same calls
 * with zip_gap for zip_data.
 *
 * `write` takes all bytes or says false, which ends it; NULL only measures. Errors:
 * ERR_SYSTEM "zip_failed" (also when `write` said false), ERR_REFUSED "zip_name", those
 * of memory and buffers. */

#include "base/err.h"
#include "base/span.h"

struct zip; /* *owned* */

typedef bool zip_write(void *context, struct span bytes);

MUST_CHECK struct zip *zip_open(zip_write *write, void *context, struct err *err);
/* The next file, of exactly so many bytes. `name`: letters, digits, '-', '_', '.', '/',
 * relative, at most 255. */
MUST_CHECK bool zip_file(struct zip *zip, const char *name, int64_t size_bytes,
                         int64_t changed_s, struct err *err);
MUST_CHECK bool zip_data(struct zip *zip, struct span bytes, struct err *err);
/* Of an archive that is measured only: so many bytes of the file, whatever they are. */
MUST_CHECK bool zip_gap(struct zip *zip, int64_t size_bytes, struct err *err);
/* The directory at the end; without it the archive is broken. */
MUST_CHECK bool zip_end(struct zip *zip, struct err *err);
/* So far; after zip_end all of it. */
uint64_t zip_length(const struct zip *zip);
void zip_free(struct zip *zip);
