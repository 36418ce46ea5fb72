// SPDX-License-Identifier: Apache-2.0
/* What an earlier process left: all that it may have told to be kept goes to its place,
 * in the order in which it came, before anything new does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/instances/instances_parts.h"

enum { READ_BYTES = 64 * 1024, MARK_BYTES = 32, NUMBER_DIGITS = 16, FILE_MODE = 0600 };
enum { MARK_BITS = 40 }; /* numbers of one process */

#define MARK_NAME ".number."

/* ---- putting them in their place ---- */

/* False: it could not be read. */
static bool look(int fd, const struct instances_landed *landed, bool *is_whole)
{
    uint8_t bytes[READ_BYTES];
    struct err err = {0};
    struct stat status;
    *is_whole = false;
    if (fstat(fd, &status) != 0)
        return false;
    if ((uint64_t)status.st_size != landed->bytes)
        return true;
    struct hash_run *run = hash_new(&err);
    ssize_t got = run ? 1 : -1;
    while (got > 0) {
        got = read(fd, bytes, sizeof bytes);
        if (got > 0)
            hash_add(run, span_of(bytes, (size_t)got));
    }
    if (run) {
        struct hash hash = hash_finish(run);
        *is_whole = hash_equal(&hash, &landed->hash);
    }
    hash_free(run);
    return got == 0;
}

static bool forget(struct instances *instances, const struct instances_landed *landed)
{
    return unlinkat(instances->incoming, landed->name, 0) == 0 || errno == ENOENT;
}

/* False: it stays, to be tried again. */
static bool place_one(struct instances *instances, const struct instances_landed *landed)
{
    bool is_whole = false;
    struct err err = {0};
    struct instances_place place = {
        .name = landed->name, .stem = landed->stem, .bytes = landed->bytes};
    CLEANUP(path_close)
    int fd = path_open_below(instances->incoming, landed->name, &err);
    if (fd < 0)
        return err.kind == ERR_MISSING;
    if (!look(fd, landed, &is_whole))
        return false;
    if (!is_whole) {
        LOG(instances->config.log, "instance_torn", LOG_NUMBER("number", landed->number));
        return forget(instances, landed);
    }
    if (fsync(fd) != 0) /* its process may have ended before its turn of the disk */
        return false;
    switch (instances_put(instances, &place)) {
    case INSTANCES_KEPT:
    case INSTANCES_NEWER:
        return true;
    case INSTANCES_SAME:
        return forget(instances, landed);
    case INSTANCES_FULL:
    case INSTANCES_FAILED:
    case INSTANCES_ABANDONED:
        break;
    }
    return false;
}

/* Numbers go on above all that were given, also above those of files whose last move a
 * loss of power takes back: the mark says where those of this process begin, and is on
 * the disk before the first of them. */
