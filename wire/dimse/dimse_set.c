// SPDX-License-Identifier: Apache-2.0
/* The few elements of data sets that the protocol itself needs (PS3.5 7); whole data sets
 * are formats/dicom's. */
#include "wire/dimse/dimse_parts.h"

enum {
    TAG_CLASS = 0x00080016,
    TAG_INSTANCE = 0x00080018,
    TAG_REFERENCED_CLASS = 0x00081150,
    TAG_REFERENCED_INSTANCE = 0x00081155,
    TAG_TRANSACTION = 0x00081195,
    TAG_REASON = 0x00081197,
    TAG_FAILED = 0x00081198,
    TAG_REFERENCED = 0x00081199,
    DEPTH_MAX = 8
};
static const uint32_t tag_item = 0xFFFEE000;
static const uint32_t tag_item_end = 0xFFFEE00D;
static const uint32_t tag_sequence_end = 0xFFFEE0DD;
static const uint32_t undefined = 0xFFFFFFFF;

struct reader {
    struct span rest;
    const struct dimse_syntax *syntax;
    bool lacks_bytes; /* as opposed to: is broken */
};

struct element {
    uint32_t tag;
    uint32_t len;   /* undefined = up to a delimiter */
    bool has_items; /* says its VR; implicit ones are told by their tag */
};

static uint16_t read_16(const struct reader *reader, size_t at)
{
    const uint8_t *bytes = reader->rest.at + at;
    unsigned little = bytes[0] | (unsigned)bytes[1] << 8;
    unsigned big = bytes[1] | (unsigned)bytes[0] << 8;
    return (uint16_t)(reader->syntax->is_big_endian ? big : little);
}

static uint32_t read_32(const struct reader *reader, size_t at)
{
    uint32_t first = read_16(reader, at);
    uint32_t second = read_16(reader, at + 2);
    return reader->syntax->is_big_endian ? first << 16 | second : second << 16 | first;
}

static bool needs(struct reader *reader, size_t len)
{
    reader->lacks_bytes = reader->rest.len < len;
    return !reader->lacks_bytes;
}

static void pass(struct reader *reader, size_t len)
{
    reader->rest = span_of(reader->rest.at + len, reader->rest.len - len);
}

/* VRs whose length takes four bytes behind two reserved ones (PS3.5 7.1.2). */
static bool is_long(const uint8_t vr[2])
{
    static const char names[][3] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                    "SV", "UC", "UN", "UR", "UT", "UV"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (memcmp(vr, names[i], 2) == 0)
            return true;
    return false;
}

static bool is_vr(const uint8_t vr[2])
{
    return vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z';
}

/* An element's head; the value is not looked at. */
static bool take_head(struct reader *reader, struct element *element)
{
    if (!needs(reader, 8))
        return false;
    *element =
        (struct element){.tag = (uint32_t)read_16(reader, 0) << 16 | read_16(reader, 2)};
    bool is_delimiter = element->tag >> 16 == 0xFFFE;
    if (is_delimiter || !reader->syntax->is_explicit) {
        element->len = read_32(reader, 4);
        pass(reader, 8);
        return true;
    }
    const uint8_t *vr = reader->rest.at + 4;
    if (!is_vr(vr))
        return false;
    element->has_items = memcmp(vr, "SQ", 2) == 0;
    bool has_long = is_long(vr);
    if (has_long && !needs(reader, 12))
        return false;
    element->len = has_long ? read_32(reader, 8) : read_16(reader, 6);
    pass(reader, has_long ? 12 : 8);
    return true;
}

static bool take_value(struct reader *reader, const struct element *element,
                       struct span *value)
{
    if (element->len == undefined || !needs(reader, element->len))
        return false;
    *value = span_part(reader->rest, 0, element->len);
    pass(reader, element->len);
    return true;
}

/* ---- does the data set belong to its command? ---- */

static bool is_same_uid(struct span value, const char *uid)
{
    return span_is(dimse_trim(value), uid);
}

