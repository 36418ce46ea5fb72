// SPDX-License-Identifier: Apache-2.0
#include "gateway/instances/instances.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/test.h"

enum { ONE_MB = 1 << 20 };

static char folder[] = "/tmp/instances_XXXXXX";
static struct log silent;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct site {
    struct instances *instances;
    int kept_count;
    unsigned version;
    uint64_t bytes;
    char path[INSTANCES_PATH_BYTES];
    char sender[17];
};

/* Whoever writes one instance and waits for its end. */
struct sender {
    struct instances_intake *intake;
    bool is_paused;
    bool is_done;
    int pauses;
    enum instances_result result;
};

static void note_kept(void *context, const struct instances_kept *kept)
{
    struct site *site = context;
    pthread_mutex_lock(&lock);
    site->kept_count++;
    site->version = kept->version;
    site->bytes = kept->bytes;
    snprintf(site->path, sizeof site->path, "%s", kept->path);
    snprintf(site->sender, sizeof site->sender, "%s", kept->what.sender);
    pthread_mutex_unlock(&lock);
}

static void resume(void *context)
{
    struct sender *sender = context;
    pthread_mutex_lock(&lock);
    sender->is_paused = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void done(void *context, enum instances_result result)
{
    struct sender *sender = context;
    pthread_mutex_lock(&lock);
    sender->result = result;
    sender->is_done = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static const struct instances_events events = {resume, done};

static void open_site(struct site *site, uint64_t reserve_bytes)
{
    struct err err = {0};
    struct instances_config config = {.directory = folder,
                                      .reserve_bytes = reserve_bytes,
                                      .workers = 2,
                                      .rand = rand_system(),
                                      .log = &silent,
                                      .kept = note_kept,
                                      .context = site};
    *site = (struct site){0};
    site->instances = instances_open(&config, &err);
    CHECK(site->instances != NULL);
}

static void close_site(struct site *site)
{
    instances_close(site->instances);
    CHECK(test_remove(folder));
}

static void begin(struct site *site, struct sender *sender, const char *uid)
{
    struct err err = {0};
    struct instances_what what = {"1.2.840.10008.5.1.4.1.1.2", uid, "1.2.840.10008.1.2.1",
                                  "CT1"};
    *sender = (struct sender){0};
    sender->intake = instances_begin(site->instances, &what, &events, sender, &err);
    CHECK(sender->intake != NULL);
}

static void write_all(struct sender *sender, struct span bytes)
{
    while (bytes.len > 0) {
        struct span piece = span_part(bytes, 0, 50000);
        pthread_mutex_lock(&lock);
        while (sender->is_paused)
            pthread_cond_wait(&changed, &lock);
        sender->is_paused = true; /* before the store may say otherwise */
        pthread_mutex_unlock(&lock);
        if (instances_write(sender->intake, piece))
            resume(sender);
        else
            sender->pauses++;
        bytes = span_part(bytes, piece.len, bytes.len);
    }
}

static enum instances_result wait_for(struct sender *sender)
{
    pthread_mutex_lock(&lock);
    while (!sender->is_done)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return sender->result;
}

static enum instances_result keep(struct site *site, const char *uid, struct span bytes)
{
    struct sender sender;
    begin(site, &sender, uid);
    write_all(&sender, bytes);
    instances_commit(sender.intake);
    return wait_for(&sender);
}

static bool holds(struct site *site, const char *path, struct span bytes)
{
    struct err err = {0};
    struct span read = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(64 << 20);
    CLEANUP(path_close) int fd = instances_open_file(site->instances, path, &err);
    return fd >= 0 && path_read(fd, 32 << 20, &arena, &read, &err) &&
           span_equal(read, bytes);
}

static struct span make_bytes(size_t len, uint8_t first)
{
    static uint8_t bytes[8 * ONE_MB];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(first + i * 31 + i / 253);
    return span_of(bytes, len);
}

static int count_paths(struct site *site);

static void an_instance_is_kept_under_a_name_of_its_uid(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    struct span bytes = make_bytes(8 * ONE_MB - 3, 1);
    open_site(&site, 0);
    CHECK(!instances_find(site.instances, "2.25.1", path, &err));
    CHECK(err.kind == ERR_MISSING);
    err_clear(&err);
    CHECK(keep(&site, "2.25.1", bytes) == INSTANCES_KEPT);
    CHECK(instances_find(site.instances, "2.25.1", path, &err));
    CHECK(strcmp(path, site.path) == 0 && site.version == 1 && site.kept_count == 1);
    CHECK(site.bytes == bytes.len && strcmp(site.sender, "CT1") == 0);
    CHECK(holds(&site, path, bytes));
    CHECK(!strstr(path, "2.25.1") && path[2] == '/' && path[5] == '/');
    close_site(&site);
}

static void the_same_bytes_again_are_the_same_instance(void)
{
    struct site site;
    open_site(&site, 0);
    CHECK(keep(&site, "2.25.1", make_bytes(600000, 1)) == INSTANCES_KEPT);
    CHECK(keep(&site, "2.25.1", make_bytes(600000, 1)) == INSTANCES_SAME);
    CHECK(site.kept_count == 1 && count_paths(&site) == 1);
    close_site(&site);
}

static void other_bytes_are_the_next_version_and_the_newest_counts(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    open_site(&site, 0);
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 1)) == INSTANCES_KEPT);
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 2)) == INSTANCES_NEWER);
    CHECK(site.version == 2);
    CHECK(keep(&site, "2.25.1", make_bytes(5001, 2)) == INSTANCES_NEWER);
    /* what was before the newest is newer than it when it comes again */
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 1)) == INSTANCES_NEWER);
    CHECK(site.version == 4 && count_paths(&site) == 4);
    CHECK(instances_find(site.instances, "2.25.1", path, &err));
    CHECK(strstr(path, ".4.dcm") != NULL && holds(&site, path, make_bytes(5000, 1)));
    close_site(&site);
}

