// SPDX-License-Identifier: Apache-2.0
/* Several files of a study as one answer: a ZIP archive, parts, or what their headers
 * say. Runs on the thread of the download. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "formats/dicom/dicom.h"
#include "formats/zip/zip.h"
#include "gateway/answer/answer_parts.h"

enum {
    HEADER_ARENA_BYTES = 64 << 20,
    OBJECT_BYTES_MAX = 32 << 20, /* of one instance's metadata */
    METADATA_BYTES_MAX = 64 << 20,
    /* An archive begins soon, with its length or without. One that goes on is worth
     * waiting for, and the centre does; without a length it would begin anew. */
    MEASURE_MS = 2000,
    MEASURE_REST_MS = 20000
};

struct writing {
    struct answer *answer;
    struct answer_parcel *parcel;
    const struct answer_outlet *outlet;
    struct zip *zip;
    size_t count;  /* parts or objects so far */
    int64_t bytes; /* of parts or metadata so far */
    bool has_logged;
};

static bool write_out(struct writing *writing, struct span bytes, struct err *err)
{
    writing->bytes += (int64_t)bytes.len;
    return writing->outlet->write(writing->outlet->sending, bytes) ||
           err_set(err, ERR_BUSY, "stream_cut", "the reader is gone");
}

static bool write_to_zip(struct writing *writing, struct span bytes, struct err *err)
{
    return zip_data(writing->zip, bytes, err);
}

/* All of it: a file that becomes shorter meanwhile cuts the answer. */
static bool copy_file(struct writing *writing, int fd, int64_t size_bytes,
                      bool (*put)(struct writing *, struct span, struct err *),
                      struct err *err)
{
    for (int64_t at = 0; at < size_bytes;) {
        struct answer_room room = writing->outlet->room(writing->outlet->sending);
        if (!room.at)
            return err_set(err, ERR_BUSY, "memory_short", "no memory for a piece");
        size_t count = answer_read_piece(fd, at, size_bytes, room);
        if (count == 0)
            return err_set(err, ERR_BUSY, "source_changed", "the file is shorter now");
        if (!put(writing, span_of(room.at, count), err))
            return false;
        at += (int64_t)count;
    }
    return true;
}

/* ---- ZIP ---- */

/* Of what an archive's bytes are made beside files; raised when they are written in
 * another way. */
#define ARCHIVE_MARK "tsumugi archive 1"

static bool is_record(const struct answer_parcel_file *file)
{
    return file->instance.folder.len == 0;
}

/* A record was copied as it was judged: its list says which it is, and its copy's times
 * say nothing. */
static bool look_at_file(const struct answer_parcel *parcel,
                         const struct answer_parcel_file *file, int fd,
                         struct answer_look *look, struct err *err)
{
    struct stat status;
    if (is_record(file)) {
        *look = (struct answer_look){hash_sha256(text_span(file->instance.version)),
                                     file->instance.size_bytes, parcel->day_s};
        return true;
    }
    if (fstat(fd, &status) != 0)
        return err_set(err, ERR_BUSY, "source_changed", "the file cannot be read");
    *look = (struct answer_look){answer_mark_of(&status), status.st_size,
                                 status.st_mtim.tv_sec};
    return true;
}

/* One whose header cannot be read, or that is no DICOM, lies in the archive all the same.
 */
static void list_file(struct answer_parcel *parcel, struct answer_parcel_file *file,
                      const struct answer_look *look, int fd)
{
    struct err err = {0};
    struct dicom_file *header = NULL;
    CLEANUP(arena_free) struct arena arena = arena_init_small(HEADER_ARENA_BYTES);
    if (fd >= 0 && !study_is_mfer(fd) && study_read_file(fd, &arena, &header, &err))
        dicom_medium_add(&parcel->medium, header, file->name);
    file->look = *look;
    if (parcel->listed == 0 || look->changed_s > parcel->newest_s)
        parcel->newest_s = look->changed_s;
    parcel->listed++;
}

