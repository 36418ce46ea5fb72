// SPDX-License-Identifier: Apache-2.0
/* One request: its parts to the store as they come, its answer when all are on the disk.
 * The loop takes the bytes; the store's threads say what became of each part. */
#include "gateway/stow/stow_upload.h"

#include <stdio.h>

#include "base/memory.h"

enum {
    PARTS_MAX = 10000,
    PENDING_MAX = 64, /* parts that the store has not answered yet */
    RESULTS_AT_FIRST = 16,
    ANSWER_BYTES_MAX = 8 << 20,
    SLICE_BYTES = 64 * 1024
};

struct part {
    struct upload *upload;
    size_t index; /* of its result */
    struct instances_intake *intake;
};

struct upload {
    struct stow *stow;
    struct upload *next;
    struct upload **link;
    int caller;
    struct http_call *call; /* held */
    char study[INSTANCES_UID_BYTES];
    /* the loop's */
    struct multipart multipart;
    uint64_t byte_count;
    uint64_t part_bytes;
    struct part *part; /* whose bytes are coming and are wanted */
    struct buf head;   /* of a part that is not known yet */
    size_t look_bytes; /* of it, that are enough for a look */
    bool is_heading;
    bool is_whole;        /* the last delimiter came */
    pthread_mutex_t lock; /* guards what follows */
    struct stow_result *results;
    size_t result_count;
    size_t result_room;
    size_t pending_count;
    bool is_crowded; /* the loop waits until one is answered */
    bool is_complete;
    bool is_dropped;
};

/* ---- its end ---- */

static void list(struct upload *upload)
{
    struct stow *stow = upload->stow;
    pthread_mutex_lock(&stow->lock);
    upload->next = stow->uploads;
    upload->link = &stow->uploads;
    if (upload->next)
        upload->next->link = &upload->next;
    stow->uploads = upload;
    pthread_mutex_unlock(&stow->lock);
}

static void unlist(struct upload *upload)
{
    pthread_mutex_lock(&upload->stow->lock);
    *upload->link = upload->next;
    if (upload->next)
        upload->next->link = upload->link;
    pthread_mutex_unlock(&upload->stow->lock);
}

static void free_upload(struct upload *upload)
{
    unlist(upload);
    buf_free(&upload->head);
    memory_free(upload->results);
    pthread_mutex_destroy(&upload->lock);
    stow_leave(upload->stow, upload->caller);
    http_intake_release(upload->call);
    memory_free(upload);
}

static void answer(struct upload *upload)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    int status = stow_put_answer(upload->results, upload->result_count, &out);
    for (size_t i = 0; i < upload->result_count; i++)
        if (upload->results[i].reason == STOW_STORED)
            upload->stow->stored_count++;
        else
            upload->stow->failed_count++;
    LOG(upload->stow->config.log, "stow", LOG_NUMBER("status", status),
        LOG_NUMBER("caller", upload->caller),
        LOG_NUMBER("parts", (int64_t)upload->result_count));
    if (buf_check(&out, &err))
        http_answer(upload->call, status, "application/dicom+json", buf_view(&out));
    else
        http_answer_problem(upload->call, &err);
}

static void refuse(struct upload *upload, const char *code)
{
    struct err err = {0};
    stow_note_refused(upload->stow, code, upload->caller);
    err_set(&err, ERR_SYNTAX, code, "no whole multipart/related");
    http_answer_problem(upload->call, &err);
}

/* What came last of: its bytes, and the answers of the store. */
static void end_when_done(struct upload *upload)
{
    pthread_mutex_lock(&upload->lock);
    bool is_done =
        upload->pending_count == 0 && (upload->is_complete || upload->is_dropped);
    pthread_mutex_unlock(&upload->lock);
    if (!is_done)
        return;
    if (upload->is_complete && !upload->is_whole)
        refuse(upload, "multipart_cut");
    else if (upload->is_complete && upload->result_count == 0)
        refuse(upload, "multipart_empty");
    else if (upload->is_complete)
        answer(upload);
    free_upload(upload);
}

/* ---- from the store ---- */

