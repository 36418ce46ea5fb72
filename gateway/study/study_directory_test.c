// SPDX-License-Identifier: Apache-2.0
/* Copied discs: what a DICOMDIR names is compared with what lies there; nothing is looked
 * for by its names, and whatever it says, the files beside it are found. */
#include "gateway/study/study_testsite.h"

enum { NONE = -1, MANY = 100001 };

struct said_record {
    const char *type;
    const char *file; /* "A\\B"; NULL = none */
    const char *instance;
    int next, lower; /* which record, counted from 0; NONE */
};

static void put_long(struct site *site, uint32_t tag, size_t value)
{
    put_head(site, tag, "UL", 4);
    put_u32(site, (uint32_t)value);
}

static void put_record(struct site *site, const struct said_record *said,
                       const size_t *places)
{
    open_item(site);
    put_long(site, DICOM_NEXT_RECORD, said->next < 0 ? 0 : places[said->next]);
    put_short(site, DICOM_RECORD_IN_USE, 0xFFFF);
    put_long(site, DICOM_LOWER_RECORD, said->lower < 0 ? 0 : places[said->lower]);
    put_string(site, DICOM_RECORD_TYPE, "CS", said->type);
    if (said->file)
        put_string(site, DICOM_REFERENCED_FILE, "CS", said->file);
    if (said->instance)
        put_string(site, DICOM_REFERENCED_SOP_INSTANCE_IN_FILE, "UI", said->instance);
    close_item(site);
}

/* Twice, since a record's place is known when it is written. */
static struct buf make_directory(const struct said_record *records, size_t count)
{
    struct site nothing = new_site(LITTLE);
    CLEANUP(buf_free) struct buf head = wrap(&nothing, LITTLE);
    size_t *places = calloc(count, sizeof *places);
    struct buf whole = {0};
    CHECK(places != NULL);
    for (int turn = 0; turn < 2 && places; turn++) {
        struct site site = new_site(LITTLE);
        put_long(&site, DICOM_FIRST_ROOT_RECORD, places[0]);
        open_sequence(&site, DICOM_DIRECTORY_RECORDS);
        for (size_t i = 0; i < count; i++) {
            size_t place = head.len + site.out.len;
            put_record(&site, &records[i], places);
            places[i] = place;
        }
        close_sequence(&site);
        if (turn == 1)
            whole = wrap(&site, LITTLE);
        buf_free(&site.out);
    }
    free(places);
    return whole;
}

static void write_bytes(const struct ward *ward, const char *name, struct span bytes)
{
    struct err err = {0};
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    CHECK(path_write_file(path, bytes, &err));
}

static void write_directory(const struct ward *ward, const char *name,
                            const struct said_record *records, size_t count)
{
    CLEANUP(buf_free) struct buf whole = make_directory(records, count);
    write_bytes(ward, name, buf_view(&whole));
}

static void write_slice(const struct ward *ward, const char *name, const char *instance)
{
    struct said_file slice = a_slice(name, instance, 1);
    write_file(ward, &slice);
}

static void make_folder(const struct ward *ward, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", ward->pictures, name);
    CHECK(mkdir(path, 0700) == 0);
}

static void begin_disc(struct ward *ward)
{
    begin_ward(ward);
    link_patient(&ward->scene);
    make_folder(ward, "disc");
    make_folder(ward, "disc/IMAGES");
}

static bool are(struct ward *ward, int64_t named, int64_t missing, int64_t other)
{
    sweep(ward);
    struct study_discs discs = study_look_up_discs(ward->study);
    if (discs.named != named || discs.missing != missing || discs.other != other)
        printf("# %d %d %d\n", (int)discs.named, (int)discs.missing, (int)discs.other);
    return discs.named == named && discs.missing == missing && discs.other == other;
}

/* The only file that is told: its code and name. */
static bool is_lost(struct ward *ward, const char *code, const char *folder,
                    const char *name)
{
    struct err err = {0};
    struct study_lost *lost = NULL;
    size_t count = 0;
    CHECK(study_list_lost(ward->study, 10, &ward->scene.arena, &lost, &count, &err));
    return count == 1 && strcmp(lost->code, code) == 0 &&
           text_is(lost->folder, "pacs/disc/") && text_is(lost->name, "DICOMDIR") &&
           text_is(lost->file_folder, folder) && text_is(lost->file_name, name);
}

