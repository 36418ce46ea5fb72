// SPDX-License-Identifier: Apache-2.0
/* tsumugi itself, run as a program: what it says to somebody who asks how. */
#include "cli/command_testsite.h"

static const char *const names[] = {
    "server", "gateway", "demo",   "inspect", "ssmix",  "audit",
    "synth",  "admin",   "backup", "restore", "render",
};
enum { NAMES = sizeof names / sizeof *names };

static bool shows_usage(struct site *site, const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "usage: tsumugi %s ", name);
    bool is_good = site->status == 0 && site->fault[0] == '\0' &&
                   strncmp(site->out, line, strlen(line)) == 0 &&
                   site->out[strlen(site->out) - 1] == '\n';
    if (!is_good)
        printf("# %s: %d, %.80s, %.80s\n", name, site->status, site->out, site->fault);
    return is_good;
}

static void every_command_says_how_it_is_used_and_ends_with_0(void)
{
    struct site *site = site_new();
    CHECK(SITE_RUN(site, "--help") == 0);
    for (size_t i = 0; i < NAMES; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  %s ", names[i]);
        CHECK(SITE_RUN(site, "--help") == 0 && site_says(site, line));
        SITE_RUN(site, names[i], "--help");
        CHECK(shows_usage(site, names[i]));
        SITE_RUN(site, names[i], "-h");
        CHECK(shows_usage(site, names[i]));
        SITE_RUN(site, "help", names[i]);
        CHECK(shows_usage(site, names[i]));
    }
    site_free(site);
}

static void help_is_heard_behind_other_words_and_nothing_is_done(void)
{
    struct site *site = site_new();
    char path[SITE_PATH_BYTES];
    SITE_RUN(site, "ssmix", "check", "--help");
    CHECK(shows_usage(site, "ssmix"));
    SITE_ADMIN(site, "network", "found", "--help");
    CHECK(shows_usage(site, "admin"));
    CHECK(access(site_path(site, "data", path), F_OK) != 0);
    SITE_RUN(site, "audit", "verify", "--help");
    CHECK(shows_usage(site, "audit"));
    site_free(site);
}

static void what_is_mistyped_is_refused_with_the_usage_on_stderr(void)
{
    struct site *site = site_new();
    for (size_t i = 0; i < NAMES; i++) {
        CHECK(SITE_RUN(site, names[i], "--hlep") == 2);
        CHECK(site->out[0] == '\0' && strstr(site->fault, "usage: tsumugi "));
    }
    CHECK(SITE_RUN(site, "help", "nothing") == 2 && site->out[0] == '\0');
    CHECK(SITE_RUN(site, "nothing", "--help") == 2 && site->out[0] == '\0');
    /* behind -- stands a file's name */
    CHECK(SITE_RUN(site, "inspect", "--", "--help") == 1);
    CHECK(site_says(site, "no such file"));
    site_free(site);
}

int main(void)
{
    RUN(every_command_says_how_it_is_used_and_ends_with_0);
    RUN(help_is_heard_behind_other_words_and_nothing_is_done);
    RUN(what_is_mistyped_is_refused_with_the_usage_on_stderr);
    return test_done();
}
