// SPDX-License-Identifier: Apache-2.0
/* Patients of the hospital and which of them are linked. A number is confirmed by nobody
 * but its owner: kana, birth date and sex of its own ADT-00 decide. */
#include <stdio.h>
#include <string.h>

#include "formats/charset/charset.h"
#include "gateway/index/index_parts.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

bool index_find_identity(struct store_session *session, struct text number,
                         struct arena *arena, struct index_patient *patient,
                         bool *is_known, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session,
                      "SELECT name, kana, kana_folded, birth_day, sex FROM index_patient "
                      "WHERE number = ?1",
                      err);
    if (!find)
        return false;
    store_bind_text(find, 1, number);
    if (!store_step(find, is_known, err))
        return false;
    *patient = (struct index_patient){.number = number, .birth_day = DAY_NONE};
    if (!*is_known)
        return true;
    struct text sex = store_column_view(find, 4);
    patient->birth_day = (int32_t)store_column_int(find, 3);
    patient->sex = sex.len ? sex.at[0] : 'U';
    return store_column_text(find, 0, arena, &patient->name, err) &&
           store_column_text(find, 1, arena, &patient->kana, err) &&
           store_column_text(find, 2, arena, &patient->kana_folded, err);
}

bool index_find_patient(struct index *index, struct text number, struct arena *arena,
                        struct index_patient *patient, bool *is_known, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    return session && index_find_identity(session, number, arena, patient, is_known, err);
}

static bool find_link(struct store_session *session, struct id record,
                      struct arena *arena, struct index_link *link, bool *is_known,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session, "SELECT number, state, revision FROM index_link WHERE record = ?1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, is_known, err))
        return false;
    *link = (struct index_link){.record = record};
    if (!*is_known)
        return true;
    link->state = (enum index_link_state)store_column_int(find, 1);
    link->revision = store_column_int(find, 2);
    return store_column_text(find, 0, arena, &link->number, err);
}

bool index_find_link(struct index *index, struct id record, struct arena *arena,
                     struct index_link *link, bool *is_known, struct err *err)
{
    CLEANUP(store_read_end) struct store_session *session = store_read(index->store, err);
    return session && find_link(session, record, arena, link, is_known, err);
}

bool index_moment_link(const struct index_moment *moment, struct id record,
                       struct arena *arena, struct index_link *link, bool *is_known,
                       struct err *err)
{
    return find_link(moment->session, record, arena, link, is_known, err);
}

struct matching {
    struct index *index;
    const struct uplink_link *asked;
    const struct index_limits *limits;
    struct arena *arena;
    struct text kana_folded;
    int64_t now_ms;
    bool is_moved; /* goes on for a number that is linked: nobody new */
    enum uplink_match result;
};

static bool count_since(struct store_session *session, const char *sql, int64_t since,
                        int64_t *count, struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(session, sql, err);
    if (!find)
        return false;
    store_bind_int(find, 1, since);
    if (!store_step(find, &has_row, err))
        return false;
    *count = has_row ? store_column_int(find, 0) : 0;
    return true;
}

/* Given without its leading zeros it is still the same number, so those of the same
 * length as the hospital's own are tried. */
bool index_find_written(struct store_session *session, struct text number,
                        struct arena *arena, struct index_patient *patient,
                        bool *is_known, struct err *err)
{
    char padded[UPLINK_NUMBER_BYTES_MAX + 1];
    if (!index_find_identity(session, number, arena, patient, is_known, err))
        return false;
    for (size_t width = number.len + 1; !*is_known && width <= UPLINK_NUMBER_BYTES_MAX;
         width++) {
        size_t zeros = width - number.len;
        memset(padded, '0', zeros);
        memcpy(padded + zeros, number.at, number.len);
        struct text candidate = {padded, width};
        struct text kept = {0};
        if (!text_copy(candidate, arena, &kept, err) ||
            !index_find_identity(session, kept, arena, patient, is_known, err))
            return false;
    }
    return true;
}

/* A number that the hospital joined into another or changed is nobody's any more. */
static bool find_living(struct store_session *session, const struct matching *matching,
                        struct index_patient *patient, bool *is_known, struct err *err)
{
    struct index_standing standing;
    if (!index_find_written(session, matching->asked->number, matching->arena, patient,
                            is_known, err) ||
        !index_read_standing(session, matching->asked->number, matching->arena, &standing,
                             err))
        return false;
    *is_known = *is_known && standing.fate == INDEX_NUMBER_LIVES;
    return true;
}

