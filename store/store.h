// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The database behind a narrow door: SQLite (WAL, synchronous=FULL) in a file, or
 * PostgreSQL 15 and newer; nothing above this folder may know which it is. One SQL subset
 * with numbered parameters (?1 ?2 …): BIGINT, TEXT, BYTEA, no dialect, order by bytes.
 *
 * Reading: any thread, a consistent snapshot between store_read and store_read_end.
 * Writing: work is handed to the one writer thread, which groups what is waiting into
 * one transaction (≤ 5 ms), each piece under its own savepoint, while no other process
 * writes; store_write returns when
 * the commit is durable. Live work goes before backfill.
 *
 * Times in the database are UTC milliseconds (BIGINT), days are day numbers (base/day.h),
 * ids are their 32-digit text. Errors: ERR_BUSY store_busy, ERR_CONFLICT store_unique
 * (a UNIQUE or PRIMARY KEY constraint) or store_reference (a FOREIGN KEY), ERR_CONFLICT
 * store_newer at opening, ERR_REFUSED store_forbidden (this role may not), ERR_BUSY
 * store_full, ERR_SYSTEM store_failed, store_corrupt.
 *
 * A damaged database is never served: what is seen at once stops the opening, the rest is
 * read through by a thread of its own beside the work. From the first sign of damage on,
 * whoever meets it, reading and writing answer store_corrupt until the next opening. */

#include "base/arena.h"
#include "base/id.h"
#include "base/log.h"
#include "base/meter.h"
#include "base/text.h"

struct store;           /* *owned* by main */
struct store_session;   /* one snapshot or one piece of writing; borrowed or CLEANUP */
struct store_statement; /* CLEANUP(store_finish) */

/* SQL text of one numbered file, embedded at build; applied once, in order. Lines that
 * begin with "--sqlite " are run on SQLite only, "--postgres " on PostgreSQL only. With a
 * line "--compatible" programs that do not know it may go on with the database: it only
 * adds what they need not know. There is no way down (docs/decisions/0017). */
struct store_migration {
    int number;
    const char *name; /* "0007_consent" */
    const char *sql;
};

struct store_config {
    const char *location; /* path of an SQLite file, or "postgresql://…" */
    const struct store_migration *migrations;
    size_t migration_count;
    const struct log *log; /* may be NULL */
};

MUST_CHECK struct store *store_open(const struct store_config *config, struct err *err);
/* Until the whole database was read through: for who must not go on without that. */
MUST_CHECK bool store_wait_checked(struct store *store, struct err *err);
/* The same without reading the whole database through: for a short visit beside a process
 * that does so. */
MUST_CHECK struct store *store_visit(const struct store_config *config, struct err *err);
/* As store_open, for the one that serves from it: of a database in a file there is one at
 * a time, ERR_BUSY "store_taken" for the second. On a server there may be several. */
MUST_CHECK struct store *store_serve(const struct store_config *config, struct err *err);
/* Other processes may serve from it at the same time. */
bool store_is_shared(const struct store *store);
void store_close(struct store *store);
/* A consistent copy of the database as it is at one moment, into a new file, whoever else
 * has it open and writes; nobody waits for it. ERR_REFUSED "store_elsewhere" when it
 * lives on a database server, which has its own ways (docs/operations/backup.md). */
MUST_CHECK bool store_copy(const char *location, const char *file, struct err *err);

/* For operators. */
enum store_health { STORE_UNCHECKED, STORE_SOUND, STORE_DAMAGED };
struct store_meters {
    uint64_t groups; /* transactions of the writer since the start */
    uint64_t pieces; /* pieces of writing in them */
    uint64_t failed; /* pieces that were not written */
    /* Counted when a reader ends and when a group is written. */
    uint64_t statements; /* that were run */
    uint64_t waits;      /* for a database server's answer; none where it is a file */
    int waiting;         /* pieces now, of both lanes */
    int64_t journal_bytes;
    struct meter_duration *committed; /* borrowed: from a group's begin to its commit */
    enum store_health health;
    int readers; /* connections for reading that are open now */
};
struct store_meters store_read_meters(struct store *store);

/* ---- reading ---- */
MUST_CHECK struct store_session *store_read(struct store *store, struct err *err);
/* The same, but the snapshot may also be of a later moment, up to the first answer: on a
 * server it costs no question of its own. For whoever only needs that nothing is older
 * than this call. That there is no connection may show only at the first step. */
MUST_CHECK struct store_session *store_read_late(struct store *store, struct err *err);
/* As late; but only what is asked together (store_ask) sees one moment, what is asked
 * after an answer may see a later one. On a server it needs neither a begin nor an end.
 */
