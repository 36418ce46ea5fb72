// SPDX-License-Identifier: Apache-2.0
/* Routes, limits, answers and files, under a codec that only writes down. */
#include <zlib.h>

#include <sys/mman.h>

#include "wire/http/call.h"
#include "wire/http/http_testsite.h"

/* ---- handlers ---- */

static void say_route(struct http_call *call, void *context)
{
    http_answer(call, 200, "text/plain", span_cstr(context));
}

static void say_person(struct http_call *call, void *context)
{
    struct id id;
    struct err err = {0};
    (void)context;
    if (!http_param_id(call, "person", &id, &err)) {
        http_answer_problem(call, &err);
        return;
    }
    struct id_text text = id_to_text(id);
    http_answer(call, 200, "text/plain", span_cstr(text.at));
}

static void say_host(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 200, "text/plain", http_host(call));
}

static void say_query(struct http_call *call, void *context)
{
    struct span value = SPAN("absent");
    (void)context;
    http_query(call, "q", &value);
    http_answer(call, 200, "text/plain", value);
}

static void say_cookie(struct http_call *call, void *context)
{
    (void)context;
    http_add_header(call, "Set-Cookie", "__Host-s=1; Secure");
    http_answer(call, 200, "text/plain", http_cookie(call, "__Host-s"));
}

static void say_json(struct http_call *call, void *context)
{
    struct span rows;
    (void)context;
    CLEANUP(buf_free) struct buf out = buf_init(BODY_BYTES);
    buf_cstr(&out, "[");
    uint64_t count = 1;
    if (http_query(call, "rows", &rows) && !span_uint(rows, 10000, &count))
        count = 1;
    for (uint64_t i = 0; i < count; i++)
        buf_format(&out, "%s{\"row\":%llu}", i ? "," : "", (unsigned long long)i);
    buf_cstr(&out, "]");
    http_answer_json(call, 200, &out);
}

static void say_full(struct http_call *call, void *context)
{
    (void)context;
    CLEANUP(buf_free) struct buf out = buf_init(4);
    buf_cstr(&out, "too much");
    http_answer_json(call, 200, &out);
}

/* More than an answer may have; the pages are never touched. */
static void say_endless(struct http_call *call, void *context)
{
    (void)context;
    size_t len = (size_t)HTTP_ANSWER_MAX_BYTES + 1;
    void *at = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    http_answer(call, 200, "application/pdf", span_of(at, len));
    munmap(at, len);
}

static void say_body(struct http_call *call, void *context)
{
    (void)context;
    http_answer(call, 201, "text/plain", http_body(call));
}

static void say_empty(struct http_call *call, void *context)
{
    (void)context;
    http_answer_empty(call);
}

static void say_busy(struct http_call *call, void *context)
{
    struct err err = {0};
    (void)context;
    err_set(&err, ERR_BUSY, "gateway_away", "for the log only");
    http_answer_problem_with(call, &err, SPAN("\"retry_after_ms\":5000"));
}

static void say_too_much_head(struct http_call *call, void *context)
{
    static char value[9000];
    (void)context;
    memset(value, 'a', sizeof value - 1);
    http_add_header(call, "X-One", value);
    http_add_header(call, "X-Two", value);
    http_answer(call, 200, "text/plain", SPAN("never"));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/persons/{person}", say_route, 0},
    {HTTP_GET, "/api/v1/persons/search", say_route, 0},
    {HTTP_GET, "/api/v1/{kind}/search", say_route, 0},
    {HTTP_DELETE, "/api/v1/persons/{person}", say_route, 0},
    {HTTP_GET, "/api/v1/people/{person}/name", say_person, 0},
    {HTTP_GET, "/api/v1/query", say_query, 0},
    {HTTP_GET, "/api/v1/host", say_host, 0},
    {HTTP_GET, "/api/v1/cookie", say_cookie, 0},
    {HTTP_GET, "/api/v1/json", say_json, 0},
    {HTTP_GET, "/api/v1/full", say_full, 0},
    {HTTP_GET, "/api/v1/endless", say_endless, 0},
    {HTTP_POST, "/api/v1/body", say_body, 8},
    {HTTP_PUT, "/api/v1/empty", say_empty, 0},
    {HTTP_GET, "/api/v1/busy", say_busy, 0},
    {HTTP_GET, "/api/v1/head", say_too_much_head, 0},
};

