// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Every subcommand; each is defined in the file of its name. */

#include "cli/command.h"

extern const struct command command_admin;
extern const struct command command_audit;
extern const struct command command_backup;
extern const struct command command_demo;
extern const struct command command_gateway;
extern const struct command command_inspect;
extern const struct command command_render;
extern const struct command command_restore;
extern const struct command command_server;
extern const struct command command_ssmix;
extern const struct command command_synth;
