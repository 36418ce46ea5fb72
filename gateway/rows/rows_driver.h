// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/rows: ODBC 3 (ISO/IEC 9075-3, unixODBC) as far as it is needed here.
 * rows_driver.c alone includes its headers. Runs in the reader: every call may wait for
 * as long as the driver likes. Reading only, with fixed statements and one bound time. */

#include "gateway/rows/rows_parts.h"

struct rows_driver; /* *owned* */

struct rows_limits {
    int login_s;
    int query_s;
};
/* NULL: `trouble` says why. */
MUST_CHECK struct rows_driver *rows_driver_open(const char *connection,
                                                const struct rows_limits *limits,
                                                struct rows_trouble *trouble);
void rows_driver_close(struct rows_driver **driver); /* for CLEANUP */
/* The latest UpdateDatetime; false in `has_stamp` when the table is empty. */
MUST_CHECK bool rows_driver_newest(struct rows_driver *driver, bool *has_stamp,
                                   int64_t *stamp_s, struct rows_trouble *trouble);
MUST_CHECK bool rows_driver_since(struct rows_driver *driver, int64_t since_s,
                                  struct rows_trouble *trouble);
/* The next row as the body of a frame; `len` 0 = there is none. */
MUST_CHECK bool rows_driver_next(struct rows_driver *driver, uint8_t body[ROWS_BODY_MAX],
                                 size_t *len, struct rows_trouble *trouble);
