// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/resource.h>

#include "exchange/note/note.h"
#include "test/story/story_audit.h"
#include "test/story/story_scene.h"

/* 記録: the clinic and the hospital write about their common patient; the pharmacy does
 * not know the person. */

#define WORDS "{\"text\":\"左下肺野に結節。\\n経過をみる。\",\"pictures\":[]}"
#define LOOK                                                                             \
    "\"series\":\"1.2.3\",\"instance\":\"1.2.3.4\",\"frame\":7,\"window\":\"-600,"       \
    "1500\","                                                                            \
    "\"is_inverted\":true,\"quarter\":1,\"comment\":\"矢印の所\""
#define UNKNOWN "0123456789abcdef0123456789abcdef"
#define RULES(kinds) "{\"version\":2,\"rules\":[{\"kinds\":[" kinds "]}]}"

struct story {
    struct scene scene;
    struct note_service service;
    struct audit_index *index;
    struct browser hospital;
    char line[256]; /* of the person's notes, without its method */
    char entry[128];
};

static struct story *story_new(void)
{
    struct story *story = calloc(1, sizeof *story);
    struct err err = {0};
    story->scene = scene_new();
    struct world *world = story->scene.hospital->world;
    story->service = (struct note_service){.store = world->store,
                                           .sessions = world->sessions,
                                           .gate = world->gate,
                                           .clock = world_clock(world),
                                           .rand = rand_system(),
                                           .log = &world->log};
    note_routes(world->router, &story->service);
    story->index = audit_index_open(world->audit, world->store, &world->log, &err);
    good(story->index != NULL, &err);
    story->hospital = enter(world, "hospital");
    snprintf(story->line, sizeof story->line, "/api/v1/persons/%s/notes",
             story->scene.person);
    return story;
}

static void story_free(struct story *story)
{
    audit_index_close(story->index);
    hospital_free(story->scene.hospital);
    free(story);
}

static struct reply notes(struct story *story, struct browser *browser,
                          const char *method, const char *body)
{
    char line[300];
    snprintf(line, sizeof line, "%s %s", method, story->line);
    return go(browser, line, body);
}

static struct reply at_note(struct browser *browser, const char *method, const char *note,
                            const char *rest, const char *body)
{
    char line[256];
    snprintf(line, sizeof line, "%s /api/v1/notes/%s%s", method, note, rest);
    return go(browser, line, body);
}

static void write_one(struct story *story, struct browser *browser, const char *body,
                      char note[128])
{
    struct reply reply = notes(story, browser, "POST", body);
    CHECK(reply.status == 201 && has(&reply, "\"version\":1"));
    CHECK(strlen(member(&reply, "id", note)) == 32);
}

static int count_notes(struct story *story, struct browser *browser)
{
    int count = 0;
    struct reply reply = notes(story, browser, "GET", "");
    CHECK(reply.status == 200);
    for (const char *at = reply.body; (at = strstr(at, "\"created_at\":")) != NULL; at++)
        count++;
    return count;
}

static void tell_entry(struct story *story)
{
    struct hospital *hospital = story->scene.hospital;
    say_put(hospital, 0, "1/OML-11/A", VERSION_1, "胸部CT");
    CHECK(has_stored(hospital, 1));
    find_entry(&story->scene, story->entry);
}

static void with_picture(const char *entry, char body[1024])
{
    snprintf(body, 1024, "{\"text\":\"所見\",\"pictures\":[{\"entry\":\"%s\"," LOOK "}]}",
             entry);
}

struct change {
    const char *policy; /* of the hospital; NULL: the clinic's numbers are suspended */
    const char *kept;   /* instead of these: what the office keeps for the clinic */
};

static bool keep_for_clinic(struct store_session *session, const char *policy,
                            struct err *err)
{
    struct facility clinic;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    return facility_find(session, hex_id(CLINIC), &arena, &clinic, err) &&
           facility_change_office_policy(session, &clinic, text_cstr(policy), 1, err);
}

