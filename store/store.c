// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "store/store_parts.h"

enum {
    READERS_MAX = 32,
    READER_WAIT_MS = 5000,
    READER_IDLE_MS = 30000,
    GROUP_MS_MAX = 5,
    GROUP_PIECES_MAX = 500,
    /* After so many live pieces in a row one of the backfill gets its turn. */
    LIVE_STREAK_MAX = 64,
    LONG_MS = 1000,
    JOURNAL_ALARM_BYTES = 64 << 20,
};

enum purpose { OPENING, VISITING, SERVING };

/* Work of one caller of store_write, on that caller's stack or in his store_writing. */
struct piece {
    store_work *work;
    void *context;
    pthread_cond_t finished;
    bool is_finished;
    struct err err; /* ERR_NONE when it is durable */
    struct piece *next;
};

struct lane {
    struct piece *first;
    struct piece *last;
};

struct store {
    char *location; /* *owned* */
    struct log log; /* a copy */
    bool has_log;
    struct store_check check;
    struct clock clock;
    pthread_mutex_t lock; /* guards all that follows, except the writer's session */
    pthread_cond_t has_work;
    pthread_cond_t has_reader;
    struct lane lanes[2];
    int live_streak;
    bool is_closing;
    struct store_session *idle_readers; /* the last one given back first */
    int reader_count;                   /* idle and borrowed */
    int reader_idle_ms;
    struct store_session *writer;
    pthread_t writer_thread;
    bool has_thread;
    bool has_alarm;
    struct meter_duration committed;
    _Atomic uint64_t groups;
    _Atomic uint64_t pieces;
    _Atomic uint64_t failed;
    _Atomic uint64_t statements;
    _Atomic uint64_t waits;
    _Atomic int64_t journal_bytes;
};

/* ---- the writer ---- */

static void lane_add(struct lane *lane, struct piece *piece)
{
    piece->next = NULL;
    if (lane->last)
        lane->last->next = piece;
    else
        lane->first = piece;
    lane->last = piece;
}

static struct piece *lane_take(struct lane *lane)
{
    struct piece *piece = lane->first;
    if (!piece)
        return NULL;
    lane->first = piece->next;
    if (!lane->first)
        lane->last = NULL;
    piece->next = NULL;
    return piece;
}

/* Live work first, but never so that backfill stands still. Called with the lock. */
static struct piece *take_piece(struct store *store)
{
    struct lane *live = &store->lanes[STORE_LIVE];
    struct lane *backfill = &store->lanes[STORE_BACKFILL];
    bool is_backfill_due = store->live_streak >= LIVE_STREAK_MAX && backfill->first;
    if (live->first && !is_backfill_due) {
        store->live_streak++;
        return lane_take(live);
    }
    store->live_streak = 0;
    return lane_take(backfill);
}

/* The work itself. A fault it passed over makes it fail all the same. */
static bool run_work(struct store *store, struct piece *piece)
{
    struct store_session *session = store->writer;
    err_clear(&piece->err);
    session->is_broken = false;
    bool is_done = piece->work(session, piece->context, &piece->err);
    assert(session->open_count == 0);
    if (is_done && !session->is_broken) {
        err_clear(&piece->err);
        return true;
    }
    if (piece->err.kind == ERR_NONE)
        err_set(&piece->err, ERR_SYSTEM, "store_failed", "the work failed");
    return false;
}

/* One piece under its own savepoint. False when the whole transaction is lost. */
static bool run_marked(struct store *store, struct piece *piece)
{
    struct store_engine *engine = store->writer->engine;
    err_clear(&piece->err);
    if (!engine->kind->set_mark(engine, &piece->err))
        return false;
    if (run_work(store, piece))
        return engine->kind->keep_mark(engine, &piece->err);
    struct err ignored = {0}; /* the piece already has its error */
    return engine->kind->has_transaction(engine) &&
           engine->kind->undo_mark(engine, &ignored);
}

