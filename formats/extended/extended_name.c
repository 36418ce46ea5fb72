// SPDX-License-Identifier: Apache-2.0
/* Paths, type folders, kinds. */
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/path.h"
#include "formats/charset/charset.h"
#include "formats/extended/extended.h"

static const char CLAUSE[] = "SS-MIX2 2.12";

enum { RECORD_PARTS = 6, TYPE_PARTS = 6 };

bool extended_is_main(struct span file)
{
    static const char word[] = "main_document";
    size_t len = sizeof word - 1;
    return file.len >= len && strncasecmp((const char *)file.at, word, len) == 0;
}

static bool is_word(struct span file, const char *word)
{
    return file.len == strlen(word) &&
           strncasecmp((const char *)file.at, word, file.len) == 0;
}

bool extended_is_beside(struct span file)
{
    return file.len > 0 && file.at[0] != '.' && !is_word(file, "Thumbs.db") &&
           !is_word(file, "desktop.ini");
}

/* Splits at '/'; the number of parts, or 0 when there are more than `max`. */
static size_t split(struct span path, uint8_t separator, struct span *parts, size_t max)
{
    struct span rest = path;
    size_t count = 0;
    struct span part = {0};
    while (span_take(&rest, separator, &part)) {
        if (count == max)
            return 0;
        parts[count++] = part;
    }
    return count;
}

bool extended_decode_name(struct span bytes, struct arena *arena, struct text *text,
                          struct err *err)
{
    struct text plain = {0};
    struct err not_utf8 = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    if (!text_from_utf8(bytes, &plain, &not_utf8) &&
        !charset_decode(CHARSET_CP932, bytes, arena, &plain, &findings, &first_bad, err))
        return false;
    return charset_compose(plain, arena, text, err);
}

/* ------------------------------------------------------------------ the type */

static struct text part_of(const struct span *parts, size_t count, size_t index)
{
    struct span part = index < count ? span_trim(parts[index]) : span_of("", 0);
    return (struct text){(const char *)part.at, part.len};
}

static void take_type(struct text whole, struct extended_type *type)
{
    struct span parts[TYPE_PARTS];
    size_t count = split(text_span(whole), '^', parts, TYPE_PARTS);
    *type = (struct extended_type){.whole = whole,
                                   .local_code = part_of(parts, count, 0),
                                   .local_name = part_of(parts, count, 1),
                                   .local_system = part_of(parts, count, 2),
                                   .code = part_of(parts, count, 3),
                                   .name = part_of(parts, count, 4),
                                   .system = part_of(parts, count, 5)};
}

struct text extended_title(const struct extended_type *type)
{
    /* Its local name is the same English word everywhere. */
    if (text_is(type->local_code, "L-OBSERVATIONS"))
        return TEXT("バイタルサイン");
    const struct text names[] = {type->local_name, type->name, type->local_code,
                                 type->code, type->whole};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].len > 0)
            return names[i];
    return TEXT("文書");
}

struct kind_row {
    const char *word;
    enum entry_kind kind;
};

static bool has_word(struct text text, const char *word)
{
    return text.len > 0 && memmem(text.at, text.len, word, strlen(word));
}

