// SPDX-License-Identifier: Apache-2.0
/* Files beside a document: seen when they change, read by their place, never by a name
 * from outside. */
#include <fcntl.h>
#include <sys/stat.h>

#include "gateway/collect/collect_testsite.h"

#define TYPE "^退院時サマリー^^18842-5^退院時サマリー^LN"
#define FOLDER                                                                           \
    PATIENT_FOLDER "/20240501/" TYPE "/" NUMBER "_20240501_18842-5_" KEY "_" OCCURRED    \
                   "_01_1"
#define MAIN "main_document.xml"
#define PNG "\x89PNG\r\n\x1A\n"
#define CDA(number, name)                                                                \
    "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><code code=\"18842-5\"/>"                \
    "<recordTarget><patientRole><id extension=\"" number "\"/></patientRole>"            \
    "</recordTarget><documentationOf><serviceEvent/></documentationOf><component>"       \
    "<structuredBody><component><section><text><renderMultiMedia "                       \
    "referencedObject=\"m\"/></text><entry><observationMedia ID=\"m\"><value>"           \
    "<reference value=\"" name "\"/></value></observationMedia></entry></section>"       \
    "</component></structuredBody></component></ClinicalDocument>\n"

static void begin_with(struct scene *scene, const char *document)
{
    begin(scene);
    collect_free(scene->collect);
    scene->root.is_extended = true;
    open_collect(scene);
    put_file(scene, FOLDER, MAIN, document);
}

static struct text path_of(struct scene *scene)
{
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    struct index_file file = {0};
    CHECK(index_list_bases(scene->index, TEXT(NUMBER),
                           TEXT("main/" PATIENT_FOLDER "/20240501/"), &scene->arena,
                           &bases, &count, &err));
    CHECK(count == 1);
    if (count == 1)
        CHECK(index_find_file(scene->index, TEXT(NUMBER), bases[0], &scene->arena, &file,
                              &err));
    return file.path;
}

static struct text stamp_of(struct scene *scene)
{
    struct err err = {0};
    struct text *bases = NULL;
    size_t count = 0;
    struct index_file file = {.beside = TEXT("")};
    CHECK(index_list_bases(scene->index, TEXT(NUMBER),
                           TEXT("main/" PATIENT_FOLDER "/20240501/"), &scene->arena,
                           &bases, &count, &err));
    if (count == 1)
        CHECK(index_find_file(scene->index, TEXT(NUMBER), bases[0], &scene->arena, &file,
                              &err));
    return file.beside;
}

static struct collect_content content_of(struct scene *scene)
{
    struct err err = {0};
    struct collect_content content = {0};
    struct text path = path_of(scene);
    CHECK(collect_read_source(scene->collect, path, &scene->arena, &content.bytes, &err));
    CHECK(
        collect_list_beside(scene->collect, path, &scene->arena, &content.beside, &err));
    return content;
}

static bool read_part(struct scene *scene, const struct collect_content *content,
                      size_t number, struct span *bytes, struct err *err)
{
    *err = (struct err){0};
    *bytes = (struct span){0};
    return collect_read_part(scene->collect, path_of(scene), content, number,
                             &scene->arena, bytes, err);
}

/* ---- changes ---- */

static void a_picture_that_comes_changes_or_goes_is_seen(void)
{
    struct scene scene;
    begin_with(&scene, CDA(NUMBER, "a.png"));
    sweep(&scene, false);
    CHECK(stamp_of(&scene).len == 0);
    put_file(&scene, FOLDER, "a.png", PNG "one");
    sweep(&scene, false);
    struct text first = stamp_of(&scene);
    CHECK(first.len == 64);
    sweep(&scene, false);
    CHECK(text_equal(stamp_of(&scene), first));
    /* in place: the folder's own time stays, its files are looked at */
    char path[700];
    snprintf(path, sizeof path, "%s/a.png", in_storage(&scene, FOLDER));
    FILE *file = fopen(path, "r+");
    CHECK(file && fwrite(PNG "another", 1, 15, file) == 15);
    if (file)
        CHECK(fclose(file) == 0);
    sweep(&scene, true);
    struct text second = stamp_of(&scene);
    CHECK(second.len == 64 && !text_equal(first, second));
    CHECK(remove(path) == 0);
    sweep(&scene, false);
    CHECK(stamp_of(&scene).len == 0);
    CHECK(is_trouble(&scene, ""));
    end(&scene);
}

