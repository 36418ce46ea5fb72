// SPDX-License-Identifier: Apache-2.0
/* tsumugi backup and tsumugi restore, run as programs. */
#include "cli/command_testbrowser.h"

#include <ftw.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/day.h"
#include "store/store_testsite.h"

#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"
#define OWN_PASSWORD "Hoshi5-no-mori2-kawa"

static char today[DAY_TEXT_BYTES];

static void shell(const struct site *site, const char *format)
{
    char command[600];
    snprintf(command, sizeof command, "cd %s && %s", site->place.directory, format);
    CHECK(system(command) == 0);
}

static struct site *founded(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES], more[SITE_PATH_BYTES + 32], fingerprint[HASH_HEX_BYTES];
    snprintf(more, sizeof more, ",\"backup_key\":\"%s\"",
             site_path(site, "backup.key", path));
    site_configure(site, "centre.json", "data", more);
    site_configure(site, "other.json", "other", more);
    CHECK(SITE_RUN(site, "backup", "--make-key", path) == 0);
    CHECK(SITE_RUN(site, "backup", "--make-key", path) == 1);
    CHECK(site_write(site, "password", PASSWORD "\n"));
    site_issue(site, "ca", "desk", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", today, CLINIC) == 0);
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    return site;
}

/* Makes a copy; its path. */
static const char *copy(struct site *site, char made[SITE_PATH_BYTES])
{
    char to[SITE_PATH_BYTES];
    made[0] = '\0';
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to",
                   site_path(site, "copies", to)) == 0);
    const char *at = strstr(site->out, "{\"copy\":\"");
    if (at)
        snprintf(made, SITE_PATH_BYTES, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    return made;
}

/* The first time with another password, as the office's one has to be changed. */
static int log_in_first(struct browser *browser)
{
    return browser_ask(browser, "POST", "/api/v1/session",
                       "{\"login\":\"a.kita\",\"password\":\"" PASSWORD
                       "\",\"new_password\":\"" OWN_PASSWORD "\"}");
}

static int log_in(struct browser *browser)
{
    return browser_ask(browser, "POST", "/api/v1/session",
                       "{\"login\":\"a.kita\",\"password\":\"" OWN_PASSWORD "\"}");
}

static void a_copy_of_a_running_centre_passes_its_drill_and_leaves_nothing(void)
{
    struct site *site = founded();
    char made[SITE_PATH_BYTES], temporary[SITE_PATH_BYTES];
    CHECK(site_serve(site));
    copy(site, made);
    CHECK(mkdir(site_path(site, "tmp", temporary), 0700) == 0);
    setenv("TMPDIR", temporary, 1);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config,
                   "--drill") == 0);
    CHECK(site_says(site, "\"result\":\"drill passed\""));
    CHECK(site_says(site, "\"facilities\":1") && site_says(site, "\"age_hours\":0"));
    CHECK(rmdir(temporary) == 0);
    shell(site, "test ! -e data/copy.db.part");
    unsetenv("TMPDIR");
    site_free(site);
}

static void old_copies_go_when_that_is_asked_for_and_the_audit_says_so(void)
{
    struct site *site = founded();
    char made[SITE_PATH_BYTES], to[SITE_PATH_BYTES], path[SITE_PATH_BYTES];
    copy(site, made);
    CHECK(!strstr(site->out, "removed"));
    shell(site, "mv copies older && ! grep -q backup_thin data/audit/centre-admin/*.log");
    CHECK(SITE_RUN(site, "backup", "--thin", "--to", site_path(site, "copies", to),
                   "--config", site->config) == 0);
    CHECK(site_says(site, "{\"removed\":0}"));
    shell(site, "test $(grep -c backup_thin data/audit/centre-admin/*.log) -eq 2");
    shell(site, "test $(ls copies | wc -l) -eq 1");
    CHECK(SITE_RUN(site, "audit", "verify", site_path(site, "data/audit", path)) == 0);
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--thin") == 2);
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to", to, "--thick") == 2);
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to") == 2);
    shell(site, "test $(ls copies | wc -l) -eq 1");
    site_free(site);
}

