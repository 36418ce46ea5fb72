// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_browser.h"

/* Sessions, participants, persons, links and consents through the real HTTP server, the
 * real gate and a real tunnel. */

#define QUOTED(name, value) "\"" name "\":\"" value "\""
#define CONSENT(channel)                                                                 \
    "\"consent\":{" QUOTED("form", "comprehensive") "," QUOTED(                          \
        "channel", channel) "," QUOTED("giver", "self") "}"
#define PERSON(name, kana)                                                               \
    QUOTED("name", name)                                                                 \
    "," QUOTED("kana", kana) "," QUOTED("birth_date", "1950-03-04") "," QUOTED("sex", "F")
#define HAYASHI(numbers)                                                                 \
    "{" PERSON("林 花子", "ハヤシ ハナコ") "," CONSENT("paper") ",\"numbers\":[" numbers \
                                                                "]}"
#define NUMBER(facility, number)                                                         \
    "{" QUOTED("facility", facility) "," QUOTED("number", number) "}"
/* The same person as a comparison sees it: hiragana, another kanji, half width. */
#define SAME                                                                             \
    "{" PERSON("林 華子", "はやし ﾊﾅｺ") "," CONSENT("oral") ",\"numbers\":[" NUMBER(     \
        PHARMACY, "9") "]%s}"
#define OWN_NUMBER "{\"facility\":\"" PHARMACY "\",\"number\":\"P5\"%s}"

/* ---- sessions ---- */

static void a_login_opens_a_session_and_a_logout_ends_it(void)
{
    struct world *world = world_new();
    struct browser browser = enter(world, "clinic");
    struct reply reply = go(&browser, "GET /api/v1/session", "");
    CHECK(reply.status == 200 && has(&reply, "\"assurance\":\"password\""));
    CHECK(has(&reply, "\"is_demo\":true") && has(&reply, "\"name\":\"紬の里\""));
    CHECK(has(&reply, browser.csrf) && has(&reply, "\"idle_ms\":900000"));
    CHECK(strstr(reply.head, "no-store") != NULL);
    reply = go(&browser, "DELETE /api/v1/session", "");
    CHECK(reply.status == 204 && strstr(reply.head, "Max-Age=0") != NULL);
    reply = go(&browser, "GET /api/v1/session", "");
    CHECK(reply.status == 401 && has(&reply, "\"code\":\"session_none\""));
    world_free(world);
}

static void the_cookie_is_strict_and_hidden_from_scripts(void)
{
    struct world *world = world_new();
    struct browser browser = browser_new(world);
    struct reply reply = go(&browser, "POST /api/v1/session",
                            "{\"login\":\"clinic\",\"password\":\"" PASSWORD "\"}");
    CHECK(strstr(reply.head, "; Path=/; HttpOnly; SameSite=Strict") != NULL);
    /* plain HTTP on loopback: a browser would refuse Secure and the prefix */
    CHECK(!strstr(reply.head, "Secure") && !strstr(reply.head, "__Host-"));
    world_free(world);
}

static void several_posts_are_listed_and_nothing_is_opened(void)
{
    struct world *world = world_new();
    struct browser browser = browser_new(world);
    struct reply reply = go(&browser, "POST /api/v1/session",
                            "{\"login\":\"hospital\",\"password\":\"" PASSWORD "\"}");
    CHECK(reply.status == 200 && has(&reply, "{\"posts\":[") &&
          has(&reply, "\"id\":\"30000000000000000000000000000000\""));
    CHECK(!strstr(reply.head, "tsumugi="));
    world_free(world);
}

static void every_wrong_login_gets_the_same_answer(void)
{
    static const char *const bodies[] = {
        "{\"login\":\"clinic\",\"password\":\"wrong\"}",
        "{\"login\":\"nobody\",\"password\":\"" PASSWORD "\"}",
        "{\"login\":\"outsider\",\"password\":\"" PASSWORD "\"}",
        "{\"login\":\"clinic\",\"password\":\"" PASSWORD
        "\",\"post\":\"20000000000000000000000000000000\"}",
        "{\"login\":\"clinic\",\"password\":\"" PASSWORD
        "\",\"post\":\"77000000000000000000000000000000\"}",
    };
    struct world *world = world_new();
    struct browser browser = browser_new(world);
    struct reply first = go(&browser, "POST /api/v1/session", bodies[0]);
    CHECK(first.status == 401 && has(&first, "\"code\":\"login_refused\""));
    for (size_t i = 1; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply reply = go(&browser, "POST /api/v1/session", bodies[i]);
        CHECK(reply.status == 401 && strcmp(reply.body, first.body) == 0);
        CHECK(!strstr(reply.head, "tsumugi="));
    }
    world_free(world);
}