/* Its names: the same ones under the same opening, and nobody's guess. */
static bool name_archive(struct answer_parcel *parcel, struct hash *name, struct err *err)
{
    struct hash_run *run = hash_new(err);
    if (!run)
        return false;
    hash_add(run, SPAN(ARCHIVE_MARK));
    hash_add(run, span_of(parcel->opening.bytes, sizeof parcel->opening.bytes));
    for (size_t i = 0; i < parcel->count; i++) {
        const struct answer_parcel_file *file = &parcel->files[i];
        hash_add(run, span_of((const uint8_t *)file->name, strlen(file->name) + 1));
        hash_add(run, text_span(file->instance.uid));
        hash_add(run, SPAN("/"));
        hash_add(run, text_span(file->instance.version));
    }
    *name = hash_finish(run);
    hash_free(run);
    dicom_medium_begin(&parcel->medium, name->bytes);
    return true;
}

/* Of all that its bytes are made of. */
static bool stamp_archive(struct answer_parcel *parcel, const struct hash *name,
                          struct err *err)
{
    struct hash_run *run = hash_new(err);
    if (!run)
        return false;
    hash_add(run, span_of(name->bytes, sizeof name->bytes));
    for (size_t i = 0; i < parcel->count; i++)
        hash_add(run, span_of(parcel->files[i].look.mark.bytes, HASH_BYTES));
    hash_add(run, buf_view(&parcel->medium.out));
    struct hash hash = hash_finish(run);
    hash_free(run);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), parcel->stamp);
    return true;
}

static bool measure_file(struct answer *answer, struct answer_parcel *parcel,
                         struct zip *zip, struct err *err)
{
    struct answer_look look;
    struct answer_parcel_file *file = &parcel->files[parcel->listed];
    bool is_copied = is_record(file);
    CLEANUP(path_close)
    int fd = is_copied ? -1 : answer_open_instance(answer, &file->instance, err);
    if (fd < 0 && !is_copied) {
        err_clear(err);
        return err_set(err, ERR_BUSY, "source_changed", "a file is not there any more");
    }
    if (!look_at_file(parcel, file, fd, &look, err))
        return false;
    list_file(parcel, file, &look, fd);
    return zip_file(zip, file->name, look.size_bytes, look.changed_s, err) &&
           zip_gap(zip, look.size_bytes, err);
}

static bool measure_end(struct answer_parcel *parcel, struct zip *zip, struct err *err)
{
    const struct buf *out = &parcel->medium.out;
    bool is_good = dicom_medium_end(&parcel->medium, err);
    if (is_good && parcel->medium.instance_count > 0)
        is_good = zip_file(zip, "DICOMDIR", (int64_t)out->len, parcel->newest_s, err) &&
                  zip_gap(zip, (int64_t)out->len, err);
    is_good = is_good && zip_end(zip, err);
    parcel->length = (int64_t)zip_length(zip);
    parcel->is_measured = is_good;
    return is_good;
}

static bool goes_on(struct answer *answer, int64_t until_ms)
{
    pthread_mutex_lock(&answer->lists_lock);
    bool is_closed = answer->is_closed;
    pthread_mutex_unlock(&answer->lists_lock);
    return !is_closed && clock_monotonic_ms(&answer->config.clock) < until_ms;
}

/* False as well when there was no time for all. */
static bool measure(struct answer *answer, struct answer_parcel *parcel, struct err *err)
{
    bool is_rest = parcel->rest.from > 0 || parcel->rest.is_from_end;
    int64_t until_ms = clock_monotonic_ms(&answer->config.clock) +
                       (is_rest ? MEASURE_REST_MS : MEASURE_MS);
    struct zip *zip = zip_open(NULL, NULL, err);
    bool is_good = zip != NULL;
    while (is_good && parcel->listed < parcel->count && goes_on(answer, until_ms))
        is_good = measure_file(answer, parcel, zip, err);
    is_good = is_good && parcel->listed == parcel->count && measure_end(parcel, zip, err);
    zip_free(zip);
    return is_good;
}

bool answer_measure_parcel(struct answer *answer, struct http_call *call,
                           struct answer_parcel *parcel, struct err *err)
{
    struct hash name;
    if (!name_archive(parcel, &name, err))
        return false;
    bool is_known = measure(answer, parcel, err) && stamp_archive(parcel, &name, err);
    if (is_known)
        return answer_find_rest(call, &parcel->rest, parcel->length, parcel->stamp, err);
    parcel->rest = (struct answer_rest){.from = 0};
    return err->kind == ERR_NONE;
}

