// SPDX-License-Identifier: Apache-2.0
/* The whole gateway ends at any call that touches its disk, by kill -9 or with the power,
 * while the hospital writes results and the centre links, polls and reads: after the
 * restart it has what the hospital's storage has, its audit is whole, and every content
 * that was given out stands in it. A sample; FAULT_ROUNDS=… (make release-kill) is more.
 */
#include "test/fault/fault_calls.h"

#include <sys/wait.h>

#include "gateway/gateway_testcentre.h"
#include "test/fault/fault_plan.h"

enum { RESULTS = 4, START_MS = 20000 };
static const int64_t NEVER = INT64_MAX;
enum turn { FIRST = 1, SECOND };

static uint64_t random_state = 20261128;

/* ---- the gateway, in a process that waits for its turn ---- */

static void serve_in_turn(const struct scene *scene, enum turn turn, bool follows_disk)
{
    struct err err = {0};
    fault_is_exempt = true;
    alarm(120);
    if (!getenv("TEST_LOG"))
        close(STDERR_FILENO);
    while (atomic_load(&fault_plan->step) < (int)turn)
        usleep(1000);
    fault_is_exempt = false;
    if (follows_disk)
        disk_follow();
    struct gateway *gateway = gateway_open(in_folder(scene, "gateway.json"), &err);
    if (!gateway)
        printf("# the gateway did not start: %s %s\n", err.code, err.text);
    fflush(stdout);
    if (gateway)
        (void)!gateway_run(gateway, &err);
    _exit(1);
}

/* Forked while there is no other thread yet. */
static pid_t fork_gateway(const struct scene *scene, enum turn turn, bool follows_disk)
{
    fflush(stdout);
    pid_t process = fork();
    if (process == 0)
        serve_in_turn(scene, turn, follows_disk);
    return process;
}

static bool wait_for_tunnel(struct scene *scene, pid_t process)
{
    for (int i = 0; i < START_MS; i++) {
        pthread_mutex_lock(&scene->lock);
        bool is_there = scene->tunnel != NULL;
        pthread_mutex_unlock(&scene->lock);
        if (is_there)
            return true;
        if (waitpid(process, NULL, WNOHANG) != 0)
            return false;
        usleep(1000);
    }
    return false;
}

/* ---- the centre's work ---- */

static bool says_hello(struct scene *scene)
{
    ANSWER answer = ask_hello(scene);
    return answer.status == 200;
}

static void key_of(int i, char key[64])
{
    snprintf(key, 64, "20240501/OML-11/%015d", i + 1);
}

static void write_result(struct scene *scene, int i)
{
    char name[128], message[2048];
    snprintf(name, sizeof name, NUMBER "_20240501_OML-11_%015d_20240501120000000_01_1",
             i + 1);
    snprintf(message, sizeof message, LAB("%015d", "01", "7.2"), i + 1, i + 1);
    put_file(scene, LAB_FOLDER, name, message);
}

static bool poll_lane(struct scene *scene, const char *lane, struct poll *poll)
{
    poll->told[0] = '\0';
    ANSWER answer = ask(scene, lane, buf_view(&poll->answers), (struct span){0});
    if (answer.status == 200 && answer.document)
        take_batch(poll, json_root(answer.document));
    return answer.status == 200;
}

/* How many contents were given out until it ended. */
static int work_until_it_ends(struct scene *scene)
{
    int given = 0;
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    bool goes_on = says_hello(scene) && link_is(scene, "イイダ ハナコ", "confirmed");
    for (int i = 0; goes_on && i < RESULTS; i++) {
        char key[64];
        key_of(i, key);
        write_result(scene, i);
        ANSWER checked = ask_text(scene, "/checks", "{\"record\":\"" RECORD "\"}");
        goes_on = checked.status == 200 && poll_lane(scene, "/events/live", &poll);
        if (!goes_on)
            break;
        ANSWER content = ask_content(scene, "/content", key, "doctor");
        goes_on = content.status == 200;
        given += goes_on;
    }
    buf_free(&poll.answers);
    return given;
}

