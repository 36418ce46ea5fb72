// SPDX-License-Identifier: Apache-2.0
#include "exchange/request/request.h"
#include "test/story/story_audit.h"
#include "test/story/story_browser.h"

/* 登録依頼: the pharmacy may not register; it asks the clinic. */

#define CHART                                                                            \
    "\"number\":\"P9\",\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\","        \
    "\"birth_date\":\"1950-03-04\",\"sex\":\"F\""
#define HELD                                                                             \
    "\"consent\":{\"form\":\"comprehensive\",\"channel\":\"paper\","                     \
    "\"day\":\"2026-01-05\",\"explained_by\":\"薬師 一\"}"
#define ASK(facility) "{\"asked\":\"" facility "\"," CHART "," HELD "}"
#define CONSENT                                                                          \
    "\"consent\":{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\"}"
#define REGISTER(name, kana, number)                                                     \
    "{\"name\":\"" name "\",\"kana\":\"" kana                                            \
    "\",\"birth_date\":\"1950-03-04\",\"sex\":\"F\"," CONSENT                            \
    ",\"numbers\":[{\"facility\":\"" CLINIC "\",\"number\":\"" number "\"}]}"
#define DECLINE "{\"verdict\":\"declined\",\"reason\":\"unclear\",\"text\":\"電話を\"}"

struct story {
    struct world *world;
    struct request_service service;
    struct audit_index *index;
    struct browser asker;  /* the pharmacy */
    struct browser asked;  /* the clinic */
    struct browser nobody; /* the hospital, a third one */
    _Atomic int heard;
};

static void on_changed(void *context, struct id asker, struct id asked)
{
    struct story *story = context;
    CHECK(!id_equal(asker, asked) && id_equal(asked, hex_id(CLINIC)));
    atomic_fetch_add(&story->heard, 1);
}

static void part_open(struct world *world)
{
    struct story *story = world->part_context;
    struct err err = {0};
    story->service = (struct request_service){.store = world->store,
                                              .audit = world->audit,
                                              .sessions = world->sessions,
                                              .gate = world->gate,
                                              .patients = world->patients,
                                              .clock = world_clock(world),
                                              .rand = rand_system(),
                                              .log = &world->log,
                                              .listener = {on_changed, story}};
    request_routes(world->router, &story->service);
    story->index = audit_index_open(world->audit, world->store, &world->log, &err);
    good(story->index != NULL, &err);
}

static void part_stop(struct world *world)
{
    (void)world;
}

static void part_free(struct world *world)
{
    audit_index_close(((struct story *)world->part_context)->index);
}

static const struct world_part part = {part_open, part_stop, part_free};

struct permission {
    const char *facility;
    bool may_register;
};

static bool change_permission(struct store_session *session, void *context,
                              struct err *err)
{
    const struct permission *permission = context;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct facility facility;
    if (!facility_find(session, hex_id(permission->facility), &arena, &facility, err))
        return false;
    facility.may_register = permission->may_register;
    return facility_change(session, &facility, err);
}

static void permit(struct story *story, const char *facility, bool may_register)
{
    struct err err = {0};
    struct permission permission = {facility, may_register};
    good(store_write(story->world->store, STORE_LIVE, change_permission, &permission,
                     &err),
         &err);
}

static struct story *story_new(void)
{
    struct story *story = calloc(1, sizeof *story);
    story->world = world_new_with(&part, story);
    permit(story, PHARMACY, false);
    story->asker = enter(story->world, "pharmacy");
    story->asked = enter(story->world, "clinic");
    story->nobody = enter(story->world, "hospital");
    return story;
}

static void story_free(struct story *story)
{
    world_free(story->world);
    free(story);
}

/* The line of a request's own routes. */
static struct reply at(struct browser *browser, const char *verb, const char *request,
                       const char *rest, const char *body)
{
    char line[256];
    snprintf(line, sizeof line, "%s /api/v1/requests/%s%s", verb, request, rest);
    return go(browser, line, body);
}

static void ask(struct story *story, char request[128])
{
    struct reply reply = go(&story->asker, "POST /api/v1/requests", ASK(CLINIC));
    CHECK(reply.status == 201);
    member(&reply, "id", request);
    CHECK(strlen(request) == 32);
}

