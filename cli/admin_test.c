// SPDX-License-Identifier: Apache-2.0
/* tsumugi admin, run as a program: beside a running server and without one. */
#include "cli/command_testbrowser.h"

#include "base/clock.h"
#include "base/day.h"
#include "store/store_testsite.h" /* on both kinds of database */

#define HOSPITAL "2012345678"
#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"
#define OWN_PASSWORD "Hoshi5-no-mori2-kawa"

static char today[DAY_TEXT_BYTES];

/* A network of a hospital with a gateway and a clinic with one doctor. */
static void found(struct site *site)
{
    char path[SITE_PATH_BYTES];
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive", "--waiting-days", "14") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", HOSPITAL, "--name", "みなみ病院",
                     "--kana", "ミナミ", "--letter", "M", "--way", "gateway") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, HOSPITAL, CLINIC) == 0);
    CHECK(site_write(site, "password", PASSWORD "\n"));
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
}

static int log_in(struct browser *browser, const char *password)
{
    char body[256];
    snprintf(body, sizeof body, "{\"login\":\"a.kita\",\"password\":\"%s\"}", password);
    return browser_ask(browser, "POST", "/api/v1/session", body);
}

static int change_and_log_in(struct browser *browser, const char *password,
                             const char *new_password)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"login\":\"a.kita\",\"password\":\"%s\",\"new_password\":\"%s\"}",
             password, new_password);
    return browser_ask(browser, "POST", "/api/v1/session", body);
}

static void a_network_is_founded_once_and_shown(void)
{
    struct site *site = site_new();
    found(site);
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "もう一つ", "--consent",
                     "specific") == 1);
    CHECK(site_says(site, "network_exists"));
    CHECK(SITE_ADMIN(site, "network", "show") == 0);
    CHECK(site_says(site, "\"waiting_days\":14") && site_says(site, "紬の里"));
    CHECK(site_says(site, "\"assurance\":\"certificate\"") && site_says(site, CLINIC));
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(site_says(site, "みなみ病院") && site_says(site, "\"way\":\"gateway\""));
    site_free(site);
}

static void what_cannot_be_is_refused_and_changes_nothing(void)
{
    struct site *site = site_new();
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, HOSPITAL) == 1);
    CHECK(site_says(site, "network_missing"));
    found(site);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", "2020-01-01", CLINIC) == 1);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, "2099999999") == 1);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "x", "--kana",
                     "x", "--letter", "X") == 1);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", "12", "--name", "x", "--kana",
                     "x", "--letter", "X") == 1);
    CHECK(SITE_ADMIN(site, "facility", "change", "--code", CLINIC, "--letter", "M") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, HOSPITAL, CLINIC) == 1);
    CHECK(site_says(site, "letter_taken"));
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "A.KITA", "--name", "x", "--kana",
                     "x", "--facility", CLINIC, "--profession", "doctor") == 1);
    CHECK(site_says(site, "login_taken"));
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "b", "--name", "x", "--kana", "x",
                     "--facility", CLINIC, "--profession", "wizard") == 2);
    CHECK(SITE_ADMIN(site, "facility", "list", "more") == 2);
    CHECK(SITE_ADMIN(site, "facility", "paint") == 2);
    CHECK(SITE_ADMIN(site, "staff", "list") == 0 && !strstr(site->out, "\"b\""));
    CHECK(SITE_ADMIN(site, "network", "show") == 0 && site_says(site, "\"version\":1"));
    site_free(site);
}

static void initial_passwords_are_made_or_read_but_never_bad(void)
{
    struct site *site = site_new();
    found(site);
    CHECK(SITE_ADMIN(site, "staff", "password", "a.kita") == 0);
    CHECK(site_says(site, "\"initial_password\":\""));
    CHECK(site_run(site, "short1\n",
                   (const char *const[]){"admin", "--config", site->config, "staff",
                                         "password", "a.kita", "--password-file", "-",
                                         NULL}) == 1);
    CHECK(site_says(site, "password_short") && !strstr(site->fault, "short1"));
    CHECK(site_run(site, PASSWORD "\n",
                   (const char *const[]){"admin", "--config", site->config, "staff",
                                         "password", "a.kita", "--password-file", "-",
                                         NULL}) == 1);
    CHECK(site_says(site, "password_used_before"));
    site_free(site);
}

