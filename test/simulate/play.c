// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/play.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test/simulate/network.h"
#include "test/simulate/scheduler.h"

enum {
    SETTLE_EVERY = 25, /* steps, about */
    PAUSE_US = 4000000,
    DISTURBANCE = 2 /* of a thousand looks for an answer */
};

void play_tell(struct play *play, const char *format, ...)
{
    char *line = play->told[play->told_count++ % PLAY_TOLD];
    va_list list;
    int len = snprintf(line, PLAY_TOLD_BYTES,
                       "%9.3f s step %d: ", (double)scheduler_now_us() / 1e6 - 1000.0,
                       play->step);
    va_start(list, format);
    vsnprintf(line + len, PLAY_TOLD_BYTES - (size_t)len, format, list);
    va_end(list);
    if (play->is_verbose)
        fprintf(stderr, "* %s\n", line);
}

void play_fail(struct play *play, const char *format, ...)
{
    char reason[512];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    printf("# seed %llu failed at step %d: %s\n", (unsigned long long)play->seed,
           play->step, reason);
    int first = play->told_count > PLAY_TOLD ? play->told_count - PLAY_TOLD : 0;
    for (int i = first; i < play->told_count; i++)
        printf("#   %s\n", play->told[i % PLAY_TOLD]);
    printf("# again: simulate --seed %llu --steps %d --verbose\n",
           (unsigned long long)play->seed, play->step_count);
    fflush(stdout);
    _exit(1);
}

/* Things go wrong in the middle of a request, too. */
static void meanwhile(void *context)
{
    struct play *play = context;
    if (play->is_calm || play->is_inside || !scheduler_chance(STREAM_STEPS, DISTURBANCE))
        return;
    play->is_inside = true;
    if (scheduler_below(STREAM_STEPS, 3) == 0)
        steps_hospital(play);
    else
        faults_draw(play);
    play->is_inside = false;
}

/* ---- the region's beginning ---- */

static void begin(struct play *play, const char *root)
{
    int gateways = 1 + (int)scheduler_below(STREAM_STEPS, 3);
    world_found(&play->world, root, gateways);
    model_start(&play->model, &play->world);
    for (int s = 0; s < play->world.staff_count; s++)
        play->browsers[s] =
            (struct browser){&play->world.staff[s], meanwhile, play, "", ""};
    faults_start(play, WORLD_CENTRE);
    for (int node = 1; node <= gateways; node++) {
        struct model_policy *policy = &play->model.policies[node];
        char *json = play->model.policy_texts[node];
        *policy = (struct model_policy){.shows = {true, true}};
        play->model.may[node] = *policy;
        model_write_policy(policy, 1, json);
        world_set_policy(&play->world, node, json);
        for (int p = 0; p < MODEL_PATIENTS; p++)
            hospital_put_patient(&play->world, node, &play->model.patients[p]);
        network_set_delay(node, 200 + scheduler_below(STREAM_STEPS, 60000));
        faults_start(play, node);
    }
}

static void take_step(struct play *play)
{
    int64_t what = scheduler_below(STREAM_STEPS, 100);
    if (what < 30)
        steps_hospital(play);
    else if (what < 50)
        steps_people(play);
    else if (what < 82)
        steps_look(play);
    else if (what < 97)
        faults_draw(play);
    else
        faults_change_policy(play);
    scheduler_sleep_us(scheduler_below(STREAM_STEPS, PAUSE_US));
}

void play_run(struct play *play, const char *root)
{
    begin(play, root);
    for (play->step = 1; play->step <= play->step_count; play->step++) {
        faults_return(play, false);
        take_step(play);
        if (play->step == play->step_count ||
            scheduler_below(STREAM_STEPS, SETTLE_EVERY) == 0)
            judge_settled(play);
    }
    for (int node = play->world.gateway_count; node >= 0; node--)
        world_stop(&play->world, node);
}
