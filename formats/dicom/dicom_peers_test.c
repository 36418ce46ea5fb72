// SPDX-License-Identifier: Apache-2.0
/* The sample files beside the tree as pydicom and DCMTK read them: tags, VRs, lengths and
 * decoded texts, element by element, and what is said of single frames; where the three
 * differ, this says why.
 *     dicom_peers_test FOLDER    the same of any files: lists what differs. */
#include "formats/dicom/dicom_image.h"
#include "formats/dicom/dicom_testsite.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"

#define FIXTURES "../shared/fixtures/dicom"

enum { LISTING_BYTES_MAX = 256 << 20, SHOWN_MAX = 3, PATH_BYTES = 1024 };

/* Lines that differ, and why. */
static const struct {
    const char *peer, *file;
    size_t count;
    const char *why;
} differences[] = {
    {"pydicom", "malformed/no_meta.dcm", 263, "does not step over the stray first byte"},
    {"dcmdump", "malformed/no_meta.dcm", 263, "does not step over the stray first byte"},
    {"dcmdump", "embeddedpdf.dcm", 2, "prints by tag what stands in another order"},
    {"pydicom", "CTImage.dcm_LittleEndianImplicit", 179,
     "has a dictionary of a vendor's private elements, which are UN here"},
    {"dcmdump", "CTImage.dcm_LittleEndianImplicit", 170,
     "has a dictionary of a vendor's private elements, which are UN here"},
};

/* ------------------------------------------------------------------ our side */

static bool is_text(const struct dicom_element *element)
{
    return strstr("LO LT PN SH ST UC UT",
                  (char[]){(char)(element->vr >> 8), (char)element->vr, 0}) != NULL;
}

static void put_text(struct buf *out, const struct dicom_set *set,
                     const struct dicom_element *element, struct arena *arena)
{
    struct text *texts = NULL;
    size_t count = 0;
    size_t before = out->len;
    struct err err = {0};
    if (is_text(element) && dicom_texts(set, element->tag, arena, &texts, &count, &err))
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                buf_cstr(out, "5c");
            for (size_t j = 0; j < texts[i].len; j++)
                buf_format(out, "%02x", (uint8_t)texts[i].at[j]);
        }
    /* pydicom leaves empty groups at the end of a name away. */
    while (element->vr == DICOM_VR('P', 'N') && out->len >= before + 2 &&
           memcmp(out->at + out->len - 2, "3d", 2) == 0)
        out->len -= 2;
    if (out->len == before)
        buf_cstr(out, "-");
}

/* As the peers write it: DCMTK has OB for all encapsulated pixels and even lengths. */
static void put_set(struct buf *out, const struct dicom_set *set, unsigned depth,
                    const char *peer, struct arena *arena)
{
    bool is_dcmdump = strcmp(peer, "dcmdump") == 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct dicom_element *element = &set->elements[i];
        bool is_sequence = element->vr == DICOM_VR('S', 'Q') || element->item_count > 0;
        uint16_t vr = is_sequence ? DICOM_VR('S', 'Q') : element->vr;
        uint64_t length = is_sequence ? 0 : element->length;
        if (is_dcmdump && element->is_undefined_length && vr == DICOM_VR('O', 'W'))
            vr = DICOM_VR('O', 'B');
        if (is_dcmdump)
            length += length % 2;
        buf_format(out, "%u %08X %c%c ", depth, element->tag, vr >> 8, vr & 0xFF);
        if (element->is_undefined_length)
            buf_cstr(out, "u ");
        else
            buf_format(out, "%llu ", (unsigned long long)length);
        if (!is_dcmdump)
            put_text(out, set, element, arena);
        else
            buf_cstr(out, "-");
        buf_byte(out, '\n');
        for (const struct dicom_set *item = element->items; item; item = item->next)
            put_set(out, item, depth + 1, peer, arena);
    }
}

static void put_numbers(struct buf *out, bool is_there, const double *values,
                        size_t count, char end)
{
    for (size_t i = 0; is_there && i < count; i++)
        buf_format(out, "%s%.6g", i > 0 ? "," : "", values[i]);
    if (!is_there)
        buf_byte(out, '-');
    buf_byte(out, (uint8_t)end);
}

