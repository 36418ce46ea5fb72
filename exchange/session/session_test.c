// SPDX-License-Identifier: Apache-2.0
#include "exchange/session/session_parts.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/test.h"
#include "exchange/audit/audit.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

/* The routes are told in test/story/routes_test.c. */

#define MINUTE 60000LL

/* ---- rules ---- */

static void a_session_ends_by_idling_by_age_and_by_closing(void)
{
    struct session_times times = {.opened_at = 1000, .seen_at = 1000};
    CHECK(session_is_open(&times, 1000));
    CHECK(session_is_open(&times, 1000 + 15 * MINUTE - 1));
    CHECK(!session_is_open(&times, 1000 + 15 * MINUTE));
    times.seen_at = 1000 + 599 * MINUTE;
    CHECK(session_is_open(&times, 1000 + 600 * MINUTE - 1));
    CHECK(!session_is_open(&times, 1000 + 600 * MINUTE));
    times.seen_at = 1000;
    times.closed_at = 2000;
    CHECK(!session_is_open(&times, 1500));
}

static void a_clock_that_stepped_back_opens_nothing(void)
{
    struct session_times times = {.opened_at = 100000, .seen_at = 100000};
    CHECK(session_is_open(&times, 40000));
    CHECK(!session_is_open(&times, 39999));
}

static void the_password_alone_suffices_in_the_demo_only(void)
{
    CHECK(session_minimum(NETWORK_PASSWORD, true) == NETWORK_PASSWORD);
    CHECK(session_minimum(NETWORK_PASSWORD, false) == NETWORK_CERTIFICATE);
    CHECK(session_minimum(NETWORK_SECOND_FACTOR, true) == NETWORK_SECOND_FACTOR);
    CHECK(session_minimum(NETWORK_CERTIFICATE, false) == NETWORK_CERTIFICATE);
    CHECK(session_minimum(NETWORK_SECOND_FACTOR, false) == NETWORK_SECOND_FACTOR);
}

static void a_second_factor_without_certificate_proves_no_more_than_a_password(void)
{
    CHECK(session_assurance(false, false) == NETWORK_PASSWORD);
    CHECK(session_assurance(false, true) == NETWORK_PASSWORD);
    CHECK(session_assurance(true, false) == NETWORK_CERTIFICATE);
    CHECK(session_assurance(true, true) == NETWORK_SECOND_FACTOR);
}

static void each_token_has_its_own_csrf_word(void)
{
    char one[HASH_HEX_BYTES], again[HASH_HEX_BYTES], other[HASH_HEX_BYTES];
    session_csrf(SPAN("token one"), one);
    session_csrf(SPAN("token one"), again);
    session_csrf(SPAN("token two"), other);
    CHECK(strlen(one) == 64 && strcmp(one, again) == 0 && strcmp(one, other) != 0);
}

/* ---- the cache of a second ---- */

static struct session_row row_of(uint8_t number, int64_t seen_at)
{
    return (struct session_row){.hash = {{number}},
                                .times = {1, seen_at, 0},
                                .staff_name = TEXT("名前"),
                                .staff_kana = TEXT("ナマエ"),
                                .facility_name = TEXT("病院"),
                                .fingerprint = TEXT(""),
                                .is_allowed = true};
}

static struct session_now at_ms(int64_t ms)
{
    return (struct session_now){ms, ms};
}

static void a_row_is_believed_for_one_second(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct session_cache *cache = session_cache_new(&err);
    struct session_row row = row_of(1, 10);
    struct session_row found;
    session_cache_keep(cache, &row, at_ms(5000));
    CHECK(session_cache_find(cache, row.hash, 6000, &arena, &found));
    CHECK(text_is(found.staff_name, "名前") && text_is(found.facility_name, "病院"));
    CHECK(found.staff_name.at != row.staff_name.at);
    CHECK(!session_cache_find(cache, row.hash, 6001, &arena, &found));
    CHECK(!session_cache_find(cache, row_of(2, 0).hash, 5000, &arena, &found));
    session_cache_drop(cache, row.hash);
    CHECK(!session_cache_find(cache, row.hash, 5001, &arena, &found));
    session_cache_free(cache);
}

