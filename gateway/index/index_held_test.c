// SPDX-License-Identifier: Apache-2.0
#include "gateway/index/index_testsite.h"

/* Asks over the day's cap. */
static enum uplink_match ask_over_the_cap(struct scene *scene)
{
    struct index_limits none = {3, 0, false};
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

/* The clock was ahead by a year and was set right: what was counted then counts from now
 * on, no longer and no shorter than it should. */
static void tries_of_a_clock_that_was_ahead_stop_nobody_for_long(void)
{
    enum { HOUR = 3600 * 1000 };
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    int64_t right_ms = scene.wall_ms;
    struct uplink_link wrong = a_link();
    struct uplink_link right = a_link();
    wrong.number = TEXT("0000099999");
    scene.wall_ms = right_ms + 366LL * 24 * HOUR;
    for (int i = 0; i < limits.mismatches_per_hour; i++)
        CHECK(ask(&scene, &wrong) == UPLINK_UNKNOWN_NUMBER);
    scene.wall_ms = right_ms;
    CHECK(ask(&scene, &right) == UPLINK_RATE_LIMITED);
    scene.wall_ms = right_ms + HOUR - 1;
    CHECK(ask(&scene, &right) == UPLINK_RATE_LIMITED);
    scene.wall_ms = right_ms + HOUR;
    CHECK(ask(&scene, &right) == UPLINK_CONFIRMED);
    end(&scene);
}

static void links_over_the_days_cap_are_held(void)
{
    struct index_limits none = {3, 0, false};
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
    struct index_limits none = {3, 0, false};
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
    struct index_limits none = {3, 0, false};
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

static enum uplink_match ask_within(struct scene *scene, const struct uplink_link *link,
                                    int links_per_day)
{
    struct index_limits some = {3, links_per_day, false};
    struct err err = {0};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    CHECK(index_match_link(scene->index, link, &some, &result, &err));
    return result;
}

/* Another patient with the same name and birth date, so that every number matches. */
static void put_namesake(struct scene *scene, const char *number)
{
    struct err err = {0};
    char path[64];
    struct entry_list list = {.format = "ssmix2",
                              .patient = {.name = TEXT("飯田 花子"),
                                          .kana = TEXT("イイダ ハナコ"),
                                          .birth_day = day_from_date(1950, 1, 2),
                                          .sex = 'F'}};
    CHECK(entry_add(&list, ENTRY_PATIENT, &scene->arena, &err));
    struct index_change change = {
        .file = a_file(ADT_BASE, VERSION), .list = &list, .day = DAY_NONE};
    snprintf(path, sizeof path, "main/%s/x", number);
    change.file.number = text_cstr(number);
    change.file.path = text_cstr(path);
    CHECK(index_put_file(scene->index, &change, &err));
}

/* A centre that ends a link and uses its record for another number gains nothing. */
static void one_record_does_not_evade_the_days_cap(void)
{
    static const char *const numbers[] = {"0000011111", "0000022222", "0000033333"};
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    for (size_t i = 0; i < 3; i++)
        put_namesake(&scene, numbers[i]);
    for (size_t i = 0; i < 3; i++) {
        struct uplink_link link = a_link();
        link.number = text_cstr(numbers[i]);
        CHECK(ask_within(&scene, &link, 2) == (i < 2 ? UPLINK_CONFIRMED : UPLINK_HELD));
        CHECK(index_end_link(scene.index, record, &err));
    }
    end(&scene);
}

static void a_held_link_is_confirmed_by_the_hospital_alone(void)
{
    struct scene scene;
    struct uplink_link link = a_link();
    begin(&scene);
    put_patient(&scene);
    CHECK(ask_over_the_cap(&scene) == UPLINK_HELD);
    scene.wall_ms += 25LL * 3600 * 1000;
    CHECK(ask_within(&scene, &link, 100) == UPLINK_HELD);
    CHECK(count_held(&scene) == 1);
    end(&scene);
}

static void what_the_hospital_refused_is_held_when_asked_again(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    put_patient(&scene);
    CHECK(ask_over_the_cap(&scene) == UPLINK_HELD);
    CHECK(index_decide_held(scene.index, record, false, &err));
    struct uplink_link link = a_link();
    link.record = (struct id){{8}};
    CHECK(ask_within(&scene, &link, 100) == UPLINK_HELD);
    link.record = record;
    CHECK(ask_within(&scene, &link, 100) == UPLINK_HELD);
    CHECK(index_decide_held(scene.index, record, true, &err));
    CHECK(ask_within(&scene, &link, 100) == UPLINK_CONFIRMED);
    end(&scene);
}

static void failures_are_counted_across_a_restart(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link wrong = a_link();
    wrong.birth_day++;
    for (int i = 0; i < limits.mismatches_per_hour; i++) {
        CHECK(ask(&scene, &wrong) == UPLINK_MISMATCH);
        reopen(&scene, usual_policy);
    }
    struct uplink_link right = a_link();
    CHECK(ask(&scene, &right) == UPLINK_RATE_LIMITED);
    end(&scene);
}

static void the_days_new_links_are_listed(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_link *links = NULL;
    size_t count = 0;
    begin(&scene);
    int64_t started_ms = scene.wall_ms;
    link_patient(&scene);
    scene.wall_ms += 24LL * 3600 * 1000;
    put_namesake(&scene, "0000011111");
    struct uplink_link link = a_link();
    link.record = (struct id){{8}};
    link.number = TEXT("0000011111");
    CHECK(ask_within(&scene, &link, 0) == UPLINK_HELD);
    CHECK(
        index_list_links(scene.index, started_ms, 9, &scene.arena, &links, &count, &err));
    CHECK(count == 2 && links[0].state == INDEX_ACTIVE);
    CHECK(count == 2 && links[1].state == INDEX_LINK_HELD);
    CHECK(index_list_links(scene.index, scene.wall_ms, 9, &scene.arena, &links, &count,
                           &err));
    CHECK(count == 1 && text_is(links[0].number, "0000011111"));
    end(&scene);
}

static void a_recalled_link_is_compared_but_not_held(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    put_patient(&scene);
    struct index_link former = {.record = record, .number = TEXT("12345")};
    CHECK(index_recall_link(scene.index, &former, &err));
    struct uplink_link wrong = a_link();
    wrong.birth_day++;
    CHECK(ask_within(&scene, &wrong, 0) == UPLINK_MISMATCH);
    struct uplink_link other = a_link();
    other.record = (struct id){{8}};
    CHECK(ask_within(&scene, &other, 0) == UPLINK_HELD);
    struct uplink_link right = a_link();
    CHECK(ask_within(&scene, &right, 0) == UPLINK_CONFIRMED);
    end(&scene);
}

static void with_a_storage_away_an_unknown_number_is_no_answer(void)
{
    struct index_limits partial = {3, 100, true};
    struct scene scene;
    struct err err = {0};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    link.number = TEXT("0000099999");
    for (int i = 0; i < 5; i++) {
        err_clear(&err);
        CHECK(!index_match_link(scene.index, &link, &partial, &result, &err));
        CHECK(err.kind == ERR_BUSY && strcmp(err.code, "storage_away") == 0);
    }
    err_clear(&err);
    link = a_link();
    CHECK(index_match_link(scene.index, &link, &partial, &result, &err));
    CHECK(result == UPLINK_CONFIRMED); /* and no attempt was counted */
    end(&scene);
}

int main(void)
{
    RUN(one_record_does_not_evade_the_days_cap);
    RUN(a_held_link_is_confirmed_by_the_hospital_alone);
    RUN(what_the_hospital_refused_is_held_when_asked_again);
    RUN(failures_are_counted_across_a_restart);
    RUN(the_days_new_links_are_listed);
    RUN(a_recalled_link_is_compared_but_not_held);
    RUN(with_a_storage_away_an_unknown_number_is_no_answer);
    RUN(too_many_failures_stop_further_tries_for_an_hour);
    RUN(tries_of_a_clock_that_was_ahead_stop_nobody_for_long);
    RUN(links_over_the_days_cap_are_held);
    RUN(a_link_asked_again_stays_and_sends_nothing_twice);
    RUN(the_hospital_confirms_a_held_link);
    RUN(the_hospital_refuses_a_held_link);
    RUN(a_link_that_becomes_held_does_not_block_the_lane);
    return test_done();
}
