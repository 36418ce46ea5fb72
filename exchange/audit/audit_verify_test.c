// SPDX-License-Identifier: Apache-2.0
/* Reads and writes segment files by itself, from docs/specs/audit.md, so that the format
 * is checked by a second hand. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "exchange/audit/audit.h"

enum {
    MONTHS = 3,
    RECORDS_MAX = 200,
    FILE_BYTES_MAX = 1 << 20,
    TAMPERINGS = 1000,
    HEADER_BYTES = 44,
    NODES = 2
};

static const char *const month_names[MONTHS] = {"2025-11.log", "2025-12.log",
                                                "2026-01.log"};
static const char *const node_names[NODES] = {"centre", "hospital"};
static const int64_t november = 1762000000000;
static const int64_t month_ms = 31LL * 24 * 3600 * 1000;

struct place {
    char directory[64];
    int64_t now_ms;
};

/* A series in memory, cut into records. */
struct piece {
    struct span bytes;
    int month;
};

struct series {
    struct piece pieces[RECORDS_MAX];
    size_t count;
};

struct region {
    struct place place;
    struct arena arena;
    struct series series[NODES];
    struct rand_seeded random;
};

static int64_t fixed_ms(void *self)
{
    return ((struct place *)self)->now_ms;
}

static struct audit *open_node(struct place *place, const char *node)
{
    struct err err = {0};
    struct audit_config config = {
        .directory = place->directory,
        .node = node,
        .clock = {fixed_ms, fixed_ms, place},
        .rand = rand_system(),
    };
    struct audit *audit = audit_open(&config, &err);
    CHECK(audit);
    return audit;
}

static void file_name(const struct place *place, int node, int month, char out[128])
{
    snprintf(out, 128, "%s/%s/%s", place->directory, node_names[node],
             month_names[month]);
}

static void load(struct region *region, int node, int month)
{
    struct err err = {0};
    struct series *series = &region->series[node];
    struct span rest;
    char name[128];
    file_name(&region->place, node, month, name);
    CHECK(path_read_file(name, FILE_BYTES_MAX, &region->arena, &rest, &err));
    while (rest.len > HEADER_BYTES) {
        size_t len = (size_t)rest.at[6] << 8 | rest.at[7];
        size_t whole = HEADER_BYTES + len + 1;
        series->pieces[series->count++] =
            (struct piece){span_part(rest, 0, whole), month};
        rest = span_part(rest, whole, rest.len);
    }
    CHECK(rest.len == 0);
}

/* Two nodes over three months that keep each other's heads. */
static void region_make(struct region *region)
{
    struct err err = {0};
    struct place *place = &region->place;
    *region = (struct region){.place = {"/tmp/audit_test_XXXXXX", november},
                              .arena = arena_init(16 << 20),
                              .random = rand_seed(7)};
    CHECK(mkdtemp(place->directory));
    struct audit *audits[NODES] = {open_node(place, "centre"),
                                   open_node(place, "hospital")};
    struct audit_record record = {
        .phase = AUDIT_EVENT, .event = "entry", .verdict = "done"};
    for (int month = 0; month < MONTHS; month++) {
        for (int i = 0; i < 40; i++) {
            for (int node = 0; node < NODES; node++) {
                record.bytes = (int64_t)rand_seeded_below(&region->random, 1000000);
                CHECK(audit_append(audits[node], &record, NULL, &err));
            }
        }
        for (int node = 0; node < NODES; node++) {
            struct audit_position head = audit_head(audits[1 - node]);
            CHECK(audit_keep_head(audits[node], text_cstr(node_names[1 - node]), &head,
                                  &err));
        }
        place->now_ms += month_ms;
    }
    for (int node = 0; node < NODES; node++) {
        audit_close(audits[node]);
        for (int month = 0; month < MONTHS; month++)
            load(region, node, month);
    }
}

static void region_remove(struct region *region)
{
    CHECK(test_remove(region->place.directory));
    arena_free(&region->arena);
}

