// SPDX-License-Identifier: Apache-2.0
#include "base/sparse.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

enum { FILE_BYTES = (4 << 20) + 4321, MEGABYTE = 1 << 20 };

static const struct sparse_limits limits = {
    .file_bytes_max = 8 << 20, .kept_bytes_max = MEGABYTE, .looked_bytes_max = MEGABYTE};

static uint8_t byte_at(size_t offset)
{
    return (uint8_t)(offset * 7 + offset / 251 + 1);
}

/* A file without a name. */
static int make_file(void)
{
    static uint8_t bytes[FILE_BYTES];
    char name[] = "/tmp/sparse-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(i);
    CHECK(write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes);
    return fd;
}

static struct sparse *open_file(int fd)
{
    struct err err = {0};
    struct sparse *sparse = sparse_open(fd, &limits, &err);
    CHECK(sparse);
    return sparse;
}

static bool is_right(struct sparse *sparse, size_t from, size_t len)
{
    const uint8_t *at = sparse_bytes(sparse).at;
    for (size_t i = from; i < from + len; i++)
        if (at[i] != byte_at(i))
            return false;
    return true;
}

static void what_is_asked_for_is_there_up_to_the_last_byte(void)
{
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = open_file(fd);
    struct span bytes = sparse_bytes(sparse);
    CHECK(bytes.len == FILE_BYTES && sparse_held_bytes(sparse) == 0);
    CHECK(sparse_look(sparse, bytes.at + FILE_BYTES - 10, 10));
    CHECK(is_right(sparse, FILE_BYTES - 10, 10));
    CHECK(sparse_keep(sparse, bytes.at + 16000, 50000) && is_right(sparse, 16000, 50000));
    CHECK(sparse_look(sparse, bytes.at + FILE_BYTES, 0));
}

static void going_through_all_of_it_holds_no_more_than_the_limit(void)
{
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = open_file(fd);
    const uint8_t *at = sparse_bytes(sparse).at;
    enum { STEP = 100000 };
    CHECK(sparse_keep(sparse, at + 5, 100));
    for (size_t from = 0; from + STEP <= FILE_BYTES; from += STEP) {
        CHECK(sparse_look(sparse, at + from, STEP) && is_right(sparse, from, STEP));
        CHECK(sparse_held_bytes(sparse) <= MEGABYTE + 32768);
    }
    CHECK(is_right(sparse, 5, 100)); /* kept all the while */
    CHECK(sparse_look(sparse, at, STEP) && is_right(sparse, 0, STEP));
}

static void what_was_looked_at_can_be_kept(void)
{
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = open_file(fd);
    const uint8_t *at = sparse_bytes(sparse).at;
    CHECK(sparse_look(sparse, at + 100000, 60000) &&
          sparse_keep(sparse, at + 120000, 10));
    for (size_t from = MEGABYTE; from < 3 * MEGABYTE; from += MEGABYTE / 2)
        CHECK(sparse_look(sparse, at + from, MEGABYTE / 2));
    CHECK(is_right(sparse, 120000, 10));
}

static void a_file_that_is_cut_meanwhile_is_said(void)
{
    struct err err = {0};
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = open_file(fd);
    const uint8_t *at = sparse_bytes(sparse).at;
    CHECK(sparse_look(sparse, at, 100) && sparse_check(sparse, &err));
    CHECK(ftruncate(fd, 1000000) == 0);
    CHECK(!sparse_look(sparse, at + 2000000, 100));
    CHECK(!sparse_look(sparse, at, 100)); /* nothing of it is trusted any more */
    CHECK(!sparse_keep(sparse, at, 0));
    CHECK(!sparse_check(sparse, &err) && err.kind == ERR_BUSY &&
          strcmp(err.code, "source_changed") == 0);
}

static void more_than_may_be_kept_is_refused(void)
{
    struct err err = {0};
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = open_file(fd);
    const uint8_t *at = sparse_bytes(sparse).at;
    CHECK(sparse_keep(sparse, at, 900000));
    CHECK(!sparse_keep(sparse, at + 2000000, 500000));
    CHECK(!sparse_check(sparse, &err) && err.kind == ERR_LIMIT);
}

static void a_file_over_the_limit_is_not_opened(void)
{
    struct err err = {0};
    struct sparse_limits small = limits;
    small.file_bytes_max = FILE_BYTES - 1;
    CLEANUP(path_close) int fd = make_file();
    CLEANUP(sparse_close) struct sparse *sparse = sparse_open(fd, &small, &err);
    CHECK(!sparse && err.kind == ERR_LIMIT && strcmp(err.code, "file_too_large") == 0);
    CLEANUP(sparse_close)
    struct sparse *none = sparse_open(-1, &limits, &(struct err){0});
    CHECK(!none);
}

static void an_empty_file_is_empty(void)
{
    struct err err = {0};
    CLEANUP(path_close) int fd = make_file();
    CHECK(ftruncate(fd, 0) == 0);
    CLEANUP(sparse_close) struct sparse *sparse = sparse_open(fd, &limits, &err);
    CHECK(sparse && sparse_bytes(sparse).len == 0);
}

int main(void)
{
    RUN(what_is_asked_for_is_there_up_to_the_last_byte);
    RUN(going_through_all_of_it_holds_no_more_than_the_limit);
    RUN(what_was_looked_at_can_be_kept);
    RUN(a_file_that_is_cut_meanwhile_is_said);
    RUN(more_than_may_be_kept_is_refused);
    RUN(a_file_over_the_limit_is_not_opened);
    RUN(an_empty_file_is_empty);
    return test_done();
}
