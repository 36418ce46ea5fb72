// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: a disk whose power may go. It follows the files below the plan's
 * directory and knows, for each, what a sync has made durable and what was written since.
 * When the power goes, "<directory>.after" is made: the durable bytes and, of what was
 * not synced, any part in any order, writes torn at sectors. A file's name is durable by
 * a sync of its folder alone; until then it may be there or not. Memory of the database's
 * processes (-shm) is none of the disk. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/fault/fault_plan.h"

enum { DISK_FILES = 1024, DISK_SECTOR = 512, DISK_NAME = 256, DISK_ATTRIBUTE = 64 };

/* The next one of that name: of the C library, or of the sanitizer between. */
#ifdef __SANITIZE_ADDRESS__
extern void *__interceptor_malloc(size_t size);
extern void *__interceptor_calloc(size_t count, size_t size);
extern void *__interceptor_realloc(void *at, size_t size);
#define REAL_MALLOC __interceptor_malloc
#define REAL_CALLOC __interceptor_calloc
#define REAL_REALLOC __interceptor_realloc
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
#define REAL_MALLOC __libc_malloc
#define REAL_CALLOC __libc_calloc
#define REAL_REALLOC __libc_realloc
#endif

struct disk_write {
    struct disk_write *next;
    bool is_truncate;
    int64_t offset; /* or the new length */
    size_t len;
    uint8_t bytes[];
};

struct disk_file {
    dev_t device;
    ino_t inode;
    char name[DISK_NAME];     /* below the directory */
    char old_name[DISK_NAME]; /* before a rename that is not durable; "" = none */
    char moved_in[DISK_NAME]; /* the folder whose sync makes it so */
    bool is_moved_along;      /* with a folder of its own, all or none of whose files */
    bool has_name;            /* durable: it was there before, or its folder was synced */
    bool is_removed;          /* its folder not synced since: it may come back */
    bool is_gone;
    uint8_t *bytes; /* durable ones */
    size_t len;
    struct disk_write *first, *last; /* since the last sync */
    char attribute[DISK_ATTRIBUTE];  /* its name; "" = none */
    uint8_t value[DISK_ATTRIBUTE];
    size_t value_len;
    bool is_attribute_young; /* no fsync since: it may be there or not */
};

static struct {
    pthread_mutex_t lock;
    struct disk_file files[DISK_FILES];
    int count;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* "<directory>/name" of an open file, "" for the directory; false when it lies elsewhere.
 */
static inline bool disk_name_of(int fd, char name[DISK_NAME])
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    size_t prefix = strlen(fault_plan->directory);
    if (len < (ssize_t)prefix || strncmp(path, fault_plan->directory, prefix) != 0 ||
        (len > (ssize_t)prefix && path[prefix] != '/'))
        return false;
    path[len] = '\0';
    snprintf(name, DISK_NAME, "%.255s", len > (ssize_t)prefix ? path + prefix + 1 : "");
    return true;
}

static inline struct disk_file *disk_find(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return NULL;
    for (int i = 0; i < disk.count; i++)
        if (disk.files[i].device == status.st_dev && disk.files[i].inode == status.st_ino)
            return &disk.files[i];
    return NULL;
}

static inline struct disk_file *disk_named(const char *name)
{
    for (int i = disk.count - 1; i >= 0; i--)
        if (!disk.files[i].is_removed && strcmp(disk.files[i].name, name) == 0)
            return &disk.files[i];
    return NULL;
}

static inline void disk_set(struct disk_file *file, int64_t offset, const uint8_t *bytes,
                            size_t len)
{
    size_t end = (size_t)offset + len;
    if (end > file->len) {
        file->bytes = REAL_REALLOC(file->bytes, end);
        memset(file->bytes + file->len, 0, end - file->len);
        file->len = end;
    }
    memcpy(file->bytes + offset, bytes, len);
}

static inline void disk_cut(struct disk_file *file, size_t len)
{
    static const uint8_t zero = 0;
    if (len > file->len)
        disk_set(file, (int64_t)len - 1, &zero, 1);
    file->len = len;
}

