// SPDX-License-Identifier: Apache-2.0
/* Values: finding elements, numbers, UIDs, days and times (PS3.5 6.2). */
#include "formats/dicom/dicom_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 64 };

static const struct dicom_element *find_sorted(const struct dicom_set *set, uint32_t tag)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->elements[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->elements[low].tag == tag ? &set->elements[low] : NULL;
}

const struct dicom_element *dicom_find(const struct dicom_set *set, uint32_t tag)
{
    if (!set)
        return NULL;
    if (set->is_sorted)
        return find_sorted(set, tag);
    for (size_t i = 0; i < set->count; i++)
        if (set->elements[i].tag == tag)
            return &set->elements[i];
    return NULL;
}

const struct dicom_set *dicom_item(const struct dicom_set *set, uint32_t tag,
                                   size_t index)
{
    const struct dicom_element *element = dicom_find(set, tag);
    if (!element || index >= element->item_count)
        return NULL;
    const struct dicom_set *item = element->items;
    for (size_t i = 0; i < index && item; i++)
        item = item->next;
    return item;
}

/* What the value is, also when the file says unknown. */
static uint16_t meaning(const struct dicom_set *set, const struct dicom_element *element)
{
    return element->vr == VR_UN ? dicom_vr_of(element->tag, set) : element->vr;
}