static void activity_survives_reading_the_row_again(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct session_cache *cache = session_cache_new(&err);
    struct session_row row = row_of(1, 10);
    struct session_row found;
    session_cache_keep(cache, &row, at_ms(5000));
    session_cache_touch(cache, row.hash, at_ms(500), false);
    session_cache_keep(cache, &row, at_ms(6000));
    CHECK(session_cache_find(cache, row.hash, 6000, &arena, &found));
    CHECK(found.times.seen_at == 500);
    session_cache_touch(cache, row.hash, at_ms(400), true);
    CHECK(session_cache_find(cache, row.hash, 6000, &arena, &found));
    CHECK(found.times.seen_at == 500 && found.stored_seen_at == 400);
    session_cache_free(cache);
}

static void a_full_cache_forgets_the_oldest(void)
{
    struct err err = {0};
    struct session_cache *cache = session_cache_new(&err);
    struct session_row found;
    for (int i = 0; i < 100; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
        struct session_row row = row_of(7, 1);
        row.hash.bytes[10] = (uint8_t)i; /* the same set of the table */
        session_cache_keep(cache, &row, at_ms(5000 + i));
        CHECK(session_cache_find(cache, row.hash, 5000 + i, &arena, &found));
        row.hash.bytes[10] = (uint8_t)(i - 20);
        CHECK(!session_cache_find(cache, row.hash, 5000 + i, &arena, &found));
    }
    session_cache_free(cache);
}

/* ---- failed logins per source and minute ---- */

static struct session_sources *sources_new(void)
{
    struct err err = {0};
    struct session_sources *sources = memory_new(1, sizeof *sources, &err);
    session_sources_start(sources);
    return sources;
}

static void sources_free(struct session_sources *sources)
{
    pthread_mutex_destroy(&sources->lock);
    memory_free(sources);
}

static void failures_become_one_count_per_source_and_minute(void)
{
    struct session_sources *sources = sources_new();
    struct session_source taken;
    for (int i = 0; i < 5; i++)
        session_source_failed(sources, "10.0.0.1", 7 * MINUTE);
    CHECK(!session_sources_take(sources, 7 * MINUTE + 59999, false, &taken));
    CHECK(session_sources_take(sources, 8 * MINUTE, false, &taken));
    CHECK(taken.minute_failures == 5 && strcmp(taken.address, "10.0.0.1") == 0);
    CHECK(!session_sources_take(sources, 8 * MINUTE, true, &taken));
    session_source_failed(sources, "10.0.0.1", 8 * MINUTE);
    CHECK(session_sources_take(sources, 8 * MINUTE, true, &taken));
    sources_free(sources);
}

static void a_flood_of_addresses_shares_one_counter(void)
{
    struct session_sources *sources = sources_new();
    struct session_source taken;
    char address[32];
    int total = 0;
    for (int i = 0; i < 3 * SESSION_SOURCES_MAX; i++) {
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        session_source_failed(sources, address, 0);
    }
    int rows = 0;
    for (; session_sources_take(sources, MINUTE, false, &taken); rows++)
        total += taken.minute_failures;
    CHECK(rows == SESSION_SOURCES_MAX && total == 3 * SESSION_SOURCES_MAX);
    sources_free(sources);
}

/* ---- with a database ---- */

struct place {
    char name[64];
    int64_t now_ms;
    int64_t set_ms; /* by how much the wall clock alone was set */
    struct store *store;
    struct audit *audit;
    struct session_service *sessions;
};

static int64_t place_ms(void *self)
{
    return ((struct place *)self)->now_ms;
}

static int64_t place_wall_ms(void *self)
{
    return ((struct place *)self)->now_ms + ((struct place *)self)->set_ms;
}

