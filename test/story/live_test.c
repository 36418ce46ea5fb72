// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_hospital.h"

/* Server-sent events over the real HTTP server. */

#define VERSION_1 "202610010900000001"

/* A stream that is read by a thread of its own. */
struct listener {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf all;
    atomic_bool has_ended;
};

static void *run_listener(void *context)
{
    struct listener *listener = context;
    char piece[4096];
    ssize_t got = 0;
    while ((got = recv(listener->fd, piece, sizeof piece, 0)) > 0) {
        pthread_mutex_lock(&listener->lock);
        buf_put(&listener->all, piece, (size_t)got);
        pthread_mutex_unlock(&listener->lock);
    }
    atomic_store(&listener->has_ended, true);
    return NULL;
}

static void begin_listening(struct listener *listener, struct browser *browser,
                            const char *last_id)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    pthread_mutex_init(&listener->lock, NULL);
    listener->all = buf_init(1 << 20);
    atomic_init(&listener->has_ended, false);
    buf_format(
        &out, "GET /api/v1/live HTTP/1.1\r\nHost: localhost:%u\r\nCookie: tsumugi=%s\r\n",
        http_server_port(browser->world->server), browser->cookie);
    if (last_id)
        buf_format(&out, "Last-Event-ID: %s\r\n", last_id);
    buf_cstr(&out, "\r\n");
    listener->fd = dial(http_server_port(browser->world->server));
    CHECK(send(listener->fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    pthread_create(&listener->thread, NULL, run_listener, listener);
}

static void end_listening(struct listener *listener)
{
    shutdown(listener->fd, SHUT_RDWR);
    pthread_join(listener->thread, NULL);
    close(listener->fd);
    buf_free(&listener->all);
    pthread_mutex_destroy(&listener->lock);
}

static bool heard(struct listener *listener, const char *words)
{
    pthread_mutex_lock(&listener->lock);
    bool is_there = listener->all.len > 0 && memmem(listener->all.at, listener->all.len,
                                                    words, strlen(words)) != NULL;
    pthread_mutex_unlock(&listener->lock);
    return is_there;
}

/* The id of the last event, as a browser would send it. */
static void last_id_of(struct listener *listener, char out[32])
{
    pthread_mutex_lock(&listener->lock);
    out[0] = '\0';
    for (size_t i = 0; i + 4 < listener->all.len; i++)
        if (memcmp(listener->all.at + i, "\nid: ", 5) == 0 ||
            (i == 0 && memcmp(listener->all.at, "id: ", 4) == 0))
            snprintf(out, 32, "%.*s",
                     (int)strspn((char *)listener->all.at + i + 5, "0123456789"),
                     (char *)listener->all.at + i + 5);
    pthread_mutex_unlock(&listener->lock);
}

static int count_heard(struct listener *listener, const char *words)
{
    int count = 0;
    pthread_mutex_lock(&listener->lock);
    const uint8_t *at = listener->all.at;
    size_t left = listener->all.len;
    const uint8_t *found = NULL;
    while (left > 0 && (found = memmem(at, left, words, strlen(words)))) {
        count++;
        left -= (size_t)(found - at) + 1;
        at = found + 1;
    }
    pthread_mutex_unlock(&listener->lock);
    return count;
}

static void open_calendar(struct browser *browser, const char *person)
{
    CHECK(open_calendar_of(browser, person).status == 201);
}

static void only_who_has_the_calendar_open_hears_of_an_entry(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct browser other = enter(hospital->world, "clinic");
    struct browser pharmacy = enter(hospital->world, "pharmacy");
    struct listener watching = {0}, elsewhere = {0}, stranger = {0};
    char person[128];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&watching, &clinic, NULL);
    begin_listening(&elsewhere, &other, NULL);
    begin_listening(&stranger, &pharmacy, NULL);
    CHECK_SOON(heard(&watching, "\nid: ") && heard(&elsewhere, "\nid: ") &&
               heard(&stranger, "\nid: "));
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "秘密の題");
    CHECK_SOON(heard(&watching, "event: entry"));
    CHECK(heard(&watching, person) && heard(&watching, HOSPITAL) &&
          heard(&watching, "\"row\":\"test\",\"day\":\"2026-10-01\",\"cursor\":"));
    CHECK(!heard(&watching, "秘密"));
    say_in_step(hospital);
    CHECK_SOON(heard(&watching, "event: freshness"));
    int fresh = count_heard(&watching, "event: freshness");
    pthread_mutex_lock(&hospital->lock);
    snprintf(hospital->standing, sizeof hospital->standing,
             ",\"standing\":{\"reading\":\"away\",\"since\":5,\"polled_s\":0}");
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, 0);
    CHECK_SOON(count_heard(&watching, "event: freshness") > fresh);
    /* the gateway's coming is everybody's business, the person is not */
    CHECK(!heard(&elsewhere, "event: entry") && !heard(&stranger, "event: entry"));
    CHECK(!heard(&stranger, person));
    end_listening(&watching);
    end_listening(&elsewhere);
    end_listening(&stranger);
    hospital_free(hospital);
}

