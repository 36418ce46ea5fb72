// SPDX-License-Identifier: Apache-2.0
#include "formats/uplink/uplink.h"

#include <string.h>

#include "base/test.h"

/* What one side wrote, the other reads: the document is kept as long as the scene. */
struct scene {
    struct buf out;
    struct arena arena;
    struct json_document *document;
};

static struct scene set_scene(void)
{
    return (struct scene){.out = buf_init(1 << 20), .arena = arena_init(4 << 20)};
}

static void end_scene(struct scene *scene)
{
    json_free(scene->document);
    arena_free(&scene->arena);
    buf_free(&scene->out);
}

static const struct json_value *reread(struct scene *scene)
{
    struct err err = {0};
    json_free(scene->document);
    scene->document = json_parse(buf_view(&scene->out), &err);
    CHECK(scene->document);
    return scene->document ? json_root(scene->document) : NULL;
}

static const struct json_value *parse(struct scene *scene, const char *json)
{
    buf_reset(&scene->out);
    buf_cstr(&scene->out, json);
    return reread(scene);
}

static struct uplink_head a_head(void)
{
    struct uplink_head head = {.node = TEXT("centre-1"), .number = 41};
    memset(head.hash, 0xAB, sizeof head.hash);
    return head;
}

#define HEAD                                                                             \
    "{\"node\":\"centre-1\",\"number\":41,\"hash\":\"abababababababababababababababab"   \
    "abababababababababababababababab\"}"
#define RECORD "\"record\":\"09000000000000000000000000000000\""

/* ---- hello ---- */

static void hello_and_welcome_are_read_back(void)
{
    struct err err = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct json_writer writer = json_writer(&scene.out);
    struct uplink_hello said = {1, 3, TEXT("centre-1"), {{7}}, a_head()};
    struct uplink_hello heard = {0};
    uplink_write_hello(&writer, &said);
    CHECK(uplink_read_hello(reread(&scene), &heard, &err));
    CHECK(heard.protocol_min == 1 && heard.protocol_max == 3);
    CHECK(text_is(heard.node, "centre-1") && id_equal(heard.tunnel, said.tunnel));
    CHECK(heard.head.number == 41 && memcmp(heard.head.hash, said.head.hash, 32) == 0);

    struct uplink_welcome answer = {.protocol = 1,
                                    .facility_code = TEXT("2010000001"),
                                    .node = TEXT("2010000001"),
                                    .epoch = TEXT("000102030405060708090a0b0c0d0e0f"),
                                    .software = TEXT("0.1"),
                                    .policy = TEXT("{\"version\":1,\"rules\":[]}"),
                                    .standing = {UPLINK_STORAGE_AWAY, 1234, 60},
                                    .clock_ms = 1790000000001,
                                    .head = a_head()};
    struct uplink_welcome got = {0};
    buf_reset(&scene.out);
    writer = json_writer(&scene.out);
    uplink_write_welcome(&writer, &answer);
    CHECK(uplink_read_welcome(reread(&scene), &got, &err));
    CHECK(got.protocol == 1 && text_equal(got.epoch, answer.epoch));
    CHECK(text_equal(got.policy, answer.policy) && got.head.number == 41);
    CHECK(got.standing.reading == UPLINK_STORAGE_AWAY && got.standing.since_ms == 1234);
    CHECK(got.standing.polled_s == 60 && got.clock_ms == 1790000000001);
    /* a gateway of before says nothing about it */
    CHECK(uplink_read_welcome(
        parse(&scene, "{\"protocol\":1,\"facility_code\":\"1\",\"node\":\"n\",\"epoch\":"
                      "\"000102030405060708090a0b0c0d0e0f\",\"software\":\"0\","
                      "\"policy\":\"\",\"head\":" HEAD "}"),
        &got, &err));
    CHECK(got.standing.reading == UPLINK_READ && got.standing.polled_s == 0);
    CHECK(got.clock_ms == 0);
}

