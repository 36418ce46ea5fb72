// SPDX-License-Identifier: Apache-2.0
/* The gateway's study, read and written anew member by member: what the contract does not
 * name is left out, and what is not as it should be refuses the whole. */
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "exchange/image/image_parts.h"
#include "formats/json/json.h"

enum {
    UID_MAX = 64,
    WORD_MAX = 64,
    MODALITIES_MAX = 64,
    WINDOWS_MAX = 64,
    NUMBERS_MAX = 6,
    LUT_ENTRIES_MAX = 65536,
    LUT_VALUE_MAX = 65535,
    SIDE_MAX = 65535,
    BITS_MAX = 64,
    SAMPLES_MAX = 65535,
    FRAME_VIEWS_MAX = 20000 /* frames of which each has its place */
};

/* What a browser reads exactly. */
#define NUMBER_MAX ((int64_t)1 << 53)

static const char *const kinds[] = {"image",    "waveform", "report",
                                    "document", "other",    NULL};
static const char *const spacing_kinds[] = {"pixel", "imager", "none", NULL};
static const char *const voi_functions[] = {"LINEAR", "LINEAR_EXACT", "SIGMOID", NULL};

struct writing {
    struct json_writer writer;
    struct image_pieces *pieces;
};

/* ---- members ---- */

static bool put_text(struct writing *writing, const struct json_value *object,
                     const char *key, size_t max_bytes, struct err *err)
{
    struct text text = {0};
    if (!json_take_text(object, key, max_bytes, &text, err))
        return false;
    json_put_text(&writing->writer, key, text);
    return true;
}

static bool put_text_if(struct writing *writing, const struct json_value *object,
                        const char *key, struct err *err)
{
    return !json_member(object, key) || put_text(writing, object, key, UID_MAX, err);
}

static bool put_word(struct writing *writing, const struct json_value *object,
                     const char *key, const char *const *words, struct err *err)
{
    struct text text = {0};
    if (!json_take_text(object, key, WORD_MAX, &text, err))
        return false;
    for (; *words; words++)
        if (text_is(text, *words)) {
            json_put_cstr(&writing->writer, key, *words);
            return true;
        }
    return err_set(err, ERR_SYNTAX, "study_word", "%s is none of its words", key);
}

/* As the pattern, whose # are digits, or its beginning up to one of `ends`; empty is
 * good, too. */
static bool put_shaped(struct writing *writing, const struct json_value *object,
                       const char *key, const char *pattern, const char *ends,
                       struct err *err)
{
    struct text text = {0};
    size_t len = strlen(pattern);
    if (!json_take_text(object, key, len, &text, err))
        return false;
    bool is_good =
        text.len == 0 || text.len == len || strchr(ends, pattern[text.len]) != NULL;
    for (size_t i = 0; i < text.len && is_good; i++)
        is_good = pattern[i] == '#' ? text.at[i] >= '0' && text.at[i] <= '9'
                                    : text.at[i] == pattern[i];
    if (!is_good)
        return err_set(err, ERR_SYNTAX, "study_shape", "%s is not shaped as it is", key);
    json_put_text(&writing->writer, key, text);
    return true;
}

struct bounds {
    const char *key;
    int64_t min;
    int64_t max;
};

static bool put_ints(struct writing *writing, const struct json_value *object,
                     const struct bounds *all, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        if (!json_take_int(object, all[i].key, all[i].min, all[i].max, &number, err))
            return false;
        json_put_int(&writing->writer, all[i].key, number);
    }
    return true;
}

static bool put_bools(struct writing *writing, const struct json_value *object,
                      const char *const *keys, struct err *err)
{
    for (; *keys; keys++) {
        bool flag = false;
        if (!json_take_bool(object, *keys, &flag, err))
            return false;
        json_put_bool(&writing->writer, *keys, flag);
    }
    return true;
}

static bool is_null(const struct json_value *value)
{
    return !value || json_is_null(value);
}

static bool put_number(struct writing *writing, const struct json_value *object,
                       const char *key, struct err *err)
{
    double number = 0;
    if (!json_as_double(json_member(object, key), &number, err))
        return false;
    json_put_double(&writing->writer, key, number);
    return true;
}

