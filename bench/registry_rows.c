// SPDX-License-Identifier: Apache-2.0
/* The rows of a large centre, all invented: facilities in their networks, staff, persons,
 * their numbers, consents, looks, and the registry, as one table after the other. They
 * are written as lines with tabs between the columns, which is what PostgreSQL's COPY
 * and SQLite's .import take: tools/bench pours them into a founded centre, many times
 * faster than one statement a row through the store. Everything hangs on the seed and on
 * the number of what it belongs to, so each table can be written alone and the same call
 * always gives the same bytes.
 *
 * usage: registry_rows TABLE [name=value …]       the names are in `read_option`
 *
 * Facility f belongs to network f % networks; the first `hospitals` of them disclose.
 * Person p belongs to network p % networks and has numbers at one to four of its
 * hospitals, large ones more often, and at a clinic. Network 0 is the founded one. Of its
 * persons the first has a year of 15,000 entries; the next `typical` a year of about 500
 * at two hospitals; all of these have a number at the founded clinic `viewer`, as has
 * every tenth of the others. Entries of the rest: half of the persons have few, one in
 * twenty up to ten times as many as the mean; they lie on the days of visits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"
#include "base/memory.h"
#include "base/rand.h"
#include "bench/registry_words.h"
#include "cli/synth/names.h"
#include "exchange/registry/registry.h"
#include "formats/entry/entry.h"

enum {
    YEAR_DAYS = 365,
    HISTORY_DAYS = 8 * 365,
    HOSPITALS_MAX = 4,     /* of one person */
    TYPICAL_ENTRIES = 500, /* in the last year, over two hospitals */
    HEAVY_ENTRIES = 15000, /* in the last year, at one */
    STAFF_OF_FACILITY = 3,
    LOOKS_OF_POST = 10,
    ROWS_MAX = 32768,
    VISITS_MAX = 2048,
    DAY_MS = 86400000,
    LINE_BYTES = 1 << 20
};

struct options {
    const char *network, *viewer, *staff, *post;
    uint64_t seed, persons, entries, facilities, hospitals, networks, typical, today;
};

struct key {
    uint64_t high, low;
};

struct fill {
    struct options options;
    struct rand_seeded dice;
    int64_t registry_number; /* of registry_record */
    int64_t change;
    uint64_t mean; /* entries of a person who is none of the first */
    struct row *rows;
    size_t count;
};

struct row {
    int32_t day;
    int32_t end_day;
    struct key id;
    uint32_t time; /* minutes of the day */
    uint16_t number;
    uint8_t kind;
    uint8_t state;
    uint8_t flags;
    uint8_t department;
    uint8_t title;
    bool is_discharge;
};

/* What an id or a stream of dice stands for. */
enum thing { NETWORK, FACILITY, STAFF, POST, PERSON, RECORD, CONSENT, ENTRIES, LOOKS };

/* splitmix64 by Steele, Lea and Flood: neighbouring numbers become unlike ones. */
static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

static uint64_t mark(const struct fill *fill, enum thing thing, uint64_t number)
{
    return mix(mix(fill->options.seed * 16 + (uint64_t)thing) ^ number);
}

static void put_key(struct key key)
{
    printf("%016" PRIx64 "%016" PRIx64, key.high, key.low);
}

static void put_id(const struct fill *fill, enum thing thing, uint64_t number)
{
    uint64_t high = mark(fill, thing, number);
    put_key((struct key){high, mix(high)});
}

static void put_network(const struct fill *fill, uint64_t network)
{
    if (network == 0)
        fputs(fill->options.network, stdout);
    else
        put_id(fill, NETWORK, network);
}

static uint64_t below(struct fill *fill, uint64_t bound)
{
    return rand_seeded_below(&fill->dice, bound);
}

static uint64_t hospitals_in(const struct fill *fill, uint64_t network)
{
    const struct options *options = &fill->options;
    return (options->hospitals - network + options->networks - 1) / options->networks;
}

