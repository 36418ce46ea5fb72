// SPDX-License-Identifier: Apache-2.0
/* Runs the cases of testdata/: a message and what reading it must say. The words of a
 * case are explained in testdata/README.md. */
#include "formats/ssmix/ssmix.h"

#include <dirent.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/test.h"

static const char FOLDER[] = "formats/ssmix/testdata";
enum { CASE_BYTES_MAX = 64 << 10, NAME_MAX_BYTES = 200, CASES_MAX = 300 };

struct case_file {
    const char *name;
    struct span path;
    struct span body; /* UTF-8, segments end with LF */
    struct arena *arena;
    size_t checked;
};

static struct span load(const char *name, struct arena *arena)
{
    char path[NAME_MAX_BYTES];
    struct err err = {0};
    struct span bytes = {0};
    snprintf(path, sizeof path, "%s/%s.case", FOLDER, name);
    if (!path_read_file(path, CASE_BYTES_MAX, arena, &bytes, &err))
        printf("# %s: %s\n", path, err.text);
    return bytes;
}

/* The first word of a line; `rest` becomes what stands behind one space. */
static struct span take_word(struct span *rest)
{
    struct span word = {0};
    if (!span_take(rest, ' ', &word))
        return (struct span){0};
    return word;
}

static const char *to_cstr(struct span span, struct arena *arena)
{
    struct err err = {0};
    char *copy = arena_take(arena, span.len + 1, 1, &err);
    if (copy && span.len > 0)
        memcpy(copy, span.at, span.len);
    return copy;
}

/* Replaces the first `from` by `to`; the body stays when there is none. */
static void replace(struct case_file *file, struct span words)
{
    const uint8_t *arrow = memmem(words.at, words.len, " => ", 4);
    if (!arrow) {
        CHECK(arrow != NULL);
        return;
    }
    struct span from = span_of(words.at, (size_t)(arrow - words.at));
    struct span to = span_of(arrow + 4, words.len - from.len - 4);
    const uint8_t *hit = memmem(file->body.at, file->body.len, from.at, from.len);
    CHECK(hit != NULL);
    if (!hit)
        return;
    size_t before = (size_t)(hit - file->body.at);
    CLEANUP(buf_free) struct buf out = buf_init(CASE_BYTES_MAX);
    struct err err = {0};
    buf_put(&out, file->body.at, before);
    buf_span(&out, to);
    buf_put(&out, hit + from.len, file->body.len - before - from.len);
    CHECK(buf_to_arena(&out, file->arena, &file->body, &err));
}

/* Without the segments of that name; only the last one when `is_last`. */
static void drop(struct case_file *file, struct span name, bool is_last)
{
    CLEANUP(buf_free) struct buf out = buf_init(CASE_BYTES_MAX);
    struct err err = {0};
    struct span rest = file->body;
    struct span line = {0};
    const char *start = to_cstr(name, file->arena);
    size_t count = 0;
    for (struct span look = rest; span_take(&look, '\n', &line);)
        count += span_starts(line, start);
    CHECK(count > 0);
    size_t seen = 0;
    while (span_take(&rest, '\n', &line)) {
        seen += span_starts(line, start);
        if (span_starts(line, start) && (!is_last || seen == count))
            continue;
        buf_span(&out, line);
        if (rest.at)
            buf_byte(&out, '\n');
    }
    CHECK(buf_to_arena(&out, file->arena, &file->body, &err));
}

/* What stands behind the line "---". */
static struct span body_of(struct span whole)
{
    const uint8_t *mark = memmem(whole.at, whole.len, "\n---\n", 5);
    if (!mark)
        return (struct span){0};
    size_t before = (size_t)(mark - whole.at) + 5;
    return span_of(whole.at + before, whole.len - before);
}

static struct span header_of(struct span whole)
{
    struct span body = body_of(whole);
    return body.at ? span_of(whole.at, whole.len - body.len - 5) : whole;
}

static struct span value_of(struct span header, const char *word)
{
    struct span line = {0};
    while (span_take(&header, '\n', &line)) {
        struct span rest = line;
        if (span_is(take_word(&rest), word))
            return rest;
    }
    return (struct span){0};
}

