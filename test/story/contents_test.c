// SPDX-License-Identifier: Apache-2.0
#include "test/story/story_scene.h"

/* What is opened comes from the hospital, as long as it may be seen. */

/* ---- entries and contents ---- */

static void an_entry_is_opened_once_and_its_content_fetched(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    hospital->content_body = CONTENT;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    say_put(hospital, 0, "2/OML-11/B", VERSION_1, "生化学");
    CHECK(has_stored(hospital, 2));
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    CHECK(reply.status == 201 && has(&reply, "\"title\":\"血算\"") &&
          has(&reply, "\"previous\":null") && !has(&reply, "\"next\":null"));
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 200 && has(&reply, "\"items\":[{") &&
          has(&reply, "\"name\":\"CRP\"") && has(&reply, "\"code\":\"hl7_extra\""));
    CHECK(strcmp(hospital->viewer, "2000000002") == 0);
    /* a decision is believed for a second, then decided again */
    let_pass(hospital->world, 5000);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 200);
    /* a calendar's handle opens no content, and nobody else's handle does */
    struct reply calendar = open_calendar(&scene);
    char other[128];
    CHECK(ask_opening(&scene, "GET", member(&calendar, "opening", other), "content")
              .status == 404);
    struct scene stranger = scene;
    stranger.clinic = enter(hospital->world, "pharmacy");
    CHECK(ask_opening(&stranger, "GET", opening, "content").status == 404);
    CHECK(open_entry(&stranger, entry).status == 404);
    CHECK(open_entry(&scene, "0123456789abcdef0123456789abcdef").status == 404);
    hospital_free(hospital);
}

/* The day behind the first entry has more than a page of results that are not shown. */
static bool crowd(struct store_session *session, void *context, struct err *err)
{
    enum { MANY = 900, NEXT_DAY = 1 };
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *insert = store_prepare(
        session,
        "INSERT INTO registry_entry (record, day, kind, entry, source_key, version, "
        "state, flags, end_day, is_open, title, department_code, department, author, "
        "time, order_number, visible_at, change) SELECT record, day + ?3, kind, ?1, "
        "?2, version, state, 128, end_day, is_open, title, department_code, department, "
        "author, time, order_number, visible_at, change FROM registry_entry WHERE "
        "source_key = '1/OML-11/A'",
        err);
    for (uint32_t i = 0; insert && i < MANY; i++) {
        struct id id = {{0xcc}};
        memcpy(&id.bytes[8], &i, sizeof i);
        struct id_text text = id_to_text(id);
        store_reset(insert);
        store_bind_id(insert, 1, id);
        store_bind_text(insert, 2, id_view(&text));
        store_bind_int(insert, 3, NEXT_DAY);
        if (!store_run(insert, err))
            return false;
    }
    return insert != NULL;
}

static void the_neighbours_of_a_row_are_found_beyond_a_crowd_of_others(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct err err = {0};
    char first[128], next[128], opening[128], line[256];
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    find_entry(&scene, first);
    say_put(hospital, 0, "3/OML-11/B", VERSION_1, "生化学");
    CHECK(has_stored(hospital, 2));
    good(store_write(hospital->world->store, STORE_LIVE, crowd, NULL, &err), &err);
    struct reply reply = open_entry(&scene, first);
    CHECK(reply.status == 201 && has(&reply, "\"previous\":null"));
    member(&reply, "next", next);
    reply = open_entry(&scene, next);
    CHECK(reply.status == 201 && has(&reply, "\"title\":\"生化学\"") &&
          has(&reply, "\"next\":null"));
    snprintf(line, sizeof line, "\"previous\":\"%s\"", first);
    CHECK(has(&reply, line));
    reply = open_calendar(&scene);
    snprintf(line, sizeof line, "entries?row=test&from=2026-10-01&to=2026-10-31");
    reply = ask_opening(&scene, "GET", member(&reply, "opening", opening), line);
    CHECK(reply.status == 200 && has(&reply, "血算") && has(&reply, "生化学") &&
          has(&reply, "\"next\":null"));
    hospital_free(hospital);
}

