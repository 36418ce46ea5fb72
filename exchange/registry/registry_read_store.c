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

/* Room for a page of each grant. */
struct row_entries {
    struct registry_entry *at;
    size_t count;
    size_t left; /* of this grant's page */
    struct arena *arena;
};

enum {
    CURSOR_PAGE_ROWS = 400
}; /* a database on a server would send all that there are */

struct cursor {
    int64_t record;
    int64_t day;
    struct id entry;
    int read_rows; /* of the newest page */
};

/* Moves behind the row. */
static bool move_cursor(struct store_statement *rows, struct cursor *cursor,
                        struct err *err)
{
    cursor->read_rows++;
    cursor->day = store_column_int(rows, 4);
    return store_column_id(rows, 0, &cursor->entry, err);
}

/* The first and the last kind of a row; others may lie between. */
static void bind_kinds(struct store_statement *rows, int index, enum entry_row row)
{
    int first = ENTRY_KIND_COUNT, last = -1;
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++)
        if (entry_kind_row((enum entry_kind)kind) == row) {
            first = first < kind ? first : kind;
            last = kind;
        }
    store_bind_int(rows, index, first);
    store_bind_int(rows, index + 1, last);
}

static bool read_row_page(struct store_session *session, const struct permit_grant *grant,
                          const struct registry_query *query, struct cursor *cursor,
                          struct row_entries *found, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE e.record = ?1 AND "
        "e.day >= ?2 AND e.day <= ?3 AND e.kind >= ?6 AND e.kind <= ?7 AND "
        "e.state <> 100 AND (e.day < ?4 OR (e.day = ?4 AND e.entry < ?5)) "
        "ORDER BY e.day DESC, e.entry DESC LIMIT 400",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, cursor->record);
    store_bind_int(rows, 2, query->from);
    store_bind_int(rows, 3, cursor->day < query->to ? cursor->day : query->to);
    store_bind_int(rows, 4, cursor->day);
    store_bind_id(rows, 5, cursor->entry);
    bind_kinds(rows, 6, query->row);
    cursor->read_rows = 0;
    while (found->left > 0 && store_step(rows, &has_row, err) && has_row) {
        enum entry_kind kind = (enum entry_kind)store_column_int(rows, 1);
        if (!move_cursor(rows, cursor, err))
            return false;
        if (!is_entry_granted(rows, grant) || entry_kind_row(kind) != query->row)
            continue;
        if (!take_entry(rows, grant, found->arena, &found->at[found->count], err))
            return false;
        found->left--;
        found->count++;
    }
    return err->kind == ERR_NONE;
}

/* Newest first within one grant, from the cursor on. */
static bool read_grant_row(struct store_session *session,
                           const struct permit_grant *grant,
                           const struct registry_query *query, struct row_entries *found,
                           struct err *err)
{
    struct cursor cursor = {.day = query->before_day,
                            .entry = query->before_entry,
                            .read_rows = CURSOR_PAGE_ROWS};
    if (!registry_find_record(session, grant->record, &cursor.record, err))
        return false;
    found->left = REGISTRY_PAGE_MAX;
    while (found->left > 0 && cursor.read_rows == CURSOR_PAGE_ROWS)
        if (!read_row_page(session, grant, query, &cursor, found, err))
            return false;
    return true;
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
    struct row_entries found = {.at = *entries, .arena = arena};
    for (size_t i = 0; i < contents->grant_count; i++) {
        const struct permit_grant *grant = &contents->grants[i];
        bool is_asked =
            id_is_zero(query->facility) || id_equal(query->facility, grant->provider);
        if (is_asked && !read_grant_row(session, grant, query, &found, err))
            return false;
    }
    *count = found.count;
    sort_newest_first(*entries, *count);
    if (*count > REGISTRY_PAGE_MAX)
        *count = REGISTRY_PAGE_MAX;
    return true;
}

