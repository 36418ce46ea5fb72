// SPDX-License-Identifier: Apache-2.0
/* tsumugi backup --config FILE --to DIR: a sealed copy of a centre, beside its server. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "cli/backup/backup.h"
#include "cli/commands.h"
#include "formats/json/json.h"

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

static bool note(struct server_office *office, enum audit_phase phase,
                 const char *verdict, struct id request, struct err *err)
{
    struct audit_position position;
    struct audit_record record = {.phase = phase,
                                  .event = "admin",
                                  .verdict = verdict,
                                  .reason = "backup",
                                  .actor = {.factors = TEXT("shell")},
                                  .request = request};
    return audit_append(office->audit, &record, &position, err);
}

static void print(const char *made, const struct backup_manifest *manifest)
{
    CLEANUP(buf_free) struct buf out = buf_init(8192);
    struct json_writer writer = json_writer(&out);
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest->file_count; i++)
        bytes += manifest->files[i].result.plain_bytes;
    json_open_object(&writer);
    json_put_cstr(&writer, "copy", made);
    json_put_int(&writer, "made_at", manifest->made_at);
    json_put_bool(&writer, "has_database", manifest->has_database);
    json_put_int(&writer, "files", (int64_t)manifest->file_count);
    json_put_int(&writer, "bytes", (int64_t)bytes);
    json_close_object(&writer);
    printf("%.*s\n", (int)out.len, (const char *)out.at);
}

static bool copy(const char *config, const char *to, bool is_without, struct err *err)
{
    char made[PATH_MAX_BYTES + 1];
    struct backup_manifest manifest;
    struct seal_key key;
    struct rand rand = rand_system();
    struct id request = id_new(&rand);
    CLEANUP(server_office_close) struct server_office office = {0};
    if (!server_office_read(&office, config, err) ||
        !check_way(&office, is_without, err) ||
        !seal_read_key(office.backup_key, &key, err) ||
        !server_office_open_audit(&office, "admin", err) ||
        !note(&office, AUDIT_DECISION, "permit", request, err))
        return false;
    struct err late = {0};
    bool is_made = backup_make(&office, &key, to, !is_without, made, &manifest, err);
    secret_wipe(&key, sizeof key);
    bool is_noted = note(&office, AUDIT_FINISH, is_made ? "done" : "failed", request,
                         is_made ? err : &late);
    if (is_made)
        print(made, &manifest);
    return is_made && is_noted;
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi backup --config FILE --to DIR [--without-database]\n"
          "       tsumugi backup --make-key FILE\n",
          out);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    if (argc == 3 && strcmp(argv[1], "--make-key") == 0)
        return secret_start(&err) && seal_make_key(argv[2], &err) ? COMMAND_OK
                                                                  : fail(&err);
    bool is_without = argc == 6 && strcmp(argv[5], "--without-database") == 0;
    if ((argc != 5 && !is_without) || strcmp(argv[1], "--config") != 0 ||
        strcmp(argv[3], "--to") != 0) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    return copy(argv[2], argv[4], is_without, &err) ? COMMAND_OK : fail(&err);
}

const struct command command_backup = {"backup", "a sealed copy of a centre", print_usage,
                                       run};