/* A gateway that reads its whole source anew sends what the centre has already. */
static void what_comes_again_unchanged_changes_nothing(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    hospital->content_body = CONTENT;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    atomic_fetch_add(&hospital->world->skip_ms, 2000);
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 2));
    /* what was seen is not news, and what is open stays open */
    CHECK_SOON(home_says(&scene, "\"news\":[]"));
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 200);
    say_put(hospital, 0, "1/OML-11/A", VERSION_2, "血算（訂正）");
    CHECK(has_stored(hospital, 3));
    CHECK_SOON(home_says(&scene, "\"new_count\":1"));
    CHECK(shows(&scene, "血算（訂正）"));
    hospital_free(hospital);
}

static void what_a_gateway_answers_otherwise_is_never_shown(void)
{
    static const struct {
        int status;
        const char *body;
        int shown;
        const char *code;
    } answers[] = {
        {403, "{\"code\":\"kind_not_released\"}", 403, "kind_not_released"},
        {403, "{\"code\":\"link_ended\"}", 403, "link_ended"},
        {403, "{\"code\":\"<script>\"}", 503, "gateway_refused"},
        {404, "{}", 404, "not_found"},
        {400, "{\"code\":\"hl7_segment_cut\"}", 409, "content_incomplete"},
        {500, "", 503, "gateway_refused"},
        {200, "", 503, "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"name\":\"x\"}]},\"warnings\":[]}", 503,
         "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"type\":\"a\",\"B<\":\"x\"}]},\"warnings\":[]}",
         503, "gateway_refused"},
        {200, "{\"entry\":{\"items\":[{\"type\":\"a\",\"b\":1}]},\"warnings\":[]}", 503,
         "gateway_refused"},
        {200, "{\"entry\":{\"items\":{}},\"warnings\":[]}", 503, "gateway_refused"},
    };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char entry[128], opening[128];
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        hospital->content_status = answers[i].status;
        hospital->content_body = answers[i].body;
        reply = ask_opening(&scene, "GET", opening, "content");
        bool is_right = reply.status == answers[i].shown && has(&reply, answers[i].code);
        CHECK(is_right);
        if (!is_right)
            printf("# %zu: %d %s\n", i, reply.status, reply.body);
    }
    hospital_free(hospital);
}

static void a_silent_and_an_absent_gateway_are_told_apart(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct world *world = hospital->world;
    char entry[128], opening[128];
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "血算");
    CHECK(has_stored(hospital, 1));
    find_entry(&scene, entry);
    struct reply reply = open_entry(&scene, entry);
    member(&reply, "opening", opening);
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_silent\""));
    struct err err = {0};
    hospital->world->hello_code = "9999999999"; /* it is not let in again */
    struct tunnel *tunnel =
        facility_gateway_take(world->gateways, hex_id(HOSPITAL), &err);
    tunnel_cut(tunnel);
    tunnel_release(&tunnel);
    CHECK_SOON(!facility_gateway_is_ready(world->gateways, hex_id(HOSPITAL)));
    reply = ask_opening(&scene, "GET", opening, "content");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"gateway_away\""));
    CHECK(shows(&scene, "\"reason\":\"gateway_away\"") && shows(&scene, "血算"));
    hospital_free(hospital);
}

/* ---- originals ---- */

struct download {
    struct browser *browser;
    char line[256];
    pthread_t thread;
    atomic_size_t received;
    bool is_right; /* every byte as it was sent */
    bool is_whole; /* it ended as it should */
    atomic_bool has_ended;
    int status;
};

static size_t chunk_bytes(struct span line)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (size_t i = 0; i < line.len && i < 8; i++) {
        const char *digit = strchr(digits, line.at[i] | 0x20);
        if (line.at[i] == '\r' || !digit)
            break;
        len = len * 16 + (size_t)(digit - digits);
    }
    return len;
}

/* Takes the chunks apart (RFC 9112 section 7.1) and compares every byte. */
static bool is_original(struct span all, size_t bytes)
{
    const uint8_t *at = memmem(all.at, all.len, "\r\n\r\n", 4);
    struct span rest = span_part(all, at ? (size_t)(at - all.at) + 4 : all.len, all.len);
    struct span line;
    size_t seen = 0;
    while (span_take(&rest, '\n', &line)) {
        size_t len = chunk_bytes(line);
        if (len == 0 || len > rest.len)
            return len == 0 && seen == bytes;
        for (size_t i = 0; i < len; i++, seen++)
            if (rest.at[i] != (uint8_t)(seen * 31 % 251))
                return false;
        rest = span_part(rest, len + 2, rest.len);
    }
    return false;
}

