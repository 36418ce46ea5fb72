// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "base/memory.h"
#include "exchange/patient/patient_service.h"
#include "formats/json/json.h"
#include "formats/uplink/uplink.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel.h"

enum {
    WORKERS = 8,
    WORKERS_QUEUE_MAX = 8192,
    OWNER_MS = 3000,
    ANSWER_BYTES_MAX = 4096,
    JOB_ARENA_BYTES = 1 << 20,
};

enum patient_match patient_match_of(enum uplink_match match)
{
    switch (match) {
    case UPLINK_CONFIRMED:
        return PATIENT_MATCH_CONFIRMED;
    case UPLINK_MISMATCH:
        return PATIENT_MATCH_MISMATCH;
    case UPLINK_UNKNOWN_NUMBER:
        return PATIENT_MATCH_UNKNOWN;
    case UPLINK_HELD:
        return PATIENT_MATCH_HELD;
    case UPLINK_RATE_LIMITED:
        return PATIENT_MATCH_RATE;
    case UPLINK_MATCH_COUNT:
        break;
    }
    return PATIENT_MATCH_AWAY;
}

static bool send(struct tunnel *tunnel, const char *path, const struct buf *body,
                 struct arena *arena, int *status, struct span *answer, struct err *err)
{
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = buf_view(body),
                                     .first_byte_ms = OWNER_MS,
                                     .total_ms = OWNER_MS};
    return buf_check(body, err) &&
           tunnel_ask(tunnel, &request, ANSWER_BYTES_MAX, arena, status, answer, err);
}

/* {"result": "confirmed" …} */
static bool read_match(struct span answer, enum patient_match *match, struct err *err)
{
    CLEANUP(json_free_at) struct json_document *document = json_parse(answer, err);
    struct text word;
    enum uplink_match said;
    if (!document || !json_take_text(json_root(document), "result", 32, &word, err))
        return false;
    if (!uplink_match_parse(word, &said))
        return err_set(err, ERR_SYNTAX, "uplink_result", "an unknown word for a match");
    *match = patient_match_of(said);
    return true;
}

static bool ask_gateway(struct patient_service *service,
                        const struct patient_record *record,
                        const struct patient_person *person, struct arena *arena,
                        enum patient_match *match, struct err *err)
{
    CLEANUP(tunnel_release)
    struct tunnel *tunnel =
        facility_gateway_take(service->config.gateways, record->facility, err);
    if (!tunnel)
        return false;
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    struct uplink_link link = {.record = record->id,
                               .number = record->number,
                               .name = person->name,
                               .kana = person->kana,
                               .birth_day = person->birth_day,
                               .sex = person->sex};
    uplink_write_link(&writer, &link);
    int status = 0;
    struct span answer;
    if (!send(tunnel, "/links", &body, arena, &status, &answer, err))
        return false;
    if (status != 200)
        return err_set(err, ERR_BUSY, "gateway_refused", "the gateway answered %d",
                       status);
    return read_match(answer, match, err);
}

/* A gateway that is away, slow or answers nonsense leaves the number proposed. */
static void ask_owner(struct patient_service *service, struct id id)
{
    CLEANUP(arena_free) struct arena arena = arena_init(JOB_ARENA_BYTES);
    struct patient_record record;
    struct patient_person person;
    enum patient_match match = PATIENT_MATCH_AWAY;
    struct err err = {0};
    bool is_read = patient_read_record(service, id, &arena, &record, &person, &err);
    if (is_read && record.state != PATIENT_PROPOSED)
        return;
    if (is_read && !ask_gateway(service, &record, &person, &arena, &match, &err)) {
        if (err.kind != ERR_BUSY && service->config.log)
            log_err(service->config.log, "link_not_asked", &err);
        err_clear(&err);
    }
    if (is_read && patient_apply(service, id, match, &arena, &record, &err)) {
        /* Confirmed there, but taken by another person here: undo it there. */
        if (match == PATIENT_MATCH_CONFIRMED && record.state != PATIENT_CONFIRMED &&
            patient_mark_to_tell(service, id, &err))
            patient_tell_end(service, id);
        return;
    }
    if (service->config.log)
        log_err(service->config.log, "link_not_applied", &err);
}

/* ---- several at once ---- */

struct batch {
    struct patient_service *service;
    _Atomic size_t left;
    void (*done)(void *context);
    void *context;
    struct question *questions; /* *owned* */
};

struct question {
    struct batch *batch;
    struct id record;
};

static void finish_one(struct batch *batch)
{
    if (atomic_fetch_sub(&batch->left, 1) != 1)
        return;
    batch->done(batch->context);
    memory_free(batch->questions);
    memory_free(batch);
}

static void run_question(void *context)
{
    struct question *question = context;
    ask_owner(question->batch->service, question->record);
    finish_one(question->batch);
}