static bool move_mark(struct instances *instances)
{
    char from[MARK_BYTES], to[MARK_BYTES];
    uint64_t mark = (instances->number >> MARK_BITS) + 1;
    snprintf(from, sizeof from, MARK_NAME "%016" PRIx64, instances->mark);
    snprintf(to, sizeof to, MARK_NAME "%016" PRIx64, mark);
    if (instances->mark > 0) {
        if (renameat(instances->root, from, instances->root, to) != 0)
            return false;
    } else {
        int fd = openat(instances->root, to, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
        if (fd < 0)
            return false;
        close(fd);
    }
    instances->mark = mark;
    instances->number = mark << MARK_BITS;
    return true;
}

/* Those that were forgotten have to stay so, too. */
static bool settle(struct instances *instances)
{
    while (instances->landed_at < instances->landed_count) {
        if (!place_one(instances, &instances->landed[instances->landed_at])) {
            LOG(instances->config.log, "instance_unplaced",
                LOG_NUMBER("left", instances->landed_count - instances->landed_at));
            return false;
        }
        instances->landed_at++;
    }
    return move_mark(instances) && fsync(instances->incoming) == 0 &&
           fsync(instances->root) == 0;
}

uint64_t instances_take_number(struct instances *instances)
{
    pthread_mutex_lock(&instances->lock);
    if (!instances->is_settled)
        instances->is_settled = settle(instances);
    uint64_t number = instances->is_settled ? instances->number++ : 0;
    pthread_mutex_unlock(&instances->lock);
    return number;
}

/* ---- finding them ---- */

static uint64_t read_number(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

static void note_number(struct instances *instances, uint64_t number)
{
    if (number > instances->number)
        instances->number = number;
}

static bool see_mark(struct instances *instances, const char *name, struct err *err)
{
    uint8_t bytes[NUMBER_DIGITS / 2];
    struct span rest = span_cstr(name);
    (void)err;
    if (!span_starts(rest, MARK_NAME) ||
        !hash_from_hex(span_part(rest, strlen(MARK_NAME), rest.len), bytes, sizeof bytes))
        return true;
    uint64_t mark = read_number(bytes);
    if (mark > instances->mark)
        instances->mark = mark;
    note_number(instances, mark << MARK_BITS);
    return true;
}

/* From its name or from the file. */
static bool read_label(struct instances *instances, const char *name,
                       uint8_t label[INSTANCES_LABEL_BYTES], bool *has_label,
                       struct err *err)
{
    struct err local = {0};
    *has_label = hash_from_hex(span_cstr(name), label, INSTANCES_LABEL_BYTES);
    if (*has_label)
        return true;
    CLEANUP(path_close) int fd = path_open_below(instances->incoming, name, &local);
    if (fd < 0 && local.kind == ERR_SYSTEM)
        return err_set(err, ERR_SYSTEM, "path_failed", "%s", local.text);
    ssize_t len = -1;
    errno = ENODATA;
    if (fd >= 0)
        len = fgetxattr(fd, INSTANCES_LABEL, label, INSTANCES_LABEL_BYTES);
    *has_label = len == INSTANCES_LABEL_BYTES;
    return len >= 0 || errno == ENODATA || errno == ENOTSUP || errno == ERANGE ||
           err_set(err, ERR_SYSTEM, "path_failed", "fgetxattr: %s", strerror(errno));
}

static void take_label(const uint8_t label[INSTANCES_LABEL_BYTES],
                       struct instances_landed *landed)
{
    struct span uid = span_of(label + 16, INSTANCES_UID_HASH_BYTES);
    landed->number = read_number(label);
    landed->bytes = read_number(label + 8);
    instances_stem_of(uid, landed->stem);
    memcpy(landed->hash.bytes, uid.at + uid.len, HASH_BYTES);
}

static bool add_landed(struct instances *instances, const struct instances_landed *one,
                       struct err *err)
{
    size_t count = instances->landed_count;
    if ((count & (count - 1)) == 0) { /* twice the room at each power of two */
        struct instances_landed *more = memory_resize(
            instances->landed, count > 0 ? 2 * count : 1, sizeof *more, err);
        if (!more)
            return false;
        instances->landed = more;
    }
    instances->landed[instances->landed_count++] = *one;
    note_number(instances, one->number);
    return true;
}

/* Nobody was told that the others are kept. */
static bool see_landed(struct instances *instances, const char *name, struct err *err)
{
    uint8_t label[INSTANCES_LABEL_BYTES];
    struct instances_landed one = {.number = 0};
    bool has_label = false;
    if (name[0] == '.')
        return true;
    if (!read_label(instances, name, label, &has_label, err))
        return false;
    if (!has_label || strlen(name) >= sizeof one.name) {
        (void)!unlinkat(instances->incoming, name, 0);
        return true;
    }
    memcpy(one.name, name, strlen(name) + 1);
    take_label(label, &one);
    return add_landed(instances, &one, err);
}

typedef bool see_name(struct instances *instances, const char *name, struct err *err);

static bool each_name(struct instances *instances, int place, see_name *see,
                      struct err *err)
{
    int fd = path_open_again(place, err);
    if (fd < 0)
        return false;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return err_set(err, ERR_SYSTEM, "path_failed", "fdopendir: %s", strerror(errno));
    }
    bool goes_on = true;
    struct dirent *entry = NULL;
    errno = 0;
    while (goes_on && (entry = readdir(folder)) != NULL) {
        goes_on = see(instances, entry->d_name, err);
        errno = 0;
    }
    if (goes_on && errno != 0)
        goes_on = err_set(err, ERR_SYSTEM, "path_failed", "readdir: %s", strerror(errno));
    closedir(folder);
    return goes_on;
}

static int compare(const void *one, const void *other)
{
    const struct instances_landed *a = one, *b = other;
    return a->number < b->number ? -1 : a->number > b->number;
}

bool instances_settle(struct instances *instances, struct err *err)
{
    if (!each_name(instances, instances->root, see_mark, err) ||
        !each_name(instances, instances->incoming, see_landed, err))
        return false;
    if (instances->landed_count > 0)
        qsort(instances->landed, instances->landed_count, sizeof *instances->landed,
              compare);
    instances->is_settled = settle(instances);
    return true;
}
