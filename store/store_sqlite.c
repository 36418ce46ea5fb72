// SPDX-License-Identifier: Apache-2.0
/* The only file that knows SQLite. */
#include "store/store_engine.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

enum {
    BUSY_TIMEOUT_MS = 5000,
    /* Frames after which the writer moves the journal into the database: 4 MB. */
    CHECKPOINT_FRAMES = 1000,
    LARGE_JOURNAL_FRAMES = 8000,
    CHECKPOINT_WAIT_MS = 200,
    COPY_PAGES = 4096,
};

/* Of every transaction, so prepared once. */
enum standing {
    BEGIN_READ,
    TOUCH,
    BEGIN_WRITE,
    COMMIT,
    ROLL_BACK,
    SET_MARK,
    KEEP_MARK,
    UNDO_MARK,
    STANDING_COUNT
};

static const char *const standing_texts[STANDING_COUNT] = {
    [BEGIN_READ] = "BEGIN",
    [TOUCH] = "SELECT 1 FROM sqlite_schema LIMIT 1",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLL_BACK] = "ROLLBACK",
    [SET_MARK] = "SAVEPOINT piece",
    [KEEP_MARK] = "RELEASE piece",
    [UNDO_MARK] = "ROLLBACK TO piece",
};

struct sqlite_engine {
    struct store_engine engine; /* first: the two are cast into each other */
    sqlite3 *database;
    sqlite3_stmt *standing[STANDING_COUNT]; /* *owned*, NULL until first used */
    int64_t page_bytes;
    int journal_frames; /* as of the last commit, told by the hook */
    int checkpoint_at;  /* frames at which the next one is due */
    int claim;          /* *owned*: the file whose lock says who serves; -1 = none */
};

static struct sqlite_engine *own(struct store_engine *engine)
{
    return (struct sqlite_engine *)engine;
}

/* struct store_compiled is sqlite3_stmt under our name; never dereferenced. */
static sqlite3_stmt *raw(struct store_compiled *compiled)
{
    return (sqlite3_stmt *)compiled;
}

struct fault_row {
    int code;
    enum err_kind kind;
    const char *reason;
};

static const struct fault_row fault_rows[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ERR_CONFLICT, "store_unique"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_CONFLICT, "store_unique"},
    {SQLITE_CONSTRAINT_ROWID, ERR_CONFLICT, "store_unique"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, ERR_CONFLICT, "store_reference"},
    {SQLITE_BUSY, ERR_BUSY, "store_busy"},
    {SQLITE_LOCKED, ERR_BUSY, "store_busy"},
    {SQLITE_NOMEM, ERR_BUSY, "memory_short"},
    {SQLITE_FULL, ERR_BUSY, "store_full"},
    {SQLITE_CORRUPT, ERR_SYSTEM, "store_corrupt"},
    {SQLITE_NOTADB, ERR_SYSTEM, "store_corrupt"},
};

