// SPDX-License-Identifier: Apache-2.0
#include "exchange/facility/facility.h"
#include "base/day.h"
#include "cli/admin/admin.h"
#include "exchange/session/session.h"
#include "wire/tls/tls.h"

enum { DAY_MS = 86400000 };

/* ---- facilities ---- */

static bool find_code(struct admin *admin, struct facility *facility, struct err *err)
{
    struct text code;
    if (!admin_next(admin, &code, err))
        return false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    return session && facility_find_code(session, code, &admin->arena, facility, err);
}

/* What is not named stays as it is. */
static bool take_members(struct admin *admin, struct facility *facility, struct err *err)
{
    struct text kind = text_cstr(facility_kind_id(facility->kind));
    struct text way = text_cstr(facility_way_id(facility->way));
    struct text registers = facility->may_register ? TEXT("yes") : TEXT("no");
    int64_t slot = facility->slot;
    if (!admin_take_or(admin, "--name", &facility->name, err) ||
        !admin_take_or(admin, "--kana", &facility->kana, err) ||
        !admin_take_or(admin, "--kind", &kind, err) ||
        !admin_take_or(admin, "--way", &way, err) ||
        !admin_take_or(admin, "--letter", &facility->letter, err) ||
        !admin_take_or(admin, "--may-register", &registers, err) ||
        !admin_take_number_or(admin, "--slot", FACILITY_SLOT_MAX, &slot, err))
        return false;
    facility->slot = (int)slot;
    facility->may_register = text_is(registers, "yes");
    if (!facility->may_register && !text_is(registers, "no"))
        return err_set(err, ERR_SYNTAX, "usage", "--may-register yes or no");
    if (!facility_kind_parse(kind, &facility->kind))
        return err_set(err, ERR_SYNTAX, "usage", "--kind: see the glossary");
    if (!facility_way_parse(way, &facility->way))
        return err_set(err, ERR_SYNTAX, "usage", "--way: see the glossary");
    return facility_check(facility, err);
}

struct keeping {
    struct admin *admin;
    const struct facility *facility;
};

static bool add_facility(struct store_session *session, void *context, struct err *err)
{
    const struct keeping *keeping = context;
    return facility_add(session, keeping->facility, keeping->admin->now_ms, err);
}

static bool change_facility(struct store_session *session, void *context, struct err *err)
{
    const struct keeping *keeping = context;
    return facility_change(session, keeping->facility, err);
}

static bool tell_facility(struct admin *admin, const struct facility *facility,
                          struct text *detail, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct json_writer writer = json_writer(&out);
    struct span copy;
    json_open_object(&writer);
    json_put_text(&writer, "name", facility->name);
    json_put_bool(&writer, "may_register", facility->may_register);
    json_close_object(&writer);
    return buf_to_arena(&out, &admin->arena, &copy, err) &&
           text_from_utf8(copy, detail, err);
}

static bool keep(struct admin *admin, const struct facility *facility, const char *action,
                 store_work *work, struct err *err)
{
    struct keeping keeping = {admin, facility};
    struct id_text id = id_to_text(facility->id);
    struct admin_change change = {
        .action = action, .object = id_view(&id), .provider = facility->code};
    if (!tell_facility(admin, facility, &change.detail, err))
        return false;
    if (admin_write(admin, &change, work, &keeping, err))
        return true;
    if (err->kind != ERR_CONFLICT)
        return false;
    err_clear(err);
    return err_set(err, ERR_CONFLICT, "facility_exists", "the code is in use");
}

bool admin_facility_add(struct admin *admin, struct err *err)
{
    struct facility facility = {.id = id_new(&admin->rand),
                                .name = TEXT(""),
                                .kana = TEXT(""),
                                .letter = TEXT(""),
                                .slot = 1,
                                .fingerprint = TEXT(""),
                                .policy = TEXT(""),
                                .may_register = true};
    return admin_take(admin, "--code", &facility.code, err) &&
           take_members(admin, &facility, err) && admin_no_more(admin, err) &&
           keep(admin, &facility, "facility_add", add_facility, err);
}

