// SPDX-License-Identifier: Apache-2.0
#include "formats/extended/extended_media.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "formats/cda/cda.h"
#include "formats/charset/charset.h"
#include "formats/mfer/mfer.h"

static const struct extended_format unknown = {EXTENDED_FILE, "application/octet-stream",
                                               "形式のわからないファイル", false};

struct signature {
    struct span bytes;
    size_t at;
    struct extended_format format;
};

static bool has_signature(struct span bytes, const struct signature *one)
{
    return span_equal(span_part(bytes, one->at, one->bytes.len), one->bytes);
}

#define FILE_FORMAT(type, words, is_picture)                                             \
    {                                                                                    \
        EXTENDED_FILE, type, words, is_picture                                           \
    }

static const struct signature signatures[] = {
    {{(const uint8_t *)"%PDF-", 5}, 0, FILE_FORMAT("application/pdf", "PDF", false)},
    {{(const uint8_t *)"\xFF\xD8\xFF", 3},
     0,
     FILE_FORMAT("image/jpeg", "画像（JPEG）", true)},
    {{(const uint8_t *)"\x89PNG\r\n\x1A\n", 8},
     0,
     FILE_FORMAT("image/png", "画像（PNG）", true)},
    {{(const uint8_t *)"GIF87a", 6}, 0, FILE_FORMAT("image/gif", "画像（GIF）", true)},
    {{(const uint8_t *)"GIF89a", 6}, 0, FILE_FORMAT("image/gif", "画像（GIF）", true)},
    {{(const uint8_t *)"II*\0", 4}, 0, FILE_FORMAT("image/tiff", "画像（TIFF）", true)},
    {{(const uint8_t *)"MM\0*", 4}, 0, FILE_FORMAT("image/tiff", "画像（TIFF）", true)},
    {{(const uint8_t *)"BM", 2}, 0, FILE_FORMAT("image/bmp", "画像（BMP）", true)},
    {{(const uint8_t *)"DICM", 4}, 128, FILE_FORMAT("application/dicom", "DICOM", false)},
    {{(const uint8_t *)"PK\x03\x04", 4},
     0,
     FILE_FORMAT("application/zip", "ZIPまたはOffice文書", false)},
    {{(const uint8_t *)"\xD0\xCF\x11\xE0", 4},
     0,
     FILE_FORMAT("application/octet-stream", "Office文書（旧形式）", false)},
    {{(const uint8_t *)"{\\rtf", 5},
     0,
     FILE_FORMAT("application/rtf", "リッチテキスト", false)},
};

static bool ends_with(struct span file, const char *extension)
{
    size_t len = strlen(extension);
    return file.len >= len &&
           strncasecmp((const char *)file.at + file.len - len, extension, len) == 0;
}

/* Shown to nobody as text: a reader would take the mark-up for content. */
static bool is_markup(struct span file, struct span bytes)
{
    static const char *const extensions[] = {".html", ".htm", ".xhtml",
                                             ".svg",  ".js",  ".mht"};
    enum { LOOKED_AT_BYTES = 1024 };
    struct span head = span_part(bytes, 0, LOOKED_AT_BYTES);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (ends_with(file, extensions[i]))
            return true;
    for (size_t i = 0; i + 5 <= head.len; i++)
        if (head.at[i] == '<' &&
            (strncasecmp((const char *)head.at + i + 1, "html", 4) == 0 ||
             (i + 9 <= head.len &&
              strncasecmp((const char *)head.at + i + 1, "!doctype", 8) == 0)))
            return true;
    return false;
}

/* Tabs and line ends are the only control characters of a text; ESC begins a shift of
 * ISO-2022-JP. */
static bool is_text(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (byte == 0x7F || (byte < 0x20 && !strchr("\t\r\n\f\x1B", byte)) || byte == 0)
            return false;
    }
    return bytes.len > 0;
}

static bool is_hl7(struct span bytes)
{
    while (bytes.len > 0 &&
           (bytes.at[0] == 0x0B || bytes.at[0] == '\r' || bytes.at[0] == '\n'))
        bytes = span_part(bytes, 1, bytes.len - 1);
    if (span_starts(bytes, "\xEF\xBB\xBF"))
        bytes = span_part(bytes, 3, bytes.len - 3);
    return span_starts(bytes, "MSH|") || span_starts(bytes, "MSH^");
}

struct extended_format extended_find_format(struct span file, struct span bytes)
{
    static const struct extended_format cda = {EXTENDED_CDA, "application/xml", "CDA R2",
                                               false};
    static const struct extended_format hl7 = {EXTENDED_HL7, "application/octet-stream",
                                               "HL7", false};
    static const struct extended_format text = {EXTENDED_TEXT, "text/plain", "テキスト",
                                                false};
    static const struct extended_format mfer = {EXTENDED_MFER, "application/vnd.mfer",
                                                "波形（MFER）", false};
    static const struct extended_format xml = {EXTENDED_FILE, "application/octet-stream",
                                               "XML（CDA以外）", false};
    static const struct extended_format markup = {
        EXTENDED_FILE, "application/octet-stream", "HTML", false};
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (has_signature(bytes, &signatures[i]))
            return signatures[i].format;
    if (is_hl7(bytes))
        return hl7;
    if (cda_detect(bytes))
        return cda;
    if (is_markup(file, bytes))
        return markup;
    /* Named as a document but not one that begins as XML does: read as CDA it is refused
     * with the place, which helps more than a shrug. */
    if (ends_with(file, ".xml") && !xml_detect(bytes))
        return cda;
    if (xml_detect(bytes))
        return xml;
    if (is_text(bytes))
        return text;
    return mfer_detect(bytes) ? mfer : unknown;
}
