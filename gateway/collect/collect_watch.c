// SPDX-License-Identifier: Apache-2.0
/* inotify on the folders where something may soon happen: those above the patients, the
 * patients, and their recent days. Bounded; the rolling sweep finds the rest. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum { EVENT_BUFFER_BYTES = 64 * 1024 };

static const uint32_t FOLDER_EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                      IN_DELETE | IN_CLOSE_WRITE | IN_ONLYDIR |
                                      IN_DONT_FOLLOW | IN_EXCL_UNLINK;

void collect_watch_open(struct collect *collect)
{
    collect->inotify = -1;
    if (collect->config.watches_max > 0)
        collect->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void collect_watch_close(struct collect *collect)
{
    path_close(&collect->inotify);
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

static bool deserves_watch(const struct collect *collect, const char *path,
                           enum collect_level level)
{
    if (level < COLLECT_DAY)
        return true;
    int32_t day = day_of_path(path);
    int32_t today = day_of_instant(clock_wall_ms(&collect->config.clock));
    return day == DAY_NONE || day >= today - collect->config.recent_days;
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
            inotify_rm_watch(collect->inotify, (int)wd);
            forget(collect, (int)wd);
        }
}

void collect_watch_add(struct collect *collect, size_t root, const char *path,
                       enum collect_level level)
{
    char whole[PATH_MAX];
    struct err err = {0};
    if (collect->inotify < 0 || !deserves_watch(collect, path, level))
        return;
    int len =
        snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s", collect->roots[root], path);
    if (len < 0 || (size_t)len >= sizeof whole)
        return;
    if (collect->watch_count >= collect->config.watches_max)
        return;
    int wd = inotify_add_watch(collect->inotify, whole, FOLDER_EVENTS);
    if (wd < 0 || !make_room(collect, (size_t)wd + 1))
        return;
    struct collect_watched *watched = &collect->watched[wd];
    if (watched->path && watched->root == root && strcmp(watched->path, path) == 0)
        return;          /* known already */
    forget(collect, wd); /* the folder was moved here */
    watched->path = memory_string(path, &err);
    watched->root = root;
    watched->level = level;
    collect->watch_count += watched->path != NULL;
}

static void note_fault(const struct collect *collect, const struct err *err)
{
    if (collect->config.log && err->kind != ERR_NONE)
        log_err(collect->config.log, "collect_watch", err);
}

/* Something happened in a watched folder: a type folder is read, a folder that came into
 * being is walked. */
static void take_event(struct collect *collect, const struct inotify_event *event)
{
    struct err err = {0};
    if (event->mask & IN_Q_OVERFLOW) {
        for (size_t i = 0; i < collect->config.root_count; i++) {
            struct collect_walk walk = {.collect = collect, .root = i};
            if (!collect_walk_folder(&walk, "", COLLECT_ROOT, &err))
                note_fault(collect, &err);
            err_clear(&err);
        }
        return;
    }
    if (event->wd < 0 || (size_t)event->wd >= collect->watched_size ||
        !collect->watched[event->wd].path)
        return;
    if (event->mask & IN_IGNORED) {
        forget(collect, event->wd);
        return;
    }
    const struct collect_watched *watched = &collect->watched[event->wd];
    struct collect_walk walk = {.collect = collect, .root = watched->root};
    char *path = memory_string(watched->path, &err); /* the table may move meanwhile */
    enum collect_level level = watched->level;
    walk.is_full = level == COLLECT_TYPE; /* written in place, its time stays */
    if (!path || !collect_walk_folder(&walk, path, level, &err))
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
    ssize_t got = read(collect->inotify, buffer, sizeof buffer);
    const struct inotify_event *last = NULL;
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        if (!is_repeated(event, last))
            take_event(collect, event);
        last = event;
        at += (ssize_t)(sizeof *event + event->len);
    }
}
