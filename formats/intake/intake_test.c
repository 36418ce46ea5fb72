// SPDX-License-Identifier: Apache-2.0
#include "formats/intake/intake.h"

#include <string.h>

#include "base/test.h"

#define IN_STORAGE                                                                       \
    "/srv/root/000/123/0001234567/20260401/ADT-12/0001234567_20260401_ADT-12_"           \
    "999999999999999_20260401101500123_01_1"
#define VISIT                                                                            \
    "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5||||||~ISO IR87\r"     \
    "EVN||20260401\rPID|1||0001234567\rPV1|1|O|01\r"

static const char *format_of(const char *path, struct span bytes)
{
    struct intake_source source = {.path = span_cstr(path), .bytes = bytes};
    return intake_find(&source)->name;
}

static size_t count_of(const struct intake_message *message)
{
    size_t count = 0;
    for (; message; message = message->next)
        count++;
    return count;
}

static struct intake_message *read_all(const char *path, struct span bytes,
                                       struct arena *arena)
{
    struct intake_source source = {.path = span_cstr(path), .bytes = bytes};
    struct intake_message *first = NULL;
    struct err err = {0};
    CHECK(intake_read(&source, arena, &first, &err));
    CHECK(first != NULL);
    return first;
}

static void the_place_decides_before_the_content(void)
{
    CHECK(strcmp(format_of(IN_STORAGE, SPAN(VISIT)), "ssmix2") == 0);
    CHECK(strcmp(format_of(IN_STORAGE, SPAN("\xFB\xFC")), "ssmix2") == 0);
    CHECK(strcmp(format_of("/tmp/a.hl7", SPAN(VISIT)), "hl7v2") == 0);
    CHECK(strcmp(format_of("", SPAN("\x0B" VISIT)), "hl7v2") == 0);
    CHECK(strcmp(format_of("", SPAN("\xEF\xBB\xBF" VISIT)), "hl7v2") == 0);
    CHECK(strcmp(format_of("", SPAN("FHS|^~\\&|\rBHS|^~\\&|\r" VISIT)), "hl7v2") == 0);
}

static void what_is_nothing_known_is_unknown(void)
{
    static const char *const contents[] = {"", "hello", "PID|1", "MS", "msh|^~\\&"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct span bytes = span_cstr(contents[i]);
        CHECK(strcmp(format_of("x", bytes), "unknown") == 0);
        struct intake_message *message = read_all("x", bytes, &arena);
        CHECK(message->err.kind == ERR_SYNTAX && message->list.count == 0);
        CHECK(strcmp(message->err.code, "format_unknown") == 0);
    }
}

static void what_is_nearly_a_message_is_told_so(void)
{
    const struct {
        struct span bytes;
        const char *code;
        size_t offset;
    } nearly[] = {
        {SPAN("\xFF\xFEM\0S\0H\0|\0^\0"), "hl7_utf16", 0},
        {SPAN("\xFE\xFF\0M\0S\0H\0|"), "hl7_utf16", 0},
        {SPAN("junk\r\nmore\r" VISIT), "hl7_before_msh", 11},
    };
    for (size_t i = 0; i < sizeof nearly / sizeof nearly[0]; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct intake_message *message = read_all("x", nearly[i].bytes, &arena);
        CHECK(strcmp(message->err.code, nearly[i].code) == 0);
        CHECK(message->err.offset == nearly[i].offset && message->err.clause != NULL);
        CHECK(strcmp(message->list.format, "unknown") == 0);
        CHECK(intake_fault_text(&message->err).len > 60);
    }
}

static void a_file_that_is_no_message_is_refused_in_its_place(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct intake_message *message = read_all(IN_STORAGE, SPAN("\xFB\xFC"), &arena);
    CHECK(strcmp(message->list.format, "ssmix2") == 0);
    CHECK(message->err.kind == ERR_SYNTAX && message->list.first == NULL);
    CHECK(strcmp(message->err.code, "hl7_no_msh") == 0);
}

static void a_bad_file_name_in_a_storage_is_refused(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct intake_message *message = read_all(
        "/srv/000/123/0001234567/20260401/ADT-12/visit.txt", SPAN(VISIT), &arena);
    CHECK(strcmp(message->list.format, "ssmix2") == 0);
    CHECK(message->err.kind == ERR_SYNTAX && message->list.first == NULL);
}

static void a_file_with_two_messages_gives_two(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct intake_message *message = read_all("b", SPAN(VISIT VISIT), &arena);
    CHECK(count_of(message) == 2);
    CHECK(message->list.count == 1 && message->next->list.count == 1);
    CHECK(message->next->offset == sizeof(VISIT) - 1);
    message =
        read_all("b", SPAN("FHS|^~\\&|\rBHS|^~\\&|\r" VISIT "BTS|1\rFTS|1\r"), &arena);
    CHECK(count_of(message) == 1 && message->err.kind == ERR_NONE);
    message = read_all("b", SPAN(VISIT "MSH|broken\r"), &arena);
    CHECK(count_of(message) == 2);
    CHECK(message->err.kind == ERR_NONE && message->next->err.kind == ERR_SYNTAX);
}

static void a_batch_without_messages_is_refused(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct intake_message *message = read_all("b", SPAN("FHS|^~\\&|\rFTS|0\r"), &arena);
    CHECK(count_of(message) == 1 && message->err.kind == ERR_SYNTAX);
}

#define ECG                                                                              \
    "\x40\x20MFR                             \x82\x0A"                                   \
    "0001234567\x85\x04\x07\xEA\x04\x01\x08\x01\x01\x0C\x03\x00\xFA\x05"
