// SPDX-License-Identifier: Apache-2.0
#include "gateway/instances/instances.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/hash.h"
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

/* Empty files wait there for what will come. */
static bool is_nothing_on_its_way(void)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "%s/.incoming", folder);
    int place = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fdopendir(place);
    int count = 0;
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list))
        count += entry->d_name[0] != '.' &&
                 fstatat(place, entry->d_name, &status, 0) == 0 && status.st_size > 0;
    closedir(list);
    return count == 0;
}

/* ---- what an earlier process left ---- */

static bool labels_files; /* else the label is the name */

static uint8_t *put_number(uint64_t number, uint8_t *at)
{
    for (int bits = 56; bits >= 0; bits -= 8)
        *at++ = (uint8_t)(number >> bits);
    return at;
}

/* As it lies in .incoming/ when the power went before its place was on the disk, with a
 * label that says what it is. */
static void leave_landed(uint64_t number, const char *uid, struct span bytes,
                         struct span written)
{
    static int count;
    struct err err = {0};
    uint8_t label[64];
    char path[256], name[129];
    struct hash uid_hash = hash_sha256(span_cstr(uid));
    struct hash hash = hash_sha256(bytes);
    uint8_t *at = put_number(bytes.len, put_number(number, label));
    memcpy(at, uid_hash.bytes, 16);
    memcpy(at + 16, hash.bytes, HASH_BYTES);
    hash_to_hex(span_of(label, sizeof label), name);
    if (labels_files)
        snprintf(name, sizeof name, "%032d", count++);
    snprintf(path, sizeof path, "%s/.incoming", folder);
    CHECK(path_make_directory(path, &err));
    snprintf(path, sizeof path, "%s/.incoming/%s", folder, name);
    CHECK(path_write_file(path, written, &err));
    if (labels_files)
        CHECK(setxattr(path, "user.dcm", label, sizeof label, 0) == 0);
}

static void what_is_whole_goes_to_its_place_at_the_start(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    leave_landed(7, "2.25.1", make_bytes(600000, 1), make_bytes(600000, 1));
    open_site(&site, 0);
    CHECK(instances_find(site.instances, "2.25.1", path, &err));
    CHECK(holds(&site, path, make_bytes(600000, 1)) && is_nothing_on_its_way());
    CHECK(keep(&site, "2.25.1", make_bytes(600000, 1)) == INSTANCES_SAME);
    CHECK(count_paths(&site) == 1);
    close_site(&site);
}

static void versions_that_an_earlier_process_left_keep_their_order(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    leave_landed(10, "2.25.1", make_bytes(5000, 2), make_bytes(5000, 2));
    leave_landed(9, "2.25.1", make_bytes(5000, 1), make_bytes(5000, 1));
    leave_landed(11, "2.25.1", make_bytes(5000, 2), make_bytes(5000, 2));
    leave_landed((uint64_t)1 << 50, "2.25.2", make_bytes(60, 5), make_bytes(60, 5));
    open_site(&site, 0);
    CHECK(instances_find(site.instances, "2.25.1", path, &err));
    CHECK(strstr(path, ".2.dcm") && holds(&site, path, make_bytes(5000, 2)));
    CHECK(instances_find(site.instances, "2.25.2", path, &err));
    CHECK(count_paths(&site) == 3 && is_nothing_on_its_way());
    close_site(&site);
}

static void what_is_torn_is_no_instance(void)
{
    struct site site;
    struct err err = {0};
    char path[INSTANCES_PATH_BYTES];
    static uint8_t torn[5000];
    memcpy(torn, make_bytes(sizeof torn, 1).at, sizeof torn);
    memset(torn + 4096, 0, sizeof torn - 4096);
    leave_landed(1, "2.25.1", make_bytes(5000, 1), span_of(torn, sizeof torn));
    leave_landed(2, "2.25.2", make_bytes(5000, 1), make_bytes(4096, 1));
    leave_landed(3, "2.25.3", make_bytes(5000, 1), span_of(NULL, 0));
    leave_landed(4, "2.25.4", make_bytes(5000, 1), make_bytes(5001, 1));
    open_site(&site, 0);
    CHECK(!instances_find(site.instances, "2.25.1", path, &err));
    CHECK(count_paths(&site) == 0 && is_nothing_on_its_way());
    close_site(&site);
}