/* What the hospital has is what the gateway says, whatever it was before. */
static bool restart_knows(struct scene *scene, int written)
{
    if (!says_hello(scene) || !link_is(scene, "イイダ ハナコ", "confirmed"))
        return false;
    ANSWER checked = ask_text(scene, "/checks", "{\"record\":\"" RECORD "\"}");
    ANSWER answer = ask_text(scene, "/digests", "{\"records\":[\"" RECORD "\"]}");
    struct err err = {0};
    const struct json_value *sums = NULL;
    struct uplink_sum sum = {.count = -1};
    bool is_read = checked.status == 200 && answer.document &&
                   json_take_array(json_root(answer.document), "sums", 1, &sums, &err) &&
                   json_count(sums) == 1 &&
                   uplink_read_sum(json_item(sums, 0), &sum, &err);
    if (!is_read || sum.count != written + 1)
        printf("# %lld entries of %d\n", (long long)sum.count, written + 1);
    return is_read && sum.count == written + 1;
}

static bool has_words(struct span json, const char *words)
{
    return memmem(json.at, json.len, words, strlen(words)) != NULL;
}

static bool see_row(void *context, uint64_t number, struct span json, struct err *err)
{
    int *given = context;
    (void)number;
    (void)err;
    *given += has_words(json, "\"phase\":\"decision\",\"event\":\"content\"") &&
              has_words(json, "\"verdict\":\"permit\"");
    return true;
}

static bool audit_has(struct scene *scene, int given)
{
    struct err err = {0};
    uint64_t count = 0;
    struct audit_fault fault = {.number = 0};
    int found = 0;
    const char *directory = in_folder(scene, "data/audit");
    bool is_whole = audit_verify(directory, &count, &fault, &err) &&
                    audit_walk(directory, "2010000001", 1, see_row, &found, &err);
    if (!is_whole || found < given)
        printf("# audit: %s at %llu, %s; %d contents of %d\n",
               fault.code ? fault.code : "-", (unsigned long long)fault.number, err.text,
               found, given);
    return is_whole && found >= given;
}

/* ---- rounds ---- */

static void end_process(pid_t process)
{
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
}

static int count_written(const struct scene *scene)
{
    int count = 0;
    for (int i = 0; i < RESULTS; i++) {
        char path[256];
        snprintf(path, sizeof path,
                 "%s/storage/" LAB_FOLDER "/" NUMBER
                 "_20240501_OML-11_%015d_20240501120000000_01_1",
                 scene->folder, i + 1);
        count += access(path, F_OK) == 0;
    }
    return count;
}

static bool run_round(struct scene *scene, const pid_t processes[2],
                      enum fault_action action, int *given)
{
    bool is_well = false;
    *given = 0;
    atomic_store(&fault_plan->step, FIRST);
    if (wait_for_tunnel(scene, processes[0]))
        *given = work_until_it_ends(scene);
    end_process(processes[0]);
    bool was_hit = atomic_load(&fault_plan->hit) > 0;
    fault_disarm();
    if (was_hit && action == FAULT_POWER)
        CHECK(rename(in_folder(scene, "data"), in_folder(scene, "lost")) == 0 &&
              rename(in_folder(scene, "data.after"), in_folder(scene, "data")) == 0);
    pthread_mutex_lock(&scene->lock);
    tunnel_release(&scene->tunnel);
    pthread_mutex_unlock(&scene->lock);
    fault_plan->remembers_syncs = false;
    atomic_store(&fault_plan->step, SECOND);
    is_well = wait_for_tunnel(scene, processes[1]) &&
              restart_knows(scene, count_written(scene));
    end_process(processes[1]);
    return audit_has(scene, *given) && is_well;
}