/* As if other processes had counted so many of them. */
static bool fail_often(struct store_session *session, void *context, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *add =
        store_prepare(session,
                      "INSERT INTO session_failure (kind, source, begun_at, failures) "
                      "VALUES ('address', '127.0.0.1', ?1, ?2)",
                      err);
    if (!add)
        return false;
    store_bind_int(add, 1, *(int64_t *)context);
    store_bind_int(add, 2, SESSION_SOURCE_FAILURES_MAX - 1);
    return store_run(add, err);
}

static void an_address_that_failed_too_often_anywhere_waits(void)
{
    struct world *world = world_new();
    struct browser browser = browser_new(world);
    struct err err = {0};
    const char *right = "{\"login\":\"clinic\",\"password\":\"" PASSWORD "\"}";
    struct clock clock = world_clock(world);
    int64_t now_ms = clock_wall_ms(&clock);
    good(store_write(world->store, STORE_LIVE, fail_often, &now_ms, &err), &err);
    CHECK(go(&browser, "POST /api/v1/session", right).status == 200);
    struct reply reply = go(&browser, "POST /api/v1/session",
                            "{\"login\":\"clinic\",\"password\":\"wrong\"}");
    CHECK(reply.status == 401 && has(&reply, "login_refused"));
    reply = go(&browser, "POST /api/v1/session", right);
    CHECK(reply.status == 429 && has(&reply, "\"code\":\"login_rate\""));
    world_free(world);
}

static void a_session_ends_after_a_quarter_of_an_hour_without_a_click(void)
{
    struct world *world = world_new();
    struct browser browser = enter(world, "clinic");
    atomic_fetch_add(&world->skip_ms, SESSION_IDLE_MS - 5000);
    CHECK(go(&browser, "GET /api/v1/facilities", "").status == 200);
    atomic_fetch_add(&world->skip_ms, SESSION_IDLE_MS - 5000);
    CHECK(go(&browser, "GET /api/v1/facilities", "").status == 200);
    atomic_fetch_add(&world->skip_ms, SESSION_IDLE_MS + 1000);
    CHECK(go(&browser, "GET /api/v1/facilities", "").status == 401);
    world_free(world);
}

static bool end_clinic_post(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct id post = {{0x21}};
    return staff_end_post(session, post, 0, err);
}

static void a_post_that_ended_ends_its_sessions_within_a_second(void)
{
    struct world *world = world_new();
    struct err err = {0};
    struct browser browser = enter(world, "clinic");
    CHECK(go(&browser, "GET /api/v1/facilities", "").status == 200);
    CHECK(store_write(world->store, STORE_LIVE, end_clinic_post, NULL, &err));
    atomic_fetch_add(&world->skip_ms, 1001);
    CHECK(go(&browser, "GET /api/v1/facilities", "").status == 401);
    world_free(world);
}

static void a_change_needs_the_own_origin_and_the_sessions_token(void)
{
    struct world *world = world_new();
    struct browser browser = enter(world, "clinic");
    const char *search = "{\"own_number\":\"1\"}";
    CHECK(go(&browser, "POST /api/v1/persons/searches", search).status == 200);
    struct browser other = browser;
    come_from(&other, "https://evil.example");
    struct reply reply = go(&other, "POST /api/v1/persons/searches", search);
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"origin_foreign\""));
    come_from(&other, "null");
    CHECK(go(&other, "POST /api/v1/persons/searches", search).status == 403);
    other = browser;
    other.csrf[0] = other.csrf[0] == 'a' ? 'b' : 'a';
    reply = go(&other, "POST /api/v1/persons/searches", search);
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"csrf_missing\""));
    other.csrf[0] = '\0';
    CHECK(go(&other, "POST /api/v1/persons/searches", search).status == 403);
    other = browser;
    other.cookie[5] = other.cookie[5] == 'a' ? 'b' : 'a';
    CHECK(go(&other, "POST /api/v1/persons/searches", search).status == 401);
    come_from(&other, "https://evil.example");
    CHECK(go(&other, "POST /api/v1/session",
             "{\"login\":\"clinic\",\"password\":\"" PASSWORD "\"}")
              .status == 403);
    world_free(world);
}

static void participants_are_listed_to_members_only(void)
{
    struct world *world = world_new();
    struct browser browser = enter(world, "clinic");
    struct reply reply = go(&browser, "GET /api/v1/facilities", "");
    CHECK(reply.status == 200 && has(&reply, "\"version\":1") && has(&reply, HOSPITAL));
    CHECK(!has(&reply, OUTSIDER) && has(&reply, "\"is_connected\":false"));
    gateway_start(world);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    reply = go(&browser, "GET /api/v1/facilities", "");
    CHECK(has(&reply, "\"is_connected\":true"));
    struct browser stranger = browser_new(world);
    CHECK(go(&stranger, "GET /api/v1/facilities", "").status == 401);
    world_free(world);
}