/* Registered at the clinic; whose person. */
static void registered(struct story *story, const char *body, char person[128])
{
    struct reply reply = go(&story->asked, "POST /api/v1/persons", body);
    CHECK(reply.status == 201);
    member(&reply, "id", person);
}

static struct reply take_up(struct browser *browser, const char *request,
                            const char *person)
{
    char body[192];
    snprintf(body, sizeof body, "{\"verdict\":\"accepted\",\"person\":\"%s\"}", person);
    return at(browser, "POST", request, "/answers", body);
}

/* Rows of the audit: of an event in a phase, with a verdict and perhaps a reason. */
static int rows(struct story *story, const char *event, const char *phase,
                const char *verdict, const char *reason)
{
    return audit_rows(story->index, story->world->store,
                      &(const struct audit_rows){event, phase, verdict, reason});
}

static int denied(struct story *story, const char *event, const char *reason)
{
    return rows(story, event, "decision", "deny", reason);
}

/* ---- refusals: registering ---- */

static void who_may_not_register_registers_nobody_and_no_number(void)
{
    struct story *story = story_new();
    char person[128], line[192];
    struct reply reply = go(&story->asker, "POST /api/v1/persons",
                            REGISTER("林 花子", "ハヤシ ハナコ", "C1"));
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"may_not_register\""));
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", person);
    /* neither with the right birth date nor with a wrong one: nothing is told */
    reply = go(&story->asker, line,
               "{\"facility\":\"" PHARMACY
               "\",\"number\":\"P9\",\"birth_date\":\"1950-03-04\"}");
    CHECK(reply.status == 403 && has(&reply, "may_not_register"));
    struct reply other = go(&story->asker, line,
                            "{\"facility\":\"" PHARMACY
                            "\",\"number\":\"P9\",\"birth_date\":\"1951-03-04\"}");
    CHECK(other.status == 403 && strcmp(reply.body, other.body) == 0);
    reply =
        go(&story->asker, "POST /api/v1/persons/00000000000000000000000000000001/links",
           "{\"facility\":\"" PHARMACY "\",\"number\":\"P9\"}");
    CHECK(reply.status == 403 && strcmp(reply.body, other.body) == 0);
    CHECK(denied(story, "register", "may_not_register") == 1);
    CHECK(denied(story, "link", "may_not_register") == 3);
    /* and as soon as the network decides otherwise it may */
    permit(story, PHARMACY, true);
    reply = go(&story->asker, line,
               "{\"facility\":\"" PHARMACY
               "\",\"number\":\"P9\",\"birth_date\":\"1950-03-04\"}");
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"confirmed\""));
    story_free(story);
}

static struct reply search_two(struct story *story)
{
    return go(&story->asker, "POST /api/v1/persons/searches",
              "{\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-04\"}");
}

static void who_may_not_register_finds_its_own_patients_only(void)
{
    struct story *story = story_new();
    char person[128], request[128];
    struct reply nobody = search_two(story);
    CHECK(nobody.status == 200 && has(&nobody, "\"persons\":[]"));
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    struct reply reply = search_two(story);
    CHECK(reply.status == 200 && strcmp(reply.body, nobody.body) == 0);
    /* as soon as it has a number of its own, or the network decides otherwise */
    permit(story, PHARMACY, true);
    reply = search_two(story);
    CHECK(has(&reply, person));
    permit(story, PHARMACY, false);
    ask(story, request);
    reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 200);
    reply = search_two(story);
    CHECK(has(&reply, person));
    story_free(story);
}

static void everybody_hears_who_may_register(void)
{
    struct story *story = story_new();
    struct reply reply = go(&story->asker, "GET /api/v1/session", "");
    CHECK(has(&reply, "\"may_register\":false"));
    reply = go(&story->asked, "GET /api/v1/session", "");
    CHECK(has(&reply, "\"may_register\":true"));
    reply = go(&story->asker, "GET /api/v1/facilities", "");
    CHECK(has(&reply, "\"may_register\":true") && has(&reply, "\"may_register\":false"));
    story_free(story);
}

/* ---- refusals: asking ---- */

