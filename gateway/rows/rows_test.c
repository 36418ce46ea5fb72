// SPDX-License-Identifier: Apache-2.0
/* The reader and its database: what it tells, and every way in which it fails. */
#include "gateway/rows/rows_testsite.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A whole answer, of a script. */
#define ANSWER "printf 'E\\x09\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0' >&0"
#define TABLE "CREATE TABLE SSMIXIDX (" ROWS_COLUMNS ", MORE VARCHAR(10));"
#define ROW(patient, directory, file, time)                                              \
    "INSERT INTO SSMIXIDX VALUES ('STD01', '9911000011', '" patient                      \
    "', '20240501', 'OML-11', '000000000000001', 'INS', '01', '20240501120000000', "     \
    "'" directory "', '" file "', '" time "', 'x');"

struct scene {
    struct rows_testsite site;
    char script[128];
    int64_t ahead_ms;
    struct rows *rows;
    struct rows_row row; /* the last one */
    int count;           /* of the last answer */
};

static const char *server; /* allowed: which database the tests run on */

static int64_t wall_ms(void *self)
{
    struct clock machine = clock_system();
    (void)self;
    return clock_wall_ms(&machine);
}

static int64_t monotonic_ms(void *self)
{
    return ((struct scene *)self)->ahead_ms;
}

static void open_rows(struct scene *scene, const char *program)
{
    struct err err = {0};
    struct rows_config config = {.connection_file = scene->site.connection,
                                 .program = program,
                                 .timeout_s = 20,
                                 .clock = {wall_ms, monotonic_ms, scene}};
    scene->rows = rows_open(&config, &err);
    CHECK(scene->rows);
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){0};
    rows_testsite_begin(&scene->site, server);
    open_rows(scene, getenv("TSUMUGI"));
}

static void end(struct scene *scene)
{
    rows_close(scene->rows);
    rows_testsite_end(&scene->site);
}

/* Waits for the next step; its time stands still, so only what comes ends it. */
static enum rows_step next(struct scene *scene, struct err *err)
{
    enum rows_step step = rows_take(scene->rows, &scene->row, err);
    for (int i = 0; step == ROWS_WAIT && i < 600; i++) {
        struct pollfd ready = {.fd = rows_fd(scene->rows), .events = POLLIN};
        poll(&ready, 1, 100);
        step = rows_take(scene->rows, &scene->row, err);
    }
    return step;
}

/* A whole answer; the code of what failed, or "ok". */
static const char *ask(struct scene *scene, const int64_t *since_s)
{
    struct err err = {0};
    enum rows_step step = ROWS_ROW;
    scene->count = 0;
    if (!rows_ask(scene->rows, since_s, &err)) {
        printf("# %s: %s\n", err.code, err.text);
        return err.code;
    }
    while ((step = next(scene, &err)) == ROWS_ROW)
        scene->count++;
    if (step == ROWS_FAILED)
        printf("# %s: %s\n", err.code, err.text);
    return step == ROWS_END ? "ok" : step == ROWS_FAILED ? err.code : "waits";
}

static bool is(struct scene *scene, const char *expected)
{
    static const int64_t since_s = 0;
    const char *code = ask(scene, &since_s);
    if (strcmp(code, expected) != 0)
        printf("# %s, not %s\n", code, expected);
    return strcmp(code, expected) == 0;
}

/* ---- what is told ---- */

static void rows_are_told_from_a_time_on_in_its_order(void)
{
    struct scene scene;
    struct err err = {0};
    int64_t since_s = 1714525200; /* 2024-05-01 01:00 */
    begin(&scene);
    rows_testsite_do(&scene.site,
                     TABLE ROW("0000012345", "d", "3", "2024-05-01 03:00:00")
                         ROW("0000012345", "d", "0", "2024-05-01 00:59:59")
                             ROW("0000012345", "d", "2", "2024-05-01 02:00:00"));
    CHECK(strcmp(ask(&scene, NULL), "ok") == 0);
    CHECK(scene.row.has_stamp && scene.row.stamp_s == since_s + 7200);
    CHECK(rows_ask(scene.rows, &since_s, &err));
    CHECK(next(&scene, &err) == ROWS_ROW && span_is(scene.row.file, "2"));
    CHECK(scene.row.has_stamp && scene.row.stamp_s == since_s + 3600);
    CHECK(span_is(scene.row.facility, "9911000011"));
    CHECK(span_is(scene.row.patient, "0000012345") && span_is(scene.row.day, "20240501"));
    CHECK(span_is(scene.row.type, "OML-11") && span_is(scene.row.action, "INS"));
    CHECK(span_is(scene.row.key, "000000000000001") && span_is(scene.row.directory, "d"));
    CHECK(next(&scene, &err) == ROWS_ROW && span_is(scene.row.file, "3"));
    CHECK(next(&scene, &err) == ROWS_END);
    CHECK(is(&scene, "ok") && scene.count == 3); /* the same reader goes on */
    end(&scene);
}