/* What the series of the office says, as one text. */
static void read_series(struct site *site, char out[SITE_OUT_BYTES])
{
    char command[256];
    snprintf(command, sizeof command, "cat %s/data/audit/centre-admin/*.log",
             site->place.directory);
    FILE *all = popen(command, "r"); /* allowed: a test's own files */
    size_t len = fread(out, 1, SITE_OUT_BYTES - 1, all);
    pclose(all);
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] ? out[i] : ' ';
    out[len] = '\0';
}

static void who_may_register_is_changed_from_the_shell(void)
{
    struct site *site = site_new();
    static char series[SITE_OUT_BYTES];
    found(site);
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(!strstr(site->out, "\"may_register\":false"));
    CHECK(SITE_ADMIN(site, "facility", "change", "--code", CLINIC, "--may-register",
                     "perhaps") == 2);
    CHECK(SITE_ADMIN(site, "facility", "change", "--code", CLINIC, "--may-register",
                     "no") == 0);
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(site_says(site, "\"may_register\":false"));
    read_series(site, series);
    CHECK(strstr(series, "may_register\\\":false"));
    /* what is not named stays as it is */
    CHECK(SITE_ADMIN(site, "facility", "change", "--code", CLINIC, "--letter", "Q") == 0);
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(site_says(site, "\"may_register\":false"));
    site_free(site);
}

static void every_change_is_in_the_audit_and_no_password_is(void)
{
    static char series[SITE_OUT_BYTES];
    struct site *site = site_new();
    char path[SITE_PATH_BYTES];
    found(site);
    CHECK(SITE_ADMIN(site, "staff", "disable", "nobody") == 1);
    CHECK(SITE_ADMIN(site, "staff", "disable", "a.kita") == 0);
    CHECK(SITE_ADMIN(site, "staff", "end-post", "00000000000000000000000000000001") == 1);
    read_series(site, series);
    CHECK(strstr(series, "network_found") && strstr(series, "network_publish"));
    CHECK(strstr(series, "facility_add") && strstr(series, "staff_add"));
    CHECK(strstr(series, "staff_disable"));
    CHECK(strstr(series, "\"verdict\":\"failed\",\"reason\":\"not_found\""));
    CHECK(!strstr(series, PASSWORD));
    CHECK(SITE_RUN(site, "audit", "verify", site_path(site, "data/audit", path)) == 0);
    site_free(site);
}

/* The server's chain keeps the head of the office's, so what is cut off is missed. */
static void a_series_of_the_office_that_was_cut_is_found(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES], command[600];
    found(site);
    CHECK(site_serve(site));
    snprintf(command, sizeof command,
             "grep -qs '\"peer\":\"centre-admin\"' %s/data/audit/centre/*.log",
             site->place.directory);
    bool is_kept = false;
    for (int i = 0; i < 300 && !is_kept; i++) {
        is_kept = system(command) == 0;
        usleep(100000);
    }
    CHECK(is_kept);
    site_end(&site->server);
    site_path(site, "data/audit", path);
    CHECK(SITE_RUN(site, "audit", "verify", path) == 0);
    snprintf(
        command, sizeof command,
        "cd %s/centre-admin && for f in *.log; do truncate -s $(($(stat -c %%s $f) - "
        "900)) $f; done",
        path);
    CHECK(system(command) == 0);
    CHECK(SITE_RUN(site, "audit", "verify", path) == 1);
    CHECK(site_says(site, "centre-admin") && site_says(site, "audit_cut"));
    site_free(site);
}

