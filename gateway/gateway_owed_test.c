// SPDX-License-Identifier: Apache-2.0
/* Results of storage commitment over the end of a gateway's process, kill -9 included: a
 * modality that is away hears what it was promised from the next process. The gateway's
 * part that speaks DICOM runs in a child; the modality is this test. */
#include "gateway/gateway_dicom.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>

#include "gateway/gateway_dicom_testsite.h"
#include "wire/dimse/dimse_testpeer.h"

enum { WAIT_MS = WAIT_S * 1000 };

/* ---- the gateway ---- */

struct gateway_child {
    pid_t pid;
    int quit; /* closed: it ends in order */
    uint16_t port;
};

struct setting {
    const char *title; /* of the modality in the configuration */
    uint16_t report_port;
};

static void live(const struct setting *setting, int told, int quit)
{
    struct site site;
    uint8_t byte = 0;
    prepare(&site);
    site.settings.peers[0].title = setting->title;
    site.settings.peers[0].report_host = "127.0.0.1";
    site.settings.peers[0].report_port = setting->report_port;
    open_site(&site);
    uint16_t port = gateway_dicom_port(site.dicom);
    (void)!write(told, &port, sizeof port);
    (void)!read(quit, &byte, 1);
    loop_stop(site.loop);
    pthread_join(site.thread, NULL);
    gateway_dicom_stop(site.dicom);
    workers_free(site.workers);
    gateway_dicom_close(site.dicom);
    loop_free(site.loop);
    _exit(0);
}

static struct gateway_child begin_gateway(const struct setting *setting)
{
    struct gateway_child child = {0};
    int told[2], quit[2];
    CHECK(pipe2(told, O_CLOEXEC) == 0 && pipe2(quit, O_CLOEXEC) == 0);
    fflush(stdout);
    child.pid = fork();
    if (child.pid == 0) {
        close(quit[1]);
        live(setting, told[1], quit[0]);
    }
    close(told[1]);
    close(quit[0]);
    child.quit = quit[1];
    CHECK(read(told[0], &child.port, sizeof child.port) == sizeof child.port);
    close(told[0]);
    return child;
}

static void end_gateway(struct gateway_child *child, bool is_killed)
{
    int status = 0;
    if (is_killed)
        kill(child->pid, SIGKILL);
    close(child->quit);
    CHECK(waitpid(child->pid, &status, 0) == child->pid);
    CHECK(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

static int count_owed(void)
{
    struct err err = {0};
    int count = 0;
    CLEANUP(path_close) int fd = path_open_root(in_folder("images/.commitments"), &err);
    DIR *list = fd >= 0 ? fdopendir(dup(fd)) : NULL;
    CHECK(list != NULL);
    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list))
        count += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

/* ---- the modality ---- */

static void say(int fd, const struct buf *bytes)
{
    CHECK(send(fd, bytes->at, bytes->len, MSG_NOSIGNAL) == (ssize_t)bytes->len);
}

/* One PDU; its type, 0 at the end, -1 when nothing comes. */
static int hear(int fd, struct buf *pdu)
{
    size_t wanted = 6;
    buf_reset(pdu);
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

static int listen_for_reports(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)(const void *)&at, len) == 0);
    CHECK(listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)(void *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Asks for a commitment of what nobody has, hears that this is accepted, and is gone
 * without a word. */
static void ask_and_leave(const struct gateway_child *child)
{
    static const char *const instances[] = {"2.25.1", "2.25.2", NULL};
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(child->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(path_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0);
    testpeer_request(&out);
    say(fd, &out);
    CHECK(hear(fd, &pdu) == DIMSE_ASSOCIATE_AC);
    buf_reset(&out);
    testpeer_commitment(&out, 3, instances);
    say(fd, &out);
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF);
    CHECK(memmem(pdu.at, pdu.len, "\0\0\0\x09\x02\0\0\0\0\0", 10) != NULL);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
}

/* Takes the report's association and the report; answers it when told to. */
static void take_report(int listener, bool answers)
{
    struct pollfd one = {.fd = listener, .events = POLLIN};
    CLEANUP(buf_free) struct buf pdu = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf body = buf_init(1 << 12);
    CLEANUP(buf_free) struct buf context = buf_init(256);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 12);
    CHECK(poll(&one, 1, WAIT_MS) == 1);
    CLEANUP(path_close) int fd = accept(listener, NULL, NULL);
    CHECK(hear(fd, &pdu) == DIMSE_ASSOCIATE_RQ);
    testpeer_titles(&body, "MODALITY", "TSUMUGI");
    buf_put(&context, "\x01\0\0\0", 4);
    testpeer_item(&context, 0x40, SPAN(DIMSE_IMPLICIT));
    testpeer_item(&body, 0x21, buf_view(&context));
    testpeer_user(&body, 16384);
    testpeer_pdu(&out, DIMSE_ASSOCIATE_AC, buf_view(&body));
    say(fd, &out);
    CHECK(hear(fd, &pdu) == DIMSE_DATA_TF && hear(fd, &pdu) == DIMSE_DATA_TF);
    CHECK(memmem(pdu.at, pdu.len, "2.25.77", 7) != NULL); /* the transaction */
    CHECK(memmem(pdu.at, pdu.len, "2.25.1\x08", 6) != NULL);
    CHECK(memmem(pdu.at, pdu.len, "2.25.2\x08", 6) != NULL);
    if (!answers)
        return;
    CLEANUP(buf_free) struct buf set = buf_init(1 << 12);
    struct dimse_command answered = {.field = DIMSE_EVENT_RQ, .message_id = 1};
    dimse_put_response(&answered, 0, &set);
    buf_reset(&out);
    dimse_put_message(&out, 1, true, buf_view(&set), 0);
    say(fd, &out);
    CHECK(hear(fd, &pdu) == DIMSE_RELEASE_RQ);
}

