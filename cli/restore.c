// SPDX-License-Identifier: Apache-2.0
/* tsumugi restore --from DIR --config FILE: brings a copy back, or proves that it could
 * be (--drill). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/secret.h"
#include "cli/backup/backup.h"
#include "cli/commands.h"
#include "formats/json/json.h"

enum { ARENA_BYTES = 32 << 20, HOUR_MS = 3600000 };

struct restoring {
    struct server_office office;
    struct arena arena;
    struct seal_key key;
    struct backup_manifest manifest;
    struct backup_report report;
    const char *from;
    int64_t begun_ms; /* monotonic */
};

static void restoring_close(struct restoring *restoring)
{
    secret_wipe(&restoring->key, sizeof restoring->key);
    server_office_close(&restoring->office);
    arena_free(&restoring->arena);
}

static bool begin(struct restoring *restoring, const char *config, struct err *err)
{
    struct clock clock = clock_system();
    restoring->arena = arena_init(ARENA_BYTES);
    restoring->begun_ms = clock_monotonic_ms(&clock);
    if (!server_office_read(&restoring->office, config, err))
        return false;
    if (!restoring->office.backup_key)
        return err_set(err, ERR_REFUSED, "backup_key",
                       "the configuration names no backup_key");
    return seal_read_key(restoring->office.backup_key, &restoring->key, err) &&
           backup_read_manifest(restoring->from, &restoring->key, &restoring->arena,
                                &restoring->manifest, err);
}

static void print(const struct restoring *restoring, const char *what)
{
    CLEANUP(buf_free) struct buf out = buf_init(8192);
    struct json_writer writer = json_writer(&out);
    struct clock clock = clock_system();
    const struct backup_manifest *manifest = &restoring->manifest;
    json_open_object(&writer);
    json_put_cstr(&writer, "result", what);
    json_put_cstr(&writer, "copy", restoring->from);
    json_put_text(&writer, "made_by", manifest->program);
    json_put_int(&writer, "made_at", manifest->made_at);
    json_put_int(&writer, "age_hours",
                 (clock_wall_ms(&clock) - manifest->made_at) / HOUR_MS);
    json_put_bool(&writer, "has_database", manifest->has_database);
    json_put_int(&writer, "files", (int64_t)manifest->file_count);
    json_put_int(&writer, "bytes", (int64_t)restoring->report.plain_bytes);
    json_put_int(&writer, "audit_records", (int64_t)restoring->report.audit_records);
    json_put_int(&writer, "facilities", (int64_t)restoring->report.facility_count);
    json_put_int(&writer, "ms", clock_monotonic_ms(&clock) - restoring->begun_ms);
    json_close_object(&writer);
    printf("%.*s\n", (int)out.len, (const char *)out.at);
}

/* ---- the drill ---- */

static bool drill(struct restoring *restoring, struct err *err)
{
    char target[PATH_MAX_BYTES + 1];
    const char *temporary = getenv("TMPDIR");
    if (!backup_path(target, temporary && *temporary ? temporary : "/var/tmp",
                     "tsumugi-drill-XXXXXX", "", err))
        return false;
    if (!mkdtemp(target))
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    bool is_good = backup_bring(&restoring->manifest, restoring->from, &restoring->key,
                                target, &restoring->report, err);
    backup_remove(target);
    if (is_good)
        print(restoring, "drill passed");
    return is_good;
}

/* ---- the real thing ---- */

static bool check_place(const struct restoring *restoring, struct err *err)
{
    const struct server_office *office = &restoring->office;
    if (restoring->manifest.has_database == office->is_elsewhere)
        return err_set(err, ERR_REFUSED, "backup_elsewhere",
                       "copy and configuration disagree where the database is");
    if (backup_is_there(office->data, "centre.db") ||
        backup_is_there(office->data, "audit") || backup_is_there(office->data, "keys"))
        return err_set(err, ERR_CONFLICT, "restore_not_empty",
                       "there is a centre in the data directory: move it away first");
    return true;
}

