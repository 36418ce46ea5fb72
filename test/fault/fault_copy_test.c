// SPDX-License-Identifier: Apache-2.0
/* Making a copy of a centre and bringing it back, each call failing once: what is called
 * a copy can be brought back, and what was brought back in part is not taken for a
 * centre. A sample; FAULT_ALL=1 (make faults) is all. */
#include "test/fault/fault_calls.h"

#include <dirent.h>

#include "base/day.h"
#include "base/path.h"
#include "base/secret.h"
#include "cli/commands.h"
#include "server/server.h"
#include "test/fault/fault_works.h"

#define CLINIC "2012345679"

enum { COPY_BYTES = 512 };
static char template[64]; /* a founded centre, made once */
static char copied[64];   /* and a copy of it that was brought back once, in "copies" */
static char copy_there[COPY_BYTES]; /* the same in the round's folder */

/* ---- commands of the program, in this process ---- */

static int quiet(const struct command *command, char *const words[])
{
    int argc = 0;
    while (words[argc])
        argc++;
    fflush(NULL);
    int kept[2] = {dup(1), dup(2)};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!getenv("TEST_LOG")) {
        dup2(nowhere, 1);
        dup2(nowhere, 2);
    }
    int status = command->run(argc, (char **)(uintptr_t)words);
    fflush(NULL);
    dup2(kept[0], 1);
    dup2(kept[1], 2);
    close(kept[0]);
    close(kept[1]);
    close(nowhere);
    return status;
}

#define WORD(text) ((char *)(uintptr_t)(text))
#define RUN_COMMAND(command, ...)                                                        \
    quiet(&(command), (char *const[]){WORD((command).name), __VA_ARGS__, NULL})
#define ADMIN(config, ...)                                                               \
    RUN_COMMAND(command_admin, WORD("--config"), config, __VA_ARGS__)

/* ---- the centre ---- */

static void write_config(const char *folder, const char *name)
{
    char path[160];
    char text[700];
    struct err err = {0};
    snprintf(
        text, sizeof text,
        "{\"data\":\"%s/%s\",\"node\":\"centre\",\"backup_key\":\"%s/backup.key\","
        "\"browsers\":{\"address\":\"127.0.0.1\",\"port\":0,\"certificate\":\"%s/c\","
        "\"key\":\"%s/k\",\"authority\":\"%s/a\"},\"gateways\":{\"address\":"
        "\"127.0.0.1\",\"port\":0,\"certificate\":\"%s/c\",\"key\":\"%s/k\","
        "\"authority\":\"%s/a\"}}",
        folder, name, folder, folder, folder, folder, folder, folder, folder);
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    CHECK(path_write_file(path, span_cstr(text), &err));
}

static char *file_in(const char *folder, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", folder, name);
    return path;
}

static void make_template(void)
{
    char path[160], config[160], today[DAY_TEXT_BYTES];
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    folder_new("fault_copy", template);
    write_config(template, "data");
    file_in(template, "data.json", config);
    CHECK(RUN_COMMAND(command_backup, WORD("--make-key"),
                      file_in(template, "backup.key", path)) == 0);
    CHECK(ADMIN(config, WORD("network"), WORD("found"), WORD("--name"), WORD("紬の里"),
                WORD("--consent"), WORD("comprehensive")) == 0);
    CHECK(ADMIN(config, WORD("facility"), WORD("add"), WORD("--code"), WORD(CLINIC),
                WORD("--name"), WORD("きた診療所"), WORD("--kana"), WORD("キタ"),
                WORD("--letter"), WORD("K"), WORD("--kind"), WORD("clinic")) == 0);
    CHECK(ADMIN(config, WORD("network"), WORD("publish"), WORD("--from"), today,
                WORD(CLINIC)) == 0);
}

/* The founded centre below the round's folder. */
static void put_centre(void)
{
    folder_copy(template, fault_folder);
    write_config(fault_folder, "data");
    write_config(fault_folder, "other");
}

/* Where the copy of the round's folder is; "" when there is none. */
static void find_copy(char copy[COPY_BYTES])
{
    char path[160];
    DIR *listing = opendir(file_in(fault_folder, "copies", path));
    copy[0] = '\0';
    for (struct dirent *one = listing ? readdir(listing) : NULL; one;
         one = readdir(listing))
        if (one->d_name[0] != '.')
            snprintf(copy, COPY_BYTES, "%s/%s", path, one->d_name);
    if (listing)
        closedir(listing);
}

