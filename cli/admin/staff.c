// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "base/day.h"
#include "base/path.h"
#include "base/secret.h"
#include "cli/admin/admin.h"
#include "exchange/facility/facility.h"
#include "exchange/session/session.h"
#include "exchange/staff/staff.h"

enum {
    PASSWORD_BYTES = SECRET_PASSWORD_MAX + 2, /* and the line's end */
    GENERATED_CHARACTERS = 20,
    GROUP_CHARACTERS = 5,
    GENERATING_TRIES = 100
};

struct password {
    char at[PASSWORD_BYTES + 1];
    size_t len;
    bool is_generated;
};

static void password_wipe(struct password *password)
{
    secret_wipe(password, sizeof *password);
}

/* ---- initial passwords ---- */

/* Nothing that is taken for something else when read from paper. */
static void generate(const struct rand *rand, struct password *password)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
    password->len = 0;
    for (int i = 0; i < GENERATED_CHARACTERS; i++) {
        uint8_t byte = 0xFF;
        if (i > 0 && i % GROUP_CHARACTERS == 0)
            password->at[password->len++] = '-';
        while (byte >= 256 / (sizeof letters - 1) * (sizeof letters - 1))
            rand_fill(rand, &byte, 1);
        password->at[password->len++] = letters[byte % (sizeof letters - 1)];
    }
    password->is_generated = true;
}

/* Of a file or of stdin ("-"); one line. */
static bool read_password(struct admin *admin, struct text file,
                          struct password *password, struct err *err)
{
    if (!text_is(file, "-")) {
        struct span bytes;
        const char *name = text_to_cstr(file, &admin->arena, err);
        if (!name || !path_read_named(name, PASSWORD_BYTES, &admin->arena, &bytes, err))
            return false;
        memcpy(password->at, bytes.at, bytes.len);
        password->len = bytes.len;
        secret_wipe((void *)(uintptr_t)bytes.at, bytes.len);
    } else {
        ssize_t got = 1;
        while (got > 0 && password->len < PASSWORD_BYTES) {
            got = read(STDIN_FILENO, password->at + password->len,
                       PASSWORD_BYTES - password->len);
            password->len += got > 0 ? (size_t)got : 0;
        }
    }
    while (password->len > 0 && (password->at[password->len - 1] == '\n' ||
                                 password->at[password->len - 1] == '\r'))
        password->len--;
    return password->len > 0 || err_set(err, ERR_SYNTAX, "usage", "no password in there");
}

static struct span view(const struct password *password)
{
    return span_of((const uint8_t *)password->at, password->len);
}

/* With --password-file that one, otherwise one that nobody chose. */
static bool take_password(struct admin *admin, const struct staff *staff,
                          const struct text *facility_name, struct password *password,
                          struct err *err)
{
    struct text file = TEXT("");
    if (!admin_take_or(admin, "--password-file", &file, err))
        return false;
    if (!text_is_empty(file))
        return read_password(admin, file, password, err) &&
               staff_check_new_password(staff, view(password), facility_name, 1, err);
    for (int i = 0; i < GENERATING_TRIES; i++) {
        struct err fault = {0};
        generate(&admin->rand, password);
        if (staff_check_new_password(staff, view(password), facility_name, 1, &fault))
            return true;
    }
    return err_set(err, ERR_SYSTEM, "password_not_made", "no password was good enough");
}

static void write_password(struct admin *admin, const struct password *password)
{
    if (password->is_generated)
        json_put_text(&admin->writer, "initial_password",
                      (struct text){password->at, password->len});
}

/* ---- people and posts ---- */

static bool find_facility(struct admin *admin, struct facility *facility, struct err *err)
{
    struct text code;
    if (!admin_take(admin, "--facility", &code, err))
        return false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    return session && facility_find_code(session, code, &admin->arena, facility, err);
}

static bool take_post(struct admin *admin, const struct facility *facility,
                      struct staff_post *post, struct err *err)
{
    struct text profession;
    struct text role = TEXT("operator");
    *post = (struct staff_post){.id = id_new(&admin->rand),
                                .facility = facility->id,
                                .from_day = admin->today,
                                .to_day = DAY_NONE};
    if (!admin_take(admin, "--profession", &profession, err) ||
        !admin_take_or(admin, "--role", &role, err) ||
        !admin_take_day_or(admin, "--from", &post->from_day, err) ||
        !admin_take_day_or(admin, "--until", &post->to_day, err))
        return false;
    if (!staff_profession_parse(profession, &post->profession))
        return err_set(err, ERR_SYNTAX, "usage", "--profession: see the glossary");
    if (!staff_role_parse(role, &post->role))
        return err_set(err, ERR_SYNTAX, "usage", "--role operator, author or manager");
    return true;
}

struct hiring {
    struct admin *admin;
    struct staff staff;
    struct staff_post post;
    char encoded[SECRET_PASSWORD_HASH_BYTES];
};

