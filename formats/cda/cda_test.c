// SPDX-License-Identifier: Apache-2.0
#include "formats/cda/cda.h"

#include "base/test.h"

#define HEAD                                                                             \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"                                         \
    "<?xml-stylesheet type=\"text/xsl\" href=\"http://example.org/evil.xsl\"?>"          \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">"                                        \
    "<code code=\"18842-5\" codeSystem=\"2.16.840.1.113883.6.1\"/>"                      \
    "<title> 退院時\n サマリー </title>"                                          \
    "<effectiveTime value=\"20240501103005+0900\"/>"                                     \
    "<recordTarget><patientRole><id root=\"1.2\" extension=\"0000012345\"/>"             \
    "<patient>"                                                                          \
    "<name use=\"IDE\"><family>飯田</family><given>花子</given></name>"              \
    "<name use=\"SYL\"><family>イイダ</family><given>ハナコ</given></name>"        \
    "<administrativeGenderCode code=\"F\"/><birthTime value=\"19500102\"/>"              \
    "</patient></patientRole></recordTarget><author><assignedAuthor>"                    \
    "<assignedPerson>"                                                                   \
    "<name>空 医師</name></assignedPerson></assignedAuthor></author>"                 \
    "<custodian><assignedCustodian><representedCustodianOrganization>"                   \
    "<name>空病院</name></representedCustodianOrganization></assignedCustodian>"      \
    "</custodian>"                                                                       \
    "<documentationOf><serviceEvent><effectiveTime><low value=\"20240420\"/>"            \
    "<high value=\"20240501\"/></effectiveTime></serviceEvent></documentationOf>"
#define BODY(sections)                                                                   \
    "<component><structuredBody>" sections "</structuredBody></component>"               \
    "</ClinicalDocument>"
#define SECTION(title, text)                                                             \
    "<component><section><title>" title "</title><text>" text                            \
    "</text></section></component>"

static struct arena arena;
static struct entry_list list;
static struct cda_document document;

static const struct entry *read(struct span bytes, struct err *err)
{
    *err = (struct err){0};
    list = (struct entry_list){0};
    struct entry *entry = entry_add(&list, ENTRY_DOCUMENT, &arena, err);
    CHECK(entry);
    bool is_read = cda_read(bytes, &document, &list, entry, &arena, err);
    CHECK(is_read == (err->kind == ERR_NONE));
    return is_read ? entry : NULL;
}

/* "type key=value key=value|type …" without the header's item. */
static const char *told(const struct entry *entry)
{
    static char out[65536];
    size_t len = 0;
    out[0] = '\0';
    for (const struct entry_item *item = entry ? entry->items : NULL; item;
         item = item->next) {
        if (strcmp(item->type, "document") == 0)
            continue;
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s", len ? "|" : "",
                                item->type);
        for (size_t i = 0; i < item->field_count && len < sizeof out; i++)
            len += (size_t)snprintf(out + len, sizeof out - len, " %s=%.*s",
                                    item->fields[i].key, (int)item->fields[i].value.len,
                                    item->fields[i].value.at);
    }
    return out;
}

static void shows(const char *sections, const char *expected)
{
    struct err err;
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    buf_cstr(&bytes, HEAD "<component><structuredBody>");
    buf_cstr(&bytes, sections);
    buf_cstr(&bytes, "</structuredBody></component></ClinicalDocument>");
    const char *got = told(read(buf_view(&bytes), &err));
    CHECK(strcmp(got, expected) == 0);
    if (strcmp(got, expected) != 0)
        printf("# got    %s\n# wanted %s\n", got, expected);
}

static bool has_warning(const char *code)
{
    for (const struct entry_warning *one = list.warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0)
            return true;
    return false;
}

