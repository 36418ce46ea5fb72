// SPDX-License-Identifier: Apache-2.0
/* The header of one file: read only as far as its pixels, whatever its size. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/dicom/dicom_image.h"
#include "gateway/study/study_parts.h"

enum {
    HEAD_BYTES = 64 * 1024,
    HEAD_BYTES_MAX = 32 << 20, /* that of thousands of frames with groups of their own */
    DIRECTORY_BYTES_MAX = 64 << 20,
    FACTS_BYTES_MAX = 64 * 1024 + STUDY_FRAME_VIEWS_BYTES_MAX,
};

struct heading {
    struct dicom_file *file;
    const struct dicom_set *set;
    struct arena *arena;
    struct study_row *row;
};

/* ---- bytes ---- */

static bool read_part(int fd, size_t len, struct arena *arena, struct span *bytes,
                      struct err *err)
{
    uint8_t *at = arena_take(arena, len, 1, err);
    size_t got = 0;
    if (!at)
        return false;
    while (got < len) {
        ssize_t count = pread(fd, at + got, len - got, (off_t)got);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return err_set(err, ERR_SYSTEM, "path_failed", "cannot read: %s",
                           strerror(errno));
        if (count == 0)
            break;
        got += (size_t)count;
    }
    *bytes = span_of(at, got);
    return true;
}

/* Once with the beginning, and once more with as much as that says there has to be. */
static bool read_head(int fd, struct heading *heading, struct err *err)
{
    uint64_t size = (uint64_t)heading->row->size_bytes;
    struct dicom_options options = {
        .stop_before_pixels = true, .file_bytes = size, .inflated_max = HEAD_BYTES_MAX};
    size_t len = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
    for (;;) {
        struct span bytes = {0};
        if (!read_part(fd, len, heading->arena, &bytes, err) ||
            !dicom_read(bytes, &options, heading->arena, &heading->file, err))
            return false;
        if (dicom_is_directory(heading->file))
            return true; /* read by itself */
        uint64_t needed = heading->file->needs_bytes;
        size_t next = needed > 4 * len ? (size_t)needed : 4 * len;
        if (needed == 0 || len >= size || len >= HEAD_BYTES_MAX)
            return true;
        len = next < HEAD_BYTES_MAX ? next : HEAD_BYTES_MAX;
        if (len > size)
            len = (size_t)size;
    }
}

/* ---- the instance, as the contract has it ---- */

static void put_shape(struct json_writer *writer, const struct dicom_image *image,
                      struct text photometric)
{
    json_put_int(writer, "frames", image->frame_count);
    json_put_int(writer, "rows", image->rows);
    json_put_int(writer, "columns", image->columns);
    json_put_int(writer, "bits_allocated", image->bits_allocated);
    json_put_int(writer, "bits_stored", image->bits_stored);
    json_put_bool(writer, "is_signed", image->is_signed);
    json_put_int(writer, "samples", image->samples);
    json_put_text(writer, "photometric", photometric);
}

/* Right and bottom as letters, of pictures without directions in space. */
static bool put_letters(const struct heading *heading, struct json_writer *writer,
                        struct err *err)
{
    enum { PATIENT_ORIENTATION = 0x00200020 };
    struct text *letters = NULL;
    size_t count = 0;
    if (!dicom_texts(heading->set, PATIENT_ORIENTATION, heading->arena, &letters, &count,
                     err))
        return false;
    if (count != 2 || letters[0].len > 8 || letters[1].len > 8)
        return true;
    json_key(writer, "patient_orientation");
    json_open_array(writer);
    json_text_value(writer, letters[0]);
    json_text_value(writer, letters[1]);
    json_close_array(writer);
    return true;
}

