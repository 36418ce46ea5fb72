// SPDX-License-Identifier: Apache-2.0
#include "exchange/consent/consent_parts.h"

#include "exchange/permit/permit.h"
#include "store/store.h"

enum { VERSIONS_MAX = 1000 };

#define CONSENT_COLUMNS                                                                  \
    "SELECT c.id, c.version, c.person, c.network, c.form, c.channel, c.state, c.giver, " \
    "c.giver_name, c.note, c.until_day, c.list_version, c.given_at, c.given_facility, "  \
    "c.given_staff, c.given_by, c.given_facility_name, c.withdrawn_at, "                 \
    "c.withdrawn_facility, c.withdrawn_by, c.withdrawn_facility_name FROM consent c "

static bool read_words(struct store_statement *statement, struct consent *consent,
                       struct err *err)
{
    if (!consent_form_parse(store_column_view(statement, 4), &consent->form) ||
        !consent_channel_parse(store_column_view(statement, 5), &consent->channel) ||
        !consent_state_parse(store_column_view(statement, 6), &consent->state) ||
        !consent_giver_parse(store_column_view(statement, 7), &consent->giver))
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a consent's words are unknown");
    return true;
}

static bool read_ids(struct store_statement *statement, struct consent *consent,
                     struct err *err)
{
    bool has_withdrawal = store_column_view(statement, 18).len > 0;
    return store_column_id(statement, 0, &consent->id, err) &&
           store_column_id(statement, 2, &consent->person, err) &&
           store_column_id(statement, 3, &consent->network, err) &&
           store_column_id(statement, 13, &consent->given_facility, err) &&
           store_column_id(statement, 14, &consent->given_staff, err) &&
           (!has_withdrawal ||
            store_column_id(statement, 18, &consent->withdrawn_facility, err));
}

static bool read_texts(struct store_statement *statement, struct arena *arena,
                       struct consent *consent, struct err *err)
{
    return store_column_text(statement, 8, arena, &consent->giver_name, err) &&
           store_column_text(statement, 9, arena, &consent->note, err) &&
           store_column_text(statement, 15, arena, &consent->given_by, err) &&
           store_column_text(statement, 16, arena, &consent->given_facility_name, err) &&
           store_column_text(statement, 19, arena, &consent->withdrawn_by, err) &&
           store_column_text(statement, 20, arena, &consent->withdrawn_facility_name,
                             err);
}

static bool read_facilities(struct store_session *session, struct arena *arena,
                            struct consent *consent, struct err *err)
{
    struct id *facilities = NULL;
    size_t room = 0;
    bool has_row = false;
    if (consent->form != CONSENT_SPECIFIC)
        return true;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT facility FROM consent_facility WHERE consent = ?1 AND "
                      "version = ?2 ORDER BY facility",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, consent->id);
    store_bind_int(statement, 2, consent->version);
    while (store_step(statement, &has_row, err) && has_row) {
        facilities =
            arena_grow(arena, facilities, consent->facility_count,
                       consent->facility_count + 1, sizeof *facilities, &room, err);
        consent->facilities = facilities;
        if (!facilities ||
            !store_column_id(statement, 0, &facilities[consent->facility_count++], err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool read_row(struct store_statement *statement, struct arena *arena,
                     struct consent *consent, struct err *err)
{
    *consent = (struct consent){
        .version = store_column_int(statement, 1),
        .until_day = store_column_is_null(statement, 10)
                         ? DAY_NONE
                         : (int32_t)store_column_int(statement, 10),
        .list_version = store_column_int(statement, 11),
        .given_at = store_column_int(statement, 12),
        .withdrawn_at = store_column_int(statement, 17),
    };
    return read_words(statement, consent, err) && read_ids(statement, consent, err) &&
           read_texts(statement, arena, consent, err);
}

/* All versions, newest first. */
static struct store_statement *ask_all(struct store_session *session, struct id person,
                                       struct err *err)
{
    struct store_statement *statement = store_prepare(
        session,
        CONSENT_COLUMNS "WHERE c.person = ?1 ORDER BY c.given_at DESC, c.withdrawn_at "
                        "DESC, c.id, c.version DESC",
        err);
    if (!statement)
        return NULL;
    store_bind_id(statement, 1, person);
    store_ask(statement);
    return statement;
}

/* All versions of a chain are the same person's. */
static void note_newest(struct consent *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i].is_newest = true;
        for (size_t k = 0; k < count && items[i].is_newest; k++)
            items[i].is_newest = !id_equal(items[k].id, items[i].id) ||
                                 items[k].version <= items[i].version;
    }
}

static bool take_all(struct store_session *session, struct store_statement *statement,
                     struct arena *arena, struct consent **items, size_t *count,
                     struct err *err)
{
    size_t room = 0;
    bool has_row = false;
    *count = 0;
    *items = NULL;
    while (store_step(statement, &has_row, err) && has_row) {
        if (*count == VERSIONS_MAX)
            return err_set(err, ERR_LIMIT, "consents_too_many", "more than %d versions",
                           VERSIONS_MAX);
        struct consent *grown =
            arena_grow(arena, *items, *count, *count + 1, sizeof *grown, &room, err);
        if (!grown)
            return false;
        *items = grown;
        grown = &grown[(*count)++];
        if (!read_row(statement, arena, grown, err) ||
            !read_facilities(session, arena, grown, err))
            return false;
    }
    note_newest(*items, *count);
    return err->kind == ERR_NONE;
}

struct store_statement *consent_facts_ask(struct store_session *session, struct id person,
                                          struct err *err)
{
    return ask_all(session, person, err);
}

bool consent_facts_take(struct store_session *session, struct store_statement *statement,
                        struct arena *arena, struct consent_facts *facts, struct err *err)
{
    struct consent *items = NULL;
    size_t count = 0;
    if (!take_all(session, statement, arena, &items, &count, err))
        return false;
    size_t newest = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].is_newest)
            items[newest++] = items[i];
    *facts = (struct consent_facts){items, newest};
    return true;
}

