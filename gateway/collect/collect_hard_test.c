// SPDX-License-Identifier: Apache-2.0
/* What storages do to a reader: shares that go away, several roots, files written in
 * place, names and kinds of files that nobody expects, and mistakes that people undo. */
#include <fcntl.h>
#include <ftw.h>

#include "gateway/collect/collect_parts.h"
#include "gateway/collect/collect_testsite.h"

#define OTHER_KEY "000000000000002"
#define OTHER_BASE "20240501/OML-11/" OTHER_KEY
#define OTHER_LAB_FILE NUMBER "_20240501_OML-11_" OTHER_KEY "_" OCCURRED "_01_1"
#define FOREIGN_PID PID("9999999", "森^一郎", "モリ^イチロウ", "19801231")

static void remove_tree(struct scene *scene, const char *relative)
{
    CHECK(test_remove(in_storage(scene, relative)));
}

/* The storage as it is, all read, linked, and every event answered. */
static void begin_read(struct scene *scene)
{
    begin(scene);
    put_patient(scene);
    put_lab(scene);
    sweep(scene, false);
    link_patient(scene);
}

static void wait_and_look_again(struct scene *scene)
{
    scene->ahead_ms += 5000;
    look_again(scene);
}

/* ---- what went ---- */

static void a_patient_who_went_is_withdrawn(void)
{
    struct scene scene;
    begin_read(&scene);
    put_file(&scene, "000/002/0000200000/-/ADT-00",
             "0000200000_-_ADT-00_999999999999999_" OCCURRED "_-_1",
             ADT(PID("0000200000", "森^一郎", "モリ^イチロウ", "19801231")));
    remove_tree(&scene, "000/001");
    sweep(&scene, false);
    CHECK(are_events(&scene, ""));
    wait_and_look_again(&scene);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    CHECK(are_events(&scene, "W"
                             "EW"));
    end(&scene);
}

static void a_check_finds_that_the_patient_went(void)
{
    struct scene scene;
    struct err err = {0};
    begin_read(&scene);
    CHECK(mkdir(in_storage(&scene, "001"), 0700) == 0); /* there is more in it */
    remove_tree(&scene, PATIENT_FOLDER);
    CHECK(collect_sweep_patient(scene.collect, TEXT(NUMBER), &err));
    wait_and_look_again(&scene);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "none") == 0);
    end(&scene);
}

