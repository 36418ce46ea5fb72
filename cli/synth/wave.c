// SPDX-License-Identifier: Apache-2.0
/* What the electrocardiographs wrote: MFER files under waves/<facility>/<number>/, named
 * by patient, day and order. */
#include <stdio.h>

#include "base/path.h"
#include "cli/synth/heart.h"
#include "cli/synth/pen.h"
#include "formats/mfer/mfer.h"

enum {
    PURPOSE_HEART = 71,
    RATE_HZ = 500,
    SECONDS = 10,
    SAMPLES = RATE_HZ * SECONDS,
    LONG_RATE_HZ = 125,
    LONG_LEADS = 2,
    LONG_SECONDS = 24 * 3600,
    NOTES_MAX = 64,
    WORDS_BYTES = 96,
    FILE_BYTES_MAX = 1 << 20,
    ARENA_BYTES = 2 << 20
};

static const char *const rhythm_words[] = {
    [SYNTH_SINUS] = "洞調律。ＳＴ−Ｔ変化なし。",
    [SYNTH_FIBRILLATION] = "心房細動。ＳＴ−Ｔ変化なし。",
    [SYNTH_EXTRA_BEATS] = "洞調律。心室期外収縮（単発）。",
    [SYNTH_PACED] = "心室ペーシング調律。",
};

static enum synth_rhythm rhythm_of(const struct synth_person *person)
{
    static const enum synth_rhythm of_hearts[] = {SYNTH_EXTRA_BEATS, SYNTH_FIBRILLATION,
                                                  SYNTH_PACED};
    if (person->index == 0)
        return SYNTH_PACED;
    return person->conditions & SYNTH_HEART ? of_hearts[person->index % 3] : SYNTH_SINUS;
}

const char *synth_ecg_words(const struct synth_person *person)
{
    return rhythm_words[rhythm_of(person)];
}

bool synth_ecg_has_p(const struct synth_person *person)
{
    enum synth_rhythm rhythm = rhythm_of(person);
    return rhythm == SYNTH_SINUS || rhythm == SYNTH_EXTRA_BEATS;
}

/* ------------------------------------------------------------------ common to both */

/* Texts of one file, and the file. */
struct draft {
    struct synth_pen *pen;
    struct mfer_file file;
    struct waveform_group group;
    char name[WORDS_BYTES];
    char kana[WORDS_BYTES];
    char start[32];
    char path[SYNTH_PATH_BYTES];
    struct waveform_statement statement;
    struct waveform_annotation notes[NOTES_MAX];
    size_t note_count;
};

static void start_draft(struct draft *draft, struct synth_pen *pen,
                        struct synth_moment at, const char *order)
{
    const struct synth_name *name = &pen->record->name;
    char iso[DAY_TEXT_BYTES];
    *draft = (struct draft){.pen = pen};
    day_to_iso(at.day, iso);
    snprintf(draft->name, WORDS_BYTES, "%s %s", name->family, name->given);
    snprintf(draft->kana, WORDS_BYTES, "%s %s", name->family_kana, name->given_kana);
    snprintf(draft->start, sizeof draft->start, "%sT%02d:%02d:%02d", iso,
             at.second / 3600, at.second / 60 % 60, at.second % 60);
    snprintf(draft->path, SYNTH_PATH_BYTES, "waves/%s/%s/%s_%s_%s.mwf",
             pen->facility->code, pen->record->number, pen->record->number,
             synth_date(at.day).at, order);
    draft->file = (struct mfer_file){
        .recording = {.day = at.day,
                      .start = text_cstr(draft->start),
                      .groups = &draft->group,
                      .group_count = 1,
                      .statements = &draft->statement},
        .patient = {text_cstr(pen->record->number), text_cstr(draft->name),
                    text_cstr(draft->kana), pen->person->birth_day, pen->person->sex},
    };
}

static void add_note(struct draft *draft, double start_ms, double duration_ms,
                     const char *words)
{
    if (draft->note_count == NOTES_MAX)
        return;
    struct waveform_annotation *note = &draft->notes[draft->note_count++];
    *note = (struct waveform_annotation){
        .start_ms = start_ms, .duration_ms = duration_ms, .text = text_cstr(words)};
    if (draft->note_count > 1)
        draft->notes[draft->note_count - 2].next = note;
    draft->file.recording.annotations = draft->notes;
}

/* ------------------------------------------------------------------ twelve leads */

static int16_t stored(double millivolts, double microvolts_per_bit)
{
    double bits = millivolts * 1000 / microvolts_per_bit;
    return (int16_t)(bits < 0 ? bits - 0.5 : bits + 0.5);
}

static void beat(struct synth_heart *heart, struct draft *draft,
                 int16_t samples[SYNTH_LEADS][SAMPLES])
{
    double noted_ms = -1;
    for (int i = 0; i < SAMPLES; i++) {
        double ms = (double)i * 1000 / RATE_HZ;
        (void)synth_heart_go(heart, ms);
        for (int lead = 0; lead < SYNTH_LEADS; lead++)
            samples[lead][i] = stored(synth_heart_see(heart, lead, ms), 5);
        for (int k = 0; k < SYNTH_BEATS_HELD; k++) {
            const struct synth_beat *near = &heart->beats[k];
            if (near->is_wide && !near->is_paced && near->at_ms <= ms &&
                near->at_ms > noted_ms && near->at_ms >= 0) {
                add_note(draft, near->at_ms, 0, "心室期外収縮");
                noted_ms = near->at_ms;
            }
        }
    }
}

