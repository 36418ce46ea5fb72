// SPDX-License-Identifier: Apache-2.0
#pragma once
/* SS-MIX2 extended storage: what its folders and names say, and what the document in a
 * folder is, as one entry of the calendar (docs/specs/extended.md).
 *
 *   ID[0:3] / ID[3:6] / ID / 診療日 / type folder / content folder / main_document.<ext>
 *
 * Type folder: [local code]^local name^[local system]^code^name^system. Content folder:
 * named like a file of standard storage (ssmix.h); a revision is a new one, flags as
 * there. Up to Ver.1.2b the document itself lay in the type folder under such a name.
 *
 * Understood as content: CDA R2, HL7 v2 (vital signs), MFER, plain text. PDF, pictures
 * and all others are named with what they are, and are to be opened as the original.
 * Nothing of HTML, SVG or an office format is interpreted. What belongs to a document
 * besides itself are its parts, by number: the files beside it in the order of the list
 * that the caller gives, then what a CDA document holds as Base64 and its text shows.
 * Names may be UTF-8, composed or not, or CP932; they are decoded for showing and
 * comparing, and opened as the bytes they are. Source: public documents only; there is no
 * sample of a real one.
 *
 * No I/O. Names and entries are *arena*, or borrow from path and bytes. */

#include "formats/entry/entry.h"
#include "formats/ssmix/ssmix.h"

enum {
    EXTENDED_PATH_PARTS = 7, /* with a content folder; 6 without */
    EXTENDED_TYPE_HASH_DIGITS = 16,
    EXTENDED_FILES_MAX = 60,    /* beside a document */
    EXTENDED_HEAD_BYTES = 1024, /* by which a file is known */
    EXTENDED_PART_BYTES_MAX = 16 << 20
};

/* A file beside the main document. */
struct extended_file {
    struct text name; /* as shown */
    size_t size_bytes;
    struct span head; /* its first bytes */
};

/* Parts of a type folder's name; empty where it has none. */
struct extended_type {
    struct text whole; /* as shown */
    struct text local_code;
    struct text local_name;
    struct text local_system;
    struct text code;
    struct text name;
    struct text system;
};

struct extended_name {
    struct ssmix_name record; /* its type is the type folder's whole name */
    struct extended_type type;
    struct text file;  /* in the content folder; "" when there is none in the path */
    bool is_in_folder; /* of its own, not directly in the type folder */
    bool is_main;      /* main_document.*, or the one file there is */
    struct text shown; /* the last part of the path as shown */
    /* What else lies in the folder; none unless the caller looked. */
    const struct extended_file *files;
    size_t file_count; /* at most EXTENDED_FILES_MAX */
    bool has_more_files;
};

/* Path relative to the root: six parts (a record: content folder or, of old, a file) or
 * seven (a file in a content folder). Errors as ssmix_parse_path; besides ERR_SYNTAX
 * extended_type_empty. */
MUST_CHECK bool extended_parse_path(struct span path, struct arena *arena,
                                    struct extended_name *name, struct err *err);
/* The last parts of any longer path when they have the shape of extended storage: its
 * type folder holds '^', or begins with "L-". Never true for a type of standard storage.
 */
bool extended_find_path(struct span path, struct span *relative);
/* A name as shown and compared, whatever bytes it was written in. */
MUST_CHECK bool extended_decode_name(struct span bytes, struct arena *arena,
                                     struct text *text, struct err *err);
/* Does a file of this name beside a document belong to it? Not what begins with '.' and
 * what Windows puts into every folder that somebody looked at. */
bool extended_is_beside(struct span file);
/* "main_document.xml", in any case of letters. */
bool extended_is_main(struct span file);

/* The type as part of a record's identity: "x-" and 16 hex digits, whatever the length
 * and the encoding of the folder's name. */
void extended_write_type(const struct extended_name *name, struct buf *out);
/* Kind of a document by its standard code, else by its names; ENTRY_UNKNOWN when neither
 * tells. Never a standard code that is not in docs/specs/extended.md. */
enum entry_kind extended_kind(const struct extended_type *type);
/* What people call it: local name, else standard name, else codes. */
struct text extended_title(const struct extended_type *type);

/* The document as one entry (vital signs: as many as the message has). A file that is no
 * main document gives none. Warnings: those of the formats; patient_mismatch,
 * patient_padding, day_mismatch, type_mismatch, document_type_unknown,
 * document_format_unknown, pdf_end_missing, charset_guessed, parts_left_out. Refused, and
 * then there are no entries: what xml_parse, cda_read, hl7_parse and mfer_read
 * refuse; ERR_SYNTAX
 * document_empty.
 */
MUST_CHECK bool extended_read(const struct extended_name *name, struct span bytes,
                              struct arena *arena, struct entry_list *out,
                              struct err *err);
/* Bytes of the part with this number that the document itself holds; the first of them is
 * behind its files. ERR_MISSING not_found. */
MUST_CHECK bool extended_read_inside(const struct extended_name *name, struct span bytes,
                                     size_t number, struct arena *arena, struct span *out,
                                     struct err *err);
/* A CDA document that lies in no storage. */
MUST_CHECK bool extended_read_loose(struct span bytes, struct arena *arena,
                                    struct entry_list *out, struct err *err);
