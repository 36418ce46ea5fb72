// SPDX-License-Identifier: Apache-2.0
#include "exchange/live/live.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/live/live_stream.h"
#include "exchange/opening/opening.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"

enum { DATA_BYTES = 320, TICK_MS = 1000, SESSION_CHECK_MS = 5000 };

/* What happened, as it will be sent; person zero = for every session. */
struct live_event {
    int64_t number;
    const char *kind; /* literal */
    struct id person;
    char data[DATA_BYTES];
};

struct live {
    struct live_config config;
    struct opening_table *openings;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
    bool is_stopping;
    int64_t last; /* number of the newest event */
    struct live_event ring[LIVE_RING];
    struct live_stream *streams;
    int stream_count;
};

/* ---- taking ---- */

static void put_event(struct live *live, const char *kind, struct id person,
                      const struct buf *data)
{
    pthread_mutex_lock(&live->lock);
    if (!live->is_stopping && !data->has_failed && data->len < DATA_BYTES) {
        struct live_event *event = &live->ring[(live->last + 1) % LIVE_RING];
        event->number = ++live->last;
        event->kind = kind;
        event->person = person;
        memcpy(event->data, data->at, data->len);
        event->data[data->len] = '\0';
        pthread_cond_signal(&live->changed);
    }
    pthread_mutex_unlock(&live->lock);
}

void live_registry_changed(void *context, const struct registry_change *change)
{
    struct live *live = context;
    bool is_entry = change->row != ENTRY_ROW_NONE;
    CLEANUP(buf_free) struct buf data = buf_init(DATA_BYTES);
    struct json_writer writer = json_writer(&data);
    json_open_object(&writer);
    json_put_id(&writer, "person", change->person);
    json_put_id(&writer, "facility", change->facility);
    if (is_entry) {
        json_put_cstr(&writer, "row", entry_row_id(change->row));
        json_put_day(&writer, "day", change->day);
        json_put_int(&writer, "cursor", change->number);
    }
    json_close_object(&writer);
    put_event(live, is_entry ? "entry" : "freshness", change->person, &data);
}

static void on_link(void *context, const struct patient_record *record)
{
    CLEANUP(buf_free) struct buf data = buf_init(DATA_BYTES);
    struct json_writer writer = json_writer(&data);
    json_open_object(&writer);
    json_put_id(&writer, "person", record->person);
    json_put_id(&writer, "facility", record->facility);
    json_put_id(&writer, "link", record->id);
    json_close_object(&writer);
    put_event(context, "link", record->person, &data);
}

static void on_consent(void *context, struct id person)
{
    CLEANUP(buf_free) struct buf data = buf_init(DATA_BYTES);
    struct json_writer writer = json_writer(&data);
    json_open_object(&writer);
    json_put_id(&writer, "person", person);
    json_close_object(&writer);
    put_event(context, "consent", person, &data);
}

static void on_facility(void *context, struct id facility)
{
    CLEANUP(buf_free) struct buf data = buf_init(DATA_BYTES);
    struct json_writer writer = json_writer(&data);
    json_open_object(&writer);
    json_put_id(&writer, "facility", facility);
    json_close_object(&writer);
    put_event(context, "freshness", (struct id){{0}}, &data);
}

struct patient_listener live_patient_listener(struct live *live)
{
    return (struct patient_listener){.link_changed = on_link, .context = live};
}

struct consent_listener live_consent_listener(struct live *live)
{
    return (struct consent_listener){.changed = on_consent, .context = live};
}

struct facility_listener live_facility_listener(struct live *live)
{
    return (struct facility_listener){
        .ready = on_facility, .away = on_facility, .context = live};
}

/* ---- giving: on the thread of `live`, under its lock ---- */

static bool concerns(const struct live *live, const struct live_stream *stream,
                     const struct live_event *event)
{
    return id_is_zero(event->person) ||
           opening_watches(live->openings, stream->session, event->person);
}

/* What the stream has not had yet; what the ring no longer holds is a `reload`. */
static void give_news(struct live *live, struct live_stream *stream)
{
    if (live->last - stream->given >= LIVE_RING) {
        stream->given = live->last;
        live_stream_send(stream, "reload", live->last, "{}");
    }
    while (stream->given < live->last) {
        const struct live_event *event = &live->ring[(stream->given + 1) % LIVE_RING];
        stream->given = event->number;
        if (concerns(live, stream, event))
            live_stream_send(stream, event->kind, event->number, event->data);
    }
}

