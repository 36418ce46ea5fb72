// SPDX-License-Identifier: Apache-2.0
/* usage: day PROGRAM [--factor F] [--seconds S]
 * Founds the region, starts PROGRAM (tsumugi) as the centre, lets all gateways connect
 * and all links come into step, then plays the working day F times faster than it is (20)
 * for S seconds (60). One JSON line per answer; 1 when anything went wrong. */
#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/path.h"
#include "base/rand.h"
#include "bench/national/national.h"

enum {
    PEOPLE = 24, /* threads that ask */
    STREAMS_EACH = 2,
    ANSWER_BYTES = 1 << 17,
    TIMES_MAX = 1 << 20,
    CONTENTS_EACH = 2,     /* of an opening */
    OPENINGS_PER_HOUR = 3, /* of each facility that has no gateway */
    ENTRIES_PER_HOUR = 40, /* of each hospital, for linked patients */
    STEP_SECONDS = 300
};

struct desk {
    char cookie[65], csrf[65];
};

struct times {
    pthread_mutex_t lock;
    int32_t us[TIMES_MAX];
    int count;
};

struct day {
    struct national *national;
    const char *program;
    pid_t centre, peers;
    uint16_t port, gateway_port;
    int factor, seconds;
    struct desk desks[NATIONAL_DESKS];
    _Atomic int64_t tickets, openings, contents, errors, events;
    _Atomic int next_desk, streams;
    _Atomic int64_t from_us;
    int64_t planned;
    struct times opened, read;
    _Atomic bool is_over;
    int64_t kb_sum[4], kb_count[4]; /* resident, by quarters; the follower's own */
};

static struct day day = {.factor = 20, .seconds = 60}; /* allowed: of the whole program */

/* ---- small things ---- */

static void end_children(void)
{
    if (day.peers > 0)
        kill(day.peers, SIGKILL);
    if (day.centre > 0)
        kill(day.centre, SIGTERM);
    if (day.peers > 0)
        waitpid(day.peers, NULL, 0);
    if (day.centre > 0)
        waitpid(day.centre, NULL, 0);
    day.peers = day.centre = 0;
}

_Noreturn void national_fail(const char *what, const char *why)
{
    fprintf(stderr, "national day: %s: %s\n", what, why ? why : "?");
    end_children();
    exit(1);
}

int64_t national_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void national_path(const struct national *national, const char *name,
                   char path[2 * NATIONAL_PATH])
{
    snprintf(path, 2 * NATIONAL_PATH, "%s/%s", national->folder, name);
}

/* What the system counts: all, or what is not a mapped file's. */
static long memory_kb(const char *word)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)day.centre);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, word, strlen(word)) == 0)
            kb = strtol(line + strlen(word), NULL, 10);
    if (file)
        fclose(file);
    return kb;
}

static long resident_kb(void)
{
    return memory_kb("VmRSS:");
}

