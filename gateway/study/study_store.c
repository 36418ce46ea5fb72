// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/path.h"
#include "gateway/study/study_parts.h"

/* ---- folders ---- */

bool study_list_folder(struct study *study, struct text folder, struct arena *arena,
                       struct study_known **known, size_t *count, struct err *err)
{
    size_t room = 0;
    bool has_row = false;
    *known = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT name, size, changed_ns FROM study_file WHERE folder = ?1 ORDER BY name",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, folder);
    while (store_step(rows, &has_row, err)) {
        if (!has_row)
            return true;
        *known =
            arena_grow(arena, *known, *count, *count + 1, sizeof **known, &room, err);
        struct study_known *one = *known ? &(*known)[(*count)++] : NULL;
        if (!one || !store_column_text(rows, 0, arena, &one->name, err))
            return false;
        one->size_bytes = store_column_int(rows, 1);
        one->changed_ns = store_column_int(rows, 2);
    }
    return false;
}

bool study_list_below(struct study *study, struct text parent, struct arena *arena,
                      struct study_folder **folders, size_t *count, struct err *err)
{
    size_t room = 0;
    bool has_row = false;
    *folders = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT folder, changed_ns, is_branch FROM study_folder WHERE parent = ?1 ORDER "
        "BY folder",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, parent);
    while (store_step(rows, &has_row, err)) {
        if (!has_row)
            return true;
        *folders =
            arena_grow(arena, *folders, *count, *count + 1, sizeof **folders, &room, err);
        struct study_folder *one = *folders ? &(*folders)[(*count)++] : NULL;
        if (!one || !store_column_text(rows, 0, arena, &one->path, err))
            return false;
        one->parent = parent;
        one->changed_ns = store_column_int(rows, 1);
        one->is_branch = store_column_int(rows, 2) != 0;
    }
    return false;
}

bool study_find_folder(struct study *study, struct text path, struct study_folder *folder,
                       struct err *err)
{
    bool has_row = false;
    *folder = (struct study_folder){.path = path, .parent = TEXT("")};
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT changed_ns, is_branch FROM study_folder WHERE folder = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, path);
    if (!store_step(find, &has_row, err))
        return false;
    folder->changed_ns = has_row ? store_column_int(find, 0) : 0;
    folder->is_branch = has_row && store_column_int(find, 1) != 0;
    return true;
}

/* The study that this file belonged to until now, if any, has to be told again. */
static bool note_former(struct store_session *session, struct text folder,
                        struct text name, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO study_due (study, number, code) SELECT study, number, '' FROM "
        "study_file WHERE folder = ?1 AND name = ?2 AND state = 0 "
        "ON CONFLICT (study, number) DO UPDATE SET code = ''",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, folder);
    store_bind_text(note, 2, name);
    return store_run(note, err);
}

static bool forget_file(struct store_session *session, struct text folder,
                        struct text name, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session, "DELETE FROM study_file WHERE folder = ?1 AND name = ?2", err);
    if (!forget)
        return false;
    store_bind_text(forget, 1, folder);
    store_bind_text(forget, 2, name);
    return store_run(forget, err);
}

/* ---- rejection notes ---- */

/* IHE RAD TF-1 33 (IOCM): what was rejected stays hidden when it is sent again, except
 * that of which only the time to keep it had run out. A note that another one rejects
 * counts no more. */
#define IS_REJECTED                                                                      \
    "EXISTS (SELECT 1 FROM study_rejection r WHERE r.instance = f.instance AND "         \
    "r.number = f.number AND (r.reason <> 'rejected_expired' OR r.changed_ns >= "        \
    "f.changed_ns) AND NOT EXISTS (SELECT 1 FROM study_rejection u WHERE u.instance = "  \
    "r.note AND u.number = r.number AND u.note <> r.note))"
