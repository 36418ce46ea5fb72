// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_scene.h"

/* What a hospital's gateway sends becomes a calendar, and goes on doing so while it is
 * open. */

/* ---- events ---- */

static void what_a_gateway_sends_stands_in_the_calendar(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    /* an older version that the backfill brings changes nothing, a newer one does */
    say_put(hospital, 0, "1/OML-11/A", VERSION_2, "血算二");
    CHECK(has_stored(hospital, 2));
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "古い");
    CHECK(has_stored(hospital, 3));
    CHECK(shows(&scene, "\"titles\":[\"血算二\"]"));
    /* live it says that the source took the newer one back */
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 4));
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    say_record(hospital, 0, "entry_withdrawn", "1/OML-11/A");
    CHECK(has_stored(hospital, 5));
    CHECK(shows(&scene, "\"titles\":[]"));
    hospital_free(hospital);
}

static void a_bad_event_is_answered_and_blocks_nothing(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say(hospital, 0, "\"type\":\"earthquake\"");
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 1);
    CHECK(strcmp(hospital->code, "event_unknown") == 0);
    struct id record = hospital->record;
    hospital->record = (struct id){{0xee}};
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "他人");
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 2);
    CHECK(strcmp(hospital->code, "record_unknown") == 0);
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 3);
    hospital->record = record;
    /* a number that nobody linked ended: nothing is to be done */
    say(hospital, 0, "\"type\":\"number_ended\",\"number\":\"H999\"");
    CHECK(has_stored(hospital, 1));
    say(hospital, 0, "\"type\":\"policy_changed\",\"policy\":\"{}\"");
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 4);
    CHECK(strcmp(hospital->code, "policy_invalid") == 0);
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "後");
    CHECK(has_stored(hospital, 2));
    CHECK(shows(&scene, "\"titles\":[\"後\"]"));
    hospital_free(hospital);
}

/* The answer to the question may come after the first entries, or be lost. */
static void entries_of_a_record_prove_that_its_owner_matched_it(void)
{
    struct scene scene = {.hospital = hospital_new()};
    struct hospital *hospital = scene.hospital;
    char body[1024];
    snprintf(body, sizeof body, "%s", registration);
    char *number = strstr(body, "H100");
    CHECK(number != NULL);
    if (number)
        memcpy(number, "H777", 4);
    scene.clinic = enter(hospital->world, "clinic");
    struct reply reply = go(&scene.clinic, "POST /api/v1/persons", body);
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"proposed\""));
    member(&reply, "id", scene.person);
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK(count_of(hospital, &hospital->rejected_count) == 0);
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    hospital_free(hospital);
}

static void a_failed_poll_is_tried_again(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    pthread_mutex_lock(&hospital->lock);
    hospital->fails_polls = 4;
    pthread_mutex_unlock(&hospital->lock);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "一");
    say_put(hospital, 1, "2/OML-11/B", VERSION_1, "二");
    CHECK_SOON(shows(&scene, "\"titles\":[\"一\",\"二\"]"));
    say_put(hospital, 0, "3/OML-11/C", VERSION_1, "三");
    CHECK_SOON(shows(&scene, "\"三\""));
    hospital_free(hospital);
}

static void a_number_that_ended_hides_its_entries(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    say(hospital, 0, "\"type\":\"number_ended\",\"number\":\"H100\"");
    CHECK(has_stored(hospital, 2));
    /* what goes with it is withdrawn all the same; nothing new is taken */
    say_record(hospital, 0, "entry_withdrawn", "1/OML-11/A");
    CHECK(has_stored(hospital, 3));
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "新しい");
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 1);
    struct reply reply = open_calendar(&scene);
    CHECK(!has(&reply, "血算") && has(&reply, "link_suspended"));
    hospital_free(hospital);
}