static void asking_is_refused_to_whom_and_of_whom_it_makes_no_sense(void)
{
    struct story *story = story_new();
    struct reply reply = go(&story->asked, "POST /api/v1/requests", ASK(HOSPITAL));
    CHECK(reply.status == 403 && has(&reply, "request_not_needed"));
    reply = go(&story->asker, "POST /api/v1/requests", ASK(PHARMACY));
    CHECK(reply.status == 400 && has(&reply, "request_self"));
    reply = go(&story->asker, "POST /api/v1/requests", ASK(OUTSIDER));
    CHECK(reply.status == 400 && has(&reply, "request_facility"));
    reply = go(&story->asker, "POST /api/v1/requests",
               ASK("0f000000000000000000000000000000"));
    CHECK(reply.status == 400 && has(&reply, "request_facility"));
    permit(story, CLINIC, false);
    reply = go(&story->asker, "POST /api/v1/requests", ASK(CLINIC));
    CHECK(reply.status == 400 && has(&reply, "request_facility"));
    CHECK(denied(story, "request_send", NULL) == 5);
    CHECK(rows(story, "request_send", "decision", "permit", NULL) == 0);
    CHECK(atomic_load(&story->heard) == 0);
    story_free(story);
}

static void what_cannot_be_read_is_not_sent(void)
{
    static const char *const bodies[] = {
        "{}",
        "{\"asked\":\"" CLINIC "\"," CHART ",\"person\":\"x\"}",
        "{\"asked\":\"" CLINIC "\",\"number\":\"P9\",\"name\":\"林\",\"kana\":\"漢字\","
        "\"birth_date\":\"1950-03-04\",\"sex\":\"F\"}",
        "{\"asked\":\"" CLINIC "\",\"number\":\"P9\",\"name\":\"林 花子\",\"kana\":"
        "\"ハヤシ ハナコ\",\"birth_date\":\"1950-02-30\",\"sex\":\"F\"}",
        "{\"asked\":\"" CLINIC "\"," CHART ",\"consent\":{\"form\":\"comprehensive\","
        "\"channel\":\"paper\",\"day\":\"2999-01-01\",\"explained_by\":\"x\"}}",
        "{\"asked\":\"" CLINIC "\"," CHART ",\"consent\":{\"form\":\"all\","
        "\"channel\":\"paper\",\"day\":\"2026-01-01\",\"explained_by\":\"x\"}}",
    };
    struct story *story = story_new();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply reply = go(&story->asker, "POST /api/v1/requests", bodies[i]);
        CHECK(reply.status == 400);
    }
    struct reply reply = go(&story->asker, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"sent\":[]"));
    story_free(story);
}

static void a_change_needs_token_origin_and_key(void)
{
    struct story *story = story_new();
    struct reply reply =
        go_with_key(&story->asker, "POST /api/v1/requests", -1, ASK(CLINIC));
    CHECK(reply.status == 400 && has(&reply, "idempotency_missing"));
    struct browser forged = story->asker;
    forged.csrf[0] = '\0';
    reply = go(&forged, "POST /api/v1/requests", ASK(CLINIC));
    CHECK(reply.status == 403 && has(&reply, "csrf_missing"));
    forged = story->asker;
    come_from(&forged, "http://elsewhere.example");
    reply = go(&forged, "POST /api/v1/requests", ASK(CLINIC));
    CHECK(reply.status == 403 && has(&reply, "origin_foreign"));
    story_free(story);
}

static void asking_counts_as_searching(void)
{
    struct story *story = story_new();
    char request[128];
    struct reply reply = {0};
    ask(story, request);
    for (int i = 1; i < PATIENT_SEARCHES_MAX; i++)
        reply =
            go(&story->asker, "POST /api/v1/persons/searches", "{\"own_number\":\"P9\"}");
    CHECK(reply.status == 200);
    reply = go(&story->asker, "POST /api/v1/requests",
               "{\"asked\":\"" HOSPITAL "\"," CHART "}");
    CHECK(reply.status == 429 && has(&reply, "search_rate"));
    CHECK(strstr(reply.head, "\r\nretry-after: 60"));
    story_free(story);
}

/* ---- who sees it ---- */

