// SPDX-License-Identifier: Apache-2.0
/* How the values of a frame are meant to be shown: functional groups of enhanced objects
 * (PS3.3 C.7.6.16), windows and tables (C.11), spacing and place (C.7.6.2). */
#include "formats/dicom/dicom_parts.h"

enum { SEGMENTS_MAX = 2 * DICOM_LUT_ENTRIES_MAX, OFFSETS_MAX = 1000 };

/* Where the attributes of one frame are looked for, in order. */
struct scope {
    const struct dicom_set *frame;  /* item of the per-frame groups, or NULL */
    const struct dicom_set *shared; /* item of the shared groups, or NULL */
    const struct dicom_set *object;
};

/* The set that has `tag`: the frame's macro, the shared one, the object. */
static const struct dicom_set *find_scope(const struct scope *scope, uint32_t macro,
                                          uint32_t tag)
{
    const struct dicom_set *sets[] = {dicom_item(scope->frame, macro, 0),
                                      dicom_item(scope->shared, macro, 0), scope->object};
    for (size_t i = 0; i < 3; i++) {
        const struct dicom_element *element = dicom_find(sets[i], tag);
        if (element && (element->value.len > 0 || element->item_count > 0))
            return sets[i];
    }
    return NULL;
}

static bool take_doubles(const struct dicom_set *set, uint32_t tag, size_t count,
                         double *values)
{
    for (size_t i = 0; i < count; i++)
        if (!dicom_double(set, tag, i, &values[i]))
            return false;
    return true;
}

static bool read_rescale(const struct scope *scope, struct arena *arena,
                         struct dicom_view *view, struct err *err)
{
    const struct dicom_set *set =
        find_scope(scope, DICOM_PIXEL_TRANSFORMATION, DICOM_SLOPE);
    view->slope = 1;
    view->rescale_type = TEXT("");
    double slope = 0;
    double intercept = 0;
    if (set && dicom_double(set, DICOM_SLOPE, 0, &slope) && slope != 0 &&
        dicom_double(set, DICOM_INTERCEPT, 0, &intercept)) {
        view->has_rescale = true;
        view->slope = slope;
        view->intercept = intercept;
    }
    view->modality_lut = dicom_item(scope->object, DICOM_MODALITY_LUTS, 0);
    return !view->has_rescale ||
           dicom_text(set, DICOM_RESCALE_TYPE, arena, &view->rescale_type, err);
}

static enum dicom_voi read_voi_function(const struct dicom_set *set)
{
    if (dicom_is(set, DICOM_VOI_FUNCTION, "SIGMOID"))
        return DICOM_VOI_SIGMOID;
    if (dicom_is(set, DICOM_VOI_FUNCTION, "LINEAR_EXACT"))
        return DICOM_VOI_LINEAR_EXACT;
    return DICOM_VOI_LINEAR;
}

static bool read_windows(const struct scope *scope, struct arena *arena,
                         struct dicom_view *view, struct err *err)
{
    const struct dicom_set *set = find_scope(scope, DICOM_FRAME_VOI, DICOM_WINDOW_CENTER);
    struct text *texts = NULL;
    size_t text_count = 0;
    view->voi_lut =
        dicom_item(find_scope(scope, DICOM_FRAME_VOI, DICOM_VOI_LUTS), DICOM_VOI_LUTS, 0);
    view->is_inverse = dicom_is(scope->object, DICOM_PRESENTATION_SHAPE, "INVERSE");
    if (!set)
        return true;
    view->voi_function = read_voi_function(set);
    if (!dicom_texts(set, DICOM_WINDOW_TEXT, arena, &texts, &text_count, err))
        return false;
    for (size_t i = 0; view->window_count < DICOM_WINDOWS_MAX; i++) {
        struct dicom_window window = {.text = i < text_count ? texts[i] : TEXT("")};
        if (!dicom_double(set, DICOM_WINDOW_CENTER, i, &window.center) ||
            !dicom_double(set, DICOM_WINDOW_WIDTH, i, &window.width))
            return true;
        if (window.width > 0)
            view->windows[view->window_count++] = window;
    }
    return true;
}

