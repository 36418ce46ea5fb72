// SPDX-License-Identifier: Apache-2.0
#include "formats/ssmix/ssmix_reader.h"

#include <stdio.h>
#include <string.h>

bool ssmix_is_good(const struct ssmix_reader *reader)
{
    return reader->err->kind == ERR_NONE;
}

/* ------------------------------------------------------------------ segments */

size_t ssmix_next(const struct ssmix_reader *reader, uint32_t tag,
                  struct ssmix_group group)
{
    for (size_t i = group.from; i < group.to; i++)
        if (reader->tags[i] == tag)
            return i;
    return HL7_NONE;
}

size_t ssmix_count(const struct ssmix_reader *reader, uint32_t tag,
                   struct ssmix_group group)
{
    size_t count = 0;
    for (size_t i = group.from; i < group.to; i++)
        count += reader->tags[i] == tag;
    return count;
}

bool ssmix_take_group(const struct ssmix_reader *reader, uint32_t tag, size_t *at,
                      struct ssmix_group *group)
{
    size_t first = ssmix_next(reader, tag, (struct ssmix_group){*at, reader->count});
    if (first == HL7_NONE)
        return false;
    size_t end = ssmix_next(reader, tag, (struct ssmix_group){first + 1, reader->count});
    *group = (struct ssmix_group){first, end == HL7_NONE ? reader->count : end};
    *at = group->to;
    return true;
}

void ssmix_refuse(struct ssmix_reader *reader, const char *code, size_t at,
                  uint32_t missing)
{
    struct err *err = reader->err;
    if (!reader->name || !reader->name->known || !ssmix_is_good(reader))
        return;
    err_at(err, ERR_SYNTAX, code, hl7_segment_offset(reader->message, at), "SS-MIX2 2.6");
    const char name[] = {(char)(missing >> 16), (char)(missing >> 8), (char)missing, 0};
    bool is_group = strcmp(code, "ssmix_group_incomplete") == 0;
    snprintf(err->text, sizeof err->text, "%s%sセグメントがありません",
             is_group ? "この位置で終わるグループに" : "必須の", name);
}

/* ------------------------------------------------------------------ plain values */

static void mark_seen(struct ssmix_reader *reader, struct hl7_place place)
{
    enum { FIELDS = 64 };
    struct ssmix_seen *seen = &reader->seen[place.segment];
    uint64_t bit = place.field < FIELDS ? UINT64_C(1) << place.field : 0;
    if (place.repetition == 0)
        seen->first |= bit;
    else
        seen->more |= bit;
}

void ssmix_own(struct ssmix_reader *reader, size_t segment, struct entry *entry)
{
    if (segment != HL7_NONE && entry != &reader->scrap)
        reader->seen[segment].owner = entry;
}

void ssmix_pass_over(struct ssmix_reader *reader, size_t segment)
{
    do {
        reader->seen[segment].first = UINT64_MAX;
        reader->seen[segment].more = UINT64_MAX;
        segment++;
    } while (segment < reader->count && reader->tags[segment] == TAG_NTE);
}

struct text ssmix_text(struct ssmix_reader *reader, struct hl7_place place)
{
    struct text text = {0};
    if (place.segment == HL7_NONE || !ssmix_is_good(reader))
        return text;
    mark_seen(reader, place);
    if (!hl7_text(reader->message, place, reader->arena, &text, reader->err))
        return (struct text){0};
    return text;
}

struct text ssmix_at(struct ssmix_reader *reader, size_t segment, uint16_t field,
                     uint16_t component)
{
    return ssmix_text(reader, HL7_AT(segment, field, component));
}

struct span ssmix_raw(const struct ssmix_reader *reader, size_t segment, uint16_t field,
                      uint16_t component)
{
    if (segment == HL7_NONE)
        return (struct span){0};
    struct hl7_place place = HL7_AT(segment, field, component);
    struct span raw = hl7_raw(reader->message, place);
    return span_is(raw, "\"\"") ? (struct span){0} : raw;
}

