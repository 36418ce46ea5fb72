// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/answer. */

#include <pthread.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "formats/dicom/dicom.h"
#include "gateway/answer/answer.h"
#include "wire/http/http.h"

enum { ANSWER_LANES = 2, ANSWER_BODY_MAX = UPLINK_MESSAGE_BYTES_MAX };

/* One tunnel to one of the centre's processes: the context of its routes. */
struct answer_line {
    struct answer *answer;
    bool is_up;
    bool has_greeted;
    struct id tunnel;                        /* as named in hello */
    struct http_call *waiting[ANSWER_LANES]; /* a kept poll, NULL = none */
    int64_t since_ms[ANSWER_LANES];
    bool has_told; /* how the storages stand, and what */
    struct uplink_standing told;
};

struct answer {
    struct answer_config config;
    pthread_mutex_t lock; /* guards what follows, the lines too */
    struct answer_line lines[ANSWER_LINES_MAX];
    struct answer_line *holder[ANSWER_LANES]; /* over which events go; NULL = none */
    int64_t given_ms[ANSWER_LANES];           /* when its last poll was answered */
    bool is_ending;
    pthread_mutex_t lists_lock; /* guards what follows; taken alone */
    struct answer_list *lists;  /* of studies that are open; last asked for first */
    size_t list_count, list_bytes;
    int64_t reading_bytes; /* of files that are being read as a whole */
    int sending_count;
    int measuring_count; /* of them: their calls are not answered yet */
    bool is_closed;      /* none begins any more */
    pthread_cond_t sendings_ended;
};

/* Of a route's context. */
struct answer *answer_of(void *line);
/* The body as JSON; the document is freed with CLEANUP(json_free_at). */
struct json_document *answer_read_body(struct http_call *call, struct err *err);
/* Answers with what was written, or with the problem. */
void answer_send(struct http_call *call, const struct buf *out, bool is_done,
                 struct err *err);

/* How far the storages are read, in the centre's words. */
struct uplink_standing answer_standing(const struct answer *answer);
void answer_events_live(struct http_call *call, void *context);
void answer_events_backfill(struct http_call *call, void *context);
void answer_content(struct http_call *call, void *context);
void answer_original(struct http_call *call, void *context);
/* The source is looked at again; false with source_changed. */
bool answer_say_changed(struct answer *answer, struct text path, struct err *err);
/* ---- studies (answer_study.c) ---- */
void answer_study(struct http_call *call, void *context);
void answer_frame(struct http_call *call, void *context);
void answer_instance(struct http_call *call, void *context);
void answer_document(struct http_call *call, void *context);
void answer_report(struct http_call *call, void *context);
void answer_waveform(struct http_call *call, void *context);
void answer_archive(struct http_call *call, void *context);
void answer_metadata(struct http_call *call, void *context);
/* ---- what answers hold (answer_memory.c) ---- */
enum {
    ANSWER_LISTS_BYTES_MAX = 16 << 20, /* of all lists but the one last asked for */
    ANSWER_READING_BYTES_MAX = 32 << 20
};
struct answer_place {
    struct id opening;
    struct text key;
    struct text path; /* of what the permit is for: of another patient it is another */
};
/* What positions mean under an opening: the study as it was told last. */
struct answer_list {
    struct answer_list *next;
    struct id opening;
    struct text key;
    struct text path;
    struct arena arena;
    struct study_content content; /* without what nobody asks a list for: facts, times */
};
/* Copies; instead of the former one of this place. Those that were not asked for longest
 * go when there are too many, or too large ones together. */
MUST_CHECK bool answer_keep_list(struct answer *answer, const struct answer_place *place,
                                 const struct study_content *content, struct err *err);
/* The lists' lock is held, for as long as it is used. ERR_CONFLICT study_changed, also
 * where the place has another path than when it was told. */
const struct answer_list *answer_find_list(struct answer *answer,
                                           const struct answer_place *place,
                                           struct err *err);
/* NULL: all of them. */
void answer_drop_lists(struct answer *answer, const struct id *opening);
/* Before a file is read as a whole: so many bytes in all at once, and one that is larger
 * alone. ERR_BUSY server_busy: to be asked again in a second. */
MUST_CHECK bool answer_take_reading(struct answer *answer, int64_t bytes,
                                    struct err *err);
void answer_end_reading(struct answer *answer, int64_t bytes);
/* ---- waveforms that are records (answer_wave.c) ---- */
/* A recording of a storage's record as the content of a study. ERR_MISSING not_found for
 * a record that is none. */
MUST_CHECK bool answer_describe_record(struct answer *answer,
                                       const struct index_place *place,
                                       struct arena *arena, struct study_content *content,
                                       struct err *err);
