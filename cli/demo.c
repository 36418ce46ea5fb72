// SPDX-License-Identifier: Apache-2.0
/* tsumugi demo: a region on this machine, to click through or to test itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/commands.h"
#include "cli/demo/demo.h"
#include "cli/signals.h"
#include "exchange/audit/audit.h"

enum { TICK_MS = 500, ARENA_BYTES = 1 << 30, PORT_DEFAULT = 8080 };

static const char usage[] =
    "usage: tsumugi demo [--port N] [--dir DIR] [--people N] [--today DATE]\n"
    "                    [--consent MODEL] [--database URI] [--full] [--tls | --once]\n"
    "Starts an invented region on this machine: a centre, three hospitals, two\n"
    "clinics, a dentist, a pharmacy, visiting nurses, a care office, and all accounts.\n"
    "  --port N      where the page is, 8080 when left out, 0 = any free port\n"
    "  --dir DIR     keeps the region there and uses it again; a temporary folder\n"
    "                that is removed at the end when left out\n"
    "  --people N    28 to 20000 persons, 200 when left out\n"
    "  --today DATE  the region's last day, today when left out\n"
    "  --consent MODEL  comprehensive (the list of participants) or specific (each\n"
    "                facility is named); comprehensive when left out\n"
    "  --database URI  the centre's database on a PostgreSQL server, postgresql://…;\n"
    "                an SQLite file below DIR when left out\n"
    "  --full        large studies too, a CT of 600 slices and 24 hours of ECG; a\n"
    "                minute and 300 MB more\n"
    "  --tls         the page over HTTPS, for browsers with a facility's certificate\n"
    "  --once        starts, tests the main job through HTTP, stops; exit status\n"
    "While it runs, a hospital is switched by a file: echo on > DIR/switch/CODE\n";

struct options {
    struct demo demo;
    bool is_once;
};

static bool take_number(const char *value, uint64_t max, int *number)
{
    uint64_t got = 0;
    if (!value || !span_uint(span_cstr(value), max, &got))
        return false;
    *number = (int)got;
    return true;
}

static bool take_option(struct options *options, const char *name, const char *value)
{
    struct demo *demo = &options->demo;
    if (strcmp(name, "--port") == 0)
        return take_number(value, 65535, &demo->port);
    if (strcmp(name, "--people") == 0)
        return take_number(value, 20000, &demo->people);
    if (strcmp(name, "--dir") == 0) {
        demo->directory = value;
        return value != NULL;
    }
    if (strcmp(name, "--consent") == 0) {
        demo->consent = value ? value : "";
        return strcmp(demo->consent, "specific") == 0 ||
               strcmp(demo->consent, "comprehensive") == 0;
    }
    if (strcmp(name, "--database") == 0) {
        demo->database = value;
        return value != NULL;
    }
    if (strcmp(name, "--today") == 0) {
        demo->today = value ? day_from_iso(span_cstr(value)) : DAY_NONE;
        return demo->today != DAY_NONE;
    }
    return false;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0)
            options->is_once = true;
        else if (strcmp(argv[i], "--tls") == 0)
            options->demo.has_tls = true;
        else if (strcmp(argv[i], "--full") == 0)
            options->demo.is_full = true;
        else if (i + 1 == argc || !take_option(options, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return true;
}

static void print_accounts(const struct demo *demo)
{
    const struct json_value *root = json_root(demo->region);
    const struct json_value *staff = json_member(root, "staff");
    const struct json_value *facilities = json_member(root, "facilities");
    printf("\n  %-12s %-24s %s\n", "ID", "password", "");
    for (size_t i = 0; i < json_count(staff); i++) {
        const struct json_value *one = json_item(staff, i);
        const struct json_value *post = json_item(json_member(one, "posts"), 0);
        struct text words[4] = {0};
        struct text code = {0};
        struct text place = {0};
        struct err err = {0};
        (void)(!json_take_text_or(one, "login", 64, &words[0], &err) ||
               !json_take_text_or(one, "password", 128, &words[1], &err) ||
               !json_take_text_or(one, "name", 128, &words[2], &err) ||
               !json_take_text_or(post, "profession", 64, &words[3], &err) ||
               !json_take_text_or(post, "facility", 64, &code, &err));
        for (size_t j = 0; j < json_count(facilities); j++) {
            struct text candidate = {0};
            const struct json_value *facility = json_item(facilities, j);
            (void)!json_take_text_or(facility, "code", 64, &candidate, &err);
            if (text_equal(candidate, code))
                (void)!json_take_text_or(facility, "name", 128, &place, &err);
        }
        printf("  %-12.*s %-24.*s %.*s  %.*s (%.*s)\n", (int)words[0].len, words[0].at,
               (int)words[1].len, words[1].at, (int)place.len, place.at,
               (int)words[2].len, words[2].at, (int)words[3].len, words[3].at);
    }
}

static void print_welcome(const struct demo *demo)
{
    printf("\nTsumugi demo: http%s://localhost:%d  (invented persons only)\n",
           demo->has_tls ? "s" : "", demo->port);
    print_accounts(demo);
    if (demo->has_tls)
        printf("\n  A browser trusts %s/certificates/authority.crt and shows the\n"
               "  certificate of its facility, FACILITY-terminal.p12 beside it "
               "(password " DEMO_BUNDLE_PASSWORD ").\n",
               demo->directory);
    for (size_t i = 0; i < demo->hospital_count; i++) {
        const struct demo_hospital *hospital = &demo->hospitals[i];
        if (hospital->is_away)
            printf("\n  %.*s is switched off; to switch it on:\n"
                   "  echo on > %s/switch/%.*s\n",
                   (int)hospital->name.len, hospital->name.at, demo->directory,
                   (int)hospital->code.len, hospital->code.at);
    }
    if (demo->dicom_port > 0)
        printf("\n  The first hospital takes DICOM at localhost:%d; with DCMTK:\n"
               "    storescu -aet " DEMO_DICOM_PEER " -aec " DEMO_DICOM_TITLE
               " localhost %d FILE…\n",
               demo->dicom_port, demo->dicom_port);
    printf("\nCtrl-C ends it.\n");
    fflush(stdout);
}

/* "on" or "off" in DIR/switch/CODE; anything else leaves it as it is. */
static void read_switch(const struct demo *demo, struct demo_hospital *hospital)
{
    char name[64];
    char path[DEMO_PATH_BYTES];
    struct err err = {0};
    struct span word = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    snprintf(name, sizeof name, "switch/%.*s", (int)hospital->code.len,
             hospital->code.at);
    demo_path(demo, name, path);
    if (!path_read_file(path, 64, &arena, &word, &err))
        return;
    if (span_starts(word, "on"))
        hospital->is_away = false;
    else if (span_starts(word, "off"))
        hospital->is_away = true;
}