static void save(const struct region *region, int node, const struct series *series)
{
    for (int month = 0; month < MONTHS; month++) {
        char name[128];
        file_name(&region->place, node, month, name);
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        for (size_t i = 0; i < series->count; i++) {
            struct span bytes = series->pieces[i].bytes;
            if (series->pieces[i].month == month)
                CHECK(write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
        }
        close(fd);
    }
}

struct outcome {
    bool is_good;
    uint64_t count;
    struct audit_fault fault;
};

static struct outcome verify(const struct region *region)
{
    struct err err = {0};
    struct outcome outcome = {0};
    outcome.is_good =
        audit_verify(region->place.directory, &outcome.count, &outcome.fault, &err);
    CHECK(err.kind == ERR_NONE);
    return outcome;
}

static bool is_fault(struct outcome outcome, int node, uint64_t number)
{
    bool is_right = !outcome.is_good &&
                    strcmp(outcome.fault.node, node_names[node]) == 0 &&
                    outcome.fault.number == number && outcome.fault.code;
    if (!is_right)
        printf("# expected %s %llu, found %d %s %llu %s\n", node_names[node],
               (unsigned long long)number, outcome.is_good, outcome.fault.node,
               (unsigned long long)outcome.fault.number,
               outcome.fault.code ? outcome.fault.code : "-");
    return is_right;
}

static size_t below(struct region *region, size_t bound)
{
    return (size_t)rand_seeded_below(&region->random, bound);
}

static void what_was_not_touched_is_in_order(void)
{
    struct region region;
    region_make(&region);
    struct outcome outcome = verify(&region);
    CHECK(outcome.is_good);
    CHECK(outcome.count == region.series[0].count + region.series[1].count);
    CHECK(outcome.count == NODES * (1 + MONTHS * 41));
    region_remove(&region);
}

/* Each tampering returns the first number that is wrong. */

static size_t flip(struct region *region, struct series *series)
{
    size_t index = below(region, series->count);
    struct span *bytes = &series->pieces[index].bytes;
    struct err err = {0};
    struct span copy;
    CHECK(arena_copy(&region->arena, *bytes, &copy, &err));
    uint8_t *at = arena_take(&region->arena, copy.len, 1, &err);
    memcpy(at, copy.at, copy.len);
    at[below(region, copy.len)] ^= (uint8_t)(1 << below(region, 8));
    *bytes = span_of(at, copy.len);
    return index + 1;
}

static size_t delete_one(struct region *region, struct series *series)
{
    /* not the newest ones, which no peer has seen yet: those are "cut" */
    size_t index = below(region, series->count - 2);
    memmove(series->pieces + index, series->pieces + index + 1,
            (series->count - index - 1) * sizeof(struct piece));
    series->count--;
    return index + 1;
}

static size_t insert_one(struct region *region, struct series *series)
{
    size_t from = below(region, series->count);
    size_t index = below(region, series->count + 1);
    struct piece inserted = series->pieces[from];
    memmove(series->pieces + index + 1, series->pieces + index,
            (series->count - index) * sizeof(struct piece));
    inserted.month = index > 0 ? series->pieces[index - 1].month : 0;
    series->pieces[index] = inserted;
    series->count++;
    /* a record doubled in its own place is wrong from the second one on */
    return index == from ? index + 2 : index + 1;
}

static size_t reorder(struct region *region, struct series *series)
{
    size_t one = below(region, series->count - 1);
    size_t other = one + 1 + below(region, series->count - one - 1);
    struct span kept = series->pieces[one].bytes;
    series->pieces[one].bytes = series->pieces[other].bytes;
    series->pieces[other].bytes = kept;
    return one + 1;
}

/* The peer has seen all but the last two (or three) records. */
static size_t cut_tail(struct region *region, struct series *series)
{
    series->count = below(region, series->count - 3);
    return series->count + 1;
}

/* Cuts inside of a record, as if the machine had stopped there. */
static size_t cut_inside(struct region *region, struct series *series)
{
    size_t number = cut_tail(region, series);
    struct piece *last = &series->pieces[series->count++];
    last->bytes = span_part(last->bytes, 0, 1 + below(region, last->bytes.len - 1));
    return number;
}

typedef size_t tampering(struct region *region, struct series *series);

static void try_many(struct region *region, tampering *tamper, int times)
{
    for (int i = 0; i < times; i++) {
        static struct series tampered;
        int node = (int)below(region, NODES);
        struct arena kept = region->arena;
        region->arena = arena_init(16 << 20);
        tampered = region->series[node];
        uint64_t number = tamper(region, &tampered);
        save(region, node, &tampered);
        CHECK(is_fault(verify(region), node, number));
        arena_free(&region->arena);
        region->arena = kept;
        save(region, node, &region->series[node]);
    }
    CHECK(verify(region).is_good);
}

static void a_thousand_tamperings_are_found(void)
{
    static tampering *const tamperings[] = {flip,    delete_one, insert_one,
                                            reorder, cut_tail,   cut_inside};
    struct region region;
    size_t kinds = sizeof tamperings / sizeof tamperings[0];
    region_make(&region);
    for (size_t i = 0; i < kinds; i++)
        try_many(&region, tamperings[i], TAMPERINGS / (int)kinds + 1);
    region_remove(&region);
}

/* Writes the chain anew from a record on, as somebody with all rights could. */
static void forge(struct region *region, struct series *series, size_t from)
{
    uint8_t bytes[HASH_BYTES + 4096];
    struct err err = {0};
    for (size_t i = from; i < series->count; i++) {
        struct span old = series->pieces[i].bytes;
        uint8_t *copy = arena_take(&region->arena, old.len, 1, &err);
        memcpy(copy, old.at, old.len);
        if (i == from)
            copy[old.len - 4] = copy[old.len - 4] == '9' ? '8' : '9'; /* its last value */
        memset(bytes, 0, HASH_BYTES);
        if (i > 0)
            memcpy(bytes, series->pieces[i - 1].bytes.at + 12, HASH_BYTES);
        memcpy(bytes + HASH_BYTES, copy + HEADER_BYTES, old.len - HEADER_BYTES - 1);
        struct hash hash =
            hash_sha256(span_of(bytes, HASH_BYTES + old.len - HEADER_BYTES - 1));
        memcpy(copy + 12, hash.bytes, HASH_BYTES);
        series->pieces[i].bytes = span_of(copy, old.len);
    }
}

static void a_chain_written_anew_does_not_fit_the_peer_s_heads(void)
{
    struct region region;
    static struct series forged;
    region_make(&region);
    for (size_t from = 0; from < 120; from += 7) {
        forged = region.series[1];
        forge(&region, &forged, from);
        save(&region, 1, &forged);
        struct outcome outcome = verify(&region);
        uint64_t head = from < 41 ? 41 : from < 82 ? 82 : 123;
        CHECK(is_fault(outcome, 1, head));
        CHECK(outcome.fault.code && strcmp(outcome.fault.code, "audit_head") == 0);
    }
    save(&region, 1, &region.series[1]);
    CHECK(verify(&region).is_good);
    region_remove(&region);
}

static void an_older_copy_is_found_by_the_peer_s_head(void)
{
    struct region region;
    static struct series older;
    region_make(&region);
    older = region.series[0];
    older.count = 60;
    save(&region, 0, &older);
    struct outcome outcome = verify(&region);
    CHECK(is_fault(outcome, 0, 61) && strcmp(outcome.fault.code, "audit_cut") == 0);
    region_remove(&region);
}

static void a_missing_month_is_found(void)
{
    for (int month = 0; month < MONTHS; month++) {
        struct region region;
        char name[128];
        region_make(&region);
        file_name(&region.place, 1, month, name);
        CHECK(unlink(name) == 0);
        uint64_t number = 1;
        for (int i = 0; i < month; i++)
            number += i == 0 ? 42 : 41;
        CHECK(is_fault(verify(&region), 1, number));
        region_remove(&region);
    }
}

static void a_series_under_another_name_is_found(void)
{
    struct region region;
    char from[128];
    char to[128];
    region_make(&region);
    snprintf(from, sizeof from, "%s/hospital", region.place.directory);
    snprintf(to, sizeof to, "%s/other", region.place.directory);
    CHECK(rename(from, to) == 0);
    struct outcome outcome = verify(&region);
    CHECK(!outcome.is_good && strcmp(outcome.fault.node, "other") == 0 &&
          outcome.fault.number == 1);
    region_remove(&region);
}

static void a_directory_that_is_not_there_is_an_error(void)
{
    struct err err = {0};
    uint64_t count = 0;
    struct audit_fault fault;
    CHECK(!audit_verify("/tmp/audit_test_no_such_directory", &count, &fault, &err));
    CHECK(err.kind == ERR_MISSING);
}

static void a_series_of_one_node_alone_is_in_order(void)
{
    struct region region;
    char name[128];
    region_make(&region);
    for (int month = 0; month < MONTHS; month++) {
        file_name(&region.place, 1, month, name);
        CHECK(unlink(name) == 0);
    }
    snprintf(name, sizeof name, "%s/hospital/lock", region.place.directory);
    CHECK(unlink(name) == 0);
    snprintf(name, sizeof name, "%s/hospital", region.place.directory);
    CHECK(rmdir(name) == 0);
    struct outcome outcome = verify(&region);
    CHECK(outcome.is_good && outcome.count == region.series[0].count);
    region_remove(&region);
}

static void heads_that_cannot_be_are_refused(void)
{
    struct region region;
    struct err err = {0};
    region_make(&region);
    struct audit *audit = open_node(&region.place, "centre");
    struct audit_position head = {.number = 1};
    CHECK(!audit_keep_head(audit, TEXT("../x"), &head, &err));
    CHECK(err.kind == ERR_SYNTAX);
    err_clear(&err);
    head.number = 0;
    CHECK(!audit_keep_head(audit, TEXT("hospital"), &head, &err));
    audit_close(audit);
    region_remove(&region);
}

static bool count_alarm(void *context, uint64_t number, struct span json, struct err *err)
{
    (void)number;
    (void)err;
    int *count = context;
    *count += memmem(json.at, json.len, "\"peer_audit\"", 12) != NULL;
    return true;
}

static int alarms(const struct region *region)
{
    struct err err = {0};
    int count = 0;
    CHECK(audit_walk(region->place.directory, "centre", 1, count_alarm, &count, &err));
    return count;
}

/* While both run, without anybody comparing files; also when we were restarted between.
 */
static void a_peer_whose_head_goes_back_is_told_at_once(void)
{
    struct region region;
    struct err err = {0};
    region_make(&region);
    struct audit *audit = open_node(&region.place, "centre");
    struct audit_position head = {.number = 50, .hash = {{1}}};
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err));
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err));
    head.number = 60;
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err));
    CHECK(alarms(&region) == 0);
    audit_close(audit);
    audit = open_node(&region.place, "centre");
    head.number = 55;
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err) && alarms(&region) == 1);
    head.hash.bytes[0] = 2;
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err) && alarms(&region) == 2);
    CHECK(audit_keep_head(audit, TEXT("clinic"), &head, &err) && alarms(&region) == 2);
    audit_close(audit);
    region_remove(&region);
}

int main(void)
{
    RUN(a_peer_whose_head_goes_back_is_told_at_once);
    RUN(what_was_not_touched_is_in_order);
    RUN(a_thousand_tamperings_are_found);
    RUN(a_chain_written_anew_does_not_fit_the_peer_s_heads);
    RUN(an_older_copy_is_found_by_the_peer_s_head);
    RUN(a_missing_month_is_found);
    RUN(a_series_under_another_name_is_found);
    RUN(a_directory_that_is_not_there_is_an_error);
    RUN(a_series_of_one_node_alone_is_in_order);
    RUN(heads_that_cannot_be_are_refused);
    return test_done();
}
