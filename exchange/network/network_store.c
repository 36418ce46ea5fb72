// SPDX-License-Identifier: Apache-2.0
#include "exchange/network/network.h"

#include "store/store.h"

static bool read_network(struct store_statement *statement, struct arena *arena,
                         struct network *found, struct err *err)
{
    *found = (struct network){.joiner_waiting_days = (int)store_column_int(statement, 3)};
    if (!network_consent_model_parse(store_column_view(statement, 1),
                                     &found->consent_model) ||
        !network_assurance_parse(store_column_view(statement, 2),
                                 &found->minimum_assurance))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a network's rules are unknown");
    return store_column_text(statement, 0, arena, &found->name, err) &&
           store_column_id(statement, 4, &found->id, err);
}

struct store_statement *network_ask(struct store_session *session, struct id network,
                                    struct err *err)
{
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT name, consent_model, minimum_assurance, "
                      "joiner_waiting_days, id FROM network WHERE id = ?1",
                      err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, network);
    store_ask(statement);
    return statement;
}

bool network_take(struct store_statement *statement, struct arena *arena,
                  struct network *found, struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    return has_row ? read_network(statement, arena, found, err)
                   : err_set(err, ERR_MISSING, "not_found", "no such network");
}

bool network_find(struct store_session *session, struct id network, struct arena *arena,
                  struct network *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = network_ask(session, network, err);
    return statement && network_take(statement, arena, found, err);
}

