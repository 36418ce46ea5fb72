// SPDX-License-Identifier: Apache-2.0
#include "gateway/frames/frames_part.h"

#include "base/path.h"
#include "base/sparse.h"

enum {
    HEAD_BYTES = 64 * 1024,
    HEAD_BYTES_MAX = 16 << 20, /* nobody's header is larger */
    ITEM_BYTES = 16,           /* head of a fragment, and how it begins */
    ITEM_HEAD_BYTES = 8,
    LOOKED_BYTES_MAX = 1 << 20,
    ARENA_BYTES_MAX = 1 << 30
};
static const uint32_t item_tag = 0xFFFEE000, undefined = UINT32_MAX;

struct part {
    struct sparse *sparse;
    struct span bytes; /* of the whole file; what was not kept is zeros */
    struct arena arena;
    struct dicom_file *file;
};

bool frames_is_whole(const struct frames_source *source)
{
    return !source->open || source->size_bytes <= FRAMES_WHOLE_BYTES_MAX;
}

static bool keep(struct part *part, size_t from, size_t len, struct err *err)
{
    struct span wanted = span_part(part->bytes, from, len);
    return sparse_keep(part->sparse, wanted.at, wanted.len) ||
           sparse_check(part->sparse, err);
}

/* As far as the pixels' own head. */
static bool read_header(struct part *part, struct err *err)
{
    struct dicom_options options = {.stop_before_pixels = true,
                                    .file_bytes = part->bytes.len};
    for (size_t len = HEAD_BYTES;;) {
        struct span head = span_part(part->bytes, 0, len);
        arena_reset(&part->arena);
        if (!keep(part, 0, head.len, err) ||
            !dicom_read(head, &options, &part->arena, &part->file, err))
            return false;
        uint64_t needed = part->file->needs_bytes;
        if (needed == 0)
            return true;
        if (len >= HEAD_BYTES_MAX)
            return err_set(err, ERR_LIMIT, "file_too_large",
                           "a header of more than 16 MB");
        size_t next = needed > 4 * len ? (size_t)needed : 4 * len;
        len = next < HEAD_BYTES_MAX ? next : HEAD_BYTES_MAX;
    }
}

static uint32_t read_16(struct span bytes, size_t at)
{
    return (uint32_t)(bytes.at[at] | bytes.at[at + 1] << 8);
}

/* From one fragment's head to the next one's (PS3.5 A.4), which is little endian. */
static bool keep_items(struct part *part, size_t *end, struct err *err)
{
    size_t at = part->file->pixels.offset;
    size_t len = part->bytes.len;
    while (at < len && len - at >= ITEM_HEAD_BYTES) {
        if (!keep(part, at, ITEM_BYTES, err))
            return false;
        uint32_t tag = read_16(part->bytes, at) << 16 | read_16(part->bytes, at + 2);
        uint32_t item = read_16(part->bytes, at + 6) << 16 | read_16(part->bytes, at + 4);
        bool is_fragment = tag == item_tag && item != undefined;
        at += ITEM_HEAD_BYTES;
        if (!is_fragment || item > len - at)
            break; /* the end, or a cut: the reader says so */
        bool is_table = at - ITEM_HEAD_BYTES == part->file->pixels.offset;
        if (is_table && !keep(part, at, item, err))
            return false;
        at += item;
    }
    *end = at < len ? at : len;
    return true;
}

/* Once more, with its pixels: what lies behind them is left out. */
static bool read_pixels(struct part *part, struct err *err)
{
    const struct dicom_pixels *pixels = &part->file->pixels;
    size_t end = part->bytes.len;
    bool has_length = pixels->length < UINT32_MAX;
    if (!pixels->is_there)
        return err_set(err, ERR_MISSING, "dicom_no_pixels", "no pixel data");
    if (!has_length && !keep_items(part, &end, err))
        return false;
    if (has_length && pixels->length < end - pixels->offset)
        end = pixels->offset + (size_t)pixels->length;
    arena_reset(&part->arena);
    return dicom_read(span_part(part->bytes, 0, end), NULL, &part->arena, &part->file,
                      err);
}

static bool keep_frame(struct part *part, uint32_t frame, struct err *err)
{
    struct dicom_image image;
    struct span bytes = {0};
    return dicom_image_read(part->file, &image, err) &&
           dicom_frame_extent(part->file, &image, frame, &bytes, err) &&
           keep(part, (size_t)(bytes.at - part->bytes.at), bytes.len, err);
}

static bool prepare(struct part *part, uint32_t frame, const struct picture_wish *wish,
                    struct buf *request, size_t *frame_bytes, struct err *err)
{
    struct picture_job job;
    if (!read_header(part, err))
        return false;
    if (part->file->is_deflated)
        return true;
    if (!read_pixels(part, err) || !keep_frame(part, frame, err) ||
        !picture_prepare(part->file, frame, wish, &part->arena, &job, err) ||
        !codec_check_shape(&job.shape, err))
        return false;
    *frame_bytes = codec_frame_bytes(&job.shape);
    return sparse_check(part->sparse, err) && picture_write_job(&job, request, err);
}

static void free_part(struct part *part)
{
    arena_free(&part->arena);
    sparse_close(&part->sparse);
}

bool frames_prepare_part(const struct frames_source *source, uint32_t frame,
                         const struct picture_wish *wish, struct buf *request,
                         size_t *frame_bytes, struct err *err)
{
    static const struct sparse_limits limits = {.file_bytes_max = (uint64_t)64 << 30,
                                                .kept_bytes_max = 512 << 20,
                                                .looked_bytes_max = LOOKED_BYTES_MAX};
    CLEANUP(path_close) int fd = source->open(source->self, err);
    CLEANUP(free_part) struct part part = {.arena = arena_init(ARENA_BYTES_MAX)};
    *frame_bytes = 0;
    part.sparse = fd >= 0 ? sparse_open(fd, &limits, err) : NULL;
    if (!part.sparse)
        return false;
    part.bytes = sparse_bytes(part.sparse);
    return prepare(&part, frame, wish, request, frame_bytes, err);
}