static bool is_same_person(const struct matching *matching,
                           const struct index_patient *patient)
{
    const struct uplink_link *asked = matching->asked;
    bool is_same_sex =
        asked->sex == patient->sex || asked->sex == 'U' || patient->sex == 'U';
    return patient->birth_day != DAY_NONE && asked->birth_day == patient->birth_day &&
           is_same_sex && matching->kana_folded.len > 0 &&
           text_equal(matching->kana_folded, patient->kana_folded);
}

/* What a clock that was ahead left in the future counts from now on: it stops nobody for
 * longer than the cap, and no cap is evaded by it. */
static bool bring_back_attempts(struct store_session *session, int64_t now_ms,
                                struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *bring =
        store_prepare(session, "UPDATE index_attempt SET at = ?1 WHERE at > ?1", err);
    if (!bring)
        return false;
    store_bind_int(bring, 1, now_ms);
    return store_run(bring, err);
}

static bool decide(struct store_session *session, struct matching *matching,
                   struct index_patient *patient, struct err *err)
{
    int64_t failures = 0;
    int64_t links = 0;
    bool is_known = false;
    /* Attempts are counted, not links: one record may become many links in a day. */
    if (!bring_back_attempts(session, matching->now_ms, err) ||
        !count_since(session,
                     "SELECT count(*) FROM index_attempt WHERE at > ?1 AND result IN "
                     "('mismatch', 'unknown_number')",
                     matching->now_ms - HOUR_MS, &failures, err) ||
        !count_since(session,
                     "SELECT count(*) FROM index_attempt WHERE at > ?1 AND result IN "
                     "('confirmed', 'held')",
                     matching->now_ms - DAY_MS, &links, err))
        return false;
    if (failures >= matching->limits->mismatches_per_hour) {
        matching->result = UPLINK_RATE_LIMITED;
        return true;
    }
    if (!find_living(session, matching, patient, &is_known, err))
        return false;
    if (!is_known && matching->limits->is_partial)
        return err_set(err, ERR_BUSY, "storage_away", "a storage is not there");
    if (!is_known)
        matching->result = UPLINK_UNKNOWN_NUMBER;
    else if (!is_same_person(matching, patient))
        matching->result = UPLINK_MISMATCH;
    else
        matching->result =
            links >= matching->limits->links_per_day ? UPLINK_HELD : UPLINK_CONFIRMED;
    return true;
}

/* What was asked before counts for no cap. Older attempts than any cap looks at go. */
static bool note_attempt(struct store_session *session, const struct matching *matching,
                         bool is_again, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session, "INSERT INTO index_attempt (at, number, result) VALUES (?1, ?2, ?3)",
        err);
    CLEANUP(store_finish)
    struct store_statement *forget =
        store_prepare(session, "DELETE FROM index_attempt WHERE at < ?1", err);
    if (!insert || !forget)
        return false;
    store_bind_int(insert, 1, matching->now_ms);
    store_bind_text(insert, 2, matching->asked->number);
    store_bind_text(insert, 3,
                    is_again ? TEXT("again")
                             : text_cstr(uplink_match_id(matching->result)));
    store_bind_int(forget, 1, matching->now_ms - 2 * (int64_t)DAY_MS);
    return store_run(insert, err) && store_run(forget, err);
}

static bool is_same_number(struct text a, struct text b)
{
    while (a.len > 0 && a.at[0] == '0')
        a = (struct text){a.at + 1, a.len - 1};
    while (b.len > 0 && b.at[0] == '0')
        b = (struct text){b.at + 1, b.len - 1};
    return text_equal(a, b);
}

static bool was_linked_before(struct store_session *session,
                              const struct matching *matching, bool *was_linked,
                              struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT number FROM index_former WHERE record = ?1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, matching->asked->record);
    if (!store_step(find, &has_row, err))
        return false;
    *was_linked =
        has_row && is_same_number(store_column_view(find, 0), matching->asked->number);
    return true;
}

/* The hospital has refused somebody this number. */
static bool was_refused(struct store_session *session, struct text number,
                        bool *was_refused, struct err *err)
{
    bool has_row = false;
    *was_refused = false;
    CLEANUP(store_finish)
    struct store_statement *rows =
        store_prepare(session, "SELECT number FROM index_link WHERE state = 3", err);
    if (!rows)
        return false;
    while (!*was_refused && store_step(rows, &has_row, err) && has_row)
        *was_refused = is_same_number(store_column_view(rows, 0), number);
    return err->kind == ERR_NONE;
}