static void without_audit_nothing_is_changed(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES];
    found(site);
    CHECK(rename(site_path(site, "data/audit/centre-admin", path),
                 site_path(site, "aside", (char[SITE_PATH_BYTES]){0})) == 0);
    CHECK(site_write(site, "data/audit/centre-admin", "in the way"));
    CHECK(SITE_ADMIN(site, "staff", "disable", "a.kita") == 1);
    CHECK(unlink(path) == 0);
    CHECK(SITE_ADMIN(site, "staff", "list") == 0 &&
          site_says(site, "\"state\":\"open\""));
    site_free(site);
}

#define KEPT "{\n\"version\":1,\"rules\":[{\"kinds\":[\"note\"]}]}"

static void a_policy_is_kept_for_who_has_no_gateway_only(void)
{
    struct site *site = site_new();
    static char series[SITE_OUT_BYTES];
    char path[SITE_PATH_BYTES];
    found(site);
    site_path(site, "kept.json", path);
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC) == 1);
    CHECK(site_says(site, "policy_missing"));
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path) == 1);
    CHECK(site_write(site, "kept.json", "{\n\"version\":1,\n\"rules\":[}\n"));
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path) == 1);
    CHECK(site_says(site, "json_invalid") && site_says(site, "line 3"));
    CHECK(site_write(site, "kept.json", KEPT "\n"));
    CHECK(SITE_ADMIN(site, "facility", "policy", HOSPITAL, path) == 1);
    CHECK(site_says(site, "policy_of_gateway"));
    CHECK(SITE_ADMIN(site, "facility", "policy", "2099999999", path) == 1);
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path, "more") == 2);
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path, "--version", "1") == 2);
    CHECK(SITE_ADMIN(site, "facility", "policy") == 2);
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(!strstr(site->out, "\"policy_version\":1"));
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path) == 0);
    CHECK(site_says(site, "\"policy_version\":1"));
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC) == 0);
    CHECK(strcmp(site->out, KEPT "\n") == 0);
    CHECK(site_write(site, "kept.json", "{\"version\":2,\"rules\":[]}"));
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, path) == 0);
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, "--version", "1") == 0);
    CHECK(strcmp(site->out, KEPT "\n") == 0);
    CHECK(SITE_ADMIN(site, "facility", "policy", CLINIC, "--version", "3") == 1);
    read_series(site, series);
    CHECK(strstr(series, "facility_policy") && strstr(series, "sha256"));
    CHECK(strstr(series, "\"verdict\":\"failed\",\"reason\":\"policy_of_gateway\""));
    site_free(site);
}

static void a_certificate_of_another_authority_is_refused(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    found(site);
    site_authority(site, "other");
    site_issue(site, "other", "stranger", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "stranger.crt", path)) == 1);
    CHECK(site_says(site, "certificate_foreign"));
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL,
                     site_path(site, "stranger.crt", path)) == 1);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "centre.crt", path)) == 1); /* a server's */
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "ca.key", path)) == 1);
    CHECK(site_says(site, "certificate_unreadable"));
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL,
                     site_path(site, "nowhere.crt", path)) == 1);
    CHECK(site_says(site, "path_missing") && site_says(site, "nowhere.crt"));
    CHECK(SITE_ADMIN(site, "staff", "password", "a.kita", "--password-file",
                     site_path(site, "no-words", path)) == 1);
    CHECK(site_says(site, "path_missing") && site_says(site, "no-words"));
    CHECK(SITE_ADMIN(site, "browser", "list") == 0 && site->out[0] == '\0');
    site_free(site);
}

