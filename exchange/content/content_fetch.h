// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Fetching what belongs to an opened entry from its facility's gateway, for a call that
 * is kept until it is answered: one way for contents, originals and images.
 *
 * An answer is either taken whole, checked and given to `answer`, or passed on piece by
 * piece after `begin` has seen its head, with back-pressure up to the gateway. Permission
 * is asked before anything goes out and at every piece; when it ends, a stream is cut so
 * that the receiver can tell, the opening ends with "cut" and the gateway hears /cancel.
 * The opening's finish row sums up bytes and parts.
 *
 * Several answers of one kind may go out in one stream, as the parts of a
 * multipart/related body (RFC 2387): each is asked for when the one before has ended.
 *
 * Errors of a fetch: those of openings and of the gate; ERR_BUSY gateway_away,
 * gateway_silent, gateway_cut, gateway_refused (it sends what it should not),
 * server_busy; the gateway's own reasons (content_refusal). */

#include "base/buf.h"
#include "base/id.h"

struct content_service;
struct http_call;
struct json_value;
struct json_writer;
struct opening;
struct session_actor;

enum {
    CONTENT_PARTS_MAX = 64, /* of one stream */
    CONTENT_FIRST_MAX = 64,
    CONTENT_TYPE_MAX = 64,
    CONTENT_LOSSY_MAX = 8,
    CONTENT_STAMP_MAX = 65,
    CONTENT_WHOLE_TOTAL_MS = 30 * 1000,
    CONTENT_STREAM_TOTAL_MS = 60 * 60 * 1000
};

/* The opened entry and where it is kept; in the call's arena. */
struct content_target;
struct id content_target_facility(const struct content_target *target);

/* ---- what comes ---- */
/* What the gateway's 200 says of itself; "" where nothing was said, or too much. */
struct content_fetched {
    char type[CONTENT_TYPE_MAX];
    char lossy[CONTENT_LOSSY_MAX];    /* value of tsumugi-lossy */
    char stamp[CONTENT_STAMP_MAX];    /* value of tsumugi-stamp */
    int64_t length;                   /* < 0 = not said */
    int64_t whole_length;             /* value of tsumugi-length; < 0 = not said */
    uint8_t first[CONTENT_FIRST_MAX]; /* the way's first_bytes, or what there was */
    size_t first_bytes;
};

/* How a stream goes on. */
struct content_passage {
    int status;
    const char *type; /* a literal, or in the call's arena */
    int64_t length;   /* told to the browser; < 0 = not told */
    bool is_part;     /* after `length` bytes it is whole, whatever else there is */
};

/* What a call asks for; in the callbacks of its way. */
struct content_wish {
    const struct content_way *way;
    struct http_call *call; /* kept from content_fetch_start until it is answered */
    const struct content_target *target;
    void *context;           /* the route's, in the call's arena or longer */
    size_t part;             /* which one is asked for, from 0 */
    struct opening *opening; /* what content_count counts for */
};

/* One kind of question; static. `ask` runs in whoever asks, the others in a worker. Of
 * `answer` and `begin` exactly one is set; they run under the permission and may add
 * headers to the call. False from them: what came is not what a gateway sends; it is
 * logged and told as gateway_refused. ERR_CONFLICT from `begin` is told as it is: it is
 * not what the call goes on with. */
struct content_way {
    const char *path; /* at the gateway */
    int total_ms;
    int first_byte_ms;  /* 0 = CONTENT_FIRST_BYTE_MS */
    int64_t bytes_max;  /* of an answer; 0 = as long as it lasts (streams only) */
    size_t first_bytes; /* `begin` waits for so many, at most CONTENT_FIRST_MAX */
    /* Reads the call's parameters and writes what the gateway gets beside the entry's
     * key, for each part. NULL = nothing. */
    bool (*ask)(struct content_wish *wish, struct json_writer *writer, struct err *err);
    /* Answers the call, or asks the next question for it; content_count comes first. */
    bool (*answer)(const struct content_wish *wish, const struct content_fetched *fetched,
                   struct span body, struct err *err);
    bool (*begin)(const struct content_wish *wish, const struct content_fetched *fetched,
                  struct content_passage *passage, struct err *err);
    /* Nothing of it has been answered: answers the call, or asks the next question for
     * it. NULL = the problem is the answer. */
    void (*fail)(const struct content_wish *wish, const struct err *err);
};

/* One more part, of so many bytes, for the opening's finish row: before it is answered,
 * since whoever has the answer may end the opening. */
void content_count(const struct content_wish *wish, size_t bytes);

/* For the opening that the path's {opening} names: an entry's, of this session, else
 * ERR_MISSING not_found. True: the call is answered later. */
MUST_CHECK bool content_fetch_start(struct content_service *service,
                                    struct http_call *call, const struct content_way *way,
                                    void *context, struct err *err);

/* Decides about an entry and opens it as openEntry does; taken. `request` names the
 * decision in the audit, each its own. */
MUST_CHECK struct opening *content_open(struct content_service *service,
                                        const struct session_actor *actor,
                                        struct id entry, struct id request,
                                        struct arena *arena, struct err *err);

/* The same as content_fetch_start for an opening that is held, also from `answer` and
 * `fail` of a question that the same call asked before. */
struct content_question {
    const struct content_way *way;
    struct opening *opening; /* an entry's */
    void *context;
    size_t part_count;     /* 0 = the answer as it is, else so many in multipart */
    const char *part_type; /* a literal: of each part */
    const char *boundary;  /* copied; at most 64 characters */
};
MUST_CHECK bool content_fetch_opened(struct content_service *service,
                                     struct http_call *call,
                                     const struct content_question *question,
                                     struct err *err);

/* ---- what ways have in common ---- */
/* Exactly this type. ERR_SYNTAX content_type. */
MUST_CHECK bool content_check_type(const struct content_fetched *fetched,
                                   const char *type, struct err *err);
/* Passes on whether values were lost, which must be said, because who looks at values has
 * to know. ERR_SYNTAX frame_lossy. */
MUST_CHECK bool content_tell_lossy(const struct content_wish *wish,
                                   const struct content_fetched *fetched,
                                   struct err *err);
/* An `answer`: a picture, whole, so that nobody shows half of one. ERR_SYNTAX
 * frame_no_jpeg. */
MUST_CHECK bool content_answer_jpeg(const struct content_wish *wish,
                                    const struct content_fetched *fetched,
                                    struct span body, struct err *err);

/* ---- items, as the contract's Item ---- */
/* The array `items` of `holder`, written anew: plain texts under plain keys, bounded.
 * ERR_SYNTAX, ERR_LIMIT. */
MUST_CHECK bool content_write_items(struct json_writer *writer,
                                    const struct json_value *holder, struct err *err);
