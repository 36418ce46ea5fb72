// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_hospital.h"

/* What a hospital's gateway sends becomes a calendar; what is opened comes from it; all
 * through the real tunnel, gate and HTTP server. */

#define VERSION_1 "202610010900000001"
#define VERSION_2 "202610020900000001"
#define CONTENT                                                                          \
    "{\"entry\":{\"kind\":\"laboratory\",\"items\":[{\"type\":\"result\",\"name\":"      \
    "\"CRP\",\"value\":\"0.3\"}]},\"warnings\":[{\"code\":\"hl7_extra\",\"text\":\"x\"}" \
    "]}"

/* The hospital's own state: the clinic is always in step with itself. */
#define IN_STEP "{\"facility\":\"01000000000000000000000000000000\",\"state\":\"in_step\""

struct scene {
    struct hospital *hospital;
    struct browser clinic;
    char person[128];
};

static struct scene scene_new(void)
{
    struct scene scene = {.hospital = hospital_new()};
    scene.clinic = enter(scene.hospital->world, "clinic");
    struct reply reply = go(&scene.clinic, "POST /api/v1/persons", registration);
    CHECK(reply.status == 201 && !has(&reply, "proposed"));
    member(&reply, "id", scene.person);
    return scene;
}

static struct reply open_calendar(struct scene *scene)
{
    char line[256];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings",
             scene->person);
    return go(&scene->clinic, line, autumn);
}

static bool shows(struct scene *scene, const char *part)
{
    struct reply reply = open_calendar(scene);
    return reply.status == 201 && has(&reply, part);
}

static struct reply ask_opening(struct scene *scene, const char *method,
                                const char *opening, const char *what)
{
    char line[256];
    snprintf(line, sizeof line, "%s /api/v1/openings/%s/%s", method, opening, what);
    return go(&scene->clinic, line, "");
}

static bool has_now(struct scene *scene, const char *opening, const char *what,
                    const char *part)
{
    struct reply reply = ask_opening(scene, "GET", opening, what);
    return reply.status == 200 && has(&reply, part);
}

/* The id of the only entry of the calendar. */
static void find_entry(struct scene *scene, char entry[128])
{
    struct reply reply = open_calendar(scene);
    const char *at = strstr(reply.body, "\"entry\":[\"");
    CHECK(at != NULL);
    snprintf(entry, 128, "%.32s", at ? at + 10 : "");
}

static struct reply open_entry(struct scene *scene, const char *entry)
{
    char line[256];
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    return go(&scene->clinic, line, "");
}

static bool home_says(struct scene *scene, const char *part)
{
    struct reply reply = go(&scene->clinic, "GET /api/v1/home", "");
    return reply.status == 200 && has(&reply, part);
}

/* ---- events ---- */

static void what_a_gateway_sends_stands_in_the_calendar(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    /* an older version that the backfill brings changes nothing, a newer one does */
    say_put(hospital, 0, "1/OML-11/A", VERSION_2, "血算二");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "古い");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 3);
    CHECK(shows(&scene, "\"titles\":[\"血算二\"]"));
    /* live it says that the source took the newer one back */
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 4);
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    say_record(hospital, 0, "entry_withdrawn", "1/OML-11/A");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 5);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    say(hospital, 0, "\"type\":\"policy_changed\",\"policy\":\"{}\"");
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 4);
    CHECK(strcmp(hospital->code, "policy_invalid") == 0);
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "後");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    say(hospital, 0, "\"type\":\"number_ended\",\"number\":\"H100\"");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    /* what goes with it is withdrawn all the same; nothing new is taken */
    say_record(hospital, 0, "entry_withdrawn", "1/OML-11/A");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 3);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    CHECK(shows(&scene, "血算"));
    say(hospital, 0,
        "\"type\":\"policy_changed\",\"policy\":\"{\\\"version\\\":2,\\\"rules\\\":[]}"
        "\"");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    CHECK(still_shows(&scene, opening, "\"titles\":[\"血算\"]"));
    reply = ask_opening(&scene, "GET", opening,
                        "entries?row=test&from=2026-09-01&to=2026-10-31");
    CHECK(reply.status == 200 && has(&reply, "\"title\":\"血算\""));
    hospital_free(hospital);
}