static void an_empty_table_has_no_newest_row(void)
{
    struct scene scene;
    begin(&scene);
    rows_testsite_do(&scene.site, TABLE);
    CHECK(strcmp(ask(&scene, NULL), "ok") == 0 && !scene.row.has_stamp);
    CHECK(is(&scene, "ok") && scene.count == 0);
    end(&scene);
}

static void names_are_found_however_they_were_created(void)
{
    static const char *const tables[] = {
        "CREATE TABLE ssmixidx (" ROWS_COLUMNS ")",
        "CREATE TABLE \"SSMIXIDX\" (\"VolumeLabel\" VARCHAR(20), \"FacilityID\" CHAR(10),"
        "\"PatientID\" VARCHAR(15), \"OrderDate\" VARCHAR(8), \"DataKind\" VARCHAR(180),"
        "\"OrderNo\" VARCHAR(22), \"ProcessingType\" VARCHAR(3), \"EnterOrgCD\" "
        "VARCHAR(5), \"TransactionDatetime\" VARCHAR(17), \"OutRelDirectory\" "
        "VARCHAR(260), \"FileName\" VARCHAR(260), \"UpdateDatetime\" TIMESTAMP)",
        "CREATE TABLE \"SSMIXIDX\" (" ROWS_COLUMNS ")"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct scene scene;
        begin(&scene);
        rows_testsite_do(&scene.site, tables[i]);
        CHECK(is(&scene, "ok"));
        end(&scene);
    }
}

static void japanese_and_padding_arrive_as_they_are_meant(void)
{
    struct scene scene;
    struct err err = {0};
    int64_t since_s = 0;
    begin(&scene);
    rows_testsite_do(&scene.site, TABLE
                     "INSERT INTO SSMIXIDX VALUES ('ANX01', '99   ', '0000012345', '-', "
                     "'^（経過）^^11506-3^経過記録^LN', '1', 'DEL', NULL, NULL, NULL, "
                     "'𠮷田', '2024-05-01 00:00:00.123', NULL);");
    CHECK(rows_ask(scene.rows, &since_s, &err) && next(&scene, &err) == ROWS_ROW);
    CHECK(span_is(scene.row.facility, "99") && span_is(scene.row.day, "-"));
    CHECK(span_is(scene.row.type, "^（経過）^^11506-3^経過記録^LN"));
    CHECK(span_is(scene.row.file, "𠮷田") && scene.row.directory.len == 0);
    CHECK(!scene.row.is_too_long);
    end(&scene);
}

static void what_is_too_long_is_said_and_not_cut(void)
{
    struct scene scene;
    struct err err = {0};
    int64_t since_s = 0;
    begin(&scene);
    rows_testsite_do(
        &scene.site,
        "CREATE TABLE SSMIXIDX (VolumeLabel TEXT, FacilityID TEXT, PatientID TEXT, "
        "OrderDate TEXT, DataKind TEXT, OrderNo TEXT, ProcessingType TEXT, EnterOrgCD "
        "TEXT, TransactionDatetime TEXT, OutRelDirectory TEXT, FileName TEXT, "
        "UpdateDatetime TIMESTAMP, MORE TEXT);" ROW(
            "00000123450000012345000001234500000123450000012345000001234500000123450000",
            "d", "f", "2024-05-01 00:00:00"));
    CHECK(rows_ask(scene.rows, &since_s, &err) && next(&scene, &err) == ROWS_ROW);
    CHECK(scene.row.is_too_long && scene.row.patient.len == 0);
    CHECK(span_is(scene.row.directory, "d"));
    end(&scene);
}

/* ---- what is wrong with the database ---- */

static void a_missing_table_has_its_reason_and_may_come(void)
{
    struct scene scene;
    begin(&scene);
    CHECK(is(&scene, "index_database_table"));
    CHECK(strcmp(ask(&scene, NULL), "index_database_table") == 0);
    rows_testsite_do(&scene.site, TABLE);
    CHECK(is(&scene, "ok"));
    end(&scene);
}

