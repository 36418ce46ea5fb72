// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/test.h"
#include "exchange/note/note.h"

/* ---- the rule, every combination against sentences that share no code with it ---- */

static const char *oracle(int step, bool is_ours, bool is_author, bool is_manager,
                          bool is_newest, bool is_withdrawn)
{
    bool may_touch = is_author;
    if (step == NOTE_WITHDRAW && is_manager)
        may_touch = true;
    return step == NOTE_STEP_COUNT || !is_ours ? "not_found"
           : !may_touch                        ? "note_not_author"
           : is_withdrawn                      ? "note_withdrawn"
           : !is_newest                        ? "note_changed"
                                               : NULL;
}

static void the_rule_says_what_the_oracle_says(void)
{
    int allowed = 0;
    for (int number = 0; number < 32 * (NOTE_STEP_COUNT + 1); number++) {
        int step = number / 32;
        bool bits[5];
        for (int i = 0; i < 5; i++)
            bits[i] = number >> i & 1;
        struct note_facts facts = {bits[0], bits[1], bits[2], bits[3],
                                   bits[4] ? NOTE_WITHDRAWN : NOTE_WRITTEN};
        const char *want = oracle(step, bits[0], bits[1], bits[2], bits[3], bits[4]);
        const char *said = note_refusal((enum note_step)step, &facts);
        CHECK(want ? said && strcmp(said, want) == 0 : !said);
        allowed += want == NULL;
    }
    CHECK(allowed == 2 + 3); /* an author; who is also, or only, a manager */
}

static void facts_that_nobody_filled_allow_nothing(void)
{
    struct note_facts facts = {0};
    CHECK(note_refusal(NOTE_CORRECT, &facts) && note_refusal(NOTE_WITHDRAW, &facts));
}

/* ---- what is written ---- */

static void texts_have_an_end_and_no_control_characters(void)
{
    const struct text bad[] = {TEXT("a\x1B[31m"), TEXT("a\rb"), TEXT("a\x7F"),
                               TEXT("a\0b"), TEXT("12345")};
    struct err err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&err);
        CHECK(!note_check_text(bad[i], 4, &err));
        CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "note_text") == 0);
    }
    err_clear(&err);
    CHECK(note_check_text(TEXT("髙﨑\n\t"), 4, &err));
    CHECK(
        note_check_text(TEXT("𠮷野家𠮷"), 4, &err)); /* characters, not units of UTF-16 */
    CHECK(note_check_text(TEXT(""), 0, &err));
}

static void a_uid_is_short_and_has_nothing_of_a_path(void)
{
    static const char *const bad[] = {"",      "1.2/3", "1.2 3", "\"",
                                      "1.2\n", "１.２", "<b>",   "..\\"};
    char longest[66];
    struct err err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&err);
        CHECK(!note_check_uid(text_cstr(bad[i]), &err));
    }
    err_clear(&err);
    memset(longest, '1', sizeof longest);
    longest[65] = '\0';
    CHECK(!note_check_uid(text_cstr(longest), &err));
    err_clear(&err);
    longest[64] = '\0';
    CHECK(note_check_uid(text_cstr(longest), &err));
    CHECK(note_check_uid(TEXT("1.2.392.200036"), &err));
}

static void shades_are_two_numbers_or_nothing(void)
{
    static const char *const bad[] = {
        "40",  "40,",  ",400",  "40,-4", "40,4,4",          "1e3,4",
        ".,.", "40;4", "--4,4", "4 ,4",  "4000000000000,4", "4,4000000000000"};
    static const char *const good[] = {"", "40,400", "-600,1500", "0.5,1.25"};
    struct err err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&err);
        bool is_taken = note_check_shades(text_cstr(bad[i]), &err);
        CHECK(!is_taken);
        if (is_taken)
            printf("# %s\n", bad[i]);
    }
    err_clear(&err);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(note_check_shades(text_cstr(good[i]), &err));
}

int main(void)
{
    RUN(the_rule_says_what_the_oracle_says);
    RUN(facts_that_nobody_filled_allow_nothing);
    RUN(texts_have_an_end_and_no_control_characters);
    RUN(a_uid_is_short_and_has_nothing_of_a_path);
    RUN(shades_are_two_numbers_or_nothing);
    return test_done();
}
