// SPDX-License-Identifier: Apache-2.0
/* JPEG 2000 codestreams (ITU-T T.800) through OpenJPEG. The size marker is read here
 * first, because the library allocates tiles by what it says. */
#include <openjpeg.h>

#include "formats/codec/codec_parts.h"

enum {
    TILES_MAX = 4096, /* the library takes some kB for each */
    STREAM_BYTES = 64 << 10,
    RESOLUTIONS_MAX = 6,
};

static const uint8_t box_signature[] = {0,   0,   0,    12,   'j',  'P',
                                        ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A};

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Some writers leave the file format around the codestream (PS3.5 8.2.4 forbids it). */
static struct span find_codestream(struct span bytes)
{
    bool is_file = bytes.len > sizeof box_signature &&
                   memcmp(bytes.at, box_signature, sizeof box_signature) == 0;
    struct span left = bytes;
    while (is_file && left.len >= 8) {
        size_t len = big32(left.at);
        if (memcmp(left.at + 4, "jp2c", 4) == 0)
            return span_part(left, 8, left.len);
        if (len < 8 || len > left.len)
            break;
        left = span_part(left, len, left.len);
    }
    return bytes;
}

/* ------------------------------------------------------------------------- size marker
 */

/* Equal for all components: precision, sign, no subsampling. */
static bool check_components(const uint8_t *at, const struct codec_shape *shape,
                             struct err *err)
{
    unsigned room = shape->bits_allocated < 16 ? shape->bits_allocated : 16;
    for (unsigned i = 0; i < shape->samples; i++, at += 3) {
        if ((at[0] & 127) + 1U > room || (i > 0 && at[0] != at[-3]))
            return err_at(err, ERR_SYNTAX, "codec_precision", 42, "PS3.5 8.2.4");
        if (at[1] != 1 || at[2] != 1)
            return err_set(err, ERR_REFUSED, "codec_unsupported",
                           "JPEG 2000 with subsampled components");
    }
    return true;
}

/* A.5.1: everything that decides memory, against the shape. */
static bool check_sizes(struct span stream, const struct codec_shape *shape,
                        struct err *err)
{
    if (stream.len < 42 || memcmp(stream.at, "\xFF\x4F\xFF\x51", 4) != 0)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_2000", 0, "T.800 A.5.1");
    const uint8_t *at = stream.at + 8;
    uint32_t right = big32(at);
    uint32_t bottom = big32(at + 4);
    uint32_t left = big32(at + 8);
    uint32_t top = big32(at + 12);
    uint64_t tile_columns = big32(at + 16);
    uint64_t tile_rows = big32(at + 20);
    unsigned count = (unsigned)(at[32] << 8 | at[33]);
    if (right <= left || bottom <= top || right - left != shape->columns ||
        bottom - top != shape->rows || count != shape->samples ||
        stream.len < 42 + (size_t)count * 3)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", 8, "PS3.5 8.2.4");
    if (tile_columns == 0 || tile_rows == 0 ||
        (right / tile_columns + 1) * (bottom / tile_rows + 1) > TILES_MAX)
        return err_at(err, ERR_LIMIT, "codec_tiles", 24, "T.800 A.5.1");
    return check_components(stream.at + 42, shape, err);
}

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
static opj_image_t *decode_image(struct span bytes, const struct codec_shape *shape,
                                 bool is_strict)
{
    struct source source = {bytes, 0};
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
    opj_stream_set_user_data_length(stream, bytes.len);
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

/* Behind the main header, at the first tile-part; the end when there is none. */
static size_t find_tiles(struct span stream)
{
    size_t at = 2;
    while (at + 4 <= stream.len && stream.at[at] == 0xFF && stream.at[at + 1] != 0x90) {
        size_t len = (size_t)(stream.at[at + 2] << 8 | stream.at[at + 3]);
        at += len < 2 ? stream.len : 2 + len;
    }
    return at;
}

/* A stream that was cut, for the second try: the library would take as much memory as
 * the last tile-part says it has. 0 is "up to the end" (A.4.2). */
static bool mend_tiles(const struct codec_job *job, struct span *stream, struct err *err)
{
    uint8_t *bytes = arena_take(job->arena, stream->len, 1, err);
    if (!bytes)
        return false;
    memcpy(bytes, stream->at, stream->len);
    *stream = span_of(bytes, stream->len);
    for (size_t at = find_tiles(*stream); at + 12 <= stream->len;) {
        size_t len = big32(bytes + at + 6);
        if (bytes[at] != 0xFF || bytes[at + 1] != 0x90 || len == 0)
            break;
        if (len > stream->len - at)
            memset(bytes + at + 6, 0, 4);
        at += len < stream->len - at ? len : stream->len - at;
    }
    return true;
}

/* The header's sign decides, not the stream's (formats.md 9.3): the bits stay. */
static void fill_raster(const opj_image_t *image, uint16_t *values, size_t count)
{
    for (unsigned s = 0; s < image->numcomps; s++)
        for (size_t i = 0; i < count; i++)
            values[i * image->numcomps + s] = (uint16_t)image->comps[s].data[i];
}

/* COD's transformation: 0 = 9-7, which is lossy. Of the main header; true = not 5-3. */
static bool is_irreversible(struct span stream)
{
    size_t at = 2;
    while (at + 4 <= stream.len && stream.at[at] == 0xFF) {
        size_t len = (size_t)(stream.at[at + 2] << 8 | stream.at[at + 3]);
        if (stream.at[at + 1] == 0x52)
            return at + 13 < stream.len && stream.at[at + 13] == 0;
        if (len < 2 || stream.at[at + 1] == 0x90)
            return true;
        at += 2 + len;
    }
    return true;
}

bool codec_decode_jpeg_2000(const struct codec_job *job, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    struct span stream = find_codestream(job->encoded);
    struct codec_raster raster = {.is_ybr = codec_is_ybr(shape->photometric)};
    if (!check_sizes(stream, shape, err) || !codec_new_raster(job, &raster, err))
        return false;
    CLEANUP(close_image) opj_image_t *image = decode_image(stream, shape, true);
    if (!image) {
        if (!mend_tiles(job, &stream, err))
            return false;
        image = decode_image(stream, shape, false);
        job->frame->is_incomplete = true;
    }
    if (!image)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_2000", 0, "T.800 A");
    raster.bits = image->comps[0].prec;
    job->frame->is_lossy = is_irreversible(stream);
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
