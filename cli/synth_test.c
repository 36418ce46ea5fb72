// SPDX-License-Identifier: Apache-2.0
#include "cli/synth/synth.h"

#include <dirent.h>
#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/test.h"
#include "cli/commands.h"
#include "formats/extended/extended.h"
#include "formats/hl7/hl7.h"
#include "formats/intake/intake.h"
#include "formats/json/json.h"
#include "formats/mfer/mfer.h"

static char root[64];

/* What a walk over a tree finds. */
struct tally {
    int files;
    int bad; /* not a message, or with oddities */
    int counts[SYNTH_TYPE_COUNT][3];
    int documents[ENTRY_KIND_COUNT][3]; /* of extended storage */
    int beside;                         /* files that belong to one */
    int inside;                         /* pictures that one holds */
    int waves;
    struct hash_run *hash; /* NULL = read as messages */
};

static const char *waves = "ecg";

static int run(const char *seed, const char *today, const char *people, const char *out)
{
    /* Images have their own test. */
    const char *words[] = {"synth", "--seed",  seed,       "--today", today,
                           "--out", out,       "--people", people,    "--images",
                           "none",  "--waves", waves};
    enum { WORDS = sizeof words / sizeof *words, WORD_BYTES = 256 };
    char copies[WORDS][WORD_BYTES];
    char *argv[WORDS + 1] = {0};
    for (size_t i = 0; i < WORDS; i++) {
        snprintf(copies[i], WORD_BYTES, "%s", words[i]);
        argv[i] = copies[i];
    }
    return command_synth.run(WORDS, argv);
}

/* A document of extended storage: understood, one entry of a kind. */
static void look_at_document(const char *name, struct span bytes, struct arena *arena,
                             struct tally *tally)
{
    struct err err = {0};
    struct intake_message *message = NULL;
    const char *slash = strrchr(name, '/');
    struct intake_source source = {.path = span_cstr(name), .bytes = bytes};
    if (slash && !extended_is_main(span_cstr(slash + 1))) {
        tally->beside++;
        return;
    }
    CHECK(intake_read(&source, arena, &message, &err));
    if (!message || message->err.kind != ERR_NONE || message->list.count != 1 ||
        message->list.patient.id.len == 0) {
        tally->bad++;
        return;
    }
    static const int flags[ENTRY_STATE_COUNT] = {
        [ENTRY_CURRENT] = 1, [ENTRY_SUPERSEDED] = 2, [ENTRY_DELETED] = 0};
    const struct entry *entry = message->list.first;
    for (const struct entry_item *item = entry->items; item; item = item->next)
        tally->inside += strcmp(item->type, "part") == 0;
    tally->documents[entry->kind][flags[entry->state]]++;
}

/* An ECG: understood without a warning, of the patient and the order that its name says,
 * and the order has its result. */
static void look_at_wave(const char *name, struct span bytes, struct arena *arena,
                         struct tally *tally)
{
    struct err err = {0};
    struct mfer_file file = {0};
    struct span path = span_cstr(name + strlen(name) - strlen(strstr(name, "/waves/")));
    struct span parts[5] = {{0}};
    struct span words[3] = {{0}};
    for (size_t i = 0; i < 5; i++)
        CHECK(span_take(&path, '/', &parts[i]));
    for (size_t i = 0; i < 3; i++)
        CHECK(span_take(&parts[4], '_', &words[i]));
    CHECK(mfer_detect(bytes) && mfer_read(bytes, arena, &file, &err));
    CHECK(!file.findings.warnings && file.recording.group_count == 1);
    CHECK(span_equal(text_span(file.patient.id), parts[3]));
    CHECK(file.recording.day == day_from_digits(words[1]));
    CHECK(file.recording.statements != NULL && file.patient.name.len > 0);
    char folder[512];
    int len = (int)(strstr(name, "/waves/") - name);
    snprintf(folder, sizeof folder, "%.*s/storage/%.*s/%.3s/%.3s/%.*s/%.*s/OMG-13", len,
             name, (int)parts[2].len, parts[2].at, (const char *)words[0].at,
             (const char *)words[0].at + 3, (int)words[0].len, words[0].at,
             (int)words[1].len, words[1].at);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, NULL);
    bool has_result = false;
    for (int i = 0; i < count; i++) {
        has_result |= memmem(entries[i]->d_name, strlen(entries[i]->d_name), words[2].at,
                             words[2].len - strlen(".mwf")) != NULL;
        memory_free(entries[i]);
    }
    memory_free(entries);
    CHECK(has_result);
    tally->waves++;
}

