// SPDX-License-Identifier: Apache-2.0
#include "exchange/facility/facility_parts.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/network/network.h"
#include "formats/json/json.h"
#include "store/store.h"

#define FACILITY_COLUMNS                                                                 \
    "SELECT id, code, name, kana, kind, way, letter, slot, fingerprint, policy, "        \
    "policy_version, last_seen_at, certificate_ends_at, may_register FROM facility "

static bool read_row(struct store_statement *statement, struct arena *arena,
                     struct facility *facility, struct err *err)
{
    *facility = (struct facility){
        .slot = (int)store_column_int(statement, 7),
        .policy_version = store_column_int(statement, 10),
        .last_seen_at = store_column_int(statement, 11),
        .certificate_ends_at = store_column_int(statement, 12),
        .may_register = store_column_int(statement, 13) == 1,
    };
    if (!facility_kind_parse(store_column_view(statement, 4), &facility->kind) ||
        !facility_way_parse(store_column_view(statement, 5), &facility->way))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a facility's kind is unknown");
    if (!store_column_id(statement, 0, &facility->id, err) ||
        !store_column_text(statement, 1, arena, &facility->code, err) ||
        !store_column_text(statement, 2, arena, &facility->name, err) ||
        !store_column_text(statement, 3, arena, &facility->kana, err) ||
        !store_column_text(statement, 6, arena, &facility->letter, err) ||
        !store_column_text(statement, 8, arena, &facility->fingerprint, err) ||
        !store_column_text(statement, 9, arena, &facility->policy, err))
        return false;
    facility->has_policy = !text_is_empty(facility->policy);
    return true;
}

static bool read_one(struct store_statement *statement, struct arena *arena,
                     struct facility *found, struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such facility");
    return read_row(statement, arena, found, err);
}

bool facility_find(struct store_session *session, struct id id, struct arena *arena,
                   struct facility *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, FACILITY_COLUMNS "WHERE id = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, id);
    return read_one(statement, arena, found, err);
}

bool facility_find_code(struct store_session *session, struct text code,
                        struct arena *arena, struct facility *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, FACILITY_COLUMNS "WHERE code = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, code);
    return read_one(statement, arena, found, err);
}

/* One text of one facility. */
static struct store_statement *ask_text(struct store_session *session, const char *sql,
                                        struct id id, struct err *err)
{
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, id);
    store_ask(statement);
    return statement;
}

static bool take_text(struct store_statement *statement, struct arena *arena,
                      struct text *text, struct err *err)
{
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such facility");
    return store_column_text(statement, 0, arena, text, err);
}

bool facility_find_policy(struct store_session *session, struct id id,
                          struct arena *arena, struct text *policy, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        ask_text(session, "SELECT policy FROM facility WHERE id = ?1", id, err);
    return statement && take_text(statement, arena, policy, err);
}

struct store_statement *facility_code_ask(struct store_session *session, struct id id,
                                          struct err *err)
{
    return ask_text(session, "SELECT code FROM facility WHERE id = ?1", id, err);
}

bool facility_code_take(struct store_statement *statement, struct arena *arena,
                        struct text *code, struct err *err)
{
    return take_text(statement, arena, code, err);
}

bool facility_find_code_of(struct store_session *session, struct id id,
                           struct arena *arena, struct text *code, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = facility_code_ask(session, id, err);
    return statement && take_text(statement, arena, code, err);
}

enum { FIRST_FACILITIES = 16 };

