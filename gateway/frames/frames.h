// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a screen is sent of a DICOM frame: previews as JPEG and stored values as they are,
 * drawn in throw-away processes (base/child, formats/picture). The same frame asked for
 * by several at once is drawn once. Previews as the file itself wants to be seen are kept
 * on disk within a limit of bytes, the least recently used leave first; sealed with a key
 * that lives as long as the process, under names that tell nothing. A window that
 * somebody chose is drawn each time (docs/decisions/0025). Without that disk, or with a
 * full one, all is drawn anew; what was changed there is thrown away.
 *
 * Knows nothing of permits: who asks has one (gateway/answer). From any thread.
 *
 * Errors: those of formats/dicom and formats/picture, of the source's load, ERR_BUSY
 * "child_queue" and "child_start"; ERR_SYNTAX "frame_failed" when the frame was the end
 * of its process, or took more time or memory than it may: it is not tried again for a
 * minute. */

#include "base/log.h"
#include "formats/picture/picture.h"

struct frames_config {
    const char *folder;      /* of what is kept, ours alone; NULL = nothing is kept */
    uint64_t kept_bytes_max; /* as the disk counts them */
    int processes;
    struct clock clock;
    const struct log *log; /* NULL = none; *borrowed* */
};

struct frames;

/* Empties the folder: what an earlier process kept, nobody can read. *owned* */
MUST_CHECK struct frames *frames_open(const struct frames_config *config,
                                      struct err *err);
/* Nobody may be in frames_take any more. Nothing stays in the folder. */
void frames_close(struct frames *frames);

/* Where a frame is. `load` reads the file into the arena; it is called only when
 * something must be drawn, and not again for the next frame of a file of many, which
 * stays in memory for half a minute (64 MB of them at most). */
struct frames_source {
    struct span instance; /* SOP Instance UID */
    struct span version;  /* of its bytes, so that a corrected file is another */
    bool (*load)(void *self, struct arena *arena, struct span *file, struct err *err);
    void *self;
    /* Of a file larger than FRAMES_WHOLE_BYTES_MAX, whose frames are read by parts
     * instead: for reading, closed by this module; NULL = it is always read whole. */
    int (*open)(void *self, struct err *err);
    uint64_t size_bytes;
    /* Where it lies: nothing keeps a UID and a version from being another patient's too.
     */
    struct span folder;
    struct span name;
};
enum { FRAMES_WHOLE_BYTES_MAX = 64 << 20 };

/* Appends a reply, which picture_read_reply takes apart. Frames count from 0. */
MUST_CHECK bool frames_take(struct frames *frames, const struct frames_source *source,
                            uint32_t frame, const struct picture_wish *wish,
                            struct buf *reply, struct err *err);

struct frames_counts {
    uint64_t drawn;    /* by a process, or tried */
    uint64_t recalled; /* from the disk */
    uint64_t joined;   /* somebody else's */
    int waiting;       /* for somebody else's */
    uint64_t kept;     /* previews on the disk */
    uint64_t kept_bytes;
};
struct frames_counts frames_counts(struct frames *frames);
