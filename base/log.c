// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

struct line {
    char at[LINE_MAX_BYTES];
    size_t len;
};

static void put(struct line *line, const char *string)
{
    size_t len = strlen(string);
    if (len > sizeof line->at - line->len - 4)
        return; /* a line that is too long loses this piece, not its end */
    memcpy(line->at + line->len, string, len);
    line->len += len;
}

static void put_quoted(struct line *line, const char *word)
{
    char one[2] = {0};
    put(line, "\"");
    for (; *word; word++) {
        one[0] =
            *word < 0x20 || *word == '"' || *word == '\\' || *word == 0x7F ? '?' : *word;
        put(line, one);
    }
    put(line, "\"");
}

static void put_number(struct line *line, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    put(line, digits);
}

void log_pairs(const struct log *log, const char *event, const struct log_pair *pairs,
               int count)
{
    struct line line = {.len = 0};
    put(&line, "{\"ms\":");
    put_number(&line, clock_wall_ms(&log->clock));
    put(&line, ",\"node\":");
    put_quoted(&line, log->node);
    put(&line, ",\"event\":");
    put_quoted(&line, event);
    for (int i = 0; i < count; i++) {
        put(&line, ",");
        put_quoted(&line, pairs[i].key);
        put(&line, ":");
        if (pairs[i].word)
            put_quoted(&line, pairs[i].word);
        else
            put_number(&line, pairs[i].number);
    }
    line.at[line.len++] = '}';
    line.at[line.len++] = '\n';
    ssize_t written = write(log->fd, line.at, line.len);
    (void)written; /* a log that cannot be written has nowhere to say so */
}

void log_err(const struct log *log, const char *event, const struct err *err)
{
    LOG(log, event, LOG_WORD("kind", err_kind_name(err->kind)),
        LOG_WORD("code", err->code), LOG_NUMBER("offset", err->offset),
        LOG_WORD("text", err->text));
}
