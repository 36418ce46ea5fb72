// SPDX-License-Identifier: Apache-2.0
/* The tail of transaction storages: <root>/YYYY/TR_<time>_<number>.DAT, appended to.
 * Files are in the order of their names; each is followed to its end, then the next one
 * is. Nothing is remembered beyond this process: it begins at the end, and the sweep that
 * every start makes sees what was written before. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum {
    PIECE_BYTES = 256 * 1024,
    PIECES_MAX = 64, /* of one look; the rest comes with the next */
    NAMES_MAX = 100000,
    YEAR_DIGITS = 4
};

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

static DIR *open_below(int root, const char *path, struct err *err)
{
    int fd = *path ? path_open_below(root, path, err) : dup(root);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder && fd >= 0) {
        path_close(&fd);
        err_set(err, ERR_SYSTEM, "path_failed", "folder cannot be listed");
    }
    return folder;
}

static bool is_year(const char *name)
{
    return strlen(name) == YEAR_DIGITS && span_all_digits(span_cstr(name));
}

static bool is_file(const char *name)
{
    size_t len = strlen(name);
    return len > 7 && strncmp(name, "TR_", 3) == 0 &&
           strcmp(name + len - 4, ".DAT") == 0 && path_is_safe_name(span_cstr(name));
}

/* The first name behind `after`, or with `wants_last` the last of all; "" = none. */
struct choice {
    bool (*fits)(const char *name);
    const char *after;
    bool wants_last;
    char name[PATH_NAME_MAX + 1];
};

static bool choose(int root, const char *path, struct choice *choice, struct err *err)
{
    int seen = 0;
    CLEANUP(close_folder) DIR *folder = open_below(root, path, err);
    choice->name[0] = '\0';
    if (!folder)
        return false;
    for (struct dirent *item = readdir(folder); item && seen < NAMES_MAX;
         item = readdir(folder), seen++) {
        if (!choice->fits(item->d_name) || strlen(item->d_name) > PATH_NAME_MAX)
            continue;
        bool is_behind = choice->wants_last || strcmp(item->d_name, choice->after) > 0;
        int order = strcmp(item->d_name, choice->name);
        if (is_behind &&
            (!choice->name[0] || (choice->wants_last ? order > 0 : order < 0)))
            snprintf(choice->name, sizeof choice->name, "%s", item->d_name);
    }
    return true;
}

/* ---- what a record names ---- */

static bool is_local(const struct err *err)
{
    return collect_is_local_fault(err) || err->kind == ERR_BUSY;
}

/* Extended storage names its type folder in several ways, so the day is read. */
bool collect_folder_of(const struct collect *collect, size_t root,
                       const struct ssmix_transaction *said, char out[PATH_MAX_BYTES + 1])
{
    char day[DAY_TEXT_BYTES];
    char digits[DAY_TEXT_BYTES] = "-";
    bool is_known = ssmix_find_type(said->type) != NULL;
    if (collect_is_extended(collect, root) == is_known)
        return false;
    day_to_iso(said->day, day);
    if (said->day != DAY_NONE)
        snprintf(digits, sizeof digits, "%.4s%.2s%.2s", day, day + 5, day + 8);
    const char *number = (const char *)said->patient.at;
    int len =
        snprintf(out, PATH_MAX_BYTES + 1, "%.3s/%.3s/%.*s/%s%s%.*s", number, number + 3,
                 (int)said->patient.len, number, digits, is_known ? "/" : "",
                 is_known ? (int)said->type.len : 0, (const char *)said->type.at);
    return len > 0 && len <= PATH_MAX_BYTES;
}

bool collect_read_named(struct collect *collect, const struct ssmix_transaction *said,
                        struct err *err)
{
    for (size_t i = 0; i < collect->config.root_count; i++) {
        char path[PATH_MAX_BYTES + 1];
        struct err fault = {0};
        struct collect_walk walk = {.collect = collect, .root = i, .is_full = true};
        enum collect_level level =
            collect_is_extended(collect, i) ? COLLECT_DAY : COLLECT_TYPE;
        if (collect->roots[i] < 0 || !collect_folder_of(collect, i, said, path) ||
            collect_walk_folder(&walk, path, level, &fault))
            continue;
        if (!is_local(&fault)) {
            *err = fault;
            return false;
        }
    }
    return true;
}

/* Records of the same folder that stand together are one look. */
static bool is_same_place(const struct ssmix_transaction *a,
                          const struct ssmix_transaction *b)
{
    return a->day == b->day && span_equal(a->patient, b->patient) &&
           span_equal(a->type, b->type);
}

static bool take_lines(struct collect *collect, struct span *rest, struct err *err)
{
    struct ssmix_transaction before = {.day = DAY_NONE};
    struct span line = {0};
    while (ssmix_take_transaction(rest, &line)) {
        struct ssmix_transaction said;
        struct err fault = {0};
        if (!ssmix_parse_transaction(line, &said, &fault)) {
            if (collect->config.log)
                log_err(collect->config.log, "transaction_skipped", &fault);
            continue;
        }
        if (before.patient.len > 0 && is_same_place(&before, &said))
            continue;
        before = said;
        if (!collect_read_named(collect, &said, err))
            return false;
    }
    return true;
}

/* ---- following ---- */

static void skip_line(struct collect_transactions *at, struct span *rest)
{
    while (at->is_mid_line && rest->len > 0) {
        at->is_mid_line = rest->at[0] != '\r' && rest->at[0] != '\n';
        *rest = span_part(*rest, 1, rest->len - 1);
    }
}

