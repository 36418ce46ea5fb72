// SPDX-License-Identifier: Apache-2.0
/* The first byte says in which pieces the rest comes: however it is cut, the parts and
 * their bytes are the same. */
#include <assert.h>

#include "formats/multipart/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

struct seen {
    unsigned parts;
    unsigned ends;
    bool is_broken;
    bool is_ended;
    uint64_t sum; /* of the bytes, in order */
};

static struct seen read_in(struct span all, size_t piece)
{
    static struct multipart multipart; /* allowed: one at a time */
    struct seen seen = {0};
    struct err err = {0};
    bool is_begun = multipart_begin(&multipart, SPAN("b"), &err);
    assert(is_begun);
    while (all.len > 0 && !seen.is_broken) {
        struct span bytes = span_part(all, 0, piece), data = {0};
        all = span_part(all, piece, all.len);
        enum multipart_event event = MULTIPART_MORE;
        do {
            event = multipart_next(&multipart, &bytes, &data);
            seen.parts += event == MULTIPART_PART;
            seen.ends += event == MULTIPART_PART_END;
            seen.is_ended |= event == MULTIPART_END;
            seen.is_broken |= event == MULTIPART_BROKEN;
            for (size_t i = 0; i < data.len; i++)
                seen.sum = seen.sum * 31 + data.at[i];
        } while (event != MULTIPART_MORE && event != MULTIPART_BROKEN);
    }
    assert(seen.ends <= seen.parts);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct multipart_type type;
    struct err err = {0};
    if (len == 0)
        return 0;
    struct span all = span_of(at + 1, len - 1);
    struct seen whole = read_in(all, all.len + 1);
    struct seen pieces = read_in(all, 1 + at[0] % 16);
    assert(whole.parts == pieces.parts && whole.ends == pieces.ends &&
           whole.sum == pieces.sum && whole.is_ended == pieces.is_ended &&
           whole.is_broken == pieces.is_broken);
    (void)!multipart_read_type(all, &type, &err);
    return 0;
}
