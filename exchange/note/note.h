// SPDX-License-Identifier: Apache-2.0
#pragma once
/* 記録 (features A19): what a member writes about a person, with key images. A note is of
 * the facility that wrote it; whoever may read the kind `note` of that facility reads it,
 * by the same permit as all else. Its pictures are references: entry, series, instance,
 * frame and how it was looked at. They are drawn by the hospital that keeps them, for
 * each reader under an opening of its own; who may not see the entry is told that there
 * is a picture, and nothing that says which.
 *
 * A version is never changed: a correction and a withdrawal are the next one. Writing
 * and correcting are decided as PERMIT_WRITE (a consent in force, an own number, a post
 * that writes). Withdrawing is decided as reading the own facility's note: what is wrong
 * can be taken back also after the consent is gone.
 *
 * Not here: messages to somebody, drafts, photos, marks in the calendar.
 * Errors: those of the gate; ERR_MISSING not_found, note_picture (an entry that is not
 * there or not the writer's to see); ERR_SYNTAX note_text, note_empty, note_look;
 * ERR_LIMIT note_pictures; ERR_REFUSED note_not_author; ERR_CONFLICT note_changed,
 * note_withdrawn; the store's. */

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/text.h"

struct disclosure;
struct http_router;
struct session_service;
struct store;

enum {
    NOTE_CHARACTERS_MAX = 4000,
    NOTE_COMMENT_CHARACTERS_MAX = 200,
    NOTE_PICTURES_MAX = 20,
    NOTE_FRAMES_MAX = 1000000, /* of an instance */
    NOTE_PAGE_MAX = 20
};

enum note_state { NOTE_WRITTEN, NOTE_WITHDRAWN };

/* ---- the rule: plain facts in, a code out ---- */
enum note_step { NOTE_CORRECT, NOTE_WITHDRAW, NOTE_STEP_COUNT };
struct note_facts {
    bool is_of_facility; /* the actor's */
    bool is_author;
    bool is_manager; /* of that facility */
    bool is_newest;  /* the version that the actor has seen */
    enum note_state state;
};
/* NULL = allowed. First refusal wins:
 *   not_found         written by another facility
 *   note_not_author   to correct: another's; to withdraw: another's, and no manager
 *   note_withdrawn    there is nothing any more
 *   note_changed      somebody was faster */
const char *note_refusal(enum note_step step, const struct note_facts *facts);

/* Characters and no control characters but line ends and tabs: ERR_SYNTAX note_text. */
MUST_CHECK bool note_check_text(struct text text, size_t characters_max, struct err *err);
/* A series' or an instance's UID, as a file may have it: ERR_SYNTAX note_look. */
MUST_CHECK bool note_check_uid(struct text uid, struct err *err);
/* "centre,width" or empty: ERR_SYNTAX note_look. */
MUST_CHECK bool note_check_shades(struct text shades, struct err *err);

/* ---- the service ---- */
struct note_service {
    struct store *store;
    struct session_service *sessions;
    struct disclosure *gate;
    struct clock clock;
    struct rand rand;
    const struct log *log; /* may be NULL */
};
/* Routes: listNotes, writeNote, correctNote, withdrawNote. */
void note_routes(struct http_router *router, struct note_service *service);
