// SPDX-License-Identifier: Apache-2.0
/* Held files that the hospital itself has released, and files that only moved in time. */
#include "gateway/index/index_parts.h"

bool index_find_release(struct index *index, struct text path, struct arena *arena,
                        struct text *hash, struct err *err)
{
    bool has_row = false;
    *hash = TEXT("");
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT hash FROM index_release WHERE path = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, path);
    return store_step(find, &has_row, err) &&
           (!has_row || store_column_text(find, 0, arena, hash, err));
}

struct releasing {
    struct text path;
    struct text folder; /* with its last slash */
    struct text above;  /* the same: that folder is a record where it holds a document */
    int64_t now_ms;
};

static bool run_for_path(struct store_session *session, const char *sql, struct text path,
                         struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, path);
    return store_run(statement, err);
}

static bool release_file(struct store_session *session, void *context, struct err *err)
{
    const struct releasing *releasing = context;
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session,
        "INSERT INTO index_release (path, hash, at) SELECT path, hash, ?2 FROM "
        "index_file WHERE path = ?1 AND state = 2 AND hash <> '' ON CONFLICT (path) DO "
        "UPDATE SET hash = excluded.hash, at = excluded.at",
        err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, releasing->path);
    store_bind_int(keep, 2, releasing->now_ms);
    if (!store_run(keep, err))
        return false;
    if (store_changes(session) == 0)
        return err_set(err, ERR_MISSING, "not_found", "no such held file");
    return run_for_path(session, "UPDATE index_file SET changed_ns = 0 WHERE path = ?1",
                        releasing->path, err) &&
           run_for_path(session, "UPDATE index_folder SET changed_ns = 0 WHERE path = ?1",
                        releasing->folder, err) &&
           run_for_path(session, "UPDATE index_folder SET changed_ns = 0 WHERE path = ?1",
                        releasing->above, err);
}

static struct text without_slash(struct text folder)
{
    return (struct text){folder.at, folder.len > 0 ? folder.len - 1 : 0};
}

/* With its last slash. */
static struct text folder_of(struct text path)
{
    while (path.len > 0 && path.at[path.len - 1] != '/')
        path.len--;
    return path;
}

bool index_release_file(struct index *index, struct text path, struct err *err)
{
    struct text folder = folder_of(path);
    struct releasing releasing = {.path = path,
                                  .folder = folder,
                                  .above = folder_of(without_slash(folder)),
                                  .now_ms = clock_wall_ms(&index->config.clock)};
    return store_write(index->store, STORE_LIVE, release_file, &releasing, err);
}

bool index_touch_file_row(struct store_session *session, const struct index_file *file,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "UPDATE index_file SET size = ?2, changed_ns = ?3, inode = ?4, status_ns = ?5, "
        "hash = ?6 WHERE path = ?1",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, file->path);
    store_bind_int(note, 2, file->size_bytes);
    store_bind_int(note, 3, file->changed_ns);
    store_bind_int(note, 4, file->inode);
    store_bind_int(note, 5, file->status_ns);
    store_bind_text(note, 6, file->hash);
    return store_run(note, err);
}
