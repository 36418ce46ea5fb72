// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/process/process_parts.h"
#include "store/store.h"

#define COLUMNS "node, place, run, beat, ended_at, head_number, head_hash"

bool process_may_have_others(const struct store *store)
{
    return store_is_shared(store);
}

static bool copy_view(struct text text, char *out, size_t size, struct err *err)
{
    if (text.len >= size)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a row of process is too long");
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

static bool take_row(struct store_statement *statement, struct process_row *row,
                     struct err *err)
{
    *row = (struct process_row){.beat = store_column_int(statement, 3),
                                .has_ended = store_column_int(statement, 4) != 0};
    row->head.number = (uint64_t)store_column_int(statement, 5);
    return copy_view(store_column_view(statement, 0), row->node, sizeof row->node, err) &&
           copy_view(store_column_view(statement, 1), row->place, sizeof row->place,
                     err) &&
           store_column_id(statement, 2, &row->run, err) &&
           (hash_from_hex(text_span(store_column_view(statement, 6)),
                          row->head.hash.bytes, HASH_BYTES) ||
            err_set(err, ERR_SYSTEM, "store_corrupt", "a head of process is no hash"));
}

bool process_read_row(struct store *store, const char *node, struct process_row *row,
                      bool *is_there, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT " COLUMNS " FROM process WHERE node = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(node));
    return store_step(statement, is_there, err) &&
           (!*is_there || take_row(statement, row, err));
}

bool process_read_others(struct store *store, const char *node,
                         struct process_row rows[PROCESS_OTHERS_MAX], size_t *count,
                         struct err *err)
{
    bool has_row = true;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT " COLUMNS " FROM process WHERE node <> ?1 ORDER BY node", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(node));
    while (*count < PROCESS_OTHERS_MAX && store_step(statement, &has_row, err) && has_row)
        if (!take_row(statement, &rows[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

/* ---- writing ---- */

static bool upsert(struct store_session *session, void *context, struct err *err)
{
    const struct process *process = context;
    char place[HASH_HEX_BYTES], head[HASH_HEX_BYTES];
    struct audit_position position = audit_head(process->config.audit);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO process (node, place, run, beat, started_at, ended_at, head_number, "
        "head_hash) VALUES (?1, ?2, ?3, 1, ?4, 0, ?5, ?6) ON CONFLICT (node) DO UPDATE "
        "SET place = excluded.place, run = excluded.run, beat = process.beat + 1, "
        "started_at = excluded.started_at, ended_at = 0, "
        "head_number = excluded.head_number, head_hash = excluded.head_hash",
        err);
    if (!statement)
        return false;
    hash_to_hex(span_of(process->config.place.bytes, HASH_BYTES), place);
    hash_to_hex(span_of(position.hash.bytes, HASH_BYTES), head);
    store_bind_text(statement, 1, text_cstr(process->config.node));
    store_bind_text(statement, 2, text_cstr(place));
    store_bind_id(statement, 3, process->run);
    store_bind_int(statement, 4, clock_wall_ms(&process->config.clock));
    store_bind_int(statement, 5, (int64_t)position.number);
    store_bind_text(statement, 6, text_cstr(head));
    return store_run(statement, err);
}

bool process_write_row(const struct process *process, struct err *err)
{
    return store_write(process->config.store, STORE_LIVE, upsert,
                       (void *)(uintptr_t)process, err);
}

struct beating {
    const struct process *process;
    int64_t ended_at;
    bool has_row;
};

static bool beat(struct store_session *session, void *context, struct err *err)
{
    struct beating *beating = context;
    const struct process_config *config = &beating->process->config;
    char head[HASH_HEX_BYTES];
    struct audit_position position = audit_head(config->audit);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "UPDATE process SET beat = beat + 1, ended_at = ?3, head_number = ?4, "
        "head_hash = ?5 WHERE node = ?1 AND run = ?2",
        err);
    if (!statement)
        return false;
    hash_to_hex(span_of(position.hash.bytes, HASH_BYTES), head);
    store_bind_text(statement, 1, text_cstr(config->node));
    store_bind_id(statement, 2, beating->process->run);
    store_bind_int(statement, 3, beating->ended_at);
    store_bind_int(statement, 4, (int64_t)position.number);
    store_bind_text(statement, 5, text_cstr(head));
    if (!store_run(statement, err))
        return false;
    beating->has_row = store_changes(session) == 1;
    return true;
}

bool process_beat(const struct process *process, bool *has_row, struct err *err)
{
    struct beating beating = {.process = process};
    bool is_done = store_write(process->config.store, STORE_LIVE, beat, &beating, err);
    *has_row = beating.has_row;
    return is_done;
}

bool process_end_row(const struct process *process, struct err *err)
{
    struct beating beating = {.process = process,
                              .ended_at = clock_wall_ms(&process->config.clock)};
    return store_write(process->config.store, STORE_LIVE, beat, &beating, err);
}

/* ---- keys ---- */

struct marking {
    const char *name;
    char mark[HASH_HEX_BYTES];
    bool is_same;
};

static bool read_mark(struct store_session *session, struct marking *marking,
                      bool *is_there, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT mark FROM process_key WHERE name = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(marking->name));
    if (!store_step(statement, is_there, err))
        return false;
    marking->is_same =
        *is_there && text_is(store_column_view(statement, 0), marking->mark);
    return true;
}

static bool leave_mark(struct store_session *session, void *context, struct err *err)
{
    struct marking *marking = context;
    bool is_there = false;
    if (!read_mark(session, marking, &is_there, err))
        return false;
    if (is_there)
        return true;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "INSERT INTO process_key (name, mark) VALUES (?1, ?2)", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(marking->name));
    store_bind_text(statement, 2, text_cstr(marking->mark));
    marking->is_same = true;
    return store_run(statement, err);
}

static bool find_mark(struct store *store, struct marking *marking, bool *is_there,
                      struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    return session && read_mark(session, marking, is_there, err);
}

bool process_check_key(struct store *store, const char *name, struct span key,
                       struct err *err)
{
    struct marking marking = {.name = name};
    struct hash mark = hash_hmac(key, span_cstr(name));
    bool is_there = false;
    hash_to_hex(span_of(mark.bytes, HASH_BYTES), marking.mark);
    if (!find_mark(store, &marking, &is_there, err) ||
        (!is_there && !store_write(store, STORE_LIVE, leave_mark, &marking, err)))
        return false;
    return marking.is_same ||
           err_set(err, ERR_CONFLICT, "keys_differ",
                   "the key %s is not the one that this database knows", name);
}
