// SPDX-License-Identifier: Apache-2.0
/* Every route × who asks × what consent there is, against an oracle that shares no code
 * with the centre: it was written from the requirements (AC-3, AC-4, AC-8, CO-2 to CO-8)
 * and knows only who has a number, who holds a handle and what the consent says. Each
 * answer's rows in the audit are compared too: one decision with the right verdict for
 * each opening, search and write, its finish, and nothing for what failed before. */
#include "exchange/audit/audit_index.h"
#include "exchange/network/network.h"
#include "exchange/note/note.h"
#include "exchange/reference/reference.h"
#include "store/store.h"
#include "test/story/story_hospital.h"

#define VERSION_1 "202610010900000001"
#define UNKNOWN "0123456789abcdef0123456789abcdef"
#define AUTUMN "from=2026-09-01&to=2026-10-31"
#define CONTENT "{\"entry\":{\"items\":[]},\"warnings\":[]}"

enum caller { NOBODY, STRANGER, OWNER, RIGHT, CALLERS };
static const char *const caller_names[] = {"nobody", "stranger", "owner", "right"};

/* ---- the region of one state ---- */

struct state {
    const char *name;
    const char *consent; /* members of the consent, until's day left out */
    const char *reason;  /* why the hospital's data are not shown; NULL = they are */
    bool runs_out;       /* until today, looked at tomorrow */
    bool is_withdrawn;
    bool viewer_joins; /* the viewer joined after the consent was given */
};

#define COMPREHENSIVE(channel)                                                           \
    "\"form\":\"comprehensive\",\"channel\":\"" channel "\",\"giver\":\"self\""
#define SPECIFIC(facility)                                                               \
    "\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"self\","                    \
    "\"facilities\":[\"" facility "\"]"

static const struct state states[] = {
    {.name = "comprehensive", .consent = COMPREHENSIVE("paper")},
    {.name = "oral", .consent = COMPREHENSIVE("oral") ",\"note\":\"10/1 診療録\""},
    {.name = "proxy",
     .consent = "\"form\":\"comprehensive\",\"channel\":\"device\",\"giver\":\"parent\","
                "\"giver_name\":\"林 一\""},
    {.name = "specific", .consent = SPECIFIC(HOSPITAL)},
    {.name = "partial", .consent = SPECIFIC(PHARMACY), .reason = "consent_not_covering"},
    {.name = "expired",
     .consent = COMPREHENSIVE("paper"),
     .reason = "consent_expired",
     .runs_out = true},
    {.name = "withdrawn",
     .consent = COMPREHENSIVE("paper"),
     .reason = "consent_withdrawn",
     .is_withdrawn = true},
    {.name = "joiner waiting",
     .consent = COMPREHENSIVE("paper"),
     .reason = "joiner_waiting",
     .viewer_joins = true},
};

struct region {
    const struct state *state;
    struct hospital *hospital;
    struct audit_index *index;
    struct reference_service references;
    struct note_service notes;
    uint64_t number; /* of the audit's rows seen so far */
    struct browser browsers[CALLERS];
    char person[128], link[128], consent[128], entry[128];
    char calendar[128], opening[128]; /* handles of RIGHT; UNKNOWN when there is none */
    int numbers;                      /* used for registrations */
};

static void open_references(struct region *region)
{
    struct world *world = region->hospital->world;
    struct err err = {0};
    region->index = audit_index_open(world->audit, world->store, &world->log, &err);
    good(region->index != NULL, &err);
    region->references = (struct reference_service){
        world->store, region->index, world->sessions, world->gate, world_clock(world)};
    reference_routes(world->router, &region->references);
    region->notes =
        (struct note_service){world->store,       world->sessions, world->gate,
                              world_clock(world), rand_system(),   &world->log};
    note_routes(world->router, &region->notes);
}

