// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "exchange/audit/audit_file.h"
#include "exchange/audit/audit_tail.h"

enum {
    PENDING_BYTES_MAX = AUDIT_GROUP_BYTES_MAX,
    JSON_BYTES_MAX = AUDIT_RECORD_BYTES_MAX
};

enum waiter_state { WAITING, DURABLE, LOST };

/* A record on its way to the disk: on the stack of whoever waits for it, or on the heap
 * when `written` is set. */
struct waiter {
    enum waiter_state state;
    struct audit_position position;
    audit_written *written;
    void *context;
    struct waiter *next;
};

/* Records that go to the disk together, all of one month. */
struct batch {
    struct buf bytes;
    struct waiter *waiters;
    struct audit_position last;
    int month;
};

struct audit {
    char node[AUDIT_NODE_BYTES_MAX + 1];
    struct clock clock;
    struct log log;
    bool has_log;
    pthread_t thread; /* takes batches to the disk */
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t has_pending;
    pthread_cond_t changed; /* a batch is done */
    bool is_closing;
    struct buf json;              /* scratch */
    struct batch pending;         /* being collected */
    struct audit_position newest; /* given out, perhaps not durable yet */
    struct audit_position durable;
    int newest_month;
    struct audit_heads heads;
    struct batch flushed; /* from here on the thread's own */
    int directory;
    int lock_fd;
    int fd; /* of the month, -1 before the first */
    int month;
    uint64_t file_bytes; /* durable ones */
    bool has_rest;       /* behind them there may be a piece of a failed batch */
    atomic_bool was_failing;
    atomic_bool is_trying; /* audit_is_writable, one at a time */
    struct meter_duration synced;
    _Atomic uint64_t records;
    _Atomic uint64_t lost;
};

/* ---- to the disk ---- */

static bool unwritable(int number, struct err *err)
{
    return err_set(err, ERR_BUSY, "audit_unwritable", "audit file error %d", number);
}

static bool drop_rest(struct audit *audit, struct err *err)
{
    if (audit->has_rest && ftruncate(audit->fd, (off_t)audit->file_bytes) != 0)
        return unwritable(errno, err);
    audit->has_rest = false;
    return true;
}

/* A month begins with its file being there for sure. */
static bool open_month(struct audit *audit, int month, struct err *err)
{
    char name[AUDIT_MONTH_NAME_BYTES];
    audit_month_name(month, name);
    CLEANUP(path_close)
    int fd =
        openat(audit->directory, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fsync(fd) != 0 || fsync(audit->directory) != 0)
        return unwritable(errno, err);
    path_close(&audit->fd);
    audit->fd = fd;
    fd = -1;
    audit->month = month;
    audit->file_bytes = 0;
    return true;
}

static bool write_all(int fd, struct span bytes, uint64_t offset, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t put = pwrite(fd, bytes.at, bytes.len, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return unwritable(put < 0 ? errno : EIO, err);
        bytes = span_part(bytes, (size_t)put, bytes.len);
        offset += (uint64_t)put;
    }
    return true;
}

static bool write_batch(struct audit *audit, const struct batch *batch, struct err *err)
{
    struct span bytes = buf_view(&batch->bytes);
    if (!drop_rest(audit, err) ||
        (batch->month != audit->month && !open_month(audit, batch->month, err)))
        return false;
    audit->has_rest = true;
    if (!write_all(audit->fd, bytes, audit->file_bytes, err))
        return false;
    if (fdatasync(audit->fd) != 0)
        return unwritable(errno, err);
    audit->has_rest = false;
    audit->file_bytes += bytes.len;
    return true;
}

/* Once when it begins and once when it is over. */
static void log_change(struct audit *audit, bool is_failing, const struct err *err)
{
    if (audit->has_log && is_failing && !audit->was_failing)
        log_err(&audit->log, "audit_unwritable", err);
    if (audit->has_log && !is_failing && audit->was_failing)
        LOG(&audit->log, "audit_writable",
            LOG_NUMBER("number", audit->flushed.last.number));
    audit->was_failing = is_failing;
}

/* Those who wait are woken by `changed`; the others are returned, to be told without the
 * lock. A waiter on a stack is gone once its thread wakes up. */
static struct waiter *tell(struct audit *audit, struct waiter *waiters,
                           enum waiter_state state, struct waiter *later)
{
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->state = state;
        atomic_fetch_add(state == LOST ? &audit->lost : &audit->records, 1);
        if (!waiter->written)
            continue;
        waiter->next = later;
        later = waiter;
    }
    return later;
}

