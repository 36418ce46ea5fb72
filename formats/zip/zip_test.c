// SPDX-License-Identifier: Apache-2.0
#include "formats/zip/zip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/test.h"

static bool take(void *context, struct span bytes)
{
    buf_span(context, bytes);
    return true;
}

static bool refuse(void *context, struct span bytes)
{
    (void)context;
    (void)bytes;
    return false;
}

static void files_are_read_back_by_another_program(void)
{
    struct err err = {0};
    char folder[] = "/tmp/zip_test_XXXXXX";
    char command[256];
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct zip *zip = zip_open(take, &out, &err);
    CHECK(zip && zip_file(zip, "DICOM/S001/I0001.dcm", 11, 1700000000, &err));
    CHECK(zip_data(zip, SPAN("hello "), &err) && zip_data(zip, SPAN("world"), &err));
    CHECK(zip_file(zip, "empty.txt", 0, 1700000000, &err) && zip_end(zip, &err));
    zip_free(zip);
    CHECK(mkdtemp(folder));
    snprintf(command, sizeof command, "%s/a.zip", folder);
    CHECK(path_write_file(command, buf_view(&out), &err));
    snprintf(command, sizeof command,
             "cd %s && python3 -c 'import zipfile; z = zipfile.ZipFile(\"a.zip\"); "
             "assert z.testzip() is None; assert z.read(\"DICOM/S001/I0001.dcm\") == "
             "b\"hello world\"; assert z.namelist()[1] == \"empty.txt\"; assert "
             "z.infolist()[0].compress_type == 0'",
             folder);
    CHECK(system(command) == 0);
    CHECK(test_remove(folder));
}

/* APPNOTE 4.3: each byte of an archive with two files, the second of them empty. */
static void an_archive_is_written_as_the_note_says(void)
{
    static const uint8_t whole[] =
        "PK\3\4\12\0\10\0\0\0\xaa\x39\x6f\x57\0\0\0\0\13\0\0\0\13\0\0\0\3\0\11\0d/a"
        "UT\5\0\1\0\xf1\x53\x65hello world"
        "PK\7\10\x85\x11\x4a\x0d\13\0\0\0\13\0\0\0"
        "PK\3\4\12\0\10\0\0\0\xaa\x39\x6f\x57\0\0\0\0\0\0\0\0\0\0\0\0\1\0\11\0b"
        "UT\5\0\1\0\xf1\x53\x65PK\7\10\0\0\0\0\0\0\0\0\0\0\0\0"
        "PK\1\2\12\3\12\0\10\0\0\0\xaa\x39\x6f\x57\x85\x11\x4a\x0d\13\0\0\0\13\0\0\0"
        "\3\0\11\0\0\0\0\0\0\0\0\0\xa4\x81\0\0\0\0d/aUT\5\0\1\0\xf1\x53\x65"
        "PK\1\2\12\3\12\0\10\0\0\0\xaa\x39\x6f\x57\0\0\0\0\0\0\0\0\0\0\0\0"
        "\1\0\11\0\0\0\0\0\0\0\0\0\xa4\x81\x45\0\0\0bUT\5\0\1\0\xf1\x53\x65"
        "PK\5\6\0\0\0\0\2\0\2\0\x72\0\0\0\x7d\0\0\0\0";
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct zip *zip = zip_open(take, &out, &err);
    CHECK(zip && zip_file(zip, "d/a", 11, 1700000000, &err));
    CHECK(zip_data(zip, SPAN("hello world"), &err));
    CHECK(zip_file(zip, "b", 0, 1700000000, &err) && zip_end(zip, &err));
    zip_free(zip);
    CHECK(span_equal(buf_view(&out), span_of(whole, sizeof whole)));
}

/* Holes for zeros: a file of gigabytes takes no room. */
static bool take_with_holes(void *context, struct span bytes)
{
    static const uint8_t zeros[1 << 20];
    const int *fd = context;
    if (bytes.len == sizeof zeros && memcmp(bytes.at, zeros, sizeof zeros) == 0)
        return lseek(*fd, (off_t)bytes.len, SEEK_CUR) >= 0;
    return write(*fd, bytes.at, bytes.len) == (ssize_t)bytes.len;
}

