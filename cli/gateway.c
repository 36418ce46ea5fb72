// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "gateway/gateway.h"

/* Signals reach the one gateway of this process through here. */
static struct gateway *running; /* allowed: signal handlers have no context */

static void on_signal(int number)
{
    (void)number;
    gateway_stop(running);
}

static int run_gateway(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        fprintf(stderr, "usage: tsumugi gateway --config FILE\n");
        return 2;
    }
    running = gateway_open(argv[2], &err);
    if (!running) {
        fprintf(stderr, "tsumugi gateway: %s: %s\n", err.code, err.text);
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    bool has_run = gateway_run(running, &err);
    if (!has_run)
        fprintf(stderr, "tsumugi gateway: %s: %s\n", err.code, err.text);
    gateway_close(running);
    return has_run ? 0 : 1;
}

const struct command command_gateway = {
    "gateway", "a hospital's side: reads, releases, answers", run_gateway};
