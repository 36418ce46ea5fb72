// SPDX-License-Identifier: Apache-2.0
/* tsumugi ssmix check, run as a program: $TSUMUGI names it. */
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"
#include "cli/conformity/conformity.h"

#define BASICS                                                                           \
    "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A08^ADT_A01|1|P|2.5||||||~ISO IR87\r"     \
    "EVN||20260401\rPID|1||0001234567||A^B^^^^^L^A~C^D^^^^^L^P||19500101|F\rPV1|1|N\r"
#define VISIT                                                                            \
    "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5||||||~ISO IR87\r"     \
    "EVN||20260401\rPID|1||0001234567||A^B^^^^^L^A~C^D^^^^^L^P||19500101|F\r"            \
    "PV1|1|O|01\r"
#define PATIENT "000/123/0001234567"
#define BASICS_FILE                                                                      \
    PATIENT "/-/ADT-00/0001234567_-_ADT-00_999999999999999_20260401101500123_-_1"
#define VISIT_FOLDER PATIENT "/20260401/ADT-12"
#define VISIT_NAME "0001234567_20260401_ADT-12_999999999999999_20260401101500123_01_1"

static char root[64];

struct result {
    int status;
    size_t len;
    char out[1 << 20];
};

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/ssmix_test_XXXXXX");
    CHECK(mkdtemp(root));
}

static void end(void)
{
    CHECK(test_remove(root));
}

static void put(const char *relative, const char *bytes)
{
    char path[600];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", root, relative);
    char *last = strrchr(path, '/');
    *last = '\0';
    CHECK(path_make_directory(path, &err));
    *last = '/';
    CHECK(path_write_file(path, span_cstr(bytes), &err));
}

