// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "gateway/index/index_moment.h"
#include "gateway/release/release_parts.h"

enum { HOUR_MS = 3600 * 1000 };

struct release *release_new(const struct release_config *config, struct err *err)
{
    struct release *release = memory_new(1, sizeof *release, err);
    if (!release)
        return NULL;
    release->config = *config;
    pthread_mutex_init(&release->lock, NULL);
    pthread_mutex_init(&release->first_lock, NULL);
    pthread_mutex_init(&release->opened_lock, NULL);
    return release;
}

void release_free(struct release *release)
{
    if (!release)
        return;
    release_end_all(release);
    pthread_mutex_destroy(&release->opened_lock);
    pthread_mutex_destroy(&release->first_lock);
    pthread_mutex_destroy(&release->lock);
    memory_free(release);
}

/* A known tunnel starts anew; else the oldest place is used. */
void release_note_tunnel(struct release *release, struct id tunnel)
{
    pthread_mutex_lock(&release->lock);
    struct release_tunnel *place = &release->tunnels[0];
    for (size_t i = 0; i < TUNNELS_MAX; i++) {
        struct release_tunnel *one = &release->tunnels[i];
        if (id_equal(one->id, tunnel)) {
            place = one;
            break;
        }
        if (one->hello_ms < place->hello_ms)
            place = one;
    }
    *place = (struct release_tunnel){
        .id = tunnel, .hello_ms = clock_monotonic_ms(&release->config.clock) + 1};
    pthread_mutex_unlock(&release->lock);
}

void release_drop_tunnel(struct release *release, struct id tunnel)
{
    pthread_mutex_lock(&release->lock);
    for (size_t i = 0; i < TUNNELS_MAX; i++)
        if (id_equal(release->tunnels[i].id, tunnel))
            release->tunnels[i] = (struct release_tunnel){.hello_ms = 0};
    pthread_mutex_unlock(&release->lock);
    release_end_of_tunnel(release, tunnel);
}

/* ---- the rule ---- */

static uint32_t asked_kinds(const struct release_facts *facts)
{
    uint32_t own = 1U << facts->place->kind;
    return facts->wants_original ? own | facts->place->kinds_in_file : own;
}

static uint32_t asked_sensitive(const struct release_facts *facts)
{
    uint32_t own = facts->place->is_sensitive ? 1U << facts->place->kind : 0;
    return facts->wants_original ? own | facts->place->sensitive_in_file : own;
}

/* What the source marks sensitive goes to whom a rule says so, and to nobody else. */
static bool is_kept_back(const struct release_facts *facts)
{
    struct uplink_audience audience = facts->audience;
    audience.is_for_sensitive = true;
    return (asked_sensitive(facts) & ~uplink_audience_kinds(facts->policy, &audience)) !=
           0;
}

/* Every kind asked for has waited as long as this audience must wait for it. */
static bool is_delayed(const struct release_facts *facts, uint32_t asked)
{
    uint32_t sensitive = asked_sensitive(facts);
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++) {
        struct uplink_audience audience = facts->audience;
        audience.is_for_sensitive = (sensitive >> kind & 1U) != 0;
        int64_t hours =
            uplink_audience_delay_hours(facts->policy, &audience, (enum entry_kind)kind);
        bool is_waiting = facts->received_at_ms + hours * HOUR_MS > facts->now_ms;
        if ((asked >> kind & 1U) && hours > 0 && is_waiting)
            return true;
    }
    return false;
}

static const char *policy_refusal(const struct release_facts *facts)
{
    const struct uplink_policy *policy = facts->policy;
    const struct index_place *place = facts->place;
    uint32_t asked = asked_kinds(facts);
    if (asked & ~uplink_released_kinds(policy))
        return facts->wants_original && (asked & (asked - 1)) ? "original_mixed"
                                                              : "kind_not_released";
    if (asked & ~uplink_audience_kinds(policy, &facts->audience))
        return "audience";
    if (is_kept_back(facts))
        return "sensitive";
    if (uplink_department_is_excluded(policy, place->department_code))
        return "department";
    if (place->day != DAY_NONE && policy->from_day != DAY_NONE &&
        place->day < policy->from_day)
        return "before_start";
    if (facts->wants_original && place->has_unpublished)
        return "original_mixed";
    return is_delayed(facts, asked) ? "delayed" : NULL;
}

