// SPDX-License-Identifier: Apache-2.0
/* The calendar's answers: read under the opening's permit and written as JSON. */
#include <stdio.h>
#include <string.h>

#include "exchange/opening/opening.h"
#include "exchange/registry/registry_answer.h"
#include "formats/uplink/uplink.h"
#include "store/store.h"

/* ---- writing a calendar ---- */

struct answering {
    struct registry_service *service;
    struct store_session *session;
    struct opening *opening;
    const struct disclosure_permit *permit;
    struct registry_calendar calendar;
    const struct registry_freshness *freshness; /* of each grant */
    int32_t from;
    int32_t to;
    struct facility *facilities; /* those of the answer, in order */
    size_t facility_count;
    int64_t asked_at_ms; /* monotonic */
    size_t *facility_of_grant;
    struct json_writer writer;
    struct arena *arena;
};

/* Those of which the permit says something: asked for, where not all are known. */
static bool ask_facilities(struct answering *answer, struct facility_list *list,
                           struct err *err)
{
    bool is_known = false;
    struct registry_service *service = answer->service;
    const struct permit_contents *contents = permit_read(answer->permit);
    size_t count = contents->grant_count + contents->refusal_count;
    struct facility_ids ids = {ARENA_MANY(answer->arena, struct id, count, err), 0};
    if (!ids.at)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++)
        ids.at[ids.count++] = contents->grants[i].provider;
    for (size_t i = 0; i < contents->refusal_count; i++)
        ids.at[ids.count++] = contents->refusals[i].provider;
    answer->asked_at_ms = clock_monotonic_ms(&service->clock);
    return facility_known_list(service->facilities, &ids, answer->asked_at_ms,
                               answer->arena, &answer->facilities,
                               &answer->facility_count, &is_known, err) &&
           (is_known || facility_list_ask(answer->session, &ids, list, err));
}

static bool take_facilities(struct answering *answer, struct facility_list *list,
                            struct err *err)
{
    const struct permit_contents *contents = permit_read(answer->permit);
    if (list->asked) {
        if (!facility_list_take(list, answer->arena, &answer->facilities,
                                &answer->facility_count, err))
            return false;
        facility_known_keep(answer->service->facilities, answer->facilities,
                            answer->facility_count, answer->asked_at_ms);
    }
    answer->facility_of_grant =
        ARENA_MANY(answer->arena, size_t, contents->grant_count, err);
    if (!answer->facility_of_grant)
        return false;
    for (size_t i = 0; i < contents->grant_count; i++)
        for (size_t j = 0; j < answer->facility_count; j++)
            if (id_equal(answer->facilities[j].id, contents->grants[i].provider))
                answer->facility_of_grant[i] = j;
    return true;
}

static void write_facilities(struct answering *answer)
{
    struct json_writer *writer = &answer->writer;
    json_key(writer, "facilities");
    json_open_array(writer);
    for (size_t i = 0; i < answer->facility_count; i++) {
        const struct facility *facility = &answer->facilities[i];
        facility_write(
            writer, facility,
            facility_gateway_is_ready(answer->service->gateways, facility->id));
    }
    json_close_array(writer);
}

static void put_positive(struct json_writer *writer, const char *key, int64_t value)
{
    json_key(writer, key);
    if (value > 0)
        json_int_value(writer, value);
    else
        json_null_value(writer);
}

/* Why a facility's newest is not there; NULL when its own record is behind, or nothing.
 */
static const char *find_reason(bool is_connected, const struct uplink_standing *standing,
                               int64_t untaken_since_ms)
{
    static const char *const reasons[UPLINK_READING_COUNT] = {
        [UPLINK_NOT_YET_READ] = "storage_not_read",
        [UPLINK_STORAGE_AWAY] = "storage_away",
        [UPLINK_READ_FAILED] = "storage_failed"};
    if (!is_connected)
        return "gateway_away";
    if (standing->reading != UPLINK_READ)
        return reasons[standing->reading];
    return untaken_since_ms > 0 ? "events_untaken" : NULL;
}

