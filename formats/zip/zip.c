// SPDX-License-Identifier: Apache-2.0
#include "formats/zip/zip.h"

#include <libdeflate.h>
#include <string.h>

#include "base/buf.h"
#include "base/day.h"
#include "base/memory.h"

enum {
    NAME_BYTES_MAX = 255,
    HEADS_BYTES_MAX = 4096,
    DIRECTORY_BYTES_MAX = 64 << 20,
    CRC_IN_ENTRY = 16, /* 4.3.12 */
    VERSION_PLAIN = 10,
    VERSION_ZIP64 = 45,
    MADE_ON_UNIX = 3 << 8,
    FLAG_CRC_BEHIND = 1 << 3,
    MODE_FILE = 0100644,
    EXTRA_ZIP64 = 0x0001,
    EXTRA_TIME = 0x5455,
    TIME_BYTES = 9 /* of the extra field, with its head */
};

static const uint32_t local_sign = 0x04034b50;
static const uint32_t behind_sign = 0x08074b50;
static const uint32_t entry_sign = 0x02014b50;
static const uint32_t end_sign = 0x06054b50;
static const uint32_t end64_sign = 0x06064b50;
static const uint32_t locator_sign = 0x07064b50;

/* The one that is written now. */
struct file {
    int64_t size_bytes;
    int64_t missing_bytes;
    uint32_t crc;
    size_t entry_at; /* in the directory */
};

struct zip {
    zip_write *write;
    void *context;
    struct buf heads; /* to be written before anything else */
    struct buf directory;
    uint64_t written_bytes;
    uint64_t file_count;
    struct file file;
    bool has_file;
    bool is_over; /* nothing more is written */
};

static bool fail(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "zip_failed", "the archive cannot be written");
}

/* ---- numbers, least byte first ---- */

static void put(struct buf *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_byte(out, (uint8_t)(value >> (8 * i)));
}

/* 4.4.1.4: what has no room says so, and stands in the ZIP64 field. */
static bool is_large(uint64_t value)
{
    return value >= UINT32_MAX;
}

static void put_capped(struct buf *out, uint64_t value)
{
    put(out, is_large(value) ? UINT32_MAX : value, 4);
}

static uint64_t count_capped(uint64_t count)
{
    return count < UINT16_MAX ? count : UINT16_MAX;
}

/* ---- times ---- */

/* 4.4.6: two seconds are its unit, 1980 to 2107 its years. */
static uint32_t dos_time(int64_t changed_s)
{
    static const int64_t first_s = 315500400; /* 1980-01-01 in Japan */
    static const int64_t last_s = 4354786799; /* 2107-12-31 23:59:59 */
    int year, month, day;
    int64_t s = changed_s < first_s ? first_s : changed_s > last_s ? last_s : changed_s;
    day_to_date(day_of_instant(s * 1000), &year, &month, &day);
    uint32_t of_day = (uint32_t)((s + DAY_JAPAN_OFFSET_MS / 1000) % 86400);
    uint32_t date = (uint32_t)((year - 1980) << 9 | month << 5 | day);
    return date << 16 | of_day / 3600 << 11 | of_day / 60 % 60 << 5 | of_day % 60 / 2;
}

static bool has_time(int64_t changed_s)
{
    return changed_s >= INT32_MIN && changed_s <= INT32_MAX;
}

static void put_time(struct buf *out, int64_t changed_s)
{
    if (!has_time(changed_s))
        return;
    put(out, EXTRA_TIME, 2);
    put(out, TIME_BYTES - 4, 2);
    put(out, 1, 1); /* of the last change only */
    put(out, (uint64_t)changed_s, 4);
}

/* ---- out of here ---- */

static void hand_out(struct zip *zip, struct span bytes)
{
    if (zip->write && !zip->is_over && bytes.len > 0)
        zip->is_over = !zip->write(zip->context, bytes);
    zip->written_bytes += bytes.len;
}

