// SPDX-License-Identifier: Apache-2.0
/* Routes: openCalendar, getCalendar, listEntries, checkNow, getHome. */
#include <string.h>

#include "exchange/disclosure/disclosure.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry_answer.h"
#include "exchange/session/session.h"
#include "wire/http/http.h"

enum { RANGE_DAYS_MAX = 800, BODY_MAX = 1024 };

/* ---- asking ---- */

static bool read_range(struct span from, struct span to, int32_t *first, int32_t *last,
                       struct err *err)
{
    *first = day_from_iso(from);
    *last = day_from_iso(to);
    if (*first == DAY_NONE || *last == DAY_NONE || *first > *last)
        return err_set(err, ERR_SYNTAX, "range_invalid", "not a range of days");
    if (*last - *first >= RANGE_DAYS_MAX)
        return err_set(err, ERR_LIMIT, "range_too_long", "more than %d days",
                       RANGE_DAYS_MAX);
    return true;
}

static bool read_query_range(const struct http_call *call, int32_t *first, int32_t *last,
                             struct err *err)
{
    struct span from = {0};
    struct span to = {0};
    if (!http_query(call, "from", &from) || !http_query(call, "to", &to))
        return err_set(err, ERR_SYNTAX, "range_invalid", "from and to are needed");
    return read_range(from, to, first, last, err);
}

static bool read_body_range(struct http_call *call, int32_t *first, int32_t *last,
                            struct err *err)
{
    struct text from = {0};
    struct text to = {0};
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(http_body(call), err);
    if (!document)
        return false;
    static const char *const members[] = {"from", "to", NULL};
    const struct json_value *root = json_root(document);
    return json_check_members(root, members, err) &&
           json_take_text(root, "from", 10, &from, err) &&
           json_take_text(root, "to", 10, &to, err) &&
           read_range(text_span(from), text_span(to), first, last, err);
}

/* ---- calendars ---- */

/* Reads the range under the opening's permit and answers with it. */
static bool answer_range(struct registry_service *service, struct http_call *call,
                         struct opening *opening, const int32_t range[2], int status,
                         struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(REGISTRY_ANSWER_BYTES_MAX);
    if (!registry_answer_calendar(service, opening, range, http_arena(call), &out, err))
        return false;
    http_answer_json(call, status, &out);
    return true;
}

/* A calendar whose decision row is on its way; in the call's arena. */
struct calendar_opening {
    struct registry_service *service;
    struct http_call *call;
    struct session_actor actor;
    struct opening *begun;
    struct err fault; /* why it could not begin */
    int32_t range[2];
};

/* The row is durable. */
static bool answer_opened(const struct calendar_opening *calendar, struct err *err)
{
    struct registry_service *service = calendar->service;
    int64_t new_since_ms = 0;
    CLEANUP(opening_release)
    struct opening *opening = opening_conclude(calendar->begun, err);
    if (!opening)
        return false;
    bool is_noted = registry_note_look(service->registry, calendar->actor.post,
                                       opening_person(opening), &new_since_ms, err);
    opening_set_new_since(opening, new_since_ms);
    if (is_noted &&
        answer_range(service, calendar->call, opening, calendar->range, 201, err))
        return true;
    opening_end(opening, "failed", err->code);
    return false;
}

static void resume_opened(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!answer_opened(context, &err))
        session_answer_problem(call, &err);
}

/* On the audit's thread. */
static void decision_written(void *context)
{
    struct calendar_opening *calendar = context;
    http_resume(calendar->call, resume_opened, calendar);
}

static void let_go(void *context)
{
    disclosure_ahead_end(context);
}

/* What the gate will ask about the person leaves with the check of the session. */
static bool require_session(struct calendar_opening *calendar,
                            struct disclosure_ahead *ahead, struct err *err)
{
    struct id person;
    struct err ignored = {0}; /* it is told when the session is good */
    struct registry_service *service = calendar->service;
    struct session_beside beside = {.let_go = let_go, .context = ahead};
    if (http_param_id(calendar->call, "person", &person, &ignored) &&
        !disclosure_ask_ahead(service->gate, person, ahead, err))
        return false;
    beside.session = ahead->session;
    bool is_good =
        session_require_beside(service->sessions, calendar->call, SESSION_CHANGES,
                               &beside, &calendar->actor, err);
    ahead->epoch = beside.epoch;
    return is_good;
}

