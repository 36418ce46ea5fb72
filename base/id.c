// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include <string.h>

struct id id_new(const struct rand *rand)
{
    struct id id;
    rand_fill(rand, id.bytes, sizeof id.bytes);
    return id;
}

struct id id_from_keyed(struct span key, struct span bytes)
{
    struct hash hash = hash_hmac(key, bytes);
    struct id id;
    memcpy(id.bytes, hash.bytes, sizeof id.bytes);
    return id;
}

bool id_equal(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, ID_BYTES) == 0;
}

bool id_is_zero(struct id id)
{
    return id_equal(id, (struct id){{0}});
}

struct id_text id_to_text(struct id id)
{
    struct id_text text;
    hash_to_hex(span_of(id.bytes, ID_BYTES), text.at);
    return text;
}

struct text id_view(const struct id_text *text)
{
    return (struct text){text->at, ID_TEXT_BYTES - 1};
}

bool id_parse(struct span hex, struct id *id, struct err *err)
{
    if (!hash_from_hex(hex, id->bytes, ID_BYTES))
        return err_set(err, ERR_SYNTAX, "id_invalid", "not 32 hexadecimal digits");
    return true;
}
