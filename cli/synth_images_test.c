// SPDX-License-Identifier: Apache-2.0
/* The studies of `tsumugi synth`, read back as a gateway reads them. */
#include <dirent.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/test.h"
#include "cli/commands.h"
#include "cli/synth/synth.h"
#include "formats/codec/codec.h"
#include "formats/dicom/dicom_image.h"
#include "formats/json/json.h"

enum { PATH_BYTES = 512, FILE_BYTES = 16 << 20, ARENA_BYTES = 64 << 20 };

static char root[64];

/* ------------------------------------------------------------------ regions */

static int run(const char *seed, const char *images, const char *out)
{
    const char *words[] = {"synth", "--seed",   seed, "--today",  "2026-11-24", "--out",
                           out,     "--people", "28", "--images", images};
    enum { WORDS = sizeof words / sizeof *words, WORD_BYTES = 256 };
    char copies[WORDS][WORD_BYTES];
    char *argv[WORDS + 1] = {0};
    for (size_t i = 0; i < WORDS; i++) {
        snprintf(copies[i], WORD_BYTES, "%s", words[i]);
        argv[i] = copies[i];
    }
    return command_synth.run(WORDS, argv);
}

struct path {
    char at[PATH_BYTES];
};

static struct path below(const char *directory, const char *name)
{
    struct path path;
    snprintf(path.at, sizeof path.at, "%.200s/%.200s", directory, name);
    return path;
}

static struct json_document *region_of(const char *directory, struct arena *arena)
{
    struct err err = {0};
    struct span bytes = {0};
    CHECK(path_read_file(below(directory, "region.json").at, 64 << 20, arena, &bytes,
                         &err));
    struct json_document *document = json_parse(bytes, &err);
    CHECK(document);
    return document;
}

static struct text text_of(const struct json_value *object, const char *key)
{
    struct err err = {0};
    struct text text = {0};
    CHECK(json_take_text(object, key, 4096, &text, &err));
    return text;
}

/* ------------------------------------------------------------------ walking */

/* One image file: its bytes, and what the reader of formats/dicom makes of them. */
struct found {
    const char *path;
    const char *code; /* of the facility, 10 digits */
    struct span bytes;
    struct dicom_file *file;
    struct arena *arena;
};

typedef void visit(const struct found *found, void *context);

static void look_at(const char *path, const char *code, visit *each, void *context)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct err err = {0};
    struct found found = {.path = path, .code = code, .arena = &arena};
    bool is_good = path_read_file(path, FILE_BYTES, &arena, &found.bytes, &err) &&
                   dicom_read(found.bytes, NULL, &arena, &found.file, &err);
    CHECK(is_good);
    if (is_good)
        each(&found, context);
}

static void walk(const char *directory, const char *code, visit *each, void *context)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, NULL, alphasort);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct path path = below(directory, name);
        if (name[0] != '.' && entries[i]->d_type == DT_DIR)
            walk(path.at, code ? code : name, each, context);
        else if (name[0] != '.')
            look_at(path.at, code, each, context);
        memory_free(entries[i]);
    }
    memory_free(entries);
}

static void walk_images(const char *directory, visit *each, void *context)
{
    walk(below(directory, "images").at, NULL, each, context);
}

/* ------------------------------------------------------------------ tests */

struct twin {
    const char *other;
    size_t files;
    size_t bytes;
    size_t equal;
};

static void compare(const struct found *found, void *context)
{
    struct twin *twin = context;
    struct err err = {0};
    struct span bytes = {0};
    struct path path = below(twin->other, strstr(found->path, "/images/"));
    twin->files++;
    twin->bytes += found->bytes.len;
    if (path_read_file(path.at, FILE_BYTES, found->arena, &bytes, &err))
        twin->equal += bytes.len == found->bytes.len &&
                       memcmp(bytes.at, found->bytes.at, bytes.len) == 0;
}

static void the_same_seed_and_day_give_the_same_files_and_few_bytes(void)
{
    struct path paths[] = {below(root, "a"), below(root, "b")};
    CHECK(run("3", "small", paths[0].at) == COMMAND_OK);
    CHECK(run("3", "small", paths[1].at) == COMMAND_OK);
    struct twin twin = {.other = paths[1].at};
    walk_images(paths[0].at, compare, &twin);
    CHECK(twin.files > 90 && twin.equal == twin.files);
    CHECK(twin.bytes < 40 << 20);
}

