// SPDX-License-Identifier: Apache-2.0
/* RLE, PS3.5 annex G: up to 15 segments of PackBits, one for each byte of each sample,
 * the most significant first. */
#include "formats/codec/codec_parts.h"

enum {
    HEADER_BYTES = 64,
    SEGMENTS_MAX = 15,
    RUN_MAX = 128,
    TOGETHER = 16,
    PLANE_SLACK = RUN_MAX + TOGETHER, /* how far the last run may write */
};

/* Sixteen at a time and past the end: a length that is not told costs the processor more
 * than the bytes do. */
static void copy_run(uint8_t *to, const uint8_t *at, size_t count)
{
    for (size_t i = 0; i < count; i += TOGETHER)
        memcpy(to + i, at + i, TOGETHER);
}

static void fill_run(uint8_t *to, uint8_t byte, size_t count)
{
    for (size_t i = 0; i < count; i += TOGETHER)
        memset(to + i, byte, TOGETHER);
}

/* Bytes written, at most `room`; up to PLANE_SLACK behind it are spoiled. */
static size_t unpack(struct span from, uint8_t *plane, size_t room)
{
    const uint8_t *at = from.at;
    const uint8_t *end = from.at + from.len;
    uint8_t *to = plane;
    const uint8_t *stop = plane + room;
    while (to < stop && at < end) {
        unsigned head = *at++;
        size_t left = (size_t)(end - at);
        if (head < 128) {
            size_t count = head + 1;
            if (left >= RUN_MAX) {
                copy_run(to, at, count);
            } else {
                count = count < left ? count : left;
                memcpy(to, at, count);
            }
            at += count;
            to += count;
        } else if (head > 128 && left > 0) {
            fill_run(to, *at++, 257 - head);
            to += 257 - head;
        }
    }
    size_t written = (size_t)(to - plane);
    return written < room ? written : room;
}

static uint32_t word_at(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

/* Where segment `index` of `count` lies: behind the header, in order, inside. */
static bool find_segment(struct span encoded, unsigned index, unsigned count,
                         struct span *segment, struct err *err)
{
    size_t from = word_at(encoded.at + 4 + index * 4);
    size_t to = index + 1 < count ? word_at(encoded.at + 8 + index * 4) : encoded.len;
    if (from < HEADER_BYTES || from > encoded.len || to < from)
        return err_at(err, ERR_SYNTAX, "codec_rle_offset", 4 + index * 4, "PS3.5 G.5");
    if (to > encoded.len) /* cut: as far as it goes */
        to = encoded.len;
    *segment = span_of(encoded.at + from, to - from);
    return true;
}

/* 16 at a time, so that the compiler sees vectors. */
static void merge_bytes(uint16_t *restrict to, const uint8_t *restrict high,
                        const uint8_t *restrict low, size_t count)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (size_t k = 0; k < 16; k++)
            to[i + k] = (uint16_t)(high[i + k] << 8 | low[i + k]);
    for (; i < count; i++)
        to[i] = (uint16_t)(high[i] << 8 | low[i]);
}

static bool store16(const struct codec_job *job, uint8_t *const *planes, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    size_t count = codec_pixel_count(shape);
    struct codec_raster raster = {.bits = 16, .is_ybr = codec_is_ybr(shape->photometric)};
    if (!codec_new_raster(job, &raster, err))
        return false;
    if (raster.is_ybr)
        raster.bits = shape->bits_stored;
    if (shape->samples == 1)
        merge_bytes(raster.values, planes[0], planes[1], count);
    for (size_t s = 0; shape->samples > 1 && s < shape->samples; s++)
        for (size_t i = 0; i < count; i++)
            raster.values[i * shape->samples + s] =
                (uint16_t)(planes[s * 2][i] << 8 | planes[s * 2 + 1][i]);
    codec_store(job, &raster);
    return true;
}

/* The planes as native pixel data, which then does what is left: 1, 8 and 32 bits. */
static bool store_native(const struct codec_job *job, uint8_t *const *planes,
                         size_t plane_bytes, struct err *err)
{
    struct codec_shape shape = *job->shape;
    size_t size = shape.bits_allocated == 32 ? 4 : 1;
    size_t bytes = plane_bytes * size * shape.samples;
    uint8_t *native = arena_take(job->arena, bytes, 1, err);
    if (!native)
        return false;
    for (size_t s = 0; s < shape.samples; s++)
        for (size_t k = 0; k < size; k++) {
            const uint8_t *plane = planes[s * size + k];
            uint8_t *to = native + s * size + (size - 1 - k);
            for (size_t i = 0; i < plane_bytes; i++)
                to[i * size * shape.samples] = plane[i];
        }
    shape.is_planar = false;
    shape.is_big_endian = false;
    shape.first_bit = 0;
    if (shape.photometric == CODEC_YBR_FULL_422) /* G has no pixels that share chroma */
        shape.photometric = CODEC_YBR_FULL;
    bool is_incomplete = job->frame->is_incomplete;
    const struct codec_job again = {&shape, span_of(native, bytes), job->arena,
                                    job->frame};
    bool is_good = codec_decode_native(&again, err);
    job->frame->is_incomplete |= is_incomplete;
    return is_good;
}

