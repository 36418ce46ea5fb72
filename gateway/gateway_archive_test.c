// SPDX-License-Identifier: Apache-2.0
/* A study's archive in several requests: the same bytes each time, or all of them anew.
 */
#include "gateway/gateway_testparcel.h"

#include <fcntl.h>

enum { LARGE_BYTES = 3 << 20 };

#define ALL ""
#define REFUSED(members, status, code)                                                   \
    CHECK(is_refused(&scene, "/archive", members, status, code))

/* Behind the three files: one that takes a while, and one more. */
static void put_later(const struct scene *scene, const char *name, const char *number,
                      size_t pixel_bytes)
{
    char instance[64];
    struct site site = new_site(LITTLE);
    uint8_t *pixels = calloc(1, pixel_bytes);
    snprintf(instance, sizeof instance, STUDY ".2.%s", number);
    for (size_t i = 0; pixels && i < pixel_bytes; i++)
        pixels[i] = (uint8_t)(i * 7 + i / 253);
    put_names(&site, STUDY ".2", instance);
    put_string(&site, DICOM_SERIES_NUMBER, "IS", "2");
    put_string(&site, DICOM_INSTANCE_NUMBER, "IS", number);
    put_bytes(&site, DICOM_PIXELS, "OW", pixels, (uint32_t)pixel_bytes);
    keep_file(scene, name, &site);
    free(pixels);
}

static void put_large(const struct scene *scene)
{
    put_later(scene, "pacs/4", "2", LARGE_BYTES);
    put_later(scene, "pacs/5", "3", 2000);
}

enum { LARGE_COUNT = FILE_COUNT + 2 };

static void begin_large(struct scene *scene)
{
    begin_study(scene, put_large);
    CHECK(is_soon(scene, LARGE_COUNT));
}

static bool is_archive(const struct fetched *fetched)
{
    bool is_one = fetched->status == 200 && fetched->is_whole &&
                  strcmp(fetched->type, "application/zip") == 0 &&
                  fetched->length == (int64_t)fetched->body.len &&
                  fetched->whole_length >= fetched->length &&
                  strlen(fetched->stamp) == 64;
    if (!is_one)
        printf("# %d, %zu of %lld bytes, stamp %s\n", fetched->status, fetched->body.len,
               (long long)fetched->length, fetched->stamp);
    return is_one;
}

/* The rest of it, and nothing else. */
static bool goes_on(struct scene *scene, const struct fetched *whole, const char *more,
                    size_t from)
{
    char members[256];
    struct span rest = span_part(buf_view(&whole->body), from, whole->body.len);
    FETCHED fetched;
    snprintf(members, sizeof members, ",\"from\":%zu,\"if_stamp\":\"%s\"%s", from,
             whole->stamp, more);
    fetch(scene, "/archive", members, &fetched);
    bool is_rest = is_archive(&fetched) && span_equal(buf_view(&fetched.body), rest) &&
                   fetched.whole_length == whole->length &&
                   strcmp(fetched.stamp, whole->stamp) == 0;
    if (!is_rest)
        printf("# from %zu\n", from);
    return is_rest;
}

/* ---- what works ---- */

static void an_archive_is_the_same_bytes_each_time(void)
{
    struct scene scene;
    begin_large(&scene);
    FETCHED first, second, third;
    fetch(&scene, "/archive", ALL, &first);
    fetch(&scene, "/archive", ALL, &second);
    CHECK(is_archive(&first) && first.body.len > LARGE_BYTES);
    CHECK(is_archive(&second));
    CHECK(span_equal(buf_view(&first.body), buf_view(&second.body)));
    CHECK(strcmp(first.stamp, second.stamp) == 0);
    /* the list is told again */
    ANSWER cancelled = ask_text(&scene, "/cancel", OPENING);
    FETCHED study;
    fetch(&scene, "/study", "", &study);
    fetch(&scene, "/archive", ALL, &third);
    CHECK(cancelled.status < 300 && study.status == 200 && is_archive(&third));
    CHECK(span_equal(buf_view(&first.body), buf_view(&third.body)));
    end(&scene);
}

static void an_archive_goes_on_from_any_place(void)
{
    struct scene scene;
    begin_large(&scene);
    FETCHED whole;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole));
    size_t len = whole.body.len;
    const uint8_t *directory = memmem(whole.body.at, len, "PK\1\2", 4);
    const uint8_t *behind = memmem(whole.body.at, len, "PK\7\10", 4);
    const uint8_t *dicomdir = memmem(whole.body.at, len, "DICOMDIR", 8);
    CHECK(directory && behind && dicomdir);
    const size_t places[] = {1,
                             29,
                             30,
                             (size_t)(behind - whole.body.at),
                             (size_t)(behind - whole.body.at) + 5,
                             (size_t)(behind - whole.body.at) + 16,
                             255 * 1024 - 1,
                             255 * 1024,
                             255 * 1024 + 1,
                             (size_t)(dicomdir - whole.body.at) + 100,
                             (size_t)(directory - whole.body.at),
                             (size_t)(directory - whole.body.at) + 17,
                             len - 22,
                             len - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        CHECK(goes_on(&scene, &whole, "", places[i]));
    for (size_t from = 77777; from < len; from += 293339)
        CHECK(goes_on(&scene, &whole, "", from));
    end(&scene);
}