/* A process that ended by itself is started again, as a service manager would. */
static void look_after(struct demo *demo)
{
    struct err err = {0};
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended > 0 && ended == demo->server) {
        demo->server = 0;
        if (!demo_start_server(demo, &err))
            fprintf(stderr, "tsumugi demo: %s\n", err.text);
        err_clear(&err);
    }
    for (size_t i = 0; i < demo->hospital_count; i++) {
        struct demo_hospital *hospital = &demo->hospitals[i];
        if (ended > 0 && ended == hospital->process)
            hospital->process = 0;
        read_switch(demo, hospital);
        if (hospital->is_away)
            demo_stop_gateway(hospital);
        else if (hospital->process == 0 && !demo_start_gateway(demo, hospital, &err))
            fprintf(stderr, "tsumugi demo: %s\n", err.text);
        err_clear(&err);
    }
}

static bool start_all(struct demo *demo, struct err *err)
{
    bool is_prepared = demo_is_prepared(demo);
    if (is_prepared ? !demo_read_region(demo, err) : !demo_prepare(demo, err))
        return false;
    if (!demo_write_server_config(demo, err) || !demo_start_server(demo, err) ||
        !demo_write_server_config(demo, err) || !demo_write_gateway_configs(demo, err))
        return false;
    for (size_t i = 0; i < demo->hospital_count; i++)
        if (!demo->hospitals[i].is_away &&
            !demo_start_gateway(demo, &demo->hospitals[i], err))
            return false;
    return true;
}

