// SPDX-License-Identifier: Apache-2.0
/* The outbox, and the sums and snapshots that prove both sides in step. */
#include <string.h>

#include "gateway/index/index_parts.h"

struct sending {
    struct index *index;
    struct store_session *session;
    struct arena *arena;
};

static bool find_row(const struct sending *sending, struct text number, struct text key,
                     struct index_row *row, bool *is_there, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        sending->session,
        "SELECT " INDEX_ROW_COLUMNS " FROM index_entry WHERE number = ?1 AND "
        "entry_key = ?2",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, key);
    if (!store_step(find, is_there, err))
        return false;
    return !*is_there || index_take_row(find, sending->arena, row, err);
}

static void fill_put(const struct index *index, const struct index_row *row,
                     struct uplink_put *put)
{
    int64_t delay_hours = index_delay_hours(index, row->kind);
    *put = (struct uplink_put){
        .version = row->version,
        .kind = row->kind,
        .state = (enum entry_state)row->state,
        .flags = (unsigned)row->flags,
        .day = row->day,
        .end_day = row->end_day,
        .is_open = row->is_open,
        .title = row->title,
        .department_code = row->department_code,
        .department = row->department,
        .author = row->author,
        .time = row->time,
        .order_number = row->order_number,
        .visible_from_ms = delay_hours ? row->received_at + delay_hours * 3600000 : 0,
    };
}

/* What an outbox row says now: an entry that is gone, or not to leave the house, is
 * withdrawn, whatever the row meant when it was written. */
static bool fill_entry(const struct sending *sending, struct text number,
                       struct uplink_event *event, struct err *err)
{
    struct index_row row;
    bool is_there = false;
    if (!find_row(sending, number, event->key, &row, &is_there, err))
        return false;
    bool is_sent =
        is_there && index_is_published(sending->index, row.kind, (unsigned)row.flags,
                                       row.day, row.department_code);
    event->type = is_sent ? UPLINK_ENTRY_PUT : UPLINK_ENTRY_WITHDRAWN;
    if (is_sent)
        fill_put(sending->index, &row, &event->put);
    return true;
}

/* Adds up the published entries of a number behind `cursor`; with `snapshot` it also
 * lists their keys, at most a page. */
