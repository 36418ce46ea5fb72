// SPDX-License-Identifier: Apache-2.0
/* The gateway's JSON, read and written anew: only texts under plain keys go on, bounded,
 * and whatever is not as it should be is refused whole. */
#include "exchange/content/content_parts.h"

enum { KEY_BYTES_MAX = 32, CODE_BYTES_MAX = 64 };

/* The gateway's reasons that reach people; anything else is "gateway_refused". */
static const char *const reasons[] = {
    "link_missing",      "link_ended",     "grant_entry",    "kind_not_granted",
    "kind_not_released", "audience",       "sensitive",      "department",
    "before_start",      "delayed",        "original_mixed", "grant_malformed",
    "grant_signature",   "grant_facility", "grant_tunnel",   "grant_counter",
    "grant_age",
};

static bool is_plain_key(struct text key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!is_plain)
            return false;
    }
    return key.len > 0 && key.len <= KEY_BYTES_MAX;
}

struct item_writing {
    struct json_writer *writer;
    size_t field_count;
};

static bool write_field(void *context, struct text key, const struct json_value *value,
                        struct err *err)
{
    struct item_writing *writing = context;
    struct text text = {0};
    if (!is_plain_key(key))
        return err_set(err, ERR_SYNTAX, "content_key", "a key is not a plain word");
    if (++writing->field_count > CONTENT_FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "content_fields", "more than %d fields",
                       CONTENT_FIELDS_MAX);
    if (!json_as_text(value, CONTENT_TEXT_MAX, &text, err))
        return false;
    json_put_named(writing->writer, key, text);
    return true;
}

bool content_write_items(struct json_writer *writer, const struct json_value *holder,
                         struct err *err)
{
    const struct json_value *items = NULL;
    if (!json_take_array(holder, "items", CONTENT_ITEMS_MAX, &items, err))
        return false;
    json_key(writer, "items");
    json_open_array(writer);
    for (size_t i = 0; i < json_count(items); i++) {
        struct item_writing writing = {.writer = writer};
        const struct json_value *item = json_item(items, i);
        struct text type = {0};
        if (!json_take_text(item, "type", CODE_BYTES_MAX, &type, err))
            return false;
        json_open_object(writer);
        if (!json_each_member(item, write_field, &writing, err))
            return false;
        json_close_object(writer);
    }
    json_close_array(writer);
    return true;
}

static bool write_warnings(struct json_writer *writer, const struct json_value *root,
                           struct err *err)
{
    const struct json_value *warnings = NULL;
    if (!json_take_array(root, "warnings", CONTENT_WARNINGS_MAX, &warnings, err))
        return false;
    json_key(writer, "warnings");
    json_open_array(writer);
    for (size_t i = 0; i < json_count(warnings); i++) {
        struct text code = {0};
        struct text text = {0};
        const struct json_value *item = json_item(warnings, i);
        if (!json_take_text(item, "code", CODE_BYTES_MAX, &code, err) ||
            !json_take_text(item, "text", CONTENT_TEXT_MAX, &text, err))
            return false;
        json_open_object(writer);
        json_put_text(writer, "code", code);
        json_put_text(writer, "text", text);
        json_close_object(writer);
    }
    json_close_array(writer);
    return true;
}

bool content_is_list(struct text list)
{
    for (size_t i = 0; i < list.len; i++)
        if (!(list.at[i] >= '0' && list.at[i] <= '9') &&
            !(list.at[i] >= 'a' && list.at[i] <= 'f'))
            return false;
    return list.len == CONTENT_LIST_DIGITS;
}

/* By which the parts of this content are asked for; older gateways have none. */
static bool write_list(struct json_writer *writer, const struct json_value *root,
                       struct err *err)
{
    struct text list = TEXT("");
    if (!json_take_text_or(root, "list", CODE_BYTES_MAX, &list, err))
        return false;
    if (list.len > 0 && !content_is_list(list))
        return err_set(err, ERR_SYNTAX, "content_list", "not the name of a list");
    if (list.len > 0)
        json_put_text(writer, "list", list);
    return true;
}

