// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests: a small writer of data sets, so that each test shows the bytes it means. */

#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "formats/dicom/dicom.h"
#include "formats/dicom/dicom_image.h"

#define LITTLE "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"

enum { SITE_BYTES_MAX = 16 << 20 };

struct site {
    struct buf out;
    bool is_implicit;
    bool is_big;
};

static inline struct site new_site(const char *syntax)
{
    return (struct site){.out = buf_init(SITE_BYTES_MAX),
                         .is_implicit = strcmp(syntax, IMPLICIT) == 0,
                         .is_big = strcmp(syntax, BIG) == 0};
}

static inline void put_u16(struct site *site, unsigned value)
{
    uint8_t low = (uint8_t)value;
    uint8_t high = (uint8_t)(value >> 8);
    buf_byte(&site->out, site->is_big ? high : low);
    buf_byte(&site->out, site->is_big ? low : high);
}

static inline void put_u32(struct site *site, uint32_t value)
{
    put_u16(site, site->is_big ? value >> 16 : value & 0xFFFF);
    put_u16(site, site->is_big ? value & 0xFFFF : value >> 16);
}

static inline void put_tag(struct site *site, uint32_t tag)
{
    put_u16(site, tag >> 16);
    put_u16(site, tag & 0xFFFF);
}

/* Only the header; `length` as it is claimed. */
static inline void put_head(struct site *site, uint32_t tag, const char *vr,
                            uint32_t length)
{
    bool is_long = strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) != NULL;
    put_tag(site, tag);
    if (!site->is_implicit) {
        buf_put(&site->out, vr, 2);
        if (!is_long) {
            put_u16(site, length);
            return;
        }
        put_u16(site, 0);
    }
    put_u32(site, length);
}

static inline void put_bytes(struct site *site, uint32_t tag, const char *vr,
                             const void *bytes, size_t len)
{
    put_head(site, tag, vr, (uint32_t)(len + len % 2));
    buf_put(&site->out, bytes, len);
    if (len % 2 == 1)
        buf_byte(&site->out, strcmp(vr, "UI") == 0 || vr[0] == 'O' ? '\0' : ' ');
}

static inline void put_string(struct site *site, uint32_t tag, const char *vr,
                              const char *value)
{
    put_bytes(site, tag, vr, value, strlen(value));
}

static inline void put_short(struct site *site, uint32_t tag, unsigned value)
{
    put_head(site, tag, "US", 2);
    put_u16(site, value);
}

static inline void put_shorts(struct site *site, uint32_t tag, const char *vr,
                              const uint16_t *values, size_t count)
{
    put_head(site, tag, vr, (uint32_t)count * 2);
    for (size_t i = 0; i < count; i++)
        put_u16(site, values[i]);
}

/* Sequences and items of undefined length. */
static inline void open_sequence(struct site *site, uint32_t tag)
{
    put_head(site, tag, "SQ", UINT32_MAX);
}

static inline void open_item(struct site *site)
{
    put_tag(site, 0xFFFEE000);
    put_u32(site, UINT32_MAX);
}

static inline void close_item(struct site *site)
{
    put_tag(site, 0xFFFEE00D);
    put_u32(site, 0);
}

static inline void close_sequence(struct site *site)
{
    put_tag(site, 0xFFFEE0DD);
    put_u32(site, 0);
}

/* A piece of encapsulated pixels. */
static inline void put_fragment(struct site *site, const void *bytes, size_t len)
{
    put_tag(site, 0xFFFEE000);
    put_u32(site, (uint32_t)len);
    buf_put(&site->out, bytes, len);
}

