// SPDX-License-Identifier: Apache-2.0
/* tsumugi inspect [--json] PATH…: what the system makes of files and trees. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/commands.h"
#include "formats/charset/charset.h"
#include "formats/extended/extended.h"
#include "formats/intake/intake.h"

enum { DEPTH_MAX = 64 };
static const size_t FILE_BYTES_MAX = (size_t)256 << 20;
static const size_t ARENA_BYTES_MAX = (size_t)1 << 30;
static const size_t OUTPUT_BYTES_MAX = (size_t)1 << 30;
static const size_t LISTING_BYTES_MAX = (size_t)64 << 20;

struct inspection {
    bool is_json;
    bool has_refused;
    struct arena arena; /* of one file */
    struct buf out;     /* of one message */
};

/* A place in a tree: as shown, and as the storage's folders are looked for in. */
struct place {
    char shown[PATH_MAX];
    char real[PATH_MAX];
};

/* ------------------------------------------------------------------ output */

/* Paths are bytes; what is not UTF-8 is decoded as well as can be, for showing only. */
static struct text path_text(struct inspection *inspection, const char *path)
{
    struct span bytes = span_cstr(path);
    struct err err = {0};
    struct text text = {0};
    unsigned findings = 0;
    size_t first_bad = 0;
    if (text_from_utf8(bytes, &text, &err))
        return text;
    err_clear(&err);
    if (!charset_decode(charset_detect(bytes), bytes, &inspection->arena, &text,
                        &findings, &first_bad, &err))
        return TEXT("?");
    return text;
}

/* Lines of a terminal: nothing from outside may move its cursor. */
static void put_line_text(struct buf *out, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        buf_byte(out, byte < 0x20 || byte == 0x7F ? ' ' : byte);
    }
}

static void put_day(struct buf *out, int32_t day)
{
    char iso[DAY_TEXT_BYTES];
    day_to_iso(day, iso);
    buf_cstr(out, iso[0] ? iso : "-");
}

static void put_item(struct buf *out, const struct entry_item *item)
{
    buf_format(out, "      %s:", item->type);
    for (size_t i = 0; i < item->field_count; i++) {
        buf_format(out, " %s=", item->fields[i].key);
        put_line_text(out, item->fields[i].value);
    }
    buf_byte(out, '\n');
}

static void put_entry(struct buf *out, const struct entry *entry)
{
    const char *row = entry_row_id(entry_kind_row(entry->kind));
    buf_cstr(out, "    ");
    put_day(out, entry->day);
    buf_format(out, " %s/%s %s ", row ? row : "-", entry_kind_id(entry->kind),
               entry_state_id(entry->state));
    put_line_text(out, entry->title);
    buf_byte(out, '\n');
    for (const struct entry_item *item = entry->items; item; item = item->next)
        put_item(out, item);
}

/* "error: 電文が途中で… (hl7_segment_cut at byte 1203, HL7 v2.5 2.5.2)" */
static void put_fault(struct buf *out, const struct intake_message *message)
{
    const struct err *err = &message->err;
    buf_cstr(out, "    error: ");
    put_line_text(out, intake_fault_text(err));
    buf_format(out, " (%s at byte %zu", err->code,
               (size_t)(message->offset + err->offset));
    if (err->clause)
        buf_format(out, ", %s", err->clause);
    buf_cstr(out, ")\n");
}

static void put_message(struct buf *out, const struct intake_message *message,
                        struct text path)
{
    const struct entry_list *list = &message->list;
    put_line_text(out, path);
    buf_format(out, "\n  %s %s\n", list->format,
               message->err.kind == ERR_NONE ? "ok" : "REFUSED");
    if (message->err.kind != ERR_NONE)
        put_fault(out, message);
    if (list->patient.id.len > 0 || list->patient.name.len > 0) {
        buf_cstr(out, "    ");
        put_line_text(out, list->patient.id);
        buf_byte(out, ' ');
        put_line_text(out, list->patient.name);
        buf_cstr(out, " / ");
        put_line_text(out, list->patient.kana);
        buf_byte(out, ' ');
        put_day(out, list->patient.birth_day);
        buf_format(out, " %c\n", list->patient.sex);
    }
    for (const struct entry *entry = list->first; entry; entry = entry->next)
        put_entry(out, entry);
    for (const struct entry_warning *warning = list->warnings; warning;
         warning = warning->next) {
        buf_format(out, "    warning: %s at byte %zu ", warning->code,
                   message->offset + warning->offset);
        put_line_text(out, warning->text);
        buf_byte(out, '\n');
    }
}

static void print_message(struct inspection *inspection,
                          const struct intake_message *message, struct text path)
{
    struct buf *out = &inspection->out;
    struct err err = {0};
    buf_reset(out);
    if (inspection->is_json) {
        struct json_writer writer = json_writer(out);
        intake_write(&writer, message, path);
        buf_byte(out, '\n');
    } else {
        put_message(out, message, path);
    }
    inspection->has_refused |= message->err.kind != ERR_NONE;
    if (!buf_check(out, &err)) {
        fprintf(stderr, "tsumugi inspect: %s\n", err.text);
        inspection->has_refused = true;
        return;
    }
    if (fwrite(out->at, 1, out->len, stdout) != out->len)
        inspection->has_refused = true;
}