static void tell_later_ones(struct waiter *waiters)
{
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->written(waiter->context,
                        waiter->state == DURABLE ? &waiter->position : NULL);
        memory_free(waiter);
    }
}

/* Takes what is pending to the disk. Called and left with the lock; lets go of it in
 * between, so that the next batch collects meanwhile. */
static void flush(struct audit *audit)
{
    struct batch emptied = audit->flushed;
    struct waiter *later = NULL;
    struct err err = {0};
    audit->flushed = audit->pending;
    audit->pending = emptied;
    pthread_mutex_unlock(&audit->lock);
    int64_t begun_us = clock_monotonic_us();
    bool is_written = write_batch(audit, &audit->flushed, &err);
    meter_note(&audit->synced, clock_monotonic_us() - begun_us);
    if (!is_written) {
        struct err again = {0}; /* if the rest stays now it goes before the next batch */
        bool is_dropped = drop_rest(audit, &again);
        (void)is_dropped;
    }
    log_change(audit, !is_written, &err);
    pthread_mutex_lock(&audit->lock);
    if (is_written) {
        audit->durable = audit->flushed.last;
    } else {
        /* What was collected meanwhile is chained to what got lost. */
        later = tell(audit, audit->pending.waiters, LOST, later);
        audit->pending.waiters = NULL;
        buf_reset(&audit->pending.bytes);
        audit->newest = audit->durable;
    }
    later = tell(audit, audit->flushed.waiters, is_written ? DURABLE : LOST, later);
    audit->flushed.waiters = NULL;
    buf_reset(&audit->flushed.bytes);
    pthread_cond_broadcast(&audit->changed);
    pthread_mutex_unlock(&audit->lock);
    tell_later_ones(later);
    pthread_mutex_lock(&audit->lock);
}

static void *run_flusher(void *self)
{
    struct audit *audit = self;
    pthread_mutex_lock(&audit->lock);
    while (audit->pending.bytes.len > 0 || !audit->is_closing) {
        if (audit->pending.bytes.len > 0)
            flush(audit);
        else
            pthread_cond_wait(&audit->has_pending, &audit->lock);
    }
    pthread_mutex_unlock(&audit->lock);
    return NULL;
}

/* ---- appending ---- */

/* A batch is of one month and has a limit. The month never goes back, clocks do. */
static void make_room(struct audit *audit)
{
    int month = audit_month_of(clock_wall_ms(&audit->clock));
    if (month > audit->newest_month)
        audit->newest_month = month;
    while (audit->pending.bytes.len > 0 &&
           (audit->pending.month != audit->newest_month ||
            audit->pending.bytes.len > PENDING_BYTES_MAX - AUDIT_LARGEST_BYTES))
        pthread_cond_wait(&audit->changed, &audit->lock);
    audit->pending.month = audit->newest_month;
}

/* Gives the record its number and its place in the chain. With the lock. */
static bool collect(struct audit *audit, struct audit_line *line, struct waiter *waiter,
                    struct err *err)
{
    make_room(audit);
    line->node = audit->node;
    line->number = audit->newest.number + 1;
    line->at_ms = clock_wall_ms(&audit->clock);
    line->monotonic_ms = clock_monotonic_ms(&audit->clock);
    buf_reset(&audit->json);
    audit_put_json(&audit->json, line);
    if (audit->json.lacks_memory)
        return err_set(err, ERR_BUSY, "audit_unwritable", "no memory for the record");
    if (!buf_check(&audit->json, err)) {
        err_clear(err);
        return err_set(err, ERR_LIMIT, "audit_too_large",
                       "a record of more than %d bytes", JSON_BYTES_MAX);
    }
    struct span json = buf_view(&audit->json);
    struct hash hash = audit_chain(&audit->newest.hash, json);
    struct batch *batch = &audit->pending;
    size_t len_before = batch->bytes.len;
    audit_put_record(&batch->bytes, &hash, json, len_before > 0);
    if (batch->bytes.has_failed) { /* no memory: the others in the batch stay */
        batch->bytes.len = len_before;
        batch->bytes.has_failed = false;
        batch->bytes.lacks_memory = false;
        return err_set(err, ERR_BUSY, "audit_unwritable", "no memory for the record");
    }
    audit->newest = (struct audit_position){.number = line->number, .hash = hash};
    batch->last = audit->newest;
    waiter->position = audit->newest;
    waiter->next = batch->waiters;
    batch->waiters = waiter;
    if (len_before == 0)
        pthread_cond_signal(&audit->has_pending);
    return true;
}

