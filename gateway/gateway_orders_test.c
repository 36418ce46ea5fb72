// SPDX-License-Identifier: Apache-2.0
/* Orders of the storage and pictures of the archive, linked: who may open what. */
#include "gateway/gateway_testcentre.h"

#include "formats/dicom/dicom_testsite.h"

#define STUDY_KEY "-/DICOM/1.2.392.5"
#define ORDER_OF(department)                                                             \
    PID PV1 "ORC|NW|" KEY "|||||||20240501091500||||||||" department "^秘^99XY1\r"      \
            "TQ1|1\rOBR||" KEY "||1000^秘密の依頼^JJ1017|||202405011030\r"          \
            "IPC|A1|P1|1.2.392.5||US^^DCM\r"

static const char *const two_audiences =
    "{\"version\":2,\"excluded_departments\":[\"40\"],\"rules\":[{\"kinds\":"
    "[\"radiology\",\"patient\"],\"professions\":[\"doctor\",\"nurse\"]},{\"kinds\":"
    "[\"endoscopy\"],\"professions\":[\"doctor\"]}]}";

static void put_pictures(const struct scene *scene)
{
    struct err err = {0};
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.6.1");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", "1.2.392.5.1.1");
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_MODALITY, "CS", "US");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_STUDY, "UI", "1.2.392.5");
    put_string(&site, DICOM_SERIES, "UI", "1.2.392.5.1");
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    must(path_make_directory(in_folder(scene, "pacs"), &err), &err);
    must(path_write_file(in_folder(scene, "pacs/1"), buf_view(&whole), &err), &err);
    buf_free(&site.out);
}

/* A disc's directory that names a file which is not there. */
static void put_directory(const struct scene *scene)
{
    struct err err = {0};
    struct site site = new_site(LITTLE);
    open_sequence(&site, DICOM_DIRECTORY_RECORDS);
    open_item(&site);
    put_string(&site, DICOM_RECORD_TYPE, "CS", "IMAGE");
    put_string(&site, DICOM_REFERENCED_FILE, "CS", "IMAGES\\IM2");
    put_string(&site, DICOM_REFERENCED_SOP_INSTANCE_IN_FILE, "UI", "1.2.392.5.1.2");
    close_item(&site);
    close_sequence(&site);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    must(path_write_file(in_folder(scene, "pacs/DICOMDIR"), buf_view(&whole), &err),
         &err);
    buf_free(&site.out);
}

static struct answer ask_as(struct scene *scene, const char *path, const char *key,
                            const char *profession, enum entry_kind kind)
{
    struct wish wish = {.key = key, .profession = profession, .kind = kind};
    return ask_wish(scene, path, &wish);
}

/* Until the gateway has seen both. */
static bool is_soon(struct scene *scene, const char *path, const char *key,
                    enum entry_kind kind, int status)
{
    int last = 0;
    for (int tries = 0; tries < 400 && last != status; tries++) {
        ANSWER answer = ask_as(scene, path, key, "doctor", kind);
        last = answer.status;
        if (last != status)
            usleep(50000);
    }
    return last == status;
}

static void greet(struct scene *scene)
{
    ANSWER hello = ask_hello(scene);
    CHECK(hello.status == 200);
}

