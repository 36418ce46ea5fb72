// SPDX-License-Identifier: Apache-2.0
/* A whole gateway against a centre that is only a hub: from the file that a hospital
 * system drops to what the centre is told and may open. */
#include "gateway/gateway.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "exchange/audit/audit.h"
#include "formats/grant/grant.h"
#include "formats/uplink/uplink.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"

/* An invented person. */
#define NUMBER "0000012345"
#define KEY "000000000000001"
#define LAB_KEY "20240501/OML-11/" KEY
#define LAB_FOLDER "000/001/" NUMBER "/20240501/OML-11"
#define ADT_FOLDER "000/001/" NUMBER "/-/ADT-00"
#define RECORD "09000000000000000000000000000000"

#define MSH(type)                                                                        \
    "MSH|^~\\&|HIS|SEND|GW|RCV|20240501120000.000||" type "|1|P|2.5||||||UNICODE UTF-8|" \
    "||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
#define PID                                                                              \
    "PID|0001||" NUMBER "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
#define PV1 "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"
#define ADT MSH("ADT^A08^ADT_A01") "EVN||202405011200|||||SEND\r" PID PV1
#define LAB_OF(pid, order, department, value)                                            \
    MSH("OUL^R22^OUL_R22")                                                               \
    pid PV1 "SPM|1|777||023^血清^JC10|||||||||||||202405010900\r"                      \
            "OBR|1|" order "|1|E002^生化学的検査^99O03|||20240501\r"               \
            "ORC|SC|" order "|||||||20240501091500||||||||" department "^科^99XY1\r"    \
            "OBX|1|NM|3A010000002327101^総蛋白^JC10||" value "|g/dl|6.7-8.3||||F|||"     \
            "202405010900\r"
#define LAB(order, department, value) LAB_OF(PID, order, department, value)
#define FOREIGN_PID                                                                      \
    "PID|0001||9999999^^^^PI||森^一郎^^^^^L^I~モリ^イチロウ^^^^^L^P||19801231|M\r"

static const char *const policy =
    "{\"version\":1,\"excluded_departments\":[\"40\"],\"rules\":[{\"kinds\":"
    "[\"laboratory\",\"patient\"],\"professions\":[\"doctor\"]}]}";

struct scene {
    char folder[64];
    char fingerprint[HASH_HEX_BYTES];
    struct loop *loop;
    pthread_t loop_thread;
    struct tls_context *tls;
    struct tunnel_hub *hub;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tunnel *tunnel; /* kept, newest */
    struct gateway *gateway;
    pthread_t gateway_thread;
    struct secret_signing_key signing;
    struct secret_public_key public;
    int64_t counter;
    struct arena arena;
};

static void must(bool is_good, const struct err *err)
{
    if (is_good)
        return;
    printf("Bail out! %s %s\n", err->code ? err->code : "?", err->text);
    abort();
}

static const char *in_folder(const struct scene *scene, const char *name)
{
    static _Thread_local char paths[4][256];
    static _Thread_local int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scene->folder, name);
    return path;
}

static void put_file(struct scene *scene, const char *folder, const char *file,
                     const char *message)
{
    struct err err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/storage/%s", scene->folder, folder);
    must(path_make_directory(path, &err), &err);
    snprintf(path, sizeof path, "%s/storage/%s/%s", scene->folder, folder, file);
    must(path_write_file(path, span_cstr(message), &err), &err);
}

static void put_lab(struct scene *scene)
{
    put_file(scene, LAB_FOLDER, NUMBER "_20240501_OML-11_" KEY "_20240501120000000_01_1",
             LAB(KEY, "01", "7.2"));
}

/* ---- the centre ---- */

static void *on_connected(void *context, struct tunnel *tunnel, const char *fingerprint)
{
    struct scene *scene = context;
    if (strcmp(fingerprint, scene->fingerprint) != 0)
        return NULL;
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    scene->tunnel = tunnel_keep(tunnel);
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
    return scene;
}

