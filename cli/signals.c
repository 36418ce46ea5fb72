// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/memory.h"

struct signals {
    pthread_t thread;
    const struct signals_wishes *wishes;
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
    sigaddset(&set, SIGXFSZ);
    return set;
}

void signals_block(void)
{
    sigset_t set = all();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_block_renewing(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_unblock(void)
{
    sigset_t set = all();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *wait_and_stop(void *context)
{
    struct signals *signals = context;
    sigset_t set = ending();
    int number = 0;
    if (signals->wishes->renew)
        sigaddset(&set, SIGHUP);
    while (sigwait(&set, &number) == 0) {
        if (number != SIGHUP) {
            signals->wishes->stop(signals->context);
            break;
        }
        signals->wishes->renew(signals->context);
    }
    return NULL;
}

struct signals *signals_watch(const struct signals_wishes *wishes, void *context,
                              struct err *err)
{
    struct signals *signals = memory_new(1, sizeof *signals, err);
    if (!signals)
        return NULL;
    signals->wishes = wishes;
    signals->context = context;
    if (pthread_create(&signals->thread, NULL, wait_and_stop, signals) == 0)
        return signals;
    memory_free(signals);
    err_set(err, ERR_SYSTEM, "no_thread", "no thread for the signals");
    return NULL;
}

void signals_end(struct signals *signals)
{
    if (!signals)
        return;
    /* It waits for a signal unless there was one; then nobody is left to take this. */
    pthread_kill(signals->thread, SIGTERM);
    pthread_join(signals->thread, NULL);
    memory_free(signals);
}

bool signals_wait(int wait_ms)
{
    sigset_t set = ending();
    struct timespec timeout = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};
    return sigtimedwait(&set, NULL, &timeout) > 0;
}
