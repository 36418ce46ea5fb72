// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Images of a DICOM file: what a frame consists of, where its bytes are, and how its
 * values are meant to be shown (PS3.3 C.7.6.3, C.11, PS3.5 8 and A.4). Nothing is decoded
 * and nothing drawn; formats/picture does that. Errors beside the arena's: ERR_MISSING
 * "dicom_no_pixels", ERR_SYNTAX "dicom_image_invalid" "dicom_frame_missing"
 * "dicom_lut_invalid", ERR_LIMIT "dicom_image_too_large". */

#include "formats/dicom/dicom.h"

enum {
    DICOM_WINDOWS_MAX = 16,
    DICOM_OVERLAYS_MAX = 16,
    DICOM_LUT_ENTRIES_MAX = 65536,
};

enum dicom_photometric {
    DICOM_MONOCHROME1,
    DICOM_MONOCHROME2,
    DICOM_PALETTE,
    DICOM_RGB,
    DICOM_YBR_FULL,
    DICOM_YBR_FULL_422,
    DICOM_YBR_PARTIAL_422,
    DICOM_YBR_PARTIAL_420,
    DICOM_YBR_ICT,
    DICOM_YBR_RCT,
    DICOM_PHOTOMETRIC_OTHER, /* HSV, ARGB, CMYK …: not shown */
};
const char *dicom_photometric_name(enum dicom_photometric photometric);

struct dicom_image {
    uint32_t columns, rows; /* 1 … 65,535 */
    uint32_t frame_count; /* as stated, at least 1; frames may be missing all the same */
    unsigned samples;     /* 1, 3 or 4 */
    unsigned bits_allocated, bits_stored, high_bit;
    bool is_signed;
    bool is_planar;
    bool is_float; /* 32 or 64 bits_allocated, float or double */
    bool is_encapsulated;
    bool is_big_endian; /* native values */
    enum dicom_photometric photometric;
    uint64_t frame_bits; /* native size of one frame, at most 8 Gbit */
};

MUST_CHECK bool dicom_image_read(const struct dicom_file *file, struct dicom_image *image,
                                 struct err *err);

/* The bytes of one frame, counted from 0: native, a slice; encapsulated, its fragment or
 * its fragments joined. */
struct dicom_frame {
    struct span bytes;
    unsigned first_bit; /* of 1-bit native frames: 0 … 7, least significant first */
    bool is_incomplete; /* native: the file holds fewer bytes than a frame takes */
};
/* ERR_MISSING "dicom_frame_missing" for a frame that is not there. */
MUST_CHECK bool dicom_frame(const struct dicom_file *file,
                            const struct dicom_image *image, uint32_t frame,
                            struct arena *arena, struct dicom_frame *out,
                            struct err *err);

/* Where dicom_frame reads, within file->bytes: at least those of the frame. Not of a
 * deflated file. The same errors. */
MUST_CHECK bool dicom_frame_extent(const struct dicom_file *file,
                                   const struct dicom_image *image, uint32_t frame,
                                   struct span *bytes, struct err *err);

enum dicom_spacing { DICOM_SPACING_NONE, DICOM_SPACING_PIXEL, DICOM_SPACING_IMAGER };
enum dicom_voi { DICOM_VOI_LINEAR, DICOM_VOI_LINEAR_EXACT, DICOM_VOI_SIGMOID };

struct dicom_window {
    double center, width; /* width > 0 */
    struct text text;
};

/* How the values of one frame are meant: per-frame functional groups, then the shared
 * ones, then the attributes of the object itself. */
struct dicom_view {
    bool has_rescale;
    double slope, intercept;              /* 1 and 0 when has_rescale is false */
    struct text rescale_type;             /* "HU" …, or "" */
    const struct dicom_set *modality_lut; /* item for dicom_lut_read; NULL */
    struct dicom_window windows[DICOM_WINDOWS_MAX];
    size_t window_count;
    enum dicom_voi voi_function;
    const struct dicom_set *voi_lut; /* first item for dicom_lut_read; NULL */
    bool is_inverse;                 /* Presentation LUT Shape INVERSE */
    enum dicom_spacing spacing_kind;
    double spacing[2]; /* mm, between rows, between columns */
    bool has_aspect;
    double aspect[2]; /* vertical, horizontal */
    bool has_position, has_orientation, has_location;
    double position[3], orientation[6], location;
    bool has_padding;
    int64_t padding, padding_limit; /* a range, either end first; equal without a limit */
    double frame_time_ms;           /* 0 = unknown */
    double lossy_ratio;             /* 0 = unknown */
    bool is_lossy;
};
MUST_CHECK bool dicom_view_read(const struct dicom_file *file, uint32_t frame,
                                struct arena *arena, struct dicom_view *view,
                                struct err *err);

/* The same of one frame after the other, without looking for each from the first. */
struct dicom_frame_views {
    const struct dicom_file *file;
    const struct dicom_set *next;
    uint32_t frame;
    bool is_there; /* what is said is said of each frame: functional groups, dose grids */
    bool has_offsets; /* of slices from the first (PS3.3 C.8.8.3.2) */
};
struct dicom_frame_views dicom_views_begin(const struct dicom_file *file);
MUST_CHECK bool dicom_views_next(struct dicom_frame_views *views, struct arena *arena,
                                 struct dicom_view *view, struct err *err);

/* The frames in the order in which they are looked at, by dimensions, stacks or place;
 * NULL = that of the file, also where nothing says another. *arena* */
MUST_CHECK bool dicom_frame_order(const struct dicom_file *file, size_t count,
                                  struct arena *arena, uint32_t **order, struct err *err);

/* A lookup table (PS3.3 C.11.1.1): value `first` and below give entry 0, values beyond
 * the end the last one. */
struct dicom_lut {
    uint32_t count; /* 1 … 65,536 */
    int32_t first;
    unsigned bits; /* of entries, 8 … 16 */
    const uint16_t *values;
};
/* Of an item of Modality or VOI LUT Sequence; is_signed = stored values are signed. */
MUST_CHECK bool dicom_lut_read(const struct dicom_set *item, bool is_signed,
                               struct arena *arena, struct dicom_lut *lut,
                               struct err *err);
/* Red, green and blue of a palette, segmented ones laid out (PS3.3 C.7.9.2). */
MUST_CHECK bool dicom_palette_read(const struct dicom_file *file, struct arena *arena,
                                   struct dicom_lut lut[3], struct err *err);

/* An overlay plane (PS3.3 C.9.2). Its bits are its own data, or one bit of the pixels. */
struct dicom_overlay {
    uint32_t rows, columns;
    int32_t row, column; /* of its first bit in the image, counted from 0 */
    uint32_t frame_count, first_frame;
    bool is_embedded; /* bit `bit_position` of the stored cells, native images only */
    unsigned bit_position;
    bool is_roi;
    struct text label;
    struct span bits;
};
/* At most DICOM_OVERLAYS_MAX; broken ones are left out. */
MUST_CHECK bool dicom_overlays(const struct dicom_file *file, struct arena *arena,
                               struct dicom_overlay overlays[DICOM_OVERLAYS_MAX],
                               size_t *count, struct err *err);
/* False outside, and where the data ends early. Not for embedded ones. */
bool dicom_overlay_bit(const struct dicom_overlay *overlay, uint32_t frame, uint32_t row,
                       uint32_t column);
