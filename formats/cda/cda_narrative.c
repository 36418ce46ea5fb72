// SPDX-License-Identifier: Apache-2.0
/* section.text (CDA R2 4.3.5, NarrativeBlock): running text, paragraphs, lists, tables.
 * Depth is bounded by the XML reader. */
#include <stdio.h>
#include <string.h>

#include "formats/cda/cda_parts.h"

/* ------------------------------------------------------------------ running text */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void end_line(struct cda_reader *reader)
{
    struct buf *line = &reader->line;
    while (line->len > 0 && line->at[line->len - 1] == ' ')
        line->len--;
    if (line->len > 0)
        buf_byte(line, '\n');
}

/* White space is one space; a line break between words stays one, because many systems
 * put whole reports into a section without any mark-up. */
static void put_running(struct cda_reader *reader, struct text text)
{
    struct buf *line = &reader->line;
    bool has_break = false;
    bool has_word = line->len > 0 && !is_blank(line->at[line->len - 1]);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        if (is_blank(byte)) {
            has_break |= byte == '\n' && has_word;
            if (line->len > 0 && !is_blank(line->at[line->len - 1]))
                buf_byte(line, ' ');
            continue;
        }
        if (has_break)
            end_line(reader);
        has_break = false;
        has_word = true;
        buf_byte(line, byte);
    }
}

static bool is_crossed_out(const struct xml_node *node)
{
    return xml_is(node, "content") && text_is(xml_attribute(node, "revised"), "delete");
}

/* Elements whose words stand on lines of their own inside running text. */
static bool is_own_line(const struct xml_node *node)
{
    static const char *const names[] = {"br",   "paragraph", "item",   "tr",
                                        "list", "table",     "caption"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (xml_is(node, names[i]))
            return true;
    return false;
}

void cda_fill_line(struct cda_reader *reader, const struct xml_node *node)
{
    bool is_deleted = is_crossed_out(node);
    if (xml_is(node, "linkHtml"))
        cda_note_link(reader, node);
    if (is_deleted)
        buf_cstr(&reader->line, "［削除：");
    for (const struct xml_node *one = node->first; one; one = one->next) {
        if (one->name.len == 0) {
            put_running(reader, one->text);
            continue;
        }
        if (xml_is(one, "renderMultiMedia")) {
            cda_mention(reader, one);
            continue;
        }
        if (is_own_line(one))
            end_line(reader);
        cda_fill_line(reader, one);
        if (is_own_line(one) && !xml_is(one, "br"))
            end_line(reader);
        else if (xml_is(one, "td") || xml_is(one, "th"))
            put_running(reader, TEXT(" "));
    }
    if (is_deleted)
        buf_cstr(&reader->line, "］");
}

/* ------------------------------------------------------------------ blocks */

struct block {
    const char *type;
    struct text level; /* of list items */
    struct text mark;  /* "1." of an ordered list */
};

/* A long text becomes several blocks, cut between characters. */
static void put_block(struct cda_reader *reader, const struct block *block)
{
    enum { FIELDS = 3 };
    struct text rest = cda_take_line(reader);
    bool is_first = true;
    while (rest.len > 0) {
        size_t len = rest.len < CDA_BLOCK_BYTES ? rest.len : CDA_BLOCK_BYTES;
        while (len < rest.len && ((uint8_t)rest.at[len] & 0xC0) == 0x80)
            len--;
        struct entry_item *item = cda_item(reader, block->type, FIELDS);
        if (!item)
            return;
        entry_add_field(item, "text", (struct text){rest.at, len});
        entry_add_field(item, "level", block->level);
        if (is_first)
            entry_add_field(item, "mark", block->mark);
        is_first = false;
        rest = (struct text){rest.at + len, rest.len - len};
    }
    cda_put_waiting(reader);
}

static void put_paragraph(struct cda_reader *reader)
{
    struct block block = {"paragraph", TEXT(""), TEXT("")};
    put_block(reader, &block);
}

static struct text number_text(struct cda_reader *reader, const char *format,
                               size_t number)
{
    char digits[24];
    struct span copy = {0};
    snprintf(digits, sizeof digits, "%zu", number);
    CLEANUP(buf_free) struct buf out = buf_init(32);
    buf_cstr(&out, digits);
    buf_cstr(&out, format);
    if (!cda_is_good(reader) || !buf_to_arena(&out, reader->arena, &copy, reader->err))
        return TEXT("");
    return (struct text){(const char *)copy.at, copy.len};
}

static void read_blocks(struct cda_reader *reader, const struct xml_node *parent,
                        const struct block *block);

static void read_list(struct cda_reader *reader, const struct xml_node *list,
                      size_t level)
{
    enum { LEVELS = 6 };
    bool is_ordered = text_is(xml_attribute(list, "listType"), "ordered");
    size_t number = 0;
    if (xml_child(list, "caption")) {
        cda_fill_line(reader, xml_child(list, "caption"));
        put_paragraph(reader);
    }
    for (const struct xml_node *item = xml_child(list, "item");
         item && cda_is_good(reader); item = xml_next(item, "item")) {
        struct block block = {"list_item",
                              number_text(reader, "", level < LEVELS ? level : LEVELS),
                              is_ordered ? number_text(reader, ".", ++number) : TEXT("")};
        read_blocks(reader, item, &block);
    }
}

static bool is_block(const struct xml_node *node)
{
    return xml_is(node, "paragraph") || xml_is(node, "list") || xml_is(node, "table") ||
           xml_is(node, "renderMultiMedia");
}

static bool has_block(const struct xml_node *node)
{
    for (const struct xml_node *one = node->first; one; one = one->next)
        if (is_block(one))
            return true;
    return false;
}

static size_t level_of(const struct block *block)
{
    return block->level.len == 1 ? (size_t)(block->level.at[0] - '0') : 0;
}

static void read_block(struct cda_reader *reader, const struct xml_node *node,
                       const struct block *block)
{
    if (xml_is(node, "list"))
        read_list(reader, node, level_of(block) + 1);
    else if (xml_is(node, "table"))
        cda_read_table(reader, node);
    else if (xml_is(node, "renderMultiMedia"))
        cda_put_figure(reader, node);
    else if (has_block(node)) /* a paragraph around a picture */
        read_blocks(reader, node, block);
    else {
        cda_fill_line(reader, node);
        put_block(reader, block);
    }
}

/* Children in order: blocks by themselves, what stands between them as one block. */
static void read_blocks(struct cda_reader *reader, const struct xml_node *parent,
                        const struct block *block)
{
    for (const struct xml_node *one = parent->first; one && cda_is_good(reader);
         one = one->next) {
        if (one->name.len == 0) {
            put_running(reader, one->text);
        } else if (is_block(one)) {
            put_block(reader, block);
            read_block(reader, one, block);
        } else if (xml_is(one, "br")) {
            end_line(reader);
        } else if (has_block(one)) { /* content around a table, say */
            put_block(reader, block);
            read_blocks(reader, one, block);
        } else {
            cda_fill_line(reader, one);
        }
    }
    put_block(reader, block);
}

void cda_read_narrative(struct cda_reader *reader, const struct xml_node *text)
{
    struct block block = {"paragraph", TEXT(""), TEXT("")};
    read_blocks(reader, text, &block);
}
