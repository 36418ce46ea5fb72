// SPDX-License-Identifier: Apache-2.0
#include "exchange/network/network.h"
#include "base/day.h"
#include "cli/admin/admin.h"
#include "exchange/facility/facility.h"
#include "exchange/session/session.h"

/* ---- founding ---- */

static bool read_rules(struct admin *admin, struct network *network, struct err *err)
{
    struct text model = TEXT("");
    struct text assurance = TEXT("certificate");
    int64_t waiting = 30;
    if (!admin_take(admin, "--name", &network->name, err) ||
        !admin_take(admin, "--consent", &model, err) ||
        !admin_take_or(admin, "--assurance", &assurance, err) ||
        !admin_take_number_or(admin, "--waiting-days", NETWORK_WAITING_DAYS_MAX, &waiting,
                              err) ||
        !admin_no_more(admin, err))
        return false;
    network->joiner_waiting_days = (int)waiting;
    if (!network_consent_model_parse(model, &network->consent_model))
        return err_set(err, ERR_SYNTAX, "usage", "--consent comprehensive or specific");
    if (!network_assurance_parse(assurance, &network->minimum_assurance))
        return err_set(err, ERR_SYNTAX, "usage",
                       "--assurance password, certificate or second_factor");
    return true;
}

struct founding {
    struct admin *admin;
    struct network network;
};

/* Asked inside the transaction, so that two foundings cannot both see nothing. */
static bool add_network(struct store_session *session, void *context, struct err *err)
{
    struct founding *founding = context;
    struct network *others = NULL;
    size_t count = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    if (!network_list(session, &arena, &others, &count, err))
        return false;
    if (count > 0)
        return err_set(err, ERR_CONFLICT, "network_exists", "the centre has a network");
    return network_add(session, &founding->network, founding->admin->now_ms, err);
}

static bool write_network(struct admin *admin, const struct network *network)
{
    struct json_writer *writer = &admin->writer;
    json_put_id(writer, "network", network->id);
    json_put_text(writer, "name", network->name);
    json_put_cstr(writer, "consent", network_consent_model_id(network->consent_model));
    json_put_cstr(writer, "assurance", network_assurance_id(network->minimum_assurance));
    json_put_int(writer, "waiting_days", network->joiner_waiting_days);
    return true;
}

