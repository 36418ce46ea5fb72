// SPDX-License-Identifier: Apache-2.0
/* Reading: every query takes its limits from the permit's grants. */
#include <string.h>

#include "exchange/registry/registry.h"
#include "exchange/registry/registry_parts.h"
#include "exchange/registry/registry_rows.h"
#include "formats/uplink/uplink.h"
#include "store/store.h"

bool registry_find_record(struct store_session *session, struct id record,
                          int64_t *number, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT number FROM registry_record WHERE record = ?1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, &has_row, err))
        return false;
    *number = has_row ? store_column_int(find, 0) : 0;
    return true;
}

bool registry_last_change(struct store_session *session, int64_t *number, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT last FROM registry_change WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    *number = has_row ? store_column_int(find, 0) : 0;
    return true;
}

/* ---- single entries ---- */

bool registry_locate(struct store_session *session, struct id entry, struct arena *arena,
                     struct registry_place *place, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT r.record, r.facility, e.kind, e.day, e.department_code, e.flags FROM "
        "registry_entry e JOIN registry_record r ON r.number = e.record WHERE "
        "e.entry = ?1 AND e.state <> 100",
        err);
    if (!find)
        return false;
    store_bind_id(find, 1, entry);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such entry");
    place->kind = (enum entry_kind)store_column_int(find, 2);
    place->day = (int32_t)store_column_int(find, 3);
    place->is_sensitive = (store_column_int(find, 5) & ENTRY_SENSITIVE) != 0;
    return store_column_id(find, 0, &place->record, err) &&
           store_column_id(find, 1, &place->facility, err) &&
           store_column_text(find, 4, arena, &place->department_code, err);
}

/* Columns of `ENTRY_COLUMNS` → one entry, copied. */
#define ENTRY_COLUMNS                                                                    \
    "e.entry, e.kind, e.state, e.flags, e.day, e.end_day, e.source_key, e.title, "       \
    "e.department_code, e.department, e.author, e.time, e.visible_at"

static bool take_entry(struct store_statement *rows, const struct permit_grant *grant,
                       struct arena *arena, struct registry_entry *entry, struct err *err)
{
    *entry = (struct registry_entry){
        .facility = grant->provider,
        .record = grant->record,
        .kind = (enum entry_kind)store_column_int(rows, 1),
        .state = (int)store_column_int(rows, 2),
        .day = (int32_t)store_column_int(rows, 4),
        .end_day = (int32_t)store_column_int(rows, 5),
    };
    unsigned flags = (unsigned)store_column_int(rows, 3);
    entry->flags = registry_shown_flags(flags, entry->state, false);
    return store_column_id(rows, 0, &entry->id, err) &&
           store_column_text(rows, 6, arena, &entry->source_key, err) &&
           store_column_text(rows, 7, arena, &entry->title, err) &&
           store_column_text(rows, 8, arena, &entry->department_code, err) &&
           store_column_text(rows, 9, arena, &entry->department, err) &&
           store_column_text(rows, 10, arena, &entry->author, err) &&
           store_column_text(rows, 11, arena, &entry->time, err);
}

static bool is_entry_granted(struct store_statement *rows,
                             const struct permit_grant *grant)
{
    struct registry_terms terms = registry_terms_now(grant);
    struct registry_seen_row seen = {
        store_column_int(rows, 1), store_column_int(rows, 3), store_column_int(rows, 4),
        store_column_int(rows, 12), store_column_view(rows, 8)};
    return registry_is_granted(&terms, &seen);
}

bool registry_read_entry(struct store_session *session,
                         const struct disclosure_permit *permit, struct id entry,
                         struct arena *arena, struct registry_entry *out, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT " ENTRY_COLUMNS " FROM registry_entry e JOIN registry_record r ON "
        "r.number = e.record WHERE e.entry = ?1 AND r.record = ?2 AND e.state <> 100",
        err);
    if (!find || !registry_check_audited(permit, err))
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        bool has_row = false;
        store_reset(find);
        store_bind_id(find, 1, entry);
        store_bind_id(find, 2, contents->grants[i].record);
        if (!store_step(find, &has_row, err))
            return false;
        if (has_row && is_entry_granted(find, &contents->grants[i]))
            return take_entry(find, &contents->grants[i], arena, out, err);
    }
    return err_set(err, ERR_MISSING, "not_found", "no such entry under this permit");
}

