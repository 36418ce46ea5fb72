// SPDX-License-Identifier: Apache-2.0
#include "formats/multipart/multipart.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/test.h"

#define HEAD "Content-Type: application/dicom\r\n\r\n"

/* What came, as text: "[fields|bytes]" per part, "." at the end, "!" for a fault. */
static const char *read_in(struct span all, size_t piece)
{
    static char text[4096];
    struct multipart multipart;
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(sizeof text);
    CHECK(multipart_begin(&multipart, SPAN("frontier"), &err));
    bool is_broken = false;
    while (all.len > 0 && !is_broken) {
        struct span bytes = span_part(all, 0, piece), data = {0};
        all = span_part(all, piece, all.len);
        enum multipart_event event = MULTIPART_MORE;
        do {
            event = multipart_next(&multipart, &bytes, &data);
            if (event == MULTIPART_PART)
                buf_format(&out, "[%zu|", multipart.field_count);
            if (event == MULTIPART_DATA)
                buf_span(&out, data);
            if (event == MULTIPART_PART_END)
                buf_byte(&out, ']');
            if (event == MULTIPART_END)
                buf_byte(&out, '.');
            is_broken = event == MULTIPART_BROKEN;
        } while (event != MULTIPART_MORE && !is_broken);
    }
    if (is_broken)
        buf_byte(&out, '!');
    buf_byte(&out, '\0');
    memcpy(text, out.at, out.len);
    return text;
}

/* The same, however it is cut. */
static bool reads(const char *all, const char *expected)
{
    bool is_same = true;
    for (size_t piece = 1; piece <= strlen(all) + 1; piece++) {
        const char *text = read_in(span_cstr(all), piece);
        if (strcmp(text, expected) != 0)
            printf("# pieces of %zu: %s\n", piece, text);
        is_same = is_same && strcmp(text, expected) == 0;
    }
    return is_same;
}

static void parts_come_out_whole_however_they_are_cut(void)
{
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--frontier \t\r\n\r\ntwo\r\n"
                "--frontier--\r\nthis is not read",
                "[1|one][0|two]."));
    CHECK(reads("a line before\r\n--frontier\r\n" HEAD "\r\n--frontier--", "[1|]."));
    CHECK(reads("--frontier--", "."));
}

static void what_only_resembles_a_delimiter_is_data(void)
{
    CHECK(reads("--frontier\r\n" HEAD "\r\n\r\n--fron\r\r\n--frontie-\r\n-"
                "--frontier\r\n--frontier--",
                "[1|\r\n\r\n--fron\r\r\n--frontie-\r\n---frontier]."));
}

