// SPDX-License-Identifier: Apache-2.0
/* What senders of others do with our listener, and what is on the disk afterwards. */
#include "gateway/gateway_dicom.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "gateway/gateway_dicom_testfile.h"
#include "gateway/gateway_testorthanc.h"
#include "wire/tls/tls.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define ONE(...) ((const char *const[]){__VA_ARGS__, NULL})

static int store(struct site *site, const char *const *options, const char *const *files)
{
    struct running running = begin_scu(site, "storescu", options, files);
    return end_program(&running);
}

static bool kept_holds(struct site *site, struct span bytes)
{
    struct err err = {0};
    struct span file = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    struct instances *instances = gateway_dicom_instances(site->dicom);
    CLEANUP(path_close) int fd = instances_open_file(instances, site->path, &err);
    return fd >= 0 && path_read(fd, 32 << 20, &arena, &file, &err) &&
           memmem(file.at, file.len, bytes.at, bytes.len) != NULL;
}

static void echoscu_is_answered_when_the_titles_are_right(void)
{
    struct site site;
    prepare(&site);
    open_site(&site);
    struct running good = begin_scu(&site, "echoscu", NULL, NULL);
    CHECK(end_program(&good) == 0);
    struct running called = begin_scu(&site, "echoscu", ONE("-aec", "OTHER"), NULL);
    CHECK(end_program(&called) != 0 && says(&called, "Called AE Title Not Recognized"));
    struct running calling = begin_scu(&site, "echoscu", ONE("-aet", "WHO"), NULL);
    CHECK(end_program(&calling) != 0 &&
          says(&calling, "Calling AE Title Not Recognized"));
    CHECK_SOON(&site, meter_of(&site, "reason=\"dicom_called_title\"} ") == 1);
    CHECK_SOON(&site, meter_of(&site, "reason=\"dicom_calling_title\"} ") == 1);
    close_site(&site);
}

static void a_title_counts_only_from_its_own_addresses(void)
{
    struct site site;
    prepare(&site);
    site.settings.peer_count = 0;
    add_peer(&site, "MODALITY", "127.9.0.0/16");
    add_peer(&site, "OTHER", "127.0.0.1");
    open_site(&site);
    struct running running = begin_scu(&site, "echoscu", NULL, NULL);
    CHECK(end_program(&running) != 0 &&
          says(&running, "Calling AE Title Not Recognized"));
    CHECK_SOON(&site, meter_of(&site, "reason=\"dicom_calling_address\"} ") == 1);
    close_site(&site);
}

static void an_address_that_nobody_has_is_not_heard(void)
{
    struct site site;
    prepare(&site);
    site.settings.peer_count = 0;
    add_peer(&site, "MODALITY", "127.9.0.0/16");
    open_site(&site);
    struct running running = begin_scu(&site, "echoscu", NULL, NULL);
    CHECK(end_program(&running) != 0);
    CHECK_SOON(&site, meter_of(&site, "reason=\"dicom_address_unknown\"} ") == 1);
    close_site(&site);
}

static void storescu_leaves_files_of_its_instances(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf pixels = buf_init(1 << 20);
    prepare(&site);
    open_site(&site);
    const char *first = write_file("a.dcm", "2.25.1", EXPLICIT, 64, 1);
    const char *second = write_file("b.dcm", "2.25.2", EXPLICIT, 512, 2);
    CHECK(store(&site, NULL, ONE(first, second)) == 0);
    CHECK(site.kept_count == 2 && count_kept(&site) == 2);
    CHECK(strcmp(site.sop_instance, "2.25.2") == 0);
    CHECK(strcmp(site.sender, "MODALITY") == 0 && strcmp(site.syntax, EXPLICIT) == 0);
    put_pixels(&pixels, 512, 2);
    CHECK(kept_holds(&site, buf_view(&pixels)));
    CHECK(kept_holds(&site, SPAN("KARA^HANAKO")));
    CHECK(meter_of(&site, "\ntsumugi_dicom_stored ") == 2);
    /* the same again, then something else under its number */
    CHECK(store(&site, NULL, ONE(first)) == 0);
    CHECK(site.kept_count == 2 && count_kept(&site) == 2);
    write_file("a.dcm", "2.25.1", EXPLICIT, 64, 9);
    CHECK(store(&site, NULL, ONE(first)) == 0);
    CHECK(site.kept_count == 3 && count_kept(&site) == 3);
    CHECK(strstr(site.path, ".2.dcm") != NULL);
    close_site(&site);
}

