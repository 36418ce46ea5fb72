// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/answer. */

#include <pthread.h>

#include "gateway/answer/answer.h"
#include "wire/http/http.h"

enum { ANSWER_LANES = 2, ANSWER_BODY_MAX = UPLINK_MESSAGE_BYTES_MAX };

struct answer {
    struct answer_config config;
    pthread_mutex_t lock;
    struct http_call *waiting[ANSWER_LANES]; /* a kept poll, NULL = none */
    int64_t since_ms[ANSWER_LANES];
    bool is_ending;
};

/* The body as JSON; the document is freed with CLEANUP(json_free_at). */
struct json_document *answer_read_body(struct http_call *call, struct err *err);
/* Answers with what was written, or with the problem. */
void answer_send(struct http_call *call, const struct buf *out, bool is_done,
                 struct err *err);

void answer_events_live(struct http_call *call, void *context);
void answer_events_backfill(struct http_call *call, void *context);
void answer_content(struct http_call *call, void *context);
void answer_original(struct http_call *call, void *context);