static uint64_t facilities_in(const struct fill *fill, uint64_t network)
{
    const struct options *options = &fill->options;
    return (options->facilities - network + options->networks - 1) / options->networks;
}

/* ---- networks, facilities, staff ---- */

static void put_networks(struct fill *fill)
{
    for (uint64_t i = 1; i < fill->options.networks; i++) {
        put_network(fill, i);
        printf("\t第%" PRIu64 "地域医療ネットワーク\tcomprehensive\tpassword\t14\t0\n",
               i);
    }
}

static void put_network_lists(struct fill *fill)
{
    for (uint64_t i = 1; i < fill->options.networks; i++) {
        put_network(fill, i);
        printf("\t2\t%" PRIu64 "\t0\n", fill->options.today - HISTORY_DAYS);
    }
}

static void put_participants(struct fill *fill)
{
    for (uint64_t i = 0; i < fill->options.facilities; i++) {
        put_network(fill, i % fill->options.networks);
        fputs("\t2\t", stdout);
        put_id(fill, FACILITY, i);
        printf("\t2\t%" PRIu64 "\n", fill->options.today - HISTORY_DAYS);
    }
}

static void put_letter(uint64_t number)
{
    uint32_t c = 0x4e00U + (uint32_t)(number % 20000); /* one ideograph each */
    putchar((int)(0xe0U | c >> 12));
    putchar((int)(0x80U | (c >> 6 & 0x3fU)));
    putchar((int)(0x80U | (c & 0x3fU)));
}

static void put_facilities(struct fill *fill)
{
    static const char *const kinds[] = {"clinic", "clinic",  "pharmacy", "pharmacy",
                                        "dental", "nursing", "care"};
    for (uint64_t i = 0; i < fill->options.facilities; i++) {
        bool is_hospital = i < fill->options.hospitals;
        put_id(fill, FACILITY, i);
        printf("\t98%08" PRIu64 "\t第%" PRIu64 "%s\tダイ%" PRIu64 "\t%s\t%s\t", i, i,
               is_hospital ? "総合病院" : "医院", i,
               is_hospital ? "hospital" : kinds[i % (sizeof kinds / sizeof *kinds)],
               is_hospital ? "gateway" : "view_only");
        put_letter(i);
        printf("\t%" PRIu64 "\t\t%s\t%d\t0\t0\t0\t1\n", 1 + i % 10,
               is_hospital ? REGISTRY_POLICY : "", is_hospital);
    }
}

/* `sex` in the lowest bit, as the persons have it. */
static void put_name(uint64_t number, const char *between, bool is_kana)
{
    uint64_t families = (uint64_t)synth_family_count;
    const struct synth_word *family = &synth_families[(number >> 8) % families];
    uint64_t place = (number >> 8) / families;
    const struct synth_word *given =
        number & 1 ? &synth_women[place % (uint64_t)synth_women_count]
                   : &synth_men[place % (uint64_t)synth_men_count];
    printf("%s%s%s", is_kana ? family->kana : family->kanji, between,
           is_kana ? given->kana : given->kanji);
}

static void put_staff(struct fill *fill)
{
    for (uint64_t i = 0; i < fill->options.facilities * STAFF_OF_FACILITY; i++) {
        uint64_t name = mark(fill, STAFF, i);
        put_id(fill, STAFF, i);
        printf("\ts%07" PRIu64 "\t", i);
        put_name(name, " ", false);
        putchar('\t');
        put_name(name, " ", true);
        printf("\t%d\t0\t0\t0\t0\t0\n", (int)(name % 15000));
    }
}

static void put_posts(struct fill *fill)
{
    static const char *const professions[] = {"doctor", "nurse", "clerk"};
    for (uint64_t i = 0; i < fill->options.facilities * STAFF_OF_FACILITY; i++) {
        put_id(fill, POST, i);
        putchar('\t');
        put_id(fill, STAFF, i);
        putchar('\t');
        put_id(fill, FACILITY, i / STAFF_OF_FACILITY);
        printf("\t%s\t%s\t19000\t40000\t0\n", professions[i % 3],
               i % 3 == 2 ? "manager" : "author");
    }
}