static void none_gives_no_images(void)
{
    struct path path = below(root, "none");
    CHECK(run("3", "none", path.at) == COMMAND_OK);
    CHECK(access(below(path.at, "images").at, F_OK) != 0);
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    CLEANUP(json_free_at) struct json_document *document = region_of(path.at, &arena);
    const struct json_value *facilities = json_member(json_root(document), "facilities");
    for (size_t i = 0; i < json_count(facilities); i++)
        CHECK(!json_is_string(json_member(json_item(facilities, i), "images")));
}

/* The record of region.json with that number at that facility, and whose it is. */
static const struct json_value *find_record(const struct json_value *region,
                                            const char *code, struct span number,
                                            const struct json_value **person)
{
    const struct json_value *persons = json_member(region, "persons");
    for (size_t i = 0; i < json_count(persons); i++) {
        *person = json_item(persons, i);
        const struct json_value *records = json_member(*person, "records");
        for (size_t j = 0; j < json_count(records); j++) {
            const struct json_value *record = json_item(records, j);
            if (text_is(text_of(record, "facility"), code) &&
                span_equal(text_span(text_of(record, "number")), number))
                return record;
        }
    }
    return NULL;
}

/* A message of that patient and day names the study: IPC-1 and IPC-3. */
static bool has_order(const struct found *found, const char *directory)
{
    static const char *const types[] = {"OMG-11", "OMG-12", "OMG-13"};
    const struct dicom_set *set = found->file->set;
    struct span number = dicom_code(set, DICOM_PATIENT_ID);
    struct span day = dicom_code(set, DICOM_STUDY_DATE);
    struct span accession = dicom_code(set, DICOM_ACCESSION);
    struct text uid = dicom_uid(set, DICOM_STUDY);
    char folder[PATH_BYTES];
    char ipc[256];
    bool is_there = false;
    snprintf(ipc, sizeof ipc, "\rIPC|%.*s|P%.*s|%.*s||", (int)accession.len,
             (const char *)accession.at, (int)(accession.len - 8),
             (const char *)accession.at + 8, (int)uid.len, uid.at);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(folder, sizeof folder, "%s/storage/%s/%.3s/%.3s/%.*s/%.*s/%s", directory,
                 found->code, (const char *)number.at, (const char *)number.at + 3,
                 (int)number.len, (const char *)number.at, (int)day.len,
                 (const char *)day.at, types[i]);
        struct dirent **entries = NULL;
        int count = scandir(folder, &entries, NULL, alphasort);
        for (int k = 0; k < count; k++) {
            struct err err = {0};
            struct span bytes = {0};
            if (entries[k]->d_name[0] != '.' &&
                path_read_file(below(folder, entries[k]->d_name).at, FILE_BYTES,
                               found->arena, &bytes, &err))
                is_there |= memmem(bytes.at, bytes.len, ipc, strlen(ipc)) != NULL;
            memory_free(entries[k]);
        }
        memory_free(entries);
    }
    return is_there;
}

struct people {
    const char *directory;
    const struct json_value *region;
    size_t half_width; /* files with ISO 2022 IR 13 */
    size_t latin;
};

/* The first group is in Latin letters or in half-width kana, which read as full ones. */
static void check_name(const struct found *found, const struct json_value *record,
                       struct people *people)
{
    struct err err = {0};
    struct dicom_name name;
    CHECK(dicom_name(found->file->set, DICOM_PATIENT_NAME, found->arena, &name, &err));
    CHECK(text_equal(name.ideographic, text_of(record, "written_name")));
    CHECK(text_equal(name.phonetic, text_of(record, "kana")));
    if (dicom_value_count(found->file->set, DICOM_CHARACTER_SET) == 2 &&
        dicom_is(found->file->set, DICOM_CHARACTER_SET, "ISO 2022 IR 13")) {
        people->half_width++;
        return;
    }
    people->latin++;
    for (size_t i = 0; i < name.alphabetic.len; i++)
        CHECK((name.alphabetic.at[i] >= 'A' && name.alphabetic.at[i] <= 'Z') ||
              name.alphabetic.at[i] == ' ');
    CHECK(name.alphabetic.len > 3);
}