static bool carry_out(struct store_session *session, void *context, struct err *err)
{
    const struct change *change = context;
    if (change->kept)
        return keep_for_clinic(session, change->kept, err);
    if (change->policy)
        return facility_change_policy(session, hex_id(HOSPITAL),
                                      text_cstr(change->policy), 1, err);
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE record SET state = 'suspended' WHERE facility = ?1", err);
    if (!statement)
        return false;
    store_bind_id(statement, 1, hex_id(CLINIC));
    return store_run(statement, err);
}

static void change(struct story *story, struct change what)
{
    struct err err = {0};
    struct world *world = story->scene.hospital->world;
    good(store_write(world->store, STORE_LIVE, carry_out, &what, &err), &err);
    network_epoch_refresh(world->epoch);
}

/* Rows of the audit: of an event in a phase, with a verdict and perhaps a reason. */
static int rows(struct story *story, const char *event, const char *phase,
                const char *verdict, const char *reason)
{
    return audit_rows(story->index, story->scene.hospital->world->store,
                      &(const struct audit_rows){event, phase, verdict, reason});
}

/* ---- refusals ---- */

static void who_does_not_know_the_person_hears_and_writes_nothing(void)
{
    struct story *story = story_new();
    char note[128];
    struct browser stranger = enter(story->scene.hospital->world, "pharmacy");
    struct browser nobody = browser_new(story->scene.hospital->world);
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply = notes(story, &stranger, "GET", "");
    CHECK(reply.status == 404 && !has(&reply, "結節"));
    struct reply other = go(&stranger, "GET /api/v1/persons/" UNKNOWN "/notes", "");
    CHECK(other.status == 404 && strcmp(reply.body, other.body) == 0);
    other = notes(story, &stranger, "POST", WORDS);
    CHECK(other.status == 404 && strcmp(reply.body, other.body) == 0);
    CHECK(notes(story, &nobody, "GET", "").status == 401);
    CHECK(notes(story, &nobody, "POST", WORDS).status == 401);
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    CHECK(rows(story, "notes", "decision", "deny", NULL) == 2);
    CHECK(rows(story, "note", "decision", "deny", "no_own_number") == 1);
    story_free(story);
}

static void an_id_of_another_facilitys_note_is_as_unknown_as_none(void)
{
    struct story *story = story_new();
    char note[128];
    static const char next[] = "{\"version\":1,\"text\":\"x\",\"pictures\":[]}";
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply none = at_note(&story->hospital, "PUT", UNKNOWN, "", next);
    CHECK(none.status == 404);
    struct reply reply = at_note(&story->hospital, "PUT", note, "", next);
    CHECK(reply.status == 404 && strcmp(reply.body, none.body) == 0);
    reply = at_note(&story->hospital, "POST", note, "/withdrawals", "{\"version\":1}");
    CHECK(reply.status == 404 && strcmp(reply.body, none.body) == 0);
    CHECK(rows(story, "note_correct", "decision", "deny", "not_found") == 2);
    CHECK(rows(story, "note_withdraw", "decision", "deny", "not_found") == 1);
    reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, "結節") && has(&reply, "\"version\":1"));
    story_free(story);
}

static void without_a_consent_in_force_nothing_is_written_but_taken_back(void)
{
    struct story *story = story_new();
    char note[128];
    write_one(story, &story->scene.clinic, WORDS, note);
    withdraw_consent(&story->scene);
    struct reply reply = notes(story, &story->scene.clinic, "POST", WORDS);
    CHECK(reply.status == 403 && has(&reply, "consent_withdrawn"));
    reply = at_note(&story->scene.clinic, "PUT", note, "",
                    "{\"version\":1,\"text\":\"x\",\"pictures\":[]}");
    CHECK(reply.status == 403 && has(&reply, "consent_withdrawn"));
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    CHECK(at_note(&story->scene.clinic, "POST", note, "/withdrawals", "{\"version\":1}")
              .status == 200);
    CHECK(rows(story, "note", "decision", "deny", "consent_withdrawn") == 1);
    story_free(story);
}