static void a_restart_keeps_what_was_kept_and_forgets_the_rest(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    open_site(&site, 0);
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 1)) == INSTANCES_KEPT);
    instances_close(site.instances);
    snprintf(path, sizeof path, "%s/.incoming/half", folder);
    CHECK(path_write_file(path, SPAN("half"), &err));
    open_site(&site, 0);
    CHECK(access(path, F_OK) != 0);
    CHECK(count_paths(&site) == 1);
    CHECK(instances_find(site.instances, "2.25.1", path, &err));
    CHECK(holds(&site, path, make_bytes(5000, 1)));
    close_site(&site);
}

static bool is_nothing_on_its_way(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/.incoming", folder);
    return rmdir(path) == 0; /* only an empty folder goes */
}

static void what_is_abandoned_leaves_nothing(void)
{
    struct site site;
    struct sender sender;
    open_site(&site, 0);
    begin(&site, &sender, "2.25.1");
    write_all(&sender, make_bytes(3 * ONE_MB, 1));
    instances_abandon(sender.intake);
    CHECK(wait_for(&sender) == INSTANCES_ABANDONED);
    begin(&site, &sender, "2.25.1"); /* without a byte */
    instances_abandon(sender.intake);
    CHECK(wait_for(&sender) == INSTANCES_ABANDONED);
    CHECK(site.kept_count == 0 && count_paths(&site) == 0 && is_nothing_on_its_way());
    close_site(&site);
}

static void a_disk_without_its_reserve_takes_nothing(void)
{
    struct site site;
    open_site(&site, UINT64_MAX);
    CHECK(keep(&site, "2.25.1", make_bytes(3 * ONE_MB, 1)) == INSTANCES_FULL);
    CHECK(keep(&site, "2.25.2", make_bytes(10, 1)) == INSTANCES_FULL);
    CHECK(site.kept_count == 0 && count_paths(&site) == 0 && is_nothing_on_its_way());
    close_site(&site);
}

static void nothing_at_all_is_no_instance(void)
{
    struct site site;
    open_site(&site, 0);
    CHECK(keep(&site, "2.25.1", span_of(NULL, 0)) == INSTANCES_FAILED);
    CHECK(site.kept_count == 0);
    close_site(&site);
}

static void many_at_once_are_each_kept_once(void)
{
    enum { SENDERS = 40 };
    struct site site;
    static struct sender senders[SENDERS];
    int results[INSTANCES_ABANDONED + 1] = {0};
    open_site(&site, 0);
    for (int i = 0; i < SENDERS; i++) { /* every fourth is one instance */
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.%d", i % 4 ? i : 1000);
        begin(&site, &senders[i], uid);
        write_all(&senders[i], make_bytes(300000, 7));
    }
    for (int i = 0; i < SENDERS; i++)
        instances_commit(senders[i].intake);
    for (int i = 0; i < SENDERS; i++)
        results[wait_for(&senders[i])]++;
    CHECK(results[INSTANCES_KEPT] == 31 && results[INSTANCES_SAME] == 9);
    CHECK(site.kept_count == 31 && count_paths(&site) == 31);
    close_site(&site);
}

static void closing_ends_what_was_committed(void)
{
    struct site site;
    struct sender sender;
    open_site(&site, 0);
    begin(&site, &sender, "2.25.1");
    write_all(&sender, make_bytes(ONE_MB, 1));
    instances_commit(sender.intake);
    instances_close(site.instances);
    CHECK(sender.is_done && sender.result == INSTANCES_KEPT);
    CHECK(test_remove(folder));
}

static bool see(void *context, const char *path, struct err *err)
{
    int *count = context;
    (void)err;
    *count += strstr(path, ".dcm") != NULL;
    return true;
}

static int count_paths(struct site *site)
{
    struct err err = {0};
    int count = 0;
    CHECK(instances_walk(site->instances, see, &count, &err));
    return count;
}

int main(void)
{
    silent =
        (struct log){open("/dev/null", O_WRONLY | O_CLOEXEC), clock_system(), "test"};
    if (!mkdtemp(folder) || silent.fd < 0)
        return 1;
    RUN(an_instance_is_kept_under_a_name_of_its_uid);
    RUN(the_same_bytes_again_are_the_same_instance);
    RUN(other_bytes_are_the_next_version_and_the_newest_counts);
    RUN(a_restart_keeps_what_was_kept_and_forgets_the_rest);
    RUN(what_is_abandoned_leaves_nothing);
    RUN(a_disk_without_its_reserve_takes_nothing);
    RUN(nothing_at_all_is_no_instance);
    RUN(many_at_once_are_each_kept_once);
    RUN(closing_ends_what_was_committed);
    return test_done();
}
