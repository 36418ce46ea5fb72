// SPDX-License-Identifier: Apache-2.0
/* A data set as JSON (PS3.18 annex F). */
#include "formats/dicom/dicom_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/json/json.h"

enum {
    INLINE_BYTES_MAX = 1024,
    SCRATCH_BYTES_MAX = 64 << 20,
    LEVELS_OF_ITEM = 3,  /* an element, its values, the item in them */
    LEVELS_OF_VALUE = 3, /* the deepest that is no sequence: a name */
    EXACT_MAX_BITS = 53  /* of a whole number in readers of JSON */
};

struct writing {
    struct json_writer *json;
    struct arena *lists;   /* of elements in order */
    struct arena *scratch; /* of the value that is being written */
};

/* ------------------------------------------------------------------ what is written */

/* Pixels and whatever else is fetched by other ways, and what is no attribute. */
static bool is_left_out(uint32_t tag)
{
    enum { WAVEFORM_DATA = 0x54001010, DOCUMENT = 0x00420011, PADDING_GROUP = 0xFFFC };
    enum { OVERLAY_DATA = 0x60003000, CURVE_DATA = 0x50003000, CURVE_AUDIO = 0x5000200C };
    uint32_t group = tag >> 16;
    uint32_t repeating = tag & 0xFF00FFFF;
    return (tag & 0xFFFF) == 0 || group == 0 || group == 2 || group == 0x7FE0 ||
           group >= PADDING_GROUP || tag == WAVEFORM_DATA || tag == DOCUMENT ||
           repeating == OVERLAY_DATA || repeating == CURVE_DATA ||
           repeating == CURVE_AUDIO;
}

static bool is_binary(uint16_t vr)
{
    return vr == VR_OB || vr == VR_OD || vr == VR_OF || vr == VR_OL || vr == VR_OV ||
           vr == VR_OW || vr == VR_UN;
}

/* What an unknown one is by the dictionary; what is no VR is unknown. */
static uint16_t vr_of(const struct dicom_set *set, const struct dicom_element *element)
{
    uint16_t vr = element->vr == VR_UN ? dicom_vr_of(element->tag, set) : element->vr;
    if (element->item_count > 0)
        return VR_SQ;
    if (vr == VR_SQ && element->vr == VR_UN && element->value.len > 0)
        return VR_UN; /* it was not read as one */
    return dicom_vr_is_known(vr) ? vr : VR_UN;
}

static bool is_written(const struct writing *writing, const struct dicom_element *element,
                       uint16_t vr)
{
    int levels = LEVELS_OF_VALUE + (vr == VR_SQ ? LEVELS_OF_ITEM : 0);
    if (is_left_out(element->tag) || writing->json->depth + levels >= JSON_DEPTH_MAX)
        return false;
    if (vr == VR_SQ)
        return true;
    return !element->is_cut && !element->is_undefined_length &&
           !(is_binary(vr) && element->value.len > INLINE_BYTES_MAX);
}

/* ------------------------------------------------------------------ numbers */

/* As few digits as are read as the same number again. */
static void put_double(struct json_writer *json, double value, bool is_single)
{
    char digits[40];
    bool is_same = false;
    for (int i = is_single ? 6 : 15; !is_same && i <= 17; i++) {
        snprintf(digits, sizeof digits, "%.*g", i, value);
        is_same = is_single ? strtof(digits, NULL) == (float)value
                            : strtod(digits, NULL) == value;
    }
    /* Without a point it is a whole number to some, which has no sign at zero. */
    json_written_value(json, text_cstr(strcmp(digits, "-0") == 0 ? "-0.0" : digits));
}

static bool is_exact(int64_t value)
{
    int64_t limit = (int64_t)1 << EXACT_MAX_BITS;
    return value >= -limit && value <= limit;
}

/* IS and DS. */
static void put_number_text(struct json_writer *json, uint16_t vr, struct text text)
{
    double number = 0;
    if (!dicom_parse_number(text_span(text), &number)) {
        json_null_value(json); /* readers fail at a word where a number is due */
        return;
    }
    bool is_whole = vr == VR_IS && number > -1e15 && number < 1e15 &&
                    (double)(int64_t)number == number;
    if (is_whole)
        json_int_value(json, (int64_t)number);
    else
        put_double(json, number, false);
}