static bool put_numbers_or_null(struct writing *writing, const struct json_value *object,
                                const char *const *keys, struct err *err)
{
    for (; *keys; keys++) {
        if (is_null(json_member(object, *keys)))
            json_put_null(&writing->writer, *keys);
        else if (!put_number(writing, object, *keys, err))
            return false;
    }
    return true;
}

/* Left out, a flag is false. */
static bool put_flag_if(struct writing *writing, const struct json_value *object,
                        const char *key, struct err *err)
{
    const char *const keys[] = {key, NULL};
    return !json_member(object, key) || put_bools(writing, object, keys, err);
}

/* An array of so many numbers, or null. */
static bool put_vector(struct writing *writing, const struct json_value *object,
                       const char *key, size_t count, struct err *err)
{
    const struct json_value *array = json_member(object, key);
    double number = 0;
    if (is_null(array)) {
        json_put_null(&writing->writer, key);
        return true;
    }
    if (!json_take_array(object, key, NUMBERS_MAX, &array, err))
        return false;
    if (json_count(array) != count)
        return err_set(err, ERR_SYNTAX, "study_vector", "%s has another length", key);
    json_key(&writing->writer, key);
    json_open_array(&writing->writer);
    for (size_t i = 0; i < count; i++) {
        if (!json_as_double(json_item(array, i), &number, err))
            return false;
        json_double_value(&writing->writer, number);
    }
    json_close_array(&writing->writer);
    return true;
}

/* ---- an instance ---- */

static bool put_patient_orientation(struct writing *writing,
                                    const struct json_value *instance, struct err *err)
{
    const struct json_value *array = json_member(instance, "patient_orientation");
    struct text letters[2] = {0};
    if (!array)
        return true;
    if (json_is_null(array)) {
        json_put_null(&writing->writer, "patient_orientation");
        return true;
    }
    if (!json_take_array(instance, "patient_orientation", 2, &array, err) ||
        !json_item_text(array, 0, WORD_MAX, &letters[0], err) ||
        !json_item_text(array, 1, WORD_MAX, &letters[1], err))
        return false;
    json_key(&writing->writer, "patient_orientation");
    json_open_array(&writing->writer);
    json_text_value(&writing->writer, letters[0]);
    json_text_value(&writing->writer, letters[1]);
    json_close_array(&writing->writer);
    return true;
}

static bool put_rescale(struct writing *writing, const struct json_value *instance,
                        struct err *err)
{
    const struct json_value *rescale = json_member(instance, "rescale");
    if (is_null(rescale)) {
        json_put_null(&writing->writer, "rescale");
        return true;
    }
    json_key(&writing->writer, "rescale");
    json_open_object(&writing->writer);
    if (!put_number(writing, rescale, "slope", err) ||
        !put_number(writing, rescale, "intercept", err) ||
        !put_text(writing, rescale, "type", IMAGE_TEXT_MAX, err))
        return false;
    json_close_object(&writing->writer);
    return true;
}

static bool put_windows(struct writing *writing, const struct json_value *instance,
                        struct err *err)
{
    const struct json_value *windows = NULL;
    if (!json_take_array(instance, "windows", WINDOWS_MAX, &windows, err))
        return false;
    json_key(&writing->writer, "windows");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(windows); i++) {
        const struct json_value *window = json_item(windows, i);
        json_open_object(&writing->writer);
        if (!put_number(writing, window, "center", err) ||
            !put_number(writing, window, "width", err) ||
            !put_text(writing, window, "text", IMAGE_TEXT_MAX, err))
            return false;
        json_close_object(&writing->writer);
    }
    json_close_array(&writing->writer);
    return true;
}

static bool put_lut(struct writing *writing, const struct json_value *instance,
                    const char *key, struct err *err)
{
    static const struct bounds bounds[] = {{"first", -LUT_VALUE_MAX - 1, LUT_VALUE_MAX},
                                           {"bits", 1, 16}};
    const struct json_value *lut = json_member(instance, key);
    const struct json_value *values = NULL;
    if (is_null(lut))
        return true;
    json_key(&writing->writer, key);
    json_open_object(&writing->writer);
    if (!put_ints(writing, lut, bounds, 2, err) ||
        !json_take_array(lut, "values", LUT_ENTRIES_MAX, &values, err))
        return false;
    json_key(&writing->writer, "values");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(values); i++) {
        double value = 0;
        if (!json_as_double(json_item(values, i), &value, err))
            return false;
        if (!(value >= 0 && value <= LUT_VALUE_MAX) || value > (double)(int64_t)value)
            return err_set(err, ERR_SYNTAX, "study_lut", "no value of a look-up table");
        json_int_value(&writing->writer, (int64_t)value);
    }
    json_close_array(&writing->writer);
    json_close_object(&writing->writer);
    return true;
}