const char *release_rule(const struct release_facts *facts)
{
    if (!facts->is_linked)
        return facts->was_linked ? "link_ended" : "link_missing";
    if (facts->has_ended)
        return "number_ended";
    if (!facts->names_entry)
        return "grant_entry";
    if (asked_kinds(facts) & ~facts->granted_kinds)
        return "kind_not_granted";
    const char *refusal = policy_refusal(facts);
    /* Nobody knows what, or whose, a file is that could not be read. */
    return refusal || !facts->place->is_incomplete ? refusal : "incomplete";
}

/* ---- the gate ---- */

/* The signature is checked once and without the lock, which all others wait for. */
bool release_check_grant(struct release *release, struct span wire, struct arena *arena,
                         struct grant *grant, struct err *err)
{
    const struct release_config *config = &release->config;
    int64_t now_ms = clock_monotonic_ms(&config->clock);
    int64_t wall_ms = clock_wall_ms(&config->clock);
    struct err last = {0};
    bool is_good = false;
    if (!grant_read(wire, &config->centre, arena, grant, err))
        return false;
    err_set(&last, ERR_REFUSED, "grant_tunnel", "no tunnel has said hello");
    pthread_mutex_lock(&release->lock);
    for (size_t i = 0; i < TUNNELS_MAX && !is_good; i++) {
        struct release_tunnel *tunnel = &release->tunnels[i];
        if (tunnel->hello_ms == 0)
            continue;
        struct grant_expectation expected = {.facility_code = config->facility_code,
                                             .tunnel = tunnel->id,
                                             .now_ms = now_ms - tunnel->hello_ms,
                                             .wall_ms = wall_ms,
                                             .window = &tunnel->window};
        err_clear(&last);
        is_good = grant_meets(grant, &expected, &last);
        bool is_other_tunnel = !is_good && strcmp(last.code, "grant_tunnel") == 0;
        if (!is_good && !is_other_tunnel)
            break;
    }
    pthread_mutex_unlock(&release->lock);
    if (!is_good)
        *err = last;
    return is_good;
}

static bool is_same_number(struct text a, struct text b)
{
    while (a.len > 0 && a.at[0] == '0')
        a = (struct text){a.at + 1, a.len - 1};
    while (b.len > 0 && b.at[0] == '0')
        b = (struct text){b.at + 1, b.len - 1};
    return text_equal(a, b);
}

/* Pictures that open with their order's entry have kind, day and arrival of their own:
 * both have to be released. */
static bool apply_to_pictures(struct release_deciding *deciding,
                              const struct index_moment *moment,
                              struct release_facts *facts, struct err *err)
{
    struct index_place *place = &deciding->permit->place;
    struct text key = {0};
    if (!index_moment_pictures(moment, place->number, place->entry_key, deciding->arena,
                               &key, err))
        return false;
    if (key.len == 0)
        return true;
    if (!index_moment_place(moment, place->number, key, deciding->arena, place, err))
        return false;
    deciding->permit->pictures = key;
    facts->received_at_ms = place->received_at_ms;
    deciding->reason = release_rule(facts);
    return true;
}

bool release_apply(struct release_deciding *deciding, struct err *err)
{
    const struct release_config *config = &deciding->release->config;
    const struct grant *grant = &deciding->permit->grant;
    struct index_link link;
    struct uplink_policy policy;
    bool is_known = false;
    bool stands = true;
    CLEANUP(index_moment_end) struct index_moment moment = {0};
    if (!index_read_policy(config->index, deciding->arena, &policy, err) ||
        !index_moment_begin(&moment, config->index, err) ||
        !index_moment_link(&moment, grant->record, deciding->arena, &link, &is_known,
                           err))
        return false;
    bool is_linked = is_known && link.state == INDEX_ACTIVE &&
                     is_same_number(link.number, grant->local_number);
    if (is_linked &&
        !index_moment_place(&moment, link.number, deciding->request->entry_key,
                            deciding->arena, &deciding->permit->place, err))
        return false;
    if (is_linked && !index_moment_stands(&moment, &link, &stands, err))
        return false;
    struct release_facts facts = {
        .now_ms = clock_wall_ms(&config->clock),
        .is_linked = is_linked,
        .was_linked = is_known,
        .has_ended = !stands,
        .names_entry = text_equal(grant->entry_key, deciding->request->entry_key),
        .granted_kinds = grant->kinds,
        .policy = &policy,
        .audience = {.profession = grant->profession,
                     .facility_kind = grant->viewer_kind,
                     .facility_code = grant->viewer_code},
        .place = &deciding->permit->place,
        .received_at_ms = deciding->permit->place.received_at_ms,
        .wants_original = deciding->request->wants_original,
    };
    deciding->reason = release_rule(&facts);
    return deciding->reason || !deciding->request->wants_pictures ||
           apply_to_pictures(deciding, &moment, &facts, err);
}