bool admin_network_found(struct admin *admin, struct err *err)
{
    struct founding founding = {admin, {.id = id_new(&admin->rand)}};
    struct id_text id = id_to_text(founding.network.id);
    struct admin_change change = {.action = "network_found", .object = id_view(&id)};
    if (!read_rules(admin, &founding.network, err) ||
        !admin_detail(admin, "name", founding.network.name, &change.detail, err) ||
        !admin_write(admin, &change, add_network, &founding, err))
        return false;
    json_open_object(&admin->writer);
    write_network(admin, &founding.network);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

/* The one network of this centre. */
static bool only_network(struct store_session *session, struct arena *arena,
                         struct network *network, struct err *err)
{
    struct network *items = NULL;
    size_t count = 0;
    if (!network_list(session, arena, &items, &count, err))
        return false;
    if (count != 1)
        return err_set(err, ERR_MISSING, "network_missing",
                       "found a network first: network found");
    *network = items[0];
    return true;
}

/* ---- the participant list ---- */

static bool write_codes(struct admin *admin, struct store_session *session,
                        const struct network_participants *list, struct err *err)
{
    json_put_int(&admin->writer, "version", list->version);
    json_put_day(&admin->writer, "from", list->effective_day);
    json_key(&admin->writer, "facilities");
    json_open_array(&admin->writer);
    for (size_t i = 0; i < list->count; i++) {
        struct facility facility;
        if (!facility_find(session, list->items[i].facility, &admin->arena, &facility,
                           err))
            return false;
        json_text_value(&admin->writer, facility.code);
    }
    json_close_array(&admin->writer);
    return true;
}

/* A list that does not exist yet is written as null. */
static bool write_list(struct admin *admin, struct store_session *session,
                       struct id network, const char *key, int32_t day, struct err *err)
{
    struct network_participants list;
    json_key(&admin->writer, key);
    if (!network_participants_on(session, network, day, &admin->arena, &list, err)) {
        if (err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        json_null_value(&admin->writer);
        return true;
    }
    json_open_object(&admin->writer);
    if (!write_codes(admin, session, &list, err))
        return false;
    json_close_object(&admin->writer);
    return true;
}

bool admin_network_show(struct admin *admin, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    struct network network;
    if (!session || !admin_no_more(admin, err) ||
        !only_network(session, &admin->arena, &network, err))
        return false;
    json_open_object(&admin->writer);
    write_network(admin, &network);
    if (!write_list(admin, session, network.id, "in_force", admin->today, err) ||
        !write_list(admin, session, network.id, "newest", INT32_MAX, err))
        return false;
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

struct publishing {
    struct admin *admin;
    struct network network;
    int32_t from_day;
    struct facility *items;
    size_t count;
    struct id *ids;
};

/* On the calendar a participant is known by its letter. */
static bool check_letters(const struct publishing *publishing, struct err *err)
{
    for (size_t i = 0; i < publishing->count; i++)
        for (size_t j = 0; j < i; j++)
            if (text_equal(publishing->items[i].letter, publishing->items[j].letter))
                return err_set(err, ERR_CONFLICT, "letter_taken",
                               "%.10s and %.10s have the same letter",
                               publishing->items[j].code.at,
                               publishing->items[i].code.at);
    return true;
}

static bool find_participants(struct admin *admin, struct publishing *publishing,
                              struct err *err)
{
    size_t most = (size_t)admin->words.count;
    publishing->items = ARENA_MANY(&admin->arena, struct facility, most, err);
    if (publishing->items)
        publishing->ids = ARENA_MANY(&admin->arena, struct id, most, err);
    CLEANUP(store_read_end)
    struct store_session *session =
        publishing->ids ? store_read(admin->office.store, err) : NULL;
    if (!session || !only_network(session, &admin->arena, &publishing->network, err))
        return false;
    while (admin_has_more(admin)) {
        struct text code;
        struct facility *facility = &publishing->items[publishing->count];
        if (!admin_next(admin, &code, err) ||
            !facility_find_code(session, code, &admin->arena, facility, err))
            return false;
        publishing->ids[publishing->count++] = facility->id;
    }
    return check_letters(publishing, err);
}

static bool add_version(struct store_session *session, void *context, struct err *err)
{
    const struct publishing *publishing = context;
    return network_add_version(session, publishing->network.id, publishing->from_day,
                               publishing->ids, publishing->count,
                               publishing->admin->now_ms, err);
}

static bool list_codes(struct admin *admin, const struct publishing *publishing,
                       struct text *detail, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(60 * 1024);
    struct json_writer writer = json_writer(&out);
    struct span copy;
    json_open_object(&writer);
    json_put_day(&writer, "from", publishing->from_day);
    json_key(&writer, "facilities");
    json_open_array(&writer);
    for (size_t i = 0; i < publishing->count; i++)
        json_text_value(&writer, publishing->items[i].code);
    json_close_array(&writer);
    json_close_object(&writer);
    return buf_to_arena(&out, &admin->arena, &copy, err) &&
           text_from_utf8(copy, detail, err);
}

bool admin_network_publish(struct admin *admin, struct err *err)
{
    struct publishing publishing = {.admin = admin, .from_day = DAY_NONE};
    if (!admin_take_day_or(admin, "--from", &publishing.from_day, err))
        return false;
    if (publishing.from_day == DAY_NONE)
        return err_set(err, ERR_SYNTAX, "usage", "missing: --from");
    if (publishing.from_day < admin->today) {
        char day[DAY_TEXT_BYTES];
        day_to_iso(admin->today, day);
        return err_set(err, ERR_SYNTAX, "effective_day",
                       "--from today or later, and in Japan it is %s: lists are not "
                       "changed afterwards",
                       day);
    }
    if (!find_participants(admin, &publishing, err))
        return false;
    struct id_text id = id_to_text(publishing.network.id);
    struct admin_change change = {.action = "network_publish", .object = id_view(&id)};
    return list_codes(admin, &publishing, &change.detail, err) &&
           admin_write(admin, &change, add_version, &publishing, err) &&
           admin_network_show(admin, err);
}

/* ---- a copy that was brought back ---- */

bool admin_hold_show(struct admin *admin, struct err *err)
{
    struct network_hold hold;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    if (!session || !admin_no_more(admin, err) || !network_find_hold(session, &hold, err))
        return false;
    json_open_object(&admin->writer);
    json_put_bool(&admin->writer, "is_held", hold.is_held);
    if (hold.is_held) {
        json_put_int(&admin->writer, "copied_at", hold.copied_at);
        json_put_int(&admin->writer, "restored_at", hold.restored_at);
    }
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

struct holding {
    int64_t copied_at;
    int64_t now_ms;
};

static bool begin_hold(struct store_session *session, void *context, struct err *err)
{
    const struct holding *holding = context;
    return network_begin_hold(session, holding->copied_at, holding->now_ms, err) &&
           session_end_all(session, holding->now_ms, err);
}

static bool end_hold(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return network_end_hold(session, err);
}

bool admin_hold_begin(struct admin *admin, struct err *err)
{
    struct holding holding = {0, admin->now_ms};
    struct admin_change change = {.action = "restore_mark"};
    if (!admin_take_number_or(admin, "--copied-at", INT64_MAX, &holding.copied_at, err) ||
        !admin_no_more(admin, err))
        return false;
    return admin_write(admin, &change, begin_hold, &holding, err);
}

bool admin_hold_confirm(struct admin *admin, struct err *err)
{
    struct text statement;
    struct admin_change change = {.action = "restore_confirm"};
    return admin_take(admin, "--statement", &statement, err) &&
           admin_no_more(admin, err) &&
           admin_detail(admin, "statement", statement, &change.detail, err) &&
           admin_write(admin, &change, end_hold, NULL, err);
}

/* ---- the database ---- */

static bool nothing_more(struct admin *admin, void *context, struct err *err)
{
    (void)admin;
    (void)context;
    (void)err;
    return true;
}

/* Opening it has applied what was missing. */
bool admin_database_upgrade(struct admin *admin, struct err *err)
{
    struct admin_change change = {.action = "database_upgrade"};
    if (!admin_no_more(admin, err) || !admin_do(admin, &change, nothing_more, NULL, err))
        return false;
    json_open_object(&admin->writer);
    json_put_bool(&admin->writer, "upgraded", true);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}
