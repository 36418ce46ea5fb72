// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/collect. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/path.h"
#include "formats/ssmix/ssmix.h"
#include "gateway/collect/collect.h"
#include "gateway/collect/collect_events.h"
#include "gateway/collect/collect_record.h"
#include "gateway/collect/collect_rows.h"

/* A record that a look did not find. */
struct collect_missing {
    int64_t since_ms; /* monotonic */
    struct collect_missing *next;
    char base[];
};

/* A type folder in which records are missing and that is looked at again. */
struct collect_pending {
    char *path; /* relative */
    size_t root;
    int64_t due_ms; /* monotonic */
    struct collect_missing *missing;
    struct collect_pending *next;
};

enum {
    COLLECT_BATCH_MAX = 256,
    COLLECT_FILE_ARENA_BYTES = 96 << 20,
    COLLECT_KNOWN_BYTES = 512 << 20 /* of one patient */
};

/* What a look found and the index was not told yet. */
struct collect_batch {
    struct arena arena; /* of the pieces, and of files while they are read */
    struct index_piece pieces[COLLECT_BATCH_MAX];
    size_t count;
    int64_t since_ms; /* monotonic */
    enum store_lane lane;
    struct index_writing *writing; /* it is on its way */
};

/* What the index knows of the patient whose folder is walked; loaded when it is asked
 * for. What the batch holds is not in it. */
struct collect_known {
    struct arena arena;
    bool is_of_patient;
    bool has_files;
    bool has_folders;
    size_t root;
    char path[PATH_MAX_BYTES + 1]; /* of the patient's folder, relative */
    struct text number;
    struct text prefix;       /* index path of the patient's folder */
    struct index_file *files; /* of all roots, by base */
    const struct index_file **by_path;
    size_t file_count;
    struct index_folder *folders; /* of this root, by path */
    size_t folder_count;
};

/* A transaction storage, followed by its newest file. */
struct collect_transactions {
    char year[8];                 /* folder; "" = not looked at yet */
    char file[PATH_NAME_MAX + 1]; /* that was read last; "" = none */
    int64_t offset_bytes;         /* up to the last whole line */
    bool is_mid_line;             /* in a line too long to be a header */
    bool is_open;                 /* the end was found once */
    bool is_away;                 /* and it was said */
};

struct collect {
    struct collect_config config;
    struct collect_rows rows;
    atomic_bool has_rows; /* the index database answers */
    struct collect_transactions transactions[COLLECT_TRANSACTIONS_MAX];
    int64_t followed_ms;          /* monotonic */
    int roots[COLLECT_ROOTS_MAX]; /* descriptors, -1 = away; changed under both locks */
    pthread_mutex_t roots_lock;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    atomic_bool has_swept;
    size_t fault_count;               /* folders of this sweep that could not be read */
    atomic_bool is_whole;             /* the last sweep found every storage there */
    struct collect_standing standing; /* roots_lock */
    int64_t whole_ms;     /* wall clock: when the last sweep without a fault began */
    pthread_mutex_t lock; /* one sweep at a time */
    pthread_cond_t calm;  /* nobody waits for the lock any more */
    atomic_int waiting;   /* who must not wait for a whole sweep */
    struct collect_pending *pending;
    struct collect_batch batches[2]; /* while one is written the other is filled */
    struct collect_batch *batch;     /* this one */
    struct collect_known known;
    int wake[2];
    int events;                      /* of inotify, or of fanotify; -1 = none */
    atomic_bool has_marks;           /* it is fanotify */
    struct collect_mark *marks;      /* one for each root */
    struct collect_watched *watched; /* by watch descriptor */
    size_t watched_size;
    int watch_count;
    int watch_limit;        /* ours, or the system's when it was reached */
    int64_t least_active_s; /* no watched folder was active before this */
};

/* The lock, for those who must not wait until a sweep is over: it lets them in between
 * two folders. */
void collect_lock_soon(struct collect *collect);
void collect_unlock_soon(struct collect *collect);

/* What was just read is all that was there (NULL), or why not. A fault of a sweep stands
 * until a sweep goes through; one between two sweeps, too. */