struct row_texts {
    struct id_text record;
    char day[DAY_TEXT_BYTES];
};

static void fill_row(const struct release *release, const struct release_permit *permit,
                     struct row_texts *texts, struct audit_record *row)
{
    const struct grant *grant = &permit->grant;
    texts->record = id_to_text(grant->record);
    day_to_iso(permit->place.path.len ? permit->place.day : DAY_NONE, texts->day);
    row->request = grant->request;
    row->provider = release->config.facility_code;
    row->person = id_view(&texts->record);
    row->local_number = grant->local_number;
    row->object = permit->pictures.len ? permit->pictures : grant->entry_key;
    row->detail = text_cstr(permit->detail);
    row->purpose = grant->purpose;
    row->title_day = text_cstr(texts->day);
    if (permit->place.path.len)
        row->kind = text_cstr(entry_kind_id(permit->place.kind));
    row->actor = (struct audit_actor){.staff_id = grant->staff_id,
                                      .name = grant->staff_name,
                                      .profession = grant->profession,
                                      .facility_id = grant->viewer_code,
                                      .facility_name = grant->viewer_name};
}

bool release_write_decision(const struct release_deciding *deciding, const char *event,
                            const char *reason, struct err *err)
{
    struct row_texts texts;
    struct audit_position position;
    struct audit_record row = {.phase = AUDIT_DECISION,
                               .event = event,
                               .verdict = reason ? "deny" : "permit",
                               .reason = reason};
    fill_row(deciding->release, deciding->permit, &texts, &row);
    return audit_append(deciding->release->config.audit, &row, &position, err);
}

/* A refusal is written down like a permit; then it is the answer. */
bool release_write_refusal(const struct release_deciding *deciding, const char *event,
                           struct err *err)
{
    struct err refusal = *err;
    err_clear(err);
    if (!release_write_decision(deciding, event, refusal.code, err))
        return false;
    *err = refusal;
    return false;
}

const struct release_permit *release_decide(struct release *release,
                                            const struct release_request *request,
                                            struct arena *arena, struct err *err)
{
    const char *event = request->wants_original ? "original" : "content";
    struct release_permit *permit = ARENA_NEW(arena, struct release_permit, err);
    struct release_deciding deciding = {
        .release = release, .request = request, .permit = permit, .arena = arena};
    if (!permit)
        return NULL;
    permit->event = event;
    if (request->part > 0)
        snprintf(permit->detail, sizeof permit->detail, "{\"part\":%zu}", request->part);
    bool is_decided =
        release_check_grant(release, request->grant, arena, &permit->grant, err) &&
        release_apply(&deciding, err);
    if (!is_decided) {
        if (err->kind == ERR_REFUSED || err->kind == ERR_MISSING ||
            err->kind == ERR_SYNTAX)
            (void)!release_write_refusal(&deciding, event, err);
        return NULL;
    }
    if (!release_write_decision(&deciding, event, deciding.reason, err))
        return NULL;
    if (deciding.reason) {
        err_set(err, ERR_REFUSED, deciding.reason, "refused: %s", deciding.reason);
        return NULL;
    }
    return permit;
}

const struct index_place *release_place(const struct release_permit *permit)
{
    return &permit->place;
}

const struct grant *release_grant(const struct release_permit *permit)
{
    return &permit->grant;
}

bool release_write_finish(struct release *release, const struct release_permit *permit,
                          const struct release_sum *sum, struct err *err)
{
    struct row_texts texts;
    struct audit_position position;
    struct audit_record row = {.phase = AUDIT_FINISH,
                               .event = permit->event,
                               .verdict = sum->verdict,
                               .bytes = sum->bytes,
                               .number_of_parts = sum->parts};
    fill_row(release, permit, &texts, &row);
    return audit_append(release->config.audit, &row, &position, err);
}

bool release_finish(struct release *release, const struct release_permit *permit,
                    const char *verdict, int64_t bytes, struct err *err)
{
    struct release_sum sum = {verdict, bytes, 1};
    return release_write_finish(release, permit, &sum, err);
}

bool release_note_link(struct release *release, struct id record, struct text number,
                       const char *verdict, const char *reason, struct err *err)
{
    struct id_text text = id_to_text(record);
    struct audit_position position;
    struct audit_record row = {.phase = AUDIT_EVENT,
                               .event = "link",
                               .verdict = verdict,
                               .reason = reason,
                               .request = record,
                               .provider = release->config.facility_code,
                               .person = id_view(&text),
                               .local_number = number};
    return audit_append(release->config.audit, &row, &position, err);
}
