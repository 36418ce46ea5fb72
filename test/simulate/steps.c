// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/day.h"
#include "test/simulate/play.h"
#include "test/simulate/scheduler.h"

enum { ASK_TRIES = 60, ASK_PAUSE_US = 2000000, ASK_PATIENCE = 6, DAYS = 60 };

static int draw(int bound)
{
    return (int)scheduler_below(STREAM_STEPS, bound);
}

/* ---- hospitals ---- */

static void add_version(struct play *play, struct model_entry *entry)
{
    int at = entry->version_count++;
    hospital_stamp(entry->stamps[at]);
    entry->values[at] = play->model.next_value++;
    entry->state = MODEL_CURRENT;
    entry->is_settled = false;
    play_tell(play, "hospital %d writes %s of patient %d, day %d: version %d",
              entry->node, entry->key.type == HOSPITAL_VISIT ? "a visit" : "a result",
              entry->patient, (int)entry->key.day, at);
    hospital_put(&play->world, entry->node, &entry->key, entry->stamps[at],
                 entry->values[at], entry->department);
}

static void put_new(struct play *play)
{
    struct model *model = &play->model;
    int node = 1 + draw(play->world.gateway_count);
    int patient = draw(MODEL_PATIENTS);
    enum hospital_type type = draw(3) ? HOSPITAL_LABORATORY : HOSPITAL_VISIT;
    int32_t today = day_of_instant(scheduler_wall_ms(SCHEDULER_OUTSIDE));
    int32_t day = today - draw(DAYS);
    if (model->entry_count == MODEL_ENTRIES_MAX ||
        model_find(model, node, patient, type, day))
        return;
    struct model_entry *entry = &model->entries[model->entry_count++];
    *entry = (struct model_entry){.node = node, .patient = patient, .seen = -1};
    entry->key =
        (struct hospital_key){&model->patients[patient], type, day, model->next_key++};
    snprintf(entry->department, sizeof entry->department, "%s", draw(5) ? "01" : "40");
    add_version(play, entry);
}

static void end_entry(struct play *play, struct model_entry *entry)
{
    bool is_cancel = draw(2) == 0;
    char stamp[18];
    if (entry->state != MODEL_CURRENT)
        return;
    play_tell(play, "hospital %d %s %s of patient %d, day %d", entry->node,
              is_cancel ? "cancels" : "takes away",
              entry->key.type == HOSPITAL_VISIT ? "a visit" : "a result", entry->patient,
              (int)entry->key.day);
    entry->is_settled = false;
    entry->state = is_cancel ? MODEL_CANCELLED : MODEL_GONE;
    if (is_cancel) {
        hospital_stamp(stamp);
        hospital_cancel(&play->world, entry->node, &entry->key, stamp, entry->department);
    } else {
        hospital_remove(&play->world, entry->node, &entry->key);
    }
}

void steps_hospital(struct play *play)
{
    struct model *model = &play->model;
    int what = draw(10);
    if (what < 5 || model->entry_count == 0) {
        for (int i = draw(4); i >= 0; i--)
            put_new(play);
        return;
    }
    struct model_entry *entry = &model->entries[draw(model->entry_count)];
    if (what < 8 && entry->version_count < MODEL_VERSIONS_MAX)
        add_version(play, entry);
    else
        end_entry(play, entry);
}

/* ---- asking for what changes something ---- */

static bool is_definite(const struct browser_reply *reply)
{
    return reply->status != 0 && reply->status != 503 && reply->status != 500;
}

void steps_ask_surely(struct play *play, int staff, const char *line, const char *body)
{
    int key = ++play->keys;
    for (int i = 0; i < ASK_TRIES; i++) {
        if (i > ASK_PATIENCE)
            faults_end(play);
        faults_return(play, false);
        browser_ask(&play->browsers[staff], line, key, body, &play->reply);
        play_tell(play, "%s asks %s: %d %s", play->world.staff[staff].login, line,
                  play->reply.status, play->reply.code);
        if (is_definite(&play->reply))
            return;
        scheduler_sleep_us(ASK_PAUSE_US);
    }
    play_fail(play, "nobody answers: %s", line);
}