static void a_number_that_is_suspended_writes_and_reads_nothing(void)
{
    struct story *story = story_new();
    char note[128];
    write_one(story, &story->scene.clinic, WORDS, note);
    change(story, (struct change){.policy = NULL});
    struct reply reply = notes(story, &story->scene.clinic, "POST", WORDS);
    CHECK((reply.status == 403 || reply.status == 404) && !has(&reply, "\"id\""));
    reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK((reply.status == 403 || reply.status == 404) && !has(&reply, "結節"));
    CHECK(rows(story, "note", "decision", "deny", "no_own_number") == 1);
    story_free(story);
}

static void what_is_no_note_is_refused_and_nothing_of_it_stays(void)
{
    static const struct {
        const char *body;
        const char *code;
    } bad[] = {
        {"{\"text\":\" \\n\",\"pictures\":[]}", "note_empty"},
        {"{\"text\":\"a\\u0000b\",\"pictures\":[]}", "json"},
        {"{\"text\":\"a\\u001bb\",\"pictures\":[]}", "note_text"},
        {"{\"text\":\"\xFF\xFE\",\"pictures\":[]}", "json"},
        {"{\"text\":\"x\"}", "json_member"},
        {"{\"text\":\"x\",\"pictures\":[],\"facility\":\"y\"}", "json_unknown_member"},
        {"{\"text\":\"x\",\"pictures\":[{\"entry\":\"1\"}]}", ""},
        {"{\"text\":\"x\",\"pictures\":[{\"entry\":\"" UNKNOWN
         "\",\"series\":\"1.2/..\",\"instance\":\"1\",\"frame\":0}]}",
         "note_look"},
        {"{\"text\":\"x\",\"pictures\":[{\"entry\":\"" UNKNOWN
         "\",\"series\":\"1\",\"instance\":\"1\",\"frame\":-1}]}",
         "json_member"},
        {"{\"text\":\"x\",\"pictures\":[{\"entry\":\"" UNKNOWN
         "\",\"series\":\"1\",\"instance\":\"1\",\"frame\":0,\"window\":\"4;5\"}]}",
         "note_look"},
    };
    struct story *story = story_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reply reply = notes(story, &story->scene.clinic, "POST", bad[i].body);
        bool is_refused =
            reply.status >= 400 && reply.status < 500 && has(&reply, bad[i].code);
        CHECK(is_refused);
        if (!is_refused)
            printf("# %zu: %d %s\n", i, reply.status, reply.body);
    }
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    story_free(story);
}

static void too_much_is_refused(void)
{
    struct story *story = story_new();
    CLEANUP(buf_free) struct buf body = buf_init(65536);
    buf_cstr(&body, "{\"text\":\"");
    for (int i = 0; i < 10000; i++)
        buf_cstr(&body, "あ");
    buf_format(&body, "\",\"pictures\":[]}%c", '\0');
    CHECK(notes(story, &story->scene.clinic, "POST", (const char *)body.at).status /
              100 ==
          4);
    buf_reset(&body);
    buf_cstr(&body, "{\"text\":\"x\",\"pictures\":[");
    for (int i = 0; i < NOTE_PICTURES_MAX + 1; i++)
        buf_format(&body, "%s{\"entry\":\"" UNKNOWN "\"," LOOK "}", i > 0 ? "," : "");
    buf_format(&body, "]}%c", '\0');
    CHECK(notes(story, &story->scene.clinic, "POST", (const char *)body.at).status /
              100 ==
          4);
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    story_free(story);
}