static void look_at(const char *name, const char *file, struct tally *tally)
{
    CLEANUP(arena_free) struct arena arena = arena_init(16 << 20);
    struct err err = {0};
    struct span bytes = {0};
    CHECK(path_read_file(name, 8 << 20, &arena, &bytes, &err));
    tally->files++;
    if (tally->hash) {
        hash_add(tally->hash, span_cstr(file));
        hash_add(tally->hash, bytes);
        return;
    }
    if (strcmp(file, "region.json") == 0)
        return;
    if (strstr(name, "/waves/")) {
        look_at_wave(name, bytes, &arena, tally);
        return;
    }
    if (strstr(name, "/extended/")) {
        look_at_document(name, bytes, &arena, tally);
        return;
    }
    const struct hl7_message *message = hl7_parse(bytes, &arena, &err);
    if (!message || hl7_oddities(message) || hl7_charset_is_misdeclared(message)) {
        tally->bad++;
        return;
    }
    for (int i = 0; i < SYNTH_TYPE_COUNT; i++) {
        char infix[16];
        snprintf(infix, sizeof infix, "/%s/", synth_type_code((enum synth_type)i));
        if (strstr(name, infix))
            tally->counts[i][name[strlen(name) - 1] - '0']++;
    }
    struct text text = {0};
    size_t pid = hl7_find(message, "PID", 0);
    CHECK(pid != HL7_NONE && hl7_text(message, HL7_AT(pid, 5, 0), &arena, &text, &err));
    CHECK(text.len > 0 && !(hl7_charset_findings(message) & CHARSET_BAD_BYTES));
}

/* In order of the names, so that two trees give the same hash. */
static void walk(const char *directory, struct tally *tally)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, NULL, alphasort);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", directory, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && entries[i]->d_type == DT_DIR)
            walk(name, tally);
        else if (entries[i]->d_name[0] != '.')
            look_at(name, entries[i]->d_name, tally);
        memory_free(entries[i]);
    }
    memory_free(entries);
}

static struct hash hash_of(const char *directory)
{
    struct err err = {0};
    struct tally tally = {.hash = hash_new(&err)};
    walk(directory, &tally);
    struct hash hash = hash_finish(tally.hash);
    hash_free(tally.hash);
    return hash;
}

