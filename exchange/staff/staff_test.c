// SPDX-License-Identifier: Apache-2.0
#include "exchange/staff/staff.h"

#include <string.h>

#include "base/day.h"
#include "base/secret.h"
#include "base/test.h"
#include "exchange/facility/facility.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

#define MINUTE 60000LL

/* ---- rules ---- */

static void the_fifth_failure_locks_for_fifteen_minutes_and_then_doubles(void)
{
    struct staff_lock lock = {0};
    for (int i = 0; i < 4; i++) {
        lock = staff_lock_after_failure(lock, 1000);
        CHECK(!staff_is_locked(&lock, 1000));
    }
    lock = staff_lock_after_failure(lock, 1000);
    CHECK(staff_is_locked(&lock, 1000 + 15 * MINUTE - 1));
    CHECK(!staff_is_locked(&lock, 1000 + 15 * MINUTE));
    int64_t now_ms = 1000 + 15 * MINUTE;
    for (int i = 0; i < 5; i++)
        lock = staff_lock_after_failure(lock, now_ms);
    CHECK(lock.locked_until == now_ms + 30 * MINUTE);
}

static void the_doubling_ends_at_sixteen_hours(void)
{
    struct staff_lock lock = {0};
    for (int i = 0; i < 5 * 40; i++)
        lock = staff_lock_after_failure(lock, 0);
    CHECK(lock.locked_until == 16 * 60 * MINUTE);
}

/* The clock was ahead by days when it was locked, and was set right. */
static void a_clock_that_was_ahead_locks_nobody_for_long(void)
{
    struct staff_lock lock = {0};
    int64_t ahead_ms = 5LL * 24 * 60 * MINUTE;
    for (int i = 0; i < 5; i++)
        lock = staff_lock_after_failure(lock, ahead_ms);
    CHECK(staff_is_locked(&lock, ahead_ms) && staff_is_locked(&lock, ahead_ms - MINUTE));
    CHECK(!staff_is_locked(&lock, ahead_ms - 16 * MINUTE) && !staff_is_locked(&lock, 0));
    for (int i = 0; i < 5; i++)
        lock = staff_lock_after_failure(lock, 0);
    CHECK(staff_is_locked(&lock, 29 * MINUTE) && !staff_is_locked(&lock, 30 * MINUTE));
}

static void a_post_is_active_from_its_first_to_its_last_day(void)
{
    struct staff_post post = {.from_day = 10, .to_day = 12};
    CHECK(!staff_post_is_active(&post, 9) && staff_post_is_active(&post, 10));
    CHECK(staff_post_is_active(&post, 12) && !staff_post_is_active(&post, 13));
    post.to_day = DAY_NONE;
    CHECK(staff_post_is_active(&post, 30000));
}

static const char *refusal(const char *password)
{
    static struct err err;
    struct staff staff = {
        .login = TEXT("m.kitazawa"),
        .name = TEXT("北沢 美紀"),
        .kana = TEXT("キタザワ ミキ"),
        .birth_day = day_from_date(1980, 4, 17),
    };
    struct text names[] = {TEXT("みなみ信州病院")};
    err = (struct err){0};
    if (staff_check_new_password(&staff, span_cstr(password), names, 1, &err))
        return "";
    return err.code;
}

static void a_password_has_thirteen_characters_with_letters_and_digits(void)
{
    CHECK(strcmp(refusal("kaze7to8hayas"), "") == 0);
    CHECK(strcmp(refusal("kaze7to8haya"), "password_short") == 0);
    CHECK(strcmp(refusal("kazetohayashiyama"), "password_too_simple") == 0);
    CHECK(strcmp(refusal("5839205729385710"), "password_too_simple") == 0);
    CHECK(strcmp(refusal("かぜとはやしと7つのやま8つ"), "") == 0);
    CHECK(strcmp(refusal("bad\xff utf8 bytes 123"), "text_not_utf8") == 0);
}

static void a_password_of_128_bytes_is_accepted_and_a_longer_one_is_not(void)
{
    char password[130];
    for (int i = 0; i < 129; i++)
        password[i] = "kaze7Hoshi9tobuUmi3"[i % 19];
    password[128] = '\0';
    CHECK(strcmp(refusal(password), "") == 0);
    password[128] = 'x';
    password[129] = '\0';
    CHECK(strcmp(refusal(password), "password_long") == 0);
}

