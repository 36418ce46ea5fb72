// SPDX-License-Identifier: Apache-2.0
#include "gateway/index/index.h"

#include <string.h>

#include "base/memory.h"
#include "gateway/index/index_parts.h"
#include "store/migrations.h"

struct founding {
    struct index *index;
    struct id fresh;
};

/* A database without an epoch is new: it gets one, and keeps it for life. */
static bool found(struct store_session *session, void *context, struct err *err)
{
    struct founding *founding = context;
    CLEANUP(store_finish)
    struct store_statement *insert =
        store_prepare(session,
                      "INSERT INTO index_meta (one, epoch, sequence, policy, filled) "
                      "SELECT 1, ?1, 0, '', 0 "
                      "WHERE NOT EXISTS (SELECT 1 FROM index_meta)",
                      err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, founding->fresh);
    return store_run(insert, err);
}

static bool read_epoch(struct index *index, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT epoch FROM index_meta WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    struct text epoch = has_row ? store_column_view(find, 0) : (struct text){0};
    if (epoch.len != 2 * ID_BYTES)
        return err_set(err, ERR_SYSTEM, "index_corrupt", "no epoch");
    memcpy(index->epoch, epoch.at, epoch.len);
    return true;
}

struct index *index_open(const struct index_config *config, struct err *err)
{
    struct index *index = memory_new(1, sizeof *index, err);
    if (!index)
        return NULL;
    struct founding founding = {index, id_new(&config->rand)};
    struct store_config store = {.location = config->location,
                                 .migrations = store_gateway_migrations,
                                 .migration_count = store_gateway_migrations_count,
                                 .log = config->log};
    index->config = *config;
    index->policy = index_policy_new(config, err);
    index->store = !index->policy   ? NULL
                   : config->serves ? store_serve(&store, err)
                                    : store_open(&store, err);
    if (!index->store || !store_write(index->store, STORE_LIVE, found, &founding, err) ||
        !read_epoch(index, err) || !index_follow_policy(index, err)) {
        index_close(index);
        return NULL;
    }
    return index;
}

void index_close(struct index *index)
{
    if (!index)
        return;
    if (index->store)
        store_close(index->store);
    index_policy_free(index->policy);
    memory_free(index);
}

struct store *index_store(const struct index *index)
{
    return index->store;
}

struct text index_epoch(const struct index *index)
{
    return (struct text){index->epoch, 2 * ID_BYTES};
}

static bool renew_epoch(struct store_session *session, void *context, struct err *err)
{
    const struct id *fresh = context;
    CLEANUP(store_finish)
    struct store_statement *renew =
        store_prepare(session, "UPDATE index_meta SET epoch = ?1 WHERE one = 1", err);
    if (!renew)
        return false;
    store_bind_id(renew, 1, *fresh);
    return store_run(renew, err);
}

bool index_renew_epoch(struct index *index, struct err *err)
{
    struct id fresh = id_new(&index->config.rand);
    return store_write(index->store, STORE_LIVE, renew_epoch, &fresh, err) &&
           read_epoch(index, err);
}

bool index_audit_number(struct index *index, uint64_t *number, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT audit_number FROM index_meta WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    *number = has_row ? (uint64_t)store_column_int(find, 0) : 0;
    return true;
}

bool index_set_meta(struct store_session *session, const char *sql, int64_t number,
                    struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *set = store_prepare(session, sql, err);
    if (!set)
        return false;
    store_bind_int(set, 1, number);
    return store_run(set, err);
}

static bool note_audit(struct store_session *session, void *context, struct err *err)
{
    const uint64_t *number = context;
    return index_set_meta(session,
                          "UPDATE index_meta SET audit_number = ?1 WHERE one = 1",
                          (int64_t)*number, err);
}

bool index_note_audit(struct index *index, uint64_t number, struct err *err)
{
    return store_write(index->store, STORE_LIVE, note_audit, &number, err);
}

bool index_read_filling(struct store_session *session, struct index_filling *filling,
                        struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT filled, awaits_pictures FROM index_meta WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    filling->is_filled = has_row && store_column_int(find, 0) != 0;
    filling->awaits_pictures = has_row && store_column_int(find, 1) != 0;
    return true;
}

