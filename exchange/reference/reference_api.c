// SPDX-License-Identifier: Apache-2.0
/* Routes: listReferences, downloadReferences. */
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "exchange/audit/audit_index.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/reference/reference.h"
#include "exchange/reference/reference_row.h"
#include "exchange/session/session.h"
#include "formats/csv/csv.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum {
    PAGE_ROWS = 200,
    SCANNED_ROWS_MAX = 20000, /* for one page of an answer */
    ANSWER_BYTES_MAX = 4 << 20,
    CSV_BYTES_MAX = 64 << 20,
    CURSOR_BYTES = 128,
    PAGE_ARENA_BYTES = 8 << 20
};

struct asking {
    struct reference_service *service;
    struct http_call *call;
    struct session_actor actor;
    const struct disclosure_scope *scope;
    struct id_text facility;
    struct audit_index_query query;
    struct text person; /* "" = everybody */
    bool is_of_others;  /* what others viewed of ours, not what ours viewed */
};

/* ---- the question ---- */

/* "YYYY-MM" → the month's first and next first instant in Japan. */
static bool read_month(struct span month, int64_t *from_ms, int64_t *until_ms,
                       struct err *err)
{
    uint64_t year = 0;
    uint64_t number = 0;
    bool is_shape = month.len == 7 && month.at[4] == '-' &&
                    span_uint(span_part(month, 0, 4), 2299, &year) &&
                    span_uint(span_part(month, 5, 2), 12, &number);
    int32_t first = is_shape ? day_from_date((int)year, (int)number, 1) : DAY_NONE;
    if (first == DAY_NONE)
        return err_set(err, ERR_SYNTAX, "month_invalid", "not a month");
    int32_t next = number == 12 ? day_from_date((int)year + 1, 1, 1)
                                : day_from_date((int)year, (int)number + 1, 1);
    *from_ms = (int64_t)first * 86400000 - DAY_JAPAN_OFFSET_MS;
    *until_ms = (int64_t)next * 86400000 - DAY_JAPAN_OFFSET_MS;
    return true;
}

/* "<at>.<number>.<node>" of the last row given. */
static bool read_cursor(struct span cursor, struct audit_index_cursor *after,
                        struct err *err)
{
    struct span rest = cursor;
    struct span at = {0};
    struct span number = {0};
    uint64_t at_ms = 0;
    if (!span_take(&rest, '.', &at) || !span_take(&rest, '.', &number) ||
        !span_uint(at, INT64_MAX, &at_ms) ||
        !span_uint(number, INT64_MAX, &after->number) || after->number == 0 ||
        rest.len == 0 || rest.len >= sizeof after->node)
        return err_set(err, ERR_SYNTAX, "cursor_invalid", "not a cursor of ours");
    after->at_ms = (int64_t)at_ms;
    memcpy(after->node, rest.at, rest.len);
    return true;
}

static bool read_person(struct asking *asking, struct err *err)
{
    struct span value = {0};
    struct id person;
    if (!http_query(asking->call, "person", &value))
        return true;
    return id_parse(value, &person, err) && text_from_utf8(value, &asking->person, err);
}

static bool read_side(struct asking *asking, struct err *err)
{
    struct span side = SPAN("viewer");
    (void)http_query(asking->call, "side", &side);
    asking->is_of_others = span_is(side, "provider");
    return asking->is_of_others || span_is(side, "viewer") ||
           err_set(err, ERR_SYNTAX, "side_invalid", "viewer or provider");
}

/* A person has far fewer rows than a facility. */
static void choose_index(struct asking *asking)
{
    struct audit_index_query *query = &asking->query;
    query->by = asking->is_of_others ? AUDIT_BY_PROVIDER : AUDIT_BY_FACILITY;
    query->value = id_view(&asking->facility);
    query->count_max = PAGE_ROWS;
    if (asking->person.len > 0) {
        query->by = AUDIT_BY_PERSON;
        query->value = asking->person;
    }
}

/* Every post sees its own facility's record, nothing else; asking is itself a row of the
 * audit. */
static bool ask(struct asking *asking, struct err *err)
{
    struct span value = {0};
    struct reference_service *service = asking->service;
    if (!session_require(service->sessions, asking->call, SESSION_READS, &asking->actor,
                         err))
        return false;
    if (!http_query(asking->call, "month", &value))
        return err_set(err, ERR_SYNTAX, "month_invalid", "a month is needed");
    if (!read_month(value, &asking->query.from_ms, &asking->query.until_ms, err) ||
        !read_person(asking, err) || !read_side(asking, err))
        return false;
    if (http_query(asking->call, "cursor", &value) &&
        !read_cursor(value, &asking->query.after, err))
        return false;
    asking->scope = disclosure_decide_scope(service->gate, &asking->actor, "references",
                                            http_request_id(asking->call),
                                            http_arena(asking->call), err);
    if (!asking->scope)
        return false;
    asking->facility = id_to_text(asking->actor.facility);
    choose_index(asking);
    return audit_index_catch_up(service->index, err);
}

