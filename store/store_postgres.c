// SPDX-License-Identifier: Apache-2.0
/* With store_postgres_line.c and store_postgres_place.c all that knows PostgreSQL (15,
 * protocol 3.0, through libpq).
 *
 * A writing transaction begins with an advisory lock, so that one connection of all
 * server processes writes at a time: what SQLite's write lock is for one file. Statements
 * are translated once from ?1 to $1 and prepared when they are first run, because only
 * then the types of their parameters are known. A result is taken whole: lists above this
 * folder are read in pages. What is asked ahead, and the BEGIN of a late reader, leave in
 * one pipeline, so that the server is waited for once; a reader's ROLLBACK is not waited
 * for at all. What the server says about a fault stays with it but for the
 * SQLSTATE and the names of constraint, table and column: its sentences quote values. */
#include "store/store_engine.h"

#include <endian.h>
#include <string.h>

#include "base/memory.h"
#include "store/store_postgres_line.h"
#include "store/store_postgres_place.h"

enum {
    OID_INT8 = 20, /* pg_type.dat: these do not change */
    OID_TEXT = 25,
    OID_BYTEA = 17,
    OID_OPEN = 0, /* the server infers it */
    OID_BOOL = 16,
    OID_INT2 = 21,
    OID_INT4 = 23,
    PARAMETERS_MAX = 32,
    ASKED_MAX = 32, /* little beside what a socket holds: nobody waits for the other */
    SCRATCH_BYTES = 48,
    NAME_BYTES = 24,
    VERSION_MIN = 150000,
    ANSWER_MS = 40000, /* longer than the server works on a statement, see settings */
    TURN_MS = 10000,   /* what asks no table: longer than it waits for a lock */
    SCRIPT_MS = 24 * 3600 * 1000,
};

struct postgres_engine {
    struct store_engine engine; /* first: the two are cast into each other */
    PGconn *connection;         /* *owned* */
    uint64_t generation;        /* rises with every new connection */
    uint64_t name_count;        /* of prepared statements */
    int64_t changes;
    bool is_reading;    /* what runs is a reader's transaction */
    bool is_begin_due;  /* it begins with its first question */
    bool is_once;       /* or each go of questions is one of its own */
    bool is_answer_due; /* of its ROLLBACK */
    struct err fault;   /* the first of the pipeline that was run last */
    size_t asked_count;
    struct store_compiled *asked[ASKED_MAX]; /* borrowed: to leave together */
};

struct parameter {
    Oid type;
    const char *at; /* NULL = the value NULL */
    int len;
    char scratch[SCRATCH_BYTES];
};

struct store_compiled {
    struct postgres_engine *engine; /* borrowed */
    char *sql;                      /* *owned*, with $1 */
    char name[NAME_BYTES];
    uint64_t generation; /* of the connection that knows the name; 0 = none does */
    int count;
    struct parameter parameters[PARAMETERS_MAX];
    Oid prepared_types[PARAMETERS_MAX];
    PGresult *result;     /* *owned*; NULL = not run */
    bool is_seen;         /* whether it failed was looked at */
    bool is_binary;       /* its answers: see prefers_binary */
    int row;              /* the one stepped to */
    unsigned char *bytes; /* *owned*: the column asked for last */
};

static struct postgres_engine *own(struct store_engine *engine)
{
    return (struct postgres_engine *)engine;
}

