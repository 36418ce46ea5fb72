// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/index: what its files share. */

#include <pthread.h>

#include "gateway/index/index_moment.h"

/* The policy in force. Any thread asks it, one at a time changes it. */
struct index_policy {
    pthread_rwlock_t lock;
    struct arena arena; /* of one that came after the start */
    struct uplink_policy rules;
    struct text json;
};
struct index_policy *index_policy_new(const struct index_config *config, struct err *err);
void index_policy_free(struct index_policy *policy);
/* Shortest delay that any rule gives the kind. */
int64_t index_delay_hours(const struct index *index, enum entry_kind kind);

struct index {
    struct index_config config;
    struct index_policy *policy; /* *owned* */
    struct store *store;
    char epoch[ID_TEXT_BYTES];
    void (*wake_orders)(void *context);
    void *orders_context;
};

/* An entry's row as the index keeps it. */
struct index_row {
    struct text entry_key;
    struct text version;
    enum entry_kind kind;
    int64_t state;
    int64_t flags;
    int32_t day;
    int32_t end_day;
    bool is_open;
    struct text title;
    struct text department_code;
    struct text department;
    struct text author;
    struct text time;
    struct text order_number;
    int64_t received_at;
};

/* How far a new database has come: index_note_filled, index_await_pictures. */
struct index_filling {
    bool is_filled;
    bool awaits_pictures;
};
MUST_CHECK bool index_read_filling(struct store_session *session,
                                   struct index_filling *filling, struct err *err);
bool index_is_of_study(struct text base);
/* A number of index_meta; `sql` has one parameter. */
MUST_CHECK bool index_set_meta(struct store_session *session, const char *sql,
                               int64_t number, struct err *err);

/* May the centre know of it at all? */
bool index_is_published(const struct index *index, enum entry_kind kind, unsigned flags,
                        int32_t day, struct text department_code);

/* One outbox row; the next sequence number is taken in the same transaction. */
struct index_outgoing {
    int lane;
    enum uplink_event_type type;
    struct text record; /* 32 digits, or "" */
    struct text number;
    struct text entry_key;
};
MUST_CHECK bool index_enqueue(struct store_session *session,
                              const struct index_outgoing *outgoing, struct err *err);
void index_wake(const struct index *index, int lane);

/* Active links of a number: calls see for each. */
struct index_link_list {
    struct text *records;
    size_t count;
};
MUST_CHECK bool index_links_of_number(struct store_session *session, struct text number,
                                      struct arena *arena, struct index_link_list *links,
                                      struct err *err);
MUST_CHECK bool index_raise_revision(struct store_session *session, struct text record,
                                     struct err *err);

/* Everything published of the number into the backfill lane, newest first, then the sum
 * of the record. */
MUST_CHECK bool index_enqueue_all(struct store_session *session, struct id record,
                                  struct text number, struct err *err);
/* The sum of each active link, behind what waits in the backfill lane. */
MUST_CHECK bool index_tell_sums(struct store_session *session, struct err *err);
/* When the policy is not the one that was followed last: what it no longer publishes is
 * withdrawn, what it publishes is sent again. */
MUST_CHECK bool index_follow_policy(struct index *index, struct err *err);

/* Lists the first column of rows as texts. */
MUST_CHECK bool index_list_texts(struct store_statement *rows, struct arena *arena,
                                 struct text **items, size_t *count, struct err *err);
/* Where the texts end that begin with a prefix, which itself ends in '/'. */
MUST_CHECK bool index_after_prefix(struct text prefix, struct arena *arena,
                                   struct text *end, struct err *err);

MUST_CHECK bool index_put_folder_row(struct store_session *session,
                                     const struct index_folder *folder, struct err *err);
MUST_CHECK bool index_remove_folder_row(struct store_session *session, struct text path,
                                        struct err *err);
MUST_CHECK bool index_touch_file_row(struct store_session *session,
                                     const struct index_file *file, struct err *err);

/* Columns of index_file in the order that index_take_file reads; not the number. */
#define INDEX_FILE_COLUMNS                                                               \
    "path, version, size, changed_ns, state, inode, status_ns, hash, code, base, beside"
MUST_CHECK bool index_take_file(struct store_statement *rows, struct arena *arena,
                                struct index_file *file, struct err *err);

