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

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t has_job;
    struct job *jobs; /* a ring */
    int queue_max;
    int first;
    int queued;
    bool is_closing;
    pthread_t *threads;
    int thread_count;
};

static bool take_job(struct workers *workers, struct job *job)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->queued == 0 && !workers->is_closing)
        pthread_cond_wait(&workers->has_job, &workers->lock);
    bool has = workers->queued > 0;
    if (has) {
        *job = workers->jobs[workers->first];
        workers->first = (workers->first + 1) % workers->queue_max;
        workers->queued--;
    }
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
    workers->queue_max = queue_max;
    workers->jobs = memory_new((size_t)queue_max, sizeof *workers->jobs, err);
    if (workers->jobs)
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
    bool has_room = workers->queued < workers->queue_max && !workers->is_closing;
    if (has_room) {
        int last = (workers->first + workers->queued) % workers->queue_max;
        workers->jobs[last] = (struct job){fn, context};
        workers->queued++;
    }
    pthread_mutex_unlock(&workers->lock);
    if (has_room)
        pthread_cond_signal(&workers->has_job);
    return has_room;
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
    memory_free(workers->jobs);
    memory_free(workers->threads);
    memory_free(workers);
}
