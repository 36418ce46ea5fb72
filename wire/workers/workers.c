// SPDX-License-Identifier: Apache-2.0
#include "wire/workers/workers.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/memory.h"

struct job {
    void (*fn)(void *context);
    void *context;
};

struct ring {
    struct job *jobs;
    int size;
    int first;
    int count;
};

enum { FIRST_RESUMED = 64 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t has_job;
    struct ring posted;  /* of fixed size */
    struct ring resumed; /* grows: each is a job that was let in before */
    bool is_closing;
    pthread_t *threads;
    int thread_count;
};

static void ring_put(struct ring *ring, struct job job)
{
    ring->jobs[(ring->first + ring->count) % ring->size] = job;
    ring->count++;
}

static struct job ring_take(struct ring *ring)
{
    struct job job = ring->jobs[ring->first];
    ring->first = (ring->first + 1) % ring->size;
    ring->count--;
    return job;
}

static bool ring_grow(struct ring *ring, struct err *err)
{
    int size = ring->size * 2;
    struct job *jobs = memory_new((size_t)size, sizeof *jobs, err);
    if (!jobs)
        return false;
    int count = ring->count;
    for (int i = 0; i < count; i++)
        jobs[i] = ring_take(ring);
    memory_free(ring->jobs);
    *ring = (struct ring){.jobs = jobs, .size = size, .count = count};
    return true;
}

static bool take_job(struct workers *workers, struct job *job)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->resumed.count == 0 && workers->posted.count == 0 &&
           !workers->is_closing)
        pthread_cond_wait(&workers->has_job, &workers->lock);
    bool has = workers->resumed.count > 0 || workers->posted.count > 0;
    if (has)
        *job =
            ring_take(workers->resumed.count > 0 ? &workers->resumed : &workers->posted);
    pthread_mutex_unlock(&workers->lock);
    return has;
}

static void *work(void *context)
{
    struct workers *workers = context;
    struct job job;
    while (take_job(workers, &job))
        job.fn(job.context);
    return NULL;
}

/* Signals belong to the main thread. */
static int start_thread(struct workers *workers, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, work, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct workers *workers_new(int count, int queue_max, struct err *err)
{
    assert(count > 0 && queue_max > 0);
    struct workers *workers = memory_new(1, sizeof *workers, err);
    if (!workers)
        return NULL;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->has_job, NULL);
    workers->posted.size = queue_max;
    workers->resumed.size = FIRST_RESUMED;
    workers->posted.jobs = memory_new((size_t)queue_max, sizeof(struct job), err);
    if (workers->posted.jobs)
        workers->resumed.jobs = memory_new(FIRST_RESUMED, sizeof(struct job), err);
    if (workers->resumed.jobs)
        workers->threads = memory_new((size_t)count, sizeof *workers->threads, err);
    for (int i = 0; workers->threads && i < count; i++) {
        int failed = start_thread(workers, &workers->threads[i]);
        if (failed) {
            err_set(err, ERR_SYSTEM, "thread_failed", "thread: %s", strerror(failed));
            break;
        }
        workers->thread_count++;
    }
    if (workers->thread_count < count) {
        workers_free(workers);
        return NULL;
    }
    return workers;
}

bool workers_post(struct workers *workers, void (*fn)(void *context), void *context)
{
    pthread_mutex_lock(&workers->lock);
    bool has_room = workers->posted.count < workers->posted.size && !workers->is_closing;
    if (has_room)
        ring_put(&workers->posted, (struct job){fn, context});
    pthread_mutex_unlock(&workers->lock);
    if (has_room)
        pthread_cond_signal(&workers->has_job);
    return has_room;
}

bool workers_resume(struct workers *workers, void (*fn)(void *context), void *context)
{
    struct err err = {0};
    pthread_mutex_lock(&workers->lock);
    bool is_open = !workers->is_closing;
    bool has_room = !is_open || workers->resumed.count < workers->resumed.size ||
                    ring_grow(&workers->resumed, &err);
    /* what is half done and lost would leave a peer without answer and hold what it
     * holds for ever; better to stop in the open */
    assert(has_room);
    if (is_open)
        ring_put(&workers->resumed, (struct job){fn, context});
    pthread_mutex_unlock(&workers->lock);
    if (is_open)
        pthread_cond_signal(&workers->has_job);
    return is_open;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->is_closing = true;
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_broadcast(&workers->has_job);
    for (int i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->has_job);
    pthread_mutex_destroy(&workers->lock);
    memory_free(workers->posted.jobs);
    memory_free(workers->resumed.jobs);
    memory_free(workers->threads);
    memory_free(workers);
}

int workers_waiting(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    int queued = workers->posted.count + workers->resumed.count;
    pthread_mutex_unlock(&workers->lock);
    return queued;
}
