// SPDX-License-Identifier: Apache-2.0
#include "exchange/facility/facility.h"

#include "formats/json/json.h"

static const char *const kind_ids[] = {
#define X(name, id) id,
    FACILITY_KINDS(X)
#undef X
};
static const char *const way_ids[] = {
    [FACILITY_VIEW_ONLY] = "view_only",
    [FACILITY_GATEWAY] = "gateway",
    [FACILITY_STORE_CLIENT] = "store_client",
    [FACILITY_MANUAL] = "manual",
};

const char *facility_kind_id(enum facility_kind kind)
{
    return kind_ids[kind];
}

bool facility_kind_parse(struct text id, enum facility_kind *kind)
{
    for (int i = 0; i < FACILITY_KIND_COUNT; i++)
        if (text_is(id, kind_ids[i])) {
            *kind = (enum facility_kind)i;
            return true;
        }
    return false;
}

const char *facility_way_id(enum facility_way way)
{
    return way_ids[way];
}

bool facility_way_parse(struct text id, enum facility_way *way)
{
    for (int i = 0; i < FACILITY_WAY_COUNT; i++)
        if (text_is(id, way_ids[i])) {
            *way = (enum facility_way)i;
            return true;
        }
    return false;
}

bool facility_is_disclosing(const struct facility *facility)
{
    return facility->way != FACILITY_VIEW_ONLY;
}

static bool is_fingerprint(struct text fingerprint)
{
    uint8_t bytes[HASH_BYTES];
    return hash_from_hex(text_span(fingerprint), bytes, sizeof bytes);
}

bool facility_check(const struct facility *facility, struct err *err)
{
    struct span code = text_span(facility->code);
    const char *fault = NULL;
    if (code.len != FACILITY_CODE_DIGITS || !span_all_digits(code))
        fault = "the code has ten digits";
    else if (text_is_empty(facility->name) || text_is_empty(facility->kana))
        fault = "a facility has a name and its kana";
    else if (text_count(facility->letter) != 1)
        fault = "the letter is one character";
    else if (facility->slot < 1 || facility->slot > FACILITY_SLOT_MAX)
        fault = "there are ten colour slots";
    else if (!text_is_empty(facility->fingerprint) &&
             !is_fingerprint(facility->fingerprint))
        fault = "a fingerprint has 64 hexadecimal digits";
    return fault ? err_set(err, ERR_SYNTAX, "facility_invalid", "%s", fault) : true;
}

bool facility_check_registers(const struct facility *facility, struct err *err)
{
    return facility->may_register || err_set(err, ERR_REFUSED, "may_not_register",
                                             "the facility asks another one to register");
}

void facility_write(struct json_writer *writer, const struct facility *facility,
                    bool is_connected)
{
    json_open_object(writer);
    json_put_id(writer, "id", facility->id);
    json_put_text(writer, "code", facility->code);
    json_put_text(writer, "name", facility->name);
    json_put_text(writer, "kana", facility->kana);
    json_put_cstr(writer, "kind", facility_kind_id(facility->kind));
    json_put_text(writer, "letter", facility->letter);
    json_put_int(writer, "slot", facility->slot);
    json_put_bool(writer, "is_disclosing", facility_is_disclosing(facility));
    json_put_bool(writer, "is_connected", is_connected);
    json_put_bool(writer, "may_register", facility->may_register);
    json_put_bool(writer, "has_policy", facility->has_policy);
    json_close_object(writer);
}
