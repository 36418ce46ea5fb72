// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: what the disk of fault_disk.h holds when the power goes, as
 * "<directory>.after". */

#include "test/fault/fault_disk.h"

static inline void disk_apply_some(struct disk_file *file, uint64_t *state)
{
    if (file->is_attribute_young && fault_random(state) % 2 == 0)
        file->attribute[0] = '\0';
    for (struct disk_write *one = file->first; one; one = one->next) {
        unsigned how = fault_random(state) % 4;
        if (how == 0)
            continue; /* dropped */
        if (one->is_truncate) {
            disk_cut(file, (size_t)one->offset);
            continue;
        }
        for (size_t at = 0; at < one->len;) {
            size_t step =
                DISK_SECTOR - ((size_t)one->offset + at) % DISK_SECTOR; /* to the edge */
            if (step > one->len - at)
                step = one->len - at;
            if (how != 1 || fault_random(state) % 2 == 0) /* 1: torn */
                disk_set(file, one->offset + (int64_t)at, one->bytes + at, step);
            at += step;
        }
    }
}

static inline void disk_make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        syscall(SYS_mkdirat, AT_FDCWD, path, 0700);
        *at = '/';
    }
}

static inline void disk_put(const struct disk_file *file, const char *name)
{
    char path[DISK_NAME + 80];
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, "-shm") == 0)
        return;
    snprintf(path, sizeof path, "%s.after/%s", fault_plan->directory, name);
    disk_make_folders(path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    size_t put = 0;
    while (fd >= 0 && put < file->len) {
        long wrote = syscall(SYS_write, fd, file->bytes + put, file->len - put);
        if (wrote <= 0)
            abort();
        put += (size_t)wrote;
    }
    if (fd >= 0 && file->attribute[0] &&
        syscall(SYS_fsetxattr, fd, file->attribute, file->value, file->value_len, 0) != 0)
        abort();
    close(fd);
}

/* Of the files whose names begin so. Removed ones first, so that what replaced them wins.
 */
static inline void disk_lose_below(const char *prefix, uint64_t *state)
{
    bool is_folder_old = fault_random(state) % 2 == 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < disk.count; i++) {
            struct disk_file *file = &disk.files[i];
            if (strncmp(file->name, prefix, strlen(prefix)) != 0)
                continue;
            bool is_there = file->has_name || fault_random(state) % 2 == 0;
            if (file->is_gone || file->is_removed != (pass == 0) || !is_there ||
                (file->is_removed && fault_random(state) % 2 == 0))
                continue;
            disk_apply_some(file, state);
            bool is_old =
                file->is_moved_along ? is_folder_old : fault_random(state) % 2 == 0;
            is_old = is_old && file->old_name[0];
            disk_put(file, is_old ? file->old_name : file->name);
        }
    }
}

/* With the lock, which nobody gets any more. */
static inline void disk_lose_power(void)
{
    uint64_t state = fault_plan->seed;
    char after[80];
    snprintf(after, sizeof after, "%s.after", fault_plan->directory);
    pthread_mutex_lock(&disk.lock);
    syscall(SYS_mkdirat, AT_FDCWD, after, 0700);
    disk_lose_below("", &state);
}
