// SPDX-License-Identifier: Apache-2.0
/* Who may hear of a change while a calendar is open. */
#include <string.h>

#include "exchange/opening/opening_parts.h"

static bool covers_row(const struct permit_grant *grant, const struct opening_news *news)
{
    uint32_t kinds = news->is_sensitive ? grant->sensitive_kinds : grant->kinds;
    enum entry_row row = news->row;
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++)
        if ((kinds >> kind & 1U) &&
            (row == ENTRY_ROW_NONE || entry_kind_row((enum entry_kind)kind) == row))
            return true;
    return false;
}

static bool covers(const struct disclosure_permit *permit,
                   const struct opening_news *news)
{
    const struct permit_contents *contents = permit_read(permit);
    for (size_t i = 0; i < contents->grant_count; i++)
        if (id_equal(contents->grants[i].provider, news->provider) &&
            covers_row(&contents->grants[i], news))
            return true;
    return !news->is_content;
}

static bool is_calendar_of(const struct opening *opening, struct id person)
{
    return id_equal(opening->request.person, person) && id_is_zero(opening->object);
}

/* Holds what is open of a person's calendars, or of a session's openings. */
static size_t hold_of_person(struct opening_table *table, struct id person,
                             struct opening **held, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&table->lock);
    struct opening *one = *opening_person_of(table, person);
    for (; one && count < max; one = one->by_person.next) {
        if (!is_calendar_of(one, person))
            continue;
        one->holders++;
        held[count++] = one;
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

static size_t hold_of_session(struct opening_table *table, struct hash session,
                              struct opening **held, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&table->lock);
    const struct opening_session *all = opening_session_of(table, session);
    struct opening *one = all ? all->newest : NULL;
    for (; one && count < max; one = one->by_session.next) {
        one->holders++;
        held[count++] = one;
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

static bool may_hear(struct opening *opening, const struct opening_news *news,
                     bool *is_unsure)
{
    struct err err = {0};
    if (!news->is_content)
        return true;
    if (!opening_holds(opening, &err)) {
        bool has_changed = err.kind == ERR_REFUSED && err.code &&
                           strcmp(err.code, "permission_changed") == 0;
        if (has_changed)
            err_clear(&err);
        if (!has_changed || !opening_renew(opening, &err)) {
            *is_unsure |= err.kind == ERR_BUSY || err.kind == ERR_SYSTEM;
            return false;
        }
    }
    return covers(opening_permit(opening), news);
}

size_t opening_watchers(struct opening_table *table, const struct opening_news *news,
                        struct hash *sessions, size_t max, bool *is_unsure)
{
    struct opening *held[OPENING_WATCHERS_MAX];
    size_t count = hold_of_person(table, news->person, held, OPENING_WATCHERS_MAX);
    size_t hearing = 0;
    for (size_t i = 0; i < count; i++) {
        if (hearing < max && may_hear(held[i], news, is_unsure))
            sessions[hearing++] = held[i]->actor.session;
        opening_release(&held[i]);
    }
    return hearing;
}

void opening_renew_session(struct opening_table *table, struct hash session)
{
    struct opening *held[OPENING_PER_SESSION_MAX];
    size_t count = hold_of_session(table, session, held, OPENING_PER_SESSION_MAX);
    for (size_t i = 0; i < count; i++) {
        struct err err = {0};
        (void)!opening_holds_now(held[i], &err);
        opening_release(&held[i]);
    }
}

bool opening_watches(struct opening_table *table, struct hash session,
                     const struct opening_news *news)
{
    bool is_watching = false;
    struct err err = {0};
    pthread_mutex_lock(&table->lock);
    const struct opening_session *all = opening_session_of(table, session);
    const struct opening *one = all ? all->newest : NULL;
    for (; one && !is_watching; one = one->by_session.next)
        is_watching =
            is_calendar_of(one, news->person) &&
            (!news->is_content ||
             (disclosure_still_holds(table->config.gate, one->permit->permit, &err) &&
              covers(one->permit->permit, news)));
    pthread_mutex_unlock(&table->lock);
    return is_watching;
}
