// SPDX-License-Identifier: Apache-2.0
/* The document in a content folder, as an entry. */
#include "formats/extended/extended.h"

#include <string.h>

#include "formats/cda/cda.h"
#include "formats/charset/charset.h"
#include "formats/extended/extended_media.h"
#include "formats/extended/extended_parts.h"
#include "formats/mfer/mfer.h"

static const char CLAUSE[] = "SS-MIX2 2.12";

struct reading {
    const struct extended_name *name; /* NULL outside a storage */
    struct arena *arena;
    struct entry_list *list;
    struct err *err;
    struct extended_format format;
    struct extended_parts parts;
};

static bool warn(struct reading *reading, const char *code, size_t offset,
                 struct text text)
{
    for (const struct entry_warning *one = reading->list->warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0)
            return true;
    return entry_warn(reading->list, code, offset, text, reading->arena, reading->err);
}

static enum entry_state state_of(char flag)
{
    return flag == '0' ? ENTRY_DELETED : flag == '2' ? ENTRY_SUPERSEDED : ENTRY_CURRENT;
}

static bool warn_name(struct reading *reading)
{
    unsigned differs = reading->name->record.differs;
    return (!(differs & SSMIX_PATIENT_DIFFERS) ||
            warn(reading, "patient_mismatch", 0,
                 TEXT("フォルダ名の患者番号が上位のフォルダと違います"))) &&
           (!(differs & SSMIX_DAY_DIFFERS) ||
            warn(reading, "day_mismatch", 0,
                 TEXT("フォルダ名の診療日が上位のフォルダと違います"))) &&
           (!(differs & SSMIX_TYPE_DIFFERS) ||
            warn(reading, "type_mismatch", 0,
                 TEXT("フォルダ名のデータ種別が上位のフォルダと違います")));
}

/* ------------------------------------------------------------------ the entry */

static struct text copied(struct reading *reading, struct span ascii)
{
    struct span copy = {0};
    struct text text = TEXT("");
    if (ascii.len == 0 || !arena_copy(reading->arena, ascii, &copy, reading->err) ||
        !text_from_utf8(copy, &text, reading->err))
        return TEXT("");
    return text;
}

static void place_entry(struct reading *reading, struct entry *entry)
{
    const struct extended_name *name = reading->name;
    entry->kind = extended_kind(&name->type);
    entry->day = name->record.day;
    entry->state = state_of(name->record.flag);
    entry->title = extended_title(&name->type);
    entry->department_code = copied(reading, name->record.department);
    entry->department = ssmix_department_name(name->record.department);
    if (reading->format.is_picture)
        entry->flags |= ENTRY_HAS_IMAGE;
}

static struct entry *new_entry(struct reading *reading)
{
    struct entry *entry =
        entry_add(reading->list, ENTRY_DOCUMENT, reading->arena, reading->err);
    if (entry && reading->name)
        place_entry(reading, entry);
    return entry;
}

/* What the original is, so that the screen can offer to open or to save it. */
static bool put_file(struct reading *reading, struct entry *entry, size_t size_bytes)
{
    char digits[24];
    struct span copy = {0};
    struct entry_item *item =
        entry_add_item(entry, "file", 3, reading->arena, reading->err);
    CLEANUP(buf_free) struct buf out = buf_init(sizeof digits);
    buf_format(&out, "%zu", size_bytes);
    if (!item || !buf_to_arena(&out, reading->arena, &copy, reading->err))
        return false;
    entry_add_field(item, "media_type", text_cstr(reading->format.media_type));
    entry_add_field(item, "format", text_cstr(reading->format.words));
    entry_add_field(item, "size_bytes", (struct text){(const char *)copy.at, copy.len});
    return true;
}

/* What belongs to the document besides itself, behind everything else. */
static bool put_parts(struct reading *reading, const struct cda_document *document)
{
    if (!extended_find_parts(reading->name, document, &reading->parts, reading->arena,
                             reading->err))
        return false;
    if (reading->name && reading->name->has_more_files &&
        !warn(reading, "parts_left_out", 0,
              TEXT("付属ファイルが多いため、一部を示していません")))
        return false;
    for (struct entry *entry = reading->list->first; entry; entry = entry->next)
        if (!extended_put_parts(&reading->parts, entry, reading->arena, reading->err))
            return false;
    return true;
}