static bool write_large(struct zip *zip, int64_t size_bytes, struct err *err)
{
    static const uint8_t zeros[1 << 20];
    bool is_good = zip && zip_file(zip, "large", size_bytes, 1700000000, err);
    for (int64_t left = size_bytes; is_good && left > 0;) {
        struct span piece = span_part(span_of(zeros, sizeof zeros), 0, (size_t)left);
        is_good = zip_data(zip, piece, err);
        left -= (int64_t)piece.len;
    }
    return is_good && zip_file(zip, "far", 3, 1700000000, err) &&
           zip_data(zip, SPAN("far"), err) && zip_end(zip, err);
}

static void more_than_four_gigabytes_are_read_back(void)
{
    struct err err = {0};
    char folder[] = "/tmp/zip_test_XXXXXX";
    char command[384];
    CHECK(mkdtemp(folder));
    snprintf(command, sizeof command, "%s/a.zip", folder);
    int fd = open(command, O_WRONLY | O_CREAT | O_EXCL, 0600);
    struct zip *zip = zip_open(take_with_holes, &fd, &err);
    CHECK(fd >= 0 && write_large(zip, (4LL << 30) + 5, &err));
    zip_free(zip);
    close(fd);
    snprintf(command, sizeof command,
             "cd %s && python3 -c 'import zipfile; z = zipfile.ZipFile(\"a.zip\"); "
             "large, far = z.infolist(); assert large.file_size == (4 << 30) + 5; assert "
             "far.header_offset > 4 << 30; assert z.read(far) == b\"far\"; assert "
             "large.CRC == 0xb1c2a1a3'",
             folder);
    CHECK(system(command) == 0);
    CHECK(test_remove(folder));
}

static void more_files_than_sixteen_bits_count_are_read_back(void)
{
    enum { FILES = 70000 };
    struct err err = {0};
    char folder[] = "/tmp/zip_test_XXXXXX";
    char text[256];
    CLEANUP(buf_free) struct buf out = buf_init(32 << 20);
    struct zip *zip = zip_open(take, &out, &err);
    bool is_good = zip != NULL;
    for (int i = 0; is_good && i < FILES; i++) {
        snprintf(text, sizeof text, "f%d", i);
        is_good = zip_file(zip, text, 0, 1700000000, &err);
    }
    CHECK(is_good && zip_end(zip, &err));
    zip_free(zip);
    CHECK(mkdtemp(folder));
    snprintf(text, sizeof text, "%s/a.zip", folder);
    CHECK(path_write_file(text, buf_view(&out), &err));
    snprintf(text, sizeof text,
             "cd %s && python3 -c 'import zipfile; z = zipfile.ZipFile(\"a.zip\"); "
             "assert len(z.namelist()) == 70000 and z.namelist()[-1] == \"f69999\"'",
             folder);
    CHECK(system(text) == 0);
    CHECK(test_remove(folder));
}

