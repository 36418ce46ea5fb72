// SPDX-License-Identifier: Apache-2.0
/* The gateway's list of a study, as far as searches speak of it, and the objects of the
 * DICOM JSON Model that answer them. */
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "exchange/dicomweb/dicomweb_parts.h"

enum {
    SERIES_MAX = 500,
    MODALITIES_MAX = 64,
    WORD_MAX = 64,
    SIDE_MAX = 65535,
    URL_MAX = 512,
    TIME_MAX = 8,
    DATE_DIGITS = 8
};
#define NUMBER_MAX ((int64_t)1 << 53)

bool dicomweb_is_uid(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '.' && (text.at[i] < '0' || text.at[i] > '9'))
            return false;
    return text.len > 0 && text.len <= DICOMWEB_UID_MAX;
}

/* ---- reading ---- */

static bool take(const struct json_value *object, const char *key, size_t max_bytes,
                 struct arena *arena, struct text *copy, struct err *err)
{
    struct text text = {0};
    return json_take_text(object, key, max_bytes, &text, err) &&
           text_copy(text, arena, copy, err);
}

static bool take_uid(const struct json_value *object, const char *key,
                     struct arena *arena, struct text *copy, struct err *err)
{
    return take(object, key, DICOMWEB_UID_MAX, arena, copy, err) &&
           (dicomweb_is_uid(text_span(*copy)) ||
            err_set(err, ERR_SYNTAX, "study_uid", "%s is no UID", key));
}

static bool take_numbers(const struct json_value *object,
                         struct dicomweb_instance *instance, struct err *err)
{
    return json_take_int(object, "number", -NUMBER_MAX, NUMBER_MAX, &instance->number,
                         err) &&
           json_take_int(object, "frames", 0, INT32_MAX, &instance->frames, err) &&
           json_take_int(object, "rows", 0, SIDE_MAX, &instance->rows, err) &&
           json_take_int(object, "columns", 0, SIDE_MAX, &instance->columns, err) &&
           json_take_int(object, "bits_allocated", 0, WORD_MAX, &instance->bits, err);
}

static bool take_instance(const struct json_value *object, struct arena *arena,
                          struct dicomweb_instance *instance, struct err *err)
{
    struct text sop_class = TEXT("");
    if (!take_uid(object, "uid", arena, &instance->uid, err) ||
        !take_numbers(object, instance, err) ||
        !json_take_text_or(object, "sop_class", DICOMWEB_TEXT_MAX, &sop_class, err))
        return false;
    if (!dicomweb_is_uid(text_span(sop_class)))
        sop_class = TEXT(""); /* nothing hangs on it */
    return text_copy(sop_class, arena, &instance->sop_class, err);
}

static bool take_series(const struct json_value *object, struct arena *arena,
                        struct dicomweb_study *study, struct dicomweb_series *series,
                        struct err *err)
{
    const struct json_value *instances = NULL;
    if (!take_uid(object, "uid", arena, &series->uid, err) ||
        !take(object, "modality", WORD_MAX, arena, &series->modality, err) ||
        !take(object, "description", DICOMWEB_TEXT_MAX, arena, &series->description,
              err) ||
        !take(object, "body_part", DICOMWEB_TEXT_MAX, arena, &series->body_part, err) ||
        !take(object, "laterality", WORD_MAX, arena, &series->laterality, err) ||
        !take(object, "kind", WORD_MAX, arena, &series->kind, err) ||
        !json_take_int(object, "number", -NUMBER_MAX, NUMBER_MAX, &series->number, err) ||
        !json_take_array(object, "instances", DICOMWEB_LIST_MAX, &instances, err))
        return false;
    series->count = json_count(instances);
    study->instance_count += series->count;
    if (study->instance_count > DICOMWEB_LIST_MAX)
        return err_set(err, ERR_LIMIT, "study_instances", "more than %d instances",
                       DICOMWEB_LIST_MAX);
    series->instances =
        ARENA_MANY(arena, struct dicomweb_instance, series->count + 1, err);
    for (size_t i = 0; series->instances && i < series->count; i++)
        if (!take_instance(json_item(instances, i), arena, &series->instances[i], err))
            return false;
    return series->instances != NULL;
}

static bool take_modalities(const struct json_value *root, struct arena *arena,
                            struct dicomweb_study *study, struct err *err)
{
    const struct json_value *all = NULL;
    if (!json_take_array(root, "modalities", MODALITIES_MAX, &all, err))
        return false;
    study->modality_count = json_count(all);
    study->modalities = ARENA_MANY(arena, struct text, study->modality_count + 1, err);
    for (size_t i = 0; study->modalities && i < study->modality_count; i++) {
        struct text modality = {0};
        if (!json_item_text(all, i, WORD_MAX, &modality, err) ||
            !text_copy(modality, arena, &study->modalities[i], err))
            return false;
    }
    return study->modalities != NULL;
}

