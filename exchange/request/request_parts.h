// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/request: rows (request_store.c), whole transactions of the routes
 * (request_change_store.c). */

#include "base/buf.h"
#include "exchange/request/request.h"
#include "exchange/session/session.h"

enum { REQUEST_BODY_MAX = 64 * 1024, REQUEST_LIST_BYTES = 256 * 1024 };

/* ---- rows ---- */
/* Whatever its state; `state` as of `now_ms`. ERR_MISSING "not_found". */
MUST_CHECK bool request_find(struct store_session *session, struct id id, int64_t now_ms,
                             struct arena *arena, struct request *found, struct err *err);
/* Open and not expired, oldest first, at most REQUEST_LIST_MAX; `total` counts all. */
MUST_CHECK bool request_list_received(struct store_session *session, struct id facility,
                                      int64_t now_ms, struct arena *arena,
                                      struct request **items, size_t *count,
                                      int64_t *total, struct err *err);
/* Of the last 60 days in every state, newest first, at most REQUEST_LIST_MAX. */
MUST_CHECK bool request_list_sent(struct store_session *session, struct id facility,
                                  int64_t now_ms, struct arena *arena,
                                  struct request **items, size_t *count, struct err *err);
/* Closes what expired, forgets what is old, adds. ERR_CONFLICT request_exists,
 * request_limit. */
MUST_CHECK bool request_add(struct store_session *session, const struct request *request,
                            struct err *err);
/* State, closed_*, reason, answer, record. */
MUST_CHECK bool request_close(struct store_session *session,
                              const struct request *request, struct err *err);

/* ---- facts ---- */
MUST_CHECK bool request_read_facts(struct store_session *session,
                                   const struct request *request, struct id viewer,
                                   int32_t today, struct arena *arena,
                                   struct request_facts *facts, struct err *err);
/* The error of a refusal's code. Always false. */
bool request_refuse(const char *code, struct err *err);

/* ---- transactions ---- */
/* What somebody wants to do: filled from the route. */
struct request_change {
    const struct session_actor *actor;
    const struct session_once *once;
    enum request_step step;
    struct request request; /* to send: whole; else its id, reason and answer */
    struct id person;       /* to accept */
    struct id record;       /* to accept: the link's id */
    int64_t now_ms;
};
/* For the decision row, before anything is written: reads what `change` is about and
 * applies the rule. False with the refusal's error; `code` is the refusal then, or NULL
 * when something could not be read. */
MUST_CHECK bool request_examine(struct request_service *service,
                                struct request_change *change, struct arena *arena,
                                const char **code, struct err *err);
/* The rule again, the change, the kept answer. `linked` is the link of an accepted one,
 * id zero otherwise. */
MUST_CHECK bool request_carry_out(struct request_service *service,
                                  struct request_change *change, struct arena *arena,
                                  struct session_answer *answer, struct id *linked,
                                  struct err *err);
MUST_CHECK bool request_find_kept(struct request_service *service,
                                  const struct session_once *once, struct arena *arena,
                                  struct session_answer *answer, struct err *err);
/* The contract's Request, as `viewer` sees it; after the rule allowed to see it. */
MUST_CHECK bool request_write_one(struct request_service *service,
                                  const struct request_change *change,
                                  struct arena *arena, struct buf *out, struct err *err);
/* {"received": […], "received_total": n, "sent": […]}: heads only. */
MUST_CHECK bool request_write_lists(struct request_service *service, struct id facility,
                                    int64_t now_ms, struct arena *arena, struct buf *out,
                                    struct err *err);
