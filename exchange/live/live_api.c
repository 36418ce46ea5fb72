// SPDX-License-Identifier: Apache-2.0
/* Route getLive, the streams, and the thread that tells them. Two locks: the queue's,
 * under which nothing is done but adding and taking, so that those who tell of changes
 * never wait; and the streams', under which events are written but nothing is read from
 * the database, because a loop may wait for it in `closed`. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "exchange/live/live_parts.h"
#include "exchange/opening/opening.h"
#include "exchange/session/session.h"
#include "wire/http/http.h"

enum {
    JOIN_MS = 100,     /* what comes within is told together */
    TICK_MS = 250,     /* heartbeats and sessions are looked after so often */
    CHECK_MS = 500,    /* a session's end is noticed after at most that and a tick */
    CHECKED_MAX = 512, /* sessions in one tick */
    EVENT_BYTES_MAX = 1024,
};

struct live_stream {
    struct live *live;
    struct http_stream *stream;
    struct hash session;
    struct id facility; /* of the viewer */
    int64_t opened_at;  /* order of opening */
    int64_t beat_at_ms;
    int64_t checked_at_ms;
    bool is_ending;
    struct live_stream *next;
};

struct live {
    struct live_config config;
    struct opening_table *openings; /* set before serving */
    pthread_t thread;
    pthread_mutex_t queue_lock; /* guards queue, is_stopping */
    pthread_cond_t queued;
    struct live_queue queues[2]; /* they change places: a copy would be 80 kB a tick */
    struct live_queue *queue;
    struct live_queue *taken;      /* the thread's own */
    struct live_exchange exchange; /* the thread's own */
    bool owes_reload; /* the thread's own: others were not told of something */
    bool is_cut_off;  /* the thread's own: the others could not be read */
    bool is_stopping;
    bool must_reload;     /* guarded by queue_lock */
    pthread_mutex_t lock; /* guards what follows */
    struct live_ring ring;
    struct live_stream *first;
    size_t stream_count;
    int64_t opened_count;
    bool takes_none;
    struct hash watchers[OPENING_WATCHERS_MAX]; /* the thread's own */
    size_t watcher_count;
};

static int64_t now_ms(const struct live *live)
{
    return clock_monotonic_ms(&live->config.clock);
}

/* ---- hearing of changes ---- */

static void add(struct live *live, const struct live_event *event)
{
    pthread_mutex_lock(&live->queue_lock);
    if (!live->is_stopping) {
        live_queue_add(live->queue, event);
        pthread_cond_signal(&live->queued);
    }
    pthread_mutex_unlock(&live->queue_lock);
}

void live_reload_all(struct live *live)
{
    pthread_mutex_lock(&live->queue_lock);
    live->must_reload = true;
    pthread_cond_signal(&live->queued);
    pthread_mutex_unlock(&live->queue_lock);
}

void live_registry_changed(void *context, const struct registry_change *change)
{
    struct live_event event = {.kind = change->is_freshness ? LIVE_FRESHNESS : LIVE_ENTRY,
                               .person = change->person,
                               .facility = change->facility,
                               .row = change->row,
                               .day = change->day,
                               .is_sensitive = change->is_sensitive,
                               .cursor = change->number};
    add(context, &event);
}

static void link_changed(void *context, const struct patient_record *record)
{
    struct live_event event = {.kind = LIVE_LINK,
                               .person = record->person,
                               .facility = record->facility,
                               .audience = record->entered_facility,
                               .row = ENTRY_ROW_NONE,
                               .day = DAY_NONE};
    add(context, &event);
}

struct patient_listener live_patient_listener(struct live *live)
{
    return (struct patient_listener){.link_changed = link_changed, .context = live};
}

static void consent_changed(void *context, struct id person)
{
    struct live_event event = {
        .kind = LIVE_CONSENT, .person = person, .row = ENTRY_ROW_NONE, .day = DAY_NONE};
    add(context, &event);
}

