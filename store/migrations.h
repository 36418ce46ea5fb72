// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The numbered SQL files of the tree, embedded by tools/gen/sql.py. */

#include "store/store.h"

extern const struct store_migration store_centre_migrations[];
extern const size_t store_centre_migrations_count;
extern const struct store_migration store_gateway_migrations[];
extern const size_t store_gateway_migrations_count;