static void learn_links(struct play *play, struct model_person *person,
                        const struct json_value *links)
{
    struct err err = {0};
    for (size_t i = 0; i < json_count(links); i++) {
        struct id facility, link;
        if (!json_take_id(json_item(links, i), "facility", &facility, &err) ||
            !json_take_id(json_item(links, i), "id", &link, &err))
            play_fail(play, "a link cannot be read");
        struct id_text text = id_to_text(link);
        for (int f = 0; f < play->world.facility_count; f++)
            if (id_equal(play->world.facilities[f].id, facility))
                snprintf(person->link_ids[f], sizeof person->link_ids[f], "%s", text.at);
    }
}

static const char *number_at(struct play *play, int facility, int patient, bool is_wrong,
                             char out[16])
{
    if (is_wrong)
        patient = (patient + 1) % MODEL_PATIENTS;
    snprintf(out, 16, "%s%s", play->world.facilities[facility].is_hospital ? "" : "9",
             play->model.patients[patient].number);
    return out;
}

static void iso_birth(const struct hospital_patient *patient, char out[16])
{
    snprintf(out, 16, "%.4s-%.2s-%.2s", patient->birth, patient->birth + 4,
             patient->birth + 6);
}

/* ---- registering ---- */

static unsigned put_consent(struct play *play, int own, char out[512])
{
    unsigned facilities = 1U << own;
    if (draw(2)) {
        snprintf(out, 512,
                 "{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\"}");
        return 0;
    }
    size_t len =
        (size_t)snprintf(out, 512,
                         "{\"form\":\"specific\",\"channel\":\"paper\",\"giver\":"
                         "\"self\",\"facilities\":[");
    int first = draw(play->world.facility_count);
    for (int f = 0; f < play->world.facility_count; f++) {
        if (f == own || (draw(2) && f != first && first != own))
            continue;
        struct id_text id = id_to_text(play->world.facilities[f].id);
        bool is_next = facilities != 1U << own;
        facilities |= 1U << f;
        len +=
            (size_t)snprintf(out + len, 512 - len, "%s\"%s\"", is_next ? "," : "", id.at);
    }
    snprintf(out + len, 512 - len, "]}");
    return facilities;
}

static void note_consent(struct model_person *person, int own, unsigned facilities)
{
    int at = facilities ? 1 + own : 0;
    person->chains[at].is_given = true;
    person->chains[at].is_withdrawn = false;
    person->chains[at].facilities = facilities;
}

static size_t put_numbers(struct play *play, int patient, int own,
                          enum model_link links[WORLD_FACILITIES_MAX], char out[1024])
{
    size_t len = 0;
    for (int f = 0; f < play->world.facility_count; f++) {
        char number[16];
        bool is_hospital = play->world.facilities[f].is_hospital;
        if (f != own && (!is_hospital || draw(3) == 0))
            continue;
        bool is_wrong = is_hospital && draw(8) == 0;
        struct id_text id = id_to_text(play->world.facilities[f].id);
        links[f] = is_wrong ? MODEL_WRONG_NUMBER : MODEL_LINKED;
        len += (size_t)snprintf(
            out + len, 1024 - len, "%s{\"facility\":\"%s\",\"number\":\"%s\"}",
            len ? "," : "", id.at, number_at(play, f, patient, is_wrong, number));
    }
    return len;
}

static void register_person(struct play *play, int patient)
{
    int staff = draw(play->world.staff_count);
    int own = play->world.staff[staff].facility;
    struct model_person *person = &play->model.persons[patient];
    const struct hospital_patient *who = &play->model.patients[patient];
    enum model_link links[WORLD_FACILITIES_MAX] = {MODEL_NO_LINK};
    char numbers[1024], consent[512], body[2048], birth[16], id[64];
    unsigned facilities = put_consent(play, own, consent);
    put_numbers(play, patient, own, links, numbers);
    iso_birth(who, birth);
    snprintf(
        body, sizeof body,
        "{\"name\":\"%s %s\",\"kana\":\"%s %s\",\"birth_date\":\"%s\",\"sex\":\"%c\","
        "\"is_new_person\":true,\"consent\":%s,\"numbers\":[%s]}",
        who->family, who->given, who->family_kana, who->given_kana, birth, who->sex,
        consent, numbers);
    steps_ask_surely(play, staff, "POST /api/v1/persons", body);
    if (play->reply.status != 201)
        play_fail(play, "a registration is refused: %d %s", play->reply.status,
                  play->reply.code);
    struct err err = {0};
    const struct json_value *array = NULL;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(play->reply.body), &err);
    if (!document || !json_take_array(json_root(document), "links", 64, &array, &err))
        play_fail(play, "a registration's answer cannot be read");
    browser_member(&play->reply, "id", id);
    person->is_registered = true;
    snprintf(person->id, sizeof person->id, "%.32s", id);
    memcpy(person->links, links, sizeof links);
    learn_links(play, person, array);
    note_consent(person, own, facilities);
}

