// SPDX-License-Identifier: Apache-2.0
/* Reading a calendar: its rows from their sheets, stays from the rows. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/registry/registry.h"
#include "exchange/registry/registry_parts.h"
#include "exchange/registry/registry_sheet.h"
#include "store/store.h"

enum {
    SPANS_MAX = 2000,
    UNDATED_MAX = 500,
    STAYS_MAX = 2000,
    SHEETS_AT_ONCE = 64,
    GRANTS_AT_ONCE = 8 /* whose questions leave together */
};

/* What one grant shows without a day. */
struct undated_rows {
    struct registry_row_value *at;
    size_t count;
    size_t room;
};

struct reading {
    struct store_session *session;
    struct registry_walk marks;
    struct registry_walk first;    /* what has no day, then the oldest */
    int64_t prepared;              /* see struct registry_walk */
    struct store_statement *stays; /* *owned* */
    struct undated_rows undated;
    struct registry_terms terms;
    size_t grant_index;
    int64_t record;
    int32_t from;
    int32_t to;
    int64_t new_since_ms;
    struct arena *arena;
    struct registry_calendar *out;
    struct registry_fold *fold;
    size_t *span_room; /* of out->spans */
};

/* The permit's terms, and what is new to whom it is shown. */
static bool is_visible(const struct reading *reading, struct registry_row_value *row)
{
    struct registry_seen_row seen = {(int64_t)row->kind, row->flags, row->day,
                                     row->visible_at_ms, row->department_code};
    row->is_new = row->visible_at_ms > reading->new_since_ms;
    return registry_is_granted(&reading->terms, &seen);
}

static bool see_mark(void *context, struct registry_row_value *row, bool *goes_on,
                     struct err *err)
{
    struct reading *reading = context;
    (void)goes_on;
    if (!is_visible(reading, row) || !registry_is_drawn(row))
        return true;
    return registry_fold_row(reading->fold, reading->grant_index, row, reading->arena,
                             err);
}

static bool keep_undated(struct reading *reading, const struct registry_row_value *row,
                         struct err *err)
{
    struct arena *arena = reading->arena;
    struct undated_rows *rows = &reading->undated;
    struct registry_row_value *grown = arena_grow(
        arena, rows->at, rows->count, rows->count + 1, sizeof *grown, &rows->room, err);
    if (!grown)
        return false;
    rows->at = grown;
    grown = &grown[rows->count++];
    *grown = *row;
    return text_copy(row->version, arena, &grown->version, err) &&
           text_copy(row->title, arena, &grown->title, err);
}

/* What has no day comes first; then only the oldest that may be seen counts. */
static bool see_first(void *context, struct registry_row_value *row, bool *goes_on,
                      struct err *err)
{
    struct reading *reading = context;
    int32_t *first_day = &reading->out->first_day;
    if (!is_visible(reading, row))
        return true;
    if (row->day == DAY_NONE)
        return row->state != ENTRY_CURRENT || keep_undated(reading, row, err);
    if (row->state == REGISTRY_STATE_WITHDRAWN)
        return true;
    if (*first_day == DAY_NONE || row->day < *first_day)
        *first_day = row->day;
    *goes_on = false;
    return true;
}

/* By kind, the newest version first. */
static int compare_undated(const void *left, const void *right)
{
    const struct registry_row_value *a = left;
    const struct registry_row_value *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = text_compare(b->version, a->version);
    return order != 0 ? order : memcmp(a->entry.bytes, b->entry.bytes, ID_BYTES);
}

