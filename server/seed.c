// SPDX-License-Identifier: Apache-2.0
/* region.json → the centre's database, through the domain's own words. */
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/secret.h"
#include "exchange/consent/consent.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/patient/patient.h"
#include "exchange/session/session.h"
#include "exchange/staff/staff.h"
#include "formats/json/json.h"
#include "server/server.h"
#include "store/migrations.h"

enum { SEED_ARENA_BYTES = 512 << 20, COUNT_MAX = 100000, DAY_MS = 86400000 };

struct seeding {
    const struct server_seed *seed;
    const struct json_value *root;
    struct arena *arena;
    struct store_session *session;
    struct id network;
    struct facility *facilities;
    size_t facility_count;
    struct id clerk; /* staff in whose name everything is entered */
    struct text clerk_name;
};

static struct id new_id(const struct seeding *seeding)
{
    return id_new(&seeding->seed->rand);
}

static bool take(const struct json_value *object, const char *key, struct text *text,
                 struct err *err)
{
    return json_take_text(object, key, 512, text, err);
}

static bool take_day(const struct json_value *object, const char *key, int32_t *day,
                     struct err *err)
{
    struct text iso = {0};
    if (!json_take_text_or(object, key, 10, &iso, err))
        return false;
    *day = iso.len ? day_from_iso(text_span(iso)) : DAY_NONE;
    return true;
}

static bool wrong(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX, "region_invalid", "region: %s", what);
}

/* At ten in the morning in Japan, when consents are taken. */
static int64_t ms_of_day(int32_t day)
{
    return (int64_t)day * DAY_MS + DAY_MS / 24;
}

static const struct facility *facility_at(const struct seeding *seeding, struct text code)
{
    for (size_t i = 0; i < seeding->facility_count; i++)
        if (text_equal(seeding->facilities[i].code, code))
            return &seeding->facilities[i];
    return NULL;
}

static bool take_facility(const struct seeding *seeding, const struct json_value *object,
                          const char *key, const struct facility **facility,
                          struct err *err)
{
    struct text code = {0};
    if (!take(object, key, &code, err))
        return false;
    *facility = facility_at(seeding, code);
    return *facility || wrong(err, "an unknown facility code");
}

static bool take_facility_ids(const struct seeding *seeding,
                              const struct json_value *object, struct id **ids,
                              size_t *count, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(object, "facilities", COUNT_MAX, &array, err))
        return false;
    *count = json_count(array);
    *ids = ARENA_MANY(seeding->arena, struct id, *count, err);
    if (!*ids)
        return false;
    for (size_t i = 0; i < *count; i++) {
        struct text code = {0};
        if (!json_item_text(array, i, 10, &code, err))
            return false;
        const struct facility *facility = facility_at(seeding, code);
        if (!facility)
            return wrong(err, "an unknown facility code");
        (*ids)[i] = facility->id;
    }
    return true;
}

/* ---- facilities ---- */

static struct text fingerprint_of(const struct seeding *seeding, struct text code)
{
    for (size_t i = 0; i < seeding->seed->certificate_count; i++)
        if (!seeding->seed->certificates[i].is_terminal &&
            text_equal(seeding->seed->certificates[i].facility_code, code))
            return seeding->seed->certificates[i].fingerprint;
    return TEXT("");
}

/* As the office keeps it for a facility without a gateway. */
static bool keep_policy(const struct seeding *seeding, const struct json_value *object,
                        const struct facility *facility, struct err *err)
{
    struct text policy = {0};
    return !json_member(object, "policy") ||
           (json_take_text(object, "policy", FACILITY_POLICY_MAX, &policy, err) &&
            facility_change_office_policy(seeding->session, facility, policy,
                                          seeding->seed->now_ms, err));
}

static bool read_facility(const struct seeding *seeding, const struct json_value *object,
                          struct facility *facility, struct err *err)
{
    struct text kind = {0};
    struct text way = {0};
    int64_t slot = 1;
    *facility = (struct facility){
        .id = new_id(seeding), .policy = TEXT(""), .may_register = true};
    if (!take(object, "code", &facility->code, err) ||
        !take(object, "name", &facility->name, err) ||
        !take(object, "kana", &facility->kana, err) ||
        !take(object, "letter", &facility->letter, err) ||
        !take(object, "kind", &kind, err) || !take(object, "way", &way, err) ||
        !json_take_int(object, "slot", 1, FACILITY_SLOT_MAX, &slot, err) ||
        (json_member(object, "may_register") &&
         !json_take_bool(object, "may_register", &facility->may_register, err)))
        return false;
    facility->slot = (int)slot;
    facility->fingerprint = fingerprint_of(seeding, facility->code);
    return (facility_kind_parse(kind, &facility->kind) &&
            facility_way_parse(way, &facility->way)) ||
           wrong(err, "kind or way of a facility");
}

