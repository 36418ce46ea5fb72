// SPDX-License-Identifier: Apache-2.0
/* Every call of a whole centre that can go wrong goes wrong once while a calendar is
 * opened and a person is registered: the answer is the right one or a refusal with a
 * code, and the next request is answered as ever. And its disks are full, one at a time.
 * A sample; FAULT_ALL=1 (make faults) is all. */
#include "test/fault/fault_calls.h"

#include "test/fault/fault_centre.h"

enum { SAMPLE = 6, CALLS_MAX = 5000, FULL_ROUNDS = 10 };

static struct centre centre;
static struct client client;
static char person[64];
static int number; /* of the last person */

static void begin(void)
{
    centre_begin_round(&centre);
    fault_is_exempt = true; /* the browser */
    fault_plan->below[0] = '\0';
    CHECK(centre_start(&centre, fault_plan->directory, false));
    CHECK(client_enter(&client));
    CHECK(client_register(&client, ++number) == 201);
    client_member(&client, "id", person);
    CHECK(client_open_calendar(&client, person) == 201);
}

static void end(void)
{
    struct err err = {0};
    char path[160];
    uint64_t count = 0;
    struct audit_fault fault = {.number = 0};
    fault_disarm();
    CHECK(centre_stop(&centre));
    CHECK(audit_verify(fault_path("data/audit", path), &count, &fault, &err));
    fault_empty(fault_plan->directory);
}

static int open_calendar(void)
{
    return client_open_calendar(&client, person);
}

static int register_next(void)
{
    return client_register(&client, ++number);
}

static bool says(const char *code)
{
    char member[80];
    snprintf(member, sizeof member, "\"code\":\"%s\"", code);
    return strstr(client.answer, member) != NULL;
}

/* ---- one call ---- */

/* True when a call was there to go wrong. */
static bool fail_one(int (*act)(void), unsigned calls, int64_t at, int error)
{
    fault_arm(calls, at, at, FAULT_ERROR, error);
    int status = act();
    fault_disarm();
    bool was_hit = atomic_load(&fault_plan->hit) > 0;
    /* without memory for words a bare 500 is all that can be said */
    bool is_refused =
        status == 500 || (status > 500 && strstr(client.answer, "\"code\":\""));
    bool is_cut = status == 0 && was_hit; /* not even an answer could be made */
    if (!(status == 201 || is_refused || is_cut))
        printf("# calls %x at %lld: status %d %.300s\n", calls, (long long)at, status,
               strstr(client.answer, "\r\n\r\n") ? strstr(client.answer, "\r\n\r\n") + 4
                                                 : "");
    CHECK(status == 201 || is_refused || is_cut);
    int next = open_calendar();
    /* a consent that changed unseen closes everything until it is read, twice a second */
    for (int i = 0; i < 100 && next == 503 && says("epoch_stale"); i++) {
        usleep(20000);
        next = open_calendar();
    }
    CHECK(next == 201);
    if (next != 201)
        printf("# behind calls %x at %lld, status %d: %.900s\n", calls, (long long)at,
               status, client.answer);
    return was_hit;
}

/* 1, 2, 3 … until some in a row hit nothing: threads make some answers shorter. */
static int64_t fail_all(int (*act)(void), unsigned calls, int error)
{
    int64_t last = 0;
    for (int64_t at = 1; at < CALLS_MAX && at <= last + FAULT_MISSES; at++)
        last = fail_one(act, calls, at, error) ? at : last;
    return last;
}

static void fail_each(int (*act)(void), enum fault_call call, int error)
{
    uint64_t state = (uint64_t)call;
    fault_arm(FAULT_OF(call), INT64_MAX, INT64_MAX, FAULT_ERROR, 0);
    CHECK(act() == 201);
    fault_disarm();
    int64_t count = atomic_load(&fault_plan->counted);
    CHECK(count > 0);
    if (getenv("FAULT_ALL"))
        count = fail_all(act, FAULT_OF(call), error);
    for (int i = 0; i < SAMPLE && !getenv("FAULT_ALL"); i++)
        fail_one(act, FAULT_OF(call),
                 1 + (int64_t)(fault_random(&state) % (uint64_t)count), error);
    printf("# call %d: %lld\n", (int)call, (long long)count);
}

static void each_call_of_an_opened_calendar_may_fail(void)
{
    begin();
    fail_each(open_calendar, FAULT_MEMORY, ENOMEM);
    fail_each(open_calendar, FAULT_WRITE, EIO);
    fail_each(open_calendar, FAULT_SYNC, EIO);
    fail_each(open_calendar, FAULT_STEP, EIO);
    fail_each(open_calendar, FAULT_SOCKET, ECONNRESET);
    end();
}

static void each_call_of_a_registration_may_fail(void)
{
    begin();
    fail_each(register_next, FAULT_MEMORY, ENOMEM);
    fail_each(register_next, FAULT_WRITE, ENOSPC);
    fail_each(register_next, FAULT_SYNC, EIO);
    fail_each(register_next, FAULT_STEP, EIO);
    end();
}

/* ---- a full disk ---- */

static void fill(const char *below)
{
    snprintf(fault_plan->below, sizeof fault_plan->below, "%s", below);
    fault_arm(FAULT_OF(FAULT_WRITE), 1, INT64_MAX, FAULT_ERROR, ENOSPC);
}

static int ask_health(void)
{
    return client_ask(&client, "GET /healthz", 1, "");
}

static void without_room_for_the_audit_nothing_is_given_out(void)
{
    begin();
    for (int i = 0; i < FULL_ROUNDS; i++) {
        fill("data/audit");
        CHECK(open_calendar() == 503 && says("audit_unwritable"));
        CHECK(!strstr(client.answer, "\"marks\""));
        CHECK(register_next() == 503 && says("audit_unwritable"));
        CHECK(ask_health() == 503 && strstr(client.answer, "audit_unwritable"));
        fault_disarm();
        CHECK(ask_health() == 200); /* before anybody writes */
        CHECK(open_calendar() == 201);
        CHECK(client_register(&client, number) == 201); /* the same request again */
    }
    end();
}

static void without_room_for_data_calendars_open_and_nothing_is_lost(void)
{
    begin();
    for (int i = 0; i < FULL_ROUNDS; i++) {
        fill("data/centre.db");
        CHECK(register_next() == 503 && says("store_full"));
        CHECK(open_calendar() == 201);
        fault_disarm();
        CHECK(client_register(&client, number) == 201);
    }
    CHECK(centre_stop(&centre));
    CHECK(centre_start(&centre, fault_plan->directory, false));
    CHECK(client_enter(&client));
    for (int i = 0; i < FULL_ROUNDS; i++)
        CHECK(client_register(&client, number - i) == 201);
    end();
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    centre_new(&centre);
    fault_plan_new();
    RUN(each_call_of_an_opened_calendar_may_fail);
    RUN(each_call_of_a_registration_may_fail);
    RUN(without_room_for_the_audit_nothing_is_given_out);
    RUN(without_room_for_data_calendars_open_and_nothing_is_lost);
    centre_free(&centre);
    return test_done();
}
