// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/note: rows (note_store.c), whole transactions of the routes
 * (note_change_store.c). */

#include "base/buf.h"
#include "exchange/note/note.h"
#include "exchange/permit/permit.h"
#include "exchange/session/session.h"

enum { NOTE_LIST_BYTES = 4 << 20, NOTE_FIRST_VERSION = 1 };

struct note_picture {
    struct id entry;
    struct text series_uid;
    struct text instance_uid;
    int64_t frame;
    struct text shades;
    bool is_inverted;
    int64_t quarter;
    bool is_flipped;
    struct text comment;
};

/* One version, and whose note it is of. */
struct note_version {
    struct id note;
    struct id person;
    struct id facility;
    struct id author;
    int64_t created_at;
    int64_t version;
    enum note_state state;
    struct text body;
    struct note_picture pictures[NOTE_PICTURES_MAX];
    size_t picture_count;
};

/* ---- rows ---- */
/* The newest version's number and state and whose it is; no text. ERR_MISSING. */
MUST_CHECK bool note_find(struct store_session *session, struct id note,
                          struct note_version *found, struct err *err);
/* A note's first version. */
MUST_CHECK bool note_add(struct store_session *session,
                         const struct note_version *version,
                         const struct session_actor *actor, int64_t now_ms,
                         struct err *err);
/* The next one behind `version->version` - 1: ERR_CONFLICT note_changed where that is not
 * the newest any more. */
MUST_CHECK bool note_add_version(struct store_session *session,
                                 const struct note_version *version,
                                 const struct session_actor *actor, int64_t now_ms,
                                 struct err *err);
/* Where a page begins: strictly before. */
struct note_cursor {
    int64_t created_at;
    struct id note;
};
struct note_page {
    const struct disclosure_permit *permit;
    const struct session_actor *actor; /* whose rights to change are told */
    struct note_cursor before;
    struct arena *arena;
    int64_t count; /* filled */
};
/* {"notes": […], "next": …} of the permit's person, newest first. */
MUST_CHECK bool note_write_page(struct note_service *service, struct note_page *page,
                                struct buf *out, struct err *err);

/* ---- transactions ---- */
enum note_change_kind { NOTE_CHANGE_WRITE, NOTE_CHANGE_CORRECT, NOTE_CHANGE_WITHDRAW };
struct note_change {
    struct session_actor actor;
    struct session_once once;
    enum note_change_kind kind;
    struct note_version version; /* note, person, body, pictures; to correct and to
                                    withdraw: `version` that the actor has seen */
    int64_t now_ms;
};
/* Rule, what is referred to, rows, the kept answer. */
MUST_CHECK bool note_carry_out(struct note_service *service,
                               const struct note_change *change,
                               const struct disclosure_permit *permit,
                               struct arena *arena, struct session_answer *answer,
                               struct err *err);
MUST_CHECK bool note_find_kept(struct note_service *service,
                               const struct session_once *once, struct arena *arena,
                               struct session_answer *answer, struct err *err);
/* Whose note it is: ERR_MISSING not_found also for what another facility wrote. */
MUST_CHECK bool note_find_person(struct note_service *service,
                                 const struct session_actor *actor, struct id note,
                                 struct id *person, struct err *err);
