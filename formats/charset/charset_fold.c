// SPDX-License-Identifier: Apache-2.0
#include "formats/charset/charset.h"

#include "formats/charset/charset_kana.h"

enum { DASH = '-', TILDE = '~', NOTHING = 0 };

struct variant {
    uint32_t from;
    uint32_t to;
};

static uint32_t fold_kanji(uint32_t code_point)
{
    static const struct variant table[] = {
#define VARIANT(from, to) {from, to},
#include "formats/charset/charset_variants.def"
#undef VARIANT
    };
    size_t low = 0;
    size_t high = sizeof table / sizeof *table;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].from == code_point)
            return table[middle].to;
        if (table[middle].from < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return code_point;
}

static uint32_t to_katakana(uint32_t code_point)
{
    bool is_hiragana = code_point >= 0x3041 && code_point <= 0x3096;
    bool is_repeat = code_point == 0x309D || code_point == 0x309E;
    return is_hiragana || is_repeat ? code_point + 0x60 : code_point;
}

/* Katakana that sound alike, and small ones, which many old systems cannot write. */
static uint32_t fold_katakana(uint32_t code_point)
{
    bool is_small_vowel =
        code_point >= 0x30A1 && code_point <= 0x30A9 && code_point % 2 == 1;
    bool is_small_y = code_point >= 0x30E3 && code_point <= 0x30E7 && code_point % 2 == 1;
    if (is_small_vowel || is_small_y)
        return code_point + 1;
    switch (code_point) {
    case 0x30C3:
        return 0x30C4; /* ッ ツ */
    case 0x30C2:
        return 0x30B8; /* ヂ ジ */
    case 0x30C5:
        return 0x30BA; /* ヅ ズ */
    case 0x30EE:
        return 0x30EF; /* ヮ ワ */
    case 0x30F0:
        return 0x30A4; /* ヰ イ */
    case 0x30F1:
        return 0x30A8; /* ヱ エ */
    case 0x30F2:
        return 0x30AA; /* ヲ オ */
    case 0x30F5:
        return 0x30AB; /* ヵ カ */
    case 0x30F6:
        return 0x30B1; /* ヶ ケ */
    default:
        return code_point;
    }
}

static bool is_dropped(uint32_t code_point)
{
    bool is_selector = (code_point >= 0xFE00 && code_point <= 0xFE0F) ||
                       (code_point >= 0xE0100 && code_point <= 0xE01EF);
    bool is_space = code_point <= ' ' || code_point == 0xA0 || code_point == 0x3000 ||
                    (code_point >= 0x2000 && code_point <= 0x200B) ||
                    code_point == 0xFEFF;
    bool is_dot = code_point == 0x30FB || code_point == 0xB7 || code_point == 0x2022 ||
                  code_point == 0x22C5;
    return is_selector || is_space || is_dot;
}

/* Dashes, long marks, tildes and bars that tables and keyboards mix up. */
static uint32_t fold_sign(uint32_t code_point)
{
    switch (code_point) {
    case 0x30FC: /* ー */
    case 0x2212:
    case 0x2500:
    case 0xFE63:
        return DASH;
    case 0x301C:
    case 0x223C:
    case 0x02DC:
        return TILDE;
    case 0x2225:
        return 0x2016;
    default:
        return code_point >= 0x2010 && code_point <= 0x2015 ? DASH : code_point;
    }
}

/* One character without regard to its neighbours; NOTHING when it is dropped. */
static uint32_t fold_one(uint32_t code_point)
{
    if (code_point >= 0xFF01 && code_point <= 0xFF5E)
        code_point -= 0xFEE0;
    if (is_dropped(code_point))
        return NOTHING;
    if (code_point >= 'A' && code_point <= 'Z')
        return code_point + 0x20;
    if (code_point < 0x80)
        return code_point;
    return fold_kanji(fold_katakana(fold_sign(code_point)));
}

static uint32_t next_joined(struct text *rest, bool *is_there)
{
    uint32_t code_point = 0;
    *is_there = text_next(rest, &code_point);
    if (!*is_there)
        return NOTHING;
    code_point = to_katakana(charset_widen(code_point));
    struct text after = *rest;
    uint32_t mark = 0;
    uint32_t voiced = text_next(&after, &mark) ? charset_voice(code_point, mark) : 0;
    if (!voiced)
        return code_point;
    *rest = after;
    return voiced;
}

static size_t put_folded(uint32_t code_point, char *out)
{
    const char *replacement = charset_replacement(code_point);
    if (!replacement) {
        uint32_t folded = fold_one(code_point);
        return folded == NOTHING ? 0 : text_encode(folded, out);
    }
    size_t written = 0;
    struct text rest = text_cstr(replacement);
    while (text_next(&rest, &code_point)) {
        uint32_t folded = fold_one(code_point);
        if (folded != NOTHING)
            written += text_encode(folded, out + written);
    }
    return written;
}

bool charset_fold(struct text text, struct arena *arena, struct text *folded,
                  struct err *err)
{
    /* The longest growth is ㌶ (3 bytes) to ヘクタール (15, its mark folds to one byte);
     * every other character keeps its length or gets shorter. */
    enum { GROWTH = 6 };
    char *out = arena_take(arena, text.len + 1, GROWTH, err);
    if (!out)
        return false;
    size_t written = 0;
    bool is_there = true;
    struct text rest = text;
    while (is_there) {
        uint32_t code_point = next_joined(&rest, &is_there);
        if (is_there)
            written += put_folded(code_point, out + written);
    }
    *folded = (struct text){out, written};
    return true;
}

/* Hiragana lie where katakana do, one block before. */
static uint32_t compose_pair(uint32_t code_point, uint32_t mark)
{
    enum { BLOCK = 0x60, VOICED = 0x3099, SEMI = 0x309A };
    bool is_hiragana = code_point >= 0x3041 && code_point <= 0x3096;
    if (mark != VOICED && mark != SEMI)
        return 0;
    uint32_t voiced = charset_voice(is_hiragana ? code_point + BLOCK : code_point, mark);
    return voiced && is_hiragana ? voiced - BLOCK : voiced;
}

bool charset_compose(struct text text, struct arena *arena, struct text *composed,
                     struct err *err)
{
    char *out = arena_take(arena, text.len + 1, 1, err);
    if (!out)
        return false;
    size_t written = 0;
    struct text rest = text;
    uint32_t code_point = 0;
    while (text_next(&rest, &code_point)) {
        struct text after = rest;
        uint32_t mark = 0;
        uint32_t pair = text_next(&after, &mark) ? compose_pair(code_point, mark) : 0;
        if (pair)
            rest = after;
        written += text_encode(pair ? pair : code_point, out + written);
    }
    *composed = (struct text){out, written};
    return true;
}
