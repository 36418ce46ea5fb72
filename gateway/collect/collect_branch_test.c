// SPDX-License-Identifier: Apache-2.0
/* A storage in which nothing is recent: folders whose times are known are not listed, and
 * whatever comes, goes or comes back is found all the same. Every change sets its
 * folder's time itself, so that no two fall into one tick. */
#include "gateway/collect/collect_testsite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define DAY_FOLDER PATIENT_FOLDER "/20240501"
#define DOSE_FOLDER DAY_FOLDER "/OMP-01"
#define OTHER_FOLDER PATIENT_FOLDER "/20240601/OML-11"
#define OTHER_BASE "20240601/OML-11/" KEY
#define OTHER_FILE NUMBER "_20240601_OML-11_" KEY "_20240601120000000_01_1"

static void begin_settled(struct scene *scene)
{
    struct err err = {0};
    begin(scene);
    collect_free(scene->collect);
    struct collect_config config = {.index = scene->index,
                                    .roots = &scene->root,
                                    .root_count = 1,
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 1,
                                    .full_period_ms = 3600 * 1000};
    scene->collect = collect_new(&config, &err);
    CHECK(scene->collect);
}

static void set_time(struct scene *scene, const char *folder, int64_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    CHECK(utimensat(AT_FDCWD, in_storage(scene, folder), times, 0) == 0);
}

/* All folders above a type folder, and it. */
static void set_times(struct scene *scene, int64_t seconds)
{
    set_time(scene, LAB_FOLDER, seconds);
    set_time(scene, DAY_FOLDER, seconds);
    set_time(scene, PATIENT_FOLDER, seconds);
}

static void put_and_sweep(struct scene *scene)
{
    put_patient(scene);
    put_lab(scene);
    set_times(scene, 1714530000);
    set_time(scene, PATIENT_FOLDER "/-/ADT-00", 1714530000);
    set_time(scene, PATIENT_FOLDER "/-", 1714530000);
    sweep(scene, false);
    CHECK(has_entry(scene, LAB_BASE));
    sweep(scene, false);
    CHECK(has_entry(scene, LAB_BASE));
}

static void move(struct scene *scene, const char *from, const char *to)
{
    char source[640];
    snprintf(source, sizeof source, "%s", in_storage(scene, from));
    CHECK(rename(source, in_storage(scene, to)) == 0);
}

/* What is missing is withdrawn by the second look. */
static void sweep_twice(struct scene *scene)
{
    sweep(scene, false);
    scene->ahead_ms += 6000;
    look_again(scene);
    sweep(scene, false);
}

static void a_file_in_a_settled_folder_is_seen_by_the_full_sweep(void)
{
    struct scene scene;
    begin_settled(&scene);
    put_and_sweep(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240502120000000", "1"), LAB(OWN_PID, "9"));
    set_times(&scene, 1714530000);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    sweep(&scene, true);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "202405021200000001") == 0);
    end(&scene);
}

static void a_new_file_is_found_though_all_above_is_settled(void)
{
    struct scene scene;
    begin_settled(&scene);
    put_and_sweep(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240502120000000", "1"), LAB(OWN_PID, "9"));
    set_time(&scene, LAB_FOLDER, 1714530001);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "202405021200000001") == 0);
    end(&scene);
}

static void a_new_day_and_a_new_type_are_found(void)
{
    struct scene scene;
    begin_settled(&scene);
    put_and_sweep(&scene);
    put_file(&scene, OTHER_FOLDER, OTHER_FILE, LAB(OWN_PID, "9"));
    set_time(&scene, PATIENT_FOLDER, 1714530001);
    sweep(&scene, false);
    CHECK(has_entry(&scene, OTHER_BASE));
    /* an empty one first, its file later */
    struct err err = {0};
    CHECK(path_make_directory(in_storage(&scene, DOSE_FOLDER), &err));
    set_time(&scene, DAY_FOLDER, 1714530001);
    set_time(&scene, DOSE_FOLDER, 1714530001);
    sweep(&scene, false);
    sweep(&scene, false);
    put_file(&scene, DOSE_FOLDER, NUMBER "_20240501_OMP-01_" KEY "_" OCCURRED "_01_1",
             "MSH|nonsense\r");
    set_time(&scene, DOSE_FOLDER, 1714530002);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, "20240501/OMP-01/" KEY), OCCURRED "1") == 0);
    end(&scene);
}

/* Moved away and back, its own time and those below are what they were. */
static void comes_back(const char *folder, const char *above)
{
    struct scene scene;
    begin_settled(&scene);
    put_and_sweep(&scene);
    move(&scene, folder, "aside");
    set_time(&scene, above, 1714530005);
    sweep_twice(&scene);
    CHECK(!has_entry(&scene, LAB_BASE));
    move(&scene, "aside", folder);
    set_times(&scene, 1714530000);
    set_time(&scene, above, 1714530006);
    sweep(&scene, false);
    CHECK(has_entry(&scene, LAB_BASE));
    sweep(&scene, false);
    CHECK(has_entry(&scene, LAB_BASE));
    end(&scene);
}

static void a_type_folder_that_comes_back_is_read(void)
{
    comes_back(LAB_FOLDER, DAY_FOLDER);
}

static void a_day_that_comes_back_is_read(void)
{
    comes_back(DAY_FOLDER, PATIENT_FOLDER);
}

static void a_patient_who_comes_back_is_read(void)
{
    comes_back(PATIENT_FOLDER, "000/001");
}