enum { MANY = 2500 };

/* The world's own three and many more, from today on. */
static bool join_many(struct store_session *session, void *context, struct err *err)
{
    static struct id ids[MANY];
    const int32_t *today = context;
    ids[0] = hex_id(HOSPITAL);
    ids[1] = hex_id(CLINIC);
    ids[2] = hex_id(PHARMACY);
    for (int i = 3; i < MANY; i++) {
        char code[16];
        struct facility facility = {.name = TEXT("診療所"),
                                    .kana = TEXT("シンリョウジョ"),
                                    .kind = FACILITY_CLINIC,
                                    .letter = TEXT("診"),
                                    .slot = 1,
                                    .fingerprint = TEXT(""),
                                    .policy = TEXT("")};
        snprintf(code, sizeof code, "30%08d", i);
        facility.code = text_cstr(code);
        facility.id.bytes[0] = 0xD0;
        facility.id.bytes[14] = (uint8_t)(i >> 8);
        facility.id.bytes[15] = (uint8_t)i;
        ids[i] = facility.id;
        if (!facility_add(session, &facility, 1, err))
            return false;
    }
    return network_add_version(session, network_id, *today, ids, MANY, 1, err);
}

/* An answer that is longer than those of the others. */
static void read_long(struct browser *browser, const char *path, char *all, size_t size)
{
    char line[160];
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    snprintf(line, sizeof line, "GET %s", path);
    write_request(browser, &out, line, -1, "");
    int fd = dial(http_server_port(browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    receive_all(fd, all, size);
    close(fd);
    CHECK(strncmp(all, "HTTP/1.1 200", 12) == 0);
}

static int count_codes(const char *body)
{
    int count = 0;
    for (const char *at = body; (at = strstr(at, "\"code\":\"")); at++)
        count++;
    return count;
}

static void a_long_list_of_participants_comes_in_pages(void)
{
    static char body[1 << 20];
    struct world *world = world_new();
    struct browser browser = enter(world, "clinic");
    struct clock clock = world_clock(world);
    struct err err = {0};
    int32_t today = day_of_instant(clock_wall_ms(&clock));
    int pages[3] = {0};
    char line[128] = "/api/v1/facilities", next[128] = "";
    good(store_write(world->store, STORE_LIVE, join_many, &today, &err), &err);
    for (int i = 0; i < 3; i++) {
        read_long(&browser, line, body, sizeof body);
        pages[i] = count_codes(body);
        const char *at = strstr(body, "\"next\":");
        CHECK(at && (strncmp(at + 7, "null", 4) == 0) == (i == 2));
        snprintf(next, sizeof next, "%.32s", at ? at + 8 : "");
        snprintf(line, sizeof line, "/api/v1/facilities?cursor=%.32s", next);
    }
    CHECK(pages[0] == 1000 && pages[1] == 1000 && pages[2] == 500);
    struct reply reply = go(&browser, "GET /api/v1/facilities?cursor=x", "");
    CHECK(reply.status == 400 && has(&reply, "cursor_invalid"));
    reply = go(&browser, "GET /api/v1/facilities?cursor=0f000000000000000000000000000000",
               "");
    CHECK(reply.status == 400 && has(&reply, "cursor_invalid"));
    world_free(world);
}

static void a_gateway_that_names_another_facility_is_cut(void)
{
    struct world *world = world_new();
    world->hello_code = "2000000002";
    gateway_start(world);
    /* it dials again because it was cut */
    CHECK_SOON(atomic_load(&world->hello_count) >= 3);
    CHECK(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    struct err err = {0};
    CHECK(!facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "gateway_away") == 0);
    world_free(world);
}

static bool log_says(int fd, const char *word)
{
    static char lines[65536];
    ssize_t len = pread(fd, lines, sizeof lines - 1, 0);
    lines[len > 0 ? len : 0] = '\0';
    return strstr(lines, word) != NULL;
}

/* Too new, too old to know one of ours, its audit named as ours: the operator reads. */
static void a_gateway_with_another_protocol_or_node_is_cut_and_named(void)
{
    static const int protocols[] = {99, -1, 1};
    static const char *const nodes[] = {"x", "x", "centre"};
    static const char *const words[] = {"\"protocol 99\"", "no protocol", "node_taken"};
    for (size_t i = 0; i < 3; i++) {
        char name[] = "/tmp/routes_log_XXXXXX";
        struct world *world = world_new();
        int fd = mkstemp(name);
        world->log.fd = fd;
        world->hello_protocol = protocols[i];
        world->hello_node = nodes[i];
        gateway_start(world);
        CHECK_SOON(atomic_load(&world->hello_count) >= 2);
        CHECK_SOON(log_says(fd, words[i]));
        CHECK(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
        world_free(world);
        close(fd);
        unlink(name);
    }
}

static void grants_count_on_one_tunnel_from_one(void)
{
    struct world *world = world_new();
    struct err err = {0};
    gateway_start(world);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    for (int64_t i = 1; i <= 3; i++) {
        struct facility_line line;
        CHECK(facility_gateway_line(world->gateways, hex_id(HOSPITAL), &line, &err));
        CHECK(line.counter == i && line.age_ms >= 0 && line.age_ms < 10000);
        tunnel_release(&line.tunnel);
    }
    world_free(world);
}

/* ---- registering ---- */

static void a_registration_is_confirmed_by_the_owners(void)
{
    struct world *world = world_new();
    gateway_start(world);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    struct browser clinic = enter(world, "clinic");
    char person[128], path[160];
    struct reply reply =
        go(&clinic, "POST /api/v1/persons",
           HAYASHI(NUMBER(HOSPITAL, "H100") "," NUMBER(CLINIC, "７７-1")));
    CHECK(reply.status == 201 && has(&reply, "\"consent\":\"active\""));
    CHECK(has(&reply, "\"own_number\":\"77-1\"") && !has(&reply, "proposed"));
    CHECK(atomic_load(&world->changed_count) == 2);
    snprintf(path, sizeof path, "GET /api/v1/persons/%s", member(&reply, "id", person));
    struct reply shown = go(&clinic, path, "");
    CHECK(shown.status == 200 && strcmp(shown.body, reply.body) == 0);
    /* the hospital has its number too; the pharmacy has none, and learns nothing */
    struct browser hospital = enter(world, "hospital");
    shown = go(&hospital, path, "");
    CHECK(shown.status == 200 && has(&shown, "\"own_number\":\"H100\""));
    CHECK(!has(&shown, "77-1"));
    struct browser pharmacy = enter(world, "pharmacy");
    shown = go(&pharmacy, path, "");
    struct reply nobody =
        go(&pharmacy, "GET /api/v1/persons/0123456789abcdef0123456789abcdef", "");
    CHECK(shown.status == 404 && nobody.status == 404);
    CHECK(strcmp(shown.body, nobody.body) == 0);
    world_free(world);
}

static void a_mistyped_number_is_refused_and_says_nothing(void)
{
    struct world *world = world_new();
    gateway_start(world);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    struct browser clinic = enter(world, "clinic");
    /* H200 is somebody else's, H999 is nobody's: the same answer */
    struct reply taken = go(&clinic, "POST /api/v1/persons",
                            HAYASHI(NUMBER(HOSPITAL, "H200") "," NUMBER(CLINIC, "1")));
    CHECK(taken.status == 201 && has(&taken, "\"state\":\"refused\",\"reason\":"
                                             "\"mismatch\""));
    char person[128], path[160];
    snprintf(path, sizeof path, "POST /api/v1/persons/%s/links",
             member(&taken, "id", person));
    struct reply unknown = go(&clinic, path, NUMBER(HOSPITAL, "H999"));
    CHECK(unknown.status == 201 &&
          has(&unknown, "\"state\":\"refused\",\"reason\":\"mismatch\""));
    struct reply held = go(&clinic, path, NUMBER(HOSPITAL, "H777"));
    CHECK(held.status == 201 && has(&held, "\"state\":\"proposed\",\"reason\":\"held\""));
    struct reply again = go(&clinic, path, NUMBER(HOSPITAL, "H100"));
    CHECK(again.status == 409 && has(&again, "\"code\":\"link_exists\""));
    world_free(world);
}

static void a_hospital_that_is_off_is_asked_when_it_comes_back(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    char link[128], path[160], person[128];
    struct reply reply = go(&clinic, "POST /api/v1/persons",
                            HAYASHI(NUMBER(CLINIC, "1") "," NUMBER(HOSPITAL, "H100")));
    CHECK(reply.status == 201 &&
          has(&reply, "\"state\":\"proposed\",\"reason\":\"gateway_away\""));
    snprintf(path, sizeof path, "GET /api/v1/persons/%s", member(&reply, "id", person));
    gateway_start(world);
    CHECK_SOON(atomic_load(&world->changed_count) == 2);
    reply = go(&clinic, path, "");
    CHECK(!has(&reply, "proposed") && !has(&reply, "gateway_away"));
    /* unlinking tells the gateway */
    const char *hospital_link = strstr(reply.body, HOSPITAL);
    CHECK(hospital_link != NULL);
    snprintf(link, sizeof link, "%.32s", hospital_link ? hospital_link - 46 : "");
    struct browser pharmacy = enter(world, "pharmacy");
    snprintf(path, sizeof path, "DELETE /api/v1/links/%s", link);
    CHECK(go(&pharmacy, path, "").status == 404);
    CHECK(go(&clinic, path, "").status == 204);
    CHECK_SOON(atomic_load(&world->ended_count) == 1);
    CHECK(go(&clinic, path, "").status == 409);
    world_free(world);
}

/* Its disk is full, say; the tunnel stays. */
static void a_hospital_that_was_busy_is_asked_again(void)
{
    enum { BUSY = 1000 };
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    char path[160], person[128];
    gateway_start(world);
    CHECK_SOON(facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    atomic_store(&world->busy_links, BUSY);
    struct reply reply = go(&clinic, "POST /api/v1/persons",
                            HAYASHI(NUMBER(CLINIC, "1") "," NUMBER(HOSPITAL, "H100")));
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"proposed\""));
    snprintf(path, sizeof path, "GET /api/v1/persons/%s", member(&reply, "id", person));
    atomic_store(&world->busy_links, 0);
    atomic_fetch_add(&world->skip_ms, 60 * 1000);
    CHECK_SOON((reply = go(&clinic, path, "")).status == 200 && !has(&reply, "proposed"));
    /* and is told again of a link that ended */
    atomic_store(&world->busy_links, BUSY);
    const char *hospital_link = strstr(reply.body, HOSPITAL);
    CHECK(hospital_link != NULL);
    snprintf(path, sizeof path, "DELETE /api/v1/links/%.32s",
             hospital_link ? hospital_link - 46 : "");
    CHECK(go(&clinic, path, "").status == 204);
    CHECK_SOON(atomic_load(&world->busy_links) < BUSY);
    CHECK(atomic_load(&world->ended_count) == 0);
    atomic_store(&world->busy_links, 0);
    atomic_fetch_add(&world->skip_ms, 60 * 1000);
    CHECK_SOON(atomic_load(&world->ended_count) == 1);
    world_free(world);
}

static void the_same_request_twice_is_one_registration(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    const char *line = "POST /api/v1/persons";
    struct reply first = go_with_key(&clinic, line, 77, HAYASHI(NUMBER(CLINIC, "1")));
    struct reply second = go_with_key(&clinic, line, 77, HAYASHI(NUMBER(CLINIC, "1")));
    CHECK(first.status == 201 && second.status == 201);
    CHECK(strcmp(first.body, second.body) == 0);
    struct reply other = go_with_key(&clinic, line, 77, HAYASHI(NUMBER(CLINIC, "2")));
    CHECK(other.status == 409 && has(&other, "\"code\":\"idempotency_reused\""));
    struct reply none = go_with_key(&clinic, line, -1, HAYASHI(NUMBER(CLINIC, "3")));
    CHECK(none.status == 400 && has(&none, "\"code\":\"idempotency_missing\""));
    world_free(world);
}

static void a_key_is_not_shared_by_two_posts_of_a_person(void)
{
    struct world *world = world_new();
    struct browser hospital = enter(world, "hospital");
    struct browser clinic = browser_new(world);
    struct reply reply = go(&clinic, "POST /api/v1/session",
                            "{\"login\":\"hospital\",\"password\":\"" PASSWORD
                            "\",\"post\":\"30000000000000000000000000000000\"}");
    CHECK(reply.status == 200);
    take_cookie(&clinic, &reply);
    const char *line = "POST /api/v1/persons";
    const char *body = HAYASHI(NUMBER(PHARMACY, "1"));
    CHECK(go_with_key(&hospital, line, 77, body).status == 201);
    reply = go_with_key(&clinic, line, 77, body);
    CHECK(reply.status == 409 && has(&reply, "idempotency_reused"));
    world_free(world);
}

static void somebody_who_may_be_the_same_is_proposed_first(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    CHECK(go(&clinic, "POST /api/v1/persons", HAYASHI(NUMBER(CLINIC, "1"))).status ==
          201);
    char body[1024];
    snprintf(body, sizeof body, SAME, "");
    struct reply reply = go(&pharmacy, "POST /api/v1/persons", body);
    CHECK(reply.status == 409 && has(&reply, "\"code\":\"person_exists\"") &&
          has(&reply, "\"candidates\":[{") && has(&reply, "林 花子"));
    CHECK(has(&reply, "\"own_number\":null,\"facilities\":[]"));
    snprintf(body, sizeof body, SAME, ",\"is_new_person\":true");
    CHECK(go(&pharmacy, "POST /api/v1/persons", body).status == 201);
    world_free(world);
}

static void what_is_not_a_registration_is_refused(void)
{
    static const struct {
        const char *body;
        const char *code;
    } refusals[] = {
        {"{}", "json_member"},
        {"[]", "json_member"},
        {"{\"name\":\"x\"", "json_"},
        {"{\"unti1\":1," PERSON("林 花子", "ハヤシ ハナコ") "}", "json_unknown_member"},
        {"{" PERSON("林 花子",
                    "ハヤシ ハナコ") ",\"consent\":{\"form\":\"comprehensive\","
                                     "\"unti1\":\"2026-01-01\"},\"numbers\":[]}",
         "json_unknown_member"},
        {HAYASHI(""), "patient_number"},
        {HAYASHI(NUMBER(CLINIC, "1") "," NUMBER(CLINIC, "2")), "patient_number_double"},
        {HAYASHI(NUMBER(CLINIC, "12345678901234567")), "patient_number"},
        {HAYASHI(NUMBER(CLINIC, "1;DROP")), "patient_number"},
        {HAYASHI(NUMBER(OUTSIDER, "1")), "facility_unknown"},
        {HAYASHI("{\"facility\":\"zz\",\"number\":\"1\"}"), "id_invalid"},
    };
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct reply reply = go(&clinic, "POST /api/v1/persons", refusals[i].body);
        CHECK(reply.status == 400 && has(&reply, refusals[i].code));
        if (reply.status != 400 || !has(&reply, refusals[i].code))
            printf("# %zu: %d %s\n", i, reply.status, reply.body);
    }
    world_free(world);
}

/* ---- searching and adding a facility ---- */

static void a_facility_finds_a_person_and_enters_its_own_number(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    char person[128], line[160];
    struct reply reply =
        go(&clinic, "POST /api/v1/persons", HAYASHI(NUMBER(CLINIC, "1")));
    struct reply found = go(&pharmacy, "POST /api/v1/persons/searches",
                            "{\"kana\":\"ﾊﾔｼﾊﾅｺ\",\"birth_date\":\"1950-03-04\"}");
    CHECK(found.status == 200 && has(&found, member(&reply, "id", person)));
    CHECK(has(&found, "\"own_number\":null,\"facilities\":[]"));
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", person);
    char body[256];
    snprintf(body, sizeof body, OWN_NUMBER, "");
    CHECK(go(&pharmacy, line, body).status == 404);
    snprintf(body, sizeof body, OWN_NUMBER, ",\"birth_date\":\"1950-03-05\"");
    CHECK(go(&pharmacy, line, body).status == 404);
    /* a stranger may enter nobody's number but its own */
    CHECK(go(&pharmacy, line,
             "{\"facility\":\"" HOSPITAL
             "\",\"number\":\"H100\",\"birth_date\":\"1950-03-04\"}")
              .status == 404);
    snprintf(body, sizeof body, OWN_NUMBER, ",\"birth_date\":\"1950-03-04\"");
    reply = go(&pharmacy, line, body);
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"confirmed\""));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", person);
    reply = go(&pharmacy, line, "");
    CHECK(reply.status == 200 && has(&reply, "\"own_number\":\"P5\""));
    found = go(&pharmacy, "POST /api/v1/persons/searches", "{\"own_number\":\" Ｐ5\"}");
    CHECK(has(&found, person) && has(&found, CLINIC));
    world_free(world);
}

