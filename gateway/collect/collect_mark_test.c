// SPDX-License-Identifier: Apache-2.0
/* fanotify instead of inotify. Where this system does not let us, the tests of what it
 * tells are skipped; that a refusal is said and inotify goes on is tested all the same.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "gateway/collect/collect_parts.h"
#include "gateway/collect/collect_testsite.h"

static void begin_marked(struct scene *scene, int watches_max)
{
    struct err err = {0};
    begin(scene);
    put_patient(scene);
    put_lab(scene);
    collect_free(scene->collect);
    scene->asks_marks = true;
    scene->watches_max = watches_max;
    open_collect(scene);
    CHECK(collect_start(scene->collect, &err));
    while (!collect_has_swept(scene->collect))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* No watch at all, and the next sweep is an hour away. */
static void every_folder_tells_at_once(void)
{
    struct scene scene;
    begin_marked(&scene, 0);
    CHECK(collect_polled_s(scene.collect) == 0);
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    /* a new folder, a file moved in, and one written in place */
    put_file(&scene, PATIENT_FOLDER "/20190102/OML-11",
             NUMBER "_20190102_OML-11_" KEY "_" OCCURRED "_01_1", LAB(OWN_PID, "7.2"));
    CHECK(comes_soon(&scene, "20190102/OML-11/" KEY, OCCURRED "1"));
    put_file(&scene, PATIENT_FOLDER "/20190102/OML-11",
             NUMBER "_20190102_OML-11_" KEY "_20240501130000000_01_1",
             LAB(OWN_PID, "7.2"));
    CHECK(comes_soon(&scene, "20190102/OML-11/" KEY, "202405011300000001"));
    end(&scene);
}

static void what_lies_beside_the_storage_is_nobodys_news(void)
{
    struct scene scene;
    char path[300];
    struct err err = {0};
    struct index_folder *folders = NULL;
    size_t count = 0;
    begin_marked(&scene, 0);
    /* a folder whose name only begins like the storage's, and one of no storage's shape
     */
    snprintf(path, sizeof path, "%s-2/" LAB_FOLDER, scene.storage);
    CHECK(path_make_directory(path, &err));
    put_file(&scene, "trash/of/some/body/else", "x", "y");
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    CHECK(index_list_known_folders(scene.index, TEXT("main/trash/"), &scene.arena,
                                   &folders, &count, &err));
    CHECK(count == 0);
    end(&scene);
}

static void a_storage_that_is_another_one_now_is_marked_anew(void)
{
    struct scene scene;
    char before[120];
    struct err err = {0};
    begin_marked(&scene, 0);
    snprintf(before, sizeof before, "%s-before", scene.storage);
    CHECK(rename(scene.storage, before) == 0);
    put_patient(&scene);
    put_lab(&scene);
    CHECK(collect_sweep(scene.collect, false, &err));
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    end(&scene);
}

/* Without the capability; in a process of its own. */
static void run_refused(void)
{
    struct scene scene;
    struct __user_cap_header_struct header = {0x20080522, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    CHECK(syscall(SYS_capset, &header, none) == 0);
    begin_marked(&scene, 100);
    CHECK(!atomic_load(&scene.collect->has_marks));
    CHECK(collect_polled_s(scene.collect) == 0); /* inotify tells */
    put_file(&scene, LAB_FOLDER, LAB_FILE("20240501130000000", "1"), LAB(OWN_PID, "8"));
    CHECK(comes_soon(&scene, LAB_BASE, "202405011300000001"));
    end(&scene);
    begin_marked(&scene, 0);
    CHECK(collect_polled_s(scene.collect) == 3600); /* nobody does */
    end(&scene);
}

static void where_it_is_refused_inotify_goes_on(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_refused();
        fflush(stdout);
        _exit(test_failed_checks ? 1 : 0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool is_allowed(void)
{
    int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC, 0);
    bool is_marked = fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                              FAN_CREATE, AT_FDCWD, "/tmp") == 0;
    if (fd >= 0)
        close(fd);
    return is_marked;
}

int main(void)
{
    RUN(where_it_is_refused_inotify_goes_on);
    if (!is_allowed()) {
        SKIP("every_folder_tells_at_once", "fanotify is not allowed here");
        return test_done();
    }
    RUN(every_folder_tells_at_once);
    RUN(what_lies_beside_the_storage_is_nobodys_news);
    RUN(a_storage_that_is_another_one_now_is_marked_anew);
    return test_done();
}
