// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/day.h"
#include "base/secret.h"
#include "exchange/audit/audit.h"
#include "exchange/session/session_parts.h"
#include "exchange/session/session_view.h"
#include "formats/json/json.h"
#include "wire/http/http.h"

enum { COOKIE_BYTES = 160, LOGIN_BODY_BYTES = 2048, ANSWER_BYTES = 64 * 1024 };

/* ---- answers ---- */

struct special_status {
    const char *code;
    int status;
    const char *title;
};

static const struct special_status *special_of(const struct err *err)
{
    static const struct special_status specials[] = {
        {"session_none", 401, "Unauthorized"},
        {"session_certificate", 401, "Unauthorized"},
        {"login_refused", 401, "Unauthorized"},
        {"login_rate", 429, "Too Many Requests"},
        {"search_rate", 429, "Too Many Requests"},
        {"link_rate", 429, "Too Many Requests"},
        {"range_unsatisfiable", 416, "Range Not Satisfiable"},
        {"not_acceptable", 406, "Not Acceptable"},
    };
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (err->code && strcmp(err->code, specials[i].code) == 0)
            return &specials[i];
    return NULL;
}

void session_answer_problem(struct http_call *call, const struct err *err)
{
    const struct special_status *special = special_of(err);
    if (!special) {
        http_answer_problem(call, err);
        return;
    }
    CLEANUP(buf_free) struct buf body = buf_init(512);
    buf_format(&body,
               "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
               "\"code\":\"%s\"}",
               special->title, special->status, special->code);
    if (special->status == 429)
        http_add_header(call, "retry-after", "60");
    http_answer(call, special->status, "application/problem+json", buf_view(&body));
}

void session_answer_kept(struct http_call *call, const struct session_answer *answer)
{
    if (answer->status == 204)
        http_answer_empty(call);
    else
        http_answer(call, answer->status, "application/json", text_span(answer->body));
}

/* ---- cookies ---- */

/* On plain HTTP (the loopback demo) a browser refuses the __Host- prefix and Secure. */
static const char *cookie_name(const struct http_call *call)
{
    return http_is_secure(call) ? "__Host-tsumugi" : "tsumugi";
}

static void set_cookie(struct http_call *call, const char *token)
{
    CLEANUP(buf_free) struct buf cookie = buf_init(COOKIE_BYTES);
    buf_format(&cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie_name(call),
               token, http_is_secure(call) ? "; Secure" : "",
               *token ? "" : "; Max-Age=0");
    buf_byte(&cookie, '\0');
    if (!cookie.has_failed)
        http_add_header(call, "set-cookie", (const char *)cookie.at);
}

static bool read_token(const struct http_call *call, uint8_t token[SESSION_TOKEN_BYTES])
{
    return hash_from_hex(http_cookie(call, cookie_name(call)), token,
                         SESSION_TOKEN_BYTES);
}

/* ---- every call ---- */

/* A browser says by itself where a request comes from; a page of another site can neither
 * leave that out nor change it. Other programs say it too: there is no change without. */
static bool check_origin(const struct http_call *call, struct err *err)
{
    struct span site = http_header(call, "sec-fetch-site");
    struct span origin = http_header(call, "origin");
    struct span host = http_host(call);
    const char *scheme = http_is_secure(call) ? "https://" : "http://";
    bool is_own = host.len > 0 && span_starts(origin, scheme) &&
                  span_equal(span_part(origin, strlen(scheme), origin.len), host);
    bool is_same = site.len == 0 || span_is(site, "same-origin");
    return (is_own && is_same) ||
           err_set(err, ERR_REFUSED, "origin_foreign", "the request is from elsewhere");
}

static bool check_csrf(const struct http_call *call, struct span token, struct err *err)
{
    char csrf[HASH_HEX_BYTES];
    session_csrf(token, csrf);
    if (hash_same_secret(http_header(call, "x-csrf-token"), span_cstr(csrf)))
        return true;
    return err_set(err, ERR_REFUSED, "csrf_missing", "no or another X-CSRF-Token");
}

/* The cookie came with another certificate than the one it was given to: stolen or copied
 * (SE-2). */
static bool refuse_certificate(struct session_service *sessions, struct http_call *call,
                               const struct session_row *row, struct err *err)
{
    struct session_actor actor = session_actor_of(
        row, text_cstr(http_remote_address(call)), http_request_id(call));
    struct audit_record record = {.phase = AUDIT_EVENT,
                                  .event = "session",
                                  .verdict = "deny",
                                  .reason = "session_certificate",
                                  .request = actor.request};
    struct audit_position position;
    if (!session_audit_actor(&actor, http_arena(call), &record.actor, err) ||
        !audit_append(sessions->config.audit, &record, &position, err))
        return false;
    return err_set(err, ERR_REFUSED, "session_certificate",
                   "the session belongs to another certificate");
}

