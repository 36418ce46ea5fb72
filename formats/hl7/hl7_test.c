// SPDX-License-Identifier: Apache-2.0
#include "formats/hl7/hl7.h"

#include <dirent.h>
#include <string.h>

#include "base/path.h"
#include "base/test.h"

#define MSH "MSH|^~\\&|A|B|C|D|20240102030405||ADT^A08^ADT_A01|1|P|2.5||||||~ISO IR87\r"
#define BAD "\xEF\xBF\xBD"

static struct arena arena;

static const struct hl7_message *parse(struct span bytes)
{
    struct err err = {0};
    const struct hl7_message *message = hl7_parse(bytes, &arena, &err);
    if (!message)
        printf("# %s at %llu\n", err.code, (unsigned long long)err.offset);
    CHECK(message);
    return message;
}

static bool refuses(struct span bytes, const char *code, uint64_t offset)
{
    struct err err = {0};
    if (hl7_parse(bytes, &arena, &err))
        return false;
    bool is_as_told = strcmp(err.code, code) == 0 && err.offset == offset && err.clause;
    if (!is_as_told)
        printf("# %s at %llu\n", err.code, (unsigned long long)err.offset);
    return is_as_told;
}

static bool reads(const struct hl7_message *message, struct hl7_place place,
                  const char *expected)
{
    struct err err = {0};
    struct text text = {0};
    CHECK(hl7_text(message, place, &arena, &text, &err));
    if (!text_is(text, expected))
        printf("# got \"%.*s\"\n", (int)text.len, text.at);
    return text_is(text, expected);
}

static void segments_fields_and_components_are_found(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|0001||77^^^^PI||A^B~C^D&E&F\rPV1||O\r"));
    CHECK(hl7_segment_count(message) == 3);
    CHECK(span_is(hl7_segment_name(message, 1), "PID"));
    CHECK(hl7_find(message, "PV1", 0) == 2 && hl7_find(message, "PV1", 3) == HL7_NONE);
    CHECK(hl7_find(message, "ZZZ", 0) == HL7_NONE);
    CHECK(hl7_field_count(message, 1) == 5 && hl7_field_count(message, 2) == 2);
    CHECK(span_is(hl7_raw(message, HL7_AT(1, 3, 1)), "77"));
    CHECK(span_is(hl7_raw(message, HL7_AT(1, 3, 5)), "PI"));
    CHECK(span_is(hl7_raw(message, HL7_AT(1, 5, 0)), "A^B"));
    CHECK(hl7_repetition_count(message, 1, 5) == 2);
    CHECK(hl7_repetition_count(message, 1, 2) == 0);
    struct hl7_place place = {1, 5, 1, 2, 3};
    CHECK(span_is(hl7_raw(message, place), "F"));
    CHECK(hl7_offset(message, place) == sizeof MSH - 1 + 30);
    place.subcomponent = 0;
    CHECK(span_is(hl7_raw(message, place), "D&E&F"));
    CHECK(hl7_oddities(message) == 0);
}

static void what_is_not_there_is_empty(void)
{
    const struct hl7_message *message = parse(SPAN(MSH "PID|1\r"));
    CHECK(hl7_raw(message, HL7_AT(1, 9, 1)).len == 0);
    CHECK(hl7_raw(message, HL7_AT(1, 1, 2)).len == 0);
    CHECK(hl7_raw(message, HL7_AT(7, 1, 1)).len == 0);
    CHECK(hl7_raw(message, (struct hl7_place){1, 1, 1, 0, 0}).len == 0);
    CHECK(hl7_raw(message, (struct hl7_place){1, 65535, 65535, 65535, 65535}).len == 0);
    CHECK(hl7_segment_name(message, 9).len == 0 && hl7_field_count(message, 9) == 0);
    CHECK(reads(message, HL7_AT(7, 1, 1), ""));
    CHECK(!hl7_is_null(message, HL7_AT(1, 9, 0)));
}

static void msh_counts_its_separator_as_field_one(void)
{
    const struct hl7_message *message = parse(SPAN(MSH));
    CHECK(span_is(hl7_raw(message, HL7_AT(0, 1, 0)), "|"));
    CHECK(span_is(hl7_raw(message, HL7_AT(0, 2, 0)), "^~\\&"));
    CHECK(reads(message, HL7_AT(0, 2, 0), "^~\\&") &&
          reads(message, HL7_AT(0, 1, 1), "|"));
    CHECK(span_is(hl7_raw(message, HL7_AT(0, 7, 1)), "20240102030405"));
    CHECK(span_is(hl7_message_code(message), "ADT"));
    CHECK(span_is(hl7_trigger(message), "A08"));
    CHECK(hl7_field_count(message, 0) == 18);
    CHECK(hl7_repetition_count(message, 0, 18) == 2);
}

static void null_differs_from_empty(void)
{
    const struct hl7_message *message = parse(SPAN(MSH "RXE|\"\"||\"\"x\r"));
    CHECK(hl7_is_null(message, HL7_AT(1, 1, 0)) && hl7_is_null(message, HL7_AT(1, 1, 1)));
    CHECK(!hl7_is_null(message, HL7_AT(1, 2, 0)) &&
          !hl7_is_null(message, HL7_AT(1, 3, 0)));
    CHECK(reads(message, HL7_AT(1, 1, 0), ""));
}

