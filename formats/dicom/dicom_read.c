// SPDX-License-Identifier: Apache-2.0
/* Elements, sequences and items (PS3.5 chapter 7), fragments (annex A.4). */
#include "formats/dicom/dicom_parts.h"

enum {
    ROOT_ROOM = 64,
    ITEM_ROOM = 4,
    CHECKED_NUMBER_BYTES = 256,
    CHECKED_TEXT_BYTES = 65536,
    FRAGMENTS_ROOM = 16,
    HEADER_BYTES = 12,
    AHEAD_BYTES = 64, /* an element's header and what it is judged by */
    MORE_BYTES = 65536,
    WAVEFORM_DATA = 0x54001010,
};

struct head {
    uint32_t tag;
    uint32_t length;
    uint16_t vr;
    size_t bytes;          /* of the header */
    const char *deviation; /* a warning's code, or NULL */
};

struct dicom_set *dicom_new_set(struct dicom_reader *reader, bool is_big_endian,
                                bool is_explicit, struct err *err)
{
    struct dicom_set *set = ARENA_NEW(reader->arena, struct dicom_set, err);
    if (!set)
        return NULL;
    set->is_sorted = true;
    set->is_big_endian = is_big_endian;
    set->is_explicit = is_explicit;
    set->file = reader->file;
    return set;
}

static uint32_t tag_at(struct span bytes, size_t at, bool is_big_endian)
{
    return (uint32_t)dicom_u16(bytes, at, is_big_endian) << 16 |
           dicom_u16(bytes, at + 2, is_big_endian);
}

static bool is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* ------------------------------------------------------------------ headers */

/* True when what stands at `at` can follow an element with this tag. */
static bool can_follow(struct span bytes, size_t at, size_t end, uint32_t tag,
                       bool is_big_endian)
{
    if (at == end)
        return true;
    if (at > end || end - at < 8)
        return false;
    uint32_t next = tag_at(bytes, at, is_big_endian);
    if (next >> 16 == ITEM >> 16)
        return true;
    return next > tag && dicom_vr_is_known(DICOM_VR(bytes.at[at + 4], bytes.at[at + 5]));
}

/* A header of `header` bytes with this length, and an element that can follow. */
static bool fits(struct span bytes, size_t at, size_t end, const struct head *head,
                 bool is_big_endian)
{
    if (end - at < head->bytes || head->length > end - at - head->bytes)
        return false;
    return can_follow(bytes, at + head->bytes + head->length, end, head->tag,
                      is_big_endian);
}

/* Explicit, but the letters are none of the standard's: the first form of header that
 * makes the next element look right; when none does, the one that is least odd. */
static void guess_head(struct span bytes, size_t at, size_t end, bool is_big_endian,
                       struct head *head)
{
    bool has_letters = is_upper(bytes.at[at + 4]) && is_upper(bytes.at[at + 5]);
    bool has_reserved = dicom_u16(bytes, at + 6, is_big_endian) == 0;
    bool has_room = end - at >= HEADER_BYTES;
    struct head as_long = {.tag = head->tag, .vr = VR_UN, .bytes = HEADER_BYTES};
    struct head as_short = {.tag = head->tag, .vr = VR_UN, .bytes = 8};
    struct head as_implicit = as_short;
    struct head as_bare = {.tag = head->tag, .vr = VR_UN, .bytes = 6};
    as_long.length = has_room ? dicom_u32(bytes, at + 8, is_big_endian) : 0;
    as_short.length = dicom_u16(bytes, at + 6, is_big_endian);
    as_implicit.length = dicom_u32(bytes, at + 4, is_big_endian);
    bool is_long = has_room && has_reserved;
    if (is_long && ((has_letters && as_long.length == UNDEFINED) ||
                    fits(bytes, at, end, &as_long, is_big_endian)))
        *head = as_long;
    else if (fits(bytes, at, end, &as_short, is_big_endian))
        *head = as_short;
    else if (fits(bytes, at, end, &as_bare, is_big_endian))
        *head = as_bare; /* not even a length */
    else if (!has_letters)
        *head = as_implicit;
    else
        *head = is_long ? as_long : as_short;
    head->deviation = "dicom_vr_invalid";
}

