// SPDX-License-Identifier: Apache-2.0
#include "gateway/frames/frames.h"

#include <pthread.h>

#include "base/child/child.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rand.h"
#include "gateway/frames/frames_files.h"
#include "gateway/frames/frames_kept.h"
#include "gateway/frames/frames_part.h"

enum {
    MEMORY_BYTES_MAX = 512 << 20, /* of a process */
    LARGE_BYTES = 64 << 20, /* a frame of more, decoded, has a process for such … */
    LARGE_MEMORY_BYTES_MAX = 1536 << 20, /* … of which there is one */
    LARGE_WAITING_MAX = 8,
    CPU_MS_MAX = 10000,
    WALL_MS_MAX = 30000,
    JOBS_MAX = 1000,
    WAITING_MAX = 64,            /* each holds its frame */
    ARENA_BYTES_MAX = INT32_MAX, /* of a job */
    FAILED_MS = 60000,
    FAILURES_MAX = 64
};

/* A frame that is being drawn, on the stack of who draws it. */
struct flight {
    struct flight *next;
    struct hash name;
    pthread_cond_t changed;
    struct span reply;
    struct err err;
    bool is_done;
    bool is_good;
    int followers; /* who still read it */
};

struct failure {
    struct hash name;
    int64_t until_ms; /* monotonic; 0 = none */
};

struct frames {
    struct child_pool *pool;
    struct child_pool *large;
    struct frames_kept *kept; /* NULL = nothing is kept */
    struct frames_files *files;
    struct clock clock;
    uint8_t name_key[HASH_BYTES];
    pthread_mutex_t lock;
    struct flight *flights;
    struct failure failures[FAILURES_MAX];
    size_t failure_next;
    struct frames_counts counts;
};

/* ---- opening ---- */

static struct child_pool *open_pool(const struct frames_config *config, bool is_large,
                                    struct err *err)
{
    static const char *const arguments[] = {"render", "--child", NULL};
    return child_pool_new(
        &(const struct child_config){
            .arguments = arguments,
            .codes = picture_codes,
            .request_bytes_max = PICTURE_JOB_BYTES_MAX,
            .reply_bytes_max = PICTURE_REPLY_BYTES_MAX,
            .memory_bytes_max = is_large ? LARGE_MEMORY_BYTES_MAX : MEMORY_BYTES_MAX,
            .cpu_ms_max = CPU_MS_MAX,
            .wall_ms_max = WALL_MS_MAX,
            .jobs_max = JOBS_MAX,
            .count = is_large ? 1 : config->processes,
            .waiting_max = is_large ? LARGE_WAITING_MAX : WAITING_MAX,
            .log = config->log,
        },
        err);
}

struct frames *frames_open(const struct frames_config *config, struct err *err)
{
    struct rand rand = rand_system();
    struct frames *frames = memory_new(1, sizeof *frames, err);
    if (!frames)
        return NULL;
    pthread_mutex_init(&frames->lock, NULL);
    frames->clock = config->clock;
    rand_fill(&rand, frames->name_key, sizeof frames->name_key);
    frames->files = frames_files_new(&config->clock, err);
    frames->pool = frames->files ? open_pool(config, false, err) : NULL;
    frames->large = frames->pool ? open_pool(config, true, err) : NULL;
    if (frames->large && config->folder)
        frames->kept = frames_kept_open(config->folder, config->kept_bytes_max, err);
    if (frames->large && (frames->kept || !config->folder))
        return frames;
    frames_close(frames);
    return NULL;
}

void frames_close(struct frames *frames)
{
    if (!frames)
        return;
    child_pool_free(frames->pool);
    child_pool_free(frames->large);
    frames_kept_close(frames->kept);
    frames_files_free(frames->files);
    pthread_mutex_destroy(&frames->lock);
    memory_free(frames);
}

/* ---- names ---- */

static void put_part(struct buf *out, struct span part)
{
    buf_u64(out, part.len);
    buf_byte(out, ':');
    buf_span(out, part);
}

