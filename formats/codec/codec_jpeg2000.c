// SPDX-License-Identifier: Apache-2.0
/* JPEG 2000 codestreams (ITU-T T.800) through OpenJPEG. */
#include <openjpeg.h>

#include "formats/codec/codec_jpeg2000.h"

enum {
    STREAM_BYTES = 64 << 10,
    RESOLUTIONS_MAX = 6,
};

/* ------------------------------------------------------------------------- streams */

struct source {
    struct span bytes;
    size_t at;
};

static OPJ_SIZE_T read_some(void *to, OPJ_SIZE_T count, void *user)
{
    struct source *source = user;
    struct span part = span_part(source->bytes, source->at, count);
    if (part.len == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, part.at, part.len);
    source->at += part.len;
    return part.len;
}

static OPJ_OFF_T skip_some(OPJ_OFF_T count, void *user)
{
    struct source *source = user;
    size_t left = source->bytes.len - source->at;
    if (count < 0)
        return -1;
    size_t step = (uint64_t)count < left ? (size_t)count : left;
    source->at += step;
    return (OPJ_OFF_T)step;
}

static OPJ_BOOL seek_to(OPJ_OFF_T at, void *user)
{
    struct source *source = user;
    if (at < 0 || (uint64_t)at > source->bytes.len)
        return OPJ_FALSE;
    source->at = (size_t)at;
    return OPJ_TRUE;
}

static void close_stream(opj_stream_t **stream)
{
    if (*stream)
        opj_stream_destroy(*stream);
}

static void close_codec(opj_codec_t **codec)
{
    if (*codec)
        opj_destroy_codec(*codec);
}

static void close_image(opj_image_t **image)
{
    if (*image)
        opj_image_destroy(*image);
}

static void say_nothing(const char *text, void *user)
{
    (void)text;
    (void)user;
}

static void keep_quiet(opj_codec_t *codec)
{
    opj_set_info_handler(codec, say_nothing, NULL);
    opj_set_warning_handler(codec, say_nothing, NULL);
    opj_set_error_handler(codec, say_nothing, NULL);
}

/* ------------------------------------------------------------------------- decode */

/* What the library says it has must be what was checked. */
static bool has_samples(const opj_image_t *image, const struct codec_shape *shape)
{
    if (image->numcomps != shape->samples)
        return false;
    for (unsigned i = 0; i < image->numcomps; i++)
        if (image->comps[i].w != shape->columns || image->comps[i].h != shape->rows ||
            !image->comps[i].data || image->comps[i].prec > 16)
            return false;
    return true;
}

/* NULL when it could not be decoded this strictly; *owned*. */
static opj_image_t *decode_image(const struct codec_jpeg_2000 *checked,
                                 const struct codec_shape *shape, bool is_strict)
{
    struct source source = {span_of(checked->bytes, checked->len), 0};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_set_default_decoder_parameters(&parameters);
    CLEANUP(close_codec) opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    CLEANUP(close_stream)
    opj_stream_t *stream = opj_stream_create(STREAM_BYTES, OPJ_TRUE);
    if (!codec || !stream)
        return NULL;
    keep_quiet(codec);
    opj_stream_set_user_data(stream, &source, NULL);
    opj_stream_set_user_data_length(stream, checked->len);
    opj_stream_set_read_function(stream, read_some);
    opj_stream_set_skip_function(stream, skip_some);
    opj_stream_set_seek_function(stream, seek_to);
    bool is_good = opj_setup_decoder(codec, &parameters) &&
                   opj_decoder_set_strict_mode(codec, is_strict) &&
                   opj_read_header(stream, codec, &image) &&
                   opj_decode(codec, stream, image) && has_samples(image, shape);
    if (is_strict)
        is_good = is_good && opj_end_decompress(codec, stream);
    if (is_good)
        return image;
    close_image(&image);
    return NULL;
}

