// SPDX-License-Identifier: Apache-2.0
/* The reader: jansson behind our words. A `struct json_value` is jansson's value under
 * our name and is never dereferenced here. */
#include <jansson.h>
#include <math.h>
#include <string.h>

/* Four of our words are macros there. */
#undef json_is_array
#undef json_is_null
#undef json_is_object
#undef json_is_string

#include "base/memory.h"
#include "formats/json/json.h"

struct json_document {
    json_t *root;
};

static const json_t *inner(const struct json_value *value)
{
    return (const json_t *)(const void *)value;
}

static const struct json_value *outer(const json_t *value)
{
    return (const struct json_value *)(const void *)value;
}

/* Jansson recurses; so the depth is counted before it sees the bytes. */
static bool check_depth(struct span bytes, struct err *err)
{
    int depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (is_in_string) {
            if (byte == '\\')
                i++;
            else if (byte == '"')
                is_in_string = false;
        } else if (byte == '"') {
            is_in_string = true;
        } else if (byte == '{' || byte == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return err_at(err, ERR_SYNTAX, "json_too_deep", i, "RFC 8259 section 9");
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
    }
    return true;
}

/* A document that jansson has no memory for it calls invalid, or makes one of which bytes
 * are missing. */
static _Thread_local bool ran_short; /* allowed: of one call, jansson has no other way */

static void *take_memory(size_t size)
{
    struct err err = {0};
    void *at = memory_resize(NULL, 1, size, &err);
    ran_short = ran_short || !at;
    return at;
}

__attribute__((constructor)) static void watch_memory(void)
{
    json_set_alloc_funcs(take_memory, memory_free);
}

struct json_document *json_parse(struct span bytes, struct err *err)
{
    json_error_t fault;
    if (!check_depth(bytes, err))
        return NULL;
    ran_short = false;
    json_t *root =
        json_loadb((const char *)bytes.at, bytes.len, JSON_REJECT_DUPLICATES, &fault);
    if (ran_short) {
        json_decref(root);
        err_set(err, ERR_BUSY, "memory_short", "no memory for the document");
        return NULL;
    }
    if (!root) {
        const char *code = json_error_code(&fault) == json_error_duplicate_key
                               ? "json_duplicate_key"
                               : "json_invalid";
        size_t offset = fault.position > 0 ? (size_t)fault.position : 0;
        err_at(err, ERR_SYNTAX, code, offset, "RFC 8259 section 2");
        return NULL;
    }
    struct json_document *document = memory_new(1, sizeof *document, err);
    if (!document) {
        json_decref(root);
        return NULL;
    }
    document->root = root;
    return document;
}

struct json_document *json_parse_settings(struct span bytes, struct err *err)
{
    struct err fault = {0};
    int line = 1;
    struct json_document *document = json_parse(bytes, &fault);
    if (document)
        return document;
    for (size_t i = 0; i < fault.offset && i < bytes.len; i++)
        line += bytes.at[i] == '\n';
    if (fault.kind == ERR_SYNTAX)
        err_set(err, fault.kind, fault.code, "line %d, or the one before it, is no JSON",
                line);
    else
        *err = fault;
    return NULL;
}

void json_free(struct json_document *document)
{
    if (!document)
        return;
    json_decref(document->root);
    memory_free(document);
}

void json_free_at(struct json_document **document)
{
    json_free(*document);
    *document = NULL;
}

const struct json_value *json_root(const struct json_document *document)
{
    return outer(document->root);
}

bool json_is_object(const struct json_value *value)
{
    return value && json_typeof(inner(value)) == JSON_OBJECT;
}

bool json_is_array(const struct json_value *value)
{
    return value && json_typeof(inner(value)) == JSON_ARRAY;
}

bool json_is_string(const struct json_value *value)
{
    return value && json_typeof(inner(value)) == JSON_STRING;
}

bool json_is_null(const struct json_value *value)
{
    return value && json_typeof(inner(value)) == JSON_NULL;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    return json_is_object(object) ? outer(json_object_get(inner(object), key)) : NULL;
}

size_t json_count(const struct json_value *array)
{
    return json_is_array(array) ? json_array_size(inner(array)) : 0;
}

const struct json_value *json_item(const struct json_value *array, size_t index)
{
    return json_is_array(array) ? outer(json_array_get(inner(array), index)) : NULL;
}

static bool wrong_member(struct err *err, const char *key)
{
    return err_set(err, ERR_SYNTAX, "json_member", "member %s is missing or wrong", key);
}

static bool take_string(const struct json_value *value, const char *key, size_t max_bytes,
                        struct text *text, struct err *err)
{
    if (!json_is_string(value))
        return wrong_member(err, key);
    size_t len = json_string_length(inner(value));
    if (len > max_bytes)
        return err_set(err, ERR_LIMIT, "json_too_long", "member %s is too long", key);
    *text = (struct text){json_string_value(inner(value)), len};
    return true;
}

bool json_take_text(const struct json_value *object, const char *key, size_t max_bytes,
                    struct text *text, struct err *err)
{
    return take_string(json_member(object, key), key, max_bytes, text, err);
}

