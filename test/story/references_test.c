// SPDX-License-Identifier: Apache-2.0
/* The record of references (コンテンツ参照記録) against the audit, row by row: whose it
 * is, what others may not learn from it, and how much of it is looked through. */
#include "exchange/audit/audit_index.h"
#include "exchange/network/network.h"
#include "exchange/reference/reference.h"
#include "store/store.h"
#include "test/story/story_hospital.h"

#define VERSION_1 "202610010900000001"
#define CONTENT "{\"entry\":{\"items\":[]},\"warnings\":[]}"

struct office {
    struct hospital *hospital;
    struct audit_index *index;
    struct reference_service service;
};

static void open_office(struct office *office)
{
    struct err err = {0};
    office->hospital = hospital_new();
    struct world *world = office->hospital->world;
    office->index = audit_index_open(world->audit, world->store, &world->log, &err);
    good(office->index != NULL, &err);
    office->service = (struct reference_service){
        world->store, office->index, world->sessions, world->gate, world_clock(world)};
    reference_routes(world->router, &office->service);
}

static void close_office(struct office *office)
{
    audit_index_close(office->index);
    hospital_free(office->hospital);
}

static void this_month(struct world *world, char month[DAY_TEXT_BYTES])
{
    day_to_iso(day_of_instant(world_wall_ms(world)), month);
    month[7] = '\0';
}

/* A quarter of a minute before a month begins in Japan. */
static void go_to_months_end(struct world *world, char ending[8], char beginning[8])
{
    int32_t today = day_of_instant(world_wall_ms(world));
    char day[DAY_TEXT_BYTES], next[DAY_TEXT_BYTES];
    int32_t last = today;
    do {
        day_to_iso(++last, next);
    } while (strcmp(next + 8, "01") != 0);
    day_to_iso(last - 1, day);
    int64_t begins_ms = (int64_t)last * 86400000 - DAY_JAPAN_OFFSET_MS;
    let_pass(world, begins_ms - 15000 - world_wall_ms(world));
    snprintf(ending, 8, "%.7s", day);
    snprintf(beginning, 8, "%.7s", next);
}

/* What the audit's own file says: the numbers of the clinic's views, as the CSV ends its
 * rows. */
static int count_rows_of_audit(struct office *office, const struct reply *csv,
                               int64_t from_ms, int64_t until_ms, bool *are_all_there)
{
    struct err err = {0};
    int count = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(office->hospital->world->store, &err);
    CLEANUP(store_finish)
    struct store_statement *find = store_prepare(
        session,
        "SELECT number FROM audit_index WHERE phase = 'decision' AND event IN "
        "('calendar', 'entry') AND facility = ?1 AND at_ms >= ?2 AND at_ms < ?3",
        &err);
    store_bind_text(find, 1, TEXT(CLINIC));
    store_bind_int(find, 2, from_ms);
    store_bind_int(find, 3, until_ms);
    bool has_row = false;
    *are_all_there = true;
    while (store_step(find, &has_row, &err) && has_row) {
        char end[64];
        snprintf(end, sizeof end, ",centre,%lld\r\n",
                 (long long)store_column_int(find, 0));
        *are_all_there &= has(csv, end);
        count++;
    }
    return count;
}

static int count_lines(const struct reply *reply)
{
    int count = 0;
    for (const char *at = reply->body; (at = strstr(at, "\r\n")); at += 2)
        count++;
    return count;
}

static struct reply download(struct browser *browser, const char *month)
{
    char line[128];
    snprintf(line, sizeof line, "GET /api/v1/references.csv?month=%s", month);
    struct reply reply = go(browser, line, "");
    CHECK(reply.status == 200 && strncmp(reply.body, "\xef\xbb\xbf", 3) == 0);
    return reply;
}

static void the_record_of_references_is_the_audit_row_by_row(void)
{
    struct office office;
    char person[128], ending[8], beginning[8];
    bool are_all_there = false;
    open_office(&office);
    struct world *world = office.hospital->world;
    go_to_months_end(world, ending, beginning);
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    register_person(&clinic, person);
    for (int i = 0; i < 3; i++)
        CHECK(open_calendar_of(&clinic, person).status == 201);
    CHECK(open_calendar_of(&pharmacy, person).status == 404); /* another's, a refusal */
    let_pass(world, 30000);
    int64_t now_ms = world_wall_ms(world);
    int64_t begins_ms = now_ms - (now_ms + DAY_JAPAN_OFFSET_MS) % 86400000;
    for (int i = 0; i < 205; i++) /* more than a page */
        CHECK(open_calendar_of(&clinic, person).status == 201);
    struct reply csv = download(&clinic, ending);
    CHECK(count_lines(&csv) == 1 + 3);
    CHECK(count_rows_of_audit(&office, &csv, begins_ms - 86400000, begins_ms,
                              &are_all_there) == 3 &&
          are_all_there);
    csv = download(&clinic, beginning);
    CHECK(count_lines(&csv) == 1 + 205);
    CHECK(count_rows_of_audit(&office, &csv, begins_ms, begins_ms + 86400000,
                              &are_all_there) == 205 &&
          are_all_there);
    csv = download(&pharmacy, ending);
    CHECK(count_lines(&csv) == 2 && has(&csv, ",deny,no_own_number,"));
    CHECK(!has(&csv, "林"));
    close_office(&office);
}

