// SPDX-License-Identifier: Apache-2.0
#include "gateway/index/index_order.h"
#include "gateway/index/index_testsite.h"

/* ---- events ---- */

static void an_entry_of_nobody_linked_makes_no_event(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    put_patient(&scene);
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 0 && take(&scene, 1).count == 0);
    CHECK(scene.woken[0] == 0);
    end(&scene);
}

static void an_entry_of_a_linked_patient_is_a_live_event(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && scene.woken[0] == 1);
    if (batch.count == 1) {
        const struct uplink_event *event = &batch.events[0];
        CHECK(event->type == UPLINK_ENTRY_PUT && id_equal(event->record, record));
        CHECK(text_is(event->key, BASE) && text_is(event->put.version, VERSION));
        CHECK(event->put.kind == ENTRY_LABORATORY && event->put.day == first_of_may());
        CHECK(text_is(event->put.title, "検体検査") && event->put.visible_from_ms == 0);
    }
    end(&scene);
}

static void an_event_comes_again_until_it_is_answered(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 1);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1);
    answer(&scene, &batch, "");
    CHECK(take(&scene, 0).count == 0);
    end(&scene);
}

static void a_rejected_event_does_not_block_the_next(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    answer(&scene, &batch, "kind_unknown");
    said.base = "20240502/OML-11/000000000000002";
    put(&scene, &said);
    batch = take(&scene, 0);
    CHECK(batch.count == 1 && text_is(batch.events[0].key, said.base));
    end(&scene);
}

static void events_outlive_a_restart(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    int64_t sequence = take(&scene, 0).events[0].sequence;
    reopen(&scene, usual_policy);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].sequence == sequence);
    end(&scene);
}

static void what_is_sent_is_the_entry_as_it_is_now(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    said.version = "202405020000000001";
    said.title = "訂正";
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 2);
    for (size_t i = 0; i < batch.count; i++)
        CHECK(text_is(batch.events[i].put.title, "訂正"));
    end(&scene);
}

static void a_record_that_is_gone_is_withdrawn(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    drain(&scene);
    CHECK(index_remove_base(scene.index, TEXT(NUMBER), TEXT(BASE), &err));
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_ENTRY_WITHDRAWN);
    CHECK(batch.count == 1 && text_is(batch.events[0].key, BASE));
    end(&scene);
}

static void parts_that_a_new_version_lacks_are_withdrawn(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    said.parts[0] = "1";
    said.parts[1] = "2";
    put(&scene, &said);
    drain(&scene);
    said.parts[1] = NULL;
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 2);
    if (batch.count == 2) {
        CHECK(batch.events[0].type == UPLINK_ENTRY_PUT);
        CHECK(text_is(batch.events[0].key, BASE "/1"));
        CHECK(batch.events[1].type == UPLINK_ENTRY_WITHDRAWN);
        CHECK(text_is(batch.events[1].key, BASE "/2"));
    }
    end(&scene);
}

static void an_adt_that_is_gone_ends_the_number(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    CHECK(index_remove_base(scene.index, TEXT(NUMBER), TEXT(ADT_BASE), &err));
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_NUMBER_ENDED);
    CHECK(batch.count == 1 && text_is(batch.events[0].number, NUMBER));
    end(&scene);
}

static void a_refused_file_stands_as_incomplete(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_trouble *troubles = NULL;
    size_t count = 0;
    begin(&scene);
    link_patient(&scene);
    drain(&scene);
    struct index_change change = {.file = a_file(BASE, VERSION),
                                  .incomplete_kind = ENTRY_LABORATORY,
                                  .day = first_of_may()};
    change.file.state = INDEX_REFUSED;
    change.file.code = TEXT("hl7_segment_cut");
    change.file.offset_bytes = 77;
    CHECK(index_put_file(scene.index, &change, &err));
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].put.state == ENTRY_INCOMPLETE);
    CHECK(index_list_trouble(scene.index, 9, &scene.arena, &troubles, &count, &err));
    CHECK(count == 1 && text_is(troubles[0].code, "hl7_segment_cut") &&
          troubles[0].offset_bytes == 77);
    end(&scene);
}

