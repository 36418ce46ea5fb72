// SPDX-License-Identifier: Apache-2.0
/* Folders above: which to enter, which changed, and whose turn it is between two. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { LISTING_BYTES = 64 << 20 };

static bool is_digits(const char *name, size_t len)
{
    return strlen(name) == len && span_all_digits(span_cstr(name));
}

bool collect_fits_level(const char *name, enum collect_level level)
{
    switch (level) {
    case COLLECT_FIRST:
    case COLLECT_SECOND:
        return strlen(name) == 3;
    case COLLECT_PATIENT:
        return ssmix_patient_is_valid(span_cstr(name));
    case COLLECT_DAY:
        return strcmp(name, "-") == 0 || is_digits(name, 8);
    case COLLECT_TYPE:
        return strlen(name) <= PATH_NAME_MAX;
    case COLLECT_CONTENT:
    case COLLECT_ROOT:
        break;
    }
    return false;
}

/* Somebody waits, something was just written, or a second look is due. */
static bool is_somebody_due(struct collect *collect)
{
    int unread_bytes = 0;
    return atomic_load(&collect->waiting) > 0 || collect_is_look_due(collect) ||
           collect_is_follow_due(collect) ||
           (collect->events >= 0 &&
            ioctl(collect->events, FIONREAD, &unread_bytes) == 0 && unread_bytes > 0);
}

/* The folder of the patient to whom the path belongs. */
static bool know_patient_of(const struct collect_walk *walk, const char *path,
                            enum collect_level level, struct err *err)
{
    char patient[PATH_MAX_BYTES + 1];
    if (level < COLLECT_PATIENT)
        return true;
    snprintf(patient, sizeof patient, "%s", path);
    for (char *slash = strrchr(patient, '/'); slash && level > COLLECT_PATIENT; level--) {
        *slash = '\0';
        slash = strrchr(patient, '/');
    }
    return collect_know_patient(walk, patient, err);
}

/* A sweep of a large storage takes its time. Between two folders come others. They find
 * in the index all that was read so far, and what is known is asked again after them. */
static bool breathe(const struct collect_walk *walk, const char *path,
                    enum collect_level level, struct err *err)
{
    struct collect *collect = walk->collect;
    struct err fault = {0};
    if (!walk->is_sweep || !collect->has_thread || !is_somebody_due(collect))
        return true;
    if (!collect_flush(walk, err))
        return false;
    collect_forget_known(collect);
    while (atomic_load(&collect->waiting) > 0)
        pthread_cond_wait(&collect->calm, &collect->lock);
    collect_watch_take(collect);
    collect_follow_soon(collect);
    if (!collect_look_again_now(collect, &fault))
        collect_log_folder(collect, &fault);
    return know_patient_of(walk, path, level, err);
}

static bool walk_below(const struct collect_walk *walk, const char *path,
                       enum collect_level level, const struct collect_listing *listing,
                       struct err *err)
{
    for (size_t i = 0; i < listing->count; i++) {
        char below[PATH_MAX_BYTES + 1];
        if (atomic_load(&walk->collect->is_stopping))
            return err_set(err, ERR_BUSY, "stopping", "being stopped");
        if (!breathe(walk, path, level, err))
            return false;
        if (!collect_fits_level(listing->names[i], level + 1) ||
            !collect_join(path, listing->names[i], below))
            continue;
        if (!collect_walk_folder(walk, below, level + 1, err)) {
            if (!collect_is_local_fault(err))
                return false;
            collect_log_folder(walk->collect,
                               err); /* one bad folder never stops the others */
            err_clear(err);
        }
    }
    return true;
}

bool collect_is_local_fault(const struct err *err)
{
    return err->kind == ERR_SYNTAX || err->kind == ERR_LIMIT ||
           err->kind == ERR_REFUSED || err->kind == ERR_MISSING ||
           (err->kind == ERR_SYSTEM && strcmp(err->code, "path_failed") == 0);
}

/* The folder of a patient or a day, whose names may be known. */
struct branch {
    struct text index_path;
    int64_t settled_ns; /* 0 = it may change again within the same tick */
    bool is_as_known;
};

