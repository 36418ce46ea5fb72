// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "exchange/image/image_parts.h"

#define PIXELS                                                                           \
    "\"frames\":1,\"rows\":512,\"columns\":512,\"bits_allocated\":16,\"bits_stored\":"   \
    "12,\"is_signed\":true,\"samples\":1,\"photometric\":\"MONOCHROME2\",\"syntax\":"    \
    "\"JPEG\",\"is_supported\":true,\"has_modality_lut\":false,\"has_voi_lut\":true,"    \
    "\"has_overlay\":false,\"voi_function\":\"LINEAR\",\"spacing_kind\":\"pixel\","
#define GEOMETRY                                                                         \
    "\"spacing\":[0.5,0.5],\"aspect\":null,\"position\":[-1.5,2,3],\"orientation\":"     \
    "[1,0,0,0,1,0],\"slice_location\":-12.5,\"padding\":-2000,\"lossy_ratio\":null,"     \
    "\"frame_time_ms\":null,"
#define INSTANCE                                                                         \
    "{\"uid\":\"1.2.3\",\"number\":1," PIXELS GEOMETRY                                   \
    "\"rescale\":{\"slope\":1,\"intercept\":-1024,\"type\":\"HU\"},\"windows\":[{"       \
    "\"center\":40,\"width\":400,\"text\":\"<b>soft\"}]}"
#define SERIES(instances)                                                                \
    "{\"number\":2,\"uid\":\"1.2\",\"modality\":\"CT\",\"description\":\"<script>\","    \
    "\"body_part\":\"CHEST\",\"laterality\":\"\",\"kind\":\"image\",\"instances\":"      \
    "[" instances "]}"
#define STUDY(series)                                                                    \
    "{\"study_uid\":\"1\",\"date\":\"2026-10-01\",\"time\":\"\",\"description\":\"chest" \
    "\",\"accession\":\"A1\",\"facility\":\"00\",\"invented\":[1],\"modalities\":"       \
    "[\"CT\"],\"series\":[" series "]}"

static const struct id facility = {{7}};

static bool write_body(const char *body, struct buf *out, struct err *err)
{
    return image_write_study(span_cstr(body), facility, out, err);
}

static void a_study_is_written_anew(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CHECK(write_body(STUDY(SERIES(INSTANCE)), &out, &err));
    buf_byte(&out, '\0');
    const char *json = (const char *)out.at;
    CHECK(strstr(json, "{\"study_uid\":\"1\",\"date\":\"2026-10-01\",\"time\":\"\",") &&
          strstr(json, "\"facility\":\"07000000000000000000000000000000\""));
    CHECK(!strstr(json, "invented") && !strchr(json, '<'));
    CHECK(strstr(json, "\"description\":\"\\u003cscript\\u003e\""));
    CHECK(strstr(json, "\"spacing\":[0.5,0.5],\"spacing_kind\":\"pixel\",\"aspect\":null,"
                       "\"position\":[-1.5,2,3],\"orientation\":[1,0,0,0,1,0]"));
    CHECK(strstr(json, "\"slice_location\":-12.5,\"padding\":-2000,"
                       "\"lossy_ratio\":null,\"frame_time_ms\":null"));
    CHECK(strstr(json, "\"rescale\":{\"slope\":1,\"intercept\":-1024,\"type\":\"HU\"},"
                       "\"windows\":[{\"center\":40,\"width\":400,"));
    CHECK(!strstr(json, "patient_orientation") && !strstr(json, "_lut\":{"));
    out.len = 0;
    CHECK(write_body(STUDY(""), &out, &err));
}

/* Instances are cut out before the rest is read: what looks like one, or like what
 * stands for one, is none. */
