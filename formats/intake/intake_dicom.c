// SPDX-License-Identifier: Apache-2.0
#include "formats/intake/intake_dicom.h"

#include <stdio.h>
#include <string.h>

#include "formats/dicom/dicom.h"
#include "formats/dicom/dicom_image.h"

enum {
    FIELDS_MAX = 20,
    OBJECTS_MAX = 10000, /* of one study in a directory */
    DIRECTORY_HEAD_BYTES = 2048,
};

#define UID_DIRECTORY "1.2.840.10008.1.3.10"
#define UID_STORAGE "1.2.840.10008.5.1.4.1.1."

/* What an object is read with and into. */
struct reading {
    struct dicom_file *file;
    const struct dicom_set *set;
    struct arena *arena;
    struct err *err;
    bool has_failed; /* the arena's error is in err */
};

/* ------------------------------------------------------------------ detecting */

bool intake_detect_dicom(const struct intake_source *source)
{
    return dicom_detect(source->bytes);
}

bool intake_detect_dicomdir(const struct intake_source *source)
{
    struct span head = span_part(source->bytes, 0, DIRECTORY_HEAD_BYTES);
    if (!dicom_detect(source->bytes))
        return false;
    const uint8_t *found =
        memmem(head.at, head.len, UID_DIRECTORY, sizeof UID_DIRECTORY - 1);
    return found != NULL;
}

/* ------------------------------------------------------------------ fields */

static struct text text_of(struct reading *reading, const struct dicom_set *set,
                           uint32_t tag)
{
    struct text text = TEXT("");
    if (!reading->has_failed &&
        !dicom_text(set, tag, reading->arena, &text, reading->err))
        reading->has_failed = true;
    return reading->has_failed ? TEXT("") : text;
}

static struct text name_of(struct reading *reading, const struct dicom_set *set,
                           uint32_t tag)
{
    struct dicom_name name = {0};
    if (reading->has_failed ||
        !dicom_name(set, tag, reading->arena, &name, reading->err)) {
        reading->has_failed = true;
        return TEXT("");
    }
    return name.ideographic.len > 0 ? name.ideographic : name.alphabetic;
}

static struct text words(struct reading *reading, const char *text)
{
    struct text copy = TEXT("");
    if (!reading->has_failed &&
        !text_copy(text_cstr(text), reading->arena, &copy, reading->err))
        reading->has_failed = true;
    return reading->has_failed ? TEXT("") : copy;
}

static struct text number(struct reading *reading, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return words(reading, text);
}

static struct text pair(struct reading *reading, const double value[2])
{
    char text[64];
    snprintf(text, sizeof text, "%.6g × %.6g", value[0], value[1]);
    return words(reading, text);
}

static struct entry_item *add_item(struct reading *reading, struct entry *entry,
                                   const char *type)
{
    if (reading->has_failed)
        return NULL;
    struct entry_item *item =
        entry_add_item(entry, type, FIELDS_MAX, reading->arena, reading->err);
    reading->has_failed = !item;
    return item;
}

static void put(struct entry_item *item, const char *key, struct text value)
{
    if (item)
        entry_add_field(item, key, value);
}

static struct text iso_day(struct reading *reading, int32_t day)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(day, iso);
    return words(reading, iso);
}

/* ------------------------------------------------------------------ patient */

static bool has_kana_only(struct text name)
{
    uint32_t code_point = 0;
    bool has_kana = false;
    while (text_next(&name, &code_point)) {
        bool is_kana = (code_point >= 0x3041 && code_point <= 0x30FF) ||
                       (code_point >= 0xFF61 && code_point <= 0xFF9F);
        if (!is_kana && code_point != ' ' && code_point != 0x3000)
            return false;
        has_kana |= is_kana;
    }
    return has_kana;
}