static bool add_facilities(struct seeding *seeding, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(seeding->root, "facilities", COUNT_MAX, &array, err))
        return false;
    size_t count = json_count(array);
    seeding->facilities = ARENA_MANY(seeding->arena, struct facility, count, err);
    if (!seeding->facilities)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct facility *facility = &seeding->facilities[i];
        if (!read_facility(seeding, json_item(array, i), facility, err) ||
            !facility_add(seeding->session, facility, seeding->seed->now_ms, err) ||
            !keep_policy(seeding, json_item(array, i), facility, err))
            return false;
        seeding->facility_count++;
    }
    return true;
}

/* ---- network ---- */

static bool add_versions(struct seeding *seeding, const struct json_value *object,
                         struct err *err)
{
    const struct json_value *versions = NULL;
    if (!json_take_array(object, "versions", COUNT_MAX, &versions, err))
        return false;
    for (size_t i = 0; i < json_count(versions); i++) {
        struct id *ids = NULL;
        size_t count = 0;
        int32_t day = DAY_NONE;
        const struct json_value *version = json_item(versions, i);
        if (!take_day(version, "effective_day", &day, err) ||
            !take_facility_ids(seeding, version, &ids, &count, err) ||
            !network_add_version(seeding->session, seeding->network, day, ids, count,
                                 seeding->seed->now_ms, err))
            return false;
    }
    return true;
}

static bool add_network(struct seeding *seeding, struct err *err)
{
    const struct json_value *networks = NULL;
    struct network network = {.id = seeding->network};
    struct text model = {0};
    struct text assurance = {0};
    int64_t waiting = 0;
    if (!json_take_array(seeding->root, "networks", 1, &networks, err))
        return false;
    const struct json_value *object = json_item(networks, 0);
    if (!object || !take(object, "name", &network.name, err) ||
        !take(object, "consent_model", &model, err) ||
        !take(object, "minimum_assurance", &assurance, err) ||
        !json_take_int(object, "joiner_waiting_days", 0, NETWORK_WAITING_DAYS_MAX,
                       &waiting, err))
        return false;
    network.joiner_waiting_days = (int)waiting;
    if (!network_consent_model_parse(model, &network.consent_model) ||
        !network_assurance_parse(assurance, &network.minimum_assurance))
        return wrong(err, "rules of the network");
    return network_add(seeding->session, &network, seeding->seed->now_ms, err) &&
           add_versions(seeding, object, err);
}

/* ---- staff ---- */

static bool add_post(struct seeding *seeding, struct id staff,
                     const struct json_value *object, struct err *err)
{
    const struct facility *facility = NULL;
    struct text profession = {0};
    struct text role = {0};
    struct staff_post post = {.id = new_id(seeding), .staff = staff, .to_day = DAY_NONE};
    if (!take_facility(seeding, object, "facility", &facility, err) ||
        !take(object, "profession", &profession, err) ||
        !take(object, "role", &role, err) ||
        !take_day(object, "from_day", &post.from_day, err))
        return false;
    post.facility = facility->id;
    if (!staff_profession_parse(profession, &post.profession) ||
        !staff_role_parse(role, &post.role))
        return wrong(err, "profession or role");
    return staff_add_post(seeding->session, &post, seeding->seed->now_ms, err);
}

static bool add_one_staff(struct seeding *seeding, const struct json_value *object,
                          struct err *err)
{
    struct staff staff = {.id = new_id(seeding)};
    struct text password = {0};
    char encoded[SECRET_PASSWORD_HASH_BYTES];
    const struct json_value *posts = NULL;
    if (!take(object, "login", &staff.login, err) ||
        !take(object, "name", &staff.name, err) ||
        !take(object, "kana", &staff.kana, err) ||
        !take(object, "password", &password, err) ||
        !take_day(object, "birth_day", &staff.birth_day, err) ||
        !json_take_array(object, "posts", STAFF_POSTS_MAX, &posts, err) ||
        !staff_check_new_password(&staff, text_span(password), NULL, 0, err) ||
        !secret_hash_password(text_span(password), encoded, err) ||
        !staff_add(seeding->session, &staff, encoded, STAFF_PASSWORD_OWN,
                   seeding->seed->now_ms, err))
        return false;
    for (size_t i = 0; i < json_count(posts); i++)
        if (!add_post(seeding, staff.id, json_item(posts, i), err))
            return false;
    if (id_is_zero(seeding->clerk)) {
        seeding->clerk = staff.id;
        seeding->clerk_name = staff.name;
    }
    return true;
}

static bool add_staff(struct seeding *seeding, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(seeding->root, "staff", COUNT_MAX, &array, err))
        return false;
    for (size_t i = 0; i < json_count(array); i++)
        if (!add_one_staff(seeding, json_item(array, i), err))
            return false;
    return true;
}

