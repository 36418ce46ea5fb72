// SPDX-License-Identifier: Apache-2.0
/* tsumugi inspect, run as a program: $TSUMUGI names it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "formats/json/json.h"

#define VISIT                                                                            \
    "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5||||||~ISO IR87\r"     \
    "EVN||20260401\rPID|1||0001234567||\x1B$BD]Ln\x1B(B^\x1B$B2V9>\x1B(B^^^^^L^I\r"      \
    "PV1|1|O|01\r"

static const char FOLDER[] = "000/123/0001234567/20260401/ADT-12";
#define DICOM "../shared/fixtures/dicom"
static const char FILE_NAME[] =
    "0001234567_20260401_ADT-12_999999999999999_20260401101500123_01_1";
static char root[64];

struct result {
    int status;
    char out[2 << 20];
    size_t len;
};

/* Runs the program and keeps what it writes to stdout. */
static void inspect(const char *const arguments[], struct result *result)
{
    memset(result, 0, sizeof *result);
    result->status = -1;
    const char *program = getenv("TSUMUGI");
    char *words[8] = {"tsumugi", "inspect"};
    int pipes[2];
    for (int i = 0; arguments[i] && i < 5; i++)
        words[2 + i] = (char *)(uintptr_t)arguments[i];
    if (pipe(pipes) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        execv(program, words);
        _exit(127);
    }
    close(pipes[1]);
    ssize_t got = 0;
    while ((got = read(pipes[0], result->out + result->len,
                       sizeof(result->out) - 1 - result->len)) > 0)
        result->len += (size_t)got;
    close(pipes[0]);
    int status = 0;
    waitpid(child, &status, 0);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void inspect_root(struct result *result)
{
    const char *const arguments[] = {"--json", root, NULL};
    inspect(arguments, result);
}

static bool says(const struct result *result, const char *word)
{
    return strstr(result->out, word) != NULL;
}

static void write_at(const char *folder, const char *name, const char *content,
                     size_t len)
{
    char path[512];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", root, folder);
    CHECK(path_make_directory(path, &err));
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    CHECK(path_write_file(path, span_of(content, len), &err));
}

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/inspect_test.XXXXXX");
    CHECK(mkdtemp(root) != NULL);
}

static void end(void)
{
    CHECK(test_remove(root));
}

static void wrong_usage_ends_with_2(void)
{
    static struct result result;
    const char *const none[] = {NULL};
    const char *const option[] = {"--jsom", "x", NULL};
    const char *const no_path[] = {"--json", NULL};
    inspect(none, &result);
    CHECK(result.status == 2 && result.len == 0);
    inspect(option, &result);
    CHECK(result.status == 2 && result.len == 0);
    inspect(no_path, &result);
    CHECK(result.status == 2 && result.len == 0);
}

static void a_storage_that_is_understood_ends_with_0(void)
{
    static struct result result;
    begin();
    write_at(FOLDER, FILE_NAME, VISIT, sizeof(VISIT) - 1);
    inspect_root(&result);
    CHECK(result.status == 0);
    CHECK(says(&result, "\"format\":\"ssmix2\",\"ok\":true"));
    CHECK(says(&result, "\"id\":\"0001234567\",\"name\":\"紬野 花江\""));
    CHECK(says(&result, "\"kind\":\"visit\",\"row\":\"visit\",\"day\":\"2026-04-01\""));
    struct err err = {0};
    CHECK(result.len > 0 && result.out[result.len - 1] == '\n');
    struct json_document *document =
        json_parse(span_of(result.out, result.len - 1), &err);
    CHECK(document != NULL);
    json_free(document);
    const char *const plain[] = {root, NULL};
    inspect(plain, &result);
    CHECK(result.status == 0 && says(&result, "ssmix2 ok") && says(&result, "内科"));
    end();
}

