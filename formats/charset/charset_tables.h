// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/charset: the tables that tools/gen/charset.py makes. 94 × 94 cells
 * of 16-bit Unicode, 0 = not assigned. */

#include <stddef.h>
#include <stdint.h>

enum {
    CHARSET_CELLS = 94,
    CHARSET_TABLE_SIZE = CHARSET_CELLS * CHARSET_CELLS,
    CHARSET_IBM_FIRST_ROW = 115, /* CP932 FA40 */
    CHARSET_IBM_ROWS = 5,
    CHARSET_IBM_SIZE = CHARSET_IBM_ROWS * CHARSET_CELLS,
};

extern const uint16_t charset_jisx0208[CHARSET_TABLE_SIZE];
extern const uint16_t charset_jisx0212[CHARSET_TABLE_SIZE];
extern const uint16_t charset_ibm[CHARSET_IBM_SIZE];
/* JIS X 0208 codes (0x2121 …) by Unicode, both in the order of charset_back_unicode. */
extern const uint16_t charset_back_unicode[];
extern const uint16_t charset_back_jis[];
extern const size_t charset_back_count;