static void forgotten_soon(void)
{
    for (int i = 0; i < WAIT_MS / 10 && count_owed() > 0; i++)
        poll(NULL, 0, 10);
    CHECK(count_owed() == 0);
}

/* ---- tests ---- */

static void a_result_outlives_the_process(bool is_killed)
{
    struct setting setting = {.title = "MODALITY"};
    int listener = listen_for_reports(&setting.report_port);
    struct gateway_child first = begin_gateway(&setting);
    ask_and_leave(&first);
    end_gateway(&first, is_killed);
    CHECK(count_owed() == 1);
    /* what the first one dialled meanwhile ends with it */
    close(listener);
    listener = listen_for_reports(&setting.report_port);
    struct gateway_child second = begin_gateway(&setting);
    take_report(listener, false); /* heard, not answered: still owed */
    end_gateway(&second, is_killed);
    CHECK(count_owed() == 1);
    struct gateway_child third = begin_gateway(&setting);
    take_report(listener, true);
    forgotten_soon();
    end_gateway(&third, is_killed);
    CHECK(count_owed() == 0);
    close(listener);
    CHECK(test_remove(in_folder("images")));
}

static void a_result_is_told_by_the_process_after_a_killed_one(void)
{
    a_result_outlives_the_process(true);
}

static void a_result_is_told_by_the_process_after_one_that_ended_in_order(void)
{
    a_result_outlives_the_process(false);
}

static void a_modality_that_is_configured_no_more_is_owed_nothing(void)
{
    struct setting setting = {.title = "MODALITY"};
    int listener = listen_for_reports(&setting.report_port);
    struct gateway_child first = begin_gateway(&setting);
    ask_and_leave(&first);
    end_gateway(&first, true);
    setting.title = "ANOTHER";
    struct gateway_child second = begin_gateway(&setting);
    CHECK(count_owed() == 0);
    end_gateway(&second, false);
    close(listener);
    CHECK(test_remove(in_folder("images")));
}

static void what_is_owed_for_too_long_is_given_up(void)
{
    enum { SIX_DAYS_MS = 6 * 24 * 3600 * 1000 };
    struct err err = {0};
    char body[NAME_BYTES];
    struct setting setting = {.title = "MODALITY"};
    struct clock clock = clock_system();
    int listener = listen_for_reports(&setting.report_port);
    struct gateway_child first = begin_gateway(&setting);
    end_gateway(&first, false);
    snprintf(body, sizeof body, "%lld MODALITY\n",
             (long long)(clock_wall_ms(&clock) - SIX_DAYS_MS));
    const char *path = in_folder("images/.commitments/00000000000000aa");
    CHECK(path_write_file(path, span_cstr(body), &err) && count_owed() == 1);
    struct gateway_child second = begin_gateway(&setting);
    CHECK(count_owed() == 0);
    end_gateway(&second, false);
    close(listener);
    CHECK(test_remove(in_folder("images")));
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(a_result_is_told_by_the_process_after_a_killed_one);
    RUN(a_result_is_told_by_the_process_after_one_that_ended_in_order);
    RUN(a_modality_that_is_configured_no_more_is_owed_nothing);
    RUN(what_is_owed_for_too_long_is_given_up);
    CHECK(test_remove(folder));
    return test_done();
}
