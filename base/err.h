// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Errors as values. A `struct err` lives on the caller's stack, starts as ERR_NONE
 * (`struct err err = {0};`) and is set once, where the fault is found; failing never
 * allocates. Functions that can fail return bool (false = err is set) or a pointer
 * (NULL = err is set) and take the err last.
 *
 * `code` is a stable reason such as "link_missing" or "hl7_segment_cut": it points to a
 * string literal, reaches users through catalogues, and is part of the interface.
 * `text` is for operators. Neither ever holds a patient's data.
 *
 * The kinds, with their HTTP status and HL7 acknowledgement, are in err_kinds.def. */

#include <stdbool.h>
#include <stdint.h>

enum err_kind {
    ERR_NONE = 0,
#define ERR_KIND(kind, name, http, hl7) kind,
#include "base/err_kinds.def"
#undef ERR_KIND
};

enum { ERR_TEXT_MAX = 160 };

struct err {
    enum err_kind kind;
    const char *code;   /* stable reason code, a literal */
    uint64_t offset;    /* byte offset into the input, for parsers */
    const char *clause; /* clause of the standard, a literal, or NULL */
    char text[ERR_TEXT_MAX];
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Sets the error and returns false, so that `return err_set(err, …)` reads well.
 * Asserts that the error was not set before. */
bool err_set(struct err *err, enum err_kind kind, const char *code, const char *format,
             ...) __attribute__((format(printf, 4, 5)));

/* The same for parsers: offset in bytes and clause of the standard. */
bool err_at(struct err *err, enum err_kind kind, const char *code, uint64_t offset,
            const char *clause);

/* Forgets an error that was dealt with, so that the struct can be used again. */
void err_clear(struct err *err);

/* "syntax", "limit", "refused" … */
const char *err_kind_name(enum err_kind kind);
/* 400, 413, 403 … */
int err_http_status(enum err_kind kind);
/* "AE" or "AR" */
const char *err_hl7_ack(enum err_kind kind);