static void check_patient(const struct found *found, void *context)
{
    struct people *people = context;
    const struct dicom_set *set = found->file->set;
    const struct json_value *person = NULL;
    const struct json_value *record = find_record(
        people->region, found->code, dicom_code(set, DICOM_PATIENT_ID), &person);
    CHECK(record && found->file->warning_count == 0 && !found->file->is_truncated);
    if (!record)
        return;
    char birth[48];
    int year = 0;
    int month = 0;
    int day = 0;
    day_to_date(dicom_day(set, DICOM_BIRTH_DATE), &year, &month, &day);
    snprintf(birth, sizeof birth, "%04d-%02d-%02d", year % 10000, month % 100, day % 100);
    CHECK(text_is(text_of(person, "birth_day"), birth));
    CHECK(span_equal(text_span(text_of(person, "sex")), dicom_code(set, DICOM_SEX)));
    struct span age = dicom_code(set, 0x00101010); /* PS3.5 6.2: 018Y */
    CHECK(age.len == 4 && age.at[3] == 'Y');
    check_name(found, record, people);
    CHECK(has_order(found, people->directory));
    /* Nobody's data is in the names of files. */
    const char *path = strstr(found->path, "/images/");
    CHECK(strlen(path) == strlen("/images/9911000011/ST000001/SE000001/IM000001"));
}

static void every_study_is_of_a_patient_and_of_an_order(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct path path = below(root, "a");
    CLEANUP(json_free_at) struct json_document *document = region_of(path.at, &arena);
    struct people people = {.directory = path.at, .region = json_root(document)};
    walk_images(path.at, check_patient, &people);
    CHECK(people.half_width > 0 && people.latin > 90);
}

/* What there is of each kind. */
struct kinds {
    int ct, mr, enhanced, films, loops, scopes, curves, reports, papers;
    double last_z;
};

