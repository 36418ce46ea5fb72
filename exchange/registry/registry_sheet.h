// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/registry: sheets, what calendars need of a record's rows within 32
 * days as one text (0071_sheet.sql). The database voids a sheet with any change of its
 * rows; a thread writes void ones anew, soon. Until then the rows are read, so that
 * nobody sees anything old. */

#include "exchange/registry/registry_rows.h"

struct store;
struct store_statement;

struct registry_sheets; /* *owned* by the registry; threads share it */

MUST_CHECK struct registry_sheets *
registry_sheets_open(struct store *store, const struct log *log, struct err *err);
void registry_sheets_close(struct registry_sheets *sheets);
/* Now, some of what is missing and of what is void; `has_more` when there may be more. */
MUST_CHECK bool registry_sheets_renew(struct store *store, bool *has_more,
                                      struct err *err);

/* Shows each row of a record from day to day (both included; DAY_NONE: those without
 * one), by day, kind and entry, until `goes_on` is false. Texts are views for as long as
 * `see` runs. */
typedef bool registry_see_row(void *context, struct registry_row_value *row,
                              bool *goes_on, struct err *err);
struct registry_walk {
    int64_t record;
    int32_t from;
    int32_t to;
    int64_t sheets_at_once; /* few when the end will come early */
    registry_see_row *see;
    void *context;
    struct store_statement *asked; /* *owned*: its first sheets, or NULL */
    int64_t prepared;              /* of registry_sheets_prepared, in the same snapshot */
};
/* After an upgrade sheets are made beside the work. Records below this number have all of
 * theirs; of the others the rows are read. */
MUST_CHECK bool registry_sheets_prepared(struct store_session *session, int64_t *record,
                                         struct err *err);
/* Asks for the first sheets ahead, with what else is asked then (store_ask). */
MUST_CHECK bool registry_walk_ask(struct store_session *session,
                                  struct registry_walk *walk, struct err *err);
/* ERR_BUSY "read_again" when the sheets do not say all: a session of store_read_once has
 * no rows of the same moment. */
MUST_CHECK bool registry_walk_rows(struct store_session *session,
                                   struct registry_walk *walk, struct err *err);
/* For a walk that was asked for and is not made. */
void registry_walk_end(struct registry_walk *walk);
