// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_audit.h"
#include "test/story/story_hospital.h"

#include <signal.h>
#include <sys/resource.h>

/* Calendars opened at the same time, beyond a session's share, and when the audit cannot
 * be written. */

enum { AT_ONCE = 40, ANSWER_BYTES = 70000 };

struct scene {
    struct hospital *hospital;
    struct browser clinic;
    char line[256]; /* "POST …/calendar-openings" */
};

static struct scene scene_new(void)
{
    char person[128];
    struct scene scene = {.hospital = hospital_new()};
    scene.clinic = enter(scene.hospital->world, "clinic");
    struct reply reply = go(&scene.clinic, "POST /api/v1/persons", registration);
    CHECK(reply.status == 201);
    snprintf(scene.line, sizeof scene.line, "POST /api/v1/persons/%s/calendar-openings",
             member(&reply, "id", person));
    return scene;
}

/* ---- rows of the audit ---- */

struct rows {
    const char *with[4]; /* parts that a row must have; NULL ends them */
    int count;
};

static bool count_row(void *context, uint64_t number, struct span json, struct err *err)
{
    struct rows *rows = context;
    (void)number;
    (void)err;
    bool is_one = true;
    for (size_t i = 0; i < 4 && rows->with[i]; i++)
        is_one =
            is_one && memmem(json.at, json.len, rows->with[i], strlen(rows->with[i]));
    rows->count += is_one;
    return true;
}

static int rows_with(struct scene *scene, const char *a, const char *b, const char *c)
{
    struct rows rows = {{a, b, c, NULL}, 0};
    struct err err = {0};
    char directory[128];
    in_world(scene->hospital->world, "audit", directory);
    bool is_read = audit_walk(directory, "centre", 1, count_row, &rows, &err);
    return is_read ? rows.count : -1;
}

/* ---- stories ---- */

static void request_id_of(const char *answer, char part[64])
{
    const char *at = strstr(answer, "\r\nx-request-id: ");
    CHECK(at != NULL);
    snprintf(part, 64, "\"request\":\"%.32s\"", at ? at + 16 : "");
}

/* All asked before the first answer is read. */
static void openings_at_once_have_a_row_each_before_their_answer(void)
{
    struct scene scene = scene_new();
    uint16_t port = http_server_port(scene.hospital->world->server);
    int fds[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        CLEANUP(buf_free) struct buf out = buf_init(65536);
        write_request(&scene.clinic, &out, scene.line, ++scene.clinic.keys, autumn);
        fds[i] = dial(port);
        CHECK(send(fds[i], out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        static char answer[ANSWER_BYTES];
        char part[64];
        receive_all(fds[i], answer, sizeof answer);
        close(fds[i]);
        CHECK(strncmp(answer, "HTTP/1.1 201 ", 13) == 0);
        request_id_of(answer, part);
        CHECK(rows_with(&scene, part, "\"phase\":\"decision\"",
                        "\"verdict\":\"permit\"") == 1);
    }
    CHECK(rows_with(&scene, "\"event\":\"calendar\"", "\"phase\":\"finish\"", NULL) == 0);
    hospital_free(scene.hospital);
}

static void beyond_a_sessions_share_the_oldest_ends_with_a_row(void)
{
    struct scene scene = scene_new();
    char first[128];
    struct reply reply = go(&scene.clinic, scene.line, autumn);
    CHECK(reply.status == 201);
    member(&reply, "opening", first);
    for (int i = 1; i < OPENING_PER_SESSION_MAX + 2; i++)
        CHECK(go(&scene.clinic, scene.line, autumn).status == 201);
    CHECK_SOON(rows_with(&scene, "\"phase\":\"finish\"", "\"reason\":\"superseded\"",
                         NULL) == 2);
    char line[256];
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", first);
    CHECK(go(&scene.clinic, line, "").status == 404);
    hospital_free(scene.hospital);
}

static void what_is_used_is_not_the_one_that_ends(void)
{
    struct scene scene = scene_new();
    char first[128];
    char second[128];
    char line[256];
    struct reply reply = go(&scene.clinic, scene.line, autumn);
    member(&reply, "opening", first);
    reply = go(&scene.clinic, scene.line, autumn);
    member(&reply, "opening", second);
    for (int i = 2; i < OPENING_PER_SESSION_MAX; i++)
        CHECK(go(&scene.clinic, scene.line, autumn).status == 201);
    snprintf(line, sizeof line,
             "GET /api/v1/openings/%s/calendar?from=2025-09-01&to=2025-09-02", first);
    CHECK(go(&scene.clinic, line, "").status == 200);
    CHECK(go(&scene.clinic, scene.line, autumn).status == 201); /* one too many */
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", second);
    CHECK(go(&scene.clinic, line, "").status == 404);
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", first);
    CHECK(go(&scene.clinic, line, "").status == 204);
    hospital_free(scene.hospital);
}

static void without_its_row_no_calendar_is_opened(void)
{
    struct scene scene = scene_new();
    CHECK(go(&scene.clinic, scene.line, autumn).status == 201);
    struct rlimit before;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit full = {(rlim_t)audit_bytes(scene.hospital->world), before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0);
    struct reply reply = go(&scene.clinic, scene.line, autumn);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"audit_unwritable\""));
    CHECK(!has(&reply, "\"marks\""));
    CHECK(go(&scene.clinic, scene.line, autumn).status == 201);
    CHECK(rows_with(&scene, "\"event\":\"calendar\"", "\"phase\":\"decision\"", NULL) ==
          2);
    hospital_free(scene.hospital);
}

