// SPDX-License-Identifier: Apache-2.0
/* A change of policy publishes or withdraws (architecture: the gateway publishes only
 * what its policy could release to somebody). */
#include <string.h>

#include "base/memory.h"
#include "gateway/index/index_parts.h"

/* ---- the one in force ---- */

struct index_policy *index_policy_new(const struct index_config *config, struct err *err)
{
    struct index_policy *policy = memory_new(1, sizeof *policy, err);
    if (!policy)
        return NULL;
    pthread_rwlock_init(&policy->lock, NULL);
    policy->rules = *config->policy;
    policy->json = config->policy_json;
    return policy;
}

void index_policy_free(struct index_policy *policy)
{
    if (!policy)
        return;
    pthread_rwlock_destroy(&policy->lock);
    arena_free(&policy->arena);
    memory_free(policy);
}

bool index_is_published(const struct index *index, enum entry_kind kind, unsigned flags,
                        int32_t day, struct text department_code)
{
    pthread_rwlock_rdlock(&index->policy->lock);
    const struct uplink_policy *rules = &index->policy->rules;
    uint32_t kinds = flags & ENTRY_SENSITIVE ? uplink_sensitive_kinds(rules)
                                             : uplink_released_kinds(rules);
    bool is_in_time =
        day == DAY_NONE || rules->from_day == DAY_NONE || day >= rules->from_day;
    bool is_published = (kinds >> kind & 1U) && is_in_time &&
                        !(flags & ENTRY_SHOWN_BY_ORDER) &&
                        !uplink_department_is_excluded(rules, department_code);
    pthread_rwlock_unlock(&index->policy->lock);
    return is_published;
}

int64_t index_delay_hours(const struct index *index, enum entry_kind kind)
{
    pthread_rwlock_rdlock(&index->policy->lock);
    int64_t hours = uplink_delay_hours(&index->policy->rules, kind);
    pthread_rwlock_unlock(&index->policy->lock);
    return hours;
}

bool index_read_policy_json(struct index *index, struct arena *arena, struct text *json,
                            struct err *err)
{
    pthread_rwlock_rdlock(&index->policy->lock);
    bool is_copied = text_copy(index->policy->json, arena, json, err);
    pthread_rwlock_unlock(&index->policy->lock);
    return is_copied;
}

/* The first one outlives the index; a later one may be gone when it is used. */
bool index_read_policy(struct index *index, struct arena *arena,
                       struct uplink_policy *policy, struct err *err)
{
    bool is_read = true;
    pthread_rwlock_rdlock(&index->policy->lock);
    if (index->policy->json.at == index->config.policy_json.at)
        *policy = index->policy->rules;
    else
        is_read = uplink_read_policy(text_span(index->policy->json), arena, policy, err);
    pthread_rwlock_unlock(&index->policy->lock);
    return is_read;
}

/* ---- following ---- */

enum { PAGE_ROWS = 500, PAGE_BYTES = 4 << 20, POLICY_BYTES = 4 << 20 };

struct following {
    struct index *index;
    char hash[HASH_HEX_BYTES];
    bool has_changed;
};

/* A new database has followed none yet: nothing was ever sent from it. */
static bool compare_policy(struct store_session *session,
                           const struct following *following, bool *is_new, bool *is_same,
                           struct err *err)
{
    bool has_row = false;
    CLEANUP(store_finish)
    struct store_statement *find =
        store_prepare(session, "SELECT policy FROM index_meta WHERE one = 1", err);
    if (!find || !store_step(find, &has_row, err))
        return false;
    struct text known = has_row ? store_column_view(find, 0) : TEXT("");
    *is_new = known.len == 0;
    *is_same = text_is(known, following->hash);
    return true;
}

static bool keep_hash(struct store_session *session, const struct following *following,
                      struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *keep =
        store_prepare(session, "UPDATE index_meta SET policy = ?1 WHERE one = 1", err);
    if (!keep)
        return false;
    store_bind_text(keep, 1, text_cstr(following->hash));
    return store_run(keep, err);
}

struct place {
    struct text number;
    struct text entry_key;
    bool was_published;
    bool is_published;
};

/* The next rows behind the last one seen. */
static bool read_page(struct store_session *session, const struct index *index,
                      struct place *rows, size_t *count, struct arena *arena,
                      struct err *err)
{
    bool has_row = false;
    struct place last =
        *count ? rows[*count - 1] : (struct place){TEXT(""), TEXT(""), 0, 0};
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT number, entry_key, kind, day, department_code, is_published, flags FROM "
        "index_entry WHERE number > ?1 OR (number = ?1 AND entry_key > ?2) ORDER BY "
        "number, entry_key LIMIT 500",
        err);
    if (!find)
        return false;
    store_bind_text(find, 1, last.number);
    store_bind_text(find, 2, last.entry_key);
    *count = 0;
    while (*count < PAGE_ROWS && store_step(find, &has_row, err) && has_row) {
        struct place *row = &rows[(*count)++];
        row->was_published = store_column_int(find, 5) != 0;
        row->is_published = index_is_published(
            index, (enum entry_kind)store_column_int(find, 2),
            (unsigned)store_column_int(find, 6), (int32_t)store_column_int(find, 3),
            store_column_view(find, 4));
        if (!store_column_text(find, 0, arena, &row->number, err) ||
            !store_column_text(find, 1, arena, &row->entry_key, err))
            return false;
    }
    return err->kind == ERR_NONE;
}