static void on_disconnected(void *context, struct tunnel *tunnel, void *peer)
{
    (void)context;
    (void)tunnel;
    (void)peer;
}

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static void open_centre(struct scene *scene)
{
    static const char *const alpn[] = {TUNNEL_ALPN, NULL};
    static const struct tunnel_hub_events events = {on_connected, on_disconnected};
    struct err err = {0};
    char ignored[HASH_HEX_BYTES];
    const char *authority = in_folder(scene, "network");
    must(tls_make_authority(authority, "Network", &err), &err);
    must(tls_issue(authority, in_folder(scene, "centre"), "centre", "127.0.0.1", 30,
                   ignored, &err),
         &err);
    must(tls_issue(authority, in_folder(scene, "gateway"), "gateway", NULL, 30,
                   scene->fingerprint, &err),
         &err);
    struct tls_files files = {in_folder(scene, "centre.crt"),
                              in_folder(scene, "centre.key"),
                              in_folder(scene, "network.crt")};
    scene->loop = loop_new(&err);
    must(scene->loop, &err);
    scene->tls = tls_server_open(&files, true, alpn, &err);
    must(scene->tls, &err);
    struct tunnel_hub_config config = {.loop = scene->loop,
                                       .tls = scene->tls,
                                       .address = "127.0.0.1",
                                       .port = 0,
                                       .events = &events,
                                       .context = scene,
                                       .ping_ms = 20000};
    scene->hub = tunnel_hub_open(&config, &err);
    must(scene->hub, &err);
    pthread_create(&scene->loop_thread, NULL, run_loop, scene->loop);
}

/* ---- the gateway ---- */

static void write_config(struct scene *scene)
{
    struct err err = {0};
    char key[2 * SECRET_PUBLIC_KEY_BYTES + 1];
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    hash_to_hex(span_of(scene->public.bytes, SECRET_PUBLIC_KEY_BYTES), key);
    buf_format(&json,
               "{\"facility_code\":\"2010000001\",\"facility_name\":\"飯田病院\","
               "\"node\":\"2010000001\",\"data\":\"%s/data\",\"storage\":[{\"label\":"
               "\"main\",\"directory\":\"%s/storage\"}],\"policy\":\"%s/policy.json\","
               "\"centre\":{\"host\":\"127.0.0.1\",\"port\":%d,\"certificate\":"
               "\"%s/gateway.crt\",\"key\":\"%s/gateway.key\",\"authority\":"
               "\"%s/network.crt\",\"grant_key\":\"%s\"},\"second_look_ms\":200,"
               "\"recent_days\":3650,\"poll_ms\":500}",
               scene->folder, scene->folder, scene->folder, tunnel_hub_port(scene->hub),
               scene->folder, scene->folder, scene->folder, key);
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&json), &err), &err);
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(policy), &err), &err);
}

static void *run_gateway(void *context)
{
    struct scene *scene = context;
    struct err err = {0};
    must(gateway_run(scene->gateway, &err), &err);
    return NULL;
}

/* Starts it and waits until it has dialled in. */
static void start_gateway(struct scene *scene)
{
    struct err err = {0};
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    pthread_mutex_unlock(&scene->lock);
    scene->gateway = gateway_open(in_folder(scene, "gateway.json"), &err);
    must(scene->gateway, &err);
    pthread_create(&scene->gateway_thread, NULL, run_gateway, scene);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int fault = 0;
    pthread_mutex_lock(&scene->lock);
    while (!scene->tunnel && fault == 0)
        fault = pthread_cond_timedwait(&scene->changed, &scene->lock, &until);
    pthread_mutex_unlock(&scene->lock);
    CHECK(scene->tunnel);
}

static void stop_gateway(struct scene *scene)
{
    gateway_stop(scene->gateway);
    pthread_join(scene->gateway_thread, NULL);
    gateway_close(scene->gateway);
}

/* ---- asking ---- */

struct answer {
    int status;
    struct span body;
    struct json_document *document;
};

static void answer_free_at(struct answer *answer)
{
    json_free(answer->document);
}
#define ANSWER CLEANUP(answer_free_at) struct answer

static struct answer ask(struct scene *scene, const char *path, struct span body,
                         struct span grant)
{
    struct err err = {0};
    struct answer answer = {0};
    struct tunnel_request request = {.method = "POST",
                                     .path = path,
                                     .body = body,
                                     .grant = grant,
                                     .first_byte_ms = 20000};
    if (!tunnel_ask(scene->tunnel, &request, 8 << 20, &scene->arena, &answer.status,
                    &answer.body, &err)) {
        printf("# %s: %s\n", path, err.code);
        return answer;
    }
    answer.document = json_parse(answer.body, &err);
    return answer;
}

