// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The words between a gateway and the centre, as JSON over the reversed tunnel: the
 * centre asks, the gateway answers (docs/specs/uplink.md, protocol 1). Both directions'
 * structs, writers and readers; every length and count is bounded; unknown members are
 * ignored, so that either side may be two versions behind.
 *
 * Readers borrow texts from the document given to them: keep it (and nothing else) as
 * long as the struct is used. Errors: those of json_take_*; ERR_SYNTAX uplink_*. */

#include "base/hash.h"
#include "formats/entry/entry.h"

enum {
    UPLINK_PROTOCOL_MIN = 1,
    UPLINK_PROTOCOL_MAX = 1,
    UPLINK_EVENTS_MAX = 500,    /* a batch */
    UPLINK_KEYS_MAX = 5000,     /* a page of a snapshot */
    UPLINK_DIGESTS_MAX = 500,   /* records asked for at once */
    UPLINK_KEY_BYTES_MAX = 160, /* entry key within a record */
    UPLINK_VERSION_BYTES = 18,  /* 17-digit time of origin and flag */
    UPLINK_TITLE_BYTES_MAX = 512,
    UPLINK_NAME_BYTES_MAX = 128,
    UPLINK_NUMBER_BYTES_MAX = 15,
    UPLINK_POLICY_BYTES_MAX = 32768,
    UPLINK_MESSAGE_BYTES_MAX = 4 << 20,
    UPLINK_PARTS_MAX = 80,   /* of one entry's original */
    UPLINK_LIST_DIGITS = 16, /* of the list that a part's number is from */
    UPLINK_POLL_MS = 25000   /* longest wait of an event poll */
};

/* ---- audit heads, exchanged in hello and every 10 minutes ---- */
struct uplink_head {
    struct text node;
    int64_t number; /* 0 = nothing written yet */
    uint8_t hash[HASH_BYTES];
    int64_t clock_ms; /* its wall clock, UTC ms; 0 = not said */
};

/* ---- how far the gateway has read its storages ---- */
/* Goes with its welcome and with each answer to a poll. */
enum uplink_reading {
    UPLINK_READ,         /* all of them, as far as it knows */
    UPLINK_NOT_YET_READ, /* not once since its start */
    UPLINK_STORAGE_AWAY, /* one is not there */
    UPLINK_READ_FAILED,  /* or cannot be read, or kept: its own disk is full */
    UPLINK_READING_COUNT
};
struct uplink_standing {
    enum uplink_reading reading;
    int64_t since_ms; /* unless UPLINK_READ: what came before is there; 0 = not known */
    int64_t polled_s; /* the source gives no events: looked at this often; 0 = it does */
};
bool uplink_standing_equal(const struct uplink_standing *a,
                           const struct uplink_standing *b);
/* As the member "standing". */
void uplink_put_standing(struct json_writer *writer,
                         const struct uplink_standing *standing);
/* Of such a message. Gateways of before say nothing: UPLINK_READ with `polled_s` as it
 * was. A word that is not known is UPLINK_READ_FAILED. */
MUST_CHECK bool uplink_take_standing(const struct json_value *answer,
                                     struct uplink_standing *standing, struct err *err);

/* ---- POST /hello ---- */
struct uplink_hello {
    int64_t protocol_min;
    int64_t protocol_max;
    struct text node; /* the centre's */
    struct id tunnel; /* part of every grant on this connection */
    struct uplink_head head;
};
struct uplink_welcome {
    int64_t protocol;
    struct text facility_code;
    struct text node;
    struct text epoch;    /* of the gateway's database, 32 hex digits */
    struct text software; /* version, for the office's list */
    struct text policy;   /* JSON as published, see below; travels as a string */
    struct uplink_standing standing;
    int64_t clock_ms; /* its wall clock, UTC ms; 0 = gateways of before do not say */
    struct uplink_head head;
};
void uplink_write_hello(struct json_writer *writer, const struct uplink_hello *hello);
MUST_CHECK bool uplink_read_hello(const struct json_value *value,
                                  struct uplink_hello *hello, struct err *err);
void uplink_write_welcome(struct json_writer *writer,
                          const struct uplink_welcome *welcome);
MUST_CHECK bool uplink_read_welcome(const struct json_value *value,
                                    struct uplink_welcome *welcome, struct err *err);
/* The highest protocol both speak; ERR_CONFLICT "protocol_unknown". */
MUST_CHECK bool uplink_agree(const struct uplink_hello *hello, int64_t *protocol,
                             struct err *err);

/* ---- POST /heads ---- */
void uplink_write_head(struct json_writer *writer, const struct uplink_head *head);
MUST_CHECK bool uplink_read_head(const struct json_value *value, struct uplink_head *head,
                                 struct err *err);

/* ---- POST /events/live, POST /events/backfill ---- */
enum uplink_event_type {
    UPLINK_ENTRY_PUT,
    UPLINK_ENTRY_WITHDRAWN,
    UPLINK_NUMBER_ENDED,
    UPLINK_NUMBER_REPLACED,
    UPLINK_POLICY_CHANGED,
    UPLINK_LINK_DECIDED,
    UPLINK_IN_STEP,
    UPLINK_NUMBER_RESTORED,    /* lives again under its own number */
    UPLINK_NUMBER_GIVEN_AGAIN, /* is another person's than when it was linked */
    UPLINK_EVENT_TYPE_COUNT
};

/* The gateway's answer about a number. */
enum uplink_match {
    UPLINK_CONFIRMED,
    UPLINK_MISMATCH,
    UPLINK_UNKNOWN_NUMBER,
    UPLINK_HELD,
    UPLINK_RATE_LIMITED,
    UPLINK_MATCH_COUNT
};
const char *uplink_match_id(enum uplink_match match);
MUST_CHECK bool uplink_match_parse(struct text id, enum uplink_match *match);

