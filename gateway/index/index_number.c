// SPDX-License-Identifier: Apache-2.0
/* Numbers that ended, were joined into others or changed, and what of that the centre has
 * to hear. A number's standing follows from what is known, in whatever order it came:
 * what a message said of it, unless its own ADT-00 was written later; and whether it has
 * an ADT-00 at all. */
#include <string.h>

#include "gateway/index/index_order.h"
#include "gateway/index/index_parts.h"

enum { HOPS_MAX = 16, LINKS_MAX = 64 };

static struct text key_of(struct text number)
{
    while (number.len > 1 && number.at[0] == '0')
        number = (struct text){number.at + 1, number.len - 1};
    return number;
}

static bool is_same(struct text a, struct text b)
{
    return text_equal(key_of(a), key_of(b));
}

/* ---- what messages say ---- */

static struct text field_of(const struct entry_item *item, const char *key)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (strcmp(item->fields[i].key, key) == 0)
            return item->fields[i].value;
    return TEXT("");
}

/* The next pair that speaks of this folder's number: nobody else's numbers are its
 * business. */
static bool take_pair(const struct entry_item **item, struct text number,
                      struct text *old, struct text *successor)
{
    for (; *item; *item = (*item)->next) {
        if (strcmp((*item)->type, "merge") != 0 ||
            !text_is(field_of(*item, "ends"), "number"))
            continue;
        *old = field_of(*item, "old_number");
        *successor = field_of(*item, "number");
        bool is_usable = old->len > 0 && successor->len > 0 && !is_same(*old, *successor);
        if (is_usable && (is_same(*old, number) || is_same(*successor, number))) {
            *item = (*item)->next;
            return true;
        }
    }
    return false;
}

static const struct entry_item *first_item(const struct entry_list *list)
{
    bool is_patient = list && list->first && list->first->kind == ENTRY_PATIENT;
    return is_patient ? list->first->items : NULL;
}

bool index_ends_own_number(const struct entry_list *list, struct text number)
{
    struct text old = {0};
    struct text successor = {0};
    const struct entry_item *item = first_item(list);
    while (take_pair(&item, number, &old, &successor))
        if (is_same(old, number))
            return true;
    return false;
}

/* ---- where a number stands ---- */

struct statement {
    struct text successor;
    struct text version;
};

static bool find_statement(struct store_session *session, struct text number,
                           struct arena *arena, struct statement *said, bool *is_said,
                           struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT successor, version FROM index_replaced WHERE old = ?1", err);
    if (!find)
        return false;
    store_bind_text(find, 1, key_of(number));
    return store_step(find, is_said, err) &&
           (!*is_said || (store_column_text(find, 0, arena, &said->successor, err) &&
                          store_column_text(find, 1, arena, &said->version, err)));
}

/* Was the number's own ADT-00 written after the message that ended it? */
static bool is_written_later(struct store_session *session, struct text number,
                             struct text version, bool *is_later, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT 1 FROM index_file WHERE number = ?1 AND base >= '-/ADT-00/' AND "
        "base < '-/ADT-000' AND state = 0 AND version > ?2 LIMIT 1",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    store_bind_text(find, 2, version);
    return store_step(find, is_later, err);
}

static bool stand_by_itself(struct store_session *session, struct text number,
                            struct arena *arena, struct index_standing *standing,
                            struct err *err)
{
    struct statement said;
    struct index_patient patient;
    bool is_said = false;
    bool is_known = false;
    bool is_later = false;
    if (!find_statement(session, number, arena, &said, &is_said, err) ||
        !index_find_written(session, number, arena, &patient, &is_known, err))
        return false;
    if (is_said && is_known &&
        !is_written_later(session, patient.number, said.version, &is_later, err))
        return false;
    *standing = (struct index_standing){
        .fate = is_known ? INDEX_NUMBER_LIVES : INDEX_NUMBER_GONE, .number = number};
    if (is_known)
        standing->number = patient.number;
    if (is_said && !(is_known && is_later))
        *standing = (struct index_standing){INDEX_NUMBER_REPLACED, said.successor};
    return true;
}

