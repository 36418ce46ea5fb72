// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Frames for the tests of formats/codec. */

#include "base/test.h"
#include "formats/codec/codec.h"

enum { ARENA_BYTES = 64 << 20 };

static inline struct codec_shape grey(uint32_t columns, uint32_t rows, unsigned bits)
{
    return (struct codec_shape){.columns = columns,
                                .rows = rows,
                                .samples = 1,
                                .bits_allocated = bits,
                                .bits_stored = bits,
                                .high_bit = bits - 1,
                                .photometric = CODEC_MONOCHROME2};
}

static inline struct codec_shape colour(uint32_t columns, uint32_t rows, unsigned bits)
{
    struct codec_shape shape = grey(columns, rows, bits);
    shape.samples = 3;
    shape.photometric = CODEC_RGB;
    return shape;
}

/* Slopes with noise on them and sudden edges, the same for the same number. */
static inline void paint(const struct codec_shape *shape, uint8_t *pixels, uint32_t seed)
{
    size_t size = codec_sample_bytes(shape);
    size_t count = codec_frame_bytes(shape) / size;
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        uint32_t value = (uint32_t)(i / shape->samples % shape->columns) * 37 +
                         (state >> 28) + (state >> 20 & 255U) / 250 * 40000;
        value &= shape->bits_stored >= 32 ? UINT32_MAX : (1U << shape->bits_stored) - 1;
        if (shape->is_signed && value >> (shape->bits_stored - 1))
            value |= ~((1U << shape->bits_stored) - 1);
        memcpy(pixels + i * size, &value, size);
    }
}

/* Decodes into bytes that were full of something, and tells whether all were written. */
static inline bool decode(enum codec_syntax syntax, const struct codec_shape *shape,
                          struct span encoded, struct codec_frame *frame, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    size_t bytes = codec_frame_bytes(shape);
    memset(frame->pixels, 0xA5, frame->pixel_bytes);
    bool is_decoded = codec_decode(syntax, shape, encoded, &arena, frame, err);
    for (size_t i = bytes; i < frame->pixel_bytes; i++)
        CHECK(frame->pixels[i] == 0xA5);
    return is_decoded;
}

static inline void encode(enum codec_syntax syntax, const struct codec_shape *shape,
                          const uint8_t *pixels, struct buf *out)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    buf_reset(out);
    CHECK(codec_encode(syntax, shape, span_of(pixels, codec_frame_bytes(shape)), &arena,
                       out, &err));
}