static void a_standing_of_later_versions_is_none_that_one_can_rely_on(void)
{
    struct err err = {0};
    struct uplink_standing standing = {UPLINK_STORAGE_AWAY, 7, 60};
    CLEANUP(end_scene) struct scene scene = set_scene();
    CHECK(uplink_take_standing(parse(&scene,
                                     "{\"standing\":{\"reading\":\"moved\",\"since\":5,"
                                     "\"polled_s\":0,\"more\":1}}"),
                               &standing, &err));
    CHECK(standing.reading == UPLINK_READ_FAILED && standing.since_ms == 5);
    standing.polled_s = 60;
    CHECK(uplink_take_standing(parse(&scene, "{}"), &standing, &err));
    CHECK(standing.reading == UPLINK_READ && standing.since_ms == 0);
    CHECK(standing.polled_s == 60);
    CHECK(!uplink_take_standing(parse(&scene,
                                      "{\"standing\":{\"reading\":\"read\",\"since\":-1,"
                                      "\"polled_s\":0}}"),
                                &standing, &err));
}

static void members_of_later_versions_are_ignored(void)
{
    struct err err = {0};
    struct uplink_hello heard = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    CHECK(uplink_read_hello(
        parse(&scene, "{\"protocol_min\":1,\"protocol_max\":9,\"node\":\"c\",\"tunnel\":"
                      "\"07000000000000000000000000000000\",\"moon\":{\"x\":[1]},"
                      "\"head\":" HEAD "}"),
        &heard, &err));
}

static bool is_hello_refused(const char *json)
{
    struct err err = {0};
    struct uplink_hello heard = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    return !uplink_read_hello(parse(&scene, json), &heard, &err) &&
           err.kind != ERR_NONE && err.code;
}

static void a_broken_hello_is_refused(void)
{
#define TUNNEL "\"tunnel\":\"07000000000000000000000000000000\""
    CHECK(is_hello_refused("[]"));
    CHECK(is_hello_refused("{}"));
    CHECK(is_hello_refused("{\"protocol_min\":0,\"protocol_max\":1,\"node\":\"c\"," TUNNEL
                           ",\"head\":" HEAD "}"));
    CHECK(is_hello_refused("{\"protocol_min\":1,\"protocol_max\":1,\"node\":\"c\","
                           "\"tunnel\":\"07\",\"head\":" HEAD "}"));
    CHECK(is_hello_refused("{\"protocol_min\":1,\"protocol_max\":1,\"node\":\"c\"," TUNNEL
                           "}"));
    CHECK(is_hello_refused("{\"protocol_min\":1,\"protocol_max\":1,\"node\":\"c\"," TUNNEL
                           ",\"head\":{\"node\":\"c\",\"number\":1,\"hash\":\"abab\"}}"));
    CHECK(is_hello_refused("{\"protocol_min\":1,\"protocol_max\":1,\"node\":"
                           "\"123456789012345678901234567890123\"," TUNNEL
                           ",\"head\":" HEAD "}"));
#undef TUNNEL
}

static void the_highest_common_protocol_is_spoken(void)
{
    struct err err = {0};
    int64_t protocol = 0;
    struct uplink_hello hello = {.protocol_min = 1, .protocol_max = 9};
    CHECK(uplink_agree(&hello, &protocol, &err) && protocol == UPLINK_PROTOCOL_MAX);
    hello.protocol_min = UPLINK_PROTOCOL_MAX + 1;
    CHECK(!uplink_agree(&hello, &protocol, &err) && err.kind == ERR_CONFLICT);
    err_clear(&err);
    hello = (struct uplink_hello){.protocol_min = 0, .protocol_max = 0};
    CHECK(!uplink_agree(&hello, &protocol, &err));
}

/* ---- events ---- */

static bool travel(struct scene *scene, const struct uplink_event *sent,
                   struct uplink_event *got)
{
    struct err err = {0};
    bool is_understood = false;
    buf_reset(&scene->out);
    struct json_writer writer = json_writer(&scene->out);
    uplink_write_event(&writer, sent);
    return uplink_read_event(reread(scene), got, &is_understood, &err) && is_understood &&
           got->sequence == sent->sequence && got->type == sent->type;
}