/* Newest first within one grant, from the cursor on. */
static bool read_grant_row(struct store_session *session,
                           const struct permit_grant *grant,
                           const struct registry_query *query, struct arena *arena,
                           struct registry_entry *entries, size_t *count, struct err *err)
{
    int64_t record = 0;
    bool has_row = false;
    if (!registry_find_record(session, grant->record, &record, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE e.record = ?1 AND "
        "e.day >= ?2 AND e.day <= ?3 AND e.state <> 100 AND (e.day < ?4 OR (e.day = ?4 "
        "AND e.entry < ?5)) ORDER BY e.day DESC, e.entry DESC",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, record);
    store_bind_int(rows, 2, query->from);
    store_bind_int(rows, 3, query->to);
    store_bind_int(rows, 4, query->before_day);
    store_bind_id(rows, 5, query->before_entry);
    size_t found = 0;
    while (found < REGISTRY_PAGE_MAX && store_step(rows, &has_row, err) && has_row) {
        enum entry_kind kind = (enum entry_kind)store_column_int(rows, 1);
        if (!is_entry_granted(rows, grant) || entry_kind_row(kind) != query->row)
            continue;
        if (!take_entry(rows, grant, arena, &entries[*count], err))
            return false;
        found++;
        (*count)++;
    }
    return err->kind == ERR_NONE;
}

static bool is_before(const struct registry_entry *a, const struct registry_entry *b)
{
    if (a->day != b->day)
        return a->day > b->day;
    return memcmp(a->id.bytes, b->id.bytes, ID_BYTES) > 0;
}

/* Insertion sort: pages of each grant are in order already. */
static void sort_newest_first(struct registry_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct registry_entry moved = entries[i];
        size_t at = i;
        for (; at > 0 && is_before(&moved, &entries[at - 1]); at--)
            entries[at] = entries[at - 1];
        entries[at] = moved;
    }
}

bool registry_read_row(struct store_session *session,
                       const struct disclosure_permit *permit,
                       const struct registry_query *query, struct arena *arena,
                       struct registry_entry **entries, size_t *count, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    *count = 0;
    if (!registry_check_audited(permit, err))
        return false;
    *entries = ARENA_MANY(arena, struct registry_entry,
                          REGISTRY_PAGE_MAX * (contents->grant_count + 1), err);
    if (!*entries)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        const struct permit_grant *grant = &contents->grants[i];
        bool is_asked =
            id_is_zero(query->facility) || id_equal(query->facility, grant->provider);
        if (is_asked &&
            !read_grant_row(session, grant, query, arena, *entries, count, err))
            return false;
    }
    sort_newest_first(*entries, *count);
    if (*count > REGISTRY_PAGE_MAX)
        *count = REGISTRY_PAGE_MAX;
    return true;
}

/* The nearest entry of the row in one direction, over all grants. */
static bool find_neighbour(struct store_session *session, const char *sql,
                           const struct disclosure_permit *permit,
                           const struct registry_entry *entry, bool is_later,
                           struct registry_entry *nearest, struct arena *arena,
                           struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(session, sql, err);
    bool has_found = false;
    if (!rows)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        int64_t record = 0;
        bool has_row = false;
        const struct permit_grant *grant = &contents->grants[i];
        if (!registry_find_record(session, grant->record, &record, err))
            return false;
        store_reset(rows);
        store_bind_int(rows, 1, record);
        store_bind_int(rows, 2, entry->day);
        store_bind_id(rows, 3, entry->id);
        while (store_step(rows, &has_row, err) && has_row) {
            enum entry_kind kind = (enum entry_kind)store_column_int(rows, 1);
            struct registry_entry candidate;
            if (!is_entry_granted(rows, grant) ||
                entry_kind_row(kind) != entry_kind_row(entry->kind))
                continue;
            if (!take_entry(rows, grant, arena, &candidate, err))
                return false;
            if (!has_found || is_before(nearest, &candidate) == is_later)
                *nearest = candidate;
            has_found = true;
            break;
        }
    }
    return err->kind == ERR_NONE;
}

