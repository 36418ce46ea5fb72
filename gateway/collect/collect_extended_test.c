// SPDX-License-Identifier: Apache-2.0
/* Extended storage: documents in folders. */
#include <stdlib.h>

#include "gateway/collect/collect_testsite.h"

#define TYPE "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define TYPE_FOLDER PATIENT_FOLDER "/20240501/" TYPE
#define CONTENT(occurred, flag) NUMBER "_20240501_18842-5_" KEY "_" occurred "_01_" flag
#define MAIN "main_document.xml"

#define CDA_OF(number, kana, birth, words)                                               \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                       \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"18842-5\"/>"                \
    "<recordTarget><patientRole><id extension=\"" number "\"/><patient>"                 \
    "<name use=\"SYL\">" kana "</name><birthTime value=\"" birth "\"/>"                  \
    "</patient></patientRole></recordTarget>"                                            \
    "<documentationOf><serviceEvent/></documentationOf>"                                 \
    "<component><structuredBody><component><section><title>経過</title><text>" words     \
    "</text></section></component></structuredBody></component></ClinicalDocument>\n"
#define CDA(words) CDA_OF(NUMBER, "イイダ ハナコ", "19500102", words)

/* The scene's one root is an extended one, or there are two. */
static void begin_documents(struct scene *scene)
{
    begin(scene);
    collect_free(scene->collect);
    scene->root.is_extended = true;
    open_collect(scene);
}

static void put_document(struct scene *scene, const char *content, const char *file,
                         const char *bytes)
{
    char folder[400];
    snprintf(folder, sizeof folder, TYPE_FOLDER "/%s", content);
    put_file(scene, folder, file, bytes);
}

/* The key of the one document there is; "none" when there is none. */
static const char *key_of(struct scene *scene)
{
    static char key[256];
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    CHECK(index_list_bases(scene->index, TEXT(NUMBER), TEXT("main/" PATIENT_FOLDER "/"),
                           &scene->arena, &bases, &count, &err));
    CHECK(count <= 1);
    snprintf(key, sizeof key, "%.*s", count ? (int)bases[0].len : 4,
             count ? bases[0].at : "none");
    return key;
}

static bool find_place(struct scene *scene, struct index_place *place)
{
    struct err err = {0};
    return index_find_place(scene->index, TEXT(NUMBER), text_cstr(key_of(scene)),
                            &scene->arena, place, &err);
}

static const struct entry *read_entry(struct scene *scene, struct entry_list *list)
{
    struct err err = {0};
    struct index_place place;
    struct collect_content content = {0};
    *list = (struct entry_list){0};
    CHECK(find_place(scene, &place));
    CHECK(collect_read_source(scene->collect, place.path, &scene->arena, &content.bytes,
                              &err));
    CHECK(collect_list_beside(scene->collect, place.path, &scene->arena, &content.beside,
                              &err));
    CHECK(collect_read_list(scene->collect, place.path, &content, &scene->arena, list,
                            &err));
    return list->first;
}

static bool has_words(const struct entry *entry, const char *words)
{
    for (const struct entry_item *item = entry ? entry->items : NULL; item;
         item = item->next)
        for (size_t i = 0; i < item->field_count; i++)
            if (text_is(item->fields[i].value, words))
                return true;
    return false;
}

/* ---- reading ---- */

static void a_document_becomes_an_entry_and_is_read_again_as_content(void)
{
    struct scene scene;
    struct index_place place;
    struct entry_list list;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, CDA("安定している。"));
    put_document(&scene, CONTENT(OCCURRED, "1"), "picture.jpg", "\xFF\xD8\xFFpicture");
    sweep(&scene, false);
    CHECK(find_place(&scene, &place));
    CHECK(place.kind == ENTRY_DOCUMENT && place.day == day_from_date(2024, 5, 1));
    CHECK(text_is(place.department_code, "01") && !place.is_incomplete);
    CHECK(strcmp(version_of(&scene, key_of(&scene)), OCCURRED "1") == 0);
    CHECK(strlen(key_of(&scene)) == strlen("20240501/x-0123456789abcdef/" KEY));
    const struct entry *entry = read_entry(&scene, &list);
    CHECK(entry && text_is(entry->title, "退院時サマリー"));
    CHECK(has_words(entry, "経過") && has_words(entry, "安定している。"));
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