/* Another file with the picture's name, size and time. */
static void a_picture_that_is_swapped_under_its_own_time_is_seen(void)
{
    struct scene scene;
    struct stat status;
    char path[700], other[720];
    begin_with(&scene, CDA(NUMBER, "a.png"));
    put_file(&scene, FOLDER, "a.png", PNG "one");
    sweep(&scene, false);
    struct text first = stamp_of(&scene);
    snprintf(path, sizeof path, "%s/a.png", in_storage(&scene, FOLDER));
    snprintf(other, sizeof other, "%s.new", path);
    CHECK(stat(path, &status) == 0);
    struct timespec times[2] = {status.st_atim, status.st_mtim};
    /* written in place */
    FILE *file = fopen(path, "r+");
    CHECK(file && fwrite(PNG "two", 1, strlen(PNG "two"), file) == strlen(PNG "two"));
    CHECK(file && fclose(file) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0);
    sweep(&scene, true);
    struct text second = stamp_of(&scene);
    CHECK(second.len == 64 && !text_equal(first, second));
    /* or put in its place */
    put_file(&scene, FOLDER, "a.png.new", PNG "six");
    CHECK(utimensat(AT_FDCWD, other, times, 0) == 0 && rename(other, path) == 0);
    sweep(&scene, true);
    CHECK(!text_equal(second, stamp_of(&scene)));
    end(&scene);
}

/* Who has the document open hears of it; what did not change is told to nobody. */
static void linked_patients_hear_of_a_changed_picture(void)
{
    struct scene scene;
    struct err err = {0};
    begin(&scene);
    put_patient(&scene);
    sweep(&scene, false);
    link_patient(&scene);
    collect_free(scene.collect);
    scene.root.is_extended = true;
    scene.root.label = "documents";
    snprintf(scene.storage, sizeof scene.storage, "%s/documents", scene.folder);
    CHECK(path_make_directory(scene.storage, &err));
    open_collect(&scene);
    put_file(&scene, FOLDER, MAIN, CDA(NUMBER, "a.png"));
    put_file(&scene, FOLDER, "a.png", PNG "one");
    sweep(&scene, false);
    CHECK(are_events(&scene, "P"));
    sweep(&scene, true);
    CHECK(are_events(&scene, "P"));
    put_file(&scene, FOLDER, "a.png", PNG "other");
    sweep(&scene, false);
    CHECK(are_events(&scene, "PP"));
    end(&scene);
}

/* ---- reading ---- */

static void files_are_read_by_their_place_in_the_list(void)
{
    struct scene scene;
    struct err err;
    struct span bytes;
    begin_with(&scene, CDA(NUMBER, "a.png"));
    put_file(&scene, FOLDER, "b.pdf", "%PDF-1.4\n");
    put_file(&scene, FOLDER, "a.png", PNG "one");
    put_file(&scene, FOLDER, "Thumbs.db", "of Windows");
    put_file(&scene, FOLDER "/inner", "c.png", PNG);
    put_file(&scene, FOLDER, "\x83\x4B.txt", "CP932");
    sweep(&scene, false);
    struct collect_content content = content_of(&scene);
    CHECK(content.beside.count == 3 && !content.beside.has_more);
    CHECK(read_part(&scene, &content, 1, &bytes, &err) && span_is(bytes, PNG "one"));
    CHECK(read_part(&scene, &content, 2, &bytes, &err) && span_is(bytes, "%PDF-1.4\n"));
    CHECK(read_part(&scene, &content, 3, &bytes, &err) && span_is(bytes, "CP932"));
    CHECK(text_is(content.beside.files[2].name, "ガ.txt"));
    static const size_t none[] = {0, 4, 80, (size_t)-1};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(!read_part(&scene, &content, none[i], &bytes, &err) &&
              err.kind == ERR_MISSING);
    end(&scene);
}

static void nothing_outside_the_folder_is_ever_read(void)
{
    static const char *const names[] = {"../../../../../../../outside/a.png",
                                        "%2e%2e%2fa.png", "link.png", "inner", "pipe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct scene scene;
        struct entry_list list = {0};
        struct err err = {0};
        char document[1024];
        char link[700];
        char target[700];
        snprintf(document, sizeof document, CDA(NUMBER, "%s"), names[i]);
        begin_with(&scene, document);
        put_file(&scene, "outside", "a.png", PNG "secret");
        put_file(&scene, FOLDER "/inner", "a.png", PNG);
        snprintf(target, sizeof target, "%s", in_storage(&scene, "outside/a.png"));
        snprintf(link, sizeof link, "%s", in_storage(&scene, FOLDER "/link.png"));
        CHECK(symlink(target, link) == 0);
        snprintf(link, sizeof link, "%s", in_storage(&scene, FOLDER "/pipe"));
        CHECK(mkfifo(link, 0600) == 0);
        sweep(&scene, false);
        struct collect_content content = content_of(&scene);
        CHECK(content.beside.count == 0 && stamp_of(&scene).len == 0);
        CHECK(collect_read_list(scene.collect, path_of(&scene), &content, &scene.arena,
                                &list, &err));
        for (const struct entry_item *item = list.first ? list.first->items : NULL; item;
             item = item->next)
            for (size_t k = 0; k < item->field_count; k++)
                CHECK(strcmp(item->fields[k].key, "part") != 0);
        end(&scene);
    }
}

