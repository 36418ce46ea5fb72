// SPDX-License-Identifier: Apache-2.0
/* From the last byte to the disk. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gateway/instances/instances_parts.h"

enum { FILE_MODE = 0600 };

/* ---- names that are on the disk already ---- */

static bool make_slot(struct instances *instances, char name[INSTANCES_SLOT_BYTES])
{
    uint8_t bytes[(INSTANCES_SLOT_BYTES - 1) / 2];
    rand_fill(&instances->config.rand, bytes, sizeof bytes);
    hash_to_hex(span_of(bytes, sizeof bytes), name);
    int fd = openat(instances->incoming, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    FILE_MODE);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void instances_make_slots(void *context)
{
    struct instances *instances = context;
    char names[INSTANCES_SLOTS][INSTANCES_SLOT_BYTES];
    pthread_mutex_lock(&instances->lock);
    int wanted = INSTANCES_SLOTS - instances->slot_count;
    pthread_mutex_unlock(&instances->lock);
    int count = 0;
    while (count < wanted && make_slot(instances, names[count]))
        count++;
    bool is_there = fsync(instances->incoming) == 0;
    pthread_mutex_lock(&instances->lock);
    for (int i = 0; i < count && is_there; i++)
        memcpy(instances->slots[instances->slot_count++], names[i], sizeof names[i]);
    instances->is_making_slots = false;
    pthread_mutex_unlock(&instances->lock);
    for (int i = 0; i < count && !is_there; i++)
        (void)!unlinkat(instances->incoming, names[i], 0);
}

bool instances_take_slot(struct instances *instances, char name[INSTANCES_NAME_BYTES])
{
    pthread_mutex_lock(&instances->lock);
    bool has_one = instances->slot_count > 0;
    if (has_one)
        memcpy(name, instances->slots[--instances->slot_count], INSTANCES_SLOT_BYTES);
    if (instances->slot_count < INSTANCES_SLOTS / 2 && !instances->is_making_slots)
        instances->is_making_slots =
            workers_resume(instances->workers, instances_make_slots, instances);
    pthread_mutex_unlock(&instances->lock);
    return has_one;
}

void instances_drop_slots(struct instances *instances)
{
    while (instances->slot_count > 0)
        (void)!unlinkat(instances->incoming, instances->slots[--instances->slot_count],
                        0);
}

/* ---- what a file is ---- */

static uint8_t *put_number(uint64_t number, uint8_t *at)
{
    for (int bits = 56; bits >= 0; bits -= 8)
        *at++ = (uint8_t)(number >> bits);
    return at;
}

static void write_label(struct instances_intake *intake, uint64_t number,
                        uint8_t label[INSTANCES_LABEL_BYTES])
{
    struct hash uid = hash_sha256(span_cstr(intake->sop_instance));
    struct hash hash = hash_finish(intake->hash);
    uint8_t *at = put_number(intake->bytes, put_number(number, label));
    memcpy(at, uid.bytes, INSTANCES_UID_HASH_BYTES);
    memcpy(at + INSTANCES_UID_HASH_BYTES, hash.bytes, HASH_BYTES);
}

bool instances_land(struct instances_intake *intake)
{
    struct instances *instances = intake->instances;
    uint8_t label[INSTANCES_LABEL_BYTES];
    char name[INSTANCES_NAME_BYTES];
    uint64_t number = instances_take_number(instances);
    if (number == 0) {
        errno = ENOSPC;
        return false;
    }
    write_label(intake, number, label);
    intake->is_landed = true;
    if (intake->is_slot &&
        fsetxattr(intake->fd, INSTANCES_LABEL, label, sizeof label, 0) == 0)
        return fsync(intake->fd) == 0;
    hash_to_hex(span_of(label, sizeof label), name);
    if (renameat2(instances->incoming, intake->name, instances->incoming, name,
                  RENAME_NOREPLACE) != 0)
        return false;
    memcpy(intake->name, name, sizeof name);
    intake->has_young_name = true;
    return fdatasync(intake->fd) == 0;
}
