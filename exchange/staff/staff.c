// SPDX-License-Identifier: Apache-2.0
#include "exchange/staff/staff.h"

#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "base/secret.h"
#include "exchange/staff/staff_parts.h"
#include "formats/charset/charset.h"

static const char *const profession_ids[] = {
#define X(name, id) id,
    STAFF_PROFESSIONS(X)
#undef X
};
static const char *const role_ids[] = {
    [STAFF_OPERATOR] = "operator",
    [STAFF_AUTHOR] = "author",
    [STAFF_MANAGER] = "manager",
};

const char *staff_profession_id(enum staff_profession profession)
{
    return profession_ids[profession];
}

bool staff_profession_parse(struct text id, enum staff_profession *profession)
{
    for (int i = 0; i < STAFF_PROFESSION_COUNT; i++)
        if (text_is(id, profession_ids[i])) {
            *profession = (enum staff_profession)i;
            return true;
        }
    return false;
}

const char *staff_role_id(enum staff_role role)
{
    return role_ids[role];
}

bool staff_role_parse(struct text id, enum staff_role *role)
{
    for (int i = 0; i < STAFF_ROLE_COUNT; i++)
        if (text_is(id, role_ids[i])) {
            *role = (enum staff_role)i;
            return true;
        }
    return false;
}

bool staff_may_write(enum staff_profession profession, enum staff_role role)
{
    bool is_author = role == STAFF_AUTHOR || role == STAFF_MANAGER;
    return is_author && profession != STAFF_CLERK && profession != STAFF_OFFICE;
}

bool staff_post_is_active(const struct staff_post *post, int32_t day)
{
    return day >= post->from_day && (post->to_day == DAY_NONE || day <= post->to_day);
}

/* How long it lasts after so many before it. */
static int64_t lock_ms(int locks)
{
    int doublings = locks < STAFF_LOCK_DOUBLINGS_MAX ? locks : STAFF_LOCK_DOUBLINGS_MAX;
    return (int64_t)STAFF_LOCK_MS << (doublings > 0 ? doublings : 0);
}

/* More than twice the whole is left only where the clock was ahead then: it is over. A
 * small correction of the clock ends none. */
bool staff_is_locked(const struct staff_lock *lock, int64_t now_ms)
{
    int64_t left_ms = lock->locked_until - now_ms;
    return left_ms > 0 && left_ms <= 2 * lock_ms(lock->locks - 1);
}

struct staff_lock staff_lock_after_failure(struct staff_lock lock, int64_t now_ms)
{
    lock.failures++;
    if (lock.failures < STAFF_FAILURES_MAX)
        return lock;
    lock.locked_until = now_ms + lock_ms(lock.locks);
    lock.locks += lock.locks <= STAFF_LOCK_DOUBLINGS_MAX;
    lock.failures = 0;
    return lock;
}

bool staff_fold_login(struct text login, char folded[STAFF_LOGIN_MAX + 1])
{
    if (login.len == 0 || login.len > STAFF_LOGIN_MAX)
        return false;
    for (size_t i = 0; i < login.len; i++) {
        char c = login.at[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_upper && !is_word && (c == '\0' || !strchr("._-@", c)))
            return false;
        folded[i] = is_upper ? (char)(c - 'A' + 'a') : c;
    }
    folded[login.len] = '\0';
    return true;
}

/* ---- what a password may not be ---- */

/* Words that a guesser tries first; what is left without them has to stand alone. */
static const char *const common_words[] = {
    "password", "passw0rd", "pass",    "qwertyuiop", "qwerty",    "asdfghjkl", "zxcvbnm",
    "letmein",  "welcome",  "admin",   "iloveyou",   "abcdefg",   "abcdef",    "abc",
    "monkey",   "dragon",   "tsumugi", "hospital",   "clinic",    "byouin",    "doctor",
    "nurse",    "sakura",   "nippon",  "japan",      "master",    "login",     "test",
    "user",     "1q2w3e4r", "q1w2e3",  "123456789",  "987654321",
};

enum { REST_CHARACTERS_MIN = 6, DISTINCT_MIN = 6, PASSWORD_ARENA_BYTES = 64 * 1024 };

static bool contains(struct text text, struct text part)
{
    return part.len > 0 && memmem(text.at, text.len, part.at, part.len) != NULL;
}