/* 1970, 1980, 2107 and later: what DOS cannot say is its first or last. */
static void times_outside_its_years_are_the_nearest(void)
{
    static const struct {
        int64_t changed_s;
        uint32_t dos;
    } cases[] = {{0, 0x00210000},         {315500400, 0x00210000},
                 {315500460, 0x00210020}, {4354786799, 0xff9fbf7d},
                 {INT64_MAX, 0xff9fbf7d}, {INT64_MIN, 0x00210000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        uint32_t dos = 0;
        CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
        struct zip *zip = zip_open(take, &out, &err);
        CHECK(zip && zip_file(zip, "a", 0, cases[i].changed_s, &err));
        zip_free(zip);
        for (size_t k = 0; out.len >= 14 && k < 4; k++)
            dos |= (uint32_t)out.at[10 + k] << (8 * k);
        CHECK(dos == cases[i].dos);
    }
}

static void what_is_short_or_long_is_refused(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct zip *zip = zip_open(take, &out, &err);
    CHECK(zip && zip_file(zip, "a", 3, 0, &err));
    CHECK(!zip_data(zip, SPAN("long"), &err) && strcmp(err.code, "zip_failed") == 0);
    err_clear(&err);
    CHECK(zip_data(zip, SPAN("ab"), &err) && !zip_file(zip, "b", 1, 0, &err));
    err_clear(&err);
    CHECK(!zip_end(zip, &err));
    zip_free(zip);
}

/* The same calls without the bytes; far files and many of them make it longer. */
static void an_archive_is_measured_without_its_bytes(void)
{
    static const int64_t sizes[] = {0, 11, 3LL << 32, 5};
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct zip *written = zip_open(take, &out, &err);
    struct zip *measured = zip_open(NULL, NULL, &err);
    CHECK(written && zip_file(written, "d/a", 11, 1700000000, &err));
    CHECK(zip_data(written, SPAN("hello world"), &err) && zip_end(written, &err));
    CHECK(measured && zip_file(measured, "d/a", 11, 1700000000, &err));
    CHECK(zip_gap(measured, 4, &err) && zip_gap(measured, 7, &err));
    CHECK(zip_end(measured, &err));
    CHECK(zip_length(measured) == out.len && zip_length(written) == out.len);
    zip_free(written);
    zip_free(measured);
    struct zip *large = zip_open(NULL, NULL, &err);
    CHECK(large != NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK(zip_file(large, "f", sizes[i], 0, &err) && zip_gap(large, sizes[i], &err));
    CHECK(zip_end(large, &err) && zip_length(large) > (3ULL << 32) + 16);
    zip_free(large);
}

static void a_gap_is_none_of_an_archive_that_is_written(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct zip *written = zip_open(take, &out, &err);
    CHECK(written && zip_file(written, "a", 3, 0, &err));
    CHECK(!zip_gap(written, 3, &err) && strcmp(err.code, "zip_failed") == 0);
    zip_free(written);
    struct zip *measured = zip_open(NULL, NULL, &err);
    err_clear(&err);
    CHECK(measured && zip_file(measured, "a", 3, 0, &err));
    CHECK(!zip_gap(measured, -1, &err));
    err_clear(&err);
    CHECK(!zip_gap(measured, 4, &err));
    err_clear(&err);
    CHECK(!zip_gap(measured, INT64_MAX, &err));
    err_clear(&err);
    CHECK(zip_gap(measured, 2, &err) && !zip_end(measured, &err));
    zip_free(measured);
}

static void names_that_lead_elsewhere_are_refused(void)
{
    char long_name[257] = "";
    memset(long_name, 'a', sizeof long_name - 1);
    const char *const names[] = {long_name, "",    "/etc/passwd", "../a",
                                 "a/../b",  "a b", "山"};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct err err = {0};
    struct zip *zip = zip_open(take, &out, &err);
    for (size_t i = 0; zip && i < sizeof names / sizeof *names; i++) {
        err_clear(&err);
        CHECK(!zip_file(zip, names[i], 0, 0, &err) && strcmp(err.code, "zip_name") == 0);
    }
    zip_free(zip);
}

static void a_reader_that_is_gone_ends_it(void)
{
    struct err err = {0};
    static const uint8_t block[64 * 1024];
    struct zip *zip = zip_open(refuse, NULL, &err);
    CHECK(zip);
    bool is_good = zip_file(zip, "a", 4 * (int64_t)sizeof block, 0, &err);
    for (int i = 0; is_good && i < 4; i++)
        is_good = zip_data(zip, span_of(block, sizeof block), &err);
    CHECK(!is_good && strcmp(err.code, "zip_failed") == 0);
    zip_free(zip);
}

int main(void)
{
    RUN(files_are_read_back_by_another_program);
    RUN(an_archive_is_written_as_the_note_says);
    RUN(more_than_four_gigabytes_are_read_back);
    RUN(more_files_than_sixteen_bits_count_are_read_back);
    RUN(times_outside_its_years_are_the_nearest);
    RUN(what_is_short_or_long_is_refused);
    RUN(an_archive_is_measured_without_its_bytes);
    RUN(a_gap_is_none_of_an_archive_that_is_written);
    RUN(names_that_lead_elsewhere_are_refused);
    RUN(a_reader_that_is_gone_ends_it);
    return test_done();
}