/* ------------------------------------------------------------------ CDA */

static struct span without_zeros(struct span digits)
{
    while (digits.len > 1 && digits.at[0] == '0')
        digits = span_part(digits, 1, digits.len - 1);
    return digits;
}

/* Whose document it says it is, against the folder. */
static bool compare_number(struct reading *reading, struct text id, size_t offset)
{
    bool is_cda = reading->format.media == EXTENDED_CDA;
    struct span number = span_trim(text_span(id));
    struct span folder = reading->name->record.patient;
    if (number.len == 0 || span_equal(number, folder))
        return true; /* a missing one was said by the reader */
    if (span_equal(without_zeros(number), without_zeros(folder)))
        return warn(reading, "patient_padding", offset,
                    is_cda ? TEXT("患者番号（recordTarget）の前ゼロがフォルダと違います")
                           : TEXT("波形の患者番号の前ゼロがフォルダと違います"));
    return warn(reading, "patient_mismatch", offset,
                is_cda ? TEXT("患者番号（recordTarget）がフォルダと違います")
                       : TEXT("波形の患者番号がフォルダと違います"));
}

/* The type's standard code is the document's own, but for the letter of referral, whose
 * document has a code of another system. */
static bool compare_code(struct reading *reading, const struct cda_document *document)
{
    const struct extended_type *type = &reading->name->type;
    bool is_referral = text_is(type->code, "57133-1");
    if (document->code.len == 0 || type->code.len == 0 ||
        text_equal(document->code, type->code) ||
        (is_referral && text_is(document->code, "MD0020730")))
        return true;
    return warn(reading, "type_mismatch", 0,
                TEXT("文書の種別（ClinicalDocument/code）がフォルダと違います"));
}

static void take_person(struct reading *reading, const struct cda_document *document)
{
    struct text folder_id = reading->list->patient.id;
    reading->list->patient = document->patient;
    if (reading->name)
        reading->list->patient.id = folder_id;
}

static bool read_cda(struct reading *reading, struct span bytes)
{
    struct cda_document document;
    struct entry *entry = new_entry(reading);
    if (!entry ||
        !cda_read(bytes, &document, reading->list, entry, reading->arena, reading->err))
        return false;
    take_person(reading, &document);
    entry->author = document.author;
    if (!reading->name) {
        struct extended_type type = {.whole = document.code_name,
                                     .name = document.code_name,
                                     .code = document.code};
        entry->kind = extended_kind(&type);
        if (entry->kind == ENTRY_UNKNOWN)
            entry->kind = ENTRY_DOCUMENT;
        entry->title = document.title.len ? document.title : extended_title(&type);
        struct text day = document.created.len ? document.created : document.from;
        entry->day = day_from_iso(span_part(text_span(day), 0, 10));
        return put_parts(reading, &document);
    }
    return compare_number(reading, document.patient.id, document.patient_offset) &&
           compare_code(reading, &document) && put_file(reading, entry, bytes.len) &&
           put_parts(reading, &document);
}

/* ------------------------------------------------------------------ HL7 v2 */

/* Vital signs (ORU^R30), or whatever message somebody keeps here: read as in standard
 * storage, placed by this folder. */
static bool read_hl7(struct reading *reading, struct span bytes)
{
    struct entry_list *list = reading->list;
    if (!ssmix_read(&reading->name->record, bytes, reading->arena, list, reading->err))
        return false;
    for (struct entry *entry = list->first; entry; entry = entry->next)
        place_entry(reading, entry);
    return put_parts(reading, NULL);
}

/* ------------------------------------------------------------------ plain text */