static bool add_up(const struct sending *sending, struct text number, struct text cursor,
                   struct uplink_sum *sum, struct uplink_snapshot *snapshot,
                   struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        sending->session,
        "SELECT entry_key, version, kind, day, department_code, flags FROM index_entry "
        "WHERE number = ?1 AND entry_key > ?2 ORDER BY entry_key",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, number);
    store_bind_text(rows, 2, cursor);
    while (store_step(rows, &has_row, err) && has_row) {
        struct text key = store_column_view(rows, 0);
        if (!index_is_published(
                sending->index, (enum entry_kind)store_column_int(rows, 2),
                (unsigned)store_column_int(rows, 5), (int32_t)store_column_int(rows, 3),
                store_column_view(rows, 4)))
            continue;
        if (sum) {
            sum->count++;
            uplink_digest_add(sum->digest, key, store_column_view(rows, 1));
        }
        if (!snapshot)
            continue;
        if (snapshot->count == UPLINK_KEYS_MAX) {
            snapshot->next = snapshot->keys[snapshot->count - 1];
            break;
        }
        size_t at = snapshot->count++;
        if (!text_copy(key, sending->arena, &snapshot->keys[at], err) ||
            !text_copy(store_column_view(rows, 1), sending->arena,
                       &snapshot->versions[at], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool find_active(const struct sending *sending, struct id record,
                        struct index_link *link, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(sending->session,
                      "SELECT number, revision FROM index_link WHERE record = ?1 AND "
                      "state = 0",
                      err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "not linked");
    link->record = record;
    link->revision = store_column_int(find, 1);
    return store_column_text(find, 0, sending->arena, &link->number, err);
}

static bool sum_up(const struct sending *sending, struct id record,
                   struct uplink_sum *sum, struct err *err)
{
    struct index_link link;
    if (!find_active(sending, record, &link, err))
        return false;
    *sum = (struct uplink_sum){.record = record,
                               .epoch = index_epoch(sending->index),
                               .revision = link.revision};
    return add_up(sending, link.number, TEXT(""), sum, NULL, err);
}

bool index_sum(struct index *index, struct id record, struct arena *arena,
               struct uplink_sum *sum, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    struct sending sending = {index, session, arena};
    return session && sum_up(&sending, record, sum, err);
}

bool index_snapshot(struct index *index, struct id record, struct text cursor,
                    struct arena *arena, struct uplink_snapshot *snapshot,
                    struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    struct sending sending = {index, session, arena};
    struct index_link link;
    struct index_filling filling;
    if (!session || !find_active(&sending, record, &link, err) ||
        !index_read_filling(session, &filling, err))
        return false;
    if (filling.awaits_pictures)
        return err_set(err, ERR_BUSY, "index_filling",
                       "not all pictures have been looked at");
    *snapshot = (struct uplink_snapshot){.next = TEXT("")};
    snapshot->keys = ARENA_MANY(arena, struct text, UPLINK_KEYS_MAX, err);
    if (!snapshot->keys)
        return false;
    snapshot->versions = ARENA_MANY(arena, struct text, UPLINK_KEYS_MAX, err);
    return snapshot->versions && sum_up(&sending, record, &snapshot->sum, err) &&
           add_up(&sending, link.number, cursor, NULL, snapshot, err);
}

/* A link that is held by now has no sum; then that is what is told, so that one record
 * never blocks the lane. */
static bool fill_sum(const struct sending *sending, struct uplink_event *event,
                     struct err *err)
{
    if (sum_up(sending, event->record, &event->sum, err))
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    event->type = UPLINK_LINK_DECIDED;
    event->match = UPLINK_HELD;
    return true;
}

static bool fill_event(const struct sending *sending, struct store_statement *rows,
                       struct uplink_event *event, struct err *err)
{
    struct text record = {0};
    struct text number = {0};
    *event = (struct uplink_event){
        .sequence = store_column_int(rows, 0),
        .type = (enum uplink_event_type)store_column_int(rows, 1),
    };
    if (!store_column_text(rows, 2, sending->arena, &record, err) ||
        !store_column_text(rows, 3, sending->arena, &number, err) ||
        !store_column_text(rows, 4, sending->arena, &event->key, err))
        return false;
    if (record.len && !id_parse(text_span(record), &event->record, err))
        return false;
    if (event->type == UPLINK_ENTRY_PUT || event->type == UPLINK_ENTRY_WITHDRAWN)
        return fill_entry(sending, number, event, err);
    if (event->type == UPLINK_IN_STEP)
        return fill_sum(sending, event, err);
    /* The row of a decision holds its word in the place of a key. */
    if (event->type == UPLINK_LINK_DECIDED)
        return uplink_match_parse(event->key, &event->match) ||
               err_set(err, ERR_SYSTEM, "index_corrupt", "a decision without word");
    if (event->type == UPLINK_POLICY_CHANGED)
        return index_read_policy_json(sending->index, sending->arena, &event->policy,
                                      err);
    if (event->type == UPLINK_NUMBER_ENDED)
        return index_fill_number(sending->session, sending->arena, number, event, err);
    event->number = number;
    return true;
}

bool index_take_events(struct index *index, int lane, size_t max, struct arena *arena,
                       struct uplink_event **events, size_t *count, struct err *err)
{
    bool has_row = false;
    *count = 0;
    *events = ARENA_MANY(arena, struct uplink_event, max, err);
    CLEANUP(store_read_end)
    struct store_session *session = *events ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    struct sending sending = {index, session, arena};
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT sequence, type, record, number, entry_key FROM index_outbox WHERE "
        "lane = ?1 ORDER BY sequence",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, lane);
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        if (!fill_event(&sending, rows, &(*events)[*count], err))
            return false;
        (*count)++;
    }
    return err->kind == ERR_NONE;
}

struct answering {
    const struct uplink_answers *answers;
    int64_t now_ms;
};

static bool keep_rejected(struct store_session *session, int64_t sequence,
                          struct text code, int64_t now_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session,
        "INSERT INTO index_rejected (sequence, record, entry_key, code, at) SELECT "
        "sequence, record, entry_key, ?2, ?3 FROM index_outbox WHERE sequence = ?1 "
        "ON CONFLICT (sequence) DO NOTHING",
        err);
    if (!keep)
        return false;
    store_bind_int(keep, 1, sequence);
    store_bind_text(keep, 2, code);
    store_bind_int(keep, 3, now_ms);
    return store_run(keep, err);
}

/* What changed while a record's list was on its way went ahead of it in the live lane,
 * and the older say that came behind may have undone it: the sum is told once more. */
static bool prove_again(struct store_session *session, int64_t sequence, struct err *err)
{
    bool has_row = false;
    struct index_outgoing again = {
        .lane = 1, .type = UPLINK_IN_STEP, .entry_key = TEXT("")};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT index_outbox.record, index_outbox.number FROM index_outbox JOIN "
        "index_link ON index_link.record = index_outbox.record WHERE sequence = ?1 AND "
        "type = ?2 AND entry_key <> '' AND state = 0 AND entry_key <> CAST "
        "(index_link.revision AS TEXT)",
        err);
    if (!find)
        return false;
    store_bind_int(find, 1, sequence);
    store_bind_int(find, 2, UPLINK_IN_STEP);
    if (!store_step(find, &has_row, err))
        return false;
    return !has_row || (store_column_text(find, 0, &arena, &again.record, err) &&
                        store_column_text(find, 1, &arena, &again.number, err) &&
                        index_enqueue(session, &again, err));
}

static bool apply_answers(struct store_session *session, void *context, struct err *err)
{
    const struct answering *answering = context;
    const struct uplink_answers *answers = answering->answers;
    CLEANUP(store_finish)
    struct store_statement *remove =
        store_prepare(session, "DELETE FROM index_outbox WHERE sequence = ?1", err);
    if (!remove)
        return false;
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->codes[i].len > 0 &&
            !keep_rejected(session, answers->sequences[i], answers->codes[i],
                           answering->now_ms, err))
            return false;
        if (!prove_again(session, answers->sequences[i], err))
            return false;
        store_reset(remove);
        store_bind_int(remove, 1, answers->sequences[i]);
        if (!store_run(remove, err))
            return false;
    }
    return true;
}

bool index_answer_events(struct index *index, const struct uplink_answers *answers,
                         struct err *err)
{
    struct answering answering = {answers, clock_wall_ms(&index->config.clock)};
    return answers->count == 0 ||
           store_write(index->store, STORE_LIVE, apply_answers, &answering, err);
}
