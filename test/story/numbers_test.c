// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_index.h"
#include "test/story/story_scene.h"

/* A hospital joins, changes and takes apart its numbers: its link is suspended at once,
 * nothing of it is shown, and only its own staff lets it go on. */

struct story {
    struct scene scene;
    struct browser owner; /* the hospital's staff */
    struct audit_index *index;
    char link[128]; /* the suspended one */
    char since[32]; /* its */
};

static struct hospital *hospital_of(struct story *story)
{
    return story->scene.hospital;
}

/* Linked as H100, with one result that is shown. */
static struct story story_new(void)
{
    struct err err = {0};
    struct story story = {.scene = scene_new()};
    struct world *world = story.scene.hospital->world;
    story.index = audit_index_open(world->audit, world->store, &world->log, &err);
    good(story.index != NULL, &err);
    story.owner = enter(world, "hospital");
    say_put(story.scene.hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(shows(&story.scene, "血算"));
    /* It is told a moment after it is shown; what is counted later is its own. */
    CHECK(has_stored(story.scene.hospital, 1));
    return story;
}

static void story_free(struct story *story)
{
    audit_index_close(story->index);
    hospital_free(story->scene.hospital);
}

/* An event of a number, taken by the centre. */
static void report(struct story *story, const char *type, const char *number,
                   const char *successor)
{
    struct hospital *hospital = hospital_of(story);
    struct id_text record = id_to_text(hospital->record);
    char more[64] = "";
    int before = count_of(hospital, &hospital->stored_count);
    if (successor)
        snprintf(more, sizeof more, ",\"new_number\":\"%s\"", successor);
    say(hospital, 0, "\"type\":\"%s\",\"number\":\"%s\",\"record\":\"%s\"%s", type,
        number, record.at, more);
    CHECK(has_stored(hospital, before + 1));
}

/* The link that the hospital's home page asks to confirm. */
static bool finds_waiting(struct story *story)
{
    struct reply reply = go(&story->owner, "GET /api/v1/home", "");
    const char *list = strstr(reply.body, "\"suspended\":[{");
    const char *link = list ? strstr(list, "\"link\":{\"id\":\"") : NULL;
    const char *since = link ? strstr(link, "\"since\":") : NULL;
    if (!since)
        return false;
    snprintf(story->link, sizeof story->link, "%.32s", link + 14);
    snprintf(story->since, sizeof story->since, "%.*s",
             (int)strspn(since + 8, "0123456789"), since + 8);
    return strstr(list, "林 花子") != NULL;
}

static struct reply confirm(struct story *story, struct browser *browser,
                            const char *since, const char *number)
{
    char line[256];
    char body[256];
    snprintf(line, sizeof line, "POST /api/v1/links/%s/confirmations", story->link);
    snprintf(body, sizeof body, "{\"since\":%s,\"number\":\"%s\"}", since, number);
    return go(browser, line, body);
}

static int rows_of(struct story *story, const char *event, const char *reason)
{
    struct err err = {0};
    int count = 0;
    bool has_row = false;
    good(audit_index_catch_up(story->index, &err), &err);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(hospital_of(story)->world->store, &err);
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT reason FROM audit_index WHERE event = ?1 AND phase <> 'finish'",
        &err);
    store_bind_text(find, 1, text_cstr(event));
    while (store_step(find, &has_row, &err) && has_row)
        count += !reason || text_is(store_column_view(find, 0), reason);
    CHECK(err.kind == ERR_NONE);
    return count;
}

static bool link_says(struct story *story, const char *part)
{
    char line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", story->scene.person);
    struct reply reply = go(&story->owner, line, "");
    return reply.status == 200 && has(&reply, part);
}

/* ---- going on under another number ---- */

