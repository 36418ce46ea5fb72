// SPDX-License-Identifier: Apache-2.0
/* The database server is stopped while people have a calendar open, in order and at once,
 * and comes back, or its synchronous standby takes its place: meanwhile each request is
 * refused with 503, a code and Retry-After, nobody is logged out, readiness says it;
 * afterwards all goes on by itself, and nothing that somebody had an answer for is
 * missing: no consent, no row of the audit, in its files and in its index. Needs a server
 * of its own: tools/postgres --alone, and --standby for the other. */
#include "cli/command_testlistener.h"

#include <stdatomic.h>

#include "exchange/audit/audit.h"

enum { DESKS = 6, KEYS_OF_ONE = 100000, STATUS_MAX = 600, CONSENTS_MAX = 2000 };

struct region {
    struct site *site;
    pid_t gateway;
    char person[33];
    char handle[33];
    char other[33]; /* another person */
    struct browser browser;
    struct listener listener;
    int labs;
    atomic_int asked_count;
    atomic_int consent_count;
    char consents[CONSENTS_MAX][33]; /* answered with 201 */
};

/* One of those who work all the time, each on a connection of the pool's. */
struct desk {
    struct region *region; /* borrowed */
    struct browser browser;
    pthread_t thread;
};

struct told {
    atomic_bool is_over;
    atomic_int opened; /* answered with 201 */
    atomic_int status[STATUS_MAX];
    atomic_int unnamed; /* refused without a code or without a time to come again */
};

static struct told told;

/* ---- the database server ---- */

static const char *first_folder, *standby_folder;

