// SPDX-License-Identifier: Apache-2.0
/* DICOM waveforms: PS3.3 C.10.9 (waveform), C.10.10 (annotation), codes of PS3.16. */
#include "formats/dicom/dicom.h"

#include <stdio.h>

#include "formats/waveform/waveform.h"

enum tag {
    CODE_VALUE = 0x00080100,
    CODE_SCHEME = 0x00080102,
    CODE_MEANING = 0x00080104,
    ACQUIRED = 0x0008002A,
    TIME_OFFSET = 0x00181068,
    ORIGINALITY = 0x003A0004,
    CHANNEL_DEFINITIONS = 0x003A0200,
    CHANNEL_LABEL = 0x003A0203,
    CHANNEL_SOURCE = 0x003A0208,
    SENSITIVITY = 0x003A0210,
    SENSITIVITY_UNITS = 0x003A0211,
    CORRECTION = 0x003A0212,
    BASELINE = 0x003A0213,
    FILTER_LOW = 0x003A0220,
    FILTER_HIGH = 0x003A0221,
    FILTER_NOTCH = 0x003A0222,
    MEASUREMENT_UNITS = 0x004008EA,
    REFERENCED_CHANNELS = 0x0040A0B0,
    SAMPLE_POSITIONS = 0x0040A132,
    TIME_OFFSETS = 0x0040A138,
    ANNOTATIONS = 0x0040B020,
    UNFORMATTED_TEXT = 0x00700006,
    WAVEFORM_BITS = 0x54001004,
    INTERPRETATION = 0x54001006,
    PADDING = 0x5400100A,
    WAVEFORM_DATA = 0x54001010
};

enum { CHANNELS_MAX = 4096, NOTES_MAX = 100000, WORDS_BYTES = 96, LEADS_OFFSET = 2 };

static const char LEAD_CODES[] = "5.6.3-9-";
static const char LEAD_CODES_MDC[] = "2:";

struct reading {
    const struct dicom_file *file;
    const struct waveform_loader *loader; /* NULL = all is there */
    struct arena *arena;
    struct err *err;
    struct waveform_recording *recording;
    struct waveform_annotation **annotation_end;
    struct waveform_value **value_end;
    struct waveform_statement **statement_end;
    struct waveform_group **group_end;
    size_t note_count;
};

static bool is_good(const struct reading *reading)
{
    return reading->err->kind == ERR_NONE;
}

static struct text text_of(struct reading *reading, const struct dicom_set *set,
                           uint32_t tag)
{
    struct text text = {0};
    if (!set || !is_good(reading) ||
        !dicom_text(set, tag, reading->arena, &text, reading->err))
        return (struct text){0};
    return text;
}

static struct text copied(struct reading *reading, const char *words)
{
    struct text copy = {0};
    if (!is_good(reading) ||
        !text_copy(text_cstr(words), reading->arena, &copy, reading->err))
        return (struct text){0};
    return copy;
}

static double number_of(const struct dicom_set *set, uint32_t tag, double otherwise)
{
    double number = otherwise;
    return dicom_double(set, tag, 0, &number) ? number : otherwise;
}

/* ------------------------------------------------------------------ channels */

/* 5.6.3-9-61 of SCPECG, 2:61 of MDC. */
static uint32_t lead_code_of(const struct dicom_set *source)
{
    struct span code = source ? dicom_code(source, CODE_VALUE) : (struct span){0};
    uint64_t number = 0;
    size_t skipped = span_starts(code, LEAD_CODES)       ? sizeof LEAD_CODES - 1
                     : span_starts(code, LEAD_CODES_MDC) ? LEADS_OFFSET
                                                         : code.len;
    (void)span_uint(span_part(code, skipped, code.len), UINT16_MAX, &number);
    return (uint32_t)number;
}

