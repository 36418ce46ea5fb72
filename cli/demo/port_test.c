// SPDX-License-Identifier: Apache-2.0
/* Regions that begin at the same moment: each has a port of its own, and its gateway can
 * listen there. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/path.h"
#include "base/test.h"
#include "cli/demo/demo.h"

/* A listener as the gateway makes it; -1 when it may not. */
static int listen_at(int port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 4) != 0)
        path_close(&fd);
    return fd;
}

static void a_held_port_is_not_given_twice(void)
{
    int ports[3] = {0};
    CLEANUP(path_close) int first = demo_hold_port(0, &ports[0]);
    CLEANUP(path_close) int second = demo_hold_port(ports[0], &ports[1]);
    CHECK(first >= 0 && ports[0] > 0);
    CHECK(second >= 0 && ports[1] > 0 && ports[1] != ports[0]);
    int third = demo_hold_port(ports[1], &ports[2]);
    CHECK(third >= 0 && ports[2] != ports[1] && ports[2] != ports[0]);
    int freed = ports[2];
    path_close(&third);
    third = demo_hold_port(freed, &ports[2]);
    CHECK(third >= 0 && ports[2] == freed);
    path_close(&third);
}

static void whom_it_is_held_for_may_listen_and_again(void)
{
    int port = 0;
    CLEANUP(path_close) int held = demo_hold_port(0, &port);
    CHECK(held >= 0);
    for (int i = 0; i < 2; i++) { /* a gateway that was started again */
        int listener = listen_at(port);
        int other = 0;
        CHECK(listener >= 0);
        CLEANUP(path_close) int elsewhere = demo_hold_port(port, &other);
        CHECK(elsewhere >= 0 && other != port);
        path_close(&listener);
    }
}

static void a_port_with_a_listener_is_not_taken(void)
{
    int port = 0;
    int held = demo_hold_port(0, &port);
    CHECK(held >= 0);
    CLEANUP(path_close) int listener = listen_at(port);
    path_close(&held);
    int other = 0;
    CLEANUP(path_close) int elsewhere = demo_hold_port(port, &other);
    CHECK(listener >= 0 && elsewhere >= 0 && other != port);
}

int main(void)
{
    RUN(a_held_port_is_not_given_twice);
    RUN(whom_it_is_held_for_may_listen_and_again);
    RUN(a_port_with_a_listener_is_not_taken);
    return test_done();
}
