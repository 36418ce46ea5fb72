// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: what the centre asks, and whole scenes. */

#include "gateway/gateway_testsite.h"

/* ---- asking ---- */

struct answer {
    int status;
    struct span body;
    struct json_document *document;
};

static inline void answer_free_at(struct answer *answer)
{
    json_free(answer->document);
}
#define ANSWER CLEANUP(answer_free_at) struct answer

static inline struct answer ask(struct scene *scene, const char *path, struct span body,
                                struct span grant)
{
    struct err err = {0};
    struct answer answer = {0};
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = body,
                                     .grant = grant,
                                     .first_byte_ms = 20000};
    if (!tunnel_ask(scene->tunnel, &request, 64 << 20, &scene->arena, &answer.status,
                    &answer.body, &err)) {
        printf("# %s: %s\n", path, err.code);
        return answer;
    }
    answer.document = json_parse(answer.body, &err);
    return answer;
}

static inline struct answer ask_text(struct scene *scene, const char *path,
                                     const char *body)
{
    return ask(scene, path, span_cstr(body), (struct span){0});
}

static inline bool is_problem(const struct answer *answer, int status, const char *code)
{
    struct text said = {0};
    struct err err = {0};
    bool is_same = answer->status == status && answer->document &&
                   json_take_text(json_root(answer->document), "code", 64, &said, &err) &&
                   text_is(said, code);
    if (!is_same)
        printf("# %d %.*s\n", answer->status, (int)answer->body.len,
               (const char *)answer->body.at);
    return is_same;
}

static inline struct answer ask_hello(struct scene *scene)
{
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    struct uplink_hello hello = {.protocol_min = 1,
                                 .protocol_max = 1,
                                 .node = TEXT("centre-1"),
                                 .tunnel = tunnel_id(scene->tunnel)};
    hello.head.node = TEXT("centre-1");
    uplink_write_hello(&writer, &hello);
    return ask(scene, "/hello", buf_view(&body), (struct span){0});
}

static inline void say_hello(struct scene *scene)
{
    struct err err = {0};
    struct uplink_welcome welcome;
    ANSWER answer = ask_hello(scene);
    CHECK(answer.status == 200 && answer.document);
    CHECK(uplink_read_welcome(json_root(answer.document), &welcome, &err));
    CHECK(text_is(welcome.facility_code, "2010000001"));
    CHECK(text_is(welcome.policy, policy) && welcome.epoch.len == 32);
}

static inline bool link_is(struct scene *scene, const char *kana, const char *result)
{
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    struct uplink_link link = {{{9}},
                               TEXT(NUMBER),
                               TEXT("飯田 花子"),
                               text_cstr(kana),
                               day_from_date(1950, 1, 2),
                               'F'};
    uplink_write_link(&writer, &link);
    ANSWER answer = ask(scene, "/links", buf_view(&body), (struct span){0});
    char whole[64]; /* nothing about the patient besides */
    snprintf(whole, sizeof whole, "{\"result\":\"%s\"}", result);
    return answer.status == 200 && span_is(answer.body, whole);
}

/* Types and keys of a batch as one text, and the answers "stored" to it. */
struct poll {
    char told[2048];
    struct buf answers;
    size_t count;
};

static inline void take_batch(struct poll *poll, const struct json_value *root)
{
    struct err err = {0};
    const struct json_value *events = NULL;
    struct uplink_answer answers[UPLINK_EVENTS_MAX];
    CHECK(json_take_array(root, "events", UPLINK_EVENTS_MAX, &events, &err));
    poll->count = json_count(events);
    for (size_t i = 0; i < poll->count; i++) {
        struct uplink_event event;
        bool is_understood = false;
        CHECK(uplink_read_event(json_item(events, i), &event, &is_understood, &err));
        CHECK(is_understood);
        struct text word = event.key;
        if (event.type == UPLINK_LINK_DECIDED)
            word = text_cstr(uplink_match_id(event.match));
        size_t len = strlen(poll->told);
        snprintf(poll->told + len, sizeof poll->told - len, "%c:%.*s ",
                 "PWERCLS"[event.type], (int)word.len, word.at ? word.at : "");
        answers[i] = (struct uplink_answer){event.sequence, NULL};
    }
    buf_reset(&poll->answers);
    struct json_writer writer = json_writer(&poll->answers);
    uplink_write_answers(&writer, answers, poll->count);
}

/* Polls a lane until something came (or three polls were empty), then answers it with
 * another poll, which must bring nothing old. */
