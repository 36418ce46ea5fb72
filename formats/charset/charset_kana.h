// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to formats/charset: characters to simpler ones. */

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* U+FF61 … U+FF9F to its full-width form; any other code point to itself. */
uint32_t charset_widen(uint32_t code_point);
/* The voiced form of a full-width katakana when `mark` is a (semi-)voiced sound mark of
 * any width; 0 when the two do not combine. */
uint32_t charset_voice(uint32_t katakana, uint32_t mark);
/* What stands for an environment-dependent character (① → "(1)"); NULL for others. */
const char *charset_replacement(uint32_t code_point);
