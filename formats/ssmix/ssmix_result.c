// SPDX-License-Identifier: Apache-2.0
/* OBX: value, unit, range, flag and status of one result. */
#include <string.h>

#include "formats/ssmix/ssmix_reader.h"

/* ------------------------------------------------------------------ numbers */

/* A decimal number, exactly: mantissa × 10^-9. */
struct decimal {
    int64_t nano;
};

enum { DIGITS_MAX = 9 };

/* Digits at the front of `rest` are taken off and appended to *value as long as there is
 * room; how many there were. */
static size_t take_digits(struct span *rest, int64_t *value)
{
    size_t count = 0;
    while (count < rest->len && rest->at[count] >= '0' && rest->at[count] <= '9') {
        if (count < DIGITS_MAX)
            *value = *value * 10 + (rest->at[count] - '0');
        count++;
    }
    if (count > 0)
        *rest = span_of(rest->at + count, rest->len - count);
    return count;
}

static bool take_byte(struct span *rest, uint8_t byte)
{
    if (rest->len == 0 || rest->at[0] != byte)
        return false;
    *rest = span_of(rest->at + 1, rest->len - 1);
    return true;
}

/* At most nine digits before and behind the point; nothing else counts as a number. */
static bool take_decimal(struct span *rest, struct decimal *number)
{
    int64_t value = 0;
    bool is_negative = take_byte(rest, '-');
    if (!is_negative)
        take_byte(rest, '+');
    size_t whole = take_digits(rest, &value);
    size_t behind = take_byte(rest, '.') ? take_digits(rest, &value) : 0;
    if (whole + behind == 0 || whole > DIGITS_MAX || behind > DIGITS_MAX)
        return false;
    for (size_t k = behind; k < DIGITS_MAX; k++)
        value *= 10;
    number->nano = is_negative ? -value : value;
    return true;
}

static bool is_decimal(struct span span, struct decimal *number)
{
    struct span rest = span_trim(span);
    return take_decimal(&rest, number) && rest.len == 0;
}

static bool take_word(struct span *rest, const char *word)
{
    if (!span_starts(*rest, word))
        return false;
    size_t len = strlen(word);
    *rest = span_of(rest->at + len, rest->len - len);
    return true;
}

/* What stands before or behind the bound of a range with one end. */
struct comparator {
    const char *word;
    bool is_lower; /* the bound is the lower end */
    bool is_inclusive;
};

static const struct comparator prefixes[] = {
    {">=", true, true},  {"≧", true, true},  {"≥", true, true},  {">", true, false},
    {"<=", false, true}, {"≦", false, true}, {"≤", false, true}, {"<", false, false},
};

static const struct comparator suffixes[] = {
    {"以上", true, true}, {"以下", false, true}, {"未満", false, false}};

static const struct comparator *
take_comparator(struct span *rest, const struct comparator *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (take_word(rest, from[i].word))
            return &from[i];
    return NULL;
}

/* A range with one end: ">10", "<=0.5", "15以下". True when it was one. */
static bool compare_open(struct span range, struct decimal value, int *order)
{
    struct span rest = span_trim(range);
    struct decimal bound = {0};
    const struct comparator *how =
        take_comparator(&rest, prefixes, sizeof(prefixes) / sizeof(prefixes[0]));
    rest = span_trim(rest);
    if (!take_decimal(&rest, &bound))
        return false;
    rest = span_trim(rest);
    if (!how)
        how = take_comparator(&rest, suffixes, sizeof(suffixes) / sizeof(suffixes[0]));
    if (!how || rest.len > 0)
        return false;
    bool is_inside = value.nano == bound.nano
                         ? how->is_inclusive
                         : (value.nano > bound.nano) == how->is_lower;
    *order = is_inside ? 0 : how->is_lower ? -1 : 1;
    return true;
}

static bool is_ascii(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        if (span.at[i] >= 0x80)
            return false;
    return true;
}