static void check(const char *option, struct result *result)
{
    const char *program = getenv("TSUMUGI");
    int ends[2];
    memset(result, 0, sizeof *result);
    result->status = -1;
    if (!program || pipe(ends) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, "tsumugi", "ssmix", "check", option ? option : root,
              option ? root : NULL, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = 0;
    while ((got = read(ends[0], result->out + result->len,
                       sizeof result->out - 1 - result->len)) > 0)
        result->len += (size_t)got;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(const struct result *result, const char *words)
{
    return strstr(result->out, words) != NULL;
}

/* The findings of the storage as it is, one option, one word to look for. */
static void expect(const char *option, int status, const char *words)
{
    static struct result result;
    check(option, &result);
    CHECK(result.status == status);
    CHECK(says(&result, words));
    if (result.status != status || !says(&result, words))
        printf("# wanted %d and \"%s\", got %d:\n# %.2000s\n", status, words,
               result.status, result.out);
}

static void a_good_storage_has_no_findings(void)
{
    static struct result result;
    begin();
    put(BASICS_FILE, BASICS);
    put(VISIT_FOLDER "/" VISIT_NAME, VISIT);
    check(NULL, &result);
    CHECK(result.status == 0 && says(&result, "2  指摘なし") && !says(&result, "["));
    check("--csv", &result);
    CHECK(result.status == 0);
    char *line = strchr(result.out, '\n');
    CHECK(line && line[1] == '\0');
    end();
}

static void a_cut_file_is_refused_with_offset_and_advice(void)
{
    begin();
    put(BASICS_FILE, BASICS);
    put(VISIT_FOLDER "/" VISIT_NAME,
        "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5\rEVN||2026");
    expect(NULL, 1, "[hl7_segment_cut]");
    expect("--english", 1, "Write under another name and rename when complete");
    expect("--csv", 1, ",hl7_segment_cut,70,");
    end();
}

static void a_missing_segment_is_named(void)
{
    begin();
    put(BASICS_FILE, BASICS);
    put(VISIT_FOLDER "/" VISIT_NAME,
        "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5\r"
        "EVN||20260401\rPID|1||0001234567||A^B^^^^^L^A\r");
    expect(NULL, 1, VISIT_NAME "  PV1\n");
    expect("--english", 1, VISIT_NAME "  PV1\n");
    expect("--csv", 1, ",PV1\r\n");
    end();
}

static void somebody_else_s_file_is_held(void)
{
    begin();
    put(BASICS_FILE, BASICS);
    put(VISIT_FOLDER "/" VISIT_NAME,
        "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5\r"
        "EVN||20260401\rPID|1||0007654321||A^B^^^^^L^A\rPV1|1|O|01\r");
    expect("--csv", 1, ",patient_mismatch,");
    expect("--csv", 1, ",PID-3\r\n");
    expect(NULL, 1, VISIT_NAME "  PID-3\n");
    expect("--html", 1, VISIT_NAME "</code> PID-3<");
    put(VISIT_FOLDER "/" VISIT_NAME,
        "MSH|^~\\&|H|S|G|R|20260401101500.123||ADT^A04^ADT_A01|1|P|2.5\r"
        "EVN||20260401\rPID|1||0001234567||A^B^^^^^L^A~E^F^^^^^L^P||19991231|F\r"
        "PV1|1|O|01\r");
    expect("--csv", 1, ",patient_contradicted,");
    end();
}

static void folders_are_looked_at_too(void)
{
    char path[600];
    struct err err = {0};
    begin();
    put(VISIT_FOLDER "/" VISIT_NAME, VISIT);
    put(VISIT_FOLDER "/0001234567_20260401_ADT-12_999999999999999_20260401111500123_01_1",
        VISIT);
    put(VISIT_FOLDER "/notes.txt", "hello");
    put("000/999/0001234567/20260401/ADT-12/" VISIT_NAME, VISIT);
    put(PATIENT "/20260401/XYZ-99/"
                "0001234567_20260401_XYZ-99_000000000000001_20260401101500123_01_1",
        VISIT);
    snprintf(path, sizeof path, "%s/000/555", root);
    CHECK(path_make_directory(path, &err));
    snprintf(path, sizeof path, "%s/" VISIT_FOLDER "/link", root);
    CHECK(symlink("/etc/passwd", path) == 0);
    expect("--csv", 1, ",versions_both_current,");
    expect("--csv", 1, "000/555,'-,許容（表示されます）,folder_empty,");
    expect("--csv", 1, PATIENT ",'-,許容（表示されます）,patient_without_basics,");
    expect("--csv", 1, "/link,");
    expect("--csv", 1, ",path_unsafe,");
    expect("--csv", 1, "/notes.txt,");
    expect("--csv", 1, ",ssmix_name_short,");
    expect("--csv", 1, ",ssmix_folder_mismatch,");
    expect("--csv", 1, ",ssmix_type_unknown,");
    end();
}

static void a_hostile_name_stays_a_name(void)
{
    static struct result result;
    begin();
    put(BASICS_FILE, BASICS);
    put("=1+1<script>\x1b[2J\xff/x", "hello");
    check("--html", &result);
    CHECK(says(&result, "=1+1&lt;script&gt;") && !says(&result, "<script"));
    check("--csv", &result);
    CHECK(says(&result, "\n'=1+1<script>") && !says(&result, "\x1b"));
    check(NULL, &result);
    CHECK(says(&result, "=1+1<script>") && !says(&result, "\x1b"));
    end();
}

static void wrong_usage_and_missing_roots_are_told_apart(void)
{
    static struct result result;
    begin();
    put("file", "x");
    check("--nonsense", &result);
    CHECK(result.status == 2 && result.len == 0);
    end();
    check(NULL, &result);
    CHECK(result.status == 1 && result.len == 0);
}

/* ---- on a terminal ---- */

enum { ROWS = 600 };

/* The program with its faults on a terminal and its rows in a pipe, both ours to read. */
static pid_t check_on_terminal(const char *option, int *terminal, int *rows)
{
    int ends[2];
    const char *program = getenv("TSUMUGI");
    *terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(*terminal >= 0 && grantpt(*terminal) == 0 && unlockpt(*terminal) == 0);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    char name[64];
    CHECK(ptsname_r(*terminal, name, sizeof name) == 0);
    pid_t child = fork();
    if (child == 0) {
        int side = open(name, O_RDWR | O_NOCTTY);
        dup2(side, STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        execl(program, "tsumugi", "ssmix", "check", "--csv", option ? option : root,
              option ? root : NULL, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *rows = ends[0];
    return child;
}

/* Appends what the terminal shows until `words` are there; false when it ends or stays
 * silent. */
static bool shows(int terminal, char *out, size_t size, const char *words)
{
    size_t len = strlen(out);
    while (!strstr(out, words)) {
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        if (len + 1 >= size || poll(&ready, 1, 20000) <= 0)
            return false;
        ssize_t got = read(terminal, out + len, size - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        out[len] = '\0';
    }
    return true;
}

/* How far it is: counted up, in the language that was asked for, gone before the end. The
 * rows are taken late, so that the program has to wait longer than it is silent. */
static void expect_progress(const char *option, const char *first, const char *counted)
{
    static char bytes[1 << 16];
    char line[4096] = "";
    int terminal = -1, rows = -1, status = 0;
    struct pollfd nothing = {.fd = -1};
    pid_t child = check_on_terminal(option, &terminal, &rows);
    CHECK(shows(terminal, line, sizeof line, first));
    CHECK(poll(&nothing, 1, 700) == 0);
    while (read(rows, bytes, sizeof bytes) > 0)
        continue;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CHECK(shows(terminal, line, sizeof line, "\r\x1b[K"));
    const char *later = strstr(line + 1, "\r");
    CHECK(later && later[1] >= '1' && later[1] <= '9' && strstr(later, counted));
    close(terminal);
    close(rows);
}

static void a_terminal_is_told_how_far_it_is(void)
{
    char name[200];
    begin();
    put(BASICS_FILE, BASICS);
    for (int i = 0; i < ROWS; i++) {
        snprintf(name, sizeof name, VISIT_FOLDER "/notes-%0100d.txt", i);
        put(name, "hello");
    }
    expect_progress(NULL, "\r0ファイル、患者0人、毎秒", "ファイル、患者");
    expect_progress("--english", "\r0 files, 0 patients, ", " files, ");
    end();
}

/* A folder that a storage ought to be mounted on is no good storage. */
static void an_empty_folder_is_told(void)
{
    static struct result result;
    begin();
    check(NULL, &result);
    CHECK(result.status == 1);
    char path[600];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/lost+found", root);
    CHECK(path_make_directory(path, &err));
    expect(NULL, 1, "[folder_empty]");
    end();
}

/* Every code that the format's cases know has words of its own. */
static void every_code_of_the_cases_has_words(void)
{
    glob_t cases = {0};
    int count = 0;
    CHECK(glob("formats/ssmix/testdata/*.case", 0, NULL, &cases) == 0);
    for (size_t i = 0; i < cases.gl_pathc; i++) {
        CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
        struct err err = {0};
        struct span rest = {0};
        struct span line;
        CHECK(path_read_file(cases.gl_pathv[i], 1 << 16, &arena, &rest, &err));
        while (span_take(&rest, '\n', &line) && !span_is(line, "---")) {
            size_t start = span_starts(line, "warning ") ? 8 : 6;
            if (start == 6 && !span_starts(line, "error "))
                continue;
            char code[64] = {0};
            struct span word = span_part(line, start, sizeof code - 1);
            memcpy(code, word.at, word.len);
            bool is_known = strcmp(conformity_find_words(code)->code, code) == 0;
            CHECK(is_known);
            if (!is_known)
                printf("# %s\n", code);
            count++;
        }
    }
    CHECK(count > 20);
    globfree(&cases);
}

#define DOCUMENTS PATIENT "/20260401/^退院時サマリー^^18842-5^退院時サマリー^LN"
#define DOCUMENT(key, flag)                                                              \
    DOCUMENTS "/0001234567_20260401_18842-5_" key "_20260401101500123_01_" flag
#define CDA                                                                              \
    "<ClinicalDocument><code code=\"18842-5\"/><recordTarget><patientRole>"              \
    "<id extension=\"0001234567\"/></patientRole></recordTarget><documentationOf>"       \
    "<serviceEvent/></documentationOf><component><structuredBody/></component>"          \
    "</ClinicalDocument>"

static void extended_storage_is_checked_with_its_own_rules(void)
{
    begin();
    put(DOCUMENT("000000000000001", "1") "/main_document.xml", CDA);
    put(DOCUMENT("000000000000001", "1") "/picture.jpg", "\xFF\xD8\xFF");
    expect(NULL, 0, "           2  指摘なし");
    expect(NULL, 0, "拡張ストレージの文書");
    put(PATIENT "/20260401/Q1^院内様式^99Z/0001234567_20260401_Q1_000000000000002_"
                "20260401101500123_01_1/main_document.pdf",
        "%PDF-1.4\n%%EOF\n");
    expect(NULL, 0, "[document_type_unknown]");
    put(DOCUMENT("000000000000003", "1") "/a.pdf", "%PDF-1.4\n%%EOF\n");
    put(DOCUMENT("000000000000003", "1") "/b.pdf", "%PDF-1.4\n%%EOF\n");
    expect(NULL, 1, "[document_main_missing]");
    end();
}

static void documents_that_are_refused_or_held_are_told(void)
{
    begin();
    put(DOCUMENT("000000000000001", "1") "/main_document.xml",
        "<!DOCTYPE a><ClinicalDocument/>");
    expect(NULL, 1, "[xml_dtd]");
    expect("--english", 1, "document type declaration");
    end();
    begin();
    put(DOCUMENT("000000000000001", "1") "/main_document.xml",
        "<ClinicalDocument><recordTarget><patientRole><id extension=\"0007654321\"/>"
        "</patientRole></recordTarget><component><structuredBody/></component>"
        "</ClinicalDocument>");
    expect(NULL, 1, "[patient_mismatch]");
    end();
}

static void two_current_versions_of_a_document_are_told(void)
{
    begin();
    put(DOCUMENTS "/0001234567_20260401_18842-5_000000000000001_20260401101500123_01_1/"
                  "main_document.xml",
        CDA);
    put(DOCUMENTS "/0001234567_20260401_18842-5_000000000000001_20260402101500123_01_1/"
                  "main_document.xml",
        CDA);
    expect(NULL, 0, "[versions_both_current]");
    end();
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("tsumugi ssmix", "TSUMUGI does not name the program");
        RUN(extended_storage_is_checked_with_its_own_rules);
        RUN(documents_that_are_refused_or_held_are_told);
        RUN(two_current_versions_of_a_document_are_told);
        return test_done();
    }
    RUN(a_good_storage_has_no_findings);
    RUN(a_cut_file_is_refused_with_offset_and_advice);
    RUN(a_missing_segment_is_named);
    RUN(somebody_else_s_file_is_held);
    RUN(folders_are_looked_at_too);
    RUN(a_hostile_name_stays_a_name);
    RUN(wrong_usage_and_missing_roots_are_told_apart);
    RUN(a_terminal_is_told_how_far_it_is);
    RUN(an_empty_folder_is_told);
    RUN(every_code_of_the_cases_has_words);
    RUN(extended_storage_is_checked_with_its_own_rules);
    RUN(documents_that_are_refused_or_held_are_told);
    RUN(two_current_versions_of_a_document_are_told);
    return test_done();
}
