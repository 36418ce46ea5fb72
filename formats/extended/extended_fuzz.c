// SPDX-License-Identifier: Apache-2.0
/* Input is a path below a storage's root, a newline, lines that begin with '+' and name
 * files beside, and the file; without a path that is one, the whole is read as a document
 * that lies in no storage. What comes out must be what the centre takes: bounded items of
 * bounded texts, under plain keys, and each part that the document holds itself must come
 * out of it. */
#include "formats/extended/extended.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 2000, FIELDS_MAX = 64, TEXT_MAX = 8192, FILES = 8 };

static void take_files(struct span *rest, struct extended_name *name,
                       struct extended_file *files, struct arena *arena)
{
    struct span line = {0};
    struct err err = {0};
    name->files = files;
    while (name->file_count < FILES && rest->len > 0 && rest->at[0] == '+' &&
           span_take(rest, '\n', &line)) {
        struct extended_file *file = &files[name->file_count];
        line = span_part(line, 1, line.len - 1);
        if (!extended_decode_name(line, arena, &file->name, &err))
            return;
        file->head = line;
        file->size_bytes = line.len;
        name->file_count++;
    }
}

static void check_inside(const struct extended_name *name, struct span bytes,
                         const struct entry_list *list, struct arena *arena)
{
    size_t parts = 0;
    const struct entry_item *item = list->first ? list->first->items : NULL;
    for (; item; item = item->next)
        parts += strcmp(item->type, "part") == 0;
    for (size_t i = name->file_count; i < parts; i++) {
        struct err err = {0};
        struct span out = {0};
        if (!extended_read_inside(name, bytes, i + 1, arena, &out, &err) &&
            err.kind != ERR_LIMIT)
            abort();
    }
}

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
    struct extended_file files[FILES] = {0};
    struct entry_list list = {0};
    struct err path_err = {0};
    struct err err = {0};
    bool has_path = memchr(data, '\n', size) && span_take(&rest, '\n', &path) &&
                    extended_parse_path(path, &arena, &name, &path_err);
    if (has_path)
        take_files(&rest, &name, files, &arena);
    bool is_read = has_path
                       ? extended_read(&name, rest, &arena, &list, &err)
                       : extended_read_loose(span_of(data, size), &arena, &list, &err);
    if (is_read != (err.kind == ERR_NONE) || (!is_read && list.first))
        abort();
    if (has_path && is_read)
        check_inside(&name, rest, &list, &arena);
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
