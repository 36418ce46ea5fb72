// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "base/child/child_parts.h"
#include "base/memory.h"

enum { BRAKE_MS = 100, BRAKE_MS_MAX = 30000 };

/* One that waits, on its own stack. */
struct waiter {
    struct waiter *next;
    pthread_cond_t called;
    struct child_worker *worker; /* NULL = not yet */
};

struct child_pool {
    struct child_config config;
    struct child_keeper *keeper;
    pthread_mutex_t lock;
    struct waiter *first;
    struct waiter **last;
    struct child_counts counts;
    int64_t not_before_ms; /* no start */
    int64_t brake_ms;
    bool has_told; /* that the kernel gives no namespaces */
    struct child_worker **idle;
    int idle_count;
    int working_count; /* of them have a process and are taken */
    struct child_worker workers[];
};

struct child_pool *child_pool_new(const struct child_config *config, struct err *err)
{
    assert(config->count > 0 && config->jobs_max > 0);
    size_t count = (size_t)config->count;
    struct child_pool *pool = memory_new(
        1, sizeof *pool + count * (sizeof *pool->workers + sizeof *pool->idle), err);
    if (!pool)
        return NULL;
    pool->config = *config;
    pool->last = &pool->first;
    pool->keeper = child_keeper_new(err);
    if (!pool->keeper) {
        memory_free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pool->idle = (struct child_worker **)(void *)(pool->workers + count);
    for (size_t i = 0; i < count; i++) {
        pool->workers[i].socket = pool->workers[i].memory = -1;
        pool->idle[pool->idle_count++] = &pool->workers[i];
    }
    return pool;
}

void child_pool_free(struct child_pool *pool)
{
    if (!pool)
        return;
    assert(pool->idle_count == pool->config.count);
    for (int i = 0; i < pool->config.count; i++)
        (void)!child_worker_end(&pool->workers[i], NULL);
    child_keeper_free(pool->keeper);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool);
}

/* ---- whose turn it is ---- */

/* The lock is held. */
static void note_working(struct child_pool *pool, struct child_worker *worker,
                         bool is_working)
{
    pool->working_count += is_working - worker->is_working;
    worker->is_working = is_working;
}

static bool has_process(const struct child_worker *worker)
{
    return worker->process.pid > 0;
}

static bool wait_for_worker(struct child_pool *pool, struct child_worker **worker,
                            struct err *err)
{
    struct waiter waiter = {.called = PTHREAD_COND_INITIALIZER};
    if (pool->counts.waiting >= pool->config.waiting_max)
        return err_set(err, ERR_BUSY, "child_queue", "too many wait for a process");
    *pool->last = &waiter;
    /* cppcheck-suppress autoVariables ; hand_on takes it out before this returns */
    pool->last = &waiter.next;
    pool->counts.waiting++;
    while (!waiter.worker)
        pthread_cond_wait(&waiter.called, &pool->lock);
    pthread_cond_destroy(&waiter.called);
    *worker = waiter.worker;
    return true;
}

static void take_idle(struct child_pool *pool, struct child_worker **worker)
{
    *worker = pool->idle[--pool->idle_count];
    note_working(pool, *worker, has_process(*worker));
}

static bool take_worker(struct child_pool *pool, struct child_worker **worker,
                        struct err *err)
{
    bool is_taken = true;
    pthread_mutex_lock(&pool->lock);
    if (pool->idle_count > 0)
        take_idle(pool, worker);
    else
        is_taken = wait_for_worker(pool, worker, err);
    if (is_taken) {
        pool->counts.jobs++;
        pool->counts.busy = pool->config.count - pool->idle_count;
    }
    pthread_mutex_unlock(&pool->lock);
    return is_taken;
}

/* The lock is held. The latest is taken first again: its memory is warm, and others may
 * stay unstarted. One without a process comes last. */
static void put_idle(struct child_pool *pool, struct child_worker *worker)
{
    int at = pool->idle_count++;
    for (; !has_process(worker) && at > 0; at--)
        pool->idle[at] = pool->idle[at - 1];
    pool->idle[at] = worker;
}

/* The lock is held. */
static void hand_on(struct child_pool *pool, struct child_worker *worker)
{
    struct waiter *waiter = pool->first;
    note_working(pool, worker, waiter && has_process(worker));
    if (waiter) {
        pool->first = waiter->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->counts.waiting--;
        waiter->worker = worker;
        pthread_cond_signal(&waiter->called);
    } else {
        put_idle(pool, worker);
    }
    pool->counts.busy = pool->config.count - pool->idle_count;
}

