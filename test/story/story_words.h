// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the stories about records: a hospital, what its gateway holds and what it says. */

#include <stdarg.h>

#include "exchange/content/content.h"
#include "exchange/dicomweb/dicomweb.h"
#include "exchange/image/image.h"
#include "exchange/live/live.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry_service.h"
#include "formats/grant/grant.h"
#include "test/story/story_browser.h"

#define EPOCH "00112233445566778899aabbccddeeff"

enum { KEYS_MAX = 64 };

struct hospital {
    struct world *world;
    struct secret_signing_key signing;
    struct secret_public_key public;
    struct live *live;
    struct opening_table *openings;
    struct registry *registry;
    struct registry_uplink *uplink;
    struct facility_known *facilities;
    struct registry_service service;
    struct content_service *content;
    struct image_service *images;
    struct dicomweb_service *dicomweb;
    /* the gateway's side */
    pthread_mutex_t lock;
    struct http_call *waiting[2];
    struct http_call *silent; /* a content that is never answered */
    struct buf queue[2];      /* events, with commas between */
    struct buf told[2];       /* the same, until a poll says what came of them */
    int64_t sequence;
    struct id record;
    struct id tunnel;
    int64_t hello_ms;
    struct grant_window window;
    bool has_forgotten; /* its database was made anew: no links */
    struct id another;  /* digests are answered for this record, which is empty */
    int fails_polls;    /* so many polls are answered 500 */
    char standing[128]; /* a member of each poll's answer, with its comma; may be none */
    int refuses_links;  /* so many links are answered 503: its disk is full */
    int stored_count;   /* answers */
    int stored_of[2];   /* the same by lanes */
    int rejected_count;
    char code[64];      /* of the last rejection */
    int snapshot_count; /* what it was asked */
    int backfill_count;
    int digest_count;
    int check_count;
    int link_count;
    int cancel_count;
    char key_of[KEYS_MAX][64]; /* what it has, in bytewise order */
    char version_of[KEYS_MAX][19];
    const char *late_key; /* told live while the first snapshot is on its way */
    int late_count;       /* events stored by then */
    bool ends_at_once;    /* a backfill: in step again before it is answered */
    int key_count;
    const char *content_body; /* NULL: answers nothing */
    atomic_bool *shuts;       /* is set before a content is answered; NULL = none */
    int content_status;
    size_t original_bytes;
    atomic_int original_gate;         /* 0: the second half waits */
    char original_body[512];          /* what it was asked for last */
    const struct image_script *image; /* NULL: what each route should answer */
    char image_path[32];
    /* ended by one without a key; NULL: the usual one */
    const struct told_study *studies;
    const struct image_script *later; /* instead, of what is asked with this in it: */
    const char *later_part;
    struct buf asked; /* paths and bodies of images, a line each */
    char grant_fault[64];
    char viewer[32];
};

/* ---- what the hospital has to say ---- */

static inline void answer_poll(struct hospital *hospital, int lane)
{
    pthread_mutex_lock(&hospital->lock);
    struct http_call *call = hospital->waiting[lane];
    hospital->waiting[lane] = NULL;
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    buf_cstr(&out, "{\"events\":[");
    buf_span(&out, buf_view(&hospital->queue[lane]));
    buf_format(&out, "]%s}", hospital->standing);
    if (call) {
        buf_reset(&hospital->told[lane]);
        buf_span(&hospital->told[lane], buf_view(&hospital->queue[lane]));
        buf_reset(&hospital->queue[lane]);
    }
    pthread_mutex_unlock(&hospital->lock);
    if (call)
        http_answer_json(call, 200, &out);
}

/* What was told and not answered, because the line was cut, is told again. */
static inline void tell_again(struct hospital *hospital, int lane)
{
    struct buf *told = &hospital->told[lane];
    struct buf *queue = &hospital->queue[lane];
    if (told->len > 0 && queue->len > 0)
        buf_cstr(told, ",");
    buf_span(told, buf_view(queue));
    buf_reset(queue);
    buf_span(queue, buf_view(told));
}

/* Raw, so that a story can say what nobody understands. */
static inline void say(struct hospital *hospital, int lane, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline void say(struct hospital *hospital, int lane, const char *format, ...)
{
    char members[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(members, sizeof members, format, list);
    va_end(list);
    pthread_mutex_lock(&hospital->lock);
    struct buf *queue = &hospital->queue[lane];
    buf_format(queue, "%s{\"sequence\":%lld,%s}", queue->len > 0 ? "," : "",
               (long long)++hospital->sequence, members);
    pthread_mutex_unlock(&hospital->lock);
    answer_poll(hospital, lane);
}

static inline void say_put(struct hospital *hospital, int lane, const char *key,
                           const char *version, const char *title)
{
    struct id_text record = id_to_text(hospital->record);
    say(hospital, lane,
        "\"type\":\"entry_put\",\"record\":\"%s\",\"key\":\"%s\",\"version\":\"%s\","
        "\"kind\":\"laboratory\",\"state\":\"current\",\"flags\":0,"
        "\"day\":\"2026-10-0%c\",\"is_open\":false,\"title\":\"%s\","
        "\"department_code\":\"01\",\"department\":\"内科\",\"author\":\"\",\"time\":"
        "\"\","
        "\"order_number\":\"\",\"visible_from\":0",
        record.at, key, version, key[0], title);
}

static inline void wait_until_stored(struct hospital *hospital, int count)
{
    struct timespec pause = {0, 10 * 1000 * 1000};
    int stored = 0;
    for (int i = 0; i < 500 && stored < count; i++) {
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&hospital->lock);
        stored = hospital->stored_count;
        pthread_mutex_unlock(&hospital->lock);
    }
}

static inline void say_record(struct hospital *hospital, int lane, const char *type,
                              const char *key)
{
    struct id_text record = id_to_text(hospital->record);
    say(hospital, lane, "\"type\":\"%s\",\"record\":\"%s\",\"key\":\"%s\"", type,
        record.at, key);
}

/* What its database has now; keys are given in order. */
static inline void has_key(struct hospital *hospital, const char *key,
                           const char *version)
{
    pthread_mutex_lock(&hospital->lock);
    int at = hospital->key_count++;
    snprintf(hospital->key_of[at], sizeof hospital->key_of[at], "%s", key);
    snprintf(hospital->version_of[at], sizeof hospital->version_of[at], "%s", version);
    pthread_mutex_unlock(&hospital->lock);
}

static inline struct uplink_sum sum_of(const struct hospital *hospital)
{
    struct uplink_sum sum = {.record = hospital->record,
                             .epoch = TEXT(EPOCH),
                             .revision = 7,
                             .count = hospital->key_count};
    for (int i = 0; i < hospital->key_count; i++)
        uplink_digest_add(sum.digest, text_cstr(hospital->key_of[i]),
                          text_cstr(hospital->version_of[i]));
    return sum;
}

static inline void say_in_step(struct hospital *hospital)
{
    char digest[HASH_HEX_BYTES];
    struct uplink_sum sum = sum_of(hospital);
    struct id_text record = id_to_text(hospital->record);
    hash_to_hex(span_of(sum.digest, HASH_BYTES), digest);
    say(hospital, 1,
        "\"type\":\"in_step\",\"record\":\"%s\",\"epoch\":\"" EPOCH
        "\",\"revision\":7,\"count\":%d,\"digest\":\"%s\"",
        record.at, hospital->key_count, digest);
}
