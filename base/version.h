// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What this program is. The one place: `tsumugi version`, /healthz, copies and packages
 * (tools/version) take it from here. */

#define VERSION_TEXT "0.1.0"
