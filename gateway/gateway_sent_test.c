// SPDX-License-Identifier: Apache-2.0
/* A study that DCMTK's storescu sends to a whole gateway is told to the centre by itself:
 * no look at the folders is due for an hour. */
#include "gateway/gateway_testcentre.h"
#include "gateway/gateway_testport.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "formats/dicom/dicom_testsite.h"

enum { POLLS_MAX = 20 };

static bool succeeds(const char *const *arguments)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void put_picture(const struct scene *scene, const char *study,
                        const char *instance)
{
    struct err err = {0};
    struct site site = new_site(LITTLE);
    put_string(&site, DICOM_SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.7");
    put_string(&site, DICOM_SOP_INSTANCE, "UI", instance);
    put_string(&site, DICOM_STUDY_DATE, "DA", "20240501");
    put_string(&site, DICOM_MODALITY, "CS", "CT");
    put_string(&site, DICOM_PATIENT_ID, "LO", NUMBER);
    put_string(&site, DICOM_STUDY, "UI", study);
    put_string(&site, DICOM_SERIES, "UI", "1.2.392.5.1");
    CLEANUP(buf_free) struct buf whole = wrap(&site, LITTLE);
    must(path_write_file(in_folder(scene, "picture"), buf_view(&whole), &err), &err);
    buf_free(&site.out);
}

static void listen_for_dicom(struct scene *scene, uint16_t port)
{
    struct err err = {0};
    struct span json = {0};
    CLEANUP(buf_free) struct buf changed = buf_init(1 << 16);
    must(path_write_file(in_folder(scene, "policy.json"),
                         SPAN("{\"version\":2,\"rules\":[{\"kinds\":[\"radiology\"]}]}"),
                         &err),
         &err);
    must(path_read_file(in_folder(scene, "gateway.json"), 1 << 15, &scene->arena, &json,
                        &err),
         &err);
    buf_format(&changed,
               "{\"dicom\":{\"address\":\"127.0.0.1\",\"port\":%u,\"title\":\"TSUMUGI\","
               "\"reserve_mb\":0,\"peers\":[{\"title\":\"CT\",\"addresses\":["
               "\"127.0.0.1\"]}]},\"images_period_seconds\":3600,",
               (unsigned)port);
    buf_span(&changed, span_part(json, 1, json.len));
    must(path_write_file(in_folder(scene, "gateway.json"), buf_view(&changed), &err),
         &err);
}

static bool is_told(struct scene *scene, const char *word)
{
    struct poll poll = {.answers = buf_init(1 << 20)};
    buf_cstr(&poll.answers, "{\"answers\":[]}");
    for (int i = 0; i < POLLS_MAX && !strstr(poll.told, word); i++) {
        ANSWER answer =
            ask(scene, "/events/live", buf_view(&poll.answers), (struct span){0});
        CHECK(answer.status == 200 && answer.document);
        if (answer.document)
            take_batch(&poll, json_root(answer.document));
    }
    buf_free(&poll.answers);
    return strstr(poll.told, word) != NULL;
}

static bool sends(const struct scene *scene, uint16_t number, const char *study,
                  const char *instance)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)number);
    put_picture(scene, study, instance);
    return succeeds((const char *const[]){"storescu", "-aec", "TSUMUGI", "-aet", "CT",
                                          "127.0.0.1", port, in_folder(scene, "picture"),
                                          NULL});
}

static void a_study_that_storescu_sends_is_told_by_itself(void)
{
    struct scene scene;
    uint16_t port = free_port();
    begin(&scene);
    CHECK(link_is(&scene, "イイダ ハナコ", "confirmed"));
    stop_gateway(&scene);
    listen_for_dicom(&scene, port);
    start_gateway(&scene);
    ANSWER hello = ask_hello(&scene);
    CHECK(hello.status == 200);
    /* whatever tells of the first, the look of the beginning is over then */
    CHECK(sends(&scene, port, "1.2.392.4", "1.2.3.4"));
    CHECK(is_told(&scene, "P:-/DICOM/1.2.392.4 "));
    CHECK(sends(&scene, port, "1.2.392.5", "1.2.3.5"));
    CHECK(is_told(&scene, "P:-/DICOM/1.2.392.5 "));
    end(&scene);
}

int main(void)
{
    if (succeeds(
            (const char *const[]){"sh", "-c", "command -v storescu >/dev/null", NULL}))
        RUN(a_study_that_storescu_sends_is_told_by_itself);
    else
        SKIP("a_study_that_storescu_sends_is_told_by_itself",
             "storescu is not installed");
    return test_done();
}