/* The epoch is read again at once, as its poll would within half a second. */
static void let_pass(struct world *world, int64_t ms)
{
    atomic_fetch_add(&world->skip_ms, ms);
    network_epoch_refresh(world->epoch);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    struct reply reply = open_calendar(&scene);
    CHECK(reply.status == 201 && !has(&reply, "秘") && has(&reply, "\"first_day\":null"));
    owner.clinic = enter(hospital->world, "hospital");
    CHECK(shows(&owner, "秘"));
    find_entry(&owner, entry);
    reply = open_entry(&scene, entry);
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"sensitive\""));
    say(hospital, 0, SENSITIVE_POLICY(",\\\"sensitive\\\":true"));
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    CHECK(shows(&scene, "秘") && open_entry(&scene, entry).status == 201);
    say(hospital, 0, SENSITIVE_POLICY(""));
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 3);
    CHECK(!shows(&scene, "秘") && open_entry(&scene, entry).status == 403);
    hospital_free(hospital);
}

/* ---- being in step ---- */

static void equal_digests_prove_a_record_in_step(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    CHECK(shows(&scene, "\"state\":\"loading\""));
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(count_of(hospital, &hospital->snapshot_count) == 0);
    hospital_free(hospital);
}

static void what_a_snapshot_does_not_name_is_withdrawn(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "残る");
    say_put(hospital, 1, "2/OML-11/B", VERSION_1, "消える");
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->snapshot_count) == 1);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(shows(&scene, "\"titles\":[\"残る\"]"));
    CHECK(count_of(hospital, &hospital->backfill_count) == 0);
    hospital_free(hospital);
}

/* Its newest version was deleted there while nobody listened. */
static void what_a_snapshot_names_in_an_older_version_is_asked_for(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 1, "1/OML-11/A", VERSION_2, "取り消した版");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->backfill_count) == 1);
    CHECK_SOON(shows(&scene, "\"titles\":[]"));
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    hospital_free(hospital);
}

/* A snapshot judges what was there when it was asked for, and nothing that came since. */
static void what_comes_while_a_snapshot_is_on_its_way_stays(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "残る");
    say_put(hospital, 1, "2/OML-11/B", VERSION_1, "消える");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    has_key(hospital, "1/OML-11/A", VERSION_1);
    hospital->late_key = "3/OML-11/C";
    hospital->late_count = 4; /* two before, this one, and the sum */
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(shows(&scene, "途中") && !shows(&scene, "消える"));
    CHECK(count_of(hospital, &hospital->backfill_count) == 0);
    hospital_free(hospital);
}

static void what_is_missing_is_asked_for_once(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->backfill_count) == 1);
    CHECK(shows(&scene, "\"state\":\"behind\""));
    /* something of it is refused again and again: not asked for all day */
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->snapshot_count) == 2);
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(count_of(hospital, &hospital->backfill_count) == 1);
    hospital_free(hospital);
}

static void a_gateway_that_comes_back_is_compared(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct world *world = hospital->world;
    struct err err = {0};
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "消える");
    say_put(hospital, 1, "2/OML-11/B", VERSION_1, "残る");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    has_key(hospital, "2/OML-11/B", VERSION_1);
    int digests = count_of(hospital, &hospital->digest_count);
    int hellos = atomic_load(&world->hello_count);
    struct tunnel *tunnel =
        facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(atomic_load(&world->hello_count) > hellos);
    CHECK_SOON(count_of(hospital, &hospital->digest_count) > digests);
    CHECK_SOON(shows(&scene, "\"titles\":[\"残る\"]"));
    /* and its events come on the new line */
    say_put(hospital, 0, "3/OML-11/C", VERSION_1, "新しい");
    CHECK_SOON(shows(&scene, "新しい"));
    hospital_free(hospital);
}