#define FRAME "\x55\x00\x1E\x04\x00\x01\x00\x02\x80\x00"

static void an_ecg_is_an_entry_of_physiology(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct intake_message *message = read_all("a.mwf", SPAN(ECG FRAME), &arena);
    struct json_writer writer = json_writer(&out);
    intake_write(&writer, message, TEXT("a.mwf"));
    CHECK(message->err.kind == ERR_NONE && message->list.count == 1);
    CHECK(span_starts(buf_view(&out),
                      "{\"path\":\"a.mwf\",\"format\":\"mfer\",\"ok\":true,"
                      "\"patient\":{\"id\":\"0001234567\",\"name\":null,\"kana\":null,"
                      "\"birth_date\":null,\"sex\":\"U\"},"
                      "\"entries\":[{\"kind\":\"physiology\",\"row\":\"test\","
                      "\"day\":\"2026-04-01\",\"title\":\"標準12誘導心電図\","
                      "\"state\":\"current\","));
    CHECK(memmem(out.at, out.len, "\"code\":\"mfer_tag_unknown\"", 25));
    CHECK(memmem(out.at, out.len, "\"flags\":[\"waveform\"]", 20));
    message = read_all("a.mwf", SPAN(ECG), &arena);
    CHECK(message->err.kind == ERR_SYNTAX && message->list.count == 0);
    CHECK(strcmp(message->list.format, "mfer") == 0);
    CHECK(text_is(intake_fault_text(&message->err),
                  "MFERですが、読める波形（WAV）がありません"));
}

static void a_full_arena_ends_the_reading(void)
{
    for (size_t cap = 0; cap < 2000; cap += 40) {
        CLEANUP(arena_free) struct arena arena = arena_init(cap);
        struct intake_source source = {.path = SPAN(IN_STORAGE), .bytes = SPAN(VISIT)};
        struct intake_message *first = NULL;
        struct err err = {0};
        if (!intake_read(&source, &arena, &first, &err))
            CHECK(err.kind == ERR_LIMIT);
    }
}

static void a_message_is_written_as_the_contract_says(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct intake_message *message = read_all("a.hl7", SPAN("MSH|^~\\&|x\r"), &arena);
    struct json_writer writer = json_writer(&out);
    intake_write(&writer, message, TEXT("a.hl7"));
    CHECK(span_starts(buf_view(&out),
                      "{\"path\":\"a.hl7\",\"format\":\"hl7v2\",\"ok\":true,"
                      "\"patient\":null,\"entries\":[{\"kind\":\"unknown\","
                      "\"row\":\"file\",\"day\":null,"));
    buf_reset(&out);
    message = read_all("b", SPAN("?"), &arena);
    writer = json_writer(&out);
    intake_write(&writer, message, TEXT("b"));
    CHECK(
        span_is(buf_view(&out),
                "{\"path\":\"b\",\"format\":\"unknown\",\"ok\":false,\"patient\":null,"
                "\"entries\":[],\"warnings\":[],\"error\":{\"code\":\"format_unknown\","
                "\"offset\":0,\"text\":\"知られている形式のファイルではありません\"}}"));
}

static struct text fault_of(const char *path, struct span bytes, struct arena *arena)
{
    const struct intake_message *message = read_all(path, bytes, arena);
    CHECK(message->err.kind != ERR_NONE);
    return intake_fault_text(&message->err);
}

/* For a vendor: no code stands alone, and it is said which segment is missing. */
static void faults_are_sentences(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    static const char place[] =
        "000/123/0001234567/20260401/OMP-01/"
        "0001234567_20260401_OMP-01_000000000000777_20260401101500123_01_";
    char current[sizeof place + 1];
    char wrong[sizeof place + 1];
    snprintf(current, sizeof current, "%s1", place);
    snprintf(wrong, sizeof wrong, "%s3", place);
    CHECK(text_is(fault_of("x", SPAN("?"), &arena),
                  "知られている形式のファイルではありません"));
    CHECK(text_is(fault_of(current, SPAN("?"), &arena),
                  "MSHセグメントがありません。HL7の電文ではないか、先頭が欠けています"));
    CHECK(text_is(fault_of(current, SPAN("MSH|^~\\&|A\rPV1|1|O\r"), &arena),
                  "必須のPIDセグメントがありません"));
    CHECK(
        text_is(fault_of(current, SPAN("MSH|^~\\&|A\rPID|1||1"), &arena),
                "電文が途中で切れています。最後のセグメントの終わり（CR）がありません"));
    CHECK(text_is(fault_of(wrong, SPAN("MSH|^~\\&|A\r"), &arena),
                  "ファイル名の最後のコンディションフラグが0、1、2のどれでもありません"));
}

static void a_fault_without_words_says_its_own(void)
{
    struct err err = {0};
    err_set(&err, ERR_LIMIT, "new_code", "words of its own");
    CHECK(text_is(intake_fault_text(&err), "words of its own"));
}

int main(void)
{
    RUN(the_place_decides_before_the_content);
    RUN(faults_are_sentences);
    RUN(a_fault_without_words_says_its_own);
    RUN(what_is_nothing_known_is_unknown);
    RUN(what_is_nearly_a_message_is_told_so);
    RUN(a_file_that_is_no_message_is_refused_in_its_place);
    RUN(a_bad_file_name_in_a_storage_is_refused);
    RUN(a_file_with_two_messages_gives_two);
    RUN(a_batch_without_messages_is_refused);
    RUN(an_ecg_is_an_entry_of_physiology);
    RUN(a_full_arena_ends_the_reading);
    RUN(a_message_is_written_as_the_contract_says);
    return test_done();
}