static void a_missing_column_is_named(void)
{
    struct scene scene;
    struct err err = {0};
    int64_t since_s = 0;
    begin(&scene);
    rows_testsite_do(&scene.site,
                     "CREATE TABLE SSMIXIDX (VolumeLabel VARCHAR(20), FacilityID "
                     "CHAR(10), PatientID VARCHAR(15), OrderDate VARCHAR(8), DataKind "
                     "VARCHAR(180), ProcessingType VARCHAR(3), OutRelDirectory "
                     "VARCHAR(260), FileName VARCHAR(260), UpdateDatetime TIMESTAMP)");
    CHECK(rows_ask(scene.rows, &since_s, &err) && next(&scene, &err) == ROWS_FAILED);
    CHECK(strcmp(err.code, "index_database_column") == 0 && strstr(err.text, "OrderNo"));
    end(&scene);
}

static void reading_that_is_not_permitted_has_its_reason(void)
{
    struct scene scene;
    char sql[400];
    begin(&scene);
    rows_testsite_do(&scene.site, TABLE);
    snprintf(sql, sizeof sql,
             "CREATE ROLE %s_reader LOGIN; GRANT USAGE ON SCHEMA %s TO %s_reader",
             scene.site.schema, scene.site.schema, scene.site.schema);
    rows_testsite_do(&scene.site, sql);
    snprintf(sql, sizeof sql, "Username=%s_reader;", scene.site.schema);
    char line[900];
    snprintf(line, sizeof line,
             "Driver=TestPostgreSQL;Servername=%s;Database=postgres;Username=%s_reader;"
             "ConnSettings=SET search_path TO %s;\n",
             server, scene.site.schema, scene.site.schema);
    rows_testsite_write(scene.site.connection, line);
    CHECK(is(&scene, "index_database_permission"));
    snprintf(sql, sizeof sql, "GRANT SELECT ON SSMIXIDX TO %s_reader", scene.site.schema);
    rows_testsite_do(&scene.site, sql);
    CHECK(is(&scene, "ok"));
    snprintf(sql, sizeof sql, "DROP OWNED BY %s_reader; DROP ROLE %s_reader",
             scene.site.schema, scene.site.schema);
    rows_close(scene.rows);
    open_rows(&scene, getenv("TSUMUGI"));
    rows_testsite_do(&scene.site, sql);
    end(&scene);
}

static void a_database_that_is_not_there_is_down(void)
{
    struct scene scene;
    begin(&scene);
    rows_testsite_write(scene.site.connection,
                        "Driver=TestPostgreSQL;Servername=/nowhere;Database=x;\n");
    CHECK(is(&scene, "index_database_down"));
    end(&scene);
}

/* This driver has one SQLSTATE for both. */
static void a_login_that_is_refused_is_down(void)
{
    struct scene scene;
    char line[500];
    begin(&scene);
    snprintf(line, sizeof line,
             "Driver=TestPostgreSQL;Servername=%s;Database=postgres;Username=nobody_x;\n",
             server);
    rows_testsite_write(scene.site.connection, line);
    CHECK(is(&scene, "index_database_down"));
    end(&scene);
}

static void a_driver_that_is_not_there_is_said_so(void)
{
    struct scene scene;
    begin(&scene);
    rows_testsite_write(scene.site.connection, "Driver=Unknown;Database=x;\n");
    CHECK(is(&scene, "index_database_driver"));
    rows_testsite_write(scene.site.connection, "Driver=/nowhere/lib.so;Database=x;\n");
    CHECK(is(&scene, "index_database_driver"));
    end(&scene);
}

/* The reader is in the middle of its answer, because nobody takes it. */
static void a_connection_cut_in_the_middle_of_an_answer_is_down(void)
{
    struct scene scene;
    struct err err = {0};
    int64_t since_s = 0;
    begin(&scene);
    rows_testsite_connect(&scene.site, "UseDeclareFetch=1;Fetch=10;");
    rows_testsite_do(&scene.site,
                     TABLE "INSERT INTO SSMIXIDX SELECT 'STD01', '9911000011', "
                           "'0000012345', '20240501', 'OML-11', '1', 'INS', '01', '1', "
                           "repeat('d', 200), repeat('f', 200), timestamp '2024-05-01' + "
                           "n * interval '1 second', 'x' FROM generate_series(1, 20000) "
                           "n;");
    CHECK(rows_ask(scene.rows, &since_s, &err) && next(&scene, &err) == ROWS_ROW);
    rows_testsite_do(&scene.site,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "backend_type = 'client backend' AND query LIKE 'fetch%'");
    enum rows_step step = ROWS_ROW;
    int count = 1;
    while ((step = next(&scene, &err)) == ROWS_ROW)
        count++;
    CHECK(step == ROWS_FAILED && count > 100 && count < 20000);
    CHECK(strcmp(err.code, "index_database_down") == 0);
    CHECK(is(&scene, "ok") && scene.count == 20000);
    end(&scene);
}