static void what_is_kept_is_a_file_that_dcmtk_reads(void)
{
    struct site site;
    char path[NAME_BYTES];
    prepare(&site);
    open_site(&site);
    CHECK(store(&site, NULL, ONE(write_file("a.dcm", "2.25.1", EXPLICIT, 8, 1))) == 0);
    snprintf(path, sizeof path, "%s/%s", in_folder("images"), site.path);
    struct running dump = begin_program(ONE("dcmdump", "--quiet", path));
    CHECK(end_program(&dump) == 0);
    CHECK(says(&dump, "LittleEndianExplicit") && says(&dump, "TSUMUGI"));
    CHECK(says(&dump, "[2.25.1]") && !says(&dump, "W:") && !says(&dump, "E:"));
    close_site(&site);
}

static void every_transfer_syntax_that_storescu_proposes_is_taken(void)
{
    static const struct {
        const char *option;
        const char *syntax;
        bool is_plain; /* converted by storescu itself */
    } cases[] = {{"-xe", "1.2.840.10008.1.2.1", true},
                 {"-xi", "1.2.840.10008.1.2", true},
                 {"-xb", "1.2.840.10008.1.2.2", true},
                 {"-xd", "1.2.840.10008.1.2.1.99", true},
                 {"-xs", "1.2.840.10008.1.2.4.70", false},
                 {"-xy", "1.2.840.10008.1.2.4.50", false},
                 {"-xx", "1.2.840.10008.1.2.4.51", false},
                 {"-xv", "1.2.840.10008.1.2.4.90", false},
                 {"-xw", "1.2.840.10008.1.2.4.91", false},
                 {"-xt", "1.2.840.10008.1.2.4.80", false},
                 {"-xu", "1.2.840.10008.1.2.4.81", false},
                 {"-xr", "1.2.840.10008.1.2.5", false},
                 {"-xm", "1.2.840.10008.1.2.4.100", false}};
    struct site site;
    prepare(&site);
    open_site(&site);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.%zu", 300 + i);
        const char *made = cases[i].is_plain ? EXPLICIT : cases[i].syntax;
        const char *file = write_file("a.dcm", uid, made, 16, (uint8_t)i);
        struct running running =
            begin_scu(&site, "storescu", ONE("-R", cases[i].option), ONE(file));
        CHECK(end_program(&running) == 0);
        CHECK(strcmp(site.sop_instance, uid) == 0);
        /* -xe and others propose more than one: which is taken is ours to say */
        bool is_as_asked = strcmp(site.syntax, cases[i].syntax) == 0;
        CHECK(is_as_asked || (cases[i].is_plain && strcmp(site.syntax, EXPLICIT) == 0));
        if (!is_as_asked)
            printf("# %s came as %s\n", cases[i].option, site.syntax);
    }
    CHECK(site.kept_count == sizeof cases / sizeof *cases);
    close_site(&site);
}

/* Empty files wait there for what will come. */
static bool is_nothing_on_its_way(void)
{
    struct stat status;
    int place = open(in_folder("images/.incoming"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = place >= 0 ? fdopendir(place) : NULL;
    int count = 0;
    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list))
        count += entry->d_name[0] != '.' &&
                 fstatat(place, entry->d_name, &status, 0) == 0 && status.st_size > 0;
    if (list)
        closedir(list);
    return list && count == 0;
}

static void a_killed_sender_leaves_nothing(void)
{
    struct site site;
    prepare(&site);
    open_site(&site);
    const char *file = write_file("big.dcm", "2.25.1", EXPLICIT, 65000, 1);
    struct running running = begin_scu(&site, "storescu", NULL, ONE(file));
    CHECK_SOON(&site, meter_of(&site, "\ntsumugi_dicom_bytes ") > 300000);
    kill(running.pid, SIGKILL);
    end_program(&running);
    CHECK_SOON(&site, meter_of(&site, "\ntsumugi_dicom_associations ") == 0);
    CHECK_SOON(&site, is_nothing_on_its_way());
    CHECK(site.kept_count == 0 && count_kept(&site) == 0);
    close_site(&site);
}