/* One facility's freshness as the screen says it. */
static void write_freshness_of(struct answering *answer, size_t index)
{
    struct json_writer *writer = &answer->writer;
    struct registry_freshness freshness = answer->freshness[index];
    const struct facility *facility =
        &answer->facilities[answer->facility_of_grant[index]];
    bool has_gateway = facility->way == FACILITY_GATEWAY;
    struct uplink_standing standing;
    bool is_connected =
        facility_gateway_standing(answer->service->gateways, facility->id, &standing) ||
        !has_gateway;
    bool is_loading = has_gateway && freshness.in_step_at_ms == 0;
    int64_t untaken_since =
        facility_gateway_untaken_since(answer->service->gateways, facility->id);
    const char *reason = find_reason(is_connected, &standing, untaken_since);
    bool is_behind = reason || freshness.behind_at_ms > 0;
    int64_t since = freshness.behind_at_ms > 0        ? freshness.behind_at_ms
                    : !is_connected                   ? facility->last_seen_at
                    : standing.reading != UPLINK_READ ? standing.since_ms
                    : untaken_since > 0               ? untaken_since
                                                      : freshness.in_step_at_ms;
    json_open_object(writer);
    json_put_id(writer, "facility", facility->id);
    json_put_cstr(writer, "state",
                  is_behind    ? "behind"
                  : is_loading ? "loading"
                               : "in_step");
    put_positive(writer, "since", since);
    json_key(writer, "reason");
    if (reason)
        json_cstr_value(writer, reason);
    else
        json_null_value(writer);
    put_positive(writer, "every_s", standing.polled_s);
    json_close_object(writer);
}

static void write_freshness(struct answering *answer, const char *key)
{
    json_key(&answer->writer, key);
    json_open_array(&answer->writer);
    for (size_t i = 0; i < permit_read(answer->permit)->grant_count; i++)
        write_freshness_of(answer, i);
    json_close_array(&answer->writer);
}

static void write_refusals(struct answering *answer)
{
    const struct permit_contents *contents = permit_read(answer->permit);
    struct json_writer *writer = &answer->writer;
    json_key(writer, "refusals");
    json_open_array(writer);
    for (size_t i = 0; i < contents->refusal_count; i++) {
        const struct permit_refusal *refusal = &contents->refusals[i];
        json_open_object(writer);
        json_put_id(writer, "facility", refusal->provider);
        json_key(writer, "kinds");
        json_open_array(writer);
        for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++)
            if (refusal->kinds >> kind & 1U)
                json_cstr_value(writer, entry_kind_id((enum entry_kind)kind));
        json_close_array(writer);
        json_put_cstr(writer, "reason", refusal->reason);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_rows(struct json_writer *writer)
{
    json_key(writer, "rows");
    json_open_array(writer);
    for (int row = 0; row < ENTRY_ROW_NONE; row++)
        json_cstr_value(writer, entry_row_id((enum entry_row)row));
    json_close_array(writer);
}

static int64_t mark_row(const struct answering *answer, size_t index)
{
    return answer->calendar.marks[index].row;
}

static int64_t mark_day(const struct answering *answer, size_t index)
{
    return answer->calendar.marks[index].day;
}

static int64_t mark_facility(const struct answering *answer, size_t index)
{
    return (int64_t)answer->facility_of_grant[answer->calendar.marks[index].grant];
}

static int64_t mark_count(const struct answering *answer, size_t index)
{
    return answer->calendar.marks[index].count;
}

static int64_t mark_flags(const struct answering *answer, size_t index)
{
    return answer->calendar.marks[index].flags;
}

/* The marks by column; `values` has room for one number of each. */
static void write_columns(struct answering *answer, int64_t *values)
{
    static const struct {
        const char *key;
        int64_t (*value)(const struct answering *answer, size_t index);
    } columns[] = {{"row", mark_row},
                   {"day", mark_day},
                   {"facility", mark_facility},
                   {"count", mark_count},
                   {"flags", mark_flags}};
    size_t count = answer->calendar.mark_count;
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        for (size_t i = 0; i < count; i++)
            values[i] = columns[c].value(answer, i);
        json_put_ints(&answer->writer, columns[c].key, values, count);
    }
}

/* Titles are few and repeat: each is written once and pointed to. */
struct title_table {
    struct text *titles;
    size_t count;
    uint32_t *slots; /* index + 1, open addressing */
    size_t slot_count;
};

static bool title_table_make(struct title_table *table, size_t marks, struct arena *arena,
                             struct err *err)
{
    *table = (struct title_table){.slot_count = 16};
    while (table->slot_count < 2 * marks)
        table->slot_count *= 2;
    table->titles = ARENA_MANY(arena, struct text, marks + 1, err);
    if (!table->titles)
        return false;
    table->slots = ARENA_MANY(arena, uint32_t, table->slot_count, err);
    return table->slots != NULL;
}

