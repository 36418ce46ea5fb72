// SPDX-License-Identifier: Apache-2.0
/* Which copies go, whole and cut off, and that nothing else does. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "base/test.h"
#include "cli/backup/backup.h"

enum { COPIES = 2000, PATH_BYTES = 256 };

static const int64_t HOUR = 3600000;
static const int64_t DAY = 24 * HOUR;
/* 2026-04-01 01:30 in Japan, a Wednesday. */
static const int64_t START = 1774974600000;

/* ---- which stay ---- */

struct kept {
    int64_t made_at[COPIES]; /* newest first */
    size_t count;
};

static void add(struct kept *kept, int64_t made_at)
{
    bool stays[COPIES];
    CHECK(kept->count < COPIES);
    if (kept->count >= COPIES)
        return;
    memmove(kept->made_at + 1, kept->made_at, kept->count * sizeof *kept->made_at);
    kept->made_at[0] = made_at;
    kept->count++;
    backup_choose(kept->made_at, kept->count, stays);
    size_t left = 0;
    for (size_t i = 0; i < kept->count; i++)
        if (stays[i])
            kept->made_at[left++] = kept->made_at[i];
    kept->count = left;
}

static bool has(const struct kept *kept, int64_t made_at)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->made_at[i] == made_at)
            return true;
    return false;
}

static void each_night_for_two_years_leaves_days_weeks_and_months(void)
{
    struct kept kept = {.count = 0};
    int64_t last = 0;
    for (int night = 0; night < 730; night++) { /* up to Thursday, 2028-03-30 */
        last = START + night * DAY;
        add(&kept, last);
    }
    static const int nights_before[] = {
        0,   1,   2,   3,   4,   5,   6,   /* days */
        11,  18,  25,                      /* Sundays */
        30,  59,  90,  121, 151, 182, 212, /* last nights of 2 to 2027-08 */
        243, 274, 304, 335};               /* … to 2027-04 */
    for (size_t i = 0; i < sizeof nights_before / sizeof *nights_before; i++) {
        bool is_there = has(&kept, last - nights_before[i] * DAY);
        CHECK(is_there);
        if (!is_there)
            printf("# %d nights before\n", nights_before[i]);
    }
    CHECK(kept.count == sizeof nights_before / sizeof *nights_before);
}

static void all_of_a_day_stay_when_there_are_many(void)
{
    struct kept kept = {.count = 0};
    for (int quarter = 0; quarter < 3 * 96; quarter++)
        add(&kept, START + quarter * HOUR / 4);
    int64_t last = kept.made_at[0];
    for (int quarter = 0; quarter < 96; quarter++)
        CHECK(has(&kept, last - quarter * HOUR / 4));
    CHECK(kept.count > 96 && kept.count <= 96 + 3);
}

/* Periods without a copy take no place: what a centre that was off for a year had stays.
 */
static void gaps_remove_nothing(void)
{
    struct kept kept = {.count = 0};
    for (int week = 0; week < 3; week++)
        add(&kept, START + week * 7 * DAY);
    add(&kept, START + 400 * DAY);
    CHECK(kept.count == 4);
}

static void a_day_is_one_of_japan(void)
{
    struct kept kept = {.count = 0};
    /* 23:00 and 01:00 the next day there, both 14 to 16 o'clock of one day in UTC */
    int64_t evening = START - (5 * HOUR) / 2;
    add(&kept, evening);
    add(&kept, evening + 2 * HOUR);
    for (int night = 1; night <= 4; night++)
        add(&kept, evening + 2 * HOUR + night * DAY);
    CHECK(has(&kept, evening) && kept.count == 6);
}

/* ---- what goes ---- */

static char folder[64];
static const struct seal_key key = {{1, 2, 3}};

static const char *in_folder(const char *name, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    return out;
}

static bool is_there(const char *name)
{
    return backup_is_there(folder, name);
}

static struct backup_manifest manifest_of(const char *node, int64_t made_at)
{
    return (struct backup_manifest){.node = text_cstr(node), .made_at = made_at};
}

/* A copy with something in it, under its own name or another one. */
static void put_copy(const struct backup_manifest *manifest, const struct seal_key *with,
                     const char *as)
{
    struct err err = {0};
    char name[BACKUP_NAME_BYTES], path[PATH_BYTES], inside[PATH_BYTES + 64];
    backup_name(manifest, name);
    in_folder(as ? as : name, path);
    CHECK(path_make_directory(path, &err));
    CHECK(backup_write_manifest(manifest, with, path, &err));
    snprintf(inside, sizeof inside, "%s/audit/centre", path);
    CHECK(path_make_directory(inside, &err));
    snprintf(inside, sizeof inside, "%s/audit/centre/2026-04.log.sealed", path);
    CHECK(path_write_file(inside, SPAN("x"), &err));
}

