// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to gateway/frames: files of many frames stay in memory for a short while, since
 * whoever asks for one frame asks for the next. A file that is held is only read. */

#include "gateway/frames/frames.h"

struct frames_files;
struct frames_files *frames_files_new(const struct clock *clock, struct err *err);
/* Nobody may hold one any more. */
void frames_files_free(struct frames_files *files);

struct frames_file;
/* Kept or loaded anew; to be let go. */
struct frames_file *frames_files_hold(struct frames_files *files,
                                      const struct frames_source *source,
                                      struct err *err);
void frames_files_let_go(struct frames_files *files, struct frames_file *file);
const struct dicom_file *frames_file_dicom(const struct frames_file *file);
