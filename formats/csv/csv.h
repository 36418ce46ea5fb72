// SPDX-License-Identifier: Apache-2.0
#pragma once
/* CSV (RFC 4180) that Japanese offices open in Excel: UTF-8 with or without byte order
 * mark, CRLF, fields quoted where needed. Writing only.
 *
 * A field that a spreadsheet would run as a formula (it begins, after spaces, with
 * = + - @, their full-width forms, or a tab or carriage return) gets an apostrophe in
 * front; plain numbers such as -1.2 or +81 stay bare. Control characters other than line
 * breaks are made visible as U+2400 pictures, so that nothing hides in a cell; line
 * breaks become one LF inside quotes.
 *
 * Appends to a buf, which tells at the end whether all fitted. Misuse asserts. */

#include "base/buf.h"

enum csv_mark { CSV_WITHOUT_MARK, CSV_WITH_MARK };

struct csv_writer {
    struct buf *out;
    bool has_fields; /* in the row being written */
};

struct csv_writer csv_writer(struct buf *out, enum csv_mark mark);
void csv_text(struct csv_writer *writer, struct text text);
void csv_cstr(struct csv_writer *writer, const char *word);
void csv_int(struct csv_writer *writer, int64_t value);
/* "YYYY-MM-DD", empty for DAY_NONE. */
void csv_day(struct csv_writer *writer, int32_t day);
/* Ends the row; a row without fields is refused by assert. */
void csv_end_row(struct csv_writer *writer);
