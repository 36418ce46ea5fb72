// SPDX-License-Identifier: Apache-2.0
#include "gateway/collect/collect_parts.h"
#include "gateway/collect/collect_testsite.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

/* ---- reading ---- */

static void a_storage_is_read_into_the_index(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_patient patient;
    bool is_known = false;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(!collect_has_swept(scene.collect));
    sweep(&scene, false);
    CHECK(collect_has_swept(scene.collect));
    CHECK(index_find_patient(scene.index, TEXT(NUMBER), &scene.arena, &patient, &is_known,
                             &err));
    CHECK(is_known && text_is(patient.name, "飯田 花子") && patient.sex == 'F');
    CHECK(patient.birth_day == day_from_date(1950, 1, 2));
    CHECK(has_entry(&scene, LAB_BASE));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void a_new_file_is_found_by_its_folders_time(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    put_lab(&scene);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

static void the_latest_valid_version_is_current(void)
{
    struct scene scene;
    begin(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501110000000", "2"), LAB(OWN_PID, "1"));
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "2"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501115959999", "1"), LAB(OWN_PID, "3"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "0"), LAB(OWN_PID, "4"));
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

static void changed_content_of_the_same_name_is_read_again(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "17.25"));
    sweep(&scene, true);
    CHECK(are_events(&scene, "P"));
    end(&scene);
}

static void nothing_new_makes_no_events(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    sweep(&scene, false);
    sweep(&scene, true);
    CHECK(are_events(&scene, ""));
    end(&scene);
}

/* ---- withdrawing ---- */

static void a_deleted_record_is_withdrawn_by_the_second_look_only(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    sweep(&scene, false);
    CHECK(are_events(&scene, ""));
    scene.ahead_ms += 4999;
    look_again(&scene);
    CHECK(are_events(&scene, ""));
    scene.ahead_ms += 1;
    look_again(&scene);
    CHECK(are_events(&scene, "W"));
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    end(&scene);
}

/* An update renames the old file first and writes the new one a moment later. */
static void an_update_between_two_looks_is_no_withdrawal(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "2"));
    sweep(&scene, false);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, "P"));
    CHECK(strcmp(version_of(&scene, LAB_BASE), "202405011300000001") == 0);
    end(&scene);
}

static void a_file_that_comes_back_was_never_away(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    sweep(&scene, false);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "0"), LAB_FILE(OCCURRED, "1"));
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, ""));
    end(&scene);
}

static void a_folder_that_went_is_withdrawn(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    CHECK(test_remove(in_storage(&scene, PATIENT_FOLDER "/20240501")));
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, "W"));
    end(&scene);
}

static void a_storage_that_went_withdraws_nothing(void)
{
    struct scene scene;
    struct err err = {0};
    char away[128];
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    snprintf(away, sizeof away, "%s/away", scene.folder);
    CHECK(rename(in_storage(&scene, "000"), away) == 0);
    CHECK(!collect_sweep(scene.collect, true, &err) &&
          strcmp(err.code, "storage_away") == 0);
    CHECK(!collect_sweep_patient(scene.collect, TEXT(NUMBER), &err) &&
          strcmp(err.code, "storage_away") == 0);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, ""));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

/* What a new index finds empty may be the folder that the storage is not mounted on:
 * whoever then asked for a number would hear that nobody has it. */
static void an_empty_folder_is_no_storage_unless_it_is_said(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    scene.root.may_be_empty = false;
    CHECK(!collect_sweep(scene.collect, false, &err) && err.kind == ERR_BUSY &&
          strcmp(err.code, "storage_away") == 0);
    CHECK(strstr(err.text, "main") && strstr(err.text, "may_be_empty"));
    CHECK(!collect_is_whole(scene.collect) && !collect_has_swept(scene.collect));
    CHECK(collect_standing(scene.collect).state == COLLECT_AWAY);
    CHECK(mkdir(in_storage(&scene, "lost+found"), 0700) == 0);
    err_clear(&err);
    CHECK(!collect_sweep(scene.collect, false, &err) &&
          strcmp(err.code, "storage_away") == 0);
    scene.root.may_be_empty = true;
    sweep(&scene, false);
    CHECK(collect_is_whole(scene.collect) && collect_has_swept(scene.collect));
    scene.root.may_be_empty = false;
    put_patient(&scene);
    sweep(&scene, false);
    CHECK(collect_is_whole(scene.collect));
    end(&scene);
}

