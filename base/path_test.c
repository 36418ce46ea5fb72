// SPDX-License-Identifier: Apache-2.0
/* Names from outside against a real directory with ways out of it. */
#include "base/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

struct place {
    char directory[64];
    int root;
};

static void make_link(const struct place *place, const char *target, const char *name)
{
    CHECK(symlinkat(target, place->root, name) == 0);
}

/* root/file, root/folder/inner, root/pipe, and links: to the outside, to the inside. */
static struct place place_new(void)
{
    struct place place = {.directory = "/tmp/path_test_XXXXXX"};
    struct err err = {0};
    char name[100];
    CHECK(mkdtemp(place.directory));
    snprintf(name, sizeof name, "%s/outside", place.directory);
    CHECK(path_write_file(name, SPAN("secret"), &err));
    snprintf(name, sizeof name, "%s/root/folder", place.directory);
    CHECK(path_make_directory(name, &err) && path_make_directory(name, &err));
    snprintf(name, sizeof name, "%s/root/folder/inner", place.directory);
    CHECK(path_write_file(name, SPAN("inner"), &err));
    snprintf(name, sizeof name, "%s/root/file", place.directory);
    CHECK(path_write_file(name, SPAN("file"), &err));
    snprintf(name, sizeof name, "%s/root", place.directory);
    place.root = path_open_root(name, &err);
    CHECK(place.root >= 0 && mkfifoat(place.root, "pipe", 0600) == 0);
    make_link(&place, "../outside", "out");
    make_link(&place, "/etc/passwd", "absolute");
    make_link(&place, "..", "up");
    make_link(&place, "file", "alias");
    make_link(&place, "folder", "shortcut");
    return place;
}

static void place_remove(struct place *place)
{
    static const char *const names[] = {"folder/inner", "file", "pipe",  "out",
                                        "absolute",     "up",   "alias", "shortcut"};
    char name[100];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlinkat(place->root, names[i], 0);
    unlinkat(place->root, "folder", AT_REMOVEDIR);
    path_close(&place->root);
    snprintf(name, sizeof name, "%s/outside", place->directory);
    unlink(name);
    snprintf(name, sizeof name, "%s/root", place->directory);
    CHECK(rmdir(name) == 0 && rmdir(place->directory) == 0);
}

static bool reads(const struct place *place, const char *name, const char *expected)
{
    struct err err = {0};
    struct span bytes;
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CLEANUP(path_close) int fd = path_open_below(place->root, name, &err);
    return fd >= 0 && path_read(fd, 100, &arena, &bytes, &err) &&
           span_is(bytes, expected);
}

static void names_below_the_root_are_opened(void)
{
    struct place place = place_new();
    CHECK(reads(&place, "file", "file") && reads(&place, "folder/inner", "inner"));
    place_remove(&place);
}

static void no_name_leads_out_or_through_a_link(void)
{
    struct place place = place_new();
    char too_long[1200];
    memset(too_long, 'a', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    char long_part[300];
    memset(long_part, 'b', sizeof long_part);
    long_part[sizeof long_part - 1] = '\0';
    const char *const names[] = {
        "..",
        "../outside",
        "folder/../../outside",
        "folder/../file",
        ".",
        "./file",
        "/etc/passwd",
        "//file",
        "folder//inner",
        "",
        "file/",
        "folder\\..\\x",
        "\\..\\outside",
        "fi\nle",
        "\x7F",
        "out",
        "absolute",
        "up/outside",
        "up/root/file",
        "alias",
        "shortcut",
        "shortcut/inner",
        "pipe",
        too_long,
        long_part,
        "folder/..",
        "folder/.",
        "..\\outside",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = {0};
        int fd = path_open_below(place.root, names[i], &err);
        CHECK(fd < 0 && err.kind == ERR_REFUSED && strcmp(err.code, "path_unsafe") == 0);
        if (fd >= 0 || err.kind != ERR_REFUSED)
            printf("# %s: %d %s\n", names[i], fd, err.code ? err.code : "");
        CHECK(!strstr(err.text, "outside") && !strstr(err.text, "passwd"));
        path_close(&fd);
    }
    place_remove(&place);
}

/* What only looks like a way out is a name like any other, and not there. */
static void a_disguised_way_out_is_an_ordinary_name(void)
{
    struct place place = place_new();
    static const char *const names[] = {"%2e%2e", "\xC0\xAE\xC0\xAE", "...",
                                        "‥",      "nothing",          "file/x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = {0};
        int fd = path_open_below(place.root, names[i], &err);
        CHECK(fd < 0 && err.kind == ERR_MISSING);
        path_close(&fd);
    }
    place_remove(&place);
}

static void a_file_is_read_up_to_its_limit_only(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct span bytes;
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CLEANUP(path_close) int fd = path_open_below(place.root, "file", &err);
    CHECK(path_read(fd, 4, &arena, &bytes, &err) && bytes.len == 4);
    CHECK(!path_read(fd, 3, &arena, &bytes, &err) && err.kind == ERR_LIMIT);
    CHECK(strcmp(err.code, "file_too_large") == 0);
    err_clear(&err);
    CLEANUP(path_close) int folder = path_open_below(place.root, "folder", &err);
    CHECK(folder >= 0 && !path_read(folder, 100, &arena, &bytes, &err));
    CHECK(err.kind == ERR_REFUSED);
    place_remove(&place);
}

static void a_file_is_replaced_whole_and_for_its_owner_only(void)
{
    struct place place = place_new();
    struct err err = {0};
    struct stat status;
    char name[100], part[110];
    snprintf(name, sizeof name, "%s/root/file", place.directory);
    snprintf(part, sizeof part, "%s.part", name);
    CHECK(path_write_file(name, SPAN("new and longer"), &err));
    CHECK(reads(&place, "file", "new and longer"));
    CHECK(stat(name, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(access(part, F_OK) != 0);
    CHECK(path_write_file(name, SPAN(""), &err) && reads(&place, "file", ""));
    CHECK(!path_write_file("/nowhere/at/all", SPAN("x"), &err));
    CHECK(err.kind == ERR_MISSING);
    place_remove(&place);
}

int main(void)
{
    RUN(names_below_the_root_are_opened);
    RUN(no_name_leads_out_or_through_a_link);
    RUN(a_disguised_way_out_is_an_ordinary_name);
    RUN(a_file_is_read_up_to_its_limit_only);
    RUN(a_file_is_replaced_whole_and_for_its_owner_only);
    return test_done();
}
