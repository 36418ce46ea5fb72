// SPDX-License-Identifier: Apache-2.0
/* What every opening of a network asks and few changes touch: who is on its list of
 * today, which facilities disclose, and how whoever asks stands: the account, the post,
 * the network's rules, the facility's code. Whatever changes one of these raises the
 * epoch in the same transaction (network_add_version, facility_add, facility_change,
 * staff_disable, staff_enable, staff_end_post; rules and codes never change), and the
 * epoch is read in the very snapshot in which they would be: the same number there means
 * the same rows there, whichever process changed them and however short ago. So nothing
 * here is older than what would be read instead. Persons, numbers and consents are never
 * kept. */
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "exchange/disclosure/disclosure_facts.h"

enum { PLACES = 64, DOERS = 1024 };

struct disclosure_known {
    pthread_mutex_t lock; /* guards what follows, and how many hold lists */
    struct disclosure_lists *places[PLACES];
    struct disclosure_doer doers[DOERS]; /* by post; of epoch 0: none */
};

struct disclosure_known *disclosure_known_new(struct err *err)
{
    struct disclosure_known *known = memory_new(1, sizeof *known, err);
    if (known)
        pthread_mutex_init(&known->lock, NULL);
    return known;
}

/* The lock is held. */
static void let_go(struct disclosure_lists *lists)
{
    if (!lists || --lists->holders > 0)
        return;
    arena_free(&lists->arena);
    memory_free(lists);
}

void disclosure_known_free(struct disclosure_known *known)
{
    if (!known)
        return;
    for (size_t i = 0; i < PLACES; i++)
        let_go(known->places[i]);
    pthread_mutex_destroy(&known->lock);
    memory_free(known);
}

static struct disclosure_lists **place_of(struct disclosure_known *known,
                                          struct id network)
{
    return &known->places[network.bytes[0] % PLACES];
}

struct disclosure_lists *disclosure_known_take(struct disclosure_known *known,
                                               struct id network, int32_t day,
                                               uint64_t epoch)
{
    pthread_mutex_lock(&known->lock);
    struct disclosure_lists *lists = *place_of(known, network);
    if (lists && id_equal(lists->participants.network, network) && lists->day == day &&
        lists->epoch == epoch)
        lists->holders++;
    else
        lists = NULL;
    pthread_mutex_unlock(&known->lock);
    return lists;
}

struct disclosure_lists *disclosure_lists_new(struct disclosure_known *known,
                                              struct err *err)
{
    struct disclosure_lists *lists = memory_new(1, sizeof *lists, err);
    if (!lists)
        return NULL;
    lists->known = known;
    lists->holders = 1;
    lists->arena = arena_init(DISCLOSURE_LISTS_BYTES);
    return lists;
}

/* A reader of an older snapshot may come later: then the next one reads anew. */
void disclosure_known_keep(struct disclosure_lists *lists)
{
    struct disclosure_known *known = lists->known;
    struct disclosure_lists **place = place_of(known, lists->participants.network);
    pthread_mutex_lock(&known->lock);
    let_go(*place);
    *place = lists;
    lists->holders++;
    pthread_mutex_unlock(&known->lock);
}

void disclosure_lists_release(struct disclosure_lists **lists)
{
    if (!*lists)
        return;
    struct disclosure_known *known = (*lists)->known;
    pthread_mutex_lock(&known->lock);
    let_go(*lists);
    pthread_mutex_unlock(&known->lock);
    *lists = NULL;
}

static struct disclosure_doer *doer_of(struct disclosure_known *known, struct id post)
{
    return &known->doers[((size_t)post.bytes[0] << 8 | post.bytes[1]) % DOERS];
}

bool disclosure_known_doer(struct disclosure_known *known,
                           const struct session_actor *actor, uint64_t epoch,
                           struct disclosure_doer *doer)
{
    pthread_mutex_lock(&known->lock);
    *doer = *doer_of(known, actor->post);
    pthread_mutex_unlock(&known->lock);
    return epoch != 0 && doer->epoch == epoch && id_equal(doer->post, actor->post) &&
           id_equal(doer->staff, actor->staff) &&
           id_equal(doer->network, actor->network) &&
           id_equal(doer->facility, actor->facility);
}

void disclosure_known_keep_doer(struct disclosure_known *known,
                                const struct disclosure_doer *doer)
{
    pthread_mutex_lock(&known->lock);
    *doer_of(known, doer->post) = *doer;
    pthread_mutex_unlock(&known->lock);
}
