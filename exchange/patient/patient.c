// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient.h"

#include "base/buf.h"
#include "exchange/patient/patient_parts.h"
#include "formats/charset/charset.h"
#include "formats/json/json.h"

static const char *const state_ids[] = {
    [PATIENT_PROPOSED] = "proposed",   [PATIENT_CONFIRMED] = "confirmed",
    [PATIENT_SUSPENDED] = "suspended", [PATIENT_ENDED] = "ended",
    [PATIENT_REFUSED] = "refused",
};

const char *patient_record_state_id(enum patient_record_state state)
{
    return state_ids[state];
}

bool patient_record_state_parse(struct text id, enum patient_record_state *state)
{
    for (int i = 0; i < PATIENT_RECORD_STATE_COUNT; i++)
        if (text_is(id, state_ids[i])) {
            *state = (enum patient_record_state)i;
            return true;
        }
    return false;
}

/* No control characters; 1 … PATIENT_NAME_MAX bytes; not only spaces. */
static bool is_name(struct text name)
{
    if (name.len == 0 || name.len > PATIENT_NAME_MAX)
        return false;
    bool has_letter = false;
    uint32_t c = 0;
    while (text_next(&name, &c)) {
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            return false;
        has_letter = has_letter || (c != ' ' && c != 0x3000);
    }
    return has_letter;
}

/* Hiragana, katakana of both widths, long vowels, the dot between words, spaces. */
static bool is_kana(struct text kana)
{
    uint32_t c = 0;
    while (text_next(&kana, &c)) {
        bool is_kana_letter = c >= 0x3041 && c <= 0x30ff;
        bool is_half_width = c >= 0xff65 && c <= 0xff9f;
        if (!is_kana_letter && !is_half_width && c != ' ' && c != 0x3000)
            return false;
    }
    return true;
}

bool patient_check_person(const struct patient_person *person, int32_t today,
                          struct err *err)
{
    if (!is_name(person->name))
        return err_set(err, ERR_SYNTAX, "patient_name", "no name");
    if (!is_name(person->kana) || !is_kana(person->kana))
        return err_set(err, ERR_SYNTAX, "patient_kana", "kana and spaces only");
    if (person->birth_day == DAY_NONE || person->birth_day > today)
        return err_set(err, ERR_SYNTAX, "patient_birth_date", "no such day of birth");
    if (person->sex != 'M' && person->sex != 'F' && person->sex != 'O' &&
        person->sex != 'U')
        return err_set(err, ERR_SYNTAX, "patient_sex", "sex is M, F, O or U");
    if (person->phone.len > PATIENT_PHONE_MAX)
        return err_set(err, ERR_SYNTAX, "patient_phone", "too long");
    return true;
}

/* What systems use in patient numbers; everything else is a slip of the hand. */
static bool is_number_letter(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c == '-' || c == '_' || c == '.';
}

