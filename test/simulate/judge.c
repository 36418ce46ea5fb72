// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "exchange/audit/audit.h"
#include "formats/entry/entry.h"
#include "store/migrations.h"
#include "store/store.h"
#include "test/simulate/play.h"
#include "test/simulate/scheduler.h"

enum {
    SETTLE_LOOK_US = 5000000,
    SETTLE_LOOKS = 240, /* 20 minutes */
    STATE_WITHDRAWN = 100,
    FLAG_CANCELLED = 32,
    ROWS_MAX = 4096
};

/* ---- who was shown what ---- */

static const struct json_value *column(struct play *play, const struct json_value *marks,
                                       const char *name)
{
    struct err err = {0};
    const struct json_value *array = NULL;
    if (!json_take_array(marks, name, PLAY_CELLS_MAX, &array, &err))
        play_fail(play, "a calendar has no %s", name);
    return array;
}

/* formats/json gives no numbers out of arrays: they are read from the text. */
static void read_numbers(struct play *play, const char *body, const char *name,
                         int64_t *out, size_t count)
{
    char key[32];
    const char *marks = strstr(body, "\"marks\":{");
    snprintf(key, sizeof key, "\"%s\":[", name);
    const char *at = marks ? strstr(marks, key) : NULL;
    if (!at)
        play_fail(play, "a calendar has no %s", name);
    at += strlen(key);
    for (size_t i = 0; i < count; i++) {
        size_t len = strcspn(at, ",]");
        uint64_t number = 0;
        if (!span_uint(span_of(at, len), INT64_MAX, &number))
            play_fail(play, "a calendar's %s is no number", name);
        out[i] = (int64_t)number;
        at += len + 1;
    }
}

static int facility_at(struct play *play, const struct json_value *facilities, int64_t at)
{
    struct err err = {0};
    struct id id;
    if (!json_take_id(json_item(facilities, (size_t)at), "id", &id, &err))
        play_fail(play, "a facility cannot be read");
    for (int f = 0; f < play->world.facility_count; f++)
        if (id_equal(play->world.facilities[f].id, id))
            return f;
    play_fail(play, "a facility that there is not");
}

static void read_marks(struct play *play, const struct json_value *root, const char *body,
                       struct judge_calendar *calendar)
{
    static int64_t rows[PLAY_CELLS_MAX], days[PLAY_CELLS_MAX], places[PLAY_CELLS_MAX],
        counts[PLAY_CELLS_MAX], flags[PLAY_CELLS_MAX];
    struct err err = {0};
    const struct json_value *marks = NULL, *names = NULL, *facilities = NULL;
    if (!json_take_object(root, "marks", &marks, &err) ||
        !json_take_array(root, "rows", 32, &names, &err) ||
        !json_take_array(root, "facilities", 64, &facilities, &err))
        play_fail(play, "a calendar cannot be read");
    const struct json_value *entries = column(play, marks, "entry");
    size_t count = json_count(entries);
    read_numbers(play, body, "row", rows, count);
    read_numbers(play, body, "day", days, count);
    read_numbers(play, body, "facility", places, count);
    read_numbers(play, body, "count", counts, count);
    read_numbers(play, body, "flags", flags, count);
    calendar->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        struct judge_mark *mark = &calendar->marks[i];
        struct text row, entry;
        if (!json_item_text(names, (size_t)rows[i], 32, &row, &err) ||
            !json_item_text(entries, i, 32, &entry, &err))
            play_fail(play, "a mark cannot be read");
        if (!text_is(row, "test") && !text_is(row, "visit"))
            play_fail(play, "a row that nobody wrote");
        *mark = (struct judge_mark){
            .facility = facility_at(play, facilities, places[i]),
            .type = text_is(row, "test") ? HOSPITAL_LABORATORY : HOSPITAL_VISIT,
            .day = (int32_t)days[i],
            .count = counts[i],
            .flags = flags[i],
        };
        snprintf(mark->entry, sizeof mark->entry, "%.32s", (const char *)entry.at);
    }
}

