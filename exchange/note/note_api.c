// SPDX-License-Identifier: Apache-2.0
/* Routes: listNotes, writeNote, correctNote, withdrawNote. */
#include "exchange/disclosure/disclosure.h"
#include "exchange/note/note_parts.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

/* Each letter may come as an escape of six bytes, some as two. */
enum { WRITE_BODY_BYTES = 256 * 1024, WITHDRAW_BODY_BYTES = 1024 };

static const char *event_of(enum note_change_kind kind)
{
    static const char *const events[] = {
        [NOTE_CHANGE_WRITE] = "note",
        [NOTE_CHANGE_CORRECT] = "note_correct",
        [NOTE_CHANGE_WITHDRAW] = "note_withdraw",
    };
    return events[kind];
}

/* The decision was durable already; without this row it is closed as "unknown" at the
 * next start, so a fault here is for the operator only. */
static void finish(struct note_service *service, const struct disclosure_permit *permit,
                   const char *event, struct disclosure_outcome outcome,
                   const struct err *fault)
{
    struct err err = {0};
    bool is_done = fault->kind == ERR_NONE;
    outcome.verdict = is_done ? "done" : "failed";
    outcome.reason = is_done ? NULL : fault->code;
    if (!disclosure_finish(service->gate, permit, event, &outcome, &err) && service->log)
        log_err(service->log, "finish_not_audited", &err);
}

/* ---- GET /persons/{person}/notes ---- */

/* "<created_at>.<note>" of the last one given. */
static bool read_cursor(const struct http_call *call, struct note_cursor *before,
                        struct err *err)
{
    struct span rest;
    struct span at;
    uint64_t created_at = 0;
    *before = (struct note_cursor){.created_at = INT64_MAX};
    if (!http_query(call, "cursor", &rest))
        return true;
    if (span_take(&rest, '.', &at) && rest.at && span_uint(at, INT64_MAX, &created_at) &&
        id_parse(rest, &before->note, err)) {
        before->created_at = (int64_t)created_at;
        return true;
    }
    err_clear(err);
    return err_set(err, ERR_SYNTAX, "cursor_invalid", "not a cursor of ours");
}

static bool write_page(struct note_service *service, struct note_page *page,
                       struct buf *out, struct err *err)
{
    bool is_read = note_write_page(service, page, out, err);
    struct disclosure_outcome outcome = {.bytes = is_read ? (int64_t)out->len : 0,
                                         .parts = page->count};
    finish(service, page->permit, "notes", outcome, err);
    return is_read;
}

static bool list(struct note_service *service, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    struct note_page page = {.actor = &actor, .arena = http_arena(call)};
    struct disclosure_request request = {.actor = &actor,
                                         .purpose = PERMIT_CARE,
                                         .event = "notes",
                                         .request = http_request_id(call),
                                         .object = TEXT(""),
                                         .day = DAY_NONE,
                                         .department = TEXT("")};
    if (!session_require(service->sessions, call, SESSION_READS, &actor, err) ||
        !http_param_id(call, "person", &request.person, err) ||
        !read_cursor(call, &page.before, err))
        return false;
    page.permit = disclosure_decide(service->gate, &request, page.arena, err);
    CLEANUP(buf_free) struct buf out = buf_init(NOTE_LIST_BYTES);
    if (!page.permit || !write_page(service, &page, &out, err))
        return false;
    http_answer_json(call, 200, &out);
    return true;
}

static void get_notes(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!list(context, call, &err))
        session_answer_problem(call, &err);
}

/* ---- what is written ---- */

static bool take_flag(const struct json_value *object, const char *key, bool *flag,
                      struct err *err)
{
    return !json_member(object, key) || json_take_bool(object, key, flag, err);
}

