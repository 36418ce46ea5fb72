// SPDX-License-Identifier: Apache-2.0
#include "store/store_parts.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CHECK_NICE = 10, INTERRUPT_NS = 10000000, JOURNAL_GROWTH_BYTES = 32 << 20 };

static bool is_damage(const struct err *err)
{
    return err->code && strcmp(err->code, "store_corrupt") == 0;
}

/* Logged once, whoever meets it first. */
static void note_damage(struct store_check *check, const struct err *err)
{
    int before = atomic_exchange(&check->health, STORE_DAMAGED);
    if (before != STORE_DAMAGED && check->log)
        log_err(check->log, "store_corrupt", err);
}

void store_check_note(struct store_check *check, const struct err *err)
{
    if (is_damage(err))
        note_damage(check, err);
}

bool store_check_permits(struct store_check *check, struct err *err)
{
    return atomic_load(&check->health) != STORE_DAMAGED ||
           err_set(err, ERR_SYSTEM, "store_corrupt", "the database file is damaged");
}

enum store_health store_check_health(struct store_check *check)
{
    return (enum store_health)atomic_load(&check->health);
}

static void set_engine(struct store_check *check, struct store_engine *engine)
{
    pthread_mutex_lock(&check->lock);
    check->engine = engine;
    pthread_mutex_unlock(&check->lock);
}

/* A look that could not be finished (no memory, a file that cannot be read) is not one:
 * the health stays unknown, and the next start looks again. */
static void look_through(struct store_check *check)
{
    struct err err = {0};
    int64_t begun_us = clock_monotonic_us();
    struct store_engine *engine = check->kind->open(check->location, false, &err);
    set_engine(check, engine);
    bool is_sound = engine && check->kind->read_through(engine, &check->is_ending,
                                                        JOURNAL_GROWTH_BYTES, &err);
    set_engine(check, NULL);
    if (engine)
        check->kind->close(engine);
    if (atomic_load(&check->is_ending))
        return;
    int unknown = STORE_UNCHECKED;
    if (is_damage(&err)) {
        note_damage(check, &err);
    } else if (!is_sound) {
        if (check->log)
            log_err(check->log, "store_unchecked", &err);
    } else if (atomic_compare_exchange_strong(&check->health, &unknown, STORE_SOUND) &&
               check->log) {
        LOG(check->log, "store_checked",
            LOG_NUMBER("took_ms", (clock_monotonic_us() - begun_us) / 1000));
    }
}

static void *run_check(void *self)
{
    struct store_check *check = self;
    /* On Linux a thread has its own: who waits for an answer goes first. */
    setpriority(PRIO_PROCESS, 0, CHECK_NICE);
    look_through(check);
    pthread_mutex_lock(&check->lock);
    check->is_done = true;
    pthread_cond_broadcast(&check->done);
    pthread_mutex_unlock(&check->lock);
    return NULL;
}

void store_check_init(struct store_check *check, const struct log *log)
{
    check->log = log;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&check->lock, NULL);
    pthread_cond_init(&check->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    check->is_done = true;
}

bool store_check_start(struct store_check *check, const struct store_engine_kind *kind,
                       const char *location, struct err *err)
{
    check->kind = kind;
    check->location = location;
    if (!kind->read_through) { /* its server answers for its pages */
        atomic_store(&check->health, STORE_SOUND);
        return true;
    }
    check->is_done = false;
    check->has_thread = pthread_create(&check->thread, NULL, run_check, check) == 0;
    if (check->has_thread)
        return true;
    check->is_done = true;
    return err_set(err, ERR_BUSY, "memory_short", "no thread for the check");
}

bool store_check_wait(struct store_check *check, struct err *err)
{
    pthread_mutex_lock(&check->lock);
    while (!check->is_done)
        pthread_cond_wait(&check->done, &check->lock);
    pthread_mutex_unlock(&check->lock);
    if (!store_check_permits(check, err))
        return false;
    return store_check_health(check) == STORE_SOUND ||
           err_set(err, ERR_SYSTEM, "store_failed", "the database was not checked");
}

void store_check_end(struct store_check *check)
{
    atomic_store(&check->is_ending, true);
    /* Again and again: what has not begun to run is not interrupted. */
    pthread_mutex_lock(&check->lock);
    while (check->has_thread && !check->is_done) {
        struct timespec at;
        if (check->engine)
            check->kind->interrupt(check->engine);
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_nsec += INTERRUPT_NS;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&check->done, &check->lock, &at);
    }
    pthread_mutex_unlock(&check->lock);
    if (check->has_thread)
        pthread_join(check->thread, NULL);
    pthread_cond_destroy(&check->done);
    pthread_mutex_destroy(&check->lock);
}