static void name_channel(struct reading *reading, const struct dicom_set *definition,
                         uint32_t index, struct waveform_channel *channel)
{
    char counted[WORDS_BYTES];
    const struct dicom_set *source =
        definition ? dicom_item(definition, CHANNEL_SOURCE, 0) : NULL;
    channel->lead_code = lead_code_of(source);
    channel->lead = waveform_lead_name(channel->lead_code);
    if (channel->lead.len == 0)
        channel->lead = text_of(reading, source, CODE_MEANING);
    if (channel->lead.len == 0)
        channel->lead = text_of(reading, definition, CHANNEL_LABEL);
    if (channel->lead.len > 0)
        return;
    snprintf(counted, sizeof counted, "ch%u", (unsigned)index + 1);
    channel->lead = copied(reading, counted);
}

/* Volts by one division, so that 1.25 µV is the number that 1.25e-6 is. */
static void scale_channel(struct reading *reading, const struct dicom_set *definition,
                          struct waveform_channel *channel)
{
    static const struct {
        const char *code;
        const char *unit;
        double divisor;
    } units[] = {
        {"uV", "V", 1e6},      {"mV", "V", 1e3},    {"V", "V", 1},       {"nV", "V", 1e9},
        {"mm[Hg]", "mmHg", 1}, {"Pa", "Pa", 1},     {"kPa", "Pa", 1e-3}, {"%", "%", 1},
        {"Ohm", "Ω", 1},       {"/min", "/min", 1},
    };
    const struct dicom_set *unit = dicom_item(definition, SENSITIVITY_UNITS, 0);
    double sensitivity = number_of(definition, SENSITIVITY, 0);
    double scale = sensitivity * number_of(definition, CORRECTION, 1);
    channel->scale = 1;
    channel->offset = number_of(definition, BASELINE, 0);
    if (!(fabs(scale) > 0) || !unit)
        return;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (dicom_is(unit, CODE_VALUE, units[i].code)) {
            channel->unit = text_cstr(units[i].unit);
            channel->scale = scale / units[i].divisor;
            return;
        }
    channel->unit = text_of(reading, unit, CODE_VALUE);
    channel->scale = channel->unit.len > 0 ? scale : 1;
}

static void filter_channel(struct reading *reading, const struct dicom_set *definition,
                           struct waveform_channel *channel)
{
    static const struct {
        uint32_t tag;
        const char *name;
    } filters[] = {{FILTER_LOW, "HPF"}, {FILTER_HIGH, "LPF"}, {FILTER_NOTCH, "BEF"}};
    char words[WORDS_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        double hertz = 0;
        if (dicom_double(definition, filters[i].tag, 0, &hertz) && hertz > 0)
            used += (size_t)snprintf(words + used, sizeof words - used, "%s%s=%.6g",
                                     used > 0 ? " " : "", filters[i].name, hertz);
    }
    if (used > 0)
        channel->filter = copied(reading, words);
}

/* ------------------------------------------------------------------ samples */

/* One multiplex group while it is read. */
struct multiplex {
    const struct dicom_set *set;
    uint32_t channel_count;
    uint64_t sample_count;
    double rate_hz;
    enum waveform_type type;
    uint16_t coding; /* two letters */
    struct span data;
    bool has_padding;
    double padding;
    bool is_expanded; /* its data are not the file's any more */
};

static int16_t expand_mu(uint8_t coded)
{
    unsigned bits = ~(unsigned)coded & 0xFF;
    int size = (int)(((bits & 0x0FU) << 3) + 0x84U) << ((bits & 0x70U) >> 4);
    return (int16_t)(bits & 0x80U ? 0x84 - size : size - 0x84);
}

static int16_t expand_a(uint8_t coded)
{
    unsigned bits = coded ^ 0x55U;
    unsigned exponent = (bits & 0x70U) >> 4;
    int size = (int)((bits & 0x0FU) << 4) + 8;
    if (exponent > 0)
        size = (size + 0x100) << (exponent - 1);
    return (int16_t)(bits & 0x80U ? size : -size);
}

