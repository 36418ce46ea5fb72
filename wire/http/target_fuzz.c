// SPDX-License-Identifier: Apache-2.0
/* Paths, queries and hosts from outside: what is accepted holds no control character, no
 * slash inside a segment and no dot segment, however it was written. */
#include <assert.h>
#include <string.h>

#include "wire/http/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoded(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        assert(span.at[i] >= 0x20 && span.at[i] != 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct http_target target;
    struct err err = {0};
    struct http_service service = {.has_loopback_hosts_only = true};
    if (http_host_is_valid(span_of(data, size)))
        (void)http_host_is_ours(&service, span_of(data, size));
    if (!http_target_parse(span_of(data, size), &arena, &target, &err)) {
        assert(err.kind != ERR_NONE);
        return 0;
    }
    assert(target.path.len > 0 && target.path.at[0] == '/');
    assert(target.segment_count >= 1 && target.segment_count <= HTTP_SEGMENTS_MAX);
    for (int i = 0; i < target.segment_count; i++) {
        struct span segment = target.segments[i];
        check_decoded(segment);
        assert(!span_is(segment, ".") && !span_is(segment, ".."));
        assert(segment.len > 0 || i == target.segment_count - 1);
        assert(segment.len == 0 || (!memchr(segment.at, '/', segment.len) &&
                                    !memchr(segment.at, '\\', segment.len)));
    }
    for (int i = 0; i < target.query_count; i++) {
        check_decoded(target.queries[i].name);
        check_decoded(target.queries[i].value);
    }
    return 0;
}
