// SPDX-License-Identifier: Apache-2.0
/* Type folders of the storage: when each was last read, and which there were. */
#include <string.h>

#include "gateway/index/index_parts.h"

bool index_folder_time(struct index *index, struct text path, int64_t *changed_ns,
                       bool *is_known, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT changed_ns FROM index_folder WHERE path = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, path);
    if (!store_step(find, &has_row, err))
        return false;
    *changed_ns = has_row ? store_column_int(find, 0) : 0;
    *is_known = has_row;
    return true;
}

bool index_put_folder_row(struct store_session *session,
                          const struct index_folder *folder, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *keep =
        store_prepare(session,
                      "INSERT INTO index_folder (path, changed_ns, is_branch) VALUES "
                      "(?1, ?2, ?3) ON CONFLICT (path) DO UPDATE SET changed_ns = "
                      "excluded.changed_ns",
                      err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, folder->path);
    store_bind_int(keep, 2, folder->changed_ns);
    store_bind_int(keep, 3, folder->is_branch);
    return store_run(keep, err);
}

bool index_remove_folder_row(struct store_session *session, struct text path,
                             struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *remove =
        store_prepare(session, "DELETE FROM index_folder WHERE path = ?1", err);
    if (!remove)
        return false;
    store_bind_text(remove, 1, path);
    return store_run(remove, err);
}

/* Lists the first column of rows as texts; the array doubles in the arena. */
bool index_list_texts(struct store_statement *rows, struct arena *arena,
                      struct text **items, size_t *count, struct err *err)
{
    size_t room = 64;
    bool has_row = false;
    struct text *list = ARENA_MANY(arena, struct text, room, err);
    *count = 0;
    if (!list)
        return false;
    while (store_step(rows, &has_row, err) && has_row) {
        if (*count == room) {
            struct text *larger = ARENA_MANY(arena, struct text, room * 2, err);
            if (!larger)
                return false;
            memcpy(larger, list, room * sizeof *list);
            list = larger;
            room *= 2;
        }
        if (!store_column_text(rows, 0, arena, &list[(*count)++], err))
            return false;
    }
    *items = list;
    return err->kind == ERR_NONE;
}

/* Texts that begin with a prefix stand between it and the same with its last byte + 1;
 * both prefixes here end in '/', and '0' follows '/'. */
bool index_after_prefix(struct text prefix, struct arena *arena, struct text *end,
                        struct err *err)
{
    char *copy = arena_take(arena, prefix.len + 1, 1, err);
    if (!copy)
        return false;
    memcpy(copy, prefix.at, prefix.len);
    copy[prefix.len - 1] = '/' + 1;
    *end = (struct text){copy, prefix.len};
    return true;
}

bool index_list_folders(struct index *index, struct text prefix, struct arena *arena,
                        struct text **paths, size_t *count, struct err *err)
{
    struct text end;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_after_prefix(prefix, arena, &end, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT path FROM index_folder WHERE path >= ?1 AND path < ?2 AND is_branch = 0",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, prefix);
    store_bind_text(rows, 2, end);
    return index_list_texts(rows, arena, paths, count, err);
}

bool index_next_folder(struct index *index, struct text prefix, struct text from,
                       struct arena *arena, struct text *path, struct err *err)
{
    struct text end;
    bool has_row = false;
    *path = TEXT("");
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_after_prefix(prefix, arena, &end, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *next =
        store_prepare(session,
                      "SELECT path FROM index_folder WHERE path >= ?1 AND path < ?2 "
                      "AND is_branch = 0 ORDER BY path LIMIT 1",
                      err);
    if (!next)
        return false;
    store_bind_text(next, 1, from);
    store_bind_text(next, 2, end);
    return store_step(next, &has_row, err) &&
           (!has_row || store_column_text(next, 0, arena, path, err));
}

struct range {
    struct text from;
    struct text end;
    struct text label;
    struct text judged_by;
};

static bool run_for_range(struct store_session *session, const char *sql,
                          const struct range *range, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, range->from);
    store_bind_text(statement, 2, range->end);
    return store_run(statement, err);
}

static bool reset_folders(struct store_session *session, void *context, struct err *err)
{
    return run_for_range(
        session, "UPDATE index_folder SET changed_ns = 0 WHERE path >= ?1 AND path < ?2",
        context, err);
}

bool index_reset_folders(struct index *index, struct text prefix, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    struct range range = {.from = prefix};
    return index_after_prefix(prefix, &arena, &range.end, err) &&
           store_write(index->store, STORE_BACKFILL, reset_folders, &range, err);
}

static bool was_judged_by(struct store_session *session, const struct range *range,
                          bool *is_same, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT judged_by FROM index_root WHERE label = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, range->label);
    if (!store_step(find, &has_row, err))
        return false;
    *is_same = has_row && text_equal(store_column_view(find, 0), range->judged_by);
    return true;
}

static bool note_root(struct store_session *session, void *context, struct err *err)
{
    const struct range *range = context;
    bool is_same = false;
    if (!was_judged_by(session, range, &is_same, err))
        return false;
    if (is_same)
        return true;
    CLEANUP(store_finish)
    struct store_statement *keep =
        store_prepare(session,
                      "INSERT INTO index_root (label, judged_by) VALUES (?1, ?2) ON "
                      "CONFLICT (label) DO UPDATE SET judged_by = excluded.judged_by",
                      err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, range->label);
    store_bind_text(keep, 2, range->judged_by);
    return store_run(keep, err) && reset_folders(session, context, err) &&
           run_for_range(session,
                         "UPDATE index_file SET changed_ns = 0 WHERE path >= ?1 AND "
                         "path < ?2",
                         range, err);
}

bool index_note_root(struct index *index, struct text label, struct text judged_by,
                     struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CLEANUP(buf_free) struct buf prefix = buf_init(256);
    struct range range = {.label = label, .judged_by = judged_by};
    buf_text(&prefix, label);
    buf_byte(&prefix, '/');
    if (!buf_check(&prefix, err))
        return false;
    range.from = (struct text){(const char *)prefix.at, prefix.len};
    return index_after_prefix(range.from, &arena, &range.end, err) &&
           store_write(index->store, STORE_LIVE, note_root, &range, err);
}
