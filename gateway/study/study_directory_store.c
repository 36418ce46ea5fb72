// SPDX-License-Identifier: Apache-2.0
#include "gateway/study/study_parts.h"

/* An instance that is anywhere in the gateway's folders is not missing, whatever its
 * file's name became when the disc was copied (ISO 9660's capitals and versions). One
 * that the disc does not number is looked for by its name. */
#define IS_THERE                                                                         \
    "(n.instance <> '' AND EXISTS (SELECT 1 FROM study_file f WHERE f.instance = "       \
    "n.instance AND f.state = 0) OR n.instance = '' AND EXISTS (SELECT 1 FROM "          \
    "study_file f WHERE f.folder = n.file_folder AND f.name = n.file_name AND f.state "  \
    "= 0))"
#define IS_OTHER                                                                         \
    "EXISTS (SELECT 1 FROM study_file o WHERE o.folder = n.file_folder AND o.name = "    \
    "n.file_name)"

static bool run_for_file(struct store_statement *statement, struct text folder,
                         struct text name, struct err *err)
{
    if (!statement)
        return false;
    store_bind_text(statement, 1, folder);
    store_bind_text(statement, 2, name);
    return store_run(statement, err);
}

bool study_forget_named(struct store_session *session, struct text folder,
                        struct text name, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session, "DELETE FROM study_named WHERE folder = ?1 AND name = ?2", err);
    return run_for_file(forget, folder, name, err);
}

bool study_put_named(struct store_session *session, const struct study_row *row,
                     struct err *err)
{
    if (row->named_count == 0)
        return true;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO study_named (folder, name, place, file_folder, file_name, instance) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        err);
    if (!insert)
        return false;
    for (size_t i = 0; i < row->named_count; i++) {
        const struct study_named *named = &row->named[i];
        store_reset(insert);
        store_bind_int(insert, 3, (int64_t)i);
        store_bind_text(insert, 4, named->folder);
        store_bind_text(insert, 5, named->name);
        store_bind_text(insert, 6, named->instance);
        if (!run_for_file(insert, row->folder, row->name, err))
            return false;
    }
    return true;
}

bool study_count_named(struct study *study, struct study_discs *discs, struct err *err)
{
    bool has_row = false;
    *discs = (struct study_discs){0};
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *count = store_prepare(
        session,
        "SELECT count(*), coalesce(sum(CASE WHEN " IS_THERE " THEN 0 WHEN " IS_OTHER
        " THEN 0 ELSE 1 END), 0), coalesce(sum(CASE WHEN " IS_THERE
        " THEN 0 WHEN " IS_OTHER " THEN 1 ELSE 0 END), 0) FROM study_named n",
        err);
    if (!count || !store_step(count, &has_row, err))
        return false;
    discs->named = store_column_int(count, 0);
    discs->missing = store_column_int(count, 1);
    discs->other = store_column_int(count, 2);
    return true;
}

static bool read_lost(struct store_statement *rows, struct arena *arena,
                      struct study_lost *lost, struct err *err)
{
    int64_t code = store_column_int(rows, 4);
    lost->code = code == 2   ? "disc_path_unsafe"
                 : code == 1 ? "disc_file_other"
                             : "disc_file_missing";
    return store_column_text(rows, 0, arena, &lost->folder, err) &&
           store_column_text(rows, 1, arena, &lost->name, err) &&
           store_column_text(rows, 2, arena, &lost->file_folder, err) &&
           store_column_text(rows, 3, arena, &lost->file_name, err);
}

bool study_list_lost(struct study *study, size_t max, struct arena *arena,
                     struct study_lost **lost, size_t *count, struct err *err)
{
    size_t room = 0;
    bool has_row = false;
    *lost = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT n.folder, n.name, n.file_folder, n.file_name, CASE WHEN n.file_name = '' "
        "THEN 2 WHEN " IS_OTHER " THEN 1 ELSE 0 END FROM study_named n WHERE "
        "NOT " IS_THERE " ORDER BY n.folder, n.name, n.place",
        err);
    if (!rows)
        return false;
    while (store_step(rows, &has_row, err)) {
        if (!has_row || *count == max)
            return true;
        *lost = arena_grow(arena, *lost, *count, *count + 1, sizeof **lost, &room, err);
        if (!*lost || !read_lost(rows, arena, &(*lost)[(*count)++], err))
            return false;
    }
    return false;
}
