// SPDX-License-Identifier: Apache-2.0
/* A job as bytes and back: little endian, in the order of the struct, tables and spans
 * with their count in front. Only this program reads it, but of another process. */
#include <math.h>

#include "formats/picture/picture_parts.h"

static const char mark[4] = {'T', 's', 'J', '1'};

/* ------------------------------------------------------------------ write */

static void put32(struct buf *out, uint32_t value)
{
    buf_put(out, &value, sizeof value);
}

static void put64(struct buf *out, int64_t value)
{
    buf_put(out, &value, sizeof value);
}

static void put_number(struct buf *out, double value)
{
    buf_put(out, &value, sizeof value);
}

static void put_lut(struct buf *out, const struct dicom_lut *lut)
{
    put32(out, lut->count);
    if (lut->count == 0)
        return;
    put32(out, (uint32_t)lut->first);
    put32(out, lut->bits);
    buf_put(out, lut->values, lut->count * sizeof *lut->values);
}

static void put_span(struct buf *out, struct span span)
{
    put32(out, (uint32_t)span.len);
    buf_span(out, span);
}

static void put_shape(struct buf *out, const struct codec_shape *shape)
{
    put32(out, shape->columns);
    put32(out, shape->rows);
    put32(out, shape->samples);
    put32(out, shape->bits_allocated);
    put32(out, shape->bits_stored);
    put32(out, shape->high_bit);
    put32(out, (uint32_t)shape->photometric);
    put32(out, shape->first_bit);
    const uint8_t flags[] = {shape->is_signed, shape->is_planar, shape->is_big_endian,
                             shape->is_float};
    buf_put(out, flags, sizeof flags);
}

bool picture_write_job(const struct picture_job *job, struct buf *out, struct err *err)
{
    if (!picture_write_job_head(job, out, err))
        return false;
    buf_span(out, job->encoded);
    return buf_check(out, err);
}

bool picture_write_job_head(const struct picture_job *job, struct buf *out,
                            struct err *err)
{
    buf_put(out, mark, sizeof mark);
    put32(out, (uint32_t)job->wish.kind);
    put32(out, job->wish.side_max);
    put32(out, job->wish.quality);
    put32(out, (uint32_t)job->syntax);
    put_shape(out, &job->shape);
    put32(out, (uint32_t)job->voi_function);
    const uint8_t flags[] = {job->has_window, job->is_inverse, job->has_padding,
                             job->is_incomplete, job->is_lossy};
    buf_put(out, flags, sizeof flags);
    put_number(out, job->slope);
    put_number(out, job->intercept);
    put_number(out, job->center);
    put_number(out, job->width);
    put64(out, job->padding);
    put64(out, job->padding_limit);
    put_lut(out, &job->modality);
    put_lut(out, &job->voi);
    for (size_t i = 0; i < 3; i++)
        put_lut(out, &job->palette[i]);
    put_span(out, job->overlay);
    put32(out, (uint32_t)job->encoded.len);
    return buf_check(out, err);
}

/* ------------------------------------------------------------------ read */

/* Past the end everything is 0 and has_failed. */
struct reader {
    struct span left;
    bool has_failed;
};

static void take(struct reader *reader, void *to, size_t len)
{
    if (reader->left.len < len) {
        reader->has_failed = true;
        memset(to, 0, len);
        return;
    }
    memcpy(to, reader->left.at, len);
    reader->left.at += len;
    reader->left.len -= len;
}

static uint32_t take32(struct reader *reader)
{
    uint32_t value;
    take(reader, &value, sizeof value);
    return value;
}

/* Below `end`. */
static unsigned take_word(struct reader *reader, unsigned end)
{
    uint32_t value = take32(reader);
    reader->has_failed |= value >= end;
    return value < end ? value : 0;
}

static int64_t take64(struct reader *reader)
{
    int64_t value;
    take(reader, &value, sizeof value);
    return value;
}

