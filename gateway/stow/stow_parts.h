// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/stow. */

#include <pthread.h>
#include <stdatomic.h>

#include "formats/multipart/multipart.h"
#include "gateway/stow/stow.h"
#include "wire/http/http.h"

/* Failure reasons (PS3.18 I.2.2); the last one is ours, of the family Cxxx. */
enum stow_reason {
    STOW_STORED = 0,
    STOW_PROCESSING_FAILED = 0x0110,
    STOW_CLASS_UNSUPPORTED = 0x0122,
    STOW_OUT_OF_RESOURCES = 0xA700,
    STOW_OTHER_CLASS = 0xA900,
    STOW_NOT_UNDERSTOOD = 0xC000,
    STOW_SYNTAX_UNSUPPORTED = 0xC122,
    STOW_OTHER_STUDY = 0xC409
};

/* What became of a part; UIDs may be empty. */
struct stow_result {
    char sop_class[INSTANCES_UID_BYTES];
    char sop_instance[INSTANCES_UID_BYTES];
    uint16_t reason;
};

/* ---- stow_head.c ---- */
enum { STOW_HEAD_BYTES = 64 * 1024, STOW_HEAD_BYTES_MAX = 192 * 1024 };
struct stow_head {
    struct stow_result result;
    char syntax[INSTANCES_UID_BYTES];
};
/* What an instance is, from its beginning; `study` is what it has to be of, or empty.
 * False: more bytes are needed to tell. */
bool stow_read_head(struct span bytes, bool is_all, const char *study,
                    struct stow_head *head);

/* ---- stow_answer.c ---- */
/* 200, 202 or 409 and the Store Instances Response (PS3.18 I.2). */
int stow_put_answer(const struct stow_result *results, size_t count, struct buf *out);

struct stow {
    struct stow_config config;
    pthread_mutex_t lock; /* guards the list */
    struct upload *uploads;
    struct meter_words refused;
    _Atomic uint64_t stored_count;
    _Atomic uint64_t failed_count;
    _Atomic uint64_t byte_count;
    atomic_int request_count;
    atomic_int caller_counts[STOW_CALLERS_MAX];
};