static void begin_with(struct scene *scene, const char *type, const char *department,
                       const char *message)
{
    struct err err = {0};
    char folder[128];
    char file[256];
    begin(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    stop_gateway(scene);
    must(path_write_file(in_folder(scene, "policy.json"), span_cstr(two_audiences), &err),
         &err);
    add_image_folder(scene);
    put_pictures(scene);
    put_directory(scene);
    snprintf(folder, sizeof folder, "000/001/" NUMBER "/20240501/%s", type);
    snprintf(file, sizeof file, NUMBER "_20240501_%s_" KEY "_20240501120000000_%s_1",
             type, department);
    put_file(scene, folder, file, message);
    start_gateway(scene);
    greet(scene);
}

static bool says(const struct answer *answer, const char *words)
{
    return memmem(answer->body.at, answer->body.len, words, strlen(words)) != NULL;
}

static void an_order_opens_its_pictures_and_keeps_its_words(void)
{
    struct scene scene;
    const char *order = "20240501/OMG-11/" KEY;
    begin_with(&scene, "OMG-11", "01", MSH("OMI^Z23^OMI_Z23") ORDER_OF("01"));
    CHECK(is_soon(&scene, "/study", order, ENTRY_RADIOLOGY, 200));
    ANSWER study = ask_as(&scene, "/study", order, "nurse", ENTRY_RADIOLOGY);
    CHECK(study.status == 200 && says(&study, "1.2.392.5.1.1"));
    ANSWER words = ask_as(&scene, "/content", order, "nurse", ENTRY_RADIOLOGY);
    CHECK(words.status == 200 && says(&words, "秘密の依頼"));
    ANSWER clerk = ask_as(&scene, "/study", order, "clerk", ENTRY_RADIOLOGY);
    CHECK(is_problem(&clerk, 403, "audience"));
    end(&scene);
}

static void who_may_see_pictures_only_sees_no_word_of_the_order(void)
{
    struct scene scene;
    const char *order = "20240501/OMG-12/" KEY;
    begin_with(&scene, "OMG-12", "01", MSH("OMI^Z23^OMI_Z23") ORDER_OF("01"));
    CHECK(is_soon(&scene, "/content", order, ENTRY_ENDOSCOPY, 200));
    CHECK(is_soon(&scene, "/content", STUDY_KEY, ENTRY_RADIOLOGY, 200));
    ANSWER pictures = ask_as(&scene, "/content", STUDY_KEY, "nurse", ENTRY_RADIOLOGY);
    CHECK(pictures.status == 200 && !says(&pictures, "秘密"));
    ANSWER words = ask_as(&scene, "/content", order, "nurse", ENTRY_ENDOSCOPY);
    CHECK(is_problem(&words, 403, "audience"));
    ANSWER through = ask_as(&scene, "/study", order, "nurse", ENTRY_ENDOSCOPY);
    CHECK(is_problem(&through, 403, "audience"));
    ANSWER ungranted = ask_as(&scene, "/study", order, "doctor", ENTRY_ENDOSCOPY);
    CHECK(is_problem(&ungranted, 403, "kind_not_granted"));
    end(&scene);
}

static void pictures_of_an_excluded_department_stay(void)
{
    struct scene scene;
    begin_with(&scene, "OMG-11", "40", MSH("OMI^Z23^OMI_Z23") ORDER_OF("40"));
    CHECK(is_soon(&scene, "/study", STUDY_KEY, ENTRY_RADIOLOGY, 403));
    ANSWER study = ask_as(&scene, "/study", STUDY_KEY, "doctor", ENTRY_RADIOLOGY);
    CHECK(is_problem(&study, 403, "department"));
    end(&scene);
}

static void a_file_that_a_disc_names_and_that_is_missing_is_listed(void)
{
    struct scene scene;
    struct err err = {0};
    const char *order = "20240501/OMG-11/" KEY;
    CLEANUP(buf_free) struct buf held = buf_init(1 << 20);
    begin_with(&scene, "OMG-11", "01", MSH("OMI^Z23^OMI_Z23") ORDER_OF("01"));
    /* the order opens pictures: the folder was looked through */
    CHECK(is_soon(&scene, "/study", order, ENTRY_RADIOLOGY, 200));
    CHECK(gateway_list_held(in_folder(&scene, "gateway.json"), &held, &err));
    CHECK(span_is(buf_view(&held),
                  "{\"disc\":\"file\",\"path\":\"pacs/DICOMDIR\",\"file\":\"pacs/IMAGES/"
                  "IM2\",\"code\":\"disc_file_missing\"}\n"));
    end(&scene);
}

static int ask_list(struct scene *scene, const char *key, bool *names_key)
{
    ANSWER list =
        ask_text(scene, "/snapshots", "{\"record\":\"" RECORD "\",\"cursor\":\"\"}");
    *names_key = says(&list, key);
    CHECK(list.status != 503 || is_problem(&list, 503, "index_filling"));
    return list.status;
}

/* Told as gone they would come back as new. */
static void a_wiped_index_does_not_say_that_its_pictures_are_gone(void)
{
    struct scene scene;
    bool names_key = false;
    char pacs[300];
    begin_with(&scene, "OMG-12", "01", MSH("OMI^Z23^OMI_Z23") ORDER_OF("01"));
    CHECK(is_soon(&scene, "/study", STUDY_KEY, ENTRY_RADIOLOGY, 200));
    stop_gateway(&scene);
    CHECK(unlink(in_folder(&scene, "data/index.db")) == 0);
    snprintf(pacs, sizeof pacs, "%s", in_folder(&scene, "pacs"));
    CHECK(rename(pacs, in_folder(&scene, "elsewhere")) == 0);
    start_gateway(&scene);
    greet(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    CHECK(ask_list(&scene, STUDY_KEY, &names_key) == 503);
    stop_gateway(&scene); /* which it does not forget */
    start_gateway(&scene);
    greet(&scene);
    CHECK(ask_list(&scene, STUDY_KEY, &names_key) == 503);
    CHECK(rename(in_folder(&scene, "elsewhere"), pacs) == 0);
    int status = 503;
    for (int tries = 0; tries < 400 && status == 503; tries++) {
        status = ask_list(&scene, STUDY_KEY, &names_key);
        usleep(status == 503 ? 50000 : 0);
    }
    CHECK(status == 200 && names_key);
    end(&scene);
}

int main(void)
{
    RUN(an_order_opens_its_pictures_and_keeps_its_words);
    RUN(who_may_see_pictures_only_sees_no_word_of_the_order);
    RUN(pictures_of_an_excluded_department_stay);
    RUN(a_file_that_a_disc_names_and_that_is_missing_is_listed);
    RUN(a_wiped_index_does_not_say_that_its_pictures_are_gone);
    return test_done();
}
