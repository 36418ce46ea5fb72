// SPDX-License-Identifier: Apache-2.0
#include "exchange/audit/audit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static const int64_t november = 1762000000000; /* 2025-11-01T12:26:40Z */
static const int64_t month_ms = 31LL * 24 * 3600 * 1000;

struct place {
    char directory[64];
    int64_t now_ms;
};

static int64_t fixed_ms(void *self)
{
    return ((struct place *)self)->now_ms;
}

static void place_open(struct place *place)
{
    *place = (struct place){.directory = "/tmp/audit_test_XXXXXX", .now_ms = november};
    CHECK(mkdtemp(place->directory));
}

static void place_remove(struct place *place)
{
    CHECK(test_remove(place->directory));
}

static struct audit *open_node(struct place *place, const char *node, struct err *err)
{
    struct audit_config config = {
        .directory = place->directory,
        .node = node,
        .clock = {fixed_ms, fixed_ms, place},
        .rand = rand_system(),
    };
    return audit_open(&config, err);
}

static struct audit *open_centre(struct place *place)
{
    struct err err = {0};
    struct audit *audit = open_node(place, "centre", &err);
    if (!audit)
        printf("# %s %s\n", err.code, err.text);
    CHECK(audit);
    return audit;
}

static struct audit_record a_record(enum audit_phase phase, const char *verdict,
                                    uint8_t request)
{
    struct audit_record record = {
        .phase = phase,
        .event = "entry",
        .verdict = verdict,
        .person = TEXT("00112233445566778899aabbccddeeff"),
        .kind = TEXT("laboratory"),
    };
    record.request.bytes[0] = request;
    return record;
}

static bool add(struct audit *audit, struct err *err)
{
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    return audit_append(audit, &record, NULL, err);
}

static uint64_t verified(struct place *place)
{
    struct err err = {0};
    struct audit_fault fault;
    uint64_t count = 0;
    bool is_good = audit_verify(place->directory, &count, &fault, &err);
    CHECK(is_good);
    if (!is_good)
        printf("# %s %s %llu %s\n", err.text, fault.node,
               (unsigned long long)fault.number, fault.code ? fault.code : "-");
    return count;
}

/* ---- what stands in the files ---- */

static void file_name(struct place *place, const char *name, char out[128])
{
    snprintf(out, 128, "%s/centre/%s", place->directory, name);
}

static struct span read_month(struct place *place, const char *name, struct arena *arena)
{
    struct err err = {0};
    struct span bytes = SPAN("");
    char path[128];
    file_name(place, name, path);
    CHECK(path_read_file(path, FILE_BYTES_MAX, arena, &bytes, &err));
    return bytes;
}

static void a_record_has_the_documented_bytes(void)
{
    struct place place;
    struct err err = {0};
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    place_open(&place);
    struct audit *audit = open_centre(&place);
    struct audit_record record = {
        .phase = AUDIT_DECISION,
        .event = "entry",
        .verdict = "permit",
        .reason = "consent",
        .actor = {.staff_id = TEXT("s1"), .name = TEXT("紬 \"花\""), .role = TEXT("")},
        .person = TEXT("p1"),
        .bytes = 12,
    };
    record.request.bytes[15] = 1;
    struct audit_position position;
    CHECK(audit_append(audit, &record, &position, &err) && position.number == 2);
    audit_close(audit);
    static const char first[] =
        "{\"v\":1,\"node\":\"centre\",\"n\":1,\"at\":1762000000000,"
        "\"monotonic\":1762000000000,\"phase\":\"event\",\"event\":\"start\","
        "\"verdict\":\"done\"}";
    static const char second[] =
        "{\"v\":1,\"node\":\"centre\",\"n\":2,\"at\":1762000000000,"
        "\"monotonic\":1762000000000,\"phase\":\"decision\",\"event\":\"entry\","
        "\"verdict\":\"permit\",\"reason\":\"consent\","
        "\"request\":\"00000000000000000000000000000001\",\"staff\":\"s1\","
        "\"name\":\"紬 \\\"花\\\"\",\"person\":\"p1\",\"bytes\":12}";
    struct span file = read_month(&place, "2025-11.log", &arena);
    CHECK(file.len == 2 * 45 + sizeof first + sizeof second - 2);
    CHECK(span_equal(span_part(file, 44, sizeof first - 1), SPAN(first)));
    struct span rest = span_part(file, 45 + sizeof first - 1, file.len);
    CHECK(span_equal(span_part(rest, 44, sizeof second - 1), SPAN(second)));
    CHECK(span_equal(span_part(rest, 0, 4), SPAN("TsA1")));
    CHECK(rest.at[6] == (sizeof second - 1) >> 8 &&
          rest.at[7] == (sizeof second - 1) % 256);
    char hex[HASH_HEX_BYTES];
    hash_to_hex(span_part(file, 12, 32), hex);
    CHECK(
        strcmp(hex, "be4c40fdaf26740998555ce8cd70220766947a02fafac733c9bfc5893398c2b6") ==
        0);
    hash_to_hex(span_part(rest, 12, 32), hex);
    CHECK(
        strcmp(hex, "51be4f82b70f4df5d89c9fa605313c8ff24f4c0f3ab9fe8ec030051c69129bdb") ==
        0);
    CHECK(memcmp(position.hash.bytes, rest.at + 12, 32) == 0);
    place_remove(&place);
}