static bool read_opening(struct calendar_opening *calendar,
                         struct disclosure_ahead *ahead, struct id *person,
                         struct err *err)
{
    struct http_call *call = calendar->call;
    return require_session(calendar, ahead, err) &&
           http_param_id(call, "person", person, err) &&
           read_body_range(call, &calendar->range[0], &calendar->range[1], err);
}

static void answer_unopened(struct http_call *call, void *context)
{
    const struct calendar_opening *calendar = context;
    session_answer_problem(call, &calendar->fault);
}

/* From here on the call is kept, so that also a failure is answered by resuming. */
static void begin_opening(struct calendar_opening *calendar,
                          struct disclosure_ahead *ahead, struct id person)
{
    struct http_call *call = calendar->call;
    struct disclosure_request request = {.purpose = PERMIT_CARE,
                                         .event = "calendar",
                                         .request = http_request_id(call),
                                         .actor = &calendar->actor,
                                         .person = person,
                                         .day = DAY_NONE};
    struct opening_wait wait = {decision_written, calendar, http_arena(call), ahead};
    http_keep(call);
    if (!opening_begin_later(calendar->service->openings, &request, (struct id){{0}},
                             &wait, &calendar->begun, &calendar->fault))
        http_resume(call, answer_unopened, calendar);
}

static void answer_open_calendar(struct http_call *call, void *context)
{
    struct err err = {0};
    struct id person;
    CLEANUP(disclosure_ahead_end) struct disclosure_ahead ahead = {.epoch = 0};
    struct calendar_opening *calendar =
        ARENA_NEW(http_arena(call), struct calendar_opening, &err);
    if (calendar)
        *calendar = (struct calendar_opening){.service = context, .call = call};
    if (!calendar || !read_opening(calendar, &ahead, &person, &err))
        session_answer_problem(call, &err);
    else
        begin_opening(calendar, &ahead, person);
}

/* The opening named in the path, which must be a calendar's. */
static struct opening *take_calendar(struct registry_service *service,
                                     struct http_call *call, enum session_need need,
                                     struct session_actor *actor, struct err *err)
{
    struct id handle;
    if (!session_require(service->sessions, call, need, actor, err) ||
        !http_param_id(call, "opening", &handle, err))
        return NULL;
    struct opening *opening = opening_take(service->openings, handle, actor, err);
    if (opening && !id_is_zero(opening_object(opening))) {
        opening_release(&opening);
        err_set(err, ERR_MISSING, "not_found", "not a calendar");
    }
    return opening;
}

static bool get_calendar(struct registry_service *service, struct http_call *call,
                         struct err *err)
{
    struct session_actor actor;
    int32_t range[2];
    CLEANUP(opening_release)
    struct opening *opening = take_calendar(service, call, SESSION_READS, &actor, err);
    return opening && read_query_range(call, &range[0], &range[1], err) &&
           answer_range(service, call, opening, range, 200, err);
}

static void answer_get_calendar(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!get_calendar(context, call, &err))
        session_answer_problem(call, &err);
}

static bool parse_row(struct span id, enum entry_row *row)
{
    for (int i = 0; i < ENTRY_ROW_NONE; i++)
        if (span_is(id, entry_row_id((enum entry_row)i))) {
            *row = (enum entry_row)i;
            return true;
        }
    return false;
}

