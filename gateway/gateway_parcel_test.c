// SPDX-License-Identifier: Apache-2.0
/* What the centre's DICOMweb asks of a gateway: metadata of instances, and files as parts
 * of one answer. */
#include "gateway/gateway_testparcel.h"

#include "formats/multipart/multipart.h"

#define BOUNDARY "00112233445566778899aabbccddeeff"

/* A rejection note (IHE RAD IOCM) of the second file. */
static void put_note(const struct scene *scene)
{
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.88.59");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", STUDY ".9.1");
    put_string(&site, DICOM_MODALITY, "CS", "KO");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_STUDY, "UI", STUDY);
    put_string(&site, DICOM_SERIES, "UI", STUDY ".9");
    open_sequence(&site, 0x0040A043);
    open_item(&site);
    put_string(&site, DICOM_CODE_VALUE, "SH", "113037");
    put_string(&site, DICOM_CODE_SCHEME, "SH", "DCM");
    close_item(&site);
    close_sequence(&site);
    open_sequence(&site, 0x0040A375);
    open_item(&site);
    open_sequence(&site, DICOM_REFERENCED_SERIES);
    open_item(&site);
    open_sequence(&site, DICOM_REFERENCED_SOPS);
    open_item(&site);
    put_string(&site, DICOM_REFERENCED_SOP_INSTANCE, "UI", files[1].instance);
    close_item(&site);
    close_sequence(&site);
    close_item(&site);
    close_sequence(&site);
    close_item(&site);
    close_sequence(&site);
    keep_file(scene, "pacs/note", &site);
}

/* ---- metadata ---- */

static struct text word_of(const struct json_value *object, const char *tag)
{
    struct text word = TEXT("");
    struct err err = {0};
    const struct json_value *values = json_member(json_member(object, tag), "Value");
    if (values && json_count(values) > 0 &&
        !json_as_text(json_item(values, 0), 64, &word, &err))
        return TEXT("?");
    return word;
}

/* The document, when it is an array of these instances. */
static struct json_document *read_metadata(struct scene *scene, const char *members,
                                           const char *const *instances, size_t count)
{
    struct err err = {0};
    FETCHED fetched;
    fetch(scene, "/metadata", members, &fetched);
    CHECK(fetched.status == 200 && fetched.is_whole &&
          strcmp(fetched.type, "application/dicom+json") == 0);
    struct json_document *document = json_parse(buf_view(&fetched.body), &err);
    CHECK(document && json_is_array(json_root(document)));
    if (!document)
        return NULL;
    CHECK(json_count(json_root(document)) == count);
    for (size_t i = 0; i < count && i < json_count(json_root(document)); i++) {
        const struct json_value *object = json_item(json_root(document), i);
        CHECK(text_is(word_of(object, "00080018"), instances[i]));
        CHECK(text_is(word_of(object, "0020000D"), STUDY));
    }
    return document;
}

static void metadata_are_all_attributes_but_pixels(void)
{
    static const char *const all[] = {STUDY ".1.1", STUDY ".1.2", STUDY ".2.1"};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    CLEANUP(json_free_at)
    struct json_document *document = read_metadata(&scene, "", all, FILE_COUNT);
    const struct json_value *first = json_item(json_root(document), 0);
    CHECK(text_is(word_of(first, "00080005"), "ISO_IR 192"));
    CHECK(text_is(word_of(first, "0020000E"), files[0].series));
    CHECK(text_is(word_of(first, "00100020"), NUMBER));
    CHECK(!json_member(first, "7FE00010") && !json_member(first, "00020010"));
    CHECK(!json_member(first, "00080056"));
    struct text name = {0};
    struct err err = {0};
    CHECK(
        json_take_text(json_item(json_member(json_member(first, "00100010"), "Value"), 0),
                       "Ideographic", 64, &name, &err));
    CHECK(text_is(name, "飯田^花子"));
    end(&scene);
}

static void metadata_are_narrowed_to_a_series_or_an_instance(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    json_free(read_metadata(&scene, ",\"series\":0",
                            (const char *const[]){STUDY ".1.1", STUDY ".1.2"}, 2));
    json_free(
        read_metadata(&scene, ",\"series\":1", (const char *const[]){STUDY ".2.1"}, 1));
    json_free(read_metadata(&scene, ",\"series\":0,\"instance\":1",
                            (const char *const[]){STUDY ".1.2"}, 1));
    end(&scene);
}

/* Their length is known when they were written: it is in the row that ends the opening.
 */
