// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a file is and what it says, whatever its format: the array of the formats that are
 * known, and one reading for all of them. A new format is one file and one line in
 * intake.c.
 *
 * Does no I/O: bytes and the path they came from are given. Everything it hands out is
 * *arena*, or borrows from the bytes. */

#include "formats/entry/entry.h"

struct extended_file;

struct intake_source {
    struct span path; /* as far as known, any depth; may be empty */
    struct span bytes;
    /* What lies beside a document of extended storage, as extended_name has it. */
    const struct extended_file *files;
    size_t file_count;
    bool has_more_files;
};

/* One message of a file (a batch holds several). */
struct intake_message {
    struct entry_list list; /* list.format = name of the format, also when refused */
    struct err err;         /* ERR_NONE = understood */
    size_t offset;          /* of the message in the file; list's offsets count from it */
    struct intake_message *next;
};

struct intake_format {
    const char *name; /* "ssmix2", "hl7v2" … as in the contract of `tsumugi inspect` */
    bool (*detect)(const struct intake_source *source);
    /* Faults of the content go into the messages; false only when the arena is full. */
    bool (*read)(const struct intake_source *source, struct arena *arena,
                 struct intake_message **first, struct err *err);
};

/* Never NULL: the last format, "unknown", takes everything. */
const struct intake_format *intake_find(const struct intake_source *source);
/* At least one message. "unknown" gives one with ERR_SYNTAX "format_unknown".
 * ERR_LIMIT / ERR_BUSY of the arena. */
MUST_CHECK bool intake_read(const struct intake_source *source, struct arena *arena,
                            struct intake_message **first, struct err *err);

/* The fault in Japanese, for people; borrows from err. err->kind is not ERR_NONE. */
struct text intake_fault_text(const struct err *err);

/* One message as the object of the contract (docs/specs/entries.md), without a newline.
 */
void intake_write(struct json_writer *writer, const struct intake_message *message,
                  struct text path);
