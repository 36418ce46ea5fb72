// SPDX-License-Identifier: Apache-2.0
#include "base/meter.h"

#include <string.h>

static const int64_t bounds_us[METER_BUCKETS] = {
    100,   250,    500,    1000,    2500,    5000,     10000,
    25000, 100000, 250000, 1000000, 2500000, 10000000, 30000000,
};

int64_t meter_bound_us(int bucket)
{
    return bounds_us[bucket];
}

void meter_note(struct meter_duration *duration, int64_t us)
{
    int bucket = 0;
    if (us < 0)
        us = 0;
    while (bucket < METER_BUCKETS && us > bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&duration->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&duration->sum_us, (uint64_t)us, memory_order_relaxed);
}

void meter_count(struct meter_words *words, const char *word)
{
    for (size_t i = 0; i < METER_WORDS_MAX; i++) {
        const char *there = atomic_load(&words->items[i].word);
        const char *nobody = NULL;
        /* A place is taken once and for all; whoever was quicker may have the same. */
        if (!there &&
            !atomic_compare_exchange_strong(&words->items[i].word, &nobody, word))
            there = nobody;
        if (!there || there == word || strcmp(there, word) == 0) {
            atomic_fetch_add(&words->items[i].count, 1);
            return;
        }
    }
    atomic_fetch_add(&words->others, 1);
}

/* ---- telling ---- */

void meter_put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_name(struct buf *out, const char *name, const char *labels)
{
    if (*labels)
        buf_format(out, "%s{%s} ", name, labels);
    else
        buf_format(out, "%s ", name);
}

void meter_put(struct buf *out, const char *name, const char *labels, int64_t value)
{
    put_name(out, name, labels);
    buf_format(out, "%lld\n", (long long)value);
}

static void put_seconds(struct buf *out, int64_t us)
{
    buf_format(out, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
}

void meter_put_seconds(struct buf *out, const char *name, const char *labels, int64_t us)
{
    put_name(out, name, labels);
    put_seconds(out, us);
    buf_byte(out, '\n');
}

void meter_put_duration(struct buf *out, const char *name, const char *labels,
                        struct meter_duration *duration)
{
    const char *comma = *labels ? "," : "";
    uint64_t count = 0;
    for (int i = 0; i <= METER_BUCKETS; i++) {
        count += atomic_load(&duration->counts[i]);
        buf_format(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        if (i < METER_BUCKETS)
            put_seconds(out, bounds_us[i]);
        else
            buf_cstr(out, "+Inf");
        buf_format(out, "\"} %llu\n", (unsigned long long)count);
    }
    const char *open = *labels ? "{" : "";
    const char *close = *labels ? "}" : "";
    buf_format(out, "%s_sum%s%s%s ", name, open, labels, close);
    put_seconds(out, (int64_t)atomic_load(&duration->sum_us));
    buf_format(out, "\n%s_count%s%s%s ", name, open, labels, close);
    buf_format(out, "%llu\n", (unsigned long long)count);
}

void meter_put_words(struct buf *out, const char *name, const char *key,
                     struct meter_words *words)
{
    for (size_t i = 0; i < METER_WORDS_MAX; i++) {
        const char *word = atomic_load(&words->items[i].word);
        if (!word)
            break;
        buf_format(out, "%s{%s=\"%s\"} %llu\n", name, key, word,
                   (unsigned long long)atomic_load(&words->items[i].count));
    }
    uint64_t others = atomic_load(&words->others);
    if (others > 0)
        buf_format(out, "%s{%s=\"other\"} %llu\n", name, key, (unsigned long long)others);
}
