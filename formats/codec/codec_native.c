// SPDX-License-Identifier: Apache-2.0
/* Native pixel data, PS3.5 8.1 and A.1-A.3. */
#include "formats/codec/codec_parts.h"

static bool is_422(const struct codec_shape *shape)
{
    return shape->photometric == CODEC_YBR_FULL_422 ||
           shape->photometric == CODEC_YBR_PARTIAL_422;
}

/* 8 bits and less in the frame: the stored bits, then colour. */
static void finish8(const struct codec_job *job)
{
    const struct codec_shape *shape = job->shape;
    uint8_t *at = job->frame->pixels;
    size_t count = codec_pixel_count(shape);
    unsigned down = 8 - shape->bits_stored;
    unsigned up = 7 - shape->high_bit;
    if (shape->bits_allocated == 8 && down > 0)
        for (size_t i = 0; i < count * shape->samples; i++) {
            uint8_t high = (uint8_t)(at[i] << up);
            int value = shape->is_signed ? (int8_t)high : high;
            at[i] = (uint8_t)(value >> down);
        }
    if (codec_is_ybr(shape->photometric))
        codec_ybr_to_rgb(at, count, shape->photometric == CODEC_YBR_PARTIAL_422);
}

static void finish32(const struct codec_job *job)
{
    const struct codec_shape *shape = job->shape;
    uint8_t *at = job->frame->pixels;
    unsigned down = 32 - shape->bits_stored;
    unsigned up = 31 - shape->high_bit;
    size_t count = codec_pixel_count(shape) * shape->samples;
    for (size_t i = 0; down > 0 && i < count; i++, at += 4) {
        uint32_t value;
        memcpy(&value, at, 4);
        value <<= up;
        value = shape->is_signed ? (uint32_t)((int32_t)value >> down) : value >> down;
        memcpy(at, &value, 4);
    }
}

static void unpack_bits(const struct codec_job *job, const uint8_t *from)
{
    size_t count = codec_pixel_count(job->shape);
    size_t first = job->shape->first_bit;
    uint8_t *out = job->frame->pixels;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)(from[(i + first) / 8] >> ((i + first) % 8) & 1);
}

/* Luma of two pixels, then their chroma (PS3.3 C.7.6.3.1.2). An odd last column has a
 * pair of its own. */
static void spread_422(const struct codec_job *job, const uint8_t *from)
{
    uint8_t *out = job->frame->pixels;
    for (uint32_t y = 0; y < job->shape->rows; y++)
        for (uint32_t x = 0; x < job->shape->columns; x++, out += 3) {
            out[0] = from[x & 1];
            out[1] = from[2];
            out[2] = from[3];
            if (x & 1 || x + 1 == job->shape->columns)
                from += 4;
        }
}

static void copy8(const struct codec_job *job, const uint8_t *from)
{
    const struct codec_shape *shape = job->shape;
    size_t count = codec_pixel_count(shape);
    uint8_t *out = job->frame->pixels;
    if (is_422(shape)) {
        spread_422(job, from);
    } else if (shape->is_planar && shape->samples > 1) {
        for (size_t s = 0; s < shape->samples; s++)
            for (size_t i = 0; i < count; i++)
                out[i * shape->samples + s] = *from++;
    } else {
        memcpy(out, from, count * shape->samples);
    }
    finish8(job);
}

