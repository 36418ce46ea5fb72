// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The web client and the OpenAPI file inside the program, made by tools/gen/web.py. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EMBEDDED_PLAIN, EMBEDDED_GZIP, EMBEDDED_BROTLI, EMBEDDED_ENCODINGS };

struct embedded_file {
    const char *path;
    const char *content_type;
    const uint8_t *begin[EMBEDDED_ENCODINGS]; /* NULL = not there */
    const uint8_t *end[EMBEDDED_ENCODINGS];
    bool is_immutable;
};

extern const struct embedded_file embedded_files[];
extern const size_t embedded_files_count;
/* docs/openapi.yaml as JSON */
extern const uint8_t *const embedded_openapi;
extern const uint8_t *const embedded_openapi_end;
