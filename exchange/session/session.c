// SPDX-License-Identifier: Apache-2.0
#include "exchange/session/session_parts.h"

#include "exchange/audit/audit.h"

bool session_is_open(const struct session_times *times, int64_t now_ms)
{
    if (times->closed_at != 0)
        return false;
    if (now_ms < times->opened_at - SESSION_CLOCKS_APART_MS ||
        now_ms - times->opened_at >= SESSION_ABSOLUTE_MS)
        return false;
    return now_ms - times->seen_at < SESSION_IDLE_MS;
}

/* Nothing that happened before is younger than 0 or matters beyond its limit. */
static int64_t age_within(int64_t age_ms, int64_t limit_ms)
{
    if (age_ms < 0)
        return 0;
    return age_ms < limit_ms ? age_ms : limit_ms;
}

void session_steady_place(struct session_row *row, const struct session_row *known,
                          struct session_now now)
{
    struct session_steady *steady = &row->steady;
    int64_t idle_ms = now.wall_ms - row->times.seen_at;
    /* How old is what was last seen hours from now, nobody knows. */
    if (!known && idle_ms < -SESSION_CLOCKS_APART_MS)
        idle_ms = SESSION_IDLE_MS;
    steady->opened_ms = now.monotonic_ms - age_within(now.wall_ms - row->times.opened_at,
                                                      SESSION_ABSOLUTE_MS);
    steady->seen_ms = now.monotonic_ms - age_within(idle_ms, SESSION_IDLE_MS);
    if (!known)
        return;
    /* Only what another process has written since is activity that was not known. */
    bool is_news = row->times.seen_at != known->stored_seen_at;
    steady->opened_ms = known->steady.opened_ms;
    if (!is_news || known->steady.seen_ms > steady->seen_ms)
        steady->seen_ms = known->steady.seen_ms;
    if (known->times.seen_at > row->times.seen_at)
        row->times.seen_at = known->times.seen_at;
}

bool session_steady_is_over(const struct session_steady *steady, int64_t monotonic_ms)
{
    return monotonic_ms - steady->opened_ms >= SESSION_ABSOLUTE_MS ||
           monotonic_ms - steady->seen_ms >= SESSION_IDLE_MS;
}

enum network_assurance session_minimum(enum network_assurance of_network, bool is_demo)
{
    if (!is_demo && of_network == NETWORK_PASSWORD)
        return NETWORK_CERTIFICATE;
    return of_network;
}

enum network_assurance session_assurance(bool has_certificate, bool has_second_factor)
{
    if (!has_certificate)
        return NETWORK_PASSWORD;
    return has_second_factor ? NETWORK_SECOND_FACTOR : NETWORK_CERTIFICATE;
}

const char *session_factors(enum network_assurance assurance)
{
    static const char *const words[] = {
        [NETWORK_PASSWORD] = "password",
        [NETWORK_CERTIFICATE] = "password+certificate",
        [NETWORK_SECOND_FACTOR] = "password+certificate+second_factor",
    };
    return words[assurance];
}

static bool put_id(struct id id, struct arena *arena, struct text *text, struct err *err)
{
    struct id_text words = id_to_text(id);
    return text_copy(id_view(&words), arena, text, err);
}

bool session_audit_actor(const struct session_actor *actor, struct arena *arena,
                         struct audit_actor *out, struct err *err)
{
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_of(actor->session.bytes, HASH_BYTES), hex);
    *out = (struct audit_actor){
        .name = actor->staff_name,
        .profession = text_cstr(staff_profession_id(actor->profession)),
        .role = text_cstr(staff_role_id(actor->role)),
        .facility_name = actor->facility_name,
        .factors = text_cstr(session_factors(actor->assurance)),
        .certificate = actor->fingerprint,
        .address = actor->address,
    };
    return put_id(actor->staff, arena, &out->staff_id, err) &&
           put_id(actor->facility, arena, &out->facility_id, err) &&
           text_copy(text_cstr(hex), arena, &out->session_hash, err);
}

void session_csrf(struct span token, char csrf[HASH_HEX_BYTES])
{
    struct hash derived = hash_hmac(token, SPAN("tsumugi csrf"));
    hash_to_hex(span_of(derived.bytes, HASH_BYTES), csrf);
}

struct session_actor session_actor_of(const struct session_row *row, struct text address,
                                      struct id request)
{
    return (struct session_actor){
        .session = row->hash,
        .staff = row->staff,
        .staff_name = row->staff_name,
        .staff_kana = row->staff_kana,
        .post = row->post.id,
        .profession = row->post.profession,
        .role = row->post.role,
        .facility = row->post.facility,
        .facility_name = row->facility_name,
        .facility_kind = row->facility_kind,
        .network = row->network,
        .assurance = row->assurance,
        .fingerprint = row->fingerprint,
        .address = address,
        .request = request,
        .ends_at = row->times.opened_at + SESSION_ABSOLUTE_MS,
    };
}
