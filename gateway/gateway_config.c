// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_config.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/path.h"
#include "gateway/rows/rows.h"
#include "wire/tls/tls.h"

enum { CONFIG_BYTES_MAX = 256 * 1024, HOUR_S = 3600, PROXY_LINE_BYTES_MAX = 1024 };

static bool take_name(const struct json_value *object, const char *key,
                      struct arena *arena, const char **name, struct err *err)
{
    struct text text = {0};
    if (!json_take_text(object, key, PATH_MAX_BYTES, &text, err))
        return false;
    *name = text_to_cstr(text, arena, err);
    return *name != NULL;
}

static bool take_copy(const struct json_value *object, const char *key, size_t max,
                      struct arena *arena, struct text *copy, struct err *err)
{
    struct text text = {0};
    return json_take_text(object, key, max, &text, err) &&
           text_copy(text, arena, copy, err);
}

static bool take_number(const struct json_value *object, const char *key, int64_t min,
                        int64_t max, int *number, struct err *err)
{
    int64_t value = *number;
    if (!json_take_int_or(object, key, min, max, &value, err))
        return false;
    *number = (int)value;
    return true;
}

static bool read_place(const struct json_value *object, struct arena *arena,
                       const char **label, const char **directory, struct err *err)
{
    if (!take_name(object, "label", arena, label, err) ||
        !take_name(object, "directory", arena, directory, err))
        return false;
    for (const char *at = *label; *at; at++)
        if (*at == '/' || *at < 0x21 || *at > 0x7E)
            return err_set(err, ERR_SYNTAX, "config_label", "label of a storage");
    return true;
}

static bool read_root(const struct json_value *object, struct arena *arena,
                      struct collect_root *root, struct err *err)
{
    static const char *const keys[] = {"label",  "directory",    "accept_foreign_numbers",
                                       "polled", "may_be_empty", NULL};
    if (!json_check_settings(object, keys, err) ||
        !read_place(object, arena, &root->label, &root->directory, err))
        return false;
    if (json_member(object, "polled") &&
        !json_take_bool(object, "polled", &root->is_polled, err))
        return false;
    if (json_member(object, "may_be_empty") &&
        !json_take_bool(object, "may_be_empty", &root->may_be_empty, err))
        return false;
    return !json_member(object, "accept_foreign_numbers") ||
           json_take_bool(object, "accept_foreign_numbers",
                          &root->accepts_foreign_numbers, err);
}

static bool read_array(const struct json_value *object, const char *key, bool is_extended,
                       struct arena *arena, struct gateway_config *config,
                       struct err *err)
{
    const struct json_value *array = NULL;
    size_t room = COLLECT_ROOTS_MAX - config->root_count;
    if (!json_take_array(object, key, room, &array, err))
        return false;
    for (size_t i = 0; i < json_count(array); i++) {
        struct collect_root *root = &config->roots[config->root_count++];
        if (!read_root(json_item(array, i), arena, root, err))
            return false;
        root->is_extended = is_extended;
    }
    return true;
}

/* Folders of DICOM files, as an archive leaves them. */
static bool read_images(const struct json_value *root, struct arena *arena,
                        struct gateway_config *config, struct err *err)
{
    static const char *const keys[] = {"label", "directory", NULL};
    const struct json_value *array = NULL;
    int period_s = 5;
    /* what is received is looked through, too */
    if (!take_number(root, "images_period_seconds", 1, HOUR_S, &period_s, err))
        return false;
    config->image_sweep_ms = period_s * 1000;
    if (!json_member(root, "images"))
        return true;
    if (!json_take_array(root, "images", STUDY_ROOTS_MAX, &array, err))
        return false;
    for (size_t i = 0; i < json_count(array); i++) {
        struct study_root *one = &config->images[config->image_count++];
        if (!json_check_settings(json_item(array, i), keys, err) ||
            !read_place(json_item(array, i), arena, &one->label, &one->directory, err))
            return false;
    }
    return true;
}

