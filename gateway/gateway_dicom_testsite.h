// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A DICOM listener of a gateway on a loop of its own, files that senders are given, and
 * senders: other people's programs (DCMTK, GDCM, Orthanc), each skipped when it is not
 * installed. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "gateway/gateway_dicom.h"
#include "wire/loop/loop.h"

enum { WAIT_S = 30, NAME_BYTES = 160, OUTPUT_BYTES = 64 * 1024, ARGUMENTS_MAX = 32 };

#define CT "1.2.840.10008.5.1.4.1.1.2"

static char folder[] = "/tmp/gateway_dicom_XXXXXX";

struct site {
    struct gateway_dicom_settings settings;
    struct log log;
    struct loop *loop;
    struct workers *workers;
    struct gateway_dicom *dicom;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int kept_count;
    char path[INSTANCES_PATH_BYTES]; /* of the last one */
    char sop_instance[INSTANCES_UID_BYTES];
    char syntax[INSTANCES_UID_BYTES];
    char sender[INSTANCES_UID_BYTES];
};

/* Good until sixteen more were asked for. */
static inline const char *in_folder(const char *name)
{
    static char names[16][NAME_BYTES];
    static int count;
    char *at = names[count++ % 16];
    snprintf(at, NAME_BYTES, "%s/%s", folder, name);
    return at;
}

/* ---- the gateway's side ---- */

static inline void note_kept(void *context, const struct instances_kept *kept)
{
    struct site *site = context;
    pthread_mutex_lock(&site->lock);
    site->kept_count++;
    snprintf(site->path, sizeof site->path, "%s", kept->path);
    snprintf(site->sop_instance, sizeof site->sop_instance, "%s",
             kept->what.sop_instance);
    snprintf(site->syntax, sizeof site->syntax, "%s", kept->what.syntax);
    snprintf(site->sender, sizeof site->sender, "%s", kept->what.sender);
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
}

static inline void *run_loop(void *context)
{
    struct site *site = context;
    loop_run(site->loop);
    return NULL;
}

static inline void add_peer(struct site *site, const char *title, const char *network)
{
    struct err err = {0};
    struct dimse_peer *peer = &site->settings.peers[site->settings.peer_count++];
    *peer = (struct dimse_peer){.title = title, .network_count = 1};
    CHECK(dimse_read_network(span_cstr(network), &peer->networks[0], &err));
}

/* Takes MODALITY from 127.0.0.1. */
static inline void prepare(struct site *site)
{
    *site = (struct site){
        .settings = {.address = "127.0.0.1",
                     .title = "TSUMUGI",
                     .associations_max = 16,
                     .associations_per_peer_max = 8,
                     .instance_mb_max = 256},
        .log = {open("/dev/null", O_WRONLY | O_CLOEXEC), clock_system(), "test"}};
    pthread_mutex_init(&site->lock, NULL);
    pthread_cond_init(&site->changed, NULL);
    add_peer(site, "MODALITY", "127.0.0.1");
}

static inline void open_site(struct site *site)
{
    struct err err = {0};
    site->loop = loop_new(&err);
    site->workers = workers_new(2, 64, &err);
    CHECK(site->loop && site->workers);
    struct gateway_dicom_config config = {.loop = site->loop,
                                          .workers = site->workers,
                                          .settings = &site->settings,
                                          .directory = in_folder("images"),
                                          .log = &site->log,
                                          .kept = note_kept,
                                          .context = site};
    site->dicom = gateway_dicom_open(&config, &err);
    if (!site->dicom)
        printf("# %s %s\n", err.code, err.text);
    CHECK(site->dicom != NULL);
    CHECK(pthread_create(&site->thread, NULL, run_loop, site) == 0);
}

