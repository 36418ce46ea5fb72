// SPDX-License-Identifier: Apache-2.0
/* The reader's side of the socket. It may wait as long as it likes, and ends at the first
 * fault: a new one begins afresh. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/path.h"
#include "base/secret.h"
#include "gateway/rows/rows_driver.h"

enum { OUT_BYTES = 64 * 1024, TOLD_MS = 1000 };

struct teller {
    int socket;
    struct clock clock;
    int64_t told_ms; /* monotonic */
    size_t len;
    uint8_t out[OUT_BYTES];
};

static bool send_all(int socket, const uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(socket, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool flush(struct teller *teller)
{
    size_t len = teller->len;
    teller->len = 0;
    teller->told_ms = clock_monotonic_ms(&teller->clock);
    return send_all(teller->socket, teller->out, len);
}

/* Rows gather, but not for long: who waits for them counts our silence. */
static bool tell(struct teller *teller, uint8_t letter, const uint8_t *body, size_t len)
{
    bool is_due = clock_monotonic_ms(&teller->clock) - teller->told_ms >= TOLD_MS ||
                  teller->len + ROWS_FRAME_HEAD + len > sizeof teller->out;
    if (is_due && !flush(teller))
        return false;
    uint8_t *at = teller->out + teller->len;
    at[0] = letter;
    rows_write_number(len, 4, at + 1);
    memcpy(at + ROWS_FRAME_HEAD, body, len);
    teller->len += ROWS_FRAME_HEAD + len;
    return true;
}

static bool tell_trouble(struct teller *teller, const struct rows_trouble *trouble)
{
    uint8_t body[7] = {(uint8_t)trouble->fault, (uint8_t)trouble->column};
    memcpy(body + 2, trouble->state, 5);
    (void)!(tell(teller, ROWS_TELL_FAULT, body, sizeof body) && flush(teller));
    return false;
}

static bool tell_end(struct teller *teller, bool has_stamp, int64_t stamp_s)
{
    uint8_t body[9] = {has_stamp};
    rows_write_number((uint64_t)stamp_s, 8, body + 1);
    return tell(teller, ROWS_TELL_END, body, sizeof body) && flush(teller);
}

static bool tell_newest(struct teller *teller, struct rows_driver *driver)
{
    struct rows_trouble trouble = {0};
    bool has_stamp = false;
    int64_t stamp_s = 0;
    return rows_driver_newest(driver, &has_stamp, &stamp_s, &trouble)
               ? tell_end(teller, has_stamp, stamp_s)
               : tell_trouble(teller, &trouble);
}

static bool tell_since(struct teller *teller, struct rows_driver *driver, int64_t since_s)
{
    struct rows_trouble trouble = {0};
    uint8_t body[ROWS_BODY_MAX];
    size_t len = 0;
    if (!rows_driver_since(driver, since_s, &trouble))
        return tell_trouble(teller, &trouble);
    do {
        if (!rows_driver_next(driver, body, &len, &trouble))
            return tell_trouble(teller, &trouble);
        if (len > 0 && !tell(teller, ROWS_TELL_ROW, body, len))
            return false;
    } while (len > 0);
    return tell_end(teller, false, 0);
}

static bool read_all(int socket, uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t got = read(socket, at, len);
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* A question; false when there will be none any more. */
static bool take_question(int socket, uint8_t *letter, uint8_t body[ROWS_BODY_MAX],
                          size_t *len)
{
    uint8_t head[ROWS_FRAME_HEAD];
    if (!read_all(socket, head, sizeof head))
        return false;
    *letter = head[0];
    *len = (size_t)rows_read_number(head + 1, 4);
    return *len < ROWS_BODY_MAX && read_all(socket, body, *len);
}

static struct rows_driver *open_driver(struct teller *teller, uint8_t *body, size_t len)
{
    enum { NUMBERS = 4 };
    struct rows_trouble trouble = {0};
    struct rows_limits limits = {(int)rows_read_number(body, 2),
                                 (int)rows_read_number(body + 2, 2)};
    if (len < NUMBERS)
        return NULL;
    body[len] = '\0';
    struct rows_driver *driver =
        rows_driver_open((const char *)body + NUMBERS, &limits, &trouble);
    secret_wipe(body, len);
    if (!driver)
        (void)!tell_trouble(teller, &trouble);
    return driver;
}

static void answer(struct teller *teller)
{
    uint8_t body[ROWS_BODY_MAX];
    uint8_t letter = 0;
    size_t len = 0;
    CLEANUP(rows_driver_close) struct rows_driver *driver = NULL;
    bool goes_on = true;
    while (goes_on && take_question(teller->socket, &letter, body, &len)) {
        if (letter == ROWS_CONNECT && !driver)
            goes_on = (driver = open_driver(teller, body, len)) != NULL;
        else if (letter == ROWS_NEWEST && driver)
            goes_on = tell_newest(teller, driver);
        else if (letter == ROWS_SINCE && driver && len == 8)
            goes_on = tell_since(teller, driver, (int64_t)rows_read_number(body, 8));
        else
            goes_on = false;
    }
}

/* It ends with the gateway, and when memory is short, before it. */
static void become_reader(void)
{
    CLEANUP(path_close)
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, "1000", 4) : 0;
    (void)written; /* a wish */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void rows_serve(int socket)
{
    struct err err = {0};
    static const struct teller nothing;
    struct teller teller = nothing;
    become_reader();
    if (!secret_start(&err)) /* leaves no core, in which the password would lie */
        return;
    teller.socket = socket;
    teller.clock = clock_system();
    answer(&teller);
}
