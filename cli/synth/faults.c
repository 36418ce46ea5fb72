// SPDX-License-Identifier: Apache-2.0
/* Files that deviate, one of each kind, with what a reader is expected to make of them.
 */
#include <stdio.h>
#include <string.h>

#include "cli/synth/pen.h"

enum { PURPOSE_FAULT = 51 };

/* Persons with a story that are not stars. */
enum { AT_RINDO = 25, AT_KEYAKI = 27, AT_MIYAMA = 23, SOMEBODY_ELSE = 24 };

struct maker {
    struct synth *synth;
    struct synth_pen pen;
    struct buf bytes;
    int32_t day;
};

static struct maker maker_of(struct synth *synth, int index, int facility)
{
    struct synth_person *person = &synth->people[index];
    struct maker maker = {.synth = synth, .bytes = buf_init(1 << 20)};
    maker.pen = (struct synth_pen){
        .synth = synth,
        .person = person,
        .facility = &synth_facilities[facility],
        .dice = synth_dice(synth->seed, PURPOSE_FAULT, (uint64_t)index),
        .text = buf_init(1 << 20),
        .bytes = buf_init(1 << 20),
        .is_dry = true,
    };
    for (int i = 0; i < person->record_count; i++)
        if (person->records[i].facility == facility)
            maker.pen.record = &person->records[i];
    return maker;
}

static void maker_free(struct maker *maker)
{
    buf_free(&maker->pen.text);
    buf_free(&maker->pen.bytes);
    buf_free(&maker->bytes);
}

/* A fresh result of the day into maker->pen.bytes and .path; .bytes is emptied. */
static void make(struct maker *maker, int days_ago)
{
    maker->day = maker->synth->today - days_ago;
    buf_reset(&maker->bytes);
    struct synth_care care = {
        .at = synth_at(maker->day, 16, 20), .department = "01", .place = "", .days = 14};
    synth_write_laboratory(&maker->pen, &care, SYNTH_CHEMISTRY, 0, false);
}

static void keep(struct maker *maker, const char *kind, const char *expected)
{
    struct synth *synth = maker->synth;
    if (synth->err.kind != ERR_NONE || synth->fault_count == SYNTH_FAULTS_MAX)
        return;
    struct synth_fault *fault = &synth->faults[synth->fault_count++];
    *fault = (struct synth_fault){.kind = kind,
                                  .expected = expected,
                                  .facility = maker->pen.record->facility,
                                  .day = maker->day};
    memcpy(fault->number, maker->pen.record->number, sizeof fault->number);
    memcpy(fault->path, maker->pen.path, sizeof fault->path);
    synth_save_raw(synth, maker->pen.path, buf_view(&maker->bytes));
}

/* Replaces `from` by `to` (NULL `to`: nothing) everywhere. */
static void put_replaced(struct maker *maker, struct span bytes, const char *from,
                         const char *to)
{
    size_t len = strlen(from);
    for (size_t i = 0; i < bytes.len;) {
        if (bytes.len - i >= len && memcmp(bytes.at + i, from, len) == 0) {
            buf_cstr(&maker->bytes, to);
            i += len;
        } else {
            buf_byte(&maker->bytes, bytes.at[i++]);
        }
    }
}

/* The same characters in CP932: the arithmetic between the two forms of JIS X 0208. */
static void put_as_cp932(struct maker *maker, struct span bytes)
{
    bool is_two_byte = false;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (byte == 0x1B && i + 2 < bytes.len) {
            is_two_byte = bytes.at[i + 1] == '$';
            i += 2;
        } else if (!is_two_byte || i + 1 == bytes.len) {
            buf_byte(&maker->bytes, byte);
        } else {
            int row = byte - 0x21;
            int cell = bytes.at[++i] - 0x21;
            int lead = row / 2 + (row < 62 ? 0x81 : 0xC1);
            int trail = row % 2 ? cell + 0x9F : cell + (cell < 63 ? 0x40 : 0x41);
            buf_byte(&maker->bytes, (uint8_t)lead);
            buf_byte(&maker->bytes, (uint8_t)trail);
        }
    }
}

