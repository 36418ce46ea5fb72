// SPDX-License-Identifier: Apache-2.0
#include "formats/picture/picture.h"

#include "formats/picture/picture_parts.h"

const char *const picture_codes[] = {
    "arena_full",
    "buf_full",
    "memory_short",
    "codec_dimensions",
    "codec_empty",
    "codec_jpeg_2000",
    "codec_jpeg_huffman",
    "codec_jpeg_ls",
    "codec_jpeg_predictor",
    "codec_jpeg_restart",
    "codec_jpeg_scan",
    "codec_jpeg_segment",
    "codec_jpeg_start",
    "codec_precision",
    "codec_rle_header",
    "codec_rle_offset",
    "codec_room",
    "codec_shape",
    "codec_tiles",
    "codec_unsupported",
    "picture_job",
    "picture_unsupported",
    NULL,
};

/* ------------------------------------------------------------------ colour */

/* An entry as 8 bits. Some writers say 16 bits and store 8. */
static uint8_t entry8(const struct dicom_lut *lut, unsigned bits, double index)
{
    double at = index - lut->first;
    double last = (double)(lut->count - 1);
    size_t entry = at > 0 ? at < last ? (size_t)at : (size_t)last : 0;
    unsigned value = lut->values[entry];
    return (uint8_t)(bits > 8 ? value >> (bits - 8) : value);
}

static unsigned palette_bits(const struct dicom_lut *palette)
{
    unsigned most = 0;
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < palette[s].count; i++)
            most = palette[s].values[i] > most ? palette[s].values[i] : most;
    return most > 255 ? palette[0].bits : 8;
}

/* Indices are clamped to the table (PS3.3 C.7.6.3.1.5), whatever the pixels say. */
static bool draw_palette(const struct picture_job *job, const uint8_t *pixels,
                         struct arena *arena, struct picture_raster *raster,
                         struct err *err)
{
    const struct codec_shape *shape = &job->shape;
    size_t count = (size_t)shape->columns * shape->rows;
    size_t size = codec_sample_bytes(shape);
    size_t cells = size == 1 ? 256 : 65536;
    if (size > 2 || job->palette[0].count == 0 || job->palette[1].count == 0 ||
        job->palette[2].count == 0)
        return err_set(err, ERR_SYNTAX, "picture_job", "a palette is missing");
    uint8_t *table = arena_take(arena, cells, 3, err);
    if (!table)
        return false;
    unsigned bits = palette_bits(job->palette);
    for (size_t cell = 0; cell < cells; cell++) {
        double index = size == 1 ? (double)(uint8_t)cell : (double)(uint16_t)cell;
        if (shape->is_signed)
            index = size == 1 ? (int8_t)(uint8_t)cell : (int16_t)(uint16_t)cell;
        for (size_t s = 0; s < 3; s++)
            table[cell * 3 + s] = entry8(&job->palette[s], bits, index);
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t cell = pixels[i * size];
        if (size == 2)
            memcpy(&cell, pixels + i * 2, 2);
        memcpy(raster->pixels + i * 3, table + (size_t)cell * 3, 3);
    }
    return true;
}

static bool draw_colour(const struct picture_job *job, const uint8_t *pixels,
                        struct picture_raster *raster, struct err *err)
{
    const struct codec_shape *shape = &job->shape;
    size_t count = (size_t)shape->columns * shape->rows * 3;
    unsigned bits = shape->bits_stored;
    size_t size = codec_sample_bytes(shape);
    if (size > 2 || shape->is_signed)
        return err_set(err, ERR_REFUSED, "picture_unsupported",
                       "colour of %u bits is not drawn", shape->bits_allocated);
    for (size_t i = 0; i < count; i++) {
        uint16_t cell = pixels[i * size];
        if (size == 2)
            memcpy(&cell, pixels + i * 2, 2);
        unsigned value = cell;
        raster->pixels[i] = (uint8_t)(bits >= 8 ? value >> (bits - 8)
                                                : value * 255U / ((1U << bits) - 1));
    }
    return true;
}

/* Overlays are white (PS3.3 C.9.2 leaves it open). */
static void draw_overlay(const struct picture_job *job, struct picture_raster *raster)
{
    size_t count = (size_t)raster->columns * raster->rows;
    for (size_t i = 0; i < count && i / 8 < job->overlay.len; i++)
        if (job->overlay.at[i / 8] >> (i % 8) & 1)
            memset(raster->pixels + i * raster->samples, 255, raster->samples);
}

bool picture_draw(const struct picture_job *job, const uint8_t *pixels,
                  struct arena *arena, struct picture_raster *raster, struct err *err)
{
    const struct codec_shape *shape = &job->shape;
    bool is_palette = shape->photometric == CODEC_PALETTE;
    bool is_good = false;
    raster->columns = shape->columns;
    raster->rows = shape->rows;
    raster->samples = shape->samples == 3 || is_palette ? 3 : 1;
    raster->pixels = arena_take_unset(arena, (size_t)shape->columns * shape->rows,
                                      raster->samples, err);
    if (!raster->pixels)
        return false;
    if (is_palette)
        is_good = draw_palette(job, pixels, arena, raster, err);
    else if (shape->samples == 3)
        is_good = draw_colour(job, pixels, raster, err);
    else
        is_good = picture_map_grey(job, pixels, raster->pixels, arena, err);
    if (is_good)
        draw_overlay(job, raster);
    return is_good;
}