/* ---- persons ---- */

/* Number of a person within her network. */
static uint64_t place_of(const struct fill *fill, uint64_t person)
{
    return person / fill->options.networks;
}

static bool is_heavy(const struct fill *fill, uint64_t person)
{
    (void)fill;
    return person == 0;
}

static bool is_typical(const struct fill *fill, uint64_t person)
{
    return person % fill->options.networks == 0 && person > 0 &&
           place_of(fill, person) <= fill->options.typical;
}

/* Of one person: hospitals that have her, and the clinic. */
struct numbers {
    uint64_t hospitals[HOSPITALS_MAX];
    size_t count;
    uint64_t clinic; /* facility; UINT64_MAX = the founded one */
};

static struct numbers numbers_of(struct fill *fill, uint64_t person)
{
    uint64_t networks = fill->options.networks;
    uint64_t network = person % networks;
    uint64_t here = hospitals_in(fill, network);
    uint64_t all = facilities_in(fill, network);
    struct numbers numbers = {.clinic = UINT64_MAX};
    fill->dice = rand_seed(mark(fill, RECORD, person));
    uint64_t chance = below(fill, 100);
    numbers.count = chance < 60 ? 1 : chance < 88 ? 2 : chance < 97 ? 3 : 4;
    bool is_known_here = network == 0 && below(fill, 10) == 0;
    if (is_heavy(fill, person) || is_typical(fill, person)) {
        numbers.count = 2;
        is_known_here = true;
    }
    if (numbers.count > here)
        numbers.count = here;
    uint64_t first = below(fill, here) * below(fill, here) / here;
    for (size_t i = 0; i < numbers.count; i++)
        numbers.hospitals[i] = network + (first + i) % here * networks;
    if (!is_known_here && all > here)
        numbers.clinic = network + (here + below(fill, all - here)) * networks;
    return numbers;
}

static void put_persons(struct fill *fill)
{
    for (uint64_t i = 0; i < fill->options.persons; i++) {
        struct numbers numbers = numbers_of(fill, i);
        uint64_t name = mark(fill, PERSON, i);
        int birth_day = (int)(fill->options.today - 600) - (int)(name >> 32) % 33000;
        put_id(fill, PERSON, i);
        putchar('\t');
        put_network(fill, i % fill->options.networks);
        putchar('\t');
        put_name(name, " ", false);
        putchar('\t');
        put_name(name, " ", true);
        putchar('\t');
        put_name(name, "", false);
        putchar('\t');
        put_name(name, "", true);
        printf("\t%d\t%c\t000-%03u-%04u\t000%03u%04u\t", birth_day, name & 1 ? 'F' : 'M',
               (unsigned)(name % 997), (unsigned)(name % 9973), (unsigned)(name % 997),
               (unsigned)(name % 9973));
        put_id(fill, FACILITY, numbers.hospitals[0]);
        printf("\t%" PRIu64 "\n", (fill->options.today - 400) * DAY_MS);
    }
}

static void put_facility_of(const struct fill *fill, uint64_t facility)
{
    if (facility == UINT64_MAX)
        fputs(fill->options.viewer, stdout);
    else
        put_id(fill, FACILITY, facility);
}

static void put_record(struct fill *fill, uint64_t person, size_t index,
                       uint64_t facility)
{
    put_id(fill, RECORD, person * 8 + index);
    putchar('\t');
    put_id(fill, PERSON, person);
    putchar('\t');
    put_facility_of(fill, facility);
    printf("\t%010" PRIu64 "\tconfirmed\t\t", person);
    put_facility_of(fill, facility);
    printf("\t%s\t%" PRIu64 "\t%" PRIu64 "\t0\t\t\n", fill->options.staff,
           (fill->options.today - 400) * DAY_MS, (fill->options.today - 399) * DAY_MS);
}

