// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/day.h"
#include "base/memory.h"
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
    static const struct signals_wishes wishes = {.stop = stop};
    struct err err = {0};
    memory_settle();
    signals_block();
    struct gateway *gateway = gateway_open(config, &err);
    struct signals *signals = gateway ? signals_watch(&wishes, gateway, &err) : NULL;
    bool has_run = signals && gateway_run(gateway, &err);
    signals_end(signals);
    gateway_close(gateway);
    return has_run ? COMMAND_OK : fail(&err);
}

static int print(const struct buf *out)
{
    return fwrite(out->at, 1, out->len, stdout) == out->len ? COMMAND_OK : COMMAND_FAILED;
}

static int list_held(const char *config, const char *unused)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    (void)unused;
    return gateway_list_held(config, &out, &err) ? print(&out) : fail(&err);
}

static int list_links(const char *config, const char *day)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    struct clock clock = clock_system();
    int32_t since =
        day ? day_from_iso(span_cstr(day)) : day_of_instant(clock_wall_ms(&clock));
    if (since == DAY_NONE)
        err_set(&err, ERR_SYNTAX, "day_invalid", "a day is YYYY-MM-DD");
    return since != DAY_NONE && gateway_list_links(config, since, &out, &err)
               ? print(&out)
               : fail(&err);
}

static int list_sources(const char *config, const char *form)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    if (form && strcmp(form, "metrics") != 0)
        err_set(&err, ERR_SYNTAX, "usage", "--sources [metrics]");
    return err.kind == ERR_NONE && gateway_list_sources(config, form != NULL, &out, &err)
               ? print(&out)
               : fail(&err);
}

static int release(const char *config, const char *path)
{
    struct err err = {0};
    return gateway_release_file(config, path, &err) ? COMMAND_OK : fail(&err);
}

static int decide(const char *config, const char *hex, bool is_confirmed)
{
    struct err err = {0};
    struct id record;
    bool is_done = id_parse(span_cstr(hex), &record, &err) &&
                   gateway_decide_held(config, record, is_confirmed, &err);
    return is_done ? COMMAND_OK : fail(&err);
}

static int confirm(const char *config, const char *hex)
{
    return decide(config, hex, true);
}

static int refuse(const char *config, const char *hex)
{
    return decide(config, hex, false);
}

/* What the office does beside the running gateway. */
static const struct {
    const char *name;
    int min_values;
    int max_values;
    int (*run)(const char *config, const char *value);
} actions[] = {
    {"--held", 0, 0, list_held},  {"--links", 0, 1, list_links},
    {"--confirm", 1, 1, confirm}, {"--refuse", 1, 1, refuse},
    {"--release", 1, 1, release}, {"--sources", 0, 1, list_sources},
};

/* Of the running gateway alone: what reads its index database (gateway/rows). */
static int read_rows(void)
{
    gateway_read_rows(STDIN_FILENO);
    return COMMAND_OK;
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi gateway --config FILE [--held | --links [DAY] | "
          "--sources [metrics] | --confirm RECORD | --refuse RECORD | --release PATH]\n",
          out);
}

static int run(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--read-rows") == 0)
        return read_rows();
    bool has_config = argc >= 3 && strcmp(argv[1], "--config") == 0;
    if (has_config && argc == 3)
        return serve(argv[2]);
    for (size_t i = 0; has_config && i < sizeof actions / sizeof *actions; i++) {
        int values = argc - 4;
        if (strcmp(argv[3], actions[i].name) == 0 && values >= actions[i].min_values &&
            values <= actions[i].max_values)
            return actions[i].run(argv[2], values ? argv[4] : NULL);
    }
    print_usage(stderr);
    return COMMAND_USAGE;
}

const struct command command_gateway = {
    "gateway", "a hospital's side: reads, releases, answers", print_usage, run};
