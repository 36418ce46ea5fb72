// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/rand.h"
#include "base/secret.h"
#include "cli/demo/demo.h"
#include "server/server.h"
#include "wire/tls/tls.h"

enum { REGION_BYTES_MAX = 512 << 20, CERTIFICATE_DAYS = 397, SEED = 7 };

void demo_path(const struct demo *demo, const char *name, char out[DEMO_PATH_BYTES])
{
    snprintf(out, DEMO_PATH_BYTES, "%s/%s", demo->directory, name);
}

bool demo_is_prepared(const struct demo *demo)
{
    char path[DEMO_PATH_BYTES];
    struct stat status;
    demo_path(demo, "prepared", path);
    return stat(path, &status) == 0;
}

static bool make_region(const struct demo *demo, struct err *err)
{
    char seed[16];
    char people[16];
    char today[DAY_TEXT_BYTES];
    char consent[16];
    char directory[DEMO_PATH_BYTES];
    snprintf(consent, sizeof consent, "%s", demo->consent);
    snprintf(seed, sizeof seed, "%d", SEED);
    snprintf(people, sizeof people, "%d", demo->people);
    day_to_iso(demo->today, today);
    snprintf(directory, sizeof directory, "%s", demo->directory);
    char *arguments[] = {(char[]){"synth"},
                         (char[]){"--seed"},
                         seed,
                         (char[]){"--today"},
                         today,
                         (char[]){"--out"},
                         directory,
                         (char[]){"--people"},
                         people,
                         (char[]){"--consent"},
                         consent,
                         (char[]){"--images"},
                         demo->is_full ? (char[]){"full"} : (char[]){"small"},
                         (char[]){"--waves"},
                         demo->is_full ? (char[]){"all"} : (char[]){"ecg"}};
    if (demo->synth(15, arguments) != 0)
        return err_set(err, ERR_SYSTEM, "synth_failed", "the region was not written");
    return true;
}

static bool take_hospital(struct demo *demo, const struct json_value *facility,
                          struct err *err)
{
    bool has_gateway = false;
    struct demo_hospital *hospital = &demo->hospitals[demo->hospital_count];
    if (!json_take_bool(facility, "has_gateway", &has_gateway, err))
        return false;
    if (!has_gateway || demo->hospital_count == DEMO_HOSPITALS_MAX)
        return true;
    demo->hospital_count++;
    hospital->has_documents = json_is_string(json_member(facility, "extended_storage"));
    hospital->has_images = json_is_string(json_member(facility, "images"));
    return json_take_text(facility, "code", 10, &hospital->code, err) &&
           json_take_text(facility, "name", 128, &hospital->name, err) &&
           json_take_bool(facility, "is_away_at_start", &hospital->is_away, err);
}

bool demo_read_region(struct demo *demo, struct err *err)
{
    char path[DEMO_PATH_BYTES];
    struct span bytes = {0};
    const struct json_value *facilities = NULL;
    demo_path(demo, "region.json", path);
    if (!path_read_file(path, REGION_BYTES_MAX, &demo->arena, &bytes, err))
        return false;
    demo->region = json_parse(bytes, err);
    if (!demo->region ||
        !json_take_array(json_root(demo->region), "facilities", 1000, &facilities, err))
        return false;
    for (size_t i = 0; i < json_count(facilities); i++)
        if (!take_hospital(demo, json_item(facilities, i), err))
            return false;
    return true;
}

/* One authority for the demo's network; the centre and each hospital get their own. */
static bool make_certificates(struct demo *demo, struct err *err)
{
    char authority[DEMO_PATH_BYTES];
    char prefix[DEMO_PATH_BYTES];
    char ignored[HASH_HEX_BYTES];
    demo_path(demo, "certificates/authority", authority);
    demo_path(demo, "certificates/centre", prefix);
    if (!tls_make_authority(authority, "Tsumugi demo authority", err) ||
        !tls_issue(authority, prefix, "centre", "localhost,127.0.0.1", CERTIFICATE_DAYS,
                   ignored, err))
        return false;
    for (size_t i = 0; i < demo->hospital_count; i++) {
        struct demo_hospital *hospital = &demo->hospitals[i];
        char name[64];
        snprintf(name, sizeof name, "certificates/%.*s", (int)hospital->code.len,
                 hospital->code.at);
        demo_path(demo, name, prefix);
        if (!tls_issue(authority, prefix, name + sizeof "certificates", NULL,
                       CERTIFICATE_DAYS, hospital->fingerprint, err))
            return false;
    }
    return true;
}

