// SPDX-License-Identifier: Apache-2.0
#include "gateway/rows/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/secret.h"
#include "gateway/rows/rows_parts.h"

enum {
    IN_BYTES = 64 * 1024,
    LOGIN_S_MAX = 15,
    GRACE_MS = 5000 /* beyond what the driver was told to wait at most */
};

extern char **environ;

struct rows {
    struct rows_config config;
    struct child_process reader;
    int socket;
    bool is_asked;
    int64_t heard_ms; /* monotonic */
    size_t from;      /* of what was not taken yet */
    size_t len;
    uint8_t in[IN_BYTES];
};

/* ---- the connection string ---- */

static bool secret_fault(struct err *err, const char *text)
{
    return err_set(err, ERR_REFUSED, "index_database_secret", "%s", text);
}

static bool is_private(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_uid == 0 || status.st_uid == geteuid()) &&
           (status.st_mode & (S_IRWXO | S_IWGRP)) == 0;
}

/* Its length; 0 = not usable. */
static size_t read_line(int fd, char line[ROWS_CONNECTION_MAX + 2])
{
    ssize_t got = pread(fd, line, ROWS_CONNECTION_MAX + 2, 0);
    size_t len = got > 0 ? (size_t)got : 0;
    if (len > 0 && line[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++)
        if (line[i] < 0x20 || line[i] > 0x7E)
            return 0;
    return len <= ROWS_CONNECTION_MAX ? len : 0;
}

static bool read_secret(const char *file, char line[ROWS_CONNECTION_MAX + 2], size_t *len,
                        struct err *err)
{
    CLEANUP(path_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return secret_fault(err, "the connection string's file cannot be opened");
    if (!is_private(fd))
        return secret_fault(err, "the connection string's file: owner root or this user, "
                                 "nothing for others, no writing for its group");
    *len = read_line(fd, line);
    return *len > 0 || secret_fault(err, "a connection string is one line of ASCII, "
                                         "at most 1024 bytes");
}

bool rows_check_secret(const char *file, struct err *err)
{
    char line[ROWS_CONNECTION_MAX + 2];
    size_t len = 0;
    bool is_fine = read_secret(file, line, &len, err);
    secret_wipe(line, sizeof line);
    return is_fine;
}

/* ---- the reader ---- */

struct rows *rows_open(const struct rows_config *config, struct err *err)
{
    struct rows *rows = memory_new(1, sizeof *rows, err);
    if (!rows)
        return NULL;
    rows->config = *config;
    rows->socket = -1;
    return rows;
}

void rows_drop(struct rows *rows)
{
    path_close(&rows->socket);
    rows->socket = -1;
    rows->is_asked = false;
    rows->from = rows->len = 0;
    child_process_kill(&rows->reader); /* and what a driver may have started */
}

/* What does not die is left behind. */
void rows_close(struct rows *rows)
{
    enum { PATIENCE_MS = 2000 };
    if (!rows)
        return;
    rows_drop(rows);
    (void)child_process_is_gone(&rows->reader, PATIENCE_MS, NULL);
    memory_free(rows);
}

/* It has the socket as its input, and nothing else that is open here: what a driver says
 * on its output goes nowhere. */
static int spawn(struct rows *rows, int theirs)
{
    static const char *const words[] = {"gateway", "--read-rows", NULL};
    struct child_start start = {.program = rows->config.program,
                                .arguments = words,
                                .environment = environ,
                                .input = theirs,
                                .memory = -1};
    return child_process_start(&rows->reader, &start);
}

static bool start(struct rows *rows, struct err *err)
{
    enum { PATIENCE_MS = 200 };
    int ends[2];
    if (!child_process_is_gone(&rows->reader, PATIENCE_MS, NULL))
        return err_set(err, ERR_BUSY, "index_database_reader",
                       "the reader before is not gone yet");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return err_set(err, ERR_BUSY, "index_database_reader", "no socket");
    int failed = spawn(rows, ends[1]);
    path_close(&ends[1]);
    rows->socket = ends[0];
    if (!failed)
        return true;
    rows_drop(rows);
    return err_set(err, ERR_BUSY, "index_database_reader", "no process (error %d)",
                   failed);
}

/* What is sent is short, and the other side takes it before it answers: it always fits.
 * If it does not, the reader is none. */
static bool send_frame(struct rows *rows, uint8_t letter, const void *body, size_t len)
{
    uint8_t frame[ROWS_FRAME_HEAD + 4 + ROWS_CONNECTION_MAX];
    frame[0] = letter;
    rows_write_number(len, 4, frame + 1);
    memcpy(frame + ROWS_FRAME_HEAD, body, len);
    size_t size = ROWS_FRAME_HEAD + len;
    bool is_sent =
        send(rows->socket, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
    secret_wipe(frame, sizeof frame);
    return is_sent;
}

static bool connect_reader(struct rows *rows, struct err *err)
{
    enum { NUMBERS = 4 };
    char line[ROWS_CONNECTION_MAX + 2];
    uint8_t body[NUMBERS + ROWS_CONNECTION_MAX];
    size_t len = 0;
    int query_s = rows->config.timeout_s;
    if (!read_secret(rows->config.connection_file, line, &len, err))
        return false;
    rows_write_number((uint64_t)(query_s < LOGIN_S_MAX ? query_s : LOGIN_S_MAX), 2, body);
    rows_write_number((uint64_t)query_s, 2, body + 2);
    memcpy(body + NUMBERS, line, len);
    bool is_sent = start(rows, err) &&
                   (send_frame(rows, ROWS_CONNECT, body, NUMBERS + len) ||
                    err_set(err, ERR_BUSY, "index_database_ended", "the reader is gone"));
    secret_wipe(line, sizeof line);
    secret_wipe(body, sizeof body);
    return is_sent;
}

bool rows_ask(struct rows *rows, const int64_t *since_s, struct err *err)
{
    uint8_t body[8] = {0};
    if (since_s)
        rows_write_number((uint64_t)*since_s, 8, body);
    rows->heard_ms = clock_monotonic_ms(&rows->config.clock);
    rows->is_asked = true;
    bool is_sent =
        (rows->reader.pid > 0 || connect_reader(rows, err)) &&
        (send_frame(rows, since_s ? ROWS_SINCE : ROWS_NEWEST, body, since_s ? 8 : 0) ||
         err_set(err, ERR_BUSY, "index_database_ended", "the reader is gone"));
    if (!is_sent)
        rows_drop(rows);
    return is_sent;
}

/* ---- answers ---- */

int rows_fd(const struct rows *rows)
{
    return rows->is_asked ? rows->socket : -1;
}

static bool is_silent(const struct rows *rows)
{
    int64_t patience_ms = rows->config.timeout_s * INT64_C(1000) + GRACE_MS;
    return clock_monotonic_ms(&rows->config.clock) - rows->heard_ms > patience_ms;
}

bool rows_has_news(struct rows *rows)
{
    struct pollfd ready = {.fd = rows->socket, .events = POLLIN};
    return rows->is_asked &&
           (rows->len > 0 || poll(&ready, 1, 0) != 0 || is_silent(rows));
}

static enum rows_step failed(struct rows *rows)
{
    rows_drop(rows);
    return ROWS_FAILED;
}

static enum rows_step garbled(struct rows *rows, struct err *err)
{
    err_set(err, ERR_BUSY, "index_database_garbled",
            "the reader's answer makes no sense");
    return failed(rows);
}

static enum rows_step tell_fault(struct rows *rows, const uint8_t *body, size_t len,
                                 struct err *err)
{
    static const struct {
        const char *code;
        const char *text;
    } faults[ROWS_FAULTS] = {
        [ROWS_NO_DRIVER] = {"index_database_driver", "the ODBC driver cannot be used"},
        [ROWS_DOWN] = {"index_database_down", "not there, or the connection broke"},
        [ROWS_LOGIN] = {"index_database_login", "the login was refused"},
        [ROWS_PERMISSION] = {"index_database_permission", "reading is not permitted"},
        [ROWS_NO_TABLE] = {"index_database_table", "SSMIXIDX cannot be read"},
        [ROWS_NO_COLUMN] = {"index_database_column", "a column is missing"},
        [ROWS_TIMEOUT] = {"index_database_timeout", "it took too long"},
        [ROWS_OTHER] = {"index_database_failed", "the driver reports a fault"},
    };
    if (len != 7 || body[0] >= ROWS_FAULTS)
        return garbled(rows, err);
    for (int i = 2; i < 7; i++)
        if (body[i] != '?' && (body[i] < '0' || body[i] > 'Z'))
            return garbled(rows, err);
    bool has_column = body[0] == ROWS_NO_COLUMN && body[1] <= ROWS_TEXTS;
    err_set(err, ERR_BUSY, faults[body[0]].code, "%s%s%s (SQLSTATE %.5s)",
            faults[body[0]].text, has_column ? ": " : "",
            has_column ? rows_columns[body[1]] : "", (const char *)body + 2);
    return failed(rows);
}

/* Every length is compared with what is left. */
static bool take_texts(const uint8_t *body, size_t len, struct rows_row *row)
{
    struct span *const texts[ROWS_TEXTS] = {&row->facility,  &row->patient, &row->day,
                                            &row->type,      &row->key,     &row->action,
                                            &row->directory, &row->file};
    size_t at = 9;
    for (int i = 0; i < ROWS_TEXTS; i++) {
        if (len - at < 2)
            return false;
        size_t size = (size_t)rows_read_number(body + at, 2);
        at += 2;
        row->is_too_long |= size == ROWS_TOO_LONG;
        size = size == ROWS_TOO_LONG ? 0 : size;
        if (size > len - at)
            return false;
        *texts[i] = span_of(body + at, size);
        at += size;
    }
    return at == len;
}

static enum rows_step take_frame(struct rows *rows, const uint8_t *frame, size_t len,
                                 struct rows_row *row, struct err *err)
{
    const uint8_t *body = frame + ROWS_FRAME_HEAD;
    if (frame[0] == ROWS_TELL_FAULT)
        return tell_fault(rows, body, len, err);
    if (len < 9 || body[0] > 1)
        return garbled(rows, err);
    row->has_stamp = body[0];
    row->stamp_s = (int64_t)rows_read_number(body + 1, 8);
    if (frame[0] == ROWS_TELL_ROW)
        return take_texts(body, len, row) ? ROWS_ROW : garbled(rows, err);
    if (frame[0] != ROWS_TELL_END || len != 9 || rows->len > 0)
        return garbled(rows, err);
    rows->is_asked = false;
    return ROWS_END;
}

/* False: nothing came. */
static bool receive(struct rows *rows, bool *is_closed)
{
    memmove(rows->in, rows->in + rows->from, rows->len);
    rows->from = 0;
    ssize_t got = recv(rows->socket, rows->in + rows->len, sizeof rows->in - rows->len,
                       MSG_DONTWAIT);
    *is_closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    rows->len += got > 0 ? (size_t)got : 0;
    if (got > 0)
        rows->heard_ms = clock_monotonic_ms(&rows->config.clock);
    return got > 0;
}

/* Size of the frame in front; 0 = it is not whole yet, or will never be. */
static size_t whole_frame(const struct rows *rows, bool *is_garbled)
{
    if (rows->len < ROWS_FRAME_HEAD)
        return 0;
    uint64_t body = rows_read_number(rows->in + rows->from + 1, 4);
    *is_garbled = body > ROWS_BODY_MAX;
    size_t size = ROWS_FRAME_HEAD + (size_t)body;
    return !*is_garbled && size <= rows->len ? size : 0;
}

static enum rows_step no_frame(struct rows *rows, bool is_closed, struct err *err)
{
    if (!is_closed && !is_silent(rows))
        return ROWS_WAIT;
    if (is_closed)
        err_set(err, ERR_BUSY, "index_database_ended", "the reader died");
    else
        err_set(err, ERR_BUSY, "index_database_silent",
                "no answer in time; the reader was ended");
    return failed(rows);
}

enum rows_step rows_take(struct rows *rows, struct rows_row *row, struct err *err)
{
    bool is_closed = false;
    bool is_garbled = false;
    *row = (struct rows_row){0};
    if (!rows->is_asked)
        return ROWS_WAIT;
    size_t size = whole_frame(rows, &is_garbled);
    if (size == 0 && !is_garbled && receive(rows, &is_closed))
        size = whole_frame(rows, &is_garbled);
    if (is_garbled)
        return garbled(rows, err);
    if (size == 0)
        return no_frame(rows, is_closed, err);
    const uint8_t *frame = rows->in + rows->from;
    rows->from += size;
    rows->len -= size;
    return take_frame(rows, frame, size - ROWS_FRAME_HEAD, row, err);
}