/* A patient, a study, a series, two images. */
static const struct said_record two_images[] = {
    {"PATIENT", NULL, NULL, NONE, 1},
    {"STUDY", NULL, NULL, NONE, 2},
    {"SERIES", NULL, NULL, NONE, 3},
    {"IMAGE", "IMAGES\\IM1", STUDY_UID ".1.1", 4, NONE},
    {"IMAGE", "IMAGES\\IM2", STUDY_UID ".1.2", NONE, NONE}};

static void a_whole_disc_and_what_lies_beside_it_is_all_there(void)
{
    struct ward ward;
    begin_disc(&ward);
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
    write_slice(&ward, "disc/IMAGES/IM2", STUDY_UID ".1.2");
    write_slice(&ward, "disc/extra.dcm", STUDY_UID ".1.3");
    CHECK(are(&ward, 2, 0, 0) && count_instances(&ward) == 3);
    end_ward(&ward);
}

static void a_file_that_is_missing_is_told_until_it_comes(void)
{
    struct ward ward;
    begin_disc(&ward);
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
    CHECK(are(&ward, 2, 1, 0) && count_instances(&ward) == 1);
    CHECK(is_lost(&ward, "disc_file_missing", "pacs/disc/IMAGES/", "IM2"));
    study_free(ward.study); /* a new process knows it, too */
    open_study(&ward);
    CHECK(are(&ward, 2, 1, 0));
    write_slice(&ward, "disc/IMAGES/IM2", STUDY_UID ".1.2");
    CHECK(are(&ward, 2, 0, 0) && count_instances(&ward) == 2);
    end_ward(&ward);
}

/* Another object under that name, or none that can be read. */
static void a_file_that_differs_is_told(void)
{
    struct ward ward;
    begin_disc(&ward);
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
    write_slice(&ward, "disc/IMAGES/IM2", STUDY_UID ".1.9");
    CHECK(are(&ward, 2, 0, 1) && count_instances(&ward) == 2);
    CHECK(is_lost(&ward, "disc_file_other", "pacs/disc/IMAGES/", "IM2"));
    write_bytes(&ward, "disc/IMAGES/IM2", SPAN("scratched"));
    CHECK(are(&ward, 2, 0, 1) && count_instances(&ward) == 1);
    end_ward(&ward);
}

/* Copies of discs have names of their own: small letters, version numbers. */
static void an_instance_under_another_name_is_not_missing(void)
{
    struct ward ward;
    begin_disc(&ward);
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    write_slice(&ward, "disc/IMAGES/im1.;1", STUDY_UID ".1.1");
    write_slice(&ward, "elsewhere.dcm", STUDY_UID ".1.2");
    CHECK(are(&ward, 2, 0, 0) && count_instances(&ward) == 2);
    end_ward(&ward);
}

static void a_record_without_a_number_is_looked_for_by_its_name(void)
{
    static const struct said_record records[] = {
        {"IMAGE", "IMAGES\\IM1", NULL, 1, NONE},
        {"IMAGE", "IMAGES\\IM2", NULL, NONE, NONE}};
    struct ward ward;
    begin_disc(&ward);
    write_directory(&ward, "disc/DICOMDIR", records, 2);
    write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
    CHECK(are(&ward, 2, 1, 0));
    CHECK(is_lost(&ward, "disc_file_missing", "pacs/disc/IMAGES/", "IM2"));
    end_ward(&ward);
}

static void another_directory_in_its_place_and_one_that_goes_are_followed(void)
{
    struct ward ward;
    char path[200];
    begin_disc(&ward);
    write_slice(&ward, "a.dcm", STUDY_UID ".1.5");
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    CHECK(are(&ward, 2, 2, 0));
    write_directory(&ward, "disc/DICOMDIR", two_images + 4, 1);
    CHECK(are(&ward, 1, 1, 0));
    snprintf(path, sizeof path, "%s/disc/DICOMDIR", ward.pictures);
    CHECK(unlink(path) == 0 && are(&ward, 0, 0, 0));
    write_directory(&ward, "disc/DICOMDIR", two_images, 5);
    CHECK(are(&ward, 2, 2, 0));
    snprintf(path, sizeof path, "%s/disc", ward.pictures);
    CHECK(test_remove(path) && are(&ward, 0, 0, 0));
    end_ward(&ward);
}