#define FINGERPRINT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static bool fill(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    struct network network = {.id = {{9}}, .name = TEXT("N")};
    struct facility facility = {.id = {{1}},
                                .code = TEXT("2000000001"),
                                .name = TEXT("C"),
                                .kana = TEXT("C"),
                                .letter = TEXT("C"),
                                .slot = 1,
                                .fingerprint = TEXT(""),
                                .policy = TEXT("")};
    struct staff staff = {.id = {{2}},
                          .login = TEXT("a"),
                          .name = TEXT("A"),
                          .kana = TEXT("A"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = {{3}},
                              .staff = {{2}},
                              .facility = {{1}},
                              .from_day = 0,
                              .to_day = DAY_NONE};
    return network_add(session, &network, 1, err) &&
           facility_add(session, &facility, 1, err) &&
           staff_add(session, &staff, "no hash", STAFF_PASSWORD_OWN, 1, err) &&
           staff_add_post(session, &post, 1, err) &&
           network_add_version(session, network.id, 0, &facility.id, 1, 1, err) &&
           session_add_certificate(session, facility.id, TEXT(FINGERPRINT),
                                   100 * 86400000LL, err);
}

static void start_sessions(struct place *place, bool is_demo)
{
    struct err err = {0};
    struct session_config sessions = {.store = place->store,
                                      .audit = place->audit,
                                      .clock = {place_wall_ms, place_ms, place},
                                      .rand = rand_system(),
                                      .is_demo = is_demo};
    place->sessions = session_open(&sessions, &err);
    CHECK(place->sessions);
}

static void place_open(struct place *place, bool is_demo)
{
    struct err err = {0};
    char file[STORE_TESTSITE_BYTES], audit[80];
    *place = (struct place){.name = "/tmp/session_test_XXXXXX", .now_ms = 86400000};
    CHECK(mkdtemp(place->name) != NULL);
    store_testsite_locate(file, place->name, "data");
    snprintf(audit, sizeof audit, "%s/audit", place->name);
    struct clock clock = {place_wall_ms, place_ms, place};
    struct store_config config = {file, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct audit_config audit_config = {audit, "centre", clock, rand_system(), NULL};
    place->store = store_open(&config, &err);
    place->audit = audit_open(&audit_config, &err);
    CHECK(place->store && place->audit);
    start_sessions(place, is_demo);
    CHECK(store_write(place->store, STORE_LIVE, fill, NULL, &err));
    if (err.kind)
        printf("# %s %s\n", err.code, err.text);
}

static void place_close(struct place *place)
{
    char command[96];
    session_close(place->sessions);
    audit_close(place->audit);
    store_close(place->store);
    snprintf(command, sizeof command, "rm -r %s", place->name);
    CHECK(system(command) == 0);
}

static struct session_opening opening_with(const char *fingerprint)
{
    return (struct session_opening){
        .staff = {{2}},
        .post = {{3}},
        .assurance = session_assurance(*fingerprint != '\0', false),
        .fingerprint = text_cstr(fingerprint),
        .address = TEXT("127.0.0.1"),
        .request = {{5}},
    };
}

static const char *begin(struct place *place, const char *fingerprint,
                         struct hash *session)
{
    struct err err = {0};
    char token[HASH_HEX_BYTES], csrf[HASH_HEX_BYTES];
    uint8_t bytes[SESSION_TOKEN_BYTES];
    struct session_opening opening = opening_with(fingerprint);
    if (!session_begin(place->sessions, &opening, token, csrf, &err))
        return err.code;
    CHECK(hash_from_hex(span_cstr(token), bytes, sizeof bytes));
    *session = hash_sha256(span_of(bytes, sizeof bytes));
    return "";
}

/* ---- failed logins of the last minutes ---- */

static bool is_allowed_from(struct store *store, const char *address,
                            const char *fingerprint, int64_t now_ms)
{
    struct err err = {0};
    bool is_allowed = false;
    struct session_origin origin = {text_cstr(address), text_cstr(fingerprint)};
    CHECK(session_failures_allow(store, &origin, now_ms, &is_allowed, &err));
    return is_allowed;
}

static void fail_from(struct store *store, const char *address, const char *fingerprint,
                      int64_t now_ms)
{
    struct err err = {0};
    struct session_origin origin = {text_cstr(address), text_cstr(fingerprint)};
    CHECK(session_failures_count(store, &origin, now_ms, &err));
}

static int64_t count_kept(struct store *store)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT COUNT(*) FROM session_failure", &err);
    CHECK(store_step(find, &has_row, &err) && has_row);
    return store_column_int(find, 0);
}