static void check_mark(struct play *play, int staff, int patient,
                       const struct judge_mark *mark)
{
    const struct model *model = &play->model;
    const struct world_staff *who = &play->world.staff[staff];
    struct model_entry *entry =
        model_find(&play->model, mark->facility + 1, patient, mark->type, mark->day);
    const char *fault = NULL;
    if (!entry)
        fault = "nobody wrote it";
    else if (!model_shares(&model->persons[patient], mark->facility, who->facility))
        fault = "neither link nor consent lets him";
    else if (!model_admits(model, &model->may[entry->node], entry, who))
        fault = "the hospital does not let him";
    else if (mark->count != 1)
        fault = "it is there more than once";
    else if (entry->is_settled && entry->state == MODEL_GONE)
        fault = "it is gone";
    else if (entry->is_settled && entry->state == MODEL_CANCELLED &&
             !(mark->flags & FLAG_CANCELLED))
        fault = "it is cancelled";
    if (fault)
        play_fail(play, "%s is shown hospital %d's entry of day %d of person %d: %s",
                  who->login, mark->facility + 1, (int)mark->day, patient, fault);
}

void judge_calendar(struct play *play, int staff, int patient,
                    const struct browser_reply *reply, struct judge_calendar *calendar)
{
    struct err err = {0};
    struct id opening;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(reply->body), &err);
    if (!document || !json_take_id(json_root(document), "opening", &opening, &err))
        play_fail(play, "a calendar cannot be read");
    struct id_text text = id_to_text(opening);
    snprintf(calendar->opening, sizeof calendar->opening, "%s", text.at);
    read_marks(play, json_root(document), reply->body, calendar);
    for (int i = 0; i < calendar->count; i++)
        check_mark(play, staff, patient, &calendar->marks[i]);
}

/* The value says which version it is; nobody is shown an older one than somebody was. */
void judge_content(struct play *play, struct model_entry *entry, int staff,
                   const struct browser_reply *reply)
{
    const struct world_staff *who = &play->world.staff[staff];
    if (!model_shares(&play->model.persons[entry->patient], entry->node - 1,
                      who->facility))
        play_fail(play, "%s reads what neither link nor consent lets him", who->login);
    if (!model_admits(&play->model, &play->model.may[entry->node], entry, who))
        play_fail(play, "%s reads what the hospital does not let him", who->login);
    if (entry->key.type != HOSPITAL_LABORATORY)
        return;
    for (int i = entry->version_count - 1; i >= 0; i--) {
        char value[32];
        snprintf(value, sizeof value, "\"%d\"", entry->values[i]);
        if (!strstr(reply->body, value))
            continue;
        if (i < entry->seen)
            play_fail(play, "version %d comes after version %d", i, entry->seen);
        if (entry->is_settled && entry->state == MODEL_CURRENT &&
            i != entry->version_count - 1)
            play_fail(play, "version %d where %d is current", i,
                      entry->version_count - 1);
        entry->seen = i;
        return;
    }
    if (entry->state == MODEL_CURRENT)
        play_fail(play, "a content has no value of its entry");
}

/* ---- the audit ---- */

void judge_audit(struct play *play, const char *request)
{
    char needle[64];
    snprintf(needle, sizeof needle, "\"request\":\"%.32s\"", request);
    int rows = disk_count_rows(WORLD_CENTRE, "data/audit/centre/",
                               "\"phase\":\"decision\"", needle);
    if (rows != 1)
        play_fail(play, "a disclosure has %d durable rows of a decision", rows);
}

static void verify_audits(struct play *play)
{
    for (int node = 0; node <= play->world.gateway_count; node++) {
        struct err err = {0};
        uint64_t count = 0;
        struct audit_fault fault;
        char path[DISK_PATH];
        disk_path(node, "data/audit", path);
        if (!audit_verify(path, &count, &fault, &err))
            play_fail(play, "the audit of node %d is broken: %s", node, err.code);
    }
}

/* ---- in step ---- */

struct registry_row {
    int facility;
    char number[16];
    char key[64];
    char version[32];
    int64_t state;
};

static void copy_text(struct store_statement *statement, int at, char *out, size_t size)
{
    struct text text = store_column_view(statement, at);
    snprintf(out, size, "%.*s", (int)text.len, text.len ? (const char *)text.at : "");
}

static int facility_of_text(const struct play *play, const char *hex)
{
    for (int f = 0; f < play->world.facility_count; f++) {
        struct id_text text = id_to_text(play->world.facilities[f].id);
        if (strcmp(text.at, hex) == 0)
            return f;
    }
    return -1;
}

