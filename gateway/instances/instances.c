// SPDX-License-Identifier: Apache-2.0
/* Bytes on their way to a file without a name yet. */
#include "gateway/instances/instances.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"
#include "gateway/instances/instances_parts.h"

enum { QUEUE_MAX = 1024, FOLDER_MODE = 0700, FILE_MODE = 0600, RANDOM_BYTES = 16 };

/* ---- opening and closing ---- */

static int open_incoming(int root, struct err *err)
{
    if (mkdirat(root, ".incoming", FOLDER_MODE) != 0 && errno != EEXIST) {
        err_set(err, ERR_SYSTEM, "path_failed", "mkdir: %s", strerror(errno));
        return -1;
    }
    return path_open_below(root, ".incoming", err);
}

static bool start(struct instances *instances, struct err *err)
{
    const struct instances_config *config = &instances->config;
    if (!path_make_directory(config->directory, err))
        return false;
    instances->root = path_open_root(config->directory, err);
    instances->incoming = instances->root >= 0 ? open_incoming(instances->root, err) : -1;
    if (instances->incoming < 0 || !instances_settle(instances, err))
        return false;
    instances_make_slots(instances);
    instances->workers = workers_new(config->workers, QUEUE_MAX, err);
    if (!instances->workers)
        return false;
    instances->has_keeper =
        pthread_create(&instances->keeper, NULL, instances_keep, instances) == 0;
    return instances->has_keeper ||
           err_set(err, ERR_SYSTEM, "thread_failed", "pthread_create");
}

struct instances *instances_open(const struct instances_config *config, struct err *err)
{
    struct instances *instances = memory_new(1, sizeof *instances, err);
    if (!instances)
        return NULL;
    instances->config = *config;
    instances->root = instances->incoming = -1;
    pthread_mutex_init(&instances->lock, NULL);
    pthread_cond_init(&instances->is_there, NULL);
    pthread_mutex_init(&instances->spare_lock, NULL);
    if (!start(instances, err)) {
        instances_close(instances);
        return NULL;
    }
    return instances;
}

void instances_close(struct instances *instances)
{
    if (!instances)
        return;
    if (instances->workers)
        workers_free(instances->workers);
    pthread_mutex_lock(&instances->lock);
    instances->is_closing = true;
    pthread_cond_signal(&instances->is_there);
    pthread_mutex_unlock(&instances->lock);
    if (instances->has_keeper)
        pthread_join(instances->keeper, NULL);
    if (instances->incoming >= 0)
        instances_drop_slots(instances);
    path_close(&instances->incoming);
    path_close(&instances->root);
    memory_free(instances->landed);
    while (instances->spare_count > 0)
        buf_free(&instances->spares[--instances->spare_count]);
    pthread_mutex_destroy(&instances->spare_lock);
    pthread_cond_destroy(&instances->is_there);
    pthread_mutex_destroy(&instances->lock);
    memory_free(instances);
}

/* ---- memory for bytes on their way ---- */

/* Fresh memory costs a page fault every 4 kB, more than everything else that happens to
 * the bytes before they are written. */
static struct buf take_spare(struct instances *instances)
{
    struct buf spare = buf_init(2 * INSTANCES_CHUNK_BYTES);
    pthread_mutex_lock(&instances->spare_lock);
    if (instances->spare_count > 0)
        spare = instances->spares[--instances->spare_count];
    pthread_mutex_unlock(&instances->spare_lock);
    return spare;
}

static void give_spare(struct instances *instances, struct buf *spare)
{
    pthread_mutex_lock(&instances->spare_lock);
    if (spare->at && instances->spare_count < INSTANCES_SPARES) {
        buf_reset(spare);
        instances->spares[instances->spare_count++] = *spare;
        *spare = buf_init(0);
    }
    pthread_mutex_unlock(&instances->spare_lock);
    buf_free(spare);
}

/* ---- one on its way ---- */

