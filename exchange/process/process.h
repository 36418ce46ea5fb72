// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The server processes that share one database: each registers under its node's name,
 * beats while it lives and watches the others' beats by its own monotonic clock, so that
 * nobody's wall clock matters (docs/decisions/0017). Heads of the audit series go round
 * here, so that no series can be cut or written anew by whoever keeps it.
 *
 * Of a database in a file there is one process: then nothing is written and nobody
 * watched. Errors: ERR_CONFLICT "node_taken", "keys_differ", those of the store. */

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/rand.h"

struct audit;
struct store;
struct process; /* *owned* by server; closed before store and audit */

enum {
    PROCESS_BEAT_MS = 500,
    PROCESS_GONE_MS = 3000, /* without a beat */
    PROCESS_HEADS_MS = 600 * 1000
};

/* Both run on the process's own thread. */
struct process_listener {
    /* Another one is gone without a word: what it was about to tell is lost. */
    void (*gone)(void *context);
    /* Another one has this node's name: this one has to end. */
    void (*ousted)(void *context);
    void *context;
};

struct process_config {
    struct store *store;
    struct audit *audit; /* its own series is open: nobody writes it from here */
    const char *node;
    struct hash place; /* of host and data directory */
    struct clock clock;
    struct rand rand;
    const struct log *log;
};

/* Registers. A name whose beat moves at another place is "node_taken", which takes up to
 * PROCESS_GONE_MS to know; the own place's former life is replaced at once. */
MUST_CHECK struct process *process_open(const struct process_config *config,
                                        struct err *err);
/* Begins to beat and to watch. */
MUST_CHECK bool process_start(struct process *process,
                              const struct process_listener *listener, struct err *err);
/* Calls no listener any more; before those are closed. */
void process_stop(struct process *process);
/* Says good-bye, so that nobody counts it as gone. */
void process_close(struct process *process);
/* Random for this life. */
struct id process_run(const struct process *process);
/* This one included. */
int process_count(struct process *process);

/* A key that all have to have alike: the first to come leaves a mark that does not tell
 * it. */
MUST_CHECK bool process_check_key(struct store *store, const char *name, struct span key,
                                  struct err *err);