static bool is_spacing(const double spacing[2])
{
    return spacing[0] > 0 && spacing[1] > 0;
}

static void read_spacing(const struct scope *scope, struct dicom_view *view)
{
    static const uint32_t imager[] = {DICOM_IMAGER_SPACING,
                                      DICOM_NOMINAL_SCANNED_SPACING};
    const struct dicom_set *set =
        find_scope(scope, DICOM_PIXEL_MEASURES, DICOM_PIXEL_SPACING);
    if (set && take_doubles(set, DICOM_PIXEL_SPACING, 2, view->spacing) &&
        is_spacing(view->spacing))
        view->spacing_kind = DICOM_SPACING_PIXEL;
    for (size_t i = 0; i < 2 && view->spacing_kind == DICOM_SPACING_NONE; i++) {
        set = find_scope(scope, DICOM_XRAY_PIXELS, imager[i]);
        if (set && take_doubles(set, imager[i], 2, view->spacing) &&
            is_spacing(view->spacing))
            view->spacing_kind = DICOM_SPACING_IMAGER;
    }
    if (view->spacing_kind == DICOM_SPACING_NONE)
        view->spacing[0] = view->spacing[1] = 0;
    view->has_aspect = take_doubles(scope->object, DICOM_ASPECT, 2, view->aspect) &&
                       is_spacing(view->aspect);
}

static void read_place(const struct scope *scope, struct dicom_view *view)
{
    const struct dicom_set *position =
        find_scope(scope, DICOM_PLANE_POSITION, DICOM_POSITION);
    const struct dicom_set *orientation =
        find_scope(scope, DICOM_PLANE_ORIENTATION, DICOM_ORIENTATION);
    view->has_position =
        position && take_doubles(position, DICOM_POSITION, 3, view->position);
    view->has_orientation =
        orientation && take_doubles(orientation, DICOM_ORIENTATION, 6, view->orientation);
    view->has_location =
        dicom_double(scope->object, DICOM_SLICE_LOCATION, 0, &view->location);
}

static void read_padding(const struct dicom_set *set, struct dicom_view *view)
{
    view->has_padding = dicom_int(set, DICOM_PADDING, 0, &view->padding);
    view->padding_limit = view->padding;
    int64_t limit = 0;
    if (view->has_padding && dicom_int(set, DICOM_PADDING_LIMIT, 0, &limit))
        view->padding_limit = limit;
}

static void read_times(const struct dicom_set *set, uint32_t frame,
                       struct dicom_view *view)
{
    double value = 0;
    if (dicom_double(set, DICOM_FRAME_TIME, 0, &value) && value > 0)
        view->frame_time_ms = value;
    else if (dicom_double(set, DICOM_FRAME_TIMES, frame, &value) && value > 0)
        view->frame_time_ms = value;
    else if (dicom_double(set, DICOM_CINE_RATE, 0, &value) && value > 0)
        view->frame_time_ms = 1000 / value;
    view->is_lossy = dicom_is(set, DICOM_LOSSY, "01");
    if (dicom_double(set, DICOM_LOSSY_RATIO, 0, &value) && value > 0)
        view->lossy_ratio = value;
}

static bool read_view(const struct scope *scope, uint32_t frame, struct arena *arena,
                      struct dicom_view *view, struct err *err)
{
    *view = (struct dicom_view){0};
    read_spacing(scope, view);
    read_place(scope, view);
    read_padding(scope->object, view);
    read_times(scope->object, frame, view);
    return read_rescale(scope, arena, view, err) && read_windows(scope, arena, view, err);
}

static struct scope scope_of(const struct dicom_file *file)
{
    return (struct scope){.shared = dicom_item(file->set, DICOM_SHARED_GROUPS, 0),
                          .object = file->set};
}

bool dicom_view_read(const struct dicom_file *file, uint32_t frame, struct arena *arena,
                     struct dicom_view *view, struct err *err)
{
    struct scope scope = scope_of(file);
    scope.frame = dicom_item(file->set, DICOM_FRAME_GROUPS, frame);
    return read_view(&scope, frame, arena, view, err);
}

