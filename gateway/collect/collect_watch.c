// SPDX-License-Identifier: Apache-2.0
/* inotify on the folders where something may soon happen: those above the patients, the
 * patients, and their recent days. Bounded; the rolling sweep finds the rest. Or, where
 * it is asked for and allowed, fanotify on all of it (collect_mark.c). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { EVENT_BUFFER_BYTES = 64 * 1024 };

static const uint32_t FOLDER_EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                      IN_DELETE | IN_CLOSE_WRITE | IN_ONLYDIR |
                                      IN_DONT_FOLLOW | IN_EXCL_UNLINK;

bool collect_is_remote(uint32_t file_system)
{
    /* linux/magic.h and fs/smb: SMB, CIFS, SMB2, NFS, FUSE, 9P, AFS, Ceph */
    static const uint32_t remote[] = {0x517B,     0xFF534D42, 0xFE534D42, 0x6969,
                                      0x65735546, 0x01021997, 0x5346414F, 0x00C36400};
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if (file_system == remote[i])
            return true;
    return false;
}

static bool is_polled(const struct collect *collect, size_t root)
{
    struct statfs status;
    bool has_marks = atomic_load(&collect->has_marks);
    bool has_events = has_marks ? atomic_load(&collect->marks[root].is_set)
                                : collect->config.watches_max > 0;
    if (collect->config.roots[root].is_polled || !has_events)
        return true;
    return collect->roots[root] >= 0 && fstatfs(collect->roots[root], &status) == 0 &&
           collect_is_remote((uint32_t)status.f_type);
}

int collect_polled_s(struct collect *collect)
{
    bool is_any = false;
    if (collect->config.transaction_count > 0 || atomic_load(&collect->has_rows))
        return 0;
    pthread_mutex_lock(&collect->roots_lock);
    for (size_t i = 0; i < collect->config.root_count; i++)
        is_any |= is_polled(collect, i);
    pthread_mutex_unlock(&collect->roots_lock);
    return is_any ? (collect->config.sweep_period_ms + 999) / 1000 : 0;
}

void collect_watch_open(struct collect *collect)
{
    collect->events = -1;
    collect->watch_limit = collect->config.watches_max;
    if (collect->config.asks_marks && collect_mark_open(collect))
        return;
    if (collect->config.watches_max > 0)
        collect->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void collect_watch_close(struct collect *collect)
{
    path_close(&collect->events);
    collect_mark_close(collect);
    for (size_t i = 0; i < collect->watched_size; i++)
        memory_free(collect->watched[i].path);
    memory_free(collect->watched);
    collect->watched = NULL;
    collect->watched_size = 0;
    collect->watch_count = 0;
}

/* Day of a day or type folder; DAY_NONE for "-", which always counts as recent. */
static int32_t day_of_path(const char *path)
{
    struct span rest = span_cstr(path);
    struct span part = {0};
    for (int i = 0; i < 4; i++)
        if (!span_take(&rest, '/', &part))
            return DAY_NONE;
    return day_from_digits(part);
}

/* Above the days every folder, as far as there is room; days, and what changed of late.
 */
static bool deserves_watch(const struct collect *collect,
                           const struct collect_place *place)
{
    enum { DAY_S = 86400 };
    int64_t now_ms = clock_wall_ms(&collect->config.clock);
    int32_t day = day_of_path(place->path);
    return place->level < COLLECT_DAY || day == DAY_NONE ||
           day >= day_of_instant(now_ms) - collect->config.recent_days ||
           place->changed_s >
               now_ms / 1000 - (int64_t)collect->config.recent_days * DAY_S;
}

static bool make_room(struct collect *collect, size_t needed)
{
    struct err err = {0};
    if (needed <= collect->watched_size)
        return true;
    size_t size = collect->watched_size ? collect->watched_size * 2 : 256;
    while (size < needed)
        size *= 2;
    struct collect_watched *larger =
        memory_resize(collect->watched, size, sizeof *larger, &err);
    if (!larger)
        return false;
    memset(larger + collect->watched_size, 0,
           (size - collect->watched_size) * sizeof *larger);
    collect->watched = larger;
    collect->watched_size = size;
    return true;
}

static void forget(struct collect *collect, int wd)
{
    struct collect_watched *watched = &collect->watched[wd];
    if (!watched->path)
        return;
    memory_free(watched->path);
    *watched = (struct collect_watched){0};
    collect->watch_count--;
}

void collect_watch_drop(struct collect *collect, size_t root)
{
    for (size_t wd = 0; wd < collect->watched_size; wd++)
        if (collect->watched[wd].path && collect->watched[wd].root == root) {
            inotify_rm_watch(collect->events, (int)wd);
            forget(collect, (int)wd);
        }
}

/* The folder of which nothing was heard for the longest time gives its watch away. */
static bool make_place(struct collect *collect, int64_t active_s)
{
    size_t least = collect->watched_size;
    if (collect->watch_count < collect->watch_limit)
        return true;
    if (active_s <= collect->least_active_s)
        return false;
    for (size_t wd = 0; wd < collect->watched_size; wd++)
        if (collect->watched[wd].path && collect->watched[wd].level != COLLECT_ROOT &&
            (least == collect->watched_size ||
             collect->watched[wd].active_s < collect->watched[least].active_s))
            least = wd;
    if (least == collect->watched_size)
        return false;
    collect->least_active_s = collect->watched[least].active_s;
    if (active_s <= collect->least_active_s)
        return false;
    inotify_rm_watch(collect->events, (int)least);
    forget(collect, (int)least);
    return true;
}

/* The system allows no more: said once, the sweep finds the rest. */
static int note_limit(struct collect *collect)
{
    bool is_news = errno == ENOSPC && collect->watch_limit > collect->watch_count;
    if (is_news && collect->config.log)
        LOG(collect->config.log, "watches_exhausted",
            LOG_NUMBER("watches", (uint64_t)collect->watch_count));
    if (is_news)
        collect->watch_limit = collect->watch_count;
    return -1;
}

static int add_watch(struct collect *collect, const struct collect_place *place)
{
    char whole[PATH_MAX];
    int len = snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s",
                       collect->roots[place->root], place->path);
    if (len < 0 || (size_t)len >= sizeof whole)
        return -1;
    int wd = inotify_add_watch(collect->events, whole, FOLDER_EVENTS);
    if (wd < 0)
        return note_limit(collect);
    if (make_room(collect, (size_t)wd + 1))
        return wd;
    inotify_rm_watch(collect->events, wd);
    return -1;
}

