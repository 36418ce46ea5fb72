// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: somebody of the staff at a browser, HTTP/1.1, one connection per
 * request. What is asked may be cut like everything else: status 0. */

#include "base/id.h"
#include "test/simulate/world.h"

enum { BROWSER_BODY = 1 << 18, BROWSER_WAIT_MS = 40000 };

struct browser {
    const struct world_staff *staff;
    void (*meanwhile)(void *context); /* NULL, or called while an answer is awaited */
    void *context;
    char cookie[HASH_HEX_BYTES];
    char csrf[HASH_HEX_BYTES];
};
struct browser_reply {
    int status; /* 0 = no whole answer to what was asked */
    char request[33];
    char body[BROWSER_BODY];
    char code[64]; /* of a problem */
};

/* `key` numbers the Idempotency-Key: the same one again asks for the same thing. Logs in
 * when the session is over; that he could not is no answer, `code` says why. */
void browser_ask(struct browser *browser, const char *line, int key, const char *body,
                 struct browser_reply *reply);
/* A text member's value, the first of that name; "" when there is none. */
void browser_member(const struct browser_reply *reply, const char *name, char out[64]);