struct seen {
    uint64_t count;
    uint64_t first;
    uint64_t last;
    uint64_t stop_at;
    int unknown_count;
};

static bool see(void *context, uint64_t number, struct span json, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    seen->first = seen->count ? seen->first : number;
    CHECK(seen->count == 0 || number == seen->last + 1);
    seen->count++;
    seen->last = number;
    seen->unknown_count +=
        memmem(json.at, json.len, "\"verdict\":\"unknown\"", 19) != NULL;
    return number != seen->stop_at;
}

static struct seen walk(struct place *place, uint64_t from, uint64_t stop_at)
{
    struct err err = {0};
    struct seen seen = {.stop_at = stop_at};
    CHECK(audit_walk(place->directory, "centre", from, see, &seen, &err));
    return seen;
}

static void records_come_back_in_order_over_months(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    for (int month = 0; month < 4; month++) {
        for (int i = 0; i < 10; i++)
            CHECK(add(audit, &err));
        place.now_ms += month_ms;
    }
    CHECK(audit_head(audit).number == 41);
    audit_close(audit);
    CHECK(walk(&place, 1, 0).count == 41);
    CHECK(walk(&place, 0, 0).count == 41);
    CHECK(walk(&place, 12, 0).first == 12 && walk(&place, 12, 0).last == 41);
    CHECK(walk(&place, 13, 30).count == 18);
    CHECK(walk(&place, 42, 0).count == 0);
    CHECK(verified(&place) == 41);
    place_remove(&place);
}

static void a_new_opening_continues_the_series(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    for (int i = 0; i < 5; i++) {
        struct audit *audit = open_centre(&place);
        CHECK(audit_head(audit).number == (uint64_t)(2 * i + 1));
        CHECK(add(audit, &err));
        audit_close(audit);
        place.now_ms += i == 2 ? month_ms : 0;
    }
    CHECK(verified(&place) == 10);
    place_remove(&place);
}

static void a_clock_that_goes_back_does_not_go_back_a_month(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    place.now_ms += month_ms;
    CHECK(add(audit, &err));
    place.now_ms -= month_ms;
    CHECK(add(audit, &err));
    audit_close(audit);
    audit = open_centre(&place);
    CHECK(add(audit, &err));
    audit_close(audit);
    CHECK(verified(&place) == 5);
    char name[128];
    struct stat status;
    file_name(&place, "2025-12.log", name);
    CHECK(stat(name, &status) == 0 && (status.st_mode & 0777) == 0600);
    place_remove(&place);
}

static void a_second_writer_is_refused(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    CHECK(!open_node(&place, "centre", &err));
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "audit_locked") == 0);
    err_clear(&err);
    struct audit *other = open_node(&place, "other", &err);
    CHECK(other);
    audit_close(other);
    audit_close(audit);
    audit_close(open_centre(&place));
    place_remove(&place);
}