/* Held is held until the hospital decides: neither time nor asking again confirms it. A
 * link from before this database is not held for the cap, nor one that moves to the
 * number that the hospital itself joined a linked one into. */
static bool hold_or_let(struct store_session *session, struct matching *matching,
                        const struct index_link *link, struct text number,
                        struct err *err)
{
    bool is_former = false;
    bool is_refused = false;
    bool is_held = link->state == INDEX_LINK_HELD && text_equal(link->number, number);
    if (!was_linked_before(session, matching, &is_former, err) ||
        !index_goes_on_for_linked(session, number, &matching->is_moved, err) ||
        !was_refused(session, number, &is_refused, err))
        return false;
    if (matching->result == UPLINK_HELD && (is_former || matching->is_moved))
        matching->result = UPLINK_CONFIRMED;
    if (matching->result == UPLINK_CONFIRMED && (is_held || is_refused))
        matching->result = UPLINK_HELD;
    return true;
}

/* The sum at the end of a record's list. Its row holds the revision at the list's begin
 * in the place of a key. */
static bool enqueue_sum(struct store_session *session, struct id record,
                        struct text number, struct err *err)
{
    bool has_row = false;
    char revision[24] = "";
    struct id_text id = id_to_text(record);
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT revision FROM index_link WHERE record = ?1", err);
    if (!find)
        return false;
    store_bind_id(find, 1, record);
    if (!store_step(find, &has_row, err))
        return false;
    if (has_row)
        snprintf(revision, sizeof revision, "%lld", (long long)store_column_int(find, 0));
    struct index_outgoing in_step = {.lane = 1,
                                     .type = UPLINK_IN_STEP,
                                     .record = id_view(&id),
                                     .number = number,
                                     .entry_key = text_cstr(revision)};
    return index_enqueue(session, &in_step, err);
}

bool index_tell_sums(struct store_session *session, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *fill = store_prepare(
        session,
        "INSERT INTO index_outbox (sequence, lane, type, record, number, entry_key) "
        "SELECT (SELECT sequence FROM index_meta WHERE one = 1) + row_number() OVER "
        "(ORDER BY record), 1, CAST (?1 AS BIGINT), record, number, CAST (revision AS "
        "TEXT) FROM index_link WHERE state = 0",
        err);
    CLEANUP(store_finish)
    struct store_statement *raise = store_prepare(
        session,
        "UPDATE index_meta SET sequence = sequence + (SELECT count(*) FROM index_link "
        "WHERE state = 0) WHERE one = 1",
        err);
    if (!fill || !raise)
        return false;
    store_bind_int(fill, 1, UPLINK_IN_STEP);
    return store_run(fill, err) && store_run(raise, err);
}

bool index_enqueue_all(struct store_session *session, struct id record,
                       struct text number, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *clear = store_prepare(
        session, "DELETE FROM index_outbox WHERE record = ?1 AND lane = 1", err);
    CLEANUP(store_finish)
    struct store_statement *fill = store_prepare(
        session,
        "INSERT INTO index_outbox (sequence, lane, type, record, number, entry_key) "
        "SELECT (SELECT sequence FROM index_meta WHERE one = 1) + row_number() OVER "
        "(ORDER BY CASE WHEN day = -2147483648 THEN 1 ELSE 0 END DESC, day DESC, "
        "entry_key), 1, 0, ?1, number, entry_key FROM index_entry WHERE number = ?2 AND "
        "is_published = 1",
        err);
    CLEANUP(store_finish)
    struct store_statement *raise = store_prepare(
        session,
        "UPDATE index_meta SET sequence = sequence + (SELECT count(*) FROM index_entry "
        "WHERE number = ?1 AND is_published = 1) WHERE one = 1",
        err);
    if (!clear || !fill || !raise)
        return false;
    store_bind_id(clear, 1, record);
    store_bind_id(fill, 1, record);
    store_bind_text(fill, 2, number);
    store_bind_text(raise, 1, number);
    return store_run(clear, err) && store_run(fill, err) && store_run(raise, err) &&
           enqueue_sum(session, record, number, err);
}

