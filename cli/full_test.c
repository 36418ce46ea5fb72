// SPDX-License-Identifier: Apache-2.0
/* Disks run full under a running region of programs: the centre's and the gateway's, of
 * data and of the audit. Nothing is shown without its row, what is missing is said, and
 * all goes on by itself once there is room. Small disks need the right to mount. */
#include "cli/command_testregion.h"

#include <sys/mount.h>
#include <sys/stat.h>

enum { MANY = 150 }; /* new entries */

struct region {
    struct site *site;
    pid_t gateway;
    int health_port;
    char person[33];
    struct browser browser;
};

static bool mount_small(const struct site *site, const char *name, const char *size)
{
    char path[SITE_PATH_BYTES], option[40];
    struct err err = {0};
    snprintf(option, sizeof option, "mode=700,size=%s", size);
    return path_make_directory(site_path(site, name, path), &err) &&
           mount("tmpfs", path, "tmpfs", 0, option) == 0;
}

static void fill(const struct site *site, const char *name)
{
    static const uint8_t zeros[4096];
    char path[SITE_PATH_BYTES];
    CLEANUP(path_close)
    int fd = open(site_path(site, name, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t size = sizeof zeros; size > 0; size /= 8)
        while (write(fd, zeros, size) > 0)
            ;
}

static void empty(const struct site *site, const char *name)
{
    char path[SITE_PATH_BYTES];
    CHECK(unlink(site_path(site, name, path)) == 0);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    CLEANUP(path_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 &&
          getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.sin_port);
}

/* The gateway says how it is, too. */
static void add_health(struct region *region)
{
    char path[SITE_PATH_BYTES], text[4096];
    struct span config = {0};
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    region->health_port = free_port();
    CHECK(path_read_file(site_path(region->site, "gateway.json", path), 2048, &arena,
                         &config, &err) &&
          config.len > 0);
    snprintf(text, sizeof text,
             "%.*s,\"metrics\":{\"address\":\"127.0.0.1\",\"port\":%d}}",
             (int)config.len - 1, (const char *)config.at, region->health_port);
    CHECK(site_write(region->site, "gateway.json", text));
}

static bool may_mount(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES];
    bool may = mount_small(site, "data", "64k");
    CHECK(!may || umount(site_path(site, "data", path)) == 0);
    site_free(site);
    return may;
}

/* `folder` is a disk of that size; NULL = none is. */
static void open_region(struct region *region, const char *folder, const char *size)
{
    struct site *site = site_new();
    *region =
        (struct region){.site = site, .browser = {.site = site, .certificate = "desk"}};
    CHECK(!folder || mount_small(site, folder, size));
    found(site);
    open_hospital(site);
    CHECK(site_serve(site));
    write_gateway(site, site->gateway_port, 0);
    add_health(region);
    char config[SITE_PATH_BYTES];
    region->gateway =
        site_begin(site, "gateway", site_path(site, "gateway.json", config), -1);
    CHECK_SOON(log_has(site, "\"state\":\"ready\""));
    CHECK(log_in(&region->browser) == 200);
    register_person(&region->browser, region->person);
}

static void close_region(struct region *region, const char *folder)
{
    char path[SITE_PATH_BYTES];
    site_end(&region->gateway);
    site_end(&region->site->server);
    const char *audits[] = {"data/audit", "gateway/audit"};
    for (size_t i = 0; i < 2; i++)
        CHECK(SITE_RUN(region->site, "audit", "verify",
                       site_path(region->site, audits[i], path)) == 0);
    CHECK(!folder || umount(site_path(region->site, folder, path)) == 0);
    site_free(region->site);
}

/* Entries of the laboratory in a calendar opened for it, or minus the status. */
static int count_shown(struct region *region)
{
    char handle[33];
    return open_calendar(&region->browser, region->person, handle)
               ? count_entries(&region->browser, handle)
               : -region->browser.status;
}

/* What a calendar that is opened now says of the hospital. */
static bool says(struct region *region, const char *words)
{
    char handle[33];
    return open_calendar(&region->browser, region->person, handle) &&
           strstr(region->browser.answer, words);
}

