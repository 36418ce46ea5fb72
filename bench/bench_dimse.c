// SPDX-License-Identifier: Apache-2.0
/* How fast a gateway takes DICOM instances over C-STORE: instances of 512 kB, each with a
 * UID of its own, from one association and from several at once, on loopback, until the
 * last answer, which our gateway gives when the instance is on the disk (one fsync of a
 * file whose name was there before). Beside it, in the same run: DCMTK's storescp with a
 * process for each association, writing the data sets as they come (+B), which syncs
 * nothing; and what the disk gives to one thread that waits for it every time. The sender
 * is the same for both receivers, and both take in P-DATA of the length they announce.
 *
 * usage: bench_dimse [FOLDER]      on the disk to be measured; one JSON line per answer
 */
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "gateway/gateway_dicom.h"
#include "wire/dimse/dimse_testpeer.h"
#include "wire/loop/loop.h"
#include "wire/workers/workers.h"

enum {
    PIXEL_BYTES = 512 * 1024,
    INSTANCES = 600,
    SENDERS_MAX = 8,
    RUNS = 3,
    NAME_BYTES = 256,
    MESSAGE_BYTES = 1 << 20
};

#define UID_FORM "2.25.10000%06d" /* of one length, so that it can be put in place */

struct sender {
    uint16_t port;
    int first; /* number of its first instance */
    int count;
    pthread_t thread;
};

static char folder[NAME_BYTES];

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_dimse: %s\n", what);
    exit(1);
}

/* ---- the sender ---- */

static void send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("the peer hung up");
        bytes = span_part(bytes, (size_t)sent, bytes.len);
    }
}

