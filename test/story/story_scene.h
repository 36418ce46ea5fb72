// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A clinic that looks at the one record which its region's hospital discloses: what
 * arrives through the real tunnel, gate and HTTP server. */

#include "test/story/story_hospital.h"

#define VERSION_1 "202610010900000001"
#define VERSION_2 "202610020900000001"
#define CONTENT                                                                          \
    "{\"entry\":{\"kind\":\"laboratory\",\"items\":[{\"type\":\"result\",\"name\":"      \
    "\"CRP\",\"value\":\"0.3\"}]},\"warnings\":[{\"code\":\"hl7_extra\",\"text\":\"x\"}" \
    "]}"

/* The hospital's own state: the clinic is always in step with itself. */
#define IN_STEP "{\"facility\":\"01000000000000000000000000000000\",\"state\":\"in_step\""

struct scene {
    struct hospital *hospital;
    struct browser clinic;
    char person[128];
};

static inline struct scene scene_new(void)
{
    struct scene scene = {.hospital = hospital_new()};
    scene.clinic = enter(scene.hospital->world, "clinic");
    register_person(&scene.clinic, scene.person);
    return scene;
}

static inline struct reply open_calendar(struct scene *scene)
{
    return open_calendar_of(&scene->clinic, scene->person);
}

static inline bool shows(struct scene *scene, const char *part)
{
    struct reply reply = open_calendar(scene);
    return reply.status == 201 && has(&reply, part);
}

static inline struct reply ask_opening(struct scene *scene, const char *method,
                                       const char *opening, const char *what)
{
    char line[256];
    snprintf(line, sizeof line, "%s /api/v1/openings/%s/%s", method, opening, what);
    return go(&scene->clinic, line, "");
}

static inline bool has_now(struct scene *scene, const char *opening, const char *what,
                           const char *part)
{
    struct reply reply = ask_opening(scene, "GET", opening, what);
    return reply.status == 200 && has(&reply, part);
}

/* The id of the only entry of the calendar. */
static inline void find_entry(struct scene *scene, char entry[128])
{
    struct reply reply = open_calendar(scene);
    first_entry(&reply, entry);
}

static inline struct reply open_entry(struct scene *scene, const char *entry)
{
    char line[256];
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    return go(&scene->clinic, line, "");
}

static inline bool home_says(struct scene *scene, const char *part)
{
    struct reply reply = go(&scene->clinic, "GET /api/v1/home", "");
    return reply.status == 200 && has(&reply, part);
}

/* Once more, too: each opening remembers for itself. */
static inline void open_told_entry(struct scene *scene, char opening[128])
{
    char entry[128];
    find_entry(scene, entry);
    struct reply reply = open_entry(scene, entry);
    CHECK(reply.status == 201);
    CHECK(strlen(member(&reply, "opening", opening)) == 32);
}

/* Tells one, and opens it. */
static inline void open_only_entry(struct scene *scene, char opening[128])
{
    /* On a busy machine the line may be cut and dialled again: then they are compared. */
    has_key(scene->hospital, "1/OML-11/A", VERSION_1);
    say_put(scene->hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(scene->hospital, 1));
    open_told_entry(scene, opening);
}

static inline void withdraw_consent(struct scene *scene)
{
    char consent[128], line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", scene->person);
    struct reply reply = go(&scene->clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&scene->clinic, line, "{\"channel\":\"oral\"}").status == 200);
}
