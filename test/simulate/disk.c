// SPDX-License-Identifier: Apache-2.0
#undef _FORTIFY_SOURCE /* whose inline versions would be defined a second time */
#include "test/simulate/disk.h"

#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>

#include "test/fault/fault_power.h"
#include "test/simulate/scheduler.h"

enum {
    SYNC_US = 3000, /* at most, mostly */
    SLOW_SYNC = 20, /* of a thousand syncs that take SLOW_SYNC_US at most */
    SLOW_SYNC_US = 400000,
    WRITE_YIELD = 100, /* of a thousand writes before which others go on */
    COPY_BYTES = 1 << 16
};

/* allowed: stands in for the machine */
static struct {
    char root[64];
    bool is_full[SCHEDULER_NODES_MAX][2];
    int lives;
} volume;

/* ---- whose file, and how it goes ---- */

static bool follows(int fd, char name[DISK_NAME])
{
    int saved = errno;
    bool is_ours = fault_plan && fault_plan->remembers_syncs && disk_name_of(fd, name);
    errno = saved;
    return is_ours;
}

static bool is_full(const char *name)
{
    int node = scheduler_node();
    bool is_audit = strstr(name, "/audit/") != NULL;
    if (node < 0 || !volume.is_full[node][is_audit])
        return false;
    errno = ENOSPC;
    return true;
}

static void let_others(void)
{
    if (scheduler_chance(STREAM_DISK, WRITE_YIELD))
        scheduler_sleep_us(1 + scheduler_below(STREAM_DISK, 200));
}

/* ---- the calls ---- */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    char name[DISK_NAME];
    bool is_new = (flags & O_CREAT) && faccessat(directory, path, F_OK, 0) != 0;
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (fd < 0 || !(flags & (O_WRONLY | O_RDWR)) || !follows(fd, name))
        return fd;
    if (is_new && is_full(name)) {
        syscall(SYS_close, fd);
        syscall(SYS_unlinkat, directory, path, 0);
        errno = ENOSPC;
        return -1;
    }
    disk_opened(fd, is_new);
    return fd;
}

#include "test/fault/fault_open.h"