/* ---- what is wrong with the reader ---- */

/* Takes what comes over the socket for what it is; a script in its place says the rest.
 */
static void use_script(struct scene *scene, const char *script)
{
    char *path = scene->script;
    CLEANUP(buf_free) struct buf text = buf_init(4096);
    struct err err = {0};
    snprintf(path, sizeof scene->script, "%s/reader", scene->site.folder);
    buf_format(&text, "#!/bin/bash\n%s\nexec sleep 1000\n", script);
    unlink(path);
    CHECK(path_write_file(path, buf_view(&text), &err) && chmod(path, 0700) == 0);
    rows_close(scene->rows);
    open_rows(scene, path);
}

static void one_that_never_answers_is_ended_and_another_is_started(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    use_script(&scene, "");
    CHECK(rows_ask(scene.rows, NULL, &err));
    CHECK(!rows_has_news(scene.rows));
    scene.ahead_ms += 24000;
    CHECK(rows_take(scene.rows, &scene.row, &err) == ROWS_WAIT);
    scene.ahead_ms += 2000;
    CHECK(rows_has_news(scene.rows));
    CHECK(rows_take(scene.rows, &scene.row, &err) == ROWS_FAILED);
    CHECK(strcmp(err.code, "index_database_silent") == 0);
    CHECK(rows_fd(scene.rows) < 0);
    end(&scene);
}

static void a_server_that_accepts_and_never_answers_holds_nobody(void)
{
    struct scene scene;
    struct err err = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[300];
    begin(&scene);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432",
             scene.site.folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
          listen(listener, 5) == 0);
    snprintf(line, sizeof line, "Driver=TestPostgreSQL;Servername=%s;Database=x;\n",
             scene.site.folder);
    rows_testsite_write(scene.site.connection, line);
    CHECK(rows_ask(scene.rows, NULL, &err));
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC); /* the driver is waiting */
    CHECK(peer >= 0 && rows_take(scene.rows, &scene.row, &err) == ROWS_WAIT);
    scene.ahead_ms += 26000;
    CHECK(rows_take(scene.rows, &scene.row, &err) == ROWS_FAILED);
    CHECK(strcmp(err.code, "index_database_silent") == 0);
    struct pollfd ended = {.fd = peer, .events = POLLIN};
    char byte[512];
    while (poll(&ended, 1, 30000) == 1 && read(peer, byte, sizeof byte) > 0)
        ;
    CHECK(ended.revents != 0); /* the reader is gone, and its connection with it */
    close(peer);
    close(listener);
    end(&scene);
}

static void answers_that_make_no_sense_end_the_reader(void)
{
    static const struct {
        const char *script;
        const char *code;
    } cases[] = {
        {"exit 0", "index_database_ended"},
        {"kill -SEGV $$", "index_database_ended"},
        {"printf 'R' >&0; exit", "index_database_ended"},
        {"printf 'GET / HTTP/1.1' >&0", "index_database_garbled"},
        {"printf 'R\\xff\\xff\\xff\\x7f' >&0", "index_database_garbled"},
        {"printf 'R\\x02\\0\\0\\0xx' >&0", "index_database_garbled"},
        {"printf 'R\\x0b\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0\\x05\\0' >&0",
         "index_database_garbled"},
        {"printf 'E\\x0a\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0x' >&0",
         "index_database_garbled"},
        {"printf 'X\\x09\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0' >&0",
         "index_database_garbled"},
        {"printf 'F\\x07\\0\\0\\0\\xee\\0HY000' >&0", "index_database_garbled"},
        {"printf 'F\\x07\\0\\0\\0\\0\\0HY0%%0' >&0", "index_database_garbled"},
        {"printf 'F\\x07\\0\\0\\0\\x05\\xeeHY000' >&0", "index_database_column"},
    };
    struct scene scene;
    begin(&scene);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        use_script(&scene, cases[i].script);
        CHECK(is(&scene, cases[i].code));
        CHECK(rows_fd(scene.rows) < 0);
    }
    end(&scene);
}

static void one_that_cannot_be_started_is_said_so(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    rows_close(scene.rows);
    open_rows(&scene, "/nowhere/tsumugi");
    CHECK(!rows_ask(scene.rows, NULL, &err));
    CHECK(strcmp(err.code, "index_database_reader") == 0);
    end(&scene);
}

