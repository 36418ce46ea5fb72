// SPDX-License-Identifier: Apache-2.0
/* Several `tsumugi server` on one database and a `tsumugi gateway` that dials each, run
 * as programs. On a database in a file the second one is refused. */
#include "cli/command_testbrowser.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/day.h"
#include "store/store_testsite.h"
#include "wire/tls/tls.h"

#define HOSPITAL "2012345678"
#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"
#define NUMBER "0000012345"
#define PATIENT "ssmix/000/001/" NUMBER

static char today[DAY_TEXT_BYTES];

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 300 && !(condition); waited++)                     \
            usleep(100000);                                                              \
        CHECK(condition);                                                                \
    } while (0)

/* ---- the region ---- */

static void found(struct site *site)
{
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    CHECK(site_write(site, "password", PASSWORD "\n"));
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", HOSPITAL, "--name", "みなみ病院",
                     "--kana", "ミナミ", "--letter", "M", "--way", "gateway") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, HOSPITAL, CLINIC) == 0);
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    site_issue(site, "ca", "gate", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL,
                     site_path(site, "gate.crt", path)) == 0);
}

/* Another process of the same centre: a copy of the site with a configuration of its own.
 * Ended with site_end, its memory is the caller's. */
static void configure_another(struct site *another, const struct site *site,
                              const char *node, const char *more)
{
    char name[64];
    memcpy(another, site, sizeof *another);
    another->server = 0;
    snprintf(name, sizeof name, "%s.json", node);
    site_path(another, name, another->config);
    site_configure_node(another, name, node, node, more);
}

static void lab(const struct site *site, int number)
{
    char folder[SITE_PATH_BYTES], file[SITE_PATH_BYTES], message[2048], name[200];
    struct err err = {0};
    snprintf(
        message, sizeof message,
        "MSH|^~\\&|HIS|S|GW|R|20240501120000.000||OUL^R22^OUL_R22|1|P|2.5||||||UNICODE "
        "UTF-8|||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
        "PID|0001||" NUMBER
        "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
        "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"
        "SPM|1|777||023^血清^JC10|||||||||||||202405010900\r"
        "OBR|1|%015d|1|E002^生化学的検査^99O03|||20240501\r"
        "ORC|SC|%015d|||||||20240501091500||||||||01^科^99XY1\r"
        "OBX|1|NM|3A010000002327101^総蛋白^JC10||7.2|g/dl|6.7-8.3||||F|||202405010900"
        "\r",
        number, number);
    CHECK(path_make_directory(site_path(site, PATIENT "/20240501/OML-11", folder), &err));
    snprintf(name, sizeof name,
             PATIENT "/20240501/OML-11/" NUMBER
                     "_20240501_OML-11_%015d_20240501120000000_01_1",
             number);
    CHECK(path_write_file(site_path(site, name, file), span_cstr(message), &err));
}

static void open_hospital(const struct site *site)
{
    char folder[SITE_PATH_BYTES];
    struct err err = {0};
    CHECK(path_make_directory(site_path(site, PATIENT "/-/ADT-00", folder), &err));
    CHECK(site_write(
        site,
        PATIENT "/-/ADT-00/" NUMBER "_-_ADT-00_999999999999999_20240501120000000_-_1",
        "MSH|^~\\&|HIS|S|GW|R|20240501120000.000||ADT^A08^ADT_A01|1|P|2.5||||||UNICODE "
        "UTF-8|||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
        "EVN||202405011200|||||S\r"
        "PID|0001||" NUMBER
        "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
        "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"));
    lab(site, 1);
}

