// SPDX-License-Identifier: Apache-2.0
/* The whole centre, opened and closed: what it refuses to start with, and that its route
 * table and docs/openapi.yaml say the same. */
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "formats/json/json.h"
#include "server/embedded.h"
#include "wire/http/http.h"
#include "wire/loop/loop_listen.h"
#include "wire/tls/tls.h"

static char folder[64];

static const char *in_folder(const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", folder, name);
    return out;
}

/* Writes a configuration with the given listener for browsers. */
static const char *write_config(const char *browsers, char path[256])
{
    struct err err = {0};
    char text[2048];
    snprintf(text, sizeof text,
             "{\"data\":\"%s/data\",\"node\":\"centre\",\"demo\":true,\"browsers\":%s,"
             "\"gateways\":{\"address\":\"127.0.0.1\",\"port\":0,\"certificate\":"
             "\"%s/centre.crt\",\"key\":\"%s/centre.key\",\"authority\":\"%s/ca.crt\"}}",
             folder, browsers, folder, folder, folder);
    CHECK(path_write_file(in_folder("centre.json", path), span_cstr(text), &err));
    return path;
}

static void make_folder(void)
{
    struct err err = {0};
    char authority[256];
    char prefix[256];
    char fingerprint[HASH_HEX_BYTES];
    snprintf(folder, sizeof folder, "/tmp/server_test_XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    CHECK(tls_make_authority(in_folder("ca", authority), "test", &err));
    CHECK(tls_issue(authority, in_folder("centre", prefix), "centre", "localhost", 30,
                    fingerprint, &err));
}

static struct server *open_server(const char *browsers, struct err *err)
{
    char path[256];
    return server_open(write_config(browsers, path), err);
}

static void the_demo_stays_on_loopback(void)
{
    struct err err = {0};
    CHECK(!open_server("{\"address\":\"0.0.0.0\",\"port\":0}", &err));
    CHECK(err.code && strcmp(err.code, "config_demo") == 0);
}

static void a_configuration_without_port_is_refused(void)
{
    struct err err = {0};
    CHECK(!open_server("{\"address\":\"127.0.0.1\"}", &err));
    CHECK(err.kind == ERR_SYNTAX);
}

static void a_missing_configuration_is_named(void)
{
    struct err err = {0};
    char path[256];
    CHECK(!server_open(in_folder("nothing.json", path), &err));
    CHECK(err.kind == ERR_MISSING && strstr(err.text, "nothing.json"));
}

/* "data_base" would found an empty centre in a file beside the real one. */
static void a_mistyped_member_is_named(void)
{
    struct err err = {0};
    CHECK(
        !open_server("{\"address\":\"127.0.0.1\",\"port\":0},\"data_base\":\"x\"", &err));
    CHECK(strcmp(err.code, "json_unknown_member") == 0 && strstr(err.text, "data_base"));
    err_clear(&err);
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0,\"authorities\":\"x\"}",
                       &err));
    CHECK(strcmp(err.code, "json_unknown_member") == 0 &&
          strstr(err.text, "authorities"));
    err_clear(&err);
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0},\"metrics\":{\"address\":"
                       "\"::1\",\"port\":0,\"certificate\":\"x\"}",
                       &err));
    CHECK(strcmp(err.code, "json_unknown_member") == 0 &&
          strstr(err.text, "certificate"));
}

static void a_missing_certificate_is_named(void)
{
    struct err err = {0};
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0,\"certificate\":\"/c.crt\","
                       "\"key\":\"/c.key\",\"authority\":\"/a.crt\"}",
                       &err));
    CHECK(strcmp(err.code, "tls_authority_unreadable") == 0 &&
          strstr(err.text, "/a.crt"));
}

static void a_port_in_use_is_named(void)
{
    struct err err = {0};
    char browsers[64];
    struct server *first = open_server("{\"address\":\"127.0.0.1\",\"port\":0}", &err);
    CHECK(first);
    snprintf(browsers, sizeof browsers, "{\"address\":\"127.0.0.1\",\"port\":%u}",
             first ? server_port(first) : 0);
    struct loop_address at;
    CHECK(loop_read_address("127.0.0.1", server_port(first), false, &at, &err));
    server_close(first);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)(const void *)&at.at, at.len) == 0 &&
          listen(fd, 1) == 0);
    CHECK(!open_server(browsers, &err) && strcmp(err.code, "listen_failed") == 0);
    snprintf(browsers, sizeof browsers, "127.0.0.1 port %u",
             ntohs(((const struct sockaddr_in *)(const void *)&at.at)->sin_port));
    CHECK(strstr(err.text, browsers));
    close(fd);
}

