// SPDX-License-Identifier: Apache-2.0
/* The listener over real sockets: caps, deadlines, back-pressure, peers that vanish. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "wire/dimse/dimse_testpeer.h"
#include "wire/loop/loop.h"
#include "wire/workers/workers.h"

enum { WAIT_MS = 20000 };

/* A sink that says of each write whether it wants more, and answers when it is told to.
 */
struct site {
    struct dimse_peer peers[2];
    struct dimse_limits limits;
    struct log log;
    struct loop *loop;
    struct workers *workers;
    struct dimse_server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_full;
    bool holds_answers;
    struct dimse_ticket *ticket; /* of the last transfer */
    size_t written_bytes;
    int begins;
    int commits;
    int abandons;
    bool keeps_nothing; /* of requests for commitment */
    int keeps;
    int forgets;
};

static void note(struct site *site, int *counter)
{
    pthread_mutex_lock(&site->lock);
    ++*counter;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
}

static bool wait_for(struct site *site, const int *counter, int value)
{
    struct timespec last;
    clock_gettime(CLOCK_REALTIME, &last);
    last.tv_sec += WAIT_MS / 1000;
    int failed = 0;
    pthread_mutex_lock(&site->lock);
    while (*counter < value && failed == 0)
        failed = pthread_cond_timedwait(&site->changed, &site->lock, &last);
    bool has_come = *counter >= value;
    pthread_mutex_unlock(&site->lock);
    return has_come;
}

static void *begin(void *context, const struct dimse_instance *instance,
                   struct dimse_ticket *ticket, uint16_t *status)
{
    struct site *site = context;
    (void)instance;
    (void)status;
    site->ticket = ticket;
    note(site, &site->begins);
    return site;
}

static bool write_on(void *transfer, struct span bytes)
{
    struct site *site = transfer;
    pthread_mutex_lock(&site->lock);
    site->written_bytes += bytes.len;
    bool goes_on = !site->is_full;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
    return goes_on;
}

static void commit(void *transfer)
{
    struct site *site = transfer;
    if (!site->holds_answers)
        dimse_answer(site->ticket, DIMSE_SUCCESS);
    note(site, &site->commits);
}

static void abandon(void *transfer)
{
    struct site *site = transfer;
    dimse_drop(site->ticket);
    note(site, &site->abandons);
}

static uint16_t ask(void *context, const char *sop_class, const char *sop_instance)
{
    (void)context;
    (void)sop_class;
    return strcmp(sop_instance, "2.25.1") == 0 ? DIMSE_SUCCESS : DIMSE_NO_SUCH_INSTANCE;
}

static bool keep(void *context, const struct dimse_due *due, uint64_t *number,
                 struct err *err)
{
    struct site *site = context;
    CHECK(strcmp(due->calling, "MODALITY") == 0 && due->since_ms > 0);
    if (site->keeps_nothing)
        return err_set(err, ERR_SYSTEM, "path_failed", "no room");
    *number = 5;
    note(site, &site->keeps);
    return true;
}

static void forget(void *context, uint64_t number)
{
    struct site *site = context;
    CHECK(number == 5);
    note(site, &site->forgets);
}

static const struct dimse_sink sink = {.begin = begin,
                                       .write = write_on,
                                       .commit = commit,
                                       .abandon = abandon,
                                       .keep = keep,
                                       .forget = forget,
                                       .ask = ask};

static void *run_loop(void *context)
{
    struct site *site = context;
    loop_run(site->loop);
    return NULL;
}

static void prepare(struct site *site)
{
    struct err err = {0};
    *site = (struct site){
        .limits = dimse_default_limits(),
        .log = {open("/dev/null", O_WRONLY | O_CLOEXEC), clock_system(), "test"},
        .peers = {{.title = "MODALITY", .network_count = 1},
                  {.title = "OTHER", .network_count = 1}}};
    pthread_mutex_init(&site->lock, NULL);
    pthread_cond_init(&site->changed, NULL);
    for (int i = 0; i < 2; i++)
        CHECK(dimse_read_network(SPAN("127.0.0.0/8"), &site->peers[i].networks[0], &err));
}

