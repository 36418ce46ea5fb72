// SPDX-License-Identifier: Apache-2.0
#include "store/store_parts.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { IDS_KEPT = 8 };

struct store_statement {
    struct store_session *session;
    struct store_compiled *compiled; /* *owned* */
    const char *sql;
    struct store_statement *next; /* in its bucket */
    bool is_open;
    bool is_cached;
    bool is_running;
    bool is_done;
    bool has_bad_bind;
    struct id_text ids[IDS_KEPT]; /* of the first parameters, as they were bound */
};

static const struct store_engine_kind *kind_of(const struct store_statement *statement)
{
    return statement->session->engine->kind;
}

/* FNV-1a over the text, so that equal literals of two files share one statement. */
static size_t bucket_of(const char *sql)
{
    uint32_t sum = 2166136261U;
    for (const char *at = sql; *at; at++)
        sum = (sum ^ (uint8_t)*at) * 16777619U;
    return sum % STORE_CACHE_BUCKETS;
}

static struct store_statement *find_idle(struct store_session *session, const char *sql)
{
    struct store_statement *statement = session->buckets[bucket_of(sql)];
    while (statement && (statement->is_open ||
                         (statement->sql != sql && strcmp(statement->sql, sql) != 0)))
        statement = statement->next;
    return statement;
}

static struct store_statement *compile(struct store_session *session, const char *sql,
                                       struct err *err)
{
    struct store_statement *statement = memory_new(1, sizeof *statement, err);
    if (!statement)
        return NULL;
    statement->compiled = session->engine->kind->compile(session->engine, sql, err);
    if (!statement->compiled) {
        memory_free(statement);
        return NULL;
    }
    statement->session = session;
    statement->sql = sql;
    if (session->cached_count < STORE_CACHE_STATEMENTS_MAX) {
        size_t bucket = bucket_of(sql);
        statement->next = session->buckets[bucket];
        session->buckets[bucket] = statement;
        statement->is_cached = true;
        session->cached_count++;
    }
    return statement;
}

struct store_statement *store_prepare(struct store_session *session, const char *sql,
                                      struct err *err)
{
    if (err->kind != ERR_NONE)
        return NULL;
    struct store_statement *statement = find_idle(session, sql);
    if (!statement)
        statement = compile(session, sql, err);
    if (!statement) {
        store_check_note(session->check, err);
        session->is_broken = true;
        return NULL;
    }
    statement->is_open = true;
    session->open_count++;
    return statement;
}

static void discard(struct store_statement *statement)
{
    kind_of(statement)->discard(statement->compiled);
    memory_free(statement);
}

void store_finish(struct store_statement **statement)
{
    struct store_statement *finished = *statement;
    *statement = NULL;
    if (!finished)
        return;
    assert(finished->is_open);
    finished->session->open_count--;
    finished->is_open = false;
    if (!finished->is_cached) {
        discard(finished);
        return;
    }
    store_reset(finished);
    kind_of(finished)->unbind(finished->compiled);
    finished->has_bad_bind = false;
}

void store_reset(struct store_statement *statement)
{
    kind_of(statement)->reset(statement->compiled);
    statement->is_running = false;
    statement->is_done = false;
}

/* ---- parameters ---- */

/* A parameter that does not exist is told at the next step. */
static void note_bind(struct store_statement *statement, bool is_bound)
{
    statement->has_bad_bind = statement->has_bad_bind || !is_bound;
}

void store_bind_int(struct store_statement *statement, int index, int64_t value)
{
    note_bind(statement, kind_of(statement)->bind_int(statement->compiled, index, value));
}

void store_bind_text(struct store_statement *statement, int index, struct text text)
{
    note_bind(statement,
              kind_of(statement)->bind_text(statement->compiled, index, text, false));
}

void store_bind_bytes(struct store_statement *statement, int index, struct span bytes)
{
    note_bind(statement,
              kind_of(statement)->bind_bytes(statement->compiled, index, bytes));
}

void store_bind_id(struct store_statement *statement, int index, struct id id)
{
    struct id_text hex = id_to_text(id);
    bool is_kept = index >= 1 && index <= IDS_KEPT;
    struct id_text *place = is_kept ? &statement->ids[index - 1] : &hex;
    *place = hex;
    note_bind(statement, kind_of(statement)->bind_text(statement->compiled, index,
                                                       id_view(place), !is_kept));
}

void store_bind_null(struct store_statement *statement, int index)
{
    note_bind(statement, kind_of(statement)->bind_null(statement->compiled, index));
}

/* ---- running ---- */

void store_ask(struct store_statement *statement)
{
    /* What has a bad bind is refused by its step. */
    if (kind_of(statement)->ask && !statement->is_running && !statement->has_bad_bind)
        kind_of(statement)->ask(statement->compiled);
}