static void a_document_s_parts_are_named(void)
{
    static const char folder[] =
        "000/123/0001234567/20260401/^紹介状^^57133-1^紹介状^LN/"
        "0001234567_20260401_57133-1_000000000000001_20260401101500123_01_1";
    static const char document[] =
        "<ClinicalDocument><code code=\"MD0020730\"/><component><structuredBody>"
        "<component><section><text><renderMultiMedia referencedObject=\"m\"/></text>"
        "<entry><observationMedia ID=\"m\"><value><reference value=\"b.png\"/></value>"
        "</observationMedia></entry></section></component></structuredBody></component>"
        "</ClinicalDocument>";
    static struct result result;
    begin();
    write_at(folder, "main_document.xml", document, sizeof document - 1);
    write_at(folder, "a.pdf", "%PDF-1.4\n", 9);
    write_at(folder, "b.png", "\x89PNG\r\n\x1A\n", 8);
    inspect_root(&result);
    CHECK(result.status == 0);
    CHECK(says(&result, "{\"type\":\"figure\",\"file\":\"b.png\",\"part\":\"2\"}"));
    CHECK(says(&result, "{\"type\":\"part\",\"part\":\"1\",\"name\":\"a.pdf\","
                        "\"media_type\":\"application/pdf\""));
    end();
}

static void one_bad_file_does_not_hide_the_others(void)
{
    static struct result result;
    begin();
    write_at(FOLDER, FILE_NAME, VISIT, sizeof(VISIT) - 1);
    write_at(FOLDER, "0001234567_20260401_ADT-12_1_20260401101500124_01_1", "\xFB\xFC",
             2);
    write_at(FOLDER, "notes.txt", "x", 1);
    write_at(FOLDER, "0001234567_20260401_ADT-12_2_20260401101500125_01_1", VISIT,
             sizeof(VISIT) - 4);
    inspect_root(&result);
    CHECK(result.status == 1);
    CHECK(says(&result, "\"ok\":true") && says(&result, "\"code\":\"hl7_no_msh\""));
    CHECK(says(&result, "\"code\":\"ssmix_name_short\""));
    CHECK(says(&result, "\"code\":\"hl7_segment_cut\""));
    end();
}

static void links_and_pipes_in_a_tree_are_refused(void)
{
    static struct result result;
    char path[512];
    begin();
    write_at("elsewhere", "secret", VISIT, sizeof(VISIT) - 1);
    snprintf(path, sizeof path, "%s/link", root);
    CHECK(symlink("elsewhere/secret", path) == 0);
    snprintf(path, sizeof path, "%s/tree", root);
    CHECK(symlink("elsewhere", path) == 0);
    snprintf(path, sizeof path, "%s/pipe", root);
    CHECK(mkfifo(path, 0600) == 0);
    inspect_root(&result);
    CHECK(result.status == 1);
    CHECK(says(&result, "link\",\"format\":\"unknown\",\"ok\":false"));
    CHECK(says(&result, "tree\",\"format\":\"unknown\",\"ok\":false"));
    CHECK(says(&result, "pipe\",\"format\":\"unknown\",\"ok\":false"));
    CHECK(says(&result, "\"code\":\"path_unsafe\""));
    CHECK(says(&result, "secret\",\"format\":\"hl7v2\",\"ok\":true"));
    CHECK(!says(&result, "tree/secret"));
    end();
}

static void a_path_that_is_not_there_ends_with_1(void)
{
    static struct result result;
    const char *const arguments[] = {"--json", "/tmp/there/is/no/such/file", NULL};
    inspect(arguments, &result);
    CHECK(result.status == 1 && says(&result, "\"code\":\"path_missing\""));
}

static void a_name_cannot_write_to_the_terminal(void)
{
    static struct result result;
    begin();
    write_at("x", "a\x1B[31mb", "?", 1);
    const char *const plain[] = {root, NULL};
    inspect(plain, &result);
    CHECK(result.status == 1 && !says(&result, "\x1B"));
    inspect_root(&result);
    CHECK(says(&result, "\\u001b[31m"));
    end();
}

