// SPDX-License-Identifier: Apache-2.0
#include "formats/csv/csv.h"

#include "base/day.h"
#include "base/test.h"

static bool is_written_as(struct text field, const char *expected)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct csv_writer writer = csv_writer(&out, CSV_WITHOUT_MARK);
    csv_text(&writer, field);
    return span_is(buf_view(&out), expected);
}

static void rows_end_with_crlf_and_begin_with_the_mark(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct csv_writer writer = csv_writer(&out, CSV_WITH_MARK);
    csv_cstr(&writer, "日付");
    csv_cstr(&writer, "件数");
    csv_end_row(&writer);
    csv_day(&writer, day_from_date(2026, 4, 1));
    csv_int(&writer, -3);
    csv_end_row(&writer);
    csv_day(&writer, DAY_NONE);
    csv_text(&writer, TEXT(""));
    csv_end_row(&writer);
    CHECK(buf_check(&out, &err));
    CHECK(span_is(buf_view(&out), "\xEF\xBB\xBF日付,件数\r\n2026-04-01,-3\r\n,\r\n"));
}

static void separators_and_quotes_are_quoted(void)
{
    CHECK(is_written_as(TEXT("a,b"), "\"a,b\""));
    CHECK(is_written_as(TEXT("a\"b"), "\"a\"\"b\""));
    CHECK(is_written_as(TEXT(" a"), "\" a\""));
    CHECK(is_written_as(TEXT("飯田 太郎"), "飯田 太郎"));
}

static void line_breaks_become_one_kind(void)
{
    CHECK(is_written_as(TEXT("a\r\nb\rc\nd\n\ne"), "\"a\nb\nc\nd\n\ne\""));
}

static void formulas_are_disarmed(void)
{
    CHECK(is_written_as(TEXT("=1+1"), "'=1+1"));
    CHECK(is_written_as(TEXT("+A1"), "'+A1"));
    CHECK(is_written_as(TEXT("-A1"), "'-A1"));
    CHECK(is_written_as(TEXT("@SUM(A1)"), "'@SUM(A1)"));
    CHECK(is_written_as(TEXT("\t=1"), "'\xE2\x90\x89=1"));
    CHECK(is_written_as(TEXT("\r=1"), "\"'\n=1\""));
    CHECK(is_written_as(TEXT("\n=1"), "\"'\n=1\""));
    CHECK(is_written_as(TEXT("＝1"), "'＝1"));
    CHECK(is_written_as(TEXT("＋1"), "'＋1"));
    CHECK(is_written_as(TEXT("－1"), "'－1"));
    CHECK(is_written_as(TEXT("＠1"), "'＠1"));
    CHECK(is_written_as(TEXT("−1"), "'−1"));
    CHECK(is_written_as(TEXT("  =1"), "\"'  =1\""));
    CHECK(is_written_as(TEXT("　=1"), "'　=1"));
    CHECK(is_written_as(TEXT("=HYPERLINK(\"http://x\")"),
                        "\"'=HYPERLINK(\"\"http://x\"\")\""));
}

static void half_numbers_are_disarmed_too(void)
{
    CHECK(is_written_as(TEXT("-"), "'-"));
    CHECK(is_written_as(TEXT("-1."), "'-1."));
    CHECK(is_written_as(TEXT("-.5"), "'-.5"));
    CHECK(is_written_as(TEXT("-1.2.3"), "'-1.2.3"));
    CHECK(is_written_as(TEXT("-1+cmd|' /C calc'!A0"), "'-1+cmd|' /C calc'!A0"));
    CHECK(is_written_as(TEXT("+81-265"), "'+81-265"));
}

static void plain_numbers_stay_bare(void)
{
    CHECK(is_written_as(TEXT("-1.2"), "-1.2"));
    CHECK(is_written_as(TEXT("+81"), "+81"));
    CHECK(is_written_as(TEXT("0.5"), "0.5"));
    CHECK(is_written_as(TEXT("-7"), "-7"));
}

static void control_characters_are_made_visible(void)
{
    CHECK(is_written_as(TEXT("a\x01\x1f\x7f"), "a\xE2\x90\x81\xE2\x90\x9F\xE2\x90\xA1"));
    CHECK(is_written_as(TEXT("a\xC2\x9B"), "a\xEF\xBF\xBD"));
    CHECK(is_written_as(TEXT("a\xE2\x80\xAE"), "a\xEF\xBF\xBD"));
}

static void what_does_not_fit_is_told_at_the_end(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4);
    struct csv_writer writer = csv_writer(&out, CSV_WITHOUT_MARK);
    csv_cstr(&writer, "too long");
    csv_end_row(&writer);
    CHECK(!buf_check(&out, &err) && err.kind == ERR_LIMIT);
}

int main(void)
{
    RUN(rows_end_with_crlf_and_begin_with_the_mark);
    RUN(separators_and_quotes_are_quoted);
    RUN(line_breaks_become_one_kind);
    RUN(formulas_are_disarmed);
    RUN(half_numbers_are_disarmed_too);
    RUN(plain_numbers_stay_bare);
    RUN(control_characters_are_made_visible);
    RUN(what_does_not_fit_is_told_at_the_end);
    return test_done();
}