/* For reading: a file of a study, or a copy of such a record as it was judged; -1. */
MUST_CHECK int answer_open_instance(struct answer *answer,
                                    const struct study_instance *instance,
                                    struct err *err);
/* ---- files (answer_file.c) ---- */
/* Where what is asked for begins. */
struct answer_rest {
    int64_t from;         /* the first byte, or: */
    bool is_from_end;     /* so many of the last */
    struct text if_stamp; /* of what is marked so; empty = any */
};
/* It then has a first byte: 0 when what is there is marked otherwise. Its length is told
 * in tsumugi-length. ERR_SYNTAX range_unsatisfiable: there is nothing. */
MUST_CHECK bool answer_find_rest(struct http_call *call, struct answer_rest *rest,
                                 int64_t length, const char *stamp, struct err *err);
struct answer_range {
    const char *content_type;
    struct answer_rest rest;
    int64_t to; /* 0 = its end */
};
/* Answers the call with that part of the file, and takes `fd`. What the file is now
 * stands in tsumugi-stamp. False: not answered. */
MUST_CHECK bool answer_send_file(struct answer *answer, struct http_call *call, int *fd,
                                 struct answer_range *range, struct err *err);
/* What another file, or the same one written anew, has another of. */
struct hash answer_mark_of(const struct stat *status);
/* Waits until no archive is being measured, and lets none begin: their calls are to be
 * answered while there is a loop. */
void answer_end_measuring(struct answer *answer);
/* Into `room`, of what is left up to `end`; 0 = it is not there. */
struct answer_room {
    uint8_t *at; /* NULL = no memory */
    size_t bytes;
};
size_t answer_read_piece(int fd, int64_t at, int64_t end, struct answer_room room);
/* Where an answer of several files goes. */
struct answer_outlet {
    void *sending;
    /* Takes all, or says that its reader is gone. */
    bool (*write)(void *sending, struct span bytes);
    /* Where the next bytes will stand: what is written from there is not copied. Good
     * until then. */
    struct answer_room (*room)(void *sending);
};
/* ---- several files of a study as one answer (answer_parcel.c) ---- */
enum answer_form {
    ANSWER_ZIP,       /* with a DICOMDIR */
    ANSWER_MULTIPART, /* a part each (PS3.18 8.6.1.2) */
    ANSWER_METADATA   /* an array of what their headers say (PS3.18 annex F) */
};
enum { ANSWER_BOUNDARY_BYTES = 32 };
/* As a file was when somebody looked. */
struct answer_look {
    struct hash mark; /* answer_mark_of */
    int64_t size_bytes, changed_s;
};
struct answer_parcel_file {
    struct study_instance instance;
    struct text series, modality;
    char name[64];           /* in the archive */
    struct answer_look look; /* of an archive, when it was listed */
};
struct answer_parcel {
    struct arena arena; /* of what follows */
    enum answer_form form;
    char boundary[ANSWER_BOUNDARY_BYTES + 1];
    struct text study;
    const struct release_permit *permit; /* of metadata, whose length is not known yet */
    struct answer_parcel_file *files;
    size_t count;
    bool has_dicom; /* beside MFER files, which are in the archive only */
    int64_t bytes;
    /* ---- of an archive: the same bytes for the same files under the same opening ----
     */
    struct id opening;
    int64_t day_s;              /* the study's, for records, whose files have no time */
    struct answer_rest rest;    /* what is wanted of it */
    struct dicom_medium medium; /* its directory */
    size_t listed;              /* files that it was told of */
    int64_t newest_s;           /* of their times: the directory's */
    bool is_measured;           /* then what follows is known before the first byte */
    int64_t length;
    char stamp[HASH_HEX_BYTES];
};
void answer_free_parcel(struct answer_parcel *parcel);
/* Looks at every file of an archive, and reads the headers that its directory is made of,
 * for a while: where there are too many, it stays unmeasured. False: one is not there any
 * more (ERR_BUSY source_changed), or there is nothing of what is wanted (ERR_SYNTAX
 * range_unsatisfiable). Unmeasured, it is wanted from its first byte on. */
MUST_CHECK bool answer_measure_parcel(struct answer *answer, struct http_call *call,
                                      struct answer_parcel *parcel, struct err *err);
/* False: the answer is not whole. */
MUST_CHECK bool answer_write_parcel(struct answer *answer, struct answer_parcel *parcel,
                                    const struct answer_outlet *outlet);
/* Takes the parcel when it answers. */
MUST_CHECK bool answer_send_parcel(struct answer *answer, struct http_call *call,
                                   struct answer_parcel **parcel, struct err *err);
