// SPDX-License-Identifier: Apache-2.0
#pragma once
/* HL7 v2 messages in ER7 form: split into segments, fields, repetitions, components and
 * sub-components without copying; decoded to text only where somebody asks.
 *
 * Source: HL7 v2.5 chapter 2 (2.5 message construction, 2.7 escape sequences); the
 * Japanese rules on character sets and separators of SS-MIX2 (docs/specs/hl7.md):
 * separators never count inside a character of two bytes or in half-width kana of 7 bits.
 * Versions 2.3 to 2.8 are read alike.
 *
 * A message borrows the bytes it was parsed from and keeps its index in the arena; both
 * must outlive it. Nothing here knows what a field means.
 *
 * Errors of hl7_parse: ERR_SYNTAX hl7_no_msh, hl7_utf16, hl7_before_msh (where MSH
 * comes later), hl7_bad_separators, hl7_segment_cut, …;
 * ERR_LIMIT hl7_too_large, hl7_too_many_segments, hl7_too_many_fields; each with offset
 * and clause. */

#include "base/arena.h"
#include "base/text.h"
#include "formats/charset/charset.h"

/* Oddities of a message that could be split all the same; what they mean is for the
 * caller to say (SS-MIX2 takes a missing end for a cut file, interfaces do not). */
enum hl7_oddity {
    HL7_NO_END = 1 << 0,           /* the last segment has no CR or LF behind it */
    HL7_JUNK_SEGMENT = 1 << 1,     /* name is not A-Z followed by two of A-Z 0-9 */
    HL7_BARE_SEGMENT = 1 << 2,     /* a name without a field */
    HL7_SECOND_MSH = 1 << 3,       /* MSH once more */
    HL7_UNCLOSED_STATE = 1 << 4,   /* a segment ends in a two-byte state */
    HL7_LINE_FEED_IN_TEXT = 1 << 5 /* in a message whose segments end with CR */
};

enum {
    HL7_MESSAGE_BYTES_MAX = 16 << 20,
    HL7_SEGMENTS_MAX = 64 * 1024,
    HL7_FIELDS_MAX = 4096
};

struct hl7_message;

/* Strips a BOM, 0x0B in front and 0x1C / CR / LF behind; skips FHS, BHS, BTS, FTS.
 * Refused as hl7_segment_cut: the last segment is a name of fewer than three characters,
 * MSH alone, or ends inside a two-byte character. A cut elsewhere shows as HL7_NO_END. */
MUST_CHECK const struct hl7_message *hl7_parse(struct span bytes, struct arena *arena,
                                               struct err *err);

/* Bits of enum hl7_oddity. */
unsigned hl7_oddities(const struct hl7_message *message);
/* The first segment that a given oddity is about, HL7_NONE if there is none. */
#define HL7_NONE ((size_t)-1)
size_t hl7_odd_segment(const struct hl7_message *message, enum hl7_oddity oddity);

size_t hl7_segment_count(const struct hl7_message *message);
/* Name of segment i ("MSH"; junk as it is); an empty span out of range. */
struct span hl7_segment_name(const struct hl7_message *message, size_t segment);
/* Offset of the segment's first byte in the input. */
size_t hl7_segment_offset(const struct hl7_message *message, size_t segment);
bool hl7_segment_is(const struct hl7_message *message, size_t segment, const char *name);
/* Index of the first segment with that name at or after `from`; HL7_NONE if none. */
size_t hl7_find(const struct hl7_message *message, const char *name, size_t from);
/* Highest field number that is there (MSH: MSH-1 counts). */
size_t hl7_field_count(const struct hl7_message *message, size_t segment);

/* Where a value stands. Numbers count from 1 as in the standard (field 0 is the segment
 * name; MSH-1 is the separator itself); repetition counts from 0; component 0 means the
 * whole repetition, subcomponent 0 the whole component. */
struct hl7_place {
    size_t segment;
    uint16_t field;
    uint16_t repetition;
    uint16_t component;
    uint16_t subcomponent;
};

#define HL7_AT(segment_, field_, component_)                                             \
    ((struct hl7_place){                                                                 \
        .segment = (segment_), .field = (field_), .component = (component_)})

size_t hl7_repetition_count(const struct hl7_message *message, size_t segment,
                            uint16_t field);
/* Raw bytes at the place, escapes and character set untouched; empty when absent. */
struct span hl7_raw(const struct hl7_message *message, struct hl7_place place);
/* Offset of the value in the input, for findings. */
size_t hl7_offset(const struct hl7_message *message, struct hl7_place place);
/* The reverse, as people name it: "ORC-9", or "ORC" for a segment's start and behind its
 * end; "" for an offset outside of the message. */
enum { HL7_PLACE_NAME_BYTES = 16 };
void hl7_name_place(const struct hl7_message *message, size_t offset,
                    char name[HL7_PLACE_NAME_BYTES]);
/* True for the explicit null "" (2.5.3), which is not the same as empty. */
bool hl7_is_null(const struct hl7_message *message, struct hl7_place place);
/* Decoded text, escapes resolved (\.br\ becomes LF); empty when absent or null. Control
 * characters other than LF become U+FFFD. Errors: arena only. */
MUST_CHECK bool hl7_text(const struct hl7_message *message, struct hl7_place place,
                         struct arena *arena, struct text *text, struct err *err);

/* "OUL", "R22", "OUL_R22": MSH-9; empty spans when absent. */
struct span hl7_message_code(const struct hl7_message *message);
struct span hl7_trigger(const struct hl7_message *message);
/* The set that the whole message is decoded with: what its bytes show. */
enum charset hl7_charset(const struct hl7_message *message);
/* What the whole message showed so far of character-set findings (charset.h bits) while
 * texts were asked for, and whether the declaration was wrong. */
unsigned hl7_charset_findings(const struct hl7_message *message);
/* Offset of the first value that showed the finding; of the first bad byte itself. */
size_t hl7_finding_offset(const struct hl7_message *message,
                          enum charset_finding finding);
bool hl7_charset_is_misdeclared(const struct hl7_message *message);
