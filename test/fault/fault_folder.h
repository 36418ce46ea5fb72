// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: folders of the rounds, made, copied and removed without a process
 * of their own and without the calls that this program counts. They lie in memory where
 * that takes what a file carries (its attributes): what a loss of power takes away is
 * decided by fault_disk.h, and a thousand files made and removed at once are what a file
 * system on a disk is slow at. The caller names a folder and owns it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/test.h"

enum { FOLDER_PATH = 512, FOLDER_PIECE = 65536 };

static inline const char *folder_find_base(void)
{
    static const char memory[] = "/dev/shm";
    char path[64];
    struct statvfs room;
    if (statvfs(memory, &room) != 0 || room.f_bavail < (512U << 20) / room.f_bsize)
        return "/tmp";
    snprintf(path, sizeof path, "%s/fault_XXXXXX", memory);
    int fd = mkstemp(path);
    bool is_good = fd >= 0 && syscall(SYS_fsetxattr, fd, "user.fault", "1", 1, 0) == 0;
    if (fd >= 0) {
        close(fd);
        syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    }
    return is_good ? memory : "/tmp";
}

/* Where there is room for some rounds' files at the same time. */
static inline const char *folder_base(void)
{
    static const char *base; /* looked for once */
    base = base ? base : folder_find_base();
    return base;
}

/* "…/<name>_" and six letters. */
static inline void folder_new(const char *name, char path[64])
{
    snprintf(path, 64, "%s/%s_XXXXXX", folder_base(), name);
    CHECK(mkdtemp(path));
}

/* One look at each thing below `path`; false when one of them fails. */
static inline bool
folder_each(const char *path,
            bool (*see)(void *context, const char *one, const char *name), void *context)
{
    bool is_good = true;
    DIR *listing = opendir(path);
    for (struct dirent *found = listing ? readdir(listing) : NULL; found && is_good;
         found = readdir(listing)) {
        char one[FOLDER_PATH];
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        snprintf(one, sizeof one, "%s/%s", path, found->d_name);
        is_good = see(context, one, found->d_name);
    }
    if (listing)
        closedir(listing);
    return listing && is_good;
}

static inline bool folder_is(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static inline bool folder_remove(void *context, const char *path, const char *name)
{
    (void)name;
    if (!folder_is(path))
        return syscall(SYS_unlinkat, AT_FDCWD, path, 0) == 0 || errno == ENOENT;
    return folder_each(path, folder_remove, context) &&
           syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) == 0;
}

/* ---- copies ---- */

static inline int folder_open(const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

static inline bool folder_copy_file(const char *from, const char *to, mode_t mode)
{
    static _Thread_local char bytes[FOLDER_PIECE];
    int in = folder_open(from, O_RDONLY, 0);
    int out = folder_open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
    long got = -1;
    while (in >= 0 && out >= 0 && (got = read(in, bytes, sizeof bytes)) > 0)
        if (syscall(SYS_write, out, bytes, got) != got)
            abort();
    close(in);
    close(out);
    return got == 0;
}

/* What lies below `from` into the folder `context`, over what is there. */
static inline bool folder_copy_one(void *context, const char *path, const char *name)
{
    struct stat status;
    char to[FOLDER_PATH];
    snprintf(to, sizeof to, "%s/%s", (const char *)context, name);
    if (lstat(path, &status) != 0)
        return false;
    if (!S_ISDIR(status.st_mode))
        return folder_copy_file(path, to, status.st_mode & 0777);
    return (syscall(SYS_mkdirat, AT_FDCWD, to, status.st_mode & 0777) == 0 ||
            errno == EEXIST) &&
           folder_each(path, folder_copy_one, to);
}

static inline void folder_copy(const char *from, const char *to)
{
    CHECK(folder_each(from, folder_copy_one, (void *)(uintptr_t)to));
}

/* ---- the same bytes under the same names ---- */

static inline bool folder_same_file(const char *path, const char *other)
{
    static _Thread_local char bytes[2][FOLDER_PIECE];
    int fds[2] = {folder_open(path, O_RDONLY, 0), folder_open(other, O_RDONLY, 0)};
    ssize_t got = 1;
    bool is_same = fds[0] >= 0 && fds[1] >= 0;
    while (is_same && got > 0) {
        got = read(fds[0], bytes[0], sizeof bytes[0]);
        is_same = got >= 0 && read(fds[1], bytes[1], sizeof bytes[1]) == got &&
                  memcmp(bytes[0], bytes[1], (size_t)got) == 0;
    }
    close(fds[0]);
    close(fds[1]);
    return is_same;
}

/* Each thing below the first is below the folder `context`. */
static inline bool folder_has_one(void *context, const char *path, const char *name)
{
    char other[FOLDER_PATH];
    snprintf(other, sizeof other, "%s/%s", (const char *)context, name);
    if (folder_is(path))
        return folder_is(other) && folder_each(path, folder_has_one, other);
    return folder_same_file(path, other);
}

static inline bool folder_same(const char *path, const char *other)
{
    return folder_each(path, folder_has_one, (void *)(uintptr_t)other) &&
           folder_each(other, folder_has_one, (void *)(uintptr_t)path);
}
