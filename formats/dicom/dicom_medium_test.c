// SPDX-License-Identifier: Apache-2.0
/* A written DICOMDIR: as our reader, DCMTK and pydicom read it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/dicom/dicom_testsite.h"

static const uint8_t number[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2};
static const uint8_t largest[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                    255, 255, 255, 255, 255, 255, 255, 255};

static void put_study(struct site *site, const char *class, const char *series)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "\\ISO 2022 IR 87");
    put_string(site, DICOM_SOP_CLASS, "UI", class);
    put_string(site, DICOM_SOP_INSTANCE, "UI", "1.2.3.4");
    put_string(site, DICOM_STUDY_DATE, "DA", "20240131");
    put_string(site, DICOM_STUDY_TIME, "TM", "1200");
    put_string(site, DICOM_MODALITY, "CS", "CT");
    put_string(site, DICOM_PATIENT_NAME, "PN",
               "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B");
    put_string(site, DICOM_PATIENT_ID, "LO", "0012");
    put_string(site, DICOM_STUDY, "UI", "1.2.3");
    put_string(site, DICOM_SERIES, "UI", series);
}

static struct dicom_file *make_image(struct arena *arena, const char *series)
{
    struct err err = {0};
    struct site site = new_site(LITTLE);
    put_study(&site, "1.2.840.10008.5.1.4.1.1.7", series);
    put_string(&site, DICOM_INSTANCE_NUMBER, "IS", "7");
    put_short(&site, DICOM_ROWS, 1);
    put_short(&site, DICOM_COLUMNS, 2);
    put_bytes(&site, DICOM_PIXELS, "OW", "\1\2\3\4", 4);
    return read_site(&site, LITTLE, arena, &err);
}

static struct dicom_file *make_report(struct arena *arena)
{
    struct err err = {0};
    struct site site = new_site(LITTLE);
    put_study(&site, "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.9");
    open_sequence(&site, DICOM_CONCEPT_NAME);
    open_item(&site);
    put_string(&site, DICOM_CODE_VALUE, "SH", "121071");
    put_string(&site, DICOM_CODE_SCHEME, "SH", "DCM");
    put_string(&site, DICOM_CODE_MEANING, "LO", "Finding");
    close_item(&site);
    close_sequence(&site);
    put_string(&site, DICOM_COMPLETION, "CS", "COMPLETE");
    put_string(&site, DICOM_VERIFICATION, "CS", "VERIFIED");
    return read_site(&site, LITTLE, arena, &err);
}

static void make(struct dicom_medium *medium, struct arena *arena)
{
    struct err err = {0};
    dicom_medium_begin(medium, number);
    dicom_medium_add(medium, make_image(arena, "1.2.3.1"), "DICOM/S001/I00001");
    dicom_medium_add(medium, make_image(arena, "1.2.3.1"), "DICOM/S001/I00002");
    dicom_medium_add(medium, make_image(arena, "1.2.3.2"), "DICOM/S002/I00001");
    dicom_medium_add(medium, make_report(arena), "DICOM/S003/I00001");
    CHECK(dicom_medium_end(medium, &err));
}

static void the_tree_is_read_as_it_was_written(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    struct dicom_medium medium;
    struct dicom_file *file = NULL;
    struct dicom_record *root = NULL;
    make(&medium, &arena);
    CHECK(dicom_read(buf_view(&medium.out), NULL, &arena, &file, &err));
    CHECK(!file->is_truncated && !file->warnings && dicom_is_directory(file));
    CHECK(text_is(dicom_uid(file->meta, DICOM_MEDIA_SOP_INSTANCE), "2.25.258"));
    CHECK(dicom_directory(file, &arena, &root, &err) && root && !root->next);
    CHECK(text_is(root->type, "PATIENT") && !file->warnings);
    CHECK(text_is_in(root->set, DICOM_PATIENT_ID, &arena, "0012"));
    struct dicom_name name;
    CHECK(dicom_name(root->set, DICOM_PATIENT_NAME, &arena, &name, &err));
    CHECK(text_is(name.ideographic, "山田 太郎"));
    const struct dicom_record *study = root->child;
    CHECK(study && text_is(study->type, "STUDY") && !study->next);
    CHECK(text_is_in(study->set, DICOM_STUDY_ID, &arena, "1"));
    const struct dicom_record *series = study->child;
    CHECK(series && series->next && series->next->next && !series->next->next->next);
    CHECK(text_is(series->child->path, "DICOM/S001/I00001"));
    CHECK(text_is_in(series->child->set, DICOM_INSTANCE_NUMBER, &arena, "7"));
    CHECK(text_is(series->child->next->path, "DICOM/S001/I00002"));
    CHECK(!series->child->next->next);
    CHECK(text_is(series->next->child->path, "DICOM/S002/I00001"));
    const struct dicom_record *report = series->next->next->child;
    CHECK(text_is(report->type, "SR DOCUMENT"));
    CHECK(text_is_in(dicom_item(report->set, DICOM_CONCEPT_NAME, 0), DICOM_CODE_VALUE,
                     &arena, "121071"));
    buf_free(&medium.out);
}

static void what_no_reader_of_a_medium_could_open_is_left_out(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    struct dicom_medium medium;
    struct dicom_file *bare = make_image(&arena, "1.2.3.1");
    struct dicom_file *file = NULL;
    struct dicom_record *root = NULL;
    bare->has_preamble = false;
    dicom_medium_begin(&medium, largest);
    dicom_medium_add(&medium, bare, "DICOM/S001/I00001");
    CHECK(dicom_medium_end(&medium, &err));
    CHECK(dicom_read(buf_view(&medium.out), NULL, &arena, &file, &err));
    CHECK(text_is(dicom_uid(file->meta, DICOM_MEDIA_SOP_INSTANCE),
                  "2.25.340282366920938463463374607431768211455"));
    CHECK(dicom_directory(file, &arena, &root, &err) && !root);
    buf_free(&medium.out);
}

/* Their words on standard output, so that a failure shows them. */
static void the_peers_read_it(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    struct dicom_medium medium;
    char folder[] = "/tmp/dicom_medium_XXXXXX";
    char path[64], command[512];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/DICOMDIR", folder);
    make(&medium, &arena);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(medium.out.at, 1, medium.out.len, file) == medium.out.len);
    CHECK(fclose(file) == 0);
    snprintf(command, sizeof command,
             "/usr/bin/dcmdump -q %s >/dev/null && /usr/bin/python3 -c \""
             "import pydicom\n"
             "f = pydicom.dcmread('%s')\n"
             "r = [i.DirectoryRecordType for i in f.DirectoryRecordSequence]\n"
             "assert r == ['PATIENT', 'STUDY', 'SERIES', 'IMAGE', 'IMAGE', 'SERIES', "
             "'IMAGE', 'SERIES', 'SR DOCUMENT'], r\n"
             "\"",
             path, path);
    CHECK(system(command) == 0);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    buf_free(&medium.out);
}

int main(void)
{
    RUN(the_tree_is_read_as_it_was_written);
    RUN(what_no_reader_of_a_medium_could_open_is_left_out);
    RUN(the_peers_read_it);
    return test_done();
}
