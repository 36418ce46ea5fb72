// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: the store of what modalities send. */

#include "base/path.h"
#include "gateway/instances/instances.h"
#include "test/fault/fault_work.h"

/* What is sent, in this order and some at once; under each UID its contents come one
 * after the other, also one that was there before. */
struct sending {
    int uid;
    int content;
};
enum { SENDINGS = 18, SENT_AT_ONCE = 3, SENT_UIDS = 5, SENT_BYTES = 300000 };
static const struct sending sendings[SENDINGS] = {
    {0, 1}, {1, 2}, {2, 3}, {0, 1}, {1, 4}, {3, 5}, {0, 6}, {1, 2}, {2, 3},
    {0, 1}, {3, 5}, {4, 8}, {0, 1}, {3, 7}, {1, 2}, {0, 6}, {1, 4}, {4, 8}};

struct sent {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_paused, is_done;
    enum instances_result result;
};

static inline void sent_on(void *context)
{
    struct sent *sent = context;
    pthread_mutex_lock(&sent->lock);
    sent->is_paused = false;
    pthread_cond_signal(&sent->changed);
    pthread_mutex_unlock(&sent->lock);
}

static inline void sent_done(void *context, enum instances_result result)
{
    struct sent *sent = context;
    pthread_mutex_lock(&sent->lock);
    sent->result = result;
    sent->is_done = true;
    pthread_cond_signal(&sent->changed);
    pthread_mutex_unlock(&sent->lock);
}

/* Content 8 has another length than the others. */
static inline struct span sent_bytes(int content, uint8_t bytes[SENT_BYTES])
{
    for (size_t i = 0; i < SENT_BYTES; i++)
        bytes[i] = (uint8_t)((size_t)content * 37 + i * 31 + i / 253);
    return span_of(bytes, content == 8 ? SENT_BYTES / 10 : SENT_BYTES);
}

static inline void sent_uid(int uid, char text[24])
{
    snprintf(text, 24, "2.25.%d", uid + 1);
}

static inline struct instances *open_instances(struct err *err)
{
    static struct log silent; /* to nowhere */
    char path[160];
    silent = (struct log){-1, clock_system(), "test"};
    struct instances_config config = {.directory = fault_path("images", path),
                                      .workers = 2,
                                      .rand = rand_system(),
                                      .log = &silent};
    return instances_open(&config, err);
}

/* One that was begun is committed, or NULL. */
static inline struct instances_intake *send_one(struct instances *instances, int number,
                                                struct sent *sent)
{
    static const struct instances_events events = {sent_on, sent_done};
    static uint8_t bytes[SENT_BYTES];
    struct err err = {0};
    char uid[24];
    sent_uid(sendings[number].uid, uid);
    struct instances_what what = {"1.2.840.10008.5.1.4.1.1.2", uid, "1.2.840.10008.1.2.1",
                                  "CT"};
    struct instances_intake *intake =
        instances_begin(instances, &what, &events, sent, &err);
    if (!is_told(intake != NULL, &err))
        return NULL;
    struct span left = sent_bytes(sendings[number].content, bytes);
    while (left.len > 0) {
        struct span piece = span_part(left, 0, 100000);
        pthread_mutex_lock(&sent->lock);
        while (sent->is_paused)
            pthread_cond_wait(&sent->changed, &sent->lock);
        sent->is_paused = true;
        pthread_mutex_unlock(&sent->lock);
        if (instances_write(intake, piece))
            sent_on(sent);
        left = span_part(left, piece.len, left.len);
    }
    instances_commit(intake);
    return intake;
}

static inline bool wait_sent(struct sent *sent)
{
    pthread_mutex_lock(&sent->lock);
    while (!sent->is_done)
        pthread_cond_wait(&sent->changed, &sent->lock);
    pthread_mutex_unlock(&sent->lock);
    return sent->result <= INSTANCES_NEWER;
}

