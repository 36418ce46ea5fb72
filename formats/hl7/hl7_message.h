// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/hl7: the index of a message. Offsets count from `bytes`, which is
 * the input without what hl7_parse strips in front; HL7_MESSAGE_BYTES_MAX leaves the
 * upper bits of an offset free for the marks. */

#include "formats/hl7/hl7.h"

enum {
    HL7_ODDITIES = 6,
    HL7_OFFSET_MASK = (1 << 26) - 1,
    /* Marks of a field: what must be looked at when it is split or decoded. */
    HL7_MARK_CODED = 1 << 26,   /* ESC, high bytes: separators hide in characters */
    HL7_MARK_CONTROL = 1 << 27, /* control characters */
    HL7_MARK_ESCAPE = 1 << 28,  /* the HL7 escape character */
};

struct hl7_segment {
    uint32_t start;
    uint32_t first_field; /* into fields; the name is the first */
    uint32_t field_count; /* with the name */
    bool is_msh;
};

struct hl7_separators {
    uint8_t field;
    uint8_t component;
    uint8_t repetition;
    uint8_t escape;
    uint8_t subcomponent;
};

struct hl7_message {
    struct span bytes;
    size_t stripped; /* bytes of the input in front of `bytes` */
    struct hl7_separators separators;
    enum charset charset;
    bool is_misdeclared;
    struct hl7_segment *segments;
    size_t segment_count;
    /* Start and marks of every field; behind each segment's last one stands its end + 1,
     * so that a field ends one byte before the next one starts. */
    uint32_t *fields;
    unsigned oddities;
    size_t odd_segments[HL7_ODDITIES];
    /* Behind pointers: the message itself is const. */
    struct hl7_findings *findings;
    struct hl7_split *split;
};

enum {
    HL7_FINDING_KINDS = 5, /* bits of enum charset_finding */
    HL7_SPLIT_MAX = 16
};

/* The components of the repetition that was looked at last: readers ask for one after the
 * other, and splitting coded text from its start each time would cost most of all. */
struct hl7_split {
    size_t segment; /* HL7_NONE: nothing yet */
    uint16_t field;
    uint16_t repetition;
    size_t count;     /* of parts that were taken so far */
    struct span rest; /* behind them; at = NULL when there is none */
    struct span parts[HL7_SPLIT_MAX];
};

struct hl7_findings {
    unsigned bits;
    size_t offsets[HL7_FINDING_KINDS]; /* of the first value that showed it */
};

/* Two bytes of a character of 94×94; what texts in Japanese consist of. */
static inline bool hl7_is_pair(const uint8_t *at, size_t left)
{
    return left >= 2 && at[0] >= 0x21 && at[0] <= 0x7E && at[1] >= 0x21 && at[1] <= 0x7E;
}

/* Bytes of the character at the front, with the state of ISO-2022-JP kept; *is_ascii says
 * whether it may be a separator. */
size_t hl7_step(enum charset charset, struct span rest, enum charset_state *state,
                bool *is_ascii);
/* What the message declares in MSH-18 does not hold its bytes. */
bool hl7_declares_wrongly(const struct hl7_message *message);
