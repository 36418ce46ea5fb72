// SPDX-License-Identifier: Apache-2.0
/* MFER files beside the DICOM files: a recording is a study of one series and one
 * instance. However long it is, only what is looked at is in memory. */
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "formats/dicom/dicom.h"
#include "gateway/study/study_parts.h"

enum {
    HEAD_BYTES = 8192, /* in which a file says what it is */
    NAMED_BYTES = 64 * 1024,
    UID_BYTES_MAX = 58, /* what is put behind it has room up to 64 */
    DICOM_PREAMBLE = 128
};

static const struct sparse_limits limits = {.file_bytes_max = UINT32_MAX,
                                            .kept_bytes_max = 64 << 20,
                                            .looked_bytes_max = 8 << 20};

bool study_is_mfer(int fd)
{
    uint8_t head[HEAD_BYTES];
    ssize_t len = pread(fd, head, sizeof head, 0);
    if (len <= 0)
        return false;
    struct span bytes = span_of(head, (size_t)len);
    struct span behind = bytes.len > DICOM_PREAMBLE ? span_part(bytes, DICOM_PREAMBLE, 4)
                                                    : (struct span){0};
    return !span_is(behind, "DICM") && mfer_detect(bytes);
}

static bool load(void *self, const uint8_t *at, uint64_t len, bool keeps)
{
    struct sparse *sparse = self;
    return keeps ? sparse_keep(sparse, at, len) : sparse_look(sparse, at, len);
}

bool study_open_wave(int fd, struct arena *arena, struct study_wave *wave,
                     struct err *err)
{
    struct err fault = {0};
    *wave = (struct study_wave){.sparse = sparse_open(fd, &limits, err)};
    if (!wave->sparse)
        return false;
    wave->loader = (struct waveform_loader){load, wave->sparse};
    if (mfer_read_by(&wave->loader, sparse_bytes(wave->sparse), arena, &wave->file,
                     &fault))
        return true;
    if (sparse_check(wave->sparse, err))
        *err = fault;
    return false;
}

static bool keep(void *self, const uint8_t *at, uint64_t len)
{
    return sparse_keep(self, at, len);
}

bool study_open_dicom_wave(int fd, struct arena *arena, struct study_wave *wave,
                           struct err *err)
{
    struct err fault = {0};
    struct dicom_file *file = NULL;
    *wave = (struct study_wave){.sparse = sparse_open(fd, &limits, err)};
    if (!wave->sparse)
        return false;
    wave->loader = (struct waveform_loader){load, wave->sparse};
    const struct dicom_loader loader = {keep, wave->sparse};
    const struct dicom_options options = {.loader = &loader};
    if (dicom_read(sparse_bytes(wave->sparse), &options, arena, &file, &fault) &&
        waveform_read_dicom_by(&wave->loader, file, arena, &wave->file.recording, &fault))
        return true;
    if (sparse_check(wave->sparse, err))
        *err = fault;
    return false;
}

void study_close_wave(struct study_wave *wave)
{
    sparse_close(&wave->sparse);
}

bool study_check_wave(const struct study_wave *wave, struct err *err)
{
    return sparse_check(wave->sparse, err);
}

static bool is_oid(struct text uid)
{
    bool is_good = uid.len >= 3 && uid.len <= UID_BYTES_MAX;
    for (size_t i = 0; i < uid.len && is_good; i++)
        is_good = uid.at[i] == '.' ? i > 0 && uid.at[i - 1] != '.'
                                   : uid.at[i] >= '0' && uid.at[i] <= '9';
    return is_good && uid.at[uid.len - 1] != '.';
}

/* The file's own, else one made of its beginning and length (X.667): a copy elsewhere is
 * the same recording, and another recording is another. */
static bool name_recording(const struct study_wave *wave, struct arena *arena,
                           struct study_row *row, struct err *err)
{
    char name[80];
    struct span bytes = sparse_bytes(wave->sparse);
    size_t len = bytes.len < NAMED_BYTES ? bytes.len : NAMED_BYTES;
    if (!sparse_look(wave->sparse, bytes.at, len))
        return sparse_check(wave->sparse, err);
    if (is_oid(wave->file.uid)) {
        /* it stands in the file, which is not in memory any more when the row is kept */
        if (!text_copy(wave->file.uid, arena, &row->uid, err))
            return false;
    } else {
        uint8_t parts[HASH_BYTES + sizeof(uint64_t)];
        uint64_t size = bytes.len;
        uint64_t number = 0;
        struct hash head = hash_sha256(span_part(bytes, 0, len));
        memcpy(parts, head.bytes, HASH_BYTES);
        memcpy(parts + HASH_BYTES, &size, sizeof size);
        struct hash hash = hash_sha256(span_of(parts, sizeof parts));
        memcpy(&number, hash.bytes, sizeof number);
        snprintf(name, sizeof name, "2.25.%llu", (unsigned long long)number);
        if (!text_copy(text_cstr(name), arena, &row->uid, err))
            return false;
    }
    snprintf(name, sizeof name, "%.*s.1", (int)row->uid.len, row->uid.at);
    if (!text_copy(text_cstr(name), arena, &row->series, err))
        return false;
    snprintf(name, sizeof name, "%.*s.1.1", (int)row->uid.len, row->uid.at);
    return text_copy(text_cstr(name), arena, &row->instance, err);
}

