// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The hospital's side, wired: collector, index, own gate, own audit, and the tunnel to
 * the centre. Configuration is one JSON file (docs/operations/gateway.md); everything it
 * names is read at start, and a fault in it stops the start with a reason. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"

struct gateway; /* *owned* by main */

/* Reads the file and opens everything; nothing runs yet. */
MUST_CHECK struct gateway *gateway_open(const char *config_file, struct err *err);
/* Runs on the calling thread until gateway_stop. */
MUST_CHECK bool gateway_run(struct gateway *gateway, struct err *err);
/* From any thread or a signal handler. */
void gateway_stop(struct gateway *gateway);
void gateway_close(struct gateway *gateway);

/* The reader of an index database, over this socket, until its other end is closed. */
void gateway_read_rows(int socket);

/* ---- the hospital's own office, in a process beside the running gateway ---- */
/* Held links, and files that were refused or held: one JSON object per line. */
MUST_CHECK bool gateway_list_held(const char *config_file, struct buf *out,
                                  struct err *err);
/* Links that became new since that day, one JSON object per line. */
MUST_CHECK bool gateway_list_links(const char *config_file, int32_t since,
                                   struct buf *out, struct err *err);
/* What says where to look besides the storages (the index database), and how it is: one
 * JSON object per line, or as metrics in Prometheus' text format. */
MUST_CHECK bool gateway_list_sources(const char *config_file, bool is_metrics,
                                     struct buf *out, struct err *err);
/* Says that a held file, by its path in the list, belongs to the patient of its folder;
 * written to the office's audit. ERR_MISSING not_found. */
MUST_CHECK bool gateway_release_file(const char *config_file, const char *path,
                                     struct err *err);
/* Confirms or refuses a held link; written to an audit series of its own,
 * "<node>-office". ERR_MISSING not_found. The running gateway tells the centre at its
 * next poll. */
MUST_CHECK bool gateway_decide_held(const char *config_file, struct id record,
                                    bool is_confirmed, struct err *err);
