// SPDX-License-Identifier: Apache-2.0
/* Files of a study as they lie there. A small one is read at once and goes whole, head
 * and body together. Any other goes piece by piece: each download has a thread of its
 * own, because it waits for its reader and for the hospital's disk, and workers do not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"
#include "gateway/answer/answer_parts.h"

enum {
    PIECE_BYTES = 255 * 1024, /* below the stream's high mark; four frames of a tunnel */
    SMALL_BYTES = 1 << 20,
    SENDINGS_MAX = 16
};

_Static_assert((int)PIECE_BYTES <= (int)HTTP_STREAM_HIGH_BYTES, "one may wait");

struct answer_sending {
    struct answer *answer;
    int fd; /* -1: the parcel */
    int64_t at, end;
    struct answer_parcel *parcel; /* *owned*; NULL = one file */
    struct http_call *call;       /* of an archive, kept until it was measured */
    int64_t skip_bytes;           /* of it, before what is asked for */
    struct buf piece;             /* goes whole when it is full, and is not copied */
    pthread_mutex_t lock;         /* guards what follows */
    pthread_cond_t word;
    struct http_stream *stream; /* NULL = its reader is gone */
    bool is_full;
    bool is_left; /* all is queued, no thread waits: its stream's end frees it */
};

static void free_sending(struct answer_sending *sending);

static void drained(void *context)
{
    struct answer_sending *sending = context;
    pthread_mutex_lock(&sending->lock);
    sending->is_full = false;
    pthread_cond_signal(&sending->word);
    pthread_mutex_unlock(&sending->lock);
}

static void closed(void *context)
{
    struct answer_sending *sending = context;
    pthread_mutex_lock(&sending->lock);
    sending->stream = NULL;
    bool is_left = sending->is_left;
    pthread_cond_signal(&sending->word);
    pthread_mutex_unlock(&sending->lock);
    if (is_left)
        free_sending(sending);
}

size_t answer_read_piece(int fd, int64_t at, int64_t end, struct answer_room room)
{
    int64_t left = end - at;
    size_t len = (uint64_t)left < room.bytes ? (size_t)left : room.bytes;
    ssize_t count = 0;
    do
        count = pread(fd, room.at, len, (off_t)at);
    while (count < 0 && errno == EINTR);
    return count > 0 ? (size_t)count : 0;
}

/* False when the reader is gone. */
static bool send_piece(struct answer_sending *sending)
{
    pthread_mutex_lock(&sending->lock);
    while (sending->stream && sending->is_full)
        pthread_cond_wait(&sending->word, &sending->lock);
    struct http_stream *stream = sending->stream;
    if (stream && sending->piece.len > 0) {
        sending->is_full = true;
        if (http_stream_give(stream, &sending->piece) <= HTTP_STREAM_HIGH_BYTES)
            sending->is_full = false;
    }
    pthread_mutex_unlock(&sending->lock);
    return stream != NULL;
}

/* There is always some: a full piece goes at once. */
static struct answer_room room(void *context)
{
    struct answer_sending *sending = context;
    size_t len = sending->piece.len;
    struct answer_room room = {.bytes = PIECE_BYTES - len};
    if (sending->skip_bytes > 0 && (uint64_t)sending->skip_bytes < room.bytes)
        room.bytes = (size_t)sending->skip_bytes; /* what comes in it goes or stays */
    room.at = buf_take(&sending->piece, room.bytes);
    sending->piece.len = len;
    return room;
}

static void put_part(struct buf *piece, struct span part)
{
    bool is_there = piece->at && part.at == piece->at + piece->len;
    if (is_there)
        piece->len += part.len;
    else
        buf_span(piece, part);
}