static bool begin_branch(const struct collect_walk *walk, const char *path,
                         const struct stat *status, struct arena *arena,
                         struct branch *branch, struct err *err)
{
    bool is_known = false;
    int64_t known_ns = 0;
    branch->settled_ns = collect_settled_time(walk, status);
    if (!collect_index_path(walk->collect, walk->root, path, arena, &branch->index_path,
                            err) ||
        !collect_know_folder(walk, branch->index_path, &known_ns, &is_known, err))
        return false;
    branch->is_as_known =
        branch->settled_ns != 0 && branch->settled_ns == known_ns && !walk->is_full;
    return true;
}

/* All of it is in the index, and every folder below has a row of its own: as long as its
 * time stays, its names need not be listed. */
static bool note_branch(const struct collect_walk *walk, const struct branch *branch,
                        struct err *err)
{
    struct index_folder row = {
        .path = branch->index_path, .changed_ns = branch->settled_ns, .is_branch = true};
    return collect_make_room(walk, err) && collect_tell_folder(walk, &row, false, err) &&
           collect_settle(walk, err);
}

static bool list_branch(const struct collect_walk *walk, const char *path,
                        enum collect_level level, struct arena *arena, struct err *err)
{
    struct collect_listing listing = {.takes_any_bytes =
                                          collect_is_extended(walk->collect, walk->root)};
    CLEANUP(path_close) int fd = collect_open_folder(walk, path, err);
    return fd >= 0 && collect_list_folder(fd, &listing, arena, err) &&
           walk_below(walk, path, level, &listing, err) &&
           collect_look_for_removed(walk, path, level, listing.names, listing.count, err);
}

static bool ask_status(const struct collect_walk *walk, const char *path,
                       struct stat *status)
{
    int root = walk->collect->roots[walk->root];
    return fstatat(root, path, status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool walk_branch(const struct collect_walk *walk, const char *path,
                        enum collect_level level, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    struct stat status;
    struct branch branch = {0};
    struct collect_listing listing = {0};
    size_t faults = walk->collect->fault_count;
    if (!ask_status(walk, path, &status))
        return true; /* gone again */
    if (S_ISLNK(status.st_mode))
        return err_set(err, ERR_REFUSED, "path_unsafe", "a link in place of a folder");
    if (!S_ISDIR(status.st_mode))
        return true; /* a stray file among folders */
    /* Watched before it is listed, so that nothing falls between. */
    struct collect_place place = {walk->root, path, level, status.st_mtim.tv_sec};
    collect_watch_add(walk->collect, &place);
    if (!begin_branch(walk, path, &status, &arena, &branch, err))
        return false;
    if (branch.is_as_known)
        return collect_know_children(walk, path, &arena, &listing.names, &listing.count,
                                     err) &&
               walk_below(walk, path, level, &listing, err);
    if (!list_branch(walk, path, level, &arena, err))
        return false;
    bool is_whole = branch.settled_ns != 0 && faults == walk->collect->fault_count;
    return !is_whole || note_branch(walk, &branch, err);
}

/* Known, settled, and long unchanged: neither opened nor listed. */
static bool is_type_unchanged(const struct collect_walk *walk, const char *path,
                              bool *is_unchanged, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(2 * PATH_MAX_BYTES + 8192);
    struct stat status;
    struct text index_path = {0};
    bool is_known = false;
    int64_t known_ns = 0;
    *is_unchanged = false;
    /* Documents are written into folders below: more than one time counts. */
    if (walk->is_full || !walk->collect->known.is_of_patient ||
        collect_is_extended(walk->collect, walk->root))
        return true;
    if (!collect_index_path(walk->collect, walk->root, path, &arena, &index_path, err) ||
        !collect_know_folder(walk, index_path, &known_ns, &is_known, err))
        return false;
    if (known_ns == 0 || !ask_status(walk, path, &status) || !S_ISDIR(status.st_mode))
        return true;
    struct collect_place place = {walk->root, path, COLLECT_TYPE, status.st_mtim.tv_sec};
    *is_unchanged = known_ns == collect_settled_time(walk, &status) &&
                    !collect_is_recent(walk, &status);
    if (*is_unchanged)
        collect_watch_add(walk->collect, &place);
    return true;
}

static bool walk_type(const struct collect_walk *walk, const char *path, struct err *err)
{
    bool is_unchanged = false;
    return is_type_unchanged(walk, path, &is_unchanged, err) &&
           (is_unchanged || collect_read_folder(walk, path, err));
}

static bool walk_patient(const struct collect_walk *walk, const char *path,
                         struct err *err)
{
    if (!collect_know_patient(walk, path, err))
        return false;
    bool is_walked = walk_branch(walk, path, COLLECT_PATIENT, err);
    collect_forget_known(walk->collect);
    return is_walked;
}

static bool walk_above(const struct collect_walk *walk, const char *path,
                       enum collect_level level, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    struct stat status;
    struct collect_listing listing = {0};
    CLEANUP(path_close) int fd = collect_open_folder(walk, path, err);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode))
        return true; /* a stray file among folders */
    struct collect_place place = {walk->root, path, level, status.st_mtim.tv_sec};
    collect_watch_add(walk->collect, &place);
    return collect_list_folder(fd, &listing, &arena, err) &&
           walk_below(walk, path, level, &listing, err) &&
           collect_look_for_removed(walk, path, level, listing.names, listing.count, err);
}

