// SPDX-License-Identifier: Apache-2.0
/* A row of a sheet: numbers, least byte first, then texts without an end. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "exchange/registry/registry_rows.h"

struct packed {
    uint8_t entry[ID_BYTES];
    uint64_t visible_at_ms;
    uint32_t day;
    uint32_t kind;
    uint32_t state;
    uint32_t flags;
    uint32_t version_len;
    uint32_t code_len;
    uint64_t title_len;
};
static_assert(sizeof(struct packed) == 56, "nothing lies between the numbers");

void registry_put_mark(struct buf *out, const struct registry_row_value *row)
{
    struct packed packed = {
        .visible_at_ms = htole64((uint64_t)row->visible_at_ms),
        .day = htole32((uint32_t)row->day),
        .kind = htole32((uint32_t)row->kind),
        .state = htole32((uint32_t)row->state),
        .flags = htole32(row->flags),
        .version_len = htole32((uint32_t)row->version.len),
        .code_len = htole32((uint32_t)row->department_code.len),
        .title_len = htole64(row->title.len),
    };
    memcpy(packed.entry, row->entry.bytes, ID_BYTES);
    buf_put(out, &packed, sizeof packed);
    buf_text(out, row->version);
    buf_text(out, row->department_code);
    buf_text(out, row->title);
}

static bool take_text(struct span *rest, uint64_t len, struct text *text)
{
    if (len > rest->len)
        return false;
    *text = (struct text){(const char *)rest->at, (size_t)len};
    *rest = span_of(rest->at + len, rest->len - (size_t)len);
    return true;
}

bool registry_take_mark(struct span *rest, struct registry_row_value *row)
{
    struct packed packed;
    if (rest->len < sizeof packed)
        return false;
    memcpy(&packed, rest->at, sizeof packed);
    *rest = span_of(rest->at + sizeof packed, rest->len - sizeof packed);
    memcpy(row->entry.bytes, packed.entry, ID_BYTES);
    row->day = (int32_t)le32toh(packed.day);
    row->kind = (enum entry_kind)le32toh(packed.kind);
    row->state = (int)le32toh(packed.state);
    row->flags = le32toh(packed.flags);
    row->visible_at_ms = (int64_t)le64toh(packed.visible_at_ms);
    row->is_new = false;
    return take_text(rest, le32toh(packed.version_len), &row->version) &&
           take_text(rest, le32toh(packed.code_len), &row->department_code) &&
           take_text(rest, le64toh(packed.title_len), &row->title);
}