uint16_t ssmix_repetitions(struct ssmix_reader *reader, size_t segment, uint16_t field)
{
    /* Finding the nth repetition costs n steps, so that a bound keeps hostile fields
     * from costing square time. */
    enum { REPETITIONS_MAX = 256 };
    if (segment == HL7_NONE)
        return 0;
    size_t count = hl7_repetition_count(reader->message, segment, field);
    if (count <= REPETITIONS_MAX)
        return (uint16_t)count;
    ssmix_warn_at(reader, "repetitions_cut", HL7_AT(segment, field, 0),
                  TEXT("繰り返しが多すぎるため一部だけを読みました"));
    return REPETITIONS_MAX;
}

struct text ssmix_join(struct ssmix_reader *reader, const struct text *parts,
                       size_t count, const char *separator)
{
    size_t separator_len = strlen(separator);
    size_t total = 0;
    size_t used = 0;
    size_t last = 0;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > 0) {
            total += parts[i].len + separator_len;
            used++;
            last = i;
        }
    if (used <= 1)
        return used ? parts[last] : (struct text){0};
    char *at =
        ssmix_is_good(reader) ? arena_take(reader->arena, total, 1, reader->err) : NULL;
    if (!at)
        return (struct text){0};
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len == 0)
            continue;
        if (len > 0) {
            memcpy(at + len, separator, separator_len);
            len += separator_len;
        }
        memcpy(at + len, parts[i].at, parts[i].len);
        len += parts[i].len;
    }
    return (struct text){at, len};
}

struct text ssmix_pair(struct ssmix_reader *reader, struct text a, const char *separator,
                       struct text b)
{
    struct text parts[] = {a, b};
    return ssmix_join(reader, parts, 2, separator);
}

/* Many write words where a code belongs; those need no brackets. */
static bool is_words(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.at[i] <= ' ' || (uint8_t)text.at[i] >= 0x80)
            return true;
    return false;
}

static struct text bracketed(struct ssmix_reader *reader, struct text code)
{
    if (code.len == 0 || is_words(code))
        return code;
    struct text parts[] = {TEXT("["), code, TEXT("]")};
    return ssmix_join(reader, parts, 3, "");
}

struct text ssmix_used_item(struct ssmix_reader *reader, struct hl7_place place)
{
    place.component = 2;
    struct text text = ssmix_text(reader, place);
    if (text.len > 0)
        return text;
    place.component = 1;
    return bracketed(reader, ssmix_text(reader, place));
}

bool ssmix_is_bare_code(struct text text)
{
    return text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']' &&
           !is_words(text);
}

struct text ssmix_number(struct ssmix_reader *reader, size_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", number);
    return ssmix_copy(reader, span_of(digits, (size_t)len));
}

struct text ssmix_copy(struct ssmix_reader *reader, struct span ascii)
{
    struct span copy = {0};
    struct text text = {0};
    if (!ssmix_is_good(reader) || !arena_copy(reader->arena, ascii, &copy, reader->err) ||
        !text_from_utf8(copy, &text, reader->err))
        return (struct text){0};
    return text;
}

bool ssmix_day_has(int32_t day)
{
    return day != DAY_NONE;
}

struct text ssmix_iso(struct ssmix_reader *reader, int32_t day)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(day, iso);
    return iso[0] ? ssmix_copy(reader, span_cstr(iso)) : (struct text){0};
}

/* ------------------------------------------------------------------ coded values */

/* In words: the text, the second text, the original text, the table's; else "" and the
 * code in *code. */
static struct text words_of(struct ssmix_reader *reader, struct hl7_place place,
                            enum ssmix_table table, struct text *code)
{
    static const uint16_t texts[] = {2, 5, 9};
    place.subcomponent = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        place.component = texts[i];
        struct text text = ssmix_text(reader, place);
        if (text.len > 0)
            return text;
    }
    place.component = 1;
    *code = ssmix_text(reader, place);
    return ssmix_code_text(table, text_span(*code));
}

