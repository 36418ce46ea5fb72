// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The hospital's side, wired: collector, index, own gate, own audit, and the tunnel to
 * the centre. Configuration is one JSON file (docs/operations/gateway.md); everything it
 * names is read at start, and a fault in it stops the start with a reason. */

#include "base/arena.h"
#include "base/log.h"

struct gateway; /* *owned* by main */

/* Reads the file and opens everything; nothing runs yet. */
MUST_CHECK struct gateway *gateway_open(const char *config_file, struct err *err);
/* Runs on the calling thread until gateway_stop. */
MUST_CHECK bool gateway_run(struct gateway *gateway, struct err *err);
/* From any thread or a signal handler. */
void gateway_stop(struct gateway *gateway);
void gateway_close(struct gateway *gateway);