static bool failed(struct postgres_engine *engine, const PGresult *result,
                   struct err *err)
{
    return store_postgres_failed(engine->connection, result, err);
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Takes the answer that nobody waited for; it came while others worked. */
static void settle(struct postgres_engine *engine)
{
    if (!engine->is_answer_due)
        return;
    engine->is_answer_due = false;
    PQclear(store_postgres_last_answer(engine->connection, TURN_MS));
}

static bool run(struct store_engine *engine, const char *sql, struct err *err)
{
    struct postgres_engine *self = own(engine);
    settle(self);
    engine->waits++;
    PGresult *result = store_postgres_run(self->connection, sql, TURN_MS);
    bool is_done = is_good(result) || failed(self, result, err);
    PQclear(result);
    return is_done;
}

/* ---- statements ---- */

/* ?1 becomes $1. The literals of this program have no quoted question marks. Returns the
 * largest number of a parameter. */
static int translate(char *sql)
{
    int largest = 0;
    for (; *sql; sql++) {
        if (*sql != '?')
            continue;
        *sql = '$';
        int number = 0;
        for (const char *at = sql + 1; *at >= '0' && *at <= '9' && number < 1000; at++)
            number = number * 10 + (*at - '0');
        largest = number > largest ? number : largest;
    }
    return largest;
}

static struct store_compiled *compile(struct store_engine *engine, const char *sql,
                                      struct err *err)
{
    struct store_compiled *compiled = memory_new(1, sizeof *compiled, err);
    if (!compiled)
        return NULL;
    compiled->engine = own(engine);
    compiled->sql = memory_string(sql, err);
    if (compiled->sql)
        compiled->count = translate(compiled->sql);
    if (compiled->sql && compiled->count <= PARAMETERS_MAX)
        return compiled;
    if (compiled->sql)
        err_set(err, ERR_SYSTEM, "store_failed", "too many parameters");
    memory_free(compiled->sql);
    memory_free(compiled);
    return NULL;
}

static void forget_bytes(struct store_compiled *compiled)
{
    PQfreemem(compiled->bytes);
    compiled->bytes = NULL;
}

/* It need not be asked any more. */
static void forget_asked(struct store_compiled *compiled)
{
    struct postgres_engine *engine = compiled->engine;
    size_t kept = 0;
    for (size_t i = 0; i < engine->asked_count; i++)
        if (engine->asked[i] != compiled)
            engine->asked[kept++] = engine->asked[i];
    engine->asked_count = kept;
}

static void forget_result(struct store_compiled *compiled)
{
    forget_bytes(compiled);
    PQclear(compiled->result);
    compiled->result = NULL;
    compiled->is_seen = false;
}

static void reset(struct store_compiled *compiled)
{
    forget_asked(compiled);
    forget_result(compiled);
}

/* Best effort: in a failed transaction the server keeps the name, which is never used
 * again. */
static void deallocate(struct store_compiled *compiled)
{
    struct postgres_engine *engine = compiled->engine;
    char sql[NAME_BYTES + 16];
    if (compiled->generation == engine->generation) {
        settle(engine);
        snprintf(sql, sizeof sql, "DEALLOCATE %s", compiled->name);
        PQclear(store_postgres_run(engine->connection, sql, TURN_MS));
    }
    compiled->generation = 0;
}

static void discard(struct store_compiled *compiled)
{
    if (!compiled)
        return;
    reset(compiled);
    deallocate(compiled);
    memory_free(compiled->sql);
    memory_free(compiled);
}

static struct parameter *parameter_at(struct store_compiled *compiled, int index)
{
    bool exists = index >= 1 && index <= compiled->count;
    return exists ? &compiled->parameters[index - 1] : NULL;
}

static bool bind_int(struct store_compiled *compiled, int index, int64_t value)
{
    struct parameter *parameter = parameter_at(compiled, index);
    if (!parameter)
        return false;
    uint64_t wire = htobe64((uint64_t)value);
    memcpy(parameter->scratch, &wire, sizeof wire);
    parameter->type = OID_INT8;
    parameter->at = parameter->scratch;
    parameter->len = (int)sizeof wire;
    return true;
}

static bool bind_view(struct store_compiled *compiled, int index, Oid type,
                      struct span bytes)
{
    struct parameter *parameter = parameter_at(compiled, index);
    if (!parameter || bytes.len > INT32_MAX)
        return false;
    parameter->type = type;
    parameter->at = bytes.at ? (const char *)bytes.at : "";
    parameter->len = (int)bytes.len;
    return true;
}

static bool bind_text(struct store_compiled *compiled, int index, struct text text,
                      bool is_copied)
{
    if (!bind_view(compiled, index, OID_TEXT, text_span(text)))
        return false;
    if (!is_copied)
        return true;
    struct parameter *parameter = &compiled->parameters[index - 1];
    if (text.len > SCRATCH_BYTES)
        return false;
    memcpy(parameter->scratch, text.at, text.len);
    parameter->at = parameter->scratch;
    return true;
}

static bool bind_bytes(struct store_compiled *compiled, int index, struct span bytes)
{
    return bind_view(compiled, index, OID_BYTEA, bytes);
}

static bool bind_null(struct store_compiled *compiled, int index)
{
    struct parameter *parameter = parameter_at(compiled, index);
    if (parameter)
        *parameter = (struct parameter){.type = OID_OPEN};
    return parameter != NULL;
}

static void unbind(struct store_compiled *compiled)
{
    for (int i = 0; i < compiled->count; i++)
        compiled->parameters[i] = (struct parameter){.type = OID_OPEN};
}

/* A NULL fits every type; a value has to have the one that was prepared. */
static bool is_prepared(const struct store_compiled *compiled)
{
    if (compiled->generation != compiled->engine->generation)
        return false;
    for (int i = 0; i < compiled->count; i++)
        if (compiled->parameters[i].at &&
            compiled->parameters[i].type != compiled->prepared_types[i])
            return false;
    return true;
}

static bool prepare(struct store_compiled *compiled, struct err *err)
{
    struct postgres_engine *engine = compiled->engine;
    deallocate(compiled);
    for (int i = 0; i < compiled->count; i++)
        compiled->prepared_types[i] = compiled->parameters[i].type;
    snprintf(compiled->name, sizeof compiled->name, "s%llu",
             (unsigned long long)++engine->name_count);
    engine->engine.waits++;
    PGresult *result = NULL;
    if (PQsendPrepare(engine->connection, compiled->name, compiled->sql, compiled->count,
                      compiled->prepared_types) == 1)
        result = store_postgres_last_answer(engine->connection, TURN_MS);
    bool is_done = is_good(result) || failed(engine, result, err);
    PQclear(result);
    if (is_done)
        compiled->generation = engine->generation;
    return is_done;
}

/* Bytes come as they are and not as digits, when all columns are of kinds that are read
 * here; known from the first answer, which comes as text. */
static bool prefers_binary(const PGresult *result)
{
    bool has_bytes = false;
    for (int i = 0; i < PQnfields(result); i++) {
        Oid type = PQftype(result, i);
        has_bytes = has_bytes || type == OID_BYTEA;
        if (type != OID_BYTEA && type != OID_TEXT && type != OID_INT8 &&
            type != OID_INT4 && type != OID_INT2 && type != OID_BOOL)
            return false;
    }
    return has_bytes;
}

static bool send(struct store_compiled *compiled)
{
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
    for (int i = 0; i < compiled->count; i++) {
        values[i] = compiled->parameters[i].at;
        lengths[i] = compiled->parameters[i].len;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(compiled->engine->connection, compiled->name,
                               compiled->count, values, lengths, formats,
                               compiled->is_binary) == 1;
}

static bool connect_again(struct postgres_engine *engine, struct err *err);

static const char begin_reading[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

static bool send_all(struct postgres_engine *engine)
{
    PGconn *connection = engine->connection;
    if (PQenterPipelineMode(connection) != 1 ||
        (engine->is_begin_due &&
         PQsendQueryParams(connection, begin_reading, 0, NULL, NULL, NULL, NULL, 0) != 1))
        return false;
    for (size_t i = 0; i < engine->asked_count; i++)
        if (!send(engine->asked[i]))
            return false;
    return PQpipelineSync(connection) == 1;
}

/* One statement's answer, and the end of it. */
static PGresult *take_result(PGconn *connection)
{
    PGresult *result = store_postgres_answer(connection, ANSWER_MS);
    PGresult *next;
    while (result && (next = store_postgres_answer(connection, ANSWER_MS)))
        PQclear(next);
    return result;
}

/* What comes behind a fault was not run: it has the same fault. */
static void note_fault(struct postgres_engine *engine, const PGresult *result)
{
    if (engine->fault.kind == ERR_NONE && !is_good(result))
        failed(engine, result, &engine->fault);
}

static bool take_all(struct postgres_engine *engine)
{
    PGconn *connection = engine->connection;
    PGresult *result;
    if (engine->is_begin_due) {
        result = take_result(connection);
        note_fault(engine, result);
        PQclear(result);
    }
    for (size_t i = 0; i < engine->asked_count; i++) {
        engine->asked[i]->result = take_result(connection);
        note_fault(engine, engine->asked[i]->result);
    }
    result = store_postgres_answer(connection, ANSWER_MS);
    bool is_whole = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_whole && PQexitPipelineMode(connection) == 1;
}

static bool prepare_all(struct postgres_engine *engine, struct err *err)
{
    for (size_t i = 0; i < engine->asked_count; i++)
        if (!is_prepared(engine->asked[i]) && !prepare(engine->asked[i], err))
            return false;
    return true;
}

/* All that is asked, in one go. False when the connection is lost, or nothing could be
 * prepared. */
static bool run_asked(struct postgres_engine *engine, struct err *err)
{
    engine->fault = (struct err){0};
    settle(engine);
    if (!prepare_all(engine, err))
        return false;
    engine->engine.waits++;
    if (send_all(engine) && take_all(engine))
        return true;
    return failed(engine, NULL, err);
}

/* Where nothing was answered yet it may be asked again, on a new connection. */
static bool answer_asked(struct postgres_engine *engine, struct err *err)
{
    bool is_first = engine->is_begin_due || engine->is_once;
    bool is_run = run_asked(engine, err);
    if (!is_run && is_first && PQstatus(engine->connection) != CONNECTION_OK) {
        for (size_t i = 0; i < engine->asked_count; i++)
            forget_result(engine->asked[i]);
        err_clear(err);
        is_run = connect_again(engine, err) && run_asked(engine, err);
    }
    engine->is_begin_due = engine->is_begin_due && !is_run;
    engine->asked_count = 0;
    return is_run;
}

/* Its fault shows when it is stepped. */
static void ask(struct store_compiled *compiled)
{
    struct postgres_engine *engine = compiled->engine;
    if (compiled->result)
        return;
    forget_asked(compiled);
    if (engine->asked_count < ASKED_MAX)
        engine->asked[engine->asked_count++] = compiled;
}

static bool ask_now(struct store_compiled *compiled, struct err *err)
{
    struct postgres_engine *engine = compiled->engine;
    bool is_asked = false;
    for (size_t i = 0; i < engine->asked_count; i++)
        is_asked = is_asked || engine->asked[i] == compiled;
    if (!is_asked && engine->asked_count == ASKED_MAX && !answer_asked(engine, err))
        return false;
    if (!is_asked)
        ask(compiled);
    return answer_asked(engine, err);
}

static bool see_result(struct store_compiled *compiled, struct err *err)
{
    struct postgres_engine *engine = compiled->engine;
    uint64_t count = 0;
    if (!is_good(compiled->result)) {
        if (PQresultStatus(compiled->result) == PGRES_PIPELINE_ABORTED)
            *err = engine->fault;
        else
            failed(engine, compiled->result, err);
        reset(compiled);
        return false;
    }
    compiled->row = -1;
    compiled->is_seen = true;
    if (!compiled->is_binary)
        compiled->is_binary = prefers_binary(compiled->result);
    struct span changed = span_cstr(PQcmdTuples(compiled->result));
    engine->changes = span_uint(changed, INT64_MAX, &count) ? (int64_t)count : 0;
    return true;
}

static bool step(struct store_engine *engine, struct store_compiled *compiled,
                 bool *has_row, struct err *err)
{
    (void)engine;
    forget_bytes(compiled);
    *has_row = false;
    if (!compiled->result && !ask_now(compiled, err)) {
        reset(compiled);
        return false;
    }
    if (!compiled->is_seen && !see_result(compiled, err))
        return false;
    compiled->row++;
    *has_row = compiled->row < PQntuples(compiled->result);
    return true;
}

static bool column_is_null(struct store_compiled *compiled, int column)
{
    return PQgetisnull(compiled->result, compiled->row, column) != 0;
}

static struct span column_text(struct store_compiled *compiled, int column)
{
    return span_of(PQgetvalue(compiled->result, compiled->row, column),
                   (size_t)PQgetlength(compiled->result, compiled->row, column));
}

/* Big-endian, as wide as the column's type. */
static int64_t wire_int(struct span wire)
{
    uint64_t value = 0;
    for (size_t i = 0; i < wire.len; i++)
        value = value << 8 | wire.at[i];
    if (wire.len == sizeof(int32_t))
        return (int32_t)value;
    return wire.len == sizeof(int16_t) ? (int16_t)value : (int64_t)value;
}

/* Integers of any width, sums (numeric), and truth (t, f). NULL is 0, as everywhere. */
static int64_t column_int(struct store_compiled *compiled, int column)
{
    struct span digits = column_text(compiled, column);
    bool is_negative = span_starts(digits, "-");
    uint64_t value = 0;
    if (PQfformat(compiled->result, column) == 1)
        return wire_int(digits);
    if (span_is(digits, "t"))
        return 1;
    if (is_negative)
        digits = span_part(digits, 1, digits.len);
    if (!span_uint(digits, (uint64_t)INT64_MAX + is_negative, &value))
        return 0;
    return is_negative ? (int64_t)(0 - value) : (int64_t)value;
}

static struct span column_bytes(struct store_compiled *compiled, int column)
{
    size_t len = 0;
    forget_bytes(compiled);
    if (column_is_null(compiled, column))
        return SPAN("");
    if (PQfformat(compiled->result, column) == 1)
        return column_text(compiled, column);
    const char *hex = PQgetvalue(compiled->result, compiled->row, column);
    compiled->bytes = PQunescapeBytea((const unsigned char *)hex, &len);
    return compiled->bytes ? span_of(compiled->bytes, len) : SPAN("");
}

static int64_t changes(struct store_engine *engine)
{
    return own(engine)->changes;
}

/* ---- the connection ---- */

/* What is off by the server's settings stays a fault (see check): only waiting has to end
 * by itself, and an answer to a commit means that it is on the disk. */
static const char settings[] =
    "SET lock_timeout = 5000; SET statement_timeout = 30000;"
    "SET idle_in_transaction_session_timeout = 15000; SET timezone = 'UTC';"
    "SET bytea_output = 'hex'; SET standard_conforming_strings = on;"
    "SET plan_cache_mode = force_generic_plan;" /* statements are written for one plan */
    "SET default_transaction_isolation = 'repeatable read';"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local');";

static bool set_up(struct postgres_engine *engine, struct err *err)
{
    engine->generation++;
    if (PQstatus(engine->connection) != CONNECTION_OK)
        return store_postgres_unconnected(engine->connection, err);
    return run(&engine->engine, settings, err);
}

static void close_database(struct store_engine *engine)
{
    if (!engine)
        return;
    PQfinish(own(engine)->connection);
    memory_free(engine);
}

static struct store_engine *open_database(const char *location, bool for_writing,
                                          struct err *err)
{
    struct postgres_engine *engine = memory_new(1, sizeof *engine, err);
    if (!engine)
        return NULL;
    engine->engine.kind = &store_postgres;
    engine->connection = store_postgres_connect(location, NULL);
    if (for_writing && PQstatus(engine->connection) != CONNECTION_OK) {
        store_postgres_make(location);
        PQreset(engine->connection);
    }
    if (set_up(engine, err))
        return &engine->engine;
    close_database(&engine->engine);
    return NULL;
}

/* Order by code points as on SQLite, UTF-8, and a disk that is waited for. */
static bool check(struct store_engine *engine, struct err *err)
{
    struct postgres_engine *self = own(engine);
    if (PQserverVersion(self->connection) < VERSION_MIN)
        return err_set(err, ERR_SYSTEM, "store_failed",
                       "PostgreSQL 15 or newer is needed");
    PGresult *result = store_postgres_run(
        self->connection,
        "SELECT 'B'::text < 'a' AND 'a-'::text < 'aa', encoding = 6,"
        " current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on'"
        " FROM pg_database WHERE datname = current_database()",
        TURN_MS);
    static const char *const wants[] = {"collation C", "encoding UTF8", "fsync on",
                                        "full_page_writes on"};
    bool is_done = is_good(result) || failed(self, result, err);
    for (int i = 0; is_done && i < PQnfields(result); i++)
        if (strcmp(PQgetvalue(result, 0, i), "t") != 0)
            is_done = err_set(err, ERR_SYSTEM, "store_failed", "the database needs %s",
                              wants[i]);
    PQclear(result);
    return is_done;
}

/* A migration of a large table takes its time; others are told meanwhile. */
static bool script(struct store_engine *engine, const char *sql, struct err *err)
{
    struct postgres_engine *self = own(engine);
    if (!run(engine, "SET LOCAL statement_timeout = 0", err))
        return false;
    PGresult *result = store_postgres_run(self->connection, sql, SCRIPT_MS);
    bool is_done = is_good(result) || failed(self, result, err);
    PQclear(result);
    return is_done;
}

static bool has_transaction(struct store_engine *engine)
{
    PGTransactionStatusType status = PQtransactionStatus(own(engine)->connection);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* What a reader leaves behind is nothing: whether the server has forgotten it is looked
 * at when the connection is used again. */
static void roll_back(struct store_engine *engine)
{
    struct postgres_engine *self = own(engine);
    self->is_begin_due = self->is_once = false;
    self->asked_count = 0;
    if (!has_transaction(engine))
        return;
    if (self->is_reading && PQsendQuery(self->connection, "ROLLBACK") == 1)
        self->is_answer_due = true;
    else
        PQclear(store_postgres_run(self->connection, "ROLLBACK", TURN_MS));
}

static bool connect_again(struct postgres_engine *engine, struct err *err)
{
    PQreset(engine->connection);
    return set_up(engine, err);
}

/* The server may have been restarted, or another one promoted, since the last use: a
 * transaction that has not begun can begin on a new connection. */
static bool begin(struct store_engine *engine, const char *sql, struct err *err)
{
    struct postgres_engine *self = own(engine);
    settle(self);
    if (PQstatus(self->connection) == CONNECTION_OK) {
        if (run(engine, sql, err))
            return true;
        roll_back(engine);
        settle(self);
        if (PQstatus(self->connection) == CONNECTION_OK)
            return false;
        err_clear(err);
    }
    if (connect_again(self, err) && run(engine, sql, err))
        return true;
    roll_back(engine);
    return false;
}

static bool begin_read(struct store_engine *engine, struct err *err)
{
    own(engine)->is_reading = true;
    /* The snapshot is taken by the first statement. */
    return begin(engine, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1",
                 err);
}

/* With the first question; a connection that was cut shows only then. */
static bool begin_read_late(struct store_engine *engine, bool is_once, struct err *err)
{
    struct postgres_engine *self = own(engine);
    settle(self);
    self->is_reading = true;
    if (PQstatus(self->connection) != CONNECTION_OK && !connect_again(self, err))
        return false;
    self->is_once = is_once; /* between two syncs the server has one transaction anyhow */
    self->is_begin_due = !is_once;
    return true;
}

static bool begin_write(struct store_engine *engine, struct err *err)
{
    own(engine)->is_reading = false;
    /* The number is ours: "tsumugi" has no other advisory lock. */
    return begin(engine,
                 "BEGIN ISOLATION LEVEL READ COMMITTED;"
                 "SELECT pg_advisory_xact_lock(7306916)",
                 err);
}

/* A transaction that failed answers COMMIT with a rollback and no error. A synchronous
 * standby that is away is waited for without end by the server, not here: as when the
 * line is cut, nobody knows then whether it is kept. */
static bool commit(struct store_engine *engine, struct err *err)
{
    PGconn *connection = own(engine)->connection;
    if (PQtransactionStatus(connection) == PQTRANS_INTRANS)
        return run(engine, "COMMIT", err);
    return err_set(err, ERR_BUSY, "store_busy", "the transaction was lost");
}

static bool set_mark(struct store_engine *engine, struct err *err)
{
    return run(engine, "SAVEPOINT piece", err);
}

static bool keep_mark(struct store_engine *engine, struct err *err)
{
    return run(engine, "RELEASE piece", err);
}

static bool undo_mark(struct store_engine *engine, struct err *err)
{
    return run(engine, "ROLLBACK TO piece; RELEASE piece", err);
}

static int64_t tidy(struct store_engine *engine)
{
    (void)engine; /* the server looks after its own journal */
    return 0;
}

const struct store_engine_kind store_postgres = {
    .line_mark = "--postgres ",
    .open = open_database,
    .close = close_database,
    .check = check,
    .script = script,
    .begin_read = begin_read,
    .begin_read_late = begin_read_late,
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
    .ask = ask,
    .step = step,
    .reset = reset,
    .unbind = unbind,
    .column_int = column_int,
    .column_is_null = column_is_null,
    .column_text = column_text,
    .column_bytes = column_bytes,
};