static void set_channels(struct waveform_channel *channels, struct waveform_run *runs,
                         int16_t samples[SYNTH_LEADS][SAMPLES])
{
    for (uint32_t i = 0; i < SYNTH_LEADS; i++) {
        runs[i] = (struct waveform_run){.count = SAMPLES,
                                        .at = (const uint8_t *)samples[i],
                                        .stride_bytes = sizeof samples[i],
                                        .block_count = SAMPLES};
        channels[i] = (struct waveform_channel){
            .lead = waveform_lead_name(i + 1),
            .lead_code = i + 1,
            .is_little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
            .rate_hz = RATE_HZ,
            .unit = TEXT("V"),
            .scale = 5e-6,
            .has_gap = true,
            .gap = INT16_MIN,
            .sample_count = SAMPLES,
            .filter = TEXT("HPF=0.05 LPF=150"),
            .runs = &runs[i],
            .run_count = 1,
        };
    }
}

enum { MEASURES = SYNTH_ECG_MEASURES };

static void set_values(struct draft *draft, struct waveform_value *values,
                       char words[MEASURES][16], const int measures[MEASURES])
{
    static const struct {
        const char *code;
        const char *unit;
    } measured[MEASURES] = {
        {"32769", "bpm"}, {"32770", "msec"}, {"58240", "msec"}, {"56008", "msec"}};
    struct waveform_value **place = &draft->file.recording.values;
    for (int i = 0; i < MEASURES; i++) {
        if (i == 1 && !synth_ecg_has_p(draft->pen->person))
            continue;
        snprintf(words[i], sizeof words[i], "%d", measures[i]);
        values[i] = (struct waveform_value){.code = text_cstr(measured[i].code),
                                            .system = TEXT("99MFR"),
                                            .value = text_cstr(words[i]),
                                            .unit = text_cstr(measured[i].unit)};
        *place = &values[i];
        place = &values[i].next;
    }
}

static void save(struct draft *draft)
{
    CLEANUP(buf_free) struct buf out = buf_init(FILE_BYTES_MAX);
    struct synth *synth = draft->pen->synth;
    /* Two of three makers write the other order than ours. */
    struct mfer_options options = {.is_little_endian =
                                       draft->pen->record->facility != SYNTH_RINDO,
                                   .preamble = "Standard 12 leads ECG"};
    if (synth->err.kind == ERR_NONE &&
        mfer_write(&draft->file, &options, &out, &synth->err))
        synth_save_raw(synth, draft->path, buf_view(&out));
}

void synth_write_ecg(struct synth_pen *pen, struct synth_moment at, const char *order,
                     const int measures[SYNTH_ECG_MEASURES])
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES);
    struct draft draft;
    struct waveform_channel channels[SYNTH_LEADS];
    struct waveform_run runs[SYNTH_LEADS];
    struct waveform_value values[MEASURES] = {0};
    char words[MEASURES][16];
    struct synth *synth = pen->synth;
    int16_t(*samples)[SAMPLES] =
        arena_take(&arena, SYNTH_LEADS, sizeof *samples, &synth->err);
    if (!samples)
        return;
    uint64_t number = 0;
    (void)span_uint(span_cstr(order), UINT64_MAX, &number);
    struct synth_heart heart = {
        .dice = synth_dice(synth->seed, PURPOSE_HEART + (uint64_t)pen->record->facility,
                           number),
        .rhythm = rhythm_of(pen->person),
        .rr_ms = 60000.0 / measures[0],
        .pq_ms = measures[1],
        .qrs_ms = measures[2],
        .qt_ms = measures[3],
    };
    start_draft(&draft, pen, at, order);
    synth_heart_start(&heart);
    beat(&heart, &draft, samples);
    set_channels(channels, runs, samples);
    set_values(&draft, values, words, measures);
    draft.statement = (struct waveform_statement){
        .kind = "interpretation", .text = text_cstr(synth_ecg_words(pen->person))};
    draft.file.recording.device = TEXT("架空電機 ECG-12");
    draft.file.recording.filter = TEXT("HPF=0.05 LPF=150");
    draft.group = (struct waveform_group){.label = TEXT("標準12誘導心電図"),
                                          .channels = channels,
                                          .channel_count = SYNTH_LEADS};
    save(&draft);
}

/* ------------------------------------------------------------------ a day */

/* What happened, by hour: faster by day, and a night with fibrillation. */
static const struct {
    int from_second;
    int to_second;
    enum synth_rhythm rhythm;
    const char *words;
} episodes[] = {
    {4 * 3600 + 700, 4 * 3600 + 2500, SYNTH_EXTRA_BEATS, "心室期外収縮（頻発）"},
    {9 * 3600, 9 * 3600 + 300, SYNTH_SINUS, "電極はずれ（第2チャネル）"},
    {17 * 3600 + 1200, 17 * 3600 + 3900, SYNTH_FIBRILLATION, "心房細動"},
    {21 * 3600, 21 * 3600 + 1500, SYNTH_EXTRA_BEATS, "心室期外収縮（頻発）"},
};