static bool put_text(struct reading *reading, struct entry *entry, struct text text)
{
    enum { BLOCK_BYTES = CDA_BLOCK_BYTES, BLOCKS_MAX = CDA_BLOCKS_MAX };
    struct text rest = text;
    for (size_t blocks = 0; rest.len > 0; blocks++) {
        size_t len = rest.len < BLOCK_BYTES ? rest.len : BLOCK_BYTES;
        while (len < rest.len && ((uint8_t)rest.at[len] & 0xC0) == 0x80)
            len--;
        bool is_cut = blocks == BLOCKS_MAX || text.len - rest.len > CDA_TEXT_BYTES;
        struct entry_item *item = entry_add_item(entry, is_cut ? "cut" : "preformatted",
                                                 1, reading->arena, reading->err);
        if (!item)
            return false;
        if (is_cut) {
            entry_add_field(item, "text", TEXT("ここから先は原本をご覧ください"));
            return warn(reading, "document_shortened", 0,
                        TEXT("文書が長いため、画面には途中までを示します"));
        }
        entry_add_field(item, "text", (struct text){rest.at, len});
        rest = (struct text){rest.at + len, rest.len - len};
    }
    return true;
}

static bool read_text(struct reading *reading, struct span bytes)
{
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    struct entry *entry = new_entry(reading);
    enum charset charset = charset_detect(bytes);
    if (span_starts(bytes, "\xEF\xBB\xBF"))
        bytes = span_part(bytes, 3, bytes.len - 3);
    if (!entry || !charset_decode(charset, bytes, reading->arena, &text, &findings,
                                  &first_bad, reading->err))
        return false;
    if (charset != CHARSET_UTF8 && !charset_is_plain(bytes) &&
        !warn(reading, "charset_guessed", 0,
              TEXT("文字コードの宣言がないため、内容から判断しました")))
        return false;
    if ((findings & CHARSET_BAD_BYTES) &&
        !warn(reading, "charset_replaced", first_bad,
              TEXT("読めない文字があり、置き換えて示します")))
        return false;
    return put_text(reading, entry, text) && put_file(reading, entry, bytes.len) &&
           put_parts(reading, NULL);
}

/* ------------------------------------------------------------------ everything else */

/* A PDF ends with %%EOF; one that was cut may still be opened, and the reader is told. */
static bool has_pdf_end(struct span bytes)
{
    enum { LOOKED_AT_BYTES = 2048 };
    size_t from = bytes.len > LOOKED_AT_BYTES ? bytes.len - LOOKED_AT_BYTES : 0;
    struct span tail = span_part(bytes, from, bytes.len - from);
    return memmem(tail.at, tail.len, "%%EOF", 5) != NULL;
}

static bool read_file(struct reading *reading, struct span bytes)
{
    struct entry *entry = new_entry(reading);
    if (!entry)
        return false;
    bool is_pdf = strcmp(reading->format.media_type, "application/pdf") == 0;
    bool is_unknown = strcmp(reading->format.media_type, "application/octet-stream") == 0;
    if (is_pdf && !has_pdf_end(bytes) &&
        !warn(reading, "pdf_end_missing", bytes.len,
              TEXT("PDFの終わりがありません。途中で切れている可能性があります")))
        return false;
    if (is_unknown &&
        !warn(reading, "document_format_unknown", 0,
              TEXT("画面に表示できない形式です。原本を保存してご覧ください")))
        return false;
    return put_file(reading, entry, bytes.len) && put_parts(reading, NULL);
}

/* ------------------------------------------------------------------ MFER */

static void take_findings(struct entry_list *list, const struct entry_list *findings)
{
    if (!findings->warnings)
        return;
    if (list->last_warning)
        list->last_warning->next = findings->warnings;
    else
        list->warnings = findings->warnings;
    list->last_warning = findings->last_warning;
}

/* The folder says whose it is, of which day and kind; the recording when it began and
 * what is in it. A type that nobody knows is physiology here: that is what the file is.
 */
