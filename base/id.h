// SPDX-License-Identifier: Apache-2.0
#pragma once
/* 128-bit identifiers: random ones for persons, records, facilities, staff, sessions,
 * openings, and keyed hashes for entries. Outside the program an id is 32 lower-case
 * hexadecimal digits; in the database it is that text. */

#include "base/hash.h"
#include "base/rand.h"
#include "base/text.h"

enum { ID_BYTES = 16, ID_TEXT_BYTES = 33 };

struct id {
    uint8_t bytes[ID_BYTES];
};

/* The id as text with NUL, by value, so that it can stand in a call. */
struct id_text {
    char at[ID_TEXT_BYTES];
};

struct id id_new(const struct rand *rand);
/* The first 128 bits of HMAC-SHA-256(key, bytes). */
struct id id_from_keyed(struct span key, struct span bytes);
bool id_equal(struct id a, struct id b);
bool id_is_zero(struct id id);
struct id_text id_to_text(struct id id);
struct text id_view(const struct id_text *text);
/* ERR_SYNTAX "id_invalid". */
MUST_CHECK bool id_parse(struct span hex, struct id *id, struct err *err);