/* One piece as a transaction of its own. */
static void run_alone(struct store *store, struct piece *piece)
{
    struct store_engine *engine = store->writer->engine;
    err_clear(&piece->err);
    if (engine->kind->begin_write(engine, &piece->err) && run_work(store, piece) &&
        engine->kind->commit(engine, &piece->err))
        return;
    store_check_note(&store->check, &piece->err);
    engine->kind->roll_back(engine);
}

static void fail_all(struct piece *pieces, const struct err *err)
{
    for (struct piece *piece = pieces; piece; piece = piece->next)
        if (piece->err.kind == ERR_NONE)
            piece->err = *err;
}

/* Takes pieces as they come until the group is full; `group` lists them in their order.
 * False when the transaction got lost on the way. */
static bool run_pieces(struct store *store, struct lane *group)
{
    int64_t until_ms = clock_monotonic_ms(&store->clock) + GROUP_MS_MAX;
    int count = 0;
    bool has_transaction = true;
    do {
        pthread_mutex_lock(&store->lock);
        struct piece *piece = take_piece(store);
        pthread_mutex_unlock(&store->lock);
        if (!piece)
            break;
        lane_add(group, piece);
        has_transaction = run_marked(store, piece);
        count++;
    } while (has_transaction && count < GROUP_PIECES_MAX &&
             clock_monotonic_ms(&store->clock) < until_ms);
    return has_transaction;
}

static void finish_all(struct store *store, struct piece *pieces)
{
    pthread_mutex_lock(&store->lock);
    while (pieces) {
        struct piece *piece = pieces;
        atomic_fetch_add(&store->pieces, 1);
        atomic_fetch_add(&store->failed, piece->err.kind != ERR_NONE);
        pieces = piece->next; /* the piece is gone once its caller wakes up */
        piece->is_finished = true;
        pthread_cond_signal(&piece->finished);
    }
    pthread_mutex_unlock(&store->lock);
}

/* Connections count for themselves, so that readers do not meet at one number. */
static void count_session(struct store *store, struct store_session *session)
{
    atomic_fetch_add(&store->statements, session->statements);
    atomic_fetch_add(&store->waits, session->engine->waits);
    session->statements = session->engine->waits = 0;
}

static int count_lane(const struct lane *lane)
{
    int count = 0;
    for (const struct piece *piece = lane->first; piece; piece = piece->next)
        count++;
    return count;
}

static int count_waiting(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    int count =
        count_lane(&store->lanes[STORE_LIVE]) + count_lane(&store->lanes[STORE_BACKFILL]);
    pthread_mutex_unlock(&store->lock);
    return count;
}

/* One answer for one piece: the next may find the database well again. But those that
 * were waited for in vain together do not wait for it one after the other. */
static struct piece *fail_pieces(struct store *store, int count, const struct err *err)
{
    struct lane group = {0};
    pthread_mutex_lock(&store->lock);
    for (int i = 0; i < count; i++)
        lane_add(&group, take_piece(store));
    pthread_mutex_unlock(&store->lock);
    fail_all(group.first, err);
    return group.first;
}

static void run_group(struct store *store)
{
    struct store_engine *engine = store->writer->engine;
    struct lane group = {0};
    struct err err = {0};
    int waiting = count_waiting(store);
    int64_t begun_ms = clock_monotonic_ms(&store->clock);
    if (!store_check_permits(&store->check, &err) ||
        !engine->kind->begin_write(engine, &err)) {
        bool is_long = clock_monotonic_ms(&store->clock) - begun_ms >= LONG_MS;
        group.first = fail_pieces(store, is_long ? waiting : 1, &err);
    } else if (!run_pieces(store, &group)) {
        engine->kind->roll_back(engine);
        for (struct piece *piece = group.first; piece; piece = piece->next)
            run_alone(store, piece);
    } else if (!engine->kind->commit(engine, &err)) {
        engine->kind->roll_back(engine);
        fail_all(group.first, &err);
    }
    store_check_note(&store->check, &err);
    count_session(store, store->writer); /* before anybody hears of it */
    finish_all(store, group.first);
}