/* Between the list and the reading somebody puts a link in the file's place. */
static void a_file_that_became_a_link_is_not_followed(void)
{
    struct scene scene;
    struct err err;
    struct span bytes;
    char path[700];
    char target[700];
    begin_with(&scene, CDA(NUMBER, "a.png"));
    put_file(&scene, FOLDER, "a.png", PNG);
    put_file(&scene, "outside", "a.png", PNG "secret");
    sweep(&scene, false);
    struct collect_content content = content_of(&scene);
    snprintf(path, sizeof path, "%s/a.png", in_storage(&scene, FOLDER));
    snprintf(target, sizeof target, "%s", in_storage(&scene, "outside/a.png"));
    CHECK(remove(path) == 0 && symlink(target, path) == 0);
    CHECK(!read_part(&scene, &content, 1, &bytes, &err) && err.kind == ERR_REFUSED);
    CHECK(remove(path) == 0);
    CHECK(!read_part(&scene, &content, 1, &bytes, &err) && err.kind == ERR_MISSING);
    end(&scene);
}

static void a_file_over_the_bound_is_listed_and_not_read(void)
{
    struct scene scene;
    struct err err;
    struct span bytes;
    char path[700];
    begin_with(&scene, CDA(NUMBER, "a.png"));
    put_file(&scene, FOLDER, "a.png", PNG);
    snprintf(path, sizeof path, "%s/a.png", in_storage(&scene, FOLDER));
    CHECK(truncate(path, COLLECT_FILE_BYTES_MAX + 1) == 0);
    sweep(&scene, false);
    struct collect_content content = content_of(&scene);
    CHECK(content.beside.count == 1 &&
          content.beside.files[0].size_bytes == (size_t)COLLECT_FILE_BYTES_MAX + 1);
    CHECK(!read_part(&scene, &content, 1, &bytes, &err) && err.kind == ERR_LIMIT);
    end(&scene);
}

static void more_files_than_are_shown_are_seen_all_the_same(void)
{
    struct scene scene;
    char name[32];
    begin_with(&scene, CDA(NUMBER, "a.png"));
    for (int i = 0; i <= EXTENDED_FILES_MAX; i++) {
        snprintf(name, sizeof name, "%03d.png", i);
        put_file(&scene, FOLDER, name, PNG);
    }
    sweep(&scene, false);
    struct collect_content content = content_of(&scene);
    CHECK(content.beside.count == EXTENDED_FILES_MAX && content.beside.has_more);
    struct text before = stamp_of(&scene);
    put_file(&scene, FOLDER, name, PNG "changed");
    sweep(&scene, false);
    CHECK(!text_equal(before, stamp_of(&scene)));
    struct collect_content again = content_of(&scene);
    CHECK(!hash_equal(&content.beside.stamp, &again.beside.stamp));
    end(&scene);
}

/* Up to Ver.1.2b the document has no folder of its own: its neighbours are others'. */
static void a_document_without_a_folder_has_no_neighbours(void)
{
    struct scene scene;
    begin(&scene);
    collect_free(scene.collect);
    scene.root.is_extended = true;
    open_collect(&scene);
    put_file(&scene, PATIENT_FOLDER "/20240501/" TYPE,
             NUMBER "_20240501_18842-5_" KEY "_" OCCURRED "_01_1.pdf",
             "%PDF-1.4\n%%EOF\n");
    put_file(&scene, PATIENT_FOLDER "/20240501/" TYPE, "other.png", PNG);
    sweep(&scene, false);
    struct err err = {0};
    struct collect_beside beside;
    CHECK(collect_list_beside(scene.collect,
                              TEXT("main/" PATIENT_FOLDER "/20240501/" TYPE "/" NUMBER
                                   "_20240501_18842-5_" KEY "_" OCCURRED "_01_1.pdf"),
                              &scene.arena, &beside, &err));
    CHECK(beside.count == 0);
    end(&scene);
}

int main(void)
{
    RUN(a_picture_that_comes_changes_or_goes_is_seen);
    RUN(a_picture_that_is_swapped_under_its_own_time_is_seen);
    RUN(linked_patients_hear_of_a_changed_picture);
    RUN(files_are_read_by_their_place_in_the_list);
    RUN(nothing_outside_the_folder_is_ever_read);
    RUN(a_file_that_became_a_link_is_not_followed);
    RUN(a_file_over_the_bound_is_listed_and_not_read);
    RUN(more_files_than_are_shown_are_seen_all_the_same);
    RUN(a_document_without_a_folder_has_no_neighbours);
    return test_done();
}