/* It was read and gone before its time had settled. */
static void a_folder_that_went_at_once_is_withdrawn(void)
{
    struct scene scene;
    begin(&scene);
    scene.ahead_ms = 0;
    put_patient(&scene);
    put_lab(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    remove_tree(&scene, PATIENT_FOLDER "/20240501");
    sweep(&scene, false);
    wait_and_look_again(&scene);
    CHECK(are_events(&scene, "W"));
    end(&scene);
}

/* The second look at one record is the first at another. */
static void each_record_has_its_own_second_look(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    put_file(&scene, LAB_FOLDER, OTHER_LAB_FILE, LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    link_patient(&scene);
    CHECK(unlink(in_storage(&scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1"))) == 0);
    sweep(&scene, false);
    scene.ahead_ms += 5000;
    move_file(&scene, LAB_FOLDER, OTHER_LAB_FILE, "hidden");
    look_again(&scene);
    CHECK(are_events(&scene, "W"));
    CHECK(strcmp(version_of(&scene, OTHER_BASE), OCCURRED "1") == 0);
    move_file(&scene, LAB_FOLDER, "hidden", OTHER_LAB_FILE);
    wait_and_look_again(&scene);
    CHECK(are_events(&scene, "W"));
    end(&scene);
}

/* The mount point of a share that is not mounted is an empty folder. */
static void an_empty_mount_point_withdraws_nothing(void)
{
    struct scene scene;
    struct err err = {0};
    char away[128];
    begin_read(&scene);
    snprintf(away, sizeof away, "%s/away", scene.folder);
    CHECK(rename(scene.storage, away) == 0);
    CHECK(mkdir(scene.storage, 0700) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(!collect_sweep(scene.collect, i > 0, &err));
        CHECK(strcmp(err.code, "storage_away") == 0);
        wait_and_look_again(&scene);
    }
    CHECK(are_events(&scene, "") && !collect_is_whole(scene.collect));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(rmdir(scene.storage) == 0 && rename(away, scene.storage) == 0);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "202405011300000001") == 0);
    end(&scene);
}

/* The share went between the two looks. */
static void a_share_that_went_before_the_second_look_withdraws_nothing(void)
{
    struct scene scene;
    struct err err = {0};
    char away[128];
    begin_read(&scene);
    move_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), "hidden");
    sweep(&scene, false);
    snprintf(away, sizeof away, "%s/away", scene.folder);
    CHECK(rename(scene.storage, away) == 0);
    scene.ahead_ms += 5000;
    CHECK(!collect_look_again(scene.collect, &err));
    CHECK(are_events(&scene, ""));
    CHECK(rename(away, scene.storage) == 0);
    move_file(&scene, LAB_FOLDER, "hidden", LAB_FILE(OCCURRED, "1"));
    wait_and_look_again(&scene);
    CHECK(are_events(&scene, ""));
    end(&scene);
}

/* ---- several roots ---- */

static void open_two(struct scene *scene, struct collect_root roots[2], char second[128])
{
    struct err err = {0};
    snprintf(second, 128, "%s/second", scene->folder);
    CHECK(path_make_directory(second, &err));
    roots[0] = scene->root;
    roots[1] = (struct collect_root){.label = "second", .directory = second};
    struct collect_config config = {.index = scene->index,
                                    .roots = roots,
                                    .root_count = 2,
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000};
    collect_free(scene->collect);
    scene->collect = collect_new(&config, &err);
    CHECK(scene->collect);
}

static void put_in_second(struct scene *scene, const char *second, const char *file,
                          const char *message)
{
    char kept[sizeof scene->storage];
    memcpy(kept, scene->storage, sizeof kept);
    snprintf(scene->storage, sizeof scene->storage, "%s", second);
    put_file(scene, LAB_FOLDER, file, message);
    memcpy(scene->storage, kept, sizeof kept);
}

/* Medicine and dentistry: the same patient, day and type in both. */
static void roots_do_not_withdraw_each_others_records(void)
{
    struct scene scene;
    struct collect_root roots[2];
    char second[128];
    begin(&scene);
    open_two(&scene, roots, second);
    put_patient(&scene);
    put_lab(&scene);
    put_in_second(&scene, second, OTHER_LAB_FILE, LAB(OWN_PID, "7.2"));
    sweep(&scene, true);
    link_patient(&scene);
    for (int i = 0; i < 3; i++) {
        sweep(&scene, true);
        wait_and_look_again(&scene);
    }
    CHECK(are_events(&scene, ""));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(strcmp(version_of(&scene, OTHER_BASE), OCCURRED "1") == 0);
    end(&scene);
}

static void the_newest_version_of_all_roots_is_current(void)
{
    struct scene scene;
    struct collect_root roots[2];
    char second[128];
    char newer[256];
    begin(&scene);
    open_two(&scene, roots, second);
    put_patient(&scene);
    put_in_second(&scene, second, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "7.2"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    sweep(&scene, true);
    sweep(&scene, true);
    CHECK(strcmp(version_of(&scene, LAB_BASE), "202405011300000001") == 0);
    snprintf(newer, sizeof newer, "%s",
             in_storage(&scene, LAB_FOLDER "/" LAB_FILE("20240501130000000", "1")));
    CHECK(unlink(newer) == 0);
    sweep(&scene, false);
    wait_and_look_again(&scene);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

static void a_root_that_is_away_does_not_stop_the_other(void)
{
    struct scene scene;
    struct err err = {0};
    struct collect_root roots[2];
    char second[128];
    begin(&scene);
    open_two(&scene, roots, second);
    put_patient(&scene);
    put_in_second(&scene, second, OTHER_LAB_FILE, LAB(OWN_PID, "7.2"));
    remove_tree(&scene, "");
    CHECK(!collect_sweep(scene.collect, false, &err));
    CHECK(!collect_has_swept(scene.collect));
    CHECK(strcmp(version_of(&scene, OTHER_BASE), OCCURRED "1") == 0);
    CHECK(mkdir(scene.storage, 0700) == 0);
    end(&scene);
}

/* ---- files ---- */

static void set_times(const char *path, time_t at)
{
    struct timespec times[2] = {{.tv_sec = at}, {.tv_sec = at}};
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void age(struct scene *scene, time_t at)
{
    set_times(in_storage(scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1")), at);
    set_times(in_storage(scene, LAB_FOLDER), at);
}

static bool is_read_as(struct scene *scene, const char *message)
{
    struct err err = {0};
    struct index_file file;
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(span_cstr(message));
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex);
    CHECK(index_find_file(scene->index, TEXT(NUMBER), TEXT(LAB_BASE), &scene->arena,
                          &file, &err));
    return text_is(file.hash, hex);
}

/* Put in place of another by something that keeps times, as copying tools do. */
static void a_file_replaced_by_one_of_equal_size_and_time_is_read(void)
{
    struct scene scene;
    begin(&scene);
    put_lab(&scene);
    age(&scene, 1714530000);
    sweep(&scene, false);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "9.9"));
    age(&scene, 1714530000);
    sweep(&scene, false);
    CHECK(is_read_as(&scene, LAB(OWN_PID, "9.9")));
    end(&scene);
}

/* A server that keeps no numbers of files and no times of their change: what the index
 * has noted of the old file is true of the new one. */
static void note_as_seen(struct scene *scene)
{
    struct stat status;
    struct err err = {0};
    struct index_file file;
    CHECK(index_find_file(scene->index, TEXT(NUMBER), TEXT(LAB_BASE), &scene->arena,
                          &file, &err));
    CHECK(stat(in_storage(scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1")), &status) == 0);
    file.inode = (int64_t)status.st_ino;
    file.status_ns = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec;
    struct index_change change = {.file = file};
    struct index_piece piece = {.kind = INDEX_TOUCH, .change = &change};
    CHECK(index_write(scene->index, STORE_LIVE, &piece, 1, &err));
}

static void the_full_sweep_compares_content(void)
{
    struct scene scene;
    begin(&scene);
    put_lab(&scene);
    age(&scene, 1714530000);
    sweep(&scene, false);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "9.9"));
    age(&scene, 1714530000);
    note_as_seen(&scene);
    sweep(&scene, false);
    CHECK(is_read_as(&scene, LAB(OWN_PID, "7.2")));
    sweep(&scene, true);
    CHECK(is_read_as(&scene, LAB(OWN_PID, "9.9")));
    end(&scene);
}

static void write_in_place(struct scene *scene, const char *message, size_t len)
{
    int fd = open(in_storage(scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1")),
                  O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && write(fd, message, len) == (ssize_t)len && close(fd) == 0);
}

/* On a share without events: the folder's time does not change any more. */
static void a_half_written_file_is_read_again_when_it_is_whole(void)
{
    struct scene scene;
    const char *message = LAB(OWN_PID, "7.2");
    begin(&scene);
    put_lab(&scene);
    write_in_place(&scene, message, strlen(message) - 30);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "hl7_segment_cut "));
    write_in_place(&scene, message, strlen(message));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "") && is_read_as(&scene, message));
    end(&scene);
}

static void the_same_content_under_another_time_makes_no_event(void)
{
    struct scene scene;
    begin_read(&scene);
    set_times(in_storage(&scene, LAB_FOLDER "/" LAB_FILE(OCCURRED, "1")), 1714530000);
    sweep(&scene, true);
    CHECK(are_events(&scene, ""));
    end(&scene);
}

static void what_is_no_file_is_listed(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(mkfifo(in_storage(&scene, LAB_FOLDER "/" OTHER_LAB_FILE), 0600) == 0);
    CHECK(symlink("/etc/passwd",
                  in_storage(&scene, LAB_FOLDER
                             "/" NUMBER "_20240501_OML-11_000000000000003_" OCCURRED
                             "_01_1")) == 0);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "path_unsafe path_unsafe "));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    link_patient(&scene);
    sweep(&scene, true);
    CHECK(are_events(&scene, ""));
    CHECK(unlink(in_storage(&scene, LAB_FOLDER "/" OTHER_LAB_FILE)) == 0);
    put_file(&scene, LAB_FOLDER, OTHER_LAB_FILE, LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "path_unsafe ") && are_events(&scene, "P"));
    end(&scene);
}

