// SPDX-License-Identifier: Apache-2.0
/* The order matters: first the database, then the audit, so that the copied database
 * knows of nothing that the copied audit lacks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/day.h"
#include "base/path.h"
#include "base/version.h"
#include "cli/backup/backup.h"
#include "store/store.h"

enum { DAY_MS = 86400000, SEGMENT_NAME_BYTES = 11 /* YYYY-MM.log */ };

struct making {
    struct server_office *office;
    const struct seal_key *key;
    char directory[PATH_MAX_BYTES + 1]; /* of the copy, until it is whole */
    struct backup_manifest *manifest;
};

/* ---- one file ---- */

static bool seal_one(struct making *making, const char *path, const char *name,
                     struct err *err)
{
    char sealed[PATH_MAX_BYTES + 1];
    struct backup_manifest *manifest = making->manifest;
    if (manifest->file_count == BACKUP_FILES_MAX)
        return err_set(err, ERR_LIMIT, "backup_files", "more than %d files",
                       BACKUP_FILES_MAX);
    if (!backup_path(sealed, making->directory, name, ".sealed", err) ||
        !backup_make_parent(sealed, err))
        return false;
    CLEANUP(path_close) int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(path_close)
    int to = open(sealed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (from < 0 || to < 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    struct backup_file *file = &manifest->files[manifest->file_count];
    if (!text_copy(text_cstr(name), &making->office->arena, &file->name, err) ||
        !seal_file(making->key, name, from, to, &file->result, err))
        return false;
    manifest->file_count++;
    return true;
}

/* ---- database and keys ---- */

static bool copy_database(struct making *making, struct err *err)
{
    char plain[PATH_MAX_BYTES + 1];
    if (!backup_path(plain, making->office->data, "copy.db", ".part", err))
        return false;
    unlink(plain); /* of a copy that was cut off */
    bool is_copied = store_copy(making->office->database, plain, err) &&
                     seal_one(making, plain, "database", err);
    unlink(plain);
    return is_copied;
}

static bool copy_keys(struct making *making, struct err *err)
{
    static const struct {
        const char *file;
        const char *name; /* in the copy */
    } keys[] = {{"entry-ids", "keys/entry-ids"},
                {"grants", "keys/grants"},
                {"grants.public", "keys/grants.public"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char path[PATH_MAX_BYTES + 1];
        if (!backup_is_there(making->office->keys, keys[i].file))
            continue; /* a centre that was founded and never started */
        if (!backup_path(path, making->office->keys, keys[i].file, "", err) ||
            !seal_one(making, path, keys[i].name, err))
            return false;
    }
    return true;
}

/* ---- audit ---- */

static bool is_segment(const char *name)
{
    struct span text = span_cstr(name);
    return text.len == SEGMENT_NAME_BYTES && span_all_digits(span_part(text, 0, 4)) &&
           text.at[4] == '-' && span_all_digits(span_part(text, 5, 2)) &&
           span_is(span_part(text, 7, 4), ".log");
}

static bool note_head(struct making *making, const char *audit, const char *node,
                      struct err *err)
{
    struct backup_manifest *manifest = making->manifest;
    if (manifest->head_count == BACKUP_SERIES_MAX)
        return err_set(err, ERR_LIMIT, "backup_files", "too many series");
    struct backup_head *head = &manifest->heads[manifest->head_count];
    if (!text_copy(text_cstr(node), &making->office->arena, &head->node, err) ||
        !audit_read_head(audit, node, &head->position, err))
        return false;
    manifest->head_count += head->position.number > 0;
    return true;
}

static bool copy_series(struct making *making, const char *audit, const char *node,
                        struct err *err)
{
    char directory[PATH_MAX_BYTES + 1], path[PATH_MAX_BYTES + 1];
    char name[PATH_NAME_MAX + 64];
    if (!note_head(making, audit, node, err) ||
        !backup_path(directory, audit, node, "", err))
        return false;
    CLEANUP(backup_close_listing) DIR *listing = opendir(directory);
    if (!listing)
        return err_set(err, ERR_SYSTEM, "path_failed", "an audit series is unreadable");
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (!is_segment(entry->d_name))
            continue;
        snprintf(name, sizeof name, "audit/%.32s/%.11s", node, entry->d_name);
        if (!backup_path(path, directory, entry->d_name, "", err) ||
            !seal_one(making, path, name, err))
            return false;
    }
    return true;
}

static bool copy_audit(struct making *making, struct err *err)
{
    char audit[PATH_MAX_BYTES + 1];
    if (!backup_path(audit, making->office->data, "audit", "", err))
        return false;
    CLEANUP(backup_close_listing) DIR *listing = opendir(audit);
    if (!listing)
        return err_set(err, ERR_MISSING, "path_missing", "no audit directory");
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        bool is_series = entry->d_name[0] != '.' &&
                         (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
        if (is_series && !copy_series(making, audit, entry->d_name, err))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

void backup_name(const struct backup_manifest *manifest, char name[BACKUP_NAME_BYTES])
{
    int year = 0, month = 0, day = 0;
    int64_t ms = manifest->made_at;
    int seconds = (int)(ms % DAY_MS / 1000);
    day_to_date((int32_t)(ms / DAY_MS), &year, &month, &day);
    snprintf(name, BACKUP_NAME_BYTES, "%.*s-%04d%02d%02dT%02d%02d%02dZ",
             (int)manifest->node.len, (const char *)manifest->node.at, year, month, day,
             seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static bool fill(struct making *making, struct err *err)
{
    const struct backup_manifest *manifest = making->manifest;
    return (!manifest->has_database || copy_database(making, err)) &&
           copy_audit(making, err) && copy_keys(making, err) &&
           backup_write_manifest(manifest, making->key, making->directory, err);
}

/* A copy is called one when it outlives the power. */
static bool set_name(const struct making *making, const char *to, const char *made,
                     struct err *err)
{
    if (!backup_sync(making->directory, err))
        return false;
    CLEANUP(path_close) int fd = path_open_root(to, err);
    if (fd < 0)
        return false;
    return (rename(making->directory, made) == 0 && fsync(fd) == 0) ||
           err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
}

bool backup_make(struct server_office *office, const struct seal_key *key, const char *to,
                 bool has_database, char made[PATH_MAX_BYTES + 1],
                 struct backup_manifest *manifest, struct err *err)
{
    struct clock clock = clock_system();
    struct making making = {.office = office, .key = key, .manifest = manifest};
    *manifest = (struct backup_manifest){.node = text_cstr(office->node),
                                         .made_at = clock_wall_ms(&clock),
                                         .has_database = has_database};
    manifest->files =
        ARENA_MANY(&office->arena, struct backup_file, BACKUP_FILES_MAX, err);
    if (!manifest->files)
        return false;
    manifest->heads =
        ARENA_MANY(&office->arena, struct backup_head, BACKUP_SERIES_MAX, err);
    char name[BACKUP_NAME_BYTES];
    backup_name(manifest, name);
    if (!manifest->heads || !backup_path(made, to, name, "", err) ||
        !backup_path(making.directory, to, name, ".part", err) ||
        !path_make_directory(making.directory, err))
        return false;
    if (fill(&making, err) && set_name(&making, to, made, err))
        return true;
    backup_remove(making.directory);
    return false;
}