static bool add_staff(struct store_session *session, void *context, struct err *err)
{
    struct hiring *hiring = context;
    return staff_add(session, &hiring->staff, hiring->encoded, STAFF_PASSWORD_INITIAL,
                     hiring->admin->now_ms, err) &&
           staff_add_post(session, &hiring->post, hiring->admin->now_ms, err);
}

static bool take_person(struct admin *admin, struct staff *staff, struct err *err)
{
    *staff = (struct staff){.id = id_new(&admin->rand), .birth_day = DAY_NONE};
    return admin_take(admin, "--login", &staff->login, err) &&
           admin_take(admin, "--name", &staff->name, err) &&
           admin_take(admin, "--kana", &staff->kana, err) &&
           admin_take_day_or(admin, "--birth-day", &staff->birth_day, err);
}

bool admin_staff_add(struct admin *admin, struct err *err)
{
    struct hiring hiring = {.admin = admin};
    struct facility facility;
    CLEANUP(password_wipe) struct password password = {.len = 0};
    if (!take_person(admin, &hiring.staff, err) ||
        !find_facility(admin, &facility, err) ||
        !take_post(admin, &facility, &hiring.post, err) ||
        !take_password(admin, &hiring.staff, &facility.name, &password, err) ||
        !admin_no_more(admin, err) ||
        !secret_hash_password(view(&password), hiring.encoded, err))
        return false;
    hiring.post.staff = hiring.staff.id;
    struct id_text id = id_to_text(hiring.staff.id);
    struct admin_change change = {
        .action = "staff_add", .object = id_view(&id), .provider = facility.code};
    if (!admin_detail(admin, "login", hiring.staff.login, &change.detail, err) ||
        !admin_write(admin, &change, add_staff, &hiring, err))
        return false;
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "login", hiring.staff.login);
    json_put_id(&admin->writer, "post", hiring.post.id);
    write_password(admin, &password);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

static bool find_login(struct admin *admin, struct staff *staff, struct err *err)
{
    struct text login;
    struct id id;
    if (!admin_next(admin, &login, err))
        return false;
    CLEANUP(store_read_end)
    struct store_session *session = store_read(admin->office.store, err);
    return session && staff_find_login(session, login, &id, err) &&
           staff_find(session, id, &admin->arena, staff, err);
}

static bool add_post(struct store_session *session, void *context, struct err *err)
{
    struct hiring *hiring = context;
    return staff_add_post(session, &hiring->post, hiring->admin->now_ms, err);
}

bool admin_staff_post(struct admin *admin, struct err *err)
{
    struct hiring hiring = {.admin = admin};
    struct facility facility;
    if (!find_facility(admin, &facility, err) ||
        !take_post(admin, &facility, &hiring.post, err) ||
        !find_login(admin, &hiring.staff, err) || !admin_no_more(admin, err))
        return false;
    hiring.post.staff = hiring.staff.id;
    struct id_text id = id_to_text(hiring.post.id);
    struct admin_change change = {
        .action = "staff_post", .object = id_view(&id), .provider = facility.code};
    if (!admin_detail(admin, "login", hiring.staff.login, &change.detail, err) ||
        !admin_write(admin, &change, add_post, &hiring, err))
        return false;
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "login", hiring.staff.login);
    json_put_id(&admin->writer, "post", hiring.post.id);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

struct ending {
    struct id post;
    int32_t last_day;
};

static bool end_post(struct store_session *session, void *context, struct err *err)
{
    const struct ending *ending = context;
    return staff_end_post(session, ending->post, ending->last_day, err);
}

bool admin_staff_end_post(struct admin *admin, struct err *err)
{
    struct ending ending = {.last_day = admin->today - 1};
    struct text hex;
    if (!admin_take_day_or(admin, "--last-day", &ending.last_day, err) ||
        !admin_next(admin, &hex, err) || !admin_no_more(admin, err) ||
        !id_parse(text_span(hex), &ending.post, err))
        return false;
    struct admin_change change = {.action = "staff_end_post", .object = hex};
    return admin_write(admin, &change, end_post, &ending, err);
}

/* ---- accounts ---- */

static bool disable(struct store_session *session, void *context, struct err *err)
{
    return staff_disable(session, *(const struct id *)context, err);
}

static bool enable(struct store_session *session, void *context, struct err *err)
{
    return staff_enable(session, *(const struct id *)context, err);
}

static bool unlock(struct store_session *session, void *context, struct err *err)
{
    return staff_unlock(session, *(const struct id *)context, err);
}

static bool change_account(struct admin *admin, const char *action, store_work *work,
                           struct err *err)
{
    struct staff staff;
    if (!find_login(admin, &staff, err) || !admin_no_more(admin, err))
        return false;
    struct id_text id = id_to_text(staff.id);
    struct admin_change change = {.action = action, .object = id_view(&id)};
    return admin_detail(admin, "login", staff.login, &change.detail, err) &&
           admin_write(admin, &change, work, &staff.id, err);
}

bool admin_staff_disable(struct admin *admin, struct err *err)
{
    return change_account(admin, "staff_disable", disable, err);
}

