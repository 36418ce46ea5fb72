// SPDX-License-Identifier: Apache-2.0
/* What ends at once, whoever ended it; several processes on one database; what reading
 * leaves alone. */
#include <fcntl.h>

#include "exchange/audit/audit_index.h"
#include "exchange/network/network.h"
#include "exchange/reference/reference.h"
#include "store/store.h"
#include "test/story/story_hospital.h"

#define VERSION_1 "202610010900000001"
#define CONTENT "{\"entry\":{\"items\":[]},\"warnings\":[]}"

static struct store *open_store_again(const struct world *world)
{
    struct err err = {0};
    char database[STORE_TESTSITE_BYTES];
    store_testsite_locate(database, world->directory, "data");
    struct store_config config = {database, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&config, &err);
    good(store != NULL, &err);
    return store;
}

/* ---- accounts and sessions ---- */

static bool disable_clinic(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct id staff = {{0x11}};
    return staff_disable(session, staff, err);
}

static void a_disabled_account_is_refused_at_its_next_request(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct err err = {0};
    struct store *other = open_store_again(world);
    CHECK(go(&clinic, "GET /api/v1/facilities", "").status == 200);
    good(store_write(other, STORE_LIVE, disable_clinic, NULL, &err), &err);
    CHECK(go(&clinic, "GET /api/v1/facilities", "").status == 401);
    store_close(other);
    world_free(world);
}

static void a_logout_at_another_process_counts_at_the_next_request(void)
{
    struct world *world = world_new();
    struct browser clinic = enter(world, "clinic");
    struct err err = {0};
    uint8_t token[SESSION_TOKEN_BYTES];
    struct store *store = open_store_again(world);
    struct session_config config = {.store = store,
                                    .audit = world->audit,
                                    .doors = world->doors,
                                    .epoch = world->epoch,
                                    .clock = world_clock(world),
                                    .rand = rand_system(),
                                    .is_demo = true};
    struct session_service *other = session_open(&config, &err);
    CHECK(hash_from_hex(span_cstr(clinic.cookie), token, sizeof token));
    CHECK(go(&clinic, "GET /api/v1/facilities", "").status == 200);
    good(session_end(other, hash_sha256(span_of(token, sizeof token)), &err), &err);
    CHECK(go(&clinic, "GET /api/v1/facilities", "").status == 401);
    session_close(other);
    store_close(store);
    world_free(world);
}

static bool close_sessions(struct store_session *session, void *context, struct err *err)
{
    struct id staff = {{0x11}};
    return session_end_of_staff(session, staff, *(int64_t *)context, err);
}

/* The session is asked about together with the person, whose facts count for nothing when
 * it has ended. */
static void a_session_that_has_ended_opens_no_calendar(void)
{
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct err err = {0};
    char person[128];
    int64_t now_ms = world_wall_ms(world);
    struct store *other = open_store_again(world);
    register_person(&clinic, person);
    for (int i = 0; i < 3; i++)
        CHECK(open_calendar_of(&clinic, person).status == 201);
    CHECK(open_calendar_of(&clinic, "00000000000000000000000000000077").status == 404);
    good(store_write(other, STORE_LIVE, close_sessions, &now_ms, &err), &err);
    CHECK(open_calendar_of(&clinic, person).status == 401);
    clinic = enter(world, "clinic");
    for (int i = 0; i < 3; i++)
        CHECK(open_calendar_of(&clinic, person).status == 201);
    good(store_write(other, STORE_LIVE, disable_clinic, NULL, &err), &err);
    CHECK(open_calendar_of(&clinic, person).status == 401);
    store_close(other);
    hospital_free(hospital);
}

static bool let_clinic_leave(struct store_session *session, void *context,
                             struct err *err)
{
    struct world *world = context;
    struct id ids[2] = {hex_id(HOSPITAL), hex_id(PHARMACY)};
    int64_t now_ms = world_wall_ms(world);
    return network_add_version(session, network_id, day_of_instant(now_ms), ids, 2,
                               now_ms, err);
}

static void who_leaves_the_list_sees_nothing_from_then_on(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct browser owner = enter(hospital->world, "hospital");
    struct err err = {0};
    char person[128], line[256], opening[128];
    register_person(&clinic, person);
    struct reply reply = open_calendar_of(&clinic, person);
    snprintf(line, sizeof line,
             "GET /api/v1/openings/%s/calendar?from=2026-09-01&"
             "to=2026-10-31",
             member(&reply, "opening", opening));
    CHECK(go(&clinic, line, "").status == 200);
    good(store_write(hospital->world->store, STORE_LIVE, let_clinic_leave,
                     hospital->world, &err),
         &err);
    CHECK(go(&clinic, line, "").status == 401);
    CHECK(open_calendar_of(&clinic, person).status == 401);
    CHECK(open_calendar_of(&owner, person).status == 201);
    hospital_free(hospital);
}

/* ---- several processes, one database ---- */

