// SPDX-License-Identifier: Apache-2.0
/* How fast a gateway takes an archive of pictures into its index: the first look at a
 * tree of CT instances, further looks at the unchanged tree, and one that looks at every
 * file. Beside them, over the same tree in the same run, what no reader can be faster
 * than: walking it, walking it and reading the first 64 kB of every file, and asking for
 * the times of folders that are known. Pixels are holes (512 × 512 of 16 bits), so that
 * the tree is as long as a real one and needs no such disk; nobody reads them here. The
 * page cache is warm: a disk that has to turn is slower.
 *
 * usage: bench_study FOLDER [INSTANCES [PER_SERIES]]     20,000 in series of 100 when not
 *        given; one JSON line per answer. FOLDER must not be there yet. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "formats/dicom/dicom_testsite.h"
#include "gateway/study/study.h"

enum {
    RUNS = 5, /* of what can be repeated: the median counts */
    SIDE = 512,
    HEAD_BYTES = 64 * 1024,
    PATH_BYTES = 1200,
    SERIES_MAX = 100000,
    AGED_S = 90 * 86400 /* an archive's folders are long at rest */
};

static const char *const policy_json = "{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}";

static const char *folder;
static uint64_t instances = 20000;
static uint64_t per_series = 100;

/* of the walk; nftw hands nothing on */
static size_t files;
static size_t folder_count;
static char *folders[SERIES_MAX + 2];
static bool reads;

static void fail(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_study: %s: %s %s\n", what, err && err->code ? err->code : "",
            err ? err->text : "");
    exit(1);
}

static double now_s(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the archive ---- */

static void put_number(struct site *site, uint32_t tag, const char *vr,
                       const char *before, uint64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%s%" PRIu64, before, number);
    put_string(site, tag, vr, text);
}

static void put_uid(struct site *site, uint32_t tag, uint64_t series, uint64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "2.25.7.%" PRIu64 ".%" PRIu64, series, number);
    put_string(site, tag, "UI", text);
}

/* What a scanner says of a slice, as far as an index looks; ten more that it does not. */
static void put_heading(struct site *site, uint64_t series, uint64_t number)
{
    put_string(site, DICOM_CHARACTER_SET, "CS", "ISO_IR 192");
    put_string(site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.2");
    put_uid(site, DICOM_SOP_INSTANCE, series, number);
    put_string(site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(site, DICOM_STUDY_TIME, "TM", "101500");
    put_number(site, DICOM_ACCESSION, "SH", "A", series / 3);
    put_string(site, DICOM_MODALITY, "CS", "CT");
    for (uint32_t tag = 0x00080070; tag < 0x0008007A; tag++)
        put_string(site, tag, "LO", "a word of the maker");
    put_string(site, DICOM_STUDY_DESCRIPTION, "LO", "胸部単純");
    put_string(site, DICOM_SERIES_DESCRIPTION, "LO", "縦隔条件 5mm");
    put_string(site, DICOM_PATIENT_NAME, "PN", "IIDA^HANAKO=飯田^花子");
    put_number(site, DICOM_PATIENT_ID, "LO", "9", series / 6);
    put_string(site, DICOM_BIRTH_DATE, "DA", "19500102");
    put_string(site, DICOM_SEX, "CS", "F");
    put_string(site, DICOM_BODY_PART, "CS", "CHEST");
    put_number(site, DICOM_STUDY, "UI", "2.25.5.", series / 3);
    put_number(site, DICOM_SERIES, "UI", "2.25.6.", series);
    put_number(site, DICOM_SERIES_NUMBER, "IS", "", series % 3 + 1);
    put_number(site, DICOM_INSTANCE_NUMBER, "IS", "", number + 1);
}

static void put_picture(struct site *site, uint64_t number)
{
    enum { POSITION = 0x00200032, ORIENTATION = 0x00200037, SPACING = 0x00280030 };
    enum { CENTER = 0x00281050, WIDTH = 0x00281051, INTERCEPT = 0x00281052 };
    put_number(site, POSITION, "DS", "-175.0\\-175.0\\", number);
    put_string(site, ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    put_string(site, DICOM_FRAME_OF_REFERENCE, "UI", "2.25.8");
    put_short(site, DICOM_SAMPLES, 1);
    put_string(site, DICOM_PHOTOMETRIC, "CS", "MONOCHROME2");
    put_short(site, DICOM_ROWS, SIDE);
    put_short(site, DICOM_COLUMNS, SIDE);
    put_string(site, SPACING, "DS", "0.68359375\\0.68359375");
    put_short(site, DICOM_BITS_ALLOCATED, 16);
    put_short(site, DICOM_BITS_STORED, 16);
    put_short(site, DICOM_HIGH_BIT, 15);
    put_short(site, DICOM_PIXEL_REPRESENTATION, 1);
    put_string(site, CENTER, "DS", "40");
    put_string(site, WIDTH, "DS", "400");
    put_string(site, INTERCEPT, "DS", "-1024");
    put_string(site, INTERCEPT + 1, "DS", "1");
}

/* The last element's two bytes become as many as a slice has; the rest is a hole. */
static void write_instance(const char *path, uint64_t series, uint64_t number)
{
    static const uint8_t pixels[4] = {0, SIDE * SIDE * 2 >> 8 & 0xFF,
                                      SIDE * SIDE * 2 >> 16, 0};
    struct site site = new_site(LITTLE);
    put_heading(&site, series, number);
    put_picture(&site, number);
    put_shorts(&site, DICOM_PIXELS, "OW", (const uint16_t[]){1}, 1);
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    memcpy(whole.at + whole.len - 6, pixels, sizeof pixels);
    CLEANUP(path_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, whole.at, whole.len) != (ssize_t)whole.len ||
        ftruncate(fd, (off_t)whole.len - 2 + (off_t)SIDE * SIDE * 2) != 0)
        fail(path, NULL);
    buf_free(&site.out);
}

static void age(const char *path)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - AGED_S}, {0}};
    times[1] = times[0];
    if (utimensat(AT_FDCWD, path, times, 0) != 0)
        fail(path, NULL);
}