static bool take_all_series(const struct json_value *root, struct arena *arena,
                            struct dicomweb_study *study, struct err *err)
{
    const struct json_value *all = NULL;
    if (!json_take_array(root, "series", SERIES_MAX, &all, err))
        return false;
    study->count = json_count(all);
    study->series = ARENA_MANY(arena, struct dicomweb_series, study->count + 1, err);
    for (size_t i = 0; study->series && i < study->count; i++)
        if (!take_series(json_item(all, i), arena, study, &study->series[i], err))
            return false;
    return study->series != NULL;
}

/* "YYYY-MM-DD" or nothing; "HH:MM:SS" or its beginning. */
static bool check_shapes(const struct dicomweb_study *study, struct err *err)
{
    bool is_good =
        study->date.len == 0 || day_from_iso(text_span(study->date)) != DAY_NONE;
    for (size_t i = 0; i < study->time.len; i++)
        is_good = is_good &&
                  (i % 3 == 2 ? study->time.at[i] == ':'
                              : study->time.at[i] >= '0' && study->time.at[i] <= '9');
    return (is_good && study->time.len % 3 != 1 &&
            (study->time.len == 0 || study->time.len % 3 == 2)) ||
           err_set(err, ERR_SYNTAX, "study_shape", "no date or time");
}

/* The number alone does not make it one that is cut: both or none. */
static bool take_cut(const struct json_value *root, struct dicomweb_study *study,
                     struct err *err)
{
    if (!json_member(root, "is_cut"))
        return true;
    return json_take_bool(root, "is_cut", &study->is_cut, err) &&
           json_take_int_or(root, "instance_total", 0, NUMBER_MAX, &study->instance_total,
                            err);
}

bool dicomweb_read_study(struct span body, struct arena *arena,
                         struct dicomweb_study *study, struct err *err)
{
    CLEANUP(json_free_at) struct json_document *document = json_parse(body, err);
    if (!document)
        return false;
    *study = (struct dicomweb_study){.count = 0};
    const struct json_value *root = json_root(document);
    return take_uid(root, "study_uid", arena, &study->uid, err) &&
           take(root, "date", DAY_TEXT_BYTES - 1, arena, &study->date, err) &&
           take(root, "time", TIME_MAX, arena, &study->time, err) &&
           take(root, "description", DICOMWEB_TEXT_MAX, arena, &study->description,
                err) &&
           take(root, "accession", DICOMWEB_TEXT_MAX, arena, &study->accession, err) &&
           check_shapes(study, err) && take_cut(root, study, err) &&
           take_modalities(root, arena, study, err) &&
           take_all_series(root, arena, study, err);
}

/* ---- writing ---- */

static void open_element(struct json_writer *writer, const char *tag, const char *vr)
{
    json_key(writer, tag);
    json_open_object(writer);
    json_put_cstr(writer, "vr", vr);
}

/* One without a value says that it is not known (F.2.5). */
static void put_text(struct json_writer *writer, const char *tag, const char *vr,
                     struct text value)
{
    open_element(writer, tag, vr);
    if (value.len > 0) {
        json_key(writer, "Value");
        json_open_array(writer);
        json_text_value(writer, value);
        json_close_array(writer);
    }
    json_close_object(writer);
}

static void put_word(struct json_writer *writer, const char *tag, const char *vr,
                     const char *value)
{
    put_text(writer, tag, vr, text_cstr(value));
}

static void put_number(struct json_writer *writer, const char *tag, const char *vr,
                       int64_t value)
{
    open_element(writer, tag, vr);
    json_put_ints(writer, "Value", &value, 1);
    json_close_object(writer);
}

/* Without what stands between digits: 20261001, 123059. */
static void put_digits(struct json_writer *writer, const char *tag, const char *vr,
                       struct text value)
{
    char digits[DAY_TEXT_BYTES] = "";
    size_t len = 0;
    for (size_t i = 0; i < value.len && len < DATE_DIGITS; i++)
        if (value.at[i] >= '0' && value.at[i] <= '9')
            digits[len++] = value.at[i];
    put_text(writer, tag, vr, (struct text){digits, len});
}

static void put_modalities(struct json_writer *writer, const struct dicomweb_study *study)
{
    open_element(writer, "00080061", "CS");
    if (study->modality_count > 0) {
        json_key(writer, "Value");
        json_open_array(writer);
        for (size_t i = 0; i < study->modality_count; i++)
            json_text_value(writer, study->modalities[i]);
        json_close_array(writer);
    }
    json_close_object(writer);
}

