// SPDX-License-Identifier: Apache-2.0
#pragma once
/* multipart/related (RFC 2046 5.1, RFC 2387) as it comes, in pieces of any size: parts,
 * their fields and their bytes, none of which is kept. Takes no memory beyond its struct.
 *
 * Stricter than the RFC where readers differ, so that nobody sees other parts than we do:
 * a delimiter is followed by nothing but blanks, lines of fields end with CRLF, no field
 * stands twice, none is folded, before the first part there is at most a line or two.
 * A part needs no length; one that is given is not believed. */

#include "base/err.h"
#include "base/span.h"

enum {
    MULTIPART_BOUNDARY_BYTES = 128, /* RFC 2046 5.1.1 says 70; Orthanc writes 73 */
    MULTIPART_HEAD_BYTES = 4096,
    MULTIPART_FIELDS_MAX = 16
};

/* A Content-Type (RFC 9110 8.3.1). */
struct multipart_type {
    struct span media; /* "multipart/related", as written */
    struct span type;  /* parameter, without quotes; empty = none */
    struct span boundary;
};
/* Borrows from the text. ERR_SYNTAX "content_type". */
MUST_CHECK bool multipart_read_type(struct span text, struct multipart_type *type,
                                    struct err *err);
/* Of media types, without regard to case. */
bool multipart_is_media(struct span media, const char *expected);

enum multipart_event {
    MULTIPART_MORE, /* all bytes were used, more are needed */
    MULTIPART_PART, /* a part begins; its fields can be asked for until its first byte */
    MULTIPART_DATA,
    MULTIPART_PART_END,
    MULTIPART_END, /* the last delimiter came; what follows is thrown away */
    MULTIPART_BROKEN
};

enum multipart_state {
    MULTIPART_AT_PREAMBLE,
    MULTIPART_AT_DATA,
    MULTIPART_AT_DELIMITER, /* behind one */
    MULTIPART_AT_HEAD,
    MULTIPART_AT_END,
    MULTIPART_AT_FAULT
};

struct multipart_field {
    struct span name;
    struct span value;
};

/* Private, but for its size. */
struct multipart {
    enum multipart_state state;
    uint8_t delimiter[4 + MULTIPART_BOUNDARY_BYTES];
    size_t delimiter_bytes;
    size_t matched; /* bytes of it that came last */
    size_t passed;  /* of the preamble, or behind a delimiter */
    uint8_t last;   /* byte behind a delimiter */
    uint8_t head[MULTIPART_HEAD_BYTES];
    size_t head_bytes;
    struct multipart_field fields[MULTIPART_FIELDS_MAX];
    size_t field_count;
};

/* ERR_SYNTAX "boundary". */
MUST_CHECK bool multipart_begin(struct multipart *multipart, struct span boundary,
                                struct err *err);
/* Takes from the front of `bytes` what belongs to the event; `data` borrows from `bytes`
 * or from the reader until the next call. */
enum multipart_event multipart_next(struct multipart *multipart, struct span *bytes,
                                    struct span *data);
/* A field of the part, by its lower-case name; empty when absent. */
struct span multipart_field(const struct multipart *multipart, const char *name);
