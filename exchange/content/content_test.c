// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/test.h"
#include "exchange/content/content_parts.h"

static const struct registry_entry entry = {.id = {{1}},
                                            .facility = {{2}},
                                            .kind = ENTRY_PRESCRIPTION,
                                            .day = 20000,
                                            .end_day = DAY_NONE};

static bool write_body(const char *body, struct buf *out, struct err *err)
{
    struct content_answer answer = {
        .entry = &entry, .body = span_cstr(body), .fetched_at_ms = 5};
    return content_write(&answer, out, err);
}

static void items_and_warnings_go_on_escaped(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CHECK(write_body(
        "{\"entry\":{\"items\":[{\"type\":\"drug\",\"name\":\"<b>\\u0041\"}],"
        "\"title\":\"not taken\"},\"warnings\":[{\"code\":\"c\",\"text\":\"t\"}],"
        "\"other\":1}",
        &out, &err));
    buf_byte(&out, '\0');
    const char *json = (const char *)out.at;
    CHECK(strstr(json, "\"items\":[{\"type\":\"drug\",\"name\":\"\\u003cb\\u003eA\"}]"));
    CHECK(strstr(json, "\"warnings\":[{\"code\":\"c\",\"text\":\"t\"}]"));
    CHECK(strstr(json, "\"fetched_at\":5") && !strstr(json, "not taken") &&
          !strstr(json, "other"));
}

static void what_is_not_content_is_refused_whole(void)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{\"entry\":{\"items\":[]}}",
        "{\"warnings\":[]}",
        "{\"entry\":[],\"warnings\":[]}",
        "{\"entry\":{\"items\":[1]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{\"type\":7}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{\"type\":\"a\",\"b\":{}}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{\"type\":\"a\",\"b\":null}]},\"warnings\":[]}",
        ("{\"entry\":{\"items\":[{\"type\":\"a\",\"__proto__\\n\":\"\"}]},\"warnings\":[]"
         "}"),
        "{\"entry\":{\"items\":[{\"type\":\"a\",\"\":\"\"}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{\"type\":\"a\",\"type\":\"b\"}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[]},\"warnings\":[{\"code\":\"c\"}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        CHECK(!write_body(bodies[i], &out, &err));
        CHECK(err.kind == ERR_SYNTAX);
    }
}

static void more_than_the_bounds_is_refused(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf body = buf_init(8 << 20);
    CLEANUP(buf_free) struct buf out = buf_init(8 << 20);
    buf_cstr(&body, "{\"entry\":{\"items\":[");
    for (int i = 0; i <= CONTENT_ITEMS_MAX; i++)
        buf_format(&body, "%s{\"type\":\"a\"}", i > 0 ? "," : "");
    buf_cstr(&body, "]},\"warnings\":[]}");
    struct content_answer answer = {.entry = &entry, .body = buf_view(&body)};
    CHECK(!content_write(&answer, &out, &err) && err.kind == ERR_LIMIT);
    err_clear(&err);
    buf_reset(&body);
    buf_reset(&out);
    buf_cstr(&body, "{\"entry\":{\"items\":[{\"type\":\"a\",\"b\":\"");
    for (int i = 0; i <= CONTENT_TEXT_MAX; i++)
        buf_byte(&body, 'x');
    buf_cstr(&body, "\"}]},\"warnings\":[]}");
    answer.body = buf_view(&body);
    CHECK(!content_write(&answer, &out, &err) && err.kind == ERR_LIMIT);
    err_clear(&err);
    buf_reset(&body);
    buf_reset(&out);
    buf_cstr(&body, "{\"entry\":{\"items\":[{\"type\":\"a\"");
    for (int i = 0; i < CONTENT_FIELDS_MAX; i++)
        buf_format(&body, ",\"k%d\":\"\"", i);
    buf_cstr(&body, "}]},\"warnings\":[]}");
    answer.body = buf_view(&body);
    CHECK(!content_write(&answer, &out, &err) && err.kind == ERR_LIMIT);
}