/* What is more than there is, is all of it; of another archive, too. */
static void the_last_bytes_of_an_archive_are_asked_for(void)
{
    struct scene scene;
    begin_large(&scene);
    FETCHED whole, other;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole));
    size_t len = whole.body.len;
    const size_t counts[] = {1, 22, 1000, len - 1, len, len + 1, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char members[64];
        size_t count = counts[i] < len ? counts[i] : len;
        snprintf(members, sizeof members, ",\"last\":%zu", counts[i]);
        FETCHED last;
        fetch(&scene, "/archive", members, &last);
        CHECK(is_archive(&last) && last.whole_length == (int64_t)len);
        CHECK(span_equal(buf_view(&last.body),
                         span_part(buf_view(&whole.body), len - count, count)));
    }
    fetch(&scene, "/archive", ",\"last\":5,\"if_stamp\":\"0\"", &other);
    CHECK(is_archive(&other) && other.body.len == len);
    end(&scene);
}

static void a_series_goes_on_in_its_own_archive(void)
{
    struct scene scene;
    begin_large(&scene);
    FETCHED whole, series, other;
    fetch(&scene, "/archive", ALL, &whole);
    fetch(&scene, "/archive", ",\"series\":0", &series);
    CHECK(is_archive(&whole) && is_archive(&series));
    CHECK(strcmp(whole.stamp, series.stamp) != 0);
    CHECK(goes_on(&scene, &series, ",\"series\":0", 200100));
    /* of the other, it is not the rest */
    char members[256];
    snprintf(members, sizeof members, ",\"from\":1000,\"if_stamp\":\"%s\"", series.stamp);
    fetch(&scene, "/archive", members, &other);
    CHECK(is_archive(&other));
    CHECK(span_equal(buf_view(&other.body), buf_view(&whole.body)));
    end(&scene);
}

/* A recording has no directory. */
static void an_archive_of_a_recording_goes_on(void)
{
    static const struct wish wish = {"-/DICOM/" WAVE, "doctor", ENTRY_PHYSIOLOGY, 0,
                                     NULL};
    struct scene scene;
    char members[128];
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED study, whole, rest;
    fetch_as(&scene, "/study", "", &wish, &study);
    fetch_as(&scene, "/archive", ALL, &wish, &whole);
    CHECK(study.status == 200 && is_archive(&whole));
    snprintf(members, sizeof members, ",\"from\":99,\"if_stamp\":\"%s\"", whole.stamp);
    fetch_as(&scene, "/archive", members, &wish, &rest);
    CHECK(is_archive(&rest));
    CHECK(span_equal(buf_view(&rest.body),
                     span_part(buf_view(&whole.body), 99, whole.body.len)));
    end(&scene);
}

/* Another program reads what was put together from three requests. */
static void what_is_put_together_is_read_by_another_program(void)
{
    struct scene scene;
    struct err err = {0};
    char members[2][128], command[256];
    begin_large(&scene);
    FETCHED whole, second, third;
    CLEANUP(buf_free) struct buf joined = buf_init(ANSWER_BYTES_MAX);
    fetch(&scene, "/archive", ALL, &whole);
    for (int i = 0; i < 2; i++)
        snprintf(members[i], sizeof members[i], ",\"from\":%d,\"if_stamp\":\"%s\"",
                 i == 0 ? 300000 : 2000001, whole.stamp);
    fetch(&scene, "/archive", members[0], &second);
    fetch(&scene, "/archive", members[1], &third);
    buf_put(&joined, whole.body.at, 300000);
    buf_put(&joined, second.body.at, 1700001);
    buf_span(&joined, buf_view(&third.body));
    CHECK(span_equal(buf_view(&joined), buf_view(&whole.body)));
    must(path_write_file(in_folder(&scene, "a.zip"), buf_view(&joined), &err), &err);
    snprintf(command, sizeof command,
             "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert "
             "z.testzip() is None; assert len(z.namelist()) == %d' %s",
             LARGE_COUNT + 1, in_folder(&scene, "a.zip"));
    CHECK(system(command) == 0);
    end(&scene);
}

