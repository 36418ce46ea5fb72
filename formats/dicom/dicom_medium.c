// SPDX-License-Identifier: Apache-2.0
/* Writing a DICOMDIR (PS3.3 annex F, PS3.10 8.6): one patient's study as it goes onto a
 * medium. Texts are taken over as bytes, with the character set of their file. */
#include <stdio.h>
#include <string.h>

#include "formats/dicom/dicom_parts.h"

enum {
    PREAMBLE_BYTES = 128,
    VALUE_BYTES_MAX = 1024,
    NEXT_OFFSET = 16, /* of the value, in a record */
    LOWER_OFFSET = 38,
    FIRST_ROOT_TAG = 0x00041200,
    LAST_ROOT_TAG = 0x00041202,
    UID_NUMBER_BYTES = 16
};

#define DIRECTORY_CLASS "1.2.840.10008.1.3.10"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define IMPLEMENTATION "2.25.39434900817235003300748411420146717119"
#define CLASS "1.2.840.10008.5.1.4.1.1."

/* ---- bytes ---- */

static void put_u16(struct buf *out, uint32_t value)
{
    buf_byte(out, (uint8_t)value);
    buf_byte(out, (uint8_t)(value >> 8));
}

static void put_u32(struct buf *out, uint32_t value)
{
    put_u16(out, value & 0xFFFF);
    put_u16(out, value >> 16);
}

static void patch(struct buf *out, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4 && !out->has_failed; i++)
        out->at[at + i] = (uint8_t)(value >> (8 * i));
}

static void put_head(struct buf *out, uint32_t tag, uint16_t vr, uint32_t length)
{
    put_u16(out, tag >> 16);
    put_u16(out, tag & 0xFFFF);
    buf_byte(out, (uint8_t)(vr >> 8));
    buf_byte(out, (uint8_t)vr);
    put_u16(out, dicom_vr_is_long(vr) ? 0 : length);
    if (dicom_vr_is_long(vr))
        put_u32(out, length);
}

static void put_value(struct buf *out, uint32_t tag, uint16_t vr, struct span value)
{
    put_head(out, tag, vr, (uint32_t)(value.len + value.len % 2));
    buf_span(out, value);
    if (value.len % 2 == 1)
        buf_byte(out, vr == VR_UI || vr == VR_OB ? '\0' : ' ');
}

static void put_long(struct buf *out, uint32_t tag, uint32_t value)
{
    put_head(out, tag, VR_UL, 4);
    put_u32(out, value);
}

/* What is longer than any such text may be is no text. */
static struct span value_of(const struct dicom_set *set, uint32_t tag)
{
    const struct dicom_element *element = set ? dicom_find(set, tag) : NULL;
    bool is_good = element && !element->is_cut && element->value.len <= VALUE_BYTES_MAX;
    return is_good ? dicom_trim(element->value, true) : (struct span){0};
}

static void copy(struct buf *out, const struct dicom_set *set, uint32_t tag, uint16_t vr)
{
    put_value(out, tag, vr, value_of(set, tag));
}

/* Numbers that must be there: those of the file, else the place. */
static void copy_number(struct buf *out, const struct dicom_set *set, uint32_t tag,
                        uint16_t vr, size_t place)
{
    char number[24];
    struct span value = value_of(set, tag);
    snprintf(number, sizeof number, "%zu", place);
    put_value(out, tag, vr, value.len > 0 ? value : span_cstr(number));
}

/* ---- records ---- */

static const char *type_of(const struct dicom_file *file)
{
    static const struct {
        const char *beginning, *type;
    } types[] = {{CLASS "88.59", "KEY OBJECT DOC"},
                 {CLASS "88.", "SR DOCUMENT"},
                 {CLASS "104.", "ENCAP DOC"},
                 {CLASS "9.", "WAVEFORM"}};
    struct span class = text_span(dicom_uid(file->set, DICOM_SOP_CLASS));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_starts(class, types[i].beginning))
            return types[i].type;
    return file->pixels.is_there ? "IMAGE" : NULL;
}

static size_t open_record(struct dicom_medium *medium, int level, const char *type)
{
    struct buf *out = &medium->out;
    size_t at = out->len;
    if (medium->last[level] > 0)
        patch(out, medium->last[level] + NEXT_OFFSET, (uint32_t)at);
    else if (level > 0)
        patch(out, medium->last[level - 1] + LOWER_OFFSET, (uint32_t)at);
    medium->last[level] = at;
    if (level + 1 < DICOM_MEDIUM_LEVELS)
        medium->last[level + 1] = 0;
    put_u32(out, 0xE000FFFE);
    put_u32(out, 0);
    put_long(out, DICOM_NEXT_RECORD, 0);
    put_head(out, DICOM_RECORD_IN_USE, VR_US, 2);
    put_u16(out, 0xFFFF);
    put_long(out, DICOM_LOWER_RECORD, 0);
    put_value(out, DICOM_RECORD_TYPE, VR_CS, span_cstr(type));
    return at;
}