static void register_with_state(struct region *region, struct browser *clinic)
{
    char body[1024], until[64] = "", day[DAY_TEXT_BYTES];
    struct world *world = region->hospital->world;
    if (region->state->runs_out) {
        let_pass(world, 86400000 - 15000 -
                            (world_wall_ms(world) + DAY_JAPAN_OFFSET_MS) % 86400000);
        *clinic = enter(world, "clinic");
        day_to_iso(day_of_instant(world_wall_ms(world)), day);
        snprintf(until, sizeof until, ",\"until\":\"%s\"", day);
    }
    snprintf(body, sizeof body,
             "{\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\",\"birth_date\":"
             "\"1950-03-04\",\"sex\":\"F\",\"consent\":{%s%s},\"numbers\":[{\"facility\":"
             "\"" CLINIC "\",\"number\":\"77\"},{\"facility\":\"" HOSPITAL
             "\",\"number\":\"H100\"}]}",
             region->state->consent, until);
    struct reply reply = go(clinic, "POST /api/v1/persons", body);
    CHECK(reply.status == 201 && !has(&reply, "proposed"));
    member(&reply, "id", region->person);
    const char *links = strstr(reply.body, "\"links\":[");
    const char *own = links ? strstr(links, CLINIC) : NULL;
    CHECK(own != NULL);
    if (own)
        snprintf(region->link, sizeof region->link, "%.32s", own - 46);
    CHECK(strspn(region->link, "0123456789abcdef") == 32);
}

static void find_ids(struct region *region, struct browser *clinic)
{
    char line[256];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", region->person);
    struct reply reply = go(clinic, line, "");
    member(&reply, "id", region->consent);
    struct browser owner = enter(region->hospital->world, "hospital");
    has_key(region->hospital, "1/OML-11/A", VERSION_1);
    say_put(region->hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(region->hospital, 1));
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings",
             region->person);
    reply = go(&owner, line, autumn);
    const char *at = strstr(reply.body, "\"entry\":[\"");
    CHECK(at != NULL);
    snprintf(region->entry, sizeof region->entry, "%.32s", at ? at + 10 : UNKNOWN);
}

static bool add_joiner(struct store_session *session, void *context, struct err *err)
{
    struct world *world = context;
    struct id ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = hex_id(facility_hexes[i]);
    int64_t now_ms = world_wall_ms(world);
    return network_add_version(session, network_id, day_of_instant(now_ms), ids, 4,
                               now_ms, err);
}

static void let_outsider_join(struct region *region)
{
    struct world *world = region->hospital->world;
    struct err err = {0};
    char line[256];
    good(store_write(world->store, STORE_LIVE, add_joiner, world, &err), &err);
    network_epoch_refresh(world->epoch);
    struct browser outsider = enter(world, "outsider");
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", region->person);
    struct reply reply = go(&outsider, line,
                            "{\"facility\":\"" OUTSIDER "\",\"number\":\"4\","
                            "\"birth_date\":\"1950-03-04\"}");
    CHECK(reply.status == 201 && has(&reply, "confirmed"));
    member(&reply, "id", region->link);
}

static void bring_about(struct region *region, struct browser *clinic)
{
    char line[256];
    if (region->state->is_withdrawn) {
        snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
                 region->consent);
        CHECK(go(clinic, line, "{\"channel\":\"oral\"}").status == 200);
    }
    if (region->state->runs_out)
        let_pass(region->hospital->world, 20000);
    if (region->state->viewer_joins)
        let_outsider_join(region);
}

static void skip_rows(struct region *region)
{
    region->number = audit_head(region->hospital->world->audit).number;
}

static void open_handles(struct region *region)
{
    char line[256];
    struct browser *right = &region->browsers[RIGHT];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings",
             region->person);
    struct reply reply = go(right, line, autumn);
    CHECK(reply.status == 201 && has(&reply, "血算") == (region->state->reason == NULL));
    if (region->state->reason)
        CHECK(has(&reply, region->state->reason));
    member(&reply, "opening", region->calendar);
    snprintf(region->opening, sizeof region->opening, UNKNOWN);
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", region->entry);
    reply = go(right, line, "");
    if (!region->state->reason)
        member(&reply, "opening", region->opening);
}