/* Slices of a dose lie along the normal of the first, as far from it as the vector says;
 * where that begins with another number than zero it is the z coordinate itself. */
static void move_by_offset(const struct dicom_set *set, uint32_t frame,
                           struct dicom_view *view)
{
    double first = 0;
    double offset = 0;
    const double *d = view->orientation;
    const double normal[3] = {d[1] * d[5] - d[2] * d[4], d[2] * d[3] - d[0] * d[5],
                              d[0] * d[4] - d[1] * d[3]};
    bool is_known = view->has_position && view->has_orientation &&
                    dicom_double(set, DICOM_GRID_OFFSETS, 0, &first) &&
                    dicom_double(set, DICOM_GRID_OFFSETS, frame, &offset);
    view->has_position = is_known;
    if (first != 0) /* only where the normal is an axis: steps count in its direction */
        offset = (offset - first) * (normal[2] < 0 ? -1 : 1);
    for (size_t i = 0; is_known && i < 3; i++)
        view->position[i] += normal[i] * offset;
}

struct dicom_frame_views dicom_views_begin(const struct dicom_file *file)
{
    int64_t frames = 0;
    bool has_groups = dicom_item(file->set, DICOM_SHARED_GROUPS, 0) ||
                      dicom_item(file->set, DICOM_FRAME_GROUPS, 0);
    bool has_offsets = !has_groups && dicom_int(file->set, DICOM_FRAMES, 0, &frames) &&
                       frames > 1 && frames <= OFFSETS_MAX &&
                       dicom_value_count(file->set, DICOM_GRID_OFFSETS) == (size_t)frames;
    return (struct dicom_frame_views){.file = file,
                                      .next =
                                          dicom_item(file->set, DICOM_FRAME_GROUPS, 0),
                                      .is_there = has_groups || has_offsets,
                                      .has_offsets = has_offsets};
}

bool dicom_views_next(struct dicom_frame_views *views, struct arena *arena,
                      struct dicom_view *view, struct err *err)
{
    struct scope scope = scope_of(views->file);
    uint32_t frame = views->frame++;
    scope.frame = views->next;
    views->next = views->next ? views->next->next : NULL;
    if (!read_view(&scope, frame, arena, view, err))
        return false;
    if (views->has_offsets)
        move_by_offset(scope.object, frame, view);
    return true;
}

/* ------------------------------------------------------------------ tables */

static bool bad_lut(const struct dicom_element *element, struct err *err)
{
    return err_at(err, ERR_SYNTAX, "dicom_lut_invalid", element ? element->offset : 0,
                  "PS3.3 C.11.1.1");
}

/* Count, first value and bits: three 16-bit values whatever their VR. */
static bool read_descriptor(const struct dicom_set *set, uint32_t tag, bool is_signed,
                            struct dicom_lut *lut, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    if (!element || element->value.len < 6)
        return bad_lut(element, err);
    bool is_big = set->is_big_endian;
    uint16_t count = dicom_u16(element->value, 0, is_big);
    uint16_t first = dicom_u16(element->value, 2, is_big);
    uint16_t bits = dicom_u16(element->value, 4, is_big);
    lut->count = count ? count : DICOM_LUT_ENTRIES_MAX;
    lut->first = is_signed ? (int16_t)first : (int32_t)first;
    lut->bits = bits;
    return (bits >= 8 && bits <= 16) || bad_lut(element, err);
}

/* Entries of one or two bytes, which one its length tells. */
static bool read_entries(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                         struct dicom_lut *lut, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    struct span bytes = {0};
    if (!element || element->value.len < lut->count)
        return bad_lut(element, err);
    bool is_wide = element->value.len / 2 >= lut->count;
    if (!is_wide && lut->bits > 8)
        return bad_lut(element, err);
    uint16_t *values = ARENA_MANY(arena, uint16_t, lut->count, err);
    if (!values || (!is_wide && !dicom_ordered_bytes(set, element->vr, element->value,
                                                     arena, &bytes, err)))
        return false;
    for (size_t i = 0; i < lut->count; i++)
        values[i] =
            is_wide ? dicom_u16(element->value, i * 2, set->is_big_endian) : bytes.at[i];
    lut->values = values;
    return true;
}