static void a_source_with_sixty_failures_is_closed_for_ten_minutes(void)
{
    struct place place;
    place_open(&place, false);
    int64_t now_ms = place.now_ms;
    for (int i = 0; i < SESSION_SOURCE_FAILURES_MAX; i++) {
        CHECK(is_allowed_from(place.store, "10.0.0.1", "", now_ms));
        fail_from(place.store, "10.0.0.1", "", now_ms + i);
    }
    CHECK(!is_allowed_from(place.store, "10.0.0.1", "", now_ms));
    CHECK(!is_allowed_from(place.store, "10.0.0.1", FINGERPRINT, now_ms));
    CHECK(is_allowed_from(place.store, "10.0.0.2", "", now_ms));
    CHECK(!is_allowed_from(place.store, "10.0.0.1", "", now_ms + 10 * MINUTE - 1));
    CHECK(is_allowed_from(place.store, "10.0.0.1", "", now_ms + 10 * MINUTE));
    /* the first failure afterwards is the first of a new count */
    fail_from(place.store, "10.0.0.1", "", now_ms + 10 * MINUTE);
    CHECK(is_allowed_from(place.store, "10.0.0.1", "", now_ms + 10 * MINUTE));
    CHECK(count_kept(place.store) == 1);
    place_close(&place);
}

static void a_certificate_is_counted_wherever_it_comes_from(void)
{
    struct place place;
    char address[32];
    place_open(&place, false);
    for (int i = 0; i < SESSION_SOURCE_FAILURES_MAX; i++) {
        snprintf(address, sizeof address, "10.0.1.%d", i);
        fail_from(place.store, address, FINGERPRINT, place.now_ms);
    }
    CHECK(!is_allowed_from(place.store, "10.0.2.1", FINGERPRINT, place.now_ms));
    CHECK(is_allowed_from(place.store, "10.0.2.1", "bb", place.now_ms));
    place_close(&place);
}

static void another_process_and_a_restart_count_on(void)
{
    struct place place;
    struct err err = {0};
    char file[STORE_TESTSITE_BYTES];
    place_open(&place, false);
    store_testsite_locate(file, place.name, "data");
    struct store_config config = {file, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    for (int i = 0; i < SESSION_SOURCE_FAILURES_MAX - 1; i++)
        fail_from(place.store, "10.0.0.1", "", place.now_ms);
    struct store *other = store_open(&config, &err);
    CHECK(other && is_allowed_from(other, "10.0.0.1", "", place.now_ms));
    fail_from(other, "10.0.0.1", "", place.now_ms);
    CHECK(!is_allowed_from(other, "10.0.0.1", "", place.now_ms));
    CHECK(!is_allowed_from(place.store, "10.0.0.1", "", place.now_ms));
    store_close(other);
    place_close(&place);
}

static void a_clock_that_was_ahead_closes_no_source(void)
{
    struct place place;
    place_open(&place, false);
    int64_t now_ms = place.now_ms;
    for (int i = 0; i < SESSION_SOURCE_FAILURES_MAX; i++)
        fail_from(place.store, "10.0.0.1", "", now_ms + 60 * MINUTE);
    CHECK(is_allowed_from(place.store, "10.0.0.1", "", now_ms));
    fail_from(place.store, "10.0.0.2", "", now_ms);
    CHECK(count_kept(place.store) == 1);
    place_close(&place);
}

static bool add_many(struct store_session *session, void *context, struct err *err)
{
    const int64_t *now_ms = context;
    char address[32];
    for (int i = 0; i < SESSION_FAILURES_KEPT_MAX; i++) {
        CLEANUP(store_finish)
        struct store_statement *add =
            store_prepare(session,
                          "INSERT INTO session_failure (kind, source, begun_at, "
                          "failures) VALUES ('address', ?1, ?2, 59)",
                          err);
        snprintf(address, sizeof address, "10.1.%d.%d", i >> 8, i & 255);
        if (!add)
            return false;
        store_bind_text(add, 1, text_cstr(address));
        store_bind_int(add, 2, *now_ms);
        if (!store_run(add, err))
            return false;
    }
    return true;
}

static void a_flood_of_addresses_pushes_nobodys_count_out(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place, false);
    CHECK(store_write(place.store, STORE_LIVE, add_many, &place.now_ms, &err));
    fail_from(place.store, "10.0.0.1", FINGERPRINT, place.now_ms);
    CHECK(count_kept(place.store) == SESSION_FAILURES_KEPT_MAX);
    fail_from(place.store, "10.1.0.7", "", place.now_ms);
    CHECK(!is_allowed_from(place.store, "10.1.0.7", "", place.now_ms));
    fail_from(place.store, "10.0.0.1", "", place.now_ms + 10 * MINUTE);
    CHECK(count_kept(place.store) == 1);
    place_close(&place);
}

