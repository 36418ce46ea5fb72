// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/collect: what tells of changes, inotify or fanotify. */

#include <stdatomic.h>

#include "base/path.h"
#include "gateway/collect/collect.h"

/* Folders below a root: 000 / 000 / patient / day / type. */
enum collect_level {
    COLLECT_ROOT,
    COLLECT_FIRST,
    COLLECT_SECOND,
    COLLECT_PATIENT,
    COLLECT_DAY,
    COLLECT_TYPE,
    COLLECT_CONTENT /* of extended storage: a record's own folder; watched only */
};

struct collect_watched {
    char *path; /* relative to its root, "" = the root itself; NULL = free */
    size_t root;
    enum collect_level level;
    int64_t active_s; /* when something last happened there */
};

/* A storage of which fanotify tells. */
struct collect_mark {
    atomic_bool is_set;
    char file_system[8];           /* fsid */
    char path[PATH_MAX_BYTES + 1]; /* of the storage as the kernel names it */
};

/* File systems of other machines tell nobody what others write (statfs, f_type). */
bool collect_is_remote(uint32_t file_system);
void collect_watch_open(struct collect *collect);
void collect_watch_close(struct collect *collect);
/* Adds a watch when the folder deserves one. When there is no room, the folder in which
 * nothing has happened for the longest time loses its own. */
struct collect_place {
    size_t root;
    const char *path;
    enum collect_level level;
    int64_t changed_s;
};
void collect_watch_add(struct collect *collect, const struct collect_place *place);
/* Forgets the watches of a storage that is another one now. */
void collect_watch_drop(struct collect *collect, size_t root);
/* Takes what was reported and reads those folders. */
void collect_watch_take(struct collect *collect);
/* Something happened in this folder; `path` is changed. */
void collect_watch_look(struct collect *collect, size_t root, char *path,
                        enum collect_level level);
/* Reports were lost: by folder times, everywhere. */
void collect_watch_look_everywhere(struct collect *collect);

/* ---- marks on whole file systems (collect_mark.c) ---- */
/* False where it is not allowed, which is said. */
bool collect_mark_open(struct collect *collect);
void collect_mark_close(struct collect *collect);
/* A storage was opened, or is another one now. */
void collect_mark_root(struct collect *collect, size_t root);
void collect_mark_take(struct collect *collect);
