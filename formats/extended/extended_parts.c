// SPDX-License-Identifier: Apache-2.0
/* Parts: the files beside the main document, in the order of the list that was given, and
 * behind them what the document holds as Base64. Their numbers are that order. */
#include "formats/extended/extended_parts.h"

#include <string.h>
#include <strings.h>

#include "base/path.h"
#include "formats/charset/charset.h"

/* ------------------------------------------------------------------ names */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* A reference is a URL: its name may be written with %HH. */
static struct span without_percents(struct text name, char out[CDA_NAME_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < CDA_NAME_BYTES; i++) {
        bool has_two = name.at[i] == '%' && i + 2 < name.len;
        int high = has_two ? hex_value(name.at[i + 1]) : -1;
        int low = has_two ? hex_value(name.at[i + 2]) : -1;
        bool is_hex = high >= 0 && low >= 0;
        out[len++] = is_hex ? (char)(high * 16 + low) : name.at[i];
        i += is_hex ? 2 : 0;
    }
    return span_of(out, len);
}

static bool is_same_but_case(struct text a, struct text b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Written on Windows, where letters have no case: one such file, or it is unclear. */
static size_t find_but_case(const struct extended_name *name, struct text wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < name->file_count; i++) {
        if (!is_same_but_case(name->files[i].name, wanted))
            continue;
        if (found > 0)
            return 0;
        found = i + 1;
    }
    return found;
}

static size_t find_exactly(const struct extended_name *name, struct text wanted)
{
    for (size_t i = 0; i < name->file_count; i++)
        if (text_equal(name->files[i].name, wanted))
            return i + 1;
    return 0;
}

/* The file's number; 0 = none. What the document says is compared with names that are
 * there, and is nothing else. */
static bool find_file(const struct extended_name *name, struct text said,
                      struct arena *arena, size_t *number, struct err *err)
{
    char bytes[CDA_NAME_BYTES];
    struct span unpacked = without_percents(said, bytes);
    struct text as_said = {0};
    struct text as_url = {0};
    *number = 0;
    if (!charset_compose(said, arena, &as_said, err) ||
        !extended_decode_name(unpacked, arena, &as_url, err))
        return false;
    const struct text wanted[] = {as_said, as_url};
    for (size_t i = 0; i < 2 && *number == 0; i++)
        *number = find_exactly(name, wanted[i]);
    for (size_t i = 0; i < 2 && *number == 0; i++)
        *number = find_but_case(name, wanted[i]);
    return true;
}

/* ------------------------------------------------------------------ the list */

/* Kinds that are taken out of a document: those that are known by their first bytes. */
static bool is_accepted(const struct extended_format *format)
{
    return format->media == EXTENDED_FILE &&
           strcmp(format->media_type, "application/octet-stream") != 0;
}

/* The part that a value is already, or becomes now; 0 = it is none. */
static size_t take_inside(struct extended_parts *parts, const struct xml_node *value)
{
    uint8_t head[EXTENDED_HEAD_BYTES];
    size_t size_bytes = 0;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->at[i].value == value)
            return i + 1;
    if (parts->count == EXTENDED_PARTS_MAX ||
        !cda_decode(value, head, sizeof head, &size_bytes))
        return 0;
    size_t seen = size_bytes < sizeof head ? size_bytes : sizeof head;
    struct extended_format format =
        extended_find_format(span_of("", 0), span_of(head, seen));
    if (!is_accepted(&format))
        return 0;
    parts->at[parts->count++] = (struct extended_part){
        .name = TEXT(""), .size_bytes = size_bytes, .format = format, .value = value};
    return parts->count;
}

static bool digits_of(size_t number, struct arena *arena, struct text *text,
                      struct err *err)
{
    struct span copy = {0};
    CLEANUP(buf_free) struct buf out = buf_init(24);
    buf_format(&out, "%zu", number);
    if (!buf_to_arena(&out, arena, &copy, err))
        return false;
    *text = (struct text){(const char *)copy.at, copy.len};
    return true;
}

static bool point_to(struct entry_item *item, size_t number, struct arena *arena,
                     struct err *err)
{
    struct text digits = {0};
    if (number == 0)
        return true;
    if (!digits_of(number, arena, &digits, err))
        return false;
    entry_add_field(item, "part", digits);
    return true;
}

bool extended_find_parts(const struct extended_name *name,
                         const struct cda_document *document,
                         struct extended_parts *parts, struct arena *arena,
                         struct err *err)
{
    parts->count = 0;
    for (size_t i = 0; name && i < name->file_count; i++)
        parts->at[parts->count++] = (struct extended_part){
            .name = name->files[i].name,
            .size_bytes = name->files[i].size_bytes,
            .format =
                extended_find_format(text_span(name->files[i].name), name->files[i].head),
            .is_file = true};
    for (struct cda_media *one = document ? document->media : NULL; one;
         one = one->next) {
        size_t number = 0;
        if (name && one->file.len > 0 && !find_file(name, one->file, arena, &number, err))
            return false;
        if (number == 0 && one->value)
            number = take_inside(parts, one->value);
        if (!point_to(one->item, number, arena, err))
            return false;
    }
    return true;
}

bool extended_put_parts(const struct extended_parts *parts, struct entry *entry,
                        struct arena *arena, struct err *err)
{
    enum { FIELDS = 6 };
    for (size_t i = 0; i < parts->count; i++) {
        const struct extended_part *part = &parts->at[i];
        struct entry_item *item = entry_add_item(entry, "part", FIELDS, arena, err);
        struct text number = {0};
        struct text size = {0};
        if (!item || !digits_of(i + 1, arena, &number, err) ||
            !digits_of(part->size_bytes, arena, &size, err))
            return false;
        entry_add_field(item, "part", number);
        entry_add_field(item, "name", part->name);
        entry_add_field(item, "media_type", text_cstr(part->format.media_type));
        entry_add_field(item, "format", text_cstr(part->format.words));
        entry_add_field(item, "size_bytes", size);
        if (part->size_bytes > EXTENDED_PART_BYTES_MAX)
            entry_add_field(item, "too_large", TEXT("true"));
    }
    return true;
}