static void audit_close_at(struct audit **audit)
{
    if (*audit)
        audit_close(*audit);
}

/* Into the audit that comes back, before it is the centre's. */
static bool note(const struct restoring *restoring, const char *staging, struct err *err)
{
    char directory[PATH_MAX_BYTES + 1], node[64], detail[96];
    struct rand rand = rand_system();
    struct audit_position position;
    snprintf(node, sizeof node, "%.50s-admin", restoring->office.node);
    snprintf(detail, sizeof detail, "{\"made_at\":%lld}",
             (long long)restoring->manifest.made_at);
    if (!backup_path(directory, staging, "audit", "", err))
        return false;
    struct audit_config config = {.directory = directory,
                                  .node = node,
                                  .clock = clock_system(),
                                  .rand = rand,
                                  .log = &restoring->office.log};
    struct audit_record record = {.phase = AUDIT_EVENT,
                                  .event = "admin",
                                  .verdict = "done",
                                  .reason = "restore",
                                  .actor = {.factors = TEXT("shell")},
                                  .request = id_new(&rand),
                                  .detail = text_cstr(detail)};
    CLEANUP(audit_close_at) struct audit *audit = audit_open(&config, err);
    return audit && audit_append(audit, &record, &position, err);
}

static bool move(const char *staging, const char *name, const char *data, const char *as,
                 struct err *err)
{
    char from[PATH_MAX_BYTES + 1], to[PATH_MAX_BYTES + 1];
    if (!backup_is_there(staging, name))
        return true;
    if (!backup_path(from, staging, name, "", err) || !backup_path(to, data, as, "", err))
        return false;
    return rename(from, to) == 0 ||
           err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
}

/* The server does not start as long as the folder is there. */
static bool settle(const char *staging, const char *data, struct err *err)
{
    if (!backup_sync(staging, err) ||
        !move(staging, "database", data, "centre.db", err) ||
        !move(staging, "keys", data, "keys", err) ||
        !move(staging, "audit", data, "audit", err))
        return false;
    CLEANUP(path_close) int fd = path_open_root(data, err);
    if (fd < 0)
        return false;
    if (fsync(fd) != 0 || rmdir(staging) != 0 || fsync(fd) != 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    return true;
}

static bool restore(struct restoring *restoring, struct err *err)
{
    char staging[PATH_MAX_BYTES + 1];
    struct server_office *office = &restoring->office;
    const struct backup_manifest *manifest = &restoring->manifest;
    if (!check_place(restoring, err) ||
        !backup_path(staging, office->data, SERVER_RESTORING, "", err))
        return false;
    backup_remove(staging); /* of one that was cut off */
    if (!path_make_directory(staging, err))
        return false;
    bool is_there = backup_bring(manifest, restoring->from, &restoring->key, staging,
                                 &restoring->report, err) &&
                    (manifest->has_database ||
                     backup_mark(office->database, manifest->made_at, &office->log,
                                 &restoring->report.facility_count, err)) &&
                    note(restoring, staging, err);
    if (!is_there) {
        backup_remove(staging);
        return false;
    }
    if (!settle(staging, office->data, err))
        return false;
    print(restoring, "restored");
    fputs("Nothing is disclosed until: tsumugi admin --config FILE restore confirm "
          "--statement TEXT\n",
          stderr);
    return true;
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi restore --from COPY --config FILE [--drill]\n", out);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    bool is_drill = argc == 6 && strcmp(argv[5], "--drill") == 0;
    if ((argc != 5 && !is_drill) || strcmp(argv[1], "--from") != 0 ||
        strcmp(argv[3], "--config") != 0) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    CLEANUP(restoring_close) struct restoring restoring = {.from = argv[2]};
    if (begin(&restoring, argv[4], &err) &&
        (is_drill ? drill(&restoring, &err) : restore(&restoring, &err)))
        return COMMAND_OK;
    fprintf(stderr, "tsumugi restore: %s: %s\n", err.code, err.text);
    return COMMAND_FAILED;
}

const struct command command_restore = {"restore", "brings a copy back, or --drill",
                                        print_usage, run};
