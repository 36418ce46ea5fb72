// SPDX-License-Identifier: Apache-2.0
/* Files (PS3.10 chapter 7): preamble, meta information, which syntax it is; warnings. */
#include "formats/dicom/dicom_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    PREAMBLE_BYTES = 128,
    STRAY_BYTES_MAX = 16,
    DETECT_BYTES = 4096,
    BEGIN_BYTES = 65536, /* in which syntax and meta information are */
    ELEMENTS_MAX = 1000000,
    WARNINGS_KEPT_MAX = 200,
    WARNINGS_PER_CODE_MAX = 10,
    WARNINGS_LOOKED_AT_MAX = 10000,
    UNDECLARED_BYTES_MAX = 8192,
    INFLATED_AT_FIRST = 256 * 1024,
};
static const size_t INFLATED_MAX = (size_t)256 << 20;

/* ------------------------------------------------------------------ warnings */

static const struct {
    const char *code;
    const char *clause;
    struct text text;
} warnings[] = {
#define WARNING(code, clause, text) {code, clause, {text, sizeof(text) - 1}},
#include "formats/dicom/dicom_warnings.def"
#undef WARNING
};

static size_t warning_index(const char *code)
{
    size_t i = 0;
    while (i < sizeof warnings / sizeof warnings[0] &&
           strcmp(warnings[i].code, code) != 0)
        i++;
    return i;
}

const char *dicom_warning_text(const char *code)
{
    size_t index = warning_index(code);
    return index < sizeof warnings / sizeof warnings[0] ? warnings[index].text.at : NULL;
}

static bool keeps_warning(const struct dicom_file *file, const char *code)
{
    size_t all = 0;
    size_t same = 0;
    if (file->warning_count > WARNINGS_LOOKED_AT_MAX)
        return false;
    for (const struct dicom_warning *warning = file->warnings; warning;
         warning = warning->next) {
        all++;
        same += warning->code == code;
    }
    return all < WARNINGS_KEPT_MAX && same < WARNINGS_PER_CODE_MAX;
}

static bool warn_in_words(struct dicom_file *file, size_t index, size_t offset,
                          struct text text, struct err *err)
{
    file->warning_count++;
    if (!keeps_warning(file, warnings[index].code))
        return true;
    struct dicom_warning *warning = ARENA_NEW(file->arena, struct dicom_warning, err);
    if (!warning)
        return false;
    *warning = (struct dicom_warning){.code = warnings[index].code,
                                      .offset = offset,
                                      .clause = warnings[index].clause,
                                      .text = text};
    if (file->last_warning)
        file->last_warning->next = warning;
    else
        file->warnings = warning;
    file->last_warning = warning;
    return true;
}

bool dicom_warn(struct dicom_file *file, const char *code, size_t offset, struct err *err)
{
    size_t index = warning_index(code);
    if (index == sizeof warnings / sizeof warnings[0])
        return true;
    return warn_in_words(file, index, offset, warnings[index].text, err);
}

static bool warn_unsupported(struct dicom_file *file, struct err *err)
{
    char words[160];
    struct span copy = {0};
    size_t index = warning_index("syntax_unsupported");
    bool is_named = file->syntax != DICOM_SYNTAX_UNKNOWN;
    snprintf(words, sizeof words, "%s [%.64s]: ",
             is_named ? dicom_syntax_name(file->syntax) : "不明な転送構文",
             file->syntax_uid);
    CLEANUP(buf_free) struct buf out = buf_init(1024);
    buf_cstr(&out, words);
    buf_text(&out, warnings[index].text);
    if (!buf_to_arena(&out, file->arena, &copy, err))
        return false;
    struct text text = {(const char *)copy.at, copy.len};
    return warn_in_words(file, index, file->pixels.offset, text, err);
}

/* ------------------------------------------------------------------ which syntax */

struct guess {
    size_t at;
    enum dicom_syntax syntax;
    unsigned count; /* of elements that look right; 0 = none */
};