/* Of each night from one to another, all of them this centre's. */
static void put_nights(int first, int last)
{
    for (int night = first; night <= last; night++) {
        struct backup_manifest one = manifest_of("centre", START + night * DAY);
        put_copy(&one, &key, NULL);
    }
}

static bool thin(const struct backup_manifest *newest, size_t *removed)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    bool is_done = backup_thin(folder, &key, newest, &arena, removed, &err);
    if (!is_done)
        printf("# %s: %s\n", err.code, err.text);
    return is_done;
}

static void empty_folder(void)
{
    backup_remove(folder);
    CHECK(mkdir(folder, 0700) == 0);
}

static void copies_that_are_of_no_use_any_more_go_as_a_whole(void)
{
    empty_folder();
    char name[BACKUP_NAME_BYTES];
    struct backup_manifest newest = manifest_of("centre", START + 20 * DAY);
    put_nights(0, 20);
    size_t removed = 0;
    CHECK(thin(&newest, &removed));
    /* 7 days; of weeks the Sundays 4/5 and 4/12 besides; April is one month */
    CHECK(removed == 21 - 9);
    for (int night = 0; night <= 20; night++) {
        struct backup_manifest one = manifest_of("centre", START + night * DAY);
        backup_name(&one, name);
        CHECK(is_there(name) == (night >= 14 || night == 4 || night == 11));
        char part[BACKUP_NAME_BYTES + 8];
        snprintf(part, sizeof part, "%s.part", name);
        CHECK(!is_there(part));
    }
    CHECK(thin(&newest, &removed) && removed == 0);
}

/* Old enough to go, were they this centre's; and one from after the newest takes nobody's
 * place. */
static void nothing_else_goes(void)
{
    static const struct seal_key stranger = {{9}};
    empty_folder();
    struct err err = {0};
    char path[PATH_BYTES], name[BACKUP_NAME_BYTES];
    struct backup_manifest newest = manifest_of("centre", START + 70 * DAY);
    struct backup_manifest seventh = manifest_of("centre", START + 64 * DAY);
    put_nights(8, 8);
    put_nights(14, 14);
    put_nights(20, 20);
    put_nights(60, 70);
    struct backup_manifest old = manifest_of("centre", START);
    struct backup_manifest other = manifest_of("centre2", START + DAY);
    struct backup_manifest sealed_otherwise = manifest_of("centre", START + 2 * DAY);
    struct backup_manifest later = manifest_of("centre", START + 71 * DAY);
    put_copy(&old, &key, "before-the-move");
    put_copy(&old, &key, "centre-20260331T163000Z.part");
    put_copy(&other, &key, NULL);
    put_copy(&sealed_otherwise, &stranger, NULL);
    put_copy(&later, &key, NULL);
    CHECK(mkdir(in_folder("centre-20260101T000000Z", path), 0700) == 0);
    CHECK(path_write_file(in_folder("centre-20260102T000000Z", path), SPAN("x"), &err));
    size_t removed = 0;
    CHECK(thin(&newest, &removed) && removed > 0);
    const struct backup_manifest *left[] = {&other, &sealed_otherwise, &later, &newest,
                                            &seventh};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        backup_name(left[i], name);
        CHECK(is_there(name));
    }
    CHECK(is_there("before-the-move") && is_there("centre-20260331T163000Z.part") &&
          is_there("centre-20260101T000000Z") && is_there("centre-20260102T000000Z"));
}

/* A link by a copy's name is followed for what it says, and only the link could go. */
static void what_a_link_leads_to_stays(void)
{
    empty_folder();
    char path[PATH_BYTES], name[BACKUP_NAME_BYTES], elsewhere[sizeof folder + 16];
    snprintf(elsewhere, sizeof elsewhere, "%s-elsewhere", folder);
    backup_remove(elsewhere);
    struct backup_manifest old = manifest_of("centre", START);
    put_copy(&old, &key, NULL);
    backup_name(&old, name);
    CHECK(rename(in_folder(name, path), elsewhere) == 0 && symlink(elsewhere, path) == 0);
    put_nights(8, 20);
    struct backup_manifest newest = manifest_of("centre", START + 20 * DAY);
    size_t removed = 0;
    (void)!thin(&newest, &removed);
    CHECK(backup_is_there(elsewhere, "manifest.json") &&
          backup_is_there(elsewhere, "audit/centre/2026-04.log.sealed"));
    backup_remove(elsewhere);
}