static void a_gateway_with_a_new_database_is_linked_again(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct err err = {0};
    int links = count_of(hospital, &hospital->link_count);
    pthread_mutex_lock(&hospital->lock);
    hospital->has_forgotten = true;
    pthread_mutex_unlock(&hospital->lock);
    struct tunnel *tunnel =
        facility_gateway_take(hospital->world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(count_of(hospital, &hospital->link_count) == links + 1);
    hospital_free(hospital);
}

static void a_check_now_reads_the_source_and_says_what_came_of_it(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "POST", opening, "checks");
    CHECK(reply.status == 200 && has(&reply, IN_STEP));
    CHECK(count_of(hospital, &hospital->check_count) == 1);
    struct browser pharmacy = enter(hospital->world, "pharmacy");
    struct browser clinic = scene.clinic;
    scene.clinic = pharmacy;
    CHECK(ask_opening(&scene, "POST", opening, "checks").status == 404);
    scene.clinic = clinic;
    hospital_free(hospital);
}

/* ---- entries and contents ---- */

static void an_entry_is_opened_once_and_its_content_fetched(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    hospital->content_body = CONTENT;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "生化学");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    CHECK(reply.status == 201 && has(&reply, "\"title\":\"血算\"") &&
          has(&reply, "\"previous\":null") && !has(&reply, "\"next\":null"));
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 200 && has(&reply, "\"items\":[{") &&
          has(&reply, "\"name\":\"CRP\"") && has(&reply, "\"code\":\"hl7_extra\""));
    CHECK(strcmp(hospital->viewer, "2000000002") == 0);
    /* a decision is believed for a second, then decided again */
    let_pass(hospital->world, 5000);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 200);
    /* a calendar's handle opens no content, and nobody else's handle does */
    struct reply calendar = open_calendar(&scene);
    char other[128];
    CHECK(ask_opening(&scene, "GET", member(&calendar, "opening", other), "content")
              .status == 404);
    struct scene stranger = scene;
    stranger.clinic = enter(hospital->world, "pharmacy");
    CHECK(ask_opening(&stranger, "GET", opening, "content").status == 404);
    CHECK(open_entry(&stranger, entry).status == 404);
    CHECK(open_entry(&scene, "0123456789abcdef0123456789abcdef").status == 404);
    hospital_free(hospital);
}

/* Openings last while someone looks; what a hospital adds meanwhile is seen there too. */
static void what_arrives_later_stands_in_a_calendar_that_is_open(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    static const char calendar[] = "calendar?from=2026-10-01&to=2026-10-31";
    static const char row[] = "entries?row=test&from=2026-10-01&to=2026-10-31";
    char opening[128];
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "GET", opening, calendar);
    CHECK(reply.status == 200 && !has(&reply, "血算"));
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    CHECK_SOON(has_now(&scene, opening, calendar, "血算"));
    CHECK(has_now(&scene, opening, row, "血算"));
    hospital_free(hospital);
}

/* A gateway that reads its whole source anew sends what the centre has already. */
static void what_comes_again_unchanged_changes_nothing(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    hospital->content_body = CONTENT;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    /* what was seen is not news, and what is open stays open */
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 200);
    say_put(hospital, 0, "1/OML-11/A", VERSION_2, "血算（訂正）");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 3);
    CHECK_SOON(home_says(&scene, "\"new_count\":1"));
    CHECK(shows(&scene, "血算（訂正）"));
    hospital_free(hospital);
}

static void what_a_gateway_answers_otherwise_is_never_shown(void)
{
    static const struct {
        int status;
        const char *body;
        int shown;
        const char *code;
    } answers[] = {
        {403, "{\"code\":\"kind_not_released\"}", 403, "kind_not_released"},
        {403, "{\"code\":\"link_ended\"}", 403, "link_ended"},
        {403, "{\"code\":\"<script>\"}", 503, "gateway_refused"},
        {404, "{}", 404, "not_found"},
        {400, "{\"code\":\"hl7_segment_cut\"}", 409, "content_incomplete"},
        {500, "", 503, "gateway_refused"},
        {200, "", 503, "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"name\":\"x\"}]},\"warnings\":[]}", 503,
         "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"type\":\"a\",\"B<\":\"x\"}]},\"warnings\":[]}",
         503, "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"type\":\"a\",\"b\":1}]},\"warnings\":[]}", 503,
         "gateway_refused"},
        {200, "{\"entry\":{\"items\":{}},\"warnings\":[]}", 503, "gateway_refused"},
    };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        hospital->content_status = answers[i].status;
        hospital->content_body = answers[i].body;
        reply = ask_opening(&scene, "GET", opening, "content");
        bool is_right = reply.status == answers[i].shown && has(&reply, answers[i].code);
        CHECK(is_right);
        if (!is_right)
            printf("# %zu: %d %s\n", i, reply.status, reply.body);
    }
    hospital_free(hospital);
}