static void tidy(struct store *store)
{
    int64_t bytes = store->writer->engine->kind->tidy(store->writer->engine);
    atomic_store(&store->journal_bytes, bytes);
    bool is_alarming = bytes > JOURNAL_ALARM_BYTES;
    if (is_alarming && !store->has_alarm && store->has_log)
        LOG(&store->log, "store_journal_large", LOG_NUMBER("bytes", bytes));
    store->has_alarm = is_alarming;
}

/* Waits; false when the store is closing and nothing is left to do. */
static bool wait_for_work(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (!store->lanes[STORE_LIVE].first && !store->lanes[STORE_BACKFILL].first &&
           !store->is_closing)
        pthread_cond_wait(&store->has_work, &store->lock);
    bool has_work = store->lanes[STORE_LIVE].first || store->lanes[STORE_BACKFILL].first;
    pthread_mutex_unlock(&store->lock);
    return has_work;
}

static void *run_writer(void *self)
{
    struct store *store = self;
    while (wait_for_work(store)) {
        int64_t begun_us = clock_monotonic_us();
        run_group(store);
        meter_note(&store->committed, clock_monotonic_us() - begun_us);
        atomic_fetch_add(&store->groups, 1);
        tidy(store);
    }
    return NULL;
}

static void hand_over(struct store *store, enum store_lane lane, struct piece *piece)
{
    /* A piece that waits for another piece would wait for ever. */
    assert(!pthread_equal(pthread_self(), store->writer_thread));
    pthread_cond_init(&piece->finished, NULL);
    pthread_mutex_lock(&store->lock);
    assert(!store->is_closing);
    lane_add(&store->lanes[lane], piece);
    pthread_cond_signal(&store->has_work);
    pthread_mutex_unlock(&store->lock);
}

static bool wait_for(struct store *store, struct piece *piece, struct err *err)
{
    pthread_mutex_lock(&store->lock);
    while (!piece->is_finished)
        pthread_cond_wait(&piece->finished, &store->lock);
    pthread_mutex_unlock(&store->lock);
    pthread_cond_destroy(&piece->finished);
    if (piece->err.kind == ERR_NONE)
        return true;
    *err = piece->err;
    return false;
}

bool store_write(struct store *store, enum store_lane lane, store_work *work,
                 void *context, struct err *err)
{
    struct piece piece = {.work = work, .context = context};
    hand_over(store, lane, &piece);
    return wait_for(store, &piece, err);
}

struct store_writing {
    struct store *store;
    struct piece piece;
};

struct store_writing *store_write_begin(struct store *store, enum store_lane lane,
                                        store_work *work, void *context, struct err *err)
{
    struct store_writing *writing = memory_new(1, sizeof *writing, err);
    if (!writing)
        return NULL;
    writing->store = store;
    writing->piece = (struct piece){.work = work, .context = context};
    hand_over(store, lane, &writing->piece);
    return writing;
}

bool store_write_end(struct store_writing **writing, struct err *err)
{
    struct store_writing *one = *writing;
    bool is_written = wait_for(one->store, &one->piece, err);
    memory_free(one);
    *writing = NULL;
    return is_written;
}

bool store_wait_checked(struct store *store, struct err *err)
{
    return store_check_wait(&store->check, err);
}

struct store_meters store_read_meters(struct store *store)
{
    int waiting = count_waiting(store);
    pthread_mutex_lock(&store->lock);
    int readers = store->reader_count;
    pthread_mutex_unlock(&store->lock);
    return (struct store_meters){.groups = atomic_load(&store->groups),
                                 .pieces = atomic_load(&store->pieces),
                                 .failed = atomic_load(&store->failed),
                                 .statements = atomic_load(&store->statements),
                                 .waits = atomic_load(&store->waits),
                                 .waiting = waiting,
                                 .journal_bytes = atomic_load(&store->journal_bytes),
                                 .committed = &store->committed,
                                 .health = store_check_health(&store->check),
                                 .readers = readers};
}

