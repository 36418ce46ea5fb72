// SPDX-License-Identifier: Apache-2.0
/* How many calendars a centre opens per second over loopback: gate, durable audit row,
 * registry and JSON of a year. Beside it, on the same connections of the same server:
 * /healthz (the wire alone), a file that the program carries (the wire with a body), and
 * how often the disk below `folder` makes a kilobyte durable, one writer, before and
 * after. At the end a fixed number of openings per second, each timed from the instant at
 * which it was due, so that waiting for a free connection counts.
 *
 * usage: bench_calendar port=N login=L password=P numbers=N[,N…]|persons=FILE from=DAY
 *                       to=DAY [folder=DIR] [pid=SERVER] [tls=PREFIX authority=FILE]
 *                       [connections=N] [only=WHAT] [seconds=N] [keep=FILE] [on=NAME]
 *        bench_calendar port=N get=PATH [tls=PREFIX authority=FILE] [seconds=N] [on=NAME]
 * WHAT: healthz, file, opening, rate, disk; or packed, openings whose answer is asked for
 * with gzip, which is in none of the others.
 * The patients are `numbers` of the viewer's own facility, or the ids in a file, one a
 * line; each connection opens them in turn, and each begins elsewhere. With `tls` the
 * client shows the certificate PREFIX.crt. With `pid` and perf(1) the server's calls of
 * fsync and fdatasync are counted. The newest answer's body is kept in a file, so that
 * with `get` another server can be asked for the same bytes, without a login. `on` is
 * repeated in the answers. One JSON line per answer. One thread, each connection with a
 * login of its own. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/span.h"
#include "wire/tls/tls.h"

enum {
    CONNECTIONS_MAX = 64,
    PERSONS_MAX = 4096,
    ANSWER_BYTES_MAX = 4 << 20,
    CHUNK_BYTES = 256 * 1024,
    TIMES_MAX = 2000000,
    TIMEOUT_MS = 30000,
    RATE = 200 /* openings per second of the last part */
};

#define TIMEOUT_NS ((int64_t)TIMEOUT_MS * 1000000)

struct options {
    const char *login, *password, *numbers, *from, *to, *folder;
    const char *tls, *authority, *only;
    const char *persons, *get, *keep, *on;
    uint16_t port;
    uint64_t pid;
    int seconds;
    size_t connections; /* 0 = one number after the other */
};

struct client {
    int fd;
    struct tls_session *tls; /* NULL = plain */
    char cookie[256];
    char csrf[128];
    struct buf out;    /* towards the socket */
    struct buf answer; /* what came, decrypted */
    size_t head_bytes; /* 0 = the head is not whole yet */
    size_t whole_bytes;
    int status;
    bool is_waiting;
    bool is_packed;
    size_t next; /* patient */
    int64_t started_ns;
};

struct bench {
    struct options options;
    struct tls_context *tls;
    struct client clients[CONNECTIONS_MAX];
    char persons[PERSONS_MAX][ID_TEXT_BYTES];
    size_t person_count;
    int epoll;
    uint8_t *chunk;
    int64_t *times_ns;
    size_t count;
    size_t bytes;                /* of bodies */
    const struct client *newest; /* whose answer came last */
};

/* One kind of question. */
struct question {
    const char *what;
    const char *method;
    const char *path; /* NULL = opening the calendar of the next patient */
    int expected;
    bool is_packed; /* gzip is asked for, as browsers do */
};

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool complain(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_calendar: %s: %s %s\n", what, err->code ? err->code : "",
            err->text);
    return false;
}

/* ---- one connection ---- */