static const struct http_static_file files[] = {
    {"/index.html",
     "text/html; charset=utf-8",
     {(const uint8_t *)"<html>", 6},
     {0},
     {0},
     false},
    {"/p/index.html",
     "text/html; charset=utf-8",
     {(const uint8_t *)"<person>", 8},
     {0},
     {0},
     false},
    {"/assets/app-1a2b.js",
     "text/javascript",
     {(const uint8_t *)"plain", 5},
     {(const uint8_t *)"zipped", 6},
     {(const uint8_t *)"bro", 3},
     true},
};

static void open_site(const char *const *hosts, bool has_files)
{
    testsite_open(hosts, routes, sizeof routes / sizeof *routes);
    if (has_files)
        http_router_static(site.router, files, sizeof files / sizeof *files);
}

/* ---- routes ---- */

static void check_route(const char *method, const char *target, const char *route)
{
    ask((struct wish){.method = method, .target = target});
    CHECK(site.last.head.status == 200 && span_is(buf_view(&site.last.body), route));
    done();
}

static void the_closest_route_is_taken(void)
{
    open_site(NULL, false);
    check_route("GET", "/api/v1/persons/12", "/api/v1/persons/{person}");
    check_route("GET", "/api/v1/persons/search", "/api/v1/persons/search");
    check_route("GET", "/api/v1/person%73/search?x", "/api/v1/persons/search");
    check_route("GET", "/api/v1/orders/search", "/api/v1/{kind}/search");
    check_route("DELETE", "/api/v1/persons/search", "/api/v1/persons/{person}");
    close_site();
}

static void check_problem(struct wish wish, int status, const char *code)
{
    ask(wish);
    CHECK(is_problem(status, code));
    if (!is_problem(status, code))
        printf("# %s: %d %.*s\n", wish.target, site.last.head.status,
               (int)site.last.body.len, (const char *)site.last.body.at);
    done();
}

