// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What peers were promised to be told: requests for storage commitment (PS3.4 J) that
 * were accepted and whose result nobody has taken yet, one file each below a directory of
 * ours, so that a promise outlives the process. What is in a request is not looked at.
 *
 *     <16 hex digits>     "<UTC milliseconds> <title>\n", then the request's data set
 *
 * How many and how old they may get is the caller's to say. Threads share it; everything
 * blocks. A file that is none of these is not ours to read: it is taken away at the
 * start. Errors: those of base/path, ERR_SYNTAX "commitment_broken". */

#include "base/arena.h"
#include "base/log.h"
#include "base/rand.h"

struct commitments; /* *owned* */

struct commitments_due {
    uint64_t number;   /* under which it is kept, never 0 */
    const char *title; /* who asked */
    int64_t since_ms;  /* UTC, when it was accepted */
    struct span set;
};

/* Makes the directory and clears away what was not wholly written. */
MUST_CHECK struct commitments *commitments_open(const char *directory, struct rand rand,
                                                const struct log *log, struct err *err);
void commitments_close(struct commitments *commitments);
/* On the disk when it returns true; the due's number is not looked at. */
MUST_CHECK bool commitments_keep(struct commitments *commitments,
                                 const struct commitments_due *due, uint64_t *number,
                                 struct err *err);
/* A number that is not there is fine; a file that stays is told of once more. */
void commitments_forget(struct commitments *commitments, uint64_t number);
/* Each that is kept, in no order, good until `see` returns; what is broken is logged and
 * forgotten. */
MUST_CHECK bool commitments_walk(struct commitments *commitments,
                                 void (*see)(void *context,
                                             const struct commitments_due *due),
                                 void *context, struct err *err);