static bool holds(struct place *place, struct hash session)
{
    struct err err = {0};
    return session_still_holds(place->sessions, session, &err);
}

static bool is_over(struct place *place, struct hash session)
{
    struct err err = {0};
    return !session_still_holds(place->sessions, session, &err) &&
           err.kind == ERR_REFUSED && strcmp(err.code, "session_none") == 0;
}

static bool run_sql(struct store_session *session, void *context, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, context, err);
    return statement && store_run(statement, err);
}

/* A database that is away, for one. */
static void what_cannot_be_read_is_not_over(void)
{
    static char hide[] = "ALTER TABLE session RENAME TO hidden";
    static char show[] = "ALTER TABLE hidden RENAME TO session";
    struct place place;
    struct hash session;
    struct err err = {0};
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    CHECK(store_write(place.store, STORE_LIVE, run_sql, hide, &err));
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(!holds(&place, session) && !is_over(&place, session));
    CHECK(store_write(place.store, STORE_LIVE, run_sql, show, &err));
    CHECK(holds(&place, session));
    place_close(&place);
}

static bool revoke_certificate(struct store_session *session, void *context,
                               struct err *err)
{
    (void)context;
    return session_revoke_certificate(session, TEXT(FINGERPRINT), 5, err);
}

static void only_an_accepted_certificate_lifts_the_assurance(void)
{
    struct place place;
    struct hash session;
    struct err err = {0};
    place_open(&place, false);
    CHECK(strcmp(begin(&place, "", &session), "assurance") == 0);
    CHECK(strcmp(begin(&place, "bb", &session), "certificate_foreign") == 0);
    CHECK(strcmp(begin(&place, FINGERPRINT, &session), "") == 0);
    CHECK(holds(&place, session));
    CHECK(store_write(place.store, STORE_LIVE, revoke_certificate, NULL, &err));
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(is_over(&place, session));
    CHECK(strcmp(begin(&place, FINGERPRINT, &session), "certificate_foreign") == 0);
    place_close(&place);
}

static void a_closed_session_is_gone_at_once_and_an_idle_one_in_time(void)
{
    struct place place;
    struct hash session, idle;
    struct err err = {0};
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    CHECK(strcmp(begin(&place, "", &idle), "") == 0);
    CHECK(holds(&place, session));
    CHECK(session_end(place.sessions, session, &err));
    CHECK(is_over(&place, session));
    CHECK(holds(&place, idle));
    place.now_ms += SESSION_IDLE_MS;
    CHECK(is_over(&place, idle));
    CHECK(is_over(&place, (struct hash){{1}}));
    place_close(&place);
}