static void nothing_of_ours_is_open_in_the_reader(void)
{
    struct scene scene;
    struct err err = {0};
    int ours = open("/etc/hostname", O_RDONLY); /* without O_CLOEXEC */
    begin(&scene);
    use_script(&scene,
               "cd /proc/$$/fd; for fd in *; do [[ -e $fd && $fd -gt 2 && $fd -ne "
               "255 ]] && printf 'F\\x07\\0\\0\\0\\0\\0HY000' >&0; done; " ANSWER);
    CHECK(rows_ask(scene.rows, NULL, &err));
    CHECK(next(&scene, &err) == ROWS_END);
    close(ours);
    end(&scene);
}

/* ---- the connection string ---- */

static void a_connection_string_that_others_may_read_is_refused(void)
{
    static const struct {
        const char *text;
        mode_t mode;
        bool is_fine;
    } cases[] = {
        {"Driver=x;\n", 0600, true},
        {"Driver=x;", 0640, true},
        {"Driver=x;\n", 0644, false},
        {"Driver=x;\n", 0620, false},
        {"Driver=x;\n", 0604, false},
        {"", 0600, false},
        {"\n", 0600, false},
        {"Driver=x;\nPWD=y\n", 0600, false},
        {"Driver=\x01;\n", 0600, false},
        {"Driver=日;\n", 0600, false},
    };
    struct scene scene;
    struct err err = {0};
    char line[1300];
    begin(&scene);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err = (struct err){0};
        rows_testsite_write(scene.site.connection, cases[i].text);
        CHECK(chmod(scene.site.connection, cases[i].mode) == 0);
        CHECK(rows_check_secret(scene.site.connection, &err) == cases[i].is_fine);
        CHECK(cases[i].is_fine || strcmp(err.code, "index_database_secret") == 0);
    }
    memset(line, 'x', sizeof line);
    line[1025] = '\0';
    rows_testsite_write(scene.site.connection, line);
    err = (struct err){0};
    CHECK(!rows_check_secret(scene.site.connection, &err));
    rows_testsite_write(scene.site.connection, line + 1);
    err = (struct err){0};
    CHECK(rows_check_secret(scene.site.connection, &err));
    CHECK(!rows_check_secret("/nowhere", &err));
    err = (struct err){0};
    CHECK(!rows_check_secret(scene.site.folder, &err));
    end(&scene);
}

static void the_password_is_in_no_argument_and_no_environment(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    rows_testsite_write(scene.site.connection, "Driver=x;PWD=very_secret;\n");
    use_script(&scene, "cat /proc/$$/cmdline /proc/$$/environ | grep -q very_secret && "
                       "printf 'F\\x07\\0\\0\\0\\0\\0HY000' >&0; " ANSWER);
    CHECK(rows_ask(scene.rows, NULL, &err));
    CHECK(next(&scene, &err) == ROWS_END);
    end(&scene);
}

static void on_any_database(void)
{
    RUN(rows_are_told_from_a_time_on_in_its_order);
    RUN(an_empty_table_has_no_newest_row);
    RUN(names_are_found_however_they_were_created);
    RUN(japanese_and_padding_arrive_as_they_are_meant);
    RUN(what_is_too_long_is_said_and_not_cut);
    RUN(a_missing_table_has_its_reason_and_may_come);
    RUN(a_missing_column_is_named);
}

static void on_a_server(void)
{
    RUN(reading_that_is_not_permitted_has_its_reason);
    RUN(a_login_that_is_refused_is_down);
    RUN(a_connection_cut_in_the_middle_of_an_answer_is_down);
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("reader", "TSUMUGI does not name the program");
        return test_done();
    }
    on_any_database();
    RUN(a_database_that_is_not_there_is_down);
    RUN(a_driver_that_is_not_there_is_said_so);
    RUN(one_that_never_answers_is_ended_and_another_is_started);
    RUN(a_server_that_accepts_and_never_answers_holds_nobody);
    RUN(answers_that_make_no_sense_end_the_reader);
    RUN(one_that_cannot_be_started_is_said_so);
    RUN(nothing_of_ours_is_open_in_the_reader);
    RUN(a_connection_string_that_others_may_read_is_refused);
    RUN(the_password_is_in_no_argument_and_no_environment);
    server = getenv("TSUMUGI_TEST_POSTGRES");
    if (server) {
        on_any_database();
        on_a_server();
    } else {
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
    }
    return test_done();
}