#define IS_SHOWN "f.kind <> 'rejection' AND NOT " IS_REJECTED
/* Of an instance that is there twice (a copy in another folder, a correction). */
#define IS_NEWEST                                                                        \
    "NOT EXISTS (SELECT 1 FROM study_file o WHERE o.study = f.study AND o.number = "     \
    "f.number AND o.series_number = f.series_number AND o.series = f.series AND "        \
    "o.instance_number = f.instance_number AND o.instance = f.instance AND "             \
    "(o.changed_ns > f.changed_ns OR o.changed_ns = f.changed_ns AND (o.folder > "       \
    "f.folder OR o.folder = f.folder AND o.name > f.name)))"

static bool run_for_note(struct store_session *session, const char *sql,
                         struct text folder, struct text name, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, folder);
    store_bind_text(statement, 2, name);
    return store_run(statement, err);
}

/* The studies of what a note names, and of what a note says that this one names. */
static bool note_rejected(struct store_session *session, struct text folder,
                          struct text name, struct err *err)
{
    return run_for_note(
        session,
        "INSERT INTO study_due (study, number, code) SELECT DISTINCT f.study, f.number, "
        "'' FROM study_rejection r JOIN study_file f ON f.instance = r.instance AND "
        "f.number = r.number WHERE r.folder = ?1 AND r.name = ?2 ON CONFLICT (study, "
        "number) DO UPDATE SET code = ''",
        folder, name, err);
}

static bool forget_note(struct store_session *session, struct text folder,
                        struct text name, struct err *err)
{
    return note_rejected(session, folder, name, err) &&
           run_for_note(session,
                        "DELETE FROM study_rejection WHERE folder = ?1 AND name = ?2",
                        folder, name, err);
}

static bool put_note(struct store_session *session, const struct study_row *row,
                     struct err *err)
{
    if (row->rejected_count == 0)
        return true;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO study_rejection (folder, name, note, number, instance, reason, "
        "changed_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        err);
    if (!insert)
        return false;
    for (size_t i = 0; i < row->rejected_count; i++) {
        store_reset(insert);
        store_bind_text(insert, 1, row->folder);
        store_bind_text(insert, 2, row->name);
        store_bind_text(insert, 3, row->instance);
        store_bind_text(insert, 4, row->number);
        store_bind_text(insert, 5, row->rejected[i]);
        store_bind_text(insert, 6, text_cstr(row->reason));
        store_bind_int(insert, 7, row->changed_ns);
        if (!store_run(insert, err))
            return false;
    }
    return note_rejected(session, row->folder, row->name, err);
}

/* Of a refused file nothing but its place and the reason is kept. */
static void bind_row(struct store_statement *insert, const struct study_row *row)
{
    store_bind_text(insert, 1, row->folder);
    store_bind_text(insert, 2, row->name);
    store_bind_int(insert, 3, row->size_bytes);
    store_bind_int(insert, 4, row->changed_ns);
    store_bind_int(insert, 5, row->code[0] != '\0');
    store_bind_text(insert, 6, text_cstr(row->code));
    store_bind_text(insert, 7, row->uid);
    store_bind_text(insert, 8, row->series);
    store_bind_text(insert, 9, row->instance);
    store_bind_text(insert, 10, row->number);
    store_bind_text(insert, 11, row->patient);
    store_bind_int(insert, 12, row->day);
    store_bind_text(insert, 13, row->time);
    store_bind_text(insert, 14, row->accession);
    store_bind_text(insert, 15, row->description);
    store_bind_text(insert, 16, row->modality);
    store_bind_text(insert, 17, text_cstr(row->kind));
    store_bind_int(insert, 18, row->series_number);
    store_bind_int(insert, 19, row->instance_number);
    store_bind_int(insert, 20, row->frames);
    store_bind_text(insert, 21, row->series_description);
    store_bind_text(insert, 22, row->body_part);
    store_bind_text(insert, 23, row->laterality);
    store_bind_text(insert, 24, row->space);
    store_bind_text(insert, 25, row->facts);
}

static bool put_row(struct store_session *session, const struct study_row *row,
                    struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO study_file (folder, name, size, changed_ns, state, code, study, "
        "series, instance, number, patient, day, time, accession, description, modality, "
        "kind, series_number, instance_number, frames, "
        "series_description, body_part, laterality, space, facts) VALUES (?1, "
        "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
        "?19, ?20, ?21, ?22, ?23, ?24, ?25)",
        err);
    if (!insert)
        return false;
    bind_row(insert, row);
    return store_run(insert, err);
}

static bool note_folder(struct store_session *session, int64_t sweep,
                        const struct study_folder *folder, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO study_folder (folder, sweep, changed_ns, parent, is_branch) VALUES "
        "(?1, ?2, ?3, ?4, ?5) ON CONFLICT (folder) DO UPDATE SET sweep = excluded.sweep, "
        "changed_ns = excluded.changed_ns, parent = excluded.parent, is_branch = "
        "excluded.is_branch",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, folder->path);
    store_bind_int(note, 2, sweep);
    store_bind_int(note, 3, folder->changed_ns);
    store_bind_text(note, 4, folder->parent);
    store_bind_int(note, 5, folder->is_branch);
    return store_run(note, err);
}

