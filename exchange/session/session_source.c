// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "exchange/session/session_parts.h"

enum { WINDOW_MS = 10 * 60 * 1000, MINUTE_MS = 60 * 1000 };

/* The last item stands for all sources beyond the table's size, so that a flood of
 * addresses can neither grow memory nor push somebody's counter out. */
static const char others[] = "others";

void session_sources_start(struct session_sources *sources)
{
    memset(sources->items, 0, sizeof sources->items);
    pthread_mutex_init(&sources->lock, NULL);
}

static bool is_free(const struct session_source *source, int64_t monotonic_ms)
{
    return source->address[0] == '\0' ||
           (source->minute_failures == 0 &&
            monotonic_ms - source->window_begun_ms >= WINDOW_MS);
}

static struct session_source *find(struct session_sources *sources, const char *address)
{
    for (int i = 0; i < SESSION_SOURCES_MAX; i++)
        if (strcmp(sources->items[i].address, address) == 0)
            return &sources->items[i];
    return NULL;
}

static struct session_source *find_or_take(struct session_sources *sources,
                                           const char *address, int64_t monotonic_ms)
{
    struct session_source *source = find(sources, address);
    for (int i = 0; !source && i < SESSION_SOURCES_MAX - 1; i++)
        if (is_free(&sources->items[i], monotonic_ms)) {
            source = &sources->items[i];
            *source = (struct session_source){.window_begun_ms = monotonic_ms};
            snprintf(source->address, sizeof source->address, "%s", address);
        }
    if (source)
        return source;
    source = &sources->items[SESSION_SOURCES_MAX - 1];
    snprintf(source->address, sizeof source->address, "%s", others);
    return source;
}

bool session_source_is_open(struct session_sources *sources, const char *address,
                            int64_t monotonic_ms)
{
    pthread_mutex_lock(&sources->lock);
    const struct session_source *source = find(sources, address);
    bool is_open = !source || monotonic_ms - source->window_begun_ms >= WINDOW_MS ||
                   source->window_failures < SESSION_SOURCE_FAILURES_MAX;
    pthread_mutex_unlock(&sources->lock);
    return is_open;
}

void session_source_failed(struct session_sources *sources, const char *address,
                           int64_t monotonic_ms, int64_t wall_ms)
{
    pthread_mutex_lock(&sources->lock);
    struct session_source *source = find_or_take(sources, address, monotonic_ms);
    if (monotonic_ms - source->window_begun_ms >= WINDOW_MS) {
        source->window_begun_ms = monotonic_ms;
        source->window_failures = 0;
    }
    source->window_failures++;
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
