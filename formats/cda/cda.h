// SPDX-License-Identifier: Apache-2.0
#pragma once
/* HL7 Clinical Document Architecture, Release 2 (2005): who a document is about, what it
 * is, and its body as plain blocks that can be shown: headings, paragraphs, list items,
 * tables. Japanese use: the documents of SS-MIX2 extended storage (docs/specs/cda.md).
 *
 * Only what people read is taken: the narrative (section.text), never the coded entries
 * behind it. Nothing is loaded from outside the bytes, no style sheet, no picture; what a
 * section refers to is an item at its place in the text and one of the document's media,
 * so that whoever knows the document's own folder can look there for its name. No path
 * is ever made of that name. Words that the author crossed out are shown as such. A body
 * that is not structured (nonXMLBody) is such a medium with its type.
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
    CDA_TEXT_BYTES = 2 << 20,
    CDA_MEDIA_MAX = 200, /* referred to; more are named only, and it is said */
    CDA_NAME_BYTES = 255
};

/* What the text refers to: a picture, a paper, a link to a file. */
struct cda_media {
    struct entry_item *item; /* in the text; has room for one more field */
    struct text file;        /* a name beside the document, as written there; "" = none */
    const struct xml_node *value; /* Base64 inside the document; NULL = none */
    struct cda_media *next;
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
    size_t patient_offset;   /* of its identifier */
    struct cda_media *media; /* in the order of the text */
    struct cda_media *last_media;
    size_t media_count;
};

/* Is this XML whose root is a ClinicalDocument, as far as the first bytes tell? */
bool cda_detect(struct span bytes);
/* Reads the header into `document` and puts the body's blocks behind the entry's items;
 * what was left out or is odd becomes a warning of the list. */
MUST_CHECK bool cda_read(struct span bytes, struct cda_document *document,
                         struct entry_list *list, struct entry *entry,
                         struct arena *arena, struct err *err);
/* The bytes that a medium's value holds: how many, and the first `room` of them. False:
 * no Base64 (RFC 4648 4; white space stands anywhere), or compressed. */
bool cda_decode(const struct xml_node *value, uint8_t *bytes, size_t room,
                size_t *size_bytes);