/* ------------------------------------------------------------------ run */

enum { REPLY_HEAD_BYTES = 20, KEPT_BYTES_MAX = 4 << 20 };
static const char reply_mark[4] = {'T', 's', 'P', '1'};

static void put_reply_head(struct buf *reply, const struct picture_result *result)
{
    uint32_t words[3] = {result->columns, result->rows, 0};
    uint8_t small[4] = {(uint8_t)result->samples, (uint8_t)result->sample_bytes,
                        result->is_incomplete, result->is_lossy};
    buf_put(reply, reply_mark, sizeof reply_mark);
    buf_put(reply, words, sizeof words);
    buf_put(reply, small, sizeof small);
}

static bool answer_raw(const struct picture_job *job, const struct codec_frame *frame,
                       const uint8_t *pixels, struct buf *reply, struct err *err)
{
    const struct picture_result result = {
        .columns = job->shape.columns,
        .rows = job->shape.rows,
        .samples = job->shape.samples,
        .sample_bytes = (unsigned)codec_sample_bytes(&job->shape),
        .is_incomplete = frame->is_incomplete || job->is_incomplete,
        .is_lossy = frame->is_lossy || job->is_lossy,
    };
    put_reply_head(reply, &result);
    buf_put(reply, pixels, codec_frame_bytes(&job->shape));
    return buf_check(reply, err);
}

static bool answer_jpeg(const struct picture_job *job, const struct codec_frame *frame,
                        const uint8_t *pixels, struct arena *arena, struct buf *reply,
                        struct err *err)
{
    struct picture_raster raster = {0};
    if (!picture_draw(job, pixels, arena, &raster, err) ||
        !picture_shrink(&raster, job->wish.side_max, arena, err))
        return false;
    const struct picture_result result = {
        .columns = raster.columns,
        .rows = raster.rows,
        .samples = raster.samples,
        .sample_bytes = 1,
        .is_incomplete = frame->is_incomplete || job->is_incomplete,
        .is_lossy = frame->is_lossy || job->is_lossy,
    };
    const struct codec_picture picture = {
        .pixels = raster.pixels,
        .columns = raster.columns,
        .rows = raster.rows,
        .samples = raster.samples,
        .quality = job->wish.quality > 0 ? job->wish.quality : PICTURE_QUALITY,
    };
    put_reply_head(reply, &result);
    return codec_write_jpeg(&picture, reply, err);
}

/* Pixels that need no decoding are drawn from where they came. */
bool picture_run(const struct picture_job *job, struct arena *arena, struct buf *reply,
                 struct err *err)
{
    struct codec_frame frame = {.pixel_bytes = codec_frame_bytes(&job->shape)};
    if (!codec_check_shape(&job->shape, err))
        return false;
    const uint8_t *pixels = codec_find_pixels(job->syntax, &job->shape, job->encoded);
    if (!pixels) {
        frame.pixels = arena_take_unset(arena, frame.pixel_bytes, 1, err);
        if (!frame.pixels ||
            !codec_decode(job->syntax, &job->shape, job->encoded, arena, &frame, err))
            return false;
        pixels = frame.pixels;
    }
    return job->wish.kind == PICTURE_RAW
               ? answer_raw(job, &frame, pixels, reply, err)
               : answer_jpeg(job, &frame, pixels, arena, reply, err);
}

bool picture_read_reply(struct span reply, struct picture_result *result, struct err *err)
{
    uint32_t words[3];
    if (reply.len < REPLY_HEAD_BYTES ||
        memcmp(reply.at, reply_mark, sizeof reply_mark) != 0)
        return err_at(err, ERR_SYNTAX, "picture_reply", 0, NULL);
    memcpy(words, reply.at + 4, sizeof words);
    const uint8_t *small = reply.at + 16;
    *result = (struct picture_result){
        .columns = words[0],
        .rows = words[1],
        .samples = small[0],
        .sample_bytes = small[1],
        .is_incomplete = small[2] == 1,
        .is_lossy = small[3] == 1,
        .bytes = span_part(reply, REPLY_HEAD_BYTES, reply.len),
    };
    bool is_sane = result->columns >= 1 && result->columns <= CODEC_SIDE_MAX &&
                   result->rows >= 1 && result->rows <= CODEC_SIDE_MAX &&
                   (result->samples == 1 || result->samples == 3) &&
                   (result->sample_bytes == 1 || result->sample_bytes == 2 ||
                    result->sample_bytes == 4) &&
                   small[2] <= 1 && small[3] <= 1 && result->bytes.len > 0;
    return is_sane || err_at(err, ERR_SYNTAX, "picture_reply", 4, NULL);
}

static bool answer(struct arena *arena, struct span request, struct buf *reply,
                   struct err *err)
{
    struct picture_job job;
    return picture_read_job(request, arena, &job, err) &&
           picture_run(&job, arena, reply, err);
}

/* Fresh pages for a slice cost as much as drawing it, those of a large picture do not. */
bool picture_answer(void *self, struct span request, struct buf *reply, struct err *err)
{
    CLEANUP(arena_free) struct arena own = arena_init(PICTURE_ARENA_BYTES_MAX);
    struct arena *kept = self;
    if (!kept)
        return answer(&own, request, reply, err);
    bool is_done = answer(kept, request, reply, err);
    if (kept->taken_bytes > KEPT_BYTES_MAX)
        arena_free(kept);
    else
        arena_wipe(kept);
    return is_done;
}
