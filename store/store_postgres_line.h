// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store_postgres.c: a server's answers and faults. libpq itself waits without
 * end: for a server that has stopped working, a commit whose standby is away. Whoever is
 * not answered in time finds the line cut, as if the server had gone. */

#include <libpq-fe.h>

#include "base/err.h"

/* As PQgetResult. */
PGresult *store_postgres_answer(PGconn *connection, int wait_ms);
/* Takes all that come; the last of them, or NULL. */
PGresult *store_postgres_last_answer(PGconn *connection, int wait_ms);
/* As PQexec. NULL when it could not be sent. */
PGresult *store_postgres_run(PGconn *connection, const char *sql, int wait_ms);
/* Sets `err` (store.h) by what the server said; `result` may be NULL. Returns false. */
bool store_postgres_failed(PGconn *connection, const PGresult *result, struct err *err);
/* The same of a connection that could not be made. */
bool store_postgres_unconnected(PGconn *connection, struct err *err);