bool index_was_filled(struct index *index, bool *was_filled, struct err *err)
{
    struct index_filling filling;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_read_filling(session, &filling, err))
        return false;
    *was_filled = filling.is_filled;
    return true;
}

static bool note_filled(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return index_set_meta(session, "UPDATE index_meta SET filled = ?1 WHERE one = 1", 1,
                          err);
}

bool index_note_filled(struct index *index, struct err *err)
{
    return store_write(index->store, STORE_LIVE, note_filled, NULL, err);
}

void index_wake(const struct index *index, int lane)
{
    if (index->config.wake)
        index->config.wake(index->config.wake_context, lane);
}

bool index_enqueue(struct store_session *session, const struct index_outgoing *outgoing,
                   struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *raise = store_prepare(
        session, "UPDATE index_meta SET sequence = sequence + 1 WHERE one = 1", err);
    if (!raise || !store_run(raise, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO index_outbox (sequence, lane, type, record, number, entry_key) "
        "SELECT sequence, ?1, ?2, ?3, ?4, ?5 FROM index_meta WHERE one = 1",
        err);
    if (!insert)
        return false;
    store_bind_int(insert, 1, outgoing->lane);
    store_bind_int(insert, 2, outgoing->type);
    store_bind_text(insert, 3, outgoing->record);
    store_bind_text(insert, 4, outgoing->number);
    store_bind_text(insert, 5, outgoing->entry_key);
    return store_run(insert, err);
}

bool index_links_of_number(struct store_session *session, struct text number,
                           struct arena *arena, struct index_link_list *links,
                           struct err *err)
{
    enum { LINKS_MAX = 16 };
    bool has_row = false;
    links->count = 0;
    links->records = ARENA_MANY(arena, struct text, LINKS_MAX, err);
    if (!links->records)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session, "SELECT record FROM index_link WHERE number = ?1 AND state = 0", err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, number);
    while (links->count < LINKS_MAX && store_step(rows, &has_row, err) && has_row)
        if (!store_column_text(rows, 0, arena, &links->records[links->count++], err))
            return false;
    return err->kind == ERR_NONE;
}

bool index_raise_revision(struct store_session *session, struct text record,
                          struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *raise = store_prepare(
        session, "UPDATE index_link SET revision = revision + 1 WHERE record = ?1", err);
    if (!raise)
        return false;
    store_bind_text(raise, 1, record);
    return store_run(raise, err);
}

bool index_take_row(struct store_statement *rows, struct arena *arena,
                    struct index_row *row, struct err *err)
{
    *row = (struct index_row){
        .kind = (enum entry_kind)store_column_int(rows, 2),
        .state = store_column_int(rows, 3),
        .flags = store_column_int(rows, 4),
        .day = (int32_t)store_column_int(rows, 5),
        .end_day = (int32_t)store_column_int(rows, 6),
        .is_open = store_column_int(rows, 7) != 0,
        .received_at = store_column_int(rows, 14),
    };
    return store_column_text(rows, 0, arena, &row->entry_key, err) &&
           store_column_text(rows, 1, arena, &row->version, err) &&
           store_column_text(rows, 8, arena, &row->title, err) &&
           store_column_text(rows, 9, arena, &row->department_code, err) &&
           store_column_text(rows, 10, arena, &row->department, err) &&
           store_column_text(rows, 11, arena, &row->author, err) &&
           store_column_text(rows, 12, arena, &row->time, err) &&
           store_column_text(rows, 13, arena, &row->order_number, err);
}

bool index_list_bases(struct index *index, struct text number, struct text folder,
                      struct arena *arena, struct text **bases, size_t *count,
                      struct err *err)
{
    struct text end;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_after_prefix(folder, arena, &end, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      "SELECT DISTINCT base FROM index_file WHERE number = ?1 AND "
                      "path >= ?2 AND path < ?3",
                      err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, number);
    store_bind_text(rows, 2, folder);
    store_bind_text(rows, 3, end);
    return index_list_texts(rows, arena, bases, count, err);
}

bool index_find_file(struct index *index, struct text number, struct text base,
                     struct arena *arena, struct index_file *file, struct err *err)
{
    bool has_row = false;
    *file = (struct index_file){.number = number, .base = base};
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT " INDEX_FILE_COLUMNS " FROM index_file WHERE number = ?1 AND base = ?2",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, base);
    if (!store_step(find, &has_row, err))
        return false;
    return !has_row || index_take_file(find, arena, file, err);
}

