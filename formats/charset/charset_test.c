// SPDX-License-Identifier: Apache-2.0
#include "formats/charset/charset.h"

#include <string.h>

#include "base/test.h"

struct result {
    struct text text;
    unsigned findings;
    size_t first_bad;
};

static struct arena arena;

static struct result decode(enum charset charset, struct span bytes)
{
    struct err err = {0};
    struct result result = {.first_bad = SIZE_MAX};
    CHECK(charset_decode(charset, bytes, &arena, &result.text, &result.findings,
                         &result.first_bad, &err));
    struct text again;
    CHECK(text_from_utf8(text_span(result.text), &again, &err));
    return result;
}

static bool reads(enum charset charset, struct span bytes, const char *expected,
                  unsigned findings)
{
    struct result result = decode(charset, bytes);
    if (text_is(result.text, expected) && result.findings == findings)
        return true;
    printf("# got \"%.*s\" findings %u\n", (int)result.text.len, result.text.at,
           result.findings);
    return false;
}

#define READS_JIS(literal, expected, findings)                                           \
    CHECK(reads(CHARSET_ISO2022JP, SPAN(literal), expected, findings))

static void plain_ascii_is_a_view_on_the_input(void)
{
    struct span bytes = SPAN("PID|0001||9999013^^^^PI");
    struct result result = decode(CHARSET_ISO2022JP, bytes);
    CHECK(result.text.at == (const char *)bytes.at && result.text.len == bytes.len);
    CHECK(charset_is_plain(bytes));
    CHECK(!charset_is_plain(SPAN("0123456789\x1B")));
    CHECK(!charset_is_plain(SPAN("01234567\0")));
    CHECK(!charset_is_plain(SPAN("\x80")));
    CHECK(charset_is_plain(SPAN("0123456\x1A\x1C\x01\x7F")));
    CHECK(charset_is_plain(SPAN("")));
}

static void every_escape_of_the_table_is_read(void)
{
    READS_JIS("\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B", "山田^太郎", 0);
    READS_JIS("\x1B$@;3ED\x1B(J", "山田", 0);
    READS_JIS("\x1B(J\\~A\x1B(B\\~A", "¥‾A\\~A", 0);
    READS_JIS("\x1B(I6]\x1B(B", "ｶﾝ", CHARSET_HALF_WIDTH_KANA);
    READS_JIS("\x1B$(D0!\x1B(B", "丂", CHARSET_JISX0212);
    READS_JIS("\x1B$(D~~\x1B(B", "〓", CHARSET_JISX0212);
}

static void second_bytes_that_look_like_separators_are_characters(void)
{
    /* 0x5C, 0x7C, 0x5E, 0x7E and 0x26 */
    READS_JIS("\x1B$B0\\0|0^0~0&\x1B(B", "移淫緯蔭愛", 0);
}

static void the_eight_choices_of_mapping_hold(void)
{
    READS_JIS("\x1B$B!=!@!A!B!]!q!r\"L\x1B(B", "—＼〜‖−¢£¬", 0);
}

static void the_state_returns_to_ascii_at_every_line_end(void)
{
    READS_JIS("\x1B$B;3\rED", "山\rED", 0);
    READS_JIS("\x1B$B;3\nED", "山\nED", 0);
    /* A lead byte without its second one. */
    READS_JIS("\x1B$B;3E\rED", "山\xEF\xBF\xBD\rED", CHARSET_BAD_BYTES);
}

static void vendor_characters_are_read_and_reported(void)
{
    READS_JIS("\x1B$B-!-j\x1B(B", "①㈱", CHARSET_VENDOR_CHARACTERS);
    /* NEC selected IBM extension, row 92 and 89 */
    READS_JIS("\x1B$B|by\x21\x1B(B", "髙纊", CHARSET_VENDOR_CHARACTERS);
    CHECK(reads(CHARSET_CP932, SPAN("\xFB\xFC\xFA\xB1"), "髙﨑",
                CHARSET_VENDOR_CHARACTERS));
    CHECK(reads(CHARSET_CP932, SPAN("\x87\x40"), "①", CHARSET_VENDOR_CHARACTERS));
}

static void single_high_bytes_in_a_seven_bit_file_are_cp932_pairs(void)
{
    READS_JIS("A\x95\x5C\x1B$B;3\x1B(B", "A表山", CHARSET_HIGH_BYTES);
    READS_JIS("\xB6\xDE", "ｶﾞ", CHARSET_HIGH_BYTES | CHARSET_HALF_WIDTH_KANA);
}

