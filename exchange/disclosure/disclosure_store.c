// SPDX-License-Identifier: Apache-2.0
/* Facts for the rule, from the folders that keep them, in one snapshot.
 *
 * First only what changes from person to person is asked for, all at once, with the epoch
 * beside it: where everything else is known in this very epoch (disclosure_known.c) one
 * question is the whole of it. Where something is not, all is asked again in a snapshot
 * that lasts. */
#include <stdlib.h>
#include <string.h>

#include "exchange/disclosure/disclosure_facts.h"
#include "exchange/patient/patient_facts.h"
#include "store/store.h"

static enum disclosure_link link_of(const struct patient_record *record)
{
    if (!record)
        return DISCLOSURE_LINK_NONE;
    switch (record->state) {
    case PATIENT_PROPOSED:
        return DISCLOSURE_LINK_PROPOSED;
    case PATIENT_CONFIRMED:
        return DISCLOSURE_LINK_CONFIRMED;
    case PATIENT_SUSPENDED:
        return DISCLOSURE_LINK_SUSPENDED;
    case PATIENT_REFUSED:
        return DISCLOSURE_LINK_REFUSED;
    case PATIENT_ENDED:
    case PATIENT_RECORD_STATE_COUNT:
        break;
    }
    return DISCLOSURE_LINK_NONE;
}

static enum disclosure_consent consent_of(enum consent_cover cover)
{
    switch (cover) {
    case CONSENT_COVER_COVERS:
        return DISCLOSURE_CONSENT_COVERS;
    case CONSENT_COVER_NOT_COVERING:
        return DISCLOSURE_CONSENT_NOT_COVERING;
    case CONSENT_COVER_REFUSED:
        return DISCLOSURE_CONSENT_REFUSED;
    case CONSENT_COVER_EXPIRED:
        return DISCLOSURE_CONSENT_EXPIRED;
    case CONSENT_COVER_WITHDRAWN:
        return DISCLOSURE_CONSENT_WITHDRAWN;
    case CONSENT_COVER_JOINER_WAITING:
        return DISCLOSURE_CONSENT_JOINER_WAITING;
    case CONSENT_COVER_NONE:
        break;
    }
    return DISCLOSURE_CONSENT_NONE;
}

/* What members write at the centre, and all that a gateway tells of. */
enum { WRITTEN_KINDS = 1 << ENTRY_NOTE, ALL_KINDS = (1 << ENTRY_KIND_COUNT) - 1 };

struct gathering {
    struct disclosure_reading *reading;
    struct asked *asked;
    uint64_t epoch;
    struct disclosure_lists *lists; /* held */
    struct consent_facts consents;
    struct patient_record *records;
    size_t record_count;
    struct disclosure_provider_facts *providers;
    size_t provider_count;
    int32_t today;
    struct disclosure_doer doer;
};

/* The questions whose answers need no other: they leave together. *owned* */
struct asked {
    struct store_statement *post;
    struct store_statement *staff;
    struct store_statement *network;
    struct store_statement *epoch;
    struct store_statement *person;
    struct store_statement *records;
    struct store_statement *consents;
    struct store_statement *code; /* of the viewer's facility */
};

static void end_asked(struct asked *asked)
{
    store_finish(&asked->post);
    store_finish(&asked->staff);
    store_finish(&asked->network);
    store_finish(&asked->epoch);
    store_finish(&asked->person);
    store_finish(&asked->records);
    store_finish(&asked->consents);
    store_finish(&asked->code);
}

static bool ask_actor(struct store_session *session, const struct session_actor *actor,
                      struct asked *asked, struct err *err)
{
    asked->post = staff_post_ask(session, actor->post, err);
    asked->staff = staff_ask(session, actor->staff, err);
    asked->network = network_ask(session, actor->network, err);
    return asked->network != NULL; /* behind a fault the next ones are NULL, too */
}

