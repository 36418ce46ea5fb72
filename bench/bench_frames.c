// SPDX-License-Identifier: Apache-2.0
/* What a frame costs a gateway (gateway/frames): a CT slice of 512 × 512 in 16 bits, not
 * compressed, from memory to a windowed JPEG of quality 90, in CPU time of the gateway
 * and of its drawing process; and the same preview once it is kept on disk. Beside it
 * what formats/picture takes for the same job within one process.
 *
 * usage: bench_frames FOLDER      one JSON line per answer; FOLDER for what is kept */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/child/child.h"
#include "base/rand.h"
#include "base/secret.h"
#include "gateway/frames/frames.h"

enum { SIDE = 512, JOBS = 400 };

static void put16(struct buf *out, unsigned value)
{
    buf_byte(out, (uint8_t)value);
    buf_byte(out, (uint8_t)(value >> 8));
}

static void put(struct buf *out, uint32_t tag, const char *vr, struct span value)
{
    put16(out, tag >> 16);
    put16(out, tag & 0xFFFF);
    buf_put(out, vr, 2);
    put16(out, (unsigned)value.len);
    buf_span(out, value);
}

static void put_number(struct buf *out, uint32_t tag, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    put(out, tag, "US", span_of(bytes, 2));
}

/* A body in air, with the noise that makes a CT hard to compress. */
static void put_slice(struct buf *out)
{
    struct rand_seeded seeded = rand_seed(1);
    put16(out, 0x7FE0);
    put16(out, 0x0010);
    buf_put(out, "OW\0", 4);
    put16(out, (SIDE * SIDE * 2) & 0xFFFF);
    put16(out, (SIDE * SIDE * 2) >> 16);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int u = x - SIDE / 2;
            int v = y - SIDE / 2;
            bool is_body = u * u + 2 * v * v < 200 * 200;
            unsigned noise = (unsigned)rand_seeded_below(&seeded, 30);
            put16(out, is_body ? 1040 + noise + (unsigned)(x / 16 * 3) : noise);
        }
}

static struct buf make_file(void)
{
    static const uint8_t zeros[128];
    struct buf out = buf_init(1 << 20);
    buf_put(&out, zeros, sizeof zeros);
    buf_cstr(&out, "DICM");
    put(&out, 0x00020010, "UI", SPAN("1.2.840.10008.1.2.1\0"));
    put_number(&out, 0x00280002, 1);
    put(&out, 0x00280004, "CS", SPAN("MONOCHROME2 "));
    put_number(&out, 0x00280010, SIDE);
    put_number(&out, 0x00280011, SIDE);
    put_number(&out, 0x00280100, 16);
    put_number(&out, 0x00280101, 16);
    put_number(&out, 0x00280102, 15);
    put_number(&out, 0x00280103, 0);
    put(&out, 0x00281050, "DS", SPAN("1064"));
    put(&out, 0x00281051, "DS", SPAN("400 "));
    put_slice(&out);
    return out;
}

static bool load(void *self, struct arena *arena, struct span *file, struct err *err)
{
    return arena_copy(arena, buf_view(self), file, err);
}

static double own_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static double children_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "bench_frames: %s: %s\n", err->code, err->text);
    return 1;
}

static void print(const char *what, double gateway_ms, double drawing_ms, size_t len)
{
    printf("{\"bench\":\"frames\",\"what\":\"%s\",\"gateway_ms\":%.3f,"
           "\"drawing_ms\":%.3f,\"reply_bytes\":%zu}\n",
           what, gateway_ms, drawing_ms, len);
}

/* Each preview is another one for the service, by its version. */
static int measure(struct frames_config *config, struct buf *file, bool is_again)
{
    struct err err = {0};
    struct picture_wish wish = {.kind = PICTURE_JPEG};
    CLEANUP(buf_free) struct buf reply = buf_init(PICTURE_REPLY_BYTES_MAX);
    double children = children_ms();
    double own = own_ms();
    struct frames *frames = frames_open(config, &err);
    for (int i = 0; frames && i < JOBS; i++) {
        char version[16];
        snprintf(version, sizeof version, "%d", is_again ? 0 : i);
        struct frames_source source = {.instance = SPAN("1.2.3"),
                                       .version = span_cstr(version),
                                       .load = load,
                                       .self = file};
        buf_reset(&reply);
        if (!frames_take(frames, &source, 0, &wish, &reply, &err))
            break;
    }
    own = own_ms() - own;
    frames_close(frames);
    if (err.kind != ERR_NONE)
        return fail(&err);
    print(is_again ? "kept on disk" : "drawn", own / JOBS,
          (children_ms() - children) / JOBS, reply.len);
    return 0;
}

static int measure_picture(struct buf *file)
{
    struct err err = {0};
    struct picture_wish wish = {.kind = PICTURE_JPEG};
    CLEANUP(buf_free) struct buf reply = buf_init(PICTURE_REPLY_BYTES_MAX);
    double own = own_ms();
    for (int i = 0; i < JOBS; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
        struct dicom_file *dicom = NULL;
        struct picture_job job;
        buf_reset(&reply);
        if (!dicom_read(buf_view(file), NULL, &arena, &dicom, &err) ||
            !picture_prepare(dicom, 0, &wish, &arena, &job, &err) ||
            !picture_run(&job, &arena, &reply, &err))
            return fail(&err);
    }
    print("formats/picture alone", (own_ms() - own) / JOBS, 0, reply.len);
    return 0;
}

int main(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena jobs = arena_init(PICTURE_ARENA_BYTES_MAX);
    const struct child_handler handler = {picture_answer, &jobs};
    struct err err = {0};
    if (argc == 3 && strcmp(argv[2], "--child") == 0)
        child_serve(&handler);
    if (argc != 2) {
        fprintf(stderr, "usage: bench_frames FOLDER\n");
        return 2;
    }
    if (!secret_start(&err))
        return fail(&err);
    CLEANUP(buf_free) struct buf file = make_file();
    struct frames_config config = {
        .kept_bytes_max = 64 << 20, .processes = 1, .clock = clock_system()};
    int failed = measure_picture(&file) | measure(&config, &file, false);
    config.folder = argv[1];
    return failed | measure(&config, &file, true);
}
