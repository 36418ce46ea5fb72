// SPDX-License-Identifier: Apache-2.0
#include "exchange/request/request_parts.h"

#include "store/store.h"

#define DAYS_MS(days) ((int64_t)(days)*24 * 3600 * 1000)
#define REQUEST_COLUMNS                                                                  \
    "SELECT id, network, asker, asked, wanted, number, name, kana, birth_day, sex, "     \
    "consent_form, consent_channel, consent_day, explained_by, message, sent_at, "       \
    "sent_staff, sent_by, state, closed_at, closed_by, reason, answer, record "          \
    "FROM registration_request "

enum { SENT_LISTED_DAYS = 60 };

/* ---- reading ---- */

static bool read_consent(struct store_statement *row, struct request *request,
                         struct err *err)
{
    struct text form = store_column_view(row, 10);
    request->has_consent = !text_is_empty(form);
    request->consent_day = (int32_t)store_column_int(row, 12);
    bool is_known =
        !request->has_consent ||
        (consent_form_parse(form, &request->form) &&
         consent_channel_parse(store_column_view(row, 11), &request->channel));
    return is_known ||
           err_set(err, ERR_SYSTEM, "store_corrupt", "a request's consent is unknown");
}

static bool read_state(struct store_statement *row, int64_t now_ms,
                       struct request *request, struct err *err)
{
    struct text sex = store_column_view(row, 9);
    request->birth_day = (int32_t)store_column_int(row, 8);
    request->sex = sex.len == 1 ? sex.at[0] : 'U';
    request->sent_at = store_column_int(row, 15);
    request->closed_at = store_column_int(row, 19);
    if (!request_state_parse(store_column_view(row, 18), &request->state))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a request's state is unknown");
    request->state = request_state_at(request->state, request->sent_at, now_ms);
    if (request->state == REQUEST_EXPIRED)
        request->closed_at = request_ends_at(request->sent_at);
    return text_is_empty(store_column_view(row, 23)) ||
           store_column_id(row, 23, &request->record, err);
}

static bool read_texts(struct store_statement *row, struct arena *arena,
                       struct request *request, struct err *err)
{
    struct {
        int column;
        struct text *text;
    } texts[] = {
        {5, &request->number},        {6, &request->name},     {7, &request->kana},
        {13, &request->explained_by}, {14, &request->message}, {17, &request->sent_by},
        {20, &request->closed_by},    {21, &request->reason},  {22, &request->answer},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!store_column_text(row, texts[i].column, arena, texts[i].text, err))
            return false;
    return true;
}

static bool read_row(struct store_statement *row, int64_t now_ms, struct arena *arena,
                     struct request *request, struct err *err)
{
    *request = (struct request){0};
    return read_consent(row, request, err) && read_state(row, now_ms, request, err) &&
           store_column_id(row, 0, &request->id, err) &&
           store_column_id(row, 1, &request->network, err) &&
           store_column_id(row, 2, &request->asker, err) &&
           store_column_id(row, 3, &request->asked, err) &&
           store_column_id(row, 4, &request->wanted, err) &&
           store_column_id(row, 16, &request->sent_staff, err) &&
           read_texts(row, arena, request, err);
}