/* Grey of 8 bits needs nothing but its plane. */
static bool is_plain(const struct codec_shape *shape)
{
    return shape->bits_allocated == 8 && shape->samples == 1 && shape->bits_stored == 8;
}

bool codec_decode_rle(const struct codec_job *job, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    uint8_t *planes[SEGMENTS_MAX] = {0};
    struct span segment = {0};
    size_t size = codec_sample_bytes(shape);
    unsigned count = (unsigned)(shape->samples * size);
    size_t plane_bytes = shape->bits_allocated == 1 ? (codec_pixel_count(shape) + 7) / 8
                                                    : codec_pixel_count(shape);
    if (job->encoded.len < HEADER_BYTES)
        return err_at(err, ERR_SYNTAX, "codec_rle_header", 0, "PS3.5 G.5");
    if (word_at(job->encoded.at) != count)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", 0, "PS3.5 G.2");
    for (unsigned i = 0; i < count; i++) {
        planes[i] = arena_take_unset(job->arena, plane_bytes + PLANE_SLACK, 1, err);
        if (!planes[i] || !find_segment(job->encoded, i, count, &segment, err))
            return false;
        size_t written = unpack(segment, planes[i], plane_bytes);
        memset(planes[i] + written, 0, plane_bytes - written);
        job->frame->is_incomplete |= written < plane_bytes;
    }
    if (is_plain(shape)) {
        memcpy(job->frame->pixels, planes[0], plane_bytes);
        return true;
    }
    return size == 2 ? store16(job, planes, err)
                     : store_native(job, planes, plane_bytes, err);
}

/* ------------------------------------------------------------------------- encode */

static size_t run_length(const uint8_t *at, size_t left)
{
    size_t count = 1;
    while (count < left && count < 128 && at[count] == at[0])
        count++;
    return count;
}

/* G.3.1: two equal bytes are a run, unless they stand inside a literal, where they cost
 * more than they save. */
static void pack_row(struct buf *out, const uint8_t *row, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t run = run_length(row + at, length - at);
        if (run >= 2) {
            buf_byte(out, (uint8_t)(257 - run));
            buf_byte(out, row[at]);
            at += run;
            continue;
        }
        size_t end = at + 1;
        while (end < length && end - at < 128 && run_length(row + end, length - end) < 3)
            end++;
        buf_byte(out, (uint8_t)(end - at - 1));
        buf_put(out, row + at, end - at);
        at = end;
    }
}

/* Byte `k` (0 the most significant) of sample `s`; each row by itself, as G.3 asks. */
static void pack_plane(struct buf *out, const struct codec_shape *shape,
                       struct span pixels, size_t plane)
{
    uint8_t row[CODEC_SIDE_MAX];
    size_t size = codec_sample_bytes(shape);
    size_t step = size * shape->samples;
    size_t first = plane / size * size + (size - 1 - plane % size);
    for (size_t y = 0; y < shape->rows; y++) {
        const uint8_t *at = pixels.at + y * shape->columns * step + first;
        for (size_t x = 0; x < shape->columns; x++)
            row[x] = at[x * step];
        pack_row(out, row, shape->columns);
    }
}

/* Bits are packed over the whole frame, so its rows have no bytes of their own. */
static void pack_bits(struct buf *out, const struct codec_shape *shape,
                      struct span pixels)
{
    uint8_t part[8192];
    size_t count = codec_pixel_count(shape);
    for (size_t from = 0; from < count; from += sizeof part * 8) {
        size_t bits = count - from < sizeof part * 8 ? count - from : sizeof part * 8;
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < bits; i++)
            part[i / 8] = (uint8_t)(part[i / 8] | (pixels.at[from + i] & 1) << (i % 8));
        pack_row(out, part, (bits + 7) / 8);
    }
}

bool codec_encode_rle(const struct codec_shape *shape, struct span pixels,
                      struct buf *out, struct err *err)
{
    uint32_t header[HEADER_BYTES / 4] = {0};
    size_t start = out->len;
    size_t count = codec_sample_bytes(shape) * shape->samples;
    header[0] = (uint32_t)count;
    buf_put(out, header, sizeof header);
    for (size_t i = 0; i < count; i++) {
        header[i + 1] = (uint32_t)(out->len - start);
        if (shape->bits_allocated == 1)
            pack_bits(out, shape, pixels);
        else
            pack_plane(out, shape, pixels, i);
        if ((out->len - start) % 2 == 1)
            buf_byte(out, 0);
    }
    if (!buf_check(out, err))
        return false;
    memcpy(out->at + start, header, sizeof header);
    return true;
}
