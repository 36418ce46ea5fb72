// SPDX-License-Identifier: Apache-2.0
/* Images by modality: what its IOD (PS3.3 A) has beside what all have, and the pixels. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/synth/phantom.h"
#include "cli/synth/study.h"

enum {
    SCANNING_SEQUENCE = 0x00180020,
    SEQUENCE_VARIANT = 0x00180021,
    SCAN_OPTIONS = 0x00180022,
    ACQUISITION_TYPE = 0x00180023,
    SLICE_THICKNESS = 0x00180050,
    KVP = 0x00180060,
    REPETITION_TIME = 0x00180080,
    ECHO_TIME = 0x00180081,
    SPACING_BETWEEN = 0x00180088,
    CONVOLUTION = 0x00181210,
    PATIENT_POSITION = 0x00185100,
    VIEW_POSITION = 0x00185101,
    EXPOSURE_TIME = 0x00181150,
    TUBE_CURRENT = 0x00181151,
    PATIENT_ORIENTATION = 0x00200020,
    POSITION_REFERENCE = 0x00201040,
    INTENSITY = 0x00281040,
    INTENSITY_SIGN = 0x00281041,
    BURNED_IN = 0x00280301,
    GREY_BITS = 12,
    CT_OFFSET = 1024
};

static bool is_full(const struct synth_series *series)
{
    return series->synth->images == SYNTH_FULL_IMAGES;
}

/* Whole numbers of a plane, with what a factor and an offset make of them. */
static uint16_t *words_of(const struct synth_plane *plane, double factor, double offset,
                          double most, struct err *err)
{
    size_t count = (size_t)plane->width * (size_t)plane->height;
    uint16_t *words = memory_new(count, sizeof *words, err);
    for (size_t i = 0; words && i < count; i++)
        words[i] = (uint16_t)lrint(synth_clamp(plane->at[i] * factor + offset, 0, most));
    return words;
}

static size_t plane_bytes(const struct synth_plane *plane)
{
    return (size_t)plane->width * (size_t)plane->height * sizeof(uint16_t);
}

/* Where a slice lies: axial, feet below, in DICOM's own axes. */
static void put_place(struct synth_instance *instance, const struct synth_plane *plane,
                      double z)
{
    struct synth_set *set = &instance->set;
    const struct synth_series *series = instance->series;
    /* All series of a study share their space. */
    struct synth_uid space =
        synth_dicom_uid(series->synth, series->study->uid, UINT16_MAX, 0);
    synth_set_text(set, DICOM_POSITION, "DS", "%.6g\\%.6g\\%.6g", plane->left, plane->top,
                   z);
    synth_set_text(set, DICOM_ORIENTATION, "DS", "1\\0\\0\\0\\1\\0");
    synth_set_text(set, DICOM_FRAME_OF_REFERENCE, "UI", "%s", space.at);
    synth_set_text(set, POSITION_REFERENCE, "LO", "%s", "");
    synth_set_text(set, DICOM_SLICE_LOCATION, "DS", "%.6g", z);
}

/* ------------------------------------------------------------------ CT */

struct stack {
    int count;
    int side;   /* pixels */
    double mm;  /* of one */
    double gap; /* from slice to slice */
    double from;
};

static void save_ct(const struct synth_series *series, const struct stack *stack,
                    int number)
{
    struct err *err = &series->synth->err;
    struct synth_plane plane;
    double z = stack->from + stack->gap * (number - 1);
    if (!synth_plane_open(&plane, stack->side, stack->side, stack->mm, err))
        return;
    synth_draw_thorax(&plane, z, (uint32_t)series->study->person->index * 77 + 5);
    uint16_t *words = words_of(&plane, 1, CT_OFFSET, (1 << GREY_BITS) - 1, err);
    struct synth_shape shape = {.rows = (uint32_t)stack->side,
                                .columns = (uint32_t)stack->side,
                                .samples = 1,
                                .bits_allocated = 16,
                                .bits_stored = GREY_BITS,
                                .photometric = "MONOCHROME2",
                                .spacing = stack->mm};
    struct synth_instance instance;
    synth_open_instance(&instance, series, number, plane_bytes(&plane));
    struct synth_set *set = &instance.set;
    synth_set_text(set, SCAN_OPTIONS, "CS", "HELICAL MODE");
    synth_set_text(set, SLICE_THICKNESS, "DS", "%.6g", stack->gap);
    synth_set_text(set, KVP, "DS", "120");
    synth_set_text(set, TUBE_CURRENT, "IS", "210");
    synth_set_text(set, CONVOLUTION, "SH", "FC13");
    synth_set_text(set, PATIENT_POSITION, "CS", "HFS");
    synth_put_relation(&instance);
    put_place(&instance, &plane, z);
    synth_put_shape(&instance, &shape);
    synth_set_text(set, DICOM_WINDOW_CENTER, "DS", "-600\\40");
    synth_set_text(set, DICOM_WINDOW_WIDTH, "DS", "1600\\350");
    synth_set_text(set, DICOM_INTERCEPT, "DS", "%d", -CT_OFFSET);
    synth_set_text(set, DICOM_SLOPE, "DS", "1");
    synth_set_text(set, DICOM_RESCALE_TYPE, "LO", "HU");
    synth_set_text(set, DICOM_WINDOW_TEXT, "LO", "LUNG\\MEDIASTINUM");
    synth_save_image(&instance, &shape,
                     (struct span){(const uint8_t *)words, plane_bytes(&plane)});
    memory_free(words);
    synth_plane_free(&plane);
}