static void read_patient(struct reading *reading, const struct dicom_set *set,
                         struct entry_patient *patient)
{
    struct dicom_name name = {0};
    if (reading->has_failed ||
        !dicom_name(set, DICOM_PATIENT_NAME, reading->arena, &name, reading->err)) {
        reading->has_failed = true;
        return;
    }
    struct span sex = dicom_code(set, DICOM_SEX);
    bool is_sex = sex.len == 1 && strchr("MFO", sex.at[0]) != NULL;
    patient->id = text_of(reading, set, DICOM_PATIENT_ID);
    patient->name = name.ideographic.len > 0 ? name.ideographic : name.alphabetic;
    patient->kana = name.phonetic;
    if (patient->kana.len == 0 && has_kana_only(name.alphabetic))
        patient->kana = name.alphabetic;
    patient->birth_day = dicom_day(set, DICOM_BIRTH_DATE);
    patient->sex = is_sex ? (char)sex.at[0] : 'U';
}

/* ------------------------------------------------------------------ kinds */

static bool is_one_of(struct span code, const char *const *codes)
{
    for (; *codes; codes++)
        if (span_is(code, *codes))
            return true;
    return false;
}

static enum entry_kind kind_of_modality(struct span modality)
{
    static const char *const reports[] = {"SR", "KO", NULL};
    static const char *const waves[] = {"ECG",  "EPS", "EEG", "EMG",
                                        "RESP", "HD",  "PPG", NULL};
    if (is_one_of(modality, reports))
        return ENTRY_REPORT;
    if (is_one_of(modality, waves))
        return ENTRY_PHYSIOLOGY;
    if (span_is(modality, "DOC"))
        return ENTRY_DOCUMENT;
    if (span_is(modality, "ES"))
        return ENTRY_ENDOSCOPY;
    return modality.len > 0 ? ENTRY_RADIOLOGY : ENTRY_UNKNOWN;
}

/* The object's class first, because it says what there is to show. */
static enum entry_kind kind_of(const struct dicom_file *file)
{
    struct span class = text_span(dicom_uid(file->set, DICOM_SOP_CLASS));
    if (class.len == 0)
        class = text_span(dicom_uid(file->meta, DICOM_MEDIA_SOP_CLASS));
    if (span_starts(class, UID_STORAGE "104."))
        return ENTRY_DOCUMENT;
    if (span_starts(class, UID_STORAGE "88."))
        return ENTRY_REPORT;
    if (span_starts(class, UID_STORAGE "9.") || dicom_find(file->set, DICOM_WAVEFORMS))
        return ENTRY_PHYSIOLOGY;
    enum entry_kind kind = kind_of_modality(dicom_code(file->set, DICOM_MODALITY));
    bool is_shown = file->pixels.is_there || span_starts(class, UID_STORAGE);
    return kind == ENTRY_UNKNOWN && is_shown ? ENTRY_RADIOLOGY : kind;
}

/* ------------------------------------------------------------------ titles and days */

static struct text join_words(struct reading *reading, struct text first,
                              struct text second)
{
    if (first.len == 0 || second.len == 0 || reading->has_failed)
        return first.len > 0 ? first : second;
    char *out =
        ARENA_MANY(reading->arena, char, first.len + second.len + 1, reading->err);
    if (!out) {
        reading->has_failed = true;
        return TEXT("");
    }
    memcpy(out, first.at, first.len);
    out[first.len] = ' ';
    memcpy(out + first.len + 1, second.at, second.len);
    return (struct text){out, first.len + second.len + 1};
}

static struct text first_text(struct reading *reading, const uint32_t *tags, size_t count)
{
    struct text text = TEXT("");
    for (size_t i = 0; i < count && text.len == 0; i++)
        text = text_of(reading, reading->set, tags[i]);
    return text;
}

static struct text title_of(struct reading *reading, enum entry_kind kind)
{
    static const uint32_t words_of[] = {DICOM_SERIES_DESCRIPTION, DICOM_STUDY_DESCRIPTION,
                                        DICOM_PERFORMED_DESCRIPTION, DICOM_BODY_PART};
    struct text modality = text_of(reading, reading->set, DICOM_MODALITY);
    struct text text = TEXT("");
    if (kind == ENTRY_DOCUMENT)
        text = text_of(reading, reading->set, DICOM_DOCUMENT_TITLE);
    if (kind == ENTRY_REPORT)
        text = text_of(reading, dicom_item(reading->set, DICOM_CONCEPT_NAME, 0),
                       DICOM_CODE_MEANING);
    if (text.len > 0)
        return text;
    text = first_text(reading, words_of, sizeof words_of / sizeof words_of[0]);
    if (!text_equal(text, modality))
        text = join_words(reading, modality, text);
    if (text.len > 0)
        return text;
    return kind == ENTRY_UNKNOWN ? TEXT("DICOM") : TEXT("DICOM画像");
}

