// SPDX-License-Identifier: Apache-2.0
#include "exchange/dicomweb/dicomweb_parts.h"
#include "store/store.h"

bool dicomweb_list_entries(struct store *store, const struct disclosure_permit *permit,
                           const int32_t range[2], struct arena *arena,
                           struct registry_entry **entries, size_t *count,
                           struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    return session && registry_read_pictures(session, permit, range[0], range[1], arena,
                                             entries, count, err);
}