static bool hand_out_heads(struct zip *zip, struct err *err)
{
    if (!buf_check(&zip->heads, err) || !buf_check(&zip->directory, err))
        return false;
    hand_out(zip, buf_view(&zip->heads));
    buf_reset(&zip->heads);
    return !zip->is_over || fail(err);
}

struct zip *zip_open(zip_write *write, void *context, struct err *err)
{
    struct zip *zip = memory_new(1, sizeof *zip, err);
    if (!zip)
        return NULL;
    *zip = (struct zip){.write = write,
                        .context = context,
                        .heads = buf_init(HEADS_BYTES_MAX),
                        .directory = buf_init(DIRECTORY_BYTES_MAX)};
    return zip;
}

/* ---- one file ---- */

static bool is_plain(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_./";
    return *name && *name != '/' && !strstr(name, "..") &&
           strlen(name) <= NAME_BYTES_MAX && name[strspn(name, letters)] == '\0';
}

/* What a local header and a directory's entry both say, up to the extra field's length;
 * `extra_bytes` beside the time. */
static void put_common(struct buf *out, const char *name, uint64_t size_bytes,
                       int64_t changed_s, bool is_zip64, size_t extra_bytes)
{
    put(out, is_zip64 ? VERSION_ZIP64 : VERSION_PLAIN, 2);
    put(out, FLAG_CRC_BEHIND, 2);
    put(out, 0, 2); /* stored */
    put(out, dos_time(changed_s), 4);
    put(out, 0, 4); /* the CRC is not known yet */
    put_capped(out, size_bytes);
    put_capped(out, size_bytes);
    put(out, strlen(name), 2);
    put(out, extra_bytes + (has_time(changed_s) ? TIME_BYTES : 0), 2);
}

/* 4.3.7 */
static void put_local(struct zip *zip, const char *name, uint64_t size_bytes,
                      int64_t changed_s)
{
    struct buf *out = &zip->heads;
    bool is_zip64 = is_large(size_bytes);
    put(out, local_sign, 4);
    put_common(out, name, size_bytes, changed_s, is_zip64, is_zip64 ? 20 : 0);
    buf_cstr(out, name);
    put_time(out, changed_s);
    if (!is_zip64)
        return;
    put(out, EXTRA_ZIP64, 2);
    put(out, 16, 2);
    put(out, size_bytes, 8);
    put(out, size_bytes, 8);
}

/* 4.3.12 */
static void put_entry(struct zip *zip, const char *name, uint64_t size_bytes,
                      int64_t changed_s)
{
    struct buf *out = &zip->directory;
    uint64_t at = zip->written_bytes + zip->heads.len;
    size_t far_bytes = (is_large(size_bytes) ? 16u : 0u) + (is_large(at) ? 8u : 0u);
    bool is_zip64 = far_bytes > 0;
    put(out, entry_sign, 4);
    put(out, MADE_ON_UNIX | (is_zip64 ? VERSION_ZIP64 : VERSION_PLAIN), 2);
    put_common(out, name, size_bytes, changed_s, is_zip64, is_zip64 ? 4 + far_bytes : 0);
    put(out, 0, 2); /* no comment */
    put(out, 0, 2); /* the first part of one */
    put(out, 0, 2); /* not known to be text */
    put(out, (uint64_t)MODE_FILE << 16, 4);
    put_capped(out, at);
    buf_cstr(out, name);
    put_time(out, changed_s);
    if (is_zip64) {
        put(out, EXTRA_ZIP64, 2);
        put(out, far_bytes, 2);
    }
    if (is_large(size_bytes)) {
        put(out, size_bytes, 8);
        put(out, size_bytes, 8);
    }
    if (is_large(at))
        put(out, at, 8);
}