static bool take_dash(struct span *rest)
{
    static const char *const dashes[] = {"-", "～", "〜", "~", "－", "−"};
    for (size_t i = 0; i < sizeof(dashes) / sizeof(dashes[0]); i++)
        if (take_word(rest, dashes[i]))
            return true;
    return false;
}

/* "10-40" */
static bool take_range(struct span range, struct decimal *low, struct decimal *high)
{
    struct span rest = span_trim(range);
    if (!take_decimal(&rest, low))
        return false;
    rest = span_trim(rest);
    if (!take_dash(&rest))
        return false;
    rest = span_trim(rest);
    return take_decimal(&rest, high) && span_trim(rest).len == 0 &&
           low->nano <= high->nano;
}

/* Where a plain number lies. */
static int compare_number(struct decimal number, struct span range)
{
    struct decimal low = {0};
    struct decimal high = {0};
    int order = 0;
    if (compare_open(range, number, &order))
        return order;
    if (!take_range(range, &low, &high))
        return 0;
    return number.nano < low.nano ? -1 : number.nano > high.nano ? 1 : 0;
}

int ssmix_compare_range(struct span value, struct span range)
{
    enum { NUMBER_MAX = 24 };
    uint8_t narrow[NUMBER_MAX];
    struct decimal number = {0};
    if (!is_ascii(value))
        value = ssmix_narrow(value, narrow, NUMBER_MAX);
    struct span rest = span_trim(value);
    /* Above 1000 is high whatever it is; below 50 may be anywhere below. */
    const struct comparator *how =
        take_comparator(&rest, prefixes, sizeof(prefixes) / sizeof(prefixes[0]));
    if (!is_decimal(rest, &number))
        return 0;
    if (!how)
        return compare_number(number, range);
    number.nano += how->is_inclusive ? 0 : how->is_lower ? 1 : -1;
    int order = compare_number(number, range);
    return order == (how->is_lower ? 1 : -1) ? order : 0;
}