/* False when the header itself is cut. */
static bool read_head(const struct dicom_set *set, struct span bytes, size_t at,
                      size_t end, struct head *head)
{
    *head = (struct head){0};
    if (end - at < 8)
        return false;
    bool is_big = set->is_big_endian;
    head->tag = tag_at(bytes, at, is_big);
    head->bytes = 8;
    if (!set->is_explicit || head->tag >> 16 == ITEM >> 16) {
        head->length = dicom_u32(bytes, at + 4, is_big);
        head->vr = dicom_vr_of(head->tag, set);
        return true;
    }
    head->vr = DICOM_VR(bytes.at[at + 4], bytes.at[at + 5]);
    if (!dicom_vr_is_known(head->vr)) {
        guess_head(bytes, at, end, is_big, head);
        return true;
    }
    head->length = dicom_u16(bytes, at + 6, is_big);
    if (!dicom_vr_is_long(head->vr))
        return true;
    if (end - at < HEADER_BYTES)
        return false;
    head->bytes = HEADER_BYTES;
    head->length = dicom_u32(bytes, at + 8, is_big);
    return true;
}

/* Letters of a VR, or, where there are none, a tag that is known or private. */
static bool begins_right(struct span bytes, size_t at, uint32_t tag, bool is_explicit)
{
    if (is_explicit)
        return dicom_vr_is_known(DICOM_VR(bytes.at[at + 4], bytes.at[at + 5]));
    return dicom_vr_of(tag, NULL) != VR_UN || (tag >> 16) % 2 == 1;
}

unsigned dicom_plausible(struct span bytes, size_t at, bool is_big_endian,
                         bool is_explicit, uint32_t last_first_group)
{
    struct dicom_set set = {.is_big_endian = is_big_endian, .is_explicit = is_explicit};
    uint32_t last = 0;
    unsigned count = 0;
    while (count < 4 && at < bytes.len && bytes.len - at >= 8) {
        uint32_t tag = tag_at(bytes, at, is_big_endian);
        bool is_next =
            count == 0 ? tag >> 16 > 0 && tag >> 16 <= last_first_group : tag > last;
        if (!is_next || !begins_right(bytes, at, tag, is_explicit))
            return count;
        struct head head;
        if (!read_head(&set, bytes, at, bytes.len, &head))
            return count;
        size_t rest = bytes.len - at - head.bytes;
        bool is_whole = head.length <= rest;
        /* In a file that is cut, or of which only the beginning is here, the last one
         * may run on; the length of a made-up one is mostly absurd. */
        if (!is_whole && head.length != UNDEFINED && head.length > rest + (64U << 20))
            return count;
        count++;
        last = tag;
        if (!is_whole)
            return count;
        at += head.bytes + head.length;
    }
    return count;
}

/* ------------------------------------------------------------------ ends */

/* The input ends at `at`, where `needed` bytes should follow. */
static bool stop_at_cut(struct dicom_reader *reader, size_t at, uint64_t needed,
                        struct err *err)
{
    reader->has_stopped = true;
    uint64_t wanted = 0;
    /* What is broken here is not mended by more bytes. */
    bool is_broken = at < reader->bytes.len && needed <= reader->bytes.len - at;
    bool is_prefix = !is_broken && reader->file_bytes > reader->bytes.len;
    if (is_prefix && !__builtin_add_overflow((uint64_t)at, needed, &wanted) &&
        wanted <= reader->file_bytes) {
        reader->file->needs_bytes = wanted;
        return true;
    }
    if (is_prefix && needed <= HEADER_BYTES) {
        reader->file->needs_bytes = reader->file_bytes;
        return true;
    }
    if (reader->file->is_truncated)
        return true;
    reader->file->is_truncated = true;
    return dicom_warn(reader->file, "dicom_truncated", reader->bytes.len, err);
}