struct consent_listener live_consent_listener(struct live *live)
{
    return (struct consent_listener){.changed = consent_changed, .context = live};
}

static void request_changed(void *context, struct id asker, struct id asked)
{
    struct live_event event = {.kind = LIVE_REQUEST,
                               .facility = asked,
                               .audience = asker,
                               .row = ENTRY_ROW_NONE,
                               .day = DAY_NONE};
    add(context, &event);
}

struct request_listener live_request_listener(struct live *live)
{
    return (struct request_listener){.changed = request_changed, .context = live};
}

static void gateway_changed(void *context, struct id facility)
{
    struct live_event event = {.kind = LIVE_FRESHNESS,
                               .facility = facility,
                               .row = ENTRY_ROW_NONE,
                               .day = DAY_NONE};
    add(context, &event);
}

struct facility_listener live_facility_listener(struct live *live)
{
    return (struct facility_listener){.ready = gateway_changed,
                                      .away = gateway_changed,
                                      .stands = gateway_changed,
                                      .context = live};
}

/* ---- telling; the streams' lock is held but in find_watchers, tell_taken ---- */

/* A reader that does not keep up is cut: it comes back and reads again. */
static void send(struct live_stream *stream, const char *kind, int64_t id,
                 struct span data)
{
    if (stream->is_ending)
        return;
    stream->beat_at_ms = now_ms(stream->live);
    if (http_stream_event(stream->stream, kind, id, data) <= HTTP_STREAM_HIGH_BYTES)
        return;
    stream->is_ending = true;
    http_stream_abort(stream->stream);
}

static bool is_watching(const struct live *live, const struct hash *session)
{
    for (size_t i = 0; i < live->watcher_count; i++)
        if (hash_equal(&live->watchers[i], session))
            return true;
    return false;
}

/* Without a calendar open only what concerns an own entry of a number is heard, and the
 * own side of a request: nobody else hears that one was sent. */
static bool is_audience(const struct live_stream *stream, const struct live_event *event)
{
    bool is_own = id_equal(event->audience, stream->facility) ||
                  id_equal(event->facility, stream->facility);
    if (event->kind == LIVE_REQUEST)
        return is_own;
    return id_is_zero(event->person) || (event->kind == LIVE_LINK && is_own);
}

/* Entries and freshness are content: even that something changed is heard under a grant
 * only. Links and consents concern everybody who has the calendar open. */
static struct opening_news news_of(const struct live_event *event)
{
    return (struct opening_news){.person = event->person,
                                 .is_content = event->kind == LIVE_ENTRY ||
                                               event->kind == LIVE_FRESHNESS,
                                 .provider = event->facility,
                                 .row = event->row,
                                 .is_sensitive = event->is_sensitive};
}

/* Before the lock is taken, because permissions may have to be decided again. Where that
 * cannot be done just now, everybody has to read again instead. */
static void find_watchers(struct live *live, const struct live_event *event)
{
    struct opening_news news = news_of(event);
    live->watcher_count = 0;
    if (!id_is_zero(event->person) && live->openings)
        live->watcher_count =
            opening_watchers(live->openings, &news, live->watchers, OPENING_WATCHERS_MAX,
                             &live->taken->has_overflowed);
}

static void tell(struct live *live, struct live_event *event)
{
    CLEANUP(buf_free) struct buf out = buf_init(EVENT_BYTES_MAX);
    live_ring_add(&live->ring, event);
    live_write(event, &out);
    for (struct live_stream *stream = live->first; stream; stream = stream->next)
        if (is_audience(stream, event) || is_watching(live, &stream->session))
            send(stream, live_kind_id(event->kind), event->id, buf_view(&out));
}

static void tell_taken(struct live *live)
{
    for (size_t i = 0; i < live->taken->count; i++) {
        find_watchers(live, &live->taken->items[i]);
        pthread_mutex_lock(&live->lock);
        tell(live, &live->taken->items[i]);
        pthread_mutex_unlock(&live->lock);
    }
    pthread_mutex_lock(&live->lock);
    for (struct live_stream *s = live->first; live->taken->has_overflowed && s;
         s = s->next)
        send(s, "reload", live->ring.next_id - 1, SPAN("{}"));
    pthread_mutex_unlock(&live->lock);
}

