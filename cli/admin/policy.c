// SPDX-License-Identifier: Apache-2.0
/* The disclosure policy of a facility without a gateway, kept by the office. */
#include "base/hash.h"
#include "base/path.h"
#include "cli/admin/admin.h"
#include "exchange/facility/facility.h"

static bool find(struct admin *admin, struct text code, struct facility *facility,
                 struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    return session && facility_find_code(session, code, &admin->arena, facility, err);
}

/* As it was written, so that it can be changed and kept again. */
static bool show(struct admin *admin, const struct facility *facility, int64_t version,
                 struct err *err)
{
    struct text policy = facility->policy;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    if (!session)
        return false;
    if (version > 0 && !facility_find_office_policy(session, facility->id, version,
                                                    &admin->arena, &policy, err))
        return false;
    if (text_is_empty(policy))
        return err_set(err, ERR_MISSING, "policy_missing",
                       "the facility has none: it discloses nothing");
    buf_text(&admin->out, policy);
    if (policy.at[policy.len - 1] != '\n')
        buf_byte(&admin->out, '\n');
    return true;
}

struct keeping {
    struct admin *admin;
    struct text code;
    struct text policy;
    int64_t version; /* out: the one in force */
};

static bool keep(struct store_session *session, void *context, struct err *err)
{
    struct keeping *keeping = context;
    struct facility facility;
    struct arena *arena = &keeping->admin->arena;
    if (!facility_find_code(session, keeping->code, arena, &facility, err) ||
        !facility_change_office_policy(session, &facility, keeping->policy,
                                       keeping->admin->now_ms, err) ||
        !facility_find_code(session, keeping->code, arena, &facility, err))
        return false;
    keeping->version = facility.policy_version;
    return true;
}

static bool keep_file(struct admin *admin, const struct facility *facility,
                      struct text file, struct err *err)
{
    struct keeping keeping = {.admin = admin, .code = facility->code};
    struct id_text id = id_to_text(facility->id);
    struct span bytes = {0};
    const char *name = text_to_cstr(file, &admin->arena, err);
    if (!name ||
        !path_read_named(name, FACILITY_POLICY_MAX, &admin->arena, &bytes, err) ||
        !text_from_utf8(bytes, &keeping.policy, err))
        return false;
    char hex[HASH_HEX_BYTES];
    struct hash hash = hash_sha256(bytes);
    hash_to_hex(span_of(hash.bytes, sizeof hash.bytes), hex);
    struct admin_change change = {
        .action = "facility_policy", .object = id_view(&id), .provider = facility->code};
    if (!admin_detail(admin, "sha256", text_cstr(hex), &change.detail, err) ||
        !admin_write(admin, &change, keep, &keeping, err))
        return false;
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "facility", facility->code);
    json_put_int(&admin->writer, "policy_version", keeping.version);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

bool admin_facility_policy(struct admin *admin, struct err *err)
{
    struct facility facility;
    struct text code;
    struct text file;
    int64_t version = 0;
    if (!admin_take_number_or(admin, "--version", INT32_MAX, &version, err) ||
        !admin_next(admin, &code, err))
        return false;
    if (!admin_has_more(admin))
        return find(admin, code, &facility, err) && show(admin, &facility, version, err);
    if (version > 0)
        return err_set(err, ERR_SYNTAX, "usage", "--version is for showing");
    return admin_next(admin, &file, err) && admin_no_more(admin, err) &&
           find(admin, code, &facility, err) && keep_file(admin, &facility, file, err);
}