bool index_read_standing(struct store_session *session, struct text number,
                         struct arena *arena, struct index_standing *standing,
                         struct err *err)
{
    struct index_standing step;
    struct text at = number;
    for (int hops = 0; hops < HOPS_MAX; hops++) {
        if (!stand_by_itself(session, at, arena, &step, err))
            return false;
        if (step.fate != INDEX_NUMBER_REPLACED) {
            *standing = hops == 0
                            ? step
                            : (struct index_standing){INDEX_NUMBER_REPLACED, step.number};
            return true;
        }
        at = step.number;
    }
    /* Numbers that end in each other: none of them is known to go on. */
    *standing = (struct index_standing){INDEX_NUMBER_GONE, number};
    return true;
}

bool index_find_successor(struct index *index, struct text number, struct arena *arena,
                          struct text *successor, struct err *err)
{
    struct index_standing standing;
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    if (!session || !index_read_standing(session, number, arena, &standing, err))
        return false;
    return text_copy(standing.fate == INDEX_NUMBER_REPLACED ? standing.number : number,
                     arena, successor, err);
}

/* ---- what a change does to them ---- */

static bool watch(struct store_session *session, struct index_numbers *numbers,
                  struct text number, struct err *err)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (is_same(numbers->items[i].number, number))
            return true;
    if (numbers->count == INDEX_NUMBERS_MAX)
        return true;
    struct index_watched *one = &numbers->items[numbers->count];
    if (!text_copy(number, numbers->arena, &one->number, err) ||
        !index_read_standing(session, number, numbers->arena, &one->before, err))
        return false;
    numbers->count++;
    return true;
}

static bool watch_said(struct store_session *session, struct index_numbers *numbers,
                       struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        "SELECT old FROM index_replaced WHERE said_number = ?1 AND said_base = ?2", err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, numbers->number);
    store_bind_text(rows, 2, numbers->base);
    while (store_step(rows, &has_row, err) && has_row)
        if (!watch(session, numbers, store_column_view(rows, 0), err))
            return false;
    return err->kind == ERR_NONE;
}

static bool has_links(struct store_session *session, bool *has, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT 1 FROM index_link WHERE state = 0 LIMIT 1", err);
    return find && store_step(find, has, err);
}

/* While nobody is linked nobody has to hear: a first sweep is spared the comparison. */
bool index_watch_numbers(struct store_session *session, struct index_numbers *numbers,
                         struct err *err)
{
    struct text old = {0};
    struct text successor = {0};
    bool is_heard = false;
    const struct entry_item *item = first_item(numbers->list);
    numbers->count = 0;
    numbers->was_known = false;
    numbers->is_of_patient = span_starts(text_span(numbers->base), "-/ADT-00/");
    if (!numbers->is_of_patient)
        return true;
    if (!has_links(session, &is_heard, err) || !is_heard)
        return err->kind == ERR_NONE;
    if (!watch(session, numbers, numbers->number, err) ||
        !watch_said(session, numbers, err) ||
        !index_find_identity(session, numbers->number, numbers->arena, &numbers->was,
                             &numbers->was_known, err))
        return false;
    while (take_pair(&item, numbers->number, &old, &successor))
        if (!watch(session, numbers, old, err))
            return false;
    return true;
}

/* Pictures keep the number that their device wrote: whoever links studies looks again. */
static bool move_pictures(struct store_session *session, struct text old, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO index_order_changed (number, study, accession) VALUES (?1, '', '') "
        "ON CONFLICT DO NOTHING",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, old);
    return store_run(note, err);
}

/* The same, of all that this record said. */
static bool move_pictures_back(struct store_session *session,
                               const struct index_numbers *numbers, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *note = store_prepare(
        session,
        "INSERT INTO index_order_changed (number, study, accession) SELECT old, '', '' "
        "FROM index_replaced WHERE said_number = ?1 AND said_base = ?2 ON CONFLICT DO "
        "NOTHING",
        err);
    if (!note)
        return false;
    store_bind_text(note, 1, numbers->number);
    store_bind_text(note, 2, numbers->base);
    return store_run(note, err);
}