bool store_step(struct store_statement *statement, bool *has_row, struct err *err)
{
    struct store_session *session = statement->session;
    *has_row = false;
    if (statement->is_done)
        return true; /* stepping on would start it again */
    if (statement->has_bad_bind) {
        session->is_broken = true;
        return err_set(err, ERR_SYSTEM, "store_failed", "a parameter does not exist");
    }
    session->statements += !statement->is_running;
    statement->is_running = true;
    if (!session->engine->kind->step(session->engine, statement->compiled, has_row,
                                     err)) {
        store_check_note(session->check, err);
        session->is_broken = true;
        return false;
    }
    statement->is_done = !*has_row;
    return true;
}

bool store_run(struct store_statement *statement, struct err *err)
{
    bool has_row = false;
    bool is_run = store_step(statement, &has_row, err);
    store_reset(statement);
    return is_run;
}

/* Where nobody is waited for, one after the other is as good. */
bool store_batch_open(struct store_session *session, const char *sql,
                      struct store_batch *batch, struct err *err)
{
    *batch = (struct store_batch){.count = 0};
    size_t size = session->engine->kind->ask ? STORE_BATCH_MAX : 1;
    while (batch->size < size) {
        batch->all[batch->size] = store_prepare(session, sql, err);
        if (!batch->all[batch->size])
            return false;
        batch->size++;
    }
    return true;
}

struct store_statement *store_batch_next(struct store_batch *batch, struct err *err)
{
    if (batch->count == batch->size && !store_batch_run(batch, err))
        return NULL;
    return batch->all[batch->count++];
}

bool store_batch_run(struct store_batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->count; i++)
        store_ask(batch->all[i]);
    for (size_t i = 0; i < batch->count; i++)
        if (!store_run(batch->all[i], err))
            return false;
    batch->count = 0;
    return true;
}

void store_batch_close(struct store_batch *batch)
{
    for (size_t i = 0; i < batch->size; i++)
        store_finish(&batch->all[i]);
    batch->size = batch->count = 0;
}

int64_t store_changes(struct store_session *session)
{
    return session->engine->kind->changes(session->engine);
}

/* ---- columns ---- */

int64_t store_column_int(struct store_statement *statement, int column)
{
    return kind_of(statement)->column_int(statement->compiled, column);
}

bool store_column_is_null(struct store_statement *statement, int column)
{
    return kind_of(statement)->column_is_null(statement->compiled, column);
}

bool store_column_text(struct store_statement *statement, int column, struct arena *arena,
                       struct text *text, struct err *err)
{
    struct span bytes = kind_of(statement)->column_text(statement->compiled, column);
    struct text view;
    if (!text_from_utf8(bytes, &view, err)) {
        err_clear(err);
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a text that is not UTF-8");
    }
    return text_copy(view, arena, text, err);
}

bool store_column_bytes(struct store_statement *statement, int column,
                        struct arena *arena, struct span *bytes, struct err *err)
{
    struct span view = kind_of(statement)->column_bytes(statement->compiled, column);
    return arena_copy(arena, view, bytes, err);
}

bool store_column_id(struct store_statement *statement, int column, struct id *id,
                     struct err *err)
{
    struct span hex = kind_of(statement)->column_text(statement->compiled, column);
    if (id_parse(hex, id, err))
        return true;
    err_clear(err);
    return err_set(err, ERR_SYSTEM, "store_corrupt", "an id that is none");
}

struct text store_column_view(struct store_statement *statement, int column)
{
    struct span bytes = kind_of(statement)->column_text(statement->compiled, column);
    return (struct text){(const char *)bytes.at, bytes.len};
}

struct span store_column_bytes_view(struct store_statement *statement, int column)
{
    return kind_of(statement)->column_bytes(statement->compiled, column);
}

/* ---- the connection and its statements ---- */

struct store_session *store_session_open(struct store *store, struct store_check *check,
                                         const char *location, bool for_writing,
                                         struct err *err)
{
    struct store_session *session = memory_new(1, sizeof *session, err);
    if (!session)
        return NULL;
    session->store = store;
    session->check = check;
    session->engine = store_engine_kind_of(location)->open(location, for_writing, err);
    if (session->engine)
        return session;
    memory_free(session);
    return NULL;
}

void store_session_close(struct store_session *session)
{
    if (!session)
        return;
    assert(session->open_count == 0);
    for (size_t i = 0; i < STORE_CACHE_BUCKETS; i++) {
        while (session->buckets[i]) {
            struct store_statement *statement = session->buckets[i];
            session->buckets[i] = statement->next;
            discard(statement);
        }
    }
    session->engine->kind->close(session->engine);
    memory_free(session);
}