static bool is_of_one_study(const struct study_row *one, const struct study_row *other)
{
    return text_equal(one->uid, other->uid) && text_equal(one->number, other->number);
}

/* Files of one study come together: it is told once. */
static bool write_rows(struct store_session *session, const struct study_look *look,
                       struct err *err)
{
    const struct study_row *told = NULL;
    for (size_t i = 0; i < look->row_count; i++) {
        const struct study_row *row = &look->rows[i];
        if (row->is_known && (!note_former(session, row->folder, row->name, err) ||
                              !forget_note(session, row->folder, row->name, err) ||
                              !study_forget_named(session, row->folder, row->name, err) ||
                              !forget_file(session, row->folder, row->name, err)))
            return false;
        if (!put_row(session, row, err) || !put_note(session, row, err) ||
            !study_put_named(session, row, err))
            return false;
        if (row->code[0] != '\0' || (told && is_of_one_study(told, row)))
            continue;
        if (!note_former(session, row->folder, row->name, err))
            return false;
        told = row;
    }
    return true;
}

static bool write_look(struct store_session *session, void *context, struct err *err)
{
    const struct study_look *look = context;
    for (size_t i = 0; i < look->gone_count; i++)
        if (!note_former(session, look->gone[i].folder, look->gone[i].name, err) ||
            !forget_note(session, look->gone[i].folder, look->gone[i].name, err) ||
            !study_forget_named(session, look->gone[i].folder, look->gone[i].name, err) ||
            !forget_file(session, look->gone[i].folder, look->gone[i].name, err))
            return false;
    if (!write_rows(session, look, err))
        return false;
    for (size_t i = 0; i < look->folder_count; i++)
        if (!note_folder(session, look->sweep, &look->folders[i], err))
            return false;
    return true;
}

bool study_note_look(struct study *study, const struct study_look *look, struct err *err)
{
    struct study_look copy = *look;
    return store_write(study->store, STORE_BACKFILL, write_look, &copy, err);
}

static bool ask_number(struct study *study, const char *sql, const struct text *word,
                       int64_t *number, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish) struct store_statement *ask = store_prepare(session, sql, err);
    if (!ask)
        return false;
    if (word)
        store_bind_text(ask, 1, *word);
    if (!store_step(ask, &has_row, err))
        return false;
    *number = has_row ? store_column_int(ask, 0) : 0;
    return true;
}

bool study_next_sweep(struct study *study, int64_t *sweep, struct err *err)
{
    if (!ask_number(study, "SELECT coalesce(max(sweep), 0) FROM study_folder", NULL,
                    sweep, err))
        return false;
    ++*sweep;
    return true;
}

/* Folders end in '/', and '0' is the next character: all below the label. */
#define BELOW "folder >= ?1 || '/' AND folder < ?1 || '0'"

bool study_count_folders(struct study *study, struct text label, int64_t *count,
                         struct err *err)
{
    return ask_number(study, "SELECT count(*) FROM study_file WHERE " BELOW, &label,
                      count, err);
}

