// SPDX-License-Identifier: Apache-2.0
#include "wire/http2/http2_testpair.h"

/* Peers that speak HTTP/2 by hand, and badly. */

static void frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t id,
                  struct span payload)
{
    const uint8_t head[FRAME_HEAD_BYTES] = {(uint8_t)(payload.len >> 16),
                                            (uint8_t)(payload.len >> 8),
                                            (uint8_t)payload.len,
                                            type,
                                            flags,
                                            (uint8_t)(id >> 24),
                                            (uint8_t)(id >> 16),
                                            (uint8_t)(id >> 8),
                                            (uint8_t)id};
    buf_put(out, head, sizeof head);
    buf_span(out, payload);
}

/* The client's side of a connection written by hand, up to and with SETTINGS. */
static struct buf preface(void)
{
    struct buf out = buf_init(64 << 20);
    buf_cstr(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(&out, 4, 0, 0, SPAN(""));
    return out;
}

/* :method GET, :scheme https, :path /, :authority a (RFC 7541, static table). */
#define GET_BLOCK                                                                        \
    SPAN("\x82\x87\x84\x41\x01"                                                          \
         "a")

/* What the server says to the bytes: the code of its GOAWAY, or UINT32_MAX. */
static uint32_t goaway_of(struct side *server)
{
    CLEANUP(buf_free) struct buf out = buf_init(16 << 20);
    struct err err = {0};
    uint32_t code = UINT32_MAX;
    if (!http2_session_send(server->session, &out, 16 << 20, &err))
        return code;
    struct span rest = buf_view(&out);
    while (rest.len >= FRAME_HEAD_BYTES) {
        size_t len = (size_t)rest.at[0] << 16 | (size_t)rest.at[1] << 8 | rest.at[2];
        if (rest.at[3] == 7 && rest.len >= FRAME_HEAD_BYTES + 8)
            code = (uint32_t)rest.at[13] << 24 | (uint32_t)rest.at[14] << 16 |
                   (uint32_t)rest.at[15] << 8 | rest.at[16];
        rest = span_part(rest, FRAME_HEAD_BYTES + len, rest.len);
    }
    return code;
}

static void a_flood_of_resets_ends_the_connection(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.resets_burst = 200;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 500; id += 2) {
        frame(&in, 1, 5, id, GET_BLOCK);
        frame(&in, 3, 0, id, SPAN("\0\0\0\x08"));
    }
    (void)give(&pair->server, buf_view(&in));
    CHECK(goaway_of(&pair->server) != UINT32_MAX);
    CHECK(http2_session_is_over(pair->server.session));
    CHECK(pair->server.count <= 202);
}

static void resets_that_the_peer_provokes_count_like_its_own(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.resets_burst = 200;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 500; id += 2) {
        frame(&in, 1, 5, id, GET_BLOCK);
        /* a window that overflows makes the server reset the stream */
        frame(&in, 8, 0, id, SPAN("\x7f\xff\xff\xff"));
    }
    /* in pieces, so that the server speaks in between */
    struct span rest = buf_view(&in);
    uint32_t code = UINT32_MAX;
    while (rest.len > 0 && code == UINT32_MAX) {
        (void)give(&pair->server, span_part(rest, 0, 1000));
        code = goaway_of(&pair->server);
        rest = span_part(rest, 1000, rest.len);
    }
    CHECK(code == HTTP2_ENHANCE_YOUR_CALM);
    CHECK(pair->server.count < 300);
}

/* Nothing of ours goes out meanwhile: the peer does not read. */
static void what_a_peer_provokes_and_does_not_read_has_an_end(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.resets_burst = 200;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 2000; id += 2)
        frame(&in, 1, 5, id, GET_BLOCK);
    CHECK(give(&pair->server, buf_view(&in))); /* all but 128 are refused */
    buf_reset(&in);
    for (uint32_t id = 2 * 2000 + 1; id < 2 * 20000; id += 2)
        frame(&in, 1, 5, id, GET_BLOCK);
    CHECK(!give(&pair->server, buf_view(&in)));
    CHECK(pair->server.code && strcmp(pair->server.code, "http2_flood") == 0);
    CHECK(pair->server.count == settings.streams_max);
}

static void check_flood(uint8_t type, uint8_t flags, uint32_t id, struct span payload,
                        int count)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    if (id > 0)
        frame(&in, 1, 4, id, GET_BLOCK);
    for (int i = 0; i < count; i++)
        frame(&in, type, flags, id, payload);
    if (give(&pair->server, buf_view(&in)))
        printf("# frame type %d is not seen as a flood\n", type);
    CHECK(pair->server.code && strcmp(pair->server.code, "http2_flood") == 0);
    (void)goaway_of(&pair->server);
    CHECK(http2_session_is_over(pair->server.session));
    CHECK(!give(&pair->server, SPAN("more")));
}

