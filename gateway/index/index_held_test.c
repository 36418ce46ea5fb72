// SPDX-License-Identifier: Apache-2.0
#include "gateway/index/index_testsite.h"

/* Asks over the day's cap. */
static enum uplink_match ask_over_the_cap(struct scene *scene)
{
    struct index_limits none = {3, 0};
    struct err err = {0};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    struct uplink_link link = a_link();
    CHECK(index_match_link(scene->index, &link, &none, &result, &err));
    return result;
}

static size_t count_held(struct scene *scene)
{
    struct err err = {0};
    struct index_link *links = NULL;
    size_t count = 0;
    CHECK(index_list_held(scene->index, 9, &scene->arena, &links, &count, &err));
    CHECK(count == 0 || id_equal(links[0].record, record));
    return count;
}

static void too_many_failures_stop_further_tries_for_an_hour(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link wrong = a_link();
    struct uplink_link right = a_link();
    wrong.number = TEXT("0000099999");
    for (int i = 0; i < limits.mismatches_per_hour; i++)
        CHECK(ask(&scene, &wrong) == UPLINK_UNKNOWN_NUMBER);
    CHECK(ask(&scene, &right) == UPLINK_RATE_LIMITED);
    scene.wall_ms += 3600 * 1000 + 1;
    CHECK(ask(&scene, &right) == UPLINK_CONFIRMED);
    end(&scene);
}

static void links_over_the_days_cap_are_held(void)
{
    struct index_limits none = {3, 0};
    struct scene scene;
    struct err err = {0};
    enum uplink_match result = UPLINK_CONFIRMED;
    struct uplink_sum sum;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    CHECK(index_match_link(scene.index, &link, &none, &result, &err));
    CHECK(result == UPLINK_HELD && take(&scene, 1).count == 0);
    CHECK(!index_sum(scene.index, record, &scene.arena, &sum, &err));
    CHECK(err.kind == ERR_MISSING);
    end(&scene);
}

static void a_link_asked_again_stays_and_sends_nothing_twice(void)
{
    struct index_limits none = {3, 0};
    struct scene scene;
    struct err err = {0};
    enum uplink_match result = UPLINK_HELD;
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    struct uplink_link link = a_link();
    CHECK(index_match_link(scene.index, &link, &none, &result, &err));
    CHECK(result == UPLINK_CONFIRMED && take(&scene, 1).count == 0);
    CHECK(sum_of(&scene).count == 0);
    end(&scene);
}

static void the_hospital_confirms_a_held_link(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    put_patient(&scene);
    put(&scene, &said);
    CHECK(ask_over_the_cap(&scene) == UPLINK_HELD && count_held(&scene) == 1);
    CHECK(index_decide_held(scene.index, record, true, &err));
    struct batch live = take(&scene, 0);
    CHECK(live.count == 1 && live.events[0].type == UPLINK_LINK_DECIDED);
    CHECK(live.count == 1 && live.events[0].match == UPLINK_CONFIRMED);
    CHECK(take(&scene, 1).count == 2 && sum_of(&scene).count == 1);
    CHECK(count_held(&scene) == 0);
    CHECK(!index_decide_held(scene.index, record, false, &err));
    CHECK(err.kind == ERR_MISSING);
    end(&scene);
}

static void the_hospital_refuses_a_held_link(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    put_patient(&scene);
    CHECK(ask_over_the_cap(&scene) == UPLINK_HELD);
    CHECK(index_decide_held(scene.index, record, false, &err));
    struct batch live = take(&scene, 0);
    CHECK(live.count == 1 && live.events[0].match == UPLINK_MISMATCH);
    drain(&scene);
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 0 && take(&scene, 1).count == 0);
    end(&scene);
}

/* Renumbered while its sum still waits in the backfill lane. */
static void a_link_that_becomes_held_does_not_block_the_lane(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_limits none = {3, 0};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    struct entry_list list = {.format = "ssmix2",
                              .patient = {.name = TEXT("飯田 花子"),
                                          .kana = TEXT("イイダ ハナコ"),
                                          .birth_day = day_from_date(1950, 1, 2),
                                          .sex = 'F'}};
    begin(&scene);
    link_patient(&scene);
    CHECK(entry_add(&list, ENTRY_PATIENT, &scene.arena, &err));
    struct index_change change = {
        .file = a_file(ADT_BASE, VERSION), .list = &list, .day = DAY_NONE};
    change.file.number = TEXT("0000077777");
    change.file.path = TEXT("main/000/007/0000077777/x");
    CHECK(index_put_file(scene.index, &change, &err));
    struct uplink_link link = a_link();
    link.number = TEXT("0000077777");
    CHECK(index_match_link(scene.index, &link, &none, &result, &err));
    CHECK(result == UPLINK_HELD);
    struct batch backfill = take(&scene, 1);
    CHECK(backfill.count == 1 && backfill.events[0].type == UPLINK_LINK_DECIDED);
    CHECK(backfill.count == 1 && backfill.events[0].match == UPLINK_HELD);
    end(&scene);
}

int main(void)
{
    RUN(too_many_failures_stop_further_tries_for_an_hour);
    RUN(links_over_the_days_cap_are_held);
    RUN(a_link_asked_again_stays_and_sends_nothing_twice);
    RUN(the_hospital_confirms_a_held_link);
    RUN(the_hospital_refuses_a_held_link);
    RUN(a_link_that_becomes_held_does_not_block_the_lane);
    return test_done();
}
