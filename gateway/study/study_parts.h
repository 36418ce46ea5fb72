// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/study: what a file's header says (study_header.c, study_view.c), the
 * rows (study_store.c), looking through folders (study_sweep.c), what the index and a
 * viewer are told (study.c). */

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/index/index_order.h"
#include "gateway/study/study.h"

struct study {
    struct study_config config;
    struct store *store; /* the index's */
    pthread_mutex_t lock;
    pthread_cond_t word;
    pthread_mutex_t sweeping; /* one at a time */
    pthread_t thread;
    bool is_started;
    bool is_woken;
    struct study_noted *noted; /* folders in which something came; *owned* */
    size_t noted_count;
    bool has_lost_notes; /* too many: everything is looked at */
    bool is_to_tell;     /* study_tell_again; under lock */
    bool has_looked;     /* at every folder, to its end; the thread's */
    atomic_bool has_told;
    atomic_bool is_ending;
    int64_t full_ms; /* monotonic, of the last look at every file; under sweeping */
    bool had_full;
    bool has_changed; /* files came or went since they were compared; under sweeping */
    struct study_discs discs; /* under lock */
};

struct study_noted {
    struct study_noted *next;
    const struct study_root *root;
    char folder[];
};
enum { STUDY_NOTED_MAX = 20000 };
/* Looks at each of them, then the index is told once. *Takes* the list. */
MUST_CHECK bool study_look_at_noted(struct study *study, struct study_noted *noted,
                                    struct err *err);
void study_free_noted(struct study_noted *noted);

/* A file that a DICOMDIR names. */
struct study_named {
    struct text folder, name; /* where it should be; "" = by no name that is safe */
    struct text instance;     /* SOP Instance UID, "" = not said */
};

struct study_row {
    struct text folder, name;
    bool is_known; /* it stood there already, as another */
    int64_t size_bytes;
    int64_t changed_ns;
    const char *code; /* "" = read */
    struct text uid, series, instance, number, patient;
    int32_t day;
    struct text time, accession, description, modality;
    const char *kind;
    int64_t series_number, instance_number, frames;
    struct text series_description, body_part, laterality, space;
    struct text facts;     /* the contract's Instance, JSON */
    const char *reason;    /* of a rejection note; NULL = it is none */
    struct text *rejected; /* SOP Instance UIDs */
    size_t rejected_count;
    struct study_named *named; /* of a DICOMDIR */
    size_t named_count;
};
/* Fills the row from a file that is open; what is wrong with it becomes its code. False
 * for the arena's and the disk's errors only. */
MUST_CHECK bool study_read_header(int fd, struct arena *arena, struct study_row *row,
                                  struct err *err);

/* The same of a whole DICOMDIR (study_directory.c): its code is "study_directory", else
 * ERR_SYNTAX or ERR_LIMIT. */
MUST_CHECK bool study_read_directory(struct span bytes, struct arena *arena,
                                     struct study_row *row, struct err *err);
/* study_directory_store.c */
MUST_CHECK bool study_forget_named(struct store_session *session, struct text folder,
                                   struct text name, struct err *err);
MUST_CHECK bool study_put_named(struct store_session *session,
                                const struct study_row *row, struct err *err);
MUST_CHECK bool study_count_named(struct study *study, struct study_discs *discs,
                                  struct err *err);

/* The same of a file that study_is_mfer. */
MUST_CHECK bool study_read_wave(int fd, struct arena *arena, struct study_row *row,
                                struct err *err);
/* study_view.c: spacing to frame_time_ms of the contract's Instance, … */
struct dicom_file;
struct dicom_view;
void study_write_view(struct json_writer *writer, const struct dicom_view *view);
/* … and, of enhanced objects, what is said of frames otherwise than of the first. */
enum { STUDY_FRAME_VIEWS_BYTES_MAX = 640 * 1024 };
MUST_CHECK bool study_write_frame_views(struct json_writer *writer,
                                        const struct dicom_file *file,
                                        int64_t frame_count, struct arena *arena,
                                        struct err *err);
MUST_CHECK bool study_write_wave_facts(struct study_row *row, struct arena *arena,
                                       struct err *err);

