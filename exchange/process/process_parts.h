// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/process: rows (process_store.c), and what one process knows of the
 * others (process.c). */

#include <pthread.h>

#include "exchange/audit/audit.h"
#include "exchange/process/process.h"

enum { PROCESS_OTHERS_MAX = 64 };

struct process_row {
    char node[AUDIT_NODE_BYTES_MAX + 1];
    char place[HASH_HEX_BYTES];
    struct id run;
    int64_t beat;
    bool has_ended;
    struct audit_position head;
};

struct process_other {
    struct process_row row;
    int64_t seen_ms; /* monotonic, when its beat moved last */
    bool is_gone;
    bool has_kept; /* its head, at kept_ms */
    int64_t kept_ms;
    uint64_t kept_number;
};

/* Pure: takes a row into what was known. True: somebody is gone. */
bool process_note(struct process_other *other, const struct process_row *row,
                  int64_t now_ms);
/* Pure: its head has to be kept now. */
bool process_head_is_due(const struct process_other *other, int64_t now_ms);

struct process {
    struct process_config config;
    struct process_listener listener;
    struct id run;
    bool is_shared;
    struct process_other others[PROCESS_OTHERS_MAX]; /* the thread's */
    size_t other_count;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t closing;
    bool is_closing;
    int count;
};

/* ---- process_store.c ---- */
bool process_may_have_others(const struct store *store);
MUST_CHECK bool process_read_row(struct store *store, const char *node,
                                 struct process_row *row, bool *is_there,
                                 struct err *err);
/* All but `node`, at most PROCESS_OTHERS_MAX. */
MUST_CHECK bool process_read_others(struct store *store, const char *node,
                                    struct process_row rows[PROCESS_OTHERS_MAX],
                                    size_t *count, struct err *err);
MUST_CHECK bool process_write_row(const struct process *process, struct err *err);
/* has_row is false when another run has the name. */
MUST_CHECK bool process_beat(const struct process *process, bool *has_row,
                             struct err *err);
MUST_CHECK bool process_end_row(const struct process *process, struct err *err);