static void separators_inside_characters_do_not_separate(void)
{
    /* second bytes 0x7C, 0x5E, 0x7E, 0x26, 0x5C */
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|\x1B$B0|0^0~0&0\\\x1B(B^\x1B$B;3\x1B(B|x\r"));
    CHECK(hl7_field_count(message, 1) == 2);
    CHECK(reads(message, HL7_AT(1, 1, 1), "淫緯蔭愛移"));
    CHECK(reads(message, HL7_AT(1, 1, 2), "山"));
    CHECK(hl7_repetition_count(message, 1, 1) == 1);
    /* half-width kana of 7 bits: 0x5C ﾜ, 0x5E ﾞ, 0x26 ｦ */
    message = parse(SPAN(MSH "PID|\x1B(I\\6^&\x1B(B^A\r"));
    CHECK(reads(message, HL7_AT(1, 1, 1), "ﾜｶﾞｦ") &&
          reads(message, HL7_AT(1, 1, 2), "A"));
    /* CP932 表 ソ with second byte 0x5C; 0x7C, 0x5E */
    message = parse(SPAN(MSH "PID|\x95\x5C\x83\x5C^\x8A\x7C\x8A\x5E|x\r"));
    CHECK(hl7_charset(message) == CHARSET_CP932 && hl7_charset_is_misdeclared(message));
    CHECK(hl7_field_count(message, 1) == 2);
    CHECK(reads(message, HL7_AT(1, 1, 1), "表ソ") &&
          reads(message, HL7_AT(1, 1, 2), "掛蛙"));
    /* a single CP932 pair in a 7-bit file */
    message = parse(SPAN(MSH "PID|\x1B$B;3\x1B(B\x8A\x7C|x\r"));
    CHECK(hl7_field_count(message, 1) == 2 && reads(message, HL7_AT(1, 1, 0), "山掛"));
    CHECK(hl7_charset_findings(message) & CHARSET_HIGH_BYTES);
    CHECK(!hl7_charset_is_misdeclared(message));
}

static void jis_roman_separates_like_ascii(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|\x1B$B;3\x1B(J^B\\.br\\C|x\r"));
    CHECK(hl7_field_count(message, 1) == 2);
    CHECK(reads(message, HL7_AT(1, 1, 1), "山") &&
          reads(message, HL7_AT(1, 1, 2), "B\nC"));
    message = parse(SPAN(MSH "PID|\x1B$B;3\x1B(JB\\.br\\C\\5\r"));
    CHECK(reads(message, HL7_AT(1, 1, 0), "山B\nC¥5"));
}

static void escapes_are_resolved(void)
{
    const struct hl7_message *message = parse(
        SPAN(MSH "OBX|\\F\\\\S\\\\T\\\\R\\\\E\\|a\\.br\\b|\\H\\x\\N\\|\\X410D0A42\\|"
                 "\\Q\\\\|\\X4\\\\XZZ\\|\\C2842\\\\M254A\\|a\\b|\\|\\X00\\\r"));
    CHECK(reads(message, HL7_AT(1, 1, 0), "|^&~\\"));
    CHECK(reads(message, HL7_AT(1, 2, 0), "a\nb"));
    CHECK(reads(message, HL7_AT(1, 3, 0), "x"));
    CHECK(reads(message, HL7_AT(1, 4, 0), "A\nB"));
    CHECK(reads(message, HL7_AT(1, 5, 0), "\\Q\\\\"));
    CHECK(reads(message, HL7_AT(1, 6, 0), "\\X4\\\\XZZ\\"));
    CHECK(reads(message, HL7_AT(1, 7, 0), "\\C2842\\\\M254A\\"));
    CHECK(reads(message, HL7_AT(1, 8, 0), "a\\b"));
    CHECK(reads(message, HL7_AT(1, 9, 0), "\\"));
    CHECK(reads(message, HL7_AT(1, 10, 0), BAD));
    message = parse(SPAN(MSH "OBX|\\X1B24423B33\\|\x1B$B;3\x1B(B\\F\\\r"));
    CHECK(reads(message, HL7_AT(1, 1, 0), "山") &&
          reads(message, HL7_AT(1, 2, 0), "山|"));
}

static void control_characters_never_reach_the_text(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "OBX|a\tb\x01|\x1B$B;3\x7F;3\x1B(B\r"));
    CHECK(reads(message, HL7_AT(1, 1, 0), "a b" BAD));
    CHECK(reads(message, HL7_AT(1, 2, 0), "山" BAD "山"));
    message = parse(SPAN(MSH "OBX|\xC2\x85山\r"));
    CHECK(reads(message, HL7_AT(1, 1, 0), BAD "山"));
}

static void all_line_ends_and_envelopes_are_taken(void)
{
    static const char *const forms[] = {
        "MSH|^~\\&|A\rPID|1\rPV1|2\r",
        "MSH|^~\\&|A\nPID|1\nPV1|2\n",
        "MSH|^~\\&|A\r\nPID|1\r\nPV1|2\r\n",
        "\xEF\xBB\xBFMSH|^~\\&|A\rPID|1\r\r\n\nPV1|2\r",
        "\x0BMSH|^~\\&|A\rPID|1\rPV1|2\r\x1C\r",
        "MSH|^~\\&|A\rPID|1\rPV1|2\r\x1C",
        "FHS|^~\\&|X\rBHS|^~\\&|Y\rMSH|^~\\&|A\rPID|1\rPV1|2\rBTS|1\rFTS|1\r",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct hl7_message *message = parse(span_cstr(forms[i]));
        CHECK(hl7_segment_count(message) == 3 && hl7_oddities(message) == 0);
        CHECK(span_is(hl7_raw(message, HL7_AT(1, 1, 0)), "1"));
        CHECK(span_is(hl7_raw(message, HL7_AT(2, 1, 0)), "2"));
        CHECK(forms[i][hl7_segment_offset(message, 1)] == 'P');
    }
}

static void a_line_feed_in_a_text_keeps_the_text_but_never_hides_a_segment(void)
{
    const struct hl7_message *message = parse(SPAN(MSH "OBX|a\nb c\nPID|1\rPV1|2\r"));
    CHECK(hl7_segment_count(message) == 4);
    CHECK(hl7_oddities(message) == HL7_LINE_FEED_IN_TEXT);
    CHECK(hl7_odd_segment(message, HL7_LINE_FEED_IN_TEXT) == 1);
    CHECK(reads(message, HL7_AT(1, 1, 0), "a\nb c"));
}

static void separators_come_from_the_message(void)
{
    const struct hl7_message *message = parse(SPAN("MSH#*+!%#A\rPID#a*b+c%d#!F!\r"));
    CHECK(span_is(hl7_raw(message, HL7_AT(1, 1, 2)), "b"));
    CHECK(span_is(hl7_raw(message, (struct hl7_place){1, 1, 1, 1, 2}), "d"));
    CHECK(reads(message, HL7_AT(1, 2, 0), "#"));
    CHECK(parse(SPAN("MSH|^~\\&#|A\rPID|1\r")));
}

/* 2.5.4: who needs no escapes and no sub-components may leave their signs out. */
static void signs_that_a_message_does_not_need_may_be_absent(void)
{
    const struct hl7_message *message =
        parse(SPAN("MSH|^~\\|A\rOBX|1|a&b^c\\F\\\x1B$B%&%s\x1B(B~d\r"));
    CHECK(span_is(hl7_raw(message, HL7_AT(0, 2, 0)), "^~\\"));
    CHECK(reads(message, HL7_AT(1, 2, 1), "a&b"));
    CHECK(reads(message, (struct hl7_place){1, 2, 0, 1, 1}, "a&b"));
    CHECK(reads(message, (struct hl7_place){1, 2, 0, 1, 2}, ""));
    CHECK(reads(message, HL7_AT(1, 2, 2), "c|ウン"));
    CHECK(hl7_repetition_count(message, 1, 2) == 2);
    message = parse(SPAN("MSH|^~|A\rOBX|1|a\\F\\b&c^\\.br\\\r"));
    CHECK(hl7_segment_count(message) == 2 && hl7_oddities(message) == 0);
    CHECK(reads(message, HL7_AT(1, 2, 1), "a\\F\\b&c"));
    CHECK(reads(message, HL7_AT(1, 2, 2), "\\.br\\"));
}

static void an_offset_is_named_as_people_do(void)
{
    static const char bytes[] = "\x0BMSH|^~\\&|A||C\rPID|1||x^y\rZZZ|\r";
    const struct hl7_message *message = parse(SPAN(bytes));
    static const struct {
        const char *before;
        const char *name;
    } places[] = {{"MSH", "MSH"},   {"^~", "MSH-2"},  {"C\r", "MSH-5"},  {"PID", "PID"},
                  {"1||", "PID-1"}, {"x^y", "PID-3"}, {"y\rZ", "PID-3"}, {"ZZZ", "ZZZ"}};
    char name[HL7_PLACE_NAME_BYTES];
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t offset = (size_t)(strstr(bytes, places[i].before) - bytes);
        hl7_name_place(message, offset, name);
        CHECK(strcmp(name, places[i].name) == 0);
    }
    hl7_name_place(message, 0, name);
    CHECK(name[0] == '\0');
    hl7_name_place(message, 1000, name);
    CHECK(name[0] == '\0');
}