static bool check_same(const struct answer_parcel *parcel,
                       const struct answer_parcel_file *file, int fd, struct err *err)
{
    struct answer_look look;
    return look_at_file(parcel, file, fd, &look, err) &&
           (hash_equal(&look.mark, &file->look.mark) ||
            err_set(err, ERR_BUSY, "source_changed", "a file was written anew"));
}

/* What was measured is what is sent, before and after it was read, or the answer is cut:
 * no part of it is another's. */
static bool put_file(struct writing *writing, size_t index, struct err *err)
{
    struct answer_look look;
    struct answer_parcel *parcel = writing->parcel;
    struct answer_parcel_file *file = &parcel->files[index];
    CLEANUP(path_close)
    int fd = answer_open_instance(writing->answer, &file->instance, err);
    if (fd < 0 || !look_at_file(parcel, file, fd, &look, err))
        return false;
    if (index >= parcel->listed)
        list_file(parcel, file, &look, fd);
    return check_same(parcel, file, fd, err) &&
           zip_file(writing->zip, file->name, look.size_bytes, look.changed_s, err) &&
           copy_file(writing, fd, look.size_bytes, write_to_zip, err) &&
           check_same(parcel, file, fd, err);
}

static bool put_directory(struct zip *zip, struct answer_parcel *parcel, struct err *err)
{
    const struct buf *out = &parcel->medium.out;
    return (parcel->is_measured || dicom_medium_end(&parcel->medium, err)) &&
           zip_file(zip, "DICOMDIR", (int64_t)out->len, parcel->newest_s, err) &&
           zip_data(zip, buf_view(out), err);
}

/* Its directory comes behind the files that it was made of. A file that is not there now
 * cuts the whole: half a study must not look whole. */
static bool write_zip(struct writing *writing, struct err *err)
{
    struct answer_parcel *parcel = writing->parcel;
    writing->zip = zip_open(writing->outlet->write, writing->outlet->sending, err);
    bool is_good = writing->zip != NULL;
    for (size_t i = 0; is_good && i < parcel->count; i++)
        is_good = put_file(writing, i, err);
    if (is_good && parcel->medium.instance_count > 0)
        is_good = put_directory(writing->zip, parcel, err);
    is_good = is_good && zip_end(writing->zip, err);
    zip_free(writing->zip);
    return is_good;
}

/* ---- parts ---- */

static bool put_part(struct writing *writing, const struct answer_parcel_file *file,
                     struct err *err)
{
    struct stat status;
    CLEANUP(buf_free) struct buf head = buf_init(256);
    CLEANUP(path_close)
    int fd = answer_open_instance(writing->answer, &file->instance, err);
    if (fd < 0 || fstat(fd, &status) != 0)
        return false;
    if (study_is_mfer(fd))
        return true;
    buf_format(&head, "%s--%s\r\nContent-Type: application/dicom\r\n\r\n",
               writing->count++ == 0 ? "" : "\r\n", writing->parcel->boundary);
    return write_out(writing, buf_view(&head), err) &&
           copy_file(writing, fd, status.st_size, write_out, err);
}

static bool write_parts(struct writing *writing, struct err *err)
{
    CLEANUP(buf_free) struct buf tail = buf_init(64);
    const struct answer_parcel *parcel = writing->parcel;
    bool is_good = true;
    for (size_t i = 0; is_good && i < parcel->count; i++)
        is_good = put_part(writing, &parcel->files[i], err);
    buf_format(&tail, "\r\n--%s--\r\n", parcel->boundary);
    return is_good && write_out(writing, buf_view(&tail), err);
}

/* ---- metadata ---- */

static void put_words(struct json_writer *json, const char *tag, const char *vr,
                      struct text value)
{
    json_key(json, tag);
    json_open_object(json);
    json_put_cstr(json, "vr", vr);
    if (value.len > 0) {
        json_key(json, "Value");
        json_open_array(json);
        json_text_value(json, value);
        json_close_array(json);
    }
    json_close_object(json);
}

/* An instance whose file is gone, broken, or another's now stays in the list with its
 * names, and says so (Instance Availability, PS3.3 C.4.23.1.1). */