static void write_gateway(struct site *site, int port, int other_port)
{
    char text[2048], public[128] = "", path[SITE_PATH_BYTES];
    const char *at = site->place.directory;
    struct err err = {0};
    struct span key = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CHECK(path_read_file(site_path(site, "data/keys/grants.public", path), 100, &arena,
                         &key, &err));
    memcpy(public, key.at, key.len);
    CHECK(site_write(site, "policy.json",
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}"));
    snprintf(text, sizeof text,
             "{\"facility_code\":\"" HOSPITAL "\",\"facility_name\":\"M\",\"node\":\"m\","
             "\"data\":\"%s/gateway\",\"storage\":[{\"label\":\"S\",\"directory\":"
             "\"%s/ssmix\"}],\"policy\":\"%s/policy.json\",\"recent_days\":3650,"
             "\"centre\":{\"addresses\":[{\"host\":\"localhost\",\"port\":%d},"
             "{\"host\":\"localhost\",\"port\":%d}],\"certificate\":\"%s/gate.crt\","
             "\"key\":\"%s/gate.key\",\"authority\":\"%s/ca.crt\",\"grant_key\":\"%s\"}}",
             at, at, at, port, other_port, at, at, at, public);
    CHECK(site_write(site, "gateway.json", text));
}

/* ---- a browser that listens ---- */

struct listener {
    struct browser browser; /* whose session */
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf heard;
    int fd;
};

static struct tls_session *open_session(const struct site *site,
                                        struct tls_context **context)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    char certificate[SITE_PATH_BYTES], key[SITE_PATH_BYTES], authority[SITE_PATH_BYTES];
    struct err err = {0};
    struct tls_files files = {site_path(site, "desk.crt", certificate),
                              site_path(site, "desk.key", key),
                              site_path(site, "ca.crt", authority)};
    *context = tls_client_open(&files, alpn, &err);
    return *context ? tls_session_new(*context, "localhost", &err) : NULL;
}

static void listen_on(struct listener *listener, struct tls_session *session)
{
    CLEANUP(buf_free) struct buf wire = buf_init(SITE_OUT_BYTES);
    CLEANUP(buf_free) struct buf request = buf_init(4096);
    struct err err = {0};
    uint8_t chunk[16384];
    bool is_closed = false;
    buf_format(&request,
               "GET /api/v1/live HTTP/1.1\r\nHost: localhost:%d\r\nCookie: %s\r\n\r\n",
               listener->browser.site->port, listener->browser.cookie);
    bool goes_on = tls_start(session, &wire, &err) &&
                   tls_send(session, buf_view(&request), &wire, &err) &&
                   browser_put(listener->fd, &wire);
    while (goes_on && !is_closed) {
        CLEANUP(buf_free) struct buf plain = buf_init(SITE_OUT_BYTES);
        ssize_t got = recv(listener->fd, chunk, sizeof chunk, 0);
        goes_on = got > 0 &&
                  tls_receive(session, span_of(chunk, (size_t)got), &plain, &wire,
                              &is_closed, &err) &&
                  browser_put(listener->fd, &wire);
        pthread_mutex_lock(&listener->lock);
        buf_span(&listener->heard, buf_view(&plain));
        pthread_mutex_unlock(&listener->lock);
    }
}

static void *run_listener(void *context)
{
    struct listener *listener = context;
    struct tls_context *tls = NULL;
    struct tls_session *session = open_session(listener->browser.site, &tls);
    if (session)
        listen_on(listener, session);
    tls_session_free(session);
    tls_context_free(tls);
    return NULL;
}

static bool heard(struct listener *listener, const char *word)
{
    pthread_mutex_lock(&listener->lock);
    bool is_there =
        listener->heard.len > 0 &&
        memmem(listener->heard.at, listener->heard.len, word, strlen(word)) != NULL;
    pthread_mutex_unlock(&listener->lock);
    return is_there;
}

static void forget(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    buf_reset(&listener->heard);
    pthread_mutex_unlock(&listener->lock);
}

static void begin_listening(struct listener *listener, const struct browser *browser)
{
    listener->browser = *browser;
    pthread_mutex_init(&listener->lock, NULL);
    listener->heard = buf_init(SITE_OUT_BYTES);
    listener->fd = browser_connect(browser->site);
    pthread_create(&listener->thread, NULL, run_listener, listener);
    CHECK_SOON(heard(listener, "\nid: "));
}

static void end_listening(struct listener *listener)
{
    shutdown(listener->fd, SHUT_RDWR);
    pthread_join(listener->thread, NULL);
    close(listener->fd);
    buf_free(&listener->heard);
    pthread_mutex_destroy(&listener->lock);
}

/* ---- what a person does ---- */

/* For the first time: the office's password has to be changed. */
static int log_in(struct browser *browser)
{
    return browser_ask(browser, "POST", "/api/v1/session",
                       "{\"login\":\"a.kita\",\"password\":\"" PASSWORD
                       "\",\"new_password\":\"Hoshi5-no-mori2-kawa\"}");
}

