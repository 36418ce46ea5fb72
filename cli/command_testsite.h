// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For tests of the program as a program ($TSUMUGI names it): a folder with certificates
 * and a centre's configuration, subcommands run to their end, a server beside them. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/secret.h"
#include "base/test.h"
#include "store/store_testsite.h"
#include "wire/tls/tls.h"

#define CHECK_SOON(condition)                                                            \
    do {                                                                                 \
        for (int waited = 0; waited < 300 && !(condition); waited++)                     \
            usleep(100000);                                                              \
        CHECK(condition);                                                                \
    } while (0)

enum { SITE_OUT_BYTES = 1 << 20, SITE_WORDS_MAX = 40, SITE_PATH_BYTES = 300 };

struct site {
    struct store_testsite place;
    char config[SITE_PATH_BYTES];
    pid_t server;
    int port;
    int gateway_port;
    int metrics_port;
    int status; /* of what ran last */
    char out[SITE_OUT_BYTES];
    char fault[4096];
};

static inline const char *site_path(const struct site *site, const char *name,
                                    char out[SITE_PATH_BYTES])
{
    snprintf(out, SITE_PATH_BYTES, "%s/%s", site->place.directory, name);
    return out;
}

static inline bool site_write(const struct site *site, const char *name, const char *text)
{
    char path[SITE_PATH_BYTES];
    struct err err = {0};
    return path_write_file(site_path(site, name, path), span_cstr(text), &err);
}

/* A client's certificate NAME.crt; its fingerprint. */
static inline void site_issue(const struct site *site, const char *authority,
                              const char *name, const char *hosts,
                              char fingerprint[HASH_HEX_BYTES])
{
    char from[SITE_PATH_BYTES], to[SITE_PATH_BYTES];
    struct err err = {0};
    CHECK(tls_issue(site_path(site, authority, from), site_path(site, name, to), name,
                    hosts, 30, fingerprint, &err));
}

static inline void site_authority(const struct site *site, const char *name)
{
    char path[SITE_PATH_BYTES];
    struct err err = {0};
    CHECK(tls_make_authority(site_path(site, name, path), name, &err));
}

/* `more` stands behind the data directory, for example ",\"backup_key\":\"…\"". */
static inline void site_configure_node(struct site *site, const char *name,
                                       const char *data, const char *node,
                                       const char *more)
{
    char text[4096], database[STORE_TESTSITE_BYTES + 32] = "";
    const char *at = site->place.directory;
    if (store_testsite_is_postgres())
        snprintf(database, sizeof database, "\"database\":\"%s\",", site->place.location);
    snprintf(text, sizeof text,
             "{\"data\":\"%s/%s\",%s\"node\":\"%s\"%s,"
             "\"browsers\":{\"address\":\"127.0.0.1\",\"port\":0,\"certificate\":"
             "\"%s/centre.crt\",\"key\":\"%s/centre.key\",\"authority\":\"%s/ca.crt\"},"
             "\"gateways\":{\"address\":\"127.0.0.1\",\"port\":0,\"certificate\":"
             "\"%s/centre.crt\",\"key\":\"%s/centre.key\",\"authority\":\"%s/ca.crt\"}}",
             at, data, database, node, more, at, at, at, at, at, at);
    CHECK(site_write(site, name, text));
}

static inline void site_configure(struct site *site, const char *name, const char *data,
                                  const char *more)
{
    site_configure_node(site, name, data, "centre", more);
}

static inline struct site *site_new(void)
{
    struct err err = {0};
    char ignored[HASH_HEX_BYTES];
    struct site *site = memory_new(1, sizeof *site, &err);
    CHECK(site && secret_start(&err));
    site->place = store_testsite_new();
    site_authority(site, "ca");
    site_issue(site, "ca", "centre", "localhost,127.0.0.1", ignored);
    site_path(site, "centre.json", site->config);
    site_configure(site, "centre.json", "data", "");
    return site;
}

/* ---- processes ---- */

