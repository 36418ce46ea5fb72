// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: a storage and an index of its own. */

#include "gateway/collect/collect.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

/* Invented persons in a storage made for each test. */
#define NUMBER "0000012345"
#define PATIENT_FOLDER "000/001/" NUMBER
#define KEY "000000000000001"
#define LAB_FOLDER PATIENT_FOLDER "/20240501/OML-11"
#define LAB_BASE "20240501/OML-11/" KEY
#define OCCURRED "20240501120000000"

static const char *const all_kinds = "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}";

struct scene {
    char folder[64];
    char storage[96];
    char location[96];
    int64_t ahead_ms; /* our clock before the machine's */
    struct arena arena;
    struct uplink_policy policy;
    struct collect_root root;
    struct index *index;
    struct collect *collect;
    int watches_max;
    bool asks_marks;
};

/* Ten seconds ahead, so that folders count as settled at once. */
static inline int64_t scene_wall_ms(void *self)
{
    struct clock machine = clock_system();
    return clock_wall_ms(&machine) + ((struct scene *)self)->ahead_ms;
}

static inline int64_t scene_monotonic_ms(void *self)
{
    return ((struct scene *)self)->ahead_ms;
}

static inline struct clock scene_clock(struct scene *scene)
{
    return (struct clock){scene_wall_ms, scene_monotonic_ms, scene};
}

static inline void open_index(struct scene *scene)
{
    struct err err = {0};
    struct index_config config = {.location = scene->location,
                                  .clock = scene_clock(scene),
                                  .rand = rand_system(),
                                  .policy = &scene->policy,
                                  .policy_json = text_cstr(all_kinds)};
    scene->index = index_open(&config, &err);
    CHECK(scene->index);
}

static inline void open_collect(struct scene *scene)
{
    struct err err = {0};
    struct collect_config config = {.index = scene->index,
                                    .roots = &scene->root,
                                    .root_count = 1,
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 3600 * 1000,
                                    .full_period_ms = 3600 * 1000,
                                    .recent_days = 100000,
                                    .watches_max = scene->watches_max,
                                    .asks_marks = scene->asks_marks};
    scene->collect = collect_new(&config, &err);
    CHECK(scene->collect);
}

static inline void begin(struct scene *scene)
{
    struct err err = {0};
    *scene = (struct scene){.folder = "/tmp/collect_test_XXXXXX",
                            .ahead_ms = 10000,
                            .arena = arena_init(64 << 20)};
    CHECK(mkdtemp(scene->folder));
    snprintf(scene->storage, sizeof scene->storage, "%s/storage", scene->folder);
    snprintf(scene->location, sizeof scene->location, "%s/index.db", scene->folder);
    CHECK(path_make_directory(scene->storage, &err));
    CHECK(uplink_read_policy(span_cstr(all_kinds), &scene->arena, &scene->policy, &err));
    scene->root = (struct collect_root){
        .label = "main", .directory = scene->storage, .may_be_empty = true};
    open_index(scene);
    open_collect(scene);
}

static inline void end(struct scene *scene)
{
    collect_free(scene->collect);
    index_close(scene->index);
    arena_free(&scene->arena);
    CHECK(test_remove(scene->folder));
}

/* ---- the storage ---- */

static const char *in_storage(const struct scene *scene, const char *relative)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scene->storage, relative);
    return path;
}

static inline void put_file(struct scene *scene, const char *folder, const char *file,
                            const char *message)
{
    struct err err = {0};
    char path[640];
    CHECK(path_make_directory(in_storage(scene, folder), &err));
    snprintf(path, sizeof path, "%s/%s", in_storage(scene, folder), file);
    CHECK(path_write_file(path, span_cstr(message), &err));
}

static inline void move_file(struct scene *scene, const char *folder, const char *from,
                             const char *to)
{
    char source[640];
    char target[640];
    snprintf(source, sizeof source, "%s/%s", in_storage(scene, folder), from);
    snprintf(target, sizeof target, "%s/%s", in_storage(scene, folder), to);
    CHECK(rename(source, target) == 0);
}

#define MSH(type, number)                                                                \
    "MSH|^~\\&|HIS|SEND|GW|RCV|20240501120000.000||" type "|1|P|2.5||||||UNICODE UTF-8|" \
    "||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
#define PID(number, kanji, kana, birth)                                                  \
    "PID|0001||" number "^^^^PI||" kanji "^^^^^L^I~" kana "^^^^^L^P||" birth "|F\r"