static void a_search_needs_two_identifiers_and_has_a_limit(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    const char *line = "POST /api/v1/persons/searches";
    struct reply reply = go(&clinic, line, "{\"kana\":\"ハヤシ\"}");
    CHECK(reply.status == 400 && has(&reply, "\"code\":\"identifiers\""));
    CHECK(go(&clinic, line, "{\"kana\":\"ハヤシ\",\"name\":\" 　\"}").status == 400);
    CHECK(go(&clinic, line, "{\"birth_date\":\"1950-02-30\"}").status == 400);
    CHECK(go(&clinic, line, "{}").status == 400);
    for (int i = 0; i < PATIENT_SEARCHES_MAX - 3; i++)
        CHECK(go(&clinic, line, "{\"own_number\":\"1\"}").status == 200);
    reply = go(&clinic, line, "{\"own_number\":\"1\"}");
    CHECK(reply.status == 429 && has(&reply, "\"code\":\"search_rate\""));
    struct browser pharmacy = enter(world, "pharmacy");
    CHECK(go(&pharmacy, line, "{\"own_number\":\"1\"}").status == 200);
    world_free(world);
}

/* ---- consents ---- */

static void withdrawing_hides_the_person_from_strangers(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    char person[128], consent[128], line[160];
    struct reply reply =
        go(&clinic, "POST /api/v1/persons", HAYASHI(NUMBER(CLINIC, "1")));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents",
             member(&reply, "id", person));
    reply = go(&clinic, line, "");
    CHECK(reply.status == 200 && has(&reply, "\"state\":\"active\"") &&
          has(&reply, "\"list_version\":1"));
    CHECK(go(&pharmacy, line, "").status == 404);
    uint64_t epoch = network_epoch_now(world->epoch);
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&pharmacy, line, "{\"channel\":\"oral\"}").status == 404);
    CHECK(go(&clinic, line, "{\"channel\":\"smoke\"}").status == 400);
    reply = go(&clinic, line, "{\"channel\":\"oral\",\"note\":\"窓口\"}");
    CHECK(reply.status == 200 && has(&reply, "\"state\":\"withdrawn\"") &&
          has(&reply, "\"withdrawn_facility\":\"clinic\""));
    CHECK(network_epoch_now(world->epoch) > epoch);
    CHECK(atomic_load(&world->changed_count) == 1001);
    CHECK(go(&clinic, line, "{\"channel\":\"oral\"}").status == 409);
    const char *search = "{\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-04\"}";
    reply = go(&pharmacy, "POST /api/v1/persons/searches", search);
    CHECK(reply.status == 200 && !has(&reply, person));
    reply = go(&clinic, "POST /api/v1/persons/searches", search);
    CHECK(has(&reply, person) && has(&reply, "\"consent\":\"withdrawn\""));
    world_free(world);
}