static struct uplink_event a_put(void)
{
    return (struct uplink_event){.sequence = 12,
                                 .type = UPLINK_ENTRY_PUT,
                                 .record = {{9}},
                                 .key = TEXT("20240501/OMP-01/000000000000001/2"),
                                 .put = {.version = TEXT("202405011234567891"),
                                         .kind = ENTRY_PRESCRIPTION,
                                         .state = ENTRY_PLANNED,
                                         .flags = ENTRY_ABNORMAL_HIGH | ENTRY_IS_ORDER,
                                         .day = day_from_date(2024, 5, 1),
                                         .end_day = DAY_NONE,
                                         .is_open = true,
                                         .title = TEXT("ロキソプロフェン錠60mg"),
                                         .department_code = TEXT("01"),
                                         .department = TEXT("内科"),
                                         .author = TEXT("飯田 太郎"),
                                         .time = TEXT("2024-05-01T12:34"),
                                         .order_number = TEXT("000000000000001"),
                                         .visible_from_ms = 1714532096789}};
}

static void an_entry_travels_whole(void)
{
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct uplink_event sent = a_put();
    struct uplink_event got = {0};
    CHECK(travel(&scene, &sent, &got));
    CHECK(id_equal(got.record, sent.record) && text_equal(got.key, sent.key));
    CHECK(text_equal(got.put.version, sent.put.version));
    CHECK(got.put.kind == sent.put.kind && got.put.state == sent.put.state);
    CHECK(got.put.flags == sent.put.flags && got.put.is_open);
    CHECK(got.put.day == sent.put.day && got.put.end_day == DAY_NONE);
    CHECK(text_equal(got.put.title, sent.put.title));
    CHECK(text_equal(got.put.department_code, sent.put.department_code));
    CHECK(text_equal(got.put.department, sent.put.department));
    CHECK(text_equal(got.put.author, sent.put.author));
    CHECK(text_equal(got.put.time, sent.put.time));
    CHECK(text_equal(got.put.order_number, sent.put.order_number));
    CHECK(got.put.visible_from_ms == sent.put.visible_from_ms);
}

static void every_kind_and_state_of_an_entry_travels(void)
{
    CLEANUP(end_scene) struct scene scene = set_scene();
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++)
        for (int state = 0; state < ENTRY_STATE_COUNT; state++) {
            struct uplink_event sent = a_put();
            struct uplink_event got = {0};
            sent.put.kind = (enum entry_kind)kind;
            sent.put.state = (enum entry_state)state;
            CHECK(travel(&scene, &sent, &got));
            CHECK(got.put.kind == sent.put.kind && got.put.state == sent.put.state);
        }
}

static void the_other_events_travel(void)
{
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct uplink_event got = {0};
    struct uplink_event withdrawn = {.sequence = 1,
                                     .type = UPLINK_ENTRY_WITHDRAWN,
                                     .record = {{9}},
                                     .key = TEXT("-/PPR-01/999999999999999")};
    CHECK(travel(&scene, &withdrawn, &got) && text_equal(got.key, withdrawn.key));
    struct uplink_event ended = {
        .sequence = 2, .type = UPLINK_NUMBER_ENDED, .number = TEXT("0000012345")};
    CHECK(travel(&scene, &ended, &got) && text_equal(got.number, ended.number));
    struct uplink_event replaced = {.sequence = 3,
                                    .type = UPLINK_NUMBER_REPLACED,
                                    .number = TEXT("0000012345"),
                                    .new_number = TEXT("0000054321")};
    CHECK(travel(&scene, &replaced, &got));
    CHECK(text_equal(got.new_number, replaced.new_number));
    struct uplink_event again = {
        .sequence = 4, .type = UPLINK_NUMBER_GIVEN_AGAIN, .number = TEXT("0000012345")};
    CHECK(travel(&scene, &again, &got) && got.type == UPLINK_NUMBER_GIVEN_AGAIN);
    struct uplink_event policy = {.sequence = 4,
                                  .type = UPLINK_POLICY_CHANGED,
                                  .policy = TEXT("{\"version\":2,\"rules\":[]}")};
    CHECK(travel(&scene, &policy, &got) && text_equal(got.policy, policy.policy));
    for (int match = 0; match < UPLINK_MATCH_COUNT; match++) {
        struct uplink_event decided = {.sequence = 5,
                                       .type = UPLINK_LINK_DECIDED,
                                       .record = {{9}},
                                       .match = (enum uplink_match)match};
        CHECK(travel(&scene, &decided, &got) && got.match == decided.match);
    }
    struct uplink_event in_step = {
        .sequence = 6,
        .type = UPLINK_IN_STEP,
        .sum = {{{9}}, TEXT("000102030405060708090a0b0c0d0e0f"), 7, 3, {1}}};
    CHECK(travel(&scene, &in_step, &got));
    CHECK(got.sum.revision == 7 && got.sum.count == 3 && got.sum.digest[0] == 1);
}

