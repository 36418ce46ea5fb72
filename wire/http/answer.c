// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/day.h"
#include "wire/http/call.h"

enum {
    GZIP_FROM_BYTES = 1024,
    GZIP_LEVEL = 5,
    GZIP_WINDOW_BITS = 15 + 16,
    DAY_S = 24 * 3600,
    THURSDAY = 4 /* 1970-01-01 */
};

static const char content_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "frame-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types tsumugi";

struct reason {
    int status;
    const char *words;
};

const char *http_reason(int status)
{
    static const struct reason reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "";
}

/* ---- fields ---- */

static bool has_field(const struct http_call *call, const char *name)
{
    for (size_t i = 0; i < call->answer_field_count; i++) {
        struct span text = buf_view(&call->answer_text);
        struct span found = span_part(text, call->answer_places[i].name_offset,
                                      call->answer_places[i].name_len);
        if (span_is(found, name))
            return true;
    }
    return false;
}

static void add_field(struct http_call *call, const char *name, struct span value)
{
    assert(call->answer_field_count < HTTP_ANSWER_FIELDS_MAX);
    size_t name_offset = call->answer_text.len;
    for (const char *c = name; *c; c++)
        buf_byte(&call->answer_text,
                 *c >= 'A' && *c <= 'Z' ? (uint8_t)(*c - 'A' + 'a') : (uint8_t)*c);
    size_t value_offset = call->answer_text.len;
    buf_span(&call->answer_text, value);
    if (call->answer_text.has_failed)
        return; /* told at the seal */
    size_t index = call->answer_field_count++;
    call->answer_places[index].name_offset = name_offset;
    call->answer_places[index].name_len = value_offset - name_offset;
    call->answer_places[index].value_offset = value_offset;
    call->answer_places[index].value_len = value.len;
}

static bool is_token(const char *name)
{
    for (const char *c = name; *c; c++) {
        bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                       (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (!is_word)
            return false;
    }
    return *name != '\0';
}

void http_add_header(struct http_call *call, const char *name, const char *value)
{
    assert(is_token(name));
    for (const char *c = value; *c; c++)
        assert(((uint8_t)*c >= 0x20 || *c == '\t') && *c != 0x7F);
    add_field(call, name, span_cstr(value));
}

static void add_date(struct http_call *call)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now_s = clock_wall_ms(&call->service->clock) / 1000;
    int32_t day = (int32_t)(now_s / DAY_S);
    int left_s = (int)(now_s % DAY_S), year = 0, month = 0, day_of_month = 0;
    char date[48];
    day_to_date(day, &year, &month, &day_of_month);
    snprintf(date, sizeof date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             days[(day + THURSDAY) % 7], day_of_month, months[month - 1], year,
             left_s / 3600, left_s / 60 % 60, left_s % 60);
    add_field(call, "date", span_cstr(date));
}

static void add_common_fields(struct http_call *call, const char *cache_control)
{
    struct id_text request_id = id_to_text(call->request_id);
    add_date(call);
    add_field(call, "x-request-id", span_cstr(request_id.at));
    add_field(call, "content-security-policy", span_cstr(content_policy));
    add_field(call, "x-content-type-options", SPAN("nosniff"));
    add_field(call, "referrer-policy", SPAN("no-referrer"));
    add_field(call, "cross-origin-opener-policy", SPAN("same-origin"));
    add_field(call, "cross-origin-resource-policy", SPAN("same-origin"));
    if (call->peer.is_secure)
        add_field(call, "strict-transport-security", SPAN("max-age=31536000"));
    if (!has_field(call, "cache-control"))
        add_field(call, "cache-control",
                  span_cstr(cache_control ? cache_control : "no-store"));
}

static void point_fields(struct http_call *call)
{
    struct span text = buf_view(&call->answer_text);
    for (size_t i = 0; i < call->answer_field_count; i++) {
        call->answer_fields[i].name = span_part(text, call->answer_places[i].name_offset,
                                                call->answer_places[i].name_len);
        call->answer_fields[i].value = span_part(
            text, call->answer_places[i].value_offset, call->answer_places[i].value_len);
    }
}

void http_answer_begin(struct http_call *call)
{
    bool was_answered = atomic_exchange(&call->is_answered, true);
    assert(!was_answered);
}

