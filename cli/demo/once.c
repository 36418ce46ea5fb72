// SPDX-License-Identifier: Apache-2.0
/* The main job through HTTP, as a doctor of a clinic does it: log in, find a patient by
 * the own number, open the calendar woven from several hospitals, open an entry; and what
 * must not work: a patient whose consent was withdrawn, a handle of somebody else. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/demo/demo.h"

enum { WAIT_MS = 90000, TICK_MS = 250 };

struct trial {
    struct demo *demo;
    struct demo_client client;
    struct arena arena;
    int steps;
    int failures;
    /* what region.json says */
    struct text login;
    struct text password;
    struct text clinic;     /* facility code */
    struct text own_number; /* a linked person's number there */
    struct text withdrawn_number;
    /* what the centre said */
    char person[ID_TEXT_BYTES];
    char opening[ID_TEXT_BYTES];
    char entry[ID_TEXT_BYTES];
};

static bool step(struct trial *trial, bool is_good, const char *what)
{
    trial->steps++;
    trial->failures += !is_good;
    printf("%sok %d - %s\n", is_good ? "" : "not ", trial->steps, what);
    fflush(stdout);
    return is_good;
}

static struct text member(const struct json_value *object, const char *key)
{
    struct text text = {0};
    struct err err = {0};
    (void)!json_take_text_or(object, key, 4096, &text, &err);
    return text;
}

static bool member_is(const struct json_value *object, const char *key, const char *word)
{
    return text_is(member(object, key), word);
}

/* ---- choosing from the region ---- */

static const struct json_value *region_list(const struct trial *trial, const char *key)
{
    return json_member(json_root(trial->demo->region), key);
}

/* A doctor whose first post is at a facility without a gateway. */
static bool choose_doctor(struct trial *trial)
{
    const struct json_value *staff = region_list(trial, "staff");
    const struct json_value *facilities = region_list(trial, "facilities");
    for (size_t i = 0; i < json_count(staff); i++) {
        const struct json_value *one = json_item(staff, i);
        const struct json_value *posts = json_member(one, "posts");
        const struct json_value *post = json_item(posts, 0);
        if (json_count(posts) != 1 || !member_is(post, "profession", "doctor"))
            continue;
        for (size_t j = 0; j < json_count(facilities); j++) {
            const struct json_value *facility = json_item(facilities, j);
            if (text_equal(member(facility, "code"), member(post, "facility")) &&
                member_is(facility, "kind", "clinic")) {
                trial->login = member(one, "login");
                trial->password = member(one, "password");
                trial->clinic = member(post, "facility");
                return true;
            }
        }
    }
    return false;
}

static struct text number_at(const struct json_value *person, struct text facility)
{
    const struct json_value *records = json_member(person, "records");
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_value *record = json_item(records, i);
        if (text_equal(member(record, "facility"), facility) &&
            member_is(record, "link", "confirmed"))
            return member(record, "number");
    }
    return (struct text){0};
}

static bool has_consent(const struct json_value *person, const char *state)
{
    const struct json_value *consents = json_member(person, "consents");
    size_t count = json_count(consents);
    return count > 0 && member_is(json_item(consents, count - 1), "state", state);
}

static void choose_persons(struct trial *trial)
{
    const struct json_value *persons = region_list(trial, "persons");
    for (size_t i = 0; i < json_count(persons); i++) {
        const struct json_value *person = json_item(persons, i);
        struct text number = number_at(person, trial->clinic);
        bool is_star = false;
        struct err err = {0};
        if (number.len == 0 || !json_take_bool(person, "star", &is_star, &err))
            continue;
        if (is_star && trial->own_number.len == 0 && has_consent(person, "active"))
            trial->own_number = number;
        if (trial->withdrawn_number.len == 0 && has_consent(person, "withdrawn"))
            trial->withdrawn_number = number;
    }
}

/* ---- asking ---- */