static void a_joined_number_goes_on_when_its_own_staff_confirms(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    struct id old = hospital->record;
    report(&story, "number_replaced", "H100", "H300");
    struct reply reply = open_calendar(&story.scene);
    CHECK(!has(&reply, "血算") && has(&reply, "link_suspended"));
    CHECK(finds_waiting(&story));
    reply = go(&story.owner, "GET /api/v1/home", "");
    CHECK(has(&reply, "\"suspended_total\":1"));
    CHECK(has(&reply, "\"reason\":\"number_replaced\",\"successor\":\"H300\""));
    reply = confirm(&story, &story.owner, story.since, "H300");
    CHECK(reply.status == 201 &&
          has(&reply, "\"number\":\"H300\",\"state\":\"confirmed\""));
    CHECK(!id_equal(old, hospital->record)); /* another number is another record */
    CHECK(!finds_waiting(&story));
    say_put(hospital, 1, "2/OML-11/B", VERSION_1, "生化学");
    CHECK_SOON(shows(&story.scene, "\"titles\":[\"生化学\"]"));
    CHECK_SOON(atomic_load(&hospital->world->ended_count) == 1); /* the old one */
    CHECK(rows_of(&story, "link_suspend", "number_replaced") == 1);
    CHECK(rows_of(&story, "link_confirm", NULL) == 1);
    CHECK(rows_of(&story, "link_match", "confirmed") == 2);
    story_free(&story);
}

static void the_same_confirmation_twice_is_one(void)
{
    struct story story = story_new();
    char line[256];
    char body[256];
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story));
    snprintf(line, sizeof line, "POST /api/v1/links/%s/confirmations", story.link);
    snprintf(body, sizeof body, "{\"since\":%s,\"number\":\"H300\"}", story.since);
    struct reply first = go_with_key(&story.owner, line, 7777, body);
    struct reply second = go_with_key(&story.owner, line, 7777, body);
    CHECK(first.status == 201 && second.status == 201);
    CHECK(strcmp(first.body, second.body) == 0);
    CHECK(rows_of(&story, "link_confirm", NULL) == 1);
    story_free(&story);
}

static void told_again_nothing_changes_and_nothing_is_written(void)
{
    struct story story = story_new();
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story));
    char since[32];
    snprintf(since, sizeof since, "%s", story.since);
    let_pass(hospital_of(&story)->world, 1000);
    report(&story, "number_replaced", "H100", "H300");
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story) && strcmp(since, story.since) == 0);
    CHECK(rows_of(&story, "link_suspend", NULL) == 1);
    struct reply reply = confirm(&story, &story.owner, story.since, "H300");
    CHECK(reply.status == 201);
    /* and when it is told once more, nothing is undone: that record is over */
    hospital_of(&story)->record = hex_id(story.link);
    report(&story, "number_replaced", "H100", "H300");
    CHECK(!finds_waiting(&story));
    CHECK(rows_of(&story, "link_suspend", NULL) == 1);
    story_free(&story);
}

/* ---- refusals ---- */

static void only_its_own_staff_confirms(void)
{
    struct story story = story_new();
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story));
    /* the clinic entered the number and knows the person; a stranger knows nobody */
    struct reply reply = confirm(&story, &story.scene.clinic, story.since, "H300");
    CHECK(reply.status == 403 && has(&reply, "link_not_own"));
    struct browser pharmacy = enter(hospital_of(&story)->world, "pharmacy");
    reply = confirm(&story, &pharmacy, story.since, "H300");
    CHECK(reply.status == 404);
    /* nor does it hear the new number */
    char line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", story.scene.person);
    reply = go(&story.scene.clinic, line, "");
    CHECK(has(&reply, "number_replaced") && !has(&reply, "H300"));
    /* asking the owner once more is no way around it */
    snprintf(line, sizeof line, "POST /api/v1/links/%s/retries", story.link);
    reply = go(&story.scene.clinic, line, "");
    CHECK(reply.status == 409 && has(&reply, "link_state"));
    CHECK(finds_waiting(&story));
    story_free(&story);
}

static void a_confirmation_of_what_changed_meanwhile_is_refused(void)
{
    struct story story = story_new();
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story));
    char seen[32];
    snprintf(seen, sizeof seen, "%s", story.since);
    let_pass(hospital_of(&story)->world, 1000);
    report(&story, "number_replaced", "H100", "H400");
    struct reply reply = confirm(&story, &story.owner, seen, "H300");
    CHECK(reply.status == 409 && has(&reply, "link_changed"));
    CHECK(finds_waiting(&story) && strcmp(seen, story.since) != 0);
    reply = confirm(&story, &story.owner, story.since, "H400");
    CHECK(reply.status == 201 &&
          has(&reply, "\"number\":\"H400\",\"state\":\"confirmed\""));
    reply = confirm(&story, &story.owner, story.since, "H400");
    CHECK(reply.status == 409 && has(&reply, "link_state"));
    story_free(&story);
}