static void put_records(struct fill *fill)
{
    for (uint64_t i = 0; i < fill->options.persons; i++) {
        struct numbers numbers = numbers_of(fill, i);
        for (size_t j = 0; j < numbers.count; j++)
            put_record(fill, i, j, numbers.hospitals[j]);
        put_record(fill, i, numbers.count, numbers.clinic);
    }
}

static void put_consents(struct fill *fill)
{
    for (uint64_t i = 0; i < fill->options.persons; i++) {
        struct numbers numbers = numbers_of(fill, i);
        put_id(fill, CONSENT, i);
        fputs("\t1\t", stdout);
        put_id(fill, PERSON, i);
        putchar('\t');
        put_network(fill, i % fill->options.networks);
        printf("\tcomprehensive\tpaper\tactive\tself\t\t\t40000\t2\t%" PRIu64 "\t",
               (fill->options.today - 400) * DAY_MS);
        put_id(fill, FACILITY, numbers.hospitals[0]);
        printf("\t%s\t事務 一郎\t第%" PRIu64 "総合病院\t0\t\t\t\t\t\t\n",
               fill->options.staff, numbers.hospitals[0]);
    }
}

static void put_look(const struct fill *fill, uint64_t person, uint64_t minutes)
{
    uint64_t at = fill->options.today * DAY_MS - minutes * 60000;
    putchar('\t');
    put_id(fill, PERSON, person);
    printf("\t%" PRIu64 "\t%" PRIu64 "\n", at, at);
}

/* The founded clinic's doctor looked at her patients, everybody else at somebody. */
static void put_looks(struct fill *fill)
{
    const struct options *options = &fill->options;
    for (uint64_t i = 0; i <= options->typical; i++) {
        fputs(options->post, stdout);
        put_look(fill, i * options->networks, i);
    }
    for (uint64_t i = 0; i < options->facilities * STAFF_OF_FACILITY; i++) {
        uint64_t network = i / STAFF_OF_FACILITY % options->networks;
        uint64_t here = options->persons / options->networks;
        uint64_t first = mark(fill, LOOKS, i) % here;
        for (uint64_t j = 0; j < LOOKS_OF_POST && j < here; j++) {
            put_id(fill, POST, i);
            put_look(fill, network + (first + j) % here * options->networks, j * 60);
        }
    }
}

/* ---- the registry ---- */

/* What the entries of one number are made of. */
struct history {
    uint64_t count;
    int32_t from;
    int32_t to;
};

/* A person's entries at one of her hospitals. */
static struct history history_of(struct fill *fill, uint64_t person, size_t index,
                                 size_t count)
{
    int32_t today = (int32_t)fill->options.today;
    struct history history = {.from = today - YEAR_DAYS + 1, .to = today};
    if (is_heavy(fill, person)) {
        history.count = index == 0 ? HEAVY_ENTRIES : 20;
        return history;
    }
    if (is_typical(fill, person)) {
        history.count = index == 0 ? TYPICAL_ENTRIES * 3 / 5 : TYPICAL_ENTRIES * 2 / 5;
        return history;
    }
    fill->dice = rand_seed(mark(fill, ENTRIES, person));
    uint64_t chance = below(fill, 100);
    uint64_t mean = fill->mean;
    /* in sum 1.2 times the mean, which is made up for below */
    uint64_t low = chance < 50 ? 0 : chance < 80 ? mean * 6 / 10 : mean * 16 / 10;
    uint64_t high = chance < 50   ? mean * 6 / 10
                    : chance < 80 ? mean * 16 / 10
                    : chance < 95 ? mean * 35 / 10
                                  : mean * 10;
    if (chance >= 95)
        low = mean * 35 / 10;
    uint64_t all = (low + below(fill, high - low + 1)) * 10 / 12 + 1;
    history.from = today - (int32_t)below(fill, HISTORY_DAYS) - 1;
    /* two thirds at the first, the rest at the others */
    history.count = count == 1 ? all : index == 0 ? all * 2 / 3 : all / 3 / (count - 1);
    if (history.count > ROWS_MAX / 2)
        history.count = ROWS_MAX / 2;
    return history;
}