/* A label names a storage in the index: two of the same would be one. */
static bool check_labels(const struct gateway_config *config, struct err *err)
{
    for (size_t i = 0; i < config->root_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(config->roots[i].label, config->roots[j].label) == 0)
                return err_set(err, ERR_SYNTAX, "config_label",
                               "two storages have the same label");
    for (size_t i = 0; i < config->image_count; i++) {
        const char *label = config->images[i].label;
        bool is_taken =
            strcmp(label, STUDY_LABEL) == 0 || strcmp(label, GATEWAY_RECEIVED_LABEL) == 0;
        for (size_t j = 0; j < config->root_count; j++)
            is_taken = is_taken || strcmp(config->roots[j].label, label) == 0;
        for (size_t j = 0; j < i; j++)
            is_taken = is_taken || strcmp(config->images[j].label, label) == 0;
        if (is_taken)
            return err_set(err, ERR_SYNTAX, "config_label",
                           "two storages have the same label");
    }
    return true;
}

/* Volumes of standard storage, and of extended storage where there is one. */
static bool read_roots(const struct json_value *object, struct arena *arena,
                       struct gateway_config *config, struct err *err)
{
    if (!read_array(object, "storage", false, arena, config, err))
        return false;
    if (config->root_count == 0)
        return err_set(err, ERR_SYNTAX, "config_storage", "no storage is named");
    bool has_extended = json_member(object, "extended_storage") != NULL;
    return (!has_extended ||
            read_array(object, "extended_storage", true, arena, config, err)) &&
           read_images(object, arena, config, err) && check_labels(config, err);
}

/* Directories of transaction storages. */
static bool read_transactions(const struct json_value *object, struct arena *arena,
                              struct gateway_config *config, struct err *err)
{
    const struct json_value *array = NULL;
    struct text text = {0};
    if (!json_member(object, "transaction_storage"))
        return true;
    if (!json_take_array(object, "transaction_storage", COLLECT_TRANSACTIONS_MAX, &array,
                         err))
        return false;
    for (size_t i = 0; i < json_count(array); i++) {
        if (!json_item_text(array, i, PATH_MAX_BYTES, &text, err))
            return false;
        config->transactions[i] = text_to_cstr(text, arena, err);
        if (!config->transactions[i])
            return false;
        config->transaction_count++;
    }
    return true;
}

/* The connection string holds a password, so it stands in a file of its own, which is
 * read again for each connection. */
static bool read_index_database(const struct json_value *root, struct arena *arena,
                                struct gateway_config *config, struct err *err)
{
    static const char *const keys[] = {"connection", "period_seconds", "timeout_seconds",
                                       NULL};
    const struct json_value *object = NULL;
    int period_s = 2;
    config->rows_timeout_s = 60;
    if (!json_member(root, "index_database"))
        return true;
    if (!json_take_object(root, "index_database", &object, err) ||
        !json_check_settings(object, keys, err) ||
        !take_name(object, "connection", arena, &config->rows_connection, err) ||
        !take_number(object, "period_seconds", 1, HOUR_S, &period_s, err) ||
        !take_number(object, "timeout_seconds", 1, HOUR_S, &config->rows_timeout_s, err))
        return false;
    config->rows_period_ms = period_s * 1000;
    return rows_check_secret(config->rows_connection, err);
}

static const char *const address_keys[] = {"host", "port", NULL};

static bool read_address(const struct json_value *object, struct arena *arena,
                         const char **host, uint16_t *port, struct err *err)
{
    int number = 443;
    if (!take_name(object, "host", arena, host, err) ||
        !take_number(object, "port", 1, 65535, &number, err))
        return false;
    for (const char *at = *host; *at; at++)
        if (*at <= 0x20 || *at > 0x7E || *at == '/' || *at == '@')
            return err_set(err, ERR_SYNTAX, "config_host", "not a host's name");
    *port = (uint16_t)number;
    return **host || err_set(err, ERR_SYNTAX, "config_host", "a host without a name");
}

/* Two tunnels to one process would cut each other for ever. */
static bool check_double(const struct gateway_config *config, struct err *err)
{
    const struct gateway_centre *centres = config->centres;
    for (size_t i = 0; i < config->centre_count; i++)
        for (size_t k = 0; k < i; k++)
            if (centres[i].port == centres[k].port &&
                strcmp(centres[i].host, centres[k].host) == 0)
                return err_set(err, ERR_SYNTAX, "config_centre",
                               "an address of the centre stands twice");
    return true;
}