static void a_consent_given_again_supersedes(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    char person[128], line[160];
    struct reply reply =
        go(&clinic, "POST /api/v1/persons", HAYASHI(NUMBER(CLINIC, "1")));
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/consents",
             member(&reply, "id", person));
    reply = go(&clinic, line,
               "{\"form\":\"comprehensive\",\"channel\":\"oral\",\"giver\":\"guardian\","
               "\"giver_name\":\"林 一\",\"note\":\"診療録\"}");
    CHECK(reply.status == 201 && has(&reply, "\"version\":2") &&
          has(&reply, "\"giver_name\":\"林 一\""));
    reply = go(&clinic, line,
               "{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"self\","
               "\"facilities\":[\"" OUTSIDER "\"]}");
    CHECK(reply.status == 400 && has(&reply, "\"code\":\"consent_facilities\""));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", person);
    reply = go(&clinic, line, "");
    CHECK(has(&reply, "\"state\":\"expired\",\"is_newest\":false") &&
          has(&reply, "\"state\":\"active\",\"is_newest\":true"));
    world_free(world);
}

#define NAMING(facilities)                                                               \
    "{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":\"self\",\"facilities\":"    \
    "[" facilities "]}"

/* What the viewer shares with a facility, as its list of rights says. */
static bool has_right(struct browser *browser, const char *person, const char *facility,
                      const char *state)
{
    char line[160];
    char right[128];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", person);
    snprintf(right, sizeof right, "{\"facility\":\"%s\",\"state\":\"%s\"", facility,
             state);
    struct reply reply = go(browser, line, "");
    return reply.status == 200 && has(&reply, right);
}