/* ITU-T G.711: 8 bits that mean 14 or 13. */
static void expand(struct reading *reading, struct multiplex *multiplex)
{
    bool is_mu = multiplex->coding == DICOM_VR('M', 'B');
    const struct waveform_loader *loader = reading->loader;
    if (loader &&
        !loader->load(loader->self, multiplex->data.at, multiplex->data.len, true)) {
        err_set(reading->err, ERR_BUSY, "waveform_not_there", "a part cannot be read");
        return;
    }
    multiplex->is_expanded = true;
    uint8_t *out = arena_take(reading->arena, multiplex->data.len, 2, reading->err);
    for (size_t i = 0; out && i < multiplex->data.len; i++) {
        uint8_t coded = multiplex->data.at[i];
        uint16_t word = (uint16_t)(is_mu ? expand_mu(coded) : expand_a(coded));
        bool is_little_endian = reading->file->is_little_endian;
        out[i * 2] = (uint8_t)(is_little_endian ? word : word >> 8);
        out[i * 2 + 1] = (uint8_t)(is_little_endian ? word >> 8 : word);
    }
    multiplex->data = span_of(out, out ? multiplex->data.len * 2 : 0);
}

static bool take_type(struct multiplex *multiplex)
{
    static const struct {
        const char *code;
        enum waveform_type type;
        int64_t bits;
    } types[] = {
        {"SS", WAVEFORM_S16, 16}, {"US", WAVEFORM_U16, 16}, {"SB", WAVEFORM_S8, 8},
        {"UB", WAVEFORM_U8, 8},   {"MB", WAVEFORM_S16, 8},  {"AB", WAVEFORM_S16, 8},
        {"SL", WAVEFORM_S32, 32}, {"UL", WAVEFORM_U32, 32},
    };
    struct span code = dicom_code(multiplex->set, INTERPRETATION);
    int64_t bits = 0;
    if (!dicom_int(multiplex->set, WAVEFORM_BITS, 0, &bits))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (span_is(code, types[i].code) && types[i].bits == bits) {
            multiplex->type = types[i].type;
            multiplex->coding = DICOM_VR(code.at[0], code.at[1]);
            return true;
        }
    return false;
}

/* In the samples' own coding. */
static void take_padding(struct reading *reading, struct multiplex *multiplex)
{
    const struct dicom_element *padding = dicom_find(multiplex->set, PADDING);
    struct waveform_channel channel = {
        .type = multiplex->type, .is_little_endian = reading->file->is_little_endian};
    bool is_mu = multiplex->coding == DICOM_VR('M', 'B');
    if (!padding || padding->value.len == 0)
        return;
    multiplex->has_padding = true;
    if (is_mu || multiplex->coding == DICOM_VR('A', 'B'))
        multiplex->padding =
            is_mu ? expand_mu(padding->value.at[0]) : expand_a(padding->value.at[0]);
    else if (padding->value.len >= waveform_type_bytes(multiplex->type))
        multiplex->padding = waveform_number(&channel, padding->value.at);
    else
        multiplex->has_padding = false;
}

static bool take_multiplex(struct reading *reading, const struct dicom_set *set,
                           struct multiplex *multiplex)
{
    int64_t channels = 0;
    int64_t samples = 0;
    const struct dicom_element *data = dicom_find(set, WAVEFORM_DATA);
    *multiplex = (struct multiplex){.set = set};
    if (!data || !take_type(multiplex) ||
        !dicom_int(set, DICOM_WAVEFORM_CHANNELS, 0, &channels) ||
        !dicom_int(set, DICOM_WAVEFORM_SAMPLES, 0, &samples) || channels < 1 ||
        channels > CHANNELS_MAX || samples < 1 || samples > UINT32_MAX)
        return false;
    multiplex->channel_count = (uint32_t)channels;
    multiplex->sample_count = (uint64_t)samples;
    multiplex->data = data->value;
    double rate = number_of(set, DICOM_SAMPLING_FREQUENCY, 0);
    multiplex->rate_hz = rate > 1e-9 && rate < 1e9 ? rate : 0;
    take_padding(reading, multiplex);
    bool is_coded = multiplex->coding == DICOM_VR('M', 'B') ||
                    multiplex->coding == DICOM_VR('A', 'B');
    if (is_coded)
        expand(reading, multiplex);
    return is_good(reading) && multiplex->data.len > 0;
}

