// SPDX-License-Identifier: Apache-2.0
/* A national network's gateways on one centre: how long until all of them are connected
 * again after the centre was away, what each costs the centre in memory, how much content
 * comes through all tunnels together, how long one content takes alone, and beside a
 * reader who takes nothing, and over a line of 20 ms there and back. Beside it: the same
 * bytes between two processes over a plain loopback connection, without TLS or HTTP/2.
 *
 * The hub runs in this process, all gateways in one other, each with a certificate and a
 * TLS 1.3 connection of its own; both share the machine's cores. The line is a third
 * process, which passes on what one more gateway and the hub say 10 ms later; it loses
 * nothing and has no bandwidth of its own.
 *
 * usage: bench_tunnel [GATEWAYS]      423 when not given; one JSON line per answer */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"
#include "wire/tunnel/tunnel.h"
#include "wire/workers/workers.h"

enum {
    GATEWAYS_MAX = 1000,
    CONTENT_BYTES = 100 * 1000,
    CREDIT_BYTES = 256 * 1024, /* as exchange/content asks for */
    STALLED_BYTES = 20 * 1000 * 1000,
    SLOTS = 64,
    CONTENTS = 20000,
    ALONE = 400,
    NAME_BYTES = 128,
    LINE_NS = 10 * 1000 * 1000, /* one way */
    LINE_PIECES = 512,
    LINE_PIECE_BYTES = 16384
};

struct bench;

/* One content after the other over a tunnel. */
struct slot {
    struct bench *bench;
    struct tunnel *tunnel;
    struct tunnel_exchange *exchange;
    const char *path;
    bool is_stalled; /* takes nothing */
    int64_t started_ns;
};

struct bench {
    char folder[NAME_BYTES];
    int gateway_count;
    struct loop *loop;
    pthread_t thread;
    struct tunnel_hub *hub;
    struct tls_context *tls;
    struct tunnel *tunnels[GATEWAYS_MAX];
    struct tunnel *far; /* over the line */
    char far_fingerprint[HASH_HEX_BYTES];
    int connected;
    int64_t all_ns; /* when the last was connected */
    sem_t done;
    sem_t far_there;
    struct slot slots[SLOTS];
    int left;    /* contents to begin */
    int running; /* slots that are under way */
    uint64_t bytes;
    int64_t times_ns[ALONE];
    int time_count;
    bool has_failed;
};

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_tunnel: %s: %s %s\n", what, err && err->code ? err->code : "",
            err ? err->text : "");
    exit(1);
}

/* ---- the line's process ---- */

/* What came and when it is due at the other end. */
struct way {
    int from;
    int to;
    struct {
        int64_t due_ns;
        size_t len;
        uint8_t bytes[LINE_PIECE_BYTES];
    } pieces[LINE_PIECES];
    size_t first;
    size_t count;
};

static void take_piece(struct way *way)
{
    size_t at = (way->first + way->count) % LINE_PIECES;
    ssize_t len = read(way->from, way->pieces[at].bytes, LINE_PIECE_BYTES);
    if (len <= 0)
        _exit(0);
    way->pieces[at].due_ns = now_ns() + LINE_NS;
    way->pieces[at].len = (size_t)len;
    way->count++;
}

static void pass_on(struct way *way)
{
    while (way->count > 0 && way->pieces[way->first].due_ns <= now_ns()) {
        size_t len = way->pieces[way->first].len;
        if (write(way->to, way->pieces[way->first].bytes, len) != (ssize_t)len)
            _exit(0);
        way->first = (way->first + 1) % LINE_PIECES;
        way->count--;
    }
}

/* Never returns: ends with one of its ends. */
static void run_line(int listener, uint16_t port)
{
    static struct way ways[2];
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int gateway = accept(listener, NULL, NULL);
    int centre = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (gateway < 0 || connect(centre, (void *)&name, sizeof name) != 0)
        _exit(1);
    setsockopt(gateway, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(centre, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ways[0].from = ways[1].to = gateway;
    ways[0].to = ways[1].from = centre;
    for (;;) {
        int64_t wait_ns = 1000000000;
        struct pollfd ends[2];
        for (size_t i = 0; i < 2; i++) {
            struct way *way = &ways[i];
            bool has_room = way->count < LINE_PIECES;
            ends[i] = (struct pollfd){.fd = has_room ? way->from : -1, .events = POLLIN};
            int64_t left_ns =
                way->count > 0 ? way->pieces[way->first].due_ns - now_ns() : wait_ns;
            if (left_ns < wait_ns)
                wait_ns = left_ns > 0 ? left_ns : 0;
        }
        struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
        if (ppoll(ends, 2, &wait, NULL) < 0)
            _exit(1);
        for (size_t i = 0; i < 2; i++) {
            if (ends[i].revents)
                take_piece(&ways[i]);
            pass_on(&ways[i]);
        }
    }
}

/* On a port of its own, before there are threads. */
static pid_t start_line(uint16_t target, uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (void *)&name, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (void *)&name, &size) != 0)
        fail("line", NULL);
    *port = ntohs(name.sin_port);
    pid_t line = fork();
    if (line == 0)
        run_line(listener, target);
    close(listener);
    return line;
}