static bool keep_statement(struct store_session *session,
                           const struct index_numbers *numbers, struct text old,
                           struct text successor, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session,
        "INSERT INTO index_replaced (old, successor, successor_key, version, "
        "said_number, said_base) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (old) DO "
        "UPDATE SET successor = excluded.successor, successor_key = "
        "excluded.successor_key, version = excluded.version, said_number = "
        "excluded.said_number, said_base = excluded.said_base WHERE "
        "excluded.version >= index_replaced.version",
        err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, key_of(old));
    store_bind_text(keep, 2, successor);
    store_bind_text(keep, 3, key_of(successor));
    store_bind_text(keep, 4, numbers->version);
    store_bind_text(keep, 5, numbers->number);
    store_bind_text(keep, 6, numbers->base);
    return store_run(keep, err) && move_pictures(session, key_of(old), err);
}

/* Deleted by the hospital, not only superseded: what it said is taken back. The folder of
 * a number that ended is cleared as a rule, which takes nothing back. */
static bool take_back(struct store_session *session, const struct index_numbers *numbers,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session,
        "DELETE FROM index_replaced WHERE said_number = ?1 AND said_base = ?2 AND "
        "old <> ?3",
        err);
    if (!forget)
        return false;
    store_bind_text(forget, 1, numbers->number);
    store_bind_text(forget, 2, numbers->base);
    store_bind_text(forget, 3, key_of(numbers->number));
    return store_run(forget, err);
}

static bool keep_statements(struct store_session *session,
                            const struct index_numbers *numbers, struct err *err)
{
    struct text old = {0};
    struct text successor = {0};
    const struct entry_item *item = first_item(numbers->list);
    if (numbers->is_gone)
        return move_pictures_back(session, numbers, err) &&
               take_back(session, numbers, err);
    while (take_pair(&item, numbers->number, &old, &successor))
        if (!keep_statement(session, numbers, old, successor, err))
            return false;
    return true;
}

/* ---- who hears of it ---- */

struct hearing {
    struct text of;    /* links of this number … */
    struct text about; /* … are told about this one; empty = about their own */
};

/* What waits about the same number would say the same. It gives way to a later row: it
 * may be on its way already, with what was true then. */
static bool tell_anew(struct store_session *session,
                      const struct index_outgoing *outgoing, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *forget = store_prepare(
        session,
        "DELETE FROM index_outbox WHERE lane = 0 AND type = ?1 AND record = ?2 AND "
        "number = ?3",
        err);
    if (!forget)
        return false;
    store_bind_int(forget, 1, outgoing->type);
    store_bind_text(forget, 2, outgoing->record);
    store_bind_text(forget, 3, outgoing->number);
    return store_run(forget, err) && index_enqueue(session, outgoing, err) &&
           index_raise_revision(session, outgoing->record, err);
}

bool index_tell_number(struct store_session *session, struct index_numbers *numbers,
                       struct text record, struct text number, struct err *err)
{
    struct index_outgoing outgoing = {
        .lane = 0,
        .type = UPLINK_NUMBER_ENDED, /* what it says is decided when it is sent */
        .record = record,
        .number = number,
        .entry_key = TEXT("")};
    numbers->has_events = true;
    return tell_anew(session, &outgoing, err);
}

