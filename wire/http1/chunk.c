// SPDX-License-Identifier: Apache-2.0
#include "wire/http1/http1.h"

enum { DIGITS_MAX = 8 };

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum http1_chunk_state after_size_byte(struct http1_chunks *chunks, uint8_t c)
{
    int digit = hex_digit(c);
    if (digit >= 0 && chunks->digit_count < DIGITS_MAX) {
        chunks->digit_count++;
        chunks->left_bytes = chunks->left_bytes * 16 + (uint64_t)digit;
        return HTTP1_CHUNK_SIZE;
    }
    return c == '\r' && chunks->digit_count > 0 ? HTTP1_CHUNK_SIZE_LF
                                                : HTTP1_CHUNK_BROKEN;
}

static enum http1_chunk_state expect(uint8_t c, uint8_t expected,
                                     enum http1_chunk_state next)
{
    return c == expected ? next : HTTP1_CHUNK_BROKEN;
}

static enum http1_chunk_state after_byte(struct http1_chunks *chunks, uint8_t c)
{
    switch (chunks->state) {
    case HTTP1_CHUNK_SIZE:
        return after_size_byte(chunks, c);
    case HTTP1_CHUNK_SIZE_LF:
        return expect(c, '\n',
                      chunks->left_bytes > 0 ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_END_CR);
    case HTTP1_CHUNK_DATA_CR:
        return expect(c, '\r', HTTP1_CHUNK_DATA_LF);
    case HTTP1_CHUNK_DATA_LF:
        chunks->digit_count = 0;
        return expect(c, '\n', HTTP1_CHUNK_SIZE);
    case HTTP1_CHUNK_END_CR:
        return expect(c, '\r', HTTP1_CHUNK_END_LF);
    case HTTP1_CHUNK_END_LF:
        return expect(c, '\n', HTTP1_CHUNK_DONE);
    case HTTP1_CHUNK_DATA:
    case HTTP1_CHUNK_DONE:
    case HTTP1_CHUNK_BROKEN:
        break;
    }
    return HTTP1_CHUNK_BROKEN;
}

struct span http1_take_chunk(struct http1_chunks *chunks, struct span *bytes)
{
    while (bytes->len > 0 && chunks->state != HTTP1_CHUNK_DONE &&
           chunks->state != HTTP1_CHUNK_BROKEN) {
        if (chunks->state == HTTP1_CHUNK_DATA) {
            size_t max =
                chunks->left_bytes < bytes->len ? (size_t)chunks->left_bytes : bytes->len;
            struct span data = span_part(*bytes, 0, max);
            *bytes = span_part(*bytes, max, bytes->len);
            chunks->left_bytes -= max;
            if (chunks->left_bytes == 0)
                chunks->state = HTTP1_CHUNK_DATA_CR;
            return data;
        }
        chunks->state = after_byte(chunks, bytes->at[0]);
        *bytes = span_part(*bytes, 1, bytes->len);
    }
    return SPAN("");
}
