// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "formats/hl7/hl7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_field(const struct hl7_message *message, size_t segment, uint16_t field,
                       struct arena *arena, size_t size)
{
    size_t count = hl7_repetition_count(message, segment, field);
    for (uint16_t repetition = 0; repetition < count && repetition < 4; repetition++)
        for (uint16_t component = 0; component < 4; component++)
            for (uint16_t subcomponent = 0; subcomponent < 3; subcomponent++) {
                struct hl7_place place = {segment, field, repetition, component,
                                          subcomponent};
                struct err err = {0};
                struct text text = {0};
                struct text again;
                struct span raw = hl7_raw(message, place);
                assert(hl7_offset(message, place) + raw.len <= size);
                if (hl7_text(message, place, arena, &text, &err))
                    assert(text_from_utf8(text_span(text), &again, &err));
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct err err = {0};
    const struct hl7_message *message = hl7_parse(span_of(data, size), &arena, &err);
    if (!message) {
        assert(err.kind != ERR_NONE && err.offset <= size);
        return 0;
    }
    for (size_t segment = 0; segment < hl7_segment_count(message); segment++) {
        size_t fields = hl7_field_count(message, segment);
        for (size_t field = 0; field <= fields && field < 40; field++)
            read_field(message, segment, (uint16_t)field, &arena, size);
    }
    (void)hl7_charset_findings(message);
    return 0;
}