static void what_comes_while_the_centre_s_disk_is_full_is_there_afterwards(void)
{
    struct region region;
    open_region(&region, "data", "16m");
    CHECK_SOON(count_shown(&region) == 1);
    CHECK_SOON(says(&region, "\"state\":\"in_step\",\"since\":1"));
    fill(region.site, "data/filler");
    for (int i = 0; i < MANY; i++)
        lab(region.site, 2 + i);
    empty(region.site, "data/filler");
    CHECK_SOON(count_shown(&region) == 1 + MANY);
    CHECK_SOON(!says(&region, "events_untaken") && says(&region, "in_step"));
    close_region(&region, "data");
}

/* The centre's database takes no new entry, as if it were full, however often it tries.
 */
static void let_take(const struct site *site, bool may_take)
{
    char path[SITE_PATH_BYTES], line[SITE_PATH_BYTES + 200];
    snprintf(line, sizeof line, "sqlite3 -cmd '.timeout 10000' '%s' \"%s\" >/dev/null",
             site_path(site, "data/centre.db", path),
             may_take ? "DROP TRIGGER no_room"
                      : "CREATE TRIGGER no_room BEFORE INSERT ON registry_entry BEGIN "
                        "SELECT RAISE(ABORT, 'no room'); END");
    CHECK(system(line) == 0);
}

static void a_centre_that_does_not_keep_what_comes_is_not_in_step(void)
{
    struct region region;
    open_region(&region, NULL, NULL);
    CHECK_SOON(count_shown(&region) == 1);
    CHECK_SOON(says(&region, "\"state\":\"in_step\",\"since\":1"));
    let_take(region.site, false);
    lab(region.site, 2);
    CHECK_SOON(says(&region, "\"reason\":\"events_untaken\""));
    CHECK(count_shown(&region) == 1);
    let_take(region.site, true);
    CHECK_SOON(count_shown(&region) == 2);
    CHECK_SOON(!says(&region, "events_untaken") && says(&region, "in_step"));
    close_region(&region, NULL);
}

/* GET /healthz of the gateway, which says a word when something is wrong. */
static bool health_says(const struct region *region, const char *word)
{
    char line[1024] = "";
    struct site aside = {.port = region->health_port};
    CLEANUP(path_close) int fd = browser_connect(&aside);
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    if (fd >= 0 && write(fd, request, sizeof request - 1) == sizeof request - 1)
        site_drain(dup(fd), line, sizeof line);
    return strstr(line, word);
}

static void a_gateway_that_cannot_write_down_who_reads_gives_nothing_and_says_so(void)
{
    struct region region;
    char handle[33], entry[33], path[96];
    open_region(&region, "gateway/audit", "256k");
    CHECK_SOON(count_shown(&region) == 1);
    CHECK(browser_member(&region.browser, "id", entry, sizeof entry));
    CHECK_SOON(health_says(&region, "\nok\n"));
    fill(region.site, "gateway/audit/filler");
    for (int i = 0; i < 40 && region.browser.status != 503; i++) {
        snprintf(path, sizeof path, "/api/v1/entries/%s/openings", entry);
        CHECK(browser_ask(&region.browser, "POST", path, NULL) == 201);
        CHECK(browser_member(&region.browser, "opening", handle, sizeof handle));
        snprintf(path, sizeof path, "/api/v1/openings/%s/content", handle);
        browser_ask(&region.browser, "GET", path, NULL);
    }
    CHECK(region.browser.status == 503);
    CHECK(strstr(region.browser.answer, "\"code\":\"gateway_unwritable\"") &&
          !strstr(region.browser.answer, "7.2"));
    CHECK(health_says(&region, "\naudit_unwritable\n"));
    empty(region.site, "gateway/audit/filler");
    CHECK(browser_ask(&region.browser, "GET", path, NULL) == 200 &&
          strstr(region.browser.answer, "7.2"));
    CHECK(health_says(&region, "\nok\n"));
    close_region(&region, "gateway/audit");
}

int main(void)
{
    bool is_here = !store_testsite_is_postgres(); /* the database, on the disk */
    if (is_here)
        RUN(a_centre_that_does_not_keep_what_comes_is_not_in_step);
    if (!may_mount()) {
        SKIP("small disks", "no right to mount");
        return test_done();
    }
    RUN(a_gateway_that_cannot_write_down_who_reads_gives_nothing_and_says_so);
    if (is_here)
        RUN(what_comes_while_the_centre_s_disk_is_full_is_there_afterwards);
    return test_done();
}
