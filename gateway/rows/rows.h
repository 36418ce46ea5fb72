// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The rows of a hospital's index database (SS-MIX2 clause 2.10): table SSMIXIDX in the
 * hospital's own DBMS, read through ODBC, never written. What a row means is the
 * collector's affair (gateway/collect).
 *
 * A driver is somebody else's code: it may wait for ever, whatever its timeouts say, it
 * may crash, and it does not belong beside keys and patients' data. So it lives in a
 * process of its own, the reader: this program run again (rows_serve), which is told the
 * connection string over a socket and tells rows over it. Whoever asks never waits: there
 * is something to take or there is not. A reader that says nothing for too long is
 * killed, and the next question starts another.
 *
 * Reasons (ERR_BUSY): index_database_driver (no such driver, or it cannot be loaded),
 * _down (not there, or cut), _login, _permission, _table (SSMIXIDX is not there or cannot
 * be read), _column (one of its columns is missing), _timeout, _failed (anything else,
 * with its SQLSTATE), _silent (killed for saying nothing), _ended (the reader died),
 * _garbled (what it said is not in our format), _secret (the file of the connection
 * string cannot be used), _reader (it cannot be started). */

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

struct rows; /* *owned*; one thread at a time */

struct rows_config {
    const char *connection_file; /* one line; see rows_check_secret */
    const char *program;         /* NULL = this one */
    int timeout_s;               /* how long one question may take */
    struct clock clock;
};
MUST_CHECK struct rows *rows_open(const struct rows_config *config, struct err *err);
void rows_close(struct rows *rows);
/* A connection string holds a password: the file is owned by root or by this user, others
 * have no access, its group cannot write; one line of printable ASCII. */
MUST_CHECK bool rows_check_secret(const char *file, struct err *err);

/* One row. Texts without the spaces at their end that CHAR columns have; nothing about
 * them is checked, but what is too long for its column is said instead of given. */
struct rows_row {
    bool has_stamp;
    int64_t stamp_s; /* UpdateDatetime in the database's own clock, since 1970 */
    struct span facility;
    struct span patient;
    struct span day;
    struct span type;
    struct span key;
    struct span action;
    struct span directory;
    struct span file;
    bool is_too_long; /* one of them, which is empty then */
};

/* Asks for the rows since then, oldest first; NULL: for the time of the newest alone.
 * Nothing else may have been asked. Starts a reader when there is none. */
MUST_CHECK bool rows_ask(struct rows *rows, const int64_t *since_s, struct err *err);
enum rows_step {
    ROWS_WAIT, /* nothing to take yet */
    ROWS_ROW,
    ROWS_END,   /* the answer is whole; after rows_ask(NULL) the row has the stamp */
    ROWS_FAILED /* err is set, the reader is gone */
};
/* The row's texts live until the next call. */
enum rows_step rows_take(struct rows *rows, struct rows_row *row, struct err *err);
/* There is something to take, or the reader was silent for too long. */
bool rows_has_news(struct rows *rows);
/* To be polled for reading; -1 = none. */
int rows_fd(const struct rows *rows);
/* Forgets what was asked, and ends the reader. */
void rows_drop(struct rows *rows);

/* The reader: answers over this socket until its other end is closed. */
void rows_serve(int socket);
