// SPDX-License-Identifier: Apache-2.0
#include "gateway/commitments/commitments.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

static char folder[] = "/tmp/commitments_XXXXXX";
static struct log silent;

struct seen {
    int count;
    uint64_t numbers; /* their sum */
    int64_t since_ms;
    char title[32];
    char set[64];
};

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/owed/%s", folder, name);
    return path;
}

static struct commitments *open_them(void)
{
    struct err err = {0};
    struct commitments *commitments =
        commitments_open(in_folder(""), rand_system(), &silent, &err);
    CHECK(commitments != NULL);
    return commitments;
}

static void close_them(struct commitments *commitments)
{
    commitments_close(commitments);
    CHECK(test_remove(in_folder("")));
}

static void see(void *context, const struct commitments_due *due)
{
    struct seen *seen = context;
    seen->count++;
    seen->numbers += due->number;
    seen->since_ms = due->since_ms;
    snprintf(seen->title, sizeof seen->title, "%s", due->title);
    snprintf(seen->set, sizeof seen->set, "%.*s", (int)due->set.len,
             (const char *)due->set.at);
}

static struct seen walk(struct commitments *commitments)
{
    struct err err = {0};
    struct seen seen = {0};
    CHECK(commitments_walk(commitments, see, &seen, &err));
    return seen;
}

static uint64_t keep(struct commitments *commitments, const char *title, const char *set)
{
    struct err err = {0};
    uint64_t number = 0;
    struct commitments_due due = {0, title, 1234567890123, span_cstr(set)};
    CHECK(commitments_keep(commitments, &due, &number, &err) && number != 0);
    return number;
}

static void what_is_kept_is_there_after_a_restart(void)
{
    struct commitments *commitments = open_them();
    uint64_t number = keep(commitments, "MR 1", "a set\nof \\ bytes");
    commitments_close(commitments);
    commitments = open_them();
    struct seen seen = walk(commitments);
    CHECK(seen.count == 1 && seen.numbers == number && seen.since_ms == 1234567890123);
    CHECK(strcmp(seen.title, "MR 1") == 0 && strcmp(seen.set, "a set\nof \\ bytes") == 0);
    close_them(commitments);
}

static void what_is_forgotten_is_gone_and_the_others_stay(void)
{
    struct commitments *commitments = open_them();
    uint64_t first = keep(commitments, "MR", "1");
    uint64_t second = keep(commitments, "MR", "2");
    CHECK(first != second && walk(commitments).count == 2);
    commitments_forget(commitments, first);
    commitments_forget(commitments, first); /* once more is nothing */
    struct seen seen = walk(commitments);
    CHECK(seen.count == 1 && seen.numbers == second && strcmp(seen.set, "2") == 0);
    close_them(commitments);
}

static void what_was_half_written_is_cleared_away(void)
{
    struct err err = {0};
    struct commitments *commitments = open_them();
    keep(commitments, "MR", "1");
    commitments_close(commitments);
    CHECK(path_write_file(in_folder("0123456789abcdef.part"), SPAN("1 MR\n"), &err));
    commitments = open_them();
    CHECK(access(in_folder("0123456789abcdef.part"), F_OK) != 0);
    CHECK(walk(commitments).count == 1);
    close_them(commitments);
}

static void what_is_broken_is_forgotten_and_hinders_nothing(void)
{
    static const char *const broken[] = {
        "", "x", "12", "12\n", "12 \n", "-1 MR\n", "MR 12", "1e3 MR\nset", "1 a\0b\n"};
    struct err err = {0};
    struct commitments *commitments = open_them();
    keep(commitments, "MR", "1");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char name[32];
        snprintf(name, sizeof name, "%016zx", i + 1);
        size_t len = i == 8 ? 7 : strlen(broken[i]);
        CHECK(path_write_file(in_folder(name), span_of(broken[i], len), &err));
    }
    CHECK(mkdir(in_folder("00000000000000ff"), 0700) == 0);
    CHECK(symlink("/etc/hostname", in_folder("00000000000000fe")) == 0);
    CHECK(walk(commitments).count == 1);
    CHECK(access(in_folder("0000000000000001"), F_OK) != 0);
    CHECK(access(in_folder("0000000000000009"), F_OK) != 0);
    CHECK(walk(commitments).count == 1);
    close_them(commitments);
}

/* A promise that cannot be written is none. */
static void a_folder_that_is_gone_keeps_nothing(void)
{
    struct err err = {0};
    uint64_t number = 0;
    struct commitments_due due = {0, "MR", 1, SPAN("1")};
    struct commitments *commitments = open_them();
    CHECK(rmdir(in_folder("")) == 0);
    CHECK(!commitments_keep(commitments, &due, &number, &err));
    CHECK(err.kind == ERR_MISSING);
    commitments_close(commitments);
}

/* What is owed and cannot be listed is not the same as nothing. */
static void a_folder_that_cannot_be_listed_is_no_empty_one(void)
{
    struct err err = {0};
    struct seen seen = {0};
    struct rlimit usual = {0};
    struct commitments *commitments = open_them();
    keep(commitments, "MR", "1");
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(next >= 0 && getrlimit(RLIMIT_NOFILE, &usual) == 0);
    struct rlimit none = {(rlim_t)next, usual.rlim_max};
    close(next);
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(!commitments_walk(commitments, see, &seen, &err) && err.code);
    CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
    CHECK(walk(commitments).count == 1);
    close_them(commitments);
}

int main(void)
{
    silent =
        (struct log){open("/dev/null", O_WRONLY | O_CLOEXEC), clock_system(), "test"};
    if (!mkdtemp(folder) || silent.fd < 0)
        return 1;
    RUN(what_is_kept_is_there_after_a_restart);
    RUN(what_is_forgotten_is_gone_and_the_others_stay);
    RUN(what_was_half_written_is_cleared_away);
    RUN(what_is_broken_is_forgotten_and_hinders_nothing);
    RUN(a_folder_that_is_gone_keeps_nothing);
    RUN(a_folder_that_cannot_be_listed_is_no_empty_one);
    CHECK(test_remove(folder));
    return test_done();
}