static struct answer ask_text(struct scene *scene, const char *path, const char *body)
{
    return ask(scene, path, span_cstr(body), (struct span){0});
}

static bool is_problem(const struct answer *answer, int status, const char *code)
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

static void say_hello(struct scene *scene)
{
    struct err err = {0};
    struct uplink_welcome welcome;
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    struct uplink_hello hello = {.protocol_min = 1,
                                 .protocol_max = 1,
                                 .node = TEXT("centre-1"),
                                 .tunnel = tunnel_id(scene->tunnel)};
    hello.head.node = TEXT("centre-1");
    uplink_write_hello(&writer, &hello);
    ANSWER answer = ask(scene, "/hello", buf_view(&body), (struct span){0});
    CHECK(answer.status == 200 && answer.document);
    CHECK(uplink_read_welcome(json_root(answer.document), &welcome, &err));
    CHECK(text_is(welcome.facility_code, "2010000001"));
    CHECK(text_is(welcome.policy, policy) && welcome.epoch.len == 32);
}

static bool link_is(struct scene *scene, const char *kana, const char *result)
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

static void take_batch(struct poll *poll, const struct json_value *root)
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
static bool lane_tells(struct scene *scene, const char *path, const char *expected)
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

static struct answer ask_content(struct scene *scene, const char *path, const char *key,
                                 const char *profession)
{
    struct err err = {0};
    char body[256];
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    struct grant grant = {.facility_code = TEXT("2010000001"),
                          .tunnel = tunnel_id(scene->tunnel),
                          .counter = ++scene->counter,
                          .issued_ms = 100,
                          .opening = {{8}},
                          .request = {{5}},
                          .record = {{9}},
                          .local_number = TEXT(NUMBER),
                          .entry_key = text_cstr(key),
                          .kinds = 1U << ENTRY_LABORATORY,
                          .purpose = TEXT("care"),
                          .staff_id = TEXT("77"),
                          .staff_name = TEXT("髙野 太郎"),
                          .profession = text_cstr(profession),
                          .viewer_code = TEXT("2010000009"),
                          .viewer_name = TEXT("かわべ診療所"),
                          .viewer_kind = TEXT("clinic")};
    must(grant_sign(&grant, &scene->signing, &wire, &err), &err);
    snprintf(body, sizeof body, "{\"key\":\"%s\"}", key);
    return ask(scene, path, span_cstr(body), buf_view(&wire));
}

/* ---- scenes ---- */

static int remove_one(const char *name, const struct stat *status, int kind,
                      struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(name);
}

static void begin(struct scene *scene)
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