/* The CRC goes behind the file (4.3.9) and to where the directory has room for it. */
static void end_file(struct zip *zip)
{
    const struct file *file = &zip->file;
    int size_field_bytes = is_large((uint64_t)file->size_bytes) ? 8 : 4;
    if (!zip->has_file)
        return;
    zip->has_file = false;
    put(&zip->heads, behind_sign, 4);
    put(&zip->heads, file->crc, 4);
    put(&zip->heads, (uint64_t)file->size_bytes, size_field_bytes);
    put(&zip->heads, (uint64_t)file->size_bytes, size_field_bytes);
    for (size_t i = 0; i < 4 && !zip->directory.has_failed; i++)
        zip->directory.at[file->entry_at + CRC_IN_ENTRY + i] =
            (uint8_t)(file->crc >> (8 * i));
}

bool zip_file(struct zip *zip, const char *name, int64_t size_bytes, int64_t changed_s,
              struct err *err)
{
    if (!is_plain(name))
        return err_set(err, ERR_REFUSED, "zip_name", "not a name for an archive");
    if (zip->file.missing_bytes != 0 || size_bytes < 0)
        return fail(err);
    end_file(zip);
    zip->file = (struct file){.size_bytes = size_bytes,
                              .missing_bytes = size_bytes,
                              .entry_at = zip->directory.len};
    zip->has_file = true;
    zip->file_count++;
    put_entry(zip, name, (uint64_t)size_bytes, changed_s);
    put_local(zip, name, (uint64_t)size_bytes, changed_s);
    return hand_out_heads(zip, err);
}

bool zip_data(struct zip *zip, struct span bytes, struct err *err)
{
    struct file *file = &zip->file;
    if ((uint64_t)file->missing_bytes < bytes.len)
        return fail(err);
    file->crc = libdeflate_crc32(file->crc, bytes.at, bytes.len);
    file->missing_bytes -= (int64_t)bytes.len;
    hand_out(zip, bytes);
    return !zip->is_over || fail(err);
}

bool zip_gap(struct zip *zip, int64_t size_bytes, struct err *err)
{
    if (zip->write || size_bytes < 0 || size_bytes > zip->file.missing_bytes)
        return fail(err);
    zip->file.missing_bytes -= size_bytes;
    zip->written_bytes += (uint64_t)size_bytes;
    return true;
}

/* ---- the end ---- */

/* 4.3.14 and 4.3.15 */
static void put_end64(struct zip *zip, uint64_t directory_at)
{
    struct buf *out = &zip->heads;
    uint64_t here = zip->written_bytes + out->len;
    put(out, end64_sign, 4);
    put(out, 44, 8); /* bytes of the record behind this number */
    put(out, MADE_ON_UNIX | VERSION_ZIP64, 2);
    put(out, VERSION_ZIP64, 2);
    put(out, 0, 8); /* this part, and that of the directory */
    put(out, zip->file_count, 8);
    put(out, zip->file_count, 8);
    put(out, zip->directory.len, 8);
    put(out, directory_at, 8);
    put(out, locator_sign, 4);
    put(out, 0, 4);
    put(out, here, 8);
    put(out, 1, 4); /* part in all */
}

/* 4.3.16 */
static void put_end(struct zip *zip, uint64_t directory_at)
{
    struct buf *out = &zip->heads;
    if (zip->file_count >= UINT16_MAX || is_large(directory_at))
        put_end64(zip, directory_at);
    put(out, end_sign, 4);
    put(out, 0, 4);
    put(out, count_capped(zip->file_count), 2);
    put(out, count_capped(zip->file_count), 2);
    put(out, zip->directory.len, 4);
    put_capped(out, directory_at);
    put(out, 0, 2); /* no comment */
}

bool zip_end(struct zip *zip, struct err *err)
{
    if (zip->file.missing_bytes != 0)
        return fail(err);
    end_file(zip);
    if (!hand_out_heads(zip, err))
        return false;
    uint64_t directory_at = zip->written_bytes;
    hand_out(zip, buf_view(&zip->directory));
    put_end(zip, directory_at);
    return hand_out_heads(zip, err);
}

uint64_t zip_length(const struct zip *zip)
{
    return zip->written_bytes;
}

void zip_free(struct zip *zip)
{
    if (!zip)
        return;
    buf_free(&zip->heads);
    buf_free(&zip->directory);
    memory_free(zip);
}
