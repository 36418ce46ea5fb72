// SPDX-License-Identifier: Apache-2.0
#include "formats/json/json.h"

#include <string.h>

#include "base/day.h"
#include "base/test.h"

static bool is_refused(const char *json, const char *code)
{
    struct err err = {0};
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(json), &err);
    return !document && err.kind == ERR_SYNTAX && strcmp(err.code, code) == 0;
}

static bool is_written(const struct buf *out, const char *expected)
{
    struct err err = {0};
    return buf_check(out, &err) && span_is(buf_view(out), expected);
}

/* ---- writer ---- */

static void commas_and_brackets_place_themselves(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_int(&writer, "a", -9223372036854775807LL - 1);
    json_key(&writer, "b");
    json_open_array(&writer);
    json_open_array(&writer);
    json_close_array(&writer);
    json_open_object(&writer);
    json_close_object(&writer);
    json_null_value(&writer);
    json_bool_value(&writer, true);
    json_int_value(&writer, 0);
    json_close_array(&writer);
    json_put_bool(&writer, "c", false);
    json_put_null(&writer, "d");
    json_close_object(&writer);
    CHECK(is_written(&out, "{\"a\":-9223372036854775808,\"b\":[[],{},null,true,0],"
                           "\"c\":false,\"d\":null}"));
}

static void dangerous_characters_are_escaped(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    json_text_value(&writer, TEXT("\"\\/\b\n\x1f\x7f<>&\xE2\x80\xA8\xE2\x80\xA9"
                                  "\xE2\x80\xA7\xE2\x81\x82"));
    CHECK(is_written(&out, "\"\\\"\\\\/\\u0008\\n\\u001f\\u007f\\u003c\\u003e\\u0026"
                           "\\u2028\\u2029\xE2\x80\xA7\xE2\x81\x82\""));
}

static void japanese_text_stays_readable(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    json_text_value(&writer, TEXT("飯田 太郎 𠮷"));
    CHECK(is_written(&out, "\"飯田 太郎 𠮷\""));
}

static void a_key_from_data_is_escaped(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_named(&writer, TEXT("a\"b"), TEXT("c"));
    json_close_object(&writer);
    CHECK(is_written(&out, "{\"a\\\"b\":\"c\"}"));
}

static void days_are_dates_or_null(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_day(&writer, "day", day_from_date(2024, 2, 29));
    json_put_day(&writer, "none", DAY_NONE);
    json_close_object(&writer);
    CHECK(is_written(&out, "{\"day\":\"2024-02-29\",\"none\":null}"));
}

static void whole_numbers_are_written_as_one_array(void)
{
    static const int64_t values[] = {0, -1, 10, INT64_MIN, INT64_MAX};
    CLEANUP(buf_free) struct buf out = buf_init(1024);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_ints(&writer, "none", values, 0);
    json_put_ints(&writer, "all", values, 5);
    json_put_int(&writer, "behind", 7);
    json_close_object(&writer);
    CHECK(span_is(buf_view(&out), "{\"none\":[],\"all\":[0,-1,10,-9223372036854775808,"
                                  "9223372036854775807],\"behind\":7}"));
}

static void numbers_that_are_not_whole_keep_their_digits(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(256);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_double(&writer, "spacing", 0.48828125);
    json_put_double(&writer, "slope", -1024);
    json_put_double(&writer, "none", 0.0 / 0.0);
    json_key(&writer, "kept");
    json_written_value(&writer, TEXT("[1,2]"));
    json_put_int(&writer, "last", 3);
    json_close_object(&writer);
    CHECK(span_is(buf_view(&out), "{\"spacing\":0.48828125,\"slope\":-1024,"
                                  "\"none\":null,\"kept\":[1,2],\"last\":3}"));
    struct err err = {0};
    double number = 0;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    const struct json_value *root = document ? json_root(document) : NULL;
    CHECK(json_as_double(json_member(root, "spacing"), &number, &err) &&
          number == 0.48828125);
    CHECK(json_as_double(json_member(root, "last"), &number, &err) && number == 3);
    CHECK(!json_as_double(json_member(root, "kept"), &number, &err) &&
          strcmp(err.code, "json_member") == 0);
    err_clear(&err);
    CHECK(!json_as_double(json_member(root, "absent"), &number, &err));
}