void http_answer_seal(struct http_call *call, int status, const char *content_type,
                      int64_t body_bytes, const char *cache_control)
{
    bool is_bodiless = status == 204 || status == 304;
    if (content_type && !is_bodiless)
        add_field(call, "content-type", span_cstr(content_type));
    if (body_bytes >= 0 && !is_bodiless) {
        char digits[24];
        snprintf(digits, sizeof digits, "%lld", (long long)body_bytes);
        add_field(call, "content-length", span_cstr(digits));
    }
    add_common_fields(call, cache_control);
    if (call->answer_text.has_failed) {
        /* no memory, or headers beyond all measure: an empty 500 is all that is left */
        call->answer_field_count = 0;
        buf_reset(&call->answer_text);
        status = 500;
        body_bytes = 0;
        call->answer_body = SPAN("");
        add_field(call, "content-length", SPAN("0"));
        add_common_fields(call, NULL);
    }
    point_fields(call);
    bool is_head = call->has_method && call->method == HTTP_HEAD;
    call->head = (struct http_answer_head){.status = status,
                                           .fields = call->answer_fields,
                                           .field_count = call->answer_field_count,
                                           .body_bytes = body_bytes,
                                           .has_body = !is_bodiless && !is_head};
}

/* ---- content encodings ---- */

static bool is_zero(struct span quality)
{
    if (quality.len == 0 || quality.at[0] != '0')
        return false;
    for (size_t i = 1; i < quality.len; i++)
        if (quality.at[i] != '.' && quality.at[i] != '0')
            return false;
    return true;
}

static bool is_word(struct span word, const char *expected)
{
    return word.len == strlen(expected) &&
           strncasecmp((const char *)word.at, expected, word.len) == 0;
}

/* RFC 9110 12.5.3; only what is named is taken as accepted. */
static bool accepts(const struct http_call *call, const char *coding)
{
    struct span rest = http_header(call, "accept-encoding"), one;
    while (span_take(&rest, ',', &one)) {
        struct span name, parameter;
        if (!span_take(&one, ';', &name) || !is_word(span_trim(name), coding))
            continue;
        while (span_take(&one, ';', &parameter)) {
            parameter = span_trim(parameter);
            if (span_starts(parameter, "q=") || span_starts(parameter, "Q="))
                return !is_zero(span_part(parameter, 2, parameter.len));
        }
        return true;
    }
    return false;
}

static bool is_json(const char *content_type)
{
    return content_type &&
           (strstr(content_type, "/json") || strstr(content_type, "+json"));
}