static void bad_node_names_are_refused(void)
{
    static const char *const names[] = {
        "", "..", "a/b", "a b", "a.log", "123456789012345678901234567890123"};
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct err err = {0};
        CHECK(!open_node(&place, names[i], &err) && err.kind == ERR_SYSTEM);
    }
    place_remove(&place);
}

static void a_record_that_is_too_large_is_refused_alone(void)
{
    static char large[AUDIT_RECORD_BYTES_MAX];
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    memset(large, 'x', sizeof large);
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    record.detail = (struct text){large, sizeof large};
    CHECK(!audit_append(audit, &record, NULL, &err));
    CHECK(err.kind == ERR_LIMIT && strcmp(err.code, "audit_too_large") == 0);
    err_clear(&err);
    record.detail.len = sizeof large - 400;
    CHECK(audit_append(audit, &record, NULL, &err));
    CHECK(audit_head(audit).number == 2);
    audit_close(audit);
    CHECK(verified(&place) == 2);
    place_remove(&place);
}

/* ---- the end of the file ---- */

static void make_three(struct place *place)
{
    struct err err = {0};
    place_open(place);
    struct audit *audit = open_centre(place);
    CHECK(add(audit, &err) && add(audit, &err));
    audit_close(audit);
}

static void a_half_written_last_record_is_dropped(void)
{
    struct place place;
    char name[128];
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    make_three(&place);
    file_name(&place, "2025-11.log", name);
    struct span whole = read_month(&place, "2025-11.log", &arena);
    /* the last two records are equally long */
    size_t len = 0;
    for (size_t i = 1; i < whole.len - 4; i++)
        if (memcmp(whole.at + i, "TsA1", 4) == 0)
            len = whole.len - i;
    for (size_t cut = 1; cut < len; cut++) {
        struct err err = {0};
        CHECK(path_write_file(name, span_part(whole, 0, whole.len - cut), &err));
        CHECK(verified(&place) == 2);
        struct audit *audit = open_centre(&place);
        CHECK(audit_head(audit).number == 3); /* two and the new start */
        CHECK(add(audit, &err));
        audit_close(audit);
        CHECK(verified(&place) == 4);
    }
    place_remove(&place);
}

static void zeros_behind_the_last_record_are_dropped(void)
{
    struct place place;
    struct err err = {0};
    char name[128];
    static const uint8_t zeros[600000];
    make_three(&place);
    file_name(&place, "2025-11.log", name);
    int fd = open(name, O_WRONLY | O_APPEND);
    CHECK(write(fd, zeros, sizeof zeros) == sizeof zeros);
    CHECK(verified(&place) == 3);
    struct audit *audit = open_centre(&place);
    CHECK(add(audit, &err));
    audit_close(audit);
    CHECK(verified(&place) == 5);
    CHECK(lseek(fd, 0, SEEK_END) < 3000);
    close(fd);
    place_remove(&place);
}

static void a_whole_record_that_was_changed_is_not_opened(void)
{
    struct place place;
    char name[128];
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    make_three(&place);
    file_name(&place, "2025-11.log", name);
    struct span whole = read_month(&place, "2025-11.log", &arena);
    for (size_t at = 0; at < whole.len; at++) {
        struct err err = {0};
        int fd = open(name, O_WRONLY);
        uint8_t byte = whole.at[at] ^ 4;
        CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
        struct audit *audit = open_node(&place, "centre", &err);
        CHECK(!audit && err.kind == ERR_SYSTEM && strcmp(err.code, "audit_broken") == 0);
        audit_close(audit);
        CHECK(pwrite(fd, &whole.at[at], 1, (off_t)at) == 1);
        close(fd);
    }
    CHECK(verified(&place) == 3);
    place_remove(&place);
}

/* A series whose newest group has a record of 2,000 bytes at `first` and another behind;
 * "TsA2" in the test's own way, since threads group as they come. */
