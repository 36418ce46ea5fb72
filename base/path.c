// SPDX-License-Identifier: Apache-2.0
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void path_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Says what failed without the name, which may hold a patient's number. */
static bool failed(struct err *err, int number)
{
    if (number == ENOENT || number == ENOTDIR)
        return err_set(err, ERR_MISSING, "path_missing", "no such file");
    if (number == ELOOP || number == EXDEV)
        return err_set(err, ERR_REFUSED, "path_unsafe", "a link or a way out");
    const char *name = strerrorname_np(number); /* of no thread: no locale, no buffer */
    return err_set(err, ERR_SYSTEM, "path_failed", "file error %d (%s)", number,
                   name ? name : "unknown");
}

static int open_directory(int at, const char *name, int flags, struct err *err)
{
    int fd = openat(at, name, O_DIRECTORY | O_CLOEXEC | flags);
    if (fd < 0)
        failed(err, errno);
    return fd;
}

int path_open_root(const char *directory, struct err *err)
{
    return open_directory(AT_FDCWD, directory, O_RDONLY, err);
}

int path_hold_root(const char *directory, struct err *err)
{
    return open_directory(AT_FDCWD, directory, O_PATH, err);
}

int path_open_again(int folder, struct err *err)
{
    return open_directory(folder, ".", O_RDONLY, err);
}

bool path_is_safe_name(struct span name)
{
    if (name.len == 0 || name.len > PATH_NAME_MAX || span_is(name, ".") ||
        span_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] < 0x20 || name.at[i] == '/' || name.at[i] == '\\' ||
            name.at[i] == 0x7F)
            return false;
    return true;
}

static bool is_safe_relative(const char *relative)
{
    struct span rest = span_cstr(relative);
    struct span name;
    if (rest.len == 0 || rest.len > PATH_MAX_BYTES)
        return false;
    while (span_take(&rest, '/', &name))
        if (!path_is_safe_name(name))
            return false;
    return true;
}

int path_open_below(int root, const char *relative, struct err *err)
{
    if (!is_safe_relative(relative)) {
        err_set(err, ERR_REFUSED, "path_unsafe", "a name that may not be used");
        return -1;
    }
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, root, relative, &how, sizeof how);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        failed(err, errno);
        path_close(&fd);
        return -1;
    }
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        err_set(err, ERR_REFUSED, "path_unsafe", "neither file nor directory");
        path_close(&fd);
    }
    return fd;
}

bool path_read(int fd, size_t max_bytes, struct arena *arena, struct span *bytes,
               struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return failed(err, errno);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_REFUSED, "path_unsafe", "not a file");
    if (status.st_size < 0 || (uint64_t)status.st_size > max_bytes)
        return err_set(err, ERR_LIMIT, "file_too_large", "more than %zu bytes",
                       max_bytes);
    size_t size = (size_t)status.st_size;
    uint8_t *at = arena_take_unset(arena, size, 1, err);
    if (!at)
        return false;
    size_t have = 0;
    while (have < size) {
        ssize_t got = pread(fd, at + have, size - have, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(err, errno);
        if (got == 0)
            break; /* became shorter while we read: what is there counts */
        have += (size_t)got;
    }
    *bytes = span_of(at, have);
    return true;
}

bool path_read_file(const char *name, size_t max_bytes, struct arena *arena,
                    struct span *bytes, struct err *err)
{
    CLEANUP(path_close) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(err, errno);
    return path_read(fd, max_bytes, arena, bytes, err);
}

bool path_read_named(const char *name, size_t max_bytes, struct arena *arena,
                     struct span *bytes, struct err *err)
{
    struct err fault = {0};
    if (path_read_file(name, max_bytes, arena, bytes, &fault))
        return true;
    return err_set(err, fault.kind, fault.code, "%.110s: %.40s", name, fault.text);
}

bool path_check_private(const char *name, struct err *err)
{
    struct stat status;
    return stat(name, &status) != 0 || (status.st_mode & (S_IRWXO | S_IWGRP)) == 0 ||
           err_set(err, ERR_REFUSED, "file_exposed",
                   "%.100s: others may read or write it (chmod g-w,o= …)", name);
}

static bool write_all(int fd, struct span bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return failed(err, errno);
        bytes = span_part(bytes, (size_t)put, bytes.len);
    }
    return fsync(fd) == 0 || failed(err, errno);
}

static bool sync_parent(const char *name, struct err *err)
{
    char directory[PATH_MAX_BYTES + 1];
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 1;
    if (len >= sizeof directory)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    memcpy(directory, slash ? name : ".", len);
    directory[len] = '\0';
    CLEANUP(path_close) int fd = path_open_root(len ? directory : "/", err);
    if (fd < 0)
        return false;
    return fsync(fd) == 0 || failed(err, errno);
}

bool path_write_file(const char *name, struct span bytes, struct err *err)
{
    char temporary[PATH_MAX_BYTES + 16];
    int len = snprintf(temporary, sizeof temporary, "%s.part", name);
    if (len < 0 || (size_t)len > PATH_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    CLEANUP(path_close)
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(err, errno);
    if (!write_all(fd, bytes, err))
        return false;
    if (rename(temporary, name) != 0)
        return failed(err, errno);
    return sync_parent(name, err);
}

bool path_make_directory(const char *name, struct err *err)
{
    char part[PATH_MAX_BYTES + 1];
    size_t len = strlen(name);
    if (len == 0 || len >= sizeof part)
        return err_set(err, ERR_LIMIT, "path_too_long", "path empty or too long");
    memcpy(part, name, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return failed(err, errno);
        part[i] = kept;
    }
    return true;
}