void collect_note_standing(struct collect *collect, const struct err *fault);

/* A folder and everything below it. The lock is held. */
struct collect_walk {
    struct collect *collect;
    size_t root;
    bool is_full;          /* look at every file, not only at changed folders */
    bool compares_content; /* read every file, whatever its times say */
    bool is_sweep;         /* of a whole storage: lets others in between */
    bool is_second_look;   /* what has been missing long enough is withdrawn */
};
/* ---- batches (collect_batch.c) ---- */
void collect_batch_open(struct collect *collect);
void collect_batch_close(struct collect *collect);
/* Makes sure that a piece and a file's content fit; before the file is read. */
MUST_CHECK bool collect_make_room(const struct collect_walk *walk, struct err *err);
/* `piece` and all it points to lie in the batch's arena. */
MUST_CHECK bool collect_add(const struct collect_walk *walk,
                            const struct index_piece *piece, struct err *err);
/* At the end of a folder: a sweep may let more gather, everybody else writes. */
MUST_CHECK bool collect_settle(const struct collect_walk *walk, struct err *err);
/* The index is told; what lies in the batch's arena is gone, whatever comes of it. */
MUST_CHECK bool collect_flush(const struct collect_walk *walk, struct err *err);

/* The one that is not filled now: on its way, or empty. */
struct collect_batch *collect_other_batch(struct collect *collect);

/* ---- what is known (collect_known.c) ---- */
/* From here on questions about this patient are answered from what is read at once. */
MUST_CHECK bool collect_know_patient(const struct collect_walk *walk, const char *path,
                                     struct err *err);
void collect_forget_known(struct collect *collect);
/* Results live until the next flush, or until what is known is forgotten. */
MUST_CHECK bool collect_know_file(const struct collect_walk *walk, struct text number,
                                  struct text base, struct index_file *file,
                                  struct err *err);
MUST_CHECK bool collect_know_bases(const struct collect_walk *walk, struct text number,
                                   struct text folder, struct arena *arena,
                                   struct text **bases, size_t *count, struct err *err);
MUST_CHECK bool collect_know_folder(const struct collect_walk *walk, struct text path,
                                    int64_t *changed_ns, bool *is_known, struct err *err);
/* The folders right below one that the index knows: their names, sorted. */
MUST_CHECK bool collect_know_children(const struct collect_walk *walk, const char *path,
                                      struct arena *arena, char ***names, size_t *count,
                                      struct err *err);
/* The type folders that the index knows below a prefix. */
MUST_CHECK bool collect_know_types(const struct collect_walk *walk, struct text prefix,
                                   struct arena *arena, struct text **paths,
                                   size_t *count, struct err *err);
MUST_CHECK bool collect_know_identity(const struct collect_walk *walk, struct text number,
                                      struct index_patient *patient, bool *is_known,
                                      struct err *err);

/* Opens the storage anew, so that a share that went or came back is noticed, and makes
 * sure that there is something in it: an empty mount point proves nothing. The lock is
 * held. ERR_BUSY storage_away. */
MUST_CHECK bool collect_open_storage(struct collect *collect, size_t root,
                                     struct err *err);
/* Faults of one folder or file, which never stop the others; not those of the index. */
bool collect_is_local_fault(const struct err *err);
/* ---- names in a folder (collect_list.c) ---- */
struct collect_listing {
    char **names; /* sorted */
    size_t count;
    size_t room;
    struct collect_listing *unusable; /* that may not be used; NULL = left out */
    bool takes_any_bytes;             /* names in other encodings than UTF-8 too */
};
MUST_CHECK bool collect_list_folder(int fd, struct collect_listing *listing,
                                    struct arena *arena, struct err *err);
/* Stamp of what lies in a document's folder besides the document (collect_beside.c). */
MUST_CHECK bool collect_stamp_beside(int folder, const struct collect_listing *listing,
                                     const char *main, char hex[HASH_HEX_BYTES],
                                     struct err *err);
