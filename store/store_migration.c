// SPDX-License-Identifier: Apache-2.0
#include "store/store_parts.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { SCRIPT_BYTES_MAX = 1 << 20 };

/* The lines meant for this kind of database. */
static void take_lines(const char *sql, const char *own_mark, struct buf *out)
{
    struct span rest = span_cstr(sql);
    struct span line;
    while (span_take(&rest, '\n', &line)) {
        if (span_starts(line, own_mark))
            line = span_part(line, strlen(own_mark), line.len);
        else if (span_starts(line, "--"))
            continue;
        buf_span(out, line);
        buf_byte(out, '\n');
    }
    buf_byte(out, '\0');
}

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL, applied BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS schema_compatible (number BIGINT NOT NULL PRIMARY KEY)";

/* The younger of the two; nobody who is writing is waited for. */
static bool has_tables(struct store_session *session)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT COUNT(*) FROM schema_compatible", &err);
    return statement && store_step(statement, &has_row, &err);
}

/* With the writer's turn, for two processes that start together. */
static bool make_tables(struct store_session *session, struct err *err)
{
    const struct store_engine_kind *kind = session->engine->kind;
    if (has_tables(session))
        return true;
    if (!kind->begin_write(session->engine, err))
        return false;
    if (kind->script(session->engine, tables, err) && kind->commit(session->engine, err))
        return true;
    kind->roll_back(session->engine);
    if (err->kind != ERR_REFUSED)
        return false;
    err_clear(err);
    return err_set(err, ERR_REFUSED, "store_owner",
                   "there is no schema yet and this role may not make it: "
                   "tsumugi admin database upgrade");
}

static const struct store_migration *find(const struct store_migration *migrations,
                                          size_t count, int64_t number)
{
    for (size_t i = 0; i < count; i++)
        if (migrations[i].number == number)
            return &migrations[i];
    return NULL;
}

static bool has_line(const char *sql, const char *wanted)
{
    struct span rest = span_cstr(sql);
    struct span line;
    while (span_take(&rest, '\n', &line))
        if (span_is(line, wanted))
            return true;
    return false;
}

/* Every migration of the database has to be one of ours, or one that we need not know. */
static bool check_known(struct store_session *session,
                        const struct store_migration *migrations, size_t count,
                        struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT m.number, m.name, c.number FROM schema_migration m "
        "LEFT JOIN schema_compatible c ON c.number = m.number ORDER BY m.number",
        err);
    bool has_row = true;
    while (statement && store_step(statement, &has_row, err) && has_row) {
        int64_t number = store_column_int(statement, 0);
        const struct store_migration *known = find(migrations, count, number);
        if (!known && !store_column_is_null(statement, 2))
            continue;
        if (!known)
            return err_set(err, ERR_CONFLICT, "store_newer",
                           "the database has migration %lld, made by a newer program",
                           (long long)number);
        if (!text_is(store_column_view(statement, 1), known->name))
            return err_set(err, ERR_CONFLICT, "store_newer",
                           "migration %lld of the database has another name than %s",
                           (long long)number, known->name);
    }
    return err->kind == ERR_NONE;
}

static bool check_applied(struct store_session *session,
                          const struct store_migration *migration, bool *is_applied,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "SELECT 1 FROM schema_migration WHERE number = ?1", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, migration->number);
    return store_step(statement, is_applied, err);
}

static bool note_compatible(struct store_session *session,
                            const struct store_migration *migration, struct err *err)
{
    if (!has_line(migration->sql, "--compatible"))
        return true;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "INSERT INTO schema_compatible VALUES (?1)", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, migration->number);
    return store_run(statement, err);
}

static bool note_applied(struct store_session *session,
                         const struct store_migration *migration, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "INSERT INTO schema_migration VALUES (?1, ?2, ?3)", err);
    if (!statement)
        return false;
    struct clock clock = clock_system();
    store_bind_int(statement, 1, migration->number);
    store_bind_text(statement, 2, text_cstr(migration->name));
    store_bind_int(statement, 3, clock_wall_ms(&clock));
    return store_run(statement, err);
}

static bool apply(struct store_session *session, const struct store_migration *migration,
                  struct err *err)
{
    CLEANUP(buf_free) struct buf script = buf_init(SCRIPT_BYTES_MAX);
    take_lines(migration->sql, session->engine->kind->line_mark, &script);
    return buf_check(&script, err) &&
           session->engine->kind->script(session->engine, (const char *)script.at, err) &&
           note_applied(session, migration, err) &&
           note_compatible(session, migration, err);
}

/* The schema may belong to another role, which then has to go first. */
static void name_owner(const struct store_migration *migration, struct err *err)
{
    if (err->kind != ERR_REFUSED)
        return;
    err_clear(err);
    (void)err_set(err, ERR_REFUSED, "store_owner",
                  "migration %s is missing and this role may not apply it: "
                  "tsumugi admin database upgrade",
                  migration->name);
}

/* In one transaction, so that a migration is there whole or not at all; asked again
 * inside it, because another process may have been quicker. */
static bool apply_if_missing(struct store_session *session,
                             const struct store_migration *migration, struct err *err)
{
    bool is_applied = false;
    if (!check_applied(session, migration, &is_applied, err))
        return false;
    if (is_applied)
        return true;
    if (!session->engine->kind->begin_write(session->engine, err))
        return false;
    if (check_applied(session, migration, &is_applied, err) &&
        (is_applied || apply(session, migration, err)) &&
        session->engine->kind->commit(session->engine, err))
        return true;
    session->engine->kind->roll_back(session->engine);
    name_owner(migration, err);
    return false;
}

/* The smallest number above `number`; NULL when there is none. */
static const struct store_migration *next_after(const struct store_migration *migrations,
                                                size_t count, int64_t number)
{
    const struct store_migration *next = NULL;
    for (size_t i = 0; i < count; i++)
        if (migrations[i].number > number &&
            (!next || migrations[i].number < next->number))
            next = &migrations[i];
    return next;
}

bool store_migrate(struct store_session *session,
                   const struct store_migration *migrations, size_t count,
                   struct err *err)
{
    if (!make_tables(session, err) || !check_known(session, migrations, count, err))
        return false;
    const struct store_migration *migration = next_after(migrations, count, INT64_MIN);
    while (migration) {
        if (!apply_if_missing(session, migration, err))
            return false;
        migration = next_after(migrations, count, migration->number);
    }
    return true;
}
