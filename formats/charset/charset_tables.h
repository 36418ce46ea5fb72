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
    CHARSET_SINGLE_SETS = 11, /* CHARSET_SET_LATIN1 … _THAI */
    CHARSET_SINGLE_CELLS = 96,
    CHARSET_GB_LEADS = 126,  /* 81 … FE */
    CHARSET_GB_TRAILS = 190, /* 40 … 7E, 80 … FE */
};

extern const uint16_t charset_jisx0208[CHARSET_TABLE_SIZE];
extern const uint16_t charset_jisx0212[CHARSET_TABLE_SIZE];
extern const uint16_t charset_ibm[CHARSET_IBM_SIZE];
/* JIS X 0208 codes (0x2121 …) by Unicode, both in the order of charset_back_unicode. */
extern const uint16_t charset_back_unicode[];
extern const uint16_t charset_back_jis[];
extern const size_t charset_back_count;
extern const uint16_t charset_ksx1001[CHARSET_TABLE_SIZE];
extern const uint16_t charset_gb2312[CHARSET_TABLE_SIZE];
extern const uint16_t charset_single[CHARSET_SINGLE_SETS * CHARSET_SINGLE_CELLS];
extern const uint16_t charset_gb_pairs[CHARSET_GB_LEADS * CHARSET_GB_TRAILS];
/* Runs of the four-byte area: number of the first code, and what it is. */
extern const uint16_t charset_gb_from[];
extern const uint16_t charset_gb_unicode[];
extern const size_t charset_gb_count;
