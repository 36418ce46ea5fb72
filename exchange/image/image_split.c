// SPDX-License-Identifier: Apache-2.0
/* Where a study's instances begin and end: objects in the array of an object in an array
 * of the root, whatever their names. Only brackets and strings are looked at; whether all
 * of it is JSON is the parser's to say, of the skeleton and of each piece. */
#include "base/memory.h"
#include "exchange/image/image_parts.h"

enum { INSTANCE_LEVEL = 5, DEPTH_MAX = 64 };

struct splitting {
    struct image_pieces *pieces;
    struct span body;
    char open[DEPTH_MAX]; /* brackets */
    int depth;
    size_t from; /* of the piece, or of what goes into the skeleton next */
};

static bool is_instance(const struct splitting *splitting)
{
    return splitting->depth == INSTANCE_LEVEL &&
           memcmp(splitting->open, "{[{[{", INSTANCE_LEVEL) == 0;
}

static void copy_until(struct splitting *splitting, size_t at)
{
    buf_span(&splitting->pieces->skeleton,
             span_part(splitting->body, splitting->from, at - splitting->from));
    splitting->from = at;
}

static bool open_at(struct splitting *splitting, size_t at, struct err *err)
{
    if (splitting->depth == DEPTH_MAX)
        return err_at(err, ERR_SYNTAX, "json_depth", at, "RFC 8259 9");
    splitting->open[splitting->depth++] = (char)splitting->body.at[at];
    if (is_instance(splitting))
        copy_until(splitting, at);
    return true;
}

static bool close_at(struct splitting *splitting, size_t at, struct err *err)
{
    struct image_pieces *pieces = splitting->pieces;
    if (is_instance(splitting)) {
        if (pieces->count == IMAGE_INSTANCES_MAX)
            return err_set(err, ERR_LIMIT, "study_instances", "more than %d instances",
                           IMAGE_INSTANCES_MAX);
        size_t len = at + 1 - splitting->from;
        buf_u64(&pieces->skeleton, pieces->count);
        pieces->at[pieces->count++] = span_part(splitting->body, splitting->from, len);
        splitting->from = at + 1;
    }
    splitting->depth -= splitting->depth > 0;
    return true;
}

/* The place of its closing quote, or the end. */
static size_t end_of_string(struct span body, size_t at)
{
    for (at++; at < body.len && body.at[at] != '"'; at++)
        at += body.at[at] == '\\';
    return at;
}

bool image_split(struct span body, struct image_pieces *pieces, struct err *err)
{
    struct splitting splitting = {.pieces = pieces, .body = body};
    *pieces = (struct image_pieces){.skeleton = buf_init(IMAGE_STUDY_BYTES_MAX)};
    pieces->at = memory_new(IMAGE_INSTANCES_MAX, sizeof *pieces->at, err);
    if (!pieces->at)
        return false;
    for (size_t at = 0; at < body.len; at++) {
        uint8_t byte = body.at[at];
        if (byte == '"')
            at = end_of_string(body, at);
        else if ((byte == '{' || byte == '[') && !open_at(&splitting, at, err))
            return false;
        else if ((byte == '}' || byte == ']') && !close_at(&splitting, at, err))
            return false;
    }
    copy_until(&splitting, body.len);
    return buf_check(&pieces->skeleton, err);
}

void image_free_pieces(struct image_pieces *pieces)
{
    buf_free(&pieces->skeleton);
    memory_free(pieces->at);
    pieces->at = NULL;
}