/* ---- other processes ---- */

static void log_once(struct live *live, bool was_failing, const char *event,
                     const struct err *err)
{
    if (!was_failing && live->config.log)
        log_err(live->config.log, event, err);
}

/* What was taken here. When it cannot be written now, the others are told to read again
 * as soon as it can. */
static void publish_taken(struct live *live)
{
    struct err err = {0};
    if (!live->exchange.store)
        return;
    bool was_failing = live->owes_reload;
    bool had_overflowed = live->taken->has_overflowed;
    live->taken->has_overflowed |= live->owes_reload;
    bool is_done = live_count_published(live->taken) == 0 ||
                   live_publish(&live->exchange, live->taken, &err);
    live->taken->has_overflowed = had_overflowed;
    live->owes_reload = !is_done;
    if (!is_done)
        log_once(live, was_failing, "live_not_published", &err);
}

static void tell_others_news(struct live *live)
{
    struct err err = {0};
    if (!live->exchange.store)
        return;
    live->taken->count = 0;
    live->taken->has_overflowed = false;
    bool is_read = live_read_others(&live->exchange, live->taken, &err);
    if (!is_read)
        log_once(live, live->is_cut_off, "live_unreadable", &err);
    live->is_cut_off = !is_read;
    tell_taken(live);
}

/* ---- heartbeats and the end of sessions ---- */

static void beat(struct live *live)
{
    int64_t now = now_ms(live);
    pthread_mutex_lock(&live->lock);
    for (struct live_stream *s = live->first; s; s = s->next)
        if (now - s->beat_at_ms >= LIVE_HEARTBEAT_MS)
            send(s, "beat", -1, SPAN("{}"));
    pthread_mutex_unlock(&live->lock);
}

/* Sessions that were not looked at lately; each is asked for without a lock. */
static size_t take_unchecked(struct live *live, struct hash *sessions)
{
    int64_t now = now_ms(live);
    size_t count = 0;
    pthread_mutex_lock(&live->lock);
    for (struct live_stream *s = live->first; s && count < CHECKED_MAX; s = s->next) {
        if (s->is_ending || now - s->checked_at_ms < CHECK_MS)
            continue;
        s->checked_at_ms = now;
        sessions[count++] = s->session;
    }
    pthread_mutex_unlock(&live->lock);
    return count;
}

/* A browser that is not told that its session is over comes again. */
static void end_streams(struct live *live, const struct hash *session, bool is_over)
{
    pthread_mutex_lock(&live->lock);
    for (struct live_stream *s = live->first; s; s = s->next) {
        if (s->is_ending || !hash_equal(&s->session, session))
            continue;
        if (is_over)
            send(s, "session", live->ring.next_id - 1, SPAN("{}"));
        s->is_ending = true;
        http_stream_end(s->stream);
    }
    pthread_mutex_unlock(&live->lock);
}

static void check_sessions(struct live *live)
{
    struct hash sessions[CHECKED_MAX];
    size_t count = take_unchecked(live, sessions);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        if (!session_still_holds(live->config.sessions, sessions[i], &err))
            end_streams(live, &sessions[i], err.kind == ERR_REFUSED);
    }
}

/* ---- the thread ---- */

