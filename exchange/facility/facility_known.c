// SPDX-License-Identifier: Apache-2.0
/* Facilities as they are shown, for as long as a second: every calendar names all of its
 * network's, and they change a few times a year. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/facility/facility_parts.h"

enum { SETS = 256, WAYS = 8 };

struct place {
    bool is_used;
    int64_t read_at_ms; /* monotonic */
    struct facility facility;
    char *texts; /* *owned*: what the facility's texts point into */
};

struct facility_known {
    pthread_mutex_t lock; /* guards the places */
    struct place places[SETS][WAYS];
};

struct facility_known *facility_known_new(struct err *err)
{
    struct facility_known *known = memory_new(1, sizeof *known, err);
    if (known)
        pthread_mutex_init(&known->lock, NULL);
    return known;
}

void facility_known_free(struct facility_known *known)
{
    if (!known)
        return;
    for (size_t i = 0; i < SETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            memory_free(known->places[i][k].texts);
    pthread_mutex_destroy(&known->lock);
    memory_free(known);
}

/* Its own, or the one that has to make room: unused, or read longest ago. */
static struct place *place_of(struct facility_known *known, struct id facility)
{
    struct place *set = known->places[facility.bytes[0] % SETS];
    struct place *best = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].is_used && id_equal(set[i].facility.id, facility))
            return &set[i];
        if (best->is_used && (!set[i].is_used || set[i].read_at_ms < best->read_at_ms))
            best = &set[i];
    }
    return best;
}

static bool copy(const struct place *place, struct arena *arena, struct facility *out,
                 struct err *err)
{
    *out = place->facility;
    return text_copy(out->code, arena, &out->code, err) &&
           text_copy(out->name, arena, &out->name, err) &&
           text_copy(out->kana, arena, &out->kana, err) &&
           text_copy(out->letter, arena, &out->letter, err);
}

/* The lock is held. */
static bool find_all(struct facility_known *known, const struct facility_ids *ids,
                     int64_t now_ms, struct arena *arena, struct facility *items,
                     struct err *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        const struct place *place = place_of(known, ids->at[i]);
        if (!place->is_used || !id_equal(place->facility.id, ids->at[i]) ||
            now_ms - place->read_at_ms > FACILITY_KNOWN_MS ||
            !copy(place, arena, &items[i], err))
            return false;
    }
    return true;
}

bool facility_known_list(struct facility_known *known, const struct facility_ids *ids,
                         int64_t now_ms, struct arena *arena, struct facility **items,
                         size_t *count, bool *is_known, struct err *err)
{
    *is_known = false;
    *items = ARENA_MANY(arena, struct facility, ids->count, err);
    if (!*items)
        return false;
    pthread_mutex_lock(&known->lock);
    *is_known = find_all(known, ids, now_ms, arena, *items, err);
    pthread_mutex_unlock(&known->lock);
    if (*is_known)
        *count = facility_sort(*items, ids->count);
    return err->kind == ERR_NONE;
}

static struct text pack(struct text text, char **next)
{
    struct text packed = {*next, text.len};
    if (text.len > 0)
        memcpy(*next, text.at, text.len);
    *next += text.len;
    return packed;
}

/* Not keeping one is always right, so memory running short is no error. */
static void keep(struct facility_known *known, const struct facility *facility,
                 int64_t read_at_ms)
{
    struct err err = {0};
    size_t size = facility->code.len + facility->name.len + facility->kana.len +
                  facility->letter.len + 1;
    char *texts = memory_new(size, 1, &err);
    if (!texts)
        return;
    struct place place = {true, read_at_ms, *facility, texts};
    char *next = texts;
    place.facility.code = pack(facility->code, &next);
    place.facility.name = pack(facility->name, &next);
    place.facility.kana = pack(facility->kana, &next);
    place.facility.letter = pack(facility->letter, &next);
    pthread_mutex_lock(&known->lock);
    struct place *at = place_of(known, facility->id);
    char *former = at->texts;
    *at = place;
    pthread_mutex_unlock(&known->lock);
    memory_free(former);
}

void facility_known_keep(struct facility_known *known, const struct facility *items,
                         size_t count, int64_t read_at_ms)
{
    for (size_t i = 0; i < count; i++)
        keep(known, &items[i], read_at_ms);
}
