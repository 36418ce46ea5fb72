// SPDX-License-Identifier: Apache-2.0
/* What the collector found becomes rows, and rows become events for linked patients. */
#include <string.h>

#include "base/memory.h"
#include "formats/charset/charset.h"
#include "gateway/index/index_parts.h"

struct putting {
    struct index *index;
    const struct index_change *change; /* NULL = the record is gone */
    struct text number;
    struct text base;
    struct arena *arena;
    int64_t now_ms;
    struct index_filling filling;
    bool has_events;
    struct index_ordered ordered;
};

static bool run_for_base(struct store_session *session, const char *sql,
                         const struct putting *putting, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, putting->number);
    store_bind_text(statement, 2, putting->base);
    return store_run(statement, err);
}

/* The row of the same path stays: it knows since when. */
static bool forget_other_files(struct store_session *session,
                               const struct putting *putting, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session, "DELETE FROM index_file WHERE number = ?1 AND base = ?2 AND path <> ?3",
        err);
    if (!forget)
        return false;
    store_bind_text(forget, 1, putting->number);
    store_bind_text(forget, 2, putting->base);
    store_bind_text(forget, 3, putting->change ? putting->change->file.path : TEXT(""));
    return store_run(forget, err);
}

static bool put_file_row(struct store_session *session, const struct putting *putting,
                         struct err *err)
{
    const struct index_file *file = &putting->change->file;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO index_file (path, number, base, version, size, changed_ns, state, "
        "code, offset_bytes, first_seen, last_tried, inode, status_ns, hash, beside) "
        "VALUES (?1, "
        "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14) ON CONFLICT "
        "(path) DO "
        "UPDATE SET number = excluded.number, base = excluded.base, version = "
        "excluded.version, size = excluded.size, changed_ns = excluded.changed_ns, state "
        "= excluded.state, code = excluded.code, offset_bytes = excluded.offset_bytes, "
        "last_tried = excluded.last_tried, inode = excluded.inode, status_ns = "
        "excluded.status_ns, hash = excluded.hash, beside = excluded.beside",
        err);
    if (!insert)
        return false;
    store_bind_text(insert, 1, file->path);
    store_bind_text(insert, 2, file->number);
    store_bind_text(insert, 3, file->base);
    store_bind_text(insert, 4, file->version);
    store_bind_int(insert, 5, file->size_bytes);
    store_bind_int(insert, 6, file->changed_ns);
    store_bind_int(insert, 7, file->state);
    store_bind_text(insert, 8, file->code);
    store_bind_int(insert, 9, file->offset_bytes);
    store_bind_int(insert, 10, putting->now_ms);
    store_bind_int(insert, 11, file->inode);
    store_bind_int(insert, 12, file->status_ns);
    store_bind_text(insert, 13, file->hash);
    store_bind_text(insert, 14, file->beside.len ? file->beside : TEXT(""));
    return store_run(insert, err);
}

/* base or base/part */
static bool entry_key_of(const struct putting *putting, struct text part,
                         struct text *key, struct err *err)
{
    if (part.len == 0) {
        *key = putting->base;
        return true;
    }
    CLEANUP(buf_free) struct buf out = buf_init(UPLINK_KEY_BYTES_MAX);
    struct span copy = {0};
    buf_text(&out, putting->base);
    buf_byte(&out, '/');
    buf_text(&out, part);
    if (!buf_to_arena(&out, putting->arena, &copy, err))
        return false;
    *key = (struct text){(const char *)copy.at, copy.len};
    return true;
}

