// SPDX-License-Identifier: Apache-2.0
/* Decision first, change second, result third (architecture, "Store"). */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/admin/admin.h"
#include "exchange/audit/audit.h"

enum { USER_BYTES = 256, ENTRY_BYTES = 4096 };

static void name_of(uid_t user, char out[USER_BYTES])
{
    char buffer[ENTRY_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(user, &entry, buffer, sizeof buffer, &found) == 0 && found)
        snprintf(out, USER_BYTES, "%s", found->pw_name);
    else
        snprintf(out, USER_BYTES, "uid %u", (unsigned)user);
}

/* Whoever became root says so by himself; that helps honest people to find each other
 * again and binds nobody else. */
static bool name_user(struct admin *admin, struct text *name, struct err *err)
{
    char own[USER_BYTES];
    char both[2 * USER_BYTES];
    const char *before = getuid() == 0 ? getenv("SUDO_USER") : NULL;
    struct text checked;
    name_of(getuid(), own);
    snprintf(both, sizeof both, "%s%s%.200s", own, before ? " by " : "",
             before ? before : "");
    return text_from_utf8(span_cstr(both), &checked, err) &&
           text_copy(checked, &admin->arena, name, err);
}

bool admin_detail(struct admin *admin, const char *key, struct text value,
                  struct text *detail, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    struct span copy;
    json_open_object(&writer);
    json_put_text(&writer, key, value);
    json_close_object(&writer);
    return buf_to_arena(&out, &admin->arena, &copy, err) &&
           text_from_utf8(copy, detail, err);
}

static bool write_down(struct admin *admin, const struct admin_change *change,
                       struct audit_record *record, struct err *err)
{
    struct audit_position position;
    record->event = "admin";
    record->object = change->object;
    record->provider = change->provider;
    record->actor.factors = TEXT("shell");
    return name_user(admin, &record->actor.name, err) &&
           audit_append(admin->office.audit, record, &position, err);
}

bool admin_do(struct admin *admin, const struct admin_change *change, admin_work *work,
              void *context, struct err *err)
{
    struct audit_record decision = {.phase = AUDIT_DECISION,
                                    .verdict = "permit",
                                    .reason = change->action,
                                    .request = id_new(&admin->rand),
                                    .detail = change->detail};
    if (!write_down(admin, change, &decision, err))
        return false;
    bool is_done = work(admin, context, err);
    struct audit_record finish = {.phase = AUDIT_FINISH,
                                  .verdict = is_done ? "done" : "failed",
                                  .reason = is_done ? NULL : err->code,
                                  .request = decision.request};
    struct err late = {0};
    bool is_noted = write_down(admin, change, &finish, is_done ? err : &late);
    return is_done && is_noted;
}

struct piece {
    store_work *work;
    void *context;
};

static bool write_piece(struct admin *admin, void *context, struct err *err)
{
    const struct piece *piece = context;
    return store_write(admin->office.store, STORE_LIVE, piece->work, piece->context, err);
}

bool admin_write(struct admin *admin, const struct admin_change *change, store_work *work,
                 void *context, struct err *err)
{
    struct piece piece = {work, context};
    return admin_do(admin, change, write_piece, &piece, err);
}