static void a_held_file_shows_nothing_and_takes_back_what_was_shown(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    drain(&scene);
    struct index_change change = {.file = a_file(BASE, VERSION),
                                  .incomplete_kind = ENTRY_LABORATORY,
                                  .day = first_of_may()};
    change.file.state = INDEX_HELD;
    change.file.code = TEXT("patient_mismatch");
    CHECK(index_put_file(scene.index, &change, &err));
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_ENTRY_WITHDRAWN);
    CHECK(sum_of(&scene).count == 0);
    end(&scene);
}

/* ---- policy ---- */

static void what_is_not_published_makes_no_event_at_all(void)
{
    struct scene scene;
    struct err err = {0};
    struct said excluded = a_result();
    struct said kind = a_result();
    begin(&scene);
    excluded.department = "40";
    kind.base = "20240502/OMN-01/000000000000002";
    kind.kind = ENTRY_MEAL;
    put(&scene, &excluded);
    link_patient(&scene);
    struct batch batch = take(&scene, 1);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_IN_STEP);
    CHECK(batch.count == 1 && batch.events[0].sum.count == 0);
    drain(&scene);
    put(&scene, &excluded); /* changed */
    put(&scene, &kind);
    CHECK(index_remove_base(scene.index, TEXT(NUMBER), TEXT(BASE), &err));
    CHECK(take(&scene, 0).count == 0);
    end(&scene);
}

static void an_entry_that_becomes_excluded_is_withdrawn(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    drain(&scene);
    said.department = "40";
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_ENTRY_WITHDRAWN);
    end(&scene);
}

static void what_the_source_marks_sensitive_stays_until_a_rule_includes_it(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    struct said said = a_result();
    begin(&scene);
    said.flags = ENTRY_SENSITIVE;
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 0 && sum_of(&scene).count == 0);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.is_sensitive && place.has_unpublished);
    CHECK(place.sensitive_in_file == 1U << ENTRY_LABORATORY);
    reopen(&scene, "{\"version\":2,\"rules\":[{\"kinds\":[\"laboratory\"],"
                   "\"sensitive\":true}]}");
    CHECK(sum_of(&scene).count == 1 && take(&scene, 1).count == 2);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(!place.has_unpublished);
    drain(&scene);
    /* a source that marks it later takes it back */
    reopen(&scene, usual_policy);
    drain(&scene);
    said.flags = 0;
    put(&scene, &said);
    drain(&scene);
    said.flags = ENTRY_SENSITIVE;
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 && batch.events[0].type == UPLINK_ENTRY_WITHDRAWN);
    end(&scene);
}

static void a_delay_moves_the_time_of_being_visible(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    reopen(&scene, "{\"version\":2,\"rules\":[{\"kinds\":[\"laboratory\"],"
                   "\"delay_hours\":72}]}");
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    struct batch batch = take(&scene, 0);
    CHECK(batch.count == 1 &&
          batch.events[0].put.visible_from_ms == scene.wall_ms + 72LL * 3600 * 1000);
    end(&scene);
}

/* A database that was lost, or a first one: no delay begins anew for what has long been
 * there. */
static void what_a_new_index_finds_came_when_its_file_was_changed(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    struct said said = a_result();
    begin(&scene);
    said.changed_ns = (scene.wall_ms - 5000) * 1000000;
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == scene.wall_ms - 5000);
    said.version = "202405011234567901";
    said.changed_ns = (scene.wall_ms + 5000) * 1000000; /* a clock that was ahead */
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == scene.wall_ms);
    CHECK(index_note_filled(scene.index, &err));
    said.version = "202405011234567911";
    said.changed_ns = (scene.wall_ms - 5000) * 1000000;
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == scene.wall_ms);
    end(&scene);
}

