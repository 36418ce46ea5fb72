// SPDX-License-Identifier: Apache-2.0
/* tsumugi render FILE -o OUT [--frame N] [--window C,W] [--size PX] [--raw]: one frame of
 * a DICOM file as JPEG, or its stored values as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child/child.h"
#include "base/path.h"
#include "cli/command.h"
#include "formats/picture/picture.h"

enum {
    FILE_BYTES_MAX = 1 << 30,
    ARENA_BYTES_MAX = INT32_MAX,
    CHILD_MEMORY_BYTES = INT32_MAX, /* one picture, and nobody beside */
};

struct words {
    const char *file;
    const char *out;
    uint32_t frame;
    struct picture_wish wish;
};

/* ------------------------------------------------------------------ arguments */

static bool take_number(const char *word, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;
    if (!word || !span_uint(span_cstr(word), max, &value))
        return false;
    *number = (uint32_t)value;
    return true;
}

/* "C,W" in decimals; the width is above 0. */
static bool take_window(const char *word, struct picture_wish *wish)
{
    char *end = NULL;
    if (!word)
        return false;
    wish->center = strtod(word, &end);
    if (end == word || *end != ',')
        return false;
    word = end + 1;
    wish->width = strtod(word, &end);
    wish->has_window = true;
    return end != word && *end == '\0' && wish->width > 0;
}

static bool take_option(struct words *words, const char *option, const char *value)
{
    if (strcmp(option, "-o") == 0) {
        words->out = value;
        return value != NULL;
    }
    if (strcmp(option, "--frame") == 0)
        return take_number(value, UINT32_MAX, &words->frame);
    if (strcmp(option, "--size") == 0)
        return take_number(value, CODEC_SIDE_MAX, &words->wish.side_max) &&
               words->wish.side_max > 0;
    return strcmp(option, "--window") == 0 && take_window(value, &words->wish);
}

static bool take_words(int argc, char **argv, struct words *words)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--raw") == 0) {
            words->wish.kind = PICTURE_RAW;
        } else if (argv[i][0] != '-' && !words->file) {
            words->file = argv[i];
        } else {
            if (!take_option(words, argv[i], i + 1 < argc ? argv[i + 1] : NULL))
                return false;
            i++;
        }
    }
    return words->file && words->out;
}

/* ------------------------------------------------------------------ the frame */

/* In a process that may die of it, and has nothing of ours. */
static bool answer(struct span request, struct buf *reply, struct err *err)
{
    static const char *const arguments[] = {"render", "--child", NULL};
    const struct child_config config = {
        .arguments = arguments,
        .codes = picture_codes,
        .request_bytes_max = PICTURE_JOB_BYTES_MAX,
        .reply_bytes_max = PICTURE_REPLY_BYTES_MAX,
        .memory_bytes_max = CHILD_MEMORY_BYTES,
        .cpu_ms_max = 60000,
        .wall_ms_max = 120000,
        .jobs_max = 1,
        .count = 1,
    };
    struct child_pool *pool = child_pool_new(&config, err);
    bool is_done = pool && child_run(pool, request, reply, err);
    child_pool_free(pool);
    return is_done;
}

static bool render(const struct words *words, struct arena *arena, struct buf *reply,
                   struct err *err)
{
    CLEANUP(buf_free) struct buf request = buf_init(PICTURE_JOB_BYTES_MAX);
    struct dicom_file *file = NULL;
    struct picture_result result;
    struct picture_job job;
    struct span bytes;
    if (!path_read_file(words->file, FILE_BYTES_MAX, arena, &bytes, err) ||
        !dicom_read(bytes, NULL, arena, &file, err) ||
        !picture_prepare(file, words->frame, &words->wish, arena, &job, err) ||
        !picture_write_job(&job, &request, err) ||
        !answer(buf_view(&request), reply, err) ||
        !picture_read_reply(buf_view(reply), &result, err) ||
        !path_write_file(words->out, result.bytes, err))
        return false;
    if (result.is_incomplete)
        fputs("tsumugi render: the frame is incomplete (frame_incomplete)\n", stderr);
    return true;
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi render FILE -o OUT [--frame N] [--window C,W] [--size PX] "
          "[--raw]\n",
          out);
}

static int run(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES_MAX);
    CLEANUP(buf_free) struct buf reply = buf_init(PICTURE_REPLY_BYTES_MAX);
    struct words words = {0};
    struct err err = {0};
    CLEANUP(arena_free) struct arena jobs = arena_init(PICTURE_ARENA_BYTES_MAX);
    const struct child_handler drawing = {picture_answer, &jobs};
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        child_serve(&drawing); /* for the pools of this program alone */
    if (!take_words(argc, argv, &words)) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    if (render(&words, &arena, &reply, &err))
        return COMMAND_OK;
    bool has_text = err.text[0] != '\0';
    fprintf(stderr, "tsumugi render: %s (%s)\n",
            has_text ? err.text : "the frame cannot be decoded", err.code);
    return COMMAND_FAILED;
}

const struct command command_render = {
    "render", "a DICOM frame as JPEG or raw: render FILE -o OUT [--frame N] …",
    print_usage, run};
