// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/memory.h"
#include "exchange/session/session_parts.h"

enum { SETS = 512, WAYS = 8 };

struct entry {
    bool is_used;
    int64_t read_at_ms; /* monotonic */
    struct session_row row;
    char *texts; /* *owned*: what the row's texts point into */
};

struct session_cache {
    pthread_mutex_t lock;
    struct entry entries[SETS][WAYS];
};

struct session_cache *session_cache_new(struct err *err)
{
    struct session_cache *cache = memory_new(1, sizeof *cache, err);
    if (cache)
        pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void clear(struct entry *entry)
{
    memory_free(entry->texts);
    *entry = (struct entry){0};
}

void session_cache_free(struct session_cache *cache)
{
    if (!cache)
        return;
    for (int i = 0; i < SETS; i++)
        for (int k = 0; k < WAYS; k++)
            clear(&cache->entries[i][k]);
    pthread_mutex_destroy(&cache->lock);
    memory_free(cache);
}

static struct entry *set_of(struct session_cache *cache, const struct hash *hash)
{
    return cache->entries[(hash->bytes[0] | hash->bytes[1] << 8) % SETS];
}

static struct entry *find(struct session_cache *cache, const struct hash *hash)
{
    struct entry *set = set_of(cache, hash);
    for (int i = 0; i < WAYS; i++)
        if (set[i].is_used && hash_equal(&set[i].row.hash, hash))
            return &set[i];
    return NULL;
}

static bool copy_texts(struct session_row *row, struct arena *arena)
{
    struct err err = {0};
    return text_copy(row->staff_name, arena, &row->staff_name, &err) &&
           text_copy(row->staff_kana, arena, &row->staff_kana, &err) &&
           text_copy(row->facility_name, arena, &row->facility_name, &err) &&
           text_copy(row->fingerprint, arena, &row->fingerprint, &err);
}

bool session_cache_find(struct session_cache *cache, struct hash hash,
                        int64_t monotonic_ms, struct arena *arena,
                        struct session_row *row)
{
    pthread_mutex_lock(&cache->lock);
    const struct entry *entry = find(cache, &hash);
    bool is_found = entry && monotonic_ms - entry->read_at_ms <= SESSION_STALE_MS;
    if (is_found) {
        *row = entry->row;
        is_found = copy_texts(row, arena);
    }
    pthread_mutex_unlock(&cache->lock);
    return is_found;
}

static struct text pack(struct text text, char **next)
{
    struct text packed = {*next, text.len};
    if (text.len > 0)
        memcpy(*next, text.at, text.len);
    *next += text.len;
    return packed;
}

static struct entry *oldest(struct session_cache *cache, const struct hash *hash)
{
    struct entry *set = set_of(cache, hash);
    struct entry *best = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (!set[i].is_used)
            return &set[i];
        if (set[i].read_at_ms < best->read_at_ms)
            best = &set[i];
    }
    return best;
}

void session_cache_keep(struct session_cache *cache, struct session_row *row,
                        struct session_now now)
{
    struct err err = {0};
    size_t size = row->staff_name.len + row->staff_kana.len + row->facility_name.len +
                  row->fingerprint.len + 1;
    char *texts = memory_new(size, 1, &err);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, &row->hash);
    session_steady_place(row, entry ? &entry->row : NULL, now);
    if (!entry)
        entry = oldest(cache, &row->hash);
    if (texts) {
        clear(entry);
        *entry = (struct entry){true, now.monotonic_ms, *row, texts};
        char *next = texts;
        entry->row.staff_name = pack(row->staff_name, &next);
        entry->row.staff_kana = pack(row->staff_kana, &next);
        entry->row.facility_name = pack(row->facility_name, &next);
        entry->row.fingerprint = pack(row->fingerprint, &next);
    }
    pthread_mutex_unlock(&cache->lock);
}

void session_cache_touch(struct session_cache *cache, struct hash hash,
                         struct session_now now, bool is_stored)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, &hash);
    if (entry && now.wall_ms > entry->row.times.seen_at)
        entry->row.times.seen_at = now.wall_ms;
    if (entry && now.monotonic_ms > entry->row.steady.seen_ms)
        entry->row.steady.seen_ms = now.monotonic_ms;
    if (entry && is_stored)
        entry->row.stored_seen_at = now.wall_ms;
    pthread_mutex_unlock(&cache->lock);
}

void session_cache_drop(struct session_cache *cache, struct hash hash)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, &hash);
    if (entry)
        clear(entry);
    pthread_mutex_unlock(&cache->lock);
}
