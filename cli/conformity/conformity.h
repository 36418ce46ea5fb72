// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What a hospital's SS-MIX2 storage, standardized or extended, is like before it joins:
 * every file read as the gateway reads it, every folder looked at, and a report that its
 * vendor can act on. Private to cli/ssmix.c and its parts. Nothing here writes into the
 * storage. The report names files, and file names carry patients' numbers: it stays in
 * the house. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "formats/ssmix/ssmix.h"

/* What follows for the file or the folder. */
enum conformity_weight {
    CONFORMITY_REFUSED,   /* not shown */
    CONFORMITY_HELD,      /* not shown until somebody decides */
    CONFORMITY_TOLERATED, /* shown, though it deviates */
    CONFORMITY_WEIGHT_COUNT
};

enum {
    CONFORMITY_EXAMPLES = 3,
    CONFORMITY_PLACE_BYTES = 48,
    CONFORMITY_CODES_MAX = 128,
    CONFORMITY_OTHERS = SSMIX_TYPE_COUNT, /* of standard storage, unknown types */
    CONFORMITY_DOCUMENTS,                 /* of extended storage */
    CONFORMITY_TYPES
};

/* Why, in both languages, and what its maker should do. */
struct conformity_words {
    const char *code;
    enum conformity_weight weight;
    const char *japanese;
    const char *japanese_advice;
    const char *english;
    const char *english_advice;
};
/* Never NULL: a code without words of its own is refused and says its code. */
const struct conformity_words *conformity_find_words(const char *code);

struct conformity_finding {
    const char *path; /* below the root */
    const char *type; /* データ種別, or "-" */
    const char *code;
    uint64_t offset;    /* of a byte, when has_offset */
    const char *clause; /* or NULL */
    bool has_offset;
    char place[CONFORMITY_PLACE_BYTES]; /* "ORC-9", "TQ1", "AL1, DG1", or "" */
};

struct conformity_code {
    const char *code;
    uint64_t count;                            /* files or folders that have it */
    const char *examples[CONFORMITY_EXAMPLES]; /* paths */
    const char *places[CONFORMITY_EXAMPLES];   /* in those files */
    int example_count;
};

struct conformity_type {
    uint64_t files;
    uint64_t by_weight[CONFORMITY_WEIGHT_COUNT]; /* the worst of each file */
    uint64_t by_flag[3];
    int32_t first_day;
    int32_t last_day;
};

struct conformity_total {
    struct arena arena; /* of codes' examples */
    uint64_t files;
    uint64_t bytes;
    uint64_t patients;
    uint64_t clean; /* files without a finding */
    uint64_t by_weight[CONFORMITY_WEIGHT_COUNT];
    struct conformity_type types[CONFORMITY_TYPES];
    struct conformity_code codes[CONFORMITY_CODES_MAX];
    size_t code_count;
    double seconds;
};

/* Called for every finding, as it is found. */
typedef bool conformity_note(void *context, const struct conformity_finding *finding,
                             struct err *err);

struct conformity_walk {
    const char *root;
    conformity_note *note; /* may be NULL */
    void *context;
    bool shows_progress; /* a line on stderr that is written over */
    bool is_english;     /* that line */
};

/* Reads the whole storage in order of names. False: the root cannot be read, or `note`
 * failed. */
MUST_CHECK bool conformity_check(const struct conformity_walk *walk,
                                 struct conformity_total *total, struct err *err);

/* ---- counting (tally.c) ---- */
/* "OML-11", "-" for others, and the name beside it; "" when there is none. */
const char *conformity_type_code(size_t type);
const char *conformity_type_name(size_t type, bool is_english);
MUST_CHECK bool conformity_count_code(struct conformity_total *total,
                                      const struct conformity_finding *found,
                                      struct err *err);

/* ---- reports (report.c, report_html.c) ---- */
struct conformity_report {
    const struct conformity_total *total;
    struct text root;
    char day[DAY_TEXT_BYTES]; /* of the check */
    bool is_english;
};
void conformity_write_text(const struct conformity_report *report, struct buf *out);
void conformity_write_html(const struct conformity_report *report, struct buf *out);
const char *conformity_weight_name(enum conformity_weight weight, bool is_english);
/* Codes by weight, then by count. */
void conformity_sort_codes(struct conformity_total *total);
/* Bytes of a path as text, as well as can be. */
struct text conformity_path(const char *path, struct arena *arena);
