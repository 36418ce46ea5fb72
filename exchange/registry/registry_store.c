// SPDX-License-Identifier: Apache-2.0
/* Storing: what gateways send becomes rows, versions and tombstones. Reading stands in
 * registry_read_store.c. */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/registry/registry.h"
#include "exchange/registry/registry_parts.h"
#include "exchange/registry/registry_sheet.h"
#include "store/store.h"

struct registry {
    struct registry_config config;
    struct registry_looks *looks;   /* *owned* */
    struct registry_sheets *sheets; /* *owned* */
};

struct registry *registry_new(const struct registry_config *config, struct err *err)
{
    struct registry *registry = memory_new(1, sizeof *registry, err);
    if (!registry)
        return NULL;
    registry->config = *config;
    registry->looks = registry_looks_open(config->store, config->log, err);
    if (registry->looks)
        registry->sheets = registry_sheets_open(config->store, config->log, err);
    if (registry->sheets)
        return registry;
    registry_free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    registry_sheets_close(registry->sheets);
    registry_looks_close(registry->looks);
    memory_free(registry);
}

bool registry_note_look(struct registry *registry, struct id post, struct id person,
                        int64_t *new_since_ms, struct err *err)
{
    struct registry_look_key key = {post, person};
    int64_t now_ms = clock_wall_ms(&registry->config.clock);
    return registry_looks_note(registry->looks, &key, now_ms, new_since_ms, err);
}

bool registry_keep_looks(struct registry *registry, struct err *err)
{
    return registry_looks_keep(registry->looks, err);
}

/* Number of the record's rows; a new one gets the next number. */
static bool take_record(struct store_session *session, const struct registry_owner *owner,
                        int64_t *number, struct err *err)
{
    if (!registry_find_record(session, owner->record, number, err))
        return false;
    if (*number > 0)
        return true;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO registry_record (number, record, facility, epoch, revision, "
        "in_step_at, behind_at) SELECT coalesce(max(number), 0) + 1, ?1, ?2, '', 0, 0, 0 "
        "FROM registry_record",
        err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, owner->record);
    store_bind_id(insert, 2, owner->facility);
    return store_run(insert, err) &&
           registry_find_record(session, owner->record, number, err);
}

static bool next_change(struct store_session *session, int64_t *number, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *raise = store_prepare(
        session, "UPDATE registry_change SET last = last + 1 WHERE one = 1", err);
    if (!raise || !store_run(raise, err))
        return false;
    return registry_last_change(session, number, err);
}

/* What is stored under an entry id: where the row stands, and its version. */
struct stored_row {
    bool exists;
    int64_t record;
    int64_t day;
    int64_t kind;
    int64_t state;
    int64_t flags;
    struct text version;
    int64_t visible_at;
};

static bool find_stored(struct store_session *session, struct id entry,
                        struct arena *arena, struct stored_row *row, struct err *err)
{
    *row = (struct stored_row){0};
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session,
                      "SELECT record, day, kind, state, version, visible_at, flags FROM "
                      "registry_entry WHERE entry = ?1",
                      err);
    if (!find)
        return false;
    store_bind_id(find, 1, entry);
    if (!store_step(find, &row->exists, err))
        return false;
    if (!row->exists)
        return true;
    row->record = store_column_int(find, 0);
    row->day = store_column_int(find, 1);
    row->kind = store_column_int(find, 2);
    row->state = store_column_int(find, 3);
    row->visible_at = store_column_int(find, 5);
    row->flags = store_column_int(find, 6);
    return store_column_text(find, 4, arena, &row->version, err);
}

static bool remove_row(struct store_session *session, struct id entry, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *remove =
        store_prepare(session, "DELETE FROM registry_entry WHERE entry = ?1", err);
    if (!remove)
        return false;
    store_bind_id(remove, 1, entry);
    return store_run(remove, err);
}

struct row_position {
    int64_t record;
    struct id entry;
    int64_t visible_at;
    int64_t change;
    int64_t flags;
};

