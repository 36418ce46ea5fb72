// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "formats/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever came as a string is valid text, and comes back from our writer unchanged. */
static void check_text(const struct json_value *array, size_t index)
{
    struct err err = {0};
    struct text text = {0};
    struct text again = {0};
    if (!json_item_text(array, index, 4096, &text, &err))
        return;
    assert(text_from_utf8(text_span(text), &again, &err));
    CLEANUP(buf_free) struct buf out = buf_init(64 * 1024);
    struct json_writer writer = json_writer(&out);
    json_open_array(&writer);
    json_text_value(&writer, text);
    json_close_array(&writer);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    assert(document);
    assert(json_item_text(json_root(document), 0, 4096, &again, &err));
    assert(text_equal(text, again));
}

static void check_members(const struct json_value *root)
{
    struct err err = {0};
    struct text text = {0};
    int64_t number = 0;
    bool flag = false;
    struct id id = {0};
    (void)json_take_text_or(root, "t", 16, &text, &err);
    err_clear(&err);
    (void)json_take_int(root, "n", -1, 100, &number, &err);
    assert(number >= -1 && number <= 100);
    err_clear(&err);
    (void)json_take_bool(root, "b", &flag, &err);
    err_clear(&err);
    (void)json_take_id(root, "i", &id, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_of(data, size), &err);
    if (!document) {
        assert(err.kind == ERR_SYNTAX);
        return 0;
    }
    const struct json_value *root = json_root(document);
    for (size_t i = 0; i < json_count(root) && i < 64; i++)
        check_text(root, i);
    check_members(root);
    return 0;
}
