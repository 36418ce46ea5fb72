// SPDX-License-Identifier: Apache-2.0
/* On the way to a study: what this person's viewer may see is opened, one entry after
 * another, and its list is asked for, until it is the one or all were looked at. An entry
 * of an order says only at its gateway which study it shows. A turn ends with an answer
 * or with a question that goes on in a worker. */
#include <string.h>

#include "base/memory.h"
#include "exchange/dicomweb/dicomweb_parts.h"
#include "exchange/disclosure/disclosure.h"
#include "exchange/permit/permit.h"
#include "wire/http/http.h"

enum { LARGE_LIST_BYTES = 1 << 20, LIST_BYTES_MAX = 8 << 20, OBJECT_BYTES_MAX = 16384 };

/* How a study's own entry is called at every gateway: "-/DICOM/<UID>", and what follows.
 */
#define OWN_KEY "-/DICOM/"

/* What became of one entry. */
enum turn {
    TURN_NEXT, /* it is not the one, or there may be more */
    TURN_OVER, /* answered, or asked */
    TURN_FAILED
};

static struct dicomweb_key key_of(const struct dicomweb_errand *errand, struct id entry)
{
    return (struct dicomweb_key){errand->actor.session, errand->person, entry};
}

static struct id new_request(const struct dicomweb_errand *errand)
{
    return id_new(&errand->service->config.rand);
}

/* ---- what may be seen ---- */

static struct opening *open_person(const struct dicomweb_errand *errand, struct err *err)
{
    struct disclosure_request request = {.purpose = PERMIT_CARE,
                                         .event = "calendar",
                                         .request = new_request(errand),
                                         .actor = &errand->actor,
                                         .person = errand->person,
                                         .day = DAY_NONE};
    return opening_begin(errand->service->config.openings, &request, (struct id){{0}},
                         err);
}

static struct opening *take_kept(const struct dicomweb_errand *errand,
                                 const struct dicomweb_key *key,
                                 struct dicomweb_list **list, struct err *err)
{
    struct id handle;
    if (!dicomweb_find_kept(errand->service->kept, key, &handle, list))
        return NULL;
    struct opening *opening =
        opening_take(errand->service->config.openings, handle, &errand->actor, err);
    if (opening)
        return opening;
    dicomweb_list_release(list);
    if (err->kind == ERR_MISSING)
        err_clear(err); /* it has ended: one may open it again */
    return NULL;
}

static struct opening *take_person(const struct dicomweb_errand *errand, struct err *err)
{
    struct dicomweb_key key = key_of(errand, (struct id){{0}});
    struct dicomweb_list *none = NULL;
    struct opening *opening = take_kept(errand, &key, &none, err);
    if (opening || err->kind != ERR_NONE)
        return opening;
    opening = open_person(errand, err);
    if (opening)
        dicomweb_keep(errand->service->kept, &key, opening_handle(opening), NULL);
    return opening;
}

/* Those of the page before come again when they are of the page's last day. */
static void drop_seen(const struct registry_entry *before, size_t before_count,
                      struct registry_entry *entries, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool is_new = true;
        for (size_t k = 0; k < before_count; k++)
            is_new = is_new && !id_equal(before[k].id, entries[i].id);
        if (is_new)
            entries[kept++] = entries[i];
    }
    *count = kept;
}

/* The first page, or the one behind it. */
static bool list_entries(struct dicomweb_errand *errand, struct err *err)
{
    const struct registry_entry *before = errand->is_listed ? errand->entries : NULL;
    size_t before_count = before ? errand->count : 0;
    int32_t to = before ? before[before_count - 1].day : errand->query.to;
    CLEANUP(opening_release) struct opening *opening = take_person(errand, err);
    if (!opening)
        return false;
    const int32_t range[2] = {errand->query.from, to};
    if (!dicomweb_list_entries(errand->service->config.store, opening_permit(opening),
                               range, http_arena(errand->call), &errand->entries,
                               &errand->count, err))
        return false;
    errand->at = 0;
    errand->is_listed = true;
    errand->has_page = errand->count == REGISTRY_PAGE_MAX;
    drop_seen(before, before_count, errand->entries, &errand->count);
    errand->has_page = errand->has_page && errand->count > 0;
    return true;
}