/* ---- readers ---- */

static struct timespec deadline_after_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    return at;
}

/* An idle reader, or NULL with leave to open one (counted already), or an error. */
static bool take_reader(struct store *store, struct store_session **session,
                        struct err *err)
{
    struct timespec deadline = deadline_after_ms(READER_WAIT_MS);
    int waited = 0;
    pthread_mutex_lock(&store->lock);
    while (!store->idle_readers && store->reader_count >= READERS_MAX && waited == 0)
        waited = pthread_cond_timedwait(&store->has_reader, &store->lock, &deadline);
    *session = store->idle_readers;
    bool may_open = store->reader_count < READERS_MAX;
    if (*session)
        store->idle_readers = (*session)->next;
    else if (may_open)
        store->reader_count++;
    pthread_mutex_unlock(&store->lock);
    return *session || may_open ||
           err_set(err, ERR_BUSY, "store_busy", "all readers are in use");
}

static void uncount_reader(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->reader_count--;
    pthread_cond_signal(&store->has_reader);
    pthread_mutex_unlock(&store->lock);
}

/* A crowd needs many readers for a moment; each holds pages and compiled statements. The
 * lock is held; NULL when even the one that waits longest was needed lately. */
static struct store_session *take_surplus(struct store *store, int64_t now_ms)
{
    struct store_session **last = &store->idle_readers;
    if (!*last)
        return NULL;
    while ((*last)->next)
        last = &(*last)->next;
    struct store_session *surplus = *last;
    if (now_ms - surplus->idle_since_ms < store->reader_idle_ms)
        return NULL;
    *last = NULL;
    return surplus;
}

static void give_reader(struct store *store, struct store_session *session)
{
    count_session(store, session);
    if (session->engine->kind->has_transaction(session->engine)) {
        /* Its end failed: it would refuse whoever borrows it next. */
        store_session_close(session);
        uncount_reader(store);
        return;
    }
    session->idle_since_ms = clock_monotonic_ms(&store->clock);
    pthread_mutex_lock(&store->lock);
    struct store_session *surplus = take_surplus(store, session->idle_since_ms);
    session->next = store->idle_readers;
    store->idle_readers = session;
    pthread_cond_signal(&store->has_reader);
    pthread_mutex_unlock(&store->lock);
    if (!surplus)
        return;
    store_session_close(surplus);
    uncount_reader(store);
}

enum moment { MOMENT_NOW, MOMENT_LATE, MOMENT_ONCE };

static struct store_session *begin_reading(struct store *store, enum moment moment,
                                           struct err *err)
{
    struct store_session *session = NULL;
    if (!store_check_permits(&store->check, err) || !take_reader(store, &session, err))
        return NULL;
    if (!session)
        session = store_session_open(store, &store->check, store->location, false, err);
    if (!session) {
        store_check_note(&store->check, err);
        uncount_reader(store);
        return NULL;
    }
    session->is_broken = false;
    const struct store_engine_kind *kind = session->engine->kind;
    bool is_late = moment != MOMENT_NOW && kind->begin_read_late;
    session->is_once = is_late && moment == MOMENT_ONCE;
    if (is_late ? kind->begin_read_late(session->engine, moment == MOMENT_ONCE, err)
                : kind->begin_read(session->engine, err))
        return session;
    store_check_note(&store->check, err);
    give_reader(store, session);
    return NULL;
}

struct store_session *store_read(struct store *store, struct err *err)
{
    return begin_reading(store, MOMENT_NOW, err);
}

struct store_session *store_read_late(struct store *store, struct err *err)
{
    return begin_reading(store, MOMENT_LATE, err);
}

struct store_session *store_read_once(struct store *store, struct err *err)
{
    return begin_reading(store, MOMENT_ONCE, err);
}