/* What the centre accepts from the start. */
struct accepted {
    struct server_accepted_certificate items[DEMO_CERTIFICATES_MAX];
    char fingerprints[DEMO_CERTIFICATES_MAX][HASH_HEX_BYTES];
    size_t count;
};

static void put_path(struct json_writer *writer, const struct demo *demo, const char *key,
                     const char *name)
{
    char path[DEMO_PATH_BYTES];
    demo_path(demo, name, path);
    json_put_cstr(writer, key, path);
}

static bool write_json(const struct demo *demo, const char *name, const struct buf *out,
                       struct err *err)
{
    char path[DEMO_PATH_BYTES];
    demo_path(demo, name, path);
    return buf_check(out, err) && path_write_file(path, buf_view(out), err);
}

static void put_listener(struct json_writer *writer, const struct demo *demo,
                         const char *key, int port, bool has_tls)
{
    json_key(writer, key);
    json_open_object(writer);
    json_put_cstr(writer, "address", "127.0.0.1");
    json_put_int(writer, "port", port);
    if (has_tls) {
        put_path(writer, demo, "certificate", "certificates/centre.crt");
        put_path(writer, demo, "key", "certificates/centre.key");
        put_path(writer, demo, "authority", "certificates/authority.crt");
    }
    json_close_object(writer);
}

bool demo_write_server_config(const struct demo *demo, struct err *err)
{
    CLEANUP(buf_free) struct buf out = buf_init(16384);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    put_path(&writer, demo, "data", "centre");
    if (demo->database)
        json_put_cstr(&writer, "database", demo->database);
    json_put_cstr(&writer, "node", "centre");
    json_put_bool(&writer, "demo", true);
    put_listener(&writer, demo, "browsers", demo->port, demo->has_tls);
    put_listener(&writer, demo, "gateways", demo->gateway_port, true);
    json_close_object(&writer);
    return write_json(demo, "config/centre.json", &out, err);
}

/* What a hospital of the demo releases: most kinds to anybody in the network, problems
 * and doctors' words to those who treat; nothing of department 06. */
static const char policy_json[] =
    "{\"version\":1,\"rules\":["
    "{\"kinds\":[\"admission\",\"prescription\",\"injection\",\"laboratory\","
    "\"microbiology\",\"physiology\",\"radiology\",\"endoscopy\",\"visit\",\"patient\","
    "\"allergy\",\"meal\",\"vital_signs\",\"period\",\"file\",\"note\",\"message\","
    "\"unknown\"]},"
    "{\"kinds\":[\"problem\",\"doctor\",\"report\",\"document\",\"progress_note\"],"
    "\"professions\":[\"doctor\",\"dentist\",\"nurse\",\"pharmacist\"]}],"
    "\"excluded_departments\":[\"06\"]}\n";

static void put_folder(struct json_writer *writer, const struct demo *demo,
                       const char *label, const char *directory)
{
    json_open_object(writer);
    json_put_cstr(writer, "label", label);
    put_path(writer, demo, "directory", directory);
    json_close_object(writer);
}

static void put_volume(struct json_writer *writer, const struct demo *demo,
                       const char *key, const char *label, const char *directory)
{
    json_key(writer, key);
    json_open_array(writer);
    put_folder(writer, demo, label, directory);
    json_close_array(writer);
}

/* The archive's studies, and the electrocardiographs' folder. */
static void put_images(struct json_writer *writer, const struct demo *demo,
                       const struct demo_hospital *hospital, const char *code)
{
    char path[DEMO_PATH_BYTES];
    char waves[64];
    char name[64];
    snprintf(waves, sizeof waves, "waves/%s", code);
    demo_path(demo, waves, path);
    bool has_waves = access(path, F_OK) == 0;
    if (!hospital->has_images && !has_waves)
        return;
    json_key(writer, "images");
    json_open_array(writer);
    snprintf(name, sizeof name, "images/%s", code);
    if (hospital->has_images)
        put_folder(writer, demo, "pacs", name);
    if (has_waves)
        put_folder(writer, demo, "ecg", waves);
    json_close_array(writer);
    json_put_int(writer, "images_period_seconds", 2);
}