/* In this order: 退院時サマリー of 経過記録 is a summary. */
static enum entry_kind kind_of_words(struct text text)
{
    static const struct kind_row rows[] = {
        {"サマリ", ENTRY_DOCUMENT},        {"要約", ENTRY_DOCUMENT},
        {"紹介状", ENTRY_DOCUMENT},        {"診療情報提供", ENTRY_DOCUMENT},
        {"返書", ENTRY_DOCUMENT},          {"指示書", ENTRY_DOCUMENT},
        {"計画書", ENTRY_DOCUMENT},        {"同意書", ENTRY_DOCUMENT},
        {"説明書", ENTRY_DOCUMENT},        {"診断書", ENTRY_DOCUMENT},
        {"証明書", ENTRY_DOCUMENT},        {"所見", ENTRY_REPORT},
        {"レポート", ENTRY_REPORT},        {"報告書", ENTRY_REPORT},
        {"経過記録", ENTRY_PROGRESS_NOTE}, {"診療録", ENTRY_PROGRESS_NOTE},
        {"外来記録", ENTRY_PROGRESS_NOTE}, {"入院記録", ENTRY_PROGRESS_NOTE},
        {"カルテ", ENTRY_PROGRESS_NOTE},   {"バイタル", ENTRY_VITAL_SIGNS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (has_word(text, rows[i].word))
            return rows[i].kind;
    return ENTRY_UNKNOWN;
}

enum entry_kind extended_kind(const struct extended_type *type)
{
    static const struct kind_row rows[] = {
        {"11506-3", ENTRY_PROGRESS_NOTE}, {"34108-1", ENTRY_PROGRESS_NOTE},
        {"34112-3", ENTRY_PROGRESS_NOTE}, {"18842-5", ENTRY_DOCUMENT},
        {"57133-1", ENTRY_DOCUMENT},      {"MD0020730", ENTRY_DOCUMENT},
        {"74465-6", ENTRY_DOCUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_is(type->code, rows[i].word))
            return rows[i].kind;
    if (text_is(type->local_code, "L-OBSERVATIONS"))
        return ENTRY_VITAL_SIGNS;
    enum entry_kind kind = kind_of_words(type->local_name);
    return kind != ENTRY_UNKNOWN ? kind : kind_of_words(type->name);
}

void extended_write_type(const struct extended_name *name, struct buf *out)
{
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(text_span(name->type.whole));
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    buf_format(out, "x-%.*s", EXTENDED_TYPE_HASH_DIGITS, hex);
}

/* ------------------------------------------------------------------ paths */

struct folders {
    struct span parts[EXTENDED_PATH_PARTS];
    size_t count;
    int32_t day;
};

static bool take_day(struct span part, int32_t *day)
{
    *day = span_is(part, "-") ? DAY_NONE : day_from_digits(part);
    return *day != DAY_NONE || span_is(part, "-");
}

static bool take_folders(struct span path, struct folders *folders, struct err *err)
{
    struct span *parts = folders->parts;
    if (path.len > PATH_MAX_BYTES)
        return err_at(err, ERR_REFUSED, "path_unsafe", 0, "SS-MIX2 2.2.5");
    folders->count = split(path, '/', parts, EXTENDED_PATH_PARTS);
    if (folders->count < RECORD_PARTS)
        return err_at(err, ERR_SYNTAX, "ssmix_path_shape", 0, CLAUSE);
    for (size_t i = 0; i < folders->count; i++)
        if (!path_is_safe_name(parts[i]))
            return err_at(err, ERR_REFUSED, "path_unsafe",
                          (size_t)(parts[i].at - path.at), "SS-MIX2 2.2.5");
    if (!ssmix_patient_is_valid(parts[2]))
        return err_at(err, ERR_SYNTAX, "ssmix_patient_invalid",
                      (size_t)(parts[2].at - path.at), "SS-MIX2 2.2.2");
    if (!span_equal(parts[0], span_part(parts[2], 0, 3)) ||
        !span_equal(parts[1], span_part(parts[2], 3, 3)))
        return err_at(err, ERR_SYNTAX, "ssmix_folder_mismatch", 0, CLAUSE);
    if (!take_day(parts[3], &folders->day))
        return err_at(err, ERR_SYNTAX, "ssmix_day_invalid",
                      (size_t)(parts[3].at - path.at), CLAUSE);
    return true;
}

/* A file in the type folder has an extension behind its flag. */
static struct span without_extension(struct span name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.at[i - 1] == '_')
            return name;
        if (name.at[i - 1] == '.')
            return span_part(name, 0, i - 1);
    }
    return name;
}

/* データ種別コード is the local or the standard code, or the whole folder's name. */
static bool is_own_type(const struct extended_type *type, struct span said)
{
    const struct text own[] = {type->local_code, type->code, type->whole};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].len > 0 && span_equal(text_span(own[i]), said))
            return true;
    return false;
}

static bool take_record(const struct folders *folders, struct extended_name *name,
                        struct err *err)
{
    struct ssmix_name *record = &name->record;
    struct span said = text_span(name->shown);
    if (!ssmix_parse_file_name(said, record, err)) {
        struct err with = *err;
        err_clear(err);
        if (!ssmix_parse_file_name(without_extension(said), record, err)) {
            *err = with;
            return false;
        }
    }
    if (!span_equal(record->patient, folders->parts[2]))
        record->differs |= SSMIX_PATIENT_DIFFERS;
    if (record->day != folders->day)
        record->differs |= SSMIX_DAY_DIFFERS;
    if (!is_own_type(&name->type, record->type))
        record->differs |= SSMIX_TYPE_DIFFERS;
    record->patient = folders->parts[2];
    record->day = folders->day;
    record->type = text_span(name->type.whole);
    record->known = NULL;
    return true;
}

bool extended_parse_path(struct span path, struct arena *arena,
                         struct extended_name *name, struct err *err)
{
    struct folders folders = {0};
    struct text type = {0};
    *name = (struct extended_name){.record = {.day = DAY_NONE}, .file = TEXT("")};
    if (!take_folders(path, &folders, err) ||
        !extended_decode_name(folders.parts[4], arena, &type, err) ||
        !extended_decode_name(folders.parts[5], arena, &name->shown, err))
        return false;
    take_type(type, &name->type);
    if (extended_title(&name->type).len == 0)
        return err_at(err, ERR_SYNTAX, "extended_type_empty",
                      (size_t)(folders.parts[4].at - path.at), CLAUSE);
    if (!take_record(&folders, name, err)) {
        err->offset = (uint64_t)(folders.parts[5].at - path.at);
        return false;
    }
    name->is_in_folder = folders.count == EXTENDED_PATH_PARTS;
    name->is_main = true;
    if (!name->is_in_folder)
        return true;
    name->is_main = extended_is_main(folders.parts[6]);
    return extended_decode_name(folders.parts[6], arena, &name->file, err);
}

/* The last `parts` parts of a path; false when it has fewer. */
static bool take_tail(struct span path, size_t parts, struct span *tail)
{
    size_t slashes = 0;
    size_t start = 0;
    for (size_t i = path.len; i > 0 && start == 0; i--)
        if (path.at[i - 1] == '/' && ++slashes == parts)
            start = i;
    *tail = span_of(path.at + start, path.len - start);
    return slashes + 1 >= parts;
}

static bool is_type_folder(struct span type)
{
    return !ssmix_find_type(type) &&
           (memchr(type.at, '^', type.len) || span_starts(type, "L-"));
}

bool extended_find_path(struct span path, struct span *relative)
{
    for (size_t parts = EXTENDED_PATH_PARTS; parts >= RECORD_PARTS; parts--) {
        struct span tail = {0};
        struct folders folders = {0};
        struct err err = {0};
        if (take_tail(path, parts, &tail) && take_folders(tail, &folders, &err) &&
            folders.count == parts && is_type_folder(folders.parts[4])) {
            *relative = tail;
            return true;
        }
    }
    return false;
}
