// SPDX-License-Identifier: Apache-2.0
/* The centre's wall clock is set, by an hour or a day, forward and back, while people
 * work: whoever is asked to log in again can, nobody stays in for longer, openings go on
 * by the monotonic clock, contents come again when the gateway's clock, which is right,
 * and the centre's agree, and the audit's order is that of its numbers. */
#include "test/story/story_scene.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static const int64_t steps_ms[] = {2 * HOUR_MS,
                                   -2 * HOUR_MS,
                                   HOUR_MS - MINUTE_MS,
                                   MINUTE_MS - HOUR_MS,
                                   DAY_MS,
                                   -DAY_MS,
                                   0};
enum { STEPS = sizeof steps_ms / sizeof *steps_ms };

static void set_clock(struct scene *scene, int64_t by_ms)
{
    atomic_store(&scene->hospital->world->wrong_ms, by_ms);
    network_epoch_refresh(scene->hospital->world->epoch);
}

/* At once, or after another login. */
static bool can_open_calendar(struct scene *scene)
{
    struct reply reply = open_calendar(scene);
    if (reply.status == 201)
        return true;
    CHECK(reply.status == 401);
    scene->clinic = enter(scene->hospital->world, "clinic");
    return open_calendar(scene).status == 201;
}

static void whole_audit(struct scene *scene)
{
    struct err err = {0};
    char directory[128];
    uint64_t count = 0;
    struct audit_fault fault = {.number = 0};
    in_world(scene->hospital->world, "audit", directory);
    CHECK(audit_verify(directory, &count, &fault, &err) && count > 0);
}

static void a_clock_that_is_set_closes_nothing_for_good(void)
{
    struct scene scene = scene_new();
    char entry[128];
    scene.hospital->content_body = CONTENT;
    has_key(scene.hospital, "1/LAB/1", VERSION_1);
    say_put(scene.hospital, 0, "1/LAB/1", VERSION_1, "検体検査");
    CHECK_SOON(shows(&scene, "\"entry\":[\""));
    for (int i = 0; i < STEPS; i++) {
        set_clock(&scene, steps_ms[i]);
        CHECK(can_open_calendar(&scene));
        find_entry(&scene, entry);
        struct reply opened = open_entry(&scene, entry);
        char opening[128];
        CHECK(opened.status == 201);
        member(&opened, "opening", opening);
        struct reply content = ask_opening(&scene, "GET", opening, "content");
        bool is_apart = llabs(steps_ms[i]) > HOUR_MS;
        CHECK(content.status == (is_apart ? 503 : 200));
        CHECK(has(&content, "\"clock_apart\"") == is_apart);
    }
    whole_audit(&scene);
    hospital_free(scene.hospital);
}

/* Set back, a session would last for a day more if the wall clock counted alone. */
static void a_clock_that_is_set_back_prolongs_no_session_and_no_opening(void)
{
    struct scene scene = scene_new();
    char opening[128];
    struct reply reply = open_calendar(&scene);
    member(&reply, "opening", opening);
    set_clock(&scene, -DAY_MS);
    let_pass(scene.hospital->world, 11 * MINUTE_MS);
    int status = ask_opening(&scene, "GET", opening, "calendar").status;
    CHECK(status == 404 || status == 401);
    let_pass(scene.hospital->world, 16 * MINUTE_MS);
    CHECK(open_calendar(&scene).status == 401);
    whole_audit(&scene);
    hospital_free(scene.hospital);
}

static void work_for_two_hours(struct scene *scene)
{
    for (int i = 0; i < 12; i++) {
        let_pass(scene->hospital->world, 10 * MINUTE_MS);
        CHECK(open_calendar(scene).status == 201);
    }
}

/* What is open says why nothing comes, and goes on when the clock is right again. */
static void an_opening_waits_for_the_centres_clock_to_be_right(void)
{
    struct scene scene = scene_new();
    char opening[128];
    scene.hospital->content_body = CONTENT;
    work_for_two_hours(&scene);
    open_only_entry(&scene, opening);
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 200);
    set_clock(&scene, MINUTE_MS - 2 * HOUR_MS);
    struct reply refused = ask_opening(&scene, "GET", opening, "content");
    CHECK(refused.status == 503 && has(&refused, "\"clock_apart\""));
    CHECK(!has(&refused, "CRP"));
    set_clock(&scene, 0);
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 200);
    whole_audit(&scene);
    hospital_free(scene.hospital);
}

/* Worked in until a moment ago, set back by hours: fifteen minutes, as ever. */
static void a_clock_that_is_set_back_leaves_nobody_idling_logged_in(void)
{
    struct scene scene = scene_new();
    work_for_two_hours(&scene);
    set_clock(&scene, -HOUR_MS);
    CHECK(open_calendar(&scene).status == 201); /* her session is two hours old */
    let_pass(scene.hospital->world, 15 * MINUTE_MS);
    CHECK(open_calendar(&scene).status == 401);
    set_clock(&scene, 0);
    CHECK(open_calendar(&scene).status == 401);
    whole_audit(&scene);
    hospital_free(scene.hospital);
}

int main(void)
{
    CHECK(secret_start(&(struct err){0}));
    RUN(a_clock_that_is_set_closes_nothing_for_good);
    RUN(a_clock_that_is_set_back_prolongs_no_session_and_no_opening);
    RUN(an_opening_waits_for_the_centres_clock_to_be_right);
    RUN(a_clock_that_is_set_back_leaves_nobody_idling_logged_in);
    return test_done();
}
