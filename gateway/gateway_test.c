// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "gateway/gateway_testcentre.h"
#include "gateway/gateway_testport.h"
#include "wire/dimse/dimse_testpeer.h"

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

/* The gateway begins anew with a member more in its configuration. */
static void configure(struct scene *scene, const char *member)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(buf_free) struct buf json = buf_init(8192);
    const char *name = in_folder(scene, "gateway.json");
    must(path_read_file(name, 8192, &scene->arena, &bytes, &err), &err);
    buf_span(&json, span_part(bytes, 0, bytes.len - 1));
    buf_format(&json, ",%s}", member);
    must(path_write_file(name, buf_view(&json), &err), &err);
    stop_gateway(scene);
    start_gateway(scene);
    say_hello(scene);
}

/* Polls until an answer says so. */
static bool comes_to(struct scene *scene, enum uplink_reading reading)
{
    enum { POLLS_MAX = 40 };
    struct err err = {0};
    struct uplink_standing standing = {0};
    for (int i = 0; i < POLLS_MAX; i++) {
        ANSWER answer = ask_text(scene, "/events/live", "{\"answers\":[]}");
        CHECK(answer.status == 200 && answer.document);
        if (!answer.document ||
            !uplink_take_standing(json_root(answer.document), &standing, &err))
            return false;
        if (standing.reading == reading)
            return true;
    }
    return false;
}

static void a_storage_that_goes_away_is_told(void)
{
    struct scene scene;
    char storage[160];
    char away[160];
    begin(&scene);
    snprintf(storage, sizeof storage, "%s", in_folder(&scene, "storage"));
    snprintf(away, sizeof away, "%s", in_folder(&scene, "away"));
    configure(&scene, "\"sweep_seconds\":1");
    CHECK(comes_to(&scene, UPLINK_READ));
    CHECK(rename(storage, away) == 0);
    CHECK(comes_to(&scene, UPLINK_STORAGE_AWAY));
    CHECK(rename(away, storage) == 0);
    CHECK(comes_to(&scene, UPLINK_READ));
    end(&scene);
}

static void the_office_beside_the_gateway_confirms_a_link(void)
{
    struct scene scene;
    struct err err = {0};
    struct id record = {{9}};
    begin(&scene);
    /* every link is confirmed by the hospital itself */
    configure(&scene, "\"links_per_day\":0");
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
    /* every link is confirmed by the hospital itself */
    configure(&scene, "\"links_per_day\":0");
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

static void put_policy(struct scene *scene, const char *json)
{
    struct err err = {0};
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(json), &err), &err);
}

/* Nobody starts the gateway again. */
static void a_changed_policy_is_followed_while_the_gateway_runs(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(&scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    put_lab(&scene);
    CHECK(lane_tells(&scene, "/events/live", "P:" LAB_KEY " "));
    put_policy(&scene, "{\"version\":2,\"rules\":[{\"kinds\":[\"patient\"]}]}");
    CHECK(lane_tells(&scene, "/events/live", "W:" LAB_KEY " C: "));
    ANSWER kept = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(is_problem(&kept, 403, "kind_not_released"));
    /* half a file opens nothing; the whole one does, to whom it says */
    put_policy(&scene, "{\"version\":3,\"rules\":[{\"kinds\":");
    put_policy(&scene, policy);
    CHECK(lane_tells(&scene, "/events/live", "C: "));
    say_hello(&scene); /* with that policy */
    ANSWER nurse = ask_content(&scene, "/content", LAB_KEY, "nurse");
    CHECK(is_problem(&nurse, 403, "audience"));
    ANSWER content = ask_content(&scene, "/content", LAB_KEY, "doctor");
    CHECK(content.status == 200);
    end(&scene);
}

/* ---- DICOM ---- */

/* Puts a listener on a port that is free now into the configuration. */
static uint16_t add_dicom(struct scene *scene)
{
    struct err err = {0};
    struct span json = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf changed = buf_init(1 << 16);
    uint16_t port = free_port();
    must(path_read_file(in_folder(scene, "gateway.json"), 1 << 15, &arena, &json, &err),
         &err);
    buf_format(&changed,
               "{\"dicom\":{\"address\":\"127.0.0.1\",\"port\":%u,\"title\":\"TSUMUGI\","
               "\"peers\":[{\"title\":\"MODALITY\",\"addresses\":[\"127.0.0.0/8\"]}],"
               "\"reserve_mb\":0},",
               (unsigned)port);
    buf_span(&changed, span_part(json, 1, json.len));
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&changed), &err),
         &err);
    return port;
}

/* Says it and hears the PDU that answers. */
static uint8_t exchange(int fd, const struct buf *said)
{
    uint8_t pdu[4096];
    size_t len = 0;
    CHECK(send(fd, said->at, said->len, MSG_NOSIGNAL) == (ssize_t)said->len);
    while (len < 6 || len < 6 + ((size_t)pdu[4] << 8 | pdu[5])) {
        ssize_t got = recv(fd, pdu + len, sizeof pdu - len, 0);
        if (got <= 0)
            return 0;
        len += (size_t)got;
    }
    return pdu[0];
}