static void a_facility_brings_the_consent_under_which_it_looks(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    char person[128], line[200];
    struct reply reply =
        go(&clinic, "POST /api/v1/persons",
           "{" PERSON("林 花子", "ハヤシ ハナコ") ",\"consent\":" NAMING(
               "\"" HOSPITAL "\"") ",\"numbers\":[" NUMBER(CLINIC, "1") "]}");
    CHECK(reply.status == 201);
    member(&reply, "id", person);
    CHECK(has_right(&clinic, person, HOSPITAL, "covers"));
    CHECK(has_right(&clinic, person, PHARMACY, "not_covering"));
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", person);
    /* only with an own number, and only one that holds together */
    reply = go(&clinic, line,
               "{\"facility\":\"" PHARMACY
               "\",\"number\":\"5\",\"consent\":" NAMING("\"" HOSPITAL "\"") "}");
    CHECK(reply.status == 400 && has(&reply, "consent_form"));
    reply = go(
        &pharmacy, line,
        "{\"facility\":\"" PHARMACY
        "\",\"number\":\"5\",\"birth_date\":\"1950-03-04\",\"consent\":" NAMING("") "}");
    CHECK(reply.status == 400 && has(&reply, "consent_facilities"));
    reply = go(&pharmacy, line,
               "{\"facility\":\"" PHARMACY
               "\",\"number\":\"5\",\"birth_date\":\"1950-03-04\",\"consent\":" NAMING(
                   "\"" OUTSIDER "\"") "}");
    CHECK(reply.status == 400 && has(&reply, "consent_facilities"));
    /* nothing of it was kept: the number neither */
    snprintf(line, sizeof line, "GET /api/v1/persons/%s", person);
    CHECK(go(&pharmacy, line, "").status == 404);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", person);
    /* as long as a consent may be */
    char note[2001] = "";
    char body[4096];
    for (size_t i = 0; i < 500; i++)
        memcpy(note + 4 * i, "\xf0\xa0\xae\xb7", 4); /* 𠮷 */
    snprintf(body, sizeof body,
             "{\"facility\":\"" PHARMACY
             "\",\"number\":\"5\",\"birth_date\":\"1950-03-04\",\"consent\":{\"form\":"
             "\"specific\",\"channel\":\"oral\",\"giver\":\"self\",\"note\":\"%s\","
             "\"facilities\":[\"" HOSPITAL "\"]}}",
             note);
    reply = go(&pharmacy, line, body);
    CHECK(reply.status == 201 && has(&reply, "\"state\":\"confirmed\""));
    reply = go(&pharmacy, line,
               "{\"facility\":\"" PHARMACY
               "\",\"number\":\"5\",\"birth_date\":\"1950-03-04\",\"consent\":" NAMING(
                   "\"" HOSPITAL "\"") "}");
    CHECK(reply.status == 409 && has(&reply, "link_exists"));
    CHECK(has_right(&pharmacy, person, HOSPITAL, "covers"));
    CHECK(has_right(&pharmacy, person, CLINIC, "not_covering"));
    /* changed: the clinic too; ended: nobody */
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/consents", person);
    reply = go(&pharmacy, line, NAMING("\"" HOSPITAL "\",\"" CLINIC "\""));
    CHECK(reply.status == 201 && has(&reply, "\"version\":2"));
    CHECK(has_right(&pharmacy, person, CLINIC, "covers"));
    CHECK(has_right(&clinic, person, PHARMACY, "covers"));
    char consent[128];
    member(&reply, "id", consent);
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals", consent);
    CHECK(go(&pharmacy, line, "{\"channel\":\"paper\"}").status == 200);
    CHECK(has_right(&pharmacy, person, CLINIC, "withdrawn"));
    CHECK(has_right(&clinic, person, HOSPITAL, "covers"));
    world_free(world);
}

