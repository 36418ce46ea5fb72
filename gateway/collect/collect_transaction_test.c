// SPDX-License-Identifier: Apache-2.0
/* Transaction storage: what it says was written is read at once. */
#include <fcntl.h>
#include <stdlib.h>

#include "gateway/collect/collect_testsite.h"

#define HEADER                                                                           \
    "#SSMIX,2.00,9911000011," NUMBER ",20240501,OML-11," KEY ",INS,01,20240501120000000"
#define TR "TR_20240501000000000_00001.DAT"

static char transactions[128];
static const char *const places[] = {transactions};

/* A transaction storage beside the storage; nothing is swept by itself. */
static void begin_following(struct scene *scene)
{
    struct err err = {0};
    begin(scene);
    snprintf(transactions, sizeof transactions, "%s/transactions", scene->folder);
    CHECK(path_make_directory(transactions, &err));
    collect_free(scene->collect);
    struct collect_config config = {.index = scene->index,
                                    .roots = &scene->root,
                                    .root_count = 1,
                                    .transactions = places,
                                    .transaction_count = 1,
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 3600 * 1000,
                                    .full_period_ms = 3600 * 1000,
                                    .recent_days = 100000};
    scene->collect = collect_new(&config, &err);
    CHECK(scene->collect);
    put_patient(scene);
    sweep(scene, false);
}

