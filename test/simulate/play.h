// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the simulation: what happens in the region, step by step, and what must hold. */

#include "formats/json/json.h"
#include "test/simulate/browser.h"
#include "test/simulate/model.h"

enum { PLAY_TOLD = 40, PLAY_TOLD_BYTES = 200, PLAY_CELLS_MAX = 1024 };

struct play_opening {
    int staff, patient;
    char handle[33]; /* "" = none */
};

struct play {
    struct world world;
    struct model model;
    struct browser browsers[WORLD_STAFF_MAX];
    struct browser_reply reply, other_reply;
    uint64_t seed;
    int step, step_count;
    int keys;                            /* Idempotency-Keys used */
    bool is_verbose, is_calm, is_inside; /* calm: nothing goes wrong; inside a fault */
    struct play_opening opened;          /* a calendar that was left open */
    int64_t returns_us[WORLD_GATEWAYS_MAX + 1]; /* when a node that is down comes back */
    bool has_full_disk[WORLD_GATEWAYS_MAX + 1];
    int disclosures, refusals, kills, settlings;
    char told[PLAY_TOLD][PLAY_TOLD_BYTES];
    int told_count;
};

/* ---- play.c ---- */
/* Never comes back: prints seed, step and what was told last. */
_Noreturn void play_fail(struct play *play, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void play_tell(struct play *play, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void play_run(struct play *play, const char *root);

/* ---- steps.c: what people and hospitals do ---- */
/* Asks until there is an answer that says what happened. */
void steps_ask_surely(struct play *play, int staff, const char *line, const char *body);
void steps_hospital(struct play *play);
void steps_people(struct play *play);
void steps_look(struct play *play);
void steps_open_calendar(struct play *play, int staff, int patient);

/* ---- faults.c: what goes wrong ---- */
void faults_start(struct play *play, int node);
void faults_draw(struct play *play);
/* Those that are down and whose time has come. */
void faults_return(struct play *play, bool all);
void faults_end(struct play *play);
void faults_change_policy(struct play *play);

/* ---- judge.c: what must hold ---- */
struct judge_mark {
    int facility; /* of the world */
    enum hospital_type type;
    int32_t day;
    int64_t count, flags;
    char entry[33];
};
struct judge_calendar {
    char opening[33];
    struct judge_mark marks[PLAY_CELLS_MAX];
    int count;
};
/* Reads the answer and checks that nobody is shown what is not his. */
void judge_calendar(struct play *play, int staff, int patient,
                    const struct browser_reply *reply, struct judge_calendar *calendar);
void judge_content(struct play *play, struct model_entry *entry, int staff,
                   const struct browser_reply *reply);
/* One decision row, durable. */
void judge_audit(struct play *play, const char *request);
/* Everything runs and nothing changes: waits until the region is in step, then compares
 * all of it with the model. */
void judge_settled(struct play *play);
