// SPDX-License-Identifier: Apache-2.0
/* Orders and the studies of pictures that were made for them. An order names them by
 * Study Instance UID (IPC-3) or accession number (IPC-1). */
#include <string.h>

#include "gateway/index/index_order.h"
#include "gateway/index/index_parts.h"

#define STUDY_BASE "-/DICOM/"

static bool run_for_base(struct store_session *session, const char *sql,
                         struct text number, struct text base, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(session, sql, err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, number);
    store_bind_text(statement, 2, base);
    return store_run(statement, err);
}

/* ---- what the storage says ---- */

static struct text field_of(const struct entry_item *item, const char *key)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return item->fields[i].value;
    return TEXT("");
}

static bool put_order(struct store_session *session, const struct index_ordered *ordered,
                      const struct index_row *row, const struct entry_item *item,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO index_order (number, entry_key, study, accession, base, version, "
        "kind, state, flags, day, department_code, department, author) VALUES (?1, ?2, "
        "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
        err);
    if (!insert)
        return false;
    store_bind_text(insert, 1, ordered->number);
    store_bind_text(insert, 2, row->entry_key);
    store_bind_text(insert, 3, field_of(item, "study_uid"));
    store_bind_text(insert, 4, field_of(item, "accession"));
    store_bind_text(insert, 5, ordered->base);
    store_bind_text(insert, 6, row->version);
    store_bind_int(insert, 7, row->kind);
    store_bind_int(insert, 8, row->state);
    store_bind_int(insert, 9, row->flags);
    store_bind_int(insert, 10, row->day);
    store_bind_text(insert, 11, row->department_code);
    store_bind_text(insert, 12, row->department);
    store_bind_text(insert, 13, row->author);
    return store_run(insert, err);
}

bool index_is_of_study(struct text base)
{
    return span_starts(text_span(base), STUDY_BASE);
}

bool index_names_studies(const struct entry_list *list)
{
    for (const struct entry *entry = list->first; entry; entry = entry->next)
        for (const struct entry_item *item = entry->items; item; item = item->next)
            if (strcmp(item->type, "study") == 0)
                return true;
    return false;
}

/* Of many the first ones: nobody's order has more studies. */
bool index_put_order(struct store_session *session, const struct index_ordered *ordered,
                     const struct index_row *row, const struct entry *entry,
                     struct err *err)
{
    enum { STUDIES_MAX = 64 };
    size_t count = 0;
    if (index_is_of_study(ordered->base))
        return true;
    for (const struct entry_item *item = entry->items; item && count < STUDIES_MAX;
         item = item->next) {
        if (strcmp(item->type, "study") != 0 ||
            field_of(item, "study_uid").len + field_of(item, "accession").len == 0)
            continue;
        count++;
        if (!put_order(session, ordered, row, item, err))
            return false;
    }
    return true;
}

#define CHANGED_OF                                                                       \
    "INSERT INTO index_order_changed (number, study, accession) SELECT DISTINCT "        \
    "o.number, o.study, o.accession FROM index_order o "

/* A study that goes leaves its order to others of the same. */
static bool leave_order(struct store_session *session, struct index_ordered *ordered,
                        struct err *err)
{
    bool is_good = run_for_base(
        session,
        CHANGED_OF "JOIN index_order own ON own.number = o.number AND own.entry_key = "
                   "o.entry_key JOIN index_entry e ON e.number = own.number WHERE "
                   "e.number = ?1 AND e.entry_key = ?2 AND ('" STUDY_BASE
                   "' || own.study = ?2 OR own.accession <> '' AND own.accession = "
                   "e.order_number) ON CONFLICT DO NOTHING",
        ordered->number, ordered->base, err);
    ordered->has_changed |= is_good && store_changes(session) > 0;
    return is_good;
}

/* What an order said last still counts while its file cannot be read: a department that
 * holds pictures back does so until the file says otherwise. */
bool index_leave_orders(struct store_session *session, struct index_ordered *ordered,
                        struct err *err)
{
    if (index_is_of_study(ordered->base))
        return ordered->is == INDEX_ORDER_READ || leave_order(session, ordered, err);
    if (!index_tell_orders(session, ordered, err))
        return false;
    if (ordered->is == INDEX_ORDER_UNREAD)
        return run_for_base(
            session, "UPDATE index_order SET state = 4 WHERE number = ?1 AND base = ?2",
            ordered->number, ordered->base, err);
    return run_for_base(session,
                        "DELETE FROM index_order WHERE number = ?1 AND base = ?2",
                        ordered->number, ordered->base, err);
}

