// SPDX-License-Identifier: Apache-2.0
/* What each post last looked at. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/registry/registry_parts.h"
#include "store/store.h"

enum {
    LOOK_IS_ONE_MS = 30 * 60 * 1000,
    LOOK_UNKNOWN_MS = 24 * 3600 * 1000,
    KEEP_MS = 1000,
    BUCKETS = 1024,
    WAITING_MAX = 4096, /* beyond, whoever notes one writes them first */
    GROUP_MAX = 512     /* written in one piece */
};

struct look {
    struct registry_look_key key;
    int64_t looked_at_ms;
    int64_t before_at_ms;
    struct look *next; /* in its bucket */
};

/* Looks on their way to the database. */
struct book {
    struct look *buckets[BUCKETS];
    size_t count;
};

struct registry_looks {
    struct store *store; /* borrowed */
    struct log log;
    bool has_log;
    pthread_mutex_t keeping; /* one writes at a time */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t closing;
    struct book waiting;
    struct book leaving; /* being written: still to be found until it is */
    bool is_closing;
    pthread_t thread;
    bool has_thread;
};

/* ---- in memory ---- */

static struct look **place_of(struct book *book, const struct registry_look_key *key)
{
    size_t index = (size_t)key->person.bytes[0] << 8 | key->person.bytes[1];
    index ^= (size_t)key->post.bytes[0] << 4;
    struct look **at = &book->buckets[index % BUCKETS];
    while (*at && !(id_equal((*at)->key.person, key->person) &&
                    id_equal((*at)->key.post, key->post)))
        at = &(*at)->next;
    return at;
}

static void book_clear(struct book *book)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (book->buckets[i]) {
            struct look *look = book->buckets[i];
            book->buckets[i] = look->next;
            memory_free(look);
        }
    book->count = 0;
}

/* Back to those that wait, because they could not be written; a newer look stays. */
static void book_return(struct book *from, struct book *to)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (from->buckets[i]) {
            struct look *look = from->buckets[i];
            from->buckets[i] = look->next;
            struct look **place = place_of(to, &look->key);
            if (*place) {
                memory_free(look);
                continue;
            }
            look->next = NULL;
            *place = look;
            to->count++;
        }
    from->count = 0;
}

/* ---- in the database ---- */

struct look_group {
    struct look *looks[GROUP_MAX];
    size_t count;
};

/* Another process may have written a later one. What is later by more than a look lasts
 * is of a clock that was ahead. */
static bool write_group(struct store_session *session, void *context, struct err *err)
{
    const struct look_group *group = context;
    CLEANUP(store_batch_close) struct store_batch batch;
    if (!store_batch_open(session,
                          "INSERT INTO registry_look (post, person, looked_at, "
                          "before_at) VALUES (?1, ?2, "
                          "?3, ?4) ON CONFLICT (post, person) DO UPDATE SET looked_at = "
                          "excluded.looked_at, before_at = excluded.before_at "
                          "WHERE registry_look.looked_at <= excluded.looked_at OR "
                          "registry_look.looked_at > ?5",
                          &batch, err))
        return false;
    for (size_t i = 0; i < group->count; i++) {
        const struct look *look = group->looks[i];
        struct store_statement *keep = store_batch_next(&batch, err);
        if (!keep)
            return false;
        store_bind_id(keep, 1, look->key.post);
        store_bind_id(keep, 2, look->key.person);
        store_bind_int(keep, 3, look->looked_at_ms);
        store_bind_int(keep, 4, look->before_at_ms);
        store_bind_int(keep, 5, look->looked_at_ms + LOOK_IS_ONE_MS);
    }
    return store_batch_run(&batch, err);
}

/* Nobody changes a book that is leaving, so that it is read without the lock. */
static bool write_book(struct store *store, const struct book *book, struct err *err)
{
    struct look_group group = {.count = 0};
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct look *look = book->buckets[i]; look; look = look->next) {
            group.looks[group.count++] = look;
            if (group.count < GROUP_MAX)
                continue;
            if (!store_write(store, STORE_LIVE, write_group, &group, err))
                return false;
            group.count = 0;
        }
    return group.count == 0 || store_write(store, STORE_LIVE, write_group, &group, err);
}

bool registry_looks_keep(struct registry_looks *looks, struct err *err)
{
    pthread_mutex_lock(&looks->keeping);
    pthread_mutex_lock(&looks->lock);
    looks->leaving = looks->waiting;
    looks->waiting = (struct book){.count = 0};
    pthread_mutex_unlock(&looks->lock);
    bool is_kept = write_book(looks->store, &looks->leaving, err);
    pthread_mutex_lock(&looks->lock);
    if (is_kept)
        book_clear(&looks->leaving);
    else
        book_return(&looks->leaving, &looks->waiting);
    pthread_mutex_unlock(&looks->lock);
    pthread_mutex_unlock(&looks->keeping);
    return is_kept;
}

static bool read_stored(struct store *store, struct look *look, bool *has_row,
                        struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read_once(store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT looked_at, before_at FROM registry_look WHERE post = ?1 AND person = ?2",
        err);
    if (!find)
        return false;
    store_bind_id(find, 1, look->key.post);
    store_bind_id(find, 2, look->key.person);
    if (!store_step(find, has_row, err))
        return false;
    if (*has_row) {
        look->looked_at_ms = store_column_int(find, 0);
        look->before_at_ms = store_column_int(find, 1);
    }
    return true;
}

/* ---- noting ---- */

