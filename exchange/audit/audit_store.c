// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/day.h"
#include "base/memory.h"
#include "exchange/audit/audit_file.h"
#include "exchange/audit/audit_index.h"
#include "formats/json/json.h"
#include "store/store.h"

enum {
    FOLLOW_MS = 500,
    GROUP_RECORDS_MAX = 500,
    GROUP_BYTES_MAX = 1 << 20,
    TEXT_COUNT = 16
};

/* Columns and members of the same names, in the order of the SQL texts below. */
static const char *const text_members[TEXT_COUNT] = {
    "phase",        "event",      "verdict",  "reason",        "request", "staff",
    "name",         "profession", "facility", "facility_name", "person",  "provider",
    "local_number", "object",     "kind",     "purpose"};

#define COLUMNS                                                                          \
    "node, number, at_ms, day, bytes, parts, phase, event, verdict, reason, request, "   \
    "staff, name, profession, facility, facility_name, person, provider, "               \
    "local_number, object, kind, purpose"

enum {
    COLUMN_NODE,
    COLUMN_NUMBER,
    COLUMN_AT,
    COLUMN_DAY,
    COLUMN_BYTES,
    COLUMN_PARTS,
    COLUMN_TEXTS
};

struct audit_index {
    struct audit *audit; /* borrowed */
    struct store *store; /* borrowed */
    struct log log;
    bool has_log;
    pthread_mutex_t work; /* one catches up at a time; guards the reader */
    struct audit_reader reader;
    bool has_place; /* the reader stands behind what is indexed */
    uint64_t indexed_number;
    pthread_mutex_t lock; /* guards is_closing */
    pthread_cond_t closing;
    bool is_closing;
    pthread_t thread;
    bool has_thread;
};

/* ---- files to database ---- */

/* Records read together, written together. */
struct group {
    const char *node;
    struct arena arena;
    struct span records[GROUP_RECORDS_MAX];
    uint64_t numbers[GROUP_RECORDS_MAX];
    size_t count;
    size_t bytes;
};

/* What a record says, in the words of the columns. Texts are views. */
struct row {
    struct text texts[TEXT_COUNT];
    struct text day; /* "YYYY-MM-DD" or "" */
    int64_t at_ms;
    int64_t bytes;
    int64_t parts;
};

