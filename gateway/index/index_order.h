// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Orders of examinations and the studies of pictures that were made for them: the index
 * keeps how each names the other, and links them whenever it is asked. Whoever links
 * studies is told what changed. Errors: the store's. */

#include "gateway/index/index.h"

/* How a study and an order name each other; "" = not said. In the list of what changed
 * neither: all of the number, which was joined into another one or is no more. */
struct index_pictures {
    struct text number; /* of the patient */
    struct text study;  /* Study Instance UID */
    struct text accession;
};
struct index_order {
    struct text entry_key, version;
    enum entry_kind kind;
    enum entry_state state;
    unsigned flags; /* as the order itself says */
    int32_t day;
    struct text department_code, department, author;
};
/* The order that a study was made for: by its UID, else by its accession number. */
MUST_CHECK bool index_find_order(struct index *index, struct text number,
                                 const struct index_pictures *pictures,
                                 struct arena *arena, struct index_order *order,
                                 bool *is_known, struct err *err);
/* The study (its entry's key, and which of image and waveform it has) that opens with an
 * order's entry; "" = none. */
MUST_CHECK bool index_find_pictures(struct index *index, struct text number,
                                    struct text entry_key, struct arena *arena,
                                    struct text *study_key, unsigned *flags,
                                    struct err *err);
/* The order's entry says from now on whether there are pictures. */
MUST_CHECK bool index_mark_order(struct index *index, struct text number,
                                 const struct index_order *order, struct err *err);
/* Those that changed; each stays until it is forgotten. */
MUST_CHECK bool index_list_changed_orders(struct index *index, size_t max,
                                          struct arena *arena,
                                          struct index_pictures **changed, size_t *count,
                                          struct err *err);
MUST_CHECK bool index_forget_changed_order(struct store_session *session,
                                           const struct index_pictures *pictures,
                                           struct err *err);
/* Called from any thread after orders changed; set once, before there are threads. */
void index_watch_orders(struct index *index, void (*wake)(void *context), void *context);

/* ---- numbers ---- */
/* The number that goes on for this one, which was joined into it; else itself. */
MUST_CHECK bool index_find_successor(struct index *index, struct text number,
                                     struct arena *arena, struct text *successor,
                                     struct err *err);
/* The number under which the index has a file; "" = it does not have it. */
MUST_CHECK bool index_find_number(struct index *index, struct text path,
                                  struct arena *arena, struct text *number,
                                  struct err *err);

/* ---- pictures that a new index does not know yet ---- */
/* A new index of a hospital with pictures is filled before all of them were looked at.
 * Until that is noted it gives no snapshot, which would say that they are gone; then each
 * link's sum is told. Stays over a restart. */
MUST_CHECK bool index_await_pictures(struct index *index, struct err *err);
MUST_CHECK bool index_awaits_pictures(struct index *index, bool *is_awaited,
                                      struct err *err);
MUST_CHECK bool index_note_pictures(struct index *index, struct err *err);
