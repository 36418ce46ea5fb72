// SPDX-License-Identifier: Apache-2.0
/* Several files of a study as one answer: a ZIP archive, parts, or what their headers
 * say. Runs on the thread of the download. */
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
    METADATA_BYTES_MAX = 64 << 20
};

struct writing {
    struct answer *answer;
    const struct answer_parcel *parcel;
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

/* One whose header cannot be read, or that is no DICOM, lies in the archive all the same.
 */
static void list_file(struct dicom_medium *medium, const struct answer_parcel_file *file,
                      int fd)
{
    struct err err = {0};
    struct dicom_file *header = NULL;
    CLEANUP(arena_free) struct arena arena = arena_init_small(HEADER_ARENA_BYTES);
    if (!study_is_mfer(fd) && study_read_file(fd, &arena, &header, &err))
        dicom_medium_add(medium, header, file->name);
}

static bool put_file(struct writing *writing, struct dicom_medium *medium,
                     const struct answer_parcel_file *file, struct err *err)
{
    struct stat status;
    CLEANUP(path_close)
    int fd = answer_open_instance(writing->answer, &file->instance, err);
    if (fd < 0 || fstat(fd, &status) != 0)
        return false;
    list_file(medium, file, fd);
    return zip_file(writing->zip, file->name, status.st_size, status.st_mtim.tv_sec,
                    err) &&
           copy_file(writing, fd, status.st_size, write_to_zip, err);
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
static bool write_zip(struct writing *writing, struct err *err)
{
    struct dicom_medium medium;
    const struct answer_parcel *parcel = writing->parcel;
    writing->zip = zip_open(writing->outlet->write, writing->outlet->sending, err);
    bool is_good = writing->zip != NULL;
    dicom_medium_begin(&medium, parcel->number);
    for (size_t i = 0; is_good && i < parcel->count; i++)
        is_good = put_file(writing, &medium, &parcel->files[i], err);
    if (is_good && medium.instance_count > 0)
        is_good = put_directory(writing->zip, &medium, parcel->made_s, err);
    buf_free(&medium.out);
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

bool answer_write_parcel(struct answer *answer, const struct answer_parcel *parcel,
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
    arena_free(&parcel->arena);
    memory_free(parcel);
}
