// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The gateway's own database: every patient and every current entry of the hospital's
 * storage, which of them are linked, and the outbox of events for the centre.
 *
 * What is current among the files of one record (same patient, day, type and key) is
 * decided by the collector; the index stores that decision, and for linked patients puts
 * one row into the outbox in the same transaction. An outbox row names an entry, not its
 * content: what is sent is the entry as it is when it is sent. A wiped database gets a
 * new epoch, and the centre then compares everything (docs/specs/uplink.md).
 *
 * Reading content's place takes a release_permit (gateway/release). Results are *arena*.
 */

#include "base/clock.h"
#include "base/id.h"
#include "formats/entry/entry.h"
#include "formats/uplink/uplink.h"
#include "store/store.h"

struct index; /* *owned*; threads share it */
struct release_permit;

/* What may leave the house at all; the policy as the index needs it. */
struct index_config {
    const char *location; /* database file */
    struct clock clock;
    struct rand rand;
    const struct log *log;
    const struct uplink_policy *policy; /* at the start; outlives the index */
    struct text policy_json;            /* the same as published; "" = not followed */
    /* Called after a commit that put events into a lane (0 live, 1 backfill). */
    void (*wake)(void *context, int lane);
    void *wake_context;
    bool serves; /* one at a time does, ERR_BUSY store_taken */
};
MUST_CHECK struct index *index_open(const struct index_config *config, struct err *err);
void index_close(struct index *index);
struct store *index_store(const struct index *index); /* for others' tables beside */
/* Another policy, valid JSON of one, is in force from now on: what it no longer publishes
 * is withdrawn, what it publishes is sent again. When that cannot be written it is in
 * force all the same, and is to be tried again. Blocks. */
MUST_CHECK bool index_change_policy(struct index *index, struct span json,
                                    struct err *err);
/* The one in force, and the JSON that it was read from; copies. */
MUST_CHECK bool index_read_policy(struct index *index, struct arena *arena,
                                  struct uplink_policy *policy, struct err *err);
MUST_CHECK bool index_read_policy_json(struct index *index, struct arena *arena,
                                       struct text *json, struct err *err);
/* 32 hex digits; new for each new database. */
struct text index_epoch(const struct index *index);
/* This turned out to be an older copy of the database: it is another one from now on.
 * Before other threads use the index. */
MUST_CHECK bool index_renew_epoch(struct index *index, struct err *err);
/* Number of our audit's head at the last start; 0 in a new database. */
MUST_CHECK bool index_audit_number(struct index *index, uint64_t *number,
                                   struct err *err);
MUST_CHECK bool index_note_audit(struct index *index, uint64_t number, struct err *err);

/* A first sweep of the whole storage has once been finished: what it does not know is not
 * there. Stays true for the life of the database. */
MUST_CHECK bool index_was_filled(struct index *index, bool *was_filled, struct err *err);
MUST_CHECK bool index_note_filled(struct index *index, struct err *err);

/* ---- what the collector found ---- */
enum index_file_state { INDEX_READ, INDEX_REFUSED, INDEX_HELD };

struct index_file {
    struct text path; /* "<root label>/<relative path>" */
    struct text number;
    struct text base;
    struct text version; /* 18 characters */
    int64_t size_bytes;
    int64_t changed_ns; /* 0 = to be read and judged again, whatever it holds */
    int64_t status_ns;  /* ctime */
    int64_t inode;
    struct text hash; /* SHA-256 of the content in hex; "" = not read */
    struct text
        beside; /* the same of the list of what lies beside a document; "" = none */
    enum index_file_state state;
    struct text code;
    int64_t offset_bytes;
};

/* The record `base` of a patient is now this file and these entries (none when refused
 * or held: then one incomplete entry stands for it when `incomplete_kind` is dated).
 * Writes events for links. */
struct index_change {
    struct index_file file;
    const struct entry_list *list; /* NULL when refused or held */
    enum entry_kind incomplete_kind;
    int32_t day; /* of the folder */
};
MUST_CHECK bool index_put_file(struct index *index, const struct index_change *change,
                               struct err *err);
/* The record is no longer there (deleted or moved away): entries are withdrawn. */
MUST_CHECK bool index_remove_base(struct index *index, struct text number,
                                  struct text base, struct err *err);
/* What the index has of a record now: the file's path, size and times; path empty when
 * none. */
MUST_CHECK bool index_find_file(struct index *index, struct text number, struct text base,
                                struct arena *arena, struct index_file *file,
                                struct err *err);