static void end(struct scene *scene)
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
    CHECK(nftw(scene->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void a_dropped_file_is_told_and_opened(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(&scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    put_lab(&scene);
    CHECK(lane_tells(&scene, "/events/live", "P:" LAB_KEY " "));
    ANSWER content = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(content.status == 200 && content.body.len > 0);
    CHECK(memmem(content.body.at, content.body.len, "総蛋白", strlen("総蛋白")));
    CHECK(memmem(content.body.at, content.body.len, "7.2", 3));
    ANSWER original = ask_content(&scene, "/original", LAB_KEY, "doctor");
    CHECK(original.status == 200 && span_starts(original.body, "MSH|"));
    end(&scene);
}

static void what_the_house_keeps_is_neither_told_nor_opened(void)
{
    struct scene scene;
    begin(&scene);
    put_file(&scene, LAB_FOLDER, NUMBER "_20240501_OML-11_" KEY "_20240501120000000_40_1",
             LAB(KEY, "40", "7.2"));
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(&scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    ANSWER checked = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 200);
    ANSWER kept = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(is_problem(&kept, 403, "department"));
    end(&scene);
}

static void refusals_have_their_reason(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(link_is(&scene, "ベツ ジン", "mismatch"));
    put_lab(&scene);
    ANSWER checked = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 404);
    ANSWER unlinked = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(is_problem(&unlinked, 403, "link_missing"));
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    ANSWER swept = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(swept.status == 200);
    ANSWER audience = ask_content(&scene, "/content", LAB_KEY, "pharmacist");
    CHECK(is_problem(&audience, 403, "audience"));
    ANSWER ungranted = ask_text(&scene, "/content", "{\"key\":\"" LAB_KEY "\"}");
    CHECK(is_problem(&ungranted, 400, "grant_malformed"));
    ANSWER broken = ask_text(&scene, "/links", "{");
    CHECK(is_problem(&broken, 400, "json_invalid"));
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200);
    ANSWER after = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(is_problem(&after, 403, "link_ended"));
    end(&scene);
}

static bool reads_sum(struct scene *scene, struct uplink_sum *sum)
{
    struct err err = {0};
    const struct json_value *sums = NULL;
    struct answer answer =
        ask_text(scene, "/digests",
                 "{\"records\":[\"" RECORD "\",\"01000000000000000000000000000000\"]}");
    bool is_read = answer.document &&
                   json_take_array(json_root(answer.document), "sums", 1, &sums, &err) &&
                   json_count(sums) == 1 &&
                   uplink_read_sum(json_item(sums, 0), sum, &err) &&
                   text_copy(sum->epoch, &scene->arena, &sum->epoch, &err);
    answer_free_at(&answer);
    return is_read;
}

static void a_snapshot_proves_both_sides_in_step(void)
{
    struct scene scene;
    struct err err = {0};
    struct uplink_sum sum;
    struct uplink_snapshot snapshot;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    put_lab(&scene);
    CHECK(lane_tells(&scene, "/events/live", "P:" LAB_KEY " "));
    CHECK(reads_sum(&scene, &sum) && sum.count == 2);
    ANSWER answer =
        ask_text(&scene, "/snapshots", "{\"record\":\"" RECORD "\",\"cursor\":\"\"}");
    CHECK(answer.document && uplink_read_snapshot(json_root(answer.document),
                                                  &scene.arena, &snapshot, &err));
    CHECK(snapshot.count == 2 && text_is(snapshot.keys[1], LAB_KEY));
    CHECK(memcmp(snapshot.sum.digest, sum.digest, HASH_BYTES) == 0);
    end(&scene);
}

static void a_restart_keeps_links_and_a_wiped_index_has_a_new_epoch(void)
{
    struct scene scene;
    struct uplink_sum before;
    struct uplink_sum after;
    begin(&scene);
    put_lab(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    ANSWER checked = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 200 && reads_sum(&scene, &before) && before.count == 2);
    stop_gateway(&scene);
    start_gateway(&scene);
    say_hello(&scene);
    CHECK(reads_sum(&scene, &after) && text_equal(before.epoch, after.epoch));
    CHECK(memcmp(before.digest, after.digest, HASH_BYTES) == 0);
    stop_gateway(&scene);
    CHECK(unlink(in_folder(&scene, "data/index.db")) == 0);
    start_gateway(&scene);
    say_hello(&scene);
    CHECK(!reads_sum(&scene, &after)); /* not linked here any more */
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(reads_sum(&scene, &after) && !text_equal(before.epoch, after.epoch));
    CHECK(memcmp(before.digest, after.digest, HASH_BYTES) == 0);
    end(&scene);
}

static void heads_are_exchanged(void)
{
    struct scene scene;
    struct err err = {0};
    struct uplink_head head = {.node = TEXT("centre-1"), .number = 12};
    struct uplink_head theirs;
    begin(&scene);
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    struct json_writer writer = json_writer(&body);
    memset(head.hash, 0xAB, sizeof head.hash);
    uplink_write_head(&writer, &head);
    ANSWER answer = ask(&scene, "/heads", buf_view(&body), (struct span){0});
    CHECK(answer.document && uplink_read_head(json_root(answer.document), &theirs, &err));
    CHECK(text_is(theirs.node, "2010000001") && theirs.number > 0);
    end(&scene);
}

/* A poll that waits when the gateway stops is answered, not forgotten. */
static void *poll_once(void *context)
{
    struct scene *scene = context;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct tunnel_request request = {.method = "POST",
                                     .path = "/events/live",
                                     .body = SPAN("{\"answers\":[]}"),
                                     .first_byte_ms = 20000};
    int status = 0;
    struct span body = {0};
    (void)!tunnel_ask(scene->tunnel, &request, 1 << 20, &arena, &status, &body, &err);
    return NULL;
}

static void a_gateway_stops_while_a_poll_waits(void)
{
    struct scene scene;
    pthread_t waiting;
    begin(&scene);
    pthread_create(&waiting, NULL, poll_once, &scene);
    ANSWER one = ask_text(&scene, "/digests", "{\"records\":[]}"); /* it is under way */
    CHECK(one.status == 200);
    stop_gateway(&scene);
    pthread_join(waiting, NULL);
    start_gateway(&scene);
    end(&scene);
}

/* The configuration wants every link confirmed by the hospital itself. */
static void demand_own_confirmation(struct scene *scene)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    const char *name = in_folder(scene, "gateway.json");
    must(path_read_file(name, 8192, &scene->arena, &bytes, &err), &err);
    buf_span(&json, span_part(bytes, 0, bytes.len - 1));
    buf_cstr(&json, ",\"links_per_day\":0}");
    must(path_write_file(name, buf_view(&json), &err), &err);
    stop_gateway(scene);
    start_gateway(scene);
    say_hello(scene);
}

