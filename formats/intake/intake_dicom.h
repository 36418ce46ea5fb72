// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/intake: DICOM objects and directories as entries. One message for an
 * object; of a DICOMDIR one for each patient. */

#include "formats/intake/intake.h"

bool intake_detect_dicom(const struct intake_source *source);
bool intake_detect_dicomdir(const struct intake_source *source);
MUST_CHECK bool intake_read_dicom(const struct intake_source *source, struct arena *arena,
                                  struct intake_message **first, struct err *err);