bool index_tell_orders(struct store_session *session, struct index_ordered *ordered,
                       struct err *err)
{
    if (index_is_of_study(ordered->base))
        return true;
    bool is_good = run_for_base(session,
                                CHANGED_OF "WHERE o.number = ?1 AND o.base = ?2 ON "
                                           "CONFLICT DO NOTHING",
                                ordered->number, ordered->base, err);
    ordered->has_changed |= is_good && store_changes(session) > 0;
    return is_good;
}

/* ---- whose order a study is ---- */

/* Of several the one in force, then the one that was carried out, then the latest. */
#define ORDER_OF                                                                         \
    "SELECT entry_key, version, kind, state, flags, day, department_code, department, "  \
    "author FROM index_order WHERE number = ?1 AND "
#define BEST_FIRST                                                                       \
    " ORDER BY CASE state WHEN 0 THEN 0 ELSE 1 END, flags & 64, version DESC, "          \
    "entry_key LIMIT 1"

static bool take_order(struct store_session *session, const char *sql, struct text number,
                       struct text word, struct arena *arena, struct index_order *order,
                       bool *is_known, struct err *err)
{
    CLEANUP(store_finish) struct store_statement *find = store_prepare(session, sql, err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, word);
    if (!store_step(find, is_known, err))
        return false;
    if (!*is_known)
        return true;
    *order = (struct index_order){.kind = (enum entry_kind)store_column_int(find, 2),
                                  .state = (enum entry_state)store_column_int(find, 3),
                                  .flags = (unsigned)store_column_int(find, 4),
                                  .day = (int32_t)store_column_int(find, 5)};
    return store_column_text(find, 0, arena, &order->entry_key, err) &&
           store_column_text(find, 1, arena, &order->version, err) &&
           store_column_text(find, 6, arena, &order->department_code, err) &&
           store_column_text(find, 7, arena, &order->department, err) &&
           store_column_text(find, 8, arena, &order->author, err);
}

bool index_find_order(struct index *index, struct text number,
                      const struct index_pictures *pictures, struct arena *arena,
                      struct index_order *order, bool *is_known, struct err *err)
{
    *is_known = false;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !take_order(session, ORDER_OF "study = ?2 AND study <> ''" BEST_FIRST,
                                number, pictures->study, arena, order, is_known, err))
        return false;
    return *is_known ||
           take_order(session, ORDER_OF "accession = ?2 AND accession <> ''" BEST_FIRST,
                      number, pictures->accession, arena, order, is_known, err);
}

/* One that is shown by its order comes before others of the same. */
static bool find_pictures(struct store_session *session, struct text number,
                          struct text entry_key, struct arena *arena,
                          struct text *study_key, unsigned *flags, struct err *err)
{
    bool has_row = false;
    *study_key = TEXT("");
    *flags = 0;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT e.entry_key, e.flags FROM index_order o JOIN index_entry e ON e.number = "
        "o.number AND (e.base = '" STUDY_BASE "' || o.study OR o.accession <> '' AND "
        "e.order_number = o.accession AND e.base >= '" STUDY_BASE "' AND e.base < "
        "'-/DICOM0') WHERE o.number = ?1 AND o.entry_key = ?2 AND e.state = 0 ORDER BY "
        "CASE WHEN e.flags >= 256 THEN 0 ELSE 1 END, e.entry_key LIMIT 1",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, entry_key);
    if (!store_step(find, &has_row, err) || !has_row)
        return err->kind == ERR_NONE;
    *flags = (unsigned)store_column_int(find, 1) & (ENTRY_HAS_IMAGE | ENTRY_HAS_WAVEFORM);
    return store_column_text(find, 0, arena, study_key, err);
}

bool index_find_pictures(struct index *index, struct text number, struct text entry_key,
                         struct arena *arena, struct text *study_key, unsigned *flags,
                         struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    return session &&
           find_pictures(session, number, entry_key, arena, study_key, flags, err);
}

bool index_moment_pictures(const struct index_moment *moment, struct text number,
                           struct text entry_key, struct arena *arena,
                           struct text *study_key, struct err *err)
{
    unsigned flags = 0;
    return find_pictures(moment->session, number, entry_key, arena, study_key, &flags,
                         err);
}

bool index_find_number(struct index *index, struct text path, struct arena *arena,
                       struct text *number, struct err *err)
{
    bool has_row = false;
    *number = TEXT("");
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT number FROM index_file WHERE path = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, path);
    return store_step(find, &has_row, err) &&
           (!has_row || store_column_text(find, 0, arena, number, err));
}

/* ---- an order says that there are pictures ---- */

struct marking {
    struct index *index;
    struct text number;
    const struct index_order *order;
    unsigned flags;
    bool has_events;
};

