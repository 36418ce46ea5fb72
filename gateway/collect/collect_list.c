// SPDX-License-Identifier: Apache-2.0
/* One folder: its names, its time, its place in the index. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

/* A folder that changed less than this ago may change again within the same tick of the
 * file system's clock: its time is not remembered yet. */
enum { SETTLED_MS = 2000, NAMES_MAX = 200000 };

bool collect_index_path(const struct collect *collect, size_t root, const char *path,
                        struct arena *arena, struct text *out, struct err *err)
{
    CLEANUP(buf_free) struct buf whole = buf_init(3 * PATH_MAX_BYTES + 64);
    struct span copy = {0};
    buf_cstr(&whole, collect->config.roots[root].label);
    buf_byte(&whole, '/');
    if (collect_is_extended(collect, root))
        collect_write_path(path, &whole);
    else
        buf_cstr(&whole, path);
    buf_byte(&whole, '/');
    if (*path == '\0')
        whole.len--; /* the root itself: one slash */
    return buf_to_arena(&whole, arena, &copy, err) && text_from_utf8(copy, out, err);
}

static bool is_usable(const struct collect_listing *listing, const char *name)
{
    struct text text = {0};
    struct err ignored = {0};
    return path_is_safe_name(span_cstr(name)) &&
           (listing->takes_any_bytes || text_from_utf8(span_cstr(name), &text, &ignored));
}

static bool add_name(struct collect_listing *listing, const char *name,
                     struct arena *arena, struct err *err)
{
    if (listing->count == NAMES_MAX)
        return err_set(err, ERR_LIMIT, "folder_too_large", "more than %d names",
                       NAMES_MAX);
    size_t len = strlen(name) + 1;
    listing->names = arena_grow(arena, listing->names, listing->count, listing->count + 1,
                                sizeof *listing->names, &listing->room, err);
    char *kept = listing->names ? arena_take(arena, len, 1, err) : NULL;
    if (!kept)
        return false;
    memcpy(kept, name, len);
    listing->names[listing->count++] = kept;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static bool take_names(const uint8_t *bytes, size_t count,
                       struct collect_listing *listing, struct arena *arena,
                       struct err *err)
{
    for (size_t at = 0; at < count;) {
        const struct dirent64 *item = (const void *)(bytes + at);
        struct collect_listing *to =
            is_usable(listing, item->d_name) ? listing : listing->unusable;
        at += item->d_reclen;
        if (to && item->d_name[0] != '.' && !add_name(to, item->d_name, arena, err))
            return false;
    }
    return true;
}

/* Without the library's stream: most folders hold a name or two, and a stream costs more
 * than they do. */
bool collect_list_folder(int fd, struct collect_listing *listing, struct arena *arena,
                         struct err *err)
{
    enum { READ_BYTES = 16384 };
    _Alignas(struct dirent64) uint8_t bytes[READ_BYTES];
    ssize_t got = getdents64(fd, bytes, sizeof bytes);
    while (got > 0) {
        if (!take_names(bytes, (size_t)got, listing, arena, err))
            return false;
        got = getdents64(fd, bytes, sizeof bytes);
    }
    if (got < 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "folder cannot be listed");
    if (listing->count > 1)
        qsort(listing->names, listing->count, sizeof *listing->names, compare_names);
    return true;
}

bool collect_join(const char *path, const char *name, char out[PATH_MAX_BYTES + 1])
{
    int len = *path ? snprintf(out, PATH_MAX_BYTES + 1, "%s/%s", path, name)
                    : snprintf(out, PATH_MAX_BYTES + 1, "%s", name);
    return len > 0 && len <= PATH_MAX_BYTES;
}

int collect_open_folder(const struct collect_walk *walk, const char *path,
                        struct err *err)
{
    int root = walk->collect->roots[walk->root];
    return *path ? path_open_below(root, path, err) : path_open_again(root, err);
}

int64_t collect_settled_time(const struct collect_walk *walk, const struct stat *status)
{
    int64_t changed_ms =
        (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
    int64_t now_ms = clock_wall_ms(&walk->collect->config.clock);
    if (now_ms - changed_ms < SETTLED_MS)
        return 0;
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

bool collect_is_recent(const struct collect_walk *walk, const struct stat *status)
{
    enum { DAY_S = 86400 };
    const struct collect_config *config = &walk->collect->config;
    int64_t now_s = clock_wall_ms(&config->clock) / 1000;
    return status->st_mtim.tv_sec > now_s - (int64_t)config->recent_days * DAY_S;
}

void collect_log_folder(struct collect *collect, const struct err *err)
{
    enum { TOLD_MAX = 20 };
    if (collect->fault_count++ < TOLD_MAX && collect->config.log)
        log_err(collect->config.log, "collect_folder", err);
}

bool collect_tell_folder(const struct collect_walk *walk,
                         const struct index_folder *folder, bool is_gone, struct err *err)
{
    struct index_piece piece = {.kind = is_gone ? INDEX_FORGET_FOLDER : INDEX_NOTE_FOLDER,
                                .folder = *folder};
    return text_copy(folder->path, &walk->collect->batch->arena, &piece.folder.path,
                     err) &&
           collect_add(walk, &piece, err);
}