bool consent_facts(struct store_session *session, struct id person, struct arena *arena,
                   struct consent_facts *facts, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = ask_all(session, person, err);
    return statement && consent_facts_take(session, statement, arena, facts, err);
}

/* A withdrawn version repeats who gave it, so the version it ended says nothing more and
 * would look as if it still held. */
static size_t drop_withdrawn_givings(struct consent *items, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_repeated = false;
        for (size_t k = 0; k < count; k++)
            is_repeated = is_repeated || (id_equal(items[k].id, items[i].id) &&
                                          items[k].version == items[i].version + 1 &&
                                          items[k].state == CONSENT_WITHDRAWN);
        if (!is_repeated || items[i].state == CONSENT_WITHDRAWN)
            items[kept++] = items[i];
    }
    return kept;
}

bool consent_list(struct store_session *session, const struct disclosure_permit *permit,
                  struct arena *arena, struct consent **items, size_t *count,
                  struct err *err)
{
    struct id person = permit_read(permit)->person;
    CLEANUP(store_finish)
    struct store_statement *statement = ask_all(session, person, err);
    if (!statement || !take_all(session, statement, arena, items, count, err))
        return false;
    *count = drop_withdrawn_givings(*items, *count);
    return true;
}

bool consent_person(struct store_session *session, struct id consent, struct id *person,
                    struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT person FROM consent WHERE id = ?1 AND version = 1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, consent);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such consent");
    return store_column_id(statement, 0, person, err);
}

/* ---- writing ---- */

static bool find_chain(struct store_session *session, struct consent *consent,
                       struct id spare, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session,
                      "SELECT id, max(version) FROM consent WHERE person = ?1 AND "
                      "network = ?2 AND form = ?3 AND "
                      "(form = 'comprehensive' OR given_facility = ?4) "
                      "GROUP BY id ORDER BY id LIMIT 1",
                      err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, consent->person);
    store_bind_id(statement, 2, consent->network);
    store_bind_text(statement, 3, text_cstr(consent_form_id(consent->form)));
    store_bind_id(statement, 4, consent->given_facility);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    consent->id = spare;
    consent->version = has_row ? store_column_int(statement, 1) + 1 : 1;
    return !has_row || store_column_id(statement, 0, &consent->id, err);
}

/* Everything that one version holds, but for how it was withdrawn. */
static void bind_giving(struct store_statement *statement, const struct consent *consent)
{
    store_bind_id(statement, 1, consent->id);
    store_bind_int(statement, 2, consent->version);
    store_bind_id(statement, 3, consent->person);
    store_bind_id(statement, 4, consent->network);
    store_bind_text(statement, 5, text_cstr(consent_form_id(consent->form)));
    store_bind_text(statement, 6, text_cstr(consent_channel_id(consent->channel)));
    store_bind_text(statement, 7, text_cstr(consent_state_id(consent->state)));
    store_bind_text(statement, 8, text_cstr(consent_giver_id(consent->giver)));
    store_bind_text(statement, 9, consent->giver_name);
    store_bind_text(statement, 10, consent->note);
    if (consent->until_day == DAY_NONE)
        store_bind_null(statement, 11);
    else
        store_bind_int(statement, 11, consent->until_day);
    store_bind_int(statement, 12, consent->list_version);
    store_bind_int(statement, 13, consent->given_at);
    store_bind_id(statement, 14, consent->given_facility);
    store_bind_id(statement, 15, consent->given_staff);
    store_bind_text(statement, 16, consent->given_by);
    store_bind_text(statement, 17, consent->given_facility_name);
}