/* The records (bases) that the index has from one type folder ("<label>/…/<type>/"). */
MUST_CHECK bool index_list_bases(struct index *index, struct text number,
                                 struct text folder, struct arena *arena,
                                 struct text **bases, size_t *count, struct err *err);
/* A type folder with its time of change when it was last read; or a branch (a patient's
 * or a day's folder) with its time when its names were last read and all below was taken.
 * 0 = to be read anyway. */
struct index_folder {
    struct text path;
    int64_t changed_ns;
    bool is_branch;
};
/* Pieces of a sweep, all in one transaction or none: what a look at many files found. */
struct index_piece {
    enum {
        INDEX_PUT,           /* change: as index_put_file */
        INDEX_REMOVE,        /* number, base: as index_remove_base */
        INDEX_TOUCH,         /* change->file: the same content under other times, which
                                are noted; nothing is told to anybody */
        INDEX_NOTE_FOLDER,   /* folder */
        INDEX_FORGET_FOLDER, /* folder.path */
    } kind;
    const struct index_change *change;
    struct text number, base;
    struct index_folder folder;
};
MUST_CHECK bool index_write(struct index *index, enum store_lane lane,
                            const struct index_piece *pieces, size_t count,
                            struct err *err);
/* The same in two steps: the pieces stay until the end, which waits. */
struct index_writing; /* *owned* */
MUST_CHECK struct index_writing *index_write_begin(struct index *index,
                                                   enum store_lane lane,
                                                   const struct index_piece *pieces,
                                                   size_t count, struct err *err);
MUST_CHECK bool index_write_end(struct index_writing **writing, struct err *err);
/* What the index has below a prefix, by path; of a patient, by base. */
MUST_CHECK bool index_list_known_folders(struct index *index, struct text prefix,
                                         struct arena *arena,
                                         struct index_folder **folders, size_t *count,
                                         struct err *err);
MUST_CHECK bool index_list_known_files(struct index *index, struct text number,
                                       struct arena *arena, struct index_file **files,
                                       size_t *count, struct err *err);
/* Time of change of a type folder when it was last read; 0 = to be read anyway. */
MUST_CHECK bool index_folder_time(struct index *index, struct text path,
                                  int64_t *changed_ns, bool *is_known, struct err *err);
/* A storage is judged by other rules than before (a changed setting, a new reader): all
 * of its files are read again. */
MUST_CHECK bool index_note_root(struct index *index, struct text label,
                                struct text judged_by, struct err *err);
/* All folders below are listed again at the next look. */
MUST_CHECK bool index_reset_folders(struct index *index, struct text prefix,
                                    struct err *err);
/* The first type folder that the index knows from `from` on and below `prefix`; empty
 * when there is none. */
MUST_CHECK bool index_next_folder(struct index *index, struct text prefix,
                                  struct text from, struct arena *arena,
                                  struct text *path, struct err *err);
/* All type folders below that the index knows, to find removed ones. */
MUST_CHECK bool index_list_folders(struct index *index, struct text prefix,
                                   struct arena *arena, struct text **paths,
                                   size_t *count, struct err *err);

/* Hash of the content that the hospital released a held file as; empty when it did not.
 */
MUST_CHECK bool index_find_release(struct index *index, struct text path,
                                   struct arena *arena, struct text *hash,
                                   struct err *err);
/* The hospital says that a held file belongs to the patient of its folder, as it is now;
 * another content is held again. ERR_MISSING not_found when none is held there. */
MUST_CHECK bool index_release_file(struct index *index, struct text path,
                                   struct err *err);

/* ---- patients and links ---- */
struct index_patient {
    struct text number;
    struct text name;
    struct text kana;
    struct text kana_folded;
    int32_t birth_day;
    char sex;
};
MUST_CHECK bool index_find_patient(struct index *index, struct text number,
                                   struct arena *arena, struct index_patient *patient,
                                   bool *is_known, struct err *err);

/* A message in the folder of a number says that the number ended in another one: its
 * PID-3 is the other's. */
bool index_ends_own_number(const struct entry_list *list, struct text number);

enum index_link_state {
    INDEX_ACTIVE,
    INDEX_LINK_HELD,
    INDEX_LINK_ENDED,
    INDEX_LINK_REFUSED, /* by the hospital: asked for again it is held again */
    INDEX_LINK_STATES
};
struct index_link {
    struct id record;
    struct text number;
    enum index_link_state state;
    int64_t revision;
    int64_t linked_at_ms; /* in lists only */
};
struct index_limits {
    int mismatches_per_hour;
    int links_per_day; /* over it: held */
    bool is_partial;   /* a storage is away: who is not known may well be there */
};
/* The owner's match: compares with the patient's own ADT-00; an active link starts its
 * backfill. ERR_BUSY storage_away for a number that cannot be known now. */