/* The same person's browser, whom the balancer brought to another process. */
static void move_to(struct browser *moved, const struct browser *browser,
                    const struct site *site)
{
    *moved = *browser;
    moved->site = site;
    moved->keys += 1000;
}

static bool find_facility(struct browser *browser, const char *code, char id[33])
{
    char word[64];
    snprintf(word, sizeof word, "\"code\":\"%s\"", code);
    CHECK(browser_ask(browser, "GET", "/api/v1/facilities", NULL) == 200);
    const char *at = strstr(browser->answer, word);
    const char *before = NULL;
    for (const char *one = strstr(browser->answer, "\"id\":\""); one && at && one < at;
         one = strstr(one + 1, "\"id\":\""))
        before = one;
    if (before)
        snprintf(id, 33, "%.32s", before + 6);
    return before != NULL;
}

static void register_person(struct browser *browser, char person[33])
{
    char hospital[33] = "", clinic[33] = "", body[1024];
    CHECK(find_facility(browser, HOSPITAL, hospital) &&
          find_facility(browser, CLINIC, clinic));
    snprintf(
        body, sizeof body,
        "{\"name\":\"飯田 花子\",\"kana\":\"イイダ ハナコ\",\"birth_date\":"
        "\"1950-01-02\",\"sex\":\"F\",\"consent\":{\"form\":\"comprehensive\","
        "\"channel\":\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":\"%s\","
        "\"number\":\"" NUMBER "\"},{\"facility\":\"%s\",\"number\":\"77\"}]}",
        hospital, clinic);
    CHECK(browser_ask(browser, "POST", "/api/v1/persons", body) == 201);
    CHECK(browser_member(browser, "id", person, 33));
}

/* Opens the calendar; its handle. */
static bool open_calendar(struct browser *browser, const char *person, char handle[33])
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings", person);
    return browser_ask(browser, "POST", path,
                       "{\"from\":\"2024-04-01\",\"to\":\"2024-06-30\"}") == 201 &&
           browser_member(browser, "opening", handle, 33);
}

static int count_entries(struct browser *browser, const char *handle)
{
    char path[160];
    int count = 0;
    snprintf(path, sizeof path,
             "/api/v1/openings/%s/entries?row=test&from=2024-05-01&to=2024-05-01",
             handle);
    if (browser_ask(browser, "GET", path, NULL) != 200)
        return -browser->status;
    for (const char *at = browser->answer; (at = strstr(at, "\"kind\":\"laboratory\""));
         at++)
        count++;
    return count;
}

static void change_consent(struct browser *browser, const char *person, bool is_given)
{
    char path[128], consent[33] = "";
    snprintf(path, sizeof path, "/api/v1/persons/%s/consents", person);
    if (is_given) {
        CHECK(browser_ask(browser, "POST", path,
                          "{\"form\":\"comprehensive\",\"channel\":\"oral\",\"giver\":"
                          "\"self\"}") == 201);
        return;
    }
    CHECK(browser_ask(browser, "GET", path, NULL) == 200);
    CHECK(browser_member(browser, "id", consent, sizeof consent));
    snprintf(path, sizeof path, "/api/v1/consents/%s/withdrawals", consent);
    CHECK(browser_ask(browser, "POST", path, "{\"channel\":\"oral\"}") == 200);
}

/* ---- stories ---- */

static bool log_has(const struct site *site, const char *word)
{
    char path[SITE_PATH_BYTES];
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    return path_read_file(site_path(site, "server.log", path), 4 << 20, &arena, &bytes,
                          &err) &&
           bytes.len > 0 && memmem(bytes.at, bytes.len, word, strlen(word)) != NULL;
}

static bool is_not_started(struct site *site, const char *code)
{
    int status = 0;
    bool is_serving = site_serve(site);
    if (is_serving)
        site_end(&site->server);
    else
        waitpid(site->server, &status, 0);
    site->server = 0;
    return !is_serving && WEXITSTATUS(status) == 1 && log_has(site, code);
}

static struct site one_more, third;

