// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Copies of a centre and bringing them back (requirements BK-1 to BK-4). A copy is a
 * folder: `manifest.json` names every file with its length and hash and the head of every
 * audit series; `manifest.mac` authenticates it; each file is sealed (base/seal.h). What
 * is inside is described in docs/operations/backup.md. Private to cli/backup.c and
 * cli/restore.c.
 *
 * Errors: ERR_REFUSED backup_changed (not what was copied), backup_incomplete (a file is
 * missing), backup_elsewhere, backup_key; ERR_CONFLICT restore_not_empty; those of seal,
 * store and audit. */

#include <dirent.h>

#include "base/path.h"
#include "base/seal.h"
#include "exchange/audit/audit.h"
#include "server/server.h"

enum {
    BACKUP_FILES_MAX = 20000,
    BACKUP_SERIES_MAX = 1000,
    BACKUP_FORMAT = 1,
    BACKUP_NAME_BYTES = 64
};

struct backup_file {
    struct text name; /* "database", "keys/grants", "audit/centre/2026-11.log" */
    struct seal_result result;
};

struct backup_head {
    struct text node;
    struct audit_position position;
};

struct backup_manifest {
    struct text program; /* version that made it */
    struct text node;
    int64_t made_at; /* UTC ms, before the first byte was read */
    bool has_database;
    struct backup_file *files;
    size_t file_count;
    struct backup_head *heads; /* as they were before the series were copied */
    size_t head_count;
};

/* ---- paths ---- */
/* "<first>/<second><ending>" */
MUST_CHECK bool backup_path(char out[PATH_MAX_BYTES + 1], const char *first,
                            const char *second, const char *ending, struct err *err);
/* Removes a folder and all below it. */
void backup_remove(const char *directory);
/* The names of all files and folders below it are durable; their contents are for whoever
 * wrote them. */
MUST_CHECK bool backup_sync(const char *directory, struct err *err);
void backup_close_listing(DIR **listing); /* for CLEANUP */
/* Whether something of this name is there. */
bool backup_is_there(const char *directory, const char *name);
MUST_CHECK bool backup_make_parent(const char *path, struct err *err);

/* ---- the manifest ---- */
MUST_CHECK bool backup_write_manifest(const struct backup_manifest *manifest,
                                      const struct seal_key *key, const char *directory,
                                      struct err *err);
/* Texts and arrays live in the arena. */
MUST_CHECK bool backup_read_manifest(const char *directory, const struct seal_key *key,
                                     struct arena *arena,
                                     struct backup_manifest *manifest, struct err *err);

/* ---- making ---- */
/* Below `to`, as <node>-<time>; its path goes to `made`. Beside a running server. */
MUST_CHECK bool backup_make(struct server_office *office, const struct seal_key *key,
                            const char *to, bool has_database,
                            char made[PATH_MAX_BYTES + 1],
                            struct backup_manifest *manifest, struct err *err);

/* What its folder is called: <node>-<time>. */
void backup_name(const struct backup_manifest *manifest, char name[BACKUP_NAME_BYTES]);

/* ---- thinning ---- */
/* Which of the copies stay, told by their times, newest first: all of the 24 hours before
 * the newest, and the newest of each of the last 7 days, 5 weeks (from Monday) and 12
 * months in which there is one; Japan's calendar. */
void backup_choose(const int64_t *made_at, size_t count, bool *stays);
/* Removes the others below `to`; only what this key and this node made, whole, no later
 * than `newest`, and is called as it was then. */
MUST_CHECK bool backup_thin(const char *to, const struct seal_key *key,
                            const struct backup_manifest *newest, struct arena *arena,
                            size_t *removed, struct err *err);
/* Removes what was begun below `to` under this node's name, is called so, a folder, and
 * was not finished a day later: no copy to anybody, and the room of one. */
MUST_CHECK bool backup_clear(const char *to, struct text node, int64_t now_ms,
                             size_t *removed, struct err *err);

/* ---- bringing back ---- */
struct backup_report {
    uint64_t plain_bytes;
    uint64_t audit_records;
    size_t facility_count;
};
/* Opens every file of the copy into `target`, checks hashes, audit chain and heads, and
 * reads the database through. */
MUST_CHECK bool backup_bring(const struct backup_manifest *manifest, const char *from,
                             const struct seal_key *key, const char *target,
                             struct backup_report *report, struct err *err);
/* Puts the mark into a database, so that nothing is disclosed, and ends all logins. */
MUST_CHECK bool backup_mark(const char *database, int64_t made_at, struct log *log,
                            size_t *facility_count, struct err *err);
