// SPDX-License-Identifier: Apache-2.0
#include "formats/xml/xml.h"

#include "base/buf.h"
#include "base/test.h"

static struct arena arena;

static const struct xml_node *parse(struct span bytes, struct err *err)
{
    struct xml_document document;
    *err = (struct err){0};
    bool is_read = xml_parse(bytes, &arena, &document, err);
    CHECK(is_read == (err->kind == ERR_NONE) && is_read == (document.root != NULL));
    return document.root;
}

static void elements_texts_and_attributes_are_read(void)
{
    struct err err;
    struct text text = {0};
    const struct xml_node *root =
        parse(SPAN("<?xml version=\"1.0\"?><!-- c --><?p i?><a:r xmlns:a=\"urn:x\" "
                   "xmlns=\"urn:y\" k=\"v&lt;\" a:k=\"w\">\n <b>一 <c/>二</b>"
                   "<b>三&#x3042;<![CDATA[<b>]]></b></a:r>"),
              &err);
    CHECK(xml_is(root, "r") && text_is(root->space, "urn:x") && !xml_is(root, "a:r"));
    CHECK(text_is(xml_attribute(root, "k"), "v<"));
    CHECK(xml_attribute(root, "x").len == 0 && xml_attribute(NULL, "x").len == 0);
    const struct xml_node *b = xml_child(root, "b");
    CHECK(xml_text(b, &arena, &text, &err) && text_is(text, "一 二"));
    CHECK(text_is(b->space, "urn:y") && xml_find(root, "b/c") && !xml_find(root, "b/d"));
    b = xml_next(b, "b");
    CHECK(xml_text(b, &arena, &text, &err) && text_is(text, "三あ<b>"));
    CHECK(!xml_next(b, "b") && !xml_child(NULL, "b") && !xml_find(NULL, "b"));
}