/* Judged again, or written in place, an entry does not wait a second time. */
static void the_same_version_keeps_the_time_it_came(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    struct said said = a_result();
    begin(&scene);
    int64_t came_ms = scene.wall_ms;
    put(&scene, &said);
    scene.wall_ms += 1000;
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == came_ms);
    said.version = "202405011234567901";
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == came_ms + 1000);
    end(&scene);
}

static void what_came_while_the_clock_was_ahead_and_is_read_again_came_now(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    struct said said = a_result();
    begin(&scene);
    int64_t right_ms = scene.wall_ms;
    scene.wall_ms += 24LL * 3600 * 1000;
    put(&scene, &said);
    scene.wall_ms = right_ms;
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.received_at_ms == right_ms);
    end(&scene);
}

static void days_before_the_start_are_not_published(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    reopen(&scene, "{\"version\":2,\"from\":\"2024-05-02\",\"rules\":[{\"kinds\":"
                   "[\"*\"]}]}");
    link_patient(&scene);
    drain(&scene);
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 0);
    said.base = "20240502/OML-11/000000000000002";
    said.day++;
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 1);
    end(&scene);
}

static void a_narrower_policy_withdraws_and_a_wider_one_publishes(void)
{
    static const char *const narrow =
        "{\"version\":2,\"rules\":[{\"kinds\":[\"prescription\"]}]}";
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    drain(&scene);
    int64_t revision = sum_of(&scene).revision;
    reopen(&scene, narrow);
    struct batch live = take(&scene, 0);
    CHECK(live.count == 2 && scene.woken[0] > 0);
    if (live.count == 2) {
        CHECK(live.events[0].type == UPLINK_ENTRY_WITHDRAWN);
        CHECK(live.events[1].type == UPLINK_POLICY_CHANGED);
        CHECK(text_is(live.events[1].policy, narrow));
    }
    CHECK(sum_of(&scene).count == 0 && sum_of(&scene).revision > revision);
    drain(&scene);
    reopen(&scene, usual_policy);
    struct batch backfill = take(&scene, 1);
    CHECK(backfill.count == 2 && backfill.events[0].type == UPLINK_ENTRY_PUT);
    CHECK(sum_of(&scene).count == 1);
    drain(&scene);
    reopen(&scene, usual_policy);
    CHECK(take(&scene, 0).count == 0 && take(&scene, 1).count == 0);
    end(&scene);
}

static void another_policy_is_followed_without_opening_again(void)
{
    static const char *const narrow =
        "{\"version\":2,\"rules\":[{\"kinds\":[\"prescription\"],\"delay_hours\":48}]}";
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    drain(&scene);
    /* what is none changes nothing */
    CHECK(!index_change_policy(scene.index, SPAN("{\"version\":2}"), &err));
    CHECK(take(&scene, 0).count == 0 && sum_of(&scene).count == 1);
    err_clear(&err);
    CHECK(index_change_policy(scene.index, span_cstr(narrow), &err));
    struct batch live = take(&scene, 0);
    CHECK(live.count == 2 && scene.woken[0] > 0);
    if (live.count == 2) {
        CHECK(live.events[0].type == UPLINK_ENTRY_WITHDRAWN);
        CHECK(text_is(live.events[1].policy, narrow));
    }
    struct uplink_policy rules;
    CHECK(index_read_policy(scene.index, &scene.arena, &rules, &err));
    CHECK(rules.version == 2 && rules.rules[0].delay_hours == 48);
    CHECK(sum_of(&scene).count == 0);
    drain(&scene);
    /* the same again is nothing new, neither now nor at the next start */
    CHECK(index_change_policy(scene.index, span_cstr(narrow), &err));
    reopen(&scene, narrow);
    CHECK(take(&scene, 0).count == 0 && take(&scene, 1).count == 0);
    end(&scene);
}