MUST_CHECK bool index_match_link(struct index *index, const struct uplink_link *asked,
                                 const struct index_limits *limits,
                                 enum uplink_match *result, struct err *err);
/* Held links, oldest first, and the hospital's own decision about one: confirmed, its
 * history is sent; or refused. ERR_MISSING when it is not held; ERR_CONFLICT
 * patient_changed when the number has become another person's: refuse it. */
MUST_CHECK bool index_list_held(struct index *index, size_t max, struct arena *arena,
                                struct index_link **links, size_t *count,
                                struct err *err);
MUST_CHECK bool index_decide_held(struct index *index, struct id record,
                                  bool is_confirmed, struct err *err);
/* Links that became new since then, whatever became of them, oldest first: the hospital's
 * own list of the day. */
MUST_CHECK bool index_list_links(struct index *index, int64_t since_ms, size_t max,
                                 struct arena *arena, struct index_link **links,
                                 size_t *count, struct err *err);
/* A new database is told what the gateway's own audit knows of a link: an active one is
 * still compared with the ADT-00 when the centre asks for it, but is not new, so no cap
 * holds it; a refused one stays refused. */
MUST_CHECK bool index_recall_link(struct index *index, const struct index_link *link,
                                  struct err *err);
MUST_CHECK bool index_end_link(struct index *index, struct id record, struct err *err);
MUST_CHECK bool index_find_link(struct index *index, struct id record,
                                struct arena *arena, struct index_link *link,
                                bool *is_known, struct err *err);
/* Its number has an ADT-00 of its own, no later message joined it into another number,
 * and it is still the number of the person whose link was matched. */
MUST_CHECK bool index_link_stands(struct index *index, const struct index_link *link,
                                  bool *stands, struct err *err);
/* Puts everything of a record into the backfill lane again, newest first. */
MUST_CHECK bool index_backfill(struct index *index, struct id record, struct err *err);

/* ---- events ---- */
/* The oldest events of a lane, at most `max`, as they are now. */
MUST_CHECK bool index_take_events(struct index *index, int lane, size_t max,
                                  struct arena *arena, struct uplink_event **events,
                                  size_t *count, struct err *err);
/* Stored ones leave the outbox; rejected ones too, and are kept in a list. */
MUST_CHECK bool index_answer_events(struct index *index,
                                    const struct uplink_answers *answers,
                                    struct err *err);

/* ---- being in step ---- */
/* The sum's epoch is borrowed from the index. */
MUST_CHECK bool index_sum(struct index *index, struct id record, struct arena *arena,
                          struct uplink_sum *sum, struct err *err);
/* A page of keys behind `cursor`. ERR_BUSY index_filling (index_order.h). */
MUST_CHECK bool index_snapshot(struct index *index, struct id record, struct text cursor,
                               struct arena *arena, struct uplink_snapshot *snapshot,
                               struct err *err);

/* ---- content ---- */
struct index_place {
    struct text path;
    struct text number;
    struct text entry_key;
    struct text version;
    enum entry_kind kind;
    int32_t day;
    struct text department_code;
    uint32_t kinds_in_file;     /* of all entries of the same file */
    uint32_t sensitive_in_file; /* kinds of those that the source marks sensitive */
    bool is_sensitive;          /* the entry itself is marked so */
    bool has_unpublished;       /* some entry of the file never leaves the house */
    bool is_incomplete;         /* stands for a file that was refused */
    struct text hash;           /* of the content that was indexed; "" = none */
    int64_t received_at_ms;
};
/* For gateway/release alone: where an entry stands. ERR_MISSING "not_found". */
MUST_CHECK bool index_find_place(struct index *index, struct text number,
                                 struct text entry_key, struct arena *arena,
                                 struct index_place *place, struct err *err);

/* ---- lists for the hospital's administrator ---- */
struct index_trouble {
    struct text path;
    enum index_file_state state;
    struct text code;
    int64_t offset_bytes;
    int64_t first_seen_ms;
    int64_t last_tried_ms;
};
MUST_CHECK bool index_list_trouble(struct index *index, size_t max, struct arena *arena,
                                   struct index_trouble **items, size_t *count,
                                   struct err *err);
