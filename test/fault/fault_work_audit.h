// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: segments of an audit. */

#include "exchange/audit/audit.h"
#include "test/fault/fault_work.h"

/* ---- segments of an audit, over a month's end ---- */

enum { AUDIT_RECORDS = 12 };

static inline int64_t audit_clock_ms(void *self)
{
    enum { HOUR_MS = 3600000 };
    /* an hour before midnight of the 1st in Japan, then an hour a record */
    return 1764514800000 - HOUR_MS +
           HOUR_MS * (int64_t)atomic_fetch_add((_Atomic int *)self, 1) / 4;
}

static inline struct audit *open_audit(struct err *err)
{
    char path[160];
    struct audit_config config = {
        .directory = fault_path("audit", path),
        .node = "centre",
        .clock = {audit_clock_ms, audit_clock_ms, &fault_plan->step},
        .rand = rand_system()};
    return audit_open(&config, err);
}

static inline struct audit_record a_record(int number)
{
    struct audit_record record = {
        .phase = AUDIT_DECISION, .event = "entry", .verdict = "permit"};
    record.request.bytes[0] = (uint8_t)(number >> 8);
    record.request.bytes[1] = (uint8_t)number;
    return record;
}

struct later {
    pthread_mutex_t lock;
    pthread_cond_t told;
    int waiting;
    int numbers[AUDIT_RECORDS];
};

struct later_one {
    struct later *later;
    int number;
};

static inline void told_later(void *context, const struct audit_position *position)
{
    struct later_one *one = context;
    if (position)
        fault_ack(one->number);
    pthread_mutex_lock(&one->later->lock);
    one->later->waiting--;
    pthread_cond_signal(&one->later->told);
    pthread_mutex_unlock(&one->later->lock);
}

static inline void append_all(struct audit *audit, int from)
{
    struct later later = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, {0}};
    struct later_one ones[AUDIT_RECORDS];
    for (int i = 0; i < AUDIT_RECORDS; i++) {
        struct err err = {0};
        struct audit_record record = a_record(from + i);
        if (i % 3 == 0) {
            if (is_told(audit_append(audit, &record, NULL, &err), &err))
                fault_ack(from + i);
            continue;
        }
        ones[i] = (struct later_one){&later, from + i};
        pthread_mutex_lock(&later.lock);
        later.waiting++;
        pthread_mutex_unlock(&later.lock);
        if (!is_told(audit_append_later(audit, &record, told_later, &ones[i], &err),
                     &err)) {
            pthread_mutex_lock(&later.lock);
            later.waiting--;
            pthread_mutex_unlock(&later.lock);
        }
    }
    pthread_mutex_lock(&later.lock);
    while (later.waiting > 0)
        pthread_cond_wait(&later.told, &later.lock);
    pthread_mutex_unlock(&later.lock);
}

static inline void run_audit(void)
{
    for (int turn = 0; turn < 2; turn++) {
        struct err err = {0};
        struct audit *audit = open_audit(&err);
        if (is_told(audit != NULL, &err))
            append_all(audit, 1000 * (turn + 1));
        audit_close(audit);
    }
}

struct seen {
    bool is_seen[4096];
};

static inline bool see_record(void *context, uint64_t number, struct span json,
                              struct err *err)
{
    struct seen *seen = context;
    (void)number;
    (void)err;
    static const char key[] = "\"request\":\"";
    const uint8_t *at = memmem(json.at, json.len, key, strlen(key));
    unsigned request = 0;
    for (size_t i = 0; at && i < 4; i++) {
        uint8_t digit = at[strlen(key) + i];
        request = request * 16 + (digit >= 'a' ? digit - 'a' + 10U : digit - '0' + 0U);
    }
    if (at && request < sizeof seen->is_seen)
        seen->is_seen[request] = true;
    return true;
}

/* The chain is whole, whatever was acknowledged is in it, and it goes on. */
static inline void check_audit(bool may_have_more)
{
    struct err err = {0};
    char path[160];
    uint64_t count = 0;
    struct audit_fault fault = {.number = 0};
    static struct seen seen;
    (void)may_have_more;
    struct audit *audit = open_audit(&err);
    CHECK(is_told(audit != NULL, &err));
    struct audit_record record = a_record(1);
    CHECK(audit && is_told(audit_append(audit, &record, NULL, &err), &err));
    audit_close(audit);
    bool is_whole = audit_verify(fault_path("audit", path), &count, &fault, &err);
    CHECK(is_whole);
    if (!is_whole)
        printf("# %s %llu %s\n", fault.code ? fault.code : err.code,
               (unsigned long long)fault.number, err.text);
    memset(&seen, 0, sizeof seen);
    CHECK(audit_walk(path, "centre", 1, see_record, &seen, &err));
    CHECK(seen.is_seen[1]);
    for (int i = 0; i < FAULT_ACKS; i++)
        CHECK(fault_acked(i) == 0 || seen.is_seen[fault_acked(i)]);
}