static void put_dicom(struct json_writer *writer, int port)
{
    json_key(writer, "dicom");
    json_open_object(writer);
    json_put_cstr(writer, "address", "127.0.0.1");
    json_put_int(writer, "port", port);
    json_put_cstr(writer, "title", DEMO_DICOM_TITLE);
    json_put_int(writer, "reserve_mb", 0);
    json_key(writer, "peers");
    json_open_array(writer);
    json_open_object(writer);
    json_put_cstr(writer, "title", DEMO_DICOM_PEER);
    json_key(writer, "addresses");
    json_open_array(writer);
    json_cstr_value(writer, "127.0.0.1");
    json_close_array(writer);
    json_close_object(writer);
    json_close_array(writer);
    json_close_object(writer);
}

static bool write_gateway_config(const struct demo *demo,
                                 const struct demo_hospital *hospital,
                                 const char *grant_key, struct err *err)
{
    char name[96];
    char code[16];
    CLEANUP(buf_free) struct buf out = buf_init(16384);
    struct json_writer writer = json_writer(&out);
    snprintf(code, sizeof code, "%.*s", (int)hospital->code.len, hospital->code.at);
    json_open_object(&writer);
    json_put_text(&writer, "facility_code", hospital->code);
    json_put_text(&writer, "facility_name", hospital->name);
    json_put_cstr(&writer, "node", code);
    snprintf(name, sizeof name, "gateway/%s", code);
    put_path(&writer, demo, "data", name);
    put_path(&writer, demo, "policy", "config/policy.json");
    json_put_int(&writer, "sweep_seconds", 15);
    json_put_int(&writer, "links_per_day", 100000);
    json_put_int(&writer, "mismatches_per_hour", 100);
    snprintf(name, sizeof name, "storage/%s", code);
    put_volume(&writer, demo, "storage", "STD01", name);
    snprintf(name, sizeof name, "extended/%s", code);
    if (hospital->has_documents)
        put_volume(&writer, demo, "extended_storage", "ANX01", name);
    put_images(&writer, demo, hospital, code);
    if (hospital->takes_dicom && demo->dicom_port > 0)
        put_dicom(&writer, demo->dicom_port);
    json_key(&writer, "centre");
    json_open_object(&writer);
    json_put_cstr(&writer, "host", "localhost");
    json_put_int(&writer, "port", demo->gateway_port);
    snprintf(name, sizeof name, "certificates/%s.crt", code);
    put_path(&writer, demo, "certificate", name);
    snprintf(name, sizeof name, "certificates/%s.key", code);
    put_path(&writer, demo, "key", name);
    put_path(&writer, demo, "authority", "certificates/authority.crt");
    json_put_cstr(&writer, "grant_key", grant_key);
    json_close_object(&writer);
    json_close_object(&writer);
    snprintf(name, sizeof name, "config/%s.json", code);
    return write_json(demo, name, &out, err);
}

static void choose_dicom(struct demo *demo)
{
    for (size_t i = 0; i < demo->hospital_count && demo->dicom_port == 0; i++) {
        struct demo_hospital *hospital = &demo->hospitals[i];
        hospital->takes_dicom = hospital->has_images && !hospital->is_away;
        if (hospital->takes_dicom)
            demo->dicom_held = demo_hold_port(DEMO_DICOM_PORT, &demo->dicom_port);
    }
}

bool demo_write_gateway_configs(struct demo *demo, struct err *err)
{
    char path[DEMO_PATH_BYTES];
    struct span key = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    demo_path(demo, "centre/keys/grants.public", path);
    if (!path_read_file(path, 256, &arena, &key, err))
        return false;
    choose_dicom(demo);
    char hex[2 * SECRET_PUBLIC_KEY_BYTES + 1] = {0};
    memcpy(hex, key.at, key.len < sizeof hex ? key.len : sizeof hex - 1);
    for (size_t i = 0; i < demo->hospital_count; i++)
        if (!write_gateway_config(demo, &demo->hospitals[i], hex, err))
            return false;
    return true;
}

