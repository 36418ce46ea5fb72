// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/dicomweb: a study's list and what is said of it (dicomweb.c), what
 * a client asks for (dicomweb_asked.c), lists that are remembered (dicomweb_kept.c),
 * finding the study (dicomweb_find_api.c), what searches answer (dicomweb_search_api.c),
 * the routes and what is fetched for them (dicomweb_api.c). */

#include <pthread.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/rand.h"
#include "exchange/content/content_fetch.h"
#include "exchange/dicomweb/dicomweb.h"
#include "exchange/opening/opening.h"
#include "exchange/registry/registry.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"

#define DICOMWEB_JSON "application/dicom+json" /* PS3.18 annex F */

enum {
    DICOMWEB_UID_MAX = 64,
    DICOMWEB_FRAMES_MAX = CONTENT_PARTS_MAX, /* of one list */
    DICOMWEB_FRAME_NUMBER_MAX = 1000000,
    DICOMWEB_LIMIT_USUAL = 20, /* studies; each is asked for at its gateway */
    DICOMWEB_LIMIT_MAX = 50,
    DICOMWEB_LIST_MAX = 20000, /* series and instances; those of a study */
    DICOMWEB_TEXT_MAX = 1024
};

/* ---- dicomweb.c ---- */
struct dicomweb_instance {
    struct text uid;
    struct text sop_class; /* "" from a gateway that does not say it */
    int64_t number, frames, rows, columns, bits;
};
struct dicomweb_series {
    struct text uid, modality, description, body_part, laterality, kind;
    int64_t number;
    struct dicomweb_instance *instances;
    size_t count;
};
struct dicomweb_study {
    struct text uid, date, time, description, accession;
    struct text *modalities;
    size_t modality_count;
    struct dicomweb_series *series;
    size_t count;
    size_t instance_count;
    bool is_cut;            /* the facility has more than is listed … */
    int64_t instance_total; /* … in all; 0 = it does not say of how many */
};
/* Digits and dots, at most 64. */
bool dicomweb_is_uid(struct span text);
/* Copies what a gateway says. ERR_SYNTAX, ERR_LIMIT: nothing of it is shown then. */
MUST_CHECK bool dicomweb_read_study(struct span body, struct arena *arena,
                                    struct dicomweb_study *study, struct err *err);
/* One object of the DICOM JSON Model each (PS3.18 F.2); `base` is the person's URL. */
void dicomweb_write_study(struct json_writer *writer, const struct dicomweb_study *study,
                          const char *base);
void dicomweb_write_series(struct json_writer *writer, const struct dicomweb_study *study,
                           size_t series, const char *base);
void dicomweb_write_instance(struct json_writer *writer,
                             const struct dicomweb_study *study, const size_t place[2],
                             const char *base);

/* ---- dicomweb_asked.c ---- */
/* Of a search: texts are "" where nothing was asked. */
struct dicomweb_query {
    struct text studies, series, instances; /* UIDs, one or a list */
    struct text accession, modality;        /* with * and ? */
    int32_t from, to;                       /* DAY_NONE and INT32_MAX: any, also none */
    size_t limit, offset;
    bool is_fuzzy; /* asked for, which is not done */
};
enum dicomweb_level { DICOMWEB_STUDIES, DICOMWEB_SERIES, DICOMWEB_INSTANCES };
struct dicomweb_query dicomweb_no_query(enum dicomweb_level level);
/* Takes one parameter. ERR_SYNTAX query_invalid: also for what is not searched by. */
MUST_CHECK bool dicomweb_take_parameter(struct dicomweb_query *query,
                                        enum dicomweb_level level, struct span name,
                                        struct span value, struct err *err);
bool dicomweb_lists_uid(struct text list, struct text uid); /* "" lists all */
bool dicomweb_is_like(struct text pattern, struct text value);
bool dicomweb_matches(const struct dicomweb_query *query,
                      const struct dicomweb_study *study);
/* Numbers from 1, comma between them → from 0. ERR_SYNTAX frame_invalid. */
MUST_CHECK bool dicomweb_read_frames(struct span list, int64_t *frames, size_t *count,
                                     struct err *err);
/* Whether an Accept (RFC 9110 12.5.1, PS3.18 8.7.5) takes the media; of multipart also
 * its type; of both the transfer syntax, which must not be named when it is NULL. */
struct dicomweb_media {
    const char *media;
    const char *type;   /* of multipart, or NULL */
    const char *syntax; /* or NULL: as it is stored */
};
bool dicomweb_accepts(struct span accept, const struct dicomweb_media *media);