static bool insert_row(struct store_session *session, const struct row_position *position,
                       const struct registry_put *put, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO registry_entry (record, day, kind, entry, source_key, version, "
        "state, "
        "flags, end_day, is_open, title, department_code, department, author, time, "
        "order_number, visible_at, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        err);
    if (!insert)
        return false;
    store_bind_int(insert, 1, position->record);
    store_bind_int(insert, 2, put->day);
    store_bind_int(insert, 3, put->kind);
    store_bind_id(insert, 4, position->entry);
    store_bind_text(insert, 5, put->source_key);
    store_bind_text(insert, 6, put->version);
    store_bind_int(insert, 7, put->state);
    store_bind_int(insert, 8, position->flags);
    store_bind_int(insert, 9, put->end_day);
    store_bind_int(insert, 10, put->is_open);
    store_bind_text(insert, 11, put->title);
    store_bind_text(insert, 12, put->department_code);
    store_bind_text(insert, 13, put->department);
    store_bind_text(insert, 14, put->author);
    store_bind_text(insert, 15, put->time);
    store_bind_text(insert, 16, put->order_number);
    store_bind_int(insert, 17, position->visible_at);
    store_bind_int(insert, 18, position->change);
    return store_run(insert, err);
}

/* Whether what came is what stands there and may be seen already: a gateway that reads
 * its source anew sends everything once more, and nothing of that is news. */
static bool says_the_same(struct store_session *session,
                          const struct row_position *position,
                          const struct registry_put *put, int64_t now_ms, bool *is_same,
                          struct err *err)
{
    *is_same = false;
    if (put->visible_from_ms > now_ms)
        return true;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT 1 FROM registry_entry WHERE entry = ?4 AND record = ?1 AND day = ?2 AND "
        "kind = ?3 AND version = ?5 AND state = ?6 AND flags IN (?7, ?17) AND end_day = "
        "?8 AND "
        "is_open = ?9 AND title = ?10 AND department_code = ?11 AND department = ?12 AND "
        "author = ?13 AND time = ?14 AND order_number = ?15 AND visible_at <= ?16",
        err);
    if (!find)
        return false;
    store_bind_int(find, 1, position->record);
    store_bind_int(find, 2, put->day);
    store_bind_int(find, 3, put->kind);
    store_bind_id(find, 4, position->entry);
    store_bind_text(find, 5, put->version);
    store_bind_int(find, 6, put->state);
    store_bind_int(find, 7, position->flags);
    store_bind_int(find, 8, put->end_day);
    store_bind_int(find, 9, put->is_open);
    store_bind_text(find, 10, put->title);
    store_bind_text(find, 11, put->department_code);
    store_bind_text(find, 12, put->department);
    store_bind_text(find, 13, put->author);
    store_bind_text(find, 14, put->time);
    store_bind_text(find, 15, put->order_number);
    store_bind_int(find, 16, now_ms);
    /* as older programs wrote it */
    store_bind_int(find, 17, position->flags & (REGISTRY_AT_ONCE - 1));
    return store_step(find, is_same, err);
}

static bool bury(struct store_session *session, struct id entry, int64_t change,
                 struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *update = store_prepare(
        session,
        "UPDATE registry_entry SET state = 100, flags = 0, title = '', department = '', "
        "author = '', time = '', order_number = '', change = ?2 WHERE entry = ?1",
        err);
    if (!update)
        return false;
    store_bind_id(update, 1, entry);
    store_bind_int(update, 2, change);
    return store_run(update, err);
}

struct batch {
    struct registry *registry;
    struct registry_event *events;
    size_t count;
    bool is_backfill;
    struct registry_change *changes; /* count of them; number 0 = nothing changed */
    struct arena *arena;
    int64_t now_ms;
};