static bool send_rest(struct client *client)
{
    while (client->out.len > 0) {
        ssize_t put = send(client->fd, client->out.at, client->out.len, MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN;
        buf_drop(&client->out, (size_t)put);
    }
    return true;
}

static const char *header(const struct client *client, const char *name)
{
    const char *found = strcasestr((const char *)client->answer.at, name);
    bool is_head =
        found && (size_t)(found - (const char *)client->answer.at) < client->head_bytes;
    return is_head ? found + strlen(name) : NULL;
}

/* Reads the head once it is there. False when it cannot be one of ours. */
static bool read_head(struct client *client)
{
    uint64_t number = 0;
    uint64_t status = 0;
    buf_byte(&client->answer, 0); /* an end for the text functions */
    client->answer.len--;
    const char *end = strstr((const char *)client->answer.at, "\r\n\r\n");
    if (!end)
        return client->answer.len < 16384;
    client->head_bytes = (size_t)(end + 4 - (const char *)client->answer.at);
    const char *length = header(client, "\r\ncontent-length: ");
    if (!span_uint(span_part(buf_view(&client->answer), 9, 3), 999, &status) ||
        (length &&
         !span_uint(span_of(length, strcspn(length, "\r")), ANSWER_BYTES_MAX, &number)))
        return false;
    client->status = (int)status;
    client->whole_bytes = client->head_bytes + (size_t)number;
    return true;
}

static bool is_whole(const struct client *client)
{
    return client->head_bytes > 0 && client->answer.len >= client->whole_bytes;
}

/* Takes what has come. */
static bool receive(struct bench *bench, struct client *client)
{
    ssize_t got = recv(client->fd, bench->chunk, CHUNK_BYTES, 0);
    if (got < 0)
        return errno == EAGAIN;
    struct span bytes = span_of(bench->chunk, (size_t)got);
    struct err err = {0};
    bool is_closed = got == 0;
    if (client->tls &&
        !tls_receive(client->tls, bytes, &client->answer, &client->out, &is_closed, &err))
        return complain("tls", &err);
    if (!client->tls)
        buf_span(&client->answer, bytes);
    if (is_closed || !send_rest(client))
        return false;
    return client->head_bytes > 0 || client->answer.len == 0 || read_head(client);
}

static bool ask(struct client *client, const struct options *options, const char *method,
                const char *path, const char *json)
{
    CLEANUP(buf_free) struct buf request = buf_init(4096);
    buf_format(&request, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\n", method, path,
               options->port);
    buf_format(&request, "Origin: %s://localhost:%u\r\n", client->tls ? "https" : "http",
               options->port);
    if (client->is_packed)
        buf_cstr(&request, "Accept-Encoding: gzip\r\n");
    if (client->cookie[0])
        buf_format(&request, "Cookie: %s\r\nX-CSRF-Token: %s\r\n", client->cookie,
                   client->csrf);
    if (json)
        buf_format(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(json));
    buf_format(&request, "\r\n%s", json ? json : "");
    client->head_bytes = client->whole_bytes = 0;
    client->status = 0;
    client->is_waiting = true;
    buf_reset(&client->answer);
    struct err err = {0};
    if (client->tls)
        return tls_send(client->tls, buf_view(&request), &client->out, &err) &&
               send_rest(client);
    buf_span(&client->out, buf_view(&request));
    return send_rest(client);
}

/* One at a time, for what comes before measuring. */
static bool exchange(struct bench *bench, struct client *client, const char *method,
                     const char *path, const char *json)
{
    struct epoll_event event;
    if (!ask(client, &bench->options, method, path, json))
        return false;
    while (!is_whole(client))
        if (epoll_wait(bench->epoll, &event, 1, TIMEOUT_MS) != 1 ||
            !receive(bench, event.data.ptr))
            return false;
    client->is_waiting = false;
    buf_byte(&client->answer, 0);
    return true;
}

static bool dial(struct bench *bench, struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(bench->options.port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    struct err err = {0};
    int on = 1;
    client->out = buf_init(ANSWER_BYTES_MAX);
    client->answer = buf_init(ANSWER_BYTES_MAX);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 ||
        connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(bench->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        return false;
    if (!bench->tls)
        return true;
    client->tls = tls_session_new(bench->tls, "localhost", &err);
    return (client->tls && tls_start(client->tls, &client->out, &err) &&
            send_rest(client)) ||
           complain("tls", &err);
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

static bool log_in(struct bench *bench, struct client *client)
{
    char json[256];
    snprintf(json, sizeof json, "{\"login\":\"%s\",\"password\":\"%s\"}",
             bench->options.login, bench->options.password);
    return exchange(bench, client, "POST", "/api/v1/session", json) &&
           client->status == 200 &&
           keep(header(client, "\r\nset-cookie: "), "", ";", client->cookie,
                sizeof client->cookie) &&
           keep((const char *)client->answer.at, "\"csrf\":\"", "\"", client->csrf,
                sizeof client->csrf);
}

static bool read_persons(struct bench *bench)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct span rest = {0};
    struct span line;
    struct err err = {0};
    if (!path_read_file(bench->options.persons, 1 << 19, &arena, &rest, &err))
        return complain("persons", &err);
    while (bench->person_count < PERSONS_MAX && span_take(&rest, '\n', &line))
        if (line.len == ID_TEXT_BYTES - 1)
            memcpy(bench->persons[bench->person_count++], line.at, line.len);
    return bench->person_count > 0;
}

static bool find_persons(struct bench *bench)
{
    if (bench->options.persons)
        return read_persons(bench);
    struct client *client = &bench->clients[0];
    struct span rest = span_cstr(bench->options.numbers);
    struct span number;
    while (bench->person_count < PERSONS_MAX && span_take(&rest, ',', &number)) {
        char json[128];
        snprintf(json, sizeof json, "{\"own_number\":\"%.*s\"}", (int)number.len,
                 (const char *)number.at);
        if (!exchange(bench, client, "POST", "/api/v1/persons/searches", json) ||
            client->status != 200 ||
            !keep((const char *)client->answer.at, "\"id\":\"", "\"",
                  bench->persons[bench->person_count++], ID_TEXT_BYTES)) {
            fprintf(stderr, "bench_calendar: a number was not found, status %d\n",
                    client->status);
            return false;
        }
    }
    return bench->person_count > 0;
}

/* ---- measuring ---- */

static bool ask_next(struct bench *bench, struct client *client,
                     const struct question *question, int64_t started_ns)
{
    char path[128];
    char json[96];
    client->started_ns = started_ns;
    client->is_packed = question->is_packed;
    if (question->path)
        return ask(client, &bench->options, question->method, question->path, NULL);
    snprintf(path, sizeof path, "/api/v1/persons/%s/calendar-openings",
             bench->persons[client->next++ % bench->person_count]);
    snprintf(json, sizeof json, "{\"from\":\"%s\",\"to\":\"%s\"}", bench->options.from,
             bench->options.to);
    return ask(client, &bench->options, question->method, path, json);
}

static bool take_answer(struct bench *bench, struct client *client, int expected)
{
    client->is_waiting = false;
    if (client->status != expected || bench->count == TIMES_MAX) {
        buf_byte(&client->answer, 0);
        fprintf(stderr, "bench_calendar: not as expected: %.600s\n",
                (const char *)client->answer.at);
        return false;
    }
    bench->times_ns[bench->count++] = now_ns() - client->started_ns;
    bench->bytes += client->whole_bytes - client->head_bytes;
    bench->newest = client;
    return true;
}

/* The body of the newest answer. */
static bool keep_answer(const struct bench *bench)
{
    struct err err = {0};
    const struct client *client = bench->newest;
    const char *file = bench->options.keep;
    if (!file)
        return true;
    struct span body = span_part(buf_view(&client->answer), client->head_bytes,
                                 client->whole_bytes - client->head_bytes);
    return path_write_file(file, body, &err) || complain("keep", &err);
}

/* A run: `step_ns` apart at a fixed rate, 0 = on every connection that is free. */
struct pace {
    size_t connections;
    int64_t step_ns;
    int64_t due_ns;
    int64_t until_ns;
    int64_t wait_ns; /* until something is due; as long as answers may take */
    bool is_over;
};

/* Asks what is due. */
static bool ask_due(struct bench *bench, const struct question *question,
                    struct pace *pace)
{
    int64_t now = now_ns();
    bool has_free = false;
    for (size_t i = 0; i < pace->connections; i++) {
        struct client *client = &bench->clients[i];
        int64_t start = pace->step_ns ? pace->due_ns : now;
        has_free = has_free || !client->is_waiting;
        if (start >= pace->until_ns || start > now)
            break;
        if (client->is_waiting)
            continue;
        if (!ask_next(bench, client, question, start))
            return false;
        pace->due_ns += pace->step_ns;
    }
    int64_t left_ns = pace->due_ns - now_ns();
    pace->is_over = pace->due_ns >= pace->until_ns || now >= pace->until_ns;
    pace->wait_ns = TIMEOUT_NS;
    if (pace->step_ns && has_free && !pace->is_over)
        pace->wait_ns = left_ns > 0 ? left_ns : 0;
    return true;
}

static size_t waiting(const struct bench *bench, size_t connections)
{
    size_t count = 0;
    for (size_t i = 0; i < connections; i++)
        count += bench->clients[i].is_waiting;
    return count;
}

static bool run(struct bench *bench, const struct question *question, size_t connections,
                int64_t step_ns)
{
    struct epoll_event events[CONNECTIONS_MAX];
    int64_t now = now_ns();
    struct pace pace = {.connections = connections,
                        .step_ns = step_ns,
                        .due_ns = now,
                        .until_ns = now + (int64_t)bench->options.seconds * 1000000000};
    bench->count = bench->bytes = 0;
    for (;;) {
        if (!ask_due(bench, question, &pace))
            return false;
        if (pace.is_over && waiting(bench, connections) == 0)
            return bench->count > 0;
        struct timespec wait = {pace.wait_ns / 1000000000, pace.wait_ns % 1000000000};
        int ready = epoll_pwait2(bench->epoll, events, CONNECTIONS_MAX, &wait, NULL);
        if (ready < 0 || (ready == 0 && pace.wait_ns == TIMEOUT_NS))
            return false;
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!receive(bench, client) ||
                (client->is_waiting && is_whole(client) &&
                 !take_answer(bench, client, question->expected)))
                return false;
        }
    }
}

/* ---- the server's calls of fsync and fdatasync, counted by perf(1) ---- */

struct counting {
    pid_t process; /* 0 = none */
    char file[PATH_MAX_BYTES];
};

static struct counting start_counting(const struct options *options)
{
    static char words[][64] = {"perf",
                               "stat",
                               "-x,",
                               "-e",
                               "syscalls:sys_enter_fdatasync,syscalls:sys_enter_fsync",
                               "-p"};
    struct counting counting = {0};
    char pid[24];
    char seconds[24];
    static char sleep[] = "sleep";
    static char output[] = "-o";
    if (options->pid == 0 || !options->folder)
        return counting;
    snprintf(counting.file, sizeof counting.file, "%s/syncs", options->folder);
    snprintf(pid, sizeof pid, "%llu", (unsigned long long)options->pid);
    snprintf(seconds, sizeof seconds, "%d", options->seconds);
    char *arguments[] = {words[0], words[1], words[2],      words[3], words[4], words[5],
                         pid,      output,   counting.file, sleep,    seconds,  NULL};
    if (posix_spawnp(&counting.process, "perf", NULL, NULL, arguments, environ) != 0)
        counting.process = 0;
    return counting;
}

/* -1 when it could not be counted. */
static int64_t end_counting(const struct counting *counting)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 16);
    struct span rest = {0};
    struct span line;
    struct err err = {0};
    int64_t sum = -1;
    if (counting->process == 0 || waitpid(counting->process, NULL, 0) < 0 ||
        !path_read_file(counting->file, 1 << 15, &arena, &rest, &err))
        return -1;
    unlink(counting->file);
    while (span_take(&rest, '\n', &line)) {
        uint64_t count = 0;
        struct span number;
        if (span_take(&line, ',', &number) && span_uint(number, INT64_MAX, &count))
            sum = (sum < 0 ? 0 : sum) + (int64_t)count;
    }
    return sum;
}

