// SPDX-License-Identifier: Apache-2.0
/* The index database as a source: what its rows name is read at once, whatever else they
 * say leads nowhere, and nothing depends on it. On SQLite, and on PostgreSQL where there
 * is one. */
#include "gateway/collect/collect_testsite.h"
#include "gateway/index/index_source.h"
#include "gateway/rows/rows_testsite.h"

#define WIDE                                                                             \
    "CREATE TABLE SSMIXIDX (VolumeLabel TEXT, FacilityID TEXT, PatientID TEXT, "         \
    "OrderDate TEXT, DataKind TEXT, OrderNo TEXT, ProcessingType TEXT, EnterOrgCD "      \
    "TEXT, TransactionDatetime TEXT, OutRelDirectory TEXT, FileName TEXT, "              \
    "UpdateDatetime TIMESTAMP);"
#define INSERT(facility, patient, day, type, action, directory, file, time)              \
    "INSERT INTO SSMIXIDX VALUES ('STD01', '" facility "', '" patient "', '" day         \
    "', '" type "', '" KEY "', '" action "', '01', '" OCCURRED "', '" directory          \
    "', '" file "', '" time "');"
#define LAB_ROW_IN(directory, time)                                                      \
    INSERT("9911000011", NUMBER, "20240501", "OML-11", "INS", directory,                 \
           LAB_FILE(OCCURRED, "1"), time)
#define LAB_ROW(time) LAB_ROW_IN(LAB_FOLDER, time)
#define OLD_ROW                                                                          \
    INSERT("9911000011", "0000099999", "20240401", "OML-11", "DEL", "", "",              \
           "2024-05-01 12:00:00")

struct told {
    struct scene scene;
    struct rows_testsite site;
    struct rows *rows;
    struct collect_root roots[2];
    size_t root_count;
    char program[160]; /* "" = the real reader */
};

static const char *server; /* allowed: which database the tests run on */

static void open_told(struct told *told)
{
    struct err err = {0};
    struct scene *scene = &told->scene;
    struct rows_config rows = {.connection_file = told->site.connection,
                               .program =
                                   told->program[0] ? told->program : getenv("TSUMUGI"),
                               .timeout_s = 30,
                               .clock = scene_clock(scene)};
    told->rows = rows_open(&rows, &err);
    struct collect_config config = {.index = scene->index,
                                    .roots = told->roots,
                                    .root_count = told->root_count,
                                    .rows = told->rows,
                                    .rows_period_ms = 1000,
                                    .facility_code = TEXT("9911000011"),
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 3600 * 1000,
                                    .full_period_ms = 3600 * 1000,
                                    .recent_days = 100000};
    scene->collect = collect_new(&config, &err);
    CHECK(told->rows && scene->collect);
}

static void close_told(struct told *told)
{
    collect_free(told->scene.collect);
    rows_close(told->rows);
}

/* A storage with a patient, swept; a table whose newest row is older than what comes. */
static void begin_told(struct told *told)
{
    *told = (struct told){0};
    begin(&told->scene);
    collect_free(told->scene.collect);
    rows_testsite_begin(&told->site, server);
    rows_testsite_do(&told->site, WIDE OLD_ROW);
    told->roots[0] = told->scene.root;
    told->root_count = 1;
    open_told(told);
    put_patient(&told->scene);
    sweep(&told->scene, false);
}

static void end_told(struct told *told)
{
    rows_close(told->rows); /* it outlives, so the collector goes first */
    told->rows = NULL;
    rows_testsite_end(&told->site);
}

static void finish(struct told *told)
{
    struct scene *scene = &told->scene;
    collect_free(scene->collect);
    end_told(told);
    index_close(scene->index);
    arena_free(&scene->arena);
    CHECK(test_remove(scene->folder));
}

static bool look(struct told *told)
{
    struct err err = {0};
    bool is_done = collect_look_up_rows(told->scene.collect, &err);
    if (!is_done)
        printf("# %s %s\n", err.code, err.text);
    return is_done;
}

static void insert(struct told *told, const char *rows)
{
    rows_testsite_do(&told->site, rows);
}

static bool has_lab(struct told *told)
{
    return strcmp(version_of(&told->scene, LAB_BASE), "none") != 0;
}

/* What the hospital's people see of it. */
static struct index_source status(struct told *told)
{
    struct err err = {0};
    struct index_source *sources = NULL;
    size_t count = 0;
    CHECK(index_list_sources(told->scene.index, 4, &told->scene.arena, &sources, &count,
                             &err));
    CHECK(count == 1 && text_is(sources[0].name, "index_database"));
    return count == 1 ? sources[0] : (struct index_source){0};
}

