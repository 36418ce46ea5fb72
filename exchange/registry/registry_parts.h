// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: what storing and reading share. */

#include "exchange/registry/registry.h"

/* 0 when the registry does not know the record. */
MUST_CHECK bool registry_find_record(struct store_session *session, struct id record,
                                     int64_t *number, struct err *err);
MUST_CHECK bool registry_last_change(struct store_session *session, int64_t *number,
                                     struct err *err);

/* ---- registry_look_store.c ---- */
/* Looks are noted in memory and written together about once a second, by a thread of its
 * own: a write of each would cost every opening a commit, and every reader its pages. */
struct registry_looks; /* *owned* by the registry; threads share it */

struct registry_look_key {
    struct id post;
    struct id person;
};
MUST_CHECK struct registry_looks *
registry_looks_open(struct store *store, const struct log *log, struct err *err);
/* Writes what is left. */
void registry_looks_close(struct registry_looks *looks);
MUST_CHECK bool registry_looks_note(struct registry_looks *looks,
                                    const struct registry_look_key *key, int64_t now_ms,
                                    int64_t *new_since_ms, struct err *err);
MUST_CHECK bool registry_looks_keep(struct registry_looks *looks, struct err *err);