bool study_find_unseen(struct study *study, struct text label, int64_t sweep,
                       struct arena *arena, struct text *folder, struct err *err)
{
    bool has_row = false;
    *folder = TEXT("");
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT folder FROM study_folder WHERE " BELOW " AND sweep <> ?2 LIMIT 1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, label);
    store_bind_int(find, 2, sweep);
    return store_step(find, &has_row, err) &&
           (!has_row || store_column_text(find, 0, arena, folder, err));
}

static bool run_for_folder(struct store_session *session, const char *sql,
                           struct text folder, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, folder);
    return store_run(statement, err);
}

static bool forget_folder(struct store_session *session, void *context, struct err *err)
{
    const struct text *folder = context;
    struct text bare = {folder->at, folder->len - 1}; /* without its '/' */
    return run_for_folder(session,
                          "INSERT INTO study_due (study, number, code) SELECT DISTINCT "
                          "study, number, '' FROM study_file WHERE " BELOW
                          " AND state = 0 ON CONFLICT (study, number) DO UPDATE SET "
                          "code = ''",
                          bare, err) &&
           run_for_folder(session,
                          "INSERT INTO study_due (study, number, code) SELECT DISTINCT "
                          "f.study, f.number, '' FROM study_rejection r JOIN study_file "
                          "f ON f.instance = r.instance AND f.number = r.number WHERE "
                          "r.folder >= ?1 || '/' AND r.folder < ?1 || '0' ON CONFLICT "
                          "(study, number) DO UPDATE SET code = ''",
                          bare, err) &&
           run_for_folder(session, "DELETE FROM study_rejection WHERE " BELOW, bare,
                          err) &&
           run_for_folder(session, "DELETE FROM study_named WHERE " BELOW, bare, err) &&
           run_for_folder(session, "DELETE FROM study_file WHERE " BELOW, bare, err) &&
           run_for_folder(session, "DELETE FROM study_folder WHERE " BELOW, bare, err);
}

bool study_forget_folder(struct study *study, struct text folder, struct err *err)
{
    return store_write(study->store, STORE_BACKFILL, forget_folder, &folder, err);
}

/* ---- what the index has to be told ---- */

enum { DUE_MAX = 5000 };

bool study_list_due(struct study *study, bool wants_all, struct arena *arena,
                    struct study_due **due, size_t *count, struct err *err)
{
    size_t room = 0;
    bool has_row = false;
    *due = NULL;
    *count = 0;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT study, number, code FROM study_due WHERE code = '' OR CAST (?1 AS "
        "BIGINT) = 1 ORDER BY study, number",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, wants_all);
    while (store_step(rows, &has_row, err)) {
        if (!has_row || *count == DUE_MAX)
            return true;
        *due = arena_grow(arena, *due, *count, *count + 1, sizeof **due, &room, err);
        struct study_due *one = *due ? &(*due)[(*count)++] : NULL;
        if (!one || !store_column_text(rows, 0, arena, &one->uid, err) ||
            !store_column_text(rows, 1, arena, &one->number, err) ||
            !store_column_text(rows, 2, arena, &one->code, err))
            return false;
    }
    return false;
}

struct noting {
    const struct study_due *due;
    const char *code;
};

static bool note_due(struct store_session *session, void *context, struct err *err)
{
    const struct noting *noting = context;
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        noting->code ? "UPDATE study_due SET code = ?3 WHERE study = ?1 AND number = "
                       "?2"
                     : "DELETE FROM study_due WHERE study = ?1 AND number = ?2",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, noting->due->uid);
    store_bind_text(note, 2, noting->due->number);
    if (noting->code)
        store_bind_text(note, 3, text_cstr(noting->code));
    return store_run(note, err);
}

bool study_note_due(struct study *study, const struct study_due *due, const char *code,
                    struct err *err)
{
    struct noting noting = {due, code};
    if (code && text_is(due->code, code))
        return true;
    return store_write(study->store, STORE_BACKFILL, note_due, &noting, err);
}

/* ---- orders that changed ---- */

static bool run_for_order(struct store_session *session, const char *sql,
                          const struct index_pictures *pictures, struct text word,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, pictures->number);
    store_bind_text(statement, 2, word);
    return store_run(statement, err);
}