/* ---- persons ---- */

static bool add_record(struct seeding *seeding, const struct patient_person *person,
                       const struct json_value *object, struct err *err)
{
    const struct facility *facility = NULL;
    struct text number = {0};
    struct text link = {0};
    if (!take_facility(seeding, object, "facility", &facility, err) ||
        !take(object, "number", &number, err) || !take(object, "link", &link, err))
        return false;
    if (text_is(link, "none"))
        return true;
    /* A disclosing facility's number is confirmed by its own gateway, nobody else. */
    bool is_own_word = !facility_is_disclosing(facility);
    if (is_own_word && !text_is(link, "confirmed"))
        return true; /* a number that its owner has not entered yet */
    struct patient_record record = {
        .id = new_id(seeding),
        .person = person->id,
        .facility = facility->id,
        .number = number,
        .state = is_own_word ? PATIENT_CONFIRMED : PATIENT_PROPOSED,
        .reason = is_own_word ? TEXT("") : TEXT("gateway_away"),
        .entered_facility = facility->id,
        .entered_staff = seeding->clerk,
        .entered_at = person->registered_at,
        .since = person->registered_at,
    };
    return patient_add_record(seeding->session, &record, err);
}

static bool parse_channel(struct text id, enum consent_channel *channel)
{
    for (int i = CONSENT_PAPER; i <= CONSENT_DEVICE; i++)
        if (text_is(id, consent_channel_id((enum consent_channel)i))) {
            *channel = (enum consent_channel)i;
            return true;
        }
    return false;
}

static bool parse_giver(struct text id, enum consent_giver *giver)
{
    for (int i = CONSENT_SELF; i <= CONSENT_REPRESENTATIVE; i++)
        if (text_is(id, consent_giver_id((enum consent_giver)i))) {
            *giver = (enum consent_giver)i;
            return true;
        }
    return false;
}

struct consent_words {
    struct text form;
    struct text state;
    struct text channel;
    struct text giver;
    int32_t withdrawn_day;
};

static bool read_consent(struct seeding *seeding, const struct json_value *object,
                         struct consent_words *words, struct consent *consent,
                         struct err *err)
{
    const struct facility *facility = NULL;
    struct id *ids = NULL;
    int32_t day = DAY_NONE;
    if (!take(object, "form", &words->form, err) ||
        !take(object, "state", &words->state, err) ||
        !take(object, "channel", &words->channel, err) ||
        !take(object, "giver", &words->giver, err) ||
        !take_day(object, "day", &day, err) ||
        !take_day(object, "withdrawn_day", &words->withdrawn_day, err) ||
        !take_day(object, "until_day", &consent->until_day, err) ||
        !take_facility(seeding, object, "obtained_at", &facility, err) ||
        !take_facility_ids(seeding, object, &ids, &consent->facility_count, err))
        return false;
    if (!parse_channel(words->channel, &consent->channel) ||
        !parse_giver(words->giver, &consent->giver))
        return wrong(err, "channel or giver of a consent");
    consent->form =
        text_is(words->form, "specific") ? CONSENT_SPECIFIC : CONSENT_COMPREHENSIVE;
    consent->state = text_is(words->state, "refused") ? CONSENT_REFUSED : CONSENT_ACTIVE;
    consent->facilities = ids;
    consent->given_at = ms_of_day(day);
    consent->given_facility = facility->id;
    consent->given_facility_name = facility->name;
    return true;
}

static bool add_consent(struct seeding *seeding, const struct patient_person *person,
                        const struct json_value *object, struct err *err)
{
    struct consent_words words = {0};
    struct consent consent = {.person = person->id,
                              .network = seeding->network,
                              .given_staff = seeding->clerk,
                              .given_by = seeding->clerk_name,
                              .note = TEXT("")};
    if (!read_consent(seeding, object, &words, &consent, err))
        return false;
    if (consent.channel == CONSENT_ORAL)
        consent.note = TEXT("診療録に記載");
    if (consent.giver != CONSENT_SELF)
        consent.giver_name = TEXT("代理人");
    if (consent.form == CONSENT_COMPREHENSIVE)
        consent.facility_count = 0;
    if (!consent_add(seeding->session, &consent, new_id(seeding), seeding->arena, err))
        return false;
    if (!text_is(words.state, "withdrawn"))
        return true;
    struct consent_withdrawal withdrawal = {
        .consent = consent.id,
        .channel = CONSENT_PAPER,
        .note = TEXT(""),
        .facility = consent.given_facility,
        .facility_name = consent.given_facility_name,
        .staff = seeding->clerk,
        .by = seeding->clerk_name,
        .at_ms = ms_of_day(words.withdrawn_day),
    };
    struct consent withdrawn;
    return consent_withdraw(seeding->session, &withdrawal, seeding->arena, &withdrawn,
                            err);
}

