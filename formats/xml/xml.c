// SPDX-License-Identifier: Apache-2.0
#include "formats/xml/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "base/buf.h"
#include "formats/charset/charset.h"

static const char CLAUSE[] = "XML 1.0";

enum { HEAD_BYTES = 256 };

/* ------------------------------------------------------------------ encoding */

static bool is_name_start(uint8_t byte)
{
    return byte == '_' || byte >= 0x80 || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

bool xml_detect(struct span bytes)
{
    struct span rest = bytes;
    if (span_starts(bytes, "\xFF\xFE") || span_starts(bytes, "\xFE\xFF"))
        return bytes.len > 3 && (bytes.at[2] == '<' || bytes.at[3] == '<');
    if (span_starts(rest, "\xEF\xBB\xBF"))
        rest = span_part(rest, 3, rest.len - 3);
    while (rest.len > 0 && rest.at[0] != 0 && strchr(" \t\r\n", rest.at[0]))
        rest = span_part(rest, 1, rest.len - 1);
    return rest.len > 1 && rest.at[0] == '<' &&
           (rest.at[1] == '?' || rest.at[1] == '!' || is_name_start(rest.at[1]));
}

/* What encoding="…" of the declaration says; empty when it says nothing. */
static struct span declared(struct span bytes)
{
    static const char word[] = "encoding";
    struct span head = span_part(bytes, 0, HEAD_BYTES);
    const uint8_t *end = memmem(head.at, head.len, "?>", 2);
    if (!end)
        return span_of("", 0);
    head.len = (size_t)(end - head.at);
    const uint8_t *at = memmem(head.at, head.len, word, sizeof word - 1);
    if (!at)
        return span_of("", 0);
    size_t from = (size_t)(at - head.at) + sizeof word - 1;
    struct span rest = span_part(head, from, head.len - from);
    while (rest.len > 0 && rest.at[0] != '"' && rest.at[0] != '\'')
        rest = span_part(rest, 1, rest.len - 1);
    if (rest.len == 0)
        return rest;
    uint8_t quote = rest.at[0];
    struct span name = {0};
    rest = span_part(rest, 1, rest.len - 1);
    span_take(&rest, quote, &name);
    return name;
}

static bool is_name(struct span name, const char *wanted)
{
    return name.len == strlen(wanted) &&
           strncasecmp((const char *)name.at, wanted, name.len) == 0;
}

/* False for an encoding that is not read here. */
static bool find_charset(struct span name, enum charset *charset)
{
    static const struct {
        const char *name;
        enum charset charset;
    } known[] = {
        {"UTF-8", CHARSET_UTF8},        {"US-ASCII", CHARSET_UTF8},
        {"ASCII", CHARSET_UTF8},        {"Shift_JIS", CHARSET_CP932},
        {"x-sjis", CHARSET_CP932},      {"sjis", CHARSET_CP932},
        {"Windows-31J", CHARSET_CP932}, {"MS932", CHARSET_CP932},
        {"CP932", CHARSET_CP932},       {"EUC-JP", CHARSET_EUCJP},
        {"ISO-8859-1", CHARSET_LATIN1}, {"ISO-2022-JP", CHARSET_ISO2022JP},
    };
    *charset = CHARSET_UTF8;
    if (name.len == 0)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_name(name, known[i].name)) {
            *charset = known[i].charset;
            return true;
        }
    return false;
}

static bool is_utf16(struct span bytes)
{
    return span_starts(bytes, "\xFF\xFE") || span_starts(bytes, "\xFE\xFF") ||
           (bytes.len > 3 && ((bytes.at[0] == '<' && bytes.at[1] == 0) ||
                              (bytes.at[0] == 0 && bytes.at[1] == '<')));
}

/* Valid UTF-8 with high bytes is nothing else by accident; and bytes that are no UTF-8
 * are what they look like, if that explains all of them. */