/* After everything stopped: the audits of all sides are whole. */
static bool check_audits(const struct demo *demo)
{
    bool is_good = true;
    for (size_t i = 0; i <= demo->hospital_count; i++) {
        char name[64];
        char path[DEMO_PATH_BYTES];
        uint64_t count = 0;
        struct audit_fault fault = {0};
        struct err err = {0};
        if (i == demo->hospital_count)
            snprintf(name, sizeof name, "centre/audit");
        else if (demo->hospitals[i].is_away)
            continue;
        else
            snprintf(name, sizeof name, "gateway/%.*s/audit",
                     (int)demo->hospitals[i].code.len, demo->hospitals[i].code.at);
        demo_path(demo, name, path);
        bool is_whole = audit_verify(path, &count, &fault, &err);
        printf("%sok - audit of %s is whole, %llu records\n", is_whole ? "" : "not ",
               name, (unsigned long long)count);
        is_good = is_good && is_whole;
    }
    return is_good;
}

static void remove_tree(const char *directory)
{
    pid_t process = fork();
    if (process == 0) {
        signals_unblock();
        execlp("rm", "rm", "-rf", "--", directory, (char *)NULL);
        _exit(127);
    }
    if (process > 0)
        waitpid(process, NULL, 0);
}

static int run_demo(struct options *options)
{
    struct demo *demo = &options->demo;
    struct err err = {0};
    bool is_good = start_all(demo, &err);
    if (!is_good)
        fprintf(stderr, "tsumugi demo: %s: %s\n", err.code, err.text);
    if (is_good && options->is_once) {
        is_good = demo_test_main_job(demo);
    } else if (is_good) {
        print_welcome(demo);
        while (!signals_wait(TICK_MS))
            look_after(demo);
    }
    demo_stop_all(demo);
    if (options->is_once)
        is_good = check_audits(demo) && is_good;
    path_close(&demo->dicom_held);
    json_free(demo->region);
    arena_free(&demo->arena);
    return is_good ? COMMAND_OK : COMMAND_FAILED;
}

static void print_usage(FILE *out)
{
    fputs(usage, out);
}

static int run(int argc, char **argv)
{
    char temporary[] = "/tmp/tsumugi-demo-XXXXXX";
    struct clock clock = clock_system();
    struct options options = {.demo = {.synth = command_synth.run,
                                       .port = PORT_DEFAULT,
                                       .people = 200,
                                       .consent = "comprehensive",
                                       .today = day_of_instant(clock_wall_ms(&clock)),
                                       .dicom_held = -1,
                                       .arena = arena_init(ARENA_BYTES)}};
    bool is_read =
        read_options(&options, argc, argv) && !(options.is_once && options.demo.has_tls);
    if (!is_read) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    signals_block();
    bool is_temporary = !options.demo.directory;
    char *whole = is_temporary ? mkdtemp(temporary) : NULL;
    if (!is_temporary) {
        struct err err = {0};
        if (!path_make_directory(options.demo.directory, &err))
            fprintf(stderr, "tsumugi demo: %s\n", err.text);
        whole = realpath(options.demo.directory, NULL);
    }
    if (!whole) {
        fputs("tsumugi demo: the folder cannot be made\n", stderr);
        return COMMAND_FAILED;
    }
    options.demo.directory = whole;
    int status = run_demo(&options);
    if (is_temporary)
        remove_tree(whole);
    else
        free(whole); /* allowed: realpath's own memory */
    return status;
}

const struct command command_demo = {"demo", "an invented region on this machine",
                                     print_usage, run};
