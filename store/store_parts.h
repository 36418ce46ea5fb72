// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store/: what store.c, store_statement.c and store_migration.c share. */

#include "store/store_engine.h"

enum { STORE_CACHE_BUCKETS = 64, STORE_CACHE_STATEMENTS_MAX = 256 };

struct store_session {
    struct store *store;
    struct store_engine *engine; /* *owned* */
    struct store_statement *buckets[STORE_CACHE_BUCKETS];
    int cached_count;
    int open_count;             /* statements prepared and not yet finished */
    bool is_broken;             /* a fault that the work must not pass over */
    struct store_session *next; /* among the idle ones */
};

/* NULL with err set. */
MUST_CHECK struct store_session *store_session_open(struct store *store,
                                                    const char *location,
                                                    bool for_writing, struct err *err);
/* Its statements have to be finished. NULL is fine. */
void store_session_close(struct store_session *session);

/* Applies what is missing, in order of the numbers. ERR_CONFLICT "store_newer" when the
 * database has a migration that this program does not know. */
MUST_CHECK bool store_migrate(struct store_session *session,
                              const struct store_migration *migrations, size_t count,
                              struct err *err);