/* ---- answers ---- */

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double part_ms(const struct bench *bench, size_t thousandths)
{
    size_t at = bench->count * thousandths / 1000;
    return (double)bench->times_ns[at < bench->count ? at : bench->count - 1] / 1e6;
}

static double client_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Of the server so far, all threads; 0 when it is not known. */
static double server_cpu_s(const struct options *options)
{
    enum { USER = 11, SYSTEM = 12 }; /* fields behind the name, proc(5) */
    struct span field;
    uint64_t ticks = 0;
    char name[64];
    char line[1024];
    snprintf(name, sizeof name, "/proc/%llu/stat", (unsigned long long)options->pid);
    CLEANUP(path_close) int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof line);
    struct span rest = span_of(line, len < 0 ? 0 : (size_t)len);
    if (!span_take(&rest, ')', &field) || !span_take(&rest, ' ', &field))
        return 0;
    for (int i = 0; i <= SYSTEM && span_take(&rest, ' ', &field); i++) {
        uint64_t number = 0;
        if ((i == USER || i == SYSTEM) && span_uint(field, INT64_MAX, &number))
            ticks += number;
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static bool measure(struct bench *bench, const struct question *question,
                    size_t connections, int rate)
{
    struct counting counting = {0};
    if (!question->path)
        counting = start_counting(&bench->options);
    int64_t started = now_ns();
    double cpu_s = client_cpu_s();
    double server_s = server_cpu_s(&bench->options);
    bool is_good = run(bench, question, connections, rate ? 1000000000 / rate : 0);
    double seconds = (double)(now_ns() - started) / 1e9;
    cpu_s = client_cpu_s() - cpu_s;
    server_s = server_cpu_s(&bench->options) - server_s;
    int64_t syncs = end_counting(&counting);
    if (!is_good) {
        fprintf(stderr, "bench_calendar: %s was not answered\n", question->what);
        return false;
    }
    qsort(bench->times_ns, bench->count, sizeof *bench->times_ns, compare);
    printf("{\"bench\":\"calendar\",\"on\":\"%s\",\"what\":\"%s\",\"wire\":\"%s\","
           "\"connections\":%zu,"
           "\"asked_per_s\":%d,\"answers_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"max_ms\":%.2f,\"bytes\":%zu,\"client_cpu\":%.2f",
           bench->options.on, question->what, bench->tls ? "tls" : "plain", connections,
           rate, (double)bench->count / seconds, part_ms(bench, 500), part_ms(bench, 990),
           part_ms(bench, 1000), bench->bytes / bench->count, cpu_s / seconds);
    if (bench->options.pid)
        printf(",\"server_cpu_us\":%.0f", server_s * 1e6 / (double)bench->count);
    if (syncs >= 0)
        printf(",\"syncs_per_s\":%.0f,\"answers_per_sync\":%.2f",
               (double)syncs / bench->options.seconds,
               syncs ? (double)bench->count / (double)syncs : 0.0);
    puts("}");
    fflush(stdout);
    return true;
}

static bool measure_disk(struct bench *bench)
{
    char path[PATH_MAX_BYTES];
    static const char bytes[1024];
    snprintf(path, sizeof path, "%s/disk", bench->options.folder);
    CLEANUP(path_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int64_t until = now_ns() + (int64_t)bench->options.seconds * 1000000000;
    bench->count = 0;
    while (fd >= 0 && bench->count < TIMES_MAX && now_ns() < until) {
        int64_t started = now_ns();
        if (write(fd, bytes, sizeof bytes) != sizeof bytes || fdatasync(fd) != 0)
            break;
        bench->times_ns[bench->count++] = now_ns() - started;
    }
    unlink(path);
    if (bench->count == 0)
        return false;
    qsort(bench->times_ns, bench->count, sizeof *bench->times_ns, compare);
    printf("{\"bench\":\"calendar\",\"what\":\"disk\",\"answers_per_s\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           (double)bench->count / bench->options.seconds, part_ms(bench, 500),
           part_ms(bench, 990));
    fflush(stdout);
    return true;
}

/* Another server, with a file that says the same. */
static bool run_get(struct bench *bench, const size_t *steps, size_t step_count)
{
    struct question get = {"get", "GET", bench->options.get, 200, false};
    for (size_t i = 0; i < step_count; i++)
        if (!measure(bench, &get, steps[i], 0))
            return false;
    return measure(bench, &get, 16, RATE);
}

static bool is_asked(const struct options *options, const char *what)
{
    return !options->only || strcmp(options->only, what) == 0;
}

static const struct question healthz = {"healthz", "GET", "/healthz", 200, false};
static const struct question file = {"file", "GET", "/icon.svg", 200, false};
static const struct question opening = {"opening", "POST", NULL, 201, false};
static const struct question packed = {"packed", "POST", NULL, 201, true};

/* The same question on so many connections, if both are asked for. */
static bool run_step(struct bench *bench, const struct question *question,
                     size_t connections)
{
    const struct options *options = &bench->options;
    bool is_left_out = options->connections && options->connections != connections;
    return is_left_out || !is_asked(options, question->what) ||
           measure(bench, question, connections, 0);
}

/* As fast as it goes, on more and more connections. */
static bool run_steps(struct bench *bench)
{
    static const size_t steps[] = {1, 4, 16, CONNECTIONS_MAX};
    if (bench->options.get)
        return run_get(bench, steps, sizeof steps / sizeof *steps);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!run_step(bench, &healthz, steps[i]) || !run_step(bench, &file, steps[i]) ||
            !run_step(bench, &opening, steps[i]))
            return false;
    return true;
}

static bool run_all(struct bench *bench)
{
    const struct options *options = &bench->options;
    bool measures_disk = options->folder && !options->get && is_asked(options, "disk");
    if ((measures_disk && !measure_disk(bench)) || !run_steps(bench))
        return false;
    if (options->get)
        return true;
    if (is_asked(options, "rate") && !measure(bench, &opening, 16, RATE))
        return false;
    if (options->only && is_asked(options, "packed") && !measure(bench, &packed, 16, 0))
        return false;
    return keep_answer(bench) && (!measures_disk || measure_disk(bench));
}

/* ---- start and end ---- */

static bool read_number(const char *value, uint64_t max, uint64_t *number)
{
    return span_uint(span_cstr(value), max, number);
}

static bool read_option(struct options *options, const char *argument)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {
        {"login=", &options->login},     {"password=", &options->password},
        {"numbers=", &options->numbers}, {"from=", &options->from},
        {"to=", &options->to},           {"folder=", &options->folder},
        {"tls=", &options->tls},         {"authority=", &options->authority},
        {"only=", &options->only},       {"persons=", &options->persons},
        {"get=", &options->get},         {"keep=", &options->keep},
        {"on=", &options->on},
    };
    const char *equals = strchr(argument, '=');
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strncmp(argument, texts[i].name, strlen(texts[i].name)) == 0) {
            *texts[i].value = argument + strlen(texts[i].name);
            return true;
        }
    if (!equals || !read_number(equals + 1, 1U << 30, &number))
        return false;
    if (strncmp(argument, "port=", 5) == 0)
        options->port = (uint16_t)number;
    else if (strncmp(argument, "pid=", 4) == 0)
        options->pid = number;
    else if (strncmp(argument, "seconds=", 8) == 0)
        options->seconds = (int)number;
    else if (strncmp(argument, "connections=", 12) == 0)
        options->connections = (size_t)number;
    else
        return false;
    return true;
}