static void a_revision_is_a_new_folder_and_a_deletion_a_new_name(void)
{
    struct scene scene;
    struct entry_list list;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, CDA("初版"));
    sweep(&scene, false);
    move_file(&scene, TYPE_FOLDER, CONTENT(OCCURRED, "1"), CONTENT(OCCURRED, "2"));
    put_document(&scene, CONTENT("20240502090000000", "1"), MAIN, CDA("改訂"));
    sweep(&scene, false);
    CHECK(strcmp(version_of(&scene, key_of(&scene)), "202405020900000001") == 0);
    CHECK(has_words(read_entry(&scene, &list), "改訂"));
    move_file(&scene, TYPE_FOLDER, CONTENT("20240502090000000", "1"),
              CONTENT("20240502090000000", "0"));
    sweep(&scene, false);
    CHECK(strcmp(key_of(&scene), "none") != 0); /* not before a second look */
    scene.ahead_ms += 6000;
    look_again(&scene);
    CHECK(strcmp(key_of(&scene), "none") == 0);
    end(&scene);
}

static void a_document_that_is_still_being_written_is_waited_for(void)
{
    struct scene scene;
    struct err err = {0};
    char folder[400];
    begin_documents(&scene);
    scene.ahead_ms = 0;
    snprintf(folder, sizeof folder, TYPE_FOLDER "/%s", CONTENT(OCCURRED, "1"));
    CHECK(path_make_directory(in_storage(&scene, folder), &err));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "") && strcmp(key_of(&scene), "none") == 0);
    scene.ahead_ms = 10000;
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "document_main_missing "));
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, CDA("書けた"));
    scene.ahead_ms = 20000;
    sweep(&scene, false);
    CHECK(is_trouble(&scene, ""));
    struct entry_list list;
    CHECK(has_words(read_entry(&scene, &list), "書けた"));
    end(&scene);
}

static void of_old_the_document_lies_in_the_type_folder_itself(void)
{
    struct scene scene;
    struct index_place place;
    begin_documents(&scene);
    put_file(&scene, TYPE_FOLDER, CONTENT(OCCURRED, "1") ".pdf", "%PDF-1.4\n%%EOF\n");
    sweep(&scene, false);
    CHECK(find_place(&scene, &place) && place.kind == ENTRY_DOCUMENT);
    end(&scene);
}

static void one_file_with_another_name_is_the_document_and_two_are_none(void)
{
    struct scene scene;
    struct index_place place;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), "scan.pdf", "%PDF-1.4\n%%EOF\n");
    sweep(&scene, false);
    CHECK(find_place(&scene, &place) && !place.is_incomplete);
    put_document(&scene, CONTENT(OCCURRED, "1"), "scan2.pdf", "%PDF-1.4\n%%EOF\n");
    sweep(&scene, true);
    CHECK(is_trouble(&scene, "document_main_missing "));
    CHECK(find_place(&scene, &place) && place.is_incomplete);
    end(&scene);
}

/* ---- names ---- */

static void the_same_document_has_the_same_key_however_its_folder_is_written(void)
{
    /* か + sound mark and ガ; CP932 */
    static const char *const folders[] = {
        PATIENT_FOLDER "/20240501/G01^ガイド^99Z",
        PATIENT_FOLDER "/20240501/G01^カ\xE3\x82\x99イド^99Z",
        PATIENT_FOLDER "/20240501/G01^\x83\x4B\x83\x43\x83\x68^99Z",
    };
    static const char content[] = NUMBER "_20240501_G01_" KEY "_" OCCURRED "_01_1";
    char keys[3][256];
    for (size_t i = 0; i < 3; i++) {
        struct scene scene;
        struct entry_list list;
        char folder[400];
        begin_documents(&scene);
        snprintf(folder, sizeof folder, "%s/%s", folders[i], content);
        put_file(&scene, folder, "main_document.txt", "本文\n");
        sweep(&scene, false);
        snprintf(keys[i], sizeof keys[i], "%s", key_of(&scene));
        const struct entry *entry = read_entry(&scene, &list);
        CHECK(entry && text_is(entry->title, "ガイド"));
        /* gone again: found missing under the name it has in the index */
        CHECK(test_remove(in_storage(&scene, folders[i])));
        sweep(&scene, false);
        scene.ahead_ms += 6000;
        look_again(&scene);
        CHECK(strcmp(key_of(&scene), "none") == 0);
        end(&scene);
    }
    CHECK(strcmp(keys[0], keys[1]) == 0 && strcmp(keys[0], keys[2]) == 0);
}