static struct row *add_row(struct fill *fill, uint8_t kind, int32_t day, uint64_t random)
{
    struct row *row = &fill->rows[fill->count];
    *row = (struct row){.day = day,
                        .end_day = DAY_NONE,
                        .id = {mix(random), mix(random ^ 0x5bd1e995U)},
                        .time = 8 * 60 + (uint32_t)(random >> 8 & 0xff) * 2,
                        .number = (uint16_t)fill->count,
                        .kind = kind,
                        .department = (uint8_t)(random >> 16 & 0xff),
                        .title = (uint8_t)(random >> 24 & 0xff)};
    fill->count++;
    return row;
}

/* One thing of a visit, by the shares that hospitals' storages have. */
static void add_entry(struct fill *fill, int32_t day, int32_t last)
{
    static const struct {
        uint16_t up_to; /* of 1,000 */
        uint8_t kind;
    } shares[] = {
        {380, ENTRY_PRESCRIPTION}, {530, ENTRY_VISIT},        {765, ENTRY_LABORATORY},
        {860, ENTRY_INJECTION},    {905, ENTRY_RADIOLOGY},    {930, ENTRY_PROGRESS_NOTE},
        {955, ENTRY_VITAL_SIGNS},  {967, ENTRY_PHYSIOLOGY},   {975, ENTRY_DOCUMENT},
        {983, ENTRY_MEAL},         {987, ENTRY_MICROBIOLOGY}, {990, ENTRY_REPORT},
        {993, ENTRY_ENDOSCOPY},    {1000, ENTRY_ADMISSION}};
    uint64_t random = rand_seeded_next(&fill->dice);
    size_t at = 0;
    while (random % 1000 >= shares[at].up_to)
        at++;
    struct row *row = add_row(fill, shares[at].kind, day, random);
    uint8_t more = (uint8_t)(random >> 40 & 0xff);
    if (row->kind == ENTRY_PRESCRIPTION)
        row->end_day = day + 6 + more % 4 * 7;
    if (row->kind == ENTRY_LABORATORY)
        row->flags = more % 3 == 0 ? more % 4 : 0;
    if (row->kind == ENTRY_RADIOLOGY)
        row->flags = more % 2 ? ENTRY_HAS_IMAGE : ENTRY_IS_ORDER;
    if (more == 0)
        row->state = ENTRY_SUPERSEDED;
    if (row->kind == ENTRY_ADMISSION && day + 20 < last)
        add_row(fill, ENTRY_ADMISSION, day + 2 + more % 16, mix(random))->is_discharge =
            true;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;
    if (left->day != right->day)
        return left->day < right->day ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind - right->kind;
    if (left->id.high != right->id.high)
        return left->id.high < right->id.high ? -1 : 1;
    return (left->id.low > right->id.low) - (left->id.low < right->id.low);
}

/* On the days of visits, about six entries each; some have no day. */
static void make_rows(struct fill *fill, const struct history *history, uint64_t record)
{
    static int32_t visits[VISITS_MAX]; /* allowed: large, and one thread */
    static const uint8_t undated[] = {ENTRY_PATIENT, ENTRY_DOCTOR, ENTRY_PROBLEM,
                                      ENTRY_ALLERGY};
    uint64_t count = history->count / 6 + 1;
    fill->dice = rand_seed(mark(fill, ENTRIES, record ^ 1ULL << 40));
    fill->count = 0;
    if (count > VISITS_MAX)
        count = VISITS_MAX;
    for (uint64_t i = 0; i < count; i++)
        visits[i] = history->from +
                    (int32_t)below(fill, (uint64_t)(history->to - history->from + 1));
    for (size_t i = 0; i < 2 + below(fill, 3); i++)
        add_row(fill, undated[i % sizeof undated], DAY_NONE,
                rand_seeded_next(&fill->dice));
    while (fill->count < history->count)
        add_entry(fill, visits[below(fill, count)], history->to);
    qsort(fill->rows, fill->count, sizeof *fill->rows, compare_rows);
}