static inline pid_t site_spawn(char *const words[], const int files[3])
{
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++)
            if (files[i] >= 0)
                dup2(files[i], i);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(getenv("TSUMUGI"), words);
        _exit(127);
    }
    return child;
}

static inline size_t site_drain(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size - 1) {
        got = read(fd, out + len, size - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    out[len] = '\0';
    close(fd);
    return len;
}

/* Runs `tsumugi WORDS` with `input` at stdin; its exit status. Faults go to a file, so
 * that a full pipe holds nobody up. */
static inline int site_run(struct site *site, const char *input,
                           const char *const words[])
{
    char *all[SITE_WORDS_MAX + 2] = {(char[]){"tsumugi"}};
    char path[SITE_PATH_BYTES];
    int in[2], out[2], status = 0;
    struct err err = {0};
    for (int i = 0; words[i] && i < SITE_WORDS_MAX; i++)
        all[1 + i] = (char *)(uintptr_t)words[i];
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    site_write(site, "fault", "");
    int fault = open(site_path(site, "fault", path), O_WRONLY | O_CLOEXEC | O_APPEND);
    pid_t child = site_spawn(all, (int[]){in[0], out[1], fault});
    close(in[0]);
    close(out[1]);
    close(fault);
    CHECK(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
    close(in[1]);
    site_drain(out[0], site->out, sizeof site->out);
    waitpid(child, &status, 0);
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    struct span said = {0};
    memset(site->fault, 0, sizeof site->fault);
    if (path_read_file(path, sizeof site->fault - 1, &arena, &said, &err))
        memcpy(site->fault, said.at, said.len);
    site->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return site->status;
}

#define SITE_RUN(site, ...) site_run((site), "", (const char *const[]){__VA_ARGS__, NULL})
#define SITE_ADMIN(site, ...)                                                            \
    SITE_RUN(site, "admin", "--config", (site)->config, __VA_ARGS__)

static inline bool site_says(const struct site *site, const char *word)
{
    bool is_there = strstr(site->out, word) || strstr(site->fault, word);
    if (!is_there)
        printf("# no %s in: %.300s %.300s\n", word, site->out, site->fault);
    return is_there;
}

/* Starts a process that runs on; what it says goes to NAME.log. */
static inline pid_t site_begin(const struct site *site, const char *command,
                               const char *config, int out)
{
    char log[SITE_PATH_BYTES], name[64];
    char *words[] = {(char[]){"tsumugi"}, (char *)(uintptr_t)command,
                     (char[]){"--config"}, (char *)(uintptr_t)config, NULL};
    snprintf(name, sizeof name, "%s.log", command);
    int fault =
        open(site_path(site, name, log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t child = site_spawn(words, (int[]){-1, out, fault});
    close(fault);
    return child;
}

static inline void site_end(pid_t *process)
{
    if (*process > 0) {
        kill(*process, SIGTERM);
        waitpid(*process, NULL, 0);
    }
    *process = 0;
}

/* The number behind a word, 0 without one. */
static inline int site_number(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    uint64_t number = 0;
    if (!at)
        return 0;
    at += strlen(word);
    bool is_number = span_uint(span_of((const uint8_t *)at, strspn(at, "0123456789")),
                               INT32_MAX, &number);
    return is_number ? (int)number : 0;
}

static inline bool site_serve(struct site *site)
{
    char line[128] = "";
    size_t len = 0;
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    site->server = site_begin(site, "server", site->config, out[1]);
    close(out[1]);
    while (len < sizeof line - 1 && !strchr(line, '\n')) {
        ssize_t got = read(out[0], line + len, sizeof line - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    close(out[0]);
    site->port = site_number(line, "\"port\":");
    site->gateway_port = site_number(line, "\"gateway_port\":");
    site->metrics_port = site_number(line, "\"metrics_port\":");
    return site->port > 0;
}

static inline void site_free(struct site *site)
{
    site_end(&site->server);
    store_testsite_remove(&site->place);
    memory_free(site);
}
