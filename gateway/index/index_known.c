// SPDX-License-Identifier: Apache-2.0
/* What the index knows of one patient, read at once. */
#include "gateway/index/index_parts.h"

static bool take_folder(struct store_statement *rows, struct arena *arena,
                        struct index_folder *folder, struct err *err)
{
    folder->changed_ns = store_column_int(rows, 1);
    folder->is_branch = store_column_int(rows, 2) != 0;
    return store_column_text(rows, 0, arena, &folder->path, err);
}

bool index_list_known_folders(struct index *index, struct text prefix,
                              struct arena *arena, struct index_folder **folders,
                              size_t *count, struct err *err)
{
    struct text end;
    bool has_row = false;
    size_t room = 0;
    *folders = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_after_prefix(prefix, arena, &end, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      "SELECT path, changed_ns, is_branch FROM index_folder WHERE path "
                      ">= ?1 AND path < ?2 ORDER BY path",
                      err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, prefix);
    store_bind_text(rows, 2, end);
    while (store_step(rows, &has_row, err) && has_row) {
        *folders =
            arena_grow(arena, *folders, *count, *count + 1, sizeof **folders, &room, err);
        if (!*folders || !take_folder(rows, arena, &(*folders)[(*count)++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool index_take_file(struct store_statement *rows, struct arena *arena,
                     struct index_file *file, struct err *err)
{
    file->size_bytes = store_column_int(rows, 2);
    file->changed_ns = store_column_int(rows, 3);
    file->state = (enum index_file_state)store_column_int(rows, 4);
    file->inode = store_column_int(rows, 5);
    file->status_ns = store_column_int(rows, 6);
    return store_column_text(rows, 0, arena, &file->path, err) &&
           store_column_text(rows, 1, arena, &file->version, err) &&
           store_column_text(rows, 7, arena, &file->hash, err) &&
           store_column_text(rows, 8, arena, &file->code, err) &&
           store_column_text(rows, 9, arena, &file->base, err) &&
           store_column_text(rows, 10, arena, &file->beside, err);
}

bool index_list_known_files(struct index *index, struct text number, struct arena *arena,
                            struct index_file **files, size_t *count, struct err *err)
{
    bool has_row = false;
    size_t room = 0;
    *files = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT " INDEX_FILE_COLUMNS " FROM index_file WHERE number = ?1 ORDER BY base",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, number);
    while (store_step(rows, &has_row, err) && has_row) {
        *files =
            arena_grow(arena, *files, *count, *count + 1, sizeof **files, &room, err);
        if (!*files || !index_take_file(rows, arena, &(*files)[*count], err))
            return false;
        (*files)[(*count)++].number = number;
    }
    return err->kind == ERR_NONE;
}