static bool put_tables(struct writing *writing, const struct json_value *instance,
                       struct err *err)
{
    return put_lut(writing, instance, "modality_lut", err) &&
           put_lut(writing, instance, "voi_lut", err);
}

static bool put_pixels(struct writing *writing, const struct json_value *instance,
                       struct err *err)
{
    static const struct bounds bounds[] = {{"number", -NUMBER_MAX, NUMBER_MAX},
                                           {"frames", 0, INT32_MAX},
                                           {"rows", 0, SIDE_MAX},
                                           {"columns", 0, SIDE_MAX},
                                           {"bits_allocated", 0, BITS_MAX},
                                           {"bits_stored", 0, BITS_MAX},
                                           {"samples", 0, SAMPLES_MAX}};
    static const char *const flags[] = {"is_signed",   "is_supported", "has_modality_lut",
                                        "has_voi_lut", "has_overlay",  NULL};
    return put_text(writing, instance, "uid", UID_MAX, err) &&
           put_ints(writing, instance, bounds, sizeof bounds / sizeof *bounds, err) &&
           put_bools(writing, instance, flags, err) &&
           put_text(writing, instance, "photometric", IMAGE_TEXT_MAX, err) &&
           put_text(writing, instance, "syntax", IMAGE_TEXT_MAX, err);
}

/* What one frame has otherwise than the instance: all of it may be missing. */
static bool put_frame_view(struct writing *writing, const struct json_value *view,
                           struct err *err)
{
    static const char *const table[] = {"has_voi_lut", NULL};
    json_open_object(&writing->writer);
    if (json_member(view, "spacing") &&
        (!put_vector(writing, view, "spacing", 2, err) ||
         !put_word(writing, view, "spacing_kind", spacing_kinds, err)))
        return false;
    if (json_member(view, "position") && !put_vector(writing, view, "position", 3, err))
        return false;
    if (json_member(view, "orientation") &&
        !put_vector(writing, view, "orientation", 6, err))
        return false;
    if (json_member(view, "rescale") && !put_rescale(writing, view, err))
        return false;
    if (json_member(view, "windows") &&
        (!put_windows(writing, view, err) ||
         !put_word(writing, view, "voi_function", voi_functions, err) ||
         !put_bools(writing, view, table, err)))
        return false;
    json_close_object(&writing->writer);
    return true;
}

/* A view for each frame; none at all where frames say nothing of their own. */
static bool put_frame_views(struct writing *writing, const struct json_value *instance,
                            struct err *err)
{
    const struct json_value *views = NULL;
    const struct json_value *of = NULL;
    int64_t frames = 0;
    if (!json_member(instance, "views"))
        return true;
    if (!json_take_int(instance, "frames", 0, INT32_MAX, &frames, err) ||
        !json_take_array(instance, "views", FRAME_VIEWS_MAX, &views, err) ||
        !json_take_array(instance, "frame_views", FRAME_VIEWS_MAX, &of, err))
        return false;
    if (json_count(of) != (size_t)frames)
        return err_set(err, ERR_SYNTAX, "study_views", "not a view for each frame");
    json_key(&writing->writer, "views");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(views); i++)
        if (!put_frame_view(writing, json_item(views, i), err))
            return false;
    json_close_array(&writing->writer);
    json_key(&writing->writer, "frame_views");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(of); i++) {
        double view = 0;
        if (!json_as_double(json_item(of, i), &view, err))
            return false;
        if (!(view >= 0 && view < (double)json_count(views)) ||
            view > (double)(int64_t)view)
            return err_set(err, ERR_SYNTAX, "study_views", "a frame of no view");
        json_int_value(&writing->writer, (int64_t)view);
    }
    json_close_array(&writing->writer);
    return true;
}