/* Of every frame that has groups of its own. */
static void put_frames(struct buf *out, const struct dicom_file *file,
                       struct arena *arena)
{
    const struct dicom_element *groups = dicom_find(file->set, DICOM_FRAME_GROUPS);
    struct dicom_frame_views views = dicom_views_begin(file);
    struct err err = {0};
    for (size_t i = 0; groups && i < groups->item_count; i++) {
        struct dicom_view view;
        CHECK(dicom_views_next(&views, arena, &view, &err));
        put_numbers(out, view.has_position, view.position, 3, ' ');
        put_numbers(out, view.has_orientation, view.orientation, 6, ' ');
        put_numbers(out, view.spacing_kind == DICOM_SPACING_PIXEL, view.spacing, 2, ' ');
        put_numbers(out, view.has_rescale, &view.slope, 1, '\n');
    }
}

/* ------------------------------------------------------------------ both sides */

struct comparison {
    const char *peer;
    struct buf ours; /* "@path", then its lines, for every file that we read */
    struct buf paths;
    size_t files;
};

static void add_file(struct comparison *comparison, const char *path)
{
    CLEANUP(arena_free) struct arena arena = arena_init(256 << 20);
    struct span bytes = {0};
    struct dicom_file *file = NULL;
    struct err err = {0};
    FILE *opened = fopen(path, "rb");
    if (!opened)
        return;
    bool is_read = path_read(fileno(opened), 64 << 20, &arena, &bytes, &err) &&
                   dicom_read(bytes, NULL, &arena, &file, &err);
    fclose(opened);
    if (!is_read) {
        printf("# %s: %s\n", path, err.code);
        return;
    }
    comparison->files++;
    buf_put(&comparison->paths, path, strlen(path) + 1);
    buf_format(&comparison->ours, "@%s\n", path);
    if (strcmp(comparison->peer, "frames") == 0)
        put_frames(&comparison->ours, file, &arena);
    else
        put_set(&comparison->ours, file->set, 0, comparison->peer, &arena);
}

static void walk(struct comparison *comparison, const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                walk(comparison, path);
            else
                add_file(comparison, path);
        }
        free(names[i]);
    }
    free(names);
}

/* Exit status of a program with these descriptors; -1 when it cannot be run. */
static int run(const char *const *words, int input, int output)
{
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int status = -1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input >= 0 ? input : null, 0);
    posix_spawn_file_actions_adddup2(&actions, output >= 0 ? output : null, 1);
    posix_spawn_file_actions_adddup2(&actions, null, 2);
    char *const *arguments = (char *const *)(uintptr_t)words;
    if (posix_spawnp(&child, words[0], &actions, NULL, arguments, environ) != 0 ||
        waitpid(child, &status, 0) != child)
        status = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(null);
    return status;
}

/* By files, because paths and answers are more than a pipe holds. */
static void ask_peer(const struct comparison *comparison, struct buf *theirs)
{
    const char *const words[] = {"/usr/bin/python3", "tools/dicom_peer.py",
                                 comparison->peer, NULL};
    char bytes[4096];
    size_t got = 0;
    FILE *list = tmpfile();
    FILE *answer = tmpfile();
    CHECK(list && answer);
    if (!list || !answer)
        return;
    fwrite(comparison->paths.at, 1, comparison->paths.len, list);
    rewind(list);
    CHECK(run(words, fileno(list), fileno(answer)) == 0);
    rewind(answer);
    while ((got = fread(bytes, 1, sizeof bytes, answer)) > 0)
        buf_put(theirs, bytes, got);
    fclose(list);
    fclose(answer);
}

/* pydicom forgets the length of what it has looked at: "?". */
static bool is_same(struct span ours, struct span theirs)
{
    const char *unknown = memmem(theirs.at, theirs.len, " ? ", 3);
    if (!unknown)
        return span_equal(ours, theirs);
    size_t before = (size_t)(unknown - (const char *)theirs.at);
    struct span tail = span_part(theirs, before + 2, theirs.len);
    return ours.len >= before + tail.len && memcmp(ours.at, theirs.at, before) == 0 &&
           memcmp(ours.at + ours.len - tail.len, tail.at, tail.len) == 0;
}

