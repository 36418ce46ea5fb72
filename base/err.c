// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct kind_row {
    const char *name;
    int http_status;
    const char *hl7_ack;
};

static const struct kind_row kind_rows[] = {
    [ERR_NONE] = {"none", 200, "AA"},
#define ERR_KIND(kind, name, http, hl7) [kind] = {name, http, hl7},
#include "base/err_kinds.def"
#undef ERR_KIND
};

bool err_set(struct err *err, enum err_kind kind, const char *code, const char *format,
             ...)
{
    assert(err->kind == ERR_NONE && kind != ERR_NONE);
    err->kind = kind;
    err->code = code;
    err->offset = 0;
    err->clause = NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return false;
}

bool err_at(struct err *err, enum err_kind kind, const char *code, uint64_t offset,
            const char *clause)
{
    err_set(err, kind, code, "%s at byte %llu (%s)", code, (unsigned long long)offset,
            clause ? clause : "no clause");
    err->offset = offset;
    err->clause = clause;
    return false;
}

void err_clear(struct err *err)
{
    memset(err, 0, sizeof *err);
}

const char *err_kind_name(enum err_kind kind)
{
    return kind_rows[kind].name;
}

int err_http_status(enum err_kind kind)
{
    return kind_rows[kind].http_status;
}

const char *err_hl7_ack(enum err_kind kind)
{
    return kind_rows[kind].hl7_ack;
}