/* Cursor: "<day number>.<entry id>" of the last one given. */
static bool parse_cursor(struct span cursor, struct registry_query *query,
                         struct err *err)
{
    struct span day = {0};
    struct span rest = cursor;
    bool is_negative = cursor.len > 0 && cursor.at[0] == '-';
    uint64_t value = 0;
    if (is_negative)
        rest = span_part(rest, 1, rest.len);
    if (!span_take(&rest, '.', &day) || !span_uint(day, INT32_MAX, &value))
        return err_set(err, ERR_SYNTAX, "cursor_invalid", "not a cursor of ours");
    query->before_day = is_negative ? -(int32_t)value : (int32_t)value;
    return id_parse(rest, &query->before_entry, err);
}

static bool read_row_query(struct http_call *call, struct registry_query *query,
                           struct err *err)
{
    struct span value = {0};
    query->before_day = INT32_MAX;
    if (!http_query(call, "row", &value) || !parse_row(value, &query->row))
        return err_set(err, ERR_SYNTAX, "row_invalid", "no such row");
    if (!read_query_range(call, &query->from, &query->to, err))
        return false;
    if (http_query(call, "facility", &value) && !id_parse(value, &query->facility, err))
        return false;
    return !http_query(call, "cursor", &value) || parse_cursor(value, query, err);
}

