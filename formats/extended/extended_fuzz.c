// SPDX-License-Identifier: Apache-2.0
/* Input is a path below a storage's root, a newline, and the file; without a path that is
 * one, the whole is read as a document that lies in no storage. What comes out must be
 * what the centre takes: bounded items of bounded texts, under plain keys. */
#include "formats/extended/extended.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 2000, FIELDS_MAX = 64, TEXT_MAX = 8192 };

static void check_entry(const struct entry *entry)
{
    size_t items = 0;
    for (const struct entry_item *item = entry->items; item; item = item->next) {
        if (++items > ITEMS_MAX || item->field_count > FIELDS_MAX)
            abort();
        for (size_t i = 0; i < item->field_count; i++)
            if (item->fields[i].value.len > TEXT_MAX)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = arena_init(64 << 20);
    struct buf out = buf_init(64 << 20);
    struct span rest = span_of(data, size);
    struct span path = {0};
    struct extended_name name;
    struct entry_list list = {0};
    struct err path_err = {0};
    struct err err = {0};
    bool has_path = memchr(data, '\n', size) && span_take(&rest, '\n', &path) &&
                    extended_parse_path(path, &arena, &name, &path_err);
    bool is_read = has_path
                       ? extended_read(&name, rest, &arena, &list, &err)
                       : extended_read_loose(span_of(data, size), &arena, &list, &err);
    if (is_read != (err.kind == ERR_NONE) || (!is_read && list.first))
        abort();
    struct json_writer writer = json_writer(&out);
    json_open_array(&writer);
    for (const struct entry *entry = list.first; entry; entry = entry->next) {
        if (!has_path || entry->kind != ENTRY_VITAL_SIGNS)
            check_entry(entry);
        entry_write(&writer, entry);
    }
    json_close_array(&writer);
    struct text text = {0};
    struct err utf8_err = {0};
    if (!text_from_utf8(buf_view(&out), &text, &utf8_err))
        abort();
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
