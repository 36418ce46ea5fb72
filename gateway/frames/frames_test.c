// SPDX-License-Identifier: Apache-2.0
/* This program run again ("render --child") draws, and ends where a frame says so. */
#include "gateway/frames/frames.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child/child.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/secret.h"
#include "base/test.h"
#include "gateway/frames/frames_kept.h"

#define INSTANCE "1.2.392.200036.9116.2.6.1.48.1214834115.1486205112.923825"

enum { SIDE = 64, FRAMES = 40, FRAME_BYTES = SIDE * SIDE * 2, KB = 1024 };

static char folder[64];

/* ---- a file ---- */

static void put16(struct buf *out, unsigned value)
{
    buf_byte(out, (uint8_t)value);
    buf_byte(out, (uint8_t)(value >> 8));
}

static void put_element(struct buf *out, uint32_t tag, const char *vr, const char *text)
{
    size_t len = strlen(text);
    put16(out, tag >> 16);
    put16(out, tag & 0xFFFF);
    buf_put(out, vr, 2);
    put16(out, (unsigned)(len + len % 2));
    buf_cstr(out, text);
    if (len % 2)
        buf_byte(out, strcmp(vr, "UI") == 0 ? 0 : ' ');
}

static void put_number(struct buf *out, uint32_t tag, unsigned value)
{
    put16(out, tag >> 16);
    put16(out, tag & 0xFFFF);
    buf_put(out, "US", 2);
    put16(out, 2);
    put16(out, value);
}

static void put_pixels(struct buf *out, const char *word)
{
    size_t len = (size_t)FRAMES * FRAME_BYTES;
    put16(out, 0x7FE0);
    put16(out, 0x0010);
    buf_put(out, "OW\0", 4);
    put16(out, (unsigned)len & 0xFFFF);
    put16(out, (unsigned)(len >> 16));
    for (size_t i = 0; i < len / 2; i++)
        put16(out, (unsigned)(i * 7919 + i / FRAME_BYTES) & 0xFFF);
    memcpy(out->at + out->len - FRAME_BYTES, word, strlen(word));
}

/* CT-like; the last frame begins with the word. */
static struct buf make_file(const char *word)
{
    struct buf out = buf_init(1 << 20);
    char count[8];
    snprintf(count, sizeof count, "%d", FRAMES);
    for (int i = 0; i < 128; i++)
        buf_byte(&out, 0);
    buf_cstr(&out, "DICM");
    put_element(&out, 0x00020010, "UI", "1.2.840.10008.1.2.1");
    put_element(&out, 0x00080018, "UI", INSTANCE);
    put_number(&out, 0x00280002, 1);
    put_element(&out, 0x00280004, "CS", "MONOCHROME2");
    put_element(&out, 0x00280008, "IS", count);
    put_number(&out, 0x00280010, SIDE);
    put_number(&out, 0x00280011, SIDE);
    put_number(&out, 0x00280100, 16);
    put_number(&out, 0x00280101, 12);
    put_number(&out, 0x00280102, 11);
    put_number(&out, 0x00280103, 0);
    put_pixels(&out, word);
    return out;
}

/* ---- a scene ---- */

struct scene {
    struct frames *frames;
    struct buf file;
    int loads;
    const char *fault;      /* of loading; NULL = none */
    bool waits_for_company; /* loading ends when somebody else waits, too */
    int64_t ahead_ms;
};

static int64_t now(void *self)
{
    struct scene *scene = self;
    struct clock clock = clock_system();
    return clock_monotonic_ms(&clock) + scene->ahead_ms;
}

static void begin(struct scene *scene, bool keeps, uint64_t kept_bytes_max)
{
    struct err err = {0};
    *scene = (struct scene){.file = make_file("DIE!DIE!")};
    snprintf(folder, sizeof folder, "/tmp/frames_test_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    struct frames_config config = {.folder = keeps ? folder : NULL,
                                   .kept_bytes_max = kept_bytes_max,
                                   .processes = 2,
                                   .clock = {now, now, scene}};
    scene->frames = frames_open(&config, &err);
    CHECK(scene->frames != NULL);
}

