// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_scene.h"

/* Being in step is proven: digests, snapshots, gateways that come back. */

static void equal_digests_prove_a_record_in_step(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    CHECK(shows(&scene, "\"state\":\"loading\""));
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(shows(&scene, "\"every_s\":60"));
    CHECK(count_of(hospital, &hospital->snapshot_count) == 0);
    hospital_free(hospital);
}

static void say_standing(struct hospital *hospital, const char *reading, int polled_s)
{
    pthread_mutex_lock(&hospital->lock);
    snprintf(hospital->standing, sizeof hospital->standing,
             ",\"standing\":{\"reading\":\"%s\",\"since\":%s,\"polled_s\":%d}", reading,
             strcmp(reading, "away") == 0 ? "1790812800000" : "0", polled_s);
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, 0);
}

#define BEHIND                                                                           \
    "{\"facility\":\"01000000000000000000000000000000\",\"state\":\"behind\",\"since\":"

/* A gateway that is there but cannot read its storage lets nothing look complete. */
static void a_storage_that_is_away_is_behind(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_put(hospital, 1, "1/OML-11/A", VERSION_1, "血算");
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    say_standing(hospital, "away", 0);
    CHECK_SOON(shows(&scene, BEHIND "1790812800000,\"reason\":\"storage_away\""));
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
    say_standing(hospital, "failed", 0);
    CHECK_SOON(shows(&scene, BEHIND "null,\"reason\":\"storage_failed\""));
    say_standing(hospital, "not_yet", 0);
    CHECK_SOON(shows(&scene, BEHIND "null,\"reason\":\"storage_not_read\""));
    say_standing(hospital, "read", 30);
    CHECK_SOON(shows(&scene, IN_STEP));
    CHECK(shows(&scene, "\"every_s\":30"));
    hospital_free(hospital);
}

/* It answers, but with failures: its own database may be full. */
static void a_gateway_whose_polls_fail_is_behind(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    say_in_step(hospital);
    CHECK_SOON(shows(&scene, IN_STEP));
    pthread_mutex_lock(&hospital->lock);
    hospital->fails_polls = 1000;
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, 0);
    CHECK_SOON(shows(&scene, "\"reason\":\"storage_failed\""));
    pthread_mutex_lock(&hospital->lock);
    hospital->fails_polls = 0;
    pthread_mutex_unlock(&hospital->lock);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK_SOON(shows(&scene, IN_STEP));
    hospital_free(hospital);
}

static bool has_both_polls(struct hospital *hospital)
{
    pthread_mutex_lock(&hospital->lock);
    bool has_both = hospital->waiting[0] && hospital->waiting[1];
    pthread_mutex_unlock(&hospital->lock);
    return has_both;
}

/* What came of an event was lost on its way: it is told again, and is one entry. */
static void what_was_not_answered_is_told_again(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    CHECK_SOON(has_both_polls(hospital));
    pthread_mutex_lock(&hospital->lock);
    hospital->fails_polls = 1;
    pthread_mutex_unlock(&hospital->lock);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    CHECK(count_of(hospital, &hospital->fails_polls) == 0);
    CHECK(count_of(hospital, &hospital->rejected_count) == 0);
    CHECK(shows(&scene, "\"titles\":[\"血算\"]"));
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
    CHECK(has_stored(hospital, 1));
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
    CHECK(has_stored(hospital, 2));
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

/* The centre is still busy with the record when the gateway says that it is through. */
static void an_end_that_comes_before_the_answer_is_heard(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    has_key(hospital, "1/OML-11/A", VERSION_1);
    hospital->ends_at_once = true;
    say_in_step(hospital);
    CHECK_SOON(count_of(hospital, &hospital->backfill_count) == 1);
    CHECK_SOON(count_of(hospital, &hospital->snapshot_count) == 2);
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
    CHECK(has_stored(hospital, 2));
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
    /* and its events come on the new line; it has what it tells, so comparing once more
     * takes nothing back */
    has_key(hospital, "3/OML-11/C", VERSION_1);
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

/* So many links were asked for; each look puts the clock forward by half a minute: all
 * looks of CHECK_SOON together by less than a day. */
static bool has_linked_later(struct hospital *hospital, int links)
{
    atomic_fetch_add(&hospital->world->skip_ms, 30000);
    return count_of(hospital, &hospital->link_count) == links;
}

static void a_gateway_that_cannot_link_now_is_asked_again_before_tomorrow(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct err err = {0};
    int links = count_of(hospital, &hospital->link_count);
    pthread_mutex_lock(&hospital->lock);
    hospital->has_forgotten = true;
    hospital->refuses_links = 1;
    pthread_mutex_unlock(&hospital->lock);
    struct tunnel *tunnel =
        facility_gateway_take(hospital->world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(count_of(hospital, &hospital->link_count) == links + 1);
    CHECK_SOON(has_linked_later(hospital, links + 2));
    hospital_free(hospital);
}

static const char another_registration[] =
    "{\"name\":\"森 太郎\",\"kana\":\"モリ タロウ\",\"birth_date\":\"1948-01-02\","
    "\"sex\":\"M\",\"consent\":{\"form\":\"comprehensive\",\"channel\":\"paper\","
    "\"giver\":\"self\"},\"numbers\":[{\"facility\":\"" HOSPITAL
    "\",\"number\":\"H200\"},{\"facility\":\"" CLINIC "\",\"number\":\"78\"}]}";

static void a_record_that_cannot_be_linked_now_disturbs_no_other(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct err err = {0};
    CHECK(go(&scene.clinic, "POST /api/v1/persons", another_registration).status == 201);
    int links = count_of(hospital, &hospital->link_count);
    pthread_mutex_lock(&hospital->lock);
    hospital->has_forgotten = true;
    hospital->refuses_links = 1;
    pthread_mutex_unlock(&hospital->lock);
    struct tunnel *tunnel =
        facility_gateway_take(hospital->world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(count_of(hospital, &hospital->link_count) == links + 2);
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

/* It has an entry more than the centre, and says so of a record that nobody asked for. */
static void a_sum_of_another_record_proves_nothing(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    has_key(hospital, "1/OML-11/A", VERSION_1);
    pthread_mutex_lock(&hospital->lock);
    hospital->another = (struct id){{0x77}};
    pthread_mutex_unlock(&hospital->lock);
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "POST", opening, "checks");
    CHECK(reply.status == 200 && !has(&reply, IN_STEP));
    CHECK(count_of(hospital, &hospital->digest_count) >= 1);
    hospital_free(hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(equal_digests_prove_a_record_in_step);
    RUN(a_storage_that_is_away_is_behind);
    RUN(a_gateway_whose_polls_fail_is_behind);
    RUN(what_was_not_answered_is_told_again);
    RUN(what_a_snapshot_does_not_name_is_withdrawn);
    RUN(what_a_snapshot_names_in_an_older_version_is_asked_for);
    RUN(what_comes_while_a_snapshot_is_on_its_way_stays);
    RUN(what_is_missing_is_asked_for_once);
    RUN(an_end_that_comes_before_the_answer_is_heard);
    RUN(a_gateway_that_comes_back_is_compared);
    RUN(a_gateway_with_a_new_database_is_linked_again);
    RUN(a_gateway_that_cannot_link_now_is_asked_again_before_tomorrow);
    RUN(a_record_that_cannot_be_linked_now_disturbs_no_other);
    RUN(a_check_now_reads_the_source_and_says_what_came_of_it);
    RUN(a_sum_of_another_record_proves_nothing);
    return test_done();
}