static void what_no_route_knows_is_not_found(void)
{
    open_site(NULL, false);
    check_problem((struct wish){.target = "/"}, 404, "not_found");
    check_problem((struct wish){.target = "/api"}, 404, "not_found");
    check_problem((struct wish){.target = "/api/v1/persons"}, 404, "not_found");
    check_problem((struct wish){.target = "/api/v1/persons/"}, 404, "not_found");
    check_problem((struct wish){.target = "/api/v1/persons/1/2"}, 404, "not_found");
    check_problem((struct wish){.target = "/api/v1/people//name"}, 400, "path_invalid");
    check_problem((struct wish){.target = ""}, 400, "path_invalid");
    check_problem((struct wish){.target = "?q"}, 400, "path_invalid");
    check_problem((struct wish){.target = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"}, 400,
                  "path_invalid");
    close_site();
}

static void another_method_is_told_which_are_allowed(void)
{
    open_site(NULL, true);
    check_problem((struct wish){.method = "PUT", .target = "/api/v1/persons/1"}, 405,
                  "method_not_allowed");
    ask((struct wish){.method = "PUT", .target = "/api/v1/persons/1"});
    CHECK(span_is(field("allow"), "GET, HEAD, DELETE"));
    done();
    ask((struct wish){.method = "HEAD", .target = "/api/v1/body"});
    CHECK(site.last.head.status == 405 && span_is(field("allow"), "POST"));
    done();
    ask((struct wish){.method = "POST", .target = "/index.html"});
    CHECK(site.last.head.status == 405 && span_is(field("allow"), "GET, HEAD"));
    done();
    check_problem((struct wish){.method = "PATCH", .target = "/"}, 501, "method_unknown");
    check_problem((struct wish){.method = "OPTIONS", .target = "*"}, 501,
                  "method_unknown");
    close_site();
}

static void a_malformed_id_is_an_unknown_id(void)
{
    open_site(NULL, false);
    check_problem((struct wish){.target = "/api/v1/people/12/name"}, 404, "not_found");
    check_problem((struct wish){.target = "/api/v1/people/"
                                          "0123456789abcdef0123456789abcdeg/name"},
                  404, "not_found");
    ask((struct wish){.target = "/api/v1/people/0123456789abcdef0123456789abcdef/name"});
    CHECK(span_is(buf_view(&site.last.body), "0123456789abcdef0123456789abcdef"));
    close_site();
}

static void count_route(void *context, enum http_method method, const char *path)
{
    int *count = context;
    *count += method <= HTTP_DELETE && path[0] == '/';
}

static void every_route_can_be_listed(void)
{
    int count = 0;
    open_site(NULL, false);
    http_router_each(site.router, count_route, &count);
    CHECK(count == (int)(sizeof routes / sizeof *routes));
    close_site();
}

/* ---- what came ---- */

static void check_query(const char *target, const char *value)
{
    ask((struct wish){.target = target});
    CHECK(site.last.head.status == 200 && span_is(buf_view(&site.last.body), value));
    done();
}

static void query_values_are_decoded(void)
{
    open_site(NULL, false);
    check_query("/api/v1/query?q=a", "a");
    check_query("/api/v1/query?a=b&q=%E7%B4%AC+%2B&q=second", "紬 +");
    check_query("/api/v1/query?q", "");
    check_query("/api/v1/query?q=", "");
    check_query("/api/v1/query?q=a=b", "a=b");
    check_query("/api/v1/query?&&%71=x&", "x");
    check_query("/api/v1/query?Q=x", "absent");
    check_query("/api/v1/query?", "absent");
    check_query("/api/v1/query", "absent");
    close_site();
}

static void odd_queries_are_refused(void)
{
    static char many[600] = "/api/v1/query?";
    open_site(NULL, false);
    check_problem((struct wish){.target = "/api/v1/query?q=%"}, 400, "query_invalid");
    check_problem((struct wish){.target = "/api/v1/query?q=%1"}, 400, "query_invalid");
    check_problem((struct wish){.target = "/api/v1/query?q=%00"}, 400, "query_invalid");
    check_problem((struct wish){.target = "/api/v1/query?%7f"}, 400, "query_invalid");
    check_problem((struct wish){.target = "/api/v1/query?q=#"}, 400, "query_invalid");
    check_problem((struct wish){.target = "/api/v1/query?q=\xe7"}, 400, "query_invalid");
    for (int i = 0; i < 65; i++)
        memcpy(many + 14 + 2 * i, "a&", 2);
    check_problem((struct wish){.target = many}, 400, "query_invalid");
    close_site();
}

static void check_cookie(const char *cookie, const char *value)
{
    ask((struct wish){.target = "/api/v1/cookie", .fields = {{"cookie", cookie}}});
    CHECK(span_is(buf_view(&site.last.body), value));
    CHECK(span_is(field("set-cookie"), "__Host-s=1; Secure"));
    done();
}

static void cookies_are_found_by_their_whole_name(void)
{
    open_site(NULL, false);
    check_cookie("__Host-s=abc", "abc");
    check_cookie("a=b; __Host-s=abc; c=d", "abc");
    check_cookie("__Host-s=a=b", "a=b");
    check_cookie("x__Host-s=abc", "");
    check_cookie("__host-s=abc", "");
    check_cookie("__Host-s", "");
    check_cookie(";;=;", "");
    ask((struct wish){.target = "/api/v1/cookie",
                      .fields = {{"cookie", "a=b"}, {"cookie", "__Host-s=two"}}});
    CHECK(span_is(buf_view(&site.last.body), "two"));
    close_site();
}

static void bodies_keep_to_the_limit_of_their_route(void)
{
    open_site(NULL, true);
    ask((struct wish){.method = "POST", .target = "/api/v1/body", .body = "12345678"});
    CHECK(site.last.head.status == 201 && span_is(buf_view(&site.last.body), "12345678"));
    done();
    check_problem(
        (struct wish){.method = "POST", .target = "/api/v1/body", .body = "123456789"},
        413, "body_too_large");
    check_problem((struct wish){.target = "/api/v1/query", .body = "1"}, 413,
                  "body_too_large");
    check_problem((struct wish){.target = "/index.html", .body = "1"}, 413,
                  "body_too_large");
    begin((struct wish){.method = "POST", .target = "/api/v1/body"});
    CHECK(http_call_body(site.last.call, SPAN("12345")));
    CHECK(!http_call_body(site.last.call, SPAN("6789")));
    CHECK(!http_call_takes_body(site.last.call) && http_call_is_decided(site.last.call));
    run();
    CHECK(is_problem(413, "body_too_large"));
    close_site();
}

static void check_host(const char *host, bool is_ours)
{
    ask((struct wish){.target = "/api/v1/query", .host = host});
    CHECK((site.last.head.status == 200) == is_ours);
    CHECK(is_ours || is_problem(421, "host_unknown"));
    done();
}

static void check_no_host(const char *host)
{
    ask((struct wish){.target = "/api/v1/query", .host = host});
    CHECK(is_problem(400, "host_invalid"));
    done();
}

/* As HTTP/2 has it: in no field of its own. */
static void a_handler_knows_where_the_request_was_sent(void)
{
    open_site(NULL, false);
    ask((struct wish){.target = "/api/v1/host", .host = "centre.example:8443"});
    CHECK(site.last.head.status == 200 &&
          span_is(buf_view(&site.last.body), "centre.example:8443"));
    done();
    close_site();
}

static void only_named_hosts_are_ours(void)
{
    static const char *const hosts[] = {"centre.example", "10.1.2.3", NULL};
    open_site(hosts, false);
    check_host("centre.example", true);
    check_host("Centre.Example:8443", true);
    check_host("10.1.2.3", true);
    check_host("localhost", false);
    check_host("127.0.0.1", false);
    check_host("xcentre.example", false);
    check_host("centre.example.", false);
    check_no_host("centre.example:");
    check_no_host("centre.example, evil.example");
    check_no_host("");
    close_site();
}

/* ---- answers ---- */

static void every_answer_has_the_security_headers(void)
{
    open_site(NULL, true);
    static const char *const targets[] = {"/api/v1/query", "/nowhere", "/api/v1/nowhere",
                                          "/assets/app-1a2b.js"};
    for (int i = 0; i < 4; i++) {
        ask((struct wish){.target = targets[i], .is_secure = i % 2 == 0});
        CHECK(span_is(
            field("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
            "blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
            "manifest-src 'self'; frame-src blob:; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; "
            "trusted-types tsumugi"));
        CHECK(span_is(field("x-content-type-options"), "nosniff"));
        CHECK(span_is(field("referrer-policy"), "no-referrer"));
        CHECK(span_is(field("cross-origin-opener-policy"), "same-origin"));
        CHECK(span_is(field("cross-origin-resource-policy"), "same-origin"));
        CHECK(field("x-request-id").len == 32 && field("date").len == 29);
        CHECK((field("strict-transport-security").len > 0) == (i % 2 == 0));
        CHECK(i == 3 || i == 1 || span_is(field("cache-control"), "no-store"));
        done();
    }
    close_site();
}

static void large_json_is_compressed_for_those_who_take_it(void)
{
    static uint8_t plain[BODY_BYTES];
    open_site(NULL, false);
    ask((struct wish){.target = "/api/v1/json?rows=1000",
                      .fields = {{"accept-encoding", "br, gzip;q=0.5"}}});
    CHECK(span_is(field("content-encoding"), "gzip"));
    CHECK(span_is(field("vary"), "accept-encoding"));
    CHECK(site.last.body.len < 6000 &&
          (int64_t)site.last.body.len == site.last.head.body_bytes);
    z_stream stream_in = {.next_in = site.last.body.at,
                          .avail_in = (uInt)site.last.body.len,
                          .next_out = plain,
                          .avail_out = sizeof plain};
    CHECK(inflateInit2(&stream_in, 31) == Z_OK);
    CHECK(inflate(&stream_in, Z_FINISH) == Z_STREAM_END);
    CHECK(span_starts(span_of(plain, stream_in.total_out), "[{\"row\":0},{\"row\":1}"));
    inflateEnd(&stream_in);
    done();
    close_site();
}

static void check_plain_json(const char *target, const char *accepted)
{
    ask((struct wish){.target = target, .fields = {{"accept-encoding", accepted}}});
    CHECK(site.last.head.status == 200 && field("content-encoding").len == 0);
    CHECK(site.last.body.at && site.last.body.at[0] == '[');
    done();
}

static void small_json_and_other_clients_get_it_plain(void)
{
    open_site(NULL, false);
    check_plain_json("/api/v1/json?rows=10", "gzip");
    check_plain_json("/api/v1/json?rows=1000", "br");
    check_plain_json("/api/v1/json?rows=1000", "gzip;q=0");
    check_plain_json("/api/v1/json?rows=1000", "gzip; q=0.000, br");
    check_plain_json("/api/v1/json?rows=1000", "xgzip");
    check_plain_json("/api/v1/json?rows=1000", "");
    close_site();
}

static void a_full_buffer_becomes_a_problem(void)
{
    open_site(NULL, false);
    check_problem((struct wish){.target = "/api/v1/full"}, 413, "buf_full");
    ask((struct wish){.target = "/api/v1/endless"});
    CHECK(is_problem(503, "memory_short") && span_is(field("retry-after"), "1"));
    done();
    close_site();
}

static void being_busy_says_when_to_come_back(void)
{
    open_site(NULL, false);
    ask((struct wish){.target = "/api/v1/busy"});
    CHECK(site.last.head.status == 503 && span_is(field("retry-after"), "1"));
    CHECK(span_is(buf_view(&site.last.body),
                  "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
                  "\"status\":503,\"code\":\"gateway_away\",\"retry_after_ms\":5000}"));
    close_site();
}

static void an_empty_answer_has_neither_type_nor_length(void)
{
    open_site(NULL, false);
    ask((struct wish){.method = "PUT", .target = "/api/v1/empty"});
    CHECK(site.last.head.status == 204 && !site.last.head.has_body &&
          site.last.body.len == 0);
    CHECK(!field("content-type").at && !field("content-length").at);
    close_site();
}

static void headers_beyond_measure_become_a_fault(void)
{
    open_site(NULL, false);
    ask((struct wish){.target = "/api/v1/head"});
    CHECK(site.last.head.status == 500 && site.last.body.len == 0);
    CHECK(field("content-security-policy").len > 0 && !field("x-one").at);
    close_site();
}

static void head_answers_like_get_without_a_body(void)
{
    open_site(NULL, true);
    ask((struct wish){.method = "HEAD", .target = "/api/v1/json?rows=10"});
    CHECK(site.last.head.status == 200 && !site.last.head.has_body &&
          site.last.body.len == 0);
    CHECK(field("content-length").len > 0 && !span_is(field("content-length"), "0"));
    done();
    ask((struct wish){.method = "HEAD", .target = "/assets/app-1a2b.js"});
    CHECK(site.last.head.status == 200 && span_is(field("content-length"), "5"));
    close_site();
}

/* ---- files ---- */

static void files_are_served_in_the_coding_the_client_likes(void)
{
    static const char *const accepted[] = {"gzip, br", "gzip", "deflate", "br;q=0"};
    static const char *const bodies[] = {"bro", "zipped", "plain", "plain"};
    static const char *const codings[] = {"br", "gzip", "", ""};
    open_site(NULL, true);
    for (int i = 0; i < 4; i++) {
        ask((struct wish){.target = "/assets/app-1a2b.js",
                          .fields = {{"accept-encoding", accepted[i]}}});
        CHECK(site.last.head.status == 200 &&
              span_is(buf_view(&site.last.body), bodies[i]));
        CHECK(span_is(field("content-encoding"), codings[i]));
        CHECK(span_is(field("vary"), "accept-encoding"));
        CHECK(span_is(field("cache-control"), "public, max-age=31536000, immutable"));
        CHECK(span_is(field("content-type"), "text/javascript"));
        done();
    }
    close_site();
}

static void a_known_file_is_not_sent_again(void)
{
    char etag[64];
    open_site(NULL, true);
    ask((struct wish){.target = "/assets/app-1a2b.js"});
    CHECK(field("etag").len == 34 && field("etag").at[0] == '"');
    snprintf(etag, sizeof etag, "\"other\", W/%.*s", (int)field("etag").len,
             (const char *)field("etag").at);
    done();
    ask((struct wish){.target = "/assets/app-1a2b.js",
                      .fields = {{"if-none-match", etag}}});
    CHECK(site.last.head.status == 304 && !site.last.head.has_body &&
          field("etag").len == 34);
    CHECK(!field("content-length").at && !field("content-type").at);
    done();
    ask((struct wish){.target = "/assets/app-1a2b.js",
                      .fields = {{"if-none-match", etag}, {"accept-encoding", "br"}}});
    CHECK(site.last.head.status == 200 && span_is(buf_view(&site.last.body), "bro"));
    close_site();
}

static void the_clients_own_routes_open_the_client(void)
{
    static const char *const inside[] = {"/", "/patients/12/calendar", "/login",
                                         "/index.html", "/apiary"};
    static const char *const outside[] = {
        "/api",     "/api/v2/x", "/fhir/Patient",     "/dicom-web/studies",
        "/healthz", "/metrics",  "/assets/missing.js"};
    open_site(NULL, true);
    for (int i = 0; i < 5; i++) {
        ask((struct wish){.target = inside[i]});
        CHECK(site.last.head.status == 200 &&
              span_is(buf_view(&site.last.body), "<html>"));
        CHECK(span_is(field("cache-control"), "no-cache"));
        done();
    }
    for (int i = 0; i < 7; i++)
        check_problem((struct wish){.target = outside[i]}, 404, "not_found");
    close_site();
}

static void a_folder_may_have_a_page_of_its_own(void)
{
    static const struct {
        const char *target, *page;
    } asked[] = {
        {"/p/12/calendar", "<person>"}, {"/p", "<person>"},  {"/p/", "<person>"},
        {"/%70/12?tab=1", "<person>"},  {"/pp/1", "<html>"}, {"/patients", "<html>"},
    };
    open_site(NULL, true);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        ask((struct wish){.target = asked[i].target});
        CHECK(site.last.head.status == 200 &&
              span_is(buf_view(&site.last.body), asked[i].page));
        CHECK(span_is(field("cache-control"), "no-cache"));
        done();
    }
    close_site();
}

static void a_call_may_be_refused_before_its_end_only(void)
{
    open_site(NULL, false);
    begin((struct wish){.method = "POST", .target = "/api/v1/body"});
    http_call_refuse(site.last.call, 408, "body_too_slow");
    http_call_refuse(site.last.call, 400, "chunk_invalid");
    http_call_dispatch(site.last.call);
    run();
    CHECK(is_problem(408, "body_too_slow") && site.last.answered_count == 1);
    done();
    begin((struct wish){.target = "/api/v1/query?q=1"});
    http_call_dispatch(site.last.call);
    http_call_refuse(site.last.call, 408, "body_too_slow");
    run();
    CHECK(site.last.head.status == 200 && site.last.answered_count == 1);
    close_site();
}

static void a_server_speaks_plainly_on_loopback_only(void)
{
    struct err err = {0};
    open_site(NULL, false);
    struct http_server_config config = {.loop = site.loop,
                                        .workers = site.workers,
                                        .router = site.router,
                                        .address = "0.0.0.0",
                                        .limits = http_default_limits()};
    CHECK(!http_server_open(&config, &err));
    CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "plain_refused") == 0);
    err_clear(&err);
    config.address = "localhost";
    CHECK(!http_server_open(&config, &err) && err.kind == ERR_SYNTAX);
    err_clear(&err);
    config.address = "192.0.2.1";
    CHECK(!http_server_open(&config, &err) && err.kind == ERR_REFUSED);
    err_clear(&err);
    config.address = "::1";
    struct http_server *server = http_server_open(&config, &err);
    if (server) {
        CHECK(http_server_port(server) > 0);
        struct http_server_config same = config;
        same.port = http_server_port(server);
        CHECK(!http_server_open(&same, &err) && err.kind == ERR_SYSTEM);
    }
    http_server_close(server);
    close_site();
}

