// SPDX-License-Identifier: Apache-2.0
#pragma once
/* XML 1.0 with namespaces, read into a tree of elements and texts (libxml2 is the
 * parser). Strict and bounded: a document type declaration is refused, so there are no
 * entities but the five of XML itself and character references; nothing outside the bytes
 * is ever opened. Comments and processing instructions (style sheets) are left out.
 *
 * Encodings: UTF-8, UTF-16 with its mark, and those of Japan as declared (Shift_JIS, its
 * Windows form, EUC-JP, ISO-2022-JP), decoded by formats/charset. Bytes that are not what
 * they declare are decoded as what they are, and said so. Offsets count in the document
 * as decoded; with UTF-8 these are the file's own.
 *
 * The tree is *arena*. Errors: ERR_REFUSED xml_dtd; ERR_SYNTAX xml_malformed,
 * xml_encoding; ERR_LIMIT xml_too_deep, xml_too_large, xml_too_many_attributes; each with
 * offset. ERR_LIMIT / ERR_BUSY of the arena. */

#include "base/arena.h"
#include "base/text.h"

enum {
    XML_BYTES_MAX = 16 << 20,
    XML_DEPTH_MAX = 64,
    XML_NODES_MAX = 200000,
    XML_ATTRIBUTES_MAX = 64
};

struct xml_attribute {
    struct text space; /* of a prefixed one, "" otherwise */
    struct text name;
    struct text value;
};

/* An element, or a stretch of text (then `name` is empty). */
struct xml_node {
    struct text space; /* namespace name, "" = none */
    struct text name;  /* local name */
    struct text text;  /* of a text */
    size_t offset;     /* where it ends (element: its start tag) */
    struct xml_attribute *attributes;
    size_t attribute_count;
    struct xml_node *parent;
    struct xml_node *first;
    struct xml_node *last;
    struct xml_node *next;
};

struct xml_document {
    struct xml_node *root;
    bool is_misdeclared; /* in another encoding than it declares */
    bool has_replaced;   /* characters that its encoding does not know became U+FFFD */
};

MUST_CHECK bool xml_parse(struct span bytes, struct arena *arena,
                          struct xml_document *document, struct err *err);
/* Do these bytes begin as XML does: a mark, space, then '<' and a name, '?' or '!'? */
bool xml_detect(struct span bytes);

bool xml_is(const struct xml_node *node, const char *name);
/* The first child element with that local name; NULL when there is none, or no node. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
/* The same for the next sibling element with that name. */
const struct xml_node *xml_next(const struct xml_node *node, const char *name);
/* Down a path of local names, "recordTarget/patientRole/patient". */
const struct xml_node *xml_find(const struct xml_node *node, const char *path);
/* Value of an attribute without a prefix; "" when there is none, or no node. */
struct text xml_attribute(const struct xml_node *node, const char *name);
/* All text below a node, white space collapsed to single spaces and trimmed. */
MUST_CHECK bool xml_text(const struct xml_node *node, struct arena *arena,
                         struct text *text, struct err *err);
