// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/day.h"
#include "cli/admin/admin.h"

static bool usage(struct err *err, const char *what, const char *word)
{
    return err_set(err, ERR_SYNTAX, "usage", "%s %s", what, word);
}

/* A word of a person at a terminal: UTF-8 of one line. */
static bool read_word(const char *word, struct text *text, struct err *err)
{
    struct span bytes = span_cstr(word);
    if (bytes.len > ADMIN_WORD_BYTES_MAX)
        return usage(err, "too long:", "a word");
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] < 0x20 || bytes.at[i] == 0x7F)
            return usage(err, "control characters in", "a word");
    return text_from_utf8(bytes, text, err);
}

static bool is_option(const char *word)
{
    return word && strncmp(word, "--", 2) == 0;
}

bool admin_take_or(struct admin *admin, const char *option, struct text *value,
                   struct err *err)
{
    struct admin_words *words = &admin->words;
    for (int i = 0; i < words->count; i++) {
        if (!words->at[i] || strcmp(words->at[i], option) != 0)
            continue;
        if (i + 1 >= words->count || !words->at[i + 1])
            return usage(err, "a value is missing behind", option);
        const char *word = words->at[i + 1];
        words->at[i] = words->at[i + 1] = NULL;
        return read_word(word, value, err);
    }
    return true;
}

bool admin_take(struct admin *admin, const char *option, struct text *value,
                struct err *err)
{
    *value = TEXT("");
    return admin_take_or(admin, option, value, err) &&
           (!text_is_empty(*value) || usage(err, "missing:", option));
}

bool admin_take_day_or(struct admin *admin, const char *option, int32_t *day,
                       struct err *err)
{
    struct text word = TEXT("");
    if (!admin_take_or(admin, option, &word, err))
        return false;
    if (text_is_empty(word))
        return true;
    *day = day_from_iso(text_span(word));
    return *day != DAY_NONE || usage(err, "YYYY-MM-DD is wanted behind", option);
}

bool admin_take_number_or(struct admin *admin, const char *option, int64_t max,
                          int64_t *number, struct err *err)
{
    struct text word = TEXT("");
    uint64_t value = 0;
    if (!admin_take_or(admin, option, &word, err))
        return false;
    if (text_is_empty(word))
        return true;
    if (!span_uint(text_span(word), (uint64_t)max, &value))
        return usage(err, "a number is wanted behind", option);
    *number = (int64_t)value;
    return true;
}

bool admin_next(struct admin *admin, struct text *word, struct err *err)
{
    struct admin_words *words = &admin->words;
    for (int i = 0; i < words->count; i++) {
        if (!words->at[i])
            continue;
        if (is_option(words->at[i]))
            return usage(err, "unknown:", words->at[i]);
        const char *found = words->at[i];
        words->at[i] = NULL;
        return read_word(found, word, err);
    }
    return usage(err, "a word is missing", "");
}

bool admin_has_more(const struct admin *admin)
{
    for (int i = 0; i < admin->words.count; i++)
        if (admin->words.at[i])
            return true;
    return false;
}

bool admin_no_more(const struct admin *admin, struct err *err)
{
    for (int i = 0; i < admin->words.count; i++)
        if (admin->words.at[i])
            return usage(err, "too much:", admin->words.at[i]);
    return true;
}

void admin_end_line(struct admin *admin)
{
    buf_byte(&admin->out, '\n');
    admin->writer = json_writer(&admin->out);
}
