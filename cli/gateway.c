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

static int fail(const struct err *err)
{
    fprintf(stderr, "tsumugi gateway: %s: %s\n", err->code ? err->code : "no_thread",
            err->text);
    return COMMAND_FAILED;
}

static int serve(const char *config)
{
    struct err err = {0};
    signals_block();
    struct gateway *gateway = gateway_open(config, &err);
    bool has_run = gateway && signals_watch(stop, gateway) && gateway_run(gateway, &err);
    gateway_close(gateway);
    return has_run ? COMMAND_OK : fail(&err);
}

static int list_held(const char *config)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    if (!gateway_list_held(config, &out, &err))
        return fail(&err);
    return fwrite(out.at, 1, out.len, stdout) == out.len ? COMMAND_OK : COMMAND_FAILED;
}

static int decide(const char *config, const char *hex, bool is_confirmed)
{
    struct err err = {0};
    struct id record;
    bool is_done = id_parse(span_cstr(hex), &record, &err) &&
                   gateway_decide_held(config, record, is_confirmed, &err);
    return is_done ? COMMAND_OK : fail(&err);
}

static int run(int argc, char **argv)
{
    bool has_config = argc >= 3 && strcmp(argv[1], "--config") == 0;
    if (has_config && argc == 3)
        return serve(argv[2]);
    if (has_config && argc == 4 && strcmp(argv[3], "--held") == 0)
        return list_held(argv[2]);
    if (has_config && argc == 5 && strcmp(argv[3], "--confirm") == 0)
        return decide(argv[2], argv[4], true);
    if (has_config && argc == 5 && strcmp(argv[3], "--refuse") == 0)
        return decide(argv[2], argv[4], false);
    fprintf(stderr, "usage: tsumugi gateway --config FILE "
                    "[--held | --confirm RECORD | --refuse RECORD]\n");
    return COMMAND_USAGE;
}

const struct command command_gateway = {
    "gateway", "a hospital's side: reads, releases, answers", run};