static void everything_is_in_the_audit_and_its_chain_is_whole(void)
{
    struct world *world = world_new();
    struct browser browser = browser_new(world);
    uint64_t begin = audit_head(world->audit).number;
    for (int i = 0; i < 3; i++)
        (void)go(&browser, "POST /api/v1/session",
                 "{\"login\":\"nobody\",\"password\":\"x\"}");
    struct browser clinic = enter(world, "clinic");
    /* the login only: failures are counted, not written one by one */
    CHECK(audit_head(world->audit).number == begin + 1);
    CHECK(go(&clinic, "POST /api/v1/persons/searches", "{\"own_number\":\"1\"}").status ==
          200);
    CHECK(audit_head(world->audit).number == begin + 3); /* decision, finish */
    atomic_fetch_add(&world->skip_ms, 61000);
    CHECK(go(&clinic, "GET /api/v1/facilities", "").status == 200);
    CHECK(audit_head(world->audit).number == begin + 4); /* one row for three failures */
    char directory[128];
    uint64_t count = 0;
    struct audit_fault fault;
    struct err err = {0};
    in_world(world, "audit", directory);
    CHECK(audit_verify(directory, &count, &fault, &err) && count == begin + 4);
    world_free(world);
}

int main(void)
{
    struct err err = {0};
    if (!secret_start(&err))
        return 1;
    RUN(a_login_opens_a_session_and_a_logout_ends_it);
    RUN(the_cookie_is_strict_and_hidden_from_scripts);
    RUN(several_posts_are_listed_and_nothing_is_opened);
    RUN(every_wrong_login_gets_the_same_answer);
    RUN(an_address_that_failed_too_often_anywhere_waits);
    RUN(a_session_ends_after_a_quarter_of_an_hour_without_a_click);
    RUN(a_post_that_ended_ends_its_sessions_within_a_second);
    RUN(a_change_needs_the_own_origin_and_the_sessions_token);
    RUN(participants_are_listed_to_members_only);
    RUN(a_long_list_of_participants_comes_in_pages);
    RUN(a_gateway_that_names_another_facility_is_cut);
    RUN(a_gateway_with_another_protocol_or_node_is_cut_and_named);
    RUN(grants_count_on_one_tunnel_from_one);
    RUN(a_registration_is_confirmed_by_the_owners);
    RUN(a_mistyped_number_is_refused_and_says_nothing);
    RUN(a_hospital_that_is_off_is_asked_when_it_comes_back);
    RUN(a_hospital_that_was_busy_is_asked_again);
    RUN(the_same_request_twice_is_one_registration);
    RUN(a_key_is_not_shared_by_two_posts_of_a_person);
    RUN(somebody_who_may_be_the_same_is_proposed_first);
    RUN(what_is_not_a_registration_is_refused);
    RUN(a_facility_finds_a_person_and_enters_its_own_number);
    RUN(a_search_needs_two_identifiers_and_has_a_limit);
    RUN(withdrawing_hides_the_person_from_strangers);
    RUN(a_consent_given_again_supersedes);
    RUN(a_facility_brings_the_consent_under_which_it_looks);
    RUN(everything_is_in_the_audit_and_its_chain_is_whole);
    return test_done();
}