static void formatting_commands_move_the_text(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "NTE|1||a\\.sp\\b\\.sp2\\c\\.ce\\d\\.in+4\\e\\.sk3\\f\\.nf\\g\r"));
    CHECK(reads(message, HL7_AT(1, 3, 0), "a\nb\nc\nde fg"));
}

static void a_message_without_msh_is_refused(void)
{
    CHECK(refuses(SPAN(""), "hl7_no_msh", 0));
    CHECK(refuses(SPAN("\xFB\xFC"), "hl7_no_msh", 0));
    CHECK(refuses(SPAN("PID|1\rMSH|^~\\&|A\r"), "hl7_before_msh", 6));
    CHECK(refuses(SPAN("\x0B\r\nMSA|AA\r"), "hl7_no_msh", 3));
    CHECK(refuses(SPAN("FHS|^~\\&|X\rPID|1\r"), "hl7_no_msh", 11));
    CHECK(refuses(SPAN("M"), "hl7_no_msh", 0));
    CHECK(refuses(SPAN("M\0S\0H\0|\0^\0"), "hl7_utf16", 0));
    CHECK(refuses(SPAN("\xFE\xFF\0M\0S\0H\0|"), "hl7_utf16", 0));
    CHECK(refuses(SPAN("\xFF\xFEM\0S"), "hl7_no_msh", 0));
}

