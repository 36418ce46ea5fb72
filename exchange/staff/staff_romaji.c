// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/staff/staff_parts.h"

/* U+30A1 ァ … U+30F4 ヴ in the order of the code points; small ya, yu, yo and tsu are
 * marked with a capital letter and joined below. */
static const char *const syllables[] = {
    "a",  "a",  "i",  "i",  "u",   "u",  "e",  "e",   "o",   "o",  "ka", "ga", "ki", "gi",
    "ku", "gu", "ke", "ge", "ko",  "go", "sa", "za",  "shi", "ji", "su", "zu", "se", "ze",
    "so", "zo", "ta", "da", "chi", "ji", "T",  "tsu", "zu",  "te", "de", "to", "do", "na",
    "ni", "nu", "ne", "no", "ha",  "ba", "pa", "hi",  "bi",  "pi", "fu", "bu", "pu", "he",
    "be", "pe", "ho", "bo", "po",  "ma", "mi", "mu",  "me",  "mo", "Ya", "ya", "Yu", "yu",
    "Yo", "yo", "ra", "ri", "ru",  "re", "ro", "wa",  "wa",  "i",  "e",  "o",  "n",  "vu",
};
enum { KANA_FIRST = 0x30A1, KANA_LAST = 0x30F4, KANA_LONG = 0x30FC };

/* し+ゃ → sha, き+ゃ → kya. */
static size_t join(char *out, size_t len, const char *small)
{
    if (len == 0 || out[len - 1] != 'i')
        return len;
    len--;
    char before = len > 0 ? out[len - 1] : '\0';
    bool is_sh_ch = before == 'h' && len > 1 && strchr("sc", out[len - 2]);
    bool drops_y = is_sh_ch || before == 'j';
    const char *rest = drops_y ? small + 1 : small;
    for (; *rest; rest++)
        out[len++] = (char)(*rest == 'Y' ? 'y' : *rest);
    return len;
}

void staff_romaji(struct text katakana, char out[STAFF_ROMAJI_BYTES])
{
    size_t len = 0;
    bool is_doubled = false;
    uint32_t c = 0;
    out[0] = '\0';
    while (text_next(&katakana, &c)) {
        if (c == KANA_LONG || c == '-')
            continue;
        if (c < KANA_FIRST || c > KANA_LAST || len + 5 > STAFF_ROMAJI_BYTES) {
            out[0] = '\0';
            return;
        }
        const char *syllable = syllables[c - KANA_FIRST];
        if (*syllable == 'T') {
            is_doubled = true;
            continue;
        }
        if (*syllable == 'Y') {
            len = join(out, len, syllable);
            continue;
        }
        if (is_doubled)
            out[len++] = *syllable;
        is_doubled = false;
        memcpy(out + len, syllable, strlen(syllable));
        len += strlen(syllable);
    }
    out[len] = '\0';
}
