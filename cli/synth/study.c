// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/study.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "formats/codec/codec.h"

enum { STUDIES_MAX = 2048, HEAD_BYTES = 64 << 10 };

/* ------------------------------------------------------------------ which */

void synth_note_study(struct synth *synth, const struct synth_study *study)
{
    if (synth->images == SYNTH_NO_IMAGES || !study->person->is_star ||
        synth->study_count == STUDIES_MAX || synth->err.kind != ERR_NONE)
        return;
    if (!synth->studies)
        synth->studies =
            ARENA_MANY(&synth->arena, struct synth_study, STUDIES_MAX, &synth->err);
    if (synth->studies)
        synth->studies[synth->study_count++] = *study;
}

struct slot {
    enum synth_picture picture;
    int facility; /* -1 = any */
    void (*write)(struct synth_series *series);
    void (*report)(struct synth_series *series);
};

/* What is looked at together lies with the same persons, as far as they had it done; two
 * films and two hospitals of one person can be compared. */
static const struct slot SLOTS[] = {
    {SYNTH_CHEST_CT, SYNTH_RINDO, synth_write_ct, synth_write_text_report},
    {SYNTH_HEAD_MRI, SYNTH_RINDO, synth_write_mr, synth_write_text_report},
    {SYNTH_CHEST_XRAY, SYNTH_KEYAKI, synth_write_chest, NULL},
    {SYNTH_CHEST_XRAY, SYNTH_KEYAKI, synth_write_chest, NULL},
    {SYNTH_CHEST_XRAY, SYNTH_MIYAMA, synth_write_chest, NULL},
    {SYNTH_HEART_ECHO, -1, synth_write_echo, synth_write_paper_report},
    {SYNTH_ENDOSCOPY, -1, synth_write_scope, NULL},
    {SYNTH_ECG, -1, synth_write_heart_curve, NULL},
};

static bool knows_clinic(const struct synth_person *person)
{
    for (int i = 0; i < person->record_count; i++)
        if (person->records[i].facility == SYNTH_KAWABE)
            return true;
    return false;
}

static bool is_away(const struct synth_study *study)
{
    return synth_facilities[study->record->facility].is_away;
}

/* Patients of the clinic that looks first, then what can be seen from the start, then the
 * person with the lower number, then the later study. */
static bool is_better(const struct synth_study *a, const struct synth_study *b)
{
    bool knows[] = {knows_clinic(a->person), knows_clinic(b->person)};
    if (knows[0] != knows[1])
        return knows[0];
    if (is_away(a) != is_away(b))
        return is_away(b);
    if (a->person != b->person)
        return a->person->index < b->person->index;
    return a->at.day > b->at.day;
}

static struct synth_study *choose(struct synth *synth, const struct slot *slot)
{
    struct synth_study *best = NULL;
    for (int i = 0; i < synth->study_count; i++) {
        struct synth_study *study = &synth->studies[i];
        bool is_there = slot->facility < 0 || study->record->facility == slot->facility;
        if (study->picture != slot->picture || study->is_taken || !is_there)
            continue;
        if (!best || is_better(study, best))
            best = study;
    }
    return best;
}

void synth_write_images(struct synth *synth)
{
    int folders[SYNTH_HOSPITALS] = {0};
    for (size_t i = 0; i < sizeof SLOTS / sizeof *SLOTS; i++) {
        const struct slot *slot = &SLOTS[i];
        struct synth_study *study = choose(synth, slot);
        if (!study || synth->err.kind != ERR_NONE)
            continue;
        study->is_taken = true;
        synth->images_at |= 1U << study->record->facility;
        struct synth_series series = {
            .synth = synth, .study = study, .folder = ++folders[study->record->facility]};
        slot->write(&series);
        if (slot->report)
            slot->report(&series);
    }
}

/* ------------------------------------------------------------------ what all have */

static const struct synth_facility *facility_of(const struct synth_series *series)
{
    return &synth_facilities[series->study->record->facility];
}