static void a_part_that_is_cut_has_no_end(void)
{
    CHECK(reads("--frontier\r\n" HEAD "one", "[1|one"));
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--fronti", "[1|one"));
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--frontier", "[1|one]"));
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--frontier-", "[1|one]"));
}

static void what_two_readers_would_read_differently_is_refused(void)
{
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--frontierX\r\n", "[1|one]!"));
    CHECK(reads("--frontier\r\n" HEAD "one\r\n--frontier-\r\n", "[1|one]!"));
    CHECK(reads("--frontier\n" HEAD "one", "!"));
    CHECK(reads("--frontier\r\rA: b\r\n\r\n", "!"));
    CHECK(reads("--frontier\r\nA: b\n\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\nA: b\r\n folded\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\nA: b\r\na: c\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\nA : b\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\nno field\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\n: b\r\n\r\none", "!"));
    CHECK(reads("--frontier\r\nA: \x01\r\n\r\none", "!"));
}

static void what_is_before_the_first_part_and_its_fields_are_bounded(void)
{
    CLEANUP(buf_free) struct buf long_one = buf_init(1 << 16);
    for (int i = 0; i < 2000; i++)
        buf_cstr(&long_one, "x");
    CHECK(strcmp(read_in(buf_view(&long_one), 7), "!") == 0);
    buf_reset(&long_one);
    buf_cstr(&long_one, "--frontier\r\nA: ");
    for (int i = 0; i < MULTIPART_HEAD_BYTES; i++)
        buf_cstr(&long_one, "x");
    CHECK(strcmp(read_in(buf_view(&long_one), 4096), "!") == 0);
    buf_reset(&long_one);
    buf_cstr(&long_one, "--frontier\r\n");
    for (int i = 0; i <= MULTIPART_FIELDS_MAX; i++)
        buf_format(&long_one, "A%d: b\r\n", i);
    buf_cstr(&long_one, "\r\none");
    CHECK(strcmp(read_in(buf_view(&long_one), 4096), "!") == 0);
    buf_reset(&long_one);
    buf_cstr(&long_one, "--frontier");
    for (int i = 0; i < 300; i++)
        buf_cstr(&long_one, " ");
    CHECK(strcmp(read_in(buf_view(&long_one), 4096), "!") == 0);
}

static void fields_are_found_without_regard_to_case(void)
{
    struct multipart multipart;
    struct err err = {0};
    struct span bytes = SPAN("--b\r\nCONTENT-type:  application/dicom \r\n\r\n");
    struct span data = {0};
    CHECK(multipart_begin(&multipart, SPAN("b"), &err));
    CHECK(multipart_next(&multipart, &bytes, &data) == MULTIPART_PART);
    CHECK(span_is(multipart_field(&multipart, "content-type"), "application/dicom"));
    CHECK(multipart_field(&multipart, "content-length").len == 0);
}

static bool is_refused(const char *boundary)
{
    struct multipart multipart;
    struct err err = {0};
    return !multipart_begin(&multipart, span_cstr(boundary), &err) &&
           strcmp(err.code, "boundary") == 0;
}

static void boundaries_are_those_of_the_standard(void)
{
    struct multipart multipart;
    struct err err = {0};
    CHECK(multipart_begin(&multipart, SPAN("a'()+_,-./:=? z"), &err));
    CHECK(is_refused(""));
    CHECK(is_refused("ends in a blank "));
    CHECK(is_refused("with\r\nlines"));
    char longest[] = "1234567890123456789012345678901234567890123456789012345678901234"
                     "12345678901234567890123456789012345678901234567890123456789012345";
    CHECK(is_refused(longest));
    longest[128] = '\0'; /* more than the 70 of the standard: others write 73 */
    CHECK(multipart_begin(&multipart, span_cstr(longest), &err));
}

static bool is_no_type(const char *text)
{
    struct multipart_type type;
    struct err err = {0};
    return !multipart_read_type(span_cstr(text), &type, &err) &&
           strcmp(err.code, "content_type") == 0;
}

static void content_types_are_read_with_and_without_quotes(void)
{
    struct multipart_type type;
    struct err err = {0};
    CHECK(multipart_read_type(
        SPAN("Multipart/Related; TYPE=\"application/dicom\" ;boundary=\"a b\"; x=y;"),
        &type, &err));
    CHECK(multipart_is_media(type.media, "multipart/related"));
    CHECK(span_is(type.type, "application/dicom") && span_is(type.boundary, "a b"));
    CHECK(multipart_read_type(SPAN("a/b;boundary=c/d;type=e/f"), &type, &err));
    CHECK(span_is(type.boundary, "c/d") && span_is(type.type, "e/f"));
    CHECK(is_no_type(""));
    CHECK(is_no_type("a/b boundary=c"));
    CHECK(is_no_type("a/b; boundary"));
    CHECK(is_no_type("a/b; boundary="));
    CHECK(is_no_type("a/b; boundary=\"c"));
    CHECK(is_no_type("a/b; boundary=\"c\\\"\""));
    CHECK(is_no_type("a/b; boundary=c; Boundary=d"));
}

int main(void)
{
    RUN(parts_come_out_whole_however_they_are_cut);
    RUN(what_only_resembles_a_delimiter_is_data);
    RUN(a_part_that_is_cut_has_no_end);
    RUN(what_two_readers_would_read_differently_is_refused);
    RUN(what_is_before_the_first_part_and_its_fields_are_bounded);
    RUN(fields_are_found_without_regard_to_case);
    RUN(boundaries_are_those_of_the_standard);
    RUN(content_types_are_read_with_and_without_quotes);
    return test_done();
}
