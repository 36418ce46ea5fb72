// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <string.h>

#include "base/day.h"
#include "base/id.h"
#include "base/test.h"

/* By the definition and not by the code: the length of what RFC 3629 allows at `at`. */
static size_t expected_length(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t lead_from, lead_to, second_from, second_to;
        size_t len;
    } rows[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (at[0] < rows[i].lead_from || at[0] > rows[i].lead_to || left < rows[i].len)
            continue;
        if (rows[i].len > 1 && (at[1] < rows[i].second_from || at[1] > rows[i].second_to))
            continue;
        bool is_fine = true;
        for (size_t k = 2; k < rows[i].len; k++)
            is_fine = is_fine && at[k] >= 0x80 && at[k] <= 0xBF;
        if (is_fine)
            return rows[i].len;
    }
    return 0;
}

static bool is_text(const uint8_t *at, size_t len)
{
    struct text text;
    struct err err = {0};
    return text_from_utf8(span_of(at, len), &text, &err);
}

/* All sequences of two bytes, and of four at the edges of every byte's range: overlong
 * forms, surrogates, too large, cut, stray continuation, NUL. */
static void exactly_what_rfc_3629_allows_is_text(void)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                    0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
                                    0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4,
                                    0xF5, 0xF8, 0xFC, 0xFE, 0xFF};
    enum { EDGES = sizeof edges };
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t at[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        size_t first = expected_length(at, 2);
        bool is_fine = first == 2 || (first == 1 && expected_length(at + 1, 1) == 1);
        CHECK(is_text(at, 2) == is_fine);
    }
    for (size_t i = 0; i < (size_t)EDGES * EDGES * EDGES * EDGES; i++) {
        uint8_t at[4] = {edges[i % EDGES], edges[i / EDGES % EDGES],
                         edges[i / EDGES / EDGES % EDGES],
                         edges[i / EDGES / EDGES / EDGES]};
        size_t from = 0, len = 1;
        for (; from < 4 && len > 0; from += len)
            len = expected_length(at + from, 4 - from);
        CHECK(is_text(at, 4) == (len > 0));
    }
}

static void a_fault_is_told_with_its_place(void)
{
    struct text text;
    struct err err = {0};
    CHECK(!text_from_utf8(SPAN("山田\xED\xA0\x80"), &text, &err));
    CHECK(err.kind == ERR_SYNTAX && err.offset == 6);
    CHECK(strcmp(err.code, "text_not_utf8") == 0 && !strstr(err.text, "山"));
    err_clear(&err);
    CHECK(text_from_utf8(SPAN(""), &text, &err) && text.len == 0);
}

static void every_code_point_comes_back_as_it_was(void)
{
    struct err err = {0};
    for (uint32_t code_point = 1; code_point <= 0x110100; code_point++) {
        char bytes[4];
        size_t len = text_encode(code_point, bytes);
        bool is_none =
            code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF);
        CHECK((len == 0) == is_none);
        struct text text;
        uint32_t back = 0;
        CHECK(is_none ||
              (text_from_utf8(span_of(bytes, len), &text, &err) &&
               text_next(&text, &back) && back == code_point && text.len == 0));
    }
    CHECK(text_count((struct text){"髙﨑𠮷a", 11}) == 4);
}