static void the_header_says_whose_document_it_is(void)
{
    struct err err;
    CHECK(read(SPAN(HEAD BODY(SECTION("経過", "良好"))), &err));
    CHECK(text_is(document.title, "退院時 サマリー") &&
          text_is(document.code, "18842-5"));
    CHECK(text_is(document.created, "2024-05-01T10:30"));
    CHECK(text_is(document.author, "空 医師") &&
          text_is(document.organization, "空病院"));
    CHECK(text_is(document.from, "2024-04-20") && text_is(document.to, "2024-05-01"));
    CHECK(text_is(document.patient.id, "0000012345") && document.patient.sex == 'F');
    CHECK(text_is(document.patient.name, "飯田 花子"));
    CHECK(text_is(document.patient.kana, "イイダ ハナコ"));
    CHECK(document.patient.birth_day == day_from_date(1950, 1, 2));
    CHECK(document.patient_offset > 0 && !list.warnings);
}

static void a_bare_header_is_read_with_warnings(void)
{
    struct err err;
    CHECK(read(SPAN("<ClinicalDocument>" BODY(SECTION("経過", "良好"))), &err));
    CHECK(has_warning("patient_number_missing") && has_warning("cda_code_missing"));
    CHECK(has_warning("cda_event_missing"));
    CHECK(document.patient.birth_day == DAY_NONE && document.patient.sex == 'U');
}

static void sections_stand_in_each_other(void)
{
    shows("<component><section><title>一</title><text>い</text>"
          "<component><section><title>二</title><text>ろ</text></section></component>"
          "</section></component>" SECTION("三", "は"),
          "heading text=一 level=1|paragraph text=い|heading text=二 level=2|"
          "paragraph text=ろ|heading text=三 level=1|paragraph text=は");
    shows(
        "<component><section><code displayName=\"既往歴\"/><text/></section></component>",
        "heading text=既往歴 level=1");
}

static void running_text_keeps_its_lines_and_nothing_else(void)
{
    shows(SECTION("", "\n  一行目  \n  二行目<br/>三\t行目<sup>2</sup>"
                      "<content styleCode=\"Bold\">太字</content> &lt;b&gt;\n"),
          "paragraph text=一行目\n二行目\n三 行目2太字 <b>");
    shows(SECTION("", "<paragraph>一</paragraph>\n<paragraph>二</paragraph>間"),
          "paragraph text=一|paragraph text=二|paragraph text=間");
    shows(SECTION("", "使用<content revised=\"delete\">しない</content>する"),
          "paragraph text=使用［削除：しない］する");
    shows(SECTION("", "<linkHtml href=\"javascript:alert(1)\">窓</linkHtml>"),
          "paragraph text=窓");
    shows(SECTION("", "<unknown><deeper>残る</deeper></unknown>"), "paragraph text=残る");
}

static void lists_keep_their_levels_and_numbers(void)
{
    shows(SECTION("", "<list listType=\"ordered\"><caption>題</caption><item>一"
                      "<list><item>い</item></list></item><item>二</item></list>"),
          "paragraph text=題|list_item text=一 level=1 mark=1.|list_item text=い level=2|"
          "list_item text=二 level=1 mark=2.");
}

static void columns_of_a_table_stay_columns(void)
{
    shows(SECTION("", "<table><caption>検査</caption><thead><tr><th>項目</th>"
                      "<th colspan=\"2\">値</th><th>単位</th></tr></thead><tbody>"
                      "<tr><td rowspan=\"2\">WBC</td><td>1</td><td>2</td><td>u</td></tr>"
                      "<tr><td>3<br/>4</td><td/><td>v</td></tr></tbody></table>"),
          "table caption=検査|table_row head=true c1=項目 c2=値 c4=単位|"
          "table_row c1=WBC c2=1 c3=2 c4=u|table_row c2=3\n4 c4=v");
    shows(SECTION("", "<table><tr><th>見出し</th></tr><tr><th>行</th><td>値</td></tr>"
                      "</table>"),
          "table|table_row head=true c1=見出し|table_row c1=行 c2=値");
    shows(SECTION("", "<table><tr><td colspan=\"99999999999\" rowspan=\"-1\">一</td>"
                      "<td>二</td></tr></table>"),
          "table|table_row c1=一 c2=二");
}

static void pictures_are_named_and_never_loaded(void)
{
    shows("<component><section><text><renderMultiMedia referencedObject=\"m\">"
          "<caption>胸部</caption></renderMultiMedia></text><entry><observationMedia "
          "ID=\"m\"><value mediaType=\"image/jpeg\"><reference value=\"m.jpg\"/></value>"
          "</observationMedia></entry></section></component>",
          "figure caption=胸部 file=m.jpg");
}

