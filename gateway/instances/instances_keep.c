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
    COMPARE_BYTES = 64 * 1024,
    STEM_DIGITS = 32
};

void instances_stem_of(struct span uid_hash, char stem[INSTANCES_PATH_BYTES])
{
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_part(uid_hash, 0, INSTANCES_UID_HASH_BYTES), hex);
    snprintf(stem, INSTANCES_PATH_BYTES, "%.2s/%.2s/%.32s", hex, hex + 2, hex);
}

void instances_stem(const char *sop_instance, char stem[INSTANCES_PATH_BYTES])
{
    struct hash hash = hash_sha256(span_cstr(sop_instance));
    instances_stem_of(span_of(hash.bytes, HASH_BYTES), stem);
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

static bool is_same(struct instances *instances, const struct instances_place *place)
{
    struct err err = {0};
    struct stat status;
    char path[INSTANCES_PATH_BYTES];
    name_version(place->stem, place->version, path);
    CLEANUP(path_close) int kept = path_open_below(instances->root, path, &err);
    err_clear(&err);
    CLEANUP(path_close) int own = path_open_below(instances->incoming, place->name, &err);
    return kept >= 0 && own >= 0 && fstat(kept, &status) == 0 &&
           (uint64_t)status.st_size == place->bytes && read_same(kept, own);
}

static bool make_folder(int root, const char *path)
{
    return mkdirat(root, path, FOLDER_MODE) == 0 || errno == EEXIST;
}

static bool make_folders(int root, const char *stem)
{
    struct stat status;
    char first[3] = {stem[0], stem[1], '\0'};
    char second[6] = {stem[0], stem[1], '/', stem[3], stem[4], '\0'};
    return fstatat(root, second, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
           (make_folder(root, first) && make_folder(root, second));
}

enum instances_result instances_put(struct instances *instances,
                                    struct instances_place *place)
{
    errno = 0;
    if (!make_folders(instances->root, place->stem))
        return errno == ENOSPC ? INSTANCES_FULL : INSTANCES_FAILED;
    place->version = newest_of(instances->root, place->stem);
    if (place->version > 0 && is_same(instances, place))
        return INSTANCES_SAME;
    place->version++;
    name_version(place->stem, place->version, place->path);
    if (renameat2(instances->incoming, place->name, instances->root, place->path,
                  RENAME_NOREPLACE) != 0)
        return errno == ENOSPC ? INSTANCES_FULL : INSTANCES_FAILED;
    return place->version > 1 ? INSTANCES_NEWER : INSTANCES_KEPT;
}

/* ---- a group ---- */

static void tell(const struct instances_intake *intake,
                 const struct instances_place *place)
{
    const struct instances_config *config = &intake->instances->config;
    struct instances_kept kept = {
        .what = {intake->sop_class, intake->sop_instance, intake->syntax, intake->sender},
        .path = place->path,
        .version = place->version,
        .bytes = intake->bytes};
    if (place->version > 1)
        LOG(config->log, "instance_replaced", LOG_NUMBER("version", place->version));
    if (config->kept)
        config->kept(config->context, &kept);
}

static void keep(struct instances_intake *intake)
{
    char stem[INSTANCES_PATH_BYTES];
    struct instances_place place = {
        .name = intake->name, .stem = stem, .bytes = intake->bytes};
    instances_stem(intake->sop_instance, stem);
    enum instances_result result = instances_put(intake->instances, &place);
    if (result == INSTANCES_KEPT || result == INSTANCES_NEWER)
        tell(intake, &place);
    instances_finish(intake, result);
}

/* One turn of the disk brings the names of all. */
static void keep_group(struct instances *instances, struct instances_intake **group,
                       size_t count)
{
    bool has_young_names = false;
    for (size_t i = 0; i < count; i++)
        has_young_names = has_young_names || group[i]->has_young_name;
    bool is_there = !has_young_names || fsync(instances->incoming) == 0;
    for (size_t i = 0; i < count; i++)
        if (is_there || !group[i]->has_young_name)
            keep(group[i]);
        else
            instances_finish(group[i], INSTANCES_FAILED);
}

void *instances_keep(void *context)
{
    struct instances *instances = context;
    struct instances_intake *group[GROUP_MAX];
    for (;;) {
        size_t count = take_group(instances, group);
        if (count == 0)
            return NULL;
        keep_group(instances, group, count);
    }
}

/* ---- what is kept ---- */

/* Its own name and those of its folders may be younger than the last turn of the disk. */
static bool sync_names(struct instances *instances, const char *stem, struct err *err)
{
    static const int lens[] = {5, 2};
    bool is_synced = true;
    for (size_t i = 0; i < sizeof lens / sizeof *lens && is_synced; i++) {
        char folder[6];
        snprintf(folder, sizeof folder, "%.*s", lens[i], stem);
        CLEANUP(path_close) int fd = path_open_below(instances->root, folder, err);
        if (fd < 0)
            return false;
        is_synced = fsync(fd) == 0;
    }
    is_synced = is_synced && fsync(instances->root) == 0;
    return is_synced || err_set(err, ERR_SYSTEM, "path_failed", "fsync");
}

bool instances_find(struct instances *instances, const char *sop_instance,
                    char path[INSTANCES_PATH_BYTES], struct err *err)
{
    char stem[INSTANCES_PATH_BYTES];
    instances_stem(sop_instance, stem);
    unsigned version = newest_of(instances->root, stem);
    if (version == 0)
        return err_set(err, ERR_MISSING, "instance_missing", "no such instance");
    name_version(stem, version, path);
    return sync_names(instances, stem, err);
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
        bool is_ours = depth < 2 ? len == 2 : len > STEM_DIGITS;
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