bool disclosure_ask_facts(struct store *store, struct disclosure_ahead *ahead,
                          struct err *err)
{
    ahead->session = store_read_once(store, err);
    if (!ahead->session)
        return false;
    ahead->person = patient_person_ask(ahead->session, ahead->about, err);
    ahead->records = patient_records_ask(ahead->session, ahead->about, err);
    ahead->consents = consent_facts_ask(ahead->session, ahead->about, err);
    return ahead->consents != NULL;
}

void disclosure_ahead_end(struct disclosure_ahead *ahead)
{
    store_finish(&ahead->person);
    store_finish(&ahead->records);
    store_finish(&ahead->consents);
    store_read_end(&ahead->session);
}

static bool ask_person(struct store_session *session,
                       const struct disclosure_request *request, struct asked *asked,
                       struct err *err)
{
    asked->epoch = network_epoch_ask(session, err);
    asked->person = patient_person_ask(session, request->person, err);
    asked->records = patient_records_ask(session, request->person, err);
    asked->consents = consent_facts_ask(session, request->person, err);
    return asked->consents != NULL;
}

/* They are then this asking's. */
static void take_over(struct asked *asked, struct disclosure_ahead *ahead)
{
    asked->person = ahead->person;
    asked->records = ahead->records;
    asked->consents = ahead->consents;
    ahead->person = ahead->records = ahead->consents = NULL;
}

static bool ask(struct disclosure_reading *reading, struct asked *asked, struct err *err)
{
    const struct disclosure_request *request = reading->request;
    if (reading->ahead) {
        take_over(asked, reading->ahead);
        return true;
    }
    if (reading->is_brief)
        return ask_person(reading->session, request, asked, err);
    asked->code = facility_code_ask(reading->session, request->actor->facility, err);
    return asked->code && ask_actor(reading->session, request->actor, asked, err) &&
           ask_person(reading->session, request, asked, err);
}

/* Not known, and not to be asked for now. */
static bool lacks(struct disclosure_reading *reading, struct err *err)
{
    reading->is_lacking = true;
    return err_set(err, ERR_BUSY, "epoch_stale", "to be read anew");
}

/* A confirmed record wins over one that is not; one per facility as a rule. */
static const struct patient_record *record_at(const struct gathering *gathering,
                                              struct id facility)
{
    const struct patient_record *best = NULL;
    for (size_t i = 0; i < gathering->record_count; i++) {
        const struct patient_record *record = &gathering->records[i];
        if (!id_equal(record->facility, facility))
            continue;
        if (!best || record->state == PATIENT_CONFIRMED)
            best = record;
    }
    return best;
}

static bool note_consent(struct disclosure_reading *reading,
                         const struct consent *consent, struct err *err)
{
    if (!consent || reading->consent.len > 0)
        return true;
    CLEANUP(buf_free) struct buf name = buf_init(64);
    struct span copy = {0};
    struct id_text id = id_to_text(consent->id);
    buf_cstr(&name, id.at);
    buf_byte(&name, '/');
    buf_u64(&name, (uint64_t)consent->version);
    if (!buf_to_arena(&name, reading->arena, &copy, err))
        return false;
    return text_from_utf8(copy, &reading->consent, err);
}

/* The facility's policy as the viewer's facility and profession see it. */
static bool read_policy(struct gathering *gathering,
                        struct disclosure_provider_facts *one, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    const struct session_actor *actor = reading->request->actor;
    struct text policy;
    bool is_known = false;
    struct disclosure_audience audience = {
        .profession = text_cstr(staff_profession_id(actor->profession)),
        .facility_kind = text_cstr(facility_kind_id(actor->facility_kind)),
        .facility_code = {gathering->doer.code, gathering->doer.code_len},
        .epoch = gathering->epoch,
    };
    if (!disclosure_recall_policy(reading->policies, &audience, reading->arena, one,
                                  &is_known, err))
        return false;
    if (is_known)
        return true;
    if (reading->is_brief)
        return lacks(reading, err);
    if (!facility_find_policy(reading->session, one->provider, reading->arena, &policy,
                              err))
        return false;
    return disclosure_read_policy(reading->policies, policy, &audience, reading->arena,
                                  one, err);
}