static void region_open(struct region *region, const struct state *state)
{
    *region = (struct region){.state = state, .hospital = hospital_new()};
    struct world *world = region->hospital->world;
    region->hospital->content_body = CONTENT;
    region->hospital->original_bytes = 1000;
    open_references(region);
    struct browser clinic = enter(world, "clinic");
    register_with_state(region, &clinic);
    find_ids(region, &clinic);
    bring_about(region, &clinic);
    region->browsers[NOBODY] = browser_new(world);
    region->browsers[STRANGER] = enter(world, "pharmacy");
    region->browsers[OWNER] = enter(world, "hospital");
    region->browsers[RIGHT] = enter(world, state->viewer_joins ? "outsider" : "clinic");
    open_handles(region);
    skip_rows(region);
}

static void region_free(struct region *region)
{
    struct hospital *hospital = region->hospital;
    audit_index_close(region->index);
    hospital_free(hospital);
}

/* ---- the table of routes and what the oracle says ---- */

enum rule {
    ELSEWHERE,   /* has no place in the table; another story tells it */
    MEMBER,      /* whoever is logged in */
    KNOWS,       /* own number or own registration */
    LINK_OWN,    /* KNOWS, and its facility or who entered it */
    ENTRY,       /* consent for others, nothing for the owner */
    OF_CALENDAR, /* the handle's session */
    OF_ENTRY,
};

struct route {
    const char *method;
    const char *path;
    enum rule rule;
    const char *query;
    const char *body;  /* NULL = none; %s: the caller's facility; %d: a fresh number */
    const char *event; /* of the audit; NULL = no row */
    int good;          /* the status when the rule is met */
    bool is_last;      /* changes what the others look at */
    bool is_opening;   /* its finish comes when it is closed */
    bool takes_much;   /* a body of 40 kB is no fault yet */
};

/* clang-format off */
#define OTHER_PERSON                                                                     \
    "{\"name\":\"森 太郎\",\"kana\":\"モリ タロウ\",\"birth_date\":\"1940-01-02\","      \
    "\"sex\":\"M\",\"is_new_person\":true,\"consent\":{" COMPREHENSIVE("paper") "},"   \
    "\"numbers\":[{\"facility\":\"" PHARMACY "\",\"number\":\"X%d\"}]}"
/* clang-format on */

#define GOOD(status) .good = (status)
#define ROW(event_name) .event = (event_name)
#define BODY(text) .body = (text)
#define WEB(where, how)                                                                  \
    .method = "GET", .path = "/dicom-web/persons/{person}/studies" where, .rule = (how)
#define SERIES "/{study}/series/{series}"
#define AT(verb, where, how) .method = (verb), .path = "/api/v1/" where, .rule = (how)

