// SPDX-License-Identifier: Apache-2.0
/* What an image is (PS3.3 C.7.6.3) and where its frames' bytes are (PS3.5 8 and A.4). */
#include "formats/dicom/dicom_parts.h"

#include <string.h>

enum { SIDE_MAX = 65535 };
static const uint64_t FRAME_BITS_MAX = (uint64_t)8 << 30;

static const char *const photometrics[] = {
    [DICOM_MONOCHROME1] = "MONOCHROME1",
    [DICOM_MONOCHROME2] = "MONOCHROME2",
    [DICOM_PALETTE] = "PALETTE COLOR",
    [DICOM_RGB] = "RGB",
    [DICOM_YBR_FULL] = "YBR_FULL",
    [DICOM_YBR_FULL_422] = "YBR_FULL_422",
    [DICOM_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
    [DICOM_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
    [DICOM_YBR_ICT] = "YBR_ICT",
    [DICOM_YBR_RCT] = "YBR_RCT",
    [DICOM_PHOTOMETRIC_OTHER] = "OTHER",
};

const char *dicom_photometric_name(enum dicom_photometric photometric)
{
    return photometrics[photometric];
}

static enum dicom_photometric find_photometric(const struct dicom_set *set,
                                               unsigned samples)
{
    struct span code = dicom_code(set, DICOM_PHOTOMETRIC);
    for (unsigned i = 0; i < DICOM_PHOTOMETRIC_OTHER; i++)
        if (span_is(code, photometrics[i]))
            return (enum dicom_photometric)i;
    if (code.len > 0)
        return DICOM_PHOTOMETRIC_OTHER;
    return samples == 1 ? DICOM_MONOCHROME2 : DICOM_RGB;
}

static bool number_within(const struct dicom_set *set, uint32_t tag, int64_t least,
                          int64_t most, int64_t *value)
{
    return dicom_int(set, tag, 0, value) && *value >= least && *value <= most;
}

static bool invalid(const struct dicom_set *set, uint32_t tag, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    return err_at(err, ERR_SYNTAX, "dicom_image_invalid",
                  element ? element->offset : set->offset, "PS3.3 C.7.6.3");
}

static bool read_bits(const struct dicom_file *file, struct dicom_image *image,
                      struct err *err)
{
    int64_t allocated = 0;
    int64_t value = 0;
    if (file->pixels.tag != DICOM_PIXELS) {
        image->is_float = true;
        image->bits_allocated = file->pixels.tag == DICOM_FLOAT_PIXELS ? 32 : 64;
        image->bits_stored = image->bits_allocated;
        image->high_bit = image->bits_stored - 1;
        return true;
    }
    bool is_right = number_within(file->set, DICOM_BITS_ALLOCATED, 1, 64, &allocated) &&
                    (allocated == 1 || allocated % 8 == 0);
    if (!is_right)
        return invalid(file->set, DICOM_BITS_ALLOCATED, err);
    image->bits_allocated = (unsigned)allocated;
    bool has_stored = number_within(file->set, DICOM_BITS_STORED, 1, allocated, &value);
    image->bits_stored = has_stored ? (unsigned)value : image->bits_allocated;
    bool has_high = number_within(file->set, DICOM_HIGH_BIT, image->bits_stored - 1,
                                  allocated - 1, &value);
    image->high_bit = has_high ? (unsigned)value : image->bits_stored - 1;
    image->is_signed =
        dicom_int(file->set, DICOM_PIXEL_REPRESENTATION, 0, &value) && value == 1;
    return true;
}

static bool compute_size(struct dicom_image *image, struct err *err)
{
    uint64_t samples = image->samples;
    /* Two pixels share their colour: Y Y Cb Cr. */
    bool is_half = !image->is_encapsulated && image->samples == 3 &&
                   (image->photometric == DICOM_YBR_FULL_422 ||
                    image->photometric == DICOM_YBR_PARTIAL_422);
    if (is_half)
        samples = 2;
    image->frame_bits =
        (uint64_t)image->columns * image->rows * samples * image->bits_allocated;
    if (image->frame_bits > FRAME_BITS_MAX)
        return err_at(err, ERR_LIMIT, "dicom_image_too_large", 0, "PS3.3 C.7.6.3");
    return true;
}

bool dicom_image_read(const struct dicom_file *file, struct dicom_image *image,
                      struct err *err)
{
    const struct dicom_set *set = file->set;
    int64_t value = 0;
    *image = (struct dicom_image){.frame_count = 1, .samples = 1};
    if (!file->pixels.is_there)
        return err_set(err, ERR_MISSING, "dicom_no_pixels", "no pixel data");
    if (!number_within(set, DICOM_ROWS, 1, SIDE_MAX, &value))
        return invalid(set, DICOM_ROWS, err);
    image->rows = (uint32_t)value;
    if (!number_within(set, DICOM_COLUMNS, 1, SIDE_MAX, &value))
        return invalid(set, DICOM_COLUMNS, err);
    image->columns = (uint32_t)value;
    if (dicom_find(set, DICOM_SAMPLES)) {
        bool is_right = number_within(set, DICOM_SAMPLES, 1, 4, &value) && value != 2;
        if (!is_right)
            return invalid(set, DICOM_SAMPLES, err);
        image->samples = (unsigned)value;
    }
    if (number_within(set, DICOM_FRAMES, 1, INT32_MAX, &value))
        image->frame_count = (uint32_t)value;
    image->is_planar =
        image->samples > 1 && dicom_int(set, DICOM_PLANAR, 0, &value) && value == 1;
    image->is_encapsulated = file->pixels.is_encapsulated;
    image->is_big_endian = set->is_big_endian && !image->is_encapsulated;
    image->photometric = find_photometric(set, image->samples);
    return read_bits(file, image, err) && compute_size(image, err);
}

/* ------------------------------------------------------------------ native frames */

bool dicom_ordered_bytes(const struct dicom_set *set, uint16_t vr, struct span bytes,
                         struct arena *arena, struct span *ordered, struct err *err)
{
    *ordered = bytes;
    if (!set->is_big_endian || vr != VR_OW || bytes.len == 0)
        return true;
    uint8_t *swapped = ARENA_MANY(arena, uint8_t, bytes.len + 1, err);
    if (!swapped)
        return false;
    for (size_t i = 0; i < bytes.len; i++)
        swapped[i ^ 1U] = bytes.at[i];
    *ordered = span_of(swapped, bytes.len);
    return true;
}

static bool missing(uint32_t frame, struct err *err)
{
    return err_set(err, ERR_MISSING, "dicom_frame_missing", "no frame %u", frame);
}

static bool native_frame(const struct dicom_file *file, const struct dicom_image *image,
                         uint32_t frame, struct arena *arena, struct dicom_frame *out,
                         struct err *err)
{
    struct span value = file->pixels.value;
    uint64_t first = image->frame_bits * frame;
    uint64_t end = (first + image->frame_bits + 7) / 8;
    if (first / 8 >= value.len)
        return missing(frame, err);
    size_t from = (size_t)(first / 8);
    bool is_whole = end <= value.len;
    size_t to = is_whole ? (size_t)end : value.len;
    out->first_bit = (unsigned)(first % 8);
    out->is_incomplete = !is_whole;
    if (!image->is_big_endian || image->bits_allocated > 8) {
        out->bytes = span_part(value, from, to - from);
        return true;
    }
    /* Whole words, so that swapping keeps to their borders. */
    size_t odd = from % 2;
    struct span words = span_part(value, from - odd, to - from + odd + 1);
    struct span ordered = {0};
    if (!dicom_ordered_bytes(file->set, file->pixels.vr, words, arena, &ordered, err))
        return false;
    out->bytes = span_part(ordered, odd, to - from);
    return true;
}

/* ------------------------------------------------------------------ encapsulated frames
 */

static size_t fragment_at(const struct dicom_pixels *pixels, uint64_t item)
{
    size_t low = 0;
    size_t high = pixels->fragment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pixels->fragments[middle].item < item)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < pixels->fragment_count && pixels->fragments[low].item == item;
    return is_there ? low : SIZE_MAX;
}

bool dicom_offset_table_fits(const struct dicom_pixels *pixels, uint32_t frame_count)
{
    size_t before = SIZE_MAX;
    if (pixels->offset_table.len / 4 != frame_count)
        return false;
    for (size_t i = 0; i < frame_count; i++) {
        size_t index = fragment_at(pixels, dicom_u32(pixels->offset_table, i * 4, false));
        if (index == SIZE_MAX || (i == 0 ? index != 0 : index <= before))
            return false;
        before = index;
    }
    return true;
}

/* The fragments of a frame: first and one behind the last. */
struct range {
    size_t from, to;
};

static bool by_basic_table(const struct dicom_pixels *pixels, uint32_t frame_count,
                           uint32_t frame, struct range *range)
{
    struct span table = pixels->offset_table;
    if (!dicom_offset_table_fits(pixels, frame_count))
        return false;
    range->from = fragment_at(pixels, dicom_u32(table, (size_t)frame * 4, false));
    range->to = pixels->fragment_count;
    if (frame + 1 < frame_count)
        range->to = fragment_at(pixels, dicom_u32(table, ((size_t)frame + 1) * 4, false));
    return true;
}

/* PS3.3 C.7.6.3.1.8: one fragment for each frame. */
static bool by_extended_table(const struct dicom_file *file, uint32_t frame,
                              struct range *range)
{
    int64_t offset = 0;
    if (!dicom_int(file->set, DICOM_EXTENDED_OFFSETS, frame, &offset) || offset < 0)
        return false;
    size_t index = fragment_at(&file->pixels, (uint64_t)offset);
    *range = (struct range){index, index + 1};
    return index != SIZE_MAX;
}

static bool starts_frame(const struct dicom_file *file, size_t index)
{
    const struct dicom_fragment *fragment = &file->pixels.fragments[index];
    struct span bytes = span_part(file->bytes, fragment->offset, fragment->len);
    enum dicom_coding coding = dicom_syntax_coding(file->syntax);
    if (coding == DICOM_CODED_RLE || index == 0)
        return true;
    if (coding == DICOM_CODED_JPEG_2000 || span_starts(bytes, "\xFF\x4F\xFF\x51"))
        return span_starts(bytes, "\xFF\x4F\xFF\x51");
    return span_starts(bytes, "\xFF\xD8\xFF");
}

/* Where codestreams begin, when counts and tables do not tell. */
static bool by_starts(const struct dicom_file *file, uint32_t frame, struct range *range)
{
    size_t count = file->pixels.fragment_count;
    size_t seen = 0;
    size_t from = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!starts_frame(file, i))
            continue;
        if (from != SIZE_MAX) {
            *range = (struct range){from, i};
            return true;
        }
        if (seen++ == frame)
            from = i;
    }
    *range = (struct range){from, count};
    return from != SIZE_MAX;
}