static inline void run_instances(void)
{
    struct err err = {0};
    for (int from = 0; from < SENDINGS; from += SENDINGS / 2) { /* a restart between */
        struct instances *instances = open_instances(&err);
        if (!is_told(instances != NULL, &err))
            continue;
        for (int i = from; i < from + SENDINGS / 2; i += SENT_AT_ONCE) {
            struct sent sent[SENT_AT_ONCE];
            bool has_begun[SENT_AT_ONCE];
            for (int k = 0; k < SENT_AT_ONCE; k++) {
                sent[k] = (struct sent){.lock = PTHREAD_MUTEX_INITIALIZER,
                                        .changed = PTHREAD_COND_INITIALIZER};
                atomic_store(&fault_plan->step, i + k + 1);
                has_begun[k] = send_one(instances, i + k, &sent[k]) != NULL;
            }
            for (int k = 0; k < SENT_AT_ONCE; k++)
                if (has_begun[k] && wait_sent(&sent[k]))
                    fault_ack(i + k + 1);
        }
        instances_close(instances);
    }
}

/* Which content a file has; 0 = none of those that were sent. */
static inline int content_of(struct instances *instances, const char *path)
{
    static uint8_t bytes[SENT_BYTES];
    struct err err = {0};
    struct span read = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(2 << 20);
    CLEANUP(path_close) int fd = instances_open_file(instances, path, &err);
    if (fd < 0 || !path_read(fd, SENT_BYTES, &arena, &read, &err))
        return 0;
    for (int content = 1; content <= 8; content++)
        if (span_equal(read, sent_bytes(content, bytes)))
            return content;
    return 0;
}

/* How many versions there may be after one more was sent, as bits: what was not
 * acknowledged may have been kept or not. */
static inline uint64_t after_sending(uint64_t counts, int content, bool is_acked,
                                     const int *versions)
{
    uint64_t after = is_acked ? 0 : counts;
    for (int i = 0; i <= SENDINGS; i++) {
        if (!(counts >> i & 1))
            continue;
        if (i > 0 && versions[i] == content)
            after |= 1ULL << i;
        else if (versions[i + 1] == content)
            after |= 1ULL << (i + 1);
    }
    return after;
}

/* The versions are what was sent, in that order, and none is missing that was
 * acknowledged. */
static inline void check_versions(struct instances *instances, int uid)
{
    struct err err = {0};
    char text[24], path[INSTANCES_PATH_BYTES];
    uint64_t newest = 0, counts = 1;
    int versions[SENDINGS + 2] = {0};
    sent_uid(uid, text);
    if (instances_find(instances, text, path, &err)) {
        struct span end = span_cstr(strchr(path, '.') + 1), number = {0};
        CHECK(span_take(&end, '.', &number) && span_uint(number, SENDINGS, &newest));
    }
    for (unsigned i = 1; i <= newest; i++) {
        snprintf(strchr(path, '.'), 20, ".%u.dcm", i);
        versions[i] = content_of(instances, path);
        CHECK(versions[i] > 0);
    }
    int sent_count = atomic_load(&fault_plan->step);
    for (int i = 0; i < sent_count; i++)
        if (sendings[i].uid == uid)
            counts = after_sending(counts, sendings[i].content, fault_is_acked(i + 1),
                                   versions);
    CHECK(counts >> newest & 1);
    if (!(counts >> newest & 1))
        printf("# UID %d: %u versions that were not sent so\n", uid, (unsigned)newest);
}

static inline bool count_instance(void *context, const char *path, struct err *err)
{
    int *count = context;
    (void)path;
    (void)err;
    ++*count;
    return true;
}

static inline void check_instances(bool may_have_more)
{
    struct err err = {0};
    int count = 0, more = 0;
    struct instances *instances = open_instances(&err);
    (void)may_have_more; /* they are told by their contents */
    CHECK(instances != NULL);
    if (!instances)
        return;
    for (int uid = 0; uid < SENT_UIDS; uid++)
        check_versions(instances, uid);
    CHECK(instances_walk(instances, count_instance, &count, &err));
    struct sent sent = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    CHECK(send_one(instances, SENDINGS - 1, &sent) && wait_sent(&sent));
    CHECK(instances_walk(instances, count_instance, &more, &err));
    CHECK(sent.result == INSTANCES_SAME ? more == count : more == count + 1);
    instances_close(instances);
}
