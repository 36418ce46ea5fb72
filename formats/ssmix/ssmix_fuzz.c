// SPDX-License-Identifier: Apache-2.0
/* The first line is a path in a storage, the rest the file. */
#include "formats/ssmix/ssmix.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = arena_init(8 << 20);
    struct buf out = buf_init(16 << 20);
    struct span rest = span_of(data, size);
    struct span path = {0};
    struct ssmix_name name = {0};
    struct entry_list list = {0};
    struct err err = {0};
    bool is_read = false;
    if (size > 0 && span_take(&rest, '\n', &path) && ssmix_parse_path(path, &name, &err))
        is_read = ssmix_read(&name, rest, &arena, &list, &err);
    else
        is_read = ssmix_read_loose(span_of(data, size), &arena, &list, &(struct err){0});
    if (!is_read && list.first)
        abort();
    struct json_writer writer = json_writer(&out);
    json_open_array(&writer);
    for (const struct entry *entry = list.first; entry; entry = entry->next)
        entry_write(&writer, entry);
    json_close_array(&writer);
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