/* Each of its frames once; left out where that is the order of the file. */
static bool put_frame_order(struct writing *writing, const struct json_value *instance,
                            struct err *err)
{
    const struct json_value *order = NULL;
    int64_t frames = 0;
    uint8_t seen[FRAME_VIEWS_MAX] = {0};
    if (!json_member(instance, "frame_order"))
        return true;
    if (!json_take_int(instance, "frames", 0, FRAME_VIEWS_MAX, &frames, err) ||
        !json_take_array(instance, "frame_order", FRAME_VIEWS_MAX, &order, err))
        return false;
    if (json_count(order) != (size_t)frames)
        return err_set(err, ERR_SYNTAX, "study_order", "not a place for each frame");
    json_key(&writing->writer, "frame_order");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(order); i++) {
        double frame = 0;
        if (!json_as_double(json_item(order, i), &frame, err))
            return false;
        bool is_frame = frame >= 0 && frame < (double)frames &&
                        !(frame > (double)(int64_t)frame) && !seen[(size_t)frame];
        if (!is_frame)
            return err_set(err, ERR_SYNTAX, "study_order", "no frame, or one twice");
        seen[(size_t)frame] = 1;
        json_int_value(&writing->writer, (int64_t)frame);
    }
    json_close_array(&writing->writer);
    return true;
}

static bool put_instance(struct writing *writing, const struct json_value *instance,
                         struct err *err)
{
    static const char *const numbers[] = {"slice_location", "padding", "lossy_ratio",
                                          "frame_time_ms", NULL};
    json_open_object(&writing->writer);
    if (!put_pixels(writing, instance, err) ||
        !put_vector(writing, instance, "spacing", 2, err) ||
        !put_word(writing, instance, "spacing_kind", spacing_kinds, err) ||
        !put_vector(writing, instance, "aspect", 2, err) ||
        !put_vector(writing, instance, "position", 3, err) ||
        !put_vector(writing, instance, "orientation", 6, err) ||
        !put_patient_orientation(writing, instance, err) ||
        !put_numbers_or_null(writing, instance, numbers, err) ||
        !put_rescale(writing, instance, err) || !put_windows(writing, instance, err) ||
        !put_word(writing, instance, "voi_function", voi_functions, err) ||
        !put_tables(writing, instance, err) || !put_frame_views(writing, instance, err) ||
        !put_frame_order(writing, instance, err))
        return false;
    json_close_object(&writing->writer);
    return true;
}

/* In the skeleton its number stands for it: each is read once, in their order. */
static bool put_piece(struct writing *writing, const struct json_value *number,
                      struct err *err)
{
    struct image_pieces *pieces = writing->pieces;
    double place = -1;
    if (!json_as_double(number, &place, err))
        return false;
    if (!(place >= (double)pieces->next && place < (double)pieces->count))
        return err_set(err, ERR_SYNTAX, "study_instance", "a number, no instance");
    pieces->next = (size_t)place + 1;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(pieces->at[(size_t)place], err);
    return document && put_instance(writing, json_root(document), err);
}

/* ---- series and study ---- */

static bool put_one_series(struct writing *writing, const struct json_value *series,
                           struct err *err)
{
    static const struct bounds number = {"number", -NUMBER_MAX, NUMBER_MAX};
    const struct json_value *instances = NULL;
    json_open_object(&writing->writer);
    if (!put_ints(writing, series, &number, 1, err) ||
        !put_text(writing, series, "uid", UID_MAX, err) ||
        !put_text(writing, series, "modality", WORD_MAX, err) ||
        !put_text(writing, series, "description", IMAGE_TEXT_MAX, err) ||
        !put_text(writing, series, "body_part", IMAGE_TEXT_MAX, err) ||
        !put_text(writing, series, "laterality", WORD_MAX, err) ||
        !put_word(writing, series, "kind", kinds, err) ||
        !put_text_if(writing, series, "frame_of_reference", err) ||
        !json_take_array(series, "instances", IMAGE_INSTANCES_MAX, &instances, err))
        return false;
    json_key(&writing->writer, "instances");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(instances); i++)
        if (!put_piece(writing, json_item(instances, i), err))
            return false;
    json_close_array(&writing->writer);
    json_close_object(&writing->writer);
    return true;
}

static bool put_modalities(struct writing *writing, const struct json_value *root,
                           struct err *err)
{
    const struct json_value *modalities = NULL;
    struct text modality = {0};
    if (!json_take_array(root, "modalities", MODALITIES_MAX, &modalities, err))
        return false;
    json_key(&writing->writer, "modalities");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(modalities); i++) {
        if (!json_item_text(modalities, i, WORD_MAX, &modality, err))
            return false;
        json_text_value(&writing->writer, modality);
    }
    json_close_array(&writing->writer);
    return true;
}