static bool take_int(struct span digits, int64_t *value)
{
    uint64_t number = 0;
    bool is_negative = digits.len > 0 && digits.at[0] == '-';
    if (!span_uint(span_part(digits, is_negative, digits.len), INT64_MAX, &number))
        return false;
    *value = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* What has no column is passed over. */
static bool take_number(const struct audit_member *member, struct row *row)
{
    if (span_is(member->key, "at"))
        return take_int(member->value, &row->at_ms);
    if (span_is(member->key, "bytes"))
        return take_int(member->value, &row->bytes);
    if (span_is(member->key, "parts"))
        return take_int(member->value, &row->parts);
    return true;
}

static bool take_text(const struct audit_member *member, struct row *row)
{
    struct text text = {(const char *)member->value.at, member->value.len};
    struct text *place = span_is(member->key, "day") ? &row->day : NULL;
    for (int i = 0; i < TEXT_COUNT && !place; i++)
        if (span_is(member->key, text_members[i]))
            place = &row->texts[i];
    if (place)
        *place = text;
    return !place || !member->is_escaped;
}

/* Most records say nothing that needs escaping. False when this one has to be read by
 * formats/json. */
static bool read_plainly(struct span json, struct row *row)
{
    struct audit_member member;
    *row = (struct row){.at_ms = 0};
    while (audit_take_member(&json, &member))
        if (!(member.is_text ? take_text(&member, row) : take_number(&member, row)))
            return false;
    return json.len == 0 && row->at_ms != 0;
}

static bool read_document(const struct json_value *root, struct row *row, struct err *err)
{
    *row = (struct row){.at_ms = 0};
    for (int i = 0; i < TEXT_COUNT; i++)
        if (!json_take_text_or(root, text_members[i], AUDIT_RECORD_BYTES_MAX,
                               &row->texts[i], err))
            return false;
    return json_take_text_or(root, "day", AUDIT_RECORD_BYTES_MAX, &row->day, err) &&
           json_take_int(root, "at", INT64_MIN, INT64_MAX, &row->at_ms, err) &&
           json_take_int_or(root, "bytes", INT64_MIN, INT64_MAX, &row->bytes, err) &&
           json_take_int_or(root, "parts", INT64_MIN, INT64_MAX, &row->parts, err);
}

static bool insert_row(struct store_batch *batch, const struct group *group, size_t index,
                       const struct row *row, struct err *err)
{
    int32_t day = day_from_iso(text_span(row->day));
    struct store_statement *statement = store_batch_next(batch, err);
    if (!statement)
        return false;
    store_bind_text(statement, COLUMN_NODE + 1, text_cstr(group->node));
    store_bind_int(statement, COLUMN_NUMBER + 1, (int64_t)group->numbers[index]);
    store_bind_int(statement, COLUMN_AT + 1, row->at_ms);
    store_bind_int(statement, COLUMN_BYTES + 1, row->bytes);
    store_bind_int(statement, COLUMN_PARTS + 1, row->parts);
    if (day == DAY_NONE)
        store_bind_null(statement, COLUMN_DAY + 1);
    else
        store_bind_int(statement, COLUMN_DAY + 1, day);
    for (int i = 0; i < TEXT_COUNT; i++)
        store_bind_text(statement, COLUMN_TEXTS + 1 + i, row->texts[i]);
    return true;
}

static bool insert_one(struct store_batch *batch, const struct group *group, size_t index,
                       struct err *err)
{
    struct row row;
    if (read_plainly(group->records[index], &row))
        return insert_row(batch, group, index, &row, err);
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(group->records[index], err);
    /* Its texts end with the document. */
    return document && read_document(json_root(document), &row, err) &&
           insert_row(batch, group, index, &row, err) && store_batch_run(batch, err);
}

/* Doing it twice changes nothing. */
static bool insert_group(struct store_session *session, void *context, struct err *err)
{
    const struct group *group = context;
    CLEANUP(store_batch_close) struct store_batch batch;
    if (!store_batch_open(
            session,
            "INSERT INTO audit_index (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
            "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) "
            "ON CONFLICT (node, number) DO NOTHING",
            &batch, err))
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (!insert_one(&batch, group, i, err))
            return false;
    return store_batch_run(&batch, err);
}

/* The next record, if there is one up to the head. */
static bool read_record(struct audit_index *index, uint64_t head, struct span *json,
                        struct err *err)
{
    *json = (struct span){0};
    if (index->reader.last.number >= head)
        return true;
    enum audit_read result = audit_reader_next(&index->reader, err);
    if (result == AUDIT_READ_END && audit_reader_refresh(&index->reader, err))
        result = audit_reader_next(&index->reader, err); /* a new month */
    if (result == AUDIT_READ_RECORD)
        *json = index->reader.json;
    else if (err->kind == ERR_NONE)
        err_set(err, ERR_SYSTEM, "audit_broken", "record %llu cannot be read",
                (unsigned long long)index->reader.last.number + 1);
    return err->kind == ERR_NONE;
}

static bool read_group(struct audit_index *index, uint64_t head, struct group *group,
                       struct err *err)
{
    group->count = 0;
    group->bytes = 0;
    arena_reset(&group->arena);
    while (group->count < GROUP_RECORDS_MAX && group->bytes < GROUP_BYTES_MAX) {
        struct span json;
        if (!read_record(index, head, &json, err))
            return false;
        if (!json.at)
            break;
        uint64_t number = index->reader.last.number;
        if (number <= index->indexed_number)
            continue;
        if (!arena_copy(&group->arena, json, &group->records[group->count], err))
            return false;
        group->numbers[group->count++] = number;
        group->bytes += json.len;
    }
    return true;
}

static bool find_indexed(struct audit_index *index, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(index->store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "SELECT MAX(number) FROM audit_index WHERE node = ?1", err);
    bool has_row = false;
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(index->reader.node));
    if (!store_step(statement, &has_row, err))
        return false;
    index->indexed_number = has_row ? (uint64_t)store_column_int(statement, 0) : 0;
    return true;
}

/* Where to go on; asked of the database once, and again after a failure. */
static bool find_place(struct audit_index *index, uint64_t head, struct err *err)
{
    if (index->has_place)
        return true;
    if (!find_indexed(index, err) || !audit_reader_refresh(&index->reader, err))
        return false;
    if (index->indexed_number > head)
        return err_set(err, ERR_CONFLICT, "audit_index_ahead",
                       "the index has record %llu, the files end with %llu",
                       (unsigned long long)index->indexed_number,
                       (unsigned long long)head);
    index->has_place = audit_reader_find(&index->reader, index->indexed_number + 1, err);
    return index->has_place;
}

static bool follow(struct audit_index *index, struct group *group, struct err *err)
{
    uint64_t head = audit_head(index->audit).number;
    if (!find_place(index, head, err))
        return false;
    while (index->indexed_number < head) {
        if (!read_group(index, head, group, err) ||
            !store_write(index->store, STORE_BACKFILL, insert_group, group, err))
            return false;
        index->indexed_number = index->reader.last.number;
    }
    /* Behind the head stands what is not durable yet and may still be replaced. */
    audit_reader_forget(&index->reader);
    return true;
}

