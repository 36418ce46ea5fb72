// SPDX-License-Identifier: Apache-2.0
/* Results that are not plain numbers (clause 2.8.3): structured numbers written as text
 * ("< 0.5", " 3 +", " 1 - 4", " 1 : 2") and what systems write without any rule
 * ("0.5未満",
 * "(2+)", "陰性"). The value itself is never changed; what it means stands beside it. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

enum { VALUE_BYTES_MAX = 40 };

struct sign {
    const char *written;
    const char *meaning;
};

#define COUNT(signs) (sizeof(signs) / sizeof((signs)[0]))

static const struct sign prefixes[] = {
    {">=", ">="}, {"≧", ">="}, {"≥", ">="}, {">", ">"}, {"＞", ">"},
    {"<=", "<="}, {"≦", "<="}, {"≤", "<="}, {"<", "<"}, {"＜", "<"}};

static const struct sign suffixes[] = {{"以上", ">="}, {"以下", "<="}, {"未満", "<"},
                                       {"超過", ">"},  {"超", ">"},    {"↑", ">"},
                                       {"↓", "<"}};

static const struct sign verdicts[] = {{"-", "陰性"},
                                       {"－", "陰性"},
                                       {"−", "陰性"},
                                       {"陰性", "陰性"},
                                       {"インセイ", "陰性"},
                                       {"ｲﾝｾｲ", "陰性"},
                                       {"+-", "±"},
                                       {"±", "±"},
                                       {"+", "陽性"},
                                       {"＋", "陽性"},
                                       {"陽性", "陽性"},
                                       {"ヨウセイ", "陽性"},
                                       {"ﾖｳｾｲ", "陽性"},
                                       {"検出せず", "検出せず"},
                                       {"ケンシュツセズ", "検出せず"},
                                       {"ｹﾝｼｭﾂｾｽﾞ", "検出せず"},
                                       {"++", "2+"},
                                       {"+++", "3+"},
                                       {"++++", "4+"}};

static const char *take_sign(struct span *rest, const struct sign *signs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!span_starts(*rest, signs[i].written))
            continue;
        size_t len = strlen(signs[i].written);
        *rest = span_trim(span_of(rest->at + len, rest->len - len));
        return signs[i].meaning;
    }
    return NULL;
}

/* Digits with at most one point at the front; empty when there are none. */
static struct span take_number(struct span *rest)
{
    size_t len = 0;
    size_t points = 0;
    while (len < rest->len && ((rest->at[len] >= '0' && rest->at[len] <= '9') ||
                               (rest->at[len] == '.' && len > 0 && points++ == 0)))
        len++;
    struct span number = span_of(rest->at, len);
    *rest = span_trim(span_of(rest->at + len, rest->len - len));
    return number;
}

/* "(2+)" as "2+". */
static struct span without_brackets(struct span span)
{
    bool is_bracketed = span.len > 2 && span.at[0] == '(' && span.at[span.len - 1] == ')';
    return is_bracketed ? span_trim(span_part(span, 1, span.len - 2)) : span;
}

static const char *verdict_of(struct span span)
{
    for (size_t i = 0; i < COUNT(verdicts); i++)
        if (span_is(span, verdicts[i].written))
            return verdicts[i].meaning;
    return NULL;
}

static void put(struct ssmix_reader *reader, struct entry_item *item, const char *key,
                struct span ascii)
{
    ssmix_field(reader, item, key, ssmix_copy(reader, ascii));
}

/* The second number of a range or ratio and the key that it goes by; NULL when there is
 * none. A separator without a number stays in `rest`. */
static const char *take_second(struct span *rest, struct span *second)
{
    static const struct sign separators[] = {
        {"-", "value_high"},  {"～", "value_high"}, {"〜", "value_high"},
        {"~", "value_high"},  {":", "value_ratio"}, {"：", "value_ratio"},
        {"/", "value_ratio"},
    };
    struct span behind = *rest;
    const char *key = take_sign(&behind, separators, COUNT(separators));
    *second = key ? take_number(&behind) : (struct span){0};
    if (second->len == 0)
        return NULL;
    *rest = behind;
    return key;
}

/* What stands behind the first number; says nothing unless the whole was understood. */
static void read_behind(struct ssmix_reader *reader, struct entry_item *item,
                        struct span number, struct span rest, const char *comparator)
{
    static const struct sign graded[] = {{"+", "+"}};
    struct span second = {0};
    if (!comparator)
        comparator = take_sign(&rest, suffixes, COUNT(suffixes));
    const char *key = take_second(&rest, &second);
    bool is_graded = !key && take_sign(&rest, graded, COUNT(graded));
    /* "2.3(±)": the number stands first, the class behind it is text. */
    bool has_class = rest.len > 0 && rest.at[0] == '(' && !key && !is_graded;
    if (rest.len > 0 && (!has_class || comparator))
        return;
    if (comparator)
        ssmix_field(reader, item, "value_comparator", text_cstr(comparator));
    if (is_graded)
        ssmix_field(reader, item, "value_verdict",
                    ssmix_pair(reader, ssmix_copy(reader, number), "", TEXT("+")));
    else
        put(reader, item, "value_number", number);
    if (key)
        put(reader, item, key, second);
}

void ssmix_value_fields(struct ssmix_reader *reader, struct entry_item *item,
                        struct text value)
{
    uint8_t narrow[VALUE_BYTES_MAX];
    struct span rest = span_trim(text_span(value));
    if (rest.len == 0 || rest.len > VALUE_BYTES_MAX)
        return;
    struct span probe = rest;
    if (take_number(&probe).len == rest.len)
        return;
    rest = without_brackets(ssmix_narrow(rest, narrow, VALUE_BYTES_MAX));
    const char *verdict = verdict_of(rest);
    if (verdict) {
        ssmix_field(reader, item, "value_verdict", text_cstr(verdict));
        return;
    }
    const char *comparator = take_sign(&rest, prefixes, COUNT(prefixes));
    struct span number = take_number(&rest);
    if (number.len > 0)
        read_behind(reader, item, number, rest, comparator);
}