static const char *description_of(enum synth_picture picture)
{
    static const char *const words[] = {
        [SYNTH_CHEST_XRAY] = "胸部単純撮影", [SYNTH_CHEST_CT] = "胸部単純ＣＴ",
        [SYNTH_HEAD_MRI] = "頭部ＭＲＩ",     [SYNTH_BONE_XRAY] = "股関節単純撮影",
        [SYNTH_ABDOMEN_US] = "腹部超音波",   [SYNTH_ENDOSCOPY] = "上部消化管内視鏡",
        [SYNTH_ECG] = "標準１２誘導心電図",  [SYNTH_HEART_ECHO] = "心臓超音波",
    };
    return words[picture];
}

void synth_open_series(struct synth_series *series, const char *name)
{
    series->number++;
    series->description = name;
    series->uid =
        synth_dicom_uid(series->synth, series->study->uid, (unsigned)series->number, 0);
}

static void put_study(struct synth_instance *instance)
{
    enum { PRESENTATION_INTENT = 0x00080068 };
    const struct synth_series *series = instance->series;
    const struct synth_study *study = series->study;
    struct synth_set *set = &instance->set;
    synth_set_text(set, DICOM_STUDY_DATE, "DA", "%s", synth_date(study->at.day).at);
    synth_set_text(set, DICOM_SERIES_DATE, "DA", "%s", synth_date(instance->at.day).at);
    synth_set_text(set, DICOM_CONTENT_DATE, "DA", "%s", synth_date(instance->at.day).at);
    synth_set_text(set, DICOM_STUDY_TIME, "TM", "%s", synth_second(study->at).at + 8);
    synth_set_text(set, DICOM_SERIES_TIME, "TM", "%s",
                   synth_second(synth_later(study->at, series->number)).at + 8);
    synth_set_text(set, DICOM_CONTENT_TIME, "TM", "%s",
                   synth_second(instance->at).at + 8);
    synth_set_text(set, DICOM_ACCESSION, "SH", "%s", study->accession);
    synth_set_text(set, DICOM_MODALITY, "CS", "%s", series->modality);
    if (strcmp(series->modality, "DX") == 0)
        synth_set_text(set, PRESENTATION_INTENT, "CS", "FOR PRESENTATION");
    synth_set_text(set, DICOM_MANUFACTURER, "LO", "%s", series->maker);
}

static void put_people(struct synth_instance *instance)
{
    enum { AGE = 0x00101010, YEAR_DAYS = 365 };
    const struct synth_series *series = instance->series;
    const struct synth_study *study = series->study;
    const struct synth_facility *facility = facility_of(series);
    struct synth_set *set = &instance->set;
    const struct synth_doctor *doctor = synth_doctor_of(facility, study->department);
    struct synth_name name = {doctor->family, doctor->given, doctor->family_kana,
                              doctor->given_kana};
    synth_set_text(set, DICOM_INSTITUTION, "LO", "%s", facility->name);
    synth_set_name(set, DICOM_REFERRING_PHYSICIAN, &name);
    synth_set_text(set, DICOM_STATION, "SH", "%s01", series->modality);
    synth_set_text(set, DICOM_STUDY_DESCRIPTION, "LO", "%s",
                   description_of(study->picture));
    synth_set_text(set, DICOM_SERIES_DESCRIPTION, "LO", "%s", series->description);
    synth_set_text(set, DICOM_DEPARTMENT, "LO", "%s",
                   synth_department(study->department));
    synth_set_text(set, DICOM_MODEL, "LO", "%s", series->model);
    synth_set_name(set, DICOM_PATIENT_NAME, &study->record->name);
    synth_set_text(set, DICOM_PATIENT_ID, "LO", "%s", study->record->number);
    synth_set_text(set, DICOM_BIRTH_DATE, "DA", "%s",
                   synth_date(study->person->birth_day).at);
    synth_set_text(set, DICOM_SEX, "CS", "%c", study->person->sex);
    synth_set_text(set, AGE, "AS", "%03dY",
                   (study->at.day - study->person->birth_day) / YEAR_DAYS % 1000);
}