static const struct route routes[] = {
    {AT("POST", "session", ELSEWHERE)},
    {AT("GET", "live", ELSEWHERE)},
    {AT("DELETE", "session", ELSEWHERE)},
    {AT("GET", "session", MEMBER), GOOD(200)},
    {AT("GET", "home", MEMBER), ROW("home"), GOOD(200)},
    {AT("GET", "links", MEMBER), ROW("links"), .query = "?list=unfinished", GOOD(200)},
    {AT("GET", "facilities", MEMBER), GOOD(200)},
    {AT("POST", "persons/searches", MEMBER), BODY("{\"own_number\":\"77\"}"),
     ROW("search"), GOOD(200)},
    {AT("POST", "persons", MEMBER), BODY(OTHER_PERSON), ROW("register"), GOOD(201)},
    {AT("GET", "persons/{person}", KNOWS), ROW("person"), GOOD(200)},
    {AT("POST", "persons/{person}/links", KNOWS),
     BODY("{\"facility\":\"%s\",\"number\":\"9\"}"), ROW("link"), GOOD(409)},
    {AT("POST", "links/{link}/retries", KNOWS), ROW("link_retry"), GOOD(409)},
    {AT("POST", "links/{link}/confirmations", LINK_OWN),
     BODY("{\"since\":1,\"number\":\"78\"}"), ROW("link_confirm"), GOOD(409)},
    {AT("GET", "persons/{person}/consents", KNOWS), ROW("consents"), GOOD(200)},
    {AT("GET", "persons/{person}/notes", KNOWS), ROW("notes"), GOOD(200)},
    {AT("POST", "persons/{person}/notes", ELSEWHERE),
     BODY("{\"text\":\"x\",\"pictures\":[]}"), ROW("note"), .takes_much = true},
    {AT("PUT", "notes/{note}", ELSEWHERE),
     BODY("{\"version\":1,\"text\":\"x\",\"pictures\":[]}"), ROW("note_correct"),
     .takes_much = true},
    {AT("POST", "notes/{note}/withdrawals", ELSEWHERE), BODY("{\"version\":1}"),
     ROW("note_withdraw")},
    {AT("POST", "persons/{person}/calendar-openings", KNOWS),
     BODY("{\"from\":\"2026-09-01\",\"to\":\"2026-10-31\"}"), ROW("calendar"), GOOD(201),
     .is_opening = true},
    {AT("POST", "entries/{entry}/openings", ENTRY), ROW("entry"), GOOD(201),
     .is_opening = true},
    {AT("GET", "openings/{opening}/calendar", OF_CALENDAR), .query = "?" AUTUMN,
     GOOD(200)},
    {AT("GET", "openings/{opening}/entries", OF_CALENDAR), .query = "?row=test&" AUTUMN,
     GOOD(200)},
    {AT("POST", "openings/{opening}/checks", OF_CALENDAR), GOOD(200)},
    {AT("POST", "openings/{opening}/prints", OF_CALENDAR), ROW("print"), GOOD(201)},
    {AT("GET", "openings/{opening}/content", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/original", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/study", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/frames/{series}/{instance}/{frame}", OF_ENTRY),
     .query = "?q=preview", GOOD(200)},
    {AT("GET", "openings/{opening}/instances/{series}/{instance}", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/documents/{series}/{instance}", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/reports/{series}/{instance}", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/waveforms/{series}/{instance}", OF_ENTRY), GOOD(200)},
    {AT("GET", "openings/{opening}/study.zip", OF_ENTRY), GOOD(200)},
    {WEB("", KNOWS), ROW("calendar"), GOOD(204), .is_opening = true},
    {WEB("/{study}", ELSEWHERE), ROW("calendar")},
    {WEB("/{study}/metadata", ELSEWHERE), ROW("calendar")},
    {WEB("/{study}/thumbnail", ELSEWHERE), ROW("calendar")},
    {WEB("/{study}/series", ELSEWHERE), ROW("calendar")},
    {WEB("/{study}/instances", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES, ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/metadata", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/thumbnail", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/metadata", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/rendered", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/thumbnail", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/frames/{frames}", ELSEWHERE), ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/frames/{frames}/rendered", ELSEWHERE),
     ROW("calendar")},
    {WEB(SERIES "/instances/{instance}/frames/{frames}/thumbnail", ELSEWHERE),
     ROW("calendar")},
    {AT("GET", "references", MEMBER), .query = "?month=2026-10", ROW("references"),
     GOOD(200)},
    {AT("GET", "references.csv", MEMBER), .query = "?month=2026-10", ROW("references"),
     GOOD(200)},
    {AT("DELETE", "openings/{opening}", OF_CALENDAR), ROW("calendar"), GOOD(204),
     .is_last = true, .is_opening = true},
    {AT("POST", "persons/{person}/consents", KNOWS), BODY("{" COMPREHENSIVE("paper") "}"),
     ROW("consent_give"), GOOD(201), .is_last = true},
    {AT("POST", "consents/{consent}/withdrawals", KNOWS), BODY("{\"channel\":\"oral\"}"),
     ROW("consent_withdraw"), GOOD(200), .is_last = true},
    {AT("DELETE", "links/{link}", LINK_OWN), ROW("link_end"), GOOD(204), .is_last = true},
};
enum { ROUTES = sizeof routes / sizeof *routes };

struct expected {
    int status;
    const char *code;    /* of a refusal, or NULL */
    const char *verdict; /* of the one decision row, NULL = none */
    bool has_finish;
};

static const struct expected nothing_found = {404, "not_found", NULL, false};

static struct expected refused(int status, const char *code)
{
    return (struct expected){status, code, "deny", false};
}

static struct expected oracle_of_handle(const struct region *region,
                                        const struct route *route, enum caller caller)
{
    bool has_handle = caller == RIGHT;
    if (route->rule == OF_ENTRY)
        has_handle = has_handle && !region->state->reason;
    if (!has_handle)
        return nothing_found;
    bool is_decided = route->event && !route->is_opening;
    return (struct expected){route->good, NULL, is_decided ? "permit" : NULL,
                             is_decided || strcmp(route->method, "DELETE") == 0};
}

static struct expected oracle(const struct region *region, const struct route *route,
                              enum caller caller)
{
    struct expected good = {route->good, NULL, route->event ? "permit" : NULL,
                            route->event && !route->is_opening};
    if (caller == NOBODY)
        return (struct expected){401, "session_none", NULL, false};
    if (route->rule == OF_CALENDAR || route->rule == OF_ENTRY)
        return oracle_of_handle(region, route, caller);
    if (caller == STRANGER && route->rule != MEMBER)
        return refused(404, "not_found");
    if (route->rule == ENTRY && caller == RIGHT && region->state->reason)
        return refused(403, region->state->reason);
    if (route->rule == LINK_OWN && caller == OWNER)
        return (struct expected){403, "link_not_own", "permit", true};
    return good;
}

/* ---- asking and comparing ---- */

static const char *facility_of(const struct region *region, enum caller caller)
{
    static const char *const ids[] = {CLINIC, PHARMACY, HOSPITAL, CLINIC};
    return caller == RIGHT && region->state->viewer_joins ? OUTSIDER : ids[caller];
}

/* The value for a name in braces; `is_unknown`: one that nobody has. */
static const char *id_for(const struct region *region, const struct route *route,
                          const char *name, bool is_unknown)
{
    if (is_unknown)
        return UNKNOWN;
    if (strncmp(name, "{person}", 8) == 0)
        return region->person;
    if (strncmp(name, "{link}", 6) == 0)
        return region->link;
    if (strncmp(name, "{consent}", 9) == 0)
        return region->consent;
    if (strncmp(name, "{entry}", 7) == 0)
        return region->entry;
    return route->rule == OF_ENTRY ? region->opening : region->calendar;
}

/* Behind the id the places, each the first; frames are counted from 1. */
static void write_rest(const char *rest, char *out)
{
    for (; *rest; rest++) {
        bool is_place = *rest == '{';
        bool is_frames = strncmp(rest, "{frames}", 8) == 0;
        *out++ = is_frames ? '1' : is_place ? '0' : *rest;
        if (is_place)
            rest = strchr(rest, '}');
    }
    *out = '\0';
}

static struct reply ask(struct region *region, const struct route *route,
                        enum caller caller, bool is_unknown)
{
    char line[512], body[1024] = "", rest[128];
    const char *brace = strchr(route->path, '{');
    const char *end = brace ? strchr(brace, '}') + 1 : route->path;
    write_rest(end, rest);
    snprintf(line, sizeof line, "%s %.*s%s%s%s", route->method,
             brace ? (int)(brace - route->path) : 0, route->path,
             brace ? id_for(region, route, brace, is_unknown) : "", rest,
             route->query ? route->query : "");
    const char *format = route->body ? route->body : "";
    const char *text = strstr(format, "%s");
    const char *count = strstr(format, "%d");
    if (text)
        snprintf(body, sizeof body, "%.*s%s%s", (int)(text - format), format,
                 facility_of(region, caller), text + 2);
    else if (count)
        snprintf(body, sizeof body, "%.*s%d%s", (int)(count - format), format,
                 ++region->numbers, count + 2);
    else
        snprintf(body, sizeof body, "%s", format);
    return go(&region->browsers[caller], line, body);
}

struct rows {
    int decisions, finishes, others;
    bool is_right; /* verdict and event are the expected ones */
};

/* An opening that ended because something was withdrawn, some time later. */
static bool is_end_of_another(struct store_statement *row, const char *event)
{
    struct text found = store_column_view(row, 1);
    return text_is(store_column_view(row, 0), "finish") &&
           (text_is(found, "calendar") || text_is(found, "entry")) &&
           !(event && text_is(found, event));
}

static struct rows new_rows(struct region *region, const char *event, const char *verdict)
{
    struct rows rows = {.is_right = true};
    struct err err = {0};
    good(audit_index_catch_up(region->index, &err), &err);
    CLEANUP(store_read_end)
    struct store_session *session = store_read(region->hospital->world->store, &err);
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session,
                      "SELECT phase, event, verdict, number FROM audit_index WHERE "
                      "number > ?1 AND event <> 'link_match' ORDER BY number",
                      &err);
    store_bind_int(find, 1, (int64_t)region->number);
    bool has_row = false;
    while (store_step(find, &has_row, &err) && has_row) {
        bool is_decision = text_is(store_column_view(find, 0), "decision");
        region->number = (uint64_t)store_column_int(find, 3);
        if (is_end_of_another(find, event))
            continue;
        bool is_finish = text_is(store_column_view(find, 0), "finish");
        rows.decisions += is_decision;
        rows.finishes += is_finish;
        rows.others += !is_decision && !is_finish;
        rows.is_right &=
            event && text_is(store_column_view(find, 1), event) &&
            (!is_decision || (verdict && text_is(store_column_view(find, 2), verdict)));
    }
    CHECK(err.kind == ERR_NONE);
    return rows;
}

static bool is_as_expected(struct region *region, const struct route *route,
                           const struct reply *reply, const struct expected *expected)
{
    char code[96];
    struct rows rows = new_rows(region, route->event, expected->verdict);
    snprintf(code, sizeof code, "\"code\":\"%s\"", expected->code ? expected->code : "");
    bool is_problem = strstr(reply->head, "application/problem+json") != NULL;
    return reply->status == expected->status && rows.is_right &&
           rows.decisions == (expected->verdict != NULL) &&
           rows.finishes == expected->has_finish && rows.others == 0 &&
           (!expected->code || (has(reply, code) && is_problem)) &&
           (reply->status < 400 || is_problem);
}

static void compare(struct region *region, const struct route *route, enum caller caller)
{
    struct expected expected = oracle(region, route, caller);
    uint64_t before = region->number;
    struct reply reply = ask(region, route, caller, false);
    bool is_right = is_as_expected(region, route, &reply, &expected);
    CHECK(is_right);
    if (!is_right)
        printf("# %s, %s: %s %s: %d, not %d %s; %llu rows: %.200s\n", region->state->name,
               caller_names[caller], route->method, route->path, reply.status,
               expected.status, expected.verdict ? expected.verdict : "-",
               (unsigned long long)(region->number - before), reply.body);
}

/* Out of the way first: consents are given again before they are withdrawn. */
static void compare_all(struct region *region)
{
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < ROUTES; i++)
            for (int caller = 0; caller < CALLERS; caller++)
                if (routes[i].rule != ELSEWHERE && routes[i].is_last == (last == 1) &&
                    !(last == 1 && caller == OWNER && routes[i].rule == KNOWS))
                    compare(region, &routes[i], (enum caller)caller);
}

static void every_route_answers_as_the_oracle_says(void)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct region region;
        region_open(&region, &states[i]);
        compare_all(&region);
        region_free(&region);
    }
}