/* Status of the answer; *document is NULL when it was no JSON. 0 = no answer. */
static int ask(struct trial *trial, const char *method, const char *path,
               const char *json, struct json_document **document)
{
    struct err err = {0};
    struct span body = {0};
    int status = 0;
    *document = NULL;
    arena_reset(&trial->arena);
    if (!demo_ask(&trial->client, method, path, json, &trial->arena, &status, &body,
                  &err)) {
        printf("# %s\n", err.code);
        return 0;
    }
    if (body.len > 0)
        *document = json_parse(body, &err);
    return status;
}

static bool log_in(struct trial *trial)
{
    char json[512];
    snprintf(json, sizeof json, "{\"login\":\"%.*s\",\"password\":\"%.*s\"}",
             (int)trial->login.len, trial->login.at, (int)trial->password.len,
             trial->password.at);
    CLEANUP(json_free_at) struct json_document *document = NULL;
    int status = ask(trial, "POST", "/api/v1/session", json, &document);
    struct text csrf = document ? member(json_root(document), "csrf") : (struct text){0};
    snprintf(trial->client.csrf, sizeof trial->client.csrf, "%.*s", (int)csrf.len,
             csrf.at ? csrf.at : "");
    return status == 200 && csrf.len > 0;
}

static bool keep_id(const struct json_value *object, const char *key,
                    char out[ID_TEXT_BYTES])
{
    struct text id = member(object, key);
    if (id.len != ID_TEXT_BYTES - 1)
        return false;
    memcpy(out, id.at, id.len);
    out[id.len] = '\0';
    return true;
}

static bool find_person(struct trial *trial, struct text number)
{
    char json[128];
    snprintf(json, sizeof json, "{\"own_number\":\"%.*s\"}", (int)number.len, number.at);
    CLEANUP(json_free_at) struct json_document *document = NULL;
    int status = ask(trial, "POST", "/api/v1/persons/searches", json, &document);
    if (status != 200 || !document)
        return false;
    const struct json_value *persons = json_member(json_root(document), "persons");
    return json_count(persons) == 1 &&
           keep_id(json_item(persons, 0), "id", trial->person);
}