static bool has_changed(struct disclosure *gate, const struct disclosure_permit *permit)
{
    struct err err = {0};
    return !disclosure_still_holds(gate, permit, &err) &&
           strcmp(err.code, "permission_changed") == 0;
}

/* The gate of another process. */
struct other_gate {
    struct store *store;
    struct network_epoch *epoch;
    struct disclosure *gate;
};

static void open_gate(struct other_gate *other, struct world *world)
{
    struct err err = {0};
    struct clock clock = world_clock(world);
    other->store = open_store_again(world);
    other->epoch = network_epoch_open(other->store, &clock, NULL, &err);
    struct disclosure_config config = {.store = other->store,
                                       .audit = world->audit,
                                       .clock = clock,
                                       .epoch = other->epoch};
    other->gate = disclosure_new(&config, &err);
    good(other->gate != NULL, &err);
}

static void close_gate(struct other_gate *other)
{
    disclosure_free(other->gate);
    network_epoch_close(other->epoch);
    store_close(other->store);
}

static struct session_actor clinic_actor(void)
{
    return (struct session_actor){.staff = {{0x11}},
                                  .post = {{0x21}},
                                  .facility = hex_id(CLINIC),
                                  .network = network_id,
                                  .profession = STAFF_NURSE,
                                  .facility_kind = FACILITY_CLINIC};
}

static void a_withdrawal_stops_what_another_process_permitted(void)
{
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct err err = {0};
    char person[128], line[256], consent[128];
    register_person(&clinic, person);
    struct other_gate other;
    open_gate(&other, world);
    struct session_actor actor = clinic_actor();
    struct disclosure_request request = {.actor = &actor,
                                         .person = hex_id(person),
                                         .purpose = PERMIT_CARE,
                                         .event = "calendar",
                                         .day = DAY_NONE,
                                         .birth_day = DAY_NONE};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    const struct disclosure_permit *permit =
        disclosure_decide(other.gate, &request, &arena, &err);
    good(permit != NULL, &err);
    CHECK(permit && permit_read(permit)->grant_count == 2);
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", person);
    struct reply reply = go(&clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&clinic, line, "{\"channel\":\"oral\"}").status == 200);
    CHECK_SOON(has_changed(other.gate, permit));
    permit = disclosure_renew(other.gate, &request, permit, &arena, &err);
    CHECK(permit && permit_read(permit)->grant_count == 1);
    close_gate(&other);
    hospital_free(hospital);
}

/* What the gate remembers of an account is of one epoch of the database. */
static void a_gate_that_knows_an_account_hears_of_its_end(void)
{
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct err err = {0};
    char person[128];
    register_person(&clinic, person);
    struct other_gate other;
    open_gate(&other, world);
    struct session_actor actor = clinic_actor();
    struct disclosure_request request = {.actor = &actor,
                                         .person = hex_id(person),
                                         .purpose = PERMIT_CARE,
                                         .event = "calendar",
                                         .day = DAY_NONE,
                                         .birth_day = DAY_NONE};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    for (int i = 0; i < 3; i++)
        good(disclosure_decide(other.gate, &request, &arena, &err) != NULL, &err);
    good(store_write(world->store, STORE_LIVE, disable_clinic, NULL, &err), &err);
    CHECK(!disclosure_decide(other.gate, &request, &arena, &err));
    CHECK(err.kind == ERR_REFUSED && strcmp(err.code, "actor_inactive") == 0);
    close_gate(&other);
    hospital_free(hospital);
}

/* ---- reading ---- */

/* Everything that changes the data goes through the writer. */
static uint64_t version_of_data(const struct world *world)
{
    return store_read_meters(world->store).pieces;
}

static bool has_void_sheets(const struct world *world)
{
    struct err err = {0};
    bool has_row = true;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(world->store, &err);
    CLEANUP(store_finish)
    struct store_statement *find =
        session ? store_prepare(session,
                                "SELECT place FROM registry_sheet WHERE marks IS NULL "
                                "LIMIT 1",
                                &err)
                : NULL;
    return !find || !store_step(find, &has_row, &err) || has_row;
}

