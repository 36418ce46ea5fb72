// SPDX-License-Identifier: Apache-2.0
#pragma once
/* JSON (RFC 8259): a strict reader over jansson and a streaming writer of our own.
 *
 * Reader: duplicate keys, NUL, trailing bytes and depth over 64 are refused
 * (ERR_SYNTAX json_*, with offset). A document is freed by json_free; values borrow from
 * it. Missing or mistyped members are errors of the json_take_* words, so that a route
 * reads its body in one chain of &&.
 *
 * Writer: appends to a buf, places commas itself, escapes by type, also < > & U+2028
 * U+2029; misuse asserts. */

#include "base/buf.h"
#include "base/id.h"
#include "base/text.h"

struct json_document; /* *owned* */
struct json_value;    /* borrowed from its document */

MUST_CHECK struct json_document *json_parse(struct span bytes, struct err *err);
/* The same for what an operator wrote: the text says in which line. */
MUST_CHECK struct json_document *json_parse_settings(struct span bytes, struct err *err);
void json_free(struct json_document *document);
/* For CLEANUP. */
void json_free_at(struct json_document **document);
const struct json_value *json_root(const struct json_document *document);

bool json_is_object(const struct json_value *value);
bool json_is_array(const struct json_value *value);
bool json_is_string(const struct json_value *value);
bool json_is_null(const struct json_value *value);
/* NULL when absent. */
const struct json_value *json_member(const struct json_value *object, const char *key);
size_t json_count(const struct json_value *array);
const struct json_value *json_item(const struct json_value *array, size_t index);

/* False with ERR_SYNTAX "json_unknown_member" when the object has a member that is none
 * of `keys` (NULL-ended): what is mistyped must not count as left out. */
MUST_CHECK bool json_check_members(const struct json_value *object,
                                   const char *const *keys, struct err *err);
/* The same for what an operator wrote: the text says which. Never for what comes in. */
MUST_CHECK bool json_check_settings(const struct json_value *object,
                                    const char *const *keys, struct err *err);
/* Calls `see` for each member in order; false from it ends the walk and is the result. */
MUST_CHECK bool json_each_member(const struct json_value *object,
                                 bool (*see)(void *context, struct text key,
                                             const struct json_value *value,
                                             struct err *err),
                                 void *context, struct err *err);
/* The value itself as text: ERR_SYNTAX "json_member" when it is not a string, ERR_LIMIT
 * "json_too_long". */
MUST_CHECK bool json_as_text(const struct json_value *value, size_t max_bytes,
                             struct text *text, struct err *err);

/* The value itself as a number, whole or not: ERR_SYNTAX "json_member" when it is none.
 */
MUST_CHECK bool json_as_double(const struct json_value *value, double *number,
                               struct err *err);

/* Required members: ERR_SYNTAX "json_member" naming the key when absent or mistyped;
 * ERR_LIMIT "json_too_long" when a text is longer than max_bytes. */
MUST_CHECK bool json_take_text(const struct json_value *object, const char *key,
                               size_t max_bytes, struct text *text, struct err *err);
MUST_CHECK bool json_take_int(const struct json_value *object, const char *key,
                              int64_t min, int64_t max, int64_t *value, struct err *err);
MUST_CHECK bool json_take_bool(const struct json_value *object, const char *key,
                               bool *value, struct err *err);
MUST_CHECK bool json_take_id(const struct json_value *object, const char *key,
                             struct id *id, struct err *err);
MUST_CHECK bool json_take_object(const struct json_value *object, const char *key,
                                 const struct json_value **value, struct err *err);
MUST_CHECK bool json_take_array(const struct json_value *object, const char *key,
                                size_t max_count, const struct json_value **value,
                                struct err *err);
/* Optional ones: absent or null leaves the default in place; a wrong type is an error. */
MUST_CHECK bool json_take_text_or(const struct json_value *object, const char *key,
                                  size_t max_bytes, struct text *text, struct err *err);
MUST_CHECK bool json_take_int_or(const struct json_value *object, const char *key,
                                 int64_t min, int64_t max, int64_t *value,
                                 struct err *err);
/* A string item of an array. */
MUST_CHECK bool json_item_text(const struct json_value *array, size_t index,
                               size_t max_bytes, struct text *text, struct err *err);

enum { JSON_DEPTH_MAX = 64 };

struct json_writer {
    struct buf *out;
    uint64_t has_items; /* one bit per open level: something was written in it */
    uint64_t is_object;
    int depth;
    bool has_key;
};

struct json_writer json_writer(struct buf *out);
void json_open_object(struct json_writer *writer);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer);
void json_close_array(struct json_writer *writer);
/* A key of our own: a literal of letters, digits and _ */
void json_key(struct json_writer *writer, const char *key);
void json_text_value(struct json_writer *writer, struct text text);
void json_cstr_value(struct json_writer *writer, const char *word);
void json_int_value(struct json_writer *writer, int64_t value);
/* With up to 12 significant digits; what is not finite becomes null. */
void json_double_value(struct json_writer *writer, double value);
/* A whole value that a writer wrote before, kept meanwhile. */
void json_written_value(struct json_writer *writer, struct text json);
void json_bool_value(struct json_writer *writer, bool value);
void json_null_value(struct json_writer *writer);
void json_id_value(struct json_writer *writer, struct id id);
/* Key and value at once. */
void json_put_text(struct json_writer *writer, const char *key, struct text text);
void json_put_cstr(struct json_writer *writer, const char *key, const char *word);
void json_put_int(struct json_writer *writer, const char *key, int64_t value);
void json_put_double(struct json_writer *writer, const char *key, double value);
/* An array of whole numbers: a column of many rows. */
void json_put_ints(struct json_writer *writer, const char *key, const int64_t *values,
                   size_t count);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_null(struct json_writer *writer, const char *key);
void json_put_id(struct json_writer *writer, const char *key, struct id id);
/* "YYYY-MM-DD" or null for DAY_NONE. */
void json_put_day(struct json_writer *writer, const char *key, int32_t day);
/* A member whose key comes from data (structured content); escaped like a value. */
void json_put_named(struct json_writer *writer, struct text key, struct text text);