/* An entry under which this session has seen the study already. */
static bool remember_entry(struct dicomweb_errand *errand, struct err *err)
{
    struct dicomweb_key key = key_of(errand, (struct id){{0}});
    if (errand->goal->is_search ||
        !dicomweb_find_study(errand->service->kept, &key, errand->study))
        return true;
    errand->entries = ARENA_NEW(http_arena(errand->call), struct registry_entry, err);
    if (!errand->entries)
        return false;
    errand->entries->id = key.entry;
    errand->entries->source_key = TEXT("");
    errand->count = 1;
    return true;
}

/* ---- one study ---- */

/* A study that several entries show is one. */
static bool is_seen(const struct dicomweb_errand *errand, struct text uid)
{
    for (size_t i = 0; i < errand->seen_count; i++)
        if (text_equal(errand->seen[i], uid))
            return true;
    return false;
}

static bool note_seen(struct dicomweb_errand *errand, struct text uid, struct err *err)
{
    struct arena *arena = http_arena(errand->call);
    struct text *grown =
        arena_grow(arena, errand->seen, errand->seen_count, errand->seen_count + 1,
                   sizeof *grown, &errand->seen_room, err);
    if (!grown)
        return false;
    errand->seen = grown;
    return text_copy(uid, arena, &grown[errand->seen_count++], err);
}