static void put_copied(void)
{
    put_centre();
    folder_copy(copied, fault_folder);
    find_copy(copy_there);
}

static int make_copy(const char *config, const char *to)
{
    char from[160], there[160];
    return RUN_COMMAND(command_backup, WORD("--config"),
                       file_in(fault_folder, config, from), WORD("--to"),
                       file_in(fault_folder, to, there));
}

static int bring(const char *copy, const char *config, bool is_drill)
{
    char path[160];
    file_in(fault_folder, config, path);
    return is_drill ? RUN_COMMAND(command_restore, WORD("--from"), WORD(copy),
                                  WORD("--config"), path, WORD("--drill"))
                    : RUN_COMMAND(command_restore, WORD("--from"), WORD(copy),
                                  WORD("--config"), path);
}

/* How many whole copies there are; each can be brought back. */
static int count_copies(const char *to, char copy[COPY_BYTES])
{
    char path[160];
    int count = 0;
    DIR *listing = opendir(file_in(fault_folder, to, path));
    for (struct dirent *one = listing ? readdir(listing) : NULL; one;
         one = readdir(listing)) {
        if (one->d_name[0] == '.' || strstr(one->d_name, ".part"))
            continue;
        snprintf(copy, COPY_BYTES, "%s/%s", path, one->d_name);
        CHECK(bring(copy, "data.json", true) == 0);
        count++;
    }
    if (listing)
        closedir(listing);
    return count;
}

static void make_copied(void)
{
    char copy[COPY_BYTES], from[160], to[160];
    folder_new("fault_copied", copied);
    fault_folder = template;
    CHECK(make_copy("data.json", "copies") == 0 && count_copies("copies", copy) == 1);
    file_in(template, "copies", from);
    CHECK(rename(from, file_in(copied, "copies", to)) == 0);
}

/* ---- the works ---- */

static void run_copy(void)
{
    int status = make_copy("data.json", "copies");
    fault_disarm();
    if (status == 0)
        fault_ack(1);
}

static void check_copy(bool may_have_more)
{
    char copy[COPY_BYTES];
    (void)may_have_more;
    put_centre(); /* which is not what is looked at */
    int count = count_copies("copies", copy);
    CHECK(fault_acked(0) == 0 || count == 1);
    CHECK(make_copy("data.json", "later") == 0);
    CHECK(count_copies("later", copy) == 1);
}

static void run_bring(void)
{
    int status = bring(copy_there, "other.json", false);
    fault_disarm();
    if (status == 0)
        fault_ack(1);
}

static bool is_there(const char *name)
{
    char path[160];
    return access(file_in(fault_folder, name, path), F_OK) == 0;
}

static void check_bring(bool may_have_more)
{
    char copy[COPY_BYTES], config[160], copies[160];
    (void)may_have_more;
    put_centre();
    file_in(fault_folder, "copies", copies);
    CHECK(folder_same(copies, file_in(copied, "copies", config)));
    find_copy(copy);
    bool is_cut = is_there("other/" SERVER_RESTORING);
    bool is_centre = is_there("other/centre.db") && !is_cut;
    CHECK(fault_acked(0) == 0 || is_centre);
    if (!is_cut && !is_centre) /* nothing of it is there: again */
        CHECK(bring(copy, "other.json", false) == 0);
    file_in(fault_folder, "other.json", config);
    if (is_cut) { /* neither a server nor anybody else takes it for a centre */
        CHECK(ADMIN(config, WORD("facility"), WORD("list")) != 0);
        return;
    }
    CHECK(ADMIN(config, WORD("restore"), WORD("confirm"), WORD("--statement"),
                WORD("確認した")) == 0);
    CHECK(ADMIN(config, WORD("facility"), WORD("list")) == 0);
    CHECK(make_copy("other.json", "later") == 0);
    CHECK(count_copies("later", copy) == 1);
}

/* ---- each call ---- */

enum { SAMPLE = 6 };

static const struct work copy_works[] = {{"copy", run_copy, check_copy, put_centre},
                                         {"bring", run_bring, check_bring, put_copied}};

