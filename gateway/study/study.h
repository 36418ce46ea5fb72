// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The hospital's DICOM (PS3.10) and MFER files: folders as a picture archive leaves them,
 * and what modalities sent to this gateway. Their headers are read into the index's
 * database; each study of a patient whom the index knows becomes one entry of that
 * patient, like a record of the storage, and goes the same ways: policy, links, events,
 * release.
 *
 * Folders are the hospital's: opened for reading only, below their root, never through
 * links. They are looked through every `sweep_ms`; a file counts as the same while its
 * size and time are. A folder whose time is the one at which it was read is not listed
 * again when it is older than 40 days, but for a look at every file when a process begins
 * and once a day. Pixels are read when somebody wants to see them.
 *
 * Whose a study is: its Patient ID has to be a number that the index knows, and birth
 * date and sex, where both say them, have to agree; otherwise it is held
 * ("patient_mismatch") until the hospital releases it. One whose number nobody has yet
 * waits ("patient_unknown").
 *
 * A study is linked to the order that it was made for (index_find_order). On the order's
 * day and of its kind it has no entry of its own in the calendar: the order's opens it.
 * Rejection notes hide the instances that they name.
 *
 * The DICOMDIR of a copied disc is read for what it names, not for where to look: files
 * are found by walking, and one that it names and that is not there is told.
 *
 * An MFER file is a study of one instance, kind waveform. Which of both a file is, its
 * first bytes say.
 *
 * Reasons of refused files: those of dicom_read and mfer_read, study_incomplete (no UIDs
 * or no Patient
 * ID), study_truncated. Errors: ERR_MISSING not_found, instance_missing; the store's. */

#include "base/clock.h"
#include "base/log.h"
#include "base/sparse.h"
#include "formats/entry/entry.h"
#include "formats/mfer/mfer.h"
#include "gateway/index/index.h"

/* Where studies stand in the index: "dicom/<uid>/<number>"; no storage has this label. */
#define STUDY_LABEL "dicom"

enum { STUDY_ROOTS_MAX = 8, STUDY_INSTANCES_MAX = 20000, STUDY_SERIES_MAX = 500 };

struct study_root {
    const char *label; /* first part of its paths; unlike any storage's */
    const char *directory;
};

struct study_config {
    struct index *index;
    const struct study_root *roots;
    size_t root_count;
    int sweep_ms;
    struct clock clock;
    const struct log *log;
};

struct study; /* *owned*; threads share it */
MUST_CHECK struct study *study_new(const struct study_config *config, struct err *err);
/* Starts the thread that sweeps. */
MUST_CHECK bool study_start(struct study *study, struct err *err);
/* Stops and joins it. */
void study_stop(struct study *study);
void study_free(struct study *study);
/* One look at every folder, and the index is told; in the caller's thread. ERR_BUSY
 * storage_away: a folder is not there, or empty though it was not; the others were read.
 */
MUST_CHECK bool study_sweep(struct study *study, struct err *err);
/* One look at one folder alone ("ab/cd" below the root of that label, "" = the root), and
 * the index is told: for files that are known to have come. */
MUST_CHECK bool study_look_at(struct study *study, const char *label, const char *folder,
                              struct err *err);
/* The same, soon and by the thread; from any thread, does not block. Several that come
 * shortly after each other are told together. */
void study_note(struct study *study, const char *label, const char *folder);

/* From now on the index knows every patient whom the storages have: when all folders have
 * once been read, the thread tells it every study that waits for one. Then it has. From
 * any thread, does not block. */
void study_tell_again(struct study *study);
bool study_has_told(const struct study *study);

