// SPDX-License-Identifier: Apache-2.0
#include "server/server_config.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/rand.h"
#include "formats/json/json.h"

enum {
    CONFIG_BYTES_MAX = 64 * 1024,
    CONNECTIONS_MAX = 16384,
    CONNECTIONS_USUAL = 1024,
    CONNECTIONS_PER_ADDRESS_USUAL = 256
};

static bool take_name(const struct json_value *object, const char *key,
                      struct arena *arena, const char **name, struct err *err)
{
    struct text text = {0};
    if (!json_take_text(object, key, PATH_MAX_BYTES, &text, err))
        return false;
    *name = text_to_cstr(text, arena, err);
    return *name != NULL;
}

static bool take_name_or(const struct json_value *object, const char *key,
                         struct arena *arena, const char **name, struct err *err)
{
    return !json_member(object, key) || take_name(object, key, arena, name, err);
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static bool read_place(const struct json_value *object, struct arena *arena,
                       struct server_listener *listener, struct err *err)
{
    int64_t port = 0;
    if (!take_name(object, "address", arena, &listener->address, err) ||
        !json_take_int(object, "port", 0, 65535, &port, err))
        return false;
    listener->port = (uint16_t)port;
    return true;
}

/* Plain always: certificates here would seem to shut what they do not. */
static bool read_metrics(const struct json_value *root, struct arena *arena,
                         struct server_listener *listener, struct err *err)
{
    static const char *const keys[] = {"address", "port", NULL};
    const struct json_value *object = NULL;
    return !json_member(root, "metrics") ||
           (json_take_object(root, "metrics", &object, err) &&
            json_check_settings(object, keys, err) &&
            read_place(object, arena, listener, err));
}

static bool read_listener(const struct json_value *root, const char *key,
                          struct arena *arena, struct server_listener *listener,
                          struct err *err)
{
    static const char *const keys[] = {"address", "port",      "certificate",
                                       "key",     "authority", NULL};
    const struct json_value *object = NULL;
    if (!json_take_object(root, key, &object, err) ||
        !json_check_settings(object, keys, err) ||
        !read_place(object, arena, listener, err))
        return false;
    listener->has_tls = json_member(object, "certificate") != NULL;
    if (!listener->has_tls)
        return true;
    return take_name(object, "certificate", arena, &listener->files.certificate_file,
                     err) &&
           take_name(object, "key", arena, &listener->files.key_file, err) &&
           take_name(object, "authority", arena, &listener->files.authority_file, err);
}

static bool check_demo(const struct server_config *config, struct err *err)
{
    if (config->metrics.address && !is_loopback(config->metrics.address))
        return err_set(err, ERR_SYNTAX, "config_metrics", "metrics stay on loopback");
    if (!config->gateways.has_tls)
        return err_set(err, ERR_SYNTAX, "config_gateways", "gateways need TLS");
    if (config->browsers.has_tls)
        return true;
    if (!config->is_demo)
        return err_set(err, ERR_SYNTAX, "config_tls", "browsers need TLS");
    if (!is_loopback(config->browsers.address))
        return err_set(err, ERR_SYNTAX, "config_demo", "the demo stays on loopback");
    return true;
}

static bool read_sizes(const struct json_value *root, struct server_config *config,
                       struct err *err)
{
    int64_t workers = 4, connections = CONNECTIONS_USUAL;
    int64_t per_address = CONNECTIONS_PER_ADDRESS_USUAL;
    if (!json_take_int_or(root, "workers", 1, 64, &workers, err) ||
        !json_take_int_or(root, "connections", 1, CONNECTIONS_MAX, &connections, err) ||
        !json_take_int_or(root, "connections_per_address", 1, CONNECTIONS_MAX,
                          &per_address, err))
        return false;
    config->workers = (int)workers;
    config->connections = (int)connections;
    config->connections_per_address = (int)per_address;
    return true;
}

static bool read_all(const struct json_value *root, struct arena *arena,
                     struct server_config *config, struct err *err)
{
    if (!take_name_or(root, "database", arena, &config->database, err) ||
        !take_name_or(root, "keys", arena, &config->keys, err) ||
        !take_name_or(root, "backup_key", arena, &config->backup_key, err) ||
        !take_name(root, "data", arena, &config->data, err) ||
        !take_name(root, "node", arena, &config->node, err) ||
        !read_listener(root, "browsers", arena, &config->browsers, err) ||
        !read_listener(root, "gateways", arena, &config->gateways, err) ||
        !read_metrics(root, arena, &config->metrics, err) ||
        !read_sizes(root, config, err))
        return false;
    return !json_member(root, "demo") ||
           json_take_bool(root, "demo", &config->is_demo, err);
}

bool server_read_config(const char *file, struct arena *arena,
                        struct server_config *config, struct err *err)
{
    static const char *const keys[] = {
        "data",     "database", "keys",        "node",
        "browsers", "gateways", "metrics",     "backup_key",
        "workers",  "demo",     "connections", "connections_per_address",
        NULL};
    struct span bytes = {0};
    *config = (struct server_config){0};
    if (!path_read_named(file, CONFIG_BYTES_MAX, arena, &bytes, err))
        return false;
    CLEANUP(json_free_at)
    struct json_document *document = json_parse_settings(bytes, err);
    return document && json_check_settings(json_root(document), keys, err) &&
           read_all(json_root(document), arena, config, err) && check_demo(config, err);
}

/* ---- keys ---- */

static bool key_path(const char *directory, const char *name,
                     char path[PATH_MAX_BYTES + 1], struct err *err)
{
    int len = snprintf(path, PATH_MAX_BYTES + 1, "%s/%s", directory, name);
    return (len > 0 && len <= PATH_MAX_BYTES) ||
           err_set(err, ERR_LIMIT, "path_too_long", "path too long");
}

/* Reads the secret; one that is not there yet is made by `make`. */
static bool open_key(const char *directory, const char *name, uint8_t *bytes, size_t len,
                     void (*make)(uint8_t *bytes, size_t len), struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    struct err fault = {0};
    struct span found = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    if (!key_path(directory, name, path, err) || !path_check_private(path, err))
        return false;
    if (path_read_file(path, len, &arena, &found, &fault)) {
        if (found.len != len)
            return err_set(err, ERR_SYSTEM, "key_corrupt", "a key has another length");
        memcpy(bytes, found.at, len);
        return true;
    }
    if (fault.kind != ERR_MISSING) {
        *err = fault;
        return false;
    }
    make(bytes, len);
    return path_write_file(path, span_of(bytes, len), err);
}

static void make_id_key(uint8_t *bytes, size_t len)
{
    struct rand rand = rand_system();
    rand_fill(&rand, bytes, len);
}

static void make_signing_key(uint8_t *bytes, size_t len)
{
    struct secret_signing_key signing;
    struct secret_public_key public;
    secret_new_keys(&signing, &public);
    memcpy(bytes, signing.bytes, len);
    secret_wipe(&signing, sizeof signing);
}

/* A start with the volume full writes nothing that is there already. */
static bool write_if_other(const char *path, struct span bytes, struct err *err)
{
    struct err fault = {0};
    struct span found = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4096);
    bool is_there = path_read_file(path, bytes.len, &arena, &found, &fault);
    return (is_there && span_equal(found, bytes)) || path_write_file(path, bytes, err);
}

bool server_open_keys(const char *data, const char *directory, struct server_keys *keys,
                      struct err *err)
{
    char own[PATH_MAX_BYTES + 1];
    char path[PATH_MAX_BYTES + 1];
    char hex[2 * SECRET_PUBLIC_KEY_BYTES + 1];
    if (!key_path(data, "keys", own, err))
        return false;
    const char *at = directory ? directory : own;
    if (!path_make_directory(at, err) ||
        !open_key(at, "entry-ids", keys->ids.bytes, HASH_BYTES, make_id_key, err) ||
        !open_key(at, "grants", keys->signing.bytes, SECRET_SIGNING_KEY_BYTES,
                  make_signing_key, err) ||
        !key_path(at, "grants.public", path, err))
        return false;
    /* An Ed25519 signing key of libsodium ends with its public half (RFC 8032 5.1.5). */
    memcpy(keys->public.bytes,
           keys->signing.bytes + SECRET_SIGNING_KEY_BYTES - SECRET_PUBLIC_KEY_BYTES,
           SECRET_PUBLIC_KEY_BYTES);
    hash_to_hex(span_of(keys->public.bytes, SECRET_PUBLIC_KEY_BYTES), hex);
    return write_if_other(path, span_cstr(hex), err);
}
