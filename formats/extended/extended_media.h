// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/extended: what a file is, by its first bytes. */

#include "base/span.h"

enum extended_media {
    EXTENDED_CDA,
    EXTENDED_HL7,
    EXTENDED_TEXT,
    EXTENDED_MFER,
    EXTENDED_FILE, /* anything that is not taken apart here */
};

struct extended_format {
    enum extended_media media;
    const char *media_type; /* of the original, for the screen */
    const char *words;      /* Japanese */
    bool is_picture;
};

/* Never fails: what is not known is "application/octet-stream". The name only tells plain
 * text from what is to be shown to nobody as text (HTML, scripts). */
struct extended_format extended_find_format(struct span file, struct span bytes);