/* ---- discs: what their DICOMDIRs name (PS3.3 F, PS3.10 8), and is not there ---- */
struct study_discs {
    int64_t named;
    int64_t missing; /* neither the instance nor a file of that name is there */
    int64_t other;   /* a file of that name is, but another object or one not readable */
};
/* As of the last look; does not block. */
struct study_discs study_look_up_discs(struct study *study);
struct study_lost {
    struct text folder, name;           /* of the DICOMDIR */
    struct text file_folder, file_name; /* as it names it; "" = not safely */
    const char *code; /* disc_file_missing, disc_file_other, disc_path_unsafe */
};
/* At most so many, for the hospital's own office. */
MUST_CHECK bool study_list_lost(struct study *study, size_t max, struct arena *arena,
                                struct study_lost **lost, size_t *count, struct err *err);

/* ---- what a viewer sees ---- */
/* The index path names a study, not a file of a storage. */
bool study_is_place(const struct index_place *place);
/* The entry as content: the study and its series. */
MUST_CHECK bool study_read_entry(struct study *study, const struct index_place *place,
                                 struct arena *arena, struct entry_list *list,
                                 struct err *err);

struct study_instance {
    struct text folder, name; /* for study_open_file */
    struct text uid;
    struct text version; /* of its bytes: another one after a correction */
    struct text facts;   /* the contract's Instance, JSON */
    struct text kind;
    int64_t frames;
    int64_t size_bytes;
};
struct study_series {
    int64_t number;
    struct text uid, modality, kind;
    struct text description, body_part, laterality;
    struct text space; /* Frame of Reference UID, or "" */
    struct study_instance *instances;
    size_t instance_count;
};
/* All of a study that lies in one patient's number, in reading order; *arena*. */
struct study_content {
    struct text uid, time, description, accession;
    int32_t day;
    struct study_series *series;
    size_t series_count;
    size_t instance_count;
    size_t facts_bytes;
    size_t instance_total; /* with those that are not listed */
    bool has_more;         /* than is listed */
};
/* What study_write_content writes stays below: what is longer is cut, and says so. */
enum { STUDY_JSON_BYTES_MAX = 32 << 20, STUDY_FACTS_BYTES_MAX = 28 << 20 };
/* Takes a release_permit's place: only gateway/answer, which has decided, calls it. */
MUST_CHECK bool study_read_content(struct study *study, const struct index_place *place,
                                   struct arena *arena, struct study_content *content,
                                   struct err *err);
/* The contract's Study without its facility. */
void study_write_content(struct json_writer *writer, const struct study_content *content);
/* ---- a recording, of which only what is looked at is in memory (study_wave.c) ---- */
bool study_is_mfer(int fd);
struct study_wave {
    struct sparse *sparse;
    struct waveform_loader loader;
    struct mfer_file file; /* its recording is good as long as this is open */
};
/* A DICOM object's waveforms likewise, in file.recording. As study_open_wave. */
MUST_CHECK bool study_open_dicom_wave(int fd, struct arena *arena,
                                      struct study_wave *wave, struct err *err);
/* `fd` and `wave` stay where they are until study_close_wave, which is always due. */
MUST_CHECK bool study_open_wave(int fd, struct arena *arena, struct study_wave *wave,
                                struct err *err);
void study_close_wave(struct study_wave *wave);
/* The same file, which is nobody's study but a record of its own, as the content of one:
 * one series, one instance that is named as the file is by its reader. ERR_REFUSED
 * frame_broken. */
struct study_record {
    struct text name;
    struct text version;
    int64_t size_bytes;
};
MUST_CHECK bool study_describe_wave(int fd, const struct study_record *record,
                                    struct arena *arena, struct study_content *content,
                                    struct err *err);
/* After samples were read: whether all of them were the file's. */
MUST_CHECK bool study_check_wave(const struct study_wave *wave, struct err *err);
/* For reading; -1. ERR_MISSING instance_missing. */
MUST_CHECK int study_open_file(struct study *study, const struct study_instance *instance,
                               struct err *err);
/* Its header, without pixels; in the arena. As dicom_read. */
struct dicom_file;
MUST_CHECK bool study_read_file(int fd, struct arena *arena, struct dicom_file **file,
                                struct err *err);
