// SPDX-License-Identifier: Apache-2.0
#include "formats/codec/codec.h"

#include "formats/codec/codec_parts.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little endian");

/* ------------------------------------------------------------------------- shape */

bool codec_is_ybr(enum codec_photometric photometric)
{
    return photometric == CODEC_YBR_FULL || photometric == CODEC_YBR_FULL_422 ||
           photometric == CODEC_YBR_PARTIAL_422;
}

static bool has_bits(const struct codec_shape *shape)
{
    unsigned bits = shape->bits_allocated;
    if (shape->is_float)
        return bits == 32 || bits == 64;
    return (bits == 1 || bits == 8 || bits == 16 || bits == 32) &&
           shape->bits_stored >= 1 && shape->bits_stored <= bits &&
           shape->high_bit < bits && shape->high_bit + 1 >= shape->bits_stored;
}

/* One bit and floats are of one sample. */
static bool has_samples(const struct codec_shape *shape)
{
    if (shape->photometric <= CODEC_PALETTE)
        return shape->samples == 1;
    return shape->samples == 3 && shape->photometric <= CODEC_YBR_RCT &&
           !shape->is_float && shape->bits_allocated >= 8;
}

size_t codec_pixel_count(const struct codec_shape *shape)
{
    return (size_t)shape->columns * shape->rows;
}

size_t codec_sample_bytes(const struct codec_shape *shape)
{
    if (shape->is_float || shape->bits_allocated == 32)
        return 4;
    return shape->bits_allocated == 16 ? 2 : 1;
}

size_t codec_frame_bytes(const struct codec_shape *shape)
{
    bool is_shape = shape->columns >= 1 && shape->columns <= CODEC_SIDE_MAX &&
                    shape->rows >= 1 && shape->rows <= CODEC_SIDE_MAX &&
                    shape->first_bit < 8 && has_bits(shape) && has_samples(shape);
    size_t bytes = codec_pixel_count(shape) * shape->samples * codec_sample_bytes(shape);
    return is_shape && bytes <= CODEC_FRAME_BYTES_MAX ? bytes : 0;
}

size_t codec_native_bytes(const struct codec_shape *shape)
{
    size_t bytes = codec_frame_bytes(shape);
    bool is_422 = shape->photometric == CODEC_YBR_FULL_422 ||
                  shape->photometric == CODEC_YBR_PARTIAL_422;
    if (bytes == 0)
        return 0;
    if (shape->bits_allocated == 1)
        return (codec_pixel_count(shape) + shape->first_bit + 7) / 8;
    if (shape->bits_allocated == 64)
        return bytes * 2;
    if (is_422)
        return (shape->columns + (size_t)1) / 2 * 4 * shape->rows *
               codec_sample_bytes(shape);
    return bytes;
}

bool codec_check_shape(const struct codec_shape *shape, struct err *err)
{
    return codec_frame_bytes(shape) > 0 ||
           err_set(err, ERR_LIMIT, "codec_shape",
                   "%u x %u pixels of %u samples of %u bits are not decoded",
                   shape->columns, shape->rows, shape->samples, shape->bits_allocated);
}

/* ------------------------------------------------------------------------- colour */