/* The batch goes on; the event itself is answered "rejected". */
static bool is_not_understood(const char *json)
{
    struct err err = {0};
    struct uplink_event event = {0};
    bool is_understood = true;
    CLEANUP(end_scene) struct scene scene = set_scene();
    return uplink_read_event(parse(&scene, json), &event, &is_understood, &err) &&
           !is_understood && event.sequence == 5 && err.kind == ERR_NONE;
}

static void a_bad_event_keeps_its_sequence(void)
{
#define PUT(version, kind, state, flags, day)                                            \
    "{\"sequence\":5,\"type\":\"entry_put\"," RECORD                                     \
    ",\"key\":\"k\",\"version\":\"" version "\",\"kind\":\"" kind                        \
    "\",\"state\":\"" state "\",\"flags\":" flags ",\"day\":" day                        \
    ",\"end_day\":null,\"is_open\":false,\"title\":\"\","                                \
    "\"department_code\":\"\",\"department\":\"\",\"author\":\"\",\"time\":\"\","        \
    "\"order_number\":\"\",\"visible_from\":0}"
    CHECK(is_not_understood("{\"sequence\":5}"));
    CHECK(is_not_understood("{\"sequence\":5,\"type\":\"entry_moved\"}"));
    CHECK(is_not_understood("{\"sequence\":5,\"type\":\"entry_withdrawn\"}"));
    CHECK(is_not_understood("{\"sequence\":5,\"type\":\"number_ended\","
                            "\"number\":\"1234567890123456\"}"));
    CHECK(is_not_understood("{\"sequence\":5,\"type\":\"in_step\"," RECORD
                            ",\"epoch\":\"zz\"}"));
    CHECK(is_not_understood(PUT("20240501123456789", "laboratory", "current", "0",
                                "\"2024-05-01\""))); /* flag missing */
    CHECK(is_not_understood(PUT("202405011234567891", "blood", "current", "0", "null")));
    CHECK(is_not_understood(PUT("202405011234567891", "laboratory", "new", "0", "null")));
    CHECK(is_not_understood(
        PUT("202405011234567891", "laboratory", "current", "-1", "null")));
    CHECK(is_not_understood(
        PUT("202405011234567891", "laboratory", "current", "0", "\"2024-02-30\"")));
    CHECK(!is_not_understood(
        PUT("202405011234567891", "laboratory", "current", "0", "\"2024-02-29\"")));
#undef PUT
}

static void an_event_without_sequence_breaks_the_batch(void)
{
    struct err err = {0};
    struct uplink_event event = {0};
    bool is_understood = false;
    CLEANUP(end_scene) struct scene scene = set_scene();
    CHECK(!uplink_read_event(parse(&scene, "{\"type\":\"number_ended\"}"), &event,
                             &is_understood, &err));
    CHECK(err.kind == ERR_SYNTAX);
    err_clear(&err);
    CHECK(!uplink_read_event(parse(&scene, "{\"sequence\":0}"), &event, &is_understood,
                             &err));
}

static void answers_are_read_back(void)
{
    struct err err = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct json_writer writer = json_writer(&scene.out);
    struct uplink_answer sent[] = {{7, NULL}, {9, "kind_unknown"}};
    struct uplink_answers got = {0};
    uplink_write_answers(&writer, sent, 2);
    CHECK(uplink_read_answers(reread(&scene), &scene.arena, &got, &err));
    CHECK(got.count == 2 && got.sequences[0] == 7 && got.sequences[1] == 9);
    CHECK(got.codes[0].len == 0 && text_is(got.codes[1], "kind_unknown"));
}

static bool are_answers_refused(const char *json)
{
    struct err err = {0};
    struct uplink_answers got = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    return !uplink_read_answers(parse(&scene, json), &scene.arena, &got, &err);
}

