// SPDX-License-Identifier: Apache-2.0
/* What belongs to a document besides itself. */
#include "base/test.h"
#include "formats/cda/cda.h"
#include "formats/extended/extended.h"

#define NUMBER "0000012345"
#define ROOT "000/001/" NUMBER "/20240501/"
#define FOLDER "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define CONTENT NUMBER "_20240501_18842-5_000000000000001_20240501120000000_01_1"
#define PNG "\x89PNG\r\n\x1A\n"
#define GIF64 "R0lGODlhAQABAAAAADs=" /* GIF89a, one pixel's head and the end */

#define CDA_OF(text, entries)                                                            \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"18842-5\"/>"                \
    "<recordTarget><patientRole><id extension=\"" NUMBER "\"/></patientRole>"            \
    "</recordTarget><documentationOf><serviceEvent/></documentationOf><component>"       \
    "<structuredBody><component><section><text>" text "</text>" entries "</section>"     \
    "</component></structuredBody></component></ClinicalDocument>"
#define MEDIA(id, value)                                                                 \
    "<entry><observationMedia ID=\"" id "\">" value "</observationMedia></entry>"
#define BESIDE(name) "<value><reference value=\"" name "\"/></value>"
#define PACKED(bytes)                                                                    \
    "<value mediaType=\"image/png\" representation=\"B64\">" bytes "</value>"
#define SHOW(id) "<renderMultiMedia referencedObject=\"" id "\"/>"

static struct arena arena;
static struct entry_list list;
static struct extended_file files[100];

static struct extended_name name_with(size_t count)
{
    struct err err = {0};
    struct extended_name name;
    CHECK(extended_parse_path(SPAN(ROOT FOLDER "/" CONTENT "/main_document"), &arena,
                              &name, &err));
    name.files = files;
    name.file_count = count;
    return name;
}

static void put_file(size_t index, const char *name, struct span head)
{
    struct err err = {0};
    files[index] = (struct extended_file){.size_bytes = head.len, .head = head};
    CHECK(extended_decode_name(span_cstr(name), &arena, &files[index].name, &err));
}

static struct text field(const struct entry_item *item, const char *key)
{
    for (size_t i = 0; item && i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return item->fields[i].value;
    return TEXT("-");
}

/* "type=part " of every item that has a part or could have one. */
static const char *told(size_t file_count, struct span bytes)
{
    static char out[4096];
    struct err err = {0};
    struct extended_name name = name_with(file_count);
    size_t len = 0;
    out[0] = '\0';
    CHECK(extended_read(&name, bytes, &arena, &list, &err));
    for (const struct entry_item *item = list.first ? list.first->items : NULL;
         item && len < sizeof out; item = item->next) {
        struct text part = field(item, "part");
        if (strcmp(item->type, "figure") == 0 || strcmp(item->type, "embedded") == 0 ||
            strcmp(item->type, "part") == 0)
            len += (size_t)snprintf(out + len, sizeof out - len, "%s=%.*s ", item->type,
                                    (int)part.len, part.at);
    }
    return out;
}

static void is_told(size_t file_count, struct span bytes, const char *expected)
{
    const char *got = told(file_count, bytes);
    CHECK(strcmp(got, expected) == 0);
    if (strcmp(got, expected) != 0)
        printf("# got    %s\n# wanted %s\n", got, expected);
}

static const struct entry_item *last_item(void)
{
    return list.first ? list.first->last_item : NULL;
}

static bool has_warning(const char *code)
{
    for (const struct entry_warning *one = list.warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0)
            return true;
    return false;
}

static void files_beside_are_numbered_and_the_text_points_to_them(void)
{
    put_file(0, "a.png", SPAN(PNG));
    put_file(1, "b.pdf", SPAN("%PDF-1.4\n"));
    put_file(2, "notes.doc", SPAN("\xD0\xCF\x11\xE0"));
    is_told(3,
            SPAN(CDA_OF(SHOW("m") "<linkHtml href=\"b.pdf\">別紙</linkHtml>",
                        MEDIA("m", BESIDE("a.png")))),
            "figure=1 figure=2 part=1 part=2 part=3 ");
    CHECK(text_is(field(last_item(), "name"), "notes.doc"));
    CHECK(text_is(field(last_item(), "media_type"), "application/octet-stream"));
    CHECK(text_is(field(last_item(), "size_bytes"), "4"));
    /* of any document, and of none that was not asked about */
    is_told(1, SPAN("%PDF-1.4\n%%EOF"), "part=1 ");
    is_told(1, SPAN("本文"), "part=1 ");
    is_told(0, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("a.png")))), "figure=- ");
}

static void names_are_compared_as_they_are_shown(void)
{
    put_file(0, "ガイド.png", SPAN(PNG));
    put_file(1, "Fig 1.PNG", SPAN(PNG));
    is_told(
        2,
        SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("カ\xE3\x82\x99イト\xE3\x82\x99.png")))),
        "figure=1 part=1 part=2 ");
    is_told(
        2, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("%E3%82%AC%E3%82%A4%E3%83%89.png")))),
        "figure=1 part=1 part=2 ");
    is_told(2, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("fig%201.png")))),
            "figure=2 part=1 part=2 ");
    /* on the disk in CP932, in the document in UTF-8 */
    put_file(0, "\x83\x4B\x83\x43\x83\x68.png", SPAN(PNG));
    is_told(1, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("ガイド.png")))),
            "figure=1 part=1 ");
    /* two that differ in case only: the exact one, or none */
    put_file(0, "a.PNG", SPAN(PNG));
    put_file(1, "A.png", SPAN(PNG));
    is_told(2, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("A.png")))),
            "figure=2 part=1 part=2 ");
    is_told(2, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("a.png")))),
            "figure=- part=1 part=2 ");
}