static bool put(void *context, struct span bytes)
{
    struct answer_sending *sending = context;
    struct buf *piece = &sending->piece;
    struct span skipped = span_part(bytes, 0, (size_t)sending->skip_bytes);
    sending->skip_bytes -= (int64_t)skipped.len;
    bytes = span_part(bytes, skipped.len, bytes.len);
    if (skipped.len > 0 && !send_piece(sending))
        return false;
    while (bytes.len > 0) {
        struct span part = span_part(bytes, 0, PIECE_BYTES - piece->len);
        put_part(piece, part);
        bytes = span_part(bytes, part.len, bytes.len);
        if (piece->has_failed || (piece->len == PIECE_BYTES && !send_piece(sending)))
            return false;
    }
    return true;
}

/* Of what comes slowly nothing is kept back. */
static bool put_at_once(void *context, struct span bytes)
{
    return put(context, bytes) && send_piece(context);
}

/* Whole or cut, the stream's end is waited for: it must not outlive what it names. */
static void end_stream(struct answer_sending *sending, bool is_whole)
{
    pthread_mutex_lock(&sending->lock);
    if (sending->stream && is_whole)
        http_stream_end(sending->stream);
    else if (sending->stream)
        http_stream_abort(sending->stream);
    while (sending->stream)
        pthread_cond_wait(&sending->word, &sending->lock);
    pthread_mutex_unlock(&sending->lock);
}

static void free_sending(struct answer_sending *sending)
{
    struct answer *answer = sending->answer;
    path_close(&sending->fd);
    buf_free(&sending->piece);
    answer_free_parcel(sending->parcel);
    pthread_cond_destroy(&sending->word);
    pthread_mutex_destroy(&sending->lock);
    memory_free(sending);
    pthread_mutex_lock(&answer->lists_lock);
    answer->sending_count--;
    pthread_cond_broadcast(&answer->sendings_ended);
    pthread_mutex_unlock(&answer->lists_lock);
}

/* False as well when the file became shorter. */
static bool send_one(struct answer_sending *sending)
{
    while (sending->at < sending->end) {
        struct answer_room free = room(sending);
        size_t count =
            free.at ? answer_read_piece(sending->fd, sending->at, sending->end, free) : 0;
        if (count == 0 || !put(sending, span_of(free.at, count)))
            return false;
        sending->at += (int64_t)count;
    }
    return send_piece(sending);
}

static bool send_parcel(struct answer_sending *sending)
{
    bool is_slow = sending->parcel->form == ANSWER_METADATA;
    const struct answer_outlet outlet = {
        .sending = sending, .write = is_slow ? put_at_once : put, .room = room};
    return answer_write_parcel(sending->answer, sending->parcel, &outlet) &&
           send_piece(sending);
}

static void *run(void *context)
{
    struct answer_sending *sending = context;
    bool is_whole = sending->parcel ? send_parcel(sending) : send_one(sending);
    end_stream(sending, is_whole);
    free_sending(sending);
    return NULL;
}

static void end_measuring(struct answer *answer)
{
    pthread_mutex_lock(&answer->lists_lock);
    answer->measuring_count--;
    pthread_cond_broadcast(&answer->sendings_ended);
    pthread_mutex_unlock(&answer->lists_lock);
}

void answer_end_measuring(struct answer *answer)
{
    pthread_mutex_lock(&answer->lists_lock);
    answer->is_closed = true;
    while (answer->measuring_count > 0)
        pthread_cond_wait(&answer->sendings_ended, &answer->lists_lock);
    pthread_mutex_unlock(&answer->lists_lock);
}

static bool take_turn(struct answer *answer, struct err *err)
{
    pthread_mutex_lock(&answer->lists_lock);
    bool has_room = answer->sending_count < SENDINGS_MAX;
    answer->sending_count += has_room ? 1 : 0;
    pthread_mutex_unlock(&answer->lists_lock);
    return has_room || err_set(err, ERR_BUSY, "server_busy", "too many downloads");
}