static void check_session(struct live *live, struct live_stream *stream, int64_t now_ms)
{
    if (now_ms - stream->checked_ms < SESSION_CHECK_MS || stream->is_over)
        return;
    stream->checked_ms = now_ms;
    if (session_still_holds(live->config.sessions, stream->session))
        return;
    live_stream_send(stream, "session", live->last, "{}");
    live_stream_end(stream);
}

/* Streams whose connection is gone are freed here and nowhere else. */
static void drop_closed(struct live *live)
{
    struct live_stream **at = &live->streams;
    while (*at) {
        struct live_stream *stream = *at;
        if (!stream->is_closed) {
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        live->stream_count--;
        memory_free(stream);
    }
}

static void give_all(struct live *live)
{
    int64_t now_ms = clock_monotonic_ms(&live->config.clock);
    drop_closed(live);
    for (struct live_stream *stream = live->streams; stream; stream = stream->next) {
        if (!stream->http)
            continue; /* its head is not out yet, or it is over */
        check_session(live, stream, now_ms);
        give_news(live, stream);
        live_stream_keep_alive(stream, now_ms);
    }
}

static void wait_for_change(struct live *live)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    pthread_cond_timedwait(&live->changed, &live->lock, &until);
}

static void *run(void *context)
{
    struct live *live = context;
    pthread_mutex_lock(&live->lock);
    while (!live->is_stopping) {
        give_all(live);
        wait_for_change(live);
    }
    for (struct live_stream *stream = live->streams; stream; stream = stream->next)
        live_stream_end(stream);
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

/* ---- streams come and go ---- */

static int count_of_session(const struct live *live, struct hash session)
{
    int count = 0;
    for (const struct live_stream *one = live->streams; one; one = one->next)
        count += !one->is_closed && hash_equal(&one->session, &session);
    return count;
}

struct live_stream *live_enter(struct live *live, struct hash session, int64_t last_id,
                               struct err *err)
{
    struct live_stream *stream = memory_new(1, sizeof *stream, err);
    if (!stream)
        return NULL;
    pthread_mutex_lock(&live->lock);
    bool has_room = !live->is_stopping && live->stream_count < LIVE_STREAMS_MAX &&
                    count_of_session(live, session) < LIVE_STREAMS_PER_SESSION;
    if (has_room) {
        bool is_known = last_id >= 0 && last_id <= live->last;
        stream->live = live;
        stream->session = session;
        stream->given = is_known ? last_id : live->last;
        /* An id of another life of this process: what was missed is not known. */
        if (last_id > live->last)
            stream->given = live->last - LIVE_RING;
        stream->next = live->streams;
        live->streams = stream;
        live->stream_count++;
    }
    pthread_mutex_unlock(&live->lock);
    if (has_room)
        return stream;
    memory_free(stream);
    err_set(err, ERR_BUSY, "too_many_streams", "too many live streams");
    return NULL;
}

void live_lock(struct live *live)
{
    pthread_mutex_lock(&live->lock);
}

void live_unlock(struct live *live)
{
    pthread_cond_signal(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

struct session_service *live_sessions(const struct live *live)
{
    return live->config.sessions;
}

/* ---- life ---- */

static void make_monotonic(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct live *live_new(const struct live_config *config, struct err *err)
{
    struct live *live = memory_new(1, sizeof *live, err);
    if (!live)
        return NULL;
    live->config = *config;
    pthread_mutex_init(&live->lock, NULL);
    make_monotonic(&live->changed);
    return live;
}

/* Nothing can be given before there are openings, so the thread starts here. */
void live_watch_openings(struct live *live, struct opening_table *openings)
{
    live->openings = openings;
    live->has_thread = pthread_create(&live->thread, NULL, run, live) == 0;
}

void live_stop(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    live->is_stopping = true;
    pthread_cond_signal(&live->changed);
    pthread_mutex_unlock(&live->lock);
    if (live->has_thread)
        pthread_join(live->thread, NULL);
    live->has_thread = false;
}

void live_free(struct live *live)
{
    if (!live)
        return;
    live_stop(live);
    for (struct live_stream *stream = live->streams; stream;) {
        struct live_stream *next = stream->next;
        memory_free(stream);
        stream = next;
    }
    pthread_cond_destroy(&live->changed);
    pthread_mutex_destroy(&live->lock);
    memory_free(live);
}