static bool decode_as(struct span bytes, enum charset charset, struct arena *arena,
                      struct span *utf8, struct xml_document *document, struct err *err)
{
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    enum charset seen = charset_detect(bytes);
    document->is_misdeclared =
        charset == CHARSET_UTF8 || (seen == CHARSET_UTF8 && charset != CHARSET_LATIN1);
    if (document->is_misdeclared)
        charset = seen;
    if (!charset_decode(charset, bytes, arena, &text, &findings, &first_bad, err))
        return false;
    document->has_replaced = (findings & CHARSET_BAD_BYTES) != 0;
    if (document->has_replaced && document->is_misdeclared)
        return err_at(err, ERR_SYNTAX, "xml_malformed", first_bad, "XML 1.0 4.3.3");
    *utf8 = text_span(text);
    return true;
}

/* Behind the mark that says UTF-8. */
static bool has_high_byte(struct span bytes)
{
    size_t from = span_starts(bytes, "\xEF\xBB\xBF") ? 3 : 0;
    for (size_t i = from; i < bytes.len; i++)
        if (bytes.at[i] >= 0x80)
            return true;
    return false;
}

/* UTF-8 for the parser; UTF-16 is left to it. */
static bool decode(struct span bytes, struct arena *arena, struct span *utf8,
                   struct xml_document *document, struct err *err)
{
    enum charset charset = CHARSET_UTF8;
    struct text text = {0};
    struct err not_utf8 = {0};
    *utf8 = bytes;
    if (is_utf16(bytes))
        return true;
    const uint8_t *zero = memchr(bytes.at, 0, bytes.len);
    if (zero)
        return err_at(err, ERR_SYNTAX, "xml_malformed", (uint64_t)(zero - bytes.at),
                      "XML 1.0 2.2");
    if (!find_charset(declared(bytes), &charset))
        return err_at(err, ERR_SYNTAX, "xml_encoding", 0, "XML 1.0 4.3.3");
    if (charset == CHARSET_UTF8 && text_from_utf8(bytes, &text, &not_utf8))
        return true;
    /* Japanese in UTF-8 up to a broken character is not something else from the start. */
    if (charset == CHARSET_UTF8 && has_high_byte(span_part(bytes, 0, not_utf8.offset)))
        return err_at(err, ERR_SYNTAX, "xml_malformed", not_utf8.offset, "XML 1.0 4.3.3");
    return decode_as(bytes, charset, arena, utf8, document, err);
}

/* ------------------------------------------------------------------ the tree */

struct reading {
    struct arena *arena;
    struct err *err;
    xmlParserCtxtPtr parser;
    struct xml_node *root;
    struct xml_node *at;
    struct buf pending; /* text that has not ended yet */
    size_t nodes;
    int depth;
};

static size_t offset_of(const struct reading *reading)
{
    const xmlParserInput *input = reading->parser->input;
    return input ? (size_t)(input->cur - input->base) + input->consumed : 0;
}

static void stop(struct reading *reading, enum err_kind kind, const char *code)
{
    if (reading->err->kind == ERR_NONE)
        err_at(reading->err, kind, code, offset_of(reading), CLAUSE);
    xmlStopParser(reading->parser);
}

/* Something of the arena or the buffer failed; the error stands. */
static void halt(struct reading *reading)
{
    xmlStopParser(reading->parser);
}

static struct xml_node *add_node(struct reading *reading)
{
    if (++reading->nodes > XML_NODES_MAX) {
        stop(reading, ERR_LIMIT, "xml_too_large");
        return NULL;
    }
    struct xml_node *node = ARENA_NEW(reading->arena, struct xml_node, reading->err);
    if (!node) {
        halt(reading);
        return NULL;
    }
    struct xml_node *parent = reading->at;
    node->parent = parent;
    node->offset = offset_of(reading);
    node->name = node->space = node->text = TEXT("");
    if (!parent)
        reading->root = node;
    else if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    if (parent)
        parent->last = node;
    return node;
}

/* Texts of the parser are UTF-8 by its own check; ours looks again. */
static bool copy_text(struct reading *reading, const xmlChar *at, size_t len,
                      struct text *text)
{
    struct span copy = {0};
    struct err bad = {0};
    *text = TEXT("");
    if (!at || len == 0)
        return true;
    if (!arena_copy(reading->arena, span_of(at, len), &copy, reading->err)) {
        halt(reading);
        return false;
    }
    if (text_from_utf8(copy, text, &bad))
        return true;
    stop(reading, ERR_SYNTAX, "xml_malformed");
    return false;
}