static bool find_range(const struct dicom_file *file, const struct dicom_image *image,
                       uint32_t frame, struct range *range)
{
    const struct dicom_pixels *pixels = &file->pixels;
    size_t count = pixels->fragment_count;
    if (count == 0 || frame >= image->frame_count)
        return false;
    if (image->frame_count == 1) {
        *range = (struct range){0, count};
        return true;
    }
    if (count == image->frame_count) {
        *range = (struct range){frame, (size_t)frame + 1};
        return true;
    }
    return by_extended_table(file, frame, range) ||
           by_basic_table(pixels, image->frame_count, frame, range) ||
           by_starts(file, frame, range);
}

static bool join(const struct dicom_file *file, struct range range, struct arena *arena,
                 struct span *joined, struct err *err)
{
    const struct dicom_fragment *fragments = file->pixels.fragments;
    size_t total = 0;
    size_t used = 0;
    if (range.to - range.from == 1) {
        *joined = span_part(file->bytes, fragments[range.from].offset,
                            fragments[range.from].len);
        return true;
    }
    for (size_t i = range.from; i < range.to; i++)
        total += fragments[i].len;
    uint8_t *bytes = ARENA_MANY(arena, uint8_t, total + 1, err);
    if (!bytes)
        return false;
    for (size_t i = range.from; i < range.to; i++) {
        if (fragments[i].len > 0)
            memcpy(bytes + used, file->bytes.at + fragments[i].offset, fragments[i].len);
        used += fragments[i].len;
    }
    *joined = span_of(bytes, total);
    return true;
}