/* True: the file has more than one look takes. */
static bool read_tail(struct collect *collect, struct collect_transactions *at, int fd,
                      bool *has_more, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(2 * PIECE_BYTES);
    uint8_t *piece = arena_take(&arena, PIECE_BYTES, 1, err);
    *has_more = false;
    for (int i = 0; piece && i < PIECES_MAX; i++) {
        ssize_t got = pread(fd, piece, PIECE_BYTES, (off_t)at->offset_bytes);
        if (got <= 0)
            return got == 0 || err_set(err, ERR_SYSTEM, "path_failed", "cannot read");
        struct span rest = span_of(piece, (size_t)got);
        skip_line(at, &rest);
        if (!take_lines(collect, &rest, err))
            return false;
        if (rest.len == PIECE_BYTES) { /* no header is that long */
            at->is_mid_line = true;
            rest.len = 0;
        }
        at->offset_bytes += got - (ssize_t)rest.len;
        if (rest.len > 0 && (size_t)got < PIECE_BYTES)
            return true; /* the last line is not whole yet */
    }
    *has_more = true;
    return piece != NULL;
}

static bool begin_file(struct collect_transactions *at, const char *file)
{
    snprintf(at->file, sizeof at->file, "%s", file);
    at->offset_bytes = 0;
    at->is_mid_line = false;
    return true;
}

static bool go_to(struct collect_transactions *at, const char *year, const char *file)
{
    snprintf(at->year, sizeof at->year, "%.*s", YEAR_DIGITS, year);
    return begin_file(at, file);
}

/* A record that is half there at the start was swept. */
static bool find_line(int fd, struct collect_transactions *at, struct err *err)
{
    char last = '\r';
    if (at->offset_bytes > 0 && pread(fd, &last, 1, (off_t)at->offset_bytes - 1) != 1)
        return err_set(err, ERR_SYSTEM, "path_failed", "cannot read");
    at->is_mid_line = last != '\r' && last != '\n';
    return true;
}

/* The end of the newest file of the newest year. */
static bool find_end(int root, struct collect_transactions *at, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    struct stat status;
    struct choice year = {.fits = is_year, .after = "", .wants_last = true};
    struct choice file = {.fits = is_file, .after = "", .wants_last = true};
    if (!choose(root, "", &year, err))
        return false;
    if (year.name[0] && !choose(root, year.name, &file, err))
        return false;
    go_to(at, year.name, file.name);
    at->is_open = true;
    if (!file.name[0])
        return true;
    snprintf(path, sizeof path, "%.4s/%s", year.name, file.name);
    CLEANUP(path_close) int fd = path_open_below(root, path, err);
    if (fd < 0 || fstat(fd, &status) != 0)
        return false;
    at->offset_bytes = status.st_size;
    return find_line(fd, at, err);
}

/* To the file behind this one, in this year or the next; false when there is none. */
static bool find_next(int root, struct collect_transactions *at, struct err *err)
{
    struct choice file = {.fits = is_file, .after = at->file};
    struct choice year = {.fits = is_year, .after = at->year};
    if (at->year[0] && !choose(root, at->year, &file, err))
        return false;
    if (file.name[0])
        return begin_file(at, file.name);
    file.after = "";
    return choose(root, "", &year, err) && year.name[0] &&
           choose(root, year.name, &file, err) && file.name[0] &&
           go_to(at, year.name, file.name);
}

static bool follow(struct collect *collect, size_t index, struct err *err)
{
    struct collect_transactions *at = &collect->transactions[index];
    CLEANUP(path_close)
    int root = path_open_root(collect->config.transactions[index], err);
    if (root < 0)
        return false;
    if (!at->is_open)
        return find_end(root, at, err);
    bool has_more = false;
    bool goes_on = true;
    while (goes_on && !has_more) {
        char path[PATH_MAX_BYTES + 1];
        snprintf(path, sizeof path, "%s/%s", at->year, at->file);
        CLEANUP(path_close) int fd = at->file[0] ? path_open_below(root, path, err) : -1;
        if (fd >= 0 && !read_tail(collect, at, fd, &has_more, err))
            return false;
        err_clear(err); /* a file that went away is behind us */
        goes_on = !has_more && find_next(root, at, err);
    }
    return err->kind == ERR_NONE;
}

static bool follow_all(struct collect *collect, struct err *err)
{
    bool is_done = true;
    for (size_t i = 0; i < collect->config.transaction_count; i++) {
        struct collect_transactions *at = &collect->transactions[i];
        struct err fault = {0};
        bool is_followed = follow(collect, i, &fault);
        if (!is_followed && !at->is_away && collect->config.log)
            log_err(collect->config.log, "transaction_storage", &fault);
        at->is_away = !is_followed;
        if (!is_followed)
            *err = fault;
        is_done = is_done && is_followed;
    }
    return is_done;
}

static bool is_transaction_due(struct collect *collect)
{
    enum { FOLLOW_MS = 1000 }; /* they lie on shares more often than not */
    int64_t now_ms = clock_monotonic_ms(&collect->config.clock);
    return collect->config.transaction_count > 0 &&
           now_ms - collect->followed_ms >= FOLLOW_MS;
}

bool collect_is_follow_due(struct collect *collect)
{
    return is_transaction_due(collect) || collect_is_rows_due(collect);
}

void collect_follow_soon(struct collect *collect)
{
    struct err err = {0};
    if (is_transaction_due(collect)) {
        (void)follow_all(collect, &err);
        collect->followed_ms = clock_monotonic_ms(&collect->config.clock);
    }
    collect_take_rows(collect);
}

bool collect_follow(struct collect *collect, struct err *err)
{
    collect_lock_soon(collect);
    bool is_done = follow_all(collect, err);
    collect_unlock_soon(collect);
    return is_done;
}