static void a_policy_change_reaches_many_entries(void)
{
    struct scene scene;
    begin(&scene);
    link_patient(&scene);
    for (int i = 0; i < 1201; i++) {
        char base[64];
        struct said said = a_result();
        snprintf(base, sizeof base, "20240501/OML-11/%015d", i);
        said.base = base;
        put(&scene, &said);
    }
    CHECK(sum_of(&scene).count == 1201);
    reopen(&scene, "{\"version\":2,\"rules\":[]}");
    CHECK(sum_of(&scene).count == 0);
    reopen(&scene, usual_policy);
    CHECK(sum_of(&scene).count == 1201);
    end(&scene);
}

/* ---- links ---- */

static void a_link_is_compared_with_the_patients_own_adt(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    link.kana = TEXT("ｲｲﾀﾞ　ﾊﾅｺ"); /* folded */
    link.sex = 'U';
    CHECK(ask(&scene, &link) == UPLINK_CONFIRMED);
    end(&scene);
}

static void each_difference_alone_is_a_mismatch(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    link.kana = TEXT("イイダ ハナエ");
    CHECK(ask(&scene, &link) == UPLINK_MISMATCH);
    link = a_link();
    link.birth_day++;
    CHECK(ask(&scene, &link) == UPLINK_MISMATCH);
    link = a_link();
    link.sex = 'M';
    CHECK(ask(&scene, &link) == UPLINK_MISMATCH);
    CHECK(take(&scene, 1).count == 0);
    end(&scene);
}

static void empty_kana_never_matches(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    link.kana = TEXT("");
    CHECK(ask(&scene, &link) == UPLINK_MISMATCH);
    end(&scene);
}

static void a_number_without_leading_zeros_is_the_same_number(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_link found;
    bool is_known = false;
    begin(&scene);
    put_patient(&scene);
    struct uplink_link link = a_link();
    link.number = TEXT("12345");
    CHECK(ask(&scene, &link) == UPLINK_CONFIRMED);
    CHECK(index_find_link(scene.index, record, &scene.arena, &found, &is_known, &err));
    CHECK(is_known && text_is(found.number, NUMBER));
    link.number = TEXT("1234");
    CHECK(ask(&scene, &link) == UPLINK_UNKNOWN_NUMBER);
    end(&scene);
}

static void a_confirmed_link_sends_history_newest_first_then_its_sum(void)
{
    struct scene scene;
    begin(&scene);
    for (int i = 0; i < 3; i++) {
        char base[64];
        struct said said = a_result();
        said.day += i;
        snprintf(base, sizeof base, "2024050%d/OML-11/000000000000001", i + 1);
        said.base = base;
        put(&scene, &said);
    }
    link_patient(&scene);
    CHECK(take(&scene, 0).count == 0 && scene.woken[1] == 1);
    struct batch batch = take(&scene, 1);
    CHECK(batch.count == 4);
    if (batch.count == 4) {
        CHECK(batch.events[0].put.day == first_of_may() + 2);
        CHECK(batch.events[2].put.day == first_of_may());
        CHECK(batch.events[3].type == UPLINK_IN_STEP && batch.events[3].sum.count == 3);
    }
    end(&scene);
}

/* The live lane may be ahead of the list: what the list says of it then is older. */
static void what_changes_while_history_is_on_its_way_is_proven_after_it(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    begin(&scene);
    put(&scene, &said);
    link_patient(&scene);
    struct batch history = take(&scene, 1);
    CHECK(history.count == 2 && history.events[0].type == UPLINK_ENTRY_PUT);
    CHECK(index_remove_base(scene.index, TEXT(NUMBER), TEXT(BASE), &err));
    struct batch live = take(&scene, 0);
    CHECK(live.count == 1 && live.events[0].type == UPLINK_ENTRY_WITHDRAWN);
    answer(&scene, &live, "");
    answer(&scene, &history, "");
    struct batch proof = take(&scene, 1);
    CHECK(proof.count == 1);
    if (proof.count == 1)
        CHECK(proof.events[0].type == UPLINK_IN_STEP && proof.events[0].sum.count == 0);
    answer(&scene, &proof, "");
    CHECK(take(&scene, 1).count == 0);
    end(&scene);
}