static void open_site(struct site *site)
{
    struct err err = {0};
    site->loop = loop_new(&err);
    site->workers = workers_new(1, 16, &err);
    struct dimse_config config = {.loop = site->loop,
                                  .workers = site->workers,
                                  .address = "127.0.0.1",
                                  .title = "TSUMUGI",
                                  .peers = site->peers,
                                  .peer_count = 2,
                                  .sink = &sink,
                                  .context = site,
                                  .limits = site->limits,
                                  .report_retry_ms = 50,
                                  .report_age_ms = WAIT_MS,
                                  .log = &site->log};
    site->server = dimse_open(&config, &err);
    CHECK(site->server != NULL);
    CHECK(pthread_create(&site->thread, NULL, run_loop, site) == 0);
}

static void close_site(struct site *site)
{
    loop_stop(site->loop);
    pthread_join(site->thread, NULL);
    dimse_close(site->server);
    workers_free(site->workers);
    loop_free(site->loop);
    close(site->log.fd);
    pthread_cond_destroy(&site->changed);
    pthread_mutex_destroy(&site->lock);
}

static int64_t meter_of(struct site *site, const char *line)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct span rest, value = {0};
    uint64_t number = 0;
    dimse_put_meters(site->server, &out);
    const uint8_t *at = memmem(out.at, out.len, line, strlen(line));
    if (!at)
        return 0;
    rest = span_part(buf_view(&out), (size_t)(at - out.at) + strlen(line), out.len);
    CHECK(span_take(&rest, '\n', &value) && span_uint(value, INT64_MAX, &number));
    return (int64_t)number;
}

/* Counters have no event of their own: looked at again every 10 ms. */
static bool meter_becomes(struct site *site, const char *line, int64_t value)
{
    for (int i = 0; i < WAIT_MS / 10 && meter_of(site, line) != value; i++)
        poll(NULL, 0, 10);
    return meter_of(site, line) == value;
}

/* ---- a peer ---- */

static int dial(const struct site *site, const char *from)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(dimse_port(site->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, from, &own.sin_addr);
    bool is_there =
        bind(fd, (const struct sockaddr *)(const void *)&own, sizeof own) == 0 &&
        connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0;
    CHECK(is_there);
    return fd;
}

static void say(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = span_part(bytes, (size_t)sent, bytes.len);
    }
}

/* One PDU; its type, 0 at the end, -1 when nothing comes. */
static int hear(int fd, struct buf *pdu)
{
    buf_reset(pdu);
    size_t wanted = 6;
    while (pdu->len < wanted) {
        uint8_t bytes[4096];
        struct pollfd one = {.fd = fd, .events = POLLIN};
        if (poll(&one, 1, WAIT_MS) <= 0)
            return -1;
        size_t room = wanted - pdu->len < sizeof bytes ? wanted - pdu->len : sizeof bytes;
        ssize_t got = recv(fd, bytes, room, 0);
        if (got <= 0)
            return 0;
        buf_put(pdu, bytes, (size_t)got);
        if (pdu->len == 6)
            wanted += (size_t)pdu->at[4] << 8 | pdu->at[5];
    }
    return pdu->at[0];
}

static int associate(struct site *site, const char *calling)
{
    int fd = dial(site, "127.0.0.1");
    CLEANUP(buf_free) struct buf request = buf_init(1 << 16);
    testpeer_request(&request);
    char title[17];
    snprintf(title, sizeof title, "%-16s", calling);
    memcpy(request.at + 6 + 20, title, 16);
    say(fd, buf_view(&request));
    return fd;
}

static int associate_well(struct site *site)
{
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    int fd = associate(site, "MODALITY");
    CHECK(hear(fd, &pdu) == DIMSE_ASSOCIATE_AC);
    return fd;
}

static void send_store(int fd, const char *uid, uint32_t pixel_bytes, size_t but)
{
    CLEANUP(buf_free) struct buf store = buf_init(1 << 25);
    testpeer_store(&store, 1, uid, pixel_bytes, 0);
    say(fd, span_part(buf_view(&store), 0, store.len - but));
}

/* ---- tests ---- */