static void only_the_two_see_it(void)
{
    struct story *story = story_new();
    char request[128];
    ask(story, request);
    struct reply reply = at(&story->nobody, "GET", request, "", "");
    struct reply missing =
        at(&story->nobody, "GET", "00000000000000000000000000000001", "", "");
    CHECK(reply.status == 404 && missing.status == 404);
    CHECK(strcmp(reply.body, missing.body) == 0);
    reply = at(&story->nobody, "POST", request, "/answers", DECLINE);
    CHECK(reply.status == 404);
    reply = at(&story->nobody, "DELETE", request, "", "");
    CHECK(reply.status == 404);
    CHECK(denied(story, "request_see", "not_found") == 2);
    reply = go(&story->nobody, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"received\":[],\"received_total\":0,\"sent\":[]"));
    reply = go(&story->asked, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"received_total\":1") && has(&reply, request));
    CHECK(!has(&reply, "P9")); /* the list recognises, the request tells */
    reply = at(&story->asked, "GET", request, "", "");
    CHECK(reply.status == 200 && has(&reply, "\"side\":\"received\"") &&
          has(&reply, "\"number\":\"P9\"") && has(&reply, "薬師 一"));
    CHECK(rows(story, "request_see", "decision", "permit", NULL) == 1);
    CHECK(rows(story, "request_see", "finish", "done", NULL) == 1);
    story_free(story);
}

static void each_side_does_its_own(void)
{
    struct story *story = story_new();
    char request[128];
    ask(story, request);
    struct reply reply = at(&story->asker, "POST", request, "/answers", DECLINE);
    CHECK(reply.status == 403 && has(&reply, "request_side"));
    reply = at(&story->asked, "DELETE", request, "", "");
    CHECK(reply.status == 403 && has(&reply, "request_side"));
    reply = at(&story->asked, "POST", request, "/answers",
               "{\"verdict\":\"declined\",\"reason\":\"no_such_patient\"}");
    CHECK(reply.status == 400 && has(&reply, "request_reason"));
    reply = at(&story->asked, "GET", request, "", "");
    CHECK(has(&reply, "\"state\":\"open\""));
    story_free(story);
}

/* ---- what the asker learns ---- */

/* Sent for somebody who is registered, and for somebody who is not: all that the asker
 * gets is the same but for what it sent itself. */
static void the_asker_learns_nothing_of_who_is_registered(void)
{
    struct story *story = story_new();
    char person[128], known[128], unknown[128], value[128];
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    ask(story, known);
    struct reply reply =
        go(&story->asker, "POST /api/v1/requests",
           "{\"asked\":\"" CLINIC "\",\"number\":\"P8\",\"name\":\"森 月子\",\"kana\":"
           "\"モリ ツキコ\",\"birth_date\":\"1960-03-04\","
           "\"sex\":\"F\"}");
    CHECK(reply.status == 201);
    member(&reply, "id", unknown);
    static const char *const same[] = {"\"person\":null", "\"link\":null",
                                       "\"state\":\"open\""};
    for (size_t i = 0; i < 3; i++) {
        CHECK(has(&reply, same[i]));
        struct reply other = at(&story->asker, "GET", known, "", "");
        CHECK(has(&other, same[i]) && !has(&other, person));
    }
    for (int i = 0; i < 2; i++) {
        reply = at(&story->asked, "POST", i ? known : unknown, "/answers", DECLINE);
        CHECK(reply.status == 200);
        reply = at(&story->asker, "GET", i ? known : unknown, "", "");
        CHECK(strcmp(member(&reply, "reason", value), "unclear") == 0);
        CHECK(has(&reply, "\"person\":null") && has(&reply, "電話を"));
    }
    char line[192];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", person);
    reply = go(&story->asker, line, "");
    CHECK(reply.status == 404);
    story_free(story);
}

/* ---- accepting ---- */

