// SPDX-License-Identifier: Apache-2.0
#include "gateway/rows/rows_driver.h"

#include <sql.h>
#include <sqlext.h>
#include <string.h>
#include <strings.h>

#include "base/day.h"
#include "base/memory.h"
#include "base/text.h"

enum { TEXT_UNITS_MAX = 512, DAY_S = 86400, STAMP_CHARACTERS = 19 };

const char *const rows_columns[ROWS_TEXTS + 1] = {
    "FacilityID",     "PatientID",       "OrderDate", "DataKind",      "OrderNo",
    "ProcessingType", "OutRelDirectory", "FileName",  "UpdateDatetime"};

/* In UTF-16 units, each more than its column may have by the guideline. */
static const uint16_t text_units[ROWS_TEXTS] = {32, 32, 16, 255, 64, 8, 512, 260};

/* A name that was created without quotes is found without them, whatever the system makes
 * of its letters; one created with them, only with them. Columns stand behind the table's
 * short name, since some take a quoted name that they do not know for a text. */
#define FIRST(q) "i." q "FacilityID" q ", i." q "PatientID" q ", i." q "OrderDate" q
#define SECOND(q) ", i." q "DataKind" q ", i." q "OrderNo" q ", i." q "ProcessingType" q
#define THIRD(q) ", i." q "OutRelDirectory" q ", i." q "FileName" q
#define TIME(q) "i." q "UpdateDatetime" q
#define NEWEST(table, q) "SELECT MAX(" TIME(q) ") FROM " table " i"
#define SELECT_ALL(q) "SELECT " FIRST(q) SECOND(q) THIRD(q) ", " TIME(q)
#define BEHIND(q) " i WHERE " TIME(q) " >= ? ORDER BY " TIME(q)
#define SINCE(table, q) SELECT_ALL(q) " FROM " table BEHIND(q)
static const struct spelling {
    const char *newest;
    const char *since;
} spellings[] = {
    {NEWEST("SSMIXIDX", ""), SINCE("SSMIXIDX", "")},
    {NEWEST("\"SSMIXIDX\"", "\""), SINCE("\"SSMIXIDX\"", "\"")},
    {NEWEST("ssmixidx", ""), SINCE("ssmixidx", "")},
    {NEWEST("\"SSMIXIDX\"", ""), SINCE("\"SSMIXIDX\"", "")},
    {NEWEST("SSMIXIDX", "\""), SINCE("SSMIXIDX", "\"")},
};
enum { SPELLINGS = sizeof spellings / sizeof *spellings };

/* To say what is missing. */
static const char *const probes[] = {"SELECT * FROM SSMIXIDX WHERE 1 = 0",
                                     "SELECT * FROM \"SSMIXIDX\" WHERE 1 = 0",
                                     "SELECT * FROM ssmixidx WHERE 1 = 0"};

struct rows_driver {
    SQLHENV environment;
    SQLHDBC connection;
    SQLHSTMT statement;
    bool is_connected;
    int query_s;
    int spelling; /* that was understood; -1 = none yet */
    SQL_TIMESTAMP_STRUCT since;
    SQLLEN since_len; /* some drivers look at it though it has a fixed size */
    SQL_TIMESTAMP_STRUCT stamp;
    SQLLEN stamp_len;
    SQLWCHAR texts[ROWS_TEXTS][TEXT_UNITS_MAX + 1];
    SQLLEN lens[ROWS_TEXTS];
};

/* ---- what went wrong ---- */

struct diagnosis {
    const char *state; /* SQLSTATE, or how it begins */
    enum rows_fault fault;
};
static const struct diagnosis diagnoses[] = {
    {"IM", ROWS_NO_DRIVER},     {"01000", ROWS_NO_DRIVER}, {"08", ROWS_DOWN},
    {"28", ROWS_LOGIN},         {"42S22", ROWS_NO_COLUMN}, {"42703", ROWS_NO_COLUMN},
    {"42501", ROWS_PERMISSION}, {"42S02", ROWS_NO_TABLE},  {"42P01", ROWS_NO_TABLE},
    {"HYT", ROWS_TIMEOUT},      {"57014", ROWS_TIMEOUT},   {"57P", ROWS_DOWN},
};

