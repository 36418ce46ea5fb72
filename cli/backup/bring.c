// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "cli/backup/backup.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/session/session.h"
#include "store/migrations.h"

enum { LIST_BYTES = 64 << 20 };

static bool changed(struct err *err, const char *name)
{
    err_clear(err);
    return err_set(err, ERR_REFUSED, "backup_changed", "%.100s is not what was copied",
                   name);
}

/* ---- files ---- */

/* Names come from a manifest that the key authenticates; they are checked all the same.
 */
static bool is_good_name(const char *name)
{
    struct span rest = span_cstr(name);
    struct span part;
    while (span_take(&rest, '/', &part))
        if (!path_is_safe_name(part) || part.at[0] == '.')
            return false;
    return true;
}

static bool open_one(const struct backup_file *file, const char *name, const char *from,
                     const struct seal_key *key, const char *target, struct err *err)
{
    char sealed[PATH_MAX_BYTES + 1], plain[PATH_MAX_BYTES + 1];
    struct seal_result result;
    if (!is_good_name(name))
        return changed(err, "a name");
    if (!backup_path(sealed, from, name, ".sealed", err) ||
        !backup_path(plain, target, name, "", err) || !backup_make_parent(plain, err))
        return false;
    CLEANUP(path_close) int in = open(sealed, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return err_set(err, ERR_REFUSED, "backup_incomplete", "%.100s is not there",
                       name);
    CLEANUP(path_close)
    int out = open(plain, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return err_set(err, ERR_SYSTEM, "path_failed", "file error %d", errno);
    if (!seal_open(key, name, in, out, &result, err))
        return err->kind == ERR_REFUSED ? changed(err, name) : false;
    return (result.plain_bytes == file->result.plain_bytes &&
            hash_equal(&result.sealed, &file->result.sealed)) ||
           changed(err, name);
}

static bool open_all(const struct backup_manifest *manifest, const char *from,
                     const struct seal_key *key, const char *target,
                     struct backup_report *report, struct err *err)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(4096);
        const struct backup_file *file = &manifest->files[i];
        const char *name = text_to_cstr(file->name, &arena, err);
        if (!name || !open_one(file, name, from, key, target, err))
            return false;
        report->plain_bytes += file->result.plain_bytes;
    }
    return true;
}

/* ---- audit ---- */

struct finding {
    const struct audit_position *head;
    bool is_there;
};

static bool see(void *context, uint64_t number, struct span json, struct err *err)
{
    struct finding *finding = context;
    (void)json;
    (void)err;
    finding->is_there = finding->is_there || number == finding->head->number;
    return !finding->is_there;
}

static bool check_head(const struct backup_head *head, const char *audit, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    const char *node = text_to_cstr(head->node, &arena, err);
    struct finding finding = {.head = &head->position};
    if (!node || !is_good_name(node))
        return false;
    if (!audit_walk(audit, node, head->position.number, see, &finding, err))
        return false;
    return finding.is_there || changed(err, node);
}

static bool check_audit(const struct backup_manifest *manifest, const char *target,
                        struct backup_report *report, struct err *err)
{
    char audit[PATH_MAX_BYTES + 1];
    struct audit_fault fault = {0};
    if (!backup_path(audit, target, "audit", "", err))
        return false;
    if (!audit_verify(audit, &report->audit_records, &fault, err))
        return err->kind != ERR_NONE
                   ? false
                   : err_set(err, ERR_SYSTEM, "audit_broken", "%s %llu %s", fault.node,
                             (unsigned long long)fault.number, fault.code);
    for (size_t i = 0; i < manifest->head_count; i++)
        if (!check_head(&manifest->heads[i], audit, err))
            return false;
    return true;
}

/* ---- database ---- */

static void store_close_at(struct store **store)
{
    if (*store)
        store_close(*store);
}

struct marking {
    int64_t made_at;
    int64_t now_ms;
};

static bool mark(struct store_session *session, void *context, struct err *err)
{
    const struct marking *marking = context;
    return network_begin_hold(session, marking->made_at, marking->now_ms, err) &&
           session_end_all(session, marking->now_ms, err);
}

static bool count_facilities(struct store *store, size_t *count, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LIST_BYTES);
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    struct network *networks = NULL;
    struct facility *facilities = NULL;
    size_t network_count = 0;
    if (!session || !network_list(session, &arena, &networks, &network_count, err) ||
        !facility_list(session, &arena, &facilities, count, err))
        return false;
    return network_count > 0 ||
           err_set(err, ERR_MISSING, "network_missing",
                   "there is no network in the database: bring it back first");
}

bool backup_mark(const char *database, int64_t made_at, struct log *log,
                 size_t *facility_count, struct err *err)
{
    struct clock clock = clock_system();
    struct marking marking = {made_at, clock_wall_ms(&clock)};
    struct store_config config = {.location = database,
                                  .migrations = store_centre_migrations,
                                  .migration_count = store_centre_migrations_count,
                                  .log = log};
    CLEANUP(store_close_at) struct store *store = store_open(&config, err);
    return store && store_wait_checked(store, err) &&
           count_facilities(store, facility_count, err) &&
           store_write(store, STORE_LIVE, mark, &marking, err);
}

bool backup_bring(const struct backup_manifest *manifest, const char *from,
                  const struct seal_key *key, const char *target,
                  struct backup_report *report, struct err *err)
{
    char database[PATH_MAX_BYTES + 1];
    *report = (struct backup_report){.plain_bytes = 0};
    if (!open_all(manifest, from, key, target, report, err) ||
        !check_audit(manifest, target, report, err))
        return false;
    return !manifest->has_database ||
           (backup_path(database, target, "database", "", err) &&
            backup_mark(database, manifest->made_at, NULL, &report->facility_count, err));
}