static uint16_t value16(const uint8_t *at, bool is_big_endian)
{
    return (uint16_t)(is_big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static bool copy16(const struct codec_job *job, const uint8_t *from, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    size_t count = codec_pixel_count(shape);
    struct codec_raster raster = {.bits = 16, .is_ybr = codec_is_ybr(shape->photometric)};
    if (!codec_new_raster(job, &raster, err))
        return false;
    if (raster.is_ybr)
        raster.bits = shape->bits_stored;
    size_t step = shape->is_planar ? shape->samples : 1;
    size_t runs = shape->is_planar ? shape->samples : 1;
    size_t length = shape->is_planar ? count : count * shape->samples;
    if (step == 1 && !shape->is_big_endian)
        memcpy(raster.values, from, length * 2);
    for (size_t s = 0; (step > 1 || shape->is_big_endian) && s < runs; s++)
        for (size_t i = 0; i < length; i++, from += 2)
            raster.values[i * step + s] = value16(from, shape->is_big_endian);
    codec_store(job, &raster);
    return true;
}

static void copy32(const struct codec_job *job, const uint8_t *from)
{
    const struct codec_shape *shape = job->shape;
    size_t count = codec_pixel_count(shape);
    for (size_t s = 0; s < shape->samples; s++)
        for (size_t i = 0; i < count; i++) {
            size_t at = shape->is_planar ? s * count + i : i * shape->samples + s;
            uint32_t value;
            memcpy(&value, from + at * 4, 4);
            if (shape->is_big_endian)
                value = __builtin_bswap32(value);
            memcpy(job->frame->pixels + (i * shape->samples + s) * 4, &value, 4);
        }
    if (!shape->is_float)
        finish32(job);
}

static void copy_doubles(const struct codec_job *job, const uint8_t *from)
{
    size_t count = codec_pixel_count(job->shape);
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        double value;
        memcpy(&word, from + i * 8, 8);
        if (job->shape->is_big_endian)
            word = __builtin_bswap64(word);
        memcpy(&value, &word, 8);
        /* what float32 cannot hold becomes infinite, as IEEE 754 says */
        float single = value > 3.4028235e38    ? __builtin_inff()
                       : value < -3.4028235e38 ? -__builtin_inff()
                                               : (float)value;
        memcpy(job->frame->pixels + i * 4, &single, 4);
    }
}

/* All bytes the frame must have; zeros where it ended early. */
static const uint8_t *take_bytes(const struct codec_job *job, struct err *err)
{
    size_t needed = codec_native_bytes(job->shape);
    job->frame->is_incomplete = job->encoded.len < needed;
    if (!job->frame->is_incomplete)
        return job->encoded.at;
    uint8_t *bytes = arena_take(job->arena, needed, 1, err);
    if (bytes)
        memcpy(bytes, job->encoded.at, job->encoded.len);
    return bytes;
}

bool codec_decode_native(const struct codec_job *job, struct err *err)
{
    unsigned bits = job->shape->bits_allocated;
    if ((is_422(job->shape) && bits != 8) ||
        (codec_is_ybr(job->shape->photometric) && bits > 16))
        return err_set(err, ERR_REFUSED, "codec_unsupported", "YBR of %u bits", bits);
    const uint8_t *bytes = take_bytes(job, err);
    if (!bytes)
        return false;
    switch (bits) {
    case 1:
        unpack_bits(job, bytes);
        return true;
    case 8:
        copy8(job, bytes);
        return true;
    case 16:
        return copy16(job, bytes, err);
    case 32:
        copy32(job, bytes);
        return true;
    default:
        copy_doubles(job, bytes);
        return true;
    }
}

bool codec_encode_native(const struct codec_shape *shape, struct span pixels,
                         struct buf *out, struct err *err)
{
    size_t count = codec_pixel_count(shape);
    size_t size = codec_sample_bytes(shape);
    if (codec_is_ybr(shape->photometric))
        return err_set(err, ERR_REFUSED, "codec_unsupported", "YBR is not written");
    if (shape->bits_allocated == 1) {
        uint8_t byte = 0;
        for (size_t i = 0; i < count; i++) {
            byte = (uint8_t)(byte | (pixels.at[i] & 1) << (i % 8));
            if (i % 8 == 7 || i + 1 == count) {
                buf_byte(out, byte);
                byte = 0;
            }
        }
        return buf_check(out, err);
    }
    for (size_t i = 0; i < count * shape->samples; i++) {
        size_t from = shape->is_planar ? i % count * shape->samples + i / count : i;
        const uint8_t *at = pixels.at + from * size;
        uint8_t bytes[2] = {at[0], size == 2 ? at[1] : 0};
        if (size == 2 && shape->is_big_endian) {
            bytes[0] = at[1];
            bytes[1] = at[0];
        }
        buf_put(out, bytes, size);
    }
    return buf_check(out, err);
}
