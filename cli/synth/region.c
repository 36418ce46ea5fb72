// SPDX-License-Identifier: Apache-2.0
/* region.json: who and what there is, for `tsumugi demo` and for tests. */
#include <stdio.h>
#include <string.h>

#include "cli/synth/pen.h"
#include "formats/json/json.h"

enum { PURPOSE_PASSWORD = 91, NETWORK_AGE_DAYS = 2200, REGION_BYTES_MAX = 512 << 20 };

static void put_name(struct json_writer *json, const struct synth_name *name)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s %s", name->family, name->given);
    json_put_cstr(json, "name", whole);
    snprintf(whole, sizeof whole, "%s %s", name->family_kana, name->given_kana);
    json_put_cstr(json, "kana", whole);
}

static void put_facility_codes(struct json_writer *json, const char *key, unsigned bits)
{
    json_key(json, key);
    json_open_array(json);
    for (int i = 0; i < SYNTH_FACILITIES; i++)
        if (bits & 1U << i)
            json_cstr_value(json, synth_facilities[i].code);
    json_close_array(json);
}

static void put_network(struct json_writer *json, const struct synth *synth)
{
    unsigned all = (1U << SYNTH_FACILITIES) - 1;
    json_key(json, "networks");
    json_open_array(json);
    json_open_object(json);
    json_put_cstr(json, "code", "tsumugi");
    json_put_cstr(json, "name", "信里つむぎ地域医療ネットワーク");
    json_put_cstr(json, "consent_model",
                  synth->is_specific ? "specific" : "comprehensive");
    json_put_cstr(json, "minimum_assurance", "password");
    json_put_int(json, "joiner_waiting_days", 14);
    json_key(json, "versions");
    json_open_array(json);
    json_open_object(json);
    json_put_day(json, "effective_day", synth->today - NETWORK_AGE_DAYS);
    put_facility_codes(json, "facilities", all & ~(1U << SYNTH_SUZUKAKE));
    json_close_object(json);
    json_open_object(json);
    json_put_day(json, "effective_day", synth->today - 400);
    put_facility_codes(json, "facilities", all);
    json_close_object(json);
    json_close_array(json);
    json_close_object(json);
    json_close_array(json);
}

/* Two hospitals keep documents; the third has none, as many do. */
static bool has_extended(int facility)
{
    return facility == SYNTH_RINDO || facility == SYNTH_KEYAKI;
}

static void put_facilities(struct json_writer *json, const struct synth *synth)
{
    json_key(json, "facilities");
    json_open_array(json);
    for (int i = 0; i < SYNTH_FACILITIES; i++) {
        const struct synth_facility *facility = &synth_facilities[i];
        bool has_storage = i < SYNTH_HOSPITALS;
        json_open_object(json);
        json_put_cstr(json, "code", facility->code);
        json_put_cstr(json, "name", facility->name);
        json_put_cstr(json, "kana", facility->kana);
        json_put_cstr(json, "kind", facility->kind);
        json_put_cstr(json, "way", facility->way);
        if (facility->policy)
            json_put_cstr(json, "policy", facility->policy);
        json_put_cstr(json, "letter", facility->letter);
        json_put_int(json, "slot", i + 1);
        json_put_bool(json, "may_register", !facility->must_ask);
        json_put_bool(json, "has_gateway", has_storage);
        json_put_bool(json, "is_away_at_start", facility->is_away);
        if (has_storage) {
            char storage[32];
            snprintf(storage, sizeof storage, "storage/%s", facility->code);
            json_put_cstr(json, "storage", storage);
        } else {
            json_put_null(json, "storage");
        }
        if (has_extended(i)) {
            char storage[32];
            snprintf(storage, sizeof storage, "extended/%s", facility->code);
            json_put_cstr(json, "extended_storage", storage);
        } else {
            json_put_null(json, "extended_storage");
        }
        if (synth->images_at & 1U << i) {
            char images[32];
            snprintf(images, sizeof images, "images/%s", facility->code);
            json_put_cstr(json, "images", images);
        } else {
            json_put_null(json, "images");
        }
        json_put_int(json, "number_digits", facility->number_digits);
        json_put_cstr(json, "postal_code", facility->postal_code);
        json_put_cstr(json, "address", facility->address);
        json_put_cstr(json, "phone", facility->phone);
        json_close_object(json);
    }
    json_close_array(json);
}

