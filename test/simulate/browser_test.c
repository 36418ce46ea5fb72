// SPDX-License-Identifier: Apache-2.0
/* The simulation's browser before a centre that this program plays: whether sessions end
 * is said here, and what was asked is counted. */
#include "test/simulate/browser.h"

#include <string.h>

#include "base/test.h"
#include "test/simulate/network.h"
#include "test/simulate/scheduler.h"

enum { NEVER = 1000 };

struct http_connection {
    int session; /* that its question came with */
    bool is_login;
};

static struct http_connection line; /* allowed: stands in for the network */
static struct centre {
    int sessions, ended; /* those up to `ended` are over */
    int ends_after;      /* so many log-ins whose sessions are over at once */
    int login_status;
    int asked; /* what came under a session that lives */
} centre;      /* allowed: stands in for the centre */

struct http_connection *network_dial(uint16_t port)
{
    CHECK(port == WORLD_BROWSER_PORT);
    return &line;
}

void network_write(struct http_connection *end, struct span bytes)
{
    static char text[4096]; /* allowed: of one call */
    snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.at);
    const char *cookie = strstr(text, "Cookie: tsumugi=");
    end->session = cookie ? (int)strtol(cookie + 16, NULL, 16) : 0;
    end->is_login = strncmp(text, "POST /api/v1/session ", 21) == 0;
}

static void answer(struct buf *out, int status, const char *cookie, const char *body)
{
    buf_format(out, "HTTP/1.1 %d x\r\n%scontent-length: %zu\r\n\r\n%s", status, cookie,
               strlen(body), body);
}

enum network_state network_receive(struct http_connection *end, struct buf *out)
{
    char cookie[128] = "";
    if (end->is_login && centre.login_status != 200) {
        answer(out, centre.login_status, "", "{\"code\":\"busy\"}");
    } else if (end->is_login) {
        snprintf(cookie, sizeof cookie, "set-cookie: tsumugi=%064x\r\n",
                 (unsigned)++centre.sessions);
        if (centre.sessions <= centre.ends_after)
            centre.ended = centre.sessions;
        answer(out, 200, cookie, "{\"csrf\":\"0\"}");
    } else if (end->session <= centre.ended) {
        answer(out, 401, "", "{\"code\":\"session_none\"}");
    } else {
        centre.asked++;
        answer(out, 201, "", "{}");
    }
    return NETWORK_ENDED;
}

void network_leave(struct http_connection *end)
{
    *end = (struct http_connection){0, false};
}

int64_t scheduler_now_us(void)
{
    return 0;
}

void scheduler_sleep_us(int64_t us)
{
    (void)us;
}

/* ---- */

static const struct world_staff staff = {.login = "staff1"};
static struct browser_reply reply; /* allowed: too large for the stack */

static void ask(struct browser *browser)
{
    browser_ask(browser, "POST /api/v1/persons", 7, "{}", &reply);
}

static void a_session_that_ends_is_followed_by_another(void)
{
    struct browser browser = {.staff = &staff};
    centre = (struct centre){.login_status = 200};
    ask(&browser);
    CHECK(reply.status == 201 && centre.sessions == 1);
    centre.ended = 1;
    ask(&browser);
    CHECK(reply.status == 201 && centre.sessions == 2 && centre.asked == 2);
}

static void a_session_that_ends_while_he_logs_in_is_followed_by_another(void)
{
    struct browser browser = {.staff = &staff};
    centre = (struct centre){.login_status = 200, .ends_after = 2};
    ask(&browser);
    CHECK(reply.status == 201 && centre.sessions == 3 && centre.asked == 1);
}

static void that_no_session_lives_is_no_answer(void)
{
    struct browser browser = {.staff = &staff};
    centre = (struct centre){.login_status = 200, .ends_after = NEVER};
    ask(&browser);
    CHECK(reply.status == 0 && centre.asked == 0);
    CHECK(strcmp(reply.code, "session_none") == 0);
    centre.ends_after = 0;
    ask(&browser);
    CHECK(reply.status == 201 && centre.asked == 1);
}

static void that_he_is_not_let_in_is_no_answer(void)
{
    struct browser browser = {.staff = &staff};
    centre = (struct centre){.login_status = 429};
    ask(&browser);
    CHECK(reply.status == 0 && centre.asked == 0);
    CHECK(strcmp(reply.code, "busy") == 0);
}

int main(void)
{
    RUN(a_session_that_ends_is_followed_by_another);
    RUN(a_session_that_ends_while_he_logs_in_is_followed_by_another);
    RUN(that_no_session_lives_is_no_answer);
    RUN(that_he_is_not_let_in_is_no_answer);
    return test_done();
}