static uint8_t clamp8(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

struct colour_factors { /* of 65536 */
    int luma, red, green_cb, green_cr, blue;
    int black;
};

/* PS3.3 C.7.6.3.1.2: the inverse of the sums printed there. A pixel of three zeros is
 * no colour at all; it stands where a frame ended early, and is to be black. */
void codec_ybr_to_rgb(uint8_t *pixels, size_t count, bool is_partial)
{
    static const struct colour_factors full = {65536, 91881, -22554, -46802, 116130, 0};
    static const struct colour_factors partial = {76309,  104597, -25675,
                                                  -53279, 132201, 16};
    struct colour_factors by = is_partial ? partial : full;
    for (uint8_t *at = pixels; count > 0; count--, at += 3) {
        if ((at[0] | at[1] | at[2]) == 0)
            continue;
        int luma = (at[0] - by.black) * by.luma + 32768;
        int cb = at[1] - 128;
        int cr = at[2] - 128;
        at[0] = clamp8((luma + by.red * cr) >> 16);
        at[1] = clamp8((luma + by.green_cb * cb + by.green_cr * cr) >> 16);
        at[2] = clamp8((luma + by.blue * cb) >> 16);
    }
}

static uint16_t clamp16(double value, unsigned bits)
{
    double most = (double)((1U << bits) - 1);
    return (uint16_t)(value < 0 ? 0 : value > most ? most : value + 0.5);
}

/* More than 8 bits are rare enough not to need speed. */
static void ybr_to_rgb16(uint16_t *pixels, size_t count, unsigned bits)
{
    double middle = (double)(1U << (bits - 1));
    for (uint16_t *at = pixels; count > 0; count--, at += 3) {
        if ((at[0] | at[1] | at[2]) == 0)
            continue;
        double luma = at[0];
        double cb = at[1] - middle;
        double cr = at[2] - middle;
        at[0] = clamp16(luma + 1.402 * cr, bits);
        at[1] = clamp16(luma - 0.344136 * cb - 0.714136 * cr, bits);
        at[2] = clamp16(luma + 1.772 * cb, bits);
    }
}

/* ------------------------------------------------------------------------- store */

bool codec_new_raster(const struct codec_job *job, struct codec_raster *raster,
                      struct err *err)
{
    /* a frame of 16 bits is its own raster; codec_decode emptied it */
    if (codec_sample_bytes(job->shape) == 2 && (uintptr_t)job->frame->pixels % 2 == 0) {
        raster->values = (uint16_t *)(void *)job->frame->pixels;
        return true;
    }
    raster->values = ARENA_MANY(job->arena, uint16_t,
                                codec_pixel_count(job->shape) * job->shape->samples, err);
    return raster->values != NULL;
}

/* Which bits of a value are the stored ones: PS3.5 8.1.1. An encoding of fewer bits than
 * the cell has says the low ones. */
struct cell {
    unsigned shift, bits;
};

static struct cell cell_of(const struct codec_shape *shape, unsigned bits)
{
    if (bits > shape->high_bit)
        return (struct cell){shape->high_bit + 1 - shape->bits_stored,
                             shape->bits_stored};
    return (struct cell){0, bits < shape->bits_stored ? bits : shape->bits_stored};
}

/* Without a shift no step is wider than a value: the compiler takes eight at a time. */
static void mask_low_bits(uint16_t *values, size_t count, unsigned bits, bool is_signed)
{
    enum { TOGETHER = 64 };
    uint16_t mask = (uint16_t)((1U << bits) - 1);
    uint16_t sign = (uint16_t)(is_signed ? 1U << (bits - 1) : 0U);
    size_t i = 0;
    for (; count - i >= TOGETHER; i += TOGETHER)
        for (size_t k = 0; k < TOGETHER; k++)
            values[i + k] = (uint16_t)(((values[i + k] & mask) ^ sign) - sign);
    for (; i < count; i++)
        values[i] = (uint16_t)(((values[i] & mask) ^ sign) - sign);
}

static void mask_values(uint16_t *values, size_t count, struct cell cell, bool is_signed)
{
    for (size_t i = 0; cell.shift > 0 && i < count; i++)
        values[i] = (uint16_t)(values[i] >> cell.shift);
    if (cell.bits < 16)
        mask_low_bits(values, count, cell.bits, is_signed);
}

void codec_store(const struct codec_job *job, const struct codec_raster *raster)
{
    const struct codec_shape *shape = job->shape;
    size_t count = codec_pixel_count(shape) * shape->samples;
    uint8_t *out = job->frame->pixels;
    if (raster->is_ybr)
        ybr_to_rgb16(raster->values, count / 3, raster->bits);
    mask_values(raster->values, count, cell_of(shape, raster->bits), shape->is_signed);
    size_t size = codec_sample_bytes(shape);
    for (size_t i = 0; size == 1 && i < count; i++)
        out[i] = (uint8_t)raster->values[i];
    if (size == 2 && (const void *)raster->values != out)
        memcpy(out, raster->values, count * 2);
    for (size_t i = 0; size == 4 && i < count; i++) {
        uint32_t wide = shape->is_signed ? (uint32_t)(int32_t)(int16_t)raster->values[i]
                                         : raster->values[i];
        memcpy(out + i * 4, &wide, 4);
    }
}

/* ------------------------------------------------------------------------- decode */

static bool decode(enum codec_syntax syntax, const struct codec_job *job, struct err *err)
{
    switch (syntax) {
    case CODEC_NATIVE:
        return codec_decode_native(job, err);
    case CODEC_RLE:
        return codec_decode_rle(job, err);
    case CODEC_JPEG:
    case CODEC_JPEG_LOSSLESS:
        return codec_decode_jpeg(job, err);
    case CODEC_JPEG_LS:
        return codec_decode_jpeg_ls(job, err);
    case CODEC_JPEG_2000:
        return codec_decode_jpeg_2000(job, err);
    default:
        return err_set(err, ERR_REFUSED, "codec_unsupported", "no such encoding");
    }
}

bool codec_decode(enum codec_syntax syntax, const struct codec_shape *shape,
                  struct span encoded, struct arena *arena, struct codec_frame *frame,
                  struct err *err)
{
    struct codec_job job = {shape, encoded, arena, frame};
    size_t bytes = codec_frame_bytes(shape);
    frame->is_incomplete = false;
    frame->is_lossy = false;
    if (!codec_check_shape(shape, err))
        return false;
    if (frame->pixel_bytes < bytes)
        return err_set(err, ERR_LIMIT, "codec_room", "%zu bytes are needed", bytes);
    if (shape->is_float && syntax != CODEC_NATIVE)
        return err_set(err, ERR_REFUSED, "codec_unsupported", "encoded floats");
    if (encoded.len == 0)
        return err_at(err, ERR_SYNTAX, "codec_empty", 0, "PS3.5 8");
    /* what ends early is black; these two write frames from end to end */
    if (syntax != CODEC_NATIVE && syntax != CODEC_RLE)
        memset(frame->pixels, 0, bytes);
    return decode(syntax, &job, err);
}

const uint8_t *codec_find_pixels(enum codec_syntax syntax,
                                 const struct codec_shape *shape, struct span encoded)
{
    bool is_whole = shape->bits_stored == shape->bits_allocated &&
                    shape->high_bit + 1 == shape->bits_stored;
    bool is_ours = shape->bits_allocated == 8 ||
                   (shape->bits_allocated == 16 && !shape->is_big_endian);
    bool is_grey = shape->samples == 1 && !codec_is_ybr(shape->photometric);
    bool is_there = syntax == CODEC_NATIVE && is_whole && is_ours && is_grey &&
                    encoded.len >= codec_native_bytes(shape);
    return is_there ? encoded.at : NULL;
}

bool codec_encode(enum codec_syntax syntax, const struct codec_shape *shape,
                  struct span pixels, struct arena *arena, struct buf *out,
                  struct err *err)
{
    if (!codec_check_shape(shape, err))
        return false;
    if (pixels.len < codec_frame_bytes(shape))
        return err_set(err, ERR_LIMIT, "codec_room", "fewer pixels than the shape has");
    bool is_packed = shape->bits_allocated == 1;
    bool is_odd = shape->high_bit + 1 != shape->bits_stored || shape->first_bit > 0;
    if (shape->is_float || shape->bits_allocated > 16 || is_odd ||
        (is_packed && syntax > CODEC_RLE))
        return err_set(err, ERR_REFUSED, "codec_unsupported",
                       "such cells of %u bits are not written", shape->bits_allocated);
    switch (syntax) {
    case CODEC_NATIVE:
        return codec_encode_native(shape, pixels, out, err);
    case CODEC_RLE:
        return codec_encode_rle(shape, pixels, out, err);
    case CODEC_JPEG_LOSSLESS:
        return codec_encode_lossless(shape, pixels, arena, out, err);
    case CODEC_JPEG_LS:
        return codec_encode_jpeg_ls(shape, pixels, arena, out, err);
    case CODEC_JPEG_2000:
        return codec_encode_jpeg_2000(shape, pixels, out, err);
    case CODEC_JPEG:
    default:
        break;
    }
    if (syntax != CODEC_JPEG || shape->bits_allocated != 8 || shape->is_signed)
        return err_set(err, ERR_REFUSED, "codec_unsupported", "not 8 bits");
    const struct codec_picture picture = {pixels.at, shape->columns, shape->rows,
                                          shape->samples, 90};
    return codec_write_jpeg(&picture, out, err);
}
