// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The operator's log: one JSON line per event on a descriptor (stderr as a rule).
 * It takes only fixed words, numbers and ids: there is no way to hand it free text from
 * outside, so no patient's data can get into it. Threads may share one log; a line is
 * one write. */

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct log {
    int fd;
    struct clock clock;
    const char *node; /* literal or outliving the log: "centre", a facility code */
};

/* event: a literal such as "request"; then pairs of literal key and value ended by NULL:
 * log_event(log, "request", "status", 200LL, …) is written with the macros below. */
struct log_pair {
    const char *key;
    const char *word; /* a literal or one of our own identifiers; NULL = number */
    int64_t number;
};

#define LOG_WORD(key, word) ((struct log_pair){(key), (word), 0})
#define LOG_NUMBER(key, number) ((struct log_pair){(key), NULL, (int64_t)(number)})

void log_pairs(const struct log *log, const char *event, const struct log_pair *pairs,
               int count);
#define LOG(log, event, ...)                                                             \
    log_pairs(                                                                           \
        log, event, (const struct log_pair[]){__VA_ARGS__},                              \
        (int)(sizeof((const struct log_pair[]){__VA_ARGS__}) / sizeof(struct log_pair)))
/* Kind, code, offset of the error; its text too, which holds no patient's data. */
void log_err(const struct log *log, const char *event, const struct err *err);