static void encoding_of(enum dicom_syntax syntax, bool *is_big, bool *is_explicit)
{
    *is_big = syntax == DICOM_EXPLICIT_BIG;
    *is_explicit = syntax != DICOM_IMPLICIT_LITTLE;
}

/* Data sets begin with group 2, 4 or 8 mostly; behind meta information with any. */
enum { FIRST_GROUP_MAX = 0x0028, ANY_GROUP_MAX = 0x7FE0 };

static unsigned plausible_in(struct span bytes, size_t at, enum dicom_syntax syntax,
                             uint32_t last_group)
{
    bool is_big = false;
    bool is_explicit = false;
    encoding_of(syntax, &is_big, &is_explicit);
    return dicom_plausible(bytes, at, is_big, is_explicit, last_group);
}

static unsigned plausible_as(struct span bytes, size_t at, enum dicom_syntax syntax)
{
    /* A private group cannot be the first of a data set. */
    if (bytes.len > at && bytes.len - at >= 2 &&
        dicom_u16(bytes, at, syntax == DICOM_EXPLICIT_BIG) % 2 == 1)
        return 0;
    return plausible_in(bytes, at, syntax, FIRST_GROUP_MAX);
}

static const enum dicom_syntax tried[] = {DICOM_EXPLICIT_LITTLE, DICOM_IMPLICIT_LITTLE,
                                          DICOM_EXPLICIT_BIG};

/* Of what stands behind meta information: some encoding it must be. */
static enum dicom_syntax best_syntax(struct span bytes, size_t at)
{
    unsigned best = 0;
    enum dicom_syntax syntax = DICOM_EXPLICIT_LITTLE;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        unsigned count = plausible_in(bytes, at, tried[i], ANY_GROUP_MAX);
        if (count > best)
            syntax = tried[i];
        best = count > best ? count : best;
    }
    return syntax;
}

static struct guess guess_syntax(struct span bytes, size_t from)
{
    for (size_t skip = 0; skip <= STRAY_BYTES_MAX; skip++) {
        struct guess best = {0};
        for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
            unsigned count = plausible_as(bytes, from + skip, tried[i]);
            if (count > best.count)
                best = (struct guess){from + skip, tried[i], count};
        }
        if (best.count >= 2)
            return best;
    }
    return (struct guess){0};
}

/* Group 2 at the front, with letters of a VR or without. */
static bool has_meta_at(struct span bytes, size_t at)
{
    if (at + 8 > bytes.len)
        return false;
    bool is_little = bytes.at[at] == 2 && bytes.at[at + 1] == 0 && bytes.at[at + 3] == 0;
    bool is_big = bytes.at[at] == 0 && bytes.at[at + 1] == 2 && bytes.at[at + 2] == 0;
    return (is_little || is_big) &&
           plausible_as(bytes, at, is_big ? DICOM_EXPLICIT_BIG : DICOM_EXPLICIT_LITTLE) >
               0;
}

/* A data set without preamble may hold the letters just there. */
static bool has_preamble(struct span bytes)
{
    if (bytes.len < PREAMBLE_BYTES + 4 ||
        memcmp(bytes.at + PREAMBLE_BYTES, "DICM", 4) != 0)
        return false;
    if (has_meta_at(bytes, PREAMBLE_BYTES + 4))
        return true;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        if (plausible_as(bytes, 0, tried[i]) >= 3)
            return false;
    return true;
}

bool dicom_detect(struct span bytes)
{
    struct span head = span_part(bytes, 0, DETECT_BYTES);
    if (has_preamble(head))
        return true;
    for (size_t skip = 0; skip <= STRAY_BYTES_MAX; skip++)
        if (has_meta_at(head, skip))
            return true;
    struct guess guess = guess_syntax(head, 0);
    return guess.count >= 3;
}

/* ------------------------------------------------------------------ reading */