static bool add_provider(struct gathering *gathering, struct id facility,
                         uint32_t held_kinds, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    const struct session_actor *actor = reading->request->actor;
    const struct patient_record *record = record_at(gathering, facility);
    struct disclosure_provider_facts *one =
        &gathering->providers[gathering->provider_count++];
    *one = (struct disclosure_provider_facts){.provider = facility,
                                              .link = link_of(record),
                                              .held_kinds = held_kinds,
                                              .from_day = DAY_NONE};
    one->is_participant =
        network_participant_find(&gathering->lists->participants, facility) != NULL;
    if (record) {
        one->record = record->id;
        one->local_number = record->number;
    }
    struct consent_verdict verdict =
        consent_covers(&gathering->consents, &gathering->lists->participants, facility,
                       actor->facility, gathering->today);
    one->consent = consent_of(verdict.cover);
    if (!note_consent(reading, verdict.by, err))
        return false;
    /* Without a number the rule does not come to the policy. */
    return !record || read_policy(gathering, one, err);
}

static bool is_asked(const struct gathering *gathering, struct id facility)
{
    const struct disclosure_request *request = gathering->reading->request;
    return id_is_zero(request->provider) || id_equal(request->provider, facility);
}

static int compare_ids(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct id));
}

static bool is_keeping(const struct gathering *gathering, struct id facility)
{
    const struct facility_ids *keeping = &gathering->lists->keeping;
    return keeping->count > 0 && bsearch(&facility, keeping->at, keeping->count,
                                         sizeof *keeping->at, compare_ids) != NULL;
}

static bool has_provider(const struct gathering *gathering, struct id facility)
{
    for (size_t i = 0; i < gathering->provider_count; i++)
        if (id_equal(gathering->providers[i].provider, facility))
            return true;
    return false;
}

/* Whoever has a number and a policy, and no gateway. Without a number there is nothing
 * of the person, and nothing to say. */
static bool gather_keeping(struct gathering *gathering, struct err *err)
{
    struct id viewer = gathering->reading->request->actor->facility;
    for (size_t i = 0; i < gathering->record_count; i++) {
        struct id one = gathering->records[i].facility;
        bool is_told = link_of(record_at(gathering, one)) != DISCLOSURE_LINK_NONE &&
                       !id_equal(one, viewer) && is_asked(gathering, one) &&
                       is_keeping(gathering, one) && !has_provider(gathering, one);
        if (is_told && !add_provider(gathering, one, WRITTEN_KINDS, err))
            return false;
    }
    return true;
}

/* Every disclosing participant, so that what is missing can be said; whoever holds a
 * record although it left the list; who keeps a policy without a gateway; and the viewer
 * itself. */
static bool gather_providers(struct gathering *gathering, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    struct id viewer = reading->request->actor->facility;
    struct facility_ids disclosing = gathering->lists->disclosing;
    size_t most = disclosing.count + gathering->record_count + 1;
    bool has_viewer = false;
    gathering->providers =
        ARENA_MANY(reading->arena, struct disclosure_provider_facts, most, err);
    if (!gathering->providers)
        return false;
    for (size_t i = 0; i < disclosing.count; i++) {
        struct id one = disclosing.at[i];
        bool is_viewer = id_equal(one, viewer);
        bool is_listed =
            network_participant_find(&gathering->lists->participants, one) != NULL;
        bool is_told = is_viewer || is_listed || record_at(gathering, one);
        has_viewer = has_viewer || is_viewer;
        if (is_asked(gathering, one) && is_told &&
            !add_provider(gathering, one, ALL_KINDS, err))
            return false;
    }
    if (!gather_keeping(gathering, err))
        return false;
    return has_viewer || !is_asked(gathering, viewer) ||
           add_provider(gathering, viewer, ALL_KINDS, err);
}