enum { EPISODES = sizeof episodes / sizeof *episodes, LOOSE = 1 };

static bool is_loose(int second)
{
    return second >= episodes[LOOSE].from_second && second < episodes[LOOSE].to_second;
}

/* The recording starts in the morning; the night is slow. */
static void set_hour(struct synth_heart *heart, int second)
{
    double of_day = (double)second / LONG_SECONDS;
    heart->rr_ms = 830 - 150 * synth_heart_swing(of_day);
    heart->rhythm = SYNTH_SINUS;
    for (size_t i = 0; i < EPISODES; i++)
        if (second >= episodes[i].from_second && second < episodes[i].to_second)
            heart->rhythm = episodes[i].rhythm;
    if (heart->rhythm == SYNTH_FIBRILLATION)
        heart->rr_ms *= 0.72;
}

static void put_second(struct synth_heart *heart, int second, struct buf *out)
{
    static const int seen[LONG_LEADS] = {6, 1}; /* CM5 is much like V5, NASA like II */
    int8_t samples[LONG_LEADS][LONG_RATE_HZ];
    set_hour(heart, second);
    for (int i = 0; i < LONG_RATE_HZ; i++) {
        double ms = second * 1000.0 + (double)i * 1000 / LONG_RATE_HZ;
        (void)synth_heart_go(heart, ms);
        for (int lead = 0; lead < LONG_LEADS; lead++)
            samples[lead][i] = (int8_t)stored(synth_heart_see(heart, seen[lead], ms), 20);
    }
    for (int i = 0; i < LONG_RATE_HZ && is_loose(second); i++)
        samples[1][i] = INT8_MIN;
    buf_put(out, samples, sizeof samples);
}

/* Never whole in memory: a minute at a time. */
static bool put_day(struct synth_heart *heart, int file, struct buf *out, struct err *err)
{
    enum { MINUTE = 60 };
    synth_heart_start(heart);
    for (int second = 0; second < LONG_SECONDS; second++) {
        put_second(heart, second, out);
        if (second % MINUTE != MINUTE - 1)
            continue;
        if (!buf_check(out, err) || !synth_write_on(file, buf_view(out), err))
            return false;
        buf_reset(out);
    }
    buf_put(out, MFER_END, 2);
    return buf_check(out, err) && synth_write_on(file, buf_view(out), err);
}

static void set_long_channels(struct waveform_channel channels[LONG_LEADS])
{
    static const uint32_t codes[LONG_LEADS] = {20, 31};
    for (int i = 0; i < LONG_LEADS; i++)
        channels[i] = (struct waveform_channel){
            .lead = waveform_lead_name(codes[i]),
            .lead_code = codes[i],
            .type = WAVEFORM_S8,
            .rate_hz = LONG_RATE_HZ,
            .unit = TEXT("V"),
            .scale = 20e-6,
            .has_gap = true,
            .gap = INT8_MIN,
            .sample_count = (uint64_t)LONG_RATE_HZ * LONG_SECONDS,
        };
}

void synth_write_day(struct synth_pen *pen, struct synth_moment at, const char *order)
{
    CLEANUP(buf_free) struct buf out = buf_init(FILE_BYTES_MAX);
    struct draft draft;
    struct waveform_channel channels[LONG_LEADS];
    struct synth *synth = pen->synth;
    start_draft(&draft, pen, at, order);
    set_long_channels(channels);
    for (size_t i = 0; i < EPISODES; i++)
        add_note(&draft, episodes[i].from_second * 1000.0,
                 (episodes[i].to_second - episodes[i].from_second) * 1000.0,
                 episodes[i].words);
    draft.statement = (struct waveform_statement){
        .kind = "interpretation",
        .text =
            TEXT("基本調律は洞調律。発作性心房細動（夜間45分）。心室期外収縮が頻発する"
                 "時間帯あり。")};
    draft.file.recording.device = TEXT("架空電機 Holter-24");
    draft.group = (struct waveform_group){.kind = WAVEFORM_LONG_TERM,
                                          .label = TEXT("長時間心電図"),
                                          .channels = channels,
                                          .channel_count = LONG_LEADS};
    struct synth_heart heart = {
        .dice = synth_dice(synth->seed, PURPOSE_HEART + SYNTH_FACILITIES,
                           (uint64_t)pen->person->index),
        .rr_ms = 830,
        .pq_ms = 160,
        .qrs_ms = 92,
        .qt_ms = 390,
    };
    struct mfer_options options = {.preamble = "Long term ECG"};
    if (synth->err.kind != ERR_NONE ||
        !mfer_write_head(&draft.file, &options, &out, &synth->err))
        return;
    CLEANUP(path_close) int file = synth_open(synth, draft.path);
    if (file >= 0)
        (void)!put_day(&heart, file, &out, &synth->err);
}