void synth_write_ct(struct synth_series *series)
{
    /* The same slices as other equipment would have sent them. */
    static const struct {
        enum dicom_syntax syntax;
        const char *name;
    } variants[] = {
        {DICOM_EXPLICIT_LITTLE, "胸部単純 3mm"},
        {DICOM_IMPLICIT_LITTLE, "Implicit VR"},
        {DICOM_EXPLICIT_BIG, "Big Endian"},
        {DICOM_RLE, "RLE"},
        {DICOM_JPEG_LOSSLESS_SV1, "JPEG Lossless"},
        {DICOM_JPEG_LS, "JPEG-LS"},
        {DICOM_JPEG_2000_LOSSLESS, "JPEG 2000"},
    };
    enum { FEW = 6 };
    struct stack stack = {40, 256, 360.0 / 256, 3, -66};
    if (is_full(series))
        stack = (struct stack){600, 512, 360.0 / 512, 0.5, -150};
    series->modality = "CT";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.2";
    series->body_part = "CHEST";
    series->image_type = "ORIGINAL\\PRIMARY\\AXIAL";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM CT";
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        struct stack part = stack;
        if (i > 0)
            part = (struct stack){FEW, 256, 360.0 / 256, 15, -45};
        series->syntax = variants[i].syntax;
        synth_open_series(series, i == 0 && is_full(series) ? "胸部単純 0.5mm"
                                                            : variants[i].name);
        for (int k = 1; k <= part.count && series->synth->err.kind == ERR_NONE; k++)
            save_ct(series, &part, k);
    }
}

/* ------------------------------------------------------------------ MR */

static void save_mr(const struct synth_series *series, enum synth_weighting weighting,
                    int number)
{
    enum { SIDE = 256, SIGNAL_MAX = 4095 };
    const double thick = 5;
    const double gap = 6.5;
    struct err *err = &series->synth->err;
    struct synth_plane plane;
    double z = -55 + gap * (number - 1);
    if (!synth_plane_open(&plane, SIDE, SIDE, 230.0 / SIDE, err))
        return;
    synth_draw_head(&plane, z, weighting);
    uint16_t *words = words_of(&plane, 1, 0, SIGNAL_MAX, err);
    struct synth_shape shape = {.rows = SIDE,
                                .columns = SIDE,
                                .samples = 1,
                                .bits_allocated = 16,
                                .bits_stored = GREY_BITS,
                                .photometric = "MONOCHROME2",
                                .spacing = plane.mm};
    struct synth_instance instance;
    synth_open_instance(&instance, series, number, plane_bytes(&plane));
    struct synth_set *set = &instance.set;
    synth_set_text(set, SCANNING_SEQUENCE, "CS", "SE");
    synth_set_text(set, SEQUENCE_VARIANT, "CS", "SK");
    synth_set_text(set, SCAN_OPTIONS, "CS", "%s", "");
    synth_set_text(set, ACQUISITION_TYPE, "CS", "2D");
    synth_set_text(set, SLICE_THICKNESS, "DS", "%.6g", thick);
    synth_set_text(set, REPETITION_TIME, "DS", weighting == SYNTH_T1 ? "500" : "4200");
    synth_set_text(set, ECHO_TIME, "DS", weighting == SYNTH_T1 ? "12" : "95");
    synth_set_text(set, SPACING_BETWEEN, "DS", "%.6g", gap);
    synth_set_text(set, PATIENT_POSITION, "CS", "HFS");
    synth_put_relation(&instance);
    put_place(&instance, &plane, z);
    synth_put_shape(&instance, &shape);
    synth_set_text(set, DICOM_WINDOW_CENTER, "DS",
                   weighting == SYNTH_T1 ? "1050" : "1400");
    synth_set_text(set, DICOM_WINDOW_WIDTH, "DS",
                   weighting == SYNTH_T1 ? "2100" : "2800");
    synth_save_image(&instance, &shape,
                     (struct span){(const uint8_t *)words, plane_bytes(&plane)});
    memory_free(words);
    synth_plane_free(&plane);
}