static void write_archive(const char *directory)
{
    char path[PATH_BYTES];
    struct err err = {0};
    uint64_t series_count = (instances + per_series - 1) / per_series;
    for (uint64_t series = 0; series < series_count; series++) {
        int written = snprintf(path, sizeof path, "%s/%03" PRIu64 "/%06" PRIu64,
                               directory, series / 100, series);
        if (written < 0 || (size_t)written >= sizeof path ||
            !path_make_directory(path, &err))
            fail(path, &err);
        size_t len = strlen(path);
        uint64_t left = instances - series * per_series;
        for (uint64_t i = 0; i < per_series && i < left; i++) {
            snprintf(path + len, sizeof path - len, "/%05" PRIu64 ".dcm", i);
            write_instance(path, series, i);
        }
        path[len] = '\0';
        age(path);
    }
}

/* ---- what limits from outside ---- */

static int visit(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    static uint8_t head[HEAD_BYTES];
    (void)status;
    (void)where;
    if (kind == FTW_F) {
        files++;
        CLEANUP(path_close) int fd = reads ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (reads && read(fd, head, sizeof head) < 0)
            fail(path, NULL);
    } else if (folder_count < SERIES_MAX && !reads) {
        folders[folder_count++] = strdup(path);
    }
    return 0;
}

static void free_folders(void)
{
    while (folder_count > 0)
        free(folders[--folder_count]);
}

static void walk(const char *directory, bool is_read)
{
    files = 0;
    reads = is_read;
    if (!is_read)
        free_folders();
    if (nftw(directory, visit, 64, FTW_PHYS) != 0)
        fail(directory, NULL);
}

static void ask_times(const char *directory)
{
    struct stat status;
    (void)directory;
    for (size_t i = 0; i < folder_count; i++)
        if (stat(folders[i], &status) != 0)
            fail(folders[i], NULL);
}

static void walk_only(const char *directory)
{
    walk(directory, false);
}

static void walk_and_read(const char *directory)
{
    walk(directory, true);
}

/* ---- measuring ---- */

struct measure {
    double wall_s[RUNS], cpu_s[RUNS];
    int count;
    double wall_from, cpu_from;
};