static void close_record(struct dicom_medium *medium, size_t at)
{
    patch(&medium->out, at + 4, (uint32_t)(medium->out.len - at - 8));
}

static void put_charset(struct buf *out, const struct dicom_set *set)
{
    if (value_of(set, DICOM_CHARACTER_SET).len > 0)
        copy(out, set, DICOM_CHARACTER_SET, VR_CS);
}

static void put_study(struct dicom_medium *medium, const struct dicom_set *set)
{
    struct buf *out = &medium->out;
    size_t at = open_record(medium, 0, "PATIENT");
    put_charset(out, set);
    copy(out, set, DICOM_PATIENT_NAME, VR_PN);
    copy(out, set, DICOM_PATIENT_ID, VR_LO);
    copy(out, set, DICOM_BIRTH_DATE, VR_DA);
    copy(out, set, DICOM_SEX, VR_CS);
    close_record(medium, at);
    at = open_record(medium, 1, "STUDY");
    put_charset(out, set);
    copy(out, set, DICOM_STUDY_DATE, VR_DA);
    copy(out, set, DICOM_STUDY_TIME, VR_TM);
    copy(out, set, DICOM_ACCESSION, VR_SH);
    copy(out, set, DICOM_STUDY_DESCRIPTION, VR_LO);
    copy(out, set, DICOM_STUDY, VR_UI);
    copy_number(out, set, DICOM_STUDY_ID, VR_SH, 1);
    close_record(medium, at);
}

static void put_series(struct dicom_medium *medium, const struct dicom_set *set)
{
    struct buf *out = &medium->out;
    size_t at = open_record(medium, 2, "SERIES");
    put_charset(out, set);
    copy(out, set, DICOM_MODALITY, VR_CS);
    copy(out, set, DICOM_SERIES_DESCRIPTION, VR_LO);
    copy(out, set, DICOM_SERIES, VR_UI);
    copy_number(out, set, DICOM_SERIES_NUMBER, VR_IS, ++medium->series_count);
    close_record(medium, at);
}

static void put_concept(struct buf *out, const struct dicom_set *set)
{
    const struct dicom_set *code = dicom_item(set, DICOM_CONCEPT_NAME, 0);
    put_head(out, DICOM_CONCEPT_NAME, VR_SQ, 0);
    if (!code)
        return;
    size_t at = out->len;
    put_u32(out, 0xE000FFFE);
    put_u32(out, 0);
    copy(out, code, DICOM_CODE_VALUE, VR_SH);
    copy(out, code, DICOM_CODE_SCHEME, VR_SH);
    copy(out, code, DICOM_CODE_MEANING, VR_LO);
    patch(out, at + 4, (uint32_t)(out->len - at - 8));
    patch(out, at - 4, (uint32_t)(out->len - at));
}

/* "DICOM/S001/I00001" as a file id has it. */
static void put_file_id(struct buf *out, const char *path)
{
    char id[VALUE_BYTES_MAX];
    size_t len = strlen(path);
    for (size_t i = 0; i < len; i++)
        id[i] = path[i] == '/' ? '\\' : path[i];
    put_value(out, DICOM_REFERENCED_FILE, VR_CS, span_of(id, len));
}

static void put_instance(struct dicom_medium *medium, const struct dicom_file *file,
                         const char *path, const char *type)
{
    struct buf *out = &medium->out;
    const struct dicom_set *set = file->set;
    bool is_document = strstr(type, "DOC") != NULL;
    bool is_report = strcmp(type, "SR DOCUMENT") == 0;
    bool is_encapsulated = strcmp(type, "ENCAP DOC") == 0;
    size_t at = open_record(medium, 3, type);
    put_file_id(out, path);
    put_value(out, DICOM_REFERENCED_SOP_CLASS_IN_FILE, VR_UI,
              value_of(file->meta, DICOM_MEDIA_SOP_CLASS));
    put_value(out, DICOM_REFERENCED_SOP_INSTANCE_IN_FILE, VR_UI,
              value_of(file->meta, DICOM_MEDIA_SOP_INSTANCE));
    put_value(out, DICOM_REFERENCED_SYNTAX_IN_FILE, VR_UI,
              value_of(file->meta, DICOM_TRANSFER_SYNTAX));
    put_charset(out, set);
    if (strcmp(type, "IMAGE") != 0) {
        copy(out, set, DICOM_CONTENT_DATE, VR_DA);
        copy(out, set, DICOM_CONTENT_TIME, VR_TM);
    }
    copy_number(out, set, DICOM_INSTANCE_NUMBER, VR_IS, ++medium->instance_count);
    if (is_document)
        put_concept(out, set);
    if (is_report) {
        copy(out, set, DICOM_COMPLETION, VR_CS);
        copy(out, set, DICOM_VERIFICATION, VR_CS);
    }
    if (is_encapsulated) {
        copy(out, set, DICOM_DOCUMENT_TITLE, VR_ST);
        copy(out, set, DICOM_DOCUMENT_TYPE, VR_LO);
    }
    close_record(medium, at);
}