static bool tell_links(struct store_session *session, struct marking *marking,
                       struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct index_link_list links;
    if (!index_links_of_number(session, marking->number, &arena, &links, err))
        return false;
    for (size_t i = 0; i < links.count; i++) {
        struct index_outgoing outgoing = {.lane = 0,
                                          .type = UPLINK_ENTRY_PUT,
                                          .record = links.records[i],
                                          .number = marking->number,
                                          .entry_key = marking->order->entry_key};
        if (!index_enqueue(session, &outgoing, err) ||
            !index_raise_revision(session, links.records[i], err))
            return false;
        marking->has_events = true;
    }
    return true;
}

static bool mark(struct store_session *session, void *context, struct err *err)
{
    struct marking *marking = context;
    marking->has_events = false;
    bool has_row = false;
    bool is_published = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT flags, is_published FROM index_entry WHERE number = ?1 AND entry_key = "
        "?2 AND state <> 4",
        err);
    CLEANUP(store_finish)
    struct store_statement *change = store_prepare(
        session, "UPDATE index_entry SET flags = ?3 WHERE number = ?1 AND entry_key = ?2",
        err);
    if (!find || !change)
        return false;
    store_bind_text(find, 1, marking->number);
    store_bind_text(find, 2, marking->order->entry_key);
    if (!store_step(find, &has_row, err))
        return false;
    if (!has_row || store_column_int(find, 0) == (int64_t)marking->flags)
        return true;
    is_published = store_column_int(find, 1) != 0;
    store_bind_text(change, 1, marking->number);
    store_bind_text(change, 2, marking->order->entry_key);
    store_bind_int(change, 3, marking->flags);
    return store_run(change, err) && (!is_published || tell_links(session, marking, err));
}

bool index_mark_order(struct index *index, struct text number,
                      const struct index_order *order, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct text key = {0};
    unsigned pictures = 0;
    if (!index_find_pictures(index, number, order->entry_key, &arena, &key, &pictures,
                             err))
        return false;
    struct marking marking = {.index = index,
                              .number = number,
                              .order = order,
                              .flags = order->flags | pictures};
    if (!store_write(index->store, STORE_LIVE, mark, &marking, err))
        return false;
    if (marking.has_events)
        index_wake(index, 0);
    return true;
}

/* ---- what changed ---- */

bool index_list_changed_orders(struct index *index, size_t max, struct arena *arena,
                               struct index_pictures **changed, size_t *count,
                               struct err *err)
{
    bool has_row = false;
    *count = 0;
    *changed = ARENA_MANY(arena, struct index_pictures, max, err);
    CLEANUP(store_read_end)
    struct store_session *session = *changed ? store_read(index->store, err) : NULL;
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT number, study, accession FROM index_order_changed ORDER BY number, "
        "study, accession",
        err);
    if (!rows)
        return false;
    while (*count < max && store_step(rows, &has_row, err) && has_row) {
        struct index_pictures *one = &(*changed)[(*count)++];
        if (!store_column_text(rows, 0, arena, &one->number, err) ||
            !store_column_text(rows, 1, arena, &one->study, err) ||
            !store_column_text(rows, 2, arena, &one->accession, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

void index_watch_orders(struct index *index, void (*wake)(void *context), void *context)
{
    index->wake_orders = wake;
    index->orders_context = context;
}

bool index_forget_changed_order(struct store_session *session,
                                const struct index_pictures *pictures, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session,
        "DELETE FROM index_order_changed WHERE number = ?1 AND study = ?2 AND accession "
        "= ?3",
        err);
    if (!forget)
        return false;
    store_bind_text(forget, 1, pictures->number);
    store_bind_text(forget, 2, pictures->study);
    store_bind_text(forget, 3, pictures->accession);
    return store_run(forget, err);
}

/* ---- pictures that a new index does not know yet ---- */

static bool set_awaited(struct store_session *session, bool is_awaited, struct err *err)
{
    return index_set_meta(session,
                          "UPDATE index_meta SET awaits_pictures = ?1 WHERE one = 1",
                          is_awaited, err);
}

static bool await_pictures(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return set_awaited(session, true, err);
}

bool index_await_pictures(struct index *index, struct err *err)
{
    return store_write(index->store, STORE_LIVE, await_pictures, NULL, err);
}

bool index_awaits_pictures(struct index *index, bool *is_awaited, struct err *err)
{
    struct index_filling filling;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_read_filling(session, &filling, err))
        return false;
    *is_awaited = filling.awaits_pictures;
    return true;
}

static bool note_pictures(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return set_awaited(session, false, err) && index_tell_sums(session, err);
}

bool index_note_pictures(struct index *index, struct err *err)
{
    if (!store_write(index->store, STORE_LIVE, note_pictures, NULL, err))
        return false;
    index_wake(index, 1);
    return true;
}