/* Samples of one channel that are there: they stand at every channel_count-th place. */
static void add_samples(struct reading *reading, const struct multiplex *multiplex,
                        uint32_t index, struct waveform_channel *channel)
{
    uint64_t size = waveform_type_bytes(multiplex->type);
    uint64_t stride = size * multiplex->channel_count;
    uint64_t offset = size * index;
    uint64_t there = 0;
    if (multiplex->data.len >= offset + size)
        there = (multiplex->data.len - offset - size) / stride + 1;
    if (there > multiplex->sample_count)
        there = multiplex->sample_count;
    uint64_t missing = multiplex->sample_count - there;
    enum { MISSING_MAX = 1 << 20 };
    channel->sample_count = there + (missing < MISSING_MAX ? missing : MISSING_MAX);
    struct waveform_run run = {.count = there,
                               .at = multiplex->data.at + offset,
                               .stride_bytes = stride,
                               .block_count = 1};
    if (there > 0)
        (void)!waveform_add_run(channel, &run, reading->arena, reading->err);
}

static void read_channel(struct reading *reading, const struct multiplex *multiplex,
                         uint32_t index, struct waveform_channel *channel)
{
    const struct dicom_set *definition =
        dicom_item(multiplex->set, CHANNEL_DEFINITIONS, index);
    *channel = (struct waveform_channel){
        .type = multiplex->type,
        .is_little_endian = reading->file->is_little_endian,
        .rate_hz = multiplex->rate_hz,
        .scale = 1,
        .has_gap = multiplex->has_padding,
        .gap = multiplex->padding,
        .loader = multiplex->is_expanded ? NULL : reading->loader,
    };
    name_channel(reading, definition, index, channel);
    if (definition) {
        scale_channel(reading, definition, channel);
        filter_channel(reading, definition, channel);
    }
    if (is_good(reading))
        add_samples(reading, multiplex, index, channel);
}

/* ------------------------------------------------------------------ groups */

static bool has_word(struct text text, const char *word)
{
    return text.len > 0 && memmem(text.at, text.len, word, strlen(word)) != NULL;
}

static void name_group(struct reading *reading, const struct dicom_set *set,
                       struct waveform_group *group)
{
    static const struct {
        const char *class;
        enum waveform_kind kind;
        const char *label;
    } classes[] = {
        {"1.2.840.10008.5.1.4.1.1.9.1.1", WAVEFORM_RHYTHM, "標準12誘導心電図"},
        {"1.2.840.10008.5.1.4.1.1.9.1.2", WAVEFORM_RHYTHM, "心電図"},
        {"1.2.840.10008.5.1.4.1.1.9.1.3", WAVEFORM_LONG_TERM, "長時間心電図"},
    };
    struct text class = dicom_uid(reading->file->set, DICOM_SOP_CLASS);
    struct text label = text_of(reading, set, DICOM_MULTIPLEX_LABEL);
    group->label = label.len > 0 ? label : TEXT("波形");
    if (has_word(label, "MEDIAN") || dicom_is(set, ORIGINALITY, "DERIVED")) {
        group->kind = WAVEFORM_REPRESENTATIVE;
        group->label = TEXT("代表波形");
        return;
    }
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (text_is(class, classes[i].class)) {
            group->kind = classes[i].kind;
            group->label = text_cstr(classes[i].label);
        }
}

static void read_group(struct reading *reading, const struct dicom_set *set)
{
    struct multiplex multiplex;
    if (!take_multiplex(reading, set, &multiplex))
        return;
    struct waveform_group *group =
        ARENA_NEW(reading->arena, struct waveform_group, reading->err);
    if (!group)
        return;
    group->channels = ARENA_MANY(reading->arena, struct waveform_channel,
                                 multiplex.channel_count, reading->err);
    if (!group->channels)
        return;
    for (uint32_t i = 0; i < multiplex.channel_count && is_good(reading); i++)
        read_channel(reading, &multiplex, i, &group->channels[i]);
    group->channel_count = multiplex.channel_count;
    group->start_ms = number_of(set, TIME_OFFSET, 0);
    name_group(reading, set, group);
    *reading->group_end = group;
    reading->group_end = &group->next;
    reading->recording->group_count++;
}

/* ------------------------------------------------------------------ annotations */

/* Group and channel that an annotation is about, from 1 on; 0 = all of them. */
struct reference {
    uint32_t group;
    uint32_t channel;
};

