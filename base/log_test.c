// SPDX-License-Identifier: Apache-2.0
/* Every line of the operator's log is one JSON object, whatever is in it. */
#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "base/test.h"

static int64_t at_noon(void *self)
{
    (void)self;
    return 1700000000000;
}

struct written {
    char at[4096];
    size_t len;
};

/* Hands what was logged since to `written`. */
static struct log log_new(int ends[2])
{
    CHECK(pipe(ends) == 0);
    return (struct log){ends[1], {at_noon, at_noon, NULL}, "centre"};
}

static struct written take(int ends[2])
{
    struct written written = {.len = 0};
    close(ends[1]);
    ssize_t len = read(ends[0], written.at, sizeof written.at - 1);
    written.len = len > 0 ? (size_t)len : 0;
    close(ends[0]);
    return written;
}

/* Behind the word or number at `at`; NULL when it is neither. */
static const char *skip_value(const char *at, const char *end)
{
    if (*at != '"')
        return at + strspn(at, "-0123456789");
    for (at++; at < end && *at != '"'; at++)
        if (*at < 0x20 || *at == '\\' || *at >= 0x7F)
            return NULL;
    return at < end ? at + 1 : NULL;
}

/* A flat object of words and numbers on one line of printable ASCII, as strict as the
 * log has to be: {"key":"word","key":-12}\n */
static bool is_object_line(const struct written *written)
{
    const char *at = written->at;
    const char *end = written->at + written->len;
    if (written->len < 3 || *at != '{' || end[-2] != '}' || end[-1] != '\n')
        return false;
    do {
        at = at[1] == '"' ? skip_value(at + 1, end) : NULL;
        if (!at || *at != ':' || at[1] == ',' || at[1] == '}')
            return false;
        at = skip_value(at + 1, end);
    } while (at && *at == ',');
    return at == end - 2;
}

static void a_line_is_one_object(void)
{
    int ends[2];
    struct log log = log_new(ends);
    LOG(&log, "request", LOG_WORD("route", "/api"), LOG_NUMBER("status", 200),
        LOG_NUMBER("least", INT64_MIN));
    struct written written = take(ends);
    CHECK(strcmp(written.at, "{\"ms\":1700000000000,\"node\":\"centre\","
                             "\"event\":\"request\",\"route\":\"/api\",\"status\":200,"
                             "\"least\":-9223372036854775808}\n") == 0);
    CHECK(is_object_line(&written));
}

static void what_could_end_a_word_or_a_line_is_replaced(void)
{
    int ends[2];
    struct log log = log_new(ends);
    LOG(&log, "odd", LOG_WORD("word", "a\"b\\c\nd\re\x1B[31m\x7F\xE5\xB1\xB1"),
        LOG_WORD("ke\"y", ""));
    struct written written = take(ends);
    CHECK(is_object_line(&written));
    CHECK(strstr(written.at, "\"word\":\"a?b?c?d?e?[31m????\",\"ke?y\":\"\"}"));
}

static void a_line_that_is_too_long_is_still_an_object(void)
{
    static char word[3000];
    for (size_t len = 850; len < 1100; len++) {
        int ends[2];
        struct log log = log_new(ends);
        memset(word, 'x', len);
        word[len] = '\0';
        LOG(&log, "long", LOG_WORD("word", word), LOG_NUMBER("next", 12345),
            LOG_WORD("last", "end"));
        struct written written = take(ends);
        CHECK(is_object_line(&written) && written.len <= 1024);
        if (!is_object_line(&written))
            printf("# %zu: …%.60s\n", len, written.at + written.len - 60);
    }
}

static void an_error_is_told_with_its_code_and_place(void)
{
    int ends[2];
    struct log log = log_new(ends);
    struct err err = {0};
    err_at(&err, ERR_SYNTAX, "hl7_segment_cut", 4294967296, "HL7 v2.5 2.3");
    log_err(&log, "file", &err);
    struct written written = take(ends);
    CHECK(is_object_line(&written));
    CHECK(strstr(written.at, "\"kind\":\"syntax\",\"code\":\"hl7_segment_cut\","
                             "\"offset\":4294967296,"));
}

int main(void)
{
    RUN(a_line_is_one_object);
    RUN(what_could_end_a_word_or_a_line_is_replaced);
    RUN(a_line_that_is_too_long_is_still_an_object);
    RUN(an_error_is_told_with_its_code_and_place);
    return test_done();
}