bool registry_read_neighbours(struct store_session *session,
                              const struct disclosure_permit *permit,
                              const struct registry_entry *entry, struct id *previous,
                              struct id *next, struct arena *arena, struct err *err)
{
    struct registry_entry earlier = {0};
    struct registry_entry later = {0};
    if (!registry_check_audited(permit, err) ||
        !find_neighbour(session,
                        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE "
                        "e.record = ?1 AND e.day > -2147483648 AND e.state IN (0, 3, 4) "
                        "AND (e.day < ?2 OR (e.day = ?2 AND e.entry < ?3)) "
                        "ORDER BY e.day DESC, e.entry DESC",
                        permit, entry, false, &earlier, arena, err) ||
        !find_neighbour(session,
                        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE "
                        "e.record = ?1 AND e.state IN (0, 3, 4) "
                        "AND (e.day > ?2 OR (e.day = ?2 AND e.entry > ?3)) "
                        "ORDER BY e.day, e.entry",
                        permit, entry, true, &later, arena, err))
        return false;
    *previous = earlier.id;
    *next = later.id;
    return true;
}

/* ---- freshness, looks, news ---- */

bool registry_read_freshness(struct store_session *session, struct id record,
                             struct registry_freshness *out, struct err *err)
{
    bool has_row = false;
    *out = (struct registry_freshness){0};
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT in_step_at, behind_at FROM registry_record WHERE record = ?1",
        err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, &has_row, err))
        return false;
    if (has_row) {
        out->in_step_at_ms = store_column_int(find, 0);
        out->behind_at_ms = store_column_int(find, 1);
    }
    return true;
}

bool registry_read_looks(struct store_session *session,
                         const struct disclosure_scope *scope, struct id post, size_t max,
                         struct arena *arena, struct registry_look **looks, size_t *count,
                         struct err *err)
{
    bool has_row = false;
    (void)scope; /* its existence is the permission; a post is the viewer's own */
    *count = 0;
    *looks = ARENA_MANY(arena, struct registry_look, max, err);
    if (!*looks)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT person, looked_at, before_at FROM registry_look WHERE post = ?1 "
        "ORDER BY looked_at DESC",
        err);
    if (!rows)
        return false;
    store_bind_id(rows, 1, post);
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        struct registry_look *look = &(*looks)[(*count)++];
        look->looked_at_ms = store_column_int(rows, 1);
        look->before_at_ms = store_column_int(rows, 2);
        if (!store_column_id(rows, 0, &look->person, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool registry_count_new(struct store_session *session,
                        const struct disclosure_permit *permit, int64_t since_ms,
                        int64_t *count, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    *count = 0;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE e.record = ?1 AND "
        "e.visible_at > ?2 AND e.state IN (0, 3, 4)",
        err);
    if (!rows)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        int64_t record = 0;
        bool has_row = false;
        if (!registry_find_record(session, contents->grants[i].record, &record, err))
            return false;
        store_reset(rows);
        store_bind_int(rows, 1, record);
        store_bind_int(rows, 2, since_ms);
        while (store_step(rows, &has_row, err) && has_row) {
            enum entry_kind kind = (enum entry_kind)store_column_int(rows, 1);
            *count += is_entry_granted(rows, &contents->grants[i]) &&
                      entry_kind_row(kind) != ENTRY_ROW_NONE;
        }
        if (err->kind != ERR_NONE)
            return false;
    }
    return true;
}

/* ---- being in step ---- */

static bool read_step(struct store_session *session, struct id record,
                      struct arena *arena, struct registry_sum *sum, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT epoch, revision, in_step_at FROM registry_record WHERE record = ?1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return true;
    sum->revision = store_column_int(find, 1);
    sum->in_step_at_ms = store_column_int(find, 2);
    return store_column_text(find, 0, arena, &sum->epoch, err);
}

bool registry_sum_record(struct store_session *session, struct id record,
                         struct arena *arena, struct registry_sum *sum, struct err *err)
{
    int64_t number = 0;
    bool has_row = false;
    *sum = (struct registry_sum){.epoch = TEXT("")};
    if (!registry_find_record(session, record, &number, err) ||
        !read_step(session, record, arena, sum, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT source_key, version FROM registry_entry WHERE record = ?1 AND "
        "state <> 100",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, number);
    while (store_step(rows, &has_row, err) && has_row) {
        sum->count++;
        uplink_digest_add(sum->digest, store_column_view(rows, 0),
                          store_column_view(rows, 1));
    }
    return err->kind == ERR_NONE;
}
