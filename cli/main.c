// SPDX-License-Identifier: Apache-2.0
/* tsumugi: one program, one subcommand per file of this folder. */
#include <stdbool.h>
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
    fputs("  version   what this program is\n"
          "\ntsumugi COMMAND --help tells how each is used.\n",
          out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

/* Anywhere before what is a file's name whatever it looks like. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || (i == 1 && strcmp(argv[i], "-h") == 0))
            return true;
    return false;
}

static int help(const struct command *command)
{
    if (command)
        command->print_usage(stdout);
    else
        print_help(stdout);
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    bool is_help = strcmp(argv[1], "help") == 0;
    const char *name = is_help && argc > 2 ? argv[2] : argv[1];
    const struct command *command = find_command(name);
    if ((is_help && argc == 2) || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(NULL);
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        puts("tsumugi " VERSION_TEXT);
        return COMMAND_OK;
    }
    if (command && (is_help || wants_help(argc - 1, argv + 1)))
        return help(command);
    if (command)
        return command->run(argc - 1, argv + 1);
    fprintf(stderr, "tsumugi: no command named %s\n", name);
    return COMMAND_USAGE;
}