static const char *below(const char *name)
{
    static char paths[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", root, name);
    return paths[next];
}

static void the_same_seed_and_day_give_the_same_bytes(void)
{
    CHECK(run("3", "2026-11-24", "28", below("a")) == COMMAND_OK);
    CHECK(run("3", "2026-11-24", "28", below("b")) == COMMAND_OK);
    CHECK(run("4", "2026-11-24", "28", below("c")) == COMMAND_OK);
    struct hash a = hash_of(below("a"));
    struct hash b = hash_of(below("b"));
    struct hash c = hash_of(below("c"));
    CHECK(hash_equal(&a, &b));
    CHECK(!hash_equal(&a, &c));
}

static void a_region_is_never_written_over(void)
{
    CHECK(run("3", "2026-11-24", "28", below("a")) == COMMAND_FAILED);
}

static void wrong_usage_is_refused(void)
{
    CHECK(run("x", "2026-11-24", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("-1", "2026-11-24", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("9007199254740992", "2026-11-24", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "2026-02-30", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "20261124", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "1999-12-31", "28", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "2026-11-24", "27", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "2026-11-24", "20001", below("d")) == COMMAND_USAGE);
    CHECK(run("1", "2026-11-24", "28", "") == COMMAND_USAGE);
    char *images[] = {(char[]){"synth"},      (char[]){"--seed"},
                      (char[]){"1"},          (char[]){"--out"},
                      (char[]){"never"},      (char[]){"--today"},
                      (char[]){"2026-11-24"}, (char[]){"--images"},
                      (char[]){"huge"},       NULL};
    CHECK(command_synth.run(9, images) == COMMAND_USAGE);
    CHECK(access(below("d"), F_OK) != 0);
    char word[] = "synth";
    char *argv[] = {word, NULL};
    CHECK(command_synth.run(1, argv) == COMMAND_USAGE);
}

static struct json_document *region_of(const char *directory, struct arena *arena)
{
    char name[192];
    struct err err = {0};
    struct span bytes = {0};
    snprintf(name, sizeof name, "%s/region.json", directory);
    CHECK(path_read_file(name, 64 << 20, arena, &bytes, &err));
    struct json_document *document = json_parse(bytes, &err);
    CHECK(document);
    return document;
}

static int64_t int_of(const struct json_value *object, const char *key)
{
    struct err err = {0};
    int64_t value = -1;
    CHECK(json_take_int(object, key, 0, INT64_MAX, &value, &err));
    return value;
}

static struct text text_of(const struct json_value *object, const char *key)
{
    struct err err = {0};
    struct text text = {0};
    CHECK(json_take_text(object, key, 4096, &text, &err));
    return text;
}

/* Adds what region.json says of one person's files. */
static int64_t count_person(const struct json_value *person, struct tally *tally)
{
    int64_t current = 0;
    const struct json_value *records = json_member(person, "records");
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_value *counts = json_member(json_item(records, i), "counts");
        for (size_t j = 0; j < json_count(counts); j++) {
            const struct json_value *count = json_item(counts, j);
            current += int_of(count, "current");
            for (int type = 0; type < SYNTH_TYPE_COUNT; type++)
                if (text_is(text_of(count, "type"),
                            synth_type_code((enum synth_type)type))) {
                    tally->counts[type][0] += (int)int_of(count, "deleted");
                    tally->counts[type][1] += (int)int_of(count, "current");
                    tally->counts[type][2] += (int)int_of(count, "replaced");
                }
        }
    }
    return current;
}

static void count_documents(const struct json_value *person, struct tally *tally)
{
    const struct json_value *records = json_member(person, "records");
    for (size_t i = 0; i < json_count(records); i++) {
        const struct json_value *counts = json_member(json_item(records, i), "documents");
        for (size_t j = 0; j < json_count(counts); j++) {
            const struct json_value *count = json_item(counts, j);
            enum entry_kind kind = ENTRY_UNKNOWN;
            struct text id = text_of(count, "kind");
            CHECK(entry_kind_parse(id, &kind));
            tally->documents[kind][0] += (int)int_of(count, "deleted");
            tally->documents[kind][1] += (int)int_of(count, "current");
            tally->documents[kind][2] += (int)int_of(count, "replaced");
        }
    }
}

static void the_files_are_those_that_the_region_tells_of(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(json_free_at) struct json_document *document = region_of(below("a"), &arena);
    const struct json_value *region = json_root(document);
    struct tally told = {0};
    struct tally found = {0};
    const struct json_value *persons = json_member(region, "persons");
    for (size_t i = 0; i < json_count(persons); i++) {
        (void)count_person(json_item(persons, i), &told);
        count_documents(json_item(persons, i), &told);
    }
    walk(below("a"), &found);
    CHECK(memcmp(told.documents, found.documents, sizeof told.documents) == 0);
    CHECK(found.waves >= 10);
    CHECK(found.beside > 0 && found.beside % 3 == 0 && found.inside > 0);
    CHECK(told.documents[ENTRY_DOCUMENT][1] > 0 && told.documents[ENTRY_DOCUMENT][2] > 0);
    CHECK(told.documents[ENTRY_VITAL_SIGNS][1] > 0);
    CHECK(told.documents[ENTRY_PROGRESS_NOTE][1] > 0);
    CHECK(told.documents[ENTRY_UNKNOWN][1] > 0);
    const struct json_value *faults = json_member(region, "faults");
    CHECK(json_count(faults) == 12);
    CHECK(found.files == (int)int_of(region, "files") + 1);
    /* misdeclared twice, cut, without MSH, no message */
    CHECK(found.bad == 5);
    for (int type = 0; type < SYNTH_TYPE_COUNT; type++) {
        /* Six of the deviating files are good results of the laboratory. */
        int extra = type == SYNTH_OML_11 ? 6 : 0;
        CHECK(found.counts[type][0] == told.counts[type][0]);
        CHECK(found.counts[type][1] == told.counts[type][1] + extra);
        CHECK(found.counts[type][2] == told.counts[type][2]);
        CHECK(told.counts[type][1] > 0);
    }
    for (size_t i = 0; i < json_count(faults); i++) {
        char name[512];
        struct text path = text_of(json_item(faults, i), "path");
        snprintf(name, sizeof name, "%s/%.*s", below("a"), (int)path.len, path.at);
        CHECK(access(name, R_OK) == 0);
    }
}

/* Whether one of the list's members named `list` says `facility`. */
static bool has_of(const struct json_value *owners, const char *list,
                   struct text facility)
{
    for (size_t i = 0; i < json_count(owners); i++) {
        const struct json_value *items = json_member(json_item(owners, i), list);
        for (size_t j = 0; j < json_count(items); j++)
            if (text_equal(text_of(json_item(items, j), "facility"), facility))
                return true;
    }
    return false;
}

static void there_are_facilities_of_every_kind_with_patients_and_staff(void)
{
    static const char *const kinds[] = {"hospital", "clinic",  "dental",
                                        "pharmacy", "nursing", "care"};
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(json_free_at) struct json_document *document = region_of(below("a"), &arena);
    const struct json_value *region = json_root(document);
    const struct json_value *facilities = json_member(region, "facilities");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t found = 0;
        for (size_t j = 0; j < json_count(facilities); j++) {
            const struct json_value *facility = json_item(facilities, j);
            struct text code = text_of(facility, "code");
            if (!text_is(text_of(facility, "kind"), kinds[i]))
                continue;
            found++;
            CHECK(has_of(json_member(region, "persons"), "records", code));
            CHECK(has_of(json_member(region, "staff"), "posts", code));
        }
        CHECK(found > 0);
    }
}

static void the_heavy_case_is_heavy_and_stars_have_entries_of_today(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(json_free_at) struct json_document *document = region_of(below("a"), &arena);
    const struct json_value *persons = json_member(json_root(document), "persons");
    struct tally ignored = {0};
    int64_t heavy = count_person(json_item(persons, 0), &ignored);
    CHECK(heavy > 1300 && heavy < 1700);
    for (size_t i = 0; i < SYNTH_STARS; i++) {
        const struct json_value *records = json_member(json_item(persons, i), "records");
        int fresh = 0;
        for (size_t j = 0; j < json_count(records) && j < SYNTH_HOSPITALS; j++) {
            struct text number = text_of(json_item(records, j), "number");
            struct text facility = text_of(json_item(records, j), "facility");
            char name[512];
            for (int day = 23; day <= 24; day++) {
                snprintf(name, sizeof name, "%s/storage/%.*s/%.3s/%.3s/%.*s/202611%d",
                         below("a"), (int)facility.len, facility.at, number.at,
                         number.at + 3, (int)number.len, number.at, day);
                fresh += access(name, R_OK) == 0;
            }
        }
        CHECK(fresh >= 2);
    }
}

/* The one file that is larger than a megabyte. */
static char long_path[512];

static int find_long(const char *name, const struct stat *status, int kind,
                     struct FTW *place)
{
    (void)place;
    if (kind == FTW_F && status->st_size > 1 << 20)
        snprintf(long_path, sizeof long_path, "%s", name);
    return 0;
}

static void a_day_of_ecg_is_whole(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct err err = {0};
    struct span bytes = {0};
    struct mfer_file file = {0};
    double low = 0;
    double high = 0;
    enum { RATE = 125, DAY_SECONDS = 86400, LOOSE_SECOND = 9 * 3600 + 10 };
    waves = "all";
    CHECK(run("3", "2026-11-24", "28", below("long")) == COMMAND_OK);
    nftw(below("long"), find_long, 16, FTW_PHYS);
    CHECK(path_read_file(long_path, 64 << 20, &arena, &bytes, &err));
    CHECK(mfer_read(bytes, &arena, &file, &err) && !file.findings.warnings);
    const struct waveform_group *group = file.recording.groups;
    CHECK(group && group->kind == WAVEFORM_LONG_TERM && group->channel_count == 2);
    CHECK(file.recording.annotation_count == 4);
    if (!group || group->channel_count != 2)
        return;
    CHECK(group->channels[0].sample_count == (uint64_t)RATE * DAY_SECONDS);
    waveform_extremes(&group->channels[1], (uint64_t)RATE * LOOSE_SECOND, RATE, &low,
                      &high);
    CHECK(isnan(low) && isnan(high));
    /* a heart beats in every five seconds of the day */
    for (uint64_t second = 0; second < DAY_SECONDS; second += 5) {
        waveform_extremes(&group->channels[0], second * RATE, RATE * 5, &low, &high);
        if (high - low < 40)
            CHECK(high - low >= 40);
    }
    waves = "many";
    CHECK(run("3", "2026-11-24", "28", below("d")) == COMMAND_USAGE);
    waves = "none";
    CHECK(run("3", "2026-11-24", "28", below("none")) == COMMAND_OK);
    char name[160];
    snprintf(name, sizeof name, "%s/waves", below("none"));
    CHECK(access(name, F_OK) != 0);
    waves = "ecg";
}

static int remove_entry(const char *name, const struct stat *status, int kind,
                        struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(name);
}

int main(void)
{
    /* Tens of thousands of small files: memory is kinder to them. */
    bool has_memory = access("/dev/shm", W_OK) == 0;
    snprintf(root, sizeof root, "%s/synth_test_XXXXXX", has_memory ? "/dev/shm" : "/tmp");
    if (!mkdtemp(root))
        return 1;
    RUN(the_same_seed_and_day_give_the_same_bytes);
    RUN(a_region_is_never_written_over);
    RUN(wrong_usage_is_refused);
    RUN(the_files_are_those_that_the_region_tells_of);
    RUN(there_are_facilities_of_every_kind_with_patients_and_staff);
    RUN(the_heavy_case_is_heavy_and_stars_have_entries_of_today);
    RUN(a_day_of_ecg_is_whole);
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return test_done();
}
