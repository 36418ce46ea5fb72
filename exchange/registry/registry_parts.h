// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: what storing and reading share. */

#include "exchange/registry/registry.h"

struct store_statement;

/* 0 when the registry does not know the record. */
MUST_CHECK bool registry_find_record(struct store_session *session, struct id record,
                                     int64_t *number, struct err *err);
MUST_CHECK bool registry_last_change(struct store_session *session, int64_t *number,
                                     struct err *err);

/* What is kept of a permit's records themselves: one of each grant, number 0 when the
 * registry does not know it. */
struct registry_standing {
    int64_t number;
    struct registry_freshness freshness;
};
struct registry_standings {
    const struct permit_contents *contents;
    struct registry_standing *at;
    struct store_statement *asked; /* *owned*: for the first of them */
    /* Of the registry itself, in the same moment; where no record is known has_head is
     * false. */
    bool has_head;
    int64_t last_change;
    int64_t prepared; /* registry_sheets_prepared */
};
/* Asks ahead (store_ask), then reads. */
MUST_CHECK bool registry_standings_ask(struct store_session *session,
                                       const struct disclosure_permit *permit,
                                       struct arena *arena,
                                       struct registry_standings *standings,
                                       struct err *err);
MUST_CHECK bool registry_standings_read(struct registry_standings *standings,
                                        struct err *err);
void registry_standings_end(struct registry_standings *standings); /* for CLEANUP */

/* ---- registry_look_store.c ---- */
/* Looks are noted in memory and written together about once a second, by a thread of its
 * own: a write of each would cost every opening a commit, and every reader its pages. */
struct registry_looks; /* *owned* by the registry; threads share it */

struct registry_look_key {
    struct id post;
    struct id person;
};
MUST_CHECK struct registry_looks *
registry_looks_open(struct store *store, const struct log *log, struct err *err);
/* Writes what is left. */
void registry_looks_close(struct registry_looks *looks);
MUST_CHECK bool registry_looks_note(struct registry_looks *looks,
                                    const struct registry_look_key *key, int64_t now_ms,
                                    int64_t *new_since_ms, struct err *err);
MUST_CHECK bool registry_looks_keep(struct registry_looks *looks, struct err *err);