struct text ssmix_coded(struct ssmix_reader *reader, struct hl7_place place,
                        enum ssmix_table table)
{
    struct text code = {0};
    struct text words = words_of(reader, place, table, &code);
    return words.len > 0 ? words : bracketed(reader, code);
}

struct text ssmix_words(struct ssmix_reader *reader, struct hl7_place place,
                        enum ssmix_table table)
{
    struct text code = {0};
    struct text words = words_of(reader, place, table, &code);
    if (words.len == 0 && is_words(code))
        return code;
    return words;
}

struct text ssmix_coded_at(struct ssmix_reader *reader, size_t segment, uint16_t field,
                           enum ssmix_table table)
{
    return ssmix_coded(reader, HL7_AT(segment, field, 0), table);
}

struct text ssmix_part(struct ssmix_reader *reader, struct hl7_place place,
                       enum ssmix_table table)
{
    place.subcomponent = 2;
    struct text text = ssmix_text(reader, place);
    if (text.len > 0)
        return text;
    place.subcomponent = 1;
    struct text code = ssmix_text(reader, place);
    struct text name = ssmix_code_text(table, text_span(code));
    return name.len > 0 ? name : code;
}

struct text ssmix_usage(struct ssmix_reader *reader, size_t tq1)
{
    struct hl7_place pattern = HL7_AT(tq1, 3, 1);
    struct text usage = ssmix_part(reader, pattern, SSMIX_TABLE_REPEAT);
    uint16_t count = ssmix_repetitions(reader, tq1, 3);
    for (pattern.repetition = 1; pattern.repetition < count; pattern.repetition++)
        usage = ssmix_pair(reader, usage, "・",
                           ssmix_part(reader, pattern, SSMIX_TABLE_REPEAT));
    return usage;
}

struct text ssmix_person(struct ssmix_reader *reader, struct hl7_place place)
{
    if (place.segment == HL7_NONE)
        return (struct text){0};
    struct hl7_place form = place;
    form.component = 15;
    if (span_is(hl7_raw(reader->message, form), "P")) {
        form.repetition++;
        if (hl7_raw(reader->message, form).len > 0)
            place.repetition++;
    }
    /* The family name has parts of its own elsewhere: "van Beethoven&van". */
    place.component = 2;
    place.subcomponent = 1;
    struct text family = ssmix_text(reader, place);
    place.subcomponent = 0;
    place.component = 3;
    struct text given = ssmix_text(reader, place);
    struct text name = ssmix_pair(reader, family, " ", given);
    if (name.len > 0)
        return name;
    place.component = 1;
    return bracketed(reader, ssmix_text(reader, place));
}

struct text ssmix_name(struct ssmix_reader *reader, struct hl7_place place)
{
    /* FN has parts of its own elsewhere; the first is the whole in Japan. */
    place.component = 1;
    place.subcomponent = 1;
    struct text parts[3] = {ssmix_text(reader, place)};
    place.subcomponent = 0;
    for (place.component = 2; place.component <= 3; place.component++)
        parts[place.component - 1] = ssmix_text(reader, place);
    return ssmix_join(reader, parts, 3, " ");
}

static struct span without_zeros(struct span digits)
{
    while (digits.len > 1 && digits.at[0] == '0') {
        digits.at++;
        digits.len--;
    }
    return digits;
}

/* How much repetition `place` looks like the facility's own number. The folder does not
 * tell where numbers are joined: it may be that of the old one. */
static int ownness(const struct ssmix_reader *reader, struct hl7_place place)
{
    struct span number = span_trim(hl7_raw(reader->message, place));
    place.component = 5;
    struct span type = hl7_raw(reader->message, place);
    if (number.len == 0)
        return -1;
    struct ssmix_group all = {0, reader->count};
    if (reader->name && ssmix_next(reader, TAG_MRG, all) == HL7_NONE &&
        span_equal(without_zeros(number), without_zeros(reader->name->patient)))
        return 4;
    if (span_is(type, "PI"))
        return 3;
    if (span_is(type, "MR"))
        return 2;
    return type.len == 0;
}

