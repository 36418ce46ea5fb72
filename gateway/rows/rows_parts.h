// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/rows: what goes over the socket between the gateway and its reader,
 * both of them the same program. A frame is a letter, the length of its body (32 bits,
 * little end first, as all numbers here) and the body. */

#include "gateway/rows/rows.h"

enum {
    ROWS_FRAME_HEAD = 5,
    ROWS_BODY_MAX = 8192,
    ROWS_CONNECTION_MAX = 1024,
    ROWS_TEXTS = 8,
    ROWS_TOO_LONG = 0xFFFF /* in place of a text's length */
};

/* Questions: connect (two numbers of 16 bits: seconds for the login and for a question;
 * then the connection string), newest, since (64 bits). Answers: row (flag, 64 bits, the
 * texts with their lengths of 16 bits), end (flag, 64 bits), fault. */
enum rows_letter {
    ROWS_CONNECT = 'C',
    ROWS_NEWEST = 'N',
    ROWS_SINCE = 'S',
    ROWS_TELL_ROW = 'R',
    ROWS_TELL_END = 'E',
    ROWS_TELL_FAULT = 'F'
};

enum rows_fault {
    ROWS_NO_DRIVER,
    ROWS_DOWN,
    ROWS_LOGIN,
    ROWS_PERMISSION,
    ROWS_NO_TABLE,
    ROWS_NO_COLUMN,
    ROWS_TIMEOUT,
    ROWS_OTHER,
    ROWS_FAULTS
};

/* What went wrong: a byte each for the fault and the column, and the SQLSTATE. */
struct rows_trouble {
    enum rows_fault fault;
    int column; /* of ROWS_NO_COLUMN */
    char state[6];
};

/* The columns that are read, as the guideline spells them; the texts come first. */
extern const char *const rows_columns[ROWS_TEXTS + 1];

static inline void rows_write_number(uint64_t value, int bytes, uint8_t *out)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t rows_read_number(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}
