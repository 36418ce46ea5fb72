// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/backup/backup.h"

enum { OPEN_FOLDERS = 16 };

bool backup_path(char out[PATH_MAX_BYTES + 1], const char *first, const char *second,
                 const char *ending, struct err *err)
{
    int len = snprintf(out, PATH_MAX_BYTES + 1, "%s/%s%s", first, second, ending);
    return (len > 0 && len <= PATH_MAX_BYTES) ||
           err_set(err, ERR_LIMIT, "path_too_long", "a path of a copy");
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *place) /* allowed: nftw's shape */
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void backup_remove(const char *directory)
{
    (void)nftw(directory, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int sync_folder(const char *path, const struct stat *status, int kind,
                       struct FTW *place) /* allowed: nftw's shape */
{
    (void)status;
    (void)place;
    if (kind != FTW_D)
        return 0;
    struct err ignored = {0};
    CLEANUP(path_close) int fd = path_open_root(path, &ignored);
    return fd >= 0 && fsync(fd) == 0 ? 0 : 1;
}

bool backup_sync(const char *directory, struct err *err)
{
    return nftw(directory, sync_folder, OPEN_FOLDERS, FTW_PHYS | FTW_MOUNT) == 0 ||
           err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
}

void backup_close_listing(DIR **listing)
{
    if (*listing)
        closedir(*listing);
}

bool backup_is_there(const char *directory, const char *name)
{
    char path[PATH_MAX_BYTES + 1];
    struct stat status;
    struct err err = {0};
    return backup_path(path, directory, name, "", &err) && lstat(path, &status) == 0;
}

bool backup_make_parent(const char *path, struct err *err)
{
    char parent[PATH_MAX_BYTES + 1];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return true;
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    return path_make_directory(parent, err);
}
