// SPDX-License-Identifier: Apache-2.0
/* Links that wait for somebody's care: the home page's lists. */
#include "exchange/patient/patient_parts.h"
#include "exchange/patient/patient_pending.h"

#include "exchange/permit/permit.h"
#include "store/store.h"

/* What the facility entered and is not confirmed. Its own numbers that are suspended
 * stand in a list of their own. */
#define UNFINISHED                                                                       \
    "entered_facility = ?1 AND state IN ('proposed', 'refused', 'suspended') AND "       \
    "NOT (state = 'suspended' AND facility = ?1) "
#define SUSPENDED "facility = ?1 AND state = 'suspended' "

struct found {
    struct id records[PATIENT_PAGE];
    size_t count;
    struct patient_place next;
};

static struct store_statement *prepare_page(struct store_session *session,
                                            enum patient_pending which, struct err *err)
{
    if (which == PATIENT_NUMBER_SUSPENDED)
        return store_prepare(session,
                             "SELECT id, since FROM record WHERE " SUSPENDED
                             "AND (since > ?2 OR (since = ?2 AND id > ?3)) "
                             "ORDER BY since, id LIMIT 51",
                             err);
    return store_prepare(session,
                         "SELECT id, entered_at FROM record WHERE " UNFINISHED
                         "AND (entered_at < ?2 OR (entered_at = ?2 AND id > ?3)) "
                         "ORDER BY entered_at DESC, id LIMIT 51",
                         err);
}

/* One more than a page is looked for: then another one follows. */
static bool find_page(struct store_session *session, struct id facility,
                      const struct patient_pending_query *query, struct found *found,
                      struct err *err)
{
    bool has_row = true;
    bool is_first = id_is_zero(query->after.record);
    int64_t start_ms = query->which == PATIENT_NUMBER_SUSPENDED ? INT64_MIN : INT64_MAX;
    struct patient_place last = {0};
    CLEANUP(store_finish)
    struct store_statement *page = prepare_page(session, query->which, err);
    if (!page)
        return false;
    store_bind_id(page, 1, facility);
    store_bind_int(page, 2, is_first ? start_ms : query->after.at_ms);
    store_bind_id(page, 3, query->after.record);
    while (store_step(page, &has_row, err) && has_row) {
        if (found->count == PATIENT_PAGE) {
            found->next = last;
            return true;
        }
        if (!store_column_id(page, 0, &last.record, err))
            return false;
        last.at_ms = store_column_int(page, 1);
        found->records[found->count++] = last.record;
    }
    return err->kind == ERR_NONE;
}

bool patient_list_pending(struct store_session *session,
                          const struct disclosure_scope *scope,
                          const struct patient_pending_query *query, struct arena *arena,
                          struct patient_page *page, struct err *err)
{
    struct found found = {.count = 0};
    struct id facility = permit_scope_viewer(scope)->facility;
    *page = (struct patient_page){0};
    if (!find_page(session, facility, query, &found, err))
        return false;
    page->next = found.next;
    page->items = ARENA_MANY(arena, struct patient_pending_link, found.count, err);
    if (!page->items)
        return false;
    for (size_t i = 0; i < found.count; i++) {
        struct patient_pending_link *item = &page->items[page->count];
        if (patient_record_find(session, found.records[i], arena, &item->link, err) &&
            patient_summarise(session, scope, item->link.person, query->today, arena,
                              &item->person, err)) {
            page->count++;
        } else {
            if (err->kind != ERR_MISSING)
                return false;
            err_clear(err);
        }
    }
    return true;
}

bool patient_count_pending(struct store_session *session,
                           const struct disclosure_scope *scope,
                           enum patient_pending which, int64_t *count, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *statement =
        which == PATIENT_NUMBER_SUSPENDED
            ? store_prepare(session, "SELECT count(*) FROM record WHERE " SUSPENDED, err)
            : store_prepare(session, "SELECT count(*) FROM record WHERE " UNFINISHED,
                            err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, permit_scope_viewer(scope)->facility);
    if (!store_step(statement, &has_row, err))
        return false;
    *count = store_column_int(statement, 0);
    return true;
}