/* A file outside of the folder, which these names would lead to, is never looked at. */
static void names_that_lead_out_of_the_disc_lead_nowhere(void)
{
    static const char *const names[] = {
        "..\\..\\OUT", "/etc/hostname", "IMAGES\\..\\..\\..\\OUT",
        "..",          "IMAGES\\\\IM1", "C:\\OUT",
        "IMAGES/IM1",  ".\\OUT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct said_record one = {"IMAGE", names[i], STUDY_UID ".1.7", NONE, NONE};
        struct ward ward;
        begin_disc(&ward);
        write_slice(&ward, "../OUT", STUDY_UID ".1.7");
        write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
        write_directory(&ward, "disc/DICOMDIR", &one, 1);
        CHECK(are(&ward, 1, 1, 0) && count_instances(&ward) == 1);
        CHECK(is_lost(&ward, "disc_path_unsafe", "", ""));
        char path[200];
        snprintf(path, sizeof path, "%s/../OUT", ward.pictures);
        CHECK(unlink(path) == 0);
        end_ward(&ward);
    }
}

static void offsets_in_loops_name_each_file_once(void)
{
    static const struct said_record loops[][5] = {
        {{"PATIENT", NULL, NULL, 0, 0},
         {"STUDY", NULL, NULL, 1, 1},
         {"SERIES", NULL, NULL, 2, 2},
         {"IMAGE", "IMAGES\\IM1", STUDY_UID ".1.1", 3, 3},
         {"IMAGE", "IMAGES\\IM2", STUDY_UID ".1.2", 4, 4}},
        {{"PATIENT", NULL, NULL, 4, 1},
         {"STUDY", NULL, NULL, 0, 2},
         {"SERIES", NULL, NULL, 1, 3},
         {"IMAGE", "IMAGES\\IM1", STUDY_UID ".1.1", 0, 0},
         {"IMAGE", "IMAGES\\IM2", STUDY_UID ".1.2", 3, 0}}};
    for (size_t i = 0; i < 2; i++) {
        struct ward ward;
        begin_disc(&ward);
        write_directory(&ward, "disc/DICOMDIR", loops[i], 5);
        write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
        CHECK(are(&ward, 2, 1, 0) && count_instances(&ward) == 1);
        end_ward(&ward);
    }
}

static void write_many(const struct ward *ward, size_t count)
{
    struct said_record *records = calloc(count, sizeof *records);
    CHECK(records != NULL);
    for (size_t i = 0; i < count && records; i++)
        records[i] = (struct said_record){"IMAGE", "IMAGES\\IM2", "1.2", NONE, NONE};
    if (records)
        write_directory(ward, "disc/DICOMDIR", records, count);
    free(records);
}

/* More than one file's header: read whole, or refused by name; the pictures come. */
static void a_huge_directory_hinders_no_picture(void)
{
    struct ward ward;
    struct err err = {0};
    char path[200];
    begin_disc(&ward);
    write_slice(&ward, "disc/IMAGES/IM1", STUDY_UID ".1.1");
    write_many(&ward, 5000);
    CHECK(are(&ward, 5000, 5000, 0) && count_instances(&ward) == 1);
    write_many(&ward, MANY);
    CHECK(are(&ward, 0, 0, 0) && count_instances(&ward) == 1);
    snprintf(path, sizeof path, "%s/disc/DICOMDIR", ward.pictures);
    CHECK(truncate(path, 5000) == 0); /* cut: what is there counts */
    sweep(&ward);
    CHECK(study_look_up_discs(ward.study).named > 10);
    write_many(&ward, 5000);
    CHECK(truncate(path, (off_t)3 << 30) == 0); /* mostly a hole */
    CHECK(study_sweep(ward.study, &err) && count_instances(&ward) == 1);
    end_ward(&ward);
}

int main(void)
{
    RUN(a_whole_disc_and_what_lies_beside_it_is_all_there);
    RUN(a_file_that_is_missing_is_told_until_it_comes);
    RUN(a_file_that_differs_is_told);
    RUN(an_instance_under_another_name_is_not_missing);
    RUN(a_record_without_a_number_is_looked_for_by_its_name);
    RUN(another_directory_in_its_place_and_one_that_goes_are_followed);
    RUN(names_that_lead_out_of_the_disc_lead_nowhere);
    RUN(offsets_in_loops_name_each_file_once);
    RUN(a_huge_directory_hinders_no_picture);
    return test_done();
}