static void an_association_stores_and_is_released(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf release = buf_init(64);
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 100000, 0);
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    dimse_put_simple(DIMSE_RELEASE_RQ, 0, 0, &release);
    say(fd, buf_view(&release));
    CHECK(hear(fd, &pdu) == DIMSE_RELEASE_RP && hear(fd, &pdu) == 0);
    CHECK(site.commits == 1 && site.written_bytes > 100000);
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_associations ", 0));
    close(fd);
    close_site(&site);
}

static void associations_beyond_the_caps_are_rejected_for_now(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    prepare(&site);
    site.limits.associations_max = 3;
    site.limits.associations_per_peer_max = 2;
    open_site(&site);
    int first = associate_well(&site);
    int second = associate_well(&site);
    int third = associate(&site, "MODALITY");
    CHECK(hear(third, &pdu) == DIMSE_ASSOCIATE_RJ);
    CHECK(pdu.at[7] == 2 && pdu.at[8] == 3 && pdu.at[9] == 2);
    int fourth = associate(&site, "OTHER");
    CHECK(hear(fourth, &pdu) == DIMSE_ASSOCIATE_AC);
    int fifth = associate(&site, "OTHER");
    CHECK(hear(fifth, &pdu) == DIMSE_ASSOCIATE_RJ);
    CHECK(meter_becomes(&site, "reason=\"dicom_peer_full\"} ", 1));
    CHECK(meter_becomes(&site, "reason=\"dicom_associations_full\"} ", 1));
    /* one that leaves makes room */
    close(first);
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_associations ", 2));
    int sixth = associate_well(&site);
    for (int i = 0; i < 5; i++)
        close((int[]){second, third, fourth, fifth, sixth}[i]);
    close_site(&site);
}

static void who_asks_for_nothing_is_closed_in_time(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    prepare(&site);
    site.limits.associate_ms = 50;
    open_site(&site);
    int fd = dial(&site, "127.0.0.1");
    say(fd, SPAN("\x01\0\0\0\0"));
    CHECK(hear(fd, &pdu) == 0);
    CHECK(meter_becomes(&site, "reason=\"dicom_artim\"} ", 1));
    close(fd);
    close_site(&site);
}

static void a_peer_that_falls_silent_is_aborted(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    prepare(&site);
    site.limits.idle_ms = 50;
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 1000, 10);
    CHECK(hear(fd, &pdu) == DIMSE_ABORT);
    CHECK(wait_for(&site, &site.abandons, 1) && site.commits == 0);
    CHECK(meter_becomes(&site, "reason=\"dicom_deadline\"} ", 1));
    close(fd);
    close_site(&site);
}

static void a_message_in_drops_is_aborted_at_its_deadline(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf store = buf_init(1 << 16);
    prepare(&site);
    site.limits.message_ms = 100;
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_store(&store, 1, "2.25.1", 10000, 0);
    struct pollfd one = {.fd = fd, .events = POLLIN};
    size_t at = 0;
    for (; at < store.len && poll(&one, 1, 5) == 0; at++)
        say(fd, span_part(buf_view(&store), at, 1));
    CHECK(at < store.len && hear(fd, &pdu) == DIMSE_ABORT);
    close(fd);
    close_site(&site);
}

static void a_slow_disk_is_no_fault_of_the_peer(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    prepare(&site);
    site.limits.idle_ms = 50;
    site.holds_answers = true;
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 1000, 0);
    CHECK(wait_for(&site, &site.commits, 1));
    struct pollfd one = {.fd = fd, .events = POLLIN};
    CHECK(poll(&one, 1, 200) == 0); /* longer than the peer may be silent */
    dimse_answer(site.ticket, DIMSE_SUCCESS);
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    close(fd);
    close_site(&site);
}

