// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

struct line {
    char at[LINE_MAX_BYTES];
    size_t len;
    bool is_full;
};

/* Two bytes stay free for the end of the line. */
static void put(struct line *line, const char *string)
{
    size_t len = strlen(string);
    if (len > sizeof line->at - line->len - 2) {
        line->is_full = true;
        return;
    }
    memcpy(line->at + line->len, string, len);
    line->len += len;
}

static void put_quoted(struct line *line, const char *word)
{
    char one[2] = {0};
    put(line, "\"");
    for (; *word; word++) {
        bool is_plain = *word >= 0x20 && *word < 0x7F && *word != '"' && *word != '\\';
        one[0] = is_plain ? *word : '?';
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

/* A pair that does not fit is left out, so that the line stays an object. */
static void put_pair(struct line *line, const struct log_pair *pair)
{
    size_t before = line->len;
    put(line, before > 0 ? "," : "{");
    put_quoted(line, pair->key);
    put(line, ":");
    if (pair->word)
        put_quoted(line, pair->word);
    else
        put_number(line, pair->number);
    if (line->is_full)
        line->len = before;
    line->is_full = false;
}

void log_pairs(const struct log *log, const char *event, const struct log_pair *pairs,
               int count)
{
    struct line line = {.len = 0};
    const struct log_pair first[] = {LOG_NUMBER("ms", clock_wall_ms(&log->clock)),
                                     LOG_WORD("node", log->node),
                                     LOG_WORD("event", event)};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        put_pair(&line, &first[i]);
    for (int i = 0; i < count; i++)
        put_pair(&line, &pairs[i]);
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