static void hostile_names_are_listed_and_stop_nothing(void)
{
    static const char *const names[] = {"\xFF\xFE", "a\001b", "back\\slash", "%41",
                                        "\xE3\x81"};
    struct scene scene;
    struct err err = {0};
    struct index_trouble *items = NULL;
    size_t count = 0;
    begin(&scene);
    put_lab(&scene);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put_file(&scene, LAB_FOLDER, names[i], "x");
    sweep(&scene, false);
    CHECK(index_list_trouble(scene.index, 16, &scene.arena, &items, &count, &err));
    CHECK(count == 5);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    bool is_shown = false;
    for (size_t i = 0; i < count; i++)
        is_shown = is_shown || text_is(items[i].path, "main/" LAB_FOLDER "/%FF%FE");
    CHECK(is_shown);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[640];
        snprintf(path, sizeof path, "%s/%s", in_storage(&scene, LAB_FOLDER), names[i]);
        CHECK(unlink(path) == 0);
    }
    sweep(&scene, false);
    wait_and_look_again(&scene);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

/* 150 characters of key: no event could name it. */
static void a_key_that_is_too_long_is_listed_and_stops_nothing(void)
{
    struct scene scene;
    char key[151];
    char file[256];
    begin(&scene);
    memset(key, '7', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    snprintf(file, sizeof file, NUMBER "_20240501_OML-11_%s_" OCCURRED "_01_1", key);
    put_patient(&scene);
    put_lab(&scene);
    put_file(&scene, LAB_FOLDER, file, LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "key_too_long "));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

#define ALLERGIES(list)                                                                  \
    MSH("ADT^A60^ADT_A60", "") "EVN||202405011200|||||SEND\r" OWN_PID PV1 list
#define ALLERGY(number, id)                                                              \
    "IAM|" number "|DA^薬剤^HL70127|X^薬^99X|SV^重^HL70128|発疹|A^追加^HL70323|" id "\r"

/* The source names entries so that two have one key, or a key longer than any event. */
static void entries_that_cannot_be_told_apart_stop_nothing(void)
{
    static const char *const messages[] = {
        ALLERGIES(ALLERGY("1", "A#2") ALLERGY("2", "A") ALLERGY("3", "A")
                      ALLERGY("4", "A#3") ALLERGY("5", "A#4")),
        ALLERGIES(ALLERGY("1", "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"
                               "0123456789012345678901234567890123456789"))};
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        put_file(&scene, PATIENT_FOLDER "/-/ADT-61",
                 NUMBER "_-_ADT-61_999999999999999_" OCCURRED "_-_1", messages[i]);
        sweep(&scene, true);
        CHECK(strcmp(version_of(&scene, "-/ADT-61/999999999999999"), OCCURRED "1") == 0);
    }
    CHECK(is_trouble(&scene, "entries_unusable "));
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    end(&scene);
}