/* ---- not there and not yours ---- */

static void what_is_not_there_and_what_is_not_yours_look_the_same(void)
{
    struct region region;
    region_open(&region, &states[0]);
    int compared = 0;
    for (int i = 0; i < ROUTES; i++) {
        const struct route *route = &routes[i];
        if (!strchr(route->path, '{'))
            continue;
        struct reply not_yours = ask(&region, route, STRANGER, false);
        struct rows first = new_rows(&region, route->event, "deny");
        struct reply not_there = ask(&region, route, STRANGER, true);
        struct rows second = new_rows(&region, route->event, "deny");
        bool is_same = not_yours.status == 404 && not_there.status == 404 &&
                       strcmp(not_yours.body, not_there.body) == 0 &&
                       strlen(not_yours.head) == strlen(not_there.head) &&
                       first.decisions == second.decisions && second.is_right;
        CHECK(is_same);
        if (!is_same)
            printf("# %s %s: %d %d rows, %s %s\n", route->method, route->path,
                   first.decisions, second.decisions, not_yours.body, not_there.body);
        compared++;
    }
    CHECK(compared >= 15);
    region_free(&region);
}

/* ---- origin and token ---- */

static void every_change_needs_the_own_origin_and_the_token(void)
{
    struct region region;
    region_open(&region, &states[0]);
    struct browser right = region.browsers[RIGHT];
    static const char *const foreign[] = {"https://evil.example", "null", ""};
    for (int i = 0; i < ROUTES; i++) {
        const struct route *route = &routes[i];
        if (strcmp(route->method, "GET") == 0 ||
            strcmp(route->path, "/api/v1/session") == 0)
            continue;
        for (int k = 0; k < 4; k++) {
            region.browsers[RIGHT] = right;
            if (k < 3)
                come_from(&region.browsers[RIGHT], foreign[k]);
            else
                region.browsers[RIGHT].csrf[0] ^= 1;
            struct reply reply = ask(&region, route, RIGHT, false);
            struct rows rows = new_rows(&region, NULL, NULL);
            bool is_refused = reply.status == 403 && rows.decisions == 0 &&
                              has(&reply, k < 3 ? "origin_foreign" : "csrf_missing");
            CHECK(is_refused);
            if (!is_refused)
                printf("# %s %s with %d: %d %s\n", route->method, route->path, k,
                       reply.status, reply.body);
        }
    }
    region_free(&region);
}