static void put_title(const struct row *row)
{
    const struct kind_words *words = &kind_words[0];
    while (words->kind != row->kind)
        words++;
    if (row->kind == ENTRY_ADMISSION)
        fputs(row->is_discharge ? "退院 自宅または自己介護施設へ退院（通常退院）"
                                : "入院 3E病棟",
              stdout);
    else if (row->kind == ENTRY_VISIT)
        fputs(departments[row->department % DEPARTMENTS].name, stdout);
    else
        fputs(words->titles[row->title % words->count], stdout);
    if (row->kind == ENTRY_PRESCRIPTION && row->title % 3 == 0)
        printf(" 他 %d", 1 + row->title % 5);
    if (row->kind == ENTRY_LABORATORY && row->flags)
        printf("（異常%d件）", 1 + row->title % 7);
}

static void put_source_key(const struct row *row, const char *day, uint64_t order)
{
    const struct kind_words *words = &kind_words[0];
    while (words->kind != row->kind)
        words++;
    const char *type = row->is_discharge ? "ADT-52" : words->type;
    if (row->kind == ENTRY_ADMISSION || row->kind == ENTRY_VISIT)
        printf("%s/%s/999999999%06u", day, type, (unsigned)row->number);
    else
        printf("%s/%s/%015" PRIu64, day, type, order);
}

static void put_entry(struct fill *fill, const struct row *row, uint64_t record)
{
    int year = 0, month = 0, day_of_month = 0;
    char day[16] = "-";
    char stamp[16] = "20250401";
    const char *department = departments[row->department % DEPARTMENTS].name;
    uint64_t order = (record * 32768 + row->number) % 1000000000000000U;
    bool is_dated = row->day != DAY_NONE;
    if (is_dated) {
        day_to_date(row->day, &year, &month, &day_of_month);
        snprintf(day, sizeof day, "%04u%02u%02u", (unsigned)year % 10000,
                 (unsigned)month % 100, (unsigned)day_of_month % 100);
        memcpy(stamp, day, sizeof day);
    }
    unsigned hour = row->time / 60, minute = row->time % 60;
    printf("%" PRId64 "\t%d\t%u\t", fill->registry_number, row->day, row->kind);
    put_key(row->id);
    putchar('\t');
    put_source_key(row, day, order);
    printf("\t%s%02u%02u%02u%03u1\t%u\t%u\t%d\t0\t", stamp, hour, minute,
           (unsigned)row->title % 60, (unsigned)row->department, row->state, row->flags,
           row->end_day);
    put_title(row);
    printf("\t%s\t%s\t%s\t", departments[row->department % DEPARTMENTS].code, department,
           authors[row->department % AUTHORS]);
    if (is_dated)
        printf("%04d-%02d-%02dT%02u:%02u", year, month, day_of_month, hour, minute);
    int64_t visible_day = is_dated ? row->day : (int64_t)fill->options.today - 400;
    printf("\t%015" PRIu64 "\t%" PRId64 "\t%" PRId64 "\n", order,
           visible_day * DAY_MS + (int64_t)row->time * 60000, ++fill->change);
}

static void put_registry(struct fill *fill, bool has_entries)
{
    for (uint64_t i = 0; i < fill->options.persons; i++) {
        struct numbers numbers = numbers_of(fill, i);
        for (size_t j = 0; j < numbers.count; j++) {
            fill->registry_number++;
            if (!has_entries) {
                printf("%" PRId64 "\t", fill->registry_number);
                put_id(fill, RECORD, i * 8 + j);
                putchar('\t');
                put_id(fill, FACILITY, numbers.hospitals[j]);
                printf("\t00000000000000000000000000000001\t%d\t%" PRIu64 "\t0\n", 7,
                       fill->options.today * DAY_MS);
                continue;
            }
            struct history history = history_of(fill, i, j, numbers.count);
            make_rows(fill, &history, i * 8 + j);
            for (size_t k = 0; k < fill->count; k++)
                put_entry(fill, &fill->rows[k], i * 8 + j);
        }
    }
}

