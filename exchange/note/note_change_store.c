// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "exchange/note/note_parts.h"
#include "exchange/registry/registry.h"
#include "formats/json/json.h"
#include "store/store.h"

enum { ANSWER_BYTES_MAX = 512 };

struct work {
    const struct note_change *change; /* stays: the work may run again */
    int64_t version;                  /* that was written */
    const struct disclosure_permit *permit;
    struct arena *arena;
    struct session_answer *answer;
};

/* A writer refers to nothing that it may not see at this moment. */
static bool check_pictures(struct store_session *session, const struct work *work,
                           struct err *err)
{
    struct registry_entry entry;
    const struct note_version *version = &work->change->version;
    for (size_t i = 0; i < version->picture_count; i++) {
        if (registry_read_entry(session, work->permit, version->pictures[i].entry,
                                work->arena, &entry, err))
            continue;
        if (err->kind != ERR_MISSING)
            return false;
        err_clear(err);
        return err_set(err, ERR_MISSING, "note_picture",
                       "nothing the writer may see: picture %zu", i + 1);
    }
    return true;
}

static bool refuse(const char *code, struct err *err)
{
    enum err_kind kind = strcmp(code, "not_found") == 0         ? ERR_MISSING
                         : strcmp(code, "note_not_author") == 0 ? ERR_REFUSED
                                                                : ERR_CONFLICT;
    return err_set(err, kind, code, "refused: %s", code);
}

/* The version behind the one that the actor has seen, where the rule allows it. */
static bool prepare_next(struct store_session *session, const struct note_change *change,
                         struct note_version *version, struct err *err)
{
    struct note_version found;
    const struct session_actor *actor = &change->actor;
    bool is_withdrawal = change->kind == NOTE_CHANGE_WITHDRAW;
    if (!note_find(session, version->note, &found, err))
        return false;
    struct note_facts facts = {.is_of_facility =
                                   id_equal(found.facility, actor->facility),
                               .is_author = id_equal(found.author, actor->staff),
                               .is_manager = actor->role == STAFF_MANAGER,
                               .is_newest = found.version == version->version,
                               .state = found.state};
    const char *code = note_refusal(is_withdrawal ? NOTE_WITHDRAW : NOTE_CORRECT, &facts);
    if (code)
        return refuse(code, err);
    version->state = is_withdrawal ? NOTE_WITHDRAWN : NOTE_WRITTEN;
    version->version = found.version + 1;
    return true;
}

static bool write_rows(struct store_session *session, struct work *work, struct err *err)
{
    const struct note_change *change = work->change;
    struct note_version version = change->version;
    if (!check_pictures(session, work, err))
        return false;
    if (change->kind == NOTE_CHANGE_WRITE) {
        version.version = work->version = NOTE_FIRST_VERSION;
        return note_add(session, &version, &change->actor, change->now_ms, err);
    }
    if (!prepare_next(session, change, &version, err))
        return false;
    work->version = version.version;
    return note_add_version(session, &version, &change->actor, change->now_ms, err);
}

/* What is kept as the answer has nothing of what was written. */
static bool write_body(struct work *work, struct err *err)
{
    const struct note_change *change = work->change;
    CLEANUP(buf_free) struct buf out = buf_init(ANSWER_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    struct span bytes;
    json_open_object(&writer);
    json_put_id(&writer, "id", change->version.note);
    json_put_int(&writer, "version", work->version);
    json_put_int(&writer, "written_at", change->now_ms);
    json_close_object(&writer);
    if (!buf_to_arena(&out, work->arena, &bytes, err))
        return false;
    work->answer->body = (struct text){(const char *)bytes.at, bytes.len};
    work->answer->status = change->kind == NOTE_CHANGE_WRITE ? 201 : 200;
    return true;
}

static bool write_change(struct store_session *session, void *context, struct err *err)
{
    struct work *work = context;
    const struct note_change *change = work->change;
    if (!session_once_find(session, &change->once, work->arena, work->answer, err))
        return false;
    if (work->answer->is_kept)
        return true;
    return write_rows(session, work, err) && write_body(work, err) &&
           session_once_keep(session, &change->once, work->answer->status,
                             work->answer->body, change->now_ms, err);
}

bool note_carry_out(struct note_service *service, const struct note_change *change,
                    const struct disclosure_permit *permit, struct arena *arena,
                    struct session_answer *answer, struct err *err)
{
    struct work work = {
        .change = change, .permit = permit, .arena = arena, .answer = answer};
    return store_write(service->store, STORE_LIVE, write_change, &work, err);
}

bool note_find_kept(struct note_service *service, const struct session_once *once,
                    struct arena *arena, struct session_answer *answer, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    return session && session_once_find(session, once, arena, answer, err);
}

bool note_find_person(struct note_service *service, const struct session_actor *actor,
                      struct id note, struct id *person, struct err *err)
{
    struct note_version found;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(service->store, err);
    if (!session || !note_find(session, note, &found, err))
        return false;
    *person = found.person;
    return id_equal(found.facility, actor->facility) ||
           err_set(err, ERR_MISSING, "not_found", "written by another facility");
}