static bool read_grant_pictures(struct store_session *session,
                                const struct permit_grant *grant, const int32_t range[2],
                                struct row_entries *found, struct err *err)
{
    int64_t record = 0;
    bool has_row = false;
    if (!registry_find_record(session, grant->record, &record, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE e.record = ?1 AND "
        "e.day >= ?2 AND e.day <= ?3 AND e.state = 0 AND (e.flags & ?4) <> 0 "
        "ORDER BY e.day DESC, e.entry DESC",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, record);
    store_bind_int(rows, 2, range[0]);
    store_bind_int(rows, 3, range[1]);
    store_bind_int(rows, 4, ENTRY_HAS_IMAGE | ENTRY_HAS_WAVEFORM);
    found->left = REGISTRY_PAGE_MAX;
    while (found->left > 0 && store_step(rows, &has_row, err) && has_row) {
        if (!is_entry_granted(rows, grant))
            continue;
        if (!take_entry(rows, grant, found->arena, &found->at[found->count], err))
            return false;
        found->left--;
        found->count++;
    }
    return err->kind == ERR_NONE;
}

bool registry_read_pictures(struct store_session *session,
                            const struct disclosure_permit *permit, int32_t from,
                            int32_t to, struct arena *arena,
                            struct registry_entry **entries, size_t *count,
                            struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    const int32_t range[2] = {from, to};
    *count = 0;
    if (!registry_check_audited(permit, err))
        return false;
    *entries = ARENA_MANY(arena, struct registry_entry,
                          REGISTRY_PAGE_MAX * (contents->grant_count + 1), err);
    if (!*entries)
        return false;
    struct row_entries found = {.at = *entries, .arena = arena};
    for (size_t i = 0; i < contents->grant_count; i++)
        if (!read_grant_pictures(session, &contents->grants[i], range, &found, err))
            return false;
    *count = found.count;
    sort_newest_first(*entries, *count);
    if (*count > REGISTRY_PAGE_MAX)
        *count = REGISTRY_PAGE_MAX;
    return true;
}

/* Of one entry, within its row. */
struct neighbour {
    const struct registry_entry *of;
    bool is_later;
    struct arena *arena;
    struct registry_entry nearest; /* zero id = none yet */
};

/* The nearest entry of the row on one page of a grant. */
static bool look_at_page(struct store_statement *rows, const struct permit_grant *grant,
                         struct neighbour *search, struct cursor *cursor, bool *has_one,
                         struct err *err)
{
    bool has_row = false;
    store_reset(rows);
    store_bind_int(rows, 1, cursor->record);
    store_bind_int(rows, 2, cursor->day);
    store_bind_id(rows, 3, cursor->entry);
    bind_kinds(rows, 4, entry_kind_row(search->of->kind));
    cursor->read_rows = 0;
    while (!*has_one && store_step(rows, &has_row, err) && has_row) {
        enum entry_kind kind = (enum entry_kind)store_column_int(rows, 1);
        struct registry_entry candidate;
        if (!move_cursor(rows, cursor, err))
            return false;
        if (!is_entry_granted(rows, grant) ||
            entry_kind_row(kind) != entry_kind_row(search->of->kind))
            continue;
        if (!take_entry(rows, grant, search->arena, &candidate, err))
            return false;
        if (id_is_zero(search->nearest.id) ||
            is_before(&search->nearest, &candidate) == search->is_later)
            search->nearest = candidate;
        *has_one = true;
    }
    return err->kind == ERR_NONE;
}

/* The nearest entry of the row in one direction, over all grants. */
static bool find_neighbour(struct store_session *session, const char *sql,
                           const struct disclosure_permit *permit,
                           struct neighbour *search, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(session, sql, err);
    if (!rows)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        const struct permit_grant *grant = &contents->grants[i];
        struct cursor cursor = {.day = search->of->day,
                                .entry = search->of->id,
                                .read_rows = CURSOR_PAGE_ROWS};
        bool has_one = false;
        if (!registry_find_record(session, grant->record, &cursor.record, err))
            return false;
        while (!has_one && cursor.read_rows == CURSOR_PAGE_ROWS)
            if (!look_at_page(rows, grant, search, &cursor, &has_one, err))
                return false;
    }
    return true;
}