static inline void close_site(struct site *site)
{
    loop_stop(site->loop);
    pthread_join(site->thread, NULL);
    gateway_dicom_stop(site->dicom);
    workers_free(site->workers);
    gateway_dicom_close(site->dicom);
    loop_free(site->loop);
    close(site->log.fd);
    pthread_cond_destroy(&site->changed);
    pthread_mutex_destroy(&site->lock);
    CHECK(test_remove(in_folder("images")));
}

/* The value of a counter, as an operator sees it. */
static inline int64_t meter_of(struct site *site, const char *line)
{
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    struct span rest, value = {0};
    uint64_t number = 0;
    gateway_dicom_put_meters(site->dicom, &out);
    const uint8_t *at = memmem(out.at, out.len, line, strlen(line));
    if (!at)
        return 0;
    rest = span_part(buf_view(&out), (size_t)(at - out.at) + strlen(line), out.len);
    CHECK(span_take(&rest, '\n', &value) && span_uint(value, INT64_MAX, &number));
    return (int64_t)number;
}

static inline struct timespec pause_until(int64_t ms)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    int64_t ns = time.tv_nsec + ms * 1000000;
    time.tv_sec += ns / 1000000000;
    time.tv_nsec = ns % 1000000000;
    return time;
}

/* Looks again at once when an instance was kept, else every 20 ms. */
#define CHECK_SOON(site, condition)                                                      \
    do {                                                                                 \
        struct timespec last = pause_until(WAIT_S * 1000), now = {0};                    \
        while (!(condition) && now.tv_sec < last.tv_sec) {                               \
            now = pause_until(20);                                                       \
            pthread_mutex_lock(&(site)->lock);                                           \
            pthread_cond_timedwait(&(site)->changed, &(site)->lock, &now);               \
            pthread_mutex_unlock(&(site)->lock);                                         \
        }                                                                                \
        CHECK(condition);                                                                \
    } while (0)

static inline bool see_path(void *context, const char *path, struct err *err)
{
    int *count = context;
    (void)path;
    (void)err;
    ++*count;
    return true;
}

static inline int count_kept(struct site *site)
{
    struct err err = {0};
    int count = 0;
    CHECK(instances_walk(gateway_dicom_instances(site->dicom), see_path, &count, &err));
    return count;
}

/* ---- senders ---- */

struct running {
    pid_t pid;
    char output[NAME_BYTES];
};

/* The program and its NULL-ended arguments; what it says goes to a file. */
static inline struct running begin_program(const char *const *arguments)
{
    static int number;
    struct running running;
    char name[32];
    snprintf(name, sizeof name, "output-%d", number++);
    snprintf(running.output, sizeof running.output, "%s", in_folder(name));
    running.pid = fork();
    if (running.pid == 0) {
        int fd = open(running.output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return running;
}

static inline int end_program(const struct running *running)
{
    int status = 0;
    CHECK(waitpid(running->pid, &status, 0) == running->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool says(const struct running *running, const char *words)
{
    struct err err = {0};
    struct span bytes = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(OUTPUT_BYTES * 2);
    return path_read_file(running->output, OUTPUT_BYTES, &arena, &bytes, &err) &&
           memmem(bytes.at, bytes.len, words, strlen(words)) != NULL;
}

static inline bool is_installed(const char *program)
{
    const char *const arguments[] = {"which", program, NULL};
    struct running running = begin_program(arguments);
    return end_program(&running) == 0;
}

/* A DCMTK program: its options before the address, the files after it. */
static inline struct running begin_scu(const struct site *site, const char *program,
                                       const char *const *options,
                                       const char *const *files)
{
    const char *arguments[ARGUMENTS_MAX] = {program, "-aec", "TSUMUGI", "-aet",
                                            "MODALITY"};
    char port[8];
    int count = 5;
    for (; options && *options; options++)
        arguments[count++] = *options;
    snprintf(port, sizeof port, "%u", (unsigned)gateway_dicom_port(site->dicom));
    arguments[count++] = "127.0.0.1";
    arguments[count++] = port;
    for (; files && *files; files++)
        arguments[count++] = *files;
    return begin_program(arguments);
}
