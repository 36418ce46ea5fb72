// SPDX-License-Identifier: Apache-2.0
/* tsumugi backup --config FILE --to DIR: a sealed copy of a centre, beside its server;
 * with --thin older copies go. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "cli/backup/backup.h"
#include "cli/commands.h"
#include "formats/json/json.h"

struct wish {
    const char *config;
    const char *to;
    bool is_without; /* the database, which is elsewhere */
    bool is_thinned;
};

static int fail(const struct err *err)
{
    fprintf(stderr, "tsumugi backup: %s: %s\n", err->code, err->text);
    return COMMAND_FAILED;
}

static bool check_way(const struct server_office *office, bool is_without,
                      struct err *err)
{
    if (!office->backup_key)
        return err_set(err, ERR_REFUSED, "backup_key",
                       "the configuration names no backup_key (--make-key makes one)");
    if (office->is_elsewhere && !is_without)
        return err_set(err, ERR_REFUSED, "backup_elsewhere",
                       "the database is on a PostgreSQL server: copy it there, and the "
                       "rest --without-database");
    if (!office->is_elsewhere && is_without)
        return err_set(err, ERR_REFUSED, "backup_elsewhere",
                       "the database is here and belongs into the copy");
    return true;
}

struct copying {
    struct server_office office;
    struct seal_key key;
    const struct wish *wish;
    char made[PATH_MAX_BYTES + 1];
    struct backup_manifest manifest;
};

static void copying_close(struct copying *copying)
{
    secret_wipe(&copying->key, sizeof copying->key);
    server_office_close(&copying->office);
}

static void print(const struct copying *copying)
{
    CLEANUP(buf_free) struct buf out = buf_init(8192);
    struct json_writer writer = json_writer(&out);
    const struct backup_manifest *manifest = &copying->manifest;
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest->file_count; i++)
        bytes += manifest->files[i].result.plain_bytes;
    json_open_object(&writer);
    json_put_cstr(&writer, "copy", copying->made);
    json_put_int(&writer, "made_at", manifest->made_at);
    json_put_bool(&writer, "has_database", manifest->has_database);
    json_put_int(&writer, "files", (int64_t)manifest->file_count);
    json_put_int(&writer, "bytes", (int64_t)bytes);
    json_close_object(&writer);
    printf("%.*s\n", (int)out.len, (const char *)out.at);
}

static bool make(struct copying *copying, struct err *err)
{
    const struct wish *wish = copying->wish;
    if (!backup_make(&copying->office, &copying->key, wish->to, !wish->is_without,
                     copying->made, &copying->manifest, err))
        return false;
    print(copying);
    return true;
}

/* Before anything else: what lies there may be the room that the next copy lacks. */
static bool clear(struct copying *copying, struct err *err)
{
    struct clock clock = clock_system();
    size_t removed = 0;
    if (!backup_clear(copying->wish->to, text_cstr(copying->office.node),
                      clock_wall_ms(&clock), &removed, err))
        return false;
    if (removed > 0)
        printf("{\"unfinished_removed\":%zu}\n", removed);
    return true;
}

static bool thin(struct copying *copying, struct err *err)
{
    size_t removed = 0;
    if (!backup_thin(copying->wish->to, &copying->key, &copying->manifest,
                     &copying->office.arena, &removed, err))
        return false;
    printf("{\"removed\":%zu}\n", removed);
    return true;
}

/* ---- in the audit ---- */

typedef bool copying_work(struct copying *copying, struct err *err);

static bool note(struct copying *copying, const struct audit_record *record,
                 struct err *err)
{
    struct audit_position position;
    return audit_append(copying->office.audit, record, &position, err);
}

/* Between a row that says that it begins and one that says how it ended. */
static bool do_noted(struct copying *copying, const char *reason, copying_work *work,
                     struct err *err)
{
    struct rand rand = rand_system();
    struct audit_record record = {.phase = AUDIT_DECISION,
                                  .event = "admin",
                                  .verdict = "permit",
                                  .reason = reason,
                                  .actor = {.factors = TEXT("shell")},
                                  .request = id_new(&rand)};
    if (!note(copying, &record, err))
        return false;
    struct err late = {0};
    bool is_done = work(copying, err);
    record.phase = AUDIT_FINISH;
    record.verdict = is_done ? "done" : "failed";
    bool is_noted = note(copying, &record, is_done ? err : &late);
    return is_done && is_noted;
}

static bool copy(const struct wish *wish, struct err *err)
{
    CLEANUP(copying_close) struct copying copying = {.wish = wish};
    return server_office_read(&copying.office, wish->config, err) &&
           check_way(&copying.office, wish->is_without, err) &&
           seal_read_key(copying.office.backup_key, &copying.key, err) &&
           server_office_open_audit(&copying.office, "admin", err) &&
           (!wish->is_thinned || do_noted(&copying, "backup_clear", clear, err)) &&
           do_noted(&copying, "backup", make, err) &&
           (!wish->is_thinned || do_noted(&copying, "backup_thin", thin, err));
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi backup --config FILE --to DIR [--thin] [--without-database]\n"
          "       tsumugi backup --make-key FILE\n"
          "--thin: first what was cut off more than a day ago goes, then old copies,\n"
          "        but for all of a day and the last of each of 7 days, 5 weeks and 12\n"
          "        months\n",
          out);
}

static bool read_wish(int argc, char **argv, struct wish *wish)
{
    for (int i = 1; i < argc; i++) {
        bool has_more = i + 1 < argc;
        if (strcmp(argv[i], "--config") == 0 && has_more)
            wish->config = argv[++i];
        else if (strcmp(argv[i], "--to") == 0 && has_more)
            wish->to = argv[++i];
        else if (strcmp(argv[i], "--thin") == 0)
            wish->is_thinned = true;
        else if (strcmp(argv[i], "--without-database") == 0)
            wish->is_without = true;
        else
            return false;
    }
    return wish->config && wish->to;
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    struct wish wish = {0};
    if (argc == 3 && strcmp(argv[1], "--make-key") == 0)
        return secret_start(&err) && seal_make_key(argv[2], &err) ? COMMAND_OK
                                                                  : fail(&err);
    if (!read_wish(argc, argv, &wish)) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    return copy(&wish, &err) ? COMMAND_OK : fail(&err);
}

const struct command command_backup = {"backup", "a sealed copy of a centre", print_usage,
                                       run};