struct hl7_place ssmix_own_number(const struct ssmix_reader *reader, size_t pid)
{
    enum { REPETITIONS_MAX = 16 };
    struct hl7_place best = HL7_AT(pid, 3, 1);
    struct hl7_place place = best;
    size_t count = hl7_repetition_count(reader->message, pid, 3);
    int most = count > 1 ? ownness(reader, best) : 0;
    for (place.repetition = 1;
         place.repetition < count && place.repetition < REPETITIONS_MAX;
         place.repetition++) {
        int own = ownness(reader, place);
        if (own > most) {
            most = own;
            best = place;
        }
    }
    return best;
}

struct text ssmix_all_notes(struct ssmix_reader *reader, struct ssmix_group group)
{
    enum { FIELD = 3 };
    size_t count = 0;
    for (size_t i = group.from; i < group.to; i++)
        if (reader->tags[i] == TAG_NTE)
            count += ssmix_repetitions(reader, i, FIELD);
    if (count == 0 || !ssmix_is_good(reader))
        return (struct text){0};
    struct text *parts = ARENA_MANY(reader->arena, struct text, count, reader->err);
    if (!parts)
        return (struct text){0};
    size_t used = 0;
    for (size_t i = group.from; i < group.to; i++) {
        uint16_t repetitions =
            reader->tags[i] == TAG_NTE ? ssmix_repetitions(reader, i, FIELD) : 0;
        for (uint16_t k = 0; k < repetitions && used < count; k++)
            parts[used++] = ssmix_text(
                reader,
                (struct hl7_place){.segment = i, .field = FIELD, .repetition = k});
    }
    return ssmix_join(reader, parts, used, "\n");
}

struct text ssmix_notes(struct ssmix_reader *reader, size_t segment)
{
    struct ssmix_group group = {segment + 1, segment + 1};
    while (group.to < reader->count && reader->tags[group.to] == TAG_NTE)
        group.to++;
    return ssmix_all_notes(reader, group);
}

/* ------------------------------------------------------------------ times */

/* Digits at the front, at most fourteen (seconds); fractions and zones do not count. */
static struct span time_digits(struct span raw)
{
    size_t len = 0;
    while (len < raw.len && len < 14 && raw.at[len] >= '0' && raw.at[len] <= '9')
        len++;
    return span_of(raw.at, len);
}

int32_t ssmix_day(const struct ssmix_reader *reader, struct hl7_place place)
{
    if (place.segment == HL7_NONE)
        return DAY_NONE;
    struct span digits = time_digits(hl7_raw(reader->message, place));
    return digits.len < 8 ? DAY_NONE : day_from_digits(span_part(digits, 0, 8));
}

bool ssmix_is_far(const struct ssmix_reader *reader, int32_t day)
{
    enum { FAR_DAYS = 400 };
    return reader->name && ssmix_day_has(reader->day) &&
           (day < reader->day - FAR_DAYS || day > reader->day + FAR_DAYS);
}

static bool is_below(struct span digits, size_t from, int bound)
{
    return (digits.at[from] - '0') * 10 + (digits.at[from + 1] - '0') < bound;
}

/* How many characters of "YYYYMMDDHHMM" can be believed: 0, 4, 6, 8, 10 or 12. */
static size_t believed_digits(struct span raw)
{
    bool has_day = raw.len >= 8 && day_from_digits(span_part(raw, 0, 8)) != DAY_NONE;
    if (!has_day)
        return raw.len == 4 || (raw.len == 6 && is_below(raw, 4, 13)) ? raw.len : 0;
    if (raw.len < 10 || !is_below(raw, 8, 24))
        return 8;
    return raw.len >= 12 && is_below(raw, 10, 60) ? 12 : 10;
}