static bool insert_entry(struct store_session *session, const struct putting *putting,
                         const struct index_row *row, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO index_entry (number, entry_key, base, version, kind, state, flags, "
        "day, end_day, is_open, title, department_code, department, author, time, "
        "order_number, path, received_at, is_published) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
        "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        err);
    if (!insert)
        return false;
    store_bind_text(insert, 1, putting->number);
    store_bind_text(insert, 2, row->entry_key);
    store_bind_text(insert, 3, putting->base);
    store_bind_text(insert, 4, row->version);
    store_bind_int(insert, 5, row->kind);
    store_bind_int(insert, 6, row->state);
    store_bind_int(insert, 7, row->flags);
    store_bind_int(insert, 8, row->day);
    store_bind_int(insert, 9, row->end_day);
    store_bind_int(insert, 10, row->is_open);
    store_bind_text(insert, 11, row->title);
    store_bind_text(insert, 12, row->department_code);
    store_bind_text(insert, 13, row->department);
    store_bind_text(insert, 14, row->author);
    store_bind_text(insert, 15, row->time);
    store_bind_text(insert, 16, row->order_number);
    store_bind_text(insert, 17, putting->change->file.path);
    store_bind_int(insert, 18, row->received_at);
    store_bind_int(insert, 19,
                   index_is_published(putting->index, row->kind, (unsigned)row->flags,
                                      row->day, row->department_code));
    return store_run(insert, err);
}

static struct text cut_text(struct text text, size_t max_bytes)
{
    while (text.len > max_bytes) {
        text.len--;
        while (text.len > 0 && ((uint8_t)text.at[text.len] & 0xC0) == 0x80)
            text.len--;
    }
    return text;
}

/* What a new index finds came when its file was last changed: nobody's delay begins anew
 * with the database. Later, what comes late comes now, however old its file is. */
static int64_t received_ms(const struct putting *putting)
{
    bool is_study = index_is_of_study(putting->base);
    bool is_found =
        !putting->filling.is_filled || (is_study && putting->filling.awaits_pictures);
    int64_t changed_ms = putting->change->file.changed_ns / 1000000;
    return is_found && changed_ms > 0 && changed_ms < putting->now_ms ? changed_ms
                                                                      : putting->now_ms;
}

static struct index_row row_of_entry(const struct putting *putting,
                                     const struct entry *entry, struct text key)
{
    return (struct index_row){
        .entry_key = key,
        .version = putting->change->file.version,
        .kind = entry->kind,
        .state = entry->state,
        .flags = entry->flags,
        .day = entry->day,
        .end_day = entry->end_day,
        .is_open = entry->is_open,
        .title = cut_text(entry->title, UPLINK_TITLE_BYTES_MAX),
        .department_code = cut_text(entry->department_code, UPLINK_NAME_BYTES_MAX),
        .department = cut_text(entry->department, UPLINK_NAME_BYTES_MAX),
        .author = cut_text(entry->author, UPLINK_NAME_BYTES_MAX),
        .time = cut_text(entry->time, 32),
        .order_number = cut_text(entry->order_number, 64),
        .received_at = received_ms(putting),
    };
}

/* What this record had before. The centre may know of published ones only: of others it
 * hears nothing, not even that they went. */
struct old_key {
    struct text key;
    struct text version;
    int64_t state;
    int64_t received_at;
    bool is_published;
    bool is_kept;
    struct old_key *next;
};

static bool read_old_keys(struct store_session *session, const struct putting *putting,
                          struct old_key **keys, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT entry_key, version, state, received_at, is_published FROM index_entry "
        "WHERE number = ?1 AND base = ?2",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, putting->number);
    store_bind_text(rows, 2, putting->base);
    while (store_step(rows, &has_row, err) && has_row) {
        struct old_key *key = ARENA_NEW(putting->arena, struct old_key, err);
        if (!key || !store_column_text(rows, 0, putting->arena, &key->key, err) ||
            !store_column_text(rows, 1, putting->arena, &key->version, err))
            return false;
        key->state = store_column_int(rows, 2);
        key->received_at = store_column_int(rows, 3);
        key->is_published = store_column_int(rows, 4) != 0;
        key->next = *keys;
        *keys = key;
    }
    return err->kind == ERR_NONE;
}

static bool tell(struct store_session *session, struct putting *putting,
                 const struct index_link_list *links, enum uplink_event_type type,
                 struct text key, struct err *err)
{
    for (size_t i = 0; i < links->count; i++) {
        struct index_outgoing outgoing = {.lane = 0,
                                          .type = type,
                                          .record = links->records[i],
                                          .number = putting->number,
                                          .entry_key = key};
        if (!index_enqueue(session, &outgoing, err) ||
            !index_raise_revision(session, links->records[i], err))
            return false;
        putting->has_events = true;
    }
    return true;
}