static double take_number(struct reader *reader)
{
    double value;
    take(reader, &value, sizeof value);
    reader->has_failed |= !isfinite(value);
    return value;
}

static bool take_flag(struct reader *reader)
{
    uint8_t value;
    take(reader, &value, 1);
    reader->has_failed |= value > 1;
    return value == 1;
}

static struct span take_span(struct reader *reader)
{
    size_t len = take32(reader);
    reader->has_failed |= len > reader->left.len;
    if (reader->has_failed)
        return span_of(reader->left.at, 0);
    struct span span = span_of(reader->left.at, len);
    reader->left.at += len;
    reader->left.len -= len;
    return span;
}

static bool take_lut(struct reader *reader, struct arena *arena, struct dicom_lut *lut,
                     struct err *err)
{
    uint32_t count = take_word(reader, DICOM_LUT_ENTRIES_MAX + 1);
    *lut = (struct dicom_lut){0};
    if (count == 0)
        return true;
    int32_t first = (int32_t)take32(reader);
    unsigned bits = take_word(reader, 17);
    reader->has_failed |= bits < 1 || reader->left.len < count * sizeof *lut->values;
    if (reader->has_failed)
        return true;
    uint16_t *values = ARENA_MANY(arena, uint16_t, count, err);
    if (!values)
        return false;
    take(reader, values, count * sizeof *values);
    *lut = (struct dicom_lut){
        .count = count, .first = first, .bits = bits, .values = values};
    return true;
}

static void take_shape(struct reader *reader, struct codec_shape *shape)
{
    shape->columns = take32(reader);
    shape->rows = take32(reader);
    shape->samples = take32(reader);
    shape->bits_allocated = take32(reader);
    shape->bits_stored = take32(reader);
    shape->high_bit = take32(reader);
    shape->photometric = (enum codec_photometric)take_word(reader, CODEC_YBR_RCT + 1);
    shape->first_bit = take32(reader);
    shape->is_signed = take_flag(reader);
    shape->is_planar = take_flag(reader);
    shape->is_big_endian = take_flag(reader);
    shape->is_float = take_flag(reader);
}

static void take_numbers(struct reader *reader, struct picture_job *job)
{
    job->voi_function = (enum dicom_voi)take_word(reader, DICOM_VOI_SIGMOID + 1);
    job->has_window = take_flag(reader);
    job->is_inverse = take_flag(reader);
    job->has_padding = take_flag(reader);
    job->is_incomplete = take_flag(reader);
    job->is_lossy = take_flag(reader);
    job->slope = take_number(reader);
    job->intercept = take_number(reader);
    job->center = take_number(reader);
    job->width = take_number(reader);
    job->padding = take64(reader);
    job->padding_limit = take64(reader);
}

bool picture_read_job(struct span bytes, struct arena *arena, struct picture_job *job,
                      struct err *err)
{
    struct reader reader = {.left = bytes};
    char start[sizeof mark];
    memset(job, 0, sizeof *job);
    take(&reader, start, sizeof start);
    reader.has_failed |= memcmp(start, mark, sizeof mark) != 0;
    job->wish.kind = (enum picture_kind)take_word(&reader, PICTURE_RAW + 1);
    job->wish.side_max = take32(&reader);
    job->wish.quality = take_word(&reader, 101);
    job->syntax = (enum codec_syntax)take_word(&reader, CODEC_JPEG_2000 + 1);
    take_shape(&reader, &job->shape);
    take_numbers(&reader, job);
    if (!take_lut(&reader, arena, &job->modality, err) ||
        !take_lut(&reader, arena, &job->voi, err))
        return false;
    for (size_t i = 0; i < 3; i++)
        if (!take_lut(&reader, arena, &job->palette[i], err))
            return false;
    job->overlay = take_span(&reader);
    job->encoded = take_span(&reader);
    if (reader.has_failed || reader.left.len > 0)
        return err_at(err, ERR_SYNTAX, "picture_job", bytes.len - reader.left.len, NULL);
    return true;
}