static bool withdraw(struct store_session *session, const struct place *row,
                     struct arena *arena, struct err *err)
{
    struct index_link_list links;
    if (!index_links_of_number(session, row->number, arena, &links, err))
        return false;
    for (size_t i = 0; i < links.count; i++) {
        struct index_outgoing outgoing = {.lane = 0,
                                          .type = UPLINK_ENTRY_WITHDRAWN,
                                          .record = links.records[i],
                                          .number = row->number,
                                          .entry_key = row->entry_key};
        if (!index_enqueue(session, &outgoing, err))
            return false;
    }
    return true;
}

static bool change_row(struct store_session *session, const struct place *row,
                       struct arena *arena, struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *change =
        store_prepare(session,
                      "UPDATE index_entry SET is_published = ?3 WHERE number = ?1 AND "
                      "entry_key = ?2",
                      err);
    if (!change)
        return false;
    store_bind_text(change, 1, row->number);
    store_bind_text(change, 2, row->entry_key);
    store_bind_int(change, 3, row->is_published);
    return store_run(change, err) &&
           (row->is_published || withdraw(session, row, arena, err));
}

/* Two arenas take turns, since a page begins behind the last row of the one before. */
static bool change_rows(struct store_session *session, const struct index *index,
                        struct err *err)
{
    CLEANUP(arena_free) struct arena even = arena_init(PAGE_BYTES);
    CLEANUP(arena_free) struct arena odd = arena_init(PAGE_BYTES);
    struct place rows[PAGE_ROWS];
    size_t count = 0;
    bool is_odd = false;
    do {
        struct arena *arena = is_odd ? &odd : &even;
        is_odd = !is_odd;
        arena_reset(arena);
        if (!read_page(session, index, rows, &count, arena, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (rows[i].is_published != rows[i].was_published &&
                !change_row(session, &rows[i], arena, err))
                return false;
    } while (count == PAGE_ROWS);
    return true;
}

/* Delays may have changed too, so every link gets everything again. */
static bool send_again(struct store_session *session, struct arena *arena,
                       struct err *err)
{
    bool has_row = true;
    struct text last = TEXT("");
    while (has_row) {
        CLEANUP(store_finish)
        struct store_statement *next = store_prepare(
            session,
            "SELECT record, number FROM index_link WHERE state = 0 AND record > ?1 "
            "ORDER BY record LIMIT 1",
            err);
        struct id record;
        struct text number = {0};
        if (!next)
            return false;
        store_bind_text(next, 1, last);
        if (!store_step(next, &has_row, err))
            return false;
        if (!has_row)
            break;
        struct text found = {0};
        if (!store_column_text(next, 0, arena, &found, err) ||
            !store_column_text(next, 1, arena, &number, err) ||
            !id_parse(text_span(found), &record, err) ||
            !index_raise_revision(session, found, err) ||
            !index_enqueue_all(session, record, number, err))
            return false;
        last = found;
    }
    return true;
}

static bool follow(struct store_session *session, void *context, struct err *err)
{
    struct following *following = context;
    bool is_new = false;
    bool is_same = false;
    following->has_changed = false;
    if (!compare_policy(session, following, &is_new, &is_same, err))
        return false;
    if (is_new || is_same)
        return is_same || keep_hash(session, following, err);
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct index_outgoing told = {.lane = 0,
                                  .type = UPLINK_POLICY_CHANGED,
                                  .record = TEXT(""),
                                  .number = TEXT(""),
                                  .entry_key = TEXT("")};
    following->has_changed = true;
    return change_rows(session, following->index, err) &&
           index_enqueue(session, &told, err) && send_again(session, &arena, err) &&
           keep_hash(session, following, err);
}

bool index_follow_policy(struct index *index, struct err *err)
{
    struct following following = {.index = index};
    if (index->policy->json.len == 0) /* only who changes it calls this */
        return true;
    struct hash hash = hash_sha256(text_span(index->policy->json));
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), following.hash);
    if (!store_write(index->store, STORE_LIVE, follow, &following, err))
        return false;
    if (following.has_changed) {
        index_wake(index, 0);
        index_wake(index, 1);
    }
    return true;
}

bool index_change_policy(struct index *index, struct span json, struct err *err)
{
    struct index_policy *policy = index->policy;
    struct arena arena = arena_init(POLICY_BYTES);
    struct arena former = policy->arena;
    struct uplink_policy rules;
    struct text text;
    struct span copy;
    if (!arena_copy(&arena, json, &copy, err) || !text_from_utf8(copy, &text, err) ||
        !uplink_read_policy(copy, &arena, &rules, err)) {
        arena_free(&arena);
        return false;
    }
    pthread_rwlock_wrlock(&policy->lock);
    policy->arena = arena;
    policy->rules = rules;
    policy->json = text;
    pthread_rwlock_unlock(&policy->lock);
    arena_free(&former);
    return index_follow_policy(index, err);
}
