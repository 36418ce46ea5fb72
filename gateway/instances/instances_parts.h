// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/instances. */

#include <pthread.h>

#include "base/buf.h"
#include "base/hash.h"
#include "gateway/instances/instances.h"
#include "wire/workers/workers.h"

enum {
    INSTANCES_CHUNK_BYTES = 256 * 1024,
    INSTANCES_SPARES = 8,
    INSTANCES_SLOTS = 32,
    INSTANCES_SLOT_BYTES = 33,
    INSTANCES_UID_HASH_BYTES = 16,
    /* number and length, 8 bytes each, the most significant first, hash of the UID as in
     * the file's place, SHA-256 of the bytes */
    INSTANCES_LABEL_BYTES = 8 + 8 + INSTANCES_UID_HASH_BYTES + HASH_BYTES,
    INSTANCES_NAME_BYTES = 2 * INSTANCES_LABEL_BYTES + 1
};

/* The file's attribute with its label: short enough to lie in the inode. */
#define INSTANCES_LABEL "user.dcm"

/* What lies whole in .incoming/, as its label says. */
struct instances_landed {
    char name[INSTANCES_NAME_BYTES];
    char stem[INSTANCES_PATH_BYTES];
    uint64_t number;
    uint64_t bytes;
    struct hash hash;
};

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
    char slots[INSTANCES_SLOTS][INSTANCES_SLOT_BYTES]; /* empty files of .incoming/ */
    int slot_count;
    bool is_making_slots;
    bool is_settled; /* what an earlier process left is in its place */
    uint64_t number; /* of the next one that lands */
    uint64_t mark;
    struct instances_landed *landed; /* left by an earlier process, by their numbers */
    size_t landed_count, landed_at;
    pthread_mutex_t spare_lock; /* guards what follows; not held while the disk works */
    struct buf spares[INSTANCES_SPARES]; /* memory of what came before, for what comes */
    int spare_count;
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
    bool is_slot;          /* its name was on the disk before */
    bool is_landed;        /* or may be */
    bool has_young_name;   /* is with the next sync of .incoming/ */
    struct hash_run *hash; /* of what was written */
    struct buf writing;    /* of whoever is at it */
    enum instances_result result;
    pthread_mutex_t lock; /* guards what follows */
    struct buf filling;
    bool is_busy; /* a worker is at it, or will be */
    bool is_full;
    bool is_ended;
    bool is_abandoned;
    bool has_failed;
    struct instances_intake *next; /* in the queue of the keeper */
};

/* Gives what is in .incoming/ its name: KEPT, NEWER, SAME, FULL or FAILED. For one thread
 * at a time. */
struct instances_place {
    const char *name; /* in .incoming/ */
    const char *stem;
    uint64_t bytes;
    unsigned version; /* out */
    char path[INSTANCES_PATH_BYTES];
};
enum instances_result instances_put(struct instances *instances,
                                    struct instances_place *place);

/* ---- instances_land.c ---- */
void instances_make_slots(void *instances);
/* A name that is on the disk; false = there is none now. */
bool instances_take_slot(struct instances *instances, char name[INSTANCES_NAME_BYTES]);
void instances_drop_slots(struct instances *instances);
/* The bytes are on the disk, with a label by which a start finds them. False with
 * errno. */
MUST_CHECK bool instances_land(struct instances_intake *intake);

/* ---- instances_settle.c ---- */
/* At the start, before there are threads: the rest is forgotten. */
MUST_CHECK bool instances_settle(struct instances *instances, struct err *err);
/* For the next label; 0 while what an earlier process left cannot be put in its place:
 * what comes now is younger, and has to wait. */
uint64_t instances_take_number(struct instances *instances);

/* The keeper's thread. */
void *instances_keep(void *instances);
void instances_pass_on(struct instances_intake *intake);
/* Closes, removes what is not kept, tells, frees. */
void instances_finish(struct instances_intake *intake, enum instances_result result);
/* "ab/cd/<hash>." of a UID; the version and its end follow. */
void instances_stem(const char *sop_instance, char stem[INSTANCES_PATH_BYTES]);
void instances_stem_of(struct span uid_hash, char stem[INSTANCES_PATH_BYTES]);