static void a_second_server_on_a_file_is_refused_with_the_reason(void)
{
    struct site *site = site_new();
    found(site);
    CHECK(site_serve(site));
    char more[2 * SITE_PATH_BYTES + 32], path[SITE_PATH_BYTES];
    snprintf(more, sizeof more, ",\"database\":\"%s\",\"keys\":\"%s\"",
             site_path(site, "data/centre.db", path),
             site_path(site, "data/keys", (char[SITE_PATH_BYTES]){0}));
    configure_another(&one_more, site, "two", more);
    CHECK(is_not_started(&one_more, "store_taken"));
    CHECK(log_has(site, "several need PostgreSQL"));
    site_end(&site->server);
    CHECK(site_serve(&one_more)); /* it is free now */
    site_end(&one_more.server);
    site_free(site);
}

static void another_s_name_or_other_keys_are_refused(void)
{
    struct site *site = site_new();
    found(site);
    CHECK(site_serve(site));
    configure_another(&one_more, site, "two", "");
    CHECK(is_not_started(&one_more, "keys_differ"));
    char more[SITE_PATH_BYTES + 32], path[SITE_PATH_BYTES];
    snprintf(more, sizeof more, ",\"keys\":\"%s\"", site_path(site, "data/keys", path));
    configure_another(&one_more, site, "two", more);
    CHECK(site_serve(&one_more));
    configure_another(&third, site, "three", more);
    site_configure_node(&third, "three.json", "three", "two", more);
    CHECK(is_not_started(&third, "node_taken"));
    static struct browser browser;
    browser = (struct browser){.site = &one_more, .certificate = "desk"};
    CHECK(log_in(&browser) == 200); /* nobody was ousted */
    site_end(&one_more.server);
    site_free(site);
}

/* Two servers, a gateway at both, one person whom a balancer moves about. */
struct scene {
    struct site *site;
    pid_t gateway;
    char person[33];
    char one[33]; /* handles of calendars at the first and the second server */
    char two[33];
    struct browser first;
    struct browser second;
    struct listener listeners[2];
};

static void begin(struct scene *scene)
{
    struct site *site = scene->site = site_new();
    char more[SITE_PATH_BYTES + 32], path[SITE_PATH_BYTES];
    found(site);
    open_hospital(site);
    snprintf(more, sizeof more, ",\"keys\":\"%s\"", site_path(site, "data/keys", path));
    configure_another(&one_more, site, "two", more);
    CHECK(site_serve(site) && site_serve(&one_more));
    write_gateway(site, site->gateway_port, one_more.gateway_port);
    scene->gateway =
        site_begin(site, "gateway", site_path(site, "gateway.json", path), -1);
}

static void log_in_at_one_and_be_known_at_both(struct scene *scene)
{
    char path[128];
    scene->first = (struct browser){.site = scene->site, .certificate = "desk"};
    CHECK(log_in(&scene->first) == 200);
    move_to(&scene->second, &scene->first, &one_more);
    CHECK(
        browser_waits(&scene->first, "/api/v1/facilities", 200, "\"is_connected\":true"));
    CHECK(browser_waits(&scene->second, "/api/v1/facilities", 200,
                        "\"is_connected\":true"));
    register_person(&scene->first, scene->person);
    snprintf(path, sizeof path, "/api/v1/persons/%s", scene->person);
    CHECK(browser_waits(&scene->second, path, 200, "\"confirmed\""));
}

static bool opens_content(struct browser *browser, const char *handle)
{
    char entry[33] = "", opening[33] = "", path[128];
    if (count_entries(browser, handle) < 1 ||
        !browser_member(browser, "id", entry, sizeof entry))
        return false;
    snprintf(path, sizeof path, "/api/v1/entries/%s/openings", entry);
    if (browser_ask(browser, "POST", path, "{}") != 201 ||
        !browser_member(browser, "opening", opening, sizeof opening))
        return false;
    snprintf(path, sizeof path, "/api/v1/openings/%s/content", opening);
    return browser_ask(browser, "GET", path, NULL) == 200 &&
           strstr(browser->answer, "総蛋白");
}

static void see_what_is_new_at_both(struct scene *scene)
{
    CHECK(open_calendar(&scene->second, scene->person, scene->two) &&
          open_calendar(&scene->first, scene->person, scene->one));
    CHECK_SOON(count_entries(&scene->second, scene->two) == 1 &&
               count_entries(&scene->first, scene->one) == 1);
    CHECK(opens_content(&scene->first, scene->one) &&
          opens_content(&scene->second, scene->two));
    begin_listening(&scene->listeners[0], &scene->first);
    begin_listening(&scene->listeners[1], &scene->second);
    lab(scene->site, 2);
    for (int i = 0; i < 2; i++) {
        CHECK_SOON(heard(&scene->listeners[i], "event: entry"));
        CHECK(heard(&scene->listeners[i], scene->person));
    }
    CHECK(count_entries(&scene->first, scene->one) == 2 &&
          count_entries(&scene->second, scene->two) == 2);
}

