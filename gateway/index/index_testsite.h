// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the tests of this folder: an index of its own, filled by hand. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "gateway/index/index.h"

#define NUMBER "0000012345"
#define BASE "20240501/OML-11/000000000000001"
#define VERSION "202405011234567891"
#define ADT_BASE "-/ADT-00/999999999999999"

static const char *const usual_policy =
    "{\"version\":1,\"excluded_departments\":[\"40\"],\"rules\":[{\"kinds\":"
    "[\"laboratory\",\"prescription\",\"radiology\"]}]}";

/* An index in a folder of its own, whose clock stands where it is put. */
struct scene {
    char folder[64];
    char location[128];
    int64_t wall_ms;
    int woken[2];
    struct arena arena;
    struct uplink_policy policy;
    struct index *index;
};

static inline int64_t scene_ms(void *self)
{
    return ((struct scene *)self)->wall_ms;
}

static inline void note_wake(void *context, int lane)
{
    struct scene *scene = context;
    scene->woken[lane]++;
}

static inline void reopen(struct scene *scene, const char *policy)
{
    struct err err = {0};
    index_close(scene->index);
    CHECK(uplink_read_policy(span_cstr(policy), &scene->arena, &scene->policy, &err));
    struct index_config config = {.location = scene->location,
                                  .clock = {scene_ms, scene_ms, scene},
                                  .rand = rand_system(),
                                  .policy = &scene->policy,
                                  .policy_json = text_cstr(policy),
                                  .wake = note_wake,
                                  .wake_context = scene};
    scene->index = index_open(&config, &err);
    CHECK(scene->index);
}

static inline void begin(struct scene *scene)
{
    *scene = (struct scene){.wall_ms = 1714500000000, .arena = arena_init(64 << 20)};
    snprintf(scene->folder, sizeof scene->folder, "/tmp/index_test_XXXXXX");
    CHECK(mkdtemp(scene->folder));
    snprintf(scene->location, sizeof scene->location, "%s/index.db", scene->folder);
    reopen(scene, usual_policy);
}

static inline void wipe(struct scene *scene)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    index_close(scene->index);
    scene->index = NULL;
    for (size_t i = 0; i < 3; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s%s", scene->location, endings[i]);
        unlink(name);
    }
}

static inline void end(struct scene *scene)
{
    wipe(scene);
    rmdir(scene->folder);
    arena_free(&scene->arena);
}

struct said {
    const char *base;
    const char *version;
    enum entry_kind kind;
    int32_t day;
    const char *department;
    const char *title;
    unsigned flags;
    int64_t changed_ns;   /* 0 = 7 */
    const char *parts[3]; /* NULL-ended; none = one entry without part */
};

static inline struct index_file a_file(const char *base, const char *version)
{
    static char path[256];
    snprintf(path, sizeof path, "main/000/001/" NUMBER "/%s_%s", base, version);
    return (struct index_file){.path = text_cstr(path),
                               .number = TEXT(NUMBER),
                               .base = text_cstr(base),
                               .version = text_cstr(version),
                               .size_bytes = 100,
                               .changed_ns = 7};
}

static inline void put(struct scene *scene, const struct said *said)
{
    struct err err = {0};
    struct entry_list list = {.format = "ssmix2"};
    static const char *const single[] = {"", NULL};
    const char *const *parts = said->parts[0] ? said->parts : single;
    for (size_t i = 0; i < 3 && parts[i]; i++) {
        struct entry *entry = entry_add(&list, said->kind, &scene->arena, &err);
        CHECK(entry);
        if (!entry)
            return;
        entry->day = said->day;
        entry->flags = said->flags;
        entry->part = text_cstr(parts[i]);
        entry->title = text_cstr(said->title ? said->title : "検体検査");
        entry->department_code = text_cstr(said->department ? said->department : "01");
    }
    struct index_change change = {
        .file = a_file(said->base, said->version), .list = &list, .day = said->day};
    if (said->changed_ns != 0)
        change.file.changed_ns = said->changed_ns;
    CHECK(index_put_file(scene->index, &change, &err));
}

static inline int32_t first_of_may(void)
{
    return day_from_date(2024, 5, 1);
}

static inline struct said a_result(void)
{
    return (struct said){.base = BASE,
                         .version = VERSION,
                         .kind = ENTRY_LABORATORY,
                         .day = first_of_may()};
}

static inline void put_patient(struct scene *scene)
{
    struct err err = {0};
    struct entry_list list = {.format = "ssmix2",
                              .patient = {.id = TEXT(NUMBER),
                                          .name = TEXT("飯田 花子"),
                                          .kana = TEXT("イイダ ハナコ"),
                                          .birth_day = day_from_date(1950, 1, 2),
                                          .sex = 'F'}};
    CHECK(entry_add(&list, ENTRY_PATIENT, &scene->arena, &err));
    struct index_change change = {
        .file = a_file(ADT_BASE, VERSION), .list = &list, .day = DAY_NONE};
    CHECK(index_put_file(scene->index, &change, &err));
}

static const struct id record = {{9}};
static const struct index_limits limits = {3, 100, false};

static inline struct uplink_link a_link(void)
{
    return (struct uplink_link){record,
                                TEXT(NUMBER),
                                TEXT("飯田 花子"),
                                TEXT("イイダ ハナコ"),
                                day_from_date(1950, 1, 2),
                                'F'};
}

static inline enum uplink_match ask(struct scene *scene, const struct uplink_link *link)
{
    struct err err = {0};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    CHECK(index_match_link(scene->index, link, &limits, &result, &err));
    return result;
}

static inline void link_patient(struct scene *scene)
{
    struct uplink_link link = a_link();
    put_patient(scene);
    CHECK(ask(scene, &link) == UPLINK_CONFIRMED);
}

struct batch {
    struct uplink_event *events;
    size_t count;
};

static inline struct batch take(struct scene *scene, int lane)
{
    struct err err = {0};
    struct batch batch = {0};
    CHECK(index_take_events(scene->index, lane, UPLINK_EVENTS_MAX, &scene->arena,
                            &batch.events, &batch.count, &err));
    return batch;
}

static inline void answer(struct scene *scene, const struct batch *batch,
                          const char *code)
{
    struct err err = {0};
    struct uplink_answers answers = {
        .sequences = ARENA_MANY(&scene->arena, int64_t, batch->count + 1, &err),
        .codes = ARENA_MANY(&scene->arena, struct text, batch->count + 1, &err),
        .count = batch->count};
    for (size_t i = 0; i < batch->count; i++) {
        answers.sequences[i] = batch->events[i].sequence;
        answers.codes[i] = text_cstr(code);
    }
    CHECK(index_answer_events(scene->index, &answers, &err));
}

static inline void drain(struct scene *scene)
{
    for (int lane = 0; lane < 2; lane++) {
        struct batch batch = take(scene, lane);
        answer(scene, &batch, "");
    }
}

static inline struct uplink_sum sum_of(struct scene *scene)
{
    struct err err = {0};
    struct uplink_sum sum = {0};
    CHECK(index_sum(scene->index, record, &scene->arena, &sum, &err));
    return sum;
}