#define MEDIA(id, value)                                                                 \
    "<entry><observationMedia ID=\"" id "\">" value "</observationMedia></entry>"
#define BESIDE(name) "<value><reference value=\"" name "\"/></value>"
#define PACKED(bytes) "<value representation=\"B64\">" bytes "</value>"
#define SECTION_OF(text, entries)                                                        \
    "<component><section><text>" text "</text>" entries "</section></component>"
#define SHOW(id) "<renderMultiMedia referencedObject=\"" id "\"/>"

static void pictures_stand_where_the_text_shows_them(void)
{
    shows(SECTION_OF("<paragraph>前" SHOW("a") "後</paragraph>",
                     MEDIA("a", BESIDE("./a.png"))),
          "paragraph text=前|figure file=a.png|paragraph text=後");
    shows(SECTION_OF("<list><item>一<content>二" SHOW("a") "</content></item></list>",
                     MEDIA("a", BESIDE("a.png"))),
          "list_item text=一 level=1|list_item text=二 level=1|figure file=a.png");
    /* in a table the words say where, and the picture follows */
    shows(SECTION_OF(
              "<table><tr><td>左" SHOW(
                  "a") "</td><td>"
                       "<renderMultiMedia referencedObject=\"b\"><caption>右目</caption>"
                       "</renderMultiMedia></td></tr></table>",
              MEDIA("a", BESIDE("a.png")) MEDIA("b", BESIDE("b.png"))),
          "table|table_row c1=左［図］ c2=［図：右目］|figure file=a.png|"
          "figure caption=右目 file=b.png");
    /* several at once, and a region of one */
    shows(
        SECTION_OF(
            SHOW("a  r b"),
            MEDIA(
                "a",
                BESIDE(
                    "a.png")) "<entry><regionOfInterest ID=\"r\"><entryRelationship>"
                              "<observationMedia ID=\"x\">" BESIDE(
                                  "whole.png") "</observationMedia></entryRelationship></"
                                               "regionOfInterest></entry>"),
        "figure file=a.png|figure file=whole.png|figure");
}

static void a_link_to_a_file_beside_stands_behind_its_words(void)
{
    shows(SECTION("", "別紙は<linkHtml href=\"table.pdf\">経過表</linkHtml>を参照。"),
          "paragraph text=別紙は経過表を参照。|figure caption=経過表 file=table.pdf");
    shows(SECTION("", "<table><tr><td><linkHtml href=\"./t.pdf\">表</linkHtml></td></tr>"
                      "</table>"),
          "table|table_row c1=表|figure caption=表 file=t.pdf");
}

static size_t count_media(const char *sections)
{
    struct err err;
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    buf_cstr(&bytes, HEAD "<component><structuredBody>");
    buf_cstr(&bytes, sections);
    buf_cstr(&bytes, "</structuredBody></component></ClinicalDocument>");
    CHECK(read(buf_view(&bytes), &err));
    return document.media_count;
}

static void a_name_that_is_more_than_a_name_is_no_medium(void)
{
    static const char *const names[] = {
        "../m.jpg",      "/etc/passwd", "a/m.jpg",     "..\\m.jpg",
        "C:\\m.jpg",     ".hidden",     "..",          "",
        "http://e.jp/m", "file:m.jpg",  "//e.jp/m",    "m.jpg?x",
        "m.jpg#page2",   "#part",       "a&#10;b.jpg", "./../m.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char sections[512];
        snprintf(sections, sizeof sections,
                 SECTION_OF(SHOW("m"), MEDIA("m", BESIDE("%s"))), names[i]);
        CHECK(count_media(sections) == 0);
        snprintf(sections, sizeof sections,
                 SECTION("", "<linkHtml href=\"%s\">語</linkHtml>"), names[i]);
        CHECK(count_media(sections) == 0);
    }
    CHECK(count_media(SECTION_OF(SHOW("m"), MEDIA("m", BESIDE("m.jpg")))) == 1);
    /* a name longer than names are */
    char sections[1024];
    snprintf(sections, sizeof sections,
             SECTION_OF(SHOW("m"), MEDIA("m", BESIDE("%0300d"))), 1);
    CHECK(count_media(sections) == 0);
}

