// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Numbers for an operator: counts and durations that a module keeps for itself, threads
 * sharing them without a lock, and the text in which they are told (Prometheus text
 * format 0.0.4). Words are literals of ours: there is no way to hand in text from
 * outside, so no patient's data can get into it. */

#include <stdatomic.h>

#include "base/buf.h"

/* ---- durations ---- */
enum { METER_BUCKETS = 14 };
/* Upper bounds in microseconds, 100 µs to 30 s; what is above has no bound. */
int64_t meter_bound_us(int bucket);

struct meter_duration {
    _Atomic uint64_t counts[METER_BUCKETS + 1];
    _Atomic uint64_t sum_us;
};
void meter_note(struct meter_duration *duration, int64_t us);

/* ---- counts by word ---- */
enum { METER_WORDS_MAX = 64 };
struct meter_words {
    struct {
        _Atomic(const char *) word; /* a literal, by address */
        _Atomic uint64_t count;
    } items[METER_WORDS_MAX];
    _Atomic uint64_t others; /* beyond the table */
};
void meter_count(struct meter_words *words, const char *word);

/* ---- telling ---- */
/* "# HELP" and "# TYPE"; type is "counter", "gauge" or "histogram". */
void meter_put_head(struct buf *out, const char *name, const char *type,
                    const char *help);
/* labels: `a="b",c="d"` of our own words, or "". */
void meter_put(struct buf *out, const char *name, const char *labels, int64_t value);
/* Of microseconds, told in seconds. */
void meter_put_seconds(struct buf *out, const char *name, const char *labels, int64_t us);
/* The lines of one duration; the head comes before the first. */
void meter_put_duration(struct buf *out, const char *name, const char *labels,
                        struct meter_duration *duration);
/* One line per word, with the word as label `key`. */
void meter_put_words(struct buf *out, const char *name, const char *key,
                     struct meter_words *words);