/* ---- links ---- */

static void add_link(struct play *play, int patient, int facility)
{
    struct model_person *person = &play->model.persons[patient];
    int staff = draw(play->world.staff_count);
    char line[128], body[256], birth[16], number[16], id[64];
    bool is_wrong = play->world.facilities[facility].is_hospital && draw(8) == 0;
    struct id_text facility_id = id_to_text(play->world.facilities[facility].id);
    if (!play->world.facilities[facility].is_hospital)
        staff = 2 * facility + draw(2);
    iso_birth(&play->model.patients[patient], birth);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", person->id);
    snprintf(body, sizeof body,
             "{\"facility\":\"%s\",\"number\":\"%s\",\"birth_date\":\"%s\"}",
             facility_id.at, number_at(play, facility, patient, is_wrong, number), birth);
    steps_ask_surely(play, staff, line, body);
    if (play->reply.status != 201)
        return;
    browser_member(&play->reply, "id", id);
    snprintf(person->link_ids[facility], sizeof person->link_ids[facility], "%.32s", id);
    person->links[facility] = is_wrong ? MODEL_WRONG_NUMBER : MODEL_LINKED;
}

static void end_link(struct play *play, int patient, int facility)
{
    struct model_person *person = &play->model.persons[patient];
    char line[128];
    snprintf(line, sizeof line, "DELETE /api/v1/links/%s", person->link_ids[facility]);
    steps_ask_surely(play, 2 * facility + draw(2), line, "");
    if (play->reply.status == 204)
        person->links[facility] = MODEL_NO_LINK;
}

/* ---- consents ---- */

static void give_consent(struct play *play, int patient)
{
    struct model_person *person = &play->model.persons[patient];
    int staff = draw(play->world.staff_count);
    int own = play->world.staff[staff].facility;
    char line[128], body[512];
    unsigned facilities = put_consent(play, own, body);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/consents", person->id);
    steps_ask_surely(play, staff, line, body);
    if (play->reply.status / 100 == 2)
        note_consent(person, own, facilities);
}

/* The chain's id, as the list that this member of staff is shown has it. */
static bool find_consent(struct play *play, int staff, int patient, int chain,
                         char id[33])
{
    struct err err = {0};
    char line[128];
    const struct json_value *array = NULL;
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents",
             play->model.persons[patient].id);
    steps_ask_surely(play, staff, line, "");
    if (play->reply.status != 200)
        return false;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_cstr(play->reply.body), &err);
    if (!document ||
        !json_take_array(json_root(document), "consents", 1000, &array, &err))
        play_fail(play, "a list of consents cannot be read");
    for (size_t i = 0; i < json_count(array); i++) {
        const struct json_value *one = json_item(array, i);
        struct text form;
        struct id facility, own;
        if (!json_take_text(one, "form", 32, &form, &err) ||
            !json_take_id(one, "given_facility_id", &facility, &err) ||
            !json_take_id(one, "id", &own, &err))
            play_fail(play, "a consent cannot be read");
        bool is_it = chain == 0
                         ? text_is(form, "comprehensive")
                         : text_is(form, "specific") &&
                               id_equal(play->world.facilities[chain - 1].id, facility);
        struct id_text text = id_to_text(own);
        if (is_it)
            snprintf(id, 33, "%s", text.at);
        if (is_it)
            return true;
    }
    return false;
}

static bool is_active(const struct model_chain *chain)
{
    return chain->is_given && !chain->is_withdrawn;
}

static void withdraw_consent(struct play *play, int patient)
{
    struct model_person *person = &play->model.persons[patient];
    int staff = draw(play->world.staff_count);
    int chain = draw(MODEL_CHAINS);
    char id[33], line[128];
    for (int i = 0; i < MODEL_CHAINS && !is_active(&person->chains[chain]); i++)
        chain = (chain + 1) % MODEL_CHAINS;
    if (!is_active(&person->chains[chain]) ||
        !find_consent(play, staff, patient, chain, id))
        return;
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals", id);
    steps_ask_surely(play, staff, line, "{\"channel\":\"oral\"}");
    if (play->reply.status == 200)
        person->chains[chain].is_withdrawn = true;
}

