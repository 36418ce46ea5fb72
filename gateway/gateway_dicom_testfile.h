// SPDX-License-Identifier: Apache-2.0
#pragma once
/* DICOM files of an invented patient, written element by element. */

#include "base/path.h"
#include "base/test.h"
#include "gateway/gateway_dicom_testsite.h"

static inline void put_long(struct buf *out, uint16_t group, uint16_t element,
                            const char *vr, uint32_t len)
{
    uint8_t head[] = {(uint8_t)group,
                      (uint8_t)(group >> 8),
                      (uint8_t)element,
                      (uint8_t)(element >> 8),
                      (uint8_t)vr[0],
                      (uint8_t)vr[1],
                      0,
                      0,
                      (uint8_t)len,
                      (uint8_t)(len >> 8),
                      (uint8_t)(len >> 16),
                      (uint8_t)(len >> 24)};
    buf_put(out, head, sizeof head);
}

static inline void put_short(struct buf *out, uint16_t group, uint16_t element,
                             const char *vr, const void *value, size_t len)
{
    uint8_t head[] = {(uint8_t)group,           (uint8_t)(group >> 8),
                      (uint8_t)element,         (uint8_t)(element >> 8),
                      (uint8_t)vr[0],           (uint8_t)vr[1],
                      (uint8_t)(len + len % 2), 0};
    buf_put(out, head, sizeof head);
    buf_put(out, value, len);
    if (len % 2)
        buf_byte(out, vr[0] == 'U' && vr[1] == 'I' ? 0 : ' ');
}

static inline void put_text(struct buf *out, uint16_t group, uint16_t element,
                            const char *vr, const char *text)
{
    put_short(out, group, element, vr, text, strlen(text));
}

static inline void put_number(struct buf *out, uint16_t element, uint16_t number)
{
    uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8)};
    put_short(out, 0x28, element, "US", bytes, sizeof bytes);
}

static inline void put_pixels(struct buf *out, uint32_t rows, uint8_t seed)
{
    for (uint32_t i = 0; i < rows * 512 * 2; i++)
        buf_byte(out, (uint8_t)(seed + i * 7 + i / 251));
}

/* A CT of an invented patient, 512 columns of 16 bits; a syntax that compresses gets one
 * fragment that is no picture, which a sender does not look at. */
static inline const char *write_file(const char *name, const char *uid,
                                     const char *syntax, uint32_t rows, uint8_t seed)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 28);
    struct dimse_instance instance = {CT, uid, syntax, ""};
    bool is_plain = strcmp(syntax, "1.2.840.10008.1.2.1") == 0;
    dimse_write_head(&instance, &out);
    put_text(&out, 8, 0x16, "UI", CT);
    put_text(&out, 8, 0x18, "UI", uid);
    put_text(&out, 8, 0x60, "CS", "CT");
    put_text(&out, 0x10, 0x10, "PN", "KARA^HANAKO");
    put_text(&out, 0x10, 0x20, "LO", "0000001");
    put_text(&out, 0x20, 0x0D, "UI", "2.25.5001");
    put_text(&out, 0x20, 0x0E, "UI", "2.25.5002");
    put_number(&out, 0x0002, 1);
    put_text(&out, 0x28, 0x04, "CS", "MONOCHROME2");
    put_number(&out, 0x0010, (uint16_t)rows);
    put_number(&out, 0x0011, 512);
    put_number(&out, 0x0100, 16);
    put_number(&out, 0x0101, 16);
    put_number(&out, 0x0102, 15);
    put_number(&out, 0x0103, 0);
    put_long(&out, 0x7FE0, 0x0010, is_plain ? "OW" : "OB",
             is_plain ? rows * 1024 : 0xFFFFFFFF);
    if (!is_plain) /* an empty table of offsets, then the fragment */
        buf_put(&out, "\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0\x00\x04\0\0", 16);
    put_pixels(&out, is_plain ? rows : 1, seed);
    if (!is_plain)
        buf_put(&out, "\xFE\xFF\xDD\xE0\0\0\0\0", 8);
    const char *path = in_folder(name);
    CHECK(path_write_file(path, buf_view(&out), &err));
    return path;
}