static int open_calendar(struct trial *trial, struct json_document **document)
{
    char path[128];
    char json[64];
    char from[DAY_TEXT_BYTES];
    char to[DAY_TEXT_BYTES];
    day_to_iso(trial->demo->today - 364, from);
    day_to_iso(trial->demo->today, to);
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings", trial->person);
    snprintf(json, sizeof json, "{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
    return ask(trial, "POST", path, json, document);
}

static size_t facilities_in_step(const struct json_value *calendar)
{
    const struct json_value *freshness = json_member(calendar, "freshness");
    size_t count = 0;
    for (size_t i = 0; i < json_count(freshness); i++)
        count += member_is(json_item(freshness, i), "state", "in_step");
    return count;
}

/* Of a mark with one entry; the others' column is empty. */
static bool keep_first_entry(struct trial *trial, const struct json_value *entries)
{
    struct text entry = {0};
    struct err err = {0};
    for (size_t i = 0; i < json_count(entries); i++) {
        if (!json_item_text(entries, i, ID_TEXT_BYTES, &entry, &err) || entry.len == 0)
            continue;
        memcpy(trial->entry, entry.at, ID_TEXT_BYTES - 1);
        return true;
    }
    return false;
}

/* Links are matched and histories published while we wait: no step of the user's. */
static bool wait_for_calendar(struct trial *trial, size_t *marks, size_t *in_step)
{
    for (int waited = 0; waited < WAIT_MS; waited += TICK_MS) {
        CLEANUP(json_free_at) struct json_document *document = NULL;
        if (open_calendar(trial, &document) == 201 && document) {
            const struct json_value *root = json_root(document);
            const struct json_value *entries =
                json_member(json_member(root, "marks"), "entry");
            *marks = json_count(entries);
            *in_step = facilities_in_step(root);
            /* Two hospitals and the clinic itself; the third hospital is away. */
            if (*in_step >= 3 && keep_id(root, "opening", trial->opening) &&
                keep_first_entry(trial, entries))
                return true;
        }
        poll(NULL, 0, TICK_MS);
    }
    return false;
}

static bool read_entry(struct trial *trial, size_t *items)
{
    char path[128];
    char opening[ID_TEXT_BYTES] = {0};
    CLEANUP(json_free_at) struct json_document *opened = NULL;
    CLEANUP(json_free_at) struct json_document *content = NULL;
    snprintf(path, sizeof path, "/api/v1/entries/%s/openings", trial->entry);
    int status = ask(trial, "POST", path, NULL, &opened);
    if (status != 201 || !opened || !keep_id(json_root(opened), "opening", opening)) {
        printf("# entry opening: %d\n", status);
        return false;
    }
    snprintf(path, sizeof path, "/api/v1/openings/%s/content", opening);
    status = ask(trial, "GET", path, NULL, &content);
    if (status != 200 || !content) {
        printf("# content: %d\n", status);
        return false;
    }
    *items = json_count(json_member(json_root(content), "items"));
    return *items > 0;
}

static bool is_withdrawn_refused(struct trial *trial)
{
    if (trial->withdrawn_number.len == 0 || !find_person(trial, trial->withdrawn_number))
        return false;
    CLEANUP(json_free_at) struct json_document *document = NULL;
    int status = open_calendar(trial, &document);
    if (status == 403)
        return document && member_is(json_root(document), "code", "consent_withdrawn");
    if (status != 201 || !document) {
        printf("# calendar of the withdrawn: %d\n", status);
        return false;
    }
    /* Own number: the calendar opens, with nobody else's data and the reason. */
    const struct json_value *root = json_root(document);
    const struct json_value *refusals = json_member(root, "refusals");
    bool names_reason = false;
    for (size_t i = 0; i < json_count(refusals); i++)
        names_reason |= member_is(json_item(refusals, i), "reason", "consent_withdrawn");
    return names_reason &&
           json_count(json_member(json_member(root, "marks"), "entry")) == 0;
}

static bool is_stranger_refused(struct trial *trial)
{
    struct demo_client stranger = {.port = trial->demo->port};
    struct demo_client kept = trial->client;
    char path[128];
    CLEANUP(json_free_at) struct json_document *document = NULL;
    snprintf(path, sizeof path,
             "/api/v1/openings/%s/calendar?from=2026-01-01&to="
             "2026-01-02",
             trial->opening);
    trial->client = stranger;
    int status = ask(trial, "GET", path, NULL, &document);
    trial->client = kept;
    return status == 401;
}

bool demo_test_main_job(struct demo *demo)
{
    struct trial trial = {.demo = demo, .arena = arena_init(64 << 20)};
    size_t marks = 0;
    size_t in_step = 0;
    size_t items = 0;
    trial.client.port = demo->port;
    if (step(&trial, choose_doctor(&trial), "the region has a clinic's doctor"))
        choose_persons(&trial);
    if (step(&trial, log_in(&trial), "the doctor logs in") &&
        step(&trial, find_person(&trial, trial.own_number),
             "a patient is found by the clinic's own number") &&
        step(&trial, wait_for_calendar(&trial, &marks, &in_step),
             "the calendar opens with the hospitals' entries, in step")) {
        printf("# %zu marks, %zu facilities in step\n", marks, in_step);
        step(&trial, read_entry(&trial, &items),
             "an entry's content comes from its hospital");
        printf("# %zu items\n", items);
        step(&trial, is_stranger_refused(&trial), "a stranger's request is refused");
        step(&trial, is_withdrawn_refused(&trial),
             "a withdrawn consent closes the calendar, and says so");
    }
    arena_free(&trial.arena);
    printf("1..%d\n", trial.steps);
    return trial.failures == 0;
}
