// SPDX-License-Identifier: Apache-2.0
/* tsumugi server, run as a program: what it tells an operator's tools. */
#include "cli/command_testbrowser.h"

#include <regex.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/day.h"

#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"
#define OWN_PASSWORD "Hoshi5-no-mori2-kawa"

static char today[DAY_TEXT_BYTES];
static char answer[SITE_OUT_BYTES];

static struct site *founded(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    site_configure(site, "centre.json", "data",
                   ",\"metrics\":{\"address\":\"127.0.0.1\",\"port\":0}");
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, CLINIC) == 0);
    CHECK(site_write(site, "password", PASSWORD));
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    return site;
}

/* GET without TLS from the listener for metrics; the status. */
static int get(const struct site *site, const char *path)
{
    struct site aside = {.port = site->metrics_port};
    CLEANUP(path_close) int fd = browser_connect(&aside);
    char request[256];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    answer[0] = '\0';
    if (fd < 0 || write(fd, request, strlen(request)) != (ssize_t)strlen(request))
        return 0;
    site_drain(dup(fd), answer, sizeof answer);
    return site_number(answer, "HTTP/1.1 ");
}

/* The office's password, which has to be changed. */
static int log_in_first(struct browser *browser)
{
    return browser_ask(browser, "POST", "/api/v1/session",
                       "{\"login\":\"a.kita\",\"password\":\"" PASSWORD
                       "\",\"new_password\":\"" OWN_PASSWORD "\"}");
}

static int log_in(struct browser *browser, const char *password)
{
    char body[128];
    snprintf(body, sizeof body, "{\"login\":\"a.kita\",\"password\":\"%s\"}", password);
    return browser_ask(browser, "POST", "/api/v1/session", body);
}

static bool tells(const char *line)
{
    bool is_there = strstr(answer, line) != NULL;
    if (!is_there)
        printf("# no %s in\n%.6000s\n", line, answer);
    return is_there;
}

static void metrics_tell_what_an_operator_needs_and_name_nobody(void)
{
    struct site *site = founded();
    static struct browser browser;
    browser = (struct browser){.site = site, .certificate = "desk"};
    CHECK(site_serve(site) && site->metrics_port > 0);
    CHECK(log_in(&browser, "wrong") == 401);
    CHECK(log_in_first(&browser) == 200);
    CHECK(browser_ask(&browser, "GET", "/api/v1/persons/00000000000000000000000000000001",
                      NULL) == 404);
    CHECK(browser_ask(&browser, "GET", "/metrics", NULL) == 404);
    CHECK(get(site, "/metrics") == 200);
    CHECK(tells("tsumugi_ready 1\n") && tells("tsumugi_gateways_ready 0\n"));
    CHECK(tells("tsumugi_http_requests_total{method=\"POST\",route=\"/api/v1/session\","
                "status=\"2xx\"} 1\n"));
    CHECK(tells("route=\"/api/v1/session\",status=\"4xx\"} 1\n"));
    CHECK(tells("tsumugi_http_request_seconds_count{method=\"POST\","
                "route=\"/api/v1/session\"} 2\n"));
    CHECK(tells("tsumugi_decisions_total{reason=\"not_found\"} 1\n"));
    CHECK(tells("tsumugi_audit_sync_seconds_count ") && tells("tsumugi_openings 0\n"));
    CHECK(tells("tsumugi_store_groups_total ") && tells("tsumugi_worker_queue "));
    CHECK(tells("tsumugi_certificate_days{of=\"listener for browsers\"} 29\n"));
    CHECK(tells("tsumugi_certificate_days{of=\"browser that ends first\"} 29\n"));
    CHECK(!strstr(answer, "a.kita") && !strstr(answer, "来田") &&
          !strstr(answer, "00001"));
    site_free(site);
}

static bool metrics_tell(const struct site *site, const char *line)
{
    return get(site, "/metrics") == 200 && strstr(answer, line) != NULL;
}

static bool log_tells(const struct site *site, const char *words)
{
    struct err err = {0};
    char path[SITE_PATH_BYTES];
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    struct span log = {0};
    return path_read_file(site_path(site, "server.log", path), 1 << 20, &arena, &log,
                          &err) &&
           memmem(log.at, log.len, words, strlen(words)) != NULL;
}

/* systemctl reload tsumugi-server. */
static void certificates_are_renewed_without_a_restart(void)
{
    static const char before[] = "{of=\"listener for browsers\"} 29\n";
    static const char after[] = "{of=\"listener for browsers\"} 89\n";
    struct site *site = founded();
    struct err err = {0};
    char authority[SITE_PATH_BYTES], prefix[SITE_PATH_BYTES], ignored[HASH_HEX_BYTES];
    static struct browser browser;
    browser = (struct browser){.site = site, .certificate = "desk"};
    CHECK(site_serve(site) && log_in_first(&browser) == 200);
    CHECK(tls_issue(site_path(site, "ca", authority), site_path(site, "centre", prefix),
                    "centre", "localhost,127.0.0.1", 90, ignored, &err));
    CHECK(metrics_tell(site, before)); /* what is shown, not what lies there */
    CHECK(kill(site->server, SIGHUP) == 0);
    CHECK_SOON(metrics_tell(site, after));
    CHECK_SOON(metrics_tell(site, "{of=\"listener for gateways\"} 89\n"));
    CHECK_SOON(log_tells(site, "\"certificates_renewed\",\"of\":\"gateways\""));
    CHECK(browser_ask(&browser, "GET", "/api/v1/session", NULL) == 200);
    /* What cannot be used leaves all as it is. */
    CHECK(site_write(site, "centre.crt", "half a fi"));
    CHECK(kill(site->server, SIGHUP) == 0);
    CHECK_SOON(log_tells(site, "\"certificates_not_renewed\""));
    CHECK(metrics_tell(site, after));
    CHECK(browser_ask(&browser, "GET", "/api/v1/session", NULL) == 200);
    CHECK(kill(site->server, 0) == 0);
    site_free(site);
}