bool index_list_trouble(struct index *index, size_t max, struct arena *arena,
                        struct index_trouble **items, size_t *count, struct err *err)
{
    bool has_row = false;
    *count = 0;
    *items = ARENA_MANY(arena, struct index_trouble, max, err);
    CLEANUP(store_read_end)
    struct store_session *session = *items ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT path, state, code, offset_bytes, first_seen, last_tried FROM index_file "
        "WHERE state > 0 ORDER BY state, path",
        err);
    if (!rows)
        return false;
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        struct index_trouble *item = &(*items)[(*count)++];
        item->state = (enum index_file_state)store_column_int(rows, 1);
        item->offset_bytes = store_column_int(rows, 3);
        item->first_seen_ms = store_column_int(rows, 4);
        item->last_tried_ms = store_column_int(rows, 5);
        if (!store_column_text(rows, 0, arena, &item->path, err) ||
            !store_column_text(rows, 2, arena, &item->code, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool index_moment_begin(struct index_moment *moment, struct index *index, struct err *err)
{
    *moment = (struct index_moment){index, store_read(index->store, err)};
    return moment->session != NULL;
}

void index_moment_end(struct index_moment *moment)
{
    store_read_end(&moment->session);
}

bool index_find_place(struct index *index, struct text number, struct text entry_key,
                      struct arena *arena, struct index_place *place, struct err *err)
{
    CLEANUP(index_moment_end) struct index_moment moment = {0};
    return index_moment_begin(&moment, index, err) &&
           index_moment_place(&moment, number, entry_key, arena, place, err);
}

bool index_moment_place(const struct index_moment *moment, struct text number,
                        struct text entry_key, struct arena *arena,
                        struct index_place *place, struct err *err)
{
    bool has_row = false;
    struct store_session *session = moment->session;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT e.path, e.version, e.kind, e.day, e.department_code, e.base, "
        "e.received_at, e.state, f.hash, e.flags FROM index_entry e JOIN index_file f ON "
        "f.path = e.path WHERE e.number = ?1 AND e.entry_key = ?2",
        err);
    CLEANUP(store_finish)
    struct store_statement *kinds = store_prepare(
        session,
        /* a file's keys are its base and what begins with base and '/' */
        "SELECT kind, day, department_code, flags FROM index_entry WHERE number = ?1 "
        "AND entry_key >= ?2 AND entry_key < ?2 || '0' AND base = ?2",
        err);
    if (!find || !kinds)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, entry_key);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such entry");
    struct text base = {0};
    *place = (struct index_place){.number = number,
                                  .entry_key = entry_key,
                                  .kind = (enum entry_kind)store_column_int(find, 2),
                                  .day = (int32_t)store_column_int(find, 3),
                                  .received_at_ms = store_column_int(find, 6),
                                  .is_incomplete =
                                      store_column_int(find, 7) == ENTRY_INCOMPLETE};
    place->is_sensitive = (store_column_int(find, 9) & ENTRY_SENSITIVE) != 0;
    if (!store_column_text(find, 0, arena, &place->path, err) ||
        !store_column_text(find, 1, arena, &place->version, err) ||
        !store_column_text(find, 4, arena, &place->department_code, err) ||
        !store_column_text(find, 5, arena, &base, err) ||
        !store_column_text(find, 8, arena, &place->hash, err))
        return false;
    store_bind_text(kinds, 1, number);
    store_bind_text(kinds, 2, base);
    while (store_step(kinds, &has_row, err) && has_row) {
        enum entry_kind kind = (enum entry_kind)store_column_int(kinds, 0);
        unsigned flags = (unsigned)store_column_int(kinds, 3);
        place->kinds_in_file |= 1U << kind;
        if (flags & ENTRY_SENSITIVE)
            place->sensitive_in_file |= 1U << kind;
        if (!index_is_published(moment->index, kind, flags,
                                (int32_t)store_column_int(kinds, 1),
                                store_column_view(kinds, 2)))
            place->has_unpublished = true;
    }
    return err->kind == ERR_NONE;
}