/* Every second one from then on. False when there is no such call. */
static bool try_one(void *context, int64_t at)
{
    struct round round = *(struct round *)context;
    round.first = at;
    round.last = at % 2 == 0 ? INT64_MAX : at;
    CHECK(round_try(&round));
    return atomic_load(&fault_plan->hit) > 0 || round.was_killed;
}

static void try_sample(struct round round)
{
    int64_t count = count_calls(round.work, round.calls);
    int64_t rounds = count < SAMPLE ? count : SAMPLE;
    uint64_t state = (uint64_t)count * 31 + round.calls;
    CHECK(count > 0);
    for (int64_t i = 0; i < rounds; i++) {
        round.first = rounds == count
                          ? i + 1
                          : 1 + (int64_t)(fault_random(&state) % (uint64_t)count);
        round.last = i % 2 ? INT64_MAX : round.first;
        CHECK(round_try(&round));
    }
    printf("# %s: %lld calls of %x\n", round.work->name, (long long)count, round.calls);
}

static void try_each(enum fault_call call, enum fault_action action, int number)
{
    for (size_t w = 0; w < 2; w++) {
        struct round round = {.work = &copy_works[w],
                              .calls = FAULT_OF(call),
                              .action = action,
                              .number = number};
        if (!fault_is_wanted(round.work, call))
            continue;
        if (!getenv("FAULT_ALL")) {
            try_sample(round);
            continue;
        }
        int64_t count = try_until_none(try_one, &round);
        CHECK(count > 0);
        printf("# %s: %lld calls of %d\n", round.work->name, (long long)count, (int)call);
    }
}

static void a_name_that_cannot_be_changed_is_told(void)
{
    try_each(FAULT_RENAME, FAULT_ERROR, EACCES);
}

static void a_file_that_cannot_be_opened_is_told(void)
{
    try_each(FAULT_OPEN, FAULT_ERROR, EMFILE);
}

static void a_full_disk_is_told(void)
{
    try_each(FAULT_WRITE, FAULT_SHORT, ENOSPC);
}

static void a_sync_that_fails_is_told(void)
{
    try_each(FAULT_SYNC, FAULT_ERROR, EIO);
}

static void memory_that_is_short_is_told(void)
{
    try_each(FAULT_MEMORY, FAULT_ERROR, ENOMEM);
}

static void an_end_at_any_call_leaves_no_half(void)
{
    try_each(FAULT_WRITE, FAULT_KILL, 0);
    try_each(FAULT_RENAME, FAULT_KILL, 0);
}

/* From the last sync on: behind it nothing more is waited for. */
static void what_was_called_done_outlives_the_power(void)
{
    for (size_t w = 0; w < 2; w++) {
        struct round round = {
            .work = &copy_works[w], .calls = FAULT_OF_DISK, .action = FAULT_POWER};
        if (!fault_is_wanted(round.work, FAULT_CALLS))
            continue;
        int64_t count = count_calls(round.work, round.calls);
        int rounds = getenv("FAULT_ALL") ? 1000 : 30;
        for (int i = 0; i < rounds; i++) {
            round.seed = (uint64_t)i;
            round.first = round.last = count - i % (int)count;
            CHECK(round_try(&round));
        }
        round.first = round.last = INT64_MAX;
        round.loses_power_at_end = true;
        for (int i = 0; i < rounds; i++) {
            round.seed = (uint64_t)i;
            CHECK(round_try(&round));
        }
    }
}

int main(void)
{
    struct err err = {0};
    fault_plan_new();
    CHECK(secret_start(&err));
    hash_hmac(SPAN("key"), SPAN("bytes")); /* OpenSSL sets itself up */
    setenv("TMPDIR", folder_base(), 1);
    make_template();
    make_copied();
    RUN(a_name_that_cannot_be_changed_is_told);
    RUN(a_file_that_cannot_be_opened_is_told);
    RUN(a_full_disk_is_told);
    RUN(a_sync_that_fails_is_told);
    RUN(memory_that_is_short_is_told);
    RUN(an_end_at_any_call_leaves_no_half);
    RUN(what_was_called_done_outlives_the_power);
    fault_empty(template);
    fault_empty(copied);
    return test_done();
}
