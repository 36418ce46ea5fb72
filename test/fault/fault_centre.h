// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: a whole centre in a process of its own, on a directory that is a
 * copy of a region's, and a browser beside it that knows what it was told. */

#include <sys/wait.h>
#include <time.h>

#include "base/path.h"
#include "server/server.h"
#include "test/fault/fault_works.h"
#include "test/story/story_centre.h"

enum { CENTRE_ANSWER_BYTES = 32768, CENTRE_WAIT_MS = 20000 };

struct centre {
    char template[64]; /* certificates, and a database that is founded */
    pid_t process;
};

/* ---- the region ---- */

static inline void centre_new(struct centre *centre)
{
    static struct world world;
    struct err err = {0};
    char path[160];
    folder_new("fault_region", centre->template);
    snprintf(world.directory, sizeof world.directory, "%s", centre->template);
    make_certificates(&world);
    CHECK(secret_hash_password(SPAN(PASSWORD), world.encoded, &err));
    snprintf(path, sizeof path, "%s/data", centre->template);
    CHECK(path_make_directory(path, &err));
    snprintf(path, sizeof path, "%s/data/centre.db", centre->template);
    struct store_config config = {path, store_centre_migrations,
                                  store_centre_migrations_count, NULL};
    struct store *store = store_open(&config, &err);
    CHECK(store && store_write(store, STORE_LIVE, fill_world, &world, &err));
    store_close(store);
}

static inline void centre_free(struct centre *centre)
{
    fault_empty(centre->template);
}

static inline void centre_begin_round(const struct centre *centre)
{
    struct err err = {0};
    char from[160], to[160];
    folder_new("fault", fault_plan->directory);
    snprintf(from, sizeof from, "%s/data", centre->template);
    snprintf(to, sizeof to, "%s/data", fault_plan->directory);
    CHECK(path_make_directory(to, &err));
    folder_copy(from, to);
    fault_plan->remembers_syncs = false;
    fault_forget_acks();
}

static inline void centre_write_config(const struct centre *centre, char path[160])
{
    struct err err = {0};
    char text[1024];
    snprintf(text, sizeof text,
             "{\"data\":\"%s/data\",\"node\":\"centre\",\"demo\":true,\"browsers\":"
             "{\"address\":\"127.0.0.1\",\"port\":0},\"gateways\":{\"address\":"
             "\"127.0.0.1\",\"port\":0,\"certificate\":\"%s/centre.crt\",\"key\":"
             "\"%s/centre.key\",\"authority\":\"%s/network.crt\"}}",
             fault_folder, centre->template, centre->template, centre->template);
    snprintf(path, 160, "%s/centre-%s.json", centre->template,
             strrchr(fault_folder, '/') + 1);
    CHECK(path_write_file(path, span_cstr(text), &err));
}

/* ---- the process ---- */

static struct server *centre_server; /* of the process, for its signal */

static inline void centre_on_signal(int number)
{
    (void)number;
    server_stop(centre_server);
}

static inline void centre_serve(const struct centre *centre)
{
    struct err err = {0};
    char path[160];
    centre_write_config(centre, path);
    struct server *server = server_open(path, &err);
    unlink(path);
    if (!server)
        printf("# the centre did not start: %s %s\n", err.code, err.text);
    centre_server = server;
    signal(SIGTERM, centre_on_signal);
    atomic_store(&fault_plan->port, server ? server_port(server) : -1);
    if (server)
        server_run(server);
    fault_disarm();
    server_close(server);
}

/* Starts it on `folder`; what goes wrong was armed before, and counts from here on. */
static inline bool centre_start(struct centre *centre, const char *folder,
                                bool follows_disk)
{
    fault_folder = folder;
    atomic_store(&fault_plan->port, 0);
    fflush(stdout);
    centre->process = fork();
    if (centre->process == 0) {
        alarm(120);
        if (!getenv("TEST_LOG"))
            close(STDERR_FILENO);
        if (follows_disk)
            disk_follow();
        fault_is_exempt = false;
        centre_serve(centre);
        fflush(stdout);
        exit(0); /* with the sanitizer's look for leaks */
    }
    int status = 0;
    for (int i = 0; i < CENTRE_WAIT_MS && atomic_load(&fault_plan->port) == 0; i++) {
        if (waitpid(centre->process, &status, WNOHANG) != 0) {
            centre->process = 0;
            return false;
        }
        usleep(1000);
    }
    return atomic_load(&fault_plan->port) > 0;
}