static bool find_session(struct session_service *sessions, struct http_call *call,
                         struct session_beside *beside,
                         uint8_t token[SESSION_TOKEN_BYTES], struct session_row *row,
                         struct err *err)
{
    if (!read_token(call, token))
        return err_set(err, ERR_REFUSED, "session_none", "no session cookie");
    struct hash hash = hash_sha256(span_of(token, SESSION_TOKEN_BYTES));
    if (!session_find(sessions, hash, beside, http_arena(call), row, err))
        return false;
    if (text_is(row->fingerprint, http_peer_fingerprint(call)))
        return true;
    return refuse_certificate(sessions, call, row, err);
}

bool session_require(struct session_service *sessions, struct http_call *call,
                     enum session_need need, struct session_actor *actor, struct err *err)
{
    struct session_beside alone = {.session = NULL};
    return session_require_beside(sessions, call, need, &alone, actor, err);
}

bool session_require_beside(struct session_service *sessions, struct http_call *call,
                            enum session_need need, struct session_beside *beside,
                            struct session_actor *actor, struct err *err)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    struct session_row row;
    session_audit_failures(sessions, false);
    bool is_good = find_session(sessions, call, beside, token, &row, err);
    if (is_good && need == SESSION_CHANGES)
        is_good = check_origin(call, err) &&
                  check_csrf(call, span_of(token, sizeof token), err);
    secret_wipe(token, sizeof token);
    if (!is_good || (need != SESSION_WATCHES && !session_touch(sessions, &row, err)))
        return false;
    *actor = session_actor_of(&row, text_cstr(http_remote_address(call)),
                              http_request_id(call));
    return true;
}

bool session_once_take(struct http_call *call, const struct session_actor *actor,
                       const char *route, struct session_once *once, struct err *err)
{
    struct err parsing = {0};
    *once = (struct session_once){.staff = actor->staff, .route = route};
    if (!id_parse(http_header(call, "idempotency-key"), &once->key, &parsing))
        return err_set(err, ERR_SYNTAX, "idempotency_missing",
                       "a state change needs an Idempotency-Key of 32 hex digits");
    struct hash_run *run = hash_new(err);
    if (!run)
        return false;
    /* The same person at another post asks for something else. */
    hash_add(run, span_of(actor->post.bytes, ID_BYTES));
    hash_add(run, http_path(call));
    hash_add(run, SPAN("\n"));
    hash_add(run, http_body(call));
    once->request = hash_finish(run);
    hash_free(run);
    return true;
}

/* ---- POST /session ---- */

struct login {
    struct text login;
    struct text password;
    struct text new_password; /* "" = stays as it is */
    struct id post;
    bool has_post;
    bool is_initial; /* the password has to be changed before anything opens */
};

static bool read_login(const struct json_value *root, struct login *login,
                       struct err *err)
{
    static const char *const members[] = {"login", "password", "new_password", "post",
                                          NULL};
    if (!json_check_members(root, members, err) ||
        !json_take_text(root, "login", STAFF_LOGIN_MAX, &login->login, err) ||
        !json_take_text(root, "password", SECRET_PASSWORD_MAX, &login->password, err) ||
        !json_take_text_or(root, "new_password", SECRET_PASSWORD_MAX,
                           &login->new_password, err))
        return false;
    login->has_post = json_member(root, "post") != NULL;
    return !login->has_post || json_take_id(root, "post", &login->post, err);
}

/* A count that cannot be written is an error by itself: tries that nobody counts are not
 * answered. */
static bool enter(struct session_service *sessions, struct http_call *call,
                  struct login *login, struct staff *staff, struct err *err)
{
    struct store *store = sessions->config.store;
    const char *address = http_remote_address(call);
    struct session_origin origin = {text_cstr(address),
                                    text_cstr(http_peer_fingerprint(call))};
    int64_t now_ms = clock_wall_ms(&sessions->config.clock);
    bool is_allowed = false;
    if (!session_failures_allow(store, &origin, now_ms, &is_allowed, err))
        return false;
    if (!is_allowed)
        return err_set(err, ERR_BUSY, "login_rate", "too many failures from there");
    if (staff_enter(sessions->config.doors, login->login, text_span(login->password),
                    http_arena(call), staff, err))
        return true;
    if (err->kind == ERR_REFUSED && strcmp(err->code, "password_initial") == 0) {
        login->is_initial = true;
        err_clear(err);
        return true;
    }
    struct err uncounted = {0};
    if (err->kind == ERR_REFUSED) {
        session_source_failed(&sessions->sources, address, now_ms);
        if (!session_failures_count(store, &origin, now_ms, &uncounted))
            *err = uncounted;
    }
    session_audit_failures(sessions, false);
    return false;
}

static bool answer_session(struct session_service *sessions, struct http_call *call,
                           const struct session_row *row, struct span token,
                           struct err *err)
{
    CLEANUP(buf_free) struct buf body = buf_init(ANSWER_BYTES);
    struct session_view view = {.row = row, .is_demo = sessions->config.is_demo};
    session_csrf(token, view.csrf);
    view.today = day_of_instant(clock_wall_ms(&sessions->config.clock));
    if (!session_write_view(sessions, &view, http_arena(call), &body, err) ||
        !buf_check(&body, err))
        return false;
    http_answer_json(call, 200, &body);
    return true;
}

