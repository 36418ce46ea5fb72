// SPDX-License-Identifier: Apache-2.0
/* Many slices in one object, as newer equipment sends them (PS3.3 A.36): what all frames
 * share and what each has of its own are functional groups (C.7.6.16). */
#include <math.h>

#include "base/memory.h"
#include "cli/synth/phantom.h"
#include "cli/synth/study.h"

enum {
    PATIENT_POSITION = 0x00185100,
    POSITION_REFERENCE = 0x00201040,
    STACK = 0x00209056,
    PLACE_IN_STACK = 0x00209057,
    FRAME_CONTENT = 0x00209111,
    DIMENSION_VALUES = 0x00209157,
    DIMENSION_UID = 0x00209164,
    DIMENSION_POINTER = 0x00209165,
    DIMENSION_GROUP = 0x00209167,
    DIMENSIONS = 0x00209221,
    DIMENSION_INDEX = 0x00209222,
    SLICE_THICKNESS = 0x00180050,
    SIDE = 192,
    ROWS = 55, /* down to where the base of the skull begins */
    FRAMES = 20
};

static const double COLUMN_MM = 230.0 / SIDE;
static const double ROW_MM = 2;
static const double HEAD_Z = 92; /* of the first row */
static const double GAP_MM = 8;

static double y_of(int frame)
{
    return -80 + GAP_MM * frame;
}

/* Coronal slices, row by row out of axial ones. */
static void draw(uint16_t *frames, struct err *err)
{
    for (int row = 0; row < ROWS; row++) {
        struct synth_plane plane;
        if (!synth_plane_open(&plane, SIDE, SIDE, COLUMN_MM, err))
            return;
        synth_draw_head(&plane, HEAD_Z - ROW_MM * row, SYNTH_T2);
        for (int frame = 0; frame < FRAMES; frame++) {
            ptrdiff_t at = lrint((y_of(frame) - plane.top) / COLUMN_MM) * SIDE;
            uint16_t *to = frames + ((ptrdiff_t)frame * ROWS + row) * SIDE;
            for (int column = 0; column < SIDE; column++)
                to[column] = (uint16_t)lrint(synth_clamp(plane.at[at + column], 0, 4095));
        }
        synth_plane_free(&plane);
    }
}

static void put_tag(struct synth_set *set, uint32_t tag, uint32_t value)
{
    const uint8_t words[] = {(uint8_t)(value >> 16), (uint8_t)(value >> 24),
                             (uint8_t)value, (uint8_t)(value >> 8)};
    synth_set_put(set, tag, "AT", span_of(words, sizeof words));
}

static void put_dimensions(struct synth_instance *instance)
{
    struct synth_set *set = &instance->set;
    const struct synth_series *series = instance->series;
    struct synth_uid space =
        synth_dicom_uid(series->synth, series->study->uid, UINT16_MAX, 0);
    struct synth_uid order =
        synth_dicom_uid(series->synth, series->study->uid, UINT16_MAX, 1);
    synth_set_text(set, DICOM_FRAME_OF_REFERENCE, "UI", "%s", space.at);
    synth_set_text(set, POSITION_REFERENCE, "LO", "%s", "");
    synth_set_open(set, DIMENSIONS);
    synth_set_open_item(set);
    synth_set_text(set, DIMENSION_UID, "UI", "%s", order.at);
    synth_set_close_item(set);
    synth_set_close(set, DIMENSIONS);
    synth_set_open(set, DIMENSION_INDEX);
    synth_set_open_item(set);
    synth_set_text(set, DIMENSION_UID, "UI", "%s", order.at);
    put_tag(set, DIMENSION_POINTER, PLACE_IN_STACK);
    put_tag(set, DIMENSION_GROUP, FRAME_CONTENT);
    synth_set_close_item(set);
    synth_set_close(set, DIMENSION_INDEX);
}

static void open_group(struct synth_set *set, uint32_t macro)
{
    synth_set_open(set, macro);
    synth_set_open_item(set);
}

