// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/path.h"
#include "formats/ssmix/ssmix.h"

static const char CLAUSE_NAME[] = "SS-MIX2 2.2.3";
static const char CLAUSE_LAYOUT[] = "SS-MIX2 2.2.1";
static const char CLAUSE_PATIENT[] = "SS-MIX2 2.2.2";

enum { OCCURRED_DIGITS_MIN = 14, DAY_DIGITS = 8, DEPARTMENT_MAX = 5 };

static const struct ssmix_type types[SSMIX_TYPE_COUNT] = {
#define TYPE(code, name, message, cancel, kind, from, is_plan)                           \
    {code, name, message, cancel, ENTRY_##kind, SSMIX_DAY_FROM_##from, is_plan},
#include "formats/ssmix/ssmix_types.def"
#undef TYPE
};

const struct ssmix_type *ssmix_find_type(struct span code)
{
    for (size_t i = 0; i < SSMIX_TYPE_COUNT; i++)
        if (span_is(code, types[i].code))
            return &types[i];
    return NULL;
}

const struct ssmix_type *ssmix_type_at(size_t index)
{
    assert(index < SSMIX_TYPE_COUNT);
    return &types[index];
}

bool ssmix_patient_is_valid(struct span patient)
{
    if (patient.len < SSMIX_PATIENT_MIN || patient.len > SSMIX_PATIENT_MAX)
        return false;
    bool is_dots = true;
    for (size_t i = 0; i < patient.len; i++) {
        uint8_t byte = patient.at[i];
        if (byte <= 0x20 || byte >= 0x7F || memchr("_^/\\", byte, 4))
            return false;
        is_dots = is_dots && byte == '.';
    }
    return !is_dots;
}

/* ------------------------------------------------------------------ file names */

/* Takes what stands behind the last '_' off the end of `rest`; `offset` gets where it
 * starts. False when there is no '_'. */
static bool take_last(struct span *rest, struct span *part, size_t *offset)
{
    for (size_t i = rest->len; i > 0; i--)
        if (rest->at[i - 1] == '_') {
            *part = span_of(rest->at + i, rest->len - i);
            *offset = i;
            rest->len = i - 1;
            return true;
        }
    return false;
}

static bool is_occurred(struct span part)
{
    return part.len >= OCCURRED_DIGITS_MIN && part.len <= SSMIX_OCCURRED_DIGITS &&
           span_all_digits(part);
}

static bool is_department(struct span part)
{
    if (part.len == 0 || part.len > DEPARTMENT_MAX)
        return false;
    for (size_t i = 0; i < part.len; i++)
        if (part.at[i] <= 0x20 || part.at[i] >= 0x7F)
            return false;
    return true;
}

static bool take_day(struct span part, int32_t *day)
{
    *day = DAY_NONE;
    if (span_is(part, "-"))
        return true;
    *day = day_from_digits(part);
    return *day != DAY_NONE;
}

/* Flag, 診療科 and 発生日時, from the right. */
static bool take_tail(struct span *rest, struct ssmix_name *name, struct err *err)
{
    struct span part = {0};
    size_t offset = 0;
    if (!take_last(rest, &part, &offset))
        return err_at(err, ERR_SYNTAX, "ssmix_name_short", 0, CLAUSE_NAME);
    if (part.len != 1 || part.at[0] < '0' || part.at[0] > '2')
        return err_at(err, ERR_SYNTAX, "ssmix_flag_invalid", offset, CLAUSE_NAME);
    name->flag = (char)part.at[0];
    if (!take_last(rest, &part, &offset))
        return err_at(err, ERR_SYNTAX, "ssmix_name_short", 0, CLAUSE_NAME);
    if (!is_occurred(part)) {
        if (!is_department(part))
            return err_at(err, ERR_SYNTAX, "ssmix_department_invalid", offset,
                          CLAUSE_NAME);
        if (!span_is(part, "-"))
            name->department = part;
        if (!take_last(rest, &part, &offset))
            return err_at(err, ERR_SYNTAX, "ssmix_name_short", 0, CLAUSE_NAME);
    }
    if (!is_occurred(part))
        return err_at(err, ERR_SYNTAX, "ssmix_occurred_invalid", offset, CLAUSE_NAME);
    memset(name->occurred, '0', SSMIX_OCCURRED_DIGITS);
    memcpy(name->occurred, part.at, part.len);
    return true;
}

bool ssmix_parse_file_name(struct span file, struct ssmix_name *name, struct err *err)
{
    *name = (struct ssmix_name){.day = DAY_NONE};
    if (!path_is_safe_name(file))
        return err_at(err, ERR_REFUSED, "path_unsafe", 0, "SS-MIX2 2.2.5");
    struct span rest = file;
    size_t offset = 0;
    if (!take_tail(&rest, name, err))
        return false;
    if (!take_last(&rest, &name->key, &offset))
        return err_at(err, ERR_SYNTAX, "ssmix_name_short", 0, CLAUSE_NAME);
    if (name->key.len == 0)
        return err_at(err, ERR_SYNTAX, "ssmix_key_missing", offset, CLAUSE_NAME);
    struct span day = {0};
    if (!span_take(&rest, '_', &name->patient) || !ssmix_patient_is_valid(name->patient))
        return err_at(err, ERR_SYNTAX, "ssmix_patient_invalid", 0, CLAUSE_PATIENT);
    if (!span_take(&rest, '_', &day))
        return err_at(err, ERR_SYNTAX, "ssmix_name_short", 0, CLAUSE_NAME);
    if (!take_day(day, &name->day))
        return err_at(err, ERR_SYNTAX, "ssmix_day_invalid", name->patient.len + 1,
                      CLAUSE_NAME);
    if (rest.len == 0)
        return err_at(err, ERR_SYNTAX, "ssmix_type_missing",
                      (size_t)(name->key.at - file.at), CLAUSE_NAME);
    name->type = rest;
    name->known = ssmix_find_type(name->type);
    return true;
}

/* ------------------------------------------------------------------ paths */

/* Splits at '/'; the number of parts, or 0 when there are more than `max`. */
static size_t split(struct span path, struct span *parts, size_t max)
{
    struct span rest = path;
    size_t count = 0;
    struct span part = {0};
    while (span_take(&rest, '/', &part)) {
        if (count == max)
            return 0;
        parts[count++] = part;
    }
    return count;
}

struct folders {
    struct span patient;
    struct span type;
    struct span file;
    int32_t day;
};

static bool take_folders(struct span path, struct folders *folders, struct err *err)
{
    struct span parts[SSMIX_PATH_PARTS];
    if (path.len > PATH_MAX_BYTES)
        return err_at(err, ERR_REFUSED, "path_unsafe", 0, "SS-MIX2 2.2.5");
    if (split(path, parts, SSMIX_PATH_PARTS) != SSMIX_PATH_PARTS)
        return err_at(err, ERR_SYNTAX, "ssmix_path_shape", 0, CLAUSE_LAYOUT);
    for (size_t i = 0; i < SSMIX_PATH_PARTS; i++)
        if (!path_is_safe_name(parts[i]))
            return err_at(err, ERR_REFUSED, "path_unsafe",
                          (size_t)(parts[i].at - path.at), "SS-MIX2 2.2.5");
    *folders = (struct folders){.patient = parts[2], .type = parts[4], .file = parts[5]};
    if (!ssmix_patient_is_valid(folders->patient))
        return err_at(err, ERR_SYNTAX, "ssmix_patient_invalid",
                      (size_t)(parts[2].at - path.at), CLAUSE_PATIENT);
    if (!span_equal(parts[0], span_part(parts[2], 0, 3)) ||
        !span_equal(parts[1], span_part(parts[2], 3, 3)))
        return err_at(err, ERR_SYNTAX, "ssmix_folder_mismatch", 0, CLAUSE_LAYOUT);
    if (!take_day(parts[3], &folders->day))
        return err_at(err, ERR_SYNTAX, "ssmix_day_invalid",
                      (size_t)(parts[3].at - path.at), CLAUSE_LAYOUT);
    return true;
}

bool ssmix_parse_path(struct span path, struct ssmix_name *name, struct err *err)
{
    *name = (struct ssmix_name){.day = DAY_NONE};
    struct folders folders = {0};
    if (!take_folders(path, &folders, err))
        return false;
    if (!ssmix_parse_file_name(folders.file, name, err)) {
        err->offset += (uint64_t)(folders.file.at - path.at);
        return false;
    }
    if (!span_equal(name->patient, folders.patient))
        name->differs |= SSMIX_PATIENT_DIFFERS;
    if (name->day != folders.day)
        name->differs |= SSMIX_DAY_DIFFERS;
    if (!span_equal(name->type, folders.type))
        name->differs |= SSMIX_TYPE_DIFFERS;
    name->patient = folders.patient;
    name->day = folders.day;
    name->type = folders.type;
    name->known = ssmix_find_type(folders.type);
    return true;
}

bool ssmix_find_path(struct span path, struct span *relative)
{
    size_t slashes = 0;
    size_t start = 0;
    for (size_t i = path.len; i > 0 && start == 0; i--)
        if (path.at[i - 1] == '/' && ++slashes == SSMIX_PATH_PARTS)
            start = i;
    if (slashes + 1 < SSMIX_PATH_PARTS)
        return false;
    struct span tail = span_of(path.at + start, path.len - start);
    struct folders folders = {0};
    struct err err = {0};
    if (!take_folders(tail, &folders, &err))
        return false;
    *relative = tail;
    return true;
}

/* ------------------------------------------------------------------ versions, writing */

bool ssmix_same_key(const struct ssmix_name *a, const struct ssmix_name *b)
{
    return a->day == b->day && span_equal(a->key, b->key) &&
           span_equal(a->type, b->type) && span_equal(a->patient, b->patient);
}

int ssmix_compare_versions(const struct ssmix_name *a, const struct ssmix_name *b)
{
    int order = memcmp(a->occurred, b->occurred, SSMIX_OCCURRED_DIGITS);
    if (order != 0)
        return order;
    return (a->flag == '1') - (b->flag == '1');
}

static void write_day(int32_t day, struct buf *out)
{
    int year = 0;
    int month = 0;
    int day_of_month = 0;
    if (day == DAY_NONE) {
        buf_byte(out, '-');
        return;
    }
    day_to_date(day, &year, &month, &day_of_month);
    buf_format(out, "%04d%02d%02d", year, month, day_of_month);
}

void ssmix_write_key(const struct ssmix_name *name, struct buf *out)
{
    buf_span(out, name->patient);
    buf_byte(out, '/');
    write_day(name->day, out);
    buf_byte(out, '/');
    buf_span(out, name->type);
    buf_byte(out, '/');
    buf_span(out, name->key);
}

void ssmix_write_file_name(const struct ssmix_name *name, struct buf *out)
{
    buf_span(out, name->patient);
    buf_byte(out, '_');
    write_day(name->day, out);
    buf_byte(out, '_');
    buf_span(out, name->type);
    buf_byte(out, '_');
    buf_span(out, name->key);
    buf_byte(out, '_');
    buf_cstr(out, name->occurred);
    buf_byte(out, '_');
    buf_span(out, name->department.len ? name->department : SPAN("-"));
    buf_byte(out, '_');
    buf_byte(out, (uint8_t)name->flag);
}

void ssmix_write_path(const struct ssmix_name *name, struct buf *out)
{
    buf_span(out, span_part(name->patient, 0, 3));
    buf_byte(out, '/');
    buf_span(out, span_part(name->patient, 3, 3));
    buf_byte(out, '/');
    buf_span(out, name->patient);
    buf_byte(out, '/');
    write_day(name->day, out);
    buf_byte(out, '/');
    buf_span(out, name->type);
    buf_byte(out, '/');
    ssmix_write_file_name(name, out);
}

static int64_t number_at(const char *digits, int count)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

bool ssmix_occurred_ms(const struct ssmix_name *name, int64_t *wall_ms)
{
    const char *at = name->occurred;
    int32_t day = day_from_digits(span_of(at, DAY_DIGITS));
    int64_t hour = number_at(at + 8, 2);
    int64_t minute = number_at(at + 10, 2);
    int64_t second = number_at(at + 12, 2);
    if (day == DAY_NONE || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t seconds = (int64_t)day * 86400 + hour * 3600 + minute * 60 + second;
    *wall_ms = seconds * 1000 + number_at(at + 14, 3) - DAY_JAPAN_OFFSET_MS;
    return true;
}