static void a_gateway_that_is_asked_to_takes_dicom_and_answers_the_centre(void)
{
    struct scene scene;
    CLEANUP(buf_free) struct buf request = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf store = buf_init(1 << 16);
    begin(&scene);
    stop_gateway(&scene);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(add_dicom(&scene)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    start_gateway(&scene);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0);
    testpeer_request(&request);
    CHECK(exchange(fd, &request) == DIMSE_ASSOCIATE_AC);
    testpeer_store(&store, 1, "2.25.1", 10000, 0);
    CHECK(exchange(fd, &store) == DIMSE_DATA_TF);
    say_hello(&scene);
    stop_gateway(&scene); /* with the association open */
    close(fd);
    /* the hash of 2.25.1 */
    char path[160];
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(SPAN("2.25.1"));
    hash_to_hex(span_of(hash.bytes, 16), hex);
    snprintf(path, sizeof path, "%s/data/images/%.2s/%.2s/%.32s.1.dcm", scene.folder, hex,
             hex + 2, hex);
    CHECK(access(path, R_OK) == 0);
    start_gateway(&scene);
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
    CHECK(test_remove(scene.folder));
}

/* The file of the configuration with another word in it. */
static void write_changed(struct scene *scene, const char *name, const char *former,
                          const char *other)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    CLEANUP(buf_free) struct buf json = buf_init(1 << 16);
    must(path_read_file(in_folder(scene, "gateway.json"), 8192, &arena, &bytes, &err),
         &err);
    const uint8_t *at = memmem(bytes.at, bytes.len, former, strlen(former));
    CHECK(at);
    buf_put(&json, bytes.at, (size_t)(at - bytes.at));
    buf_cstr(&json, other);
    at += strlen(former);
    buf_put(&json, at, (size_t)(bytes.at + bytes.len - at));
    must(path_write_file(in_folder(scene, name), buf_view(&json), &err), &err);
}

/* Under its own name, and under another one that a copied configuration was given. */
static void a_data_folder_has_one_gateway(void)
{
    static const struct {
        const char *node;
        const char *code;
    } cases[] = {{"\"node\":\"2010000001\"", "audit_locked"},
                 {"\"node\":\"another\"", "store_taken"}};
    struct scene scene;
    begin(&scene);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        write_changed(&scene, "second.json", cases[0].node, cases[i].node);
        struct gateway *second = gateway_open(in_folder(&scene, "second.json"), &err);
        CHECK(!second && err.code && strcmp(err.code, cases[i].code) == 0);
        gateway_close(second);
    }
    end(&scene);
}

/* A storage that is not mounted is an empty folder; the index is as new as the machine.
 */
static void a_new_gateway_without_its_storage_does_not_join(void)
{
    struct scene scene;
    struct err err = {0};
    char away[300];
    begin(&scene);
    stop_gateway(&scene);
    snprintf(away, sizeof away, "%s", in_folder(&scene, "storage"));
    CHECK(rename(away, in_folder(&scene, "elsewhere")) == 0);
    CHECK(mkdir(away, 0700) == 0);
    snprintf(away, sizeof away, "%s", in_folder(&scene, "data"));
    CHECK(test_remove(away));
    write_changed(&scene, "gateway.json", "\"second_look_ms\"",
                  "\"sweep_seconds\":1,\"second_look_ms\"");
    tunnel_release(&scene.tunnel);
    scene.gateway = gateway_open(in_folder(&scene, "gateway.json"), &err);
    must(scene.gateway, &err);
    pthread_create(&scene.gateway_thread, NULL, run_gateway, &scene);
    /* longer than it takes to dial in */
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2;
    int fault = 0;
    pthread_mutex_lock(&scene.lock);
    while (!scene.tunnel && fault == 0)
        fault = pthread_cond_timedwait(&scene.changed, &scene.lock, &until);
    CHECK(!scene.tunnel);
    pthread_mutex_unlock(&scene.lock);
    put_lab(&scene); /* mounted */
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    fault = 0;
    pthread_mutex_lock(&scene.lock);
    while (!scene.tunnel && fault == 0)
        fault = pthread_cond_timedwait(&scene.changed, &scene.lock, &until);
    CHECK(scene.tunnel);
    pthread_mutex_unlock(&scene.lock);
    end(&scene);
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
    RUN(a_storage_that_goes_away_is_told);
    RUN(the_office_beside_the_gateway_confirms_a_link);
    RUN(a_wiped_index_holds_no_link_that_there_was);
    RUN(a_restored_index_opens_no_link_that_ended);
    RUN(a_restart_is_no_restore);
    RUN(the_office_releases_a_held_file_and_sees_new_links);
    RUN(what_changed_since_it_was_judged_is_not_given_out);
    RUN(a_changed_policy_is_followed_while_the_gateway_runs);
    RUN(a_gateway_that_is_asked_to_takes_dicom_and_answers_the_centre);
    RUN(a_faulty_configuration_stops_the_start);
    RUN(a_data_folder_has_one_gateway);
    RUN(a_new_gateway_without_its_storage_does_not_join);
    return test_done();
}