static size_t make_group(struct place *place, struct span *whole, struct arena *arena)
{
    struct err err = {0};
    char name[128], detail[2000];
    memset(detail, 'x', sizeof detail);
    make_three(place);
    struct audit *audit = open_centre(place);
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    record.detail = (struct text){detail, sizeof detail};
    size_t first = read_month(place, "2025-11.log", arena).len;
    CHECK(audit_append(audit, &record, NULL, &err));
    size_t second = read_month(place, "2025-11.log", arena).len;
    CHECK(add(audit, &err));
    audit_close(audit);
    file_name(place, "2025-11.log", name);
    int fd = open(name, O_WRONLY);
    CHECK(pwrite(fd, "TsA2", 4, (off_t)second) == 4);
    close(fd);
    *whole = read_month(place, "2025-11.log", arena);
    return first;
}

static bool opens_after(struct place *place, size_t at, const void *bytes, size_t len)
{
    struct err err = {0};
    char name[128];
    file_name(place, "2025-11.log", name);
    int fd = open(name, O_WRONLY);
    CHECK(pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len);
    close(fd);
    struct audit *audit = open_node(place, "centre", &err);
    CHECK(audit || strcmp(err.code, "audit_broken") == 0);
    audit_close(audit);
    return audit != NULL;
}

/* A power failure may leave any sectors of the last group, not only the first. */
static void a_torn_group_at_the_end_is_dropped(void)
{
    static const uint8_t zeros[512] = {0};
    struct place place;
    struct span whole;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    size_t sector = (make_group(&place, &whole, &arena) / 512 + 1) * 512;
    CHECK(opens_after(&place, sector, zeros, sizeof zeros));
    CHECK(verified(&place) == 5); /* three, and two starts */
    place_remove(&place);
}

static void what_only_looks_torn_is_not_opened(void)
{
    static const uint8_t zeros[512] = {0}, noise[512] = {7};
    struct place place;
    struct span whole;
    CLEANUP(arena_free) struct arena arena = arena_init(1 << 20);
    size_t first = make_group(&place, &whole, &arena);
    size_t sector = (first / 512 + 1) * 512;
    CHECK(!opens_after(&place, sector, noise, sizeof noise)); /* written, but not so */
    CHECK(!opens_after(&place, sector + 100, zeros, 300));    /* no sector */
    char name[128];
    file_name(&place, "2025-11.log", name);
    struct err err = {0};
    CHECK(path_write_file(name, whole, &err)); /* as it was: a later group follows */
    CHECK(opens_after(&place, 0, whole.at, 4));
    CHECK(!opens_after(&place, sector, zeros, sizeof zeros));
    place_remove(&place);
}

static void decisions_without_a_finish_become_unknown_once(void)
{
    struct place place;
    struct err err = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    for (uint8_t request = 1; request <= 6; request++) {
        struct audit_record record = a_record(AUDIT_DECISION, "permit", request);
        record.actor.name = TEXT("a \"name\" \n");
        CHECK(audit_append(audit, &record, NULL, &err));
        if (request % 2 == 0) {
            record = a_record(AUDIT_FINISH, "done", request);
            CHECK(audit_append(audit, &record, NULL, &err));
        }
        place.now_ms += request == 3 ? month_ms : 0;
    }
    struct audit_record denied = a_record(AUDIT_DECISION, "deny", 7);
    CHECK(audit_append(audit, &denied, NULL, &err));
    audit_close(audit);
    audit_close(open_centre(&place));
    CHECK(walk(&place, 1, 0).unknown_count == 3);
    audit_close(open_centre(&place));
    CHECK(walk(&place, 1, 0).unknown_count == 3);
    CHECK(verified(&place) == 1 + 9 + 1 + 3 + 1 + 1);
    place_remove(&place);
}

/* ---- threads, crashes, full disks ---- */

enum { THREADS = 8, APPENDS_EACH = 200 };

struct crew {
    struct audit *audit;
    atomic_uchar seen[THREADS * APPENDS_EACH + 2];
    atomic_int faults;
};