static bool write_facts(const struct heading *heading, const struct dicom_image *image,
                        const struct dicom_view *view, struct err *err)
{
    struct study_row *row = heading->row;
    CLEANUP(buf_free) struct buf out = buf_init(FACTS_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    struct text photometric = TEXT("");
    struct dicom_overlay overlays[DICOM_OVERLAYS_MAX];
    size_t overlay_count = 0;
    struct text sop_class = dicom_uid(heading->set, DICOM_SOP_CLASS);
    struct span copy = {0};
    if (!dicom_text(heading->set, DICOM_PHOTOMETRIC, heading->arena, &photometric, err) ||
        !dicom_overlays(heading->file, heading->arena, overlays, &overlay_count, err))
        return false;
    bool is_drawn =
        dicom_syntax_coding(heading->file->syntax) != DICOM_CODED_UNSUPPORTED &&
        (image->rows == 0 || image->photometric != DICOM_PHOTOMETRIC_OTHER);
    json_open_object(&writer);
    json_put_text(&writer, "uid", row->instance);
    json_put_int(&writer, "number", row->instance_number);
    if (sop_class.len > 0)
        json_put_text(&writer, "sop_class", sop_class);
    put_shape(&writer, image, image->rows > 0 ? photometric : TEXT(""));
    json_put_cstr(&writer, "syntax", dicom_syntax_name(heading->file->syntax));
    json_put_bool(&writer, "is_supported", is_drawn);
    study_write_view(&writer, view);
    json_put_bool(&writer, "has_overlay", overlay_count > 0);
    if (!put_letters(heading, &writer, err) ||
        !study_write_frame_views(&writer, heading->file, image->frame_count,
                                 heading->arena, err))
        return false;
    json_close_object(&writer);
    return buf_to_arena(&out, heading->arena, &copy, err) &&
           text_from_utf8(copy, &row->facts, err);
}

bool study_write_wave_facts(struct study_row *row, struct arena *arena, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(FACTS_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    const struct dicom_image image = {0};
    const struct dicom_view view = {0};
    struct span copy = {0};
    json_open_object(&writer);
    json_put_text(&writer, "uid", row->instance);
    json_put_int(&writer, "number", row->instance_number);
    put_shape(&writer, &image, TEXT(""));
    json_put_cstr(&writer, "syntax", "MFER");
    json_put_bool(&writer, "is_supported", true);
    study_write_view(&writer, &view);
    json_put_bool(&writer, "has_overlay", false);
    json_close_object(&writer);
    return buf_to_arena(&out, arena, &copy, err) &&
           text_from_utf8(copy, &row->facts, err);
}

/* An image whose description makes no sense is no picture: it can be taken away. */
static bool read_picture(const struct heading *heading, struct err *err)
{
    struct dicom_image image = {0};
    struct dicom_view view = {0};
    struct err fault = {0};
    bool is_picture = strcmp(heading->row->kind, "image") == 0;
    if (is_picture && !dicom_image_read(heading->file, &image, &fault)) {
        image = (struct dicom_image){0};
        heading->row->kind = "other";
        is_picture = false;
    }
    if (is_picture && !dicom_view_read(heading->file, 0, heading->arena, &view, err))
        return false;
    heading->row->frames = image.frame_count;
    return write_facts(heading, &image, &view, err);
}

/* ---- the series ---- */

static bool take_text(const struct heading *heading, uint32_t tag, size_t max,
                      struct text *text, struct err *err)
{
    if (!dicom_text(heading->set, tag, heading->arena, text, err))
        return false;
    while (text->len > max) { /* never inside a character */
        text->len--;
        while (text->len > 0 && ((uint8_t)text->at[text->len] & 0xC0) == 0x80)
            text->len--;
    }
    return true;
}

static bool read_series(const struct heading *heading, struct err *err)
{
    struct study_row *row = heading->row;
    uint32_t side = dicom_value_count(heading->set, DICOM_LATERALITY)
                        ? DICOM_LATERALITY
                        : DICOM_IMAGE_LATERALITY;
    row->space = dicom_uid(heading->set, DICOM_FRAME_OF_REFERENCE);
    return take_text(heading, DICOM_SERIES_DESCRIPTION, 256, &row->series_description,
                     err) &&
           take_text(heading, DICOM_BODY_PART, 64, &row->body_part, err) &&
           take_text(heading, side, 16, &row->laterality, err);
}

/* ---- whose and what ---- */

/* ---- rejection notes ---- */

enum {
    CONCEPT_NAME = 0x0040A043,
    CODE_VALUE = 0x00080100,
    CODING_SCHEME = 0x00080102,
    EVIDENCE = 0x0040A375,
    REFERENCED_SERIES = 0x00081115,
    REFERENCED_INSTANCES = 0x00081199,
    REFERENCED_INSTANCE = 0x00081155,
    REJECTED_MAX = 20000
};

/* PS3.16 CID 7011; IHE RAD TF-1 section 33 (IOCM). */
static const char *reason_of(const struct heading *heading)
{
    static const struct {
        const char *code;
        const char *reason;
    } reasons[] = {{"113001", "rejected_quality"},
                   {"113037", "rejected_safety"},
                   {"113038", "rejected_worklist"},
                   {"113039", "rejected_expired"}};
    struct span class = text_span(dicom_uid(heading->set, DICOM_SOP_CLASS));
    const struct dicom_element *title = dicom_find(heading->set, CONCEPT_NAME);
    if (!span_is(class, "1.2.840.10008.5.1.4.1.1.88.59") || !title || !title->items ||
        !span_is(dicom_code(title->items, CODING_SCHEME), "DCM"))
        return NULL;
    struct span code = dicom_code(title->items, CODE_VALUE);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (span_is(code, reasons[i].code))
            return reasons[i].reason;
    return NULL;
}

static bool add_rejected(const struct heading *heading, const struct dicom_set *series,
                         size_t *room, struct err *err)
{
    struct study_row *row = heading->row;
    const struct dicom_element *instances = dicom_find(series, REFERENCED_INSTANCES);
    const struct dicom_set *one = instances ? instances->items : NULL;
    for (; one && row->rejected_count < REJECTED_MAX; one = one->next) {
        struct text uid = dicom_uid(one, REFERENCED_INSTANCE);
        if (uid.len == 0)
            continue;
        row->rejected =
            arena_grow(heading->arena, row->rejected, row->rejected_count,
                       row->rejected_count + 1, sizeof *row->rejected, room, err);
        if (!row->rejected)
            return false;
        row->rejected[row->rejected_count++] = uid;
    }
    return true;
}

static bool read_rejection(const struct heading *heading, struct err *err)
{
    size_t room = 0;
    heading->row->reason = reason_of(heading);
    const struct dicom_element *evidence = dicom_find(heading->set, EVIDENCE);
    if (!heading->row->reason || !evidence)
        return true;
    heading->row->kind = "rejection";
    for (const struct dicom_set *study = evidence->items; study; study = study->next) {
        const struct dicom_element *list = dicom_find(study, REFERENCED_SERIES);
        const struct dicom_set *series = list ? list->items : NULL;
        for (; series; series = series->next)
            if (!add_rejected(heading, series, &room, err))
                return false;
    }
    return true;
}

static const char *kind_of(const struct heading *heading)
{
    struct span class = text_span(dicom_uid(heading->set, DICOM_SOP_CLASS));
    struct span modality = dicom_code(heading->set, DICOM_MODALITY);
    if (dicom_find(heading->set, DICOM_WAVEFORMS))
        return "waveform";
    if (heading->file->pixels.is_there)
        return "image";
    if (span_starts(class, "1.2.840.10008.5.1.4.1.1.104."))
        return "document";
    if (span_starts(class, "1.2.840.10008.5.1.4.1.1.88.") || span_is(modality, "SR"))
        return "report";
    return "other";
}

static bool read_patient(const struct heading *heading, struct err *err)
{
    char iso[DAY_TEXT_BYTES];
    char line[32];
    struct span sex = dicom_code(heading->set, DICOM_SEX);
    bool is_sex = sex.len == 1 && strchr("MFO", sex.at[0]) != NULL;
    int32_t born = dicom_day(heading->set, DICOM_BIRTH_DATE);
    day_to_iso(born, iso);
    snprintf(line, sizeof line, "%s %c", born == DAY_NONE ? "-" : iso,
             is_sex ? sex.at[0] : '-');
    return text_copy(text_cstr(line), heading->arena, &heading->row->patient, err) &&
           take_text(heading, DICOM_PATIENT_ID, 64, &heading->row->number, err);
}

static bool read_numbers(const struct heading *heading, struct err *err)
{
    static const uint32_t days[] = {DICOM_STUDY_DATE, DICOM_SERIES_DATE,
                                    DICOM_ACQUISITION_DATE, DICOM_CONTENT_DATE};
    struct study_row *row = heading->row;
    row->day = DAY_NONE;
    for (size_t i = 0; i < sizeof days / sizeof *days && row->day == DAY_NONE; i++)
        row->day = dicom_day(heading->set, days[i]);
    (void)dicom_int(heading->set, DICOM_SERIES_NUMBER, 0, &row->series_number);
    (void)dicom_int(heading->set, DICOM_INSTANCE_NUMBER, 0, &row->instance_number);
    return dicom_time(heading->set, DICOM_STUDY_TIME, heading->arena, &row->time, err) &&
           take_text(heading, DICOM_ACCESSION, 64, &row->accession, err) &&
           take_text(heading, DICOM_STUDY_DESCRIPTION, 256, &row->description, err) &&
           take_text(heading, DICOM_MODALITY, 16, &row->modality, err);
}

static bool fill(const struct heading *heading, struct err *err)
{
    struct study_row *row = heading->row;
    row->uid = dicom_uid(heading->set, DICOM_STUDY);
    row->series = dicom_uid(heading->set, DICOM_SERIES);
    row->instance = dicom_uid(heading->set, DICOM_SOP_INSTANCE);
    row->kind = kind_of(heading);
    if (!read_patient(heading, err) || !read_numbers(heading, err))
        return false;
    if (row->uid.len == 0 || row->series.len == 0 || row->instance.len == 0 ||
        row->number.len == 0) {
        row->code = "study_incomplete";
        return true;
    }
    if (heading->file->is_truncated && !heading->file->pixels.is_there)
        row->code = "study_truncated";
    return read_rejection(heading, err) && read_picture(heading, err) &&
           read_series(heading, err);
}

/* What is wrong with a file becomes its code; only the disk's faults are ours. */
static bool refuse(struct study_row *row, struct err *err)
{
    if (err->kind != ERR_SYNTAX && err->kind != ERR_LIMIT)
        return false;
    row->code = err->code;
    row->named_count = 0;
    err_clear(err);
    return true;
}

static bool read_directory(int fd, struct heading *heading, struct err *err)
{
    struct span bytes = {0};
    size_t size = (size_t)heading->row->size_bytes;
    arena_reset(heading->arena); /* the header's beginning */
    if (heading->row->size_bytes > DIRECTORY_BYTES_MAX)
        err_set(err, ERR_LIMIT, "directory_too_large", "%d bytes are read",
                DIRECTORY_BYTES_MAX);
    return (err->kind == ERR_NONE && read_part(fd, size, heading->arena, &bytes, err) &&
            study_read_directory(bytes, heading->arena, heading->row, err)) ||
           refuse(heading->row, err);
}

bool study_read_header(int fd, struct arena *arena, struct study_row *row,
                       struct err *err)
{
    struct heading heading = {.arena = arena, .row = row};
    row->code = "";
    row->day = DAY_NONE;
    row->kind = "other";
    if (study_is_mfer(fd))
        return study_read_wave(fd, arena, row, err);
    if (!read_head(fd, &heading, err))
        return refuse(row, err);
    if (dicom_is_directory(heading.file))
        return read_directory(fd, &heading, err);
    heading.set = heading.file->set;
    return fill(&heading, err);
}

bool study_read_file(int fd, struct arena *arena, struct dicom_file **file,
                     struct err *err)
{
    struct stat status;
    struct study_row row = {0};
    struct heading heading = {.arena = arena, .row = &row};
    if (fstat(fd, &status) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "cannot ask for its size");
    row.size_bytes = status.st_size;
    bool is_read = read_head(fd, &heading, err);
    *file = heading.file;
    return is_read;
}
