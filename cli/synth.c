// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/synth/synth.h"

static const char USAGE[] =
    "usage: tsumugi synth --seed N --today YYYY-MM-DD --out DIR [--people N]\n"
    "                     [--consent comprehensive|specific] [--waves W] [--images I]\n"
    "Writes an invented region: DIR/region.json and DIR/storage/<facility>/, the "
    "SS-MIX2\n"
    "storages of its hospitals, and ECGs. Same seed, day and number of people: same "
    "bytes.\n"
    "  --seed N      any number from 0 to 9007199254740991\n"
    "  --today DATE  the last day that has entries, 2021-01-01 to 2099-12-31\n"
    "  --out DIR     made when missing; must not hold a region yet\n"
    "  --people N    28 to 20000, 200 when left out\n"
    "  --waves W     MFER files in DIR/waves/<facility>/: none, ecg (of the last 400 "
    "days,\n"
    "                when left out), all (24 hours of ECG too, 22 MB)\n"
    "  --consent M   what the network's consents name: its list of participants\n"
    "                (comprehensive, when left out) or each facility (specific)\n"
    "  --images I    DIR/images/<facility>/, DICOM studies of some orders: none, small\n"
    "                (when left out), full: that has a CT of 600 slices and takes a "
    "minute\n";

enum { ARENA_BYTES = 256 << 20 };

struct arguments {
    uint64_t seed;
    uint64_t people;
    int32_t today;
    const char *out;
    bool has_seed;
    enum synth_images images;
    bool is_specific;
    bool has_no_waves;
    bool has_long_waves;
};

static bool take_images(const char *value, enum synth_images *images)
{
    static const char *const words[] = {
        [SYNTH_NO_IMAGES] = "none",
        [SYNTH_SMALL_IMAGES] = "small",
        [SYNTH_FULL_IMAGES] = "full",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0) {
            *images = (enum synth_images)i;
            return true;
        }
    return false;
}

static bool take_argument(const char *name, const char *value,
                          struct arguments *arguments)
{
    struct span span = span_cstr(value);
    if (strcmp(name, "--seed") == 0) {
        /* Numbers of JSON are exact only up to 2^53. */
        arguments->has_seed = span_uint(span, (1ULL << 53) - 1, &arguments->seed);
        return arguments->has_seed;
    }
    if (strcmp(name, "--people") == 0)
        return span_uint(span, SYNTH_PEOPLE_MAX, &arguments->people) &&
               arguments->people >= SYNTH_PEOPLE_MIN;
    if (strcmp(name, "--consent") == 0) {
        arguments->is_specific = strcmp(value, "specific") == 0;
        return arguments->is_specific || strcmp(value, "comprehensive") == 0;
    }
    if (strcmp(name, "--images") == 0)
        return take_images(value, &arguments->images);
    if (strcmp(name, "--waves") == 0) {
        arguments->has_long_waves = strcmp(value, "all") == 0;
        arguments->has_no_waves = strcmp(value, "none") == 0;
        return arguments->has_long_waves || arguments->has_no_waves ||
               strcmp(value, "ecg") == 0;
    }
    if (strcmp(name, "--today") == 0) {
        arguments->today = day_from_iso(span);
        return arguments->today >= day_from_date(2021, 1, 1) &&
               arguments->today <= day_from_date(2099, 12, 31);
    }
    if (strcmp(name, "--out") != 0)
        return false;
    arguments->out = value;
    return value[0] != 0;
}

static bool take_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc || !take_argument(argv[i], argv[i + 1], arguments)) {
            fprintf(stderr, "tsumugi synth: %s: missing or wrong value\n", argv[i]);
            return false;
        }
    }
    if (arguments->has_seed && arguments->out && arguments->today != DAY_NONE)
        return true;
    fputs("tsumugi synth: --seed, --today and --out are needed\n", stderr);
    return false;
}

static bool write_all(struct synth *synth)
{
    if (faccessat(synth->root, "region.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(synth->root, "storage", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(synth->root, "extended", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(synth->root, "images", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        faccessat(synth->root, "waves", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(&synth->err, ERR_CONFLICT, "region_exists",
                       "there is a region in that directory already");
    if (!synth_make_people(synth))
        return false;
    for (int i = 0; i < synth->people_count && synth->err.kind == ERR_NONE; i++)
        synth_write_person(synth, &synth->people[i]);
    synth_write_faults(synth);
    synth_write_images(synth);
    return synth->err.kind == ERR_NONE && synth_write_region(synth);
}

static void print_usage(FILE *out)
{
    fputs(USAGE, out);
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {
        .people = SYNTH_PEOPLE_DEFAULT, .images = SYNTH_SMALL_IMAGES, .today = DAY_NONE};
    if (!take_arguments(argc, argv, &arguments)) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    struct synth synth = {.seed = arguments.seed,
                          .today = arguments.today,
                          .is_specific = arguments.is_specific,
                          .images = arguments.images,
                          .has_ecgs = !arguments.has_no_waves,
                          .has_long_waves = arguments.has_long_waves,
                          .people_count = (int)arguments.people,
                          .arena = arena_init(ARENA_BYTES),
                          .root = -1};
    bool is_good = path_make_directory(arguments.out, &synth.err);
    if (is_good) {
        synth.root = path_open_root(arguments.out, &synth.err);
        is_good = synth.root >= 0 && write_all(&synth);
    }
    if (is_good)
        printf("%d persons, %d files in %s\n", synth.people_count, synth.files,
               arguments.out);
    else
        fprintf(stderr, "tsumugi synth: %s: %s\n", synth.err.code, synth.err.text);
    path_close(&synth.root);
    arena_free(&synth.arena);
    return is_good ? COMMAND_OK : COMMAND_FAILED;
}

const struct command command_synth = {"synth", "writes an invented region for tests",
                                      print_usage, run};
