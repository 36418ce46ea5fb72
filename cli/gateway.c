// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/signals.h"
#include "gateway/gateway.h"

static void stop(void *context)
{
    gateway_stop(context);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        fprintf(stderr, "usage: tsumugi gateway --config FILE\n");
        return COMMAND_USAGE;
    }
    signals_block();
    struct gateway *gateway = gateway_open(argv[2], &err);
    bool has_run = gateway && signals_watch(stop, gateway) && gateway_run(gateway, &err);
    if (!has_run)
        fprintf(stderr, "tsumugi gateway: %s: %s\n", err.code ? err.code : "no_thread",
                err.text);
    gateway_close(gateway);
    return has_run ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_gateway = {
    "gateway", "a hospital's side: reads, releases, answers", run};
