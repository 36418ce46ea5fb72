// SPDX-License-Identifier: Apache-2.0
#include "exchange/process/process_parts.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "store/migrations.h"
#include "store/store_testsite.h"

/* ---- rules ---- */

static struct process_other known(int64_t seen_ms)
{
    return (struct process_other){.row = {.node = "b", .run = {{1}}, .beat = 7},
                                  .seen_ms = seen_ms};
}

static void a_beat_that_stands_still_is_gone_once(void)
{
    struct process_other other = known(1000);
    struct process_row row = other.row;
    CHECK(!process_note(&other, &row, 1000 + PROCESS_GONE_MS - 1));
    CHECK(process_note(&other, &row, 1000 + PROCESS_GONE_MS) && other.is_gone);
    CHECK(!process_note(&other, &row, 1000 + 2 * PROCESS_GONE_MS));
    row.beat++;
    CHECK(!process_note(&other, &row, 9000) && !other.is_gone);
    CHECK(process_note(&other, &row, 9000 + PROCESS_GONE_MS));
}

static void who_said_good_bye_is_not_gone(void)
{
    struct process_other other = known(1000);
    struct process_row row = other.row;
    row.beat++;
    row.has_ended = true;
    CHECK(!process_note(&other, &row, 1500));
    CHECK(!process_note(&other, &row, 1500 + 10 * PROCESS_GONE_MS) && !other.is_gone);
    /* and comes back as another run: nothing of before was lost */
    row.beat++;
    row.has_ended = false;
    row.run = (struct id){{2}};
    CHECK(!process_note(&other, &row, 60000));
}

/* Killed and started again at once: what its former life was about to tell is lost. */
static void a_new_run_without_a_good_bye_means_that_the_old_one_is_gone(void)
{
    struct process_other other = known(1000);
    struct process_row row = other.row;
    row.beat++;
    row.run = (struct id){{2}};
    CHECK(process_note(&other, &row, 1100) && !other.is_gone);
    CHECK(!process_note(&other, &row, 1200));
}

static void a_head_is_kept_at_first_every_ten_minutes_and_at_the_end(void)
{
    struct process_other other = known(1000);
    CHECK(!process_head_is_due(&other, 1000)); /* an empty series has none */
    other.row.head.number = 5;
    CHECK(process_head_is_due(&other, 1000));
    other.has_kept = true;
    other.kept_ms = 1000;
    other.kept_number = 5;
    CHECK(!process_head_is_due(&other, 1000 + PROCESS_HEADS_MS)); /* the same */
    other.row.head.number = 6;
    CHECK(!process_head_is_due(&other, 1000 + PROCESS_HEADS_MS - 1));
    CHECK(process_head_is_due(&other, 1000 + PROCESS_HEADS_MS));
    other.is_gone = true;
    CHECK(process_head_is_due(&other, 2000));
}

/* ---- with a database ---- */

struct place {
    struct store_testsite site;
    struct store *store;
};

static struct store *open_store(const struct place *place)
{
    struct err err = {0};
    struct store_config config = {place->site.location, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&config, &err);
    if (!store)
        printf("# %s %s\n", err.code, err.text);
    CHECK(store);
    return store;
}

static struct place place_open(void)
{
    struct place place = {.site = store_testsite_new()};
    place.store = open_store(&place);
    return place;
}

static void place_close(struct place *place)
{
    store_close(place->store);
    store_testsite_remove(&place->site);
}

static void the_first_key_leaves_a_mark_and_another_one_is_refused(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct store *second = open_store(&place);
    CHECK(process_check_key(place.store, "grants", SPAN("secret"), &err));
    CHECK(process_check_key(second, "grants", SPAN("secret"), &err));
    CHECK(process_check_key(second, "entry-ids", SPAN("other"), &err));
    CHECK(!process_check_key(second, "grants", SPAN("secreT"), &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "keys_differ") == 0);
    CHECK(!strstr(err.text, "secre"));
    store_close(second);
    place_close(&place);
}

/* One server process with its own audit; the database is everybody's. */
struct member {
    struct store *store;
    struct audit *audit;
    struct process *process;
    atomic_int gone_count;
    atomic_int ousted_count;
};

static void on_gone(void *context)
{
    atomic_fetch_add(&((struct member *)context)->gone_count, 1);
}

static void on_ousted(void *context)
{
    atomic_fetch_add(&((struct member *)context)->ousted_count, 1);
}

static bool join(struct member *member, const struct place *place, const char *node,
                 uint8_t where, struct err *err)
{
    char directory[128];
    snprintf(directory, sizeof directory, "%s/audit%d", place->site.directory, where);
    struct audit_config audit = {directory, node, clock_system(), rand_system(), NULL};
    struct audit_record record = {
        .phase = AUDIT_EVENT, .event = "start", .verdict = "done"};
    struct audit_position position;
    (void)!path_make_directory(directory, err);
    member->store = open_store(place);
    member->audit = audit_open(&audit, err);
    CHECK(member->audit && audit_append(member->audit, &record, &position, err));
    struct process_config config = {.store = member->store,
                                    .audit = member->audit,
                                    .node = node,
                                    .place = {{where}},
                                    .clock = clock_system(),
                                    .rand = rand_system()};
    struct process_listener listener = {on_gone, on_ousted, member};
    member->process = process_open(&config, err);
    return member->process && process_start(member->process, &listener, err);
}