struct span dicom_trim(struct span value, bool keeps_leading)
{
    while (value.len > 0 &&
           (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\0'))
        value.len--;
    while (!keeps_leading && value.len > 0 && value.at[0] == ' ') {
        value.at++;
        value.len--;
    }
    return value;
}

bool dicom_part(struct span value, size_t index, struct span *part)
{
    struct span rest = value;
    struct span found = {0};
    if (value.len == 0)
        return false;
    for (size_t i = 0; i <= index; i++)
        if (!span_take(&rest, '\\', &found))
            return false;
    *part = dicom_trim(found, false);
    return true;
}

static size_t count_parts(struct span value)
{
    size_t count = value.len > 0;
    for (size_t i = 0; i < value.len; i++)
        count += value.at[i] == '\\';
    return count;
}

static size_t count_texts(const struct dicom_set *set,
                          const struct dicom_element *element)
{
    size_t at = 0;
    size_t count = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    while (at < element->value.len && count < VALUES_MAX) {
        struct text text = {0};
        struct err err = {0};
        if (!dicom_decode(set, element, &at, &arena, &text, &err))
            return count;
        count++;
    }
    return count;
}

size_t dicom_value_count(const struct dicom_set *set, uint32_t tag)
{
    const struct dicom_element *element = dicom_find(set, tag);
    if (!element)
        return 0;
    uint16_t vr = meaning(set, element);
    size_t size = dicom_vr_size(vr);
    if (vr == VR_SQ)
        return element->item_count;
    if (element->value.len == 0)
        return 0;
    if (size > 0)
        return element->value.len / size;
    if (vr == VR_OB || vr == VR_UN || dicom_vr_is_single(vr))
        return 1;
    if (!dicom_vr_is_text(vr) || charset_is_plain(dicom_trim(element->value, true)))
        return count_parts(element->value);
    return count_texts(set, element);
}

struct span dicom_code(const struct dicom_set *set, uint32_t tag)
{
    const struct dicom_element *element = dicom_find(set, tag);
    struct span part = {0};
    if (!element || !dicom_part(element->value, 0, &part))
        return span_of(NULL, 0);
    return part;
}

bool dicom_is(const struct dicom_set *set, uint32_t tag, const char *code)
{
    return span_is(dicom_code(set, tag), code);
}

struct text dicom_uid(const struct dicom_set *set, uint32_t tag)
{
    struct span uid = dicom_code(set, tag);
    bool is_uid = uid.len > 0 && uid.len <= 64;
    for (size_t i = 0; i < uid.len && is_uid; i++)
        is_uid = (uid.at[i] >= '0' && uid.at[i] <= '9') || uid.at[i] == '.';
    return is_uid ? (struct text){(const char *)uid.at, uid.len} : TEXT("");
}

/* ------------------------------------------------------------------ numbers */

bool dicom_parse_number(struct span text, double *out)
{
    char copy[NUMBER_BYTES_MAX + 1];
    char *end = NULL;
    if (text.len == 0 || text.len > NUMBER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!memchr("+-0123456789.eE", text.at[i], 15))
            return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, &end);
    if (end != copy + text.len || !isfinite(value))
        return false;
    if (out)
        *out = value;
    return true;
}

bool dicom_binary_double(const struct dicom_set *set, uint16_t vr, struct span value,
                         size_t index, double *out)
{
    bool is_big = set->is_big_endian;
    size_t at = index * dicom_vr_size(vr);
    if (vr == VR_FL || vr == VR_OF) {
        uint32_t bits = dicom_u32(value, at, is_big);
        float single = 0;
        memcpy(&single, &bits, sizeof single);
        *out = (double)single;
        return isfinite(single);
    }
    uint64_t bits = dicom_u64(value, at, is_big);
    memcpy(out, &bits, sizeof *out);
    return isfinite(*out);
}

bool dicom_binary_int(const struct dicom_set *set, uint16_t vr, struct span value,
                      size_t index, int64_t *out)
{
    bool is_big = set->is_big_endian;
    size_t size = dicom_vr_size(vr);
    size_t at = index * size;
    if (vr == VR_AT) {
        *out = (int64_t)dicom_u16(value, at, is_big) << 16 |
               dicom_u16(value, at + 2, is_big);
        return true;
    }
    if (size == 2) {
        uint16_t bits = dicom_u16(value, at, is_big);
        *out = vr == VR_SS ? (int16_t)bits : (int64_t)bits;
    } else if (size == 4) {
        uint32_t bits = dicom_u32(value, at, is_big);
        *out = vr == VR_SL ? (int32_t)bits : (int64_t)bits;
    } else {
        uint64_t bits = dicom_u64(value, at, is_big);
        *out = (int64_t)bits;
        return vr == VR_SV || bits <= INT64_MAX;
    }
    return true;
}

static bool is_floating(uint16_t vr)
{
    return vr == VR_FL || vr == VR_FD || vr == VR_OF || vr == VR_OD;
}

/* The element, and what its values are by their own length where the VR does not fit:
 * US of four bytes is a UL, UL of two a US. */
static const struct dicom_element *find_number(const struct dicom_set *set, uint32_t tag,
                                               size_t index, uint16_t *vr)
{
    const struct dicom_element *element = dicom_find(set, tag);
    if (!element)
        return NULL;
    *vr = meaning(set, element);
    size_t size = dicom_vr_size(*vr);
    if (size == 4 && element->value.len == 2)
        *vr = VR_US;
    size = dicom_vr_size(*vr);
    if (size > 0 && (element->value.len < size || index > element->value.len / size - 1))
        return NULL;
    return element;
}

bool dicom_double(const struct dicom_set *set, uint32_t tag, size_t index, double *value)
{
    uint16_t vr = VR_UN;
    const struct dicom_element *element = find_number(set, tag, index, &vr);
    struct span part = {0};
    if (!element)
        return false;
    if (is_floating(vr))
        return dicom_binary_double(set, vr, element->value, index, value);
    if (dicom_vr_size(vr) > 0) {
        int64_t whole = 0;
        if (!dicom_binary_int(set, vr, element->value, index, &whole))
            return false;
        *value = (double)whole;
        return true;
    }
    return dicom_part(element->value, index, &part) && dicom_parse_number(part, value);
}

bool dicom_int(const struct dicom_set *set, uint32_t tag, size_t index, int64_t *value)
{
    uint16_t vr = VR_UN;
    const struct dicom_element *element = find_number(set, tag, index, &vr);
    double number = 0;
    if (!element)
        return false;
    if (dicom_vr_size(vr) > 0 && !is_floating(vr))
        return dicom_binary_int(set, vr, element->value, index, value);
    if (!dicom_double(set, tag, index, &number) || number > 9e15 || number < -9e15)
        return false;
    *value = (int64_t)number;
    return (double)*value == number;
}

/* ------------------------------------------------------------------ days and times */

int32_t dicom_day(const struct dicom_set *set, uint32_t tag)
{
    struct span code = dicom_code(set, tag);
    uint8_t digits[8];
    if (code.len == 10 && code.at[4] == '.' && code.at[7] == '.') {
        memcpy(digits, code.at, 4);
        memcpy(digits + 4, code.at + 5, 2);
        memcpy(digits + 6, code.at + 8, 2);
        return day_from_digits(span_of(digits, sizeof digits));
    }
    return code.len >= 8 ? day_from_digits(span_part(code, 0, 8)) : DAY_NONE;
}

static bool pair_below(struct span digits, size_t at, unsigned limit)
{
    uint64_t value = 0;
    return span_uint(span_part(digits, at, 2), limit - 1, &value) && at + 2 <= digits.len;
}

bool dicom_time(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                struct text *text, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    struct span code = dicom_code(set, tag);
    uint8_t digits[6];
    size_t len = 0;
    *text = TEXT("");
    if (!element)
        return true;
    size_t from = meaning(set, element) == VR_DT ? 8 : 0;
    for (size_t i = from; i < code.len && len < sizeof digits; i++) {
        bool is_digit = code.at[i] >= '0' && code.at[i] <= '9';
        if (is_digit)
            digits[len++] = code.at[i];
        else if (code.at[i] != ':' || from > 0)
            break;
    }
    struct span all = span_of(digits, len);
    if (!pair_below(all, 0, 24))
        return true;
    bool has_minutes = pair_below(all, 2, 60);
    bool has_seconds = has_minutes && pair_below(all, 4, 61);
    char out[9];
    size_t used = 2;
    memcpy(out, digits, 2);
    for (size_t i = 2; i < (has_seconds ? 6U : has_minutes ? 4U : 2U); i += 2) {
        out[used] = ':';
        memcpy(out + used + 1, digits + i, 2);
        used += 3;
    }
    return text_copy((struct text){out, used}, arena, text, err);
}
