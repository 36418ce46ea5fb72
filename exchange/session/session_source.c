// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "exchange/session/session_parts.h"

enum { MINUTE_MS = 60 * 1000 };

/* The last item stands for all sources beyond the table's size, so that a flood of
 * addresses can neither grow memory nor push somebody's counter out. */
static const char others[] = "others";

void session_sources_start(struct session_sources *sources)
{
    memset(sources->items, 0, sizeof sources->items);
    pthread_mutex_init(&sources->lock, NULL);
}

static struct session_source *find(struct session_sources *sources, const char *address)
{
    for (int i = 0; i < SESSION_SOURCES_MAX; i++)
        if (strcmp(sources->items[i].address, address) == 0)
            return &sources->items[i];
    return NULL;
}

static struct session_source *find_or_take(struct session_sources *sources,
                                           const char *address)
{
    struct session_source *source = find(sources, address);
    for (int i = 0; !source && i < SESSION_SOURCES_MAX - 1; i++)
        if (sources->items[i].minute_failures == 0) {
            source = &sources->items[i];
            snprintf(source->address, sizeof source->address, "%s", address);
        }
    if (source)
        return source;
    source = &sources->items[SESSION_SOURCES_MAX - 1];
    snprintf(source->address, sizeof source->address, "%s", others);
    return source;
}

void session_source_failed(struct session_sources *sources, const char *address,
                           int64_t wall_ms)
{
    pthread_mutex_lock(&sources->lock);
    struct session_source *source = find_or_take(sources, address);
    if (source->minute_failures == 0)
        source->minute = wall_ms / MINUTE_MS;
    source->minute_failures++;
    pthread_mutex_unlock(&sources->lock);
}

bool session_sources_take(struct session_sources *sources, int64_t wall_ms, bool all,
                          struct session_source *taken)
{
    bool is_taken = false;
    pthread_mutex_lock(&sources->lock);
    for (int i = 0; !is_taken && i < SESSION_SOURCES_MAX; i++) {
        struct session_source *source = &sources->items[i];
        is_taken =
            source->minute_failures > 0 && (all || source->minute != wall_ms / MINUTE_MS);
        if (is_taken) {
            *taken = *source;
            source->minute_failures = 0;
        }
    }
    pthread_mutex_unlock(&sources->lock);
    return is_taken;
}