static void several_senders_at_once_are_all_served(void)
{
    enum { SENDERS = 6, FILES = 8 };
    struct site site;
    struct running running[SENDERS];
    prepare(&site);
    open_site(&site);
    for (int i = 0; i < SENDERS; i++) {
        char names[FILES][32];
        const char *files[FILES + 1] = {NULL};
        char paths[FILES][NAME_BYTES];
        for (int k = 0; k < FILES; k++) {
            char uid[32];
            snprintf(uid, sizeof uid, "2.25.%d", 100 + i * FILES + k);
            snprintf(names[k], sizeof names[k], "%d-%d.dcm", i, k);
            snprintf(paths[k], sizeof paths[k], "%s",
                     write_file(names[k], uid, EXPLICIT, 512, (uint8_t)i));
            files[k] = paths[k];
        }
        running[i] = begin_scu(&site, "storescu", NULL, files);
    }
    for (int i = 0; i < SENDERS; i++)
        CHECK(end_program(&running[i]) == 0);
    CHECK(site.kept_count == SENDERS * FILES && count_kept(&site) == SENDERS * FILES);
    close_site(&site);
}

static void a_full_disk_is_said_to_the_sender(void)
{
    struct site site;
    prepare(&site);
    site.settings.reserve_mb = 1 << 30;
    open_site(&site);
    struct running running =
        begin_scu(&site, "storescu", ONE("-v"),
                  ONE(write_file("a.dcm", "2.25.1", EXPLICIT, 64, 1)));
    end_program(&running);
    CHECK(says(&running, "OutOfResources") || says(&running, "a700"));
    CHECK(site.kept_count == 0 && count_kept(&site) == 0);
    close_site(&site);
}

/* ---- TLS ---- */

static void make_certificates(void)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    CHECK(tls_make_authority(in_folder("house"), "house", &err));
    CHECK(tls_issue(in_folder("house"), in_folder("gateway"), "gateway", "127.0.0.1", 30,
                    fingerprint, &err));
    CHECK(tls_issue(in_folder("house"), in_folder("ct"), "ct", NULL, 30, fingerprint,
                    &err));
    CHECK(tls_make_authority(in_folder("foreign"), "foreign", &err));
    CHECK(tls_issue(in_folder("foreign"), in_folder("stranger"), "stranger", NULL, 30,
                    fingerprint, &err));
}

static void storescu_sends_over_mutual_tls_and_nobody_else(void)
{
    struct site site;
    char names[5][NAME_BYTES];
    static const char *const files[] = {"house.crt", "gateway.crt", "gateway.key",
                                        "ct.crt", "ct.key"};
    make_certificates();
    for (int i = 0; i < 5; i++)
        snprintf(names[i], sizeof names[i], "%s", in_folder(files[i]));
    prepare(&site);
    site.settings.authority = names[0];
    site.settings.certificate = names[1];
    site.settings.key = names[2];
    open_site(&site);
    const char *file = write_file("a.dcm", "2.25.1", EXPLICIT, 4000, 1);
    struct running good = begin_scu(
        &site, "storescu", ONE("+tls", names[4], names[3], "+cf", names[0]), ONE(file));
    CHECK(end_program(&good) == 0 && site.kept_count == 1);
    struct running plain = begin_scu(&site, "echoscu", ONE("-ta", "5"), NULL);
    CHECK(end_program(&plain) != 0);
    struct running nobody = begin_scu(&site, "echoscu", ONE("+tla", "-ic"), NULL);
    CHECK(end_program(&nobody) != 0);
    struct running stranger = begin_scu(&site, "echoscu",
                                        ONE("+tls", in_folder("stranger.key"),
                                            in_folder("stranger.crt"), "+cf", names[0]),
                                        NULL);
    CHECK(end_program(&stranger) != 0);
    CHECK_SOON(&site, meter_of(&site, "reason=\"tls_peer_refused\"} ") >= 1);
    close_site(&site);
}

static void without_tls_only_loopback_is_listened_on(void)
{
    struct site site;
    struct err err = {0};
    prepare(&site);
    site.settings.address = "0.0.0.0";
    site.loop = loop_new(&err);
    struct gateway_dicom_config config = {.loop = site.loop,
                                          .settings = &site.settings,
                                          .directory = in_folder("images"),
                                          .log = &site.log};
    CHECK(!gateway_dicom_open(&config, &err));
    CHECK(err.code && strcmp(err.code, "plain_refused") == 0);
    loop_free(site.loop);
    close(site.log.fd);
}

/* ---- others ---- */

/* That of Debian 12 (GDCM 3.0.21) does its work and then aborts over a stream of its own,
 * with every peer: its exit status says nothing. */