/* Writes the finish row, whatever came of the question. */
static bool finish(struct asking *asking, bool is_read, size_t bytes,
                   const struct err *err)
{
    struct disclosure_outcome outcome = {.verdict = is_read ? "done" : "failed",
                                         .reason = is_read ? NULL : err->code,
                                         .bytes = is_read ? (int64_t)bytes : 0};
    if (asking->scope)
        disclosure_finish_scope(asking->service->gate, asking->scope, "references",
                                &outcome);
    return is_read;
}

/* ---- rows ---- */

/* A view of content: decisions about a calendar, an entry or notes, or putting one on
 * paper. */
static bool is_reference(const struct asking *asking, const struct audit_index_row *row)
{
    bool is_view = text_is(row->event, "calendar") || text_is(row->event, "entry") ||
                   text_is(row->event, "print") || text_is(row->event, "notes");
    struct text own = id_view(&asking->facility);
    bool is_side = asking->is_of_others ? !text_equal(row->facility_id, own) &&
                                              text_equal(row->provider, own)
                                        : text_equal(row->facility_id, own);
    return is_view && is_side && text_is(row->phase, "decision") &&
           (asking->person.len == 0 || text_equal(asking->person, row->person));
}

typedef bool take_reference(void *self, const struct reference_row *view,
                            struct err *err);

struct listing {
    struct asking *asking;
    struct reference_names *names;
    take_reference *take;
    void *self;
    size_t count_max, scanned_max;
    size_t count, scanned;
    bool has_more;
    struct audit_index_cursor last; /* where to go on */
};

static bool take_rows(struct listing *listing, const struct audit_index_row *rows,
                      size_t count, struct err *err)
{
    const struct asking *asking = listing->asking;
    for (size_t i = 0; i < count; i++) {
        struct reference_row view;
        if (!is_reference(asking, &rows[i]))
            continue;
        if (listing->count == listing->count_max) {
            listing->has_more = true;
            return true;
        }
        if (!reference_name_row(listing->names, !asking->is_of_others, &rows[i], &view,
                                err) ||
            !listing->take(listing->self, &view, err))
            return false;
        listing->last = rows[i].key;
        listing->count++;
    }
    return true;
}

/* A month in which little is to be found is looked through by parts. Of a person's rows
 * all are looked at: where one ends is for nobody else to know. */
static bool is_enough(struct listing *listing)
{
    const struct audit_index_query *query = &listing->asking->query;
    if (listing->has_more || query->by == AUDIT_BY_PERSON ||
        listing->scanned < listing->scanned_max)
        return listing->has_more;
    listing->last = query->after;
    listing->has_more = true;
    return true;
}

/* Page after page of the index, each with memory of its own. */
static bool list_rows(struct listing *listing, struct err *err)
{
    struct asking *asking = listing->asking;
    struct store *store = asking->service->store;
    size_t count = PAGE_ROWS;
    while (count == PAGE_ROWS && !is_enough(listing)) {
        CLEANUP(arena_free) struct arena arena = arena_init(PAGE_ARENA_BYTES);
        struct audit_index_row *rows = NULL;
        if (!audit_index_list(store, &asking->query, &arena, &rows, &count, err) ||
            !take_rows(listing, rows, count, err))
            return false;
        if (count > 0)
            asking->query.after = rows[count - 1].key;
        listing->scanned += count;
    }
    return true;
}

/* ---- the list ---- */

static bool write_reference(void *self, const struct reference_row *view, struct err *err)
{
    struct json_writer *writer = self;
    const struct audit_index_row *row = view->row;
    json_open_object(writer);
    json_put_int(writer, "at", row->key.at_ms);
    json_put_text(writer, "staff", row->name);
    json_put_text(writer, "profession", row->profession);
    json_put_text(writer, "viewer", row->facility_name);
    json_put_text(writer, "event", row->event);
    json_put_text(writer, "person", row->person);
    json_put_text(writer, "name", view->name);
    json_put_text(writer, "own_number", view->own_number);
    json_put_text(writer, "provider", view->provider);
    json_put_text(writer, "kind", row->kind);
    char day[DAY_TEXT_BYTES];
    day_to_iso(row->day, day);
    json_put_cstr(writer, "day", day);
    json_put_text(writer, "verdict", row->verdict);
    json_put_text(writer, "reason", row->reason);
    json_close_object(writer);
    (void)err; /* what has no room is told at the end */
    return true;
}

