// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/browser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "test/simulate/network.h"
#include "test/simulate/scheduler.h"

enum { LOOK_US = 500, LOGINS = 2 };

static void write_request(const struct browser *browser, struct buf *out,
                          const char *line, int key, const char *body)
{
    buf_format(out,
               "%s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n"
               "Origin: http://localhost:%d\r\nIdempotency-Key: %032x\r\n",
               line, WORLD_BROWSER_PORT, WORLD_BROWSER_PORT, (unsigned)key);
    if (*browser->cookie)
        buf_format(out, "Cookie: tsumugi=%s\r\nX-CSRF-Token: %s\r\n", browser->cookie,
                   browser->csrf);
    if (*body)
        buf_format(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(body));
    buf_format(out, "\r\n%s", body);
}

/* The whole answer is there: all that its head announced. */
static bool is_whole(const char *all, const char **body)
{
    const char *end = strstr(all, "\r\n\r\n");
    const char *length = strstr(all, "ontent-length: ");
    *body = end ? end + 4 : "";
    if (!end)
        return false;
    return !length || length > end ||
           strlen(*body) >= (size_t)strtol(length + 15, NULL, 10);
}

static void read_answer(const char *all, struct browser_reply *reply)
{
    const char *body = "";
    const char *id = strstr(all, "x-request-id: ");
    if (strncmp(all, "HTTP/1.1 ", 9) != 0 || !is_whole(all, &body))
        return;
    reply->status = (int)strtol(all + 9, NULL, 10);
    snprintf(reply->request, sizeof reply->request, "%.32s", id ? id + 14 : "");
    snprintf(reply->body, sizeof reply->body, "%s", body);
    if (reply->status >= 400)
        browser_member(reply, "code", reply->code);
}

static void exchange(struct browser *browser, const char *line, int key, const char *body,
                     struct browser_reply *reply, char cookie[HASH_HEX_BYTES])
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf in = buf_init(1 << 20);
    reply->status = 0;
    reply->code[0] = reply->request[0] = reply->body[0] = '\0';
    struct http_connection *end = network_dial(WORLD_BROWSER_PORT);
    write_request(browser, &out, line, key, body);
    network_write(end, buf_view(&out));
    int64_t until_us = scheduler_now_us() + (int64_t)BROWSER_WAIT_MS * 1000;
    enum network_state state = NETWORK_OPENING;
    while (state < NETWORK_ENDED && scheduler_now_us() < until_us) {
        scheduler_sleep_us(LOOK_US);
        if (browser->meanwhile)
            browser->meanwhile(browser->context);
        state = network_receive(end, &in);
    }
    network_leave(end);
    buf_byte(&in, '\0');
    read_answer((const char *)in.at, reply);
    const char *set = strstr((const char *)in.at, "tsumugi=");
    snprintf(cookie, HASH_HEX_BYTES, "%.64s", set ? set + 8 : "");
}

static bool log_in(struct browser *browser, struct browser_reply *reply)
{
    char body[256], cookie[HASH_HEX_BYTES], csrf[64 + 1];
    snprintf(body, sizeof body, "{\"login\":\"%s\",\"password\":\"" WORLD_PASSWORD "\"}",
             browser->staff->login);
    browser->cookie[0] = browser->csrf[0] = '\0';
    exchange(browser, "POST /api/v1/session", 1, body, reply, cookie);
    if (reply->status != 200)
        return false;
    const char *at = strstr(reply->body, "\"csrf\":\"");
    snprintf(csrf, sizeof csrf, "%.64s", at ? at + 8 : "");
    memcpy(browser->cookie, cookie, sizeof browser->cookie);
    memcpy(browser->csrf, csrf, sizeof csrf);
    return true;
}

/* Clocks move while he logs in, too, so that the new session may be over as well: then,
 * as without any, his question has not been answered. */
void browser_ask(struct browser *browser, const char *line, int key, const char *body,
                 struct browser_reply *reply)
{
    char ignored[HASH_HEX_BYTES];
    for (int i = 0; i <= LOGINS; i++) {
        if (!*browser->cookie && !log_in(browser, reply))
            break;
        exchange(browser, line, key, body, reply, ignored);
        if (reply->status != 401)
            return;
        browser->cookie[0] = '\0';
    }
    reply->status = 0;
}

void browser_member(const struct browser_reply *reply, const char *name, char out[64])
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(reply->body, key);
    snprintf(out, 64, "%.*s", at ? (int)strcspn(at + strlen(key), "\"") : 0,
             at ? at + strlen(key) : "");
}