bool admin_staff_enable(struct admin *admin, struct err *err)
{
    return change_account(admin, "staff_enable", enable, err);
}

bool admin_staff_unlock(struct admin *admin, struct err *err)
{
    return change_account(admin, "staff_unlock", unlock, err);
}

/* ---- another initial password ---- */

struct renewing {
    struct staff staff;
    const struct password *password;
    int64_t now_ms;
};

static void doors_close_at(struct staff_doors **doors)
{
    if (*doors)
        staff_doors_close(*doors);
}

/* Whoever knew the old one is out. */
static bool end_sessions(struct store_session *session, void *context, struct err *err)
{
    const struct renewing *renewing = context;
    return session_end_of_staff(session, renewing->staff.id, renewing->now_ms, err) &&
           staff_unlock(session, renewing->staff.id, err);
}

static bool renew(struct admin *admin, void *context, struct err *err)
{
    struct renewing *renewing = context;
    struct clock clock = clock_system();
    CLEANUP(doors_close_at)
    struct staff_doors *doors = staff_doors_open(admin->office.store, &clock, 1, err);
    return doors &&
           staff_change_password(doors, renewing->staff.id, view(renewing->password),
                                 STAFF_PASSWORD_INITIAL, err) &&
           store_write(admin->office.store, STORE_LIVE, end_sessions, renewing, err);
}

bool admin_staff_password(struct admin *admin, struct err *err)
{
    CLEANUP(password_wipe) struct password password = {.len = 0};
    struct renewing renewing = {.password = &password, .now_ms = admin->now_ms};
    const struct text no_name = TEXT("");
    struct text file = TEXT("");
    /* The option's value is no login, so it goes first. */
    if (!admin_take_or(admin, "--password-file", &file, err) ||
        !find_login(admin, &renewing.staff, err) || !admin_no_more(admin, err))
        return false;
    bool is_there = text_is_empty(file)
                        ? take_password(admin, &renewing.staff, &no_name, &password, err)
                        : read_password(admin, file, &password, err);
    if (!is_there)
        return false;
    struct id_text id = id_to_text(renewing.staff.id);
    struct admin_change change = {.action = "staff_password", .object = id_view(&id)};
    if (!admin_detail(admin, "login", renewing.staff.login, &change.detail, err) ||
        !admin_do(admin, &change, renew, &renewing, err))
        return false;
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "login", renewing.staff.login);
    write_password(admin, &password);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

/* ---- listing ---- */

static bool write_post(struct admin *admin, struct store_session *session,
                       const struct staff_post *post, struct err *err)
{
    struct facility facility;
    if (!facility_find(session, post->facility, &admin->arena, &facility, err))
        return false;
    json_open_object(&admin->writer);
    json_put_id(&admin->writer, "post", post->id);
    json_put_text(&admin->writer, "facility", facility.code);
    json_put_cstr(&admin->writer, "profession", staff_profession_id(post->profession));
    json_put_cstr(&admin->writer, "role", staff_role_id(post->role));
    json_put_day(&admin->writer, "from", post->from_day);
    json_put_day(&admin->writer, "until", post->to_day);
    json_close_object(&admin->writer);
    return true;
}

static bool write_staff(struct admin *admin, struct store_session *session,
                        const struct staff_listed *listed, struct err *err)
{
    struct staff_post *posts = NULL;
    size_t count = 0;
    if (!staff_all_posts(session, listed->staff.id, &admin->arena, &posts, &count, err))
        return false;
    const char *state = listed->staff.is_disabled                       ? "disabled"
                        : staff_is_locked(&listed->lock, admin->now_ms) ? "locked"
                                                                        : "open";
    json_open_object(&admin->writer);
    json_put_text(&admin->writer, "login", listed->staff.login);
    json_put_text(&admin->writer, "name", listed->staff.name);
    json_put_cstr(&admin->writer, "state", state);
    json_key(&admin->writer, "posts");
    json_open_array(&admin->writer);
    for (size_t i = 0; i < count; i++)
        if (!write_post(admin, session, &posts[i], err))
            return false;
    json_close_array(&admin->writer);
    json_close_object(&admin->writer);
    admin_end_line(admin);
    return true;
}

bool admin_staff_list(struct admin *admin, struct err *err)
{
    char after[STAFF_LOGIN_MAX + 1] = "";
    size_t count = STAFF_PAGE;
    if (!admin_no_more(admin, err))
        return false;
    while (count == STAFF_PAGE) {
        struct staff_listed *items = NULL;
        arena_reset(&admin->arena);
        CLEANUP(store_read_end)
        struct store_session *session = store_read(admin->office.store, err);
        if (!session ||
            !staff_list(session, text_cstr(after), &admin->arena, &items, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!write_staff(admin, session, &items[i], err))
                return false;
        if (count == 0)
            return true;
        struct text last = items[count - 1].staff.login;
        memset(after, 0, sizeof after);
        memcpy(after, last.at, last.len < sizeof after ? last.len : sizeof after - 1);
    }
    return true;
}