static void a_silent_and_an_absent_gateway_are_told_apart(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct world *world = hospital->world;
    char entry[128], opening[128];
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_silent\""));
    struct err err = {0};
    hospital->world->hello_code = "9999999999"; /* it is not let in again */
    struct tunnel *tunnel =
        facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_away\""));
    CHECK(shows(&scene, "\"reason\":\"gateway_away\"") && shows(&scene, "血算"));
    hospital_free(hospital);
}

/* ---- originals ---- */

struct download {
    struct browser *browser;
    char line[256];
    pthread_t thread;
    atomic_size_t received;
    bool is_right; /* every byte as it was sent */
    bool is_whole; /* it ended as it should */
    atomic_bool has_ended;
    int status;
};

static size_t chunk_bytes(struct span line)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (size_t i = 0; i < line.len && i < 8; i++) {
        const char *digit = strchr(digits, line.at[i] | 0x20);
        if (line.at[i] == '\r' || !digit)
            break;
        len = len * 16 + (size_t)(digit - digits);
    }
    return len;
}

/* Takes the chunks apart (RFC 9112 section 7.1) and compares every byte. */
static bool is_original(struct span all, size_t bytes)
{
    const uint8_t *at = memmem(all.at, all.len, "\r\n\r\n", 4);
    struct span rest = span_part(all, at ? (size_t)(at - all.at) + 4 : all.len, all.len);
    struct span line;
    size_t seen = 0;
    while (span_take(&rest, '\n', &line)) {
        size_t len = chunk_bytes(line);
        if (len == 0 || len > rest.len)
            return len == 0 && seen == bytes;
        for (size_t i = 0; i < len; i++, seen++)
            if (rest.at[i] != (uint8_t)(seen * 31 % 251))
                return false;
        rest = span_part(rest, len + 2, rest.len);
    }
    return false;
}

static void *run_download(void *context)
{
    struct download *download = context;
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    CLEANUP(buf_free) struct buf all = buf_init(64 << 20);
    uint8_t piece[65536];
    ssize_t got = 0;
    write_request(download->browser, &out, download->line, -1, "");
    int fd = dial(http_server_port(download->browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
        buf_put(&all, piece, (size_t)got);
        atomic_store(&download->received, all.len);
    }
    close(fd);
    uint64_t status = 0;
    (void)!span_uint(span_of(all.at + 9, 3), 999, &status);
    download->status = (int)status;
    download->is_whole = all.len > 5 && memcmp(all.at + all.len - 5, "0\r\n\r\n", 5) == 0;
    const struct hospital *hospital = download->browser->world->part_context;
    download->is_right = is_original(buf_view(&all), hospital->original_bytes);
    atomic_store(&download->has_ended, true);
    return NULL;
}

static void begin_download(struct download *download, struct scene *scene,
                           const char *opening)
{
    download->browser = &scene->clinic;
    snprintf(download->line, sizeof download->line, "GET /api/v1/openings/%s/original",
             opening);
    pthread_create(&download->thread, NULL, run_download, download);
}

static void open_only_entry(struct scene *scene, char opening[128])
{
    char entry[128];
    say_put(scene->hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(scene->hospital, &scene->hospital->stored_count) == 1);
    find_entry(scene, entry);
    struct reply reply = open_entry(scene, entry);
    CHECK(reply.status == 201);
    member(&reply, "opening", opening);
}

static void an_original_passes_whole(void)
{
    struct scene scene = scene_new();
    struct download download = {0};
    char opening[128];
    scene.hospital->original_bytes = 5 << 20;
    open_only_entry(&scene, opening);
    begin_download(&download, &scene, opening);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && download.is_whole && download.is_right);
    CHECK(atomic_load(&download.received) > 5 << 20);
    hospital_free(scene.hospital);
}

