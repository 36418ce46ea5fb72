// SPDX-License-Identifier: Apache-2.0
#include "gateway/index/index_source.h"

#include "gateway/index/index_parts.h"

static bool note_source(struct store_session *session, void *context, struct err *err)
{
    const struct index_source *source = context;
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO index_source (name, has_mark, mark, state, detail, since, looked, "
        "told, refused, missing, elsewhere) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
        "ON CONFLICT (name) DO UPDATE SET has_mark = excluded.has_mark, "
        "mark = excluded.mark, state = excluded.state, detail = excluded.detail, "
        "since = excluded.since, looked = excluded.looked, told = excluded.told, "
        "refused = excluded.refused, missing = excluded.missing, "
        "elsewhere = excluded.elsewhere",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, source->name);
    store_bind_int(note, 2, source->has_mark);
    store_bind_int(note, 3, source->mark);
    store_bind_text(note, 4, source->state);
    store_bind_text(note, 5, source->detail);
    store_bind_int(note, 6, source->since_ms);
    store_bind_int(note, 7, source->looked_ms);
    store_bind_int(note, 8, source->told);
    store_bind_int(note, 9, source->refused);
    store_bind_int(note, 10, source->missing);
    store_bind_int(note, 11, source->elsewhere);
    return store_run(note, err);
}

bool index_note_source(struct index *index, const struct index_source *source,
                       struct err *err)
{
    struct index_source copy = *source;
    return store_write(index->store, STORE_LIVE, note_source, &copy, err);
}

static bool read_source(struct store_statement *find, struct arena *arena,
                        struct index_source *source, struct err *err)
{
    source->has_mark = store_column_int(find, 1) != 0;
    source->mark = store_column_int(find, 2);
    source->since_ms = store_column_int(find, 5);
    source->looked_ms = store_column_int(find, 6);
    source->told = store_column_int(find, 7);
    source->refused = store_column_int(find, 8);
    source->missing = store_column_int(find, 9);
    source->elsewhere = store_column_int(find, 10);
    return store_column_text(find, 0, arena, &source->name, err) &&
           store_column_text(find, 3, arena, &source->state, err) &&
           store_column_text(find, 4, arena, &source->detail, err);
}

bool index_list_sources(struct index *index, size_t max, struct arena *arena,
                        struct index_source **sources, size_t *count, struct err *err)
{
    bool has_row = false;
    *count = 0;
    *sources = arena_take(arena, max, sizeof **sources, err);
    CLEANUP(store_read_end)
    struct store_session *session = *sources ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT name, has_mark, mark, state, detail, since, looked, told, refused, "
        "missing, elsewhere FROM index_source ORDER BY name",
        err);
    while (find && *count < max) {
        if (!store_step(find, &has_row, err))
            return false;
        if (!has_row)
            return true;
        if (!read_source(find, arena, &(*sources)[*count], err))
            return false;
        (*count)++;
    }
    return find != NULL;
}