static void *run_download(void *context)
{
    struct download *download = context;
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    CLEANUP(buf_free) struct buf all = buf_init(64 << 20);
    uint8_t piece[65536];
    ssize_t got = 0;
    write_request(download->browser, &out, download->line, -1, "");
    int fd = dial(http_server_port(download->browser->world->server));
    CHECK(send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len);
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
        buf_put(&all, piece, (size_t)got);
        atomic_store(&download->received, all.len);
    }
    close(fd);
    uint64_t status = 0;
    (void)!span_uint(span_of(all.at + 9, 3), 999, &status);
    download->status = (int)status;
    download->is_whole = all.len > 5 && memcmp(all.at + all.len - 5, "0\r\n\r\n", 5) == 0;
    const struct hospital *hospital = download->browser->world->part_context;
    download->is_right = is_original(buf_view(&all), hospital->original_bytes);
    atomic_store(&download->has_ended, true);
    return NULL;
}

static void begin_download(struct download *download, struct scene *scene,
                           const char *opening)
{
    download->browser = &scene->clinic;
    snprintf(download->line, sizeof download->line, "GET /api/v1/openings/%s/original",
             opening);
    pthread_create(&download->thread, NULL, run_download, download);
}

static void an_original_passes_whole(void)
{
    struct scene scene = scene_new();
    struct download download = {0};
    char opening[128];
    scene.hospital->original_bytes = 5 << 20;
    open_only_entry(&scene, opening);
    begin_download(&download, &scene, opening);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && download.is_whole && download.is_right);
    CHECK(atomic_load(&download.received) > 5 << 20);
    hospital_free(scene.hospital);
}

/* What a stalled source has sent is passed on, at the latest when the server looks. */
static bool has_half(const struct scene *scene, const struct download *download)
{
    content_look_again(scene->hospital->content);
    return atomic_load(&download->received) > 1 << 20;
}

/* The first half has come, the second waits. */
static void begin_half(struct scene *scene, struct download *download, char opening[128])
{
    scene->hospital->original_bytes = 2 << 20;
    atomic_store(&scene->hospital->original_gate, 0);
    open_only_entry(scene, opening);
    begin_download(download, scene, opening);
    CHECK_SOON(has_half(scene, download));
}

static bool has_been_cut(struct scene *scene, const struct download *download)
{
    content_look_again(scene->hospital->content);
    return atomic_load(&download->has_ended);
}

/* Nothing comes and nothing goes: no piece would ever ask. */
struct verdicts {
    int permitted;
    int denied;
};

static bool count_verdict(void *context, uint64_t number, struct span json,
                          struct err *err)
{
    static const char words[] = "\"phase\":\"decision\",\"event\":\"entry\"";
    struct verdicts *verdicts = context;
    (void)number;
    (void)err;
    if (!memmem(json.at, json.len, words, sizeof words - 1))
        return true;
    verdicts->permitted +=
        memmem(json.at, json.len, "\"verdict\":\"permit\"", 18) != NULL;
    verdicts->denied += memmem(json.at, json.len, "\"verdict\":\"deny\"", 16) &&
                        memmem(json.at, json.len, "\"staff\":", 8) &&
                        memmem(json.at, json.len, "\"object\":", 9);
    return true;
}

static bool has_verdicts(struct scene *scene, int permitted, int denied)
{
    struct verdicts verdicts = {0, 0};
    struct err err = {0};
    char directory[128];
    in_world(scene->hospital->world, "audit", directory);
    CHECK(audit_walk(directory, "centre", 1, count_verdict, &verdicts, &err));
    if (verdicts.permitted != permitted || verdicts.denied != denied)
        printf("# %d permitted, %d denied\n", verdicts.permitted, verdicts.denied);
    return verdicts.permitted == permitted && verdicts.denied == denied;
}

/* One more try of the same person at the same entry is one more row, whatever is known of
 * the first. */
static void an_opening_that_is_refused_after_one_that_was_not_has_its_row(void)
{
    struct scene scene = scene_new();
    char entry[128];
    say_put(scene.hospital, 0, "1/OML-11/A", VERSION_1, "検体検査");
    CHECK_SOON(shows(&scene, "\"entry\":[\""));
    find_entry(&scene, entry);
    CHECK(open_entry(&scene, entry).status == 201);
    CHECK(has_verdicts(&scene, 1, 0));
    withdraw_consent(&scene);
    for (int i = 1; i <= 3; i++) {
        int status = open_entry(&scene, entry).status;
        CHECK(status == 403 || status == 404);
        CHECK(has_verdicts(&scene, 1, i));
    }
    hospital_free(scene.hospital);
}