static bool copy_texts(struct instances_intake *intake, const struct instances_what *what,
                       struct err *err)
{
    const char *const texts[] = {what->sop_class, what->sop_instance, what->syntax,
                                 what->sender};
    char *const copies[] = {intake->sop_class, intake->sop_instance, intake->syntax,
                            intake->sender};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strlen(texts[i]) >= INSTANCES_UID_BYTES)
            return err_set(err, ERR_LIMIT, "instance_uid", "longer than 64 bytes");
        memcpy(copies[i], texts[i], strlen(texts[i]) + 1);
    }
    return true;
}

struct instances_intake *instances_begin(struct instances *instances,
                                         const struct instances_what *what,
                                         const struct instances_events *events,
                                         void *context, struct err *err)
{
    uint8_t name[RANDOM_BYTES];
    struct instances_intake *intake = memory_new(1, sizeof *intake, err);
    if (!intake)
        return NULL;
    intake->hash = copy_texts(intake, what, err) ? hash_new(err) : NULL;
    if (!intake->hash) {
        memory_free(intake);
        return NULL;
    }
    intake->instances = instances;
    intake->events = events;
    intake->context = context;
    intake->fd = -1;
    intake->filling = take_spare(instances);
    intake->writing = buf_init(2 * INSTANCES_CHUNK_BYTES);
    rand_fill(&instances->config.rand, name, sizeof name);
    hash_to_hex(span_of(name, sizeof name), intake->name);
    pthread_mutex_init(&intake->lock, NULL);
    return intake;
}

/* No start may find it after younger ones: what cannot be removed is cut, so that it is
 * no longer what its label says. */
static void remove_file(struct instances_intake *intake)
{
    bool is_gone = unlinkat(intake->instances->incoming, intake->name, 0) == 0;
    if (!intake->is_landed)
        return;
    if (is_gone)
        (void)!fsync(intake->instances->incoming);
    else if (ftruncate(intake->fd, 0) == 0)
        (void)!fsync(intake->fd);
}

void instances_finish(struct instances_intake *intake, enum instances_result result)
{
    const struct instances_events *events = intake->events;
    void *context = intake->context;
    bool has_name = (intake->fd >= 0 || intake->is_slot) && result != INSTANCES_KEPT &&
                    result != INSTANCES_NEWER;
    if (has_name)
        remove_file(intake);
    path_close(&intake->fd);
    hash_free(intake->hash);
    give_spare(intake->instances, &intake->filling);
    give_spare(intake->instances, &intake->writing);
    pthread_mutex_destroy(&intake->lock);
    memory_free(intake);
    events->done(context, result);
}

/* ---- writing, on a worker ---- */

static bool fail(struct instances_intake *intake, int number)
{
    bool is_full = number == ENOSPC || number == EDQUOT;
    intake->result = is_full ? INSTANCES_FULL : INSTANCES_FAILED;
    LOG(intake->instances->config.log, "instance_unwritten",
        LOG_WORD("reason", is_full ? "disk_full" : "disk_failed"),
        LOG_NUMBER("errno", number));
    return false;
}

static bool has_room(struct instances_intake *intake)
{
    struct statvfs disk;
    if (fstatvfs(intake->instances->incoming, &disk) != 0)
        return fail(intake, errno);
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    return free_bytes >= intake->instances->config.reserve_bytes || fail(intake, ENOSPC);
}

static bool open_file(struct instances_intake *intake)
{
    struct instances *instances = intake->instances;
    int how = O_WRONLY | O_CLOEXEC;
    intake->is_slot = instances_take_slot(instances, intake->name);
    intake->fd = openat(instances->incoming, intake->name,
                        intake->is_slot ? how : how | O_CREAT | O_EXCL, FILE_MODE);
    return intake->fd >= 0;
}

/* The kernel begins to bring it to the disk, so that little is left at the end. */
static bool write_chunk(struct instances_intake *intake)
{
    struct span left = buf_view(&intake->writing);
    off_t from = (off_t)intake->bytes;
    if (!has_room(intake))
        return false;
    if (intake->fd < 0 && !open_file(intake))
        return fail(intake, errno);
    while (left.len > 0) {
        ssize_t written = write(intake->fd, left.at, left.len);
        if (written < 0 && errno != EINTR)
            return fail(intake, errno);
        if (written > 0)
            left = span_of(left.at + written, left.len - (size_t)written);
    }
    hash_add(intake->hash, buf_view(&intake->writing));
    intake->bytes += intake->writing.len;
    if (intake->writing.len >= INSTANCES_CHUNK_BYTES)
        (void)!sync_file_range(intake->fd, from, (off_t)intake->writing.len,
                               SYNC_FILE_RANGE_WRITE);
    return true;
}

