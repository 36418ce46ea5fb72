// SPDX-License-Identifier: Apache-2.0
/* tsumugi audit verify DIR…: checks the audit's files without a server. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "exchange/audit/audit.h"

static int verify(const char *const *directories, size_t directory_count)
{
    struct err err = {0};
    struct audit_fault fault = {0};
    uint64_t count = 0;
    if (audit_verify_all(directories, directory_count, &count, &fault, &err)) {
        printf("%" PRIu64 " records in order\n", count);
        return COMMAND_OK;
    }
    if (err.kind != ERR_NONE)
        fprintf(stderr, "tsumugi audit: %s\n", err.text);
    else
        printf("%s %" PRIu64 " %s\n", fault.node, fault.number, fault.code);
    return COMMAND_FAILED;
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi audit verify DIR…   one for each process of the centre\n"
          "Prints the number of records, or the first bad one as: node number code.\n",
          out);
}

static int run(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "verify") == 0)
        return verify((const char *const *)argv + 2, (size_t)argc - 2);
    print_usage(stderr);
    return COMMAND_USAGE;
}

const struct command command_audit = {
    "audit", "check the audit's files: audit verify DIR…", print_usage, run};