/* Without the rights of root, who reads everything. */
static void unreadable_things_stop_nothing(void)
{
    enum { NOBODY = 65534 };
    struct scene scene;
    uid_t own = geteuid();
    CHECK(own != 0 || seteuid(NOBODY) == 0);
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    put_file(&scene, "000/000/0000000001/-/ADT-00",
             "0000000001_-_ADT-00_999999999999999_" OCCURRED "_-_1",
             ADT(PID("0000000001", "森^一郎", "モリ^イチロウ", "19801231")));
    put_file(&scene, LAB_FOLDER, OTHER_LAB_FILE, LAB(OWN_PID, "7.2"));
    CHECK(chmod(in_storage(&scene, LAB_FOLDER "/" OTHER_LAB_FILE), 0) == 0);
    CHECK(chmod(in_storage(&scene, "000/000/0000000001"), 0) == 0);
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, LAB_BASE), OCCURRED "1") == 0);
    CHECK(collect_has_swept(scene.collect));
    CHECK(is_trouble(&scene, "path_failed "));
    CHECK(chmod(in_storage(&scene, "000/000/0000000001"), 0700) == 0);
    CHECK(chmod(in_storage(&scene, LAB_FOLDER "/" OTHER_LAB_FILE), 0600) == 0);
    sweep(&scene, true);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
    CHECK(seteuid(own) == 0);
}

/* ---- what people decide ---- */

static void a_setting_that_changes_judges_everything_again(void)
{
    struct scene scene;
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(FOREIGN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch ") && !has_entry(&scene, LAB_BASE));
    for (int i = 0; i < 2; i++) {
        collect_free(scene.collect);
        scene.root.accepts_foreign_numbers = i == 0;
        open_collect(&scene);
        sweep(&scene, false);
        CHECK(is_trouble(&scene, i == 0 ? "" : "patient_mismatch "));
        CHECK(has_entry(&scene, LAB_BASE) == (i == 0));
    }
    end(&scene);
}

static void release(struct scene *scene, const char *path)
{
    struct err err = {0};
    CHECK(index_release_file(scene->index, text_cstr(path), &err));
    if (err.kind)
        printf("# %s\n", err.code);
}

static void a_released_file_is_shown_as_it_is_and_no_other(void)
{
    struct scene scene;
    struct err err = {0};
    const char *path = "main/" LAB_FOLDER "/" LAB_FILE(OCCURRED, "1");
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(FOREIGN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(!index_release_file(scene.index, TEXT("main/nowhere"), &err));
    CHECK(err.kind == ERR_MISSING);
    release(&scene, path);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "") && has_entry(&scene, LAB_BASE));
    sweep(&scene, true);
    CHECK(is_trouble(&scene, "") && has_entry(&scene, LAB_BASE));
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(FOREIGN_PID, "9.9"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch ") && !has_entry(&scene, LAB_BASE));
    end(&scene);
}

static void a_file_named_for_another_can_be_released(void)
{
    struct scene scene;
    const char *name = "9999999_20240501_OML-11_" OTHER_KEY "_" OCCURRED "_01_1";
    char path[256];
    begin(&scene);
    put_patient(&scene);
    put_lab(&scene);
    put_file(&scene, LAB_FOLDER, name, LAB(OWN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch ") && !has_entry(&scene, OTHER_BASE));
    snprintf(path, sizeof path, "main/" LAB_FOLDER "/%s", name);
    release(&scene, path);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "") && has_entry(&scene, OTHER_BASE));
    CHECK(has_entry(&scene, LAB_BASE));
    put_file(&scene, LAB_FOLDER, name, LAB(FOREIGN_PID, "7.2"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch "));
    end(&scene);
}

/* The results came before the patient's own data, or the data were somebody else's. */
static void an_adt_that_comes_later_judges_what_was_there(void)
{
    struct scene scene;
    begin(&scene);
    put_file(&scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"),
             LAB(PID(NUMBER, "森^一郎", "モリ^イチロウ", "19801231"), "7.2"));
    sweep(&scene, false);
    CHECK(has_entry(&scene, LAB_BASE));
    put_patient(&scene);
    sweep(&scene, false);
    CHECK(!has_entry(&scene, LAB_BASE) && is_trouble(&scene, "patient_contradicted "));
    put_file(&scene, PATIENT_FOLDER "/-/ADT-00", ADT_FILE,
             ADT(PID(NUMBER, "森^一郎", "モリ^イチロウ", "19801231")));
    sweep(&scene, false);
    CHECK(has_entry(&scene, LAB_BASE) && is_trouble(&scene, ""));
    end(&scene);
}

/* ---- large storages ---- */

static void put_numbered(struct scene *scene, int number)
{
    char folder[128];
    char file[128];
    snprintf(folder, sizeof folder, "%03d/%03d/%06d0000/-/ADT-00", number / 1000,
             number % 1000, number);
    snprintf(file, sizeof file, "%06d0000_-_ADT-00_999999999999999_" OCCURRED "_-_1",
             number);
    put_file(scene, folder, file, ADT(PID("", "森^一郎", "モリ^イチロウ", "19801231")));
}

static int make_old(const char *name, const struct stat *status, int kind,
                    struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    set_times(name, 1000000000);
    return 0;
}

/* A clock at which the sweep waits: first for somebody who wants to get in, then, when
 * nobody does any more, for the end of the test. */
struct gate {
    struct scene *scene;
    pthread_t self;
    _Atomic(struct collect *) collect;
    atomic_bool is_open;
};

static int64_t gate_wall_ms(void *self)
{
    struct gate *gate = self;
    struct timespec pause = {0, 1000000};
    while (!pthread_equal(pthread_self(), gate->self) && !atomic_load(&gate->is_open) &&
           (!atomic_load(&gate->collect) ||
            atomic_load(&atomic_load(&gate->collect)->waiting) == 0))
        nanosleep(&pause, NULL);
    return scene_wall_ms(gate->scene);
}

static int64_t gate_monotonic_ms(void *self)
{
    return scene_monotonic_ms(((struct gate *)self)->scene);
}

/* A check does not wait until a whole storage is read. */
static void a_sweep_lets_a_check_in_between(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    for (int i = 2000; i < 2010; i++)
        put_numbered(&scene, i);
    put_patient(&scene);
    struct gate gate = {.scene = &scene, .self = pthread_self()};
    struct collect_config config = {.index = scene.index,
                                    .roots = &scene.root,
                                    .root_count = 1,
                                    .clock = {gate_wall_ms, gate_monotonic_ms, &gate},
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 3600 * 1000,
                                    .full_period_ms = 3600 * 1000};
    collect_free(scene.collect);
    scene.collect = collect_new(&config, &err);
    atomic_store(&gate.collect, scene.collect);
    CHECK(scene.collect && collect_start(scene.collect, &err));
    CHECK(collect_sweep_patient(scene.collect, TEXT(NUMBER), &err));
    CHECK(strcmp(version_of(&scene, "-/ADT-00/999999999999999"), OCCURRED "1") == 0);
    CHECK(!collect_has_swept(scene.collect));
    atomic_store(&gate.is_open, true);
    end(&scene);
}

/* Fewer watches than folders: those where something happened lately have them. */
static void the_watches_are_where_something_happens(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    for (int i = 1; i < 20; i++)
        put_numbered(&scene, i);
    for (int i = 5000; i < 5020; i++)
        put_numbered(&scene, i);
    CHECK(nftw(scene.storage, make_old, 16, FTW_DEPTH | FTW_PHYS) == 0);
    put_patient(&scene);
    put_lab(&scene);
    collect_free(scene.collect);
    scene.watches_max = 9;
    open_collect(&scene);
    CHECK(collect_start(scene.collect, &err));
    CHECK(comes_soon(&scene, LAB_BASE, OCCURRED "1"));
    while (!collect_has_swept(scene.collect))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    end(&scene);
}

/* The new place of a watched folder is known, so that what is written there is read. */
static void a_watched_folder_that_is_moved_stays_watched(void)
{
    struct scene scene;
    struct err err = {0};
    char from[256];
    begin(&scene);
    put_patient(&scene);
    put_file(&scene, PATIENT_FOLDER "/20240502/OML-11",
             NUMBER "_20240502_OML-11_" KEY "_" OCCURRED "_01_1", LAB(OWN_PID, "7.2"));
    collect_free(scene.collect);
    scene.watches_max = 100;
    open_collect(&scene);
    CHECK(collect_start(scene.collect, &err));
    CHECK(comes_soon(&scene, "20240502/OML-11/" KEY, OCCURRED "1"));
    snprintf(from, sizeof from, "%s", in_storage(&scene, PATIENT_FOLDER "/20240502"));
    CHECK(rename(from, in_storage(&scene, PATIENT_FOLDER "/20240501")) == 0);
    put_lab(&scene);
    CHECK(comes_soon(&scene, LAB_BASE, OCCURRED "1"));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    end(&scene);
}

int main(void)
{
    RUN(a_sweep_lets_a_check_in_between);
    RUN(the_watches_are_where_something_happens);
    RUN(a_watched_folder_that_is_moved_stays_watched);
    RUN(a_patient_who_went_is_withdrawn);
    RUN(a_check_finds_that_the_patient_went);
    RUN(a_folder_that_went_at_once_is_withdrawn);
    RUN(each_record_has_its_own_second_look);
    RUN(an_empty_mount_point_withdraws_nothing);
    RUN(a_share_that_went_before_the_second_look_withdraws_nothing);
    RUN(roots_do_not_withdraw_each_others_records);
    RUN(the_newest_version_of_all_roots_is_current);
    RUN(a_root_that_is_away_does_not_stop_the_other);
    RUN(a_file_replaced_by_one_of_equal_size_and_time_is_read);
    RUN(the_full_sweep_compares_content);
    RUN(a_half_written_file_is_read_again_when_it_is_whole);
    RUN(the_same_content_under_another_time_makes_no_event);
    RUN(what_is_no_file_is_listed);
    RUN(hostile_names_are_listed_and_stop_nothing);
    RUN(a_key_that_is_too_long_is_listed_and_stops_nothing);
    RUN(entries_that_cannot_be_told_apart_stop_nothing);
    RUN(unreadable_things_stop_nothing);
    RUN(a_setting_that_changes_judges_everything_again);
    RUN(a_released_file_is_shown_as_it_is_and_no_other);
    RUN(a_file_named_for_another_can_be_released);
    RUN(an_adt_that_comes_later_judges_what_was_there);
    return test_done();
}
