// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Openings: a decision that lives on for a while (architecture, "The gate"). Opening an
 * object (calendar, entry) decides once and writes one decision row; its parts are then
 * read under a 128-bit handle, re-checked in memory; one finish row sums them up.
 *
 * Taking it decides again without a row when the decision is older than a second, so that
 * a consent's last day ends it. What is released meanwhile is in it.
 *
 * A handle is bound to the login session that made it and ends after 10 minutes without
 * use, when the session ends, when it is closed, or when the person's permissions changed
 * and the same request is refused now. Another session's handle is "not_found".
 *
 * `struct opening` is borrowed between opening_take and opening_release and keeps its own
 * permit alive. Threads share the table. */

#include "base/clock.h"
#include "base/log.h"
#include "exchange/disclosure/disclosure.h"

enum {
    OPENING_IDLE_MS = 10 * 60 * 1000,
    OPENING_PER_SESSION_MAX = 64,
    OPENING_COUNT_MAX = 20000,
    OPENING_WATCHERS_MAX = 1024 /* of one person's calendar that hear of a change */
};

struct http_router;
struct opening_table; /* *owned* by server */
struct opening;
struct session_service;

struct opening_config {
    struct disclosure *gate;
    struct session_service *sessions;
    struct clock clock;
    struct rand rand;
    const struct log *log;
};
MUST_CHECK struct opening_table *opening_table_new(const struct opening_config *config,
                                                   struct err *err);
/* Begins no more and waits until every `ready` has been called: before the workers end,
 * which conclude. ERR_BUSY server_busy from then on. */
void opening_table_stop(struct opening_table *table);
/* Writes the finish rows of all that are open. */
void opening_table_free(struct opening_table *table);
/* Openings now. */
size_t opening_table_count(struct opening_table *table);
/* Ends what is idle or whose session is over; called every few seconds. */
void opening_table_sweep(struct opening_table *table);

/* Decides and opens; `object` is what it is about (an entry's id), zero for the person's
 * calendar. The request's texts are copied. The result is taken: release it. */
MUST_CHECK struct opening *opening_begin(struct opening_table *table,
                                         const struct disclosure_request *request,
                                         struct id object, struct err *err);
/* The same in two steps, so that no worker waits for the audit. Begins: `ready` is called
 * once, on the audit's thread and perhaps before this returns, and must not block; then
 * somebody concludes, always. False: it is not called. Request and arena must stay until
 * the end. */
struct opening_wait {
    void (*ready)(void *context);
    void *context;
    struct arena *arena;            /* for what the decision needs on the way */
    struct disclosure_ahead *ahead; /* or NULL; until opening_begin_later is back */
};
MUST_CHECK bool opening_begin_later(struct opening_table *table,
                                    const struct disclosure_request *request,
                                    struct id object, const struct opening_wait *wait,
                                    struct opening **begun, struct err *err);
/* Takes `begun`, whatever comes of it: the opening as from opening_begin, or NULL. */
MUST_CHECK struct opening *opening_conclude(struct opening *begun, struct err *err);
/* ERR_MISSING not_found; ERR_REFUSED with the reason when the permission is gone (the
 * opening then ends); ERR_BUSY. May read the database. */
MUST_CHECK struct opening *opening_take(struct opening_table *table, struct id handle,
                                        const struct session_actor *actor,
                                        struct err *err);
void opening_release(struct opening **opening); /* for CLEANUP */
/* One more holder (a stream that outlives the call); release it too. */
struct opening *opening_keep(struct opening *opening);

struct id opening_handle(const struct opening *opening);
struct id opening_object(const struct opening *opening);
struct id opening_person(const struct opening *opening);
/* "calendar", "entry" */
const char *opening_event(const struct opening *opening);
/* Valid until the release. */
const struct disclosure_permit *opening_permit(const struct opening *opening);
/* Instant after which entries count as new in this opening; set once by the calendar. */
void opening_set_new_since(struct opening *opening, int64_t new_since_ms);
int64_t opening_new_since(const struct opening *opening);

/* For streams, at every chunk; but for the session, which is looked up in the database,
 * in memory, so not on a loop. False: ERR_REFUSED permission_changed (ask opening_renew
 * in a worker), ERR_REFUSED session_none, ERR_BUSY epoch_stale, store_busy. */
MUST_CHECK bool opening_holds(const struct opening *opening, struct err *err);
/* Decides again; false when refused now, and the opening has ended. */
MUST_CHECK bool opening_renew(struct opening *opening, struct err *err);
/* Whether what was sent last came whole; `code` lives for good, NULL = it did. Where it
 * did not the finish row says "failed" for it, unless the opening is cut anyway. */
void opening_note_whole(struct opening *opening, const char *code);
/* Adds to what the finish row will say. */
void opening_count(struct opening *opening, int64_t bytes, int64_t parts);
/* What stood for a part (of its place, a number of the caller's) when it was told of
 * first; kept by the first call for the place, as far as there is memory for it. False:
 * nothing was told yet. */
void opening_note_first(struct opening *opening, uint64_t place,
                        const struct hash *stamp);
bool opening_find_first(struct opening *opening, uint64_t place, struct hash *stamp);
/* Ends it with a finish row: verdict "done", "failed" or "cut". Later calls do nothing.
 */
void opening_end(struct opening *opening, const char *verdict, const char *reason);

/* ---- on paper ---- */
struct opening_printed { /* texts valid until the release */
    struct id request;   /* of the audit's row */
    int64_t at_ms;
    struct text staff;
    struct text facility;
};
/* A decision "print" about what is opened, and its finish row, both durable. */
MUST_CHECK bool opening_print(struct opening *opening, struct id request,
                              struct opening_printed *printed, struct err *err);

/* ---- live updates: who has a calendar open and may hear of a change ---- */
struct opening_news {
    struct id person;
    bool is_content;    /* of a provider's entries: heard under a grant for it only */
    struct id provider; /* with is_content */
    bool is_sensitive;  /* with is_content: marked so by its source */
    enum entry_row row; /* with is_content; ENTRY_ROW_NONE: any */
};
/* Sessions with the person's calendar open, at most max; permissions that changed are
 * decided again first, so it may read the database. `is_unsure` is set when somebody's
 * permission could not be known just now. */
size_t opening_watchers(struct opening_table *table, const struct opening_news *news,
                        struct hash *sessions, size_t max, bool *is_unsure);
/* The same for one session, in memory only: a permission that changed hears nothing.
 * opening_renew_session decides those of the session again before. */
bool opening_watches(struct opening_table *table, struct hash session,
                     const struct opening_news *news);
void opening_renew_session(struct opening_table *table, struct hash session);

/* Routes: closeOpening, printOpening. */
void opening_routes(struct http_router *router, struct opening_table *table);
struct session_service *opening_sessions(const struct opening_table *table);