MUST_CHECK struct store_session *store_read_once(struct store *store, struct err *err);
/* What it is asked behind an answer may be of a later moment than that answer. */
bool store_is_once(const struct store_session *session);
void store_read_end(struct store_session **session); /* for CLEANUP */
/* How long a reader that nobody needs stays open: half a minute unless told here. */
void store_keep_readers(struct store *store, int idle_ms);

/* ---- writing ---- */
enum store_lane { STORE_LIVE, STORE_BACKFILL };
/* Runs on the writer thread. Returning false rolls this piece back, others stay; after a
 * statement that failed it can only fail ("ON CONFLICT" is for what may be there
 * already). May run again from the start when the group has to be repeated, so it must
 * not have effects outside the database. */
typedef bool store_work(struct store_session *session, void *context, struct err *err);
/* Blocks until durable or failed. */
MUST_CHECK bool store_write(struct store *store, enum store_lane lane, store_work *work,
                            void *context, struct err *err);
/* The same in two steps: hands the work over; ends by waiting for it. Each that began is
 * ended, and `context` stays until then. */
struct store_writing; /* *owned* */
MUST_CHECK struct store_writing *store_write_begin(struct store *store,
                                                   enum store_lane lane, store_work *work,
                                                   void *context, struct err *err);
MUST_CHECK bool store_write_end(struct store_writing **writing, struct err *err);

/* ---- statements ---- */
/* `sql` is a literal: it is also the key of the cache of prepared statements. Several may
 * be prepared before one looks at them: behind a fault the next ones are NULL, too, and
 * the first fault stays. */
MUST_CHECK struct store_statement *store_prepare(struct store_session *session,
                                                 const char *sql, struct err *err);
void store_finish(struct store_statement **statement); /* for CLEANUP */
/* Parameters count from 1. Bound texts and bytes must live until store_finish. */
void store_bind_int(struct store_statement *statement, int index, int64_t value);
void store_bind_text(struct store_statement *statement, int index, struct text text);
void store_bind_bytes(struct store_statement *statement, int index, struct span bytes);
void store_bind_id(struct store_statement *statement, int index, struct id id);
void store_bind_null(struct store_statement *statement, int index);
/* Asks ahead: when next a statement of the session is stepped, all that were asked leave
 * together and a server is waited for once. Its own step tells what came of it. */
void store_ask(struct store_statement *statement);
/* True with *has_row set; false on error (err set). */
MUST_CHECK bool store_step(struct store_statement *statement, bool *has_row,
                           struct err *err);
/* For statements without rows: one step. */
MUST_CHECK bool store_run(struct store_statement *statement, struct err *err);
/* So that the same statement can be bound and stepped again. */
void store_reset(struct store_statement *statement);
/* One statement without rows, many times with other parameters; some leave together. */
enum { STORE_BATCH_MAX = 16 };
struct store_batch {
    struct store_statement *all[STORE_BATCH_MAX]; /* *owned* */
    size_t size;
    size_t count; /* bound, not yet run */
};
MUST_CHECK bool store_batch_open(struct store_session *session, const char *sql,
                                 struct store_batch *batch, struct err *err);
/* To be bound: parameters live until store_batch_run. Runs those before when it has to;
 * NULL when one of them failed. */
MUST_CHECK struct store_statement *store_batch_next(struct store_batch *batch,
                                                    struct err *err);
/* What is left. */
MUST_CHECK bool store_batch_run(struct store_batch *batch, struct err *err);
void store_batch_close(struct store_batch *batch); /* for CLEANUP */
/* Rows changed by the last statement of this session. */
int64_t store_changes(struct store_session *session);

/* Columns count from 0. Texts and bytes are copied into the arena. */
int64_t store_column_int(struct store_statement *statement, int column);
bool store_column_is_null(struct store_statement *statement, int column);
MUST_CHECK bool store_column_text(struct store_statement *statement, int column,
                                  struct arena *arena, struct text *text,
                                  struct err *err);
MUST_CHECK bool store_column_bytes(struct store_statement *statement, int column,
                                   struct arena *arena, struct span *bytes,
                                   struct err *err);
MUST_CHECK bool store_column_id(struct store_statement *statement, int column,
                                struct id *id, struct err *err);
/* A borrowed view, valid until the next step; for comparing and writing out at once. */
struct text store_column_view(struct store_statement *statement, int column);
/* The same of bytes; until the next column of bytes is asked for, too. */
struct span store_column_bytes_view(struct store_statement *statement, int column);
