// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store/: one connection to one kind of database. store_sqlite.c is the only
 * file that knows SQLite; another database is another file with these functions. A
 * connection is used by one thread at a time. Error kinds: as in store.h. Messages name
 * tables and columns, never values. */

#include "store/store.h"

struct store_engine;   /* *owned*: one connection */
struct store_compiled; /* *owned*: one prepared statement of a connection */

/* The writer's connection makes the database when there is none. */
MUST_CHECK struct store_engine *store_engine_open(const char *location, bool for_writing,
                                                  struct err *err);
void store_engine_close(struct store_engine *engine);
/* ERR_SYSTEM "store_corrupt" when the file is damaged. */
MUST_CHECK bool store_engine_check(struct store_engine *engine, struct err *err);
/* Several statements, from our own files. */
MUST_CHECK bool store_engine_script(struct store_engine *engine, const char *sql,
                                    struct err *err);
/* Marks the lines of a migration that are for this kind of database: "--sqlite ". */
const char *store_engine_line_mark(void);

/* A reading transaction sees the state of this moment until it is rolled back. */
MUST_CHECK bool store_engine_begin_read(struct store_engine *engine, struct err *err);
MUST_CHECK bool store_engine_begin_write(struct store_engine *engine, struct err *err);
MUST_CHECK bool store_engine_commit(struct store_engine *engine, struct err *err);
void store_engine_roll_back(struct store_engine *engine);
/* Some faults (disk full, no memory) end the whole transaction by themselves. */
bool store_engine_has_transaction(struct store_engine *engine);
/* A savepoint: set, then either kept or undone. */
MUST_CHECK bool store_engine_set_mark(struct store_engine *engine, struct err *err);
MUST_CHECK bool store_engine_keep_mark(struct store_engine *engine, struct err *err);
MUST_CHECK bool store_engine_undo_mark(struct store_engine *engine, struct err *err);
/* After a commit, when nobody waits for it: moves the journal into the database when it
 * has grown. Returns the journal's size in bytes. */
int64_t store_engine_tidy(struct store_engine *engine);
int64_t store_engine_changes(struct store_engine *engine);

MUST_CHECK struct store_compiled *store_engine_compile(struct store_engine *engine,
                                                       const char *sql, struct err *err);
void store_engine_discard(struct store_compiled *compiled);
/* False when the index does not exist. */
bool store_engine_bind_int(struct store_compiled *compiled, int index, int64_t value);
bool store_engine_bind_text(struct store_compiled *compiled, int index, struct text text,
                            bool is_copied);
bool store_engine_bind_bytes(struct store_compiled *compiled, int index,
                             struct span bytes);
bool store_engine_bind_null(struct store_compiled *compiled, int index);
MUST_CHECK bool store_engine_step(struct store_engine *engine,
                                  struct store_compiled *compiled, bool *has_row,
                                  struct err *err);
void store_engine_reset(struct store_compiled *compiled);
void store_engine_unbind(struct store_compiled *compiled);
int64_t store_engine_column_int(struct store_compiled *compiled, int column);
bool store_engine_column_is_null(struct store_compiled *compiled, int column);
/* Borrowed until the next step; never a NULL pointer. */
struct span store_engine_column_text(struct store_compiled *compiled, int column);
struct span store_engine_column_bytes(struct store_compiled *compiled, int column);