struct uplink_put {
    struct text version;
    enum entry_kind kind;
    enum entry_state state;
    unsigned flags; /* enum entry_flag */
    int32_t day;
    int32_t end_day;
    bool is_open;
    struct text title;
    struct text department_code;
    struct text department;
    struct text author;
    struct text time;
    struct text order_number;
    int64_t visible_from_ms; /* 0 = at once */
};

/* What a record holds, for proving that both sides are in step. */
struct uplink_sum {
    struct id record;
    struct text epoch;
    int64_t revision;
    int64_t count;
    uint8_t digest[HASH_BYTES];
};

struct uplink_event {
    int64_t sequence;
    enum uplink_event_type type;
    struct id record;      /* entry_*, link_decided, in_step; number_*: zero = not said */
    struct text key;       /* entry_* */
    struct uplink_put put; /* entry_put */
    struct text number;    /* number_* */
    struct text new_number;  /* number_replaced */
    struct text policy;      /* policy_changed: JSON text */
    enum uplink_match match; /* link_decided */
    struct uplink_sum sum;   /* in_step */
};
void uplink_write_event(struct json_writer *writer, const struct uplink_event *event);
/* An event that cannot be understood is not an error of the batch: `is_understood` false
 * with its sequence, to be answered "rejected". ERR_SYNTAX only without a sequence. */
MUST_CHECK bool uplink_read_event(const struct json_value *value,
                                  struct uplink_event *event, bool *is_understood,
                                  struct err *err);

struct uplink_answer {
    int64_t sequence;
    const char *rejected; /* NULL = stored; else a reason code */
};
void uplink_write_answers(struct json_writer *writer, const struct uplink_answer *answers,
                          size_t count);
/* `codes[i]` empty = stored. */
struct uplink_answers {
    int64_t *sequences;
    struct text *codes;
    size_t count;
};
MUST_CHECK bool uplink_read_answers(const struct json_value *value, struct arena *arena,
                                    struct uplink_answers *answers, struct err *err);

/* ---- POST /links, POST /links/end ---- */
struct uplink_link {
    struct id record;
    struct text number;
    struct text name;
    struct text kana;
    int32_t birth_day;
    char sex;
};
void uplink_write_link(struct json_writer *writer, const struct uplink_link *link);
MUST_CHECK bool uplink_read_link(const struct json_value *value, struct uplink_link *link,
                                 struct err *err);

/* ---- POST /snapshots, POST /digests ---- */
/* Adds a key and its version to a record's digest, or takes it out again: XOR of
 * SHA-256(key LF version), so order does not matter. */
void uplink_digest_add(uint8_t digest[HASH_BYTES], struct text key, struct text version);

struct uplink_snapshot {
    struct uplink_sum sum;
    struct text *keys; /* bytewise order */
    struct text *versions;
    size_t count;
    struct text next; /* cursor, "" = the last page */
};
void uplink_write_snapshot(struct json_writer *writer,
                           const struct uplink_snapshot *snapshot);
MUST_CHECK bool uplink_read_snapshot(const struct json_value *value, struct arena *arena,
                                     struct uplink_snapshot *snapshot, struct err *err);
void uplink_write_sum(struct json_writer *writer, const struct uplink_sum *sum);
MUST_CHECK bool uplink_read_sum(const struct json_value *value, struct uplink_sum *sum,
                                struct err *err);

/* ---- the policy of a facility (also its own policy file) ---- */
enum { UPLINK_RULES_MAX = 64, UPLINK_NAMES_MAX = 64 };

struct uplink_rule {
    uint32_t kinds;
    const struct text *professions; /* none = all */
    size_t profession_count;
    const struct text *facility_kinds;
    size_t facility_kind_count;
    const struct text *facilities; /* 10-digit codes */
    size_t facility_count;
    int64_t delay_hours;
    bool includes_sensitive; /* also what the source marks sensitive; false unless said */
};
struct uplink_policy {
    int64_t version;
    struct uplink_rule *rules; /* any that fits releases; a kind in none: to nobody */
    size_t rule_count;
    const struct text *excluded_departments;
    size_t excluded_department_count;
    int32_t from_day; /* DAY_NONE */
};
/* As the hospital wrote it: a member that is not known may be a restriction mistyped, and
 * is refused. The centre passes over such members, as everywhere. */
MUST_CHECK bool uplink_check_policy(struct span json, struct err *err);
/* Texts are copied into the arena. */
MUST_CHECK bool uplink_read_policy(struct span json, struct arena *arena,
                                   struct uplink_policy *policy, struct err *err);
struct uplink_audience {
    struct text profession;
    struct text facility_kind;
    struct text facility_code;
    bool is_for_sensitive; /* asks for what the source marks sensitive: only rules count
                              that say they include it */
};
/* Kinds of which some rule releases also what is marked sensitive. */
uint32_t uplink_sensitive_kinds(const struct uplink_policy *policy);
/* Kinds that some rule releases to somebody. */
uint32_t uplink_released_kinds(const struct uplink_policy *policy);
/* Kinds released to this audience. */
uint32_t uplink_audience_kinds(const struct uplink_policy *policy,
                               const struct uplink_audience *audience);
/* Shortest delay that any rule gives the kind; 0 when none names it. */
int64_t uplink_delay_hours(const struct uplink_policy *policy, enum entry_kind kind);
/* Shortest delay among the rules that release the kind to this audience; 0 without. */
int64_t uplink_audience_delay_hours(const struct uplink_policy *policy,
                                    const struct uplink_audience *audience,
                                    enum entry_kind kind);
bool uplink_department_is_excluded(const struct uplink_policy *policy,
                                   struct text department_code);