static struct answer_sending *begin(struct answer *answer, struct err *err)
{
    struct answer_sending *sending = memory_new(1, sizeof *sending, err);
    if (!sending || !take_turn(answer, err)) {
        memory_free(sending);
        return NULL;
    }
    *sending = (struct answer_sending){
        .answer = answer, .fd = -1, .piece = buf_init(PIECE_BYTES)};
    pthread_mutex_init(&sending->lock, NULL);
    pthread_cond_init(&sending->word, NULL);
    return sending;
}

static void start_thread(struct answer_sending *sending)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, sending) == 0) {
        pthread_detach(thread); /* answer_free waits for all of them */
        return;
    }
    end_stream(sending, false);
    free_sending(sending);
}

static const struct http_stream_events events = {drained, closed};

static bool read_whole(const struct answer_sending *sending, struct buf *out,
                       struct err *err)
{
    size_t left = (size_t)(sending->end - sending->at);
    uint8_t *at = left > 0 ? buf_take(out, left) : NULL;
    size_t read = 0;
    while (at && read < left) {
        struct answer_room rest = {at + read, left - read};
        size_t count = answer_read_piece(sending->fd, sending->at + (int64_t)read,
                                         sending->end, rest);
        if (count == 0)
            return err_set(err, ERR_BUSY, "source_changed", "the file is shorter now");
        read += count;
    }
    return buf_check(out, err);
}

/* The loop begins when head, body and end are there. */
static bool send_whole(struct answer_sending *sending, struct http_call *call,
                       const char *content_type, struct err *err)
{
    CLEANUP(buf_free) struct buf bytes = buf_init((size_t)(sending->end - sending->at));
    if (!read_whole(sending, &bytes, err)) {
        free_sending(sending);
        return false;
    }
    pthread_mutex_lock(&sending->lock);
    sending->is_left = true;
    struct http_stream *stream =
        http_stream_open(call, 200, content_type, (int64_t)bytes.len, &events, sending);
    sending->stream = stream;
    if (stream) {
        (void)http_stream_give(stream, &bytes);
        http_stream_end(stream);
    }
    pthread_mutex_unlock(&sending->lock);
    if (!stream)
        free_sending(sending);
    return true;
}

static void open_stream(struct answer_sending *sending, struct http_call *call,
                        const char *content_type, int64_t len)
{
    pthread_mutex_lock(&sending->lock);
    sending->stream = http_stream_open(call, 200, content_type, len, &events, sending);
    bool is_open = sending->stream != NULL;
    pthread_mutex_unlock(&sending->lock);
    if (is_open)
        start_thread(sending);
    else
        free_sending(sending);
}

struct hash answer_mark_of(const struct stat *status)
{
    const uint64_t said[] = {
        (uint64_t)status->st_dev,          (uint64_t)status->st_ino,
        (uint64_t)status->st_size,         (uint64_t)status->st_mtim.tv_sec,
        (uint64_t)status->st_mtim.tv_nsec, (uint64_t)status->st_ctim.tv_sec,
        (uint64_t)status->st_ctim.tv_nsec};
    return hash_sha256(span_of((const uint8_t *)said, sizeof said));
}

bool answer_find_rest(struct http_call *call, struct answer_rest *rest, int64_t length,
                      const char *stamp, struct err *err)
{
    char whole[24];
    bool is_other = rest->if_stamp.len > 0 && !text_is(rest->if_stamp, stamp);
    bool is_nothing =
        rest->is_from_end ? rest->from == 0 : rest->from > 0 && rest->from >= length;
    snprintf(whole, sizeof whole, "%lld", (long long)length);
    http_add_header(call, "tsumugi-length", whole);
    if (is_nothing && !is_other)
        return err_set(err, ERR_SYNTAX, "range_unsatisfiable", "it is shorter");
    if (rest->is_from_end)
        rest->from = rest->from < length ? length - rest->from : 0;
    if (is_other)
        rest->from = 0;
    rest->is_from_end = false;
    return true;
}