void synth_write_mr(struct synth_series *series)
{
    enum { SLICES = 20 };
    series->modality = "MR";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.4";
    series->body_part = "HEAD";
    series->image_type = "ORIGINAL\\PRIMARY\\M\\SE";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM MR 1.5T";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    for (int weighting = SYNTH_T1; weighting <= SYNTH_T2; weighting++) {
        synth_open_series(series, weighting == SYNTH_T1 ? "T1WI AX" : "T2WI AX");
        for (int k = 1; k <= SLICES && series->synth->err.kind == ERR_NONE; k++)
            save_mr(series, (enum synth_weighting)weighting, k);
    }
    synth_write_enhanced_mr(series);
}

/* ------------------------------------------------------------------ films */

static void put_film(struct synth_instance *instance, const struct synth_shape *shape,
                     double mm)
{
    struct synth_set *set = &instance->set;
    const double most = (double)(1U << shape->bits_stored);
    synth_set_text(set, KVP, "DS", "120");
    synth_set_text(set, EXPOSURE_TIME, "IS", "18");
    synth_set_text(set, TUBE_CURRENT, "IS", "200");
    synth_set_text(set, DICOM_IMAGER_SPACING, "DS", "%.6g\\%.6g", mm, mm);
    synth_set_text(set, VIEW_POSITION, "CS", "PA");
    synth_put_relation(instance);
    synth_set_text(set, PATIENT_ORIENTATION, "CS", "L\\F");
    synth_set_text(set, DICOM_IMAGE_LATERALITY, "CS", "U");
    synth_put_shape(instance, shape);
    synth_set_text(set, BURNED_IN, "CS", "NO");
    synth_set_text(set, INTENSITY, "CS", "LOG");
    synth_set_uint(set, INTENSITY_SIGN, "SS", 1);
    synth_set_text(set, DICOM_WINDOW_CENTER, "DS", "%.0f", most * 0.5);
    synth_set_text(set, DICOM_WINDOW_WIDTH, "DS", "%.0f", most);
    synth_set_text(set, DICOM_INTERCEPT, "DS", "0");
    synth_set_text(set, DICOM_SLOPE, "DS", "1");
    synth_set_text(set, DICOM_RESCALE_TYPE, "LO", "US");
    synth_set_text(set, DICOM_LOSSY, "CS", "00");
    synth_set_text(set, DICOM_PRESENTATION_SHAPE, "CS", "INVERSE");
}

void synth_write_chest(struct synth_series *series)
{
    bool is_big = is_full(series);
    struct synth_shape shape = {.rows = is_big ? 2500 : 1024,
                                .columns = is_big ? 2048 : 1024,
                                .samples = 1,
                                .bits_allocated = 16,
                                .bits_stored = is_big ? 16 : GREY_BITS,
                                .photometric = "MONOCHROME1"};
    struct err *err = &series->synth->err;
    struct synth_plane plane;
    double mm = is_big ? 0.2 : 0.4;
    series->modality = "DX";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.1.1";
    series->body_part = "CHEST";
    series->image_type = "DERIVED\\PRIMARY";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM DX";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    synth_open_series(series, "胸部立位正面");
    if (!synth_plane_open(&plane, (int)shape.columns, (int)shape.rows, mm, err))
        return;
    bool is_large = series->study->person->conditions & (SYNTH_HEART | SYNTH_DIALYSIS);
    uint16_t *words = NULL;
    const double most = (double)((1U << shape.bits_stored) - 1);
    if (synth_draw_chest(&plane, is_large, err))
        words = words_of(&plane, most, 0, most, err);
    struct synth_instance instance;
    synth_open_instance(&instance, series, 1, plane_bytes(&plane));
    put_film(&instance, &shape, mm);
    synth_save_image(&instance, &shape,
                     (struct span){(const uint8_t *)words, plane_bytes(&plane)});
    memory_free(words);
    synth_plane_free(&plane);
}

/* ------------------------------------------------------------------ colours */