static void folders_that_are_no_records_are_listed_and_stop_nothing(void)
{
    struct scene scene;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, CDA("良い"));
    put_document(&scene, "notes", MAIN, "x");
    put_document(&scene, NUMBER "_20240501_18842-5_" KEY "_" OCCURRED "_01_9", MAIN, "x");
    put_document(&scene, "back\\slash", MAIN, "x");
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "ssmix_flag_invalid path_unsafe ssmix_name_short "));
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    CHECK(index_list_bases(scene.index, TEXT(NUMBER), TEXT("main/" PATIENT_FOLDER "/"),
                           &scene.arena, &bases, &count, &err));
    CHECK(count == 4);
    end(&scene);
}

static void links_are_never_followed(void)
{
    struct scene scene;
    struct err err = {0};
    struct index_place place;
    char target[640];
    char link[640];
    begin_documents(&scene);
    put_file(&scene, "outside", MAIN, CDA("よその文書"));
    snprintf(target, sizeof target, "%s", in_storage(&scene, "outside/" MAIN));
    put_document(&scene, CONTENT(OCCURRED, "1"), "other.bin", "x");
    snprintf(link, sizeof link, "%s",
             in_storage(&scene, TYPE_FOLDER "/" CONTENT(OCCURRED, "1") "/" MAIN));
    CHECK(symlink(target, link) == 0);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "path_unsafe "));
    CHECK(find_place(&scene, &place) && place.is_incomplete);
    /* nor a folder that is one */
    CHECK(test_remove(in_storage(&scene, TYPE_FOLDER)));
    CHECK(path_make_directory(in_storage(&scene, TYPE_FOLDER), &err));
    snprintf(target, sizeof target, "%s", in_storage(&scene, "outside"));
    snprintf(link, sizeof link, "%s",
             in_storage(&scene, TYPE_FOLDER "/" CONTENT(OCCURRED, "1")));
    CHECK(symlink(target, link) == 0);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "path_unsafe "));
    end(&scene);
}

static void a_source_is_only_read_below_its_root(void)
{
    static const char *const paths[] = {"main/../index.db",
                                        "main/%2E%2E/index.db",
                                        "main//etc/passwd",
                                        "main/%2Fetc%2Fpasswd",
                                        "other/000/001/x",
                                        "main",
                                        ""};
    struct scene scene;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, CDA("良い"));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err err = {0};
        struct span bytes = {0};
        sweep(&scene, false);
        CHECK(!collect_read_source(scene.collect, text_cstr(paths[i]), &scene.arena,
                                   &bytes, &err));
        CHECK(err.kind == ERR_REFUSED || err.kind == ERR_MISSING);
    }
    end(&scene);
}

/* ---- refusals ---- */