bool content_write(const struct content_answer *answer, struct buf *out, struct err *err)
{
    const struct json_value *entry = NULL;
    CLEANUP(json_free_at) struct json_document *document = json_parse(answer->body, err);
    if (!document || !json_take_object(json_root(document), "entry", &entry, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "entry");
    registry_write_entry(&writer, answer->entry);
    if (!content_write_items(&writer, entry, err) ||
        !write_warnings(&writer, json_root(document), err) ||
        !write_list(&writer, json_root(document), err))
        return false;
    json_put_int(&writer, "fetched_at", answer->fetched_at_ms);
    json_close_object(&writer);
    return buf_check(out, err);
}

static bool says_code(struct span body, const char *wanted)
{
    struct err err = {0};
    struct text code = {0};
    CLEANUP(json_free_at) struct json_document *document = json_parse(body, &err);
    return document &&
           json_take_text(json_root(document), "code", CODE_BYTES_MAX, &code, &err) &&
           text_is(code, wanted);
}

static const char *find_reason(struct span body)
{
    struct err err = {0};
    struct text code = {0};
    CLEANUP(json_free_at) struct json_document *document = json_parse(body, &err);
    if (!document ||
        !json_take_text(json_root(document), "code", CODE_BYTES_MAX, &code, &err))
        return NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (text_is(code, reasons[i]))
            return reasons[i];
    return NULL;
}

/* What a gateway says of images and of clocks; whatever its status, it is told as what it
 * means. */
static const struct image_reason {
    const char *code;
    enum err_kind kind;
} image_reasons[] = {
    {"study_changed", ERR_CONFLICT},  /* it is to be asked for anew */
    {"syntax_unsupported", ERR_BUSY}, /* to be taken as a file */
    {"frame_missing", ERR_MISSING},   {"frame_broken", ERR_CONFLICT},
    {"decoder_busy", ERR_BUSY},       {"range_unsatisfiable", ERR_SYNTAX},
    {"clock_apart", ERR_BUSY}, /* nobody's right is in question: it comes again */
};

static const struct image_reason *find_image_reason(int status, struct span body)
{
    for (size_t i = 0; i < sizeof image_reasons / sizeof *image_reasons; i++)
        if (status >= 400 && says_code(body, image_reasons[i].code))
            return &image_reasons[i];
    return NULL;
}

void content_refusal(int status, struct span body, struct err *err)
{
    const char *reason = status == 403 ? find_reason(body) : NULL;
    const struct image_reason *image = find_image_reason(status, body);
    if (reason)
        (void)err_set(err, ERR_REFUSED, reason, "the gateway refused");
    else if (image)
        (void)err_set(err, image->kind, image->code, "the gateway answered %d", status);
    else if (status == 404)
        (void)err_set(err, ERR_MISSING, "not_found", "the gateway does not have it");
    else if (status == 400 || status == 413 ||
             (status == 403 && says_code(body, "incomplete")))
        /* Its source could not be read whole: half of it is never shown. */
        (void)err_set(err, ERR_CONFLICT, "content_incomplete",
                      "the source cannot be read");
    else if (status == 503 && says_code(body, "source_changed"))
        /* What was shown is not what is there: it is to be read anew. */
        (void)err_set(err, ERR_BUSY, "source_changed", "the source has changed");
    else if (status == 503 && says_code(body, "audit_unwritable"))
        (void)err_set(err, ERR_BUSY, "gateway_unwritable",
                      "the gateway cannot write its audit");
    else if (status == 503)
        (void)err_set(err, ERR_BUSY, "gateway_busy", "the gateway answered 503");
    else
        (void)err_set(err, ERR_BUSY, "gateway_refused", "the gateway answered %d",
                      status);
}