static void read_all(int fd, uint8_t *at, size_t len)
{
    while (len > 0) {
        int on = 1; /* for answers that come in two writes */
        ssize_t got = recv(fd, at, len, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        if (got <= 0)
            fail("the peer says no more");
        at += got;
        len -= (size_t)got;
    }
}

static uint8_t read_pdu(int fd, struct buf *body)
{
    uint8_t head[6];
    static const uint8_t nothing[4096];
    read_all(fd, head, sizeof head);
    buf_reset(body);
    for (size_t left = (size_t)head[4] << 8 | head[5]; left > 0;) {
        size_t piece = left < sizeof nothing ? left : sizeof nothing;
        buf_put(body, nothing, piece);
        read_all(fd, body->at + body->len - piece, piece);
        left -= piece;
    }
    return head[0];
}

static int dial(uint16_t port)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* How long its P-DATA may be. */
static uint32_t associate(int fd)
{
    static const char *const syntaxes[] = {DIMSE_EXPLICIT, NULL};
    int rank = -1;
    uint32_t pdu_bytes = 0;
    struct err err = {0};
    CLEANUP(buf_free) struct buf body = buf_init(4096);
    CLEANUP(buf_free) struct buf request = buf_init(4096);
    CLEANUP(buf_free) struct buf answer = buf_init(1 << 16);
    testpeer_titles(&body, "TSUMUGI", "MODALITY");
    testpeer_context(&body, 1, TESTPEER_CT, syntaxes);
    testpeer_user(&body, 16384);
    testpeer_pdu(&request, DIMSE_ASSOCIATE_RQ, buf_view(&body));
    send_all(fd, buf_view(&request));
    if (read_pdu(fd, &answer) != DIMSE_ASSOCIATE_AC ||
        !dimse_read_accept(buf_view(&answer), &rank, &pdu_bytes, &err))
        fail("no association");
    return pdu_bytes;
}

/* Command and data set; where the UID stands in both. */
static void make_message(struct buf *message, uint32_t pdu_bytes, size_t places[2])
{
    char uid[32];
    CLEANUP(buf_free) struct buf set = buf_init(MESSAGE_BYTES);
    snprintf(uid, sizeof uid, UID_FORM, 0);
    struct testpeer_command command = {DIMSE_STORE_RQ, 1, true, TESTPEER_CT, uid, 0};
    testpeer_command(message, 1, &command);
    testpeer_set(&set, true, TESTPEER_CT, uid, PIXEL_BYTES);
    size_t from = message->len;
    dimse_put_message(message, 1, false, buf_view(&set), pdu_bytes);
    const uint8_t *first = memmem(message->at, from, uid, strlen(uid));
    const uint8_t *second =
        memmem(message->at + from, message->len - from, uid, strlen(uid));
    if (!first || !second)
        fail("no UID in the message");
    places[0] = (size_t)(first - message->at);
    places[1] = (size_t)(second - message->at);
}

static void *run_sender(void *context)
{
    struct sender *sender = context;
    size_t places[2];
    CLEANUP(buf_free) struct buf message = buf_init(MESSAGE_BYTES);
    CLEANUP(buf_free) struct buf answer = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf release = buf_init(64);
    int fd = dial(sender->port);
    if (fd < 0)
        fail("nobody listens");
    make_message(&message, associate(fd), places);
    for (int i = 0; i < sender->count; i++) {
        char uid[32];
        snprintf(uid, sizeof uid, UID_FORM, sender->first + i);
        for (int k = 0; k < 2; k++)
            memcpy(message.at + places[k], uid, strlen(uid));
        send_all(fd, buf_view(&message));
        struct err err = {0};
        struct dimse_command command;
        if (read_pdu(fd, &answer) != DIMSE_DATA_TF ||
            !dimse_read_command(span_part(buf_view(&answer), 6, answer.len), &command,
                                &err) ||
            command.status != 0)
            fail("an instance was not kept");
    }
    dimse_put_simple(DIMSE_RELEASE_RQ, 0, 0, &release);
    send_all(fd, buf_view(&release));
    read_pdu(fd, &answer);
    close(fd);
    return NULL;
}

static double send_instances(uint16_t port, int associations)
{
    struct sender senders[SENDERS_MAX];
    double start_s = now_s();
    for (int i = 0; i < associations; i++) {
        senders[i] = (struct sender){.port = port,
                                     .first = i * (INSTANCES / associations),
                                     .count = INSTANCES / associations};
        if (pthread_create(&senders[i].thread, NULL, run_sender, &senders[i]) != 0)
            fail("no thread");
    }
    for (int i = 0; i < associations; i++)
        pthread_join(senders[i].thread, NULL);
    return now_s() - start_s;
}

/* ---- receivers, each a process ---- */

static struct loop *receiver_loop; /* allowed: a signal's target */

static void stop(int number)
{
    (void)number;
    loop_stop(receiver_loop);
}

/* Tells its port over the pipe; ended by SIGTERM. */
static void run_gateway(int pipe_fd, const char *directory)
{
    struct err err = {0};
    struct gateway_dicom_settings settings = {.address = "127.0.0.1",
                                              .title = "TSUMUGI",
                                              .peer_count = 1,
                                              .associations_max = 16,
                                              .associations_per_peer_max = 16,
                                              .instance_mb_max = 1024};
    struct log log = {STDERR_FILENO, clock_system(), "bench"};
    settings.peers[0] = (struct dimse_peer){.title = "MODALITY", .network_count = 1};
    struct loop *loop = loop_new(&err);
    struct workers *workers = workers_new(2, 64, &err);
    struct gateway_dicom_config config = {.loop = loop,
                                          .workers = workers,
                                          .settings = &settings,
                                          .directory = directory,
                                          .log = &log};
    struct gateway_dicom *dicom = NULL;
    if (dimse_read_network(SPAN("127.0.0.1"), &settings.peers[0].networks[0], &err))
        dicom = gateway_dicom_open(&config, &err);
    if (!dicom)
        fail(err.code);
    uint16_t port = gateway_dicom_port(dicom);
    struct sigaction action = {.sa_handler = stop};
    receiver_loop = loop;
    sigaction(SIGTERM, &action, NULL);
    if (write(pipe_fd, &port, sizeof port) != sizeof port)
        fail("pipe");
    log.fd = -1; /* its lines are not asked for */
    loop_run(loop);
    gateway_dicom_stop(dicom);
    workers_free(workers);
    gateway_dicom_close(dicom);
    loop_free(loop);
    _exit(0);
}

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (const struct sockaddr *)(const void *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&at, &len) != 0)
        fail("no port");
    close(fd);
    return ntohs(at.sin_port);
}

static pid_t start_gateway(const char *directory, uint16_t *port)
{
    int ends[2];
    if (pipe(ends) != 0)
        fail("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_gateway(ends[1], directory);
    }
    close(ends[1]);
    if (read(ends[0], port, sizeof *port) != sizeof *port)
        fail("the gateway did not start");
    close(ends[0]);
    return pid;
}

static pid_t start_storescp(const char *directory, uint16_t *port)
{
    char number[8];
    *port = free_port();
    snprintf(number, sizeof number, "%u", (unsigned)*port);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("TCP_NODELAY", "1", 1);
        execlp("storescp", "storescp", "--quiet", "--fork", "+xa", "+B", "-od", directory,
               number, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000; i++) { /* until it listens */
        int fd = dial(*port);
        if (fd >= 0) {
            close(fd);
            return pid;
        }
        struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&pause, NULL);
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return -1;
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return -1;
}