/* 最新データ取得 where the events go to the other process. */
static void check_now_at_both(struct scene *scene)
{
    struct browser *browsers[] = {&scene->first, &scene->second};
    const char *const handles[] = {scene->one, scene->two};
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "/api/v1/openings/%s/checks", handles[i]);
        lab(scene->site, 10 + i);
        CHECK(browser_ask(browsers[i], "POST", path, "{}") == 200);
        CHECK(count_entries(browsers[i], handles[i]) == 3 + i);
    }
}

static void withdraw_at_one_and_be_refused_at_the_other(struct scene *scene)
{
    change_consent(&scene->first, scene->person, false);
    CHECK_SOON(count_entries(&scene->second, scene->two) <= 0);
    /* the clinic's own data is left */
    CHECK(open_calendar(&scene->second, scene->person, scene->two));
    CHECK(strstr(scene->second.answer, "\"reason\":\"consent_withdrawn\""));
    CHECK(count_entries(&scene->second, scene->two) == 0);
    CHECK_SOON(heard(&scene->listeners[1], "event: consent"));
    change_consent(&scene->second, scene->person, true);
    CHECK(open_calendar(&scene->first, scene->person, scene->one) &&
          open_calendar(&scene->second, scene->person, scene->two));
}

/* The other one tells its streams to read again, and has what comes from then on. */
static void kill_one_and_go_on_at_the_other(struct scene *scene)
{
    struct site *site = scene->site;
    forget(&scene->listeners[1]);
    kill(site->server, SIGKILL);
    waitpid(site->server, NULL, 0);
    site->server = 0;
    CHECK_SOON(heard(&scene->listeners[1], "event: reload"));
    move_to(&scene->first, &scene->first, &one_more);
    CHECK(count_entries(&scene->first, scene->one) == -404); /* it died with it */
    CHECK(open_calendar(&scene->first, scene->person, scene->one) &&
          count_entries(&scene->first, scene->one) == 4);
    forget(&scene->listeners[1]);
    lab(site, 3);
    CHECK_SOON(heard(&scene->listeners[1], "event: entry"));
    CHECK(count_entries(&scene->first, scene->one) == 5 &&
          count_entries(&scene->second, scene->two) == 5);
    end_listening(&scene->listeners[0]);
    end_listening(&scene->listeners[1]);
}

static void come_back_and_end(struct scene *scene)
{
    struct site *site = scene->site;
    char path[SITE_PATH_BYTES], other[SITE_PATH_BYTES];
    CHECK(site_serve(site));
    move_to(&scene->second, &scene->first, site);
    CHECK(open_calendar(&scene->second, scene->person, scene->two) &&
          count_entries(&scene->second, scene->two) == 5);
    site_end(&scene->gateway);
    site_end(&site->server);
    site_end(&one_more.server);
    CHECK(SITE_RUN(site, "audit", "verify", site_path(site, "data/audit", path),
                   site_path(site, "two/audit", other)) == 0);
    CHECK(site_says(site, "records in order"));
    site_free(site);
}

static void two_servers_serve_one_region_and_one_goes_on_alone(void)
{
    static struct scene scene;
    begin(&scene);
    log_in_at_one_and_be_known_at_both(&scene);
    see_what_is_new_at_both(&scene);
    check_now_at_both(&scene);
    withdraw_at_one_and_be_refused_at_the_other(&scene);
    kill_one_and_go_on_at_the_other(&scene);
    come_back_and_end(&scene);
}

int main(void)
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    if (store_testsite_is_postgres()) {
        RUN(another_s_name_or_other_keys_are_refused);
        RUN(two_servers_serve_one_region_and_one_goes_on_alone);
    }
    unsetenv("TSUMUGI_TEST_POSTGRES");
    RUN(a_second_server_on_a_file_is_refused_with_the_reason);
    return test_done();
}
