// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests: an index database in a folder of its own, in SQLite, or in the PostgreSQL
 * server whose folder is in TSUMUGI_TEST_POSTGRES (tools/postgres); real drivers, found
 * through settings of its own; the reader is the program that $TSUMUGI names. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/test.h"
#include "gateway/rows/rows_parts.h"

struct rows_testsite {
    char folder[64];
    char connection[96]; /* file */
    char database[96];   /* SQLite's file */
    const char *server;  /* PostgreSQL's folder; NULL = SQLite */
    char schema[32];     /* in that server */
};

#define ROWS_COLUMNS_BUT_TIME                                                            \
    "VolumeLabel VARCHAR(20), FacilityID CHAR(10), PatientID VARCHAR(15), OrderDate "    \
    "VARCHAR(8), DataKind VARCHAR(180), OrderNo VARCHAR(22), ProcessingType VARCHAR(3)," \
    "EnterOrgCD VARCHAR(5), TransactionDatetime VARCHAR(17), OutRelDirectory "           \
    "VARCHAR(260), FileName VARCHAR(260)"
#define ROWS_COLUMNS ROWS_COLUMNS_BUT_TIME ", UpdateDatetime TIMESTAMP"

static inline void rows_testsite_write(const char *path, const char *text)
{
    struct err err = {0};
    CHECK(path_write_file(path, span_cstr(text), &err));
}

/* Runs a program to its end with nothing to read and nowhere to write to. */
static inline int rows_testsite_run(const char *const words[])
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, STDIN_FILENO);
        dup2(nowhere, STDOUT_FILENO);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

/* SQL as the hospital's record system runs it. */
static inline void rows_testsite_do(const struct rows_testsite *site, const char *sql)
{
    char path[160];
    char schema[120];
    struct err err = {0};
    CLEANUP(buf_free) struct buf text = buf_init(64 << 20);
    snprintf(path, sizeof path, "%s/do.sql", site->folder);
    snprintf(schema, sizeof schema,
             "SET client_min_messages TO warning; SET search_path TO %s;\n",
             site->schema);
    buf_cstr(&text, site->server ? schema : "PRAGMA busy_timeout = 10000;\nBEGIN;\n");
    buf_cstr(&text, sql);
    buf_cstr(&text, site->server ? ";\n" : ";\nCOMMIT;\n");
    CHECK(path_write_file(path, buf_view(&text), &err));
    char read[180];
    snprintf(read, sizeof read, ".read %s", path);
    const char *const sqlite[] = {"sqlite3", "-bail", site->database, read, NULL};
    const char *const psql[] = {"psql",     "-q",
                                "-X",       "-1",
                                "-v",       "ON_ERROR_STOP=1",
                                "-h",       site->server ? site->server : "",
                                "-U",       "tsumugi",
                                "postgres", "-f",
                                path,       NULL};
    CHECK(rows_testsite_run(site->server ? psql : sqlite) == 0);
}

/* The connection string, with more of it behind. */
static inline void rows_testsite_connect(const struct rows_testsite *site,
                                         const char *more)
{
    char line[900];
    if (site->server)
        snprintf(line, sizeof line,
                 "Driver=TestPostgreSQL;Servername=%s;Port=5432;Database=postgres;"
                 "Username=tsumugi;ConnSettings=SET search_path TO %s;%s\n",
                 site->server, site->schema, more);
    else
        snprintf(line, sizeof line, "Driver=TestSQLite;Database=%s;Timeout=10000;%s\n",
                 site->database, more);
    rows_testsite_write(site->connection, line);
}

/* The drivers by names of our own, so that the machine's settings count for nothing. */
static inline void rows_testsite_drivers(const struct rows_testsite *site)
{
    char path[160];
    snprintf(path, sizeof path, "%s/odbcinst.ini", site->folder);
    rows_testsite_write(path, "[TestPostgreSQL]\nDriver=psqlodbcw.so\n"
                              "[TestSQLite]\nDriver=libsqlite3odbc.so\n");
    snprintf(path, sizeof path, "%s/odbc.ini", site->folder);
    rows_testsite_write(path, "");
    setenv("ODBCSYSINI", site->folder, 1);
    setenv("ODBCINSTINI", "odbcinst.ini", 1);
    setenv("ODBCINI", path, 1);
    setenv("HOME", site->folder, 1);
}

/* A database without a table. */
static inline void rows_testsite_begin(struct rows_testsite *site, const char *server)
{
    *site = (struct rows_testsite){.folder = "/tmp/rows_test_XXXXXX", .server = server};
    CHECK(mkdtemp(site->folder));
    snprintf(site->connection, sizeof site->connection, "%s/connection", site->folder);
    snprintf(site->database, sizeof site->database, "%s/rows.db", site->folder);
    snprintf(site->schema, sizeof site->schema, "rows_%s",
             strrchr(site->folder, '_') + 1);
    for (char *at = site->schema; *at; at++) /* a name without quotes */
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    rows_testsite_drivers(site);
    rows_testsite_connect(site, "");
    if (server) {
        char sql[64];
        snprintf(sql, sizeof sql, "CREATE SCHEMA %s", site->schema);
        rows_testsite_do(site, sql);
    }
}

static inline void rows_testsite_end(struct rows_testsite *site)
{
    if (site->server && access(site->server, F_OK) == 0) {
        char sql[64];
        snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", site->schema);
        rows_testsite_do(site, sql);
    }
    CHECK(test_remove(site->folder));
}