/* ---- numbers that ended or became others (index_number.c) ---- */
enum index_number_fate { INDEX_NUMBER_LIVES, INDEX_NUMBER_GONE, INDEX_NUMBER_REPLACED };
struct index_standing {
    enum index_number_fate fate;
    struct text number; /* as its folder is named; of one that was replaced the last one
                           of the chain, which need not be known */
};
MUST_CHECK bool index_read_standing(struct store_session *session, struct text number,
                                    struct arena *arena, struct index_standing *standing,
                                    struct err *err);
enum { INDEX_NUMBERS_MAX = 32 };
/* The numbers that a change of one record may touch, and how they stood before it. */
struct index_watched {
    struct text number;
    struct index_standing before;
};
struct index_numbers {
    struct text number; /* of the folder */
    struct text base;
    struct text version;
    const struct entry_list *list; /* NULL = none */
    bool is_gone;
    bool is_of_patient; /* the record is an ADT-00: nothing else is looked at */
    struct arena *arena;
    struct index_patient was; /* whose the folder's number was … */
    bool was_known;           /* … when it was somebody's */
    struct index_watched items[INDEX_NUMBERS_MAX];
    size_t count;
    bool has_events;
};
/* Before the change, and behind it: tells the links of those that stand otherwise. */
MUST_CHECK bool index_watch_numbers(struct store_session *session,
                                    struct index_numbers *numbers, struct err *err);
MUST_CHECK bool index_tell_numbers(struct store_session *session,
                                   struct index_numbers *numbers, struct err *err);
/* What waits about the same number gives way to it. */
MUST_CHECK bool index_tell_number(struct store_session *session,
                                  struct index_numbers *numbers, struct text record,
                                  struct text number, struct err *err);
/* What the event about a number says now; its record is known already. */
MUST_CHECK bool index_fill_number(struct store_session *session, struct arena *arena,
                                  struct text number, struct uplink_event *event,
                                  struct err *err);
/* ---- numbers that were given out again (index_identity.c) ---- */
/* The number is another person's than when the link was matched. A record that is not
 * linked under this number is nobody's. */
MUST_CHECK bool index_is_given_again(struct store_session *session, struct text record,
                                     struct text number, struct arena *arena,
                                     bool *is_given_again, struct err *err);
/* Behind the change of an ADT-00: tells the links whose person left or came back. */
MUST_CHECK bool index_tell_given_again(struct store_session *session,
                                       struct index_numbers *numbers, struct err *err);
MUST_CHECK bool index_find_identity(struct store_session *session, struct text number,
                                    struct arena *arena, struct index_patient *patient,
                                    bool *is_known, struct err *err);
/* The number goes on for one that is linked: whoever is linked under it is not new. */
MUST_CHECK bool index_goes_on_for_linked(struct store_session *session,
                                         struct text number, bool *goes_on,
                                         struct err *err);
/* The patient of a number that may lack the leading zeros that the folders write. */
MUST_CHECK bool index_find_written(struct store_session *session, struct text number,
                                   struct arena *arena, struct index_patient *patient,
                                   bool *is_known, struct err *err);

/* ---- orders of pictures (index_order.c) ---- */
struct index_ordered { /* one record that is now another, or gone */
    struct text number, base;
    enum { INDEX_ORDER_READ, INDEX_ORDER_GONE, INDEX_ORDER_UNREAD } is;
    bool has_changed;
};
bool index_names_studies(const struct entry_list *list);
/* Before the record's entries go, behind them one by one, and at the end. */
MUST_CHECK bool index_leave_orders(struct store_session *session,
                                   struct index_ordered *ordered, struct err *err);
MUST_CHECK bool index_put_order(struct store_session *session,
                                const struct index_ordered *ordered,
                                const struct index_row *row, const struct entry *entry,
                                struct err *err);
MUST_CHECK bool index_tell_orders(struct store_session *session,
                                  struct index_ordered *ordered, struct err *err);

/* Columns of index_entry in the order that index_take_row reads. */
#define INDEX_ROW_COLUMNS                                                                \
    "entry_key, version, kind, state, flags, day, end_day, is_open, title, "             \
    "department_code, department, author, time, order_number, received_at"
MUST_CHECK bool index_take_row(struct store_statement *rows, struct arena *arena,
                               struct index_row *row, struct err *err);