/* Objects, a directory, and what was damaged: nothing of them is refused. */
static void dicom_is_told_by_its_content(void)
{
    static struct result result;
    const char *const seeds[] = {"--json", "formats/dicom/testdata/implicit",
                                 "formats/dicom/testdata/directory", NULL};
    const char *const samples[] = {DICOM "/malformed", DICOM "/transfer-syntax",
                                   DICOM "/dicomdirtests/DICOMDIR", NULL};
    inspect(seeds, &result);
    CHECK(result.status == 0);
    CHECK(says(&result, "\"format\":\"dicom\",\"ok\":true"));
    CHECK(says(&result, "\"name\":\"山田 太郎\""));
    CHECK(says(&result, "\"format\":\"dicomdir\",\"ok\":true"));
    CHECK(says(&result, "\"path\":\"A/B1\""));
    if (access(DICOM, R_OK) != 0)
        return;
    inspect(samples, &result);
    CHECK(result.status == 0 && !says(&result, "REFUSED"));
    CHECK(says(&result, "warning: syntax_unsupported at byte"));
    CHECK(says(&result, "dicomdir ok") && says(&result, "77654033/CR1/6154"));
}

static void a_recording_is_told_by_its_content(void)
{
    static struct result result;
    const char *const seeds[] = {"--json", "formats/mfer/testdata/person.mwf",
                                 "formats/mfer/testdata/leads.mwf", NULL};
    inspect(seeds, &result);
    CHECK(result.status == 0);
    CHECK(says(&result, "\"format\":\"mfer\",\"ok\":true,\"patient\":{\"id\":\"123\","
                        "\"name\":\"紬 花\",\"kana\":\"ツムギ\",\"birth_date\":"
                        "\"1986-03-09\",\"sex\":\"F\"}"));
    CHECK(
        says(&result, "\"kind\":\"physiology\",\"row\":\"test\",\"day\":\"2026-11-27\""));
    CHECK(says(&result, "\"filter\":\"HPF=0.05\"") && says(&result, "\"value\":\"72\""));
    CHECK(says(&result, "\"leads\":\"I II III aVR aVL aVF\"") &&
          says(&result, "\"name\":\"代表波形\""));
}

static const char GOOD[] = "../shared/fixtures/ssmix2/standard_storage";
static const char BAD[] = "../shared/fixtures/ssmix2/standard_storage_malformed";
static const char HL7[] = "../shared/fixtures/hl7v2";

static void the_public_samples_are_understood(void)
{
    static struct result result;
    const char *const good[] = {GOOD, HL7, NULL};
    const char *const bad[] = {"--json", BAD, NULL};
    inspect(good, &result);
    CHECK(result.status == 0 && !says(&result, "REFUSED"));
    inspect(bad, &result);
    CHECK(result.status == 1);
    CHECK(says(&result, "\"code\":\"hl7_no_msh\""));
    CHECK(says(&result, "\"code\":\"hl7_segment_cut\""));
    CHECK(says(&result, "\"state\":\"deleted\""));
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("inspect", "TSUMUGI does not name the program");
        return test_done();
    }
    RUN(wrong_usage_ends_with_2);
    RUN(a_storage_that_is_understood_ends_with_0);
    RUN(a_document_s_parts_are_named);
    RUN(one_bad_file_does_not_hide_the_others);
    RUN(links_and_pipes_in_a_tree_are_refused);
    RUN(a_path_that_is_not_there_ends_with_1);
    RUN(a_name_cannot_write_to_the_terminal);
    RUN(dicom_is_told_by_its_content);
    RUN(a_recording_is_told_by_its_content);
    if (access(GOOD, R_OK) == 0)
        RUN(the_public_samples_are_understood);
    else
        SKIP("the_public_samples_are_understood", "../shared/fixtures not present");
    return test_done();
}