/* ---- a wall clock that is set ---- */

/* A request: it counts as activity. */
static bool works(struct place *place, struct hash session)
{
    struct err err = {0};
    struct session_row row;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    return session_find(place->sessions, session, NULL, &arena, &row, &err) &&
           session_touch(place->sessions, &row, &err);
}

static bool works_for(struct place *place, struct hash session, int minutes)
{
    bool is_open = works(place, session);
    for (int i = 0; i < minutes && is_open; i += 10) {
        place->now_ms += 10 * MINUTE;
        is_open = works(place, session);
    }
    return is_open;
}

static void start_again(struct place *place)
{
    session_close(place->sessions);
    start_sessions(place, true);
}

static void a_clock_set_back_lets_nobody_idle_for_longer(void)
{
    struct place place;
    struct hash session;
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    CHECK(works_for(&place, session, 300));
    place.set_ms = -240 * MINUTE;
    CHECK(holds(&place, session));
    place.now_ms += SESSION_IDLE_MS - 1;
    CHECK(holds(&place, session));
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(is_over(&place, session));
    /* Nor when the clock has come to where it was, and this process knows nothing. */
    place.set_ms = -SESSION_IDLE_MS;
    start_again(&place);
    CHECK(is_over(&place, session));
    place_close(&place);
}

static void a_clock_set_back_makes_no_day_longer(void)
{
    struct place place;
    struct hash session;
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    CHECK(works_for(&place, session, 540));
    place.set_ms = -240 * MINUTE;
    CHECK(works_for(&place, session, 50));
    place.now_ms += 10 * MINUTE;
    CHECK(is_over(&place, session));
    place_close(&place);
}

/* How old it is nobody can tell then: its person logs in again. */
static void a_process_that_starts_with_its_clock_set_back_believes_no_session(void)
{
    struct place place;
    struct hash session, next;
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    CHECK(works_for(&place, session, 300));
    place.set_ms = -240 * MINUTE;
    start_again(&place);
    CHECK(is_over(&place, session));
    CHECK(strcmp(begin(&place, "", &next), "") == 0);
    CHECK(works_for(&place, next, 60));
    place_close(&place);
}

/* Whoever goes on working stays in, here and with a process that starts meanwhile. */
static void who_works_on_outlives_a_clock_that_was_ahead(void)
{
    struct place place;
    struct hash session;
    place_open(&place, true);
    CHECK(strcmp(begin(&place, "", &session), "") == 0);
    place.set_ms = 14 * MINUTE;
    CHECK(works(&place, session));
    place.set_ms = 0;
    CHECK(works_for(&place, session, 60));
    place.set_ms = 14 * MINUTE;
    CHECK(works_for(&place, session, 10));
    place.set_ms = 0;
    CHECK(works(&place, session));
    start_again(&place);
    CHECK(works_for(&place, session, 60));
    place_close(&place);
}

struct once_work {
    struct session_once once;
    struct session_answer answer;
    struct arena *arena;
};

static bool keep_once(struct store_session *session, void *context, struct err *err)
{
    struct once_work *work = context;
    return session_once_find(session, &work->once, work->arena, &work->answer, err) &&
           (work->answer.is_kept ||
            session_once_keep(session, &work->once, 201, TEXT("{}"), 1000, err));
}

static void a_key_answers_the_same_request_only(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place, true);
    struct once_work work = {.once = {{{1}}, {{2}}, "register", {{3}}}, .arena = &arena};
    CHECK(store_write(place.store, STORE_LIVE, keep_once, &work, &err));
    CHECK(!work.answer.is_kept);
    CHECK(store_write(place.store, STORE_LIVE, keep_once, &work, &err));
    CHECK(work.answer.is_kept && work.answer.status == 201 &&
          text_is(work.answer.body, "{}"));
    struct once_work other = work;
    other.once.request.bytes[5] = 1;
    CHECK(!store_write(place.store, STORE_LIVE, keep_once, &other, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "idempotency_reused") == 0);
    err_clear(&err);
    other = work;
    other.once.route = "link";
    CHECK(!store_write(place.store, STORE_LIVE, keep_once, &other, &err));
    err_clear(&err);
    other = work;
    other.once.staff.bytes[3] = 1; /* another person's key is another key */
    CHECK(store_write(place.store, STORE_LIVE, keep_once, &other, &err));
    CHECK(!other.answer.is_kept);
    place_close(&place);
}