static void close_scene(struct scene *scene)
{
    loop_stop(scene->loop);
    pthread_join(scene->loop_thread, NULL);
    tunnel_release(&scene->tunnel);
    tunnel_hub_close(scene->hub);
    loop_free(scene->loop);
    tls_context_free(scene->tls);
    arena_free(&scene->arena);
}

static bool end_once(enum fault_action action, int64_t at, uint64_t seed, int *given)
{
    struct scene scene = {.folder = "/tmp/gateway_test_XXXXXX",
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER,
                          .arena = arena_init(256 << 20)};
    CHECK(mkdtemp(scene.folder));
    snprintf(fault_plan->directory, sizeof fault_plan->directory, "%s",
             in_folder(&scene, "data"));
    CHECK(mkdir(fault_plan->directory, 0700) == 0);
    fault_plan->seed = seed;
    fault_plan->remembers_syncs = false;
    atomic_store(&fault_plan->step, 0);
    fault_is_exempt = true; /* the centre */
    fault_arm(FAULT_OF_DISK, at, at, action, 0);
    pid_t processes[2] = {fork_gateway(&scene, FIRST, action == FAULT_POWER),
                          fork_gateway(&scene, SECOND, false)};
    secret_new_keys(&scene.signing, &scene.public);
    open_centre(&scene);
    write_config(&scene);
    put_file(&scene, ADT_FOLDER, NUMBER "_-_ADT-00_999999999999999_20240501120000000_-_1",
             ADT);
    bool is_well = run_round(&scene, processes, action, given);
    close_scene(&scene);
    if (is_well)
        CHECK(test_remove(scene.folder));
    else
        printf("# action %d at %lld, seed %llu: %d contents; %s\n", (int)action,
               (long long)at, (unsigned long long)seed, *given, scene.folder);
    return is_well;
}

/* The calls of a round in which nothing fails; a sanitizer or a slow machine has others.
 */
static int64_t calls_of_a_round(enum fault_action action)
{
    int given = 0;
    CHECK(end_once(action, NEVER, 0, &given) && given == RESULTS);
    int64_t calls = atomic_load(&fault_plan->counted);
    printf("# %lld calls, %d contents\n", (long long)calls, given);
    return calls > 0 ? calls : 1;
}

static void end_at_random(enum fault_action action, int sample)
{
    const char *wanted = getenv("FAULT_ROUNDS");
    int rounds = wanted ? (int)strtol(wanted, NULL, 10) / 4 : sample;
    int contents = 0, hits = 0;
    int64_t calls = calls_of_a_round(action);
    /* a machine that is slow for a moment gets further late ones */
    for (int i = 0; i < rounds || (contents == 0 && i < 2 * rounds); i++) {
        int given = 0, part = i < rounds ? i : rounds - 1;
        int64_t in_part = (int64_t)(fault_random(&random_state) % (uint64_t)calls);
        /* early and late ones in every sample */
        int64_t at = 1 + (calls * part + in_part) / rounds;
        CHECK(end_once(action, at, fault_random(&random_state), &given));
        contents += given;
        hits += atomic_load(&fault_plan->hit) > 0;
        if (getenv("TEST_LOG"))
            printf("# %lld calls, %d contents\n",
                   (long long)atomic_load(&fault_plan->counted), given);
    }
    printf("# %d rounds, %d ended early, %d contents given out\n", rounds, hits,
           contents);
    CHECK(hits > rounds / 2 && contents > 0);
}

static void what_was_given_out_outlives_the_gateway(void)
{
    end_at_random(FAULT_KILL, 6);
}

static void what_was_given_out_outlives_the_power(void)
{
    end_at_random(FAULT_POWER, 6);
}

int main(void)
{
    const char *seed = getenv("FAULT_SEED");
    if (seed)
        random_state = (uint64_t)strtol(seed, NULL, 10);
    struct err err = {0};
    must(secret_start(&err), &err);
    fault_plan_new();
    RUN(what_was_given_out_outlives_the_gateway);
    RUN(what_was_given_out_outlives_the_power);
    return test_done();
}