static void without_its_row_in_the_audit_there_is_no_note(void)
{
    struct story *story = story_new();
    struct rlimit before;
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit full = {(rlim_t)audit_bytes(story->scene.hospital->world),
                          before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0);
    struct reply reply = notes(story, &story->scene.clinic, "POST", WORDS);
    struct reply read = notes(story, &story->scene.clinic, "GET", "");
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(reply.status == 503 && has(&reply, "audit_unwritable"));
    CHECK(read.status == 503);
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    story_free(story);
}

/* ---- who reads ---- */

static void a_policy_without_notes_shows_none_and_with_them_all(void)
{
    struct story *story = story_new();
    char note[128];
    write_one(story, &story->hospital, WORDS, note);
    CHECK(count_notes(story, &story->hospital) == 1);
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    change(story, (struct change){.policy = RULES("\"laboratory\",\"note\"")});
    struct reply reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, "結節") && has(&reply, "\"may_correct\":false"));
    CHECK(has(&reply, "\"may_withdraw\":false") && has(&reply, HOSPITAL));
    /* a facility without a gateway has released nothing */
    write_one(story, &story->scene.clinic, WORDS, note);
    CHECK(count_notes(story, &story->hospital) == 1);
    CHECK(count_notes(story, &story->scene.clinic) == 2);
    withdraw_consent(&story->scene);
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    story_free(story);
}

static void a_picture_is_told_to_whom_its_entry_is_shown_only(void)
{
    struct story *story = story_new();
    char note[128], body[1024];
    tell_entry(story);
    with_picture(story->entry, body);
    write_one(story, &story->hospital, body, note);
    change(story, (struct change){.policy = RULES("\"laboratory\",\"note\"")});
    struct reply reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, story->entry) && has(&reply, "\"window\":\"-600,1500\""));
    CHECK(has(&reply, "\"frame\":7") && has(&reply, "\"quarter\":1"));
    CHECK(has(&reply, "胸部CT") && has(&reply, "1.2.3.4"));
    change(story, (struct change){.policy = RULES("\"note\"")});
    reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, "所見") && has(&reply, "\"entry\":null"));
    CHECK(!has(&reply, story->entry) && !has(&reply, "1.2.3") && !has(&reply, "胸部"));
    reply = notes(story, &story->hospital, "GET", "");
    CHECK(has(&reply, story->entry));
    story_free(story);
}

static void nobody_refers_to_what_he_may_not_see(void)
{
    struct story *story = story_new();
    char body[1024];
    tell_entry(story);
    with_picture(story->entry, body);
    change(story, (struct change){.policy = RULES("\"note\"")});
    struct reply hidden = notes(story, &story->scene.clinic, "POST", body);
    CHECK(hidden.status == 404 && has(&hidden, "note_picture"));
    with_picture(UNKNOWN, body);
    struct reply none = notes(story, &story->scene.clinic, "POST", body);
    CHECK(none.status == 404 && strcmp(hidden.body, none.body) == 0);
    CHECK(count_notes(story, &story->scene.clinic) == 0);
    CHECK(rows(story, "note", "finish", "failed", "note_picture") == 2);
    change(story, (struct change){.policy = RULES("\"laboratory\"")});
    with_picture(story->entry, body);
    CHECK(notes(story, &story->scene.clinic, "POST", body).status == 201);
    story_free(story);
}

/* ---- a facility without a gateway ---- */

#define FOR(audience) "{\"version\":2,\"rules\":[{\"kinds\":[\"note\"]," audience "}]}"

/* The pharmacy gets a number of its own, for whom its staff found. */
static struct browser know(struct story *story)
{
    char line[256];
    struct browser pharmacy = enter(story->scene.hospital->world, "pharmacy");
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/links", story->scene.person);
    CHECK(go(&pharmacy, line,
             "{\"facility\":\"" PHARMACY
             "\",\"number\":\"P5\",\"birth_date\":\"1950-03-04\"}")
              .status == 201);
    return pharmacy;
}

