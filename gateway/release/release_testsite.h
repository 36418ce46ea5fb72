// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tests of gateway/release: a linked patient, an audit, and a centre that signs. */

#include "gateway/release/release.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

#define NUMBER "0000012345"
#define BASE "20240501/OML-11/000000000000001"
#define KIND(kind) (1U << (kind))

static const char *const rule_policy =
    "{\"version\":1,\"from\":\"2024-04-01\",\"excluded_departments\":[\"40\"],\"rules\":["
    "{\"kinds\":[\"laboratory\",\"prescription\"],\"professions\":[\"doctor\"]},"
    "{\"kinds\":[\"laboratory\"],\"professions\":[\"nurse\"],\"delay_hours\":24},"
    "{\"kinds\":[\"radiology\"],\"professions\":[\"nurse\"]}]}";

struct scene {
    char folder[64];
    char audit_folder[96];
    char location[96];
    int64_t wall_ms;
    int64_t monotonic_ms;
    struct arena arena;
    struct uplink_policy policy;
    struct secret_signing_key signing;
    struct secret_public_key public;
    struct index *index;
    struct audit *audit;
    struct release *release;
    struct grant grant;
};

static const struct id record = {{9}};
static const struct id tunnel = {{7}};

static inline int64_t wall_ms(void *self)
{
    return ((struct scene *)self)->wall_ms;
}

static inline int64_t monotonic_ms(void *self)
{
    return ((struct scene *)self)->monotonic_ms;
}

static inline void put_entry(struct scene *scene, const char *base, enum entry_kind kind)
{
    struct err err = {0};
    struct entry_list list = {.format = "ssmix2",
                              .patient = {.name = TEXT("飯田 花子"),
                                          .kana = TEXT("イイダ ハナコ"),
                                          .birth_day = day_from_date(1950, 1, 2),
                                          .sex = 'F'}};
    struct entry *entry = entry_add(&list, kind, &scene->arena, &err);
    CHECK(entry);
    entry->day = kind == ENTRY_PATIENT ? DAY_NONE : day_from_date(2024, 5, 1);
    entry->department_code = TEXT("01");
    struct index_change change = {.file = {.path = text_cstr(base),
                                           .number = TEXT(NUMBER),
                                           .base = text_cstr(base),
                                           .version = TEXT("202405011234567891")},
                                  .list = &list,
                                  .day = entry->day};
    CHECK(index_put_file(scene->index, &change, &err));
}

static inline void link_record(struct scene *scene, struct id to)
{
    struct err err = {0};
    struct index_limits limits = {9, 9, false};
    enum uplink_match result = UPLINK_MISMATCH;
    struct uplink_link link = {to,
                               TEXT(NUMBER),
                               TEXT("飯田 花子"),
                               TEXT("イイダ ハナコ"),
                               day_from_date(1950, 1, 2),
                               'F'};
    CHECK(index_match_link(scene->index, &link, &limits, &result, &err));
    CHECK(result == UPLINK_CONFIRMED);
}

static inline void link_patient(struct scene *scene)
{
    link_record(scene, record);
}

static inline void begin_parts(struct scene *scene)
{
    struct err err = {0};
    struct clock clock = {wall_ms, monotonic_ms, scene};
    struct index_config index = {.location = scene->location,
                                 .clock = clock,
                                 .rand = rand_system(),
                                 .policy = &scene->policy};
    struct audit_config audit = {.directory = scene->audit_folder,
                                 .node = "2010000001",
                                 .clock = clock,
                                 .rand = rand_system()};
    scene->index = index_open(&index, &err);
    CHECK(scene->index);
    CHECK(path_make_directory(scene->audit_folder, &err));
    scene->audit = audit_open(&audit, &err);
    CHECK(scene->audit);
    struct release_config release = {.index = scene->index,
                                     .audit = scene->audit,
                                     .facility_code = TEXT("2010000001"),
                                     .facility_name = TEXT("飯田病院"),
                                     .centre = scene->public,
                                     .clock = clock};
    scene->release = release_new(&release, &err);
    CHECK(scene->release);
}