static void resume(void *context)
{
    struct part *part = context;
    http_intake_resume(part->upload->call);
}

static uint16_t reason_of(enum instances_result result)
{
    if (result <= INSTANCES_NEWER)
        return STOW_STORED;
    return result == INSTANCES_FULL ? STOW_OUT_OF_RESOURCES : STOW_PROCESSING_FAILED;
}

/* An abandoned part has its reason already, and is never told that there is room. */
static void done(void *context, enum instances_result result)
{
    struct part *part = context;
    struct upload *upload = part->upload;
    size_t index = part->index;
    memory_free(part);
    pthread_mutex_lock(&upload->lock);
    if (upload->is_crowded || result == INSTANCES_ABANDONED)
        http_intake_resume(upload->call);
    upload->is_crowded = false;
    if (result != INSTANCES_ABANDONED)
        upload->results[index].reason = reason_of(result);
    upload->pending_count--;
    bool is_last =
        upload->pending_count == 0 && (upload->is_complete || upload->is_dropped);
    pthread_mutex_unlock(&upload->lock);
    if (is_last)
        end_when_done(upload);
}

static const struct instances_events events = {resume, done};

/* ---- parts, on the loop ---- */

static void abandon_part(struct upload *upload, uint16_t reason)
{
    pthread_mutex_lock(&upload->lock);
    struct part *part = upload->part;
    upload->part = NULL;
    if (part)
        upload->results[part->index].reason = reason;
    pthread_mutex_unlock(&upload->lock);
    if (part)
        instances_abandon(part->intake);
}

static bool add_result(struct upload *upload, struct err *err)
{
    bool has_room = upload->result_count < upload->result_room;
    pthread_mutex_lock(&upload->lock);
    if (!has_room) {
        size_t room = upload->result_room ? 2 * upload->result_room : RESULTS_AT_FIRST;
        struct stow_result *results =
            memory_resize(upload->results, room, sizeof *results, err);
        if (results) {
            upload->results = results;
            upload->result_room = room;
        }
        has_room = results != NULL;
    }
    if (has_room)
        upload->results[upload->result_count++] =
            (struct stow_result){.reason = STOW_NOT_UNDERSTOOD};
    pthread_mutex_unlock(&upload->lock);
    return has_room;
}

static void set_result(struct upload *upload, const struct stow_result *result)
{
    pthread_mutex_lock(&upload->lock);
    upload->results[upload->result_count - 1] = *result;
    pthread_mutex_unlock(&upload->lock);
}

static bool write_part(struct upload *upload, struct span bytes)
{
    struct part *part = upload->part;
    if (upload->part_bytes > upload->stow->config.instance_bytes_max) {
        abandon_part(upload, STOW_OUT_OF_RESOURCES);
        return true;
    }
    return instances_write(part->intake, bytes);
}

static uint16_t begin_intake(struct upload *upload, const struct stow_head *head)
{
    struct err err = {0};
    struct instances_what what = {head->result.sop_class, head->result.sop_instance,
                                  head->syntax,
                                  upload->stow->config.callers[upload->caller].name};
    struct part *part = memory_new(1, sizeof *part, &err);
    if (!part)
        return STOW_OUT_OF_RESOURCES;
    *part = (struct part){.upload = upload, .index = upload->result_count - 1};
    part->intake =
        instances_begin(upload->stow->config.instances, &what, &events, part, &err);
    if (!part->intake) {
        memory_free(part);
        return STOW_OUT_OF_RESOURCES;
    }
    pthread_mutex_lock(&upload->lock);
    upload->pending_count++;
    pthread_mutex_unlock(&upload->lock);
    upload->part = part;
    return STOW_STORED;
}