/* Empty: the path says which person it is, and nobody's name goes out for it. */
static void put_patient(struct json_writer *writer)
{
    put_word(writer, "00100010", "PN", "");
    put_word(writer, "00100020", "LO", "");
    put_word(writer, "00100030", "DA", "");
    put_word(writer, "00100040", "CS", "");
}

/* Of what is there, not of what is listed; without a value where nobody says it. */
static void put_counts(struct json_writer *writer, const struct dicomweb_study *study)
{
    if (study->is_cut)
        put_word(writer, "00201206", "IS", "");
    else
        put_number(writer, "00201206", "IS", (int64_t)study->count);
    if (study->is_cut && study->instance_total == 0)
        put_word(writer, "00201208", "IS", "");
    else
        put_number(writer, "00201208", "IS",
                   study->is_cut ? study->instance_total
                                 : (int64_t)study->instance_count);
}

void dicomweb_write_study(struct json_writer *writer, const struct dicomweb_study *study,
                          const char *base)
{
    char url[URL_MAX];
    snprintf(url, sizeof url, "%s/studies/%.*s", base, (int)study->uid.len,
             study->uid.at);
    json_open_object(writer);
    put_word(writer, "00080005", "CS", "ISO_IR 192");
    put_digits(writer, "00080020", "DA", study->date);
    put_digits(writer, "00080030", "TM", study->time);
    put_text(writer, "00080050", "SH", study->accession);
    put_word(writer, "00080056", "CS", "ONLINE");
    put_modalities(writer, study);
    put_word(writer, "00080090", "PN", "");
    put_text(writer, "00081030", "LO", study->description);
    put_word(writer, "00081190", "UR", url);
    put_patient(writer);
    put_text(writer, "0020000D", "UI", study->uid);
    put_word(writer, "00200010", "SH", "");
    put_counts(writer, study);
    json_close_object(writer);
}

void dicomweb_write_series(struct json_writer *writer, const struct dicomweb_study *study,
                           size_t series, const char *base)
{
    char url[URL_MAX];
    const struct dicomweb_series *one = &study->series[series];
    snprintf(url, sizeof url, "%s/studies/%.*s/series/%.*s", base, (int)study->uid.len,
             study->uid.at, (int)one->uid.len, one->uid.at);
    json_open_object(writer);
    put_word(writer, "00080005", "CS", "ISO_IR 192");
    put_word(writer, "00080056", "CS", "ONLINE");
    put_text(writer, "00080060", "CS", one->modality);
    put_text(writer, "0008103E", "LO", one->description);
    put_word(writer, "00081190", "UR", url);
    put_text(writer, "00180015", "CS", one->body_part);
    put_text(writer, "0020000D", "UI", study->uid);
    put_text(writer, "0020000E", "UI", one->uid);
    put_number(writer, "00200011", "IS", one->number);
    put_text(writer, "00200060", "CS", one->laterality);
    put_number(writer, "00201209", "IS", (int64_t)one->count);
    json_close_object(writer);
}

void dicomweb_write_instance(struct json_writer *writer,
                             const struct dicomweb_study *study, const size_t place[2],
                             const char *base)
{
    char url[URL_MAX];
    const struct dicomweb_series *series = &study->series[place[0]];
    const struct dicomweb_instance *one = &series->instances[place[1]];
    snprintf(url, sizeof url, "%s/studies/%.*s/series/%.*s/instances/%.*s", base,
             (int)study->uid.len, study->uid.at, (int)series->uid.len, series->uid.at,
             (int)one->uid.len, one->uid.at);
    json_open_object(writer);
    put_word(writer, "00080005", "CS", "ISO_IR 192");
    put_text(writer, "00080016", "UI", one->sop_class);
    put_text(writer, "00080018", "UI", one->uid);
    put_word(writer, "00080056", "CS", "ONLINE");
    put_text(writer, "00080060", "CS", series->modality);
    put_word(writer, "00081190", "UR", url);
    put_text(writer, "0020000D", "UI", study->uid);
    put_text(writer, "0020000E", "UI", series->uid);
    put_number(writer, "00200013", "IS", one->number);
    if (one->frames > 0) { /* an image */
        put_number(writer, "00280008", "IS", one->frames);
        put_number(writer, "00280010", "US", one->rows);
        put_number(writer, "00280011", "US", one->columns);
        put_number(writer, "00280100", "US", one->bits);
    }
    json_close_object(writer);
}