/* ---- what is read ---- */

static void what_a_new_row_names_is_read_at_once(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    CHECK(look(&told) && !has_lab(&told));
    insert(&told, LAB_ROW("2024-05-01 12:00:01"));
    CHECK(look(&told) && has_lab(&told));
    struct index_source now = status(&told);
    CHECK(text_is(now.state, "ok") && now.told == 2 && now.missing == 0);
    CHECK(now.refused == 0 && now.elsewhere == 0 && now.looked_ms > 0);
    finish(&told);
}

static void directories_with_backslashes_are_the_same(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    insert(&told,
           LAB_ROW_IN("000\\001\\" NUMBER "\\20240501\\OML-11\\", "2024-05-01 12:00:01"));
    CHECK(look(&told) && has_lab(&told));
    CHECK(status(&told).refused == 0 && status(&told).missing == 0);
    finish(&told);
}

static void a_new_version_is_read_though_its_folder_is_known(void)
{
    struct told told;
    begin_told(&told);
    put_lab(&told.scene);
    sweep(&told.scene, false);
    CHECK(look(&told));
    move_file(&told.scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "2"));
    put_file(&told.scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"),
             LAB(OWN_PID, "7.9"));
    insert(&told, LAB_ROW("2024-05-01 12:00:01") INSERT(
                      "9911000011", NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER,
                      LAB_FILE("20240501130000000", "1"), "2024-05-01 12:00:02"));
    CHECK(look(&told));
    CHECK(strcmp(version_of(&told.scene, LAB_BASE), "202405011300000001") == 0);
    CHECK(status(&told).missing == 0); /* the first row's file has another flag now */
    finish(&told);
}