static inline void begin(struct scene *scene)
{
    struct err err = {0};
    *scene = (struct scene){.wall_ms = 1714600000000,
                            .monotonic_ms = 1000,
                            .arena = arena_init(8 << 20),
                            .folder = "/tmp/release_test_XXXXXX"};
    CHECK(mkdtemp(scene->folder));
    snprintf(scene->audit_folder, sizeof scene->audit_folder, "%s/audit", scene->folder);
    snprintf(scene->location, sizeof scene->location, "%s/index.db", scene->folder);
    CHECK(
        uplink_read_policy(span_cstr(rule_policy), &scene->arena, &scene->policy, &err));
    secret_new_keys(&scene->signing, &scene->public);
    begin_parts(scene);
    put_entry(scene, "-/ADT-00/999999999999999", ENTRY_PATIENT);
    put_entry(scene, BASE, ENTRY_LABORATORY);
    link_patient(scene);
    release_note_tunnel(scene->release, tunnel);
    scene->grant = (struct grant){.facility_code = TEXT("2010000001"),
                                  .tunnel = tunnel,
                                  .counter = 0,
                                  .issued_ms = 100,
                                  .opening = {{8}},
                                  .request = {{5}},
                                  .record = record,
                                  .local_number = TEXT(NUMBER),
                                  .entry_key = TEXT(BASE),
                                  .kinds = KIND(ENTRY_LABORATORY),
                                  .purpose = TEXT("care"),
                                  .staff_id = TEXT("77"),
                                  .staff_name = TEXT("髙野 太郎"),
                                  .profession = TEXT("doctor"),
                                  .viewer_code = TEXT("2010000009"),
                                  .viewer_name = TEXT("かわべ診療所"),
                                  .viewer_kind = TEXT("clinic")};
}

static inline void end(struct scene *scene)
{
    release_free(scene->release);
    index_close(scene->index);
    audit_close(scene->audit);
    arena_free(&scene->arena);
    CHECK(test_remove(scene->folder));
}

/* Asks with a fresh counter; what was asked for is the grant's entry. */
static const struct release_permit *ask_part(struct scene *scene, const char *key,
                                             bool wants_original, size_t part,
                                             struct err *err)
{
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    scene->grant.counter++;
    err_clear(err);
    CHECK(grant_sign(&scene->grant, &scene->signing, &wire, err));
    struct release_request request = {.grant = buf_view(&wire),
                                      .entry_key = text_cstr(key),
                                      .wants_original = wants_original,
                                      .part = part};
    return release_decide(scene->release, &request, &scene->arena, err);
}

static const struct release_permit *ask_for(struct scene *scene, const char *key,
                                            bool wants_original, struct err *err)
{
    return ask_part(scene, key, wants_original, 0, err);
}

static inline bool is_refused(struct scene *scene, const char *code)
{
    struct err err = {0};
    const struct release_permit *permit = ask_for(scene, BASE, false, &err);
    if (!permit && strcmp(err.code, code) != 0)
        printf("# code was %s\n", err.code);
    return !permit && strcmp(err.code, code) == 0;
}

struct rows {
    const char *needle;
    int count;
};

static inline bool see_row(void *context, uint64_t number, struct span json,
                           struct err *err)
{
    struct rows *rows = context;
    (void)number;
    (void)err;
    rows->count += memmem(json.at, json.len, rows->needle, strlen(rows->needle)) != NULL;
    return true;
}

static inline int count_rows(struct scene *scene, const char *needle)
{
    struct err err = {0};
    struct rows rows = {needle, 0};
    CHECK(audit_walk(scene->audit_folder, "2010000001", 1, see_row, &rows, &err));
    return rows.count;
}