static void reading_changes_nothing(void)
{
    static const char *const shapes[] = {
        "GET /api/v1/session",
        "GET /api/v1/home",
        "GET /api/v1/links?list=suspended",
        "GET /api/v1/facilities",
        "GET /api/v1/persons/%s",
        "GET /api/v1/persons/%s/consents",
        "GET /api/v1/openings/%s/calendar?from=2026-09-01&to=2026-10-31",
        "GET /api/v1/openings/%s/entries?row=test&from=2026-09-01&to=2026-10-31",
        "GET /api/v1/openings/%s/content",
    };
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    char person[128], calendar[128], entry[128], opened[128], line[256];
    hospital->content_body = CONTENT;
    register_person(&clinic, person);
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    say_in_step(hospital);
    CHECK(has_stored(hospital, 2));
    CHECK_SOON(!has_void_sheets(world)); /* written by a thread beside */
    struct reply reply = open_calendar_of(&clinic, person);
    member(&reply, "opening", calendar);
    const char *at = strstr(reply.body, "\"entry\":[\"");
    CHECK(at != NULL);
    snprintf(entry, sizeof entry, "%.32s", at ? at + 10 : "");
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    reply = go(&clinic, line, "");
    member(&reply, "opening", opened);
    /* what opening the calendar noted is written when somebody reads looks */
    CHECK(go(&clinic, "GET /api/v1/home", "").status == 200);
    uint64_t before = version_of_data(world);
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const char *shape = shapes[i];
            const char *mark = strstr(shape, "%s");
            const char *id = strstr(shape, "/persons/")  ? person
                             : strstr(shape, "/content") ? opened
                                                         : calendar;
            snprintf(line, sizeof line, "%.*s%s%s",
                     mark ? (int)(mark - shape) : (int)strlen(shape), shape,
                     mark ? id : "", mark ? mark + 2 : "");
            CHECK(go(&clinic, line, "").status == 200);
        }
    CHECK(version_of_data(world) == before);
    CHECK(open_calendar_of(&clinic, person).status == 201);
    CHECK(go(&clinic, "GET /api/v1/home", "").status == 200);
    CHECK(version_of_data(world) != before);
    hospital_free(hospital);
}

/* ---- logs ---- */

#define CANARY "カナリア"

static bool log_names(const char *path, const char *words)
{
    static char all[1 << 20];
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t len = file ? fread(all, 1, sizeof all - 1, file) : 0;
    if (file)
        fclose(file);
    all[len] = '\0';
    CHECK(len > 1000 && len < sizeof all - 1);
    return strstr(all, words) != NULL;
}

/* What goes wrong with a patient's data in hand: on the way in, at the gateway, on the
 * way out. */
static void go_wrong(struct hospital *hospital, struct browser *clinic)
{
    static const char *const lines[] = {"POST /api/v1/session",
                                        "POST /api/v1/persons",
                                        "POST /api/v1/persons/searches",
                                        "GET /api/v1/persons/" CANARY,
                                        "GET /api/v1/" CANARY "?name=" CANARY,
                                        "POST /api/v1/links/" CANARY "/retries"};
    static const char *const bodies[] = {
        "{\"login\":\"" CANARY "\",\"password\":\"" CANARY "\"}",
        "{\"name\":\"" CANARY "\",\"kana\":\"" CANARY "\"",
        "{\"own_number\":\"" CANARY "\"}",
        "{\"name\":\"" CANARY "\",\"kana\":\"" CANARY "\",\"birth_date\":\"" CANARY
        "\"}"};
    static const char *const contents[] = {
        CANARY, "{\"entry\":{\"items\":[{\"name\":\"" CANARY "\"}]},\"warnings\":[]}",
        "{\"entry\":{\"items\":[{\"type\":\"a\",\"" CANARY
        "\":\"x\"}]},\"warnings\":[]}"};
    char entry[128], opening[128], line[256], person[128];
    struct browser other = *clinic;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++)
            CHECK(go(&other, lines[i], bodies[k]).status >= 400);
    register_person(clinic, person);
    say(hospital, 0, "\"type\":\"" CANARY "\",\"number\":\"" CANARY "\"");
    say_put(hospital, 0, "2/OML-11/B", CANARY, CANARY);
    CHECK_SOON(count_of(hospital, &hospital->rejected_count) == 2);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, CANARY);
    CHECK(has_stored(hospital, 1));
    struct reply reply = open_calendar_of(clinic, person);
    const char *at = strstr(reply.body, "\"entry\":[\"");
    snprintf(entry, sizeof entry, "%.32s", at ? at + 10 : "");
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    reply = go(clinic, line, "");
    snprintf(line, sizeof line, "GET /api/v1/openings/%s/content",
             member(&reply, "opening", opening));
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        hospital->content_body = contents[i];
        reply = go(clinic, line, "");
        CHECK(reply.status == 503 && !has(&reply, CANARY));
    }
}

static void no_log_names_a_patient(void)
{
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    char path[160];
    in_world(world, "log", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    world->log.fd = fd;
    struct browser clinic = enter(world, "clinic");
    go_wrong(hospital, &clinic);
    CHECK(!log_names(path, CANARY));
    CHECK(!log_names(path, "林") && !log_names(path, "ハヤシ") &&
          !log_names(path, "H100"));
    CHECK(!log_names(path, "1950-03-04") && !log_names(path, PASSWORD));
    CHECK(!log_names(path, clinic.cookie) && !log_names(path, clinic.csrf));
    world->log.fd = -1;
    close(fd);
    hospital_free(hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(a_disabled_account_is_refused_at_its_next_request);
    RUN(a_logout_at_another_process_counts_at_the_next_request);
    RUN(a_session_that_has_ended_opens_no_calendar);
    RUN(who_leaves_the_list_sees_nothing_from_then_on);
    RUN(a_withdrawal_stops_what_another_process_permitted);
    RUN(a_gate_that_knows_an_account_hears_of_its_end);
    RUN(reading_changes_nothing);
    RUN(no_log_names_a_patient);
    return test_done();
}