static struct id entry_id(const struct registry *registry,
                          const struct registry_owner *owner, struct text source_key,
                          struct arena *arena, struct err *err)
{
    CLEANUP(buf_free)
    struct buf name =
        buf_init(ID_TEXT_BYTES + owner->local_number.len + source_key.len + 2);
    struct id_text facility = id_to_text(owner->facility);
    (void)arena;
    buf_cstr(&name, facility.at);
    buf_byte(&name, '/');
    buf_text(&name, owner->local_number);
    buf_byte(&name, '/');
    buf_text(&name, source_key);
    if (!buf_check(&name, err))
        return (struct id){{0}};
    const struct hash *key = &registry->config.id_key;
    return id_from_keyed(span_of(key->bytes, HASH_BYTES), buf_view(&name));
}

static const char *find_fault(const struct registry_event *event)
{
    const struct registry_put *put = &event->put;
    if (put->source_key.len == 0 || put->source_key.len > REGISTRY_SOURCE_KEY_MAX)
        return "event_key";
    if (event->is_withdrawal)
        return NULL;
    if (put->version.len != REGISTRY_VERSION_BYTES)
        return "event_version";
    if (put->kind < 0 || put->kind >= ENTRY_KIND_COUNT || put->state < 0 ||
        put->state >= ENTRY_STATE_COUNT)
        return "event_kind";
    if (put->title.len > 512 || put->department.len > 128 || put->author.len > 128)
        return "event_too_long";
    return NULL;
}

/* Sent again it is nothing new. */
static int64_t visible_at_of(const struct registry_put *put, const struct stored_row *old,
                             int64_t now_ms)
{
    bool is_again = old->exists && old->state != REGISTRY_STATE_WITHDRAWN &&
                    text_equal(put->version, old->version) &&
                    (old->state == ENTRY_INCOMPLETE) == (put->state == ENTRY_INCOMPLETE);
    if (put->visible_from_ms > now_ms)
        return put->visible_from_ms;
    return is_again && old->visible_at < now_ms ? old->visible_at : now_ms;
}

static bool apply_put(struct store_session *session, struct batch *batch, size_t index,
                      struct id entry, struct err *err)
{
    const struct registry_event *event = &batch->events[index];
    const struct registry_put *put = &event->put;
    struct stored_row old;
    struct row_position position = {.entry = entry,
                                    .flags = put->flags & (REGISTRY_AT_ONCE - 1)};
    if (!find_stored(session, entry, batch->arena, &old, err))
        return false;
    if (put->visible_from_ms <= batch->now_ms)
        position.flags |= REGISTRY_AT_ONCE;
    bool is_shown = old.exists && old.state != REGISTRY_STATE_WITHDRAWN;
    /* What comes live is in order, and the source may have taken its newest version back;
     * the backfill may have been overtaken. */
    if (batch->is_backfill && is_shown && text_compare(put->version, old.version) < 0)
        return true;
    bool is_same = false;
    if (!take_record(session, &event->owner, &position.record, err) ||
        !says_the_same(session, &position, put, batch->now_ms, &is_same, err))
        return false;
    if (is_same)
        return true;
    if (!next_change(session, &position.change, err))
        return false;
    if (old.exists && !remove_row(session, entry, err))
        return false;
    position.visible_at = visible_at_of(put, &old, batch->now_ms);
    /* What is delayed and was not there before is nothing to tell of yet. */
    bool is_told = is_shown || position.visible_at <= batch->now_ms;
    batch->changes[index].number = is_told ? position.change : 0;
    batch->changes[index].row = entry_kind_row(put->kind);
    batch->changes[index].day = put->day;
    batch->changes[index].is_sensitive = (put->flags & ENTRY_SENSITIVE) != 0;
    return insert_row(session, &position, put, err);
}

static bool apply_withdrawal(struct store_session *session, struct batch *batch,
                             size_t index, struct id entry, struct err *err)
{
    struct stored_row old;
    int64_t change = 0;
    if (!find_stored(session, entry, batch->arena, &old, err))
        return false;
    if (!old.exists || old.state == REGISTRY_STATE_WITHDRAWN)
        return true;
    batch->changes[index].row = entry_kind_row((enum entry_kind)old.kind);
    batch->changes[index].day = (int32_t)old.day;
    batch->changes[index].is_sensitive = (old.flags & ENTRY_SENSITIVE) != 0;
    if (!next_change(session, &change, err))
        return false;
    batch->changes[index].number = change;
    return bury(session, entry, change, err);
}

