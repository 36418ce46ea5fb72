// SPDX-License-Identifier: Apache-2.0
/* What the rows of an index database name is read at once (clause 2.10). A row is asked
 * for again until it is ten minutes behind the latest, since writers do not commit in the
 * order of their times; what was seen is known by its hash. A row whose file is not there
 * stays open as long. Where it was is remembered, so that a restart goes on from there.
 * The time asked from is never ahead of our own clock: a row from the future, or from a
 * clock that was set back since, hides none that come after it. All else is the sweep's.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"
#include "gateway/collect/collect_parts.h"

enum {
    OVERLAP_S = 600,
    READ_MAX = 256,   /* folders at one go; the rest comes with the next */
    ROWS_MAX = 20000, /* rows at one go */
    SEEN_MAX = 1 << 18,
    SEEN_FIRST = 1 << 10,
    WAIT_MAX_MS = 60 * 1000,
    NOTE_MS = 60 * 1000,
    DAY_MS = 86400 * 1000
};

static const uint64_t IS_SEEN = 1;
static const uint64_t IS_MISSING = 2;

/* ---- rows that were seen ---- */

static uint64_t *slot_of(const struct collect_seen *seen, uint64_t key)
{
    size_t at = (size_t)(key >> 2) & (seen->size - 1);
    while (seen->slots[at] != 0 && (seen->slots[at] & ~IS_MISSING) != key)
        at = (at + 1) & (seen->size - 1);
    return &seen->slots[at];
}

static bool is_known(const struct collect_seen *seen, uint64_t key, bool *is_missing)
{
    uint64_t found = seen->size > 0 ? *slot_of(seen, key) : 0;
    *is_missing = (found & IS_MISSING) != 0;
    return found != 0;
}

static void forget(struct collect_seen *seen)
{
    memory_free(seen->slots);
    *seen = (struct collect_seen){0};
}

static bool grow(struct collect_seen *seen)
{
    struct err err = {0};
    struct collect_seen larger = {.size = seen->size ? seen->size * 2 : SEEN_FIRST,
                                  .count = seen->count};
    larger.slots = memory_new(larger.size, sizeof *larger.slots, &err);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < seen->size; i++)
        if (seen->slots[i] != 0)
            *slot_of(&larger, seen->slots[i] & ~IS_MISSING) = seen->slots[i];
    memory_free(seen->slots);
    *seen = larger;
    return true;
}

/* Without room the row is read again at the next look, which only costs time. */
static void remember(struct collect_seen *seen, uint64_t key, bool is_missing)
{
    bool is_full = seen->count * 2 >= seen->size;
    if (is_full && (seen->count >= SEEN_MAX || !grow(seen)))
        return;
    uint64_t *slot = slot_of(seen, key);
    seen->count += *slot == 0;
    *slot = key | (is_missing ? IS_MISSING : 0);
}

static void add_part(struct hash_run *run, struct span part)
{
    hash_add(run, part);
    hash_add(run, SPAN("\n"));
}

/* 0 = no memory: never known. */
static uint64_t key_of(const struct rows_row *row)
{
    struct err err = {0};
    uint64_t key = 0;
    struct hash_run *run = hash_new(&err);
    if (!run)
        return 0;
    hash_add(run, span_of(&row->stamp_s, sizeof row->stamp_s));
    add_part(run, row->patient);
    add_part(run, row->day);
    add_part(run, row->type);
    add_part(run, row->key);
    add_part(run, row->action);
    add_part(run, row->directory);
    add_part(run, row->file);
    struct hash hash = hash_finish(run);
    memcpy(&key, hash.bytes, sizeof key);
    hash_free(run);
    return (key | IS_SEEN) & ~IS_MISSING;
}

/* ---- what a row names ---- */

/* Directory and file as a path below a root, with slashes; empty when the row names none.
 * False: it may not be opened. */
