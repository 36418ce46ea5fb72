// SPDX-License-Identifier: Apache-2.0
/* A job from a data set. */
#include <math.h>

#include "formats/picture/picture_parts.h"

static bool unsupported(const struct dicom_file *file, struct err *err)
{
    return err_set(err, ERR_REFUSED, "picture_unsupported", "%s (%s) is not decoded",
                   dicom_syntax_name(file->syntax), file->syntax_uid);
}

static bool choose_syntax(const struct dicom_file *file, enum codec_syntax *syntax,
                          struct err *err)
{
    switch (dicom_syntax_coding(file->syntax)) {
    case DICOM_CODED_NATIVE:
        *syntax = CODEC_NATIVE;
        return true;
    case DICOM_CODED_RLE:
        *syntax = CODEC_RLE;
        return true;
    case DICOM_CODED_JPEG:
        *syntax = CODEC_JPEG;
        return true;
    case DICOM_CODED_JPEG_LOSSLESS:
        *syntax = CODEC_JPEG_LOSSLESS;
        return true;
    case DICOM_CODED_JPEG_LS:
        *syntax = CODEC_JPEG_LS;
        return true;
    case DICOM_CODED_JPEG_2000:
        *syntax = CODEC_JPEG_2000;
        return true;
    case DICOM_CODED_UNSUPPORTED:
    default:
        return unsupported(file, err);
    }
}

static bool choose_photometric(const struct dicom_image *image,
                               enum codec_photometric *photometric, struct err *err)
{
    static const enum codec_photometric same[] = {
        [DICOM_MONOCHROME1] = CODEC_MONOCHROME1,
        [DICOM_MONOCHROME2] = CODEC_MONOCHROME2,
        [DICOM_PALETTE] = CODEC_PALETTE,
        [DICOM_RGB] = CODEC_RGB,
        [DICOM_YBR_FULL] = CODEC_YBR_FULL,
        [DICOM_YBR_FULL_422] = CODEC_YBR_FULL_422,
        [DICOM_YBR_PARTIAL_422] = CODEC_YBR_PARTIAL_422,
        /* how a stream subsamples, it says itself; native it does not exist */
        [DICOM_YBR_PARTIAL_420] = CODEC_YBR_FULL_422,
        [DICOM_YBR_ICT] = CODEC_YBR_ICT,
        [DICOM_YBR_RCT] = CODEC_YBR_RCT,
    };
    bool is_other =
        image->photometric >= DICOM_PHOTOMETRIC_OTHER ||
        (image->photometric == DICOM_YBR_PARTIAL_420 && !image->is_encapsulated);
    if (is_other)
        return err_set(err, ERR_REFUSED, "picture_unsupported",
                       "colours of the form %s are not drawn",
                       dicom_photometric_name(image->photometric));
    *photometric = same[image->photometric];
    return true;
}

static bool take_shape(const struct dicom_image *image, struct codec_shape *shape,
                       struct err *err)
{
    *shape = (struct codec_shape){
        .columns = image->columns,
        .rows = image->rows,
        .samples = image->samples,
        .bits_allocated = image->bits_allocated,
        .bits_stored = image->bits_stored,
        .high_bit = image->high_bit,
        .is_signed = image->is_signed,
        .is_planar = image->is_planar,
        .is_big_endian = image->is_big_endian,
        .is_float = image->is_float,
    };
    return choose_photometric(image, &shape->photometric, err) &&
           codec_check_shape(shape, err);
}

/* ------------------------------------------------------------------ values */

static bool take_tables(const struct dicom_file *file, const struct dicom_view *view,
                        struct arena *arena, struct picture_job *job, struct err *err)
{
    bool is_signed = job->shape.is_signed;
    if (job->shape.photometric == CODEC_PALETTE)
        return dicom_palette_read(file, arena, job->palette, err);
    /* a table that is broken must not cost the picture; the file's warnings have it */
    if (view->modality_lut &&
        !dicom_lut_read(view->modality_lut, is_signed, arena, &job->modality, err)) {
        job->modality = (struct dicom_lut){0};
        err_clear(err);
    }
    is_signed = job->modality.count == 0 && (is_signed || job->intercept < 0);
    if (view->voi_lut &&
        !dicom_lut_read(view->voi_lut, is_signed, arena, &job->voi, err)) {
        job->voi = (struct dicom_lut){0};
        err_clear(err);
    }
    return true;
}

static void take_window(const struct dicom_view *view, struct picture_job *job)
{
    const struct picture_wish *wish = &job->wish;
    bool has_wish = wish->has_window && isfinite(wish->center) && wish->width > 0 &&
                    isfinite(wish->width);
    job->voi_function = view->voi_function;
    job->has_window = has_wish || view->window_count > 0;
    if (has_wish) {
        job->center = wish->center;
        job->width = wish->width;
    } else if (view->window_count > 0) {
        job->center = view->windows[0].center;
        job->width = view->windows[0].width;
    }
}

/* ------------------------------------------------------------------ overlays */