static struct store *visit(struct play *play)
{
    struct err err = {0};
    char path[DISK_PATH];
    disk_path(WORLD_CENTRE, "data/centre.db", path);
    struct store_config config = {path, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_visit(&config, &err);
    if (!store)
        play_fail(play, "the centre's database cannot be visited: %s", err.code);
    return store;
}

static int read_registry(struct play *play, struct registry_row rows[ROWS_MAX])
{
    struct err err = {0};
    int count = 0;
    bool has_row = false;
    struct store *store = visit(play);
    {
        CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
        CLEANUP(store_finish)
        struct store_statement *list =
            session
                ? store_prepare(session,
                                "SELECT record.facility, record.number, "
                                "registry_entry.source_key, registry_entry.version, "
                                "registry_entry.state FROM record "
                                "JOIN registry_record ON registry_record.record = "
                                "record.id JOIN registry_entry ON registry_entry.record "
                                "= registry_record.number WHERE record.state = "
                                "'confirmed' AND registry_entry.state <> ?1",
                                &err)
                : NULL;
        if (!list)
            play_fail(play, "the registry cannot be read: %s", err.code);
        store_bind_int(list, 1, STATE_WITHDRAWN);
        while (store_step(list, &has_row, &err) && has_row && count < ROWS_MAX) {
            struct registry_row *row = &rows[count++];
            char hex[40];
            copy_text(list, 0, hex, sizeof hex);
            copy_text(list, 1, row->number, sizeof row->number);
            copy_text(list, 2, row->key, sizeof row->key);
            copy_text(list, 3, row->version, sizeof row->version);
            row->state = store_column_int(list, 4);
            row->facility = facility_of_text(play, hex);
        }
    }
    store_close(store);
    return count;
}

/* A number, or the text of the one row. */
static int64_t ask_one(struct play *play, const char *sql, struct id id, char *out,
                       size_t size)
{
    struct err err = {0};
    bool has_row = false;
    int64_t number = -1;
    struct store *store = visit(play);
    {
        CLEANUP(store_read_end) struct store_session *session = store_read(store, &err);
        CLEANUP(store_finish)
        struct store_statement *ask = session ? store_prepare(session, sql, &err) : NULL;
        if (ask && out)
            store_bind_id(ask, 1, id);
        if (ask && store_step(ask, &has_row, &err) && has_row && out)
            copy_text(ask, 0, out, size);
        else if (has_row)
            number = store_column_int(ask, 0);
    }
    store_close(store);
    if (!has_row)
        play_fail(play, "the centre's database does not answer: %s", err.code);
    return number;
}

static bool knows_policy(struct play *play, int node)
{
    char policy[1024] = "";
    ask_one(play, "SELECT policy FROM facility WHERE id = ?1",
            play->world.facilities[node - 1].id, policy, sizeof policy);
    return strcmp(policy, play->model.policy_texts[node]) == 0;
}

static void source_key(const struct model_entry *entry, char out[64])
{
    int year, month, day_of_month;
    day_to_date(entry->key.day, &year, &month, &day_of_month);
    snprintf(out, 64, "%04d%02d%02d/%s/%0*d", year, month, day_of_month,
             entry->key.type == HOSPITAL_VISIT ? "ADT-12" : "OML-11", 15,
             entry->key.type == HOSPITAL_VISIT ? 0 : entry->key.key);
    if (entry->key.type == HOSPITAL_VISIT)
        memset(strrchr(out, '/') + 1, '9', 15);
}

static bool is_due(const struct play *play, const struct model_entry *entry)
{
    return entry->state == MODEL_CURRENT &&
           play->model.persons[entry->patient].links[entry->node - 1] == MODEL_LINKED &&
           play->model.persons[entry->patient].is_registered &&
           model_is_published(&play->model.policies[entry->node], entry);
}

static const struct registry_row *find_row(const struct registry_row *rows, int count,
                                           const struct play *play,
                                           const struct model_entry *entry)
{
    char key[64];
    source_key(entry, key);
    for (int i = 0; i < count; i++)
        if (rows[i].facility == entry->node - 1 &&
            strcmp(rows[i].number, play->model.patients[entry->patient].number) == 0 &&
            strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

/* An entry that is not as it ought to be; counts those that are due. */
static int compare_entries(const struct play *play, const struct registry_row *rows,
                           int count, char difference[256])
{
    int due = 0;
    for (int i = 0; i < play->model.entry_count; i++) {
        const struct model_entry *entry = &play->model.entries[i];
        const struct registry_row *row = find_row(rows, count, play, entry);
        char version[32] = "";
        if (is_due(play, entry))
            snprintf(version, sizeof version, "%s1",
                     entry->stamps[entry->version_count - 1]);
        bool is_there = row && row->state == ENTRY_CURRENT;
        due += is_due(play, entry);
        if (is_there == (*version != '\0') &&
            (!is_there || strcmp(row->version, version) == 0))
            continue;
        snprintf(difference, 256, "hospital %d, patient %d, day %d: %s instead of %s",
                 entry->node, entry->patient, (int)entry->key.day,
                 is_there ? row->version : "nothing", *version ? version : "nothing");
    }
    return due;
}

static void compare_links(struct play *play, int links, char difference[256])
{
    int confirmed =
        (int)ask_one(play, "SELECT COUNT(*) FROM record WHERE state = 'confirmed'",
                     (struct id){{0}}, NULL, 0);
    if (confirmed != links)
        snprintf(difference, 256, "%d links instead of %d", confirmed, links);
    for (int node = 1; node <= play->world.gateway_count && !*difference; node++)
        if (!knows_policy(play, node))
            snprintf(difference, 256, "the centre has another policy of node %d", node);
}

/* What stands between the registry and the model; "" when nothing. */
static void compare(struct play *play, char difference[256])
{
    static struct registry_row rows[ROWS_MAX]; /* allowed: large, of one look */
    int count = read_registry(play, rows);
    int links = 0, patients = 0, current = 0;
    difference[0] = '\0';
    for (int p = 0; p < MODEL_PATIENTS; p++)
        for (int f = 0; f < play->world.facility_count; f++) {
            bool is_linked = play->model.persons[p].links[f] == MODEL_LINKED;
            links += is_linked;
            patients += is_linked && play->world.facilities[f].is_hospital;
        }
    int due = compare_entries(play, rows, count, difference);
    for (int i = 0; i < count; i++)
        current += rows[i].state == ENTRY_CURRENT;
    if (!*difference)
        compare_links(play, links, difference);
    if (!*difference && current != due + patients)
        snprintf(difference, 256, "%d entries instead of %d", current, due + patients);
}

/* ---- everybody looks ---- */

static bool has_mark(const struct judge_calendar *calendar,
                     const struct model_entry *entry)
{
    for (int i = 0; i < calendar->count; i++)
        if (calendar->marks[i].facility == entry->node - 1 &&
            calendar->marks[i].type == entry->key.type &&
            calendar->marks[i].day == entry->key.day)
            return true;
    return false;
}

static void check_whole(struct play *play, int staff, int patient)
{
    static struct judge_calendar calendar; /* allowed: large, of one look */
    const struct world_staff *who = &play->world.staff[staff];
    const struct model_person *person = &play->model.persons[patient];
    char line[128];
    calendar.count = 0;
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings", person->id);
    steps_ask_surely(play, staff, line,
                     "{\"from\":\"2026-08-01\",\"to\":\"2026-12-31\"}");
    if (play->reply.status == 201) {
        play->disclosures++;
        judge_audit(play, play->reply.request);
        judge_calendar(play, staff, patient, &play->reply, &calendar);
        snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", calendar.opening);
        browser_ask(&play->browsers[staff], line, ++play->keys, "", &play->other_reply);
    }
    for (int i = 0; i < play->model.entry_count; i++) {
        const struct model_entry *entry = &play->model.entries[i];
        if (entry->patient == patient && entry->state == MODEL_CURRENT &&
            model_shares(person, entry->node - 1, who->facility) &&
            model_admits(&play->model, &play->model.policies[entry->node], entry, who) &&
            !has_mark(&calendar, entry))
            play_fail(play, "%s is not shown hospital %d's entry of day %d of person %d",
                      who->login, entry->node, (int)entry->key.day, patient);
    }
}

void judge_settled(struct play *play)
{
    char difference[256] = "";
    play->is_calm = true;
    play_tell(play, "all calm down");
    faults_end(play);
    int looks = 0;
    do {
        scheduler_sleep_us(SETTLE_LOOK_US);
        compare(play, difference);
    } while (*difference && ++looks < SETTLE_LOOKS);
    if (*difference)
        play_fail(play, "not in step: %s", difference);
    play_tell(play, "in step after %d looks", looks);
    play->settlings++;
    for (int i = 0; i < play->model.entry_count; i++)
        play->model.entries[i].is_settled = true;
    memcpy(play->model.may, play->model.policies, sizeof play->model.may);
    for (int p = 0; p < MODEL_PATIENTS; p++)
        for (int s = 0; s < play->world.staff_count; s++)
            if (play->model.persons[p].is_registered)
                check_whole(play, s, p);
    verify_audits(play);
    play->is_calm = false;
}