static void a_full_buffer_is_reported_at_the_end(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(8);
    struct json_writer writer = json_writer(&out);
    json_text_value(&writer, TEXT("more than eight"));
    CHECK(!buf_check(&out, &err) && err.kind == ERR_LIMIT);
}

static void what_was_written_is_read_back(void)
{
    struct err err = {0};
    struct text text = {0};
    struct id id = {0};
    struct rand_seeded seeded = rand_seed(7);
    struct rand random = rand_from_seeded(&seeded);
    struct id sent = id_new(&random);
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    struct text all = TEXT("<\"\\\t\r\n\x01>&\xE2\x80\xA8 紬 \xF0\xA0\xAE\xB7");
    json_open_object(&writer);
    json_put_text(&writer, "text", all);
    json_put_id(&writer, "id", sent);
    json_close_object(&writer);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(buf_view(&out), &err);
    CHECK(document);
    CHECK(document && json_take_text(json_root(document), "text", 256, &text, &err));
    CHECK(text_equal(text, all));
    CHECK(document && json_take_id(json_root(document), "id", &id, &err));
    CHECK(id_equal(id, sent));
}

/* ---- reader ---- */

static void a_document_is_read_member_by_member(void)
{
    struct err err = {0};
    const struct json_value *array = NULL;
    const struct json_value *object = NULL;
    struct text text = {0};
    int64_t number = 0;
    bool flag = false;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(
        SPAN(
            "{\"t\":\"紬\",\"n\":-7,\"b\":true,\"a\":[\"x\",\"y\"],\"o\":{},\"z\":null}"),
        &err);
    CHECK(document);
    if (!document)
        return;
    const struct json_value *root = json_root(document);
    CHECK(json_take_text(root, "t", 3, &text, &err) && text_is(text, "紬"));
    CHECK(json_take_int(root, "n", -7, 7, &number, &err) && number == -7);
    CHECK(json_take_bool(root, "b", &flag, &err) && flag);
    CHECK(json_take_array(root, "a", 2, &array, &err) && json_count(array) == 2);
    CHECK(json_item_text(array, 1, 1, &text, &err) && text_is(text, "y"));
    CHECK(json_take_object(root, "o", &object, &err) && json_is_object(object));
    CHECK(json_is_null(json_member(root, "z")));
    CHECK(json_member(root, "absent") == NULL && json_item(array, 2) == NULL);
}

static void optional_members_leave_their_default(void)
{
    struct err err = {0};
    struct text text = TEXT("default");
    int64_t number = 5;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(SPAN("{\"t\":null,\"n\":\"1\"}"), &err);
    CHECK(document);
    if (!document)
        return;
    const struct json_value *root = json_root(document);
    CHECK(json_take_text_or(root, "t", 9, &text, &err) && text_is(text, "default"));
    CHECK(json_take_int_or(root, "absent", 0, 9, &number, &err) && number == 5);
    CHECK(!json_take_int_or(root, "n", 0, 9, &number, &err) && number == 5);
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "json_member") == 0);
}

static bool is_member_refused(const char *json, enum err_kind kind)
{
    struct err err = {0};
    struct text text = {0};
    int64_t number = 0;
    bool flag = false;
    struct id id = {0};
    const struct json_value *array = NULL;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(json), &err);
    if (!document)
        return false;
    const struct json_value *root = json_root(document);
    bool is_taken = json_take_text(root, "t", 2, &text, &err) &&
                    json_take_int(root, "n", 0, 9, &number, &err) &&
                    json_take_bool(root, "b", &flag, &err) &&
                    json_take_id(root, "i", &id, &err) &&
                    json_take_array(root, "a", 1, &array, &err);
    return !is_taken && err.kind == kind;
}

