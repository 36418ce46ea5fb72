// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "formats/charset/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct span bytes = span_of(data, size);
    (void)charset_name(charset_detect(bytes));
    for (enum charset charset = CHARSET_ISO2022JP; charset <= CHARSET_LATIN1; charset++) {
        struct err err = {0};
        struct text text = {0};
        struct text folded = {0};
        struct text again;
        unsigned findings = 0;
        size_t first_bad = 0;
        if (!charset_decode(charset, bytes, &arena, &text, &findings, &first_bad, &err))
            continue;
        assert(text_from_utf8(text_span(text), &again, &err));
        assert(!(findings & CHARSET_BAD_BYTES) || first_bad < size);
        if (charset_fold(text, &arena, &folded, &err))
            assert(text_from_utf8(text_span(folded), &again, &err));
        CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
        size_t replaced = 0;
        charset_encode_iso2022jp(text, &out, &replaced);
        for (size_t i = 0; i < out.len; i++)
            assert(out.at[i] < 0x80);
    }
    return 0;
}
