// SPDX-License-Identifier: Apache-2.0
/* The first bytes say syntax and shape, the rest is the encoded frame. Lossless encoders
 * are asked to give back what was decoded. */
#include "formats/codec/codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_BYTES = 8, ARENA_BYTES = 64 << 20 };

static struct codec_shape shape_of(const uint8_t *head)
{
    static const unsigned bits[] = {8, 16, 8, 16, 1, 32, 64, 16};
    struct codec_shape shape = {.columns = head[1] % 80 + 1U,
                                .rows = head[2] % 80 + 1U,
                                .samples = head[3] & 1 ? 3 : 1,
                                .bits_allocated = bits[head[3] >> 1 & 7],
                                .is_signed = head[3] & 16,
                                .is_planar = head[3] & 32,
                                .is_big_endian = head[3] & 64,
                                .first_bit = head[4] & 7,
                                .is_float = head[4] & 8};
    shape.bits_stored = head[5] % shape.bits_allocated + 1;
    shape.high_bit = shape.bits_stored - 1 + head[6] % 4;
    shape.photometric = shape.samples == 3
                            ? (enum codec_photometric)(CODEC_RGB + head[7] % 6)
                            : (enum codec_photometric)(head[7] % 3);
    return shape;
}

static void go_round(enum codec_syntax syntax, const struct codec_shape *shape,
                     struct span pixels)
{
    struct arena arena = arena_init(ARENA_BYTES);
    struct buf out = buf_init(ARENA_BYTES);
    struct err err = {0};
    struct codec_shape plain = *shape;
    if (plain.photometric > CODEC_RGB) { /* became RGB of all bits */
        plain.bits_stored = plain.bits_allocated;
        plain.is_signed = false;
    }
    plain.high_bit = plain.bits_stored - 1;
    plain.first_bit = 0;
    if (plain.samples == 3)
        plain.photometric = CODEC_RGB;
    if (codec_encode(syntax, &plain, pixels, &arena, &out, &err)) {
        struct codec_frame again = {.pixel_bytes = pixels.len};
        again.pixels = arena_take(&arena, pixels.len, 1, &err);
        if (!again.pixels ||
            !codec_decode(syntax, &plain, buf_view(&out), &arena, &again, &err) ||
            again.is_incomplete || memcmp(again.pixels, pixels.at, pixels.len) != 0)
            abort();
    }
    buf_free(&out);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_BYTES)
        return 0;
    struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    enum codec_syntax syntax = (enum codec_syntax)(data[0] % 6);
    struct codec_shape shape = shape_of(data);
    struct codec_frame frame = {.pixel_bytes = codec_frame_bytes(&shape)};
    /* its own block, so that a byte beyond it is seen */
    frame.pixels = malloc(frame.pixel_bytes + 1);
    memset(frame.pixels, 0xA5, frame.pixel_bytes + 1);
    bool is_decoded =
        codec_decode(syntax, &shape, span_of(data + HEAD_BYTES, size - HEAD_BYTES),
                     &arena, &frame, &err);
    if (is_decoded != (err.kind == ERR_NONE) || frame.pixels[frame.pixel_bytes] != 0xA5)
        abort();
    if (is_decoded && syntax != CODEC_JPEG)
        go_round(syntax, &shape, span_of(frame.pixels, frame.pixel_bytes));
    free(frame.pixels);
    arena_free(&arena);
    return 0;
}