static bool failed(sqlite3 *database, int code, struct err *err)
{
    enum err_kind kind = ERR_SYSTEM;
    const char *reason = "store_failed";
    for (size_t i = 0; i < sizeof fault_rows / sizeof fault_rows[0]; i++) {
        /* The extended code if the row has one, otherwise its low byte. */
        int mask = fault_rows[i].code > 0xFF ? INT_MAX : 0xFF;
        if ((code & mask) == fault_rows[i].code) {
            kind = fault_rows[i].kind;
            reason = fault_rows[i].reason;
            break;
        }
    }
    return err_set(err, kind, reason, "database error %d: %s", code,
                   database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
}

static bool run(struct store_engine *engine, const char *sql, struct err *err)
{
    int code = sqlite3_exec(own(engine)->database, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || failed(own(engine)->database, code, err);
}

static bool run_standing(struct store_engine *engine, enum standing which,
                         struct err *err)
{
    sqlite3 *database = own(engine)->database;
    sqlite3_stmt **statement = &own(engine)->standing[which];
    int code = SQLITE_OK;
    if (!*statement)
        code = sqlite3_prepare_v3(database, standing_texts[which], -1,
                                  SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(*statement);
    bool is_run =
        code == SQLITE_ROW || code == SQLITE_DONE || failed(database, code, err);
    sqlite3_reset(*statement);
    return is_run;
}

static int count_frames(void *self, sqlite3 *database, const char *name, int frames)
{
    struct store_engine *engine = self;
    (void)database;
    (void)name;
    own(engine)->journal_frames = frames;
    return SQLITE_OK;
}

/* ---- statements ---- */

static struct store_compiled *compile(struct store_engine *engine, const char *sql,
                                      struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(own(engine)->database, sql, -1,
                                  SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code == SQLITE_OK && statement)
        return (struct store_compiled *)statement;
    failed(own(engine)->database, code == SQLITE_OK ? SQLITE_MISUSE : code, err);
    return NULL;
}

static void discard(struct store_compiled *compiled)
{
    sqlite3_finalize(raw(compiled));
}

static bool bind_int(struct store_compiled *compiled, int index, int64_t value)
{
    return sqlite3_bind_int64(raw(compiled), index, value) == SQLITE_OK;
}

static bool bind_text(struct store_compiled *compiled, int index, struct text text,
                      bool is_copied)
{
    /* A NULL pointer would become the value NULL. */
    const char *at = text.at ? text.at : "";
    return sqlite3_bind_text64(raw(compiled), index, at, text.len,
                               is_copied ? SQLITE_TRANSIENT : SQLITE_STATIC,
                               SQLITE_UTF8) == SQLITE_OK;
}

static bool bind_bytes(struct store_compiled *compiled, int index, struct span bytes)
{
    if (bytes.len == 0)
        return sqlite3_bind_zeroblob(raw(compiled), index, 0) == SQLITE_OK;
    return sqlite3_bind_blob64(raw(compiled), index, bytes.at, bytes.len,
                               SQLITE_STATIC) == SQLITE_OK;
}

static bool bind_null(struct store_compiled *compiled, int index)
{
    return sqlite3_bind_null(raw(compiled), index) == SQLITE_OK;
}

static bool step(struct store_engine *engine, struct store_compiled *compiled,
                 bool *has_row, struct err *err)
{
    int code = sqlite3_step(raw(compiled));
    *has_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ||
           failed(own(engine)->database, code, err);
}

static void reset(struct store_compiled *compiled)
{
    sqlite3_reset(raw(compiled));
}

static void unbind(struct store_compiled *compiled)
{
    sqlite3_clear_bindings(raw(compiled));
}

static int64_t column_int(struct store_compiled *compiled, int column)
{
    return sqlite3_column_int64(raw(compiled), column);
}

static bool column_is_null(struct store_compiled *compiled, int column)
{
    return sqlite3_column_type(raw(compiled), column) == SQLITE_NULL;
}

static struct span column_text(struct store_compiled *compiled, int column)
{
    /* As it stands in the page: asked for as text it would be copied for a NUL behind it.
     * The order matters: the value first, then its length in that form. */
    const uint8_t *at = sqlite3_column_blob(raw(compiled), column);
    int len = sqlite3_column_bytes(raw(compiled), column);
    return at ? span_of(at, (size_t)len) : SPAN("");
}

static struct span column_bytes(struct store_compiled *compiled, int column)
{
    const uint8_t *at = sqlite3_column_blob(raw(compiled), column);
    int len = sqlite3_column_bytes(raw(compiled), column);
    return at ? span_of(at, (size_t)len) : SPAN("");
}

/* ---- the connection ---- */

/* The single value of a statement without parameters. */
static bool ask_int(struct store_engine *engine, const char *sql, int64_t *value,
                    struct err *err)
{
    struct store_compiled *compiled = compile(engine, sql, err);
    bool has_row = false;
    bool is_done = compiled && step(engine, compiled, &has_row, err);
    if (is_done && has_row)
        *value = column_int(compiled, 0);
    discard(compiled);
    return is_done;
}

/* A pragma that cannot be followed (WAL on a file system without shared memory, a build
 * without foreign keys) says nothing: it is only to be seen in what it then answers. */
static bool check_setting(struct store_engine *engine, const char *sql,
                          const char *expected, struct err *err)
{
    struct store_compiled *compiled = compile(engine, sql, err);
    bool has_row = false;
    bool is_done = compiled && step(engine, compiled, &has_row, err);
    bool is_set = is_done && has_row && span_is(column_text(compiled, 0), expected);
    discard(compiled);
    if (is_done && !is_set)
        return err_set(err, ERR_SYSTEM, "store_failed", "%s is not %s", sql, expected);
    return is_set;
}

static bool check_settings(struct store_engine *engine, struct err *err)
{
    return check_setting(engine, "PRAGMA journal_mode", "wal", err) &&
           check_setting(engine, "PRAGMA synchronous", "2", err) &&
           check_setting(engine, "PRAGMA foreign_keys", "1", err);
}

/* What is read again the system has in memory; readers are many, and a database that
 * grows fills whatever its writer is given. Only now that a page's size is known: SQLite
 * counts in pages, of 4 kB in a new database until then, and took twice as much. */
static bool bound_cache(struct store_engine *engine, bool for_writing, struct err *err)
{
    return run(engine,
               for_writing ? "PRAGMA cache_size = -4000" : "PRAGMA cache_size = -2000",
               err);
}

/* SQLite does not wait for another process that makes the same new database at the same
 * moment: whoever changes the journal's kind is told at once that it is locked. */
static bool begin_journal(struct store_engine *engine, struct err *err)
{
    static const struct timespec pause = {.tv_nsec = 10000000};
    for (int waited_ms = 0; waited_ms < BUSY_TIMEOUT_MS; waited_ms += 10) {
        if (run(engine, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;", err))
            return true;
        if (err->kind != ERR_BUSY || strcmp(err->code, "store_busy") != 0)
            return false;
        err_clear(err);
        nanosleep(&pause, NULL);
    }
    return err_set(err, ERR_BUSY, "store_busy", "somebody else makes the database");
}

static bool set_up(struct store_engine *engine, bool for_writing, struct err *err)
{
    sqlite3_busy_timeout(own(engine)->database, BUSY_TIMEOUT_MS);
    sqlite3_db_config(own(engine)->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!run(engine,
             "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
             "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
             "PRAGMA synchronous = FULL;",
             err))
        return false;
    if (!for_writing)
        return run(engine, "PRAGMA query_only = ON;", err) &&
               check_settings(engine, err) && bound_cache(engine, false, err);
    /* A calendar's sheet fits into one page of 8 kB, not of 4: a third fewer reads for an
     * opening. A database that is there keeps the pages it was made with. Checkpoints are
     * made by tidy, when nobody waits for the answer. */
    if (!begin_journal(engine, err) ||
        !run(engine,
             "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216;",
             err) ||
        !check_settings(engine, err))
        return false;
    own(engine)->checkpoint_at = CHECKPOINT_FRAMES;
    sqlite3_wal_hook(own(engine)->database, count_frames, engine);
    return ask_int(engine, "PRAGMA page_size", &own(engine)->page_bytes, err) &&
           bound_cache(engine, true, err);
}

/* SQLite would make the file readable by everybody; its journal follows the file. */
static bool make_private_file(const char *location, struct err *err)
{
    int fd = open(location, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "store_failed", "cannot open the database file");
    close(fd);
    return true;
}

static void close_database(struct store_engine *engine)
{
    if (!engine)
        return;
    for (int i = 0; i < STANDING_COUNT; i++)
        sqlite3_finalize(own(engine)->standing[i]);
    sqlite3_close_v2(own(engine)->database);
    path_close(&own(engine)->claim);
    memory_free(engine);
}

/* A file of its own, because SQLite's locks on the database come and go. It stays: to
 * remove it would let a third one in between. */
static bool claim(struct store_engine *engine, const char *location, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    int len = snprintf(path, sizeof path, "%s-serving", location);
    if (len < 0 || len > PATH_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    own(engine)->claim = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (own(engine)->claim < 0)
        return err_set(err, ERR_SYSTEM, "store_failed", "no file beside the database");
    return flock(own(engine)->claim, LOCK_EX | LOCK_NB) == 0 ||
           err_set(err, ERR_BUSY, "store_taken",
                   "another process serves from this file: several need PostgreSQL");
}

/* SQLite counts the memory of all connections under one lock, which each of them would
 * take several hundred times for one calendar. It is told before it is first used; later
 * it refuses, which is as good: it was told before. */
static void count_no_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct store_engine *open_database(const char *location, bool for_writing,
                                          struct err *err)
{
    if (for_writing) /* which comes first */
        count_no_memory();
    if (for_writing && !make_private_file(location, err))
        return NULL;
    struct sqlite_engine *made = memory_new(1, sizeof *made, err);
    if (!made)
        return NULL;
    struct store_engine *engine = &made->engine;
    engine->kind = &store_sqlite;
    made->claim = -1;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(location, &own(engine)->database, flags, NULL);
    if (code == SQLITE_OK ? set_up(engine, for_writing, err)
                          : failed(own(engine)->database, code, err))
        return engine;
    close_database(engine);
    return NULL;
}

/* The first row of each table: the way from its root page to a leaf. */
static bool touch_table(struct store_engine *engine, const unsigned char *name,
                        struct err *err)
{
    char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\" LIMIT 1", name);
    if (!sql)
        return err_set(err, ERR_BUSY, "memory_short", "no memory");
    bool has_row = false;
    struct store_compiled *compiled = compile(engine, sql, err);
    bool is_read = compiled && step(engine, compiled, &has_row, err);
    discard(compiled);
    sqlite3_free(sql);
    return is_read;
}

static bool check(struct store_engine *engine, struct err *err)
{
    struct store_compiled *tables =
        compile(engine, "SELECT name FROM sqlite_schema WHERE type = 'table'", err);
    bool has_row = false;
    bool is_good = tables && step(engine, tables, &has_row, err);
    while (is_good && has_row)
        is_good = touch_table(engine, sqlite3_column_text(raw(tables), 0), err) &&
                  step(engine, tables, &has_row, err);
    discard(tables);
    return is_good;
}

/* ---- the whole database, piece by piece ---- */

/* A reader keeps the journal from beginning again, so the whole is not read under one
 * transaction but a table with its indexes at a time, and a table during which the
 * journal grows too much later once more. */
struct reading {
    struct store_engine *engine;
    const atomic_bool *is_ending;
    int64_t journal_end; /* bytes at which the piece is broken off */
    bool is_broken_off;
    uint32_t waited_for; /* the journal that was waited for last */
};

static const char *journal_path(struct store_engine *engine)
{
    return sqlite3_filename_wal(sqlite3_db_filename(own(engine)->database, "main"));
}

static int64_t journal_bytes(struct store_engine *engine)
{
    struct stat status;
    return stat(journal_path(engine), &status) == 0 ? (int64_t)status.st_size : 0;
}

/* Another one each time the journal begins again from its start: its header's checkpoint
 * sequence number (SQLite's file format, 4.1). */
static uint32_t journal_number(struct store_engine *engine)
{
    enum { AT = 12 };
    uint8_t bytes[4] = {0};
    CLEANUP(path_close) int fd = open(journal_path(engine), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, bytes, sizeof bytes, AT) != (ssize_t)sizeof bytes)
        return 0;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           bytes[3];
}

static int look_whether_to_go_on(void *context)
{
    struct reading *reading = context;
    if (atomic_load(reading->is_ending))
        return 1;
    reading->is_broken_off = journal_bytes(reading->engine) >= reading->journal_end;
    return reading->is_broken_off;
}

/* The writer begins it again when it has something to write; when nobody writes it does
 * not grow either, and is not waited for twice. */
static void wait_for_new_journal(struct reading *reading)
{
    enum { LOOK_MS = 20, WAIT_MS = 5000 };
    uint32_t number = journal_number(reading->engine);
    int64_t until_us = clock_monotonic_us() + WAIT_MS * 1000;
    if (number == reading->waited_for)
        return;
    reading->waited_for = number;
    while (!atomic_load(reading->is_ending) && clock_monotonic_us() < until_us &&
           journal_number(reading->engine) == number)
        sqlite3_sleep(LOOK_MS);
}

static bool read_piece(struct store_engine *engine, const char *table, struct err *err)
{
    char *sql = sqlite3_mprintf("PRAGMA quick_check(%Q)", table);
    if (!sql)
        return err_set(err, ERR_BUSY, "memory_short", "no memory");
    struct store_compiled *compiled = compile(engine, sql, err);
    bool has_row = false;
    bool is_done = compiled && step(engine, compiled, &has_row, err);
    bool is_whole = is_done && has_row && span_is(column_text(compiled, 0), "ok");
    discard(compiled);
    sqlite3_free(sql);
    if (is_done && !is_whole)
        return err_set(err, ERR_SYSTEM, "store_corrupt",
                       "the database file is damaged: table %s", table);
    return is_whole;
}

/* Twice as much may come each time, so that it ends however much is written. */
static bool read_table(struct reading *reading, const char *table, int64_t growth_bytes,
                       struct err *err)
{
    for (int64_t growth = growth_bytes;; growth *= 2) {
        reading->is_broken_off = false;
        reading->journal_end = journal_bytes(reading->engine) + growth;
        bool is_read = read_piece(reading->engine, table, err);
        if (!is_read && !reading->is_broken_off)
            return false;
        if (!is_read || journal_bytes(reading->engine) >= growth_bytes)
            wait_for_new_journal(reading);
        if (is_read)
            return true;
        err_clear(err);
    }
}

enum { TABLE_NAME_BYTES = 128 };

static bool find_next_table(struct store_engine *engine, char name[TABLE_NAME_BYTES],
                            bool *is_found, struct err *err)
{
    struct store_compiled *compiled =
        compile(engine,
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name > ?1 "
                "ORDER BY name LIMIT 1",
                err);
    bool is_good = compiled && bind_text(compiled, 1, text_cstr(name), true) &&
                   step(engine, compiled, is_found, err);
    if (is_good && *is_found) {
        struct span found = column_text(compiled, 0);
        int len = snprintf(name, TABLE_NAME_BYTES, "%.*s", (int)found.len, found.at);
        is_good = len < TABLE_NAME_BYTES ||
                  err_set(err, ERR_SYSTEM, "store_failed", "a table's name is long");
    }
    discard(compiled);
    return is_good;
}

static bool read_through(struct store_engine *engine, const atomic_bool *is_ending,
                         int64_t growth_bytes, struct err *err)
{
    enum { PAGES_BETWEEN_LOOKS = 1000 };
    struct reading reading = {.engine = engine, .is_ending = is_ending};
    char name[TABLE_NAME_BYTES] = "";
    bool has_table = true;
    sqlite3_progress_handler(own(engine)->database, PAGES_BETWEEN_LOOKS,
                             look_whether_to_go_on, &reading);
    /* with the schema goes the list of free pages */
    bool is_good = read_table(&reading, "sqlite_schema", growth_bytes, err);
    while (is_good && has_table) {
        reading.journal_end = INT64_MAX;
        is_good = find_next_table(engine, name, &has_table, err) &&
                  (!has_table || read_table(&reading, name, growth_bytes, err));
    }
    sqlite3_progress_handler(own(engine)->database, 0, NULL, NULL);
    return is_good;
}

static void interrupt(struct store_engine *engine)
{
    sqlite3_interrupt(own(engine)->database);
}

static bool script(struct store_engine *engine, const char *sql, struct err *err)
{
    return run(engine, sql, err);
}

static bool has_transaction(struct store_engine *engine)
{
    return sqlite3_get_autocommit(own(engine)->database) == 0;
}

static void roll_back(struct store_engine *engine)
{
    /* Whatever it says, without a transaction nothing is left to undo. */
    struct err ignored = {0};
    if (has_transaction(engine))
        (void)!run_standing(engine, ROLL_BACK, &ignored);
}

static bool begin_read(struct store_engine *engine, struct err *err)
{
    /* BEGIN alone would take the snapshot at the first statement only. */
    if (run_standing(engine, BEGIN_READ, err) && run_standing(engine, TOUCH, err))
        return true;
    roll_back(engine);
    return false;
}

/* All steps read the one snapshot that was begun before, so they need not start again
 * when somebody writes in between. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return sqlite3_errcode(to);
    int code = SQLITE_OK;
    while (code == SQLITE_OK)
        code = sqlite3_backup_step(backup, COPY_PAGES);
    int finished = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? finished : code;
}

static bool copy(struct store_engine *engine, const char *file, struct err *err)
{
    sqlite3 *to = NULL;
    CLEANUP(path_close)
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "store_failed", "cannot make the copy's file");
    if (!begin_read(engine, err))
        return false;
    int code =
        sqlite3_open_v2(file, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = copy_pages(own(engine)->database, to);
    bool is_copied = code == SQLITE_OK || failed(to, code, err);
    sqlite3_close_v2(to);
    roll_back(engine);
    if (is_copied && fsync(fd) != 0)
        return err_set(err, ERR_SYSTEM, "store_failed", "the copy does not get to disk");
    return is_copied;
}

static bool begin_write(struct store_engine *engine, struct err *err)
{
    return run_standing(engine, BEGIN_WRITE, err);
}

static bool commit(struct store_engine *engine, struct err *err)
{
    return run_standing(engine, COMMIT, err);
}

static bool set_mark(struct store_engine *engine, struct err *err)
{
    return run_standing(engine, SET_MARK, err);
}

static bool keep_mark(struct store_engine *engine, struct err *err)
{
    return run_standing(engine, KEEP_MARK, err);
}

static bool undo_mark(struct store_engine *engine, struct err *err)
{
    return run_standing(engine, UNDO_MARK, err) && run_standing(engine, KEEP_MARK, err);
}

/* Readers of an older state hold a checkpoint up. When the journal has become large the
 * writer waits for them a little, so that the journal can begin again from its start. */
static void checkpoint(struct store_engine *engine)
{
    bool is_large = own(engine)->journal_frames >= LARGE_JOURNAL_FRAMES;
    sqlite3_busy_timeout(own(engine)->database, CHECKPOINT_WAIT_MS);
    sqlite3_wal_checkpoint_v2(
        own(engine)->database, NULL,
        is_large ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite3_busy_timeout(own(engine)->database, BUSY_TIMEOUT_MS);
    own(engine)->checkpoint_at = own(engine)->journal_frames + CHECKPOINT_FRAMES;
}

static int64_t tidy(struct store_engine *engine)
{
    if (own(engine)->journal_frames < own(engine)->checkpoint_at - CHECKPOINT_FRAMES)
        own(engine)->checkpoint_at = CHECKPOINT_FRAMES; /* it has begun again */
    if (own(engine)->journal_frames >= own(engine)->checkpoint_at)
        checkpoint(engine);
    return own(engine)->journal_frames * own(engine)->page_bytes;
}

static int64_t changes(struct store_engine *engine)
{
    return sqlite3_changes64(own(engine)->database);
}

const struct store_engine_kind store_sqlite = {
    .line_mark = "--sqlite ",
    .open = open_database,
    .close = close_database,
    .claim = claim,
    .check = check,
    .read_through = read_through,
    .interrupt = interrupt,
    .copy = copy,
    .script = script,
    .begin_read = begin_read,
    .begin_write = begin_write,
    .commit = commit,
    .roll_back = roll_back,
    .has_transaction = has_transaction,
    .set_mark = set_mark,
    .keep_mark = keep_mark,
    .undo_mark = undo_mark,
    .tidy = tidy,
    .changes = changes,
    .compile = compile,
    .discard = discard,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .bind_bytes = bind_bytes,
    .bind_null = bind_null,
    .step = step,
    .reset = reset,
    .unbind = unbind,
    .column_int = column_int,
    .column_is_null = column_is_null,
    .column_text = column_text,
    .column_bytes = column_bytes,
};