static void put_whole(struct json_writer *json, const struct dicom_set *set, uint16_t vr,
                      struct span value, size_t index)
{
    char words[24];
    int64_t whole = 0;
    if (!dicom_binary_int(set, vr, value, index, &whole)) {
        uint64_t large = dicom_u64(value, index * sizeof large, set->is_big_endian);
        snprintf(words, sizeof words, "%llu", (unsigned long long)large);
    } else if (vr == VR_AT) {
        snprintf(words, sizeof words, "%08llX", (unsigned long long)whole);
    } else if (is_exact(whole)) {
        json_int_value(json, whole);
        return;
    } else {
        snprintf(words, sizeof words, "%lld", (long long)whole);
    }
    json_cstr_value(json, words);
}

static void put_numbers(struct json_writer *json, const struct dicom_set *set,
                        uint16_t vr, struct span value)
{
    /* UL of two bytes is a US, as elsewhere. */
    if (value.len == 2 && dicom_vr_size(vr) == 4)
        vr = VR_US;
    size_t count = value.len / dicom_vr_size(vr);
    double number = 0;
    if (count == 0)
        return;
    json_key(json, "Value");
    json_open_array(json);
    for (size_t i = 0; i < count; i++) {
        if (vr != VR_FL && vr != VR_FD)
            put_whole(json, set, vr, value, i);
        else if (dicom_binary_double(set, vr, value, i, &number))
            put_double(json, number, vr == VR_FL);
        else
            json_null_value(json);
    }
    json_close_array(json);
}

/* ------------------------------------------------------------------ texts */

static void put_name(struct json_writer *json, struct text text)
{
    static const char *const keys[] = {"Alphabetic", "Ideographic", "Phonetic"};
    struct span rest = text_span(text);
    struct span group = {0};
    bool is_open = false;
    for (size_t i = 0; i < 3 && rest.len > 0 && span_take(&rest, '=', &group); i++) {
        struct span part = dicom_trim(group, false);
        if (part.len == 0)
            continue;
        if (!is_open)
            json_open_object(json);
        is_open = true;
        json_put_text(json, keys[i], (struct text){(const char *)part.at, part.len});
    }
    if (is_open)
        json_close_object(json);
    else
        json_null_value(json);
}

static void put_text(struct json_writer *json, uint16_t vr, struct text text)
{
    if (text.len == 0)
        json_null_value(json);
    else if (vr == VR_PN)
        put_name(json, text);
    else if (vr == VR_IS || vr == VR_DS)
        put_number_text(json, vr, text);
    else
        json_text_value(json, text);
}

static bool put_texts(const struct writing *writing, const struct dicom_set *set,
                      const struct dicom_element *element, uint16_t vr, struct err *err)
{
    struct json_writer *json = writing->json;
    struct span value = element->value;
    size_t at = 0;
    if (dicom_trim(value, false).len == 0)
        return true;
    json_key(json, "Value");
    json_open_array(json);
    while (at < value.len) {
        struct text text = {0};
        arena_reset(writing->scratch);
        if (!dicom_decode(set, element, &at, writing->scratch, &text, err))
            return false;
        put_text(json, vr, text);
    }
    /* With nothing behind the last separator, not even padding. */
    bool is_open_ended = value.at[value.len - 1] == '\\' && !dicom_vr_is_single(vr);
    if (is_open_ended && charset_is_plain(value))
        json_null_value(json);
    json_close_array(json);
    return true;
}

/* ------------------------------------------------------------------ bytes */

static void put_binary(struct json_writer *json, const struct dicom_set *set, uint16_t vr,
                       struct span value)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[(INLINE_BYTES_MAX + 2) / 3 * 4];
    uint8_t bytes[INLINE_BYTES_MAX + 2] = {0};
    size_t size = dicom_vr_size(vr);
    size_t swaps = set->is_big_endian && size > 1 ? size - 1 : 0;
    size_t written = 0;
    if (value.len == 0)
        return;
    for (size_t i = 0; i < value.len; i++)
        bytes[(i ^ swaps) < value.len ? i ^ swaps : i] = value.at[i];
    for (size_t i = 0; i < value.len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 |
                         (uint32_t)bytes[i + 2];
        for (size_t j = 0; j < 4; j++)
            out[written++] =
                i + j > value.len ? '=' : letters[three >> (18 - 6 * j) & 0x3F];
    }
    json_put_text(json, "InlineBinary", (struct text){out, written});
}

