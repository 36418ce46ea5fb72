// SPDX-License-Identifier: Apache-2.0
/* fanotify on the file systems of the storages (fanotify(7), Linux 5.9 for names of
 * folders; needs CAP_SYS_ADMIN, and CAP_DAC_READ_SEARCH to find a folder by its handle):
 * every folder tells, however many there are, so nothing has to wait for the sweep. It
 * tells of the whole file system; what is not below a storage is dropped at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "gateway/collect/collect_parts.h"

enum { EVENT_BUFFER_BYTES = 64 * 1024 };

static const uint64_t FOLDER_EVENTS =
    FAN_CREATE | FAN_MOVED_TO | FAN_MOVED_FROM | FAN_DELETE | FAN_CLOSE_WRITE | FAN_ONDIR;

/* One that is too long to be used has none. */
static bool name_of(int fd, char path[PATH_MAX_BYTES + 1])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX_BYTES);
    if (len <= 0 || len == PATH_MAX_BYTES || path[0] != '/')
        return false;
    path[len] = '\0';
    return true;
}

static void note_refusal(const struct collect *collect, size_t root)
{
    if (collect->config.log)
        LOG(collect->config.log, "fanotify_refused",
            LOG_WORD("storage", collect->config.roots[root].label),
            LOG_NUMBER("error", (uint64_t)errno));
}

static bool set_mark(struct collect *collect, size_t root)
{
    struct statfs status;
    struct collect_mark *mark = &collect->marks[root];
    int fd = collect->roots[root];
    bool is_set = fanotify_mark(collect->events, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                FOLDER_EVENTS, fd, ".") == 0 &&
                  fstatfs(fd, &status) == 0 && name_of(fd, mark->path);
    if (is_set)
        memcpy(mark->file_system, &status.f_fsid, sizeof mark->file_system);
    else
        note_refusal(collect, root);
    atomic_store(&mark->is_set, is_set);
    return is_set;
}

void collect_mark_root(struct collect *collect, size_t root)
{
    if (!atomic_load(&collect->has_marks))
        return;
    atomic_store(&collect->marks[root].is_set, false);
    if (collect->roots[root] >= 0 && !collect->config.roots[root].is_polled)
        (void)set_mark(collect, root); /* refused, it is said, and the sweep finds all */
}

/* All or none: one that is refused leaves all storages to inotify. */
bool collect_mark_open(struct collect *collect)
{
    struct err err = {0};
    collect->events = fanotify_init(
        FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
    if (collect->events < 0) {
        note_refusal(collect, 0);
        return false;
    }
    collect->marks = memory_new(collect->config.root_count, sizeof *collect->marks, &err);
    bool is_set = collect->marks != NULL;
    for (size_t i = 0; is_set && i < collect->config.root_count; i++)
        if (collect->roots[i] >= 0 && !collect->config.roots[i].is_polled)
            is_set = set_mark(collect, i);
    atomic_store(&collect->has_marks, is_set);
    if (is_set)
        return true;
    path_close(&collect->events);
    collect_mark_close(collect);
    return false;
}

void collect_mark_close(struct collect *collect)
{
    atomic_store(&collect->has_marks, false);
    memory_free(collect->marks);
    collect->marks = NULL;
}

/* ---- what is told ---- */

/* Where it is below a storage, "" for the storage itself. */
static const char *below(const struct collect_mark *mark, const char *path)
{
    size_t len = strlen(mark->path);
    if (strncmp(path, mark->path, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path[len] == '/' ? path + len + 1 : path + len;
}

/* A folder of the storage's shape; its level. */
static bool has_shape(const char *relative, enum collect_level *level)
{
    struct span rest = span_cstr(relative);
    struct span part = {0};
    char name[PATH_NAME_MAX + 1];
    *level = COLLECT_ROOT;
    while (rest.len > 0 && span_take(&rest, '/', &part)) {
        if (*level == COLLECT_CONTENT || part.len > PATH_NAME_MAX)
            return false;
        *level += 1;
        memcpy(name, part.at, part.len);
        name[part.len] = '\0';
        if (*level < COLLECT_CONTENT && !collect_fits_level(name, *level))
            return false;
    }
    return true;
}

static bool is_on(const struct collect_mark *mark,
                  const struct fanotify_event_info_fid *info)
{
    return atomic_load(&mark->is_set) &&
           memcmp(mark->file_system, &info->fsid, sizeof mark->file_system) == 0;
}

static void look(struct collect *collect, const char *path,
                 const struct fanotify_event_info_fid *info)
{
    enum collect_level level;
    for (size_t i = 0; i < collect->config.root_count; i++) {
        char relative[PATH_MAX_BYTES + 1];
        const struct collect_mark *mark = &collect->marks[i];
        const char *at = is_on(mark, info) ? below(mark, path) : NULL;
        if (!at || !has_shape(at, &level))
            continue;
        memcpy(relative, at, strlen(at) + 1);
        collect_watch_look(collect, i, relative, level);
    }
}

/* A folder that is gone has no name; the one above it tells of that. Handles are found
 * through any folder of their file system. */
static bool find_folder(const struct collect *collect,
                        const struct fanotify_event_info_fid *info,
                        char path[PATH_MAX_BYTES + 1])
{
    struct file_handle *handle = (struct file_handle *)(uintptr_t)info->handle;
    for (size_t i = 0; i < collect->config.root_count; i++) {
        if (!is_on(&collect->marks[i], info))
            continue;
        struct err ignored = {0};
        CLEANUP(path_close) int root = path_open_again(collect->roots[i], &ignored);
        CLEANUP(path_close)
        int fd = open_by_handle_at(root, handle, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        return fd >= 0 && name_of(fd, path);
    }
    return false;
}

static bool is_repeated(const struct fanotify_event_info_fid *info,
                        const struct fanotify_event_info_fid *last)
{
    const struct file_handle *a = (const void *)info->handle;
    const struct file_handle *b = last ? (const void *)last->handle : NULL;
    return b && a->handle_bytes == b->handle_bytes && a->handle_type == b->handle_type &&
           memcmp(a->f_handle, b->f_handle, a->handle_bytes) == 0 &&
           memcmp(&info->fsid, &last->fsid, sizeof info->fsid) == 0;
}

/* The kernel aligns events to four bytes only. */
static void take_event(struct collect *collect, const char *at,
                       const struct fanotify_event_metadata *event,
                       const struct fanotify_event_info_fid **last)
{
    char path[PATH_MAX_BYTES + 1];
    const struct fanotify_event_info_fid *info = (const void *)(at + sizeof *event);
    if (event->mask & FAN_Q_OVERFLOW) {
        collect_watch_look_everywhere(collect);
        return;
    }
    if (event->event_len < sizeof *event + sizeof *info ||
        info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
        return;
    if (!is_repeated(info, *last) && find_folder(collect, info, path))
        look(collect, path, info);
    *last = info;
}

void collect_mark_take(struct collect *collect)
{
    _Alignas(struct fanotify_event_metadata) char buffer[EVENT_BUFFER_BYTES];
    struct fanotify_event_metadata event;
    const struct fanotify_event_info_fid *last = NULL;
    ssize_t got = read(collect->events, buffer, sizeof buffer);
    for (ssize_t at = 0; at + (ssize_t)sizeof event <= got; at += event.event_len) {
        memcpy(&event, buffer + at, sizeof event);
        if (event.event_len < sizeof event || event.event_len > (uint64_t)(got - at))
            return;
        take_event(collect, buffer + at, &event, &last);
    }
}
