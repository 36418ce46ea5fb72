// SPDX-License-Identifier: Apache-2.0
#include "base/child/child_parts.h"
#include "base/memory.h"

struct child_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct child_start *start; /* NULL = nobody asks */
    struct child_process *process;
    int failed;
    bool is_done; /* the one that asked may take `failed` */
    bool is_ending;
};

static void *keep(void *self)
{
    struct child_keeper *keeper = self;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_ending) {
        if (!keeper->start || keeper->is_done) {
            pthread_cond_wait(&keeper->changed, &keeper->lock);
            continue;
        }
        keeper->failed = child_process_start(keeper->process, keeper->start);
        keeper->is_done = true;
        pthread_cond_broadcast(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

struct child_keeper *child_keeper_new(struct err *err)
{
    struct child_keeper *keeper = memory_new(1, sizeof *keeper, err);
    if (!keeper)
        return NULL;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->changed, NULL);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) == 0)
        return keeper;
    memory_free(keeper);
    err_set(err, ERR_BUSY, "child_start", "no thread");
    return NULL;
}

void child_keeper_free(struct child_keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->is_ending = true;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    memory_free(keeper);
}

int child_keeper_start(struct child_keeper *keeper, struct child_process *process,
                       const struct child_start *start)
{
    pthread_mutex_lock(&keeper->lock);
    while (keeper->start)
        pthread_cond_wait(&keeper->changed, &keeper->lock);
    keeper->start = start;
    keeper->process = process;
    keeper->is_done = false;
    pthread_cond_broadcast(&keeper->changed);
    while (!keeper->is_done)
        pthread_cond_wait(&keeper->changed, &keeper->lock);
    int failed = keeper->failed;
    keeper->start = NULL;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    return failed;
}