static void append(const char *year, const char *file, const char *bytes)
{
    char path[300];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", transactions, year);
    CHECK(path_make_directory(path, &err));
    snprintf(path, sizeof path, "%s/%s/%s", transactions, year, file);
    CLEANUP(path_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
}

static void follow(struct scene *scene)
{
    struct err err = {0};
    CHECK(collect_follow(scene->collect, &err));
    if (err.kind)
        printf("# %s %s\n", err.code, err.text);
}

static bool has_lab(struct scene *scene)
{
    return strcmp(version_of(scene, LAB_BASE), "none") != 0;
}

static void what_a_new_record_names_is_read_at_once(void)
{
    struct scene scene;
    begin_following(&scene);
    follow(&scene);
    put_lab(&scene);
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2024", TR, HEADER "\r" LAB(OWN_PID, "7.2"));
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void line_ends_of_all_kinds_are_read(void)
{
    static const char *const ends[] = {"\r", "\n", "\r\n"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct scene scene;
        begin_following(&scene);
        follow(&scene);
        put_lab(&scene);
        append("2024", TR, HEADER);
        append("2024", TR, ends[i]);
        follow(&scene);
        CHECK(has_lab(&scene));
        end(&scene);
    }
}

static void a_record_that_is_half_written_is_waited_for(void)
{
    struct scene scene;
    begin_following(&scene);
    follow(&scene);
    put_lab(&scene);
    append("2024", TR, "#SSMIX,2.00,9911000011," NUMBER);
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2024", TR, ",20240501,OML-11," KEY ",INS,01,20240501120000000\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void what_was_there_at_the_start_is_left_to_the_sweep(void)
{
    struct scene scene;
    begin_following(&scene);
    append("2024", TR, HEADER "\r");
    follow(&scene);
    put_lab(&scene);
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2024", TR, "PID|x"); /* in the middle of a message that was begun before */
    append("2024", TR, "\r" HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
    begin_following(&scene);
    append("2024", TR,
           HEADER "\r"
                  "PID|x");
    follow(&scene);
    put_lab(&scene);
    append("2024", TR, HEADER "\r"); /* in a line, so no header */
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2024", TR, HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void the_next_file_and_the_next_year_are_followed(void)
{
    struct scene scene;
    begin_following(&scene);
    append("2024", TR, "x\r");
    follow(&scene);
    put_lab(&scene);
    append("2024", "TR_20240501120000000_00002.DAT", "MSH|x\r");
    append("2024", "notes.txt", HEADER "\r");
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2025", "TR_20250101000000000_00001.DAT", HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void a_deletion_is_seen_and_waits_for_its_second_look(void)
{
    struct scene scene;
    begin_following(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    CHECK(has_lab(&scene));
    follow(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    append("2024", TR,
           "#SSMIX,2.00,9911000011," NUMBER ",20240501,OML-11," KEY ",DEL,01,"
           "20240501120000000\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    scene.ahead_ms += 6000;
    look_again(&scene);
    CHECK(!has_lab(&scene));
    end(&scene);
}

static void records_that_are_none_lead_nowhere_and_stop_nothing(void)
{
    static const char bad[] = "#SSMIX,2.00,x\r"
                              "#SSMIX,2.00,9,../../..,20240501,OML-11,1,INS,01,1\r"
                              "#SSMIX,2.00,9," NUMBER ",20240501,../..,1,INS,01,1\r"
                              "#SSMIX,2.00,9," NUMBER ",2024,OML-11,1,INS,01,1\r"
                              "#SSMIX,2.00,9," NUMBER ",20240501,OML-11,1,UPD,01,1\r"
                              "#SSMIX,2.00,9,0000099999,20240501,OML-11,1,INS,01,1\r"
                              " " HEADER "\r";
    struct scene scene;
    begin_following(&scene);
    follow(&scene);
    put_lab(&scene);
    append("2024", TR, bad);
    follow(&scene);
    CHECK(!has_lab(&scene));
    append("2024", TR, HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void a_line_without_an_end_is_passed_over(void)
{
    struct scene scene;
    begin_following(&scene);
    follow(&scene);
    put_lab(&scene);
    static char line[600001];
    memset(line, 'x', sizeof line - 1);
    append("2024", TR, line);
    follow(&scene);
    append("2024", TR, "\r" HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void one_that_is_away_is_said_and_found_again(void)
{
    struct scene scene;
    struct err err = {0};
    char aside[160];
    begin_following(&scene);
    follow(&scene);
    snprintf(aside, sizeof aside, "%s.away", transactions);
    CHECK(rename(transactions, aside) == 0);
    CHECK(!collect_follow(scene.collect, &err) && err.kind == ERR_MISSING);
    CHECK(rename(aside, transactions) == 0);
    put_lab(&scene);
    append("2024", TR, HEADER "\r");
    follow(&scene);
    CHECK(has_lab(&scene));
    end(&scene);
}

static void documents_are_found_by_their_day(void)
{
    struct scene scene;
    begin_following(&scene);
    follow(&scene);
    scene.root.is_extended = true;
    put_file(&scene,
             PATIENT_FOLDER "/20240501/N01^看護サマリー^99Z/" NUMBER "_20240501_N01_" KEY
                            "_" OCCURRED "_01_1",
             "main_document.txt", "本文");
    append("2024", TR,
           "#SSMIX,2.00,9911000011," NUMBER ",20240501,N01," KEY ",INS,01,"
           "20240501120000000\r");
    follow(&scene);
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    CHECK(index_list_bases(scene.index, TEXT(NUMBER),
                           TEXT("main/" PATIENT_FOLDER "/20240501/"), &scene.arena,
                           &bases, &count, &err));
    CHECK(count == 1);
    end(&scene);
}

int main(void)
{
    RUN(what_a_new_record_names_is_read_at_once);
    RUN(line_ends_of_all_kinds_are_read);
    RUN(a_record_that_is_half_written_is_waited_for);
    RUN(what_was_there_at_the_start_is_left_to_the_sweep);
    RUN(the_next_file_and_the_next_year_are_followed);
    RUN(a_deletion_is_seen_and_waits_for_its_second_look);
    RUN(records_that_are_none_lead_nowhere_and_stop_nothing);
    RUN(a_line_without_an_end_is_passed_over);
    RUN(one_that_is_away_is_said_and_found_again);
    RUN(documents_are_found_by_their_day);
    return test_done();
}
