// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"
#include "base/path.h"
#include "base/secret.h"
#include "bench/national/national.h"
#include "exchange/consent/consent.h"
#include "exchange/facility/facility.h"
#include "exchange/network/network.h"
#include "exchange/patient/patient.h"
#include "exchange/staff/staff.h"
#include "store/migrations.h"
#include "store/store.h"
#include "wire/tls/tls.h"

struct founding {
    const struct national *national;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
    struct arena arena;
    int64_t now_ms;
};

static struct id id_of(int group, int number)
{
    return (struct id){{(uint8_t)group, 0, (uint8_t)(number >> 16),
                        (uint8_t)(number >> 8), (uint8_t)number}};
}

void national_code(int facility, char code[11])
{
    snprintf(code, 11, "20%08u", (unsigned)facility % 100000000U);
}

int national_desk_facility(int desk)
{
    return NATIONAL_GATEWAYS + desk;
}

void national_person_name(int person, char id[33])
{
    struct id_text text = id_to_text(id_of(0xBE, person));
    snprintf(id, 33, "%s", text.at);
}

/* Gateways and desks first, by network in turns; all the others are viewers at rest. */
static int network_of(int facility)
{
    if (facility < NATIONAL_GATEWAYS)
        return facility / NATIONAL_GATEWAYS_EACH;
    if (facility < NATIONAL_GATEWAYS + NATIONAL_DESKS)
        return (facility - NATIONAL_GATEWAYS) / NATIONAL_DESKS_EACH;
    return facility % NATIONAL_NETWORKS;
}

static bool add_facility(struct store_session *session, const struct founding *founding,
                         int f, int place, struct err *err)
{
    char code[11], letter[8];
    bool has_gateway = f < NATIONAL_GATEWAYS;
    national_code(f, code);
    /* a character of its own within the network: U+4E00 and on */
    int point = 0x4E00 + place;
    snprintf(letter, sizeof letter, "%c%c%c", 0xE0 | point >> 12,
             0x80 | (point >> 6 & 0x3F), 0x80 | (point & 0x3F));
    struct facility facility = {
        .id = id_of(0xFA, f),
        .code = text_cstr(code),
        .name = TEXT("施設"),
        .kana = TEXT("シセツ"),
        .kind = has_gateway ? FACILITY_HOSPITAL
                            : (f % 3 ? FACILITY_CLINIC : FACILITY_PHARMACY),
        .way = has_gateway ? FACILITY_GATEWAY : FACILITY_VIEW_ONLY,
        .letter = text_cstr(letter),
        .slot = place % 10 + 1,
        .may_register = true,
        .fingerprint =
            has_gateway ? text_cstr(founding->national->fingerprints[f]) : TEXT(""),
        .policy = TEXT(""),
    };
    return facility_add(session, &facility, 1, err);
}

static bool add_network(struct store_session *session, struct founding *founding, int n,
                        struct err *err)
{
    static struct id ids[NATIONAL_FACILITIES];
    struct network network = {
        .id = id_of(0x4E, n), .name = TEXT("地域"), .joiner_waiting_days = 30};
    size_t count = 0;
    if (!network_add(session, &network, 1, err))
        return false;
    for (int f = 0; f < NATIONAL_FACILITIES; f++) {
        if (network_of(f) != n)
            continue;
        if (!add_facility(session, founding, f, (int)count, err))
            return false;
        ids[count++] = id_of(0xFA, f);
    }
    return network_add_version(session, network.id, 1, ids, count, 1, err);
}