static void a_guessable_password_is_refused(void)
{
    static const char *const guessable[] = {
        "password12345",     "Passw0rd12345678",         "qwerty1234567890",
        "aaaaaaaaaaaa1",     "M.Kitazawa2024yama",       "zzkitazawa7zz9y",
        "kaze19800417hoshi", "北沢7kaze8hoshi9x",        "キタザワ7kaze8hoshi",
        "ｷﾀｻﾞﾜ7kaze8hoshi",  "みなみ信州病院1kazehoshi", "hospital2024abc",
    };
    for (size_t i = 0; i < sizeof guessable / sizeof *guessable; i++) {
        CHECK(strcmp(refusal(guessable[i]), "password_guessable") == 0);
        if (strcmp(refusal(guessable[i]), "password_guessable") != 0)
            printf("# %s\n", guessable[i]);
    }
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
    struct staff_doors *doors;
    int64_t now_ms;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
};

static int64_t place_ms(void *self)
{
    return ((struct place *)self)->now_ms;
}

static const struct id person = {{1}};
static const struct id post_id = {{2}};
static const struct id facility_id = {{3}};

static bool fill(struct store_session *session, void *context, struct err *err)
{
    struct place *place = context;
    struct facility facility = {.id = facility_id,
                                .code = TEXT("2012345678"),
                                .name = TEXT("みなみ信州病院"),
                                .kana = TEXT("ミナミシンシュウビョウイン"),
                                .letter = TEXT("M"),
                                .slot = 1};
    struct staff staff = {.id = person,
                          .login = TEXT("Kitazawa"),
                          .name = TEXT("北沢 美紀"),
                          .kana = TEXT("キタザワ ミキ"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = post_id,
                              .staff = person,
                              .facility = facility_id,
                              .profession = STAFF_NURSE,
                              .role = STAFF_AUTHOR,
                              .from_day = 10,
                              .to_day = DAY_NONE};
    return facility_add(session, &facility, 1, err) &&
           staff_add(session, &staff, place->encoded, STAFF_PASSWORD_OWN, 1, err) &&
           staff_add_post(session, &post, 1, err);
}

static void place_open(struct place *place)
{
    struct err err = {0};
    *place = (struct place){.site = store_testsite_new(), .now_ms = 15 * 86400000LL};
    struct store_config config = {place->site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    place->store = store_open(&config, &err);
    struct clock clock = {place_ms, place_ms, place};
    place->doors = staff_doors_open(place->store, &clock, 2, &err);
    CHECK(place->store && place->doors);
    CHECK(secret_hash_password(SPAN("kaze7to8hayashi"), place->encoded, &err));
    CHECK(store_write(place->store, STORE_LIVE, fill, place, &err));
    if (err.kind)
        printf("# %s %s\n", err.code, err.text);
}

static void place_close(struct place *place)
{
    staff_doors_close(place->doors);
    store_close(place->store);
    store_testsite_remove(&place->site);
}

static bool enter(struct place *place, const char *login, const char *password)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct staff found;
    bool is_in = staff_enter(place->doors, text_cstr(login), span_cstr(password), &arena,
                             &found, &err);
    CHECK(is_in || (err.kind == ERR_REFUSED && strcmp(err.code, "login_refused") == 0));
    CHECK(!is_in || id_equal(found.id, person));
    return is_in;
}

static void the_right_password_opens_and_every_refusal_is_the_same(void)
{
    struct place place;
    place_open(&place);
    CHECK(enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(enter(&place, "KITAZAWA", "kaze7to8hayashi"));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi "));
    CHECK(!enter(&place, "kitazawa", ""));
    CHECK(!enter(&place, "nobody", "kaze7to8hayashi"));
    CHECK(!enter(&place, "' OR 1=1 --", "kaze7to8hayashi"));
    CHECK(!enter(&place, "", ""));
    place_close(&place);
}

static bool do_unlock(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return staff_unlock(session, person, err);
}

static bool do_disable(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return staff_disable(session, person, err);
}

static void five_failures_lock_even_for_the_right_password_until_time_or_manager(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    for (int i = 0; i < 5; i++)
        CHECK(!enter(&place, "kitazawa", "wrong"));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    place.now_ms += 15 * MINUTE - 1;
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    place.now_ms += 1;
    CHECK(enter(&place, "kitazawa", "kaze7to8hayashi"));
    for (int i = 0; i < 5; i++)
        CHECK(!enter(&place, "kitazawa", "wrong"));
    CHECK(store_write(place.store, STORE_LIVE, do_unlock, NULL, &err));
    CHECK(enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(store_write(place.store, STORE_LIVE, do_disable, NULL, &err));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    place_close(&place);
}

static void a_used_password_does_not_come_back(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    CHECK(!staff_change_password(place.doors, person, SPAN("kaze7to8hayashi"),
                                 STAFF_PASSWORD_OWN, &err));
    CHECK(strcmp(err.code, "password_used_before") == 0);
    err_clear(&err);
    CHECK(!staff_change_password(place.doors, person, SPAN("みなみ信州病院7kaze8hoshi"),
                                 STAFF_PASSWORD_OWN, &err));
    CHECK(strcmp(err.code, "password_guessable") == 0);
    err_clear(&err);
    CHECK(staff_change_password(place.doors, person, SPAN("umi3to9hoshizora"),
                                STAFF_PASSWORD_OWN, &err));
    CHECK(enter(&place, "kitazawa", "umi3to9hoshizora"));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(!staff_change_password(place.doors, person, SPAN("kaze7to8hayashi"),
                                 STAFF_PASSWORD_OWN, &err));
    CHECK(strcmp(err.code, "password_used_before") == 0);
    place_close(&place);
}

static bool is_initial(struct place *place, const char *password)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct err err = {0};
    struct staff found = {0};
    return !staff_enter(place->doors, TEXT("kitazawa"), span_cstr(password), &arena,
                        &found, &err) &&
           strcmp(err.code, "password_initial") == 0 && id_equal(found.id, person);
}

static void an_initial_password_only_lets_its_owner_change_it(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    CHECK(staff_change_password(place.doors, person, SPAN("umi3to9hoshizora"),
                                STAFF_PASSWORD_INITIAL, &err));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(is_initial(&place, "umi3to9hoshizora"));
    CHECK(is_initial(&place, "umi3to9hoshizora"));
    CHECK(!staff_change_password(place.doors, person, SPAN("umi3to9hoshizora"),
                                 STAFF_PASSWORD_OWN, &err));
    CHECK(strcmp(err.code, "password_used_before") == 0);
    err_clear(&err);
    CHECK(staff_change_password(place.doors, person, SPAN("kawa5to2morinoki"),
                                STAFF_PASSWORD_OWN, &err));
    CHECK(enter(&place, "kitazawa", "kawa5to2morinoki"));
    /* a lock is a lock, whose password it ever is */
    CHECK(staff_change_password(place.doors, person, SPAN("yama4to6kirinoumi"),
                                STAFF_PASSWORD_INITIAL, &err));
    for (int i = 0; i < 5; i++)
        CHECK(!enter(&place, "kitazawa", "wrong"));
    CHECK(!enter(&place, "kitazawa", "yama4to6kirinoumi"));
    place_close(&place);
}

static bool add_double(struct store_session *session, void *context, struct err *err)
{
    struct staff staff = {
        .id = {{7}}, .login = TEXT("KITAZAWA"), .name = TEXT("x"), .kana = TEXT("x")};
    return staff_add(session, &staff, ((struct place *)context)->encoded,
                     STAFF_PASSWORD_OWN, 1, err);
}

static bool end_post(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return staff_end_post(session, post_id, 20, err);
}

static void logins_are_unique_and_posts_end(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    place_open(&place);
    CHECK(!store_write(place.store, STORE_LIVE, add_double, &place, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "login_taken") == 0);
    err_clear(&err);
    CHECK(store_write(place.store, STORE_LIVE, end_post, NULL, &err));
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct staff_post *posts = NULL;
        size_t count = 9;
        CHECK(staff_active_posts(session, person, 20, &arena, &posts, &count, &err));
        CHECK(count == 1 && posts[0].profession == STAFF_NURSE &&
              posts[0].role == STAFF_AUTHOR && id_equal(posts[0].facility, facility_id));
        CHECK(staff_active_posts(session, person, 21, &arena, &posts, &count, &err));
        CHECK(count == 0);
        CHECK(staff_active_posts(session, person, 9, &arena, &posts, &count, &err));
        CHECK(count == 0);
    }
    place_close(&place);
}

static bool do_enable(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return staff_enable(session, person, err);
}

static bool add_many(struct store_session *session, void *context, struct err *err)
{
    char login[16];
    for (uint8_t i = 0; i < 150; i++) {
        snprintf(login, sizeof login, "staff%03d", i);
        struct staff staff = {.id = {{9, i}},
                              .login = text_cstr(login),
                              .name = TEXT("x"),
                              .kana = TEXT("x"),
                              .birth_day = DAY_NONE};
        if (!staff_add(session, &staff, ((struct place *)context)->encoded,
                       STAFF_PASSWORD_OWN, 1, err))
            return false;
    }
    return true;
}

static void everybody_is_listed_in_pages_and_found_by_login(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    CHECK(store_write(place.store, STORE_LIVE, do_disable, NULL, &err));
    CHECK(!enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(store_write(place.store, STORE_LIVE, do_enable, NULL, &err));
    CHECK(enter(&place, "kitazawa", "kaze7to8hayashi"));
    CHECK(store_write(place.store, STORE_LIVE, add_many, &place, &err));
    CHECK(store_write(place.store, STORE_LIVE, end_post, NULL, &err));
    {
        CLEANUP(store_read_end)
        struct store_session *session = store_read(place.store, &err);
        struct staff_listed *items = NULL;
        struct staff_post *posts = NULL;
        size_t count = 0;
        struct id id;
        CHECK(staff_list(session, TEXT(""), &arena, &items, &count, &err));
        CHECK(count == STAFF_PAGE && text_is(items[0].staff.login, "kitazawa"));
        struct text last = items[count - 1].staff.login;
        CHECK(staff_list(session, last, &arena, &items, &count, &err));
        CHECK(count == 51 && text_is(items[50].staff.login, "staff149"));
        CHECK(staff_find_login(session, TEXT("KITAZAWA"), &id, &err) &&
              id_equal(id, person));
        CHECK(!staff_find_login(session, TEXT("' OR 1=1"), &id, &err));
        CHECK(err.kind == ERR_MISSING);
        err_clear(&err);
        CHECK(staff_all_posts(session, person, &arena, &posts, &count, &err));
        CHECK(count == 1 && posts[0].to_day == 20);
    }
    place_close(&place);
}

static void authors_and_managers_of_care_write_about_patients(void)
{
    int writers = 0;
    for (int profession = 0; profession < STAFF_PROFESSION_COUNT; profession++)
        for (int role = 0; role < STAFF_ROLE_COUNT; role++)
            writers +=
                staff_may_write((enum staff_profession)profession, (enum staff_role)role);
    CHECK(writers == (STAFF_PROFESSION_COUNT - 2) * 2);
    CHECK(staff_may_write(STAFF_DOCTOR, STAFF_AUTHOR));
    CHECK(staff_may_write(STAFF_CARE_MANAGER, STAFF_MANAGER));
    CHECK(!staff_may_write(STAFF_DOCTOR, STAFF_OPERATOR));
    CHECK(!staff_may_write(STAFF_CLERK, STAFF_MANAGER));
    CHECK(!staff_may_write(STAFF_OFFICE, STAFF_AUTHOR));
    CHECK(!staff_may_write(STAFF_NURSE, STAFF_ROLE_COUNT));
}

int main(void)
{
    RUN(authors_and_managers_of_care_write_about_patients);
    struct err err = {0};
    if (!secret_start(&err))
        return 1;
    RUN(the_fifth_failure_locks_for_fifteen_minutes_and_then_doubles);
    RUN(the_doubling_ends_at_sixteen_hours);
    RUN(a_clock_that_was_ahead_locks_nobody_for_long);
    RUN(a_post_is_active_from_its_first_to_its_last_day);
    RUN(a_password_has_thirteen_characters_with_letters_and_digits);
    RUN(a_password_of_128_bytes_is_accepted_and_a_longer_one_is_not);
    RUN(a_guessable_password_is_refused);
    RUN(the_right_password_opens_and_every_refusal_is_the_same);
    RUN(five_failures_lock_even_for_the_right_password_until_time_or_manager);
    RUN(a_used_password_does_not_come_back);
    RUN(an_initial_password_only_lets_its_owner_change_it);
    RUN(logins_are_unique_and_posts_end);
    RUN(everybody_is_listed_in_pages_and_found_by_login);
    return test_done();
}