static bool read_mfer(struct reading *reading, struct span bytes)
{
    struct mfer_file file;
    struct text folder_id = reading->list->patient.id;
    struct entry *entry = new_entry(reading);
    if (!entry || !mfer_read(bytes, reading->arena, &file, reading->err))
        return false;
    take_findings(reading->list, &file.findings);
    reading->list->patient = file.patient;
    reading->list->patient.id = folder_id;
    if (entry->kind == ENTRY_UNKNOWN)
        entry->kind = ENTRY_PHYSIOLOGY;
    entry->flags |= ENTRY_HAS_WAVEFORM;
    if (entry->day == file.recording.day) {
        enum { MINUTES_LEN = 16 };
        entry->time = file.recording.start;
        if (entry->time.len > MINUTES_LEN)
            entry->time.len = MINUTES_LEN;
    }
    return compare_number(reading, file.patient.id, 0) &&
           waveform_add_items(&file.recording, entry, reading->arena, reading->err) &&
           put_file(reading, entry, bytes.len) && put_parts(reading, NULL);
}

static bool read_main(struct reading *reading, struct span bytes)
{
    const struct extended_name *name = reading->name;
    struct text file = name->is_in_folder ? name->file : name->shown;
    if (bytes.len == 0)
        return err_at(reading->err, ERR_SYNTAX, "document_empty", 0, CLAUSE);
    reading->format = extended_find_format(text_span(file), bytes);
    if (!warn_name(reading))
        return false;
    if (extended_kind(&name->type) == ENTRY_UNKNOWN &&
        reading->format.media != EXTENDED_MFER &&
        !warn(reading, "document_type_unknown", 0,
              TEXT("知られていない文書種別です。不明種別として示します")))
        return false;
    switch (reading->format.media) {
    case EXTENDED_CDA:
        return read_cda(reading, bytes);
    case EXTENDED_HL7:
        return read_hl7(reading, bytes);
    case EXTENDED_TEXT:
        return read_text(reading, bytes);
    case EXTENDED_MFER:
        return read_mfer(reading, bytes);
    case EXTENDED_FILE:
        break;
    }
    return read_file(reading, bytes);
}

static bool finish(struct entry_list *list, bool is_read)
{
    if (is_read)
        return true;
    list->first = list->last = NULL;
    list->count = 0;
    return false;
}

/* What `reading` was given; its parts are those of the document afterwards. */
static bool read_all(struct reading *reading, struct span bytes)
{
    struct entry_list *out = reading->list;
    const struct extended_name *name = reading->name;
    *out = (struct entry_list){.format = "ssmix2",
                               .patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    out->patient.id = copied(reading, name->record.patient);
    if (reading->err->kind != ERR_NONE || !name->is_main)
        return reading->err->kind == ERR_NONE;
    return finish(out, read_main(reading, bytes));
}

bool extended_read(const struct extended_name *name, struct span bytes,
                   struct arena *arena, struct entry_list *out, struct err *err)
{
    struct reading reading = {.name = name, .arena = arena, .list = out, .err = err};
    return read_all(&reading, bytes);
}

bool extended_read_inside(const struct extended_name *name, struct span bytes,
                          size_t number, struct arena *arena, struct span *out,
                          struct err *err)
{
    struct entry_list list = {0};
    struct reading reading = {.name = name, .arena = arena, .list = &list, .err = err};
    if (!read_all(&reading, bytes))
        return false;
    const struct extended_parts *parts = &reading.parts;
    if (number == 0 || number > parts->count || !parts->at[number - 1].value)
        return err_set(err, ERR_MISSING, "not_found", "no such part in the document");
    size_t size_bytes = parts->at[number - 1].size_bytes;
    uint8_t *room = arena_take(arena, size_bytes, 1, err);
    if (!room || !cda_decode(parts->at[number - 1].value, room, size_bytes, &size_bytes))
        return false;
    *out = span_of(room, size_bytes);
    return true;
}

bool extended_read_loose(struct span bytes, struct arena *arena, struct entry_list *out,
                         struct err *err)
{
    struct reading reading = {.arena = arena, .list = out, .err = err};
    *out = (struct entry_list){.format = "cda",
                               .patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    return finish(out, read_cda(&reading, bytes));
}