static bool add_desk(struct store_session *session, const struct founding *founding,
                     int desk, struct err *err)
{
    char login[32];
    snprintf(login, sizeof login, "desk%d", desk);
    struct staff staff = {.id = id_of(0x57, desk),
                          .login = text_cstr(login),
                          .name = TEXT("職員"),
                          .kana = TEXT("ショクイン"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = id_of(0x90, desk),
                              .staff = staff.id,
                              .facility = id_of(0xFA, national_desk_facility(desk)),
                              .profession = STAFF_DOCTOR,
                              .role = STAFF_AUTHOR,
                              .from_day = 0,
                              .to_day = DAY_NONE};
    return staff_add(session, &staff, founding->encoded, STAFF_PASSWORD_OWN, 1, err) &&
           staff_add_post(session, &post, 1, err);
}

static bool add_number(struct store_session *session, const struct founding *founding,
                       int person, int facility, int which, struct err *err)
{
    char number[16];
    snprintf(number, sizeof number, "%010d", person + 1);
    bool is_own = facility >= NATIONAL_GATEWAYS;
    struct patient_record record = {
        .id = id_of(0xC0 + which, person),
        .person = id_of(0xBE, person),
        .facility = id_of(0xFA, facility),
        .number = text_cstr(number),
        .state = is_own ? PATIENT_CONFIRMED : PATIENT_PROPOSED,
        .reason = is_own ? TEXT("") : TEXT("gateway_away"),
        .entered_facility = id_of(0xFA, facility),
        .entered_staff = id_of(0x57, person / NATIONAL_PERSONS_EACH),
        .entered_at = founding->now_ms,
        .since = founding->now_ms,
    };
    return patient_add_record(session, &record, err);
}

static bool add_person(struct store_session *session, struct founding *founding, int p,
                       struct err *err)
{
    int desk = p / NATIONAL_PERSONS_EACH;
    int network = desk / NATIONAL_DESKS_EACH;
    int first = network * NATIONAL_GATEWAYS_EACH;
    struct patient_person person = {.id = id_of(0xBE, p),
                                    .network = id_of(0x4E, network),
                                    .name = TEXT("飯田 花子"),
                                    .kana = TEXT("イイダ ハナコ"),
                                    .birth_day = day_from_date(1930 + p % 80, 1, 2),
                                    .sex = 'F',
                                    .phone = TEXT(""),
                                    .registered_facility =
                                        id_of(0xFA, national_desk_facility(desk)),
                                    .registered_at = founding->now_ms};
    struct consent consent = {.person = person.id,
                              .network = person.network,
                              .given_staff = id_of(0x57, desk),
                              .given_by = TEXT("職員"),
                              .note = TEXT(""),
                              .giver_name = TEXT(""),
                              .until_day = DAY_NONE,
                              .form = CONSENT_COMPREHENSIVE,
                              .channel = CONSENT_PAPER,
                              .giver = CONSENT_SELF,
                              .state = CONSENT_ACTIVE,
                              .given_at = founding->now_ms,
                              .given_facility = person.registered_facility,
                              .given_facility_name = TEXT("施設"),
                              .withdrawn_by = TEXT(""),
                              .withdrawn_facility_name = TEXT("")};
    arena_reset(&founding->arena);
    return patient_add_person(session, &person, &founding->arena, err) &&
           add_number(session, founding, p, national_desk_facility(desk), 0, err) &&
           add_number(session, founding, p, first + p % NATIONAL_GATEWAYS_EACH, 1, err) &&
           add_number(session, founding, p, first + (p + 4) % NATIONAL_GATEWAYS_EACH, 2,
                      err) &&
           consent_add(session, &consent, id_of(0xCC, p), &founding->arena, err);
}

static bool found(struct store_session *session, void *context, struct err *err)
{
    struct founding *founding = context;
    for (int n = 0; n < NATIONAL_NETWORKS; n++)
        if (!add_network(session, founding, n, err))
            return false;
    for (int d = 0; d < NATIONAL_DESKS; d++)
        if (!add_desk(session, founding, d, err))
            return false;
    for (int p = 0; p < NATIONAL_PERSONS; p++)
        if (!add_person(session, founding, p, err))
            return false;
    return true;
}

static void make_certificates(struct national *national)
{
    struct err err = {0};
    char authority[2 * NATIONAL_PATH], prefix[2 * NATIONAL_PATH];
    char ignored[HASH_HEX_BYTES];
    national_path(national, "network", authority);
    national_path(national, "centre", prefix);
    if (!tls_make_authority(authority, "Network", &err) ||
        !tls_issue(authority, prefix, "centre", "localhost,127.0.0.1", 30, ignored, &err))
        national_fail("certificates", err.code);
    for (int g = 0; g < NATIONAL_GATEWAYS; g++) {
        char name[32];
        snprintf(name, sizeof name, "gateway-%d", g);
        national_path(national, name, prefix);
        if (!tls_issue(authority, prefix, name, NULL, 30, national->fingerprints[g],
                       &err))
            national_fail(name, err.code);
    }
}

void national_found(struct national *national)
{
    struct err err = {0};
    struct clock clock = clock_system();
    static struct founding founding;
    char path[2 * NATIONAL_PATH];
    founding.national = national;
    founding.arena = arena_init(1 << 20);
    founding.now_ms = clock_wall_ms(&clock);
    make_certificates(national);
    national_path(national, "data", path);
    if (!path_make_directory(path, &err) || !secret_start(&err) ||
        !secret_hash_password(SPAN(NATIONAL_PASSWORD), founding.encoded, &err))
        national_fail("founding", err.code);
    national_path(national, "data/centre.db", path);
    struct store_config config = {path, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&config, &err);
    if (!store || !store_write(store, STORE_LIVE, found, &founding, &err))
        national_fail("founding", err.code);
    store_close(store);
    arena_free(&founding.arena);
}