/* Of a study that is cut; gateways of earlier versions do not say it. */
static bool put_total_if(struct writing *writing, const struct json_value *root,
                         struct err *err)
{
    static const struct bounds total = {"instance_total", 0, NUMBER_MAX};
    return !json_member(root, total.key) || put_ints(writing, root, &total, 1, err);
}

static bool put_series(struct writing *writing, const struct json_value *root,
                       struct err *err)
{
    const struct json_value *series = NULL;
    if (!json_take_array(root, "series", IMAGE_SERIES_MAX, &series, err))
        return false;
    json_key(&writing->writer, "series");
    json_open_array(&writing->writer);
    for (size_t i = 0; i < json_count(series); i++)
        if (!put_one_series(writing, json_item(series, i), err))
            return false;
    json_close_array(&writing->writer);
    return true;
}

bool image_write_study(struct span body, struct id facility, struct buf *out,
                       struct err *err)
{
    CLEANUP(image_free_pieces) struct image_pieces pieces = {0};
    if (!image_split(body, &pieces, err))
        return false;
    struct writing writing = {.writer = json_writer(out), .pieces = &pieces};
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&pieces.skeleton), err);
    if (!document)
        return false;
    const struct json_value *root = json_root(document);
    json_open_object(&writing.writer);
    if (!put_text(&writing, root, "study_uid", UID_MAX, err) ||
        !put_shaped(&writing, root, "date", "####-##-##", "", err) ||
        !put_shaped(&writing, root, "time", "##:##:##", ":", err) ||
        !put_text(&writing, root, "description", IMAGE_TEXT_MAX, err) ||
        !put_text(&writing, root, "accession", IMAGE_TEXT_MAX, err) ||
        !put_flag_if(&writing, root, "is_cut", err) || !put_total_if(&writing, root, err))
        return false;
    json_put_id(&writing.writer, "facility", facility);
    if (!put_modalities(&writing, root, err) || !put_series(&writing, root, err))
        return false;
    json_close_object(&writing.writer);
    return buf_check(out, err);
}

/* ---- ranges ---- */

bool image_is_stamp(struct span value)
{
    bool is_hex = value.len == HASH_HEX_BYTES - 1;
    for (size_t i = 0; is_hex && i < value.len; i++)
        is_hex = (value.at[i] >= '0' && value.at[i] <= '9') ||
                 (value.at[i] >= 'a' && value.at[i] <= 'f');
    return is_hex;
}

struct text image_read_stamp(struct span value)
{
    bool is_quoted =
        value.len > 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
    struct span inner = is_quoted ? span_part(value, 1, value.len - 2) : value;
    bool is_stamp = is_quoted && image_is_stamp(inner);
    return is_stamp ? (struct text){(const char *)inner.at, inner.len} : TEXT("");
}

/* Digits, and nothing else. */
static bool read_place(struct span digits, int64_t *place)
{
    bool is_good = digits.len > 0;
    *place = 0;
    for (size_t i = 0; is_good && i < digits.len; i++) {
        is_good = digits.at[i] >= '0' && digits.at[i] <= '9';
        if (is_good && (__builtin_mul_overflow(*place, 10, place) ||
                        __builtin_add_overflow(*place, digits.at[i] - '0', place)))
            *place = INT64_MAX;
    }
    return is_good;
}

static bool is_bytes(struct span unit)
{
    static const char bytes[] = "bytes";
    return unit.len == sizeof bytes - 1 &&
           strncasecmp((const char *)unit.at, bytes, unit.len) == 0;
}

struct image_range image_read_range(struct span value)
{
    static const struct image_range none = {.to = -1};
    struct image_range range = {.is_asked = true, .to = -1};
    struct span unit;
    struct span first;
    if (!span_take(&value, '=', &unit) || !is_bytes(unit) || !value.at ||
        !span_take(&value, '-', &first) || !value.at)
        return none;
    range.is_from_end = first.len == 0;
    if (!read_place(range.is_from_end ? value : first, &range.from))
        return none;
    if (range.is_from_end || value.len == 0)
        return range;
    return read_place(value, &range.to) && range.to >= range.from ? range : none;
}
