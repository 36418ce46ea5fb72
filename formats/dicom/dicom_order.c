// SPDX-License-Identifier: Apache-2.0
/* In which order the frames of an enhanced object are looked at: as its dimensions say
 * (PS3.3 C.7.6.17), else by stack and place in it (C.7.6.16.2.2), else along the normal
 * of its slices when each lies elsewhere. */
#include <stdlib.h>

#include "formats/dicom/dicom_parts.h"

enum { KEYS_MAX = 8 };

struct place {
    uint32_t frame;
    double keys[KEYS_MAX];
};

static int compare(const void *one, const void *other)
{
    const struct place *a = one;
    const struct place *b = other;
    for (size_t i = 0; i < KEYS_MAX; i++)
        if (a->keys[i] < b->keys[i] || a->keys[i] > b->keys[i])
            return a->keys[i] < b->keys[i] ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* How many dimensions each frame tells; 0 = not all the same ones. */
static size_t read_dimensions(const struct dicom_set *group, struct place *places,
                              size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++, group = group ? group->next : NULL) {
        const struct dicom_set *content = dicom_item(group, DICOM_FRAME_CONTENT, 0);
        size_t here = content ? dicom_value_count(content, DICOM_DIMENSION_VALUES) : 0;
        if (here == 0 || here > KEYS_MAX || (i > 0 && here != known))
            return 0;
        known = here;
        for (size_t k = 0; k < here; k++)
            if (!dicom_double(content, DICOM_DIMENSION_VALUES, k, &places[i].keys[k]))
                return 0;
    }
    return known;
}

/* Stacks are told apart by their first frames. */
static bool read_stacks(const struct dicom_set *group, struct place *places, size_t count)
{
    struct span stacks[64];
    size_t stack_count = 0;
    for (size_t i = 0; i < count; i++, group = group ? group->next : NULL) {
        const struct dicom_set *content = dicom_item(group, DICOM_FRAME_CONTENT, 0);
        struct span stack = content ? dicom_code(content, DICOM_STACK) : (struct span){0};
        size_t which = 0;
        while (which < stack_count && !span_equal(stacks[which], stack))
            which++;
        if (stack.len == 0 || which == sizeof stacks / sizeof *stacks ||
            !dicom_double(content, DICOM_STACK_PLACE, 0, &places[i].keys[1]))
            return false;
        if (which == stack_count)
            stacks[stack_count++] = stack;
        places[i].keys[0] = (double)which;
        if (!dicom_double(content, DICOM_TEMPORAL_PLACE, 0, &places[i].keys[2]))
            places[i].keys[2] = 0;
    }
    return true;
}

static bool is_parallel(const double a[6], const double b[6])
{
    for (size_t i = 0; i < 6; i++)
        if (a[i] - b[i] > 1e-4 || b[i] - a[i] > 1e-4)
            return false;
    return true;
}

/* Along the normal; false where two lie at one place: which is first nobody says. */
static bool read_positions(const struct dicom_file *file, struct place *places,
                           size_t count, struct arena *arena, bool *is_known,
                           struct err *err)
{
    struct dicom_frame_views views = dicom_views_begin(file);
    struct dicom_view view;
    double first[6] = {0};
    *is_known = true;
    for (size_t i = 0; i < count && *is_known; i++) {
        if (!dicom_views_next(&views, arena, &view, err))
            return false;
        if (i == 0)
            memcpy(first, view.orientation, sizeof first);
        *is_known = view.has_position && view.has_orientation &&
                    is_parallel(first, view.orientation);
        const double *d = view.orientation;
        const double *p = view.position;
        places[i].keys[0] = p[0] * (d[1] * d[5] - d[2] * d[4]) +
                            p[1] * (d[2] * d[3] - d[0] * d[5]) +
                            p[2] * (d[0] * d[4] - d[1] * d[3]);
    }
    return true;
}

static bool are_apart(const struct place *places, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!(places[i].keys[0] - places[i - 1].keys[0] > 1e-4))
            return false;
    return true;
}

static void forget(struct place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){.frame = (uint32_t)i};
}

static bool read_places(const struct dicom_file *file, struct place *places, size_t count,
                        struct arena *arena, bool *is_known, struct err *err)
{
    const struct dicom_set *groups = dicom_item(file->set, DICOM_FRAME_GROUPS, 0);
    forget(places, count);
    *is_known = read_dimensions(groups, places, count) > 0;
    if (!*is_known) {
        forget(places, count);
        *is_known = read_stacks(groups, places, count);
    }
    bool is_by_place = !*is_known;
    if (is_by_place) {
        forget(places, count);
        if (!read_positions(file, places, count, arena, is_known, err))
            return false;
    }
    qsort(places, count, sizeof *places, compare);
    *is_known = *is_known && (!is_by_place || are_apart(places, count));
    return true;
}

bool dicom_frame_order(const struct dicom_file *file, size_t count, struct arena *arena,
                       uint32_t **order, struct err *err)
{
    bool is_known = false;
    *order = NULL;
    if (count < 2 || !dicom_item(file->set, DICOM_FRAME_GROUPS, 0))
        return true;
    struct place *places = ARENA_MANY(arena, struct place, count, err);
    if (!places || !read_places(file, places, count, arena, &is_known, err))
        return false;
    size_t at = 0;
    while (at < count && places[at].frame == at)
        at++;
    if (!is_known || at == count)
        return true;
    *order = ARENA_MANY(arena, uint32_t, count, err);
    for (size_t i = 0; *order && i < count; i++)
        (*order)[i] = places[i].frame;
    return *order != NULL;
}