static void *append_many(void *self)
{
    struct crew *crew = self;
    for (int i = 0; i < APPENDS_EACH; i++) {
        struct err err = {0};
        struct audit_position position = {0};
        struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
        bool is_good = audit_append(crew->audit, &record, &position, &err) &&
                       position.number <= THREADS * APPENDS_EACH + 1 &&
                       audit_head(crew->audit).number >= position.number &&
                       atomic_fetch_add(&crew->seen[position.number], 1) == 0;
        atomic_fetch_add(&crew->faults, !is_good);
    }
    return NULL;
}

static void many_threads_append_to_one_chain(void)
{
    static struct crew crew;
    struct place place;
    pthread_t threads[THREADS];
    place_open(&place);
    crew.audit = open_centre(&place);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, append_many, &crew) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&crew.faults) == 0);
    CHECK(audit_head(crew.audit).number == THREADS * APPENDS_EACH + 1);
    audit_close(crew.audit);
    CHECK(verified(&place) == THREADS * APPENDS_EACH + 1);
    place_remove(&place);
}

struct teller {
    struct audit *audit;
    int out;
};

static void *append_and_tell(void *self)
{
    struct teller *teller = self;
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    struct audit_position position;
    struct err err = {0};
    while (audit_append(teller->audit, &record, &position, &err))
        if (write(teller->out, &position.number, 8) != 8)
            break;
    return NULL;
}

static void child_appends_until_killed(struct place *place, int out)
{
    struct teller teller = {open_centre(place), out};
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread, NULL, append_and_tell, &teller) != 0)
            _exit(1);
    append_and_tell(&teller);
    _exit(1);
}

static void what_was_acknowledged_survives_kill_9(void)
{
    struct place place;
    uint64_t largest = 0;
    place_open(&place);
    for (int round = 0; round < 10; round++) {
        int ends[2];
        uint64_t number = 0;
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0)
            child_appends_until_killed(&place, ends[1]);
        close(ends[1]);
        for (int i = 0; read(ends[0], &number, 8) == 8; i++) {
            largest = number > largest ? number : largest;
            if (i == 5 + 17 * round)
                kill(child, SIGKILL);
        }
        waitpid(child, NULL, 0);
        close(ends[0]);
        uint64_t count = verified(&place);
        CHECK(count >= largest && count <= largest + 4);
        largest = count;
    }
    place_remove(&place);
}

struct told {
    atomic_int count;
    atomic_int lost_count;
    _Atomic uint64_t sum;
};

static void note_written(void *context, const struct audit_position *position)
{
    struct told *told = context;
    atomic_fetch_add(&told->sum, position ? position->number : 0);
    atomic_fetch_add(&told->lost_count, position == NULL);
    atomic_fetch_add(&told->count, 1);
}

/* Closing waits for what was handed over; each is told once, with its own number. */
static void who_does_not_wait_is_told_later(void)
{
    enum { MANY = 500 };
    struct place place;
    struct err err = {0};
    struct told told = {0};
    place_open(&place);
    struct audit *audit = open_centre(&place);
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    for (int i = 0; i < MANY; i++)
        CHECK(audit_append_later(audit, &record, note_written, &told, &err));
    CHECK(add(audit, &err));
    audit_close(audit);
    CHECK(atomic_load(&told.count) == MANY && atomic_load(&told.lost_count) == 0);
    /* number 1 is the start event's */
    CHECK(atomic_load(&told.sum) == (uint64_t)MANY * (MANY + 3) / 2);
    CHECK(verified(&place) == MANY + 2);
    place_remove(&place);
}

/* The child's part: the exit status. */
static int append_later_without_room(struct place *place)
{
    struct err err = {0};
    struct told told = {0};
    struct audit *audit = open_centre(place);
    struct rlimit limit = {100, RLIM_INFINITY}; /* less than the file has by now */
    signal(SIGXFSZ, SIG_IGN);
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    for (int i = 0; i < 50; i++)
        if (!audit_append_later(audit, &record, note_written, &told, &err))
            return 3;
    audit_close(audit);
    return atomic_load(&told.count) == 50 && atomic_load(&told.lost_count) == 50 ? 0 : 4;
}

