// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What modalities and archives sent to this gateway: DICOM files (PS3.10) as they came,
 * below one directory of ours, and nothing else; what is in them is not looked at.
 *
 *     ab/cd/<hash of the SOP Instance UID>.<version>.dcm     kept
 *     .incoming/<name>                                       on their way
 *     .number.<number>                                       where labels go on
 *
 * An instance counts as kept when its bytes and a label are on the disk, by one sync of
 * its file in .incoming/, whose name was there before (some empty files wait); then it
 * moves to its place, and that move may come to the disk later. The label has number,
 * length, hash of the UID and SHA-256 of the bytes; it is an attribute ("user.dcm") and
 * goes along, or, where the file system has none, the file's name, which takes a sync of
 * the folder, too. A start puts what has a label and these bytes in its place, in the
 * order of the numbers; torn files (`instance_torn`) and those without a label were
 * promised to nobody and are gone. While one cannot be put there (`instance_unplaced`),
 * nothing new is taken. Renaming must be atomic when power goes, as it is on ext4, XFS
 * and Btrfs.
 *
 * The same bytes again are the same instance; other bytes under its UID are its next
 * version, and the newest counts. Bytes come from one thread each and are written by
 * threads of this store's own, at most a megabyte of an instance in memory, and 4 MB that
 * stay for those that come next. A nearly full disk takes nothing. */

#include "base/arena.h"
#include "base/log.h"
#include "base/rand.h"

struct instances;        /* *owned* */
struct instances_intake; /* one instance on its way */

enum { INSTANCES_UID_BYTES = 65, INSTANCES_PATH_BYTES = 64 };

struct instances_what {
    const char *sop_class;
    const char *sop_instance;
    const char *syntax;
    const char *sender; /* who sent it, as the configuration names it */
};

struct instances_kept {
    struct instances_what what;
    const char *path; /* below the directory */
    unsigned version; /* 1 = the first under this UID */
    uint64_t bytes;
};

struct instances_config {
    const char *directory;
    uint64_t reserve_bytes; /* that must stay free */
    int workers;
    struct rand rand;
    const struct log *log;
    /* An instance is kept; on a thread of the store, in the order of keeping,
     * before its `done`. What was kept and not told because of a crash is found by
     * instances_walk at the next start. May be NULL. */
    void (*kept)(void *context, const struct instances_kept *kept);
    void *context;
};

/* Makes the directory and settles what an earlier process left. */
MUST_CHECK struct instances *instances_open(const struct instances_config *config,
                                            struct err *err);
/* When no intake is open any more but those that were committed or abandoned; their
 * `done` comes before this returns. */
void instances_close(struct instances *instances);

enum instances_result {
    INSTANCES_KEPT,
    INSTANCES_SAME,  /* was there already */
    INSTANCES_NEWER, /* kept, in place of other bytes under the same UID */
    INSTANCES_FULL,  /* the disk */
    INSTANCES_FAILED,
    INSTANCES_ABANDONED
};
/* Both on a thread of the store. */
struct instances_events {
    void (*resume)(void *context);                             /* there is room again */
    void (*done)(void *context, enum instances_result result); /* exactly once, last */
};
/* Does not block. The texts are copied, the events kept by address. */
MUST_CHECK struct instances_intake *instances_begin(struct instances *instances,
                                                    const struct instances_what *what,
                                                    const struct instances_events *events,
                                                    void *context, struct err *err);
/* Does not block and takes all, at most 256 KiB at once. False: no more until `resume`.
 */
MUST_CHECK bool instances_write(struct instances_intake *intake, struct span bytes);
/* All bytes were written; `done` follows. */
void instances_commit(struct instances_intake *intake);
/* Forgets it; `done` follows. */
void instances_abandon(struct instances_intake *intake);

/* ---- what is kept; these block ---- */
/* The newest version, made sure to be on the disk in its place: ERR_MISSING
 * "instance_missing". */
MUST_CHECK bool instances_find(struct instances *instances, const char *sop_instance,
                               char path[INSTANCES_PATH_BYTES], struct err *err);
/* For reading; -1 with ERR_MISSING. */
MUST_CHECK int instances_open_file(struct instances *instances, const char *path,
                                   struct err *err);
/* Every kept file's path, in no order; older versions too. False from `see` ends it and
 * is the result. */
MUST_CHECK bool instances_walk(struct instances *instances,
                               bool (*see)(void *context, const char *path,
                                           struct err *err),
                               void *context, struct err *err);
