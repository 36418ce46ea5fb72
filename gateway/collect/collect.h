// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Reads a hospital's SS-MIX2 standardized and extended storage (docs/specs/ssmix2.md,
 * docs/specs/extended.md) into the index and keeps it in step: a bounded set of inotify
 * watches on recently active folders, a rolling sweep by folder times over the whole
 * tree, and a full look at every file now and then. Where the administrator allows it,
 * one fanotify mark for each file system tells of every folder instead. Windows shares
 * give no events: there the sweep's period is the freshness.
 *
 * Which file of a record is current: flag 1 with the greatest 発生日時 (clause 2.2.4). A
 * record without one is withdrawn only when a second look, at least `second_look_ms`
 * later, finds the same (clause 2.3). A file that cannot be read, or that may belong to
 * somebody else, is refused or held in the index with offset and code, is tried again
 * when it changes, and never stops the others. Opens read-only, below the root, never
 * through links. One thread of its own. */

#include "base/clock.h"
#include "base/log.h"
#include "formats/extended/extended.h"
#include "gateway/index/index.h"
#include "gateway/rows/rows.h"

enum {
    COLLECT_ROOTS_MAX = 16,
    COLLECT_TRANSACTIONS_MAX = 4,
    COLLECT_FILE_BYTES_MAX = 16 << 20
};

struct collect_root {
    const char *label; /* volume label, part of the index's paths: [A-Za-z0-9-]+ */
    const char *directory;
    bool accepts_foreign_numbers; /* PID-3 of another numbering is normal here */
    bool is_extended;             /* documents in folders, not files of messages */
    bool is_polled; /* gives no events; found by itself on Windows shares and the like */
    bool may_be_empty; /* has held nothing yet, and that is meant */
};

struct collect_config {
    struct index *index;
    const struct collect_root *roots;
    size_t root_count;
    /* Transaction storages whose records say what to read at once; may be none. */
    const char *const *transactions;
    size_t transaction_count;
    /* The hospital's index database, whose rows say the same; NULL = none. Outlives. */
    struct rows *rows;
    int rows_period_ms;        /* between two looks at it */
    struct text facility_code; /* rows of others are none of ours */
    struct clock clock;
    const struct log *log;
    int second_look_ms;  /* 5000 */
    int sweep_period_ms; /* by folder times, whole tree */
    int full_period_ms;  /* every file's content */
    int recent_days; /* watched day folders; folders changed since: every file's times */
    int watches_max; /* 0 = no inotify */
    bool asks_marks; /* fanotify instead, where it is allowed */
};

struct collect; /* *owned* */
MUST_CHECK struct collect *collect_new(const struct collect_config *config,
                                       struct err *err);
/* Starts the thread: a first sweep, then watching. */
MUST_CHECK bool collect_start(struct collect *collect, struct err *err);
/* Ends the thread; others may still ask and read. NULL is fine. */
void collect_stop(struct collect *collect);
/* Stops, too. When nobody asks any more. */
void collect_free(struct collect *collect);

/* One sweep of everything, in the caller's thread when none was started; a full one
 * compares the content of every file. ERR_BUSY storage_away: a storage is not there, or
 * empty without being meant to (a mount point); nothing of it is withdrawn, the others
 * were read. */
MUST_CHECK bool collect_sweep(struct collect *collect, bool is_full, struct err *err);
/* Sweeps one patient's folders in all roots, every file of them; blocks until done. */
MUST_CHECK bool collect_sweep_patient(struct collect *collect, struct text number,
                                      struct err *err);
/* Reads the folder of an index path again, whatever its times say. */
MUST_CHECK bool collect_look_at(struct collect *collect, struct text path,
                                struct err *err);
/* Looks for new records of the transaction storages and reads what they name; the thread
 * does so by itself. The first look at a storage only remembers where its end is. */
MUST_CHECK bool collect_follow(struct collect *collect, struct err *err);
/* One look at the index database, to its end: reads what its new rows name; the thread
 * does so by itself and does not wait. A row counts again until its UpdateDatetime is ten
 * minutes behind the latest; the very first look begins ten minutes before the latest.
 * Reasons: gateway/rows/rows.h, and those of the index. */
MUST_CHECK bool collect_look_up_rows(struct collect *collect, struct err *err);
/* Ends the waiting of records whose second look is due. */
MUST_CHECK bool collect_look_again(struct collect *collect, struct err *err);
/* The last sweep found every storage there: what it does not know is not there. */
bool collect_is_whole(const struct collect *collect);
/* A sweep of all storages has been finished since the start. */
bool collect_has_swept(const struct collect *collect);
/* Seconds between two looks at a storage that gives no events and that neither a
 * transaction storage nor an index database speaks for: what is new there is seen no
 * sooner. 0 = there is none. */
int collect_polled_s(struct collect *collect);
/* Whether all is read that is there, as far as the thread knows. */
enum collect_state {
    COLLECT_NOT_YET, /* no sweep has ended since the start */
    COLLECT_READ,
    COLLECT_AWAY,  /* a storage is not there */
    COLLECT_FAILED /* it cannot be read, or not be kept: the index's disk is full */
};
struct collect_standing {
    enum collect_state state;
    int64_t since_ms; /* unless COLLECT_READ: what came before this was read; 0 = never */
};
struct collect_standing collect_standing(struct collect *collect);
/* Reads the file that an index path names ("<label>/<relative>"). */
MUST_CHECK bool collect_read_source(struct collect *collect, struct text path,
                                    struct arena *arena, struct span *bytes,
                                    struct err *err);
/* What lies in a document's own folder besides it, in the order of the names; nothing
 * for a file that has no folder of its own. Of more files than EXTENDED_FILES_MAX only
 * the first are listed. */
struct collect_beside {
    struct extended_file *files;
    const char **names; /* as the bytes they are opened with */
    size_t count;
    bool has_more;
    struct hash stamp; /* of all names, sizes and times; zero when there is no folder */
};
MUST_CHECK bool collect_list_beside(struct collect *collect, struct text path,
                                    struct arena *arena, struct collect_beside *beside,
                                    struct err *err);
/* A record as it is now. */
struct collect_content {
    struct span bytes;
    struct collect_beside beside;
};
/* What this content of an index path says: the entries of its record. Refusals as of
 * ssmix_read and extended_read. */
MUST_CHECK bool collect_read_list(const struct collect *collect, struct text path,
                                  const struct collect_content *content,
                                  struct arena *arena, struct entry_list *list,
                                  struct err *err);
/* Bytes of one of its parts, by number. ERR_MISSING not_found. */
MUST_CHECK bool collect_read_part(struct collect *collect, struct text path,
                                  const struct collect_content *content, size_t number,
                                  struct arena *arena, struct span *bytes,
                                  struct err *err);