static void the_list_of_parts_goes_on_when_it_is_one(void)
{
    static const struct {
        const char *list;
        bool is_one;
    } cases[] = {
        {"\"0123456789abcdef\"", true},
        {"\"0123456789ABCDEF\"", false},
        {"\"0123\"", false},
        {"\"0123456789abcdef0\"", false},
        {"7", false},
        {"\"../../etc/passwd\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        char body[160];
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        snprintf(body, sizeof body,
                 "{\"entry\":{\"items\":[]},\"warnings\":[],\"list\":%s}", cases[i].list);
        CHECK(write_body(body, &out, &err) == cases[i].is_one);
        CHECK(cases[i].is_one || err.kind == ERR_SYNTAX || err.kind == ERR_LIMIT);
        buf_byte(&out, '\0');
        CHECK(!cases[i].is_one ||
              strstr((const char *)out.at, "\"list\":\"0123456789abcdef\""));
    }
}

static void only_known_reasons_reach_people(void)
{
    static const struct {
        int status;
        const char *body;
        enum err_kind kind;
        const char *code;
    } cases[] = {
        {403, "{\"code\":\"audience\"}", ERR_REFUSED, "audience"},
        {403, "{\"code\":\"grant_age\"}", ERR_REFUSED, "grant_age"},
        {403, "{\"code\":\"clock_apart\"}", ERR_BUSY, "clock_apart"},
        {403, "{\"code\":\"anything\"}", ERR_BUSY, "gateway_refused"},
        {403, "not json", ERR_BUSY, "gateway_refused"},
        {403, "{\"code\":\"incomplete\"}", ERR_CONFLICT, "content_incomplete"},
        {404, "", ERR_MISSING, "not_found"},
        {400, "", ERR_CONFLICT, "content_incomplete"},
        {503, "", ERR_BUSY, "gateway_busy"},
        {503, "{\"code\":\"audit_unwritable\"}", ERR_BUSY, "gateway_unwritable"},
        {503, "{\"code\":\"source_changed\"}", ERR_BUSY, "source_changed"},
        {403, "{\"code\":\"source_changed\"}", ERR_BUSY, "gateway_refused"},
        {409, "{\"code\":\"study_changed\"}", ERR_CONFLICT, "study_changed"},
        {503, "{\"code\":\"syntax_unsupported\"}", ERR_BUSY, "syntax_unsupported"},
        {404, "{\"code\":\"frame_missing\"}", ERR_MISSING, "frame_missing"},
        {400, "{\"code\":\"frame_broken\"}", ERR_CONFLICT, "frame_broken"},
        {503, "{\"code\":\"decoder_busy\"}", ERR_BUSY, "decoder_busy"},
        {200, "{\"code\":\"decoder_busy\"}", ERR_BUSY, "gateway_refused"},
        {302, "", ERR_BUSY, "gateway_refused"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        content_refusal(cases[i].status, span_cstr(cases[i].body), &err);
        CHECK(err.kind == cases[i].kind && strcmp(err.code, cases[i].code) == 0);
    }
}

/* ---- what waits ---- */

/* In parts of odd sizes, some of it taken meanwhile. */
static void what_waits_comes_out_in_order_and_in_pieces(void)
{
    enum { PART = 50001, PARTS = 40 };
    static uint8_t part[PART];
    struct err err = {0};
    uint32_t put = 0, got = 0;
    size_t wrong = 0, small = 0;
    CLEANUP(content_waiting_free) struct content_waiting waiting = {0};
    CHECK(content_waiting_first(&waiting) == NULL);
    for (int i = 0; i < PARTS; i++) {
        for (size_t k = 0; k < PART; k++)
            part[k] = (uint8_t)(put++ % 251);
        CHECK(content_waiting_put(&waiting, span_of(part, PART), &err));
        while (waiting.count > 1 || (i == PARTS - 1 && waiting.count > 0)) {
            const struct buf *piece = content_waiting_first(&waiting);
            size_t len = piece->len;
            small += len != CONTENT_PIECE_BYTES;
            for (size_t k = 0; k < len; k++)
                wrong += piece->at[k] != (uint8_t)(got++ % 251);
            content_waiting_drop(&waiting, len);
        }
    }
    CHECK(got == put && wrong == 0 && small == 1);
    CHECK(waiting.bytes == 0 && content_waiting_first(&waiting) == NULL);
}

static void no_more_waits_than_may(void)
{
    static const uint8_t part[1 << 20];
    struct err err = {0};
    CLEANUP(content_waiting_free) struct content_waiting waiting = {0};
    for (int i = 0; i < CONTENT_WAITING_BYTES_MAX >> 20; i++)
        CHECK(content_waiting_put(&waiting, span_of(part, sizeof part), &err));
    CHECK(waiting.bytes == CONTENT_WAITING_BYTES_MAX);
    CHECK(!content_waiting_put(&waiting, span_of(part, 1), &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "content_waiting") == 0);
}

int main(void)
{
    RUN(items_and_warnings_go_on_escaped);
    RUN(what_is_not_content_is_refused_whole);
    RUN(more_than_the_bounds_is_refused);
    RUN(the_list_of_parts_goes_on_when_it_is_one);
    RUN(only_known_reasons_reach_people);
    RUN(what_waits_comes_out_in_order_and_in_pieces);
    RUN(no_more_waits_than_may);
    return test_done();
}