static void broken_bytes_become_replacement_characters_with_their_offset(void)
{
    struct result result = decode(CHARSET_ISO2022JP, SPAN("AB\x1B$B;3)!\x1B(B"));
    CHECK(text_is(result.text, "AB山\xEF\xBF\xBD"));
    CHECK(result.findings == CHARSET_BAD_BYTES && result.first_bad == 7);
    READS_JIS("A\x1B"
              "B",
              "A\xEF\xBF\xBD"
              "B",
              CHARSET_BAD_BYTES);
    READS_JIS("A\0B",
              "A\xEF\xBF\xBD"
              "B",
              CHARSET_BAD_BYTES);
    READS_JIS("\x1B$B;", "\xEF\xBF\xBD", CHARSET_BAD_BYTES);
    READS_JIS("\x1B(I`", "\xEF\xBF\xBD", CHARSET_BAD_BYTES);
    READS_JIS("\x81", "\xEF\xBF\xBD", CHARSET_BAD_BYTES | CHARSET_HIGH_BYTES);
    CHECK(reads(CHARSET_CP932, SPAN("\xF0\x40\x81\x20\xFF"),
                "\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD", CHARSET_BAD_BYTES));
    CHECK(reads(CHARSET_UTF8, SPAN("\xE3\x81x\xC0\xAF"),
                "\xEF\xBF\xBD\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD", CHARSET_BAD_BYTES));
    CHECK(reads(CHARSET_ASCII, SPAN("a\xC3\xA9"), "a\xEF\xBF\xBD\xEF\xBF\xBD",
                CHARSET_BAD_BYTES));
    CHECK(reads(CHARSET_EUCJP, SPAN("\xA4\x8E\x20"), "\xEF\xBF\xBD\xEF\xBF\xBD ",
                CHARSET_BAD_BYTES));
}

static void unknown_escapes_do_not_change_the_state(void)
{
    READS_JIS("\x1B$B;3\x1B$(O;3\x1B(B", "山\xEF\xBF\xBDえ六\xEF\xBF\xBD",
              CHARSET_BAD_BYTES);
}

static void other_sets_are_read(void)
{
    CHECK(reads(CHARSET_UTF8, SPAN("𠮷田é"), "𠮷田é", 0));
    CHECK(reads(CHARSET_EUCJP, SPAN("\xBB\xB3\xC5\xC4\x8E\xB6\x8F\xB0\xA1"), "山田ｶ丂",
                CHARSET_HALF_WIDTH_KANA | CHARSET_JISX0212));
    CHECK(reads(CHARSET_LATIN1, SPAN("Mu\xF1oz"), "Muñoz", 0));
    CHECK(reads(CHARSET_CP932, SPAN("\x8E\x52\x93\x63 \xD4\xCF"), "山田 ﾔﾏ",
                CHARSET_HALF_WIDTH_KANA));
}

static void long_stretches_are_decoded_like_short_ones(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 16);
    buf_cstr(&bytes, "\x1B$B");
    for (int i = 0; i < 5000; i++)
        buf_cstr(&bytes, ";3");
    struct result result = decode(CHARSET_ISO2022JP, buf_view(&bytes));
    CHECK(text_count(result.text) == 5000 && result.findings == 0);
    struct arena small = arena_init(1000);
    struct text text;
    CHECK(!charset_decode(CHARSET_ISO2022JP, buf_view(&bytes), &small, &text,
                          &result.findings, &result.first_bad, &err));
    CHECK(err.kind == ERR_LIMIT);
    arena_free(&small);
}