bool dicom_need(struct dicom_reader *reader, size_t at, size_t len, struct err *err)
{
    const struct dicom_loader *loader = reader->loader;
    size_t rest = at < reader->bytes.len ? reader->bytes.len - at : 0;
    if (!loader || rest == 0 || len == 0 ||
        loader->load(loader->self, reader->bytes.at + at, len < rest ? len : rest))
        return true;
    return err_set(err, ERR_BUSY, "dicom_not_there", "a part cannot be read");
}

/* Looks at each byte once, however often it is asked. */
static bool is_all_zero(struct dicom_reader *reader, size_t from, size_t end)
{
    struct err ignored = {0};
    if (!dicom_need(reader, from, end - from, &ignored))
        return false;
    if (reader->nonzero_at > from && reader->nonzero_at < end)
        return false;
    while (from < end && reader->bytes.at[from] == 0)
        from++;
    reader->nonzero_at = from;
    return from == end;
}

/* ------------------------------------------------------------------ values */

static bool count_element(struct dicom_reader *reader, size_t at, struct err *err)
{
    if (++reader->element_count > reader->elements_max)
        return err_at(err, ERR_LIMIT, "dicom_too_many_elements", at, "PS3.5 7.1");
    return true;
}

static struct dicom_element *add_element(struct dicom_reader *reader,
                                         struct dicom_set *set, const struct head *head,
                                         size_t at, struct err *err)
{
    if (!count_element(reader, at, err))
        return NULL;
    if (set->count == set->room) {
        size_t first = set->parent ? ITEM_ROOM : ROOT_ROOM;
        size_t needed = set->count ? set->count + 1 : first;
        set->elements = arena_grow(reader->arena, set->elements, set->count, needed,
                                   sizeof *set->elements, &set->room, err);
        if (!set->elements)
            return NULL;
    }
    if (set->count > 0 && set->elements[set->count - 1].tag >= head->tag) {
        set->is_sorted = false;
        if (!dicom_warn(reader->file, "dicom_order", at, err))
            return NULL;
    }
    if (head->tag == DICOM_CHARACTER_SET && set->charset_place == 0)
        set->charset_place = set->count + 1;
    if (head->tag == DICOM_PIXEL_REPRESENTATION && set->sign_place == 0)
        set->sign_place = set->count + 1;
    struct dicom_element *element = &set->elements[set->count++];
    *element = (struct dicom_element){.tag = head->tag,
                                      .vr = head->vr,
                                      .length = head->length,
                                      .is_undefined_length = head->length == UNDEFINED,
                                      .offset = at};
    return element;
}

static bool check_numbers(struct dicom_reader *reader,
                          const struct dicom_element *element, struct err *err)
{
    if (element->value.len > CHECKED_NUMBER_BYTES)
        return true;
    struct span part = {0};
    for (size_t i = 0; dicom_part(element->value, i, &part); i++)
        if (part.len > 0 && !dicom_parse_number(part, NULL))
            return dicom_warn(reader->file, "dicom_value_invalid", element->offset, err);
    return true;
}

static bool has_replacements(struct text text)
{
    return text.len > 0 && memmem(text.at, text.len, "\xEF\xBF\xBD", 3) != NULL;
}

/* Escape sequences where no value of (0008,0005) allows for any. */
static bool has_stray_escape(const struct dicom_set *set, struct span value)
{
    const struct dicom_element *declared = dicom_charset_element(set);
    if (!memchr(value.at, 0x1B, value.len))
        return false;
    return declared->value.len == 0 ||
           !memmem(declared->value.at, declared->value.len, "2022", 4);
}

