// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests of the program: a region of one hospital with a gateway and one clinic, both
 * run as programs, and what a person at the clinic does. */

#include "base/clock.h"
#include "base/day.h"
#include "cli/command_testbrowser.h"

#define HOSPITAL "2012345678"
#define CLINIC "2012345679"
#define PASSWORD "Kaze7-to-hoshi9-umi"
#define NUMBER "0000012345"
#define PATIENT "ssmix/000/001/" NUMBER

static inline const char *region_today(char today[DAY_TEXT_BYTES])
{
    struct clock clock = clock_system();
    day_to_iso(day_of_instant(clock_wall_ms(&clock)), today);
    return today;
}

/* ---- the region ---- */

static inline void found(struct site *site)
{
    char path[SITE_PATH_BYTES], fingerprint[HASH_HEX_BYTES], today[DAY_TEXT_BYTES];
    CHECK(site_write(site, "password", PASSWORD "\n"));
    CHECK(SITE_ADMIN(site, "network", "found", "--name", "紬の里", "--consent",
                     "comprehensive") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", HOSPITAL, "--name", "みなみ病院",
                     "--kana", "ミナミ", "--letter", "M", "--way", "gateway") == 0);
    CHECK(SITE_ADMIN(site, "facility", "add", "--code", CLINIC, "--name", "きた診療所",
                     "--kana", "キタ", "--letter", "K", "--kind", "clinic") == 0);
    CHECK(SITE_ADMIN(site, "network", "publish", "--from", region_today(today), HOSPITAL,
                     CLINIC) == 0);
    CHECK(SITE_ADMIN(site, "staff", "add", "--login", "a.kita", "--name", "来田 亜紀",
                     "--kana", "キダ アキ", "--facility", CLINIC, "--profession",
                     "doctor", "--password-file",
                     site_path(site, "password", path)) == 0);
    site_issue(site, "ca", "desk", NULL, fingerprint);
    site_issue(site, "ca", "gate", NULL, fingerprint);
    CHECK(SITE_ADMIN(site, "browser", "accept", CLINIC,
                     site_path(site, "desk.crt", path)) == 0);
    CHECK(SITE_ADMIN(site, "gateway", "accept", HOSPITAL,
                     site_path(site, "gate.crt", path)) == 0);
}

static inline void lab(const struct site *site, int number)
{
    char folder[SITE_PATH_BYTES], file[SITE_PATH_BYTES], message[2048], name[200];
    struct err err = {0};
    snprintf(
        message, sizeof message,
        "MSH|^~\\&|HIS|S|GW|R|20240501120000.000||OUL^R22^OUL_R22|1|P|2.5||||||UNICODE "
        "UTF-8|||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
        "PID|0001||" NUMBER
        "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
        "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"
        "SPM|1|777||023^血清^JC10|||||||||||||202405010900\r"
        "OBR|1|%015d|1|E002^生化学的検査^99O03|||20240501\r"
        "ORC|SC|%015d|||||||20240501091500||||||||01^科^99XY1\r"
        "OBX|1|NM|3A010000002327101^総蛋白^JC10||7.2|g/dl|6.7-8.3||||F|||202405010900"
        "\r",
        number, number);
    CHECK(path_make_directory(site_path(site, PATIENT "/20240501/OML-11", folder), &err));
    snprintf(name, sizeof name,
             PATIENT "/20240501/OML-11/" NUMBER
                     "_20240501_OML-11_%015d_20240501120000000_01_1",
             number);
    CHECK(path_write_file(site_path(site, name, file), span_cstr(message), &err));
}

static inline void open_hospital(const struct site *site)
{
    char folder[SITE_PATH_BYTES];
    struct err err = {0};
    CHECK(path_make_directory(site_path(site, PATIENT "/-/ADT-00", folder), &err));
    CHECK(site_write(
        site,
        PATIENT "/-/ADT-00/" NUMBER "_-_ADT-00_999999999999999_20240501120000000_-_1",
        "MSH|^~\\&|HIS|S|GW|R|20240501120000.000||ADT^A08^ADT_A01|1|P|2.5||||||UNICODE "
        "UTF-8|||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"
        "EVN||202405011200|||||S\r"
        "PID|0001||" NUMBER
        "^^^^PI||飯田^花子^^^^^L^I~イイダ^ハナコ^^^^^L^P||19500102|F\r"
        "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||01\r"));
    lab(site, 1);
}