void steps_people(struct play *play)
{
    int patient = draw(MODEL_PATIENTS);
    const struct model_person *person = &play->model.persons[patient];
    int facility = draw(play->world.facility_count);
    int what = draw(10);
    if (!person->is_registered)
        register_person(play, patient);
    else if (what < 4 && person->links[facility] != MODEL_LINKED)
        add_link(play, patient, facility);
    else if (what < 5 && person->links[facility] == MODEL_LINKED)
        end_link(play, patient, facility);
    else if (what < 8)
        give_consent(play, patient);
    else
        withdraw_consent(play, patient);
}

/* ---- looking ---- */

static void close_opening(struct play *play, int staff, const char *opening)
{
    char line[128];
    snprintf(line, sizeof line, "DELETE /api/v1/openings/%s", opening);
    browser_ask(&play->browsers[staff], line, ++play->keys, "", &play->other_reply);
}

static void open_content(struct play *play, int staff, int patient,
                         const struct judge_mark *mark)
{
    struct browser_reply *reply = &play->other_reply;
    char line[128], opening[64], request[33];
    struct model_entry *entry =
        model_find(&play->model, mark->facility + 1, patient, mark->type, mark->day);
    snprintf(line, sizeof line, "POST /api/v1/entries/%s/openings", mark->entry);
    browser_ask(&play->browsers[staff], line, ++play->keys, "", reply);
    if (reply->status != 201)
        return;
    snprintf(request, sizeof request, "%s", reply->request);
    judge_audit(play, request);
    browser_member(reply, "opening", opening);
    snprintf(line, sizeof line, "GET /api/v1/openings/%s/content", opening);
    browser_ask(&play->browsers[staff], line, ++play->keys, "", reply);
    play_tell(play, "%s reads an entry of hospital %d, day %d: %d %s",
              play->world.staff[staff].login, mark->facility + 1, (int)mark->day,
              reply->status, reply->code);
    if (reply->status == 200)
        judge_content(play, entry, staff, reply);
    close_opening(play, staff, opening);
}

void steps_open_calendar(struct play *play, int staff, int patient)
{
    static struct judge_calendar calendar; /* allowed: large, of one step */
    char line[128];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings",
             play->model.persons[patient].id);
    browser_ask(&play->browsers[staff], line, ++play->keys,
                "{\"from\":\"2026-08-01\",\"to\":\"2026-12-31\"}", &play->reply);
    play_tell(play, "%s opens the calendar of person %d: %d %s",
              play->world.staff[staff].login, patient, play->reply.status,
              play->reply.code);
    if (play->reply.status != 201) {
        play->refusals++;
        return;
    }
    play->disclosures++;
    judge_audit(play, play->reply.request);
    judge_calendar(play, staff, patient, &play->reply, &calendar);
    for (int i = 0; i < calendar.count; i++)
        if (draw(4) == 0)
            open_content(play, staff, patient, &calendar.marks[i]);
    if (draw(3)) {
        close_opening(play, staff, calendar.opening);
        return;
    }
    play->opened = (struct play_opening){staff, patient, ""};
    snprintf(play->opened.handle, sizeof play->opened.handle, "%s", calendar.opening);
}

/* Under what was decided then, checked again now. */
static void look_again(struct play *play)
{
    static struct judge_calendar calendar; /* allowed: large, of one step */
    struct play_opening opened = play->opened;
    char line[128];
    bool is_check = draw(4) == 0;
    snprintf(line, sizeof line,
             is_check ? "POST /api/v1/openings/%s/checks"
                      : "GET /api/v1/openings/%s/calendar?from=2026-08-01&to=2026-12-31",
             opened.handle);
    browser_ask(&play->browsers[opened.staff], line, ++play->keys, is_check ? "{}" : "",
                &play->reply);
    play_tell(play, "%s %s the open calendar of person %d: %d %s",
              play->world.staff[opened.staff].login,
              is_check ? "has the hospitals checked for" : "looks again at",
              opened.patient, play->reply.status, play->reply.code);
    if (play->reply.status == 200 && !is_check)
        judge_calendar(play, opened.staff, opened.patient, &play->reply, &calendar);
}

void steps_look(struct play *play)
{
    int patient = draw(MODEL_PATIENTS);
    if (*play->opened.handle && draw(3) == 0)
        look_again(play);
    else if (play->model.persons[patient].is_registered)
        steps_open_calendar(play, draw(play->world.staff_count), patient);
}