static void accepted_its_number_is_a_link_like_any_other(void)
{
    struct story *story = story_new();
    char request[128], person[128], line[192];
    ask(story, request);
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    int changed = atomic_load(&story->world->changed_count);
    struct reply reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 200 && has(&reply, "\"state\":\"accepted\""));
    CHECK(has(&reply, "\"state\":\"confirmed\"") && has(&reply, person));
    CHECK(atomic_load(&story->world->changed_count) == changed + 1);
    CHECK(atomic_load(&story->heard) == 2);
    reply = at(&story->asker, "GET", request, "", "");
    CHECK(has(&reply, "\"state\":\"accepted\"") && has(&reply, person));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", person);
    reply = go(&story->asker, line, "");
    CHECK(reply.status == 200 && has(&reply, "\"own_number\":\"P9\""));
    CHECK(rows(story, "request_accept", "decision", "permit", NULL) == 1);
    CHECK(rows(story, "request_accept", "finish", "done", NULL) == 1);
    /* it is answered: nothing more happens to it */
    reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 409 && has(&reply, "request_closed"));
    reply = at(&story->asked, "POST", request, "/answers", DECLINE);
    CHECK(reply.status == 409 && has(&reply, "request_closed"));
    reply = at(&story->asker, "DELETE", request, "", "");
    CHECK(reply.status == 409 && has(&reply, "request_closed"));
    story_free(story);
}

/* What it says itself is its word only where no gateway can be asked. */
static void of_a_facility_with_a_gateway_the_gateway_decides(void)
{
    static const char *const numbers[] = {"H100", "H200"}; /* hers, another person's */
    struct story *story = story_new();
    char request[128], person[128], body[512];
    permit(story, HOSPITAL, false);
    gateway_start(story->world);
    CHECK_SOON(facility_gateway_is_ready(story->world->gateways, hex_id(HOSPITAL)));
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    for (int i = 1; i >= 0; i--) {
        snprintf(body, sizeof body,
                 "{\"asked\":\"" CLINIC "\",\"number\":\"%s\",\"name\":\"林 花子\","
                 "\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-04\","
                 "\"sex\":\"F\"}",
                 numbers[i]);
        struct reply reply = go(&story->nobody, "POST /api/v1/requests", body);
        CHECK(reply.status == 201);
        member(&reply, "id", request);
        reply = take_up(&story->asked, request, person);
        CHECK(reply.status == 200 && has(&reply, "\"state\":\"accepted\""));
        CHECK_SOON(
            (reply = at(&story->nobody, "GET", request, "", ""),
             has(&reply, i ? "\"state\":\"refused\"" : "\"state\":\"confirmed\"")));
        CHECK(has(&reply, person) == (i == 0)); /* whose it is, when it is hers */
    }
    story_free(story);
}

static void a_number_that_waited_for_its_facility_gives_way(void)
{
    struct story *story = story_new();
    char request[128], person[128];
    ask(story, request);
    struct reply reply =
        go(&story->asked, "POST /api/v1/persons",
           "{\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\","
           "\"birth_date\":\"1950-03-04\",\"sex\":\"F\"," CONSENT
           ",\"numbers\":[{\"facility\":\"" CLINIC
           "\",\"number\":\"C1\"},{\"facility\":\"" PHARMACY "\",\"number\":\"P1\"}]}");
    CHECK(reply.status == 201 && has(&reply, "owner_entry"));
    member(&reply, "id", person);
    reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 200 && has(&reply, "\"state\":\"confirmed\""));
    story_free(story);
}

static void a_wrong_person_is_not_linked(void)
{
    struct story *story = story_new();
    char request[128], person[128], line[192];
    ask(story, request);
    registered(story, REGISTER("林 花代", "ハヤシ ハナヨ", "C2"), person);
    struct reply reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 409 && has(&reply, "offer_mismatch"));
    reply = at(&story->asker, "GET", request, "", "");
    CHECK(has(&reply, "\"state\":\"open\"") && has(&reply, "\"link\":null"));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", person);
    reply = go(&story->asker, line, "");
    CHECK(reply.status == 404);
    CHECK(rows(story, "request_accept", "finish", "failed", "offer_mismatch") == 1);
    story_free(story);
}

/* Only somebody whom it knows itself, by the gate like every registering. */
static void a_person_whom_the_asked_one_does_not_know_is_not_linked(void)
{
    struct story *story = story_new();
    char request[128], person[128];
    ask(story, request);
    struct reply reply =
        go(&story->nobody, "POST /api/v1/persons",
           "{\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\","
           "\"birth_date\":\"1950-03-04\",\"sex\":\"F\"," CONSENT
           ",\"numbers\":[{\"facility\":\"" HOSPITAL "\",\"number\":\"H100\"}]}");
    CHECK(reply.status == 201);
    member(&reply, "id", person);
    reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 404);
    reply = take_up(&story->asked, request, "00000000000000000000000000000001");
    CHECK(reply.status == 404);
    CHECK(denied(story, "request_accept", NULL) == 2);
    story_free(story);
}