static bool apply_batch(struct store_session *session, void *context, struct err *err)
{
    struct batch *batch = context;
    for (size_t i = 0; i < batch->count; i++) {
        struct registry_event *event = &batch->events[i];
        batch->changes[i] = (struct registry_change){.person = event->owner.person,
                                                     .facility = event->owner.facility,
                                                     .record = event->owner.record};
        event->rejected = find_fault(event);
        if (event->rejected)
            continue;
        struct id entry = entry_id(batch->registry, &event->owner, event->put.source_key,
                                   batch->arena, err);
        if (err->kind != ERR_NONE)
            return false;
        bool done = event->is_withdrawal ? apply_withdrawal(session, batch, i, entry, err)
                                         : apply_put(session, batch, i, entry, err);
        if (!done)
            return false;
    }
    return true;
}

static void tell(const struct registry *registry, const struct registry_change *changes,
                 size_t count)
{
    const struct registry_config *config = &registry->config;
    for (size_t i = 0; i < count && config->listener; i++)
        if (changes[i].number > 0)
            config->listener(config->listener_context, &changes[i]);
}

bool registry_store_events(struct registry *registry, bool is_backfill,
                           struct registry_event *events, size_t count, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    struct batch batch = {.registry = registry,
                          .events = events,
                          .count = count,
                          .is_backfill = is_backfill,
                          .arena = &arena,
                          .now_ms = clock_wall_ms(&registry->config.clock)};
    batch.changes = ARENA_MANY(&arena, struct registry_change, count, err);
    if (!batch.changes)
        return false;
    enum store_lane lane = is_backfill ? STORE_BACKFILL : STORE_LIVE;
    if (!store_write(registry->config.store, lane, apply_batch, &batch, err))
        return false;
    tell(registry, batch.changes, count);
    return true;
}

/* ---- snapshots ---- */

struct reconciling {
    struct registry *registry;
    const struct registry_owner *owner;
    const struct registry_snapshot *snapshot;
    struct arena *arena;
    int64_t now_ms;
    size_t missing;
    size_t withdrawn;
    int64_t change;
};

