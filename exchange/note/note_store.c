// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"
#include "exchange/note/note_parts.h"
#include "exchange/registry/registry_service.h"
#include "formats/json/json.h"
#include "store/store.h"

enum { CURSOR_BYTES = 64, DAY_MS = 86400000 };

/* ---- writing ---- */

static const char *state_id(enum note_state state)
{
    return state == NOTE_WITHDRAWN ? "withdrawn" : "written";
}

static bool state_of(struct text id, enum note_state *state, struct err *err)
{
    *state = text_is(id, "written") ? NOTE_WRITTEN : NOTE_WITHDRAWN;
    return *state == NOTE_WRITTEN || text_is(id, "withdrawn") ||
           err_set(err, ERR_SYSTEM, "store_corrupt", "a note's state is unknown");
}

static bool insert_version(struct store_session *session,
                           const struct note_version *version,
                           const struct session_actor *actor, int64_t now_ms,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert =
        store_prepare(session,
                      "INSERT INTO note_version (note, version, state, body, written_at, "
                      "staff, staff_name, profession, facility_name) VALUES (?1, ?2, ?3, "
                      "?4, ?5, ?6, ?7, ?8, ?9)",
                      err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, version->note);
    store_bind_int(insert, 2, version->version);
    store_bind_text(insert, 3, text_cstr(state_id(version->state)));
    store_bind_text(insert, 4, version->body);
    store_bind_int(insert, 5, now_ms);
    store_bind_id(insert, 6, actor->staff);
    store_bind_text(insert, 7, actor->staff_name);
    store_bind_text(insert, 8, text_cstr(staff_profession_id(actor->profession)));
    store_bind_text(insert, 9, actor->facility_name);
    return store_run(insert, err);
}

static bool insert_picture(struct store_session *session,
                           const struct note_version *version, size_t place,
                           struct err *err)
{
    const struct note_picture *picture = &version->pictures[place];
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO note_picture (note, version, place, entry, series_uid, "
        "instance_uid, frame, shades, is_inverted, quarter, is_flipped, "
        "comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12)",
        err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, version->note);
    store_bind_int(insert, 2, version->version);
    store_bind_int(insert, 3, (int64_t)place);
    store_bind_id(insert, 4, picture->entry);
    store_bind_text(insert, 5, picture->series_uid);
    store_bind_text(insert, 6, picture->instance_uid);
    store_bind_int(insert, 7, picture->frame);
    store_bind_text(insert, 8, picture->shades);
    store_bind_int(insert, 9, picture->is_inverted);
    store_bind_int(insert, 10, picture->quarter);
    store_bind_int(insert, 11, picture->is_flipped);
    store_bind_text(insert, 12, picture->comment);
    return store_run(insert, err);
}

static bool insert_whole_version(struct store_session *session,
                                 const struct note_version *version,
                                 const struct session_actor *actor, int64_t now_ms,
                                 struct err *err)
{
    if (!insert_version(session, version, actor, now_ms, err))
        return false;
    for (size_t i = 0; i < version->picture_count; i++)
        if (!insert_picture(session, version, i, err))
            return false;
    return true;
}