/* The socket's buffers are filled, then nothing more is taken in. */
static void a_full_sink_stops_the_peer(void)
{
    enum { PIXELS = 24 << 20 };
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf store = buf_init(1 << 25);
    prepare(&site);
    site.is_full = true;
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_store(&store, 1, "2.25.1", PIXELS, 0);
    struct span rest = buf_view(&store);
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        if (poll(&one, 1, 300) == 0)
            break;
        ssize_t sent = send(fd, rest.at, rest.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0)
            rest = span_part(rest, (size_t)sent, rest.len);
    }
    CHECK(rest.len > 1 << 20);
    pthread_mutex_lock(&site.lock);
    CHECK(site.written_bytes < 1024);
    site.is_full = false;
    pthread_mutex_unlock(&site.lock);
    dimse_resume(site.ticket);
    say(fd, rest);
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF && site.commits == 1);
    CHECK(site.written_bytes > PIXELS);
    close(fd);
    close_site(&site);
}

/* All bytes were taken and the sink is full when the peer is gone. */
static void a_peer_that_left_while_the_sink_was_full_is_abandoned(void)
{
    struct site site;
    prepare(&site);
    site.is_full = true;
    open_site(&site);
    int fd = associate_well(&site);
    CLEANUP(buf_free) struct buf command = buf_init(4096);
    struct testpeer_command store = {DIMSE_STORE_RQ, 1, true, TESTPEER_CT, "2.25.1", 0};
    testpeer_command(&command, 3, &store);
    say(fd, buf_view(&command));
    CHECK(wait_for(&site, &site.begins, 1));
    close(fd);
    dimse_resume(site.ticket);
    CHECK(wait_for(&site, &site.abandons, 1));
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_associations ", 0));
    close_site(&site);
}

static void an_answer_for_a_peer_that_left_goes_nowhere(void)
{
    struct site site;
    prepare(&site);
    site.holds_answers = true;
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 1000, 0);
    CHECK(wait_for(&site, &site.commits, 1));
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    close(fd);
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_associations ", 0));
    dimse_resume(site.ticket);
    dimse_answer(site.ticket, DIMSE_SUCCESS);
    close_site(&site);
    CHECK(site.abandons == 0);
}

static void what_was_sent_whole_is_kept_though_the_peer_hangs_up(void)
{
    struct site site;
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 50000, 0);
    shutdown(fd, SHUT_WR);
    CHECK(wait_for(&site, &site.commits, 1));
    close(fd);
    fd = associate_well(&site);
    send_store(fd, "2.25.1", 50000, 1);
    shutdown(fd, SHUT_WR);
    CHECK(wait_for(&site, &site.abandons, 1) && site.commits == 1);
    close(fd);
    close_site(&site);
}

static void closing_aborts_who_is_there(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    send_store(fd, "2.25.1", 50000, 1);
    CHECK(wait_for(&site, &site.begins, 1));
    close_site(&site);
    CHECK(site.abandons == 1);
    CHECK(hear(fd, &pdu) == DIMSE_ABORT);
    close(fd);
}

/* Ten thousand that ask for nothing, some hundred of them at a time, each from an address
 * of its own; who is there is served meanwhile, and who has a reason to come gets in. */
static void a_crowd_keeps_no_peer_out(void)
{
    enum { CROWD = 10000, AT_ONCE = 300 };
    struct site site;
    int crowd[AT_ONCE];
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf echo = buf_init(4096);
    struct testpeer_command command = {DIMSE_ECHO_RQ,      7,    false,
                                       DIMSE_VERIFICATION, NULL, 0};
    prepare(&site);
    site.limits.connections_max = 40;
    open_site(&site);
    int fd = associate_well(&site);
    for (int i = 0; i < CROWD; i++) {
        char from[20];
        snprintf(from, sizeof from, "127.%d.%d.%d", 1 + i % 3, i / 250 % 250,
                 1 + i % 250);
        if (i >= AT_ONCE)
            close(crowd[i % AT_ONCE]);
        crowd[i % AT_ONCE] = dial(&site, from);
    }
    testpeer_command(&echo, 1, &command);
    say(fd, buf_view(&echo));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    int late = associate_well(&site);
    CHECK(meter_of(&site, "reason=\"dicom_connections_full\"} ") > 0);
    for (int i = 0; i < AT_ONCE; i++)
        close(crowd[i]);
    close(late);
    close(fd);
    close_site(&site);
}

/* ---- storage commitment ---- */

