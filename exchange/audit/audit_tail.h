// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/audit: what opening a series has to know about its end, and the
 * decisions that were never finished. Reads from the newest start event on. */

#include "exchange/audit/audit_heads.h"

/* Each opening writes one; what was decided before it has been closed by then. */
#define AUDIT_START_EVENT "start"

struct audit_open_decision;

struct audit_tail {
    struct audit_position last;
    int month;                             /* of the newest file, 0 when there is none */
    uint64_t file_bytes;                   /* whole records in it */
    bool has_piece;                        /* of a record, behind them */
    struct audit_open_decision *decisions; /* *owned*, newest first */
    struct audit_open_decision **buckets;  /* *owned* */
    bool has_start;
    struct audit_heads heads; /* *owned*, of the months that were read */
};

/* ERR_SYSTEM "audit_broken" when a whole record does not fit the chain. */
MUST_CHECK bool audit_tail_read(struct audit_tail *tail, int directory, const char *node,
                                struct err *err);
/* Hands out a finish row "unknown" for each decision that has none, oldest first. */
typedef bool audit_tail_append(void *context, const struct audit_record *record,
                               struct err *err);
MUST_CHECK bool audit_tail_close_decisions(struct audit_tail *tail,
                                           audit_tail_append *append, void *context,
                                           struct err *err);
void audit_tail_free(struct audit_tail *tail);
