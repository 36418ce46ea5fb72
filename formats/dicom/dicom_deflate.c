// SPDX-License-Identifier: Apache-2.0
/* Deflated data sets (PS3.5 A.5). A little may become much: what comes out has a limit of
 * its own, and beyond what any header or small picture has, one by what went in. */
#include <zlib.h>

#include "formats/dicom/dicom_parts.h"

enum { FIRST_BYTES = 65536, FREE_BYTES = 64 << 20, RATIO_MAX = 100 };

static void end_inflate(z_stream *stream)
{
    (void)inflateEnd(stream);
}

/* All that is there is full. */
static bool make_room(uint8_t **out, size_t max_bytes, size_t *room, struct arena *arena,
                      struct err *err)
{
    size_t len = *room;
    size_t wanted = len ? len * 2 : FIRST_BYTES;
    wanted = wanted < max_bytes ? wanted : max_bytes;
    *out = arena_grow(arena, *out, len, wanted, 1, room, err);
    *room = *room < max_bytes ? *room : max_bytes;
    return *out != NULL;
}

/* Up to max_bytes; a broken stream gives what came before. */
static bool inflate_up_to(z_stream *stream, size_t max_bytes, struct arena *arena,
                          struct span *inflated, enum dicom_inflated *how,
                          struct err *err)
{
    uint8_t *out = NULL;
    size_t room = 0;
    size_t len = 0;
    int answer = Z_OK;
    *how = DICOM_INFLATED_HUNGRY;
    while (answer == Z_OK) {
        if (len == room && len >= max_bytes) {
            *how = DICOM_INFLATED_PART;
            break;
        }
        if (len == room && !make_room(&out, max_bytes, &room, arena, err))
            return false;
        size_t step = room - len < INT32_MAX ? room - len : INT32_MAX;
        stream->next_out = out + len;
        stream->avail_out = (uInt)step;
        answer = inflate(stream, Z_NO_FLUSH);
        len += step - stream->avail_out;
        if (answer == Z_BUF_ERROR ||
            (answer == Z_OK && stream->avail_in == 0 && stream->avail_out > 0))
            break;
    }
    if (answer == Z_STREAM_END)
        *how = DICOM_INFLATED_ALL;
    else if (answer != Z_OK && answer != Z_BUF_ERROR)
        *how = DICOM_INFLATED_BROKEN;
    *inflated = span_of(out, len);
    return true;
}

/* One try: raw, or with zlib's header around it. */
static bool inflate_as(int window, struct span deflated, size_t max_bytes,
                       struct arena *arena, struct span *inflated,
                       enum dicom_inflated *how, struct err *err)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)deflated.at,
                       .avail_in = (uInt)deflated.len};
    if (inflateInit2(&stream, window) != Z_OK)
        return err_set(err, ERR_BUSY, "memory_short", "no memory to inflate");
    bool is_done = inflate_up_to(&stream, max_bytes, arena, inflated, how, err);
    end_inflate(&stream);
    return is_done;
}

bool dicom_inflate_some(struct span deflated, size_t max_bytes, bool is_prefix,
                        struct dicom_file *file, struct span *inflated,
                        enum dicom_inflated *how, struct err *err)
{
    bool has_header = deflated.len >= 2 && deflated.at[0] == 0x78 &&
                      (deflated.at[0] << 8 | deflated.at[1]) % 31 == 0;
    if (deflated.len > UINT32_MAX)
        return err_at(err, ERR_LIMIT, "dicom_inflated_too_large", 0, "PS3.5 A.5");
    if (!inflate_as(-MAX_WBITS, deflated, max_bytes, file->arena, inflated, how, err))
        return false;
    if (*how != DICOM_INFLATED_ALL && has_header && inflated->len == 0 &&
        (!inflate_as(MAX_WBITS, deflated, max_bytes, file->arena, inflated, how, err) ||
         !dicom_warn(file, "dicom_deflate_header", 0, err)))
        return false;
    bool is_hungry = *how == DICOM_INFLATED_HUNGRY && is_prefix;
    return inflated->len > 0 || deflated.len == 0 || is_hungry ||
           err_at(err, ERR_SYNTAX, "dicom_deflate_broken", 0, "PS3.5 A.5");
}

bool dicom_warn_deflate_cut(struct dicom_file *file, size_t offset, struct err *err)
{
    file->is_truncated = true;
    return dicom_warn(file, "dicom_deflate_cut", offset, err);
}

bool dicom_inflate(struct span deflated, size_t max_bytes, struct dicom_file *file,
                   size_t offset, struct span *inflated, struct err *err)
{
    enum dicom_inflated how = DICOM_INFLATED_ALL;
    size_t by_ratio = deflated.len < max_bytes ? RATIO_MAX * deflated.len : max_bytes;
    size_t budget = by_ratio > FREE_BYTES ? by_ratio : FREE_BYTES;
    budget = budget < max_bytes ? budget : max_bytes;
    if (!dicom_inflate_some(deflated, budget, false, file, inflated, &how, err))
        return false;
    if (how == DICOM_INFLATED_PART)
        return err_at(err, ERR_LIMIT, "dicom_inflated_too_large", offset, "PS3.5 A.5");
    return how == DICOM_INFLATED_ALL ||
           dicom_warn_deflate_cut(file, offset + deflated.len, err);
}
