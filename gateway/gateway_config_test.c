// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

static char folder[] = "/tmp/gateway_config_XXXXXX";
static struct arena arena;

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The configuration with these storages. */
static bool read_with(const char *storages, struct gateway_config *config,
                      struct err *err)
{
    CLEANUP(buf_free) struct buf json = buf_init(16384);
    struct err written = {0};
    *err = (struct err){0};
    buf_format(&json,
               "{\"facility_code\":\"2010000001\",\"facility_name\":\"空病院\","
               "\"node\":\"n\",\"data\":\"/d\",%s,\"policy\":\"%s/policy.json\","
               "\"centre\":{\"host\":\"h\",\"certificate\":\"c\",\"key\":\"k\","
               "\"authority\":\"a\",\"grant_key\":\"%064d\"}}",
               storages, folder, 0);
    CHECK(path_write_file(in_folder("gateway.json"), buf_view(&json), &written));
    return gateway_read_config(in_folder("gateway.json"), &arena, config, err);
}

#define STANDARD "\"storage\":[{\"label\":\"STD01\",\"directory\":\"/s\"}]"

static void volumes_of_both_storages_are_read(void)
{
    struct err err;
    struct gateway_config config;
    CHECK(read_with("\"storage\":[{\"label\":\"STD01\",\"directory\":\"/a\"},"
                    "{\"label\":\"STD02\",\"directory\":\"/b\",\"polled\":true,"
                    "\"accept_foreign_numbers\":true}],"
                    "\"extended_storage\":[{\"label\":\"ANX01\",\"directory\":\"/c\"}],"
                    "\"transaction_storage\":[\"/t\",\"/u\"]",
                    &config, &err));
    CHECK(config.root_count == 3 && config.transaction_count == 2);
    CHECK(!config.roots[0].is_extended && !config.roots[0].is_polled);
    CHECK(config.roots[1].is_polled && config.roots[1].accepts_foreign_numbers);
    CHECK(config.roots[2].is_extended && strcmp(config.roots[2].label, "ANX01") == 0);
    CHECK(strcmp(config.roots[2].directory, "/c") == 0);
    CHECK(strcmp(config.transactions[1], "/u") == 0);
}

static void standard_storage_alone_is_enough(void)
{
    struct err err;
    struct gateway_config config;
    CHECK(read_with(STANDARD, &config, &err));
    CHECK(config.root_count == 1 && config.transaction_count == 0 && !config.asks_marks);
    CHECK(read_with(STANDARD ",\"fanotify\":true", &config, &err) && config.asks_marks);
    CHECK(!read_with(STANDARD ",\"fanotify\":1", &config, &err));
}

static void storages_that_cannot_be_meant_stop_the_start(void)
{
    static const char *const cases[] = {
        "\"storage\":[]",
        "\"extended_storage\":[{\"label\":\"A\",\"directory\":\"/c\"}]",
        STANDARD ",\"extended_storage\":[{\"label\":\"STD01\",\"directory\":\"/c\"}]",
        STANDARD ",\"extended_storage\":[{\"label\":\"a/b\",\"directory\":\"/c\"}]",
        STANDARD ",\"extended_storage\":[{\"label\":\"A\"}]",
        STANDARD ",\"extended_storage\":{}",
        STANDARD ",\"transaction_storage\":[1]",
        STANDARD ",\"transaction_storage\":[\"a\",\"b\",\"c\",\"d\",\"e\"]",
        "\"storage\":[{\"label\":\"STD01\",\"directory\":\"/s\",\"polled\":1}]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct gateway_config config;
        CHECK(!read_with(cases[i], &config, &err) && err.code);
    }
}

