// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/collect. */

#include <pthread.h>
#include <stdatomic.h>

#include "formats/ssmix/ssmix.h"
#include "gateway/collect/collect.h"

/* Folders below a root: 000 / 000 / patient / day / type. */
enum collect_level {
    COLLECT_ROOT,
    COLLECT_FIRST,
    COLLECT_SECOND,
    COLLECT_PATIENT,
    COLLECT_DAY,
    COLLECT_TYPE
};

/* A type folder in which something is missing and that is looked at again. */
struct collect_pending {
    char *path; /* relative */
    size_t root;
    int64_t due_ms; /* monotonic */
    struct collect_pending *next;
};

struct collect_watched {
    char *path; /* relative to its root, "" = the root itself; NULL = free */
    size_t root;
    enum collect_level level;
};

struct collect {
    struct collect_config config;
    int roots[COLLECT_ROOTS_MAX]; /* descriptors */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    atomic_bool has_swept;
    pthread_mutex_t lock; /* one sweep at a time */
    struct collect_pending *pending;
    int wake[2];
    int inotify;                     /* -1 = none */
    struct collect_watched *watched; /* by watch descriptor */
    size_t watched_size;
    int watch_count;
};

/* A folder and everything below it. The lock is held. */
struct collect_walk {
    struct collect *collect;
    size_t root;
    bool is_full;        /* look at every file, not only at changed folders */
    bool is_second_look; /* what is missing now is withdrawn */
};
MUST_CHECK bool collect_walk_folder(const struct collect_walk *walk, const char *path,
                                    enum collect_level level, struct err *err);
/* Reads one type folder. */
MUST_CHECK bool collect_read_folder(const struct collect_walk *walk, const char *path,
                                    struct err *err);
/* One record whose current file is `name`. */
MUST_CHECK bool collect_read_file(const struct collect_walk *walk,
                                  const struct ssmix_name *name, const char *path,
                                  struct err *err);
/* A file that is not read: named wrongly, or for another patient. */
struct collect_aside {
    const char *path;
    struct text number;
    struct text base;
    enum index_file_state state;
    const char *code;
    uint64_t offset;
};
MUST_CHECK bool collect_put_aside(const struct collect_walk *walk,
                                  const struct collect_aside *aside, struct err *err);
/* "<day>/<type>/<key>" */
void collect_write_base(const struct ssmix_name *name, struct buf *out);

void collect_watch_open(struct collect *collect);
void collect_watch_close(struct collect *collect);
/* Adds a watch when the folder deserves one and there is room. */
void collect_watch_add(struct collect *collect, size_t root, const char *path,
                       enum collect_level level);
/* Takes what inotify reported and reads those folders. */
void collect_watch_take(struct collect *collect);
/* Text of a folder in the index: "<label>/<path>/". */
MUST_CHECK bool collect_index_path(const struct collect *collect, size_t root,
                                   const char *path, struct arena *arena,
                                   struct text *out, struct err *err);