#define DUE_OF                                                                           \
    "INSERT INTO study_due (study, number, code) SELECT DISTINCT study, number, '' "     \
    "FROM study_file WHERE number = ?1 AND state = 0 AND "
#define IS_DUE " ON CONFLICT (study, number) DO UPDATE SET code = ''"

static bool take_number(struct store_session *session,
                        const struct index_pictures *pictures, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO study_due (study, number, code) SELECT DISTINCT study, number, '' "
        "FROM study_file WHERE ltrim(number, '0') = ltrim(?1, '0') AND state = 0" IS_DUE,
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, pictures->number);
    return store_run(note, err) && index_forget_changed_order(session, pictures, err);
}

static bool take_order(struct store_session *session, void *context, struct err *err)
{
    const struct index_pictures *pictures = context;
    if (pictures->study.len + pictures->accession.len == 0)
        return take_number(session, pictures, err);
    return run_for_order(session, DUE_OF "study = ?2 AND study <> ''" IS_DUE, pictures,
                         pictures->study, err) &&
           run_for_order(session, DUE_OF "accession = ?2 AND accession <> ''" IS_DUE,
                         pictures, pictures->accession, err) &&
           index_forget_changed_order(session, pictures, err);
}

bool study_take_order(struct study *study, const struct index_pictures *pictures,
                      struct err *err)
{
    struct index_pictures copy = *pictures;
    return store_write(study->store, STORE_LIVE, take_order, &copy, err);
}

/* ---- a study ---- */

static struct store_statement *select_study(struct store_session *session,
                                            const char *sql, struct text uid,
                                            struct text number, struct err *err)
{
    struct store_statement *rows = store_prepare(session, sql, err);
    if (rows) {
        store_bind_text(rows, 1, uid);
        store_bind_text(rows, 2, number);
    }
    return rows;
}

static bool read_modalities(struct store_session *session, struct text uid,
                            struct text number, struct arena *arena,
                            struct study_summary *summary, struct err *err)
{
    bool has_row = false;
    struct span copy = {0};
    CLEANUP(buf_free) struct buf out = buf_init(256);
    CLEANUP(store_finish)
    struct store_statement *rows = select_study(
        session,
        "SELECT DISTINCT modality FROM study_file f WHERE study = ?1 AND number = ?2 AND "
        "modality <> '' AND " IS_SHOWN " AND " IS_NEWEST " ORDER BY modality LIMIT 8",
        uid, number, err);
    if (!rows)
        return false;
    while (store_step(rows, &has_row, err)) {
        if (!has_row)
            return buf_to_arena(&out, arena, &copy, err) &&
                   text_from_utf8(copy, &summary->modalities, err);
        if (out.len > 0)
            buf_byte(&out, ' ');
        buf_span(&out, text_span(store_column_view(rows, 0)));
    }
    return false;
}

