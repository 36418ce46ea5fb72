// SPDX-License-Identifier: Apache-2.0
#include "gateway/collect/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { TICK_MS = 250 };

/* By what a file of the storage is judged: when it changes, all are read again. */
enum { READER_VERSION = 2 };

static bool note_root(struct collect *collect, size_t root, struct err *err)
{
    const struct collect_root *config = &collect->config.roots[root];
    CLEANUP(buf_free) struct buf judged_by = buf_init(64);
    buf_format(&judged_by, "reader %d%s%s", READER_VERSION,
               config->accepts_foreign_numbers ? ", foreign numbers" : "",
               config->is_extended ? ", extended" : "");
    struct text text = {(const char *)judged_by.at, judged_by.len};
    return buf_check(&judged_by, err) &&
           index_note_root(collect->config.index, text_cstr(config->label), text, err);
}

/* A share that is not mounted yet stops nothing: the sweep looks for it. */
static bool open_roots(struct collect *collect, struct err *err)
{
    for (size_t i = 0; i < collect->config.root_count; i++) {
        struct err missing = {0};
        collect->roots[i] = path_hold_root(collect->config.roots[i].directory, &missing);
        if (collect->roots[i] < 0 && collect->config.log)
            log_err(collect->config.log, "collect_storage", &missing);
        if (!note_root(collect, i, err))
            return false;
    }
    return true;
}

