// SPDX-License-Identifier: Apache-2.0
/* The two things that hold memory for a request: what is past their maximum is refused,
 * whatever the numbers, and what was given before stays as it was. */
#include "base/arena.h"

#include <malloc.h>
#include <stdalign.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/test.h"

/* Under the sanitizer malloc ends the program where it would give NULL without it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static bool is_full(struct err *err)
{
    bool is = err->kind == ERR_LIMIT && strcmp(err->code, "arena_full") == 0;
    err_clear(err);
    return is;
}

static void an_arena_gives_zeroed_aligned_memory_up_to_its_cap(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(10000);
    struct err err = {0};
    size_t taken = 0;
    for (size_t size = 1; size < 120; size++) {
        uint8_t *at = arena_take(&arena, size, 1, &err);
        CHECK(at && (uintptr_t)at % alignof(max_align_t) == 0);
        for (size_t i = 0; at && i < size; i++)
            CHECK(at[i] == 0);
        if (at)
            memset(at, 0xAA, size);
        taken += size;
    }
    CHECK(arena.taken_bytes >= taken && arena.taken_bytes <= 10000);
    CHECK(!arena_take(&arena, 10000, 1, &err) && is_full(&err));
    size_t left = arena.cap_bytes - arena.taken_bytes;
    CHECK(arena_take(&arena, left & ~(size_t)15, 1, &err));
    CHECK(!arena_take(&arena, 17, 1, &err) && is_full(&err));
}

static void sizes_that_overflow_are_refused(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(SIZE_MAX);
    struct err err = {0};
    CHECK(arena_take(&arena, 1, 1, &err));
    CHECK(!arena_take(&arena, SIZE_MAX, 2, &err) && is_full(&err));
    CHECK(!arena_take(&arena, SIZE_MAX, 1, &err) && is_full(&err));
    CHECK(!arena_take(&arena, SIZE_MAX / 2 + 1, 2, &err) && is_full(&err));
    CHECK(!arena_take(&arena, 1, SIZE_MAX - 14, &err) && is_full(&err));
    CHECK(!memory_resize(NULL, SIZE_MAX, 2, &err) && err.kind == ERR_BUSY);
    err_clear(&err);
    CHECK(!memory_new(SIZE_MAX, 2, &err) && err.kind == ERR_BUSY);
}

static void memory_that_is_not_there_is_busy_and_not_a_limit(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(SIZE_MAX / 2);
    struct err err = {0};
    CHECK(!arena_take(&arena, SIZE_MAX / 4, 1, &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "memory_short") == 0);
    err_clear(&err);
    CHECK(arena_take(&arena, 100, 1, &err)); /* and it can be used all the same */
}

static void a_reset_arena_has_all_of_its_cap_again(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(100000);
    struct err err = {0};
    for (int round = 0; round < 50; round++) {
        uint8_t *at = arena_take(&arena, 90000, 1, &err);
        CHECK(at && at[0] == 0 && at[89999] == 0);
        if (at)
            memset(at, 0xFF, 90000);
        CHECK(!arena_take(&arena, 20000, 1, &err) && is_full(&err));
        arena_reset(&arena);
    }
    struct span copy;
    CHECK(arena_copy(&arena, SPAN(""), &copy, &err) && copy.len == 0 && copy.at);
    CHECK(arena_copy(&arena, SPAN("abc"), &copy, &err) && span_is(copy, "abc"));
}

static void a_wiped_arena_keeps_a_block_and_nothing_in_it(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(100000);
    struct err err = {0};
    uint8_t *first = arena_take_unset(&arena, 5000, 1, &err);
    CHECK(first != NULL);
    memset(first, 0x5A, 5000);
    arena_wipe(&arena);
    CHECK(arena.taken_bytes == 0);
    uint8_t *again = arena_take_unset(&arena, 5000, 1, &err);
    CHECK(again == first);
    for (size_t i = 0; i < 5000; i++)
        CHECK(again[i] == 0);
    arena_wipe(&arena);
    arena_wipe(&arena); /* of what nothing was taken from */
}

static void a_copied_string_ends_with_nul(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(100);
    struct err err = {0};
    memset(arena_take(&arena, 16, 1, &err), 0xFF, 16);
    arena_reset(&arena); /* what it takes now was written on before */
    const char *string = arena_string(&arena, SPAN("abcdefghijklmno"), &err);
    CHECK(string && strcmp(string, "abcdefghijklmno") == 0);
    string = arena_string(&arena, (struct span){0}, &err);
    CHECK(string && strcmp(string, "") == 0);
    CHECK(!arena_string(&arena, span_of(string, SIZE_MAX), &err) && is_full(&err));
}