/* Decodes it once, to tell of characters that are none. */
static bool check_characters(struct dicom_reader *reader, const struct dicom_set *set,
                             const struct dicom_element *element, struct err *err)
{
    CLEANUP(arena_free)
    struct arena arena = arena_init_small((size_t)8 * CHECKED_TEXT_BYTES);
    size_t at = 0;
    while (at < element->value.len) {
        struct text text = {0};
        struct err full = {0};
        if (!dicom_decode(set, element, &at, &arena, &text, &full))
            return true;
        if (has_replacements(text))
            return dicom_warn(reader->file, "dicom_characters_bad", element->offset, err);
    }
    return true;
}

static bool check_text(struct dicom_reader *reader, const struct dicom_set *set,
                       const struct dicom_element *element, struct err *err)
{
    /* NUL pads; only what is left tells of characters. */
    struct span value = dicom_trim(element->value, true);
    if (charset_is_plain(value))
        return true;
    if (dicom_charset_element(set)) {
        if (has_stray_escape(set, value) &&
            !dicom_warn(reader->file, "dicom_charset_escape", element->offset, err))
            return false;
        return value.len > CHECKED_TEXT_BYTES ||
               check_characters(reader, set, element, err);
    }
    if (reader->undeclared->len == 0)
        reader->undeclared_offset = element->offset;
    if (value.len < reader->undeclared->max_bytes - reader->undeclared->len)
        buf_span(reader->undeclared, value);
    return true;
}

static bool check_value(struct dicom_reader *reader, const struct dicom_set *set,
                        const struct dicom_element *element, struct err *err)
{
    size_t size = dicom_vr_size(element->vr);
    if (element->is_cut)
        return true;
    if (element->value.len % 2 == 1 &&
        !dicom_warn(reader->file, "dicom_length_odd", element->offset, err))
        return false;
    if (size > 0 && element->value.len % size != 0)
        return dicom_warn(reader->file, "dicom_value_length", element->offset, err);
    if (element->vr == VR_IS || element->vr == VR_DS)
        return check_numbers(reader, element, err);
    if (element->tag == DICOM_CHARACTER_SET)
        return dicom_check_charset(reader->file, element, err);
    if (dicom_vr_is_text(element->vr))
        return check_text(reader, set, element, err);
    return true;
}

/* ------------------------------------------------------------------ sequences */

/* A sequence's or an item's own encoding and end. */
struct frame {
    size_t end;
    bool is_undefined;
    bool is_big_endian;
    bool is_explicit;
    unsigned depth;
};

static bool read_set(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                     const struct frame *frame, struct err *err);

static bool add_item(struct dicom_reader *reader, struct dicom_set *parent,
                     struct dicom_set ***place, struct err *err)
{
    struct dicom_set *item = dicom_new_set(reader, false, false, err);
    if (!item)
        return false;
    item->parent = parent;
    **place = item;
    return true;
}

/* One item, whose tag was seen at `*at`. */
static bool read_item(struct dicom_reader *reader, struct dicom_set *item, size_t *at,
                      const struct frame *frame, struct err *err)
{
    uint32_t length = dicom_u32(reader->bytes, *at + 4, frame->is_big_endian);
    size_t start = *at + 8;
    struct frame inner = *frame;
    bool is_cut = false;
    inner.is_undefined = length == UNDEFINED;
    item->is_big_endian = frame->is_big_endian;
    item->is_explicit = frame->is_explicit;
    item->offset = start;
    *at = start;
    if (!inner.is_undefined && length > frame->end - start) {
        if (frame->end == reader->bytes.len && reader->file_bytes > reader->bytes.len)
            return stop_at_cut(reader, start, length, err);
        is_cut = frame->end == reader->bytes.len;
        if (!is_cut && !dicom_warn(reader->file, "dicom_length_beyond", start - 8, err))
            return false;
        length = (uint32_t)(frame->end - start);
    }
    if (!inner.is_undefined)
        inner.end = start + length;
    if (!read_set(reader, item, at, &inner, err))
        return false;
    if (!inner.is_undefined && !reader->has_stopped)
        *at = inner.end;
    return !is_cut || stop_at_cut(reader, frame->end, HEADER_BYTES, err);
}