bool dicom_frame(const struct dicom_file *file, const struct dicom_image *image,
                 uint32_t frame, struct arena *arena, struct dicom_frame *out,
                 struct err *err)
{
    struct range range = {0};
    *out = (struct dicom_frame){0};
    if (!image->is_encapsulated)
        return frame < image->frame_count
                   ? native_frame(file, image, frame, arena, out, err)
                   : missing(frame, err);
    if (!find_range(file, image, frame, &range))
        return missing(frame, err);
    out->is_incomplete = file->pixels.is_cut && range.to == file->pixels.fragment_count;
    return join(file, range, arena, &out->bytes, err);
}

/* ------------------------------------------------------------------ checks */

static bool check_native(struct dicom_file *file, const struct dicom_image *image,
                         struct err *err)
{
    const struct dicom_pixels *pixels = &file->pixels;
    uint64_t bits = 0;
    bool is_absurd =
        __builtin_mul_overflow(image->frame_bits, (uint64_t)image->frame_count, &bits);
    uint64_t bytes = is_absurd ? UINT64_MAX : bits / 8 + (bits % 8 > 0);
    uint64_t there = pixels->is_cut ? pixels->value.len : pixels->length;
    if (there < bytes)
        return dicom_warn(file, "dicom_pixels_short", pixels->offset, err);
    if (there > bytes + bytes % 2)
        return dicom_warn(file, "dicom_pixels_longer", pixels->offset, err);
    return true;
}

