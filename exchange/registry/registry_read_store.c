// SPDX-License-Identifier: Apache-2.0
/* Reading: every query takes its limits from the permit's grants. */
#include <limits.h>
#include <string.h>

#include "exchange/registry/registry.h"
#include "exchange/registry/registry_parts.h"
#include "exchange/registry/registry_rows.h"
#include "formats/uplink/uplink.h"
#include "store/store.h"

enum { SPANS_MAX = 2000, UNDATED_MAX = 500, STAYS_MAX = 2000, OLDEST_PAGE_ROWS = 100 };

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

/* A permit without a row in the audit allows counting only (disclosure_peek). */
static bool check_audited(const struct disclosure_permit *permit, struct err *err)
{
    return permit_read(permit)->audit_number > 0 ||
           err_set(err, ERR_REFUSED, "permit_counting", "this permit is for counting");
}

static bool is_excluded(const struct permit_grant *grant, struct text department)
{
    for (size_t i = 0; i < grant->excluded_department_count; i++)
        if (text_equal(grant->excluded_departments[i], department))
            return true;
    return false;
}

/* The permit's terms on one row, applied in the same pass that reads it. */
static bool is_granted(const struct permit_grant *grant, int64_t kind, int64_t flags,
                       int64_t day, struct text department, int64_t visible_at)
{
    uint32_t kinds = flags & ENTRY_SENSITIVE ? grant->sensitive_kinds : grant->kinds;
    bool is_in_time =
        day == DAY_NONE || grant->from_day == DAY_NONE || day >= grant->from_day;
    return kind >= 0 && kind < ENTRY_KIND_COUNT && (kinds >> kind & 1U) && is_in_time &&
           visible_at <= permit_released_before_ms(grant) &&
           !is_excluded(grant, department);
}

struct reading {
    struct store_session *session;
    const struct permit_grant *grant;
    size_t grant_index;
    int64_t record;
    int32_t from;
    int32_t to;
    int64_t new_since_ms;
    struct arena *arena;
    struct registry_calendar *out;
    struct registry_fold *fold;
    size_t *span_room; /* of out->spans */
    size_t *undated_room;
};

enum column {
    COLUMN_DAY,
    COLUMN_KIND,
    COLUMN_ENTRY,
    COLUMN_VERSION,
    COLUMN_END_DAY,
    COLUMN_IS_OPEN,
    COLUMN_STATE,
    COLUMN_FLAGS,
    COLUMN_TITLE,
    COLUMN_DEPARTMENT,
    COLUMN_VISIBLE_AT
};

/* Texts in `row` are views until the next step. */
static void take_row(struct store_statement *rows, const struct reading *reading,
                     struct registry_row_value *row, bool *is_visible)
{
    int64_t visible_at = store_column_int(rows, COLUMN_VISIBLE_AT);
    int64_t day = store_column_int(rows, COLUMN_DAY);
    int64_t kind = store_column_int(rows, COLUMN_KIND);
    *is_visible = is_granted(reading->grant, kind, store_column_int(rows, COLUMN_FLAGS),
                             day, store_column_view(rows, COLUMN_DEPARTMENT), visible_at);
    if (!*is_visible)
        return;
    *row = (struct registry_row_value){
        .kind = (enum entry_kind)kind,
        .state = (int)store_column_int(rows, COLUMN_STATE),
        .flags = (unsigned)store_column_int(rows, COLUMN_FLAGS),
        .day = (int32_t)day,
        .end_day = (int32_t)store_column_int(rows, COLUMN_END_DAY),
        .is_open = store_column_int(rows, COLUMN_IS_OPEN) != 0,
        .is_new = visible_at > reading->new_since_ms,
        .version = store_column_view(rows, COLUMN_VERSION),
    };
}

/* What only the shown rows need. */
static bool take_shown(struct store_statement *rows, struct registry_row_value *row,
                       struct err *err)
{
    row->title = store_column_view(rows, COLUMN_TITLE);
    return store_column_id(rows, COLUMN_ENTRY, &row->entry, err);
}

