// SPDX-License-Identifier: Apache-2.0
/* Files beside a document, and what it holds itself: listed with the content, given out
 * by their place in that list under the original's decision. */
#include "gateway/gateway_testcentre.h"

#define FOLDER                                                                           \
    "000/001/" NUMBER "/20240501/^退院時サマリー^^18842-5^退院時サマリー^LN/" NUMBER     \
    "_20240501_18842-5_" KEY "_20240501120000000_"
#define PNG "\x89PNG\r\n\x1A\n"
#define CDA                                                                              \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"18842-5\"/>"                \
    "<recordTarget><patientRole><id extension=\"" NUMBER "\"/></patientRole>"            \
    "</recordTarget><documentationOf><serviceEvent/></documentationOf><component>"       \
    "<structuredBody><component><section><text><renderMultiMedia "                       \
    "referencedObject=\"m i\"/></text><entry><observationMedia ID=\"m\"><value>"         \
    "<reference value=\"b.png\"/></value></observationMedia></entry><entry>"             \
    "<observationMedia ID=\"i\"><value representation=\"B64\">R0lGODlhAQABAAAAADs="      \
    "</value></observationMedia></entry></section></component></structuredBody>"         \
    "</component></ClinicalDocument>\n"

static char document_key[128];

/* Waits for the document's event and keeps its key. */
static void begin_linked(struct scene *scene, const char *department)
{
    char folder[320];
    begin(scene);
    CHECK(link_is(scene, "イイダ ハナコ", "confirmed"));
    CHECK(lane_tells(scene, "/events/backfill", "P:-/ADT-00/999999999999999 S: "));
    snprintf(folder, sizeof folder, FOLDER "%s_1", department);
    put_document(scene, folder, "b.png", PNG "the picture");
    put_document(scene, folder, "c.pdf", "%PDF-1.4\nthe paper\n%%EOF\n");
    put_document(scene, folder, "main_document.xml", CDA);
    ANSWER checked = ask_text(scene, "/checks", "{\"record\":\"" RECORD "\"}");
    CHECK(checked.status == 200);
    struct hash hash = hash_sha256(SPAN("^退院時サマリー^^18842-5^退院時サマリー^LN"));
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    snprintf(document_key, sizeof document_key, "20240501/x-%.16s/" KEY, hex);
}

static struct answer ask_part(struct scene *scene, int part, const char *list)
{
    struct wish wish = {document_key, "doctor", ENTRY_DOCUMENT, part, list};
    return ask_wish(scene, "/original", &wish);
}

static struct answer ask_document(struct scene *scene)
{
    struct wish wish = {document_key, "doctor", ENTRY_DOCUMENT, 0, NULL};
    return ask_wish(scene, "/content", &wish);
}

static bool says(const struct answer *answer, const char *words)
{
    return memmem(answer->body.at, answer->body.len, words, strlen(words)) != NULL;
}

static void list_of(const struct answer *answer, char list[32])
{
    struct err err = {0};
    struct text text = TEXT("");
    CHECK(answer->status == 200 && answer->document &&
          json_take_text(json_root(answer->document), "list", 16, &text, &err));
    snprintf(list, 32, "%.*s", (int)text.len, text.at);
}

static bool is_body(const struct answer *answer, const char *bytes)
{
    return answer->status == 200 && span_is(answer->body, bytes);
}

static void parts_are_listed_and_given_out_by_their_place(void)
{
    struct scene scene;
    char list[32];
    begin_linked(&scene, "01");
    ANSWER content = ask_document(&scene);
    list_of(&content, list);
    CHECK(says(&content, "\"type\":\"figure\",\"file\":\"b.png\",\"part\":\"1\""));
    CHECK(says(&content, "\"type\":\"figure\",\"part\":\"3\""));
    CHECK(says(&content, "\"name\":\"c.pdf\",\"media_type\":\"application/pdf\""));
    ANSWER picture = ask_part(&scene, 1, list);
    CHECK(is_body(&picture, PNG "the picture"));
    ANSWER paper = ask_part(&scene, 2, list);
    CHECK(is_body(&paper, "%PDF-1.4\nthe paper\n%%EOF\n"));
    ANSWER inside = ask_part(&scene, 3, list);
    CHECK(inside.status == 200 && inside.body.len == 14 &&
          span_starts(inside.body, "GIF89a"));
    ANSWER none = ask_part(&scene, 4, list);
    CHECK(none.status == 404);
    ANSWER original = ask_part(&scene, 0, NULL);
    CHECK(original.status == 200 && span_starts(original.body, "<ClinicalDocument"));
    end(&scene);
}

