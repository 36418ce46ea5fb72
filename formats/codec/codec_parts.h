// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the decoders share; not for other folders. A decoder turns a frame into samples of
 * 16 bits, interleaved, and codec_store makes the frame that was asked for of them. */

#include "formats/codec/codec.h"

struct codec_job {
    const struct codec_shape *shape;
    struct span encoded;
    struct arena *arena;
    struct codec_frame *frame;
};

/* Of a raster: columns × rows × samples values. `bits` is the encoding's precision:
 * what stands above is not looked at, the sign is at the lower of it and bits_stored. */
struct codec_raster {
    uint16_t *values;
    unsigned bits;
    bool is_ybr; /* values are luma and chroma of `bits` bits */
};

/* Room for the raster, zeroed. */
MUST_CHECK bool codec_new_raster(const struct codec_job *job, struct codec_raster *raster,
                                 struct err *err);
void codec_store(const struct codec_job *job, const struct codec_raster *raster);
bool codec_is_ybr(enum codec_photometric photometric);
/* In place, `count` pixels of three 8-bit samples. */
void codec_ybr_to_rgb(uint8_t *pixels, size_t count, bool is_partial);
size_t codec_pixel_count(const struct codec_shape *shape);

bool codec_decode_native(const struct codec_job *job, struct err *err);
bool codec_decode_rle(const struct codec_job *job, struct err *err);
/* Any JPEG but JPEG-LS, by what its frame header says. */
bool codec_decode_jpeg(const struct codec_job *job, struct err *err);
bool codec_decode_jpeg_ls(const struct codec_job *job, struct err *err);
bool codec_decode_jpeg_2000(const struct codec_job *job, struct err *err);

bool codec_encode_native(const struct codec_shape *shape, struct span pixels,
                         struct buf *out, struct err *err);
bool codec_encode_rle(const struct codec_shape *shape, struct span pixels,
                      struct buf *out, struct err *err);
bool codec_encode_lossless(const struct codec_shape *shape, struct span pixels,
                           struct arena *arena, struct buf *out, struct err *err);
bool codec_encode_jpeg_ls(const struct codec_shape *shape, struct span pixels,
                          struct arena *arena, struct buf *out, struct err *err);
bool codec_encode_jpeg_2000(const struct codec_shape *shape, struct span pixels,
                            struct buf *out, struct err *err);