static size_t count_differences(struct span ours, struct span theirs, const char *path,
                                size_t allowed)
{
    size_t count = 0;
    struct span left = {0};
    struct span right = {0};
    while (ours.at || theirs.at) {
        bool has_left = span_take(&ours, '\n', &left);
        bool has_right = span_take(&theirs, '\n', &right);
        if (has_left && has_right && is_same(left, right))
            continue;
        count++;
        if (allowed == 0 && count <= SHOWN_MAX)
            printf("# %s\n#   ours:   %.*s\n#   theirs: %.*s\n", path,
                   has_left ? (int)left.len : 0, left.at, has_right ? (int)right.len : 0,
                   right.at);
    }
    return count;
}

static size_t expected_differences(const char *peer, const char *path)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
        if (strcmp(differences[i].peer, peer) == 0 && strstr(path, differences[i].file))
            return differences[i].count;
    return 0;
}

/* Takes the next file off a listing: its path and its lines. */
static bool take_file(struct span *rest, struct span *path, struct span *lines)
{
    if (rest->len == 0 || rest->at[0] != '@')
        return false;
    *rest = span_part(*rest, 1, rest->len);
    if (!span_take(rest, '\n', path) || !rest->at)
        return false;
    const uint8_t *end = memmem(rest->at, rest->len, "\n@", 2);
    size_t len = rest->len > 0 && rest->at[0] == '@' ? 0
                 : end                               ? (size_t)(end - rest->at) + 1
                                                     : rest->len;
    *lines = span_part(*rest, 0, len);
    *rest = span_part(*rest, len, rest->len);
    return true;
}

static void compare(const char *folder, const char *peer, size_t expected_files)
{
    CLEANUP(buf_free) struct buf theirs = buf_init(LISTING_BYTES_MAX);
    struct comparison comparison = {.peer = peer,
                                    .ours = buf_init(LISTING_BYTES_MAX),
                                    .paths = buf_init(LISTING_BYTES_MAX)};
    struct span path = {0};
    struct span left = {0};
    struct span right = {0};
    struct span other = {0};
    size_t files = 0;
    walk(&comparison, folder);
    ask_peer(&comparison, &theirs);
    struct span ours = buf_view(&comparison.ours);
    struct span rest = buf_view(&theirs);
    while (take_file(&ours, &path, &left) && take_file(&rest, &other, &right)) {
        char name[PATH_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)path.len, path.at);
        size_t allowed = expected_differences(peer, name);
        size_t count = count_differences(left, right, name, allowed);
        CHECK(span_equal(path, other));
        if (count != allowed)
            printf("# %s %s: %zu differences, %zu are explained\n", peer, name, count,
                   allowed);
        CHECK(count == allowed);
        files++;
    }
    CHECK(files == comparison.files);
    CHECK(expected_files == 0 || files == expected_files);
    if (expected_files == 0)
        printf("# %s: %zu files\n", peer, files);
    buf_free(&comparison.ours);
    buf_free(&comparison.paths);
}

static void pydicom_reads_the_same(void)
{
    compare(FIXTURES, "pydicom", 130);
}

static void pydicom_says_the_same_of_every_frame(void)
{
    compare(FIXTURES, "frames", 130);
}

static void dcmdump_reads_the_same(void)
{
    compare(FIXTURES, "dcmdump", 130);
}

int main(int argc, char **argv)
{
    static const char *const pydicom[] = {"/usr/bin/python3", "-c", "import pydicom",
                                          NULL};
    static const char *const dcmdump[] = {"dcmdump", "--version", NULL};
    struct stat status;
    if (argc > 1) {
        compare(argv[1], "pydicom", 0);
        compare(argv[1], "frames", 0);
        compare(argv[1], "dcmdump", 0);
        return test_done();
    }
    bool has_files = stat(FIXTURES, &status) == 0;
    if (has_files && run(pydicom, -1, -1) == 0) {
        RUN(pydicom_reads_the_same);
        RUN(pydicom_says_the_same_of_every_frame);
    } else {
        SKIP("pydicom_reads_the_same", FIXTURES " or python3-pydicom not present");
        SKIP("pydicom_says_the_same_of_every_frame", "python3-pydicom not present");
    }
    if (has_files && run(dcmdump, -1, -1) == 0)
        RUN(dcmdump_reads_the_same);
    else
        SKIP("dcmdump_reads_the_same", FIXTURES " or dcmtk not present");
    return test_done();
}