bool study_summarise(struct study *study, struct text uid, struct text number,
                     struct arena *arena, struct study_summary *summary, struct err *err)
{
    bool has_row = false;
    *summary = (struct study_summary){.day = DAY_NONE};
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = select_study(
        session,
        "SELECT count(*), coalesce(max(changed_ns), 0), coalesce(min(day), 0), "
        "coalesce(max(time), ''), coalesce(max(accession), ''), coalesce(max("
        "description), ''), coalesce(max(patient), ''), min(kind), max(kind) FROM "
        "study_file f WHERE study = ?1 AND number = ?2 AND " IS_SHOWN " AND " IS_NEWEST,
        uid, number, err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    summary->instance_count = store_column_int(find, 0);
    summary->changed_ns = store_column_int(find, 1);
    if (summary->instance_count == 0)
        return true;
    summary->day = (int32_t)store_column_int(find, 2);
    summary->is_waveform = text_is(store_column_view(find, 7), "waveform") &&
                           text_is(store_column_view(find, 8), "waveform");
    return store_column_text(find, 3, arena, &summary->time, err) &&
           store_column_text(find, 4, arena, &summary->accession, err) &&
           store_column_text(find, 5, arena, &summary->description, err) &&
           store_column_text(find, 6, arena, &summary->patient, err) &&
           read_modalities(session, uid, number, arena, summary, err);
}

/* ---- its instances ---- */

struct listing {
    struct store_statement *rows;
    struct arena *arena;
    struct study_content *content;
    size_t series_room, instance_room;
    struct err *err;
};

static bool begin_series(struct listing *listing)
{
    struct study_content *content = listing->content;
    struct store_statement *rows = listing->rows;
    content->series = arena_grow(listing->arena, content->series, content->series_count,
                                 content->series_count + 1, sizeof *content->series,
                                 &listing->series_room, listing->err);
    struct study_series *series =
        content->series ? &content->series[content->series_count++] : NULL;
    listing->instance_room = 0;
    if (!series)
        return false;
    *series = (struct study_series){.number = store_column_int(rows, 5)};
    return store_column_text(rows, 0, listing->arena, &series->uid, listing->err) &&
           store_column_text(rows, 4, listing->arena, &series->kind, listing->err) &&
           store_column_text(rows, 7, listing->arena, &series->modality, listing->err) &&
           store_column_text(rows, 8, listing->arena, &series->description,
                             listing->err) &&
           store_column_text(rows, 9, listing->arena, &series->body_part, listing->err) &&
           store_column_text(rows, 10, listing->arena, &series->laterality,
                             listing->err) &&
           store_column_text(rows, 11, listing->arena, &series->space, listing->err);
}

static bool add_instance(struct listing *listing)
{
    struct study_content *content = listing->content;
    struct study_series *series =
        content->series_count ? &content->series[content->series_count - 1] : NULL;
    struct store_statement *rows = listing->rows;
    if (!series || !text_equal(series->uid, store_column_view(rows, 0))) {
        if (content->series_count == STUDY_SERIES_MAX) {
            content->has_more = true;
            return true;
        }
        if (!begin_series(listing))
            return false;
        series = &content->series[content->series_count - 1];
    }
    series->instances =
        arena_grow(listing->arena, series->instances, series->instance_count,
                   series->instance_count + 1, sizeof *series->instances,
                   &listing->instance_room, listing->err);
    struct study_instance *one =
        series->instances ? &series->instances[series->instance_count++] : NULL;
    if (!one)
        return false;
    content->instance_count++;
    one->frames = store_column_int(rows, 6);
    one->size_bytes = store_column_int(rows, 14);
    return store_column_text(rows, 1, listing->arena, &one->folder, listing->err) &&
           store_column_text(rows, 2, listing->arena, &one->name, listing->err) &&
           store_column_text(rows, 3, listing->arena, &one->facts, listing->err) &&
           store_column_text(rows, 4, listing->arena, &one->kind, listing->err) &&
           store_column_text(rows, 12, listing->arena, &one->uid, listing->err) &&
           store_column_text(rows, 13, listing->arena, &one->version, listing->err);
}

bool study_read_rows(struct study *study, struct text uid, struct text number,
                     struct arena *arena, struct study_content *content, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(study->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = select_study(
        session,
        "SELECT series, folder, name, facts, kind, series_number, frames, modality, "
        "series_description, body_part, laterality, space, instance, size || '-' || "
        "changed_ns, size FROM study_file f WHERE study "
        "= ?1 AND number = ?2 AND " IS_SHOWN " AND " IS_NEWEST
        " ORDER BY series_number, series, instance_number, instance",
        uid, number, err);
    struct listing listing = {rows, arena, content, 0, 0, err};
    if (!rows)
        return false;
    while (store_step(rows, &has_row, err)) {
        if (!has_row)
            return true;
        content->instance_total++; /* what is not listed is counted all the same */
        content->facts_bytes += store_column_view(rows, 3).len;
        content->has_more |= content->instance_count == STUDY_INSTANCES_MAX ||
                             content->facts_bytes > STUDY_FACTS_BYTES_MAX;
        if (!content->has_more && !add_instance(&listing))
            return false;
    }
    return false;
}