/* With the work lock. */
static bool catch_up(struct audit_index *index, struct err *err)
{
    struct group *group = memory_new(1, sizeof *group, err);
    if (!group)
        return false;
    group->node = index->reader.node;
    group->arena = arena_init(GROUP_BYTES_MAX + 2 * AUDIT_RECORD_BYTES_MAX);
    bool is_done = follow(index, group, err);
    index->has_place = index->has_place && is_done;
    arena_free(&group->arena);
    memory_free(group);
    return is_done;
}

bool audit_index_catch_up(struct audit_index *index, struct err *err)
{
    pthread_mutex_lock(&index->work);
    bool is_done = catch_up(index, err);
    pthread_mutex_unlock(&index->work);
    return is_done;
}

static bool delete_rows(struct store_session *session, void *context, struct err *err)
{
    const char *node = context;
    CLEANUP(store_finish)
    struct store_statement *statement =
        store_prepare(session, "DELETE FROM audit_index WHERE node = ?1", err);
    if (!statement)
        return false;
    store_bind_text(statement, 1, text_cstr(node));
    return store_run(statement, err);
}

bool audit_index_rebuild(struct audit_index *index, struct err *err)
{
    pthread_mutex_lock(&index->work);
    char node[AUDIT_NODE_BYTES_MAX + 1];
    memcpy(node, index->reader.node, strlen(index->reader.node) + 1);
    index->has_place = false;
    bool is_done = store_write(index->store, STORE_BACKFILL, delete_rows, node, err) &&
                   catch_up(index, err);
    pthread_mutex_unlock(&index->work);
    return is_done;
}

/* ---- the thread ---- */

/* False when it is time to end. */
static bool wait_a_little(struct audit_index *index)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += FOLLOW_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&index->lock);
    if (!index->is_closing)
        pthread_cond_timedwait(&index->closing, &index->lock, &until);
    bool is_closing = index->is_closing;
    pthread_mutex_unlock(&index->lock);
    return !is_closing;
}

static void *run_follower(void *self)
{
    struct audit_index *index = self;
    bool was_failing = false;
    while (wait_a_little(index)) {
        struct err err = {0};
        bool is_failing = !audit_index_catch_up(index, &err);
        if (is_failing && !was_failing && index->has_log)
            log_err(&index->log, "audit_index_behind", &err);
        was_failing = is_failing;
    }
    return NULL;
}

static bool start(struct audit_index *index, struct err *err)
{
    if (!audit_reader_open(&index->reader, audit_directory(index->audit),
                           audit_node(index->audit), err))
        return false;
    if (pthread_create(&index->thread, NULL, run_follower, index) != 0)
        return err_set(err, ERR_BUSY, "memory_short", "no thread for the index");
    index->has_thread = true;
    return true;
}

struct audit_index *audit_index_open(struct audit *audit, struct store *store,
                                     const struct log *log, struct err *err)
{
    struct audit_index *index = memory_new(1, sizeof *index, err);
    if (!index)
        return NULL;
    index->audit = audit;
    index->store = store;
    index->has_log = log != NULL;
    if (log)
        index->log = *log;
    index->reader.fd = -1;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&index->work, NULL);
    pthread_mutex_init(&index->lock, NULL);
    pthread_cond_init(&index->closing, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start(index, err))
        return index;
    audit_index_close(index);
    return NULL;
}

void audit_index_close(struct audit_index *index)
{
    if (!index)
        return;
    if (index->has_thread) {
        pthread_mutex_lock(&index->lock);
        index->is_closing = true;
        pthread_cond_signal(&index->closing);
        pthread_mutex_unlock(&index->lock);
        pthread_join(index->thread, NULL);
    }
    audit_reader_close(&index->reader);
    pthread_cond_destroy(&index->closing);
    pthread_mutex_destroy(&index->lock);
    pthread_mutex_destroy(&index->work);
    memory_free(index);
}

/* ---- lists ---- */

#define LIST_BY(column)                                                                  \
    "SELECT " COLUMNS " FROM audit_index WHERE " column " = ?1 AND " column " <> '' "    \
    "AND at_ms >= ?2 AND at_ms < ?3 AND (at_ms, node, number) > (?4, ?5, ?6) "           \
    "ORDER BY at_ms, node, number LIMIT ?7"