/* Everything that decides what the picture looks like; not to be guessed nor read. */
static bool name_of(const struct frames *frames, const struct frames_source *source,
                    uint32_t frame, const struct picture_wish *wish, struct hash *name,
                    struct err *err)
{
    CLEANUP(buf_free) struct buf all = buf_init(64 * 1024);
    put_part(&all, source->instance);
    put_part(&all, source->version);
    put_part(&all, source->folder);
    put_part(&all, source->name);
    buf_format(&all, "%u %d %u %u %d", frame, (int)wish->kind, wish->side_max,
               wish->quality, wish->has_window);
    if (wish->has_window)
        buf_format(&all, " %a %a", wish->center, wish->width);
    if (!buf_check(&all, err))
        return false;
    *name = hash_hmac(span_of(frames->name_key, sizeof frames->name_key), buf_view(&all));
    return true;
}

/* ---- what failed ---- */

static bool has_failed(const struct frames *frames, const struct hash *name)
{
    int64_t now_ms = clock_monotonic_ms(&frames->clock);
    for (size_t i = 0; i < FAILURES_MAX; i++)
        if (frames->failures[i].until_ms > now_ms &&
            hash_equal(&frames->failures[i].name, name))
            return true;
    return false;
}

/* The frame's own fault, as far as anybody can tell. */
static bool is_fatal(const struct err *err)
{
    static const char *const codes[] = {"child_died", "child_timeout", "child_memory",
                                        "child_garbled"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err->code && strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

static void note_failure(struct frames *frames, const struct hash *name)
{
    struct failure failure = {*name, clock_monotonic_ms(&frames->clock) + FAILED_MS};
    pthread_mutex_lock(&frames->lock);
    frames->failures[frames->failure_next++ % FAILURES_MAX] = failure;
    pthread_mutex_unlock(&frames->lock);
}

/* ---- drawing ---- */

static void count_drawn(struct frames *frames)
{
    pthread_mutex_lock(&frames->lock);
    frames->counts.drawn++;
    pthread_mutex_unlock(&frames->lock);
}

static struct child_pool *pool_of(const struct frames *frames, size_t frame_bytes)
{
    return frame_bytes > LARGE_BYTES ? frames->large : frames->pool;
}

/* The encoded frame goes to the process from where the file was read to. */
static bool draw_file(struct frames *frames, const struct dicom_file *file,
                      uint32_t frame, const struct picture_wish *wish, struct buf *reply,
                      struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES_MAX);
    CLEANUP(buf_free) struct buf head = buf_init(PICTURE_JOB_BYTES_MAX);
    struct picture_job job;
    if (!picture_prepare(file, frame, wish, &arena, &job, err) ||
        !picture_write_job_head(&job, &head, err))
        return false;
    const struct child_request request = {buf_view(&head), job.encoded};
    return child_run_request(pool_of(frames, codec_frame_bytes(&job.shape)), &request,
                             reply, err);
}

static bool draw_whole(struct frames *frames, const struct frames_source *source,
                       uint32_t frame, const struct picture_wish *wish, struct buf *reply,
                       struct err *err)
{
    struct frames_file *file = frames_files_hold(frames->files, source, err);
    if (!file)
        return false;
    bool is_drawn = draw_file(frames, frames_file_dicom(file), frame, wish, reply, err);
    frames_files_let_go(frames->files, file);
    return is_drawn;
}

static bool draw(struct frames *frames, const struct frames_source *source,
                 uint32_t frame, const struct picture_wish *wish, struct buf *reply,
                 struct err *err)
{
    CLEANUP(buf_free) struct buf request = buf_init(PICTURE_JOB_BYTES_MAX);
    size_t frame_bytes = 0; /* 0: of a file that is to be read whole */
    count_drawn(frames);
    if (!frames_is_whole(source) &&
        !frames_prepare_part(source, frame, wish, &request, &frame_bytes, err))
        return false;
    if (frame_bytes == 0)
        return draw_whole(frames, source, frame, wish, reply, err);
    return child_run(pool_of(frames, frame_bytes), buf_view(&request), reply, err);
}

static bool recall(struct frames *frames, const struct hash *name, struct buf *reply)
{
    bool is_there = frames_kept_take(frames->kept, name, reply);
    pthread_mutex_lock(&frames->lock);
    frames->counts.recalled += is_there;
    pthread_mutex_unlock(&frames->lock);
    return is_there;
}

/* Whoever opens the study asks for the first look; a window that somebody chose is hardly
 * asked for again, and the browser that chose it keeps its own pictures. */
static bool is_worth_keeping(const struct picture_wish *wish)
{
    return wish->kind == PICTURE_JPEG && !wish->has_window;
}

static bool draw_or_recall(struct frames *frames, const struct frames_source *source,
                           uint32_t frame, const struct picture_wish *wish,
                           const struct hash *name, struct buf *reply, struct err *err)
{
    size_t before = reply->len;
    bool may_be_kept = frames->kept && is_worth_keeping(wish);
    if (may_be_kept && recall(frames, name, reply))
        return true;
    if (draw(frames, source, frame, wish, reply, err)) {
        if (may_be_kept)
            frames_kept_put(frames->kept, name,
                            span_part(buf_view(reply), before, SIZE_MAX));
        return true;
    }
    if (is_fatal(err)) {
        struct err cause = *err;
        note_failure(frames, name);
        err_clear(err);
        err_set(err, ERR_SYNTAX, "frame_failed", "%s: %.100s", cause.code, cause.text);
    }
    return false;
}

/* ---- together ---- */

static struct flight *find_flight(struct frames *frames, const struct hash *name)
{
    struct flight *flight = frames->flights;
    while (flight && !hash_equal(&flight->name, name))
        flight = flight->next;
    return flight;
}

/* Under the lock, and again when it returns; not while bytes are copied. */
static bool follow(struct frames *frames, struct flight *flight, struct buf *reply,
                   struct err *err)
{
    flight->followers++;
    frames->counts.joined++;
    frames->counts.waiting++;
    while (!flight->is_done)
        pthread_cond_wait(&flight->changed, &frames->lock);
    frames->counts.waiting--;
    pthread_mutex_unlock(&frames->lock);
    bool is_good = flight->is_good;
    if (is_good)
        buf_span(reply, flight->reply);
    else
        *err = flight->err;
    pthread_mutex_lock(&frames->lock);
    if (--flight->followers == 0)
        pthread_cond_broadcast(&flight->changed);
    return is_good;
}

static void land(struct frames *frames, struct flight *flight)
{
    pthread_mutex_lock(&frames->lock);
    struct flight **at = &frames->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flight->is_done = true;
    pthread_cond_broadcast(&flight->changed);
    while (flight->followers > 0)
        pthread_cond_wait(&flight->changed, &frames->lock);
    pthread_mutex_unlock(&frames->lock);
    pthread_cond_destroy(&flight->changed);
}

bool frames_take(struct frames *frames, const struct frames_source *source,
                 uint32_t frame, const struct picture_wish *wish, struct buf *reply,
                 struct err *err)
{
    struct flight mine = {.changed = PTHREAD_COND_INITIALIZER};
    if (!name_of(frames, source, frame, wish, &mine.name, err))
        return false;
    pthread_mutex_lock(&frames->lock);
    struct flight *theirs = find_flight(frames, &mine.name);
    bool is_known = has_failed(frames, &mine.name);
    bool is_good = !is_known && theirs && follow(frames, theirs, reply, err);
    if (!theirs && !is_known) {
        mine.next = frames->flights;
        /* cppcheck-suppress autoVariables ; land takes it out before this returns */
        frames->flights = &mine;
    }
    pthread_mutex_unlock(&frames->lock);
    if (is_known)
        return err_set(err, ERR_SYNTAX, "frame_failed", "it did just now");
    if (theirs)
        return is_good && buf_check(reply, err);
    size_t before = reply->len;
    mine.is_good = draw_or_recall(frames, source, frame, wish, &mine.name, reply, err);
    mine.reply = span_part(buf_view(reply), before, SIZE_MAX);
    mine.err = *err;
    land(frames, &mine);
    return mine.is_good;
}

struct frames_counts frames_counts(struct frames *frames)
{
    pthread_mutex_lock(&frames->lock);
    struct frames_counts counts = frames->counts;
    pthread_mutex_unlock(&frames->lock);
    if (frames->kept)
        frames_kept_count(frames->kept, &counts.kept, &counts.kept_bytes);
    return counts;
}