static void encodings_of_japan_are_read_as_declared_and_as_they_are(void)
{
    const struct {
        struct span bytes;
        bool is_misdeclared;
    } cases[] = {
        {SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>表示</a>"), false},
        {SPAN("\xEF\xBB\xBF<a>表示</a>"), false},
        {SPAN("<?xml version='1.0' encoding='Shift_JIS'?><a>\x95\x5C\x8E\xA6</a>"),
         false},
        {SPAN("<?xml version=\"1.0\" encoding=\"windows-31j\"?><a>\x95\x5C\x8E\xA6</a>"),
         false},
        {SPAN("<?xml version=\"1.0\" encoding=\"EUC-JP\"?><a>\xC9\xBD\xBC\xA8</a>"),
         false},
        {SPAN("<?xml version=\"1.0\" encoding=\"ISO-2022-JP\"?><a>\x1B$BI=<(\x1B(B</a>"),
         false},
        {SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\x95\x5C\x8E\xA6</a>"), true},
        {SPAN("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a>表示</a>"), true},
        {SPAN("\xFF\xFE<\0a\0>\0\x68\x88\x3A\x79<\0/\0a\0>\0"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct text text = {0};
        struct xml_document document;
        CHECK(xml_parse(cases[i].bytes, &arena, &document, &err));
        CHECK(document.is_misdeclared == cases[i].is_misdeclared);
        CHECK(xml_text(document.root, &arena, &text, &err) && text_is(text, "表示"));
    }
}

static void characters_that_an_encoding_lacks_are_replaced_and_said(void)
{
    struct err err = {0};
    struct xml_document document;
    CHECK(xml_parse(SPAN("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><a>\xF0\x40</a>"),
                    &arena, &document, &err));
    CHECK(document.has_replaced && !document.is_misdeclared);
    /* UTF-8 with a broken character is no other encoding either */
    CHECK(!parse(SPAN("<a>表示\xE8\xA1</a>"), &err) && err.kind == ERR_SYNTAX);
}

static void refused(struct span bytes, enum err_kind kind, const char *code)
{
    struct err err;
    CHECK(!parse(bytes, &err) && err.kind == kind && strcmp(err.code, code) == 0);
    if (err.kind != kind || strcmp(err.code, code) != 0)
        printf("# %s: %s\n", code, err.code);
    CHECK(err.offset <= bytes.len && err.clause);
}

static void a_document_type_declaration_is_refused_whatever_it_holds(void)
{
    struct err err;
    const struct span cases[] = {
        SPAN("<!DOCTYPE a><a/>"),
        SPAN("<!DOCTYPE a SYSTEM \"http://example.org/a.dtd\"><a/>"),
        SPAN("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"),
        SPAN("<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><a/>"),
        SPAN("<!DOCTYPE a [<!ENTITY l \"l\"><!ENTITY m \"&l;&l;\"><!ENTITY n "
             "\"&m;&m;\">]><a>&n;</a>"),
        SPAN("<?xml version=\"1.0\"?>\n\n<!DOCTYPE a PUBLIC \"-//x\" \"x\" [ ]>\n<a/>"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i], ERR_REFUSED, "xml_dtd");
    CHECK(!parse(cases[0], &err) && err.offset >= 10);
}

static void what_is_not_well_formed_is_refused_with_its_place(void)
{
    const struct span cases[] = {
        SPAN(""),
        SPAN("  "),
        SPAN("text"),
        SPAN("<a>"),
        SPAN("<a><b></a>"),
        SPAN("<a/><b/>"),
        SPAN("<a>&x;</a>"),
        SPAN("<a k=v/>"),
        SPAN("<a k=\"1\" k=\"2\"/>"),
        SPAN("<a>\x01</a>"),
        SPAN("<a>&#0;</a>"),
        SPAN("<a><![CDATA[x</a>"),
        SPAN("<a:b/>"),
        SPAN("<a>\0</a>"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        const struct xml_node *root = parse(cases[i], &err);
        if (i == 12) { /* an unknown prefix is a fault of the name, not of the form */
            CHECK(root || err.kind == ERR_SYNTAX);
            continue;
        }
        CHECK(!root && err.kind == ERR_SYNTAX && strcmp(err.code, "xml_malformed") == 0);
    }
    struct err err;
    CHECK(!parse(SPAN("<a><b>x</b><c></a>"), &err) && err.offset >= 14);
    refused(SPAN("<?xml version=\"1.0\" encoding=\"KOI8-R\"?><a/>"), ERR_SYNTAX,
            "xml_encoding");
}

static void what_is_too_much_is_refused(void)
{
    CLEANUP(buf_free) struct buf deep = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf many = buf_init(8 << 20);
    CLEANUP(buf_free) struct buf attributes = buf_init(1 << 20);
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        buf_cstr(&deep, "<a>");
    refused(buf_view(&deep), ERR_LIMIT, "xml_too_deep");
    buf_cstr(&many, "<a>");
    for (int i = 0; i < XML_NODES_MAX; i++)
        buf_cstr(&many, "<b/>");
    buf_cstr(&many, "</a>");
    refused(buf_view(&many), ERR_LIMIT, "xml_too_large");
    buf_cstr(&attributes, "<a");
    for (int i = 0; i <= XML_ATTRIBUTES_MAX; i++)
        buf_format(&attributes, " k%d=\"\"", i);
    buf_cstr(&attributes, "/>");
    refused(buf_view(&attributes), ERR_LIMIT, "xml_too_many_attributes");
    CLEANUP(buf_free) struct buf large = buf_init(XML_BYTES_MAX + 64);
    buf_cstr(&large, "<a>");
    for (int i = 0; i < XML_BYTES_MAX / 16; i++)
        buf_cstr(&large, "0123456789abcdef");
    buf_cstr(&large, "</a>");
    struct err err;
    CHECK(!parse(buf_view(&large), &err) && err.kind == ERR_LIMIT);
    CHECK(strcmp(err.code, "xml_too_large") == 0);
}

static void a_full_arena_is_an_answer(void)
{
    struct arena small = arena_init(512);
    struct xml_document document;
    struct err err = {0};
    CHECK(!xml_parse(SPAN("<a><b>one</b><b>two</b><b>three</b><b>four</b></a>"), &small,
                     &document, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "arena_full") == 0);
    arena_free(&small);
}

static void xml_is_told_from_other_bytes(void)
{
    CHECK(xml_detect(SPAN("<?xml version=\"1.0\"?><a/>")) && xml_detect(SPAN(" \n<a/>")));
    CHECK(xml_detect(SPAN("\xEF\xBB\xBF<a/>")) && xml_detect(SPAN("\xFF\xFE<\0a\0")));
    CHECK(!xml_detect(SPAN("")) && !xml_detect(SPAN("<")) && !xml_detect(SPAN("< a")));
    CHECK(!xml_detect(SPAN("%PDF-1.4")) && !xml_detect(SPAN("MSH|^~\\&|")));
}

int main(void)
{
    arena = arena_init(256 << 20);
    RUN(elements_texts_and_attributes_are_read);
    RUN(encodings_of_japan_are_read_as_declared_and_as_they_are);
    RUN(characters_that_an_encoding_lacks_are_replaced_and_said);
    RUN(a_document_type_declaration_is_refused_whatever_it_holds);
    RUN(what_is_not_well_formed_is_refused_with_its_place);
    RUN(what_is_too_much_is_refused);
    RUN(a_full_arena_is_an_answer);
    RUN(xml_is_told_from_other_bytes);
    arena_free(&arena);
    return test_done();
}