static bool find_noted(struct registry_looks *looks, struct look *look)
{
    struct look **place = place_of(&looks->waiting, &look->key);
    if (!*place)
        place = place_of(&looks->leaving, &look->key);
    if (!*place)
        return false;
    look->looked_at_ms = (*place)->looked_at_ms;
    look->before_at_ms = (*place)->before_at_ms;
    return true;
}

static bool put(struct book *book, const struct look *look, struct err *err)
{
    struct look **place = place_of(book, &look->key);
    if (!*place) {
        *place = memory_new(1, sizeof **place, err);
        if (!*place)
            return false;
        book->count++;
    }
    struct look *next = (*place)->next;
    **place = *look;
    (*place)->next = next;
    return true;
}

/* A first look shows nothing as new: everything would be. Looks within half an hour are
 * one. When the clock was ahead then it is not known when that was: what came within a
 * day is new, rather too much than too little. */
static int64_t new_since(const struct look *before, int64_t now_ms)
{
    if (before->looked_at_ms < 0)
        return now_ms;
    bool is_same = now_ms - before->looked_at_ms < LOOK_IS_ONE_MS;
    int64_t since_ms = is_same ? before->before_at_ms : before->looked_at_ms;
    return since_ms <= now_ms ? since_ms : now_ms - LOOK_UNKNOWN_MS;
}

bool registry_looks_note(struct registry_looks *looks,
                         const struct registry_look_key *key, int64_t now_ms,
                         int64_t *new_since_ms, struct err *err)
{
    struct look look = {.key = *key, .looked_at_ms = -1, .before_at_ms = -1};
    bool has_row = false;
    pthread_mutex_lock(&looks->lock);
    bool is_noted = find_noted(looks, &look);
    bool is_full = looks->waiting.count >= WAITING_MAX;
    pthread_mutex_unlock(&looks->lock);
    /* What has left the book is in the database: it leaves after the commit. */
    if ((is_full && !registry_looks_keep(looks, err)) ||
        (!is_noted && !read_stored(looks->store, &look, &has_row, err)))
        return false;
    pthread_mutex_lock(&looks->lock);
    find_noted(looks, &look); /* somebody else of the post may have been quicker */
    *new_since_ms = new_since(&look, now_ms);
    look.looked_at_ms = now_ms;
    look.before_at_ms = *new_since_ms;
    bool is_put = put(&looks->waiting, &look, err);
    pthread_mutex_unlock(&looks->lock);
    return is_put;
}

/* ---- the thread ---- */

/* False when it is time to end. */
static bool wait_a_little(struct registry_looks *looks)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KEEP_MS / 1000;
    pthread_mutex_lock(&looks->lock);
    int waited = 0;
    while (!looks->is_closing && waited == 0)
        waited = pthread_cond_timedwait(&looks->closing, &looks->lock, &until);
    bool is_closing = looks->is_closing;
    pthread_mutex_unlock(&looks->lock);
    return !is_closing;
}

static void *run_keeper(void *self)
{
    struct registry_looks *looks = self;
    bool was_failing = false;
    bool goes_on = true;
    while (goes_on) {
        struct err err = {0};
        goes_on = wait_a_little(looks);
        bool is_failing = !registry_looks_keep(looks, &err);
        if (is_failing && !was_failing && looks->has_log)
            log_err(&looks->log, "looks_unwritten", &err);
        was_failing = is_failing;
    }
    return NULL;
}

struct registry_looks *registry_looks_open(struct store *store, const struct log *log,
                                           struct err *err)
{
    struct registry_looks *looks = memory_new(1, sizeof *looks, err);
    if (!looks)
        return NULL;
    looks->store = store;
    looks->has_log = log != NULL;
    if (log)
        looks->log = *log;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&looks->keeping, NULL);
    pthread_mutex_init(&looks->lock, NULL);
    pthread_cond_init(&looks->closing, &monotonic);
    pthread_condattr_destroy(&monotonic);
    looks->has_thread = pthread_create(&looks->thread, NULL, run_keeper, looks) == 0;
    if (looks->has_thread)
        return looks;
    err_set(err, ERR_BUSY, "memory_short", "no thread for the looks");
    registry_looks_close(looks);
    return NULL;
}

void registry_looks_close(struct registry_looks *looks)
{
    if (!looks)
        return;
    if (looks->has_thread) {
        pthread_mutex_lock(&looks->lock);
        looks->is_closing = true;
        pthread_cond_signal(&looks->closing);
        pthread_mutex_unlock(&looks->lock);
        pthread_join(looks->thread, NULL);
    }
    book_clear(&looks->waiting);
    book_clear(&looks->leaving);
    pthread_cond_destroy(&looks->closing);
    pthread_mutex_destroy(&looks->lock);
    pthread_mutex_destroy(&looks->keeping);
    memory_free(looks);
}

bool registry_read_looks(struct store_session *session,
                         const struct disclosure_scope *scope, struct id post, size_t max,
                         struct arena *arena, struct registry_look **looks, size_t *count,
                         struct err *err)
{
    bool has_row = false;
    (void)scope; /* its existence is the permission; a post is the viewer's own */
    *count = 0;
    *looks = ARENA_MANY(arena, struct registry_look, max, err);
    if (!*looks)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT person, looked_at, before_at FROM registry_look WHERE post = ?1 "
        "ORDER BY looked_at DESC",
        err);
    if (!rows)
        return false;
    store_bind_id(rows, 1, post);
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        struct registry_look *look = &(*looks)[(*count)++];
        look->looked_at_ms = store_column_int(rows, 1);
        look->before_at_ms = store_column_int(rows, 2);
        if (!store_column_id(rows, 0, &look->person, err))
            return false;
    }
    return err->kind == ERR_NONE;
}
