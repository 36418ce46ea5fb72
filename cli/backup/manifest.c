// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/path.h"
#include "base/version.h"
#include "cli/backup/backup.h"
#include "formats/json/json.h"

enum { MANIFEST_BYTES_MAX = 8 << 20, NAME_BYTES_MAX = 200 };

static bool changed(struct err *err)
{
    return err_set(err, ERR_REFUSED, "backup_changed",
                   "the manifest is not the one that was written with this key");
}

/* The key seals files; what authenticates the manifest is derived from it. */
static struct hash mac_of(const struct seal_key *key, struct span manifest)
{
    struct hash own =
        hash_hmac(span_of(key->bytes, sizeof key->bytes), SPAN("tsumugi manifest"));
    return hash_hmac(span_of(own.bytes, sizeof own.bytes), manifest);
}

/* ---- writing ---- */

static void put_hash(struct json_writer *writer, const char *key, const struct hash *hash)
{
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_of(hash->bytes, sizeof hash->bytes), hex);
    json_put_cstr(writer, key, hex);
}

static void put_file(struct json_writer *writer, const struct backup_file *file)
{
    json_open_object(writer);
    json_put_text(writer, "name", file->name);
    json_put_int(writer, "bytes", (int64_t)file->result.plain_bytes);
    json_put_int(writer, "sealed_bytes", (int64_t)file->result.sealed_bytes);
    put_hash(writer, "sealed_sha256", &file->result.sealed);
    json_close_object(writer);
}

static void put_head(struct json_writer *writer, const struct backup_head *head)
{
    json_open_object(writer);
    json_put_text(writer, "node", head->node);
    json_put_int(writer, "number", (int64_t)head->position.number);
    put_hash(writer, "hash", &head->position.hash);
    json_close_object(writer);
}

bool backup_write_manifest(const struct backup_manifest *manifest,
                           const struct seal_key *key, const char *directory,
                           struct err *err)
{
    char path[PATH_MAX_BYTES + 1], hex[HASH_HEX_BYTES];
    CLEANUP(buf_free) struct buf out = buf_init(MANIFEST_BYTES_MAX);
    struct json_writer writer = json_writer(&out);
    json_open_object(&writer);
    json_put_int(&writer, "format", BACKUP_FORMAT);
    json_put_cstr(&writer, "program", VERSION_TEXT);
    json_put_text(&writer, "node", manifest->node);
    json_put_int(&writer, "made_at", manifest->made_at);
    json_put_bool(&writer, "has_database", manifest->has_database);
    json_key(&writer, "files");
    json_open_array(&writer);
    for (size_t i = 0; i < manifest->file_count; i++)
        put_file(&writer, &manifest->files[i]);
    json_close_array(&writer);
    json_key(&writer, "heads");
    json_open_array(&writer);
    for (size_t i = 0; i < manifest->head_count; i++)
        put_head(&writer, &manifest->heads[i]);
    json_close_array(&writer);
    json_close_object(&writer);
    if (!buf_check(&out, err))
        return false;
    struct hash mac = mac_of(key, buf_view(&out));
    hash_to_hex(span_of(mac.bytes, sizeof mac.bytes), hex);
    return backup_path(path, directory, "manifest", ".mac", err) &&
           path_write_file(path, span_cstr(hex), err) &&
           backup_path(path, directory, "manifest", ".json", err) &&
           path_write_file(path, buf_view(&out), err);
}

/* ---- reading ---- */

static bool take_hash(const struct json_value *object, const char *key, struct hash *hash,
                      struct err *err)
{
    struct text hex;
    return json_take_text(object, key, HASH_HEX_BYTES, &hex, err) &&
           (hash_from_hex(text_span(hex), hash->bytes, sizeof hash->bytes) ||
            changed(err));
}

