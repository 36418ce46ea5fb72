// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/ssmix: the code tables of ssmix_codes.def. */

#include "base/text.h"

enum ssmix_table {
    SSMIX_TABLE_NONE,
#define TABLE(name) SSMIX_TABLE_##name,
#define ROW(code, text)
#define END
#include "formats/ssmix/ssmix_codes.def"
#undef TABLE
#undef ROW
#undef END
    SSMIX_TABLE_COUNT
};

/* An empty text for codes that the table does not hold. Spaces around the code do not
 * count, full-width letters and digits are those of ASCII. */
struct text ssmix_code_text(enum ssmix_table table, struct span code);
/* Full-width letters, digits and signs (U+FF01 to U+FF5E) as ASCII, into `out`; the text
 * itself when it holds anything else that is not ASCII, or more than `max` characters. */
struct span ssmix_narrow(struct span text, uint8_t out[], size_t max);
