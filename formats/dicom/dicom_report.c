// SPDX-License-Identifier: Apache-2.0
/* Documents inside objects: encapsulated ones (PS3.3 C.24.2), structured reports as lines
 * (C.17.3). */
#include "formats/dicom/dicom_parts.h"

#include <string.h>

enum { LINES_MAX = 10000 };

struct span dicom_document(const struct dicom_file *file)
{
    const struct dicom_element *element = dicom_find(file->set, DICOM_DOCUMENT);
    int64_t length = 0;
    if (!element)
        return span_of(NULL, 0);
    struct span document = element->value;
    bool has_length = dicom_int(file->set, DICOM_DOCUMENT_LENGTH, 0, &length);
    if (has_length && length > 0 && (uint64_t)length + 1 == document.len)
        document.len--;
    else if (!has_length && document.len > 0 && document.at[document.len - 1] == '\0')
        document.len--;
    return document;
}

/* ------------------------------------------------------------------ reports */

struct report {
    struct arena *arena;
    struct dicom_line **place;
    size_t count;
};

static bool code_meaning(const struct dicom_set *set, uint32_t tag, struct arena *arena,
                         struct text *text, struct err *err)
{
    const struct dicom_set *code = dicom_item(set, tag, 0);
    *text = TEXT("");
    if (!code)
        return true;
    if (!dicom_text(code, DICOM_CODE_MEANING, arena, text, err))
        return false;
    return text->len > 0 || dicom_text(code, DICOM_CODE_VALUE, arena, text, err);
}

static bool number_value(const struct dicom_set *item, struct arena *arena,
                         struct dicom_line *line, struct err *err)
{
    const struct dicom_set *measured = dicom_item(item, DICOM_MEASURED_VALUES, 0);
    const struct dicom_set *unit = dicom_item(measured, DICOM_UNITS, 0);
    if (!dicom_text(measured, DICOM_NUMERIC_VALUE, arena, &line->value, err))
        return false;
    if (!unit || dicom_is(unit, DICOM_CODE_VALUE, "1"))
        return true;
    bool is_ucum = dicom_is(unit, DICOM_CODE_SCHEME, "UCUM");
    return dicom_text(unit, is_ucum ? DICOM_CODE_VALUE : DICOM_CODE_MEANING, arena,
                      &line->unit, err);
}

static bool name_value(const struct dicom_set *item, struct arena *arena,
                       struct dicom_line *line, struct err *err)
{
    struct dicom_name name;
    if (!dicom_name(item, DICOM_PERSON_VALUE, arena, &name, err))
        return false;
    line->value = name.ideographic.len > 0 ? name.ideographic : name.alphabetic;
    return true;
}

static bool day_value(const struct dicom_set *item, uint32_t tag, struct arena *arena,
                      struct dicom_line *line, struct err *err)
{
    char iso[DAY_TEXT_BYTES + 1];
    struct text time = TEXT("");
    day_to_iso(dicom_day(item, tag), iso);
    if (iso[0] == '\0')
        return dicom_text(item, tag, arena, &line->value, err);
    if (tag == DICOM_DATETIME_VALUE && !dicom_time(item, tag, arena, &time, err))
        return false;
    size_t len = strlen(iso);
    char *out = ARENA_MANY(arena, char, len + time.len + 2, err);
    if (!out)
        return false;
    memcpy(out, iso, len);
    if (time.len > 0) {
        out[len++] = ' ';
        memcpy(out + len, time.at, time.len);
    }
    line->value = (struct text){out, len + time.len};
    return true;
}

static bool uid_value(const struct dicom_set *item, struct dicom_line *line)
{
    line->value = dicom_uid(item, DICOM_UID_VALUE);
    return true;
}

static bool object_value(const struct dicom_set *item, struct dicom_line *line)
{
    line->value = dicom_uid(dicom_item(item, DICOM_REFERENCED_SOPS, 0),
                            DICOM_REFERENCED_SOP_INSTANCE);
    return true;
}

static bool line_value(const struct dicom_set *item, struct arena *arena,
                       struct dicom_line *line, struct err *err)
{
    const char *type = line->type;
    if (strcmp(type, "TEXT") == 0)
        return dicom_text(item, DICOM_TEXT_VALUE, arena, &line->value, err);
    if (strcmp(type, "CODE") == 0)
        return code_meaning(item, DICOM_CONCEPT_CODE, arena, &line->value, err);
    if (strcmp(type, "NUM") == 0)
        return number_value(item, arena, line, err);
    if (strcmp(type, "PNAME") == 0)
        return name_value(item, arena, line, err);
    if (strcmp(type, "DATE") == 0)
        return day_value(item, DICOM_DATE_VALUE, arena, line, err);
    if (strcmp(type, "DATETIME") == 0)
        return day_value(item, DICOM_DATETIME_VALUE, arena, line, err);
    if (strcmp(type, "TIME") == 0)
        return dicom_time(item, DICOM_TIME_VALUE, arena, &line->value, err);
    if (strcmp(type, "UIDREF") == 0)
        return uid_value(item, line);
    return strcmp(type, "CONTAINER") == 0 || object_value(item, line);
}

static const char *find_type(const struct dicom_set *item)
{
    static const char *const types[] = {"CONTAINER", "TEXT",     "NUM",       "CODE",
                                        "DATE",      "TIME",     "DATETIME",  "PNAME",
                                        "UIDREF",    "IMAGE",    "COMPOSITE", "WAVEFORM",
                                        "SCOORD",    "SCOORD3D", "TCOORD",    "TABLE"};
    struct span code = dicom_code(item, DICOM_VALUE_TYPE);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (span_is(code, types[i]))
            return types[i];
    return "OTHER";
}

/* "Findings" holds a "Finding"; other languages have one word for both. */
static bool is_named_by(const struct dicom_line *line, const struct dicom_line *above)
{
    return above && line->label.len > 0 && strcmp(above->type, "CONTAINER") == 0 &&
           text_equal(line->label, above->label);
}

/* `above` is what it is in, NULL at the root. */
static bool add_item(struct report *report, const struct dicom_set *item,
                     const struct dicom_line *above, struct err *err)
{
    struct dicom_line *line = ARENA_NEW(report->arena, struct dicom_line, err);
    if (!line)
        return false;
    line->level = above ? above->level + 1 : 0;
    line->type = find_type(item);
    line->value = TEXT("");
    line->unit = TEXT("");
    if (!code_meaning(item, DICOM_CONCEPT_NAME, report->arena, &line->label, err) ||
        !line_value(item, report->arena, line, err))
        return false;
    line->is_named = is_named_by(line, above);
    *report->place = line;
    report->place = &line->next;
    report->count++;
    const struct dicom_element *content = dicom_find(item, DICOM_CONTENT);
    for (const struct dicom_set *child = content ? content->items : NULL; child;
         child = child->next)
        if (report->count < LINES_MAX && !add_item(report, child, line, err))
            return false;
    return true;
}

bool dicom_report(const struct dicom_file *file, struct arena *arena,
                  struct dicom_line **first, struct err *err)
{
    struct report report = {.arena = arena, .place = first};
    *first = NULL;
    bool is_report = dicom_find(file->set, DICOM_CONTENT) &&
                     dicom_is(file->set, DICOM_VALUE_TYPE, "CONTAINER");
    return !is_report || add_item(&report, file->set, NULL, err);
}