static void wrong_members_are_refused(void)
{
#define ID "\"i\":\"000102030405060708090a0b0c0d0e0f\""
    CHECK(is_member_refused("[]", ERR_SYNTAX));
    CHECK(is_member_refused("{}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":1}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"abc\"}", ERR_LIMIT));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":10}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":-1}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":1.0}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":1,\"b\":1}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":1,\"b\":true,\"i\":\"00\"}", ERR_SYNTAX));
    CHECK(
        is_member_refused("{\"t\":\"\",\"n\":1,\"b\":true," ID ",\"a\":{}}", ERR_SYNTAX));
    CHECK(is_member_refused("{\"t\":\"\",\"n\":1,\"b\":true," ID ",\"a\":[1,2]}",
                            ERR_LIMIT));
#undef ID
}

static void broken_documents_are_refused(void)
{
    static const char *const broken[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "{a:1}",
        "[01]",
        "[1.]",
        "[+1]",
        "[NaN]",
        "[1] [2]",
        "[1]x",
        "[\"\t\"]",
        "[\"\\x\"]",
        "[\"\\u12\"]",
        "[\"a]",
        "[\xff]",
        "[\"\xff\"]",
        "[\"\xc0\x80\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\\ud800\"]",
        "[\"\\u0000\"]",
        "// x\n[]",
        "[1e999]",
        "[99999999999999999999]",
        "\"text\"",
        "12",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CHECK(is_refused(broken[i], "json_invalid"));
    CHECK(is_refused("{\"a\":1,\"a\":2}", "json_duplicate_key"));
    CHECK(is_refused("{\"a\":1,\"\\u0061\":2}", "json_duplicate_key"));
}

static void bytes_behind_a_nul_are_refused(void)
{
    struct err err = {0};
    CHECK(!json_parse(SPAN("[]\0"), &err));
    CHECK(err.kind == ERR_SYNTAX);
}

static void depth_ends_at_sixty_four(void)
{
    char json[2 * (JSON_DEPTH_MAX + 1)];
    struct err err = {0};
    memset(json, '[', JSON_DEPTH_MAX);
    memset(json + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_of(json, 2 * JSON_DEPTH_MAX), &err);
    CHECK(document);
    memset(json, '[', JSON_DEPTH_MAX + 1);
    memset(json + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    CHECK(!json_parse(span_of(json, sizeof json), &err));
    CHECK(err.kind == ERR_SYNTAX && strcmp(err.code, "json_too_deep") == 0);
    CHECK(err.offset == JSON_DEPTH_MAX);
}

static void brackets_inside_strings_are_no_depth(void)
{
    char json[256];
    struct err err = {0};
    memset(json, '[', sizeof json);
    memcpy(json, "[\"\\\"", 4);
    memcpy(json + sizeof json - 2, "\"]", 2);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_of(json, sizeof json), &err);
    CHECK(document && json_count(json_root(document)) == 1);
}

int main(void)
{
    RUN(commas_and_brackets_place_themselves);
    RUN(dangerous_characters_are_escaped);
    RUN(japanese_text_stays_readable);
    RUN(a_key_from_data_is_escaped);
    RUN(days_are_dates_or_null);
    RUN(whole_numbers_are_written_as_one_array);
    RUN(numbers_that_are_not_whole_keep_their_digits);
    RUN(a_full_buffer_is_reported_at_the_end);
    RUN(what_was_written_is_read_back);
    RUN(a_document_is_read_member_by_member);
    RUN(optional_members_leave_their_default);
    RUN(wrong_members_are_refused);
    RUN(broken_documents_are_refused);
    RUN(bytes_behind_a_nul_are_refused);
    RUN(depth_ends_at_sixty_four);
    RUN(brackets_inside_strings_are_no_depth);
    return test_done();
}