static bool keep_link(struct store_session *session, const struct matching *matching,
                      const struct index_patient *patient, enum index_link_state state,
                      struct err *err)
{
    char sex[2] = {patient->sex, '\0'};
    CLEANUP(store_finish)
    struct store_statement *keep = store_prepare(
        session,
        "INSERT INTO index_link (record, number, state, linked_at, revision, "
        "kana_folded, birth_day, sex) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7) ON CONFLICT "
        "(record) DO UPDATE SET number = excluded.number, state = excluded.state, "
        "linked_at = excluded.linked_at, revision = index_link.revision + 1, "
        "kana_folded = excluded.kana_folded, birth_day = excluded.birth_day, "
        "sex = excluded.sex",
        err);
    if (!keep)
        return false;
    store_bind_id(keep, 1, matching->asked->record);
    store_bind_text(keep, 2, patient->number);
    store_bind_int(keep, 3, state);
    store_bind_int(keep, 4, matching->now_ms);
    store_bind_text(keep, 5, patient->kana_folded);
    store_bind_int(keep, 6, patient->birth_day);
    store_bind_text(keep, 7, text_cstr(sex));
    return store_run(keep, err);
}

/* Asked again, a link stays what it is: no cap on it, nothing is sent twice. */
static bool stays_as_it_is(const struct index_link *link, bool is_known,
                           struct text number, enum uplink_match *result)
{
    bool is_match = *result == UPLINK_HELD || *result == UPLINK_CONFIRMED;
    if (!is_known || !is_match || !text_equal(link->number, number))
        return false;
    if (link->state == INDEX_ACTIVE)
        *result = UPLINK_CONFIRMED;
    return link->state == INDEX_ACTIVE ||
           (link->state == INDEX_LINK_HELD && *result == UPLINK_HELD);
}

static bool match(struct store_session *session, void *context, struct err *err)
{
    struct matching *matching = context;
    struct index_patient patient;
    struct index_link link;
    bool is_known = false;
    if (!find_link(session, matching->asked->record, matching->arena, &link, &is_known,
                   err) ||
        !decide(session, matching, &patient, err))
        return false;
    bool is_match =
        matching->result == UPLINK_HELD || matching->result == UPLINK_CONFIRMED;
    if (is_match && !hold_or_let(session, matching, &link, patient.number, err))
        return false;
    bool is_again =
        is_match && stays_as_it_is(&link, is_known, patient.number, &matching->result);
    if (!note_attempt(session, matching, is_again || matching->is_moved, err))
        return false;
    if (is_again || !is_match)
        return true;
    if (matching->result == UPLINK_HELD)
        return keep_link(session, matching, &patient, INDEX_LINK_HELD, err);
    return keep_link(session, matching, &patient, INDEX_ACTIVE, err) &&
           index_enqueue_all(session, matching->asked->record, patient.number, err);
}

bool index_match_link(struct index *index, const struct uplink_link *asked,
                      const struct index_limits *limits, enum uplink_match *result,
                      struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct matching matching = {.index = index,
                                .asked = asked,
                                .limits = limits,
                                .arena = &arena,
                                .now_ms = clock_wall_ms(&index->config.clock)};
    if (!charset_fold(asked->kana, &arena, &matching.kana_folded, err) ||
        !store_write(index->store, STORE_LIVE, match, &matching, err))
        return false;
    *result = matching.result;
    if (matching.result == UPLINK_CONFIRMED)
        index_wake(index, 1);
    return true;
}

static bool end_link(struct store_session *session, void *context, struct err *err)
{
    const struct id *record = context;
    CLEANUP(store_finish)
    struct store_statement *end =
        store_prepare(session, "UPDATE index_link SET state = 2 WHERE record = ?1", err);
    CLEANUP(store_finish)
    struct store_statement *clear =
        store_prepare(session, "DELETE FROM index_outbox WHERE record = ?1", err);
    if (!end || !clear)
        return false;
    store_bind_id(end, 1, *record);
    store_bind_id(clear, 1, *record);
    return store_run(end, err) && store_run(clear, err);
}

bool index_end_link(struct index *index, struct id record, struct err *err)
{
    return store_write(index->store, STORE_LIVE, end_link, &record, err);
}

struct refilling {
    struct id record;
    struct arena *arena;
};

static bool refill(struct store_session *session, void *context, struct err *err)
{
    struct refilling *refilling = context;
    struct index_link link;
    bool is_known = false;
    if (!find_link(session, refilling->record, refilling->arena, &link, &is_known, err))
        return false;
    if (!is_known || link.state != INDEX_ACTIVE)
        return err_set(err, ERR_MISSING, "not_found", "not linked");
    return index_enqueue_all(session, refilling->record, link.number, err);
}

bool index_backfill(struct index *index, struct id record, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct refilling refilling = {record, &arena};
    if (!store_write(index->store, STORE_LIVE, refill, &refilling, err))
        return false;
    index_wake(index, 1);
    return true;
}