static void end_text(struct reading *reading)
{
    if (reading->pending.len == 0 || !reading->at || reading->err->kind != ERR_NONE)
        return;
    if (!buf_check(&reading->pending, reading->err)) {
        halt(reading);
        return;
    }
    struct xml_node *node = add_node(reading);
    if (node)
        (void)!copy_text(reading, reading->pending.at, reading->pending.len, &node->text);
    buf_reset(&reading->pending);
}

static size_t length(const xmlChar *string)
{
    return string ? strlen((const char *)string) : 0;
}

/* libxml2 hands out five pointers for each attribute: local name, prefix, namespace,
 * begin and end of the value. */
static void add_attributes(struct reading *reading, struct xml_node *node, int count,
                           const xmlChar **parts)
{
    enum { PARTS = 5 };
    if (count > XML_ATTRIBUTES_MAX) {
        stop(reading, ERR_LIMIT, "xml_too_many_attributes");
        return;
    }
    if (count <= 0)
        return;
    node->attributes =
        ARENA_MANY(reading->arena, struct xml_attribute, (size_t)count, reading->err);
    if (!node->attributes) {
        halt(reading);
        return;
    }
    for (int i = 0; i < count; i++) {
        const xmlChar **part = parts + (ptrdiff_t)i * PARTS;
        struct xml_attribute *one = &node->attributes[i];
        if (!copy_text(reading, part[0], length(part[0]), &one->name) ||
            !copy_text(reading, part[2], length(part[2]), &one->space) ||
            !copy_text(reading, part[3], (size_t)(part[4] - part[3]), &one->value))
            return;
        node->attribute_count++;
    }
}

static void on_start(void *context, const xmlChar *name, /* allowed: libxml2's callback */
                     const xmlChar *prefix, const xmlChar *space, int space_count,
                     const xmlChar **spaces, int attribute_count, int defaulted_count,
                     const xmlChar **attributes)
{
    struct reading *reading = context;
    (void)prefix;
    (void)space_count;
    (void)spaces;
    (void)defaulted_count;
    end_text(reading);
    if (reading->err->kind != ERR_NONE)
        return;
    if (++reading->depth > XML_DEPTH_MAX) {
        stop(reading, ERR_LIMIT, "xml_too_deep");
        return;
    }
    struct xml_node *node = add_node(reading);
    if (!node || !copy_text(reading, name, length(name), &node->name) ||
        !copy_text(reading, space, length(space), &node->space))
        return;
    add_attributes(reading, node, attribute_count, attributes);
    reading->at = node;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix,
                   const xmlChar *space)
{
    struct reading *reading = context;
    (void)name;
    (void)prefix;
    (void)space;
    end_text(reading);
    if (reading->err->kind != ERR_NONE || !reading->at)
        return;
    reading->at = reading->at->parent;
    reading->depth--;
}

static void on_text(void *context, const xmlChar *at, int len)
{
    struct reading *reading = context;
    if (reading->err->kind == ERR_NONE && reading->at && len > 0)
        buf_put(&reading->pending, at, (size_t)len);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    stop(context, ERR_REFUSED, "xml_dtd");
}

/* The first fatal one says where; the parser's words, which quote the file, do not get
 * any further. */
static void on_fault(void *context, xmlErrorPtr fault)
{
    struct reading *reading = context;
    if (fault && fault->level == XML_ERR_FATAL && reading->err->kind == ERR_NONE)
        err_at(reading->err, ERR_SYNTAX, "xml_malformed", offset_of(reading), CLAUSE);
}

static void prepare(xmlSAXHandler *handler)
{
    *handler = (xmlSAXHandler){.initialized = XML_SAX2_MAGIC,
                               .internalSubset = on_doctype,
                               .startElementNs = on_start,
                               .endElementNs = on_end,
                               .characters = on_text,
                               .ignorableWhitespace = on_text,
                               .cdataBlock = on_text,
                               .serror = on_fault};
}

