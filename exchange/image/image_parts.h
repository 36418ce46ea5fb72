// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to exchange/image: the study's JSON and a range's words (image.c), the routes
 * (image_api.c). */

#include "base/buf.h"
#include "base/id.h"
#include "exchange/image/image.h"

/* A study's JSON is far larger as a tree than as bytes, most of it instances: they are
 * cut out, each its number in its place, and read one by one (image_split.c). */
struct image_pieces {
    struct buf skeleton;
    struct span *at; /* into the body, IMAGE_INSTANCES_MAX at most; *owned* */
    size_t count;
    size_t next; /* pieces before it were read */
};
/* ERR_LIMIT study_instances. What is no JSON stays none, in the skeleton or a piece. */
MUST_CHECK bool image_split(struct span body, struct image_pieces *pieces,
                            struct err *err);
void image_free_pieces(struct image_pieces *pieces);

/* Writes the contract's Study of a gateway's. ERR_SYNTAX, ERR_LIMIT when it is not what
 * it should be: nothing of it is shown then. */
MUST_CHECK bool image_write_study(struct span body, struct id facility, struct buf *out,
                                  struct err *err);

/* What a Range asks for (RFC 9110 section 14.1.2): one range. Several, and what is none,
 * are read as none, as they may be; a place behind all that there can be is the last. */
struct image_range {
    bool is_asked;
    bool is_from_end; /* `from` is how many of the last bytes */
    int64_t from;
    int64_t to; /* last byte; < 0 = to the end */
};
struct image_range image_read_range(struct span value);
/* What stands for a file as it is: 64 hexadecimal digits. In an If-Range it is quoted (a
 * strong entity tag); empty for all else, which is no condition that could be met. */
bool image_is_stamp(struct span value);
struct text image_read_stamp(struct span value);
