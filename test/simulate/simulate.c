#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/path.h"
#include "test/simulate/network.h"
#include "test/simulate/scheduler.h"
#include "test/simulate/world.h"
int main(void)
{
    static struct world world;
    char root[64] = "/dev/shm/simulate_XXXXXX";
    if (!mkdtemp(root)) return 1;
    scheduler_start(1, 1795000000000);
    world_found(&world, root, 2);
    printf("founded\n");
    printf("start %d\n", world_start(&world, 0));
    for (int n = 1; n <= 2; n++) {
        world_set_policy(&world, n, "{\"version\":1,\"rules\":[{\"kinds\":[\"laboratory\",\"patient\",\"visit\"]}]}");
        printf("start %d\n", world_start(&world, n));
    }
    for (int i = 0; i < 60; i++) {
        scheduler_sleep_us(1000000);
    }
    printf("turns %llu trace %llx now %lld\n", (unsigned long long)scheduler_turns(), (unsigned long long)scheduler_trace(), (long long)scheduler_now_us());
    world_kill(&world, 0, WORLD_POWER_LOST);
    scheduler_sleep_us(3000000);
    printf("start %d\n", world_start(&world, 0));
    scheduler_sleep_us(30000000);
    world_stop(&world, 1);
    world_stop(&world, 0);
    printf("turns %llu trace %llx now %lld\n", (unsigned long long)scheduler_turns(), (unsigned long long)scheduler_trace(), (long long)scheduler_now_us());
    _exit(0);
}