static struct timespec instant_after(int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

/* Waits for something to tell, a tick at most; false at the end. */
static bool take_queue(struct live *live, bool *must_reload)
{
    struct timespec until = instant_after(TICK_MS);
    int waited = 0;
    pthread_mutex_lock(&live->queue_lock);
    while (!live->is_stopping && !live->must_reload && live->queue->count == 0 &&
           waited == 0)
        waited = pthread_cond_timedwait(&live->queued, &live->queue_lock, &until);
    if (live->queue->count > 0 && !live->is_stopping) {
        /* A batch is stored as many changes: a moment later they are one event. */
        until = instant_after(JOIN_MS);
        waited = 0;
        while (!live->is_stopping && waited == 0)
            waited = pthread_cond_timedwait(&live->queued, &live->queue_lock, &until);
    }
    struct live_queue *told = live->taken;
    live->taken = live->queue;
    live->queue = told;
    live->queue->count = 0;
    live->queue->has_overflowed = false;
    *must_reload = live->must_reload;
    live->must_reload = false;
    bool goes_on = !live->is_stopping;
    pthread_mutex_unlock(&live->queue_lock);
    return goes_on;
}

static void *run(void *context)
{
    struct live *live = context;
    int64_t ticked_at_ms = now_ms(live);
    bool must_reload = false;
    while (take_queue(live, &must_reload)) {
        publish_taken(live);
        live->taken->has_overflowed |= must_reload;
        tell_taken(live);
        if (now_ms(live) - ticked_at_ms < TICK_MS)
            continue;
        ticked_at_ms = now_ms(live);
        tell_others_news(live);
        beat(live);
        check_sessions(live);
    }
    return NULL;
}

/* ---- streams ---- */

static void stream_closed(void *context)
{
    struct live_stream *stream = context;
    struct live *live = stream->live;
    pthread_mutex_lock(&live->lock);
    struct live_stream **at = &live->first;
    while (*at && *at != stream)
        at = &(*at)->next;
    if (*at) {
        *at = stream->next;
        live->stream_count--;
    }
    pthread_mutex_unlock(&live->lock);
    memory_free(stream);
}

/* The lock is held: a session that opens one too many loses its oldest. */
static void make_room(struct live *live, const struct hash *session)
{
    struct live_stream *oldest = NULL;
    int count = 0;
    for (struct live_stream *s = live->first; s; s = s->next) {
        if (s->is_ending || !hash_equal(&s->session, session))
            continue;
        count++;
        if (!oldest || s->opened_at < oldest->opened_at)
            oldest = s;
    }
    if (count < LIVE_STREAMS_PER_SESSION)
        return;
    oldest->is_ending = true;
    http_stream_abort(oldest->stream);
}

/* The lock is held: what was missed since `last_id`. */
static void catch_up(struct live_stream *stream, int64_t last_id)
{
    struct live *live = stream->live;
    if (!live_ring_knows(&live->ring, last_id)) {
        send(stream, "reload", live->ring.next_id - 1, SPAN("{}"));
        return;
    }
    for (int64_t id = last_id + 1; id < live->ring.next_id; id++) {
        const struct live_event *event = live_ring_at(&live->ring, id);
        struct opening_news news = news_of(event);
        bool is_for_it =
            is_audience(stream, event) ||
            (live->openings && opening_watches(live->openings, stream->session, &news));
        if (!is_for_it)
            continue;
        CLEANUP(buf_free) struct buf out = buf_init(EVENT_BYTES_MAX);
        live_write(event, &out);
        send(stream, live_kind_id(event->kind), id, buf_view(&out));
    }
}

/* The id without an event, so that even a stream that was cut before its first event
 * knows from where on it missed something. */
static void greet(struct live_stream *stream)
{
    CLEANUP(buf_free) struct buf out = buf_init(EVENT_BYTES_MAX);
    buf_format(&out, "retry: 3000\nid: %lld\n\n",
               (long long)stream->live->ring.next_id - 1);
    http_stream_write(stream->stream, buf_view(&out));
}

static bool read_last_id(struct http_call *call, int64_t *last_id)
{
    uint64_t value = 0;
    struct span header = http_header(call, "last-event-id");
    if (header.len == 0)
        return false;
    *last_id = span_uint(header, INT64_MAX, &value) ? (int64_t)value : -1;
    return true;
}

/* The lock is held; the stream is taken over, the call answered in any case. */
static void enter(struct live *live, struct live_stream *stream, struct http_call *call)
{
    static const struct http_stream_events events = {.closed = stream_closed};
    int64_t last_id = 0;
    bool has_missed = read_last_id(call, &last_id);
    make_room(live, &stream->session);
    http_add_header(call, "x-accel-buffering", "no"); /* proxies pass it on at once */
    stream->stream =
        http_stream_open(call, 200, "text/event-stream", -1, &events, stream);
    if (!stream->stream) {
        memory_free(stream);
        return;
    }
    stream->opened_at = live->opened_count++;
    stream->next = live->first;
    live->first = stream;
    live->stream_count++;
    if (has_missed)
        catch_up(stream, last_id);
    greet(stream);
}

static bool get_live(struct live *live, struct http_call *call, struct err *err)
{
    struct session_actor actor;
    if (!session_require(live->config.sessions, call, SESSION_WATCHES, &actor, err))
        return false;
    struct live_stream *stream = memory_new(1, sizeof *stream, err);
    if (!stream)
        return false;
    int64_t now = now_ms(live);
    *stream = (struct live_stream){.live = live,
                                   .session = actor.session,
                                   .facility = actor.facility,
                                   .beat_at_ms = now,
                                   .checked_at_ms = now};
    if (live->openings)
        opening_renew_session(live->openings, actor.session);
    pthread_mutex_lock(&live->lock);
    bool has_room = !live->takes_none && live->stream_count < LIVE_STREAMS_MAX;
    if (has_room)
        enter(live, stream, call);
    pthread_mutex_unlock(&live->lock);
    if (has_room)
        return true;
    memory_free(stream);
    return err_set(err, ERR_BUSY, "streams_full", "too many live streams");
}

static void answer_live(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!get_live(context, call, &err))
        session_answer_problem(call, &err);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/live", answer_live, 0},
};