/* What the machine says of the fan's scale (PS3.3 C.8.5.5). */
static void put_region(struct synth_instance *instance, const struct synth_shape *shape)
{
    enum { REGIONS = 0x00186011, CENTIMETRES = 3, TISSUE = 1, SECTOR = 1 };
    struct synth_set *set = &instance->set;
    const double cm = 15.5 / (shape->rows * 0.88);
    synth_set_open(set, REGIONS);
    synth_set_open_item(set);
    synth_set_uint(set, 0x00186012, "US", SECTOR);
    synth_set_uint(set, 0x00186014, "US", TISSUE);
    synth_set_uint(set, 0x00186016, "UL", 0);
    synth_set_uint(set, 0x00186018, "UL", shape->columns / 16);
    synth_set_uint(set, 0x0018601A, "UL", 0);
    synth_set_uint(set, 0x0018601C, "UL", shape->columns - shape->columns / 16);
    synth_set_uint(set, 0x0018601E, "UL", shape->rows - 1);
    synth_set_uint(set, 0x00186024, "US", CENTIMETRES);
    synth_set_uint(set, 0x00186026, "US", CENTIMETRES);
    synth_set_double(set, 0x0018602C, cm);
    synth_set_double(set, 0x0018602E, cm);
    synth_set_close_item(set);
    synth_set_close(set, REGIONS);
}

void synth_write_echo(struct synth_series *series)
{
    bool is_big = is_full(series);
    const double frame_ms = 33;
    struct synth_shape shape = {.rows = is_big ? 480 : 240,
                                .columns = is_big ? 640 : 320,
                                .samples = 3,
                                .bits_allocated = 8,
                                .bits_stored = 8,
                                .frames = is_big ? 100 : 30,
                                .photometric = "YBR_FULL_422",
                                .pointer = DICOM_FRAME_TIME};
    size_t frame_bytes = (size_t)shape.rows * shape.columns * shape.samples;
    uint8_t *pixels = memory_new(frame_bytes, shape.frames, &series->synth->err);
    series->modality = "US";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.3.1";
    series->body_part = "HEART";
    series->image_type = "ORIGINAL\\PRIMARY\\ADULT ECHO\\0001";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM ECHO";
    series->syntax = DICOM_JPEG_BASELINE;
    synth_open_series(series, "心尖部四腔像");
    for (uint32_t i = 0; pixels && i < shape.frames; i++) {
        struct synth_colours frame = {(int)shape.columns, (int)shape.rows,
                                      pixels + frame_bytes * i};
        /* Thirty frames are one beat, so that a loop closes. */
        synth_draw_echo(&frame, fmod(i / 30.0, 1), 11);
    }
    struct synth_instance instance;
    synth_open_instance(&instance, series, 1, frame_bytes * shape.frames);
    synth_set_text(&instance.set, DICOM_CINE_RATE, "IS", "%.0f", 1000 / frame_ms);
    synth_set_text(&instance.set, DICOM_FRAME_TIME, "DS", "%.6g", frame_ms);
    put_region(&instance, &shape);
    synth_put_relation(&instance);
    synth_put_shape(&instance, &shape);
    synth_save_film(&instance, &shape, (struct span){pixels, frame_bytes * shape.frames});
    memory_free(pixels);
}

void synth_write_scope(struct synth_series *series)
{
    enum { PICTURES = 6 };
    uint32_t side = is_full(series) ? 1024 : 400;
    struct synth_shape shape = {.rows = side,
                                .columns = side,
                                .samples = 3,
                                .bits_allocated = 8,
                                .bits_stored = 8,
                                .photometric = "RGB"};
    size_t bytes = (size_t)side * side * shape.samples;
    uint8_t *pixels = memory_new(bytes, 1, &series->synth->err);
    series->modality = "ES";
    series->sop_class = "1.2.840.10008.5.1.4.1.1.77.1.1";
    series->body_part = "STOMACH";
    series->image_type = "ORIGINAL\\PRIMARY";
    series->maker = "PHANTOM MEDICAL";
    series->model = "PHANTOM SCOPE";
    series->syntax = DICOM_EXPLICIT_LITTLE;
    synth_open_series(series, "上部内視鏡");
    for (int i = 0; pixels && i < PICTURES; i++) {
        struct synth_colours colours = {(int)side, (int)side, pixels};
        struct synth_instance instance;
        synth_draw_stomach(&colours, i, 5);
        synth_open_instance(&instance, series, i + 1, bytes);
        synth_put_relation(&instance);
        synth_put_shape(&instance, &shape);
        synth_set_text(&instance.set, DICOM_LOSSY, "CS", "00");
        synth_save_image(&instance, &shape, span_of(pixels, bytes));
    }
    memory_free(pixels);
}