static void start(struct measure *measure)
{
    measure->wall_from = now_s(CLOCK_MONOTONIC);
    measure->cpu_from = now_s(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(struct measure *measure)
{
    measure->wall_s[measure->count] = now_s(CLOCK_MONOTONIC) - measure->wall_from;
    measure->cpu_s[measure->count++] =
        now_s(CLOCK_PROCESS_CPUTIME_ID) - measure->cpu_from;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void print(const char *what, const char *unit, size_t count,
                  struct measure *measure)
{
    size_t runs = (size_t)measure->count;
    qsort(measure->wall_s, runs, sizeof *measure->wall_s, compare);
    qsort(measure->cpu_s, runs, sizeof *measure->cpu_s, compare);
    printf("{\"bench\":\"study\",\"what\":\"%s\",\"%s\":%zu,\"seconds\":%.4f,"
           "\"cpu_seconds\":%.4f,\"%s_per_second\":%.0f,\"runs\":%zu}\n",
           what, unit, count, measure->wall_s[runs / 2], measure->cpu_s[runs / 2], unit,
           (double)count / measure->wall_s[runs / 2], runs);
    fflush(stdout);
}

static void measure_outside(const char *what, const char *unit, const char *directory,
                            void (*work)(const char *directory))
{
    struct measure measure = {0};
    for (int i = 0; i < RUNS; i++) {
        start(&measure);
        work(directory);
        stop(&measure);
    }
    print(what, unit, unit[1] == 'i' ? files : folder_count, &measure);
}

static void sweep(struct study *study, struct measure *measure)
{
    struct err err = {0};
    start(measure);
    if (!study_sweep(study, &err))
        fail("sweep", &err);
    stop(measure);
}

static void measure_gateway(struct index *index, const char *directory)
{
    struct measure first = {0}, again = {0}, full = {0};
    struct err err = {0};
    struct study_root root = {"pacs", directory};
    struct study_config config = {.index = index,
                                  .roots = &root,
                                  .root_count = 1,
                                  .sweep_ms = 5000,
                                  .clock = clock_system()};
    struct study *study = study_new(&config, &err);
    if (!study)
        fail("study", &err);
    sweep(study, &first);
    print("first look", "instances", (size_t)instances, &first);
    for (int i = 0; i < RUNS; i++)
        sweep(study, &again);
    print("unchanged", "instances", (size_t)instances, &again);
    study_free(study);
    study = study_new(&config, &err); /* a process begins with a look at every file */
    if (!study)
        fail("study", &err);
    sweep(study, &full);
    print("unchanged, every file", "instances", (size_t)instances, &full);
    study_free(study);
}

int main(int argc, char **argv)
{
    char directory[PATH_BYTES];
    char database[PATH_BYTES];
    struct err err = {0};
    struct uplink_policy policy = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    if (argc < 2 || (argc > 2 && !span_uint(span_cstr(argv[2]), 10000000, &instances)) ||
        (argc > 3 && !span_uint(span_cstr(argv[3]), 100000, &per_series)) ||
        instances == 0 || per_series == 0 || instances / per_series >= SERIES_MAX) {
        fprintf(stderr, "usage: bench_study FOLDER [INSTANCES [PER_SERIES]]\n");
        return 2;
    }
    folder = argv[1];
    if (mkdir(folder, 0700) != 0)
        fail(folder, NULL);
    snprintf(directory, sizeof directory, "%s/archive", folder);
    snprintf(database, sizeof database, "%s/index.db", folder);
    write_archive(directory);
    if (!uplink_read_policy(span_cstr(policy_json), &arena, &policy, &err))
        fail("policy", &err);
    struct index_config config = {.location = database,
                                  .clock = clock_system(),
                                  .rand = rand_system(),
                                  .policy = &policy,
                                  .policy_json = text_cstr(policy_json)};
    struct index *index = index_open(&config, &err);
    if (!index)
        fail(database, &err);
    measure_outside("walk", "files", directory, walk_only);
    measure_outside("walk and read 64 kB", "files", directory, walk_and_read);
    measure_outside("times of known folders", "folders", directory, ask_times);
    measure_gateway(index, directory);
    index_close(index);
    free_folders();
    return test_remove(folder) ? 0 : 1;
}