static bool path_of(const struct rows_row *row, char path[PATH_MAX_BYTES + 1])
{
    char directory[PATH_MAX_BYTES + 1];
    struct span rest = row->directory;
    struct span part = {0};
    path[0] = '\0';
    if (row->directory.len == 0 || row->file.len == 0)
        return row->file.len == 0 || path_is_safe_name(row->file);
    if (row->directory.len + 1 + row->file.len > PATH_MAX_BYTES ||
        memchr(row->directory.at, '\0', row->directory.len) ||
        !path_is_safe_name(row->file))
        return false;
    for (size_t i = 0; i < rest.len; i++)
        directory[i] = (char)(rest.at[i] == '\\' ? '/' : rest.at[i]);
    rest.len -= directory[rest.len - 1] == '/';
    rest.at = (const uint8_t *)directory;
    directory[rest.len] = '\0';
    while (span_take(&rest, '/', &part))
        if (!path_is_safe_name(part))
            return false;
    return collect_join(directory, "", path) &&
           snprintf(path, PATH_MAX_BYTES + 1, "%s/%.*s", directory, (int)row->file.len,
                    (const char *)row->file.at) > 0;
}

static bool is_in_root(int root, char *path)
{
    static const char flags[] = "102"; /* it may have been replaced meanwhile */
    size_t len = strlen(path);
    char last = path[len - 1];
    bool is_found = false;
    for (size_t i = 0; i < sizeof flags && !is_found; i++) {
        struct err err = {0};
        path[len - 1] = i == 0 ? last : flags[i - 1];
        CLEANUP(path_close) int fd = path_open_below(root, path, &err);
        is_found = fd >= 0;
    }
    path[len - 1] = last;
    return is_found;
}

/* Names in other letters may lie there in other bytes: of those nothing is claimed. */
static bool is_there(const struct collect *collect, char *path)
{
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at >= 0x80)
            return true;
    for (size_t i = 0; i < collect->config.root_count; i++)
        if (collect->roots[i] >= 0 && is_in_root(collect->roots[i], path))
            return true;
    return false;
}

/* A row as a record of a transaction storage; false when its names cannot be used. */
static bool check_row(const struct rows_row *row, struct ssmix_transaction *said,
                      char path[PATH_MAX_BYTES + 1])
{
    struct ssmix_transaction_texts texts = {row->patient, row->day, row->type, row->key,
                                            row->action};
    struct span at_fault = {0};
    return !row->is_too_long && row->has_stamp &&
           ssmix_check_transaction(&texts, said, &at_fault) && path_of(row, path);
}

/* Reads the folder that waits. What its rows say is done with then, not before. */
static bool read_place(struct collect *collect, int *read, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    struct ssmix_transaction said = {.patient = span_cstr(rows->patient),
                                     .day = rows->day,
                                     .type = span_cstr(rows->type)};
    bool has_place = rows->has_place;
    rows->has_place = false;
    if (has_place && !collect_read_named(collect, &said, err))
        return false;
    *read += has_place;
    rows->mark_s = rows->reached_s;
    return true;
}

/* Rows of the same folder that stand together are one look, behind the last of them: it
 * may have been written after the first was told. */
static bool add_place(struct collect *collect, const struct ssmix_transaction *said,
                      int *read, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    bool is_same = rows->has_place && rows->day == said->day &&
                   span_is(said->patient, rows->patient) &&
                   span_is(said->type, rows->type);
    if (is_same)
        return true;
    if (!read_place(collect, read, err))
        return false;
    rows->has_place = true;
    rows->day = said->day;
    snprintf(rows->patient, sizeof rows->patient, "%.*s", (int)said->patient.len,
             (const char *)said->patient.at);
    snprintf(rows->type, sizeof rows->type, "%.*s", (int)said->type.len,
             (const char *)said->type.at);
    return true;
}

static bool read_row(struct collect *collect, const struct rows_row *row, int *read,
                     struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    struct ssmix_transaction said;
    char path[PATH_MAX_BYTES + 1];
    bool was_missing = false;
    uint64_t key = key_of(row);
    bool was_seen = is_known(&rows->seen, key, &was_missing);
    if (!check_row(row, &said, path)) {
        rows->now.refused++;
        return true;
    }
    bool names_file = path[0] != '\0' && !said.is_deletion;
    bool is_missing =
        (!was_seen || was_missing) && names_file && !is_there(collect, path);
    bool is_news = !was_seen || (was_missing && !is_missing);
    if (is_news && !add_place(collect, &said, read, err))
        return false;
    rows->now.missing += is_missing;
    remember(&rows->next, key, is_missing);
    return true;
}

