// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store/: one connection to one kind of database, and the table of functions
 * that makes a kind. store_sqlite.c is the only file that knows SQLite, store_postgres*.c
 * the only ones that know PostgreSQL. A connection is used by one thread at a time. Error
 * kinds: as in store.h. Messages name tables and columns, never values. */

#include <stdatomic.h>

#include "store/store.h"

/* *owned*: one connection. Every kind's own struct begins with this one. */
struct store_engine {
    const struct store_engine_kind *kind;
    uint64_t waits; /* for a server's answer, since they were last counted */
};
struct store_compiled; /* *owned*: one prepared statement of a connection */

struct store_engine_kind {
    /* Marks the lines of a migration that are for this kind only: "--sqlite ". */
    const char *line_mark;
    /* For writing: makes the database when there is none. */
    struct store_engine *(*open)(const char *location, bool for_writing, struct err *err);
    void (*close)(struct store_engine *engine);
    /* Until it is closed, no other process claims the same; ERR_BUSY "store_taken". NULL
     * when several may serve from one database. */
    bool (*claim)(struct store_engine *engine, const char *location, struct err *err);
    /* What can be seen at once: ERR_SYSTEM "store_corrupt" when it is damaged,
     * "store_failed" when it is set up in a way that breaks a promise of store.h. */
    bool (*check)(struct store_engine *engine, struct err *err);
    /* The whole database, piece by piece, until it is told to end: ERR_SYSTEM
     * "store_corrupt". Lets go of what it holds up when the journal has grown by that
     * much. NULL when its server answers for its pages. */
    bool (*read_through)(struct store_engine *engine, const atomic_bool *is_ending,
                         int64_t growth_bytes, struct err *err);
    /* From another thread: what runs ends soon with an error. */
    void (*interrupt)(struct store_engine *engine);
    /* The state of one moment, into a new file; NULL when this kind has other ways. */
    bool (*copy)(struct store_engine *engine, const char *file, struct err *err);
    /* Several statements, from our own files, in a transaction; they take their time. */
    bool (*script)(struct store_engine *engine, const char *sql, struct err *err);

    /* A reading transaction sees the state of this moment until it is rolled back. */
    bool (*begin_read)(struct store_engine *engine, struct err *err);
    /* The same, of some moment up to the first answer; NULL when that saves nothing.
     * Once: what is asked together sees one moment, the next go may see another. */
    bool (*begin_read_late)(struct store_engine *engine, bool is_once, struct err *err);
    /* From here to the end no other connection writes, whatever process it is of. */
    bool (*begin_write)(struct store_engine *engine, struct err *err);
    bool (*commit)(struct store_engine *engine, struct err *err);
    void (*roll_back)(struct store_engine *engine);
    /* Some faults (disk full, no memory, cut line) end the whole transaction. */
    bool (*has_transaction)(struct store_engine *engine);
    /* A savepoint: set, then either kept or undone. */
    bool (*set_mark)(struct store_engine *engine, struct err *err);
    bool (*keep_mark)(struct store_engine *engine, struct err *err);
    bool (*undo_mark)(struct store_engine *engine, struct err *err);
    /* After a commit, when nobody waits for it: moves the journal into the database when
     * it has grown. Returns the journal's size in bytes. */
    int64_t (*tidy)(struct store_engine *engine);
    int64_t (*changes)(struct store_engine *engine);

    struct store_compiled *(*compile)(struct store_engine *engine, const char *sql,
                                      struct err *err);
    void (*discard)(struct store_compiled *compiled);
    /* False when the index does not exist. */
    bool (*bind_int)(struct store_compiled *compiled, int index, int64_t value);
    bool (*bind_text)(struct store_compiled *compiled, int index, struct text text,
                      bool is_copied);
    bool (*bind_bytes)(struct store_compiled *compiled, int index, struct span bytes);
    bool (*bind_null)(struct store_compiled *compiled, int index);
    /* To be run with the next step of any statement; NULL when that saves nothing. */
    void (*ask)(struct store_compiled *compiled);
    bool (*step)(struct store_engine *engine, struct store_compiled *compiled,
                 bool *has_row, struct err *err);
    void (*reset)(struct store_compiled *compiled);
    void (*unbind)(struct store_compiled *compiled);
    int64_t (*column_int)(struct store_compiled *compiled, int column);
    bool (*column_is_null)(struct store_compiled *compiled, int column);
    /* Borrowed until the next step; never a NULL pointer. */
    struct span (*column_text)(struct store_compiled *compiled, int column);
    struct span (*column_bytes)(struct store_compiled *compiled, int column);
};

extern const struct store_engine_kind store_sqlite;
extern const struct store_engine_kind store_postgres;

/* By the location: "postgresql://…" or the path of an SQLite file. */
const struct store_engine_kind *store_engine_kind_of(const char *location);