static void metadata_are_counted_in_the_audit(void)
{
    struct scene scene;
    struct err err = {0};
    char bytes[64];
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    ANSWER before = ask_text(&scene, "/cancel", OPENING);
    FETCHED study;
    fetch(&scene, "/study", "", &study);
    FETCHED metadata;
    fetch(&scene, "/metadata", "", &metadata);
    CHECK(metadata.status == 200 && metadata.is_whole);
    ANSWER after = ask_text(&scene, "/cancel", OPENING);
    CHECK(before.status < 300 && after.status < 300);
    snprintf(bytes, sizeof bytes, "\"bytes\":%zu", study.body.len + metadata.body.len);
    struct rows rows = {bytes, 0};
    CHECK(audit_walk(in_folder(&scene, "data/audit"), "2010000001", 1, count_row, &rows,
                     &err));
    CHECK(rows.count == 1);
    end(&scene);
}

/* Gone, broken, or another instance's file: named, and said to be away. */
static void what_cannot_be_read_any_more_is_named_as_away(void)
{
    static const char *const all[] = {STUDY ".1.1", STUDY ".1.2", STUDY ".2.1"};
    struct scene scene;
    struct err err = {0};
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    CHECK(unlink(in_folder(&scene, files[0].name)) == 0);
    must(path_write_file(in_folder(&scene, files[1].name), SPAN("no DICOM"), &err), &err);
    put_picture(&scene, 2, "1.2.392.999.1");
    CLEANUP(json_free_at)
    struct json_document *document = read_metadata(&scene, "", all, FILE_COUNT);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const struct json_value *object = json_item(json_root(document), i);
        CHECK(text_is(word_of(object, "00080056"), "UNAVAILABLE"));
        CHECK(text_is(word_of(object, "0020000E"), files[i].series));
        CHECK(text_is(word_of(object, "00080060"), "US"));
        CHECK(!json_member(object, "00100020"));
    }
    end(&scene);
}

static void a_rejected_instance_is_in_none_of_them(void)
{
    static const char *const shown[] = {STUDY ".1.1", STUDY ".2.1"};
    struct scene scene;
    begin_study(&scene, put_note);
    CHECK(is_soon(&scene, 2));
    json_free(read_metadata(&scene, "", shown, 2));
    FETCHED parts;
    fetch(&scene, "/archive", ",\"form\":\"multipart\",\"boundary\":\"" BOUNDARY "\"",
          &parts);
    CHECK(parts.status == 200 && parts.is_whole);
    CHECK(memmem(parts.body.at, parts.body.len, files[0].instance, 13));
    CHECK(!memmem(parts.body.at, parts.body.len, files[1].instance, 13));
    end(&scene);
}

/* ---- parts ---- */

/* The parts are these files, byte by byte. */
static void check_parts(struct scene *scene, const struct fetched *fetched,
                        const size_t *which, size_t count)
{
    struct err err = {0};
    struct multipart reader;
    struct span rest = buf_view(&fetched->body);
    struct span data = {0};
    size_t parts = 0;
    CLEANUP(buf_free) struct buf part = buf_init(1 << 20);
    CHECK(fetched->status == 200 && fetched->is_whole &&
          strcmp(fetched->type, "multipart/related") == 0);
    CHECK(multipart_begin(&reader, SPAN(BOUNDARY), &err));
    enum multipart_event event = MULTIPART_MORE;
    do {
        event = multipart_next(&reader, &rest, &data);
        if (event == MULTIPART_PART)
            CHECK(span_is(multipart_field(&reader, "content-type"), "application/dicom"));
        else if (event == MULTIPART_DATA)
            buf_span(&part, data);
        else if (event == MULTIPART_PART_END) {
            CHECK(
                parts < count &&
                span_equal(buf_view(&part), read_back(scene, files[which[parts]].name)));
            parts++;
            buf_reset(&part);
        }
    } while (event != MULTIPART_END && event != MULTIPART_BROKEN &&
             event != MULTIPART_MORE);
    CHECK(event == MULTIPART_END && parts == count);
}

#define PARTS ",\"form\":\"multipart\",\"boundary\":\"" BOUNDARY "\""

static void files_are_parts_as_they_lie_there(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED whole;
    fetch(&scene, "/archive", PARTS, &whole);
    check_parts(&scene, &whole, (const size_t[]){0, 1, 2}, 3);
    FETCHED series;
    fetch(&scene, "/archive", ",\"series\":1" PARTS, &series);
    check_parts(&scene, &series, (const size_t[]){2}, 1);
    FETCHED instance;
    fetch(&scene, "/archive", ",\"series\":0,\"instance\":1" PARTS, &instance);
    check_parts(&scene, &instance, (const size_t[]){1}, 1);
    FETCHED zip;
    fetch(&scene, "/archive", ",\"form\":\"zip\",\"series\":0,\"instance\":1", &zip);
    CHECK(zip.status == 200 && zip.is_whole && strcmp(zip.type, "application/zip") == 0);
    CHECK(memmem(zip.body.at, zip.body.len, "DICOM/S001/I00002", 17));
    CHECK(!memmem(zip.body.at, zip.body.len, "DICOM/S001/I00001", 17));
    end(&scene);
}