static void a_key_of_ours_that_others_may_read_stops_the_start(void)
{
    struct err err = {0};
    char path[256];
    CHECK(chmod(in_folder("data/keys/grants", path), 0644) == 0);
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0}", &err));
    CHECK(strcmp(err.code, "file_exposed") == 0 && strstr(err.text, "keys/grants"));
    CHECK(chmod(path, 0600) == 0);
}

static void *run_server(void *server)
{
    server_run(server);
    return NULL;
}

static int dial(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    CHECK(connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0);
    return fd;
}

/* A newcomer takes the place of the one that waits. */
static void an_address_has_as_many_connections_as_the_configuration_says(void)
{
    static const char ask[] = "GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct err err = {0};
    char answer[16] = "";
    pthread_t thread = 0;
    struct server *server = open_server(
        "{\"address\":\"127.0.0.1\",\"port\":0},\"connections_per_address\":1", &err);
    CHECK(server && pthread_create(&thread, NULL, run_server, server) == 0);
    int first = dial(server_port(server)), second = dial(server_port(server));
    CHECK(recv(first, answer, sizeof answer, 0) <= 0 && errno != EAGAIN);
    CHECK(send(second, ask, strlen(ask), 0) == (ssize_t)strlen(ask));
    CHECK(recv(second, answer, 12, MSG_WAITALL) == 12 &&
          memcmp(answer, "HTTP/1.1 200", 12) == 0);
    close(first);
    close(second);
    server_stop(server);
    pthread_join(thread, NULL);
    server_close(server);
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0},\"connections\":0", &err));
    CHECK(err.kind == ERR_SYNTAX && strstr(err.text, "connections"));
}

/* ---- routes and contract ---- */

struct comparing {
    const struct json_value *paths;
    size_t count;
    bool is_missing;
};

static void see_route(void *context, enum http_method method, const char *path)
{
    struct comparing *comparing = context;
    char word[16];
    const char *name = http_method_name(method);
    size_t len = strlen(name);
    for (size_t i = 0; i <= len && i < sizeof word; i++)
        word[i] = (char)(name[i] | (name[i] ? 0x20 : 0));
    comparing->count++;
    if (json_member(json_member(comparing->paths, path), word))
        return;
    printf("# not in the contract: %s %s\n", name, path);
    comparing->is_missing = true;
}

static bool count_member(void *context, struct text key, const struct json_value *value,
                         struct err *err)
{
    static const char *const methods[] = {"get", "post", "put", "delete"};
    size_t *count = context;
    (void)value;
    (void)err;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        *count += text_is(key, methods[i]);
    return true;
}

static bool count_path(void *context, struct text key, const struct json_value *value,
                       struct err *err)
{
    (void)key;
    return json_each_member(value, count_member, context, err);
}

static void every_route_is_in_the_contract_and_nothing_beside_it(void)
{
    struct err err = {0};
    struct server *server = open_server("{\"address\":\"127.0.0.1\",\"port\":0}", &err);
    struct span spec =
        span_of(embedded_openapi, (size_t)(embedded_openapi_end - embedded_openapi));
    CLEANUP(json_free_at) struct json_document *document = json_parse(spec, &err);
    CHECK(server && document);
    if (!server || !document)
        return;
    struct comparing comparing = {.paths = json_member(json_root(document), "paths")};
    size_t in_contract = 0;
    http_router_each(server_router(server), see_route, &comparing);
    CHECK(json_each_member(comparing.paths, count_path, &in_contract, &err));
    CHECK(!comparing.is_missing);
    CHECK(comparing.count == in_contract);
    CHECK(comparing.count > 20);
    server_close(server);
}

/* Where the cheap looks at the start see it; the rest is the store's own test. */
static void a_damaged_database_stops_the_start_by_name(void)
{
    struct err err = {0};
    char path[256];
    char noise[8192];
    memset(noise, 0x5A, sizeof noise);
    int fd = open(in_folder("data/centre.db", path), O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, noise, sizeof noise, 0) == sizeof noise);
    close(fd);
    CHECK(!open_server("{\"address\":\"127.0.0.1\",\"port\":0}", &err));
    CHECK(err.code && strcmp(err.code, "store_corrupt") == 0);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", folder);
    CHECK(system(command) == 0); /* allowed: a test's own folder */
}

int main(void)
{
    RUN(make_folder);
    RUN(the_demo_stays_on_loopback);
    RUN(a_configuration_without_port_is_refused);
    RUN(a_missing_configuration_is_named);
    RUN(a_mistyped_member_is_named);
    RUN(a_missing_certificate_is_named);
    RUN(a_port_in_use_is_named);
    RUN(a_key_of_ours_that_others_may_read_stops_the_start);
    RUN(an_address_has_as_many_connections_as_the_configuration_says);
    RUN(every_route_is_in_the_contract_and_nothing_beside_it);
    RUN(a_damaged_database_stops_the_start_by_name);
    RUN(remove_folder);
    return test_done();
}