static void numbers_keep_to_their_digits_and_maximum(void)
{
    uint64_t value = 7;
    CHECK(span_uint(SPAN("18446744073709551615"), UINT64_MAX, &value));
    CHECK(value == UINT64_MAX);
    CHECK(!span_uint(SPAN("18446744073709551616"), UINT64_MAX, &value));
    CHECK(!span_uint(SPAN("99999999999999999999999999"), UINT64_MAX, &value));
    CHECK(span_uint(SPAN("000000000000000000000000000012"), 12, &value) && value == 12);
    CHECK(!span_uint(SPAN("13"), 12, &value) && value == 12);
    static const char *const odd[] = {"",    " 1",  "1 ",  "+1", "-1",
                                      "0x1", "1e3", "1.0", "１", "1_0"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CHECK(!span_uint(span_cstr(odd[i]), UINT64_MAX, &value));
}

static void parts_never_reach_beyond_their_span(void)
{
    struct span span = SPAN("abcdef"), rest = span, part;
    CHECK(span_is(span_part(span, 2, SIZE_MAX), "cdef"));
    CHECK(span_part(span, 6, 1).len == 0 && span_part(span, SIZE_MAX, SIZE_MAX).len == 0);
    CHECK(span_part(span_of(NULL, 0), 0, 5).len == 0);
    CHECK(span_take(&rest, ',', &part) && span_is(part, "abcdef") && !rest.at);
    CHECK(!span_take(&rest, ',', &part));
    rest = SPAN(",,");
    for (int i = 0; i < 3; i++)
        CHECK(span_take(&rest, ',', &part) && part.len == 0);
    CHECK(!span_take(&rest, ',', &part));
    CHECK(span_compare(SPAN("a"), SPAN("ab")) < 0 &&
          span_compare(SPAN("\xFF"), SPAN("\x01")) > 0);
}

static void days_that_do_not_exist_are_none(void)
{
    static const char *const odd[] = {"20230229",  "19000229", "20241301", "20240100",
                                      "20240132",  "17991231", "23000101", "2024010",
                                      "202401011", "2024-1-1", "２０２４", ""};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CHECK(day_from_digits(span_cstr(odd[i])) == DAY_NONE);
    CHECK(day_from_digits(SPAN("19700101")) == 0);
    CHECK(day_from_digits(SPAN("20000229")) != DAY_NONE);
    int32_t first = day_from_digits(SPAN("18000101"));
    int32_t last = day_from_digits(SPAN("22991231"));
    for (int32_t day = first; day <= last; day++) {
        char iso[DAY_TEXT_BYTES];
        day_to_iso(day, iso);
        CHECK(day_from_iso(span_cstr(iso)) == day);
    }
}

static void an_id_is_exactly_32_digits(void)
{
    struct id id;
    struct err err = {0};
    CHECK(id_parse(SPAN("00112233445566778899aabbccddeeff"), &id, &err));
    struct id_text text = id_to_text(id);
    CHECK(text_is(id_view(&text), "00112233445566778899aabbccddeeff"));
    static const char *const odd[] = {"",
                                      "0011",
                                      "00112233445566778899aabbccddeef",
                                      "00112233445566778899aabbccddeeff0",
                                      "g0112233445566778899aabbccddeeff",
                                      "0x112233445566778899aabbccddeeff"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        CHECK(!id_parse(span_cstr(odd[i]), &id, &err) && err.kind == ERR_SYNTAX);
        err_clear(&err);
    }
}

enum { LEN = 40 };

/* Wherever they stand: plain bytes are passed over several at a time. */
static void one_bad_byte_is_found_at_every_place(void)
{
    static const uint8_t bad[] = {0, 0x80, 0xC0, 0xFF};
    uint8_t bytes[LEN];
    for (size_t at = 0; at < LEN; at++)
        for (size_t k = 0; k < sizeof bad; k++) {
            memset(bytes, 'a', LEN);
            bytes[at] = bad[k];
            CHECK(!is_text(bytes, LEN));
            CHECK(is_text(bytes, at));
        }
}

static void every_other_plain_byte_is_fine(void)
{
    uint8_t bytes[LEN];
    for (int byte = 1; byte < 0x80; byte++) {
        memset(bytes, byte, LEN);
        CHECK(is_text(bytes, LEN));
    }
}

static void characters_of_several_bytes_stand_at_every_place(void)
{
    static const char *const characters[] = {"\xC3\xA9", "紬", "\xF0\xA0\xAE\xB7"};
    for (size_t k = 0; k < 3; k++) {
        size_t len = strlen(characters[k]);
        for (size_t at = 0; at + len <= LEN; at++) {
            uint8_t bytes[LEN];
            memset(bytes, 'a', LEN);
            memcpy(bytes + at, characters[k], len);
            CHECK(is_text(bytes, LEN));
            CHECK(!is_text(bytes, at + len - 1)); /* cut */
        }
    }
}

int main(void)
{
    RUN(exactly_what_rfc_3629_allows_is_text);
    RUN(a_fault_is_told_with_its_place);
    RUN(every_code_point_comes_back_as_it_was);
    RUN(numbers_keep_to_their_digits_and_maximum);
    RUN(parts_never_reach_beyond_their_span);
    RUN(days_that_do_not_exist_are_none);
    RUN(an_id_is_exactly_32_digits);
    RUN(one_bad_byte_is_found_at_every_place);
    RUN(every_other_plain_byte_is_fine);
    RUN(characters_of_several_bytes_stand_at_every_place);
    return test_done();
}