/* Asks it to end; true when it did so in order. */
static inline bool centre_stop(struct centre *centre)
{
    int status = 0;
    kill(centre->process, SIGTERM);
    waitpid(centre->process, &status, 0);
    centre->process = 0;
    if (WIFSIGNALED(status))
        printf("# the centre ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void centre_end(struct centre *centre)
{
    int status = 0;
    if (centre->process > 0) {
        kill(centre->process, SIGKILL);
        waitpid(centre->process, &status, 0);
    }
    centre->process = 0;
}

/* ---- a browser that outlives it ---- */

struct client {
    char cookie[HASH_HEX_BYTES];
    char csrf[HASH_HEX_BYTES];
    char answer[CENTRE_ANSWER_BYTES];
};

/* Status, or 0 when there was no whole answer. */
static inline int client_ask(struct client *client, const char *line, int key,
                             const char *body)
{
    char request[4096];
    int port = atomic_load(&fault_plan->port);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = snprintf(request, sizeof request,
                       "%s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n"
                       "Origin: http://localhost:%d\r\nCookie: tsumugi=%s\r\n"
                       "X-CSRF-Token: %s\r\nIdempotency-Key: %032x\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       line, port, port, client->cookie, client->csrf, (unsigned)key,
                       strlen(body), body);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t used = 0;
    ssize_t got = 0;
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, (size_t)len, MSG_NOSIGNAL) == len)
        while (used < sizeof client->answer - 1 &&
               (got = recv(fd, client->answer + used, sizeof client->answer - 1 - used,
                           0)) > 0)
            used += (size_t)got;
    close(fd);
    client->answer[used] = '\0';
    const char *length = strstr(client->answer, "ontent-length: ");
    const char *end = strstr(client->answer, "\r\n\r\n");
    if (!length || !end || strlen(end + 4) < (size_t)strtol(length + 15, NULL, 10))
        return 0;
    return (int)strtol(client->answer + 9, NULL, 10);
}

static inline void client_member(const struct client *client, const char *name,
                                 char out[64])
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(client->answer, key);
    snprintf(out, 64, "%.*s", at ? (int)strcspn(at + strlen(key), "\"") : 0,
             at ? at + strlen(key) : "");
}

static inline bool client_enter(struct client *client)
{
    *client = (struct client){.cookie = ""};
    if (client_ask(client, "POST /api/v1/session", 1,
                   "{\"login\":\"clinic\",\"password\":\"" PASSWORD "\"}") != 200)
        return false;
    const char *at = strstr(client->answer, "tsumugi=");
    snprintf(client->cookie, sizeof client->cookie, "%.64s", at ? at + 8 : "");
    char csrf[64 + 1] = "";
    const char *token = strstr(client->answer, "\"csrf\":\"");
    snprintf(csrf, sizeof csrf, "%.64s", token ? token + 8 : "");
    memcpy(client->csrf, csrf, sizeof client->csrf);
    return strlen(client->cookie) == 64;
}

static inline int client_register(struct client *client, int number)
{
    char body[512];
    snprintf(
        body, sizeof body,
        "{\"name\":\"林 花子\",\"kana\":\"ハヤシ ハナコ\",\"birth_date\":"
        "\"1950-03-%02d\",\"sex\":\"F\",\"is_new_person\":true,\"consent\":{\"form\":"
        "\"comprehensive\",\"channel\":\"paper\",\"giver\":\"self\"},\"numbers\":"
        "[{\"facility\":\"" CLINIC "\",\"number\":\"77%d\"}]}",
        number % 28 + 1, number);
    return client_ask(client, "POST /api/v1/persons", 5000 + number, body);
}

static inline int client_open_calendar(struct client *client, const char *person)
{
    char line[128];
    snprintf(line, sizeof line, "POST /api/v1/persons/%s/calendar-openings", person);
    return client_ask(client, line, 1, "{\"from\":\"2026-09-01\",\"to\":\"2026-10-31\"}");
}