/* ---- other methods, and other ways to write a path ---- */

/* HEAD asks for what GET gives: it is decided and written down like it. */
static void a_head_is_decided_like_a_get(void)
{
    static const enum caller callers[] = {NOBODY, STRANGER, RIGHT};
    struct region region;
    int asked = 0;
    region_open(&region, &states[0]);
    for (int i = 0; i < ROUTES; i++) {
        struct route route = routes[i];
        if (route.rule == ELSEWHERE || strcmp(route.method, "GET") != 0)
            continue;
        for (size_t k = 0; k < sizeof callers / sizeof *callers; k++) {
            struct expected expected = oracle(&region, &route, callers[k]);
            expected.code = NULL; /* it would stand in the body */
            route.method = "HEAD";
            struct reply reply = ask(&region, &route, callers[k], false);
            route.method = "GET";
            bool is_right = is_as_expected(&region, &route, &reply, &expected) &&
                            reply.body[0] == '\0';
            CHECK(is_right);
            if (!is_right)
                printf("# HEAD %s, %s: %d\n", route.path, caller_names[callers[k]],
                       reply.status);
        }
        asked++;
    }
    CHECK(asked >= 18);
    region_free(&region);
}

static void what_is_no_method_and_no_plain_path_opens_nothing(void)
{
    static const struct {
        const char *before, *after; /* of the person */
        int nobody, right;
    } lines[] = {
        {"OPTIONS /api/v1/persons/", "", 501, 501},
        {"TRACE /api/v1/persons/", "", 501, 501},
        {"get /api/v1/persons/", "", 501, 501},
        {"PUT /api/v1/persons/", "", 405, 405},
        {"HEAD /api/v1/persons/searches", NULL, 401, 404}, /* the person "searches" */
        {"GET //api/v1/persons/", "", 400, 400},
        {"GET /api//v1/persons/", "", 400, 400},
        {"GET /api/v1/persons//", "", 400, 400},
        {"GET /api/v1/./persons/", "", 400, 400},
        {"GET /api/v1/home/../persons/", "", 400, 400},
        {"GET /api/v1/home/%2e%2e/persons/", "", 400, 400},
        {"GET /api/v1/persons%2f", "", 400, 400},
        {"GET /api/v1/persons%5c", "", 400, 400},
        {"GET /api/v1/persons/", "%00", 400, 400},
        {"GET /api/v1/persons/", "%0d%0a", 400, 400},
        {"GET /api/v1/persons/", "/", 404, 404},
        {"GET /API/v1/persons/", "", 404, 404},
        {"GET /api/v1/persons/", ";v=1", 401, 404},
        {"GET /api/v1/persons/", "%20", 401, 404},
        {"GET /%61pi/v1/%70ersons/", "", 401, 200}, /* the same path */
    };
    struct region region;
    region_open(&region, &states[0]);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s%s%s", lines[i].before,
                 lines[i].after ? region.person : "",
                 lines[i].after ? lines[i].after : "");
        int nobody = go(&region.browsers[NOBODY], line, "").status;
        int right = go(&region.browsers[RIGHT], line, "").status;
        struct rows rows = new_rows(&region, "person", "permit");
        bool is_right = nobody == lines[i].nobody && right == lines[i].right &&
                        rows.decisions == (right == 200);
        CHECK(is_right);
        if (!is_right)
            printf("# %s: %d, %d, %d rows\n", line, nobody, right, rows.decisions);
    }
    region_free(&region);
}