static bool read_meta(struct dicom_reader *reader, size_t *at, struct err *err)
{
    struct dicom_file *file = reader->file;
    size_t start = *at;
    file->has_meta = !reader->has_stopped && has_meta_at(reader->bytes, start);
    bool is_big = file->has_meta && reader->bytes.at[start] == 0;
    file->meta = dicom_new_set(reader, is_big, true, err);
    if (!file->meta)
        return false;
    if (!file->has_meta)
        return reader->file_bytes > reader->bytes.len ||
               dicom_warn(file, "dicom_no_meta", start, err);
    if (is_big && !dicom_warn(file, "dicom_meta_encoding", start, err))
        return false;
    if (!dicom_read_elements(reader, file->meta, at, true, err))
        return false;
    int64_t length = 0;
    bool is_right = dicom_int(file->meta, 0x00020000, 0, &length) &&
                    (uint64_t)length == *at - start - 12;
    return is_right || reader->has_stopped ||
           dicom_warn(file, "dicom_meta_length", start, err);
}

/* Where the data begin: behind the preamble, or behind stray bytes. */
static bool find_start(struct dicom_reader *reader, size_t *at, struct err *err)
{
    struct span bytes = reader->bytes;
    struct dicom_file *file = reader->file;
    *at = 0;
    if (reader->file_bytes > bytes.len && bytes.len < PREAMBLE_BYTES + 4) {
        reader->has_stopped = true;
        file->needs_bytes =
            reader->file_bytes < DETECT_BYTES ? reader->file_bytes : DETECT_BYTES;
        return true;
    }
    if (has_preamble(bytes)) {
        file->has_preamble = true;
        *at = PREAMBLE_BYTES + 4;
        return true;
    }
    if (!dicom_warn(file, "dicom_no_preamble", 0, err))
        return false;
    if (span_starts(bytes, "DICM"))
        *at = 4;
    size_t from = *at;
    for (size_t skip = 0; skip <= STRAY_BYTES_MAX; skip++)
        if (has_meta_at(bytes, from + skip)) {
            *at = from + skip;
            return skip == 0 || dicom_warn(file, "dicom_stray_bytes", from, err);
        }
    struct guess guess = guess_syntax(bytes, from);
    if (guess.count < 2)
        return err_at(err, ERR_SYNTAX, "dicom_not_dicom", 0, "PS3.10 7.1");
    *at = guess.at;
    return guess.at == from || dicom_warn(file, "dicom_stray_bytes", from, err);
}

static void use_syntax(struct dicom_file *file, enum dicom_syntax syntax)
{
    bool is_big = false;
    encoding_of(syntax, &is_big, &file->is_explicit);
    file->is_little_endian = !is_big;
    file->is_deflated = syntax == DICOM_DEFLATED || syntax == DICOM_JPIP_DEFLATED;
}

/* From the meta information, else from the data. */
static bool choose_syntax(struct dicom_reader *reader, size_t at, struct err *err)
{
    struct dicom_file *file = reader->file;
    struct text uid = dicom_uid(file->meta, DICOM_TRANSFER_SYNTAX);
    if (uid.len > 0) {
        file->syntax = dicom_syntax_find(text_span(uid));
        file->syntax_uid = text_to_cstr(uid, file->arena, err);
        use_syntax(file, file->syntax);
        return file->syntax_uid != NULL;
    }
    struct guess guess = guess_syntax(reader->bytes, at);
    if (guess.count == 0 || guess.at != at) {
        bool is_empty = reader->bytes.len - at < 8;
        guess.syntax = best_syntax(reader->bytes, at);
        if (!file->has_meta && !is_empty)
            return err_at(err, ERR_SYNTAX, "dicom_not_dicom", at, "PS3.10 7.1");
    }
    file->syntax = guess.syntax;
    file->syntax_uid = dicom_syntax_uid(guess.syntax);
    file->is_syntax_guessed = true;
    use_syntax(file, guess.syntax);
    return !file->has_meta || dicom_warn(file, "dicom_syntax_missing", at, err);
}

