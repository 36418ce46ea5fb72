// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: a gateway's index. */

#include "gateway/index/index.h"
#include "test/fault/fault_work.h"

/* ---- a gateway's index and outbox ---- */

#define FAULT_POLICY                                                                     \
    "{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\",\"patient\"]}]}"
#define FAULT_NUMBER "0000012345"
static const struct id fault_record = {{9}};

static inline struct index *open_index(struct arena *arena, struct uplink_policy *policy,
                                       struct err *err)
{
    char path[160];
    if (!uplink_read_policy(SPAN(FAULT_POLICY), arena, policy, err))
        return NULL;
    struct index_config config = {.location = fault_path("index.db", path),
                                  .clock = clock_system(),
                                  .rand = rand_system(),
                                  .policy = policy,
                                  .policy_json = TEXT(FAULT_POLICY)};
    return index_open(&config, err);
}

static inline bool put_entry(struct index *index, struct arena *arena, const char *base,
                             enum entry_kind kind, struct err *err)
{
    struct entry_list list = {.format = "ssmix2",
                              .patient = {TEXT(FAULT_NUMBER), TEXT("飯田 花子"),
                                          TEXT("イイダ ハナコ"),
                                          day_from_date(1950, 1, 2), 'F'}};
    char path[200];
    snprintf(path, sizeof path, "main/000/001/" FAULT_NUMBER "/%s_2024050112345678",
             base);
    struct entry *entry = entry_add(&list, kind, arena, err);
    if (!entry)
        return false;
    entry->day = kind == ENTRY_PATIENT ? DAY_NONE : day_from_date(2024, 5, 1);
    entry->title = TEXT("検体検査");
    struct index_change change = {.file = {.path = text_cstr(path),
                                           .number = TEXT(FAULT_NUMBER),
                                           .base = text_cstr(base),
                                           .version = TEXT("202405011234567891"),
                                           .size_bytes = 100,
                                           .changed_ns = 7},
                                  .list = &list,
                                  .day = entry->day};
    return index_put_file(index, &change, err);
}

enum { INDEX_PATIENT = 1, INDEX_LINK, INDEX_ENTRIES = 10, INDEX_ENTRY_COUNT = 6 };

static inline bool match_patient(struct index *index, struct err *err)
{
    static const struct index_limits limits = {3, 100, false};
    struct uplink_link link = {
        fault_record,          TEXT(FAULT_NUMBER),        TEXT("飯田 花子"),
        TEXT("イイダ ハナコ"), day_from_date(1950, 1, 2), 'F'};
    enum uplink_match result = UPLINK_MATCH_COUNT;
    return index_match_link(index, &link, &limits, &result, err) &&
           (result == UPLINK_CONFIRMED ||
            err_set(err, ERR_MISSING, "test_unmatched", "no patient yet"));
}

static inline void run_index(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct uplink_policy policy;
    struct index *index = open_index(&arena, &policy, &err);
    if (!is_told(index != NULL, &err))
        return;
    if (is_told(put_entry(index, &arena, "-/ADT-00/999999999999999", ENTRY_PATIENT, &err),
                &err))
        fault_ack(INDEX_PATIENT);
    if (is_told(match_patient(index, &err), &err))
        fault_ack(INDEX_LINK);
    for (int i = 0; i < INDEX_ENTRY_COUNT; i++) {
        char base[64];
        snprintf(base, sizeof base, "20240501/OML-11/%015d", i);
        if (is_told(put_entry(index, &arena, base, ENTRY_LABORATORY, &err), &err))
            fault_ack(INDEX_ENTRIES + i);
    }
    index_close(index);
}

/* What was indexed is indexed, and of a linked patient waits in the outbox. */
static inline void check_index(bool may_have_more)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct uplink_policy policy;
    struct index *index = open_index(&arena, &policy, &err);
    (void)may_have_more;
    CHECK(index);
    if (!index)
        return;
    size_t live = 0, backfill = 0;
    struct uplink_event *events = NULL;
    CHECK(index_take_events(index, 0, 100, &arena, &events, &live, &err));
    CHECK(index_take_events(index, 1, 100, &arena, &events, &backfill, &err));
    size_t indexed = 0;
    for (int i = 0; i < INDEX_ENTRY_COUNT; i++) {
        char base[64];
        struct index_file file = {.path = TEXT("")};
        snprintf(base, sizeof base, "20240501/OML-11/%015d", i);
        CHECK(index_find_file(index, TEXT(FAULT_NUMBER), text_cstr(base), &arena, &file,
                              &err));
        CHECK(file.path.len > 0 || !fault_is_acked(INDEX_ENTRIES + i));
        indexed += file.path.len > 0;
    }
    struct uplink_sum sum = {.count = 0};
    if (fault_is_acked(INDEX_LINK)) {
        CHECK(index_sum(index, fault_record, &arena, &sum, &err));
        CHECK((size_t)sum.count == indexed + 1); /* and the patient */
        CHECK(live + backfill >= indexed);
    }
    CHECK(put_entry(index, &arena, "-/ADT-00/999999999999999", ENTRY_PATIENT, &err));
    CHECK(match_patient(index, &err));
    index_close(index);
}