static bool append(struct audit *audit, struct audit_line *line,
                   struct audit_position *position, struct err *err)
{
    struct waiter waiter = {.state = WAITING};
    pthread_mutex_lock(&audit->lock);
    bool is_collected = collect(audit, line, &waiter, err);
    while (is_collected && waiter.state == WAITING)
        pthread_cond_wait(&audit->changed, &audit->lock);
    pthread_mutex_unlock(&audit->lock);
    if (!is_collected)
        return false;
    if (waiter.state == LOST)
        return err_set(err, ERR_BUSY, "audit_unwritable", "the audit cannot be written");
    if (position)
        *position = waiter.position;
    return true;
}

bool audit_append_later(struct audit *audit, const struct audit_record *record,
                        audit_written *written, void *context, struct err *err)
{
    struct audit_line line = {.record = record};
    struct waiter *waiter = memory_new(1, sizeof *waiter, err);
    if (!waiter)
        return false;
    waiter->written = written;
    waiter->context = context;
    pthread_mutex_lock(&audit->lock);
    bool is_collected = collect(audit, &line, waiter, err);
    pthread_mutex_unlock(&audit->lock);
    if (!is_collected)
        memory_free(waiter);
    return is_collected;
}

bool audit_append(struct audit *audit, const struct audit_record *record,
                  struct audit_position *position, struct err *err)
{
    struct audit_line line = {.record = record};
    return append(audit, &line, position, err);
}

/* Written down, so that it is found later, and told at once. */
static bool raise_alarm(struct audit *audit, struct text peer_node, const char *fault,
                        struct err *err)
{
    struct audit_record record = {.phase = AUDIT_EVENT,
                                  .event = "peer_audit",
                                  .verdict = "failed",
                                  .reason = fault,
                                  .object = peer_node};
    if (audit->has_log)
        LOG(&audit->log, "peer_audit", LOG_WORD("code", fault));
    return audit_append(audit, &record, NULL, err);
}

bool audit_keep_head(struct audit *audit, struct text peer_node,
                     const struct audit_position *head, struct err *err)
{
    if (!audit_node_is_good(text_span(peer_node)) || head->number == 0 ||
        head->number > INT64_MAX)
        return err_set(err, ERR_SYNTAX, "audit_head", "a head that cannot be");
    const char *fault = NULL;
    pthread_mutex_lock(&audit->lock);
    bool is_noted =
        audit_heads_note(&audit->heads, text_span(peer_node), head, &fault, err);
    pthread_mutex_unlock(&audit->lock);
    struct audit_line line = {.peer_node = peer_node, .peer_head = head};
    return is_noted && append(audit, &line, NULL, err) &&
           (!fault || raise_alarm(audit, peer_node, fault, err));
}

struct audit_position audit_head(struct audit *audit)
{
    pthread_mutex_lock(&audit->lock);
    struct audit_position head = audit->durable;
    pthread_mutex_unlock(&audit->lock);
    return head;
}

struct audit_meters audit_read_meters(struct audit *audit)
{
    return (struct audit_meters){atomic_load(&audit->records), atomic_load(&audit->lost),
                                 &audit->synced, atomic_load(&audit->was_failing)};
}

/* The last bytes of a full disk take a short record and not the next one: that is no
 * recovery. A file system that does not count its room is tried. */
static bool has_room(const struct audit *audit)
{
    struct statvfs room;
    return fstatvfs(audit->directory, &room) != 0 || room.f_blocks == 0 ||
           room.f_bavail * room.f_frsize >= AUDIT_LARGEST_BYTES;
}

/* Nobody else may come to try: whoever spreads requests keeps them away meanwhile. One
 * tries, so that a disk that hangs holds one thread and not all. */
bool audit_is_writable(struct audit *audit)
{
    if (!atomic_load(&audit->was_failing))
        return true;
    if (!has_room(audit) || atomic_exchange(&audit->is_trying, true))
        return false;
    struct audit_record record = {
        .phase = AUDIT_EVENT, .event = "resume", .verdict = "done"};
    struct err still = {0};
    bool is_written = audit_append(audit, &record, NULL, &still);
    atomic_store(&audit->is_trying, false);
    return is_written;
}

int audit_directory(const struct audit *audit)
{
    return audit->directory;
}

const char *audit_node(const struct audit *audit)
{
    return audit->node;
}

/* ---- opening and closing ---- */