/* A terminal's certificate for every facility, to be imported into a browser. */
static bool make_terminals(struct demo *demo, struct accepted *accepted, struct err *err)
{
    const struct json_value *facilities =
        json_member(json_root(demo->region), "facilities");
    struct clock clock = clock_system();
    char authority[DEMO_PATH_BYTES];
    char prefix[DEMO_PATH_BYTES];
    demo_path(demo, "certificates/authority", authority);
    for (size_t i = 0; i < json_count(facilities); i++) {
        struct text code = {0};
        char name[64];
        if (accepted->count == DEMO_CERTIFICATES_MAX)
            return err_set(err, ERR_LIMIT, "region_invalid", "too many facilities");
        if (!json_take_text(json_item(facilities, i), "code", 10, &code, err))
            return false;
        char *fingerprint = accepted->fingerprints[accepted->count];
        snprintf(name, sizeof name, "certificates/%.*s-terminal", (int)code.len, code.at);
        demo_path(demo, name, prefix);
        if (!tls_issue(authority, prefix, name + sizeof "certificates", NULL,
                       CERTIFICATE_DAYS, fingerprint, err) ||
            !tls_write_bundle(prefix, DEMO_BUNDLE_PASSWORD, err))
            return false;
        accepted->items[accepted->count++] = (struct server_accepted_certificate){
            code, text_cstr(fingerprint), true,
            clock_wall_ms(&clock) + (int64_t)CERTIFICATE_DAYS * 86400000};
    }
    return true;
}

static bool seed_centre(struct demo *demo, struct err *err)
{
    char data[DEMO_PATH_BYTES];
    char path[DEMO_PATH_BYTES];
    struct span region = {0};
    struct accepted accepted = {.count = demo->hospital_count};
    for (size_t i = 0; i < demo->hospital_count; i++)
        accepted.items[i] = (struct server_accepted_certificate){
            .facility_code = demo->hospitals[i].code,
            .fingerprint = text_cstr(demo->hospitals[i].fingerprint)};
    if (!make_terminals(demo, &accepted, err))
        return false;
    demo_path(demo, "centre", data);
    demo_path(demo, "region.json", path);
    CLEANUP(arena_free) struct arena arena = arena_init(REGION_BYTES_MAX);
    if (!path_read_file(path, REGION_BYTES_MAX, &arena, &region, err))
        return false;
    struct clock clock = clock_system();
    struct server_seed seed = {.data = data,
                               .database = demo->database,
                               .region = region,
                               .certificates = accepted.items,
                               .certificate_count = accepted.count,
                               .now_ms = clock_wall_ms(&clock),
                               .rand = rand_system()};
    return server_seed_region(&seed, err);
}

/* Who can log in, for the page that explains the demo and for tests. */
static bool write_accounts(const struct demo *demo, struct err *err)
{
    const struct json_value *staff = NULL;
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct json_writer writer = json_writer(&out);
    if (!json_take_array(json_root(demo->region), "staff", 1000, &staff, err))
        return false;
    json_open_array(&writer);
    for (size_t i = 0; i < json_count(staff); i++) {
        const struct json_value *one = json_item(staff, i);
        const struct json_value *post = json_item(json_member(one, "posts"), 0);
        static const char *const own[] = {"login", "password", "name"};
        static const char *const of_post[] = {"facility", "profession", "role"};
        struct text text = {0};
        json_open_object(&writer);
        for (size_t j = 0; j < 3; j++) {
            if (!json_take_text(one, own[j], 256, &text, err))
                return false;
            json_put_text(&writer, own[j], text);
        }
        for (size_t j = 0; j < 3; j++) {
            if (!json_take_text(post, of_post[j], 256, &text, err))
                return false;
            json_put_text(&writer, of_post[j], text);
        }
        json_close_object(&writer);
    }
    json_close_array(&writer);
    return write_json(demo, "accounts.json", &out, err);
}

static bool make_folders(const struct demo *demo, struct err *err)
{
    static const char *const names[] = {"config", "certificates", "log", "gateway",
                                        "switch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[DEMO_PATH_BYTES];
        demo_path(demo, names[i], path);
        if (!path_make_directory(path, err))
            return false;
    }
    return true;
}

bool demo_prepare(struct demo *demo, struct err *err)
{
    char path[DEMO_PATH_BYTES];
    if (!make_region(demo, err) || !demo_read_region(demo, err) ||
        !make_folders(demo, err) || !make_certificates(demo, err) ||
        !seed_centre(demo, err) || !write_accounts(demo, err))
        return false;
    demo_path(demo, "config/policy.json", path);
    if (!path_write_file(path, span_cstr(policy_json), err))
        return false;
    demo_path(demo, "prepared", path);
    return path_write_file(path, SPAN("1\n"), err);
}
