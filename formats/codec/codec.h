// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One encoded frame <-> its stored pixel values. Sources: DICOM PS3.5 2024 8 and annexes
 * A, G (native, RLE); ITU-T T.81 (JPEG sequential and lossless); T.87 (JPEG-LS, through
 * CharLS); T.800 (JPEG 2000, through OpenJPEG). JPEG baseline goes through libturbojpeg;
 * JPEG lossless, JPEG with 12 bits and RLE are ours. No progressive JPEG, no JPEG with
 * arithmetic coding, no HTJ2K, no JPEG XL, no video.
 *
 * What a frame holds is decided by the checked shape alone, which comes from the data
 * set; an encoded frame that says otherwise is refused ("codec_dimensions"). What a
 * short frame does not reach is zero, never memory of somebody else.
 *
 * Other people's decoders run in here: in production only inside base/child.
 *
 * Errors: ERR_SYNTAX for a broken frame, ERR_LIMIT "codec_shape" for one that is larger
 * than CODEC_FRAME_BYTES_MAX or of a form that is not an image, ERR_REFUSED
 * "codec_unsupported", and those of the arena, which holds what is needed meanwhile. */

#include "base/buf.h"

enum codec_syntax {
    CODEC_NATIVE,
    CODEC_RLE,
    CODEC_JPEG,          /* sequential: baseline and extended, 8 and 12 bits */
    CODEC_JPEG_LOSSLESS, /* process 14, any predictor */
    CODEC_JPEG_LS,
    CODEC_JPEG_2000,
};

/* PS3.3 C.7.6.3.1.2. The retired ones with four samples are not shapes. */
enum codec_photometric {
    CODEC_MONOCHROME1,
    CODEC_MONOCHROME2,
    CODEC_PALETTE,
    CODEC_RGB,
    CODEC_YBR_FULL,
    CODEC_YBR_FULL_422,
    CODEC_YBR_PARTIAL_422,
    CODEC_YBR_ICT, /* both of JPEG 2000 only: RGB once it is decoded */
    CODEC_YBR_RCT,
};

enum { CODEC_FRAME_BYTES_MAX = 256 << 20, CODEC_SIDE_MAX = 65535 };

struct codec_shape {
    uint32_t columns, rows;
    unsigned samples;        /* 1 or 3 */
    unsigned bits_allocated; /* 1, 8, 16, 32; 64 with is_float */
    unsigned bits_stored, high_bit;
    bool is_signed;
    bool is_planar;     /* native only: the others say it themselves */
    bool is_big_endian; /* native only */
    bool is_float;
    enum codec_photometric photometric;
    unsigned first_bit; /* native, 1 bit: where in the first byte the frame begins, 0-7 */
};

/* Pixels as `tsumugi render --raw` tells them: rows from the top, samples of a pixel
 * together, little endian; 8, 16 and 32 bits as allocated, masked to the stored bits and
 * their sign carried on; 1 bit as a byte of 0 or 1; float and double as float32; YBR as
 * RGB; indices of a palette as they are. */
struct codec_frame {
    uint8_t *pixels;
    size_t pixel_bytes; /* at least codec_frame_bytes */
    bool is_incomplete; /* set: the encoded frame ended early or broke; the rest is 0 */
    bool is_lossy;      /* set: this encoding does not give back what went in */
};

/* "codec_shape" for all that no frame can have. */
MUST_CHECK bool codec_check_shape(const struct codec_shape *shape, struct err *err);
/* Bytes of a sample in a codec_frame: 1, 2 or 4. */
size_t codec_sample_bytes(const struct codec_shape *shape);
/* Bytes of the decoded frame; 0 = not a shape. */
size_t codec_frame_bytes(const struct codec_shape *shape);
/* Bytes of the frame in a native pixel element, from first_bit on; 0 = not a shape. */
size_t codec_native_bytes(const struct codec_shape *shape);
/* Fills frame->pixels, all of it. */
MUST_CHECK bool codec_decode(enum codec_syntax syntax, const struct codec_shape *shape,
                             struct span encoded, struct arena *arena,
                             struct codec_frame *frame, struct err *err);
/* Where what codec_decode would make stands already, native and in our form: in `encoded`
 * or NULL. */
const uint8_t *codec_find_pixels(enum codec_syntax syntax,
                                 const struct codec_shape *shape, struct span encoded);

/* The other way: `pixels` is what codec_decode gives; RGB stays RGB, native follows
 * shape. Lossless but CODEC_JPEG, which takes 8 bits and quality 90. JPEG lossless is
 * written with first-order prediction (SV1). At most 16 bits, the stored ones the
 * lowest; not float; 1 bit native and RLE only. */
MUST_CHECK bool codec_encode(enum codec_syntax syntax, const struct codec_shape *shape,
                             struct span pixels, struct arena *arena, struct buf *out,
                             struct err *err);
/* A picture of 8-bit grey (samples = 1) or RGB as a baseline JPEG, quality 1-100. */
struct codec_picture {
    const uint8_t *pixels;
    uint32_t columns, rows;
    unsigned samples;
    unsigned quality;
};
MUST_CHECK bool codec_write_jpeg(const struct codec_picture *picture, struct buf *out,
                                 struct err *err);