/* The directory, kept by this process alone as long as it lives. */
static bool open_directory(struct audit *audit, const struct audit_config *config,
                           struct err *err)
{
    char name[PATH_MAX_BYTES + 1];
    int len = snprintf(name, sizeof name, "%s/%s", config->directory, config->node);
    if (len < 0 || (size_t)len >= sizeof name)
        return err_set(err, ERR_LIMIT, "path_too_long", "audit directory");
    if (!path_make_directory(name, err))
        return false;
    audit->directory = path_open_root(name, err);
    if (audit->directory < 0)
        return false;
    CLEANUP(path_close) int parent = path_open_root(config->directory, err);
    if (parent < 0)
        return false;
    if (fsync(parent) != 0)
        return unwritable(errno, err);
    audit->lock_fd =
        openat(audit->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (audit->lock_fd < 0)
        return unwritable(errno, err);
    if (flock(audit->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_BUSY, "audit_locked",
                       "another process writes this audit: does it run already?");
    return true;
}

/* Continues the file of the newest month behind its last whole record. */
static bool take_up(struct audit *audit, const struct audit_tail *tail, struct err *err)
{
    audit->newest = tail->last;
    audit->durable = tail->last;
    audit->newest_month = tail->month;
    if (tail->month == 0)
        return true;
    if (!open_month(audit, tail->month, err))
        return false;
    audit->file_bytes = tail->file_bytes;
    audit->has_rest = true;
    if (tail->has_piece && audit->has_log)
        LOG(&audit->log, "audit_piece_dropped",
            LOG_NUMBER("after_number", tail->last.number));
    if (!drop_rest(audit, err))
        return false;
    return fsync(audit->fd) == 0 || unwritable(errno, err);
}

static bool close_decision(void *context, const struct audit_record *record,
                           struct err *err)
{
    struct audit *audit = context;
    return audit_append(audit, record, NULL, err);
}

static bool start(struct audit *audit, const struct audit_config *config, struct err *err)
{
    if (!audit_node_is_good(span_cstr(config->node)))
        return err_set(err, ERR_SYSTEM, "audit_node", "a name that may not be used");
    memcpy(audit->node, config->node, strlen(config->node) + 1);
    if (!open_directory(audit, config, err))
        return false;
    CLEANUP(audit_tail_free) struct audit_tail tail = {0};
    if (!audit_tail_read(&tail, audit->directory, audit->node, err) ||
        !take_up(audit, &tail, err) ||
        !audit_tail_close_decisions(&tail, close_decision, audit, err))
        return false;
    audit->heads = tail.heads;
    tail.heads = (struct audit_heads){0};
    struct audit_record record = {
        .phase = AUDIT_EVENT, .event = AUDIT_START_EVENT, .verdict = "done"};
    return audit_append(audit, &record, NULL, err);
}

struct audit *audit_open(const struct audit_config *config, struct err *err)
{
    struct audit *audit = memory_new(1, sizeof *audit, err);
    if (!audit)
        return NULL;
    audit->clock = config->clock;
    audit->has_log = config->log != NULL;
    if (config->log)
        audit->log = *config->log;
    audit->directory = audit->lock_fd = audit->fd = -1;
    audit->json = buf_init(JSON_BYTES_MAX);
    audit->pending.bytes = buf_init(PENDING_BYTES_MAX);
    audit->flushed.bytes = buf_init(PENDING_BYTES_MAX);
    pthread_mutex_init(&audit->lock, NULL);
    pthread_cond_init(&audit->has_pending, NULL);
    pthread_cond_init(&audit->changed, NULL);
    audit->has_thread = pthread_create(&audit->thread, NULL, run_flusher, audit) == 0;
    if (!audit->has_thread)
        err_set(err, ERR_BUSY, "memory_short", "no thread for the audit");
    if (audit->has_thread && start(audit, config, err))
        return audit;
    audit_close(audit);
    return NULL;
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    if (audit->has_thread) {
        pthread_mutex_lock(&audit->lock);
        audit->is_closing = true;
        pthread_cond_signal(&audit->has_pending);
        pthread_mutex_unlock(&audit->lock);
        pthread_join(audit->thread, NULL);
    }
    path_close(&audit->fd);
    path_close(&audit->lock_fd); /* lets go of the lock */
    path_close(&audit->directory);
    audit_heads_free(&audit->heads);
    buf_free(&audit->json);
    buf_free(&audit->pending.bytes);
    buf_free(&audit->flushed.bytes);
    pthread_cond_destroy(&audit->has_pending);
    pthread_cond_destroy(&audit->changed);
    pthread_mutex_destroy(&audit->lock);
    memory_free(audit);
}
