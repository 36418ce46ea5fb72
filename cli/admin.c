// SPDX-License-Identifier: Apache-2.0
/* tsumugi admin --config FILE …: founds and keeps a network from the shell. */
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "base/secret.h"
#include "cli/admin/admin.h"
#include "cli/commands.h"

enum { ARENA_BYTES = 64 << 20, OUT_BYTES = 64 << 20, WORDS_BEFORE = 5 };

struct action {
    const char *noun;
    const char *verb;
    const char *words;
    admin_action *run;
};

static const struct action actions[] = {
    {"network", "found",
     "--name NAME --consent comprehensive|specific [--waiting-days 30]\n"
     "                    [--assurance certificate|second_factor|password]",
     admin_network_found},
    {"network", "show", "", admin_network_show},
    {"network", "publish", "--from YYYY-MM-DD CODE…   the whole new participant list",
     admin_network_publish},
    {"facility", "add",
     "--code CODE --name NAME --kana KANA --letter L [--kind hospital]\n"
     "                    [--way view_only|gateway] [--slot 1…10] [--may-register "
     "yes|no]",
     admin_facility_add},
    {"facility", "change", "--code CODE and what changes", admin_facility_change},
    {"facility", "list", "", admin_facility_list},
    {"facility", "policy",
     "CODE [--version N]   shows it\n"
     "                    CODE FILE.json   keeps one for a facility without a gateway",
     admin_facility_policy},
    {"gateway", "accept", "CODE FILE.pem   replaces an older one", admin_gateway_accept},
    {"gateway", "refuse", "CODE", admin_gateway_refuse},
    {"browser", "accept", "CODE FILE.pem [--until YYYY-MM-DD]", admin_browser_accept},
    {"browser", "revoke", "FINGERPRINT", admin_browser_revoke},
    {"browser", "list", "", admin_browser_list},
    {"staff", "add",
     "--login LOGIN --name NAME --kana KANA [--birth-day DAY]\n"
     "                    --facility CODE --profession WORD [--role operator]\n"
     "                    [--from DAY] [--until DAY] [--password-file FILE|-]",
     admin_staff_add},
    {"staff", "post", "LOGIN --facility CODE --profession WORD [--role …] …",
     admin_staff_post},
    {"staff", "end-post", "POST [--last-day DAY]   at once without a day",
     admin_staff_end_post},
    {"staff", "disable", "LOGIN", admin_staff_disable},
    {"staff", "enable", "LOGIN", admin_staff_enable},
    {"staff", "unlock", "LOGIN", admin_staff_unlock},
    {"staff", "password", "LOGIN [--password-file FILE|-]", admin_staff_password},
    {"staff", "list", "", admin_staff_list},
    {"restore", "show", "", admin_hold_show},
    {"restore", "mark", "[--copied-at MILLISECONDS]   after restoring a database by hand",
     admin_hold_begin},
    {"database", "upgrade",
     "[--as postgresql://…]   applies what is missing, as the schema's owner",
     admin_database_upgrade},
    {"restore", "confirm", "--statement TEXT   what was done about the time since",
     admin_hold_confirm},
};

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi admin --config FILE …\n", out);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        fprintf(out, "  %-8s %-8s %s\n", actions[i].noun, actions[i].verb,
                actions[i].words);
}

static int refuse_usage(void)
{
    print_usage(stderr);
    return COMMAND_USAGE;
}

static void admin_close(struct admin *admin)
{
    server_office_close(&admin->office);
    if (admin->out.len > 0)
        secret_wipe(admin->out.at, admin->out.len);
    buf_free(&admin->out);
    arena_free(&admin->arena);
}

static bool print(const struct admin *admin, struct err *err)
{
    if (!buf_check(&admin->out, err))
        return false;
    if (admin->out.len == 0)
        return true;
    bool is_out = fwrite(admin->out.at, 1, admin->out.len, stdout) == admin->out.len &&
                  fflush(stdout) == 0;
    return is_out || err_set(err, ERR_SYSTEM, "output_failed", "stdout is not writable");
}

/* The schema's owner opens the database, who may do what the server may not. */
static bool take_owner(struct admin *admin, struct err *err)
{
    struct text location = TEXT("");
    if (!admin_take_or(admin, "--as", &location, err))
        return false;
    if (text_is_empty(location))
        return true;
    admin->office.database = text_to_cstr(location, &admin->arena, err);
    return admin->office.database != NULL;
}

static bool perform(const struct action *action, const char *config, char **words,
                    int count, struct err *err)
{
    struct clock clock = clock_system();
    CLEANUP(admin_close)
    struct admin admin = {.arena = arena_init(ARENA_BYTES),
                          .rand = rand_system(),
                          .now_ms = clock_wall_ms(&clock),
                          .words = {words, count},
                          .out = buf_init(OUT_BYTES)};
    admin.today = day_of_instant(admin.now_ms);
    admin.writer = json_writer(&admin.out);
    return server_office_read(&admin.office, config, err) &&
           (action->run != admin_database_upgrade || take_owner(&admin, err)) &&
           server_office_open(&admin.office, "admin", err) && action->run(&admin, err) &&
           print(&admin, err);
}

static int run(int argc, char **argv)
{
    const struct action *action = NULL;
    struct err err = {0};
    if (argc < WORDS_BEFORE || argc > ADMIN_WORDS_MAX || strcmp(argv[1], "--config") != 0)
        return refuse_usage();
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(argv[3], actions[i].noun) == 0 &&
            strcmp(argv[4], actions[i].verb) == 0)
            action = &actions[i];
    if (!action)
        return refuse_usage();
    if (perform(action, argv[2], argv + WORDS_BEFORE, argc - WORDS_BEFORE, &err))
        return COMMAND_OK;
    fprintf(stderr, "tsumugi admin: %s: %s\n", err.code, err.text);
    return strcmp(err.code, "usage") == 0 ? COMMAND_USAGE : COMMAND_FAILED;
}

const struct command command_admin = {"admin", "founds and keeps a network", print_usage,
                                      run};