/* Of the rest, the rest; of what is refused, nothing. */
static void what_is_sent_is_what_the_audit_counts(void)
{
    struct scene scene;
    struct err err = {0};
    char bytes[64], members[128];
    begin_large(&scene);
    ANSWER before = ask_text(&scene, "/cancel", OPENING);
    FETCHED study, whole, rest;
    fetch(&scene, "/study", "", &study);
    fetch(&scene, "/archive", ALL, &whole);
    snprintf(members, sizeof members, ",\"from\":%zu", whole.body.len - 4321);
    fetch(&scene, "/archive", members, &rest);
    CHECK(is_archive(&rest) && rest.body.len == 4321);
    snprintf(members, sizeof members, ",\"from\":%zu", whole.body.len);
    REFUSED(members, 400, "range_unsatisfiable");
    ANSWER after = ask_text(&scene, "/cancel", OPENING);
    CHECK(before.status < 300 && after.status < 300);
    snprintf(bytes, sizeof bytes, "\"bytes\":%zu,",
             study.body.len + whole.body.len + rest.body.len);
    struct rows rows = {bytes, 0};
    CHECK(audit_walk(in_folder(&scene, "data/audit"), "2010000001", 1, count_row, &rows,
                     &err));
    CHECK(rows.count == 1);
    end(&scene);
}

/* ---- never a mixture ---- */

/* The whole of what there is now. */
static void check_anew(struct scene *scene, const struct fetched *before)
{
    char members[256];
    snprintf(members, sizeof members, ",\"from\":1000,\"if_stamp\":\"%s\"",
             before->stamp);
    FETCHED now, asked;
    fetch(scene, "/archive", ALL, &now);
    fetch(scene, "/archive", members, &asked);
    CHECK(is_archive(&now) && is_archive(&asked));
    CHECK(strcmp(now.stamp, before->stamp) != 0 && strcmp(asked.stamp, now.stamp) == 0);
    CHECK(span_equal(buf_view(&asked.body), buf_view(&now.body)));
}

/* As many bytes, and the same time: it is another file all the same. */
static void a_file_written_anew_makes_another_archive(void)
{
    struct scene scene;
    struct stat status;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED before;
    fetch(&scene, "/archive", ALL, &before);
    CHECK(is_archive(&before));
    CHECK(stat(in_folder(&scene, files[1].name), &status) == 0);
    int fd = open(in_folder(&scene, files[1].name), O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, "!", 1, status.st_size - 1) == 1);
    CHECK(futimens(fd, (const struct timespec[]){status.st_atim, status.st_mtim}) == 0);
    close(fd);
    check_anew(&scene, &before);
    end(&scene);
}

static void another_list_makes_another_archive(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED before;
    fetch(&scene, "/archive", ALL, &before);
    CHECK(is_archive(&before));
    put_later(&scene, "pacs/4", "2", 2000);
    CHECK(is_soon(&scene, FILE_COUNT + 1));
    check_anew(&scene, &before);
    end(&scene);
}

static const char *late_path;

/* As long as it was. */
static void write_anew(void)
{
    int fd = open(late_path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, "!", 1, 1500) == 1);
    close(fd);
}

static void remove_it(void)
{
    CHECK(unlink(late_path) == 0);
}

/* The last of them changes while those before it are on their way, or one while it is on
 * its way itself. */