static void write_next(struct json_writer *writer, const struct listing *listing)
{
    const struct audit_index_cursor *last = &listing->last;
    json_key(writer, "next");
    if (!listing->has_more) {
        json_null_value(writer);
        return;
    }
    char cursor[CURSOR_BYTES];
    snprintf(cursor, sizeof cursor, "%lld.%llu.%s", (long long)last->at_ms,
             (unsigned long long)last->number, last->node);
    json_cstr_value(writer, cursor);
}

static bool write_list(struct asking *asking, struct buf *out, struct err *err)
{
    if (!ask(asking, err))
        return false;
    asking->query.is_newest_first = true;
    CLEANUP(reference_names_free)
    struct reference_names names = reference_names(asking->service->store, asking->scope);
    struct json_writer writer = json_writer(out);
    struct listing listing = {.asking = asking,
                              .names = &names,
                              .take = write_reference,
                              .self = &writer,
                              .count_max = PAGE_ROWS,
                              .scanned_max = SCANNED_ROWS_MAX};
    json_open_object(&writer);
    json_key(&writer, "references");
    json_open_array(&writer);
    if (!list_rows(&listing, err))
        return false;
    json_close_array(&writer);
    write_next(&writer, &listing);
    json_close_object(&writer);
    return buf_check(out, err);
}

static bool list_references(struct asking *asking, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    bool is_read = write_list(asking, &out, err);
    if (!finish(asking, is_read, out.len, err))
        return false;
    http_answer_json(asking->call, 200, &out);
    return true;
}

static void answer_list(struct http_call *call, void *context)
{
    struct err err = {0};
    struct asking asking = {.service = context, .call = call};
    if (!list_references(&asking, &err))
        session_answer_problem(call, &err);
}

/* ---- the whole month as CSV ---- */

static void write_time(struct csv_writer *csv, int64_t at_ms)
{
    char day[DAY_TEXT_BYTES];
    char text[40];
    int64_t local_s = (at_ms + DAY_JAPAN_OFFSET_MS) / 1000;
    day_to_iso(day_of_instant(at_ms), day);
    snprintf(text, sizeof text, "%s %02d:%02d:%02d", day, (int)(local_s / 3600 % 24),
             (int)(local_s / 60 % 60), (int)(local_s % 60));
    csv_cstr(csv, text);
}

static bool write_csv_row(void *self, const struct reference_row *view, struct err *err)
{
    struct csv_writer *csv = self;
    const struct audit_index_row *row = view->row;
    write_time(csv, row->key.at_ms);
    csv_text(csv, row->name);
    csv_text(csv, row->profession);
    csv_text(csv, row->facility_name);
    csv_text(csv, row->event);
    csv_text(csv, view->own_number);
    csv_text(csv, view->name);
    csv_text(csv, view->provider);
    csv_text(csv, row->kind);
    csv_day(csv, row->day);
    csv_text(csv, row->verdict);
    csv_text(csv, row->reason);
    csv_cstr(csv, row->key.node);
    csv_int(csv, (int64_t)row->key.number);
    csv_end_row(csv);
    (void)err; /* what has no room is told at the end */
    return true;
}

static void write_csv_head(struct csv_writer *csv)
{
    static const char *const heads[] = {
        "日時",     "職員", "職種",   "閲覧施設", "操作", "自施設患者番号", "患者氏名",
        "開示施設", "種別", "診療日", "判定",     "理由", "監査系列",       "監査番号"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        csv_cstr(csv, heads[i]);
    csv_end_row(csv);
}

static bool write_month(struct asking *asking, struct buf *out, struct err *err)
{
    if (!ask(asking, err))
        return false;
    CLEANUP(reference_names_free)
    struct reference_names names = reference_names(asking->service->store, asking->scope);
    struct csv_writer csv = csv_writer(out, CSV_WITH_MARK);
    struct listing listing = {.asking = asking,
                              .names = &names,
                              .take = write_csv_row,
                              .self = &csv,
                              .count_max = SIZE_MAX,
                              .scanned_max = SIZE_MAX};
    write_csv_head(&csv);
    return list_rows(&listing, err) && buf_check(out, err);
}

static bool download_references(struct asking *asking, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(CSV_BYTES_MAX);
    bool is_read = write_month(asking, &out, err);
    if (!finish(asking, is_read, out.len, err))
        return false;
    http_add_header(asking->call, "Content-Disposition",
                    "attachment; filename=\"references.csv\"");
    http_answer(asking->call, 200, "text/csv; charset=utf-8", buf_view(&out));
    return true;
}

static void answer_download(struct http_call *call, void *context)
{
    struct err err = {0};
    struct asking asking = {.service = context, .call = call};
    if (!download_references(&asking, &err))
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/references", answer_list, 0},
    {HTTP_GET, "/api/v1/references.csv", answer_download, 0},
};

void reference_routes(struct http_router *router, struct reference_service *service)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