static void gdcmscu_sends_too(void)
{
    struct site site;
    char port[8];
    prepare(&site);
    open_site(&site);
    snprintf(port, sizeof port, "%u", (unsigned)gateway_dicom_port(site.dicom));
    const char *file = write_file("a.dcm", "2.25.7", EXPLICIT, 512, 1);
    struct running running =
        begin_program(ONE("gdcmscu", "--store", "127.0.0.1", port, file, "--aetitle",
                          "MODALITY", "--call", "TSUMUGI"));
    end_program(&running);
    CHECK(site.kept_count == 1 && strcmp(site.sop_instance, "2.25.7") == 0);
    CHECK(meter_of(&site, "\ntsumugi_dicom_stored ") == 1);
    close_site(&site);
}

/* ---- Orthanc: sends, and asks for storage commitment ---- */

/* Asks for commitment of such an instance and waits for what Orthanc is told. */
static void expect_commitment(struct site *site, const struct orthanc *orthanc,
                              const char *uid, const char *result)
{
    char body[NAME_BYTES];
    char path[NAME_BYTES];
    snprintf(body, sizeof body, "{\"DicomInstances\":[[\"" CT "\",\"%s\"]]}", uid);
    struct running asked =
        ask_orthanc(orthanc, "modalities/gateway/storage-commitment", ONE("-d", body));
    take_answer(&asked, "Path", path);
    CHECK_SOON(site, orthanc_says(orthanc, path + 1, result));
}

static void tell_of_gateway(const struct site *site, const struct orthanc *orthanc)
{
    char body[NAME_BYTES];
    snprintf(body, sizeof body,
             "{\"AET\":\"TSUMUGI\",\"Host\":\"127.0.0.1\",\"Port\":%u,"
             "\"AllowStorageCommitment\":true}",
             (unsigned)gateway_dicom_port(site->dicom));
    ask_orthanc(orthanc, "modalities/gateway", ONE("-X", "PUT", "-d", body));
}

static void orthanc_sends_and_hears_what_is_committed(void)
{
    struct site site;
    struct orthanc orthanc;
    char data[NAME_BYTES];
    char id[NAME_BYTES];
    bool has_started = start_orthanc(&orthanc, "");
    CHECK(has_started);
    if (!has_started)
        return;
    prepare(&site);
    add_peer(&site, "ORTHANC", "127.0.0.1");
    site.settings.peers[1].report_host = "127.0.0.1";
    site.settings.peers[1].report_port = orthanc.dicom_port;
    open_site(&site);
    tell_of_gateway(&site, &orthanc);
    snprintf(data, sizeof data, "@%s", write_file("a.dcm", "2.25.7", EXPLICIT, 512, 1));
    struct running made = ask_orthanc(&orthanc, "instances", ONE("--data-binary", data));
    take_answer(&made, "ID", id);
    struct running sent =
        ask_orthanc(&orthanc, "modalities/gateway/store", ONE("-d", id));
    CHECK(says(&sent, "\"FailedInstancesCount\" : 0"));
    CHECK(site.kept_count == 1 && strcmp(site.sop_instance, "2.25.7") == 0);
    expect_commitment(&site, &orthanc, "2.25.7", "\"Status\" : \"Success\"");
    expect_commitment(&site, &orthanc, "2.25.8", "\"Status\" : \"Failure\"");
    CHECK_SOON(&site, meter_of(&site, "\ntsumugi_dicom_committed ") == 1);
    end_orthanc(&orthanc);
    close_site(&site);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(without_tls_only_loopback_is_listened_on);
    if (is_installed("storescu")) {
        RUN(echoscu_is_answered_when_the_titles_are_right);
        RUN(a_title_counts_only_from_its_own_addresses);
        RUN(an_address_that_nobody_has_is_not_heard);
        RUN(storescu_leaves_files_of_its_instances);
        RUN(what_is_kept_is_a_file_that_dcmtk_reads);
        RUN(every_transfer_syntax_that_storescu_proposes_is_taken);
        RUN(a_killed_sender_leaves_nothing);
        RUN(several_senders_at_once_are_all_served);
        RUN(a_full_disk_is_said_to_the_sender);
        RUN(storescu_sends_over_mutual_tls_and_nobody_else);
    } else {
        SKIP("senders of DCMTK", "storescu is not installed");
    }
    if (is_installed("gdcmscu"))
        RUN(gdcmscu_sends_too);
    else
        SKIP("gdcmscu_sends_too", "gdcmscu is not installed");
    if (is_installed("Orthanc") && is_installed("curl"))
        RUN(orthanc_sends_and_hears_what_is_committed);
    else
        SKIP("orthanc_sends_and_hears_what_is_committed", "Orthanc is not installed");
    CHECK(test_remove(folder));
    return test_done();
}