/* For the demonstration only: everybody may know them. */
static void put_password(struct json_writer *json, const struct synth *synth, int index)
{
    static const char *const words[] = {"Yamabiko", "Hotaru", "Komorebi", "Asagiri",
                                        "Suzukaze", "Minamo", "Tokiwa",   "Wakaba"};
    struct rand_seeded dice = synth_dice(synth->seed, PURPOSE_PASSWORD, (uint64_t)index);
    char password[48];
    snprintf(password, sizeof password, "%s-%04d-%s", words[synth_roll(&dice, 0, 7)],
             synth_roll(&dice, 1000, 9999), words[synth_roll(&dice, 0, 7)]);
    json_put_cstr(json, "password", password);
}

static void put_staff(struct json_writer *json, const struct synth *synth)
{
    json_key(json, "staff");
    json_open_array(json);
    for (int i = 0; i < synth_staff_count; i++) {
        const struct synth_staff *staff = &synth_staff[i];
        struct synth_name name = {staff->family, staff->given, staff->family_kana,
                                  staff->given_kana};
        json_open_object(json);
        json_put_cstr(json, "login", staff->login);
        put_password(json, synth, i);
        put_name(json, &name);
        json_put_day(json, "birth_day",
                     day_from_date(staff->birth_year, 1 + i % 12, 7 + i));
        json_key(json, "posts");
        json_open_array(json);
        for (int j = 0; j < 2 && staff->facilities[j] >= 0; j++) {
            json_open_object(json);
            json_put_cstr(json, "facility", synth_facilities[staff->facilities[j]].code);
            json_put_cstr(json, "profession", staff->profession);
            json_put_cstr(json, "role", staff->role);
            json_put_day(json, "from_day", synth->today - 800 - i);
            json_close_object(json);
        }
        json_close_array(json);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_counts(struct json_writer *json, const struct synth_record *record)
{
    json_key(json, "counts");
    json_open_array(json);
    for (int i = 0; i < SYNTH_TYPE_COUNT; i++) {
        const struct synth_count *count = &record->counts[i];
        if (count->files[0] + count->files[1] + count->files[2] == 0)
            continue;
        json_open_object(json);
        json_put_cstr(json, "type", synth_type_code((enum synth_type)i));
        json_put_int(json, "current", count->files[1]);
        json_put_int(json, "replaced", count->files[2]);
        json_put_int(json, "deleted", count->files[0]);
        json_put_int(json, "parts", count->parts);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_documents(struct json_writer *json, const struct synth_record *record)
{
    static const char *const kinds[SYNTH_DOCUMENT_KINDS] = {
        [SYNTH_DOCUMENT] = "document",
        [SYNTH_PROGRESS_NOTE] = "progress_note",
        [SYNTH_VITAL_SIGNS] = "vital_signs",
        [SYNTH_UNKNOWN] = "unknown"};
    json_key(json, "documents");
    json_open_array(json);
    for (int i = 0; i < SYNTH_DOCUMENT_KINDS; i++) {
        const int *count = record->documents[i];
        if (count[0] + count[1] + count[2] == 0)
            continue;
        json_open_object(json);
        json_put_cstr(json, "kind", kinds[i]);
        json_put_int(json, "current", count[1]);
        json_put_int(json, "replaced", count[2]);
        json_put_int(json, "deleted", count[0]);
        json_close_object(json);
    }
    json_close_array(json);
}

/* As the files of the hospital have it; "" where there are none. */
static void put_written_name(struct json_writer *json, const struct synth_record *record)
{
    CLEANUP(buf_free) struct buf name = buf_init(256);
    if (record->facility < SYNTH_HOSPITALS) {
        const struct synth_facility *facility = &synth_facilities[record->facility];
        synth_put_written(facility, record->name.family, &name);
        buf_byte(&name, ' ');
        synth_put_written(facility, record->name.given, &name);
    }
    json_put_text(json, "written_name", (struct text){(const char *)name.at, name.len});
}

static void put_record(struct json_writer *json, const struct synth_record *record)
{
    json_open_object(json);
    json_put_cstr(json, "facility", synth_facilities[record->facility].code);
    json_put_cstr(json, "number", record->number);
    put_name(json, &record->name);
    put_written_name(json, record);
    if (record->trap)
        json_put_cstr(json, "trap", record->trap);
    else
        json_put_null(json, "trap");
    json_put_cstr(json, "link", record->link);
    json_put_day(json, "first_day", record->first_day);
    put_counts(json, record);
    put_documents(json, record);
    json_close_object(json);
}

static void put_consent(struct json_writer *json, const struct synth_consent *consent)
{
    json_open_object(json);
    json_put_cstr(json, "form", consent->form);
    json_put_cstr(json, "state", consent->state);
    json_put_cstr(json, "channel", consent->channel);
    json_put_cstr(json, "giver", consent->giver);
    json_put_cstr(json, "obtained_at", synth_facilities[consent->obtained_at].code);
    json_put_day(json, "day", consent->day);
    json_put_day(json, "withdrawn_day", consent->withdrawn_day);
    json_put_day(json, "until_day", consent->until_day);
    put_facility_codes(json, "facilities", consent->facilities);
    json_close_object(json);
}

static void put_person(struct json_writer *json, const struct synth_person *person)
{
    char key[16];
    char sex[2] = {person->sex, 0};
    snprintf(key, sizeof key, "p%05u", (unsigned)person->index + 1U);
    json_open_object(json);
    json_put_cstr(json, "key", key);
    json_put_bool(json, "star", person->is_star);
    json_put_cstr(json, "story", person->story);
    put_name(json, &person->name);
    json_put_day(json, "birth_day", person->birth_day);
    json_put_cstr(json, "sex", sex);
    json_put_cstr(json, "postal_code", person->postal_code);
    json_put_cstr(json, "address", person->address);
    json_put_cstr(json, "phone", person->phone);
    json_key(json, "records");
    json_open_array(json);
    for (int i = 0; i < person->record_count; i++)
        put_record(json, &person->records[i]);
    json_close_array(json);
    json_key(json, "consents");
    json_open_array(json);
    for (int i = 0; i < person->consent_count; i++)
        put_consent(json, &person->consents[i]);
    json_close_array(json);
    json_close_object(json);
}

static void put_faults(struct json_writer *json, const struct synth *synth)
{
    json_key(json, "faults");
    json_open_array(json);
    for (int i = 0; i < synth->fault_count; i++) {
        const struct synth_fault *fault = &synth->faults[i];
        json_open_object(json);
        json_put_cstr(json, "kind", fault->kind);
        json_put_cstr(json, "expected", fault->expected);
        json_put_cstr(json, "facility", synth_facilities[fault->facility].code);
        json_put_cstr(json, "number", fault->number);
        json_put_day(json, "day", fault->day);
        json_put_cstr(json, "path", fault->path);
        json_close_object(json);
    }
    json_close_array(json);
}

bool synth_write_region(struct synth *synth)
{
    CLEANUP(buf_free) struct buf out = buf_init(REGION_BYTES_MAX);
    struct json_writer json = json_writer(&out);
    json_open_object(&json);
    json_put_bool(&json, "synthetic", true);
    json_put_int(&json, "seed", (int64_t)synth->seed);
    json_put_day(&json, "today", synth->today);
    json_put_int(&json, "files", synth->files);
    json_put_int(&json, "image_files", synth->image_files);
    put_network(&json, synth);
    put_facilities(&json, synth);
    put_staff(&json, synth);
    json_key(&json, "persons");
    json_open_array(&json);
    for (int i = 0; i < synth->people_count; i++)
        put_person(&json, &synth->people[i]);
    json_close_array(&json);
    put_faults(&json, synth);
    json_close_object(&json);
    buf_byte(&out, '\n');
    if (!buf_check(&out, &synth->err))
        return false;
    synth_save_raw(synth, "region.json", buf_view(&out));
    return synth->err.kind == ERR_NONE;
}
