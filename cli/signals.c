// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/memory.h"

struct watch {
    void (*stop)(void *context);
    void *context;
};

static sigset_t ending(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static sigset_t all(void)
{
    sigset_t set = ending();
    sigaddset(&set, SIGPIPE);
    return set;
}

void signals_block(void)
{
    sigset_t set = all();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_unblock(void)
{
    sigset_t set = all();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *wait_and_stop(void *context)
{
    struct watch watch = *(struct watch *)context;
    sigset_t set = ending();
    int number = 0;
    memory_free(context);
    if (sigwait(&set, &number) == 0)
        watch.stop(watch.context);
    return NULL;
}

bool signals_watch(void (*stop)(void *context), void *context)
{
    pthread_t thread;
    struct err err = {0};
    struct watch *watch = memory_new(1, sizeof *watch, &err);
    if (!watch)
        return false;
    *watch = (struct watch){stop, context};
    if (pthread_create(&thread, NULL, wait_and_stop, watch) != 0) {
        memory_free(watch);
        return false;
    }
    pthread_detach(thread);
    return true;
}

bool signals_wait(int wait_ms)
{
    sigset_t set = ending();
    struct timespec timeout = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};
    return sigtimedwait(&set, NULL, &timeout) > 0;
}
