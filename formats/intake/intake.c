// SPDX-License-Identifier: Apache-2.0
#include "formats/intake/intake.h"

#include <string.h>

#include "formats/cda/cda.h"
#include "formats/extended/extended.h"
#include "formats/hl7/hl7.h"
#include "formats/intake/intake_dicom.h"
#include "formats/mfer/mfer.h"
#include "formats/ssmix/ssmix.h"

/* The message is taken in whatever happens; its own faults are results. */
static struct intake_message *new_message(struct arena *arena, const char *format,
                                          struct err *err)
{
    struct intake_message *message = ARENA_NEW(arena, struct intake_message, err);
    if (!message)
        return NULL;
    message->list.format = format;
    message->list.patient.birth_day = DAY_NONE;
    message->list.patient.sex = 'U';
    return message;
}

/* Faults of the arena end the reading of the file; others belong to the message. */
static bool is_fault_of_arena(const struct err *err)
{
    return err->kind == ERR_BUSY ||
           (err->kind == ERR_LIMIT && strcmp(err->code, "arena_full") == 0);
}

/* ------------------------------------------------------------------ SS-MIX2 */

static bool detect_ssmix(const struct intake_source *source)
{
    struct span relative = {0};
    return ssmix_find_path(source->path, &relative);
}

static bool read_ssmix(const struct intake_source *source, struct arena *arena,
                       struct intake_message **first, struct err *err)
{
    struct intake_message *message = new_message(arena, "ssmix2", err);
    struct span relative = {0};
    if (!message)
        return false;
    *first = message;
    struct ssmix_name name = {0};
    bool is_in_storage = ssmix_find_path(source->path, &relative);
    if (!is_in_storage || !ssmix_parse_path(relative, &name, &message->err) ||
        !ssmix_read(&name, source->bytes, arena, &message->list, &message->err)) {
        message->list.format = "ssmix2";
        if (is_fault_of_arena(&message->err)) {
            *err = message->err;
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ extended storage */

static bool detect_extended(const struct intake_source *source)
{
    struct span relative = {0};
    return extended_find_path(source->path, &relative);
}

static bool read_extended(const struct intake_source *source, struct arena *arena,
                          struct intake_message **first, struct err *err)
{
    struct intake_message *message = new_message(arena, "ssmix2", err);
    struct extended_name name;
    struct span relative = {0};
    if (!message)
        return false;
    *first = message;
    bool is_there = extended_find_path(source->path, &relative) &&
                    extended_parse_path(relative, arena, &name, &message->err);
    if (is_there) {
        name.files = source->files;
        name.file_count = source->file_count;
        name.has_more_files = source->has_more_files;
    }
    if (!is_there ||
        !extended_read(&name, source->bytes, arena, &message->list, &message->err)) {
        message->list.format = "ssmix2";
        if (is_fault_of_arena(&message->err)) {
            *err = message->err;
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ CDA by itself */

static bool detect_cda(const struct intake_source *source)
{
    return cda_detect(source->bytes);
}

static bool read_cda(const struct intake_source *source, struct arena *arena,
                     struct intake_message **first, struct err *err)
{
    struct intake_message *message = new_message(arena, "cda", err);
    if (!message)
        return false;
    *first = message;
    if (!extended_read_loose(source->bytes, arena, &message->list, &message->err) &&
        is_fault_of_arena(&message->err)) {
        *err = message->err;
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ HL7 v2 */

static bool is_line_end(uint8_t byte)
{
    return byte == '\r' || byte == '\n';
}

/* Without BOM, block start and empty lines. */
static size_t envelope_len(struct span bytes)
{
    size_t at = span_starts(bytes, "\xEF\xBB\xBF") ? 3 : 0;
    while (at < bytes.len && (bytes.at[at] == 0x0B || is_line_end(bytes.at[at])))
        at++;
    return at;
}

static bool detect_hl7(const struct intake_source *source)
{
    size_t skipped = envelope_len(source->bytes);
    struct span rest = span_part(source->bytes, skipped, source->bytes.len - skipped);
    return span_starts(rest, "MSH") || span_starts(rest, "FHS") ||
           span_starts(rest, "BHS");
}

/* Offset of the next line that starts with MSH and the separator of the first one. */
static size_t next_message(struct span bytes, size_t from)
{
    for (size_t i = from; i + 4 < bytes.len; i++) {
        bool is_start = is_line_end(bytes.at[i]) || bytes.at[i] == 0x0B;
        if (is_start && memcmp(bytes.at + i + 1, "MSH", 3) == 0 &&
            !is_line_end(bytes.at[i + 4]) && bytes.at[i + 4] > ' ')
            return i + 1;
    }
    return bytes.len;
}

static bool read_hl7(const struct intake_source *source, struct arena *arena,
                     struct intake_message **first, struct err *err)
{
    struct span bytes = source->bytes;
    struct intake_message **place = first;
    size_t start = 0;
    size_t header = envelope_len(bytes);
    bool has_batch = !span_starts(span_part(bytes, header, 3), "MSH");
    if (has_batch)
        start = next_message(bytes, 0);
    if (start == bytes.len)
        start = 0;
    while (start < bytes.len) {
        size_t search = start == 0 ? header + 1 : start + 1;
        size_t end = next_message(bytes, search);
        struct intake_message *message = new_message(arena, "hl7v2", err);
        if (!message)
            return false;
        *place = message;
        place = &message->next;
        message->offset = start;
        struct span part = span_part(bytes, start, end - start);
        if (!ssmix_read_loose(part, arena, &message->list, &message->err) &&
            is_fault_of_arena(&message->err)) {
            *err = message->err;
            return false;
        }
        start = end;
    }
    return true;
}

/* ------------------------------------------------------------------ MFER */

static bool detect_mfer(const struct intake_source *source)
{
    return mfer_detect(source->bytes);
}

static bool read_mfer(const struct intake_source *source, struct arena *arena,
                      struct intake_message **first, struct err *err)
{
    struct intake_message *message = new_message(arena, "mfer", err);
    struct mfer_file file;
    if (!message)
        return false;
    *first = message;
    bool is_read = mfer_read(source->bytes, arena, &file, &message->err);
    message->list.patient = file.patient;
    message->list.warnings = file.findings.warnings;
    message->list.last_warning = file.findings.last_warning;
    if ((!is_read || !mfer_list(&file, arena, &message->list, &message->err)) &&
        is_fault_of_arena(&message->err)) {
        *err = message->err;
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ the rest */

static bool detect_any(const struct intake_source *source)
{
    (void)source;
    return true;
}

/* What is nearly a message is told so: a hospital's vendor can set that right. */
static void name_unknown(struct span bytes, struct arena *arena, struct err *err)
{
    enum { LOOKED_AT_BYTES = 4096 };
    const struct hl7_message *message =
        hl7_parse(span_part(bytes, 0, LOOKED_AT_BYTES), arena, err);
    if (!message &&
        (strcmp(err->code, "hl7_utf16") == 0 || strcmp(err->code, "hl7_before_msh") == 0))
        return;
    err_clear(err);
    err_set(err, ERR_SYNTAX, "format_unknown", "a format that is not known");
}

static bool read_unknown(const struct intake_source *source, struct arena *arena,
                         struct intake_message **first, struct err *err)
{
    struct intake_message *message = new_message(arena, "unknown", err);
    if (!message)
        return false;
    *first = message;
    name_unknown(source->bytes, arena, &message->err);
    return true;
}

static const struct intake_format formats[] = {
    {"ssmix2", detect_extended, read_extended},
    {"ssmix2", detect_ssmix, read_ssmix},
    {"hl7v2", detect_hl7, read_hl7},
    {"cda", detect_cda, read_cda},
    {"dicomdir", intake_detect_dicomdir, intake_read_dicom},
    {"dicom", intake_detect_dicom, intake_read_dicom},
    {"mfer", detect_mfer, read_mfer},
    {"unknown", detect_any, read_unknown},
};

const struct intake_format *intake_find(const struct intake_source *source)
{
    size_t i = 0;
    while (!formats[i].detect(source))
        i++;
    return &formats[i];
}

bool intake_read(const struct intake_source *source, struct arena *arena,
                 struct intake_message **first, struct err *err)
{
    *first = NULL;
    return intake_find(source)->read(source, arena, first, err);
}

/* ------------------------------------------------------------------ writing */

static void write_text_or_null(struct json_writer *writer, const char *key,
                               struct text text)
{
    if (text.len > 0)
        json_put_text(writer, key, text);
    else
        json_put_null(writer, key);
}

static void write_patient(struct json_writer *writer, const struct entry_patient *patient)
{
    json_key(writer, "patient");
    if (patient->id.len == 0 && patient->name.len == 0) {
        json_null_value(writer);
        return;
    }
    const char sex[2] = {patient->sex ? patient->sex : 'U', '\0'};
    json_open_object(writer);
    write_text_or_null(writer, "id", patient->id);
    write_text_or_null(writer, "name", patient->name);
    write_text_or_null(writer, "kana", patient->kana);
    json_put_day(writer, "birth_date", patient->birth_day);
    json_put_cstr(writer, "sex", sex);
    json_close_object(writer);
}

static void write_warnings(struct json_writer *writer,
                           const struct intake_message *message)
{
    json_key(writer, "warnings");
    json_open_array(writer);
    for (const struct entry_warning *warning = message->list.warnings; warning;
         warning = warning->next) {
        json_open_object(writer);
        json_put_cstr(writer, "code", warning->code);
        json_put_int(writer, "offset", (int64_t)(message->offset + warning->offset));
        json_put_text(writer, "text", warning->text);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_error(struct json_writer *writer, const struct intake_message *message)
{
    json_key(writer, "error");
    if (message->err.kind == ERR_NONE) {
        json_null_value(writer);
        return;
    }
    json_open_object(writer);
    json_put_cstr(writer, "code", message->err.code);
    json_put_int(writer, "offset", (int64_t)(message->offset + message->err.offset));
    json_put_text(writer, "text", intake_fault_text(&message->err));
    if (message->err.clause)
        json_put_cstr(writer, "clause", message->err.clause);
    json_close_object(writer);
}

void intake_write(struct json_writer *writer, const struct intake_message *message,
                  struct text path)
{
    json_open_object(writer);
    json_put_text(writer, "path", path);
    json_put_cstr(writer, "format", message->list.format);
    json_put_bool(writer, "ok", message->err.kind == ERR_NONE);
    write_patient(writer, &message->list.patient);
    json_key(writer, "entries");
    json_open_array(writer);
    for (const struct entry *entry = message->list.first; entry; entry = entry->next)
        entry_write(writer, entry);
    json_close_array(writer);
    write_warnings(writer, message);
    write_error(writer, message);
    json_close_object(writer);
}