static struct batch *batch_new(struct patient_service *service, size_t count)
{
    struct err err = {0};
    struct batch *batch = memory_new(1, sizeof *batch, &err);
    if (!batch)
        return NULL;
    batch->service = service;
    batch->questions = memory_new(count, sizeof *batch->questions, &err);
    if (batch->questions)
        return batch;
    memory_free(batch);
    return NULL;
}

void patient_ask_owners(struct patient_service *service, const struct id *records,
                        size_t count, void (*done)(void *context), void *context)
{
    struct batch *batch = count > 0 ? batch_new(service, count) : NULL;
    if (!batch) {
        done(context);
        return;
    }
    batch->done = done;
    batch->context = context;
    /* One more than questions: the last one cannot finish the batch while others are
     * still being posted. */
    atomic_store(&batch->left, count + 1);
    for (size_t i = 0; i < count; i++) {
        batch->questions[i] = (struct question){batch, records[i]};
        if (!workers_post(service->workers, run_question, &batch->questions[i]))
            finish_one(batch);
    }
    finish_one(batch);
}

/* ---- the end of a link ---- */

static bool tell_gateway(struct patient_service *service,
                         const struct patient_record *record, struct arena *arena,
                         struct err *err)
{
    CLEANUP(tunnel_release)
    struct tunnel *tunnel =
        facility_gateway_take(service->config.gateways, record->facility, err);
    if (!tunnel)
        return false;
    CLEANUP(buf_free) struct buf body = buf_init(1024);
    struct json_writer writer = json_writer(&body);
    json_open_object(&writer);
    json_put_id(&writer, "record", record->id);
    json_put_text(&writer, "number", record->number);
    json_close_object(&writer);
    int status = 0;
    struct span answer;
    if (!send(tunnel, "/links/end", &body, arena, &status, &answer, err))
        return false;
    /* 404: the gateway knows no such link (any more), which is what was wanted. */
    return (status >= 200 && status < 300) || status == 404 ||
           err_set(err, ERR_BUSY, "gateway_refused", "the gateway answered %d", status);
}

static void tell_end(struct patient_service *service, struct id id)
{
    CLEANUP(arena_free) struct arena arena = arena_init(JOB_ARENA_BYTES);
    struct patient_record record;
    struct patient_person person;
    struct err err = {0};
    if (patient_read_record(service, id, &arena, &record, &person, &err) &&
        tell_gateway(service, &record, &arena, &err) &&
        patient_mark_told(service, id, &err))
        return;
    if (err.kind != ERR_BUSY && service->config.log)
        log_err(service->config.log, "link_end_not_told", &err);
}

struct news {
    struct patient_service *service;
    struct id id;
};

static void run_end(void *context)
{
    struct news *news = context;
    tell_end(news->service, news->id);
    memory_free(news);
}

static void post_news(struct patient_service *service, struct id id,
                      void (*run)(void *context))
{
    struct err err = {0};
    struct news *news = memory_new(1, sizeof *news, &err);
    if (!news)
        return;
    *news = (struct news){service, id};
    if (!workers_post(service->workers, run, news))
        memory_free(news);
}

void patient_tell_end(struct patient_service *service, struct id record)
{
    post_news(service, record, run_end);
}

/* ---- a gateway is back, or was busy when it was asked ---- */

static void catch_up(struct patient_service *service, struct id facility, bool ended)
{
    CLEANUP(arena_free) struct arena arena = arena_init(JOB_ARENA_BYTES);
    struct id *records = NULL;
    size_t count = 0;
    struct err err = {0};
    if (!patient_list_waiting(service, facility, ended, &arena, &records, &count, &err)) {
        if (service->config.log)
            log_err(service->config.log, "links_not_caught_up", &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!facility_gateway_is_ready(service->config.gateways, facility))
            return;
        if (ended)
            tell_end(service, records[i]);
        else
            ask_owner(service, records[i]);
    }
}

static void run_catch_up(void *context)
{
    struct news *news = context;
    catch_up(news->service, news->id, true);
    catch_up(news->service, news->id, false);
    memory_free(news);
}

static void gateway_ready(void *context, struct id facility)
{
    post_news(context, facility, run_catch_up);
}

struct facility_listener patient_facility_listener(struct patient_service *service)
{
    return (struct facility_listener){
        .ready = gateway_ready, .still = gateway_ready, .context = service};
}

/* ---- life ---- */

bool patient_wire_start(struct patient_service *service, struct err *err)
{
    service->workers = workers_new(WORKERS, WORKERS_QUEUE_MAX, err);
    return service->workers != NULL;
}

void patient_stop(struct patient_service *service)
{
    if (service->workers)
        workers_free(service->workers);
    service->workers = NULL;
}