static void what_stands_for_an_instance_is_not_taken_for_one(void)
{
    static const char *const bad[] = {
        STUDY(SERIES("0")),
        STUDY(SERIES(INSTANCE ",0")),
        STUDY(SERIES("1," INSTANCE)),
        STUDY(SERIES(INSTANCE) "," SERIES("0")),
        STUDY(SERIES("[" INSTANCE "]")),
        STUDY(SERIES("{]")),
        STUDY(SERIES("{\"a\":[}")),
        STUDY(SERIES("{\"uid\":\"}]}\\\"{\"}")),
        STUDY(SERIES(INSTANCE INSTANCE)),
        STUDY(SERIES(INSTANCE)) "]}",
        "{\"series\":[{\"instances\":[" INSTANCE,
        "{\"series\":[{\"instances\":[{\"uid\":\"",
        "{\"series\":[{\"instances\":[{\"uid\":\"\\",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        CHECK(!write_body(bad[i], &out, &err));
        CHECK(err.kind == ERR_SYNTAX);
    }
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    /* of a member that nobody knows it goes nowhere */
    CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
    buf_cstr(&body, "{\"other\":[{\"a\":[{\"b\":\"]}\"}]}],");
    buf_cstr(&body, &STUDY(SERIES(INSTANCE "," INSTANCE))[1]);
    CHECK(image_write_study(buf_view(&body), facility, &out, &err));
    CHECK(!memmem(out.at, out.len, "other", 5));
    const uint8_t *first = memmem(out.at, out.len, "\"uid\":\"1.2.3\"", 13);
    CHECK(first && memmem(first + 1, out.len - (size_t)(first + 1 - out.at),
                          "\"uid\":\"1.2.3\"", 13));
}

static void a_study_that_is_cut_says_so_and_of_how_many(void)
{
    static const char study[] = STUDY("");
    static const struct {
        const char *said, *told; /* NULL: refused */
    } cases[] = {
        {"\"is_cut\":true,", "\"is_cut\":true,\"facility\""},
        {"\"is_cut\":true,\"instance_total\":23456,",
         "\"is_cut\":true,\"instance_total\":23456,"},
        {"\"is_cut\":1,", NULL},
        {"\"is_cut\":true,\"instance_total\":-1,", NULL},
        {"\"is_cut\":true,\"instance_total\":9007199254740993,", NULL},
        {"\"is_cut\":true,\"instance_total\":\"23456\",", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        buf_cstr(&body, "{");
        buf_cstr(&body, cases[i].said);
        buf_cstr(&body, study + 1);
        bool is_written = image_write_study(buf_view(&body), facility, &out, &err);
        CHECK(is_written == (cases[i].told != NULL));
        CHECK(!is_written ||
              memmem(out.at, out.len, cases[i].told, strlen(cases[i].told)));
    }
}

/* Every member the contract requires is needed, as what it is. */
static void a_study_that_is_none_is_refused_whole(void)
{
    static const char *const changes[][2] = {
        {"\"study_uid\":\"1\",", ""},
        {"\"2026-10-01\"", "\"2026-1-01\""},
        {"\"2026-10-01\"", "\"<b>6-10-01\""},
        {"\"2026-10-01\"", "20261001"},
        {"\"time\":\"\"", "\"time\":\"12:3\""},
        {"\"time\":\"\"", "\"time\":\"12:30:\""},
        {"\"time\":\"\"", "\"time\":\"1\""},
        {"\"2026-10-01\"", "\"2026-10\""},
        {"\"modalities\":[\"CT\"]", "\"modalities\":[1]"},
        {"\"kind\":\"image\"", "\"kind\":\"html\""},
        {"\"kind\":\"image\"", "\"kind\":1"},
        {"\"number\":2", "\"number\":2.5"},
        {"\"number\":2", "\"number\":9007199254740993"},
        {"\"rows\":512", "\"rows\":-1"},
        {"\"rows\":512", "\"rows\":65536"},
        {"\"rows\":512", "\"rows\":\"512\""},
        {"\"rows\":512,", ""},
        {"\"frames\":1", "\"frames\":2147483648"},
        {"\"samples\":1", "\"samples\":65536"},
        {"\"is_signed\":true", "\"is_signed\":1"},
        {"\"pixel\"", "\"guess\""},
        {"\"LINEAR\"", "\"linear\""},
        {"[0.5,0.5]", "[0.5]"},
        {"[0.5,0.5]", "[0.5,0.5,0.5]"},
        {"[0.5,0.5]", "[0.5,NaN]"},
        {"[0.5,0.5]", "[0.5,1e999]"},
        {"[0.5,0.5]", "[0.5,\"1\"]"},
        {"[0.5,0.5]", "0.5"},
        {"-12.5", "\"-12.5\""},
        {"\"padding\":-2000", "\"padding\":[]"},
        {"\"slope\":1,", ""},
        {"{\"slope\":1,\"intercept\":-1024,\"type\":\"HU\"}", "[]"},
        {"\"center\":40", "\"center\":null"},
        {"\"windows\":[{", "\"windows\":[7,{"},
        {"\"position\"",
         "\"voi_lut\":{\"first\":0,\"bits\":17,\"values\":[]},\"position\""},
        {"\"position\"",
         "\"voi_lut\":{\"first\":0,\"bits\":8,\"values\":[1.5]},\"position\""},
        {"\"position\"",
         "\"voi_lut\":{\"first\":0,\"bits\":8,\"values\":[65536]},\"position\""},
        {"\"position\"", "\"patient_orientation\":[\"L\"],\"position\""},
        {"\"position\"", "\"position\":null,\"position\""},
        {"\"instances\":[", "\"instances\":[[],"},
        {"\"series\":[", "\"series\":[null,"},
    };
    static const char good[] = STUDY(SERIES(INSTANCE));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        const char *at = strstr(good, changes[i][0]);
        CHECK(at != NULL);
        if (!at)
            continue;
        buf_put(&body, good, (size_t)(at - good));
        buf_cstr(&body, changes[i][1]);
        buf_cstr(&body, at + strlen(changes[i][0]));
        bool is_refused = !image_write_study(buf_view(&body), facility, &out, &err);
        CHECK(is_refused);
        if (!is_refused)
            printf("# %s\n", changes[i][1]);
    }
}

