// SPDX-License-Identifier: Apache-2.0
/* Files of a study as they lie there, piece by piece: each download has a thread of its
 * own, because it waits for its reader and for the hospital's disk, and workers do not.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "formats/dicom/dicom.h"
#include "formats/zip/zip.h"
#include "gateway/answer/answer_parts.h"

enum { PIECE_BYTES = 64 * 1024, SENDINGS_MAX = 16, HEADER_ARENA_BYTES = 64 << 20 };

struct answer_sending {
    struct answer *answer;
    int fd; /* -1: the parcel */
    int64_t at, end;
    struct answer_parcel *parcel; /* *owned*; NULL = one file */
    pthread_mutex_t lock;         /* guards what follows */
    pthread_cond_t word;
    struct http_stream *stream; /* NULL = its reader is gone */
    bool is_full;
};

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
    pthread_cond_signal(&sending->word);
    pthread_mutex_unlock(&sending->lock);
}

static ssize_t read_piece(const struct answer_sending *sending, uint8_t *piece)
{
    int64_t left = sending->end - sending->at;
    size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    ssize_t count = 0;
    do
        count = pread(sending->fd, piece, len, (off_t)sending->at);
    while (count < 0 && errno == EINTR);
    return count;
}

/* False when the reader is gone, or the file became shorter. */
static bool send_piece(struct answer_sending *sending, struct span piece)
{
    pthread_mutex_lock(&sending->lock);
    while (sending->stream && sending->is_full)
        pthread_cond_wait(&sending->word, &sending->lock);
    struct http_stream *stream = sending->stream;
    if (stream && piece.len > 0) {
        sending->is_full = true;
        if (http_stream_write(stream, piece) <= HTTP_STREAM_HIGH_BYTES)
            sending->is_full = false;
    }
    pthread_mutex_unlock(&sending->lock);
    return stream != NULL && piece.len > 0;
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
    answer_free_parcel(sending->parcel);
    pthread_cond_destroy(&sending->word);
    pthread_mutex_destroy(&sending->lock);
    memory_free(sending);
    pthread_mutex_lock(&answer->lists_lock);
    answer->sending_count--;
    pthread_cond_broadcast(&answer->sendings_ended);
    pthread_mutex_unlock(&answer->lists_lock);
}

static bool send_one(struct answer_sending *sending)
{
    uint8_t piece[PIECE_BYTES];
    bool goes_on = true;
    while (goes_on && sending->at < sending->end) {
        ssize_t count = read_piece(sending, piece);
        goes_on = send_piece(sending, span_of(piece, count > 0 ? (size_t)count : 0));
        sending->at += count > 0 ? count : 0;
    }
    return goes_on;
}

/* ---- many files as one ---- */

static bool pass_on(void *context, struct span bytes)
{
    while (bytes.len > 0) {
        struct span piece = span_part(bytes, 0, PIECE_BYTES);
        if (!send_piece(context, piece))
            return false;
        bytes = span_of(bytes.at + piece.len, bytes.len - piece.len);
    }
    return true;
}

static bool put_file(struct answer_sending *sending, struct zip *zip,
                     const struct answer_parcel_file *file, struct err *err)
{
    uint8_t piece[PIECE_BYTES];
    struct stat status;
    CLEANUP(path_close)
    int fd = study_open_file(sending->answer->config.study, &file->instance, err);
    if (fd < 0 || fstat(fd, &status) != 0 ||
        !zip_file(zip, file->name, status.st_size, status.st_mtim.tv_sec, err))
        return false;
    sending->fd = fd;
    sending->end = status.st_size;
    bool is_good = true;
    for (sending->at = 0; is_good && sending->at < sending->end;) {
        ssize_t count = read_piece(sending, piece);
        is_good = count > 0 && zip_data(zip, span_of(piece, (size_t)count), err);
        sending->at += count > 0 ? count : 0;
    }
    sending->fd = -1;
    return is_good;
}