static bool add_version(struct store_session *session, const struct consent *consent,
                        const struct consent_withdrawal *withdrawal, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO consent (id, version, person, network, form, channel, state, giver, "
        "giver_name, note, until_day, list_version, given_at, given_facility, "
        "given_staff, given_by, given_facility_name, withdrawn_at, withdrawn_facility, "
        "withdrawn_staff, withdrawn_by, withdrawn_facility_name, withdrawn_channel, "
        "withdrawn_note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
        err);
    if (!statement)
        return false;
    bind_giving(statement, consent);
    struct id_text facility = {""};
    struct id_text staff = {""};
    if (withdrawal) {
        facility = id_to_text(withdrawal->facility);
        staff = id_to_text(withdrawal->staff);
    }
    store_bind_int(statement, 18, withdrawal ? withdrawal->at_ms : 0);
    store_bind_text(statement, 19, text_cstr(facility.at));
    store_bind_text(statement, 20, text_cstr(staff.at));
    store_bind_text(statement, 21, withdrawal ? withdrawal->by : TEXT(""));
    store_bind_text(statement, 22, withdrawal ? withdrawal->facility_name : TEXT(""));
    store_bind_text(statement, 23,
                    text_cstr(withdrawal ? consent_channel_id(withdrawal->channel) : ""));
    store_bind_text(statement, 24, withdrawal ? withdrawal->note : TEXT(""));
    return store_run(statement, err);
}

static bool add_facilities(struct store_session *session, const struct consent *consent,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "INSERT INTO consent_facility (consent, version, facility) VALUES (?1, ?2, ?3)",
        err);
    if (!statement)
        return false;
    for (size_t i = 0; i < consent->facility_count; i++) {
        store_reset(statement);
        store_bind_id(statement, 1, consent->id);
        store_bind_int(statement, 2, consent->version);
        store_bind_id(statement, 3, consent->facilities[i]);
        if (!store_run(statement, err))
            return false;
    }
    return true;
}

/* The version that the person was told of: the newest written one, also when it is in
 * force only from a later day. */
static bool check_participants(struct store_session *session, struct consent *consent,
                               struct arena *arena, struct err *err)
{
    struct network_participants list;
    if (!network_participants_on(session, consent->network, INT32_MAX, arena, &list, err))
        return false;
    consent->list_version = list.version;
    for (size_t i = 0; i < consent->facility_count; i++)
        if (!network_participant_find(&list, consent->facilities[i]))
            return err_set(err, ERR_SYNTAX, "consent_facilities",
                           "a named facility is not in the network");
    return true;
}

/* Where each facility is named, nobody is told of a list that a comprehensive consent
 * could mean. */
static bool check_model(struct store_session *session, const struct consent *consent,
                        struct arena *arena, struct err *err)
{
    struct network network;
    if (consent->form == CONSENT_SPECIFIC)
        return true;
    if (!network_find(session, consent->network, arena, &network, err))
        return false;
    return network.consent_model == NETWORK_COMPREHENSIVE ||
           err_set(err, ERR_SYNTAX, "consent_form",
                   "the network knows specific consent only");
}

bool consent_add(struct store_session *session, struct consent *consent, struct id spare,
                 struct arena *arena, struct err *err)
{
    consent->is_newest = true;
    return check_model(session, consent, arena, err) &&
           check_participants(session, consent, arena, err) &&
           find_chain(session, consent, spare, err) &&
           add_version(session, consent, NULL, err) &&
           add_facilities(session, consent, err) && network_epoch_raise(session, err);
}

static bool read_newest(struct store_session *session, struct id id, struct arena *arena,
                        struct consent *consent, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, CONSENT_COLUMNS "WHERE c.id = ?1 ORDER BY c.version DESC LIMIT 1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, id);
    bool has_row = false;
    if (!store_step(statement, &has_row, err))
        return false;
    if (!has_row)
        return err_set(err, ERR_MISSING, "not_found", "no such consent");
    if (!read_row(statement, arena, consent, err))
        return false;
    consent->is_newest = true;
    return read_facilities(session, arena, consent, err);
}

bool consent_withdraw(struct store_session *session,
                      const struct consent_withdrawal *withdrawal, struct arena *arena,
                      struct consent *withdrawn, struct err *err)
{
    if (!read_newest(session, withdrawal->consent, arena, withdrawn, err))
        return false;
    if (withdrawn->state != CONSENT_ACTIVE)
        return err_set(err, ERR_CONFLICT, "consent_not_active",
                       "only an active consent can be withdrawn");
    withdrawn->version++;
    withdrawn->state = CONSENT_WITHDRAWN;
    withdrawn->withdrawn_at = withdrawal->at_ms;
    withdrawn->withdrawn_facility = withdrawal->facility;
    withdrawn->withdrawn_by = withdrawal->by;
    withdrawn->withdrawn_facility_name = withdrawal->facility_name;
    return add_version(session, withdrawn, withdrawal, err) &&
           add_facilities(session, withdrawn, err) && network_epoch_raise(session, err);
}
