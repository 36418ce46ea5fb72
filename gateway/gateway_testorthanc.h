// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Orthanc as a hospital's archive, on ports of its own, and what it is told by curl. */

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "gateway/gateway_dicom_testsite.h"
#include "gateway/gateway_testport.h"

struct orthanc {
    struct running process;
    char url[64];
    uint16_t dicom_port;
};

/* curl with these options; what it says. */
static inline struct running ask_orthanc(const struct orthanc *orthanc, const char *path,
                                         const char *const *options)
{
    char url[NAME_BYTES + sizeof orthanc->url];
    const char *arguments[ARGUMENTS_MAX] = {"curl", "-s", "-m", "20"};
    int count = 4;
    for (; options && *options; options++)
        arguments[count++] = *options;
    snprintf(url, sizeof url, "%s%s", orthanc->url, path);
    arguments[count++] = url;
    struct running running = begin_program(arguments);
    end_program(&running);
    return running;
}

static inline bool orthanc_says(const struct orthanc *orthanc, const char *path,
                                const char *words)
{
    struct running running = ask_orthanc(orthanc, path, NULL);
    return says(&running, words);
}

/* The member's text of the answer. */
static inline void take_answer(const struct running *running, const char *key,
                               char *value)
{
    struct err err = {0};
    struct span bytes = {0}, part = {0};
    char words[32];
    CLEANUP(arena_free) struct arena arena = arena_init(2 * OUTPUT_BYTES);
    snprintf(words, sizeof words, "\"%s\" : \"", key);
    CHECK(path_read_file(running->output, OUTPUT_BYTES, &arena, &bytes, &err));
    const uint8_t *at = memmem(bytes.at, bytes.len, words, strlen(words));
    CHECK(at != NULL);
    snprintf(value, NAME_BYTES, "/");
    if (!at)
        return;
    struct span rest = span_part(bytes, (size_t)(at - bytes.at) + strlen(words), 100);
    CHECK(span_take(&rest, '"', &part));
    snprintf(value, NAME_BYTES, "%.*s", (int)part.len, (const char *)part.at);
}

static inline bool orthanc_starts(const struct orthanc *orthanc)
{
    for (int i = 0; i < WAIT_S * 20; i++) {
        if (orthanc_says(orthanc, "system", "DicomAet"))
            return true;
        if (waitpid(orthanc->process.pid, NULL, WNOHANG) == orthanc->process.pid)
            return false;
        poll(NULL, 0, 50);
    }
    return false;
}

/* `more` is the rest of its settings, from a comma on. A port that was free may be
 * somebody else's a moment later: then once more. */
static inline bool start_orthanc(struct orthanc *orthanc, const char *more)
{
    for (int i = 0; i < 5; i++) {
        struct err err = {0};
        uint16_t http_port = free_port();
        CLEANUP(buf_free) struct buf json = buf_init(4096);
        orthanc->dicom_port = free_port();
        buf_format(&json,
                   "{\"Name\":\"test\",\"StorageDirectory\":\"%s\","
                   "\"IndexDirectory\":\"%s\",\"HttpPort\":%u,\"DicomPort\":%u,"
                   "\"DicomAet\":\"ORTHANC\",\"RemoteAccessAllowed\":false,"
                   "\"AuthenticationEnabled\":false,\"DicomCheckCalledAet\":true%s}",
                   in_folder("orthanc"), in_folder("orthanc"), (unsigned)http_port,
                   (unsigned)orthanc->dicom_port, more);
        CHECK(path_write_file(in_folder("orthanc.json"), buf_view(&json), &err));
        snprintf(orthanc->url, sizeof orthanc->url, "http://127.0.0.1:%u/",
                 (unsigned)http_port);
        orthanc->process = begin_program(
            (const char *const[]){"Orthanc", in_folder("orthanc.json"), NULL});
        if (orthanc_starts(orthanc))
            return true;
    }
    return false;
}

static inline void end_orthanc(struct orthanc *orthanc)
{
    kill(orthanc->process.pid, SIGTERM);
    end_program(&orthanc->process);
    CHECK(test_remove(in_folder("orthanc")));
}
