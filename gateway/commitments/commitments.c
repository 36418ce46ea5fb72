// SPDX-License-Identifier: Apache-2.0
#include "gateway/commitments/commitments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/path.h"

enum { NAME_DIGITS = 16, TITLE_MAX = 64, SET_BYTES_MAX = 16 << 20, HEAD_BYTES = 128 };

struct commitments {
    char *directory;
    int folder;
    struct rand rand;
    const struct log *log;
};

static bool read_number(const char *name, uint64_t *number)
{
    uint64_t value = 0;
    if (strlen(name) != NAME_DIGITS)
        return false;
    for (const char *at = name; *at; at++) {
        bool is_digit = *at >= '0' && *at <= '9';
        if (!is_digit && !(*at >= 'a' && *at <= 'f'))
            return false;
        value = value << 4 | (uint64_t)(is_digit ? *at - '0' : *at - 'a' + 10);
    }
    *number = value;
    return value != 0;
}

/* ---- each file of the folder ---- */

typedef bool see_name(struct commitments *commitments, const char *name, void *context,
                      struct err *err);

static bool each_name(struct commitments *commitments, see_name *see, void *context,
                      struct err *err)
{
    int fd = path_open_again(commitments->folder, err);
    if (fd < 0)
        return false;
    DIR *list = fdopendir(fd);
    if (!list) {
        err_set(err, ERR_SYSTEM, "path_failed", "fdopendir: %s", strerror(errno));
        path_close(&fd);
        return false;
    }
    bool goes_on = true;
    while (goes_on) {
        errno = 0;
        struct dirent *entry = readdir(list);
        if (!entry && errno != 0)
            goes_on =
                err_set(err, ERR_SYSTEM, "path_failed", "readdir: %s", strerror(errno));
        if (!entry)
            break;
        if (entry->d_name[0] != '.')
            goes_on = see(commitments, entry->d_name, context, err);
    }
    closedir(list);
    return goes_on;
}

/* Nobody was promised what is half written. */
static bool clear_away(struct commitments *commitments, const char *name, void *context,
                       struct err *err)
{
    uint64_t number = 0;
    (void)context;
    (void)err;
    if (!read_number(name, &number))
        (void)!unlinkat(commitments->folder, name, 0);
    return true;
}

/* ---- opening and closing ---- */

static bool start(struct commitments *commitments, const char *directory, struct err *err)
{
    size_t len = strlen(directory) + 1;
    commitments->directory = memory_new(1, len, err);
    if (!commitments->directory || !path_make_directory(directory, err))
        return false;
    memcpy(commitments->directory, directory, len);
    commitments->folder = path_open_root(directory, err);
    return commitments->folder >= 0 && each_name(commitments, clear_away, NULL, err);
}

struct commitments *commitments_open(const char *directory, struct rand rand,
                                     const struct log *log, struct err *err)
{
    struct commitments *commitments = memory_new(1, sizeof *commitments, err);
    if (!commitments)
        return NULL;
    *commitments = (struct commitments){.folder = -1, .rand = rand, .log = log};
    if (!start(commitments, directory, err)) {
        commitments_close(commitments);
        return NULL;
    }
    return commitments;
}

void commitments_close(struct commitments *commitments)
{
    if (!commitments)
        return;
    path_close(&commitments->folder);
    memory_free(commitments->directory);
    memory_free(commitments);
}

/* ---- keeping and forgetting ---- */

bool commitments_keep(struct commitments *commitments, const struct commitments_due *due,
                      uint64_t *number, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    CLEANUP(buf_free) struct buf out = buf_init(SET_BYTES_MAX + HEAD_BYTES);
    do
        *number = rand_u64(&commitments->rand);
    while (*number == 0);
    buf_format(&out, "%" PRId64 " %.*s\n", due->since_ms, TITLE_MAX, due->title);
    buf_span(&out, due->set);
    int len =
        snprintf(path, sizeof path, "%s/%016" PRIx64, commitments->directory, *number);
    if (len < 0 || (size_t)len >= sizeof path)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    return buf_check(&out, err) && path_write_file(path, buf_view(&out), err);
}

void commitments_forget(struct commitments *commitments, uint64_t number)
{
    char name[NAME_DIGITS + 1];
    snprintf(name, sizeof name, "%016" PRIx64, number);
    (void)!unlinkat(commitments->folder, name, 0);
}

/* ---- what is kept ---- */

struct walk {
    void (*see)(void *context, const struct commitments_due *due);
    void *context;
};

static bool read_due(struct span bytes, char title[TITLE_MAX + 1],
                     struct commitments_due *due, struct err *err)
{
    struct span rest = bytes, head = {0}, since = {0};
    uint64_t since_ms = 0;
    bool is_read = span_take(&rest, '\n', &head) && span_take(&head, ' ', &since) &&
                   span_uint(since, INT64_MAX, &since_ms) && head.len > 0 &&
                   head.len <= TITLE_MAX && !memchr(head.at, '\0', head.len);
    if (!is_read)
        return err_set(err, ERR_SYNTAX, "commitment_broken", "no such head");
    memcpy(title, head.at, head.len);
    title[head.len] = '\0';
    due->title = title;
    due->since_ms = (int64_t)since_ms;
    due->set = rest;
    return true;
}

static bool see_due(struct commitments *commitments, const char *name, void *context,
                    struct err *err)
{
    const struct walk *walk = context;
    struct err broken = {0};
    struct span bytes = {0};
    char title[TITLE_MAX + 1];
    struct commitments_due due = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(2 * (size_t)SET_BYTES_MAX);
    (void)err;
    if (!read_number(name, &due.number))
        return true;
    CLEANUP(path_close) int fd = path_open_below(commitments->folder, name, &broken);
    if (fd >= 0 && path_read(fd, SET_BYTES_MAX + HEAD_BYTES, &arena, &bytes, &broken) &&
        read_due(bytes, title, &due, &broken)) {
        walk->see(walk->context, &due);
        return true;
    }
    log_err(commitments->log, "dicom_commitment", &broken);
    if (broken.kind == ERR_SYNTAX || broken.kind == ERR_LIMIT)
        commitments_forget(commitments, due.number);
    return true;
}

bool commitments_walk(struct commitments *commitments,
                      void (*see)(void *context, const struct commitments_due *due),
                      void *context, struct err *err)
{
    struct walk walk = {see, context};
    return each_name(commitments, see_due, &walk, err);
}