/* Spaces behind a CHAR are gone already. */
static bool take_row(struct collect *collect, const struct rows_row *row, int *read,
                     struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    rows->now.told++;
    if (!row->is_too_long &&
        !span_equal(row->facility, text_span(collect->config.facility_code)))
        rows->now.elsewhere++;
    else if (!read_row(collect, row, read, err))
        return false;
    if (row->has_stamp && row->stamp_s > rows->reached_s)
        rows->reached_s = row->stamp_s;
    rows->mark_s = rows->has_place ? rows->mark_s : rows->reached_s;
    return true;
}

/* ---- how it is ---- */

static bool is_same_state(const struct index_source *a, const struct index_source *b)
{
    return text_equal(a->state, b->state) && a->has_mark == b->has_mark &&
           a->mark == b->mark && a->told == b->told && a->refused == b->refused &&
           a->missing == b->missing && a->elsewhere == b->elsewhere;
}

static void log_state(struct collect *collect, const struct err *fault)
{
    const struct collect_rows *rows = &collect->rows;
    const struct index_source *now = &rows->now;
    bool is_new = !text_equal(now->state, rows->told.state);
    bool has_findings = (now->refused > 0) != (rows->told.refused > 0) ||
                        (now->missing > 0) != (rows->told.missing > 0);
    if (!collect->config.log || (!is_new && (fault || !has_findings)))
        return;
    if (fault)
        log_err(collect->config.log, "index_database", fault);
    else
        LOG(collect->config.log, "index_database", LOG_WORD("state", "ok"),
            LOG_NUMBER("rows", now->told), LOG_NUMBER("refused", now->refused),
            LOG_NUMBER("missing", now->missing));
}

/* Written down when it changes, and now and then so that it is seen to be alive. */
static bool note(struct collect *collect, const struct err *fault, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    struct index_source *now = &rows->now;
    int64_t monotonic_ms = clock_monotonic_ms(&collect->config.clock);
    snprintf(rows->detail, sizeof rows->detail, "%s", fault ? fault->text : "");
    now->name = TEXT("index_database");
    now->state = fault ? text_cstr(fault->code) : TEXT("ok");
    now->detail = text_cstr(rows->detail);
    now->has_mark = rows->has_mark;
    now->mark = rows->mark_s;
    now->looked_ms = fault ? rows->told.looked_ms : clock_wall_ms(&collect->config.clock);
    now->since_ms = text_equal(now->state, rows->told.state)
                        ? rows->told.since_ms
                        : clock_wall_ms(&collect->config.clock);
    atomic_store(&collect->has_rows, !fault);
    log_state(collect, fault);
    bool is_due =
        !is_same_state(now, &rows->told) || monotonic_ms - rows->noted_ms >= NOTE_MS;
    rows->told = *now;
    if (!is_due)
        return true;
    rows->noted_ms = monotonic_ms;
    return index_note_source(collect->config.index, now, err);
}

static bool fail(struct collect *collect, const struct err *fault)
{
    struct collect_rows *rows = &collect->rows;
    struct err err = {0};
    int64_t period_ms = collect->config.rows_period_ms;
    rows_drop(collect->config.rows);
    forget(&rows->next); /* what was read in vain is read again */
    rows->is_asking = false;
    rows->wait_ms = rows->wait_ms * 2 < period_ms ? period_ms : rows->wait_ms * 2;
    rows->wait_ms = rows->wait_ms > WAIT_MAX_MS && period_ms <= WAIT_MAX_MS
                        ? WAIT_MAX_MS
                        : rows->wait_ms;
    rows->due_ms = clock_monotonic_ms(&collect->config.clock) + rows->wait_ms;
    if (!note(collect, fault, &err) && collect->config.log)
        log_err(collect->config.log, "index_database", &err);
    return false;
}

/* A database that takes long to answer rests four times as long. */
static int64_t pause_after(const struct collect *collect, int64_t took_ms)
{
    enum { REST = 4, REST_MAX_MS = 10 * 60 * 1000 };
    int64_t rest_ms = took_ms * REST < REST_MAX_MS ? took_ms * REST : REST_MAX_MS;
    int64_t period_ms = collect->config.rows_period_ms;
    return rest_ms > period_ms ? rest_ms : period_ms;
}