struct collect *collect_new(const struct collect_config *config, struct err *err)
{
    struct collect *collect = memory_new(1, sizeof *collect, err);
    if (!collect)
        return NULL;
    collect->config = *config;
    collect->events = -1;
    collect->wake[0] = collect->wake[1] = -1;
    for (size_t i = 0; i < COLLECT_ROOTS_MAX; i++)
        collect->roots[i] = -1;
    pthread_mutex_init(&collect->lock, NULL);
    pthread_cond_init(&collect->calm, NULL);
    pthread_mutex_init(&collect->roots_lock, NULL);
    collect_batch_open(collect);
    atomic_store(&collect->has_rows, config->rows != NULL); /* until it fails */
    if (!open_roots(collect, err)) {
        collect_free(collect);
        return NULL;
    }
    if (pipe2(collect->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        err_set(err, ERR_SYSTEM, "pipe_failed", "no pipe");
        collect_free(collect);
        return NULL;
    }
    return collect;
}

void collect_stop(struct collect *collect)
{
    if (!collect || !collect->has_thread)
        return;
    atomic_store(&collect->is_stopping, true);
    ssize_t written = write(collect->wake[1], "x", 1);
    (void)written; /* the thread looks every tick anyway */
    pthread_join(collect->thread, NULL);
    collect->has_thread = false;
}

void collect_free(struct collect *collect)
{
    if (!collect)
        return;
    collect_stop(collect);
    collect_watch_close(collect);
    collect_free_pending(collect);
    collect_rows_close(collect);
    collect_batch_close(collect);
    for (size_t i = 0; i < COLLECT_ROOTS_MAX; i++)
        path_close(&collect->roots[i]);
    path_close(&collect->wake[0]);
    path_close(&collect->wake[1]);
    pthread_cond_destroy(&collect->calm);
    pthread_mutex_destroy(&collect->roots_lock);
    pthread_mutex_destroy(&collect->lock);
    memory_free(collect);
}

void collect_lock_soon(struct collect *collect)
{
    atomic_fetch_add(&collect->waiting, 1);
    pthread_mutex_lock(&collect->lock);
}

void collect_unlock_soon(struct collect *collect)
{
    atomic_fetch_sub(&collect->waiting, 1);
    pthread_cond_broadcast(&collect->calm);
    pthread_mutex_unlock(&collect->lock);
}

static bool sweep_root(struct collect *collect, size_t root, bool is_full,
                       struct err *err)
{
    struct collect_walk walk = {.collect = collect,
                                .root = root,
                                .is_full = is_full,
                                .compares_content = is_full,
                                .is_sweep = true};
    struct err fault = {0};
    bool is_walked = collect_open_storage(collect, root, err) &&
                     collect_walk_folder(&walk, "", COLLECT_ROOT, err);
    if (!collect_flush(&walk, &fault)) {
        *err = fault;
        return false;
    }
    /* Looked for at the end too: a share may have gone meanwhile. */
    return is_walked && collect_open_storage(collect, root, err);
}

void collect_note_standing(struct collect *collect, const struct err *fault)
{
    bool is_away = fault && strcmp(fault->code, "storage_away") == 0;
    struct collect_standing standing = {.state = !fault    ? COLLECT_READ
                                                 : is_away ? COLLECT_AWAY
                                                           : COLLECT_FAILED,
                                        .since_ms = fault ? collect->whole_ms : 0};
    pthread_mutex_lock(&collect->roots_lock);
    collect->standing = standing;
    pthread_mutex_unlock(&collect->roots_lock);
}

struct collect_standing collect_standing(struct collect *collect)
{
    pthread_mutex_lock(&collect->roots_lock);
    struct collect_standing standing = collect->standing;
    pthread_mutex_unlock(&collect->roots_lock);
    return standing;
}

/* A storage that is away does not keep the others from being read. */
static bool sweep(struct collect *collect, bool is_full, struct err *err)
{
    bool is_done = true;
    int64_t began_ms = clock_wall_ms(&collect->config.clock);
    collect->fault_count = 0;
    for (size_t i = 0; i < collect->config.root_count; i++) {
        struct err fault = {0};
        if (sweep_root(collect, i, is_full, &fault))
            continue;
        *err = fault;
        is_done = false;
    }
    if (collect->fault_count > 0 && collect->config.log)
        LOG(collect->config.log, "collect_faults",
            LOG_NUMBER("folders", (uint64_t)collect->fault_count));
    atomic_store(&collect->is_whole, is_done);
    if (is_done)
        collect->whole_ms = began_ms;
    collect_note_standing(collect, is_done ? NULL : err);
    /* From here on a number that is not known is answered as unknown. */
    if (is_done && !atomic_exchange(&collect->has_swept, true) && collect->config.log)
        LOG(collect->config.log, "storage_known", LOG_WORD("state", "swept"));
    return is_done;
}

bool collect_sweep(struct collect *collect, bool is_full, struct err *err)
{
    pthread_mutex_lock(&collect->lock);
    bool is_done = sweep(collect, is_full, err);
    pthread_mutex_unlock(&collect->lock);
    return is_done;
}

static bool sweep_patient(struct collect *collect, const char *path, struct err *err)
{
    for (size_t i = 0; i < collect->config.root_count; i++) {
        struct collect_walk walk = {.collect = collect, .root = i, .is_full = true};
        struct err missing = {0};
        if (!collect_open_storage(collect, i, err))
            return false;
        CLEANUP(path_close) int fd = path_open_below(collect->roots[i], path, &missing);
        bool is_gone = fd < 0 && missing.kind == ERR_MISSING;
        bool is_read =
            is_gone ? collect_look_for_removed(&walk, path, COLLECT_PATIENT, NULL, 0, err)
                    : collect_walk_folder(&walk, path, COLLECT_PATIENT, err);
        if (!is_read)
            return false;
    }
    return true;
}

bool collect_sweep_patient(struct collect *collect, struct text number, struct err *err)
{
    CLEANUP(buf_free) struct buf path = buf_init(PATH_MAX_BYTES);
    struct span digits = text_span(number);
    if (!ssmix_patient_is_valid(digits))
        return err_set(err, ERR_MISSING, "not_found", "not a number of this storage");
    buf_span(&path, span_part(digits, 0, 3));
    buf_byte(&path, '/');
    buf_span(&path, span_part(digits, 3, 3));
    buf_byte(&path, '/');
    buf_span(&path, digits);
    buf_byte(&path, '\0');
    if (!buf_check(&path, err))
        return false;
    collect_lock_soon(collect);
    bool is_done = sweep_patient(collect, (const char *)path.at, err);
    collect_unlock_soon(collect);
    return is_done;
}

bool collect_has_swept(const struct collect *collect)
{
    return atomic_load(&collect->has_swept);
}

/* The type folder of a file: below it extended storage has a folder for each record. */
static bool to_type_folder(char *path, struct err *err)
{
    size_t slashes = 0;
    char *end = NULL;
    for (char *at = path; *at; at++)
        if (*at == '/' && ++slashes <= COLLECT_TYPE)
            end = at;
    if (!end)
        return err_set(err, ERR_MISSING, "not_found", "no folder");
    *end = '\0';
    return true;
}

static bool look_at(struct collect *collect, const struct collect_source *source,
                    struct err *err)
{
    struct collect_walk walk = {.collect = collect,
                                .root = source->root,
                                .is_full = true,
                                .compares_content = true};
    return collect_open_storage(collect, source->root, err) &&
           collect_read_folder(&walk, source->relative, err);
}

bool collect_look_at(struct collect *collect, struct text path, struct err *err)
{
    struct collect_source source;
    CLEANUP(arena_free) struct arena arena = arena_init(4 * PATH_MAX_BYTES);
    if (!collect_find_source(collect, path, &source, &arena, err) ||
        !to_type_folder(source.relative, err))
        return false;
    collect_lock_soon(collect);
    bool is_done = look_at(collect, &source, err);
    collect_unlock_soon(collect);
    return is_done;
}

bool collect_is_whole(const struct collect *collect)
{
    return atomic_load(&collect->is_whole);
}

static void note(const struct collect *collect, bool is_done, struct err *err)
{
    if (!is_done && collect->config.log && !atomic_load(&collect->is_stopping))
        log_err(collect->config.log, "collect", err);
    err_clear(err);
}

/* Waits for an event or a tick. */
static void wait_for_news(struct collect *collect)
{
    int rows = collect->config.rows ? rows_fd(collect->config.rows) : -1;
    struct pollfd fds[3] = {{.fd = collect->wake[0], .events = POLLIN},
                            {.fd = collect->events, .events = POLLIN},
                            {.fd = rows, .events = POLLIN}};
    poll(fds, 3, TICK_MS);
    if (collect->events >= 0 && (fds[1].revents & POLLIN)) {
        pthread_mutex_lock(&collect->lock);
        collect_watch_take(collect);
        pthread_mutex_unlock(&collect->lock);
    }
}

/* A sweep that takes long is not begun again at once: a storage of millions of folders is
 * not read all day, within a limit. */
static int64_t pause_after(const struct collect *collect, int64_t took_ms)
{
    enum { REST = 4, REST_MAX_MS = 10 * 60 * 1000 };
    int64_t rest_ms = took_ms * REST < REST_MAX_MS ? took_ms * REST : REST_MAX_MS;
    int64_t period_ms = collect->config.sweep_period_ms;
    return rest_ms > period_ms ? rest_ms : period_ms;
}

static void *run(void *context)
{
    struct collect *collect = context;
    struct err err = {0};
    int64_t full_ms = clock_monotonic_ms(&collect->config.clock);
    int64_t due_ms = full_ms;
    while (!atomic_load(&collect->is_stopping)) {
        pthread_mutex_lock(&collect->lock);
        collect_follow_soon(collect);
        pthread_mutex_unlock(&collect->lock);
        int64_t began_ms = clock_monotonic_ms(&collect->config.clock);
        bool is_full = began_ms - full_ms >= collect->config.full_period_ms;
        if (is_full || began_ms >= due_ms) {
            note(collect, collect_sweep(collect, is_full, &err), &err);
            int64_t now_ms = clock_monotonic_ms(&collect->config.clock);
            due_ms = now_ms + pause_after(collect, now_ms - began_ms);
            full_ms = is_full ? now_ms : full_ms;
        }
        wait_for_news(collect);
        note(collect, collect_look_again(collect, &err), &err);
    }
    return NULL;
}

bool collect_start(struct collect *collect, struct err *err)
{
    collect_watch_open(collect);
    collect->has_thread = true; /* before it runs: it looks */
    if (pthread_create(&collect->thread, NULL, run, collect) == 0)
        return true;
    collect->has_thread = false;
    return err_set(err, ERR_SYSTEM, "thread_failed", "no thread");
}