static void nothing_in_a_copy_can_be_read_without_the_key(void)
{
    struct site *site = founded();
    char made[SITE_PATH_BYTES], path[SITE_PATH_BYTES];
    copy(site, made);
    shell(site, "! grep -rqE 'SQLite format|来田|TsA1' copies");
    shell(site, "test -z \"$(find copies -perm /077)\"");
    CHECK(rename(site_path(site, "backup.key", path),
                 site_path(site, "old.key", (char[SITE_PATH_BYTES]){0})) == 0);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config,
                   "--drill") == 1);
    CHECK(SITE_RUN(site, "backup", "--make-key", path) == 0);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config,
                   "--drill") == 1);
    CHECK(site_says(site, "backup_changed"));
    site_free(site);
}

/* Each spoiled copy is refused and leaves nothing behind. */
static void refused(struct site *site, const char *how, const char *code)
{
    char path[SITE_PATH_BYTES], config[SITE_PATH_BYTES];
    shell(site, "rm -rf spoiled other && cp -r copies/centre-* spoiled");
    shell(site, how);
    CHECK(SITE_RUN(site, "restore", "--from", site_path(site, "spoiled", path),
                   "--config", site_path(site, "other.json", config)) == 1);
    if (!site_says(site, code))
        printf("# after %s\n", how);
    shell(site, "test ! -e other/centre.db -a ! -e other/audit -a ! -e other/restoring");
}

static void a_changed_or_incomplete_copy_is_refused(void)
{
    struct site *site = founded();
    char made[SITE_PATH_BYTES];
    CHECK(site_serve(site)); /* makes the keys */
    copy(site, made);
    refused(site, "rm spoiled/manifest.json", "backup_incomplete");
    refused(site, "rm spoiled/manifest.mac", "backup_incomplete");
    refused(site, "rm spoiled/database.sealed", "backup_incomplete");
    refused(site, "rm -r spoiled/audit/centre-admin", "backup_incomplete");
    refused(site, "sed -i 's/\"made_at\":1/\"made_at\":2/' spoiled/manifest.json",
            "backup_changed");
    refused(site, "truncate -s -1 spoiled/database.sealed", "backup_changed");
    refused(site, "printf x >> spoiled/keys/grants.sealed", "backup_changed");
    refused(site, "cp spoiled/keys/grants.sealed spoiled/keys/entry-ids.sealed",
            "backup_changed");
    refused(site,
            "python3 -c 'f = open(\"spoiled/database.sealed\", \"r+b\"); f.seek(70000); "
            "b = f.read(1)[0]; f.seek(70000); f.write(bytes([b ^ 255]))'",
            "backup_changed");
    site_free(site);
}

static void an_older_file_in_a_newer_copy_is_refused(void)
{
    struct site *site = founded();
    char first[SITE_PATH_BYTES], second[SITE_PATH_BYTES];
    copy(site, first);
    shell(site, "mv copies/centre-* older");
    CHECK(SITE_ADMIN(site, "staff", "disable", "a.kita") == 0);
    copy(site, second);
    refused(site,
            "cp ../older/database.sealed spoiled/ 2>/dev/null || "
            "cp older/database.sealed spoiled/",
            "backup_changed");
    site_free(site);
}

static void what_comes_back_discloses_nothing_until_confirmed_and_is_whole(void)
{
    struct site *site = founded();
    struct browser browser = {.site = site, .certificate = "desk"};
    char made[SITE_PATH_BYTES], path[SITE_PATH_BYTES];
    CHECK(site_serve(site));
    CHECK(log_in_first(&browser) == 200);
    copy(site, made);
    site_end(&site->server);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config) == 1);
    CHECK(site_says(site, "restore_not_empty"));
    site_path(site, "other.json", site->config);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config) == 0);
    CHECK(site_says(site, "\"result\":\"restored\"") && site_says(site, "confirm"));
    shell(site, "cmp data/keys/grants other/keys/grants && test ! -e other/restoring");
    CHECK(SITE_ADMIN(site, "restore", "show") == 0);
    CHECK(site_says(site, "\"is_held\":true"));
    CHECK(site_serve(site));
    CHECK(browser_ask(&browser, "GET", "/api/v1/facilities", NULL) == 401);
    CHECK(log_in(&browser) == 200);
    CHECK(SITE_ADMIN(site, "restore", "confirm") == 2);
    CHECK(SITE_ADMIN(site, "restore", "confirm", "--statement",
                     "asked every facility about withdrawals") == 0);
    CHECK(SITE_ADMIN(site, "restore", "show") == 0);
    CHECK(site_says(site, "\"is_held\":false"));
    site_end(&site->server);
    CHECK(SITE_RUN(site, "audit", "verify", site_path(site, "other/audit", path)) == 0);
    shell(site, "grep -q 'asked every facility' other/audit/centre-admin/*.log");
    shell(site, "grep -q '\"reason\":\"restore\"' other/audit/centre-admin/*.log");
    site_free(site);
}