static void a_commitment_is_told_over_the_association_while_that_is_open(void)
{
    static const char *const instances[] = {"2.25.1", "2.25.2", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf response = buf_init(4096);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    say(fd, buf_view(&action));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF); /* the answer to N-ACTION */
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF); /* N-EVENT-REPORT */
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    CHECK(memmem(pdu.at, pdu.len, "\x08\0\x98\x11", 4) != NULL);
    CHECK(meter_of(&site, "\ntsumugi_dicom_committed ") == 0);
    CHECK(site.keeps == 1 && site.forgets == 0);
    struct dimse_command answered = {.field = DIMSE_EVENT_RQ, .message_id = 1};
    dimse_put_response(&answered, 0, &set);
    dimse_put_message(&response, 7, true, buf_view(&set), 0);
    say(fd, buf_view(&response));
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_committed ", 1));
    CHECK(wait_for(&site, &site.forgets, 1));
    close(fd);
    close_site(&site);
    CHECK(site.keeps == 1 && site.forgets == 1);
}

/* Whether N-ACTION was answered with this status; results on the way are passed over. */
static bool is_answered(int fd, uint16_t status)
{
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    struct dimse_command command;
    while (hear(fd, &pdu) == DIMSE_DATA_TF) {
        struct err err = {0};
        struct span set = span_part(buf_view(&pdu), 12, pdu.len);
        if (dimse_read_command(set, &command, &err) &&
            command.field == (DIMSE_ACTION_RQ | DIMSE_RESPONSE))
            return command.status == status;
    }
    return false;
}

static void a_commitment_that_cannot_be_kept_is_not_accepted(void)
{
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    prepare(&site);
    site.keeps_nothing = true;
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    say(fd, buf_view(&action));
    CHECK(is_answered(fd, DIMSE_RESOURCES_SHORT));
    close(fd);
    close_site(&site);
    CHECK(site.forgets == 0);
}

/* One peer whose results nobody takes leaves room to the others. */
static void a_peer_is_owed_so_many_results_and_no_more(void)
{
    enum { SHARE = 64 };
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    for (int i = 0; i < SHARE; i++) {
        say(fd, buf_view(&action));
        CHECK(is_answered(fd, DIMSE_SUCCESS));
    }
    say(fd, buf_view(&action));
    CHECK(is_answered(fd, DIMSE_RESOURCES_SHORT));
    CHECK(meter_of(&site, "reason=\"dicom_due_many\"} ") == 1);
    close(fd);
    /* nobody to be dialled: each is given up, and there is room again */
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_untold ", SHARE));
    CHECK(wait_for(&site, &site.forgets, SHARE));
    fd = associate_well(&site);
    say(fd, buf_view(&action));
    CHECK(is_answered(fd, DIMSE_SUCCESS));
    close(fd);
    close_site(&site);
}

static void a_result_that_nobody_hears_is_counted(void)
{
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    prepare(&site);
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    say(fd, buf_view(&action));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    close(fd);
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_untold ", 1));
    CHECK(meter_of(&site, "\ntsumugi_dicom_committed ") == 0);
    close_site(&site);
}

/* A peer's own listener: takes the association, then answers or hangs up. */
struct listener {
    int fd;
    uint16_t port;
};

static void open_listener(struct listener *listener)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener->fd, (const struct sockaddr *)(const void *)&at, len) == 0);
    CHECK(listen(listener->fd, 8) == 0);
    CHECK(getsockname(listener->fd, (struct sockaddr *)(void *)&at, &len) == 0);
    listener->port = ntohs(at.sin_port);
}

static int take_call(const struct listener *listener)
{
    struct pollfd one = {.fd = listener->fd, .events = POLLIN};
    CHECK(poll(&one, 1, WAIT_MS) == 1);
    return accept(listener->fd, NULL, NULL);
}