bool request_find(struct store_session *session, struct id id, int64_t now_ms,
                  struct arena *arena, struct request *found, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *row =
        store_prepare(session, REQUEST_COLUMNS "WHERE id = ?1", err);
    if (!row)
        return false;
    store_bind_id(row, 1, id);
    if (!store_step(row, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such request");
    return read_row(row, now_ms, arena, found, err);
}

static bool read_rows(struct store_statement *rows, int64_t now_ms, struct arena *arena,
                      struct request **items, size_t *count, struct err *err)
{
    bool has_row = true;
    *count = 0;
    *items = ARENA_MANY(arena, struct request, REQUEST_LIST_MAX, err);
    if (!*items)
        return false;
    while (*count < REQUEST_LIST_MAX && store_step(rows, &has_row, err) && has_row)
        if (!read_row(rows, now_ms, arena, &(*items)[(*count)++], err))
            return false;
    return err->kind == ERR_NONE;
}

static bool count_received(struct store_session *session, struct id facility,
                           int64_t since_ms, int64_t *total, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *row =
        store_prepare(session,
                      "SELECT COUNT(*) FROM registration_request WHERE asked = ?1 AND "
                      "state = 'open' AND sent_at > ?2",
                      err);
    if (!row)
        return false;
    store_bind_id(row, 1, facility);
    store_bind_int(row, 2, since_ms);
    if (!store_step(row, &has_row, err))
        return false;
    *total = store_column_int(row, 0);
    return true;
}

bool request_list_received(struct store_session *session, struct id facility,
                           int64_t now_ms, struct arena *arena, struct request **items,
                           size_t *count, int64_t *total, struct err *err)
{
    int64_t since_ms = now_ms - DAYS_MS(REQUEST_DAYS);
    if (!count_received(session, facility, since_ms, total, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      REQUEST_COLUMNS "WHERE asked = ?1 AND state = 'open' AND "
                                      "sent_at > ?2 ORDER BY sent_at, id LIMIT 50",
                      err);
    if (!rows)
        return false;
    store_bind_id(rows, 1, facility);
    store_bind_int(rows, 2, since_ms);
    return read_rows(rows, now_ms, arena, items, count, err);
}

bool request_list_sent(struct store_session *session, struct id facility, int64_t now_ms,
                       struct arena *arena, struct request **items, size_t *count,
                       struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session,
                      REQUEST_COLUMNS "WHERE asker = ?1 AND sent_at > ?2 "
                                      "ORDER BY sent_at DESC, id LIMIT 50",
                      err);
    if (!rows)
        return false;
    store_bind_id(rows, 1, facility);
    store_bind_int(rows, 2, now_ms - DAYS_MS(SENT_LISTED_DAYS));
    return read_rows(rows, now_ms, arena, items, count, err);
}

/* ---- writing ---- */

static bool run_for_asker(struct store_session *session, const char *sql, struct id asker,
                          int64_t before_ms, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, asker);
    store_bind_int(statement, 2, before_ms);
    return store_run(statement, err);
}

/* What the asker left behind: a number may be asked about again after it expired. */
static bool tidy(struct store_session *session, const struct request *request,
                 struct err *err)
{
    return run_for_asker(session,
                         "UPDATE registration_request SET state = 'expired', closed_at = "
                         "sent_at + 2592000000 WHERE asker = ?1 AND state = 'open' AND "
                         "sent_at <= ?2",
                         request->asker, request->sent_at - DAYS_MS(REQUEST_DAYS), err) &&
           run_for_asker(session,
                         "DELETE FROM registration_request WHERE asker = ?1 AND "
                         "sent_at <= ?2",
                         request->asker, request->sent_at - DAYS_MS(REQUEST_KEPT_DAYS),
                         err);
}

static bool check_room(struct store_session *session, struct id asker, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *row =
        store_prepare(session,
                      "SELECT COUNT(*) FROM registration_request WHERE asker = ?1 AND "
                      "state = 'open'",
                      err);
    if (!row)
        return false;
    store_bind_id(row, 1, asker);
    if (!store_step(row, &has_row, err))
        return false;
    return store_column_int(row, 0) < REQUEST_OPEN_MAX ||
           err_set(err, ERR_CONFLICT, "request_limit", "%d requests are open",
                   REQUEST_OPEN_MAX);
}

static void bind_consent(struct store_statement *insert, const struct request *request)
{
    const char *form = request->has_consent ? consent_form_id(request->form) : "";
    const char *channel =
        request->has_consent ? consent_channel_id(request->channel) : "";
    store_bind_text(insert, 11, text_cstr(form));
    store_bind_text(insert, 12, text_cstr(channel));
    store_bind_int(insert, 13, request->consent_day);
    store_bind_text(insert, 14, request->explained_by);
}

static bool insert_request(struct store_session *session, const struct request *request,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO registration_request (id, network, asker, asked, wanted, number, "
        "name, kana, birth_day, sex, consent_form, consent_channel, consent_day, "
        "explained_by, message, sent_at, sent_staff, sent_by, state, closed_at, "
        "closed_by, reason, answer, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 'open', 0, '', '', '', '')",
        err);
    if (!insert)
        return false;
    store_bind_id(insert, 1, request->id);
    store_bind_id(insert, 2, request->network);
    store_bind_id(insert, 3, request->asker);
    store_bind_id(insert, 4, request->asked);
    store_bind_id(insert, 5, request->wanted);
    store_bind_text(insert, 6, request->number);
    store_bind_text(insert, 7, request->name);
    store_bind_text(insert, 8, request->kana);
    store_bind_int(insert, 9, request->birth_day);
    store_bind_text(insert, 10, (struct text){&request->sex, 1});
    bind_consent(insert, request);
    store_bind_text(insert, 15, request->message);
    store_bind_int(insert, 16, request->sent_at);
    store_bind_id(insert, 17, request->sent_staff);
    store_bind_text(insert, 18, request->sent_by);
    return store_run(insert, err);
}

bool request_add(struct store_session *session, const struct request *request,
                 struct err *err)
{
    if (!tidy(session, request, err) || !check_room(session, request->asker, err))
        return false;
    if (insert_request(session, request, err))
        return true;
    if (err->kind != ERR_CONFLICT)
        return false;
    err_clear(err);
    return err_set(err, ERR_CONFLICT, "request_exists",
                   "the facility was asked about this number already");
}

bool request_close(struct store_session *session, const struct request *request,
                   struct err *err)
{
    struct id_text record = id_to_text(request->record);
    CLEANUP(store_finish)
    struct store_statement *update = store_prepare(
        session,
        "UPDATE registration_request SET state = ?2, closed_at = ?3, closed_by = ?4, "
        "reason = ?5, answer = ?6, record = ?7 WHERE id = ?1 AND state = 'open'",
        err);
    if (!update)
        return false;
    store_bind_id(update, 1, request->id);
    store_bind_text(update, 2, text_cstr(request_state_id(request->state)));
    store_bind_int(update, 3, request->closed_at);
    store_bind_text(update, 4, request->closed_by);
    store_bind_text(update, 5, request->reason);
    store_bind_text(update, 6, request->answer);
    store_bind_text(update, 7, id_is_zero(request->record) ? TEXT("") : id_view(&record));
    return store_run(update, err) &&
           (store_changes(session) == 1 ||
            err_set(err, ERR_CONFLICT, "request_closed", "it is open no more"));
}
