// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/demo/demo.h"

enum { START_TIMEOUT_MS = 60000, STOP_TIMEOUT_MS = 10000, STOP_TICK_MS = 20 };

static void become(const char *command, const char *config, const char *log, int out)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    dup2(out >= 0 ? out : fd, STDOUT_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing outlives the demo */
    execl("/proc/self/exe", "tsumugi", command, "--config", config, (char *)NULL);
    _exit(127);
}

static pid_t start(const struct demo *demo, const char *command, const char *name,
                   int out, struct err *err)
{
    char config[DEMO_PATH_BYTES];
    char log[DEMO_PATH_BYTES];
    char file[64];
    snprintf(file, sizeof file, "config/%s.json", name);
    demo_path(demo, file, config);
    snprintf(file, sizeof file, "log/%s.log", name);
    demo_path(demo, file, log);
    fflush(stdout);
    pid_t process = fork();
    if (process == 0)
        become(command, config, log, out);
    if (process < 0)
        err_set(err, ERR_SYSTEM, "fork_failed", "no process");
    return process;
}

/* The first line of the centre's output tells its ports. */
static bool read_ports(struct demo *demo, int fd, struct err *err)
{
    char line[256] = {0};
    size_t len = 0;
    int64_t port = 0;
    int64_t gateway_port = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (!memchr(line, '\n', len)) {
        if (len == sizeof line || poll(&ready, 1, START_TIMEOUT_MS) != 1)
            return err_set(err, ERR_BUSY, "centre_silent", "the centre did not start");
        ssize_t got = read(fd, line + len, sizeof line - len);
        if (got <= 0)
            return err_set(err, ERR_BUSY, "centre_away", "the centre stopped at start");
        len += (size_t)got;
    }
    CLEANUP(json_free_at)
    struct json_document *document = json_parse(span_of(line, len), err);
    if (!document || !json_take_int(json_root(document), "port", 1, 65535, &port, err) ||
        !json_take_int(json_root(document), "gateway_port", 1, 65535, &gateway_port, err))
        return false;
    demo->port = (int)port;
    demo->gateway_port = (int)gateway_port;
    return true;
}

bool demo_start_server(struct demo *demo, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(err, ERR_SYSTEM, "pipe_failed", "no pipe");
    demo->server = start(demo, "server", "centre", ends[1], err);
    path_close(&ends[1]);
    bool is_ready = demo->server > 0 && read_ports(demo, ends[0], err);
    path_close(&ends[0]);
    return is_ready;
}

bool demo_start_gateway(struct demo *demo, struct demo_hospital *hospital,
                        struct err *err)
{
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)hospital->code.len, hospital->code.at);
    hospital->process = start(demo, "gateway", name, -1, err);
    return hospital->process > 0;
}

/* Asks to end, waits, then ends it. Only processes that this one started. */
static void stop(pid_t *process)
{
    if (*process <= 0)
        return;
    kill(*process, SIGTERM);
    for (int waited = 0; waited < STOP_TIMEOUT_MS; waited += STOP_TICK_MS) {
        if (waitpid(*process, NULL, WNOHANG) != 0) {
            *process = 0;
            return;
        }
        poll(NULL, 0, STOP_TICK_MS);
    }
    kill(*process, SIGKILL);
    waitpid(*process, NULL, 0);
    *process = 0;
}

void demo_stop_gateway(struct demo_hospital *hospital)
{
    stop(&hospital->process);
}

void demo_stop_all(struct demo *demo)
{
    for (size_t i = 0; i < demo->hospital_count; i++)
        stop(&demo->hospitals[i].process);
    stop(&demo->server);
}