static void bytes_inside_the_document_are_decoded(void)
{
    static const struct {
        const char *packed;
        const char *bytes; /* NULL = refused */
    } cases[] = {
        {"R0lGODlh", "GIF89a"},
        {" R0lG\n ODlh\t", "GIF89a"},
        {"R0k=", "GI"},
        {"Rw==", "G"},
        {"R0lGODlh=", NULL},
        {"R0lGODl", NULL},
        {"R0l=ODlh", NULL},
        {"R===", NULL},
        {"====", NULL},
        {"R0lG-Dlh", NULL},
        {"", NULL},
        {"R0lG&lt;Dlh", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sections[512];
        uint8_t bytes[16] = {0};
        size_t size_bytes = 0;
        snprintf(sections, sizeof sections,
                 SECTION_OF(SHOW("m"), MEDIA("m", PACKED("%s"))), cases[i].packed);
        CHECK(count_media(sections) == 1 && document.media->value);
        bool is_decoded =
            cda_decode(document.media->value, bytes, sizeof bytes, &size_bytes);
        CHECK(is_decoded == (cases[i].bytes != NULL));
        if (is_decoded)
            CHECK(size_bytes == strlen(cases[i].bytes) &&
                  memcmp(bytes, cases[i].bytes, size_bytes) == 0);
    }
    /* no more than there is room for; the size is told all the same */
    uint8_t three[4] = {0};
    size_t size_bytes = 0;
    CHECK(count_media(SECTION_OF(SHOW("m"), MEDIA("m", PACKED("R0lGODlh")))) == 1);
    CHECK(cda_decode(document.media->value, three, 3, &size_bytes));
    CHECK(size_bytes == 6 && memcmp(three, "GIF", 4) == 0);
    /* what is compressed is not unpacked */
    CHECK(count_media(SECTION_OF(
              SHOW("m"), MEDIA("m", "<value representation=\"B64\" compression=\"GZ\">"
                                    "R0lGODlh</value>"))) == 0);
    CHECK(!cda_decode(NULL, three, 3, &size_bytes));
}

static void more_media_than_the_bound_are_named_only(void)
{
    CLEANUP(buf_free) struct buf sections = buf_init(1 << 20);
    buf_cstr(&sections, "<component><section><text>");
    for (int i = 0; i <= CDA_MEDIA_MAX; i++)
        buf_cstr(&sections, SHOW("m"));
    buf_cstr(&sections, "</text>" MEDIA("m", BESIDE("m.jpg")) "</section></component>");
    buf_byte(&sections, '\0');
    CHECK(count_media((const char *)sections.at) == CDA_MEDIA_MAX);
    CHECK(has_warning("document_shortened"));
    /* in one table cell, where they wait */
    buf_reset(&sections);
    buf_cstr(&sections, "<component><section><text><table><tr><td>");
    for (int i = 0; i < 100; i++)
        buf_cstr(&sections, SHOW("m"));
    buf_cstr(&sections, "</td></tr></table></text>" MEDIA(
                            "m", BESIDE("m.jpg")) "</section></component>");
    buf_byte(&sections, '\0');
    CHECK(count_media((const char *)sections.at) == 64);
    CHECK(has_warning("document_shortened"));
}

static void a_body_of_another_kind_is_named(void)
{
    struct err err;
    const char *got = told(read(
        SPAN(HEAD "<component><nonXMLBody><text mediaType=\"application/pdf\" "
                  "representation=\"B64\">JVBERi0xLjQK</text></nonXMLBody></component>"
                  "</ClinicalDocument>"),
        &err));
    CHECK(strcmp(got, "embedded media_type=application/pdf") == 0);
    got = told(read(SPAN(HEAD "<component><nonXMLBody><text>ただの文</text></nonXMLBody>"
                              "</component></ClinicalDocument>"),
                    &err));
    CHECK(strcmp(got, "embedded media_type=text/plain|paragraph text=ただの文") == 0);
}

static void what_is_no_such_document_is_refused(void)
{
    const struct {
        struct span bytes;
        enum err_kind kind;
        const char *code;
    } cases[] = {
        {SPAN("<html><body/></html>"), ERR_SYNTAX, "cda_root"},
        {SPAN("<ClinicalDocument/>"), ERR_SYNTAX, "cda_body_missing"},
        {SPAN("<ClinicalDocument><component/></ClinicalDocument>"), ERR_SYNTAX,
         "cda_body_missing"},
        {SPAN("<ClinicalDocument><component>"), ERR_SYNTAX, "xml_malformed"},
        {SPAN("<!DOCTYPE x><ClinicalDocument/>"), ERR_REFUSED, "xml_dtd"},
        {SPAN(""), ERR_SYNTAX, "xml_malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        CHECK(!read(cases[i].bytes, &err));
        CHECK(err.kind == cases[i].kind && strcmp(err.code, cases[i].code) == 0);
    }
}

static size_t count_items(const struct entry *entry, const char *type)
{
    size_t count = 0;
    for (const struct entry_item *item = entry->items; item; item = item->next)
        count += strcmp(item->type, type) == 0;
    return count;
}

static const struct entry *read_long(const char *open, const char *one, int count,
                                     const char *close, struct err *err)
{
    CLEANUP(buf_free) struct buf bytes = buf_init(8 << 20);
    struct span copy = {0};
    buf_cstr(&bytes, HEAD "<component><structuredBody><component><section><text>");
    buf_cstr(&bytes, open);
    for (int i = 0; i < count; i++)
        buf_cstr(&bytes, one);
    buf_cstr(&bytes, close);
    buf_cstr(&bytes, "</text></section></component></structuredBody></component>"
                     "</ClinicalDocument>");
    CHECK(buf_to_arena(&bytes, &arena, &copy, err));
    return read(copy, err);
}

static void what_is_too_long_is_cut_and_said_so(void)
{
    struct err err;
    const struct entry *entry =
        read_long("", "<paragraph>行</paragraph>", CDA_BLOCKS_MAX + 5, "", &err);
    CHECK(entry && count_items(entry, "cut") == 1 && has_warning("document_shortened"));
    CHECK(entry && strcmp(entry->last_item->type, "cut") == 0);
    /* one long paragraph becomes several, none of them too long, nothing lost */
    entry = read_long("<paragraph>", "長い文章。", 4000, "</paragraph>", &err);
    size_t total = 0;
    for (const struct entry_item *item = entry ? entry->items : NULL; item;
         item = item->next)
        if (strcmp(item->type, "paragraph") == 0) {
            total += item->fields[0].value.len;
            CHECK(item->fields[0].value.len <= CDA_BLOCK_BYTES);
        }
    CHECK(total == 4000 * sizeof "長い文章。" - 4000 &&
          !has_warning("document_shortened"));
    entry = read_long("<table><tr>", "<td>列</td>", CDA_COLUMNS_MAX + 1, "</tr></table>",
                      &err);
    CHECK(entry && has_warning("document_shortened"));
    entry = read_long("<table><tr><td>", "長い欄。", 4000, "</td></tr></table>", &err);
    CHECK(entry && has_warning("document_shortened"));
}

int main(void)
{
    arena = arena_init(512 << 20);
    RUN(the_header_says_whose_document_it_is);
    RUN(a_bare_header_is_read_with_warnings);
    RUN(sections_stand_in_each_other);
    RUN(running_text_keeps_its_lines_and_nothing_else);
    RUN(lists_keep_their_levels_and_numbers);
    RUN(columns_of_a_table_stay_columns);
    RUN(pictures_are_named_and_never_loaded);
    RUN(pictures_stand_where_the_text_shows_them);
    RUN(a_link_to_a_file_beside_stands_behind_its_words);
    RUN(a_name_that_is_more_than_a_name_is_no_medium);
    RUN(bytes_inside_the_document_are_decoded);
    RUN(more_media_than_the_bound_are_named_only);
    RUN(a_body_of_another_kind_is_named);
    RUN(what_is_no_such_document_is_refused);
    RUN(what_is_too_long_is_cut_and_said_so);
    arena_free(&arena);
    return test_done();
}