static void names_that_say_nothing_are_forgotten(void)
{
    struct site site;
    struct err err = {0};
    static const char *const names[] = {
        "0123456789abcdef0123456789abcdef", "x",
        /* the last is no hexadecimal digit; two digits too many */
        "000000000000000100000000000000040123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
        "000000000000000100000000000000040123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef00"};
    open_site(&site, 0);
    instances_close(site.instances);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/.incoming/%s", folder, names[i]);
        CHECK(path_write_file(path, SPAN("torn"), &err));
        if (i == 1) /* a label that is too short, where there are some */
            (void)!setxattr(path, "user.dcm", path, 63, 0);
    }
    open_site(&site, 0);
    CHECK(count_paths(&site) == 0 && is_nothing_on_its_way());
    close_site(&site);
}

/* Nothing may take its place: what comes meanwhile is refused, and it is tried again. */
static void what_cannot_be_placed_stays_and_nothing_younger_comes_before_it(void)
{
    struct site site;
    struct err err = {0};
    char stem[HASH_HEX_BYTES], path[256], found[INSTANCES_PATH_BYTES];
    struct hash hash = hash_sha256(SPAN("2.25.1"));
    hash_to_hex(span_of(hash.bytes, 16), stem);
    snprintf(path, sizeof path, "%s/%.2s", folder, stem);
    leave_landed(3, "2.25.1", make_bytes(5000, 1), make_bytes(5000, 1));
    CHECK(path_write_file(path, SPAN("a file where its folder ought to be"), &err));
    open_site(&site, 0);
    CHECK(!instances_find(site.instances, "2.25.1", found, &err));
    err_clear(&err);
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 2)) == INSTANCES_FULL);
    CHECK(keep(&site, "2.25.9", make_bytes(5000, 2)) == INSTANCES_FULL);
    CHECK(site.kept_count == 0);
    CHECK(unlink(path) == 0);
    CHECK(keep(&site, "2.25.1", make_bytes(5000, 2)) == INSTANCES_NEWER);
    CHECK(instances_find(site.instances, "2.25.1", found, &err));
    CHECK(strstr(found, ".2.dcm") && holds(&site, found, make_bytes(5000, 2)));
    CHECK(count_paths(&site) == 2 && is_nothing_on_its_way());
    close_site(&site);
}

/* Ended at any moment by kill -9, again and again over one store: what was told as kept
 * is there, and nothing is there that was not sent. */
static void what_was_told_outlives_the_process(void)
{
    enum { ROUNDS = 12, BYTES = 300000 };
    int told_count = 0;
    uint64_t state = 20261128;
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            struct site site;
            open_site(&site, 0);
            for (int i = 0; i < 200; i++) {
                char uid[32];
                int number = round * 1000 + i;
                snprintf(uid, sizeof uid, "2.25.%d", number + 1);
                if (keep(&site, uid, make_bytes(BYTES, (uint8_t)number)) ==
                    INSTANCES_KEPT)
                    (void)!write(ends[1], &number, sizeof number);
            }
            _exit(0);
        }
        close(ends[1]);
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        int wanted = (int)(state >> 33) % 10;
        int told[200], count = 0;
        while (count < 200 && read(ends[0], &told[count], sizeof told[0]) > 0)
            if (++count == wanted + 1)
                kill(child, SIGKILL); /* in the middle of the next one */
        close(ends[0]);
        waitpid(child, NULL, 0);
        struct site site;
        open_site(&site, 0);
        for (int i = 0; i < count; i++) {
            char uid[32], path[INSTANCES_PATH_BYTES];
            struct err err = {0};
            snprintf(uid, sizeof uid, "2.25.%d", told[i] + 1);
            CHECK(instances_find(site.instances, uid, path, &err));
            CHECK(holds(&site, path, make_bytes(BYTES, (uint8_t)told[i])));
        }
        told_count += count;
        CHECK(is_nothing_on_its_way());
        CHECK(count_paths(&site) >= told_count);
        instances_close(site.instances);
    }
    CHECK(told_count > ROUNDS);
    CHECK(test_remove(folder));
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

/* Not every file system has them. */
static bool has_attributes(void)
{
    return setxattr(folder, "user.dcm", "", 0, 0) == 0 &&
           removexattr(folder, "user.dcm") == 0;
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
    for (int i = 0; i < 2; i++) {
        labels_files = has_attributes() && i == 0;
        RUN(what_is_whole_goes_to_its_place_at_the_start);
        RUN(versions_that_an_earlier_process_left_keep_their_order);
        RUN(what_is_torn_is_no_instance);
    }
    RUN(names_that_say_nothing_are_forgotten);
    RUN(what_cannot_be_placed_stays_and_nothing_younger_comes_before_it);
    RUN(what_was_told_outlives_the_process);
    return test_done();
}
