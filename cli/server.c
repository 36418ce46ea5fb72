// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "server/server.h"

/* Signals reach the one server of this process through here. */
static struct server *running; /* allowed: signal handlers have no context */

static void on_signal(int number)
{
    (void)number;
    server_stop(running);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        fprintf(stderr, "usage: tsumugi server --config FILE\n");
        return COMMAND_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    running = server_open(argv[2], &err);
    if (!running) {
        fprintf(stderr, "tsumugi server: %s: %s\n", err.code, err.text);
        return COMMAND_FAILED;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* Who started it may have asked for any free port. */
    printf("{\"port\":%u,\"gateway_port\":%u}\n", server_port(running),
           server_gateway_port(running));
    fflush(stdout);
    server_run(running);
    server_close(running);
    return COMMAND_OK;
}

const struct command command_server = {"server", "the service centre", run};