bool answer_send_file(struct answer *answer, struct http_call *call, int *fd,
                      struct answer_range *range, struct err *err)
{
    struct stat status;
    char stamp[HASH_HEX_BYTES];
    if (fstat(*fd, &status) != 0)
        return err_set(err, ERR_BUSY, "source_changed", "the file cannot be read");
    struct hash mark = answer_mark_of(&status);
    hash_to_hex(span_of(mark.bytes, sizeof mark.bytes), stamp);
    if (range->to == 0 &&
        !answer_find_rest(call, &range->rest, status.st_size, stamp, err))
        return false;
    struct answer_sending *sending = begin(answer, err);
    if (!sending)
        return false;
    sending->fd = *fd;
    sending->at = range->rest.from;
    sending->end = range->to > 0 ? range->to : status.st_size;
    *fd = -1;
    http_add_header(call, "tsumugi-stamp", stamp);
    if (sending->end - sending->at <= SMALL_BYTES)
        return send_whole(sending, call, range->content_type, err);
    open_stream(sending, call, range->content_type, sending->end - sending->at);
    return true;
}

/* ---- archives ---- */

/* What is counted is what is sent. */
static bool open_archive(struct answer_sending *sending)
{
    struct answer_parcel *parcel = sending->parcel;
    int64_t length = parcel->is_measured ? parcel->length - parcel->rest.from : -1;
    release_count_part(sending->answer->config.release, parcel->permit,
                       length >= 0 ? length : parcel->bytes);
    if (parcel->is_measured)
        http_add_header(sending->call, "tsumugi-stamp", parcel->stamp);
    sending->skip_bytes = parcel->rest.from;
    pthread_mutex_lock(&sending->lock);
    sending->stream =
        http_stream_open(sending->call, 200, "application/zip", length, &events, sending);
    bool is_open = sending->stream != NULL;
    pthread_mutex_unlock(&sending->lock);
    return is_open;
}

/* Bytes before those that are asked for are read again on this thread, for their CRC. */
static void *run_archive(void *context)
{
    struct err err = {0};
    struct answer_sending *sending = context;
    bool is_good =
        answer_measure_parcel(sending->answer, sending->call, sending->parcel, &err);
    if (!is_good)
        http_answer_problem(sending->call, &err);
    bool is_open = is_good && open_archive(sending);
    end_measuring(sending->answer);
    if (is_open)
        return run(sending);
    free_sending(sending);
    return NULL;
}

/* The call is kept before there is a thread that answers it. */
static void start_archive(struct answer_sending *sending, struct http_call *call)
{
    pthread_t thread;
    struct err err = {0};
    struct answer *answer = sending->answer;
    sending->call = call;
    http_keep(call);
    pthread_mutex_lock(&answer->lists_lock);
    bool is_taken = !answer->is_closed;
    answer->measuring_count += is_taken ? 1 : 0;
    pthread_mutex_unlock(&answer->lists_lock);
    if (is_taken && pthread_create(&thread, NULL, run_archive, sending) == 0) {
        pthread_detach(thread);
        return;
    }
    (void)err_set(&err, ERR_BUSY, "server_busy", "no thread for a download");
    http_answer_problem(call, &err);
    if (is_taken)
        end_measuring(answer);
    free_sending(sending);
}

bool answer_send_parcel(struct answer *answer, struct http_call *call,
                        struct answer_parcel **parcel, struct err *err)
{
    static const char *const types[] = {[ANSWER_ZIP] = "application/zip",
                                        [ANSWER_MULTIPART] = "multipart/related",
                                        [ANSWER_METADATA] = "application/dicom+json"};
    struct answer_sending *sending = begin(answer, err);
    if (!sending)
        return false;
    const char *type = types[(*parcel)->form];
    sending->parcel = *parcel;
    *parcel = NULL;
    if (sending->parcel->form == ANSWER_ZIP)
        start_archive(sending, call);
    else
        open_stream(sending, call, type, -1);
    return true;
}