bool json_take_text_or(const struct json_value *object, const char *key, size_t max_bytes,
                       struct text *text, struct err *err)
{
    const struct json_value *value = json_member(object, key);
    if (!value || json_is_null(value))
        return true;
    return take_string(value, key, max_bytes, text, err);
}

bool json_item_text(const struct json_value *array, size_t index, size_t max_bytes,
                    struct text *text, struct err *err)
{
    return take_string(json_item(array, index), "item", max_bytes, text, err);
}

static bool take_number(const struct json_value *value, const char *key, int64_t min,
                        int64_t max, int64_t *number, struct err *err)
{
    if (!value || json_typeof(inner(value)) != JSON_INTEGER)
        return wrong_member(err, key);
    json_int_t got = json_integer_value(inner(value));
    if (got < min || got > max)
        return wrong_member(err, key);
    *number = got;
    return true;
}

bool json_take_int(const struct json_value *object, const char *key, int64_t min,
                   int64_t max, int64_t *value, struct err *err)
{
    return take_number(json_member(object, key), key, min, max, value, err);
}

bool json_take_int_or(const struct json_value *object, const char *key, int64_t min,
                      int64_t max, int64_t *value, struct err *err)
{
    const struct json_value *member = json_member(object, key);
    if (!member || json_is_null(member))
        return true;
    return take_number(member, key, min, max, value, err);
}

bool json_as_double(const struct json_value *value, double *number, struct err *err)
{
    if (!value || !json_is_number(inner(value)))
        return err_set(err, ERR_SYNTAX, "json_member", "not a number");
    *number = json_number_value(inner(value));
    return isfinite(*number) || err_set(err, ERR_SYNTAX, "json_member", "not finite");
}

bool json_take_bool(const struct json_value *object, const char *key, bool *value,
                    struct err *err)
{
    const struct json_value *member = json_member(object, key);
    bool is_true = member && json_typeof(inner(member)) == JSON_TRUE;
    bool is_false = member && json_typeof(inner(member)) == JSON_FALSE;
    if (!is_true && !is_false)
        return wrong_member(err, key);
    *value = is_true;
    return true;
}

bool json_take_id(const struct json_value *object, const char *key, struct id *id,
                  struct err *err)
{
    struct text text = {0};
    return json_take_text(object, key, 2 * ID_BYTES, &text, err) &&
           id_parse(text_span(text), id, err);
}

bool json_take_object(const struct json_value *object, const char *key,
                      const struct json_value **value, struct err *err)
{
    *value = json_member(object, key);
    return json_is_object(*value) || wrong_member(err, key);
}

bool json_take_array(const struct json_value *object, const char *key, size_t max_count,
                     const struct json_value **value, struct err *err)
{
    *value = json_member(object, key);
    if (!json_is_array(*value))
        return wrong_member(err, key);
    if (json_count(*value) > max_count)
        return err_set(err, ERR_LIMIT, "json_too_long", "member %s has too many", key);
    return true;
}

bool json_each_member(const struct json_value *object,
                      bool (*see)(void *context, struct text key,
                                  const struct json_value *value, struct err *err),
                      void *context, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_SYNTAX, "json_member", "not an object");
    /* jansson's iterators want it writable and do not write. */
    const json_t *unchanged = inner(object);
    json_t *members = NULL;
    memcpy(&members, &unchanged, sizeof members);
    for (void *at = json_object_iter(members); at;
         at = json_object_iter_next(members, at)) {
        const char *key = json_object_iter_key(at);
        struct text name = {key, strlen(key)}; /* jansson checked that it is UTF-8 */
        if (!see(context, name, outer(json_object_iter_value(at)), err))
            return false;
    }
    return true;
}

bool json_as_text(const struct json_value *value, size_t max_bytes, struct text *text,
                  struct err *err)
{
    if (!json_is_string(value))
        return err_set(err, ERR_SYNTAX, "json_member", "not a text");
    const json_t *string = inner(value);
    *text = (struct text){json_string_value(string), json_string_length(string)};
    if (text->len > max_bytes)
        return err_set(err, ERR_LIMIT, "json_too_long", "a text is longer than %zu bytes",
                       max_bytes);
    return true;
}

struct known_members {
    const char *const *keys;
    bool names_the_unknown;
};

static bool is_known_member(void *context, struct text key,
                            const struct json_value *value, struct err *err)
{
    (void)value;
    const struct known_members *known = context;
    for (const char *const *one = known->keys; *one; one++)
        if (text_is(key, *one))
            return true;
    if (known->names_the_unknown)
        return err_set(err, ERR_SYNTAX, "json_unknown_member",
                       "member %.*s is not known: a typing error?",
                       key.len < 60 ? (int)key.len : 60, key.at);
    return err_set(err, ERR_SYNTAX, "json_unknown_member", "a member is not known");
}

bool json_check_members(const struct json_value *object, const char *const *keys,
                        struct err *err)
{
    struct known_members known = {.keys = keys};
    return json_each_member(object, is_known_member, &known, err);
}

bool json_check_settings(const struct json_value *object, const char *const *keys,
                         struct err *err)
{
    struct known_members known = {.keys = keys, .names_the_unknown = true};
    return json_each_member(object, is_known_member, &known, err);
}
