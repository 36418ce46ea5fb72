// SPDX-License-Identifier: Apache-2.0
#include "exchange/patient/patient_parts.h"

#include "exchange/permit/permit.h"
#include "formats/charset/charset.h"
#include "store/store.h"

enum { ROWS_MAX = 200 };

/* ---- one person of a list ---- */

static bool list_facilities(const struct patient_view *view, struct arena *arena,
                            struct patient_summary *summary, struct err *err)
{
    struct id *facilities = ARENA_MANY(arena, struct id, view->record_count, err);
    if (!facilities)
        return false;
    for (size_t i = 0; i < view->record_count; i++)
        if (view->records[i].state == PATIENT_CONFIRMED)
            facilities[summary->facility_count++] = view->records[i].facility;
    summary->facilities = facilities;
    return true;
}

static bool has_number_at(const struct patient_view *view, struct id facility)
{
    for (size_t i = 0; i < view->record_count; i++)
        if (id_equal(view->records[i].facility, facility) &&
            view->records[i].state != PATIENT_REFUSED)
            return true;
    return false;
}

/* Whoever withdrew everything is found by nobody who had not known him before. Who may
 * not add a number has no use for a stranger's name: it finds its own only, and hears of
 * others what it hears of nobody. */
static bool is_recognisable(struct store_session *session,
                            const struct patient_view *view, int32_t today,
                            struct arena *arena, bool *recognisable, struct err *err)
{
    *recognisable = has_number_at(view, view->viewer) ||
                    id_equal(view->person.registered_facility, view->viewer);
    if (*recognisable)
        return true;
    struct facility own;
    if (!facility_find(session, view->viewer, arena, &own, err))
        return false;
    if (!own.may_register)
        return true;
    struct consent_facts facts;
    if (!consent_facts(session, view->person.id, arena, &facts, err))
        return false;
    *recognisable = consent_has_active(&facts, today);
    return true;
}

bool patient_summarise(struct store_session *session,
                       const struct disclosure_scope *scope, struct id person,
                       int32_t today, struct arena *arena,
                       struct patient_summary *summary, struct err *err)
{
    struct id viewer = permit_scope_viewer(scope)->facility;
    struct patient_view view;
    bool recognisable = false;
    if (!patient_view_of(session, person, viewer, today, arena, &view, err) ||
        !is_recognisable(session, &view, today, arena, &recognisable, err))
        return false;
    if (!recognisable)
        return err_set(err, ERR_MISSING, "not_found", "no such person");
    *summary = (struct patient_summary){
        .id = view.person.id,
        .name = view.person.name,
        .kana = view.person.kana,
        .birth_day = view.person.birth_day,
        .sex = view.person.sex,
        .own_number = TEXT(""),
        .consent = view.consent,
    };
    for (size_t i = 0; i < view.record_count; i++)
        if (id_equal(view.records[i].facility, viewer) &&
            view.records[i].state == PATIENT_CONFIRMED)
            summary->own_number = view.records[i].number;
    return text_is_empty(summary->own_number) ||
           list_facilities(&view, arena, summary, err);
}

/* ---- lists ---- */

struct found {
    struct id ids[ROWS_MAX];
    size_t count;
};

/* Steps through a bound statement whose first column is a person's id. */
static bool collect(struct store_statement *statement, struct found *found,
                    struct err *err)
{
    bool has_row = true;
    while (found->count < ROWS_MAX && store_step(statement, &has_row, err) && has_row)
        if (!store_column_id(statement, 0, &found->ids[found->count++], err))
            return false;
    return err->kind == ERR_NONE;
}

static bool summarise_all(struct store_session *session,
                          const struct disclosure_scope *scope, const struct found *found,
                          int32_t today, struct arena *arena,
                          struct patient_summary **items, size_t *count, struct err *err)
{
    *count = 0;
    *items = ARENA_MANY(arena, struct patient_summary, PATIENT_FOUND_MAX, err);
    if (!*items)
        return false;
    for (size_t i = 0; i < found->count && *count < PATIENT_FOUND_MAX; i++) {
        if (patient_summarise(session, scope, found->ids[i], today, arena,
                              &(*items)[*count], err)) {
            (*count)++;
        } else {
            if (err->kind != ERR_MISSING)
                return false;
            err_clear(err);
        }
    }
    return true;
}

static bool find_own_number(struct store_session *session, struct id facility,
                            struct text number, struct found *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT DISTINCT person FROM record WHERE facility = ?1 AND number = ?2 AND "
        "state IN ('confirmed', 'proposed', 'suspended') ORDER BY person",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, facility);
    store_bind_text(statement, 2, number);
    return collect(statement, found, err);
}

