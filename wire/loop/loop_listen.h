// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A listening socket on a loop, the same for every protocol: numeric addresses, plain on
 * loopback only, a pause when descriptors run out. */

#include <sys/socket.h>

#include "wire/loop/loop.h"

struct loop_address {
    struct sockaddr_storage at;
    socklen_t len;
};
/* A numeric address. What is plain (without TLS) listens on loopback only. ERR_SYNTAX
 * "address_invalid", ERR_REFUSED "plain_refused". */
MUST_CHECK bool loop_read_address(const char *address, uint16_t port, bool is_plain,
                                  struct loop_address *at, struct err *err);

struct loop_listener_config {
    struct loop *loop;
    struct loop_address at;                  /* port 0 = any */
    void (*accepted)(void *context, int fd); /* which owns the descriptor */
    void *context;
};
struct loop_listener; /* *owned* */
/* On the loop's thread or before loop_run. Out of descriptors it pauses and tries again
 * by itself. ERR_SYSTEM "listen_failed". */
MUST_CHECK struct loop_listener *loop_listen(const struct loop_listener_config *config,
                                             struct err *err);
uint16_t loop_listener_port(const struct loop_listener *listener);
/* On the loop's thread, or after loop_run has returned. */
void loop_listener_close(struct loop_listener *listener);