static void the_set_is_decided_for_the_whole_file(void)
{
    CHECK(charset_detect(SPAN("MSH|^~\\&|")) == CHARSET_ISO2022JP);
    CHECK(charset_detect(SPAN("")) == CHARSET_ISO2022JP);
    CHECK(charset_detect(SPAN("a\x1B$B;3\x1B(B")) == CHARSET_ISO2022JP);
    CHECK(charset_detect(SPAN("山田 ｶﾅ")) == CHARSET_UTF8);
    CHECK(charset_detect(SPAN("\x8E\x52\x93\x63")) == CHARSET_CP932);
    CHECK(charset_detect(SPAN("\xD4\xCF\xC0\xDE")) == CHARSET_CP932);
    CHECK(charset_detect(SPAN("\xBB\xB3\xC5\xC4\xA4\xE4\xA4\xDE")) == CHARSET_EUCJP);
    CHECK(charset_detect(SPAN("\xA5\xE4\xA5\xDE\xA5\xC0")) == CHARSET_EUCJP);
    CHECK(charset_detect(SPAN("\xFB\xFC")) == CHARSET_CP932);
    CHECK(charset_detect(SPAN("\xFF\xFE\xFD")) == CHARSET_CP932);
    /* ESC wins: high bytes are then single CP932 characters. */
    CHECK(charset_detect(SPAN("\x1B$B;3\x1B(B\xE5\xB1\xB1")) == CHARSET_ISO2022JP);
}

static bool writes(const char *input, const char *expected, size_t expected_replaced)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    size_t replaced = 0;
    charset_encode_iso2022jp(text_cstr(input), &out, &replaced);
    if (span_is(buf_view(&out), expected) && replaced == expected_replaced)
        return true;
    struct result result = decode(CHARSET_ISO2022JP, buf_view(&out));
    printf("# wrote %.*s, %zu replaced\n", (int)result.text.len, result.text.at,
           replaced);
    return false;
}

static void writing_uses_ascii_and_jis_x_0208_only(void)
{
    CHECK(writes("山田^太郎", "\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B", 0));
    CHECK(writes("ABC", "ABC", 0));
    CHECK(writes("", "", 0));
    CHECK(writes("ｶﾞﾊﾟｳﾞﾔｰ", "\x1B$B%,%Q%t%d!<\x1B(B", 0));
    CHECK(writes("①㈱㎎㍻", "(1)(\x1B$B3t\x1B(B)mg\x1B$BJ?@.\x1B(B", 0));
    CHECK(writes("髙𠮷é", "\x1B$B\"#\"#\"#\x1B(B", 3));
    CHECK(writes("～－―∥￠￡￢¥", "\x1B$B!A!]!=!B!q!r\"L!o\x1B(B", 0));
}

static void what_is_written_is_read_back(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    size_t replaced = 0;
    const char *input = "みやま高原病院 ソ表能 — ＼〜‖−¢£¬ A1~\\ 亜腕弌熙";
    charset_encode_iso2022jp(text_cstr(input), &out, &replaced);
    CHECK(replaced == 0);
    CHECK(reads(CHARSET_ISO2022JP, buf_view(&out), input, 0));
}

static bool folds(const char *a, const char *b)
{
    struct err err = {0};
    struct text fa = {0};
    struct text fb = {0};
    CHECK(charset_fold(text_cstr(a), &arena, &fa, &err));
    CHECK(charset_fold(text_cstr(b), &arena, &fb, &err));
    return text_equal(fa, fb);
}

static void variants_of_names_fold_to_one_form(void)
{
    CHECK(folds("髙橋", "高橋") && folds("髙橋", "高槗"));
    CHECK(folds("﨑山", "崎山") && folds("𠮷田", "吉田") && folds("德田", "徳田"));
    CHECK(folds("濵田", "浜田") && folds("濱田", "浜田"));
    CHECK(folds("渡邊", "渡辺") && folds("渡邉", "渡辺"));
    CHECK(folds("齋藤", "斉藤") && folds("斎藤", "斉藤") && folds("齊藤", "斉藤"));
    CHECK(folds("\xEF\xA8\x9B原", "福原"));
    CHECK(folds("葛\xF3\xA0\x84\x80城", "葛城"));
    CHECK(!folds("山田", "山本"));
}

static void kana_of_all_widths_fold_to_one_form(void)
{
    CHECK(folds("ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ　タロウ") && folds("やまだたろう", "ヤマダタロウ"));
    CHECK(folds("か\xE3\x82\x99", "ガ") && folds("ﾊﾟ", "ぱ") && folds("ｳﾞ", "ヴ"));
    CHECK(folds("カヂ", "カジ") && folds("ミヅキ", "ミズキ"));
    CHECK(folds("キヨウコ", "キョウコ") && folds("ハツトリ", "ハットリ"));
    CHECK(folds("ユ−コ", "ユーコ") && folds("ﾕｰｺ", "ユ-コ"));
    CHECK(!folds("ユーコ", "ユウコ") && !folds("カ", "ガ") && !folds("ヴ", "ブ"));
}

