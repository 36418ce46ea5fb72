// SPDX-License-Identifier: Apache-2.0
/* Tables: each row an item whose columns stand below each other, whatever spans. */
#include <string.h>

#include "formats/cda/cda_parts.h"

/* Columns that a cell of a row above still fills. */
struct table {
    size_t spans[CDA_COLUMNS_MAX];
    bool is_too_wide;
    size_t offset;
};

static const char *const columns[CDA_COLUMNS_MAX] = {
    "c1",  "c2",  "c3",  "c4",  "c5",  "c6",  "c7",  "c8",  "c9",  "c10",
    "c11", "c12", "c13", "c14", "c15", "c16", "c17", "c18", "c19", "c20",
    "c21", "c22", "c23", "c24", "c25", "c26", "c27", "c28", "c29", "c30",
    "c31", "c32", "c33", "c34", "c35", "c36", "c37", "c38", "c39", "c40"};

static size_t span_value(const struct xml_node *cell, const char *name)
{
    enum { SPAN_MAX = 1000 };
    uint64_t value = 1;
    if (!span_uint(span_trim(text_span(xml_attribute(cell, name))), SPAN_MAX, &value) ||
        value == 0)
        return 1;
    return (size_t)value;
}

static bool is_cell(const struct xml_node *node)
{
    return xml_is(node, "td") || xml_is(node, "th");
}

static bool is_head_row(const struct xml_node *row)
{
    bool has_cell = false;
    if (xml_is(row->parent, "thead"))
        return true;
    for (const struct xml_node *cell = row->first; cell; cell = cell->next) {
        if (xml_is(cell, "td"))
            return false;
        has_cell |= xml_is(cell, "th");
    }
    return has_cell;
}

/* The column that the next cell falls into. */
static size_t next_column(struct table *table, size_t column)
{
    while (column < CDA_COLUMNS_MAX && table->spans[column] > 0)
        column++;
    return column;
}

static void put_cell(struct cda_reader *reader, struct table *table,
                     const struct xml_node *cell, struct entry_item *item, size_t *column)
{
    size_t rows = span_value(cell, "rowspan");
    size_t width = span_value(cell, "colspan");
    *column = next_column(table, *column);
    if (*column >= CDA_COLUMNS_MAX) {
        table->is_too_wide = true;
        return;
    }
    cda_fill_line(reader, cell);
    struct text text = cda_take_line(reader);
    if (text.len > CDA_BLOCK_BYTES) {
        text.len = CDA_BLOCK_BYTES;
        while (text.len > 0 && ((uint8_t)text.at[text.len] & 0xC0) == 0x80)
            text.len--;
        cda_warn(reader, "document_shortened", cell->offset,
                 TEXT("表の欄が長いため、途中までを示します"));
    }
    entry_add_field(item, columns[*column], text);
    for (size_t i = 0; i < width && *column < CDA_COLUMNS_MAX; i++, (*column)++)
        if (rows > 1 && table->spans[*column] == 0)
            table->spans[*column] = rows; /* this row counts too */
}

static void put_row(struct cda_reader *reader, struct table *table,
                    const struct xml_node *row)
{
    struct entry_item *item = cda_item(reader, "table_row", CDA_COLUMNS_MAX + 1);
    size_t column = 0;
    if (!item)
        return;
    if (is_head_row(row))
        entry_add_field(item, "head", TEXT("true"));
    for (const struct xml_node *cell = row->first; cell && cda_is_good(reader);
         cell = cell->next)
        if (is_cell(cell))
            put_cell(reader, table, cell, item, &column);
    for (size_t i = 0; i < CDA_COLUMNS_MAX; i++)
        table->spans[i] -= table->spans[i] > 0;
}

static void put_rows(struct cda_reader *reader, struct table *table,
                     const struct xml_node *parent)
{
    for (const struct xml_node *one = parent->first; one && cda_is_good(reader);
         one = one->next) {
        if (xml_is(one, "tr"))
            put_row(reader, table, one);
        else if (xml_is(one, "thead") || xml_is(one, "tbody") || xml_is(one, "tfoot"))
            put_rows(reader, table, one);
    }
}

void cda_read_table(struct cda_reader *reader, const struct xml_node *node)
{
    struct table table = {.offset = node->offset};
    struct text caption = TEXT("");
    if (xml_child(node, "caption")) {
        cda_fill_line(reader, xml_child(node, "caption"));
        caption = cda_take_line(reader);
    }
    struct entry_item *item = cda_item(reader, "table", 1);
    if (!item)
        return;
    entry_add_field(item, "caption", caption.len <= CDA_BLOCK_BYTES ? caption : TEXT(""));
    put_rows(reader, &table, node);
    cda_put_waiting(reader);
    if (table.is_too_wide)
        cda_warn(reader, "document_shortened", table.offset,
                 TEXT("表の列が多いため、一部を示していません"));
}