static uint16_t word_at(const struct dicom_frame *frame, const struct dicom_image *image,
                        uint32_t x, uint32_t y)
{
    const uint8_t *at = frame->bytes.at + ((size_t)y * image->columns + x) * 2;
    return (uint16_t)(image->is_big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

/* Air around a body, soft tissue in the middle and bone somewhere. */
static void check_ct(const struct dicom_frame *frame, const struct dicom_image *image,
                     const struct dicom_view *view)
{
    int bone = 0;
    int lung = 0;
    for (uint32_t y = 0; y < image->rows; y++)
        for (uint32_t x = 0; x < image->columns; x++) {
            double value = word_at(frame, image, x, y) * view->slope + view->intercept;
            bone += value > 400;
            lung += value > -930 && value < -780;
        }
    CHECK(bone > 200 && lung > 2000);
    CHECK(word_at(frame, image, 2, 2) * view->slope + view->intercept < -900);
    CHECK(view->window_count == 2 && text_is(view->rescale_type, "HU"));
}

/* Lungs are dark and the letter is bright, which MONOCHROME1 has as large and small. */
static void check_film(const struct dicom_frame *frame, const struct dicom_image *image,
                       const struct dicom_view *view)
{
    uint16_t lung = word_at(frame, image, image->columns * 3 / 10, image->rows / 2);
    uint16_t spine = word_at(frame, image, image->columns / 2, image->rows / 2);
    CHECK(image->photometric == DICOM_MONOCHROME1 && lung > 2 * spine);
    CHECK(view->spacing_kind == DICOM_SPACING_IMAGER);
}

/* Coronal frames one behind the other; the head is brighter than what is around it. */
static void check_enhanced(const struct found *found, const struct dicom_image *image,
                           struct kinds *kinds)
{
    struct dicom_frame_views views = dicom_views_begin(found->file);
    struct err err = {0};
    kinds->enhanced++;
    for (uint32_t i = 0; i < image->frame_count; i++) {
        struct dicom_view view;
        struct dicom_frame frame;
        CHECK(dicom_views_next(&views, found->arena, &view, &err) &&
              dicom_frame(found->file, image, i, found->arena, &frame, &err));
        CHECK(fabs(view.position[1] - (-80 + 8.0 * i)) < 0.01 &&
              fabs(view.position[2] - 92) < 0.01 && fabs(view.orientation[5] + 1) < 0.01);
        CHECK(fabs(view.spacing[0] - 2) < 0.01 && view.window_count == 1);
        bool is_middle = i == image->frame_count / 2;
        CHECK(!is_middle || word_at(&frame, image, image->columns / 2, 40) > 500);
        CHECK(word_at(&frame, image, 2, 2) < 300);
    }
}

/* As an echo machine sends it: lossy, and in colours that a JPEG has. */
static void check_film_frames(const struct found *found, const struct dicom_image *image,
                              const struct dicom_view *view)
{
    const struct codec_shape shape = {.columns = image->columns,
                                      .rows = image->rows,
                                      .samples = 3,
                                      .bits_allocated = 8,
                                      .bits_stored = 8,
                                      .high_bit = 7,
                                      .photometric = CODEC_YBR_FULL_422};
    struct err err = {0};
    struct dicom_frame frame;
    struct codec_frame out = {.pixel_bytes = codec_frame_bytes(&shape)};
    uint64_t light = 0;
    CHECK(dicom_syntax_coding(found->file->syntax) == DICOM_CODED_JPEG);
    CHECK(image->photometric == DICOM_YBR_FULL_422);
    CHECK(view->is_lossy && view->lossy_ratio > 3);
    out.pixels = arena_take(found->arena, out.pixel_bytes, 1, &err);
    CHECK(out.pixels && dicom_frame(found->file, image, 7, found->arena, &frame, &err) &&
          codec_decode(CODEC_JPEG, &shape, frame.bytes, found->arena, &out, &err));
    CHECK(!out.is_incomplete);
    for (size_t i = 0; out.pixels && i < out.pixel_bytes; i++)
        light += out.pixels[i];
    CHECK(light > out.pixel_bytes * 5 && light < out.pixel_bytes * 128);
}

static void count_image(const struct found *found, struct kinds *kinds)
{
    struct err err = {0};
    struct dicom_image image;
    struct dicom_view view;
    struct dicom_frame frame;
    CHECK(dicom_image_read(found->file, &image, &err) &&
          dicom_view_read(found->file, 0, found->arena, &view, &err));
    for (uint32_t i = 0; i < image.frame_count; i++)
        CHECK(dicom_frame(found->file, &image, i, found->arena, &frame, &err) &&
              !frame.is_incomplete);
    const struct dicom_set *set = found->file->set;
    if (dicom_is(set, DICOM_MODALITY, "CT")) {
        kinds->ct++;
        CHECK(view.has_position && view.has_orientation);
        if (!image.is_encapsulated)
            check_ct(&frame, &image, &view);
    } else if (dicom_is(set, DICOM_MODALITY, "MR")) {
        kinds->mr++;
        CHECK(view.has_position && image.bits_stored == 12);
        if (image.frame_count > 1)
            check_enhanced(found, &image, kinds);
    } else if (dicom_is(set, DICOM_MODALITY, "DX")) {
        kinds->films++;
        check_film(&frame, &image, &view);
    } else if (dicom_is(set, DICOM_MODALITY, "US")) {
        kinds->loops++;
        CHECK(image.frame_count == 30 && view.frame_time_ms > 30);
        check_film_frames(found, &image, &view);
    } else if (dicom_is(set, DICOM_MODALITY, "ES")) {
        kinds->scopes++;
        CHECK(image.samples == 3);
    }
}

static void count_kind(const struct found *found, void *context)
{
    struct kinds *kinds = context;
    struct err err = {0};
    const struct dicom_set *set = found->file->set;
    if (found->file->pixels.is_there) {
        count_image(found, kinds);
    } else if (dicom_is(set, DICOM_MODALITY, "ECG")) {
        int64_t samples = 0;
        const struct dicom_set *item = dicom_item(set, DICOM_WAVEFORMS, 0);
        kinds->curves++;
        CHECK(item && dicom_int(item, DICOM_WAVEFORM_SAMPLES, 0, &samples));
        CHECK(samples == 5000);
    } else if (dicom_is(set, DICOM_MODALITY, "SR")) {
        struct dicom_line *line = NULL;
        int lines = 0;
        kinds->reports++;
        CHECK(dicom_report(found->file, found->arena, &line, &err));
        for (; line; line = line->next)
            lines++;
        CHECK(lines == 5);
    } else {
        struct span paper = dicom_document(found->file);
        kinds->papers++;
        CHECK(span_starts(paper, "%PDF-1.") && memmem(paper.at, paper.len, "%%EOF", 5));
    }
}

static void there_is_something_of_every_kind_and_it_is_whole(void)
{
    struct kinds kinds = {0};
    walk_images(below(root, "a").at, count_kind, &kinds);
    CHECK(kinds.ct >= 40 && kinds.mr == 41 && kinds.enhanced == 1 && kinds.films == 3);
    CHECK(kinds.loops == 1 && kinds.scopes == 6 && kinds.curves == 1);
    CHECK(kinds.reports == 2 && kinds.papers == 1);
}

/* The slices of one study, to find those that lie in the same place. */
struct slices {
    double z;
    uint16_t at[256 * 256];
    int compared;
};

static bool read_slice(const struct found *found, double *z, uint16_t *pixels)
{
    struct err err = {0};
    struct dicom_image image;
    struct dicom_view view;
    struct dicom_frame frame;
    if (!dicom_is(found->file->set, DICOM_MODALITY, "CT") ||
        !dicom_image_read(found->file, &image, &err) ||
        !dicom_view_read(found->file, 0, found->arena, &view, &err) ||
        !dicom_frame(found->file, &image, 0, found->arena, &frame, &err))
        return false;
    *z = view.position[2];
    const struct codec_shape shape = {.columns = image.columns,
                                      .rows = image.rows,
                                      .samples = 1,
                                      .bits_allocated = image.bits_allocated,
                                      .bits_stored = image.bits_stored,
                                      .high_bit = image.high_bit,
                                      .is_big_endian = image.is_big_endian,
                                      .photometric = CODEC_MONOCHROME2};
    static const enum codec_syntax syntaxes[] = {
        [DICOM_CODED_NATIVE] = CODEC_NATIVE,
        [DICOM_CODED_RLE] = CODEC_RLE,
        [DICOM_CODED_JPEG_LOSSLESS] = CODEC_JPEG_LOSSLESS,
        [DICOM_CODED_JPEG_LS] = CODEC_JPEG_LS,
        [DICOM_CODED_JPEG_2000] = CODEC_JPEG_2000,
    };
    struct codec_frame out = {.pixels = (uint8_t *)pixels, .pixel_bytes = 256 * 256 * 2};
    CHECK(codec_decode(syntaxes[dicom_syntax_coding(found->file->syntax)], &shape,
                       frame.bytes, found->arena, &out, &err) &&
          !out.is_incomplete);
    return true;
}

static void compare_slice(const struct found *found, void *context)
{
    static uint16_t pixels[256 * 256];
    struct slices *slices = context;
    double z = 0;
    if (!read_slice(found, &z, pixels) || fabs(z - slices->z) > 0.01)
        return;
    if (slices->compared == 0)
        memcpy(slices->at, pixels, sizeof pixels);
    CHECK(memcmp(slices->at, pixels, sizeof pixels) == 0);
    slices->compared++;
}

static void a_slice_is_the_same_in_every_transfer_syntax(void)
{
    static struct slices slices = {.z = -45};
    walk_images(below(root, "a").at, compare_slice, &slices);
    CHECK(slices.compared == 7);
}

/* Somebody else's reader, where it is installed. */
static void dump(const struct found *found, void *context)
{
    int *failed = context;
    char *argv[] = {(char[]){"dcmdump"}, (char[]){"-q"}, (char *)(uintptr_t)found->path,
                    NULL};
    char *none[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int status = -1;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    if (posix_spawn(&child, "/usr/bin/dcmdump", &actions, NULL, argv, none) == 0 &&
        waitpid(child, &status, 0) == child)
        *failed += status != 0;
    posix_spawn_file_actions_destroy(&actions);
}

static void dcmtk_reads_every_file(void)
{
    int failed = 0;
    walk_images(below(root, "a").at, dump, &failed);
    CHECK(failed == 0);
}

int main(void)
{
    snprintf(root, sizeof root, "/tmp/synth_images_test_XXXXXX");
    CHECK(mkdtemp(root));
    RUN(the_same_seed_and_day_give_the_same_files_and_few_bytes);
    RUN(none_gives_no_images);
    RUN(every_study_is_of_a_patient_and_of_an_order);
    RUN(there_is_something_of_every_kind_and_it_is_whole);
    RUN(a_slice_is_the_same_in_every_transfer_syntax);
    if (access("/usr/bin/dcmdump", X_OK) == 0)
        RUN(dcmtk_reads_every_file);
    else
        SKIP("dcmtk_reads_every_file", "dcmdump is not installed");
    CHECK(test_remove(root));
    return test_done();
}