static void accept_report(int fd)
{
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf body = buf_init(1 << 12);
    CLEANUP(buf_free) struct buf answer = buf_init(1 << 12);
    CHECK(hear(fd, &pdu) == DIMSE_ASSOCIATE_RQ);
    CHECK(memcmp(pdu.at + 10, "MODALITY        TSUMUGI         ", 32) == 0);
    /* we are the SCP of what we report */
    CHECK(memmem(pdu.at, pdu.len, "\x54\0\0\x18\0\x14" DIMSE_COMMITMENT "\0\x01", 28));
    testpeer_titles(&body, "MODALITY", "TSUMUGI");
    CLEANUP(buf_free) struct buf context = buf_init(256);
    buf_put(&context, "\x01\0\0\0", 4);
    testpeer_item(&context, 0x40, SPAN(DIMSE_IMPLICIT));
    testpeer_item(&body, 0x21, buf_view(&context));
    testpeer_user(&body, 16384);
    testpeer_pdu(&answer, DIMSE_ASSOCIATE_AC, buf_view(&body));
    say(fd, buf_view(&answer));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF && hear(fd, &pdu) == DIMSE_DATA_TF);
    CHECK(memmem(pdu.at, pdu.len, "\x08\0\x99\x11", 4) != NULL);
}

static void a_result_is_told_over_a_new_association_and_tried_again(void)
{
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    struct listener listener;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf response = buf_init(4096);
    CLEANUP(buf_free) struct buf set = buf_init(4096);
    prepare(&site);
    open_listener(&listener);
    site.peers[0].report_host = "127.0.0.1";
    site.peers[0].report_port = listener.port;
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    say(fd, buf_view(&action));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    close(fd);
    fd = take_call(&listener);
    say(fd, SPAN("\x07\0\xFF\xFF\xFF\xFF")); /* no DICOM at all */
    close(fd);
    fd = take_call(&listener);
    accept_report(fd);
    close(fd); /* heard, not answered */
    fd = take_call(&listener);
    accept_report(fd);
    struct dimse_command answered = {.field = DIMSE_EVENT_RQ, .message_id = 1};
    dimse_put_response(&answered, 0, &set);
    dimse_put_message(&response, 1, true, buf_view(&set), 0);
    say(fd, buf_view(&response));
    CHECK(hear(fd, &pdu) == DIMSE_RELEASE_RQ);
    close(fd);
    CHECK(meter_becomes(&site, "\ntsumugi_dicom_committed ", 1));
    CHECK(meter_of(&site, "\ntsumugi_dicom_untold ") == 0);
    close(listener.fd);
    close_site(&site);
}

static void closing_ends_a_report_under_way(void)
{
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    struct listener listener;
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    prepare(&site);
    open_listener(&listener);
    site.peers[0].report_host = "127.0.0.1";
    site.peers[0].report_port = listener.port;
    open_site(&site);
    int fd = associate_well(&site);
    testpeer_commitment(&action, 3, instances);
    say(fd, buf_view(&action));
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    close(fd);
    fd = take_call(&listener);
    CHECK(hear(fd, &pdu) == DIMSE_ASSOCIATE_RQ);
    close_site(&site);
    CHECK(site.keeps == 1 && site.forgets == 0); /* the next process owes it */
    close(fd);
    close(listener.fd);
}

int main(void)
{
    RUN(an_association_stores_and_is_released);
    RUN(associations_beyond_the_caps_are_rejected_for_now);
    RUN(who_asks_for_nothing_is_closed_in_time);
    RUN(a_peer_that_falls_silent_is_aborted);
    RUN(a_message_in_drops_is_aborted_at_its_deadline);
    RUN(a_slow_disk_is_no_fault_of_the_peer);
    RUN(a_full_sink_stops_the_peer);
    RUN(a_peer_that_left_while_the_sink_was_full_is_abandoned);
    RUN(an_answer_for_a_peer_that_left_goes_nowhere);
    RUN(what_was_sent_whole_is_kept_though_the_peer_hangs_up);
    RUN(closing_aborts_who_is_there);
    RUN(a_crowd_keeps_no_peer_out);
    RUN(a_commitment_is_told_over_the_association_while_that_is_open);
    RUN(a_commitment_that_cannot_be_kept_is_not_accepted);
    RUN(a_peer_is_owed_so_many_results_and_no_more);
    RUN(a_result_that_nobody_hears_is_counted);
    RUN(a_result_is_told_over_a_new_association_and_tried_again);
    RUN(closing_ends_a_report_under_way);
    return test_done();
}