static bool prepare(struct bench *bench)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    const struct options *options = &bench->options;
    struct err err = {0};
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    bench->chunk = memory_new(CHUNK_BYTES, 1, &err);
    bench->times_ns = memory_new(TIMES_MAX, sizeof *bench->times_ns, &err);
    if (bench->epoll < 0 || !bench->chunk || !bench->times_ns)
        return false;
    if (options->tls) {
        char certificate[PATH_MAX_BYTES];
        char key[PATH_MAX_BYTES];
        snprintf(certificate, sizeof certificate, "%s.crt", options->tls);
        snprintf(key, sizeof key, "%s.key", options->tls);
        struct tls_files files = {certificate, key, options->authority};
        bench->tls = tls_client_open(&files, alpn, &err);
        if (!bench->tls)
            return complain("tls", &err);
    }
    size_t count = options->connections ? options->connections : CONNECTIONS_MAX;
    for (size_t i = 0; i < count; i++) {
        struct client *client = &bench->clients[i];
        if (!dial(bench, client) || (!options->get && !log_in(bench, client))) {
            fprintf(stderr, "bench_calendar: no login, status %d\n", client->status);
            return false;
        }
    }
    if (options->get)
        return true;
    if (!find_persons(bench))
        return false;
    for (size_t i = 0; i < count; i++)
        bench->clients[i].next = i * bench->person_count / count;
    return true;
}