static struct reference reference_of(const struct dicom_set *set)
{
    int64_t group = 0;
    int64_t channel = 0;
    (void)dicom_int(set, REFERENCED_CHANNELS, 0, &group);
    (void)dicom_int(set, REFERENCED_CHANNELS, 1, &channel);
    bool is_possible =
        group > 0 && group <= UINT16_MAX && channel >= 0 && channel <= UINT16_MAX;
    return is_possible ? (struct reference){(uint32_t)group, (uint32_t)channel}
                       : (struct reference){0, 0};
}

static const struct waveform_group *group_at(const struct reading *reading,
                                             uint32_t number)
{
    const struct waveform_group *group = reading->recording->groups;
    for (uint32_t i = 1; group && i < number; i++)
        group = group->next;
    return number > 0 ? group : NULL;
}

static struct text lead_of(const struct reading *reading, struct reference reference)
{
    const struct waveform_group *group = group_at(reading, reference.group);
    if (!group || reference.channel == 0 || reference.channel > group->channel_count)
        return (struct text){0};
    return group->channels[reference.channel - 1].lead;
}

static void add_value(struct reading *reading, const struct dicom_set *set,
                      struct text value, struct reference reference)
{
    const struct dicom_set *name = dicom_item(set, DICOM_CONCEPT_NAME, 0);
    const struct dicom_set *unit = dicom_item(set, MEASUREMENT_UNITS, 0);
    struct waveform_value *measured =
        ARENA_NEW(reading->arena, struct waveform_value, reading->err);
    if (!measured)
        return;
    *measured = (struct waveform_value){
        .name = text_of(reading, name, CODE_MEANING),
        .code = text_of(reading, name, CODE_VALUE),
        .system = text_of(reading, name, CODE_SCHEME),
        .value = value,
        .unit = text_of(reading, unit, CODE_VALUE),
        .lead = lead_of(reading, reference),
    };
    *reading->value_end = measured;
    reading->value_end = &measured->next;
}

static void add_statement(struct reading *reading, struct text text)
{
    struct waveform_statement *statement =
        ARENA_NEW(reading->arena, struct waveform_statement, reading->err);
    if (!statement)
        return;
    *statement = (struct waveform_statement){.kind = "interpretation", .text = text};
    *reading->statement_end = statement;
    reading->statement_end = &statement->next;
}

/* Milliseconds since the recording's start; samples count from 1. */
static bool take_position(const struct reading *reading, const struct dicom_set *set,
                          struct reference reference, double positions[2])
{
    const struct waveform_group *group =
        group_at(reading, reference.group > 0 ? reference.group : 1);
    bool has_one = false;
    for (size_t i = 0; i < 2; i++) {
        int64_t sample = 0;
        double ms = 0;
        bool is_sample = group && group->channels[0].rate_hz > 0 &&
                         dicom_int(set, SAMPLE_POSITIONS, i, &sample) && sample > 0;
        if (is_sample)
            positions[i] = group->start_ms +
                           (double)(sample - 1) * 1000 / group->channels[0].rate_hz;
        else if (dicom_double(set, TIME_OFFSETS, i, &ms))
            positions[i] = (group ? group->start_ms : 0) + ms;
        else if (i == 0)
            return false;
        else
            positions[1] = positions[0];
        has_one = true;
    }
    return has_one;
}

static void add_annotation(struct reading *reading, struct text text,
                           struct reference reference, const double positions[2])
{
    struct waveform_annotation *note =
        ARENA_NEW(reading->arena, struct waveform_annotation, reading->err);
    if (!note)
        return;
    *note = (struct waveform_annotation){
        .start_ms = positions[0],
        .duration_ms = positions[1] > positions[0] ? positions[1] - positions[0] : 0,
        .text = text,
        .group = reference.group,
        .lead = lead_of(reading, reference),
    };
    *reading->annotation_end = note;
    reading->annotation_end = &note->next;
    reading->recording->annotation_count++;
}