/* ---- bodies that are wrong ---- */

/* A body that is good but for one member more: mistyped is not left out. */
static void what_the_contract_does_not_name_is_refused(void)
{
    struct region region;
    region_open(&region, &states[0]);
    int asked = 0;
    for (int i = 0; i < ROUTES; i++) {
        struct route route = routes[i];
        char body[1024];
        if (!route.body)
            continue;
        snprintf(body, sizeof body, "{\"unti1\":\"2026-01-01\",%s", route.body + 1);
        route.body = body;
        struct reply reply = ask(&region, &route, RIGHT, false);
        struct rows rows = new_rows(&region, NULL, NULL);
        CHECK(reply.status == 400 && has(&reply, "json_unknown_member") &&
              rows.decisions == 0);
        asked++;
    }
    CHECK(asked == 10);
    region_free(&region);
}

static void no_body_does_half_of_anything(void)
{
    static const char *const bodies[] = {
        "", "{", "[]", "7", "{\"from\":7}", "{\"name\":\"\\u0000\"}", "\"\xff\""};
    struct region region;
    region_open(&region, &states[0]);
    char big[40000];
    memset(big, ' ', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    for (int i = 0; i < ROUTES; i++) {
        if (!routes[i].body)
            continue;
        struct route route = routes[i];
        for (size_t k = 0; k <= sizeof bodies / sizeof *bodies; k++) {
            bool is_big = k == sizeof bodies / sizeof *bodies;
            if (is_big && route.takes_much)
                continue;
            char line[256];
            const char *brace = strchr(route.path, '{');
            snprintf(line, sizeof line, "%s %.*s%s%s", route.method,
                     brace ? (int)(brace - route.path) : (int)strlen(route.path),
                     route.path, brace ? id_for(&region, &route, brace, false) : "",
                     brace ? strchr(brace, '}') + 1 : "");
            struct reply reply =
                go(&region.browsers[RIGHT], line, is_big ? big : bodies[k]);
            struct rows rows = new_rows(&region, NULL, NULL);
            bool is_refused = (is_big ? reply.status == 413 : reply.status == 400) &&
                              has(&reply, "\"code\":\"") && rows.decisions == 0 &&
                              strstr(reply.head, "application/problem+json");
            CHECK(is_refused);
            if (!is_refused)
                printf("# %s with %zu: %d %s, %d rows\n", line, k, reply.status,
                       reply.body, rows.decisions);
        }
    }
    region_free(&region);
}

/* ---- the table itself ---- */

static void see_route(void *context, enum http_method method, const char *path)
{
    int *count = context;
    for (int i = 0; i < ROUTES; i++)
        if (strcmp(routes[i].method, http_method_name(method)) == 0 &&
            strcmp(routes[i].path, path) == 0) {
            ++*count;
            return;
        }
    printf("# without a row: %s %s\n", http_method_name(method), path);
    *count -= 1000;
}

static void every_route_has_a_row(void)
{
    struct region region;
    region_open(&region, &states[0]);
    int count = 0;
    http_router_each(region.hospital->world->router, see_route, &count);
    CHECK(count == ROUTES);
    region_free(&region);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(every_route_has_a_row);
    RUN(every_route_answers_as_the_oracle_says);
    RUN(what_is_not_there_and_what_is_not_yours_look_the_same);
    RUN(every_change_needs_the_own_origin_and_the_token);
    RUN(a_head_is_decided_like_a_get);
    RUN(what_is_no_method_and_no_plain_path_opens_nothing);
    RUN(what_the_contract_does_not_name_is_refused);
    RUN(no_body_does_half_of_anything);
    return test_done();
}