static bool tell_study(struct dicomweb_errand *errand, const struct dicomweb_study *study,
                       struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(OBJECT_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    struct text json = {0};
    struct span copy = {0};
    dicomweb_write_study(&writer, study, errand->base);
    if (!buf_to_arena(&out, http_arena(errand->call), &copy, err) ||
        !text_from_utf8(copy, &json, err))
        return false;
    errand->found[errand->found_count++] =
        (struct dicomweb_found){errand->entries[errand->at].id, json};
    return true;
}

static enum turn see_study(struct dicomweb_errand *errand, struct opening *opening,
                           const struct dicomweb_study *study, struct err *err)
{
    if (!errand->goal->is_search) {
        if (!text_equal(study->uid, errand->study))
            return TURN_NEXT;
        return errand->goal->arrive(errand, opening, study, err) ? TURN_OVER
                                                                 : TURN_FAILED;
    }
    if (study->uid.len == 0 || !dicomweb_matches(&errand->query, study) ||
        is_seen(errand, study->uid))
        return TURN_NEXT;
    if (!note_seen(errand, study->uid, err))
        return TURN_FAILED;
    if (errand->seen_count > errand->query.offset && !tell_study(errand, study, err))
        return TURN_FAILED;
    return TURN_NEXT;
}

/* ---- its list ---- */

static void go_on(struct dicomweb_errand *errand);

static struct dicomweb_list *read_list(struct dicomweb_service *service, struct span body,
                                       struct err *err)
{
    bool is_large = body.len > LARGE_LIST_BYTES;
    if (is_large)
        pthread_mutex_lock(&service->large);
    struct dicomweb_list *list = dicomweb_list_read(body, err);
    if (is_large)
        pthread_mutex_unlock(&service->large);
    return list;
}

static void fail(struct dicomweb_errand *errand, const struct err *err)
{
    session_answer_problem(errand->call, err);
}

/* False: nothing came of it, and the next one is looked at. `entry`: whose facility need
 * not be asked once more when it is silent; NULL = nobody is asked any more. */
static bool ends_it(struct dicomweb_errand *errand, const struct registry_entry *entry,
                    const struct err *err)
{
    bool is_over = err->kind == ERR_SYSTEM || err->kind == ERR_LIMIT ||
                   (err->code && strncmp(err->code, "session_", 8) == 0);
    if (is_over)
        return true;
    if (err->kind == ERR_MISSING || err->kind == ERR_REFUSED)
        return false; /* no study, or not any more */
    if (errand->fault.kind == ERR_NONE)
        errand->fault = *err;
    bool is_silent = err->code && (strcmp(err->code, "gateway_away") == 0 ||
                                   strcmp(err->code, "gateway_silent") == 0);
    if (entry && is_silent && errand->silent_count < DICOMWEB_LIMIT_MAX)
        errand->silent[errand->silent_count++] = entry->facility;
    return false;
}

static void skip(struct dicomweb_errand *errand, const struct err *err)
{
    if (ends_it(errand, &errand->entries[errand->at], err)) {
        fail(errand, err);
        return;
    }
    errand->at++;
    go_on(errand);
}

static bool take_list(const struct content_wish *wish,
                      const struct content_fetched *fetched, struct span body,
                      struct err *err)
{
    struct dicomweb_errand *errand = wish->context;
    struct err fault = {0};
    struct dicomweb_key key = key_of(errand, errand->entries[errand->at].id);
    if (strcmp(fetched->type, "application/json") != 0)
        return err_set(err, ERR_SYNTAX, "content_type", "not application/json");
    CLEANUP(dicomweb_list_release)
    struct dicomweb_list *list = read_list(errand->service, body, err);
    if (!list)
        return false;
    struct id handle;
    struct dicomweb_list *former = NULL;
    bool is_kept = dicomweb_find_kept(errand->service->kept, &key, &handle, &former);
    dicomweb_list_release(&former);
    CLEANUP(opening_release)
    struct opening *opening = is_kept ? opening_take(errand->service->config.openings,
                                                     handle, &errand->actor, &fault)
                                      : NULL;
    content_count(wish, 0); /* counted by what goes out of it */
    if (!opening) {
        skip(errand, &fault);
        return true;
    }
    dicomweb_keep(errand->service->kept, &key, handle, list);
    enum turn turn = see_study(errand, opening, dicomweb_list_study(list), &fault);
    if (turn == TURN_FAILED) {
        fail(errand, &fault);
    } else if (turn == TURN_NEXT) {
        errand->at++;
        go_on(errand);
    }
    return true;
}

/* Remembered too, so that the next search does not ask for it again. */
static void keep_none(struct dicomweb_errand *errand)
{
    struct err err = {0};
    struct id handle;
    struct dicomweb_key key = key_of(errand, errand->entries[errand->at].id);
    CLEANUP(dicomweb_list_release) struct dicomweb_list *former = NULL;
    CLEANUP(dicomweb_list_release) struct dicomweb_list *none = dicomweb_list_none(&err);
    if (none && dicomweb_find_kept(errand->service->kept, &key, &handle, &former))
        dicomweb_keep(errand->service->kept, &key, handle, none);
}

static void list_failed(const struct content_wish *wish, const struct err *err)
{
    if (err->kind == ERR_MISSING)
        keep_none(wish->context);
    skip(wish->context, err);
}

static bool ask_list(struct dicomweb_errand *errand, struct opening *opening,
                     struct err *err)
{
    static const struct content_way way = {.path = "/study",
                                           .total_ms = CONTENT_WHOLE_TOTAL_MS,
                                           .bytes_max = LIST_BYTES_MAX,
                                           .answer = take_list,
                                           .fail = list_failed};
    struct content_question question = {
        .way = &way, .opening = opening, .context = errand};
    return content_fetch_opened(errand->service->config.contents, errand->call, &question,
                                err);
}

/* ---- entry by entry ---- */

/* Decided about once in a session, as long as that opening lasts. */
static struct opening *take_entry(struct dicomweb_errand *errand, struct id entry,
                                  struct dicomweb_list **list, struct err *err)
{
    struct dicomweb_key key = key_of(errand, entry);
    struct opening *opening = take_kept(errand, &key, list, err);
    if (opening || err->kind != ERR_NONE)
        return opening;
    opening = content_open(errand->service->config.contents, &errand->actor, entry,
                           new_request(errand), http_arena(errand->call), err);
    if (opening)
        dicomweb_keep(errand->service->kept, &key, opening_handle(opening), NULL);
    return opening;
}

static bool is_wanted(const struct dicomweb_errand *errand)
{
    const struct registry_entry *entry = &errand->entries[errand->at];
    struct span uid = text_span(entry->source_key);
    struct text wanted = errand->goal->is_search ? errand->query.studies : errand->study;
    for (size_t i = 0; i < errand->silent_count; i++)
        if (id_equal(errand->silent[i], entry->facility))
            return false;
    if (!span_starts(uid, OWN_KEY))
        return true;
    uid = span_part(uid, strlen(OWN_KEY), uid.len);
    struct span own = {0};
    return !span_take(&uid, '/', &own) ||
           dicomweb_lists_uid(wanted, (struct text){(const char *)own.at, own.len});
}

static enum turn visit(struct dicomweb_errand *errand, struct err *err)
{
    CLEANUP(dicomweb_list_release) struct dicomweb_list *list = NULL;
    CLEANUP(opening_release) struct opening *opening = NULL;
    if (!is_wanted(errand))
        return TURN_NEXT;
    opening = take_entry(errand, errand->entries[errand->at].id, &list, err);
    if (opening && list)
        return see_study(errand, opening, dicomweb_list_study(list), err);
    if (opening && ask_list(errand, opening, err))
        return TURN_OVER;
    return ends_it(errand, &errand->entries[errand->at], err) ? TURN_FAILED : TURN_NEXT;
}

/* Nobody's study, as far as this viewer may know; guessing shows in the audit. */
static bool deny(struct dicomweb_errand *errand, struct err *err)
{
    struct disclosure_request request = {.purpose = PERMIT_CARE,
                                         .event = "entry",
                                         .request = new_request(errand),
                                         .actor = &errand->actor,
                                         .person = errand->person,
                                         .object = TEXT(""),
                                         .department = TEXT(""),
                                         .day = DAY_NONE};
    if (errand->fault.kind != ERR_NONE) {
        *err = errand->fault;
        return false;
    }
    (void)err_set(err, ERR_MISSING, "not_found", "no such study");
    return disclosure_deny_missing(errand->service->config.gate, &request,
                                   http_arena(errand->call), err);
}

static bool is_full(const struct dicomweb_errand *errand)
{
    return errand->goal->is_search && errand->found_count >= errand->query.limit;
}

/* What was allowed when it was looked at may not be any more when it is told; one that
 * had to make room in between is opened again. What could not be asked about is missing,
 * and that is said. */
static bool drop_refused(struct dicomweb_errand *errand, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < errand->found_count; i++) {
        struct err fault = {0};
        CLEANUP(dicomweb_list_release) struct dicomweb_list *list = NULL;
        CLEANUP(opening_release)
        struct opening *opening =
            take_entry(errand, errand->found[i].entry, &list, &fault);
        if (opening) {
            opening_count(opening, (int64_t)errand->found[i].json.len, 1);
            errand->found[kept++] = errand->found[i];
        } else if (ends_it(errand, NULL, &fault)) {
            *err = fault;
            return false;
        }
    }
    errand->found_count = kept;
    return true;
}