static enum rows_fault diagnose(const char *state)
{
    for (size_t i = 0; i < sizeof diagnoses / sizeof *diagnoses; i++)
        if (strncmp(state, diagnoses[i].state, strlen(diagnoses[i].state)) == 0)
            return diagnoses[i].fault;
    return ROWS_OTHER;
}

static void keep_state(const SQLCHAR state[6], char out[6])
{
    for (int i = 0; i < 5; i++) {
        bool is_fine =
            (state[i] >= '0' && state[i] <= '9') || (state[i] >= 'A' && state[i] <= 'Z');
        out[i] = (char)(is_fine ? state[i] : '?');
    }
    out[5] = '\0';
}

/* Its text is not looked at: it may quote what a row holds. Permission is what SQL Server
 * says only by its number; a broken connection is what some drivers say only in the
 * connection's own attribute. */
static bool note_trouble(struct rows_driver *driver, SQLSMALLINT kind, SQLHANDLE handle,
                         struct rows_trouble *trouble)
{
    enum { SQL_SERVER_DENIES_OBJECT = 229, SQL_SERVER_DENIES_COLUMN = 230 };
    SQLCHAR state[6] = "HY000", text[256];
    SQLINTEGER native = 0;
    SQLSMALLINT len = 0;
    SQLUINTEGER is_dead = SQL_CD_FALSE;
    *trouble = (struct rows_trouble){.column = -1};
    (void)SQLGetDiagRec(kind, handle, 1, state, &native, text, sizeof text, &len);
    keep_state(state, trouble->state);
    trouble->fault = diagnose(trouble->state);
    if (native == SQL_SERVER_DENIES_OBJECT || native == SQL_SERVER_DENIES_COLUMN)
        trouble->fault = ROWS_PERMISSION;
    if (driver->is_connected && trouble->fault == ROWS_OTHER &&
        SQL_SUCCEEDED(SQLGetConnectAttr(driver->connection, SQL_ATTR_CONNECTION_DEAD,
                                        &is_dead, 0, NULL)) &&
        is_dead == SQL_CD_TRUE)
        trouble->fault = ROWS_DOWN;
    return false;
}

/* ---- connecting ---- */

static SQLPOINTER number(int value)
{
    return (SQLPOINTER)(uintptr_t)value; /* so ODBC takes its attributes */
}

static void set_limits(struct rows_driver *driver, const struct rows_limits *limits)
{
    /* Drivers may know none of these; the gateway's own patience is what counts. */
    (void)SQLSetConnectAttr(driver->connection, SQL_ATTR_LOGIN_TIMEOUT,
                            number(limits->login_s), SQL_IS_UINTEGER);
    (void)SQLSetConnectAttr(driver->connection, SQL_ATTR_CONNECTION_TIMEOUT,
                            number(limits->query_s), SQL_IS_UINTEGER);
    (void)SQLSetConnectAttr(driver->connection, SQL_ATTR_ACCESS_MODE,
                            number(SQL_MODE_READ_ONLY), SQL_IS_UINTEGER);
    driver->query_s = limits->query_s;
}