/* One whose header cannot be read, or that is no DICOM, lies in the archive all the same.
 */
static void list_file(const struct answer_sending *sending, struct dicom_medium *medium,
                      const struct answer_parcel_file *file)
{
    struct err err = {0};
    struct dicom_file *header = NULL;
    CLEANUP(arena_free) struct arena arena = arena_init_small(HEADER_ARENA_BYTES);
    CLEANUP(path_close)
    int fd = study_open_file(sending->answer->config.study, &file->instance, &err);
    if (fd >= 0 && !study_is_mfer(fd) && study_read_file(fd, &arena, &header, &err))
        dicom_medium_add(medium, header, file->name);
}

static bool put_directory(struct zip *zip, struct dicom_medium *medium, int64_t now_s,
                          struct err *err)
{
    return dicom_medium_end(medium, err) &&
           zip_file(zip, "DICOMDIR", (int64_t)medium->out.len, now_s, err) &&
           zip_data(zip, buf_view(&medium->out), err);
}

/* Its directory comes behind the files that it was made of. A file that is not there now
 * cuts the whole: half a study must not look whole. */
static bool send_parcel(struct answer_sending *sending)
{
    struct err err = {0};
    struct dicom_medium medium;
    const struct answer_parcel *parcel = sending->parcel;
    struct zip *zip = zip_open(pass_on, sending, &err);
    bool is_good = zip != NULL;
    dicom_medium_begin(&medium, parcel->number);
    for (size_t i = 0; is_good && i < parcel->count; i++) {
        list_file(sending, &medium, &parcel->files[i]);
        is_good = put_file(sending, zip, &parcel->files[i], &err);
    }
    if (is_good && medium.instance_count > 0)
        is_good = put_directory(zip, &medium, parcel->made_s, &err);
    buf_free(&medium.out);
    is_good = is_good && zip_end(zip, &err);
    zip_free(zip);
    if (!is_good && sending->answer->config.log)
        log_err(sending->answer->config.log, "archive", &err);
    return is_good;
}

static void *run(void *context)
{
    struct answer_sending *sending = context;
    bool is_whole = sending->parcel ? send_parcel(sending) : send_one(sending);
    end_stream(sending, is_whole);
    free_sending(sending);
    return NULL;
}

void answer_free_parcel(struct answer_parcel *parcel)
{
    if (!parcel)
        return;
    arena_free(&parcel->arena);
    memory_free(parcel);
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
    *sending = (struct answer_sending){.answer = answer, .fd = -1};
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

static void open_stream(struct answer_sending *sending, struct http_call *call,
                        const char *content_type, int64_t len)
{
    static const struct http_stream_events events = {drained, closed};
    pthread_mutex_lock(&sending->lock);
    sending->stream = http_stream_open(call, 200, content_type, len, &events, sending);
    bool is_open = sending->stream != NULL;
    pthread_mutex_unlock(&sending->lock);
    if (is_open)
        start_thread(sending);
    else
        free_sending(sending);
}

bool answer_send_file(struct answer *answer, struct http_call *call, int *fd,
                      const struct answer_range *range, struct err *err)
{
    struct stat status;
    if (fstat(*fd, &status) != 0 || (range->from > 0 && range->from >= status.st_size))
        return err_set(err, ERR_SYNTAX, "range_unsatisfiable", "the file is shorter");
    struct answer_sending *sending = begin(answer, err);
    if (!sending)
        return false;
    sending->fd = *fd;
    sending->at = range->from;
    sending->end = status.st_size;
    *fd = -1;
    open_stream(sending, call, range->content_type, sending->end - sending->at);
    return true;
}

bool answer_send_parcel(struct answer *answer, struct http_call *call,
                        struct answer_parcel **parcel, struct err *err)
{
    struct answer_sending *sending = begin(answer, err);
    if (!sending)
        return false;
    sending->parcel = *parcel;
    *parcel = NULL;
    open_stream(sending, call, "application/zip", -1);
    return true;
}
