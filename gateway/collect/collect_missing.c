// SPDX-License-Identifier: Apache-2.0
/* Records and folders that are gone: nothing is withdrawn before a second look at the
 * same record, at least `second_look_ms` after the first, finds the same (clause 2.3). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { REMOVED_BYTES = 64 << 20 };

static int64_t now_ms(const struct collect *collect)
{
    return clock_monotonic_ms(&collect->config.clock);
}

/* ---- waiting for the second look ---- */

static void free_missing(struct collect_missing *missing)
{
    while (missing) {
        struct collect_missing *next = missing->next;
        memory_free(missing);
        missing = next;
    }
}

static void free_one(struct collect_pending *one)
{
    free_missing(one->missing);
    memory_free(one->path);
    memory_free(one);
}

void collect_free_pending(struct collect *collect)
{
    while (collect->pending) {
        struct collect_pending *next = collect->pending->next;
        free_one(collect->pending);
        collect->pending = next;
    }
}

static struct collect_pending **find_pending(struct collect *collect, size_t root,
                                             const char *path)
{
    struct collect_pending **at = &collect->pending;
    while (*at && ((*at)->root != root || strcmp((*at)->path, path) != 0))
        at = &(*at)->next;
    return at;
}

static int64_t missing_since(const struct collect_pending *pending, struct text base,
                             int64_t otherwise)
{
    struct collect_missing *one = pending ? pending->missing : NULL;
    while (one && !text_is(base, one->base))
        one = one->next;
    return one ? one->since_ms : otherwise;
}

static bool add_missing(struct collect_missing **list, struct text base, int64_t since_ms,
                        struct err *err)
{
    struct collect_missing *one = memory_new(1, sizeof *one + base.len + 1, err);
    if (!one)
        return false;
    one->since_ms = since_ms;
    memcpy(one->base, base.at, base.len);
    one->next = *list;
    *list = one;
    return true;
}

/* In another storage the same record may stand in an older version: it is read there
 * again. */
static bool ask_other_roots(const struct collect_absence *absence, struct err *err)
{
    struct collect *collect = absence->walk->collect;
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    for (size_t i = 0; i < collect->config.root_count; i++) {
        struct text path = {0};
        if (i != absence->walk->root &&
            (!collect_index_path(collect, i, absence->path, &arena, &path, err) ||
             !index_reset_folders(collect->config.index, path, err)))
            return false;
    }
    return true;
}

static bool take_missing(const struct collect_absence *absence, struct text base,
                         int64_t since_ms, struct collect_missing **list, struct err *err)
{
    const struct collect_walk *walk = absence->walk;
    const struct collect_config *config = &walk->collect->config;
    bool is_over = now_ms(walk->collect) - since_ms >= config->second_look_ms;
    if (!walk->is_second_look || !is_over)
        return add_missing(list, base, since_ms, err);
    return collect_flush(walk, err) &&
           index_remove_base(config->index, absence->number, base, err) &&
           ask_other_roots(absence, err);
}

/* The list of what is missing in the folder is now this one. */
static bool keep_missing(const struct collect_absence *absence,
                         struct collect_missing *list, struct err *err)
{
    struct collect *collect = absence->walk->collect;
    struct collect_pending **at =
        find_pending(collect, absence->walk->root, absence->path);
    struct collect_pending *one = *at;
    if (one && !list) {
        *at = one->next;
        free_one(one);
        return true;
    }
    if (!list)
        return true;
    if (!one) {
        one = memory_new(1, sizeof *one, err);
        char *path = one ? memory_string(absence->path, err) : NULL;
        if (!path) {
            memory_free(one);
            free_missing(list);
            return false;
        }
        *one = (struct collect_pending){
            .path = path, .root = absence->walk->root, .next = collect->pending};
        collect->pending = one;
    }
    free_missing(one->missing);
    one->missing = list;
    one->due_ms = INT64_MAX;
    for (; list; list = list->next)
        if (list->since_ms + collect->config.second_look_ms < one->due_ms)
            one->due_ms = list->since_ms + collect->config.second_look_ms;
    return true;
}

bool collect_note_missing(const struct collect_absence *absence, bool *is_waiting,
                          struct err *err)
{
    struct collect *collect = absence->walk->collect;
    struct collect_missing *list = NULL;
    const struct collect_pending *known =
        *find_pending(collect, absence->walk->root, absence->path);
    for (size_t i = 0; i < absence->count; i++) {
        if (absence->is_found[i])
            continue;
        int64_t since_ms = missing_since(known, absence->bases[i], now_ms(collect));
        if (!take_missing(absence, absence->bases[i], since_ms, &list, err)) {
            free_missing(list);
            return false;
        }
    }
    *is_waiting = list != NULL;
    return keep_missing(absence, list, err);
}

/* ---- the second look ---- */

static struct collect_pending *find_due(struct collect *collect)
{
    int64_t now = now_ms(collect);
    struct collect_pending *one = collect->pending;
    while (one && one->due_ms > now)
        one = one->next;
    return one;
}

bool collect_is_look_due(struct collect *collect)
{
    return find_due(collect) != NULL;
}

bool collect_look_again_now(struct collect *collect, struct err *err)
{
    struct collect_pending *one = NULL;
    bool is_done = true;
    while ((one = find_due(collect))) {
        struct collect_walk walk = {
            .collect = collect, .root = one->root, .is_second_look = true};
        struct err fault = {0};
        /* Whatever comes of it, the others have their turn before this one again. */
        one->due_ms = now_ms(collect) + collect->config.second_look_ms;
        CLEANUP(arena_free) struct arena arena = arena_init(PATH_MAX_BYTES + 1);
        struct span path = {0};
        if (!arena_copy(&arena, span_of(one->path, strlen(one->path) + 1), &path, err))
            return false;
        if (collect_open_storage(collect, walk.root, &fault) &&
            collect_read_folder(&walk, (const char *)path.at, &fault))
            continue;
        *err = fault; /* nothing is withdrawn on a doubt: looked at again */
        is_done = false;
        if (!collect_is_local_fault(&fault) && fault.kind != ERR_BUSY)
            return false;
    }
    return is_done;
}