static size_t title_table_put(struct title_table *table, struct text title)
{
    uint32_t spread = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < title.len; i++)
        spread = (spread ^ (uint8_t)title.at[i]) * 16777619U;
    size_t at = spread & (table->slot_count - 1);
    while (table->slots[at]) {
        size_t index = table->slots[at] - 1;
        if (text_equal(table->titles[index], title))
            return index;
        at = (at + 1) & (table->slot_count - 1);
    }
    table->titles[table->count] = title;
    table->slots[at] = (uint32_t)++table->count;
    return table->count - 1;
}

/* Ids do not compress and would be nine tenths of a full year: where several entries are
 * behind a mark, whoever opens it asks for them anyway. */
static void write_mark_entries(struct answering *answer)
{
    struct json_writer *writer = &answer->writer;
    json_key(writer, "entry");
    json_open_array(writer);
    for (size_t i = 0; i < answer->calendar.mark_count; i++) {
        if (answer->calendar.marks[i].count == 1)
            json_id_value(writer, answer->calendar.marks[i].entry);
        else
            json_text_value(writer, (struct text){0});
    }
    json_close_array(writer);
}

static bool write_marks(struct answering *answer, struct err *err)
{
    struct json_writer *writer = &answer->writer;
    const struct registry_calendar *calendar = &answer->calendar;
    struct title_table titles;
    int64_t *values = ARENA_MANY(answer->arena, int64_t, calendar->mark_count, err);
    if (!values || !title_table_make(&titles, calendar->mark_count, answer->arena, err))
        return false;
    json_key(writer, "marks");
    json_open_object(writer);
    write_columns(answer, values);
    write_mark_entries(answer);
    for (size_t i = 0; i < calendar->mark_count; i++)
        values[i] = (int64_t)title_table_put(&titles, calendar->marks[i].title);
    json_put_ints(writer, "title", values, calendar->mark_count);
    json_close_object(writer);
    json_key(writer, "titles");
    json_open_array(writer);
    for (size_t i = 0; i < titles.count; i++)
        json_text_value(writer, titles.titles[i]);
    json_close_array(writer);
    return true;
}