/* Preamble and meta information in front of what was written. */
static inline struct buf wrap(const struct site *data, const char *syntax)
{
    struct site meta = new_site(LITTLE);
    struct buf out = buf_init(SITE_BYTES_MAX);
    put_string(&meta, DICOM_MEDIA_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.7");
    put_string(&meta, DICOM_MEDIA_SOP_INSTANCE, "UI", "1.2.3.4");
    put_string(&meta, DICOM_TRANSFER_SYNTAX, "UI", syntax);
    for (size_t i = 0; i < 128; i++)
        buf_byte(&out, 0);
    buf_cstr(&out, "DICM");
    struct site length = new_site(LITTLE);
    put_head(&length, 0x00020000, "UL", 4);
    put_u32(&length, (uint32_t)meta.out.len);
    buf_span(&out, buf_view(&length.out));
    buf_span(&out, buf_view(&meta.out));
    buf_span(&out, buf_view(&data->out));
    buf_free(&length.out);
    buf_free(&meta.out);
    return out;
}

/* Wrapped, read and freed; the arena keeps a copy of the bytes. NULL = refused. */
static inline struct dicom_file *read_site(struct site *site, const char *syntax,
                                           struct arena *arena, struct err *err)
{
    CLEANUP(buf_free) struct buf out = wrap(site, syntax);
    struct span copy = {0};
    struct dicom_file *file = NULL;
    buf_free(&site->out);
    return buf_to_arena(&out, arena, &copy, err) &&
                   dicom_read(copy, NULL, arena, &file, err)
               ? file
               : NULL;
}

static inline bool has_warning(const struct dicom_file *file, const char *code)
{
    for (const struct dicom_warning *warning = file->warnings; warning;
         warning = warning->next)
        if (strcmp(warning->code, code) == 0)
            return true;
    return false;
}

/* The text of an element, checked. */
static inline bool text_is_in(const struct dicom_set *set, uint32_t tag,
                              struct arena *arena, const char *wanted)
{
    struct text text = {0};
    struct err err = {0};
    bool is_there = dicom_text(set, tag, arena, &text, &err) && text_is(text, wanted);
    if (!is_there)
        printf("# %08X: \"%.*s\"\n", tag, (int)text.len, text.at);
    return is_there;
}

/* A small study: texts, numbers, a sequence with an item. */
static inline void put_small_study(struct site *site)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(site, DICOM_STUDY_DATE, "DA", "20260401");
    put_string(site, DICOM_STUDY_TIME, "TM", "101530.25");
    put_string(site, DICOM_MODALITY, "CS", "CT");
    open_sequence(site, DICOM_REFERENCED_IMAGES);
    open_item(site);
    put_string(site, DICOM_REFERENCED_SOP_INSTANCE, "UI", "1.2.3.4.5");
    close_item(site);
    close_sequence(site);
    put_string(site, DICOM_PATIENT_NAME, "PN", "Yamada^Taro=山田^太郎=やまだ^たろう");
    put_string(site, DICOM_PATIENT_ID, "LO", "0001234567");
    put_string(site, DICOM_STUDY, "UI", "1.2.392.1");
    put_string(site, DICOM_SERIES_NUMBER, "IS", "12");
    put_short(site, DICOM_ROWS, 2);
    put_string(site, DICOM_PIXEL_SPACING, "DS", "0.5\\0.25");
}

static inline void check_small_study(const struct dicom_file *file, struct arena *arena)
{
    int64_t number = 0;
    double spacing = 0;
    struct dicom_name name;
    struct err err = {0};
    const struct dicom_set *set = file->set;
    CHECK(text_is_in(set, DICOM_PATIENT_ID, arena, "0001234567"));
    CHECK(dicom_name(set, DICOM_PATIENT_NAME, arena, &name, &err));
    CHECK(text_is(name.alphabetic, "Yamada Taro"));
    CHECK(text_is(name.ideographic, "山田 太郎"));
    CHECK(text_is(name.phonetic, "やまだ たろう"));
    CHECK(text_is(dicom_uid(set, DICOM_STUDY), "1.2.392.1"));
    CHECK(dicom_int(set, DICOM_SERIES_NUMBER, 0, &number) && number == 12);
    CHECK(dicom_int(set, DICOM_ROWS, 0, &number) && number == 2);
    CHECK(dicom_double(set, DICOM_PIXEL_SPACING, 1, &spacing) && spacing == 0.25);
    CHECK(!dicom_double(set, DICOM_PIXEL_SPACING, 2, &spacing));
    const struct dicom_set *item = dicom_item(set, DICOM_REFERENCED_IMAGES, 0);
    CHECK(text_is(dicom_uid(item, DICOM_REFERENCED_SOP_INSTANCE), "1.2.3.4.5"));
    CHECK(!dicom_item(set, DICOM_REFERENCED_IMAGES, 1));
}