/* ---- the gateways' process ---- */

static void answer(struct http_call *call, size_t size)
{
    struct err err = {0};
    uint8_t *bytes = memory_new(1, size, &err);
    if (!bytes)
        fail("content", &err);
    memset(bytes, 'x', size);
    http_answer(call, 200, "application/octet-stream", span_of(bytes, size));
    memory_free(bytes);
}

static void serve_content(struct http_call *call, void *context)
{
    (void)context;
    answer(call, CONTENT_BYTES);
}

static void serve_large(struct http_call *call, void *context)
{
    (void)context;
    answer(call, STALLED_BYTES);
}

static struct tls_context *open_tls(const struct bench *bench, const char *name,
                                    bool is_server)
{
    static const char *const alpn[] = {TUNNEL_ALPN, NULL};
    struct err err = {0};
    char certificate[2 * NAME_BYTES];
    char key[2 * NAME_BYTES];
    char authority[2 * NAME_BYTES];
    snprintf(certificate, sizeof certificate, "%s/%s.crt", bench->folder, name);
    snprintf(key, sizeof key, "%s/%s.key", bench->folder, name);
    snprintf(authority, sizeof authority, "%s/network.crt", bench->folder);
    struct tls_files files = {certificate, key, authority};
    struct tls_context *tls = is_server ? tls_server_open(&files, true, alpn, &err)
                                        : tls_client_open(&files, alpn, &err);
    if (!tls)
        fail(name, &err);
    return tls;
}

/* Never returns: ended by a signal. The last gateway dials over the line. */
static void run_gateways(const struct bench *bench, uint16_t port, uint16_t line_port)
{
    static const struct http_route routes[] = {
        {HTTP_GET, "/content", serve_content, 0},
        {HTTP_GET, "/large", serve_large, 0},
    };
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    struct workers *workers = workers_new(4, 1024, &err);
    struct http_router *router = http_router_new();
    if (!loop || !workers || !router)
        fail("gateways", &err);
    http_router_add(router, routes, sizeof routes / sizeof *routes, NULL);
    for (int i = 0; i <= bench->gateway_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "gateway-%d", i);
        bool is_far = i == bench->gateway_count;
        struct tunnel_dialer_config config = {.loop = loop,
                                              .workers = workers,
                                              .tls = open_tls(bench, name, false),
                                              .host = "localhost",
                                              .port = is_far ? line_port : port,
                                              .router = router,
                                              .limits = http_default_limits(),
                                              .retry_min_ms = 100,
                                              .retry_max_ms = 1000,
                                              .ping_ms = 20000};
        if (!tunnel_dialer_open(&config, &err))
            fail(name, &err);
    }
    loop_run(loop);
    exit(0);
}

/* ---- the centre ---- */

static void *on_connected(void *context, struct tunnel *tunnel, const char *fingerprint)
{
    struct bench *bench = context;
    if (strcmp(fingerprint, bench->far_fingerprint) == 0) {
        if (!bench->far) {
            bench->far = tunnel_keep(tunnel);
            sem_post(&bench->far_there);
        }
        return bench;
    }
    if (bench->connected == bench->gateway_count)
        return NULL;
    bench->tunnels[bench->connected++] = tunnel_keep(tunnel);
    if (bench->connected == bench->gateway_count) {
        bench->all_ns = now_ns();
        sem_post(&bench->done);
    }
    return bench;
}

static void on_disconnected(void *context, struct tunnel *tunnel, void *peer)
{
    (void)context;
    (void)tunnel;
    (void)peer;
}

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

static void begin(struct slot *slot);

static void on_head(void *context, const struct tunnel_head *head)
{
    struct slot *slot = context;
    slot->bench->has_failed = slot->bench->has_failed || head->status != 200;
}

static void on_data(void *context, struct span bytes)
{
    struct slot *slot = context;
    if (slot->is_stalled)
        return;
    slot->bench->bytes += bytes.len;
    tunnel_consume(slot->exchange, bytes.len);
}