static int run_tool(const char *option, const char *mode)
{
    const char *tool = getenv("TSUMUGI_TEST_POSTGRES_TOOL");
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execl(tool, tool, option, first_folder, mode, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Rows of the audit's index about openings that were allowed. */
static int count_indexed(const struct region *region)
{
    char number[32];
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp("psql", "psql", "-A", "-t", "-q", "-X", "-d", region->site->place.location,
               "-c",
               "SELECT COUNT(*) FROM audit_index WHERE event = 'calendar' AND "
               "phase = 'decision' AND verdict = 'permit'",
               (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    site_drain(out[0], number, sizeof number);
    waitpid(child, NULL, 0);
    return (int)strtol(number, NULL, 10);
}

/* The same in the audit's files. */
static bool count_row(void *context, uint64_t number, struct span json, struct err *err)
{
    static const char words[] = "\"phase\":\"decision\",\"event\":\"calendar\"";
    int *count = context;
    (void)number;
    (void)err;
    *count += memmem(json.at, json.len, words, sizeof words - 1) &&
              memmem(json.at, json.len, "\"verdict\":\"permit\"", 18);
    return true;
}

static int count_kept(const struct region *region)
{
    char path[SITE_PATH_BYTES];
    struct err err = {0};
    int count = 0;
    CHECK(audit_walk(site_path(region->site, "data/audit", path), "centre", 1, count_row,
                     &count, &err));
    return count;
}

/* ---- people ---- */

static void note(const struct browser *browser)
{
    char code[64];
    int status = browser->status;
    atomic_fetch_add(&told.status[status < STATUS_MAX ? status : 0], 1);
    if (status == 503 && !(browser_member(browser, "code", code, sizeof code) &&
                           strcasestr(browser->answer, "\r\nretry-after: ")))
        atomic_fetch_add(&told.unnamed, 1);
}

static void close_calendar(struct browser *browser, const char *handle)
{
    char path[96];
    snprintf(path, sizeof path, "/api/v1/openings/%s", handle);
    (void)browser_ask(browser, "DELETE", path, NULL);
}

/* Of a person with nothing to see, so that it disturbs nobody's calendar. */
static void give_consent(struct desk *desk)
{
    struct region *region = desk->region;
    char path[96];
    int number = atomic_fetch_add(&region->asked_count, 1);
    if (number >= CONSENTS_MAX)
        return;
    snprintf(path, sizeof path, "/api/v1/persons/%s/consents", region->other);
    if (browser_ask(&desk->browser, "POST", path,
                    "{\"form\":\"comprehensive\",\"channel\":\"oral\",\"giver\":"
                    "\"self\"}") == 201 &&
        browser_member(&desk->browser, "id", region->consents[number], 33))
        atomic_fetch_add(&region->consent_count, 1);
    note(&desk->browser);
}

/* Of the consents that were answered with 201. */
static int count_lost(struct region *region)
{
    char path[96];
    int lost = 0;
    snprintf(path, sizeof path, "/api/v1/persons/%s/consents", region->other);
    CHECK(browser_ask(&region->browser, "GET", path, NULL) == 200);
    for (int i = 0; i < CONSENTS_MAX; i++)
        lost += region->consents[i][0] &&
                !strstr(region->browser.answer, region->consents[i]);
    return lost;
}

static void *work(void *context)
{
    struct desk *desk = context;
    struct browser *browser = &desk->browser;
    while (!atomic_load(&told.is_over)) {
        char handle[33];
        (void)count_entries(browser, desk->region->handle);
        note(browser);
        give_consent(desk);
        bool is_open = open_calendar(browser, desk->region->person, handle);
        note(browser);
        if (!is_open)
            continue;
        atomic_fetch_add(&told.opened, 1);
        close_calendar(browser, handle);
        note(browser);
    }
    return NULL;
}

static void begin_work(struct region *region, struct desk desks[DESKS])
{
    memset(&told, 0, sizeof told);
    for (int i = 0; i < DESKS; i++) {
        desks[i].region = region;
        desks[i].browser = region->browser;
        region->browser.keys += KEYS_OF_ONE;
        desks[i].browser.keys = region->browser.keys;
        region->browser.keys += KEYS_OF_ONE;
        CHECK(pthread_create(&desks[i].thread, NULL, work, &desks[i]) == 0);
    }
}

/* Only what a database that is away explains, and that with a name. */
static void end_work(struct desk desks[DESKS])
{
    atomic_store(&told.is_over, true);
    for (int i = 0; i < DESKS; i++)
        pthread_join(desks[i].thread, NULL);
    for (int status = 0; status < STATUS_MAX; status++) {
        int count = atomic_load(&told.status[status]);
        if (count > 0)
            printf("# %d times %d\n", count, status);
        CHECK(count == 0 || status == 200 || status == 201 || status == 204 ||
              status == 503);
    }
    CHECK(atomic_load(&told.unnamed) == 0);
}

/* ---- the story ---- */

static void register_other(struct region *region)
{
    char clinic[33] = "", body[512];
    CHECK(find_facility(&region->browser, CLINIC, clinic));
    snprintf(body, sizeof body,
             "{\"name\":\"飯田 次郎\",\"kana\":\"イイダ ジロウ\",\"birth_date\":"
             "\"1951-03-04\",\"sex\":\"M\",\"consent\":{\"form\":\"comprehensive\","
             "\"channel\":\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":"
             "\"%s\",\"number\":\"78\"}]}",
             clinic);
    CHECK(browser_ask(&region->browser, "POST", "/api/v1/persons", body) == 201);
    CHECK(browser_member(&region->browser, "id", region->other, 33));
}

static void begin_region(struct region *region)
{
    char path[SITE_PATH_BYTES], person[128];
    struct site *site = region->site = site_new();
    found(site);
    open_hospital(site);
    region->labs = 1;
    CHECK(site_serve(site));
    write_gateway(site, site->gateway_port, 0);
    region->gateway =
        site_begin(site, "gateway", site_path(site, "gateway.json", path), -1);
    region->browser = (struct browser){.site = site, .certificate = "desk"};
    CHECK(log_in(&region->browser) == 200);
    CHECK(browser_waits(&region->browser, "/api/v1/facilities", 200,
                        "\"is_connected\":true"));
    register_person(&region->browser, region->person);
    register_other(region);
    snprintf(person, sizeof person, "/api/v1/persons/%s", region->person);
    CHECK(browser_waits(&region->browser, person, 200, "\"confirmed\""));
    CHECK(open_calendar(&region->browser, region->person, region->handle));
    CHECK_SOON(count_entries(&region->browser, region->handle) == 1);
}

static bool is_refused(struct browser *browser, const char *method, const char *path,
                       const char *json)
{
    bool is_named = browser_ask(browser, method, path, json) == 503 &&
                    strstr(browser->answer, "\"code\":\"store_") &&
                    strcasestr(browser->answer, "\r\nretry-after: ");
    if (!is_named)
        printf("# %s %s: %d %.600s\n", method, path, browser->status, browser->answer);
    return is_named;
}

/* Each kind of request: what is read, opened, written, and the session itself. */
static void all_is_refused_with_a_name(struct region *region)
{
    struct browser *browser = &region->browser;
    struct browser stranger = {.site = region->site, .certificate = "desk"};
    char path[160];
    CHECK(browser_waits(browser, "/healthz", 503, "\"store_unreadable\""));
    CHECK(strcasestr(browser->answer, "\r\nretry-after: "));
    CHECK(browser_ask(browser, "GET", "/healthz/live", NULL) == 200);
    CHECK(count_entries(browser, region->handle) == -503);
    CHECK(strstr(browser->answer, "\"code\":\"store_"));
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings", region->person);
    CHECK(is_refused(browser, "POST", path,
                     "{\"from\":\"2024-04-01\",\"to\":\"2024-06-30\"}"));
    snprintf(path, sizeof path, "/api/v1/persons/%s", region->person);
    CHECK(is_refused(browser, "GET", path, NULL));
    snprintf(path, sizeof path, "/api/v1/persons/%s/consents", region->person);
    CHECK(is_refused(browser, "POST", path,
                     "{\"form\":\"comprehensive\",\"channel\":\"oral\",\"giver\":"
                     "\"self\"}"));
    CHECK(is_refused(browser, "GET", "/api/v1/session", NULL));
    CHECK(is_refused(browser, "GET", "/api/v1/facilities", NULL));
    CHECK(is_refused(&stranger, "POST", "/api/v1/session",
                     "{\"login\":\"a.kita\",\"password\":\"Hoshi5-no-mori2-kawa\"}"));
}

static void all_goes_on(struct region *region)
{
    struct browser *browser = &region->browser;
    CHECK(browser_waits(browser, "/healthz", 200, "\"ready\""));
    CHECK_SOON(count_entries(browser, region->handle) == region->labs);
    CHECK(browser_ask(browser, "GET", "/api/v1/session", NULL) == 200);
    /* its stream has ended without a word about the session; it comes again */
    CHECK(!heard(&region->listener, "event: session"));
    end_listening(&region->listener);
    begin_listening(&region->listener, browser);
    lab(region->site, ++region->labs);
    CHECK_SOON(heard(&region->listener, "event: entry"));
    CHECK_SOON(count_entries(browser, region->handle) == region->labs);
}

static void stop_and_go_on(struct region *region, const char *mode)
{
    static struct desk desks[DESKS];
    int kept_before = count_kept(region);
    begin_work(region, desks);
    CHECK_SOON(atomic_load(&told.opened) >= 4 * DESKS); /* the pool is full of old ones */
    CHECK(run_tool("--stop", mode) == 0);
    int at_stop = atomic_load(&told.opened);
    CHECK_SOON(atomic_load(&told.status[503]) >= DESKS);
    all_is_refused_with_a_name(region);
    lab(region->site, ++region->labs); /* the hospital goes on writing */
    if (standby_folder)
        store_testsite_promote(standby_folder);
    else
        CHECK(run_tool("--start", NULL) == 0);
    all_goes_on(region);
    CHECK_SOON(atomic_load(&told.opened) >= at_stop + 4 * DESKS);
    end_work(desks);
    int opened = atomic_load(&told.opened);
    printf("# %s: %d calendars opened, %d of them before it; %d consents\n", mode, opened,
           at_stop, atomic_load(&region->consent_count));
    CHECK(atomic_load(&region->consent_count) >= at_stop && count_lost(region) == 0);
    CHECK(count_kept(region) >= kept_before + opened);
    CHECK_SOON(count_indexed(region) == count_kept(region));
}

static void end_region(struct region *region)
{
    char path[SITE_PATH_BYTES];
    end_listening(&region->listener);
    site_end(&region->gateway);
    site_end(&region->site->server);
    CHECK(SITE_RUN(region->site, "audit", "verify",
                   site_path(region->site, "data/audit", path)) == 0);
    site_free(region->site);
}

static void a_database_that_is_away_is_said_and_its_return_needs_nobody(void)
{
    static struct region region;
    begin_region(&region);
    begin_listening(&region.listener, &region.browser);
    stop_and_go_on(&region, "fast");
    stop_and_go_on(&region, "immediate");
    end_region(&region);
}

static void a_standby_takes_over_and_nothing_answered_is_lost(void)
{
    static struct region region;
    begin_region(&region);
    begin_listening(&region.listener, &region.browser);
    stop_and_go_on(&region, "immediate");
    end_region(&region);
}

int main(void)
{
    if (!getenv("TSUMUGI_TEST_POSTGRES_TOOL")) {
        SKIP("database", "no server of its own; tools/postgres --alone starts one");
        return test_done();
    }
    char both[STORE_TESTSITE_BYTES];
    first_folder = getenv("TSUMUGI_TEST_POSTGRES");
    standby_folder = getenv("TSUMUGI_TEST_STANDBY");
    if (!standby_folder) {
        RUN(a_database_that_is_away_is_said_and_its_return_needs_nobody);
        return test_done();
    }
    snprintf(both, sizeof both, "%s,%s", first_folder, standby_folder);
    first_folder = strdup(first_folder);
    setenv("TSUMUGI_TEST_POSTGRES", both,
           1); /* where databases are, for all that comes */
    RUN(a_standby_takes_over_and_nothing_answered_is_lost);
    return test_done();
}
