// SPDX-License-Identifier: Apache-2.0
/* Which copies stay is decided by the times that their manifests tell, not by names or
 * the disk's; what cannot be read with this key is nobody's to remove. What was begun and
 * never finished has no manifest: there the name decides. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "cli/backup/backup.h"

enum {
    DAY_MS = 86400000,
    DAYS_KEPT = 7,
    WEEKS_KEPT = 5,
    MONTHS_KEPT = 12,
    COPIES_MAX = 10000,
    MANIFEST_ARENA_BYTES = 32 << 20,
    MONDAY = 3 /* 1970-01-01 was a Thursday */
};

/* ---- which stay ---- */

/* The newest of as many periods as there is room for. */
struct periods {
    int32_t last;
    int kept, room;
};

static bool is_newest_of(struct periods *periods, int32_t period)
{
    if (period == periods->last || periods->kept == periods->room)
        return false;
    periods->last = period;
    periods->kept++;
    return true;
}

static int32_t week_of(int32_t day)
{
    int32_t moved = day + MONDAY;
    return (moved - (moved % 7 + 7) % 7) / 7;
}

static int32_t month_of(int32_t day)
{
    int year = 0, month = 0, day_of_month = 0;
    day_to_date(day, &year, &month, &day_of_month);
    return year * 12 + month;
}

void backup_choose(const int64_t *made_at, size_t count, bool *stays)
{
    struct periods days = {DAY_NONE, 0, DAYS_KEPT};
    struct periods weeks = {DAY_NONE, 0, WEEKS_KEPT};
    struct periods months = {DAY_NONE, 0, MONTHS_KEPT};
    for (size_t i = 0; i < count; i++) {
        int32_t day = day_of_instant(made_at[i]);
        bool is_of_day = is_newest_of(&days, day);
        bool is_of_week = is_newest_of(&weeks, week_of(day));
        bool is_of_month = is_newest_of(&months, month_of(day));
        stays[i] =
            is_of_day || is_of_week || is_of_month || made_at[0] - made_at[i] < DAY_MS;
    }
}

/* ---- what there is ---- */

struct copy {
    int64_t made_at;
    char name[PATH_NAME_MAX + 1];
};

struct thinning {
    const char *to;
    const struct seal_key *key;
    const struct backup_manifest *newest; /* the one that was just made */
    struct copy *copies;
    size_t count;
};

/* Of the same centre, under the name that it was given, not from after the newest one: a
 * clock that was wrong removes nothing. */
static bool is_ours(const struct thinning *thinning, const char *name, int64_t *made_at)
{
    struct err err = {0};
    char path[PATH_MAX_BYTES + 1], due[BACKUP_NAME_BYTES];
    struct backup_manifest manifest;
    CLEANUP(arena_free) struct arena arena = arena_init(MANIFEST_ARENA_BYTES);
    if (!backup_path(path, thinning->to, name, "", &err) ||
        !backup_read_manifest(path, thinning->key, &arena, &manifest, &err))
        return false;
    backup_name(&manifest, due);
    *made_at = manifest.made_at;
    return text_equal(manifest.node, thinning->newest->node) && strcmp(name, due) == 0 &&
           manifest.made_at <= thinning->newest->made_at;
}

static bool list(struct thinning *thinning, struct arena *arena, struct err *err)
{
    size_t room = 0;
    CLEANUP(backup_close_listing) DIR *listing = opendir(thinning->to);
    if (!listing)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        struct copy copy = {0};
        size_t len = strlen(entry->d_name);
        if (len >= BACKUP_NAME_BYTES || !is_ours(thinning, entry->d_name, &copy.made_at))
            continue;
        if (thinning->count == COPIES_MAX)
            return err_set(err, ERR_LIMIT, "backup_files", "more than %d copies",
                           COPIES_MAX);
        thinning->copies = arena_grow(arena, thinning->copies, thinning->count,
                                      thinning->count + 1, sizeof copy, &room, err);
        if (!thinning->copies)
            return false;
        memcpy(copy.name, entry->d_name, len + 1);
        thinning->copies[thinning->count++] = copy;
    }
    return true;
}