static bool tell_links(struct store_session *session, struct index_numbers *numbers,
                       const struct hearing *hearing, struct err *err)
{
    struct text records[LINKS_MAX];
    struct text own[LINKS_MAX];
    size_t count = 0;
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *rows = store_prepare(
        session,
        hearing->about.len
            ? "SELECT record, number FROM index_link WHERE state = 0 AND "
              "ltrim(number, '0') = ?1"
            : "SELECT record, number FROM index_link WHERE state = 0 AND "
              "ltrim(number, '0') IN (WITH RECURSIVE before (number) AS (SELECT "
              "CAST (?1 AS TEXT) UNION SELECT r.old FROM index_replaced r JOIN before b "
              "ON r.successor_key = b.number) SELECT number FROM before)",
        err);
    if (!rows)
        return false;
    store_bind_text(rows, 1, key_of(hearing->of));
    while (count < LINKS_MAX && store_step(rows, &has_row, err) && has_row) {
        if (!store_column_text(rows, 0, numbers->arena, &records[count], err) ||
            !store_column_text(rows, 1, numbers->arena, &own[count], err))
            return false;
        count++;
    }
    for (size_t i = 0; i < count && err->kind == ERR_NONE; i++)
        if (!index_tell_number(session, numbers, records[i],
                               hearing->about.len ? hearing->about : own[i], err))
            return false;
    return err->kind == ERR_NONE;
}

bool index_tell_numbers(struct store_session *session, struct index_numbers *numbers,
                        struct err *err)
{
    if (numbers->is_of_patient && !keep_statements(session, numbers, err))
        return false;
    for (size_t i = 0; i < numbers->count; i++) {
        const struct index_watched *one = &numbers->items[i];
        struct index_standing now;
        if (!index_read_standing(session, one->number, numbers->arena, &now, err))
            return false;
        if (now.fate == one->before.fate && is_same(now.number, one->before.number))
            continue;
        struct hearing through = {one->number, TEXT("")};
        if (!tell_links(session, numbers, &through, err))
            return false;
        /* Taken apart again: who moved to the other number may have to move back. */
        bool is_apart =
            one->before.fate == INDEX_NUMBER_REPLACED && now.fate == INDEX_NUMBER_LIVES;
        struct hearing others = {one->before.number, now.number};
        if (is_apart && !tell_links(session, numbers, &others, err))
            return false;
    }
    return index_tell_given_again(session, numbers, err);
}

bool index_fill_number(struct store_session *session, struct arena *arena,
                       struct text number, struct uplink_event *event, struct err *err)
{
    struct index_standing standing;
    struct id_text record = id_to_text(event->record);
    bool is_given_again = false;
    event->number = number;
    if (!index_read_standing(session, number, arena, &standing, err) ||
        !index_is_given_again(session, id_view(&record), number, arena, &is_given_again,
                              err))
        return false;
    event->type = UPLINK_NUMBER_ENDED;
    if (standing.fate == INDEX_NUMBER_LIVES)
        event->type = is_given_again ? UPLINK_NUMBER_GIVEN_AGAIN : UPLINK_NUMBER_RESTORED;
    if (standing.fate != INDEX_NUMBER_REPLACED)
        return true;
    event->type = UPLINK_NUMBER_REPLACED;
    event->new_number = standing.number;
    return true;
}

bool index_goes_on_for_linked(struct store_session *session, struct text number,
                              bool *goes_on, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT 1 FROM index_link WHERE state = 0 AND ltrim(number, '0') IN "
        "(WITH RECURSIVE before (number) AS (SELECT old FROM index_replaced WHERE "
        "successor_key = ?1 UNION SELECT r.old FROM index_replaced r JOIN before b ON "
        "r.successor_key = b.number) SELECT number FROM before) LIMIT 1",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, key_of(number));
    return store_step(find, goes_on, err);
}

bool index_link_stands(struct index *index, const struct index_link *link, bool *stands,
                       struct err *err)
{
    CLEANUP(index_moment_end) struct index_moment moment = {0};
    return index_moment_begin(&moment, index, err) &&
           index_moment_stands(&moment, link, stands, err);
}

bool index_moment_stands(const struct index_moment *moment, const struct index_link *link,
                         bool *stands, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    struct index_standing standing;
    struct id_text record = id_to_text(link->record);
    bool is_given_again = false;
    if (!index_read_standing(moment->session, link->number, &arena, &standing, err) ||
        !index_is_given_again(moment->session, id_view(&record), link->number, &arena,
                              &is_given_again, err))
        return false;
    *stands = standing.fate == INDEX_NUMBER_LIVES && !is_given_again;
    return true;
}