/* HL7 table 0078, with the two-letter forms of later versions. */
unsigned ssmix_abnormal(struct text flag)
{
    static const struct {
        const char *code;
        unsigned flag;
    } known[] = {
        {"H", ENTRY_ABNORMAL_HIGH},  {"HH", ENTRY_ABNORMAL_HIGH},
        {"HU", ENTRY_ABNORMAL_HIGH}, {"HX", ENTRY_ABNORMAL_HIGH},
        {">", ENTRY_ABNORMAL_HIGH},  {"L", ENTRY_ABNORMAL_LOW},
        {"LL", ENTRY_ABNORMAL_LOW},  {"LU", ENTRY_ABNORMAL_LOW},
        {"LX", ENTRY_ABNORMAL_LOW},  {"<", ENTRY_ABNORMAL_LOW},
        {"A", ENTRY_ABNORMAL},       {"AA", ENTRY_ABNORMAL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (text_is(flag, known[i].code))
            return known[i].flag;
    return 0;
}

/* ------------------------------------------------------------------ values */

static struct hl7_place value_place(const struct ssmix_result *result,
                                    uint16_t repetition, uint16_t component)
{
    return (struct hl7_place){.segment = result->obx,
                              .field = (uint16_t)(5 + result->shift),
                              .repetition = repetition,
                              .component = component};
}

/* CWE: the text; a bare code without system is what many send as a value. */
static struct text coded_value(struct ssmix_reader *reader,
                               const struct ssmix_result *result, uint16_t repetition)
{
    struct text system = ssmix_text(reader, value_place(result, repetition, 3));
    struct text text = ssmix_text(reader, value_place(result, repetition, 2));
    struct text code = ssmix_text(reader, value_place(result, repetition, 1));
    /* Blood groups: their codes are their names. */
    if (text.len == 0 && text_is(system, "JSHR002"))
        return code;
    if (text.len > 0 || system.len > 0)
        return ssmix_coded(reader, value_place(result, repetition, 0), SSMIX_TABLE_NONE);
    text = ssmix_text(reader, value_place(result, repetition, 9));
    return text.len > 0 ? text : code;
}

/* SN in its own form: comparator, number, separator, number. */
static struct text structured_value(struct ssmix_reader *reader,
                                    const struct ssmix_result *result,
                                    uint16_t repetition)
{
    struct text parts[4];
    for (uint16_t i = 0; i < 4; i++)
        parts[i] = ssmix_text(reader, value_place(result, repetition, (uint16_t)(i + 1)));
    return ssmix_join(reader, parts, 4, " ");
}

/* ZRD: item, amount, unit. */
static struct text item_value(struct ssmix_reader *reader,
                              const struct ssmix_result *result, uint16_t repetition)
{
    struct text name = ssmix_used_item(reader, value_place(result, repetition, 0));
    struct text amount = ssmix_text(reader, value_place(result, repetition, 4));
    struct text unit =
        ssmix_part(reader, value_place(result, repetition, 5), SSMIX_TABLE_UNIT);
    return ssmix_pair(reader, name, " ", ssmix_pair(reader, amount, " ", unit));
}

/* CQ: amount and unit. */
static struct text quantity_value(struct ssmix_reader *reader,
                                  const struct ssmix_result *result, uint16_t repetition)
{
    struct text amount = ssmix_text(reader, value_place(result, repetition, 1));
    return ssmix_pair(
        reader, amount, " ",
        ssmix_part(reader, value_place(result, repetition, 2), SSMIX_TABLE_UNIT));
}

static struct text one_value(struct ssmix_reader *reader,
                             const struct ssmix_result *result, uint16_t repetition)
{
    struct span type = ssmix_raw(reader, result->obx, 2, 0);
    struct hl7_place whole = value_place(result, repetition, 0);
    if (span_is(type, "CWE") || span_is(type, "CE") || span_is(type, "CNE") ||
        span_is(type, "CF"))
        return coded_value(reader, result, repetition);
    if (span_is(type, "XCN"))
        return ssmix_person(reader, whole);
    if (span_is(type, "TS") || span_is(type, "DT") || span_is(type, "DTM")) {
        struct text time = ssmix_time(reader, value_place(result, repetition, 1));
        return time.len > 0 ? time : ssmix_text(reader, whole);
    }
    if (span_is(type, "ZRD"))
        return item_value(reader, result, repetition);
    if (span_is(type, "CQ"))
        return quantity_value(reader, result, repetition);
    if (span_is(type, "SN"))
        return structured_value(reader, result, repetition);
    if (span_is(type, "ED") || span_is(type, "RP"))
        return TEXT("［添付データ］");
    return ssmix_text(reader, whole);
}

static struct text values_of(struct ssmix_reader *reader,
                             const struct ssmix_result *result)
{
    uint16_t count =
        ssmix_repetitions(reader, result->obx, (uint16_t)(5 + result->shift));
    if (count <= 1)
        return one_value(reader, result, 0);
    if (!ssmix_is_good(reader))
        return (struct text){0};
    struct text *parts = ARENA_MANY(reader->arena, struct text, count, reader->err);
    if (!parts)
        return (struct text){0};
    for (uint16_t i = 0; i < count; i++)
        parts[i] = one_value(reader, result, i);
    return ssmix_join(reader, parts, count, "\n");
}

/* An extra separator before OBX-5: "4|1661^CAZ^JANIS" (clause 2.8.4). */
static size_t shift_of(struct ssmix_reader *reader, size_t obx)
{
    bool is_coded = span_is(ssmix_raw(reader, obx, 2, 0), "CWE");
    if (!is_coded || ssmix_raw(reader, obx, 5, 2).len > 0 ||
        ssmix_raw(reader, obx, 5, 3).len > 0 ||
        !span_is(ssmix_raw(reader, obx, 6, 3), "JANIS"))
        return 0;
    ssmix_warn_at(reader, "value_shifted", HL7_AT(obx, 5, 0),
                  TEXT("検査値の前に余分な区切りがあります"));
    return 1;
}

/* As table 0078 writes it: some write it full-width or in small letters. */
static struct text plain_flag(struct ssmix_reader *reader, struct text flag)
{
    enum { FLAG_MAX = 3 };
    uint8_t narrow[FLAG_MAX];
    struct span span = ssmix_narrow(span_trim(text_span(flag)), narrow, FLAG_MAX);
    if (span.len == 0 || span.len > FLAG_MAX || !is_ascii(span))
        return flag;
    uint8_t upper[FLAG_MAX];
    for (size_t i = 0; i < span.len; i++)
        upper[i] = span.at[i] >= 'a' && span.at[i] <= 'z' ? (uint8_t)(span.at[i] - 0x20)
                                                          : span.at[i];
    struct span plain = span_of(upper, span.len);
    return span_equal(plain, text_span(flag)) ? flag : ssmix_copy(reader, plain);
}

/* OBX-8; of several the first that says high or low. */
static struct text reported_flag(struct ssmix_reader *reader, struct hl7_place place)
{
    struct text flag = plain_flag(reader, ssmix_text(reader, place));
    uint16_t count = ssmix_repetitions(reader, place.segment, place.field);
    for (place.repetition = 1; place.repetition < count; place.repetition++) {
        struct text other = plain_flag(reader, ssmix_text(reader, place));
        unsigned directions = ENTRY_ABNORMAL_HIGH | ENTRY_ABNORMAL_LOW;
        bool is_stronger = flag.len == 0 || ssmix_abnormal(other) > 0;
        if (is_stronger && !(ssmix_abnormal(flag) & directions))
            flag = other;
    }
    return flag;
}

static void take_flag(struct ssmix_reader *reader, struct ssmix_result *result)
{
    size_t obx = result->obx;
    uint16_t shift = (uint16_t)result->shift;
    result->flag = reported_flag(reader, HL7_AT(obx, (uint16_t)(8 + shift), 1));
    struct span type = ssmix_raw(reader, obx, 2, 0);
    bool is_plain = type.len == 0 || span_is(type, "NM") || span_is(type, "ST") ||
                    span_is(type, "SN");
    if (result->flag.len > 0 || !is_plain)
        return;
    struct text range = ssmix_at(reader, obx, (uint16_t)(7 + shift), 0);
    int order = ssmix_compare_range(text_span(result->value), text_span(range));
    result->is_computed = order != 0;
    if (order != 0)
        result->flag = order > 0 ? TEXT("H") : TEXT("L");
}

void ssmix_take_result(struct ssmix_reader *reader, size_t obx,
                       struct ssmix_result *result)
{
    *result = (struct ssmix_result){.obx = obx};
    result->shift = shift_of(reader, obx);
    uint16_t shift = (uint16_t)result->shift;
    result->value = values_of(reader, result);
    result->unit = ssmix_unit(reader, obx, (uint16_t)(6 + shift));
    struct span status = ssmix_raw(reader, obx, (uint16_t)(11 + shift), 0);
    result->status = ssmix_code_text(SSMIX_TABLE_RESULT_STATUS, status);
    result->is_withdrawn = span_is(status, "D") || span_is(status, "W");
    take_flag(reader, result);
    if (result->is_withdrawn)
        ssmix_pass_over(reader, obx);
}

struct text ssmix_test_name(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    struct hl7_place place = HL7_AT(segment, field, 2);
    place.subcomponent = 2;
    if (hl7_raw(reader->message, place).len == 0)
        return ssmix_coded_at(reader, segment, field, SSMIX_TABLE_NONE);
    struct text second = ssmix_text(reader, place);
    place.subcomponent = 1;
    return ssmix_pair(reader, ssmix_text(reader, place), " ", second);
}

/* JLAC10 of either half of OBX-3; else the local code, which means something only inside
 * the facility. */
static struct text series_key(struct ssmix_reader *reader, size_t obx)
{
    enum { ANALYTE_TO_MATERIAL = 12 };
    bool is_first = span_is(ssmix_raw(reader, obx, 3, 3), "JC10");
    bool is_second = !is_first && span_is(ssmix_raw(reader, obx, 3, 6), "JC10");
    if (is_first || is_second) {
        struct text code = ssmix_at(reader, obx, 3, is_first ? 1 : 4);
        if (code.len > ANALYTE_TO_MATERIAL &&
            span_all_digits(span_part(text_span(code), 2, ANALYTE_TO_MATERIAL - 2)))
            code.len = ANALYTE_TO_MATERIAL;
        return code;
    }
    bool has_local = ssmix_raw(reader, obx, 3, 4).len > 0;
    struct text code = ssmix_at(reader, obx, 3, has_local ? 4 : 1);
    struct text system = ssmix_at(reader, obx, 3, has_local ? 6 : 3);
    return code.len ? ssmix_pair(reader, ssmix_pair(reader, TEXT("local"), ":", code),
                                 "@", system)
                    : code;
}

/* Types whose values may be numbers or verdicts; others are prose, times or persons. */
static bool is_measured(struct span type)
{
    return type.len == 0 || span_is(type, "NM") || span_is(type, "ST") ||
           span_is(type, "SN") || span_is(type, "CWE") || span_is(type, "CE");
}

void ssmix_result_fields(struct ssmix_reader *reader, struct entry_item *item,
                         const struct ssmix_result *result)
{
    size_t obx = result->obx;
    uint16_t shift = (uint16_t)result->shift;
    ssmix_field(reader, item, "name", ssmix_test_name(reader, obx, 3));
    struct text code = ssmix_at(reader, obx, 3, 1);
    bool is_local = code.len == 0;
    if (is_local)
        code = ssmix_at(reader, obx, 3, 4);
    ssmix_field(reader, item, "code", code);
    ssmix_field(reader, item, "system", ssmix_at(reader, obx, 3, is_local ? 6 : 3));
    ssmix_field(reader, item, "value", result->value);
    ssmix_field(reader, item, "unit", result->unit);
    ssmix_field(reader, item, "range", ssmix_at(reader, obx, (uint16_t)(7 + shift), 0));
    ssmix_field(reader, item, "flag", result->flag);
    if (result->flag.len > 0)
        ssmix_field(reader, item, "flag_source",
                    result->is_computed ? TEXT("計算") : TEXT("報告"));
    if (is_measured(ssmix_raw(reader, obx, 2, 0)))
        ssmix_value_fields(reader, item, result->value);
    ssmix_field(reader, item, "status", result->status);
    ssmix_field(reader, item, "sub_id", ssmix_at(reader, obx, 4, 0));
    ssmix_field(reader, item, "time",
                ssmix_time(reader, HL7_AT(obx, (uint16_t)(14 + shift), 1)));
    ssmix_field(reader, item, "method",
                ssmix_coded_at(reader, obx, (uint16_t)(17 + shift), SSMIX_TABLE_NONE));
    ssmix_field(reader, item, "comment", ssmix_notes(reader, obx));
    ssmix_field(reader, item, "key_series", series_key(reader, obx));
}

void ssmix_observations(struct ssmix_reader *reader, struct entry *entry,
                        struct ssmix_group group)
{
    for (size_t i = group.from; i < group.to && ssmix_is_good(reader); i++) {
        if (reader->tags[i] != TAG_OBX)
            continue;
        struct ssmix_result result = {0};
        ssmix_take_result(reader, i, &result);
        if (result.is_withdrawn)
            continue;
        struct entry_item *item = ssmix_item(reader, entry, "observation", 22);
        ssmix_result_fields(reader, item, &result);
    }
}