static void letters_spaces_and_signs_fold(void)
{
    CHECK(folds("ＡＢＣ－１", "abc-1") && folds("エ・リ", "エリ") &&
          folds("エ･リ", "エリ"));
    CHECK(folds("1〜2", "1～2") && folds("㈱紬", "(株)紬"));
    CHECK(folds(" a\tb ", "AB") && folds("", " 　"));
}

static void single_sets_are_looked_up(void)
{
    static const struct {
        enum charset_set set;
        uint8_t first, second;
        uint32_t wanted;
    } cases[] = {
        {CHARSET_SET_NONE, 0x41, 0, 0},
        {CHARSET_SET_ASCII, 0x41, 0, 0x41},
        {CHARSET_SET_ROMAN, 0x5C, 0, 0xA5},
        {CHARSET_SET_KANA, 0x31, 0, 0xFF71},
        {CHARSET_SET_KANA, 0x60, 0, 0},
        {CHARSET_SET_JISX0208, 0x30, 0x21, 0x4E9C},
        {CHARSET_SET_JISX0208, 0x7F, 0x21, 0},
        {CHARSET_SET_KSX1001, 0x48, 0x2B, 0xD64D},
        {CHARSET_SET_GB2312, 0x4D, 0x75, 0x738B},
        {CHARSET_SET_LATIN1, 0x69, 0, 0xE9},
        {CHARSET_SET_LATIN9, 0x24, 0, 0x20AC},
        {CHARSET_SET_THAI, 0x21, 0, 0x0E01},
        {CHARSET_SET_THAI, 0x5B, 0, 0},
        {CHARSET_SET_CYRILLIC, 0x1F, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK(charset_set_code_point(cases[i].set, cases[i].first, cases[i].second) ==
              cases[i].wanted);
    CHECK(charset_set_is_double(CHARSET_SET_KSX1001));
    CHECK(!charset_set_is_double(CHARSET_SET_KANA));
}

static void gb18030_takes_one_two_or_four_bytes(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t wanted;
    } cases[] = {
        {"A", 1, 'A'},
        {"\xCD\xF5", 2, 0x738B},
        {"\x81\x30\x81\x30", 4, 0x80},
        {"\x84\x31\xA4\x39", 4, 0xFFFF},
        {"\x84\x31\xA5\x30", 4, 0xFFFD},
        {"\x90\x30\x81\x30", 4, 0x10000},
        {"\xE3\x32\x9A\x35", 4, 0x10FFFF},
        {"\xE3\x32\x9A\x36", 4, 0xFFFD},
        {"\x81\x30\x81", 1, 0xFFFD},
        {"\xCD", 1, 0xFFFD},
        {"\x80\x80", 1, 0xFFFD},
        {"\xFF\x40", 1, 0xFFFD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code_point = 0;
        CHECK(charset_gb18030(span_cstr(cases[i].bytes), &code_point) == cases[i].len);
        CHECK(code_point == cases[i].wanted);
    }
}

int main(void)
{
    arena = arena_init(8 << 20);
    RUN(plain_ascii_is_a_view_on_the_input);
    RUN(every_escape_of_the_table_is_read);
    RUN(second_bytes_that_look_like_separators_are_characters);
    RUN(the_eight_choices_of_mapping_hold);
    RUN(the_state_returns_to_ascii_at_every_line_end);
    RUN(vendor_characters_are_read_and_reported);
    RUN(single_high_bytes_in_a_seven_bit_file_are_cp932_pairs);
    RUN(broken_bytes_become_replacement_characters_with_their_offset);
    RUN(unknown_escapes_do_not_change_the_state);
    RUN(other_sets_are_read);
    RUN(long_stretches_are_decoded_like_short_ones);
    RUN(the_set_is_decided_for_the_whole_file);
    RUN(writing_uses_ascii_and_jis_x_0208_only);
    RUN(what_is_written_is_read_back);
    RUN(variants_of_names_fold_to_one_form);
    RUN(kana_of_all_widths_fold_to_one_form);
    RUN(letters_spaces_and_signs_fold);
    arena_free(&arena);
    RUN(single_sets_are_looked_up);
    RUN(gb18030_takes_one_two_or_four_bytes);
    return test_done();
}
