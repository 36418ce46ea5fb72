// SPDX-License-Identifier: Apache-2.0
#include "store/store_engine.h"

const struct store_engine_kind *store_engine_kind_of(const char *location)
{
    struct span uri = span_cstr(location);
    bool is_postgres =
        span_starts(uri, "postgresql://") || span_starts(uri, "postgres://");
    return is_postgres ? &store_postgres : &store_sqlite;
}
