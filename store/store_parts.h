// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store/: what store.c, store_check.c, store_statement.c and store_migration.c
 * share. */

#include <pthread.h>
#include <stdatomic.h>

#include "store/store_engine.h"

enum { STORE_CACHE_BUCKETS = 64, STORE_CACHE_STATEMENTS_MAX = 256 };

/* What is known of the database's health, and the thread that reads it through beside
 * the work. Plain struct of the store; threads share it. */
struct store_check {
    const struct store_engine_kind *kind;
    const char *location;  /* borrowed */
    const struct log *log; /* borrowed, or NULL */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_ending;
    atomic_int health;    /* enum store_health */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t done;
    bool is_done;
    struct store_engine *engine; /* *owned* by the thread, while it reads */
};

void store_check_init(struct store_check *check, const struct log *log);
MUST_CHECK bool store_check_start(struct store_check *check,
                                  const struct store_engine_kind *kind,
                                  const char *location, struct err *err);
/* Breaks off what is under way. */
void store_check_end(struct store_check *check);
/* An error of the database: after the first that tells of damage nothing is permitted. */
void store_check_note(struct store_check *check, const struct err *err);
MUST_CHECK bool store_check_permits(struct store_check *check, struct err *err);
MUST_CHECK bool store_check_wait(struct store_check *check, struct err *err);
enum store_health store_check_health(struct store_check *check);

struct store_session {
    struct store *store;
    struct store_check *check;   /* borrowed */
    struct store_engine *engine; /* *owned* */
    struct store_statement *buckets[STORE_CACHE_BUCKETS];
    int cached_count;
    int open_count;             /* statements prepared and not yet finished */
    uint64_t statements;        /* run, since they were last counted */
    bool is_broken;             /* a fault that the work must not pass over */
    bool is_once;               /* each go of questions has a moment of its own */
    struct store_session *next; /* among the idle ones */
    int64_t idle_since_ms;      /* monotonic, while it is one of them */
};

/* NULL with err set. */
MUST_CHECK struct store_session *store_session_open(struct store *store,
                                                    struct store_check *check,
                                                    const char *location,
                                                    bool for_writing, struct err *err);
/* Its statements have to be finished. NULL is fine. */
void store_session_close(struct store_session *session);

/* Applies what is missing, in order of the numbers. ERR_CONFLICT "store_newer" when the
 * database has a migration that this program does not know. */
MUST_CHECK bool store_migrate(struct store_session *session,
                              const struct store_migration *migrations, size_t count,
                              struct err *err);