static void neither_a_server_nor_the_office_opens_half_a_restore(void)
{
    struct site *site = founded();
    char path[SITE_PATH_BYTES];
    CHECK(mkdir(site_path(site, "data/restoring", path), 0700) == 0);
    CHECK(!site_serve(site));
    int status = 0;
    waitpid(site->server, &status, 0);
    site->server = 0;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    shell(site, "grep -q restore_unfinished server.log");
    CHECK(SITE_ADMIN(site, "facility", "list") == 1 &&
          site_says(site, "restore_unfinished"));
    site_free(site);
}

static void without_key_or_where_there_is_a_copy_nothing_is_pretended(void)
{
    struct site *site = founded();
    char path[SITE_PATH_BYTES], elsewhere[SITE_PATH_BYTES];
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to",
                   site_path(site, "copies", path), "--without-database") == 1);
    CHECK(site_says(site, "backup_elsewhere"));
    site_configure(site, "elsewhere.json", "data",
                   ",\"database\":\"postgresql://nobody@/none?host=/nowhere\"");
    CHECK(SITE_RUN(site, "backup", "--config",
                   site_path(site, "elsewhere.json", elsewhere), "--to", path) == 1);
    CHECK(site_says(site, "backup_key"));
    site_configure(site, "elsewhere.json", "data",
                   ",\"database\":\"postgresql://nobody@/none?host=/nowhere\","
                   "\"backup_key\":\"/nowhere\"");
    CHECK(SITE_RUN(site, "backup", "--config", elsewhere, "--to", path) == 1);
    CHECK(site_says(site, "backup_elsewhere") && site_says(site, "PostgreSQL"));
    shell(site, "test ! -e copies");
    site_free(site);
}

static void audit_and_keys_come_back_beside_a_database_on_a_server(void)
{
    struct site *site = founded();
    char made[SITE_PATH_BYTES] = "", to[SITE_PATH_BYTES];
    CHECK(site_serve(site));
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to",
                   site_path(site, "copies", to)) == 1);
    CHECK(site_says(site, "backup_elsewhere"));
    CHECK(SITE_RUN(site, "backup", "--config", site->config, "--to", to,
                   "--without-database") == 0);
    const char *at = strstr(site->out, "{\"copy\":\"");
    if (at)
        snprintf(made, sizeof made, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    site_end(&site->server);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config,
                   "--drill") == 0);
    site_path(site, "other.json", site->config);
    CHECK(SITE_RUN(site, "restore", "--from", made, "--config", site->config) == 0);
    CHECK(SITE_ADMIN(site, "restore", "show") == 0);
    CHECK(site_says(site, "\"is_held\":true"));
    CHECK(SITE_ADMIN(site, "restore", "confirm", "--statement", "x") == 0);
    site_free(site);
}

int main(void)
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    if (store_testsite_is_postgres())
        RUN(audit_and_keys_come_back_beside_a_database_on_a_server);
    unsetenv("TSUMUGI_TEST_POSTGRES"); /* a copy is of a database in a file */
    RUN(a_copy_of_a_running_centre_passes_its_drill_and_leaves_nothing);
    RUN(old_copies_go_when_that_is_asked_for_and_the_audit_says_so);
    RUN(nothing_in_a_copy_can_be_read_without_the_key);
    RUN(a_changed_or_incomplete_copy_is_refused);
    RUN(an_older_file_in_a_newer_copy_is_refused);
    RUN(what_comes_back_discloses_nothing_until_confirmed_and_is_whole);
    RUN(neither_a_server_nor_the_office_opens_half_a_restore);
    RUN(without_key_or_where_there_is_a_copy_nothing_is_pretended);
    return test_done();
}