static void history_during_which_nothing_changes_is_proven_once(void)
{
    struct scene scene;
    struct said said = a_result();
    begin(&scene);
    put(&scene, &said);
    link_patient(&scene);
    struct batch history = take(&scene, 1);
    answer(&scene, &history, "");
    CHECK(take(&scene, 1).count == 0);
    put(&scene, &said);
    drain(&scene);
    CHECK(take(&scene, 1).count == 0);
    end(&scene);
}

static void an_ended_link_sends_nothing_more(void)
{
    struct scene scene;
    struct err err = {0};
    struct said said = a_result();
    struct uplink_sum sum;
    begin(&scene);
    link_patient(&scene);
    put(&scene, &said);
    CHECK(index_end_link(scene.index, record, &err));
    CHECK(take(&scene, 0).count == 0 && take(&scene, 1).count == 0);
    said.title = "後";
    put(&scene, &said);
    CHECK(take(&scene, 0).count == 0);
    CHECK(!index_sum(scene.index, record, &scene.arena, &sum, &err));
    CHECK(err.kind == ERR_MISSING);
    err_clear(&err);
    CHECK(!index_backfill(scene.index, record, &err) && err.kind == ERR_MISSING);
    end(&scene);
}

/* ---- being in step ---- */

static void a_snapshot_names_what_was_published_in_order(void)
{
    struct scene scene;
    struct err err = {0};
    struct uplink_snapshot page;
    uint8_t digest[HASH_BYTES] = {0};
    begin(&scene);
    link_patient(&scene);
    for (int i = 3; i > 0; i--) {
        char base[64];
        struct said said = a_result();
        snprintf(base, sizeof base, "2024050%d/OML-11/000000000000001", i);
        said.base = base;
        said.department = i == 2 ? "40" : "01";
        put(&scene, &said);
    }
    CHECK(index_snapshot(scene.index, record, TEXT(""), &scene.arena, &page, &err));
    CHECK(page.count == 2 && page.sum.count == 2 && page.next.len == 0);
    for (size_t i = 0; i < page.count; i++)
        uplink_digest_add(digest, page.keys[i], page.versions[i]);
    CHECK(memcmp(digest, page.sum.digest, HASH_BYTES) == 0);
    CHECK(index_snapshot(scene.index, record, page.keys[0], &scene.arena, &page, &err));
    CHECK(page.count == 1 && text_is(page.keys[0], "20240503/OML-11/000000000000001"));
    end(&scene);
}

static void an_index_that_awaits_pictures_says_of_nothing_that_it_is_gone(void)
{
    struct scene scene;
    struct err err = {0};
    struct uplink_snapshot page;
    struct said said = a_result();
    bool is_awaited = false;
    begin(&scene);
    CHECK(index_await_pictures(scene.index, &err));
    put(&scene, &said);
    link_patient(&scene);
    struct batch list = take(&scene, 1);
    answer(&scene, &list, "");
    reopen(&scene, usual_policy);
    CHECK(index_awaits_pictures(scene.index, &is_awaited, &err) && is_awaited);
    CHECK(!index_snapshot(scene.index, record, TEXT(""), &scene.arena, &page, &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "index_filling") == 0);
    err_clear(&err);
    CHECK(index_note_pictures(scene.index, &err));
    CHECK(index_awaits_pictures(scene.index, &is_awaited, &err) && !is_awaited);
    CHECK(index_snapshot(scene.index, record, TEXT(""), &scene.arena, &page, &err));
    list = take(&scene, 1);
    CHECK(list.count == 1 && list.events[0].type == UPLINK_IN_STEP);
    end(&scene);
}