/* What ends a sequence besides its length. */
enum step { STEP_ITEM, STEP_END, STEP_SKIP, STEP_FAIL };

static enum step next_step(struct dicom_reader *reader, size_t *at,
                           const struct frame *frame, struct err *err)
{
    uint32_t tag = tag_at(reader->bytes, *at, frame->is_big_endian);
    const char *code = "dicom_item_missing";
    enum step step = STEP_END;
    if (tag == ITEM)
        return STEP_ITEM;
    if (tag == SEQUENCE_END) {
        *at += 8;
        return STEP_END;
    }
    if (tag == ITEM_END) {
        *at += 8;
        code = "dicom_delimiter_stray";
        step = STEP_SKIP;
    } else if (frame->is_undefined) {
        code = "dicom_delimiter_missing";
    }
    return dicom_warn(reader->file, code, *at, err) ? step : STEP_FAIL;
}

/* The element may move while items are read: sets grow. */
static bool read_items(struct dicom_reader *reader, struct dicom_set *set, size_t index,
                       size_t *at, const struct frame *frame, struct err *err)
{
    if (frame->depth > DEPTH_MAX)
        return err_at(err, ERR_LIMIT, "dicom_too_deep", *at, "PS3.5 7.5");
    struct dicom_set **place = &set->elements[index].items;
    while (!reader->has_stopped) {
        if (*at >= frame->end || frame->end - *at < 8) {
            if (*at == frame->end && !frame->is_undefined)
                return true;
            if (frame->end == reader->bytes.len)
                return stop_at_cut(reader, *at, 8, err);
            *at = frame->end;
            return dicom_warn(reader->file, "dicom_delimiter_missing", *at, err);
        }
        if (!dicom_need(reader, *at, HEADER_BYTES, err))
            return false;
        enum step step = next_step(reader, at, frame, err);
        if (step == STEP_SKIP)
            continue;
        if (step != STEP_ITEM)
            return step == STEP_END;
        if (!count_element(reader, *at, err) || !add_item(reader, set, &place, err))
            return false;
        struct dicom_set *item = *place;
        place = &item->next;
        set->elements[index].item_count++;
        if (!read_item(reader, item, at, frame, err))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ pixels */

static bool is_pixels(const struct dicom_set *set, uint32_t tag)
{
    return !set->parent && (tag == DICOM_PIXELS || tag == DICOM_FLOAT_PIXELS ||
                            tag == DICOM_DOUBLE_PIXELS);
}

static bool add_fragment(struct dicom_reader *reader, struct dicom_pixels *pixels,
                         const struct dicom_fragment *fragment, size_t *room,
                         struct err *err)
{
    size_t needed = pixels->fragment_count ? pixels->fragment_count + 1 : FRAGMENTS_ROOM;
    if (pixels->fragment_count == *room) {
        pixels->fragments =
            arena_grow(reader->arena, pixels->fragments, pixels->fragment_count, needed,
                       sizeof *pixels->fragments, room, err);
        if (!pixels->fragments)
            return false;
    }
    pixels->fragments[pixels->fragment_count++] = *fragment;
    return true;
}

/* The pieces are little endian, as encapsulated syntaxes are (PS3.5 A.4). */
bool dicom_read_fragments(struct dicom_reader *reader, size_t *at, size_t end,
                          struct dicom_pixels *pixels, struct err *err)
{
    size_t room = 0;
    size_t first = 0;
    bool has_table = false;
    while (true) {
        if (*at >= end || end - *at < 8) {
            if (end < reader->bytes.len || pixels->length != UINT64_MAX)
                return true;
            return stop_at_cut(reader, *at, 8, err);
        }
        if (!dicom_need(reader, *at, 8, err))
            return false;
        uint32_t tag = tag_at(reader->bytes, *at, false);
        uint32_t length = dicom_u32(reader->bytes, *at + 4, false);
        size_t start = *at + 8;
        if (tag == SEQUENCE_END) {
            *at = start;
            return true;
        }
        if (tag != ITEM) {
            reader->has_stopped = true;
            return dicom_warn(reader->file, "dicom_fragments_broken", *at, err);
        }
        size_t len = length <= end - start ? length : end - start;
        if (has_table) {
            struct dicom_fragment fragment = {start, len, *at - first};
            if (!add_fragment(reader, pixels, &fragment, &room, err))
                return false;
        } else {
            pixels->offset_table = span_part(reader->bytes, start, len);
            first = start + len;
        }
        has_table = true;
        *at = start + len;
        if (len < length) {
            pixels->is_cut = true;
            return stop_at_cut(reader, start, length, err);
        }
    }
}

static bool read_native(struct dicom_reader *reader, struct dicom_element *element,
                        size_t *at, size_t end, struct err *err)
{
    struct dicom_pixels *pixels = &reader->file->pixels;
    size_t left = end - *at;
    pixels->is_cut = element->length > left;
    pixels->value =
        span_part(reader->bytes, *at, pixels->is_cut ? left : (size_t)element->length);
    element->value = pixels->value;
    element->is_cut = pixels->is_cut;
    *at += pixels->value.len;
    if (pixels->is_cut)
        return stop_at_cut(reader, pixels->offset, element->length, err);
    return true;
}

/* The first of them; others are kept as elements only. */
static bool read_pixels(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                        size_t end, struct err *err)
{
    struct dicom_file *file = reader->file;
    struct dicom_element *element = &set->elements[set->count - 1];
    bool is_coded = dicom_syntax_coding(file->syntax) != DICOM_CODED_NATIVE;
    bool has_items =
        element->is_undefined_length ||
        (is_coded && end - *at >= 8 && tag_at(reader->bytes, *at, false) == ITEM);
    uint64_t length = element->is_undefined_length ? UINT64_MAX : element->length;
    file->pixels = (struct dicom_pixels){.is_there = true,
                                         .tag = element->tag,
                                         .vr = element->vr,
                                         .offset = *at,
                                         .length = length,
                                         .is_encapsulated = has_items || is_coded};
    if (reader->stops_before_pixels) {
        reader->has_stopped = true;
        return true;
    }
    if (has_items) {
        size_t rest = end - *at;
        if (!element->is_undefined_length && element->length < rest)
            end = *at + (size_t)element->length;
        return dicom_read_fragments(reader, at, end, &file->pixels, err);
    }
    if (!read_native(reader, element, at, end, err) || !is_coded)
        return !is_coded && err->kind == ERR_NONE;
    /* One piece, whatever was meant. */
    struct dicom_fragment fragment = {file->pixels.offset, element->value.len, 0};
    size_t room = 0;
    return dicom_warn(file, "dicom_pixels_native", element->offset, err) &&
           add_fragment(reader, &file->pixels, &fragment, &room, err);
}

/* Pixels of an icon inside a sequence: walked over, not kept. */
static bool skip_fragments(struct dicom_reader *reader, size_t *at, size_t end,
                           struct err *err)
{
    while (!reader->has_stopped) {
        if (end - *at < 8)
            return stop_at_cut(reader, *at, 8, err);
        if (!dicom_need(reader, *at, 8, err))
            return false;
        uint32_t tag = tag_at(reader->bytes, *at, false);
        uint32_t length = dicom_u32(reader->bytes, *at + 4, false);
        *at += 8;
        if (tag != ITEM)
            return tag == SEQUENCE_END ||
                   dicom_warn(reader->file, "dicom_fragments_broken", *at - 8, err);
        if (length > end - *at)
            return stop_at_cut(reader, *at, length, err);
        *at += length;
    }
    return true;
}

/* ------------------------------------------------------------------ elements */

static bool read_undefined(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                           const struct frame *frame, struct err *err)
{
    size_t index = set->count - 1;
    struct dicom_element *element = &set->elements[index];
    struct frame inner = *frame;
    inner.is_undefined = true;
    inner.depth++;
    bool has_items = false;
    if (frame->end - *at >= 4) {
        uint32_t little = tag_at(reader->bytes, *at, false);
        uint32_t own = tag_at(reader->bytes, *at, set->is_big_endian);
        has_items = little == ITEM || little == SEQUENCE_END || own == ITEM ||
                    own == SEQUENCE_END;
    }
    if (element->vr == VR_OB || element->vr == VR_OW)
        return skip_fragments(reader, at, frame->end, err);
    if (element->vr == VR_UN && set->is_explicit) {
        inner.is_explicit = false;
        inner.is_big_endian = false;
        if (!dicom_warn(reader->file, "dicom_un_sequence", element->offset, err))
            return false;
    } else if (element->vr != VR_SQ && element->vr != VR_UN) {
        if (!dicom_warn(reader->file, "dicom_length_undefined", element->offset, err))
            return false;
    }
    if (!has_items && element->vr != VR_SQ)
        return stop_at_cut(reader, *at, HEADER_BYTES, err);
    return read_items(reader, set, index, at, &inner, err);
}

/* A sequence of known length; in an UN of the dictionary's sequences items are implicit
 * little endian (PS3.5 6.2.2). */
static bool read_sequence(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                          const struct frame *frame, struct err *err)
{
    size_t index = set->count - 1;
    struct dicom_element *element = &set->elements[index];
    struct frame inner = *frame;
    inner.end = *at + element->value.len;
    inner.is_undefined = false;
    inner.depth++;
    if (element->vr == VR_UN) {
        inner.is_explicit = false;
        inner.is_big_endian = false;
    }
    if (!read_items(reader, set, index, at, &inner, err))
        return false;
    if (!reader->has_stopped)
        *at = inner.end;
    return true;
}

static bool is_sequence(const struct dicom_set *set, const struct dicom_element *element)
{
    if (element->vr == VR_SQ)
        return element->value.len > 0;
    return element->vr == VR_UN && set->is_explicit && element->value.len >= 8 &&
           dicom_vr_of(element->tag, NULL) == VR_SQ &&
           tag_at(element->value, 0, false) == ITEM;
}

/* A value of known length, as far as it is there. */
static bool read_known(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                       const struct frame *frame, struct err *err)
{
    struct dicom_element *element = &set->elements[set->count - 1];
    size_t start = *at;
    uint64_t length = element->length;
    size_t left = frame->end - start;
    bool is_at_end = frame->end == reader->bytes.len;
    element->is_cut = length > left;
    element->value = span_part(reader->bytes, start, element->is_cut ? left : length);
    bool is_cut = element->is_cut && is_at_end;
    if (is_cut && reader->file_bytes > reader->bytes.len)
        return stop_at_cut(reader, start, length, err);
    if (element->is_cut && !is_at_end &&
        !dicom_warn(reader->file, "dicom_length_beyond", element->offset, err))
        return false;
    if (is_sequence(set, element)) {
        if (!read_sequence(reader, set, at, frame, err))
            return false;
    } else {
        *at += element->value.len;
        if (element->tag != WAVEFORM_DATA &&
            !dicom_need(reader, start, element->value.len, err))
            return false;
        if (!check_value(reader, set, element, err))
            return false;
    }
    return !is_cut || stop_at_cut(reader, start, length, err);
}

static bool read_element(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                         const struct frame *frame, const struct head *head,
                         struct err *err)
{
    if (head->deviation && !dicom_warn(reader->file, head->deviation, *at, err))
        return false;
    struct dicom_element *element = add_element(reader, set, head, *at, err);
    if (!element)
        return false;
    *at += head->bytes;
    if (is_pixels(set, element->tag) && !reader->file->pixels.is_there)
        return read_pixels(reader, set, at, frame->end, err);
    if (element->is_undefined_length)
        return read_undefined(reader, set, at, frame, err);
    return read_known(reader, set, at, frame, err);
}

/* A delimiter between elements; `*is_end` when the set ends here. */
static bool take_delimiter(struct dicom_reader *reader, size_t *at,
                           const struct frame *frame, uint32_t tag, bool *is_end,
                           struct err *err)
{
    bool is_inside = frame->depth > 0 && frame->is_undefined;
    *is_end = true;
    if (tag == ITEM_END && is_inside) {
        *at += 8;
        return true;
    }
    /* What belongs to the sequence around: its item was not ended. */
    if (is_inside && (tag == SEQUENCE_END || tag == ITEM))
        return dicom_warn(reader->file, "dicom_delimiter_missing", *at, err);
    *is_end = false;
    *at += 8;
    return dicom_warn(reader->file, "dicom_delimiter_stray", *at - 8, err);
}

/* No element can stand here: padding, or a cut. */
static bool end_early(struct dicom_reader *reader, size_t *at, const struct frame *frame,
                      bool has_head, struct err *err)
{
    size_t from = *at;
    bool is_end = frame->end == reader->bytes.len;
    bool is_prefix = reader->file_bytes > reader->bytes.len;
    *at = frame->end;
    if (is_end && !has_head && (is_prefix || !is_all_zero(reader, from, frame->end)))
        return stop_at_cut(reader, from, HEADER_BYTES, err);
    return dicom_warn(reader->file, "dicom_trailing_bytes", from, err);
}

static bool read_set(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                     const struct frame *frame, struct err *err)
{
    while (!reader->has_stopped && *at < frame->end) {
        struct head head;
        bool is_end = false;
        if (!dicom_need(reader, *at, AHEAD_BYTES, err))
            return false;
        bool has_head = read_head(set, reader->bytes, *at, frame->end, &head);
        if (!has_head ||
            (head.tag == 0 && head.length == 0 && is_all_zero(reader, *at, frame->end)))
            return end_early(reader, at, frame, has_head, err);
        bool is_delimiter = head.tag >> 16 == ITEM >> 16;
        if (is_delimiter ? !take_delimiter(reader, at, frame, head.tag, &is_end, err)
                         : !read_element(reader, set, at, frame, &head, err))
            return false;
        if (is_end)
            return true;
    }
    if (!frame->is_undefined || reader->has_stopped)
        return true;
    return frame->end == reader->bytes.len
               ? stop_at_cut(reader, *at, 8, err)
               : dicom_warn(reader->file, "dicom_delimiter_missing", *at, err);
}

bool dicom_read_elements(struct dicom_reader *reader, struct dicom_set *set, size_t *at,
                         bool is_meta, struct err *err)
{
    struct frame frame = {.end = reader->bytes.len,
                          .is_big_endian = set->is_big_endian,
                          .is_explicit = set->is_explicit};
    set->offset = *at;
    if (!is_meta && !read_set(reader, set, at, &frame, err))
        return false;
    /* One by one, because only the group tells where the meta information ends. */
    while (is_meta && !reader->has_stopped && frame.end - *at >= 8 &&
           dicom_u16(reader->bytes, *at, set->is_big_endian) == 2) {
        struct head head;
        if (!dicom_need(reader, *at, AHEAD_BYTES, err))
            return false;
        if (!read_head(set, reader->bytes, *at, frame.end, &head))
            return stop_at_cut(reader, *at, HEADER_BYTES, err);
        if (!read_element(reader, set, at, &frame, &head, err))
            return false;
    }
    bool is_used_up = !is_meta || frame.end - *at < 8;
    if (!reader->has_stopped && is_used_up && reader->file_bytes > reader->bytes.len)
        return stop_at_cut(reader, *at, HEADER_BYTES, err);
    return true;
}