/* Only "stored" means stored: anything unclear must not empty the outbox. */
static void unclear_answers_are_refused(void)
{
    CHECK(are_answers_refused("{}"));
    CHECK(are_answers_refused("{\"answers\":{}}"));
    CHECK(are_answers_refused("{\"answers\":[1]}"));
    CHECK(are_answers_refused("{\"answers\":[{\"sequence\":1}]}"));
    CHECK(are_answers_refused("{\"answers\":[{\"sequence\":1,\"result\":\"Stored\"}]}"));
    CHECK(
        are_answers_refused("{\"answers\":[{\"sequence\":1,\"result\":\"rejected\"}]}"));
    CHECK(are_answers_refused(
        "{\"answers\":[{\"sequence\":1,\"result\":\"rejected\",\"code\":\"\"}]}"));
    CHECK(are_answers_refused("{\"answers\":[{\"sequence\":1,\"result\":\"lost\","
                              "\"code\":\"x\"}]}"));
    CHECK(are_answers_refused("{\"answers\":[{\"sequence\":0,\"result\":\"stored\"}]}"));
}

static void more_answers_than_a_batch_are_refused(void)
{
    CLEANUP(buf_free) struct buf json = buf_init(1 << 16);
    buf_cstr(&json, "{\"answers\":[");
    for (int i = 1; i <= UPLINK_EVENTS_MAX + 1; i++)
        buf_format(&json, "%s{\"sequence\":%d,\"result\":\"stored\"}", i > 1 ? "," : "",
                   i);
    buf_cstr(&json, "]}");
    buf_byte(&json, 0);
    CHECK(are_answers_refused((const char *)json.at));
}

/* ---- links ---- */