bool admin_facility_change(struct admin *admin, struct err *err)
{
    struct facility facility;
    struct text code;
    if (!admin_take(admin, "--code", &code, err))
        return false;
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(admin->office.store, err);
        if (!session || !facility_find_code(session, code, &admin->arena, &facility, err))
            return false;
    }
    return take_members(admin, &facility, err) && admin_no_more(admin, err) &&
           keep(admin, &facility, "facility_change", change_facility, err);
}

static void write_facility(struct json_writer *writer, const struct facility *facility)
{
    json_open_object(writer);
    json_put_text(writer, "code", facility->code);
    json_put_text(writer, "name", facility->name);
    json_put_text(writer, "kana", facility->kana);
    json_put_cstr(writer, "kind", facility_kind_id(facility->kind));
    json_put_cstr(writer, "way", facility_way_id(facility->way));
    json_put_text(writer, "letter", facility->letter);
    json_put_int(writer, "slot", facility->slot);
    json_put_bool(writer, "may_register", facility->may_register);
    json_put_text(writer, "gateway_certificate", facility->fingerprint);
    if (facility->certificate_ends_at)
        json_put_day(writer, "certificate_ends",
                     day_of_instant(facility->certificate_ends_at));
    json_put_int(writer, "policy_version", facility->policy_version);
    json_put_int(writer, "last_seen_at", facility->last_seen_at);
    json_close_object(writer);
}

bool admin_facility_list(struct admin *admin, struct err *err)
{
    struct facility *items = NULL;
    size_t count = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    if (!session || !admin_no_more(admin, err) ||
        !facility_list(session, &admin->arena, &items, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        write_facility(&admin->writer, &items[i]);
        admin_end_line(admin);
    }
    return true;
}

/* ---- certificates ---- */

static bool read_certificate(struct admin *admin, const char *authority,
                             struct tls_certificate *certificate, struct err *err)
{
    struct text file;
    const char *name = NULL;
    if (!admin_next(admin, &file, err) || !admin_no_more(admin, err))
        return false;
    name = text_to_cstr(file, &admin->arena, err);
    return name && tls_read_certificate(name, authority, certificate, err);
}

struct accepting {
    struct id facility;
    struct text fingerprint;
    int64_t ends_at;
    int64_t now_ms;
};

static bool accept_gateway(struct store_session *session, void *context, struct err *err)
{
    const struct accepting *accepting = context;
    return facility_change_fingerprint(session, accepting->facility,
                                       accepting->fingerprint, accepting->ends_at, err);
}

static void write_accepted(struct admin *admin, struct text code,
                           const struct tls_certificate *certificate)
{
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "facility", code);
    json_put_cstr(&admin->writer, "fingerprint", certificate->fingerprint);
    json_put_cstr(&admin->writer, "name", certificate->name);
    json_put_day(&admin->writer, "ends", day_of_instant(certificate->ends_at_ms));
    json_close_object(&admin->writer);
    admin_end_line(admin);
}

bool admin_gateway_accept(struct admin *admin, struct err *err)
{
    struct facility facility;
    struct tls_certificate certificate;
    if (!find_code(admin, &facility, err) ||
        !read_certificate(admin, admin->office.gateway_authority, &certificate, err))
        return false;
    if (facility.way != FACILITY_GATEWAY)
        return err_set(err, ERR_CONFLICT, "facility_way",
                       "the facility does not disclose by a gateway");
    struct accepting accepting = {.facility = facility.id,
                                  .fingerprint = text_cstr(certificate.fingerprint),
                                  .ends_at = certificate.ends_at_ms};
    struct admin_change change = {.action = "gateway_accept",
                                  .object = accepting.fingerprint,
                                  .provider = facility.code};
    if (!admin_write(admin, &change, accept_gateway, &accepting, err))
        return false;
    write_accepted(admin, facility.code, &certificate);
    return true;
}