/* "<path>/<name>"; false when it is too long. */
bool collect_join(const char *path, const char *name, char out[PATH_MAX_BYTES + 1]);
/* Its time as the index notes it; 0 = it may change again within the same tick. */
int64_t collect_settled_time(const struct collect_walk *walk, const struct stat *status);
/* It changed of late, so files in it may be written in place. */
bool collect_is_recent(const struct collect_walk *walk, const struct stat *status);
MUST_CHECK int collect_open_folder(const struct collect_walk *walk, const char *path,
                                   struct err *err);
/* What one look found of a folder itself, into the batch. */
MUST_CHECK bool collect_tell_folder(const struct collect_walk *walk,
                                    const struct index_folder *folder, bool is_gone,
                                    struct err *err);
/* A share that dies fails folder by folder: the first ones say enough. */
void collect_log_folder(struct collect *collect, const struct err *err);

/* Only folders of the storage's shape are entered (formats.md 2.2.1). */
bool collect_fits_level(const char *name, enum collect_level level);
MUST_CHECK bool collect_walk_folder(const struct collect_walk *walk, const char *path,
                                    enum collect_level level, struct err *err);
/* Reads one type folder. */
MUST_CHECK bool collect_read_folder(const struct collect_walk *walk, const char *path,
                                    struct err *err);
/* One record whose current file (or folder) is this one; `folder` is the open type folder
 * that it is in. `is_waiting`: its own folder is new and has no document yet, so it is
 * looked at again. */
MUST_CHECK bool collect_read_file(const struct collect_walk *walk, int folder,
                                  const char *path, bool *is_waiting, struct err *err);
/* Has the hospital released the file with this name, as it is now? */
MUST_CHECK bool collect_is_released(const struct collect_walk *walk, const char *path,
                                    bool *is_released, struct err *err);
/* A file that is not read: named wrongly, or for another patient. */
struct collect_aside {
    const char *path;  /* NULL = its name cannot be used, `shown` stands for it */
    struct text shown; /* as the index names it */
    struct text number;
    struct text base;
    enum index_file_state state;
    const char *code;
    uint64_t offset;
};
MUST_CHECK bool collect_put_aside(const struct collect_walk *walk,
                                  const struct collect_aside *aside, struct err *err);

/* ---- records that are missing (collect_missing.c) ---- */
/* Notes which of the folder's records are missing now, since when, and withdraws those
 * that were missing long enough when this is the second look. */
struct collect_absence {
    const struct collect_walk *walk;
    const char *path;
    struct text number;
    const struct text *bases;
    const bool *is_found;
    size_t count;
};
MUST_CHECK bool collect_note_missing(const struct collect_absence *absence,
                                     bool *is_waiting, struct err *err);
/* Is a second look due? */
bool collect_is_look_due(struct collect *collect);
/* Second looks that are due; the lock is held. */
MUST_CHECK bool collect_look_again_now(struct collect *collect, struct err *err);
void collect_free_pending(struct collect *collect);

/* Type folders that the index knows below here but that are gone; `names` are the sorted
 * names of what is here now. */
MUST_CHECK bool collect_look_for_removed(const struct collect_walk *walk,
                                         const char *path, enum collect_level level,
                                         char *const *names, size_t count,
                                         struct err *err);

/* ---- transaction storages (collect_transaction.c) ---- */
/* The folder that a record of this storage lies in. False: too long, or not of this
 * kind. */
bool collect_folder_of(const struct collect *collect, size_t root,
                       const struct ssmix_transaction *said,
                       char out[PATH_MAX_BYTES + 1]);
/* Reads that folder, in whichever storages it is. False: a fault of the index. */
MUST_CHECK bool collect_read_named(struct collect *collect,
                                   const struct ssmix_transaction *said, struct err *err);
bool collect_is_follow_due(struct collect *collect);
/* At most once a second; the lock is held. What fails is logged when it begins to. What
 * there is to take of the index database is taken, too. */
void collect_follow_soon(struct collect *collect);

/* Text of a folder in the index: "<label>/<path>/". */
MUST_CHECK bool collect_index_path(const struct collect *collect, size_t root,
                                   const char *path, struct arena *arena,
                                   struct text *out, struct err *err);
