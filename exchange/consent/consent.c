// SPDX-License-Identifier: Apache-2.0
#include "exchange/consent/consent.h"

#include "exchange/consent/consent_parts.h"
#include "exchange/consent/consent_service.h"
#include "exchange/session/session.h"
#include "formats/json/json.h"

static const char *const form_ids[] = {
    [CONSENT_COMPREHENSIVE] = "comprehensive",
    [CONSENT_SPECIFIC] = "specific",
};
static const char *const channel_ids[] = {
    [CONSENT_PAPER] = "paper",
    [CONSENT_ORAL] = "oral",
    [CONSENT_DEVICE] = "device",
};
static const char *const giver_ids[] = {
    [CONSENT_SELF] = "self",
    [CONSENT_PARENT] = "parent",
    [CONSENT_GUARDIAN] = "guardian",
    [CONSENT_REPRESENTATIVE] = "representative",
};
static const char *const state_ids[] = {
    [CONSENT_ACTIVE] = "active",
    [CONSENT_REFUSED] = "refused",
    [CONSENT_WITHDRAWN] = "withdrawn",
};

const char *consent_form_id(enum consent_form form)
{
    return form_ids[form];
}

const char *consent_channel_id(enum consent_channel channel)
{
    return channel_ids[channel];
}

const char *consent_giver_id(enum consent_giver giver)
{
    return giver_ids[giver];
}

const char *consent_state_id(enum consent_state state)
{
    return state_ids[state];
}

static bool find_word(struct text id, const char *const *ids, int count, int *index)
{
    for (int i = 0; i < count; i++)
        if (text_is(id, ids[i])) {
            *index = i;
            return true;
        }
    return false;
}

bool consent_form_parse(struct text id, enum consent_form *form)
{
    int index = 0;
    bool is_known = find_word(id, form_ids, 2, &index);
    *form = (enum consent_form)index;
    return is_known;
}

bool consent_channel_parse(struct text id, enum consent_channel *channel)
{
    int index = 0;
    bool is_known = find_word(id, channel_ids, 3, &index);
    *channel = (enum consent_channel)index;
    return is_known;
}

bool consent_giver_parse(struct text id, enum consent_giver *giver)
{
    int index = 0;
    bool is_known = find_word(id, giver_ids, 4, &index);
    *giver = (enum consent_giver)index;
    return is_known;
}

bool consent_state_parse(struct text id, enum consent_state *state)
{
    int index = 0;
    bool is_known = find_word(id, state_ids, 3, &index);
    *state = (enum consent_state)index;
    return is_known;
}

/* ---- the rule ---- */

static bool names_facility(const struct consent *consent, struct id facility)
{
    for (size_t i = 0; i < consent->facility_count; i++)
        if (id_equal(consent->facilities[i], facility))
            return true;
    return false;
}

/* A member of the list the person was told of, or a joiner whose waiting is over. */
static bool is_told_of(const struct consent *consent,
                       const struct network_participant *participant, int32_t today)
{
    return participant->since_version <= consent->list_version ||
           today >= participant->visible_from_day;
}

static bool is_expired(const struct consent *consent, int32_t today)
{
    return consent->until_day != DAY_NONE && today > consent->until_day;
}

/* The two facilities as members of the list in force. */
struct pair {
    const struct network_participant *provider;
    const struct network_participant *viewer;
};

/* How near the newest version of one chain comes. Whether it would reach the two is asked
 * before its state, so that "withdrawn" is only said of a consent that did reach them. */
static enum consent_cover cover_by_one(const struct consent *consent,
                                       const struct pair *pair, int32_t today)
{
    if (consent->form == CONSENT_SPECIFIC &&
        (!names_facility(consent, pair->provider->facility) ||
         !names_facility(consent, pair->viewer->facility)))
        return CONSENT_COVER_NOT_COVERING;
    if (consent->state == CONSENT_REFUSED)
        return CONSENT_COVER_REFUSED;
    if (consent->state == CONSENT_WITHDRAWN)
        return CONSENT_COVER_WITHDRAWN;
    if (is_expired(consent, today))
        return CONSENT_COVER_EXPIRED;
    if (consent->form == CONSENT_COMPREHENSIVE &&
        (!is_told_of(consent, pair->provider, today) ||
         !is_told_of(consent, pair->viewer, today)))
        return CONSENT_COVER_JOINER_WAITING;
    return CONSENT_COVER_COVERS;
}

struct consent_verdict consent_covers(const struct consent_facts *facts,
                                      const struct network_participants *participants,
                                      struct id provider, struct id viewer, int32_t today)
{
    struct consent_verdict best = {CONSENT_COVER_NONE, NULL};
    struct pair pair = {network_participant_find(participants, provider),
                        network_participant_find(participants, viewer)};
    bool are_members = pair.provider && pair.viewer;
    for (size_t i = 0; i < facts->count; i++) {
        const struct consent *consent = &facts->items[i];
        enum consent_cover cover = CONSENT_COVER_NOT_COVERING;
        if (are_members && id_equal(consent->network, participants->network))
            cover = cover_by_one(consent, &pair, today);
        if (cover > best.cover)
            best = (struct consent_verdict){cover, consent};
    }
    return best;
}