/* ---- the whole ---- */

/* A number of 128 bits below 2.25 (PS3.5 B.2). */
static void write_uid(const uint8_t number[UID_NUMBER_BYTES], char uid[64])
{
    uint8_t rest[UID_NUMBER_BYTES];
    char digits[40];
    size_t at = sizeof digits - 1;
    memcpy(rest, number, sizeof rest);
    digits[at] = '\0';
    for (bool is_left = true; is_left && at > 0;) {
        unsigned carry = 0;
        is_left = false;
        for (size_t i = 0; i < sizeof rest; i++) {
            unsigned value = carry << 8 | rest[i];
            rest[i] = (uint8_t)(value / 10);
            carry = value % 10;
            is_left = is_left || rest[i] > 0;
        }
        digits[--at] = (char)('0' + carry);
    }
    snprintf(uid, 64, "2.25.%s", digits + at);
}

void dicom_medium_begin(struct dicom_medium *medium, const uint8_t number[16])
{
    char uid[64];
    struct buf *out = &medium->out;
    *medium = (struct dicom_medium){.out = buf_init(DICOM_MEDIUM_BYTES_MAX)};
    write_uid(number, uid);
    for (size_t i = 0; i < PREAMBLE_BYTES; i++)
        buf_byte(out, 0);
    buf_cstr(out, "DICM");
    size_t meta = out->len;
    put_long(out, 0x00020000, 0);
    put_value(out, 0x00020001, VR_OB, span_of("\0\1", 2));
    put_value(out, DICOM_MEDIA_SOP_CLASS, VR_UI, span_cstr(DIRECTORY_CLASS));
    put_value(out, DICOM_MEDIA_SOP_INSTANCE, VR_UI, span_cstr(uid));
    put_value(out, DICOM_TRANSFER_SYNTAX, VR_UI, span_cstr(EXPLICIT_LITTLE));
    put_value(out, 0x00020012, VR_UI, span_cstr(IMPLEMENTATION));
    patch(out, meta + 8, (uint32_t)(out->len - meta - 12));
    put_value(out, 0x00041130, VR_CS, SPAN(""));
    medium->roots = out->len;
    put_long(out, FIRST_ROOT_TAG, 0);
    put_long(out, LAST_ROOT_TAG, 0);
    put_head(out, 0x00041212, VR_US, 2);
    put_u16(out, 0);
    put_head(out, DICOM_DIRECTORY_RECORDS, VR_SQ, 0);
    medium->records = out->len;
}

void dicom_medium_add(struct dicom_medium *medium, const struct dicom_file *file,
                      const char *path)
{
    const char *type = type_of(file);
    struct text series = dicom_uid(file->set, DICOM_SERIES);
    bool is_part_10 = file->has_preamble &&
                      dicom_uid(file->meta, DICOM_MEDIA_SOP_INSTANCE).len > 0 &&
                      dicom_uid(file->meta, DICOM_TRANSFER_SYNTAX).len > 0;
    if (!type || !is_part_10 || series.len >= sizeof medium->series)
        return;
    if (medium->last[0] == 0)
        put_study(medium, file->set);
    if (!text_is(series, medium->series)) {
        put_series(medium, file->set);
        snprintf(medium->series, sizeof medium->series, "%.*s", (int)series.len,
                 series.at);
    }
    put_instance(medium, file, path, type);
}

bool dicom_medium_end(struct dicom_medium *medium, struct err *err)
{
    struct buf *out = &medium->out;
    uint32_t root = (uint32_t)medium->last[0];
    patch(out, medium->roots + 8, root);
    patch(out, medium->roots + 20, root);
    patch(out, medium->records - 4, (uint32_t)(out->len - medium->records));
    return buf_check(out, err);
}