/* A bit of the native cells above or below the stored ones (PS3.5 8.1.1, retired). */
static bool embedded_bit(const struct picture_job *job,
                         const struct dicom_overlay *overlay, size_t pixel)
{
    const struct codec_shape *shape = &job->shape;
    size_t at = pixel * 2;
    if (at + 2 > job->encoded.len)
        return false;
    const uint8_t *cell = job->encoded.at + at;
    unsigned value = shape->is_big_endian ? (unsigned)(cell[0] << 8 | cell[1])
                                          : (unsigned)(cell[1] << 8 | cell[0]);
    return value >> overlay->bit_position & 1;
}

static bool can_embed(const struct picture_job *job, const struct dicom_overlay *overlay)
{
    return job->syntax == CODEC_NATIVE && job->shape.bits_allocated == 16 &&
           job->shape.samples == 1 && overlay->bit_position < 16;
}

struct rows {
    uint32_t first, end;
};

/* Rows of the picture that the overlay has bits for: it may claim any size, and so may
 * the picture. */
static struct rows rows_of(const struct picture_job *job,
                           const struct dicom_overlay *overlay)
{
    uint64_t bits =
        overlay->is_embedded ? job->encoded.len / 2 : (uint64_t)overlay->bits.len * 8;
    uint32_t across = overlay->is_embedded ? job->shape.columns : overlay->columns;
    int64_t filled = across > 0 ? (int64_t)(bits / across) + 1 : 0;
    int64_t first = overlay->is_embedded ? 0 : overlay->row;
    int64_t end = first + filled;
    if (end > (int64_t)overlay->row + overlay->rows)
        end = (int64_t)overlay->row + overlay->rows;
    if (end > job->shape.rows)
        end = job->shape.rows;
    first = overlay->row > 0 ? overlay->row : 0;
    return (struct rows){(uint32_t)(first < end ? first : 0),
                         (uint32_t)(first < end ? end : 0)};
}

static void add_overlay(const struct picture_job *job, uint32_t frame,
                        const struct dicom_overlay *overlay, uint8_t *bits)
{
    /* C.9.2: one plane is for all frames */
    uint32_t index = overlay->frame_count > 1 ? frame - overlay->first_frame : 0;
    struct rows rows = rows_of(job, overlay);
    for (uint32_t row = rows.first; row < rows.end; row++)
        for (uint32_t column = 0; column < job->shape.columns; column++) {
            int64_t y = (int64_t)row - overlay->row;
            int64_t x = (int64_t)column - overlay->column;
            if (x < 0 || x >= overlay->columns)
                continue;
            size_t pixel = (size_t)row * job->shape.columns + column;
            bool is_set =
                overlay->is_embedded
                    ? embedded_bit(job, overlay, pixel)
                    : dicom_overlay_bit(overlay, index, (uint32_t)y, (uint32_t)x);
            if (is_set)
                bits[pixel / 8] = (uint8_t)(bits[pixel / 8] | 1U << (pixel % 8));
        }
}

static bool take_overlays(const struct dicom_file *file, uint32_t frame,
                          struct arena *arena, struct picture_job *job, struct err *err)
{
    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX];
    size_t count = 0;
    if (!dicom_overlays(file, arena, overlays, &count, err))
        return false;
    size_t bytes = ((size_t)job->shape.columns * job->shape.rows + 7) / 8;
    uint8_t *bits = NULL;
    for (size_t i = 0; i < count; i++) {
        if (overlays[i].is_embedded && !can_embed(job, &overlays[i]))
            continue;
        if (!bits) {
            bits = arena_take(arena, bytes, 1, err);
            if (!bits)
                return false;
            job->overlay = span_of(bits, bytes);
        }
        add_overlay(job, frame, &overlays[i], bits);
    }
    return true;
}

/* ------------------------------------------------------------------ all */

bool picture_prepare(const struct dicom_file *file, uint32_t frame,
                     const struct picture_wish *wish, struct arena *arena,
                     struct picture_job *job, struct err *err)
{
    struct dicom_image image;
    struct dicom_view view;
    struct dicom_frame found = {0};
    memset(job, 0, sizeof *job);
    job->wish = *wish;
    job->slope = 1;
    if (!choose_syntax(file, &job->syntax, err) || !dicom_image_read(file, &image, err) ||
        !take_shape(&image, &job->shape, err) ||
        !dicom_frame(file, &image, frame, arena, &found, err))
        return false;
    job->encoded = found.bytes;
    job->shape.first_bit = found.first_bit;
    job->is_incomplete = found.is_incomplete;
    if (!dicom_view_read(file, frame, arena, &view, err))
        return false;
    job->is_lossy = view.is_lossy;
    if (wish->kind == PICTURE_RAW)
        return true;
    if (view.has_rescale) {
        job->slope = view.slope;
        job->intercept = view.intercept;
    }
    job->is_inverse = view.is_inverse || job->shape.photometric == CODEC_MONOCHROME1;
    job->has_padding = view.has_padding;
    job->padding = view.padding;
    job->padding_limit = view.padding_limit;
    take_window(&view, job);
    return take_tables(file, &view, arena, job, err) &&
           take_overlays(file, frame, arena, job, err);
}