static ssize_t put_at(int fd, const void *bytes, size_t len, int64_t offset)
{
    char name[DISK_NAME];
    if (follows(fd, name)) {
        if (is_full(name))
            return -1;
        let_others();
        disk_writes(fd, bytes, len, offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR), false);
    }
    return offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, len, offset)
                       : syscall(SYS_write, fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return put_at(fd, bytes, len, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return put_at(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return put_at(fd, bytes, len, offset);
}

static int sync_file(int fd)
{
    char name[DISK_NAME];
    if (!follows(fd, name))
        return 0;
    bool is_slow = scheduler_chance(STREAM_DISK, SLOW_SYNC);
    scheduler_sleep_us(1 +
                       scheduler_below(STREAM_DISK, is_slow ? SLOW_SYNC_US : SYNC_US));
    disk_synced(fd);
    return 0;
}

int fsync(int fd)
{
    return sync_file(fd);
}

int fdatasync(int fd)
{
    return sync_file(fd);
}

static int cut_file(int fd, int64_t len)
{
    char name[DISK_NAME];
    if (follows(fd, name)) {
        struct stat status;
        if (fstat(fd, &status) == 0 && len > status.st_size && is_full(name))
            return -1;
        disk_writes(fd, NULL, 0, len, true);
    }
    return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
    return cut_file(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return cut_file(fd, len);
}

int unlink(const char *path)
{
    int status = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (status == 0 && fault_plan)
        disk_removed(path);
    return status;
}

int rename(const char *from, const char *to)
{
    int status = (int)syscall(SYS_rename, from, to);
    if (status == 0 && fault_plan)
        disk_renamed(from, to);
    return status;
}

/* ---- the world's side ---- */

void disk_start(const char *root)
{
    int len = snprintf(volume.root, sizeof volume.root, "%s", root);
    assert(len > 0 && (size_t)len < sizeof volume.root - 8);
    fault_plan_new();
    len = snprintf(fault_plan->directory, sizeof fault_plan->directory, "%.50s/nodes",
                   root);
    assert(len > 0);
    int failed = mkdir(fault_plan->directory, 0700);
    assert(!failed);
    fault_plan->remembers_syncs = true;
}

void disk_path(int node, const char *name, char path[DISK_PATH])
{
    snprintf(path, DISK_PATH, "%s/nodes/%d/%s", volume.root, node, name);
}

void disk_fill(int node, enum disk_volume which, bool is_filled)
{
    volume.is_full[node][which] = is_filled;
}

static void forget(const char *prefix)
{
    int kept = 0;
    for (int i = 0; i < disk.count; i++) {
        struct disk_file *file = &disk.files[i];
        if (strncmp(file->name, prefix, strlen(prefix)) != 0) {
            disk.files[kept++] = *file;
            continue;
        }
        free(file->bytes);
        for (struct disk_write *one = file->first, *next; one; one = next) {
            next = one->next;
            free(one);
        }
    }
    disk.count = kept;
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[COPY_BYTES];
    int in = (int)syscall(SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC, 0);
    int out =
        (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert(in >= 0 && out >= 0);
    for (long got; (got = syscall(SYS_read, in, bytes, sizeof bytes)) > 0;) {
        long put = syscall(SYS_write, out, bytes, got);
        assert(put == got);
    }
    syscall(SYS_close, in);
    syscall(SYS_close, out);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    if (!folder)
        return;
    syscall(SYS_mkdirat, AT_FDCWD, to, 0700);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char source[PATH_MAX], target[PATH_MAX];
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' ||
            (len > 4 && strcmp(entry->d_name + len - 4, "-shm") == 0))
            continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        if (entry->d_type == DT_DIR)
            copy_folder(source, target);
        else if (entry->d_type == DT_REG)
            copy_file(source, target);
    }
    closedir(folder);
}

static void move_out(const char *folder, const char *to)
{
    DIR *all = opendir(folder);
    syscall(SYS_mkdirat, AT_FDCWD, to, 0700);
    for (struct dirent *entry; all && (entry = readdir(all)) != NULL;) {
        char source[PATH_MAX], target[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(source, sizeof source, "%s/%s", folder, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        long failed = syscall(SYS_renameat, AT_FDCWD, source, AT_FDCWD, target);
        assert(!failed);
    }
    closedir(all);
}

void disk_reborn(int node, bool lost_power)
{
    char data[DISK_PATH], dead[DISK_PATH], after[DISK_PATH], prefix[32];
    uint64_t state = scheduler_draw(STREAM_DISK);
    disk_path(node, "data", data);
    snprintf(prefix, sizeof prefix, "%d/", node);
    snprintf(dead, sizeof dead, "%s/dead.%d", volume.root, ++volume.lives);
    snprintf(after, sizeof after, "%s/nodes.after/%d/data", volume.root, node);
    if (lost_power)
        disk_lose_below(prefix, &state);
    move_out(data, dead);
    forget(prefix);
    /* always other files than the dead threads have open */
    copy_folder(lost_power ? after : dead, data);
    if (lost_power) {
        char gone[DISK_PATH];
        snprintf(gone, sizeof gone, "%s/gone.%d", volume.root, volume.lives);
        syscall(SYS_renameat, AT_FDCWD, after, AT_FDCWD, gone);
    }
    int failed = nftw(data, disk_see, 8, FTW_PHYS); /* all of it is durable */
    assert(!failed);
}

static int count_rows(const struct disk_file *file, const char *word, const char *other)
{
    int count = 0;
    const uint8_t *at = file->bytes, *end = file->bytes + file->len;
    while (at && at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        count += memmem(at, len, word, strlen(word)) != NULL &&
                 memmem(at, len, other, strlen(other)) != NULL;
        at = stop ? stop + 1 : NULL;
    }
    return count;
}

int disk_count_rows(int node, const char *prefix, const char *word, const char *other)
{
    char whole[DISK_NAME];
    int count = 0;
    snprintf(whole, sizeof whole, "%d/%.200s", node, prefix);
    for (int i = 0; i < disk.count; i++)
        if (strncmp(disk.files[i].name, whole, strlen(whole)) == 0 &&
            !disk.files[i].is_removed)
            count += count_rows(&disk.files[i], word, other);
    return count;
}