static unsigned hexadecimal(uint8_t digit)
{
    return digit <= '9' ? digit - (unsigned)'0' : (digit | 0x20U) - (unsigned)'a' + 10;
}

/* "1b2442 …" as bytes. */
static struct span from_hexadecimal(struct span digits, struct arena *arena)
{
    struct err err = {0};
    uint8_t *bytes = arena_take(arena, digits.len / 2, 1, &err);
    for (size_t i = 0; bytes && i + 1 < digits.len; i += 2)
        bytes[i / 2] =
            (uint8_t)(hexadecimal(digits.at[i]) << 4 | hexadecimal(digits.at[i + 1]));
    return span_of(bytes, digits.len / 2);
}

/* "bytes A => B": what the writer of ISO-2022-JP here would never write. */
static void replace_bytes(struct case_file *file, struct span header, struct span *bytes)
{
    struct span words = value_of(header, "bytes");
    const uint8_t *arrow = words.len ? memmem(words.at, words.len, " => ", 4) : NULL;
    if (!arrow)
        return;
    size_t before = (size_t)(arrow - words.at);
    struct span from = from_hexadecimal(span_of(words.at, before), file->arena);
    struct span to =
        from_hexadecimal(span_of(arrow + 4, words.len - before - 4), file->arena);
    const uint8_t *hit = memmem(bytes->at, bytes->len, from.at, from.len);
    CHECK(hit != NULL);
    if (!hit)
        return;
    CLEANUP(buf_free) struct buf out = buf_init(CASE_BYTES_MAX);
    struct err err = {0};
    size_t start = (size_t)(hit - bytes->at);
    buf_put(&out, bytes->at, start);
    buf_span(&out, to);
    buf_put(&out, hit + from.len, bytes->len - start - from.len);
    CHECK(buf_to_arena(&out, file->arena, bytes, &err));
}

/* Bytes of the message as a hospital would write them. */
static struct span encode(struct case_file *file, struct span header)
{
    struct span end = value_of(header, "end");
    struct span cut = value_of(header, "cut");
    bool is_utf8 = span_is(value_of(header, "encode"), "utf8");
    const char *line_end = span_is(end, "lf")     ? "\n"
                           : span_is(end, "crlf") ? "\r\n"
                                                  : "\r";
    CLEANUP(buf_free) struct buf out = buf_init(CASE_BYTES_MAX);
    struct err err = {0};
    struct span rest = file->body;
    struct span line = {0};
    size_t replaced = 0;
    while (span_take(&rest, '\n', &line)) {
        struct text text = {0};
        if (line.len == 0)
            continue;
        CHECK(text_from_utf8(line, &text, &err));
        if (is_utf8)
            buf_text(&out, text);
        else
            charset_encode_iso2022jp(text, &out, &replaced);
        buf_cstr(&out, line_end);
    }
    if (span_is(end, "fs"))
        buf_byte(&out, 0x1C);
    uint64_t less = 0;
    struct span bytes = {0};
    CHECK(buf_to_arena(&out, file->arena, &bytes, &err));
    replace_bytes(file, header, &bytes);
    if (cut.len > 0 && span_uint(cut, bytes.len, &less))
        bytes.len -= less;
    return bytes;
}

static bool has_warning(const struct entry_list *list, struct span code)
{
    for (const struct entry_warning *warning = list->warnings; warning;
         warning = warning->next)
        if (span_is(code, warning->code))
            return true;
    return false;
}

static struct span json_of(const struct entry_list *list, struct buf *out)
{
    struct json_writer writer = json_writer(out);
    json_open_array(&writer);
    for (const struct entry *entry = list->first; entry; entry = entry->next)
        entry_write(&writer, entry);
    json_close_array(&writer);
    buf_text(out, list->patient.name);
    buf_byte(out, '|');
    buf_text(out, list->patient.kana);
    return buf_view(out);
}

static bool contains(struct span whole, struct span part)
{
    return memmem(whole.at, whole.len, part.at, part.len) != NULL;
}