/* One address, or one for each process of the centre. */
static bool read_addresses(const struct json_value *centre, struct arena *arena,
                           struct gateway_config *config, struct err *err)
{
    const struct json_value *array = NULL;
    struct gateway_centre *centres = config->centres;
    config->centre_count = 1;
    if (!json_member(centre, "addresses"))
        return read_address(centre, arena, &centres[0].host, &centres[0].port, err);
    if (json_member(centre, "host") || json_member(centre, "port"))
        return err_set(err, ERR_SYNTAX, "config_centre", "host or addresses, not both");
    if (!json_take_array(centre, "addresses", GATEWAY_CENTRES_MAX, &array, err))
        return false;
    config->centre_count = json_count(array);
    for (size_t i = 0; i < config->centre_count; i++)
        if (!json_check_settings(json_item(array, i), address_keys, err) ||
            !read_address(json_item(array, i), arena, &centres[i].host, &centres[i].port,
                          err))
            return false;
    if (config->centre_count == 0)
        return err_set(err, ERR_SYNTAX, "config_centre", "no address of the centre");
    return check_double(config, err);
}

/* "user:password" in base64 (RFC 7617, RFC 4648 4). */
static bool write_basic(struct span pair, struct arena *arena, const char **value,
                        struct err *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct span copy = {0};
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    buf_cstr(&out, "Basic ");
    for (size_t i = 0; i < pair.len; i += 3) {
        size_t left = pair.len - i;
        uint32_t bits = (uint32_t)pair.at[i] << 16 |
                        (left > 1 ? (uint32_t)pair.at[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)pair.at[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_byte(&out,
                     (uint8_t)(k <= left ? letters[bits >> (18 - 6 * k) & 63] : '='));
    }
    buf_byte(&out, '\0');
    if (!buf_to_arena(&out, arena, &copy, err))
        return false;
    *value = (const char *)copy.at;
    return true;
}

/* The file has one line "user:password", so that neither stands in the configuration. */
static bool read_proxy(const struct json_value *root, struct arena *arena,
                       struct tunnel_proxy *proxy, struct err *err)
{
    static const char *const keys[] = {"host", "port", "credentials", NULL};
    const struct json_value *object = NULL;
    const char *file = NULL;
    struct span bytes = {0}, line = {0};
    if (!json_member(root, "proxy"))
        return true;
    if (!json_take_object(root, "proxy", &object, err) ||
        !json_check_settings(object, keys, err) ||
        !read_address(object, arena, &proxy->host, &proxy->port, err))
        return false;
    if (!json_member(object, "port"))
        return err_set(err, ERR_SYNTAX, "config_proxy", "a proxy without a port");
    if (!json_member(object, "credentials"))
        return true;
    if (!take_name(object, "credentials", arena, &file, err) ||
        !path_check_private(file, err) ||
        !path_read_named(file, PROXY_LINE_BYTES_MAX, arena, &bytes, err))
        return false;
    bool has_pair = span_take(&bytes, '\n', &line) && memchr(line.at, ':', line.len);
    return has_pair ? write_basic(line, arena, &proxy->authorization, err)
                    : err_set(err, ERR_SYNTAX, "config_proxy",
                              "credentials are one line user:password");
}

static bool read_centre(const struct json_value *root, struct arena *arena,
                        struct gateway_config *config, struct err *err)
{
    static const char *const keys[] = {"host", "port",      "addresses", "certificate",
                                       "key",  "authority", "grant_key", NULL};
    const struct json_value *centre = NULL;
    struct text hex = {0};
    if (!json_take_object(root, "centre", &centre, err) ||
        !json_check_settings(centre, keys, err) ||
        !read_addresses(centre, arena, config, err) ||
        !read_proxy(root, arena, &config->proxy, err) ||
        !take_name(centre, "certificate", arena, &config->certificate, err) ||
        !take_name(centre, "key", arena, &config->key, err) ||
        !take_name(centre, "authority", arena, &config->authority, err) ||
        !json_take_text(centre, "grant_key", 2 * SECRET_PUBLIC_KEY_BYTES, &hex, err))
        return false;
    return hash_from_hex(text_span(hex), config->grant_key.bytes,
                         SECRET_PUBLIC_KEY_BYTES) ||
           err_set(err, ERR_SYNTAX, "config_grant_key", "not a public key in hex");
}

/* ---- DICOM ---- */

static bool read_title(const struct json_value *object, struct arena *arena,
                       const char **title, struct err *err)
{
    return take_name(object, "title", arena, title, err) &&
           dimse_check_title(span_cstr(*title), err);
}

static bool read_networks(const struct json_value *object, struct dimse_network *networks,
                          size_t *count, struct err *err)
{
    const struct json_value *array = NULL;
    struct text text = {0};
    if (!json_take_array(object, "addresses", DIMSE_NETWORKS_MAX, &array, err))
        return false;
    *count = json_count(array);
    for (size_t i = 0; i < *count; i++)
        if (!json_item_text(array, i, 64, &text, err) ||
            !dimse_read_network(text_span(text), &networks[i], err))
            return false;
    return *count > 0 ||
           err_set(err, ERR_SYNTAX, "config_dicom", "a sender without an address");
}

static bool read_peer(const struct json_value *object, struct arena *arena,
                      struct dimse_peer *peer, struct err *err)
{
    static const char *const keys[] = {"title", "addresses", "report", NULL};
    const struct json_value *report = NULL;
    if (!json_check_settings(object, keys, err) ||
        !read_title(object, arena, &peer->title, err) ||
        !read_networks(object, peer->networks, &peer->network_count, err))
        return false;
    if (!json_member(object, "report"))
        return true;
    if (!json_take_object(object, "report", &report, err) ||
        !json_check_settings(report, address_keys, err) ||
        !read_address(report, arena, &peer->report_host, &peer->report_port, err))
        return false;
    return json_member(report, "port") ||
           err_set(err, ERR_SYNTAX, "config_dicom", "report without a port");
}

static bool read_peers(const struct json_value *object, struct arena *arena,
                       struct gateway_dicom_settings *dicom, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(object, "peers", DIMSE_PEERS_MAX, &array, err))
        return false;
    dicom->peer_count = json_count(array);
    for (size_t i = 0; i < dicom->peer_count; i++) {
        if (!read_peer(json_item(array, i), arena, &dicom->peers[i], err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(dicom->peers[k].title, dicom->peers[i].title) == 0)
                return err_set(err, ERR_SYNTAX, "config_dicom", "a title stands twice");
    }
    return dicom->peer_count > 0 ||
           err_set(err, ERR_SYNTAX, "config_dicom", "no peer is named");
}

static bool read_tls(const struct json_value *object, struct arena *arena,
                     struct tls_files *files, struct err *err)
{
    static const char *const keys[] = {"certificate", "key", "authority", NULL};
    const struct json_value *tls = NULL;
    return !json_member(object, "tls") ||
           (json_take_object(object, "tls", &tls, err) &&
            json_check_settings(tls, keys, err) &&
            take_name(tls, "certificate", arena, &files->certificate_file, err) &&
            take_name(tls, "key", arena, &files->key_file, err) &&
            take_name(tls, "authority", arena, &files->authority_file, err));
}

static bool read_dicom_tls(const struct json_value *object, struct arena *arena,
                           struct gateway_dicom_settings *dicom, struct err *err)
{
    struct tls_files files = {0};
    bool is_read = read_tls(object, arena, &files, err);
    dicom->certificate = files.certificate_file;
    dicom->key = files.key_file;
    dicom->authority = files.authority_file;
    return is_read;
}

/* Ports as IANA registered them for DICOM, without and with TLS. */
static bool read_dicom(const struct json_value *root, struct arena *arena,
                       struct gateway_dicom_settings *dicom, struct err *err)
{
    static const char *const keys[] = {"address",
                                       "port",
                                       "title",
                                       "peers",
                                       "tls",
                                       "associations",
                                       "associations_per_peer",
                                       "instance_mb",
                                       "reserve_mb",
                                       NULL};
    const struct json_value *object = NULL;
    struct dimse_limits limits = dimse_default_limits();
    dicom->reserve_mb = 1024;
    if (!json_member(root, "dicom"))
        return true;
    dicom->associations_max = limits.associations_max;
    dicom->associations_per_peer_max = limits.associations_per_peer_max;
    dicom->instance_mb_max = (int)(limits.instance_bytes_max >> 20);
    if (!json_take_object(root, "dicom", &object, err) ||
        !json_check_settings(object, keys, err) ||
        !take_name(object, "address", arena, &dicom->address, err) ||
        !read_title(object, arena, &dicom->title, err) ||
        !read_peers(object, arena, dicom, err) ||
        !read_dicom_tls(object, arena, dicom, err))
        return false;
    int port = dicom->certificate ? 2762 : 11112;
    bool is_read =
        take_number(object, "port", 1, 65535, &port, err) &&
        take_number(object, "associations", 1, 256, &dicom->associations_max, err) &&
        take_number(object, "associations_per_peer", 1, 256,
                    &dicom->associations_per_peer_max, err) &&
        take_number(object, "instance_mb", 1, 1 << 20, &dicom->instance_mb_max, err) &&
        take_number(object, "reserve_mb", 0, 1 << 20, &dicom->reserve_mb, err);
    dicom->port = (uint16_t)port;
    return is_read;
}

/* ---- DICOMweb, and how the gateway is ---- */

static bool read_caller(const struct json_value *object, struct arena *arena,
                        struct stow_caller *caller, struct err *err)
{
    static const char *const keys[] = {"name", "addresses", "certificate", NULL};
    uint8_t hash[32];
    if (!json_check_settings(object, keys, err) ||
        !take_name(object, "name", arena, &caller->name, err) ||
        !dimse_check_title(span_cstr(caller->name), err) ||
        !read_networks(object, caller->networks, &caller->network_count, err))
        return false;
    if (!json_member(object, "certificate"))
        return true;
    if (!take_name(object, "certificate", arena, &caller->certificate, err))
        return false;
    return hash_from_hex(span_cstr(caller->certificate), hash, sizeof hash) ||
           err_set(err, ERR_SYNTAX, "config_dicomweb",
                   "a certificate is the 64 hex digits of its SHA-256");
}

static bool read_callers(const struct json_value *object, struct arena *arena,
                         struct gateway_web_settings *web, struct err *err)
{
    const struct json_value *array = NULL;
    if (!json_take_array(object, "callers", STOW_CALLERS_MAX, &array, err))
        return false;
    web->caller_count = json_count(array);
    for (size_t i = 0; i < web->caller_count; i++) {
        if (!read_caller(json_item(array, i), arena, &web->callers[i], err))
            return false;
        if (web->callers[i].certificate && !web->certificate)
            return err_set(err, ERR_SYNTAX, "config_dicomweb",
                           "a caller's certificate needs tls");
    }
    return web->caller_count > 0 ||
           err_set(err, ERR_SYNTAX, "config_dicomweb", "no caller is named");
}

static bool read_web_tls(const struct json_value *object, struct arena *arena,
                         struct gateway_web_settings *web, struct err *err)
{
    struct tls_files files = {0};
    bool is_read = read_tls(object, arena, &files, err);
    web->certificate = files.certificate_file;
    web->key = files.key_file;
    web->authority = files.authority_file;
    return is_read;
}

static bool read_web_numbers(const struct json_value *object,
                             struct gateway_config *config, struct err *err)
{
    struct gateway_web_settings *web = &config->web;
    int port = web->certificate ? 8443 : 8042;
    web->requests_max = 16;
    web->requests_per_caller_max = 4;
    web->instance_mb_max = 4096;
    web->request_mb_max = 65536;
    bool is_read =
        take_number(object, "port", 1, 65535, &port, err) &&
        take_number(object, "requests", 1, 256, &web->requests_max, err) &&
        take_number(object, "requests_per_caller", 1, 256, &web->requests_per_caller_max,
                    err) &&
        take_number(object, "instance_mb", 1, 1 << 20, &web->instance_mb_max, err) &&
        take_number(object, "request_mb", 1, 1 << 24, &web->request_mb_max, err) &&
        take_number(object, "reserve_mb", 0, 1 << 20, &config->dicom.reserve_mb, err);
    web->port = (uint16_t)port;
    return is_read;
}

static bool read_dicomweb(const struct json_value *root, struct arena *arena,
                          struct gateway_config *config, struct err *err)
{
    static const char *const keys[] = {"address",     "port",       "callers",
                                       "tls",         "requests",   "requests_per_caller",
                                       "instance_mb", "request_mb", "reserve_mb",
                                       NULL};
    const struct json_value *object = NULL;
    return !json_member(root, "dicomweb") ||
           (json_take_object(root, "dicomweb", &object, err) &&
            json_check_settings(object, keys, err) &&
            take_name(object, "address", arena, &config->web.address, err) &&
            read_web_tls(object, arena, &config->web, err) &&
            read_callers(object, arena, &config->web, err) &&
            read_web_numbers(object, config, err));
}

static bool read_metrics(const struct json_value *root, struct arena *arena,
                         struct gateway_web_settings *web, struct err *err)
{
    static const char *const keys[] = {"address", "port", NULL};
    const struct json_value *object = NULL;
    int port = 9464;
    if (!json_member(root, "metrics"))
        return true;
    if (!json_take_object(root, "metrics", &object, err) ||
        !json_check_settings(object, keys, err) ||
        !take_name(object, "address", arena, &web->metrics_address, err) ||
        !take_number(object, "port", 1, 65535, &port, err))
        return false;
    web->metrics_port = (uint16_t)port;
    return true;
}

static bool read_policy(const struct json_value *root, struct arena *arena,
                        struct gateway_config *config, struct err *err)
{
    struct span bytes = {0};
    return take_name(root, "policy", arena, &config->policy_file, err) &&
           path_read_named(config->policy_file, UPLINK_POLICY_BYTES_MAX, arena, &bytes,
                           err) &&
           uplink_check_policy(bytes, err) &&
           text_from_utf8(bytes, &config->policy_json, err) &&
           uplink_read_policy(bytes, arena, &config->policy, err);
}

static bool read_numbers(const struct json_value *root, struct gateway_config *config,
                         struct err *err)
{
    int sweep_s = 60;
    int full_s = 12 * HOUR_S;
    config->limits = (struct index_limits){20, 200, false};
    config->second_look_ms = 5000;
    config->recent_days = 14;
    config->watches_max = 8000;
    config->poll_ms = UPLINK_POLL_MS;
    if (!take_number(root, "sweep_seconds", 1, 86400, &sweep_s, err) ||
        !take_number(root, "full_sweep_seconds", 1, 7 * 86400, &full_s, err) ||
        !take_number(root, "second_look_ms", 100, 600000, &config->second_look_ms, err) ||
        !take_number(root, "recent_days", 0, 3650, &config->recent_days, err) ||
        !take_number(root, "watches", 0, 500000, &config->watches_max, err) ||
        (json_member(root, "fanotify") &&
         !json_take_bool(root, "fanotify", &config->asks_marks, err)) ||
        !take_number(root, "poll_ms", 100, UPLINK_POLL_MS, &config->poll_ms, err) ||
        !take_number(root, "mismatches_per_hour", 1, 100000,
                     &config->limits.mismatches_per_hour, err) ||
        !take_number(root, "links_per_day", 0, 1000000, &config->limits.links_per_day,
                     err))
        return false;
    config->sweep_ms = sweep_s * 1000;
    config->full_sweep_ms = full_s * 1000;
    return true;
}

static bool check_keys(const struct json_value *root, struct err *err)
{
    static const char *const keys[] = {
        "facility_code",
        "facility_name",
        "node",
        "data",
        "storage",
        "extended_storage",
        "images",
        "images_period_seconds",
        "transaction_storage",
        "index_database",
        "policy",
        "centre",
        "proxy",
        "dicom",
        "dicomweb",
        "metrics",
        "sweep_seconds",
        "full_sweep_seconds",
        "second_look_ms",
        "recent_days",
        "watches",
        "fanotify",
        "poll_ms",
        "mismatches_per_hour",
        "links_per_day",
        NULL,
    };
    return json_check_settings(root, keys, err);
}

static bool read_all(const struct json_value *root, struct arena *arena,
                     struct gateway_config *config, struct err *err)
{
    return take_copy(root, "facility_code", 10, arena, &config->facility_code, err) &&
           take_copy(root, "facility_name", UPLINK_NAME_BYTES_MAX, arena,
                     &config->facility_name, err) &&
           take_copy(root, "node", 32, arena, &config->node, err) &&
           take_name(root, "data", arena, &config->data, err) &&
           read_roots(root, arena, config, err) &&
           read_transactions(root, arena, config, err) &&
           read_index_database(root, arena, config, err) &&
           read_centre(root, arena, config, err) &&
           read_dicom(root, arena, &config->dicom, err) &&
           read_dicomweb(root, arena, config, err) &&
           read_metrics(root, arena, &config->web, err) &&
           read_policy(root, arena, config, err) && read_numbers(root, config, err);
}

bool gateway_read_config(const char *file, struct arena *arena,
                         struct gateway_config *config, struct err *err)
{
    struct span bytes = {0};
    *config = (struct gateway_config){0};
    if (!path_read_named(file, CONFIG_BYTES_MAX, arena, &bytes, err))
        return false;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse_settings(bytes, err);
    return document && check_keys(json_root(document), err) &&
           read_all(json_root(document), arena, config, err);
}