static bool connect_to(struct rows_driver *driver, const char *connection,
                       const struct rows_limits *limits, struct rows_trouble *trouble)
{
    SQLCHAR line[ROWS_CONNECTION_MAX + 1];
    size_t len = strlen(connection);
    if (len > ROWS_CONNECTION_MAX ||
        !SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &driver->environment)) ||
        !SQL_SUCCEEDED(SQLSetEnvAttr(driver->environment, SQL_ATTR_ODBC_VERSION,
                                     number(SQL_OV_ODBC3), 0)) ||
        !SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_DBC, driver->environment, &driver->connection))) {
        *trouble = (struct rows_trouble){ROWS_NO_DRIVER, -1, "HY001"};
        return false;
    }
    set_limits(driver, limits);
    memcpy(line, connection, len + 1);
    driver->is_connected =
        SQL_SUCCEEDED(SQLDriverConnect(driver->connection, NULL, line, (SQLSMALLINT)len,
                                       NULL, 0, NULL, SQL_DRIVER_NOPROMPT));
    return driver->is_connected ||
           note_trouble(driver, SQL_HANDLE_DBC, driver->connection, trouble);
}

struct rows_driver *rows_driver_open(const char *connection,
                                     const struct rows_limits *limits,
                                     struct rows_trouble *trouble)
{
    struct err err = {0};
    struct rows_driver *driver = memory_new(1, sizeof *driver, &err);
    if (!driver) {
        *trouble = (struct rows_trouble){ROWS_OTHER, -1, "HY001"};
        return NULL;
    }
    driver->spelling = -1;
    if (!connect_to(driver, connection, limits, trouble))
        rows_driver_close(&driver);
    return driver;
}

static void end_statement(struct rows_driver *driver)
{
    if (driver->statement)
        (void)SQLFreeHandle(SQL_HANDLE_STMT, driver->statement);
    driver->statement = SQL_NULL_HSTMT;
}

void rows_driver_close(struct rows_driver **driver)
{
    struct rows_driver *self = *driver;
    *driver = NULL;
    if (!self)
        return;
    end_statement(self);
    if (self->is_connected)
        (void)SQLDisconnect(self->connection);
    if (self->connection)
        (void)SQLFreeHandle(SQL_HANDLE_DBC, self->connection);
    if (self->environment)
        (void)SQLFreeHandle(SQL_HANDLE_ENV, self->environment);
    memory_free(self);
}

/* ---- asking ---- */

static bool bind_since(struct rows_driver *driver)
{
    return SQL_SUCCEEDED(SQLBindParameter(
        driver->statement, 1, SQL_PARAM_INPUT, SQL_C_TYPE_TIMESTAMP, SQL_TYPE_TIMESTAMP,
        STAMP_CHARACTERS, 0, &driver->since, sizeof driver->since, &driver->since_len));
}

static bool run(struct rows_driver *driver, const char *sql, bool has_since,
                struct rows_trouble *trouble)
{
    SQLCHAR text[1024];
    size_t len = strlen(sql);
    end_statement(driver);
    if (!SQL_SUCCEEDED(
            SQLAllocHandle(SQL_HANDLE_STMT, driver->connection, &driver->statement)))
        return note_trouble(driver, SQL_HANDLE_DBC, driver->connection, trouble);
    (void)SQLSetStmtAttr(driver->statement, SQL_ATTR_QUERY_TIMEOUT,
                         number(driver->query_s), SQL_IS_UINTEGER);
    memcpy(text, sql, len + 1); /* all of ours are shorter */
    return (!has_since || bind_since(driver)) &&
           (SQL_SUCCEEDED(SQLExecDirect(driver->statement, text, (SQLINTEGER)len)) ||
            note_trouble(driver, SQL_HANDLE_STMT, driver->statement, trouble));
}

/* The column that the open statement's result lacks; -1 = none. */
static int missing_column(struct rows_driver *driver)
{
    SQLSMALLINT count = 0;
    bool is_there[ROWS_TEXTS + 1] = {false};
    (void)SQLNumResultCols(driver->statement, &count);
    for (SQLSMALLINT i = 1; i <= count; i++) {
        SQLCHAR name[128] = "";
        SQLSMALLINT len = 0, type = 0, digits = 0, nullable = 0;
        SQLULEN size = 0;
        if (!SQL_SUCCEEDED(SQLDescribeCol(driver->statement, (SQLUSMALLINT)i, name,
                                          sizeof name, &len, &type, &size, &digits,
                                          &nullable)))
            continue;
        for (int k = 0; k <= ROWS_TEXTS; k++)
            is_there[k] |= strcasecmp((const char *)name, rows_columns[k]) == 0;
    }
    for (int k = 0; k <= ROWS_TEXTS; k++)
        if (!is_there[k])
            return k;
    return -1;
}

