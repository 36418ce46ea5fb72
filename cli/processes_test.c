// SPDX-License-Identifier: Apache-2.0
/* Several `tsumugi server` on one database and a `tsumugi gateway` that dials each, run
 * as programs. On a database in a file the second one is refused. */
#include "cli/command_testlistener.h"
#include "store/store_testsite.h"

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

/* The same person's browser, whom the balancer brought to another process. */
static void move_to(struct browser *moved, const struct browser *browser,
                    const struct site *site)
{
    *moved = *browser;
    moved->site = site;
    moved->keys += 1000;
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
    if (store_testsite_is_postgres()) {
        RUN(another_s_name_or_other_keys_are_refused);
        RUN(two_servers_serve_one_region_and_one_goes_on_alone);
    }
    unsetenv("TSUMUGI_TEST_POSTGRES");
    RUN(a_second_server_on_a_file_is_refused_with_the_reason);
    return test_done();
}