/* How whoever asks stands in this snapshot. */
static bool take_doer(const struct asked *asked, const struct session_actor *actor,
                      struct arena *arena, struct disclosure_doer *doer, struct err *err)
{
    struct staff staff;
    struct network network;
    *doer = (struct disclosure_doer){.staff = actor->staff,
                                     .post = actor->post,
                                     .network = actor->network,
                                     .facility = actor->facility};
    if (!staff_post_take(asked->post, &doer->times, err) ||
        !staff_take(asked->staff, actor->staff, arena, &staff, err) ||
        !network_take(asked->network, arena, &network, err))
        return false;
    doer->is_disabled = staff.is_disabled;
    doer->assurance_needed = (int)network.minimum_assurance;
    return true;
}

/* Account, post and level of the session, as they are now. */
static void judge_doer(const struct disclosure_doer *doer,
                       const struct session_actor *actor, int32_t today,
                       struct disclosure_facts *facts)
{
    facts->actor_is_active =
        !doer->is_disabled && staff_post_is_active(&doer->times, today);
    facts->assurance = (int)actor->assurance;
    facts->assurance_needed = doer->assurance_needed;
}

bool disclosure_read_actor(struct store *store, const struct session_actor *actor,
                           int64_t now_ms, struct arena *arena, const char **reason,
                           struct err *err)
{
    struct disclosure_facts facts = {.purpose = PERMIT_REGISTER};
    struct disclosure_doer doer;
    CLEANUP(store_read_end) struct store_session *session = store_read_late(store, err);
    CLEANUP(end_asked) struct asked asked = {.post = NULL};
    if (!session || !ask_actor(session, actor, &asked, err) ||
        !take_doer(&asked, actor, arena, &doer, err))
        return false;
    judge_doer(&doer, actor, day_of_instant(now_ms), &facts);
    *reason = disclosure_actor_refusal(&facts);
    return true;
}

static bool take_code(struct gathering *gathering, struct err *err)
{
    struct text code;
    struct disclosure_doer *doer = &gathering->doer;
    if (!facility_code_take(gathering->asked->code, gathering->reading->arena, &code,
                            err))
        return false;
    if (code.len > sizeof doer->code)
        return err_set(err, ERR_SYSTEM, "store_corrupt", "a facility's code too long");
    if (code.len > 0)
        memcpy(doer->code, code.at, code.len);
    doer->code_len = code.len;
    return true;
}

/* Known, or read and kept. */
static bool find_doer(struct gathering *gathering, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    const struct session_actor *actor = reading->request->actor;
    if (disclosure_known_doer(reading->known, actor, gathering->epoch, &gathering->doer))
        return true;
    if (reading->is_brief)
        return lacks(reading, err);
    if (!take_doer(gathering->asked, actor, reading->arena, &gathering->doer, err) ||
        !take_code(gathering, err))
        return false;
    gathering->doer.epoch = gathering->epoch;
    disclosure_known_keep_doer(reading->known, &gathering->doer);
    return true;
}

/* The person's consent has to be in force between the facility and itself, too. */
static void judge_writing(const struct gathering *gathering,
                          const struct session_actor *actor,
                          struct disclosure_facts *facts)
{
    struct consent_verdict verdict =
        consent_covers(&gathering->consents, &gathering->lists->participants,
                       actor->facility, actor->facility, gathering->today);
    facts->viewer_consent = consent_of(verdict.cover);
    facts->actor_may_write = staff_may_write(actor->profession, actor->role);
}

static void gather_actor(struct gathering *gathering)
{
    struct disclosure_reading *reading = gathering->reading;
    const struct session_actor *actor = reading->request->actor;
    struct disclosure_facts *facts = &reading->facts;
    judge_doer(&gathering->doer, actor, gathering->today, facts);
    facts->purpose = reading->request->purpose;
    facts->viewer = actor->facility;
    facts->viewer_is_participant =
        network_participant_find(&gathering->lists->participants, actor->facility) !=
        NULL;
    const struct patient_record *own = record_at(gathering, actor->facility);
    facts->viewer_link = link_of(own);
    if (facts->purpose == PERMIT_WRITE)
        judge_writing(gathering, actor, facts);
    reading->viewer_has_number = facts->viewer_link == DISCLOSURE_LINK_CONFIRMED;
    if (own)
        reading->own_number = own->number;
}