static void put_unavailable(const struct writing *writing,
                            const struct answer_parcel_file *file, struct buf *out)
{
    struct json_writer json = json_writer(out);
    buf_reset(out);
    json_open_object(&json);
    put_words(&json, "00080005", "CS", TEXT("ISO_IR 192"));
    put_words(&json, "00080018", "UI", file->instance.uid);
    put_words(&json, "00080056", "CS", TEXT("UNAVAILABLE"));
    put_words(&json, "00080060", "CS", file->modality);
    put_words(&json, "0020000D", "UI", writing->parcel->study);
    put_words(&json, "0020000E", "UI", file->series);
    json_close_object(&json);
}

/* What was listed is what is told: the file may have been replaced since. */
static bool check_listed(const struct writing *writing,
                         const struct answer_parcel_file *file,
                         const struct dicom_file *header, struct err *err)
{
    bool has_ended =
        header->is_truncated && !header->pixels.is_there && header->needs_bytes == 0;
    bool is_same =
        text_equal(dicom_uid(header->set, DICOM_SOP_INSTANCE), file->instance.uid) &&
        text_equal(dicom_uid(header->set, DICOM_STUDY), writing->parcel->study);
    return (!has_ended && is_same) ||
           err_set(err, ERR_BUSY, "source_changed", "cut, or another instance");
}

/* True with nothing in the buffer: no DICOM. */
static bool read_object(struct writing *writing, const struct answer_parcel_file *file,
                        struct buf *out)
{
    struct err err = {0};
    struct dicom_file *header = NULL;
    struct json_writer json = json_writer(out);
    CLEANUP(arena_free) struct arena arena = arena_init_small(HEADER_ARENA_BYTES);
    CLEANUP(path_close)
    int fd = answer_open_instance(writing->answer, &file->instance, &err);
    buf_reset(out);
    if (fd >= 0 && study_is_mfer(fd))
        return true;
    bool is_read = fd >= 0 && study_read_file(fd, &arena, &header, &err) &&
                   check_listed(writing, file, header, &err) &&
                   dicom_write_json(header, &json, &err);
    if (!is_read && !writing->has_logged && writing->answer->config.log)
        log_err(writing->answer->config.log, "metadata", &err);
    writing->has_logged = writing->has_logged || !is_read;
    return is_read;
}

static bool put_object(struct writing *writing, const struct answer_parcel_file *file,
                       struct buf *out, struct err *err)
{
    if (!read_object(writing, file, out))
        put_unavailable(writing, file, out);
    if (out->len == 0)
        return true;
    if (writing->bytes + (int64_t)out->len > METADATA_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "metadata_too_large", "to be asked in parts");
    return write_out(writing, writing->count++ == 0 ? SPAN("[") : SPAN(","), err) &&
           write_out(writing, buf_view(out), err);
}

static bool write_metadata(struct writing *writing, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(OBJECT_BYTES_MAX);
    const struct answer_parcel *parcel = writing->parcel;
    bool is_good = true;
    for (size_t i = 0; is_good && i < parcel->count; i++)
        is_good = put_object(writing, &parcel->files[i], &out, err);
    is_good =
        is_good && write_out(writing, writing->count == 0 ? SPAN("[]") : SPAN("]"), err);
    release_count_part(writing->answer->config.release, parcel->permit, writing->bytes);
    return is_good;
}

/* ---- all of them ---- */

bool answer_write_parcel(struct answer *answer, struct answer_parcel *parcel,
                         const struct answer_outlet *outlet)
{
    static bool (*const forms[])(struct writing *,
                                 struct err *) = {[ANSWER_ZIP] = write_zip,
                                                  [ANSWER_MULTIPART] = write_parts,
                                                  [ANSWER_METADATA] = write_metadata};
    struct err err = {0};
    struct writing writing = {.answer = answer, .parcel = parcel, .outlet = outlet};
    bool is_good = forms[parcel->form](&writing, &err);
    if (!is_good && answer->config.log)
        log_err(answer->config.log, "archive", &err);
    return is_good;
}

void answer_free_parcel(struct answer_parcel *parcel)
{
    if (!parcel)
        return;
    buf_free(&parcel->medium.out);
    arena_free(&parcel->arena);
    memory_free(parcel);
}