/* Letters that are left when common words and digits are taken out. */
static size_t rest_characters(struct text folded)
{
    size_t rest = 0;
    for (size_t i = 0; i < folded.len;) {
        size_t skip = 0;
        for (size_t w = 0; w < sizeof common_words / sizeof *common_words; w++) {
            size_t len = strlen(common_words[w]);
            if (len > skip && len <= folded.len - i &&
                memcmp(folded.at + i, common_words[w], len) == 0)
                skip = len;
        }
        bool is_digit = folded.at[i] >= '0' && folded.at[i] <= '9';
        rest += skip == 0 && !is_digit;
        i += skip ? skip : 1;
    }
    return rest;
}

static size_t distinct_bytes(struct text folded)
{
    bool seen[256] = {false};
    size_t count = 0;
    for (size_t i = 0; i < folded.len; i++) {
        uint8_t byte = (uint8_t)folded.at[i];
        count += !seen[byte];
        seen[byte] = true;
    }
    return count;
}

static bool has_letters_and_digits(struct text password)
{
    bool has_letter = false;
    bool has_digit = false;
    uint32_t c = 0;
    while (text_next(&password, &c)) {
        bool is_digit = c >= '0' && c <= '9';
        has_digit = has_digit || is_digit;
        has_letter =
            has_letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
    }
    return has_letter && has_digit;
}

/* Family and given name are refused each for itself, so that turning them round does not
 * help; single characters are too common to be refused. */
static bool contains_name(struct text folded, struct text name, struct arena *arena,
                          bool *is_contained, struct err *err)
{
    struct span rest = text_span(name);
    struct span part;
    *is_contained = false;
    while (!*is_contained && span_take(&rest, ' ', &part)) {
        struct text word;
        char romaji[STAFF_ROMAJI_BYTES];
        if (!charset_fold((struct text){(const char *)part.at, part.len}, arena, &word,
                          err))
            return false;
        if (text_count(word) < 2)
            continue;
        staff_romaji(word, romaji);
        *is_contained = contains(folded, word) ||
                        (strlen(romaji) >= 3 && contains(folded, text_cstr(romaji)));
    }
    return true;
}

static bool contains_day(struct text folded, int32_t birth_day)
{
    if (birth_day == DAY_NONE)
        return false;
    int year = 0;
    int month = 0;
    int day = 0;
    char digits[16];
    day_to_date(birth_day, &year, &month, &day);
    snprintf(digits, sizeof digits, "%04d%02d%02d", year, month, day);
    return contains(folded, text_cstr(digits));
}

static bool is_guessable(const struct staff *staff, struct text folded,
                         const struct text *facility_names, size_t count,
                         struct arena *arena, bool *guessable, struct err *err)
{
    *guessable = true;
    if (rest_characters(folded) < REST_CHARACTERS_MIN ||
        distinct_bytes(folded) < DISTINCT_MIN || contains(folded, staff->login) ||
        contains_day(folded, staff->birth_day))
        return true;
    bool is_contained = false;
    if (!contains_name(folded, staff->name, arena, &is_contained, err))
        return false;
    if (!is_contained && !contains_name(folded, staff->kana, arena, &is_contained, err))
        return false;
    for (size_t i = 0; i < count && !is_contained; i++)
        if (!contains_name(folded, facility_names[i], arena, &is_contained, err))
            return false;
    *guessable = is_contained;
    return true;
}

bool staff_check_new_password(const struct staff *staff, struct span password,
                              const struct text *facility_names, size_t count,
                              struct err *err)
{
    struct text text;
    if (password.len > SECRET_PASSWORD_MAX)
        return err_set(err, ERR_REFUSED, "password_long", "at most %d bytes",
                       SECRET_PASSWORD_MAX);
    if (!text_from_utf8(password, &text, err))
        return false;
    if (text_count(text) < STAFF_PASSWORD_CHARACTERS_MIN)
        return err_set(err, ERR_REFUSED, "password_short", "at least %d characters",
                       STAFF_PASSWORD_CHARACTERS_MIN);
    if (!has_letters_and_digits(text))
        return err_set(err, ERR_REFUSED, "password_too_simple", "letters and digits");
    CLEANUP(arena_free) struct arena arena = arena_init(PASSWORD_ARENA_BYTES);
    struct text folded;
    bool guessable = true;
    if (!charset_fold(text, &arena, &folded, err) ||
        !is_guessable(staff, folded, facility_names, count, &arena, &guessable, err))
        return false;
    return guessable ? err_set(err, ERR_REFUSED, "password_guessable",
                               "easily guessed from the person or from lists")
                     : true;
}