/* A browser that was logged in already gets a new session, never two. */
static bool end_present(struct session_service *sessions, struct http_call *call,
                        struct err *err)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    return !read_token(call, token) ||
           session_end(sessions, hash_sha256(span_of(token, sizeof token)), err);
}

static bool open_with_post(struct session_service *sessions, struct http_call *call,
                           const struct login *login, struct id staff, struct id post,
                           struct err *err)
{
    if (login->is_initial && text_is_empty(login->new_password))
        return err_set(err, ERR_REFUSED, "password_initial", "to be changed first");
    const char *fingerprint = http_peer_fingerprint(call);
    struct session_opening opening = {
        .staff = staff,
        .post = post,
        .assurance = session_assurance(*fingerprint != '\0', false),
        .fingerprint = text_cstr(fingerprint),
        .address = text_cstr(http_remote_address(call)),
        .request = http_request_id(call),
        .new_password = login->new_password,
    };
    char token[HASH_HEX_BYTES];
    uint8_t bytes[SESSION_TOKEN_BYTES];
    struct session_row row;
    if (!end_present(sessions, call, err) ||
        !session_open_for(sessions, &opening, http_arena(call), token, &row, err) ||
        !hash_from_hex(span_cstr(token), bytes, sizeof bytes))
        return false;
    set_cookie(call, token);
    bool is_answered =
        answer_session(sessions, call, &row, span_of(bytes, sizeof bytes), err);
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(token, sizeof token);
    return is_answered;
}

static bool answer_posts(struct session_service *sessions, struct http_call *call,
                         const struct staff_post *posts, size_t count, struct err *err)
{
    CLEANUP(buf_free) struct buf body = buf_init(ANSWER_BYTES);
    if (!session_write_posts(sessions, posts, count, http_arena(call), &body, err) ||
        !buf_check(&body, err))
        return false;
    http_answer_json(call, 200, &body);
    return true;
}

static bool open_session(struct session_service *sessions, struct http_call *call,
                         struct err *err)
{
    if (!check_origin(call, err))
        return false;
    CLEANUP(json_free_at) struct json_document *body = json_parse(http_body(call), err);
    struct login login = {.has_post = false};
    struct staff staff;
    if (!body || !read_login(json_root(body), &login, err) ||
        !enter(sessions, call, &login, &staff, err))
        return false;
    if (login.has_post)
        return open_with_post(sessions, call, &login, staff.id, login.post, err);
    struct staff_post *posts = NULL;
    size_t count = 0;
    if (!session_usable_posts(sessions, staff.id, http_arena(call), &posts, &count, err))
        return false;
    if (count == 0)
        return err_set(err, ERR_REFUSED, "login_refused", "no active post");
    if (count > 1)
        return answer_posts(sessions, call, posts, count, err);
    return open_with_post(sessions, call, &login, staff.id, posts[0].id, err);
}

/* A post that is not the person's, and a place that left the network, are no different
 * from a wrong password to whoever asks. */
static void hide_reason(struct err *err)
{
    if (err->kind != ERR_MISSING)
        return;
    err_clear(err);
    (void)err_set(err, ERR_REFUSED, "login_refused", "the post cannot be used");
}

static void post_session(struct http_call *call, void *context)
{
    struct err err = {0};
    if (open_session(context, call, &err))
        return;
    hide_reason(&err);
    session_answer_problem(call, &err);
}

/* ---- GET, DELETE /session ---- */

static bool show_session(struct session_service *sessions, struct http_call *call,
                         struct err *err)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    struct session_row row;
    struct session_beside alone = {.session = NULL};
    bool is_answered =
        find_session(sessions, call, &alone, token, &row, err) &&
        answer_session(sessions, call, &row, span_of(token, sizeof token), err);
    secret_wipe(token, sizeof token);
    return is_answered;
}

static void get_session(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!show_session(context, call, &err))
        session_answer_problem(call, &err);
}

static bool close_session(struct session_service *sessions, struct http_call *call,
                          struct err *err)
{
    struct session_actor actor;
    struct audit_record record = {
        .phase = AUDIT_EVENT, .event = "logout", .verdict = "done"};
    struct audit_position position;
    if (!session_require(sessions, call, SESSION_CHANGES, &actor, err) ||
        !session_end(sessions, actor.session, err))
        return false;
    record.request = actor.request;
    return session_audit_actor(&actor, http_arena(call), &record.actor, err) &&
           audit_append(sessions->config.audit, &record, &position, err);
}

static void delete_session(struct http_call *call, void *context)
{
    struct err err = {0};
    if (!close_session(context, call, &err)) {
        session_answer_problem(call, &err);
        return;
    }
    set_cookie(call, "");
    http_answer_empty(call);
}

void session_routes(struct http_router *router, struct session_service *sessions)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/api/v1/session", post_session, LOGIN_BODY_BYTES},
        {HTTP_GET, "/api/v1/session", get_session, 0},
        {HTTP_DELETE, "/api/v1/session", delete_session, 0},
    };
    http_router_add(router, routes, sizeof routes / sizeof *routes, sessions);
}