static void read_day(struct reading *reading, struct entry *entry)
{
    static const struct {
        uint32_t day, time;
    } sources[] = {
        {DICOM_STUDY_DATE, DICOM_STUDY_TIME},
        {DICOM_SERIES_DATE, DICOM_SERIES_TIME},
        {DICOM_ACQUISITION_DATE, DICOM_ACQUISITION_TIME},
        {DICOM_ACQUISITION_DATETIME, DICOM_ACQUISITION_DATETIME},
        {DICOM_CONTENT_DATE, DICOM_CONTENT_TIME},
    };
    size_t i = 0;
    for (; i < sizeof sources / sizeof sources[0] && entry->day == DAY_NONE; i++)
        entry->day = dicom_day(reading->set, sources[i].day);
    if (entry->day == DAY_NONE || reading->has_failed)
        return;
    char iso[DAY_TEXT_BYTES];
    char out[32];
    struct text time = TEXT("");
    day_to_iso(entry->day, iso);
    if (!dicom_time(reading->set, sources[i - 1].time, reading->arena, &time,
                    reading->err)) {
        reading->has_failed = true;
        return;
    }
    if (time.len < 5)
        return;
    snprintf(out, sizeof out, "%.10sT%.5s", iso, time.at);
    entry->time = words(reading, out);
}

/* ------------------------------------------------------------------ items */

static bool has_any(const struct dicom_set *set, const uint32_t *tags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dicom_code(set, tags[i]).len > 0)
            return true;
    return false;
}

static void put_study(struct reading *reading, struct entry *entry)
{
    static const uint32_t needed[] = {DICOM_STUDY, DICOM_ACCESSION, DICOM_STUDY_ID,
                                      DICOM_MODALITY, DICOM_STUDY_DESCRIPTION};
    const struct dicom_set *set = reading->set;
    if (!has_any(set, needed, sizeof needed / sizeof needed[0]))
        return;
    struct entry_item *item = add_item(reading, entry, "study");
    put(item, "study_uid", dicom_uid(set, DICOM_STUDY));
    put(item, "accession", text_of(reading, set, DICOM_ACCESSION));
    put(item, "study_id", text_of(reading, set, DICOM_STUDY_ID));
    put(item, "modality", text_of(reading, set, DICOM_MODALITY));
    put(item, "description", text_of(reading, set, DICOM_STUDY_DESCRIPTION));
    put(item, "facility", text_of(reading, set, DICOM_INSTITUTION));
    put(item, "doctor", name_of(reading, set, DICOM_REFERRING_PHYSICIAN));
}

static void put_series(struct reading *reading, struct entry *entry)
{
    static const uint32_t needed[] = {DICOM_SERIES, DICOM_SERIES_NUMBER,
                                      DICOM_SERIES_DESCRIPTION, DICOM_BODY_PART};
    const struct dicom_set *set = reading->set;
    if (!has_any(set, needed, sizeof needed / sizeof needed[0]))
        return;
    struct entry_item *item = add_item(reading, entry, "series");
    put(item, "series_uid", dicom_uid(set, DICOM_SERIES));
    put(item, "number", text_of(reading, set, DICOM_SERIES_NUMBER));
    put(item, "description", text_of(reading, set, DICOM_SERIES_DESCRIPTION));
    put(item, "body_part", text_of(reading, set, DICOM_BODY_PART));
    put(item, "laterality", text_of(reading, set, DICOM_LATERALITY));
    put(item, "manufacturer", text_of(reading, set, DICOM_MANUFACTURER));
    put(item, "model", text_of(reading, set, DICOM_MODEL));
}