static bool take_patient(const struct entry_patient *patient, struct arena *arena,
                         struct study_row *row, struct err *err)
{
    char iso[DAY_TEXT_BYTES];
    char line[32];
    bool is_sex = patient->sex == 'M' || patient->sex == 'F';
    day_to_iso(patient->birth_day, iso);
    snprintf(line, sizeof line, "%s %c", patient->birth_day == DAY_NONE ? "-" : iso,
             is_sex ? patient->sex : '-');
    return text_copy(patient->id, arena, &row->number, err) &&
           text_copy(text_cstr(line), arena, &row->patient, err);
}

/* "HH:MM" of "YYYY-MM-DDTHH:MM:SS" */
static struct text minutes_of(struct text start)
{
    enum { TIME_AT = 11, MINUTES_LEN = 5 };
    return start.len >= TIME_AT + MINUTES_LEN
               ? (struct text){start.at + TIME_AT, MINUTES_LEN}
               : TEXT("");
}

static bool fill(const struct study_wave *wave, struct arena *arena,
                 struct study_row *row, struct err *err)
{
    const struct waveform_recording *recording = &wave->file.recording;
    row->kind = "waveform";
    row->day = recording->day;
    row->modality = TEXT("");
    row->accession = TEXT("");
    row->body_part = TEXT("");
    row->laterality = TEXT("");
    row->space = TEXT("");
    row->series_number = 1;
    row->instance_number = 1;
    if (!take_patient(&wave->file.patient, arena, row, err) ||
        !name_recording(wave, arena, row, err) ||
        !text_copy(recording->groups->label, arena, &row->description, err) ||
        !text_copy(minutes_of(recording->start), arena, &row->time, err))
        return false;
    row->series_description = row->description;
    if (row->number.len == 0 || row->number.len > 64)
        row->code = "study_incomplete";
    return study_write_wave_facts(row, arena, err);
}

bool study_read_wave(int fd, struct arena *arena, struct study_row *row, struct err *err)
{
    CLEANUP(study_close_wave) struct study_wave wave;
    if (study_open_wave(fd, arena, &wave, err))
        return fill(&wave, arena, row, err);
    if (err->kind != ERR_SYNTAX && err->kind != ERR_LIMIT)
        return false;
    row->code = err->code;
    err_clear(err);
    return true;
}

bool study_describe_wave(int fd, const struct study_record *record, struct arena *arena,
                         struct study_content *content, struct err *err)
{
    struct study_row row = {.code = ""};
    struct study_series *series = ARENA_MANY(arena, struct study_series, 1, err);
    struct study_instance *instance =
        series ? ARENA_MANY(arena, struct study_instance, 1, err) : NULL;
    if (!instance || !study_read_wave(fd, arena, &row, err))
        return false;
    if (row.facts.len == 0)
        return err_set(err, ERR_REFUSED, "frame_broken", "%s", row.code);
    *instance = (struct study_instance){.folder = TEXT(""),
                                        .uid = row.instance,
                                        .facts = row.facts,
                                        .kind = text_cstr(row.kind),
                                        .size_bytes = record->size_bytes};
    *series = (struct study_series){.number = row.series_number,
                                    .uid = row.series,
                                    .modality = row.modality,
                                    .kind = instance->kind,
                                    .description = row.series_description,
                                    .body_part = row.body_part,
                                    .laterality = row.laterality,
                                    .space = row.space,
                                    .instances = instance,
                                    .instance_count = 1};
    *content = (struct study_content){.uid = row.uid,
                                      .time = row.time,
                                      .description = row.description,
                                      .accession = row.accession,
                                      .day = row.day,
                                      .series = series,
                                      .series_count = 1,
                                      .instance_count = 1};
    return text_copy(record->name, arena, &instance->name, err) &&
           text_copy(record->version, arena, &instance->version, err);
}
