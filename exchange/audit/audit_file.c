// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/day.h"
#include "base/memory.h"
#include "base/path.h"

enum { WINDOW_BYTES = 256 * 1024, MAGIC_BYTES = 4, SECTOR_BYTES = 512 };

static const uint8_t magic[MAGIC_BYTES] = {'T', 's', 'A', '1'};
static const uint8_t group_magic[MAGIC_BYTES] = {'T', 's', 'A', '2'};

/* ---- one record ---- */

struct hash audit_chain(const struct hash *previous, struct span json)
{
    uint8_t bytes[HASH_BYTES + AUDIT_RECORD_BYTES_MAX];
    assert(json.len <= AUDIT_RECORD_BYTES_MAX);
    memcpy(bytes, previous->bytes, HASH_BYTES);
    memcpy(bytes + HASH_BYTES, json.at, json.len);
    return hash_sha256(span_of(bytes, HASH_BYTES + json.len));
}

static void put_u32(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_byte(out, (uint8_t)(value >> shift));
}

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void audit_put_record(struct buf *out, const struct hash *hash, struct span json,
                      bool is_in_group)
{
    buf_put(out, is_in_group ? group_magic : magic, MAGIC_BYTES);
    put_u32(out, (uint32_t)json.len);
    /* The length twice, so that a damaged one does not look like an unfinished record. */
    put_u32(out, ~(uint32_t)json.len);
    buf_put(out, hash->bytes, HASH_BYTES);
    buf_span(out, json);
    buf_byte(out, '\n');
}

/* ---- names ---- */

