// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/cda. */

#include "base/buf.h"
#include "formats/cda/cda.h"

enum { CDA_WAITING_MAX = 64, CDA_MEDIA_NODES_MAX = 256 };

/* The body while it is taken apart. After the first error every word here changes
 * nothing, and `err` says why. */
struct cda_reader {
    struct arena *arena;
    struct err *err;
    struct entry_list *list;
    struct entry *entry;
    struct cda_document *document;
    const struct xml_node *root;
    size_t blocks;
    size_t text_bytes;
    bool is_cut;
    struct buf line; /* the paragraph that is being filled */
    /* What running text refers to: it stands behind the block that it is in. */
    const struct xml_node *waiting[CDA_WAITING_MAX];
    size_t waiting_count;
    const struct xml_node **nodes; /* those of media in the whole document */
    size_t node_count;
};

bool cda_is_good(const struct cda_reader *reader);
/* Once per code. */
void cda_warn(struct cda_reader *reader, const char *code, size_t offset,
              struct text text);
struct entry_item *cda_item(struct cda_reader *reader, const char *type,
                            size_t field_capacity);
/* Behind the limits nothing is taken any more, and it is said once. */
bool cda_has_room(struct cda_reader *reader);
/* The filled line as text; empties it. */
struct text cda_take_line(struct cda_reader *reader);

/* section.text */
void cda_read_narrative(struct cda_reader *reader, const struct xml_node *text);
void cda_read_table(struct cda_reader *reader, const struct xml_node *table);
/* Everything below as running text into the line. */
void cda_fill_line(struct cda_reader *reader, const struct xml_node *node);

/* ---- what the text refers to (cda_media.c) ---- */
/* renderMultiMedia as a block of its own. */
void cda_put_figure(struct cda_reader *reader, const struct xml_node *node);
/* renderMultiMedia inside running text: a word for it, and it waits. */
void cda_mention(struct cda_reader *reader, const struct xml_node *node);
/* linkHtml: when it names a file beside the document, that waits. */
void cda_note_link(struct cda_reader *reader, const struct xml_node *node);
/* What waits comes now. */
void cda_put_waiting(struct cda_reader *reader);
/* nonXMLBody/text */
void cda_put_embedded(struct cda_reader *reader, const struct xml_node *text);