bool facility_list(struct store_session *session, struct arena *arena,
                   struct facility **items, size_t *count, struct err *err)
{
    size_t room = FIRST_FACILITIES;
    *count = 0;
    *items = ARENA_MANY(arena, struct facility, FIRST_FACILITIES, err);
    if (!*items)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, FACILITY_COLUMNS "ORDER BY letter, id", err);
    if (!statement)
        return false;
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row) {
        struct facility *grown =
            arena_grow(arena, *items, *count, *count + 1, sizeof *grown, &room, err);
        if (!grown)
            return false;
        *items = grown;
        if (!read_row(statement, arena, &grown[(*count)++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool read_shown(struct store_statement *statement, struct arena *arena,
                       struct facility *facility, struct err *err)
{
    *facility = (struct facility){
        .slot = (int)store_column_int(statement, 7),
        .last_seen_at = store_column_int(statement, 8),
        .may_register = store_column_int(statement, 9) == 1,
        .has_policy = store_column_int(statement, 10) == 1,
        .fingerprint = TEXT(""),
        .policy = TEXT(""),
    };
    if (!facility_kind_parse(store_column_view(statement, 4), &facility->kind) ||
        !facility_way_parse(store_column_view(statement, 5), &facility->way))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a facility's kind is unknown");
    return store_column_id(statement, 0, &facility->id, err) &&
           store_column_text(statement, 1, arena, &facility->code, err) &&
           store_column_text(statement, 2, arena, &facility->name, err) &&
           store_column_text(statement, 3, arena, &facility->kana, err) &&
           store_column_text(statement, 6, arena, &facility->letter, err);
}

static int compare(const void *a, const void *b)
{
    const struct facility *left = a;
    const struct facility *right = b;
    int order = text_compare(left->letter, right->letter);
    return order != 0 ? order : memcmp(left->id.bytes, right->id.bytes, ID_BYTES);
}

enum { LISTED_AT_ONCE = 24 }; /* most networks have fewer */

/* So many from one on; what is missing is NULL, which is no facility. */
static void bind_listed(const struct facility_list *list, size_t from)
{
    for (size_t i = 0; i < LISTED_AT_ONCE; i++) {
        if (from + i < list->ids.count)
            store_bind_id(list->asked, (int)i + 1, list->ids.at[from + i]);
        else
            store_bind_null(list->asked, (int)i + 1);
    }
}

bool facility_list_ask(struct store_session *session, const struct facility_ids *ids,
                       struct facility_list *list, struct err *err)
{
    *list = (struct facility_list){
        *ids, store_prepare(session,
                            "SELECT id, code, name, kana, kind, way, letter, slot, "
                            "last_seen_at, may_register, CASE WHEN policy = '' THEN 0 "
                            "ELSE 1 END FROM facility WHERE id IN (?1, ?2, ?3, ?4, ?5, "
                            "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                            "?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
                            err)};
    if (!list->asked)
        return false;
    bind_listed(list, 0);
    if (ids->count > 0)
        store_ask(list->asked);
    return true;
}

/* All rows, one facility perhaps several times. */
static bool take_listed(struct facility_list *list, struct arena *arena,
                        struct facility *items, size_t *found, struct err *err)
{
    for (size_t from = 0; from < list->ids.count; from += LISTED_AT_ONCE) {
        bool has_row = false;
        if (from > 0) {
            store_reset(list->asked);
            bind_listed(list, from);
        }
        while (store_step(list->asked, &has_row, err) && has_row)
            if (!read_shown(list->asked, arena, &items[(*found)++], err))
                return false;
        if (err->kind != ERR_NONE)
            return false;
    }
    return true;
}

size_t facility_sort(struct facility *items, size_t count)
{
    size_t left = 0;
    if (count > 0)
        qsort(items, count, sizeof *items, compare);
    for (size_t i = 0; i < count; i++)
        if (left == 0 || !id_equal(items[i].id, items[left - 1].id))
            items[left++] = items[i];
    return left;
}

bool facility_list_take(struct facility_list *list, struct arena *arena,
                        struct facility **items, size_t *count, struct err *err)
{
    size_t found = 0;
    *count = 0;
    *items = ARENA_MANY(arena, struct facility, list->ids.count, err);
    if (!*items || !take_listed(list, arena, *items, &found, err))
        return false;
    *count = facility_sort(*items, found);
    return true;
}

void facility_list_end(struct facility_list *list)
{
    store_finish(&list->asked);
}

bool facility_list_of(struct store_session *session, const struct facility_ids *ids,
                      struct arena *arena, struct facility **items, size_t *count,
                      struct err *err)
{
    CLEANUP(facility_list_end) struct facility_list list = {.asked = NULL};
    return facility_list_ask(session, ids, &list, err) &&
           facility_list_take(&list, arena, items, count, err);
}

static bool list_ids(struct store_session *session, const char *sql, struct arena *arena,
                     struct facility_ids *ids, struct err *err)
{
    size_t room = FIRST_FACILITIES;
    *ids = (struct facility_ids){ARENA_MANY(arena, struct id, FIRST_FACILITIES, err), 0};
    CLEANUP(store_finish)
    struct store_statement *statement = ids->at ? store_prepare(session, sql, err) : NULL;
    if (!statement)
        return false;
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row) {
        struct id *grown = arena_grow(arena, ids->at, ids->count, ids->count + 1,
                                      sizeof *grown, &room, err);
        if (!grown)
            return false;
        ids->at = grown;
        if (!store_column_id(statement, 0, &grown[ids->count++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

bool facility_list_disclosing(struct store_session *session, struct arena *arena,
                              struct facility_ids *ids, struct err *err)
{
    return list_ids(session,
                    "SELECT id FROM facility WHERE way <> 'view_only' ORDER BY letter, "
                    "id",
                    arena, ids, err);
}

bool facility_list_keeping(struct store_session *session, struct arena *arena,
                           struct facility_ids *ids, struct err *err)
{
    return list_ids(session,
                    "SELECT id FROM facility WHERE way = 'view_only' AND policy <> '' "
                    "ORDER BY id",
                    arena, ids, err);
}

bool facility_add(struct store_session *session, const struct facility *facility,
                  int64_t now_ms, struct err *err)
{
    if (!facility_check(facility, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO facility (id, code, name, kana, kind, way, letter, slot, "
        "fingerprint, policy, policy_version, last_seen_at, created_at, "
        "certificate_ends_at, may_register) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12, ?13, ?14)",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility->id);
    store_bind_text(statement, 2, facility->code);
    store_bind_text(statement, 3, facility->name);
    store_bind_text(statement, 4, facility->kana);
    store_bind_text(statement, 5, text_cstr(facility_kind_id(facility->kind)));
    store_bind_text(statement, 6, text_cstr(facility_way_id(facility->way)));
    store_bind_text(statement, 7, facility->letter);
    store_bind_int(statement, 8, facility->slot);
    store_bind_text(statement, 9, facility->fingerprint);
    store_bind_text(statement, 10, facility->policy);
    store_bind_int(statement, 11, text_is_empty(facility->policy) ? 0 : 1);
    store_bind_int(statement, 12, now_ms);
    store_bind_int(statement, 13, facility->certificate_ends_at);
    store_bind_int(statement, 14, facility->may_register);
    return store_run(statement, err) && network_epoch_raise(session, err);
}

bool facility_check_found(struct store_session *session, struct err *err)
{
    if (store_changes(session) == 1)
        return true;
    return err_set(err, ERR_MISSING, "not_found", "no such facility");
}

bool facility_change(struct store_session *session, const struct facility *facility,
                     struct err *err)
{
    if (!facility_check(facility, err))
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "UPDATE facility SET name = ?2, kana = ?3, kind = ?4, way = ?5, "
                      "letter = ?6, slot = ?7, may_register = ?8, policy = CASE WHEN "
                      "way = ?5 THEN policy ELSE '' END WHERE id = ?1",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility->id);
    store_bind_text(statement, 2, facility->name);
    store_bind_text(statement, 3, facility->kana);
    store_bind_text(statement, 4, text_cstr(facility_kind_id(facility->kind)));
    store_bind_text(statement, 5, text_cstr(facility_way_id(facility->way)));
    store_bind_text(statement, 6, facility->letter);
    store_bind_int(statement, 7, facility->slot);
    store_bind_int(statement, 8, facility->may_register);
    return store_run(statement, err) && facility_check_found(session, err) &&
           network_epoch_raise(session, err);
}

bool facility_change_fingerprint(struct store_session *session, struct id facility,
                                 struct text fingerprint, int64_t ends_at,
                                 struct err *err)
{
    uint8_t bytes[HASH_BYTES];
    if (!text_is_empty(fingerprint) &&
        !hash_from_hex(text_span(fingerprint), bytes, sizeof bytes))
        return err_set(err, ERR_SYNTAX, "facility_invalid",
                       "a fingerprint has 64 hexadecimal digits");
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "UPDATE facility SET fingerprint = ?2, certificate_ends_at = ?3 "
                      "WHERE id = ?1",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, fingerprint);
    store_bind_int(statement, 3, ends_at);
    return store_run(statement, err) && facility_check_found(session, err) &&
           network_epoch_raise(session, err);
}

/* ---- whole transactions ---- */

/* Read again whenever the epoch rises, so it takes only what the wire needs, of those
 * that have a certificate. */
bool facility_load_doors(struct store *store, struct arena *arena,
                         struct facility **items, size_t *count, struct err *err)
{
    *count = 0;
    *items = NULL;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT id, code, fingerprint, count(*) OVER () FROM facility WHERE "
        "fingerprint <> ''",
        err);
    bool has_row = true;
    while (statement && store_step(statement, &has_row, err) && has_row) {
        if (!*items)
            *items = ARENA_MANY(arena, struct facility,
                                (size_t)store_column_int(statement, 3), err);
        if (!*items)
            return false;
        struct facility *facility = &(*items)[(*count)++];
        if (!store_column_id(statement, 0, &facility->id, err) ||
            !store_column_text(statement, 1, arena, &facility->code, err) ||
            !store_column_text(statement, 2, arena, &facility->fingerprint, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

struct policy_change {
    struct id facility;
    struct text policy;
    int64_t now_ms;
};

static bool write_policy(struct store_session *session, void *context, struct err *err)
{
    const struct policy_change *change = context;
    return facility_change_policy(session, change->facility, change->policy,
                                  change->now_ms, err);
}

bool facility_keep_policy(struct store *store, struct id facility, struct text policy,
                          int64_t now_ms, struct err *err)
{
    struct policy_change change = {facility, policy, now_ms};
    return store_write(store, STORE_LIVE, write_policy, &change, err);
}

static bool is_connected(const struct facility_service *service, struct id facility)
{
    return service->gateways && facility_gateway_is_ready(service->gateways, facility);
}

static bool list_participants(struct store_session *session,
                              const struct network_participants *list,
                              struct arena *arena, struct facility **facilities,
                              size_t *count, struct err *err)
{
    struct facility_ids ids = {ARENA_MANY(arena, struct id, list->count, err),
                               list->count};
    for (size_t i = 0; ids.at && i < list->count; i++)
        ids.at[i] = list->items[i].facility;
    return ids.at && facility_list_of(session, &ids, arena, facilities, count, err);
}

/* The rows behind that facility; all are few enough to be put in order each time. */
static bool find_page(const struct facility *facilities, size_t count, struct id after,
                      size_t page[2], struct err *err)
{
    size_t begin = 0;
    if (!id_is_zero(after)) {
        while (begin < count && !id_equal(facilities[begin].id, after))
            begin++;
        if (begin == count)
            return err_set(err, ERR_SYNTAX, "cursor_invalid",
                           "not a facility of the list in force");
        begin++;
    }
    page[0] = begin;
    page[1] = count - begin > FACILITY_PAGE ? begin + FACILITY_PAGE : count;
    return true;
}

static void write_page(struct json_writer *writer, const struct facility_service *service,
                       const struct facility *facilities, size_t count,
                       const size_t page[2])
{
    json_key(writer, "facilities");
    json_open_array(writer);
    for (size_t i = page[0]; i < page[1]; i++)
        facility_write(writer, &facilities[i], is_connected(service, facilities[i].id));
    json_close_array(writer);
    json_key(writer, "next");
    if (page[1] < count)
        json_id_value(writer, facilities[page[1] - 1].id);
    else
        json_null_value(writer);
}

bool facility_write_participants(const struct facility_service *service,
                                 const struct facility_page *asked, struct arena *arena,
                                 struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    struct network rules;
    struct network_participants list;
    struct facility *facilities = NULL;
    size_t count = 0;
    size_t page[2] = {0, 0};
    if (!session || !network_find(session, asked->network, arena, &rules, err) ||
        !network_participants_on(session, asked->network, asked->day, arena, &list,
                                 err) ||
        !list_participants(session, &list, arena, &facilities, &count, err) ||
        !find_page(facilities, count, asked->after, page, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_put_text(&writer, "network", rules.name);
    json_put_int(&writer, "version", list.version);
    json_put_day(&writer, "effective_day", list.effective_day);
    write_page(&writer, service, facilities, count, page);
    json_close_object(&writer);
    return buf_check(out, err);
}
