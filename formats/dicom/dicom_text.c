// SPDX-License-Identifier: Apache-2.0
/* Texts and persons' names as people read them. */
#include "formats/dicom/dicom_parts.h"

#include <stdio.h>

static uint16_t meaning(const struct dicom_set *set, const struct dicom_element *element)
{
    return element->vr == VR_UN ? dicom_vr_of(element->tag, set) : element->vr;
}

/* A binary number in words. */
static bool number_text(const struct dicom_set *set, const struct dicom_element *element,
                        size_t index, struct arena *arena, struct text *text,
                        struct err *err)
{
    char words[40] = "";
    int64_t whole = 0;
    double number = 0;
    if (meaning(set, element) == VR_AT && dicom_int(set, element->tag, index, &whole))
        snprintf(words, sizeof words, "(%04X,%04X)", (unsigned)(whole >> 16) & 0xFFFF,
                 (unsigned)whole & 0xFFFF);
    else if (dicom_int(set, element->tag, index, &whole))
        snprintf(words, sizeof words, "%lld", (long long)whole);
    else if (dicom_double(set, element->tag, index, &number))
        snprintf(words, sizeof words, "%.9g", number);
    return text_copy((struct text){words, span_cstr(words).len}, arena, text, err);
}

static bool is_binary(uint16_t vr)
{
    return dicom_vr_size(vr) > 0 || vr == VR_OB || vr == VR_SQ || vr == VR_UN;
}

static bool one_text(const struct dicom_set *set, const struct dicom_element *element,
                     size_t index, size_t *at, struct arena *arena, struct text *text,
                     struct err *err)
{
    if (!is_binary(meaning(set, element)))
        return dicom_decode(set, element, at, arena, text, err);
    *text = TEXT("");
    return dicom_vr_size(meaning(set, element)) == 0 ||
           number_text(set, element, index, arena, text, err);
}

bool dicom_text(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                struct text *text, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    size_t at = 0;
    *text = TEXT("");
    if (!element || element->value.len == 0)
        return true;
    return one_text(set, element, 0, &at, arena, text, err);
}

bool dicom_texts(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                 struct text **texts, size_t *count, struct err *err)
{
    const struct dicom_element *element = dicom_find(set, tag);
    size_t room = 0;
    size_t at = 0;
    *texts = NULL;
    *count = 0;
    if (!element || element->value.len == 0)
        return true;
    size_t size = dicom_vr_size(meaning(set, element));
    if (size == 0 && is_binary(meaning(set, element)))
        return true;
    size_t number = size ? element->value.len / size : 0;
    while (*count < VALUES_MAX && (size ? *count < number : at < element->value.len)) {
        *texts =
            arena_grow(arena, *texts, *count, *count + 1, sizeof **texts, &room, err);
        if (!*texts ||
            !one_text(set, element, *count, &at, arena, &(*texts)[*count], err))
            return false;
        ++*count;
    }
    return true;
}

/* Components joined by single spaces; family, given, middle, prefix, suffix as they
 * stand. Borrows or copies. */
static bool join_components(struct span group, struct arena *arena, struct text *text,
                            struct err *err)
{
    char *out = ARENA_MANY(arena, char, group.len + 1, err);
    struct span part = {0};
    size_t len = 0;
    *text = TEXT("");
    if (!out)
        return false;
    while (span_take(&group, '^', &part)) {
        struct span trimmed = dicom_trim(part, false);
        if (trimmed.len == 0)
            continue;
        if (len > 0)
            out[len++] = ' ';
        memcpy(out + len, trimmed.at, trimmed.len);
        len += trimmed.len;
    }
    *text = (struct text){out, len};
    return true;
}

bool dicom_name(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                struct dicom_name *name, struct err *err)
{
    struct text whole = {0};
    struct span group = {0};
    struct text *groups[] = {&name->alphabetic, &name->ideographic, &name->phonetic};
    *name = (struct dicom_name){TEXT(""), TEXT(""), TEXT("")};
    if (!dicom_text(set, tag, arena, &whole, err))
        return false;
    struct span rest = text_span(whole);
    for (size_t i = 0; i < 3 && rest.len > 0 && span_take(&rest, '=', &group); i++)
        if (!join_components(group, arena, groups[i], err))
            return false;
    return true;
}