bool note_add(struct store_session *session, const struct note_version *version,
              const struct session_actor *actor, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert =
        store_prepare(session,
                      "INSERT INTO note (id, person, facility, author, created_at, "
                      "version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, version->note);
    store_bind_id(insert, 2, version->person);
    store_bind_id(insert, 3, actor->facility);
    store_bind_id(insert, 4, actor->staff);
    store_bind_int(insert, 5, now_ms);
    store_bind_int(insert, 6, version->version);
    return store_run(insert, err) &&
           insert_whole_version(session, version, actor, now_ms, err);
}

bool note_add_version(struct store_session *session, const struct note_version *version,
                      const struct session_actor *actor, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *update = store_prepare(
        session,
        "UPDATE note SET version = ?2 WHERE id = ?1 AND version = ?3 AND facility = ?4",
        err);
    if (!update)
        return false;
    store_bind_id(update, 1, version->note);
    store_bind_int(update, 2, version->version);
    store_bind_int(update, 3, version->version - 1);
    store_bind_id(update, 4, actor->facility);
    if (!store_run(update, err))
        return false;
    if (store_changes(session) != 1)
        return err_set(err, ERR_CONFLICT, "note_changed", "another version is newer");
    return insert_whole_version(session, version, actor, now_ms, err);
}

/* ---- reading ---- */

bool note_find(struct store_session *session, struct id note, struct note_version *found,
               struct err *err)
{
    bool has_row = false;
    *found = (struct note_version){.note = note};
    CLEANUP(store_finish)
    struct store_statement *row =
        store_prepare(session,
                      "SELECT n.person, n.facility, n.author, n.version, v.state, "
                      "n.created_at FROM note n JOIN note_version v ON v.note = n.id AND "
                      "v.version = n.version WHERE n.id = ?1",
                      err);
    if (!row)
        return false;
    store_bind_id(row, 1, note);
    if (!store_step(row, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such note");
    found->version = store_column_int(row, 3);
    found->created_at = store_column_int(row, 5);
    return store_column_id(row, 0, &found->person, err) &&
           store_column_id(row, 1, &found->facility, err) &&
           store_column_id(row, 2, &found->author, err) &&
           state_of(store_column_view(row, 4), &found->state, err);
}

/* What is on a page, before anything of it is read. */
struct head {
    struct id note;
    int64_t created_at;
};

/* Newest first. */
static int compare_heads(const void *left, const void *right)
{
    const struct head *a = left;
    const struct head *b = right;
    if (a->created_at != b->created_at)
        return a->created_at < b->created_at ? 1 : -1;
    return -memcmp(a->note.bytes, b->note.bytes, sizeof a->note.bytes);
}

static int64_t first_instant(const struct permit_grant *grant)
{
    return grant->from_day == DAY_NONE
               ? INT64_MIN
               : (int64_t)grant->from_day * DAY_MS - DAY_JAPAN_OFFSET_MS;
}

struct heads {
    struct head *at;
    size_t count;
};

/* One more than a page, so that it is known whether there are more. */
static bool find_heads(struct store_session *session, struct id person,
                       const struct permit_grant *grant, const struct note_cursor *before,
                       struct heads *heads, struct err *err)
{
    bool has_row = true;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      "SELECT id, created_at FROM note WHERE person = ?1 AND facility = "
                      "?2 AND created_at >= ?3 AND (created_at < ?4 OR (created_at = ?4 "
                      "AND id < ?5)) ORDER BY created_at DESC, id DESC LIMIT 21",
                      err);
    static_assert(NOTE_PAGE_MAX == 20, "the limit is one more");
    if (!rows)
        return false;
    store_bind_id(rows, 1, person);
    store_bind_id(rows, 2, grant->provider);
    store_bind_int(rows, 3, first_instant(grant));
    store_bind_int(rows, 4, before->created_at);
    store_bind_id(rows, 5, before->note);
    for (;;) {
        struct head *head = &heads->at[heads->count];
        if (!store_step(rows, &has_row, err))
            return false;
        if (!has_row)
            return true;
        head->created_at = store_column_int(rows, 1);
        if (!store_column_id(rows, 0, &head->note, err))
            return false;
        heads->count++;
    }
}

static bool read_pictures(struct store_session *session, struct note_version *version,
                          struct arena *arena, struct err *err)
{
    bool has_row = true;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      "SELECT entry, series_uid, instance_uid, frame, shades, "
                      "is_inverted, quarter, is_flipped, comment FROM note_picture WHERE "
                      "note = ?1 AND version = ?2 ORDER BY place LIMIT 20",
                      err);
    static_assert(NOTE_PICTURES_MAX == 20, "the limit");
    if (!rows)
        return false;
    store_bind_id(rows, 1, version->note);
    store_bind_int(rows, 2, version->version);
    for (;;) {
        struct note_picture *picture = &version->pictures[version->picture_count];
        if (!store_step(rows, &has_row, err))
            return false;
        if (!has_row)
            return true;
        *picture = (struct note_picture){.frame = store_column_int(rows, 3),
                                         .is_inverted = store_column_int(rows, 5) != 0,
                                         .quarter = store_column_int(rows, 6),
                                         .is_flipped = store_column_int(rows, 7) != 0};
        if (!store_column_id(rows, 0, &picture->entry, err) ||
            !store_column_text(rows, 1, arena, &picture->series_uid, err) ||
            !store_column_text(rows, 2, arena, &picture->instance_uid, err) ||
            !store_column_text(rows, 4, arena, &picture->shades, err) ||
            !store_column_text(rows, 8, arena, &picture->comment, err))
            return false;
        version->picture_count++;
    }
}

/* ---- the contract's Note ---- */

static void write_look(struct json_writer *writer, const struct note_picture *picture)
{
    json_put_text(writer, "series", picture->series_uid);
    json_put_text(writer, "instance", picture->instance_uid);
    json_put_int(writer, "frame", picture->frame);
    if (picture->shades.len == 0)
        json_put_null(writer, "window");
    else
        json_put_text(writer, "window", picture->shades);
    json_put_bool(writer, "is_inverted", picture->is_inverted);
    json_put_int(writer, "quarter", picture->quarter);
    json_put_bool(writer, "is_flipped", picture->is_flipped);
}

/* Of what the reader may not see now, nothing says what it is. */
static bool write_picture(struct store_session *session, struct json_writer *writer,
                          const struct note_page *page,
                          const struct note_picture *picture, struct err *err)
{
    struct registry_entry entry;
    bool is_seen = registry_read_entry(session, page->permit, picture->entry, page->arena,
                                       &entry, err);
    if (!is_seen && err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    json_open_object(writer);
    json_put_text(writer, "comment", picture->comment);
    if (is_seen) {
        json_key(writer, "entry");
        registry_write_entry(writer, &entry);
        write_look(writer, picture);
    } else {
        json_put_null(writer, "entry");
    }
    json_close_object(writer);
    return true;
}

static bool may(enum note_step step, const struct note_version *version,
                const struct session_actor *actor)
{
    struct note_facts facts = {.is_of_facility =
                                   id_equal(version->facility, actor->facility),
                               .is_author = id_equal(version->author, actor->staff),
                               .is_manager = actor->role == STAFF_MANAGER,
                               .is_newest = true,
                               .state = version->state};
    bool is_allowed = note_refusal(step, &facts) == NULL;
    return is_allowed &&
           (step != NOTE_CORRECT || staff_may_write(actor->profession, actor->role));
}

/* Views of the row; written before it is left. */
static void write_texts(struct json_writer *writer, struct store_statement *row,
                        const struct note_version *version)
{
    json_put_id(writer, "id", version->note);
    json_put_int(writer, "version", version->version);
    json_put_cstr(writer, "state", state_id(version->state));
    json_put_id(writer, "facility", version->facility);
    json_put_int(writer, "created_at", version->created_at);
    json_put_text(writer, "text", store_column_view(row, 0));
    json_put_int(writer, "written_at", store_column_int(row, 1));
    json_put_text(writer, "written_by", store_column_view(row, 2));
    json_put_text(writer, "author", store_column_view(row, 3));
    json_put_text(writer, "profession", store_column_view(row, 4));
    json_put_text(writer, "facility_name", store_column_view(row, 5));
}

static bool write_words(struct store_session *session, struct json_writer *writer,
                        const struct note_version *version, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *row = store_prepare(
        session,
        "SELECT v.body, v.written_at, v.staff_name, f.staff_name, "
        "f.profession, f.facility_name FROM note_version v JOIN "
        "note_version f ON f.note = v.note AND f.version = 1 WHERE v.note = "
        "?1 AND v.version = ?2",
        err);
    if (!row)
        return false;
    store_bind_id(row, 1, version->note);
    store_bind_int(row, 2, version->version);
    if (!store_step(row, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a note without its version");
    write_texts(writer, row, version);
    return true;
}

/* With what the reader may do to it. */
static bool write_note(struct store_session *session, struct json_writer *writer,
                       const struct note_page *page, struct id note, struct err *err)
{
    struct note_version version;
    const struct session_actor *actor = page->actor;
    if (!note_find(session, note, &version, err) ||
        !read_pictures(session, &version, page->arena, err))
        return false;
    json_open_object(writer);
    if (!write_words(session, writer, &version, err))
        return false;
    json_put_bool(writer, "may_correct", may(NOTE_CORRECT, &version, actor));
    json_put_bool(writer, "may_withdraw", may(NOTE_WITHDRAW, &version, actor));
    json_key(writer, "pictures");
    json_open_array(writer);
    for (size_t i = 0; i < version.picture_count; i++)
        if (!write_picture(session, writer, page, &version.pictures[i], err))
            return false;
    json_close_array(writer);
    json_close_object(writer);
    return true;
}

static void write_next(struct json_writer *writer, const struct head *last)
{
    char cursor[CURSOR_BYTES];
    if (!last) {
        json_put_null(writer, "next");
        return;
    }
    snprintf(cursor, sizeof cursor, "%lld.%s", (long long)last->created_at,
             id_to_text(last->note).at);
    json_put_cstr(writer, "next", cursor);
}

static bool find_page(struct store_session *session, const struct note_page *page,
                      struct heads *heads, struct err *err)
{
    const struct permit_contents *contents = permit_read(page->permit);
    /* each statement is stepped once more than it has rows */
    size_t room = contents->grant_count * (NOTE_PAGE_MAX + 1) + 1;
    *heads = (struct heads){.at = ARENA_MANY(page->arena, struct head, room, err)};
    if (!heads->at)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++)
        if ((contents->grants[i].kinds >> ENTRY_NOTE & 1U) &&
            !find_heads(session, contents->person, &contents->grants[i], &page->before,
                        heads, err))
            return false;
    qsort(heads->at, heads->count, sizeof *heads->at, compare_heads);
    return true;
}

static bool write_page(struct store_session *session, const struct note_page *page,
                       const struct heads *heads, struct json_writer *writer,
                       struct err *err)
{
    bool has_more = heads->count > NOTE_PAGE_MAX;
    json_open_object(writer);
    json_key(writer, "notes");
    json_open_array(writer);
    for (int64_t i = 0; i < page->count; i++)
        if (!write_note(session, writer, page, heads->at[i].note, err))
            return false;
    json_close_array(writer);
    write_next(writer, has_more ? &heads->at[NOTE_PAGE_MAX - 1] : NULL);
    json_close_object(writer);
    return true;
}

bool note_write_page(struct note_service *service, struct note_page *page,
                     struct buf *out, struct err *err)
{
    struct heads heads;
    struct json_writer writer = json_writer(out);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    if (!session || !find_page(session, page, &heads, err))
        return false;
    page->count = heads.count < NOTE_PAGE_MAX ? (int64_t)heads.count : NOTE_PAGE_MAX;
    return write_page(session, page, &heads, &writer, err) && buf_check(out, err);
}