/* ---- runs ---- */

static double cpu_of_children_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

static int empty_file(const char *path, const struct stat *status, int kind,
                      struct FTW *where)
{
    (void)status;
    (void)where;
    return kind == FTW_F ? truncate(path, 0) : 0;
}

/* Names stay to the end: ext4 without a journal passes over what was deleted in the last
 * half minute one by one whenever it makes a file, which the next run would pay for. */
static void empty_folder(const char *directory)
{
    enum { DESCRIPTORS = 16 };
    if (nftw(directory, empty_file, DESCRIPTORS, FTW_PHYS) != 0)
        fail("what was received cannot be emptied");
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return a < b ? -1 : a > b;
}

/* False when the receiver is not there. */
static bool measure(const char *who, bool is_ours, int associations)
{
    double times_s[RUNS];
    double cpu_s = cpu_of_children_s();
    for (int i = 0; i < RUNS; i++) {
        uint16_t port = 0;
        char directory[NAME_BYTES + 64];
        snprintf(directory, sizeof directory, "%s/%s-%d-%d", folder, who, associations,
                 i);
        if (mkdir(directory, 0700) != 0)
            fail("the folder is not empty");
        sync(); /* what the run before left is not this one's */
        pid_t pid =
            is_ours ? start_gateway(directory, &port) : start_storescp(directory, &port);
        if (pid < 0) {
            rmdir(directory);
            return false;
        }
        times_s[i] = send_instances(port, associations);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        empty_folder(directory);
    }
    cpu_s = (cpu_of_children_s() - cpu_s) / RUNS;
    qsort(times_s, RUNS, sizeof *times_s, compare);
    double sent_mb = (double)INSTANCES / associations * associations * PIXEL_BYTES / 1e6;
    printf("{\"bench\":\"dimse\",\"what\":\"%s\",\"associations\":%d,\"instances\":%d,"
           "\"kb\":%d,\"mb_per_second\":%.0f,\"slowest\":%.0f,\"fastest\":%.0f",
           who, associations, INSTANCES, PIXEL_BYTES / 1000, sent_mb / times_s[RUNS / 2],
           sent_mb / times_s[RUNS - 1], sent_mb / times_s[0]);
    if (is_ours) /* storescp's processes of associations are not waited for by us */
        printf(",\"cpu_s\":%.2f", cpu_s);
    printf("}\n");
    fflush(stdout);
    return true;
}

/* The same bytes by one thread, each file on the disk before the next: what the disk
 * gives to whoever waits for it every time. */
static void measure_disk(void)
{
    static uint8_t bytes[PIXEL_BYTES];
    struct err err = {0};
    char directory[NAME_BYTES + 16];
    snprintf(directory, sizeof directory, "%s/received", folder);
    if (mkdir(directory, 0700) != 0)
        fail("the folder is not empty");
    CLEANUP(path_close) int root = path_open_root(directory, &err);
    double start_s = now_s();
    for (int i = 0; i < INSTANCES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", i);
        int fd = openat(root, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes ||
            fdatasync(fd) != 0 || renameat(root, "new", root, name) != 0 ||
            fsync(root) != 0)
            fail("the disk");
        close(fd);
    }
    printf("{\"bench\":\"dimse\",\"what\":\"disk, one file after the other\","
           "\"instances\":%d,\"kb\":%d,\"mb_per_second\":%.0f}\n",
           INSTANCES, PIXEL_BYTES / 1000,
           (double)INSTANCES * PIXEL_BYTES / 1e6 / (now_s() - start_s));
    fflush(stdout);
    empty_folder(directory);
}

int main(int count, char **arguments)
{
    static const int associations[] = {1, 2, 4};
    snprintf(folder, sizeof folder, "%s/bench_dimse_XXXXXX",
             count > 1 ? arguments[1] : "/tmp");
    if (!mkdtemp(folder))
        fail("no folder");
    measure_disk();
    for (size_t i = 0; i < sizeof associations / sizeof *associations; i++) {
        measure("gateway", true, associations[i]);
        if (!measure("storescp", false, associations[i]))
            fprintf(stderr, "bench_dimse: storescp does not start\n");
    }
    if (!test_remove(folder))
        fail("what was received cannot be removed");
    return 0;
}