static void bad_separators_are_refused(void)
{
    CHECK(refuses(SPAN("MSH|^|A\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH||A\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH|^^\\&|A\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH|^~\\^|A\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH|^~\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSHA^~\\&AX"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH|^~\\\r|"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH|^~\\&##|A\r"), "hl7_bad_separators", 3));
    CHECK(refuses(SPAN("MSH \x80~\\&|A\r"), "hl7_bad_separators", 3));
}

static void a_cut_is_refused_or_told(void)
{
    CHECK(refuses(SPAN("MSH"), "hl7_segment_cut", 3));
    CHECK(refuses(SPAN(MSH "PID|1\rMSH\r\x1C"), "hl7_segment_cut", sizeof MSH + 5));
    CHECK(refuses(SPAN(MSH "PID|1\rPV"), "hl7_segment_cut", sizeof MSH + 5));
    CHECK(refuses(SPAN(MSH "PID|1\rPV\r"), "hl7_segment_cut", sizeof MSH + 5));
    CHECK(refuses(SPAN(MSH "PID|\x1B$B;3"), "hl7_segment_cut", sizeof MSH - 1));
    CHECK(refuses(SPAN(MSH "PID|\x1B$B;3;"), "hl7_segment_cut", sizeof MSH - 1));
    const struct hl7_message *message = parse(SPAN(MSH "PID|1\rPV1|O|4"));
    CHECK(hl7_oddities(message) == HL7_NO_END);
    CHECK(hl7_odd_segment(message, HL7_NO_END) == 2);
}

static void every_cut_of_a_message_is_noticed(void)
{
    const struct span whole = SPAN(MSH "PID|1||7\rPV1||\x1B$B;3\x1B(B\rRXE||1\r");
    for (size_t len = 0; len < whole.len; len++) {
        struct err err = {0};
        const struct hl7_message *message =
            hl7_parse(span_part(whole, 0, len), &arena, &err);
        bool is_between = len > 0 && whole.at[len - 1] == '\r';
        if (message)
            CHECK(is_between == !(hl7_oddities(message) & HL7_NO_END));
        else
            CHECK(!is_between);
    }
}

static void junk_segments_are_tolerated_and_told(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|1\rpid|2\rMSH\rAL1\rjunk line\rPV1|\x1B$B;3\rOBX|1\r"));
    CHECK(hl7_segment_count(message) == 8);
    CHECK(hl7_oddities(message) ==
          (HL7_JUNK_SEGMENT | HL7_BARE_SEGMENT | HL7_SECOND_MSH | HL7_UNCLOSED_STATE));
    CHECK(hl7_odd_segment(message, HL7_JUNK_SEGMENT) == 2);
    CHECK(hl7_odd_segment(message, HL7_BARE_SEGMENT) == 3);
    CHECK(hl7_odd_segment(message, HL7_SECOND_MSH) == 3);
    CHECK(hl7_odd_segment(message, HL7_UNCLOSED_STATE) == 6);
    CHECK(hl7_odd_segment(message, HL7_NO_END) == HL7_NONE);
    CHECK(reads(message, HL7_AT(6, 1, 0), "山") && reads(message, HL7_AT(7, 1, 0), "1"));
}

