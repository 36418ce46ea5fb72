// SPDX-License-Identifier: Apache-2.0
/* How many calendars a centre opens per second over loopback: gate, durable audit row,
 * registry and JSON of a year. Beside it, on the same connections of the same server:
 * /healthz (the wire alone), a file that the program carries (the wire with a body), and
 * how often the disk below FOLDER makes a kilobyte durable, one writer.
 *
 * usage: bench_calendar PORT LOGIN PASSWORD NUMBER FROM TO FOLDER
 * Prints one JSON line per number of connections; each connection is a login of its own
 * and asks again as soon as it was answered. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/span.h"

enum {
    CONNECTIONS_MAX = 16,
    SECONDS = 4,
    ANSWER_BYTES_MAX = 4 << 20,
    TIMES_MAX = 400000,
    TIMEOUT_S = 30
};

struct target {
    uint16_t port;
    const char *login;
    const char *password;
    const char *number;
    const char *from;
    const char *to;
};

struct client {
    const struct target *target;
    int fd;
    char cookie[256];
    char csrf[128];
    char person[ID_TEXT_BYTES];
    char *answer; /* whole answer, NUL behind it */
    size_t answer_len;
    /* one run */
    const char *method;
    const char *path;
    const char *json;
    int expected;
    int64_t until_ns;
    int64_t *times_ns;
    size_t count;
    size_t bytes;
    bool has_failed;
};

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool dial(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(client->target->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return false;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static const char *header(const struct client *client, const char *name)
{
    const char *end = strstr(client->answer, "\r\n\r\n");
    const char *at = strcasestr(client->answer, name);
    return at && end && at < end ? at + strlen(name) : NULL;
}

/* True when head and body have arrived. */
static bool is_whole(const struct client *client)
{
    const char *end = strstr(client->answer, "\r\n\r\n");
    const char *length = end ? header(client, "\r\ncontent-length: ") : NULL;
    uint64_t number = 0;
    if (!end || !length ||
        !span_uint(span_of(length, strcspn(length, "\r")), ANSWER_BYTES_MAX, &number))
        return false;
    return client->answer_len == (size_t)(end + 4 - client->answer) + number;
}

static bool receive(struct client *client)
{
    client->answer_len = 0;
    client->answer[0] = '\0';
    do {
        ssize_t got = recv(client->fd, client->answer + client->answer_len,
                           ANSWER_BYTES_MAX - client->answer_len, 0);
        if (got <= 0)
            return false;
        client->answer_len += (size_t)got;
        client->answer[client->answer_len] = '\0';
    } while (!is_whole(client));
    return true;
}

/* Status of the answer, 0 = none. */
static int ask(struct client *client, const char *method, const char *path,
               const char *json)
{
    char request[2048];
    struct rand rand = rand_system();
    struct id_text key = id_to_text(id_new(&rand));
    int len =
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nOrigin: http://localhost:%u\r\n"
                 "%s%s%s%s%s%s%s%s%sContent-Length: %zu\r\n\r\n%s",
                 method, path, client->target->port, client->target->port,
                 client->cookie[0] ? "Cookie: " : "", client->cookie,
                 client->cookie[0] ? "\r\n" : "", client->csrf[0] ? "X-CSRF-Token: " : "",
                 client->csrf, client->csrf[0] ? "\r\nIdempotency-Key: " : "",
                 client->csrf[0] ? key.at : "", client->csrf[0] ? "\r\n" : "",
                 json ? "Content-Type: application/json\r\n" : "",
                 json ? strlen(json) : 0, json ? json : "");
    uint64_t status = 0;
    if (len <= 0 || (size_t)len >= sizeof request ||
        send(client->fd, request, (size_t)len, MSG_NOSIGNAL) != len || !receive(client) ||
        !span_uint(span_of(client->answer + 9, 3), 999, &status))
        return 0;
    return (int)status;
}

/* What stands between `before` and the next of `ends`. */
static bool keep(const char *in, const char *before, const char *ends, char *out,
                 size_t size)
{
    const char *at = in ? strstr(in, before) : NULL;
    size_t len = at ? strcspn(at + strlen(before), ends) : size;
    if (len >= size)
        return false;
    memcpy(out, at + strlen(before), len);
    out[len] = '\0';
    return true;
}

static bool log_in(struct client *client)
{
    char json[256];
    snprintf(json, sizeof json, "{\"login\":\"%s\",\"password\":\"%s\"}",
             client->target->login, client->target->password);
    if (ask(client, "POST", "/api/v1/session", json) != 200 ||
        !keep(header(client, "\r\nset-cookie: "), "", ";", client->cookie,
              sizeof client->cookie) ||
        !keep(client->answer, "\"csrf\":\"", "\"", client->csrf, sizeof client->csrf))
        return false;
    snprintf(json, sizeof json, "{\"own_number\":\"%s\"}", client->target->number);
    return ask(client, "POST", "/api/v1/persons/searches", json) == 200 &&
           keep(client->answer, "\"id\":\"", "\"", client->person, sizeof client->person);
}

static void *repeat(void *context)
{
    struct client *client = context;
    while (!client->has_failed && client->count < TIMES_MAX) {
        int64_t started = now_ns();
        if (started >= client->until_ns)
            break;
        client->has_failed =
            ask(client, client->method, client->path, client->json) != client->expected;
        client->times_ns[client->count++] = now_ns() - started;
        client->bytes = client->answer_len;
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Runs on all connections at once and prints the answer. */
static bool measure(struct client *clients, size_t connections, const char *what,
                    int64_t *times)
{
    pthread_t threads[CONNECTIONS_MAX];
    size_t count = 0;
    bool is_good = true;
    int64_t started = now_ns();
    for (size_t i = 0; i < connections; i++) {
        clients[i].count = 0;
        clients[i].until_ns = started + (int64_t)SECONDS * 1000000000;
        if (pthread_create(&threads[i], NULL, repeat, &clients[i]) != 0)
            return false;
    }
    for (size_t i = 0; i < connections; i++) {
        pthread_join(threads[i], NULL);
        memcpy(times + count, clients[i].times_ns,
               clients[i].count * sizeof *clients[i].times_ns);
        count += clients[i].count;
        is_good = is_good && !clients[i].has_failed;
    }
    double seconds = (double)(now_ns() - started) / 1e9;
    if (!is_good || count == 0) {
        fprintf(stderr, "bench_calendar: %s was not answered as expected: %.300s\n", what,
                clients[0].answer);
        return false;
    }
    qsort(times, count, sizeof *times, compare);
    printf("{\"bench\":\"calendar\",\"what\":\"%s\",\"connections\":%zu,"
           "\"answers_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"bytes\":%zu}\n",
           what, connections, (double)count / seconds, (double)times[count / 2] / 1e6,
           (double)times[count * 99 / 100] / 1e6, clients[0].bytes);
    fflush(stdout);
    return true;
}

static bool run_all(struct client *clients, const struct target *target, int64_t *times)
{
    static const size_t connections[] = {1, 4, CONNECTIONS_MAX};
    char path[128];
    char json[96];
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings",
             clients[0].person);
    snprintf(json, sizeof json, "{\"from\":\"%s\",\"to\":\"%s\"}", target->from,
             target->to);
    const char *const asked[][4] = {{"healthz", "GET", "/healthz", NULL},
                                    {"file", "GET", "/icon.svg", NULL},
                                    {"opening", "POST", path, json}};
    for (size_t i = 0; i < sizeof connections / sizeof *connections; i++)
        for (size_t k = 0; k < 3; k++) {
            for (size_t c = 0; c < CONNECTIONS_MAX; c++) {
                clients[c].method = asked[k][1];
                clients[c].path = asked[k][2];
                clients[c].json = asked[k][3];
                clients[c].expected = asked[k][3] ? 201 : 200;
            }
            if (!measure(clients, connections[i], asked[k][0], times))
                return false;
        }
    return true;
}

static bool measure_disk(const char *folder, int64_t *times)
{
    char path[PATH_MAX_BYTES];
    static const char bytes[1024];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/disk", folder);
    CLEANUP(path_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int64_t until = now_ns() + (int64_t)SECONDS * 1000000000;
    while (fd >= 0 && count < TIMES_MAX && now_ns() < until) {
        int64_t started = now_ns();
        if (write(fd, bytes, sizeof bytes) != sizeof bytes || fdatasync(fd) != 0)
            break;
        times[count++] = now_ns() - started;
    }
    unlink(path);
    if (count == 0)
        return false;
    qsort(times, count, sizeof *times, compare);
    printf("{\"bench\":\"calendar\",\"what\":\"disk\",\"answers_per_s\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           (double)count / SECONDS, (double)times[count / 2] / 1e6,
           (double)times[count * 99 / 100] / 1e6);
    return true;
}

static bool prepare(struct client *client, const struct target *target)
{
    struct err err = {0};
    client->target = target;
    client->answer = memory_new(ANSWER_BYTES_MAX + 1, 1, &err);
    client->times_ns = memory_new(TIMES_MAX, sizeof *client->times_ns, &err);
    if (client->answer && client->times_ns && dial(client) && log_in(client))
        return true;
    fprintf(stderr, "bench_calendar: no login: %.300s\n",
            client->answer ? client->answer : "");
    return false;
}

int main(int argc, char **argv)
{
    struct client clients[CONNECTIONS_MAX] = {0};
    struct err err = {0};
    uint64_t port = 0;
    if (argc != 8 || !span_uint(span_cstr(argv[1]), 65535, &port)) {
        fputs("usage: bench_calendar PORT LOGIN PASSWORD NUMBER FROM TO FOLDER\n",
              stderr);
        return 2;
    }
    struct target target = {(uint16_t)port, argv[2], argv[3], argv[4], argv[5], argv[6]};
    int64_t *times = memory_new((size_t)CONNECTIONS_MAX * TIMES_MAX, sizeof *times, &err);
    bool is_good = times != NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX && is_good; i++)
        is_good = prepare(&clients[i], &target);
    is_good = is_good && measure_disk(argv[7], times) && run_all(clients, &target, times);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (clients[i].fd > 0)
            path_close(&clients[i].fd);
        memory_free(clients[i].answer);
        memory_free(clients[i].times_ns);
    }
    memory_free(times);
    return is_good ? 0 : 1;
}
