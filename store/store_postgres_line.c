// SPDX-License-Identifier: Apache-2.0
#include "store/store_postgres_line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { SQLSTATE_LEN = 5 };

/* ---- faults ---- */

struct fault_row {
    const char *state; /* SQLSTATE or the beginning of some */
    enum err_kind kind;
    const char *reason;
};

static const struct fault_row fault_rows[] = {
    {"23505", ERR_CONFLICT, "store_unique"},   {"23503", ERR_CONFLICT, "store_reference"},
    {"40001", ERR_BUSY, "store_busy"},         {"40P01", ERR_BUSY, "store_busy"},
    {"55P03", ERR_BUSY, "store_busy"},         {"57P0", ERR_BUSY, "store_busy"},
    {"57014", ERR_BUSY, "store_busy"},         {"08", ERR_BUSY, "store_busy"},
    {"42501", ERR_REFUSED, "store_forbidden"}, {"25P03", ERR_BUSY, "store_busy"},
    {"53100", ERR_BUSY, "store_full"},         {"53", ERR_BUSY, "memory_short"},
    {"XX001", ERR_SYSTEM, "store_corrupt"},    {"XX002", ERR_SYSTEM, "store_corrupt"},
};

static const char *field(const PGresult *result, int code)
{
    const char *value = PQresultErrorField(result, code);
    return value ? value : "-";
}

bool store_postgres_failed(PGconn *connection, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state || PQstatus(connection) != CONNECTION_OK)
        return err_set(err, ERR_BUSY, "store_busy", "no connection to the database");
    enum err_kind kind = ERR_SYSTEM;
    const char *reason = "store_failed";
    for (size_t i = 0; i < sizeof fault_rows / sizeof fault_rows[0]; i++) {
        if (strncmp(state, fault_rows[i].state, strlen(fault_rows[i].state)) == 0) {
            kind = fault_rows[i].kind;
            reason = fault_rows[i].reason;
            break;
        }
    }
    return err_set(err, kind, reason, "database error %.*s (%.40s, %.40s)", SQLSTATE_LEN,
                   state, field(result, PG_DIAG_TABLE_NAME),
                   field(result, PG_DIAG_CONSTRAINT_NAME));
}

/* Nothing was asked yet that could be quoted: of hosts, names of roles, certificates. */
bool store_postgres_unconnected(PGconn *connection, struct err *err)
{
    char said[ERR_TEXT_MAX];
    snprintf(said, sizeof said, "%s", PQerrorMessage(connection));
    for (char *at = said; *at; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
    return err_set(err, ERR_BUSY, "store_busy", "database: %s", said);
}

/* ---- waiting ---- */

/* True as soon as PQgetResult need not wait, be it because the line is lost. */
static bool wait_for_answer(PGconn *connection, int wait_ms)
{
    struct clock clock = clock_system();
    int64_t until_ms = clock_monotonic_ms(&clock) + wait_ms;
    while (PQisBusy(connection)) {
        struct pollfd line = {.fd = PQsocket(connection), .events = POLLIN};
        int64_t left_ms = until_ms - clock_monotonic_ms(&clock);
        if (left_ms <= 0)
            return false;
        if (poll(&line, 1, (int)left_ms) < 0 && errno != EINTR)
            return false;
        if (line.revents != 0 && PQconsumeInput(connection) != 1)
            return true;
    }
    return true;
}

PGresult *store_postgres_answer(PGconn *connection, int wait_ms)
{
    /* Once shut, the line gives what is left, and then its end. */
    if (!wait_for_answer(connection, wait_ms))
        shutdown(PQsocket(connection), SHUT_RDWR);
    return PQgetResult(connection);
}

PGresult *store_postgres_last_answer(PGconn *connection, int wait_ms)
{
    PGresult *last = NULL;
    PGresult *next;
    while ((next = store_postgres_answer(connection, wait_ms))) {
        PQclear(last);
        last = next;
    }
    return last;
}

PGresult *store_postgres_run(PGconn *connection, const char *sql, int wait_ms)
{
    if (PQsendQuery(connection, sql) != 1)
        return NULL;
    return store_postgres_last_answer(connection, wait_ms);
}
