// SPDX-License-Identifier: Apache-2.0
/* How the frames of an instance are meant, in the words of the contract: what is said of
 * the first, and of the others what is said otherwise. */
#include <string.h>

#include "formats/dicom/dicom_image.h"
#include "gateway/study/study_parts.h"

enum {
    FRAMES_MAX = 20000,
    VIEWS_MAX = 4096,
    VIEWS_BYTES_MAX = STUDY_FRAME_VIEWS_BYTES_MAX - 12 * FRAMES_MAX
};

static void put_doubles(struct json_writer *writer, const char *key, const double *values,
                        size_t count)
{
    json_key(writer, key);
    json_open_array(writer);
    for (size_t i = 0; i < count; i++)
        json_double_value(writer, values[i]);
    json_close_array(writer);
}

static void put_doubles_or_null(struct json_writer *writer, const char *key,
                                bool is_there, const double *values, size_t count)
{
    if (is_there)
        put_doubles(writer, key, values, count);
    else
        json_put_null(writer, key);
}

static void put_rescale(struct json_writer *writer, const struct dicom_view *view)
{
    if (!view->has_rescale) {
        json_put_null(writer, "rescale");
        return;
    }
    json_key(writer, "rescale");
    json_open_object(writer);
    json_put_double(writer, "slope", view->slope);
    json_put_double(writer, "intercept", view->intercept);
    json_put_text(writer, "type", view->rescale_type);
    json_close_object(writer);
}

static void put_windows(struct json_writer *writer, const struct dicom_view *view)
{
    static const char *const functions[] = {
        [DICOM_VOI_LINEAR] = "LINEAR",
        [DICOM_VOI_LINEAR_EXACT] = "LINEAR_EXACT",
        [DICOM_VOI_SIGMOID] = "SIGMOID",
    };
    json_key(writer, "windows");
    json_open_array(writer);
    for (size_t i = 0; i < view->window_count; i++) {
        json_open_object(writer);
        json_put_double(writer, "center", view->windows[i].center);
        json_put_double(writer, "width", view->windows[i].width);
        json_put_text(writer, "text", view->windows[i].text);
        json_close_object(writer);
    }
    json_close_array(writer);
    json_put_cstr(writer, "voi_function", functions[view->voi_function]);
    json_put_bool(writer, "has_voi_lut", view->voi_lut != NULL);
}

static void put_spacing(struct json_writer *writer, const struct dicom_view *view)
{
    static const char *const kinds[] = {
        [DICOM_SPACING_NONE] = "none",
        [DICOM_SPACING_PIXEL] = "pixel",
        [DICOM_SPACING_IMAGER] = "imager",
    };
    put_doubles_or_null(writer, "spacing", view->spacing_kind != DICOM_SPACING_NONE,
                        view->spacing, 2);
    json_put_cstr(writer, "spacing_kind", kinds[view->spacing_kind]);
}

static void put_place(struct json_writer *writer, const struct dicom_view *view)
{
    put_spacing(writer, view);
    put_doubles_or_null(writer, "aspect", view->has_aspect, view->aspect, 2);
    put_doubles_or_null(writer, "position", view->has_position, view->position, 3);
    put_doubles_or_null(writer, "orientation", view->has_orientation, view->orientation,
                        6);
    if (view->has_location)
        json_put_double(writer, "slice_location", view->location);
    else
        json_put_null(writer, "slice_location");
}

void study_write_view(struct json_writer *writer, const struct dicom_view *view)
{
    put_place(writer, view);
    put_rescale(writer, view);
    put_windows(writer, view);
    json_put_bool(writer, "has_modality_lut", view->modality_lut != NULL);
    if (view->has_padding)
        json_put_int(writer, "padding", view->padding);
    else
        json_put_null(writer, "padding");
    if (view->is_lossy)
        json_put_double(writer, "lossy_ratio", view->lossy_ratio);
    else
        json_put_null(writer, "lossy_ratio");
    if (view->frame_time_ms > 0)
        json_put_double(writer, "frame_time_ms", view->frame_time_ms);
    else
        json_put_null(writer, "frame_time_ms");
}

/* ---- frames that have their own ---- */

static bool is_same_spacing(const struct dicom_view *a, const struct dicom_view *b)
{
    return a->spacing_kind == b->spacing_kind &&
           memcmp(a->spacing, b->spacing, sizeof a->spacing) == 0;
}

static bool is_same_place(const struct dicom_view *a, const struct dicom_view *b)
{
    return a->has_position == b->has_position &&
           (!a->has_position ||
            memcmp(a->position, b->position, sizeof a->position) == 0);
}

static bool is_same_direction(const struct dicom_view *a, const struct dicom_view *b)
{
    return a->has_orientation == b->has_orientation &&
           (!a->has_orientation ||
            memcmp(a->orientation, b->orientation, sizeof a->orientation) == 0);
}