static bool take_file(const struct json_value *object, struct arena *arena,
                      struct backup_file *file, struct err *err)
{
    struct text name;
    int64_t bytes = 0;
    int64_t sealed_bytes = 0;
    if (!json_take_text(object, "name", NAME_BYTES_MAX, &name, err) ||
        !text_copy(name, arena, &file->name, err) ||
        !json_take_int(object, "bytes", 0, INT64_MAX, &bytes, err) ||
        !json_take_int(object, "sealed_bytes", 0, INT64_MAX, &sealed_bytes, err) ||
        !take_hash(object, "sealed_sha256", &file->result.sealed, err))
        return false;
    file->result.plain_bytes = (uint64_t)bytes;
    file->result.sealed_bytes = (uint64_t)sealed_bytes;
    return true;
}

static bool take_head(const struct json_value *object, struct arena *arena,
                      struct backup_head *head, struct err *err)
{
    struct text node;
    int64_t number = 0;
    if (!json_take_text(object, "node", AUDIT_NODE_BYTES_MAX, &node, err) ||
        !text_copy(node, arena, &head->node, err) ||
        !json_take_int(object, "number", 0, INT64_MAX, &number, err))
        return false;
    head->position.number = (uint64_t)number;
    return take_hash(object, "hash", &head->position.hash, err);
}

static bool take_lists(const struct json_value *root, struct arena *arena,
                       struct backup_manifest *manifest, struct err *err)
{
    const struct json_value *files = NULL;
    const struct json_value *heads = NULL;
    if (!json_take_array(root, "files", BACKUP_FILES_MAX, &files, err) ||
        !json_take_array(root, "heads", BACKUP_SERIES_MAX, &heads, err))
        return false;
    manifest->file_count = json_count(files);
    manifest->head_count = json_count(heads);
    manifest->files = ARENA_MANY(arena, struct backup_file, manifest->file_count, err);
    if (!manifest->files)
        return false;
    manifest->heads = ARENA_MANY(arena, struct backup_head, manifest->head_count, err);
    if (!manifest->heads)
        return false;
    for (size_t i = 0; i < manifest->file_count; i++)
        if (!take_file(json_item(files, i), arena, &manifest->files[i], err))
            return false;
    for (size_t i = 0; i < manifest->head_count; i++)
        if (!take_head(json_item(heads, i), arena, &manifest->heads[i], err))
            return false;
    return true;
}

static bool read_part(const char *directory, const char *ending, size_t max_bytes,
                      struct arena *arena, struct span *bytes, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    if (!backup_path(path, directory, "manifest", ending, err))
        return false;
    if (path_read_file(path, max_bytes, arena, bytes, err))
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return err_set(err, ERR_REFUSED, "backup_incomplete",
                   "no manifest: not a finished copy");
}

bool backup_read_manifest(const char *directory, const struct seal_key *key,
                          struct arena *arena, struct backup_manifest *manifest,
                          struct err *err)
{
    struct span bytes, mac;
    char hex[HASH_HEX_BYTES];
    int64_t format = 0;
    struct text program, node;
    *manifest = (struct backup_manifest){.made_at = 0};
    if (!read_part(directory, ".json", MANIFEST_BYTES_MAX, arena, &bytes, err) ||
        !read_part(directory, ".mac", HASH_HEX_BYTES, arena, &mac, err))
        return false;
    struct hash due = mac_of(key, bytes);
    hash_to_hex(span_of(due.bytes, sizeof due.bytes), hex);
    if (!hash_same_secret(mac, span_cstr(hex)))
        return changed(err);
    CLEANUP(json_free_at) struct json_document *document = json_parse(bytes, err);
    const struct json_value *root = document ? json_root(document) : NULL;
    return root &&
           json_take_int(root, "format", BACKUP_FORMAT, BACKUP_FORMAT, &format, err) &&
           json_take_text(root, "program", 64, &program, err) &&
           text_copy(program, arena, &manifest->program, err) &&
           json_take_text(root, "node", AUDIT_NODE_BYTES_MAX, &node, err) &&
           text_copy(node, arena, &manifest->node, err) &&
           json_take_int(root, "made_at", 1, INT64_MAX, &manifest->made_at, err) &&
           json_take_bool(root, "has_database", &manifest->has_database, err) &&
           take_lists(root, arena, manifest, err);
}