/* A declared syntax that the first elements contradict. */
static bool correct_syntax(struct dicom_reader *reader, size_t at, struct err *err)
{
    struct dicom_file *file = reader->file;
    if (file->is_syntax_guessed ||
        plausible_in(reader->bytes, at, file->syntax, ANY_GROUP_MAX) > 0)
        return true;
    struct guess guess = guess_syntax(reader->bytes, at);
    if (guess.count < 2 || guess.at != at)
        return true;
    bool is_big = false;
    encoding_of(guess.syntax, &is_big, &file->is_explicit);
    file->is_little_endian = !is_big;
    if (dicom_syntax_coding(file->syntax) == DICOM_CODED_NATIVE) {
        file->syntax = guess.syntax;
        file->syntax_uid = dicom_syntax_uid(guess.syntax);
        file->is_syntax_guessed = true;
    }
    return dicom_warn(file, "dicom_syntax_wrong", at, err);
}

static bool guess_charset(struct dicom_reader *reader, struct err *err)
{
    struct dicom_file *file = reader->file;
    if (reader->undeclared->len == 0)
        return true;
    file->guessed_charset = (int)charset_detect(buf_view(reader->undeclared));
    return dicom_warn(file, "dicom_charset_missing", reader->undeclared_offset, err);
}

static bool check_ends(struct dicom_file *file, struct err *err)
{
    struct text outer = dicom_uid(file->meta, DICOM_MEDIA_SOP_INSTANCE);
    struct text inner = dicom_uid(file->set, DICOM_SOP_INSTANCE);
    if (outer.len > 0 && inner.len > 0 && !text_equal(outer, inner) &&
        !dicom_warn(file, "dicom_sop_mismatch", file->meta->offset, err))
        return false;
    if (file->pixels.is_there && file->needs_bytes == 0 &&
        dicom_syntax_coding(file->syntax) == DICOM_CODED_UNSUPPORTED &&
        !warn_unsupported(file, err))
        return false;
    return file->needs_bytes > 0 || dicom_check_image(file, err);
}

/* What comes from `at` on of the bytes that offsets count in. */
static bool read_set(struct dicom_reader *reader, size_t at, struct err *err)
{
    struct dicom_file *file = reader->file;
    file->bytes = reader->bytes;
    if (!reader->has_stopped && !correct_syntax(reader, at, err))
        return false;
    file->set = dicom_new_set(reader, !file->is_little_endian, file->is_explicit, err);
    if (!file->set)
        return false;
    return reader->has_stopped || dicom_read_elements(reader, file->set, &at, false, err);
}

static bool read_inflated(struct dicom_reader *reader, size_t deflated_len,
                          bool is_prefix, enum dicom_inflated how, struct err *err)
{
    bool goes_on =
        how == DICOM_INFLATED_PART || (how == DICOM_INFLATED_HUNGRY && is_prefix);
    reader->file_bytes = goes_on ? UINT64_MAX : 0;
    if (!goes_on && how != DICOM_INFLATED_ALL &&
        !dicom_warn_deflate_cut(reader->file, deflated_len, err))
        return false;
    return read_set(reader, 0, err);
}

/* Up to the pixels no more is inflated than that needs: a little at first, then four
 * times as much and all anew. Over the limit what came so far counts. */
static bool read_inflated_head(struct dicom_reader *reader, struct span deflated,
                               size_t max_bytes, struct err *err)
{
    const struct dicom_reader before = *reader;
    const struct dicom_file file = *reader->file;
    const size_t undeclared_len = reader->undeclared->len;
    bool is_prefix = before.file_bytes > before.bytes.len;
    for (size_t room = INFLATED_AT_FIRST;; room *= 4) {
        enum dicom_inflated how = DICOM_INFLATED_ALL;
        room = room < max_bytes ? room : max_bytes;
        *reader = before;
        *reader->file = file;
        reader->undeclared->len = undeclared_len;
        if (!dicom_inflate_some(deflated, room, is_prefix, reader->file, &reader->bytes,
                                &how, err))
            return false;
        if (!read_inflated(reader, before.bytes.len, is_prefix, how, err))
            return false;
        bool is_enough = reader->file->needs_bytes == 0;
        if (is_enough)
            return true;
        if (how != DICOM_INFLATED_PART || room == max_bytes) {
            bool is_hungry = is_prefix && how != DICOM_INFLATED_PART;
            reader->file->needs_bytes = is_hungry || !is_prefix
                                            ? before.bytes.len + is_hungry
                                            : before.file_bytes;
            return true;
        }
    }
}