static bool is_same_rescale(const struct dicom_view *a, const struct dicom_view *b)
{
    return a->has_rescale == b->has_rescale && !(a->slope < b->slope) &&
           !(a->slope > b->slope) && !(a->intercept < b->intercept) &&
           !(a->intercept > b->intercept) && text_equal(a->rescale_type, b->rescale_type);
}

static bool is_same_windows(const struct dicom_view *a, const struct dicom_view *b)
{
    bool is_same = a->window_count == b->window_count &&
                   a->voi_function == b->voi_function && !a->voi_lut == !b->voi_lut;
    for (size_t i = 0; is_same && i < a->window_count; i++) {
        const struct dicom_window *one = &a->windows[i];
        const struct dicom_window *other = &b->windows[i];
        is_same = !(one->center < other->center) && !(one->center > other->center) &&
                  !(one->width < other->width) && !(one->width > other->width) &&
                  text_equal(one->text, other->text);
    }
    return is_same;
}

static void put_difference(struct json_writer *writer, const struct dicom_view *first,
                           const struct dicom_view *view)
{
    json_open_object(writer);
    if (!is_same_spacing(first, view))
        put_spacing(writer, view);
    if (!is_same_place(first, view))
        put_doubles_or_null(writer, "position", view->has_position, view->position, 3);
    if (!is_same_direction(first, view))
        put_doubles_or_null(writer, "orientation", view->has_orientation,
                            view->orientation, 6);
    if (!is_same_rescale(first, view))
        put_rescale(writer, view);
    if (!is_same_windows(first, view))
        put_windows(writer, view);
    json_close_object(writer);
}

/* The differing views of a file, each once: what is repeated over time or by contrast is
 * a place in this list. */
struct views {
    struct text *at;
    size_t count;
    size_t bytes;
    uint16_t *of_frame;
};

/* False with an error, or without one when there are too many. */
static bool note_view(struct views *views, struct span json, size_t frame,
                      struct arena *arena, struct err *err)
{
    size_t i = 0;
    struct text text = {0};
    while (i < views->count && !span_equal(text_span(views->at[i]), json))
        i++;
    views->of_frame[frame] = (uint16_t)i;
    if (i < views->count)
        return true;
    if (i == VIEWS_MAX || views->bytes + json.len > VIEWS_BYTES_MAX)
        return false;
    views->bytes += json.len;
    views->count++;
    return text_from_utf8(json, &text, err) && text_copy(text, arena, &views->at[i], err);
}

static bool read_views(const struct dicom_file *file, size_t frame_count,
                       struct views *views, struct arena *arena, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(VIEWS_BYTES_MAX);
    struct dicom_frame_views frames = dicom_views_begin(file);
    struct dicom_view first;
    struct dicom_view view;
    views->at = ARENA_MANY(arena, struct text, VIEWS_MAX, err);
    views->of_frame = ARENA_MANY(arena, uint16_t, frame_count, err);
    if (!views->at || !views->of_frame)
        return false;
    for (size_t i = 0; i < frame_count; i++) {
        if (!dicom_views_next(&frames, arena, &view, err))
            return false;
        if (i == 0)
            first = view;
        buf_reset(&out);
        struct json_writer writer = json_writer(&out);
        put_difference(&writer, &first, &view);
        if (!buf_check(&out, err) || !note_view(views, buf_view(&out), i, arena, err))
            return false;
    }
    return true;
}

static bool write_order(struct json_writer *writer, const struct dicom_file *file,
                        size_t frame_count, struct arena *arena, struct err *err)
{
    uint32_t *order = NULL;
    if (!dicom_frame_order(file, frame_count, arena, &order, err))
        return false;
    if (!order)
        return true;
    json_key(writer, "frame_order");
    json_open_array(writer);
    for (size_t i = 0; i < frame_count; i++)
        json_int_value(writer, order[i]);
    json_close_array(writer);
    return true;
}

bool study_write_frame_views(struct json_writer *writer, const struct dicom_file *file,
                             int64_t frame_count, struct arena *arena, struct err *err)
{
    struct views views = {0};
    if (frame_count < 2 || frame_count > FRAMES_MAX || !dicom_views_begin(file).is_there)
        return true;
    if (!write_order(writer, file, (size_t)frame_count, arena, err))
        return false;
    if (!read_views(file, (size_t)frame_count, &views, arena, err))
        return err->kind == ERR_NONE; /* said of none: nothing is measured between them */
    json_key(writer, "views");
    json_open_array(writer);
    for (size_t i = 0; i < views.count; i++)
        json_written_value(writer, views.at[i]);
    json_close_array(writer);
    json_key(writer, "frame_views");
    json_open_array(writer);
    for (int64_t i = 0; i < frame_count; i++)
        json_int_value(writer, views.of_frame[i]);
    json_close_array(writer);
    return true;
}
