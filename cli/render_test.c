// SPDX-License-Identifier: Apache-2.0
/* tsumugi render, run as a program: $TSUMUGI names it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/path.h"
#include "base/test.h"

static char root[64];
static char file[96];
static char out[96];

static void put_element(struct buf *into, uint16_t group, uint16_t element,
                        const char *vr, struct span value)
{
    uint16_t tag[2] = {group, element};
    uint16_t len = (uint16_t)value.len;
    buf_put(into, tag, 4);
    buf_put(into, vr, 2);
    buf_put(into, &len, 2);
    buf_span(into, value);
}

static void put_number(struct buf *into, uint16_t element, uint16_t value)
{
    put_element(into, 0x28, element, "US", span_of(&value, 2));
}

/* 4 × 2 of 16 bits in two frames, in a transfer syntax that is said. */
static void write_image(struct span syntax)
{
    static const uint16_t values[16] = {0,  100, 200, 300, 400, 500, 600, 700,
                                        70, 60,  50,  40,  30,  20,  10,  0};
    CLEANUP(buf_free) struct buf bytes = buf_init(4096);
    struct err err = {0};
    uint8_t zeros[128] = {0};
    uint32_t len = 8 + (uint32_t)syntax.len;
    buf_put(&bytes, zeros, sizeof zeros);
    buf_cstr(&bytes, "DICM");
    put_element(&bytes, 2, 0, "UL", span_of(&len, 4));
    put_element(&bytes, 2, 0x10, "UI", syntax);
    put_number(&bytes, 2, 1);
    put_element(&bytes, 0x28, 4, "CS", SPAN("MONOCHROME2 "));
    put_element(&bytes, 0x28, 8, "IS", SPAN("2 "));
    put_number(&bytes, 0x10, 2);
    put_number(&bytes, 0x11, 4);
    put_number(&bytes, 0x100, 16);
    put_number(&bytes, 0x101, 16);
    put_number(&bytes, 0x102, 15);
    put_number(&bytes, 0x103, 0);
    uint32_t pixels = sizeof values;
    buf_put(&bytes, "\xE0\x7F\x10\0OW\0\0", 8);
    buf_put(&bytes, &pixels, 4);
    buf_put(&bytes, values, sizeof values);
    CHECK(path_write_file(file, buf_view(&bytes), &err));
}

/* Exit status; what it says on stderr goes to `said`. */
static int render(const char *const arguments[], char said[512])
{
    const char *program = getenv("TSUMUGI");
    char *words[12] = {"tsumugi", "render"};
    int pipes[2];
    int status = -1;
    for (int i = 0; arguments[i] && i < 9; i++)
        words[2 + i] = (char *)(uintptr_t)arguments[i];
    if (pipe(pipes) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execv(program, words);
        _exit(127);
    }
    close(pipes[1]);
    size_t len = 0;
    ssize_t got = 0;
    while (len < 511 && (got = read(pipes[0], said + len, 511 - len)) > 0)
        len += (size_t)got;
    said[len] = '\0';
    close(pipes[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct span read_out(struct arena *arena)
{
    struct span bytes = {0};
    struct err err = {0};
    return path_read_file(out, 1 << 20, arena, &bytes, &err) ? bytes : (struct span){0};
}

static void raw_is_the_values_of_the_frame(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    char said[512];
    write_image(SPAN("1.2.840.10008.1.2.1\0"));
    CHECK(render((const char *[]){file, "-o", out, "--raw", "--frame", "1", NULL},
                 said) == 0);
    CHECK(span_equal(read_out(&arena), SPAN("\x46\0\x3C\0\x32\0\x28\0\x1E\0\x14\0\x0A\0"
                                            "\0\0")));
    CHECK(said[0] == '\0');
}

static void a_window_and_a_size_make_a_jpeg(void)
{
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    char said[512];
    unlink(out);
    write_image(SPAN("1.2.840.10008.1.2.1\0"));
    CHECK(render((const char *[]){"--window", "-40.5,400", "--size", "2", file, "-o", out,
                                  NULL},
                 said) == 0);
    struct span jpeg = read_out(&arena);
    CHECK(jpeg.len > 100 && memcmp(jpeg.at, "\xFF\xD8", 2) == 0);
    bool has_size = false; /* SOF0: 8 bits, 1 × 2 */
    for (size_t i = 0; i + 9 < jpeg.len; i++)
        has_size |= memcmp(jpeg.at + i, "\xFF\xC0\0\x0B\x08\0\1\0\2", 9) == 0;
    CHECK(has_size);
}

static void what_is_not_decoded_leaves_no_file(void)
{
    char said[512];
    unlink(out);
    write_image(SPAN("1.2.840.10008.1.2.4.102\0"));
    CHECK(render((const char *[]){file, "-o", out, NULL}, said) == 1);
    CHECK(strstr(said, "H.264") && strstr(said, "1.2.840.10008.1.2.4.102"));
    CHECK(access(out, F_OK) != 0);
    write_image(SPAN("1.2.840.10008.1.2.1\0"));
    CHECK(render((const char *[]){file, "-o", out, "--frame", "2", NULL}, said) == 1);
    CHECK(access(out, F_OK) != 0);
    CHECK(render((const char *[]){root, "-o", out, NULL}, said) == 1);
}

static void wrong_words_are_usage(void)
{
    static const char *const words[][5] = {
        {"x"},
        {"-o", "x"},
        {"x", "-o"},
        {"x", "-o", "y", "--frame", "-1"},
        {"x", "-o", "y", "--size", "0"},
        {"x", "-o", "y", "--window", "40"},
        {"x", "-o", "y", "--window", "40,0"},
        {"x", "-o", "y", "--window", "40,1x"},
        {"x", "-o", "y", "--colour", "1"},
        {"x", "-o", "y", "z"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *arguments[6] = {words[i][0], words[i][1], words[i][2],
                                    words[i][3], words[i][4], NULL};
        char said[512];
        CHECK(render(arguments, said) == 2);
        CHECK(strncmp(said, "usage: tsumugi render", 21) == 0);
    }
}

int main(void)
{
    struct err err = {0};
    if (!getenv("TSUMUGI")) {
        SKIP("raw_is_the_values_of_the_frame", "TSUMUGI is not set");
        return test_done();
    }
    snprintf(root, sizeof root, "/tmp/tsumugi-render-test-%d", (int)getpid());
    snprintf(file, sizeof file, "%s/image.dcm", root);
    snprintf(out, sizeof out, "%s/out", root);
    if (!path_make_directory(root, &err))
        return 1;
    RUN(raw_is_the_values_of_the_frame);
    RUN(a_window_and_a_size_make_a_jpeg);
    RUN(what_is_not_decoded_leaves_no_file);
    RUN(wrong_words_are_usage);
    test_remove(root);
    return test_done();
}
