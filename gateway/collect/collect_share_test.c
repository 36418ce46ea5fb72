// SPDX-License-Identifier: Apache-2.0
/* A storage on a Windows share: Samba's, seen through FUSE (tools/share; `make share`).
 * The hospital writes on the file server, the gateway reads the share. */
#include <stdlib.h>

#include "gateway/collect/collect_testsite.h"

enum { PATIENCE = 1500 }; /* of 20 ms: clients remember an answer for some seconds */

static char share[128];

/* As begin, on a folder of the share; what put_file and move_file name is on the file
 * server. */
static void begin_on_share(struct scene *scene)
{
    begin(scene);
    collect_free(scene->collect);
    snprintf(scene->storage, sizeof scene->storage, "%s/XXXXXX",
             getenv("TSUMUGI_TEST_SHARE_BEHIND"));
    CHECK(mkdtemp(scene->storage));
    snprintf(share, sizeof share, "%s%s", getenv("TSUMUGI_TEST_SHARE"),
             strrchr(scene->storage, '/'));
    scene->root.directory = share;
    scene->watches_max = 1000;
    open_collect(scene);
}

static void turn(const char *state)
{
    char command[160];
    snprintf(command, sizeof command, "%s %s", getenv("TSUMUGI_TEST_SHARE_SWITCH"),
             state);
    CHECK(system(command) == 0);
}

/* Sweeps until the record stands there in this version: a share's client may answer from
 * what it remembers for a while. */
static bool is_swept_to(struct scene *scene, const char *version, int step_ms)
{
    struct timespec pause = {0, 20 * 1000 * 1000};
    for (int i = 0; i < PATIENCE; i++) {
        struct err err = {0};
        bool is_swept = collect_sweep(scene->collect, false, &err);
        scene->ahead_ms += step_ms;
        is_swept = is_swept && collect_look_again(scene->collect, &err);
        if (is_swept && strcmp(version_of(scene, LAB_BASE), version) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static void a_share_is_known_as_one_and_its_period_told(void)
{
    struct scene scene;
    begin_on_share(&scene);
    CHECK(collect_polled_s(scene.collect) == 3600);
    end(&scene);
}

static void a_share_is_read_and_kept_in_step(void)
{
    struct scene scene;
    begin_on_share(&scene);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(is_swept_to(&scene, OCCURRED "1", 0));
    CHECK(is_trouble(&scene, ""));
    link_patient(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "2"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(is_swept_to(&scene, "202405011300000001", 0));
    CHECK(are_events(&scene, "P"));
    move_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"),
              LAB_FILE("20240501130000000", "0"));
    CHECK(is_swept_to(&scene, "none", 5000));
    CHECK(are_events(&scene, "WW")); /* an event tells of its record as it is now */
    end(&scene);
}

static void a_file_server_that_goes_takes_nothing_away(void)
{
    struct scene scene;
    struct err err = {0};
    begin_on_share(&scene);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(is_swept_to(&scene, OCCURRED "1", 0));
    link_patient(&scene);
    turn("off");
    for (int i = 0; i < 3; i++) {
        err = (struct err){0};
        CHECK(!collect_sweep(scene.collect, i > 0, &err));
        CHECK(err.kind == ERR_BUSY && strcmp(err.code, "storage_away") == 0);
        scene.ahead_ms += 5000;
        look_again(&scene);
    }
    CHECK(!collect_is_whole(scene.collect));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(are_events(&scene, ""));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    turn("on");
    CHECK(is_swept_to(&scene, "202405011300000001", 0));
    CHECK(collect_is_whole(scene.collect));
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

#define TYPE "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define DOCUMENT                                                                         \
    PATIENT_FOLDER "/20240501/" TYPE "/" NUMBER "_20240501_18842-5_" KEY "_" OCCURRED    \
                   "_01_1"

static void names_of_documents_are_japanese(void)
{
    struct scene scene;
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    begin_on_share(&scene);
    collect_free(scene.collect);
    scene.root.is_extended = true;
    open_collect(&scene);
    put_file(&scene, DOCUMENT, "経過.txt", "本人は落ち着いている。");
    for (int i = 0; i < PATIENCE && count == 0; i++) {
        struct timespec pause = {0, 20 * 1000 * 1000};
        CHECK(collect_sweep(scene.collect, false, &err) || err.kind == ERR_BUSY);
        CHECK(index_list_bases(scene.index, TEXT(NUMBER),
                               TEXT("main/" PATIENT_FOLDER "/"), &scene.arena, &bases,
                               &count, &err));
        nanosleep(&pause, NULL);
    }
    CHECK(is_trouble(&scene, ""));
    CHECK(count == 1);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

int main(void)
{
    if (!getenv("TSUMUGI_TEST_SHARE")) {
        SKIP("a Windows share", "TSUMUGI_TEST_SHARE is not set; tools/share sets it");
        return test_done();
    }
    RUN(a_share_is_known_as_one_and_its_period_told);
    RUN(a_share_is_read_and_kept_in_step);
    RUN(a_file_server_that_goes_takes_nothing_away);
    RUN(names_of_documents_are_japanese);
    return test_done();
}
