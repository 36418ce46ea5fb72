// SPDX-License-Identifier: Apache-2.0
/* What a gateway says of a study. What is written of it is written the same way again. */
#include <assert.h>
#include <string.h>

#include "exchange/image/image_parts.h"
#include "formats/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct id facility = {{7}};

static void write_again(struct span written)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4 << 20);
    CLEANUP(json_free_at) struct json_document *document = json_parse(written, &err);
    assert(document);
    assert(image_write_study(written, facility, &out, &err));
    assert(out.len == written.len && memcmp(out.at, written.at, out.len) == 0);
}

static void read_range(struct span value)
{
    struct image_range range = image_read_range(value);
    struct text stamp = image_read_stamp(value);
    assert(range.from >= 0 && (range.to == -1 || range.to >= range.from));
    assert(!range.is_from_end || (range.is_asked && range.to == -1));
    assert(stamp.len == 0 || image_is_stamp(text_span(stamp)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct span body = span_of(data, size);
    CLEANUP(buf_free) struct buf out = buf_init(2 << 20);
    read_range(body);
    if (image_write_study(body, facility, &out, &err))
        write_again(buf_view(&out));
    return 0;
}