static void a_clinics_notes_stay_its_own_where_its_policy_does_not_say_otherwise(void)
{
    static const char *const policies[] = {
        RULES("\"laboratory\""),
        "{\"version\":2,\"rules\":[]}",
        FOR("\"professions\":[\"doctor\"]"),
        FOR("\"facility_kinds\":[\"pharmacy\"]"),
        FOR("\"facilities\":[\"2000000003\"]"),
        "{\"version\":2,\"from\":\"2099-01-01\",\"rules\":[{\"kinds\":[\"note\"]}]}",
    };
    struct story *story = story_new();
    char note[128];
    write_one(story, &story->scene.clinic, WORDS, note);
    CHECK(count_notes(story, &story->hospital) == 0);
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        change(story, (struct change){.kept = policies[i]});
        CHECK(count_notes(story, &story->hospital) == 0);
    }
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    story_free(story);
}

static void a_clinics_policy_shows_its_notes_to_whom_it_says_while_consented(void)
{
    struct story *story = story_new();
    char note[128], body[1024];
    tell_entry(story);
    with_picture(story->entry, body);
    write_one(story, &story->scene.clinic, body, note);
    struct browser pharmacy = know(story);
    change(story, (struct change){.kept = FOR("\"facility_kinds\":[\"hospital\"]")});
    struct reply reply = notes(story, &pharmacy, "GET", "");
    CHECK(reply.status == 200 && has(&reply, "\"notes\":[]"));
    reply = notes(story, &story->hospital, "GET", "");
    CHECK(has(&reply, "所見") && has(&reply, CLINIC) && has(&reply, story->entry));
    CHECK(has(&reply, "\"may_correct\":false") && has(&reply, "\"may_withdraw\":false"));
    /* of what there cannot be of a facility without a gateway nothing is said */
    char line[256];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings",
             story->scene.person);
    reply = go(&story->hospital, line, autumn);
    CHECK(reply.status == 201 && !has(&reply, "\"reason\":\"kind_not_released\""));
    change(story, (struct change){.kept = RULES("\"*\"")});
    reply = notes(story, &pharmacy, "GET", "");
    CHECK(has(&reply, "所見"));
    withdraw_consent(&story->scene);
    CHECK(count_notes(story, &story->hospital) == 0);
    CHECK(count_notes(story, &pharmacy) == 0);
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    story_free(story);
}

static void another_persons_notes_and_a_suspended_numbers_are_not_shown(void)
{
    struct story *story = story_new();
    char note[128], person[128], line[256];
    struct browser pharmacy = enter(story->scene.hospital->world, "pharmacy");
    change(story, (struct change){.kept = RULES("\"note\"")});
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply =
        go(&pharmacy, "POST /api/v1/persons",
           "{\"name\":\"森 太郎\",\"kana\":\"モリ タロウ\","
           "\"birth_date\":\"1940-01-02\",\"sex\":\"M\",\"consent\":{"
           "\"form\":\"comprehensive\",\"channel\":\"paper\",\"giver\":"
           "\"self\"},\"numbers\":[{\"facility\":\"" PHARMACY "\",\"number\":\"P9\"}]}");
    CHECK(reply.status == 201);
    snprintf(line, sizeof line, "GET /api/v1/persons/%s/notes",
             member(&reply, "id", person));
    reply = go(&pharmacy, line, "");
    CHECK(reply.status == 200 && has(&reply, "\"notes\":[]"));
    CHECK(notes(story, &pharmacy, "GET", "").status == 404);
    CHECK(count_notes(story, &story->hospital) == 1);
    change(story, (struct change){.policy = NULL});
    CHECK(count_notes(story, &story->hospital) == 0);
    story_free(story);
}

/* ---- versions ---- */

static void sent_twice_is_one_note(void)
{
    struct story *story = story_new();
    char line[300];
    snprintf(line, sizeof line, "POST %s", story->line);
    struct reply first = go_with_key(&story->scene.clinic, line, 77, WORDS);
    struct reply second = go_with_key(&story->scene.clinic, line, 77, WORDS);
    CHECK(first.status == 201 && strcmp(first.body, second.body) == 0);
    CHECK(count_notes(story, &story->scene.clinic) == 1);
    CHECK(rows(story, "note", "finish", "done", NULL) == 1);
    story_free(story);
}