static bool names_key(const struct registry_snapshot *snapshot, struct text key,
                      size_t *index)
{
    size_t low = 0;
    size_t high = snapshot->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(key, snapshot->keys[middle]);
        if (order == 0) {
            *index = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

struct held_row {
    struct id entry;
    struct held_row *next;
};

/* Rows that the snapshot does not name, or names in an older version since the source
 * took ours back, as a list; counts those it names as they are. */
static bool compare_rows(struct store_session *session, int64_t record,
                         struct reconciling *work, struct held_row **surplus,
                         size_t *agreeing, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT entry, source_key, version, change FROM registry_entry WHERE record = ?1 "
        "AND state <> 100",
        err);
    bool has_row = false;
    if (!rows)
        return false;
    store_bind_int(rows, 1, record);
    while (store_step(rows, &has_row, err) && has_row) {
        size_t index = 0;
        bool is_later = store_column_int(rows, 3) > work->snapshot->until_change;
        if (names_key(work->snapshot, store_column_view(rows, 1), &index)) {
            int order =
                text_compare(store_column_view(rows, 2), work->snapshot->versions[index]);
            *agreeing += order == 0;
            if (order <= 0)
                continue;
        }
        if (is_later) /* it came while the snapshot was on its way */
            continue;
        struct held_row *row = ARENA_NEW(work->arena, struct held_row, err);
        if (!row || !store_column_id(rows, 0, &row->entry, err))
            return false;
        row->next = *surplus;
        *surplus = row;
    }
    return err->kind == ERR_NONE;
}

static bool note_step(struct store_session *session, int64_t record,
                      const struct registry_snapshot *snapshot, int64_t in_step_at,
                      int64_t behind_at, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *update = store_prepare(
        session,
        "UPDATE registry_record SET epoch = ?2, revision = ?3, in_step_at = "
        "CASE WHEN CAST(?4 AS BIGINT) > 0 THEN ?4 ELSE in_step_at END, behind_at = ?5 "
        "WHERE number = ?1",
        err);
    if (!update)
        return false;
    store_bind_int(update, 1, record);
    store_bind_text(update, 2, snapshot->epoch);
    store_bind_int(update, 3, snapshot->revision);
    store_bind_int(update, 4, in_step_at);
    store_bind_int(update, 5, behind_at);
    return store_run(update, err);
}

static bool reconcile(struct store_session *session, void *context, struct err *err)
{
    struct reconciling *work = context;
    struct held_row *surplus = NULL;
    size_t agreeing = 0;
    int64_t record = 0;
    work->withdrawn = 0;
    if (!take_record(session, work->owner, &record, err) ||
        !compare_rows(session, record, work, &surplus, &agreeing, err) ||
        !next_change(session, &work->change, err))
        return false;
    for (struct held_row *row = surplus; row; row = row->next) {
        work->withdrawn++;
        if (!bury(session, row->entry, work->change, err))
            return false;
    }
    work->missing = work->snapshot->count - agreeing;
    bool is_in_step = work->missing == 0;
    return note_step(session, record, work->snapshot, is_in_step ? work->now_ms : 0,
                     is_in_step ? 0 : work->now_ms, err);
}

static void tell_record(const struct registry *registry,
                        const struct registry_owner *owner, bool is_freshness,
                        int64_t number)
{
    struct registry_change change = {.person = owner->person,
                                     .facility = owner->facility,
                                     .record = owner->record,
                                     .is_freshness = is_freshness,
                                     .row = ENTRY_ROW_NONE,
                                     .day = DAY_NONE,
                                     .number = number};
    tell(registry, &change, 1);
}

bool registry_newest_change(struct registry *registry, int64_t *number, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(registry->config.store, err);
    return session && registry_last_change(session, number, err);
}

bool registry_reconcile(struct registry *registry, const struct registry_owner *owner,
                        const struct registry_snapshot *snapshot, size_t *missing,
                        size_t *withdrawn, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct reconciling work = {.registry = registry,
                               .owner = owner,
                               .snapshot = snapshot,
                               .arena = &arena,
                               .now_ms = clock_wall_ms(&registry->config.clock)};
    if (!store_write(registry->config.store, STORE_LIVE, reconcile, &work, err))
        return false;
    *missing = work.missing;
    *withdrawn = work.withdrawn;
    if (work.withdrawn > 0)
        tell_record(registry, owner, false, work.change);
    tell_record(registry, owner, true, work.change);
    return true;
}

struct stepping {
    const struct registry_owner *owner;
    struct registry_snapshot snapshot;
    int64_t now_ms;
};

static bool note_in_step(struct store_session *session, void *context, struct err *err)
{
    struct stepping *work = context;
    int64_t record = 0;
    return take_record(session, work->owner, &record, err) &&
           note_step(session, record, &work->snapshot, work->now_ms, 0, err);
}

bool registry_note_in_step(struct registry *registry, const struct registry_owner *owner,
                           struct text epoch, int64_t revision, struct err *err)
{
    struct stepping work = {.owner = owner,
                            .snapshot = {.epoch = epoch, .revision = revision},
                            .now_ms = clock_wall_ms(&registry->config.clock)};
    if (!store_write(registry->config.store, STORE_LIVE, note_in_step, &work, err))
        return false;
    tell_record(registry, owner, true, 1);
    return true;
}

bool registry_forget(struct registry *registry, const struct registry_owner *owner,
                     struct err *err)
{
    static const struct registry_snapshot nothing = {.epoch = {"", 0},
                                                     .until_change = INT64_MAX};
    size_t missing = 0;
    size_t withdrawn = 0;
    return registry_reconcile(registry, owner, &nothing, &missing, &withdrawn, err);
}
