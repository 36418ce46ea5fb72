// SPDX-License-Identifier: Apache-2.0
#include "exchange/registry/registry.h"

#include <assert.h>
#include <string.h>

#include "exchange/registry/registry_rows.h"

bool registry_check_audited(const struct disclosure_permit *permit, struct err *err)
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

struct registry_terms registry_terms_now(const struct permit_grant *grant)
{
    return (struct registry_terms){grant, permit_released_before_ms(grant)};
}

bool registry_is_granted(const struct registry_terms *terms,
                         const struct registry_seen_row *row)
{
    const struct permit_grant *grant = terms->grant;
    uint32_t kinds = row->flags & ENTRY_SENSITIVE ? grant->sensitive_kinds : grant->kinds;
    bool is_in_time = row->day == DAY_NONE || grant->from_day == DAY_NONE ||
                      row->day >= grant->from_day;
    bool is_released = (row->flags & REGISTRY_AT_ONCE) ||
                       row->visible_at_ms <= terms->released_before_ms;
    return row->kind >= 0 && row->kind < ENTRY_KIND_COUNT && (kinds >> row->kind & 1U) &&
           is_in_time && is_released && !is_excluded(grant, row->department_code);
}

unsigned registry_shown_flags(unsigned entry_flags, int state, bool is_new)
{
    static const struct {
        unsigned from;
        unsigned to;
    } pairs[] = {
        {ENTRY_ABNORMAL_HIGH, REGISTRY_HIGH}, {ENTRY_ABNORMAL_LOW, REGISTRY_LOW},
        {ENTRY_ABNORMAL, REGISTRY_ABNORMAL},  {ENTRY_URGENT, REGISTRY_URGENT},
        {ENTRY_HAS_IMAGE, REGISTRY_IMAGE},    {ENTRY_HAS_WAVEFORM, REGISTRY_WAVEFORM},
        {ENTRY_IS_ORDER, REGISTRY_ORDERED},
    };
    unsigned shown = is_new ? REGISTRY_NEW : 0;
    for (size_t i = 0; entry_flags != 0 && i < sizeof pairs / sizeof *pairs; i++)
        if (entry_flags & pairs[i].from)
            shown |= pairs[i].to;
    if (state == ENTRY_PLANNED)
        shown |= REGISTRY_PLANNED;
    if (state == ENTRY_INCOMPLETE)
        shown |= REGISTRY_INCOMPLETE;
    if (state == ENTRY_DELETED || state == ENTRY_SUPERSEDED)
        shown |= REGISTRY_CANCELLED;
    return shown;
}

bool registry_is_drawn(const struct registry_row_value *row)
{
    bool is_shown_state = row->state == ENTRY_CURRENT || row->state == ENTRY_PLANNED ||
                          row->state == ENTRY_INCOMPLETE;
    return is_shown_state && entry_kind_row(row->kind) != ENTRY_ROW_NONE;
}

enum { FIRST_MARKS = 512 };

/* Rows come by day, so the marks of a day are the last few of the array. */
static struct registry_mark *find_mark(const struct registry_fold *fold, size_t grant,
                                       enum entry_row row, int32_t day)
{
    for (size_t i = fold->count; i-- > 0;) {
        struct registry_mark *mark = &fold->marks[i];
        if (mark->day != day || mark->grant != grant)
            return NULL;
        if (mark->row == row)
            return mark;
    }
    return NULL;
}

bool registry_fold_shows(const struct registry_fold *fold, size_t grant,
                         const struct registry_row_value *row)
{
    const struct registry_mark *mark =
        find_mark(fold, grant, entry_kind_row(row->kind), row->day);
    return !mark || text_compare(row->version, mark->version) > 0;
}

static bool take_newest(struct registry_mark *mark, const struct registry_row_value *row,
                        struct arena *arena, struct err *err)
{
    size_t version_len = row->version.len;
    char *copy = arena_take(arena, version_len + row->title.len, 1, err);
    if (!copy)
        return false;
    if (version_len > 0)
        memcpy(copy, row->version.at, version_len);
    if (row->title.len > 0)
        memcpy(copy + version_len, row->title.at, row->title.len);
    mark->entry = row->entry;
    mark->version = (struct text){copy, version_len};
    mark->title = (struct text){copy + version_len, row->title.len};
    return true;
}

bool registry_fold_row(struct registry_fold *fold, size_t grant,
                       const struct registry_row_value *row, struct arena *arena,
                       struct err *err)
{
    enum entry_row grid_row = entry_kind_row(row->kind);
    unsigned flags = registry_shown_flags(row->flags, row->state, row->is_new);
    struct registry_mark *mark = find_mark(fold, grant, grid_row, row->day);
    if (mark) {
        mark->count++;
        mark->flags |= flags;
        if (text_compare(row->version, mark->version) <= 0)
            return true;
        return take_newest(mark, row, arena, err);
    }
    if (fold->count == fold->max)
        return err_set(err, ERR_LIMIT, "calendar_too_large", "more than %zu marks",
                       fold->max);
    size_t needed = fold->marks ? fold->count + 1 : FIRST_MARKS;
    struct registry_mark *marks = arena_grow(arena, fold->marks, fold->count, needed,
                                             sizeof *marks, &fold->room, err);
    if (!marks)
        return false;
    fold->marks = marks;
    mark = &marks[fold->count++];
    *mark = (struct registry_mark){
        .row = grid_row, .day = row->day, .grant = grant, .count = 1, .flags = flags};
    return take_newest(mark, row, arena, err);
}