static void what_changes_under_way_cuts_the_answer(void)
{
    static const struct {
        void (*change)(void);
        const char *name;
        size_t when_bytes;
    } cases[] = {{write_anew, "pacs/5", 0},
                 {remove_it, "pacs/5", 0},
                 {write_anew, "pacs/4", FILE_COUNT * PIXEL_BYTES + 100000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const struct wish wish = {STUDY_KEY, "doctor", ENTRY_RADIOLOGY, 0, NULL};
        struct scene scene;
        char path[256];
        begin_large(&scene);
        snprintf(path, sizeof path, "%s", in_folder(&scene, cases[i].name));
        late_path = path;
        FETCHED fetched;
        begin_fetched(&fetched);
        fetched.meanwhile = cases[i].change;
        fetched.meanwhile_bytes = cases[i].when_bytes;
        fetch_into(&scene, "/archive", ALL, &wish, &fetched);
        CHECK(fetched.status == 200 && !fetched.is_whole);
        CHECK(!memmem(fetched.body.at, fetched.body.len, "PK\5\6", 4));
        CHECK(fetched.length > (int64_t)fetched.body.len);
        end(&scene);
    }
}

/* ---- refusals ---- */

static void there_is_nothing_behind_the_end(void)
{
    struct scene scene;
    char members[128];
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED whole;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole));
    for (size_t i = 0; i < 2; i++) {
        snprintf(members, sizeof members, ",\"from\":%zu", whole.body.len + i);
        REFUSED(members, 400, "range_unsatisfiable");
        snprintf(members, sizeof members, ",\"from\":%zu,\"if_stamp\":\"%s\"",
                 whole.body.len + i, whole.stamp);
        REFUSED(members, 400, "range_unsatisfiable");
    }
    FETCHED nothing;
    fetch(&scene, "/archive", ",\"last\":0", &nothing);
    CHECK(nothing.status == 400 && nothing.whole_length == whole.length);
    REFUSED(",\"last\":0", 400, "range_unsatisfiable");
    REFUSED(",\"last\":-1", 400, "json_member");
    REFUSED(",\"last\":\"7\"", 400, "json_member");
    REFUSED(",\"from\":9223372036854775807", 400, "range_unsatisfiable");
    REFUSED(",\"from\":9223372036854775808", 400, "json_invalid");
    REFUSED(",\"from\":99999999999999999999999999", 400, "json_invalid");
    REFUSED(",\"from\":1e3", 400, "json_member");
    REFUSED(",\"from\":-1", 400, "json_member");
    REFUSED(",\"from\":\"7\"", 400, "json_member");
    REFUSED(",\"from\":[7]", 400, "json_member");
    REFUSED(",\"from\":7,\"if_stamp\":7", 400, "json_member");
    REFUSED(",\"from\":7,\"if_stamp\":\"0123456789012345678901234567890123456789"
            "01234567890123456789012345\"",
            413, "json_too_long");
    end(&scene);
}

/* A stamp that is none is another's. */
static void what_is_no_stamp_of_it_brings_the_whole(void)
{
    static const char *const stamps[] = {
        "x", "0000000000000000000000000000000000000000000000000000000000000000",
        "00000000000000000000000000000000000000000000000000000000000000000"};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED whole;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole));
    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
        char members[160];
        snprintf(members, sizeof members, ",\"from\":%s,\"if_stamp\":\"%s\"",
                 i == 0 ? "9223372036854775807" : "5", stamps[i]);
        FETCHED fetched;
        fetch(&scene, "/archive", members, &fetched);
        CHECK(is_archive(&fetched));
        CHECK(span_equal(buf_view(&fetched.body), buf_view(&whole.body)));
    }
    end(&scene);
}

static void a_file_that_is_gone_is_said_before_anything_is_sent(void)
{
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED whole;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole) && unlink(in_folder(&scene, files[2].name)) == 0);
    REFUSED(ALL, 503, "source_changed");
    REFUSED(",\"from\":1000", 503, "source_changed");
    CHECK(goes_on(&scene, &whole, "", 1) == false);
    end(&scene);
}

static void the_rest_is_asked_for_like_the_whole(void)
{
    static const struct wish asker = {STUDY_KEY, "clerk", ENTRY_RADIOLOGY, 0, NULL};
    struct scene scene;
    begin_study(&scene, NULL);
    CHECK(is_soon(&scene, FILE_COUNT));
    FETCHED whole, clerk;
    fetch(&scene, "/archive", ALL, &whole);
    CHECK(is_archive(&whole));
    fetch_as(&scene, "/archive", ",\"from\":1000", &asker, &clerk);
    CHECK(clerk.status == 403 &&
          memmem(clerk.body.at, clerk.body.len, "\"audience\"", 10));
    ANSWER nobody =
        ask_text(&scene, "/archive", "{\"key\":\"" STUDY_KEY "\",\"from\":1000}");
    CHECK(is_problem(&nobody, 400, "grant_malformed"));
    ANSWER cancelled = ask_text(&scene, "/cancel", OPENING);
    CHECK(cancelled.status < 300);
    REFUSED(",\"from\":1000", 409, "study_changed");
    REFUSED(",\"from\":1000,\"series\":9", 409, "study_changed");
    end(&scene);
}

int main(void)
{
    RUN(an_archive_is_the_same_bytes_each_time);
    RUN(an_archive_goes_on_from_any_place);
    RUN(the_last_bytes_of_an_archive_are_asked_for);
    RUN(a_series_goes_on_in_its_own_archive);
    RUN(an_archive_of_a_recording_goes_on);
    RUN(what_is_put_together_is_read_by_another_program);
    RUN(what_is_sent_is_what_the_audit_counts);
    RUN(a_file_written_anew_makes_another_archive);
    RUN(another_list_makes_another_archive);
    RUN(what_changes_under_way_cuts_the_answer);
    RUN(there_is_nothing_behind_the_end);
    RUN(what_is_no_stamp_of_it_brings_the_whole);
    RUN(a_file_that_is_gone_is_said_before_anything_is_sent);
    RUN(the_rest_is_asked_for_like_the_whole);
    return test_done();
}