static enum turn turn_once(struct dicomweb_errand *errand, struct err *err)
{
    if (errand->at < errand->count && !is_full(errand)) {
        enum turn turn = visit(errand, err);
        if (turn == TURN_NEXT) /* else it may be over, and gone */
            errand->at++;
        return turn;
    }
    if (!errand->is_listed || (errand->has_page && !is_full(errand)))
        return list_entries(errand, err) ? TURN_NEXT : TURN_FAILED;
    if (!errand->goal->is_search)
        return deny(errand, err) ? TURN_OVER : TURN_FAILED;
    return drop_refused(errand, err) && errand->goal->conclude(errand, err) ? TURN_OVER
                                                                            : TURN_FAILED;
}

static void go_on(struct dicomweb_errand *errand)
{
    enum turn turn = TURN_NEXT;
    while (turn == TURN_NEXT) {
        struct err err = {0};
        turn = turn_once(errand, &err);
        if (turn == TURN_FAILED)
            fail(errand, &err);
    }
}

void dicomweb_set_out(struct dicomweb_errand *errand)
{
    struct err err = {0};
    errand->found = ARENA_MANY(http_arena(errand->call), struct dicomweb_found,
                               errand->query.limit + 1, &err);
    if (!errand->found || !remember_entry(errand, &err))
        fail(errand, &err);
    else
        go_on(errand);
}

void dicomweb_part_failed(const struct content_wish *wish, const struct err *err)
{
    struct dicomweb_errand *errand = wish->context;
    if (errand->is_repeated || !err->code || strcmp(err->code, "study_changed") != 0) {
        fail(errand, err);
        return;
    }
    struct dicomweb_key key = key_of(errand, errand->entries[errand->at].id);
    struct dicomweb_list *list = NULL;
    struct id handle;
    if (dicomweb_find_kept(errand->service->kept, &key, &handle, &list)) {
        dicomweb_list_release(&list);
        dicomweb_keep(errand->service->kept, &key, handle, NULL);
    }
    errand->is_repeated = true;
    go_on(errand);
}