static void a_name_that_leads_elsewhere_finds_nothing(void)
{
    static const char *const names[] = {"../a.png",
                                        "%2e%2e%2fa.png",
                                        "/a.png",
                                        "x/a.png",
                                        "%2Fa.png",
                                        "file:a.png",
                                        "http://e.jp/a.png",
                                        "a.png%00",
                                        "..%5ca.png",
                                        "%",
                                        "%4",
                                        "%zz"};
    put_file(0, "a.png", SPAN(PNG));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char bytes[1024];
        snprintf(bytes, sizeof bytes, CDA_OF(SHOW("m"), MEDIA("m", BESIDE("%s"))),
                 names[i]);
        is_told(1, span_cstr(bytes), "figure=- part=1 ");
    }
}

static void what_a_document_holds_itself_comes_behind_its_files(void)
{
    struct err err = {0};
    struct span out = {0};
    put_file(0, "a.png", SPAN(PNG));
    const struct span bytes =
        SPAN(CDA_OF(SHOW("i") SHOW("a") SHOW("i") SHOW("j"),
                    MEDIA("i", PACKED(GIF64)) MEDIA("a", BESIDE("a.png"))
                        MEDIA("j", PACKED("JVBERi0xLjQK"))));
    is_told(1, bytes, "figure=2 figure=1 figure=2 figure=3 part=1 part=2 part=3 ");
    /* by its first bytes, not by what it declares */
    CHECK(text_is(field(last_item(), "media_type"), "application/pdf"));
    struct extended_name name = name_with(1);
    CHECK(extended_read_inside(&name, bytes, 2, &arena, &out, &err));
    CHECK(out.len == 14 && span_starts(out, "GIF89a"));
    CHECK(extended_read_inside(&name, bytes, 3, &arena, &out, &err));
    CHECK(span_is(out, "%PDF-1.4\n"));
    static const size_t none[] = {0, 1, 4, (size_t)-1};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        err = (struct err){0};
        CHECK(!extended_read_inside(&name, bytes, none[i], &arena, &out, &err));
        CHECK(err.kind == ERR_MISSING);
    }
}

static void only_kinds_that_are_known_are_taken_out_of_a_document(void)
{
    is_told(0, SPAN(CDA_OF(SHOW("i"), MEDIA("i", PACKED("PGh0bWw+PHNjcmlwdD4=")))),
            "figure=- ");
    is_told(0, SPAN(CDA_OF(SHOW("i"), MEDIA("i", PACKED("PHN2ZyBvbmxvYWQ9Ii8+")))),
            "figure=- ");
    is_told(0, SPAN(CDA_OF(SHOW("i"), MEDIA("i", PACKED("R0lGOD")))), "figure=- ");
    is_told(0, SPAN(CDA_OF(SHOW("i"), MEDIA("i", PACKED("")))), "figure=- ");
}

static void a_body_of_another_kind_is_a_part(void)
{
    is_told(0,
            SPAN("<ClinicalDocument><component><nonXMLBody><text mediaType=\"image/gif\" "
                 "representation=\"B64\">" GIF64
                 "</text></nonXMLBody></component></ClinicalDocument>"),
            "embedded=1 part=1 ");
    put_file(0, "body.pdf", SPAN("%PDF-1.4\n"));
    is_told(1,
            SPAN("<ClinicalDocument><component><nonXMLBody><text "
                 "mediaType=\"application/pdf\"><reference value=\"body.pdf\"/>"
                 "</text></nonXMLBody></component></ClinicalDocument>"),
            "embedded=1 part=1 ");
}

static void more_files_than_the_bound_are_said(void)
{
    struct err err = {0};
    struct extended_name name = name_with(EXTENDED_FILES_MAX);
    name.has_more_files = true;
    for (size_t i = 0; i < name.file_count; i++) {
        char file[32];
        snprintf(file, sizeof file, "%03zu.png", i);
        put_file(i, file, SPAN(PNG));
    }
    CHECK(extended_read(&name, SPAN(CDA_OF(SHOW("m"), MEDIA("m", BESIDE("060.png")))),
                        &arena, &list, &err));
    size_t parts = 0;
    for (const struct entry_item *item = list.first->items; item; item = item->next) {
        parts += strcmp(item->type, "part") == 0;
        CHECK(strcmp(item->type, "figure") != 0 || text_is(field(item, "part"), "-"));
    }
    CHECK(parts == EXTENDED_FILES_MAX && has_warning("parts_left_out"));
    put_file(0, "large.png", SPAN(PNG));
    files[0].size_bytes = EXTENDED_PART_BYTES_MAX + (size_t)1;
    is_told(1, SPAN("本文"), "part=1 ");
    CHECK(text_is(field(last_item(), "too_large"), "true"));
}

int main(void)
{
    arena = arena_init(256 << 20);
    RUN(files_beside_are_numbered_and_the_text_points_to_them);
    RUN(names_are_compared_as_they_are_shown);
    RUN(a_name_that_leads_elsewhere_finds_nothing);
    RUN(what_a_document_holds_itself_comes_behind_its_files);
    RUN(only_kinds_that_are_known_are_taken_out_of_a_document);
    RUN(a_body_of_another_kind_is_a_part);
    RUN(more_files_than_the_bound_are_said);
    arena_free(&arena);
    return test_done();
}