static void floods_of_cheap_frames_end_the_connection(void)
{
    check_flood(6, 0, 0, SPAN("12345678"), 1000);     /* PING */
    check_flood(6, 1, 0, SPAN("12345678"), 1000);     /* its answer */
    check_flood(4, 0, 0, SPAN(""), 1000);             /* SETTINGS */
    check_flood(2, 0, 1, SPAN("\0\0\0\0\x10"), 1000); /* PRIORITY */
    check_flood(0, 0, 1, SPAN(""), 1000);             /* empty DATA */
    check_flood(0, 8, 1, SPAN("\x03\0\0\0"), 1000);   /* DATA of padding only */
    check_flood(8, 0, 0, SPAN("\0\0\0\x01"), 10000);  /* WINDOW_UPDATE */
}

static void pings_now_and_then_are_fine(void)
{
    PAIR pair = pair_new();
    for (int i = 0; i < 2000; i++) {
        pair->now_ms += 20;
        http2_session_ping(pair->client.session);
        run(pair);
    }
    CHECK(pair->client.pongs == 2000 && !pair->server.has_failed);
}

/* A literal field without indexing, name and value of the given lengths. */
static void literal(struct buf *out, size_t name_len, size_t value_len)
{
    buf_byte(out, 0);
    buf_byte(out, 0x7f);
    for (size_t left = name_len - 127;; left >>= 7) {
        buf_byte(out, (uint8_t)(left > 127 ? (left & 127) | 128 : left));
        if (left <= 127)
            break;
    }
    for (size_t i = 0; i < name_len; i++)
        buf_byte(out, 'n');
    buf_byte(out, 0x7f);
    for (size_t left = value_len - 127;; left >>= 7) {
        buf_byte(out, (uint8_t)(left > 127 ? (left & 127) | 128 : left));
        if (left <= 127)
            break;
    }
    for (size_t i = 0; i < value_len; i++)
        buf_byte(out, 'v');
}

static void a_head_that_is_too_large_is_refused_and_the_connection_goes_on(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    literal(&block, 200, 8000);
    literal(&block, 200, 8000);
    frame(&in, 1, 1, 1, span_part(buf_view(&block), 0, 16000));
    frame(&in, 9, 4, 1, span_part(buf_view(&block), 16000, block.len));
    frame(&in, 1, 5, 3, GET_BLOCK);
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.count == 2);
    CHECK(pair->server.exchanges[0].refusal == 431);
    CHECK(pair->server.exchanges[1].refusal == 0);
}

static void too_many_fields_are_refused(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    for (int i = 0; i < 65; i++)
        buf_put(&block, "\0\x01n\x01v", 5);
    frame(&in, 1, 5, 1, buf_view(&block));
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.exchanges[0].refusal == 431);
}

static void a_compressed_bomb_of_fields_ends_the_connection(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    CLEANUP(buf_free) struct buf block = buf_init(1 << 20);
    buf_span(&block, GET_BLOCK);
    /* one field of 3000 bytes into the dynamic table, then named 10,000 times */
    buf_put(&block, "\x40\x01n\x7f\xb9\x16", 6);
    for (int i = 0; i < 3000; i++)
        buf_byte(&block, 'v');
    for (int i = 0; i < 10000; i++)
        buf_byte(&block, 0xbe);
    frame(&in, 1, 5, 1, buf_view(&block));
    CHECK(!give(&pair->server, buf_view(&in)));
    CHECK(pair->server.code && strcmp(pair->server.code, "http2_flood") == 0);
    CHECK(pair->server.count == 0);
}

static void endless_continuations_end_the_connection(void)
{
    PAIR pair = pair_new();
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 1, 1, GET_BLOCK);
    for (int i = 0; i < 100; i++)
        frame(&in, 9, 0, 1, SPAN("\0\x01n\x01v"));
    (void)give(&pair->server, buf_view(&in));
    (void)goaway_of(&pair->server);
    CHECK(http2_session_is_over(pair->server.session) || pair->server.has_failed);
    CHECK(pair->server.count == 0);
}

static void streams_beyond_the_limit_are_refused_or_end_the_connection(void)
{
    struct http2_settings settings = http2_default_settings(HTTP2_SERVER);
    settings.streams_max = 10;
    PAIR pair = pair_new_with(NULL, &settings);
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    for (uint32_t id = 1; id < 2 * 50; id += 2)
        frame(&in, 1, 5, id, GET_BLOCK);
    CHECK(give(&pair->server, buf_view(&in)));
    CHECK(pair->server.count == 10);
    CHECK(goaway_of(&pair->server) == UINT32_MAX);
    /* now the peer has seen our limit */
    buf_reset(&in);
    frame(&in, 4, 1, 0, SPAN(""));
    frame(&in, 1, 5, 101, GET_BLOCK);
    (void)give(&pair->server, buf_view(&in));
    CHECK(pair->server.count == 10);
    CHECK(goaway_of(&pair->server) == HTTP2_PROTOCOL_ERROR);
}

static int refusal_of(struct span block)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 5, 1, block);
    if (!give(&pair->server, buf_view(&in)))
        return -2;
    return pair->server.count == 0 ? -1 : pair->server.exchanges[0].refusal;
}