/* No spelling was understood: which table or column is it? `trouble` is what the first
 * of them was told, and stays when it is no question of names. */
static bool explain(struct rows_driver *driver, struct rows_trouble *trouble)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        struct rows_trouble other;
        if (!run(driver, probes[i], false, &other)) {
            if (other.fault == ROWS_DOWN || other.fault == ROWS_PERMISSION)
                *trouble = other;
            continue;
        }
        int column = missing_column(driver);
        if (column >= 0)
            *trouble = (struct rows_trouble){ROWS_NO_COLUMN, column, "42S22"};
        return false;
    }
    if (trouble->fault == ROWS_OTHER || trouble->fault == ROWS_NO_COLUMN)
        trouble->fault = ROWS_NO_TABLE;
    return false;
}

static bool is_about_names(enum rows_fault fault)
{
    return fault == ROWS_NO_TABLE || fault == ROWS_NO_COLUMN || fault == ROWS_OTHER;
}

static const char *statement_of(int spelling, bool has_since)
{
    return has_since ? spellings[spelling].since : spellings[spelling].newest;
}

/* With the spelling that was understood before, or the first one that is. */
static bool ask(struct rows_driver *driver, bool has_since, struct rows_trouble *trouble)
{
    struct rows_trouble first = {0};
    if (driver->spelling >= 0)
        return run(driver, statement_of(driver->spelling, has_since), has_since,
                   trouble) ||
               (is_about_names(trouble->fault) && explain(driver, trouble));
    for (int i = 0; i < SPELLINGS; i++) {
        if (run(driver, statement_of(i, has_since), has_since, trouble)) {
            driver->spelling = i;
            return true;
        }
        if (!is_about_names(trouble->fault))
            return false;
        first = i == 0 ? *trouble : first;
    }
    *trouble = first;
    return explain(driver, trouble);
}

/* ---- results ---- */

static bool read_stamp(const struct rows_driver *driver, int64_t *stamp_s)
{
    const SQL_TIMESTAMP_STRUCT *at = &driver->stamp;
    int32_t day = driver->stamp_len == SQL_NULL_DATA
                      ? DAY_NONE
                      : day_from_date(at->year, at->month, at->day);
    bool is_fine = day != DAY_NONE && at->hour < 24 && at->minute < 60 && at->second < 62;
    *stamp_s = is_fine
                   ? (int64_t)day * DAY_S + at->hour * 3600 + at->minute * 60 + at->second
                   : 0;
    return is_fine;
}

static void set_since(struct rows_driver *driver, int64_t since_s)
{
    int year = 0, month = 0, day_of_month = 0;
    int64_t least_s = (int64_t)day_from_date(1900, 1, 1) * DAY_S;
    int64_t most_s = (int64_t)day_from_date(2200, 1, 1) * DAY_S;
    int64_t clamped_s = since_s < least_s ? least_s : since_s;
    clamped_s = clamped_s > most_s ? most_s : clamped_s;
    int64_t day = (clamped_s - ((clamped_s % DAY_S + DAY_S) % DAY_S)) / DAY_S;
    int64_t rest_s = clamped_s - day * DAY_S;
    day_to_date((int32_t)day, &year, &month, &day_of_month);
    driver->since_len = sizeof driver->since;
    driver->since = (SQL_TIMESTAMP_STRUCT){.year = (SQLSMALLINT)year,
                                           .month = (SQLUSMALLINT)month,
                                           .day = (SQLUSMALLINT)day_of_month,
                                           .hour = (SQLUSMALLINT)(rest_s / 3600),
                                           .minute = (SQLUSMALLINT)(rest_s / 60 % 60),
                                           .second = (SQLUSMALLINT)(rest_s % 60)};
}

