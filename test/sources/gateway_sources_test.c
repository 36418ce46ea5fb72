// SPDX-License-Identifier: Apache-2.0
/* A gateway as a process, with a real index database: what its office is told of it, and
 * that its reader lives no longer than it does. */
#include <time.h>

#include "cli/command_testsite.h"
#include "gateway/rows/rows_testsite.h"

struct gateway_site {
    struct site *site;
    struct rows_testsite rows;
    char config[SITE_PATH_BYTES];
    pid_t process;
};

/* A gateway whose centre is nowhere. */
static void begin(struct gateway_site *self)
{
    char text[4096], path[SITE_PATH_BYTES], hex[65];
    struct err err = {0};
    *self = (struct gateway_site){.site = site_new()};
    const char *at = self->site->place.directory;
    rows_testsite_begin(&self->rows, NULL);
    memset(hex, '0', 64);
    hex[64] = '\0';
    CHECK(path_make_directory(site_path(self->site, "storage/000", path), &err));
    site_write(self->site, "policy.json",
               "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}");
    snprintf(
        text, sizeof text,
        "{\"facility_code\":\"9911000011\",\"facility_name\":\"空病院\",\"node\":\"n\","
        "\"data\":\"%s/gateway\",\"storage\":[{\"label\":\"STD01\",\"directory\":"
        "\"%s/storage\"}],\"policy\":\"%s/policy.json\",\"index_database\":{"
        "\"connection\":\"%s\",\"period_seconds\":1},\"centre\":{\"host\":"
        "\"127.0.0.1\",\"port\":1,\"certificate\":\"%s/centre.crt\",\"key\":"
        "\"%s/centre.key\",\"authority\":\"%s/ca.crt\",\"grant_key\":\"%s\"}}",
        at, at, at, self->rows.connection, at, at, at, hex);
    site_write(self->site, "gateway.json", text);
    site_path(self->site, "gateway.json", self->config);
    self->process = site_begin(self->site, "gateway", self->config, -1);
}

static void end(struct gateway_site *self)
{
    site_end(&self->process);
    rows_testsite_end(&self->rows);
    site_free(self->site);
}

static void pause_a_little(void)
{
    struct timespec pause = {0, 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

/* The office is told so within a minute. */
static bool comes(struct gateway_site *self, const char *form, const char *word)
{
    for (int i = 0; i < 1200; i++) {
        if (form)
            SITE_RUN(self->site, "gateway", "--config", self->config, "--sources", form);
        else
            SITE_RUN(self->site, "gateway", "--config", self->config, "--sources");
        if (strstr(self->site->out, word))
            return true;
        pause_a_little();
    }
    return site_says(self->site, word);
}

static void the_office_is_told_how_the_index_database_is(void)
{
    struct gateway_site self;
    begin(&self);
    CHECK(comes(&self, NULL, "\"state\":\"index_database_table\""));
    CHECK(comes(&self, "metrics", "source_fault{source=\"index_database\",reason=\""));
    CHECK(site_says(self.site, "source_up{source=\"index_database\"} 0\n"));
    rows_testsite_do(&self.rows, "CREATE TABLE SSMIXIDX (" ROWS_COLUMNS ");"
                                 "INSERT INTO SSMIXIDX VALUES ('STD01', '9911000011', "
                                 "'..', '-', 'ADT-00', '1', 'INS', '-', '1', '..', '..', "
                                 "'2024-05-01 12:00:00')");
    CHECK(comes(&self, NULL, "\"refused\":1"));
    CHECK(site_says(self.site, "\"source\":\"index_database\",\"state\":\"ok\""));
    CHECK(comes(&self, "metrics", "source_up{source=\"index_database\"} 1\n"));
    CHECK(SITE_RUN(self.site, "gateway", "--config", self.config, "--sources", "xml") !=
          0);
    end(&self);
}

/* The process that reads for this one; 0 = none. */
static pid_t reader_of(struct gateway_site *self)
{
    char gateway[32], file[160];
    struct err err = {0};
    struct span bytes = {0};
    uint64_t id = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    snprintf(gateway, sizeof gateway, "%d", (int)self->process);
    snprintf(file, sizeof file, "%s/reader", self->rows.folder);
    const char *const run[] = {"bash", "-c",    "ps -o pid= --ppid $1 | tr -d ' \n' > $2",
                               "test", gateway, file,
                               NULL};
    CHECK(rows_testsite_run(run) == 0);
    return path_read_file(file, 32, &arena, &bytes, &err) &&
                   span_uint(bytes, INT32_MAX, &id)
               ? (pid_t)id
               : 0;
}

static void a_killed_gateway_leaves_no_reader_behind(void)
{
    struct gateway_site self;
    begin(&self);
    rows_testsite_do(&self.rows, "CREATE TABLE SSMIXIDX (" ROWS_COLUMNS ")");
    CHECK(comes(&self, NULL, "\"state\":\"ok\""));
    pid_t reader = reader_of(&self);
    CHECK(reader > 0 && kill(reader, 0) == 0);
    kill(self.process, SIGKILL);
    CHECK(waitpid(self.process, NULL, 0) == self.process);
    self.process = 0;
    for (int i = 0; i < 600 && kill(reader, 0) == 0; i++)
        pause_a_little();
    CHECK(kill(reader, 0) != 0);
    end(&self);
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("gateway", "TSUMUGI does not name the program");
        return test_done();
    }
    RUN(the_office_is_told_how_the_index_database_is);
    RUN(a_killed_gateway_leaves_no_reader_behind);
    return test_done();
}