static void malformed_heads_never_reach_a_handler(void)
{
    CHECK(refusal_of(GET_BLOCK) == 0);
    /* :path without a slash, with a space, with a fragment, absolute */
    CHECK(refusal_of(SPAN("\x82\x87\x04\x01x\x41\x01"
                          "a")) != 0);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x03/ x\x41\x01"
                          "a")) != 0);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x03/#x\x41\x01"
                          "a")) == 400);
    CHECK(refusal_of(SPAN("\x82\x87\x04\x08http://x\x41\x01"
                          "a")) != 0);
    /* two hosts that differ */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x04host\x01"
                          "b")) == 400);
    /* upper-case name, line feed in a value, a name with a colon inside */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x01N\x01v")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x01n\x03v\nw")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x00\x03n:m\x01v")) == -1);
    /* no :method, no :path, pseudo field after a field, connection-specific field */
    CHECK(refusal_of(SPAN("\x87\x84\x41\x01"
                          "a")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x41\x01"
                          "a")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x00\x01n\x01v\x84")) == -1);
    CHECK(refusal_of(SPAN("\x82\x87\x84\x00\x0a"
                          "connection\x05"
                          "close")) == -1);
    /* content-length against an ended stream */
    CHECK(refusal_of(SPAN("\x82\x87\x84\x41\x01"
                          "a\x0f\x0d\x01"
                          "5")) == -1);
    /* an index that is not there */
    CHECK(refusal_of(SPAN("\x82\x87\x84\xff\xff\x7f")) < 0);
}

static void a_body_of_another_length_than_announced_is_never_complete(void)
{
    PAIR pair = pair_new();
    pair->answers_at_once = false;
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 4, 1,
          SPAN("\x83\x87\x84\x41\x01"
               "a\x0f\x0d\x01"
               "5"));
    frame(&in, 0, 1, 1, SPAN("\x00\x1f\x3e\x5d")); /* four bytes of the pattern */
    (void)give(&pair->server, buf_view(&in));
    (void)goaway_of(&pair->server);
    CHECK(pair->server.count == 1);
    CHECK(pair->server.exchanges[0].announced_bytes == 5);
    CHECK(!pair->server.exchanges[0].has_ended && pair->server.exchanges[0].is_closed);
}

static void what_is_not_http2_is_refused(void)
{
    PAIR pair = pair_new();
    CHECK(!give(&pair->server, SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    CHECK(strcmp(pair->server.code, "http2_broken") == 0);
}

static void bytes_cut_anywhere_make_no_difference(void)
{
    CLEANUP(buf_free) struct buf in = preface();
    frame(&in, 1, 4, 1,
          SPAN("\x83\x87\x84\x41\x01"
               "a\x0f\x0d\x01"
               "4"));
    frame(&in, 0, 1, 1, SPAN("\x00\x1f\x3e\x5d"));
    for (size_t cut = 0; cut <= in.len; cut++) {
        PAIR pair = pair_new();
        CHECK(give(&pair->server, span_part(buf_view(&in), 0, cut)));
        CHECK(give(&pair->server, span_part(buf_view(&in), cut, in.len)));
        CHECK(is_whole(&pair->server.exchanges[0], 4));
    }
}

static void server_push_is_refused_by_the_client(void)
{
    PAIR pair = pair_new();
    (void)ask(pair, 0);
    carry(&pair->client, &pair->server);
    CLEANUP(buf_free) struct buf in = buf_init(1 << 16);
    frame(&in, 4, 0, 0, SPAN(""));
    frame(&in, 4, 1, 0, SPAN(""));
    frame(&in, 5, 4, 1,
          SPAN("\0\0\0\x02\x82\x87\x84\x41\x01"
               "a"));
    (void)give(&pair->client, buf_view(&in));
    CHECK(goaway_of(&pair->client) == HTTP2_PROTOCOL_ERROR || pair->client.has_failed);
}

int main(void)
{
    RUN(a_flood_of_resets_ends_the_connection);
    RUN(resets_that_the_peer_provokes_count_like_its_own);
    RUN(what_a_peer_provokes_and_does_not_read_has_an_end);
    RUN(floods_of_cheap_frames_end_the_connection);
    RUN(pings_now_and_then_are_fine);
    RUN(a_head_that_is_too_large_is_refused_and_the_connection_goes_on);
    RUN(too_many_fields_are_refused);
    RUN(a_compressed_bomb_of_fields_ends_the_connection);
    RUN(endless_continuations_end_the_connection);
    RUN(streams_beyond_the_limit_are_refused_or_end_the_connection);
    RUN(malformed_heads_never_reach_a_handler);
    RUN(a_body_of_another_length_than_announced_is_never_complete);
    RUN(what_is_not_http2_is_refused);
    RUN(bytes_cut_anywhere_make_no_difference);
    RUN(server_push_is_refused_by_the_client);
    return test_done();
}