/* Drops the department and two digits of the time from the file's name. */
static void shorten_path(struct maker *maker)
{
    char *flag = strrchr(maker->pen.path, '_');
    char kept[4];
    snprintf(kept, sizeof kept, "%s", flag);
    *flag = 0;
    char *department = strrchr(maker->pen.path, '_');
    memmove(department - 2, kept, strlen(kept) + 1);
}

static void write_rindo_faults(struct synth *synth)
{
    struct maker maker = maker_of(synth, AT_RINDO, SYNTH_RINDO);
    const struct synth_record *other = &synth->people[SOMEBODY_ELSE].records[0];
    make(&maker, 41);
    put_replaced(&maker, buf_view(&maker.pen.bytes), maker.pen.record->number,
                 other->number);
    keep(&maker, "foreign_patient", "held");
    make(&maker, 42);
    buf_span(&maker.bytes, buf_view(&maker.pen.bytes));
    char *file = strrchr(maker.pen.path, '/');
    memcpy(file + 1, other->number, strlen(other->number));
    keep(&maker, "misplaced", "held");
    make(&maker, 43);
    put_replaced(&maker, buf_view(&maker.pen.bytes), "\r", "\r\n");
    keep(&maker, "crlf", "read");
    make(&maker, 44);
    put_replaced(&maker, buf_view(&maker.pen.bytes), "\r", "\n");
    keep(&maker, "lf", "read");
    make(&maker, 45);
    buf_span(&maker.bytes, buf_view(&maker.pen.bytes));
    shorten_path(&maker);
    keep(&maker, "short_name", "read");
    maker_free(&maker);
}

static void write_keyaki_faults(struct synth *synth)
{
    struct maker maker = maker_of(synth, AT_KEYAKI, SYNTH_KEYAKI);
    make(&maker, 41);
    put_as_cp932(&maker, buf_view(&maker.pen.bytes));
    keep(&maker, "cp932", "warned");
    make(&maker, 42);
    buf_span(&maker.bytes, buf_view(&maker.pen.text));
    keep(&maker, "utf8", "warned");
    make(&maker, 43);
    buf_span(&maker.bytes,
             span_part(buf_view(&maker.pen.bytes), 0, maker.pen.bytes.len * 2 / 3));
    keep(&maker, "cut", "refused");
    make(&maker, 44);
    put_replaced(&maker, buf_view(&maker.pen.bytes), "MSH|", "ZZZ|");
    keep(&maker, "no_msh", "refused");
    maker_free(&maker);
}

static void write_miyama_faults(struct synth *synth)
{
    struct maker maker = maker_of(synth, AT_MIYAMA, SYNTH_MIYAMA);
    make(&maker, 41);
    buf_cstr(&maker.bytes, "\xFB\xFC");
    keep(&maker, "no_message", "refused");
    make(&maker, 42);
    buf_span(&maker.bytes, buf_view(&maker.pen.bytes));
    for (char *type = maker.pen.path; (type = strstr(type, "OML-11"));)
        memcpy(type, "ZZZ-99", 6);
    keep(&maker, "unknown_type", "unknown");
    make(&maker, 43);
    buf_span(&maker.bytes, buf_view(&maker.pen.bytes));
    buf_byte(&maker.bytes, 0x1C);
    keep(&maker, "block_end", "read");
    maker_free(&maker);
}

void synth_write_faults(struct synth *synth)
{
    void (*const writers[])(struct synth *) = {write_rindo_faults, write_keyaki_faults,
                                               write_miyama_faults};
    /* After a failure nothing is made any more, so there is nothing to change either. */
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (synth->err.kind == ERR_NONE)
            writers[i](synth);
}