/* The header's sign decides, not the stream's (formats.md 9.3): the bits stay. */
static void fill_raster(const opj_image_t *image, uint16_t *values, size_t count)
{
    for (unsigned s = 0; s < image->numcomps; s++)
        for (size_t i = 0; i < count; i++)
            values[i * image->numcomps + s] = (uint16_t)image->comps[s].data[i];
}

bool codec_decode_jpeg_2000(const struct codec_job *job, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    struct codec_jpeg_2000 stream = {0};
    struct codec_raster raster = {.is_ybr = codec_is_ybr(shape->photometric)};
    if (!codec_jpeg_2000_open(job, &stream, err) || !codec_new_raster(job, &raster, err))
        return false;
    CLEANUP(close_image) opj_image_t *image = decode_image(&stream, shape, true);
    if (!image) {
        codec_jpeg_2000_mend(&stream);
        image = decode_image(&stream, shape, false);
        job->frame->is_incomplete = true;
    }
    if (!image)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_2000", 0, "T.800 A");
    raster.bits = image->comps[0].prec;
    job->frame->is_lossy = stream.is_irreversible;
    fill_raster(image, raster.values, codec_pixel_count(shape));
    codec_store(job, &raster);
    return true;
}

/* ------------------------------------------------------------------------- encode */

static OPJ_SIZE_T write_some(void *from, OPJ_SIZE_T count, void *user)
{
    struct buf *out = user;
    buf_put(out, from, count);
    return out->has_failed ? (OPJ_SIZE_T)-1 : count;
}

static opj_image_t *new_image(const struct codec_shape *shape, struct span pixels)
{
    opj_image_cmptparm_t parts[3] = {0};
    bool is_wide = shape->bits_allocated == 16;
    for (unsigned s = 0; s < shape->samples; s++)
        parts[s] = (opj_image_cmptparm_t){.dx = 1,
                                          .dy = 1,
                                          .w = shape->columns,
                                          .h = shape->rows,
                                          .prec = is_wide ? 16 : 8,
                                          .sgnd = shape->is_signed};
    opj_image_t *image = opj_image_create(
        shape->samples, parts, shape->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    if (!image)
        return NULL;
    image->x1 = shape->columns;
    image->y1 = shape->rows;
    for (size_t i = 0; i < codec_pixel_count(shape) * shape->samples; i++) {
        const uint8_t *at = pixels.at + (is_wide ? i * 2 : i);
        int value = is_wide ? at[1] << 8 | at[0] : at[0];
        if (shape->is_signed)
            value = is_wide ? (int16_t)value : (int8_t)value;
        image->comps[i % shape->samples].data[i / shape->samples] = value;
    }
    return image;
}

bool codec_encode_jpeg_2000(const struct codec_shape *shape, struct span pixels,
                            struct buf *out, struct err *err)
{
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.tcp_mct = shape->samples == 3;
    /* a side of n pixels cannot be halved more often than it has bits */
    uint32_t side = shape->columns < shape->rows ? shape->columns : shape->rows;
    int halvings = 31 - __builtin_clz(side);
    parameters.numresolution =
        halvings < RESOLUTIONS_MAX ? halvings + 1 : RESOLUTIONS_MAX;
    CLEANUP(close_image) opj_image_t *image = new_image(shape, pixels);
    CLEANUP(close_codec) opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    CLEANUP(close_stream)
    opj_stream_t *stream = opj_stream_create(STREAM_BYTES, OPJ_FALSE);
    if (!image || !codec || !stream)
        return err_set(err, ERR_BUSY, "memory_short", "no memory for JPEG 2000");
    keep_quiet(codec);
    opj_stream_set_user_data(stream, out, NULL);
    opj_stream_set_write_function(stream, write_some);
    if (!opj_setup_encoder(codec, &parameters, image) ||
        !opj_start_compress(codec, image, stream) || !opj_encode(codec, stream) ||
        !opj_end_compress(codec, stream))
        return buf_check(out, err) &&
               err_set(err, ERR_BUSY, "memory_short", "JPEG 2000 was not written");
    return buf_check(out, err);
}
