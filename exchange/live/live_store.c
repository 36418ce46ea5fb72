// SPDX-License-Identifier: Apache-2.0
/* What goes from one process's streams to the others', through the database. Numbers have
 * no gaps, because writers take turns: whoever finds one was away too long. */
#include "exchange/live/live_parts.h"
#include "store/store.h"

enum { KEEP_MS = 10 * 60 * 1000, KIND_RELOAD = 100 };

struct publishing {
    const struct live_exchange *exchange;
    const struct live_queue *queue;
};

static bool is_published(const struct live_event *event)
{
    /* That a gateway came or went is each process's own: it has its own tunnel. */
    return !id_is_zero(event->person) || event->kind == LIVE_REQUEST;
}

size_t live_count_published(const struct live_queue *queue)
{
    size_t count = queue->has_overflowed;
    for (size_t i = 0; i < queue->count; i++)
        count += is_published(&queue->items[i]);
    return count;
}

static bool ask_number(struct store_session *session, const char *sql, int64_t *number,
                       struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement || !store_step(statement, &has_row, err))
        return false;
    *number = has_row ? store_column_int(statement, 0) : 0;
    return true;
}

/* The newest row stays, so that numbers go on. */
static bool forget_old(struct store_session *session, int64_t newest, int64_t now_ms,
                       struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "DELETE FROM live_change WHERE at_ms < ?1 AND number < ?2", err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, now_ms - KEEP_MS);
    store_bind_int(statement, 2, newest);
    return store_run(statement, err);
}

static bool insert_event(struct store_statement *insert, const struct live_event *event,
                         int kind, struct err *err)
{
    store_bind_int(insert, 4, kind);
    store_bind_id(insert, 5, event->person);
    store_bind_id(insert, 6, event->facility);
    store_bind_id(insert, 7, event->audience);
    store_bind_int(insert, 8, event->row);
    store_bind_int(insert, 9, event->day);
    store_bind_int(insert, 10, event->is_sensitive);
    store_bind_int(insert, 11, event->cursor);
    return store_run(insert, err);
}

static bool publish(struct store_session *session, void *context, struct err *err)
{
    static const struct live_event everybody = {0};
    const struct publishing *publishing = context;
    const struct live_exchange *exchange = publishing->exchange;
    const struct live_queue *queue = publishing->queue;
    int64_t now_ms = clock_wall_ms(&exchange->clock);
    int64_t number = 0;
    if (!ask_number(session, "SELECT MAX(number) FROM live_change", &number, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO live_change (number, run, at_ms, kind, person, facility, audience, "
        "entry_row, day, is_sensitive, cursor_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
        "?8, ?9, ?10, ?11)",
        err);
    /* One more round than there are events: for "everybody". */
    for (size_t i = 0; insert && i <= queue->count; i++) {
        bool is_last = i == queue->count;
        if (is_last ? !queue->has_overflowed : !is_published(&queue->items[i]))
            continue;
        store_reset(insert);
        store_bind_int(insert, 1, ++number);
        store_bind_id(insert, 2, exchange->run);
        store_bind_int(insert, 3, now_ms);
        if (!insert_event(insert, is_last ? &everybody : &queue->items[i],
                          is_last ? KIND_RELOAD : (int)queue->items[i].kind, err))
            return false;
    }
    return insert && forget_old(session, number, now_ms, err);
}

bool live_publish(const struct live_exchange *exchange, const struct live_queue *queue,
                  struct err *err)
{
    struct publishing publishing = {exchange, queue};
    return store_write(exchange->store, STORE_LIVE, publish, &publishing, err);
}

/* ---- reading ---- */

bool live_start_reading(struct live_exchange *exchange, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(exchange->store, err);
    return session && ask_number(session, "SELECT MAX(number) FROM live_change",
                                 &exchange->seen, err);
}

static bool take_event(struct store_statement *rows, struct live_event *event,
                       struct err *err)
{
    int64_t kind = store_column_int(rows, 2);
    int64_t row = store_column_int(rows, 6);
    *event = (struct live_event){.kind = (enum live_kind)kind,
                                 .row = (enum entry_row)row,
                                 .day = (int32_t)store_column_int(rows, 7),
                                 .is_sensitive = store_column_int(rows, 8) != 0,
                                 .cursor = store_column_int(rows, 9)};
    bool is_known =
        kind >= 0 && kind < LIVE_KIND_COUNT && row >= 0 && row < ENTRY_ROW_COUNT;
    return store_column_id(rows, 3, &event->person, err) &&
           store_column_id(rows, 4, &event->facility, err) &&
           store_column_id(rows, 5, &event->audience, err) &&
           (is_known ||
            err_set(err, ERR_SYNTAX, "live_unknown", "a change of an unknown kind"));
}

/* A row of a newer program, or of one that overflowed: everybody reads again. */
static bool take_row(struct store_statement *rows, struct live_queue *queue,
                     struct err *err)
{
    struct live_event event;
    if (store_column_int(rows, 2) != KIND_RELOAD && take_event(rows, &event, err)) {
        live_queue_add(queue, &event);
        return true;
    }
    queue->has_overflowed = true;
    bool is_passed = err->kind == ERR_NONE || err->kind == ERR_SYNTAX;
    if (is_passed)
        err_clear(err);
    return is_passed;
}

static bool read_rows(struct store_session *session, struct live_exchange *exchange,
                      struct live_queue *queue, struct err *err)
{
    bool has_row = true;
    struct id_text own = id_to_text(exchange->run);
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT number, run, kind, person, facility, audience, entry_row, day, "
        "is_sensitive, cursor_at FROM live_change WHERE number > ?1 ORDER BY number "
        "LIMIT 1000",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, exchange->seen);
    while (store_step(rows, &has_row, err) && has_row) {
        int64_t number = store_column_int(rows, 0);
        bool is_own = text_equal(store_column_view(rows, 1), id_view(&own));
        queue->has_overflowed |= number != exchange->seen + 1;
        if (!is_own && !take_row(rows, queue, err))
            return false;
        exchange->seen = number;
    }
    return err->kind == ERR_NONE;
}

bool live_read_others(struct live_exchange *exchange, struct live_queue *queue,
                      struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(exchange->store, err);
    return session && read_rows(session, exchange, queue, err);
}