struct text ssmix_time(struct ssmix_reader *reader, struct hl7_place place)
{
    if (place.segment == HL7_NONE || !ssmix_is_good(reader))
        return (struct text){0};
    struct span raw = time_digits(hl7_raw(reader->message, place));
    size_t count = believed_digits(raw);
    if (count == 0)
        return (struct text){0};
    char out[] = "YYYY-MM-DDTHH:00";
    static const uint8_t places[] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15};
    for (size_t i = 0; i < count; i++)
        out[places[i]] = (char)raw.at[i];
    size_t len = count >= 10 ? sizeof(out) - 1 : (size_t)places[count - 1] + 1;
    return ssmix_copy(reader, span_of(out, len));
}

/* ------------------------------------------------------------------ entries */

struct entry *ssmix_entry(struct ssmix_reader *reader, enum entry_kind kind)
{
    if (!ssmix_is_good(reader))
        return &reader->scrap;
    struct entry *entry = entry_add(reader->list, kind, reader->arena, reader->err);
    if (!entry)
        return &reader->scrap;
    entry->day = reader->day;
    entry->state = reader->state;
    return entry;
}

struct entry_item *ssmix_item(struct ssmix_reader *reader, struct entry *entry,
                              const char *type, size_t field_capacity)
{
    if (!ssmix_is_good(reader))
        return &reader->scrap_item;
    struct entry_item *item =
        entry_add_item(entry, type, field_capacity, reader->arena, reader->err);
    return item ? item : &reader->scrap_item;
}

void ssmix_field(struct ssmix_reader *reader, struct entry_item *item, const char *key,
                 struct text value)
{
    if (item != &reader->scrap_item)
        entry_add_field(item, key, value);
}

void ssmix_code_fields(struct ssmix_reader *reader, struct entry_item *item,
                       size_t segment, uint16_t field)
{
    ssmix_field(reader, item, "name",
                ssmix_coded_at(reader, segment, field, SSMIX_TABLE_NONE));
    struct text code = ssmix_at(reader, segment, field, 1);
    bool is_local = code.len == 0;
    if (is_local)
        code = ssmix_at(reader, segment, field, 4);
    ssmix_field(reader, item, "code", code);
    if (code.len > 0)
        ssmix_field(reader, item, "system",
                    ssmix_at(reader, segment, field, is_local ? 6 : 3));
}

void ssmix_set_part(struct ssmix_reader *reader, struct entry *entry, struct text part)
{
    /* The comparison is for the files of real patients; larger ones just count. */
    enum { COMPARED_MAX = 512 };
    bool is_unique = part.len > 0 && reader->list->count <= COMPARED_MAX;
    for (const struct entry *other = reader->list->first; is_unique && other;
         other = other->next)
        is_unique = other == entry || !text_equal(other->part, part);
    if (is_unique)
        entry->part = part;
    else
        entry->part =
            ssmix_pair(reader, part, "#", ssmix_number(reader, reader->list->count));
}

/* What the message calls the department whose code the entry has. */
static struct text department_text(struct ssmix_reader *reader, struct span code,
                                   size_t orc)
{
    struct text text = ssmix_at(reader, orc, 17, 2);
    if (text.len == 0)
        text = ssmix_at(reader, orc, 17, 5);
    bool is_other = code.len > 0 && !span_equal(code, ssmix_raw(reader, orc, 17, 1)) &&
                    !span_equal(code, ssmix_raw(reader, orc, 17, 4)) &&
                    ssmix_department_name(code).len > 0;
    if (text.len > 0 && !is_other)
        return text;
    if (code.len > 0 && span_equal(code, ssmix_raw(reader, reader->pv1, 10, 1)))
        return ssmix_at(reader, reader->pv1, 10, 2);
    return (struct text){0};
}

