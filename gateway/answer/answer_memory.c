// SPDX-License-Identifier: Apache-2.0
/* What answers hold: the lists of studies that are open, and the files that are being
 * read as a whole. Both are bounded by bytes, over all openings together. */
#include "base/memory.h"
#include "gateway/answer/answer_parts.h"

enum { LISTS_MAX = 256, LIST_BYTES_MAX = 32 << 20 };

static void free_lists(struct answer_list *list)
{
    while (list) {
        struct answer_list *next = list->next;
        arena_free(&list->arena);
        memory_free(list);
        list = next;
    }
}

/* ---- a list ---- */

/* Neighbours lie in the same folder and are of the same kind: one copy serves them. */
static bool keep_text(struct answer_list *list, struct text text, struct text former,
                      struct text *kept, struct err *err)
{
    *kept = former;
    return text_equal(text, former) || text_copy(text, &list->arena, kept, err);
}

/* Not its facts, which have been told: they are three quarters of it. */
static bool keep_instance(struct answer_list *list, const struct study_instance *from,
                          const struct study_instance *former,
                          struct study_instance *kept, struct err *err)
{
    *kept =
        (struct study_instance){.frames = from->frames, .size_bytes = from->size_bytes};
    return keep_text(list, from->folder, former->folder, &kept->folder, err) &&
           keep_text(list, from->name, former->name, &kept->name, err) &&
           keep_text(list, from->uid, former->uid, &kept->uid, err) &&
           keep_text(list, from->version, former->version, &kept->version, err) &&
           keep_text(list, from->kind, former->kind, &kept->kind, err);
}

static bool keep_series(struct answer_list *list, const struct study_series *from,
                        struct study_series *kept, struct err *err)
{
    static const struct study_instance none;
    *kept = (struct study_series){.number = from->number,
                                  .instance_count = from->instance_count};
    kept->instances =
        ARENA_MANY(&list->arena, struct study_instance, from->instance_count, err);
    bool is_good = kept->instances &&
                   text_copy(from->uid, &list->arena, &kept->uid, err) &&
                   text_copy(from->modality, &list->arena, &kept->modality, err) &&
                   text_copy(from->kind, &list->arena, &kept->kind, err);
    for (size_t i = 0; is_good && i < from->instance_count; i++)
        is_good = keep_instance(list, &from->instances[i],
                                i > 0 ? &kept->instances[i - 1] : &none,
                                &kept->instances[i], err);
    return is_good;
}

static bool fill(struct answer_list *list, const struct answer_place *place,
                 const struct study_content *content, struct err *err)
{
    list->opening = place->opening;
    list->content.instance_count = content->instance_count;
    list->content.series_count = content->series_count;
    list->content.day = content->day;
    list->content.series =
        ARENA_MANY(&list->arena, struct study_series, content->series_count, err);
    bool is_good = list->content.series &&
                   text_copy(place->key, &list->arena, &list->key, err) &&
                   text_copy(place->path, &list->arena, &list->path, err) &&
                   text_copy(content->uid, &list->arena, &list->content.uid, err);
    for (size_t i = 0; is_good && i < content->series_count; i++)
        is_good = keep_series(list, &content->series[i], &list->content.series[i], err);
    return is_good;
}

/* ---- all of them; the lock is held ---- */

static bool is_of(const struct answer_list *list, const struct answer_place *place)
{
    return id_equal(list->opening, place->opening) && text_equal(list->key, place->key);
}

static void move_out(struct answer *answer, struct answer_list **at,
                     struct answer_list **dropped)
{
    struct answer_list *one = *at;
    *at = one->next;
    answer->list_count--;
    answer->list_bytes -= one->arena.taken_bytes;
    one->next = *dropped;
    *dropped = one;
}

static void move_in(struct answer *answer, struct answer_list *list)
{
    list->next = answer->lists;
    answer->lists = list;
    answer->list_count++;
    answer->list_bytes += list->arena.taken_bytes;
}

/* What was not asked for longest goes; what is in front stays, however large it is. */
static struct answer_list *drop_surplus(struct answer *answer)
{
    struct answer_list *dropped = NULL;
    size_t count = 1;
    size_t bytes = answer->lists->arena.taken_bytes;
    for (struct answer_list **at = &answer->lists->next; *at;) {
        count++;
        bytes += (*at)->arena.taken_bytes;
        if (count > LISTS_MAX || bytes > ANSWER_LISTS_BYTES_MAX)
            move_out(answer, at, &dropped);
        else
            at = &(*at)->next;
    }
    return dropped;
}

bool answer_keep_list(struct answer *answer, const struct answer_place *place,
                      const struct study_content *content, struct err *err)
{
    struct answer_list *dropped = NULL;
    struct answer_list *list = memory_new(1, sizeof *list, err);
    if (!list)
        return false;
    list->arena = arena_init_small(LIST_BYTES_MAX);
    if (!fill(list, place, content, err)) {
        free_lists(list);
        return false;
    }
    pthread_mutex_lock(&answer->lists_lock);
    for (struct answer_list **at = &answer->lists; *at && !dropped;)
        if (is_of(*at, place))
            move_out(answer, at, &dropped);
        else
            at = &(*at)->next;
    move_in(answer, list);
    struct answer_list *surplus = drop_surplus(answer);
    pthread_mutex_unlock(&answer->lists_lock);
    free_lists(dropped);
    free_lists(surplus);
    return true;
}

const struct answer_list *
answer_find_list(struct answer *answer, const struct answer_place *place, struct err *err)
{
    struct answer_list *found = NULL;
    struct answer_list **at = &answer->lists;
    while (*at && !is_of(*at, place))
        at = &(*at)->next;
    if (!*at || !text_equal((*at)->path, place->path)) {
        err_set(err, ERR_CONFLICT, "study_changed", "no list under this opening");
        return NULL;
    }
    move_out(answer, at, &found);
    move_in(answer, found);
    return found;
}

void answer_drop_lists(struct answer *answer, const struct id *opening)
{
    struct answer_list *dropped = NULL;
    pthread_mutex_lock(&answer->lists_lock);
    for (struct answer_list **at = &answer->lists; *at;)
        if (opening && !id_equal((*at)->opening, *opening))
            at = &(*at)->next;
        else
            move_out(answer, at, &dropped);
    pthread_mutex_unlock(&answer->lists_lock);
    free_lists(dropped);
}

/* ---- files that are read as a whole ---- */

bool answer_take_reading(struct answer *answer, int64_t bytes, struct err *err)
{
    pthread_mutex_lock(&answer->lists_lock);
    bool has_room = answer->reading_bytes == 0 ||
                    bytes <= ANSWER_READING_BYTES_MAX - answer->reading_bytes;
    if (has_room)
        answer->reading_bytes += bytes;
    pthread_mutex_unlock(&answer->lists_lock);
    return has_room || err_set(err, ERR_BUSY, "server_busy", "large files are read");
}

void answer_end_reading(struct answer *answer, int64_t bytes)
{
    pthread_mutex_lock(&answer->lists_lock);
    answer->reading_bytes -= bytes;
    pthread_mutex_unlock(&answer->lists_lock);
}