/* On a list as long as a region's. */
static bool publish_many(struct store_session *session, void *context, struct err *err)
{
    enum { MANY = 4000 };
    struct world *world = context;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct network_participants list;
    struct id *ids = ARENA_MANY(&arena, struct id, MANY + 8, err);
    if (!ids || !network_participants_on(session, network_id,
                                         day_of_instant(world_wall_ms(world)), &arena,
                                         &list, err))
        return false;
    size_t count = 0;
    for (; count < list.count; count++)
        ids[count] = list.items[count].facility;
    for (uint32_t i = 0; i < MANY; i++) {
        ids[count] = (struct id){{0xee}};
        memcpy(&ids[count++].bytes[8], &i, sizeof i);
    }
    return network_add_version(session, network_id, list.effective_day, ids, count, 1,
                               err);
}

static void a_long_list_of_participants_shortens_no_record_of_references(void)
{
    enum { SESSIONS = 4, EACH = 60 }; /* none has to close one of its calendars */
    struct office office;
    struct err err = {0};
    char person[128], month[DAY_TEXT_BYTES], line[128];
    open_office(&office);
    struct world *world = office.hospital->world;
    struct browser clinic = enter(world, "clinic");
    register_person(&clinic, person);
    good(store_write(world->store, STORE_LIVE, publish_many, world, &err), &err);
    for (int i = 0; i < SESSIONS; i++) {
        clinic = enter(world, "clinic");
        for (int j = 0; j < EACH; j++)
            CHECK(open_calendar_of(&clinic, person).status == 201);
    }
    this_month(world, month);
    struct reply csv = download(&clinic, month);
    CHECK(count_lines(&csv) == 1 + SESSIONS * EACH);
    snprintf(line, sizeof line, "GET /api/v1/references?month=%s", month);
    struct reply reply = go(&clinic, line, "");
    CHECK(reply.status == 200);
    close_office(&office);
}

static struct reply ask_references(struct browser *browser, const char *side,
                                   const char *month)
{
    char line[160];
    snprintf(line, sizeof line, "GET /api/v1/references?side=%s&month=%s", side, month);
    return go(browser, line, "");
}

/* One entry of the hospital, and the clinic's look at it. */
static void tell_and_open(struct hospital *hospital, struct browser *clinic,
                          char entry[128])
{
    char person[128], line[256];
    register_person(clinic, person);
    hospital->content_body = CONTENT;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    struct reply reply = open_calendar_of(clinic, person);
    first_entry(&reply, entry);
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    CHECK(go(clinic, line, "").status == 201);
}

/* Who looked at what we provided: theirs in ours, ours not, nobody else's. */
static void a_provider_sees_who_viewed_its_data(void)
{
    struct office office;
    char entry[128], line[256], month[DAY_TEXT_BYTES];
    open_office(&office);
    struct hospital *hospital = office.hospital;
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct browser own = enter(world, "hospital");
    struct browser pharmacy = enter(world, "pharmacy");
    tell_and_open(hospital, &clinic, entry);
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", entry);
    CHECK(go(&own, line, "").status == 201); /* the hospital's own look is no reference */
    this_month(world, month);
    struct reply reply = ask_references(&own, "provider", month);
    CHECK(reply.status == 200 && has(&reply, "\"event\":\"entry\""));
    CHECK(has(&reply, "\"viewer\":\"clinic\"") &&
          !has(&reply, "\"viewer\":\"hospital\""));
    CHECK(has(&reply, "林 花子") && has(&reply, "\"own_number\":\"H100"));
    reply = ask_references(&own, "viewer", month);
    CHECK(reply.status == 200 && !has(&reply, "\"viewer\":\"clinic\""));
    reply = ask_references(&pharmacy, "provider", month);
    CHECK(reply.status == 200 && has(&reply, "\"references\":[]"));
    reply = ask_references(&own, "both", month);
    CHECK(reply.status == 400 && has(&reply, "side_invalid"));
    close_office(&office);
}

static void register_named(struct browser *browser, const char *name, const char *number,
                           char person[128])
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-0%c\","
             "\"sex\":\"F\",\"consent\":{\"form\":\"comprehensive\",\"channel\":"
             "\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":\"" CLINIC
             "\",\"number\":\"%s\"}]}",
             name, number[1], number);
    struct reply reply = go(browser, "POST /api/v1/persons", body);
    CHECK(reply.status == 201);
    member(&reply, "id", person);
}