void synth_open_instance(struct synth_instance *instance,
                         const struct synth_series *series, int number, size_t max_bytes)
{
    const struct synth_facility *facility = facility_of(series);
    *instance = (struct synth_instance){
        .series = series,
        .number = number,
        .at = synth_later(series->study->at, series->number),
        .uid = synth_dicom_uid(series->synth, series->study->uid,
                               (unsigned)series->number, (unsigned)number),
        .set = synth_set_init(facility, series->syntax, max_bytes + HEAD_BYTES),
    };
    struct synth_set *set = &instance->set;
    synth_set_text(set, DICOM_CHARACTER_SET, "CS", "%s",
                   facility->writes_half_width_kana ? "ISO 2022 IR 13\\ISO 2022 IR 87"
                                                    : "\\ISO 2022 IR 87");
    if (series->image_type[0])
        synth_set_text(set, DICOM_IMAGE_TYPE, "CS", "%s", series->image_type);
    synth_set_text(set, DICOM_SOP_CLASS, "UI", "%s", series->sop_class);
    synth_set_text(set, DICOM_SOP_INSTANCE, "UI", "%s", instance->uid.at);
    put_study(instance);
    put_people(instance);
    if (series->body_part[0])
        synth_set_text(set, DICOM_BODY_PART, "CS", "%s", series->body_part);
}

void synth_put_relation(struct synth_instance *instance)
{
    const struct synth_series *series = instance->series;
    struct synth_set *set = &instance->set;
    synth_set_text(set, DICOM_STUDY, "UI", "%s", series->study->uid);
    synth_set_text(set, DICOM_SERIES, "UI", "%s", series->uid.at);
    synth_set_text(set, DICOM_STUDY_ID, "SH", "%s", series->study->order + 2);
    synth_set_text(set, DICOM_SERIES_NUMBER, "IS", "%d", series->number);
    synth_set_text(set, DICOM_INSTANCE_NUMBER, "IS", "%d", instance->number);
}

void synth_put_shape(struct synth_instance *instance, const struct synth_shape *shape)
{
    enum { POINTER = 0x00280009 };
    struct synth_set *set = &instance->set;
    synth_set_uint(set, DICOM_SAMPLES, "US", shape->samples);
    synth_set_text(set, DICOM_PHOTOMETRIC, "CS", "%s", shape->photometric);
    if (shape->samples > 1)
        synth_set_uint(set, DICOM_PLANAR, "US", 0);
    if (shape->frames)
        synth_set_text(set, DICOM_FRAMES, "IS", "%u", shape->frames);
    if (shape->pointer) {
        const uint32_t tag = shape->pointer;
        const uint8_t words[] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag,
                                 (uint8_t)(tag >> 8)};
        assert(set->syntax != DICOM_EXPLICIT_BIG);
        synth_set_put(set, POINTER, "AT", span_of(words, sizeof words));
    }
    synth_set_uint(set, DICOM_ROWS, "US", shape->rows);
    synth_set_uint(set, DICOM_COLUMNS, "US", shape->columns);
    if (shape->spacing > 0)
        synth_set_text(set, DICOM_PIXEL_SPACING, "DS", "%.6g\\%.6g", shape->spacing,
                       shape->spacing);
    synth_set_uint(set, DICOM_BITS_ALLOCATED, "US", shape->bits_allocated);
    synth_set_uint(set, DICOM_BITS_STORED, "US", shape->bits_stored);
    synth_set_uint(set, DICOM_HIGH_BIT, "US", shape->bits_stored - 1);
    synth_set_uint(set, DICOM_PIXEL_REPRESENTATION, "US", 0);
}

