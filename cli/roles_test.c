// SPDX-License-Identifier: Apache-2.0
/* The roles of packaging/examples/postgres-roles.psql: the centre works under the one
 * that owns nothing, and cannot change what the audit's index says. Needs PostgreSQL. */
#include "cli/command_testbrowser.h"

#include "base/clock.h"
#include "base/day.h"
#include "store/store_testsite.h"

#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"

static char today[DAY_TEXT_BYTES];
static char database[64];

/* psql as `role`; its exit status. */
static int ask(const char *role, const char *name, const char *option, const char *text,
               bool is_quiet)
{
    char variable[96];
    int status = -1;
    snprintf(variable, sizeof variable, "database=%s", database);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        if (is_quiet)
            dup2(nowhere, STDERR_FILENO);
        execlp("psql", "psql", "-q", "-X", "-h", getenv("TSUMUGI_TEST_POSTGRES"), "-U",
               role, "-v", "ON_ERROR_STOP=1", "-v", variable, "-d", name, option, text,
               (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool may(const char *sql)
{
    return ask("tsumugi_server", database, "-c", sql, true) == 0;
}

static bool make_roles(void)
{
    return ask("tsumugi", "postgres", "-f", "packaging/examples/postgres-roles.psql",
               false) == 0;
}

static void locate(char location[STORE_TESTSITE_BYTES], const char *role)
{
    snprintf(location, STORE_TESTSITE_BYTES, "postgresql://%s@/%s?host=%s", role,
             database, getenv("TSUMUGI_TEST_POSTGRES"));
}

static struct site *site_with_roles(char owner[STORE_TESTSITE_BYTES])
{
    struct site *site = site_new();
    snprintf(database, sizeof database, "%s_roles",
             strrchr(site->place.directory, '/') + 1);
    locate(site->place.location, "tsumugi_server");
    locate(owner, "tsumugi_owner");
    site_configure(site, "centre.json", "data", "");
    CHECK(make_roles() && make_roles());
    return site;
}

static void found(struct site *site)
{
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES];
    CHECK(site_write(site, "password", PASSWORD "\n"));
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, CLINIC) == 0);
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
}

/* Whether a word stands in the log of the database server. */
static bool is_logged(const char *word)
{
    char path[SITE_PATH_BYTES];
    static char line[1 << 16];
    bool has_word = false;
    snprintf(path, sizeof path, "%s/log", getenv("TSUMUGI_TEST_POSTGRES"));
    FILE *log = fopen(path, "r");
    CHECK(log);
    while (log && !has_word && fgets(line, sizeof line, log))
        has_word = strstr(line, word) != NULL;
    if (log)
        fclose(log);
    return has_word;
}

/* The words are put together by the server, so that they do not stand in a statement. */
static void the_database_server_s_log_quotes_no_row(void)
{
    CHECK(!may("INSERT INTO audit_index (node, name) "
               "VALUES ('x', repeat('himitsu', 3))"));
    CHECK(is_logged("null value in column \"number\""));
    CHECK(!is_logged("himitsuhimitsu"));
    CHECK(!may("SELECT 1 / (1 - COUNT(*)) FROM pg_settings WHERE name = "
               "'log_parameter_max_length' AND setting = '0'"));
}

static bool is_indexed(void)
{
    return may("SELECT 1 / COUNT(*) FROM audit_index WHERE event = 'login'");
}

static void the_server_s_role_adds_to_the_audit_s_index_and_changes_nothing_in_it(void)
{
    char owner[STORE_TESTSITE_BYTES];
    struct site *site = site_with_roles(owner);
    static struct browser browser;
    /* who owns the schema goes first */
    CHECK(SITE_ADMIN(site, "network", "show") == 1 && site_says(site, "store_owner"));
    CHECK(SITE_ADMIN(site, "database", "upgrade") == 1);
    CHECK(SITE_ADMIN(site, "database", "upgrade", "--as", owner) == 0);
    CHECK(site_says(site, "\"upgraded\":true"));
    found(site);
    CHECK(site_serve(site));
    browser = (struct browser){.site = site, .certificate = "desk"};
    CHECK(browser_ask(&browser, "POST", "/api/v1/session",
                      "{\"login\":\"a.kita\",\"password\":\"" PASSWORD
                      "\",\"new_password\":\"Hoshi5-no-mori2-kawa\"}") == 200);
    for (int i = 0; i < 300 && !is_indexed(); i++)
        usleep(100000);
    CHECK(is_indexed());
    the_database_server_s_log_quotes_no_row();
    CHECK(!may("INSERT INTO audit_index SELECT * FROM audit_index "
               "ON CONFLICT (node, number) DO UPDATE SET verdict = 'permit'"));
    CHECK(!may("SELECT 1 FROM audit_index FOR UPDATE"));
    CHECK(!may("CREATE RULE none AS ON INSERT TO audit_index DO INSTEAD NOTHING"));
    CHECK(!may("CREATE TRIGGER none BEFORE INSERT ON audit_index FOR EACH ROW EXECUTE "
               "FUNCTION suppress_redundant_updates_trigger()"));
    CHECK(!may("SET ROLE tsumugi_owner"));
    CHECK(!may("UPDATE audit_index SET verdict = 'permit'"));
    CHECK(!may("DELETE FROM audit_index"));
    CHECK(!may("TRUNCATE audit_index"));
    CHECK(!may("DROP TABLE audit_index") && !may("ALTER TABLE audit_index ADD x TEXT"));
    CHECK(!may("CREATE TABLE aside (a BIGINT)"));
    (void)may(
        "GRANT ALL ON audit_index TO tsumugi_server"); /* warned, and nothing more */
    CHECK(is_indexed() && make_roles());               /* which gives nothing back */
    CHECK(!may("DELETE FROM audit_index"));
    /* what its owner gave to everybody, too */
    CHECK(ask("tsumugi_owner", database, "-c", "GRANT ALL ON audit_index TO PUBLIC",
              true) == 0);
    CHECK(may("DELETE FROM audit_index WHERE node = 'none'"));
    CHECK(make_roles() && !may("DELETE FROM audit_index WHERE node = 'none'"));
    CHECK(may("UPDATE session SET closed_at = closed_at")); /* what it needs it has */
    site_free(site);
}

int main(void)
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    if (!store_testsite_is_postgres()) {
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
        return test_done();
    }
    RUN(the_server_s_role_adds_to_the_audit_s_index_and_changes_nothing_in_it);
    return test_done();
}