/* What cannot be read proves nothing: it is neither followed nor taken as an end. */
static void a_link_in_place_of_a_folder_is_not_entered(void)
{
    struct scene scene;
    begin_settled(&scene);
    put_and_sweep(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240502120000000", "1"), LAB(OWN_PID, "9"));
    move(&scene, DAY_FOLDER, "aside");
    CHECK(symlink("../../../aside", in_storage(&scene, DAY_FOLDER)) == 0);
    set_time(&scene, PATIENT_FOLDER, 1714530005);
    sweep_twice(&scene);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(unlink(in_storage(&scene, DAY_FOLDER)) == 0);
    end(&scene);
}

/* ---- beside checks ---- */

enum { DAYS = 40, CHECKS = 200 };

static void put_day(struct scene *scene, int day, const char *occurred)
{
    char folder[128];
    char file[128];
    snprintf(folder, sizeof folder, PATIENT_FOLDER "/202406%02d/OML-11", day % 30 + 1);
    snprintf(file, sizeof file, NUMBER "_202406%02d_OML-11_%s_%s_01_1", day % 30 + 1, KEY,
             occurred);
    put_file(scene, folder, file, LAB(OWN_PID, "7"));
}

/* Sweeps without end and checks of the same patient share what is known and the batch;
 * in the end the index is what the storage is. */
static void sweeps_and_checks_of_one_patient_agree(void)
{
    struct scene scene;
    struct err err = {0};
    begin_settled(&scene);
    put_and_sweep(&scene);
    CHECK(collect_start(scene.collect, &err));
    for (int i = 0; i < CHECKS; i++) {
        char occurred[32];
        snprintf(occurred, sizeof occurred, "202406%02d1200%05d", i % 28 + 1, i);
        put_day(&scene, i % DAYS, occurred);
        CHECK(collect_sweep_patient(scene.collect, TEXT(NUMBER), &err));
    }
    CHECK(collect_sweep_patient(scene.collect, TEXT(NUMBER), &err));
    for (int day = 0; day < 30; day++) {
        char base[64];
        char newest[32] = "";
        snprintf(base, sizeof base, "202406%02d/OML-11/" KEY, day + 1);
        for (int i = 0; i < CHECKS; i++) {
            char occurred[32];
            snprintf(occurred, sizeof occurred, "202406%02d1200%05d1", i % 28 + 1, i);
            if (i % DAYS % 30 == day && strcmp(occurred, newest) > 0)
                snprintf(newest, sizeof newest, "%s", occurred);
        }
        CHECK(strcmp(version_of(&scene, base), newest) == 0);
    }
    end(&scene);
}

/* Pieces are of the batch that they go with: what fills one while the other is written
 * must not lie in the other's memory. */
static void many_records_and_refusals_keep_their_own_names(void)
{
    enum { RECORDS = 1500 };
    struct scene scene;
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    begin(&scene);
    put_patient(&scene);
    for (int i = 0; i < RECORDS; i++) {
        char file[128];
        snprintf(file, sizeof file, NUMBER "_20240501_OML-11_%015d_" OCCURRED "_01_%d", i,
                 i % 3 ? 1 : 7);
        put_file(&scene, LAB_FOLDER, file, LAB(OWN_PID, "7.2"));
    }
    sweep(&scene, false);
    CHECK(index_list_bases(scene.index, TEXT(NUMBER), TEXT("main/" LAB_FOLDER "/"),
                           &scene.arena, &bases, &count, &err));
    CHECK(count == RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        char base[160];
        snprintf(base, sizeof base, "20240501/OML-11/%015d", i);
        if (i % 3 == 0)
            snprintf(base, sizeof base,
                     "20240501/OML-11/" NUMBER "_20240501_OML-11_%015d_" OCCURRED "_01_7",
                     i);
        CHECK(strcmp(version_of(&scene, base), "none") != 0);
    }
    end(&scene);
}

/* What is told of folders that cannot be read is for somebody to look after. */
static void nothing_is_told_of_a_storage_that_can_be_read(void)
{
    struct scene scene;
    char told[160];
    begin(&scene);
    collect_free(scene.collect);
    snprintf(told, sizeof told, "%s/told", scene.folder);
    int fd = open(told, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct log log = {fd, clock_system(), "test"};
    struct collect_config config = {.index = scene.index,
                                    .roots = &scene.root,
                                    .root_count = 1,
                                    .clock = scene_clock(&scene),
                                    .log = &log,
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 1,
                                    .full_period_ms = 3600 * 1000};
    struct err err = {0};
    scene.collect = collect_new(&config, &err);
    CHECK(fd >= 0 && scene.collect);
    put_and_sweep(&scene); /* twice: everything is settled, and known */
    sweep(&scene, false);
    sweep(&scene, true);
    struct span words = {0};
    CHECK(path_read_file(told, 1 << 20, &scene.arena, &words, &err));
    CHECK(words.len > 0 && !memmem(words.at, words.len, "collect_", 8));
    close(fd);
    end(&scene);
}

int main(void)
{
    RUN(nothing_is_told_of_a_storage_that_can_be_read);
    RUN(a_file_in_a_settled_folder_is_seen_by_the_full_sweep);
    RUN(a_new_file_is_found_though_all_above_is_settled);
    RUN(a_new_day_and_a_new_type_are_found);
    RUN(a_type_folder_that_comes_back_is_read);
    RUN(a_day_that_comes_back_is_read);
    RUN(a_patient_who_comes_back_is_read);
    RUN(a_link_in_place_of_a_folder_is_not_entered);
    RUN(sweeps_and_checks_of_one_patient_agree);
    RUN(many_records_and_refusals_keep_their_own_names);
    return test_done();
}