static void end(struct scene *scene)
{
    frames_close(scene->frames);
    buf_free(&scene->file);
    CHECK(test_remove(folder));
}

static bool load(void *self, struct arena *arena, struct span *file, struct err *err)
{
    struct scene *scene = self;
    scene->loads++;
    for (int i = 0; scene->waits_for_company && i < 20000; i++) {
        if (frames_counts(scene->frames).waiting == 1)
            break;
        poll(NULL, 0, 1);
    }
    if (scene->fault)
        return err_set(err, ERR_BUSY, scene->fault, "away");
    return arena_copy(arena, buf_view(&scene->file), file, err);
}

static const struct picture_wish preview = {.kind = PICTURE_JPEG};
static const struct picture_wish raw = {.kind = PICTURE_RAW};

static const char *take_of(struct scene *scene, const char *version, uint32_t frame,
                           const struct picture_wish *wish, struct buf *reply)
{
    struct err err = {0};
    struct frames_source source = {.instance = SPAN(INSTANCE),
                                   .version = span_cstr(version),
                                   .load = load,
                                   .self = scene};
    return frames_take(scene->frames, &source, frame, wish, reply, &err) ? "ok"
                                                                         : err.code;
}

static const char *take(struct scene *scene, uint32_t frame,
                        const struct picture_wish *wish, struct buf *reply)
{
    return take_of(scene, "1", frame, wish, reply);
}

static bool is_drawn(struct scene *scene, uint32_t frame)
{
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    struct picture_result result;
    struct err err = {0};
    uint64_t before = frames_counts(scene->frames).drawn;
    CHECK(strcmp(take(scene, frame, &preview, &reply), "ok") == 0);
    CHECK(picture_read_reply(buf_view(&reply), &result, &err));
    CHECK(result.columns == SIDE && span_starts(result.bytes, "\xFF\xD8"));
    return frames_counts(scene->frames).drawn > before;
}

/* ---- behaviour ---- */

static void frames_are_drawn_as_pictures_and_as_values(void)
{
    struct scene scene;
    struct picture_result result;
    struct err err = {0};
    struct buf reply = buf_init(1 << 20);
    begin(&scene, false, 0);
    CHECK(is_drawn(&scene, 3) && is_drawn(&scene, 3));
    CHECK(strcmp(take(&scene, 3, &raw, &reply), "ok") == 0);
    CHECK(picture_read_reply(buf_view(&reply), &result, &err));
    CHECK(result.bytes.len == FRAME_BYTES);
    CHECK(result.bytes.len == FRAME_BYTES &&
          memcmp(result.bytes.at,
                 scene.file.at + scene.file.len - (size_t)(FRAMES - 3) * FRAME_BYTES,
                 FRAME_BYTES) == 0);
    buf_free(&reply);
    end(&scene);
}

/* ---- large files ---- */

enum { LARGE_SIDE = 2048, LARGE_FRAMES = 20, SMALL_FRAME = 64 * 64 * 2 };
#define LARGE_FRAME_BYTES ((size_t)LARGE_SIDE * LARGE_SIDE * 2)
#define FILM_FRAME_BYTES ((size_t)256 << 20)

static const char *large_name(void)
{
    static char name[80];
    snprintf(name, sizeof name, "%s/large.dcm", folder);
    return name;
}

static void put_large_head(struct buf *out, const char *syntax, unsigned side)
{
    for (int i = 0; i < 128; i++)
        buf_byte(out, 0);
    buf_cstr(out, "DICM");
    put_element(out, 0x00020010, "UI", syntax);
    put_element(out, 0x00080018, "UI", INSTANCE);
    put_number(out, 0x00280002, 1);
    put_element(out, 0x00280004, "CS", "MONOCHROME2");
    put_element(out, 0x00280008, "IS", "20");
    put_number(out, 0x00280010, side);
    put_number(out, 0x00280011, side);
    put_number(out, 0x00280100, 16);
    put_number(out, 0x00280101, 16);
    put_number(out, 0x00280102, 15);
    put_number(out, 0x00280103, 0);
    /* other elements, more than is read at first */
    for (unsigned i = 0; i < 40; i++) {
        static const uint8_t nothing[4000];
        put16(out, 0x0029);
        put16(out, 0x1000 + i);
        buf_put(out, "OB\0\0\xA0\x0F\0\0", 8);
        buf_put(out, nothing, sizeof nothing);
    }
    put16(out, 0x7FE0);
    put16(out, 0x0010);
}