static void a_deleted_adt_ends_the_number(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    move_file(&scene, PATIENT_FOLDER "/-/ADT-00", ADT_FILE,
              NUMBER "_-_ADT-00_999999999999999_" OCCURRED "_-_0");
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, "EW"));
    end(&scene);
}

/* ---- whose file it is ---- */

static void a_message_of_another_patient_is_held(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID("0000099999", "別^人", "ベツ^ジン", "19500102"), "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch "));
    CHECK(!has_entry(&scene, LAB_BASE) && !has_entry(&scene, LAB_BASE "/1"));
    end(&scene);
}

static void leading_zeros_make_no_other_patient(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID("12345", "飯田^花子", "イイダ^ハナコ", "19500102"), "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void a_name_and_birth_date_that_contradict_are_held(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID(NUMBER, "別^人", "ベツ^ジン", "19700102"), "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_contradicted "));
    end(&scene);
}

static void a_changed_name_alone_is_nobody_else(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID(NUMBER, "旧姓^花子", "キュウセイ^ハナコ", "19500102"), "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void what_was_held_is_judged_again_by_a_new_adt(void)
{
    struct scene scene;
    begin(&scene);
    put_file(&scene, PATIENT_FOLDER "/-/ADT-00", ADT_FILE,
             ADT(PID(NUMBER, "別^人", "ベツ^ジン", "19700102")));
    put_lab(&scene);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_contradicted "));
    put_file(&scene, PATIENT_FOLDER "/-/ADT-00",
             NUMBER "_-_ADT-00_999999999999999_20240502120000000_-_1", ADT(OWN_PID));
    sweep(&scene, true);
    CHECK(is_trouble(&scene, ""));
    CHECK(has_entry(&scene, LAB_BASE));
    end(&scene);
}

static void a_source_with_numbers_of_its_own_is_not_held(void)
{
    struct scene scene;
    begin(&scene);
    scene.root.accepts_foreign_numbers = true;
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID("X-77", "飯田^花子", "イイダ^ハナコ", "19500102"), "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void a_file_named_for_another_patient_hides_nothing(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    put_file(&scene, LAB_FOLDER,
             "0000099999_20240501_OML-11_" KEY "_20240502120000000_01_1",
             LAB(OWN_PID, "9.9"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch "));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

/* ---- what cannot be read ---- */

static void a_cut_message_is_refused_and_stops_nothing(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_trouble *items = NULL;
    size_t count = 0;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             MSH("OUL^R22^OUL_R22", "") OWN_PID PV1 "SPM|1|777\rOBR|1|" KEY);
    put_file(&scene, LAB_FOLDER,
             NUMBER "_20240501_OML-11_000000000000002_" OCCURRED "_01_1",
             LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(index_list_trouble(scene.index, 9, &scene.arena, &items, &count, &err));
    CHECK(count == 1 && items[0].state == INDEX_REFUSED);
    CHECK(strcmp(version_of(&scene, "20240501/OML-11/000000000000002"), OCCURRED "1") ==
          0);
    CHECK(has_entry(&scene, LAB_BASE)); /* incomplete, without content */
    put_lab(&scene);
    sweep(&scene, true);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void wrong_names_are_listed(void)
{
    struct scene scene;
    begin(&scene);
    put_lab(&scene);
    put_file(&scene, LAB_FOLDER, "readme.txt", "hello");
    put_file(&scene, LAB_FOLDER, LAB_FILE("2024", "1"), LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "ssmix_occurred_invalid ssmix_name_short "));
    CHECK(unlink(in_storage(&scene, LAB_FOLDER "/readme.txt")) == 0);
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(is_trouble(&scene, "ssmix_occurred_invalid "));
    end(&scene);
}

static void links_are_never_followed(void)
{
    struct scene scene;
    char outside[256];
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    snprintf(outside, sizeof outside, "%s/outside", scene.folder);
    CHECK(rename(in_storage(&scene, LAB_FOLDER), outside) == 0);
    CHECK(symlink(outside, in_storage(&scene, LAB_FOLDER)) == 0);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    CHECK(unlink(in_storage(&scene, LAB_FOLDER)) == 0);
    CHECK(mkdir(in_storage(&scene, LAB_FOLDER), 0700) == 0);
    snprintf(outside, sizeof outside, "%s/outside/" LAB_FILE(OCCURRED, "1"),
             scene.folder);
    CHECK(symlink(outside, in_storage(&scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1"))) ==
          0);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "path_unsafe "));
    end(&scene);
}

static void folders_of_another_shape_are_not_entered(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, "000/00/" NUMBER "/20240501/OML-11", LAB_FILE(OCCURRED, "1"),
             LAB(OWN_PID, "7.2"));
    put_file(&scene, PATIENT_FOLDER "/2024051/OML-11", LAB_FILE(OCCURRED, "1"),
             LAB(OWN_PID, "7.2"));
    put_file(&scene, "lost+found", "x", "x");
    sweep(&scene, true);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void a_storage_that_is_not_there_is_looked_for(void)
{
    struct scene scene;
    struct err err = {0};
    char away[128];
    begin(&scene);
    put_patient(&scene);
    snprintf(away, sizeof away, "%s/away", scene.folder);
    CHECK(rename(scene.storage, away) == 0);
    collect_free(scene.collect);
    open_collect(&scene);
    CHECK(!collect_sweep(scene.collect, false, &err));
    CHECK(strcmp(err.code, "storage_away") == 0);
    CHECK(!collect_has_swept(scene.collect) && !collect_is_whole(scene.collect));
    CHECK(collect_standing(scene.collect).state == COLLECT_AWAY);
    CHECK(collect_standing(scene.collect).since_ms == 0);
    CHECK(rename(away, scene.storage) == 0);
    int64_t before_ms = scene_wall_ms(&scene);
    sweep(&scene, false);
    CHECK(collect_has_swept(scene.collect) && collect_is_whole(scene.collect));
    CHECK(strcmp(version_of(&scene, "-/ADT-00/999999999999999"), OCCURRED "1") == 0);
    CHECK(collect_standing(scene.collect).state == COLLECT_READ);
    CHECK(rename(scene.storage, away) == 0);
    CHECK(!collect_sweep(scene.collect, false, &err));
    struct collect_standing standing = collect_standing(scene.collect);
    CHECK(standing.state == COLLECT_AWAY);
    CHECK(standing.since_ms >= before_ms && standing.since_ms <= scene_wall_ms(&scene));
    end(&scene);
}

/* The index's disk is full, for this process. */
static void what_cannot_be_kept_is_not_read(void)
{
    struct scene scene;
    struct err err = {0};
    struct rlimit old;
    struct rlimit none;
    begin(&scene);
    CHECK(collect_standing(scene.collect).state == COLLECT_NOT_YET);
    put_patient(&scene);
    sweep(&scene, false);
    CHECK(collect_standing(scene.collect).state == COLLECT_READ);
    put_lab(&scene);
    fflush(stdout);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
    bool is_done = collect_sweep(scene.collect, false, &err);
    struct collect_standing standing = collect_standing(scene.collect);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(!is_done && standing.state == COLLECT_FAILED && standing.since_ms > 0);
    sweep(&scene, false);
    CHECK(collect_standing(scene.collect).state == COLLECT_READ);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

/* ---- over time ---- */

static void a_restart_goes_on_where_it_stood(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    sweep(&scene, false);
    collect_free(scene.collect); /* before the second look */
    index_close(scene.index);
    open_index(&scene);
    open_collect(&scene);
    sweep(&scene, false);
    CHECK(are_events(&scene, ""));
    scene.ahead_ms += 5000;
    look_again(&scene);
    CHECK(are_events(&scene, "W"));
    end(&scene);
}

static void a_wiped_index_becomes_the_same_again(void)
{
    struct scene scene;
    struct err err = {0};
    struct uplink_sum before;
    struct uplink_sum after;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    CHECK(index_sum(scene.index, record, &scene.arena, &before, &err));
    CHECK(text_copy(before.epoch, &scene.arena, &before.epoch, &err));
    collect_free(scene.collect);
    index_close(scene.index);
    CHECK(unlink(scene.location) == 0);
    open_index(&scene);
    open_collect(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    CHECK(index_sum(scene.index, record, &scene.arena, &after, &err));
    CHECK(before.count > 0 && after.count == before.count);
    CHECK(memcmp(before.digest, after.digest, HASH_BYTES) == 0);
    CHECK(!text_equal(before.epoch, after.epoch));
    end(&scene);
}

static void one_patient_is_swept_on_request(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(collect_sweep_patient(scene.collect, TEXT(NUMBER), &err));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(collect_sweep_patient(scene.collect, TEXT("0000099999"), &err));
    CHECK(!collect_sweep_patient(scene.collect, TEXT("../../etc"), &err));
    CHECK(err.kind == ERR_MISSING);
    end(&scene);
}

static void a_source_is_read_by_its_index_path_only(void)
{
    struct scene scene;
    struct err err = {0};
    struct span bytes = {0};
    begin(&scene);
    put_lab(&scene);
    CHECK(collect_read_source(scene.collect,
                              TEXT("main/" LAB_FOLDER "/" LAB_FILE(OCCURRED, "1")),
                              &scene.arena, &bytes, &err));
    CHECK(span_starts(bytes, "MSH|"));
    static const char *const wrong[] = {
        "main", "other/" LAB_FOLDER, "main/../index.db", "main//etc/passwd", "main/", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err_clear(&err);
        CHECK(!collect_read_source(scene.collect, text_cstr(wrong[i]), &scene.arena,
                                   &bytes, &err));
    }
    end(&scene);
}

static void watched_folders_tell_at_once(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    collect_free(scene.collect);
    scene.watches_max = 100;
    open_collect(&scene);
    put_patient(&scene);
    CHECK(collect_start(scene.collect, &err));
    CHECK(comes_soon(&scene, "-/ADT-00/999999999999999", OCCURRED "1"));
    put_lab(&scene); /* new folders below a watched one */
    CHECK(comes_soon(&scene, LAB_BASE, OCCURRED "1"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    end(&scene);
}

static void a_storage_without_events_says_how_often_it_is_looked_at(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(collect_polled_s(scene.collect) == 3600); /* no watches at all */
    collect_free(scene.collect);
    scene.watches_max = 100;
    open_collect(&scene);
    CHECK(collect_polled_s(scene.collect) == 0);
    collect_free(scene.collect);
    scene.root.is_polled = true;
    open_collect(&scene);
    CHECK(collect_polled_s(scene.collect) == 3600);
    end(&scene);
}

static void file_systems_of_other_machines_are_known(void)
{
    CHECK(collect_is_remote(0xFF534D42) && collect_is_remote(0xFE534D42)); /* CIFS */
    CHECK(collect_is_remote(0x6969) && collect_is_remote(0x65735546));     /* NFS, FUSE */
    CHECK(!collect_is_remote(0xEF53) && !collect_is_remote(0x58465342));   /* ext4, XFS */
    CHECK(!collect_is_remote(0x01021994));                                 /* tmpfs */
}

int main(void)
{
    RUN(a_storage_is_read_into_the_index);
    RUN(a_new_file_is_found_by_its_folders_time);
    RUN(the_latest_valid_version_is_current);
    RUN(changed_content_of_the_same_name_is_read_again);
    RUN(nothing_new_makes_no_events);
    RUN(a_deleted_record_is_withdrawn_by_the_second_look_only);
    RUN(an_update_between_two_looks_is_no_withdrawal);
    RUN(a_file_that_comes_back_was_never_away);
    RUN(a_folder_that_went_is_withdrawn);
    RUN(a_storage_that_went_withdraws_nothing);
    RUN(an_empty_folder_is_no_storage_unless_it_is_said);
    RUN(a_deleted_adt_ends_the_number);
    RUN(a_message_of_another_patient_is_held);
    RUN(leading_zeros_make_no_other_patient);
    RUN(a_name_and_birth_date_that_contradict_are_held);
    RUN(a_changed_name_alone_is_nobody_else);
    RUN(what_was_held_is_judged_again_by_a_new_adt);
    RUN(a_source_with_numbers_of_its_own_is_not_held);
    RUN(a_file_named_for_another_patient_hides_nothing);
    RUN(a_cut_message_is_refused_and_stops_nothing);
    RUN(wrong_names_are_listed);
    RUN(links_are_never_followed);
    RUN(folders_of_another_shape_are_not_entered);
    RUN(a_storage_that_is_not_there_is_looked_for);
    RUN(what_cannot_be_kept_is_not_read);
    RUN(a_restart_goes_on_where_it_stood);
    RUN(a_wiped_index_becomes_the_same_again);
    RUN(one_patient_is_swept_on_request);
    RUN(a_source_is_read_by_its_index_path_only);
    RUN(watched_folders_tell_at_once);
    RUN(a_storage_without_events_says_how_often_it_is_looked_at);
    RUN(file_systems_of_other_machines_are_known);
    return test_done();
}