static bool take_undated(struct reading *reading, struct err *err)
{
    struct undated_rows rows = reading->undated;
    struct registry_calendar *out = reading->out;
    size_t room = UNDATED_MAX - out->undated_count;
    size_t taken = rows.count < room ? rows.count : room;
    if (taken == 0)
        return true;
    qsort(rows.at, rows.count, sizeof *rows.at, compare_undated);
    struct registry_undated *all = ARENA_MANY(reading->arena, struct registry_undated,
                                              out->undated_count + taken, err);
    if (!all)
        return false;
    if (out->undated_count > 0)
        memcpy(all, out->undated, out->undated_count * sizeof *all);
    for (size_t i = 0; i < taken; i++)
        all[out->undated_count + i] =
            (struct registry_undated){.entry = rows.at[i].entry,
                                      .kind = rows.at[i].kind,
                                      .grant = reading->grant_index,
                                      .title = rows.at[i].title};
    out->undated = all;
    out->undated_count += taken;
    return true;
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

static bool ask_stays(struct reading *reading, struct err *err)
{
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
    store_ask(rows);
    reading->stays = rows;
    return true;
}

static bool read_stay_events(struct reading *reading, struct stay_events *events,
                             struct err *err)
{
    bool has_row = false;
    struct store_statement *rows = reading->stays;
    while (store_step(rows, &has_row, err) && has_row) {
        struct registry_seen_row seen = {
            ENTRY_ADMISSION, store_column_int(rows, 7), store_column_int(rows, 2),
            store_column_int(rows, 4), store_column_view(rows, 6)};
        if (!registry_is_granted(&reading->terms, &seen) || events->count == STAYS_MAX)
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

/* ---- all of it ---- */

/* What a calendar shows of one grant. */
static bool ask_grant(struct reading *reading, struct err *err)
{
    reading->marks = (struct registry_walk){.record = reading->record,
                                            .from = reading->from,
                                            .to = reading->to,
                                            .sheets_at_once = SHEETS_AT_ONCE,
                                            .see = see_mark,
                                            .context = reading,
                                            .prepared = reading->prepared};
    reading->first = (struct registry_walk){.record = reading->record,
                                            .from = DAY_NONE,
                                            .to = INT32_MAX,
                                            .sheets_at_once = 2,
                                            .see = see_first,
                                            .context = reading,
                                            .prepared = reading->prepared};
    return registry_walk_ask(reading->session, &reading->marks, err) &&
           registry_walk_ask(reading->session, &reading->first, err) &&
           ask_stays(reading, err);
}

static bool read_grant(struct reading *reading, struct err *err)
{
    return registry_walk_rows(reading->session, &reading->marks, err) &&
           read_stays(reading, err) &&
           registry_walk_rows(reading->session, &reading->first, err) &&
           take_undated(reading, err);
}

static void end_grant(struct reading *reading)
{
    registry_walk_end(&reading->marks);
    registry_walk_end(&reading->first);
    store_finish(&reading->stays);
}

/* Some grants, of which `like` says what they have in common. */
static bool read_grants(const struct reading *like,
                        const struct registry_standings *standings, size_t from,
                        struct err *err)
{
    struct reading readings[GRANTS_AT_ONCE];
    size_t count = 0;
    bool is_good = true;
    size_t end = from + GRANTS_AT_ONCE;
    if (end > standings->contents->grant_count)
        end = standings->contents->grant_count;
    for (size_t i = from; is_good && i < end; i++) {
        if (standings->at[i].number == 0)
            continue;
        struct reading *reading = &readings[count++];
        *reading = *like;
        reading->grant_index = i;
        reading->record = standings->at[i].number;
        reading->terms = registry_terms_now(&standings->contents->grants[i]);
        is_good = ask_grant(reading, err);
    }
    for (size_t i = 0; is_good && i < count; i++)
        is_good = read_grant(&readings[i], err);
    for (size_t i = 0; i < count; i++)
        end_grant(&readings[i]);
    return is_good;
}

/* Where the registry stands, and how far its sheets are made. */
static bool take_head(struct reading *like, const struct registry_standings *standings,
                      struct err *err)
{
    like->out->cursor = standings->last_change;
    like->prepared = standings->prepared;
    if (standings->has_head)
        return true;
    if (store_is_once(like->session))
        return err_set(err, ERR_BUSY, "read_again", "a change might come between");
    return registry_last_change(like->session, &like->out->cursor, err);
}

static bool read_standings(struct reading *like, const struct disclosure_permit *permit,
                           struct registry_standings *standings, struct err *err)
{
    struct registry_calendar *out = like->out;
    if (!registry_standings_ask(like->session, permit, like->arena, standings, err) ||
        !registry_standings_read(standings, err) || !take_head(like, standings, err))
        return false;
    size_t count = standings->contents->grant_count;
    out->freshness = ARENA_MANY(like->arena, struct registry_freshness, count, err);
    for (size_t i = 0; out->freshness && i < count; i++)
        out->freshness[i] = standings->at[i].freshness;
    return out->freshness != NULL;
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
    struct reading like = {.session = session,
                           .from = from,
                           .to = to,
                           .new_since_ms = new_since_ms,
                           .arena = arena,
                           .out = out,
                           .fold = &fold,
                           .span_room = &span_room};
    CLEANUP(registry_standings_end) struct registry_standings standings = {.at = NULL};
    *out = (struct registry_calendar){.first_day = DAY_NONE};
    if (!registry_check_audited(permit, err) ||
        !read_standings(&like, permit, &standings, err))
        return false;
    for (size_t i = 0; i < contents->grant_count; i += GRANTS_AT_ONCE)
        if (!read_grants(&like, &standings, i, err))
            return false;
    if (!registry_fold_end(&fold, arena, err))
        return false;
    out->marks = fold.marks;
    out->mark_count = fold.count;
    return true;
}
