// SPDX-License-Identifier: Apache-2.0
/* The whole centre ends at any call that touches the disk, by kill -9 or with the power,
 * while a browser registers persons and opens calendars: what the browser was told is
 * there after the restart, every calendar it saw stands in the audit, which is whole. A
 * sample; FAULT_ROUNDS=… (make release-kill) is more. */
#include "test/fault/fault_calls.h"

#include "test/fault/fault_centre.h"

enum { PERSONS_MAX = 12, CALLS_OF_A_ROUND = 260 };

static uint64_t random_state = 20261127;
static struct centre centre;

/* What the browser was told. */
struct told {
    char persons[PERSONS_MAX][64];
    char requests[PERSONS_MAX][64]; /* of calendars */
    int person_count;
    int calendar_count;
};

static void work_until_it_ends(struct told *told)
{
    struct client client;
    *told = (struct told){.person_count = 0};
    if (!client_enter(&client))
        return;
    for (int i = 0; i < PERSONS_MAX; i++) {
        if (client_register(&client, i) != 201)
            return;
        client_member(&client, "id", told->persons[told->person_count++]);
        if (client_open_calendar(&client, told->persons[i]) != 201)
            return;
        const char *at = strstr(client.answer, "x-request-id: ");
        snprintf(told->requests[told->calendar_count++], 64, "%.32s", at ? at + 14 : "");
    }
}

/* A consent that changed unseen closes everything until it is read, twice a second. */
static bool calendar_opens(struct client *client, const char *person)
{
    int status = client_open_calendar(client, person);
    for (int i = 0;
         i < 100 && status == 503 && strstr(client->answer, "\"code\":\"epoch_stale\"");
         i++) {
        usleep(20000);
        status = client_open_calendar(client, person);
    }
    return status == 201;
}

/* False, and what was said instead. */
static bool says_otherwise(const struct client *client)
{
    printf("# after the restart: %.900s\n", client->answer);
    return false;
}

/* The same keys are answered as they were, and everybody's calendar opens. */
static bool restart_knows(const struct told *told)
{
    static struct client client;
    if (!client_enter(&client))
        return says_otherwise(&client);
    for (int i = 0; i < told->person_count; i++) {
        char id[64];
        if (client_register(&client, i) != 201)
            return says_otherwise(&client);
        client_member(&client, "id", id);
        if (strcmp(id, told->persons[i]) != 0 || !calendar_opens(&client, id))
            return says_otherwise(&client);
    }
    return client_register(&client, PERSONS_MAX + 1) == 201 || says_otherwise(&client);
}

struct looking {
    const struct told *told;
    int found;
};

static bool has_words(struct span json, const char *words)
{
    return memmem(json.at, json.len, words, strlen(words)) != NULL;
}

static bool see_row(void *context, uint64_t number, struct span json, struct err *err)
{
    struct looking *looking = context;
    (void)number;
    (void)err;
    if (!has_words(json, "\"phase\":\"decision\"") ||
        !has_words(json, "\"verdict\":\"permit\""))
        return true;
    for (int i = 0; i < looking->told->calendar_count; i++)
        looking->found +=
            memmem(json.at, json.len, looking->told->requests[i], 32) != NULL;
    return true;
}

static bool audit_has(const struct told *told)
{
    struct err err = {0};
    char path[160];
    uint64_t count = 0;
    struct audit_fault fault = {.number = 0};
    struct looking looking = {told, 0};
    bool is_whole = audit_verify(fault_path("data/audit", path), &count, &fault, &err) &&
                    audit_walk(path, "centre", 1, see_row, &looking, &err);
    if (!is_whole)
        printf("# audit: %s at %llu, %s\n", fault.code ? fault.code : "-",
               (unsigned long long)fault.number, err.text);
    return is_whole && looking.found >= told->calendar_count;
}

/* True when all is there; `told` says how far it came. */
static bool end_once(enum fault_action action, int64_t at, uint64_t seed,
                     struct told *told)
{
    char after[80];
    centre_begin_round(&centre);
    fault_plan->seed = seed;
    fault_arm(FAULT_OF_DISK, at, at, action, 0);
    fault_is_exempt = true; /* this process; the centre's is another */
    *told = (struct told){.person_count = 0};
    if (centre_start(&centre, fault_plan->directory, action == FAULT_POWER))
        work_until_it_ends(told);
    bool was_hit = atomic_load(&fault_plan->hit) > 0;
    centre_end(&centre);
    fault_disarm();
    fault_plan->remembers_syncs = false;
    snprintf(after, sizeof after, "%s.after", fault_plan->directory);
    bool is_well =
        centre_start(&centre,
                     was_hit && action == FAULT_POWER ? after : fault_plan->directory,
                     false) &&
        restart_knows(told);
    centre_end(&centre);
    is_well = audit_has(told) && is_well;
    if (is_well)
        fault_empty(fault_plan->directory);
    else
        printf("# action %d at %lld, seed %llu: %d persons, %d calendars; %s\n",
               (int)action, (long long)at, (unsigned long long)seed, told->person_count,
               told->calendar_count, fault_plan->directory);
    return is_well;
}

static void end_at_random(enum fault_action action, int sample)
{
    const char *wanted = getenv("FAULT_ROUNDS");
    int rounds = wanted ? (int)strtol(wanted, NULL, 10) / 4 : sample;
    int persons = 0, calendars = 0, hits = 0;
    for (int i = 0; i < rounds; i++) {
        struct told told;
        int64_t at = 1 + (CALLS_OF_A_ROUND * (int64_t)i +
                          (int64_t)(fault_random(&random_state) % CALLS_OF_A_ROUND)) /
                             rounds; /* early and late ones in every sample */
        CHECK(end_once(action, at, fault_random(&random_state), &told));
        persons += told.person_count;
        calendars += told.calendar_count;
        hits += atomic_load(&fault_plan->hit) > 0;
    }
    printf("# %d rounds, %d ended early, %d persons and %d calendars acknowledged\n",
           rounds, hits, persons, calendars);
    CHECK(hits > rounds / 2 && persons > 0);
}

static void what_the_browser_was_told_outlives_the_centre(void)
{
    end_at_random(FAULT_KILL, 5);
}

static void what_the_browser_was_told_outlives_the_power(void)
{
    end_at_random(FAULT_POWER, 5);
}

int main(void)
{
    const char *seed = getenv("FAULT_SEED");
    if (seed)
        random_state = (uint64_t)strtol(seed, NULL, 10);
    struct err err = {0};
    CHECK(secret_start(&err));
    centre_new(&centre);
    fault_plan_new();
    RUN(what_the_browser_was_told_outlives_the_centre);
    RUN(what_the_browser_was_told_outlives_the_power);
    centre_free(&centre);
    return test_done();
}