static void a_browser_is_let_in_and_out_while_the_server_runs(void)
{
    struct site *site = site_new();
    struct browser *browser = calloc(1, sizeof *browser);
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    *browser = (struct browser){.site = site, .certificate = "desk"};
    found(site);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    CHECK(site_serve(site));
    /* a certificate nobody accepted: the initial password is not changed by it either */
    CHECK(change_and_log_in(browser, PASSWORD, OWN_PASSWORD) == 403);
    CHECK(strstr(browser->answer, "certificate_foreign"));
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    CHECK(change_and_log_in(browser, PASSWORD, OWN_PASSWORD) == 200);
    CHECK(browser_ask(browser, "GET", "/api/v1/facilities", NULL) == 200);
    CHECK(SITE_ADMIN(site, "browser", "revoke", fingerprint) == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 401, "session_none"));
    CHECK(log_in(browser, OWN_PASSWORD) == 403);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC, path) == 1);
    CHECK(site_says(site, "certificate_known"));
    CHECK(SITE_ADMIN(site, "browser", "list") == 0);
    CHECK(site_says(site, fingerprint) && site_says(site, "\"state\":\"revoked\""));
    free(browser);
    site_free(site);
}

static void accounts_are_closed_and_opened_while_the_server_runs(void)
{
    struct site *site = site_new();
    struct browser *browser = calloc(1, sizeof *browser);
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES], post[33] = "";
    *browser = (struct browser){.site = site, .certificate = "desk"};
    found(site);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    CHECK(site_serve(site));
    CHECK(change_and_log_in(browser, PASSWORD, OWN_PASSWORD) == 200);
    CHECK(SITE_ADMIN(site, "staff", "disable", "a.kita") == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 401, ""));
    CHECK(log_in(browser, OWN_PASSWORD) == 401);
    CHECK(SITE_ADMIN(site, "staff", "enable", "a.kita") == 0);
    CHECK(log_in(browser, OWN_PASSWORD) == 200);
    site_run(site, "Umi3-no-kaze8-tori\n",
             (const char *const[]){"admin", "--config", site->config, "staff", "password",
                                   "a.kita", "--password-file", "-", NULL});
    CHECK(site->status == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 401, ""));
    for (int i = 0; i < 5; i++)
        CHECK(log_in(browser, OWN_PASSWORD) == 401);
    CHECK(log_in(browser, "Umi3-no-kaze8-tori") == 401); /* locked */
    CHECK(SITE_ADMIN(site, "staff", "unlock", "a.kita") == 0);
    CHECK(log_in(browser, "Umi3-no-kaze8-tori") == 403);
    CHECK(strstr(browser->answer, "password_initial"));
    CHECK(change_and_log_in(browser, "Umi3-no-kaze8-tori", "Umi3-no-kaze8-tori") == 403);
    CHECK(strstr(browser->answer, "password_used_before"));
    CHECK(browser_ask(browser, "GET", "/api/v1/facilities", NULL) == 401);
    CHECK(change_and_log_in(browser, "Umi3-no-kaze8-tori", "Kiri2-to-yama6-hikari") ==
          200);
    CHECK(log_in(browser, "Umi3-no-kaze8-tori") == 401);
    CHECK(log_in(browser, "Kiri2-to-yama6-hikari") == 200);
    CHECK(SITE_ADMIN(site, "staff", "list") == 0);
    const char *at = strstr(site->out, "\"post\":\"");
    CHECK(at && snprintf(post, sizeof post, "%.32s", at + 8) == 32);
    CHECK(SITE_ADMIN(site, "staff", "end-post", post) == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 401, ""));
    free(browser);
    site_free(site);
}

