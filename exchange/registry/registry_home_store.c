// SPDX-License-Identifier: Apache-2.0
/* The home page: whom this post looked at lately, who of them has something new, and
 * registrations that are not finished. Numbers of new entries are counted under a permit
 * that allows counting only. */
#include <stdio.h>

#include "exchange/disclosure/disclosure.h"
#include "exchange/registry/registry_answer.h"
#include "store/store.h"

enum { RECENT_MAX = 12, LOOKS_MAX = 40, COUNT_ARENA_BYTES = 1 << 20 };

struct home_person {
    struct patient_summary summary;
    int64_t looked_at_ms;
    int64_t new_count;
};

struct home {
    struct registry_service *service;
    const struct disclosure_scope *scope;
    const struct session_actor *actor;
    struct arena *arena;
    int32_t today;
    struct home_person persons[LOOKS_MAX];
    size_t person_count;
    struct patient_page unfinished;
    struct patient_page suspended;
    int64_t unfinished_total;
    int64_t suspended_total;
};

/* Somebody whom the viewer may not recognise any more is left out. */
static bool add_person(struct home *home, struct store_session *session,
                       const struct registry_look *look, struct err *err)
{
    struct home_person *person = &home->persons[home->person_count];
    person->looked_at_ms = look->looked_at_ms;
    if (patient_summarise(session, home->scope, look->person, home->today, home->arena,
                          &person->summary, err)) {
        home->person_count++;
        return true;
    }
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

static bool read_pending(struct home *home, struct store_session *session,
                         enum patient_pending which, struct patient_page *page,
                         struct err *err)
{
    struct patient_pending_query query = {.which = which, .today = home->today};
    return patient_list_pending(session, home->scope, &query, home->arena, page, err);
}

static bool read_lists(struct home *home, struct err *err)
{
    struct registry_look *looks = NULL;
    size_t count = 0;
    if (!registry_keep_looks(home->service->registry, err))
        return false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(home->service->store, err);
    if (!session || !registry_read_looks(session, home->scope, home->actor->post,
                                         LOOKS_MAX, home->arena, &looks, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!add_person(home, session, &looks[i], err))
            return false;
    return read_pending(home, session, PATIENT_UNFINISHED, &home->unfinished, err) &&
           read_pending(home, session, PATIENT_NUMBER_SUSPENDED, &home->suspended, err) &&
           patient_count_pending(session, home->scope, PATIENT_UNFINISHED,
                                 &home->unfinished_total, err) &&
           patient_count_pending(session, home->scope, PATIENT_NUMBER_SUSPENDED,
                                 &home->suspended_total, err);
}

/* Whoever may see nothing of the person has nothing new. */
static bool count_new(struct home *home, struct home_person *person, struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(COUNT_ARENA_BYTES);
    const struct disclosure_permit *permit = disclosure_peek(
        home->service->gate, home->actor, person->summary.id, &arena, err);
    if (!permit) {
        if (err->kind != ERR_REFUSED && err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        return true;
    }
    CLEANUP(store_read_end)
    struct store_session *session = store_read(home->service->store, err);
    return session && registry_count_new(session, permit, person->looked_at_ms,
                                         &person->new_count, err);
}

static void write_person(struct json_writer *writer, const struct home_person *person)
{
    json_open_object(writer);
    patient_write_summary_members(writer, &person->summary);
    json_put_int(writer, "viewed_at", person->looked_at_ms);
    json_put_int(writer, "new_count", person->new_count);
    json_close_object(writer);
}

static void write_links(struct json_writer *writer, const char *key,
                        const struct patient_page *page, struct id viewer)
{
    json_key(writer, key);
    json_open_array(writer);
    for (size_t i = 0; i < page->count; i++) {
        json_open_object(writer);
        json_key(writer, "person");
        patient_write_summary(writer, &page->items[i].person);
        json_key(writer, "link");
        patient_write_link(writer, &page->items[i].link, viewer);
        json_close_object(writer);
    }
    json_close_array(writer);
}

/* "<at>.<record>" of the last row given, as registry_api reads it. */
static void write_next(struct json_writer *writer, const char *key,
                       const struct patient_place *next)
{
    char cursor[REGISTRY_PLACE_BYTES];
    struct id_text record = id_to_text(next->record);
    struct text text = id_view(&record);
    json_key(writer, key);
    if (id_is_zero(next->record)) {
        json_null_value(writer);
        return;
    }
    snprintf(cursor, sizeof cursor, "%lld.%.*s", (long long)next->at_ms, (int)text.len,
             text.at);
    json_cstr_value(writer, cursor);
}

static void write_home(struct json_writer *writer, const struct home *home)
{
    json_open_object(writer);
    json_key(writer, "recent");
    json_open_array(writer);
    for (size_t i = 0; i < home->person_count && i < RECENT_MAX; i++)
        write_person(writer, &home->persons[i]);
    json_close_array(writer);
    json_key(writer, "news");
    json_open_array(writer);
    for (size_t i = 0; i < home->person_count; i++)
        if (home->persons[i].new_count > 0)
            write_person(writer, &home->persons[i]);
    json_close_array(writer);
    write_links(writer, "unfinished", &home->unfinished, home->actor->facility);
    write_next(writer, "unfinished_next", &home->unfinished.next);
    json_put_int(writer, "unfinished_total", home->unfinished_total);
    write_links(writer, "suspended", &home->suspended, home->actor->facility);
    write_next(writer, "suspended_next", &home->suspended.next);
    json_put_int(writer, "suspended_total", home->suspended_total);
    json_close_object(writer);
}

bool registry_answer_home(struct registry_service *service,
                          const struct disclosure_scope *scope,
                          const struct session_actor *actor, struct arena *arena,
                          struct buf *out, struct err *err)
{
    struct home *home = ARENA_NEW(arena, struct home, err);
    if (!home)
        return false;
    home->service = service;
    home->scope = scope;
    home->actor = actor;
    home->arena = arena;
    home->today = day_of_instant(clock_wall_ms(&service->clock));
    if (!read_lists(home, err))
        return false;
    for (size_t i = 0; i < home->person_count; i++)
        if (!count_new(home, &home->persons[i], err))
            return false;
    struct json_writer writer = json_writer(out);
    write_home(&writer, home);
    return buf_check(out, err);
}

bool registry_answer_pending(struct registry_service *service,
                             const struct disclosure_scope *scope,
                             const struct registry_pending *pending, struct arena *arena,
                             struct buf *out, struct err *err)
{
    struct patient_page page;
    struct patient_pending_query query = pending->query;
    query.today = day_of_instant(clock_wall_ms(&service->clock));
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    if (!session || !patient_list_pending(session, scope, &query, arena, &page, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    write_links(&writer, "links", &page, pending->viewer);
    write_next(&writer, "next", &page.next);
    json_close_object(&writer);
    return buf_check(out, err);
}