static void a_wiped_database_has_a_new_epoch_and_the_same_sum(void)
{
    struct scene scene;
    struct said said = a_result();
    struct text epoch = {0};
    struct err err = {0};
    begin(&scene);
    CHECK(text_copy(index_epoch(scene.index), &scene.arena, &epoch, &err));
    link_patient(&scene);
    put(&scene, &said);
    struct uplink_sum before = sum_of(&scene);
    reopen(&scene, usual_policy);
    CHECK(text_equal(epoch, index_epoch(scene.index)));
    wipe(&scene);
    reopen(&scene, usual_policy);
    CHECK(!text_equal(epoch, index_epoch(scene.index)));
    link_patient(&scene);
    put(&scene, &said);
    struct uplink_sum after = sum_of(&scene);
    CHECK(after.count == before.count);
    CHECK(memcmp(after.digest, before.digest, HASH_BYTES) == 0);
    end(&scene);
}

/* ---- places ---- */

static void a_place_knows_what_else_its_file_holds(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    struct said said = a_result();
    begin(&scene);
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.kind == ENTRY_LABORATORY && !place.has_unpublished);
    CHECK(place.kinds_in_file == 1U << ENTRY_LABORATORY);
    CHECK(place.received_at_ms == scene.wall_ms);
    said.department = "40";
    put(&scene, &said);
    CHECK(index_find_place(scene.index, TEXT(NUMBER), TEXT(BASE), &scene.arena, &place,
                           &err));
    CHECK(place.has_unpublished);
    CHECK(!index_find_place(scene.index, TEXT("0000099999"), TEXT(BASE), &scene.arena,
                            &place, &err));
    CHECK(err.kind == ERR_MISSING);
    end(&scene);
}

int main(void)
{
    RUN(an_entry_of_nobody_linked_makes_no_event);
    RUN(an_entry_of_a_linked_patient_is_a_live_event);
    RUN(an_event_comes_again_until_it_is_answered);
    RUN(a_rejected_event_does_not_block_the_next);
    RUN(events_outlive_a_restart);
    RUN(what_is_sent_is_the_entry_as_it_is_now);
    RUN(a_record_that_is_gone_is_withdrawn);
    RUN(parts_that_a_new_version_lacks_are_withdrawn);
    RUN(an_adt_that_is_gone_ends_the_number);
    RUN(a_refused_file_stands_as_incomplete);
    RUN(a_held_file_shows_nothing_and_takes_back_what_was_shown);
    RUN(what_is_not_published_makes_no_event_at_all);
    RUN(an_entry_that_becomes_excluded_is_withdrawn);
    RUN(what_the_source_marks_sensitive_stays_until_a_rule_includes_it);
    RUN(a_delay_moves_the_time_of_being_visible);
    RUN(what_a_new_index_finds_came_when_its_file_was_changed);
    RUN(the_same_version_keeps_the_time_it_came);
    RUN(what_came_while_the_clock_was_ahead_and_is_read_again_came_now);
    RUN(days_before_the_start_are_not_published);
    RUN(a_narrower_policy_withdraws_and_a_wider_one_publishes);
    RUN(another_policy_is_followed_without_opening_again);
    RUN(a_policy_change_reaches_many_entries);
    RUN(a_link_is_compared_with_the_patients_own_adt);
    RUN(each_difference_alone_is_a_mismatch);
    RUN(empty_kana_never_matches);
    RUN(a_number_without_leading_zeros_is_the_same_number);
    RUN(a_confirmed_link_sends_history_newest_first_then_its_sum);
    RUN(what_changes_while_history_is_on_its_way_is_proven_after_it);
    RUN(history_during_which_nothing_changes_is_proven_once);
    RUN(an_ended_link_sends_nothing_more);
    RUN(a_snapshot_names_what_was_published_in_order);
    RUN(an_index_that_awaits_pictures_says_of_nothing_that_it_is_gone);
    RUN(a_wiped_database_has_a_new_epoch_and_the_same_sum);
    RUN(a_place_knows_what_else_its_file_holds);
    return test_done();
}