/* `other_port` of a second process of the centre, 0 without one. */
static inline void write_gateway(struct site *site, int port, int other_port)
{
    char text[2048], public[128] = "", path[SITE_PATH_BYTES], other[64] = "";
    const char *at = site->place.directory;
    struct err err = {0};
    struct span key = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    CHECK(path_read_file(site_path(site, "data/keys/grants.public", path), 100, &arena,
                         &key, &err));
    memcpy(public, key.at, key.len);
    CHECK(site_write(site, "policy.json",
                     "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}"));
    if (other_port > 0)
        snprintf(other, sizeof other, ",{\"host\":\"localhost\",\"port\":%d}",
                 other_port);
    snprintf(text, sizeof text,
             "{\"facility_code\":\"" HOSPITAL "\",\"facility_name\":\"M\",\"node\":\"m\","
             "\"data\":\"%s/gateway\",\"storage\":[{\"label\":\"S\",\"directory\":"
             "\"%s/ssmix\",\"may_be_empty\":true}],\"policy\":\"%s/"
             "policy.json\",\"recent_days\":3650,"
             "\"centre\":{\"addresses\":[{\"host\":\"localhost\",\"port\":%d}%s],"
             "\"certificate\":\"%s/gate.crt\","
             "\"key\":\"%s/gate.key\",\"authority\":\"%s/ca.crt\",\"grant_key\":\"%s\"}}",
             at, at, at, port, other, at, at, at, public);
    CHECK(site_write(site, "gateway.json", text));
}

/* ---- what a person does ---- */

/* For the first time: the office's password has to be changed. */
static inline int log_in(struct browser *browser)
{
    return browser_ask(browser, "POST", "/api/v1/session",
                       "{\"login\":\"a.kita\",\"password\":\"" PASSWORD
                       "\",\"new_password\":\"Hoshi5-no-mori2-kawa\"}");
}

static inline bool find_facility(struct browser *browser, const char *code, char id[33])
{
    char word[64];
    snprintf(word, sizeof word, "\"code\":\"%s\"", code);
    CHECK(browser_ask(browser, "GET", "/api/v1/facilities", NULL) == 200);
    const char *at = strstr(browser->answer, word);
    const char *before = NULL;
    for (const char *one = strstr(browser->answer, "\"id\":\""); one && at && one < at;
         one = strstr(one + 1, "\"id\":\""))
        before = one;
    if (before)
        snprintf(id, 33, "%.32s", before + 6);
    return before != NULL;
}

static inline void register_person(struct browser *browser, char person[33])
{
    char hospital[33] = "", clinic[33] = "", body[1024];
    CHECK(find_facility(browser, HOSPITAL, hospital) &&
          find_facility(browser, CLINIC, clinic));
    snprintf(
        body, sizeof body,
        "{\"name\":\"飯田 花子\",\"kana\":\"イイダ ハナコ\",\"birth_date\":"
        "\"1950-01-02\",\"sex\":\"F\",\"consent\":{\"form\":\"comprehensive\","
        "\"channel\":\"paper\",\"giver\":\"self\"},\"numbers\":[{\"facility\":\"%s\","
        "\"number\":\"" NUMBER "\"},{\"facility\":\"%s\",\"number\":\"77\"}]}",
        hospital, clinic);
    CHECK(browser_ask(browser, "POST", "/api/v1/persons", body) == 201);
    CHECK(browser_member(browser, "id", person, 33));
}

/* Opens the calendar; its handle. */
static inline bool open_calendar(struct browser *browser, const char *person,
                                 char handle[33])
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings", person);
    return browser_ask(browser, "POST", path,
                       "{\"from\":\"2024-04-01\",\"to\":\"2024-06-30\"}") == 201 &&
           browser_member(browser, "opening", handle, 33);
}

static inline int count_entries(struct browser *browser, const char *handle)
{
    char path[160];
    int count = 0;
    snprintf(path, sizeof path,
             "/api/v1/openings/%s/entries?row=test&from=2024-05-01&to=2024-05-01",
             handle);
    if (browser_ask(browser, "GET", path, NULL) != 200)
        return -browser->status;
    for (const char *at = browser->answer; (at = strstr(at, "\"kind\":\"laboratory\""));
         at++)
        count++;
    return count;
}

static inline bool log_has(const struct site *site, const char *word)
{
    char path[SITE_PATH_BYTES];
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(8 << 20);
    return path_read_file(site_path(site, "server.log", path), 4 << 20, &arena, &bytes,
                          &err) &&
           bytes.len > 0 && memmem(bytes.at, bytes.len, word, strlen(word)) != NULL;
}