static void close_group(struct synth_set *set, uint32_t macro)
{
    synth_set_close_item(set);
    synth_set_close(set, macro);
}

static void put_shared(struct synth_set *set)
{
    open_group(set, DICOM_SHARED_GROUPS);
    open_group(set, DICOM_PLANE_ORIENTATION);
    synth_set_text(set, DICOM_ORIENTATION, "DS", "1\\0\\0\\0\\0\\-1");
    close_group(set, DICOM_PLANE_ORIENTATION);
    open_group(set, DICOM_PIXEL_MEASURES);
    synth_set_text(set, SLICE_THICKNESS, "DS", "5");
    synth_set_text(set, DICOM_PIXEL_SPACING, "DS", "%.6g\\%.6g", ROW_MM, COLUMN_MM);
    close_group(set, DICOM_PIXEL_MEASURES);
    open_group(set, DICOM_FRAME_VOI);
    synth_set_text(set, DICOM_WINDOW_CENTER, "DS", "1400");
    synth_set_text(set, DICOM_WINDOW_WIDTH, "DS", "2800");
    close_group(set, DICOM_FRAME_VOI);
    open_group(set, DICOM_PIXEL_TRANSFORMATION);
    synth_set_text(set, DICOM_INTERCEPT, "DS", "0");
    synth_set_text(set, DICOM_SLOPE, "DS", "1");
    synth_set_text(set, DICOM_RESCALE_TYPE, "LO", "US");
    close_group(set, DICOM_PIXEL_TRANSFORMATION);
    close_group(set, DICOM_SHARED_GROUPS);
}

static void put_frame(struct synth_set *set, int frame, double left)
{
    synth_set_open_item(set);
    open_group(set, FRAME_CONTENT);
    synth_set_text(set, STACK, "SH", "1");
    synth_set_uint(set, PLACE_IN_STACK, "UL", (uint32_t)frame + 1);
    synth_set_uint(set, DIMENSION_VALUES, "UL", (uint32_t)frame + 1);
    close_group(set, FRAME_CONTENT);
    open_group(set, DICOM_PLANE_POSITION);
    synth_set_text(set, DICOM_POSITION, "DS", "%.6g\\%.6g\\%.6g", left, y_of(frame),
                   HEAD_Z);
    close_group(set, DICOM_PLANE_POSITION);
    synth_set_close_item(set);
}

void synth_write_enhanced_mr(struct synth_series *series)
{
    const struct synth_shape shape = {.rows = ROWS,
                                      .columns = SIDE,
                                      .samples = 1,
                                      .bits_allocated = 16,
                                      .bits_stored = 12,
                                      .frames = FRAMES,
                                      .photometric = "MONOCHROME2"};
    const size_t bytes = (size_t)FRAMES * ROWS * SIDE * sizeof(uint16_t);
    struct err *err = &series->synth->err;
    uint16_t *frames = memory_new(bytes, 1, err);
    struct synth_instance instance;
    series->sop_class = "1.2.840.10008.5.1.4.1.1.4.1";
    series->image_type = "ORIGINAL\\PRIMARY\\T2\\NONE";
    synth_open_series(series, "T2WI COR");
    if (frames)
        draw(frames, err);
    synth_open_instance(&instance, series, 1, bytes);
    struct synth_set *set = &instance.set;
    synth_set_text(set, PATIENT_POSITION, "CS", "HFS");
    synth_put_relation(&instance);
    put_dimensions(&instance);
    synth_put_shape(&instance, &shape);
    synth_set_text(set, DICOM_LOSSY, "CS", "00");
    put_shared(set);
    synth_set_open(set, DICOM_FRAME_GROUPS);
    for (int frame = 0; frame < FRAMES; frame++)
        put_frame(set, frame, -(SIDE - 1) / 2.0 * COLUMN_MM);
    synth_set_close(set, DICOM_FRAME_GROUPS);
    synth_save_image(&instance, &shape, (struct span){(const uint8_t *)frames, bytes});
    memory_free(frames);
}