/* What is in the way of one is left as it is, and so is the one. */
static void a_copy_that_cannot_go_is_said(void)
{
    empty_folder();
    char path[PATH_BYTES], name[BACKUP_NAME_BYTES], part[BACKUP_NAME_BYTES + 8];
    struct err err = {0};
    struct backup_manifest old = manifest_of("centre", START);
    struct backup_manifest newest = manifest_of("centre", START + 20 * DAY);
    put_nights(0, 20);
    backup_name(&old, name);
    snprintf(part, sizeof part, "%s.part", name);
    put_copy(&old, &key, part);
    size_t removed = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CHECK(!backup_thin(folder, &key, &newest, &arena, &removed, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, "path_failed") == 0);
    CHECK(backup_is_there(in_folder(name, path), "manifest.json"));
    CHECK(backup_is_there(in_folder(part, path), "manifest.json"));
}

/* ---- what was cut off ---- */

static bool clear(int64_t now_ms, size_t *removed)
{
    struct err err = {0};
    return backup_clear(folder, TEXT("centre"), now_ms, removed, &err);
}

static void what_was_cut_off_a_day_ago_goes(void)
{
    empty_folder();
    size_t removed = 7;
    char name[BACKUP_NAME_BYTES], part[BACKUP_NAME_BYTES + 8];
    struct backup_manifest begun = manifest_of("centre", START + 59000);
    backup_name(&begun, name);
    snprintf(part, sizeof part, "%s.part", name);
    put_copy(&begun, &key, part);
    CHECK(clear(START + 59000 + DAY - 1, &removed) && removed == 0 && is_there(part));
    CHECK(clear(START + 59000 + DAY, &removed) && removed == 1 && !is_there(part));
    CHECK(clear(START + 59000 + DAY, &removed) && removed == 0);
    backup_remove(folder);
    CHECK(clear(START + DAY, &removed) && removed == 0); /* before the first copy */
}

static void nothing_that_is_called_otherwise_is_cleared(void)
{
    static const char *const names[] = {
        "centre-20260331T163000Z",          /* whole */
        "centre2-20260331T163000Z.part",    /* another's */
        "Centre-20260331T163000Z.part",     /**/
        "centre-20260331T163000Z.part.old", /* put aside */
        "centre-20260331T163000Z.Part",     /**/
        "centre-20260331T163000z.part",     /**/
        "centre-20260331T246000Z.part",     /* no time of a day */
        "centre-20260231T163000Z.part",     /* no day */
        "centre-2026033 T163000Z.part",     /**/
        "centre-20260331T16300/Z.part",     /* a folder in a folder */
        "centre-.part",
        ".part",
        "part",
    };
    struct err err = {0};
    char path[PATH_BYTES], elsewhere[PATH_BYTES];
    size_t count = sizeof names / sizeof *names, removed = 0;
    empty_folder();
    for (size_t i = 0; i < count; i++)
        CHECK(path_make_directory(in_folder(names[i], path), &err));
    CHECK(path_write_file(in_folder("centre-20260330T163000Z.part", path), SPAN("x"),
                          &err));
    CHECK(symlink(in_folder("part", elsewhere),
                  in_folder("centre-20260329T163000Z.part", path)) == 0);
    CHECK(clear(START + 1000 * DAY, &removed) && removed == 0);
    for (size_t i = 0; i < count; i++)
        CHECK(is_there(names[i]));
    CHECK(is_there("centre-20260330T163000Z.part") &&
          is_there("centre-20260329T163000Z.part"));
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/thin_test.XXXXXX",
             temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    RUN(each_night_for_two_years_leaves_days_weeks_and_months);
    RUN(all_of_a_day_stay_when_there_are_many);
    RUN(gaps_remove_nothing);
    RUN(a_day_is_one_of_japan);
    RUN(copies_that_are_of_no_use_any_more_go_as_a_whole);
    RUN(nothing_else_goes);
    RUN(what_a_link_leads_to_stays);
    RUN(a_copy_that_cannot_go_is_said);
    RUN(what_was_cut_off_a_day_ago_goes);
    RUN(nothing_that_is_called_otherwise_is_cleared);
    backup_remove(folder);
    return test_done();
}