static bool read_marks(struct reading *reading, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        reading->session,
        "SELECT day, kind, entry, version, end_day, is_open, state, flags, title, "
        "department_code, visible_at FROM registry_entry WHERE record = ?1 AND "
        "day >= ?2 AND day <= ?3 ORDER BY day, kind",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, reading->record);
    store_bind_int(rows, 2, reading->from);
    store_bind_int(rows, 3, reading->to);
    while (store_step(rows, &has_row, err) && has_row) {
        struct registry_row_value row;
        bool is_visible = false;
        take_row(rows, reading, &row, &is_visible);
        if (!is_visible || !registry_is_drawn(&row))
            continue;
        bool is_shown = registry_fold_shows(reading->fold, reading->grant_index, &row);
        if ((is_shown && !take_shown(rows, &row, err)) ||
            !registry_fold_row(reading->fold, reading->grant_index, &row, reading->arena,
                               err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool read_undated(struct reading *reading, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        reading->session,
        "SELECT day, kind, entry, version, end_day, is_open, state, flags, title, "
        "department_code, visible_at FROM registry_entry WHERE record = ?1 AND "
        "day = -2147483648 AND state = 0 ORDER BY kind, version DESC",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, reading->record);
    struct registry_calendar *out = reading->out;
    while (store_step(rows, &has_row, err) && has_row) {
        struct registry_row_value row;
        bool is_visible = false;
        take_row(rows, reading, &row, &is_visible);
        if (!is_visible || out->undated_count == UNDATED_MAX)
            continue;
        if (!take_shown(rows, &row, err))
            return false;
        struct registry_undated *undated = arena_grow(
            reading->arena, out->undated, out->undated_count, out->undated_count + 1,
            sizeof *undated, reading->undated_room, err);
        if (!undated)
            return false;
        out->undated = undated;
        struct registry_undated *one = &undated[out->undated_count++];
        *one = (struct registry_undated){
            .entry = row.entry, .kind = row.kind, .grant = reading->grant_index};
        if (!text_copy(row.title, reading->arena, &one->title, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

/* Which event of a stay an entry is: the source key names the data type
 * ("20240501/ADT-22/999999999999999"). */
static bool names_type(struct text source_key, const char *type)
{
    struct span rest = text_span(source_key);
    struct span part = {0};
    return span_take(&rest, '/', &part) && span_take(&rest, '/', &part) &&
           span_is(part, type);
}

static bool take_stay_event(struct store_statement *rows, const struct reading *reading,
                            struct registry_stay_event *event, struct err *err)
{
    struct text key = store_column_view(rows, 1);
    *event = (struct registry_stay_event){
        .day = (int32_t)store_column_int(rows, 2),
        .is_planned = store_column_int(rows, 5) == ENTRY_PLANNED,
        .is_admission = names_type(key, "ADT-22") || names_type(key, "ADT-21"),
        .is_discharge = names_type(key, "ADT-52") || names_type(key, "ADT-51"),
        .is_new = store_column_int(rows, 4) > reading->new_since_ms,
    };
    return store_column_id(rows, 0, &event->entry, err) &&
           text_copy(store_column_view(rows, 3), reading->arena, &event->title, err);
}

/* What happened to a person's stays at one place, in order of day. */
struct stay_events {
    struct registry_stay_event *at;
    size_t count;
    size_t room;
};

static bool read_stay_events(struct reading *reading, struct stay_events *events,
                             struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        reading->session,
        "SELECT entry, source_key, day, title, visible_at, state, department_code, flags "
        "FROM registry_entry WHERE record = ?1 AND kind = 0 AND day <= ?2 AND state IN "
        "(0, 3) "
        "ORDER BY day, source_key",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, reading->record);
    store_bind_int(rows, 2, reading->to);
    while (store_step(rows, &has_row, err) && has_row) {
        bool is_visible =
            is_granted(reading->grant, ENTRY_ADMISSION, store_column_int(rows, 7),
                       store_column_int(rows, 2), store_column_view(rows, 6),
                       store_column_int(rows, 4));
        if (!is_visible || events->count == STAYS_MAX)
            continue;
        struct registry_stay_event *grown =
            arena_grow(reading->arena, events->at, events->count, events->count + 1,
                       sizeof *grown, &events->room, err);
        if (!grown)
            return false;
        events->at = grown;
        if (!take_stay_event(rows, reading, &grown[events->count++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool read_stays(struct reading *reading, struct err *err)
{
    struct stay_events events = {0};
    struct registry_calendar *out = reading->out;
    if (!read_stay_events(reading, &events, err))
        return false;
    if (events.count == 0)
        return true;
    /* A stay takes one event at least. */
    struct registry_span *spans = arena_grow(reading->arena, out->spans, out->span_count,
                                             out->span_count + events.count,
                                             sizeof *spans, reading->span_room, err);
    if (!spans)
        return false;
    out->spans = spans;
    spans += out->span_count;
    size_t built = registry_build_stays(events.at, events.count, reading->grant_index,
                                        spans, SPANS_MAX - out->span_count);
    for (size_t i = 0; i < built; i++) {
        bool is_over = !spans[i].is_open && spans[i].to < reading->from;
        if (!is_over)
            out->spans[out->span_count++] = spans[i];
    }
    return true;
}

/* One page of rows behind a place; stops at the first that may be seen. */
static bool read_oldest_page(struct reading *reading, struct registry_row_value *row,
                             size_t *count, bool *is_visible, struct err *err)
{
    bool has_row = false;
    struct registry_row_value last = *row;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        reading->session,
        "SELECT day, kind, entry, version, end_day, is_open, state, flags, title, "
        "department_code, visible_at FROM registry_entry WHERE record = ?1 AND "
        "(day > ?2 OR (day = ?2 AND entry > ?3)) AND state <> 100 ORDER BY day, entry "
        "LIMIT 100",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, reading->record);
    store_bind_int(rows, 2, last.day);
    store_bind_id(rows, 3, last.entry);
    *count = 0;
    while (!*is_visible && store_step(rows, &has_row, err) && has_row) {
        ++*count;
        row->day = (int32_t)store_column_int(rows, COLUMN_DAY);
        if (!store_column_id(rows, COLUMN_ENTRY, &row->entry, err))
            return false;
        take_row(rows, reading, row, is_visible);
    }
    return err->kind == ERR_NONE;
}

/* Of the oldest entry that may be seen. */
static bool read_first_day(struct reading *reading, struct err *err)
{
    size_t count = OLDEST_PAGE_ROWS;
    bool is_visible = false;
    /* behind all that have no day */
    struct registry_row_value row = {.day = DAY_NONE + 1};
    while (!is_visible && count == OLDEST_PAGE_ROWS)
        if (!read_oldest_page(reading, &row, &count, &is_visible, err))
            return false;
    struct registry_calendar *out = reading->out;
    if (is_visible && (out->first_day == DAY_NONE || row.day < out->first_day))
        out->first_day = row.day;
    return true;
}

bool registry_read_calendar(struct store_session *session,
                            const struct disclosure_permit *permit, int32_t from,
                            int32_t to, int64_t new_since_ms, struct arena *arena,
                            struct registry_calendar *out, struct err *err)
{
    const struct permit_contents *contents = permit_read(permit);
    /* At most one mark for each day, row and grant. */
    size_t days = (size_t)((int64_t)to - from + 1);
    size_t marks_max = days * ENTRY_ROW_NONE * (contents->grant_count + 1);
    if (marks_max > REGISTRY_MARKS_MAX)
        marks_max = REGISTRY_MARKS_MAX;
    struct registry_fold fold = {.max = marks_max};
    size_t span_room = 0;
    size_t undated_room = 0;
    *out = (struct registry_calendar){.first_day = DAY_NONE};
    if (!check_audited(permit, err) || !registry_last_change(session, &out->cursor, err))
        return false;
    for (size_t i = 0; i < contents->grant_count; i++) {
        struct reading reading = {.session = session,
                                  .grant = &contents->grants[i],
                                  .grant_index = i,
                                  .from = from,
                                  .to = to,
                                  .new_since_ms = new_since_ms,
                                  .arena = arena,
                                  .out = out,
                                  .fold = &fold,
                                  .span_room = &span_room,
                                  .undated_room = &undated_room};
        if (!registry_find_record(session, reading.grant->record, &reading.record, err))
            return false;
        if (reading.record == 0)
            continue;
        if (!read_marks(&reading, err) || !read_stays(&reading, err) ||
            !read_undated(&reading, err) || !read_first_day(&reading, err))
            return false;
    }
    registry_fold_end(&fold);
    out->marks = fold.marks;
    out->mark_count = fold.count;
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
    return is_granted(grant, store_column_int(rows, 1), store_column_int(rows, 3),
                      store_column_int(rows, 4), store_column_view(rows, 8),
                      store_column_int(rows, 12));
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
    if (!find || !check_audited(permit, err))
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
    if (!check_audited(permit, err))
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
    if (!check_audited(permit, err) ||
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