/* ------------------------------------------------------------------ elements */

static int by_tag(const void *a, const void *b)
{
    const struct dicom_element *left = *(const struct dicom_element *const *)a;
    const struct dicom_element *right = *(const struct dicom_element *const *)b;
    if (left->tag != right->tag)
        return left->tag < right->tag ? -1 : 1;
    return left < right ? -1 : left > right;
}

static const struct dicom_element **list_in_order(const struct dicom_set *set,
                                                  struct arena *arena, struct err *err)
{
    const struct dicom_element **list =
        ARENA_MANY(arena, const struct dicom_element *, set->count + 1, err);
    for (size_t i = 0; list && i < set->count; i++)
        list[i] = &set->elements[i];
    if (list && !set->is_sorted)
        qsort(list, set->count, sizeof *list, by_tag);
    return list;
}

static void open_element(struct json_writer *json, uint32_t tag, uint16_t vr)
{
    char key[9];
    char letters[3] = {(char)(vr >> 8), (char)vr, '\0'};
    snprintf(key, sizeof key, "%08X", tag);
    json_key(json, key);
    json_open_object(json);
    json_put_cstr(json, "vr", letters);
}

/* Whatever the file's was: it is what the texts are in now. */
static void put_charset(struct json_writer *json)
{
    open_element(json, DICOM_CHARACTER_SET, VR_CS);
    json_key(json, "Value");
    json_open_array(json);
    json_cstr_value(json, "ISO_IR 192");
    json_close_array(json);
    json_close_object(json);
}

static bool write_set(const struct writing *writing, const struct dicom_set *set,
                      struct err *err);

static bool put_items(const struct writing *writing, const struct dicom_element *element,
                      struct err *err)
{
    if (!element->items)
        return true;
    json_key(writing->json, "Value");
    json_open_array(writing->json);
    for (const struct dicom_set *item = element->items; item; item = item->next)
        if (!write_set(writing, item, err))
            return false;
    json_close_array(writing->json);
    return true;
}

static bool write_element(const struct writing *writing, const struct dicom_set *set,
                          const struct dicom_element *element, struct err *err)
{
    struct json_writer *json = writing->json;
    uint16_t vr = vr_of(set, element);
    bool is_good = true;
    if (!is_written(writing, element, vr))
        return true;
    open_element(json, element->tag, vr);
    if (vr == VR_SQ)
        is_good = put_items(writing, element, err);
    else if (is_binary(vr))
        put_binary(json, set, vr, element->value);
    else if (dicom_vr_size(vr) > 0)
        put_numbers(json, set, vr, element->value);
    else
        is_good = put_texts(writing, set, element, vr, err);
    if (is_good)
        json_close_object(json);
    return is_good;
}

/* The outermost set always says its character set: one that was guessed, too. */
static bool write_set(const struct writing *writing, const struct dicom_set *set,
                      struct err *err)
{
    const struct dicom_element **list = list_in_order(set, writing->lists, err);
    bool is_due = !set->parent;
    if (!list)
        return false;
    json_open_object(writing->json);
    for (size_t i = 0; i < set->count; i++) {
        bool is_charset = list[i]->tag == DICOM_CHARACTER_SET;
        if (i > 0 && list[i - 1]->tag == list[i]->tag)
            continue;
        if (is_charset || (is_due && list[i]->tag > DICOM_CHARACTER_SET)) {
            put_charset(writing->json);
            is_due = false;
        }
        if (!is_charset && !write_element(writing, set, list[i], err))
            return false;
    }
    if (is_due)
        put_charset(writing->json);
    json_close_object(writing->json);
    return true;
}

bool dicom_write_json(const struct dicom_file *file, struct json_writer *writer,
                      struct err *err)
{
    CLEANUP(arena_free) struct arena lists = arena_init(SCRATCH_BYTES_MAX);
    CLEANUP(arena_free) struct arena scratch = arena_init(SCRATCH_BYTES_MAX);
    struct writing writing = {writer, &lists, &scratch};
    return write_set(&writing, file->set, err) && buf_check(writer->out, err);
}