static void a_number_of_another_person_is_refused(void)
{
    static const char mori[] =
        "{\"name\":\"森 太郎\",\"kana\":\"モリ タロウ\",\"birth_date\":\"1940-01-02\","
        "\"sex\":\"M\",\"consent\":{\"form\":\"comprehensive\",\"channel\":\"paper\","
        "\"giver\":\"self\"},\"numbers\":[{\"facility\":\"" HOSPITAL
        "\",\"number\":\"H200\"}]}";
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    struct id record = hospital->record;
    struct reply reply = go(&story.scene.clinic, "POST /api/v1/persons", mori);
    CHECK(reply.status == 201);
    hospital->record = record;
    report(&story, "number_replaced", "H100", "H200");
    CHECK(finds_waiting(&story));
    reply = confirm(&story, &story.owner, story.since, "H200");
    CHECK(reply.status == 409 && has(&reply, "number_taken"));
    CHECK(finds_waiting(&story)); /* nothing was lost */
    story_free(&story);
}

static void a_number_that_is_somebody_else_leaves_the_link_waiting(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    struct id old = hospital->record;
    report(&story, "number_replaced", "H100", "H200"); /* 森 太郎 there */
    CHECK(finds_waiting(&story));
    struct reply reply = confirm(&story, &story.owner, story.since, "H200");
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"ended\""));
    CHECK(finds_waiting(&story));
    CHECK(link_says(&story, "\"reason\":\"successor_mismatch\""));
    CHECK(atomic_load(&hospital->world->ended_count) == 0);
    reply = open_calendar(&story.scene);
    CHECK(!has(&reply, "血算") && has(&reply, "link_suspended"));
    hospital->record = old;
    reply = confirm(&story, &story.owner, story.since, "H300");
    CHECK(reply.status == 201 && has(&reply, "confirmed"));
    story_free(&story);
}

static void events_of_another_facilitys_record_are_refused(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    char line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", story.scene.person);
    struct reply reply = go(&story.scene.clinic, line, "");
    const char *own = strstr(reply.body, "\"facility\":\"" CLINIC);
    CHECK(own != NULL);
    if (own)
        snprintf(story.link, sizeof story.link, "%.32s", own - 34);
    struct id record = hospital->record;
    hospital->record = hex_id(story.link);
    struct id_text text = id_to_text(hospital->record);
    say(hospital, 0, "\"type\":\"number_ended\",\"number\":\"77\",\"record\":\"%s\"",
        text.at);
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 1);
    CHECK(strcmp(hospital->code, "record_unknown") == 0);
    hospital->record = record;
    CHECK(shows(&story.scene, "血算"));
    story_free(&story);
}

static void while_it_is_suspended_its_owner_alone_changes_nothing(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    report(&story, "number_ended", "H100", NULL);
    struct id_text record = id_to_text(hospital->record);
    int before = count_of(hospital, &hospital->stored_count);
    say(hospital, 0,
        "\"type\":\"link_decided\",\"record\":\"%s\",\"result\":\"confirmed\"",
        record.at);
    CHECK(has_stored(hospital, before + 1));
    CHECK(finds_waiting(&story));
    story_free(&story);
}

/* ---- undone ---- */

static void a_merge_that_is_undone_is_confirmed_too(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    report(&story, "number_replaced", "H100", "H300");
    report(&story, "number_restored", "H100", NULL);
    CHECK(finds_waiting(&story));
    CHECK(link_says(&story, "\"reason\":\"number_restored\",\"successor\":\"H100\""));
    struct reply reply = confirm(&story, &story.owner, story.since, "H100");
    CHECK(reply.status == 201 &&
          has(&reply, "\"number\":\"H100\",\"state\":\"confirmed\""));
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(shows(&story.scene, "\"titles\":[\"血算\"]"));
    CHECK_SOON(atomic_load(&hospital->world->ended_count) == 1);
    CHECK(shows(&story.scene, "\"titles\":[\"血算\"]"));
    story_free(&story);
}

