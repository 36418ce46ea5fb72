// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/instances. */

#include <pthread.h>

#include "base/buf.h"
#include "gateway/instances/instances.h"
#include "wire/workers/workers.h"

enum { INSTANCES_CHUNK_BYTES = 256 * 1024, INSTANCES_NAME_BYTES = 33 };

struct instances {
    struct instances_config config;
    int root; /* descriptors of folders */
    int incoming;
    struct workers *workers;
    pthread_t keeper; /* gives names, one group after the other */
    bool has_keeper;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t is_there;
    struct instances_intake *first; /* complete, in order */
    struct instances_intake *last;
    bool is_closing;
};

struct instances_intake {
    struct instances *instances;
    const struct instances_events *events;
    void *context;
    char sop_class[INSTANCES_UID_BYTES];
    char sop_instance[INSTANCES_UID_BYTES];
    char syntax[INSTANCES_UID_BYTES];
    char sender[INSTANCES_UID_BYTES];
    char name[INSTANCES_NAME_BYTES]; /* in .incoming/ */
    int fd;                          /* -1 before its first bytes are written */
    uint64_t bytes;
    struct buf writing; /* of whoever is at it */
    enum instances_result result;
    pthread_mutex_t lock; /* guards what follows */
    struct buf filling;
    bool is_busy; /* a worker is at it, or will be */
    bool is_full;
    bool is_ended;
    bool is_abandoned;
    bool has_failed;
    struct instances_intake *next; /* in the queue of the keeper */
    char path[INSTANCES_PATH_BYTES];
    unsigned version;
    int folder; /* to be synced */
};

/* The keeper's thread. */
void *instances_keep(void *instances);
void instances_pass_on(struct instances_intake *intake);
/* Closes, removes what is not kept, tells, frees. */
void instances_finish(struct instances_intake *intake, enum instances_result result);
/* "ab/cd/<hash>." of a UID; the version and its end follow. */
void instances_stem(const char *sop_instance, char stem[INSTANCES_PATH_BYTES]);