static void limits_are_kept(void)
{
    CLEANUP(buf_free) struct buf bytes = buf_init(HL7_MESSAGE_BYTES_MAX + 2);
    struct arena large = arena_init(256 << 20);
    struct err err = {0};
    buf_cstr(&bytes, MSH);
    for (int i = 0; i < HL7_SEGMENTS_MAX; i++)
        buf_cstr(&bytes, "A\r");
    CHECK(!hl7_parse(buf_view(&bytes), &large, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "hl7_too_many_segments") == 0);
    buf_reset(&bytes);
    err_clear(&err);
    buf_cstr(&bytes, MSH "PID");
    for (int i = 0; i < HL7_FIELDS_MAX; i++)
        buf_byte(&bytes, '|');
    CHECK(!hl7_parse(buf_view(&bytes), &large, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "hl7_too_many_fields") == 0);
    err_clear(&err);
    while (bytes.len <= HL7_MESSAGE_BYTES_MAX)
        buf_byte(&bytes, '|');
    CHECK(!hl7_parse(buf_view(&bytes), &large, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "hl7_too_large") == 0);
    arena_free(&large);
}

static void declarations_are_compared_with_the_bytes(void)
{
    CHECK(!hl7_charset_is_misdeclared(parse(SPAN(MSH "PID|a\r"))));
    CHECK(!hl7_charset_is_misdeclared(parse(SPAN(MSH "PID|\x1B$B;3\x1B(B\r"))));
    CHECK(hl7_charset_is_misdeclared(parse(SPAN(MSH "PID|山\r"))));
    CHECK(hl7_charset(parse(SPAN(MSH "PID|山\r"))) == CHARSET_UTF8);
#define DECLARED(set) "MSH|^~\\&|||||1||ADT^A08|1|P|2.5||||||" set "\rPID|"
    CHECK(!hl7_charset_is_misdeclared(parse(SPAN(DECLARED("UNICODE UTF-8") "山\r"))));
    CHECK(!hl7_charset_is_misdeclared(parse(SPAN(DECLARED("~ISOIR87") "\x1B$B;3\r"))));
    CHECK(!hl7_charset_is_misdeclared(parse(SPAN(DECLARED("") "山\r"))));
    CHECK(hl7_charset_is_misdeclared(parse(SPAN(DECLARED("ASCII") "\x1B$B;3\r"))));
    const struct hl7_message *message = parse(SPAN(DECLARED("8859/1") "Mu\xF1oz\r"));
    CHECK(hl7_charset(message) == CHARSET_LATIN1 &&
          reads(message, HL7_AT(1, 1, 0), "Muñoz"));
}

/* Parses every file below `directory`; returns how many parsed and counts the rest. */
static int walk(const char *directory, int *refused)
{
    DIR *handle = opendir(directory);
    int parsed = 0;
    const struct dirent *entry = NULL;
    while (handle && (entry = readdir(handle))) {
        CLEANUP(buf_free) struct buf name = buf_init(4096);
        if (entry->d_name[0] == '.')
            continue;
        buf_format(&name, "%s/%s", directory, entry->d_name);
        buf_byte(&name, 0);
        if (entry->d_type == DT_DIR) {
            parsed += walk((const char *)name.at, refused);
            continue;
        }
        struct err err = {0};
        struct span bytes = {0};
        CLEANUP(arena_free) struct arena file = arena_init(4 << 20);
        if (!path_read_file((const char *)name.at, 1 << 20, &file, &bytes, &err))
            continue;
        const struct hl7_message *message = hl7_parse(bytes, &file, &err);
        if (!message) {
            (*refused)++;
            continue;
        }
        parsed++;
        for (size_t segment = 0; segment < hl7_segment_count(message); segment++)
            for (uint16_t field = 0; field <= hl7_field_count(message, segment);
                 field++) {
                struct text text = {0};
                CHECK(hl7_text(message, HL7_AT(segment, field, 0), &file, &text, &err));
            }
        CHECK(!(hl7_charset_findings(message) & CHARSET_BAD_BYTES));
    }
    if (handle)
        closedir(handle);
    return parsed;
}

/* What was split is remembered for one repetition: asking in any order changes nothing.
 */