static void write_at(int fd, uint64_t at, const void *bytes, size_t len)
{
    CHECK(pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len);
}

/* A hole but for its header and a word at the beginning and end of each frame. */
static uint64_t write_native(void)
{
    CLEANUP(buf_free) struct buf head = buf_init(1 << 20);
    CLEANUP(path_close) int fd = open(large_name(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint32_t len = (uint32_t)(LARGE_FRAMES * LARGE_FRAME_BYTES);
    put_large_head(&head, "1.2.840.10008.1.2.1", LARGE_SIDE);
    buf_put(&head, "OW\0", 4);
    put16(&head, len & 0xFFFF);
    put16(&head, len >> 16);
    write_at(fd, 0, head.at, head.len);
    for (unsigned i = 0; i < LARGE_FRAMES; i++) {
        uint8_t word[] = {(uint8_t)(100 + i), 1};
        write_at(fd, head.len + i * LARGE_FRAME_BYTES, word, 2);
        write_at(fd, head.len + (i + 1) * LARGE_FRAME_BYTES - 2, word, 2);
    }
    /* behind the pixels: padding, as some write it */
    write_at(fd, head.len + len, "\xFC\xFF\xFC\xFFOB\0\0\0\0\0\0", 12);
    return head.len + len + 12;
}

/* RLE, one fragment a frame, each 256 MB: more than 4 GB. */
static uint64_t write_film(void)
{
    CLEANUP(buf_free) struct buf head = buf_init(1 << 20);
    CLEANUP(path_close) int fd = open(large_name(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    put_large_head(&head, "1.2.840.10008.1.2.5", 64);
    buf_put(&head, "OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\0\0\0\0", 16);
    write_at(fd, 0, head.at, head.len);
    uint64_t at = head.len;
    for (unsigned i = 0; i < LARGE_FRAMES; i++) {
        uint8_t frame[8 + 64 + 2 * 64] = {0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0x10};
        frame[8] = 2;
        frame[12] = 64;
        frame[16] = 128;
        for (unsigned k = 0; k < 64; k++) {
            frame[72 + 2 * (k % 32) + k / 32 * 64] = 0x81; /* 128 times */
            frame[73 + 2 * (k % 32) + k / 32 * 64] = (uint8_t)(k < 32 ? 1 : 100 + i);
        }
        write_at(fd, at, frame, sizeof frame);
        at += 8 + FILM_FRAME_BYTES;
    }
    write_at(fd, at, "\xFE\xFF\xDD\xE0\0\0\0\0", 8);
    return at + 8;
}

static int open_file(void *self, struct err *err)
{
    (void)self;
    int fd = open(large_name(), O_RDONLY | O_CLOEXEC);
    return fd >= 0 || !err_set(err, ERR_MISSING, "instance_missing", "away") ? fd : -1;
}

static const char *take_large(struct scene *scene, uint64_t size, uint32_t frame,
                              struct buf *reply)
{
    struct err err = {0};
    char version[32];
    snprintf(version, sizeof version, "%llu", (unsigned long long)size);
    struct frames_source source = {.instance = SPAN(INSTANCE),
                                   .version = span_cstr(version),
                                   .load = load,
                                   .self = scene,
                                   .open = open_file,
                                   .size_bytes = size};
    buf_reset(reply);
    return frames_take(scene->frames, &source, frame, &raw, reply, &err) ? "ok"
                                                                         : err.code;
}

/* Whether this frame's values came: its number at the beginning and the end. */
static bool is_frame(struct scene *scene, uint64_t size, uint32_t frame, size_t len)
{
    CLEANUP(buf_free) struct buf reply = buf_init(32 << 20);
    struct picture_result result = {0};
    struct err err = {0};
    uint8_t word[] = {(uint8_t)(100 + frame), 1};
    const char *said = take_large(scene, size, frame, &reply);
    bool is_right = strcmp(said, "ok") == 0 &&
                    picture_read_reply(buf_view(&reply), &result, &err) &&
                    result.bytes.len == len && memcmp(result.bytes.at, word, 2) == 0 &&
                    memcmp(result.bytes.at + len - 2, word, 2) == 0;
    if (!is_right)
        printf("# %u: %s, %zu\n", frame, said, result.bytes.len);
    return is_right;
}

static void a_frame_of_a_large_file_is_read_by_itself(void)
{
    struct scene scene;
    begin(&scene, false, 0);
    uint64_t native = write_native();
    CHECK(native > 100 << 20);
    for (uint32_t i = 0; i < LARGE_FRAMES; i += 19)
        CHECK(is_frame(&scene, native, i, LARGE_FRAME_BYTES));
    uint64_t film = write_film();
    CHECK(film > UINT32_MAX);
    for (uint32_t i = 0; i < LARGE_FRAMES; i++)
        CHECK(is_frame(&scene, film, i, SMALL_FRAME));
    CHECK(scene.loads == 0);
    end(&scene);
}

/* One picture of 72 MB that begins with a word. */
static uint64_t write_radiograph(const char *word)
{
    enum { SIDE_LARGE = 6000 };
    CLEANUP(buf_free) struct buf head = buf_init(1 << 20);
    CLEANUP(path_close) int fd = open(large_name(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint32_t len = SIDE_LARGE * SIDE_LARGE * 2;
    put_large_head(&head, "1.2.840.10008.1.2.1", SIDE_LARGE);
    buf_put(&head, "OW\0", 4);
    put16(&head, len & 0xFFFF);
    put16(&head, len >> 16);
    write_at(fd, 0, head.at, head.len);
    write_at(fd, head.len, word, strlen(word));
    CHECK(ftruncate(fd, (off_t)(head.len + len)) == 0);
    return head.len + len;
}

/* What would end the processes of all other pictures has one of its own. */
static void a_large_picture_may_take_more_memory_and_is_drawn_small(void)
{
    static const struct picture_wish small = {.kind = PICTURE_JPEG, .side_max = 200};
    struct scene scene;
    struct picture_result result = {0};
    struct err err = {0};
    CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
    begin(&scene, false, 0);
    struct frames_source source = {.instance = SPAN(INSTANCE),
                                   .version = SPAN("1"),
                                   .load = load,
                                   .self = &scene,
                                   .open = open_file,
                                   .size_bytes = write_radiograph("EAT!EAT!")};
    CHECK(frames_take(scene.frames, &source, 0, &small, &reply, &err) &&
          picture_read_reply(buf_view(&reply), &result, &err));
    CHECK(result.columns == 200 && span_starts(result.bytes, "\xFF\xD8"));
    CHECK(scene.loads == 0);
    end(&scene);
}

static void a_large_file_that_is_cut_or_lies_says_so(void)
{
    struct scene scene;
    CLEANUP(buf_free) struct buf reply = buf_init(32 << 20);
    begin(&scene, false, 0);
    uint64_t size = write_native();
    CHECK(strcmp(take_large(&scene, size, LARGE_FRAMES, &reply), "dicom_frame_missing") ==
          0);
    CHECK(truncate(large_name(), (off_t)(3 * LARGE_FRAME_BYTES)) == 0);
    CHECK(strcmp(take_large(&scene, size + 1, 10, &reply), "dicom_frame_missing") == 0);
    CHECK(truncate(large_name(), 10000) == 0); /* within the header */
    CHECK(strcmp(take_large(&scene, size + 2, 0, &reply), "ok") != 0);
    size = write_film();
    CHECK(truncate(large_name(), (off_t)(FILM_FRAME_BYTES + FILM_FRAME_BYTES / 2)) == 0);
    CHECK(is_frame(&scene, size + 1, 0, SMALL_FRAME));
    CHECK(strcmp(take_large(&scene, size + 2, 5, &reply), "dicom_frame_missing") == 0);
    CHECK(unlink(large_name()) == 0);
    CHECK(strcmp(take_large(&scene, size + 3, 0, &reply), "instance_missing") == 0);
    CHECK(scene.loads == 0);
    end(&scene);
}

static void what_cannot_be_drawn_says_why(void)
{
    struct scene scene;
    struct buf reply = buf_init(1 << 20);
    begin(&scene, true, 1 << 20);
    CHECK(strcmp(take(&scene, FRAMES, &preview, &reply), "dicom_frame_missing") == 0);
    scene.ahead_ms = 31000;
    scene.fault = "test_away";
    CHECK(strcmp(take(&scene, 1, &preview, &reply), "test_away") == 0);
    scene.fault = NULL;
    CHECK(strcmp(take(&scene, 1, &preview, &reply), "ok") == 0);
    buf_reset(&scene.file);
    buf_cstr(&scene.file, "no DICOM at all");
    CHECK(strcmp(take_of(&scene, "2", 2, &preview, &reply), "dicom_not_dicom") == 0);
    CHECK(frames_counts(scene.frames).kept == 1);
    buf_free(&reply);
    end(&scene);
}

static void a_preview_is_drawn_once_and_then_read_from_disk(void)
{
    struct scene scene;
    struct buf first = buf_init(1 << 20);
    struct buf second = buf_init(1 << 20);
    begin(&scene, true, 1 << 20);
    CHECK(strcmp(take(&scene, 0, &preview, &first), "ok") == 0);
    CHECK(strcmp(take(&scene, 0, &preview, &second), "ok") == 0);
    CHECK(first.len > 100 && span_equal(buf_view(&first), buf_view(&second)));
    struct frames_counts counts = frames_counts(scene.frames);
    CHECK(scene.loads == 1 && counts.drawn == 1 && counts.recalled == 1);
    CHECK(counts.kept == 1 && counts.kept_bytes % 4096 == 0 && counts.kept_bytes > 0);
    buf_free(&first);
    buf_free(&second);
    end(&scene);
}

static void whatever_differs_is_another_picture(void)
{
    static const struct picture_wish wishes[] = {
        {.kind = PICTURE_JPEG, .side_max = 32},
        {.kind = PICTURE_JPEG, .quality = 50},
        {.kind = PICTURE_JPEG, .has_window = true, .center = 40, .width = 400},
        {.kind = PICTURE_JPEG, .has_window = true, .center = 40, .width = 401},
    };
    struct scene scene;
    struct buf reply = buf_init(1 << 20);
    begin(&scene, true, 1 << 20);
    CHECK(is_drawn(&scene, 0) && is_drawn(&scene, 1));
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        CHECK(strcmp(take(&scene, 0, &wishes[i], &reply), "ok") == 0);
    CHECK(strcmp(take_of(&scene, "2", 0, &preview, &reply), "ok") == 0);
    CHECK(frames_counts(scene.frames).drawn == 7 &&
          frames_counts(scene.frames).kept == 5); /* nobody's own window is */
    CHECK(strcmp(take(&scene, 0, &wishes[2], &reply), "ok") == 0);
    CHECK(frames_counts(scene.frames).drawn == 8);
    buf_reset(&reply);
    CHECK(strcmp(take(&scene, 0, &raw, &reply), "ok") == 0);
    CHECK(strcmp(take(&scene, 0, &raw, &reply), "ok") == 0);
    CHECK(frames_counts(scene.frames).drawn == 10); /* values are not kept */
    CHECK(frames_counts(scene.frames).kept == 5);
    buf_free(&reply);
    end(&scene);
}

/* Two patients of one UID, on a disc whose times are whole seconds: nothing is mixed. */
static void what_lies_elsewhere_is_another_picture(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene, true, 1 << 20);
    for (int i = 0; i < 6; i++) {
        CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
        struct frames_source source = {.instance = SPAN(INSTANCE),
                                       .version = SPAN("1-1714600000000000000"),
                                       .folder = span_part(SPAN("aba"), (size_t)i % 3, 1),
                                       .name = span_part(SPAN("112"), (size_t)i % 3, 1),
                                       .load = load,
                                       .self = &scene};
        CHECK(frames_take(scene.frames, &source, 0, &preview, &reply, &err));
        int seen = i < 3 ? i + 1 : 3;
        CHECK(scene.loads == seen && (int)frames_counts(scene.frames).drawn == seen);
    }
    end(&scene);
}

static void the_least_recently_used_leave_when_it_is_full(void)
{
    struct scene scene;
    begin(&scene, true, 0);
    CHECK(is_drawn(&scene, 0) && frames_counts(scene.frames).kept == 0);
    end(&scene);
    begin(&scene, true, 64 * KB);
    CHECK(is_drawn(&scene, 0));
    uint64_t each = frames_counts(scene.frames).kept_bytes;
    uint32_t room = (uint32_t)(64 * KB / each);
    CHECK(room >= 4 && room < FRAMES - 2);
    for (uint32_t i = 1; i < room; i++)
        CHECK(is_drawn(&scene, i));
    CHECK(!is_drawn(&scene, 0)); /* used again */
    CHECK(is_drawn(&scene, room));
    CHECK(frames_counts(scene.frames).kept == room);
    CHECK(frames_counts(scene.frames).kept_bytes <= 64 * KB);
    CHECK(!is_drawn(&scene, 0) && !is_drawn(&scene, room));
    CHECK(is_drawn(&scene, 1));
    end(&scene);
}

/* ---- on the disk ---- */

/* Does something to every file; how many there are. */
static int each_file(void (*act)(int fd, const char *name))
{
    DIR *names = opendir(folder);
    int count = 0;
    for (struct dirent *entry = readdir(names); entry; entry = readdir(names)) {
        if (entry->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(names), entry->d_name, O_RDWR | O_CLOEXEC);
        act(fd, entry->d_name);
        close(fd);
        count++;
    }
    closedir(names);
    return count;
}

static void change_one(int fd, const char *name)
{
    uint8_t byte = 0;
    (void)name;
    CHECK(pread(fd, &byte, 1, 500) == 1);
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, 500) == 1);
}

static void cut_off(int fd, const char *name)
{
    (void)name;
    CHECK(ftruncate(fd, 100) == 0);
}

static void look_in(int fd, const char *name)
{
    static uint8_t bytes[64 * KB];
    struct stat status;
    ssize_t len = read(fd, bytes, sizeof bytes);
    CHECK(len > 100 && strlen(name) == 64 &&
          strspn(name, "0123456789abcdef") == strlen(name));
    CHECK(memmem(bytes, (size_t)len, "\xFF\xD8\xFF", 3) == NULL);
    CHECK(memmem(bytes, (size_t)len, INSTANCE, sizeof INSTANCE - 1) == NULL);
    CHECK(fstat(fd, &status) == 0 && (status.st_mode & 0777) == 0600);
}

static void take_away(int fd, const char *name)
{
    char path[200];
    (void)fd;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(unlink(path) == 0);
}

static void files_tell_nothing(void)
{
    struct scene scene;
    begin(&scene, true, 1 << 20);
    CHECK(is_drawn(&scene, 0) && is_drawn(&scene, 1));
    CHECK(each_file(look_in) == 2);
    end(&scene);
}

static void what_was_changed_is_thrown_away_and_drawn_again(void)
{
    void (*const harms[])(int, const char *) = {change_one, cut_off, take_away};
    struct scene scene;
    begin(&scene, true, 1 << 20);
    CHECK(is_drawn(&scene, 0) && is_drawn(&scene, 1));
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        CLEANUP(buf_free) struct buf reply = buf_init(1 << 20);
        CHECK(each_file(harms[i]) == 2);
        scene.fault = "test_away";
        scene.ahead_ms += 31000;
        CHECK(strcmp(take(&scene, 0, &preview, &reply), "test_away") == 0);
        CHECK(frames_counts(scene.frames).kept == 1);
        scene.fault = NULL;
        CHECK(is_drawn(&scene, 0) && is_drawn(&scene, 1));
        CHECK(!is_drawn(&scene, 0) && !is_drawn(&scene, 1));
        CHECK(frames_counts(scene.frames).kept == 2);
    }
    end(&scene);
}

static void a_disk_that_is_gone_costs_nothing_but_time(void)
{
    struct scene scene;
    begin(&scene, true, 1 << 20);
    CHECK(is_drawn(&scene, 0) && test_remove(folder));
    CHECK(is_drawn(&scene, 0) && is_drawn(&scene, 1) && is_drawn(&scene, 1));
    CHECK(frames_counts(scene.frames).kept == 0);
    CHECK(mkdir(folder, 0700) == 0);
    end(&scene);
}

/* As a full disk does it: some bytes, then no more. */
static void a_full_disk_keeps_nothing_half(void)
{
    struct err err = {0};
    struct rlimit old, small;
    struct hash name = hash_sha256(SPAN("a"));
    static uint8_t bytes[10000];
    uint64_t files = 1, used = 1;
    struct buf out = buf_init(1 << 20);
    snprintf(folder, sizeof folder, "/tmp/frames_test_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    struct frames_kept *kept = frames_kept_open(folder, 1 << 20, &err);
    CHECK(kept && getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = (struct rlimit){5000, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    frames_kept_put(kept, &name, span_of(bytes, sizeof bytes));
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    frames_kept_count(kept, &files, &used);
    CHECK(files == 0 && used == 0 && each_file(look_in) == 0);
    CHECK(!frames_kept_take(kept, &name, &out) && out.len == 0);
    frames_kept_put(kept, &name, span_of(bytes, sizeof bytes));
    CHECK(frames_kept_take(kept, &name, &out) && out.len == sizeof bytes);
    buf_free(&out);
    frames_kept_close(kept);
    CHECK(each_file(look_in) == 0);
    CHECK(test_remove(folder));
}

static void what_an_earlier_process_kept_leaves_and_nothing_else(void)
{
    struct err err = {0};
    char path[200];
    snprintf(folder, sizeof folder, "/tmp/frames_test_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/%064d", folder, 7);
    CHECK(path_write_file(path, SPAN("old"), &err));
    snprintf(path, sizeof path, "%s/policy.json", folder);
    CHECK(path_write_file(path, SPAN("{}"), &err));
    struct frames_kept *kept = frames_kept_open(folder, 1 << 20, &err);
    CHECK(kept && access(path, F_OK) == 0);
    snprintf(path, sizeof path, "%s/%064d", folder, 7);
    CHECK(access(path, F_OK) != 0);
    frames_kept_close(kept);
    CHECK(test_remove(folder));
}

/* ---- together ---- */

struct asker {
    struct scene *scene;
    struct buf reply;
    const char *said;
};

static void *ask(void *self)
{
    struct asker *asker = self;
    asker->said = take(asker->scene, 5, &preview, &asker->reply);
    return NULL;
}

static void ask_together(struct scene *scene, struct asker askers[2])
{
    pthread_t threads[2];
    scene->waits_for_company = true;
    for (int i = 0; i < 2; i++) {
        askers[i] = (struct asker){scene, buf_init(1 << 20), NULL};
        CHECK(pthread_create(&threads[i], NULL, ask, &askers[i]) == 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void two_that_ask_for_the_same_have_it_drawn_once(void)
{
    struct scene scene;
    struct asker askers[2];
    begin(&scene, false, 0);
    ask_together(&scene, askers);
    CHECK(scene.loads == 1 && frames_counts(scene.frames).drawn == 1);
    CHECK(frames_counts(scene.frames).joined == 1);
    CHECK(strcmp(askers[0].said, "ok") == 0 && strcmp(askers[1].said, "ok") == 0);
    CHECK(askers[0].reply.len > 100);
    CHECK(span_equal(buf_view(&askers[0].reply), buf_view(&askers[1].reply)));
    for (int i = 0; i < 2; i++)
        buf_free(&askers[i].reply);
    end(&scene);
}

static void and_have_the_same_fault(void)
{
    struct scene scene;
    struct asker askers[2];
    begin(&scene, false, 0);
    scene.fault = "test_away";
    ask_together(&scene, askers);
    CHECK(scene.loads == 1);
    CHECK(strcmp(askers[0].said, "test_away") == 0);
    CHECK(strcmp(askers[1].said, "test_away") == 0);
    end(&scene);
}

static void a_file_of_many_frames_is_read_once_for_a_while(void)
{
    struct scene scene;
    struct buf reply = buf_init(1 << 20);
    begin(&scene, false, 0);
    for (uint32_t i = 0; i < 10; i++)
        CHECK(is_drawn(&scene, i));
    CHECK(scene.loads == 1);
    CHECK(strcmp(take_of(&scene, "2", 0, &preview, &reply), "ok") == 0);
    CHECK(scene.loads == 2); /* another file */
    scene.ahead_ms = 29000;
    CHECK(is_drawn(&scene, 1) && scene.loads == 2);
    scene.ahead_ms = 60000;
    CHECK(is_drawn(&scene, 2) && scene.loads == 3);
    for (int i = 0; i < 20; i++) { /* more than are kept */
        char version[16];
        snprintf(version, sizeof version, "v%d", i);
        CHECK(strcmp(take_of(&scene, version, 0, &preview, &reply), "ok") == 0);
    }
    CHECK(scene.loads == 23 && is_drawn(&scene, 3) && scene.loads == 24);
    buf_free(&reply);
    end(&scene);
}

static void a_frame_that_kills_is_not_tried_again_for_a_while(void)
{
    struct scene scene;
    struct buf reply = buf_init(1 << 20);
    begin(&scene, true, 1 << 20);
    for (int i = 0; i < 5; i++)
        CHECK(strcmp(take(&scene, FRAMES - 1, &preview, &reply), "frame_failed") == 0);
    CHECK(frames_counts(scene.frames).drawn == 1 && reply.len == 0);
    CHECK(is_drawn(&scene, 0));
    scene.ahead_ms = 61000;
    CHECK(strcmp(take(&scene, FRAMES - 1, &preview, &reply), "frame_failed") == 0);
    CHECK(frames_counts(scene.frames).drawn == 3);
    buf_free(&reply);
    end(&scene);
}

static bool draw_or_die(void *self, struct span request, struct buf *reply,
                        struct err *err)
{
    if (memmem(request.at, request.len, "DIE!DIE!", 8))
        _exit(9);
    if (memmem(request.at, request.len, "EAT!EAT!", 8)) {
        size_t much = (size_t)800 << 20;
        void *at =
            mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            _exit(9);
        munmap(at, much);
    }
    return picture_answer(self, request, reply, err);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena jobs = arena_init(PICTURE_ARENA_BYTES_MAX);
    const struct child_handler handler = {draw_or_die, &jobs};
    struct err err = {0};
    if (argc == 3 && strcmp(argv[2], "--child") == 0)
        child_serve(&handler);
    CHECK(secret_start(&err));
    RUN(frames_are_drawn_as_pictures_and_as_values);
    RUN(a_frame_of_a_large_file_is_read_by_itself);
    RUN(a_large_picture_may_take_more_memory_and_is_drawn_small);
    RUN(a_large_file_that_is_cut_or_lies_says_so);
    RUN(what_cannot_be_drawn_says_why);
    RUN(a_preview_is_drawn_once_and_then_read_from_disk);
    RUN(whatever_differs_is_another_picture);
    RUN(what_lies_elsewhere_is_another_picture);
    RUN(the_least_recently_used_leave_when_it_is_full);
    RUN(files_tell_nothing);
    RUN(what_was_changed_is_thrown_away_and_drawn_again);
    RUN(a_disk_that_is_gone_costs_nothing_but_time);
    RUN(a_full_disk_keeps_nothing_half);
    RUN(what_an_earlier_process_kept_leaves_and_nothing_else);
    RUN(two_that_ask_for_the_same_have_it_drawn_once);
    RUN(and_have_the_same_fault);
    RUN(a_file_of_many_frames_is_read_once_for_a_while);
    RUN(a_frame_that_kills_is_not_tried_again_for_a_while);
    return test_done();
}
