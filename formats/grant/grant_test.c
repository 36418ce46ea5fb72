// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/test.h"
#include "formats/grant/grant.h"

#define NOON_MS 1714532400000LL

struct scene {
    struct secret_signing_key signing;
    struct secret_public_key public;
    struct grant_window window;
    struct grant grant;
    struct grant_expectation expected;
    struct arena arena;
};

static struct scene set_scene(void)
{
    struct scene scene = {.arena = arena_init(1 << 16)};
    secret_new_keys(&scene.signing, &scene.public);
    scene.grant = (struct grant){
        .facility_code = TEXT("2010000001"),
        .tunnel = {{7}},
        .counter = 1,
        .issued_ms = 5000,
        .clock_ms = NOON_MS,
        .opening = {{8}},
        .record = {{9}},
        .local_number = TEXT("0000012345"),
        .entry_key = TEXT("20240501/OML-11/000000000000001"),
        .kinds = 1U << ENTRY_LABORATORY,
        .purpose = TEXT("care"),
        .staff_id = TEXT("00"),
        .staff_name = TEXT("髙野 花子"),
        .profession = TEXT("doctor"),
        .viewer_code = TEXT("2010000009"),
        .viewer_name = TEXT("かわべ診療所"),
        .viewer_kind = TEXT("clinic"),
    };
    return scene;
}

static bool check(struct scene *scene, struct span wire, struct grant *read,
                  struct err *err)
{
    struct grant_expectation expected = {.facility_code = TEXT("2010000001"),
                                         .tunnel = {{7}},
                                         .now_ms = 6000,
                                         .wall_ms = NOON_MS,
                                         .window = &scene->window};
    return grant_read(wire, &scene->public, &scene->arena, read, err) &&
           grant_meets(read, &expected, err);
}

static void sign(struct scene *scene, struct buf *out)
{
    struct err err = {0};
    buf_reset(out);
    CHECK(grant_sign(&scene->grant, &scene->signing, out, &err));
}

static void what_was_signed_is_read_back(void)
{
    struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    struct grant read;
    struct err err = {0};
    sign(&scene, &wire);
    CHECK(check(&scene, buf_view(&wire), &read, &err));
    CHECK(text_is(read.staff_name, "髙野 花子"));
    CHECK(read.kinds == 1U << ENTRY_LABORATORY);
    CHECK(text_is(read.entry_key, "20240501/OML-11/000000000000001"));
    arena_free(&scene.arena);
}

static void expect_refusal(struct scene *scene, const char *code)
{
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    struct grant read;
    struct err err = {0};
    sign(scene, &wire);
    CHECK(!check(scene, buf_view(&wire), &read, &err));
    CHECK(err.code && strcmp(err.code, code) == 0);
    arena_free(&scene->arena);
}

static void a_grant_for_another_facility_is_refused(void)
{
    struct scene scene = set_scene();
    scene.grant.facility_code = TEXT("2010000002");
    expect_refusal(&scene, "grant_facility");
}

static void a_grant_of_another_tunnel_is_refused(void)
{
    struct scene scene = set_scene();
    scene.grant.tunnel = (struct id){{6}};
    expect_refusal(&scene, "grant_tunnel");
}

static void an_old_grant_is_refused(void)
{
    struct scene scene = set_scene();
    scene.grant.issued_ms = 6000 + GRANT_AGE_MAX_MS + 1;
    expect_refusal(&scene, "grant_age");
}

static void a_grant_of_a_clock_that_is_an_hour_apart_is_refused(void)
{
    static const int64_t apart_ms[] = {GRANT_CLOCK_APART_MAX_MS + 1,
                                       -GRANT_CLOCK_APART_MAX_MS - 1, 365 * 86400000LL,
                                       1 - NOON_MS, INT64_MAX - NOON_MS};
    for (size_t i = 0; i < sizeof apart_ms / sizeof *apart_ms; i++) {
        struct scene scene = set_scene();
        scene.grant.clock_ms += apart_ms[i];
        expect_refusal(&scene, "clock_apart");
    }
}