static bool read_data(struct dicom_reader *reader, size_t at,
                      const struct dicom_options *options, struct err *err)
{
    struct dicom_file *file = reader->file;
    if (!file->is_deflated || reader->has_stopped)
        return read_set(reader, at, err);
    size_t max = options && options->inflated_max ? options->inflated_max : INFLATED_MAX;
    if (!dicom_need(reader, at, reader->bytes.len - at, err))
        return false;
    reader->loader = NULL; /* what is read from now on is no part of the file */
    struct span deflated = span_part(reader->bytes, at, reader->bytes.len - at);
    if (reader->stops_before_pixels)
        return read_inflated_head(reader, deflated, max, err);
    if (reader->file_bytes > reader->bytes.len) {
        file->needs_bytes = reader->file_bytes;
        reader->has_stopped = true;
    } else if (!dicom_inflate(deflated, max, file, at, &reader->bytes, err)) {
        return false;
    }
    return read_set(reader, 0, err);
}

static bool start_file(struct dicom_reader *reader, struct span bytes,
                       const struct dicom_options *options, struct arena *arena,
                       struct err *err)
{
    struct dicom_file *file = ARENA_NEW(arena, struct dicom_file, err);
    if (!file)
        return false;
    file->arena = arena;
    file->syntax_uid = "";
    file->bytes = bytes;
    file->guessed_charset = CHARSET_ASCII;
    *reader = (struct dicom_reader){
        .bytes = bytes, .arena = arena, .file = file, .elements_max = ELEMENTS_MAX};
    if (options) {
        reader->stops_before_pixels = options->stop_before_pixels;
        reader->file_bytes = options->file_bytes;
        reader->loader = options->loader;
        if (options->elements_max)
            reader->elements_max = options->elements_max;
    }
    return true;
}

bool dicom_read(struct span bytes, const struct dicom_options *options,
                struct arena *arena, struct dicom_file **file, struct err *err)
{
    struct dicom_reader reader;
    CLEANUP(buf_free) struct buf undeclared = buf_init(UNDECLARED_BYTES_MAX);
    size_t at = 0;
    *file = NULL;
    if (!start_file(&reader, bytes, options, arena, err))
        return false;
    reader.undeclared = &undeclared;
    if (!dicom_need(&reader, 0, BEGIN_BYTES, err) || !find_start(&reader, &at, err) ||
        !read_meta(&reader, &at, err))
        return false;
    bool is_cut_before = reader.has_stopped;
    if (!is_cut_before && !choose_syntax(&reader, at, err))
        return false;
    if (!read_data(&reader, at, options, err) || !guess_charset(&reader, err) ||
        !check_ends(reader.file, err))
        return false;
    *file = reader.file;
    return true;
}

bool dicom_read_set(struct span bytes, enum dicom_syntax syntax,
                    const struct dicom_options *options, struct arena *arena,
                    struct dicom_file **file, struct err *err)
{
    struct dicom_reader reader;
    CLEANUP(buf_free) struct buf undeclared = buf_init(UNDECLARED_BYTES_MAX);
    *file = NULL;
    if (!start_file(&reader, bytes, options, arena, err))
        return false;
    reader.undeclared = &undeclared;
    reader.file->meta = dicom_new_set(&reader, false, true, err);
    if (!reader.file->meta)
        return false;
    reader.file->syntax = syntax;
    reader.file->syntax_uid = dicom_syntax_uid(syntax);
    use_syntax(reader.file, syntax);
    if (!read_data(&reader, 0, options, err) || !guess_charset(&reader, err) ||
        !check_ends(reader.file, err))
        return false;
    *file = reader.file;
    return true;
}
