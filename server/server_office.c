// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "base/path.h"
#include "exchange/audit/audit.h"
#include "server/server.h"
#include "server/server_config.h"
#include "store/migrations.h"

enum { OFFICE_ARENA_BYTES = 32 << 20 };

/* "<first><second><third>" */
static const char *join(struct server_office *office, const char *first,
                        const char *second, const char *third, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(PATH_MAX_BYTES);
    struct span copy = {0};
    buf_cstr(&out, first);
    buf_cstr(&out, second);
    buf_cstr(&out, third);
    buf_byte(&out, '\0');
    return buf_to_arena(&out, &office->arena, &copy, err) ? (const char *)copy.at : NULL;
}

bool server_office_read(struct server_office *office, const char *config_file,
                        struct err *err)
{
    struct server_config config;
    *office = (struct server_office){.arena = arena_init(OFFICE_ARENA_BYTES)};
    office->log = (struct log){STDERR_FILENO, clock_system(), "office"};
    if (!secret_start(err) ||
        !server_read_config(config_file, &office->arena, &config, err))
        return false;
    office->data = config.data;
    office->node = config.node;
    office->backup_key = config.backup_key;
    office->browser_authority = config.browsers.files.authority_file;
    office->gateway_authority = config.gateways.files.authority_file;
    office->is_elsewhere = config.database != NULL;
    office->database = config.database ? config.database
                                       : join(office, config.data, "/", "centre.db", err);
    if (office->database)
        office->keys =
            config.keys ? config.keys : join(office, config.data, "/", "keys", err);
    return office->keys != NULL;
}

bool server_check_restored(const char *data, struct err *err)
{
    char name[PATH_MAX_BYTES + 1];
    struct err fault = {0};
    int len = snprintf(name, sizeof name, "%s/%s", data, SERVER_RESTORING);
    if (len < 0 || len > PATH_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    CLEANUP(path_close) int fd = path_open_root(name, &fault);
    return fd < 0 || err_set(err, ERR_CONFLICT, "restore_unfinished",
                             "a copy was not brought back to the end: do it again");
}

bool server_office_open_audit(struct server_office *office, const char *series,
                              struct err *err)
{
    struct audit_config audit = {
        .clock = clock_system(), .rand = rand_system(), .log = &office->log};
    if (!server_check_restored(office->data, err))
        return false;
    audit.directory = join(office, office->data, "/", "audit", err);
    audit.node = audit.directory ? join(office, office->node, "-", series, err) : NULL;
    if (!audit.node || !path_make_directory(audit.directory, err))
        return false;
    office->audit = audit_open(&audit, err);
    return office->audit != NULL;
}

bool server_office_open(struct server_office *office, const char *series, struct err *err)
{
    if (!server_office_open_audit(office, series, err))
        return false;
    struct store_config store = {.location = office->database,
                                 .migrations = store_centre_migrations,
                                 .migration_count = store_centre_migrations_count,
                                 .log = &office->log};
    office->store = store_visit(&store, err);
    return office->store != NULL;
}

void server_office_close(struct server_office *office)
{
    if (office->store)
        store_close(office->store);
    if (office->audit)
        audit_close(office->audit);
    arena_free(&office->arena);
}

bool server_keep_office_head(struct audit *audit, const char *data, const char *node,
                             uint64_t *known, struct err *err)
{
    char directory[PATH_MAX_BYTES + 1];
    char series[AUDIT_NODE_BYTES_MAX + 1];
    struct audit_position head = {.number = 0};
    int len = snprintf(directory, sizeof directory, "%s/audit", data);
    int name_len = snprintf(series, sizeof series, "%s-admin", node);
    if (len < 0 || len > PATH_MAX_BYTES || name_len < 0 ||
        name_len > AUDIT_NODE_BYTES_MAX)
        return true; /* then the office cannot open it either */
    if (!audit_read_head(directory, series, &head, err)) {
        if (err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        return *known == 0 ||
               err_set(err, ERR_SYSTEM, "audit_cut", "the office's series is gone");
    }
    if (head.number == *known)
        return true;
    if (!audit_keep_head(audit, text_cstr(series), &head, err))
        return false;
    *known = head.number;
    return true;
}