#define OWN_PID PID(NUMBER, "飯田^花子", "イイダ^ハナコ", "19500102")
#define PV1 "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"
#define ADT(pid) MSH("ADT^A08^ADT_A01", "") "EVN||202405011200|||||SEND\r" pid PV1
#define LAB(pid, value)                                                                  \
    MSH("OUL^R22^OUL_R22", "")                                                           \
    pid PV1 "SPM|1|777||023^血清^JC10|||||||||||||202405010900\r"                      \
            "OBR|1|" KEY "|1|E002^生化学的検査^99O03|||20240501\r"                 \
            "ORC|SC|" KEY "|||||||20240501091500||||||||01^内科^99XY1\r"               \
            "OBX|1|NM|3A010000002327101^総蛋白^JC10||" value "|g/dl|6.7-8.3||||F|||"     \
            "202405010900\r"

#define LAB_FILE(occurred, flag) NUMBER "_20240501_OML-11_" KEY "_" occurred "_01_" flag
#define ADT_FILE NUMBER "_-_ADT-00_999999999999999_" OCCURRED "_-_1"

static inline void put_patient(struct scene *scene)
{
    put_file(scene, PATIENT_FOLDER "/-/ADT-00", ADT_FILE, ADT(OWN_PID));
}

static inline void put_lab(struct scene *scene)
{
    put_file(scene, LAB_FOLDER, LAB_FILE(OCCURRED, "1"), LAB(OWN_PID, "7.2"));
}

/* ---- what the index says ---- */

static inline void sweep(struct scene *scene, bool is_full)
{
    struct err err = {0};
    CHECK(collect_sweep(scene->collect, is_full, &err));
    if (err.kind)
        printf("# %s %s\n", err.code, err.text);
}

static inline void look_again(struct scene *scene)
{
    struct err err = {0};
    CHECK(collect_look_again(scene->collect, &err));
}

static inline const char *version_of(struct scene *scene, const char *base)
{
    struct err err = {0};
    struct index_file file;
    CHECK(index_find_file(scene->index, TEXT(NUMBER), text_cstr(base), &scene->arena,
                          &file, &err));
    const char *version =
        file.path.len ? text_to_cstr(file.version, &scene->arena, &err) : "none";
    return version;
}

static inline bool has_entry(struct scene *scene, const char *key)
{
    struct err err = {0};
    struct index_place place;
    return index_find_place(scene->index, TEXT(NUMBER), text_cstr(key), &scene->arena,
                            &place, &err);
}

/* Codes of what was refused or held, with a space behind each. */
/* What the thread reads by itself is there within ten seconds. */
static inline bool comes_soon(struct scene *scene, const char *base, const char *version)
{
    struct timespec pause = {0, 20 * 1000 * 1000};
    for (int i = 0; i < 500; i++) {
        if (strcmp(version_of(scene, base), version) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static inline bool is_trouble(struct scene *scene, const char *expected)
{
    struct err err = {0};
    struct index_trouble *items = NULL;
    size_t count = 0;
    char codes[512] = "";
    CHECK(index_list_trouble(scene->index, 16, &scene->arena, &items, &count, &err));
    for (size_t i = 0; i < count; i++)
        snprintf(codes + strlen(codes), sizeof codes - strlen(codes), "%.*s ",
                 (int)items[i].code.len, items[i].code.at);
    if (strcmp(codes, expected) != 0)
        printf("# trouble: %s\n", codes);
    return strcmp(codes, expected) == 0;
}

static const struct id record = {{9}};

static inline void link_patient(struct scene *scene)
{
    struct err err = {0};
    struct index_limits limits = {9, 9, false};
    enum uplink_match result = UPLINK_MISMATCH;
    struct uplink_link link = {record,
                               TEXT(NUMBER),
                               TEXT("飯田 花子"),
                               TEXT("イイダ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    CHECK(index_match_link(scene->index, &link, &limits, &result, &err));
    CHECK(result == UPLINK_CONFIRMED);
}

/* Types of the waiting live events, a letter each: P put, W withdrawn, E number ended. */
static inline bool are_events(struct scene *scene, const char *expected)
{
    struct err err = {0};
    struct uplink_event *events = NULL;
    size_t count = 0;
    char types[64] = "";
    CHECK(index_take_events(scene->index, 0, 50, &scene->arena, &events, &count, &err));
    for (size_t i = 0; i < count; i++)
        types[i] = "PWE???"[events[i].type];
    if (strcmp(types, expected) != 0)
        printf("# events: %s\n", types);
    return strcmp(types, expected) == 0;
}
