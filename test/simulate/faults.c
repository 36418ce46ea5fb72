// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "test/simulate/network.h"
#include "test/simulate/play.h"
#include "test/simulate/scheduler.h"

enum { DOWN_US = 60000000, HOLD_US = 90000000, STARTS = 5 };

static int draw_node(const struct play *play)
{
    return (int)scheduler_below(STREAM_STEPS, play->world.gateway_count + 1);
}

static void empty_disk(struct play *play, int node)
{
    disk_fill(node, DISK_DATA, false);
    disk_fill(node, DISK_AUDIT, false);
    play->has_full_disk[node] = false;
}

void faults_start(struct play *play, int node)
{
    for (int i = 0; i < STARTS && !play->world.is_up[node]; i++) {
        bool had_room = !play->has_full_disk[node];
        play_tell(play, "node %d starts", node);
        if (!world_start(&play->world, node) && had_room)
            play_fail(play, "node %d does not start", node);
        if (!play->world.is_up[node]) {
            disk_reborn(node, false);
            empty_disk(play, node);
        }
    }
    if (!play->world.is_up[node])
        play_fail(play, "node %d does not start any more", node);
}

void faults_return(struct play *play, bool all)
{
    for (int node = 0; node <= play->world.gateway_count; node++)
        if (!play->world.is_up[node] &&
            (all || scheduler_now_us() >= play->returns_us[node]))
            faults_start(play, node);
}

static void take_down(struct play *play, int node)
{
    static const char *const words[] = {"is killed", "loses power", "is stopped"};
    int64_t how = scheduler_below(STREAM_STEPS, 3);
    if (!play->world.is_up[node])
        return;
    play_tell(play, "node %d %s", node, words[how]);
    if (how == 2)
        world_stop(&play->world, node);
    else
        world_kill(&play->world, node, how == 1 ? WORLD_POWER_LOST : WORLD_KILLED);
    play->kills += how < 2;
    play->returns_us[node] = scheduler_now_us() + scheduler_below(STREAM_STEPS, DOWN_US);
}

static void lose_index(struct play *play)
{
    int node = 1 + (int)scheduler_below(STREAM_STEPS, play->world.gateway_count);
    take_down(play, node);
    if (play->world.is_up[node])
        return;
    play_tell(play, "node %d loses its index", node);
    world_wipe_index(&play->world, node);
}

static void fill_disk(struct play *play)
{
    int node = draw_node(play);
    enum disk_volume volume = scheduler_below(STREAM_STEPS, 2) ? DISK_AUDIT : DISK_DATA;
    if (play->has_full_disk[node]) {
        play_tell(play, "node %d has room again", node);
        empty_disk(play, node);
        return;
    }
    play_tell(play, "node %d: %s volume is full", node,
              volume == DISK_AUDIT ? "audit" : "data");
    play->has_full_disk[node] = true;
    disk_fill(node, volume, true);
}

static void disturb_network(struct play *play)
{
    int node = 1 + (int)scheduler_below(STREAM_STEPS, play->world.gateway_count);
    if (scheduler_below(STREAM_STEPS, 2)) {
        play_tell(play, "line of node %d is cut", node);
        network_cut(node);
        return;
    }
    int64_t hold_us = scheduler_below(STREAM_STEPS, HOLD_US);
    play_tell(play, "line of node %d stands still for %lld ms", node,
              (long long)hold_us / 1000);
    network_hold(node, scheduler_now_us() + hold_us);
}

static void move_clock(struct play *play)
{
    int node = draw_node(play);
    int64_t span_ms = scheduler_below(STREAM_STEPS, 4) ? 7200000 : 2 * 86400000LL;
    int64_t by_ms = scheduler_below(STREAM_STEPS, 2 * span_ms) - span_ms;
    play_tell(play, "clock of node %d moves by %lld ms", node, (long long)by_ms);
    scheduler_move_wall(node, by_ms);
}

void faults_draw(struct play *play)
{
    switch (scheduler_below(STREAM_STEPS, 8)) {
    case 0:
        take_down(play, WORLD_CENTRE);
        break;
    case 1:
    case 2:
        take_down(play,
                  1 + (int)scheduler_below(STREAM_STEPS, play->world.gateway_count));
        break;
    case 3:
        lose_index(play);
        break;
    case 4:
        fill_disk(play);
        break;
    case 5:
    case 6:
        disturb_network(play);
        break;
    default:
        move_clock(play);
        break;
    }
}

void faults_end(struct play *play)
{
    for (int node = 0; node <= play->world.gateway_count; node++) {
        empty_disk(play, node);
        network_hold(node, 0);
    }
    /* what came later than the clock says now waits until it has caught up */
    scheduler_catch_up_wall(WORLD_CENTRE);
    faults_return(play, true);
}

void faults_change_policy(struct play *play)
{
    int node = 1 + (int)scheduler_below(STREAM_STEPS, play->world.gateway_count);
    struct model_policy *policy = &play->model.policies[node];
    char *json = play->model.policy_texts[node];
    *policy = (struct model_policy){
        .shows = {scheduler_below(STREAM_STEPS, 4) > 0,
                  scheduler_below(STREAM_STEPS, 4) > 0},
        .laboratory_for_doctors = scheduler_below(STREAM_STEPS, 3) == 0,
        .laboratory_not_for_pharmacies = scheduler_below(STREAM_STEPS, 3) == 0,
        .hides_department = scheduler_below(STREAM_STEPS, 2) == 0,
    };
    model_widen_policy(&play->model, node);
    model_write_policy(policy, 2 + play->step, json);
    play_tell(play, "node %d: policy %s", node, json);
    world_set_policy(&play->world, node, json);
    if (play->world.is_up[node]) {
        world_stop(&play->world, node);
        faults_start(play, node);
    }
}