static void a_merge_undone_after_it_was_confirmed_suspends_again(void)
{
    struct story story = story_new();
    report(&story, "number_replaced", "H100", "H300");
    CHECK(finds_waiting(&story));
    CHECK(confirm(&story, &story.owner, story.since, "H300").status == 201);
    report(&story, "number_restored", "H100", NULL); /* told to the link of H300 */
    CHECK(finds_waiting(&story));
    CHECK(link_says(&story, "\"reason\":\"number_restored\",\"successor\":\"H100\""));
    struct reply reply = confirm(&story, &story.owner, story.since, "H100");
    CHECK(reply.status == 201 &&
          has(&reply, "\"number\":\"H100\",\"state\":\"confirmed\""));
    story_free(&story);
}

static void a_number_that_somebody_else_got_is_hidden_until_another_is_confirmed(void)
{
    struct story story = story_new();
    report(&story, "number_given_again", "H100", NULL);
    CHECK(finds_waiting(&story));
    CHECK(link_says(&story, "\"reason\":\"number_given_again\",\"successor\":null"));
    struct reply reply = open_calendar(&story.scene);
    CHECK(!has(&reply, "血算") && has(&reply, "link_suspended"));
    reply = confirm(&story, &story.owner, story.since, "H300");
    CHECK(reply.status == 201 && has(&reply, "confirmed"));
    story_free(&story);
}

static void a_suspended_link_may_be_ended_instead(void)
{
    struct story story = story_new();
    char line[256];
    report(&story, "number_ended", "H100", NULL);
    CHECK(finds_waiting(&story));
    snprintf(line, sizeof line, "DELETE /api/v1/links/%s", story.link);
    CHECK(go(&story.owner, line, "").status == 204);
    CHECK(!finds_waiting(&story));
    CHECK_SOON(atomic_load(&hospital_of(&story)->world->ended_count) == 1);
    story_free(&story);
}

/* Joined while its gateway was away and lost its database: it knows neither the link nor
 * the number any more. */
static void a_number_that_a_new_database_does_not_know_is_suspended(void)
{
    struct story story = story_new();
    struct hospital *hospital = hospital_of(&story);
    struct err err = {0};
    atomic_store(&hospital->world->gone_number, "H100");
    pthread_mutex_lock(&hospital->lock);
    hospital->has_forgotten = true;
    pthread_mutex_unlock(&hospital->lock);
    struct tunnel *tunnel =
        facility_gateway_take(hospital->world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(finds_waiting(&story));
    CHECK(link_says(&story, "\"reason\":\"number_ended\""));
    struct reply reply = open_calendar(&story.scene);
    CHECK(!has(&reply, "血算") && has(&reply, "link_suspended"));
    story_free(&story);
}

/* ---- open calendars ---- */

static void an_open_calendar_empties_by_itself(void)
{
    struct story story = story_new();
    char opening[128];
    struct reply reply = open_calendar(&story.scene);
    member(&reply, "opening", opening);
    CHECK(
        has_now(&story.scene, opening, "calendar?from=2026-09-01&to=2026-10-31", "血算"));
    report(&story, "number_replaced", "H100", "H300");
    CHECK_SOON(!has_now(&story.scene, opening, "calendar?from=2026-09-01&to=2026-10-31",
                        "血算"));
    story_free(&story);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(a_joined_number_goes_on_when_its_own_staff_confirms);
    RUN(the_same_confirmation_twice_is_one);
    RUN(told_again_nothing_changes_and_nothing_is_written);
    RUN(only_its_own_staff_confirms);
    RUN(a_confirmation_of_what_changed_meanwhile_is_refused);
    RUN(a_number_of_another_person_is_refused);
    RUN(a_number_that_is_somebody_else_leaves_the_link_waiting);
    RUN(events_of_another_facilitys_record_are_refused);
    RUN(while_it_is_suspended_its_owner_alone_changes_nothing);
    RUN(a_merge_that_is_undone_is_confirmed_too);
    RUN(a_merge_undone_after_it_was_confirmed_suspends_again);
    RUN(a_number_that_somebody_else_got_is_hidden_until_another_is_confirmed);
    RUN(a_suspended_link_may_be_ended_instead);
    RUN(a_number_that_a_new_database_does_not_know_is_suspended);
    RUN(an_open_calendar_empties_by_itself);
    return test_done();
}