void collect_watch_add(struct collect *collect, const struct collect_place *place)
{
    struct err err = {0};
    if (collect->events < 0 || atomic_load(&collect->has_marks) ||
        is_polled(collect, place->root) || !deserves_watch(collect, place) ||
        !make_place(collect, place->changed_s))
        return;
    int wd = add_watch(collect, place);
    if (wd < 0)
        return;
    struct collect_watched *watched = &collect->watched[wd];
    bool is_known = watched->path && watched->root == place->root &&
                    strcmp(watched->path, place->path) == 0;
    if (is_known)
        return;
    forget(collect, wd); /* the folder was moved here */
    *watched = (struct collect_watched){.path = memory_string(place->path, &err),
                                        .root = place->root,
                                        .level = place->level,
                                        .active_s = place->changed_s};
    collect->watch_count += watched->path != NULL;
}

/* What an event told of was not read: a sweep has to, and until then it is missing. */
static void note_fault(struct collect *collect, const struct err *err)
{
    if (err->kind == ERR_NONE)
        return;
    if (err->kind != ERR_MISSING) /* gone again: nothing is to be read */
        collect_note_standing(collect, err);
    if (collect->config.log)
        log_err(collect->config.log, "collect_watch", err);
}

void collect_watch_look(struct collect *collect, size_t root, char *path,
                        enum collect_level level)
{
    struct err err = {0};
    struct collect_walk walk = {.collect = collect, .root = root};
    char *above = level == COLLECT_CONTENT ? strrchr(path, '/') : NULL;
    if (above) { /* a record's own folder: its type folder is read */
        *above = '\0';
        level = COLLECT_TYPE;
    }
    walk.is_full = level == COLLECT_TYPE; /* written in place, its time stays */
    if (!collect_walk_folder(&walk, path, level, &err))
        note_fault(collect, &err);
}

void collect_watch_look_everywhere(struct collect *collect)
{
    for (size_t i = 0; i < collect->config.root_count; i++)
        collect_watch_look(collect, i, (char[]){""}, COLLECT_ROOT);
}

/* Something happened in a watched folder: a type folder is read, a folder that came into
 * being is walked. */
static void take_event(struct collect *collect, const struct inotify_event *event)
{
    struct err err = {0};
    if (event->mask & IN_Q_OVERFLOW) {
        collect_watch_look_everywhere(collect);
        return;
    }
    if (event->wd < 0 || (size_t)event->wd >= collect->watched_size ||
        !collect->watched[event->wd].path)
        return;
    if (event->mask & IN_IGNORED) {
        forget(collect, event->wd);
        return;
    }
    struct collect_watched *watched = &collect->watched[event->wd];
    watched->active_s = clock_wall_ms(&collect->config.clock) / 1000;
    char *path = memory_string(watched->path, &err); /* the table may move meanwhile */
    if (path)
        collect_watch_look(collect, watched->root, path, watched->level);
    else
        note_fault(collect, &err);
    memory_free(path);
}

/* Several events of one folder that come together are one look. */
static bool is_repeated(const struct inotify_event *event,
                        const struct inotify_event *last)
{
    uint32_t special = IN_Q_OVERFLOW | IN_IGNORED;
    return last && last->wd == event->wd && !(event->mask & special) &&
           !(last->mask & special);
}

void collect_watch_take(struct collect *collect)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BUFFER_BYTES];
    bool has_marks = atomic_load(&collect->has_marks);
    if (has_marks)
        collect_mark_take(collect);
    if (collect->events < 0 || has_marks)
        return;
    ssize_t got = read(collect->events, buffer, sizeof buffer);
    const struct inotify_event *last = NULL;
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        if (!is_repeated(event, last))
            take_event(collect, event);
        last = event;
        at += (ssize_t)(sizeof *event + event->len);
    }
}