/* Metadata and parts are DICOM's; the archive has every file. */
static void a_recording_that_is_no_dicom_is_in_the_archive_only(void)
{
    static const struct wish wish = {"-/DICOM/" WAVE, "doctor", ENTRY_PHYSIOLOGY, 0,
                                     NULL};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED study;
    fetch_as(&scene, "/study", "", &wish, &study);
    CHECK(study.status == 200);
    FETCHED metadata;
    fetch_as(&scene, "/metadata", "", &wish, &metadata);
    CHECK(metadata.status == 200 && span_is(buf_view(&metadata.body), "[]"));
    FETCHED parts;
    fetch_as(&scene, "/archive", PARTS, &wish, &parts);
    CHECK(parts.status == 404 &&
          memmem(parts.body.at, parts.body.len, "frame_missing", 13));
    FETCHED zip;
    fetch_as(&scene, "/archive", "", &wish, &zip);
    CHECK(zip.status == 200 && memmem(zip.body.at, zip.body.len, "MFER/S001/", 10));
    end(&scene);
}

/* A study of its own may be known later than the other one. */
static bool is_told_soon(struct scene *scene, const struct wish *wish)
{
    time_t until = time(NULL) + SOON_S;
    int status = 0;
    while (status != 200 && time(NULL) < until) {
        FETCHED study;
        if (status != 0)
            usleep(50000);
        fetch_as(scene, "/study", "", wish, &study);
        status = study.status;
    }
    return status == 200;
}

/* From where it lies in its file, without what stands around it there. */
static void a_document_is_sent_as_it_lies_in_its_file(void)
{
    static const struct wish wish = {"-/DICOM/" PAPER, "doctor", ENTRY_RADIOLOGY, 0,
                                     NULL};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT) && is_told_soon(&scene, &wish));
    FETCHED paper;
    fetch_as(&scene, "/document", ",\"series\":0,\"instance\":0", &wish, &paper);
    CHECK(paper.status == 200 && paper.is_whole &&
          strcmp(paper.type, "application/octet-stream") == 0);
    CHECK(span_equal(buf_view(&paper.body), paper_bytes()));
    CHECK(is_refused(&scene, "/document", ",\"series\":0,\"instance\":0", 404,
                     "frame_missing"));
    end(&scene);
}

static void check_rest(struct scene *scene, const struct wish *wish, struct span file,
                       size_t from)
{
    char members[2][64];
    snprintf(members[0], sizeof members[0], ",\"from\":%zu", from);
    snprintf(members[1], sizeof members[1], ",\"last\":%zu", file.len - from);
    for (int i = 0; i < 2; i++) {
        FETCHED rest;
        fetch_as(scene, "/instance", members[i], wish, &rest);
        bool is_right =
            rest.status == 200 && rest.is_whole &&
            strcmp(rest.type, "application/dicom") == 0 &&
            rest.whole_length == (int64_t)file.len &&
            span_equal(buf_view(&rest.body), span_of(file.at + from, file.len - from));
        CHECK(is_right);
        if (!is_right)
            printf("# from %zu: %d, %zu bytes\n", from, rest.status, rest.body.len);
    }
}

/* What a download that broke off goes on with must be the rest of the same file, sent
 * whole or by pieces. */
static void a_file_goes_on_from_where_it_is_asked_for(void)
{
    static const struct wish wishes[] = {
        {STUDY_KEY, "doctor", ENTRY_RADIOLOGY, 0, NULL},        /* 200 kB: whole */
        {"-/DICOM/" PAPER, "doctor", ENTRY_RADIOLOGY, 0, NULL}, /* 3 MB: by pieces */
    };
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    for (size_t i = 0; i < 2; i++) {
        CHECK(is_told_soon(&scene, &wishes[i]));
        struct span file = read_back(&scene, i == 0 ? files[0].name : "pacs/paper");
        const size_t places[] = {0, 1, file.len / 2, file.len - 1};
        for (size_t k = 0; k < 4; k++)
            check_rest(&scene, &wishes[i], file, places[k]);
        for (size_t k = 0; k < 3; k++) {
            char members[64];
            snprintf(members, sizeof members, k == 2 ? ",\"last\":0" : ",\"from\":%zu",
                     file.len + k);
            FETCHED behind;
            fetch_as(&scene, "/instance", members, &wishes[i], &behind);
            CHECK(behind.status == 400 && behind.whole_length == (int64_t)file.len &&
                  memmem(behind.body.at, behind.body.len, "\"range_unsatisfiable\"", 21));
        }
    }
    CHECK(is_refused(&scene, "/instance", ",\"from\":-1", 400, "json_member"));
    CHECK(is_refused(&scene, "/instance", ",\"last\":-1", 400, "json_member"));
    end(&scene);
}