static void a_deletion_is_seen_and_waits_for_its_second_look(void)
{
    struct told told;
    begin_told(&told);
    put_lab(&told.scene);
    sweep(&told.scene, false);
    CHECK(look(&told) && has_lab(&told));
    move_file(&told.scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    insert(&told, INSERT("9911000011", NUMBER, "20240501", "OML-11", "DEL", LAB_FOLDER,
                         LAB_FILE(OCCURRED, "0"), "2024-05-01 12:00:01"));
    CHECK(look(&told) && has_lab(&told));
    told.scene.ahead_ms += 6000;
    look_again(&told.scene);
    CHECK(!has_lab(&told));
    finish(&told);
}

static void documents_are_found_by_their_day(void)
{
    static const char folder[] = PATIENT_FOLDER "/20240501/N01^看護サマリー^99Z/" NUMBER
                                                "_20240501_N01_" KEY "_" OCCURRED "_01_1";
    struct told told;
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    begin_told(&told);
    CHECK(look(&told));
    told.roots[0].is_extended = true;
    put_file(&told.scene, folder, "main_document.txt", "本文");
    insert(&told, INSERT("9911000011", NUMBER, "20240501", "N01^看護サマリー^99Z", "INS",
                         PATIENT_FOLDER "/20240501/N01^看護サマリー^99Z",
                         NUMBER "_20240501_N01_" KEY "_" OCCURRED "_01_1",
                         "2024-05-01 12:00:01"));
    CHECK(look(&told));
    CHECK(index_list_bases(told.scene.index, TEXT(NUMBER),
                           TEXT("main/" PATIENT_FOLDER "/20240501/"), &told.scene.arena,
                           &bases, &count, &err));
    CHECK(count == 1 && status(&told).missing == 0);
    finish(&told);
}

/* ---- times ---- */

static void rows_that_were_committed_late_are_taken_within_ten_minutes(void)
{
    struct told told;
    begin_told(&told);
    insert(&told, "DELETE FROM SSMIXIDX;" INSERT("9911000011", "0000099999", "20240401",
                                                 "OML-11", "DEL", "", "",
                                                 "2024-05-01 12:20:00"));
    CHECK(look(&told));
    put_lab(&told.scene);
    insert(&told, LAB_ROW("2024-05-01 12:09:58"));
    CHECK(look(&told) && !has_lab(&told)); /* left to the sweep */
    insert(&told, LAB_ROW("2024-05-01 12:10:01"));
    CHECK(look(&told) && has_lab(&told));
    finish(&told);
}

static void what_was_seen_is_not_read_again(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    insert(&told, LAB_ROW("2024-05-01 12:00:01"));
    CHECK(look(&told) && has_lab(&told));
    move_file(&told.scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    CHECK(look(&told)); /* the row is told again, its folder is not looked at */
    told.scene.ahead_ms += 6000;
    look_again(&told.scene);
    CHECK(status(&told).told == 2 && has_lab(&told));
    finish(&told);
}

static void a_restart_goes_on_from_the_remembered_time(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    close_told(&told);
    put_lab(&told.scene);
    insert(&told, LAB_ROW("2024-05-01 12:30:00")
                      INSERT("9911000011", "0000099999", "20240401", "OML-11", "DEL", "",
                             "", "2024-05-01 18:00:00"));
    open_told(&told);
    CHECK(look(&told) && has_lab(&told));
    finish(&told);
}

/* The very first look begins at the end: what was there is the sweep's. */
static void what_was_there_at_the_first_look_is_left_to_the_sweep(void)
{
    struct told told;
    begin_told(&told);
    put_lab(&told.scene);
    insert(&told, LAB_ROW("2024-05-01 11:00:00"));
    CHECK(look(&told) && !has_lab(&told));
    sweep(&told.scene, false);
    CHECK(has_lab(&told));
    finish(&told);
}

/* Japanese time, as the hospital's own clock has it; so many seconds from now. */
static void write_time(struct told *told, int64_t from_now_s, char out[32])
{
    struct clock clock = scene_clock(&told->scene);
    int64_t wall_ms = clock_wall_ms(&clock) + from_now_s * 1000;
    int64_t of_day_s = (wall_ms + DAY_JAPAN_OFFSET_MS) / 1000 % 86400;
    char day[DAY_TEXT_BYTES];
    day_to_iso(day_of_instant(wall_ms), day);
    snprintf(out, 32, "%s %02d:%02d:%02d", day, (int)(of_day_s / 3600),
             (int)(of_day_s / 60 % 60), (int)(of_day_s % 60));
}

/* A row of that time: the one that names the lab's file, or one that names none. */
static void insert_at(struct told *told, bool is_lab, int64_t from_now_s)
{
    char time[32], sql[512];
    write_time(told, from_now_s, time);
    snprintf(sql, sizeof sql,
             "INSERT INTO SSMIXIDX VALUES ('STD01', '9911000011', '" NUMBER
             "', '20240501', 'OML-11', '" KEY "', '%s', '01', '" OCCURRED "', '', '', "
             "'%s');",
             is_lab ? "INS" : "DEL", time);
    rows_testsite_do(&told->site, sql);
}

static void a_row_from_the_future_hides_none_that_come_after_it(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    insert(&told, INSERT("9911000011", "0000099999", "20240401", "OML-11", "DEL", "", "",
                         "2199-12-31 23:59:59"));
    CHECK(look(&told));
    put_lab(&told.scene);
    insert_at(&told, true, -60);
    CHECK(look(&told) && has_lab(&told));
    finish(&told);
}

static void a_clock_that_was_set_right_again_hides_none(void)
{
    struct told told;
    begin_told(&told);
    insert_at(&told, false, 3 * 3600); /* it was three hours ahead */
    CHECK(look(&told));
    put_lab(&told.scene);
    insert_at(&told, true, -30);
    CHECK(look(&told) && has_lab(&told));
    finish(&told);
}

static void what_a_clock_set_back_hides_is_the_sweeps(void)
{
    struct told told;
    begin_told(&told);
    insert_at(&told, false, 0);
    CHECK(look(&told));
    put_lab(&told.scene);
    insert_at(&told, true, -3600);
    CHECK(look(&told) && !has_lab(&told));
    sweep(&told.scene, false);
    CHECK(has_lab(&told));
    finish(&told);
}

/* ---- rows that are wrong ---- */

static void hostile_rows_lead_nowhere_and_stop_nothing(void)
{
#define BAD(patient, day, type, action, directory, file)                                 \
    INSERT("9911000011", patient, day, type, action, directory, file,                    \
           "2024-05-01 12:00:01")
    static const char *const bad[] = {
        BAD("../../..", "20240501", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD("/etc/x", "20240501", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD("", "20240501", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD("12345", "20240501", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD(NUMBER, "20241332", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD(NUMBER, "..", "OML-11", "INS", LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "..", "INS", LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "../OML-11", "INS", LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "OML-11", "UPD", LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "/" LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "\\" LAB_FOLDER, "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "\\\\server\\share", "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "000/../001", "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "000\\..\\001", "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", "000//001", "f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER, "../f"),
        BAD(NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER, ".."),
        BAD(NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER, "a\\b"),
        ("INSERT INTO SSMIXIDX VALUES (NULL, '9911000011', NULL, NULL, NULL, NULL, NULL, "
         "NULL, NULL, NULL, NULL, '2024-05-01 12:00:01');")};
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        insert(&told, bad[i]);
        CHECK(look(&told) && !has_lab(&told));
        if (status(&told).refused != (int64_t)i + 1)
            printf("# refused %lld: %s\n", (long long)status(&told).refused, bad[i]);
        CHECK(status(&told).refused == (int64_t)i + 1);
    }
    insert(&told, LAB_ROW("2024-05-01 12:00:02"));
    CHECK(look(&told) && has_lab(&told));
    finish(&told);
}

/* A reader that says what no database could be made to. */
struct frame {
    uint8_t bytes[4096];
    size_t len;
};

static void add_text(struct frame *frame, const char *text, size_t len)
{
    rows_write_number(len, 2, frame->bytes + frame->len);
    memcpy(frame->bytes + frame->len + 2, text, len);
    frame->len += 2 + len;
}

static void tell_row(struct told *told, const char *patient, size_t patient_len,
                     const char *file, size_t file_len)
{
    struct frame frame = {.bytes = {ROWS_TELL_ROW}, .len = ROWS_FRAME_HEAD + 9};
    char path[160], script[400];
    struct err err = {0};
    frame.bytes[ROWS_FRAME_HEAD] = 1;
    add_text(&frame, "9911000011", 10);
    add_text(&frame, patient, patient_len);
    add_text(&frame, "20240501", 8);
    add_text(&frame, "OML-11", 6);
    add_text(&frame, KEY, 15);
    add_text(&frame, "INS", 3);
    add_text(&frame, LAB_FOLDER, sizeof LAB_FOLDER - 1);
    if (file_len == ROWS_TOO_LONG) {
        rows_write_number(ROWS_TOO_LONG, 2, frame.bytes + frame.len);
        frame.len += 2;
    } else {
        add_text(&frame, file, file_len);
    }
    rows_write_number(frame.len - ROWS_FRAME_HEAD, 4, frame.bytes + 1);
    memcpy(frame.bytes + frame.len, "E\x09\0\0\0\0\0\0\0\0\0\0\0\0", 14);
    snprintf(path, sizeof path, "%s/frames", told->site.folder);
    CHECK(path_write_file(path, span_of(frame.bytes, frame.len + 14), &err));
    snprintf(told->program, sizeof told->program, "%s/reader", told->site.folder);
    snprintf(script, sizeof script, "#!/bin/bash\ncat %s >&0\nexec sleep 1000\n", path);
    unlink(told->program);
    CHECK(path_write_file(told->program, span_cstr(script), &err) &&
          chmod(told->program, 0700) == 0);
}

static void zero_bytes_and_what_is_too_long_are_refused(void)
{
    static const struct {
        const char *patient;
        size_t patient_len;
        const char *file;
        size_t file_len;
        int64_t refused;
    } cases[] = {
        {NUMBER "\0x", 12, "f", 1, 1},
        {"00000\0"
         "2345",
         10, "f", 1, 1},
        {NUMBER, 10, "f\0g", 3, 1},
        {NUMBER, 10, "\0", 1, 1},
        {NUMBER, 10, "", ROWS_TOO_LONG, 1},
        {NUMBER, 10, LAB_FILE(OCCURRED, "1"), sizeof LAB_FILE(OCCURRED, "1") - 1, 0}};
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        close_told(&told);
        tell_row(&told, cases[i].patient, cases[i].patient_len, cases[i].file,
                 cases[i].file_len);
        open_told(&told);
        CHECK(look(&told) && status(&told).told == 1);
        CHECK(status(&told).refused == cases[i].refused);
        CHECK(has_lab(&told) == (cases[i].refused == 0));
    }
    finish(&told);
}

static void rows_of_other_facilities_are_none_of_ours(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    put_lab(&told.scene);
    insert(&told, INSERT("9911000029", NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER,
                         LAB_FILE(OCCURRED, "1"), "2024-05-01 12:00:01")
                      INSERT("", NUMBER, "20240501", "OML-11", "INS", LAB_FOLDER,
                             LAB_FILE(OCCURRED, "1"), "2024-05-01 12:00:01"));
    CHECK(look(&told) && !has_lab(&told));
    CHECK(status(&told).elsewhere == 2 && status(&told).refused == 0);
    finish(&told);
}

static void a_row_whose_file_is_not_there_is_told_and_stays_open(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    insert(&told, LAB_ROW("2024-05-01 12:00:01"));
    CHECK(look(&told) && status(&told).missing == 1);
    CHECK(look(&told) && status(&told).missing == 1 && !has_lab(&told));
    put_lab(&told.scene);
    CHECK(look(&told) && status(&told).missing == 0 && has_lab(&told));
    finish(&told);
}

/* ---- a database that fails ---- */

static void a_fault_has_its_reason_until_it_is_gone(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told) && collect_polled_s(told.scene.collect) == 0);
    insert(&told, "DROP TABLE SSMIXIDX;");
    CHECK(!look(&told));
    CHECK(text_is(status(&told).state, "index_database_table"));
    CHECK(collect_polled_s(told.scene.collect) == 3600); /* the sweep is the freshness */
    put_lab(&told.scene);
    sweep(&told.scene, false);
    CHECK(has_lab(&told));
    insert(&told, WIDE OLD_ROW);
    CHECK(look(&told) && text_is(status(&told).state, "ok"));
    CHECK(collect_polled_s(told.scene.collect) == 0);
    finish(&told);
}

/* What was handled before the connection broke is not lost, nor is what comes later. */
static void an_answer_that_breaks_off_is_asked_for_again(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    close_told(&told);
    put_lab(&told.scene);
    tell_row(&told, NUMBER, 10, LAB_FILE(OCCURRED, "1"),
             sizeof LAB_FILE(OCCURRED, "1") - 1);
    char script[400];
    struct err err = {0};
    snprintf(script, sizeof script,
             "#!/bin/bash\nread -r -d S\nhead -c -7 %s/frames >&0\n", told.site.folder);
    unlink(told.program);
    CHECK(path_write_file(told.program, span_cstr(script), &err) &&
          chmod(told.program, 0700) == 0);
    rows_testsite_write(told.site.connection,
                        "Driver=x;\n"); /* before the question's S */
    open_told(&told);
    CHECK(!look(&told) && has_lab(&told));
    CHECK(text_is(status(&told).state, "index_database_ended"));
    close_told(&told);
    told.program[0] = '\0';
    rows_testsite_connect(&told.site, "");
    open_told(&told);
    insert(&told, INSERT("9911000011", NUMBER, "20240501", "OML-11", "DEL", LAB_FOLDER,
                         LAB_FILE(OCCURRED, "0"), "2024-05-01 12:00:01"));
    move_file(&told.scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB_FILE(OCCURRED, "0"));
    CHECK(look(&told));
    told.scene.ahead_ms += 6000;
    look_again(&told.scene);
    CHECK(!has_lab(&told));
    finish(&told);
}

/* The machine's own clock, and a thread. */
static void start_thread(struct told *told, int sweep_period_ms)
{
    struct err err = {0};
    close_told(told);
    struct rows_config rows = {.connection_file = told->site.connection,
                               .program =
                                   told->program[0] ? told->program : getenv("TSUMUGI"),
                               .timeout_s = 3600,
                               .clock = clock_system()};
    told->rows = rows_open(&rows, &err);
    struct collect_config config = {.index = told->scene.index,
                                    .roots = told->roots,
                                    .root_count = told->root_count,
                                    .rows = told->rows,
                                    .rows_period_ms = 100,
                                    .facility_code = TEXT("9911000011"),
                                    .clock = clock_system(),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = sweep_period_ms,
                                    .full_period_ms = 3600 * 1000,
                                    .recent_days = 100000};
    told->scene.collect = collect_new(&config, &err);
    CHECK(told->rows && told->scene.collect && collect_start(told->scene.collect, &err));
}

static void the_thread_follows_it_by_itself(void)
{
    struct told told;
    begin_told(&told);
    CHECK(look(&told));
    start_thread(&told, 3600 * 1000);
    while (!collect_has_swept(told.scene.collect))
        usleep(10000); /* so that the row, not the first sweep, is what finds it */
    put_lab(&told.scene);
    insert(&told, LAB_ROW("2024-05-01 12:00:01"));
    CHECK(comes_soon(&told.scene, LAB_BASE, "202405011200000001"));
    finish(&told);
}

static void a_database_that_never_answers_holds_no_sweep(void)
{
    struct told told;
    struct err err = {0};
    begin_told(&told);
    snprintf(told.program, sizeof told.program, "%s/reader", told.site.folder);
    CHECK(path_write_file(told.program, SPAN("#!/bin/bash\nexec sleep 1000\n"), &err) &&
          chmod(told.program, 0700) == 0);
    start_thread(&told, 50);
    while (!collect_has_swept(told.scene.collect))
        usleep(10000);
    put_lab(&told.scene);
    CHECK(comes_soon(&told.scene, LAB_BASE, "202405011200000001"));
    finish(&told);
}

/* ---- a server that is killed ---- */

/* A server of its own, which runs until its input is closed; its folder. */
static pid_t start_server(int *hold, char folder[128])
{
    int input[2], output[2];
    CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0);
    pid_t process = fork();
    if (process == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        execl("tools/postgres", "postgres", "bash", "-c",
              "echo \"$TSUMUGI_TEST_POSTGRES\"; read -r", NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < 127 && !memchr(folder, '\n', len)) {
        got = read(output[0], folder + len, 127 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    close(output[0]);
    CHECK(len > 1 && folder[len - 1] == '\n');
    folder[len > 0 ? len - 1 : 0] = '\0';
    *hold = input[1];
    return process;
}

static void run_beside(const char *script, const char *folder)
{
    const char *const words[] = {"bash", "-c", script, "test", folder, NULL};
    CHECK(rows_testsite_run(words) == 0);
}

static void a_database_killed_and_back_goes_on_where_it_was(void)
{
    struct told told;
    char folder[128] = "";
    const char *shared = server;
    int hold = -1;
    pid_t process = start_server(&hold, folder);
    server = folder;
    begin_told(&told);
    CHECK(look(&told));
    run_beside(
        "id=$(head -1 $1/data/postmaster.pid); kill -KILL $id $(ps -o pid= --ppid $id)",
        folder);
    CHECK(!look(&told) && text_is(status(&told).state, "index_database_down"));
    put_lab(&told.scene);
    CHECK(!look(&told)); /* still */
    run_beside(
        "as=(); [[ $(id -u) -ne 0 ]] || as=(setpriv --reuid=postgres "
        "--regid=postgres --init-groups --)\n"
        "programs=$(printf '%s\\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)\n"
        "cd $1; for i in {1..100}; do\n" /* until the killed one's children went */
        "\"${as[@]}\" $programs/pg_ctl -D $1/data -l $1/log -w restart && exit\n"
        "sleep 0.1; done; exit 1",
        folder);
    insert(&told, LAB_ROW("2024-05-01 12:00:01"));
    CHECK(look(&told) && has_lab(&told) && text_is(status(&told).state, "ok"));
    finish(&told);
    server = shared;
    close(hold);
    CHECK(waitpid(process, NULL, 0) == process);
}

static void each(void)
{
    RUN(what_a_new_row_names_is_read_at_once);
    RUN(directories_with_backslashes_are_the_same);
    RUN(a_new_version_is_read_though_its_folder_is_known);
    RUN(a_deletion_is_seen_and_waits_for_its_second_look);
    RUN(documents_are_found_by_their_day);
    RUN(rows_that_were_committed_late_are_taken_within_ten_minutes);
    RUN(what_was_seen_is_not_read_again);
    RUN(a_restart_goes_on_from_the_remembered_time);
    RUN(what_was_there_at_the_first_look_is_left_to_the_sweep);
    RUN(a_row_from_the_future_hides_none_that_come_after_it);
    RUN(a_clock_that_was_set_right_again_hides_none);
    RUN(what_a_clock_set_back_hides_is_the_sweeps);
    RUN(hostile_rows_lead_nowhere_and_stop_nothing);
    RUN(rows_of_other_facilities_are_none_of_ours);
    RUN(a_row_whose_file_is_not_there_is_told_and_stays_open);
    RUN(a_fault_has_its_reason_until_it_is_gone);
    RUN(the_thread_follows_it_by_itself);
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("index database", "TSUMUGI does not name the program");
        return test_done();
    }
    each();
    RUN(zero_bytes_and_what_is_too_long_are_refused);
    RUN(an_answer_that_breaks_off_is_asked_for_again);
    RUN(a_database_that_never_answers_holds_no_sweep);
    RUN(a_database_killed_and_back_goes_on_where_it_was);
    server = getenv("TSUMUGI_TEST_POSTGRES");
    if (server)
        each();
    else
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
    return test_done();
}