static void write_spans(struct answering *answer)
{
    struct json_writer *writer = &answer->writer;
    json_key(writer, "spans");
    json_open_array(writer);
    for (size_t i = 0; i < answer->calendar.span_count; i++) {
        const struct registry_span *span = &answer->calendar.spans[i];
        json_open_object(writer);
        json_put_id(writer, "entry", span->entry);
        json_put_int(writer, "row", span->row);
        json_put_int(writer, "facility", (int64_t)answer->facility_of_grant[span->grant]);
        json_put_int(writer, "from", span->from);
        json_key(writer, "to");
        if (span->to == DAY_NONE)
            json_null_value(writer);
        else
            json_int_value(writer, span->to);
        json_put_bool(writer, "is_open", span->is_open);
        json_put_int(writer, "flags", span->flags);
        json_put_text(writer, "title", span->title);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_key(writer, "undated");
    json_open_array(writer);
    for (size_t i = 0; i < answer->calendar.undated_count; i++) {
        const struct registry_undated *one = &answer->calendar.undated[i];
        json_open_object(writer);
        json_put_id(writer, "entry", one->entry);
        json_put_cstr(writer, "kind", entry_kind_id(one->kind));
        json_put_int(writer, "facility", (int64_t)answer->facility_of_grant[one->grant]);
        json_put_text(writer, "title", one->title);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static bool write_calendar(struct answering *answer, struct err *err)
{
    struct json_writer *writer = &answer->writer;
    int64_t now_ms = clock_wall_ms(&answer->service->clock);
    json_open_object(writer);
    json_put_id(writer, "opening", opening_handle(answer->opening));
    json_put_day(writer, "from", answer->from);
    json_put_day(writer, "to", answer->to);
    json_put_day(writer, "today", day_of_instant(now_ms));
    json_put_day(writer, "first_day", answer->calendar.first_day);
    write_facilities(answer);
    write_freshness(answer, "freshness");
    write_refusals(answer);
    write_rows(writer);
    if (!write_marks(answer, err))
        return false;
    write_spans(answer);
    json_put_int(writer, "cursor", answer->calendar.cursor);
    json_close_object(writer);
    return true;
}

void registry_write_entry(struct json_writer *writer, const struct registry_entry *entry)
{
    enum entry_row row = entry_kind_row(entry->kind);
    json_open_object(writer);
    json_put_id(writer, "id", entry->id);
    json_put_cstr(writer, "kind", entry_kind_id(entry->kind));
    json_key(writer, "row");
    if (row == ENTRY_ROW_NONE)
        json_null_value(writer);
    else
        json_cstr_value(writer, entry_row_id(row));
    json_put_day(writer, "day", entry->day);
    json_put_day(writer, "end_day", entry->end_day);
    json_put_text(writer, "time", entry->time);
    json_put_id(writer, "facility", entry->facility);
    json_put_text(writer, "title", entry->title);
    json_put_cstr(writer, "state", entry_state_id((enum entry_state)entry->state));
    json_put_int(writer, "flags", entry->flags);
    json_put_text(writer, "department", entry->department);
    json_put_text(writer, "author", entry->author);
    json_close_object(writer);
}

static void write_entries(struct json_writer *writer,
                          const struct registry_entry *entries, size_t count)
{
    json_open_object(writer);
    json_key(writer, "entries");
    json_open_array(writer);
    for (size_t i = 0; i < count; i++)
        registry_write_entry(writer, &entries[i]);
    json_close_array(writer);
    json_key(writer, "next");
    if (count == REGISTRY_PAGE_MAX) {
        const struct registry_entry *last = &entries[count - 1];
        char cursor[64];
        struct id_text id = id_to_text(last->id);
        snprintf(cursor, sizeof cursor, "%d.%s", last->day, id.at);
        json_cstr_value(writer, cursor);
    } else {
        json_null_value(writer);
    }
    json_close_object(writer);
}

static bool read_calendar(struct answering *answer, struct store_session *session,
                          struct err *err)
{
    answer->session = session;
    CLEANUP(facility_list_end) struct facility_list list = {.asked = NULL};
    if (!session || !ask_facilities(answer, &list, err) ||
        !registry_read_calendar(session, answer->permit, answer->from, answer->to,
                                opening_new_since(answer->opening), answer->arena,
                                &answer->calendar, err) ||
        !take_facilities(answer, &list, err))
        return false;
    answer->freshness = answer->calendar.freshness;
    return true;
}

/* As a rule all of it is on sheets that are asked for together. */
static bool read_sheets(struct answering *answer, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read_once(answer->service->store, err);
    return read_calendar(answer, session, err);
}

static bool read_sheets_and_rows(struct answering *answer, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read_late(answer->service->store, err);
    return read_calendar(answer, session, err);
}

static bool has_to_read_again(struct err *err)
{
    bool has_to = err->kind == ERR_BUSY && strcmp(err->code, "read_again") == 0;
    if (has_to)
        err_clear(err);
    return has_to;
}

bool registry_answer_calendar(struct registry_service *service, struct opening *opening,
                              const int32_t range[2], struct arena *arena,
                              struct buf *out, struct err *err)
{
    struct answering answer = {.service = service,
                               .opening = opening,
                               .permit = opening_permit(opening),
                               .from = range[0],
                               .to = range[1],
                               .writer = json_writer(out),
                               .arena = arena};
    if (!read_sheets(&answer, err) &&
        !(has_to_read_again(err) && read_sheets_and_rows(&answer, err)))
        return false;
    if (!write_calendar(&answer, err) || !buf_check(out, err))
        return false;
    opening_count(opening, (int64_t)out->len, (int64_t)answer.calendar.mark_count);
    return true;
}

bool registry_answer_row(struct registry_service *service, struct opening *opening,
                         const struct registry_query *query, struct arena *arena,
                         struct buf *out, struct err *err)
{
    struct registry_entry *entries = NULL;
    size_t count = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read_late(service->store, err);
    if (!session || !registry_read_row(session, opening_permit(opening), query, arena,
                                       &entries, &count, err))
        return false;
    struct json_writer writer = json_writer(out);
    write_entries(&writer, entries, count);
    if (!buf_check(out, err))
        return false;
    opening_count(opening, (int64_t)out->len, (int64_t)count);
    return true;
}

bool registry_answer_freshness(struct registry_service *service,
                               const struct disclosure_permit *permit,
                               struct arena *arena, struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read_late(service->store, err);
    if (!session)
        return false;
    struct answering answer = {.service = service,
                               .session = session,
                               .permit = permit,
                               .writer = json_writer(out),
                               .arena = arena};
    struct registry_freshness *freshness = NULL;
    CLEANUP(facility_list_end) struct facility_list list = {.asked = NULL};
    if (!ask_facilities(&answer, &list, err) || !take_facilities(&answer, &list, err) ||
        !registry_read_freshness(session, permit, arena, &freshness, err))
        return false;
    answer.freshness = freshness;
    json_open_object(&answer.writer);
    write_freshness(&answer, "facilities");
    json_close_object(&answer.writer);
    return buf_check(out, err);
}