/* Half a study must not look whole. */
static void parts_end_where_a_file_is_missing(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    CHECK(unlink(in_folder(&scene, files[2].name)) == 0);
    FETCHED parts;
    fetch(&scene, "/archive", PARTS, &parts);
    CHECK(parts.status == 200 && !parts.is_whole);
    CHECK(parts.body.len == 0 ||
          !memmem(parts.body.at, parts.body.len, "--" BOUNDARY "--", 36));
    end(&scene);
}

/* ---- refusals ---- */

static void what_is_not_in_the_list_is_not_there(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    static const char *const paths[] = {"/metadata", "/archive"};
    for (size_t i = 0; i < 2; i++) {
        CHECK(is_refused(&scene, paths[i], ",\"series\":2", 404, "frame_missing"));
        CHECK(is_refused(&scene, paths[i], ",\"series\":1,\"instance\":1", 404,
                         "frame_missing"));
        CHECK(is_refused(&scene, paths[i], ",\"instance\":1", 400, "place_invalid"));
        CHECK(is_refused(&scene, paths[i], ",\"series\":-1", 400, "json_member"));
        CHECK(is_refused(&scene, paths[i], ",\"series\":501", 400, "json_member"));
        CHECK(is_refused(&scene, paths[i], ",\"series\":\"0\"", 400, "json_member"));
        CHECK(is_refused(&scene, paths[i], ",\"series\":0,\"instance\":20001", 400,
                         "json_member"));
    }
    end(&scene);
}

static void a_bad_boundary_is_refused(void)
{
    static const struct {
        const char *members, *code;
        int status;
    } cases[] = {
        {",\"form\":\"multipart\"", "json_member", 400},
        {",\"form\":\"multipart\",\"boundary\":7", "json_member", 400},
        {",\"form\":\"multipart\",\"boundary\":\"\"", "boundary_invalid", 400},
        {",\"form\":\"multipart\",\"boundary\":\"00112233\"", "boundary_invalid", 400},
        {",\"form\":\"multipart\",\"boundary\":\"00112233445566778899AABBCCDDEEFF\"",
         "boundary_invalid", 400},
        {",\"form\":\"multipart\",\"boundary\":\"0011223344556677\\r\\n99aabbccddeeff\"",
         "boundary_invalid", 400},
        {",\"form\":\"multipart\",\"boundary\":\"" BOUNDARY "0\"", "json_too_long", 413},
        {",\"form\":\"tar\",\"boundary\":\"" BOUNDARY "\"", "form_invalid", 400},
        {",\"form\":\"0123456789abcdefg\"", "json_too_long", 413},
    };
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(is_refused(&scene, "/archive", cases[i].members, cases[i].status,
                         cases[i].code));
    end(&scene);
}

static void who_may_not_see_the_study_gets_none_of_it(void)
{
    static const char *const paths[] = {"/metadata", "/archive"};
    static const struct wish asker = {STUDY_KEY, "clerk", ENTRY_RADIOLOGY, 0, NULL};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    for (size_t i = 0; i < 2; i++) {
        FETCHED clerk;
        fetch_as(&scene, paths[i], "", &asker, &clerk);
        CHECK(clerk.status == 403 &&
              memmem(clerk.body.at, clerk.body.len, "\"audience\"", 10));
        ANSWER nobody = ask_text(&scene, paths[i], "{\"key\":\"" STUDY_KEY "\"}");
        CHECK(is_problem(&nobody, 400, "grant_malformed"));
        /* The refusal has ended the opening, but not forgotten its list. */
        ANSWER cancelled = ask_text(&scene, "/cancel", OPENING);
        CHECK(cancelled.status < 300);
        CHECK(is_refused(&scene, paths[i], "", 409, "study_changed"));
    }
    end(&scene);
}

int main(void)
{
    RUN(metadata_are_all_attributes_but_pixels);
    RUN(metadata_are_narrowed_to_a_series_or_an_instance);
    RUN(metadata_are_counted_in_the_audit);
    RUN(what_cannot_be_read_any_more_is_named_as_away);
    RUN(a_rejected_instance_is_in_none_of_them);
    RUN(files_are_parts_as_they_lie_there);
    RUN(a_recording_that_is_no_dicom_is_in_the_archive_only);
    RUN(a_document_is_sent_as_it_lies_in_its_file);
    RUN(a_file_goes_on_from_where_it_is_asked_for);
    RUN(parts_end_where_a_file_is_missing);
    RUN(what_is_not_in_the_list_is_not_there);
    RUN(a_bad_boundary_is_refused);
    RUN(who_may_not_see_the_study_gets_none_of_it);
    return test_done();
}
