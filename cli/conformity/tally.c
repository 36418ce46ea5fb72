// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "cli/conformity/conformity.h"
#include "formats/charset/charset.h"

static struct conformity_code *find_code(struct conformity_total *total, const char *code)
{
    for (size_t i = 0; i < total->code_count; i++)
        if (strcmp(total->codes[i].code, code) == 0)
            return &total->codes[i];
    if (total->code_count == CONFORMITY_CODES_MAX)
        return &total->codes[CONFORMITY_CODES_MAX - 1];
    struct conformity_code *added = &total->codes[total->code_count++];
    added->code = code;
    return added;
}

static const char *copy_of(struct arena *arena, const char *text, struct err *err)
{
    size_t len = strlen(text);
    char *copy = arena_take(arena, len + 1, 1, err);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

bool conformity_count_code(struct conformity_total *total,
                           const struct conformity_finding *found, struct err *err)
{
    struct conformity_code *counted = find_code(total, found->code);
    counted->count++;
    int at = counted->example_count;
    if (at == CONFORMITY_EXAMPLES)
        return true;
    counted->examples[at] = copy_of(&total->arena, found->path, err);
    if (counted->examples[at])
        counted->places[at] = copy_of(&total->arena, found->place, err);
    if (err->kind != ERR_NONE)
        return false;
    counted->example_count++;
    return true;
}

const char *conformity_type_code(size_t type)
{
    return type < SSMIX_TYPE_COUNT        ? ssmix_type_at(type)->code
           : type == CONFORMITY_DOCUMENTS ? "ext"
                                          : "-";
}

const char *conformity_type_name(size_t type, bool is_english)
{
    if (type == CONFORMITY_DOCUMENTS)
        return is_english ? "documents of extended storage" : "拡張ストレージの文書";
    return type < SSMIX_TYPE_COUNT && !is_english ? ssmix_type_at(type)->name : "";
}

static int compare(const void *a, const void *b)
{
    const struct conformity_code *left = a;
    const struct conformity_code *right = b;
    enum conformity_weight left_weight = conformity_find_words(left->code)->weight;
    enum conformity_weight right_weight = conformity_find_words(right->code)->weight;
    if (left_weight != right_weight)
        return left_weight < right_weight ? -1 : 1;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return strcmp(left->code, right->code);
}

void conformity_sort_codes(struct conformity_total *total)
{
    if (total->code_count > 0)
        qsort(total->codes, total->code_count, sizeof total->codes[0], compare);
}

struct text conformity_path(const char *path, struct arena *arena)
{
    struct span bytes = span_cstr(path);
    struct err err = {0};
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    if (text_from_utf8(bytes, &text, &err))
        return text;
    err_clear(&err);
    if (!charset_decode(charset_detect(bytes), bytes, arena, &text, &findings, &first_bad,
                        &err))
        return TEXT("?");
    return text;
}