bool collect_walk_folder(const struct collect_walk *walk, const char *path,
                         enum collect_level level, struct err *err)
{
    switch (level) {
    case COLLECT_TYPE:
        return walk_type(walk, path, err);
    case COLLECT_DAY:
        return walk_branch(walk, path, level, err);
    case COLLECT_PATIENT:
        return walk_patient(walk, path, err);
    case COLLECT_CONTENT:
    case COLLECT_ROOT:
    case COLLECT_FIRST:
    case COLLECT_SECOND:
        break;
    }
    return walk_above(walk, path, level, err);
}

/* ---- the storage itself ---- */

static bool has_storage_shape(const struct collect_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        if (collect_fits_level(listing->names[i], COLLECT_FIRST))
            return true;
    return false;
}

static void keep_root(struct collect *collect, size_t root, int fd)
{
    pthread_mutex_lock(&collect->roots_lock);
    int before = collect->roots[root];
    collect->roots[root] = fd;
    pthread_mutex_unlock(&collect->roots_lock);
    if (before >= 0)
        collect_watch_drop(collect, root);
    path_close(&before);
    collect_mark_root(collect, root);
}

static bool is_same_folder(int a, int b)
{
    struct stat left;
    struct stat right;
    return a >= 0 && b >= 0 && fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
           left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static bool away(const struct collect *collect, size_t root, const char *why,
                 struct err *err)
{
    err_clear(err);
    return err_set(err, ERR_BUSY, "storage_away", "storage %.32s %s",
                   collect->config.roots[root].label, why);
}

bool collect_open_storage(struct collect *collect, size_t root, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES);
    struct collect_listing listing = {0};
    struct text prefix = {0};
    struct text known = {0};
    int fd = path_hold_root(collect->config.roots[root].directory, err);
    if (fd < 0) {
        keep_root(collect, root, -1);
        return away(collect, root, "is not there: is it mounted, and readable?", err);
    }
    if (is_same_folder(fd, collect->roots[root]))
        path_close(&fd);
    else
        keep_root(collect, root, fd);
    CLEANUP(path_close) int listed = path_open_again(collect->roots[root], err);
    if (listed < 0 || !collect_list_folder(listed, &listing, &arena, err))
        return away(collect, root, "cannot be read: mounted, and with rights?", err);
    if (has_storage_shape(&listing))
        return true;
    if (!collect_index_path(collect, root, "", &arena, &prefix, err) ||
        !index_next_folder(collect->config.index, prefix, prefix, &arena, &known, err))
        return false;
    if (known.len > 0)
        return away(collect, root, "is empty and was not: is it mounted?", err);
    /* A new index cannot tell a new storage from the folder that one is mounted on, and
     * what it does not know the centre would withdraw. */
    return collect->config.roots[root].may_be_empty ||
           away(collect, root, "is empty: is it mounted? If it is new: may_be_empty",
                err);
}