/* Of the two elements, the one whose UID must be the command's; NULL for all others. */
static const char *expected(const struct element *element,
                            const struct dimse_command *command)
{
    if (element->tag == TAG_CLASS)
        return command->sop_class;
    return element->tag == TAG_INSTANCE ? command->sop_instance : NULL;
}

bool dimse_peek(struct span bytes, bool is_all, const struct dimse_syntax *syntax,
                const struct dimse_command *command, uint16_t *status)
{
    struct reader reader = {bytes, syntax, false};
    struct element element;
    struct span value = {0};
    int found = 0;
    *status = DIMSE_SUCCESS;
    if (syntax->is_deflated)
        return true;
    while (found < 2 && take_head(&reader, &element) && element.tag <= TAG_INSTANCE &&
           take_value(&reader, &element, &value)) {
        const char *uid = expected(&element, command);
        found += uid != NULL;
        if (uid && !is_same_uid(value, uid)) {
            *status = DIMSE_OTHER_CLASS;
            return true;
        }
    }
    if (found == 2)
        return true;
    *status = DIMSE_NOT_UNDERSTOOD;
    return !reader.lacks_bytes || is_all || bytes.len >= DIMSE_PEEK_BYTES;
}

/* ---- storage commitment ---- */

struct set_reader {
    struct reader *reader;
    struct arena *arena;
    struct dimse_commitment *commitment;
    size_t room;
    struct err *err;
};

static bool broken(struct set_reader *set)
{
    if (set->err->kind == ERR_NONE)
        err_at(set->err, ERR_SYNTAX, "dicom_commitment_broken", set->reader->rest.len,
               "PS3.4 J.3.2");
    return false;
}

static bool copy_uid(struct span value, char uid[DIMSE_UID_BYTES])
{
    struct span trimmed = dimse_trim(value);
    if (!dimse_is_uid(trimmed))
        return false;
    memset(uid, 0, DIMSE_UID_BYTES);
    memcpy(uid, trimmed.at, trimmed.len);
    return true;
}

/* Elements of one item; ends with its bytes or with its delimiter. */
static bool read_item(struct set_reader *set, uint32_t len,
                      struct dimse_reference *reference)
{
    struct reader *reader = set->reader;
    size_t end = len == undefined ? 0 : reader->rest.len - len;
    struct element element;
    struct span value = {0};
    while (len == undefined || reader->rest.len > end) {
        if (!take_head(reader, &element))
            return broken(set);
        if (element.tag == tag_item_end)
            return len == undefined || broken(set);
        if (!take_value(reader, &element, &value))
            return broken(set);
        if (element.tag == TAG_REFERENCED_CLASS && !copy_uid(value, reference->sop_class))
            return broken(set);
        if (element.tag == TAG_REFERENCED_INSTANCE &&
            !copy_uid(value, reference->sop_instance))
            return broken(set);
    }
    return reader->rest.len == end || broken(set);
}

static bool add_reference(struct set_reader *set, uint32_t len)
{
    struct dimse_commitment *commitment = set->commitment;
    struct dimse_reference reference = {0};
    if (!read_item(set, len, &reference))
        return false;
    if (!reference.sop_class[0] || !reference.sop_instance[0])
        return broken(set);
    if (commitment->count == set->room) {
        struct dimse_reference *grown =
            arena_grow(set->arena, commitment->references, commitment->count,
                       commitment->count + 1, sizeof *grown, &set->room, set->err);
        if (!grown)
            return false;
        commitment->references = grown;
    }
    commitment->references[commitment->count++] = reference;
    return true;
}

static bool read_sequence(struct set_reader *set, uint32_t len)
{
    struct reader *reader = set->reader;
    if (len != undefined && !needs(reader, len))
        return broken(set);
    size_t end = len == undefined ? 0 : reader->rest.len - len;
    struct element element;
    while (len == undefined || reader->rest.len > end) {
        if (!take_head(reader, &element))
            return broken(set);
        if (element.tag == tag_sequence_end)
            return len == undefined || broken(set);
        bool fits = element.len == undefined || needs(reader, element.len);
        if (element.tag != tag_item || !fits || !add_reference(set, element.len))
            return broken(set);
    }
    return reader->rest.len == end || broken(set);
}