static void a_correction_is_the_next_version_of_who_saw_the_newest(void)
{
    struct story *story = story_new();
    char note[128];
    static const char next[] = "{\"version\":1,\"text\":\"右下肺野\",\"pictures\":[]}";
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply = at_note(&story->scene.clinic, "PUT", note, "", next);
    CHECK(reply.status == 200 && has(&reply, "\"version\":2"));
    reply = at_note(&story->scene.clinic, "PUT", note, "", next);
    CHECK(reply.status == 409 && has(&reply, "note_changed"));
    reply =
        at_note(&story->scene.clinic, "POST", note, "/withdrawals", "{\"version\":1}");
    CHECK(reply.status == 409 && has(&reply, "note_changed"));
    reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, "右下肺野") && !has(&reply, "結節"));
    CHECK(rows(story, "note_correct", "finish", "failed", "note_changed") == 1);
    CHECK(rows(story, "note_correct", "finish", "done", NULL) == 1);
    story_free(story);
}

static void what_was_taken_back_says_so_and_nothing_else(void)
{
    struct story *story = story_new();
    char note[128];
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply =
        at_note(&story->scene.clinic, "POST", note, "/withdrawals", "{\"version\":1}");
    CHECK(reply.status == 200 && has(&reply, "\"version\":2"));
    reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(has(&reply, "\"state\":\"withdrawn\"") && !has(&reply, "結節"));
    CHECK(has(&reply, "\"written_by\":\"職員\""));
    reply = at_note(&story->scene.clinic, "PUT", note, "",
                    "{\"version\":2,\"text\":\"x\",\"pictures\":[]}");
    CHECK(reply.status == 409 && has(&reply, "note_withdrawn"));
    story_free(story);
}

/* ---- posts ---- */

struct joining {
    struct world *world;
    enum staff_profession profession;
    enum staff_role role;
};

static bool join(struct store_session *session, void *context, struct err *err)
{
    const struct joining *joining = context;
    struct staff staff = {.id = {{0x50, (uint8_t)joining->role, 1}},
                          .login = text_cstr(staff_role_id(joining->role)),
                          .name = TEXT("同僚"),
                          .kana = TEXT("ドウリョウ"),
                          .birth_day = DAY_NONE};
    struct staff_post post = {.id = {{0x51, (uint8_t)joining->role, 1}},
                              .staff = staff.id,
                              .facility = hex_id(CLINIC),
                              .profession = joining->profession,
                              .role = joining->role,
                              .from_day = 0,
                              .to_day = DAY_NONE};
    return staff_add(session, &staff, joining->world->encoded, STAFF_PASSWORD_OWN, 1,
                     err) &&
           staff_add_post(session, &post, 1, err);
}

static struct browser colleague(struct story *story, enum staff_profession profession,
                                enum staff_role role)
{
    struct err err = {0};
    struct world *world = story->scene.hospital->world;
    struct joining joining = {world, profession, role};
    good(store_write(world->store, STORE_LIVE, join, &joining, &err), &err);
    return enter(world, staff_role_id(role));
}

static void an_operator_reads_and_writes_nothing(void)
{
    struct story *story = story_new();
    char note[128];
    struct browser clerk = colleague(story, STAFF_NURSE, STAFF_OPERATOR);
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply = notes(story, &clerk, "POST", WORDS);
    CHECK(reply.status == 403 && has(&reply, "may_not_write"));
    CHECK(count_notes(story, &clerk) == 1);
    CHECK(rows(story, "note", "decision", "deny", "may_not_write") == 1);
    story_free(story);
}

