// SPDX-License-Identifier: Apache-2.0
/* The parts of the codec without a socket: the bytes are cut in two at every run, so that
 * what is scanned in pieces must be what is scanned at once; a head that is accepted must
 * keep the promises the codec builds on; the rest is read as a body of chunks. */
#include <assert.h>
#include <string.h>

#include "wire/http1/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const struct http_field *field)
{
    assert(field->name.len > 0);
    for (size_t i = 0; i < field->name.len; i++)
        assert(field->name.at[i] > ' ' && field->name.at[i] < 0x7F &&
               field->name.at[i] != ':' &&
               !(field->name.at[i] >= 'A' && field->name.at[i] <= 'Z'));
    for (size_t i = 0; i < field->value.len; i++)
        assert(field->value.at[i] >= ' ' || field->value.at[i] == '\t');
}

static void check_head(struct span bytes)
{
    CLEANUP(arena_free) struct arena arena = arena_init(128 * 1024);
    struct http1_head parsed;
    struct http1_refusal refusal = {0};
    if (!http1_parse_head(bytes, 64, &arena, &parsed, &refusal)) {
        assert(refusal.status >= 400 && refusal.code);
        return;
    }
    assert(parsed.head.target.len > 0 && parsed.head.target.at[0] == '/');
    assert(parsed.head.field_count <= 64 && parsed.head.method.len > 0);
    assert(parsed.is_chunked == (parsed.head.body_bytes < 0));
    int hosts = 0, lengths = 0, codings = 0;
    for (size_t i = 0; i < parsed.head.field_count; i++) {
        check_field(&parsed.head.fields[i]);
        hosts += span_is(parsed.head.fields[i].name, "host");
        lengths += span_is(parsed.head.fields[i].name, "content-length");
        codings += span_is(parsed.head.fields[i].name, "transfer-encoding");
    }
    assert(hosts == 1 && lengths + codings <= 1 && codings == parsed.is_chunked);
}

static void check_chunks(struct span bytes, size_t split)
{
    struct http1_chunks whole = {0}, parts = {0};
    struct span rest = bytes, first = span_part(bytes, 0, split);
    struct span second = span_part(bytes, split, bytes.len);
    size_t whole_bytes = 0, parts_bytes = 0;
    while (rest.len > 0 && whole.state < HTTP1_CHUNK_DONE)
        whole_bytes += http1_take_chunk(&whole, &rest).len;
    while (first.len > 0 && parts.state < HTTP1_CHUNK_DONE)
        parts_bytes += http1_take_chunk(&parts, &first).len;
    while (second.len > 0 && parts.state < HTTP1_CHUNK_DONE)
        parts_bytes += http1_take_chunk(&parts, &second).len;
    assert(whole.state == parts.state && whole_bytes == parts_bytes);
    assert(whole_bytes <= bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct span bytes = span_of(data + 1, size - 1);
    size_t split = bytes.len > 0 ? data[0] % bytes.len : 0;
    struct http1_scanner whole = {0}, parts = {0};
    enum http1_scan scan = http1_scan_head(&whole, bytes);
    enum http1_scan again = http1_scan_head(&parts, span_part(bytes, 0, split));
    if (again == HTTP1_SCAN_MORE)
        again = http1_scan_head(&parts, bytes);
    assert(scan == again && (scan == HTTP1_SCAN_BROKEN || whole.offset == parts.offset));
    if (scan == HTTP1_SCAN_COMPLETE) {
        check_head(span_part(bytes, 0, whole.offset));
        bytes = span_part(bytes, whole.offset, bytes.len);
    }
    check_chunks(bytes, bytes.len > 0 ? split % bytes.len : 0);
    return 0;
}
