// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/facility: what the wire and the routes need of the database, in
 * transactions of their own (facility_store.c). */

#include "base/buf.h"
#include "exchange/facility/facility.h"

/* In order of their letters, each once; how many are left. */
size_t facility_sort(struct facility *items, size_t count);

/* After a change of one: ERR_MISSING not_found where it touched none. */
MUST_CHECK bool facility_check_found(struct store_session *session, struct err *err);

/* All facilities, with id, code and fingerprint only. */
MUST_CHECK bool facility_load_doors(struct store *store, struct arena *arena,
                                    struct facility **items, size_t *count,
                                    struct err *err);
MUST_CHECK bool facility_keep_policy(struct store *store, struct id facility,
                                     struct text policy, int64_t now_ms, struct err *err);
/* listFacilities: a page of the participants of the network on `day`, behind that
 * facility; zero: from the first. */
enum { FACILITY_PAGE = 1000 };
struct facility_page {
    struct id network;
    int32_t day;
    struct id after;
};
MUST_CHECK bool facility_write_participants(const struct facility_service *service,
                                            const struct facility_page *asked,
                                            struct arena *arena, struct buf *out,
                                            struct err *err);