static void answers_are_counted_by_route_and_late_routes_as_none(void)
{
    static const struct http_route late[] = {{HTTP_GET, "/api/v1/late", say_host, 0}};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    open_site(NULL, false);
    for (int i = 0; i < 3; i++) {
        ask((struct wish){.target = "/api/v1/host"});
        done();
    }
    ask((struct wish){.target = "/api/v1/nothing"});
    done();
    http_router_add(site.router, late, 1, NULL);
    ask((struct wish){.target = "/api/v1/late"});
    done();
    http_service_put_meters(site.service, &out);
    buf_byte(&out, '\0');
    const char *text = (const char *)out.at;
    CHECK(strstr(text,
                 "tsumugi_http_requests_total{method=\"GET\",route=\"/api/v1/host\","
                 "status=\"2xx\"} 3\n"));
    CHECK(strstr(text, "route=\"none\",status=\"4xx\"} 1\n"));
    CHECK(strstr(text, "route=\"none\",status=\"2xx\"} 1\n"));
    CHECK(strstr(text, "tsumugi_http_request_seconds_count{method=\"GET\","
                       "route=\"/api/v1/host\"} 3\n"));
    CHECK(!strstr(text, "late") && !strstr(text, "nothing"));
    close_site();
}

int main(void)
{
    RUN(the_closest_route_is_taken);
    RUN(what_no_route_knows_is_not_found);
    RUN(another_method_is_told_which_are_allowed);
    RUN(a_malformed_id_is_an_unknown_id);
    RUN(every_route_can_be_listed);
    RUN(query_values_are_decoded);
    RUN(odd_queries_are_refused);
    RUN(cookies_are_found_by_their_whole_name);
    RUN(bodies_keep_to_the_limit_of_their_route);
    RUN(a_handler_knows_where_the_request_was_sent);
    RUN(only_named_hosts_are_ours);
    RUN(every_answer_has_the_security_headers);
    RUN(large_json_is_compressed_for_those_who_take_it);
    RUN(small_json_and_other_clients_get_it_plain);
    RUN(a_full_buffer_becomes_a_problem);
    RUN(being_busy_says_when_to_come_back);
    RUN(an_empty_answer_has_neither_type_nor_length);
    RUN(headers_beyond_measure_become_a_fault);
    RUN(head_answers_like_get_without_a_body);
    RUN(files_are_served_in_the_coding_the_client_likes);
    RUN(a_known_file_is_not_sent_again);
    RUN(the_clients_own_routes_open_the_client);
    RUN(a_folder_may_have_a_page_of_its_own);
    RUN(a_call_may_be_refused_before_its_end_only);
    RUN(a_server_speaks_plainly_on_loopback_only);
    RUN(answers_are_counted_by_route_and_late_routes_as_none);
    return test_done();
}