static bool read_picture(const struct json_value *object, struct note_picture *picture,
                         struct err *err)
{
    static const char *const members[] = {
        "entry",   "series",     "instance",    "frame",   "window",
        "quarter", "is_flipped", "is_inverted", "comment", NULL};
    picture->shades = TEXT("");
    picture->comment = TEXT("");
    return json_check_members(object, members, err) &&
           json_take_id(object, "entry", &picture->entry, err) &&
           json_take_text(object, "series", 64, &picture->series_uid, err) &&
           note_check_uid(picture->series_uid, err) &&
           json_take_text(object, "instance", 64, &picture->instance_uid, err) &&
           note_check_uid(picture->instance_uid, err) &&
           json_take_int(object, "frame", 0, NOTE_FRAMES_MAX - 1, &picture->frame, err) &&
           json_take_text_or(object, "window", 32, &picture->shades, err) &&
           note_check_shades(picture->shades, err) &&
           json_take_int_or(object, "quarter", 0, 3, &picture->quarter, err) &&
           take_flag(object, "is_flipped", &picture->is_flipped, err) &&
           take_flag(object, "is_inverted", &picture->is_inverted, err) &&
           json_take_text_or(object, "comment", NOTE_COMMENT_CHARACTERS_MAX * 4,
                             &picture->comment, err) &&
           note_check_text(picture->comment, NOTE_COMMENT_CHARACTERS_MAX, err);
}

static bool read_pictures(const struct json_value *root, struct note_version *version,
                          struct err *err)
{
    const struct json_value *list = NULL;
    if (!json_take_array(root, "pictures", NOTE_PICTURES_MAX, &list, err))
        return false;
    version->picture_count = json_count(list);
    for (size_t i = 0; i < version->picture_count; i++)
        if (!read_picture(json_item(list, i), &version->pictures[i], err))
            return false;
    return true;
}

static bool is_blank(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && text.at[i] != '\n' && text.at[i] != '\t')
            return false;
    return true;
}

static bool read_note(const struct json_value *root, struct note_change *change,
                      struct err *err)
{
    static const char *const first[] = {"text", "pictures", NULL};
    static const char *const next[] = {"version", "text", "pictures", NULL};
    struct note_version *version = &change->version;
    bool is_first = change->kind == NOTE_CHANGE_WRITE;
    if (!json_check_members(root, is_first ? first : next, err) ||
        !json_take_text(root, "text", NOTE_CHARACTERS_MAX * 4, &version->body, err) ||
        !note_check_text(version->body, NOTE_CHARACTERS_MAX, err) ||
        !read_pictures(root, version, err))
        return false;
    if (!is_first && !json_take_int(root, "version", NOTE_FIRST_VERSION, INT32_MAX,
                                    &version->version, err))
        return false;
    return version->picture_count > 0 || !is_blank(version->body) ||
           err_set(err, ERR_SYNTAX, "note_empty", "neither words nor pictures");
}

/* ---- changes ---- */

/* The actor and the key; with has_answered when the same request was answered before. */
static bool begin(struct note_service *service, struct http_call *call, const char *route,
                  struct note_change *change, bool *has_answered, struct err *err)
{
    struct session_answer answer;
    if (!session_require(service->sessions, call, SESSION_CHANGES, &change->actor, err) ||
        !session_once_take(call, &change->actor, route, &change->once, err) ||
        !note_find_kept(service, &change->once, http_arena(call), &answer, err))
        return false;
    *has_answered = answer.is_kept;
    if (answer.is_kept)
        session_answer_kept(call, &answer);
    return true;
}

/* To take back is decided as reading the own facility's note (note.h). */
static struct disclosure_request request_of(const struct note_change *change,
                                            const struct id_text *object)
{
    bool is_withdrawal = change->kind == NOTE_CHANGE_WITHDRAW;
    struct disclosure_request request = {.actor = &change->actor,
                                         .person = change->version.person,
                                         .purpose =
                                             is_withdrawal ? PERMIT_CARE : PERMIT_WRITE,
                                         .event = event_of(change->kind),
                                         .request = change->actor.request,
                                         .object = id_view(object),
                                         .day = DAY_NONE,
                                         .department = TEXT("")};
    if (is_withdrawal) {
        request.provider = change->actor.facility;
        request.kind = entry_kind_id(ENTRY_NOTE);
        request.kind_bit = ENTRY_NOTE;
    }
    return request;
}

