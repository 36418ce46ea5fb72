// SPDX-License-Identifier: Apache-2.0
#include "exchange/note/note.h"

enum { UID_BYTES_MAX = 64, NUMBER_BYTES_MAX = 12 };

const char *note_refusal(enum note_step step, const struct note_facts *facts)
{
    if (!facts->is_of_facility || step >= NOTE_STEP_COUNT)
        return "not_found";
    bool is_allowed = facts->is_author || (step == NOTE_WITHDRAW && facts->is_manager);
    if (!is_allowed)
        return "note_not_author";
    if (facts->state != NOTE_WRITTEN)
        return "note_withdrawn";
    return facts->is_newest ? NULL : "note_changed";
}

static bool is_written_letter(char letter)
{
    unsigned char byte = (unsigned char)letter;
    return (byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t';
}

bool note_check_text(struct text text, size_t characters_max, struct err *err)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_written_letter(text.at[i]))
            return err_set(err, ERR_SYNTAX, "note_text", "a control character");
    return text_count(text) <= characters_max ||
           err_set(err, ERR_SYNTAX, "note_text", "more than %zu characters",
                   characters_max);
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_letter(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

bool note_check_uid(struct text uid, struct err *err)
{
    bool is_good = uid.len > 0 && uid.len <= UID_BYTES_MAX;
    for (size_t i = 0; is_good && i < uid.len; i++)
        is_good = is_digit(uid.at[i]) || is_letter(uid.at[i]) || uid.at[i] == '.' ||
                  uid.at[i] == '-';
    return is_good || err_set(err, ERR_SYNTAX, "note_look", "no UID");
}

/* As the contract of getFrame has it. */
static bool is_number(struct span number)
{
    bool has_digit = false;
    for (size_t i = 0; i < number.len; i++) {
        if (number.at[i] != '.' && !is_digit((char)number.at[i]))
            return false;
        has_digit = has_digit || number.at[i] != '.';
    }
    return has_digit && number.len <= NUMBER_BYTES_MAX;
}

bool note_check_shades(struct text shades, struct err *err)
{
    struct span rest = text_span(shades);
    struct span center;
    if (shades.len == 0)
        return true;
    bool is_pair = span_take(&rest, ',', &center) && rest.at;
    return (is_pair &&
            is_number(span_part(center, span_starts(center, "-"), center.len)) &&
            is_number(rest)) ||
           err_set(err, ERR_SYNTAX, "note_look", "no centre and width");
}