static bool is_refused_as(const struct entry_list *list, const struct err *err,
                          struct span code)
{
    return err->kind != ERR_NONE && span_is(code, err->code) && !list->first &&
           (err->clause || err->kind != ERR_SYNTAX);
}

/* One line that says what must be true. */
static void check_line(struct case_file *file, struct span word, struct span rest,
                       const struct entry_list *list, const struct err *err,
                       struct span json)
{
    uint64_t count = 0;
    bool is_good = true;
    if (span_is(word, "ok"))
        is_good = err->kind == ERR_NONE;
    else if (span_is(word, "error"))
        is_good = is_refused_as(list, err, rest);
    else if (span_is(word, "fault"))
        is_good = contains(span_cstr(err->text), rest);
    else if (span_is(word, "warning"))
        is_good = has_warning(list, rest);
    else if (span_is(word, "silent"))
        is_good = list->warnings == NULL;
    else if (span_is(word, "entries"))
        is_good = span_uint(rest, 1000, &count) && list->count == count;
    else if (span_is(word, "text"))
        is_good = contains(json, rest);
    else if (span_is(word, "absent"))
        is_good = !contains(json, rest);
    else
        return;
    file->checked++;
    if (!is_good)
        printf("# %s: %.*s %.*s\n#   error %s\n#   %.*s\n", file->name, (int)word.len,
               (const char *)word.at, (int)rest.len, (const char *)rest.at,
               err->code ? err->code : "-", (int)json.len, (const char *)json.at);
    CHECK(is_good);
}

static void change_line(struct case_file *file, struct span word, struct span rest)
{
    if (span_is(word, "path"))
        file->path = rest;
    else if (span_is(word, "drop"))
        drop(file, rest, false);
    else if (span_is(word, "drop_last"))
        drop(file, rest, true);
    else if (span_is(word, "replace"))
        replace(file, rest);
}

static void run_case(const char *name)
{
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    CLEANUP(buf_free) struct buf out = buf_init(1 << 20);
    struct case_file file = {.name = name, .arena = &arena};
    struct span whole = load(name, &arena);
    struct span header = header_of(whole);
    file.body = body_of(whole);
    struct span from = value_of(header, "from");
    if (from.len > 0) {
        struct span other = load(to_cstr(from, &arena), &arena);
        file.body = body_of(other);
        file.path = value_of(header_of(other), "path");
    }
    struct span line = {0};
    for (struct span rest = header; span_take(&rest, '\n', &line);) {
        struct span word = take_word(&line);
        change_line(&file, word, line);
    }
    struct ssmix_name folder = {0};
    struct entry_list list = {0};
    struct err err = {0};
    struct span bytes = encode(&file, header);
    bool is_loose = span_is(file.path, "-");
    bool is_read = is_loose ? ssmix_read_loose(bytes, &arena, &list, &err)
                            : ssmix_parse_path(file.path, &folder, &err) &&
                                  ssmix_read(&folder, bytes, &arena, &list, &err);
    CHECK(is_read == (err.kind == ERR_NONE));
    struct span json = json_of(&list, &out);
    for (struct span rest = header; span_take(&rest, '\n', &line);) {
        struct span word = take_word(&line);
        check_line(&file, word, line, &list, &err, json);
    }
    CHECK(file.checked > 0);
}

static int is_case(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".case") == 0;
}

int main(void)
{
    struct dirent **found = NULL;
    int count = scandir(FOLDER, &found, is_case, alphasort);
    if (count <= 0) {
        SKIP("cases", "formats/ssmix/testdata not present");
        return test_done();
    }
    for (int i = 0; i < count && i < CASES_MAX; i++) {
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)strlen(found[i]->d_name) - 5,
                 found[i]->d_name);
        test_failed_checks = 0;
        run_case(name);
        test_count++;
        test_failed_count += test_failed_checks > 0;
        printf("%sok %d - %s\n", test_failed_checks ? "not " : "", test_count, name);
    }
    for (int i = 0; i < count; i++)
        memory_free(found[i]);
    memory_free(found);
    return test_done();
}
