// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/extended: what belongs to a document besides itself. */

#include "formats/cda/cda.h"
#include "formats/extended/extended.h"
#include "formats/extended/extended_media.h"

enum { EXTENDED_PARTS_MAX = 80 };

struct extended_part {
    struct text name; /* "" = inside the document */
    size_t size_bytes;
    struct extended_format format;
    const struct xml_node *value; /* NULL = a file */
    bool is_file;
};

struct extended_parts {
    struct extended_part at[EXTENDED_PARTS_MAX];
    size_t count;
};

/* Numbers what there is and lets the items of the text point to it. Without a name, or
 * without a CDA document, there is less. */
MUST_CHECK bool extended_find_parts(const struct extended_name *name,
                                    const struct cda_document *document,
                                    struct extended_parts *parts, struct arena *arena,
                                    struct err *err);
/* One item for each. */
MUST_CHECK bool extended_put_parts(const struct extended_parts *parts,
                                   struct entry *entry, struct arena *arena,
                                   struct err *err);
