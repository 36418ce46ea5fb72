// SPDX-License-Identifier: Apache-2.0
#include "formats/grant/grant.h"

#include <string.h>

static void write_grant(struct json_writer *writer, const struct grant *grant)
{
    json_open_object(writer);
    json_put_text(writer, "facility", grant->facility_code);
    json_put_id(writer, "tunnel", grant->tunnel);
    json_put_int(writer, "counter", grant->counter);
    json_put_int(writer, "issued", grant->issued_ms);
    if (grant->clock_ms > 0)
        json_put_int(writer, "clock", grant->clock_ms);
    json_put_id(writer, "opening", grant->opening);
    json_put_id(writer, "request", grant->request);
    json_put_id(writer, "record", grant->record);
    json_put_text(writer, "number", grant->local_number);
    json_put_text(writer, "key", grant->entry_key);
    json_put_int(writer, "kinds", grant->kinds);
    json_put_text(writer, "purpose", grant->purpose);
    json_put_text(writer, "staff", grant->staff_id);
    json_put_text(writer, "staff_name", grant->staff_name);
    json_put_text(writer, "profession", grant->profession);
    json_put_text(writer, "viewer", grant->viewer_code);
    json_put_text(writer, "viewer_name", grant->viewer_name);
    json_put_text(writer, "viewer_kind", grant->viewer_kind);
    json_close_object(writer);
}

static void put_hex(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char pair[3];
        hash_to_hex(span_part(bytes, i, 1), pair);
        buf_put(out, pair, 2);
    }
}

bool grant_sign(const struct grant *grant, const struct secret_signing_key *key,
                struct buf *out, struct err *err)
{
    CLEANUP(buf_free) struct buf json = buf_init(GRANT_BYTES_MAX / 2 - 256);
    struct json_writer writer = json_writer(&json);
    uint8_t signature[SECRET_SIGNATURE_BYTES];
    write_grant(&writer, grant);
    if (!buf_check(&json, err))
        return false;
    secret_sign(key, buf_view(&json), signature);
    put_hex(out, buf_view(&json));
    buf_byte(out, '.');
    put_hex(out, span_of(signature, sizeof signature));
    return buf_check(out, err);
}

static uint64_t window_bit(int64_t counter)
{
    return 1ULL << (counter % 64);
}

static uint64_t *window_word(struct grant_window *window, int64_t counter)
{
    return &window->seen[counter % GRANT_WINDOW / 64];
}

bool grant_window_take(struct grant_window *window, int64_t counter)
{
    if (counter < 1 || counter <= window->highest - GRANT_WINDOW)
        return false;
    if (counter > window->highest) {
        int64_t skipped = counter - window->highest;
        if (skipped >= GRANT_WINDOW) {
            memset(window->seen, 0, sizeof window->seen);
        } else {
            for (int64_t i = window->highest + 1; i <= counter; i++)
                *window_word(window, i) &= ~window_bit(i);
        }
        window->highest = counter;
    }
    if (*window_word(window, counter) & window_bit(counter))
        return false;
    *window_word(window, counter) |= window_bit(counter);
    return true;
}

static bool malformed(struct err *err)
{
    return err_set(err, ERR_SYNTAX, "grant_malformed", "not a grant");
}

static bool copy_text(const struct json_value *root, const char *key, struct arena *arena,
                      struct text *text, struct err *err)
{
    struct text borrowed = {0};
    return json_take_text(root, key, 256, &borrowed, err) &&
           text_copy(borrowed, arena, text, err);
}

static bool read_viewer(const struct json_value *root, struct arena *arena,
                        struct grant *grant, struct err *err)
{
    return copy_text(root, "purpose", arena, &grant->purpose, err) &&
           copy_text(root, "staff", arena, &grant->staff_id, err) &&
           copy_text(root, "staff_name", arena, &grant->staff_name, err) &&
           copy_text(root, "profession", arena, &grant->profession, err) &&
           copy_text(root, "viewer", arena, &grant->viewer_code, err) &&
           copy_text(root, "viewer_name", arena, &grant->viewer_name, err) &&
           copy_text(root, "viewer_kind", arena, &grant->viewer_kind, err);
}