static void a_changed_policy_works_at_once(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK(shows(&scene, "血算"));
    say(hospital, 0,
        "\"type\":\"policy_changed\",\"policy\":\"{\\\"version\\\":2,\\\"rules\\\":[]}"
        "\"");
    CHECK(has_stored(hospital, 2));
    struct reply reply = open_calendar(&scene);
    CHECK(!has(&reply, "血算") && has(&reply, "kind_not_released"));
    hospital_free(hospital);
}

/* ---- a calendar that stays open ---- */

static const char autumn_query[] = "calendar?from=2026-09-01&to=2026-10-31";

static bool still_shows(struct scene *scene, const char *opening, const char *part)
{
    struct reply reply = ask_opening(scene, "GET", opening, autumn_query);
    return reply.status == 200 && has(&reply, part);
}

static void an_open_calendar_shows_what_came_since(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    struct reply reply = open_calendar(&scene);
    CHECK(has(&reply, "\"titles\":[]"));
    member(&reply, "opening", opening);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK(still_shows(&scene, opening, "\"titles\":[\"血算\"]"));
    reply = ask_opening(&scene, "GET", opening,
                        "entries?row=test&from=2026-09-01&to=2026-10-31");
    CHECK(reply.status == 200 && has(&reply, "\"title\":\"血算\""));
    hospital_free(hospital);
}

/* The clock of the region shows a quarter of a minute before midnight in Japan. */
static void go_to_midnight(struct world *world)
{
    int64_t local_ms = world_wall_ms(world) + DAY_JAPAN_OFFSET_MS;
    let_pass(world, 86400000 - 15000 - local_ms % 86400000);
}

static void a_consents_last_day_ends_an_open_calendars_others(void)
{
    struct hospital *hospital = hospital_new();
    struct scene scene = {.hospital = hospital};
    char body[1024], opening[128], day[DAY_TEXT_BYTES];
    go_to_midnight(hospital->world);
    day_to_iso(day_of_instant(world_wall_ms(hospital->world)), day);
    const char *rest = strstr(registration, "},\"numbers\"");
    snprintf(body, sizeof body, "%.*s,\"until\":\"%s\"%s", (int)(rest - registration),
             registration, day, rest);
    scene.clinic = enter(hospital->world, "clinic");
    struct reply reply = go(&scene.clinic, "POST /api/v1/persons", body);
    CHECK(reply.status == 201 && !has(&reply, "proposed"));
    member(&reply, "id", scene.person);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    reply = open_calendar(&scene);
    CHECK(has(&reply, "血算"));
    member(&reply, "opening", opening);
    CHECK(still_shows(&scene, opening, "血算"));
    let_pass(hospital->world, 20000);
    CHECK(still_shows(&scene, opening, "consent_expired"));
    CHECK(still_shows(&scene, opening, "\"titles\":[]"));
    hospital_free(hospital);
}

/* A kind that the hospital does not release, a day before what it does. */
static void the_oldest_day_is_of_what_may_be_seen(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct id_text record = id_to_text(hospital->record);
    say(hospital, 0,
        "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"0/X/"
        "A\",\"version\":\"" VERSION_1
        "\",\"kind\":\"prescription\",\"state\":\"current\",\"flags\":0,"
        "\"day\":\"2020-01-02\",\"is_open\":false,\"title\":\"x\",\"department_code\":"
        "\"\","
        "\"department\":\"\",\"author\":\"\",\"time\":\"\",\"order_number\":\"\","
        "\"visible_from\":0",
        record.at);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 2));
    CHECK(shows(&scene, "\"first_day\":\"2026-10-01\""));
    hospital_free(hospital);
}

static void an_opening_ends_after_ten_minutes_without_use(void)
{
    struct scene scene = scene_new();
    struct world *world = scene.hospital->world;
    char opening[128];
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    let_pass(world, OPENING_IDLE_MS - 5000);
    CHECK(ask_opening(&scene, "GET", opening, autumn_query).status == 200);
    let_pass(world, OPENING_IDLE_MS - 5000);
    CHECK(ask_opening(&scene, "GET", opening, autumn_query).status == 200);
    let_pass(world, OPENING_IDLE_MS);
    CHECK(ask_opening(&scene, "GET", opening, autumn_query).status == 404);
    /* another session of the same person of staff has no use for the handle */
    reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    scene.clinic = enter(world, "clinic");
    CHECK(ask_opening(&scene, "GET", opening, autumn_query).status == 404);
    hospital_free(scene.hospital);
}