static void a_withdrawn_consent_cuts_a_download_that_stands_still(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download = {0};
    char opening[128];
    begin_half(&scene, &download, opening);
    content_look_again(hospital->content);
    CHECK(!atomic_load(&download.has_ended));
    withdraw_consent(&scene);
    CHECK_SOON(has_been_cut(&scene, &download));
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    atomic_store(&hospital->original_gate, -1);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && !download.is_whole);
    hospital_free(hospital);
}

static void a_withdrawn_consent_cuts_a_download(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download = {0};
    char opening[128];
    begin_half(&scene, &download, opening);
    withdraw_consent(&scene);
    atomic_store(&hospital->original_gate, 1);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && !download.is_whole);
    CHECK(atomic_load(&download.received) < (3 << 20) / 2);
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    CHECK(ask_opening(&scene, "GET", opening, "content").status == 404);
    hospital_free(hospital);
}

/* Days are the wall clock's; tunnels and grants go by the other one. */
static void put_wall_forward(struct world *world, int64_t ms)
{
    atomic_fetch_add(&world->wall_skip_ms, ms);
    network_epoch_refresh(world->epoch);
}

/* A minute before midnight, in Japan; the consent is given again until today. */
static void consent_until_midnight(struct scene *scene)
{
    enum { DAY_MS = 86400000, MINUTE_MS = 60000 };
    struct world *world = scene->hospital->world;
    char day[DAY_TEXT_BYTES], line[256], body[256];
    int64_t of_day_ms = (world_wall_ms(world) + DAY_JAPAN_OFFSET_MS) % DAY_MS;
    put_wall_forward(world, (2 * DAY_MS - MINUTE_MS - of_day_ms) % DAY_MS);
    scene->clinic = enter(world, "clinic");
    day_to_iso(day_of_instant(world_wall_ms(world)), day);
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/consents", scene->person);
    snprintf(body, sizeof body,
             "{\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\","
             "\"until\":\"%s\"}",
             day);
    CHECK(go(&scene->clinic, line, body).status == 201);
}

/* Nothing changes in the database: the day is over. */
static void a_consent_that_runs_out_cuts_a_download(void)
{
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    struct download download = {0};
    char opening[128];
    consent_until_midnight(&scene);
    begin_half(&scene, &download, opening);
    content_look_again(hospital->content);
    CHECK(!atomic_load(&download.has_ended));
    put_wall_forward(hospital->world, 61000);
    CHECK_SOON(has_been_cut(&scene, &download));
    atomic_store(&hospital->original_gate, -1);
    pthread_join(download.thread, NULL);
    CHECK(download.status == 200 && !download.is_whole);
    CHECK_SOON(count_of(hospital, &hospital->cancel_count) == 1);
    hospital_free(hospital);
}

/* A number and the list that it is from; whatever else stands there reaches nobody. */
static void a_part_is_asked_for_by_its_place_in_a_list(void)
{
    static const char *const refused[] = {
        "original?part=2",
        "original?list=0123456789abcdef",
        "original?part=0&list=0123456789abcdef",
        "original?part=81&list=0123456789abcdef",
        "original?part=-1&list=0123456789abcdef",
        "original?part=..%2Fetc%2Fpasswd&list=0123456789abcdef",
        "original?part=a.png&list=0123456789abcdef",
        "original?part=2&list=0123456789ABCDEF",
        "original?part=2&list=0123456789abcde",
        "original?part=2&list=%2F123456789abcdef",
    };
    struct scene scene = scene_new();
    struct hospital *hospital = scene.hospital;
    char opening[128];
    hospital->original_bytes = 1000;
    open_only_entry(&scene, opening);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct reply reply = ask_opening(&scene, "GET", opening, refused[i]);
        CHECK(reply.status == 400 && has(&reply, "\"code\":\"part_invalid\""));
    }
    CHECK(hospital->original_body[0] == '\0');
    struct reply reply =
        ask_opening(&scene, "GET", opening, "original?part=2&list=0123456789abcdef");
    CHECK(reply.status == 200 && strstr(reply.head, "application/octet-stream") &&
          strstr(reply.head, "attachment") && strstr(reply.head, "nosniff"));
    CHECK(strstr(hospital->original_body, "\"part\":2,\"list\":\"0123456789abcdef\""));
    CHECK(ask_opening(&scene, "GET", opening, "original").status == 200);
    CHECK(!strstr(hospital->original_body, "part"));
    hospital->content_status = 503;
    hospital->content_body = "{\"code\":\"source_changed\"}";
    reply = ask_opening(&scene, "GET", opening, "original?part=2&list=0123456789abcdef");
    CHECK(reply.status == 503 && has(&reply, "\"code\":\"source_changed\""));
    hospital_free(hospital);
}

