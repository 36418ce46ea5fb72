// SPDX-License-Identifier: Apache-2.0
#include "store/store_postgres_place.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Its sentences may hold values; what matters comes as an error. */
static void pass_over(void *self, const char *message)
{
    (void)self;
    (void)message;
}

/* `database` may be NULL: the one that the location names. What stands before it is only
 * for when it says nothing: of several hosts the one that takes writes, and a host that
 * fell silent (no power, no route) is noticed while nothing but an answer is waited for.
 */
PGconn *store_postgres_connect(const char *location, const char *database)
{
    const char *const words[][2] = {
        {"target_session_attrs", "read-write"},
        {"connect_timeout", "5"},
        {"tcp_user_timeout", "10000"},
        {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},
        {"keepalives_count", "3"},
        {"dbname", location},
        {"client_encoding", "UTF8"},
        {"fallback_application_name", "tsumugi"},
        {database ? "dbname" : NULL, database},
    };
    enum { COUNT = sizeof words / sizeof words[0] };
    const char *names[COUNT + 1] = {NULL};
    const char *values[COUNT + 1] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = words[i][0];
        values[i] = words[i][1];
    }
    PGconn *connection = PQconnectdbParams(names, values, 1);
    PQsetNoticeProcessor(connection, pass_over, NULL);
    return connection;
}

/* True when the server answers and has no such database. */
static bool is_missing(PGconn *server, const char *database)
{
    const char *const values[] = {database};
    PGresult *result =
        PQexecParams(server, "SELECT 1 FROM pg_database WHERE datname = $1", 1, NULL,
                     values, NULL, NULL, 0);
    bool is_gone = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0;
    PQclear(result);
    return is_gone;
}

static void create(PGconn *server, const char *database)
{
    char sql[256];
    char *name = PQescapeIdentifier(server, database, strlen(database));
    int len = snprintf(sql, sizeof sql,
                       "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' "
                       "LC_COLLATE 'C' LC_CTYPE 'C'",
                       name ? name : "");
    if (name && len > 0 && (size_t)len < sizeof sql)
        PQclear(PQexec(server, sql));
    PQfreemem(name);
}

static const char *database_of(const PQconninfoOption *options)
{
    for (; options && options->keyword; options++)
        if (strcmp(options->keyword, "dbname") == 0)
            return options->val;
    return NULL;
}

/* Whether it worked shows when we connect. */
void store_postgres_make(const char *location)
{
    PQconninfoOption *options = PQconninfoParse(location, NULL);
    const char *database = database_of(options);
    if (database) {
        PGconn *server = store_postgres_connect(location, "postgres");
        if (PQstatus(server) == CONNECTION_OK && is_missing(server, database))
            create(server, database);
        PQfinish(server);
    }
    PQconninfoFree(options);
}
