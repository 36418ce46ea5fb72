// SPDX-License-Identifier: Apache-2.0
/* Links that wait for the hospital: over the day's cap, or all of them where it wants to
 * confirm each itself. */
#include "gateway/index/index_parts.h"

static bool take_links(struct store_statement *rows, size_t max, struct arena *arena,
                       struct index_link *links, size_t *count, struct err *err)
{
    bool has_row = false;
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        struct index_link *link = &links[(*count)++];
        link->revision = store_column_int(rows, 2);
        link->state = (enum index_link_state)store_column_int(rows, 3);
        link->linked_at_ms = store_column_int(rows, 4);
        if (!store_column_id(rows, 0, &link->record, err) ||
            !store_column_text(rows, 1, arena, &link->number, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool index_list_held(struct index *index, size_t max, struct arena *arena,
                     struct index_link **links, size_t *count, struct err *err)
{
    *count = 0;
    *links = ARENA_MANY(arena, struct index_link, max, err);
    CLEANUP(store_read_end)
    struct store_session *session = *links ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT record, number, revision, state, linked_at FROM index_link WHERE state = "
        "1 ORDER BY linked_at, record",
        err);
    return rows && take_links(rows, max, arena, *links, count, err);
}

bool index_list_links(struct index *index, int64_t since_ms, size_t max,
                      struct arena *arena, struct index_link **links, size_t *count,
                      struct err *err)
{
    *count = 0;
    *links = ARENA_MANY(arena, struct index_link, max, err);
    CLEANUP(store_read_end)
    struct store_session *session = *links ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT record, number, revision, state, linked_at FROM index_link WHERE "
        "linked_at >= ?1 ORDER BY linked_at, record",
        err);
    if (!rows)
        return false;
    store_bind_int(rows, 1, since_ms);
    return take_links(rows, max, arena, *links, count, err);
}

struct deciding {
    struct id record;
    bool is_confirmed;
    struct arena *arena;
};

static bool find_held(struct store_session *session, const struct deciding *deciding,
                      struct text *number, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT number FROM index_link WHERE record = ?1 AND state = 1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, deciding->record);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such held link");
    return store_column_text(find, 0, deciding->arena, number, err);
}

static bool set_state(struct store_session *session, const struct deciding *deciding,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *change =
        store_prepare(session,
                      "UPDATE index_link SET state = ?2, revision = revision + 1 WHERE "
                      "record = ?1",
                      err);
    if (!change)
        return false;
    store_bind_id(change, 1, deciding->record);
    store_bind_int(change, 2, deciding->is_confirmed ? INDEX_ACTIVE : INDEX_LINK_REFUSED);
    return store_run(change, err);
}

static bool decide(struct store_session *session, void *context, struct err *err)
{
    const struct deciding *deciding = context;
    struct text number = {0};
    struct id_text id = id_to_text(deciding->record);
    enum uplink_match match = deciding->is_confirmed ? UPLINK_CONFIRMED : UPLINK_MISMATCH;
    bool is_given_again = false;
    if (!find_held(session, deciding, &number, err) ||
        !index_is_given_again(session, id_view(&id), number, deciding->arena,
                              &is_given_again, err))
        return false;
    if (deciding->is_confirmed && is_given_again)
        return err_set(err, ERR_CONFLICT, "patient_changed",
                       "the number has become another person's");
    if (!set_state(session, deciding, err))
        return false;
    struct index_outgoing outgoing = {.lane = 0,
                                      .type = UPLINK_LINK_DECIDED,
                                      .record = id_view(&id),
                                      .number = number,
                                      .entry_key = text_cstr(uplink_match_id(match))};
    return index_enqueue(session, &outgoing, err) &&
           (!deciding->is_confirmed ||
            index_enqueue_all(session, deciding->record, number, err));
}

bool index_decide_held(struct index *index, struct id record, bool is_confirmed,
                       struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    struct deciding deciding = {record, is_confirmed, &arena};
    if (!store_write(index->store, STORE_LIVE, decide, &deciding, err))
        return false;
    index_wake(index, 0);
    if (is_confirmed)
        index_wake(index, 1);
    return true;
}

static bool recall(struct store_session *session, void *context, struct err *err)
{
    const struct index_link *link = context;
    CLEANUP(store_finish)
    struct store_statement *keep =
        link->state == INDEX_ACTIVE
            ? store_prepare(session,
                            "INSERT INTO index_former (record, number) VALUES (?1, ?2) "
                            "ON CONFLICT (record) DO UPDATE SET number = excluded.number",
                            err)
            : store_prepare(session,
                            "INSERT INTO index_link (record, number, state, linked_at, "
                            "revision) VALUES (?1, ?2, 3, 0, 1) ON CONFLICT (record) DO "
                            "NOTHING",
                            err);
    if (!keep)
        return false;
    store_bind_id(keep, 1, link->record);
    store_bind_text(keep, 2, link->number);
    return store_run(keep, err);
}

bool index_recall_link(struct index *index, const struct index_link *link,
                       struct err *err)
{
    struct index_link copy = *link;
    return store_write(index->store, STORE_BACKFILL, recall, &copy, err);
}
