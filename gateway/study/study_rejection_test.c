// SPDX-License-Identifier: Apache-2.0
/* Rejection notes (IHE RAD IOCM), corrections, and media with a DICOMDIR. */
#include "gateway/study/study_testsite.h"

#include <utime.h>

enum {
    CONCEPT_NAME = 0x0040A043,
    CODE_VALUE = 0x00080100,
    CODING_SCHEME = 0x00080102,
    EVIDENCE = 0x0040A375,
    REFERENCED_SERIES = 0x00081115,
    REFERENCED_INSTANCES = 0x00081199,
    REFERENCED_INSTANCE = 0x00081155
};

struct said_note {
    const char *name, *instance, *number, *code, *rejected;
};

static struct said_note a_note(const char *code)
{
    return (struct said_note){"note.dcm", STUDY_UID ".9.1", NUMBER, code,
                              STUDY_UID ".1.1"};
}

static void put_evidence(struct site *site, const char *rejected)
{
    open_sequence(site, EVIDENCE);
    open_item(site);
    open_sequence(site, REFERENCED_SERIES);
    open_item(site);
    open_sequence(site, REFERENCED_INSTANCES);
    open_item(site);
    put_string(site, REFERENCED_INSTANCE, "UI", rejected);
    close_item(site);
    close_sequence(site);
    put_string(site, DICOM_SERIES, "UI", STUDY_UID ".1");
    close_item(site);
    close_sequence(site);
    put_string(site, DICOM_STUDY, "UI", STUDY_UID);
    close_item(site);
    close_sequence(site);
}

static void write_note(const struct ward *ward, const struct said_note *said)
{
    struct err err = {0};
    char path[200];
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.88.59");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", said->instance);
    put_string(&site, DICOM_MODALITY, "CS", "KO");
    put_string(&site, DICOM_PATIENT_ID, "LO", said->number);
    put_string(&site, DICOM_STUDY, "UI", STUDY_UID);
    put_string(&site, DICOM_SERIES, "UI", STUDY_UID ".9");
    open_sequence(&site, CONCEPT_NAME);
    open_item(&site);
    put_string(&site, CODE_VALUE, "SH", said->code);
    put_string(&site, CODING_SCHEME, "SH", "DCM");
    close_item(&site);
    close_sequence(&site);
    put_evidence(&site, said->rejected);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "%s/%s", ward->pictures, said->name);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    buf_free(&site.out);
}

static void remove_file(const struct ward *ward, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    CHECK(unlink(path) == 0);
}

static void date_file(const struct ward *ward, const char *name, time_t at)
{
    char path[200];
    struct utimbuf times = {at, at};
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    CHECK(utime(path, &times) == 0);
}

static void write_two(struct ward *ward)
{
    struct said_file one = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    struct said_file two = a_slice("b.dcm", STUDY_UID ".1.2", 2);
    begin_ward(ward);
    link_patient(&ward->scene);
    write_file(ward, &one);
    write_file(ward, &two);
    sweep(ward);
}

static void a_rejected_instance_is_hidden_while_its_note_is_there(void)
{
    static const char *const codes[] = {"113001", "113037", "113038", "113039"};
    for (size_t i = 0; i < 4; i++) {
        struct ward ward;
        struct said_note note = a_note(codes[i]);
        write_two(&ward);
        write_note(&ward, &note);
        sweep(&ward);
        CHECK(count_instances(&ward) == 1);
        remove_file(&ward, "note.dcm");
        sweep(&ward);
        CHECK(count_instances(&ward) == 2);
        end_ward(&ward);
    }
}

static void a_study_of_rejected_instances_only_is_withdrawn(void)
{
    struct ward ward;
    struct index_place place;
    struct said_note note = a_note("113038");
    write_two(&ward);
    remove_file(&ward, "b.dcm");
    write_note(&ward, &note);
    sweep(&ward);
    CHECK(!find_place(&ward, &place));
    CHECK(count_events(&ward, UPLINK_ENTRY_WITHDRAWN, NULL) >= 1);
    end_ward(&ward);
}

static void a_note_of_another_kind_or_patient_rejects_nothing(void)
{
    struct ward ward;
    struct said_note key_images = a_note("113000");
    struct said_note others = a_note("113001");
    write_two(&ward);
    write_note(&ward, &key_images);
    others.name = "other.dcm";
    others.instance = STUDY_UID ".9.2";
    others.number = "0000099999";
    write_note(&ward, &others);
    sweep(&ward);
    CHECK(count_instances(&ward) == 3); /* key images are part of the study */
    end_ward(&ward);
}

static void what_is_sent_again_stays_rejected_unless_only_its_time_was_over(void)
{
    struct ward ward;
    struct said_file again = a_slice("again.dcm", STUDY_UID ".1.1", 1);
    struct said_note note = a_note("113001");
    write_two(&ward);
    write_note(&ward, &note);
    date_file(&ward, "note.dcm", 1714500000);
    remove_file(&ward, "a.dcm");
    write_file(&ward, &again);
    date_file(&ward, "again.dcm", 1714600000);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    note.code = "113039";
    write_note(&ward, &note);
    date_file(&ward, "note.dcm", 1714500001);
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    date_file(&ward, "again.dcm", 1714400000);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    end_ward(&ward);
}