/* ---- study_store.c ---- */
struct study_known { /* a file as it was when it was read */
    struct text name;
    int64_t size_bytes, changed_ns;
};
MUST_CHECK bool study_list_folder(struct study *study, struct text folder,
                                  struct arena *arena, struct study_known **known,
                                  size_t *count, struct err *err);
struct study_folder {
    struct text path;   /* "<label>/a/" */
    struct text parent; /* "<label>/"; of that itself "" */
    int64_t changed_ns; /* while this is its time it need not be read; 0 = it must */
    bool is_branch;     /* has folders below */
};
/* The folders directly below one; sorted by path. */
MUST_CHECK bool study_list_below(struct study *study, struct text parent,
                                 struct arena *arena, struct study_folder **folders,
                                 size_t *count, struct err *err);
MUST_CHECK bool study_find_folder(struct study *study, struct text path,
                                  struct study_folder *folder, struct err *err);
struct study_gone {
    struct text folder, name;
};
/* What looks found; all of it or nothing. */
struct study_look {
    int64_t sweep;
    const struct study_row *rows; /* new and changed files */
    size_t row_count;
    const struct study_gone *gone;
    size_t gone_count;
    const struct study_folder *folders; /* after their files */
    size_t folder_count;
};
MUST_CHECK bool study_note_look(struct study *study, const struct study_look *look,
                                struct err *err);
/* A look's number, larger than any before. */
MUST_CHECK bool study_next_sweep(struct study *study, int64_t *sweep, struct err *err);
MUST_CHECK bool study_count_folders(struct study *study, struct text label,
                                    int64_t *count, struct err *err);
/* The first folder below the label that this sweep did not see; empty = none. */
MUST_CHECK bool study_find_unseen(struct study *study, struct text label, int64_t sweep,
                                  struct arena *arena, struct text *folder,
                                  struct err *err);
/* With all below it. */
MUST_CHECK bool study_forget_folder(struct study *study, struct text folder,
                                    struct err *err);

struct study_due {
    struct text uid, number, code;
};
MUST_CHECK bool study_list_due(struct study *study, bool wants_all, struct arena *arena,
                               struct study_due **due, size_t *count, struct err *err);
/* Its code is now this one; NULL = it is not due any more. */
MUST_CHECK bool study_note_due(struct study *study, const struct study_due *due,
                               const char *code, struct err *err);

struct study_summary {
    int64_t instance_count;
    int64_t changed_ns; /* of the newest file */
    int32_t day;
    struct text time, accession, description, patient;
    struct text modalities; /* "CT SR" */
    bool is_waveform;       /* all of it */
    /* Of the order that it was made for, when the index has that. */
    struct index_order order;
    bool has_order;
};
/* instance_count 0 when there is none any more. */
MUST_CHECK bool study_summarise(struct study *study, struct text uid, struct text number,
                                struct arena *arena, struct study_summary *summary,
                                struct err *err);
MUST_CHECK bool study_read_rows(struct study *study, struct text uid, struct text number,
                                struct arena *arena, struct study_content *content,
                                struct err *err);

/* Where a study stands in the index: "dicom/<uid>/<number>". */
MUST_CHECK bool study_split_path(struct text path, struct text *uid, struct text *number,
                                 struct err *err);
/* An order changed: the studies that it names are due, and that is all of it. */
MUST_CHECK bool study_take_order(struct study *study,
                                 const struct index_pictures *pictures, struct err *err);
/* study_tell.c: what is due is told to the index; what waits for its patient only with
 * `wants_all`. */
MUST_CHECK bool study_tell_index(struct study *study, bool wants_all, struct err *err);
/* study.c: the entry as the index and a viewer have it. */
MUST_CHECK struct entry *study_make_entry(struct entry_list *list, struct text uid,
                                          const struct study_summary *summary,
                                          struct arena *arena, struct err *err);
/* Fills the summary's order; the number is the patient's in the index. */
MUST_CHECK bool study_find_order(struct study *study, struct text number, struct text uid,
                                 struct study_summary *summary, struct arena *arena,
                                 struct err *err);
enum entry_kind study_kind_of(const struct study_summary *summary);
bool study_write_text(struct arena *arena, struct text *text, struct err *err,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