static inline void disk_sync_file(struct disk_file *file)
{
    for (struct disk_write *one = file->first, *next; one; one = next) {
        next = one->next;
        if (one->is_truncate)
            disk_cut(file, (size_t)one->offset);
        else
            disk_set(file, one->offset, one->bytes, one->len);
        free(one);
    }
    file->first = file->last = NULL;
}

static inline struct disk_file *disk_add(int fd, const char *name, bool has_name)
{
    struct stat status;
    if (disk.count == DISK_FILES || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    struct disk_file *file = &disk.files[disk.count++];
    *file = (struct disk_file){
        .device = status.st_dev, .inode = status.st_ino, .has_name = has_name};
    snprintf(file->name, sizeof file->name, "%s", name);
    if (!has_name || status.st_size == 0)
        return file;
    file->len = (size_t)status.st_size;
    file->bytes = REAL_MALLOC(file->len);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    if (again < 0 || pread(again, file->bytes, file->len, 0) != (ssize_t)file->len)
        abort();
    close(again);
    return file;
}

/* ---- what the calls tell, behind their success ---- */

static inline void disk_opened(int fd, bool is_new)
{
    char name[DISK_NAME];
    if (!fault_plan->remembers_syncs || !disk_name_of(fd, name))
        return;
    pthread_mutex_lock(&disk.lock);
    if (!disk_find(fd))
        disk_add(fd, name, !is_new);
    pthread_mutex_unlock(&disk.lock);
}

/* Before the write itself, whose effect on the disk nobody knows. */
static inline void disk_writes(int fd, const void *bytes, size_t len, int64_t offset,
                               bool is_truncate)
{
    if (!fault_plan->remembers_syncs)
        return;
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = disk_find(fd);
    if (file) {
        struct disk_write *one = REAL_MALLOC(sizeof *one + len);
        *one = (struct disk_write){NULL, is_truncate, offset, len};
        if (len > 0)
            memcpy(one->bytes, bytes, len);
        *(file->last ? &file->last->next : &file->first) = one;
        file->last = one;
    }
    pthread_mutex_unlock(&disk.lock);
}

#include "test/fault/fault_names.h"

static inline void disk_labelled(int fd, const char *name, const void *value, size_t len)
{
    if (!fault_plan->remembers_syncs)
        return;
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = disk_find(fd);
    if (len > DISK_ATTRIBUTE || strlen(name) >= DISK_ATTRIBUTE)
        abort();
    if (file) {
        snprintf(file->attribute, sizeof file->attribute, "%s", name);
        memcpy(file->value, value, len);
        file->value_len = len;
        file->is_attribute_young = true;
    }
    pthread_mutex_unlock(&disk.lock);
}

/* fdatasync brings no attributes. */
static inline void disk_synced_part(int fd, bool is_all)
{
    struct stat status;
    char name[DISK_NAME] = "";
    if (!fault_plan->remembers_syncs || fstat(fd, &status) != 0)
        return;
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = disk_find(fd);
    if (file) {
        disk_sync_file(file);
        file->is_attribute_young = file->is_attribute_young && !is_all;
    } else if (S_ISDIR(status.st_mode) && disk_name_of(fd, name)) {
        disk_sync_folder(name);
    }
    pthread_mutex_unlock(&disk.lock);
}

static inline void disk_synced(int fd)
{
    disk_synced_part(fd, true);
}

/* ---- before the work ---- */

static inline int disk_see(const char *path, const struct stat *status, int type,
                           struct FTW *where)
{
    (void)where;
    (void)status;
    if (type == FTW_F) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        disk_opened(fd, false);
        close(fd);
    }
    return 0;
}

/* All that lies there now is durable. */
static inline void disk_follow(void)
{
    fault_plan->remembers_syncs = true;
    disk.count = 0;
    nftw(fault_plan->directory, disk_see, 8, FTW_PHYS);
}