/* What is compared: folded, empty = not given. */
struct keys {
    struct text name;
    struct text kana;
    struct text phone;
    int32_t birth_day;
};

static bool fold_keys(const struct patient_query *query, struct arena *arena,
                      struct keys *keys, struct err *err)
{
    keys->birth_day = query->birth_day;
    return charset_fold(query->name, arena, &keys->name, err) &&
           charset_fold(query->kana, arena, &keys->kana, err) &&
           patient_fold_phone(query->phone, arena, &keys->phone, err);
}

/* DAY_NONE; a parameter has to be used to have a type in every database. */
#define ANY_BIRTH_DAY "(birth_day = ?2 OR ?2 = -2147483648) "

/* The statements differ in the index that leads; all compare everything given. */
static const char *search_statement(const struct keys *keys)
{
    if (keys->birth_day != DAY_NONE)
        return "SELECT id FROM person WHERE network = ?1 AND birth_day = ?2 AND "
               "(?3 = '' OR folded_name = ?3) AND (?4 = '' OR folded_kana = ?4) AND "
               "(?5 = '' OR folded_phone = ?5) ORDER BY folded_kana, id LIMIT 200";
    if (!text_is_empty(keys->kana))
        return "SELECT id FROM person WHERE network = ?1 AND folded_kana = ?4 AND "
               "(?3 = '' OR folded_name = ?3) AND (?5 = '' OR folded_phone = ?5) "
               "AND " ANY_BIRTH_DAY "ORDER BY birth_day, id LIMIT 200";
    return "SELECT id FROM person WHERE network = ?1 AND folded_name = ?3 AND "
           "(?4 = '' OR folded_kana = ?4) AND (?5 = '' OR folded_phone = ?5) "
           "AND " ANY_BIRTH_DAY "ORDER BY birth_day, id LIMIT 200";
}

static bool find_by_keys(struct store_session *session, struct id network,
                         const struct keys *keys, struct found *found, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, search_statement(keys), err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, network);
    store_bind_int(statement, 2, keys->birth_day);
    store_bind_text(statement, 3, keys->name);
    store_bind_text(statement, 4, keys->kana);
    store_bind_text(statement, 5, keys->phone);
    return collect(statement, found, err);
}

static bool check_keys(const struct keys *keys, struct err *err)
{
    int given = (keys->birth_day != DAY_NONE) + !text_is_empty(keys->name) +
                !text_is_empty(keys->kana) + !text_is_empty(keys->phone);
    return given >= 2 || err_set(err, ERR_SYNTAX, "identifiers",
                                 "the own number or two exact identifiers");
}

bool patient_check_query(const struct patient_query *query, struct arena *arena,
                         struct err *err)
{
    struct keys keys;
    struct text number;
    if (!text_is_empty(query->own_number))
        return patient_fold_number(query->own_number, arena, &number, err);
    return fold_keys(query, arena, &keys, err) && check_keys(&keys, err);
}

bool patient_search(struct store_session *session, const struct disclosure_scope *scope,
                    const struct patient_query *query, int32_t today, struct arena *arena,
                    struct patient_summary **items, size_t *count, struct err *err)
{
    struct found found = {.count = 0};
    struct keys keys;
    if (!text_is_empty(query->own_number)) {
        struct text number;
        if (!patient_fold_number(query->own_number, arena, &number, err) ||
            !find_own_number(session, permit_scope_viewer(scope)->facility, number,
                             &found, err))
            return false;
        return summarise_all(session, scope, &found, today, arena, items, count, err);
    }
    return fold_keys(query, arena, &keys, err) && check_keys(&keys, err) &&
           find_by_keys(session, query->network, &keys, &found, err) &&
           summarise_all(session, scope, &found, today, arena, items, count, err);
}

bool patient_candidates(struct store_session *session,
                        const struct disclosure_scope *scope,
                        const struct patient_person *person, int32_t today,
                        struct arena *arena, struct patient_summary **items,
                        size_t *count, struct err *err)
{
    struct text name, kana;
    if (!charset_fold(person->name, arena, &name, err) ||
        !charset_fold(person->kana, arena, &kana, err))
        return false;
    struct found found = {.count = 0};
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        "SELECT id FROM person WHERE network = ?1 AND birth_day = ?2 AND "
        "(folded_name = ?3 OR folded_kana = ?4) ORDER BY folded_kana, id LIMIT 200",
        err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, person->network);
    store_bind_int(statement, 2, person->birth_day);
    store_bind_text(statement, 3, name);
    store_bind_text(statement, 4, kana);
    return collect(statement, &found, err) &&
           summarise_all(session, scope, &found, today, arena, items, count, err);
}