/* What is mistyped must not count as left out, and is named. */
static void a_member_that_is_not_known_stops_the_start(void)
{
    static const struct {
        const char *json;
        const char *name;
    } cases[] = {
        {STANDARD ",\"extendet_storage\":[]", "extendet_storage"},
        {STANDARD ",\"links_a_day\":0", "links_a_day"},
        {"\"storage\":[{\"label\":\"S\",\"directory\":\"/s\",\"poled\":true}]", "poled"},
        {STANDARD ",\"proxy\":{\"host\":\"p\",\"port\":1,\"user\":\"u\"}", "user"},
        {STANDARD ",\"index_database\":{\"connection\":\"c\",\"period\":1}", "period"},
        {STANDARD ",\"images\":[{\"label\":\"P\",\"directory\":\"/p\",\"polled\":true}]",
         "polled"},
        {STANDARD ",\"dicom\":{\"address\":\"::1\",\"title\":\"T\",\"peers\":[{\"title\":"
                  "\"A\",\"addresses\":[\"::1\"],\"report\":{\"host\":\"h\",\"port\":1,"
                  "\"tls\":true}}]}",
         "tls"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct gateway_config config;
        CHECK(!read_with(cases[i].json, &config, &err) &&
              strcmp(err.code, "json_unknown_member") == 0 &&
              strstr(err.text, cases[i].name));
    }
}

/* A port under a mistyped name would be 443. */
static void an_address_of_the_centre_holds_host_and_port_alone(void)
{
    struct err err = {0};
    struct gateway_config config;
    CLEANUP(buf_free) struct buf json = buf_init(16384);
    buf_format(&json,
               "{\"facility_code\":\"2010000001\",\"facility_name\":\"空病院\","
               "\"node\":\"n\",\"data\":\"/d\"," STANDARD ",\"policy\":\"%s\","
               "\"centre\":{\"addresses\":[{\"host\":\"a\",\"prot\":8443}],"
               "\"certificate\":\"c\",\"key\":\"k\",\"authority\":\"a\","
               "\"grant_key\":\"%064d\"}}",
               in_folder("policy.json"), 0);
    CHECK(path_write_file(in_folder("gateway.json"), buf_view(&json), &err));
    CHECK(!gateway_read_config(in_folder("gateway.json"), &arena, &config, &err));
    CHECK(err.code && strcmp(err.code, "json_unknown_member") == 0 &&
          strstr(err.text, "prot"));
}

static void a_broken_configuration_says_in_which_line(void)
{
    struct err err;
    struct gateway_config config;
    CHECK(!read_with("\n\"storage\":[{\"label\":\"S\",\n\"directory\":\"/s\",}]", &config,
                     &err) &&
          strcmp(err.code, "json_invalid") == 0 && strstr(err.text, "line 3"));
}

static void there_are_sixteen_volumes_at_most_in_all(void)
{
    struct err err;
    struct gateway_config config;
    CLEANUP(buf_free) struct buf json = buf_init(16384);
    for (int count = COLLECT_ROOTS_MAX; count <= COLLECT_ROOTS_MAX + 1; count++) {
        buf_reset(&json);
        buf_cstr(&json, STANDARD ",\"extended_storage\":[");
        for (int i = 1; i < count; i++)
            buf_format(&json, "%s{\"label\":\"A%d\",\"directory\":\"/c\"}",
                       i > 1 ? "," : "", i);
        buf_format(&json, "]%c", '\0');
        CHECK(read_with((const char *)json.at, &config, &err) ==
              (count == COLLECT_ROOTS_MAX));
    }
}

static void an_index_database_has_its_secret_in_a_file_of_its_own(void)
{
    static const struct {
        const char *keys;
        bool is_fine;
    } cases[] = {
        {"", true},
        {",\"period_seconds\":10,\"timeout_seconds\":5", true},
        {",\"period_seconds\":0", false},
        {",\"timeout_seconds\":3601", false},
    };
    struct err err = {0};
    struct gateway_config config;
    char json[512];
    CHECK(path_write_file(in_folder("connection"), SPAN("Driver=x;\n"), &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(json, sizeof json, "%s,\"index_database\":{\"connection\":\"%s\"%s}",
                 STANDARD, in_folder("connection"), cases[i].keys);
        CHECK(read_with(json, &config, &err) == cases[i].is_fine);
        CHECK(!cases[i].is_fine || config.rows_connection);
        CHECK(i != 0 || (config.rows_period_ms == 2000 && config.rows_timeout_s == 60));
        CHECK(i != 1 || (config.rows_period_ms == 10000 && config.rows_timeout_s == 5));
    }
    CHECK(chmod(in_folder("connection"), 0644) == 0);
    snprintf(json, sizeof json, "%s,\"index_database\":{\"connection\":\"%s\"}", STANDARD,
             in_folder("connection"));
    CHECK(!read_with(json, &config, &err));
    CHECK(strcmp(err.code, "index_database_secret") == 0);
    CHECK(!read_with(STANDARD ",\"index_database\":{}", &config, &err));
    CHECK(read_with(STANDARD, &config, &err) && !config.rows_connection);
    unlink(in_folder("connection"));
}

#define PEER "{\"title\":\"CT1\",\"addresses\":[\"10.1.2.0/24\",\"fd00::1\"]}"

static void a_dicom_listener_is_read_with_its_peers(void)
{
    struct err err;
    struct gateway_config config;
    CHECK(read_with(STANDARD, &config, &err) && !config.dicom.address);
    CHECK(read_with(STANDARD
                    ",\"dicom\":{\"address\":\"10.1.2.3\",\"title\":\"TSUMUGI\","
                    "\"peers\":[" PEER ",{\"title\":\"PACS\",\"addresses\":[\"::1\"],"
                    "\"report\":{\"host\":\"pacs.local\",\"port\":104}}],"
                    "\"tls\":{\"certificate\":\"c\",\"key\":\"k\",\"authority\":\"a\"},"
                    "\"reserve_mb\":7}",
                    &config, &err));
    const struct gateway_dicom_settings *dicom = &config.dicom;
    CHECK(strcmp(dicom->title, "TSUMUGI") == 0 && dicom->port == 2762);
    CHECK(dicom->peer_count == 2 && dicom->peers[0].network_count == 2);
    CHECK(!dicom->peers[0].report_host && dicom->peers[1].report_port == 104);
    CHECK(dicom->reserve_mb == 7 && dicom->associations_max > 0);
    CHECK(read_with(STANDARD ",\"dicom\":{\"address\":\"::1\",\"title\":\"T\","
                             "\"peers\":[" PEER "]}",
                    &config, &err));
    CHECK(config.dicom.port == 11112 && !config.dicom.certificate);
}

static void a_dicom_listener_that_cannot_be_meant_stops_the_start(void)
{
#define DICOM(rest) STANDARD ",\"dicom\":{\"address\":\"::1\"," rest "}"
    static const char *const cases[] = {
        DICOM("\"title\":\"T\""),
        DICOM("\"title\":\"T\",\"peers\":[]"),
        DICOM("\"title\":\"SEVENTEEN_LETTERS\",\"peers\":[" PEER "]"),
        DICOM("\"title\":\"T\",\"peers\":[" PEER "," PEER "]"),
        DICOM("\"title\":\"T\",\"peers\":[{\"title\":\"A\",\"addresses\":[]}]"),
        DICOM(
            "\"title\":\"T\",\"peers\":[{\"title\":\"A\",\"addresses\":[\"ct.local\"]}]"),
        DICOM("\"title\":\"T\",\"peers\":[{\"title\":\"A\",\"address\":[\"::1\"]}]"),
        DICOM("\"title\":\"T\",\"peers\":[{\"title\":\"A\",\"addresses\":[\"::1\"],"
              "\"report\":{\"host\":\"h\"}}]"),
        DICOM("\"title\":\"T\",\"port\":65536,\"peers\":[" PEER "]"),
        DICOM("\"title\":\"T\",\"prot\":1,\"peers\":[" PEER "]"),
        DICOM("\"title\":\"T\",\"tls\":{\"certificate\":\"c\"},\"peers\":[" PEER "]"),
        STANDARD ",\"dicom\":{\"title\":\"T\",\"peers\":[" PEER "]}",
        STANDARD ",\"dicom\":true",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct gateway_config config;
        CHECK(!read_with(cases[i], &config, &err) && err.code);
    }
}

#define CALLER "{\"name\":\"PACS\",\"addresses\":[\"10.0.0.0/8\"]}"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void callers_of_dicomweb_are_read_with_their_certificates(void)
{
    struct err err;
    struct gateway_config config;
    CHECK(read_with(STANDARD ",\"dicomweb\":{\"address\":\"10.0.0.7\",\"tls\":{"
                             "\"certificate\":\"c\",\"key\":\"k\",\"authority\":\"a\"},"
                             "\"callers\":[" CALLER
                             ",{\"name\":\"B\",\"addresses\":[\"::1\"],"
                             "\"certificate\":\"" HEX "\"}],\"reserve_mb\":9},"
                             "\"metrics\":{\"address\":\"127.0.0.1\"}",
                    &config, &err));
    CHECK(config.web.port == 8443 && config.web.caller_count == 2);
    CHECK(!config.web.callers[0].certificate && config.web.callers[1].certificate);
    CHECK(config.web.requests_max == 16 && config.dicom.reserve_mb == 9);
    CHECK(config.web.metrics_port == 9464 && !config.dicom.address);
    CHECK(read_with(STANDARD, &config, &err));
    CHECK(!config.web.address && !config.web.metrics_address);
}

static void a_dicomweb_listener_that_cannot_be_meant_stops_the_start(void)
{
#define WEB(rest) STANDARD ",\"dicomweb\":{\"address\":\"::1\"," rest "}"
    static const char *const cases[] = {
        WEB("\"port\":1"),
        WEB("\"callers\":[]"),
        WEB("\"callers\":[{\"name\":\"A\",\"addresses\":[]}]"),
        WEB("\"callers\":[{\"name\":\"A\",\"addresses\":[\"pacs.local\"]}]"),
        WEB("\"callers\":[{\"name\":\"\",\"addresses\":[\"::1\"]}]"),
        WEB("\"callers\":[{\"name\":\"A\",\"addresses\":[\"::1\"],"
            "\"certificate\":\"" HEX "\"}]"), /* without tls nobody has one */
        WEB("\"tls\":{\"certificate\":\"c\",\"key\":\"k\",\"authority\":\"a\"},"
            "\"callers\":[{\"name\":\"A\",\"addresses\":[\"::1\"],"
            "\"certificate\":\"12\"}]"),
        WEB("\"callers\":[" CALLER "],\"requests\":0"),
        WEB("\"callers\":[" CALLER "],\"caller\":1"),
        STANDARD ",\"metrics\":{\"where\":\"::1\"}",
        STANDARD ",\"metrics\":{\"address\":\"::1\",\"port\":0}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct gateway_config config;
        CHECK(!read_with(cases[i], &config, &err) && err.code);
    }
}

int main(void)
{
    struct err err = {0};
    CHECK(mkdtemp(folder));
    arena = arena_init(8 << 20);
    CHECK(path_write_file(in_folder("policy.json"),
                          SPAN("{\"version\":1,\"rules\":[{\"kinds\":[\"*\"]}]}"), &err));
    RUN(volumes_of_both_storages_are_read);
    RUN(standard_storage_alone_is_enough);
    RUN(storages_that_cannot_be_meant_stop_the_start);
    RUN(a_member_that_is_not_known_stops_the_start);
    RUN(an_address_of_the_centre_holds_host_and_port_alone);
    RUN(a_broken_configuration_says_in_which_line);
    RUN(there_are_sixteen_volumes_at_most_in_all);
    RUN(an_index_database_has_its_secret_in_a_file_of_its_own);
    RUN(a_dicom_listener_is_read_with_its_peers);
    RUN(a_dicom_listener_that_cannot_be_meant_stops_the_start);
    RUN(callers_of_dicomweb_are_read_with_their_certificates);
    RUN(a_dicomweb_listener_that_cannot_be_meant_stops_the_start);
    unlink(in_folder("policy.json"));
    unlink(in_folder("gateway.json"));
    rmdir(folder);
    arena_free(&arena);
    return test_done();
}
