// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One subcommand of the program `tsumugi`: one file in cli/, one line in main.c.
 *
 * run gets argv[0] = the subcommand's own name; its result is the exit status: 0 good,
 * 1 failed or refused, 2 wrong usage. It writes results to stdout and faults, one line
 * each, to stderr. Whoever asks (--help, -h, help NAME) gets print_usage on stdout, from
 * main.c; run prints the same to stderr when it is used wrongly. */

#include <stdio.h>

struct command {
    const char *name;
    const char *summary; /* one line of --help */
    void (*print_usage)(FILE *out);
    int (*run)(int argc, char **argv);
};

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };
