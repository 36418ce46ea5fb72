// SPDX-License-Identifier: Apache-2.0
#include "base/meter.h"

#include <pthread.h>
#include <string.h>

#include "base/test.h"

enum { OUT_BYTES = 64 * 1024, THREADS = 4, ROUNDS = 20000 };

static bool says(const struct buf *out, const char *line)
{
    struct span all = buf_view(out);
    bool is_there = memmem(all.at, all.len, line, strlen(line)) != NULL;
    if (!is_there)
        printf("# no %s in\n%.*s\n", line, (int)all.len, (const char *)all.at);
    return is_there;
}

static void a_duration_counts_in_the_first_bucket_that_holds_it(void)
{
    static struct meter_duration duration;
    CLEANUP(buf_free) struct buf out = buf_init(OUT_BYTES);
    static const int64_t notes[] = {-5, 0, 100, 101, 30000000, 30000001};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        meter_note(&duration, notes[i]);
    meter_put_duration(&out, "took", "a=\"b\"", &duration);
    CHECK(says(&out, "took_bucket{a=\"b\",le=\"0.000100\"} 3\n"));
    CHECK(says(&out, "took_bucket{a=\"b\",le=\"0.000250\"} 4\n"));
    CHECK(says(&out, "took_bucket{a=\"b\",le=\"30.000000\"} 5\n"));
    CHECK(says(&out, "took_bucket{a=\"b\",le=\"+Inf\"} 6\n"));
    CHECK(says(&out, "took_sum{a=\"b\"} 60.000202\n"));
    CHECK(says(&out, "took_count{a=\"b\"} 6\n"));
    for (int i = 1; i < METER_BUCKETS; i++)
        CHECK(meter_bound_us(i) > meter_bound_us(i - 1));
}

static void *count(void *context)
{
    static const char *const words[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < ROUNDS; i++)
        meter_count(context, words[i % 5]);
    return NULL;
}

static void threads_count_the_same_words_without_losing_any(void)
{
    static struct meter_words words;
    CLEANUP(buf_free) struct buf out = buf_init(OUT_BYTES);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count, &words) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    meter_put_words(&out, "n", "word", &words);
    CHECK(says(&out, "n{word=\"a\"} 16000\n") && says(&out, "n{word=\"e\"} 16000\n"));
    CHECK(out.len < 200);
}

static void words_beyond_the_table_are_counted_together(void)
{
    static struct meter_words words;
    static char many[METER_WORDS_MAX + 5][16];
    CLEANUP(buf_free) struct buf out = buf_init(OUT_BYTES);
    for (int i = 0; i < METER_WORDS_MAX + 5; i++) {
        snprintf(many[i], sizeof many[i], "w%d", i);
        meter_count(&words, many[i]);
    }
    meter_put_words(&out, "n", "word", &words);
    CHECK(says(&out, "n{word=\"w0\"} 1\n") && says(&out, "n{word=\"other\"} 5\n"));
}

static void lines_with_and_without_labels_are_whole(void)
{
    CLEANUP(buf_free) struct buf out = buf_init(OUT_BYTES);
    static struct meter_duration duration;
    meter_put_head(&out, "x", "gauge", "What it is.");
    meter_put(&out, "x", "", -1);
    meter_put(&out, "x", "k=\"v\"", 7);
    meter_put_seconds(&out, "y", "", 1500000);
    meter_put_duration(&out, "z", "", &duration);
    CHECK(says(&out, "# HELP x What it is.\n# TYPE x gauge\nx -1\nx{k=\"v\"} 7\n"));
    CHECK(says(&out, "y 1.500000\n") && says(&out, "z_bucket{le=\"+Inf\"} 0\n"));
    CHECK(says(&out, "z_sum 0.000000\nz_count 0\n"));
}

int main(void)
{
    RUN(a_duration_counts_in_the_first_bucket_that_holds_it);
    RUN(threads_count_the_same_words_without_losing_any);
    RUN(words_beyond_the_table_are_counted_together);
    RUN(lines_with_and_without_labels_are_whole);
    return test_done();
}