static void a_link_is_read_back(void)
{
    struct err err = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct json_writer writer = json_writer(&scene.out);
    struct uplink_link sent = {{{9}},
                               TEXT("0000012345"),
                               TEXT("飯田 花子"),
                               TEXT("イイダ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    struct uplink_link got = {0};
    uplink_write_link(&writer, &sent);
    CHECK(uplink_read_link(reread(&scene), &got, &err));
    CHECK(text_equal(got.number, sent.number) && text_equal(got.kana, sent.kana));
    CHECK(got.birth_day == sent.birth_day && got.sex == 'F');
}

static bool is_link_refused(const char *number, const char *birth, const char *sex)
{
    struct err err = {0};
    struct uplink_link got = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf json = buf_init(4096);
    buf_format(&json,
               "{" RECORD ",\"number\":%s,\"name\":\"\",\"kana\":\"イ\","
               "\"birth_date\":%s,\"sex\":%s}",
               number, birth, sex);
    buf_byte(&json, 0);
    return !uplink_read_link(parse(&scene, (const char *)json.at), &got, &err);
}

static void a_broken_link_is_refused(void)
{
    CHECK(!is_link_refused("\"1\"", "\"1950-01-02\"", "\"U\""));
    CHECK(is_link_refused("1", "\"1950-01-02\"", "\"F\""));
    CHECK(is_link_refused("\"1234567890123456\"", "\"1950-01-02\"", "\"F\""));
    CHECK(is_link_refused("\"1\"", "\"19500102\"", "\"F\""));
    CHECK(is_link_refused("\"1\"", "\"1950-13-02\"", "\"F\""));
    CHECK(is_link_refused("\"1\"", "\"1950-01-02\"", "\"\""));
    CHECK(is_link_refused("\"1\"", "\"1950-01-02\"", "\"X\""));
    CHECK(is_link_refused("\"1\"", "\"1950-01-02\"", "\"FF\""));
    CHECK(is_link_refused("\"1\"", "\"1950-01-02\"", "null"));
}

/* ---- being in step ---- */

static void the_digest_knows_no_order_and_takes_out_what_it_took_in(void)
{
    uint8_t one[HASH_BYTES] = {0};
    uint8_t other[HASH_BYTES] = {0};
    uint8_t nothing[HASH_BYTES] = {0};
    struct text version = TEXT("202405011234567891");
    uplink_digest_add(one, TEXT("a"), version);
    uplink_digest_add(one, TEXT("b"), version);
    uplink_digest_add(other, TEXT("b"), version);
    uplink_digest_add(other, TEXT("a"), version);
    CHECK(memcmp(one, other, HASH_BYTES) == 0);
    uplink_digest_add(one, TEXT("c"), version);
    CHECK(memcmp(one, other, HASH_BYTES) != 0);
    uplink_digest_add(one, TEXT("c"), version);
    CHECK(memcmp(one, other, HASH_BYTES) == 0);
    uplink_digest_add(one, TEXT("a"), version);
    uplink_digest_add(one, TEXT("b"), version);
    CHECK(memcmp(one, nothing, HASH_BYTES) == 0);
}

/* The value in docs/specs/uplink.md: SHA-256 of "20240501/OML-11/000000000000001" LF
 * "202405011234567891". */
static void the_digest_of_one_entry_is_the_documented_one(void)
{
    uint8_t digest[HASH_BYTES] = {0};
    char hex[HASH_HEX_BYTES];
    uplink_digest_add(digest, TEXT("20240501/OML-11/000000000000001"),
                      TEXT("202405011234567891"));
    hash_to_hex(span_of(digest, sizeof digest), hex);
    CHECK(
        strcmp(hex, "d76c83dd2c1700ad4132eee5e91965d483927a714e6caaa33b64d8b80c35c9f8") ==
        0);
}

static void a_snapshot_is_read_back(void)
{
    struct err err = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    struct json_writer writer = json_writer(&scene.out);
    struct text keys[] = {TEXT("-/PPR-01/9"), TEXT("20240501/OML-11/1")};
    struct text versions[] = {TEXT("202405011234567891"), TEXT("202405011234567892")};
    struct uplink_snapshot sent = {
        .sum = {{{9}}, TEXT("000102030405060708090a0b0c0d0e0f"), 7, 2, {1}},
        .keys = keys,
        .versions = versions,
        .count = 2,
        .next = TEXT("20240501/OML-11/1")};
    struct uplink_snapshot got = {0};
    uplink_write_snapshot(&writer, &sent);
    CHECK(uplink_read_snapshot(reread(&scene), &scene.arena, &got, &err));
    CHECK(got.count == 2 && got.sum.count == 2 && text_equal(got.next, sent.next));
    CHECK(text_equal(got.keys[1], keys[1]) && text_equal(got.versions[1], versions[1]));
}

static bool is_snapshot_refused(const char *keys)
{
    struct err err = {0};
    struct uplink_snapshot got = {0};
    CLEANUP(end_scene) struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf json = buf_init(4096);
    buf_format(&json,
               "{" RECORD ",\"epoch\":\"000102030405060708090a0b0c0d0e0f\","
               "\"revision\":1,\"count\":1,\"digest\":\"%064d\",\"keys\":%s,"
               "\"next\":\"\"}",
               0, keys);
    buf_byte(&json, 0);
    return !uplink_read_snapshot(parse(&scene, (const char *)json.at), &scene.arena, &got,
                                 &err);
}

static void a_snapshot_out_of_order_is_refused(void)
{
    CHECK(!is_snapshot_refused("[{\"key\":\"a\",\"version\":\"1\"},"
                               "{\"key\":\"b\",\"version\":\"1\"}]"));
    CHECK(is_snapshot_refused("[{\"key\":\"b\",\"version\":\"1\"},"
                              "{\"key\":\"a\",\"version\":\"1\"}]"));
    CHECK(is_snapshot_refused("[{\"key\":\"a\",\"version\":\"1\"},"
                              "{\"key\":\"a\",\"version\":\"2\"}]"));
    CHECK(is_snapshot_refused("[\"a\"]"));
    CHECK(is_snapshot_refused("[{\"key\":\"a\"}]"));
    CHECK(is_snapshot_refused("null"));
}

int main(void)
{
    RUN(hello_and_welcome_are_read_back);
    RUN(a_standing_of_later_versions_is_none_that_one_can_rely_on);
    RUN(members_of_later_versions_are_ignored);
    RUN(a_broken_hello_is_refused);
    RUN(the_highest_common_protocol_is_spoken);
    RUN(an_entry_travels_whole);
    RUN(every_kind_and_state_of_an_entry_travels);
    RUN(the_other_events_travel);
    RUN(a_bad_event_keeps_its_sequence);
    RUN(an_event_without_sequence_breaks_the_batch);
    RUN(answers_are_read_back);
    RUN(unclear_answers_are_refused);
    RUN(more_answers_than_a_batch_are_refused);
    RUN(a_link_is_read_back);
    RUN(a_broken_link_is_refused);
    RUN(the_digest_knows_no_order_and_takes_out_what_it_took_in);
    RUN(the_digest_of_one_entry_is_the_documented_one);
    RUN(a_snapshot_is_read_back);
    RUN(a_snapshot_out_of_order_is_refused);
    return test_done();
}