static void a_rejected_note_rejects_nothing_any_more(void)
{
    struct ward ward;
    struct said_note note = a_note("113001");
    struct said_note second = a_note("113001");
    second.name = "second.dcm";
    second.instance = STUDY_UID ".9.2";
    second.rejected = note.instance;
    write_two(&ward);
    write_note(&ward, &note);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    write_note(&ward, &second);
    sweep(&ward);
    CHECK(count_instances(&ward) == 2);
    end_ward(&ward);
}

static void of_two_files_of_an_instance_the_later_one_counts(void)
{
    struct ward ward;
    struct err err = {0};
    struct index_place place = {0};
    struct study_content content = {0};
    struct said_file corrected = a_slice("0-corrected.dcm", STUDY_UID ".1.1", 1);
    write_two(&ward);
    date_file(&ward, "a.dcm", 1714500000);
    write_file(&ward, &corrected);
    date_file(&ward, "0-corrected.dcm", 1714600000);
    sweep(&ward);
    CHECK(find_place(&ward, &place) &&
          study_read_content(ward.study, &place, &ward.scene.arena, &content, &err));
    CHECK(content.instance_count == 2 &&
          text_is(content.series[0].instances[0].name, "0-corrected.dcm"));
    end_ward(&ward);
}

/* What the study is, is what its newest files say: another's birth date was a mistake. */
static void what_a_correction_replaced_counts_for_nothing(void)
{
    struct ward ward;
    struct said_file wrong = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    struct said_file corrected = a_slice("b.dcm", STUDY_UID ".1.1", 1);
    wrong.born = "19990102";
    begin_ward(&ward);
    link_patient(&ward.scene);
    write_file(&ward, &wrong);
    date_file(&ward, "a.dcm", 1714500000);
    sweep(&ward);
    CHECK(count_instances(&ward) == 0);
    write_file(&ward, &corrected);
    date_file(&ward, "b.dcm", 1714600000);
    sweep(&ward);
    CHECK(count_instances(&ward) == 1);
    CHECK(count_events(&ward, UPLINK_ENTRY_PUT, NULL) == 1);
    end_ward(&ward);
}

/* ---- media ---- */

/* A DICOMDIR with one record, which names the file id. */
static void write_directory(const struct ward *ward, const char *file_id)
{
    struct err err = {0};
    char path[200];
    struct site site = new_site(LITTLE);
    open_sequence(&site, DICOM_DIRECTORY_RECORDS);
    open_item(&site);
    put_string(&site, DICOM_RECORD_TYPE, "CS", "IMAGE");
    put_string(&site, DICOM_REFERENCED_FILE, "CS", file_id);
    close_item(&site);
    close_sequence(&site);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    snprintf(path, sizeof path, "%s/DICOMDIR", ward->pictures);
    CHECK(path_write_file(path, buf_view(&whole), &err));
    buf_free(&site.out);
}

/* Whatever the copy's DICOMDIR says, what lies there is read, and nothing else. */
static void a_copied_disc_is_read_by_what_lies_on_it(void)
{
    static const char *const ids[] = {"DICOM\\IM1", "DICOM\\GONE", "dicom\\im1.dcm",
                                      "..\\outside.dcm", "\\etc\\passwd"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct ward ward;
        char path[200];
        begin_ward(&ward);
        link_patient(&ward.scene);
        snprintf(path, sizeof path, "%s/DICOM", ward.pictures);
        CHECK(mkdir(path, 0700) == 0);
        struct said_file listed = a_slice("DICOM/IM1", STUDY_UID ".1.1", 1);
        struct said_file unlisted = a_slice("DICOM/im2.DCM", STUDY_UID ".1.2", 2);
        struct said_file outside = a_slice("../outside.dcm", STUDY_UID ".1.3", 3);
        write_file(&ward, &listed);
        write_file(&ward, &unlisted);
        write_file(&ward, &outside);
        snprintf(path, sizeof path, "%s/link.dcm", ward.pictures);
        CHECK(symlink("../outside.dcm", path) == 0);
        write_directory(&ward, ids[i]);
        sweep(&ward);
        CHECK(count_instances(&ward) == 2);
        snprintf(path, sizeof path, "%s/../outside.dcm", ward.pictures);
        CHECK(unlink(path) == 0);
        end_ward(&ward);
    }
}

int main(void)
{
    RUN(a_rejected_instance_is_hidden_while_its_note_is_there);
    RUN(a_study_of_rejected_instances_only_is_withdrawn);
    RUN(a_note_of_another_kind_or_patient_rejects_nothing);
    RUN(what_is_sent_again_stays_rejected_unless_only_its_time_was_over);
    RUN(a_rejected_note_rejects_nothing_any_more);
    RUN(a_copied_disc_is_read_by_what_lies_on_it);
    RUN(of_two_files_of_an_instance_the_later_one_counts);
    RUN(what_a_correction_replaced_counts_for_nothing);
    return test_done();
}