static void a_burst_becomes_one_event(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0};
    char person[128];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    for (int i = 0; i < 50; i++) {
        char key[32];
        snprintf(key, sizeof key, "1/OML-11/%03d", i);
        say_put(hospital, 1, key, VERSION_1, "一");
    }
    CHECK(has_stored(hospital, 50));
    CHECK_SOON(heard(&listener, "event: entry"));
    CHECK(count_heard(&listener, "event: entry") < 50);
    end_listening(&listener);
    hospital_free(hospital);
}

static void a_consent_and_a_link_are_heard_of(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0};
    char person[128];
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    /* without a calendar: who enters a number waits for its owner's answer */
    register_person(&clinic, person);
    CHECK_SOON(heard(&listener, "event: link"));
    CHECK(heard(&listener, person));
    open_calendar(&clinic, person);
    char line[256], consent[128];
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", person);
    struct reply reply = go(&clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    CHECK(go(&clinic, line, "{\"channel\":\"oral\"}").status == 200);
    CHECK_SOON(heard(&listener, "event: consent"));
    end_listening(&listener);
    hospital_free(hospital);
}

/* Others would learn that somebody is to be registered. */
static void only_the_two_hear_of_a_request(void)
{
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser asker = enter(world, "pharmacy");
    struct browser asked = enter(world, "clinic");
    struct browser third = enter(world, "hospital");
    struct listener at_asker = {0}, at_asked = {0}, at_third = {0};
    struct request_listener tell = live_request_listener(hospital->live);
    begin_listening(&at_asker, &asker, NULL);
    begin_listening(&at_asked, &asked, NULL);
    begin_listening(&at_third, &third, NULL);
    CHECK_SOON(heard(&at_asker, "\nid: ") && heard(&at_asked, "\nid: ") &&
               heard(&at_third, "\nid: "));
    tell.changed(tell.context, hex_id(PHARMACY), hex_id(CLINIC));
    CHECK_SOON(heard(&at_asker, "event: request") && heard(&at_asked, "event: request"));
    /* the next one is the third's own, so what came before was not for it */
    tell.changed(tell.context, hex_id(PHARMACY), hex_id(HOSPITAL));
    CHECK_SOON(heard(&at_third, "event: request"));
    CHECK(count_heard(&at_third, "event: request") == 1);
    CHECK(!heard(&at_third, CLINIC) && !heard(&at_third, PHARMACY));
    end_listening(&at_asker);
    end_listening(&at_asked);
    end_listening(&at_third);
    hospital_free(hospital);
}

/* Consent events prove that what came before them was heard or never will be. */
static void change_consent(struct browser *browser, struct listener *listener,
                           const char *line, const char *body)
{
    int before = count_heard(listener, "event: consent");
    struct reply reply = go(browser, line, body);
    CHECK(reply.status == 200 || reply.status == 201);
    CHECK_SOON(count_heard(listener, "event: consent") > before);
}

/* The own link of somebody else: when it is heard, all that was said before was told. */
static void hear_all(struct browser *browser, struct listener *listener)
{
    int before = count_heard(listener, "event: link");
    CHECK(go(browser, "POST /api/v1/persons",
             "{\"name\":\"森 太郎\",\"kana\":\"モリ タロウ\",\"birth_date\":"
             "\"1940-01-02\",\"sex\":\"M\",\"consent\":{\"form\":\"comprehensive\","
             "\"channel\":\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":"
             "\"" CLINIC "\",\"number\":\"M1\"}]}")
              .status == 201);
    CHECK_SOON(count_heard(listener, "event: link") > before);
}