static void put_registry_records(struct fill *fill)
{
    fill->registry_number = 1000000; /* behind those of the founded region */
    put_registry(fill, false);
}

static void put_registry_entries(struct fill *fill)
{
    fill->registry_number = 1000000;
    fill->change = 1000000;
    put_registry(fill, true);
}

/* Whom the benchmark opens: ids of the persons with a typical year. */
static void put_typical(struct fill *fill)
{
    for (uint64_t i = 1; i <= fill->options.typical; i++) {
        put_id(fill, PERSON, i * fill->options.networks);
        putchar('\n');
    }
}

static void put_heavy(struct fill *fill)
{
    put_id(fill, PERSON, 0);
    putchar('\n');
}

/* ---- start and end ---- */

static bool read_option(struct options *options, const char *argument)
{
    const struct {
        const char *name;
        const char **text;
        uint64_t *number;
    } known[] = {
        {"network=", &options->network,
         NULL},                              /* ids of the founded centre: its network, */
        {"viewer=", &options->viewer, NULL}, /* a clinic on its list, */
        {"staff=", &options->staff, NULL},   /* somebody there who enters all, */
        {"post=", &options->post, NULL},     /* and the post that looks */
        {"seed=", NULL, &options->seed},
        {"persons=", NULL, &options->persons},
        {"entries=", NULL, &options->entries},
        {"facilities=", NULL, &options->facilities},
        {"hospitals=", NULL, &options->hospitals},
        {"networks=", NULL, &options->networks},
        {"typical=", NULL, &options->typical},
        {"today=", NULL, &options->today}, /* number of the last day */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].name);
        if (strncmp(argument, known[i].name, len) != 0)
            continue;
        if (known[i].text)
            *known[i].text = argument + len;
        return known[i].text ||
               span_uint(span_cstr(argument + len), 1U << 30, known[i].number);
    }
    return false;
}

static bool is_possible(const struct options *options)
{
    return options->networks > 0 && options->hospitals >= options->networks &&
           options->facilities >= options->hospitals &&
           options->persons / options->networks > options->typical &&
           options->entries > options->typical * TYPICAL_ENTRIES + HEAVY_ENTRIES;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*put)(struct fill *fill);
    } tables[] = {
        {"network", put_networks},
        {"network_list", put_network_lists},
        {"facility", put_facilities},
        {"network_participant", put_participants},
        {"staff", put_staff},
        {"staff_post", put_posts},
        {"person", put_persons},
        {"record", put_records},
        {"consent", put_consents},
        {"registry_look", put_looks},
        {"registry_record", put_registry_records},
        {"registry_entry", put_registry_entries},
        {"typical", put_typical},
        {"heavy", put_heavy},
    };
    struct fill fill = {
        .options = {.network = "", .viewer = "", .staff = "", .post = ""}};
    struct err err = {0};
    bool is_good = argc > 2;
    for (int i = 2; i < argc; i++)
        is_good = is_good && read_option(&fill.options, argv[i]);
    fill.rows = memory_new(ROWS_MAX + 2, sizeof *fill.rows, &err);
    is_good = is_good && fill.rows && is_possible(&fill.options);
    if (is_good)
        fill.mean = (fill.options.entries - fill.options.typical * TYPICAL_ENTRIES -
                     HEAVY_ENTRIES) /
                    fill.options.persons;
    setvbuf(stdout, NULL, _IOFBF, LINE_BYTES);
    for (size_t i = 0; is_good && i < sizeof tables / sizeof *tables; i++)
        if (strcmp(argv[1], tables[i].name) == 0) {
            tables[i].put(&fill);
            memory_free(fill.rows);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    memory_free(fill.rows);
    fputs("usage: registry_rows TABLE name=value …\n", stderr);
    return 2;
}