bool dicom_lut_read(const struct dicom_set *item, bool is_signed, struct arena *arena,
                    struct dicom_lut *lut, struct err *err)
{
    *lut = (struct dicom_lut){0};
    return read_descriptor(item, DICOM_LUT_DESCRIPTOR, is_signed, lut, err) &&
           read_entries(item, DICOM_LUT_DATA, arena, lut, err);
}

/* Segments being laid out (PS3.3 C.7.9.2.2). */
struct segments {
    const struct dicom_set *set;
    struct span bytes;
    bool is_wide;
    uint16_t *values;
    size_t used, count;
    size_t steps; /* segments may be empty: their number is limited too */
};

static bool take_word(const struct segments *segments, size_t index, uint16_t *word)
{
    size_t size = segments->is_wide ? 2 : 1;
    if (index >= segments->bytes.len / size)
        return false;
    *word = segments->is_wide
                ? dicom_u16(segments->bytes, index * 2, segments->set->is_big_endian)
                : segments->bytes.at[index];
    return true;
}

static bool put_discrete(struct segments *segments, size_t *at, uint16_t length)
{
    uint16_t word = 0;
    for (uint16_t i = 0; i < length; i++) {
        if (segments->used == segments->count || !take_word(segments, (*at)++, &word))
            return false;
        segments->values[segments->used++] = word;
    }
    return true;
}

static bool put_linear(struct segments *segments, size_t *at, uint16_t length)
{
    uint16_t end = 0;
    if (!take_word(segments, (*at)++, &end) || segments->used == 0 ||
        length > segments->count - segments->used)
        return false;
    int64_t start = segments->values[segments->used - 1];
    for (int64_t i = 1; i <= length; i++) {
        int64_t moved = (end - start) * i * 2 + length;
        int64_t step = moved / (2 * (int64_t)length);
        step -= moved < 0 && moved % (2 * (int64_t)length) != 0;
        segments->values[segments->used++] = (uint16_t)(start + step);
    }
    return true;
}

static bool put_segment(struct segments *segments, size_t *at, bool is_inner);

/* Segments that stand elsewhere, named by their offset in words (two words, the lower
 * first); they may not be indirect themselves. */
static bool put_indirect(struct segments *segments, size_t *at, uint16_t length)
{
    uint16_t low = 0;
    uint16_t high = 0;
    if (!take_word(segments, (*at)++, &low) || !take_word(segments, (*at)++, &high))
        return false;
    size_t from = (size_t)high << (segments->is_wide ? 16 : 8) | low;
    for (uint16_t i = 0; i < length; i++)
        if (!put_segment(segments, &from, true))
            return false;
    return true;
}

static bool put_segment(struct segments *segments, size_t *at, bool is_inner)
{
    uint16_t code = 0;
    uint16_t length = 0;
    if (segments->steps++ > SEGMENTS_MAX || !take_word(segments, (*at)++, &code) ||
        !take_word(segments, (*at)++, &length))
        return false;
    if (code == 0)
        return put_discrete(segments, at, length);
    if (code == 1)
        return put_linear(segments, at, length);
    return code == 2 && !is_inner && put_indirect(segments, at, length);
}

static bool read_segments(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                          struct dicom_lut *lut, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    if (!element)
        return bad_lut(element, err);
    struct segments segments = {.set = set,
                                .bytes = element->value,
                                .is_wide = lut->bits > 8,
                                .count = lut->count};
    segments.values = ARENA_MANY(arena, uint16_t, lut->count, err);
    if (!segments.values)
        return false;
    size_t at = 0;
    while (segments.used < segments.count)
        if (!put_segment(&segments, &at, false))
            return bad_lut(element, err);
    lut->values = segments.values;
    return true;
}