static void withdraw_consent(struct scene *scene)
{
    char consent[128], line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", scene->person);
    struct reply reply = go(&scene->clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&scene->clinic, line, "{\"channel\":\"oral\"}").status == 200);
}

/* The first half has come, the second waits. */
static void begin_half(struct scene *scene, struct download *download, char opening[128])
{
    scene->hospital->original_bytes = 2 << 20;
    atomic_store(&scene->hospital->original_gate, 0);
    open_only_entry(scene, opening);
    begin_download(download, scene, opening);
    CHECK_SOON(atomic_load(&download->received) > 1 << 20);
}

static bool has_been_cut(struct scene *scene, const struct download *download)
{
    content_look_again(scene->hospital->content);
    return atomic_load(&download->has_ended);
}

/* Nothing comes and nothing goes: no piece would ever ask. */
static void a_withdrawn_consent_cuts_a_download_that_stands_still(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download = {0};
    char opening[128];
    begin_half(&scene, &download, opening);
    content_look_again(hospital->content);
    CHECK(!atomic_load(&download.has_ended));
    withdraw_consent(&scene);
    CHECK_SOON(has_been_cut(&scene, &download));
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    atomic_store(&hospital->original_gate, -1);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && !download.is_whole);
    hospital_free(hospital);
}

static void a_withdrawn_consent_cuts_a_download(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download = {0};
    char opening[128];
    begin_half(&scene, &download, opening);
    withdraw_consent(&scene);
    atomic_store(&hospital->original_gate, 1);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && !download.is_whole);
    CHECK(atomic_load(&download.received) < (3 << 20) / 2);
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 404);
    hospital_free(hospital);
}

static void a_refused_original_is_a_problem_not_a_file(void)
{
    struct scene scene = scene_new();
    char opening[128];
    scene.hospital->content_status = 403;
    scene.hospital->content_body = "{\"code\":\"original_mixed\"}";
    open_only_entry(&scene, opening);
    struct reply reply = ask_opening(&scene, "GET", opening, "original");
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"original_mixed\""));
    CHECK(!strstr(reply.head, "ttachment"));
    hospital_free(scene.hospital);
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
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 1);
    CHECK_SOON(home_says(&scene, "\"new_count\":1"));
    CHECK(home_says(&scene, scene.person));
    CHECK(!home_says(&scene, "\"news\":[]") && !home_says(&scene, "血算"));
    /* looked at, then sent again: nothing new */
    CHECK(open_calendar(&scene).status == 201);
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(count_of(hospital, &hospital->stored_count) == 2);
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    struct browser pharmacy = enter(hospital->world, "pharmacy");
    reply = go(&pharmacy, "GET /api/v1/home", "");
    CHECK(reply.status == 200 && !has(&reply, scene.person));
    hospital_free(hospital);
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
    RUN(equal_digests_prove_a_record_in_step);
    RUN(what_a_snapshot_does_not_name_is_withdrawn);
    RUN(what_a_snapshot_names_in_an_older_version_is_asked_for);
    RUN(what_comes_while_a_snapshot_is_on_its_way_stays);
    RUN(what_is_missing_is_asked_for_once);
    RUN(a_gateway_that_comes_back_is_compared);
    RUN(a_gateway_with_a_new_database_is_linked_again);
    RUN(a_check_now_reads_the_source_and_says_what_came_of_it);
    RUN(an_entry_is_opened_once_and_its_content_fetched);
    RUN(what_arrives_later_stands_in_a_calendar_that_is_open);
    RUN(what_comes_again_unchanged_changes_nothing);
    RUN(what_a_gateway_answers_otherwise_is_never_shown);
    RUN(a_silent_and_an_absent_gateway_are_told_apart);
    RUN(an_original_passes_whole);
    RUN(a_withdrawn_consent_cuts_a_download);
    RUN(a_withdrawn_consent_cuts_a_download_that_stands_still);
    RUN(a_refused_original_is_a_problem_not_a_file);
    RUN(the_home_page_counts_what_is_new_since_the_last_look);
    return test_done();
}
