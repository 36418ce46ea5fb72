// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "server/server.h"

static void stop(void *context)
{
    server_stop(context);
}

static void renew(void *context)
{
    server_renew(context);
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi server --config FILE\n", out);
}

static int run(int argc, char **argv)
{
    static const struct signals_wishes wishes = {stop, renew};
    struct err err = {0};
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    memory_settle();
    signals_block();
    signals_block_renewing();
    struct server *server = server_open(argv[2], &err);
    struct signals *signals = server ? signals_watch(&wishes, server, &err) : NULL;
    if (!signals) {
        fprintf(stderr, "tsumugi server: %s: %s\n", err.code, err.text);
        server_close(server);
        return COMMAND_FAILED;
    }
    /* Who started it may have asked for any free port. */
    printf("{\"port\":%u,\"gateway_port\":%u,\"metrics_port\":%u}\n", server_port(server),
           server_gateway_port(server), server_metrics_port(server));
    fflush(stdout);
    server_run(server);
    signals_end(signals);
    server_close(server);
    return COMMAND_OK;
}

const struct command command_server = {"server", "the service centre", print_usage, run};