static void leave(struct member *member)
{
    process_close(member->process);
    audit_close(member->audit);
    store_close(member->store);
}

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 2000 && !(condition); waited++)                    \
            usleep(10000);                                                               \
        CHECK(condition);                                                                \
    } while (0)

static bool keep_head(void *context, uint64_t number, struct span json, struct err *err)
{
    (void)number;
    (void)err;
    *(bool *)context |= memmem(json.at, json.len, "\"peer\":\"b\"", 10) != NULL;
    return true;
}

static bool has_head_of_b(const struct place *place)
{
    char directory[128];
    bool is_kept = false;
    struct err err = {0};
    snprintf(directory, sizeof directory, "%s/audit1", place->site.directory);
    return audit_walk(directory, "a", 1, keep_head, &is_kept, &err) && is_kept;
}

static void processes_see_each_other_and_keep_each_other_s_heads(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct member a = {0}, b = {0};
    CHECK(join(&a, &place, "a", 1, &err) && process_count(a.process) == 1);
    CHECK(join(&b, &place, "b", 2, &err));
    CHECK_SOON(process_count(a.process) == 2 && process_count(b.process) == 2);
    CHECK_SOON(has_head_of_b(&place));
    leave(&b);
    CHECK_SOON(process_count(a.process) == 1);
    CHECK(atomic_load(&a.gone_count) == 0);
    leave(&a);
    place_close(&place);
}

static void a_name_in_use_elsewhere_is_refused(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct member first = {0}, second = {0};
    CHECK(join(&first, &place, "a", 1, &err));
    CHECK(!join(&second, &place, "a", 2, &err));
    CHECK(err.kind == ERR_CONFLICT && strcmp(err.code, "node_taken") == 0);
    CHECK(atomic_load(&first.ousted_count) == 0);
    audit_close(second.audit);
    store_close(second.store);
    leave(&first);
    place_close(&place);
}

/* A row of this place is of a former life: the audit's lock says that nobody has it. */
static void the_same_place_begins_again_and_the_others_hear_of_it(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct member a = {0}, b = {0}, again = {0};
    CHECK(join(&a, &place, "a", 1, &err) && join(&b, &place, "b", 2, &err));
    CHECK_SOON(process_count(a.process) == 2);
    audit_close(b.audit); /* killed: no good-bye */
    b.audit = NULL;
    process_stop(b.process);
    CHECK(join(&again, &place, "b", 2, &err));
    CHECK_SOON(atomic_load(&a.gone_count) == 1);
    leave(&again);
    memory_free(b.process);
    store_close(b.store);
    leave(&a);
    place_close(&place);
}

static bool steal(struct store_session *session, void *context, struct err *err)
{
    (void)context;
    CLEANUP(store_finish)
    struct store_statement *statement = store_prepare(
        session, "UPDATE process SET run = '00000000000000000000000000000009'", err);
    return statement && store_run(statement, err);
}

static void who_lost_its_name_is_told(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct member a = {0};
    CHECK(join(&a, &place, "a", 1, &err));
    CHECK(store_write(place.store, STORE_LIVE, steal, NULL, &err));
    CHECK_SOON(atomic_load(&a.ousted_count) == 1);
    leave(&a);
    place_close(&place);
}

static void a_file_has_one_process_and_no_rows(void)
{
    struct place place = place_open();
    struct err err = {0};
    struct member a = {0};
    bool is_there = true;
    struct process_row row;
    CHECK(join(&a, &place, "a", 1, &err) && process_count(a.process) == 1);
    CHECK(process_read_row(place.store, "a", &row, &is_there, &err) && !is_there);
    leave(&a);
    place_close(&place);
}

int main(void)
{
    RUN(a_beat_that_stands_still_is_gone_once);
    RUN(who_said_good_bye_is_not_gone);
    RUN(a_new_run_without_a_good_bye_means_that_the_old_one_is_gone);
    RUN(a_head_is_kept_at_first_every_ten_minutes_and_at_the_end);
    RUN(the_first_key_leaves_a_mark_and_another_one_is_refused);
    if (store_testsite_is_postgres()) {
        RUN(processes_see_each_other_and_keep_each_other_s_heads);
        RUN(a_name_in_use_elsewhere_is_refused);
        RUN(the_same_place_begins_again_and_the_others_hear_of_it);
        RUN(who_lost_its_name_is_told);
    } else {
        RUN(a_file_has_one_process_and_no_rows);
    }
    return test_done();
}