bool collect_look_again(struct collect *collect, struct err *err)
{
    pthread_mutex_lock(&collect->lock);
    bool is_done = collect_look_again_now(collect, err);
    pthread_mutex_unlock(&collect->lock);
    return is_done;
}

/* ---- folders that are gone ---- */

static int compare_name(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

struct removed {
    const struct collect_walk *walk;
    char *const *names;
    size_t count;
    size_t label; /* bytes of the root's label with its slash */
    struct text prefix;
    struct arena *arena;
};

/* The name of the folder right below the prefix that leads to `known`. */
static bool child_of(const struct removed *removed, struct text known, char **child,
                     struct err *err)
{
    struct span rest = span_part(text_span(known), removed->prefix.len, known.len);
    struct span name = {0};
    if (!span_take(&rest, '/', &name))
        name = rest;
    struct text text = {(const char *)name.at, name.len};
    const char *copy = text_to_cstr(text, removed->arena, err);
    *child = copy ? arena_take(removed->arena, name.len + 1, 1, err) : NULL;
    if (*child)
        memcpy(*child, copy, name.len + 1);
    return *child != NULL;
}

static bool is_there(const struct removed *removed, const char *child)
{
    char name[PATH_MAX_BYTES + 1];
    if (removed->count == 0 || strlen(child) > PATH_MAX_BYTES)
        return false;
    memcpy(name, child, strlen(child) + 1);
    collect_restore_path(removed->walk->collect, removed->walk->root, name);
    return bsearch(name, removed->names, removed->count, sizeof *removed->names,
                   compare_name) != NULL;
}

/* A type folder by its index path "<label>/…/". */
static bool read_known(const struct removed *removed, struct text known, struct err *err)
{
    enum { ESCAPED = 3 }; /* bytes of the index for one of the name */
    char relative[ESCAPED * PATH_MAX_BYTES + 1];
    if (known.len <= removed->label + 1 || known.len - removed->label > sizeof relative)
        return true;
    size_t len = known.len - removed->label - 1;
    memcpy(relative, known.at + removed->label, len);
    relative[len] = '\0';
    collect_restore_path(removed->walk->collect, removed->walk->root, relative);
    return strlen(relative) > PATH_MAX_BYTES ||
           collect_read_folder(removed->walk, relative, err);
}

/* Below here the index knows few folders: all of them. */
static bool look_below(struct removed *removed, struct text prefix, bool is_gone,
                       struct err *err)
{
    struct text *known = NULL;
    size_t count = 0;
    if (!collect_know_types(removed->walk, prefix, removed->arena, &known, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        char *child = NULL;
        if (!child_of(removed, known[i], &child, err))
            return false;
        if ((is_gone || !is_there(removed, child)) && !read_known(removed, known[i], err))
            return false;
    }
    return true;
}

/* "<prefix><child>/" */
static bool below_prefix(const struct removed *removed, const char *child, char last,
                         struct text *out, struct err *err)
{
    CLEANUP(buf_free) struct buf whole = buf_init(4 * PATH_MAX_BYTES);
    struct span copy = {0};
    buf_text(&whole, removed->prefix);
    buf_cstr(&whole, child);
    buf_byte(&whole, (uint8_t)last);
    if (!buf_to_arena(&whole, removed->arena, &copy, err))
        return false;
    *out = (struct text){(const char *)copy.at, copy.len};
    return true;
}

/* Where a whole storage hangs below, from one known child to the next. */
static bool look_by_children(struct removed *removed, struct err *err)
{
    struct text from = removed->prefix;
    for (;;) {
        CLEANUP(arena_free) struct arena arena = arena_init(REMOVED_BYTES);
        struct removed step = *removed;
        struct text known = {0};
        struct text below = {0};
        struct text next = {0};
        char *child = NULL;
        step.arena = &arena;
        if (!index_next_folder(removed->walk->collect->config.index, removed->prefix,
                               from, &arena, &known, err))
            return false;
        if (known.len == 0)
            return true;
        if (!child_of(&step, known, &child, err) ||
            !below_prefix(&step, child, '/', &below, err) ||
            (!is_there(&step, child) && !look_below(&step, below, true, err)) ||
            !below_prefix(&step, child, '/' + 1, &next, err))
            return false;
        arena_reset(removed->arena); /* holds nothing but the place to go on from */
        if (!text_copy(next, removed->arena, &from, err))
            return false;
    }
}

bool collect_look_for_removed(const struct collect_walk *walk, const char *path,
                              enum collect_level level, char *const *names, size_t count,
                              struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(REMOVED_BYTES);
    CLEANUP(arena_free) struct arena places = arena_init(8 * PATH_MAX_BYTES);
    struct removed removed = {
        .walk = walk,
        .names = names,
        .count = count,
        .label = strlen(walk->collect->config.roots[walk->root].label) + 1,
        .arena = &arena};
    if (!collect_index_path(walk->collect, walk->root, path, &arena, &removed.prefix,
                            err))
        return false;
    if (level >= COLLECT_PATIENT)
        return look_below(&removed, removed.prefix, false, err);
    removed.arena = &places;
    return look_by_children(&removed, err);
}
