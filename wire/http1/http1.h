// SPDX-License-Identifier: Apache-2.0
#pragma once
/* HTTP/1.1 on the server's side (RFC 9110, RFC 9112), as a codec of wire/http/protocol.h.
 * Heads are read by llhttp and, before it, by our own scan, which is stricter: both must
 * agree. Bodies are framed by our own decoder.
 *
 * Refused, always with a problem and the end of the connection: HTTP/1.0 and older (505),
 * Transfer-Encoding together with Content-Length, any coding but one "chunked" (501),
 * repeated or odd Content-Length, none or two Hosts, line ends other than CRLF, folded
 * lines, control characters, targets that are no path, chunk extensions and trailers.
 * Not done: upgrades, CONNECT, trailers.
 *
 * One request at a time: what is pipelined waits unread, so answers keep their order. */

#include "wire/http/protocol.h"

/* Takes over an established connection; see http_serve. */
MUST_CHECK bool http1_serve(struct http_connection *connection,
                            struct http_service *service, struct err *err);

/* ---- the parts without a socket, for the codec, its tests and fuzzers ---- */

enum { HTTP1_FIELDS_MAX = 256, HTTP1_TARGET_MAX_BYTES = 8 * 1024 };

/* A parsed head; spans point into the bytes given and, for names, into the arena. */
struct http1_head {
    struct http_head head;
    bool is_chunked;
    bool wants_close;
    bool expects_continue;
};

/* Why a head or a body is not accepted; code is a literal. */
struct http1_refusal {
    int status;
    const char *code;
};

enum http1_scan { HTTP1_SCAN_MORE, HTTP1_SCAN_COMPLETE, HTTP1_SCAN_BROKEN };

/* Looks for the end of a head, byte by byte and never twice: `at` begins as zero and goes
 * on where it was. On COMPLETE the head is the first scan->offset bytes. */
struct http1_scanner {
    size_t offset;
    size_t line_begin;
    bool has_request_line;
};
enum http1_scan http1_scan_head(struct http1_scanner *scanner, struct span bytes);
/* A complete head. False with the refusal. */
MUST_CHECK bool http1_parse_head(struct span bytes, size_t fields_max,
                                 struct arena *arena, struct http1_head *parsed,
                                 struct http1_refusal *refusal);

/* Body of chunks (RFC 9112 7.1), no extensions, no trailers. */
enum http1_chunk_state {
    HTTP1_CHUNK_SIZE,
    HTTP1_CHUNK_SIZE_LF,
    HTTP1_CHUNK_DATA,
    HTTP1_CHUNK_DATA_CR,
    HTTP1_CHUNK_DATA_LF,
    HTTP1_CHUNK_END_CR,
    HTTP1_CHUNK_END_LF,
    HTTP1_CHUNK_DONE,
    HTTP1_CHUNK_BROKEN
};
struct http1_chunks {
    enum http1_chunk_state state;
    int digit_count;
    uint64_t left_bytes;
};
/* Takes from the front of `bytes` and gives the next piece of data, empty when it needs
 * more or is done or broken (state). */
struct span http1_take_chunk(struct http1_chunks *chunks, struct span *bytes);