bool admin_gateway_refuse(struct admin *admin, struct err *err)
{
    struct facility facility;
    if (!find_code(admin, &facility, err) || !admin_no_more(admin, err))
        return false;
    struct accepting accepting = {.facility = facility.id, .fingerprint = TEXT("")};
    struct admin_change change = {.action = "gateway_refuse",
                                  .object = facility.fingerprint,
                                  .provider = facility.code};
    return admin_write(admin, &change, accept_gateway, &accepting, err);
}

static bool accept_browser(struct store_session *session, void *context, struct err *err)
{
    const struct accepting *accepting = context;
    return session_add_certificate(session, accepting->facility, accepting->fingerprint,
                                   accepting->ends_at, err);
}

bool admin_browser_accept(struct admin *admin, struct err *err)
{
    struct facility facility;
    struct tls_certificate certificate;
    int32_t until = DAY_NONE;
    if (!admin_take_day_or(admin, "--until", &until, err) ||
        !find_code(admin, &facility, err) ||
        !read_certificate(admin, admin->office.browser_authority, &certificate, err))
        return false;
    int64_t until_ms = ((int64_t)until + 1) * DAY_MS - DAY_JAPAN_OFFSET_MS;
    if (until != DAY_NONE && until_ms < certificate.ends_at_ms)
        certificate.ends_at_ms = until_ms;
    struct accepting accepting = {.facility = facility.id,
                                  .fingerprint = text_cstr(certificate.fingerprint),
                                  .ends_at = certificate.ends_at_ms};
    struct admin_change change = {.action = "browser_accept",
                                  .object = accepting.fingerprint,
                                  .provider = facility.code};
    if (!admin_write(admin, &change, accept_browser, &accepting, err)) {
        if (err->kind != ERR_CONFLICT)
            return false;
        err_clear(err);
        return err_set(err, ERR_CONFLICT, "certificate_known",
                       "accepted before; one that was revoked does not come back");
    }
    write_accepted(admin, facility.code, &certificate);
    return true;
}

static bool revoke_browser(struct store_session *session, void *context, struct err *err)
{
    const struct accepting *accepting = context;
    return session_revoke_certificate(session, accepting->fingerprint, accepting->now_ms,
                                      err);
}

bool admin_browser_revoke(struct admin *admin, struct err *err)
{
    struct accepting accepting = {.now_ms = admin->now_ms};
    if (!admin_next(admin, &accepting.fingerprint, err) || !admin_no_more(admin, err))
        return false;
    struct admin_change change = {.action = "browser_revoke",
                                  .object = accepting.fingerprint};
    return admin_write(admin, &change, revoke_browser, &accepting, err);
}

static bool write_browser(struct admin *admin, struct store_session *session,
                          const struct session_certificate *item, struct err *err)
{
    struct facility facility;
    if (!facility_find(session, item->facility, &admin->arena, &facility, err))
        return false;
    const char *state = item->revoked_at                 ? "revoked"
                        : item->ends_at <= admin->now_ms ? "ended"
                                                         : "accepted";
    json_open_object(&admin->writer);
    json_put_cstr(&admin->writer, "state", state);
    json_put_text(&admin->writer, "facility", facility.code);
    json_put_text(&admin->writer, "fingerprint", item->fingerprint);
    json_put_day(&admin->writer, "ends", day_of_instant(item->ends_at));
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

bool admin_browser_list(struct admin *admin, struct err *err)
{
    struct session_certificate *items = NULL;
    size_t count = 0;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    if (!session || !admin_no_more(admin, err) ||
        !session_list_certificates(session, &admin->arena, &items, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_browser(admin, session, &items[i], err))
            return false;
    return true;
}