static void a_withdrawn_consent_ends_the_news(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0}, late = {0};
    char person[128], consent[128], line[256], last_id[32];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "一");
    CHECK_SOON(count_heard(&listener, "event: entry") == 1);
    last_id_of(&listener, last_id);
    int fresh = count_heard(&listener, "event: freshness"); /* the gateway's coming */
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", person);
    struct reply reply = go(&clinic, line, "");
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals",
             member(&reply, "id", consent));
    change_consent(&clinic, &listener, line, "{\"channel\":\"oral\"}");
    has_key(hospital, "1/OML-11/A", VERSION_1);
    has_key(hospital, "2/OML-11/B", VERSION_1);
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "二");
    say_in_step(hospital);
    CHECK(has_stored(hospital, 3));
    hear_all(&clinic, &listener);
    /* nor does who comes back hear of what happened meanwhile */
    begin_listening(&late, &clinic, last_id);
    CHECK_SOON(heard(&late, "event: consent"));
    CHECK(!heard(&late, "event: entry") && !heard(&late, "event: freshness"));
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/consents", person);
    change_consent(&clinic, &listener, line,
                   "{\"form\":\"comprehensive\",\"channel\":\"oral\",\"giver\":"
                   "\"self\"}");
    CHECK(count_heard(&listener, "event: entry") == 1);
    CHECK(count_heard(&listener, "event: freshness") == fresh);
    say_put(hospital, 0, "3/OML-11/C", VERSION_1, "三");
    CHECK_SOON(count_heard(&listener, "event: entry") == 2);
    end_listening(&late);
    end_listening(&listener);
    hospital_free(hospital);
}

/* A delayed entry, and a kind that the hospital does not release. */
static void what_may_not_be_seen_is_not_heard_of(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0};
    char person[128];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    struct id_text record = id_to_text(hospital->record);
    static const char *const words[] = {
        "\"kind\":\"laboratory\",\"visible_from\":99999999999999",
        "\"kind\":\"prescription\",\"visible_from\":0"};
    for (int i = 0; i < 2; i++)
        say(hospital, 0,
            "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"%d/X/A\","
            "\"version\":\"" VERSION_1 "\",%s,\"state\":\"current\",\"flags\":0,"
            "\"day\":\"2026-10-01\",\"is_open\":false,\"title\":\"x\","
            "\"department_code\":\"\",\"department\":\"\",\"author\":\"\","
            "\"time\":\"\",\"order_number\":\"\"",
            record.at, i, words[i]);
    CHECK(has_stored(hospital, 2));
    CHECK(count_of(hospital, &hospital->rejected_count) == 0);
    say_put(hospital, 0, "3/OML-11/C", VERSION_1, "三");
    CHECK_SOON(heard(&listener, "\"day\":\"2026-10-03\""));
    CHECK(count_heard(&listener, "event: entry") == 1);
    end_listening(&listener);
    hospital_free(hospital);
}

static bool hide_epoch(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *hide =
        store_prepare(session, "DELETE FROM network_epoch", err);
    return hide && store_run(hide, err);
}

/* While changes of consent cannot be read nobody is told of entries: all read again. */
static void a_stale_epoch_tells_nobody_but_to_read_again(void)
{
    struct err err = {0};
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct listener listener = {0};
    char person[128];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    CHECK(store_write(world->store, STORE_LIVE, hide_epoch, NULL, &err));
    network_epoch_refresh(world->epoch);
    CHECK(!network_epoch_is_fresh(world->epoch));
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "一");
    CHECK_SOON(heard(&listener, "event: reload"));
    CHECK(!heard(&listener, "event: entry"));
    end_listening(&listener);
    hospital_free(hospital);
}

static bool run_sql(struct store_session *session, void *context, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, context, err);
    return statement && store_run(statement, err);
}

/* The database is away, for one: nobody is logged out by it, and what was open stays. */
static void a_session_that_cannot_be_read_is_not_over(void)
{
    static char hide[] = "ALTER TABLE session RENAME TO hidden";
    static char show[] = "ALTER TABLE hidden RENAME TO session";
    struct err err = {0};
    struct hospital *hospital = hospital_new();
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct listener listener = {0};
    char person[128], line[256], opening[128];
    register_person(&clinic, person);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings", person);
    struct reply opened = go(&clinic, line, autumn);
    member(&opened, "opening", opening);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    CHECK(store_write(world->store, STORE_LIVE, run_sql, hide, &err));
    CHECK_SOON(atomic_load(&listener.has_ended) || heard(&listener, "\r\n0\r\n\r\n"));
    CHECK(!heard(&listener, "event: session"));
    opening_table_sweep(hospital->openings);
    CHECK(store_write(world->store, STORE_LIVE, run_sql, show, &err));
    snprintf(line, sizeof line,
             "GET /api/v1/openings/%s/calendar?from=2026-10-01&to=2026-10-31", opening);
    CHECK(go(&clinic, line, "").status == 200);
    end_listening(&listener);
    hospital_free(hospital);
}