static void the_office_beside_the_gateway_confirms_a_link(void)
{
    struct scene scene;
    struct err err = {0};
    struct id record = {{9}};
    begin(&scene);
    demand_own_confirmation(&scene);
    const char *config = in_folder(&scene, "gateway.json");
    CLEANUP(buf_free) struct buf held = buf_init(1 << 20);
    CHECK(link_is(&scene, "イイダ ハナコ", "held"));
    CHECK(gateway_list_held(config, &held, &err));
    CHECK(span_is(buf_view(&held), "{\"held\":\"link\",\"record\":\"" RECORD
                                   "\",\"number\":\"" NUMBER "\"}\n"));
    CHECK(gateway_decide_held(config, record, true, &err));
    CHECK(lane_tells(&scene, "/events/live", "L:confirmed "));
    CHECK(lane_tells(&scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    CHECK(!gateway_decide_held(config, record, true, &err) && err.kind == ERR_MISSING);
    end(&scene);
}

/* Over the cap of the day, but known to the gateway's own audit. */
static void a_wiped_index_holds_no_link_that_there_was(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    demand_own_confirmation(&scene);
    stop_gateway(&scene);
    CHECK(unlink(in_folder(&scene, "data/index.db")) == 0);
    start_gateway(&scene);
    say_hello(&scene);
    CHECK(link_is(&scene, "ベツ ジン", "mismatch"));
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200 && link_is(&scene, "イイダ ハナコ", "confirmed"));
    end(&scene);
}

static void copy_index(const struct scene *scene, const char *from, const char *to)
{
    char command[1024];
    snprintf(command, sizeof command, "cp '%s' '%s'", in_folder(scene, from),
             in_folder(scene, to));
    CHECK(system(command) == 0);
}

/* An older copy of the index knows a link that has been ended since. */
static void a_restored_index_opens_no_link_that_ended(void)
{
    struct scene scene;
    struct uplink_sum before;
    struct uplink_sum after;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(reads_sum(&scene, &before));
    stop_gateway(&scene);
    copy_index(&scene, "data/index.db", "copy.db");
    start_gateway(&scene);
    say_hello(&scene);
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200);
    stop_gateway(&scene);
    copy_index(&scene, "copy.db", "data/index.db");
    start_gateway(&scene);
    say_hello(&scene);
    CHECK(!reads_sum(&scene, &after)); /* not linked */
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(reads_sum(&scene, &after) && !text_equal(before.epoch, after.epoch));
    end(&scene);
}

static void a_restart_is_no_restore(void)
{
    struct scene scene;
    struct uplink_sum before;
    struct uplink_sum after;
    begin(&scene);
    CHECK(link_is(&scene, "ベツ ジン", "mismatch"));
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(link_is(&scene, "ベツ ジン", "mismatch"));
    CHECK(reads_sum(&scene, &before));
    for (int i = 0; i < 2; i++) {
        stop_gateway(&scene);
        start_gateway(&scene);
        say_hello(&scene);
        CHECK(link_is(&scene, "ベツ ジン", "mismatch"));
        CHECK(reads_sum(&scene, &after) && text_equal(before.epoch, after.epoch));
    }
    end(&scene);
}