static void on_ended(void *context, bool complete, const struct err *err)
{
    struct slot *slot = context;
    struct bench *bench = slot->bench;
    (void)err;
    if (slot->is_stalled)
        return;
    bench->has_failed = bench->has_failed || !complete;
    if (bench->time_count < ALONE)
        bench->times_ns[bench->time_count++] = now_ns() - slot->started_ns;
    bench->running--;
    if (bench->left > 0)
        begin(slot);
    else if (bench->running == 0)
        sem_post(&bench->done);
}

static const struct tunnel_events events = {on_head, on_data, on_ended};

/* On the loop's thread, so that no event comes before the exchange is known. */
static void begin(struct slot *slot)
{
    struct err err = {0};
    struct tunnel_request request = {.method = "GET",
                                     .path = slot->path,
                                     .first_byte_ms = 30000,
                                     .credit_bytes = slot->is_stalled ? 0 : CREDIT_BYTES};
    slot->started_ns = now_ns();
    slot->exchange = tunnel_send(slot->tunnel, &request, &events, slot, &err);
    if (!slot->exchange)
        fail("tunnel_send", &err);
    if (slot->is_stalled)
        return;
    slot->bench->left--;
    slot->bench->running++;
}

static void begin_all(void *context)
{
    struct bench *bench = context;
    for (int i = 0; i < SLOTS && bench->left > 0; i++) {
        bench->slots[i] = (struct slot){.bench = bench,
                                        .tunnel = bench->tunnels[i % bench->connected],
                                        .path = "/content"};
        begin(&bench->slots[i]);
    }
}

static void begin_one(void *context)
{
    struct bench *bench = context;
    bench->slots[0] =
        (struct slot){.bench = bench, .tunnel = bench->tunnels[0], .path = "/content"};
    begin(&bench->slots[0]);
}

static void begin_far(void *context)
{
    struct bench *bench = context;
    bench->slots[0] =
        (struct slot){.bench = bench, .tunnel = bench->far, .path = "/content"};
    begin(&bench->slots[0]);
}

static void begin_stalled(void *context)
{
    struct bench *bench = context;
    bench->slots[1] = (struct slot){.bench = bench,
                                    .tunnel = bench->tunnels[0],
                                    .path = "/large",
                                    .is_stalled = true};
    begin(&bench->slots[1]);
}

static void wait_done(struct bench *bench, const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 120;
    if (sem_timedwait(&bench->done, &until) != 0 || bench->has_failed)
        fail(what, NULL);
}

/* ---- measuring ---- */

static double resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        fail("/proc/self/statm", NULL);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure_sum(struct bench *bench)
{
    bench->left = CONTENTS;
    bench->bytes = 0;
    int64_t from_ns = now_ns();
    loop_post(bench->loop, begin_all, bench);
    wait_done(bench, "contents");
    double seconds = (double)(now_ns() - from_ns) / 1e9;
    printf("{\"bench\":\"tunnel\",\"what\":\"contents in sum\",\"tunnels\":%d,"
           "\"at_once\":%d,\"contents\":%d,\"mb_per_second\":%.0f}\n",
           bench->connected, SLOTS, CONTENTS, (double)bench->bytes / 1e6 / seconds);
}

static void measure_alone(struct bench *bench, const char *what,
                          void (*begin_first)(void *context))
{
    bench->left = ALONE;
    bench->time_count = 0;
    loop_post(bench->loop, begin_first, bench);
    wait_done(bench, what);
    qsort(bench->times_ns, ALONE, sizeof *bench->times_ns, compare);
    printf("{\"bench\":\"tunnel\",\"what\":\"%s\",\"contents\":%d,\"p50_ms\":%.2f,"
           "\"p99_ms\":%.2f}\n",
           what, ALONE, (double)bench->times_ns[ALONE / 2] / 1e6,
           (double)bench->times_ns[ALONE * 99 / 100] / 1e6);
}

/* The same bytes, from one process to another, over loopback. */
static void measure_plain(void)
{
    enum { PIECE = 16384 };
    static uint8_t piece[PIECE];
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    uint64_t wanted = (uint64_t)CONTENTS * CONTENT_BYTES;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (void *)&name, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (void *)&name, &size) != 0)
        fail("plain", NULL);
    pid_t writer = fork();
    if (writer == 0) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (void *)&name, sizeof name) != 0)
            _exit(1);
        while (write(fd, piece, sizeof piece) > 0)
            ;
        _exit(0);
    }
    int fd = accept(listener, NULL, NULL);
    int64_t from_ns = now_ns();
    uint64_t got = 0;
    for (ssize_t count = 1; got < wanted && count > 0; got += (uint64_t)count)
        count = read(fd, piece, sizeof piece);
    double seconds = (double)(now_ns() - from_ns) / 1e9;
    close(fd);
    close(listener);
    kill(writer, SIGTERM);
    waitpid(writer, NULL, 0);
    printf("{\"bench\":\"tunnel\",\"what\":\"plain loopback\",\"mb_per_second\":%.0f}\n",
           (double)got / 1e6 / seconds);
}