static void a_buffer_past_its_maximum_fails_for_good(void)
{
    CLEANUP(buf_free) struct buf buf = buf_init(10);
    struct err err = {0};
    buf_cstr(&buf, "12345");
    buf_cstr(&buf, "67890");
    CHECK(buf_check(&buf, &err) && span_is(buf_view(&buf), "1234567890"));
    buf_byte(&buf, 'x');
    CHECK(span_is(buf_view(&buf), "1234567890"));
    CHECK(!buf_check(&buf, &err) && err.kind == ERR_LIMIT);
    CHECK(strcmp(err.code, "buf_full") == 0);
    buf_drop(&buf, 10);
    buf_byte(&buf, 'x');
    CHECK(buf.len == 0); /* a gap in the middle would look like a whole text */
    buf_reset(&buf);
    buf_byte(&buf, 'x');
    CHECK(span_is(buf_view(&buf), "x"));
}

static void a_buffer_takes_no_size_that_overflows(void)
{
    CLEANUP(buf_free) struct buf buf = buf_init(SIZE_MAX);
    struct err err = {0};
    buf_byte(&buf, 'x');
    buf_put(&buf, "", SIZE_MAX);
    CHECK(!buf_check(&buf, &err) && err.kind == ERR_LIMIT);
    buf_reset(&buf);
    buf_put(&buf, "", SIZE_MAX / 2); /* more than there is, without an overflow */
    CHECK(buf.has_failed && buf.len == 0);
}

static void numbers_and_formats_are_written_whole_or_not_at_all(void)
{
    CLEANUP(buf_free) struct buf buf = buf_init(64);
    buf_u64(&buf, 0);
    buf_byte(&buf, ' ');
    buf_u64(&buf, UINT64_MAX);
    CHECK(span_is(buf_view(&buf), "0 18446744073709551615"));
    buf_format(&buf, " %s %d", "abc", -7);
    CHECK(span_is(buf_view(&buf), "0 18446744073709551615 abc -7"));
    buf_format(&buf, "%0100d", 1);
    CHECK(buf.has_failed && span_is(buf_view(&buf), "0 18446744073709551615 abc -7"));
}

static void an_array_grows_and_keeps_what_it_has(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    int *numbers = NULL;
    size_t room = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t before = room;
        numbers = arena_grow(&arena, numbers, i, i + 1, sizeof *numbers, &room, &err);
        CHECK(numbers && room > i && (room == before || room >= 2 * before));
        numbers[i] = (int)i;
    }
    for (int i = 0; i < 1000; i++)
        CHECK(numbers[i] == i);
}

static void an_array_with_room_stays_where_it_is(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    size_t room = 0;
    int *numbers = arena_grow(&arena, NULL, 0, 8, sizeof *numbers, &room, &err);
    CHECK(numbers && room == 8);
    CHECK(arena_grow(&arena, numbers, 7, 8, sizeof *numbers, &room, &err) == numbers);
}

static void an_array_does_not_grow_beyond_the_arena(void)
{
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(64);
    size_t room = 0;
    CHECK(!arena_grow(&arena, NULL, 0, SIZE_MAX / 2, 8, &room, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "arena_full") == 0 && room == 0);
}

static void many_small_arenas_take_little(void)
{
    enum { COUNT = 1000 };
    static struct arena arenas[COUNT];
    struct err err = {0};
    size_t before = mallinfo2().uordblks; /* zeros under a sanitizer */
    for (int i = 0; i < COUNT; i++) {
        arenas[i] = arena_init_small(64 * 1024);
        CHECK(arena_take(&arenas[i], 1, 200, &err));
    }
    CHECK(mallinfo2().uordblks - before < (size_t)COUNT * 700);
    for (int i = 0; i < COUNT; i++) {
        CHECK(arena_take(&arenas[i], 1, 60 * 1024, &err)); /* and may grow to the cap */
        CHECK(!arena_take(&arenas[i], 1, 8 * 1024, &err));
        err_clear(&err);
        arena_free(&arenas[i]);
        CHECK(arena_take(&arenas[i], 1, 64 * 1024, &err));
        arena_free(&arenas[i]);
    }
}

int main(void)
{
    RUN(an_arena_gives_zeroed_aligned_memory_up_to_its_cap);
    RUN(sizes_that_overflow_are_refused);
    RUN(memory_that_is_not_there_is_busy_and_not_a_limit);
    RUN(a_reset_arena_has_all_of_its_cap_again);
    RUN(a_wiped_arena_keeps_a_block_and_nothing_in_it);
    RUN(a_copied_string_ends_with_nul);
    RUN(a_buffer_past_its_maximum_fails_for_good);
    RUN(a_buffer_takes_no_size_that_overflows);
    RUN(numbers_and_formats_are_written_whole_or_not_at_all);
    RUN(an_array_grows_and_keeps_what_it_has);
    RUN(an_array_with_room_stays_where_it_is);
    RUN(an_array_does_not_grow_beyond_the_arena);
    RUN(many_small_arenas_take_little);
    return test_done();
}
