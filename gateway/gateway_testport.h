// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the gateway's tests: a port of the loopback that nobody has now. */

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

static inline uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)(const void *)&at, len) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)(void *)&at, &len) == 0);
    close(fd);
    return ntohs(at.sin_port);
}
