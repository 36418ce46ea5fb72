// SPDX-License-Identifier: Apache-2.0
#pragma once
/* HL7 Clinical Document Architecture, Release 2 (2005): who a document is about, what it
 * is, and its body as plain blocks that can be shown: headings, paragraphs, list items,
 * tables. Japanese use: the documents of SS-MIX2 extended storage (docs/specs/cda.md).
 *
 * Only what people read is taken: the narrative (section.text), never the coded entries
 * behind it. Nothing is loaded from outside the bytes, no style sheet, no picture; what a
 * section refers to is named, so that it can be looked for in the document's own folder.
 * Words that the author crossed out are shown as such. A body that is not structured
 * (nonXMLBody) is named with its type.
 *
 * Errors: those of xml_parse; ERR_SYNTAX cda_root (another document), cda_body_missing,
 * with offset. Everything is *arena*. */

#include "formats/entry/entry.h"
#include "formats/xml/xml.h"

enum {
    CDA_BLOCKS_MAX = 1900,  /* what the screen takes, less what else it is told */
    CDA_COLUMNS_MAX = 40,   /* of a table; more are cut and said so */
    CDA_LEVELS_MAX = 12,    /* sections inside sections */
    CDA_BLOCK_BYTES = 7900, /* longer texts are cut into several */
    CDA_TEXT_BYTES = 2 << 20
};

struct cda_document {
    struct text title;
    struct text code; /* of ClinicalDocument/code */
    struct text code_system;
    struct text code_name;
    struct text created; /* "YYYY-MM-DDTHH:MM" as far as known */
    struct text author;
    struct text organization;
    struct text from; /* of documentationOf/serviceEvent */
    struct text to;
    bool has_event;
    struct entry_patient patient;
    size_t patient_offset; /* of its identifier */
};

/* Is this XML whose root is a ClinicalDocument, as far as the first bytes tell? */
bool cda_detect(struct span bytes);
/* Reads the header into `document` and puts the body's blocks behind the entry's items;
 * what was left out or is odd becomes a warning of the list. */
MUST_CHECK bool cda_read(struct span bytes, struct cda_document *document,
                         struct entry_list *list, struct entry *entry,
                         struct arena *arena, struct err *err);
