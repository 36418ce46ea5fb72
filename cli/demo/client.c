// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/path.h"
#include "cli/demo/demo.h"

enum { ANSWER_BYTES_MAX = 16 << 20, TIMEOUT_S = 30 };

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        path_close(&fd);
    return fd;
}

static void write_request(const struct demo_client *client, const char *method,
                          const char *path, const char *json, struct buf *out)
{
    struct rand rand = rand_system();
    struct id_text key = id_to_text(id_new(&rand));
    buf_format(out, "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n",
               method, path, client->port);
    buf_format(out, "Origin: http://localhost:%d\r\n", client->port);
    if (client->cookie[0])
        buf_format(out, "Cookie: %s\r\n", client->cookie);
    if (strcmp(method, "GET") != 0)
        buf_format(out, "X-CSRF-Token: %s\r\nIdempotency-Key: %s\r\n", client->csrf,
                   key.at);
    if (json)
        buf_format(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(json));
    else if (strcmp(method, "POST") == 0)
        buf_cstr(out, "Content-Length: 0\r\n");
    buf_cstr(out, "\r\n");
    if (json)
        buf_cstr(out, json);
}

static bool exchange(int fd, const struct buf *request, struct buf *answer)
{
    char chunk[16384];
    struct span rest = buf_view(request);
    while (rest.len > 0) {
        ssize_t put = send(fd, rest.at, rest.len, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        rest = span_part(rest, (size_t)put, rest.len);
    }
    for (;;) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got < 0)
            return false;
        if (got == 0)
            return answer->len > 0;
        buf_put(answer, chunk, (size_t)got);
    }
}

static struct span find(struct span in, const char *what)
{
    const uint8_t *hit = in.len ? memmem(in.at, in.len, what, strlen(what)) : NULL;
    return hit ? span_of(hit, in.len - (size_t)(hit - in.at)) : span_of(NULL, 0);
}

static void keep_cookie(struct demo_client *client, struct span head)
{
    struct span set = find(head, "\r\nSet-Cookie: ");
    if (!set.at)
        set = find(head, "\r\nset-cookie: ");
    if (!set.at)
        return;
    set = span_part(set, 14, set.len);
    struct span end = find(set, ";");
    size_t len = end.at ? (size_t)(end.at - set.at) : 0;
    if (len > 0 && len < sizeof client->cookie) {
        memcpy(client->cookie, set.at, len);
        client->cookie[len] = '\0';
    }
}

/* Removes the framing of a chunked body (RFC 9112 7.1). */
static bool join_chunks(struct span body, struct buf *out)
{
    for (;;) {
        struct span end = find(body, "\r\n");
        size_t size = 0;
        if (!end.at)
            return false;
        for (const uint8_t *at = body.at; at < end.at; at++) {
            int digit = *at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10;
            if (digit < 0 || digit > 15 || size > ANSWER_BYTES_MAX)
                return false;
            size = size * 16 + (size_t)digit;
        }
        body = span_part(end, 2, end.len);
        if (size == 0)
            return true;
        if (body.len < size + 2)
            return false;
        buf_put(out, body.at, size);
        body = span_part(body, size + 2, body.len);
    }
}

static bool split_answer(struct demo_client *client, struct span whole,
                         struct arena *arena, int *status, struct span *body,
                         struct err *err)
{
    struct span split = find(whole, "\r\n\r\n");
    uint64_t number = 0;
    if (!split.at || whole.len < 12 || !span_uint(span_part(whole, 9, 3), 999, &number))
        return err_set(err, ERR_SYSTEM, "answer_invalid", "no HTTP answer");
    struct span head = span_of(whole.at, whole.len - split.len + 2);
    struct span raw = span_part(split, 4, split.len);
    CLEANUP(buf_free) struct buf joined = buf_init(ANSWER_BYTES_MAX);
    keep_cookie(client, head);
    *status = (int)number;
    bool is_chunked = find(head, "ransfer-Encoding: chunked").at ||
                      find(head, "ransfer-encoding: chunked").at;
    if (is_chunked && !join_chunks(raw, &joined))
        return err_set(err, ERR_SYSTEM, "answer_invalid", "broken chunks");
    return arena_copy(arena, is_chunked ? buf_view(&joined) : raw, body, err);
}

bool demo_ask(struct demo_client *client, const char *method, const char *path,
              const char *json, struct arena *arena, int *status, struct span *body,
              struct err *err)
{
    CLEANUP(buf_free) struct buf request = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf answer = buf_init(ANSWER_BYTES_MAX);
    CLEANUP(path_close) int fd = connect_to(client->port);
    write_request(client, method, path, json, &request);
    if (fd < 0 || !buf_check(&request, err) || !exchange(fd, &request, &answer))
        return err->kind == ERR_NONE
                   ? err_set(err, ERR_BUSY, "centre_away", "the centre does not answer")
                   : false;
    return buf_check(&answer, err) &&
           split_answer(client, buf_view(&answer), arena, status, body, err);
}