enum next { NEXT_CHUNK, NEXT_AGAIN, NEXT_PAUSE, NEXT_SYNC, NEXT_FAILED, NEXT_ABANDON };

/* What is to be done now; a full chunk, or the last one, is taken over. */
static enum next take_next(struct instances_intake *intake, bool *was_full)
{
    enum next next = NEXT_PAUSE;
    pthread_mutex_lock(&intake->lock);
    intake->has_failed = intake->result != INSTANCES_KEPT || intake->filling.has_failed;
    *was_full = intake->is_full && !intake->is_abandoned;
    intake->is_full = false;
    if (intake->is_abandoned) {
        next = NEXT_ABANDON;
    } else if (intake->has_failed) {
        next = intake->is_ended ? NEXT_FAILED : NEXT_PAUSE;
    } else if (intake->filling.len >= INSTANCES_CHUNK_BYTES ||
               (intake->is_ended && intake->filling.len > 0)) {
        struct buf full = intake->filling;
        intake->filling = intake->writing;
        if (!intake->filling.at && !intake->is_ended)
            intake->filling = take_spare(intake->instances);
        buf_reset(&intake->filling);
        intake->writing = full;
        next = NEXT_CHUNK;
    } else if (intake->is_ended) {
        next = NEXT_SYNC;
    }
    if (next == NEXT_PAUSE && *was_full)
        next = NEXT_AGAIN; /* stays ours until the writer was told */
    intake->is_busy = next != NEXT_PAUSE;
    pthread_mutex_unlock(&intake->lock);
    return next;
}

static void sync_file(struct instances_intake *intake)
{
    if (intake->fd >= 0 && instances_land(intake))
        instances_pass_on(intake);
    else
        instances_finish(intake, intake->fd < 0 || fail(intake, errno) ? INSTANCES_FAILED
                                                                       : intake->result);
}

/* After NEXT_PAUSE the intake is the writer's again and may be gone by its next step. */
static void work(void *context)
{
    struct instances_intake *intake = context;
    const struct instances_events *events = intake->events;
    void *owner = intake->context;
    enum next next = NEXT_CHUNK;
    while (next <= NEXT_AGAIN) {
        bool was_full = false;
        next = take_next(intake, &was_full);
        if (was_full)
            events->resume(owner);
        if (next == NEXT_CHUNK)
            (void)write_chunk(intake);
    }
    if (next == NEXT_SYNC)
        sync_file(intake);
    else if (next == NEXT_FAILED)
        instances_finish(intake, intake->result == INSTANCES_KEPT ? INSTANCES_FAILED
                                                                  : intake->result);
    else if (next == NEXT_ABANDON)
        instances_finish(intake, INSTANCES_ABANDONED);
}

/* ---- the writer's side ---- */

/* The lock is held. */
static void call_worker(struct instances_intake *intake)
{
    if (intake->is_busy)
        return;
    intake->is_busy = workers_resume(intake->instances->workers, work, intake);
}

bool instances_write(struct instances_intake *intake, struct span bytes)
{
    pthread_mutex_lock(&intake->lock);
    if (!intake->has_failed)
        buf_span(&intake->filling, bytes);
    if (intake->filling.len >= INSTANCES_CHUNK_BYTES && !intake->has_failed) {
        intake->is_full = intake->is_busy;
        call_worker(intake);
    }
    bool goes_on = !intake->is_full;
    pthread_mutex_unlock(&intake->lock);
    return goes_on;
}

void instances_commit(struct instances_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    intake->is_ended = true;
    call_worker(intake);
    pthread_mutex_unlock(&intake->lock);
}

void instances_abandon(struct instances_intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    intake->is_abandoned = true;
    call_worker(intake);
    pthread_mutex_unlock(&intake->lock);
}