static void the_office_releases_a_held_file_and_sees_new_links(void)
{
    struct scene scene;
    struct err err = {0};
    const char *file = NUMBER "_20240501_OML-11_" KEY "_20240501120000000_01_1";
    begin(&scene);
    const char *config = in_folder(&scene, "gateway.json");
    CLEANUP(buf_free) struct buf held = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf links = buf_init(1 << 20);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(&scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    put_file(&scene, LAB_FOLDER, file, LAB_OF(FOREIGN_PID, KEY, "01", "7.2"));
    ANSWER checked = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 200);
    CHECK(gateway_list_held(config, &held, &err));
    buf_byte(&held, '\0');
    CHECK(strstr((const char *)held.at, "\"path\":\"main/" LAB_FOLDER "/"));
    CHECK(gateway_list_links(config, day_from_date(2020, 1, 1), &links, &err));
    buf_byte(&links, '\0');
    CHECK(strstr((const char *)links.at, "\"state\":\"active\""));
    CHECK(!gateway_release_file(config, "main/nowhere", &err));
    CHECK(err.kind == ERR_MISSING);
    err_clear(&err);
    char path[256];
    snprintf(path, sizeof path, "main/" LAB_FOLDER "/%s", file);
    CHECK(gateway_release_file(config, path, &err));
    ANSWER again = ask_text(&scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(again.status == 200);
    CHECK(lane_tells(&scene, "/events/live", "P:" LAB_KEY " "));
    ANSWER content = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(content.status == 200);
    end(&scene);
}

/* Written in place after it was judged: another patient's, or a newer value. */
static void what_changed_since_it_was_judged_is_not_given_out(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    put_lab(&scene);
    CHECK(lane_tells(&scene, "/events/live", "P:" LAB_KEY " "));
    put_file(&scene, LAB_FOLDER, NUMBER "_20240501_OML-11_" KEY "_20240501120000000_01_1",
             LAB_OF(FOREIGN_PID, KEY, "01", "7.2"));
    for (int i = 0; i < 3; i++) {
        ANSWER content = ask_content(&scene, "/content", LAB_KEY, "doctor");
        ANSWER original = ask_content(&scene, "/original", LAB_KEY, "doctor");
        CHECK(content.status == 503 || content.status == 404);
        CHECK(original.status == 404);
    }
    end(&scene);
}

static bool is_start_refused(struct scene *scene, const char *json)
{
    struct err err = {0};
    must(path_write_file(in_folder(scene, "bad.json"), span_cstr(json), &err), &err);
    struct gateway *gateway = gateway_open(in_folder(scene, "bad.json"), &err);
    gateway_close(gateway);
    return !gateway && err.kind != ERR_NONE;
}

static void a_faulty_configuration_stops_the_start(void)
{
    struct scene scene = {.folder = "/tmp/gateway_test_XXXXXX"};
    CHECK(mkdtemp(scene.folder));
    CHECK(is_start_refused(&scene, ""));
    CHECK(is_start_refused(&scene, "{}"));
    CHECK(is_start_refused(&scene, "{\"facility_code\":\"12345678901\"}"));
    CHECK(is_start_refused(
        &scene,
        "{\"facility_code\":\"2010000001\",\"facility_name\":\"x\",\"node\":\"n\","
        "\"data\":\"/tmp\",\"storage\":[]}"));
    CHECK(is_start_refused(
        &scene,
        "{\"facility_code\":\"2010000001\",\"facility_name\":\"x\",\"node\":\"n\","
        "\"data\":\"/tmp\",\"storage\":[{\"label\":\"a/b\",\"directory\":\"/\"}]}"));
    CHECK(nftw(scene.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

int main(void)
{
    struct err err = {0};
    must(secret_start(&err), &err);
    RUN(a_dropped_file_is_told_and_opened);
    RUN(what_the_house_keeps_is_neither_told_nor_opened);
    RUN(refusals_have_their_reason);
    RUN(a_snapshot_proves_both_sides_in_step);
    RUN(a_restart_keeps_links_and_a_wiped_index_has_a_new_epoch);
    RUN(heads_are_exchanged);
    RUN(a_gateway_stops_while_a_poll_waits);
    RUN(the_office_beside_the_gateway_confirms_a_link);
    RUN(a_wiped_index_holds_no_link_that_there_was);
    RUN(a_restored_index_opens_no_link_that_ended);
    RUN(a_restart_is_no_restore);
    RUN(the_office_releases_a_held_file_and_sees_new_links);
    RUN(what_changed_since_it_was_judged_is_not_given_out);
    RUN(a_faulty_configuration_stops_the_start);
    return test_done();
}