#define LIST_NEWEST_BY(column)                                                           \
    "SELECT " COLUMNS " FROM audit_index WHERE " column " = ?1 AND " column " <> '' "    \
    "AND at_ms >= ?2 AND at_ms < ?3 AND (at_ms, node, number) < (?4, ?5, ?6) "           \
    "ORDER BY at_ms DESC, node DESC, number DESC LIMIT ?7"

static const char *const list_newest_texts[] = {
    [AUDIT_BY_FACILITY] = LIST_NEWEST_BY("facility"),
    [AUDIT_BY_PROVIDER] = LIST_NEWEST_BY("provider"),
    [AUDIT_BY_PERSON] = LIST_NEWEST_BY("person"),
    [AUDIT_BY_STAFF] = LIST_NEWEST_BY("staff"),
    [AUDIT_BY_REQUEST] = LIST_NEWEST_BY("request"),
};

static const char *const list_texts[] = {
    [AUDIT_BY_FACILITY] = LIST_BY("facility"), [AUDIT_BY_PROVIDER] = LIST_BY("provider"),
    [AUDIT_BY_PERSON] = LIST_BY("person"),     [AUDIT_BY_STAFF] = LIST_BY("staff"),
    [AUDIT_BY_REQUEST] = LIST_BY("request"),
};

static bool read_row(struct store_statement *statement, struct arena *arena,
                     struct audit_index_row *row, struct err *err)
{
    struct text *const texts[TEXT_COUNT] = {
        &row->phase,        &row->event,         &row->verdict, &row->reason,
        &row->request,      &row->staff_id,      &row->name,    &row->profession,
        &row->facility_id,  &row->facility_name, &row->person,  &row->provider,
        &row->local_number, &row->object,        &row->kind,    &row->purpose};
    struct text node = store_column_view(statement, COLUMN_NODE);
    if (node.len >= sizeof row->key.node)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a node name too long");
    memcpy(row->key.node, node.at, node.len);
    row->key.number = (uint64_t)store_column_int(statement, COLUMN_NUMBER);
    row->key.at_ms = store_column_int(statement, COLUMN_AT);
    row->day = store_column_is_null(statement, COLUMN_DAY)
                   ? DAY_NONE
                   : (int32_t)store_column_int(statement, COLUMN_DAY);
    row->bytes = store_column_int(statement, COLUMN_BYTES);
    row->number_of_parts = store_column_int(statement, COLUMN_PARTS);
    for (int i = 0; i < TEXT_COUNT; i++)
        if (!store_column_text(statement, COLUMN_TEXTS + i, arena, texts[i], err))
            return false;
    return true;
}

/* A page begins where the one before ended, not at the end of the month: the planner
 * takes one limit to each side, and it should be the nearer one. */
struct between {
    int64_t from_ms;
    int64_t until_ms;
    int64_t cursor_ms;
};

static struct between rest_of(const struct audit_index_query *query)
{
    struct between rest = {query->from_ms, query->until_ms, query->after.at_ms};
    bool is_first_page = query->after.number == 0;
    if (query->is_newest_first && is_first_page)
        rest.cursor_ms = INT64_MAX;
    else if (query->is_newest_first && rest.cursor_ms < rest.until_ms)
        rest.until_ms = rest.cursor_ms + 1;
    else if (!query->is_newest_first && rest.cursor_ms > rest.from_ms)
        rest.from_ms = rest.cursor_ms;
    return rest;
}

bool audit_index_list(struct store *store, const struct audit_index_query *query,
                      struct arena *arena, struct audit_index_row **rows, size_t *count,
                      struct err *err)
{
    *count = 0;
    *rows = ARENA_MANY(arena, struct audit_index_row, query->count_max, err);
    if (!*rows)
        return false;
    CLEANUP(store_read_end) struct store_session *session = store_read(store, err);
    if (!session)
        return false;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session,
        query->is_newest_first ? list_newest_texts[query->by] : list_texts[query->by],
        err);
    if (!statement)
        return false;
    struct between between = rest_of(query);
    store_bind_text(statement, 1, query->value);
    store_bind_int(statement, 2, between.from_ms);
    store_bind_int(statement, 3, between.until_ms);
    store_bind_int(statement, 4, between.cursor_ms);
    store_bind_text(statement, 5, text_cstr(query->after.node));
    store_bind_int(statement, 6, (int64_t)query->after.number);
    store_bind_int(statement, 7, (int64_t)query->count_max);
    bool has_row = true;
    while (store_step(statement, &has_row, err) && has_row && *count < query->count_max) {
        if (!read_row(statement, arena, &(*rows)[*count], err))
            return false;
        (*count)++;
    }
    return err->kind == ERR_NONE;
}