static void put_worker(struct child_pool *pool, struct child_worker *worker)
{
    pthread_mutex_lock(&pool->lock);
    pool->counts.deaths += !has_process(worker);
    hand_on(pool, worker);
    pthread_mutex_unlock(&pool->lock);
}

/* One that cannot begin goes back. Another one takes its place, if need be when that has
 * done its work: false only when there is none with a process. */
static bool change_worker(struct child_pool *pool, struct child_worker **worker,
                          struct err *err)
{
    bool is_changed = true;
    struct child_worker *left = *worker;
    pthread_mutex_lock(&pool->lock);
    note_working(pool, left, false);
    if (pool->idle_count > 0 && has_process(pool->idle[pool->idle_count - 1])) {
        take_idle(pool, worker);
        hand_on(pool, left);
    } else if (pool->working_count > 0) {
        put_idle(pool, left);
        is_changed = wait_for_worker(pool, worker, err);
    } else {
        hand_on(pool, left);
        is_changed = false;
    }
    pool->counts.busy = pool->config.count - pool->idle_count;
    pthread_mutex_unlock(&pool->lock);
    return is_changed;
}

/* ---- starting ---- */

static bool may_start(struct child_pool *pool, struct err *err)
{
    pthread_mutex_lock(&pool->lock);
    bool may = clock_monotonic_us() / 1000 >= pool->not_before_ms;
    pool->counts.starts += may;
    pthread_mutex_unlock(&pool->lock);
    return may || err_set(err, ERR_BUSY, "child_start", "failed just now");
}

/* Each failure in a row doubles the time in which it is not tried again. */
static void note_start(struct child_pool *pool, struct child_worker *worker,
                       bool is_started)
{
    pthread_mutex_lock(&pool->lock);
    note_working(pool, worker, is_started);
    int64_t longer_ms = pool->brake_ms == 0 ? BRAKE_MS : pool->brake_ms * 2;
    pool->brake_ms = is_started ? 0 : longer_ms > BRAKE_MS_MAX ? BRAKE_MS_MAX : longer_ms;
    pool->not_before_ms = is_started ? 0 : clock_monotonic_us() / 1000 + pool->brake_ms;
    pthread_mutex_unlock(&pool->lock);
}

static void note_apart(struct child_pool *pool, bool is_apart)
{
    pthread_mutex_lock(&pool->lock);
    bool is_news = !is_apart && !pool->has_told;
    pool->has_told |= is_news;
    pthread_mutex_unlock(&pool->lock);
    if (is_news && pool->config.log)
        LOG(pool->config.log, "child_namespaces", LOG_WORD("code", "namespaces_refused"));
}

static bool make_usable(struct child_pool *pool, struct child_worker *worker,
                        struct err *err)
{
    if (child_worker_is_usable(worker, pool->config.jobs_max))
        return true;
    if (!may_start(pool, err)) {
        (void)!child_worker_end(worker, NULL); /* of no use, and not taken first again */
        return false;
    }
    bool is_started = child_worker_start(worker, &pool->config, pool->keeper, err);
    note_start(pool, worker, is_started);
    if (is_started)
        note_apart(pool, worker->is_apart);
    return is_started;
}

bool child_run(struct child_pool *pool, struct span request, struct buf *reply,
               struct err *err)
{
    return child_run_request(pool, &(const struct child_request){.head = request}, reply,
                             err);
}

bool child_run_request(struct child_pool *pool, const struct child_request *request,
                       struct buf *reply, struct err *err)
{
    struct child_worker *worker = NULL;
    size_t max = pool->config.request_bytes_max;
    if (request->head.len > max || request->tail.len > max - request->head.len)
        return err_set(err, ERR_LIMIT, "child_request", "more bytes than a job may have");
    if (!take_worker(pool, &worker, err))
        return false;
    while (!make_usable(pool, worker, err)) {
        struct err why = *err;
        err_clear(err);
        if (!change_worker(pool, &worker, err)) {
            *err = err->code ? *err : why;
            return false;
        }
    }
    bool is_done = child_worker_run(worker, &pool->config, request, reply, err);
    put_worker(pool, worker);
    return is_done;
}

struct child_counts child_pool_counts(struct child_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct child_counts counts = pool->counts;
    pthread_mutex_unlock(&pool->lock);
    return counts;
}