/* Prometheus text format 0.0.4: heads before samples, each name in one block. */
static void metrics_are_in_the_format(void)
{
    struct site *site = founded();
    regex_t sample, head;
    CHECK(regcomp(&sample,
                  "^[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? "
                  "-?[0-9]+(\\.[0-9]+)?$",
                  REG_EXTENDED | REG_NOSUB) == 0);
    CHECK(regcomp(&head, "^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))$",
                  REG_EXTENDED | REG_NOSUB) == 0);
    CHECK(site_serve(site));
    CHECK(get(site, "/healthz") == 200 && get(site, "/metrics") == 200);
    const char *body = strstr(answer, "\r\n\r\n");
    struct span rest = span_cstr(body ? body + 4 : "");
    struct span line;
    char text[512], name[128] = "";
    int samples = 0;
    while (span_take(&rest, '\n', &line)) {
        snprintf(text, sizeof text, "%.*s", (int)line.len, (const char *)line.at);
        if (line.len == 0)
            continue;
        bool is_good = regexec(text[0] == '#' ? &head : &sample, text, 0, NULL, 0) == 0;
        if (strncmp(text, "# TYPE ", 7) == 0)
            snprintf(name, sizeof name, "%.*s", (int)strcspn(text + 7, " "), text + 7);
        is_good = is_good && (text[0] == '#' || strncmp(text, name, strlen(name)) == 0);
        samples += text[0] != '#';
        CHECK(is_good);
        if (!is_good)
            printf("# %s (under %s)\n", text, name);
    }
    CHECK(samples > 40);
    regfree(&sample);
    regfree(&head);
    site_free(site);
}

static void the_listener_for_metrics_gives_nothing_else_and_stays_on_loopback(void)
{
    struct site *site = founded();
    CHECK(site_serve(site));
    CHECK(get(site, "/healthz/live") == 200 && tells("live"));
    CHECK(get(site, "/healthz") == 200 && tells("\"status\":\"ready\""));
    CHECK(get(site, "/api/v1/facilities") == 404 && get(site, "/") == 404);
    site_end(&site->server);
    site_configure(site, "centre.json", "data",
                   ",\"metrics\":{\"address\":\"0.0.0.0\",\"port\":0}");
    CHECK(!site_serve(site));
    site_free(site);
}

static void a_full_disk_of_the_audit_is_not_ready_but_live_and_passes(void)
{
    struct site *site = founded();
    static struct browser browser;
    char audit[SITE_PATH_BYTES], aside[SITE_PATH_BYTES], filler[SITE_PATH_BYTES];
    browser = (struct browser){.site = site, .certificate = "desk"};
    site_path(site, "data/audit", audit);
    CHECK(rename(audit, site_path(site, "aside", aside)) == 0 && mkdir(audit, 0700) == 0);
    if (mount("tmpfs", audit, "tmpfs", 0, "size=256k") != 0) {
        printf("# no right to mount: not tried\n");
        site_free(site);
        return;
    }
    CHECK(site_serve(site));
    CHECK(log_in_first(&browser) == 200);
    int fd = open(site_path(site, "data/audit/filler", filler),
                  O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, answer, 1024) > 0)
        ;
    close(fd);
    for (int i = 0; i < 40 && browser.status != 503; i++)
        log_in(&browser, OWN_PASSWORD); /* what is left of the last page fills up */
    CHECK(browser.status == 503);
    CHECK(get(site, "/healthz") == 503 && tells("audit_unwritable"));
    CHECK(get(site, "/healthz/live") == 200);
    CHECK(get(site, "/metrics") == 200 && tells("tsumugi_audit_failing 1\n"));
    CHECK(tells("tsumugi_ready 0\n") && !strstr(answer, "tsumugi_audit_lost_total 0\n"));
    CHECK(unlink(filler) == 0);
    CHECK(log_in(&browser, OWN_PASSWORD) == 200);
    CHECK(get(site, "/healthz") == 200);
    site_end(&site->server);
    CHECK(umount(audit) == 0);
    site_free(site);
}

int main(void)
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    RUN(metrics_tell_what_an_operator_needs_and_name_nobody);
    RUN(metrics_are_in_the_format);
    RUN(certificates_are_renewed_without_a_restart);
    RUN(the_listener_for_metrics_gives_nothing_else_and_stays_on_loopback);
    RUN(a_full_disk_of_the_audit_is_not_ready_but_live_and_passes);
    return test_done();
}