static void who_does_not_wait_hears_that_a_record_got_lost(void)
{
    struct place place;
    place_open(&place);
    pid_t child = fork();
    if (child == 0)
        _exit(append_later_without_room(&place));
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(verified(&place) == 1);
    place_remove(&place);
}

static bool is_refused_again(struct audit *audit)
{
    bool is_refused = true;
    for (int i = 0; i < 5; i++) {
        struct err err = {0};
        is_refused = is_refused && !add(audit, &err) && err.kind == ERR_BUSY;
    }
    return is_refused;
}

/* Nobody writes, and yet that there is room is known at once; said once. */
static bool is_tried_once(struct audit *audit, uint64_t number)
{
    return audit_is_writable(audit) && audit_is_writable(audit) &&
           audit_head(audit).number == number + 1;
}

/* Fills the disk, frees it, goes on; the result is the exit status of a child. */
static int append_until_full(struct place *place, bool (*make_space)(void))
{
    struct err err = {0};
    struct audit *audit = open_centre(place);
    struct audit_position position = {0};
    struct audit_record record = a_record(AUDIT_EVENT, "done", 0);
    uint64_t number = 1;
    while (audit && audit_append(audit, &record, &position, &err))
        number = position.number;
    if (number < 10 || err.kind != ERR_BUSY || strcmp(err.code, "audit_unwritable") != 0)
        return 2;
    if (!is_refused_again(audit))
        return 3;
    if (audit_head(audit).number != number || verified(place) != number)
        return 4;
    err_clear(&err);
    if (!make_space() || !is_tried_once(audit, number))
        return 6;
    if (!audit_append(audit, &record, &position, &err) || position.number != number + 2)
        return 7;
    audit_close(audit);
    audit = open_centre(place);
    audit_close(audit);
    return verified(place) == number + 3 ? 0 : 8;
}

static bool lift_limit(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static void a_file_size_limit_refuses_and_service_resumes(void)
{
    struct place place;
    place_open(&place);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {100000, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(append_until_full(&place, lift_limit));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    place_remove(&place);
}

static bool remove_ballast(void)
{
    return unlink("ballast") == 0;
}

static void a_full_disk_refuses_and_service_resumes(void)
{
    struct place place;
    place_open(&place);
    if (mount("tmpfs", place.directory, "tmpfs", 0, "size=512k") != 0) {
        SKIP("a full disk (mount)", "no right to mount a small file system");
        place_remove(&place);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        static const char ballast[300000];
        int fd =
            chdir(place.directory) == 0 ? open("ballast", O_WRONLY | O_CREAT, 0600) : -1;
        if (fd < 0 || write(fd, ballast, sizeof ballast) != sizeof ballast)
            _exit(9);
        close(fd);
        _exit(append_until_full(&place, remove_ballast));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(umount(place.directory) == 0);
    place_remove(&place);
}

int main(void)
{
    RUN(a_record_has_the_documented_bytes);
    RUN(records_come_back_in_order_over_months);
    RUN(a_new_opening_continues_the_series);
    RUN(a_clock_that_goes_back_does_not_go_back_a_month);
    RUN(a_second_writer_is_refused);
    RUN(bad_node_names_are_refused);
    RUN(a_record_that_is_too_large_is_refused_alone);
    RUN(a_half_written_last_record_is_dropped);
    RUN(zeros_behind_the_last_record_are_dropped);
    RUN(a_whole_record_that_was_changed_is_not_opened);
    RUN(a_torn_group_at_the_end_is_dropped);
    RUN(what_only_looks_torn_is_not_opened);
    RUN(decisions_without_a_finish_become_unknown_once);
    RUN(many_threads_append_to_one_chain);
    RUN(what_was_acknowledged_survives_kill_9);
    RUN(who_does_not_wait_is_told_later);
    RUN(who_does_not_wait_hears_that_a_record_got_lost);
    RUN(a_file_size_limit_refuses_and_service_resumes);
    RUN(a_full_disk_refuses_and_service_resumes);
    return test_done();
}
