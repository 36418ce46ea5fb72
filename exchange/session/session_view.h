// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/session: what the routes show (session_view_store.c). */

#include "base/buf.h"
#include "exchange/session/session_parts.h"

struct session_view {
    const struct session_row *row;
    char csrf[HASH_HEX_BYTES];
    bool is_demo;
    int32_t today;
};
/* The contract's Session. */
MUST_CHECK bool session_write_view(struct session_service *sessions,
                                   const struct session_view *view, struct arena *arena,
                                   struct buf *out, struct err *err);
/* {"posts": […]} */
MUST_CHECK bool session_write_posts(struct session_service *sessions,
                                    const struct staff_post *posts, size_t count,
                                    struct arena *arena, struct buf *out,
                                    struct err *err);
/* Active posts at facilities that take part in a network today. */
MUST_CHECK bool session_usable_posts(struct session_service *sessions, struct id staff,
                                     struct arena *arena, struct staff_post **posts,
                                     size_t *count, struct err *err);
