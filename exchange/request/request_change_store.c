// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/patient/patient_offer.h"
#include "exchange/request/request_parts.h"

#include "base/day.h"
#include "formats/json/json.h"
#include "store/store.h"

/* ---- facts and the rule ---- */

/* A facility that is unknown is on no list and may do nothing. */
static bool read_may(struct store_session *session, struct id facility,
                     struct arena *arena, bool *may_register, struct err *err)
{
    struct facility found;
    *may_register = false;
    if (facility_find(session, facility, arena, &found, err)) {
        *may_register = found.may_register;
        return true;
    }
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

bool request_read_facts(struct store_session *session, const struct request *request,
                        struct id viewer, int32_t today, struct arena *arena,
                        struct request_facts *facts, struct err *err)
{
    struct network_participants list;
    *facts = (struct request_facts){.is_asker = id_equal(request->asker, viewer),
                                    .is_asked = id_equal(request->asked, viewer),
                                    .state = request->state};
    if (!network_participants_on(session, request->network, today, arena, &list, err) ||
        !read_may(session, request->asker, arena, &facts->asker_may_register, err) ||
        !read_may(session, request->asked, arena, &facts->asked_may_register, err))
        return false;
    facts->asker_is_participant = network_participant_find(&list, request->asker) != NULL;
    facts->asked_is_participant = network_participant_find(&list, request->asked) != NULL;
    return true;
}

bool request_refuse(const char *code, struct err *err)
{
    enum err_kind kind = ERR_REFUSED;
    if (strcmp(code, "not_found") == 0)
        kind = ERR_MISSING;
    else if (strcmp(code, "request_closed") == 0)
        kind = ERR_CONFLICT;
    else if (strcmp(code, "request_self") == 0 || strcmp(code, "request_facility") == 0)
        kind = ERR_SYNTAX;
    return err_set(err, kind, code, "refused: %s", code);
}

/* One that is sent comes whole, another one is read. */
static bool load(struct store_session *session, struct request_change *change,
                 struct arena *arena, struct err *err)
{
    struct request found;
    if (change->step == REQUEST_SEND)
        return true;
    if (!request_find(session, change->request.id, change->now_ms, arena, &found, err))
        return false;
    if (change->step != REQUEST_SEE) {
        found.reason = change->request.reason;
        found.answer = change->request.answer;
    }
    change->request = found;
    return true;
}

static bool apply_rule(struct store_session *session, struct request_change *change,
                       struct arena *arena, const char **code, struct err *err)
{
    struct request_facts facts;
    if (!load(session, change, arena, err)) {
        *code = err->kind == ERR_MISSING ? "not_found" : NULL;
        return false;
    }
    if (!request_read_facts(session, &change->request, change->actor->facility,
                            day_of_instant(change->now_ms), arena, &facts, err))
        return false;
    *code = request_refusal(change->step, &facts);
    return !*code || request_refuse(*code, err);
}

bool request_examine(struct request_service *service, struct request_change *change,
                     struct arena *arena, const char **code, struct err *err)
{
    *code = NULL;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    return session && apply_rule(session, change, arena, code, err);
}

/* ---- the contract's Request ---- */

static const char *side_of(const struct request *request, struct id viewer)
{
    return id_equal(request->asker, viewer) ? "sent" : "received";
}

static void write_text_or_null(struct json_writer *writer, const char *key,
                               struct text text)
{
    if (text_is_empty(text))
        json_put_null(writer, key);
    else
        json_put_text(writer, key, text);
}

/* The members of RequestHead inside an object that the caller opened. */
static void write_head(struct json_writer *writer, const struct request *request,
                       struct id viewer)
{
    json_put_id(writer, "id", request->id);
    json_put_cstr(writer, "side", side_of(request, viewer));
    json_put_id(writer, "asker", request->asker);
    json_put_id(writer, "asked", request->asked);
    json_put_text(writer, "name", request->name);
    json_put_text(writer, "kana", request->kana);
    json_put_cstr(writer, "state", request_state_id(request->state));
    json_put_int(writer, "sent_at", request->sent_at);
    json_put_int(writer, "ends_at", request_ends_at(request->sent_at));
}

static void write_consent(struct json_writer *writer, const struct request *request)
{
    if (!request->has_consent) {
        json_put_null(writer, "consent");
        return;
    }
    json_key(writer, "consent");
    json_open_object(writer);
    json_put_cstr(writer, "form", consent_form_id(request->form));
    json_put_cstr(writer, "channel", consent_channel_id(request->channel));
    json_put_day(writer, "day", request->consent_day);
    json_put_text(writer, "explained_by", request->explained_by);
    json_close_object(writer);
}

static void write_answer(struct json_writer *writer, const struct request *request)
{
    if (request->closed_at == 0)
        json_put_null(writer, "closed_at");
    else
        json_put_int(writer, "closed_at", request->closed_at);
    json_put_text(writer, "closed_by", request->closed_by);
    write_text_or_null(writer, "reason", request->reason);
    json_put_text(writer, "answer", request->answer);
}

static bool write_request(struct store_session *session, struct json_writer *writer,
                          const struct request *request, struct id viewer,
                          struct arena *arena, struct err *err)
{
    char sex[2] = {request->sex, '\0'};
    json_open_object(writer);
    write_head(writer, request, viewer);
    json_put_id(writer, "wanted", request->wanted);
    json_put_text(writer, "number", request->number);
    json_put_day(writer, "birth_date", request->birth_day);
    json_put_cstr(writer, "sex", sex);
    write_consent(writer, request);
    json_put_text(writer, "message", request->message);
    json_put_text(writer, "sent_by", request->sent_by);
    write_answer(writer, request);
    if (!patient_write_offered(session, writer, request->record, viewer, arena, err))
        return false;
    json_close_object(writer);
    return true;
}

bool request_write_one(struct request_service *service,
                       const struct request_change *change, struct arena *arena,
                       struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    struct json_writer writer = json_writer(out);
    return session &&
           write_request(session, &writer, &change->request, change->actor->facility,
                         arena, err) &&
           buf_check(out, err);
}

static void write_heads(struct json_writer *writer, const char *key,
                        const struct request *items, size_t count, struct id viewer)
{
    json_key(writer, key);
    json_open_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_open_object(writer);
        write_head(writer, &items[i], viewer);
        json_close_object(writer);
    }
    json_close_array(writer);
}

