// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/collect: following an index database. */

#include "base/path.h"
#include "formats/ssmix/ssmix.h"
#include "gateway/collect/collect.h"
#include "gateway/index/index_source.h"

/* Rows that were seen, by their hashes. */
struct collect_seen {
    uint64_t *slots;
    size_t size;
    size_t count;
};

/* The index database, followed by its UpdateDatetime. */
struct collect_rows {
    bool is_begun;  /* what was remembered was read */
    bool is_asking; /* an answer is on its way */
    bool has_mark;  /* there is a time to go on from */
    bool is_first;  /* it is asked for */
    int64_t mark_s; /* the latest UpdateDatetime so far, in the database's clock */
    int64_t asked_ms, due_ms, wait_ms, noted_ms; /* monotonic */
    /* A folder that rows named and that is read behind the last of them. */
    bool has_place;
    int32_t day;
    char patient[SSMIX_PATIENT_MAX + 1];
    char type[PATH_NAME_MAX + 1];
    int64_t reached_s;        /* the mark when it is read */
    struct index_source now;  /* this look */
    struct index_source told; /* as it was written down last */
    char detail[ERR_TEXT_MAX];
    struct collect_seen seen; /* at the look before */
    struct collect_seen next; /* at this one */
};

bool collect_is_rows_due(struct collect *collect);
/* Asks when it is time, takes what there is, and never waits; the lock is held. */
void collect_take_rows(struct collect *collect);
void collect_rows_close(struct collect *collect);