static int count_of_words(const struct reply *reply, const char *words)
{
    int count = 0;
    for (const char *at = reply->body; (at = strstr(at, words)); at += strlen(words))
        count++;
    return count;
}

static struct reply ask_of_person(struct browser *browser, const char *person,
                                  const char *month, const char *cursor)
{
    char line[512];
    snprintf(line, sizeof line, "GET /api/v1/references?month=%s&person=%s%s%s", month,
             person, cursor[0] ? "&cursor=" : "", cursor);
    struct reply reply = go(browser, line, "");
    CHECK(reply.status == 200);
    return reply;
}

/* Who was seen once in a month of many views is found at once; rows of others at the
 * same person are neither shown nor counted; each row has its own person's name. */
static void a_person_among_many_is_found_at_once(void)
{
    enum { PAGE = 200, MORE = 5 };
    struct office office;
    char rare[128], usual[128], cursor[128], month[DAY_TEXT_BYTES];
    open_office(&office);
    struct world *world = office.hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct browser pharmacy = enter(world, "pharmacy");
    register_named(&clinic, "稀野 一子", "N1", rare);
    register_named(&clinic, "常田 多美", "N2", usual);
    CHECK(open_calendar_of(&clinic, rare).status == 201);
    for (int i = 0; i < PAGE + MORE; i++)
        CHECK(open_calendar_of(&clinic, usual).status == 201);
    CHECK(open_calendar_of(&pharmacy, rare).status == 404);
    CHECK(open_calendar_of(&pharmacy, usual).status == 404);
    this_month(world, month);
    struct reply reply = ask_of_person(&clinic, rare, month, "");
    CHECK(count_of_words(&reply, "\"viewer\":\"clinic\"") == 1);
    CHECK(count_of_words(&reply, "稀野 一子") == 1 && !has(&reply, "pharmacy"));
    CHECK(has(&reply, "\"next\":null"));
    reply = ask_of_person(&clinic, usual, month, "");
    CHECK(count_of_words(&reply, "常田 多美") == PAGE && !has(&reply, "pharmacy"));
    member(&reply, "next", cursor);
    reply = ask_of_person(&clinic, usual, month, cursor);
    CHECK(count_of_words(&reply, "常田 多美") == MORE && has(&reply, "\"next\":null"));
    reply = ask_of_person(&pharmacy, usual, month, "");
    CHECK(count_of_words(&reply, "\"viewer\":\"pharmacy\"") == 1);
    CHECK(!has(&reply, "clinic") && !has(&reply, "常田"));
    struct reply csv = download(&clinic, month);
    CHECK(count_of_words(&csv, "稀野 一子") == 1);
    CHECK(count_of_words(&csv, "常田 多美") == PAGE + MORE);
    close_office(&office);
}

/* As many looks of the hospital's own staff at its own data as one answer goes through.
 */
static bool look_often(struct store_session *session, void *context, struct err *err)
{
    enum { OFTEN = 20000 };
    struct world *world = context;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "WITH RECURSIVE look (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM look "
        "WHERE number < ?1) INSERT INTO audit_index (node, number, at_ms, phase, event, "
        "verdict, reason, request, staff, name, profession, facility, facility_name, "
        "person, provider, local_number, object, kind, day, purpose, bytes, parts) "
        "SELECT 'other', number, ?2, 'decision', 'entry', 'permit', '', '', '', '', '', "
        "?3, '', '', ?3, '', '', '', NULL, '', 0, 0 FROM look",
        err);
    store_bind_int(insert, 1, OFTEN);
    store_bind_int(insert, 2, world_wall_ms(world) + 1);
    store_bind_text(insert, 3, TEXT(HOSPITAL));
    return store_run(insert, err);
}

/* The others' looks are found behind them, and nothing is said to be all that is not. */
static void few_rows_behind_many_are_found_by_parts(void)
{
    struct office office;
    struct err err = {0};
    char entry[128], line[512], month[DAY_TEXT_BYTES], cursor[128];
    open_office(&office);
    struct hospital *hospital = office.hospital;
    struct world *world = hospital->world;
    struct browser clinic = enter(world, "clinic");
    struct browser own = enter(world, "hospital");
    tell_and_open(hospital, &clinic, entry);
    good(store_write(world->store, STORE_LIVE, look_often, world, &err), &err);
    this_month(world, month);
    struct reply reply = ask_references(&own, "provider", month);
    CHECK(reply.status == 200 && has(&reply, "\"references\":[]"));
    CHECK(!has(&reply, "\"next\":null"));
    member(&reply, "next", cursor);
    snprintf(line, sizeof line, "GET /api/v1/references?side=provider&month=%s&cursor=%s",
             month, cursor);
    reply = go(&own, line, "");
    CHECK(reply.status == 200 && has(&reply, "\"event\":\"entry\"") &&
          has(&reply, "\"next\":null"));
    close_office(&office);
}