static void what_may_be_there_goes_on(void)
{
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CHECK(write_body(
        STUDY(SERIES("{\"uid\":\"1.2.3\",\"number\":1," PIXELS
                     "\"windows\":[],\"patient_orientation\":[\"L\",\"F\"],\"voi_lut\":"
                     "{\"first\":-1024,\"bits\":16,\"values\":[0,65535]}}")),
        &out, &err));
    buf_byte(&out, '\0');
    const char *json = (const char *)out.at;
    CHECK(strstr(json, "\"patient_orientation\":[\"L\",\"F\"]"));
    CHECK(strstr(json, "\"voi_lut\":{\"first\":-1024,\"bits\":16,\"values\":[0,65535]}"));
    CHECK(strstr(json, "\"spacing\":null") && strstr(json, "\"position\":null") &&
          strstr(json, "\"rescale\":null") && strstr(json, "\"windows\":[]"));
}

#define FRAMES(views)                                                                    \
    STUDY(SERIES("{\"uid\":\"1\",\"number\":1," PIXELS "\"windows\":[]," views "}"))

/* The frames of PIXELS are one. */
static void frames_have_what_is_said_of_them(void)
{
    static const char good[] = FRAMES(
        "\"views\":[{},{\"position\":[1,2,3],\"orientation\":null,\"spacing\":[2,1],"
        "\"spacing_kind\":\"imager\",\"rescale\":null,\"windows\":[],\"voi_function\":"
        "\"SIGMOID\",\"has_voi_lut\":true}],\"frame_views\":[1],\"frame_order\":[0]");
    static const char *const bad[] = {
        FRAMES("\"views\":[{}]"),
        FRAMES("\"views\":[{}],\"frame_views\":[]"),
        FRAMES("\"views\":[{}],\"frame_views\":[0,0]"),
        FRAMES("\"views\":[{}],\"frame_views\":[1]"),
        FRAMES("\"views\":[{}],\"frame_views\":[-1]"),
        FRAMES("\"views\":[{}],\"frame_views\":[0.5]"),
        FRAMES("\"views\":[{}],\"frame_views\":[\"0\"]"),
        FRAMES("\"views\":{},\"frame_views\":[0]"),
        FRAMES("\"views\":[{\"position\":[1,2]}],\"frame_views\":[0]"),
        FRAMES("\"views\":[{\"orientation\":[1]}],\"frame_views\":[0]"),
        FRAMES("\"views\":[{\"spacing\":[1,1]}],\"frame_views\":[0]"),
        FRAMES("\"views\":[{\"rescale\":{}}],\"frame_views\":[0]"),
        FRAMES("\"views\":[{\"windows\":[]}],\"frame_views\":[0]"),
        FRAMES("\"frame_order\":[]"),
        FRAMES("\"frame_order\":[1]"),
        FRAMES("\"frame_order\":[-1]"),
        FRAMES("\"frame_order\":[0.5]"),
        FRAMES("\"frame_order\":[0,0]"),
        FRAMES("\"frame_order\":0"),
    };
    struct err err = {0};
    CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
    CHECK(write_body(good, &out, &err));
    buf_byte(&out, '\0');
    CHECK(strstr((const char *)out.at,
                 "\"views\":[{},{\"spacing\":[2,1],\"spacing_kind\":\"imager\","
                 "\"position\":[1,2,3],\"orientation\":null,\"rescale\":null,"
                 "\"windows\":[],\"voi_function\":\"SIGMOID\",\"has_voi_lut\":true}],"
                 "\"frame_views\":[1],\"frame_order\":[0]"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err fault = {0};
        out.len = 0;
        bool is_written = write_body(bad[i], &out, &fault);
        CHECK(!is_written);
        if (is_written)
            printf("# %zu\n", i);
    }
}

/* A device's header says what it likes; one that says little hides no study. */
static void a_time_may_lack_its_seconds(void)
{
    static const char *const times[] = {"12", "12:30", "12:30:59"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct err err = {0};
        static const char study[] = STUDY("");
        CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        const char *at = strstr(study, "\"time\":\"") + 8;
        buf_put(&body, study, (size_t)(at - study));
        buf_cstr(&body, times[i]);
        buf_cstr(&body, at);
        CHECK(image_write_study(buf_view(&body), facility, &out, &err));
        CHECK(memmem(out.at, out.len, times[i], strlen(times[i])));
    }
}

static void fill(struct buf *body, int series, int instances)
{
    static const char study[] = STUDY("#");
    static const char one_series[] = SERIES("#");
    size_t before = strcspn(study, "#");
    size_t within = strcspn(one_series, "#");
    buf_put(body, study, before);
    for (int i = 0; i < series; i++) {
        buf_cstr(body, i > 0 ? "," : "");
        buf_put(body, one_series, within);
        for (int k = 0; k < instances; k++)
            buf_cstr(body, k > 0 ? "," INSTANCE : INSTANCE);
        buf_cstr(body, one_series + within + 1);
    }
    buf_cstr(body, study + before + 1);
}

static void the_largest_study_fits_and_a_larger_one_is_refused(void)
{
    static const struct {
        int series;
        int instances;
        bool is_good;
    } cases[] = {{2, 10000, true},
                 {1, 20001, false},
                 {2, 10001, false},
                 {500, 1, true},
                 {501, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        CLEANUP(buf_free) struct buf body = buf_init(64 << 20);
        CLEANUP(buf_free) struct buf out = buf_init(2 * IMAGE_STUDY_BYTES_MAX);
        fill(&body, cases[i].series, cases[i].instances);
        bool is_written = image_write_study(buf_view(&body), facility, &out, &err);
        CHECK(is_written == cases[i].is_good);
        CHECK(is_written || err.kind == ERR_LIMIT);
        if (is_written != cases[i].is_good)
            printf("# %zu: %s %zu bytes\n", i, err.code ? err.code : "-", body.len);
    }
}

static void a_text_has_an_end(void)
{
    for (int len = IMAGE_TEXT_MAX; len <= IMAGE_TEXT_MAX + 1; len++) {
        struct err err = {0};
        static const char study[] = STUDY("");
        CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
        CLEANUP(buf_free) struct buf out = buf_init(1 << 16);
        const char *at = strstr(study, "chest");
        buf_put(&body, study, (size_t)(at - study));
        for (int i = 0; i < len; i++)
            buf_byte(&body, 'x');
        buf_cstr(&body, at + strlen("chest"));
        bool is_written = image_write_study(buf_view(&body), facility, &out, &err);
        CHECK(is_written == (len == IMAGE_TEXT_MAX));
    }
}

static void only_a_strong_tag_of_64_digits_is_a_stamp(void)
{
#define HALF "0123456789abcdef0123456789abcdef"
    static const char *const others[] = {"",
                                         HALF HALF,
                                         "W/\"" HALF HALF "\"",
                                         "\"" HALF "\"",
                                         "\"",
                                         "\"\"",
                                         "\"" HALF HALF,
                                         "\"" HALF HALF "0\"",
                                         "\"" HALF "0123456789ABCDEF0123456789abcdef\"",
                                         "Fri, 27 Nov 2026 10:00:00 GMT"};
    CHECK(text_is(image_read_stamp(SPAN("\"" HALF HALF "\"")), HALF HALF));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(image_read_stamp(span_cstr(others[i])).len == 0);
    CHECK(image_read_stamp((struct span){0}).len == 0);
}

static void ranges_are_read_or_are_none(void)
{
    static const struct {
        const char *value;
        struct image_range range;
    } cases[] = {
        {"bytes=0-", {true, false, 0, -1}},
        {"bytes=5-9", {true, false, 5, 9}},
        {"bytes=5-5", {true, false, 5, 5}},
        {"Bytes=5-", {true, false, 5, -1}},
        {"bytes=007-8", {true, false, 7, 8}},
        {"bytes=-5", {true, true, 5, -1}},
        {"bytes=-0", {true, true, 0, -1}},
        {"bytes=99999999999999999999-", {true, false, INT64_MAX, -1}},
        {"bytes=9223372036854775807-", {true, false, INT64_MAX, -1}},
        {"bytes=9223372036854775808-", {true, false, INT64_MAX, -1}},
        {"bytes=92233720368547758070-", {true, false, INT64_MAX, -1}},
        {"bytes=1-99999999999999999999", {true, false, 1, INT64_MAX}},
        {"bytes=-99999999999999999999", {true, true, INT64_MAX, -1}},
        {"bytes=9-5", {.to = -1}},
        {"bytes=0-1,3-4", {.to = -1}},
        {"bytes=-1,-2", {.to = -1}},
        {"bytes=--5", {.to = -1}},
        {"bytes=-", {.to = -1}},
        {"bytes=a-", {.to = -1}},
        {"bytes=1", {.to = -1}},
        {"bytes=1-2-", {.to = -1}},
        {"bytes", {.to = -1}},
        {"byte=1-2", {.to = -1}},
        {"bytess=1-2", {.to = -1}},
        {"lines=1-2", {.to = -1}},
        {"", {.to = -1}},
        {"bytes=1- 2", {.to = -1}},
        {"bytes=+1-2", {.to = -1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_range range = image_read_range(span_cstr(cases[i].value));
        bool is_right = range.is_asked == cases[i].range.is_asked &&
                        range.is_from_end == cases[i].range.is_from_end &&
                        range.from == cases[i].range.from &&
                        range.to == cases[i].range.to;
        CHECK(is_right);
        if (!is_right)
            printf("# %s\n", cases[i].value);
    }
    CHECK(!image_read_range((struct span){0}).is_asked);
}

int main(void)
{
    RUN(a_study_is_written_anew);
    RUN(what_stands_for_an_instance_is_not_taken_for_one);
    RUN(a_study_that_is_cut_says_so_and_of_how_many);
    RUN(a_study_that_is_none_is_refused_whole);
    RUN(what_may_be_there_goes_on);
    RUN(frames_have_what_is_said_of_them);
    RUN(a_time_may_lack_its_seconds);
    RUN(the_largest_study_fits_and_a_larger_one_is_refused);
    RUN(a_text_has_an_end);
    RUN(ranges_are_read_or_are_none);
    RUN(only_a_strong_tag_of_64_digits_is_a_stamp);
    return test_done();
}
