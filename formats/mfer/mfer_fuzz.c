// SPDX-License-Identifier: Apache-2.0
/* Whatever the bytes are: named refusals or a recording that can be listed, drawn in
 * pieces and written again, with the same samples. */
#include "formats/mfer/mfer.h"

#include <stdlib.h>

enum { LOOK_COLUMNS = 64, LOOK_MS = 100, COMPARED = 64, SAMPLES_WRITTEN = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte is looked at, so that a run over its end is found. */
static void draw(const struct waveform_recording *recording)
{
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    for (uint32_t i = 0; i < recording->group_count && i < 4; i++) {
        const struct waveform_wish wishes[] = {
            {.group = i, .columns = LOOK_COLUMNS},
            {.group = i, .from_ms = LOOK_MS / 2, .to_ms = LOOK_MS},
        };
        for (size_t k = 0; k < 2; k++) {
            struct err err = {0};
            buf_reset(&out);
            if (waveform_write(recording, &wishes[k], &out, &err) !=
                (err.kind == ERR_NONE))
                abort();
        }
    }
}

static bool is_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || (!(a < b) && !(a > b));
}

static void compare(const struct waveform_group *a, const struct waveform_group *b)
{
    double left[COMPARED];
    double right[COMPARED];
    size_t other = 0;
    for (size_t i = 0; i < a->channel_count; i++) {
        const struct waveform_channel *channel = &a->channels[i];
        if (channel->from[0] || channel->is_unsupported || channel->sample_count == 0)
            continue;
        if (other >= b->channel_count ||
            b->channels[other].sample_count != channel->sample_count)
            abort();
        waveform_read(channel, 0, COMPARED, left);
        waveform_read(&b->channels[other], 0, COMPARED, right);
        for (size_t k = 0; k < COMPARED; k++)
            if (!is_same(left[k], right[k]))
                abort();
        other++;
    }
}

/* What is missing takes time to write, and finds nothing. */
static bool is_small(const struct waveform_recording *recording)
{
    uint64_t total = 0;
    for (const struct waveform_group *group = recording->groups; group;
         group = group->next)
        for (size_t i = 0; i < group->channel_count; i++)
            total += group->channels[i].sample_count + 1;
    return total < SAMPLES_WRITTEN;
}

static void write_again(const struct mfer_file *file, struct arena *arena)
{
    CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
    struct err err = {0};
    struct mfer_file read = {0};
    struct mfer_options options = {.is_little_endian = file->recording.group_count % 2};
    if (!is_small(&file->recording) || !mfer_write(file, &options, &out, &err))
        return;
    err_clear(&err);
    if (!mfer_read(buf_view(&out), arena, &read, &err)) {
        if (err.kind == ERR_SYNTAX)
            abort();
        return;
    }
    if (file->recording.group_count == 1)
        compare(file->recording.groups, read.recording.groups);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena arena = arena_init(256 << 20);
    struct mfer_file file = {0};
    struct entry_list list = {0};
    struct err err = {0};
    struct span bytes = span_of(data, size);
    (void)mfer_detect(bytes);
    bool is_read = mfer_read(bytes, &arena, &file, &err);
    if (is_read != (err.kind == ERR_NONE) || (is_read && !file.recording.groups))
        abort();
    if (!is_read)
        return 0;
    if (mfer_list(&file, &arena, &list, &err)) {
        CLEANUP(buf_free) struct buf out = buf_init(64 << 20);
        struct json_writer writer = json_writer(&out);
        struct text text = {0};
        entry_write(&writer, list.first);
        if (!text_from_utf8(buf_view(&out), &text, &err))
            abort();
    }
    draw(&file.recording);
    write_again(&file, &arena);
    return 0;
}