static bool end_of_staff(struct store_session *session, void *context, struct err *err)
{
    return session_end_of_staff(session, *(struct id *)context, 7, err);
}

static bool end_all(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return session_end_all(session, 7, err);
}

static void all_sessions_of_a_person_or_of_everybody_end(void)
{
    struct place place;
    struct hash first, second;
    struct id other = {{8}}, own = {{2}};
    struct err err = {0};
    place_open(&place, false);
    CHECK(strcmp(begin(&place, FINGERPRINT, &first), "") == 0);
    CHECK(store_write(place.store, STORE_LIVE, end_of_staff, &other, &err));
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(holds(&place, first));
    CHECK(store_write(place.store, STORE_LIVE, end_of_staff, &own, &err));
    CHECK(strcmp(begin(&place, FINGERPRINT, &second), "") == 0);
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(is_over(&place, first));
    CHECK(holds(&place, second));
    CHECK(store_write(place.store, STORE_LIVE, end_all, NULL, &err));
    place.now_ms += SESSION_STALE_MS + 1;
    CHECK(is_over(&place, second));
    place_close(&place);
}

static void a_certificate_is_revoked_once_and_listed_afterwards(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place, false);
    CHECK(store_write(place.store, STORE_LIVE, revoke_certificate, NULL, &err));
    CHECK(!store_write(place.store, STORE_LIVE, revoke_certificate, NULL, &err));
    CHECK(err.kind == ERR_MISSING);
    err_clear(&err);
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct session_certificate *items = NULL;
        size_t count = 0;
        CHECK(session_list_certificates(session, &arena, &items, &count, &err));
        CHECK(count == 1 && items[0].revoked_at == 5 &&
              text_is(items[0].fingerprint, FINGERPRINT) && items[0].ends_at > 0);
    }
    place_close(&place);
}

int main(void)
{
    RUN(a_session_ends_by_idling_by_age_and_by_closing);
    RUN(a_clock_that_stepped_back_opens_nothing);
    RUN(the_password_alone_suffices_in_the_demo_only);
    RUN(a_second_factor_without_certificate_proves_no_more_than_a_password);
    RUN(each_token_has_its_own_csrf_word);
    RUN(a_row_is_believed_for_one_second);
    RUN(activity_survives_reading_the_row_again);
    RUN(a_full_cache_forgets_the_oldest);
    RUN(failures_become_one_count_per_source_and_minute);
    RUN(a_flood_of_addresses_shares_one_counter);
    RUN(a_source_with_sixty_failures_is_closed_for_ten_minutes);
    RUN(a_certificate_is_counted_wherever_it_comes_from);
    RUN(another_process_and_a_restart_count_on);
    RUN(a_clock_that_was_ahead_closes_no_source);
    RUN(a_clock_set_back_lets_nobody_idle_for_longer);
    RUN(a_clock_set_back_makes_no_day_longer);
    RUN(a_process_that_starts_with_its_clock_set_back_believes_no_session);
    RUN(who_works_on_outlives_a_clock_that_was_ahead);
    RUN(a_flood_of_addresses_pushes_nobodys_count_out);
    RUN(only_an_accepted_certificate_lifts_the_assurance);
    RUN(what_cannot_be_read_is_not_over);
    RUN(a_closed_session_is_gone_at_once_and_an_idle_one_in_time);
    RUN(a_key_answers_the_same_request_only);
    RUN(all_sessions_of_a_person_or_of_everybody_end);
    RUN(a_certificate_is_revoked_once_and_listed_afterwards);
    return test_done();
}