/* ---- what the source marks sensitive ---- */

#define SENSITIVE_POLICY(more)                                                           \
    "\"type\":\"policy_changed\",\"policy\":\"{\\\"version\\\":2,\\\"rules\\\":["        \
    "{\\\"kinds\\\":[\\\"laboratory\\\"]" more "}]}\""

static void what_is_marked_sensitive_is_kept_back_until_the_hospital_says_so(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct scene owner = scene;
    char entry[128];
    struct id_text record = id_to_text(hospital->record);
    say(hospital, 0,
        "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"1/X/"
        "A\",\"version\":\"" VERSION_1
        "\",\"kind\":\"laboratory\",\"state\":\"current\",\"flags\":%d,"
        "\"day\":\"2026-10-01\",\"is_open\":false,\"title\":\"秘\",\"department_code\":"
        "\"\","
        "\"department\":\"\",\"author\":\"\",\"time\":\"\",\"order_number\":\"\","
        "\"visible_from\":0",
        record.at, ENTRY_SENSITIVE);
    CHECK(has_stored(hospital, 1));
    struct reply reply = open_calendar(&scene);
    CHECK(reply.status == 201 && !has(&reply, "秘") && has(&reply, "\"first_day\":null"));
    owner.clinic = enter(hospital->world, "hospital");
    CHECK(shows(&owner, "秘"));
    find_entry(&owner, entry);
    reply = open_entry(&scene, entry);
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"sensitive\""));
    say(hospital, 0, SENSITIVE_POLICY(",\\\"sensitive\\\":true"));
    CHECK(has_stored(hospital, 2));
    CHECK(shows(&scene, "秘") && open_entry(&scene, entry).status == 201);
    say(hospital, 0, SENSITIVE_POLICY(""));
    CHECK(has_stored(hospital, 3));
    CHECK(!shows(&scene, "秘") && open_entry(&scene, entry).status == 403);
    hospital_free(hospital);
}

/* ---- home ---- */

static void the_home_page_counts_what_is_new_since_the_last_look(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct reply reply = go(&scene.clinic, "GET /api/v1/home", "");
    CHECK(reply.status == 200 && has(&reply, "\"recent\":[],\"news\":[]"));
    CHECK(open_calendar(&scene).status == 201);
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK_SOON(home_says(&scene, "\"new_count\":1"));
    CHECK(home_says(&scene, scene.person));
    CHECK(!home_says(&scene, "\"news\":[]") && !home_says(&scene, "血算"));
    /* looked at, then sent again: nothing new */
    CHECK(open_calendar(&scene).status == 201);
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 2));
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    struct browser pharmacy = enter(hospital->world, "pharmacy");
    reply = go(&pharmacy, "GET /api/v1/home", "");
    CHECK(reply.status == 200 && !has(&reply, scene.person));
    hospital_free(hospital);
}

/* Registrations of the clinic that its hospital refused, one a minute; and at the end two
 * of the same minute. */
static bool refuse_many(struct store_session *session, void *context, struct err *err)
{
    const int *many = context;
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    for (int i = 1; i <= *many; i++) {
        char number[16];
        snprintf(number, sizeof number, "R%d", i);
        struct patient_person person = {.network = network_id,
                                        .name = TEXT("林 花子"),
                                        .kana = TEXT("ハヤシ ハナコ"),
                                        .birth_day = 1000,
                                        .sex = 'F',
                                        .phone = TEXT(""),
                                        .registered_facility = hex_id(CLINIC)};
        person.id.bytes[0] = 0xA0;
        person.id.bytes[15] = (uint8_t)i;
        struct patient_record record = {.person = person.id,
                                        .facility = hex_id(HOSPITAL),
                                        .number = text_cstr(number),
                                        .state = PATIENT_REFUSED,
                                        .reason = TEXT("mismatch"),
                                        .successor = TEXT(""),
                                        .entered_facility = hex_id(CLINIC),
                                        .entered_at = 60000 * (i < *many ? i : i - 1)};
        record.id.bytes[0] = 0xB0;
        record.id.bytes[15] = (uint8_t)i;
        if (!patient_add_person(session, &person, &arena, err) ||
            !patient_add_record(session, &record, err))
            return false;
    }
    return true;
}