static void put_object(struct reading *reading, struct entry *entry)
{
    const struct dicom_file *file = reading->file;
    struct entry_item *item = add_item(reading, entry, "object");
    put(item, "class_uid", dicom_uid(file->set, DICOM_SOP_CLASS));
    put(item, "instance_uid", dicom_uid(file->set, DICOM_SOP_INSTANCE));
    put(item, "number", text_of(reading, file->set, DICOM_INSTANCE_NUMBER));
    put(item, "syntax_uid", words(reading, file->syntax_uid));
    put(item, "syntax", words(reading, dicom_syntax_name(file->syntax)));
    put(item, "truncated", file->is_truncated ? TEXT("true") : TEXT(""));
}

static void put_window(struct reading *reading, struct entry_item *item,
                       const struct dicom_view *view)
{
    char text[64];
    if (view->window_count == 0)
        return;
    snprintf(text, sizeof text, "%.6g/%.6g", view->windows[0].center,
             view->windows[0].width);
    put(item, "window", words(reading, text));
}

static void put_image(struct reading *reading, struct entry *entry)
{
    struct dicom_image image;
    struct dicom_view view;
    struct err fault = {0};
    if (reading->has_failed || !dicom_image_read(reading->file, &image, &fault))
        return;
    if (!dicom_view_read(reading->file, 0, reading->arena, &view, reading->err)) {
        reading->has_failed = true;
        return;
    }
    struct entry_item *item = add_item(reading, entry, "image");
    bool is_known = image.photometric != DICOM_PHOTOMETRIC_OTHER;
    put(item, "columns", number(reading, image.columns));
    put(item, "rows", number(reading, image.rows));
    put(item, "frames", number(reading, image.frame_count));
    put(item, "bits_allocated", number(reading, image.bits_allocated));
    put(item, "bits_stored", number(reading, image.bits_stored));
    put(item, "signed", image.is_signed ? TEXT("true") : TEXT(""));
    put(item, "float", image.is_float ? TEXT("true") : TEXT(""));
    put(item, "samples", number(reading, image.samples));
    put(item, "photometric",
        is_known ? words(reading, dicom_photometric_name(image.photometric))
                 : text_of(reading, reading->set, DICOM_PHOTOMETRIC));
    if (view.spacing_kind != DICOM_SPACING_NONE)
        put(item, "spacing", pair(reading, view.spacing));
    put_window(reading, item, &view);
    if (view.lossy_ratio > 0)
        put(item, "lossy_ratio", text_of(reading, reading->set, DICOM_LOSSY_RATIO));
}

static void put_waveforms(struct reading *reading, struct entry *entry)
{
    const struct dicom_element *groups = dicom_find(reading->set, DICOM_WAVEFORMS);
    const struct dicom_set *group = groups ? groups->items : NULL;
    for (; group && !reading->has_failed; group = group->next) {
        struct entry_item *item = add_item(reading, entry, "waveform");
        put(item, "label", text_of(reading, group, DICOM_MULTIPLEX_LABEL));
        put(item, "channels", text_of(reading, group, DICOM_WAVEFORM_CHANNELS));
        put(item, "samples", text_of(reading, group, DICOM_WAVEFORM_SAMPLES));
        put(item, "rate", text_of(reading, group, DICOM_SAMPLING_FREQUENCY));
    }
}

static void put_report(struct reading *reading, struct entry *entry)
{
    struct dicom_line *line = NULL;
    if (reading->has_failed ||
        !dicom_report(reading->file, reading->arena, &line, reading->err)) {
        reading->has_failed = true;
        return;
    }
    for (; line && !reading->has_failed; line = line->next) {
        char level[8];
        bool is_heading = strcmp(line->type, "CONTAINER") == 0;
        struct entry_item *item =
            add_item(reading, entry, is_heading ? "heading" : "observation");
        put(item, is_heading ? "text" : "name", line->label);
        put(item, "value", line->value);
        put(item, "unit", line->unit);
        if (!is_heading)
            continue;
        snprintf(level, sizeof level, "%u", line->level < 3 ? line->level + 1 : 4);
        put(item, "level", words(reading, level));
    }
}