/* A file that could not even be read. */
static void print_fault(struct inspection *inspection, const struct place *place,
                        const struct err *err)
{
    struct intake_message message = {.err = *err};
    message.list.format = "unknown";
    message.list.patient.birth_day = DAY_NONE;
    print_message(inspection, &message, path_text(inspection, place->shown));
}

/* ------------------------------------------------------------------ files and trees */

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

struct name_list {
    const char **at;
    size_t count;
    size_t room;
};

static bool add_name(struct name_list *names, const char *name, struct arena *arena,
                     struct err *err)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 64;
        const char **grown = ARENA_MANY(arena, const char *, room, err);
        if (!grown)
            return false;
        for (size_t i = 0; i < names->count; i++)
            grown[i] = names->at[i];
        names->at = grown;
        names->room = room;
    }
    size_t len = strlen(name);
    char *copy = arena_take(arena, len + 1, 1, err);
    if (!copy)
        return false;
    memcpy(copy, name, len);
    names->at[names->count++] = copy;
    return true;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* Names in order, so that two runs print the same. Takes the descriptor over. */
static bool list_names(int fd, struct name_list *names, struct arena *arena,
                       struct err *err)
{
    CLEANUP(close_directory) DIR *directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return err_set(err, ERR_SYSTEM, "path_failed", "a directory cannot be listed");
    }
    struct dirent *found = NULL;
    while ((found = readdir(directory)) != NULL) {
        bool is_dots =
            strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0;
        if (!is_dots && !add_name(names, found->d_name, arena, err))
            return false;
    }
    if (names->count > 0)
        qsort(names->at, names->count, sizeof names->at[0], compare_names);
    return true;
}

/* ------------------------------------------------------------------ files beside */

/* A regular file, and its first bytes: what it is said to be by. */
static bool take_beside(int folder, const char *name, struct extended_file *file,
                        struct arena *arena, struct err *err)
{
    struct stat status;
    CLEANUP(path_close)
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    uint8_t *head = arena_take(arena, EXTENDED_HEAD_BYTES, 1, err);
    if (!head || fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    ssize_t got = read(fd, head, EXTENDED_HEAD_BYTES);
    *file = (struct extended_file){.size_bytes = (size_t)status.st_size,
                                   .head = span_of(head, got > 0 ? (size_t)got : 0)};
    return extended_decode_name(span_cstr(name), arena, &file->name, err);
}

/* Takes the descriptor over. */
static void list_beside(int folder, const char *main, struct arena *arena,
                        struct intake_source *source)
{
    struct err err = {0};
    struct name_list names = {0};
    struct extended_file *files =
        ARENA_MANY(arena, struct extended_file, EXTENDED_FILES_MAX, &err);
    source->files = files;
    CLEANUP(path_close) int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    if (!list_names(folder, &names, arena, &err) || !files)
        return;
    for (size_t i = 0; again >= 0 && i < names.count; i++) {
        if (strcmp(names.at[i], main) == 0 || !extended_is_beside(span_cstr(names.at[i])))
            continue;
        source->has_more_files = source->file_count == EXTENDED_FILES_MAX;
        if (source->has_more_files)
            return;
        source->file_count +=
            take_beside(again, names.at[i], &files[source->file_count], arena, &err);
    }
}

/* Of a main document in its own folder; everything else stands by itself. */
static void find_beside(const struct place *place, struct arena *arena,
                        struct intake_source *source)
{
    char folder[PATH_MAX];
    struct span relative = {0};
    const char *slash = strrchr(place->real, '/');
    if (!slash || !extended_is_main(span_cstr(slash + 1)) ||
        !extended_find_path(span_cstr(place->real), &relative))
        return;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - place->real), place->real);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        list_beside(fd, slash + 1, arena, source);
}

static void inspect_file(struct inspection *inspection, int fd, const struct place *place)
{
    struct err err = {0};
    struct span bytes = {0};
    struct intake_message *message = NULL;
    arena_reset(&inspection->arena);
    if (path_read(fd, FILE_BYTES_MAX, &inspection->arena, &bytes, &err)) {
        struct intake_source source = {.path = span_cstr(place->real), .bytes = bytes};
        find_beside(place, &inspection->arena, &source);
        if (intake_read(&source, &inspection->arena, &message, &err)) {
            struct text path = path_text(inspection, place->shown);
            for (; message; message = message->next)
                print_message(inspection, message, path);
            return;
        }
    }
    print_fault(inspection, place, &err);
}

