// SPDX-License-Identifier: Apache-2.0
#include "exchange/network/network.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"
#include "store/store.h"

struct network_epoch {
    struct store *store; /* borrowed */
    struct clock clock;
    const struct log *log; /* borrowed, may be NULL */
    _Atomic uint64_t epoch;
    atomic_bool is_held;
    _Atomic int64_t read_at_ms; /* monotonic; INT64_MIN = not known to be right */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t closing;
    bool is_closing; /* guarded by lock */
};

/* Both in one row, for they change together. */
struct store_statement *network_epoch_ask(struct store_session *session, struct err *err)
{
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT epoch, (SELECT count(*) FROM network_hold) "
                      "FROM network_epoch WHERE one = 1",
                      err);
    if (statement)
        store_ask(statement);
    return statement;
}

static bool take_both(struct store_statement *statement, uint64_t *epoch, bool *is_held,
                      struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "the epoch's row is missing");
    *epoch = (uint64_t)store_column_int(statement, 0);
    *is_held = store_column_int(statement, 1) != 0;
    return true;
}

static bool read_both(struct store_session *session, uint64_t *epoch, bool *is_held,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = network_epoch_ask(session, err);
    return statement && take_both(statement, epoch, is_held, err);
}

bool network_epoch_take(struct store_statement *statement, uint64_t *epoch,
                        struct err *err)
{
    bool is_held = false;
    return take_both(statement, epoch, &is_held, err);
}

bool network_epoch_read(struct store_session *session, uint64_t *epoch, struct err *err)
{
    bool is_held = false;
    return read_both(session, epoch, &is_held, err);
}

static bool read_row(struct store *store, uint64_t *epoch, bool *is_held, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    return session && read_both(session, epoch, is_held, err);
}

/* The time is taken before the row is read, so that the reading counts as old as it may
 * be. Two readers may finish in any order: the larger number and the later time win. */
static bool refresh(struct network_epoch *epoch, struct err *err)
{
    int64_t begun_ms = clock_monotonic_ms(&epoch->clock);
    uint64_t read = 0;
    bool is_held = false;
    if (!read_row(epoch->store, &read, &is_held, err))
        return false;
    uint64_t known = atomic_load(&epoch->epoch);
    /* The mark changes with the number, so the newer reading is right about both. */
    if (read >= known)
        atomic_store(&epoch->is_held, is_held);
    while (known < read && !atomic_compare_exchange_weak(&epoch->epoch, &known, read))
        ;
    int64_t before_ms = atomic_load(&epoch->read_at_ms);
    while (before_ms < begun_ms &&
           !atomic_compare_exchange_weak(&epoch->read_at_ms, &before_ms, begun_ms))
        ;
    return true;
}

static bool wait_for_poll(struct network_epoch *epoch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += NETWORK_EPOCH_POLL_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&epoch->lock);
    int waited = 0;
    while (!epoch->is_closing && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&epoch->closing, &epoch->lock, &until);
    bool goes_on = !epoch->is_closing;
    pthread_mutex_unlock(&epoch->lock);
    return goes_on;
}

static void *poll_row(void *context)
{
    struct network_epoch *epoch = context;
    bool is_failing = false;
    while (wait_for_poll(epoch)) {
        struct err err = {0};
        bool is_read = refresh(epoch, &err);
        if (!is_read && !is_failing && epoch->log)
            log_err(epoch->log, "epoch_unreadable", &err);
        is_failing = !is_read;
    }
    return NULL;
}

struct network_epoch *network_epoch_open(struct store *store, const struct clock *clock,
                                         const struct log *log, struct err *err)
{
    struct network_epoch *epoch = memory_new(1, sizeof *epoch, err);
    if (!epoch)
        return NULL;
    epoch->store = store;
    epoch->clock = *clock;
    epoch->log = log;
    atomic_store(&epoch->read_at_ms, INT64_MIN);
    pthread_mutex_init(&epoch->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&epoch->closing, &attributes);
    pthread_condattr_destroy(&attributes);
    if (refresh(epoch, err)) {
        if (pthread_create(&epoch->thread, NULL, poll_row, epoch) == 0)
            return epoch;
        (void)err_set(err, ERR_SYSTEM, "thread_failed", "no thread for the epoch");
    }
    pthread_cond_destroy(&epoch->closing);
    pthread_mutex_destroy(&epoch->lock);
    memory_free(epoch);
    return NULL;
}

void network_epoch_close(struct network_epoch *epoch)
{
    if (!epoch)
        return;
    pthread_mutex_lock(&epoch->lock);
    epoch->is_closing = true;
    pthread_cond_signal(&epoch->closing);
    pthread_mutex_unlock(&epoch->lock);
    pthread_join(epoch->thread, NULL);
    pthread_cond_destroy(&epoch->closing);
    pthread_mutex_destroy(&epoch->lock);
    memory_free(epoch);
}

uint64_t network_epoch_now(const struct network_epoch *epoch)
{
    return atomic_load(&epoch->epoch);
}

bool network_epoch_is_held(const struct network_epoch *epoch)
{
    return atomic_load(&epoch->is_held);
}

bool network_epoch_is_fresh(const struct network_epoch *epoch)
{
    int64_t read_at_ms = atomic_load(&epoch->read_at_ms);
    return read_at_ms != INT64_MIN &&
           clock_monotonic_ms(&epoch->clock) - read_at_ms <= NETWORK_EPOCH_FRESH_MS;
}

void network_epoch_refresh(struct network_epoch *epoch)
{
    struct err err = {0};
    if (refresh(epoch, &err))
        return;
    atomic_store(&epoch->read_at_ms, INT64_MIN);
    if (epoch->log)
        log_err(epoch->log, "epoch_unreadable", &err);
}