static int compare(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a;
    int32_t right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static double at_ms(int32_t *sorted, int count, int percent)
{
    return count
               ? (double)sorted[(int64_t)count * percent / 100 - (percent == 100)] / 1000
               : 0;
}

static void note(struct times *times, int64_t us)
{
    pthread_mutex_lock(&times->lock);
    if (times->count < TIMES_MAX)
        times->us[times->count++] = (int32_t)us;
    pthread_mutex_unlock(&times->lock);
}

/* ---- a browser's connection ---- */

struct line {
    int fd;
    char answer[ANSWER_BYTES];
    size_t len;
};

/* From many addresses, as browsers come: a centre takes only so many from one. */
static int dial(void)
{
    static _Atomic unsigned count;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + 1 + atomic_fetch_add(&count, 1) % 200)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(day.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_request(int fd, const struct desk *desk, const char *what,
                         const char *body)
{
    static _Atomic unsigned keys;
    char request[2048];
    int len =
        snprintf(request, sizeof request,
                 "%s HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: http://localhost:%d\r\n"
                 "Idempotency-Key: %032x\r\nCookie: tsumugi=%s\r\n"
                 "X-CSRF-Token: %s\r\n%s%s%zu\r\n\r\n%s",
                 what, day.port, day.port, atomic_fetch_add(&keys, 1) + 1, desk->cookie,
                 desk->csrf, *body ? "Content-Type: application/json\r\n" : "",
                 "Content-Length: ", strlen(body), body);
    return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Status, 0 when there is none. The body begins at the answer's empty line. */
static int receive(struct line *line)
{
    line->len = 0;
    for (;;) {
        ssize_t got =
            recv(line->fd, line->answer + line->len, ANSWER_BYTES - 1 - line->len, 0);
        if (got <= 0)
            return 0;
        line->len += (size_t)got;
        line->answer[line->len] = '\0';
        const char *end = strstr(line->answer, "\r\n\r\n");
        const char *length = end ? strstr(line->answer, "ontent-length: ") : NULL;
        if (!end)
            continue;
        size_t due = length && length < end ? (size_t)strtol(length + 15, NULL, 10) : 0;
        if (strlen(end + 4) >= due)
            return (int)strtol(line->answer + 9, NULL, 10);
    }
}

static int ask(struct line *line, const struct desk *desk, const char *what,
               const char *body)
{
    if (line->fd < 0)
        line->fd = dial();
    int status =
        line->fd >= 0 && send_request(line->fd, desk, what, body) ? receive(line) : 0;
    if (status == 0 && line->fd >= 0) {
        close(line->fd);
        line->fd = -1;
    }
    return status;
}

static void member(const struct line *line, const char *mark, char out[65])
{
    const char *at = strstr(line->answer, mark);
    at = at ? at + strlen(mark) : "";
    snprintf(out, 65, "%.*s", (int)strcspn(at, "\";"), at);
}

/* ---- what people do ---- */

static void *log_in(void *context)
{
    struct line *line = context;
    for (int d; (d = atomic_fetch_add(&day.next_desk, 1)) < NATIONAL_DESKS;) {
        char body[128];
        struct desk *desk = &day.desks[d];
        snprintf(body, sizeof body,
                 "{\"login\":\"desk%d\",\"password\":\"" NATIONAL_PASSWORD "\"}", d);
        if (ask(line, desk, "POST /api/v1/session", body) != 200)
            national_fail("a login", line->answer);
        member(line, "tsumugi=", desk->cookie);
        member(line, "\"csrf\":\"", desk->csrf);
    }
    return NULL;
}

/* The first of them is shown. */
static bool is_wrong(struct line *line, const char *what, int status, int expected)
{
    const char *end = strstr(line->answer, "\r\n\r\n");
    if (status == expected)
        return false;
    if (atomic_fetch_add(&day.errors, 1) == 0)
        fprintf(stderr, "national day: %s: %d %.200s\n", what, status,
                end ? end + 4 : "");
    return true;
}

static void open_contents(struct line *line, const struct desk *desk,
                          const char *calendar)
{
    char entries[CONTENTS_EACH][33], what[128], opening[65];
    int count = 0;
    const char *at = strstr(calendar, "\"entry\":[\"");
    for (at = at ? at + 10 : NULL; at && count < CONTENTS_EACH && strlen(at) > 34;
         at += 35)
        snprintf(entries[count++], 33, "%.32s", at);
    for (int i = 0; i < count; i++) {
        int64_t from_us = national_now_us();
        snprintf(what, sizeof what, "POST /api/v1/entries/%s/openings", entries[i]);
        if (is_wrong(line, what, ask(line, desk, what, ""), 201))
            continue;
        member(line, "\"opening\":\"", opening);
        snprintf(what, sizeof what, "GET /api/v1/openings/%s/content", opening);
        if (is_wrong(line, what, ask(line, desk, what, ""), 200))
            continue;
        note(&day.read, national_now_us() - from_us);
        atomic_fetch_add(&day.contents, 1);
        snprintf(what, sizeof what, "DELETE /api/v1/openings/%s", opening);
        (void)is_wrong(line, what, ask(line, desk, what, ""), 204);
    }
}

static void open_calendar(struct line *line, uint64_t ticket, char *kept)
{
    char what[128], person[33], opening[65];
    int d = (int)(ticket * 7919 % NATIONAL_DESKS);
    const struct desk *desk = &day.desks[d];
    national_person_name(d * NATIONAL_PERSONS_EACH +
                             (int)(ticket / NATIONAL_DESKS % NATIONAL_PERSONS_EACH),
                         person);
    snprintf(what, sizeof what, "POST /api/v1/persons/%s/calendar-openings", person);
    int64_t from_us = national_now_us();
    int status = ask(line, desk, what, "{\"from\":\"2026-10-01\",\"to\":\"2026-12-31\"}");
    if (is_wrong(line, what, status, 201))
        return;
    note(&day.opened, national_now_us() - from_us);
    atomic_fetch_add(&day.openings, 1);
    member(line, "\"opening\":\"", opening);
    memcpy(kept, line->answer, line->len + 1);
    open_contents(line, desk, kept);
    snprintf(what, sizeof what, "DELETE /api/v1/openings/%s", opening);
    (void)is_wrong(line, what, ask(line, desk, what, ""), 204);
}

/* Each takes the next opening that is due. */
static void *work(void *context)
{
    struct line *line = context;
    char *kept = calloc(1, ANSWER_BYTES);
    int64_t every_us =
        3600000000LL / ((int64_t)(NATIONAL_FACILITIES - NATIONAL_GATEWAYS) *
                        OPENINGS_PER_HOUR * day.factor);
    while (kept) {
        int64_t ticket = atomic_fetch_add(&day.tickets, 1);
        int64_t due_us = day.from_us + ticket * every_us;
        int64_t until_us = day.from_us + (int64_t)day.seconds * 1000000;
        if (due_us > until_us || national_now_us() > until_us)
            break; /* what was not begun in time shows in the factor */
        int64_t wait_us = due_us - national_now_us();
        if (wait_us > 0)
            usleep((useconds_t)wait_us);
        open_calendar(line, (uint64_t)ticket, kept);
    }
    free(kept);
    return NULL;
}

static void note_memory(void)
{
    int64_t passed_us = national_now_us() - day.from_us;
    int64_t quarter_us = (int64_t)day.seconds * 250000;
    if (day.from_us == 0 || passed_us >= 4 * quarter_us)
        return;
    day.kb_sum[passed_us / quarter_us] += resident_kb();
    day.kb_count[passed_us / quarter_us]++;
}

static double quarter_mb(int quarter)
{
    int64_t count = day.kb_count[quarter];
    return count ? (double)day.kb_sum[quarter] / (double)count / 1024 : 0;
}

/* Open streams are read until the end. */
static void *follow(void *context)
{
    static char bytes[1 << 16];
    int fds[NATIONAL_DESKS * STREAMS_EACH];
    (void)context;
    for (int i = 0; i < NATIONAL_DESKS * STREAMS_EACH; i++) {
        fds[i] = dial();
        bool is_sent = fds[i] >= 0 && send_request(fds[i], &day.desks[i / STREAMS_EACH],
                                                   "GET /api/v1/live", "");
        if (is_sent)
            atomic_fetch_add(&day.streams, 1);
        else
            atomic_fetch_add(&day.errors, 1);
    }
    while (!atomic_load(&day.is_over)) {
        usleep(50000);
        note_memory();
        for (int i = 0; i < NATIONAL_DESKS * STREAMS_EACH; i++) {
            ssize_t got =
                fds[i] < 0 ? 0 : recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT);
            if (got == 0 && fds[i] >= 0) {
                atomic_fetch_add(&day.errors, 1); /* a stream that was ended */
                close(fds[i]);
                fds[i] = -1;
            }
            for (ssize_t k = 0; k + 6 < got; k++)
                if (memcmp(bytes + k, "event:", 6) == 0)
                    atomic_fetch_add(&day.events, 1);
        }
    }
    for (int i = 0; i < NATIONAL_DESKS * STREAMS_EACH; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return NULL;
}

static void run_people(void *(*run)(void *context))
{
    static struct line lines[PEOPLE];
    pthread_t threads[PEOPLE];
    for (int i = 0; i < PEOPLE; i++) {
        lines[i].fd = -1;
        if (pthread_create(&threads[i], NULL, run, &lines[i]) != 0)
            national_fail("people", "no thread");
    }
    for (int i = 0; i < PEOPLE; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < PEOPLE; i++)
        if (lines[i].fd >= 0)
            close(lines[i].fd);
}

/* ---- the centre ---- */

static void start_centre(void)
{
    struct err err = {0};
    int out[2];
    char config[2 * NATIONAL_PATH], log[2 * NATIONAL_PATH], text[2048], line[256] = "";
    const char *folder = day.national->folder;
    national_path(day.national, "centre.json", config);
    national_path(day.national, "log", log);
    snprintf(text, sizeof text,
             "{\"data\":\"%s/data\",\"node\":\"centre\",\"demo\":true,\"browsers\":"
             "{\"address\":\"127.0.0.1\",\"port\":0},\"gateways\":{\"address\":"
             "\"127.0.0.1\",\"port\":0,\"certificate\":\"%s/centre.crt\",\"key\":"
             "\"%s/centre.key\",\"authority\":\"%s/network.crt\"}}",
             folder, folder, folder, folder);
    if (!path_write_file(config, span_cstr(text), &err) || pipe(out) != 0)
        national_fail("the centre's configuration", err.code);
    day.centre = fork();
    if (day.centre == 0) {
        dup2(out[1], STDOUT_FILENO);
        if (!freopen(log, "w", stderr))
            _exit(1);
        close(out[0]);
        close(out[1]);
        execl(day.program, day.program, "server", "--config", config, (char *)NULL);
        _exit(1);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    const char *port = said && fgets(line, sizeof line, said) ? line : "";
    const char *gateways = strstr(port, "\"gateway_port\":");
    port = strstr(port, "\"port\":");
    if (!port || !gateways)
        national_fail("the centre", "does not start");
    day.port = (uint16_t)strtol(port + 7, NULL, 10);
    day.gateway_port = (uint16_t)strtol(gateways + 15, NULL, 10);
}

static void connect_all(void)
{
    struct national *national = day.national;
    int64_t from_us = national_now_us();
    fflush(stdout);
    day.peers = fork();
    if (day.peers == 0)
        national_run_peers(national, day.gateway_port);
    while (atomic_load(&national->in_step) < NATIONAL_LINKS &&
           national_now_us() - from_us < STEP_SECONDS * 1000000LL)
        usleep(20000);
    double seconds = (double)(national_now_us() - from_us) / 1e6;
    printf("{\"simulate\":\"in step\",\"facilities\":%d,\"gateways\":%d,\"links\":%d,"
           "\"in_step\":%d,\"entries\":%lld,\"seconds\":%.1f,\"entries_per_second\":%.0f,"
           "\"server_mb\":%.1f}\n",
           NATIONAL_FACILITIES, NATIONAL_GATEWAYS, atomic_load(&national->linked),
           atomic_load(&national->in_step),
           (long long)atomic_load(&national->history_stored), seconds,
           (double)atomic_load(&national->history_stored) / seconds,
           (double)resident_kb() / 1024);
    if (atomic_load(&national->in_step) < NATIONAL_LINKS)
        national_fail("links", "not all in step");
}

/* ---- the day ---- */

static void print_day(long before_kb, double seconds)
{
    struct national *national = day.national;
    int samples = atomic_load(&national->sample_count);
    samples = samples < NATIONAL_SAMPLES ? samples : NATIONAL_SAMPLES;
    qsort(day.opened.us, (size_t)day.opened.count, sizeof(int32_t), compare);
    qsort(day.read.us, (size_t)day.read.count, sizeof(int32_t), compare);
    qsort(national->samples_us, (size_t)samples, sizeof(int32_t), compare);
    double planned = (double)(NATIONAL_FACILITIES - NATIONAL_GATEWAYS) *
                     OPENINGS_PER_HOUR / 3600 * seconds;
    int64_t openings = atomic_load(&day.openings), contents = atomic_load(&day.contents);
    printf("{\"simulate\":\"a working day\",\"factor\":%d,\"achieved_factor\":%.1f,"
           "\"seconds\":%.1f,\"openings\":%lld,\"openings_per_second\":%.0f,"
           "\"opening_p50_ms\":%.2f,\"opening_p99_ms\":%.2f,\"contents\":%lld,"
           "\"content_p50_ms\":%.2f,\"content_p99_ms\":%.2f}\n",
           day.factor, (double)openings / planned, seconds, (long long)openings,
           (double)openings / seconds, at_ms(day.opened.us, day.opened.count, 50),
           at_ms(day.opened.us, day.opened.count, 99), (long long)contents,
           at_ms(day.read.us, day.read.count, 50),
           at_ms(day.read.us, day.read.count, 99));
    printf("{\"simulate\":\"new results\",\"sent\":%lld,\"registered\":%lld,"
           "\"per_second\":%.1f,\"registered_p50_ms\":%.1f,\"registered_p95_ms\":%.1f,"
           "\"streams\":%d,\"events_on_streams\":%lld}\n",
           (long long)atomic_load(&national->live_sent),
           (long long)atomic_load(&national->live_stored),
           (double)atomic_load(&national->live_stored) / seconds,
           at_ms(national->samples_us, samples, 50),
           at_ms(national->samples_us, samples, 95), atomic_load(&day.streams),
           (long long)atomic_load(&day.events));
    printf(
        "{\"simulate\":\"the centre\",\"server_mb_before\":%.1f,\"server_mb_after\":%.1f,"
        "\"second_quarter_mb\":%.1f,\"last_quarter_mb\":%.1f,"
        "\"server_anonymous_mb_after\":%.1f,\"errors\":%lld,\"rejected\":%lld}\n",
        (double)before_kb / 1024, (double)resident_kb() / 1024, quarter_mb(1),
        quarter_mb(3), (double)memory_kb("RssAnon:") / 1024,
        (long long)atomic_load(&day.errors), (long long)atomic_load(&national->rejected));
}

static void play(void)
{
    struct national *national = day.national;
    pthread_t follower;
    run_people(log_in);
    if (pthread_create(&follower, NULL, follow, NULL) != 0)
        national_fail("streams", "no thread");
    while (atomic_load(&day.streams) < NATIONAL_DESKS * STREAMS_EACH)
        usleep(10000);
    long before_kb = resident_kb();
    atomic_store(&national->factor, day.factor);
    atomic_store(&national->live_per_hour, (int64_t)NATIONAL_GATEWAYS * ENTRIES_PER_HOUR);
    day.from_us = national_now_us();
    run_people(work);
    double seconds = (double)(national_now_us() - day.from_us) / 1e6;
    atomic_store(&national->live_per_hour, 0);
    for (int i = 0; i < 500 && atomic_load(&national->live_stored) <
                                   atomic_load(&national->live_sent);
         i++)
        usleep(10000);
    atomic_store(&day.is_over, true);
    pthread_join(follower, NULL);
    print_day(before_kb, seconds);
}

static int remove_one(const char *name, const struct stat *status, int kind,
                      struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(name);
}

static bool read_options(int argc, char **argv)
{
    day.program = argc > 1 ? argv[1] : NULL;
    for (int i = 2; i + 1 < argc; i += 2) {
        int number = (int)strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--factor") == 0 && number > 0)
            day.factor = number;
        else if (strcmp(argv[i], "--seconds") == 0 && number > 0)
            day.seconds = number;
        else
            return false;
    }
    return day.program && argc % 2 == 0;
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: day PROGRAM [--factor F] [--seconds S]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&day.opened.lock, NULL);
    pthread_mutex_init(&day.read.lock, NULL);
    day.national = mmap(NULL, sizeof *day.national, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(day.national->folder, NATIONAL_PATH, "/tmp/national_XXXXXX");
    if (!mkdtemp(day.national->folder))
        national_fail(day.national->folder, "cannot be made");
    int64_t from_us = national_now_us();
    national_found(day.national);
    printf("{\"simulate\":\"founded\",\"networks\":%d,\"facilities\":%d,\"persons\":%d,"
           "\"seconds\":%.1f}\n",
           NATIONAL_NETWORKS, NATIONAL_FACILITIES, NATIONAL_PERSONS,
           (double)(national_now_us() - from_us) / 1e6);
    start_centre();
    connect_all();
    play();
    end_children();
    nftw(day.national->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    int64_t wrong =
        atomic_load(&day.errors) + atomic_load(&day.national->rejected) +
        (atomic_load(&day.national->live_sent) - atomic_load(&day.national->live_stored));
    return wrong != 0;
}