/* False leaves `out` empty: the answer then goes as it is. */
static bool gzip(struct span body, struct buf *out)
{
    z_stream stream = {0};
    if (body.len > HTTP_ANSWER_MAX_BYTES ||
        deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    stream.next_in = (z_const Bytef *)(uintptr_t)body.at;
    stream.avail_in = (uInt)body.len;
    int result = Z_OK;
    while (result == Z_OK) {
        uint8_t piece[8192];
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        result = deflate(&stream, Z_FINISH);
        buf_put(out, piece, sizeof piece - stream.avail_out);
    }
    deflateEnd(&stream);
    struct err err = {0};
    if (result == Z_STREAM_END && out->len < body.len && buf_check(out, &err))
        return true;
    buf_reset(out);
    return false;
}

/* ---- answers ---- */

/* For a call that was begun and has no body yet. */
static void finish_with_problem(struct http_call *call, int status, const char *code,
                                struct span members)
{
    struct buf *out = &call->answer_copy;
    buf_format(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d",
               http_reason(status), status);
    buf_format(out, ",\"code\":\"%s\"", code);
    if (members.len > 0)
        buf_byte(out, ',');
    buf_span(out, members);
    buf_byte(out, '}');
    if (out->has_failed)
        buf_reset(out);
    if (status == 503 && !has_field(call, "retry-after"))
        add_field(call, "retry-after", SPAN("1"));
    call->answer_body = buf_view(out);
    http_answer_seal(call, status, "application/problem+json",
                     (int64_t)call->answer_body.len, NULL);
    http_call_post_answer(call);
}

void http_answer(struct http_call *call, int status, const char *content_type,
                 struct span body)
{
    http_answer_begin(call);
    if (body.len >= GZIP_FROM_BYTES && is_json(content_type)) {
        add_field(call, "vary", SPAN("accept-encoding"));
        if (accepts(call, "gzip") && gzip(body, &call->answer_copy))
            add_field(call, "content-encoding", SPAN("gzip"));
    }
    if (call->answer_copy.len == 0)
        buf_span(&call->answer_copy, body);
    if (call->answer_copy.has_failed) {
        buf_free(&call->answer_copy);
        finish_with_problem(call, 503, "memory_short", SPAN(""));
        return;
    }
    call->answer_body = buf_view(&call->answer_copy);
    http_answer_seal(call, status, content_type, (int64_t)call->answer_body.len, NULL);
    http_call_post_answer(call);
}

void http_answer_json(struct http_call *call, int status, const struct buf *json)
{
    struct err err = {0};
    if (buf_check(json, &err))
        http_answer(call, status, "application/json", buf_view(json));
    else
        http_answer_problem(call, &err);
}

void http_answer_empty(struct http_call *call)
{
    http_answer_begin(call);
    http_answer_seal(call, 204, NULL, 0, NULL);
    http_call_post_answer(call);
}

void http_answer_status(struct http_call *call, int status, const char *code,
                        struct span members)
{
    http_answer_begin(call);
    finish_with_problem(call, status, code, members);
}

void http_answer_problem_with(struct http_call *call, const struct err *err,
                              struct span members)
{
    const struct log *log = call->service->log;
    if (log && (err->kind == ERR_SYSTEM || err->kind == ERR_BUSY)) {
        struct id_text request_id = id_to_text(call->request_id);
        LOG(log, "problem", LOG_WORD("request", request_id.at),
            LOG_WORD("kind", err_kind_name(err->kind)), LOG_WORD("code", err->code),
            LOG_WORD("text", err->text));
    }
    http_answer_status(call, err_http_status(err->kind), err->code, members);
}

void http_answer_problem(struct http_call *call, const struct err *err)
{
    http_answer_problem_with(call, err, SPAN(""));
}

void http_answer_allow(struct http_call *call, unsigned allowed_methods)
{
    CLEANUP(buf_free) struct buf allow = buf_init(64);
    for (unsigned method = HTTP_GET; method <= HTTP_DELETE; method++) {
        if (!(allowed_methods & 1U << method))
            continue;
        buf_cstr(&allow, allow.len > 0 ? ", " : "");
        buf_cstr(&allow, http_method_name((enum http_method)method));
    }
    add_field(call, "allow", buf_view(&allow));
    http_answer_status(call, 405, "method_not_allowed", SPAN(""));
}

/* ---- files ---- */

static bool is_known_to_client(const struct http_call *call, const char *etag)
{
    struct span rest = http_header(call, "if-none-match"), one;
    while (span_take(&rest, ',', &one)) {
        one = span_trim(one);
        if (span_starts(one, "W/"))
            one = span_part(one, 2, one.len);
        if (span_is(one, etag) || span_is(one, "*"))
            return true;
    }
    return false;
}

void http_answer_file(struct http_call *call, const struct http_static_file *file,
                      const char *etag)
{
    const char *coding = NULL;
    struct span body = file->bytes;
    char quoted[64];
    http_answer_begin(call);
    if (file->brotli.len > 0 && accepts(call, "br")) {
        coding = "br";
        body = file->brotli;
    } else if (file->gzip.len > 0 && accepts(call, "gzip")) {
        coding = "gzip";
        body = file->gzip;
    }
    snprintf(quoted, sizeof quoted, "\"%s%s%s\"", etag, coding ? "-" : "",
             coding ? coding : "");
    add_field(call, "etag", span_cstr(quoted));
    if (file->brotli.len > 0 || file->gzip.len > 0)
        add_field(call, "vary", SPAN("accept-encoding"));
    bool is_known = is_known_to_client(call, quoted);
    if (coding && !is_known)
        add_field(call, "content-encoding", span_cstr(coding));
    call->answer_body = is_known ? SPAN("") : body;
    http_answer_seal(
        call, is_known ? 304 : 200, file->content_type, (int64_t)call->answer_body.len,
        file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_call_post_answer(call);
}
