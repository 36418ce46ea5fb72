// SPDX-License-Identifier: Apache-2.0
/* What lies in a document's folder besides the document: pictures, papers. They are
 * listed in the order of their names; a file is asked for by its place in that list, and
 * opened by the name that was listed. Nothing of them is read when the document is
 * indexed: nobody is judged by a picture. What tells of a change are names, sizes, times
 * and inodes. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { LISTING_BYTES = 64 << 20, FILES_MAX = 10000 /* of one record */ };

struct beside {
    const char *name;
    struct stat status;
};

/* Regular files only: neither links nor folders, whatever they are called. */
static bool take_status(int folder, const char *name, const char *main,
                        struct beside *beside)
{
    beside->name = name;
    return strcmp(name, main) != 0 && extended_is_beside(span_cstr(name)) &&
           fstatat(folder, name, &beside->status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(beside->status.st_mode);
}

/* As of a document itself: a file that took another's name, size and time has another
 * inode or was changed later. */
static void add_to_stamp(struct hash_run *run, const struct beside *beside)
{
    char line[160];
    const struct stat *status = &beside->status;
    int len = snprintf(line, sizeof line, "%lld %lld.%09ld %lld.%09ld %llu\n",
                       (long long)status->st_size, (long long)status->st_mtim.tv_sec,
                       status->st_mtim.tv_nsec, (long long)status->st_ctim.tv_sec,
                       status->st_ctim.tv_nsec, (unsigned long long)status->st_ino);
    hash_add(run, span_of(beside->name, strlen(beside->name) + 1));
    hash_add(run, span_of(line, (size_t)len));
}

static void end_stamp(struct hash_run **run)
{
    hash_free(*run);
}

bool collect_stamp_beside(int folder, const struct collect_listing *listing,
                          const char *main, char hex[HASH_HEX_BYTES], struct err *err)
{
    size_t count = 0;
    CLEANUP(end_stamp) struct hash_run *run = hash_new(err);
    hex[0] = '\0';
    if (!run)
        return false;
    for (size_t i = 0; i < listing->count; i++) {
        struct beside beside;
        if (!take_status(folder, listing->names[i], main, &beside))
            continue;
        add_to_stamp(run, &beside);
        count++;
    }
    struct hash hash = hash_finish(run);
    if (count > 0)
        hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    return true;
}

/* ---- for content ---- */

/* The record's own folder and the name of its document in it; -1 and no error: the
 * document lies in no folder of its own. */
static int open_folder(struct collect *collect, struct text path, struct arena *arena,
                       const char **main, struct err *err)
{
    struct collect_source source;
    struct collect_name name;
    if (!collect_find_source(collect, path, &source, arena, err))
        return -1;
    if (!collect_is_extended(collect, source.root))
        return -1;
    struct span copy = {0};
    if (!arena_copy(arena, span_cstr(source.relative), &copy, err) ||
        !collect_parse(collect, source.root, copy, &name, arena, err))
        return -1;
    char *slash = strrchr(source.relative, '/');
    if (!name.extended.is_in_folder || !slash)
        return -1;
    *slash = '\0';
    *main = slash + 1;
    CLEANUP(path_close) int root = collect_take_root(collect, source.root, err);
    return root < 0 ? -1 : path_open_below(root, source.relative, err);
}

static bool read_head(int folder, const char *name, struct arena *arena,
                      struct span *head)
{
    struct err err = {0};
    CLEANUP(path_close) int fd = path_open_below(folder, name, &err);
    uint8_t *bytes = fd < 0 ? NULL : arena_take(arena, EXTENDED_HEAD_BYTES, 1, &err);
    ssize_t got = bytes ? pread(fd, bytes, EXTENDED_HEAD_BYTES, 0) : -1;
    *head = got > 0 ? span_of(bytes, (size_t)got) : span_of("", 0);
    return err.kind == ERR_NONE;
}

/* Those that are shown; of the others it is known that they are there. */
static bool add_file(int folder, const struct beside *beside, struct arena *arena,
                     struct collect_beside *out, struct err *err)
{
    out->has_more = out->count == EXTENDED_FILES_MAX;
    if (out->has_more)
        return true;
    struct extended_file *file = &out->files[out->count];
    out->names[out->count++] = beside->name;
    file->size_bytes = (size_t)beside->status.st_size;
    return read_head(folder, beside->name, arena, &file->head) &&
           extended_decode_name(span_cstr(beside->name), arena, &file->name, err);
}

static bool list_files(int folder, const char *main, struct arena *arena,
                       struct collect_beside *out, struct err *err)
{
    struct collect_listing listing = {.takes_any_bytes = true};
    CLEANUP(end_stamp) struct hash_run *run = hash_new(err);
    if (!run || !collect_list_folder(folder, &listing, arena, err))
        return false;
    if (listing.count > FILES_MAX)
        return err_set(err, ERR_LIMIT, "folder_too_large", "more than %d names",
                       FILES_MAX);
    for (size_t i = 0; i < listing.count; i++) {
        struct beside beside;
        if (!take_status(folder, listing.names[i], main, &beside))
            continue;
        add_to_stamp(run, &beside);
        if (!add_file(folder, &beside, arena, out, err))
            return false;
    }
    out->stamp = hash_finish(run);
    return true;
}

bool collect_list_beside(struct collect *collect, struct text path, struct arena *arena,
                         struct collect_beside *beside, struct err *err)
{
    const char *main = NULL;
    *beside = (struct collect_beside){0};
    CLEANUP(path_close) int folder = open_folder(collect, path, arena, &main, err);
    if (folder < 0)
        return err->kind == ERR_NONE;
    beside->files = ARENA_MANY(arena, struct extended_file, EXTENDED_FILES_MAX, err);
    beside->names = ARENA_MANY(arena, const char *, EXTENDED_FILES_MAX, err);
    return beside->files && beside->names && list_files(folder, main, arena, beside, err);
}

bool collect_read_beside(struct collect *collect, struct text path,
                         const struct collect_beside *beside, size_t index,
                         struct arena *arena, struct span *bytes, struct err *err)
{
    const char *main = NULL;
    struct stat before;
    struct stat after;
    if (index >= beside->count)
        return err_set(err, ERR_MISSING, "not_found", "no such file");
    CLEANUP(path_close) int folder = open_folder(collect, path, arena, &main, err);
    if (folder < 0)
        return err->kind == ERR_NONE ? err_set(err, ERR_MISSING, "not_found", "no folder")
                                     : false;
    CLEANUP(path_close) int fd = path_open_below(folder, beside->names[index], err);
    if (fd < 0)
        return false;
    if (fstat(fd, &before) != 0 || !S_ISREG(before.st_mode))
        return err_set(err, ERR_REFUSED, "path_unsafe", "not a file");
    if (!path_read(fd, COLLECT_FILE_BYTES_MAX, arena, bytes, err))
        return false;
    bool is_stable = fstat(fd, &after) == 0 && after.st_size == before.st_size &&
                     memcmp(&after.st_mtim, &before.st_mtim, sizeof after.st_mtim) == 0;
    return is_stable ||
           err_set(err, ERR_BUSY, "source_changed", "the file is being written");
}