static bool enter(char path[PATH_MAX], const char *name, size_t *len)
{
    *len = strlen(path);
    size_t added = strlen(name);
    bool has_slash = *len > 0 && path[*len - 1] == '/';
    if (*len + added + 2 > PATH_MAX)
        return false;
    if (!has_slash)
        path[(*len)] = '/';
    memcpy(path + *len + !has_slash, name, added + 1);
    return true;
}

static void inspect_any(struct inspection *inspection, int fd, struct place *place,
                        int depth);

static void inspect_name(struct inspection *inspection, int directory,
                         struct place *place, const char *name, int depth)
{
    size_t shown_len = 0;
    size_t real_len = 0;
    struct err err = {0};
    if (!enter(place->shown, name, &shown_len)) {
        err_set(&err, ERR_REFUSED, "path_unsafe", "a path that is too long");
        print_fault(inspection, place, &err);
        return;
    }
    bool is_entered = enter(place->real, name, &real_len);
    int fd = is_entered
                 ? openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    if (fd >= 0) {
        inspect_any(inspection, fd, place, depth);
    } else {
        bool is_unsafe = !is_entered || errno == ELOOP || errno == ENXIO;
        err_set(&err, is_unsafe ? ERR_REFUSED : ERR_SYSTEM,
                is_unsafe ? "path_unsafe" : "path_failed",
                is_unsafe ? "a link or a special file" : "a file cannot be opened");
        print_fault(inspection, place, &err);
    }
    place->shown[shown_len] = '\0';
    place->real[real_len] = '\0';
}

static void inspect_directory(struct inspection *inspection, int fd, struct place *place,
                              int depth)
{
    CLEANUP(arena_free) struct arena arena = arena_init(LISTING_BYTES_MAX);
    CLEANUP(path_close) int directory = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct name_list names = {0};
    struct err err = {0};
    if (directory < 0) {
        close(fd);
        err_set(&err, ERR_SYSTEM, "path_failed", "too many open directories");
        print_fault(inspection, place, &err);
        return;
    }
    if (!list_names(fd, &names, &arena, &err)) {
        print_fault(inspection, place, &err);
        return;
    }
    for (size_t i = 0; i < names.count; i++)
        inspect_name(inspection, directory, place, names.at[i], depth + 1);
}

/* Takes the descriptor over. */
static void inspect_any(struct inspection *inspection, int fd, struct place *place,
                        int depth)
{
    struct stat status;
    struct err err = {0};
    bool is_known = fstat(fd, &status) == 0;
    if (is_known && S_ISDIR(status.st_mode) && depth < DEPTH_MAX) {
        inspect_directory(inspection, fd, place, depth);
        return;
    }
    CLEANUP(path_close) int file = fd;
    if (is_known && S_ISREG(status.st_mode)) {
        inspect_file(inspection, file, place);
        return;
    }
    err_set(&err, ERR_REFUSED, "path_unsafe", "neither a file nor a directory");
    print_fault(inspection, place, &err);
}

/* What the user names may be a link; what lies below may not. */
static void inspect_argument(struct inspection *inspection, const char *path)
{
    struct place place = {0};
    struct err err = {0};
    if (strlen(path) >= PATH_MAX) {
        fputs("tsumugi inspect: a path that is too long\n", stderr);
        inspection->has_refused = true;
        return;
    }
    memcpy(place.shown, path, strlen(path));
    int fd = -1;
    if (realpath(path, place.real))
        fd = open(place.real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        inspect_any(inspection, fd, &place, 0);
        return;
    }
    bool is_missing = errno == ENOENT || errno == ENOTDIR;
    err_set(&err, is_missing ? ERR_MISSING : ERR_SYSTEM,
            is_missing ? "path_missing" : "path_failed",
            is_missing ? "no such file" : "a file cannot be opened");
    fprintf(stderr, "tsumugi inspect: %s\n", err.text);
    print_fault(inspection, &place, &err);
}

static void print_usage(FILE *out)
{
    fputs("usage: tsumugi inspect [--json] PATH…\n", out);
}

static int run(int argc, char **argv)
{
    struct inspection inspection = {0};
    int first = 1;
    for (; first < argc && argv[first][0] == '-' && argv[first][1] == '-'; first++) {
        if (strcmp(argv[first], "--") == 0) {
            first++;
            break;
        }
        if (strcmp(argv[first], "--json") != 0) {
            first = argc;
            break;
        }
        inspection.is_json = true;
    }
    if (first >= argc) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    inspection.arena = arena_init(ARENA_BYTES_MAX);
    inspection.out = buf_init(OUTPUT_BYTES_MAX);
    for (int i = first; i < argc; i++)
        inspect_argument(&inspection, argv[i]);
    arena_free(&inspection.arena);
    buf_free(&inspection.out);
    if (fflush(stdout) != 0)
        return COMMAND_FAILED;
    return inspection.has_refused ? COMMAND_FAILED : COMMAND_OK;
}

const struct command command_inspect = {
    "inspect", "say what files and trees hold: inspect [--json] PATH…", print_usage, run};
