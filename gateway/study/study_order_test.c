// SPDX-License-Identifier: Apache-2.0
/* Studies and the orders that they were made for. */
#include "gateway/study/study_testsite.h"

#include "gateway/index/index_order.h"

#define ORDER_BASE "20240501/OMG-11/000000000000555"

struct said_order {
    const char *base;
    const char *study, *accession;
    const char *department;
    enum entry_kind kind;
    enum entry_state state;
    int32_t day;
    unsigned flags;
};

static struct said_order an_order(void)
{
    return (struct said_order){.base = ORDER_BASE,
                               .study = STUDY_UID,
                               .accession = "",
                               .department = "01",
                               .kind = ENTRY_RADIOLOGY,
                               .day = first_of_may()};
}

static void put_order(struct ward *ward, const struct said_order *said)
{
    struct err err = {0};
    struct entry_list list = {.format = "ssmix2"};
    struct entry *entry = entry_add(&list, said->kind, &ward->scene.arena, &err);
    CHECK(entry);
    entry->day = said->day;
    entry->state = said->state;
    entry->flags = said->flags;
    entry->title = TEXT("CT 秘密の依頼");
    entry->author = TEXT("依頼 医師");
    entry->department_code = text_cstr(said->department);
    entry->department = TEXT("秘密科");
    struct entry_item *item = entry_add_item(entry, "study", 2, &ward->scene.arena, &err);
    CHECK(item);
    entry_add_field(item, "study_uid", text_cstr(said->study));
    entry_add_field(item, "accession", text_cstr(said->accession));
    struct index_change change = {
        .file = a_file(said->base, VERSION), .list = &list, .day = said->day};
    CHECK(index_put_file(ward->scene.index, &change, &err));
}

static void remove_order(struct ward *ward, const char *base)
{
    struct err err = {0};
    CHECK(index_remove_base(ward->scene.index, TEXT(NUMBER), text_cstr(base), &err));
}

/* What the centre knows in the end; NULL = nothing, or withdrawn. */
static const struct uplink_put *known_as(struct ward *ward, const char *key)
{
    const struct uplink_put *put = NULL;
    for (int lane = 1; lane >= 0; lane--) {
        struct batch batch = take(&ward->scene, lane);
        for (size_t i = 0; i < batch.count; i++)
            if (text_is(batch.events[i].key, key))
                put = batch.events[i].type == UPLINK_ENTRY_PUT ? &batch.events[i].put
                                                               : NULL;
    }
    return put;
}

static bool has_pictures(struct ward *ward, const char *base)
{
    const struct uplink_put *put = known_as(ward, base);
    return put && put->flags & ENTRY_HAS_IMAGE;
}

static bool opens(struct ward *ward, const char *order, const char *study)
{
    struct err err = {0};
    struct text key = {0};
    unsigned flags = 0;
    CHECK(index_find_pictures(ward->scene.index, TEXT(NUMBER), text_cstr(order),
                              &ward->scene.arena, &key, &flags, &err));
    return text_is(key, study);
}

static void begin_linked(struct ward *ward)
{
    begin_ward(ward);
    link_patient(&ward->scene);
}

static void send(struct ward *ward)
{
    struct said_file slice = a_slice("a.dcm", STUDY_UID ".1.1", 1);
    write_file(ward, &slice);
    sweep(ward);
}

/* ---- one thing ---- */

static void a_study_behind_its_order_is_shown_by_it(void)
{
    struct ward ward;
    struct said_order order = an_order();
    begin_linked(&ward);
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(known_as(&ward, ORDER_BASE) && !has_pictures(&ward, ORDER_BASE));
    send(&ward);
    CHECK(has_pictures(&ward, ORDER_BASE));
    CHECK(!known_as(&ward, STUDY_BASE));
    CHECK(opens(&ward, ORDER_BASE, STUDY_BASE));
    end_ward(&ward);
}

