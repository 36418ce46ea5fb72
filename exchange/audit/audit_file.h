// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/audit: the segment files of docs/specs/audit.md, byte by byte, and
 * reading a series in order. Does not write files; audit.c does. */

#include "exchange/audit/audit.h"

enum {
    AUDIT_HEADER_BYTES = 4 + 4 + 4 + HASH_BYTES,
    AUDIT_LARGEST_BYTES = AUDIT_HEADER_BYTES + AUDIT_RECORD_BYTES_MAX + 1,
    AUDIT_GROUP_BYTES_MAX = 4 << 20,
    AUDIT_MONTHS_MAX = 1200,
    AUDIT_MONTH_NAME_BYTES = 16,
    AUDIT_HEX_BYTES = HASH_HEX_BYTES
};

/* Borrowed from the audit. */
int audit_directory(const struct audit *audit);
const char *audit_node(const struct audit *audit);

/* What one record says: its frame, and either a record or the head of a peer. */
struct audit_line {
    const char *node;
    uint64_t number;
    int64_t at_ms;
    int64_t monotonic_ms;
    const struct audit_record *record;
    struct text peer_node;
    const struct audit_position *peer_head; /* NULL for an ordinary record */
};

/* Appends the canonical JSON. */
void audit_put_json(struct buf *out, const struct audit_line *line);
/* SHA-256(previous hash, canonical JSON). */
struct hash audit_chain(const struct hash *previous, struct span json);
/* Appends a whole record of a segment file; in a group it goes to the disk together with
 * the one before. */
void audit_put_record(struct buf *out, const struct hash *hash, struct span json,
                      bool is_in_group);

/* The value of a member that is one of our own words, ids or numbers. Quotes inside of
 * values are escaped, so that "key": stands in a record only where it is a member. */
bool audit_take_word(struct span json, const char *key, struct span *word);
bool audit_take_count(struct span json, const char *key, uint64_t *count);

/* One member of a record, as it stands there. */
struct audit_member {
    struct span key;
    struct span value; /* a text without its quotes, or a number */
    bool is_text;
    bool is_escaped; /* the text has to be read by formats/json */
};
/* Takes the members of a canonical record one by one. False at the end, and when it is
 * not such a record: `rest` is empty at the end only. */
bool audit_take_member(struct span *rest, struct audit_member *member);

bool audit_node_is_good(struct span node);
/* Months are numbers: 202511. They change at midnight in Japan. */
int audit_month_of(int64_t at_ms);
void audit_month_name(int month, char out[AUDIT_MONTH_NAME_BYTES]);

enum audit_read {
    AUDIT_READ_RECORD,
    AUDIT_READ_END,   /* nothing more for now */
    AUDIT_READ_CUT,   /* the series ends with a piece of a record */
    AUDIT_READ_BAD,   /* broken: `fault` says how, last.number + 1 where */
    AUDIT_READ_FAILED /* err is set */
};

/* A place in a series. Plain struct; opened and closed like a file. */
struct audit_reader {
    int directory;    /* borrowed */
    const char *node; /* borrowed */
    int months[AUDIT_MONTHS_MAX];
    size_t month_count;
    size_t month_index;
    int fd;
    uint64_t offset; /* in the file, of the next record */
    uint8_t *bytes;  /* *owned*: a window of the file that begins at `offset` */
    size_t used;
    size_t have;
    struct audit_position last; /* of the record read last */
    bool has_last;
    bool checks_hash;
    const char *fault;
    struct span json; /* of the record read last, until the next call */
};

/* Lists the months; stands nowhere yet. */
MUST_CHECK bool audit_reader_open(struct audit_reader *reader, int directory,
                                  const char *node, struct err *err);
void audit_reader_close(struct audit_reader *reader);
/* Looks which months there are by now. */
MUST_CHECK bool audit_reader_refresh(struct audit_reader *reader, struct err *err);
/* Goes to the beginning of a month, knowing the chain of the months before. */
MUST_CHECK bool audit_reader_start(struct audit_reader *reader, size_t month_index,
                                   struct err *err);
/* Goes to the month that holds record `number`. */
MUST_CHECK bool audit_reader_find(struct audit_reader *reader, uint64_t number,
                                  struct err *err);
enum audit_read audit_reader_next(struct audit_reader *reader, struct err *err);
/* Forgets what was read ahead, so that what was replaced since is read again. */
void audit_reader_forget(struct audit_reader *reader);