static bool read_grant(struct span json, struct arena *arena, struct grant *grant,
                       struct err *err)
{
    int64_t kinds = 0;
    CLEANUP(json_free_at) struct json_document *document = json_parse(json, err);
    if (!document)
        return false;
    const struct json_value *root = json_root(document);
    if (!copy_text(root, "facility", arena, &grant->facility_code, err) ||
        !json_take_id(root, "tunnel", &grant->tunnel, err) ||
        !json_take_int(root, "counter", 1, INT64_MAX, &grant->counter, err) ||
        !json_take_int(root, "issued", 0, INT64_MAX, &grant->issued_ms, err) ||
        !json_take_int_or(root, "clock", 0, INT64_MAX, &grant->clock_ms, err) ||
        !json_take_id(root, "opening", &grant->opening, err) ||
        !json_take_id(root, "request", &grant->request, err) ||
        !json_take_id(root, "record", &grant->record, err) ||
        !copy_text(root, "number", arena, &grant->local_number, err) ||
        !copy_text(root, "key", arena, &grant->entry_key, err) ||
        !json_take_int(root, "kinds", 0, UINT32_MAX, &kinds, err))
        return false;
    grant->kinds = (uint32_t)kinds;
    return read_viewer(root, arena, grant, err);
}

/* Splits, checks the signature before anything inside is believed. */
static bool open_wire(struct span wire, const struct secret_public_key *key,
                      struct arena *arena, struct span *json, struct err *err)
{
    struct span rest = wire;
    struct span payload = {0};
    uint8_t signature[SECRET_SIGNATURE_BYTES];
    if (wire.len == 0 || wire.len > GRANT_BYTES_MAX || !span_take(&rest, '.', &payload) ||
        payload.len % 2 != 0 || !hash_from_hex(rest, signature, sizeof signature))
        return malformed(err);
    uint8_t *bytes = arena_take(arena, payload.len / 2, 1, err);
    if (!bytes)
        return false;
    if (!hash_from_hex(payload, bytes, payload.len / 2))
        return malformed(err);
    *json = span_of(bytes, payload.len / 2);
    if (!secret_check_signature(key, *json, signature))
        return err_set(err, ERR_REFUSED, "grant_signature", "not the centre's signature");
    return true;
}

bool grant_read(struct span wire, const struct secret_public_key *key,
                struct arena *arena, struct grant *grant, struct err *err)
{
    struct span json = {0};
    *grant = (struct grant){0};
    return open_wire(wire, key, arena, &json, err) && read_grant(json, arena, grant, err);
}

bool grant_meets(const struct grant *grant, const struct grant_expectation *expected,
                 struct err *err)
{
    if (!text_equal(grant->facility_code, expected->facility_code))
        return err_set(err, ERR_REFUSED, "grant_facility", "for another facility");
    if (!id_equal(grant->tunnel, expected->tunnel))
        return err_set(err, ERR_REFUSED, "grant_tunnel", "for another tunnel");
    int64_t age_ms = expected->now_ms - grant->issued_ms;
    if (age_ms > GRANT_AGE_MAX_MS || age_ms < -GRANT_AGE_MAX_MS)
        return err_set(err, ERR_REFUSED, "grant_age", "too old or from the future");
    if (!grant_window_take(expected->window, grant->counter))
        return err_set(err, ERR_REFUSED, "grant_counter", "used before");
    int64_t ahead_ms = grant->clock_ms - expected->wall_ms;
    if (grant->clock_ms > 0 &&
        (ahead_ms > GRANT_CLOCK_APART_MAX_MS || ahead_ms < -GRANT_CLOCK_APART_MAX_MS))
        return err_set(err, ERR_REFUSED, "clock_apart", "the centre's is %lld s ahead",
                       (long long)ahead_ms / 1000);
    return true;
}