static void a_refused_original_is_a_problem_not_a_file(void)
{
    struct scene scene = scene_new();
    char opening[128];
    scene.hospital->content_status = 403;
    scene.hospital->content_body = "{\"code\":\"original_mixed\"}";
    open_only_entry(&scene, opening);
    struct reply reply = ask_opening(&scene, "GET", opening, "original");
    CHECK(reply.status == 403 && has(&reply, "\"code\":\"original_mixed\""));
    CHECK(!strstr(reply.head, "ttachment"));
    hospital_free(scene.hospital);
}

/* ---- a copy that was brought back ---- */

static bool mark_restored(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    return network_begin_hold(session, 1, 2, err);
}

static bool confirm_restored(struct store_session *session, void *context,
                             struct err *err)
{
    (void)context;
    return network_end_hold(session, err);
}

static void a_restored_copy_shows_nothing_but_takes_withdrawals_until_confirmed(void)
{
    struct scene scene = scene_new();
    struct world *world = scene.hospital->world;
    struct err err = {0};
    char opening[128], consent[128], line[256];
    open_only_entry(&scene, opening);
    good(store_write(world->store, STORE_LIVE, mark_restored, NULL, &err), &err);
    network_epoch_refresh(world->epoch);
    struct reply reply = open_calendar(&scene);
    CHECK(reply.status == 503 && has(&reply, "restore_unconfirmed"));
    CHECK(ask_opening(&scene, "GET", opening, "content").status != 200);
    reply = go(&scene.clinic, "GET /api/v1/home", "");
    CHECK(reply.status == 200 && has(&reply, scene.person));
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/consents", scene.person);
    reply = go(&scene.clinic, line, "");
    CHECK(reply.status == 200);
    member(&reply, "id", consent);
    good(store_write(world->store, STORE_LIVE, confirm_restored, NULL, &err), &err);
    network_epoch_refresh(world->epoch);
    CHECK(open_calendar(&scene).status == 201);
    good(store_write(world->store, STORE_LIVE, mark_restored, NULL, &err), &err);
    network_epoch_refresh(world->epoch);
    snprintf(line, sizeof line, "POST /api/v1/consents/%s/withdrawals", consent);
    CHECK(go(&scene.clinic, line, "{\"channel\":\"oral\"}").status == 200);
    CHECK(!store_write(world->store, STORE_LIVE, confirm_restored, NULL, &err) ||
          !store_write(world->store, STORE_LIVE, confirm_restored, NULL, &err));
    CHECK(err.kind == ERR_MISSING);
    hospital_free(scene.hospital);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(an_entry_is_opened_once_and_its_content_fetched);
    RUN(the_neighbours_of_a_row_are_found_beyond_a_crowd_of_others);
    RUN(what_comes_again_unchanged_changes_nothing);
    RUN(what_a_gateway_answers_otherwise_is_never_shown);
    RUN(a_silent_and_an_absent_gateway_are_told_apart);
    RUN(an_original_passes_whole);
    RUN(an_opening_that_is_refused_after_one_that_was_not_has_its_row);
    RUN(a_withdrawn_consent_cuts_a_download);
    RUN(a_withdrawn_consent_cuts_a_download_that_stands_still);
    RUN(a_consent_that_runs_out_cuts_a_download);
    RUN(a_part_is_asked_for_by_its_place_in_a_list);
    RUN(a_refused_original_is_a_problem_not_a_file);
    RUN(a_restored_copy_shows_nothing_but_takes_withdrawals_until_confirmed);
    return test_done();
}
