// SPDX-License-Identifier: Apache-2.0
/* JPEG with 8 bits through libturbojpeg. */
#include <turbojpeg.h>

#include "formats/codec/codec_jpeg.h"

static void close_handle(tjhandle *handle)
{
    if (*handle)
        tjDestroy(*handle);
}

static void free_bytes(unsigned char **bytes)
{
    tjFree(*bytes);
}

static const uint8_t adobe[] = {0xFF, 0xEE, 0,   14, 'A', 'd', 'o', 'b',
                                'e',  0,    100, 0,  0,   0,   0};

/* The library decides colour by JFIF first and never hears what the data set says; so it
 * is told by an APP14 of ours in front, and sees no other APP0 and APP14. */
static bool say_colour(const struct codec_job *job, bool is_ybr, struct span *told,
                       struct err *err)
{
    struct span from = job->encoded;
    uint8_t *bytes = arena_take(job->arena, from.len + sizeof adobe + 1, 1, err);
    if (!bytes)
        return false;
    memcpy(bytes, from.at, 2);
    memcpy(bytes + 2, adobe, sizeof adobe);
    bytes[2 + sizeof adobe] = is_ybr;
    size_t to = 2 + sizeof adobe + 1;
    size_t at = 2;
    /* only as far as segments stand one behind the other; the scan is copied as it is */
    while (at + 4 <= from.len && from.at[at] == 0xFF && from.at[at + 1] >= 0xE0 &&
           from.at[at + 1] <= 0xEF) {
        size_t len = 2 + ((size_t)from.at[at + 2] << 8 | from.at[at + 3]);
        if (len > from.len - at)
            break;
        at += len;
    }
    memcpy(bytes + to, from.at + at, from.len - at);
    *told = span_of(bytes, to + from.len - at);
    return true;
}

/* The library warns of more than it should: bytes between segments and odd parameters of
 * a scan cost no pixel. Only its last warning is known, and that by its words. */
static bool lost_pixels(tjhandle handle)
{
    const char *said = tjGetErrorStr2(handle);
    return strstr(said, "remature end") ||
           (strstr(said, "Corrupt") && !strstr(said, "extraneous"));
}

/* Whole pictures of 8-bit samples. */
static bool decompress(const struct codec_job *job, const struct codec_jpeg *jpeg,
                       struct span told, uint8_t *pixels, struct err *err)
{
    const struct codec_shape *shape = job->shape;
    int width = 0;
    int height = 0;
    int subsampling = 0;
    int space = 0;
    CLEANUP(close_handle) tjhandle handle = tjInitDecompress();
    if (!handle)
        return err_set(err, ERR_BUSY, "memory_short", "no JPEG decoder");
    if (tjDecompressHeader3(handle, told.at, told.len, &width, &height, &subsampling,
                            &space) != 0 &&
        tjGetErrorCode(handle) == TJERR_FATAL)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_segment", jpeg->frame_at, "T.81 B.2");
    /* what it understood is what was checked */
    if ((uint32_t)width != shape->columns || (uint32_t)height != shape->rows)
        return err_at(err, ERR_SYNTAX, "codec_dimensions", jpeg->frame_at, "PS3.5 8.2");
    int format = shape->samples == 3 ? TJPF_RGB : TJPF_GRAY;
    int failed =
        tjDecompress2(handle, told.at, told.len, pixels, width, 0, height, format, 0);
    if (failed != 0 && tjGetErrorCode(handle) == TJERR_FATAL)
        return err_at(err, ERR_SYNTAX, "codec_jpeg_scan", jpeg->at, "T.81 B.2");
    job->frame->is_incomplete = failed != 0 && lost_pixels(handle);
    return true;
}

bool codec_decode_baseline(const struct codec_job *job, const struct codec_jpeg *jpeg,
                           struct err *err)
{
    const struct codec_shape *shape = job->shape;
    struct span told = job->encoded;
    struct codec_raster raster = {.bits = 8};
    size_t count = codec_pixel_count(shape) * shape->samples;
    if (shape->samples == 3 &&
        !say_colour(job, codec_jpeg_is_ybr(jpeg, shape->photometric), &told, err))
        return false;
    if (shape->bits_allocated == 8)
        return decompress(job, jpeg, told, job->frame->pixels, err);
    uint8_t *pixels = arena_take(job->arena, count, 1, err);
    if (!pixels || !codec_new_raster(job, &raster, err) ||
        !decompress(job, jpeg, told, pixels, err))
        return false;
    for (size_t i = 0; i < count; i++)
        raster.values[i] = pixels[i];
    codec_store(job, &raster);
    return true;
}

/* Grey goes in as the luma that it is: the library's way through pixels would first copy
 * it byte by byte. The picture's own bytes are the same. */
static bool compress(tjhandle handle, const struct codec_picture *picture, int flags,
                     unsigned char **bytes, unsigned long *len)
{
    const unsigned char *luma = picture->pixels;
    int columns = (int)picture->columns;
    int rows = (int)picture->rows;
    int quality = (int)picture->quality;
    if (picture->samples == 1)
        return tjCompressFromYUVPlanes(handle, &luma, columns, NULL, rows, TJSAMP_GRAY,
                                       bytes, len, quality, flags) == 0;
    return tjCompress2(handle, picture->pixels, columns, 0, rows, TJPF_RGB, bytes, len,
                       TJSAMP_422, quality, flags) == 0;
}

/* Straight to where it belongs. The library's estimate is far more than what comes out of
 * most, so this is for pictures as screens have them. */
static bool compress_in_place(tjhandle handle, const struct codec_picture *picture,
                              struct buf *out)
{
    enum { ROOM_BYTES_MAX = 8 << 20 };
    int subsampling = picture->samples == 1 ? TJSAMP_GRAY : TJSAMP_422;
    unsigned long room =
        tjBufSize((int)picture->columns, (int)picture->rows, subsampling);
    if (room > ROOM_BYTES_MAX || room > out->max_bytes - out->len)
        return false;
    buf_reserve(out, room);
    unsigned char *at = out->at + out->len;
    if (out->has_failed || !compress(handle, picture, TJFLAG_NOREALLOC, &at, &room))
        return false;
    out->len += room;
    return true;
}

bool codec_write_jpeg(const struct codec_picture *picture, struct buf *out,
                      struct err *err)
{
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    if (picture->columns < 1 || picture->columns > CODEC_SIDE_MAX || picture->rows < 1 ||
        picture->rows > CODEC_SIDE_MAX || picture->quality < 1 ||
        picture->quality > 100 || (picture->samples != 1 && picture->samples != 3))
        return err_set(err, ERR_LIMIT, "codec_shape", "not a picture");
    CLEANUP(close_handle) tjhandle handle = tjInitCompress();
    if (!handle)
        return err_set(err, ERR_BUSY, "memory_short", "no JPEG encoder");
    if (compress_in_place(handle, picture, out))
        return true;
    bool is_done = compress(handle, picture, 0, &bytes, &len);
    CLEANUP(free_bytes) unsigned char *owned = bytes;
    if (!is_done)
        return err_set(err, ERR_BUSY, "memory_short", "a JPEG was not written");
    buf_put(out, owned, len);
    return buf_check(out, err);
}