/* Full width to ASCII. */
static uint32_t fold_width(uint32_t c)
{
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

bool patient_fold_number(struct text number, struct arena *arena, struct text *folded,
                         struct err *err)
{
    char out[PATIENT_NUMBER_MAX + 1];
    size_t len = 0;
    uint32_t c = 0;
    bool is_valid = true;
    while (is_valid && text_next(&number, &c)) {
        c = fold_width(c);
        if (c == ' ' || c == 0x3000)
            continue;
        is_valid = is_number_letter(c) && len < PATIENT_NUMBER_MAX;
        if (is_valid)
            out[len++] = (char)c;
    }
    if (!is_valid || len == 0)
        return err_set(err, ERR_SYNTAX, "patient_number",
                       "a number has 1 to %d letters and digits", PATIENT_NUMBER_MAX);
    return text_copy((struct text){out, len}, arena, folded, err);
}

bool patient_fold_phone(struct text phone, struct arena *arena, struct text *folded,
                        struct err *err)
{
    char out[PATIENT_PHONE_MAX];
    size_t len = 0;
    uint32_t c = 0;
    while (text_next(&phone, &c)) {
        if (c >= 0xff10 && c <= 0xff19)
            c -= 0xfee0;
        if (c >= '0' && c <= '9' && len < sizeof out)
            out[len++] = (char)c;
    }
    return text_copy((struct text){out, len}, arena, folded, err);
}

const char *patient_match_id(enum patient_match match)
{
    static const char *const ids[] = {
        [PATIENT_MATCH_CONFIRMED] = "confirmed", [PATIENT_MATCH_MISMATCH] = "mismatch",
        [PATIENT_MATCH_UNKNOWN] = "unknown",     [PATIENT_MATCH_HELD] = "held",
        [PATIENT_MATCH_RATE] = "rate_limited",   [PATIENT_MATCH_AWAY] = "gateway_away",
    };
    return ids[match];
}

enum patient_record_state patient_state_after(enum patient_record_state state,
                                              enum patient_match match,
                                              const char **reason)
{
    *reason = "";
    switch (match) {
    case PATIENT_MATCH_CONFIRMED:
        return PATIENT_CONFIRMED;
    case PATIENT_MATCH_MISMATCH:
        *reason = "mismatch";
        return PATIENT_REFUSED;
    case PATIENT_MATCH_UNKNOWN:
        /* The same word as for a mismatch: whether a number exists is nobody's business
         * but its owner's. */
        *reason = "mismatch";
        return PATIENT_REFUSED;
    case PATIENT_MATCH_HELD:
        *reason = "held";
        return state;
    case PATIENT_MATCH_RATE:
        *reason = "rate_limited";
        return state;
    case PATIENT_MATCH_AWAY:
        break;
    }
    *reason = "gateway_away";
    return state;
}

/* ---- what owners say of their numbers ---- */

static struct text without_zeros(struct text number)
{
    while (number.len > 1 && number.at[0] == '0')
        number = (struct text){number.at + 1, number.len - 1};
    return number;
}

bool patient_is_same_number(struct text a, struct text b)
{
    return text_equal(without_zeros(a), without_zeros(b));
}

static bool suspend(const struct patient_record *record, const char *reason,
                    struct text successor, struct patient_record *after)
{
    *after = *record;
    after->state = PATIENT_SUSPENDED;
    after->reason = text_cstr(reason);
    after->successor = successor;
    return record->state != PATIENT_SUSPENDED || !text_is(record->reason, reason) ||
           !text_equal(record->successor, successor);
}

bool patient_report_changes(const struct patient_record *record,
                            const struct patient_record *replaced,
                            const struct patient_report *report,
                            struct patient_record *after)
{
    bool is_live =
        record->state == PATIENT_CONFIRMED || record->state == PATIENT_SUSPENDED;
    bool is_restored = report->change == PATIENT_NUMBER_RESTORED;
    if (!is_live)
        return false;
    if (!patient_is_same_number(record->number, report->number)) {
        /* The number that this one took the place of lives again: whose is this one? */
        bool took_its_place =
            replaced && patient_is_same_number(replaced->number, report->number);
        return is_restored && took_its_place &&
               suspend(record, "number_restored", report->number, after);
    }
    if (is_restored)
        return record->state == PATIENT_SUSPENDED &&
               suspend(record, "number_restored", record->number, after);
    if (report->change == PATIENT_NUMBER_GIVEN_AGAIN)
        return suspend(record, "number_given_again", TEXT(""), after);
    if (report->change == PATIENT_NUMBER_REPLACED)
        return suspend(record, "number_replaced", report->successor, after);
    return suspend(record, "number_ended", TEXT(""), after);
}

/* ---- the contract's JSON ---- */

static void write_sex(struct json_writer *writer, char sex)
{
    char word[2] = {sex, '\0'};
    json_put_cstr(writer, "sex", word);
}

static void write_number(struct json_writer *writer, const char *key, struct text number)
{
    if (text_is_empty(number))
        json_put_null(writer, key);
    else
        json_put_text(writer, key, number);
}

void patient_write_summary_members(struct json_writer *writer,
                                   const struct patient_summary *summary)
{
    json_put_id(writer, "id", summary->id);
    json_put_text(writer, "name", summary->name);
    json_put_text(writer, "kana", summary->kana);
    json_put_day(writer, "birth_date", summary->birth_day);
    write_sex(writer, summary->sex);
    write_number(writer, "own_number", summary->own_number);
    json_key(writer, "facilities");
    json_open_array(writer);
    for (size_t i = 0; i < summary->facility_count; i++)
        json_id_value(writer, summary->facilities[i]);
    json_close_array(writer);
    json_put_cstr(writer, "consent", summary->consent);
}

void patient_write_summary(struct json_writer *writer,
                           const struct patient_summary *summary)
{
    json_open_object(writer);
    patient_write_summary_members(writer, summary);
    json_close_object(writer);
}

void patient_write_link(struct json_writer *writer, const struct patient_record *record,
                        struct id viewer)
{
    bool shows_number =
        id_equal(record->facility, viewer) || id_equal(record->entered_facility, viewer);
    json_open_object(writer);
    json_put_id(writer, "id", record->id);
    json_put_id(writer, "facility", record->facility);
    write_number(writer, "number", shows_number ? record->number : TEXT(""));
    json_put_cstr(writer, "state", state_ids[record->state]);
    if (text_is_empty(record->reason))
        json_put_null(writer, "reason");
    else
        json_put_text(writer, "reason", record->reason);
    bool shows_successor = id_equal(record->facility, viewer);
    write_number(writer, "successor", shows_successor ? record->successor : TEXT(""));
    json_put_int(writer, "since", record->since);
    json_close_object(writer);
}

void patient_write_person(struct json_writer *writer, const struct patient_view *view)
{
    const struct patient_person *person = &view->person;
    json_open_object(writer);
    json_put_id(writer, "id", person->id);
    json_put_text(writer, "name", person->name);
    json_put_text(writer, "kana", person->kana);
    json_put_day(writer, "birth_date", person->birth_day);
    write_sex(writer, person->sex);
    if (!text_is_empty(person->phone))
        json_put_text(writer, "phone", person->phone);
    struct text own = TEXT("");
    for (size_t i = 0; i < view->record_count; i++)
        if (id_equal(view->records[i].facility, view->viewer) &&
            view->records[i].state == PATIENT_CONFIRMED)
            own = view->records[i].number;
    write_number(writer, "own_number", own);
    json_key(writer, "links");
    json_open_array(writer);
    for (size_t i = 0; i < view->record_count; i++)
        patient_write_link(writer, &view->records[i], view->viewer);
    json_close_array(writer);
    json_put_cstr(writer, "consent", view->consent);
    json_close_object(writer);
}