/* Grey pixels as one fragment, in the encodings that give back what went in. */
static void put_encoded(struct synth_instance *instance, const struct synth_shape *shape,
                        struct span pixels)
{
    static const enum codec_syntax syntaxes[] = {
        [DICOM_CODED_RLE] = CODEC_RLE,
        [DICOM_CODED_JPEG_LOSSLESS] = CODEC_JPEG_LOSSLESS,
        [DICOM_CODED_JPEG_LS] = CODEC_JPEG_LS,
        [DICOM_CODED_JPEG_2000] = CODEC_JPEG_2000,
    };
    const struct codec_shape wanted = {.columns = shape->columns,
                                       .rows = shape->rows,
                                       .samples = shape->samples,
                                       .bits_allocated = shape->bits_allocated,
                                       .bits_stored = shape->bits_stored,
                                       .high_bit = shape->bits_stored - 1,
                                       .photometric = CODEC_MONOCHROME2};
    struct err *err = &instance->series->synth->err;
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(buf_free) struct buf frame = buf_init(pixels.len * 2 + HEAD_BYTES);
    enum dicom_coding coding = dicom_syntax_coding(instance->set.syntax);
    assert(shape->samples == 1 && coding <= DICOM_CODED_JPEG_2000);
    if (err->kind == ERR_NONE &&
        codec_encode(syntaxes[coding], &wanted, pixels, &arena, &frame, err))
        synth_set_fragments(&instance->set, buf_view(&frame), &frame.len, 1);
}

void synth_save_image(struct synth_instance *instance, const struct synth_shape *shape,
                      struct span pixels)
{
    if (!pixels.at) {
        synth_set_free(&instance->set);
        return;
    }
    if (dicom_syntax_coding(instance->set.syntax) != DICOM_CODED_NATIVE)
        put_encoded(instance, shape, pixels);
    else if (shape->bits_allocated == 16)
        synth_set_words(&instance->set, DICOM_PIXELS,
                        (const uint16_t *)(const void *)pixels.at, pixels.len / 2);
    else
        synth_set_put(&instance->set, DICOM_PIXELS, "OB", pixels);
    synth_save_instance(instance);
}

static bool put_film(struct synth_instance *instance, const struct synth_shape *shape,
                     struct span pixels, struct err *err)
{
    const struct codec_picture picture = {
        .columns = shape->columns, .rows = shape->rows, .samples = 3, .quality = 90};
    const size_t bytes = pixels.len / shape->frames;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(buf_free) struct buf frames = buf_init(pixels.len + HEAD_BYTES);
    size_t *ends = ARENA_MANY(&arena, size_t, shape->frames, err);
    for (uint32_t i = 0; ends && i < shape->frames; i++) {
        struct codec_picture one = picture;
        one.pixels = pixels.at + bytes * i;
        if (!codec_write_jpeg(&one, &frames, err))
            return false;
        ends[i] = frames.len;
    }
    if (!ends)
        return false;
    synth_set_text(&instance->set, DICOM_LOSSY, "CS", "01");
    synth_set_text(&instance->set, DICOM_LOSSY_RATIO, "DS", "%.4g",
                   (double)pixels.len / (double)frames.len);
    synth_set_text(&instance->set, DICOM_LOSSY_METHOD, "CS", "ISO_10918_1");
    synth_set_fragments(&instance->set, buf_view(&frames), ends, shape->frames);
    return true;
}

void synth_save_film(struct synth_instance *instance, const struct synth_shape *shape,
                     struct span pixels)
{
    struct err *err = &instance->series->synth->err;
    if (err->kind == ERR_NONE && pixels.at && put_film(instance, shape, pixels, err))
        synth_save_instance(instance);
    else
        synth_set_free(&instance->set);
}

void synth_save_instance(struct synth_instance *instance)
{
    const struct synth_series *series = instance->series;
    struct synth *synth = series->synth;
    char path[SYNTH_PATH_BYTES];
    snprintf(path, sizeof path, "images/%s/ST%06d/SE%06d/IM%06d",
             facility_of(series)->code, series->folder, series->number, instance->number);
    CLEANUP(buf_free) struct buf file = buf_init(instance->set.bytes.len + HEAD_BYTES);
    synth_dicom_file(&instance->set, series->sop_class, instance->uid.at, &file);
    if (synth->err.kind == ERR_NONE && buf_check(&instance->set.bytes, &synth->err) &&
        buf_check(&file, &synth->err)) {
        synth_save_raw(synth, path, buf_view(&file));
        synth->image_files++;
    }
    synth_set_free(&instance->set);
}
