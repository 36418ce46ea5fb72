// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/path.h"
#include "cli/demo/demo.h"

/* Bound and not listening, it keeps everybody else away who does not share addresses; the
 * listener it is kept for does, and so may have it. */
static int hold(int asked, int *port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)asked),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        path_close(&fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int demo_hold_port(int usual, int *port)
{
    int fd = hold(usual, port);
    return fd >= 0 ? fd : hold(0, port);
}