static void read_annotation(struct reading *reading, const struct dicom_set *set)
{
    struct reference reference = reference_of(set);
    double positions[2] = {0, 0};
    struct text value = text_of(reading, set, DICOM_NUMERIC_VALUE);
    if (value.len > 0) {
        add_value(reading, set, value, reference);
        return;
    }
    struct text text = text_of(reading, set, UNFORMATTED_TEXT);
    if (text.len == 0)
        text = text_of(reading, dicom_item(set, DICOM_CONCEPT_CODE, 0), CODE_MEANING);
    if (text.len == 0)
        text = text_of(reading, dicom_item(set, DICOM_CONCEPT_NAME, 0), CODE_MEANING);
    if (text.len == 0 || !is_good(reading))
        return;
    if (take_position(reading, set, reference, positions))
        add_annotation(reading, text, reference, positions);
    else
        add_statement(reading, text);
}

/* ------------------------------------------------------------------ the object */

static void read_when(struct reading *reading)
{
    static const uint32_t days[] = {ACQUIRED, DICOM_CONTENT_DATE, DICOM_STUDY_DATE};
    static const uint32_t times[] = {ACQUIRED, DICOM_CONTENT_TIME, DICOM_STUDY_TIME};
    const struct dicom_set *set = reading->file->set;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        int32_t day = dicom_day(set, days[i]);
        struct text time = {0};
        char iso[DAY_TEXT_BYTES];
        char words[WORDS_BYTES];
        if (day == DAY_NONE)
            continue;
        if (!dicom_time(set, times[i], reading->arena, &time, reading->err))
            return;
        day_to_iso(day, iso);
        snprintf(words, sizeof words, "%s%s%.*s", iso, time.len > 0 ? "T" : "",
                 (int)(time.len < 16 ? time.len : 16), time.len > 0 ? time.at : "");
        reading->recording->day = day;
        reading->recording->start = copied(reading, words);
        return;
    }
}

static void read_device(struct reading *reading)
{
    CLEANUP(buf_free) struct buf words = buf_init(4096);
    struct span copy = {0};
    struct text maker = text_of(reading, reading->file->set, DICOM_MANUFACTURER);
    struct text model = text_of(reading, reading->file->set, DICOM_MODEL);
    buf_text(&words, maker);
    buf_cstr(&words, maker.len > 0 && model.len > 0 ? " " : "");
    buf_text(&words, model);
    if (is_good(reading) && !words.has_failed &&
        buf_to_arena(&words, reading->arena, &copy, reading->err))
        reading->recording->device = (struct text){(const char *)copy.at, copy.len};
}

static void read_notes(struct reading *reading)
{
    const struct dicom_element *notes = dicom_find(reading->file->set, ANNOTATIONS);
    const struct dicom_set *note = notes ? notes->items : NULL;
    for (; note && is_good(reading) && reading->note_count++ < NOTES_MAX;
         note = note->next)
        read_annotation(reading, note);
}

bool waveform_read_dicom(const struct dicom_file *file, struct arena *arena,
                         struct waveform_recording *recording, struct err *err)
{
    return waveform_read_dicom_by(NULL, file, arena, recording, err);
}

bool waveform_read_dicom_by(const struct waveform_loader *loader,
                            const struct dicom_file *file, struct arena *arena,
                            struct waveform_recording *recording, struct err *err)
{
    *recording = (struct waveform_recording){.day = DAY_NONE};
    struct reading reading = {
        .file = file,
        .loader = loader,
        .arena = arena,
        .err = err,
        .recording = recording,
        .annotation_end = &recording->annotations,
        .value_end = &recording->values,
        .statement_end = &recording->statements,
        .group_end = &recording->groups,
    };
    const struct dicom_element *groups = dicom_find(file->set, DICOM_WAVEFORMS);
    const struct dicom_set *group = groups ? groups->items : NULL;
    for (; group && is_good(&reading); group = group->next)
        read_group(&reading, group);
    if (!is_good(&reading))
        return false;
    if (!recording->groups)
        return err_at(err, ERR_SYNTAX, "waveform_none", groups ? groups->offset : 0,
                      "PS3.3 C.10.9");
    recording->filter = recording->groups->channels[0].filter;
    read_when(&reading);
    read_device(&reading);
    read_notes(&reading);
    for (struct waveform_group *one = recording->groups; one && is_good(&reading);
         one = one->next)
        if (!waveform_derive(one, arena, err))
            return false;
    return is_good(&reading);
}