static int newest_first(const void *one, const void *other)
{
    int64_t a = ((const struct copy *)one)->made_at;
    int64_t b = ((const struct copy *)other)->made_at;
    return (a < b) - (a > b);
}

/* ---- removing ---- */

/* A copy that is removed by half is none by its name. */
static bool remove_copy(const char *to, const char *name, struct err *err)
{
    char path[PATH_MAX_BYTES + 1], part[PATH_MAX_BYTES + 1];
    if (!backup_path(path, to, name, "", err) ||
        !backup_path(part, to, name, ".part", err))
        return false;
    if (rename(path, part) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    backup_remove(part);
    return access(part, F_OK) != 0 ||
           err_set(err, ERR_SYSTEM, "path_failed", "an old copy cannot be removed");
}

bool backup_thin(const char *to, const struct seal_key *key,
                 const struct backup_manifest *newest, struct arena *arena,
                 size_t *removed, struct err *err)
{
    struct thinning thinning = {.to = to, .key = key, .newest = newest};
    *removed = 0;
    if (!list(&thinning, arena, err))
        return false;
    size_t count = thinning.count;
    int64_t *made_at = ARENA_MANY(arena, int64_t, count + 1, err);
    bool *stays = made_at ? ARENA_MANY(arena, bool, count + 1, err) : NULL;
    if (!stays)
        return false;
    if (count > 0)
        qsort(thinning.copies, count, sizeof *thinning.copies, newest_first);
    for (size_t i = 0; i < count; i++)
        made_at[i] = thinning.copies[i].made_at;
    backup_choose(made_at, count, stays);
    for (size_t i = 0; i < count; i++) {
        if (stays[i])
            continue;
        if (!remove_copy(to, thinning.copies[i].name, err))
            return false;
        ++*removed;
    }
    return true;
}

/* ---- what was cut off ---- */

static const char part_ending[] = ".part";

static int two_digits(struct span text, size_t at)
{
    return (text.at[at] - '0') * 10 + text.at[at + 1] - '0';
}

/* When a copy of the node by this name, and by no other, was begun. */
static bool was_begun(struct text node, const char *name, int64_t *made_at)
{
    enum {
        DATE = 8,
        CLOCK = 6,
        TIME_BYTES = DATE + 1 + CLOCK + 1
    }; /* 20260401T013000Z */
    struct span text = span_cstr(name);
    char due[BACKUP_NAME_BYTES];
    struct backup_manifest manifest = {.node = node};
    size_t ending = sizeof part_ending - 1;
    if (text.len != node.len + 1 + TIME_BYTES + ending)
        return false;
    struct span date = span_part(text, node.len + 1, DATE);
    struct span clock = span_part(text, node.len + 1 + DATE + 1, CLOCK);
    int32_t day = day_from_digits(date);
    if (day == DAY_NONE || !span_all_digits(clock))
        return false;
    int seconds =
        two_digits(clock, 0) * 3600 + two_digits(clock, 2) * 60 + two_digits(clock, 4);
    manifest.made_at = (int64_t)day * DAY_MS + (int64_t)seconds * 1000;
    *made_at = manifest.made_at;
    backup_name(&manifest, due);
    return span_is(span_part(text, 0, text.len - ending), due) &&
           span_is(span_part(text, text.len - ending, ending), part_ending);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool backup_clear(const char *to, struct text node, int64_t now_ms, size_t *removed,
                  struct err *err)
{
    *removed = 0;
    CLEANUP(backup_close_listing) DIR *listing = opendir(to);
    if (!listing && errno == ENOENT)
        return true; /* the first copy makes it */
    if (!listing)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        char path[PATH_MAX_BYTES + 1];
        int64_t made_at = 0;
        if (!was_begun(node, entry->d_name, &made_at) || now_ms - made_at < DAY_MS)
            continue;
        if (!backup_path(path, to, entry->d_name, "", err))
            return false;
        if (!is_folder(path))
            continue;
        backup_remove(path);
        if (access(path, F_OK) == 0)
            return err_set(err, ERR_SYSTEM, "path_failed",
                           "an unfinished copy cannot be removed");
        ++*removed;
    }
    return true;
}