static void finish(struct bench *bench)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct client *client = &bench->clients[i];
        if (client->fd > 0)
            path_close(&client->fd);
        tls_session_free(client->tls);
        buf_free(&client->out);
        buf_free(&client->answer);
    }
    if (bench->tls)
        tls_context_free(bench->tls);
    memory_free(bench->chunk);
    memory_free(bench->times_ns);
    path_close(&bench->epoll);
}

static bool is_complete(const struct options *options)
{
    bool has_work = options->login && options->password && options->from && options->to &&
                    (options->numbers || options->persons);
    return options->port && options->connections <= CONNECTIONS_MAX &&
           (options->get || has_work);
}

int main(int argc, char **argv)
{
    static struct bench bench; /* allowed: large, and there is one */
    struct options *options = &bench.options;
    *options = (struct options){.seconds = 4, .on = "demo"};
    bool is_asked = true;
    for (int i = 1; i < argc; i++)
        is_asked = is_asked && read_option(options, argv[i]);
    if (!is_asked || !is_complete(options)) {
        fputs("usage: bench_calendar port=N login=L password=P numbers=N[,N…]|"
              "persons=FILE from=DAY to=DAY [folder=DIR] [pid=SERVER] [tls=PREFIX "
              "authority=FILE] [connections=N] [only=WHAT] [seconds=N] [keep=FILE] "
              "[on=NAME]\n       bench_calendar port=N get=PATH [tls=PREFIX "
              "authority=FILE] [seconds=N] [on=NAME]\n",
              stderr);
        return 2;
    }
    bool is_good = prepare(&bench) && run_all(&bench);
    finish(&bench);
    return is_good ? 0 : 1;
}