/* Decision row, data, finish row. */
static bool change_audited(struct note_service *service, struct http_call *call,
                           struct note_change *change, struct err *err)
{
    struct session_answer answer;
    struct arena *arena = http_arena(call);
    struct id_text object = id_to_text(change->version.note);
    struct disclosure_request request = request_of(change, &object);
    const struct disclosure_permit *permit =
        disclosure_decide(service->gate, &request, arena, err);
    if (!permit)
        return false;
    bool is_done = note_carry_out(service, change, permit, arena, &answer, err);
    struct disclosure_outcome outcome = {.parts = 1};
    finish(service, permit, request.event, outcome, err);
    if (!is_done)
        return false;
    session_answer_kept(call, &answer);
    return true;
}

static bool write_one(struct note_service *service, struct http_call *call,
                      struct err *err)
{
    struct note_change change = {.kind = NOTE_CHANGE_WRITE,
                                 .now_ms = clock_wall_ms(&service->clock)};
    bool has_answered = false;
    if (!begin(service, call, "writeNote", &change, &has_answered, err) || has_answered)
        return has_answered;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    if (!http_param_id(call, "person", &change.version.person, err) || !body ||
        !read_note(json_root(body), &change, err))
        return false;
    change.version.note = id_new(&service->rand);
    return change_audited(service, call, &change, err);
}

static void post_notes(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!write_one(context, call, &err))
        session_answer_problem(call, &err);
}

/* Whose note it is; one that nobody has, or that another facility wrote, is denied like
 * somebody else's. */
static bool find_person(struct note_service *service, struct http_call *call,
                        struct note_change *change, struct err *err)
{
    struct id_text object = id_to_text(change->version.note);
    if (note_find_person(service, &change->actor, change->version.note,
                         &change->version.person, err))
        return true;
    struct disclosure_request request = request_of(change, &object);
    return disclosure_deny_missing(service->gate, &request, http_arena(call), err);
}

static bool correct(struct note_service *service, struct http_call *call, struct err *err)
{
    struct note_change change = {.kind = NOTE_CHANGE_CORRECT,
                                 .now_ms = clock_wall_ms(&service->clock)};
    bool has_answered = false;
    if (!begin(service, call, "correctNote", &change, &has_answered, err) || has_answered)
        return has_answered;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    return http_param_id(call, "note", &change.version.note, err) && body &&
           read_note(json_root(body), &change, err) &&
           find_person(service, call, &change, err) &&
           change_audited(service, call, &change, err);
}

static void put_note(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!correct(context, call, &err))
        session_answer_problem(call, &err);
}

static bool withdraw(struct note_service *service, struct http_call *call,
                     struct err *err)
{
    static const char *const members[] = {"version", NULL};
    struct note_change change = {.kind = NOTE_CHANGE_WITHDRAW,
                                 .version = {.body = TEXT("")},
                                 .now_ms = clock_wall_ms(&service->clock)};
    bool has_answered = false;
    if (!begin(service, call, "withdrawNote", &change, &has_answered, err) ||
        has_answered)
        return has_answered;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    return http_param_id(call, "note", &change.version.note, err) && body &&
           json_check_members(json_root(body), members, err) &&
           json_take_int(json_root(body), "version", NOTE_FIRST_VERSION, INT32_MAX,
                         &change.version.version, err) &&
           find_person(service, call, &change, err) &&
           change_audited(service, call, &change, err);
}

static void post_withdrawals(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!withdraw(context, call, &err))
        session_answer_problem(call, &err);
}

void note_routes(struct http_router *router, struct note_service *service)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/api/v1/persons/{person}/notes", get_notes, 0},
        {HTTP_POST, "/api/v1/persons/{person}/notes", post_notes, WRITE_BODY_BYTES},
        {HTTP_PUT, "/api/v1/notes/{note}", put_note, WRITE_BODY_BYTES},
        {HTTP_POST, "/api/v1/notes/{note}/withdrawals", post_withdrawals,
         WITHDRAW_BODY_BYTES},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, service);
}