static bool end_look(struct collect *collect, const struct rows_row *end, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    int64_t now_ms = clock_monotonic_ms(&collect->config.clock);
    rows->is_asking = false;
    rows->wait_ms = 0;
    rows->due_ms = now_ms + pause_after(collect, now_ms - rows->asked_ms);
    if (rows->is_first) { /* what has been written before is the sweep's */
        rows->mark_s = end->has_stamp ? end->stamp_s : 0;
        rows->has_mark = true;
        rows->due_ms = now_ms;
    } else {
        forget(&rows->seen);
        rows->seen = rows->next;
        rows->next = (struct collect_seen){0};
    }
    return note(collect, NULL, err) || fail(collect, err);
}

/* ---- following ---- */

static bool begin(struct collect *collect, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    struct index_source *known = NULL;
    size_t count = 0;
    CLEANUP(arena_free) struct arena arena = arena_init(64 * 1024);
    if (rows->is_begun)
        return true;
    if (!index_list_sources(collect->config.index, 1, &arena, &known, &count, err))
        return false;
    if (count > 0) {
        rows->has_mark = known[0].has_mark;
        rows->mark_s = known[0].mark;
        rows->told.looked_ms = known[0].looked_ms;
    }
    rows->is_begun = true;
    return true;
}

static bool ask(struct collect *collect, struct err *err)
{
    struct collect_rows *rows = &collect->rows;
    const struct clock *clock = &collect->config.clock;
    int64_t now_s = (clock_wall_ms(clock) + DAY_JAPAN_OFFSET_MS) / 1000;
    if (!begin(collect, err))
        return false;
    int64_t since_s = (rows->mark_s < now_s ? rows->mark_s : now_s) - OVERLAP_S;
    rows->asked_ms = clock_monotonic_ms(clock);
    rows->now = (struct index_source){0};
    rows->has_place = false;
    rows->reached_s = rows->mark_s;
    rows->is_first = !rows->has_mark;
    rows->is_asking = true;
    return rows_ask(collect->config.rows, rows->is_first ? NULL : &since_s, err);
}

bool collect_is_rows_due(struct collect *collect)
{
    const struct collect_rows *rows = &collect->rows;
    if (!collect->config.rows)
        return false;
    return rows->is_asking ? rows_has_news(collect->config.rows)
                           : clock_monotonic_ms(&collect->config.clock) >= rows->due_ms;
}

/* False: it has failed. What was told before is read all the same. */
static bool end_step(struct collect *collect, enum rows_step step,
                     const struct rows_row *row, struct err *err)
{
    struct err fault = {0};
    int read = 0;
    bool is_read = read_place(collect, &read, &fault);
    if (step == ROWS_FAILED)
        return fail(collect, err);
    if (!is_read) {
        *err = fault;
        return fail(collect, err);
    }
    return step == ROWS_WAIT || end_look(collect, row, err);
}

/* What there is now, within limits. */
static bool take(struct collect *collect, struct err *err)
{
    int read = 0;
    for (int i = 0; i < ROWS_MAX && read < READ_MAX; i++) {
        struct rows_row row;
        enum rows_step step = rows_take(collect->config.rows, &row, err);
        if (step != ROWS_ROW)
            return end_step(collect, step, &row, err);
        if (!take_row(collect, &row, &read, err))
            return fail(collect, err);
    }
    return true;
}

static bool go_on(struct collect *collect, struct err *err)
{
    if (!collect->rows.is_asking && !ask(collect, err))
        return fail(collect, err);
    return take(collect, err);
}

void collect_take_rows(struct collect *collect)
{
    struct err err = {0};
    if (collect_is_rows_due(collect))
        (void)!go_on(collect, &err);
}

bool collect_look_up_rows(struct collect *collect, struct err *err)
{
    bool is_done = true;
    collect_lock_soon(collect);
    do {
        struct pollfd ready = {.events = POLLIN};
        is_done = go_on(collect, err);
        ready.fd = rows_fd(collect->config.rows);
        if (collect->rows.is_asking && !rows_has_news(collect->config.rows))
            poll(&ready, 1, 100);
    } while (is_done && (collect->rows.is_asking || collect->rows.is_first));
    collect_unlock_soon(collect);
    return is_done;
}

void collect_rows_close(struct collect *collect)
{
    if (collect->config.rows)
        rows_drop(collect->config.rows);
    forget(&collect->rows.seen);
    forget(&collect->rows.next);
}