/* False: the store is full for now. */
static bool identify(struct upload *upload, bool is_all)
{
    struct stow_head head;
    struct span bytes = buf_view(&upload->head);
    bool has_failed = upload->head.has_failed;
    bool is_enough = has_failed || is_all || bytes.len >= upload->look_bytes;
    upload->look_bytes += is_enough ? STOW_HEAD_BYTES : 0;
    if (!is_enough ||
        (!has_failed && !stow_read_head(bytes, is_all, upload->study, &head)))
        return true;
    if (has_failed)
        head = (struct stow_head){.result = {.reason = STOW_OUT_OF_RESOURCES}};
    upload->is_heading = false;
    if (head.result.reason == STOW_STORED)
        head.result.reason = begin_intake(upload, &head);
    set_result(upload, &head.result);
    return !upload->part || write_part(upload, bytes);
}

static bool take_data(struct upload *upload, struct span data)
{
    upload->part_bytes += data.len;
    if (upload->part)
        return write_part(upload, data);
    if (!upload->is_heading)
        return true; /* of a part that is not taken */
    buf_span(&upload->head, data);
    return identify(upload, false);
}

static bool end_part(struct upload *upload)
{
    bool has_room = !upload->is_heading || identify(upload, true);
    struct part *part = upload->part;
    upload->part = NULL;
    buf_reset(&upload->head);
    if (part)
        instances_commit(part->intake);
    return has_room;
}

static int begin_part(struct upload *upload, const char **code)
{
    struct multipart_type type;
    struct err err = {0};
    struct span text = multipart_field(&upload->multipart, "content-type");
    struct span coding = multipart_field(&upload->multipart, "content-transfer-encoding");
    bool is_plain = coding.len == 0 || multipart_is_media(coding, "binary") ||
                    multipart_is_media(coding, "8bit");
    *code = "part_type";
    if (!multipart_read_type(text, &type, &err) ||
        !multipart_is_media(type.media, "application/dicom") || !is_plain)
        return 415;
    *code = "parts_too_many";
    if (upload->result_count == PARTS_MAX)
        return 413;
    *code = "memory_short";
    if (!add_result(upload, &err))
        return 503;
    upload->is_heading = true;
    upload->part_bytes = 0;
    upload->look_bytes = STOW_HEAD_BYTES;
    return 0;
}

/* ---- the body ---- */

static bool is_crowded(struct upload *upload)
{
    pthread_mutex_lock(&upload->lock);
    bool is_crowded = upload->pending_count >= PENDING_MAX;
    upload->is_crowded = is_crowded;
    pthread_mutex_unlock(&upload->lock);
    return is_crowded;
}

/* Parts that share what came at once are taken all the same; the next bytes wait. */
static int take_events(struct upload *upload, struct span bytes, bool *is_full,
                       const char **code)
{
    int status = 0;
    while (status == 0) {
        struct span data = {0};
        enum multipart_event event = multipart_next(&upload->multipart, &bytes, &data);
        *code = "multipart_broken";
        if (event == MULTIPART_BROKEN)
            return 400;
        if (event == MULTIPART_MORE)
            break;
        upload->is_whole = upload->is_whole || event == MULTIPART_END;
        if (event == MULTIPART_PART)
            status = begin_part(upload, code);
        else if (event == MULTIPART_DATA)
            *is_full = !take_data(upload, data) || *is_full;
        else if (event == MULTIPART_PART_END)
            *is_full = !end_part(upload) || *is_full;
    }
    *is_full = is_crowded(upload) || *is_full;
    return status;
}

static int take(void *self, struct span bytes, bool *is_full, const char **code)
{
    struct upload *upload = self;
    upload->byte_count += bytes.len;
    upload->stow->byte_count += bytes.len;
    int status = take_events(upload, bytes, is_full, code);
    if (upload->byte_count > upload->stow->config.request_bytes_max) {
        *code = "request_too_large";
        status = 413;
    }
    if (status != 0)
        stow_note_refused(upload->stow, *code, upload->caller);
    return status;
}

static void drop(void *self)
{
    struct upload *upload = self;
    abandon_part(upload, STOW_PROCESSING_FAILED);
    pthread_mutex_lock(&upload->lock);
    upload->is_dropped = true;
    bool is_last = upload->pending_count == 0;
    pthread_mutex_unlock(&upload->lock);
    if (is_last)
        end_when_done(upload);
}

