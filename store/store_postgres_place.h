// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to store/: where a PostgreSQL database is. */

#include <libpq-fe.h>

/* `database` may be NULL: the one that the location names. Whether it worked says
 * PQstatus. */
PGconn *store_postgres_connect(const char *location, const char *database);
/* Makes the database when there is none; whether it worked shows when we connect. */
void store_postgres_make(const char *location);
