// SPDX-License-Identifier: Apache-2.0
/* Asks a server on loopback for many things over HTTP/1.1, several connections that stay
 * open, each asking for the next one when the last has come whole: the same browser for
 * every server that tools/bench_pictures.py compares, and not the slowest of the three.
 *
 * usage: bench_fetch PORT CONNECTIONS TARGETS HEADERS     two files: a target a line, and
 *        the lines of the head after the first; one JSON line when all were asked once */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/path.h"

enum {
    CONNECTIONS_MAX = 64,
    FILE_BYTES_MAX = 64 << 20,
    HEAD_BYTES = 16384,
    PIECE_BYTES = 256 * 1024
};

static uint16_t port;
static struct span headers;
static struct span *targets;
static double *took_s; /* of each */
static size_t target_count;
static atomic_size_t next_target;
static atomic_size_t received_bytes;
static atomic_int failed_count;

static void fail(const char *what)
{
    fprintf(stderr, "bench_fetch: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int dial(void)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0)
        fail("nobody listens");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static bool send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = span_part(bytes, (size_t)sent, bytes.len);
    }
    return true;
}

/* The length that the head announces; false = no answer that is wanted. */
static bool read_length(struct span head, uint64_t *length)
{
    struct span line = {0};
    if (!span_take(&head, '\n', &line) || !span_starts(line, "HTTP/1.1 200"))
        return false;
    while (span_take(&head, '\n', &line)) {
        struct span name = {0};
        if (!span_take(&line, ':', &name) || name.len != strlen("content-length") ||
            strncasecmp((const char *)name.at, "content-length", name.len) != 0)
            continue;
        while (line.len > 0 && line.at[0] == ' ')
            line = span_part(line, 1, line.len);
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        return span_uint(line, INT64_MAX, length);
    }
    return false;
}

static bool receive(int fd, char *piece)
{
    char head[HEAD_BYTES] = "";
    size_t len = 0;
    char *end = NULL;
    while (!end && len < sizeof head - 1) {
        ssize_t got = recv(fd, head + len, sizeof head - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    uint64_t length = 0;
    if (!end || !read_length(span_of(head, (size_t)(end + 2 - head)), &length)) {
        fprintf(stderr, "bench_fetch: refused: %.400s\n", head);
        return false;
    }
    atomic_fetch_add(&received_bytes, length);
    size_t came = len - (size_t)(end + 4 - head);
    if (came > length)
        return false;
    for (uint64_t left = length - came; left > 0;) {
        ssize_t got = recv(fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES, 0);
        if (got <= 0)
            return false;
        left -= (uint64_t)got;
    }
    return true;
}

static void *run(void *context)
{
    struct err err = {0};
    char *piece = memory_new(1, PIECE_BYTES, &err);
    int fd = dial();
    size_t i = 0;
    (void)context;
    while (piece && (i = atomic_fetch_add(&next_target, 1)) < target_count) {
        CLEANUP(buf_free) struct buf out = buf_init(FILE_BYTES_MAX);
        buf_cstr(&out, "GET ");
        buf_span(&out, targets[i]);
        buf_cstr(&out, " HTTP/1.1\r\n");
        buf_span(&out, headers);
        buf_cstr(&out, "\r\n");
        double from_s = now_s();
        if (!send_all(fd, buf_view(&out)) || !receive(fd, piece)) {
            atomic_fetch_add(&failed_count, 1);
            close(fd);
            fd = dial();
        }
        took_s[i] = now_s() - from_s;
    }
    close(fd);
    memory_free(piece);
    return NULL;
}

static void read_targets(struct span all, struct arena *arena)
{
    struct err err = {0};
    struct span rest = all;
    struct span line = {0};
    while (span_take(&rest, '\n', &line))
        target_count += line.len > 0;
    targets = ARENA_MANY(arena, struct span, target_count + 1, &err);
    took_s = ARENA_MANY(arena, double, target_count + 1, &err);
    if (!targets || !took_s)
        fail("memory");
    target_count = 0;
    for (rest = all; span_take(&rest, '\n', &line);)
        if (line.len > 0)
            targets[target_count++] = line;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    pthread_t threads[CONNECTIONS_MAX];
    uint64_t number = 0, connections = 0;
    struct err err = {0};
    struct span all = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(4 * (size_t)FILE_BYTES_MAX);
    if (argc != 5 || !span_uint(span_cstr(argv[1]), 65535, &number) ||
        !span_uint(span_cstr(argv[2]), CONNECTIONS_MAX, &connections) || !connections) {
        fprintf(stderr, "usage: bench_fetch PORT CONNECTIONS TARGETS HEADERS\n");
        return 2;
    }
    port = (uint16_t)number;
    if (!path_read_file(argv[3], FILE_BYTES_MAX, &arena, &all, &err) ||
        !path_read_file(argv[4], FILE_BYTES_MAX, &arena, &headers, &err))
        fail("cannot read targets or headers");
    read_targets(all, &arena);
    double from_s = now_s();
    for (uint64_t i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            fail("no thread");
    for (uint64_t i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    double whole_s = now_s() - from_s;
    qsort(took_s, target_count, sizeof *took_s, compare);
    printf("{\"count\":%zu,\"seconds\":%.4f,\"bytes\":%zu,\"failed\":%d,\"p50_ms\":%.2f,"
           "\"p95_ms\":%.2f}\n",
           target_count, whole_s, atomic_load(&received_bytes),
           atomic_load(&failed_count), took_s[target_count / 2] * 1e3,
           took_s[target_count * 95 / 100] * 1e3);
    return 0;
}