/* The same version read again was received when it was read first, but not in what is
 * the future since the clock was set right. */
static bool is_read_again(const struct old_key *key, const struct index_row *row)
{
    return text_equal(key->version, row->version) &&
           (key->state == ENTRY_INCOMPLETE) == (row->state == ENTRY_INCOMPLETE);
}

static bool put_row(struct store_session *session, struct putting *putting,
                    const struct index_link_list *links, struct old_key *old,
                    struct index_row *row, struct err *err)
{
    bool is_published = index_is_published(
        putting->index, row->kind, (unsigned)row->flags, row->day, row->department_code);
    for (struct old_key *key = old; key; key = key->next) {
        if (!text_equal(key->key, row->entry_key))
            continue;
        key->is_kept = is_published;
        if (is_read_again(key, row) && key->received_at < row->received_at)
            row->received_at = key->received_at;
    }
    return insert_entry(session, putting, row, err) &&
           (!is_published ||
            tell(session, putting, links, UPLINK_ENTRY_PUT, row->entry_key, err));
}

/* A file that could not be read still stands on its day, without content. */
static bool put_incomplete(struct store_session *session, struct putting *putting,
                           const struct index_link_list *links, struct old_key *old,
                           struct err *err)
{
    const struct index_change *change = putting->change;
    bool is_shown = change->file.state == INDEX_REFUSED && change->day != DAY_NONE &&
                    change->incomplete_kind != ENTRY_UNKNOWN;
    if (!is_shown)
        return true;
    struct index_row row = {.entry_key = putting->base,
                            .version = change->file.version,
                            .kind = change->incomplete_kind,
                            .state = ENTRY_INCOMPLETE,
                            .day = change->day,
                            .end_day = DAY_NONE,
                            .title = TEXT("不完全"),
                            .received_at = received_ms(putting)};
    return put_row(session, putting, links, old, &row, err);
}

static bool put_entries(struct store_session *session, struct putting *putting,
                        const struct index_link_list *links, struct old_key *old,
                        struct err *err)
{
    const struct entry_list *list = putting->change->list;
    if (!list)
        return put_incomplete(session, putting, links, old, err);
    for (const struct entry *entry = list->first; entry; entry = entry->next) {
        struct text key = {0};
        if (!entry_key_of(putting, entry->part, &key, err))
            return false;
        struct index_row row = row_of_entry(putting, entry, key);
        if (!index_put_order(session, &putting->ordered, &row, entry, err) ||
            !put_row(session, putting, links, old, &row, err))
            return false;
    }
    return !index_names_studies(list) ||
           index_tell_orders(session, &putting->ordered, err);
}

/* The patient's files were judged by the ADT-00 that was known then: when another kana or
 * birth date comes all are judged again, else those that are held. */
static bool judge_again(struct store_session *session, const struct putting *putting,
                        bool is_other, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session,
        "UPDATE index_file SET changed_ns = 0 WHERE number = ?1 AND base <> ?2 AND "
        "(state = 2 OR CAST (?3 AS BIGINT) = 1)",
        err);
    if (!forget)
        return false;
    store_bind_text(forget, 1, putting->number);
    store_bind_text(forget, 2, putting->base);
    store_bind_int(forget, 3, is_other);
    return store_run(forget, err);
}

static bool is_other_person(struct store_session *session, const struct putting *putting,
                            struct text kana_folded, bool *is_other, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT kana_folded, birth_day FROM index_patient WHERE number = ?1",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, putting->number);
    if (!store_step(find, &has_row, err))
        return false;
    *is_other = !has_row || !text_equal(store_column_view(find, 0), kana_folded) ||
                store_column_int(find, 1) != putting->change->list->patient.birth_day;
    return true;
}

static bool remove_patient(struct store_session *session, const struct putting *putting,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *remove =
        store_prepare(session, "DELETE FROM index_patient WHERE number = ?1", err);
    if (!remove)
        return false;
    store_bind_text(remove, 1, putting->number);
    return store_run(remove, err);
}