/* ---- dicomweb_kept.c ---- */
/* A study's list as it came under an opening; shared, never changed. */
struct dicomweb_list;
MUST_CHECK struct dicomweb_list *dicomweb_list_read(struct span body, struct err *err);
/* Of an entry that shows no study: its UID is "". */
MUST_CHECK struct dicomweb_list *dicomweb_list_none(struct err *err);
const struct dicomweb_study *dicomweb_list_study(const struct dicomweb_list *list);
void dicomweb_list_release(struct dicomweb_list **list); /* for CLEANUP */

struct dicomweb_kept; /* *owned* by the service; threads share it */
MUST_CHECK struct dicomweb_kept *dicomweb_kept_new(const struct clock *clock,
                                                   struct err *err);
void dicomweb_kept_free(struct dicomweb_kept *kept);
struct dicomweb_key {
    struct hash session;
    struct id person;
    struct id entry; /* zero: the person's own opening */
};
/* `list` may be NULL; it is held on. */
void dicomweb_keep(struct dicomweb_kept *kept, const struct dicomweb_key *key,
                   struct id opening, struct dicomweb_list *list);
/* The list is held for the caller, or NULL: one that is older than a minute is read
 * again. False: no opening is known. */
bool dicomweb_find_kept(struct dicomweb_kept *kept, const struct dicomweb_key *key,
                        struct id *opening, struct dicomweb_list **list);
/* Under which entry this session has seen the study of that person; key->entry is set. */
bool dicomweb_find_study(struct dicomweb_kept *kept, struct dicomweb_key *key,
                         struct text uid);

/* ---- dicomweb_store.c ---- */
/* registry_read_pictures of a snapshot of its own. */
MUST_CHECK bool dicomweb_list_entries(struct store *store,
                                      const struct disclosure_permit *permit,
                                      const int32_t range[2], struct arena *arena,
                                      struct registry_entry **entries, size_t *count,
                                      struct err *err);

/* ---- dicomweb_find_api.c ---- */
struct dicomweb_service {
    struct dicomweb_config config;
    struct dicomweb_kept *kept;
    pthread_mutex_t large; /* large lists are read one at a time */
};

struct dicomweb_found {
    struct id entry;
    struct text json;
};

/* What a call is on its way for; in its arena. */
struct dicomweb_errand {
    struct dicomweb_service *service;
    struct http_call *call;
    const struct dicomweb_goal *goal;
    struct session_actor actor;
    struct id person;
    char base[256]; /* the person's URL */
    struct dicomweb_query query;
    struct text study, series, instance; /* "" = none is named */
    int64_t frames[DICOMWEB_FRAMES_MAX];
    size_t frame_count;
    struct id_text boundary;
    size_t place[2]; /* of series and instance, once found */
    /* the way there */
    struct registry_entry *entries;
    size_t count, at;
    bool is_listed;   /* all that may be seen, not what was remembered */
    bool has_page;    /* behind these entries there may be more */
    bool is_repeated; /* the list had changed once */
    struct id silent[DICOMWEB_LIMIT_MAX]; /* facilities that did not answer */
    size_t silent_count;
    struct err fault;  /* of the first of them */
    struct text *seen; /* UIDs of the studies that match */
    size_t seen_count, seen_room;
    struct dicomweb_found *found; /* what is told of them, behind the offset */
    size_t found_count;
};

struct dicomweb_goal {
    bool is_search; /* of studies: all of them are looked at */
    /* With the study found: answers or asks, unless false. */
    bool (*arrive)(struct dicomweb_errand *errand, struct opening *opening,
                   const struct dicomweb_study *study, struct err *err);
    /* All were looked at. */
    bool (*conclude)(struct dicomweb_errand *errand, struct err *err);
};
/* Answers, now or later. */
void dicomweb_set_out(struct dicomweb_errand *errand);
/* With an answer that is about all of the study: that this is not all there is. */
void dicomweb_warn_of_cut(struct dicomweb_errand *errand,
                          const struct dicomweb_study *study);
/* For `fail` of a fetch: a list that has changed is read again once. */
void dicomweb_part_failed(const struct content_wish *wish, const struct err *err);

/* ---- dicomweb_search_api.c ---- */
extern const struct dicomweb_goal dicomweb_search_studies;
extern const struct dicomweb_goal dicomweb_search_series;
extern const struct dicomweb_goal dicomweb_search_instances;