static bool check_coded(struct dicom_file *file, const struct dicom_image *image,
                        struct err *err)
{
    const struct dicom_pixels *pixels = &file->pixels;
    if (pixels->offset_table.len > 0 &&
        !dicom_offset_table_fits(pixels, image->frame_count) &&
        !dicom_warn(file, "dicom_offset_table", pixels->offset, err))
        return false;
    bool is_video = dicom_syntax_coding(file->syntax) == DICOM_CODED_UNSUPPORTED;
    if (pixels->fragment_count < image->frame_count && !is_video)
        return dicom_warn(file, "dicom_frames_missing", pixels->offset, err);
    return true;
}

bool dicom_check_image(struct dicom_file *file, struct err *err)
{
    struct dicom_image image;
    struct err fault = {0};
    if (!file->pixels.is_there)
        return true;
    if (!dicom_image_read(file, &image, &fault))
        return dicom_warn(file, "dicom_image_invalid", (size_t)fault.offset, err);
    if (!image.is_encapsulated)
        return check_native(file, &image, err);
    /* Pixels that were not to be read say nothing. */
    bool is_read = file->pixels.fragment_count > 0 || file->pixels.is_cut;
    return !is_read || check_coded(file, &image, err);
}

bool dicom_frame_extent(const struct dicom_file *file, const struct dicom_image *image,
                        uint32_t frame, struct span *bytes, struct err *err)
{
    const struct dicom_pixels *pixels = &file->pixels;
    struct range range = {0};
    *bytes = (struct span){0};
    if (image->is_encapsulated) {
        if (!find_range(file, image, frame, &range))
            return missing(frame, err);
        const struct dicom_fragment *last = &pixels->fragments[range.to - 1];
        size_t from = pixels->fragments[range.from].offset;
        *bytes = span_part(file->bytes, from, last->offset + last->len - from);
        return true;
    }
    uint64_t first = image->frame_bits * frame;
    if (frame >= image->frame_count || first / 8 >= pixels->value.len)
        return missing(frame, err);
    /* whole words */
    uint64_t from = first / 8 & ~UINT64_C(1);
    uint64_t end = ((first + image->frame_bits + 7) / 8 + 1) & ~UINT64_C(1);
    *bytes = span_part(pixels->value, (size_t)from, (size_t)(end - from));
    return true;
}