#define ONE "0abc0000000000000000000000000001"
#define OTHER "1abc0000000000000000000000000002"

static bool add_person(struct store_session *session, struct text id, struct text name,
                       struct err *err)
{
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO person SELECT ?1, network, ?2, kana, folded_name, folded_kana, "
        "birth_day, sex, phone, folded_phone, registered_facility, registered_at FROM "
        "person WHERE registered_facility = ?3 AND name = '林 花子'",
        err);
    store_bind_text(insert, 1, id);
    store_bind_text(insert, 2, name);
    store_bind_text(insert, 3, TEXT(CLINIC));
    return store_run(insert, err);
}

static bool look_at_two(struct store_session *session, void *context, struct err *err)
{
    struct world *world = context;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO audit_index (node, number, at_ms, phase, event, verdict, reason, "
        "request, staff, name, profession, facility, facility_name, person, provider, "
        "local_number, object, kind, day, purpose, bytes, parts) SELECT 'other', number, "
        "?1, 'decision', 'calendar', 'permit', '', '', '', '', '', ?2, '', CASE WHEN "
        "number % 2 = 0 THEN ?3 ELSE ?4 END, '', '', '', '', NULL, '', 0, 0 FROM (SELECT "
        "1 AS number UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS looks",
        err);
    store_bind_int(insert, 1, world_wall_ms(world) + 1);
    store_bind_text(insert, 2, TEXT(CLINIC));
    store_bind_text(insert, 3, TEXT(ONE));
    store_bind_text(insert, 4, TEXT(OTHER));
    return add_person(session, TEXT(ONE), TEXT("一条 一"), err) &&
           add_person(session, TEXT(OTHER), TEXT("二階堂 二"), err) &&
           store_run(insert, err);
}

/* Ids that look alike to whoever remembers names by their first digits. */
static void each_row_has_its_own_persons_name(void)
{
    struct office office;
    struct err err = {0};
    char person[128], month[DAY_TEXT_BYTES];
    open_office(&office);
    struct world *world = office.hospital->world;
    struct browser clinic = enter(world, "clinic");
    register_person(&clinic, person);
    good(store_write(world->store, STORE_LIVE, look_at_two, world, &err), &err);
    this_month(world, month);
    struct reply csv = download(&clinic, month);
    CHECK(count_lines(&csv) == 1 + 4);
    CHECK(count_of_words(&csv, "一条 一") == 2 && count_of_words(&csv, "二階堂 二") == 2);
    close_office(&office);
}

/* Names are entered by people; a spreadsheet must not run them, nor take them apart. */
static void a_name_cannot_become_a_formula_or_another_row(void)
{
    static const char *const names[] = {"=cmd|'/C calc'!A0 x", "＝1+1 x", "@SUM(1) x",
                                        "a,b\\\"c x", "林\\u202e 花子"};
    struct office office;
    char body[1024], person[128], month[DAY_TEXT_BYTES];
    open_office(&office);
    struct world *world = office.hospital->world;
    struct browser clinic = enter(world, "clinic");
    int opened = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(
            body, sizeof body,
            "{\"name\":\"%s\",\"kana\":\"ハヤシ ハナコ\",\"birth_date\":\"1950-03-0%zu\","
            "\"sex\":\"F\",\"consent\":{\"form\":\"comprehensive\",\"channel\":"
            "\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":\"" CLINIC
            "\",\"number\":\"N%zu\"}]}",
            names[i], i + 1, i);
        struct reply reply = go(&clinic, "POST /api/v1/persons", body);
        CHECK(reply.status == 201 || reply.status == 400);
        if (reply.status != 201)
            continue;
        member(&reply, "id", person);
        CHECK(open_calendar_of(&clinic, person).status == 201);
        opened++;
    }
    CHECK(opened >= 3);
    this_month(world, month);
    struct reply csv = download(&clinic, month);
    CHECK(count_lines(&csv) == 1 + opened);
    CHECK(!has(&csv, ",=") && !has(&csv, ",＝") && !has(&csv, ",@") && !has(&csv, "\"="));
    CHECK(has(&csv, "'=cmd") && !has(&csv, "\xe2\x80\xae"));
    close_office(&office);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(the_record_of_references_is_the_audit_row_by_row);
    RUN(a_long_list_of_participants_shortens_no_record_of_references);
    RUN(a_provider_sees_who_viewed_its_data);
    RUN(a_person_among_many_is_found_at_once);
    RUN(few_rows_behind_many_are_found_by_parts);
    RUN(each_row_has_its_own_persons_name);
    RUN(a_name_cannot_become_a_formula_or_another_row);
    return test_done();
}
