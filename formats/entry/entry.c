// SPDX-License-Identifier: Apache-2.0
#include "formats/entry/entry.h"

#include <assert.h>

static const char *const kind_ids[ENTRY_KIND_COUNT] = {
#define X(name, id, row) [ENTRY_##name] = id,
    ENTRY_KINDS(X)
#undef X
};

static const uint8_t kind_rows[ENTRY_KIND_COUNT] = {
#define X(name, id, row) [ENTRY_##name] = ENTRY_ROW_##row,
    ENTRY_KINDS(X)
#undef X
};

static const char *const row_ids[ENTRY_ROW_COUNT] = {
    [ENTRY_ROW_PERIOD] = "period",
    [ENTRY_ROW_PRESCRIPTION] = "prescription",
    [ENTRY_ROW_INJECTION] = "injection",
    [ENTRY_ROW_TEST] = "test",
    [ENTRY_ROW_IMAGE] = "image",
    [ENTRY_ROW_REPORT] = "report",
    [ENTRY_ROW_FILE] = "file",
    [ENTRY_ROW_VISIT] = "visit",
    [ENTRY_ROW_RECORD] = "record",
    [ENTRY_ROW_MESSAGE] = "message",
    [ENTRY_ROW_NONE] = NULL,
};

static const char *const state_ids[ENTRY_STATE_COUNT] = {
    [ENTRY_CURRENT] = "current",       [ENTRY_SUPERSEDED] = "superseded",
    [ENTRY_DELETED] = "deleted",       [ENTRY_PLANNED] = "planned",
    [ENTRY_INCOMPLETE] = "incomplete",
};

static const struct {
    unsigned flag;
    const char *id;
} flag_ids[] = {
    {ENTRY_ABNORMAL_HIGH, "high"}, {ENTRY_ABNORMAL_LOW, "low"},
    {ENTRY_ABNORMAL, "abnormal"},  {ENTRY_URGENT, "urgent"},
    {ENTRY_HAS_IMAGE, "image"},    {ENTRY_HAS_WAVEFORM, "waveform"},
    {ENTRY_IS_ORDER, "order"},     {ENTRY_SENSITIVE, "sensitive"},
};

const char *entry_kind_id(enum entry_kind kind)
{
    assert((unsigned)kind < ENTRY_KIND_COUNT);
    return kind_ids[kind];
}

bool entry_kind_parse(struct text id, enum entry_kind *kind)
{
    for (unsigned i = 0; i < ENTRY_KIND_COUNT; i++)
        if (text_is(id, kind_ids[i])) {
            *kind = (enum entry_kind)i;
            return true;
        }
    return false;
}

enum entry_row entry_kind_row(enum entry_kind kind)
{
    assert((unsigned)kind < ENTRY_KIND_COUNT);
    return (enum entry_row)kind_rows[kind];
}

const char *entry_row_id(enum entry_row row)
{
    assert((unsigned)row < ENTRY_ROW_COUNT);
    return row_ids[row];
}

const char *entry_state_id(enum entry_state state)
{
    assert((unsigned)state < ENTRY_STATE_COUNT);
    return state_ids[state];
}

struct entry *entry_add(struct entry_list *list, enum entry_kind kind,
                        struct arena *arena, struct err *err)
{
    struct entry *entry = ARENA_NEW(arena, struct entry, err);
    if (!entry)
        return NULL;
    entry->kind = kind;
    entry->day = DAY_NONE;
    entry->end_day = DAY_NONE;
    if (list->last)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
    return entry;
}

struct entry_item *entry_add_item(struct entry *entry, const char *type,
                                  size_t field_capacity, struct arena *arena,
                                  struct err *err)
{
    struct entry_item *item = ARENA_NEW(arena, struct entry_item, err);
    if (!item)
        return NULL;
    item->fields = ARENA_MANY(arena, struct entry_field, field_capacity, err);
    if (!item->fields)
        return NULL;
    item->type = type;
    item->field_capacity = field_capacity;
    if (entry->last_item)
        entry->last_item->next = item;
    else
        entry->items = item;
    entry->last_item = item;
    return item;
}

void entry_add_field(struct entry_item *item, const char *key, struct text value)
{
    if (value.len == 0)
        return;
    assert(item->field_count < item->field_capacity);
    item->fields[item->field_count++] = (struct entry_field){key, value};
}

bool entry_warn(struct entry_list *list, const char *code, size_t offset,
                struct text text, struct arena *arena, struct err *err)
{
    struct entry_warning *warning = ARENA_NEW(arena, struct entry_warning, err);
    if (!warning)
        return false;
    *warning = (struct entry_warning){.code = code, .offset = offset, .text = text};
    if (list->last_warning)
        list->last_warning->next = warning;
    else
        list->warnings = warning;
    list->last_warning = warning;
    return true;
}

static void write_optional(struct json_writer *writer, const char *key, struct text text)
{
    if (text.len > 0)
        json_put_text(writer, key, text);
}

static void write_flags(struct json_writer *writer, unsigned flags)
{
    if (flags == 0)
        return;
    json_key(writer, "flags");
    json_open_array(writer);
    for (size_t i = 0; i < sizeof(flag_ids) / sizeof(flag_ids[0]); i++)
        if (flags & flag_ids[i].flag)
            json_cstr_value(writer, flag_ids[i].id);
    json_close_array(writer);
}

void entry_write_items(struct json_writer *writer, const struct entry *entry)
{
    json_open_array(writer);
    for (const struct entry_item *item = entry->items; item; item = item->next) {
        json_open_object(writer);
        json_put_cstr(writer, "type", item->type);
        for (size_t i = 0; i < item->field_count; i++)
            json_put_text(writer, item->fields[i].key, item->fields[i].value);
        json_close_object(writer);
    }
    json_close_array(writer);
}

void entry_write(struct json_writer *writer, const struct entry *entry)
{
    json_open_object(writer);
    json_put_cstr(writer, "kind", entry_kind_id(entry->kind));
    const char *row = entry_row_id(entry_kind_row(entry->kind));
    if (row)
        json_put_cstr(writer, "row", row);
    else
        json_put_null(writer, "row");
    json_put_day(writer, "day", entry->day);
    json_put_text(writer, "title", entry->title);
    json_put_cstr(writer, "state", entry_state_id(entry->state));
    if (entry->end_day != DAY_NONE)
        json_put_day(writer, "end_day", entry->end_day);
    if (entry->is_open)
        json_put_bool(writer, "is_open", true);
    write_optional(writer, "time", entry->time);
    write_optional(writer, "department_code", entry->department_code);
    write_optional(writer, "department", entry->department);
    write_optional(writer, "author", entry->author);
    write_optional(writer, "part", entry->part);
    write_optional(writer, "order_number", entry->order_number);
    write_flags(writer, entry->flags);
    json_key(writer, "items");
    entry_write_items(writer, entry);
    json_close_object(writer);
}