bool audit_node_is_good(struct span node)
{
    if (node.len == 0 || node.len > AUDIT_NODE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < node.len; i++) {
        uint8_t byte = node.at[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_')
            return false;
    }
    return true;
}

int audit_month_of(int64_t at_ms)
{
    int year = 0;
    int month = 0;
    int day_of_month = 0;
    day_to_date(day_of_instant(at_ms), &year, &month, &day_of_month);
    return year * 100 + month;
}

void audit_month_name(int month, char out[AUDIT_MONTH_NAME_BYTES])
{
    int len = snprintf(out, AUDIT_MONTH_NAME_BYTES, "%04d-%02d.log", month / 100 % 10000,
                       month % 100);
    assert(len == 11);
    (void)len;
}

/* 0 when the name is not that of a segment file. */
static int month_from_name(const char *name)
{
    struct span span = span_cstr(name);
    uint64_t year = 0;
    uint64_t month = 0;
    bool is_month = span.len == 11 && span_uint(span_part(span, 0, 4), 9999, &year) &&
                    name[4] == '-' && span_uint(span_part(span, 5, 2), 12, &month) &&
                    span_is(span_part(span, 7, 4), ".log") && year > 0 && month > 0;
    return is_month ? (int)(year * 100 + month) : 0;
}

static int compare_months(const void *a, const void *b)
{
    int left = *(const int *)a;
    int right = *(const int *)b;
    return (left > right) - (left < right);
}

static void close_listing(DIR **listing)
{
    if (*listing)
        closedir(*listing);
}

bool audit_reader_refresh(struct audit_reader *reader, struct err *err)
{
    int fd = openat(reader->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_listing) DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (!listing) {
        path_close(&fd);
        return err_set(err, ERR_SYSTEM, "audit_unreadable", "directory error %d", errno);
    }
    reader->month_count = 0;
    struct dirent *entry = readdir(listing);
    for (; entry; entry = readdir(listing)) {
        int month = month_from_name(entry->d_name);
        if (month == 0)
            continue;
        if (reader->month_count == AUDIT_MONTHS_MAX)
            return err_set(err, ERR_LIMIT, "audit_unreadable", "too many months");
        reader->months[reader->month_count++] = month;
    }
    qsort(reader->months, reader->month_count, sizeof reader->months[0], compare_months);
    return true;
}

/* ---- reading ---- */

bool audit_reader_open(struct audit_reader *reader, int directory, const char *node,
                       struct err *err)
{
    *reader = (struct audit_reader){.directory = directory, .node = node, .fd = -1};
    reader->bytes = memory_new(1, WINDOW_BYTES, err);
    return reader->bytes && audit_reader_refresh(reader, err);
}

void audit_reader_close(struct audit_reader *reader)
{
    path_close(&reader->fd);
    memory_free(reader->bytes);
    reader->bytes = NULL;
}

void audit_reader_forget(struct audit_reader *reader)
{
    reader->used = 0;
    reader->have = 0;
}

static bool open_month(struct audit_reader *reader, size_t index, struct err *err)
{
    char name[AUDIT_MONTH_NAME_BYTES];
    path_close(&reader->fd);
    audit_month_name(reader->months[index], name);
    reader->fd = path_open_below(reader->directory, name, err);
    reader->month_index = index;
    reader->offset = 0;
    audit_reader_forget(reader);
    return reader->fd >= 0;
}

/* Has at least `needed` bytes in the window, or all that the file has left. */
static bool fill(struct audit_reader *reader, size_t needed, struct err *err)
{
    size_t rest = reader->have - reader->used;
    if (rest >= needed)
        return true;
    memmove(reader->bytes, reader->bytes + reader->used, rest);
    reader->used = 0;
    reader->have = rest;
    while (reader->have < WINDOW_BYTES) {
        ssize_t got =
            pread(reader->fd, reader->bytes + reader->have, WINDOW_BYTES - reader->have,
                  (off_t)(reader->offset + reader->have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_SYSTEM, "audit_unreadable", "file error %d", errno);
        if (got == 0)
            break;
        reader->have += (size_t)got;
    }
    return true;
}

static bool is_last_month(const struct audit_reader *reader)
{
    return reader->month_index + 1 == reader->month_count;
}

static enum audit_read bad(struct audit_reader *reader, const char *fault)
{
    reader->fault = fault;
    return AUDIT_READ_BAD;
}

/* Length of the JSON that a header announces; 0 when it is none. */
static uint32_t take_length(const uint8_t *header)
{
    uint32_t len = u32_at(header + MAGIC_BYTES);
    bool is_magic = memcmp(header, magic, MAGIC_BYTES) == 0 ||
                    memcmp(header, group_magic, MAGIC_BYTES) == 0;
    return is_magic && u32_at(header + 8) == ~len && len <= AUDIT_RECORD_BYTES_MAX ? len
                                                                                   : 0;
}

/* What was never written is zeros, sector by sector; a record's own bytes never are. */
static bool has_unwritten_sector(struct span rest, uint64_t offset)
{
    size_t at = 0;
    while (at < rest.len) {
        size_t end = at + SECTOR_BYTES - (size_t)((offset + at) % SECTOR_BYTES);
        end = end < rest.len ? end : rest.len;
        size_t zeros = at;
        while (zeros < end && rest.at[zeros] == 0)
            zeros++;
        if (zeros == end)
            return true;
        at = end;
    }
    return false;
}

static bool begins_group(struct span rest, size_t at)
{
    if (rest.len - at < AUDIT_HEADER_BYTES ||
        memcmp(rest.at + at, magic, MAGIC_BYTES) != 0)
        return false;
    uint32_t len = take_length(rest.at + at);
    size_t whole = AUDIT_HEADER_BYTES + (size_t)len + 1;
    return len > 0 && rest.len - at >= whole && rest.at[at + whole - 1] == '\n';
}

/* The group that was on its way to the disk when the power went: sectors of it are
 * missing, in any order, and no later group was begun, which only happens once this one
 * is durable. So nobody was told that any of it is written. */
static bool is_torn(const struct audit_reader *reader, struct span rest)
{
    for (size_t at = 1; at < rest.len; at++)
        if (begins_group(rest, at))
            return false;
    return has_unwritten_sector(rest, reader->offset);
}

/* A piece of a record is what a crash leaves, but only at the very end. */
static enum audit_read cut(struct audit_reader *reader)
{
    audit_reader_forget(reader);
    return is_last_month(reader) ? AUDIT_READ_CUT : bad(reader, "audit_cut");
}

/* A record that does not fit: torn, or broken. */
static enum audit_read judge(struct audit_reader *reader, const char *fault,
                             struct err *err)
{
    enum { REST_BYTES_MAX = AUDIT_GROUP_BYTES_MAX + AUDIT_LARGEST_BYTES };
    struct stat status;
    if (fstat(reader->fd, &status) != 0)
        return err_set(err, ERR_SYSTEM, "audit_unreadable", "file error %d", errno),
               AUDIT_READ_FAILED;
    uint64_t len = (uint64_t)status.st_size - reader->offset;
    if (!is_last_month(reader) || len == 0 || len > REST_BYTES_MAX)
        return bad(reader, fault);
    uint8_t *bytes = memory_new(1, len, err);
    if (!bytes)
        return AUDIT_READ_FAILED;
    ssize_t got = pread(reader->fd, bytes, len, (off_t)reader->offset);
    bool torn = got > 0 && is_torn(reader, span_of(bytes, (size_t)got));
    memory_free(bytes);
    return torn ? cut(reader) : bad(reader, fault);
}

/* After a power failure a file may be longer than what was written: zeros. */
static enum audit_read skip_zeros(struct audit_reader *reader, struct err *err)
{
    uint64_t offset = reader->offset;
    bool is_zero = true;
    do {
        for (size_t i = reader->used; i < reader->have; i++)
            is_zero = is_zero && reader->bytes[i] == 0;
        reader->offset += reader->have - reader->used;
        audit_reader_forget(reader);
        if (!fill(reader, 1, err))
            return AUDIT_READ_FAILED;
    } while (is_zero && reader->have > 0);
    reader->offset = offset;
    audit_reader_forget(reader);
    return is_zero ? cut(reader) : judge(reader, "audit_format", err);
}

/* Every record begins with its version, node and number. */
static bool take_number(const struct audit_reader *reader, struct span json,
                        uint64_t *number)
{
    char prefix[AUDIT_NODE_BYTES_MAX + 32];
    int len =
        snprintf(prefix, sizeof prefix, "{\"v\":1,\"node\":\"%s\",\"n\":", reader->node);
    if (len < 0 || !span_starts(json, prefix))
        return false;
    struct span rest = span_part(json, (size_t)len, 21);
    struct span digits;
    return span_take(&rest, ',', &digits) && rest.at && digits.len > 0 &&
           digits.at[0] != '0' && span_uint(digits, INT64_MAX, number);
}

static enum audit_read check(struct audit_reader *reader, const struct hash *hash,
                             struct err *err)
{
    uint64_t number = 0;
    bool is_numbered = take_number(reader, reader->json, &number);
    if (!is_numbered || (reader->has_last && number != reader->last.number + 1))
        return judge(reader, "audit_gap", err);
    if (reader->has_last && reader->checks_hash) {
        struct hash expected = audit_chain(&reader->last.hash, reader->json);
        if (!hash_equal(&expected, hash))
            return judge(reader, "audit_hash", err);
    }
    reader->last = (struct audit_position){.number = number, .hash = *hash};
    reader->has_last = true;
    return AUDIT_READ_RECORD;
}

/* The window holds at least the header. */
static enum audit_read read_record(struct audit_reader *reader, struct err *err)
{
    static const uint8_t zeros[MAGIC_BYTES] = {0};
    const uint8_t *header = reader->bytes + reader->used;
    if (memcmp(header, zeros, MAGIC_BYTES) == 0)
        return skip_zeros(reader, err);
    uint32_t len = take_length(header);
    if (len == 0)
        return judge(reader, "audit_format", err);
    size_t whole = AUDIT_HEADER_BYTES + len + 1;
    if (!fill(reader, whole, err))
        return AUDIT_READ_FAILED;
    if (reader->have - reader->used < whole)
        return cut(reader);
    header = reader->bytes + reader->used; /* filling may have moved the window */
    struct hash hash;
    memcpy(hash.bytes, header + 12, HASH_BYTES);
    reader->json = span_of(header + AUDIT_HEADER_BYTES, len);
    if (header[whole - 1] != '\n')
        return judge(reader, "audit_format", err);
    enum audit_read result = check(reader, &hash, err);
    if (result == AUDIT_READ_RECORD) {
        reader->used += whole;
        reader->offset += whole;
    }
    return result;
}

enum audit_read audit_reader_next(struct audit_reader *reader, struct err *err)
{
    if (reader->month_count == 0)
        return AUDIT_READ_END;
    if (reader->fd < 0 && !open_month(reader, reader->month_index, err))
        return AUDIT_READ_FAILED;
    if (!fill(reader, AUDIT_HEADER_BYTES, err))
        return AUDIT_READ_FAILED;
    while (reader->have == reader->used && !is_last_month(reader))
        if (!open_month(reader, reader->month_index + 1, err) ||
            !fill(reader, AUDIT_HEADER_BYTES, err))
            return AUDIT_READ_FAILED;
    size_t rest = reader->have - reader->used;
    if (rest == 0)
        return AUDIT_READ_END;
    return rest < AUDIT_HEADER_BYTES ? cut(reader) : read_record(reader, err);
}

/* Reads a month to its end without hashing, for its last record. */
static bool skip_month(struct audit_reader *reader, size_t index, struct err *err)
{
    enum audit_read result = AUDIT_READ_RECORD;
    size_t count = reader->month_count;
    if (!open_month(reader, index, err))
        return false;
    reader->has_last = false;
    reader->checks_hash = false;
    reader->month_count = index + 1; /* so that reading ends with this month */
    while (result == AUDIT_READ_RECORD)
        result = audit_reader_next(reader, err);
    reader->month_count = count;
    if (result == AUDIT_READ_BAD || result == AUDIT_READ_CUT)
        return err_set(err, ERR_SYSTEM, "audit_broken", "a month before is broken");
    return result == AUDIT_READ_END;
}

bool audit_reader_start(struct audit_reader *reader, size_t month_index, struct err *err)
{
    bool is_found = false;
    for (size_t i = month_index; i > 0 && !is_found; i--) {
        if (!skip_month(reader, i - 1, err))
            return false;
        is_found = reader->has_last;
    }
    if (!is_found)
        reader->last = (struct audit_position){0};
    reader->has_last = true;
    reader->checks_hash = true;
    reader->month_index = month_index;
    path_close(&reader->fd);
    audit_reader_forget(reader);
    reader->offset = 0;
    return true;
}

bool audit_reader_find(struct audit_reader *reader, uint64_t number, struct err *err)
{
    size_t index = reader->month_count;
    bool is_found = false;
    while (index > 0 && !is_found) {
        index--;
        if (!open_month(reader, index, err))
            return false;
        reader->has_last = false;
        reader->checks_hash = false;
        enum audit_read result = audit_reader_next(reader, err);
        if (result == AUDIT_READ_FAILED)
            return false;
        /* An empty month passes on to the next one, whose number is larger. */
        is_found = result == AUDIT_READ_RECORD && reader->last.number <= number;
    }
    return audit_reader_start(reader, index, err);
}