static void write_gateway(struct site *site, const char *certificate)
{
    char text[2048], public[128] = "";
    char path[SITE_PATH_BYTES];
    const char *at = site->place.directory;
    struct err err = {0};
    struct span key = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CHECK(path_read_file(site_path(site, "data/keys/grants.public", path), 100, &arena,
                         &key, &err));
    memcpy(public, key.at, key.len);
    snprintf(path, sizeof path, "%s/ssmix", at);
    CHECK(path_make_directory(path, &err));
    CHECK(site_write(site, "policy.json",
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}"));
    snprintf(text, sizeof text,
             "{\"facility_code\":\"" HOSPITAL "\",\"facility_name\":\"M\",\"node\":\"m\","
             "\"data\":\"%s/gateway\",\"storage\":[{\"label\":\"S\",\"directory\":"
             "\"%s/ssmix\",\"may_be_empty\":true}],\"policy\":\"%s/"
             "policy.json\",\"centre\":{\"host\":"
             "\"localhost\",\"port\":%d,\"certificate\":\"%s/%s.crt\",\"key\":"
             "\"%s/%s.key\",\"authority\":\"%s/ca.crt\",\"grant_key\":\"%s\"}}",
             at, at, at, site->gateway_port, at, certificate, at, certificate, at,
             public);
    CHECK(site_write(site, "gateway.json", text));
}

static void a_gateways_certificate_is_accepted_replaced_and_refused_in_passing(void)
{
    struct site *site = site_new();
    struct browser *browser = calloc(1, sizeof *browser);
    char path[SITE_PATH_BYTES], config[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    *browser = (struct browser){.site = site, .certificate = "desk"};
    found(site);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    site_issue(site, "ca", "first", NULL, fingerprint);
    site_issue(site, "ca", "second", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    CHECK(site_serve(site));
    write_gateway(site, "first");
    pid_t gateway =
        site_begin(site, "gateway", site_path(site, "gateway.json", config), -1);
    CHECK(change_and_log_in(browser, PASSWORD, OWN_PASSWORD) == 200);
    CHECK(SITE_ADMIN(site, "gateway", "accept", CLINIC,
                     site_path(site, "first.crt", path)) == 1);
    CHECK(site_says(site, "facility_way"));
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL, path) == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 200, "\"is_connected\":true"));
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL,
                     site_path(site, "second.crt", path)) == 0);
    CHECK(browser_waits(browser, "/api/v1/facilities", 200, "\"code\":\"" HOSPITAL));
    for (int i = 0; i < 300 && strstr(browser->answer, "\"is_connected\":true"); i++) {
        usleep(20000);
        browser_ask(browser, "GET", "/api/v1/facilities", NULL);
    }
    CHECK(!strstr(browser->answer, "\"is_connected\":true"));
    site_end(&gateway);
    write_gateway(site, "second");
    gateway = site_begin(site, "gateway", config, -1);
    CHECK(browser_waits(browser, "/api/v1/facilities", 200, "\"is_connected\":true"));
    CHECK(SITE_ADMIN(site, "facility", "list") == 0);
    CHECK(site_says(site, fingerprint) && site_says(site, "certificate_ends"));
    CHECK(SITE_ADMIN(site, "gateway", "refuse", HOSPITAL) == 0);
    for (int i = 0; i < 300 && strstr(browser->answer, "\"is_connected\":true"); i++) {
        usleep(20000);
        browser_ask(browser, "GET", "/api/v1/facilities", NULL);
    }
    CHECK(!strstr(browser->answer, "\"is_connected\":true"));
    site_end(&gateway);
    free(browser);
    site_free(site);
}

int main(void)
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    RUN(a_network_is_founded_once_and_shown);
    RUN(what_cannot_be_is_refused_and_changes_nothing);
    RUN(initial_passwords_are_made_or_read_but_never_bad);
    RUN(who_may_register_is_changed_from_the_shell);
    RUN(every_change_is_in_the_audit_and_no_password_is);
    RUN(a_series_of_the_office_that_was_cut_is_found);
    RUN(without_audit_nothing_is_changed);
    RUN(a_policy_is_kept_for_who_has_no_gateway_only);
    RUN(a_certificate_of_another_authority_is_refused);
    RUN(a_browser_is_let_in_and_out_while_the_server_runs);
    RUN(accounts_are_closed_and_opened_while_the_server_runs);
    RUN(a_gateways_certificate_is_accepted_replaced_and_refused_in_passing);
    return test_done();
}
