// SPDX-License-Identifier: Apache-2.0
/* The first byte says what the rest is: a job, as a child would get it, or a DICOM file,
 * whose first frame is then drawn or taken raw. */
#include "formats/picture/picture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 128 << 20, FRAME_BYTES_MAX = 2 << 20 };

static void check_reply(bool is_good, const struct buf *reply, const struct err *err)
{
    struct picture_result result;
    struct err fault = {0};
    bool is_named = false;
    for (size_t i = 0; !is_good && picture_codes[i]; i++)
        is_named |= strcmp(picture_codes[i], err->code) == 0;
    if (is_good ? !picture_read_reply(buf_view(reply), &result, &fault) : !is_named)
        abort();
}

static void run_job(struct span bytes, struct arena *arena, struct buf *reply)
{
    struct picture_job job;
    struct err err = {0};
    bool is_good = picture_read_job(bytes, arena, &job, &err);
    if (is_good && codec_frame_bytes(&job.shape) > FRAME_BYTES_MAX)
        return;
    is_good = is_good && picture_run(&job, arena, reply, &err);
    check_reply(is_good, reply, &err);
}

/* As a gateway does it: prepare here, the job's bytes to where it is done. */
static void run_file(struct span bytes, const struct picture_wish *wish,
                     struct arena *arena, struct buf *reply)
{
    struct buf request = buf_init(ARENA_BYTES);
    struct dicom_file *file = NULL;
    struct picture_job job;
    struct err err = {0};
    if (dicom_read(bytes, NULL, arena, &file, &err) &&
        picture_prepare(file, 0, wish, arena, &job, &err) &&
        codec_frame_bytes(&job.shape) <= FRAME_BYTES_MAX &&
        picture_write_job(&job, &request, &err))
        run_job(buf_view(&request), arena, reply);
    buf_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena arena = arena_init(ARENA_BYTES);
    struct buf reply = buf_init(ARENA_BYTES);
    struct picture_wish wish = {.kind = data[0] & 1 ? PICTURE_RAW : PICTURE_JPEG,
                                .side_max = data[0] & 2 ? 37 : 0,
                                .has_window = data[0] & 4,
                                .center = 40,
                                .width = 400};
    struct span rest = span_of(data + 1, size - 1);
    if (data[0] & 0x80)
        run_job(rest, &arena, &reply);
    else
        run_file(rest, &wish, &arena, &reply);
    buf_free(&reply);
    arena_free(&arena);
    return 0;
}