static void whoever_may_no_longer_register_declines_only(void)
{
    struct story *story = story_new();
    char request[128], person[128];
    ask(story, request);
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    permit(story, CLINIC, false);
    struct reply reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 403 && has(&reply, "may_not_register"));
    reply = at(&story->asked, "POST", request, "/answers", DECLINE);
    CHECK(reply.status == 200 && has(&reply, "\"state\":\"declined\""));
    story_free(story);
}

/* ---- withdrawing, repeating, expiring ---- */

static void withdrawn_it_is_gone_from_the_others_list(void)
{
    struct story *story = story_new();
    char request[128], again[128];
    ask(story, request);
    struct reply reply = at(&story->asker, "DELETE", request, "", "");
    CHECK(reply.status == 204);
    reply = go(&story->asked, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"received\":[],\"received_total\":0"));
    reply = go(&story->asker, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"state\":\"withdrawn\""));
    ask(story, again); /* the number is free again */
    CHECK(strcmp(request, again) != 0);
    story_free(story);
}

static void asked_twice_is_asked_once(void)
{
    struct story *story = story_new();
    struct reply first =
        go_with_key(&story->asker, "POST /api/v1/requests", 9001, ASK(CLINIC));
    struct reply second =
        go_with_key(&story->asker, "POST /api/v1/requests", 9001, ASK(CLINIC));
    CHECK(first.status == 201 && second.status == 201);
    CHECK(strcmp(first.body, second.body) == 0);
    struct reply reply = go(&story->asker, "POST /api/v1/requests", ASK(CLINIC));
    CHECK(reply.status == 409 && has(&reply, "request_exists"));
    CHECK(rows(story, "request_send", "finish", "done", NULL) == 1);
    story_free(story);
}

static void after_thirty_days_it_is_over(void)
{
    struct story *story = story_new();
    char request[128], person[128];
    ask(story, request);
    registered(story, REGISTER("林 花子", "ハヤシ ハナコ", "C1"), person);
    atomic_fetch_add(&story->world->skip_ms, 31LL * 24 * 3600 * 1000);
    story->asker = enter(story->world, "pharmacy");
    story->asked = enter(story->world, "clinic");
    struct reply reply = take_up(&story->asked, request, person);
    CHECK(reply.status == 409 && has(&reply, "request_closed"));
    reply = go(&story->asked, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"received_total\":0"));
    reply = go(&story->asker, "GET /api/v1/requests", "");
    CHECK(has(&reply, "\"state\":\"expired\""));
    char again[128];
    ask(story, again); /* and may be sent anew */
    atomic_fetch_add(&story->world->skip_ms, 91LL * 24 * 3600 * 1000);
    story->asker = enter(story->world, "pharmacy");
    char third[128];
    ask(story, third); /* what is old is forgotten with it */
    reply = at(&story->asker, "GET", request, "", "");
    CHECK(reply.status == 404);
    story_free(story);
}

int main(void)
{
    RUN(who_may_not_register_registers_nobody_and_no_number);
    RUN(who_may_not_register_finds_its_own_patients_only);
    RUN(everybody_hears_who_may_register);
    RUN(asking_is_refused_to_whom_and_of_whom_it_makes_no_sense);
    RUN(what_cannot_be_read_is_not_sent);
    RUN(a_change_needs_token_origin_and_key);
    RUN(asking_counts_as_searching);
    RUN(only_the_two_see_it);
    RUN(each_side_does_its_own);
    RUN(the_asker_learns_nothing_of_who_is_registered);
    RUN(accepted_its_number_is_a_link_like_any_other);
    RUN(of_a_facility_with_a_gateway_the_gateway_decides);
    RUN(a_number_that_waited_for_its_facility_gives_way);
    RUN(a_wrong_person_is_not_linked);
    RUN(a_person_whom_the_asked_one_does_not_know_is_not_linked);
    RUN(whoever_may_no_longer_register_declines_only);
    RUN(withdrawn_it_is_gone_from_the_others_list);
    RUN(asked_twice_is_asked_once);
    RUN(after_thirty_days_it_is_over);
    return test_done();
}
