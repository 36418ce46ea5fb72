// SPDX-License-Identifier: Apache-2.0
/* What a session has opened, and the lists that came with it: in memory, bounded, the
 * least recently used goes first. An opening that has ended is found out by taking it. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/dicomweb/dicomweb_parts.h"

enum {
    LIST_AGE_MAX_MS = 60 * 1000, /* a study may grow */
    KEPT_MAX = 1024,
    INSTANCES_MAX = 200000, /* of all lists that are kept */
    LIST_BYTES_MAX = 32 << 20
};

/* ---- lists ---- */

struct dicomweb_list {
    atomic_int holders;
    struct arena arena;
    struct dicomweb_study study;
};

struct dicomweb_list *dicomweb_list_read(struct span body, struct err *err)
{
    struct dicomweb_list *list = memory_new(1, sizeof *list, err);
    if (!list)
        return NULL;
    atomic_init(&list->holders, 1);
    list->arena = arena_init_small(LIST_BYTES_MAX);
    if (!dicomweb_read_study(body, &list->arena, &list->study, err))
        dicomweb_list_release(&list);
    return list;
}

struct dicomweb_list *dicomweb_list_none(struct err *err)
{
    struct dicomweb_list *list = memory_new(1, sizeof *list, err);
    if (!list)
        return NULL;
    atomic_init(&list->holders, 1);
    list->study.uid = TEXT("");
    return list;
}

const struct dicomweb_study *dicomweb_list_study(const struct dicomweb_list *list)
{
    return &list->study;
}

void dicomweb_list_release(struct dicomweb_list **list)
{
    struct dicomweb_list *one = *list;
    *list = NULL;
    if (!one || atomic_fetch_sub(&one->holders, 1) > 1)
        return;
    arena_free(&one->arena);
    memory_free(one);
}

static struct dicomweb_list *hold(struct dicomweb_list *list)
{
    if (list)
        atomic_fetch_add(&list->holders, 1);
    return list;
}

/* ---- what is kept ---- */

struct place {
    struct dicomweb_key key;
    struct id opening;
    char uid[DICOMWEB_UID_MAX + 1]; /* of its study; "" = not known */
    struct dicomweb_list *list;     /* held, or NULL */
    int64_t read_ms;                /* monotonic */
    uint64_t used;                  /* 0 = free */
};

struct dicomweb_kept {
    pthread_mutex_t lock; /* guards what follows */
    struct clock clock;
    uint64_t uses;
    struct place places[KEPT_MAX];
};

struct dicomweb_kept *dicomweb_kept_new(const struct clock *clock, struct err *err)
{
    struct dicomweb_kept *kept = memory_new(1, sizeof *kept, err);
    if (!kept)
        return NULL;
    kept->clock = *clock;
    pthread_mutex_init(&kept->lock, NULL);
    return kept;
}

void dicomweb_kept_free(struct dicomweb_kept *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < KEPT_MAX; i++)
        dicomweb_list_release(&kept->places[i].list);
    pthread_mutex_destroy(&kept->lock);
    memory_free(kept);
}

/* The lock is held, here and below. */
static struct place *find(struct dicomweb_kept *kept, const struct dicomweb_key *key)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct place *place = &kept->places[i];
        if (place->used > 0 && id_equal(place->key.entry, key->entry) &&
            id_equal(place->key.person, key->person) &&
            hash_equal(&place->key.session, &key->session))
            return place;
    }
    return NULL;
}

static struct place *find_oldest(struct dicomweb_kept *kept)
{
    struct place *oldest = &kept->places[0];
    for (size_t i = 1; i < KEPT_MAX; i++)
        if (kept->places[i].used < oldest->used)
            oldest = &kept->places[i];
    return oldest;
}

/* So that large lists push each other out, not the memory. */
static void make_room(struct dicomweb_kept *kept, size_t needed)
{
    for (;;) {
        size_t count = needed;
        struct place *oldest = NULL;
        for (size_t i = 0; i < KEPT_MAX; i++) {
            struct place *place = &kept->places[i];
            if (!place->list)
                continue;
            count += place->list->study.instance_count;
            if (!oldest || place->used < oldest->used)
                oldest = place;
        }
        if (!oldest || count <= INSTANCES_MAX)
            return;
        dicomweb_list_release(&oldest->list);
    }
}

void dicomweb_keep(struct dicomweb_kept *kept, const struct dicomweb_key *key,
                   struct id opening, struct dicomweb_list *list)
{
    pthread_mutex_lock(&kept->lock);
    struct place *place = find(kept, key);
    if (!place)
        place = find_oldest(kept);
    dicomweb_list_release(&place->list);
    if (list)
        make_room(kept, list->study.instance_count);
    *place = (struct place){.key = *key,
                            .opening = opening,
                            .list = hold(list),
                            .read_ms = clock_monotonic_ms(&kept->clock),
                            .used = ++kept->uses};
    if (list)
        memcpy(place->uid, list->study.uid.at, list->study.uid.len);
    pthread_mutex_unlock(&kept->lock);
}

bool dicomweb_find_kept(struct dicomweb_kept *kept, const struct dicomweb_key *key,
                        struct id *opening, struct dicomweb_list **list)
{
    pthread_mutex_lock(&kept->lock);
    struct place *place = find(kept, key);
    *list = NULL;
    if (place) {
        int64_t age_ms = clock_monotonic_ms(&kept->clock) - place->read_ms;
        *list = age_ms <= LIST_AGE_MAX_MS ? hold(place->list) : NULL;
        *opening = place->opening;
        place->used = ++kept->uses;
    }
    pthread_mutex_unlock(&kept->lock);
    return place != NULL;
}

bool dicomweb_find_study(struct dicomweb_kept *kept, struct dicomweb_key *key,
                         struct text uid)
{
    bool is_found = false;
    pthread_mutex_lock(&kept->lock);
    for (size_t i = 0; i < KEPT_MAX && !is_found; i++) {
        const struct place *place = &kept->places[i];
        is_found = place->used > 0 && text_is(uid, place->uid) &&
                   id_equal(place->key.person, key->person) &&
                   hash_equal(&place->key.session, &key->session);
        if (is_found)
            key->entry = place->key.entry;
    }
    pthread_mutex_unlock(&kept->lock);
    return is_found;
}