static bool fetch(struct rows_driver *driver, bool *has_row, struct rows_trouble *trouble)
{
    SQLRETURN result = SQLFetch(driver->statement);
    *has_row = SQL_SUCCEEDED(result);
    return *has_row || result == SQL_NO_DATA ||
           note_trouble(driver, SQL_HANDLE_STMT, driver->statement, trouble);
}

static bool bind_stamp(struct rows_driver *driver, SQLUSMALLINT column)
{
    return SQL_SUCCEEDED(SQLBindCol(driver->statement, column, SQL_C_TYPE_TIMESTAMP,
                                    &driver->stamp, sizeof driver->stamp,
                                    &driver->stamp_len));
}

bool rows_driver_newest(struct rows_driver *driver, bool *has_stamp, int64_t *stamp_s,
                        struct rows_trouble *trouble)
{
    bool has_row = false;
    if (!ask(driver, false, trouble))
        return false;
    if (!bind_stamp(driver, 1) || !fetch(driver, &has_row, trouble))
        return note_trouble(driver, SQL_HANDLE_STMT, driver->statement, trouble);
    *has_stamp = has_row && read_stamp(driver, stamp_s);
    end_statement(driver);
    return true;
}

bool rows_driver_since(struct rows_driver *driver, int64_t since_s,
                       struct rows_trouble *trouble)
{
    set_since(driver, since_s);
    if (!ask(driver, true, trouble))
        return false;
    bool is_bound = bind_stamp(driver, ROWS_TEXTS + 1);
    for (SQLUSMALLINT i = 0; i < ROWS_TEXTS; i++)
        is_bound =
            is_bound &&
            SQL_SUCCEEDED(SQLBindCol(
                driver->statement, (SQLUSMALLINT)(i + 1), SQL_C_WCHAR, driver->texts[i],
                (SQLLEN)((text_units[i] + 1U) * sizeof(SQLWCHAR)), &driver->lens[i]));
    return is_bound || note_trouble(driver, SQL_HANDLE_STMT, driver->statement, trouble);
}

/* UTF-16 as UTF-8; halves of pairs become U+FFFD. */
static size_t write_text(const SQLWCHAR *units, size_t count, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        uint32_t point = units[i];
        if (point >= 0xD800 && point < 0xDC00 && i + 1 < count &&
            units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000)
            point = 0x10000 + ((point - 0xD800) << 10) + (units[++i] - 0xDC00U);
        size_t size = text_encode(point, bytes);
        if (size == 0)
            size = text_encode(0xFFFD, bytes);
        memcpy(out + len, bytes, size);
        len += size;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    return len;
}

bool rows_driver_next(struct rows_driver *driver, uint8_t body[ROWS_BODY_MAX],
                      size_t *len, struct rows_trouble *trouble)
{
    bool has_row = false;
    int64_t stamp_s = 0;
    *len = 0;
    if (!fetch(driver, &has_row, trouble))
        return false;
    if (!has_row) {
        end_statement(driver);
        return true;
    }
    body[0] = read_stamp(driver, &stamp_s);
    rows_write_number((uint64_t)stamp_s, 8, body + 1);
    size_t at = 9;
    for (int i = 0; i < ROWS_TEXTS; i++) {
        SQLLEN bytes = driver->lens[i] == SQL_NULL_DATA ? 0 : driver->lens[i];
        size_t units = (size_t)bytes / sizeof(SQLWCHAR);
        bool is_too_long = bytes < 0 || units > text_units[i];
        size_t size =
            is_too_long ? 0 : write_text(driver->texts[i], units, body + at + 2);
        rows_write_number(is_too_long ? ROWS_TOO_LONG : size, 2, body + at);
        at += 2 + size;
    }
    *len = at;
    return true;
}