static void components_are_the_same_in_any_order(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|a^b~c^\x1B$B;3!$3]\x1B(B^e|f^g\r"
                       "OBX|1^2^3^4^5^6^7^8^9^10^11^12^13^14^15^16^17^18^19\r"));
    struct hl7_place second = {.segment = 1, .field = 1, .repetition = 1, .component = 2};
    struct hl7_place third = {.segment = 1, .field = 1, .repetition = 1, .component = 3};
    for (int i = 0; i < 2; i++) {
        CHECK(reads(message, HL7_AT(1, 1, 2), "b"));
        CHECK(reads(message, third, "e"));
        CHECK(reads(message, HL7_AT(1, 1, 1), "a"));
        CHECK(reads(message, second, "山，掛"));
        CHECK(reads(message, HL7_AT(1, 2, 2), "g"));
        CHECK(reads(message, HL7_AT(2, 1, 18), "18"));
        CHECK(reads(message, HL7_AT(2, 1, 16), "16"));
        CHECK(reads(message, HL7_AT(2, 1, 17), "17"));
        CHECK(reads(message, HL7_AT(2, 1, 19), "19"));
        CHECK(reads(message, HL7_AT(2, 1, 20), ""));
        CHECK(reads(message, HL7_AT(2, 1, 1), "1"));
    }
}

static void findings_say_where(void)
{
    const struct hl7_message *message =
        parse(SPAN(MSH "PID|a|b\x1B$B-!\x1B(B|c^\x1B$B~~\x1B(B\r"));
    size_t pid = hl7_segment_offset(message, 1);
    CHECK(hl7_finding_offset(message, CHARSET_BAD_BYTES) == 0);
    CHECK(reads(message, HL7_AT(1, 2, 0), "b①"));
    CHECK(reads(message, HL7_AT(1, 3, 2), BAD));
    CHECK(hl7_charset_findings(message) ==
          (CHARSET_VENDOR_CHARACTERS | CHARSET_BAD_BYTES));
    CHECK(hl7_finding_offset(message, CHARSET_VENDOR_CHARACTERS) == pid + 6);
    CHECK(hl7_finding_offset(message, CHARSET_BAD_BYTES) == pid + 21);
    CHECK(hl7_finding_offset(message, CHARSET_JISX0212) == 0);
}

static void the_sample_files_are_read(void)
{
    int refused = 0;
    CHECK(walk("../shared/fixtures/ssmix2", &refused) == 20 && refused == 2);
    refused = 0;
    CHECK(walk("../shared/fixtures/hl7v2", &refused) == 60 && refused == 0);
}

int main(void)
{
    arena = arena_init(32 << 20);
    RUN(segments_fields_and_components_are_found);
    RUN(what_is_not_there_is_empty);
    RUN(msh_counts_its_separator_as_field_one);
    RUN(null_differs_from_empty);
    RUN(separators_inside_characters_do_not_separate);
    RUN(jis_roman_separates_like_ascii);
    RUN(escapes_are_resolved);
    RUN(control_characters_never_reach_the_text);
    RUN(all_line_ends_and_envelopes_are_taken);
    RUN(a_line_feed_in_a_text_keeps_the_text_but_never_hides_a_segment);
    RUN(separators_come_from_the_message);
    RUN(signs_that_a_message_does_not_need_may_be_absent);
    RUN(an_offset_is_named_as_people_do);
    RUN(formatting_commands_move_the_text);
    RUN(a_message_without_msh_is_refused);
    RUN(bad_separators_are_refused);
    RUN(a_cut_is_refused_or_told);
    RUN(every_cut_of_a_message_is_noticed);
    RUN(junk_segments_are_tolerated_and_told);
    RUN(limits_are_kept);
    RUN(declarations_are_compared_with_the_bytes);
    RUN(components_are_the_same_in_any_order);
    RUN(findings_say_where);
    DIR *fixtures = opendir("../shared/fixtures/ssmix2");
    if (fixtures)
        RUN(the_sample_files_are_read);
    else
        SKIP("the_sample_files_are_read", "no sample files beside the tree");
    if (fixtures)
        closedir(fixtures);
    arena_free(&arena);
    return test_done();
}
