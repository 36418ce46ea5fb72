// SPDX-License-Identifier: Apache-2.0
/* tsumugi: one program, one subcommand per file of this folder. */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/command.h"
#include "cli/commands.h"

static const struct command *const commands[] = {
    &command_server, &command_gateway, &command_demo,   &command_inspect,
    &command_ssmix,  &command_audit,   &command_synth,  &command_admin,
    &command_backup, &command_restore, &command_render,
};

static void print_help(FILE *out)
{
    fputs("usage: tsumugi COMMAND …\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  version   what this program is\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        puts("tsumugi " VERSION_TEXT);
        return COMMAND_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "tsumugi: no command named %s\n", argv[1]);
    return COMMAND_USAGE;
}