static void what_goes_on_paper_has_rows_of_its_own_before_the_answer(void)
{
    struct scene scene = scene_new();
    struct reply opened = go(&scene.clinic, scene.line, autumn);
    char handle[128], line[256], request[128];
    CHECK(opened.status == 201);
    snprintf(line, sizeof line, "POST /api/v1/openings/%s/prints",
             member(&opened, "opening", handle));
    struct reply printed = go(&scene.clinic, line, "");
    CHECK(printed.status == 201 && has(&printed, "\"staff\":\""));
    member(&printed, "request", request);
    CHECK(rows_with(&scene, "\"event\":\"print\"", "\"phase\":\"decision\"", request) ==
          1);
    CHECK(rows_with(&scene, "\"event\":\"print\"", "\"phase\":\"finish\"", request) == 1);
    /* another login has no such opening, and leaves no row of a print */
    struct browser other = enter(scene.hospital->world, "clinic");
    CHECK(go(&other, line, "").status == 404);
    CHECK(rows_with(&scene, "\"event\":\"print\"", NULL, NULL) == 2);
    hospital_free(scene.hospital);
}

/* ---- what an opening costs ---- */

#define VERSION_1 "202610010900000001"

static int64_t count_sheets(const struct world *world, const char *sql)
{
    struct err err = {0};
    bool has_row = false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(world->store, &err);
    CLEANUP(store_finish)
    struct store_statement *count = session ? store_prepare(session, sql, &err) : NULL;
    return count && store_step(count, &has_row, &err) && has_row
               ? store_column_int(count, 0)
               : -1;
}

/* Threads beside it ask, too, now and then, so the least of several tells. */
static void least_of_openings(struct scene *scene, uint64_t *statements, uint64_t *waits)
{
    *statements = *waits = UINT64_MAX;
    for (int i = 0; i < 12; i++) {
        struct store_meters before = store_read_meters(scene->hospital->world->store);
        CHECK(go(&scene->clinic, scene->line, autumn).status == 201);
        struct store_meters after = store_read_meters(scene->hospital->world->store);
        if (after.statements - before.statements < *statements)
            *statements = after.statements - before.statements;
        if (after.waits - before.waits < *waits)
            *waits = after.waits - before.waits;
    }
}

/* One hospital's data: with the session, the facts, the last look and the calendar.
 * Before questions left together, and before what is bound to the epoch was kept, it was
 * 27 statements and 30 waits. */
static void an_opening_asks_little_and_waits_less(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    uint64_t statements = 0;
    uint64_t waits = 0;
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    say_in_step(hospital);
    CHECK(has_stored(hospital, 2));
    CHECK_SOON(count_sheets(hospital->world,
                            "SELECT count(*) FROM registry_sheet WHERE marks IS NOT "
                            "NULL") == 1);
    least_of_openings(&scene, &statements, &waits);
    printf("# %llu statements, %llu waits\n", (unsigned long long)statements,
           (unsigned long long)waits);
    CHECK(statements <= 9);
    if (store_testsite_is_postgres())
        CHECK(waits > 0 && waits <= 3);
    else
        CHECK(waits == 0);
    hospital_free(hospital);
}

static bool unmake_sheets(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *remove =
        store_prepare(session, "DELETE FROM registry_sheet", err);
    CLEANUP(store_finish)
    struct store_statement *begin =
        store_prepare(session, "UPDATE registry_sheet_walk SET record = 0, day = 0", err);
    return begin && store_run(remove, err) && store_run(begin, err);
}

/* As an upgrade leaves it; the server makes them by itself. */
static void a_calendar_whose_sheets_are_not_made_is_read_from_its_rows(void)
{
    static const char made[] = "SELECT count(*) FROM registry_sheet, registry_sheet_walk "
                               "WHERE marks IS NOT NULL AND record > 1000";
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct err err = {0};
    has_key(hospital, "1/OML-11/A", VERSION_1);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    say_in_step(hospital);
    CHECK(has_stored(hospital, 2));
    CHECK_SOON(count_sheets(hospital->world, made) == 1);
    good(store_write(hospital->world->store, STORE_LIVE, unmake_sheets, NULL, &err),
         &err);
    struct reply reply = go(&scene.clinic, scene.line, autumn);
    CHECK(reply.status == 201 && has(&reply, "血算"));
    CHECK_SOON(count_sheets(hospital->world, made) == 1);
    reply = go(&scene.clinic, scene.line, autumn);
    CHECK(reply.status == 201 && has(&reply, "血算"));
    hospital_free(hospital);
}

int main(void)
{
    CHECK(secret_start(&(struct err){0}));
    RUN(openings_at_once_have_a_row_each_before_their_answer);
    RUN(beyond_a_sessions_share_the_oldest_ends_with_a_row);
    RUN(what_is_used_is_not_the_one_that_ends);
    RUN(without_its_row_no_calendar_is_opened);
    RUN(what_goes_on_paper_has_rows_of_its_own_before_the_answer);
    RUN(an_opening_asks_little_and_waits_less);
    RUN(a_calendar_whose_sheets_are_not_made_is_read_from_its_rows);
    return test_done();
}