/* Centres of before do not tell their clock. */
static void clocks_within_an_hour_and_unknown_ones_refuse_nothing(void)
{
    static const int64_t apart_ms[] = {GRANT_CLOCK_APART_MAX_MS,
                                       -GRANT_CLOCK_APART_MAX_MS, -NOON_MS};
    for (size_t i = 0; i < sizeof apart_ms / sizeof *apart_ms; i++) {
        struct scene scene = set_scene();
        CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
        struct grant read;
        struct err err = {0};
        scene.grant.clock_ms += apart_ms[i];
        sign(&scene, &wire);
        CHECK(check(&scene, buf_view(&wire), &read, &err));
        CHECK(read.clock_ms == NOON_MS + apart_ms[i]);
        arena_free(&scene.arena);
    }
}

static void another_key_is_refused(void)
{
    struct scene scene = set_scene();
    struct secret_public_key other;
    secret_new_keys(&scene.signing, &other);
    expect_refusal(&scene, "grant_signature");
}

static void a_grant_counts_once(void)
{
    struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    struct grant read;
    struct err err = {0};
    sign(&scene, &wire);
    CHECK(check(&scene, buf_view(&wire), &read, &err));
    CHECK(!check(&scene, buf_view(&wire), &read, &err));
    CHECK(strcmp(err.code, "grant_counter") == 0);
    arena_free(&scene.arena);
}

static void every_changed_byte_is_refused(void)
{
    struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    sign(&scene, &wire);
    for (size_t i = 0; i < wire.len; i += 7) {
        struct grant read;
        struct err err = {0};
        wire.at[i] ^= 1;
        CHECK(!check(&scene, buf_view(&wire), &read, &err));
        wire.at[i] ^= 1;
        arena_reset(&scene.arena);
    }
    arena_free(&scene.arena);
}

static void cut_and_empty_grants_are_refused(void)
{
    struct scene scene = set_scene();
    CLEANUP(buf_free) struct buf wire = buf_init(GRANT_BYTES_MAX);
    sign(&scene, &wire);
    for (size_t len = 0; len < wire.len; len += 13) {
        struct grant read;
        struct err err = {0};
        CHECK(!check(&scene, span_part(buf_view(&wire), 0, len), &read, &err));
        arena_reset(&scene.arena);
    }
    arena_free(&scene.arena);
}

static void counters_may_overtake_within_the_window_only(void)
{
    struct grant_window window = {0};
    CHECK(grant_window_take(&window, 5));
    CHECK(grant_window_take(&window, 3));
    CHECK(!grant_window_take(&window, 3));
    CHECK(!grant_window_take(&window, 0));
    CHECK(grant_window_take(&window, 5 + GRANT_WINDOW));
    CHECK(!grant_window_take(&window, 5));
    CHECK(grant_window_take(&window, 6));
    CHECK(grant_window_take(&window, 5 + 3 * GRANT_WINDOW));
    CHECK(!grant_window_take(&window, 7));
}

int main(void)
{
    struct err err = {0};
    if (!secret_start(&err))
        return 1;
    RUN(what_was_signed_is_read_back);
    RUN(a_grant_for_another_facility_is_refused);
    RUN(a_grant_of_another_tunnel_is_refused);
    RUN(an_old_grant_is_refused);
    RUN(a_grant_of_a_clock_that_is_an_hour_apart_is_refused);
    RUN(clocks_within_an_hour_and_unknown_ones_refuse_nothing);
    RUN(another_key_is_refused);
    RUN(a_grant_counts_once);
    RUN(every_changed_byte_is_refused);
    RUN(cut_and_empty_grants_are_refused);
    RUN(counters_may_overtake_within_the_window_only);
    return test_done();
}
