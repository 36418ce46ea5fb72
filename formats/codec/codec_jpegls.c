// SPDX-License-Identifier: Apache-2.0
/* JPEG-LS (ITU-T T.87) through CharLS, whose inside is C++ and whose header is C. */
#include <charls/charls.h>

#include "formats/codec/codec_parts.h"

static void close_decoder(charls_jpegls_decoder **decoder)
{
    charls_jpegls_decoder_destroy(*decoder);
}

static void close_encoder(charls_jpegls_encoder **encoder)
{
    charls_jpegls_encoder_destroy(*encoder);
}

static bool refuse(struct err *err, charls_jpegls_errc code)
{
    if (code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY)
        return err_set(err, ERR_BUSY, "memory_short", "no memory for JPEG-LS");
    return err_set(err, ERR_SYNTAX, "codec_jpeg_ls", "JPEG-LS is broken (%d)", (int)code);
}

struct header {
    charls_frame_info info;
    charls_interleave_mode mode;
    int32_t near;
};

/* With an end marker behind, whatever is there: CharLS 2.4 looks for bits for ever in a
 * stream that just stops. */
static bool end_stream(const struct codec_job *job, struct span *ended, struct err *err)
{
    static const uint8_t end[2] = {0xFF, 0xD9};
    size_t len = job->encoded.len;
    uint8_t *bytes = arena_take(job->arena, len + sizeof end, 1, err);
    if (!bytes)
        return false;
    memcpy(bytes, job->encoded.at, len);
    memcpy(bytes + len, end, sizeof end);
    *ended = span_of(bytes, len + sizeof end);
    return true;
}

static bool read_header(const struct codec_job *job, struct span stream,
                        charls_jpegls_decoder *decoder, struct header *header,
                        struct err *err)
{
    charls_jpegls_errc code =
        charls_jpegls_decoder_set_source_buffer(decoder, stream.at, stream.len);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_frame_info(decoder, &header->info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_interleave_mode(decoder, &header->mode);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_near_lossless(decoder, 0, &header->near);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return refuse(err, code);
    const struct codec_shape *shape = job->shape;
    int32_t room = shape->bits_allocated < 16 ? (int32_t)shape->bits_allocated : 16;
    if (header->info.width != shape->columns || header->info.height != shape->rows ||
        header->info.component_count != (int32_t)shape->samples)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", 0, "PS3.5 8.2");
    if (header->info.bits_per_sample < 2 || header->info.bits_per_sample > room)
        return err_at(err, ERR_SYNTAX, "codec_precision", 0, "PS3.5 8.2");
    return true;
}

/* From what CharLS gives: bytes up to 8 bits, else words; planes when not interleaved. */
static void fill_raster(const struct codec_shape *shape, const struct header *header,
                        const uint8_t *from, uint16_t *values)
{
    size_t count = codec_pixel_count(shape);
    size_t samples = shape->samples;
    bool is_planar = samples > 1 && header->mode == CHARLS_INTERLEAVE_MODE_NONE;
    bool is_wide = header->info.bits_per_sample > 8;
    for (size_t i = 0; i < count * samples; i++) {
        size_t to = is_planar ? i % count * samples + i / count : i;
        values[to] = (uint16_t)(is_wide ? from[i * 2 + 1] << 8 | from[i * 2] : from[i]);
    }
}

bool codec_decode_jpeg_ls(const struct codec_job *job, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    struct codec_raster raster = {.is_ybr = codec_is_ybr(shape->photometric)};
    struct header header = {0};
    struct span stream = {0};
    CLEANUP(close_decoder)
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    if (!decoder)
        return err_set(err, ERR_BUSY, "memory_short", "no JPEG-LS decoder");
    if (!end_stream(job, &stream, err) ||
        !read_header(job, stream, decoder, &header, err))
        return false;
    size_t bytes = codec_pixel_count(shape) * shape->samples *
                   (header.info.bits_per_sample > 8 ? 2 : 1);
    uint8_t *room = arena_take(job->arena, bytes, 1, err);
    if (!room || !codec_new_raster(job, &raster, err))
        return false;
    charls_jpegls_errc code =
        charls_jpegls_decoder_decode_to_buffer(decoder, room, bytes, 0);
    bool is_short = code == CHARLS_JPEGLS_ERRC_SOURCE_BUFFER_TOO_SMALL ||
                    code == CHARLS_JPEGLS_ERRC_INVALID_ENCODED_DATA ||
                    code == CHARLS_JPEGLS_ERRC_END_OF_IMAGE_MARKER_NOT_FOUND;
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS && !is_short)
        return refuse(err, code);
    raster.bits = (unsigned)header.info.bits_per_sample;
    job->frame->is_incomplete = is_short;
    job->frame->is_lossy = header.near > 0;
    fill_raster(shape, &header, room, raster.values);
    codec_store(job, &raster);
    return true;
}

bool codec_encode_jpeg_ls(const struct codec_shape *shape, struct span pixels,
                          struct arena *arena, struct buf *out, struct err *err)
{
    size_t bytes = codec_frame_bytes(shape);
    size_t room = bytes * 2 + 1024;
    size_t written = 0;
    charls_frame_info info = {shape->columns, shape->rows,
                              shape->bits_allocated == 16 ? 16 : 8,
                              (int32_t)shape->samples};
    CLEANUP(close_encoder)
    charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    uint8_t *to = arena_take(arena, room, 1, err);
    if (!to)
        return false;
    if (!encoder)
        return err_set(err, ERR_BUSY, "memory_short", "no JPEG-LS encoder");
    charls_jpegls_errc code = charls_jpegls_encoder_set_frame_info(encoder, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS && shape->samples > 1)
        code = charls_jpegls_encoder_set_interleave_mode(encoder,
                                                         CHARLS_INTERLEAVE_MODE_SAMPLE);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_set_destination_buffer(encoder, to, room);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_encode_from_buffer(encoder, pixels.at, bytes, 0);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_get_bytes_written(encoder, &written);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return refuse(err, code);
    buf_put(out, to, written);
    return buf_check(out, err);
}