static bool read_person(struct seeding *seeding, const struct json_value *object,
                        struct patient_person *person, struct err *err)
{
    struct text sex = {0};
    *person = (struct patient_person){.id = new_id(seeding),
                                      .network = seeding->network,
                                      .phone = TEXT(""),
                                      .registered_facility = seeding->facilities[0].id,
                                      .registered_at = seeding->seed->now_ms};
    if (!take(object, "name", &person->name, err) ||
        !take(object, "kana", &person->kana, err) ||
        !json_take_text_or(object, "phone", PATIENT_PHONE_MAX, &person->phone, err) ||
        !take(object, "sex", &sex, err) ||
        !take_day(object, "birth_day", &person->birth_day, err))
        return false;
    person->sex = sex.len == 1 ? sex.at[0] : 'U';
    return true;
}

/* Who has no number with the network anywhere has not joined: nobody registered her. */
static bool has_joined(const struct json_value *records)
{
    for (size_t i = 0; i < json_count(records); i++) {
        struct text link = {0};
        struct err err = {0};
        if (json_take_text(json_item(records, i), "link", 512, &link, &err) &&
            !text_is(link, "none"))
            return true;
    }
    return false;
}

static bool add_person(struct seeding *seeding, const struct json_value *object,
                       struct err *err)
{
    struct patient_person person;
    const struct json_value *records = NULL;
    const struct json_value *consents = NULL;
    if (!read_person(seeding, object, &person, err) ||
        !json_take_array(object, "records", 64, &records, err) ||
        !json_take_array(object, "consents", 64, &consents, err))
        return false;
    if (!has_joined(records))
        return true;
    const struct facility *first = NULL;
    if (!take_facility(seeding, json_item(records, 0), "facility", &first, err))
        return false;
    person.registered_facility = first->id;
    if (!patient_add_person(seeding->session, &person, seeding->arena, err))
        return false;
    for (size_t i = 0; i < json_count(records); i++)
        if (!add_record(seeding, &person, json_item(records, i), err))
            return false;
    for (size_t i = 0; i < json_count(consents); i++)
        if (!add_consent(seeding, &person, json_item(consents, i), err))
            return false;
    return true;
}

static bool add_persons(struct seeding *seeding, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(seeding->root, "persons", COUNT_MAX, &array, err))
        return false;
    for (size_t i = 0; i < json_count(array); i++)
        if (!add_person(seeding, json_item(array, i), err))
            return false;
    return true;
}

static bool add_terminals(struct seeding *seeding, struct err *err)
{
    for (size_t i = 0; i < seeding->seed->certificate_count; i++) {
        const struct server_accepted_certificate *one = &seeding->seed->certificates[i];
        if (!one->is_terminal)
            continue;
        const struct facility *facility = facility_at(seeding, one->facility_code);
        if (!facility)
            return wrong(err, "an unknown facility code");
        if (!session_add_certificate(seeding->session, facility->id, one->fingerprint,
                                     one->ends_at_ms, err))
            return false;
    }
    return true;
}

static bool add_everything(struct store_session *session, void *context, struct err *err)
{
    struct seeding *seeding = context;
    seeding->session = session;
    seeding->facility_count = 0;
    seeding->clerk = (struct id){{0}};
    return add_facilities(seeding, err) && add_network(seeding, err) &&
           add_terminals(seeding, err) && add_staff(seeding, err) &&
           add_persons(seeding, err);
}

static bool write_region(const struct server_seed *seed, struct store *store,
                         struct arena *arena, struct err *err)
{
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(seed->region, err);
    if (!document)
        return false;
    struct seeding seeding = {.seed = seed,
                              .root = json_root(document),
                              .arena = arena,
                              .network = id_new(&seed->rand)};
    return store_write(store, STORE_LIVE, add_everything, &seeding, err);
}

bool server_seed_region(const struct server_seed *seed, struct err *err)
{
    char location[PATH_MAX_BYTES + 1];
    int len = snprintf(location, sizeof location, "%s/centre.db", seed->data);
    if (len < 0 || (size_t)len >= sizeof location)
        return err_set(err, ERR_LIMIT, "path_too_long", "path too long");
    struct store_config config = {.location = seed->database ? seed->database : location,
                                  .migrations = store_centre_migrations,
                                  .migration_count = store_centre_migrations_count};
    CLEANUP(arena_free) struct arena arena = arena_init(SEED_ARENA_BYTES);
    if (!path_make_directory(seed->data, err))
        return false;
    struct store *store = store_open(&config, err);
    if (!store)
        return false;
    bool is_done = write_region(seed, store, &arena, err);
    store_close(store);
    return is_done;
}