static void make_certificates(struct bench *bench)
{
    struct err err = {0};
    char authority[2 * NAME_BYTES];
    char prefix[2 * NAME_BYTES];
    char fingerprint[HASH_HEX_BYTES];
    snprintf(authority, sizeof authority, "%s/network", bench->folder);
    snprintf(prefix, sizeof prefix, "%s/centre", bench->folder);
    if (!tls_make_authority(authority, "Network", &err) ||
        !tls_issue(authority, prefix, "centre", "localhost,127.0.0.1", 30, fingerprint,
                   &err))
        fail("certificates", &err);
    for (int i = 0; i <= bench->gateway_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "gateway-%d", i);
        snprintf(prefix, sizeof prefix, "%s/%s", bench->folder, name);
        if (!tls_issue(authority, prefix, name, NULL, 30, fingerprint, &err))
            fail(name, &err);
    }
    memcpy(bench->far_fingerprint, fingerprint, sizeof fingerprint); /* the last one's */
}

static void remove_certificates(const struct bench *bench)
{
    static const char *const tails[] = {"crt", "key"};
    char path[2 * NAME_BYTES];
    for (size_t k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/network.%s", bench->folder, tails[k]);
        unlink(path);
        snprintf(path, sizeof path, "%s/centre.%s", bench->folder, tails[k]);
        unlink(path);
        for (int i = 0; i <= bench->gateway_count; i++) {
            snprintf(path, sizeof path, "%s/gateway-%d.%s", bench->folder, i, tails[k]);
            unlink(path);
        }
    }
    rmdir(bench->folder);
}

static void open_hub(struct bench *bench)
{
    static const struct tunnel_hub_events hub_events = {on_connected, on_disconnected};
    struct err err = {0};
    bench->loop = loop_new(&err);
    bench->tls = open_tls(bench, "centre", true);
    struct tunnel_hub_config config = {.loop = bench->loop,
                                       .tls = bench->tls,
                                       .address = "127.0.0.1",
                                       .events = &hub_events,
                                       .context = bench,
                                       .ping_ms = 20000};
    bench->hub = bench->loop ? tunnel_hub_open(&config, &err) : NULL;
    if (!bench->hub)
        fail("hub", &err);
}

static void measure(struct bench *bench, pid_t gateways, pid_t line)
{
    double before_kb = resident_kb();
    int64_t from_ns = now_ns();
    pthread_create(&bench->thread, NULL, run_loop, bench->loop);
    wait_done(bench, "connecting");
    printf("{\"bench\":\"tunnel\",\"what\":\"all connected\",\"gateways\":%d,"
           "\"seconds\":%.2f,\"kb_each\":%.0f}\n",
           bench->connected, (double)(bench->all_ns - from_ns) / 1e9,
           (resident_kb() - before_kb) / bench->connected);
    measure_sum(bench);
    measure_alone(bench, "one content alone", begin_one);
    loop_post(bench->loop, begin_stalled, bench);
    measure_alone(bench, "one content beside a reader who takes nothing", begin_one);
    sem_wait(&bench->far_there);
    measure_alone(bench, "one content over a line of 20 ms", begin_far);
    kill(gateways, SIGTERM);
    waitpid(gateways, NULL, 0);
    waitpid(line, NULL, 0);
    loop_stop(bench->loop);
    pthread_join(bench->thread, NULL);
    tunnel_release(&bench->far);
    for (int i = 0; i < bench->connected; i++)
        tunnel_release(&bench->tunnels[i]);
    tunnel_hub_close(bench->hub);
    loop_free(bench->loop);
    tls_context_free(bench->tls);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.folder = "/tmp/bench_tunnel_XXXXXX"};
    uint64_t count = 423;
    if ((argc > 1 && !span_uint(span_cstr(argv[1]), GATEWAYS_MAX, &count)) || count == 0)
        fail("usage: bench_tunnel [1 to 1000]", NULL);
    bench.gateway_count = (int)count;
    if (!mkdtemp(bench.folder))
        fail(bench.folder, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_certificates(&bench);
    measure_plain();
    sem_init(&bench.done, 0, 0);
    sem_init(&bench.far_there, 0, 0);
    open_hub(&bench);
    uint16_t line_port = 0;
    pid_t line = start_line(tunnel_hub_port(bench.hub), &line_port);
    pid_t gateways = fork(); /* before there are threads */
    if (gateways == 0)
        run_gateways(&bench, tunnel_hub_port(bench.hub), line_port);
    measure(&bench, gateways, line);
    remove_certificates(&bench);
    return 0;
}
