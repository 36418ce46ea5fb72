// SPDX-License-Identifier: Apache-2.0
/* Names for what is complete, and what has one. One thread gives names, so that two
 * senders of the same instance come one after the other. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/path.h"
#include "gateway/instances/instances_parts.h"

enum {
    GROUP_MAX = 64,
    VERSIONS_MAX = 10000,
    FOLDER_MODE = 0700,
    COMPARE_BYTES = 64 * 1024
};

void instances_stem(const char *sop_instance, char stem[INSTANCES_PATH_BYTES])
{
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(span_cstr(sop_instance));
    hash_to_hex(span_of(hash.bytes, 16), hex);
    snprintf(stem, INSTANCES_PATH_BYTES, "%.2s/%.2s/%.32s", hex, hex + 2, hex);
}

static void name_version(const char *stem, unsigned version,
                         char path[INSTANCES_PATH_BYTES])
{
    snprintf(path, INSTANCES_PATH_BYTES, "%.40s.%u.dcm", stem, version);
}

/* 0 = none; they have no gaps. */
static unsigned newest_of(int root, const char *stem)
{
    struct stat status;
    char path[INSTANCES_PATH_BYTES];
    unsigned version = 0;
    while (version < VERSIONS_MAX) {
        name_version(stem, version + 1, path);
        if (fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
            break;
        version++;
    }
    return version;
}

/* ---- the queue ---- */

void instances_pass_on(struct instances_intake *intake)
{
    struct instances *instances = intake->instances;
    pthread_mutex_lock(&instances->lock);
    intake->next = NULL;
    if (instances->last)
        instances->last->next = intake;
    else
        instances->first = intake;
    instances->last = intake;
    pthread_cond_signal(&instances->is_there);
    pthread_mutex_unlock(&instances->lock);
}

/* Up to GROUP_MAX; 0 = the store is closing and nothing is left. */
static size_t take_group(struct instances *instances, struct instances_intake **group)
{
    size_t count = 0;
    pthread_mutex_lock(&instances->lock);
    while (!instances->first && !instances->is_closing)
        pthread_cond_wait(&instances->is_there, &instances->lock);
    while (instances->first && count < GROUP_MAX) {
        group[count++] = instances->first;
        instances->first = instances->first->next;
    }
    if (!instances->first)
        instances->last = NULL;
    pthread_mutex_unlock(&instances->lock);
    return count;
}

/* ---- giving a name ---- */

static bool read_same(int one, int other)
{
    uint8_t bytes[2][COMPARE_BYTES];
    off_t at = 0;
    for (;;) {
        ssize_t first = pread(one, bytes[0], COMPARE_BYTES, at);
        ssize_t second = pread(other, bytes[1], COMPARE_BYTES, at);
        if (first < 0 || first != second ||
            memcmp(bytes[0], bytes[1], (size_t)first) != 0)
            return false;
        if (first == 0)
            return true;
        at += first;
    }
}

static bool is_same(const struct instances_intake *intake, const char *stem)
{
    struct err err = {0};
    struct stat status;
    char path[INSTANCES_PATH_BYTES];
    name_version(stem, intake->version, path);
    CLEANUP(path_close) int kept = path_open_below(intake->instances->root, path, &err);
    err_clear(&err);
    CLEANUP(path_close)
    int own = path_open_below(intake->instances->incoming, intake->name, &err);
    return kept >= 0 && own >= 0 && fstat(kept, &status) == 0 &&
           (uint64_t)status.st_size == intake->bytes && read_same(kept, own);
}

/* A folder that is new is on the disk before anything in it counts. */
static bool make_folder(int root, const char *path)
{
    if (mkdirat(root, path, FOLDER_MODE) != 0)
        return errno == EEXIST;
    struct err err = {0};
    char parent[3] = {path[0], path[1], '\0'};
    CLEANUP(path_close)
    int above = strlen(path) > 2 ? path_open_below(root, parent, &err) : dup(root);
    return above >= 0 && fsync(above) == 0;
}

static bool open_folder(struct instances_intake *intake, const char *stem)
{
    struct err err = {0};
    char first[3] = {stem[0], stem[1], '\0'};
    char second[6] = {stem[0], stem[1], '/', stem[3], stem[4], '\0'};
    int root = intake->instances->root;
    intake->folder = path_open_below(root, second, &err);
    if (intake->folder >= 0)
        return true;
    err_clear(&err);
    if (make_folder(root, first) && make_folder(root, second))
        intake->folder = path_open_below(root, second, &err);
    return intake->folder >= 0;
}

static enum instances_result place(struct instances_intake *intake)
{
    struct instances *instances = intake->instances;
    char stem[INSTANCES_PATH_BYTES];
    instances_stem(intake->sop_instance, stem);
    errno = 0;
    if (!open_folder(intake, stem))
        return errno == ENOSPC ? INSTANCES_FULL : INSTANCES_FAILED;
    intake->version = newest_of(instances->root, stem);
    if (intake->version > 0 && is_same(intake, stem))
        return INSTANCES_SAME;
    intake->version++;
    name_version(stem, intake->version, intake->path);
    if (renameat2(instances->incoming, intake->name, instances->root, intake->path,
                  RENAME_NOREPLACE) != 0)
        return errno == ENOSPC ? INSTANCES_FULL : INSTANCES_FAILED;
    return intake->version > 1 ? INSTANCES_NEWER : INSTANCES_KEPT;
}

/* ---- a group ---- */

static bool is_in_place(enum instances_result result)
{
    return result <= INSTANCES_NEWER;
}

static void tell(struct instances_intake *intake)
{
    const struct instances_config *config = &intake->instances->config;
    struct instances_kept kept = {
        .what = {intake->sop_class, intake->sop_instance, intake->syntax, intake->sender},
        .path = intake->path,
        .version = intake->version,
        .bytes = intake->bytes};
    bool is_new = intake->result == INSTANCES_KEPT || intake->result == INSTANCES_NEWER;
    if (intake->result == INSTANCES_NEWER)
        LOG(config->log, "instance_replaced", LOG_NUMBER("version", intake->version));
    if (is_new && config->kept)
        config->kept(config->context, &kept);
}

/* Else its sender's next try would find it and nobody would hear of it. */
static void take_back(struct instances_intake *intake)
{
    if (intake->result != INSTANCES_SAME)
        (void)!unlinkat(intake->instances->root, intake->path, 0);
    intake->result = INSTANCES_FAILED;
}

/* All names first: one turn of the disk then brings all of them. */
static void keep_group(struct instances_intake **group, size_t count)
{
    for (size_t i = 0; i < count; i++)
        group[i]->result = place(group[i]);
    for (size_t i = 0; i < count; i++)
        if (is_in_place(group[i]->result) && fsync(group[i]->folder) != 0)
            take_back(group[i]);
    for (size_t i = 0; i < count; i++) {
        tell(group[i]);
        instances_finish(group[i], group[i]->result);
    }
}

void *instances_keep(void *context)
{
    struct instances *instances = context;
    struct instances_intake *group[GROUP_MAX];
    for (;;) {
        size_t count = take_group(instances, group);
        if (count == 0)
            return NULL;
        keep_group(group, count);
    }
}

/* ---- what is kept ---- */

bool instances_find(struct instances *instances, const char *sop_instance,
                    char path[INSTANCES_PATH_BYTES], struct err *err)
{
    char stem[INSTANCES_PATH_BYTES];
    char folder[6] = {0};
    instances_stem(sop_instance, stem);
    memcpy(folder, stem, 5);
    unsigned version = newest_of(instances->root, stem);
    if (version == 0)
        return err_set(err, ERR_MISSING, "instance_missing", "no such instance");
    name_version(stem, version, path);
    /* its name may be younger than the last turn of the disk */
    CLEANUP(path_close) int fd = path_open_below(instances->root, folder, err);
    if (fd < 0)
        return false;
    return fsync(fd) == 0 || err_set(err, ERR_SYSTEM, "path_failed", "fsync");
}

int instances_open_file(struct instances *instances, const char *path, struct err *err)
{
    return path_open_below(instances->root, path, err);
}

struct walk {
    int root;
    bool (*see)(void *context, const char *path, struct err *err);
    void *context;
};

/* Two levels of folders with two letters, then files. */
static bool walk_folder(const struct walk *walk, const char *folder, int depth,
                        struct err *err)
{
    int fd = *folder ? path_open_below(walk->root, folder, err)
                     : path_open_again(walk->root, err);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    bool goes_on = list != NULL;
    if (!list)
        path_close(&fd);
    struct dirent *entry = NULL;
    while (goes_on && (entry = readdir(list)) != NULL) {
        char path[INSTANCES_PATH_BYTES];
        size_t len = strlen(entry->d_name);
        bool is_ours = depth < 2 ? len == 2 : len >= INSTANCES_NAME_BYTES;
        if (entry->d_name[0] == '.' || !is_ours || len + 8 > sizeof path)
            continue;
        snprintf(path, sizeof path, "%.6s%s%.50s", folder, *folder ? "/" : "",
                 entry->d_name);
        goes_on = depth < 2 ? walk_folder(walk, path, depth + 1, err)
                            : walk->see(walk->context, path, err);
    }
    if (list)
        closedir(list);
    return goes_on;
}

bool instances_walk(struct instances *instances,
                    bool (*see)(void *context, const char *path, struct err *err),
                    void *context, struct err *err)
{
    struct walk walk = {instances->root, see, context};
    return walk_folder(&walk, "", 0, err);
}
