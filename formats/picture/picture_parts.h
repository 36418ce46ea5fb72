// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the parts of formats/picture share; not for other folders. */

#include "formats/picture/picture.h"

/* A picture of 8 bits, grey or RGB. */
struct picture_raster {
    uint8_t *pixels;
    uint32_t columns, rows;
    unsigned samples;
};

/* From decoded values (the pixels of a codec_frame) to grey or RGB of the frame's size.
 */
MUST_CHECK bool picture_draw(const struct picture_job *job, const uint8_t *pixels,
                             struct arena *arena, struct picture_raster *raster,
                             struct err *err);
/* Grey of a job, one value each: *table for every cell of 8 or 16 bits that is in the
 * frame. */
MUST_CHECK bool picture_map_grey(const struct picture_job *job, const uint8_t *pixels,
                                 uint8_t *out, struct arena *arena, struct err *err);
/* No longer side above `side_max`: each pixel is the mean of the area it covers. */
MUST_CHECK bool picture_shrink(struct picture_raster *raster, uint32_t side_max,
                               struct arena *arena, struct err *err);