/* File name, ORC-17, PV1-10, or where an outpatient is (PL with type C). One file holds
 * all problems of a patient: its name says only who wrote last. */
static struct text department_code_of(struct ssmix_reader *reader,
                                      const struct entry *entry, size_t orc)
{
    bool has_own = entry->kind == ENTRY_PROBLEM && ssmix_raw(reader, orc, 17, 0).len > 0;
    if (!has_own && reader->name && reader->name->department.len > 0)
        return ssmix_copy(reader, reader->name->department);
    struct text code = ssmix_at(reader, orc, 17, 1);
    if (code.len == 0)
        code = ssmix_at(reader, reader->pv1, 10, 1);
    if (code.len == 0 && span_is(ssmix_raw(reader, reader->pv1, 3, 6), "C"))
        code = ssmix_at(reader, reader->pv1, 3, 1);
    return code;
}

static void set_department(struct ssmix_reader *reader, struct entry *entry, size_t orc)
{
    entry->department_code = department_code_of(reader, entry, orc);
    struct span code = text_span(entry->department_code);
    entry->department = department_text(reader, code, orc);
    if (entry->department.len == 0)
        entry->department = ssmix_department_name(code);
    if (entry->department.len == 0)
        entry->department = bracketed(reader, entry->department_code);
}

/* HL7 tables 0119 and 0038. CR and DR say that it was done; CA and DC ask for it, which
 * in a file that was kept is the same. */
enum ssmix_control ssmix_control_of(const struct ssmix_reader *reader, size_t orc)
{
    static const struct {
        char code[3];
        enum ssmix_control control;
    } known[] = {
        {"CA", SSMIX_CANCELLED}, {"OC", SSMIX_CANCELLED}, {"CR", SSMIX_CANCELLED},
        {"DC", SSMIX_STOPPED},   {"OD", SSMIX_STOPPED},   {"DR", SSMIX_STOPPED},
        {"HD", SSMIX_ON_HOLD},   {"OH", SSMIX_ON_HOLD},   {"HR", SSMIX_ON_HOLD},
    };
    struct span control = ssmix_raw(reader, orc, 1, 0);
    struct span status = ssmix_raw(reader, orc, 5, 0);
    if (span_is(control, "NW") && status.len == 0)
        return SSMIX_IN_FORCE;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_is(control, known[i].code) || span_is(status, known[i].code))
            return known[i].control;
    return SSMIX_IN_FORCE;
}

void ssmix_set_order(struct ssmix_reader *reader, struct entry *entry, size_t orc)
{
    ssmix_own(reader, orc, entry);
    set_department(reader, entry, orc);
    entry->order_number = ssmix_at(reader, orc, 2, 1);
    entry->author = ssmix_person(reader, HL7_AT(orc, 12, 0));
    if (entry->author.len == 0)
        entry->author = ssmix_person(reader, HL7_AT(reader->pv1, 7, 0));
    if (entry->state == ENTRY_CURRENT &&
        ssmix_control_of(reader, orc) == SSMIX_CANCELLED) {
        entry->state = ENTRY_DELETED;
        ssmix_warn_at(reader, "cancel_is_current", HL7_AT(orc, 1, 0),
                      TEXT("取消の電文が有効フラグで保存されています"));
    }
}

void ssmix_warn(struct ssmix_reader *reader, const char *code, size_t offset,
                struct text text)
{
    if (!ssmix_is_good(reader))
        return;
    for (const struct entry_warning *other = reader->list->warnings; other;
         other = other->next)
        if (strcmp(other->code, code) == 0)
            return;
    /* The result is in reader->err, which is asked at the end. */
    bool is_noted =
        entry_warn(reader->list, code, offset, text, reader->arena, reader->err);
    (void)is_noted;
}

void ssmix_warn_at(struct ssmix_reader *reader, const char *code, struct hl7_place place,
                   struct text text)
{
    ssmix_warn(reader, code, hl7_offset(reader->message, place), text);
}