/* How many links, whose numbers go down by one from `first`. */
static int links_down_from(const struct reply *reply, int first)
{
    int count = 0;
    char id[64];
    for (const char *at = reply->body; (at = strstr(at, "\"link\":{\"id\":\"")); at++) {
        snprintf(id, sizeof id, "\"link\":{\"id\":\"b00000000000000000000000000000%02x\"",
                 first - count);
        CHECK(strncmp(at, id, strlen(id)) == 0);
        count++;
    }
    return count;
}

static void what_is_not_finished_is_counted_and_paged(void)
{
    enum { MANY = 120 };
    int many = MANY;
    struct scene scene = scene_new();
    struct world *world = scene.hospital->world;
    struct err err = {0};
    char next[128], line[256];
    good(store_write(world->store, STORE_LIVE, refuse_many, &many, &err), &err);
    struct reply reply = go(&scene.clinic, "GET /api/v1/home", "");
    CHECK(has(&reply, "\"unfinished_total\":120") &&
          has(&reply, "\"suspended_total\":0"));
    CHECK(has(&reply, "\"suspended_next\":null"));
    /* of one minute in the order of their ids, then downwards */
    reply = go(&scene.clinic, "GET /api/v1/links?list=unfinished", "");
    CHECK(reply.status == 200);
    const char *rest = strstr(reply.body, "b0000000000000000000000000000078");
    CHECK(rest && strstr(reply.body, "b0000000000000000000000000000077") < rest);
    for (int first = MANY - 50; first > 0; first -= 50) {
        snprintf(line, sizeof line, "GET /api/v1/links?list=unfinished&cursor=%s",
                 member(&reply, "next", next));
        reply = go(&scene.clinic, line, "");
        CHECK(reply.status == 200);
        CHECK(links_down_from(&reply, first) == (first > 50 ? 50 : first));
    }
    CHECK(has(&reply, "\"next\":null"));
    struct browser pharmacy = enter(world, "pharmacy");
    reply = go(&pharmacy, "GET /api/v1/links?list=unfinished", "");
    CHECK(has(&reply, "{\"links\":[],\"next\":null}"));
    static const char *const faulty[] = {"", "?list=all", "?list=unfinished&cursor=7",
                                         "?list=unfinished&cursor=x.y"};
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        snprintf(line, sizeof line, "GET /api/v1/links%s", faulty[i]);
        CHECK(go(&scene.clinic, line, "").status == 400);
    }
    hospital_free(scene.hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(what_a_gateway_sends_stands_in_the_calendar);
    RUN(a_bad_event_is_answered_and_blocks_nothing);
    RUN(entries_of_a_record_prove_that_its_owner_matched_it);
    RUN(a_failed_poll_is_tried_again);
    RUN(a_number_that_ended_hides_its_entries);
    RUN(a_changed_policy_works_at_once);
    RUN(an_open_calendar_shows_what_came_since);
    RUN(a_consents_last_day_ends_an_open_calendars_others);
    RUN(the_oldest_day_is_of_what_may_be_seen);
    RUN(an_opening_ends_after_ten_minutes_without_use);
    RUN(what_is_marked_sensitive_is_kept_back_until_the_hospital_says_so);
    RUN(the_home_page_counts_what_is_new_since_the_last_look);
    RUN(what_is_not_finished_is_counted_and_paged);
    return test_done();
}