const char *consent_state_for(const struct consent_facts *facts,
                              const struct network_participants *participants,
                              struct id viewer, int32_t today)
{
    static const char *const words[] = {
        [CONSENT_COVER_NONE] = "none",           [CONSENT_COVER_NOT_COVERING] = "none",
        [CONSENT_COVER_REFUSED] = "refused",     [CONSENT_COVER_EXPIRED] = "expired",
        [CONSENT_COVER_WITHDRAWN] = "withdrawn", [CONSENT_COVER_JOINER_WAITING] = "none",
        [CONSENT_COVER_COVERS] = "active",
    };
    /* A facility that is covered as its own provider is one that the consent reaches. */
    return words[consent_covers(facts, participants, viewer, viewer, today).cover];
}

bool consent_has_active(const struct consent_facts *facts, int32_t today)
{
    for (size_t i = 0; i < facts->count; i++)
        if (facts->items[i].state == CONSENT_ACTIVE &&
            !is_expired(&facts->items[i], today))
            return true;
    return false;
}

/* The contract's words for how near a consent comes. */
static const char *const cover_ids[] = {
    [CONSENT_COVER_NONE] = "none",
    [CONSENT_COVER_NOT_COVERING] = "not_covering",
    [CONSENT_COVER_REFUSED] = "refused",
    [CONSENT_COVER_EXPIRED] = "expired",
    [CONSENT_COVER_WITHDRAWN] = "withdrawn",
    [CONSENT_COVER_JOINER_WAITING] = "joiner_waiting",
    [CONSENT_COVER_COVERS] = "covers",
};

static void write_right(struct json_writer *writer, struct id facility,
                        const struct consent_verdict *verdict)
{
    bool is_known = verdict->by && verdict->cover > CONSENT_COVER_NOT_COVERING;
    json_open_object(writer);
    json_put_id(writer, "facility", facility);
    json_put_cstr(writer, "state", cover_ids[verdict->cover]);
    if (is_known)
        json_put_id(writer, "consent", verdict->by->id);
    else
        json_put_null(writer, "consent");
    json_put_day(writer, "until", is_known ? verdict->by->until_day : DAY_NONE);
    json_close_object(writer);
}

void consent_write_rights(struct json_writer *writer, const struct consent_facts *facts,
                          const struct network_participants *participants,
                          struct id viewer, int32_t today)
{
    json_key(writer, "rights");
    json_open_array(writer);
    for (size_t i = 0; i < participants->count; i++) {
        struct id facility = participants->items[i].facility;
        struct consent_verdict verdict =
            consent_covers(facts, participants, facility, viewer, today);
        if (!id_equal(facility, viewer))
            write_right(writer, facility, &verdict);
    }
    json_close_array(writer);
}

bool consent_check(const struct consent *consent, int32_t today, struct err *err)
{
    bool is_proxy = consent->giver != CONSENT_SELF;
    if (is_proxy == text_is_empty(consent->giver_name))
        return err_set(err, ERR_SYNTAX, "consent_giver_name",
                       "a proxy is named, the person itself is not");
    bool is_specific = consent->form == CONSENT_SPECIFIC;
    if (is_specific ? consent->facility_count < 2 : consent->facility_count > 0)
        return err_set(err, ERR_SYNTAX, "consent_facilities",
                       "specific consent names facilities, comprehensive does not");
    if (consent->until_day != DAY_NONE && consent->until_day < today)
        return err_set(err, ERR_SYNTAX, "consent_until", "the last day is past");
    return true;
}

/* ---- the contract's JSON ---- */

static bool read_words(const struct json_value *object, struct consent *consent,
                       struct err *err)
{
    struct text form, channel, giver;
    static const char *const members[] = {"form",       "channel", "giver", "giver_name",
                                          "facilities", "note",    "until", NULL};
    if (!json_check_members(object, members, err) ||
        !json_take_text(object, "form", 16, &form, err) ||
        !json_take_text(object, "channel", 16, &channel, err) ||
        !json_take_text(object, "giver", 16, &giver, err))
        return false;
    if (!consent_form_parse(form, &consent->form))
        return err_set(err, ERR_SYNTAX, "consent_form", "unknown form");
    if (!consent_channel_parse(channel, &consent->channel))
        return err_set(err, ERR_SYNTAX, "consent_channel", "unknown channel");
    if (!consent_giver_parse(giver, &consent->giver))
        return err_set(err, ERR_SYNTAX, "consent_giver", "unknown giver");
    return true;
}

static bool read_until(const struct json_value *object, struct consent *consent,
                       struct err *err)
{
    struct text until = {NULL, 0};
    consent->until_day = DAY_NONE;
    if (!json_take_text_or(object, "until", 10, &until, err))
        return false;
    if (until.len == 0)
        return true;
    consent->until_day = day_from_iso(text_span(until));
    return consent->until_day != DAY_NONE ||
           err_set(err, ERR_SYNTAX, "consent_until", "no such day");
}