static void an_ended_session_hears_it_and_then_nothing(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0};
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    CHECK(go(&clinic, "DELETE /api/v1/session", "").status == 204);
    CHECK_SOON(heard(&listener, "event: session"));
    CHECK_SOON(heard(&listener, "\r\n0\r\n\r\n") || atomic_load(&listener.has_ended));
    end_listening(&listener);
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "HTTP/1.1 401"));
    end_listening(&listener);
    hospital_free(hospital);
}

static void who_comes_back_hears_what_was_missed(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener first = {0}, second = {0}, third = {0}, fourth = {0};
    char person[128], last_id[32];
    register_person(&clinic, person);
    open_calendar(&clinic, person);
    begin_listening(&first, &clinic, NULL);
    CHECK_SOON(heard(&first, "\nid: "));
    last_id_of(&first, last_id);
    end_listening(&first);
    struct listener proof = {0};
    begin_listening(&proof, &clinic, NULL);
    CHECK_SOON(heard(&proof, "\nid: "));
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "一");
    CHECK_SOON(heard(&proof, "event: entry"));
    begin_listening(&second, &clinic, last_id);
    CHECK_SOON(heard(&second, "event: entry"));
    CHECK(!heard(&second, "event: reload"));
    /* ids of another life of the server, or of nobody */
    begin_listening(&third, &clinic, "17");
    CHECK_SOON(heard(&third, "event: reload"));
    begin_listening(&fourth, &clinic, "-5x");
    CHECK_SOON(heard(&fourth, "event: reload"));
    end_listening(&proof);
    end_listening(&second);
    end_listening(&third);
    end_listening(&fourth);
    hospital_free(hospital);
}

static void one_stream_too_many_ends_the_oldest(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listeners[LIVE_STREAMS_PER_SESSION + 1] = {0};
    for (int i = 0; i <= LIVE_STREAMS_PER_SESSION; i++) {
        begin_listening(&listeners[i], &clinic, NULL);
        CHECK_SOON(heard(&listeners[i], "\nid: "));
    }
    CHECK_SOON(atomic_load(&listeners[0].has_ended));
    CHECK(!atomic_load(&listeners[1].has_ended));
    for (int i = 0; i <= LIVE_STREAMS_PER_SESSION; i++)
        end_listening(&listeners[i]);
    hospital_free(hospital);
}

/* A comment would keep the connection, but a page does not see comments. */
static void a_stream_without_news_beats_so_that_the_page_hears_it(void)
{
    struct hospital *hospital = hospital_new();
    struct browser clinic = enter(hospital->world, "clinic");
    struct listener listener = {0};
    begin_listening(&listener, &clinic, NULL);
    CHECK_SOON(heard(&listener, "\nid: "));
    CHECK(!heard(&listener, "event: beat"));
    atomic_fetch_add(&hospital->world->skip_ms, LIVE_HEARTBEAT_MS);
    CHECK_SOON(heard(&listener, "event: beat\ndata: {}\n\n"));
    end_listening(&listener);
    hospital_free(hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(only_who_has_the_calendar_open_hears_of_an_entry);
    RUN(a_burst_becomes_one_event);
    RUN(a_consent_and_a_link_are_heard_of);
    RUN(only_the_two_hear_of_a_request);
    RUN(a_withdrawn_consent_ends_the_news);
    RUN(what_may_not_be_seen_is_not_heard_of);
    RUN(a_stale_epoch_tells_nobody_but_to_read_again);
    RUN(a_session_that_cannot_be_read_is_not_over);
    RUN(an_ended_session_hears_it_and_then_nothing);
    RUN(who_comes_back_hears_what_was_missed);
    RUN(one_stream_too_many_ends_the_oldest);
    RUN(a_stream_without_news_beats_so_that_the_page_hears_it);
    return test_done();
}