static void a_document_that_cannot_be_read_is_incomplete_with_a_reason(void)
{
    static const struct {
        const char *bytes;
        const char *trouble;
    } cases[] = {
        {"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><ClinicalDocument/>",
         "xml_dtd "},
        {"<ClinicalDocument><component>", "xml_malformed "},
        {"<ClinicalDocument></ClinicalDocument>", "cda_body_missing "},
        {"no mark-up at all", "xml_malformed "},
        {"", "document_empty "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        struct index_place place;
        begin_documents(&scene);
        put_document(&scene, CONTENT(OCCURRED, "1"), MAIN, cases[i].bytes);
        sweep(&scene, false);
        CHECK(is_trouble(&scene, cases[i].trouble));
        CHECK(find_place(&scene, &place) && place.is_incomplete &&
              place.kind == ENTRY_DOCUMENT);
        end(&scene);
    }
}

static void a_document_of_somebody_else_is_held(void)
{
    struct scene scene;
    begin_documents(&scene);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN,
                 CDA_OF("0000099999", "ホカ ヒト", "19600101", "よその内容"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch "));
    end(&scene);
    begin_documents(&scene);
    put_document(&scene, "0000099999_20240501_18842-5_" KEY "_" OCCURRED "_01_1", MAIN,
                 CDA("名前だけよそ"));
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_mismatch "));
    end(&scene);
}

static void release(struct scene *scene, const char *content)
{
    struct err err = {0};
    char path[500];
    snprintf(path, sizeof path, "main/" TYPE_FOLDER "/%s/" MAIN, content);
    CHECK(index_release_file(scene->index, text_cstr(path), &err));
    if (err.kind)
        printf("# %s\n", err.code);
}

/* Of another patient by its content, or by its folder's name. */
static void a_held_document_can_be_released_as_it_is(void)
{
    static const struct {
        const char *content;
        const char *bytes;
    } cases[] = {
        {CONTENT(OCCURRED, "1"),
         CDA_OF("0000099999", "ホカ ヒト", "19600101", "よその内容")},
        {"0000099999_20240501_18842-5_" KEY "_" OCCURRED "_01_1", CDA("名前だけよそ")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        struct index_place place;
        begin_documents(&scene);
        put_document(&scene, cases[i].content, MAIN, cases[i].bytes);
        sweep(&scene, false);
        CHECK(is_trouble(&scene, "patient_mismatch "));
        release(&scene, cases[i].content);
        sweep(&scene, false);
        CHECK(is_trouble(&scene, ""));
        CHECK(find_place(&scene, &place) && !place.is_incomplete);
        sweep(&scene, true);
        CHECK(is_trouble(&scene, ""));
        put_document(&scene, cases[i].content, MAIN,
                     CDA_OF("0000088888", "ホカ ヒト", "19600101", "別の内容"));
        sweep(&scene, false);
        CHECK(is_trouble(&scene, "patient_mismatch "));
        end(&scene);
    }
}

/* ---- several volumes ---- */

static void a_document_that_contradicts_the_standard_storage_is_held(void)
{
    struct scene scene;
    char standard[128];
    begin(&scene);
    put_patient(&scene);
    snprintf(standard, sizeof standard, "%s", scene.storage);
    snprintf(scene.storage, sizeof scene.storage, "%s/documents", scene.folder);
    put_document(&scene, CONTENT(OCCURRED, "1"), MAIN,
                 CDA_OF(NUMBER, "ホカ ヒト", "19600101", "よその内容"));
    struct err err = {0};
    const struct collect_root roots[] = {
        {.label = "STD01", .directory = standard},
        {.label = "ANX01", .directory = scene.storage, .is_extended = true}};
    struct collect_config config = {.index = scene.index,
                                    .roots = roots,
                                    .root_count = 2,
                                    .clock = scene_clock(&scene),
                                    .second_look_ms = 5000,
                                    .recent_days = 100000};
    collect_free(scene.collect);
    scene.collect = collect_new(&config, &err);
    CHECK(scene.collect);
    sweep(&scene, false);
    CHECK(is_trouble(&scene, "patient_contradicted "));
    end(&scene);
}

int main(void)
{
    RUN(a_document_becomes_an_entry_and_is_read_again_as_content);
    RUN(a_revision_is_a_new_folder_and_a_deletion_a_new_name);
    RUN(a_document_that_is_still_being_written_is_waited_for);
    RUN(of_old_the_document_lies_in_the_type_folder_itself);
    RUN(one_file_with_another_name_is_the_document_and_two_are_none);
    RUN(the_same_document_has_the_same_key_however_its_folder_is_written);
    RUN(folders_that_are_no_records_are_listed_and_stop_nothing);
    RUN(links_are_never_followed);
    RUN(a_source_is_only_read_below_its_root);
    RUN(a_document_that_cannot_be_read_is_incomplete_with_a_reason);
    RUN(a_document_of_somebody_else_is_held);
    RUN(a_held_document_can_be_released_as_it_is);
    RUN(a_document_that_contradicts_the_standard_storage_is_held);
    return test_done();
}