static void put_document(struct reading *reading, struct entry *entry)
{
    struct span document = dicom_document(reading->file);
    if (document.len == 0)
        return;
    struct entry_item *item = add_item(reading, entry, "document");
    put(item, "title", text_of(reading, reading->set, DICOM_DOCUMENT_TITLE));
    put(item, "organization", text_of(reading, reading->set, DICOM_INSTITUTION));
    item = add_item(reading, entry, "embedded");
    put(item, "media_type", text_of(reading, reading->set, DICOM_DOCUMENT_TYPE));
    put(item, "format", span_starts(document, "%PDF-") ? TEXT("pdf") : TEXT(""));
    put(item, "size_bytes", number(reading, document.len));
}

/* ------------------------------------------------------------------ objects */

static bool take_warnings(struct reading *reading, struct entry_list *list)
{
    for (const struct dicom_warning *warning = reading->file->warnings; warning;
         warning = warning->next)
        if (!entry_warn(list, warning->code, warning->offset, warning->text,
                        reading->arena, reading->err))
            return false;
    return true;
}

static bool read_object(struct reading *reading, struct entry_list *list)
{
    enum entry_kind kind = kind_of(reading->file);
    struct entry *entry = entry_add(list, kind, reading->arena, reading->err);
    if (!entry)
        return false;
    read_patient(reading, reading->set, &list->patient);
    read_day(reading, entry);
    entry->title = title_of(reading, kind);
    entry->department = text_of(reading, reading->set, DICOM_DEPARTMENT);
    entry->author = name_of(reading, reading->set, DICOM_PERFORMING_PHYSICIAN);
    entry->part = dicom_uid(reading->set, DICOM_SOP_INSTANCE);
    if (reading->file->pixels.is_there)
        entry->flags |= ENTRY_HAS_IMAGE;
    if (dicom_find(reading->set, DICOM_WAVEFORMS))
        entry->flags |= ENTRY_HAS_WAVEFORM;
    put_study(reading, entry);
    put_series(reading, entry);
    put_object(reading, entry);
    put_image(reading, entry);
    put_waveforms(reading, entry);
    put_document(reading, entry);
    put_report(reading, entry);
    return !reading->has_failed && take_warnings(reading, list);
}

/* ------------------------------------------------------------------ directories */

static void put_record(struct reading *reading, struct entry *entry,
                       const struct dicom_record *record)
{
    const struct dicom_set *set = record->set;
    struct entry_item *item = add_item(reading, entry, "object");
    put(item, "record", record->type);
    put(item, "path", record->path);
    put(item, "class_uid", dicom_uid(set, DICOM_REFERENCED_SOP_CLASS_IN_FILE));
    put(item, "instance_uid", dicom_uid(set, DICOM_REFERENCED_SOP_INSTANCE_IN_FILE));
    put(item, "syntax_uid", dicom_uid(set, DICOM_REFERENCED_SYNTAX_IN_FILE));
    put(item, "number", text_of(reading, set, DICOM_INSTANCE_NUMBER));
}

static void put_series_record(struct reading *reading, struct entry *entry,
                              const struct dicom_record *series, size_t *count)
{
    const struct dicom_record *record = series->child;
    reading->set = series->set;
    struct entry_item *item = add_item(reading, entry, "series");
    put(item, "series_uid", dicom_uid(series->set, DICOM_SERIES));
    put(item, "modality", text_of(reading, series->set, DICOM_MODALITY));
    put(item, "number", text_of(reading, series->set, DICOM_SERIES_NUMBER));
    put(item, "description", text_of(reading, series->set, DICOM_SERIES_DESCRIPTION));
    for (; record && !reading->has_failed && *count < OBJECTS_MAX;
         record = record->next) {
        ++*count;
        put_record(reading, entry, record);
    }
}

/* What lies below a study, and what lies higher than it should. */
static void put_below(struct reading *reading, struct entry *entry,
                      const struct dicom_record *record, size_t *count)
{
    bool is_series = text_is(record->type, "SERIES") || record->child;
    ++*count;
    if (is_series)
        put_series_record(reading, entry, record, count);
    else
        put_record(reading, entry, record);
}