static void a_number_without_its_list_is_refused(void)
{
    struct scene scene;
    begin_linked(&scene, "01");
    ANSWER nameless = ask_part(&scene, 1, "");
    CHECK(is_problem(&nameless, 400, "part_invalid"));
    ANSWER numberless = ask_part(&scene, 0, "0123456789abcdef");
    CHECK(numberless.status == 400);
    ANSWER too_large = ask_part(&scene, 81, "0123456789abcdef");
    CHECK(too_large.status == 400);
    ANSWER other = ask_part(&scene, 1, "0123456789abcdef");
    CHECK(is_problem(&other, 503, "source_changed"));
    end(&scene);
}

/* Another file would stand in the place that the viewer saw. */
static void a_list_that_changed_since_is_read_anew(void)
{
    struct scene scene;
    char before[32];
    char after[32];
    begin_linked(&scene, "01");
    ANSWER content = ask_document(&scene);
    list_of(&content, before);
    put_document(&scene, FOLDER "01_1", "a.png", PNG "somebody else's");
    ANSWER changed = ask_part(&scene, 1, before);
    CHECK(is_problem(&changed, 503, "source_changed"));
    ANSWER anew = ask_document(&scene);
    list_of(&anew, after);
    CHECK(strcmp(before, after) != 0);
    ANSWER first = ask_part(&scene, 1, after);
    CHECK(is_body(&first, PNG "somebody else's"));
    ANSWER second = ask_part(&scene, 2, after);
    CHECK(is_body(&second, PNG "the picture"));
    /* the same names, another picture */
    put_document(&scene, FOLDER "01_1", "b.png", PNG "a longer picture");
    ANSWER again = ask_part(&scene, 2, after);
    CHECK(is_problem(&again, 503, "source_changed"));
    end(&scene);
}

static void parts_stand_under_the_original_s_decision(void)
{
    struct scene scene;
    char list[32];
    begin_linked(&scene, "01");
    ANSWER content = ask_document(&scene);
    list_of(&content, list);
    struct wish wishes[] = {
        {document_key, "pharmacist", ENTRY_DOCUMENT, 1, list},
        {document_key, "doctor", ENTRY_LABORATORY, 1, list},
    };
    ANSWER audience = ask_wish(&scene, "/original", &wishes[0]);
    CHECK(is_problem(&audience, 403, "audience"));
    ANSWER kind = ask_wish(&scene, "/original", &wishes[1]);
    CHECK(is_problem(&kind, 403, "kind_not_granted"));
    ANSWER ended = ask_text(&scene, "/links/end", "{\"record\":\"" RECORD "\"}");
    CHECK(ended.status == 200);
    ANSWER after = ask_part(&scene, 1, list);
    CHECK(is_problem(&after, 403, "link_ended"));
    end(&scene);
    /* a department that the house keeps: its pictures too */
    begin_linked(&scene, "40");
    ANSWER kept = ask_part(&scene, 1, "0123456789abcdef");
    CHECK(is_problem(&kept, 403, "department"));
    end(&scene);
}

int main(void)
{
    struct err err = {0};
    must(secret_start(&err), &err);
    RUN(parts_are_listed_and_given_out_by_their_place);
    RUN(a_number_without_its_list_is_refused);
    RUN(a_list_that_changed_since_is_read_anew);
    RUN(parts_stand_under_the_original_s_decision);
    return test_done();
}