bool request_write_lists(struct request_service *service, struct id facility,
                         int64_t now_ms, struct arena *arena, struct buf *out,
                         struct err *err)
{
    struct request *received = NULL;
    struct request *sent = NULL;
    size_t received_count = 0;
    size_t sent_count = 0;
    int64_t total = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    if (!session ||
        !request_list_received(session, facility, now_ms, arena, &received,
                               &received_count, &total, err) ||
        !request_list_sent(session, facility, now_ms, arena, &sent, &sent_count, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    write_heads(&writer, "received", received, received_count, facility);
    json_put_int(&writer, "received_total", total);
    write_heads(&writer, "sent", sent, sent_count, facility);
    json_close_object(&writer);
    return buf_check(out, err);
}

/* ---- changes ---- */

struct work {
    struct request_change *change;
    struct arena *arena;
    struct session_answer *answer;
    struct id *linked;
};

static bool take_offer(struct store_session *session, struct work *work, struct err *err)
{
    const struct request_change *change = work->change;
    const struct request *request = &change->request;
    struct patient_offer offer = {.record = change->record,
                                  .person = change->person,
                                  .facility = request->asker,
                                  .number = request->number,
                                  .kana = request->kana,
                                  .birth_day = request->birth_day,
                                  .sex = request->sex};
    return patient_take_offer(session, &offer, change->actor, change->now_ms, work->arena,
                              work->linked, err);
}

static bool close_request(struct store_session *session, struct work *work,
                          struct err *err)
{
    struct request_change *change = work->change;
    struct request *request = &change->request;
    if (change->step == REQUEST_ACCEPT) {
        if (!take_offer(session, work, err))
            return false;
        request->record = *work->linked;
    }
    request->state = change->step == REQUEST_ACCEPT    ? REQUEST_ACCEPTED
                     : change->step == REQUEST_DECLINE ? REQUEST_DECLINED
                                                       : REQUEST_WITHDRAWN;
    request->closed_at = change->now_ms;
    request->closed_by = change->actor->staff_name;
    return request_close(session, request, err);
}

/* What is kept as the answer. */
static bool write_body(struct store_session *session, struct work *work, struct err *err)
{
    const struct request_change *change = work->change;
    CLEANUP(buf_free) struct buf out = buf_init(REQUEST_BODY_MAX);
    struct json_writer writer = json_writer(&out);
    struct span bytes;
    if (!write_request(session, &writer, &change->request, change->actor->facility,
                       work->arena, err) ||
        !buf_to_arena(&out, work->arena, &bytes, err))
        return false;
    work->answer->body = (struct text){(const char *)bytes.at, bytes.len};
    return true;
}

/* May run again from the start: `change` is read anew each time. */
static bool carry_out(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    struct request_change *change = work->change;
    const char *code = NULL;
    *work->linked = (struct id){{0}};
    if (!session_once_find(session, change->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    if (!apply_rule(session, change, work->arena, &code, err))
        return false;
    bool is_sent = change->step == REQUEST_SEND;
    if (is_sent ? !request_add(session, &change->request, err)
                : !close_request(session, work, err))
        return false;
    work->answer->status = is_sent ? 201 : change->step == REQUEST_WITHDRAW ? 204 : 200;
    work->answer->body = TEXT("");
    return (work->answer->status == 204 || write_body(session, work, err)) &&
           session_once_keep(session, change->once, work->answer->status,
                             work->answer->body, change->now_ms, err);
}

bool request_carry_out(struct request_service *service, struct request_change *change,
                       struct arena *arena, struct session_answer *answer,
                       struct id *linked, struct err *err)
{
    struct work work = {change, arena, answer, linked};
    return store_write(service->store, STORE_LIVE, carry_out, &work, err);
}

bool request_find_kept(struct request_service *service, const struct session_once *once,
                       struct arena *arena, struct session_answer *answer,
                       struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    return session && session_once_find(session, once, arena, answer, err);
}