/* Whoever withdrew everything is found by nobody who had not known him before. */
static bool is_named(const struct disclosure_request *request,
                     const struct patient_person *person,
                     const struct gathering *gathering)
{
    return request->is_own_number && request->birth_day != DAY_NONE &&
           request->birth_day == person->birth_day &&
           consent_has_active(&gathering->consents, gathering->today);
}

/* Known, or read and kept. */
static bool find_lists(struct gathering *gathering, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    struct id network = reading->request->actor->network;
    gathering->lists = disclosure_known_take(reading->known, network, gathering->today,
                                             gathering->epoch);
    if (gathering->lists)
        return true;
    if (reading->is_brief)
        return lacks(reading, err);
    struct disclosure_lists *lists = disclosure_lists_new(reading->known, err);
    if (!lists)
        return false;
    gathering->lists = lists;
    lists->epoch = gathering->epoch;
    lists->day = gathering->today;
    if (!network_participants_on(reading->session, network, gathering->today,
                                 &lists->arena, &lists->participants, err) ||
        !facility_list_disclosing(reading->session, &lists->arena, &lists->disclosing,
                                  err) ||
        !facility_list_keeping(reading->session, &lists->arena, &lists->keeping, err))
        return false;
    disclosure_known_keep(lists);
    return true;
}

static bool gather(struct gathering *gathering, struct err *err)
{
    struct disclosure_reading *reading = gathering->reading;
    const struct disclosure_request *request = reading->request;
    struct patient_person person;
    if (reading->ahead)
        gathering->epoch = reading->ahead->epoch;
    else if (!network_epoch_take(gathering->asked->epoch, &gathering->epoch, err))
        return false;
    if (!patient_person_take(gathering->asked->person, request->person, reading->arena,
                             &person, err))
        return false;
    if (!id_equal(person.network, request->actor->network))
        return err_set(err, ERR_MISSING, "not_found", "a person of another network");
    if (!find_lists(gathering, err) || !find_doer(gathering, err) ||
        !patient_records_take(gathering->asked->records, reading->arena,
                              &gathering->records, &gathering->record_count, err) ||
        !consent_facts_take(reading->session, gathering->asked->consents, reading->arena,
                            &gathering->consents, err))
        return false;
    gather_actor(gathering);
    if (!gather_providers(gathering, err))
        return false;
    reading->facts.viewer_registered_person =
        id_equal(person.registered_facility, request->actor->facility);
    reading->facts.viewer_named_person = is_named(request, &person, gathering);
    reading->facts.providers = gathering->providers;
    reading->facts.provider_count = gathering->provider_count;
    return true;
}

static bool read_facts(struct disclosure_reading *reading, struct err *err)
{
    CLEANUP(end_asked) struct asked asked = {.post = NULL};
    struct gathering gathering = {
        .reading = reading, .asked = &asked, .today = day_of_instant(reading->now_ms)};
    bool is_gathered = ask(reading, &asked, err) && gather(&gathering, err);
    disclosure_lists_release(&gathering.lists);
    return is_gathered;
}

/* Versions of consents are never changed, so those of specific ones may be read behind
 * the rest. */
static bool gather_brief(struct store *store, struct disclosure_reading *reading,
                         struct err *err)
{
    reading->is_brief = true;
    if (reading->ahead) {
        reading->session = reading->ahead->session;
        return read_facts(reading, err);
    }
    CLEANUP(store_read_end) struct store_session *session = store_read_once(store, err);
    reading->session = session;
    return session && read_facts(reading, err);
}

bool disclosure_gather(struct store *store, struct disclosure_reading *reading,
                       struct err *err)
{
    struct disclosure_reading brief = *reading;
    bool is_gathered = gather_brief(store, &brief, err);
    if (!brief.is_lacking) {
        *reading = brief;
        return is_gathered;
    }
    err_clear(err);
    if (reading->ahead)
        disclosure_ahead_end(reading->ahead); /* two readers for one would not do */
    reading->ahead = NULL;
    CLEANUP(store_read_end) struct store_session *session = store_read_late(store, err);
    reading->session = session;
    return session && read_facts(reading, err);
}
