// SPDX-License-Identifier: Apache-2.0
#include "base/day.h"
#include "exchange/facility/facility.h"
#include "exchange/patient/patient.h"
#include "exchange/reference/reference_row.h"
#include "store/store.h"

/* Something that is gone or not to be recognised stays nameless. */
static bool forgive_missing(bool is_found, struct err *err)
{
    if (!is_found && err->kind == ERR_MISSING) {
        err_clear(err);
        return true;
    }
    return is_found;
}

static bool find_name(struct store_session *session, const struct disclosure_scope *scope,
                      struct text person, struct arena *arena, struct reference_row *view,
                      struct err *err)
{
    struct id id;
    struct patient_summary summary = {0};
    struct clock clock = clock_system();
    int32_t today = day_of_instant(clock_wall_ms(&clock));
    if (person.len == 0)
        return true;
    if (!id_parse(text_span(person), &id, err) ||
        !forgive_missing(
            patient_summarise(session, scope, id, today, arena, &summary, err), err))
        return false;
    view->name = summary.name;
    view->own_number = summary.own_number;
    return true;
}

static bool find_provider(struct store_session *session, struct text provider,
                          struct arena *arena, struct text *name, struct err *err)
{
    struct id id;
    struct facility facility = {0};
    if (provider.len == 0)
        return true;
    if (!id_parse(text_span(provider), &id, err) ||
        !forgive_missing(facility_find(session, id, arena, &facility, err), err))
        return false;
    *name = facility.name;
    return true;
}

bool reference_name_row(struct store *store, const struct disclosure_scope *scope,
                        bool is_ours, const struct audit_index_row *row,
                        struct arena *arena, struct reference_row *view, struct err *err)
{
    *view = (struct reference_row){.row = row};
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    /* Whoever was told that nothing is there is not told the name here. */
    bool is_stranger =
        is_ours && text_is(row->verdict, "deny") && row->local_number.len == 0;
    struct text person = is_stranger ? TEXT("") : row->person;
    if (!session || !find_name(session, scope, person, arena, view, err))
        return false;
    /* The number by which the own staff asked, as the audit has it. */
    if (is_ours)
        view->own_number = row->local_number;
    return find_provider(session, row->provider, arena, &view->provider, err);
}