void live_routes(struct http_router *router, struct live *live)
{
    http_router_add(router, routes, sizeof routes / sizeof *routes, live);
}

/* ---- life ---- */

static void destroy(struct live *live)
{
    pthread_cond_destroy(&live->queued);
    pthread_mutex_destroy(&live->queue_lock);
    pthread_mutex_destroy(&live->lock);
    memory_free(live);
}

struct live *live_new(const struct live_config *config, struct err *err)
{
    struct live *live = memory_new(1, sizeof *live, err);
    if (!live)
        return NULL;
    live->config = *config;
    live->queue = &live->queues[0];
    live->taken = &live->queues[1];
    live->exchange = (struct live_exchange){config->store, config->run, config->clock, 0};
    if (config->store && !live_start_reading(&live->exchange, err)) {
        memory_free(live);
        return NULL;
    }
    /* Ids of an earlier life or of another process must not be taken for ours. */
    live_ring_start(&live->ring, (int64_t)(rand_u64(&config->rand) >> 2) + 1);
    pthread_mutex_init(&live->lock, NULL);
    pthread_mutex_init(&live->queue_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&live->queued, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&live->thread, NULL, run, live) == 0)
        return live;
    destroy(live);
    err_set(err, ERR_SYSTEM, "thread_failed", "no thread for live events");
    return NULL;
}

void live_watch_openings(struct live *live, struct opening_table *openings)
{
    live->openings = openings;
}

void live_stop(struct live *live)
{
    pthread_mutex_lock(&live->queue_lock);
    bool was_stopping = live->is_stopping;
    live->is_stopping = true;
    pthread_cond_signal(&live->queued);
    pthread_mutex_unlock(&live->queue_lock);
    if (was_stopping)
        return;
    pthread_join(live->thread, NULL);
    pthread_mutex_lock(&live->lock);
    live->takes_none = true;
    for (struct live_stream *s = live->first; s; s = s->next) {
        s->is_ending = true;
        http_stream_end(s->stream);
    }
    pthread_mutex_unlock(&live->lock);
}

void live_free(struct live *live)
{
    if (!live)
        return;
    live_stop(live);
    while (live->first) {
        struct live_stream *stream = live->first;
        live->first = stream->next;
        memory_free(stream);
    }
    destroy(live);
}
