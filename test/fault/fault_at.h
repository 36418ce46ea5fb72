// SPDX-License-Identifier: Apache-2.0
/* For programs that stand in for calls on files: names below an open folder, and
 * attributes. */
#pragma once

#include <sys/xattr.h>

#include "test/fault/fault_disk.h"

/* False when it lies elsewhere, or nothing is followed or counted. */
NOT_AT_THE_START static bool fault_path_at(int folder, const char *name, char path[512])
{
    char below[DISK_NAME];
    if (!fault_plan || !disk_name_of(folder, below))
        return false;
    int len = snprintf(path, 512, "%s%s%s/%s", fault_plan->directory, below[0] ? "/" : "",
                       below, name);
    return len > 0 && len < 512;
}

static int move_at(int folder, const char *from, int other, const char *to, unsigned how)
{
    char old_path[512], path[512];
    int saved = errno;
    bool is_ours =
        fault_path_at(folder, from, old_path) && fault_path_at(other, to, path);
    errno = saved;
    if (is_ours && fault_strikes(FAULT_RENAME))
        return -1;
    int status = (int)syscall(SYS_renameat2, folder, from, other, to, how);
    if (status == 0 && is_ours)
        disk_renamed(old_path, path);
    return status;
}

int renameat(int folder, const char *from, int other, const char *to)
{
    return move_at(folder, from, other, to, 0);
}

int renameat2(int folder, const char *from, int other, const char *to, unsigned how)
{
    return move_at(folder, from, other, to, how);
}

int unlinkat(int folder, const char *name, int how)
{
    char path[512];
    int saved = errno;
    bool is_ours = how == 0 && fault_path_at(folder, name, path);
    errno = saved;
    if (is_ours && fault_strikes(FAULT_RENAME))
        return -1;
    int status = (int)syscall(SYS_unlinkat, folder, name, how);
    if (status == 0 && is_ours)
        disk_removed(path);
    return status;
}

int fsetxattr(int fd, const char *name, const void *value, size_t len, int how)
{
    if (fault_counts_file(FAULT_WRITE, fd)) {
        if (fault_strikes_file(FAULT_WRITE, fd))
            return -1;
        disk_labelled(fd, name, value, len);
    }
    return (int)syscall(SYS_fsetxattr, fd, name, value, len, how);
}