static void a_colleague_changes_nothing_and_a_manager_takes_back(void)
{
    struct story *story = story_new();
    char note[128];
    static const char next[] = "{\"version\":1,\"text\":\"x\",\"pictures\":[]}";
    struct browser other = colleague(story, STAFF_DOCTOR, STAFF_AUTHOR);
    struct browser manager = colleague(story, STAFF_CLERK, STAFF_MANAGER);
    write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply = at_note(&other, "PUT", note, "", next);
    CHECK(reply.status == 403 && has(&reply, "note_not_author"));
    reply = at_note(&other, "POST", note, "/withdrawals", "{\"version\":1}");
    CHECK(reply.status == 403 && has(&reply, "note_not_author"));
    reply = notes(story, &other, "GET", "");
    CHECK(has(&reply, "\"may_correct\":false,\"may_withdraw\":false"));
    reply = at_note(&manager, "PUT", note, "", next);
    CHECK(reply.status == 403 && has(&reply, "may_not_write"));
    reply = notes(story, &manager, "GET", "");
    CHECK(has(&reply, "\"may_correct\":false,\"may_withdraw\":true"));
    CHECK(at_note(&manager, "POST", note, "/withdrawals", "{\"version\":1}").status ==
          200);
    reply = notes(story, &other, "GET", "");
    CHECK(has(&reply, "\"written_by\":\"同僚\"") && !has(&reply, "結節"));
    story_free(story);
}

/* ---- pages ---- */

static void a_page_ends_and_the_next_one_goes_on(void)
{
    struct story *story = story_new();
    char note[128], line[400], next[128];
    for (int i = 0; i < NOTE_PAGE_MAX + 3; i++)
        write_one(story, &story->scene.clinic, WORDS, note);
    struct reply reply = notes(story, &story->scene.clinic, "GET", "");
    CHECK(count_notes(story, &story->scene.clinic) == NOTE_PAGE_MAX);
    CHECK(has(&reply, note)); /* the last one first */
    CHECK(*member(&reply, "next", next));
    snprintf(line, sizeof line, "GET %s?cursor=%s", story->line, next);
    reply = go(&story->scene.clinic, line, "");
    int count = 0;
    for (const char *at = reply.body; (at = strstr(at, "\"created_at\":")) != NULL; at++)
        count++;
    CHECK(reply.status == 200 && count == 3 && has(&reply, "\"next\":null"));
    snprintf(line, sizeof line, "GET %s?cursor=%s", story->line, "1.2");
    CHECK(go(&story->scene.clinic, line, "").status == 400);
    story_free(story);
}

int main(void)
{
    RUN(who_does_not_know_the_person_hears_and_writes_nothing);
    RUN(an_id_of_another_facilitys_note_is_as_unknown_as_none);
    RUN(without_a_consent_in_force_nothing_is_written_but_taken_back);
    RUN(a_number_that_is_suspended_writes_and_reads_nothing);
    RUN(what_is_no_note_is_refused_and_nothing_of_it_stays);
    RUN(too_much_is_refused);
    RUN(without_its_row_in_the_audit_there_is_no_note);
    RUN(a_policy_without_notes_shows_none_and_with_them_all);
    RUN(a_picture_is_told_to_whom_its_entry_is_shown_only);
    RUN(nobody_refers_to_what_he_may_not_see);
    RUN(a_clinics_notes_stay_its_own_where_its_policy_does_not_say_otherwise);
    RUN(a_clinics_policy_shows_its_notes_to_whom_it_says_while_consented);
    RUN(another_persons_notes_and_a_suspended_numbers_are_not_shown);
    RUN(sent_twice_is_one_note);
    RUN(a_correction_is_the_next_version_of_who_saw_the_newest);
    RUN(what_was_taken_back_says_so_and_nothing_else);
    RUN(an_operator_reads_and_writes_nothing);
    RUN(a_colleague_changes_nothing_and_a_manager_takes_back);
    RUN(a_page_ends_and_the_next_one_goes_on);
    return test_done();
}