static bool add_study(struct reading *reading, struct entry_list *list,
                      const struct dicom_record *study)
{
    bool is_study = text_is(study->type, "STUDY");
    const struct dicom_record *series = is_study ? study->child : study;
    size_t count = 0;
    struct span modality = span_of(NULL, 0);
    if (series)
        modality = dicom_code(series->set, DICOM_MODALITY);
    enum entry_kind kind = kind_of_modality(modality);
    struct entry *entry = entry_add(list, kind, reading->arena, reading->err);
    if (!entry)
        return false;
    reading->set = study->set;
    read_day(reading, entry);
    entry->part = dicom_uid(study->set, DICOM_STUDY);
    struct text name = series ? text_of(reading, series->set, DICOM_MODALITY) : TEXT("");
    entry->title =
        join_words(reading, name, text_of(reading, study->set, DICOM_STUDY_DESCRIPTION));
    if (entry->title.len == 0)
        entry->title = TEXT("DICOM検査");
    struct entry_item *item = add_item(reading, entry, "study");
    put(item, "study_uid", dicom_uid(study->set, DICOM_STUDY));
    put(item, "accession", text_of(reading, study->set, DICOM_ACCESSION));
    put(item, "study_id", text_of(reading, study->set, DICOM_STUDY_ID));
    put(item, "description", text_of(reading, study->set, DICOM_STUDY_DESCRIPTION));
    put(item, "date", iso_day(reading, dicom_day(study->set, DICOM_STUDY_DATE)));
    while (series && !reading->has_failed && count < OBJECTS_MAX) {
        put_below(reading, entry, series, &count);
        series = is_study ? series->next : NULL;
    }
    return !reading->has_failed;
}

/* ------------------------------------------------------------------ messages */

static struct intake_message *new_message(struct reading *reading, const char *format)
{
    struct intake_message *message =
        ARENA_NEW(reading->arena, struct intake_message, reading->err);
    if (!message)
        return NULL;
    message->list.format = format;
    message->list.patient.birth_day = DAY_NONE;
    message->list.patient.sex = 'U';
    return message;
}

/* One message for a patient; what hangs higher than it should is taken as a study. */
static bool add_patient(struct reading *reading, struct intake_message *message,
                        const struct dicom_record *record)
{
    const struct dicom_record *study = record;
    bool has_studies = record->child && text_is(record->child->type, "STUDY");
    if (text_is(record->type, "PATIENT") || has_studies) {
        read_patient(reading, record->set, &message->list.patient);
        study = record->child;
    }
    bool is_patient = study != record;
    for (; study && !reading->has_failed; study = is_patient ? study->next : NULL)
        if (!add_study(reading, &message->list, study))
            return false;
    return !reading->has_failed;
}

static bool read_directory(struct reading *reading, struct intake_message *first)
{
    struct dicom_record *record = NULL;
    struct intake_message *message = first;
    if (!dicom_directory(reading->file, reading->arena, &record, reading->err) ||
        !take_warnings(reading, &first->list))
        return false;
    for (; record; record = record->next) {
        if (!add_patient(reading, message, record))
            return false;
        if (record->next && !(message->next = new_message(reading, "dicomdir")))
            return false;
        message = message->next;
    }
    return true;
}

static bool is_fault_of_arena(const struct err *err)
{
    return err->kind == ERR_BUSY ||
           (err->kind == ERR_LIMIT && strcmp(err->code, "arena_full") == 0);
}

bool intake_read_dicom(const struct intake_source *source, struct arena *arena,
                       struct intake_message **first, struct err *err)
{
    struct reading reading = {.arena = arena, .err = err};
    bool is_directory = intake_detect_dicomdir(source);
    struct intake_message *message =
        new_message(&reading, is_directory ? "dicomdir" : "dicom");
    if (!message)
        return false;
    *first = message;
    if (!dicom_read(source->bytes, NULL, arena, &reading.file, &message->err)) {
        if (!is_fault_of_arena(&message->err))
            return true;
        *err = message->err;
        return false;
    }
    reading.set = reading.file->set;
    if (!dicom_is_directory(reading.file))
        return read_object(&reading, &message->list);
    message->list.format = "dicomdir";
    return read_directory(&reading, message);
}