bool dimse_read_commitment(struct span bytes, const struct dimse_syntax *syntax,
                           struct arena *arena, struct dimse_commitment *commitment,
                           struct err *err)
{
    struct reader reader = {bytes, syntax, false};
    struct set_reader set = {&reader, arena, commitment, 0, err};
    struct element element;
    struct span value = {0};
    *commitment = (struct dimse_commitment){0};
    while (reader.rest.len > 0) {
        if (!take_head(&reader, &element))
            return broken(&set);
        if (element.tag == TAG_REFERENCED) {
            if (!read_sequence(&set, element.len))
                return false;
            continue;
        }
        if (!take_value(&reader, &element, &value))
            return broken(&set);
        if (element.tag == TAG_TRANSACTION && !copy_uid(value, commitment->transaction))
            return broken(&set);
    }
    return (commitment->transaction[0] && commitment->count > 0) || broken(&set);
}

/* ---- its result ---- */

static void put_32(struct buf *out, uint32_t value)
{
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 24)};
    buf_put(out, bytes, sizeof bytes);
}

static void put_tag(struct buf *out, uint32_t tag)
{
    put_32(out, tag >> 16 | tag << 16);
}

static void put_value(struct buf *out, uint32_t tag, const char *vr, struct span value)
{
    put_tag(out, tag);
    if (vr) {
        buf_put(out, vr, 2);
        buf_byte(out, (uint8_t)(value.len + value.len % 2));
        buf_byte(out, 0);
    } else {
        put_32(out, (uint32_t)(value.len + value.len % 2));
    }
    buf_span(out, value);
    if (value.len % 2)
        buf_byte(out, 0);
}

static void put_delimiter(struct buf *out, uint32_t tag, uint32_t len)
{
    put_tag(out, tag);
    put_32(out, len);
}

static void put_references(const struct dimse_commitment *commitment, bool has_failed,
                           bool is_explicit, struct buf *out)
{
    put_tag(out, has_failed ? TAG_FAILED : TAG_REFERENCED);
    if (is_explicit)
        buf_put(out, "SQ\0\0", 4);
    put_32(out, undefined);
    for (size_t i = 0; i < commitment->count; i++) {
        const struct dimse_reference *one = &commitment->references[i];
        const char *uid = is_explicit ? "UI" : NULL;
        uint8_t reason[] = {(uint8_t)one->status, (uint8_t)(one->status >> 8)};
        if ((one->status != DIMSE_SUCCESS) != has_failed)
            continue;
        put_delimiter(out, tag_item, undefined);
        put_value(out, TAG_REFERENCED_CLASS, uid, span_cstr(one->sop_class));
        put_value(out, TAG_REFERENCED_INSTANCE, uid, span_cstr(one->sop_instance));
        if (has_failed)
            put_value(out, TAG_REASON, is_explicit ? "US" : NULL, span_of(reason, 2));
        put_delimiter(out, tag_item_end, 0);
    }
    put_delimiter(out, tag_sequence_end, 0);
}

bool dimse_put_result(const struct dimse_commitment *commitment, bool is_explicit,
                      struct buf *out)
{
    size_t failed_count = 0;
    for (size_t i = 0; i < commitment->count; i++)
        failed_count += commitment->references[i].status != DIMSE_SUCCESS;
    put_value(out, TAG_TRANSACTION, is_explicit ? "UI" : NULL,
              span_cstr(commitment->transaction));
    if (failed_count > 0)
        put_references(commitment, true, is_explicit, out);
    if (failed_count < commitment->count)
        put_references(commitment, false, is_explicit, out);
    return failed_count == 0;
}