static bool list_entries(struct registry_service *service, struct http_call *call,
                         struct err *err)
{
    struct session_actor actor;
    struct registry_query query = {0};
    CLEANUP(opening_release)
    struct opening *opening = take_calendar(service, call, SESSION_READS, &actor, err);
    if (!opening || !read_row_query(call, &query, err))
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(REGISTRY_ANSWER_BYTES_MAX);
    if (!registry_answer_row(service, opening, &query, http_arena(call), &out, err))
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void answer_list_entries(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list_entries(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- checkNow ---- */

/* What waits for the gateways; in the call's arena, which stays as long as the call. */
struct checking {
    struct registry_service *service;
    struct http_call *call;
    struct opening *opening; /* held */
};

/* The answer is written under the opening as it is now, not as it was. */
static bool answer_checked(struct checking *checking, struct err *err)
{
    struct opening *opening = checking->opening;
    struct arena *arena = http_arena(checking->call);
    if (!opening_holds(opening, err)) {
        if (err->kind != ERR_REFUSED || strcmp(err->code, "permission_changed") != 0)
            return false;
        err_clear(err);
        if (!opening_renew(opening, err))
            return false;
    }
    CLEANUP(buf_free) struct buf out = buf_init(REGISTRY_ANSWER_BYTES_MAX);
    if (!registry_answer_freshness(checking->service, opening_permit(opening), arena,
                                   &out, err))
        return false;
    http_answer_json(checking->call, 200, &out);
    return true;
}

static void resume_checked(struct http_call *call, void *context)
{
    struct checking checking = *(struct checking *)context;
    struct err err = {0};
    bool is_answered = answer_checked(&checking, &err);
    opening_release(&checking.opening);
    if (!is_answered)
        session_answer_problem(call, &err);
}

static void all_checked(void *context)
{
    struct checking *checking = context;
    http_resume(checking->call, resume_checked, checking);
}

static size_t list_connected(const struct registry_service *service,
                             const struct opening *opening, struct registry_owner *owners)
{
    const struct permit_contents *contents = permit_read(opening_permit(opening));
    size_t count = 0;
    for (size_t i = 0; i < contents->grant_count && count < REGISTRY_CHECKS_MAX; i++) {
        const struct permit_grant *grant = &contents->grants[i];
        if (facility_gateway_is_ready(service->gateways, grant->provider))
            owners[count++] =
                (struct registry_owner){.facility = grant->provider,
                                        .record = grant->record,
                                        .person = contents->person,
                                        .local_number = grant->local_number};
    }
    return count;
}

static bool check_now(struct registry_service *service, struct http_call *call,
                      struct err *err)
{
    struct session_actor actor;
    struct checking *checking = ARENA_NEW(http_arena(call), struct checking, err);
    CLEANUP(opening_release)
    struct opening *opening =
        checking ? take_calendar(service, call, SESSION_CHANGES, &actor, err) : NULL;
    if (!opening)
        return false;
    struct registry_owner owners[REGISTRY_CHECKS_MAX];
    size_t count = list_connected(service, opening, owners);
    *checking = (struct checking){service, call, opening_keep(opening)};
    http_keep(call);
    struct err fault = {0};
    if (!service->uplink || !registry_check_now(service->uplink, owners, count,
                                                all_checked, checking, &fault))
        all_checked(checking);
    return true;
}

static void answer_check_now(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!check_now(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- getHome ---- */

static bool get_home(struct registry_service *service, struct http_call *call,
                     struct err *err)
{
    struct session_actor actor;
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err))
        return false;
    const struct disclosure_scope *scope = disclosure_decide_scope(
        service->gate, &actor, "home", http_request_id(call), http_arena(call), err);
    if (!scope)
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(REGISTRY_ANSWER_BYTES_MAX);
    bool is_read =
        registry_answer_home(service, scope, &actor, http_arena(call), &out, err);
    struct disclosure_outcome outcome = {.verdict = is_read ? "done" : "failed",
                                         .reason = is_read ? NULL : err->code,
                                         .bytes = is_read ? (int64_t)out.len : 0};
    disclosure_finish_scope(service->gate, scope, "home", &outcome);
    if (!is_read)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void answer_home(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!get_home(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- listLinks ---- */

static bool read_place(struct span cursor, struct patient_place *place, struct err *err)
{
    struct span rest = cursor;
    struct span at = {0};
    struct err shape = {0};
    uint64_t at_ms = 0;
    if (!span_take(&rest, '.', &at) || !span_uint(at, INT64_MAX, &at_ms) ||
        !id_parse(rest, &place->record, &shape) || id_is_zero(place->record))
        return err_set(err, ERR_SYNTAX, "cursor_invalid", "not a cursor of ours");
    place->at_ms = (int64_t)at_ms;
    return true;
}

static bool read_pending(struct http_call *call, struct patient_pending_query *query,
                         struct err *err)
{
    struct span list = SPAN("");
    struct span cursor = {0};
    (void)http_query(call, "list", &list);
    *query = (struct patient_pending_query){.which = span_is(list, "suspended")
                                                         ? PATIENT_NUMBER_SUSPENDED
                                                         : PATIENT_UNFINISHED};
    if (!span_is(list, "suspended") && !span_is(list, "unfinished"))
        return err_set(err, ERR_SYNTAX, "list_invalid", "unfinished or suspended");
    return !http_query(call, "cursor", &cursor) || read_place(cursor, &query->after, err);
}

static bool list_links(struct registry_service *service, struct http_call *call,
                       struct err *err)
{
    struct session_actor actor;
    struct registry_pending pending;
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err) ||
        !read_pending(call, &pending.query, err))
        return false;
    pending.viewer = actor.facility;
    const struct disclosure_scope *scope = disclosure_decide_scope(
        service->gate, &actor, "links", http_request_id(call), http_arena(call), err);
    if (!scope)
        return false;
    CLEANUP(buf_free) struct buf out = buf_init(REGISTRY_ANSWER_BYTES_MAX);
    bool is_read =
        registry_answer_pending(service, scope, &pending, http_arena(call), &out, err);
    struct disclosure_outcome outcome = {.verdict = is_read ? "done" : "failed",
                                         .reason = is_read ? NULL : err->code,
                                         .bytes = is_read ? (int64_t)out.len : 0};
    disclosure_finish_scope(service->gate, scope, "links", &outcome);
    if (!is_read)
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void answer_list_links(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list_links(context, call, &err))
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/persons/{person}/calendar-openings", answer_open_calendar,
     BODY_MAX},
    {HTTP_GET, "/api/v1/openings/{opening}/calendar", answer_get_calendar, 0},
    {HTTP_GET, "/api/v1/openings/{opening}/entries", answer_list_entries, 0},
    {HTTP_POST, "/api/v1/openings/{opening}/checks", answer_check_now, 1024},
    {HTTP_GET, "/api/v1/home", answer_home, 0},
    {HTTP_GET, "/api/v1/links", answer_list_links, 0},
};

void registry_routes(struct http_router *router, struct registry_service *service)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