bool registry_read_neighbours(struct store_session *session,
                              const struct disclosure_permit *permit,
                              const struct registry_entry *entry, struct id *previous,
                              struct id *next, struct arena *arena, struct err *err)
{
    struct neighbour earlier = {.of = entry, .arena = arena};
    struct neighbour later = {.of = entry, .is_later = true, .arena = arena};
    if (!registry_check_audited(permit, err) ||
        !find_neighbour(session,
                        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE "
                        "e.record = ?1 AND e.day > -2147483648 AND e.day <= ?2 AND "
                        "e.kind >= ?4 AND e.kind <= ?5 AND e.state IN (0, 3, 4) AND "
                        "(e.day < ?2 OR (e.day = ?2 AND e.entry < ?3)) ORDER BY e.day "
                        "DESC, e.entry DESC LIMIT 400",
                        permit, &earlier, err) ||
        !find_neighbour(session,
                        "SELECT " ENTRY_COLUMNS " FROM registry_entry e WHERE "
                        "e.record = ?1 AND e.day >= ?2 AND e.kind >= ?4 AND "
                        "e.kind <= ?5 AND e.state IN (0, 3, 4) AND (e.day > ?2 OR (e.day "
                        "= ?2 AND e.entry > ?3)) "
                        "ORDER BY e.day, e.entry LIMIT 400",
                        permit, &later, err))
        return false;
    *previous = earlier.nearest.id;
    *next = later.nearest.id;
    return true;
}

/* ---- freshness, news ---- */

/* ---- the records themselves ---- */

enum { STANDINGS_AT_ONCE = 8 };

/* Those of so many grants from one on; the rest stay NULL, which is no record. */
static void bind_standings(const struct registry_standings *standings, size_t from)
{
    const struct permit_contents *contents = standings->contents;
    for (size_t i = 0; i < STANDINGS_AT_ONCE; i++) {
        if (from + i < contents->grant_count)
            store_bind_id(standings->asked, (int)i + 1,
                          contents->grants[from + i].record);
        else
            store_bind_null(standings->asked, (int)i + 1);
    }
}

bool registry_standings_ask(struct store_session *session,
                            const struct disclosure_permit *permit, struct arena *arena,
                            struct registry_standings *standings, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    *standings = (struct registry_standings){.contents = contents};
    standings->at =
        ARENA_MANY(arena, struct registry_standing, contents->grant_count, err);
    if (!standings->at)
        return false;
    standings->asked = store_prepare(
        session,
        "SELECT record, number, in_step_at, behind_at, (SELECT last FROM registry_change "
        "WHERE one = 1), (SELECT record FROM registry_sheet_walk WHERE one = 1) FROM "
        "registry_record WHERE record IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        err);
    if (!standings->asked)
        return false;
    bind_standings(standings, 0);
    if (contents->grant_count > 0)
        store_ask(standings->asked);
    return true;
}

/* The head is the first question's: nothing that is read later is older. */
static bool take_standing(struct registry_standings *standings, struct err *err)
{
    struct id record;
    if (!store_column_id(standings->asked, 0, &record, err))
        return false;
    struct registry_standing standing = {
        store_column_int(standings->asked, 1),
        {store_column_int(standings->asked, 2), store_column_int(standings->asked, 3)}};
    for (size_t i = 0; i < standings->contents->grant_count; i++)
        if (id_equal(standings->contents->grants[i].record, record))
            standings->at[i] = standing;
    if (standings->has_head)
        return true;
    standings->has_head = true;
    standings->last_change = store_column_int(standings->asked, 4);
    standings->prepared = store_column_int(standings->asked, 5);
    return true;
}

bool registry_standings_read(struct registry_standings *standings, struct err *err)
{
    for (size_t from = 0; from < standings->contents->grant_count;
         from += STANDINGS_AT_ONCE) {
        bool has_row = false;
        if (from > 0) {
            store_reset(standings->asked);
            bind_standings(standings, from);
        }
        while (store_step(standings->asked, &has_row, err) && has_row)
            if (!take_standing(standings, err))
                return false;
        if (err->kind != ERR_NONE)
            return false;
    }
    return true;
}

void registry_standings_end(struct registry_standings *standings)
{
    store_finish(&standings->asked);
}

bool registry_read_freshness(struct store_session *session,
                             const struct disclosure_permit *permit, struct arena *arena,
                             struct registry_freshness **out, struct err *err)
{
    CLEANUP(registry_standings_end) struct registry_standings standings;
    if (!registry_standings_ask(session, permit, arena, &standings, err) ||
        !registry_standings_read(&standings, err))
        return false;
    size_t count = standings.contents->grant_count;
    *out = ARENA_MANY(arena, struct registry_freshness, count, err);
    for (size_t i = 0; *out && i < count; i++)
        (*out)[i] = standings.at[i].freshness;
    return *out != NULL;
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