static void an_order_behind_its_study_takes_its_place(void)
{
    struct ward ward;
    struct said_order order = an_order();
    begin_linked(&ward);
    send(&ward);
    CHECK(known_as(&ward, STUDY_BASE));
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE));
    CHECK(has_pictures(&ward, ORDER_BASE));
    put_order(&ward, &order); /* its file is read again */
    sweep(&ward);
    CHECK(has_pictures(&ward, ORDER_BASE) && !known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void the_accession_number_links_where_no_uid_does(void)
{
    struct ward ward;
    struct said_order order = an_order();
    order.study = "";
    order.accession = "A100";
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    CHECK(has_pictures(&ward, ORDER_BASE) && !known_as(&ward, STUDY_BASE));
    order.accession = "A200"; /* it is corrected: the study is another one's */
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!has_pictures(&ward, ORDER_BASE) && known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void another_patients_order_links_nothing(void)
{
    struct ward ward;
    struct said_order order = an_order();
    order.study = "1.2.392.77";
    order.accession = "A999";
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    CHECK(!has_pictures(&ward, ORDER_BASE) && known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void a_change_of_an_order_wakes_the_thread(void)
{
    struct ward ward;
    struct err err = {0};
    struct said_order order = an_order();
    begin_linked(&ward);
    study_free(ward.study);
    struct study_config config = {.index = ward.scene.index,
                                  .roots = &ward.root,
                                  .root_count = 1,
                                  .sweep_ms = 3600 * 1000,
                                  .clock = {scene_ms, scene_ms, &ward.scene}};
    ward.study = study_new(&config, &err);
    CHECK(ward.study);
    send(&ward);
    CHECK(study_start(ward.study, &err));
    put_order(&ward, &order);
    for (int tries = 0; tries < 1000 && known_as(&ward, STUDY_BASE); tries++)
        usleep(10000);
    CHECK(!known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

/* ---- and two again ---- */

static void a_cancelled_or_removed_order_leaves_the_study_alone(void)
{
    struct ward ward;
    struct said_order order = an_order();
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    order.state = ENTRY_DELETED;
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(known_as(&ward, STUDY_BASE));
    order.state = ENTRY_CURRENT;
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE));
    remove_order(&ward, ORDER_BASE);
    sweep(&ward);
    CHECK(known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void a_study_that_goes_takes_the_mark_along(void)
{
    struct ward ward;
    char path[200];
    struct said_order order = an_order();
    begin_linked(&ward);
    put_order(&ward, &order);
    struct said_file other = a_slice("c.dcm", STUDY_UID ".1.3", 3);
    other.number = "0000099999";
    write_file(&ward, &other); /* so that the folder is not empty in the end */
    send(&ward);
    CHECK(has_pictures(&ward, ORDER_BASE));
    snprintf(path, sizeof path, "%s/a.dcm", ward.pictures);
    CHECK(unlink(path) == 0);
    sweep(&ward);
    CHECK(known_as(&ward, ORDER_BASE) && !has_pictures(&ward, ORDER_BASE));
    CHECK(opens(&ward, ORDER_BASE, ""));
    end_ward(&ward);
}

static void of_two_studies_one_is_the_orders_and_the_other_stands_alone(void)
{
    struct ward ward;
    char path[200];
    struct said_order order = an_order();
    begin_linked(&ward);
    order.study = "";
    order.accession = "A100";
    put_order(&ward, &order);
    send(&ward);
    struct said_file second = a_slice("b.dcm", "1.2.392.0.1.1", 1);
    second.study = "1.2.392.0";
    second.series = "1.2.392.0.1";
    write_file(&ward, &second);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE) && known_as(&ward, "-/DICOM/1.2.392.0"));
    CHECK(opens(&ward, ORDER_BASE, STUDY_BASE));
    snprintf(path, sizeof path, "%s/a.dcm", ward.pictures);
    CHECK(unlink(path) == 0);
    sweep(&ward);
    CHECK(!known_as(&ward, "-/DICOM/1.2.392.0"));
    CHECK(opens(&ward, ORDER_BASE, "-/DICOM/1.2.392.0"));
    end_ward(&ward);
}

static void another_day_or_kind_is_an_entry_of_its_own(void)
{
    struct ward ward;
    struct said_order order = an_order();
    begin_linked(&ward);
    order.day = first_of_may() - 2;
    put_order(&ward, &order);
    send(&ward);
    CHECK(known_as(&ward, STUDY_BASE) && has_pictures(&ward, ORDER_BASE));
    order.day = first_of_may();
    order.kind = ENTRY_LABORATORY;
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

/* ---- what may be known ---- */

static void no_words_of_an_order_of_another_kind_reach_the_study(void)
{
    struct ward ward;
    struct said_order order = an_order();
    order.kind = ENTRY_PHYSIOLOGY;
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    const struct uplink_put *put = known_as(&ward, STUDY_BASE);
    CHECK(put && put->department.len == 0 && put->author.len == 0 &&
          text_is(put->title, "CT 胸部単純"));
    order.kind = ENTRY_RADIOLOGY;
    order.day -= 2;
    put_order(&ward, &order);
    sweep(&ward);
    put = known_as(&ward, STUDY_BASE);
    CHECK(put && text_is(put->department, "秘密科") &&
          text_is(put->author, "依頼 医師") && text_is(put->title, "CT 胸部単純"));
    end_ward(&ward);
}

static void a_study_takes_the_department_of_an_order_that_comes_behind_it(void)
{
    struct ward ward;
    struct said_order order = an_order();
    begin_linked(&ward);
    send(&ward);
    const struct uplink_put *put = known_as(&ward, STUDY_BASE);
    CHECK(put && put->department.len == 0 && put->author.len == 0);
    order.day -= 2;
    put_order(&ward, &order);
    sweep(&ward);
    put = known_as(&ward, STUDY_BASE);
    CHECK(put && text_is(put->department, "秘密科") && text_is(put->author, "依頼 医師"));
    end_ward(&ward);
}

static void an_excluded_department_keeps_its_pictures_back(void)
{
    struct ward ward;
    struct said_order order = an_order();
    order.department = "40";
    begin_linked(&ward);
    send(&ward);
    CHECK(known_as(&ward, STUDY_BASE));
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE) && !known_as(&ward, ORDER_BASE));
    order.state = ENTRY_DELETED; /* a cancelled order still says whose pictures it were */
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE));
    order.kind = ENTRY_PHYSIOLOGY;
    put_order(&ward, &order);
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void an_order_that_cannot_be_read_any_more_still_keeps_them_back(void)
{
    struct ward ward;
    struct err err = {0};
    struct said_order order = an_order();
    order.department = "40";
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    struct index_change broken = {.file = a_file(ORDER_BASE, VERSION),
                                  .incomplete_kind = ENTRY_RADIOLOGY,
                                  .day = first_of_may()};
    broken.file.state = INDEX_REFUSED;
    broken.file.code = TEXT("hl7_broken");
    CHECK(index_put_file(ward.scene.index, &broken, &err));
    sweep(&ward);
    CHECK(!known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

static void a_secret_order_makes_its_pictures_secret(void)
{
    struct ward ward;
    struct index_place place;
    struct said_order order = an_order();
    order.flags = ENTRY_SENSITIVE;
    order.day -= 2;
    begin_linked(&ward);
    put_order(&ward, &order);
    send(&ward);
    CHECK(find_place(&ward, &place) && place.is_sensitive);
    CHECK(!known_as(&ward, STUDY_BASE));
    end_ward(&ward);
}

/* ---- numbers that are joined ---- */

#define OTHER "0000067890"

/* An ADT-00 in the folder of OTHER; `joined` = also of this number, which ended in it. */
static void put_other(struct ward *ward, const char *joined, const char *version)
{
    struct err err = {0};
    struct entry_list list = {.format = "ssmix2",
                              .patient = {.id = TEXT(OTHER),
                                          .name = TEXT("飯田 花子"),
                                          .kana = TEXT("イイダ ハナコ"),
                                          .birth_day = day_from_date(1950, 1, 2),
                                          .sex = 'F'}};
    struct entry *entry = entry_add(&list, ENTRY_PATIENT, &ward->scene.arena, &err);
    CHECK(entry);
    struct entry_item *item =
        joined ? entry_add_item(entry, "merge", 3, &ward->scene.arena, &err) : NULL;
    if (item) {
        entry_add_field(item, "ends", TEXT("number"));
        entry_add_field(item, "old_number", text_cstr(joined));
        entry_add_field(item, "number", TEXT(OTHER));
    }
    struct index_change change = {.file = {.path = TEXT("main/000/006/" OTHER "/adt"),
                                           .number = TEXT(OTHER),
                                           .base = TEXT(ADT_BASE),
                                           .version = text_cstr(version)},
                                  .list = &list,
                                  .day = DAY_NONE};
    CHECK(index_put_file(ward->scene.index, &change, &err));
}

static bool is_under(struct ward *ward, const char *number)
{
    struct err err = {0};
    struct index_place place;
    struct study_content content;
    return index_find_place(ward->scene.index, text_cstr(number), TEXT(STUDY_BASE),
                            &ward->scene.arena, &place, &err) &&
           study_read_content(ward->study, &place, &ward->scene.arena, &content, &err) &&
           content.instance_count == 1;
}

static void pictures_follow_a_number_that_is_joined_into_another(void)
{
    struct ward ward;
    struct err err = {0};
    begin_linked(&ward);
    put_other(&ward, NULL, VERSION);
    send(&ward);
    CHECK(is_under(&ward, NUMBER) && !is_under(&ward, OTHER));
    put_other(&ward, NUMBER, "202406011234567891");
    sweep(&ward);
    CHECK(!is_under(&ward, NUMBER) && is_under(&ward, OTHER));
    CHECK(index_remove_base(ward.scene.index, TEXT(OTHER), TEXT(ADT_BASE), &err));
    sweep(&ward); /* the hospital takes it back */
    CHECK(is_under(&ward, NUMBER) && !is_under(&ward, OTHER));
    end_ward(&ward);
}

int main(void)
{
    RUN(a_study_behind_its_order_is_shown_by_it);
    RUN(an_order_behind_its_study_takes_its_place);
    RUN(the_accession_number_links_where_no_uid_does);
    RUN(another_patients_order_links_nothing);
    RUN(a_change_of_an_order_wakes_the_thread);
    RUN(a_cancelled_or_removed_order_leaves_the_study_alone);
    RUN(a_study_that_goes_takes_the_mark_along);
    RUN(of_two_studies_one_is_the_orders_and_the_other_stands_alone);
    RUN(another_day_or_kind_is_an_entry_of_its_own);
    RUN(no_words_of_an_order_of_another_kind_reach_the_study);
    RUN(a_study_takes_the_department_of_an_order_that_comes_behind_it);
    RUN(an_excluded_department_keeps_its_pictures_back);
    RUN(an_order_that_cannot_be_read_any_more_still_keeps_them_back);
    RUN(pictures_follow_a_number_that_is_joined_into_another);
    RUN(a_secret_order_makes_its_pictures_secret);
    return test_done();
}