bool store_is_once(const struct store_session *session)
{
    return session->is_once;
}

void store_read_end(struct store_session **session)
{
    struct store_session *ended = *session;
    *session = NULL;
    if (!ended)
        return;
    assert(ended->open_count == 0 && ended != ended->store->writer);
    ended->engine->kind->roll_back(ended->engine);
    give_reader(ended->store, ended);
}

void store_keep_readers(struct store *store, int idle_ms)
{
    pthread_mutex_lock(&store->lock);
    store->reader_idle_ms = idle_ms;
    pthread_mutex_unlock(&store->lock);
}

/* ---- opening and closing ---- */

static bool claim(struct store *store, enum purpose purpose, struct err *err)
{
    struct store_engine *engine = store->writer->engine;
    return purpose != SERVING || !engine->kind->claim ||
           engine->kind->claim(engine, store->location, err);
}

static bool start(struct store *store, const struct store_config *config,
                  enum purpose purpose, struct err *err)
{
    store->location = memory_string(config->location, err);
    if (!store->location)
        return false;
    store->writer = store_session_open(store, &store->check, config->location, true, err);
    if (!store->writer || !claim(store, purpose, err) ||
        !store->writer->engine->kind->check(store->writer->engine, err) ||
        !store_migrate(store->writer, config->migrations, config->migration_count, err))
        return false;
    if (pthread_create(&store->writer_thread, NULL, run_writer, store) != 0)
        return err_set(err, ERR_BUSY, "memory_short", "no thread for the writer");
    store->has_thread = true;
    return purpose == VISITING ||
           store_check_start(&store->check, store->writer->engine->kind, store->location,
                             err);
}

static struct store *open_store(const struct store_config *config, enum purpose purpose,
                                struct err *err)
{
    struct store *store = memory_new(1, sizeof *store, err);
    if (!store)
        return NULL;
    store->clock = clock_system();
    store->reader_idle_ms = READER_IDLE_MS;
    store->has_log = config->log != NULL;
    if (config->log)
        store->log = *config->log;
    store_check_init(&store->check, config->log ? &store->log : NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->has_work, NULL);
    pthread_cond_init(&store->has_reader, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start(store, config, purpose, err))
        return store;
    store_close(store);
    return NULL;
}

struct store *store_open(const struct store_config *config, struct err *err)
{
    return open_store(config, OPENING, err);
}

struct store *store_visit(const struct store_config *config, struct err *err)
{
    return open_store(config, VISITING, err);
}

struct store *store_serve(const struct store_config *config, struct err *err)
{
    return open_store(config, SERVING, err);
}

bool store_is_shared(const struct store *store)
{
    return store->writer->engine->kind->claim == NULL;
}

bool store_copy(const char *location, const char *file, struct err *err)
{
    const struct store_engine_kind *kind = store_engine_kind_of(location);
    if (!kind->copy)
        return err_set(err, ERR_REFUSED, "store_elsewhere",
                       "the database is on a server, which has its own ways to copy it");
    struct store_engine *engine = kind->open(location, false, err);
    bool is_copied = engine && kind->copy(engine, file, err);
    if (engine)
        kind->close(engine);
    return is_copied;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->has_thread) {
        pthread_mutex_lock(&store->lock);
        store->is_closing = true;
        pthread_cond_signal(&store->has_work);
        pthread_mutex_unlock(&store->lock);
        pthread_join(store->writer_thread, NULL);
    }
    store_check_end(&store->check);
    while (store->idle_readers) {
        struct store_session *session = store->idle_readers;
        store->idle_readers = session->next;
        store->reader_count--;
        store_session_close(session);
    }
    assert(store->reader_count == 0);
    store_session_close(store->writer);
    pthread_cond_destroy(&store->has_reader);
    pthread_cond_destroy(&store->has_work);
    pthread_mutex_destroy(&store->lock);
    memory_free(store->location);
    memory_free(store);
}