bool network_list(struct store_session *session, struct arena *arena,
                  struct network **items, size_t *count, struct err *err)
{
    *count = 0;
    *items = NULL;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT name, consent_model, minimum_assurance, "
                      "joiner_waiting_days, id, count(*) OVER () FROM network "
                      "ORDER BY id",
                      err);
    bool has_row = true;
    while (statement && store_step(statement, &has_row, err) && has_row) {
        if (!*items)
            *items = ARENA_MANY(arena, struct network,
                                (size_t)store_column_int(statement, 5), err);
        if (!*items || !read_network(statement, arena, &(*items)[(*count)++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

enum { FIRST_PARTICIPANTS = 16 };

/* The rows of one version, which must exist. */
static bool read_items(struct store_session *session, struct network_participants *list,
                       struct arena *arena, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT facility, since_version, visible_from_day "
                      "FROM network_participant "
                      "WHERE network = ?1 AND version = ?2 ORDER BY facility",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, list->network);
    store_bind_int(statement, 2, list->version);
    bool has_row = true;
    size_t room = 0;
    while (store_step(statement, &has_row, err) && has_row) {
        size_t needed = list->items ? list->count + 1 : FIRST_PARTICIPANTS;
        struct network_participant *items = arena_grow(arena, list->items, list->count,
                                                       needed, sizeof *items, &room, err);
        if (!items)
            return false;
        list->items = items;
        struct network_participant *item = &list->items[list->count++];
        if (!store_column_id(statement, 0, &item->facility, err))
            return false;
        item->since_version = store_column_int(statement, 1);
        item->visible_from_day = (int32_t)store_column_int(statement, 2);
    }
    return err->kind == ERR_NONE;
}

bool network_participants_on(struct store_session *session, struct id network,
                             int32_t day, struct arena *arena,
                             struct network_participants *list, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT version, effective_day FROM network_list "
        "WHERE network = ?1 AND effective_day <= ?2 ORDER BY version DESC LIMIT 1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, network);
    store_bind_int(statement, 2, day);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no participant list in force");
    *list = (struct network_participants){
        .network = network,
        .version = store_column_int(statement, 0),
        .effective_day = (int32_t)store_column_int(statement, 1),
    };
    return read_items(session, list, arena, err);
}

bool network_of_facility(struct store_session *session, struct id facility, int32_t day,
                         struct id *network, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT p.network FROM network_participant p WHERE p.facility = ?1 AND "
        "p.version = (SELECT max(l.version) FROM network_list l "
        "WHERE l.network = p.network AND l.effective_day <= ?2) "
        "ORDER BY p.network LIMIT 1",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_int(statement, 2, day);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "the facility is on no list");
    return store_column_id(statement, 0, network, err);
}

bool network_add(struct store_session *session, const struct network *network,
                 int64_t now_ms, struct err *err)
{
    if (text_is_empty(network->name) || network->joiner_waiting_days < 0 ||
        network->joiner_waiting_days > NETWORK_WAITING_DAYS_MAX)
        return err_set(err, ERR_SYNTAX, "network_invalid",
                       "a network needs a name and 0 to %d waiting days",
                       NETWORK_WAITING_DAYS_MAX);
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO network (id, name, consent_model, minimum_assurance, "
                      "joiner_waiting_days, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, network->id);
    store_bind_text(statement, 2, network->name);
    store_bind_text(statement, 3,
                    text_cstr(network_consent_model_id(network->consent_model)));
    store_bind_text(statement, 4,
                    text_cstr(network_assurance_id(network->minimum_assurance)));
    store_bind_int(statement, 5, network->joiner_waiting_days);
    store_bind_int(statement, 6, now_ms);
    return store_run(statement, err);
}

static bool add_list(struct store_session *session,
                     const struct network_participants *list, int64_t now_ms,
                     struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "INSERT INTO network_list (network, version, effective_day, "
                      "created_at) VALUES (?1, ?2, ?3, ?4)",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, list->network);
    store_bind_int(statement, 2, list->version);
    store_bind_int(statement, 3, list->effective_day);
    store_bind_int(statement, 4, now_ms);
    return store_run(statement, err);
}

static bool add_items(struct store_session *session,
                      const struct network_participants *list, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO network_participant (network, version, facility, since_version, "
        "visible_from_day) VALUES (?1, ?2, ?3, ?4, ?5)",
        err);
    if (!statement)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        store_reset(statement);
        store_bind_id(statement, 1, list->network);
        store_bind_int(statement, 2, list->version);
        store_bind_id(statement, 3, list->items[i].facility);
        store_bind_int(statement, 4, list->items[i].since_version);
        store_bind_int(statement, 5, list->items[i].visible_from_day);
        if (!store_run(statement, err))
            return false;
    }
    return true;
}

bool network_add_version(struct store_session *session, struct id network,
                         int32_t effective_day, const struct id *facilities, size_t count,
                         int64_t now_ms, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    struct network rules;
    if (!network_find(session, network, &arena, &rules, err))
        return false;
    struct network_participants previous;
    bool has_previous = true;
    if (!network_participants_on(session, network, INT32_MAX, &arena, &previous, err)) {
        if (err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        has_previous = false;
    }
    struct network_participants next;
    return network_next_version(&rules, has_previous ? &previous : NULL, effective_day,
                                facilities, count, &arena, &next, err) &&
           add_list(session, &next, now_ms, err) && add_items(session, &next, err) &&
           network_epoch_raise(session, err);
}

bool network_epoch_raise(struct store_session *session, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE network_epoch SET epoch = epoch + 1 WHERE one = 1", err);
    return statement && store_run(statement, err);
}

/* ---- a copy that was brought back ---- */

bool network_find_hold(struct store_session *session, struct network_hold *hold,
                       struct err *err)
{
    *hold = (struct network_hold){.is_held = false};
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT copied_at, restored_at FROM network_hold WHERE one = 1", err);
    if (!statement || !store_step(statement, &hold->is_held, err))
        return false;
    if (hold->is_held) {
        hold->copied_at = store_column_int(statement, 0);
        hold->restored_at = store_column_int(statement, 1);
    }
    return true;
}

bool network_begin_hold(struct store_session *session, int64_t copied_at,
                        int64_t restored_at, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO network_hold (one, copied_at, restored_at) VALUES (1, ?1, ?2) "
        "ON CONFLICT (one) DO UPDATE SET restored_at = excluded.restored_at, copied_at = "
        "CASE WHEN excluded.copied_at < network_hold.copied_at THEN excluded.copied_at "
        "ELSE network_hold.copied_at END",
        err);
    if (!statement)
        return false;
    store_bind_int(statement, 1, copied_at);
    store_bind_int(statement, 2, restored_at);
    return store_run(statement, err) && network_epoch_raise(session, err);
}

bool network_end_hold(struct store_session *session, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "DELETE FROM network_hold WHERE one = 1", err);
    if (!statement || !store_run(statement, err))
        return false;
    if (store_changes(session) != 1)
        return err_set(err, ERR_MISSING, "not_found", "nothing waits for confirmation");
    return network_epoch_raise(session, err);
}