struct mark_key {
    size_t place;  /* before sorting */
    int64_t order; /* by day, then grant */
};

static struct mark_key key_of(const struct registry_fold *fold, size_t place)
{
    const struct registry_mark *mark = &fold->marks[place];
    assert(mark->grant <= UINT32_MAX);
    return (struct mark_key){place,
                             (int64_t)mark->day * (1LL << 32) + (int64_t)mark->grant};
}

/* Two neighbouring stretches that are in order become one. */
static void merge(const struct mark_key *from, size_t middle, size_t end,
                  struct mark_key *to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < end; i++) {
        bool takes_left =
            left < middle && (right == end || from[left].order <= from[right].order);
        to[i] = from[takes_left ? left++ : right++];
    }
}

/* From `start` on: where the order goes back. */
static size_t end_of_stretch(const struct mark_key *keys, size_t start, size_t count)
{
    size_t end = start + 1;
    while (end < count && keys[end].order >= keys[end - 1].order)
        end++;
    return end < count ? end : count;
}

/* Each grant's marks are by day already: as many stretches as there are grants. */
static struct mark_key *sort_keys(struct mark_key *keys, struct mark_key *other,
                                  size_t count)
{
    while (end_of_stretch(keys, 0, count) < count) {
        for (size_t start = 0; start < count;) {
            size_t middle = end_of_stretch(keys, start, count);
            size_t end = middle < count ? end_of_stretch(keys, middle, count) : count;
            merge(keys + start, middle - start, end - start, other + start);
            start = end;
        }
        struct mark_key *merged = other;
        other = keys;
        keys = merged;
    }
    return keys;
}

/* Keeps the order of those in one row. */
static void place_by_row(const struct registry_fold *fold, const struct mark_key *keys,
                         struct registry_mark *sorted)
{
    size_t next[ENTRY_ROW_COUNT + 1] = {0};
    for (size_t i = 0; i < fold->count; i++)
        next[fold->marks[i].row + 1]++;
    for (size_t row = 1; row < ENTRY_ROW_COUNT; row++)
        next[row] += next[row - 1];
    for (size_t i = 0; i < fold->count; i++) {
        const struct registry_mark *mark = &fold->marks[keys[i].place];
        sorted[next[mark->row]++] = *mark;
    }
}

bool registry_fold_end(struct registry_fold *fold, struct arena *arena, struct err *err)
{
    size_t count = fold->count;
    if (count < 2)
        return true;
    struct mark_key *keys = ARENA_MANY(arena, struct mark_key, 2 * count, err);
    struct registry_mark *sorted =
        keys ? ARENA_MANY(arena, struct registry_mark, count, err) : NULL;
    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++)
        keys[i] = key_of(fold, i);
    place_by_row(fold, sort_keys(keys, keys + count, count), sorted);
    fold->marks = sorted;
    fold->room = count;
    return true;
}

static bool is_replaced_plan(const struct registry_stay_event *events, size_t count,
                             const struct registry_stay_event *plan)
{
    for (size_t i = 0; i < count; i++) {
        const struct registry_stay_event *real = &events[i];
        bool is_same_kind = real->is_admission == plan->is_admission &&
                            real->is_discharge == plan->is_discharge;
        if (!real->is_planned && is_same_kind && real->day >= plan->day - 1 &&
            real->day <= plan->day + 1)
            return true;
    }
    return false;
}

static struct registry_span span_of_event(const struct registry_stay_event *event,
                                          size_t grant)
{
    return (struct registry_span){
        .entry = event->entry,
        .row = ENTRY_ROW_PERIOD,
        .grant = grant,
        .from = event->day,
        .to = event->day,
        .flags = (event->is_new ? REGISTRY_NEW : 0U) |
                 (event->is_planned ? REGISTRY_PLANNED : 0U),
        .title = event->title,
    };
}

size_t registry_build_stays(const struct registry_stay_event *events, size_t count,
                            size_t grant, struct registry_span *spans, size_t max)
{
    size_t used = 0;
    struct registry_span *open = NULL;
    for (size_t i = 0; i < count && used < max; i++) {
        const struct registry_stay_event *event = &events[i];
        if (event->is_planned) {
            if (event->is_admission && !is_replaced_plan(events, count, event))
                spans[used++] = span_of_event(event, grant);
        } else if (event->is_discharge) {
            if (!open)
                spans[used++] = span_of_event(event, grant);
            else
                open->to = event->day;
            if (open)
                open->is_open = false;
            open = NULL;
        } else if (event->is_admission) {
            open = &spans[used++];
            *open = span_of_event(event, grant);
            open->to = DAY_NONE;
            open->is_open = true;
        }
    }
    return used;
}