static bool run(struct reading *reading, struct span utf8)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOCDATA;
    xmlSAXHandler handler;
    xmlInitParser();
    reading->parser = xmlCreateMemoryParserCtxt((const char *)utf8.at, (int)utf8.len);
    if (!reading->parser)
        return err_set(reading->err, ERR_BUSY, "memory_short", "no parser");
    prepare(&handler);
    xmlSAXHandler *own = reading->parser->sax;
    if (!is_utf16(utf8))
        options |= XML_PARSE_IGNORE_ENC;
    xmlCtxtUseOptions(reading->parser, options);
    reading->parser->sax = &handler;
    reading->parser->userData = reading;
    xmlParseDocument(reading->parser);
    bool is_good = reading->parser->wellFormed && reading->err->kind == ERR_NONE;
    if (!is_good && reading->err->kind == ERR_NONE)
        err_at(reading->err, ERR_SYNTAX, "xml_malformed", offset_of(reading), CLAUSE);
    reading->parser->sax = own;
    xmlFreeParserCtxt(reading->parser);
    reading->parser = NULL;
    return is_good;
}

bool xml_parse(struct span bytes, struct arena *arena, struct xml_document *document,
               struct err *err)
{
    struct span utf8 = {0};
    struct reading reading = {.arena = arena, .err = err};
    *document = (struct xml_document){0};
    if (bytes.len == 0)
        return err_at(err, ERR_SYNTAX, "xml_malformed", 0, CLAUSE);
    if (bytes.len > XML_BYTES_MAX)
        return err_at(err, ERR_LIMIT, "xml_too_large", XML_BYTES_MAX, CLAUSE);
    if (!decode(bytes, arena, &utf8, document, err))
        return false;
    if (span_starts(utf8, "\xEF\xBB\xBF"))
        utf8 = span_part(utf8, 3, utf8.len - 3);
    if (utf8.len == 0)
        return err_at(err, ERR_SYNTAX, "xml_malformed", 0, CLAUSE);
    reading.pending = buf_init(3 * (size_t)XML_BYTES_MAX);
    bool is_good = run(&reading, utf8);
    buf_free(&reading.pending);
    if (is_good && !reading.root)
        return err_at(err, ERR_SYNTAX, "xml_malformed", 0, CLAUSE);
    document->root = is_good ? reading.root : NULL;
    return is_good;
}

/* ------------------------------------------------------------------ finding */

bool xml_is(const struct xml_node *node, const char *name)
{
    return node && node->name.len > 0 && text_is(node->name, name);
}

static const struct xml_node *first_of(const struct xml_node *node, struct span name)
{
    while (node && !(node->name.len > 0 && span_equal(text_span(node->name), name)))
        node = node->next;
    return node;
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
    return node ? first_of(node->first, span_cstr(name)) : NULL;
}

const struct xml_node *xml_next(const struct xml_node *node, const char *name)
{
    return node ? first_of(node->next, span_cstr(name)) : NULL;
}

const struct xml_node *xml_find(const struct xml_node *node, const char *path)
{
    struct span rest = span_cstr(path);
    struct span name = {0};
    while (node && span_take(&rest, '/', &name))
        node = first_of(node->first, name);
    return node;
}

struct text xml_attribute(const struct xml_node *node, const char *name)
{
    for (size_t i = 0; node && i < node->attribute_count; i++)
        if (node->attributes[i].space.len == 0 && text_is(node->attributes[i].name, name))
            return node->attributes[i].value;
    return TEXT("");
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void put_collapsed(struct buf *out, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        bool is_second = out->len == 0 || out->at[out->len - 1] == ' ';
        if (!is_space(byte))
            buf_byte(out, byte);
        else if (!is_second)
            buf_byte(out, ' ');
    }
}

/* The next node below `top` in the order of the document. */
static const struct xml_node *walk(const struct xml_node *node,
                                   const struct xml_node *top)
{
    if (node->first)
        return node->first;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

bool xml_text(const struct xml_node *node, struct arena *arena, struct text *text,
              struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(XML_BYTES_MAX);
    struct span copy = {0};
    *text = TEXT("");
    for (const struct xml_node *at = node; at; at = walk(at, node))
        if (at->name.len == 0)
            put_collapsed(&out, at->text);
    while (out.len > 0 && out.at[out.len - 1] == ' ')
        out.len--;
    return out.len == 0 ||
           (buf_to_arena(&out, arena, &copy, err) && text_from_utf8(copy, text, err));
}
