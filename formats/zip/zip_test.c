// SPDX-License-Identifier: Apache-2.0
#include "formats/zip/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void names_that_lead_elsewhere_are_refused(void)
{
    static const char *const names[] = {"", "/etc/passwd", "../a", "a/../b", "a b", "山"};
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
    RUN(what_is_short_or_long_is_refused);
    RUN(names_that_lead_elsewhere_are_refused);
    RUN(a_reader_that_is_gone_ends_it);
    return test_done();
}