/* An upload whose last part is abandoned here is not freed: the loop's end drops it. */
void stow_stop(struct stow *stow)
{
    if (!stow)
        return;
    pthread_mutex_lock(&stow->lock);
    for (struct upload *upload = stow->uploads; upload; upload = upload->next)
        abandon_part(upload, STOW_PROCESSING_FAILED);
    pthread_mutex_unlock(&stow->lock);
}

void stow_upload_complete(struct http_call *call, void *stow)
{
    struct upload *upload = http_intake_self(call);
    (void)stow;
    http_keep(call);
    abandon_part(upload, STOW_NOT_UNDERSTOOD); /* one without an end */
    pthread_mutex_lock(&upload->lock);
    upload->is_complete = true;
    bool is_last = upload->pending_count == 0;
    pthread_mutex_unlock(&upload->lock);
    if (is_last)
        end_when_done(upload);
}

/* ---- its beginning ---- */

/* Digits and dots: it is compared, and names nothing on the disk. */
static bool read_study(const struct http_call *call, char study[INSTANCES_UID_BYTES])
{
    struct span uid = http_param(call, "study");
    if (uid.len == 0 || uid.len >= INSTANCES_UID_BYTES)
        return false;
    for (size_t i = 0; i < uid.len; i++)
        if (uid.at[i] != '.' && (uid.at[i] < '0' || uid.at[i] > '9'))
            return false;
    memcpy(study, uid.at, uid.len);
    return uid.at[0] != '.' && uid.at[uid.len - 1] != '.';
}

static int read_request(struct upload *upload, const struct http_call *call,
                        bool has_study, const char **code)
{
    struct multipart_type type;
    struct err err = {0};
    struct span text = http_header(call, "content-type");
    *code = "content_type";
    if (!multipart_read_type(text, &type, &err))
        return text.len > 0 ? 400 : 415;
    if (!multipart_is_media(type.media, "multipart/related") ||
        !multipart_is_media(type.type, "application/dicom"))
        return 415;
    *code = "boundary";
    if (!multipart_begin(&upload->multipart, type.boundary, &err))
        return 400;
    *code = "study_uid";
    return !has_study || read_study(call, upload->study) ? 0 : 400;
}

static struct upload *make_upload(struct stow *stow, int caller)
{
    struct err err = {0};
    struct upload *upload = memory_new(1, sizeof *upload, &err);
    if (!upload)
        return NULL;
    upload->stow = stow;
    upload->caller = caller;
    /* the piece that makes it enough may be a whole read of the connection */
    upload->head = buf_init(STOW_HEAD_BYTES_MAX + SLICE_BYTES);
    pthread_mutex_init(&upload->lock, NULL);
    return upload;
}

static int begin_upload(struct http_call *call, struct stow *stow, bool has_study,
                        struct upload **begun, const char **code)
{
    int caller = stow_find_caller(stow, call);
    int status = 403;
    *code = "caller_unknown";
    if (caller >= 0) {
        status = 503;
        *code = "uploads_full";
    }
    if (caller < 0 || !stow_enter(stow, caller)) {
        stow_note_refused(stow, *code, caller);
        return status;
    }
    struct upload *upload = make_upload(stow, caller);
    if (!upload) {
        stow_leave(stow, caller);
        return 503;
    }
    upload->call = call;
    http_intake_hold(call);
    list(upload);
    status = read_request(upload, call, has_study, code);
    if (status == 0) {
        *begun = upload;
        return 0;
    }
    stow_note_refused(stow, *code, caller);
    free_upload(upload);
    return status;
}

static int begin(struct http_call *call, void *context, void **self, const char **code)
{
    struct upload *upload = NULL;
    int status = begin_upload(call, context, false, &upload, code);
    *self = upload;
    return status;
}

static int begin_study(struct http_call *call, void *context, void **self,
                       const char **code)
{
    struct upload *upload = NULL;
    int status = begin_upload(call, context, true, &upload, code);
    *self = upload;
    return status;
}

const struct http_intake stow_upload_any = {begin, take, drop};
const struct http_intake stow_upload_study = {begin_study, take, drop};