bool dicom_palette_read(const struct dicom_file *file, struct arena *arena,
                        struct dicom_lut lut[3], struct err *err)
{
    const struct dicom_set *set = file->set;
    int64_t representation = 0;
    bool is_signed = dicom_int(set, DICOM_PIXEL_REPRESENTATION, 0, &representation) &&
                     representation == 1;
    for (uint32_t i = 0; i < 3; i++) {
        lut[i] = (struct dicom_lut){0};
        if (!read_descriptor(set, DICOM_RED_DESCRIPTOR + i, is_signed, &lut[i], err))
            return false;
        bool is_plain = dicom_find(set, DICOM_RED_DATA + i) != NULL;
        if (is_plain ? !read_entries(set, DICOM_RED_DATA + i, arena, &lut[i], err)
                     : !read_segments(set, DICOM_RED_SEGMENTED + i, arena, &lut[i], err))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ overlays */

static bool read_overlay(const struct dicom_file *file, uint32_t group,
                         struct arena *arena, struct dicom_overlay *overlay,
                         struct err *err)
{
    const struct dicom_set *set = file->set;
    const struct dicom_element *data = dicom_find(set, DICOM_OVERLAY_DATA + group);
    int64_t value = 0;
    if (dicom_int(set, DICOM_OVERLAY_ORIGIN + group, 0, &value))
        overlay->row = (int32_t)(value - 1);
    if (dicom_int(set, DICOM_OVERLAY_ORIGIN + group, 1, &value))
        overlay->column = (int32_t)(value - 1);
    overlay->frame_count = 1;
    if (dicom_int(set, DICOM_OVERLAY_FRAMES + group, 0, &value) && value > 0 &&
        value <= INT32_MAX)
        overlay->frame_count = (uint32_t)value;
    if (dicom_int(set, DICOM_OVERLAY_FIRST_FRAME + group, 0, &value) && value > 0)
        overlay->first_frame = (uint32_t)(value - 1);
    overlay->is_roi = dicom_is(set, DICOM_OVERLAY_TYPE + group, "R");
    overlay->is_embedded = !data;
    if (dicom_int(set, DICOM_OVERLAY_BIT_POSITION + group, 0, &value) && value >= 0 &&
        value < 16)
        overlay->bit_position = (unsigned)value;
    return dicom_text(set, DICOM_OVERLAY_LABEL + group, arena, &overlay->label, err) &&
           (!data ||
            dicom_ordered_bytes(set, data->vr, data->value, arena, &overlay->bits, err));
}

bool dicom_overlays(const struct dicom_file *file, struct arena *arena,
                    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX], size_t *count,
                    struct err *err)
{
    *count = 0;
    for (uint32_t i = 0; i < DICOM_OVERLAYS_MAX; i++) {
        uint32_t group = i << 17;
        struct dicom_overlay *overlay = &overlays[*count];
        int64_t rows = 0;
        int64_t columns = 0;
        bool is_right =
            dicom_int(file->set, DICOM_OVERLAY_ROWS + group, 0, &rows) &&
            dicom_int(file->set, DICOM_OVERLAY_COLUMNS + group, 0, &columns) &&
            rows > 0 && rows <= UINT16_MAX && columns > 0 && columns <= UINT16_MAX;
        if (!is_right)
            continue;
        *overlay =
            (struct dicom_overlay){.rows = (uint32_t)rows, .columns = (uint32_t)columns};
        if (!read_overlay(file, group, arena, overlay, err))
            return false;
        ++*count;
    }
    return true;
}

bool dicom_overlay_bit(const struct dicom_overlay *overlay, uint32_t frame, uint32_t row,
                       uint32_t column)
{
    if (overlay->is_embedded || row >= overlay->rows || column >= overlay->columns ||
        frame >= overlay->frame_count)
        return false;
    uint64_t bit = ((uint64_t)frame * overlay->rows + row) * overlay->columns + column;
    return bit / 8 < overlay->bits.len &&
           (overlay->bits.at[bit / 8] >> (bit % 8) & 1) != 0;
}