static bool add_facility(struct id *facilities, size_t *count, struct id facility)
{
    for (size_t i = 0; i < *count; i++)
        if (id_equal(facilities[i], facility))
            return false;
    facilities[(*count)++] = facility;
    return true;
}

static bool read_facilities(const struct json_value *object, struct id own,
                            struct arena *arena, struct consent *consent, struct err *err)
{
    const struct json_value *array = json_member(object, "facilities");
    if (array && !json_is_null(array) &&
        !json_take_array(object, "facilities", CONSENT_FACILITIES_MAX - 1, &array, err))
        return false;
    size_t count = array && json_is_array(array) ? json_count(array) : 0;
    struct id *facilities = ARENA_MANY(arena, struct id, count + 1, err);
    if (!facilities)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct text text;
        struct id id;
        if (!json_item_text(array, i, ID_TEXT_BYTES, &text, err) ||
            !id_parse(text_span(text), &id, err))
            return false;
        (void)add_facility(facilities, &consent->facility_count, id);
    }
    if (consent->form == CONSENT_SPECIFIC)
        (void)add_facility(facilities, &consent->facility_count, own);
    consent->facilities = facilities;
    return true;
}

bool consent_read_input(const struct json_value *object,
                        const struct session_actor *actor, int64_t now_ms,
                        struct arena *arena, struct consent *consent, struct err *err)
{
    *consent = (struct consent){
        .network = actor->network,
        .state = CONSENT_ACTIVE,
        .giver_name = TEXT(""),
        .note = TEXT(""),
        .given_at = now_ms,
        .given_facility = actor->facility,
        .given_staff = actor->staff,
        .given_by = actor->staff_name,
        .given_facility_name = actor->facility_name,
        .withdrawn_by = TEXT(""),
        .withdrawn_facility_name = TEXT(""),
    };
    return read_words(object, consent, err) &&
           json_take_text_or(object, "giver_name", CONSENT_NAME_MAX, &consent->giver_name,
                             err) &&
           json_take_text_or(object, "note", CONSENT_NOTE_MAX, &consent->note, err) &&
           read_until(object, consent, err) &&
           read_facilities(object, actor->facility, arena, consent, err) &&
           consent_check(consent, day_of_instant(now_ms), err);
}

bool consent_read_withdrawal(const struct json_value *object,
                             struct consent_withdrawal *withdrawal, struct err *err)
{
    struct text channel;
    static const char *const members[] = {"channel", "note", NULL};
    withdrawal->note = TEXT("");
    if (!json_check_members(object, members, err) ||
        !json_take_text(object, "channel", 16, &channel, err) ||
        !json_take_text_or(object, "note", CONSENT_NOTE_MAX, &withdrawal->note, err))
        return false;
    return consent_channel_parse(channel, &withdrawal->channel) ||
           err_set(err, ERR_SYNTAX, "consent_channel", "unknown channel");
}

/* What a version says today. A giving that a newer one replaced is over as well: it
 * neither counts nor was it taken back; is_newest tells the two kinds of "expired" apart.
 */
static const char *shown_state(const struct consent *consent, int32_t today)
{
    bool is_over = !consent->is_newest || is_expired(consent, today);
    if (consent->state == CONSENT_ACTIVE && is_over)
        return "expired";
    return state_ids[consent->state];
}

static void write_withdrawal(struct json_writer *writer, const struct consent *consent)
{
    if (consent->withdrawn_at == 0)
        return;
    json_put_int(writer, "withdrawn_at", consent->withdrawn_at);
    json_put_text(writer, "withdrawn_facility", consent->withdrawn_facility_name);
    json_put_text(writer, "withdrawn_by", consent->withdrawn_by);
}

void consent_write(struct json_writer *writer, const struct consent *consent,
                   int32_t today)
{
    json_open_object(writer);
    json_put_id(writer, "id", consent->id);
    json_put_int(writer, "version", consent->version);
    json_put_cstr(writer, "form", form_ids[consent->form]);
    json_put_cstr(writer, "channel", channel_ids[consent->channel]);
    json_put_cstr(writer, "state", shown_state(consent, today));
    json_put_bool(writer, "is_newest", consent->is_newest);
    json_put_cstr(writer, "giver", giver_ids[consent->giver]);
    if (!text_is_empty(consent->giver_name))
        json_put_text(writer, "giver_name", consent->giver_name);
    if (consent->facility_count > 0) {
        json_key(writer, "facilities");
        json_open_array(writer);
        for (size_t i = 0; i < consent->facility_count; i++)
            json_id_value(writer, consent->facilities[i]);
        json_close_array(writer);
    }
    if (!text_is_empty(consent->note))
        json_put_text(writer, "note", consent->note);
    if (consent->until_day != DAY_NONE)
        json_put_day(writer, "until", consent->until_day);
    json_put_int(writer, "list_version", consent->list_version);
    json_put_int(writer, "given_at", consent->given_at);
    json_put_text(writer, "given_facility", consent->given_facility_name);
    json_put_id(writer, "given_facility_id", consent->given_facility);
    json_put_text(writer, "given_by", consent->given_by);
    write_withdrawal(writer, consent);
    json_close_object(writer);
}