static inline bool lane_tells(struct scene *scene, const char *path, const char *expected)
{
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    size_t wanted = strlen(expected);
    for (int i = 0; i < 6 && strlen(poll.told) < wanted; i++) {
        ANSWER answer = ask(scene, path, buf_view(&poll.answers), (struct span){0});
        CHECK(answer.status == 200 && answer.document);
        if (answer.document)
            take_batch(&poll, json_root(answer.document));
    }
    ANSWER last = ask(scene, path, buf_view(&poll.answers), (struct span){0});
    if (last.document)
        take_batch(&poll, json_root(last.document));
    buf_free(&poll.answers);
    if (strcmp(poll.told, expected) != 0)
        printf("# told: %s\n", poll.told);
    return strcmp(poll.told, expected) == 0;
}

struct wish {
    const char *key;
    const char *profession;
    enum entry_kind kind;
    int part; /* 0 = none */
    const char *list;
};

static inline void sign_wish(struct scene *scene, const struct wish *wish,
                             struct buf *wire)
{
    struct err err = {0};
    struct grant grant = {.facility_code = TEXT("2010000001"),
                          .tunnel = tunnel_id(scene->tunnel),
                          .counter = ++scene->counter,
                          .issued_ms = 100,
                          .opening = {{8}},
                          .request = {{5}},
                          .record = {{9}},
                          .local_number = TEXT(NUMBER),
                          .entry_key = text_cstr(wish->key),
                          .kinds = 1U << wish->kind,
                          .purpose = TEXT("care"),
                          .staff_id = TEXT("77"),
                          .staff_name = TEXT("髙野 太郎"),
                          .profession = text_cstr(wish->profession),
                          .viewer_code = TEXT("2010000009"),
                          .viewer_name = TEXT("かわべ診療所"),
                          .viewer_kind = TEXT("clinic")};
    must(grant_sign(&grant, &scene->signing, wire, &err), &err);
}

static inline struct answer ask_wish(struct scene *scene, const char *path,
                                     const struct wish *wish)
{
    char body[256];
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    sign_wish(scene, wish, &wire);
    if (wish->list)
        snprintf(body, sizeof body, "{\"key\":\"%s\",\"part\":%d,\"list\":\"%s\"}",
                 wish->key, wish->part, wish->list);
    else
        snprintf(body, sizeof body, "{\"key\":\"%s\"}", wish->key);
    return ask(scene, path, span_cstr(body), buf_view(&wire));
}

static inline struct answer ask_content(struct scene *scene, const char *path,
                                        const char *key, const char *profession)
{
    struct wish wish = {.key = key, .profession = profession, .kind = ENTRY_LABORATORY};
    return ask_wish(scene, path, &wish);
}

/* ---- scenes ---- */

static inline void begin(struct scene *scene)
{
    *scene = (struct scene){.folder = "/tmp/gateway_test_XXXXXX",
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER,
                            .arena = arena_init(256 << 20)};
    CHECK(mkdtemp(scene->folder));
    secret_new_keys(&scene->signing, &scene->public);
    open_centre(scene);
    write_config(scene);
    put_file(scene, ADT_FOLDER, NUMBER "_-_ADT-00_999999999999999_20240501120000000_-_1",
             ADT);
    start_gateway(scene);
    say_hello(scene);
}

static inline void end(struct scene *scene)
{
    struct err err = {0};
    uint64_t count = 0;
    struct audit_fault fault;
    stop_gateway(scene);
    CHECK(audit_verify(in_folder(scene, "data/audit"), &count, &fault, &err));
    CHECK(count > 0);
    loop_stop(scene->loop);
    pthread_join(scene->loop_thread, NULL);
    tunnel_release(&scene->tunnel);
    tunnel_hub_close(scene->hub);
    loop_free(scene->loop);
    tls_context_free(scene->tls);
    arena_free(&scene->arena);
    CHECK(test_remove(scene->folder));
}

/* A folder of pictures in the configuration of the gateway, which reads it at its start.
 */
static inline void add_image_folder(struct scene *scene)
{
    struct err err = {0};
    struct span json = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf changed = buf_init(1 << 16);
    must(path_read_file(in_folder(scene, "gateway.json"), 1 << 15, &arena, &json, &err),
         &err);
    buf_format(&changed,
               "{\"images\":[{\"label\":\"pacs\",\"directory\":\"%s/pacs\"}],"
               "\"images_period_seconds\":1,",
               scene->folder);
    buf_span(&changed, span_part(json, 1, json.len));
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&changed), &err),
         &err);
}

/* ---- the audit ---- */

/* Rows with this in them. */
struct rows {
    const char *needle;
    int count;
};

static inline bool count_row(void *context, uint64_t number, struct span json,
                             struct err *err)
{
    struct rows *rows = context;
    (void)number;
    (void)err;
    rows->count += memmem(json.at, json.len, rows->needle, strlen(rows->needle)) != NULL;
    return true;
}
