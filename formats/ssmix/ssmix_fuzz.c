// SPDX-License-Identifier: Apache-2.0
/* Input is a case of testdata/ ("path P", lines that do not matter, "---", message) or a
 * message by itself. */
#include "formats/ssmix/ssmix.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span body_of(struct span whole)
{
    const uint8_t *mark = memmem(whole.at, whole.len, "\n---\n", 5);
    if (!mark)
        return whole;
    size_t before = (size_t)(mark - whole.at) + 5;
    return span_part(whole, before, whole.len - before);
}

/* Every header lies in the piece, and the piece gets shorter. */
static void read_transactions(struct span rest)
{
    struct span line = {0};
    size_t before = rest.len;
    while (ssmix_take_transaction(&rest, &line)) {
        struct ssmix_transaction said;
        struct err err = {0};
        if (rest.len >= before || line.len >= before ||
            ssmix_parse_transaction(line, &said, &err) != (err.kind == ERR_NONE) ||
            err.offset > line.len)
            abort();
        before = rest.len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_transactions(span_of(data, size));
    struct arena arena = arena_init(8 << 20);
    struct buf out = buf_init(32 << 20);
    struct span whole = span_of(data, size);
    struct span body = body_of(whole);
    struct span path = {0};
    struct ssmix_name name = {0};
    struct entry_list list = {0};
    struct err path_err = {0};
    struct err err = {0};
    bool has_path = size > 5 && span_starts(whole, "path ") &&
                    span_take(&whole, ' ', &path) && span_take(&whole, '\n', &path) &&
                    ssmix_parse_path(path, &name, &path_err);
    bool is_read = has_path ? ssmix_read(&name, body, &arena, &list, &err)
                            : ssmix_read_loose(body, &arena, &list, &err);
    if (is_read != (err.kind == ERR_NONE) || (!is_read && list.first))
        abort();
    struct json_writer writer = json_writer(&out);
    json_open_array(&writer);
    for (const struct entry *entry = list.first; entry; entry = entry->next)
        entry_write(&writer, entry);
    json_close_array(&writer);
    struct text text = {0};
    struct err utf8_err = {0};
    if (!text_from_utf8(buf_view(&out), &text, &utf8_err))
        abort();
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