static bool put_patient(struct store_session *session, const struct putting *putting,
                        struct err *err)
{
    const struct entry_list *list = putting->change ? putting->change->list : NULL;
    bool is_patient = list && list->first && list->first->kind == ENTRY_PATIENT;
    if (!is_patient)
        return true;
    if (index_ends_own_number(list, putting->number))
        return remove_patient(session, putting, err);
    const struct entry_patient *patient = &list->patient;
    struct text folded = {0};
    bool is_other = false;
    char sex[2] = {patient->sex ? patient->sex : 'U', '\0'};
    if (!charset_fold(patient->kana, putting->arena, &folded, err) ||
        !is_other_person(session, putting, folded, &is_other, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session,
        "INSERT INTO index_patient (number, name, kana, kana_folded, birth_day, sex) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (number) DO UPDATE SET "
        "name = excluded.name, kana = excluded.kana, kana_folded = excluded.kana_folded, "
        "birth_day = excluded.birth_day, sex = excluded.sex",
        err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, putting->number);
    store_bind_text(keep, 2, patient->name);
    store_bind_text(keep, 3, patient->kana);
    store_bind_text(keep, 4, folded);
    store_bind_int(keep, 5, patient->birth_day);
    store_bind_text(keep, 6, text_cstr(sex));
    return store_run(keep, err) && judge_again(session, putting, is_other, err);
}

/* The patient's own ADT-00 is gone: so is the patient. */
static bool end_patient(struct store_session *session, const struct putting *putting,
                        struct err *err)
{
    return !span_starts(text_span(putting->base), "-/ADT-00/") ||
           remove_patient(session, putting, err);
}

static struct index_ordered ordered_of(const struct putting *putting)
{
    struct index_ordered ordered = {
        .number = putting->number, .base = putting->base, .is = INDEX_ORDER_GONE};
    if (putting->change)
        ordered.is = putting->change->list ? INDEX_ORDER_READ : INDEX_ORDER_UNREAD;
    return ordered;
}

static struct index_numbers numbers_of(const struct putting *putting)
{
    const struct index_change *change = putting->change;
    return (struct index_numbers){.number = putting->number,
                                  .base = putting->base,
                                  .version = change ? change->file.version : TEXT(""),
                                  .list = change ? change->list : NULL,
                                  .is_gone = !change,
                                  .arena = putting->arena};
}

static bool put_change(struct store_session *session, struct putting *putting,
                       const struct index_link_list *links, struct old_key *old,
                       struct err *err)
{
    if (!putting->change)
        return end_patient(session, putting, err);
    return put_file_row(session, putting, err) &&
           put_entries(session, putting, links, old, err) &&
           put_patient(session, putting, err);
}

/* Most records are no orders: they cost nothing more. */
static bool may_concern_orders(const struct putting *putting, const struct old_key *old)
{
    return old || !putting->change || !putting->change->list ||
           index_names_studies(putting->change->list);
}

/* What the record was goes first. */
static bool leave(struct store_session *session, struct putting *putting,
                  const struct old_key *old, struct err *err)
{
    return (!may_concern_orders(putting, old) ||
            index_leave_orders(session, &putting->ordered, err)) &&
           (!old ||
            run_for_base(session,
                         "DELETE FROM index_entry WHERE number = ?1 AND base = ?2",
                         putting, err)) &&
           forget_other_files(session, putting, err);
}

/* A record that is now another, or gone. */
static bool apply(struct store_session *session, struct putting *putting, struct err *err)
{
    struct old_key *old = NULL;
    struct index_link_list links;
    struct index_numbers numbers = numbers_of(putting);
    putting->ordered = ordered_of(putting);
    if (!index_watch_numbers(session, &numbers, err) ||
        !index_links_of_number(session, putting->number, putting->arena, &links, err) ||
        !read_old_keys(session, putting, &old, err) ||
        !leave(session, putting, old, err) ||
        !put_change(session, putting, &links, old, err) ||
        !index_tell_numbers(session, &numbers, err))
        return false;
    putting->has_events = putting->has_events || numbers.has_events;
    putting->ordered.has_changed |= numbers.is_of_patient;
    for (struct old_key *key = old; key; key = key->next)
        if (key->is_published && !key->is_kept &&
            !tell(session, putting, &links, UPLINK_ENTRY_WITHDRAWN, key->key, err))
            return false;
    return true;
}

struct index_writing {
    struct index *index;
    const struct index_piece *pieces;
    size_t count;
    struct index_filling filling;
    bool has_events;
    bool has_orders;
    struct store_writing *begun;
};

static bool write_piece(struct store_session *session, struct index_writing *writing,
                        const struct index_piece *piece, struct arena *arena,
                        struct err *err)
{
    struct putting putting = {.index = writing->index,
                              .change = piece->change,
                              .arena = arena,
                              .filling = writing->filling,
                              .now_ms = clock_wall_ms(&writing->index->config.clock)};
    switch (piece->kind) {
    case INDEX_PUT:
        putting.number = piece->change->file.number;
        putting.base = piece->change->file.base;
        break;
    case INDEX_REMOVE:
        putting.number = piece->number;
        putting.base = piece->base;
        break;
    case INDEX_TOUCH:
        return index_touch_file_row(session, &piece->change->file, err);
    case INDEX_NOTE_FOLDER:
        return index_put_folder_row(session, &piece->folder, err);
    case INDEX_FORGET_FOLDER:
        return index_remove_folder_row(session, piece->folder.path, err);
    }
    if (!apply(session, &putting, err))
        return false;
    writing->has_events |= putting.has_events;
    writing->has_orders |= putting.ordered.has_changed;
    return true;
}

static bool write_pieces(struct store_session *session, void *context, struct err *err)
{
    struct index_writing *writing = context;
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    writing->has_events = false;
    writing->has_orders = false;
    if (!index_read_filling(session, &writing->filling, err))
        return false;
    for (size_t i = 0; i < writing->count; i++) {
        arena_reset(&arena);
        if (!write_piece(session, writing, &writing->pieces[i], &arena, err))
            return false;
    }
    return true;
}

static bool conclude(const struct index_writing *writing, bool is_written)
{
    if (is_written && writing->has_events)
        index_wake(writing->index, 0);
    if (is_written && writing->has_orders && writing->index->wake_orders)
        writing->index->wake_orders(writing->index->orders_context);
    return is_written;
}

bool index_write(struct index *index, enum store_lane lane,
                 const struct index_piece *pieces, size_t count, struct err *err)
{
    struct index_writing writing = {.index = index, .pieces = pieces, .count = count};
    return count == 0 || conclude(&writing, store_write(index->store, lane, write_pieces,
                                                        &writing, err));
}

struct index_writing *index_write_begin(struct index *index, enum store_lane lane,
                                        const struct index_piece *pieces, size_t count,
                                        struct err *err)
{
    struct index_writing *writing = memory_new(1, sizeof *writing, err);
    if (!writing)
        return NULL;
    *writing = (struct index_writing){.index = index, .pieces = pieces, .count = count};
    writing->begun = store_write_begin(index->store, lane, write_pieces, writing, err);
    if (!writing->begun) {
        memory_free(writing);
        return NULL;
    }
    return writing;
}

bool index_write_end(struct index_writing **writing, struct err *err)
{
    bool is_written = conclude(*writing, store_write_end(&(*writing)->begun, err));
    memory_free(*writing);
    *writing = NULL;
    return is_written;
}

bool index_put_file(struct index *index, const struct index_change *change,
                    struct err *err)
{
    struct index_piece piece = {.kind = INDEX_PUT, .change = change};
    return index_write(index, STORE_LIVE, &piece, 1, err);
}

bool index_remove_base(struct index *index, struct text number, struct text base,
                       struct err *err)
{
    struct index_piece piece = {.kind = INDEX_REMOVE, .number = number, .base = base};
    return index_write(index, STORE_LIVE, &piece, 1, err);
}
